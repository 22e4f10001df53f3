//! The tags and sizes of 32 slots, looked at all at once: whoever looks for an entry guesses nothing on his way to it.
//!
//! ```text
//! | tag × 8 | size × 8 | tag × 8 | size × 8 | tag × 8 | size × 8 | tag × 8 | size × 8 |
//! ```
#![expect(unsafe_code, reason = "a lookup in a small set takes 11 ns instead of 21")]

/// Slots whose tags stand together.
pub(super) const GROUP: usize = 8;
/// A group's tags and sizes.
pub(super) const GROUP_BYTES: usize = 2 * GROUP;
/// Slots that are looked at at once.
pub(super) const SLOTS: usize = 32;
/// Their tags and sizes.
pub(super) const BYTES: usize = SLOTS / GROUP * GROUP_BYTES;

/// A bit for each slot that has this tag.
#[inline]
pub(super) fn slots_with(head: &[u8; BYTES], tag: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    unsafe {
        sse2::slots_with(head, tag)
    }
    #[cfg(not(target_arch = "x86_64"))]
    by_groups::slots_with(head, tag)
}

/// The sum of the sizes of the slots before this one, which may be the one after the last.
#[inline]
pub(super) fn bytes_before(head: &[u8; BYTES], slot: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    unsafe {
        sse2::bytes_before(head, slot)
    }
    #[cfg(not(target_arch = "x86_64"))]
    by_groups::bytes_before(head, slot)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    use super::{BYTES, GROUP, SLOTS};

    /// All bits for each slot before one, from where that is as far behind as it is before the middle.
    const COUNTED: [u8; 2 * SLOTS] = {
        let mut counted = [0; 2 * SLOTS];
        let mut slot = 0;
        while slot < SLOTS {
            counted[slot] = u8::MAX;
            slot += 1;
        }
        counted
    };

    /// Tags or sizes of 16 slots.
    type Half = __m128i;

    #[target_feature(enable = "sse2")]
    #[inline]
    fn group(head: &[u8; BYTES], number: usize) -> __m128i {
        let (groups, _) = head.as_chunks::<8>();
        let word = |number: usize| u64::from_le_bytes(groups[number]).cast_signed();
        _mm_set_epi64x(word(2 * number + 1), word(2 * number))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn slots_with(head: &[u8; BYTES], tag: u8) -> u32 {
        let wanted = _mm_set1_epi8(tag.cast_signed());
        let tags = |first| _mm_unpacklo_epi64(group(head, first), group(head, first + 1));
        let equal = |tags: Half| _mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted)).cast_unsigned();
        equal(tags(0)) | equal(tags(2)) << 16
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn bytes_before(head: &[u8; BYTES], slot: usize) -> usize {
        let sizes = |first| _mm_unpackhi_epi64(group(head, first), group(head, first + 1));
        let counted = |first: usize| {
            let bytes = COUNTED[SLOTS - slot + first..].first_chunk().expect("there are so many slots");
            let bytes = u128::from_le_bytes(*bytes);
            _mm_set_epi64x((bytes >> 64) as i64, bytes as i64)
        };
        let sums = |first| {
            let sizes = _mm_and_si128(sizes(first / GROUP), counted(first));
            _mm_sad_epu8(sizes, _mm_setzero_si128())
        };
        let sums = _mm_add_epi64(sums(0), sums(2 * GROUP));
        let sum = _mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums));
        _mm_cvtsi128_si64(sum) as usize
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod by_groups {
    use super::{BYTES, GROUP};

    const LOW_BITS: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = LOW_BITS << 7;

    /// The words of eight tags and of their sizes.
    fn groups(head: &[u8; BYTES]) -> impl Iterator<Item = (usize, u64, u64)> {
        let (words, _) = head.as_chunks::<GROUP>();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        (0..words.len() / 2).map(move |group| (group * GROUP, word(2 * group), word(2 * group + 1)))
    }

    pub(super) fn slots_with(head: &[u8; BYTES], tag: u8) -> u32 {
        groups(head)
            .map(|(first, tags, _)| {
                let differing = tags ^ (LOW_BITS * u64::from(tag));
                // No sum is carried into the next byte.
                let equal = !(((differing & !HIGH_BITS) + !HIGH_BITS) | differing | !HIGH_BITS);
                // The high bit of each byte, gathered in the highest.
                let slots = (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                (slots as u32) << first
            })
            .sum()
    }

    pub(super) fn bytes_before(head: &[u8; BYTES], slot: usize) -> usize {
        const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
        groups(head)
            .map(|(first, _, sizes)| {
                let counted = match slot.saturating_sub(first) {
                    all if all >= GROUP => sizes,
                    few => sizes & ((1 << (few * 8)) - 1),
                };
                let pairs = (counted & EVEN) + (counted >> 8 & EVEN);
                (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_at_once_is_one_by_one(head: [[u8; 2]; BYTES / 2], tag: u8, equal: u32, slot in 0..=SLOTS) {
            let mut head: [u8; BYTES] = head.as_flattened().try_into().unwrap();
            let tag_at = |slot: usize| slot / GROUP * GROUP_BYTES + slot % GROUP;
            for slot in (0..SLOTS).filter(|slot| equal >> slot & 1 == 1) {
                head[tag_at(slot)] = tag.wrapping_add((slot % 5 == 4).into());
            }
            let equal: u32 = (0..SLOTS).map(|slot| u32::from(head[tag_at(slot)] == tag) << slot).sum();
            let before: usize = (0..slot).map(|slot| usize::from(head[tag_at(slot) + GROUP])).sum();
            prop_assert_eq!(slots_with(&head, tag), equal);
            prop_assert_eq!(by_groups::slots_with(&head, tag), equal);
            prop_assert_eq!(bytes_before(&head, slot), before);
            prop_assert_eq!(by_groups::bytes_before(&head, slot), before);
        }
    }
}
