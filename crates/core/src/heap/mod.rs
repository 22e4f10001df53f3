//! Blocks for small things, in pages of one size each: what a general allocator spends on every block, eight bytes and the
//! way to the next multiple of sixteen, is spent once a page.
//!
//! ```text
//! page of 4 KiB | head, 32 bytes | block | block | block | ...
//! ```
//!
//! Sizes go by eight bytes. A block finds its page by clearing the low bits of its address, so there is nothing beside it. A
//! heap belongs to one database of one shard and is under that shard's lock; pages come from and return to a pool that all
//! heaps share ([`region`]).
//!
//! Pages pay only once they are filled. The first [`LONE_BYTES`] of each size come from the general allocator, one by one,
//! and so do blocks of more than [`PAGED_MAX`]; who owns a block remembers which kind it is. With `--cfg redlet_blocks_apart`
//! all of them do, so that `AddressSanitizer` sees each.
#![expect(unsafe_code, reason = "a million small entries take a quarter less memory than from malloc")]
mod region;
mod slab;

use std::alloc::{self, Layout};
use std::fmt;
use std::ptr::NonNull;

use crate::memory::block_bytes;
use region::{PAGE_BYTES, Page};
pub(crate) use slab::Slab;

/// Sizes and addresses of blocks are multiples of this.
const UNIT: usize = 8;
/// The biggest block that lies in a page: what bigger ones leave unused at its end is as much as an allocator's own.
const PAGED_MAX: usize = if cfg!(redlet_blocks_apart) { 0 } else { 256 };
const CLASSES: usize = 256 / UNIT;
/// A size gets its first page when blocks of so many bytes are there.
const LONE_BYTES: usize = 2048;

/// Where a block begins, and which kind it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) address: NonNull<u8>,
    /// It lies in a page.
    pub(crate) is_paged: bool,
}

/// Blocks of one size.
#[derive(Clone, Copy)]
struct Class {
    /// The first of the pages that have room.
    open: Option<NonNull<Page>>,
    /// How many blocks came from the general allocator since there are classes.
    lone: u32,
}

/// Gives out blocks and takes them back.
///
/// Nothing is zeroed. A heap must have got back all its blocks when it is dropped; otherwise they leak.
pub(crate) struct Heap {
    /// Nothing while there is little in the heap.
    classes: Option<Box<[Class; CLASSES]>>,
    used_bytes: usize,
    paged_bytes: usize,
    pages: usize,
}

// SAFETY: a heap is the only one that has its pages, and changes them through `&mut self` alone.
unsafe impl Send for Heap {}
// SAFETY: through a shared reference only numbers of its own are read.
unsafe impl Sync for Heap {}

/// The size of the block that is given for `size` bytes. Blocks for the same rounded size can stand for each other.
pub(crate) const fn rounded(size: usize) -> usize {
    size.next_multiple_of(UNIT)
}

const fn layout(size: usize) -> Layout {
    match Layout::from_size_align(rounded(size), UNIT) {
        Ok(layout) => layout,
        Err(_) => panic!("a block is smaller than the address space"),
    }
}

impl Heap {
    /// Without blocks; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self { classes: None, used_bytes: 0, paged_bytes: 0, pages: 0 }
    }

    /// What the blocks that are given out take. O(1).
    pub(crate) const fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// What the blocks among them take that lie in pages. O(1).
    pub(crate) const fn paged_bytes(&self) -> usize {
        self.paged_bytes
    }

    /// What the pages take, with the room in them. O(1).
    pub(crate) const fn page_bytes(&self) -> usize {
        self.pages * PAGE_BYTES
    }

    /// What a block for `size` bytes takes.
    pub(crate) const fn bytes_for(size: usize, is_paged: bool) -> usize {
        if is_paged { rounded(size) } else { block_bytes(rounded(size)) }
    }

    /// A block of at least `size` bytes, which must not be 0, aligned to eight. O(1).
    #[inline]
    pub(crate) fn allocate(&mut self, size: usize) -> Block {
        let is_paged = size <= PAGED_MAX && self.is_worth_a_page(size);
        self.count(size, is_paged, usize::wrapping_add);
        let address = if is_paged { self.allocate_paged(size) } else { Self::allocate_lone(size) };
        Block { address, is_paged }
    }

    #[inline]
    fn count(&mut self, size: usize, is_paged: bool, change: impl Fn(usize, usize) -> usize) {
        let bytes = Self::bytes_for(size, is_paged);
        self.used_bytes = change(self.used_bytes, bytes);
        if is_paged {
            self.paged_bytes = change(self.paged_bytes, bytes);
        }
    }

    fn class(&mut self, size: usize) -> Option<&mut Class> {
        self.classes.as_deref_mut()?.get_mut((size - 1) / UNIT)
    }

    /// Whether there are enough blocks of this size for a page; if not, counts one more.
    #[inline]
    fn is_worth_a_page(&mut self, size: usize) -> bool {
        if self.classes.is_none() {
            if self.used_bytes < LONE_BYTES {
                return false;
            }
            self.classes = Some(Box::new([Class { open: None, lone: 0 }; CLASSES]));
        }
        let Some(class) = self.class(size) else { return false };
        if class.open.is_some() || class.lone as usize * rounded(size) >= LONE_BYTES {
            return true;
        }
        class.lone += 1;
        false
    }

    fn allocate_lone(size: usize) -> NonNull<u8> {
        debug_assert!(size > 0, "there is no block of nothing");
        let layout = layout(size);
        // SAFETY: the size is not 0, as the caller promises.
        let address = NonNull::new(unsafe { alloc::alloc(layout) });
        address.unwrap_or_else(|| alloc::handle_alloc_error(layout))
    }

    #[inline]
    fn allocate_paged(&mut self, size: usize) -> NonNull<u8> {
        let open = self.class(size).and_then(|class| class.open);
        let page = open.unwrap_or_else(|| self.open_page(size));
        // SAFETY: an open page is one of this heap's, with room.
        unsafe {
            let block = Page::take(page);
            if Page::is_full(page) {
                self.close(page, size);
            }
            block
        }
    }

    #[cold]
    fn open_page(&mut self, size: usize) -> NonNull<Page> {
        let page = Page::of_blocks(rounded(size));
        self.pages += 1;
        if let Some(class) = self.class(size) {
            class.open = Some(page);
        }
        page
    }

    /// Takes a page out of those with room.
    ///
    /// # Safety
    /// It is one of them, for blocks of this size.
    unsafe fn close(&mut self, page: NonNull<Page>, size: usize) {
        // SAFETY: the caller's promise, and the neighbours are open pages of the same heap.
        let next = unsafe { Page::unlink(page) };
        if let Some(class) = self.class(size)
            && class.open == Some(page)
        {
            class.open = next;
        }
    }

    /// Takes a block back. O(1).
    ///
    /// # Safety
    /// The block was given by this heap for a size with the same rounded one, not taken back yet, and nobody looks at it
    /// any more.
    #[inline]
    pub(crate) unsafe fn free(&mut self, block: Block, size: usize) {
        self.count(size, block.is_paged, usize::wrapping_sub);
        if !block.is_paged {
            // The classes may be younger than the block.
            if let Some(class) = self.class(size) {
                class.lone = class.lone.saturating_sub(1);
            }
            // SAFETY: such a block was allocated with this layout.
            return unsafe { alloc::dealloc(block.address.as_ptr(), layout(size)) };
        }
        // SAFETY: a paged block lies in a page of this heap.
        unsafe {
            let page = Page::of(block.address);
            let was_full = Page::is_full(page);
            Page::give(page, block.address);
            if Page::is_empty(page) {
                if !was_full {
                    self.close(page, size);
                }
                self.pages -= 1;
                Page::release(page);
            } else if was_full {
                let first = self.class(size).and_then(|class| class.open.replace(page));
                Page::link_before(page, first);
            }
        }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("used_bytes", &self.used_bytes)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        debug_assert!(
            self.used_bytes == 0 && self.pages == 0 || std::thread::panicking(),
            "who has blocks gives them back first"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A heap, and beside it each block with what was written to it.
    #[derive(Default)]
    struct Modelled {
        heap: Heap,
        blocks: BTreeMap<usize, (Block, usize, u8)>,
    }

    impl Modelled {
        fn allocate(&mut self, size: usize, fill: u8) {
            let block = self.heap.allocate(size);
            let address = block.address.addr().get();
            assert_eq!(address % UNIT, 0);
            if let Some((before, (_, length, _))) = self.blocks.range(..address).next_back() {
                assert!(before + rounded(*length) <= address, "it begins in another");
            }
            if let Some((after, _)) = self.blocks.range(address..).next() {
                assert!(address + rounded(size) <= *after, "it ends in another");
            }
            // SAFETY: the block has so many bytes.
            unsafe { block.address.write_bytes(fill, rounded(size)) }
            self.blocks.insert(address, (block, size, fill));
        }

        fn free(&mut self, nth: usize) {
            let Some(address) = self.blocks.keys().nth(nth).copied() else { return };
            let Some((block, size, fill)) = self.blocks.remove(&address) else { return };
            // SAFETY: the heap gave the block for this size, and it was all written to.
            unsafe {
                let bytes = NonNull::slice_from_raw_parts(block.address, rounded(size));
                assert!(bytes.as_ref().iter().all(|byte| *byte == fill), "somebody else wrote there");
                self.heap.free(block, size);
            }
        }

        fn check(&self) {
            let taken = |(block, size, _): &(Block, usize, u8)| Heap::bytes_for(*size, block.is_paged);
            assert_eq!(self.heap.used_bytes(), self.blocks.values().map(taken).sum::<usize>());
        }

        fn empty(mut self) {
            while !self.blocks.is_empty() {
                self.free(0);
            }
            self.check();
            assert_eq!(self.heap.page_bytes(), 0);
        }
    }

    proptest! {
        #[test]
        fn blocks_are_apart_and_keep_what_is_written_to_them(
            steps in prop::collection::vec(
                (prop_oneof![8 => 1_usize..40, 4 => 200_usize..300, 1 => 1_usize..5000], any::<u8>(), 0..5_u8, 1..200_usize),
                1..200,
            ),
        ) {
            let mut modelled = Modelled::default();
            for (step, (size, fill, what, times)) in steps.into_iter().enumerate() {
                for round in 0..times {
                    if what < 3 {
                        modelled.allocate(size, fill);
                    } else if !modelled.blocks.is_empty() {
                        modelled.free((usize::from(fill) * 7919 + round * size) % modelled.blocks.len());
                    }
                }
                if step % 16 == 0 {
                    modelled.check();
                }
            }
            modelled.check();
            modelled.empty();
        }
    }

    #[test]
    fn a_heap_of_few_blocks_has_no_page_and_one_of_many_little_else() {
        let mut modelled = Modelled::default();
        (0..50).for_each(|_| modelled.allocate(40, 1));
        assert_eq!(modelled.heap.page_bytes(), 0);
        (50..20_000).for_each(|_| modelled.allocate(40, 1));
        if PAGED_MAX > 0 {
            let least = 20_000 * 40;
            let most = least + least / 50;
            assert!(modelled.heap.used_bytes() < most, "{}", modelled.heap.used_bytes());
            assert!(modelled.heap.page_bytes() < most, "{}", modelled.heap.page_bytes());
        }
        modelled.empty();
    }

    #[test]
    fn heaps_of_several_threads_share_pages_without_meeting() {
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                scope.spawn(move || {
                    let mut modelled = Modelled::default();
                    for round in 0..20_usize {
                        (0..500)
                            .for_each(|number| modelled.allocate(8 + number % 60, thread * 20 + round as u8));
                        (0..400).for_each(|number| modelled.free(number % modelled.blocks.len()));
                    }
                    modelled.empty();
                });
            }
        });
    }
}
