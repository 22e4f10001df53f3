//! What the engine asks of the program that it is part of: figures of the process, and to be ended.
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Random, Result};

/// The process that the engine is in.
pub trait Process: Send + Sync + fmt::Debug {
    /// What the operating system says of it now.
    fn figures(&self) -> ProcessFigures;

    /// `DEBUG SLEEP`: returns after so long.
    fn pause(&self, duration: Duration);
}

/// A program that exists to serve the engine, and can be told to end.
pub trait Program: Send + Sync + fmt::Debug {
    /// `SHUTDOWN`: ends it, or begins to.
    ///
    /// # Errors
    /// Why it goes on.
    fn shut_down(&self, how: Shutdown) -> Result<()>;

    /// `SHUTDOWN ABORT`: goes on after all. False if nothing had begun.
    fn abort_shutdown(&self) -> bool;
}

/// What an operating system says of a process; what it does not say is 0 or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFigures {
    /// The memory that it has, in bytes.
    pub resident_bytes: u64,
    /// The memory of the machine, in bytes.
    pub system_bytes: u64,
    /// The time that processors spent on it, in microseconds.
    pub user_micros: u64,
    /// The time that processors spent for it in the system, in microseconds.
    pub system_micros: u64,
    /// The path of the program.
    pub executable: String,
    /// The operating system with its version and the machine.
    pub operating_system: String,
}

/// How a program is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Whether a snapshot is written before: `SAVE`, `NOSAVE`, or as the store likes.
    pub save: Option<bool>,
    /// `NOW`: waits for nobody.
    pub now: bool,
    /// `FORCE`: goes even if the snapshot cannot be written.
    pub force: bool,
}

/// What tells this engine from others, in 40 hexadecimal digits.
#[derive(Debug)]
pub(crate) struct Identity {
    run_id: String,
    replication_id: Mutex<String>,
}

fn hexadecimal(random: &Random) -> String {
    let [first, second, third] = [(); 3].map(|()| random.next_u64());
    format!("{first:016x}{second:016x}{:08x}", third as u32)
}

impl Identity {
    pub(crate) fn from_seed(seed: u64) -> Self {
        // Another sequence than that of the engine, which would change with it.
        let random = Random::from_seed(seed.rotate_left(32) ^ 0x5eed);
        Self { run_id: hexadecimal(&random), replication_id: Mutex::new(hexadecimal(&random)) }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    pub(crate) fn replication_id(&self) -> String {
        self.replication_id.lock().clone()
    }

    pub(crate) fn change_replication_id(&self, random: &Random) {
        *self.replication_id.lock() = hexadecimal(random);
    }
}

/// How quickly a count grows, from one look at it to the next.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    looked_at_ms: AtomicI64,
    count: AtomicU64,
    per_second: AtomicU64,
}

impl Rate {
    /// By how much a second it has grown since somebody looked, at least a tenth of a second ago.
    pub(crate) fn look(&self, now_ms: i64, count: u64) -> u64 {
        const SOONEST_MS: i64 = 100;
        let before = self.looked_at_ms.load(Ordering::Relaxed);
        let passed = now_ms - before;
        if before == 0 || !(0..SOONEST_MS).contains(&passed) {
            self.looked_at_ms.store(now_ms, Ordering::Relaxed);
            let grown = count.saturating_sub(self.count.swap(count, Ordering::Relaxed));
            let per_second = if before == 0 { 0 } else { grown * 1000 / passed.max(1) as u64 };
            self.per_second.store(per_second, Ordering::Relaxed);
        }
        self.per_second.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_measured_between_looks() {
        let rate = Rate::default();
        assert_eq!(rate.look(1_000, 50), 0, "nothing to compare with yet");
        assert_eq!(rate.look(3_000, 250), 100);
        assert_eq!(rate.look(3_050, 900), 100, "too soon to know better");
        assert_eq!(rate.look(4_000, 250), 0);
    }

    #[test]
    fn an_identity_is_forty_digits_that_follow_from_the_seed() {
        let (one, again, other) = (Identity::from_seed(1), Identity::from_seed(1), Identity::from_seed(2));
        assert_eq!((one.run_id(), one.run_id().len()), (again.run_id(), 40));
        assert_ne!(one.run_id(), other.run_id());
        assert_ne!(one.run_id(), one.replication_id());
        let before = one.replication_id();
        one.change_replication_id(&Random::from_seed(1));
        assert_ne!(one.replication_id(), before);
    }
}
