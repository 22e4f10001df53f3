//! Strings made shorter by LZF, the format of Marc Lehmann's library of that name.
//!
//! ```text
//! 000nnnnn                    the next n + 1 bytes stand for themselves
//! nnnooooo oooooooo           n + 2 bytes, of which the first was o + 1 bytes before; n from 1 to 6
//! 111ooooo nnnnnnnn oooooooo  n + 9 bytes, of which the first was o + 1 bytes before
//! ```
//!
//! Whoever compresses may choose what to repeat. [`Compressor`] chooses as Redis does, by remembering where each three bytes were last, so
//! what it writes is nearly always the same.

/// No byte expands to more: three make 264.
const EXPANSION_MAX: usize = 88;

/// Redis gives up before a repetition, and before the last literals, if less room than this is left.
const REPETITION_ROOM: usize = 5;
const END_ROOM: usize = 3;

const LITERALS_MAX: usize = 32;
const DISTANCE_MAX: usize = 1 << 13;
const REPEATED_MIN: usize = 3;
const REPEATED_MAX: usize = 264;
/// The longest that fits into the first byte.
const SHORT_REPEATED_MAX: usize = 8;

/// The bytes that `compressed` stands for, if it stands for `length` of them.
pub(super) fn expand(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    if length > compressed.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut expanded = Vec::with_capacity(length);
    let mut rest = compressed.iter().as_slice();
    let mut next = |count: usize| rest.split_off(..count);
    while let Some(&[control]) = next(1) {
        let upper = usize::from(control >> 5);
        if upper == 0 {
            expanded.extend_from_slice(next(usize::from(control) + 1)?);
        } else {
            let repeated = if upper == 7 { usize::from(next(1)?[0]) + 9 } else { upper + 2 };
            let distance = usize::from(control & 0x1f) << 8 | usize::from(next(1)?[0]);
            let start = expanded.len().checked_sub(distance + 1)?;
            if expanded.len() + repeated > length {
                return None;
            }
            // What is repeated may go on in what it makes.
            if repeated <= distance + 1 {
                expanded.extend_from_within(start..start + repeated);
            } else {
                (start..start + repeated).for_each(|at| expanded.push(expanded[at]));
            }
        }
        if expanded.len() > length {
            return None;
        }
    }
    (expanded.len() == length).then_some(expanded)
}

/// Compresses strings, one after the other.
///
/// It remembers where bytes were last that are likely to be the three in question. That takes half a mebibyte, which is cleared once and not
/// for each string: bytes are numbered on from one string to the next, so what is remembered of earlier ones is known by its number.
#[derive(Default)]
pub(super) struct Compressor {
    /// Made for the first string.
    places: Vec<u64>,
    /// The number of the first byte of the string, and that of the first one after it.
    first: u64,
    end: u64,
}

impl Compressor {
    const BITS: u32 = 16;

    fn begin(&mut self, bytes: &[u8]) {
        self.places.resize(1 << Self::BITS, 0);
        self.first = self.end;
        self.end += bytes.len() as u64;
    }

    /// Remembers `at` for the three bytes that begin there, and tells the place that was remembered for them before. The very beginning is
    /// none: nothing repeats from there.
    fn replace(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let three =
            bytes[at..at + REPEATED_MIN].iter().fold(0_u32, |three, &byte| three << 8 | u32::from(byte));
        let slot = (three >> (24 - Self::BITS)).wrapping_sub(three.wrapping_mul(5)) & ((1 << Self::BITS) - 1);
        let before = std::mem::replace(&mut self.places[slot as usize], self.first + at as u64);
        before.checked_sub(self.first).filter(|before| *before > 0).map(|before| before as usize)
    }

    /// What stands for `bytes`, unless it would take more than `most` bytes, or nearly.
    pub(super) fn compress(&mut self, bytes: &[u8], most: usize) -> Option<Vec<u8>> {
        self.begin(bytes);
        let mut compressed = Vec::with_capacity(most);
        // The literals that were not written yet.
        let mut literals = 0;
        let mut at = 0;
        while at + REPEATED_MIN <= bytes.len() {
            let is_repeated = |before: &usize| {
                at - before <= DISTANCE_MAX
                    && bytes[*before..before + REPEATED_MIN] == bytes[at..at + REPEATED_MIN]
            };
            let Some(before) = self.replace(bytes, at).filter(is_repeated) else {
                at += 1;
                continue;
            };
            write_literals(&bytes[literals..at], &mut compressed);
            if compressed.len() + REPETITION_ROOM > most {
                return None;
            }
            let longest = longest_repeated(bytes.len() - at);
            let same =
                bytes[at..at + longest].iter().zip(&bytes[before..]).take_while(|(one, other)| one == other);
            let repeated = same.count();
            let offset = (at - before - 1) as u16;
            let [high, low] = offset.to_be_bytes();
            if repeated <= SHORT_REPEATED_MAX {
                compressed.push((repeated as u8 - 2) << 5 | high);
            } else {
                compressed.extend([7 << 5 | high, (repeated - 9) as u8]);
            }
            compressed.push(low);
            at += repeated;
            literals = at;
            if at + REPEATED_MIN <= bytes.len() {
                self.replace(bytes, at - 2);
                self.replace(bytes, at - 1);
            }
        }
        let last_run = (at - literals) % LITERALS_MAX;
        let full_runs = (at - literals) / LITERALS_MAX;
        if compressed.len() + full_runs * (1 + LITERALS_MAX) + 1 + last_run + END_ROOM > most {
            return None;
        }
        write_literals(&bytes[literals..], &mut compressed);
        Some(compressed)
    }
}

/// How many of the bytes that are left may be repeated. Redis stops two before the end, except where its steps of three and of sixteen do
/// not let it.
fn longest_repeated(left: usize) -> usize {
    match left.saturating_sub(2) {
        17 | 18 => 19,
        most => most.clamp(REPEATED_MIN, REPEATED_MAX),
    }
}

fn write_literals(literals: &[u8], compressed: &mut Vec<u8>) {
    for run in literals.chunks(LITERALS_MAX) {
        compressed.push(run.len() as u8 - 1);
        compressed.extend(run);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // What `DUMP` of Redis 8.0.2 has for these strings.
    #[test]
    fn strings_are_compressed_as_by_a_real_server() {
        let mut compressor = Compressor::default();
        let mut compressed = |text: &[u8]| compressor.compress(text, text.len() - 4);
        assert_eq!(compressed(&[b'a'; 21]).as_deref(), Some(&b"\x01aa\xe0\x0a\x00"[..]));
        assert_eq!(compressed(&b"ab".repeat(40)).as_deref(), Some(&b"\x02aba\xe0\x42\x01\x01ab"[..]));
        assert_eq!(compressed(b"abcdefghijklmnopqrstu"), None);
        assert_eq!(compressed(b"bbbfeehhadhfeehhadhbg"), None, "there would be just enough room");
        let eights = b"abcdefgh".repeat(3);
        let (without, with) = ([&eights[..], b"abc"].concat(), [b"xyz", &eights[..], b"abc"].concat());
        assert_eq!(compressed(&without).as_deref(), Some(&b"\x08abcdefgha\xe0\x07\x07\x01bc"[..]));
        assert_eq!(compressed(&with).as_deref(), Some(&b"\x0axyzabcdefgh\xe0\x0a\x07"[..]));
    }

    #[test]
    fn what_claims_to_expand_to_more_than_it_can_is_refused_before_room_is_made() {
        assert_eq!(expand(&[0, b'a'], usize::MAX), None);
        assert_eq!(expand(&[0, b'a', 0xe0, 0xff, 0], 1 + 264).map(|bytes| bytes.len()), Some(265));
        assert_eq!(expand(&[0, b'a', 0xe0, 0xff, 0], 264), None, "more than it claims");
        assert_eq!(expand(&[0, b'a', 0xe0, 0xff, 0], 266), None, "less than it claims");
        assert_eq!(expand(&[0, b'a', 0x20, 1], 4), None, "a repetition of what was before the beginning");
        assert_eq!(expand(&[3, b'a'], 4), None, "literals that are not there");
    }

    fn repetitive() -> impl Strategy<Value = Vec<u8>> {
        let words = proptest::collection::vec(any::<u8>(), 1..40);
        let choices = proptest::collection::vec(any::<prop::sample::Index>(), 0..400);
        (proptest::collection::vec(words, 1..6), choices).prop_map(|(words, choices)| {
            choices.iter().flat_map(|choice| choice.get(&words).clone()).collect()
        })
    }

    proptest! {
        #[test]
        fn what_was_compressed_expands_to_what_it_was(strings in proptest::collection::vec(repetitive(), 1..6)) {
            let mut compressor = Compressor::default();
            for bytes in strings {
                let most = bytes.len().saturating_sub(4);
                let compressed = compressor.compress(&bytes, most);
                let alone = Compressor::default().compress(&bytes, most);
                prop_assert_eq!(&compressed, &alone, "nothing is left of the strings before");
                if let Some(compressed) = compressed {
                    prop_assert!(compressed.len() <= most);
                    prop_assert_eq!(expand(&compressed, bytes.len()), Some(bytes));
                }
            }
        }

        #[test]
        fn any_bytes_expand_to_what_they_claim_or_are_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0_usize..2000,
        ) {
            if let Some(expanded) = expand(&bytes, length) {
                prop_assert_eq!(expanded.len(), length);
            }
        }
    }
}
