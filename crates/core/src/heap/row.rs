//! Things one after the other in one piece of memory, as in a `Vec`: a small one comes from the general allocator, a big one is cut
//! from a region, where what it leaves behind when it grows is of use for others.
use std::alloc::{self, Layout};
use std::fmt;
use std::iter::FusedIterator;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use super::UNIT;
use super::region::{CUT_BYTES, CUTS_MAX, Region, give_row, take_row};
use crate::memory::block_bytes;

/// From so many bytes on a row is cut from a region, where sizes go by a kilobyte.
const CUT_FROM: usize = if cfg!(redlet_blocks_apart) { usize::MAX } else { 4 * CUT_BYTES };

/// A `Vec` that says when it grows, and to what.
pub(crate) struct Row<T> {
    start: NonNull<T>,
    /// Of a row that is cut from one.
    region: Option<NonNull<Region>>,
    len: u32,
    capacity: u32,
}

// SAFETY: a row owns its things and its memory.
unsafe impl<T: Send> Send for Row<T> {}
// SAFETY: through a shared reference things are only lent as shared ones.
unsafe impl<T: Sync> Sync for Row<T> {}

/// The cuts of a row of so many bytes; 0 for one that is not cut from a region.
const fn cuts_for(bytes: usize) -> usize {
    if bytes < CUT_FROM || bytes > CUTS_MAX * CUT_BYTES { 0 } else { bytes.div_ceil(CUT_BYTES) }
}

impl<T> Row<T> {
    /// Without things; nothing is allocated.
    pub(crate) const fn new() -> Self {
        const { assert!(align_of::<T>() <= UNIT && size_of::<T>() > 0 && size_of::<T>() <= CUT_BYTES) }
        Self { start: NonNull::dangling(), region: None, len: 0, capacity: 0 }
    }

    /// How many things a row has room for that was made for so many.
    pub(crate) const fn capacity_for(things: usize) -> usize {
        match cuts_for(things * size_of::<T>()) {
            0 => things,
            cuts => cuts * CUT_BYTES / size_of::<T>(),
        }
    }

    /// Whether a row for so many things is cut from a region.
    pub(crate) const fn is_cut(things: usize) -> bool {
        cuts_for(things * size_of::<T>()) > 0
    }

    /// Without things, with room for so many at least.
    pub(crate) fn with_room_for(things: usize) -> Self {
        let mut row = Self::new();
        if things > 0 {
            row.capacity =
                u32::try_from(Self::capacity_for(things)).expect("a row has less than 2^32 things");
            let (start, region) = match cuts_for(things * size_of::<T>()) {
                0 => (Self::allocate(things), None),
                cuts => {
                    let (start, region) = take_row(cuts);
                    (start, Some(region))
                }
            };
            (row.start, row.region) = (start.cast(), region);
        }
        row
    }

    fn layout(things: usize) -> Layout {
        Layout::array::<T>(things).expect("a row is smaller than the address space")
    }

    fn allocate(things: usize) -> NonNull<u8> {
        let layout = Self::layout(things);
        // SAFETY: neither things nor their number are of size 0.
        NonNull::new(unsafe { alloc::alloc(layout) }).unwrap_or_else(|| alloc::handle_alloc_error(layout))
    }

    /// For how many things there is room.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    fn cuts(&self) -> usize {
        (self.capacity() * size_of::<T>()).div_ceil(CUT_BYTES)
    }

    /// The memory behind it. O(1).
    pub(crate) fn allocated_bytes(&self) -> usize {
        match self.region {
            Some(_) => self.cuts() * CUT_BYTES,
            None => block_bytes(self.capacity() * size_of::<T>()),
        }
    }

    /// Adds a thing. A row that is full moves to a bigger piece, by one thing at least.
    pub(crate) fn push(&mut self, thing: T) {
        if self.len == self.capacity {
            let mut other = Self::with_room_for(self.capacity() + 1);
            // SAFETY: the other row has room for these things, which are not looked at here any more.
            unsafe { other.start.copy_from_nonoverlapping(self.start, self.len()) }
            other.len = std::mem::take(&mut self.len);
            *self = other;
        }
        // SAFETY: there is room behind the last.
        unsafe { self.start.add(self.len()).write(thing) }
        self.len += 1;
    }

    /// Gives the memory back, without looking at what is in it.
    fn free(&mut self) {
        if self.capacity == 0 {
            return;
        }
        // SAFETY: the memory was allocated or taken in this way, and the row ends or has none from now on.
        unsafe {
            match self.region {
                Some(region) => give_row(self.start.cast(), region, self.cuts()),
                None => alloc::dealloc(self.start.as_ptr().cast(), Self::layout(self.capacity())),
            }
        }
        self.capacity = 0;
    }
}

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        let things: *mut [T] = &raw mut **self;
        // SAFETY: the things are the row's, and nobody sees it again.
        unsafe { ptr::drop_in_place(things) }
        self.free();
    }
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Row<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: so many things were written, one after the other.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len as usize).as_ref() }
    }
}

impl<T> DerefMut for Row<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and nobody else looks at them.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.len as usize).as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Row<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> Extend<T> for Row<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.push(thing));
    }
}

/// The things of a row, taken out.
pub(crate) struct IntoIter<T> {
    /// Its things are this iterator's from `next` on.
    row: ManuallyDrop<Row<T>>,
    next: usize,
}

impl<T> IntoIterator for Row<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { row: ManuallyDrop::new(self), next: 0 }
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.next == self.row.len() {
            return None;
        }
        self.next += 1;
        // SAFETY: it is there, and is not looked at again.
        Some(unsafe { self.row.start.add(self.next - 1).read() })
    }
}

impl<T> FusedIterator for IntoIter<T> {}

impl<T> Drop for IntoIter<T> {
    fn drop(&mut self) {
        let rest: *mut [T] = &raw mut self.row[self.next..];
        // SAFETY: those were not read yet, and nobody sees them again.
        unsafe { ptr::drop_in_place(rest) }
        self.row.free();
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIter").field("left", &(self.row.len() - self.next)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_vec_holds(
            steps in prop::collection::vec((0..2000_usize, 0..300_usize, any::<u32>()), 1..20),
        ) {
            for (room, count, value) in steps {
                let mut row = Row::<[Option<Box<u32>>; 8]>::with_room_for(room);
                let mut model = Vec::new();
                for number in 0..count as u32 {
                    let thing = || std::array::from_fn(|at| (at % 2 == 0).then(|| Box::new(value ^ number)));
                    row.push(thing());
                    model.push(thing());
                }
                prop_assert_eq!(&*row, &*model);
                prop_assert!(row.capacity() >= room.max(count));
                let taken = value as usize % (count + 1);
                let first: Vec<_> = row.into_iter().take(taken).collect();
                prop_assert_eq!(first, &model[..taken]);
            }
        }
    }
}
