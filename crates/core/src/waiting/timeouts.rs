//! When waits are over, and when a caller that waits looks again.
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Queued;
use crate::UnixMs;

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The wait is over.
    End,
    /// There may be something, though nobody has brought it.
    Look,
}

/// The moments of callers that wait, each kept by the thread that looks after the clock.
#[derive(Debug, Default)]
pub(crate) struct Timeouts {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// In the order of the moments, those of one moment in the order in which they were set.
    due: BTreeMap<(UnixMs, u64), (Moment, Weak<dyn Queued>)>,
    count: u64,
}

impl Timeouts {
    /// This is what happens at `at`.
    pub(crate) fn set(&self, at: UnixMs, what: Moment, waiter: &Arc<dyn Queued>) {
        let mut table = self.table.lock();
        table.count += 1;
        let number = table.count;
        table.due.insert((at, number), (what, Arc::downgrade(waiter)));
    }

    /// How many callers wait until a moment.
    pub(crate) fn len(&self) -> usize {
        let is_waiting =
            |waiter: &Weak<dyn Queued>| waiter.upgrade().is_some_and(|waiter| waiter.is_waiting());
        let table = self.table.lock();
        table.due.values().filter(|(what, waiter)| *what == Moment::End && is_waiting(waiter)).count()
    }

    /// Those whose moment has come.
    pub(crate) fn take_due(&self, now: UnixMs) -> Vec<(Moment, Arc<dyn Queued>)> {
        let mut table = self.table.lock();
        let later = table.due.split_off(&(UnixMs(now.0.saturating_add(1)), 0));
        let due = std::mem::replace(&mut table.due, later);
        due.into_values().filter_map(|(what, waiter)| Some((what, waiter.upgrade()?))).collect()
    }

    /// The earliest moment of a caller that still waits.
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        let mut table = self.table.lock();
        loop {
            let entry = table.due.first_entry()?;
            if entry.get().1.upgrade().is_some_and(|waiter| waiter.is_waiting()) {
                return Some(entry.key().0);
            }
            entry.remove();
        }
    }
}
