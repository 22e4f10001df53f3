//! A row of values that grows at its end without ever moving many of them.
use std::ops::{Index, IndexMut};

use crate::memory::block_bytes;

/// Values are allocated in segments of so many. Only the first one ever grows, so no more than these are moved.
const SEGMENT: usize = 512;

pub(super) struct Segments<T> {
    /// All are full but the last; all have room for [`SEGMENT`] values but the first, if it is the only one.
    segments: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self { segments: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Clone for Segments<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        self.iter().for_each(|value| copy.push(value.clone()));
        copy
    }
}

impl<T> Index<usize> for Segments<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.segments[index / SEGMENT][index % SEGMENT]
    }
}

impl<T> IndexMut<usize> for Segments<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.segments[index / SEGMENT][index % SEGMENT]
    }
}

impl<T> Segments<T> {
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.segments.get(index / SEGMENT)?.get(index % SEGMENT)
    }

    pub(super) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(SEGMENT) {
            let room = if self.len == 0 { 1 } else { SEGMENT };
            self.segments.push(Vec::with_capacity(room));
        }
        self.len += 1;
        self.segments.last_mut().expect("one was just pushed or is not full").push(value);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.segments.last_mut()?;
        let value = last.pop()?;
        self.len -= 1;
        if last.is_empty() {
            self.segments.pop();
            give_back(&mut self.segments);
        }
        if let [only] = &mut self.segments[..] {
            give_back(only);
        }
        Some(value)
    }

    /// Takes a value out and puts the last one in its place.
    pub(super) fn swap_remove(&mut self, index: usize) -> T {
        let last = self.pop().expect("what is taken out is there");
        if index == self.len { last } else { std::mem::replace(&mut self[index], last) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten()
    }

    /// Bytes of the row itself, without what the values own. O(1).
    pub(super) fn allocated_bytes(&self) -> usize {
        let of_values = |capacity: usize| block_bytes(capacity * size_of::<T>());
        let segments = match &self.segments[..] {
            [] => 0,
            [first, others @ ..] => of_values(first.capacity()) + others.len() * of_values(SEGMENT),
        };
        block_bytes(self.segments.capacity() * size_of::<Vec<T>>()) + segments
    }

    /// The same, counted segment by segment.
    pub(super) fn recounted_bytes(&self) -> usize {
        let segments = self.segments.iter().map(|segment| block_bytes(segment.capacity() * size_of::<T>()));
        block_bytes(self.segments.capacity() * size_of::<Vec<T>>()) + segments.sum::<usize>()
    }
}

/// Halves the memory of a vector that needs a quarter of it, so that the next one to come or go moves nothing.
fn give_back<T>(vector: &mut Vec<T>) {
    if vector.len() <= vector.capacity() / 4 {
        vector.shrink_to(vector.capacity() / 2);
    }
}
