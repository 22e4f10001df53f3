//! The value of a hash key: fields with values, packed in insertion order while few and short, in a table beyond.
//!
//! Knows nothing of keys, clocks, replies or logs. A hash that has become a table stays one. Fields may have deadlines; who asks for what
//! is there says at what time.
use std::fmt;

use super::listpack::{Element, LISTPACK_BYTES_MAX, Listpack};
use super::packed_table::PackedTable;
use super::timed::{Alarm, Limits, Timed, expiring};
use super::{Encoding, Expiring, TypeSettings};
use crate::memory::block_bytes;
use crate::{HashSeed, Random, UnixMs};

/// Fields and their values.
///
/// A method that looks for a field takes the settings, because the seed of the field's hash is one of them; all
/// calls on one hash must be given the same seed.
#[derive(Clone)]
pub struct Hash(Form);

#[derive(Clone)]
enum Form {
    /// Field, value, field, value, in the order in which the fields were added.
    Packed(Listpack),
    /// Boxed, because most hashes are small.
    Fields(Box<PackedTable>),
    /// Some fields have deadlines, or had.
    Timed(Box<Timed<TIMED_WORDS>>),
}

/// A field, its value, and its deadline.
const TIMED_WORDS: usize = 3;

/// One of three iterators.
enum Iter<A, B, C> {
    Packed(A),
    Fields(B),
    Timed(C),
}

impl<T, A, B, C> Iterator for Iter<A, B, C>
where
    A: Iterator<Item = T>,
    B: Iterator<Item = T>,
    C: Iterator<Item = T>,
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Self::Packed(iter) => iter.next(),
            Self::Fields(iter) => iter.next(),
            Self::Timed(iter) => iter.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Packed(iter) => iter.size_hint(),
            Self::Fields(iter) => iter.size_hint(),
            Self::Timed(iter) => iter.size_hint(),
        }
    }

    #[inline]
    fn fold<S, F: FnMut(S, T) -> S>(self, first: S, combine: F) -> S {
        match self {
            Self::Packed(iter) => iter.fold(first, combine),
            Self::Fields(iter) => iter.fold(first, combine),
            Self::Timed(iter) => iter.fold(first, combine),
        }
    }
}

impl Hash {
    /// A hash without fields.
    pub fn new() -> Self {
        Self(Form::Packed(Listpack::new()))
    }

    fn limits(settings: &TypeSettings) -> Limits {
        Limits { entries: settings.hash_max_listpack_entries, bytes: settings.hash_max_listpack_value }
    }

    /// Number of fields, of whatever deadline. O(1).
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(list) => list.len() / 2,
            Form::Fields(fields) => fields.len(),
            Form::Timed(fields) => fields.len(),
        }
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes ready for a command that names `count` fields to set. Redis chooses the encoding by that number,
    /// repeated and present fields included, before it sets the first.
    pub fn expect(&mut self, count: usize, settings: &TypeSettings) {
        if count > settings.hash_max_listpack_entries {
            self.unpack(settings);
        }
    }

    fn unpack(&mut self, settings: &TypeSettings) {
        match &mut self.0 {
            Form::Packed(list) => {
                let mut fields = Box::<PackedTable>::default();
                for (field, value) in list.iter().pairs() {
                    fields.insert(&field.spell(), &value.spell(), |name| settings.hash_seed.hash(name));
                }
                self.0 = Form::Fields(fields);
            }
            Form::Fields(_) => {}
            Form::Timed(fields) => fields.unpack(&settings.hash_seed),
        }
    }

    /// The value of a field, of whatever deadline. O(1); O(n) while packed.
    #[inline]
    pub fn get(&self, field: &[u8], settings: &TypeSettings) -> Option<Element<'_>> {
        match &self.0 {
            Form::Packed(list) => list.find_pair(field).map(|(_, value)| value),
            Form::Fields(fields) => fields.get(field, |name| settings.hash_seed.hash(name)),
            Form::Timed(_) => self.get_timed(field, settings).map(|(value, _)| value),
        }
    }

    /// The same for one that is alive at a time, which is asked for if the field has a deadline.
    #[inline]
    pub fn get_alive(
        &self,
        field: &[u8],
        settings: &TypeSettings,
        now: impl FnOnce() -> UnixMs,
    ) -> Option<Element<'_>> {
        match &self.0 {
            Form::Timed(_) => {
                let (value, deadline) = self.get_timed(field, settings)?;
                deadline.is_none_or(|deadline| now() <= deadline).then_some(value)
            }
            Form::Packed(_) | Form::Fields(_) => self.get(field, settings),
        }
    }

    /// The value of a field and its deadline. O(1); O(n) while packed.
    #[cold]
    #[inline(never)]
    pub fn get_timed(&self, field: &[u8], settings: &TypeSettings) -> Option<(Element<'_>, Option<UnixMs>)> {
        match &self.0 {
            Form::Timed(fields) => fields.get(field, &settings.hash_seed),
            Form::Packed(_) | Form::Fields(_) => Some((self.get(field, settings)?, None)),
        }
    }

    /// Whether there is such a field, of whatever deadline. O(1); O(n) while packed.
    pub fn contains(&self, field: &[u8], settings: &TypeSettings) -> bool {
        match &self.0 {
            Form::Packed(list) => list.find_pair(field).is_some(),
            Form::Fields(fields) => fields.contains(field, |name| settings.hash_seed.hash(name)),
            Form::Timed(_) => self.get_timed(field, settings).is_some(),
        }
    }

    /// Whether a field may have a deadline.
    #[inline]
    pub const fn is_timed(&self) -> bool {
        matches!(self.0, Form::Timed(_))
    }

    /// Gives a field a deadline or takes it away; false if there is no such field. O(1); O(n) while packed.
    pub fn set_deadline(&mut self, field: &[u8], at: Option<UnixMs>, settings: &TypeSettings) -> bool {
        if !self.is_timed() {
            if at.is_none() || !self.contains(field, settings) {
                return self.contains(field, settings);
            }
            let timed = match &mut self.0 {
                Form::Packed(list) => Timed::of_packed(list),
                Form::Fields(fields) => Timed::of_table(std::mem::take(fields)),
                Form::Timed(_) => return false,
            };
            self.0 = Form::Timed(Box::new(timed));
        }
        match &mut self.0 {
            Form::Timed(fields) => fields.set_deadline(field, at, &settings.hash_seed),
            Form::Packed(_) | Form::Fields(_) => false,
        }
    }

    /// Sets the value of a field, which keeps its deadline, and tells whether the field is new. O(1); O(n) while packed.
    pub fn insert(&mut self, field: &[u8], value: &[u8], settings: &TypeSettings) -> bool {
        if let Form::Packed(list) = &mut self.0 {
            let longest = field.len().max(value.len());
            // Neither sum overflows: no slice is longer than half of the address space.
            let bytes = list.used_bytes().saturating_add(field.len() + value.len());
            if longest <= settings.hash_max_listpack_value && bytes <= LISTPACK_BYTES_MAX {
                let found = list.find_pair(field).map(|(place, _)| place);
                if let Some(place) = found {
                    list.splice_at(list.after(place), 1, &[Element::of(value)]);
                } else {
                    list.push_back(Element::of(field));
                    list.push_back(Element::of(value));
                }
                // Also after a change of a present field: the setting may have been lowered meanwhile.
                if list.len() / 2 > settings.hash_max_listpack_entries {
                    self.unpack(settings);
                }
                return found.is_none();
            }
            self.unpack(settings);
        }
        match &mut self.0 {
            Form::Fields(fields) => fields.insert(field, value, |name| settings.hash_seed.hash(name)),
            Form::Timed(fields) => fields.insert(field, value, Self::limits(settings), &settings.hash_seed),
            Form::Packed(_) => unreachable!("the hash was just unpacked"),
        }
    }

    /// Removes a field, and tells whether it was there. O(1); O(n) while packed.
    pub fn remove(&mut self, field: &[u8], settings: &TypeSettings) -> bool {
        match &mut self.0 {
            Form::Packed(list) => {
                let Some((field, _)) = list.find_pair(field) else { return false };
                list.splice_at(field, 2, &[]);
                true
            }
            Form::Fields(fields) => fields.remove(field, |name| settings.hash_seed.hash(name)),
            Form::Timed(fields) => fields.remove(field, &settings.hash_seed),
        }
    }

    /// The fields and values of whatever deadline, in the order of insertion while packed, else in no order. Those with deadlines come first
    /// while packed, the earliest before the others.
    pub fn iter(&self) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
        self.iter_where(|_| true)
    }

    /// Those for whose deadline `is_shown` says yes, and those without one.
    #[inline]
    pub fn iter_where(
        &self,
        is_shown: impl Fn(UnixMs) -> bool,
    ) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
        match &self.0 {
            Form::Packed(list) => Iter::Packed(list.iter().pairs()),
            Form::Fields(fields) => Iter::Fields(fields.iter()),
            Form::Timed(fields) => Iter::Timed(fields.iter().filter_map(move |(field, value, deadline)| {
                deadline.is_none_or(&is_shown).then_some((field, value))
            })),
        }
    }

    /// The fields, values and deadlines, in the same order; `None` if no field has or had one.
    pub fn iter_timed(&self) -> Option<impl Iterator<Item = (Element<'_>, Element<'_>, Option<UnixMs>)>> {
        match &self.0 {
            Form::Timed(fields) => Some(fields.iter()),
            Form::Packed(_) | Form::Fields(_) => None,
        }
    }

    /// Visits some fields of whatever deadline and gives the cursor to go on with, 0 at the end; begin with 0. A field that is there
    /// from the first call to the last is visited at least once. A packed hash is visited whole.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], &[u8], Option<UnixMs>)) -> u64 {
        match &self.0 {
            Form::Packed(list) => {
                list.iter().pairs().for_each(|(field, value)| visit(&field.spell(), &value.spell(), None));
                0
            }
            Form::Fields(fields) => fields.scan(cursor, |field, value| {
                field.with(|field| value.with(|value| visit(field, value, None)));
            }),
            Form::Timed(fields) => fields.scan(cursor, |(field, value, deadline)| {
                field.with(|field| value.with(|value| visit(field, value, deadline)));
            }),
        }
    }

    /// A field, each of whatever deadline equally likely, with its value.
    pub fn random(&self, random: &Random) -> Option<(Element<'_>, Element<'_>)> {
        match &self.0 {
            Form::Packed(list) if list.is_empty() => None,
            Form::Packed(list) => {
                let field = 2 * random.below(list.len() as u64 / 2) as usize;
                Some((list.at(field), list.at(field + 1)))
            }
            Form::Fields(fields) => fields.random(random),
            Form::Timed(fields) => fields.random(random).map(|(field, value, _)| (field, value)),
        }
    }

    /// What `OBJECT ENCODING` reports: `listpack`, `listpackex` with deadlines, or `hashtable`.
    pub fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Packed(_) => Encoding::Listpack,
            Form::Timed(fields) if fields.is_packed() => Encoding::ListpackEx,
            Form::Fields(_) | Form::Timed(_) => Encoding::Hashtable,
        }
    }

    /// What its blocks on the heap take from the allocator, by [`block_bytes`]. O(1).
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(list) => list.allocated_bytes(),
            Form::Fields(fields) => block_bytes(size_of::<PackedTable>()) + fields.allocated_bytes(),
            Form::Timed(fields) => block_bytes(size_of_val(&**fields)) + fields.allocated_bytes(),
        }
    }

    /// The same, counted block by block. O(n).
    pub fn recounted_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => self.allocated_bytes(),
            Form::Fields(fields) => block_bytes(size_of::<PackedTable>()) + fields.recounted_bytes(),
            Form::Timed(fields) => block_bytes(size_of_val(&**fields)) + fields.recounted_bytes(),
        }
    }
}

expiring!(Hash, Fields);

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Hash {
    /// Whether both have the same fields with the same values and deadlines, in whatever encoding. O(n log n).
    fn eq(&self, other: &Self) -> bool {
        let sorted = |hash: &Self| {
            let mut fields = Vec::new();
            let mut add = |field: Element<'_>, value: Element<'_>, deadline| {
                fields.push((field.spell().to_vec(), value.spell().to_vec(), deadline));
            };
            match hash.iter_timed() {
                Some(timed) => timed.for_each(|(field, value, deadline)| add(field, value, deadline)),
                None => hash.iter().for_each(|(field, value)| add(field, value, None)),
            }
            fields.sort_unstable();
            fields
        };
        self.len() == other.len() && sorted(self) == sorted(other)
    }
}

impl Eq for Hash {}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(field, value)| (field.spell(), value.spell()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    fn settings(entries: usize, value: usize) -> TypeSettings {
        TypeSettings {
            hash_max_listpack_entries: entries,
            hash_max_listpack_value: value,
            hash_seed: HashSeed::new(7),
            ..TypeSettings::default()
        }
    }

    fn hash_of(pairs: &[(&str, &str)], settings: &TypeSettings) -> Hash {
        let mut hash = Hash::new();
        hash.expect(pairs.len(), settings);
        for (field, value) in pairs {
            hash.insert(field.as_bytes(), value.as_bytes(), settings);
        }
        hash
    }

    /// The hash as `HGETALL` shows it.
    fn shown(hash: &Hash) -> String {
        let words: Vec<_> = hash
            .iter()
            .flat_map(|(f, v)| [f, v])
            .map(|word| String::from_utf8_lossy(&word.spell()).into_owned())
            .collect();
        words.join(" ")
    }

    // What Redis 8.0.2 answered with hash-max-listpack-entries 3 and hash-max-listpack-value 3.
    #[test]
    fn encodings_are_those_of_a_real_server() {
        use Encoding::{Hashtable, Listpack};
        let few = settings(3, 3);
        let mut hash = hash_of(&[("a", "1"), ("b", "2"), ("c", "3")], &few);
        assert_eq!(hash.encoding(), Listpack);
        hash.expect(4, &few);
        assert_eq!(hash.encoding(), Hashtable, "HSET of four pairs, though of one field");
        for (pairs, encoding) in [
            (&[("a", "1"); 4][..], Hashtable),
            (&[("abc", "abcd")], Hashtable),
            (&[("abcd", "ab")], Hashtable),
            (&[("b", "1"), ("a", "1234"), ("a", "1")], Hashtable),
            (&[("abc", "abc"), ("", "")], Listpack),
        ] {
            assert_eq!(hash_of(pairs, &few).encoding(), encoding, "HSET {pairs:?}");
        }
        assert_eq!(hash_of(&[("a", "1")], &settings(0, 3)).encoding(), Hashtable);
        let mut hash = hash_of(&[("a", "1"), ("b", "2"), ("c", "3")], &few);
        hash.insert(b"a", b"2", &settings(2, 3));
        assert_eq!(hash.encoding(), Hashtable, "HSET of a present field after the limit was lowered");

        let mut hash = hash_of(&[("a", "1"), ("b", "2"), ("c", "3")], &few);
        hash.insert(b"d", b"4", &few);
        for field in [b"a", b"b", b"c"] {
            hash.remove(field, &few);
        }
        assert_eq!((hash.len(), hash.encoding()), (1, Hashtable), "a table is not packed again");
    }

    #[test]
    fn a_hash_without_deadlines_takes_no_room_for_them() {
        assert_eq!(size_of::<Hash>(), size_of::<Listpack>());
    }

    // What HGETALL of Redis 8.0.2 answered.
    #[test]
    fn a_packed_hash_keeps_the_order_of_insertion() {
        let settings = settings(512, 64);
        let mut hash = hash_of(&[("a", "1"), ("b", "2"), ("c", "3"), ("a", "9")], &settings);
        assert_eq!(shown(&hash), "a 9 b 2 c 3");
        hash.remove(b"b", &settings);
        hash.insert(b"b", b"7", &settings);
        assert_eq!(shown(&hash), "a 9 c 3 b 7");
    }

    #[test]
    fn a_name_that_is_also_a_value_is_found_only_as_a_field() {
        let settings = settings(512, 64);
        let mut hash = hash_of(&[("a", "b"), ("c", "a")], &settings);
        assert!(!hash.contains(b"b", &settings));
        assert!(!hash.remove(b"b", &settings));
        assert!(hash.remove(b"a", &settings));
        assert_eq!(shown(&hash), "c a");
    }

    #[test]
    fn long_names_and_values_of_changing_length_are_kept() {
        let settings = settings(512, 64);
        for length in [0, 1, 253, 254, 255, 256, 70_000] {
            let name = vec![b'n'; length];
            let mut hash = Hash::new();
            assert!(hash.insert(&name, &[b'v'; 100], &settings));
            for value in [0, 100, 300, 3] {
                let value = vec![b'w'; value];
                assert!(!hash.insert(&name, &value, &settings));
                assert_eq!(hash.allocated_bytes(), hash.recounted_bytes());
                assert_eq!(hash.get(&name, &settings), Some(Element::Text(&value)));
                assert_eq!(hash.iter().collect::<Vec<_>>(), [(Element::Text(&name), Element::Text(&value))]);
            }
        }
    }

    #[test]
    fn every_field_is_drawn_about_as_often_as_the_others() {
        for settings in [settings(512, 64), settings(0, 64)] {
            let mut hash = Hash::new();
            let random = Random::from_seed(1);
            assert!(hash.random(&random).is_none());
            for n in 0..10_u8 {
                hash.insert(&[n], &[n, n], &settings);
            }
            let mut drawn = [0; 10];
            for _ in 0..10_000 {
                let (field, value) = hash.random(&random).unwrap();
                let (field, value) = (field.spell(), value.spell());
                assert_eq!(*value, [field[0], field[0]]);
                drawn[usize::from(field[0])] += 1;
            }
            assert!(drawn.iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
        }
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(Vec<u8>, Vec<u8>),
        Remove(Vec<u8>),
    }

    fn a_change() -> impl Strategy<Value = Change> {
        let name = || {
            prop_oneof![
                20 => (0_u32..60).prop_map(|n| n.to_string().into_bytes()),
                1 => proptest::collection::vec(any::<u8>(), 0..300),
            ]
        };
        let value = prop_oneof![
            20 => proptest::collection::vec(any::<u8>(), 0..10),
            1 => proptest::collection::vec(any::<u8>(), 0..300),
        ];
        prop_oneof![
            3 => (name(), value).prop_map(|(name, value)| Change::Insert(name, value)),
            2 => name().prop_map(Change::Remove),
        ]
    }

    proptest! {
        #[test]
        fn a_hash_behaves_as_a_map(
            entries in prop_oneof![Just(0_usize), Just(10), Just(1000)],
            length in prop_oneof![Just(5_usize), Just(1000)],
            changes in proptest::collection::vec(a_change(), 0..200),
        ) {
            let settings = settings(entries, length);
            let mut hash = Hash::new();
            let mut model = BTreeMap::new();
            for change in changes {
                let was = hash.encoding();
                match change {
                    Change::Insert(field, value) => {
                        let new = hash.insert(&field, &value, &settings);
                        let fits = model.len() + usize::from(new) <= entries && field.len().max(value.len()) <= length;
                        let expected = if fits { was } else { Encoding::Hashtable };
                        prop_assert_eq!(hash.encoding(), expected);
                        prop_assert!(hash.get(&field, &settings).is_some_and(|held| *held.spell() == *value));
                        prop_assert_eq!(new, model.insert(field, value).is_none());
                    }
                    Change::Remove(field) => {
                        prop_assert_eq!(hash.remove(&field, &settings), model.remove(&field).is_some());
                        prop_assert_eq!(hash.encoding(), was);
                        prop_assert!(!hash.contains(&field, &settings));
                    }
                }
                prop_assert_eq!(hash.len(), model.len());
                prop_assert_eq!(hash.allocated_bytes(), hash.recounted_bytes());
            }
            let all = |pairs: &mut dyn Iterator<Item = (Element<'_>, Element<'_>)>| -> BTreeMap<Vec<u8>, Vec<u8>> {
                pairs.map(|(field, value)| (field.spell().to_vec(), value.spell().to_vec())).collect()
            };
            prop_assert_eq!(hash.iter().count(), model.len());
            prop_assert_eq!(&all(&mut hash.iter()), &model);
            for (field, value) in &model {
                prop_assert!(hash.get(field, &settings).is_some_and(|held| *held.spell() == **value));
            }

            let mut scanned = BTreeMap::new();
            let mut cursor = 0;
            loop {
                cursor = hash.scan(cursor, |field, value, _| {
                    scanned.insert(field.to_vec(), value.to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            prop_assert_eq!(&scanned, &model);

            let mut other = Hash::new();
            for (field, value) in model.iter().rev() {
                other.insert(field, value, &settings);
            }
            prop_assert_eq!(&other, &hash);
            let copy = hash.clone();
            prop_assert_eq!(&copy, &hash);
            prop_assert_eq!(copy.allocated_bytes(), copy.recounted_bytes());
            if let Some((field, value)) = model.first_key_value() {
                other.insert(field, &[value, &b"x"[..]].concat(), &settings);
                prop_assert_ne!(&other, &hash);
            }
        }
    }
}
