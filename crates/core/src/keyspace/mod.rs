//! Keys to shards: a fixed number of slices, each under a lock of its own.
//!
//! Lock order: shards in the order of their index, never two at a time in another way. Nothing else is locked while a shard
//! is, except what a `Journal` locks inside itself.
mod access;
mod database;
mod entry;
mod shard;
pub(crate) mod wheel;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

pub(crate) use access::{AccessPolicy, Tracking};
pub(crate) use database::Database;
pub(crate) use entry::{Content, Entry};
pub(crate) use shard::{Shard, Statistics};

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

pub(crate) type ReadLocks<'e> = Locks<RwLockReadGuard<'e, Shard>>;
pub(crate) type WriteLocks<'e> = Locks<RwLockWriteGuard<'e, Shard>>;

/// The shards that a unit has locked: one for most commands.
#[derive(Debug)]
pub(crate) enum Locks<G> {
    One(usize, G),
    /// In the order of their indexes.
    Many(Vec<(usize, G)>),
}

impl<G> Locks<G> {
    pub(crate) const fn none() -> Self {
        Locks::Many(Vec::new())
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Locks::Many(locks) if locks.is_empty())
    }

    fn position(locks: &[(usize, G)], index: usize) -> Option<usize> {
        match locks.get(index) {
            // All of them: the common case of EXEC and scripts without declared keys.
            Some((at, _)) if *at == index => Some(index),
            _ => locks.binary_search_by_key(&index, |(at, _)| *at).ok(),
        }
    }
}

impl<G: Deref<Target = Shard>> Locks<G> {
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&Shard> {
        match self {
            Locks::One(at, shard) => (*at == index).then_some(&**shard),
            Locks::Many(locks) => Self::position(locks, index).map(|place| &*locks[place].1),
        }
    }

    /// One of them, if there is any.
    #[inline]
    pub(crate) fn first(&self) -> Option<&Shard> {
        match self {
            Locks::One(_, shard) => Some(shard),
            Locks::Many(locks) => locks.first().map(|(_, shard)| &**shard),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Shard)> {
        let (one, many) = match self {
            Locks::One(at, shard) => (Some((*at, &**shard)), &[][..]),
            Locks::Many(locks) => (None, &locks[..]),
        };
        one.into_iter().chain(many.iter().map(|(at, shard)| (*at, &**shard)))
    }
}

impl<G: DerefMut<Target = Shard>> Locks<G> {
    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Shard> {
        match self {
            Locks::One(at, shard) => (*at == index).then_some(&mut **shard),
            Locks::Many(locks) => Self::position(locks, index).map(|place| &mut *locks[place].1),
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        let (one, many) = match self {
            Locks::One(_, shard) => (Some(&mut **shard), &mut [][..]),
            Locks::Many(locks) => (None, &mut locks[..]),
        };
        one.into_iter().chain(many.iter_mut().map(|(_, shard)| &mut **shard))
    }
}

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

    /// The shard of a key with this hash. Tables use the lowest 16 bits and the highest 24.
    #[inline]
    pub(crate) fn index(&self, hash: u64) -> usize {
        (hash >> 16) as usize & (self.slots.len() - 1)
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
        Locks::Many(indexes.into_iter().map(|index| (index, self.read(index))).collect())
    }

    /// Write locks on the shards at `indexes`, which must be sorted and without repetition.
    pub(crate) fn write_many(&self, indexes: impl IntoIterator<Item = usize>) -> WriteLocks<'_> {
        Locks::Many(indexes.into_iter().map(|index| (index, self.write(index))).collect())
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
