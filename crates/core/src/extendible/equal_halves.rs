//! Which of the eight tags in a cache line are the wanted one.
#![expect(unsafe_code, reason = "17 instructions instead of 45, in the middle of every lookup")]

/// A bit for each word whose upper half is `half`.
#[inline]
pub(super) fn equal_halves(words: [u32; 8], half: u16) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    unsafe {
        with_sse2(words, half)
    }
    #[cfg(not(target_arch = "x86_64"))]
    one_by_one(words, half)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn with_sse2(words: [u32; 8], half: u16) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set_epi32, _mm_set1_epi16,
        _mm_setzero_si128, _mm_srai_epi32,
    };
    let words = words.map(u32::cast_signed);
    let low = _mm_set_epi32(words[3], words[2], words[1], words[0]);
    let high = _mm_set_epi32(words[7], words[6], words[5], words[4]);
    // Shifted with its sign, a half keeps its value when it is packed.
    let halves = _mm_packs_epi32(_mm_srai_epi32::<16>(low), _mm_srai_epi32::<16>(high));
    let equal = _mm_cmpeq_epi16(halves, _mm_set1_epi16(half.cast_signed()));
    _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())).cast_unsigned()
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn one_by_one(words: [u32; 8], half: u16) -> u32 {
    let bit = |(slot, word): (usize, &u32)| u32::from((word >> 16) as u16 == half) << slot;
    words.iter().enumerate().map(bit).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_at_once_is_one_by_one(words: [u32; 8], half: u16, equal in 0_u32..256) {
            let mut words = words;
            for (slot, word) in words.iter_mut().enumerate().filter(|(slot, _)| equal >> slot & 1 == 1) {
                *word = u32::from(half) << 16 | slot as u32;
            }
            prop_assert_eq!(equal_halves(words, half), one_by_one(words, half));
            prop_assert_eq!(equal_halves(words, half) & equal, equal);
        }
    }
}
