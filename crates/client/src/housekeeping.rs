//! The one background thread of a store: it reclaims expired keys, frees big values, writes and syncs the log, and makes
//! snapshots.
//!
//! It is started when there is something to do for the first time, and sleeps without waking while there is not.
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use redlet_core::{Due, Garbage, UnixMs};

use crate::redis::Core;
use crate::store::{self, Disk};

/// What there is to do.
#[derive(Debug, Default)]
struct Work {
    /// When a key expires or a snapshot is tried again, the earliest.
    due: Option<UnixMs>,
    /// When a wait ends, the earliest.
    wait_ends: Option<UnixMs>,
    /// The log has something that is not in its file, or not synced.
    dirty: bool,
    /// Big values to be freed.
    garbage: Vec<Garbage>,
    stop: bool,
}

/// Where work is left for the thread.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    work: Mutex<Work>,
    changed: Condvar,
}

impl Desk {
    pub(crate) fn wake_at(&self, at: UnixMs) {
        let mut work = self.work.lock();
        work.due = Some(work.due.map_or(at, |due| due.min(at)));
        self.changed.notify_one();
    }

    /// The same for what the engine's alarm tells.
    pub(crate) fn wake_for(&self, due: Due, at: UnixMs) {
        match due {
            Due::Keys => self.wake_at(at),
            Due::Waits => {
                let mut work = self.work.lock();
                work.wait_ends = Some(work.wait_ends.map_or(at, |ends| ends.min(at)));
                self.changed.notify_one();
            }
        }
    }

    pub(crate) fn write_log(&self) {
        let mut work = self.work.lock();
        if !work.dirty {
            work.dirty = true;
            self.changed.notify_one();
        }
    }

    pub(crate) fn free(&self, garbage: Garbage) {
        self.work.lock().garbage.push(garbage);
        self.changed.notify_one();
    }

    fn stop(&self) {
        self.work.lock().stop = true;
        self.changed.notify_one();
    }
}

/// The thread, once it was started.
#[derive(Debug, Default)]
pub(crate) struct Housekeeper(Mutex<Option<JoinHandle<()>>>);

/// How many keys are reclaimed before the log is looked after again.
const KEYS_AT_A_TIME: usize = 400_000;
/// Keys that expire one after the other are reclaimed in groups: the thread sleeps so long between them.
const BREATH: Duration = Duration::from_millis(10);
/// What `everysec` promises.
const SYNC_INTERVAL_MS: i64 = 1000;

impl Housekeeper {
    /// Starts the thread unless it runs.
    #[expect(clippy::disallowed_methods, reason = "the facade is where threads belong")]
    pub(crate) fn start(&self, core: &Arc<Core>) {
        let mut thread = self.0.lock();
        if thread.is_none() {
            let core = Arc::clone(core);
            *thread = Some(std::thread::spawn(move || keep_house(&core)));
        }
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(&self, core: &Core) {
        core.desk.stop();
        if let Some(thread) = self.0.lock().take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic in the thread was printed by it; there is nobody to hand it on to here.
            let _ = thread.join();
        }
    }
}

/// How long it is until then: not more than an hour, in case the clock is set.
fn until(now: UnixMs, at: UnixMs) -> Duration {
    Duration::from_millis(at.0.saturating_sub(now.0).clamp(0, 3_600_000) as u64)
}

/// Tells those whose waits are over, without the desk's lock, because they run.
fn end_waits(core: &Core, work: &mut MutexGuard<'_, Work>) {
    work.wait_ends = None;
    MutexGuard::unlocked(work, || {
        if let Some(at) = core.engine.end_waits().into_iter().chain(core.ring()).min() {
            core.desk.wake_for(Due::Waits, at);
        }
    });
}

fn keep_house(core: &Arc<Core>) {
    let mut synced_at = UnixMs(i64::MIN);
    loop {
        let now = core.engine.clock().now();
        let (expire, dirty, garbage) = {
            let mut work = core.desk.work.lock();
            loop {
                if work.stop {
                    return;
                }
                let now = core.engine.clock().now();
                if work.wait_ends.is_some_and(|at| at <= now) {
                    end_waits(core, &mut work);
                    continue;
                }
                let keys_in = work.due.map(|at| until(now, at));
                if work.dirty || keys_in == Some(Duration::ZERO) || !work.garbage.is_empty() {
                    break;
                }
                // Those who wait are told in time; keys may go together.
                let pause = keys_in.map(|pause| pause.max(BREATH)).into_iter();
                match pause.chain(work.wait_ends.map(|at| until(now, at))).min() {
                    None => core.desk.changed.wait(&mut work),
                    Some(pause) => drop(core.desk.changed.wait_for(&mut work, pause)),
                }
            }
            let expire = work.due.is_some_and(|at| at <= now);
            if expire {
                work.due = None;
            }
            (expire, std::mem::take(&mut work.dirty), std::mem::take(&mut work.garbage))
        };
        drop(garbage);
        if expire {
            let tick = core.tick(KEYS_AT_A_TIME);
            if let Some(at) = tick.next_at {
                core.desk.wake_at(at);
            }
        }
        if let Some(disk) = &core.disk {
            if dirty {
                let now = core.engine.clock().now();
                let is_time = now.0.saturating_sub(synced_at.0) >= SYNC_INTERVAL_MS || now < synced_at;
                // A failure latches inside and is told to the next writer.
                if store::syncs_by_time(disk) && is_time {
                    let _ = disk.writer().sync();
                    synced_at = now;
                } else {
                    let _ = disk.writer().flush();
                }
                if store::syncs_by_time(disk) && disk.writer().has_unsynced() {
                    core.desk.work.lock().dirty = true;
                }
            }
            match disk.checkpoint_at(&core.engine) {
                Some(at) if at <= core.engine.clock().now() => {
                    Disk::checkpoint_in_background(core);
                }
                Some(at) => core.desk.wake_at(at),
                None => {}
            }
        }
        if dirty || expire {
            // Lets writes gather, so that a busy store wakes this thread a hundred times a second and not for each of them.
            let mut work = core.desk.work.lock();
            let now = core.engine.clock().now();
            let breath = work.wait_ends.map_or(BREATH, |at| until(now, at).min(BREATH));
            if !work.stop {
                core.desk.changed.wait_for(&mut work, breath);
            }
        }
    }
}
