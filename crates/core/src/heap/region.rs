//! Pages of one size of block, and the regions of memory that they are cut from.
//!
//! A region is 2 MiB that come from the system at once, where it can be one entry in the processor's table of addresses: a
//! lookup in a big store spends a third of its time on finding out where addresses are. Regions are the process's, pages go
//! from store to store, and a region without a page in use goes back to the system if another one has room.
use std::alloc::{self, Layout};
use std::ptr::NonNull;

use parking_lot::{Mutex, const_mutex};

use super::UNIT;

pub(super) const PAGE_BYTES: usize = 4096;
const HEAD_BYTES: usize = 32;
const REGION_BYTES: usize = 2 << 20;
const PAGES: usize = REGION_BYTES / PAGE_BYTES;
/// Only from so many regions on are further ones asked for in one piece: it is there whole as soon as one byte of it is
/// touched, which a small store has no use for.
#[cfg(target_os = "linux")]
const WHOLE_FROM: usize = 8;

/// The head of a page. It is changed by the heap that has the page, and by the pool while none has it.
#[repr(C)]
pub(super) struct Page {
    next: Option<NonNull<Page>>,
    previous: Option<NonNull<Page>>,
    region: NonNull<Region>,
    /// Where the first block that was given back begins, in units; 0 for none. It says where the next one does.
    free: u16,
    /// Where the first block begins that was never given out.
    fresh: u16,
    live: u16,
    /// The size of a block in units.
    block_units: u16,
}

const _: () = assert!(size_of::<Page>() <= HEAD_BYTES && REGION_BYTES.is_power_of_two());

impl Page {
    /// A page without neighbours for blocks of `size` bytes, a multiple of [`UNIT`] and less than what a page holds.
    pub(super) fn of_blocks(size: usize) -> NonNull<Self> {
        let (page, region) = POOL.lock().take();
        let head = Self {
            next: None,
            previous: None,
            region,
            free: 0,
            fresh: (HEAD_BYTES / UNIT) as u16,
            live: 0,
            block_units: (size / UNIT) as u16,
        };
        // SAFETY: a page from the pool is aligned, big enough for its head, and nobody else's.
        unsafe { page.write(head) }
        page
    }

    /// What a page has for whoever gives it out in another way than by blocks.
    pub(super) const ROOM: usize = PAGE_BYTES - HEAD_BYTES;

    /// A page without blocks.
    pub(super) fn of_things() -> NonNull<Self> {
        Self::of_blocks(Self::ROOM)
    }

    /// Where a page's [`Page::ROOM`] bytes begin, aligned to [`UNIT`].
    #[inline]
    pub(super) fn room(page: NonNull<Self>) -> NonNull<u8> {
        Self::block(page, (HEAD_BYTES / UNIT) as u16)
    }

    /// The page in which a block lies.
    pub(super) fn of(block: NonNull<u8>) -> NonNull<Self> {
        let start = block.as_ptr().map_addr(|address| address & !(PAGE_BYTES - 1));
        // SAFETY: a page begins at an address that is not 0.
        unsafe { NonNull::new_unchecked(start).cast() }
    }

    /// Whether all blocks are given out.
    ///
    /// # Safety
    /// The caller's heap has the page.
    #[inline]
    pub(super) unsafe fn is_full(page: NonNull<Self>) -> bool {
        // SAFETY: as the caller promises, nobody else changes the head.
        let head = unsafe { page.as_ref() };
        head.free == 0 && usize::from(head.fresh + head.block_units) * UNIT > PAGE_BYTES
    }

    /// Whether no block is given out.
    ///
    /// # Safety
    /// The caller's heap has the page.
    pub(super) unsafe fn is_empty(page: NonNull<Self>) -> bool {
        // SAFETY: as the caller promises.
        unsafe { page.as_ref() }.live == 0
    }

    #[inline]
    fn block(page: NonNull<Self>, unit: u16) -> NonNull<u8> {
        // SAFETY: places of blocks are within the page, which is one piece of memory.
        unsafe { page.cast::<u8>().add(usize::from(unit) * UNIT) }
    }

    /// Gives out a block.
    ///
    /// # Safety
    /// The caller's heap has the page, which is not full.
    #[inline]
    pub(super) unsafe fn take(mut page: NonNull<Self>) -> NonNull<u8> {
        // SAFETY: as the caller promises, nobody else changes the head.
        let head = unsafe { page.as_mut() };
        head.live += 1;
        let unit = if head.free == 0 {
            let unit = head.fresh;
            head.fresh += head.block_units;
            unit
        } else {
            head.free
        };
        let block = Self::block(page, unit);
        if unit == head.free {
            // SAFETY: a block that was given back has the place of the next one in it, written by `give`.
            head.free = unsafe { block.cast::<u16>().read() };
        }
        block
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// The caller's heap has the page, the block was given out by it, and nobody looks at it any more.
    #[inline]
    pub(super) unsafe fn give(mut page: NonNull<Self>, block: NonNull<u8>) {
        let unit = (block.addr().get() % PAGE_BYTES / UNIT) as u16;
        // SAFETY: as the caller promises; a block has room for a place.
        unsafe {
            let head = page.as_mut();
            head.live -= 1;
            block.cast::<u16>().write(head.free);
            head.free = unit;
        }
    }

    /// Puts a page without neighbours before the first of a list.
    ///
    /// # Safety
    /// The caller's heap has both.
    pub(super) unsafe fn link_before(mut page: NonNull<Self>, first: Option<NonNull<Self>>) {
        // SAFETY: as the caller promises, nobody else changes the heads.
        unsafe {
            page.as_mut().next = first;
            if let Some(mut first) = first {
                first.as_mut().previous = Some(page);
            }
        }
    }

    /// Takes a page out of its list and returns the one after it.
    ///
    /// # Safety
    /// The caller's heap has the whole list.
    pub(super) unsafe fn unlink(mut page: NonNull<Self>) -> Option<NonNull<Self>> {
        // SAFETY: as the caller promises, nobody else changes the heads.
        unsafe {
            let (next, previous) = (page.as_mut().next.take(), page.as_mut().previous.take());
            if let Some(mut next) = next {
                next.as_mut().previous = previous;
            }
            if let Some(mut previous) = previous {
                previous.as_mut().next = next;
            }
            next
        }
    }

    /// Gives a page back to the pool.
    ///
    /// # Safety
    /// The caller's heap had it, in no list, and has no pointer to it or into it any more.
    #[cold]
    pub(super) unsafe fn release(page: NonNull<Self>) {
        // SAFETY: as the caller promises.
        unsafe { POOL.lock().give(page) }
    }
}

/// A piece of memory that pages are cut from.
struct Region {
    start: NonNull<u8>,
    /// The first of the pages that were given back.
    free: Option<NonNull<Page>>,
    /// How many pages were ever given out.
    fresh: usize,
    live: usize,
    /// Where it is among the open ones, while it has room.
    place: usize,
}

impl Region {
    const LAYOUT: Layout = {
        // Where the system makes nothing of pieces of this size, alignment beyond a page would cost memory.
        let align = if cfg!(target_os = "linux") { REGION_BYTES } else { PAGE_BYTES };
        match Layout::from_size_align(REGION_BYTES, align) {
            Ok(layout) => layout,
            Err(_) => panic!("both are powers of two"),
        }
    };

    fn new(whole: bool) -> NonNull<Self> {
        // SAFETY: the size is not 0.
        let Some(start) = NonNull::new(unsafe { alloc::alloc(Self::LAYOUT) }) else {
            alloc::handle_alloc_error(Self::LAYOUT)
        };
        if whole {
            advise_whole(start);
        }
        NonNull::from(Box::leak(Box::new(Self { start, free: None, fresh: 0, live: 0, place: 0 })))
    }

    fn is_full(&self) -> bool {
        self.free.is_none() && self.fresh == PAGES
    }
}

/// Asks the system to keep a region in one piece.
#[cfg(target_os = "linux")]
fn advise_whole(start: NonNull<u8>) {
    // SAFETY: advice changes nothing that a program can see. Whether it is followed does not matter.
    let _ = unsafe { libc::madvise(start.as_ptr().cast(), REGION_BYTES, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_whole(_: NonNull<u8>) {}

/// All regions of the process.
struct Pool {
    /// Those with room.
    open: Vec<NonNull<Region>>,
    regions: usize,
}

// SAFETY: regions and the pages that nobody has are reached through the pool alone, under its lock.
unsafe impl Send for Pool {}

static POOL: Mutex<Pool> = const_mutex(Pool { open: Vec::new(), regions: 0 });

impl Pool {
    fn take(&mut self) -> (NonNull<Page>, NonNull<Region>) {
        let mut pointer = self.open.last().copied().unwrap_or_else(|| self.add_region());
        // SAFETY: regions live until they are empty; the pool is locked.
        let region = unsafe { pointer.as_mut() };
        region.live += 1;
        let page = match region.free {
            Some(page) => {
                // SAFETY: the pages that were given back are nobody's, and linked.
                region.free = unsafe { page.as_ref().next };
                page
            }
            None => {
                region.fresh += 1;
                // SAFETY: there are so many pages in the region.
                unsafe { region.start.add((region.fresh - 1) * PAGE_BYTES).cast() }
            }
        };
        if region.is_full() {
            self.open.pop();
        }
        (page, pointer)
    }

    fn add_region(&mut self) -> NonNull<Region> {
        #[cfg(target_os = "linux")]
        let whole = self.regions >= WHOLE_FROM;
        #[cfg(not(target_os = "linux"))]
        let whole = false;
        let region = Region::new(whole);
        self.regions += 1;
        self.open(region);
        region
    }

    fn open(&mut self, mut region: NonNull<Region>) {
        // SAFETY: regions live until they are empty; the pool is locked.
        unsafe { region.as_mut().place = self.open.len() };
        self.open.push(region);
    }

    /// # Safety
    /// Nobody has the page any more.
    unsafe fn give(&mut self, mut page: NonNull<Page>) {
        // SAFETY: the head says truly which region it was cut from; regions live until they are empty; the pool is locked.
        let (mut pointer, region) = unsafe {
            let pointer = page.as_ref().region;
            (pointer, &mut *pointer.as_ptr())
        };
        let was_full = region.is_full();
        // SAFETY: the page is the pool's now.
        unsafe { page.as_mut().next = region.free.replace(page) };
        region.live -= 1;
        if was_full {
            self.open(pointer);
        } else if region.live == 0 && self.open.len() > 1 {
            let place = region.place;
            self.open.swap_remove(place);
            if let Some(moved) = self.open.get_mut(place) {
                // SAFETY: as above; it is another region than this one, which is out of the list.
                unsafe { moved.as_mut().place = place };
            }
            self.regions -= 1;
            // SAFETY: it was leaked when it was made, no page of it is in use, and it is in no list.
            unsafe {
                alloc::dealloc(pointer.as_mut().start.as_ptr(), Region::LAYOUT);
                drop(Box::from_raw(pointer.as_ptr()));
            }
        }
    }
}
