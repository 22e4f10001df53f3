//! The hash table under the keyspace and under big sets, hashes and sorted sets: linear hashing.
//!
//! The table grows and shrinks by one bucket at a time (W. Litwin, "Linear hashing: a new tool for file and table addressing",
//! VLDB 1980), so no insertion ever waits for a rehash of the whole. A bucket has six places and a chain of further
//! buckets; for values of the size of a pointer it is one cache line:
//!
//! ```text
//! | tag tag tag tag tag tag  -  - | value | value | value | value | value | value | overflow |
//!   one byte each, 0 for empty      six of 8 bytes                                  8 bytes
//! ```
//!
//! A tag is seven bits of the hash: most values that are not the wanted one are passed over without being looked at. The
//! number of a bucket is made of the lowest bits of the hash, so that a scan can follow the order of their reversal.
use crate::Random;

/// Places in a bucket.
const SLOTS: usize = 6;
/// The table splits a bucket when it has more than so many values per bucket. Four of six: one in nine buckets overflows.
const MAX_LOAD: usize = 4;
/// Buckets are allocated in segments of so many, so that growing copies at most one of them.
const SEGMENT: usize = 256;

/// An unordered collection of values that are found by a hash.
#[derive(Clone, Debug)]
pub struct Table<T> {
    segments: Vec<Vec<Bucket<T>>>,
    buckets: usize,
    len: usize,
    /// The most buckets that were ever chained together.
    longest_chain: usize,
    overflow_buckets: usize,
}

#[derive(Clone, Debug)]
struct Bucket<T> {
    /// One byte for each slot, lowest first.
    tags: u64,
    slots: [Option<T>; SLOTS],
    overflow: Option<Box<Bucket<T>>>,
}

const LOW_BITS: u64 = 0x0000_0101_0101_0101;
const HIGH_BITS: u64 = 0x0000_8080_8080_8080;

/// Never 0, which marks an empty slot.
#[inline]
fn tag_of(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}

impl<T> Bucket<T> {
    fn new() -> Self {
        Self { tags: 0, slots: [const { None }; SLOTS], overflow: None }
    }

    /// Slots whose tag is, or may be, `tag`: a false one can only follow a true one.
    #[inline]
    fn candidates(&self, tag: u8) -> u64 {
        let differing = self.tags ^ (LOW_BITS * u64::from(tag));
        differing.wrapping_sub(LOW_BITS) & !differing & HIGH_BITS
    }

    fn free_slot(&self) -> Option<usize> {
        let free = !self.tags & HIGH_BITS;
        (free != 0).then(|| free.trailing_zeros() as usize / 8)
    }

    #[inline]
    fn position(&self, tag: u8, eq: &mut impl FnMut(&T) -> bool) -> Option<usize> {
        let mut candidates = self.candidates(tag);
        while candidates != 0 {
            let slot = candidates.trailing_zeros() as usize / 8;
            if self.slots[slot].as_ref().is_some_and(&mut *eq) {
                return Some(slot);
            }
            candidates &= candidates - 1;
        }
        None
    }

    fn put(&mut self, slot: usize, tag: u8, value: T) {
        debug_assert!(self.slots[slot].is_none(), "a slot is filled once");
        self.tags |= u64::from(tag) << (slot * 8);
        self.slots[slot] = Some(value);
    }

    fn take(&mut self, slot: usize) -> Option<(u8, T)> {
        let value = self.slots[slot].take()?;
        let tag = (self.tags >> (slot * 8)) as u8;
        self.tags &= !(0xff << (slot * 8));
        Some((tag, value))
    }

    fn is_empty(&self) -> bool {
        self.tags == 0
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |bucket| bucket.overflow.as_deref())
    }

    fn values(&self) -> impl Iterator<Item = &T> {
        self.chain().flat_map(|bucket| bucket.slots.iter().flatten())
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    /// An empty table; nothing is allocated until the first value.
    pub const fn new() -> Self {
        Self { segments: Vec::new(), buckets: 0, len: 0, longest_chain: 1, overflow_buckets: 0 }
    }

    /// How many values it has.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bucket of a hash: by as many bits as number the buckets, or one less where the bucket of the longer number is not
    /// there yet.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        let mask = self.buckets.next_power_of_two() - 1;
        let index = hash as usize & mask;
        if index < self.buckets { index } else { index & (mask >> 1) }
    }

    #[inline]
    fn bucket(&self, index: usize) -> &Bucket<T> {
        &self.segments[index / SEGMENT][index % SEGMENT]
    }

    #[inline]
    fn bucket_mut(&mut self, index: usize) -> &mut Bucket<T> {
        &mut self.segments[index / SEGMENT][index % SEGMENT]
    }

    /// The value with this hash for which `eq` says yes.
    #[inline]
    pub fn get(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<&T> {
        if self.buckets == 0 {
            return None;
        }
        let tag = tag_of(hash);
        let mut bucket = self.bucket(self.index(hash));
        loop {
            if let Some(slot) = bucket.position(tag, &mut eq) {
                return bucket.slots[slot].as_ref();
            }
            bucket = bucket.overflow.as_deref()?;
        }
    }

    /// The value with this hash for which `eq` says yes, to change; its hash must stay the same.
    #[inline]
    pub fn get_mut(&mut self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        if self.buckets == 0 {
            return None;
        }
        let tag = tag_of(hash);
        let mut bucket = self.bucket_mut(self.index(hash));
        loop {
            if let Some(slot) = bucket.position(tag, &mut eq) {
                return bucket.slots[slot].as_mut();
            }
            bucket = bucket.overflow.as_deref_mut()?;
        }
    }

    /// Adds a value that is not there yet. `rehash` gives the hash of a value that is; it is asked for those of one bucket
    /// at most.
    pub fn insert_unique(&mut self, hash: u64, value: T, rehash: impl Fn(&T) -> u64) -> &mut T {
        if self.len >= self.buckets * MAX_LOAD {
            self.split(&rehash);
        }
        self.len += 1;
        self.place(self.index(hash), tag_of(hash), value)
    }

    fn place(&mut self, index: usize, tag: u8, value: T) -> &mut T {
        let (mut depth, mut added) = (1, false);
        let mut bucket = &mut self.segments[index / SEGMENT][index % SEGMENT];
        while bucket.free_slot().is_none() {
            depth += 1;
            bucket = bucket.overflow.get_or_insert_with(|| {
                added = true;
                Box::new(Bucket::new())
            });
        }
        self.longest_chain = self.longest_chain.max(depth);
        self.overflow_buckets += usize::from(added);
        let slot = bucket.free_slot().unwrap_or_default();
        bucket.put(slot, tag, value);
        bucket.slots[slot].as_mut().expect("it was put there")
    }

    /// Adds a bucket and moves to it what belongs there from the one bucket that it divides.
    fn split(&mut self, rehash: &impl Fn(&T) -> u64) {
        let new = self.buckets;
        match self.segments.last_mut() {
            Some(segment) if segment.len() < SEGMENT => segment.push(Bucket::new()),
            _ => {
                // Only the first segment begins small: most tables never have another.
                let mut segment = Vec::with_capacity(if new == 0 { 1 } else { SEGMENT });
                segment.push(Bucket::new());
                self.segments.push(segment);
            }
        }
        self.buckets += 1;
        if new > 0 {
            let divided = new - (1 << new.ilog2());
            self.redistribute(divided, rehash);
        }
    }

    /// Puts what is in a bucket to where it belongs now.
    fn redistribute(&mut self, index: usize, rehash: &impl Fn(&T) -> u64) {
        let bucket = std::mem::replace(self.bucket_mut(index), Bucket::new());
        self.place_all(bucket, rehash);
    }

    fn place_all(&mut self, bucket: Bucket<T>, rehash: &impl Fn(&T) -> u64) {
        self.overflow_buckets -= bucket.chain().count() - 1;
        let mut next = Some(Box::new(bucket));
        while let Some(mut bucket) = next {
            for value in bucket.slots.iter_mut().filter_map(Option::take) {
                let hash = rehash(&value);
                self.place(self.index(hash), tag_of(hash), value);
            }
            next = bucket.overflow.take();
        }
    }

    /// Takes out the value with this hash for which `eq` says yes. `rehash` is asked for the values of one bucket at most.
    pub fn remove(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&T) -> bool,
        rehash: impl Fn(&T) -> u64,
    ) -> Option<T> {
        if self.buckets == 0 {
            return None;
        }
        let index = self.index(hash);
        let (value, dropped) = remove_from(self.bucket_mut(index), tag_of(hash), &mut eq)?;
        self.overflow_buckets -= usize::from(dropped);
        self.len -= 1;
        if self.len == 0 {
            *self = Self::new();
        } else if self.len < self.buckets {
            self.merge(&rehash);
        }
        Some(value)
    }

    /// Takes away the last bucket and moves what is in it back to the bucket that it once divided.
    fn merge(&mut self, rehash: &impl Fn(&T) -> u64) {
        let Some(segment) = self.segments.last_mut() else { return };
        let Some(last) = segment.pop() else { return };
        if segment.is_empty() {
            self.segments.pop();
        }
        self.buckets -= 1;
        self.place_all(last, rehash);
    }

    /// Takes out all values.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The values in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten().flat_map(Bucket::values)
    }

    /// Shows every value to `visit`, to change; its hash must stay the same.
    pub fn for_each_mut(&mut self, mut visit: impl FnMut(&mut T)) {
        for bucket in self.segments.iter_mut().flatten() {
            let mut next = Some(bucket);
            while let Some(bucket) = next {
                bucket.slots.iter_mut().flatten().for_each(&mut visit);
                next = bucket.overflow.as_deref_mut();
            }
        }
    }

    /// Shows the values of one bucket to `visit` and returns where to go on: a cursor that is 0 when all were shown.
    ///
    /// A value that is there from the first step (from cursor 0) to the last is shown at least once, however the table grows and
    /// shrinks between the steps. The buckets come in the order of their reversed numbers, as in Redis's SCAN: every
    /// bucket covers an interval of the reversed hashes, and a split or a merge only changes how finely.
    pub fn scan(&self, cursor: u64, visit: impl FnMut(&T)) -> u64 {
        if self.buckets == 0 {
            return 0;
        }
        // Buckets that were divided in this round, and their halves, are numbered by all bits; the others by one less.
        let longer = self.buckets.next_power_of_two() as u64 - 1;
        let shorter = longer >> 1;
        let divided = self.buckets as u64 - (shorter + 1).min(self.buckets as u64);
        let mask = if cursor & shorter < divided { longer } else { shorter };
        self.bucket((cursor & mask) as usize).values().for_each(visit);
        (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// Some value, each equally likely: a place is drawn among as many as the longest chain has in every bucket, until
    /// one that is taken comes up.
    pub fn random(&self, random: &Random) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        loop {
            let mut bucket = self.bucket(random.below(self.buckets as u64) as usize);
            let place = random.below((self.longest_chain * SLOTS) as u64) as usize;
            let mut hops = place / SLOTS;
            while hops > 0
                && let Some(next) = bucket.overflow.as_deref()
            {
                bucket = next;
                hops -= 1;
            }
            if hops == 0
                && let Some(value) = &bucket.slots[place % SLOTS]
            {
                return Some(value);
            }
        }
    }

    /// The bytes of the buckets themselves, without what the values own.
    pub fn allocated_bytes(&self) -> usize {
        let segments: usize = self.segments.iter().map(Vec::capacity).sum();
        (segments + self.overflow_buckets) * size_of::<Bucket<T>>()
            + self.segments.capacity() * size_of::<Vec<Bucket<T>>>()
    }
}

/// Takes a value out of a chain and fills its place from the chain's end, so that chains stay as short as they can be.
/// Also says whether a bucket was dropped.
fn remove_from<T>(bucket: &mut Bucket<T>, tag: u8, eq: &mut impl FnMut(&T) -> bool) -> Option<(T, bool)> {
    if let Some(slot) = bucket.position(tag, eq) {
        let (_, value) = bucket.take(slot)?;
        let mut dropped = false;
        if let Some(overflow) = &mut bucket.overflow {
            let last = pop_last(overflow);
            if overflow.is_empty() {
                bucket.overflow = None;
                dropped = true;
            } else {
                dropped = last.as_ref().is_some_and(|(_, _, dropped)| *dropped);
            }
            if let Some((tag, value, _)) = last {
                bucket.put(slot, tag, value);
            }
        }
        return Some((value, dropped));
    }
    let overflow = bucket.overflow.as_mut()?;
    let (value, mut dropped) = remove_from(overflow, tag, eq)?;
    if overflow.is_empty() {
        bucket.overflow = None;
        dropped = true;
    }
    Some((value, dropped))
}

/// Takes the last value of a chain, and says whether a bucket was dropped on the way.
fn pop_last<T>(bucket: &mut Bucket<T>) -> Option<(u8, T, bool)> {
    if let Some(overflow) = &mut bucket.overflow {
        let (tag, value, mut dropped) = pop_last(overflow)?;
        if overflow.is_empty() {
            bucket.overflow = None;
            dropped = true;
        }
        return Some((tag, value, dropped));
    }
    let last = (0..SLOTS).rev().find(|&slot| bucket.slots[slot].is_some())?;
    bucket.take(last).map(|(tag, value)| (tag, value, false))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    fn hash(key: u32) -> u64 {
        HashSeed::new(3).hash(&key.to_le_bytes())
    }

    fn insert(table: &mut Table<(u32, u32)>, key: u32, value: u32) {
        table.insert_unique(hash(key), (key, value), |(key, _)| hash(*key));
    }

    fn remove(table: &mut Table<(u32, u32)>, key: u32) -> Option<(u32, u32)> {
        table.remove(hash(key), |(other, _)| *other == key, |(key, _)| hash(*key))
    }

    fn chained(table: &Table<(u32, u32)>) -> usize {
        table.segments.iter().flatten().map(|bucket| bucket.chain().count() - 1).sum()
    }

    #[test]
    fn a_bucket_of_pointers_is_one_cache_line() {
        assert_eq!(size_of::<Bucket<Box<u32>>>(), 64);
    }

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds(steps in prop::collection::vec((0_u32..400, any::<u32>(), 0..5), 1..1500)) {
            let (mut table, mut model) = (Table::new(), HashMap::new());
            for (key, value, what) in steps {
                if what < 3 {
                    match table.get_mut(hash(key), |(other, _)| *other == key) {
                        Some(found) => found.1 = value,
                        None => insert(&mut table, key, value),
                    }
                    model.insert(key, value);
                } else {
                    prop_assert_eq!(remove(&mut table, key).map(|(_, value)| value), model.remove(&key));
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.overflow_buckets, chained(&table));
            }
            let held: HashMap<u32, u32> = table.iter().copied().collect();
            prop_assert_eq!(&held, &model);
            for key in 0..400 {
                let found = table.get(hash(key), |(other, _)| *other == key).map(|(_, value)| *value);
                prop_assert_eq!(found, model.get(&key).copied());
            }
        }

        #[test]
        fn a_scan_shows_whatever_stays(
            stays in prop::collection::hash_set(0_u32..500, 0..300),
            moves in prop::collection::vec((1000_u32..4000, any::<bool>()), 0..4000),
            every in 1_usize..40,
        ) {
            let mut table = Table::new();
            stays.iter().for_each(|&key| insert(&mut table, key, 0));
            let (mut seen, mut cursor, mut present) = (HashSet::new(), 0, HashSet::new());
            let mut moves = moves.into_iter();
            loop {
                cursor = table.scan(cursor, |(key, _)| {
                    seen.insert(*key);
                });
                for (key, add) in moves.by_ref().take(every) {
                    if add && present.insert(key) {
                        insert(&mut table, key, 0);
                    } else if !add && present.remove(&key) {
                        remove(&mut table, key);
                    }
                }
                if cursor == 0 {
                    break;
                }
            }
            prop_assert!(stays.is_subset(&seen), "missed {:?}", stays.difference(&seen).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_scan_of_a_table_that_stands_still_shows_everything_once() {
        for size in 0..600 {
            let mut table = Table::new();
            (0..size).for_each(|key| insert(&mut table, key, 0));
            let (mut seen, mut cursor) = (Vec::new(), 0);
            loop {
                cursor = table.scan(cursor, |(key, _)| seen.push(*key));
                if cursor == 0 {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_insertion_rehashes_more_than_one_bucket() {
        let mut table = Table::new();
        for key in 0..100_000 {
            let asked = std::cell::Cell::new(0);
            table.insert_unique(hash(key), (key, 0), |(key, _): &(u32, u32)| {
                asked.set(asked.get() + 1);
                hash(*key)
            });
            assert!(asked.get() <= SLOTS * table.longest_chain, "{} values were moved at once", asked.get());
        }
        assert!(table.longest_chain <= 5, "{}", table.longest_chain);
    }

    #[test]
    fn every_value_is_drawn_equally_often() {
        let mut table = Table::new();
        (0..100).for_each(|key| insert(&mut table, key, 0));
        let random = Random::from_seed(11);
        let mut drawn = [0_f64; 100];
        for _ in 0..100_000 {
            drawn[table.random(&random).unwrap().0 as usize] += 1.0;
        }
        let chi_square: f64 = drawn.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
        // 99 degrees of freedom: above 149 once in a thousand tries with a fair draw.
        assert!(chi_square < 149.0, "{chi_square}");
    }
}
