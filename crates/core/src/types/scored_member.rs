//! A member of a sorted set with its score, in one allocation that the set's index and its tree share.
//!
//! ```text
//! | score | length, handles | long length | member ... |
//!   8 bytes  1                0 or 4
//! ```
//!
//! A member of up to 15 bytes fits in the smallest block that glibc has. Whoever holds the member has a handle of 8 bytes;
//! the last one frees it.
//!
//! The tests compare it with an `Arc`.
#![expect(
    unsafe_code,
    reason = "32 bytes a member instead of 64, and handles of 8 bytes instead of 16 that keep a tag for their holder"
)]
use std::alloc::{self, Layout};
use std::cmp::Ordering;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{self, AtomicU8, AtomicU64};

use super::compare_scores;
use crate::extendible::{Tagged, TaggedPointer, prefetch};
use crate::memory::block_bytes;

/// A handle to a member, with a tag of its own.
pub(super) struct ScoredMember(TaggedPointer);

// SAFETY: handles share bytes that never change, and two atomics; counting them is as in `Arc`.
unsafe impl Send for ScoredMember {}
// SAFETY: as above.
unsafe impl Sync for ScoredMember {}

const SHAPE_AT: usize = size_of::<AtomicU64>();
/// Where a long length is, or a member that has none.
const LENGTH_AT: usize = SHAPE_AT + size_of::<AtomicU8>();
const LONG_LENGTH_BYTES: usize = size_of::<u32>();
/// The allocation begins with an `AtomicU64`.
const ALIGN: usize = align_of::<AtomicU64>();

/// The lower bits of the shape count handles; a set has one in its index, one in a leaf, at most one in an inner node, and a
/// function on the way between them has another.
const HANDLE_BITS: u32 = 3;
const HANDLES_MAX: u8 = (1 << HANDLE_BITS) - 1;
/// What the upper bits of the shape are when the length does not fit there.
const LONG: u8 = u8::MAX >> HANDLE_BITS;

fn layout(length: usize) -> Layout {
    let long_length_bytes = if length < usize::from(LONG) { 0 } else { LONG_LENGTH_BYTES };
    Layout::from_size_align(LENGTH_AT + long_length_bytes + length, ALIGN).expect("a member fits in memory")
}

impl ScoredMember {
    #[cfg(test)]
    pub(super) fn new(member: &[u8], score: f64) -> Self {
        let [handle, _] = Self::twice(member, score);
        handle
    }

    /// Two handles to a new member.
    pub(super) fn twice(member: &[u8], score: f64) -> [Self; 2] {
        let long_length = u32::try_from(member.len()).expect("a member has at most 4 GiB");
        let layout = layout(member.len());
        // SAFETY: the size is not 0: the score is always there.
        let Some(start) = NonNull::new(unsafe { alloc::alloc(layout) }) else {
            alloc::handle_alloc_error(layout)
        };
        let short_length = if member.len() < usize::from(LONG) { member.len() as u8 } else { LONG };
        // SAFETY: all of it lies within the layout, which has a long length when the short one does not do, and begins aligned
        // for the score; `member` cannot be in memory that is new.
        unsafe {
            start.cast::<AtomicU64>().write(AtomicU64::new(score.to_bits()));
            start.add(SHAPE_AT).cast::<AtomicU8>().write(AtomicU8::new(short_length << HANDLE_BITS | 2));
            let mut at = start.add(LENGTH_AT);
            if short_length == LONG {
                at.cast::<u32>().write_unaligned(long_length);
                at = at.add(LONG_LENGTH_BYTES);
            }
            at.copy_from_nonoverlapping(NonNull::from(member).cast(), member.len());
        }
        [Self(TaggedPointer::new(start, 0)), Self(TaggedPointer::new(start, 0))]
    }

    #[inline]
    fn start(&self) -> NonNull<u8> {
        self.0.address()
    }

    #[inline]
    fn score_bits(&self) -> &AtomicU64 {
        // SAFETY: every allocation begins with it, aligned for it, and it is only reached through here.
        unsafe { self.start().cast().as_ref() }
    }

    #[inline]
    fn shape(&self) -> &AtomicU8 {
        // SAFETY: every allocation has it there, and it is only reached through here.
        unsafe { self.start().add(SHAPE_AT).cast().as_ref() }
    }

    #[inline]
    pub(super) fn score(&self) -> f64 {
        f64::from_bits(self.score_bits().load(atomic::Ordering::Relaxed))
    }

    /// Changes the score for all handles.
    pub(super) fn set_score(&self, score: f64) {
        self.score_bits().store(score.to_bits(), atomic::Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn member(&self) -> &[u8] {
        // The upper bits stay the same while handles come and go.
        let short_length = self.shape().load(atomic::Ordering::Relaxed) >> HANDLE_BITS;
        // SAFETY: `new` wrote the lengths and so many bytes behind them; nobody changes them, and they stay while there
        // is a handle.
        unsafe {
            let at = self.start().add(LENGTH_AT);
            let (at, length) = if short_length == LONG {
                (at.add(LONG_LENGTH_BYTES), at.cast::<u32>().read_unaligned() as usize)
            } else {
                (at, usize::from(short_length))
            };
            NonNull::slice_from_raw_parts(at, length).as_ref()
        }
    }

    /// Where this member is in the order of a set, seen from one with this score and these bytes.
    #[inline]
    pub(super) fn order(&self, score: f64, member: &[u8]) -> Ordering {
        compare_scores(self.score(), score).then_with(|| self.member().cmp(member))
    }

    /// Whether both are handles to one member.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.start() == other.start()
    }

    /// What the member takes of the allocator.
    pub(super) fn allocated_bytes(&self) -> usize {
        block_bytes(layout(self.member().len()).size())
    }
}

impl Tagged for ScoredMember {
    #[inline]
    fn tag_word(&self) -> u32 {
        self.0.tag_word()
    }

    fn set_tag(&mut self, tag: u16) {
        self.0 = TaggedPointer::new(self.start(), tag);
    }

    #[inline]
    fn prefetch(&self) {
        // Every other block of 32 bytes lies in two cache lines.
        prefetch(self.start(), 0);
        prefetch(self.start(), 16);
    }
}

impl Clone for ScoredMember {
    fn clone(&self) -> Self {
        let one_more = |shape| (shape & HANDLES_MAX < HANDLES_MAX).then_some(shape + 1);
        // As in `Arc`, nothing needs to be seen by others because of this.
        let counted =
            self.shape().fetch_update(atomic::Ordering::Relaxed, atomic::Ordering::Relaxed, one_more);
        assert!(counted.is_ok(), "a member has at most {HANDLES_MAX} handles");
        Self(self.0)
    }
}

impl Drop for ScoredMember {
    fn drop(&mut self) {
        // As in `Arc`: whoever is the last must see what all others did before. An only handle stays so.
        let is_last = self.shape().load(atomic::Ordering::Acquire) & HANDLES_MAX == 1
            || self.shape().fetch_sub(1, atomic::Ordering::AcqRel) & HANDLES_MAX == 1;
        if is_last {
            let layout = layout(self.member().len());
            // SAFETY: allocated with this layout, and there is no other handle.
            unsafe { alloc::dealloc(self.start().as_ptr(), layout) }
        }
    }
}

impl fmt::Debug for ScoredMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member().escape_ascii(), self.score())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// What a handle is, without a trick.
    #[derive(Clone)]
    struct Plain {
        shared: Arc<(Mutex<f64>, Vec<u8>)>,
        tag: u16,
    }

    fn lengths() -> impl Strategy<Value = usize> {
        let long = usize::from(LONG);
        prop_oneof![4 => 0..long + 9, 1 => Just(long - 1), 1 => Just(long), 1 => Just(1 << 20)]
    }

    proptest! {
        #[test]
        fn handles_are_what_arcs_are(
            members in prop::collection::vec((lengths(), any::<u8>(), any::<f64>()), 1..6),
            steps in prop::collection::vec((0..4, any::<prop::sample::Index>(), any::<u16>()), 0..60),
        ) {
            let mut handles = Vec::new();
            for (length, byte, score) in members {
                let member: Vec<u8> = (0..length).map(|at| byte.wrapping_add(at as u8)).collect();
                let plain = Plain { shared: Arc::new((Mutex::new(score), member)), tag: 0 };
                handles.push((ScoredMember::new(&plain.shared.1, score), plain));
            }
            for (what, at, tag) in steps {
                let at = at.index(handles.len());
                match what {
                    0 if Arc::strong_count(&handles[at].1.shared) < usize::from(HANDLES_MAX) => {
                        handles.push(handles[at].clone());
                    }
                    1 if handles.len() > 1 => drop(handles.swap_remove(at)),
                    2 => {
                        handles[at].0.set_score(f64::from(tag));
                        *handles[at].1.shared.0.lock().unwrap() = f64::from(tag);
                    }
                    _ => {
                        handles[at].0.set_tag(tag);
                        handles[at].1.tag = tag;
                    }
                }
                for (handle, plain) in &handles {
                    let score = *plain.shared.0.lock().unwrap();
                    prop_assert_eq!(handle.member(), &*plain.shared.1);
                    prop_assert_eq!((handle.score().to_bits(), handle.tag()), (score.to_bits(), plain.tag));
                    prop_assert!(handle.order(score, &plain.shared.1).is_eq());
                    let is_shared = |other: &Plain| Arc::ptr_eq(&plain.shared, &other.shared);
                    prop_assert!(handles.iter().all(|(other, plain)| handle.is(other) == is_shared(plain)));
                }
            }
        }
    }

    #[test]
    fn handles_may_go_in_several_threads() {
        for _ in 0..200 {
            let handle = ScoredMember::new(b"member", 1.0);
            let threads = [(); 3].map(|()| {
                let handle = handle.clone();
                #[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
                std::thread::spawn(move || handle.member().len())
            });
            drop(handle);
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 6));
        }
    }

    #[test]
    #[should_panic(expected = "at most 7 handles")]
    fn no_handle_is_made_that_cannot_be_counted() {
        let handle = ScoredMember::new(b"member", 1.0);
        let _handles = [(); HANDLES_MAX as usize].map(|()| handle.clone());
    }

    // The size that the memory of a million members comes down to.
    #[test]
    fn a_member_of_fifteen_bytes_takes_the_smallest_block() {
        assert_eq!(ScoredMember::new(&[b'm'; 15], 1.0).allocated_bytes(), block_bytes(1));
        assert_eq!(ScoredMember::new(&[b'm'; 100], 1.0).allocated_bytes(), block_bytes(8 + 1 + 4 + 100));
    }
}
