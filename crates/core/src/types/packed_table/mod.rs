//! The table under big sets and hashes: names, each with a value, packed into buckets by linear hashing.
//!
//! The table grows and shrinks by one bucket at a time (W. Litwin, "Linear hashing: a new tool for file and table
//! addressing", VLDB 1980), so no insertion ever waits for a rehash of the whole, and there is no directory but the row of
//! buckets itself. A bucket is one allocation that holds the bytes of its entries, as many as its hashes bring: what
//! waits for its turn to be divided is bigger than the others, not chained.
//!
//! ```text
//! buckets   | block | block | block | ...           a pointer and a size each
//!               │
//! bucket.rs     └── | len | tags and sizes ... | entry | entry | ... |
//!                                                    │
//! entry.rs                                           └── | head | name | value |
//! ```
//!
//! The number of a bucket is made of the lowest bits of a hash, the tag of the highest. A lookup waits for the pointer, for the
//! tags and for the entry. A set is a table of names whose values are empty, which takes nothing.
//!
//! A name may have a [`Stamp`] of twelve bytes besides its value, such as the deadline of a field. Names without one do not pay
//! for it.
//!
//! How bytes are hashed is told by the caller each time, always the same for one table. Hashes are to be well mixed and
//! secret: names whose hashes are chosen to be equal end up in one long bucket.
mod bucket;
mod entry;
mod head;
mod segments;

use bucket::{Bucket, Place};
pub(super) use entry::Stamp;
use entry::{Apart, Entry, IntegerBytes, Name};
use segments::Segments;
use smallvec::SmallVec;

use super::Element;
use crate::Random;
use crate::memory::block_bytes;

/// A bucket is divided when buckets have more entries than this on average: more make a bucket cost less for each of them and
/// longer to change.
const ENTRIES: usize = 16;
/// A bucket is divided when buckets take more bytes than this on average.
const BYTES: usize = 512;
/// Two buckets are united when both averages are below a half of what divides one, so that coming and going at a boundary moves
/// nothing.
const SHRINK: usize = 2;

/// Names with values that are found by the hash of the name.
///
/// Operations on single names take O(1) time, expected; none allocates or moves more than a few buckets.
#[derive(Clone, Default)]
pub(super) struct PackedTable {
    buckets: Segments<Bucket>,
    /// One less than the lowest power of two that is not below the number of buckets.
    mask: usize,
    len: usize,
    /// Names with values that are too long for a bucket, in no order, without a gap.
    apart: Segments<Apart>,
    /// What the blocks of buckets take.
    bucket_bytes: usize,
    /// What the blocks of those kept apart take.
    apart_bytes: usize,
    /// How many buckets have one group of slots or more, two or more, and so on; the last number is not 0.
    by_groups: Vec<usize>,
}

#[inline]
const fn tag_of(hash: u64) -> u8 {
    (hash >> 56) as u8
}

impl PackedTable {
    /// How many names it has.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The bucket of a hash: by as many bits as number the buckets, or one less where the bucket of the longer number is
    /// not there yet.
    #[inline]
    const fn index(&self, hash: u64) -> usize {
        let index = hash as usize & self.mask;
        if index < self.buckets.len() { index } else { index & (self.mask >> 1) }
    }

    #[expect(clippy::inline_always, reason = "a call here costs a lookup a fifth of its time")]
    #[inline(always)]
    fn find(&self, name: Name<'_>, hash: u64) -> Option<(usize, Place)> {
        let index = self.index(hash);
        let place = self.buckets.get(index)?.find(tag_of(hash), |entry| {
            let entry = Entry(entry);
            name.is_of(entry) || self.is_specially(entry, name)
        })?;
        Some((index, place))
    }

    /// Whether an entry is of this name that is kept apart or has a stamp.
    #[cold]
    #[inline(never)]
    fn is_specially(&self, entry: Entry<'_>, name: Name<'_>) -> bool {
        match entry.apart() {
            Some(number) => self.apart[number].name() == name.bytes(),
            None => entry.is_special() && name.is_of(entry.unstamped()),
        }
    }

    #[inline]
    fn show<'a>(&'a self, entry: Entry<'a>) -> (Element<'a>, Element<'a>) {
        if entry.is_special() { self.show_special(entry) } else { entry.name_and_value() }
    }

    #[cold]
    fn show_special<'a>(&'a self, entry: Entry<'a>) -> (Element<'a>, Element<'a>) {
        match entry.apart() {
            None => entry.unstamped().name_and_value(),
            Some(number) => self.apart[number].name_and_value(),
        }
    }

    /// Whether the name is there.
    #[inline]
    pub(super) fn contains(&self, name: &[u8], hash: impl Fn(&[u8]) -> u64) -> bool {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        self.find(name, hash(name.packed())).is_some()
    }

    /// The value of a name.
    #[inline]
    pub(super) fn get(&self, name: &[u8], hash: impl Fn(&[u8]) -> u64) -> Option<Element<'_>> {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        let (index, place) = self.find(name, hash(name.packed()))?;
        let entry = Entry(self.buckets[index].at(place));
        Some(if entry.is_special() { self.show_special(entry).1 } else { entry.value_after(name) })
    }

    /// The value of a name, and its stamp.
    pub(super) fn get_stamped(
        &self,
        name: &[u8],
        hash: impl Fn(&[u8]) -> u64,
    ) -> Option<(Element<'_>, Option<Stamp>)> {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        let (index, place) = self.find(name, hash(name.packed()))?;
        let entry = Entry(self.buckets[index].at(place));
        Some((self.show(entry).1, entry.stamp()))
    }

    /// The hash by which a name is found.
    pub(super) fn hash_of(name: &[u8], hash: impl Fn(&[u8]) -> u64) -> u64 {
        hash(Name::new(name, &mut IntegerBytes::default()).packed())
    }

    /// Gives a name a stamp or takes it away; false if there is no such name.
    pub(super) fn set_stamp(
        &mut self,
        name: &[u8],
        stamp: Option<&Stamp>,
        hash: impl Fn(&[u8]) -> u64,
    ) -> bool {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        let Some((index, place)) = self.find(name, hash(name.packed())) else { return false };
        let entry = Entry(self.buckets[index].at(place));
        let unstamped = SmallVec::<[u8; 128]>::from_slice(entry.unstamped().0);
        let before = if stamp.is_some() { Entry::STAMP_SIZE } else { 0 };
        self.change(index, |bucket| {
            let entry = bucket.resize(place, before + unstamped.len());
            entry[before..].copy_from_slice(&unstamped);
            if let Some(stamp) = stamp {
                Entry::write_stamp(entry, stamp);
            }
        });
        true
    }

    /// The names in the bucket of a hash, of which the lower half is enough, with their stamps.
    pub(super) fn with_hash(&self, hash: u64) -> impl Iterator<Item = (Element<'_>, Option<Stamp>)> {
        let entries = self.buckets.get(self.index(hash)).into_iter().flat_map(Bucket::entries);
        entries.map(|(_, entry)| (self.show(Entry(entry)).0, Entry(entry).stamp()))
    }

    /// Gives a name a value, and tells whether the name is new.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], hash: impl Fn(&[u8]) -> u64) -> bool {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        let hashed = hash(name.packed());
        if let Some((index, place)) = self.find(name, hashed) {
            self.replace(index, place, name, value, &hash);
            return false;
        }
        if self.len >= self.buckets.len() * ENTRIES || self.bucket_bytes >= self.buckets.len() * BYTES {
            self.divide(&hash);
        }
        let (index, tag) = (self.index(hashed), tag_of(hashed));
        if let Some(entry) = name.with(value, &mut IntegerBytes::default()) {
            self.change(index, |bucket| entry.write(bucket.push(tag, entry.size())));
        } else {
            let number = self.put_apart(name.apart_with(value));
            self.change(index, |bucket| {
                Entry::write_apart(bucket.push(tag, Entry::SIZE_OF_APART), number);
            });
        }
        self.len += 1;
        true
    }

    /// Replaces the value of an entry that is there.
    fn replace(
        &mut self,
        index: usize,
        place: Place,
        name: Name<'_>,
        value: &[u8],
        hash: &impl Fn(&[u8]) -> u64,
    ) {
        let entry = Entry(self.buckets[index].at(place));
        let (was_apart, before) = (entry.apart(), entry.stamp_size());
        if let Some(entry) = name.with(value, &mut IntegerBytes::default()) {
            let size = before + entry.size();
            if let Some(number) = was_apart {
                self.change(index, |bucket| entry.write(&mut bucket.resize(place, size)[before..]));
                self.take_apart(number, hash);
            } else {
                self.change(index, |bucket| entry.write_value(&mut bucket.resize(place, size)[before..]));
            }
        } else if let Some(number) = was_apart {
            let entry = &mut self.apart[number];
            self.apart_bytes -= entry.block_bytes();
            entry.set_value(value);
            self.apart_bytes += entry.block_bytes();
        } else {
            let number = self.put_apart(name.apart_with(value));
            self.change(index, |bucket| {
                Entry::write_apart(
                    &mut bucket.resize(place, before + Entry::SIZE_OF_APART)[before..],
                    number,
                );
            });
        }
    }

    /// Takes a name out, and tells whether it was there.
    pub(super) fn remove(&mut self, name: &[u8], hash: impl Fn(&[u8]) -> u64) -> bool {
        let mut integer = IntegerBytes::default();
        let name = Name::new(name, &mut integer);
        let Some((index, place)) = self.find(name, hash(name.packed())) else { return false };
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
            return true;
        }
        let apart = Entry(self.buckets[index].at(place)).apart();
        self.change(index, |bucket| bucket.remove(place));
        if let Some(number) = apart {
            self.take_apart(number, &hash);
        }
        let buckets = self.buckets.len();
        if buckets > 1
            && self.len * SHRINK < buckets * ENTRIES
            && self.bucket_bytes * SHRINK < buckets * BYTES
        {
            self.unite();
        }
        true
    }

    /// Changes a bucket and what is known of all of them with it.
    #[inline]
    fn change(&mut self, index: usize, change: impl FnOnce(&mut Bucket)) {
        let bucket = &mut self.buckets[index];
        let (bytes, groups) = (bucket.block_bytes(), bucket.groups());
        change(bucket);
        self.bucket_bytes = self.bucket_bytes - bytes + bucket.block_bytes();
        let groups_now = bucket.groups();
        if groups_now > self.by_groups.len() {
            self.by_groups.resize(groups_now, 0);
        }
        (groups..groups_now).for_each(|more| self.by_groups[more] += 1);
        (groups_now..groups).for_each(|less| self.by_groups[less] -= 1);
        while self.by_groups.last() == Some(&0) {
            self.by_groups.pop();
        }
    }

    /// The hash of an entry's name.
    fn rehash(&self, entry: Entry<'_>, hash: &impl Fn(&[u8]) -> u64) -> u64 {
        match entry.apart() {
            None => hash(entry.packed_name()),
            Some(number) => self.rehash_apart(number, hash),
        }
    }

    fn rehash_apart(&self, number: usize, hash: &impl Fn(&[u8]) -> u64) -> u64 {
        hash(Name::new(self.apart[number].name(), &mut IntegerBytes::default()).packed())
    }

    fn put_apart(&mut self, entry: Apart) -> usize {
        self.apart_bytes += entry.block_bytes();
        self.apart.push(entry);
        self.apart.len() - 1
    }

    /// Drops what is kept apart under a number. The last of them gets the number.
    fn take_apart(&mut self, number: usize, hash: &impl Fn(&[u8]) -> u64) {
        self.apart_bytes -= self.apart.swap_remove(number).block_bytes();
        let old_number = self.apart.len();
        if number == old_number {
            return;
        }
        let hashed = self.rehash_apart(number, hash);
        let index = self.index(hashed);
        let place =
            self.buckets[index].find(tag_of(hashed), |entry| Entry(entry).apart() == Some(old_number));
        let place = place.expect("what is kept apart has an entry");
        let before = Entry(self.buckets[index].at(place)).stamp_size();
        self.change(index, |bucket| {
            Entry::write_apart(&mut bucket.resize(place, before + Entry::SIZE_OF_APART)[before..], number);
        });
    }

    fn add_bucket(&mut self) -> usize {
        self.buckets.push(Bucket::default());
        self.mask = self.buckets.len().next_power_of_two() - 1;
        self.buckets.len() - 1
    }

    /// The bucket that was divided when this one was added.
    const fn origin(index: usize) -> usize {
        index - (1 << index.ilog2())
    }

    /// Adds a bucket and moves to it what belongs there from the one bucket that it divides.
    fn divide(&mut self, hash: &impl Fn(&[u8]) -> u64) {
        let new = self.add_bucket();
        if new == 0 {
            return;
        }
        let divided = Self::origin(new);
        let bucket = &self.buckets[divided];
        let moves: SmallVec<[bool; 128]> =
            bucket.entries().map(|(_, entry)| self.index(self.rehash(Entry(entry), hash)) == new).collect();
        let half = |moving: bool| {
            let entries = bucket.entries().zip(&moves).filter(move |(_, moves)| **moves == moving);
            Bucket::of(entries.map(|(entry, _)| entry))
        };
        let (stay, go) = (half(false), half(true));
        self.change(divided, |bucket| *bucket = stay);
        self.change(new, |bucket| *bucket = go);
    }

    /// Takes away the last bucket and moves what is in it back to the bucket that it once divided.
    fn unite(&mut self) {
        let last = self.buckets.len() - 1;
        let origin = Self::origin(last);
        let united = Bucket::of(self.buckets[origin].entries().chain(self.buckets[last].entries()));
        self.change(last, |bucket| *bucket = Bucket::default());
        self.change(origin, |bucket| *bucket = united);
        self.buckets.pop();
        self.mask = self.buckets.len().next_power_of_two() - 1;
    }

    /// The names and their values in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
        let entries = self.buckets.iter().flat_map(Bucket::entries);
        Iter { left: self.len, entries: entries.map(|(_, entry)| self.show(Entry(entry))) }
    }

    /// The same with their stamps.
    pub(super) fn iter_stamped(&self) -> impl Iterator<Item = (Element<'_>, Element<'_>, Option<Stamp>)> {
        let entries = self.buckets.iter().flat_map(Bucket::entries);
        let entries = entries.map(|(_, entry)| self.show_stamped(Entry(entry)));
        Iter { left: self.len, entries }
    }

    fn show_stamped<'a>(&'a self, entry: Entry<'a>) -> (Element<'a>, Element<'a>, Option<Stamp>) {
        let (name, value) = self.show(entry);
        (name, value, entry.stamp())
    }

    /// Shows the names and values of one bucket to `visit` and returns where to go on: a cursor that is 0 when all were shown.
    ///
    /// A name that is there from the first step (from cursor 0) to the last is shown at least once, however the table
    /// grows and shrinks between the steps. The buckets come in the order of their reversed numbers, as in Redis's SCAN:
    /// every bucket covers an interval of the reversed hashes, and dividing or uniting only changes how finely. Any cursor
    /// is valid; one that never was returned begins somewhere.
    #[inline]
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(Element<'_>, Element<'_>)) -> u64 {
        self.scan_entries(cursor, |entry| {
            let (name, value) = self.show(entry);
            visit(name, value);
        })
    }

    /// The same with their stamps.
    pub(super) fn scan_stamped(
        &self,
        cursor: u64,
        mut visit: impl FnMut(Element<'_>, Element<'_>, Option<Stamp>),
    ) -> u64 {
        self.scan_entries(cursor, |entry| {
            let (name, value, stamp) = self.show_stamped(entry);
            visit(name, value, stamp);
        })
    }

    #[inline]
    fn scan_entries<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Entry<'a>)) -> u64 {
        if self.len == 0 {
            return 0;
        }
        // Buckets that were divided in this round, and their halves, are numbered by all bits; the others by one less.
        let (longer, shorter) = (self.mask as u64, self.mask as u64 >> 1);
        let index = cursor & longer;
        let halved = (index & shorter) + (longer - shorter) < self.buckets.len() as u64;
        let mask = if halved { longer } else { shorter };
        self.buckets[(index & mask) as usize].entries().for_each(|(_, entry)| visit(Entry(entry)));
        (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// Some name with its value, each equally likely: a slot is drawn among as many as the biggest bucket has in every bucket,
    /// until one that is taken comes up. O(1), expected.
    pub(super) fn random(&self, random: &Random) -> Option<(Element<'_>, Element<'_>)> {
        self.random_stamped(random).map(|(name, value, _)| (name, value))
    }

    /// The same with its stamp.
    pub(super) fn random_stamped(
        &self,
        random: &Random,
    ) -> Option<(Element<'_>, Element<'_>, Option<Stamp>)> {
        /// A good hash needs four on average. What has drawn so many in vain counts its way to an entry.
        const TRIES: usize = 256;
        let slots = Bucket::slots_of(self.by_groups.len());
        for _ in 0..TRIES.min(self.len * TRIES) {
            let place = random.below((self.buckets.len() * slots) as u64) as usize;
            if let Some(entry) = self.buckets[place / slots].get(place % slots) {
                return Some(self.show_stamped(Entry(entry)));
            }
        }
        if self.len == 0 {
            return None;
        }
        self.iter_stamped().nth(random.below(self.len as u64) as usize)
    }

    /// What its blocks on the heap take from the allocator. O(1).
    pub(super) fn allocated_bytes(&self) -> usize {
        let rows = self.buckets.allocated_bytes() + self.apart.allocated_bytes();
        rows + self.by_groups_bytes() + self.bucket_bytes + self.apart_bytes
    }

    /// The same, counted block by block. O(n).
    pub(super) fn recounted_bytes(&self) -> usize {
        let rows = self.buckets.recounted_bytes() + self.apart.recounted_bytes();
        let buckets: usize = self.buckets.iter().map(Bucket::block_bytes).sum();
        let apart: usize = self.apart.iter().map(Apart::block_bytes).sum();
        rows + self.by_groups_bytes() + buckets + apart
    }

    fn by_groups_bytes(&self) -> usize {
        block_bytes(self.by_groups.capacity() * size_of::<usize>())
    }
}

/// Entries, with the number of those to come.
struct Iter<I> {
    left: usize,
    entries: I,
}

impl<I: Iterator> Iterator for Iter<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.left = self.left.saturating_sub(1);
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    #[inline]
    fn fold<S, F: FnMut(S, I::Item) -> S>(self, first: S, combine: F) -> S {
        self.entries.fold(first, combine)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    type HashFunction = fn(&[u8]) -> u64;

    fn good(name: &[u8]) -> u64 {
        HashSeed::new(3).hash(name)
    }

    /// Twenty different hashes whose lowest bits and whose tags are few, so that buckets are long and most are empty.
    fn poor(name: &[u8]) -> u64 {
        let sum = name.iter().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        (sum % 4) << 57 | (sum % 10) << 3 | 5
    }

    fn same(_: &[u8]) -> u64 {
        0
    }

    fn pair((name, value): (Element<'_>, Element<'_>)) -> (Vec<u8>, Vec<u8>) {
        (name.spell().to_vec(), value.spell().to_vec())
    }

    /// Everything is in its bucket with its tag, and what is counted is there.
    fn check(table: &PackedTable, hash: HashFunction) {
        let mut by_groups = vec![0; table.by_groups.len()];
        let (mut len, mut apart) = (0, BTreeSet::new());
        for (index, bucket) in table.buckets.iter().enumerate() {
            len += bucket.len();
            by_groups[..bucket.groups()].iter_mut().for_each(|buckets| *buckets += 1);
            for (tag, entry) in bucket.entries() {
                let entry = Entry(entry);
                let hashed = table.rehash(entry, &hash);
                assert_eq!((tag, index), (tag_of(hashed), table.index(hashed)));
                assert!(entry.apart().is_none_or(|number| apart.insert(number)), "two entries for one apart");
            }
        }
        assert_eq!((len, &by_groups), (table.len(), &table.by_groups));
        assert_ne!(by_groups.last(), Some(&0));
        assert_eq!(apart, (0..table.apart.len()).collect());
        assert_eq!(table.allocated_bytes(), table.recounted_bytes());
    }

    fn numbered(number: usize) -> Vec<u8> {
        format!("member:{number:07}").into_bytes()
    }

    fn filled(names: impl IntoIterator<Item = usize>) -> PackedTable {
        let mut table = PackedTable::default();
        for name in names {
            assert!(table.insert(&numbered(name), &[], good));
        }
        table
    }

    /// The whole of a scan, name by name.
    fn scanned(table: &PackedTable) -> Vec<Vec<u8>> {
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = table.scan(cursor, |name, _| seen.push(name.spell().to_vec()));
            if cursor == 0 {
                return seen;
            }
        }
    }

    fn a_name() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            20 => (0_u32..200).prop_map(|number| number.to_string().into_bytes()),
            20 => (0_usize..200).prop_map(numbered),
            2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            2 => (0_u8..20, 100_usize..300).prop_map(|(byte, length)| vec![byte; length]),
            2 => prop::collection::vec(any::<u8>(), 0..12),
        ]
    }

    fn a_value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => Just(Vec::new()),
            4 => any::<i32>().prop_map(|number| number.to_string().into_bytes()),
            4 => prop::collection::vec(any::<u8>(), 0..40),
            3 => prop::collection::vec(any::<u8>(), 90..300),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(
            steps in prop::collection::vec((a_name(), a_value(), 0..6, prop::option::of(any::<Stamp>())), 1..700),
            hash in prop::sample::select(vec![good as HashFunction, good, poor, same]),
        ) {
            let (mut table, mut model, mut stamps) = (PackedTable::default(), BTreeMap::new(), BTreeMap::new());
            let shrink_from = steps.len() / 2;
            for (step, (name, value, what, stamp)) in steps.into_iter().enumerate() {
                if what < if step < shrink_from { 4 } else { 1 } {
                    prop_assert_eq!(table.insert(&name, &value, hash), model.insert(name.clone(), value).is_none());
                } else if what == 5 {
                    let there = model.contains_key(&name);
                    prop_assert_eq!(table.set_stamp(&name, stamp.as_ref(), hash), there);
                    match stamp.filter(|_| there) {
                        Some(stamp) => stamps.insert(name.clone(), stamp),
                        None => stamps.remove(&name),
                    };
                    let half = PackedTable::hash_of(&name, hash) & u64::from(u32::MAX);
                    let in_bucket = table.with_hash(half).filter(|(found, _)| *found.spell() == name[..]);
                    let in_bucket: Vec<_> = in_bucket.map(|(_, stamp)| stamp).collect();
                    prop_assert_eq!(in_bucket, if there { vec![stamp] } else { vec![] });
                } else {
                    prop_assert_eq!(table.remove(&name, hash), model.remove(&name).is_some());
                    stamps.remove(&name);
                }
                let stamp = table.get_stamped(&name, hash).and_then(|(_, stamp)| stamp);
                prop_assert_eq!(stamp.as_ref(), stamps.get(&name));
                prop_assert_eq!(table.contains(&name, hash), model.contains_key(&name));
                let value = table.get(&name, hash).map(|value| value.spell().to_vec());
                prop_assert_eq!(value.as_ref(), model.get(&name));
                prop_assert_eq!(table.allocated_bytes(), table.recounted_bytes());
                if step % 16 == 0 {
                    check(&table, hash);
                }
            }
            check(&table, hash);
            let copy = table.clone();
            check(&copy, hash);
            for table in [&table, &copy] {
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.iter().size_hint(), (model.len(), Some(model.len())));
                let stamped = table.iter_stamped().filter_map(|(name, _, stamp)| Some((name.spell().to_vec(), stamp?)));
                prop_assert_eq!(&stamped.collect::<BTreeMap<_, _>>(), &stamps);
                let all: Vec<_> = table.iter().map(pair).collect();
                prop_assert_eq!(all.len(), model.len());
                prop_assert_eq!(&all.into_iter().collect::<BTreeMap<_, _>>(), &model);
            }
            for name in model.keys() {
                prop_assert!(table.remove(name, hash));
                prop_assert_eq!(table.allocated_bytes(), table.recounted_bytes());
            }
            prop_assert_eq!(table.allocated_bytes(), 0);
            check(&copy, hash);
        }

        #[test]
        fn a_scan_shows_whatever_stays_while_the_table_grows_and_shrinks(
            stays in prop::collection::btree_set(0_usize..500, 0..300),
            waves in prop::collection::vec((any::<bool>(), 0_usize..1500), 1..200),
            most in 300_usize..6000,
        ) {
            let mut table = filled(stays.iter().copied());
            let (mut seen, mut cursor, mut others) = (BTreeSet::new(), 0, 0);
            for (grow, by) in waves.iter().cycle() {
                cursor = table.scan(cursor, |name, _| {
                    seen.insert(name.spell().to_vec());
                });
                if cursor == 0 {
                    break;
                }
                let target = if *grow { (others + by).min(most) } else { others.saturating_sub(*by) };
                for name in others..target {
                    table.insert(&numbered(1000 + name), b"value", good);
                }
                for name in target..others {
                    table.remove(&numbered(1000 + name), good);
                }
                others = target;
            }
            let missed: Vec<_> = stays.iter().filter(|name| !seen.contains(&numbered(**name))).collect();
            prop_assert!(missed.is_empty(), "missed {missed:?}");
        }

        #[test]
        fn any_cursor_leads_to_the_end(cursor in any::<u64>(), size in 0_usize..3000) {
            let table = filled(0..size);
            let (mut cursor, mut steps) = (table.scan(cursor, |_, _| ()), 0);
            while cursor != 0 {
                cursor = table.scan(cursor, |_, _| ());
                steps += 1;
            }
            prop_assert!(steps <= table.buckets.len());
        }
    }

    #[test]
    fn a_scan_of_a_table_that_stands_still_shows_everything_once() {
        for size in (0..300).chain([1000, 5000, 20_000]) {
            let mut seen = scanned(&filled(0..size));
            seen.sort_unstable();
            assert!(seen.into_iter().eq((0..size).map(numbered)), "{size}");
        }
    }

    #[test]
    fn no_insertion_asks_for_more_hashes_than_a_bucket_has() {
        let (mut table, mut most) = (PackedTable::default(), 0);
        for number in 0..200_000 {
            let asked = Cell::new(0);
            table.insert(&numbered(number), &[], |name| {
                asked.set(asked.get() + 1);
                good(name)
            });
            most = most.max(asked.get());
        }
        // A bucket gets 32 at most, on average, before its turn to be divided; 80 is more than 8 standard deviations above.
        assert!(most <= 80, "{most} hashes for one insertion");
        check(&table, good);
    }

    #[test]
    fn entries_take_little_more_than_their_bytes() {
        let integer = |number: usize| (number.to_string().into_bytes(), Vec::new());
        let name = |number: usize| (numbered(number), Vec::new());
        let field = |number: usize| (numbered(number), b"0123456789".to_vec());
        let long = |number: usize| (numbered(number), vec![b'v'; 100]);
        // Three bytes, two for lengths and a tag; and so on.
        for (entry, bytes, at_most) in [
            (&integer as &dyn Fn(usize) -> (Vec<u8>, Vec<u8>), 6, 11.0),
            (&name, 17, 22.5),
            (&field, 27, 33.0),
            (&long, 117, 142.0),
        ] {
            let mut table = PackedTable::default();
            for number in 0..100_000 {
                let (name, value) = entry(number);
                table.insert(&name, &value, good);
                if number > 1000 {
                    let taken = table.allocated_bytes() as f64 / table.len() as f64;
                    assert!(taken < at_most, "{taken} bytes for {bytes} at {number}");
                }
            }
        }
    }

    #[test]
    fn a_table_that_shrinks_gives_its_memory_back() {
        let mut table = filled(0..100_000);
        let long = |number: usize| [&numbered(number)[..], &[b'.'; 200]].concat();
        (0..100_000).for_each(|number| assert!(table.insert(&long(number), &[], good)));
        let full = table.allocated_bytes();
        for number in 10..100_000 {
            assert!(table.remove(&numbered(number), good) && table.remove(&long(number), good));
        }
        check(&table, good);
        assert!(table.allocated_bytes() < full / 1000, "{} of {full}", table.allocated_bytes());
        for number in 0..10 {
            assert!(table.remove(&numbered(number), good) && table.remove(&long(number), good));
        }
        assert_eq!(table.allocated_bytes(), 0);
    }

    #[test]
    fn every_name_is_drawn_equally_often() {
        // Of 2000 equal hashes, a fourth is drawn by counting.
        for (names, hash) in [(100, good as HashFunction), (100, poor), (2000, same)] {
            let mut table = PackedTable::default();
            let random = Random::from_seed(11);
            assert!(table.random(&random).is_none());
            for number in 0..names {
                table.insert(number.to_string().as_bytes(), &numbered(number), hash);
            }
            let mut drawn = [0_f64; 100];
            for _ in 0..100_000 {
                let (name, value) = pair(table.random(&random).unwrap());
                let number: usize = String::from_utf8(name).unwrap().parse().unwrap();
                assert_eq!(value, numbered(number));
                drawn[number % 100] += 1.0;
            }
            let chi_square: f64 = drawn.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
            // 99 degrees of freedom: above 149 once in a thousand tries with a fair draw.
            assert!(chi_square < 149.0, "{chi_square}");
        }
    }
}
