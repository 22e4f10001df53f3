//! The value of a set key: sorted integers, or a packed list in insertion order, or a table.
//!
//! Whatever form holds them, members are seen as byte strings. Knows nothing of keys, clocks, replies or logs. Members may have deadlines;
//! who asks for what is there says at what time.
use std::fmt;

use super::listpack::{Element, LISTPACK_BYTES_MAX, Listpack};
use super::packed_table::PackedTable;
use super::string::IntBuffer;
use super::timed::{Alarm, Limits, Timed, expiring};
use super::{Encoding, Expiring, TypeSettings};
use crate::memory::block_bytes;
use crate::number::parse_i64;
use crate::{HashSeed, Random, UnixMs};

/// A set of byte strings.
///
/// A method that looks for a member takes the settings, because the seed of the member's hash is one of them; all
/// calls on one set must be given the same seed.
#[derive(Clone)]
pub struct Set(Form);

#[derive(Clone)]
enum Form {
    Integers(IntSet),
    /// In the order in which the members were added.
    Packed(Listpack),
    /// Boxed, because most sets are small. Every value is empty.
    Members(Box<PackedTable>),
    /// Some members have deadlines, or had.
    Timed(Box<Timed<TIMED_WORDS>>),
}

/// A member and its deadline.
const TIMED_WORDS: usize = 2;

/// Integers in ascending order, all as wide as the widest that was ever among them.
#[derive(Clone)]
enum IntSet {
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

/// Evaluates `$body` for the integers of whatever width.
macro_rules! each_width {
    ($set:expr, $integers:ident => $body:expr) => {
        match $set {
            IntSet::Two($integers) => $body,
            IntSet::Four($integers) => $body,
            IntSet::Eight($integers) => $body,
        }
    };
}

fn position<W: Copy + Ord + TryFrom<i64>>(integers: &[W], value: i64) -> Option<Result<usize, usize>> {
    let value = W::try_from(value).ok()?;
    // Most sets of integers are filled in ascending order.
    Some(match integers.last() {
        Some(last) if *last < value => Err(integers.len()),
        _ => integers.binary_search(&value),
    })
}

/// Adds an integer unless it is there; `None` if it is wider than these.
fn insert_into<W: Copy + Ord + TryFrom<i64>>(integers: &mut Vec<W>, value: i64) -> Option<bool> {
    let found = position(integers, value)?;
    if let Err(index) = found {
        integers.insert(index, W::try_from(value).ok()?);
    }
    Some(found.is_err())
}

impl IntSet {
    const fn new() -> Self {
        Self::Two(Vec::new())
    }

    fn len(&self) -> usize {
        each_width!(self, integers => integers.len())
    }

    fn get(&self, index: usize) -> Option<i64> {
        fn wide<W: Copy + Into<i64>>(integers: &[W], index: usize) -> Option<i64> {
            integers.get(index).map(|&value| value.into())
        }
        each_width!(self, integers => wide(integers, index))
    }

    #[inline]
    fn contains(&self, value: i64) -> bool {
        each_width!(self, integers => matches!(position(integers, value), Some(Ok(_))))
    }

    fn insert(&mut self, value: i64) -> bool {
        if let Some(new) = each_width!(self, integers => insert_into(integers, value)) {
            return new;
        }
        self.widen(value);
        each_width!(self, integers => insert_into(integers, value)).unwrap_or(false)
    }

    /// Makes every integer as wide as `value`, which is wider than they are.
    fn widen(&mut self, value: i64) {
        let room = self.len() + 1;
        let values = self.iter();
        *self = if i32::try_from(value).is_ok() {
            let mut wide = Vec::with_capacity(room);
            wide.extend(values.map(|value| value as i32));
            Self::Four(wide)
        } else {
            let mut wide = Vec::with_capacity(room);
            wide.extend(values);
            Self::Eight(wide)
        };
    }

    fn remove(&mut self, value: i64) -> bool {
        each_width!(self, integers => match position(integers, value) {
            Some(Ok(index)) => {
                integers.remove(index);
                true
            }
            _ => false,
        })
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = i64> {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }

    /// The length of the longest text among the members, which is that of the least or of the greatest.
    fn longest_text(&self) -> usize {
        let text_length = |value| IntBuffer::of(value).as_slice().len();
        let ends = [self.get(0), self.len().checked_sub(1).and_then(|last| self.get(last))];
        ends.into_iter().flatten().map(text_length).max().unwrap_or(0)
    }

    const fn width(&self) -> usize {
        match self {
            Self::Two(_) => 2,
            Self::Four(_) => 4,
            Self::Eight(_) => 8,
        }
    }

    fn allocated_bytes(&self) -> usize {
        block_bytes(match self {
            Self::Two(integers) => integers.capacity() * size_of::<i16>(),
            Self::Four(integers) => integers.capacity() * size_of::<i32>(),
            Self::Eight(integers) => integers.capacity() * size_of::<i64>(),
        })
    }
}

/// One of four iterators.
enum Iter<A, B, C, D> {
    Integers(A),
    Packed(B),
    Members(C),
    Timed(D),
}

impl<T, A, B, C, D> Iterator for Iter<A, B, C, D>
where
    A: Iterator<Item = T>,
    B: Iterator<Item = T>,
    C: Iterator<Item = T>,
    D: Iterator<Item = T>,
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Self::Integers(iter) => iter.next(),
            Self::Packed(iter) => iter.next(),
            Self::Members(iter) => iter.next(),
            Self::Timed(iter) => iter.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Integers(iter) => iter.size_hint(),
            Self::Packed(iter) => iter.size_hint(),
            Self::Members(iter) => iter.size_hint(),
            Self::Timed(iter) => iter.size_hint(),
        }
    }

    #[inline]
    fn fold<S, F: FnMut(S, T) -> S>(self, first: S, combine: F) -> S {
        match self {
            Self::Integers(iter) => iter.fold(first, combine),
            Self::Packed(iter) => iter.fold(first, combine),
            Self::Members(iter) => iter.fold(first, combine),
            Self::Timed(iter) => iter.fold(first, combine),
        }
    }
}

impl Set {
    /// A set without members; the first that is added decides the encoding.
    pub fn new() -> Self {
        Self(Form::Integers(IntSet::new()))
    }

    /// An empty set, ready for a command that names `count` members of which `first` is the first. Redis chooses
    /// the encoding by these two, before it adds any.
    pub fn for_members(first: &[u8], count: usize, settings: &TypeSettings) -> Self {
        Self(if count <= settings.set_max_intset_entries && parse_i64(first).is_some() {
            Form::Integers(IntSet::new())
        } else if count <= settings.set_max_listpack_entries {
            Form::Packed(Listpack::new())
        } else {
            Form::Members(Box::default())
        })
    }

    /// Makes ready for a command that names `count` members to add to a set that has some. Redis gives up a small
    /// encoding by that number, repeated and present members included, before it adds the first.
    pub fn expect(&mut self, count: usize, settings: &TypeSettings) {
        let most = match &self.0 {
            Form::Integers(_) => settings.set_max_intset_entries,
            Form::Packed(_) => settings.set_max_listpack_entries,
            Form::Timed(members) if members.is_packed() => settings.set_max_listpack_entries,
            Form::Members(_) | Form::Timed(_) => return,
        };
        if count > most {
            self.spread(settings);
        }
    }

    fn limits(settings: &TypeSettings) -> Limits {
        Limits { entries: settings.set_max_listpack_entries, bytes: settings.set_max_listpack_value }
    }

    /// Number of members, of whatever deadline. O(1).
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Packed(list) => list.len(),
            Form::Members(members) => members.len(),
            Form::Timed(members) => members.len(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is there, of whatever deadline. O(1); O(log n) among integers, O(n) while packed.
    #[inline]
    pub fn contains(&self, member: &[u8], settings: &TypeSettings) -> bool {
        match &self.0 {
            Form::Integers(integers) => parse_i64(member).is_some_and(|value| integers.contains(value)),
            Form::Packed(list) => list.find(member).is_some(),
            Form::Members(members) => members.contains(member, |name| settings.hash_seed.hash(name)),
            Form::Timed(members) => Self::deadline_among(members, member, settings).is_some(),
        }
    }

    /// The same for one that is alive at a time, which is asked for if the member has a deadline.
    #[inline]
    pub fn contains_alive(
        &self,
        member: &[u8],
        settings: &TypeSettings,
        now: impl FnOnce() -> UnixMs,
    ) -> bool {
        match &self.0 {
            Form::Timed(members) => {
                let is_alive = |deadline: Option<_>| deadline.is_none_or(|deadline| now() <= deadline);
                Self::deadline_among(members, member, settings).is_some_and(is_alive)
            }
            Form::Integers(_) | Form::Packed(_) | Form::Members(_) => self.contains(member, settings),
        }
    }

    /// A member's deadline; `None` if it is not there. O(1); O(log n) among integers, O(n) while packed.
    pub fn deadline(&self, member: &[u8], settings: &TypeSettings) -> Option<Option<UnixMs>> {
        match &self.0 {
            Form::Timed(members) => Self::deadline_among(members, member, settings),
            Form::Integers(_) | Form::Packed(_) | Form::Members(_) => {
                self.contains(member, settings).then_some(None)
            }
        }
    }

    /// Out of the way of sets without deadlines.
    #[cold]
    #[inline(never)]
    #[expect(clippy::option_option, reason = "the outer one says whether it is there")]
    fn deadline_among(
        members: &Timed<TIMED_WORDS>,
        member: &[u8],
        settings: &TypeSettings,
    ) -> Option<Option<UnixMs>> {
        members.get(member, &settings.hash_seed).map(|(_, deadline)| deadline)
    }

    /// Whether a member may have a deadline.
    #[inline]
    pub const fn is_timed(&self) -> bool {
        matches!(self.0, Form::Timed(_))
    }

    /// Whether a member has a deadline. O(1).
    pub fn has_deadlines(&self) -> bool {
        self.next_at().is_some()
    }

    /// Gives a member a deadline or takes it away; false if it is not there. O(1); O(n) among integers and while packed.
    pub fn set_deadline(&mut self, member: &[u8], at: Option<UnixMs>, settings: &TypeSettings) -> bool {
        if !self.is_timed() {
            if at.is_none() || !self.contains(member, settings) {
                return self.contains(member, settings);
            }
            self.leave_integers(0, 0, settings);
            let timed = match &mut self.0 {
                Form::Packed(list) => Timed::of_packed(list),
                Form::Members(members) => Timed::of_table(std::mem::take(members)),
                Form::Integers(_) | Form::Timed(_) => return false,
            };
            self.0 = Form::Timed(Box::new(timed));
        }
        match &mut self.0 {
            Form::Timed(members) => members.set_deadline(member, at, &settings.hash_seed),
            Form::Integers(_) | Form::Packed(_) | Form::Members(_) => false,
        }
    }

    /// Adds `member`, without a deadline, and tells whether it is new; one that is there keeps its deadline. O(1); O(n) among integers and
    /// while packed.
    pub fn insert(&mut self, member: &[u8], settings: &TypeSettings) -> bool {
        if let Form::Integers(integers) = &mut self.0 {
            match parse_i64(member) {
                Some(value) if integers.len() > 0 || settings.set_max_intset_entries > 0 => {
                    let new = integers.insert(value);
                    if new && integers.len() > settings.set_max_intset_entries {
                        self.spread(settings);
                    }
                    return new;
                }
                _ => self.leave_integers(1, member.len(), settings),
            }
        }
        if let Form::Packed(list) = &mut self.0 {
            if list.find(member).is_some() {
                return false;
            }
            if list.len() < settings.set_max_listpack_entries
                && member.len() <= settings.set_max_listpack_value
                && list.used_bytes().saturating_add(member.len()) <= LISTPACK_BYTES_MAX
            {
                list.push_back(Element::of(member));
                return true;
            }
            self.spread(settings);
        }
        match &mut self.0 {
            Form::Members(members) => members.insert(member, &[], |name| settings.hash_seed.hash(name)),
            Form::Timed(members) => {
                let is_new = members.get(member, &settings.hash_seed).is_none();
                is_new && members.insert(member, &[], Self::limits(settings), &settings.hash_seed)
            }
            Form::Integers(_) | Form::Packed(_) => unreachable!("the set was just spread over a table"),
        }
    }

    /// Packs integers in ascending order if that leaves room for so many more members, the longest of so many bytes; else spreads
    /// them over a table.
    fn leave_integers(&mut self, more: usize, longest: usize, settings: &TypeSettings) {
        let Form::Integers(integers) = &self.0 else { return };
        if integers.len() + more <= settings.set_max_listpack_entries
            && longest.max(integers.longest_text()) <= settings.set_max_listpack_value
        {
            let mut list = Listpack::new();
            integers.iter().for_each(|value| list.push_back(Element::Integer(value)));
            self.0 = Form::Packed(list);
        } else {
            self.spread(settings);
        }
    }

    /// Moves the members into a table.
    fn spread(&mut self, settings: &TypeSettings) {
        if let Form::Timed(members) = &mut self.0 {
            members.unpack(&settings.hash_seed);
            return;
        }
        let mut members = Box::<PackedTable>::default();
        for member in self.iter() {
            member.with(|member| members.insert(member, &[], |name| settings.hash_seed.hash(name)));
        }
        self.0 = Form::Members(members);
    }

    /// Removes `member`, and tells whether it was there. O(1); O(n) among integers and while packed.
    pub fn remove(&mut self, member: &[u8], settings: &TypeSettings) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => parse_i64(member).is_some_and(|value| integers.remove(value)),
            Form::Packed(list) => {
                let found = list.find(member);
                if let Some(place) = found {
                    list.splice_at(place, 1, &[]);
                }
                found.is_some()
            }
            Form::Members(members) => members.remove(member, |name| settings.hash_seed.hash(name)),
            Form::Timed(members) => members.remove(member, &settings.hash_seed),
        }
    }

    /// The members of whatever deadline: integers in ascending order, packed ones in the order of insertion, else in no order. Those with
    /// deadlines come first while packed, the earliest before the others.
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        self.iter_where(|_| true)
    }

    /// Those for whose deadline `is_shown` says yes, and those without one.
    #[inline]
    pub fn iter_where(&self, is_shown: impl Fn(UnixMs) -> bool) -> impl Iterator<Item = Element<'_>> {
        match &self.0 {
            Form::Integers(integers) => Iter::Integers(integers.iter().map(Element::Integer)),
            Form::Packed(list) => Iter::Packed(list.iter()),
            Form::Members(members) => Iter::Members(members.iter().map(|(member, _)| member)),
            Form::Timed(members) => {
                Iter::Timed(members.iter().filter_map(move |(member, _, deadline)| {
                    deadline.is_none_or(&is_shown).then_some(member)
                }))
            }
        }
    }

    /// The members and their deadlines, in the same order; `None` if no member has or had one.
    pub fn iter_timed(&self) -> Option<impl Iterator<Item = (Element<'_>, Option<UnixMs>)>> {
        match &self.0 {
            Form::Timed(members) => Some(members.iter().map(|(member, _, deadline)| (member, deadline))),
            Form::Integers(_) | Form::Packed(_) | Form::Members(_) => None,
        }
    }

    /// The members of a set of integers in ascending order, and how many bytes each takes; `None` of any other.
    pub(crate) fn integers(&self) -> Option<(usize, impl ExactSizeIterator<Item = i64>)> {
        match &self.0 {
            Form::Integers(integers) => Some((integers.width(), integers.iter())),
            Form::Packed(_) | Form::Members(_) | Form::Timed(_) => None,
        }
    }

    /// Visits some members of whatever deadline and gives the cursor to go on with, 0 at the end; begin with 0. A member that is there
    /// from the first call to the last is visited at least once. A set that is not a table is visited whole.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], Option<UnixMs>)) -> u64 {
        match &self.0 {
            Form::Members(members) => {
                members.scan(cursor, |member, _| member.with(|member| visit(member, None)))
            }
            Form::Timed(members) => {
                members.scan(cursor, |(member, _, deadline)| member.with(|member| visit(member, deadline)))
            }
            Form::Integers(_) | Form::Packed(_) => {
                self.iter().for_each(|member| member.with(|member| visit(member, None)));
                0
            }
        }
    }

    /// A member, each of whatever deadline equally likely. O(1); O(n) while packed.
    pub fn random(&self, random: &Random) -> Option<Element<'_>> {
        if self.is_empty() {
            return None;
        }
        let index = || random.below(self.len() as u64) as usize;
        match &self.0 {
            Form::Integers(integers) => integers.get(index()).map(Element::Integer),
            Form::Packed(list) => Some(list.at(index())),
            Form::Members(members) => members.random(random).map(|(member, _)| member),
            Form::Timed(members) => members.random(random).map(|(member, ..)| member),
        }
    }

    /// What `OBJECT ENCODING` reports: `intset`, `listpack`, `listpackex` with deadlines, or `hashtable`.
    pub fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Integers(_) => Encoding::Intset,
            Form::Packed(_) => Encoding::Listpack,
            Form::Timed(members) if members.is_packed() => Encoding::ListpackEx,
            Form::Members(_) | Form::Timed(_) => Encoding::Hashtable,
        }
    }

    /// What its blocks on the heap take from the allocator, by [`block_bytes`]. O(1).
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.allocated_bytes(),
            Form::Packed(list) => list.allocated_bytes(),
            Form::Members(members) => block_bytes(size_of::<PackedTable>()) + members.allocated_bytes(),
            Form::Timed(members) => block_bytes(size_of_val(&**members)) + members.allocated_bytes(),
        }
    }

    /// The same, counted block by block. O(n).
    pub fn recounted_bytes(&self) -> usize {
        match &self.0 {
            Form::Integers(_) | Form::Packed(_) => self.allocated_bytes(),
            Form::Members(members) => block_bytes(size_of::<PackedTable>()) + members.recounted_bytes(),
            Form::Timed(members) => block_bytes(size_of_val(&**members)) + members.recounted_bytes(),
        }
    }
}

expiring!(Set, Members);

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Set {
    /// Whether both have the same members with the same deadlines, in whatever encoding. O(n log n).
    fn eq(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut members: Vec<(Vec<u8>, Option<UnixMs>)> = match set.iter_timed() {
                Some(timed) => timed.map(|(member, at)| (member.spell().to_vec(), at)).collect(),
                None => set.iter().map(|member| (member.spell().to_vec(), None)).collect(),
            };
            members.sort_unstable();
            members
        };
        self.len() == other.len() && sorted(self) == sorted(other)
    }
}

impl Eq for Set {}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Element::spell)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    fn settings(integers: usize, packed: usize, length: usize) -> TypeSettings {
        TypeSettings {
            set_max_intset_entries: integers,
            set_max_listpack_entries: packed,
            set_max_listpack_value: length,
            hash_seed: HashSeed::new(7),
            ..TypeSettings::default()
        }
    }

    /// Does what `SADD` of these words does, and gives the encoding then.
    fn sadd(set: &mut Set, words: &str, settings: &TypeSettings) -> Encoding {
        let words: Vec<_> = words.split(' ').map(str::as_bytes).collect();
        if set.is_empty() {
            *set = Set::for_members(words[0], words.len(), settings);
        } else {
            set.expect(words.len(), settings);
        }
        for word in words {
            set.insert(word, settings);
        }
        set.encoding()
    }

    /// The set as `SMEMBERS` shows it.
    fn shown(set: &Set) -> String {
        set.iter()
            .map(|member| String::from_utf8_lossy(&member.spell()).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    // What Redis 8.0.2 answered to the same commands under the same settings.
    #[test]
    fn encodings_are_those_of_a_real_server() {
        use Encoding::{Hashtable, Intset, Listpack};
        type Commands = [(&'static str, Encoding)];
        let cases: &[(usize, usize, usize, &Commands)] = &[
            (512, 128, 64, &[("1 2 3 0", Intset), ("foo", Listpack)]),
            (512, 128, 64, &[("-0 +1 01 9223372036854775808", Listpack)]),
            (5, 128, 64, &[("1 2 3 4 5", Intset), ("6", Hashtable)]),
            (5, 128, 64, &[("1 2 3 4 5 6", Listpack)]),
            (5, 128, 64, &[("1 2 3", Intset), ("1 1 1 1 1 1", Hashtable)]),
            (5, 128, 64, &[("1 1 1 1 1 1", Listpack)]),
            (5, 3, 64, &[("a b c", Listpack), ("a a a a", Hashtable)]),
            (5, 3, 64, &[("a a a a", Hashtable)]),
            (5, 3, 64, &[("1 2 3", Intset), ("x", Hashtable)]),
            (5, 3, 64, &[("1 2", Intset), ("x", Listpack)]),
            (5, 3, 64, &[("1 a b c", Hashtable)]),
            (5, 3, 64, &[("1 a a a a", Listpack)]),
            (5, 3, 64, &[("1 a a a a a a", Hashtable)]),
            (5, 3, 3, &[("abc", Listpack)]),
            (5, 3, 3, &[("abcd", Hashtable)]),
            (5, 3, 3, &[("1000", Intset), ("a", Hashtable)]),
            (5, 3, 3, &[("a", Listpack), ("1000", Hashtable)]),
            (5, 3, 3, &[("5 -100", Intset), ("a", Hashtable)]),
            (0, 3, 3, &[("1", Listpack)]),
            (0, 0, 3, &[("1", Hashtable)]),
            (0, 0, 3, &[("a", Hashtable)]),
            (2, 0, 3, &[("1", Intset), ("a", Hashtable)]),
        ];
        for &(integers, packed, length, commands) in cases {
            let settings = settings(integers, packed, length);
            let mut set = Set::new();
            for &(words, encoding) in commands {
                assert_eq!(sadd(&mut set, words, &settings), encoding, "{words} of {commands:?}");
            }
        }
    }

    // What SMEMBERS of Redis 8.0.2 answered.
    #[test]
    fn integers_are_shown_in_order_and_stay_so_when_a_word_joins_them() {
        let settings = settings(512, 128, 64);
        let mut set = Set::new();
        sadd(&mut set, "1 2 3 0", &settings);
        sadd(&mut set, "foo", &settings);
        assert_eq!(shown(&set), "0 1 2 3 foo");
        sadd(&mut set, "01", &settings);
        set.remove(b"2", &settings);
        sadd(&mut set, "9", &settings);
        assert_eq!(shown(&set), "0 1 3 foo 01 9");
        let mut set = Set::new();
        sadd(&mut set, "5 -3 10 -200 70000 x", &settings);
        assert_eq!(shown(&set), "-200 -3 5 10 70000 x");
    }

    #[test]
    fn integers_take_two_bytes_until_a_wider_one_comes() {
        let settings = settings(512, 128, 64);
        let mut set = Set::new();
        for (member, width) in
            [("32767", 2), ("-32768", 2), ("32768", 4), ("-2147483648", 4), ("2147483648", 8)]
        {
            set.insert(member.as_bytes(), &settings);
            let Form::Integers(integers) = &set.0 else { panic!("{set:?}") };
            let actual = match integers {
                IntSet::Two(_) => 2,
                IntSet::Four(_) => 4,
                IntSet::Eight(_) => 8,
            };
            assert_eq!(actual, width, "{member}");
        }
        assert_eq!(shown(&set), "-2147483648 -32768 32767 32768 2147483648");
    }

    #[test]
    fn every_member_is_drawn_about_as_often_as_the_others() {
        for (first, settings) in
            [("0", settings(512, 128, 64)), ("a", settings(512, 128, 64)), ("a", settings(0, 0, 0))]
        {
            let mut set = Set::new();
            let random = Random::from_seed(1);
            assert!(set.random(&random).is_none());
            set.insert(first.as_bytes(), &settings);
            for n in 1..10 {
                set.insert(n.to_string().as_bytes(), &settings);
            }
            let mut drawn = [0; 10];
            for _ in 0..10_000 {
                let member = set.random(&random).unwrap().spell();
                drawn[parse_i64(&member).unwrap_or(0) as usize] += 1;
            }
            assert!(drawn.iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
        }
    }

    fn a_member() -> impl Strategy<Value = Vec<u8>> {
        let text = |value: i64| value.to_string().into_bytes();
        prop_oneof![
            20 => (-40_i64..40).prop_map(text),
            2 => (-40_000_i64..40_000).prop_map(text),
            1 => any::<i32>().prop_map(move |value| text(value.into())),
            1 => any::<i64>().prop_map(text),
        ]
    }

    fn any_member() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            40 => a_member(),
            1 => proptest::string::string_regex("[-+0]?0[0-9]").unwrap().prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 0..40),
        ]
    }

    fn changes() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
        prop_oneof![
            proptest::collection::vec((proptest::bool::weighted(0.6), a_member()), 0..200),
            proptest::collection::vec((proptest::bool::weighted(0.6), any_member()), 0..200),
        ]
    }

    #[test]
    fn a_set_without_deadlines_takes_no_room_for_them() {
        #[expect(dead_code, reason = "only its size is looked at")]
        enum WithoutDeadlines {
            Integers(IntSet),
            Packed(Listpack),
            Members(Box<PackedTable>),
        }
        assert_eq!(size_of::<Set>(), size_of::<WithoutDeadlines>());
    }

    // By tests/unit/type/set-member-expire.tcl of Redis's branch of member deadlines (github.com/ronen-kalish/redis).
    #[test]
    fn the_first_deadline_decides_the_encoding_and_no_other_does() {
        use Encoding::{Hashtable, Intset, Listpack, ListpackEx};
        let settings = settings(512, 4, 8);
        for (words, before, after) in [
            ("1 2 3 40", Intset, ListpackEx),
            ("1 2 3 40 5", Intset, Hashtable),
            ("1 2 3 123456789", Intset, Hashtable),
            ("a b c d", Listpack, ListpackEx),
            ("a b c d e", Hashtable, Hashtable),
        ] {
            let mut set = Set::new();
            assert_eq!(sadd(&mut set, words, &settings), before, "{words}");
            let word = words.rsplit(' ').next().unwrap().as_bytes();
            assert!(!set.set_deadline(b"nosuch", Some(UnixMs(7)), &settings));
            assert!(set.set_deadline(word, None, &settings));
            assert_eq!(set.encoding(), before, "{words}, of which none has a deadline");
            assert!(set.set_deadline(word, Some(UnixMs(7)), &settings));
            assert_eq!(set.encoding(), after, "{words}");
            assert_eq!(set.deadline(word, &settings), Some(Some(UnixMs(7))));
            assert!(set.set_deadline(word, None, &settings));
            assert_eq!((set.encoding(), set.has_deadlines()), (after, false), "{words}");
        }
        let mut set = Set::new();
        sadd(&mut set, "a b c d", &settings);
        set.set_deadline(b"a", Some(UnixMs(7)), &settings);
        assert_eq!(sadd(&mut set, "e", &settings), Hashtable, "a fifth member");
        assert_eq!(set.deadline(b"a", &settings), Some(Some(UnixMs(7))));
        let mut set = Set::new();
        sadd(&mut set, "a b", &settings);
        set.set_deadline(b"a", Some(UnixMs(7)), &settings);
        assert_eq!(sadd(&mut set, "ninebytes", &settings), Hashtable, "a long member");
    }

    #[derive(Clone, Debug)]
    enum TimedChange {
        Insert(Vec<u8>),
        Remove(Vec<u8>),
        Deadline(Vec<u8>, Option<i64>),
        Reclaim(i64, usize),
    }

    fn a_timed_change() -> impl Strategy<Value = TimedChange> {
        prop_oneof![
            4 => any_member().prop_map(TimedChange::Insert),
            2 => a_member().prop_map(TimedChange::Remove),
            4 => (a_member(), prop::option::weighted(0.8, 0_i64..100))
                .prop_map(|(member, at)| TimedChange::Deadline(member, at)),
            1 => (0_i64..100, 1_usize..10).prop_map(|(now, budget)| TimedChange::Reclaim(now, budget)),
        ]
    }

    proptest! {
        #[test]
        fn members_have_the_deadlines_that_they_were_given(
            packed in prop_oneof![Just(0_usize), Just(12), Just(1000)],
            changes in prop::collection::vec(a_timed_change(), 0..300),
        ) {
            let settings = settings(10, packed, 30);
            let (mut set, mut model) = (Set::new(), std::collections::BTreeMap::new());
            for change in changes {
                match change {
                    TimedChange::Insert(member) => {
                        prop_assert_eq!(set.insert(&member, &settings), !model.contains_key(&member));
                        model.entry(member).or_insert(None);
                    }
                    TimedChange::Remove(member) => {
                        prop_assert_eq!(set.remove(&member, &settings), model.remove(&member).is_some());
                    }
                    TimedChange::Deadline(member, at) => {
                        let at = at.map(UnixMs);
                        prop_assert_eq!(set.set_deadline(&member, at, &settings), model.contains_key(&member));
                        if let Some(held) = model.get_mut(&member) {
                            *held = at;
                        }
                    }
                    TimedChange::Reclaim(now, mut budget) => {
                        let (given, mut gone) = (budget, 0);
                        set.reclaim(UnixMs(now), &mut budget, &settings.hash_seed, &mut |member| {
                            let deadline = model.remove(member).flatten();
                            assert!(deadline.is_some_and(|at| at < UnixMs(now)), "{member:?} {deadline:?}");
                            gone += 1;
                        });
                        prop_assert!(gone <= given - budget);
                    }
                }
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.has_deadlines(), model.values().any(Option::is_some));
                let earliest = model.values().flatten().min();
                prop_assert!(set.next_at().is_none_or(|at| earliest.is_some_and(|earliest| at.0 <= earliest.0 + 1)));
                prop_assert_eq!(set.allocated_bytes(), set.recounted_bytes());
            }
            for (member, at) in &model {
                prop_assert_eq!(set.deadline(member, &settings), Some(*at));
                prop_assert_eq!(set.contains_alive(member, &settings, || UnixMs(50)), at.is_none_or(|at| at.0 >= 50));
            }
            let alive: BTreeSet<_> = set.iter_where(|at| at.0 >= 50).map(|member| member.spell().to_vec()).collect();
            let expected = model.iter().filter(|(_, at)| at.is_none_or(|at| at.0 >= 50));
            prop_assert_eq!(alive, expected.map(|(member, _)| member.clone()).collect());
            let (mut scanned, mut cursor) = (std::collections::BTreeMap::new(), 0);
            loop {
                cursor = set.scan(cursor, |member, at| {
                    scanned.insert(member.to_vec(), at);
                });
                if cursor == 0 {
                    break;
                }
            }
            prop_assert_eq!(&scanned, &model);
            let mut copy = set.clone();
            prop_assert_eq!(&copy, &set);
            if let Some((member, at)) = model.first_key_value() {
                copy.set_deadline(member, Some(UnixMs(at.map_or(0, |at| at.0 + 1))), &settings);
                prop_assert_ne!(&copy, &set);
            }
        }

        #[test]
        fn a_set_behaves_as_a_set(
            integers in prop_oneof![Just(0_usize), Just(10), Just(1000)],
            packed in prop_oneof![Just(0_usize), Just(12), Just(1000)],
            length in prop_oneof![Just(3_usize), Just(1000)],
            changes in changes(),
        ) {
            let settings = settings(integers, packed, length);
            let mut set = Set::new();
            let mut model = BTreeSet::new();
            for (insert, member) in changes {
                let before = set.encoding();
                if insert {
                    prop_assert_eq!(set.insert(&member, &settings), model.insert(member.clone()));
                } else {
                    prop_assert_eq!(set.remove(&member, &settings), model.remove(&member));
                    prop_assert_eq!(set.encoding(), before);
                }
                prop_assert_eq!(set.contains(&member, &settings), insert);
                prop_assert_eq!(set.allocated_bytes(), set.recounted_bytes());
                prop_assert_eq!(set.len(), model.len());
                match set.encoding() {
                    Encoding::Intset => {
                        prop_assert!(model.len() <= integers);
                        prop_assert!(model.iter().all(|member| parse_i64(member).is_some()));
                    }
                    Encoding::Listpack => {
                        prop_assert!(model.len() <= packed);
                        prop_assert!(model.iter().all(|member| member.len() <= length));
                        prop_assert!(before != Encoding::Hashtable);
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(set.iter().count(), model.len());
            prop_assert_eq!(&set.iter().map(|member| member.spell().to_vec()).collect::<BTreeSet<_>>(), &model);
            if set.encoding() == Encoding::Intset {
                prop_assert!(set.iter().map(|member| parse_i64(&member.spell())).is_sorted());
            }
            for member in &model {
                prop_assert!(set.contains(member, &settings));
            }

            let mut scanned = BTreeSet::new();
            let mut cursor = 0;
            loop {
                cursor = set.scan(cursor, |member, _| {
                    scanned.insert(member.to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            prop_assert_eq!(&scanned, &model);

            let mut other = Set::new();
            for member in model.iter().rev() {
                other.insert(member, &settings);
            }
            prop_assert_eq!(&other, &set);
            let copy = set.clone();
            prop_assert_eq!(&copy, &set);
            prop_assert_eq!(copy.allocated_bytes(), copy.recounted_bytes());
            if let Some(first) = model.first() {
                other.remove(first, &settings);
                other.insert(&[first, &b"x"[..]].concat(), &settings);
                prop_assert_eq!(other == set, model.contains(&[first, &b"x"[..]].concat()) && other.len() == set.len());
            }
        }
    }
}
