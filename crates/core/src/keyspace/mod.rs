//! Keys to shards: a fixed number of slices, each under a lock of its own.
//!
//! Lock order: shards in the order of their index, never two at a time in another way. Nothing else is locked while a shard
//! is, except what a `Journal` locks inside itself.
mod access;
mod entry;
mod shard;
pub(crate) mod wheel;

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

pub(crate) use access::{AccessPolicy, Tracking};
pub(crate) use entry::{Entry, KeyBytes};
pub(crate) use shard::{Database, Shard};

use crate::types::TypeSettings;
use crate::{HashSeed, UnixMs};

/// The shards of a store, and how a key finds its own.
#[derive(Debug)]
pub(crate) struct Keyspace {
    slots: Box<[Slot]>,
    seed: HashSeed,
}

/// A shard on cache lines of its own, so that callers of neighbours do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    shard: RwLock<Shard>,
    /// The shard's [`Shard::next_at`], readable without its lock; `i64::MAX` when nothing is due ever.
    next_at: AtomicI64,
}

pub(crate) type ReadLocks<'e> = SmallVec<[(usize, RwLockReadGuard<'e, Shard>); 1]>;
pub(crate) type WriteLocks<'e> = SmallVec<[(usize, RwLockWriteGuard<'e, Shard>); 1]>;

impl Keyspace {
    pub(crate) fn new(shards: usize, settings: &TypeSettings) -> Self {
        assert!(shards.is_power_of_two(), "a shard is picked by some bits of the hash");
        let slot =
            || Slot { shard: RwLock::new(Shard::new(settings.clone())), next_at: AtomicI64::new(i64::MAX) };
        Self { slots: std::iter::repeat_with(slot).take(shards).collect(), seed: settings.hash_seed.clone() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    /// The shard of a key with this hash. Tables use the lowest and the highest bits, so these are from the middle.
    #[inline]
    pub(crate) fn index(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.slots.len() - 1)
    }

    #[inline]
    pub(crate) fn read(&self, index: usize) -> RwLockReadGuard<'_, Shard> {
        self.slots[index].shard.read()
    }

    #[inline]
    pub(crate) fn write(&self, index: usize) -> RwLockWriteGuard<'_, Shard> {
        self.slots[index].shard.write()
    }

    /// Read locks on the shards at `indexes`, which must be sorted and without repetition.
    pub(crate) fn read_many(&self, indexes: impl IntoIterator<Item = usize>) -> ReadLocks<'_> {
        indexes.into_iter().map(|index| (index, self.read(index))).collect()
    }

    /// Write locks on the shards at `indexes`, which must be sorted and without repetition.
    pub(crate) fn write_many(&self, indexes: impl IntoIterator<Item = usize>) -> WriteLocks<'_> {
        indexes.into_iter().map(|index| (index, self.write(index))).collect()
    }

    /// Publishes when a shard, still locked, has something to do. Returns the moment if it is earlier than before.
    #[inline]
    pub(crate) fn publish_next(&self, index: usize, shard: &Shard) -> Option<UnixMs> {
        let next = shard.next_at().map_or(i64::MAX, |at| at.0);
        let before = self.slots[index].next_at.load(Ordering::Relaxed);
        if next != before {
            self.slots[index].next_at.store(next, Ordering::Release);
        }
        (next < before).then_some(UnixMs(next))
    }

    /// When the shard has something to do, at the earliest.
    pub(crate) fn next_at(&self, index: usize) -> UnixMs {
        UnixMs(self.slots[index].next_at.load(Ordering::Acquire))
    }
}

/// The sorted indexes of the shards of some keys.
pub(crate) type Indexes = SmallVec<[usize; 4]>;

/// Looks a shard up among those that are locked. `locks` is sorted by index.
#[inline]
pub(crate) fn position<G>(locks: &[(usize, G)], index: usize) -> Option<usize> {
    match locks {
        [(only, _)] => (*only == index).then_some(0),
        // All of them: the common case of EXEC and scripts without declared keys.
        _ if locks.get(index).is_some_and(|(at, _)| *at == index) => Some(index),
        _ => locks.binary_search_by_key(&index, |(at, _)| *at).ok(),
    }
}
