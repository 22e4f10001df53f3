//! From hashes to entries: extendible hashing over segments that grow by an eighth.
//!
//! R. Fagin et al., "Extendible hashing: a fast access method for dynamic files", TODS 1979: the highest bits of a hash
//! name a segment through a directory; a segment that has grown to [`MAX_LINES`] is divided in two by one bit more, and the
//! directory doubles when there are no bits left. A segment is a row of lines of eight pointers, as big as cache lines
//! though not aligned to them (allocators waste more on that than it gains), and nothing else: a pointer brings sixteen bits of its hash along in the bits that addresses do not use, its tag.
//!
//! ```text
//! hash   | directory ...        |        | shard  | tag    |
//!         63 downwards                    31    16 15     0
//!
//! segment  line 0      line 1      line 2      ...
//!          tags from 0 ------------------> to 65535
//! ```
//!
//! The tag says at which line to begin: lines are in the order of tags, however many there are. What finds its line full
//! lies in the next that is not; so whoever looks for something goes on as long as lines are full. Because the home of
//! an entry follows from its tag, a segment is laid out anew without a look at any key, a million entries need 10 bytes each,
//! and a scan that goes by tags is not disturbed by growth. No insertion moves more than a segment: tens of microseconds.
//!
//! Nothing here knows what a key is: callers compare and hash.
mod equal_halves;
mod tagged_pointer;

use std::fmt;

use equal_halves::equal_halves;
pub(crate) use tagged_pointer::{TaggedPointer, prefetch};

use crate::Random;
use crate::memory::block_bytes;

/// Pointers in a line.
const SLOTS: usize = 8;
/// A segment that needs more lines is divided: 8 KiB, so that laying it out anew takes microseconds. Segments come to that
/// size at about the same time, so divisions come in bursts.
const MAX_LINES: usize = 128;
/// A directory has at most two to this power names, enough for 50 million values; segments beyond that grow without being
/// divided.
const MAX_DEPTH: u32 = 16;
/// How many tags there are.
const TAGS: usize = 1 << 16;
/// A segment gets more lines when more than so many of its slots in 256 are taken. Whoever looks for a key that is not there
/// goes through a run to its end: 2.6 lines on average at this, 4.9 at 240, 1.8 at 208, for 9.9, 9.2 and 10.6 bytes a key.
const FULL: usize = 224;
/// A segment gives lines back when fewer than so many of its slots in 256 are taken.
const SPARSE: usize = 96;

/// Something that can keep the tag of its hash.
pub(crate) trait Tagged {
    /// In its upper half, what [`Tagged::set_tag`] was given last; in the lower, whatever is cheapest.
    fn tag_word(&self) -> u32;
    /// What [`Tagged::set_tag`] was given last.
    fn tag(&self) -> u16 {
        (self.tag_word() >> 16) as u16
    }
    /// Keeps a tag.
    fn set_tag(&mut self, tag: u16);
    /// Asks for the memory that hashing will read, without waiting for it.
    fn prefetch(&self) {}
}

/// Values that are found by a hash.
///
/// Hashes of the same value must be the same in every call. Operations on single values take O(1) time, expected.
pub(crate) struct ExtendibleTable<T> {
    segments: Vec<Segment<T>>,
    /// The segment of each value of the highest `depth` bits; nothing while there is one segment at most.
    directory: Vec<u32>,
    depth: u32,
    len: usize,
    /// What the segments' lines take of the allocator.
    line_bytes: usize,
}

/// Where a value is, until one is added or taken out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    segment: usize,
    line: usize,
    slot: usize,
}

/// The values whose hashes have the same highest bits.
struct Segment<T> {
    /// Homes, and behind them lines for what the last homes have no room for.
    lines: Vec<Line<T>>,
    /// How many lines are homes.
    homes: usize,
    len: usize,
    /// By how many bits of the hash this segment is told from the others.
    depth: u32,
}

struct Line<T>([Option<T>; SLOTS]);

impl<T: Tagged> Line<T> {
    /// A bit for each slot with this tag; for tag 0, empty ones too.
    #[inline]
    fn candidates(&self, tag: u16) -> u32 {
        let words = self.0.each_ref().map(|value| value.as_ref().map_or(0, T::tag_word));
        equal_halves(words, tag)
    }
}

impl<T> Line<T> {
    const fn new() -> Self {
        Self([const { None }; SLOTS])
    }

    fn is_full(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

const fn tag_of(hash: u64) -> u16 {
    hash as u16
}

/// The highest bits of a hash, as a number.
const fn prefix(hash: u64, bits: u32) -> usize {
    // In two steps, because a shift by all 64 bits is none.
    ((hash >> 1) >> (63 - bits)) as usize
}

impl<T: Tagged> Segment<T> {
    fn with_room_for(len: usize, depth: u32) -> Self {
        let homes = (len * 256).div_ceil(FULL * SLOTS).max(1);
        let lines = std::iter::repeat_with(Line::new).take(homes).collect();
        Self { lines, homes, len: 0, depth }
    }

    #[inline]
    fn home(&self, tag: u16) -> usize {
        (usize::from(tag) * self.homes) / TAGS
    }

    /// The line and slot of a value, and the value.
    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    fn find(&self, tag: u16, eq: &mut impl FnMut(&T) -> bool) -> Option<((usize, usize), &T)> {
        let home = self.home(tag);
        for (offset, line) in self.lines[home..].iter().enumerate() {
            let mut candidates = line.candidates(tag);
            while candidates != 0 {
                let slot = candidates.trailing_zeros() as usize;
                if let Some(value) = &line.0[slot]
                    && eq(value)
                {
                    return Some(((home + offset, slot), value));
                }
                candidates &= candidates - 1;
            }
            if !line.is_full() {
                return None;
            }
        }
        None
    }

    /// Of the values that begin to be looked for where this one does.
    #[inline]
    fn prefetch(&self, tag: u16) {
        let line = &self.lines[self.home(tag)];
        let mut candidates = line.candidates(tag);
        while candidates != 0 {
            if let Some(value) = &line.0[candidates.trailing_zeros() as usize] {
                value.prefetch();
            }
            candidates &= candidates - 1;
        }
    }

    /// Puts a value into the first free slot from its home on.
    fn place(&mut self, value: T) -> (usize, usize) {
        let mut at = self.home(value.tag());
        loop {
            if at == self.lines.len() {
                self.lines.reserve_exact(1);
                self.lines.push(Line::new());
            }
            if let Some(slot) = self.lines[at].0.iter().position(Option::is_none) {
                self.lines[at].0[slot] = Some(value);
                self.len += 1;
                return (at, slot);
            }
            at += 1;
        }
    }

    fn take(&mut self, (mut at, mut slot): (usize, usize)) -> Option<T> {
        let taken = self.lines[at].0[slot].take();
        self.len -= 1;
        // A line that was full had whoever looked go on. Something from further on that belongs here or before fills the gap,
        // until the gap is in a line that nobody passed.
        let mut was_full = self.lines[at].0.iter().filter(|value| value.is_none()).count() == 1;
        let mut next = at + 1;
        while was_full && next < self.lines.len() {
            was_full = self.lines[next].is_full();
            let belongs =
                |value: &Option<T>| value.as_ref().is_some_and(|value| self.home(value.tag()) <= at);
            if let Some(moved) = self.lines[next].0.iter().position(belongs) {
                self.lines[at].0[slot] = self.lines[next].0[moved].take();
                (at, slot) = (next, moved);
            }
            next += 1;
        }
        taken
    }

    /// What its lines take of the allocator.
    const fn line_bytes(&self) -> usize {
        block_bytes(self.lines.capacity() * size_of::<Line<T>>())
    }

    /// Changes the segment and, with it, the sum of what the lines of all segments take.
    fn change<R>(&mut self, line_bytes: &mut usize, change: impl FnOnce(&mut Self) -> R) -> R {
        *line_bytes -= self.line_bytes();
        let result = change(self);
        *line_bytes += self.line_bytes();
        result
    }

    fn is_overfull(&self) -> bool {
        (self.len + 1) * 256 > self.homes * SLOTS * FULL
    }

    fn is_sparse(&self) -> bool {
        self.homes > 1 && self.len * 256 < self.homes * SLOTS * SPARSE
    }

    /// Lays the segment out anew with room for so many values.
    fn resize(&mut self, room: usize) {
        let old = std::mem::replace(self, Self::with_room_for(room, self.depth));
        self.fill(old.lines.into_iter().flat_map(|line| line.0).flatten());
    }

    /// Places values in a segment that has none.
    fn fill(&mut self, values: impl Iterator<Item = T>) {
        let mut taken = vec![0_u8; self.lines.len()];
        for value in values {
            let mut at = self.home(value.tag());
            while taken.get(at).is_some_and(|taken| usize::from(*taken) == SLOTS) {
                at += 1;
            }
            if at == taken.len() {
                taken.push(0);
                self.lines.reserve_exact(1);
                self.lines.push(Line::new());
            }
            self.lines[at].0[usize::from(taken[at])] = Some(value);
            taken[at] += 1;
            self.len += 1;
        }
    }

    fn values(&self) -> impl Iterator<Item = &T> {
        self.lines.iter().flat_map(|line| &line.0).flatten()
    }
}

impl<T> Default for ExtendibleTable<T> {
    fn default() -> Self {
        Self { segments: Vec::new(), directory: Vec::new(), depth: 0, len: 0, line_bytes: 0 }
    }
}

impl<T: Tagged + fmt::Debug> fmt::Debug for ExtendibleTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T> ExtendibleTable<T> {
    /// So many of the highest bits of a hash, and the lowest 16, lead to a value.
    pub(crate) const PREFIX_BITS: u32 = MAX_DEPTH;
}

impl<T: Tagged> ExtendibleTable<T> {
    /// How many values it has.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        if self.depth == 0 { 0 } else { self.directory[prefix(hash, self.depth)] as usize }
    }

    /// The value with this hash for which `eq` says yes.
    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn get(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<&T> {
        let segment = self.segments.get(self.segment_of(hash))?;
        segment.find(tag_of(hash), &mut eq).map(|(_, value)| value)
    }

    /// The value with this hash for which `eq` says yes, to change; its hash must stay the same.
    #[inline]
    pub(crate) fn get_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let (place, _) = self.find(hash, eq)?;
        self.at_mut(place)
    }

    /// The value with this hash for which `eq` says yes, and where it is.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<(Place, &T)> {
        let segment = self.segment_of(hash);
        let ((line, slot), value) = self.segments.get(segment)?.find(tag_of(hash), &mut eq)?;
        Some((Place { segment, line, slot }, value))
    }

    /// The value at a place.
    #[inline]
    pub(crate) fn at(&self, Place { segment, line, slot }: Place) -> Option<&T> {
        self.segments.get(segment)?.lines.get(line)?.0.get(slot)?.as_ref()
    }

    /// The value at a place, to change; its hash must stay the same.
    #[inline]
    pub(crate) fn at_mut(&mut self, Place { segment, line, slot }: Place) -> Option<&mut T> {
        self.segments.get_mut(segment)?.lines.get_mut(line)?.0.get_mut(slot)?.as_mut()
    }

    /// Asks for the memory of the values that may be the one with this hash, without waiting for it.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        if let Some(segment) = self.segments.get(self.segment_of(hash)) {
            segment.prefetch(tag_of(hash));
        }
    }

    /// Adds a value that is not there yet. `rehash` gives the hash of a value that is; it is asked for those of one segment
    /// at most.
    pub(crate) fn insert_unique(&mut self, hash: u64, mut value: T, rehash: impl Fn(&T) -> u64) -> &mut T {
        if self.segments.is_empty() {
            let first = Segment::with_room_for(1, 0);
            self.line_bytes += first.line_bytes();
            self.segments.push(first);
        }
        let mut at = self.segment_of(hash);
        if self.segments[at].is_overfull() {
            let segment = &mut self.segments[at];
            // By an eighth: bigger steps cost memory, smaller ones time.
            let room = segment.len + 1 + segment.len / 8;
            if segment.homes < MAX_LINES || segment.depth == MAX_DEPTH || !self.divide(at, &rehash) {
                self.segments[at].change(&mut self.line_bytes, |segment| segment.resize(room));
            }
            at = self.segment_of(hash);
        }
        value.set_tag(tag_of(hash));
        self.len += 1;
        let segment = &mut self.segments[at];
        let (line, slot) = segment.change(&mut self.line_bytes, |segment| segment.place(value));
        segment.lines[line].0[slot].as_mut().expect("it was put there")
    }

    /// Divides a segment by one more bit of the hash; false if all its values have the same one.
    fn divide(&mut self, at: usize, rehash: &impl Fn(&T) -> u64) -> bool {
        let depth = self.segments[at].depth + 1;
        // Hashing takes too many instructions for the processor to ask for the next values meanwhile.
        self.segments[at].values().for_each(T::prefetch);
        let hashes: Vec<u64> = self.segments[at].values().map(rehash).collect();
        let is_upper = |hash: u64| prefix(hash, depth) & 1 == 1;
        let upper_len = hashes.iter().filter(|hash| is_upper(**hash)).count();
        let lower_len = hashes.len() - upper_len;
        let Some(some_hash) = hashes.first().copied() else { return false };
        if upper_len == 0 || lower_len == 0 {
            return false;
        }
        let mut lower = Segment::with_room_for(lower_len + lower_len / 8, depth);
        let mut upper = Segment::with_room_for(upper_len + upper_len / 8, depth);
        self.line_bytes -= self.segments[at].line_bytes();
        let old = std::mem::take(&mut self.segments[at].lines);
        for (value, hash) in old.into_iter().flat_map(|line| line.0).flatten().zip(hashes) {
            if is_upper(hash) {
                upper.place(value)
            } else {
                lower.place(value)
            };
        }
        if depth > self.depth {
            self.directory = match self.depth {
                0 => vec![0, 0],
                _ => self.directory.iter().flat_map(|segment| [*segment, *segment]).collect(),
            };
            self.depth = depth;
        }
        // The names of the old segment follow one another; the upper half of them is the new one's.
        let names = 1 << (self.depth - depth);
        let first = (prefix(some_hash, depth) | 1) * names;
        self.directory[first..first + names].fill(self.segments.len() as u32);
        self.line_bytes += lower.line_bytes() + upper.line_bytes();
        self.segments[at] = lower;
        self.segments.push(upper);
        true
    }

    /// Takes out the value with this hash for which `eq` says yes.
    pub(crate) fn remove(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<T> {
        let (place, _) = self.find(hash, eq)?;
        self.remove_at(place)
    }

    /// Takes out the value at a place.
    pub(crate) fn remove_at(&mut self, Place { segment, line, slot }: Place) -> Option<T> {
        let segment = self.segments.get_mut(segment)?;
        let value = segment.take((line, slot))?;
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
        } else if segment.is_sparse() {
            segment.change(&mut self.line_bytes, |segment| segment.resize(segment.len + segment.len / 4));
        }
        Some(value)
    }

    /// The values in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(Segment::values)
    }

    /// The values whose hashes begin with these bits. `hash` is asked where a segment has others too.
    pub(crate) fn with_prefix<'t>(
        &'t self,
        wanted: u64,
        bits: u32,
        hash: impl Fn(&T) -> u64 + Copy + 't,
    ) -> impl Iterator<Item = &'t T> {
        let is_wanted = move |hash| prefix(hash, bits) as u64 == wanted;
        let segment_at = |first| self.segments.get(self.segment_of(first)).map(|segment| (first, segment));
        let segments =
            std::iter::successors(segment_at(wanted.checked_shl(64 - bits).unwrap_or(0)), move |last| {
                let (first, segment) = last;
                let next = first.checked_add(1_u64.checked_shl(64 - segment.depth)?)?;
                is_wanted(next).then(|| segment_at(next))?
            });
        segments.flat_map(move |(_, segment)| {
            segment.values().filter(move |value| segment.depth >= bits || is_wanted(hash(value)))
        })
    }

    /// The values themselves, in no particular order.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.segments.into_iter().flat_map(|segment| segment.lines).flat_map(|line| line.0).flatten()
    }

    /// Shows the values of one home to `visit` and returns where to go on: a cursor that is 0 when all were shown.
    ///
    /// A value that is there from the first step (from cursor 0) to the last is shown at least once, however the table grows
    /// and shrinks between the steps. A cursor is a place in the order of segments and, within one, of tags. More lines are a
    /// finer division of the same order. When a segment is divided, the upper half is shown from its beginning, which may be
    /// the second time. Any cursor is valid.
    pub(crate) fn scan<'t>(&'t self, cursor: u64, mut visit: impl FnMut(&'t T)) -> u64 {
        const NAMES: u64 = 1 << MAX_DEPTH;
        let (name, tag) = (cursor / TAGS as u64 % NAMES, (cursor % TAGS as u64) as u16);
        let Some(segment) = self.segments.get(self.segment_of(name << (64 - MAX_DEPTH))) else { return 0 };
        let home = segment.home(tag);
        // The first tag of the next home.
        let end = ((home + 1) * TAGS).div_ceil(segment.homes);
        for line in &segment.lines[home..] {
            let shown = |value: &&'t T| value.tag() >= tag && usize::from(value.tag()) < end;
            line.0.iter().flatten().filter(shown).for_each(&mut visit);
            if !line.is_full() {
                break;
            }
        }
        if end < TAGS {
            return name * TAGS as u64 + end as u64;
        }
        let names = 1 << (MAX_DEPTH - segment.depth);
        (name / names + 1) * names % NAMES * TAGS as u64
    }

    /// Some value, each equally likely: a slot is drawn among as many as the longest segment has in every segment, until
    /// one that is taken comes up. O(1), expected.
    pub(crate) fn random(&self, random: &Random) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        // Segments are of a size, give or take a factor of two, once there are several.
        let longest = self.segments.iter().map(|segment| segment.lines.len()).max()?;
        loop {
            let segment = &self.segments[random.below(self.segments.len() as u64) as usize];
            let place = random.below((longest * SLOTS) as u64) as usize;
            let line = segment.lines.get(place / SLOTS);
            if let Some(value) = line.and_then(|line| line.0[place % SLOTS].as_ref()) {
                return Some(value);
            }
        }
    }

    /// What the table itself takes of the allocator, without what the values own.
    pub(crate) const fn allocated_bytes(&self) -> usize {
        self.line_bytes
            + block_bytes(self.segments.capacity() * size_of::<Segment<T>>())
            + block_bytes(self.directory.capacity() * size_of::<u32>())
    }

    /// The same, counted anew. O(number of segments).
    pub(crate) fn recounted_bytes(&self) -> usize {
        let line_bytes: usize = self.segments.iter().map(Segment::line_bytes).sum();
        self.allocated_bytes() - self.line_bytes + line_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;
    use crate::HashSeed;

    #[derive(Debug)]
    struct Item {
        key: u32,
        value: u32,
        tag: u16,
    }

    impl Tagged for Item {
        fn tag_word(&self) -> u32 {
            u32::from(self.tag) << 16 | self.key & 0xffff
        }

        fn set_tag(&mut self, tag: u16) {
            self.tag = tag;
        }
    }

    fn hash(key: u32) -> u64 {
        HashSeed::new(3).hash(&key.to_le_bytes())
    }

    /// Few different tags and few different prefixes, so that runs of full lines are long and a division is often in vain.
    fn poor_hash(key: u32) -> u64 {
        u64::from(key % 3) << 62 | u64::from(key % 5) << 13
    }

    struct Keyed(ExtendibleTable<Item>, fn(u32) -> u64);

    impl Keyed {
        fn filled(keys: impl IntoIterator<Item = u32>) -> Self {
            let mut table = Self(ExtendibleTable::default(), hash);
            for key in keys {
                table.insert(key, 0);
            }
            table
        }

        /// How many hashes were asked for.
        fn insert(&mut self, key: u32, value: u32) -> usize {
            let asked = Cell::new(0);
            let hash = self.1;
            let item = Item { key, value, tag: 0 };
            let placed = self.0.insert_unique(hash(key), item, |item| {
                asked.set(asked.get() + 1);
                hash(item.key)
            });
            assert_eq!((placed.key, placed.value), (key, value));
            asked.get()
        }

        fn remove(&mut self, key: u32) -> Option<u32> {
            self.0.remove(self.1(key), |item| item.key == key).map(|item| item.value)
        }

        fn get(&self, key: u32) -> Option<u32> {
            self.0.get(self.1(key), |item| item.key == key).map(|item| item.value)
        }

        fn get_mut(&mut self, key: u32) -> Option<&mut u32> {
            self.0.get_mut(self.1(key), |item| item.key == key).map(|item| &mut item.value)
        }

        /// Every value can be found where it is, and what is counted is there.
        fn check(&self) {
            let Self(table, hash) = self;
            let mut len = 0;
            for (at, segment) in table.segments.iter().enumerate() {
                assert_eq!(segment.values().count(), segment.len);
                len += segment.len;
                for (line, value) in segment
                    .lines
                    .iter()
                    .enumerate()
                    .flat_map(|(line, values)| values.0.iter().flatten().map(move |v| (line, v)))
                {
                    let hash = hash(value.key);
                    assert_eq!((value.tag(), table.segment_of(hash)), (tag_of(hash), at));
                    let home = segment.home(value.tag());
                    assert!(home <= line && segment.lines[home..line].iter().all(Line::is_full));
                }
            }
            assert_eq!(len, table.len());
            assert_eq!(table.allocated_bytes(), table.recounted_bytes());
            assert!(table.directory.is_empty() || table.directory.len() == 1 << table.depth);
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds(
            steps in prop::collection::vec((0_u32..600, any::<u32>(), 0..5), 1..2000),
            poor in any::<bool>(), stretch in prop::sample::select(vec![1_u32, 1, 40]),
        ) {
            let (mut table, mut model) = (Keyed::filled(None), HashMap::new());
            table.1 = if poor { poor_hash } else { hash };
            let shrink_from = steps.len() / 2;
            for (step, (key, value, what)) in steps.into_iter().enumerate() {
                // Stretched, one step is many keys, enough for divisions.
                for key in key * stretch..(key + 1) * stretch {
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
                }
                prop_assert_eq!(table.0.len(), model.len());
                if step % 64 == 0 {
                    table.check();
                }
            }
            table.check();
            for key in 0..600 * stretch {
                prop_assert_eq!(table.get(key), model.get(&key).copied());
            }
            let all: HashMap<u32, u32> = table.0.iter().map(|item| (item.key, item.value)).collect();
            prop_assert_eq!(all, model);
        }

        #[test]
        fn a_scan_shows_whatever_stays_while_the_table_grows_and_shrinks(
            stays in prop::collection::hash_set(0_u32..500, 0..300),
            waves in prop::collection::vec((any::<bool>(), 0_u32..4000), 1..200),
            most in 300_u32..20_000,
        ) {
            let mut table = Keyed::filled(stays.iter().copied());
            let (mut seen, mut cursor, mut others) = (HashSet::new(), 0, 0);
            for (grow, by) in waves.iter().cycle() {
                for _ in 0..16 {
                    cursor = table.0.scan(cursor, |item| {
                        seen.insert(item.key);
                    });
                    if cursor == 0 {
                        break;
                    }
                }
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
            prop_assert!(stays.is_subset(&seen), "missed {:?}", stays.difference(&seen).collect::<Vec<_>>());
        }

        #[test]
        fn any_cursor_leads_to_the_end(cursor in any::<u64>(), size in 0_u32..3000) {
            let table = Keyed::filled(0..size);
            let (mut cursor, mut steps) = (table.0.scan(cursor, |_| ()), 0);
            while cursor != 0 {
                cursor = table.0.scan(cursor, |_| ());
                steps += 1;
            }
            let homes: usize = table.0.segments.iter().map(|segment| segment.homes).sum();
            prop_assert!(steps <= homes);
        }
    }

    #[test]
    fn a_scan_of_a_table_that_stands_still_shows_everything_once() {
        for size in (0..600).chain([5000, 20_000]) {
            let table = Keyed::filled(0..size);
            let (mut seen, mut cursor) = (Vec::new(), 0);
            loop {
                cursor = table.0.scan(cursor, |item| seen.push(item.key));
                if cursor == 0 {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_insertion_asks_for_more_hashes_than_a_segment_has() {
        let mut table = Keyed::filled(None);
        let most = (0..200_000).map(|key| table.insert(key, 0)).max();
        // The last step of growth before a division may go an eighth beyond.
        assert!(most <= Some(MAX_LINES * SLOTS * 9 / 8), "{most:?} hashes for one insertion");
        table.check();
    }

    #[test]
    fn a_pointer_takes_little_more_than_its_eight_bytes() {
        #[derive(Debug)]
        struct Pointer(Box<u64>);

        impl Tagged for Pointer {
            fn tag_word(&self) -> u32 {
                (*self.0 as u32) << 16
            }

            fn set_tag(&mut self, _: u16) {}
        }

        let mut table = ExtendibleTable::default();
        for key in 0..100_000_u32 {
            let hash = hash(key);
            table.insert_unique(hash, Pointer(Box::new(hash)), |pointer| *pointer.0);
            if key > 1000 {
                let bytes = table.allocated_bytes() as f64 / f64::from(key);
                assert!(bytes < 11.0, "{bytes} for each of {key}");
            }
        }
    }

    #[test]
    fn a_table_that_shrinks_gives_its_memory_back() {
        let mut table = Keyed::filled(0..100_000);
        let full = table.0.allocated_bytes();
        for key in 10..100_000 {
            table.remove(key);
        }
        assert!(table.0.allocated_bytes() < full / 25, "{} of {full}", table.0.allocated_bytes());
        (0..10).for_each(|key| assert_eq!(table.remove(key), Some(0)));
        assert_eq!(table.0.allocated_bytes(), 0);
    }

    #[test]
    fn every_value_is_drawn_equally_often() {
        for (keys, hash) in [(100, hash as fn(u32) -> u64), (100, poor_hash)] {
            let mut table = Keyed::filled(None);
            table.1 = hash;
            for key in 0..keys {
                table.insert(key, 0);
            }
            let random = Random::from_seed(11);
            let mut drawn = vec![0_f64; keys as usize];
            for _ in 0..keys * 1000 {
                drawn[table.0.random(&random).unwrap().key as usize] += 1.0;
            }
            let chi_square: f64 = drawn.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
            // 99 degrees of freedom: above 149 once in a thousand tries with a fair draw.
            assert!(chi_square < 149.0, "{chi_square}");
        }
    }
}
