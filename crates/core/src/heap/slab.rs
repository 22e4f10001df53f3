//! A row of small things of one size that grows without moving any: the first few in a block of their own, the rest in pages.
use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::region::{PAGE_BYTES, Page};
use crate::memory::block_bytes;

/// Things that are named by their place. They are never taken out one by one.
pub(crate) struct Slab<T> {
    /// The first [`Slab::PER_PAGE`].
    first: Vec<T>,
    pages: Vec<NonNull<Page>>,
    /// How many of them are in pages.
    paged: usize,
    things: PhantomData<T>,
}

// SAFETY: a slab is the only one that has its pages, and changes them through `&mut self` alone.
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: through a shared reference things are only lent as shared ones.
unsafe impl<T: Sync> Sync for Slab<T> {}

impl<T: Copy> Slab<T> {
    /// How many things a page holds.
    pub(crate) const PER_PAGE: usize = {
        assert!(Layout::new::<T>().align() <= super::UNIT && size_of::<T>() > 0);
        Page::ROOM / size_of::<T>()
    };

    /// Without anything; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self { first: Vec::new(), pages: Vec::new(), paged: 0, things: PhantomData }
    }

    /// How many things there are.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.first.len() + self.paged
    }

    /// The memory behind it. O(1).
    pub(crate) const fn allocated_bytes(&self) -> usize {
        block_bytes(self.first.capacity() * size_of::<T>())
            + block_bytes(self.pages.capacity() * size_of::<NonNull<Page>>())
            + self.pages.len() * PAGE_BYTES
    }

    /// Adds a thing behind the last.
    pub(crate) fn push(&mut self, thing: T) {
        if self.first.len() < Self::PER_PAGE {
            if self.first.len() == self.first.capacity() {
                self.first.reserve_exact(self.first.len().max(4).min(Self::PER_PAGE - self.first.len()));
            }
            self.first.push(thing);
            return;
        }
        if self.paged == self.pages.len() * Self::PER_PAGE {
            self.pages.push(Page::of_things());
        }
        self.paged += 1;
        let place = self.paged_place(self.paged - 1);
        // SAFETY: the place is within a page that this slab has.
        unsafe { place.write(thing) }
    }

    /// Where one of those in pages is.
    #[inline]
    fn paged_place(&self, paged: usize) -> NonNull<T> {
        let room = Page::room(self.pages[paged / Self::PER_PAGE]).cast::<T>();
        // SAFETY: a page has room for so many.
        unsafe { room.add(paged % Self::PER_PAGE) }
    }

    /// The thing in this place.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> &T {
        match place.checked_sub(Self::PER_PAGE) {
            None => &self.first[place],
            Some(paged) => {
                assert!(paged < self.paged, "there are only so many");
                // SAFETY: it was written by `push`, and is written again through `&mut self` only.
                unsafe { self.paged_place(paged).as_ref() }
            }
        }
    }

    /// The thing in this place, to change.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub(crate) fn get_mut(&mut self, place: usize) -> &mut T {
        match place.checked_sub(Self::PER_PAGE) {
            None => &mut self.first[place],
            Some(paged) => {
                assert!(paged < self.paged, "there are only so many");
                // SAFETY: it was written by `push`, and nobody else looks at it.
                unsafe { self.paged_place(paged).as_mut() }
            }
        }
    }
}

impl<T: Copy> Clone for Slab<T> {
    fn clone(&self) -> Self {
        let mut clone = Self::new();
        (0..self.len()).for_each(|place| clone.push(*self.get(place)));
        clone
    }
}

impl<T> Slab<T> {
    /// Takes everything out. A little of the memory is kept for what comes next.
    pub(crate) fn clear(&mut self) {
        if self.pages.is_empty() {
            self.first.clear();
        } else {
            self.first = Vec::new();
        }
        self.paged = 0;
        for page in std::mem::take(&mut self.pages) {
            // SAFETY: the slab had the page, and nothing is lent any more.
            unsafe { Page::release(page) }
        }
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T: Copy> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_vec_holds(
            steps in prop::collection::vec((any::<u32>(), 0..400_usize, 0..40_u8), 1..60),
        ) {
            let (mut slab, mut model) = (Slab::<[u32; 3]>::new(), Vec::new());
            for (value, count, what) in steps {
                if what == 0 {
                    slab.clear();
                    model.clear();
                }
                for number in 0..count as u32 {
                    slab.push([value, number, !value]);
                    model.push([value, number, !value]);
                }
                if let Some(place) = (value as usize).checked_rem(model.len()) {
                    slab.get_mut(place)[1] ^= 1;
                    model[place][1] ^= 1;
                }
                prop_assert_eq!(slab.len(), model.len());
                for slab in [&slab, &slab.clone()] {
                    prop_assert!((0..model.len()).all(|place| slab.get(place) == &model[place]));
                }
            }
        }
    }

    #[test]
    fn a_small_slab_has_no_page_and_a_big_one_little_else() {
        let mut slab = Slab::<[u32; 4]>::new();
        (0..100).for_each(|_| slab.push([0; 4]));
        assert!(slab.allocated_bytes() < 3000, "{}", slab.allocated_bytes());
        (100..100_000).for_each(|_| slab.push([0; 4]));
        assert!(slab.allocated_bytes() < 100_000 * 17, "{}", slab.allocated_bytes());
        slab.clear();
        assert_eq!(slab.allocated_bytes(), 0);
    }
}
