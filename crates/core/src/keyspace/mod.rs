//! Keys to shards: a fixed number of slices, each under a lock of its own.
//!
//! Lock order: shards in the order of their index, never two at a time in another way. Nothing else is locked while a shard
//! is, except what a `Journal` locks inside itself.
mod access;
mod callers;
mod counters;
mod database;
mod entry;
mod shard;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;

pub use access::PastUse;
pub(crate) use access::{Access, AccessPolicy, Tracking};
pub(crate) use callers::{Touch, WatchFlag};
pub(crate) use counters::{Counters, Statistics};
pub(crate) use database::{Database, Deadlines, EntryMut, Expired, Gone, Taken};
pub(crate) use entry::{Content, Entry};
pub(crate) use shard::Shard;

pub(crate) use crate::extendible::Place;

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

pub(crate) type WriteLocks<'e> = Locks<RwLockWriteGuard<'e, Shard>>;

/// The shards that a unit has locked: one for most commands.
#[derive(Debug)]
pub(crate) enum Locks<G> {
    One(usize, G),
    /// Each at its index, and nothing in the places of others.
    Many(Vec<Option<G>>),
}

impl<G> Locks<G> {
    pub(crate) const fn none() -> Self {
        Locks::Many(Vec::new())
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Locks::Many(locks) if locks.is_empty())
    }

    /// Locks the shards at `indexes`, which must be sorted and without repetition.
    #[inline]
    pub(crate) fn many(indexes: impl IntoIterator<Item = usize>, lock: impl Fn(usize) -> G) -> Self {
        let mut locks = Vec::new();
        for index in indexes {
            locks.resize_with(index, || None);
            locks.push(Some(lock(index)));
        }
        Locks::Many(locks)
    }
}

impl<G> Locks<G> {
    /// Adds those of `count` shards that are not among them, in the order of their indexes. `lock` is told whether it may wait: whoever waits
    /// for the shards above all that he has waits for nobody who waits for him. False, and the rest is left out, if it does not lock one.
    pub(crate) fn fill(&mut self, count: usize, mut lock: impl FnMut(usize, bool) -> Option<G>) -> bool {
        let mut locks = Vec::with_capacity(count);
        match std::mem::replace(self, Self::none()) {
            Locks::One(at, first) => {
                locks.resize_with(at, || None);
                locks.push(Some(first));
            }
            Locks::Many(some) => locks.extend(some),
        }
        let above = locks.len();
        locks.resize_with(count, || None);
        let free = locks.iter_mut().enumerate().filter(|(_, held)| held.is_none());
        let is_full = free.into_iter().all(|(index, place)| {
            *place = lock(index, index >= above);
            place.is_some()
        });
        *self = Locks::Many(locks);
        is_full
    }

    /// Adds a lock on a shard that is not among them.
    pub(crate) fn add(&mut self, index: usize, guard: G) {
        let mut locks = match std::mem::replace(self, Self::none()) {
            Locks::One(at, first) => {
                let mut locks: Vec<Option<G>> = Vec::new();
                locks.resize_with(at + 1, || None);
                locks[at] = Some(first);
                locks
            }
            Locks::Many(locks) => locks,
        };
        if locks.len() <= index {
            locks.resize_with(index + 1, || None);
        }
        locks[index] = Some(guard);
        *self = Locks::Many(locks);
    }
}

impl<G: Deref<Target = Shard>> Locks<G> {
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&Shard> {
        match self {
            Locks::One(at, shard) => (*at == index).then_some(&**shard),
            Locks::Many(locks) => locks.get(index)?.as_deref(),
        }
    }

    /// One of them, if there is any.
    #[inline]
    pub(crate) fn first(&self) -> Option<(usize, &Shard)> {
        match self {
            Locks::One(index, shard) => Some((*index, shard)),
            Locks::Many(_) => self.iter().next(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Shard)> {
        let (one, many) = match self {
            Locks::One(at, shard) => (Some((*at, &**shard)), &[][..]),
            Locks::Many(locks) => (None, &locks[..]),
        };
        one.into_iter().chain(many.iter().enumerate().filter_map(|(at, shard)| Some((at, shard.as_deref()?))))
    }
}

impl<G: DerefMut<Target = Shard>> Locks<G> {
    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Shard> {
        match self {
            Locks::One(at, shard) => (*at == index).then_some(&mut **shard),
            Locks::Many(locks) => locks.get_mut(index)?.as_deref_mut(),
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Shard)> {
        let (one, many) = match self {
            Locks::One(at, shard) => (Some((*at, &mut **shard)), &mut [][..]),
            Locks::Many(locks) => (None, &mut locks[..]),
        };
        let many = many.iter_mut().enumerate();
        one.into_iter().chain(many.filter_map(|(at, shard)| Some((at, shard.as_deref_mut()?))))
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

    /// Write locks on the shards at `indexes`, which must be sorted and without repetition.
    pub(crate) fn write_many(&self, indexes: impl IntoIterator<Item = usize>) -> WriteLocks<'_> {
        Locks::many(indexes, |index| self.write(index))
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

    /// A write lock on a shard, if nobody has it.
    pub(crate) fn try_write(&self, index: usize) -> Option<RwLockWriteGuard<'_, Shard>> {
        self.slots[index].shard.try_write()
    }

    /// A read lock on a shard, if nobody has it in the way.
    pub(crate) fn try_read(&self, index: usize) -> Option<RwLockReadGuard<'_, Shard>> {
        self.slots[index].shard.try_read()
    }

    /// What was counted so far.
    pub(crate) fn statistics(&self) -> Statistics {
        self.slots.iter().fold(Statistics::default(), |sum, slot| sum + slot.counters.statistics())
    }

    /// How many changes went to the journal.
    pub(crate) fn changes(&self) -> u64 {
        self.slots.iter().map(|slot| slot.counters.changes()).sum()
    }

    /// When the shard has something to do, at the earliest.
    pub(crate) fn next_at(&self, index: usize) -> UnixMs {
        UnixMs(self.slots[index].next_at.load(Ordering::Acquire))
    }
}

/// Some of the shards.
#[derive(Debug)]
pub(crate) struct ShardSet(SmallVec<[u64; 2]>);

impl ShardSet {
    /// Without any, of so many.
    pub(crate) fn new(shards: usize) -> Self {
        Self(SmallVec::from_elem(0, shards.div_ceil(u64::BITS as usize)))
    }

    #[inline]
    pub(crate) fn insert(&mut self, index: usize) {
        self.0[index / u64::BITS as usize] |= 1 << (index % u64::BITS as usize);
    }

    /// Their indexes in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            let mut rest = bits;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < u64::BITS).then_some(word * u64::BITS as usize + bit as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_shards_has_each_once_and_in_order(indexes in prop::collection::vec(0_usize..200, 0..40)) {
            let mut set = ShardSet::new(200);
            indexes.iter().for_each(|index| set.insert(*index));
            prop_assert!(set.iter().eq(BTreeSet::from_iter(indexes)));
        }

        #[test]
        fn shards_are_found_among_those_that_are_locked(indexes in prop::collection::btree_set(0_usize..16, 0..16)) {
            let keyspace = Keyspace::new(16, &TypeSettings::default());
            let mut locks = keyspace.write_many(indexes.iter().copied());
            for index in 0..20 {
                prop_assert_eq!(locks.get(index).is_some(), indexes.contains(&index));
                prop_assert_eq!(locks.get_mut(index).is_some(), indexes.contains(&index));
            }
            prop_assert_eq!(locks.first().map(|(index, _)| index), indexes.first().copied());
            prop_assert!(locks.iter().map(|(index, _)| index).eq(indexes.iter().copied()));
            prop_assert_eq!(locks.is_none(), indexes.is_empty());
        }
    }
}
