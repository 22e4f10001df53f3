//! What INFO reports of what happened, counted shard by shard.
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of a shard, beside its lock. Readers write them too, a load and a store each: two that meet in the same shard may
/// count as one, which is cheaper by far than a number that all of them fight for.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commands: AtomicU64,
    expired_keys: AtomicU64,
    expired_elements: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Changes that went to the journal, by units that locked this shard first. Not what is counted from zero again: others keep
    /// what it was at some moment.
    changes: AtomicU64,
}

#[inline]
fn count(counter: &AtomicU64) -> u64 {
    let counted = counter.load(Ordering::Relaxed) + 1;
    counter.store(counted, Ordering::Relaxed);
    counted
}

impl Counters {
    /// A lookup that found its key, or did not. Returns how many there were of its kind.
    #[inline]
    pub(crate) fn count_lookup(&self, hit: bool) -> u64 {
        count(if hit { &self.hits } else { &self.misses })
    }

    /// A command that was a unit of its own and locked this shard first.
    #[inline]
    pub(crate) fn count_command(&self) {
        count(&self.commands);
    }

    /// A key that was found expired and removed.
    pub(crate) fn count_expired(&self) {
        count(&self.expired_keys);
    }

    /// Elements of a collection that were found expired and removed.
    pub(crate) fn count_expired_elements(&self, elements: usize) {
        let counted = self.expired_elements.load(Ordering::Relaxed) + elements as u64;
        self.expired_elements.store(counted, Ordering::Relaxed);
    }

    /// Changes that go to the journal.
    #[inline]
    pub(crate) fn count_changes(&self, changes: u64) {
        self.changes.store(self.changes() + changes, Ordering::Relaxed);
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            commands: read(&self.commands),
            expired_keys: read(&self.expired_keys),
            expired_elements: read(&self.expired_elements),
            hits: read(&self.hits),
            misses: read(&self.misses),
        }
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        let Self { commands, expired_keys, expired_elements, hits, misses, changes: _ } = self;
        for counter in [commands, expired_keys, expired_elements, hits, misses] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// What INFO reports of what happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Commands that were units of their own and locked this shard first.
    pub(crate) commands: u64,
    pub(crate) expired_keys: u64,
    /// Fields of hashes, and whatever else has a deadline inside of a value.
    pub(crate) expired_elements: u64,
    /// Lookups that found their key.
    pub(crate) hits: u64,
    /// Lookups that did not.
    pub(crate) misses: u64,
}

impl Add for Statistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            commands: self.commands + other.commands,
            expired_keys: self.expired_keys + other.expired_keys,
            expired_elements: self.expired_elements + other.expired_elements,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
        }
    }
}
