//! Keys to shards: a fixed number of slices, each under a lock of its own.
//!
//! Lock order: shards in the order of their index, never two at a time in another way. Nothing else is locked while a shard
//! is, except what a `Journal` locks inside itself.
mod access;
mod counters;
mod database;
mod entry;
mod shard;
pub(crate) mod wheel;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

pub(crate) use access::{Access, AccessPolicy, Tracking};
pub(crate) use counters::{Counters, Statistics};
pub(crate) use database::{Database, Taken};
pub(crate) use entry::{Content, Entry};
pub(crate) use shard::Shard;

use crate::types::TypeSettings;
use crate::{HashSeed, UnixMs};

/// The shards of a store, and how a key finds its own.
#[derive(Debug)]
pub(crate) struct Keyspace {
    slots: Box<[Slot]>,
    seed: HashSeed,
}

/// A shard on cache lines of its own, so that callers of neighbours do not slow each other down. In the order of use: what every
/// lookup touches lies beside the lock.
#[derive(Debug)]
#[repr(C, align(128))]
struct Slot {
    counters: Counters,
    shard: RwLock<Shard>,
    /// The shard's [`Shard::next_at`], readable without its lock; `i64::MAX` when nothing is due ever.
    next_at: AtomicI64,
    /// Its [`Shard::used_bytes`] and [`Shard::keys`], likewise.
    used_bytes: AtomicUsize,
    keys: AtomicUsize,
}

/// What changed with a unit, as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// When the shard has something to do, if that is earlier than before.
    pub(crate) earlier: Option<UnixMs>,
    /// By how much its bytes became more.
    pub(crate) more_bytes: isize,
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
    pub(crate) fn first(&self) -> Option<(usize, &Shard)> {
        match self {
            Locks::One(index, shard) => Some((*index, shard)),
            Locks::Many(locks) => locks.first().map(|(index, shard)| (*index, &**shard)),
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

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Shard)> {
        let (one, many) = match self {
            Locks::One(at, shard) => (Some((*at, &mut **shard)), &mut [][..]),
            Locks::Many(locks) => (None, &mut locks[..]),
        };
        one.into_iter().chain(many.iter_mut().map(|(at, shard)| (*at, &mut **shard)))
    }
}

impl Keyspace {
    pub(crate) fn new(shards: usize, settings: &TypeSettings) -> Self {
        assert!(shards.is_power_of_two(), "a shard is picked by some bits of the hash");
        let slot = || Slot {
            counters: Counters::default(),
            shard: RwLock::new(Shard::new(settings.clone())),
            next_at: AtomicI64::new(i64::MAX),
            used_bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
        };
        Self { slots: std::iter::repeat_with(slot).take(shards).collect(), seed: settings.hash_seed.clone() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    /// The shard of a key with this hash. Tables use the lowest 16 bits and the highest 16.
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

    /// Publishes what is to be seen of a shard, still locked, without its lock.
    #[inline]
    pub(crate) fn publish(&self, index: usize, shard: &Shard) -> Published {
        let slot = &self.slots[index];
        let next = shard.next_at().map_or(i64::MAX, |at| at.0);
        let before = slot.next_at.load(Ordering::Relaxed);
        if next != before {
            slot.next_at.store(next, Ordering::Release);
        }
        let used = shard.used_bytes();
        let used_before = slot.used_bytes.load(Ordering::Relaxed);
        if used != used_before {
            slot.used_bytes.store(used, Ordering::Relaxed);
            slot.keys.store(shard.keys(), Ordering::Relaxed);
        }
        Published {
            earlier: (next < before).then_some(UnixMs(next)),
            more_bytes: used.wrapping_sub(used_before).cast_signed(),
        }
    }

    /// What all shards take, as it was published.
    pub(crate) fn used_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.used_bytes.load(Ordering::Relaxed)).sum()
    }

    /// What an empty keyspace takes.
    pub(crate) fn fixed_bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// How many keys all shards have, as it was published.
    pub(crate) fn keys(&self) -> usize {
        self.slots.iter().map(|slot| slot.keys.load(Ordering::Relaxed)).sum()
    }

    /// How many keys a shard has, as it was published.
    pub(crate) fn keys_of(&self, index: usize) -> usize {
        self.slots[index].keys.load(Ordering::Relaxed)
    }

    /// What is counted of a shard.
    #[inline]
    pub(crate) fn counters(&self, index: usize) -> &Counters {
        &self.slots[index].counters
    }

    /// A read lock on a shard, if nobody has it in the way.
    pub(crate) fn try_read(&self, index: usize) -> Option<RwLockReadGuard<'_, Shard>> {
        self.slots[index].shard.try_read()
    }

    /// What was counted so far.
    pub(crate) fn statistics(&self) -> Statistics {
        self.slots.iter().fold(Statistics::default(), |sum, slot| sum + slot.counters.statistics())
    }

    /// When the shard has something to do, at the earliest.
    pub(crate) fn next_at(&self, index: usize) -> UnixMs {
        UnixMs(self.slots[index].next_at.load(Ordering::Acquire))
    }
}

/// The sorted indexes of the shards of some keys.
pub(crate) type Indexes = SmallVec<[usize; 4]>;
