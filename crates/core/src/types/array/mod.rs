//! Strings by index, where most indices may have none.
mod change;
mod image;
mod slice;

use std::collections::BTreeMap;

pub use change::ArrayChange;
pub use image::{ArrayImage, SliceImage};
use slice::{PLACES, Room, Slice};

use super::stream::tree_bytes;
use super::{Element, Encoding};

/// The last index that can have an element.
pub const MAX_INDEX: u64 = u64::MAX - 1;

/// Elements by index. One without elements is no value.
#[derive(Debug, Default)]
pub struct Array {
    /// By the number of the first of each one's places, divided by how many places it has. None is empty.
    slices: BTreeMap<u64, Box<Slice>>,
    count: usize,
    /// Where the next element is inserted; 0 if none was, and one past [`MAX_INDEX`] if none can be.
    next: u64,
    /// What the slices take, but for the tree that they are in.
    bytes: usize,
}

/// How an array is kept, as `ARINFO` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArrayShape {
    /// How many slices there are.
    pub slices: usize,
    /// How many of them are dense.
    pub dense: usize,
    /// How many places the windows of dense slices have.
    pub dense_places: usize,
    /// How many elements are in dense slices.
    pub dense_elements: usize,
    /// How many elements sparse slices have room for.
    pub sparse_room: usize,
}

impl Clone for Array {
    /// What a copy takes is counted anew: it has no more room than it needs.
    fn clone(&self) -> Self {
        let mut copy = Self { slices: self.slices.clone(), count: self.count, next: self.next, bytes: 0 };
        copy.bytes = copy.weigh();
        copy
    }
}

impl PartialEq for Array {
    /// Slices may have come to be dense or sparse in different ways.
    fn eq(&self, other: &Self) -> bool {
        let spelled = |array: &Self| (array.count, array.next);
        spelled(self) == spelled(other)
            && self
                .iter()
                .map(|(at, element)| (at, element.copy()))
                .eq(other.iter().map(|(at, e)| (at, e.copy())))
    }
}

/// The slice that an index is in, and its place there.
const fn place(index: u64) -> (u64, u16) {
    (index / PLACES as u64, (index % PLACES as u64) as u16)
}

/// The first index of a slice.
const fn first_index(slice: u64) -> u64 {
    slice * PLACES as u64
}

impl Array {
    /// How many places a slice has.
    pub const SLICE_SIZE: usize = PLACES;

    /// How many elements it has. O(1).
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Always the same.
    pub const fn encoding(&self) -> Encoding {
        Encoding::SlicedArray
    }

    /// The last index that has an element.
    pub fn last(&self) -> Option<u64> {
        let (number, slice) = self.slices.last_key_value()?;
        slice.last().map(|place| first_index(*number) + u64::from(place))
    }

    /// One more than the last index that has an element; 0 if none has.
    pub fn end(&self) -> u64 {
        self.last().map_or(0, |last| last + 1)
    }

    /// Where the next element is inserted; `None` if there is no index left.
    pub fn next_insert(&self) -> Option<u64> {
        (self.next <= MAX_INDEX).then_some(self.next)
    }

    /// Where the next element would be inserted, were there no last index.
    pub const fn cursor(&self) -> u64 {
        self.next
    }

    /// The element at an index.
    pub fn get(&self, index: u64) -> Option<Element<'_>> {
        let (number, place) = place(index);
        self.slices.get(&number)?.get(place)
    }

    /// Whether there is an element at an index.
    pub fn contains(&self, index: u64) -> bool {
        let (number, place) = place(index);
        self.slices.get(&number).is_some_and(|slice| slice.contains(place))
    }

    /// All elements, by index.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, Element<'_>)> {
        self.range(0, MAX_INDEX)
    }

    /// The elements from `start` to `end`, both included; none if `end` is before. Takes as long as the slices are many that have some.
    pub fn range(&self, start: u64, end: u64) -> impl DoubleEndedIterator<Item = (u64, Element<'_>)> {
        // A range must not end before it begins; a slice's then has nothing.
        let (low, high) = (place(start), place(end.max(start)));
        let is_backward = end < start;
        self.slices.range(low.0..=high.0).filter(move |_| !is_backward).flat_map(move |(&number, slice)| {
            let from = if number == low.0 { low.1 } else { 0 };
            let to = if number == high.0 { high.1 } else { PLACES as u16 - 1 };
            slice
                .range(from, to)
                .map(move |(place, element)| (first_index(number) + u64::from(place), element))
        })
    }

    /// Puts an element at an index, which must be [`MAX_INDEX`] at most; true if none was there.
    fn set(&mut self, index: u64, bytes: &[u8]) -> bool {
        let (number, place) = place(index);
        let slice = self.slices.entry(number).or_insert_with(|| {
            let slice = Box::new(Slice::new());
            self.bytes += slice.allocated_bytes();
            slice
        });
        self.bytes -= slice.allocated_bytes();
        let is_new = slice.set(place, bytes);
        self.bytes += slice.allocated_bytes();
        self.count += usize::from(is_new);
        is_new
    }

    /// Takes out the elements from `start` to `end`, both included; returns how many.
    fn remove(&mut self, start: u64, end: u64) -> usize {
        let before = self.count;
        let (low, high) = (place(start), place(end));
        let mut from = low.0;
        while from <= high.0
            && let Some((&number, slice)) = self.slices.range_mut(from..=high.0).next()
        {
            let first = if number == low.0 { low.1 } else { 0 };
            let last = if number == high.0 { high.1 } else { PLACES as u16 - 1 };
            self.bytes -= slice.allocated_bytes();
            let is_whole = first == 0 && usize::from(last) == PLACES - 1;
            self.count -= if is_whole { slice.len() } else { slice.remove(first, last) };
            if is_whole || slice.len() == 0 {
                self.slices.remove(&number);
            } else {
                self.bytes += slice.allocated_bytes();
            }
            from = number + 1;
        }
        before - self.count
    }

    /// The indices of what was inserted last, from the last one backward, and then around from the end of the array: as many as
    /// [`Array::end`], whether there is an element or not.
    pub fn latest(&self) -> impl Iterator<Item = u64> + use<> {
        let end = self.end();
        let anchor = if self.next == 0 { end } else { self.next.min(end) };
        (0..anchor).rev().chain((anchor..end).rev())
    }

    /// How it is kept. Takes as long as it has slices.
    pub fn shape(&self) -> ArrayShape {
        let mut shape = ArrayShape { slices: self.slices.len(), ..ArrayShape::default() };
        for slice in self.slices.values() {
            match slice.room() {
                Room::Sparse(room) => shape.sparse_room += room,
                Room::Dense(places) => {
                    shape.dense += 1;
                    shape.dense_places += places;
                    shape.dense_elements += slice.len();
                }
            }
        }
        shape
    }

    /// How many slices it has. O(1).
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// What is allocated for it, its own block not included. O(1).
    pub fn allocated_bytes(&self) -> usize {
        self.bytes + tree_bytes::<u64, Box<Slice>>(self.slices.len())
    }

    /// The same, counted anew slice by slice.
    pub fn recounted_bytes(&self) -> usize {
        let slices: usize = self.slices.values().map(|slice| slice.recounted_bytes()).sum();
        slices + tree_bytes::<u64, Box<Slice>>(self.slices.len())
    }

    fn weigh(&self) -> usize {
        self.slices.values().map(|slice| slice.allocated_bytes()).sum()
    }

    /// About how many blocks have to be freed with it.
    pub fn allocations(&self) -> usize {
        // A look at a million slices would take longer than it is worth.
        const LOOKED_AT: usize = 1000;
        let counted: usize = self.slices.values().take(LOOKED_AT).map(|slice| slice.allocations()).sum();
        counted + self.slices.len().saturating_sub(LOOKED_AT) * 3
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::effect::Blob;

    #[derive(Clone, Debug)]
    enum Step {
        Set(u64, Vec<u8>),
        Remove(u64, u64),
    }

    fn index() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..40_u64,
            0..9000_u64,
            4090..4100_u64,
            (MAX_INDEX - 9000)..=MAX_INDEX,
            Just(1_000_000_007),
        ]
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            (-300..300_i64).prop_map(|n| n.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..30),
            (1000..1050_usize).prop_map(|length| vec![b'x'; length]),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (index(), value()).prop_map(|(index, value)| Step::Set(index, value)),
            1 => (index(), 0..30_u64)
                .prop_map(|(start, more)| Step::Remove(start, start.saturating_add(more).min(MAX_INDEX))),
            1 => (index(), index()).prop_map(|(one, other)| Step::Remove(one.min(other), one.max(other))),
        ]
    }

    fn spelled<'a>(pairs: impl Iterator<Item = (u64, Element<'a>)>) -> Vec<(u64, Vec<u8>)> {
        pairs.map(|(index, element)| (index, element.with(<[u8]>::to_vec))).collect()
    }

    proptest! {
        #[test]
        fn an_array_is_what_a_map_is(
            steps in prop::collection::vec(step(), 1..150),
            ranges in prop::collection::vec((index(), index()), 5),
        ) {
            let (mut array, mut model) = (Array::default(), BTreeMap::new());
            for step in &steps {
                match step {
                    Step::Set(index, value) => {
                        let is_new = model.insert(*index, value.clone()).is_none();
                        prop_assert_eq!(array.set(*index, value), is_new);
                    }
                    Step::Remove(start, end) => {
                        let before = model.len();
                        model.retain(|index, _| !(start..=end).contains(&index));
                        prop_assert_eq!(array.remove(*start, *end), before - model.len());
                    }
                }
                prop_assert_eq!(array.len(), model.len());
                prop_assert_eq!(array.last(), model.last_key_value().map(|(index, _)| *index));
                prop_assert_eq!(array.allocated_bytes(), array.recounted_bytes());
            }
            let all: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(spelled(array.iter()), all.clone());
            for (start, end) in ranges {
                let wanted: Vec<_> =
                    all.iter().filter(|(index, _)| (start..=end).contains(index)).cloned().collect();
                prop_assert_eq!(spelled(array.range(start, end)), wanted.clone());
                let back: Vec<_> = wanted.into_iter().rev().collect();
                prop_assert_eq!(spelled(array.range(start, end).rev()), back);
                let found = array.get(start).map(|element| element.with(<[u8]>::to_vec));
                prop_assert_eq!(array.contains(start), found.is_some());
                prop_assert_eq!(found.as_ref(), model.get(&start));
            }
            let copy = array.clone();
            prop_assert_eq!(&copy, &array);
            prop_assert_eq!(copy.allocated_bytes(), copy.recounted_bytes());
            prop_assert_eq!(Array::from_image(&array.image()), Some(array));
        }

        #[test]
        fn a_change_and_its_way_back_leave_an_array_as_it_was(
            first in prop::collection::vec(step(), 1..60),
            index in index(),
            values in prop::collection::vec(value(), 1..20),
            end in index(),
        ) {
            let mut array = Array::default();
            for step in &first {
                match step {
                    Step::Set(index, value) => {
                        array.set(*index, value);
                    }
                    Step::Remove(start, end) => {
                        array.remove(*start, *end);
                    }
                }
            }
            array.set(7, b"there is one");
            array.next = end;
            let start = index.min(MAX_INDEX - values.len() as u64);
            let values: Vec<Blob<'_>> = values.iter().map(|value| Blob::from(&**value)).collect();
            for change in [
                ArrayChange::Set { index: start, values: values.clone() },
                ArrayChange::Insert { index: start, values },
                ArrayChange::Delete { start: index.min(end), end: index.max(end) },
                ArrayChange::Seek { next: index },
            ] {
                let before = array.clone();
                let back = array.way_back(&change);
                let has_changed = array.apply(&change);
                let may_do_nothing = matches!(change, ArrayChange::Delete { .. });
                prop_assert_eq!(has_changed, !may_do_nothing || array != before);
                for change in &back {
                    array.apply(change);
                }
                prop_assert_eq!(&array, &before, "{:?}", change);
            }
        }
    }

    #[test]
    fn a_word_holds_integers_of_seven_bytes_and_short_texts() {
        let mut array = Array::default();
        for index in 0..4096 {
            array.set(index, (index as i64 * -8_000_000_000_000).to_string().as_bytes());
        }
        let taken = array.allocated_bytes();
        assert!(taken < 4096 * 8 + 500, "{taken}");
        for index in 0..4096 {
            array.set(index, b"seven b");
        }
        assert_eq!(array.allocated_bytes(), taken);
    }

    #[test]
    fn what_is_written_over_again_and_again_does_not_grow() {
        let mut array = Array::default();
        for round in 0..10_000_u64 {
            array.set(round % 16, "x".repeat(8 + (round % 13) as usize).as_bytes());
        }
        assert!(array.allocated_bytes() < 1500, "{}", array.allocated_bytes());
    }

    #[test]
    fn elements_far_apart_take_no_room_between() {
        let mut array = Array::default();
        for step in 0..1000_u64 {
            array.set(step * 1_000_000_000_000, b"x");
        }
        assert!(array.allocated_bytes() < 1000 * 200, "{}", array.allocated_bytes());
        assert_eq!(array.remove(1, MAX_INDEX), 999);
        assert_eq!((array.len(), array.slices()), (1, 1));
    }

    #[test]
    fn a_slice_is_dense_from_eleven_elements_on_and_sparse_below_five() {
        let mut array = Array::default();
        for index in 0..10 {
            array.set(index * 100, b"x");
        }
        assert_eq!(array.shape().dense, 0);
        array.set(1000, b"x");
        let shape = array.shape();
        assert_eq!((shape.dense, shape.dense_places, shape.dense_elements), (1, 1024, 11));
        array.remove(500, 1000);
        assert_eq!(array.shape().dense, 1);
        array.remove(400, 400);
        assert_eq!((array.shape().dense, array.len()), (0, 4));
    }

    #[test]
    fn the_latest_go_backward_from_the_cursor_and_around() {
        let mut array = Array::default();
        for index in 0..5 {
            array.set(index, b"x");
        }
        let latest = |array: &Array| array.latest().collect::<Vec<_>>();
        assert_eq!(latest(&array), [4, 3, 2, 1, 0]);
        array.next = 3;
        assert_eq!(latest(&array), [2, 1, 0, 4, 3]);
        array.next = u64::MAX;
        assert_eq!(latest(&array), [4, 3, 2, 1, 0]);
    }
}
