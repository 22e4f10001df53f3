//! The hash table under big sets, hashes and sorted sets: linear hashing.
//!
//! The table grows and shrinks by one bucket at a time (W. Litwin, "Linear hashing: a new tool for file and table
//! addressing", VLDB 1980), so no insertion ever waits for a rehash of the whole. A bucket has six places and a chain of
//! further buckets; for values of the size of a pointer it is as big as a cache line:
//!
//! ```text
//! | tag tag tag tag tag tag  -  - | value | value | value | value | value | value | overflow |
//!   one byte each, 0 for empty      six of 8 bytes                                  8 bytes
//! ```
//!
//! A tag is seven bits of the hash: most values that are not the wanted one are passed over without being looked at. The
//! number of a bucket is made of the lowest bits of the hash, so that a scan can follow the order of their reversal.
//!
//! The table does not know how values are hashed or compared, which its callers tell it each time, and relies on hashes
//! that are well mixed and secret: values whose hashes are chosen to be equal end up in one long chain.
use std::fmt;
use std::iter::{Flatten, FusedIterator};
use std::{array, slice, vec};

use crate::Random;

/// Places in a bucket.
const SLOTS: usize = 6;
/// A bucket is divided when there are so many values for every two buckets: three quarters of the places. With fewer,
/// lookups are hardly faster and values need more memory.
const GROW_FROM: usize = 9;
/// Two buckets are united when there are fewer values than this for every two buckets: a quarter of the places.
const SHRINK_BELOW: usize = 3;
/// Buckets are allocated in segments of so many. Only the first one ever grows, so no more than these are copied.
const SEGMENT: usize = 512;

/// An unordered collection of values that are found by a hash.
///
/// Hashes of the same value must be the same in every call. Operations on single values take O(1) time, expected; none
/// allocates or moves more than a few buckets.
#[derive(Clone)]
pub struct Table<T> {
    segments: Vec<Vec<Bucket<T>>>,
    buckets: usize,
    /// One less than the lowest power of two that is not below `buckets`.
    mask: usize,
    len: usize,
    /// How many chains are longer than one bucket, longer than two and so on; the last number is not 0.
    longer_chains: Vec<usize>,
}

/// Only the last bucket of a chain may have empty slots, and no overflow bucket is empty.
///
/// Aligned, because a bucket of pointers that straddles two cache lines costs a lookup in a big table a tenth of its time.
#[repr(align(64))]
struct Bucket<T> {
    /// One byte for each slot, lowest first.
    tags: u64,
    slots: [Option<T>; SLOTS],
    overflow: Option<Box<Bucket<T>>>,
}

const LOW_BITS: u64 = 0x0000_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;

/// Never 0, which marks an empty slot.
#[inline]
const fn tag_of(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}

impl<T> Bucket<T> {
    const EMPTY_SLOTS: [Option<T>; SLOTS] = [const { None }; SLOTS];

    const fn new() -> Self {
        Self { tags: 0, slots: Self::EMPTY_SLOTS, overflow: None }
    }

    /// The high bits of the tags that are `tag`. One above such a tag may be wrong, so values are to be compared.
    #[inline]
    const fn candidates(&self, tag: u8) -> u64 {
        let differing = self.tags ^ (LOW_BITS * tag as u64);
        differing.wrapping_sub(LOW_BITS) & !differing & HIGH_BITS
    }

    #[inline]
    const fn free_slot(&self) -> Option<usize> {
        let free = !self.tags & HIGH_BITS;
        if free == 0 { None } else { Some(free.trailing_zeros() as usize / 8) }
    }

    const fn is_empty(&self) -> bool {
        self.tags == 0
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

    /// How far down the chain a value is, and its slot there.
    #[inline]
    fn find(&self, tag: u8, eq: &mut impl FnMut(&T) -> bool) -> Option<(usize, usize)> {
        self.chain().enumerate().find_map(|(depth, bucket)| Some((depth, bucket.position(tag, eq)?)))
    }

    #[inline]
    fn put(&mut self, slot: usize, tag: u8, value: T) -> &mut T {
        debug_assert!(self.slots[slot].is_none(), "a slot is filled once");
        self.tags |= u64::from(tag) << (slot * 8);
        self.slots[slot].insert(value)
    }

    #[inline]
    fn take(&mut self, slot: usize) -> Option<(u8, T)> {
        let value = self.slots[slot].take()?;
        let tag = (self.tags >> (slot * 8)) as u8;
        self.tags &= !(0xff << (slot * 8));
        Some((tag, value))
    }

    fn take_any(&mut self) -> Option<(u8, T)> {
        let slot = (self.tags & HIGH_BITS).checked_ilog2()? / 8;
        self.take(slot as usize)
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |bucket| bucket.overflow.as_deref())
    }

    fn values(&self) -> impl Iterator<Item = &T> {
        self.chain().flat_map(|bucket| bucket.slots.iter().flatten())
    }

    /// The bucket so many further down the chain.
    fn further(&mut self, steps: usize) -> Option<&mut Self> {
        let mut bucket = self;
        for _ in 0..steps {
            bucket = bucket.overflow.as_deref_mut()?;
        }
        Some(bucket)
    }
}

impl<T: fmt::Debug> fmt::Debug for Bucket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values()).finish()
    }
}

impl<T: Clone> Clone for Bucket<T> {
    /// Not derived, which would call itself for every further bucket of a chain.
    fn clone(&self) -> Self {
        let alone = |bucket: &Self| Self { tags: bucket.tags, slots: bucket.slots.clone(), overflow: None };
        let mut copy = alone(self);
        let mut last = &mut copy;
        for bucket in self.chain().skip(1) {
            last = last.overflow.insert(Box::new(alone(bucket)));
        }
        copy
    }
}

impl<T> Drop for Bucket<T> {
    /// One bucket after the other: the compiler's own way would call itself for every further bucket of a chain.
    fn drop(&mut self) {
        let mut next = self.overflow.take();
        while let Some(mut bucket) = next {
            next = bucket.overflow.take();
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<T> Table<T> {
    /// An empty table; nothing is allocated until the first value.
    pub const fn new() -> Self {
        Self { segments: Vec::new(), buckets: 0, mask: 0, len: 0, longer_chains: Vec::new() }
    }

    /// How many values it has.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bucket of a hash: by as many bits as number the buckets, or one less where the bucket of the longer number is
    /// not there yet.
    #[inline]
    const fn index(&self, hash: u64) -> usize {
        let index = hash as usize & self.mask;
        if index < self.buckets { index } else { index & (self.mask >> 1) }
    }

    #[inline]
    fn bucket(&self, index: usize) -> &Bucket<T> {
        &self.segments[index / SEGMENT][index % SEGMENT]
    }

    #[inline]
    fn bucket_mut(&mut self, index: usize) -> &mut Bucket<T> {
        &mut self.segments[index / SEGMENT][index % SEGMENT]
    }

    fn set_buckets(&mut self, buckets: usize) {
        self.buckets = buckets;
        self.mask = buckets.next_power_of_two() - 1;
    }

    /// Counts a bucket that was chained so many buckets behind the first.
    fn count_chained(&mut self, depth: usize) {
        if self.longer_chains.len() < depth {
            self.longer_chains.push(0);
        }
        self.longer_chains[depth - 1] += 1;
    }

    fn count_unchained(&mut self, depth: usize) {
        self.longer_chains[depth - 1] -= 1;
        while self.longer_chains.last() == Some(&0) {
            self.longer_chains.pop();
        }
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

    /// Adds a value that is not there yet. `rehash` gives the hash of a value that is; it is asked for those of one chain
    /// at most.
    pub fn insert_unique(&mut self, hash: u64, value: T, rehash: impl Fn(&T) -> u64) -> &mut T {
        if self.len * 2 >= self.buckets * GROW_FROM {
            self.split(&rehash);
        }
        self.len += 1;
        self.place(self.index(hash), tag_of(hash), value)
    }

    fn place(&mut self, index: usize, tag: u8, value: T) -> &mut T {
        let (first, mut depth) = (self.bucket(index), 0);
        if first.free_slot().is_none() {
            depth = first.chain().take_while(|bucket| bucket.free_slot().is_none()).count();
            if first.chain().nth(depth).is_none() {
                self.count_chained(depth);
            }
        }
        let mut bucket = &mut self.segments[index / SEGMENT][index % SEGMENT];
        for _ in 0..depth {
            bucket = bucket.overflow.get_or_insert_with(|| Box::new(Bucket::new()));
        }
        let slot = bucket.free_slot().unwrap_or_default();
        bucket.put(slot, tag, value)
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
        self.set_buckets(new + 1);
        if new > 0 {
            let divided = new - (1 << new.ilog2());
            let bucket = std::mem::replace(self.bucket_mut(divided), Bucket::new());
            self.place_all(bucket, rehash);
        }
    }

    /// Puts what is in a chain to where it belongs now.
    fn place_all(&mut self, bucket: Bucket<T>, rehash: &impl Fn(&T) -> u64) {
        (1..bucket.chain().count()).rev().for_each(|depth| self.count_unchained(depth));
        let mut next = Some(bucket);
        while let Some(mut bucket) = next {
            for value in bucket.slots.iter_mut().filter_map(Option::take) {
                let hash = rehash(&value);
                self.place(self.index(hash), tag_of(hash), value);
            }
            next = bucket.overflow.take().map(|bucket| *bucket);
        }
    }

    /// Takes out the value with this hash for which `eq` says yes. `rehash` gives the hash of a value; it is asked for
    /// those of one chain at most.
    pub fn remove(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&T) -> bool,
        rehash: impl Fn(&T) -> u64,
    ) -> Option<T> {
        if self.buckets == 0 {
            return None;
        }
        let (index, tag) = (self.index(hash), tag_of(hash));
        let (depth, slot) = self.bucket(index).find(tag, &mut eq)?;
        let value = self.take(index, depth, slot)?;
        self.len -= 1;
        if self.len == 0 {
            self.clear();
        } else if self.buckets > 1 && self.len * 2 < self.buckets * SHRINK_BELOW {
            self.merge(&rehash);
        }
        Some(value)
    }

    /// Empties a slot and fills it from the end of its chain.
    fn take(&mut self, index: usize, depth: usize, slot: usize) -> Option<T> {
        let first = self.bucket_mut(index);
        if first.overflow.is_none() {
            return first.take(slot).map(|(_, value)| value);
        }
        let last = first.chain().count() - 1;
        let bucket = first.further(depth)?;
        let (_, value) = bucket.take(slot)?;
        if depth < last
            && let Some((tag, moved)) = bucket.further(last - depth).and_then(Bucket::take_any)
        {
            bucket.put(slot, tag, moved);
        }
        let before_last = first.further(last - 1)?;
        if before_last.overflow.as_ref().is_some_and(|bucket| bucket.is_empty()) {
            before_last.overflow = None;
            self.count_unchained(last);
        }
        Some(value)
    }

    /// Takes away the last bucket and moves what is in it back to the bucket that it once divided.
    fn merge(&mut self, rehash: &impl Fn(&T) -> u64) {
        let Some(segment) = self.segments.last_mut() else { return };
        let Some(last) = segment.pop() else { return };
        if segment.is_empty() {
            self.segments.pop();
            give_back(&mut self.segments);
        }
        if let [only] = &mut self.segments[..] {
            give_back(only);
        }
        self.set_buckets(self.buckets - 1);
        self.place_all(last, rehash);
    }

    /// Takes out all values and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The values in no particular order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { buckets: self.segments.iter().flatten(), slots: [].iter(), overflow: None, left: self.len }
    }

    /// The values in no particular order, to change; their hashes must stay the same.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut {
            buckets: self.segments.iter_mut().flatten(),
            slots: [].iter_mut(),
            overflow: None,
            left: self.len,
        }
    }

    /// Shows the values of one bucket to `visit` and returns where to go on: a cursor that is 0 when all were shown.
    ///
    /// A value that is there from the first step (from cursor 0) to the last is shown at least once, however the table
    /// grows and shrinks between the steps. The buckets come in the order of their reversed numbers, as in Redis's SCAN:
    /// every bucket covers an interval of the reversed hashes, and a split or a merge only changes how finely. Any cursor
    /// is valid; one that never was returned begins somewhere.
    pub fn scan(&self, cursor: u64, visit: impl FnMut(&T)) -> u64 {
        if self.buckets == 0 {
            return 0;
        }
        // Buckets that were divided in this round, and their halves, are numbered by all bits; the others by one less.
        let (longer, shorter) = (self.mask as u64, self.mask as u64 >> 1);
        let index = cursor & longer;
        let halved = (index & shorter) + (longer - shorter) < self.buckets as u64;
        let mask = if halved { longer } else { shorter };
        self.bucket((index & mask) as usize).values().for_each(visit);
        (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// Some value, each equally likely: a place is drawn among as many as the longest chain has in every bucket, until
    /// one that is taken comes up. O(1), expected.
    pub fn random(&self, random: &Random) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        let places = SLOTS * (1 + self.longer_chains.len());
        loop {
            let first = self.bucket(random.below(self.buckets as u64) as usize);
            let place = random.below(places as u64) as usize;
            let bucket = first.chain().nth(place / SLOTS);
            if let Some(value) = bucket.and_then(|bucket| bucket.slots[place % SLOTS].as_ref()) {
                return Some(value);
            }
        }
    }

    /// The bytes of the buckets themselves, without what the values own.
    pub fn allocated_bytes(&self) -> usize {
        let in_segments: usize = self.segments.iter().map(Vec::capacity).sum();
        let chained: usize = self.longer_chains.iter().sum();
        (in_segments + chained) * size_of::<Bucket<T>>()
            + self.segments.capacity() * size_of::<Vec<Bucket<T>>>()
            + self.longer_chains.capacity() * size_of::<usize>()
    }
}

/// Halves the memory of a vector that needs a quarter of it, so that the next one to come or go moves nothing.
fn give_back<T>(vector: &mut Vec<T>) {
    if vector.len() <= vector.capacity() / 4 {
        vector.shrink_to(vector.capacity() / 2);
    }
}

/// The values of a [`Table`]; see [`Table::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    buckets: Flatten<slice::Iter<'a, Vec<Bucket<T>>>>,
    slots: slice::Iter<'a, Option<T>>,
    overflow: Option<&'a Bucket<T>>,
    left: usize,
}

/// The values of a [`Table`], to change; see [`Table::iter_mut`].
#[derive(Debug)]
pub struct IterMut<'a, T> {
    buckets: Flatten<slice::IterMut<'a, Vec<Bucket<T>>>>,
    slots: slice::IterMut<'a, Option<T>>,
    overflow: Option<&'a mut Bucket<T>>,
    left: usize,
}

/// The values of a [`Table`] that is no more.
#[derive(Debug)]
pub struct IntoIter<T> {
    buckets: Flatten<vec::IntoIter<Vec<Bucket<T>>>>,
    slots: array::IntoIter<Option<T>, SLOTS>,
    overflow: Option<Bucket<T>>,
    left: usize,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { buckets: self.buckets.clone(), slots: self.slots.clone(), ..*self }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(value) = self.slots.find_map(Option::as_ref) {
                self.left -= 1;
                return Some(value);
            }
            let bucket = self.overflow.take().or_else(|| self.buckets.next())?;
            self.slots = bucket.slots.iter();
            self.overflow = bucket.overflow.as_deref();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    fn next(&mut self) -> Option<&'a mut T> {
        loop {
            if let Some(value) = self.slots.find_map(Option::as_mut) {
                self.left -= 1;
                return Some(value);
            }
            let bucket = self.overflow.take().or_else(|| self.buckets.next())?;
            self.slots = bucket.slots.iter_mut();
            self.overflow = bucket.overflow.as_deref_mut();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Some(value) = self.slots.find_map(|slot| slot) {
                self.left -= 1;
                return Some(value);
            }
            let mut bucket = self.overflow.take().or_else(|| self.buckets.next())?;
            self.slots = std::mem::replace(&mut bucket.slots, Bucket::EMPTY_SLOTS).into_iter();
            self.overflow = bucket.overflow.take().map(|bucket| *bucket);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> ExactSizeIterator for IterMut<'_, T> {}
impl<T> ExactSizeIterator for IntoIter<T> {}
impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IterMut<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<'a, T> IntoIterator for &'a Table<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Table<T> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;

    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

impl<T> IntoIterator for Table<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter {
            buckets: self.segments.into_iter().flatten(),
            slots: Bucket::EMPTY_SLOTS.into_iter(),
            overflow: None,
            left: self.len,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    fn hash(key: u32) -> u64 {
        HashSeed::new(3).hash(&key.to_le_bytes())
    }

    /// Twenty different hashes whose lowest bits are few, so that chains are long and tags are often the same.
    fn poor_hash(key: u32) -> u64 {
        u64::from(key % 4) << 57 | u64::from(key % 10) << 3 | 5
    }

    struct Keyed(Table<(u32, u32)>, fn(u32) -> u64);

    impl Keyed {
        fn filled(keys: impl IntoIterator<Item = u32>) -> Self {
            let mut table = Self(Table::new(), hash);
            for key in keys {
                table.insert(key, 0);
            }
            table
        }

        fn insert(&mut self, key: u32, value: u32) -> usize {
            let asked = Cell::new(0);
            let hash = self.1;
            let placed = self.0.insert_unique(hash(key), (key, value), |(key, _)| {
                asked.set(asked.get() + 1);
                hash(*key)
            });
            assert_eq!(*placed, (key, value));
            asked.get()
        }

        fn remove(&mut self, key: u32) -> Option<u32> {
            let hash = self.1;
            let removed = self.0.remove(hash(key), |(other, _)| *other == key, |(key, _)| hash(*key));
            removed.map(|(_, value)| value)
        }

        fn get(&self, key: u32) -> Option<u32> {
            self.0.get(self.1(key), |(other, _)| *other == key).map(|(_, value)| *value)
        }

        fn get_mut(&mut self, key: u32) -> Option<&mut u32> {
            self.0.get_mut(self.1(key), |(other, _)| *other == key).map(|(_, value)| value)
        }

        fn scan(&self, cursor: u64, seen: &mut Vec<u32>) -> u64 {
            self.0.scan(cursor, |(key, _)| seen.push(*key))
        }

        /// Every value is in its bucket with its tag, chains are dense, and what is counted is there.
        fn check(&self) {
            let Self(table, hash) = self;
            let (mut len, mut longer) = (0, vec![0; table.longer_chains.len()]);
            let buckets: Vec<_> = table.segments.iter().flatten().collect();
            assert_eq!(buckets.len(), table.buckets);
            for (index, first) in buckets.into_iter().enumerate() {
                for (depth, bucket) in first.chain().enumerate() {
                    if depth > 0 {
                        longer[depth - 1] += 1;
                        assert!(!bucket.is_empty());
                    }
                    assert!(bucket.overflow.is_none() || bucket.free_slot().is_none());
                    for (slot, value) in bucket.slots.iter().enumerate() {
                        let tag = (bucket.tags >> (slot * 8)) as u8;
                        assert_eq!(tag, value.map_or(0, |(key, _)| tag_of(hash(key))));
                        assert!(value.is_none_or(|(key, _)| table.index(hash(key)) == index));
                        len += usize::from(value.is_some());
                    }
                }
            }
            assert_eq!((len, longer), (table.len(), table.longer_chains.clone()));
            assert_ne!(table.longer_chains.last(), Some(&0));
        }
    }

    #[test]
    fn a_bucket_of_pointers_is_as_big_as_a_cache_line() {
        assert_eq!(size_of::<Bucket<Box<u32>>>(), 64);
    }

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds(
            steps in prop::collection::vec((0_u32..400, any::<u32>(), 0..5), 1..1500),
            poor in any::<bool>(),
        ) {
            let (mut table, mut model) = (Keyed(Table::new(), if poor { poor_hash } else { hash }), HashMap::new());
            let shrink_from = steps.len() / 2;
            for (step, (key, value, what)) in steps.into_iter().enumerate() {
                if what < if step < shrink_from { 4 } else { 1 } {
                    match table.get_mut(key) {
                        Some(found) => *found = value,
                        None => {
                            table.insert(key, value);
                        }
                    }
                    model.insert(key, value);
                } else {
                    prop_assert_eq!(table.remove(key), model.remove(&key));
                }
                prop_assert_eq!(table.0.len(), model.len());
                if step % 16 == 0 {
                    table.check();
                }
            }
            table.check();
            for key in 0..400 {
                prop_assert_eq!(table.get(key), model.get(&key).copied());
            }
            for (_, value) in &mut table.0 {
                *value ^= 1;
            }
            for value in model.values_mut() {
                *value ^= 1;
            }
            prop_assert_eq!(table.0.iter().len(), model.len());
            prop_assert_eq!(table.0.iter().count(), model.len());
            prop_assert_eq!(&table.0.iter().copied().collect::<HashMap<_, _>>(), &model);
            let clone = table.0.clone();
            prop_assert_eq!(table.0.into_iter().collect::<HashMap<_, _>>(), model);
            Keyed(clone, table.1).check();
        }

        #[test]
        fn a_scan_shows_whatever_stays_while_the_table_grows_and_shrinks(
            stays in prop::collection::hash_set(0_u32..500, 0..300),
            waves in prop::collection::vec((any::<bool>(), 0_u32..400), 1..200),
            most in 300_u32..6000,
        ) {
            let mut table = Keyed::filled(stays.iter().copied());
            let (mut seen, mut cursor, mut others) = (Vec::new(), 0, 0);
            for (grow, by) in waves.iter().cycle() {
                cursor = table.scan(cursor, &mut seen);
                if cursor == 0 {
                    break;
                }
                let target = if *grow { (others + by).min(most) } else { others.saturating_sub(*by) };
                for key in others..target {
                    table.insert(1000 + key, 0);
                }
                for key in target..others {
                    table.remove(1000 + key);
                }
                others = target;
            }
            let seen: HashSet<u32> = seen.into_iter().collect();
            prop_assert!(stays.is_subset(&seen), "missed {:?}", stays.difference(&seen).collect::<Vec<_>>());
        }

        #[test]
        fn any_cursor_leads_to_the_end(cursor in any::<u64>(), size in 0_u32..3000) {
            let table = Keyed::filled(0..size);
            let (mut cursor, mut steps) = (table.scan(cursor, &mut Vec::new()), 0);
            while cursor != 0 {
                cursor = table.scan(cursor, &mut Vec::new());
                steps += 1;
            }
            prop_assert!(steps <= table.0.buckets);
        }
    }

    #[test]
    fn a_scan_of_a_table_that_stands_still_shows_everything_once() {
        for size in 0..600 {
            let table = Keyed::filled(0..size);
            let (mut seen, mut cursor) = (Vec::new(), 0);
            loop {
                cursor = table.scan(cursor, &mut seen);
                if cursor == 0 {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_insertion_moves_more_than_one_chain() {
        let mut table = Keyed::filled(None);
        let mut most = 0;
        for key in 0..200_000 {
            most = most.max(table.insert(key, 0));
        }
        // A bucket gets 9 values at most before its turn to be divided; 36 is 9 standard deviations above.
        assert!(most <= 36, "{most} values were moved at once");
        table.check();
    }

    #[test]
    fn a_table_that_shrinks_gives_its_memory_back() {
        let mut table = Keyed::filled(0..100_000);
        let full = table.0.allocated_bytes();
        for key in 10..100_000 {
            table.remove(key);
        }
        assert!(table.0.allocated_bytes() < full / 1000, "{} of {full}", table.0.allocated_bytes());
        (0..10).for_each(|key| assert_eq!(table.remove(key), Some(0)));
        assert_eq!(table.0.allocated_bytes(), 0);
    }

    #[test]
    fn a_chain_may_be_long_without_exhausting_the_stack() {
        // Chained by hand: to insert as many values takes a walk to the end for each.
        let mut chain = Bucket::<Box<u32>>::new();
        for _ in 0..200_000 {
            let rest = std::mem::replace(&mut chain, Bucket::new());
            chain.overflow = Some(Box::new(rest));
        }
        assert_eq!(chain.clone().chain().count(), 200_001);
        drop(chain);
        let mut table = Table::new();
        for key in 0..2000_u32 {
            table.insert_unique(7, Box::new(key), |_| 7);
        }
        assert_eq!(table.remove(7, |value| **value == 3, |_| 7).as_deref(), Some(&3));
        assert_eq!(table.clone().into_iter().count(), 1999);
    }

    #[test]
    fn every_value_is_drawn_equally_often() {
        for (keys, hash) in [(100, hash as fn(u32) -> u64), (100, poor_hash)] {
            let mut table = Keyed(Table::new(), hash);
            for key in 0..keys {
                table.insert(key, 0);
            }
            let random = Random::from_seed(11);
            let mut drawn = vec![0_f64; keys as usize];
            for _ in 0..keys * 1000 {
                drawn[table.0.random(&random).unwrap().0 as usize] += 1.0;
            }
            let chi_square: f64 = drawn.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
            // 99 degrees of freedom: above 149 once in a thousand tries with a fair draw.
            assert!(chi_square < 149.0, "{chi_square}");
        }
    }
}
