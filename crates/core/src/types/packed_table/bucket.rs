//! Entries in one allocation, found by one byte of their hashes.
//!
//! ```text
//! | len | tag × 8 | size × 8 | tag × 8 | size × 8 | ... | entry | entry | ... | room |
//!   4     as many times as there are eight entries       in the order of the slots
//! ```
//!
//! The sum of the sizes before it says where an entry begins, so it is found without a look at the others. What an entry means is
//! not known here.
use super::head::{self, GROUP, GROUP_BYTES, SLOTS};
use crate::memory::block_bytes;

const LEN: usize = size_of::<u32>();

/// The most bytes that an entry may have.
pub(super) const SIZE_MAX: usize = u8::MAX as usize;

/// The entries whose hashes name the same bucket. Nothing is allocated as long as there is none.
#[derive(Clone, Default)]
pub(super) struct Bucket(Box<[u8]>);

/// Where an entry is, until the bucket changes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    slot: usize,
    start: usize,
    size: usize,
}

/// How many bytes a block must have. Slots are looked at so many at once, though fewer are in use.
fn needed_for(groups: usize, entry_bytes: usize) -> usize {
    let slots = LEN + (groups * GROUP_BYTES).next_multiple_of(head::BYTES);
    slots.max(start_of(groups) + entry_bytes)
}

/// How many bytes it is allocated with: a sixteenth more, so that not every entry that comes moves the others, and up to
/// where the allocator begins another block.
fn capacity_for(groups: usize, entry_bytes: usize) -> usize {
    let needed = needed_for(groups, entry_bytes);
    (needed + needed / 16 + 8).next_multiple_of(16) - 8
}

const fn tag_at(slot: usize) -> usize {
    LEN + slot / GROUP * GROUP_BYTES + slot % GROUP
}

const fn size_at(slot: usize) -> usize {
    tag_at(slot) + GROUP
}

/// Where the entries begin.
const fn start_of(groups: usize) -> usize {
    LEN + groups * GROUP_BYTES
}

impl Bucket {
    /// A bucket of these entries with their tags, in a block of the right size.
    pub(super) fn of<'a>(entries: impl Iterator<Item = (u8, &'a [u8])> + Clone) -> Self {
        let (len, size) =
            entries.clone().fold((0_usize, 0), |(len, size), (_, entry)| (len + 1, size + entry.len()));
        if len == 0 {
            return Self::default();
        }
        let groups = len.div_ceil(GROUP);
        let mut bucket = Self(vec![0; capacity_for(groups, size)].into_boxed_slice());
        bucket.set_len(len);
        let mut start = start_of(groups);
        for (slot, (tag, entry)) in entries.enumerate() {
            bucket.0[tag_at(slot)] = tag;
            bucket.0[size_at(slot)] = entry.len() as u8;
            bucket.0[start..start + entry.len()].copy_from_slice(entry);
            start += entry.len();
        }
        bucket
    }

    /// How many entries it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.0.first_chunk() {
            Some(len) => u32::from_le_bytes(*len) as usize,
            None => 0,
        }
    }

    fn set_len(&mut self, len: usize) {
        let len = u32::try_from(len).expect("a bucket of so many equal hashes would take years to fill");
        self.0[..LEN].copy_from_slice(&len.to_le_bytes());
    }

    /// How many times it has [`GROUP`] slots.
    #[inline]
    pub(super) fn groups(&self) -> usize {
        self.len().div_ceil(GROUP)
    }

    /// The slots of this many groups.
    pub(super) const fn slots_of(groups: usize) -> usize {
        groups * GROUP
    }

    /// Bytes on the heap.
    pub(super) fn block_bytes(&self) -> usize {
        block_bytes(self.0.len())
    }

    /// The tags and sizes of the slots from this one on, which is one of each [`SLOTS`]. Those that are not in use are whatever
    /// follows.
    #[inline]
    fn head(&self, first: usize) -> &[u8; head::BYTES] {
        self.0[LEN + first * 2..].first_chunk().expect("the block has room for all slots")
    }

    /// Where the entry in a slot begins.
    #[inline]
    fn start(&self, slot: usize) -> usize {
        let firsts = (0..).step_by(SLOTS).take_while(|first| *first < slot);
        firsts.fold(start_of(self.groups()), |start, first| {
            start + head::bytes_before(self.head(first), (slot - first).min(SLOTS))
        })
    }

    /// Where the last entry ends.
    #[inline]
    fn end(&self) -> usize {
        self.start(self.len())
    }

    /// An entry with this tag for which `eq` says yes.
    #[expect(clippy::inline_always, reason = "a call here costs a lookup a fifth of its time")]
    #[inline(always)]
    pub(super) fn find(&self, tag: u8, mut eq: impl FnMut(&[u8]) -> bool) -> Option<Place> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        let start = start_of(len.div_ceil(GROUP));
        if len <= SLOTS {
            self.find_from(0, len, start, tag, &mut eq)
        } else {
            self.find_among_many(len, start, tag, &mut eq)
        }
    }

    #[cold]
    #[inline(never)]
    fn find_among_many(
        &self,
        len: usize,
        start: usize,
        tag: u8,
        eq: &mut impl FnMut(&[u8]) -> bool,
    ) -> Option<Place> {
        let mut start = start;
        (0..len).step_by(SLOTS).find_map(|first| {
            let found = self.find_from(first, len, start, tag, eq);
            start += head::bytes_before(self.head(first), SLOTS);
            found
        })
    }

    /// The same among [`SLOTS`] slots, whose entries begin at `start`.
    #[expect(clippy::inline_always, reason = "a call here costs a lookup a fifth of its time")]
    #[inline(always)]
    fn find_from(
        &self,
        first: usize,
        len: usize,
        start: usize,
        tag: u8,
        eq: &mut impl FnMut(&[u8]) -> bool,
    ) -> Option<Place> {
        let head = self.head(first);
        let mut slots = head::slots_with(head, tag) & (u32::MAX >> SLOTS.saturating_sub(len - first));
        while slots != 0 {
            let slot = slots.trailing_zeros() as usize;
            let start = start + head::bytes_before(head, slot);
            let size = usize::from(head[size_at(slot) - LEN]);
            if eq(&self.0[start..start + size]) {
                return Some(Place { slot: first + slot, start, size });
            }
            slots &= slots - 1;
        }
        None
    }

    /// The entry at a place.
    #[inline]
    pub(super) fn at(&self, place: Place) -> &[u8] {
        &self.0[place.start..place.start + place.size]
    }

    /// The entry in a slot.
    pub(super) fn get(&self, slot: usize) -> Option<&[u8]> {
        let start = (slot < self.len()).then(|| self.start(slot))?;
        Some(&self.0[start..start + usize::from(self.0[size_at(slot)])])
    }

    /// The entries and their tags.
    #[inline]
    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, &[u8])> + Clone {
        let mut rest = self.0.get(start_of(self.groups())..).unwrap_or_default();
        (0..self.len()).map(move |slot| {
            let (entry, others) = rest.split_at(usize::from(self.0[size_at(slot)]));
            rest = others;
            (self.0[tag_at(slot)], entry)
        })
    }

    /// Adds room for an entry with this tag, of this size; gives it to be written.
    pub(super) fn push(&mut self, tag: u8, size: usize) -> &mut [u8] {
        let (len, groups, mut end) = (self.len(), self.groups(), self.end());
        let start = start_of(groups);
        let more = (len + 1).div_ceil(GROUP) - groups;
        self.reserve(groups + more, end - start + size);
        if more > 0 {
            self.0.copy_within(start..end, start + GROUP_BYTES);
            self.0[start..start + GROUP_BYTES].fill(0);
            end += GROUP_BYTES;
        }
        self.set_len(len + 1);
        self.0[tag_at(len)] = tag;
        self.0[size_at(len)] = size as u8;
        &mut self.0[end..end + size]
    }

    /// Makes an entry longer or shorter at its end; gives it to be written.
    pub(super) fn resize(&mut self, place: Place, size: usize) -> &mut [u8] {
        let Place { slot, start, size: old_size } = place;
        if size != old_size {
            let (groups, end) = (self.groups(), self.end());
            let entry_bytes = end - start_of(groups) - old_size + size;
            self.reserve(groups, entry_bytes);
            self.0.copy_within(start + old_size..end, start + size);
            self.0[size_at(slot)] = size as u8;
            self.give_back(groups, entry_bytes);
        }
        &mut self.0[start..start + size]
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, place: Place) {
        let Place { slot, start, size } = place;
        let (last, groups, mut end) = (self.len() - 1, self.groups(), self.end());
        self.0.copy_within(start + size..end, start);
        end -= size;
        for slot in slot..last {
            self.0[tag_at(slot)] = self.0[tag_at(slot + 1)];
            self.0[size_at(slot)] = self.0[size_at(slot + 1)];
        }
        self.0[size_at(last)] = 0;
        self.set_len(last);
        if last % GROUP == 0 {
            let start = start_of(groups);
            self.0.copy_within(start..end, start - GROUP_BYTES);
            end -= GROUP_BYTES;
        }
        let groups = self.groups();
        self.give_back(groups, end - start_of(groups));
    }

    fn reserve(&mut self, groups: usize, entry_bytes: usize) {
        if needed_for(groups, entry_bytes) > self.0.len() {
            self.reallocate(capacity_for(groups, entry_bytes));
        }
    }

    /// Makes the block smaller if much of it is not needed.
    fn give_back(&mut self, groups: usize, entry_bytes: usize) {
        let capacity = if groups == 0 { 0 } else { capacity_for(groups, entry_bytes) };
        if capacity * 4 < self.0.len() * 3 {
            self.reallocate(capacity);
        }
    }

    fn reallocate(&mut self, capacity: usize) {
        let mut bytes = std::mem::take(&mut self.0).into_vec();
        bytes.reserve_exact(capacity.saturating_sub(bytes.len()));
        bytes.resize(capacity, 0);
        self.0 = bytes.into_boxed_slice();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_a_list_of_entries(
            steps in prop::collection::vec((0..6, any::<prop::sample::Index>(), 0_u8..4, 0..=SIZE_MAX), 0..200),
            growing in 3..5,
        ) {
            let mut bucket = Bucket::default();
            let mut model: Vec<(u8, Vec<u8>)> = Vec::new();
            for (number, (what, index, tag, size)) in steps.into_iter().enumerate() {
                let entry = vec![number as u8; size];
                if what < growing || model.is_empty() {
                    bucket.push(tag, size).copy_from_slice(&entry);
                    model.push((tag, entry));
                } else {
                    let index = index.index(model.len());
                    let (tag, wanted) = model[index].clone();
                    let place = bucket.find(tag, |found| found == wanted).expect("it is there");
                    prop_assert_eq!(bucket.at(place), &wanted);
                    let index = place.slot;
                    if what == growing {
                        let kept = size.min(wanted.len());
                        let resized = bucket.resize(place, size);
                        prop_assert_eq!(&resized[..kept], &wanted[..kept]);
                        resized.copy_from_slice(&entry);
                        model[index].1 = entry;
                    } else {
                        bucket.remove(place);
                        model.remove(index);
                    }
                }
                let all: Vec<_> = bucket.entries().map(|(tag, entry)| (tag, entry.to_vec())).collect();
                prop_assert_eq!(&all, &model);
                prop_assert_eq!((bucket.len(), bucket.groups()), (model.len(), model.len().div_ceil(GROUP)));
                prop_assert_eq!(bucket.get(model.len()), None);
                for (slot, (_, entry)) in model.iter().enumerate() {
                    prop_assert_eq!(bucket.get(slot), Some(&entry[..]));
                }
                prop_assert!(bucket.find(9, |_| true).is_none());
                let needed: usize = 20 + model.iter().map(|(_, entry)| entry.len() + 2).sum::<usize>();
                prop_assert!(bucket.block_bytes() <= needed * 3 / 2 + 64, "{} for {needed}", bucket.block_bytes());
                prop_assert_eq!(bucket.block_bytes() == 0, model.is_empty());
                let again = Bucket::of(bucket.entries());
                prop_assert!(again.entries().eq(bucket.entries()));
            }
        }
    }
}
