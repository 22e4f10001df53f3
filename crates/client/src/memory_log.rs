//! The log of a store in memory: the last units, for those who read changes.
use std::collections::VecDeque;

use event_listener::{Event, EventListener, IntoNotification};
use parking_lot::Mutex;
use redlet_core::{Journal, Result};
use redlet_persist::Error;

/// The last units of a store, as many as fit.
#[derive(Debug)]
pub(crate) struct MemoryLog {
    kept: Mutex<Kept>,
    grown: Event,
    keep_bytes: u64,
}

#[derive(Debug)]
struct Kept {
    first_unit: u64,
    units: VecDeque<Box<[u8]>>,
    bytes: u64,
}

impl Kept {
    fn next_unit(&self) -> u64 {
        self.first_unit + self.units.len() as u64
    }
}

impl MemoryLog {
    pub(crate) fn new(keep_bytes: u64) -> Self {
        let kept = Kept { first_unit: 1, units: VecDeque::new(), bytes: 0 };
        Self { kept: Mutex::new(kept), grown: Event::new(), keep_bytes }
    }

    /// The oldest unit that is kept, and the one that happens next.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let kept = self.kept.lock();
        (kept.first_unit, kept.next_unit())
    }

    /// A unit; `None` for the one that happens next.
    pub(crate) fn read(&self, unit: u64) -> Result<Option<Box<[u8]>>, Error> {
        let kept = self.kept.lock();
        let next = kept.next_unit();
        if unit > next {
            return Err(Error::Ahead { wanted: unit, next });
        }
        let Some(at) = unit.checked_sub(kept.first_unit) else {
            return Err(Error::Gone { wanted: unit, oldest: kept.first_unit });
        };
        Ok(kept.units.get(at as usize).cloned())
    }

    pub(crate) fn listen(&self) -> EventListener {
        self.grown.listen()
    }

    /// No lock may be held: readers are woken here.
    pub(crate) fn wake_readers(&self) {
        // Without a fence: whoever listened before a unit was taken has been in the lock before it, to look.
        self.grown.notify(usize::MAX.relaxed());
    }
}

impl Journal for MemoryLog {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn append(&self, effects: &[u8]) -> u64 {
        let mut kept = self.kept.lock();
        let unit = kept.next_unit();
        kept.bytes += effects.len() as u64;
        kept.units.push_back(effects.into());
        while kept.bytes > self.keep_bytes
            && let Some(oldest) = kept.units.pop_front()
        {
            kept.bytes -= oldest.len() as u64;
            kept.first_unit += 1;
        }
        unit
    }

    fn commit(&self, _: u64) -> Result<()> {
        self.wake_readers();
        Ok(())
    }
}
