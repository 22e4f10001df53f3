//! Bits of strings: counted, found and combined at the speed of memory, and integers of any width among them.
//!
//! The first bit of a string is the highest one of its first byte. Knows nothing of keys, replies or limits on length. What is done
//! to many bytes is written without a branch for each, so that the compiler makes vectors of it.
use std::ops::Range;

/// How many bits of a string are set.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<{ size_of::<u64>() }>();
    let in_words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()));
    in_words.sum::<u64>() + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// A stretch of bits that is not empty, as the bytes that it touches.
struct Stretch {
    first: usize,
    last: usize,
    /// Which bits of the first byte belong to it.
    in_first: u8,
    /// The same of the last byte.
    in_last: u8,
}

impl Stretch {
    fn of(bits: &Range<u64>) -> Option<Self> {
        let last_bit = bits.end.checked_sub(1).filter(|last| *last >= bits.start)?;
        Some(Self {
            first: (bits.start / 8) as usize,
            last: (last_bit / 8) as usize,
            in_first: 0xff >> (bits.start % 8),
            in_last: 0xff << (7 - last_bit % 8),
        })
    }
}

/// How many bits of a range, which lies within the string, are set.
pub fn count_in(bytes: &[u8], bits: &Range<u64>) -> u64 {
    let Some(Stretch { first, last, in_first, in_last }) = Stretch::of(bits) else { return 0 };
    let outside = (bytes[first] & !in_first).count_ones() + (bytes[last] & !in_last).count_ones();
    count(&bytes[first..=last]) - u64::from(outside)
}

/// Where the first bit of a range, which lies within the string, is that is set, or is not.
pub fn find_in(bytes: &[u8], wanted: bool, bits: &Range<u64>) -> Option<u64> {
    let Stretch { first, last, in_first, in_last } = Stretch::of(bits)?;
    let skipped = if wanted { 0x00 } else { 0xff };
    let place = |at: usize, mask: u8| {
        let found = (bytes[at] ^ skipped) & mask;
        (found != 0).then(|| at as u64 * 8 + u64::from(found.leading_zeros()))
    };
    if first == last {
        return place(first, in_first & in_last);
    }
    let within = || {
        let inner = &bytes[first + 1..last];
        place(first + 1 + first_other_than(inner, skipped)?, 0xff)
    };
    place(first, in_first).or_else(within).or_else(|| place(last, in_last))
}

/// Where the first byte is that is not this one.
fn first_other_than(bytes: &[u8], skipped: u8) -> Option<usize> {
    const LOOKED_AT: usize = 64;
    let (pieces, _) = bytes.as_chunks::<LOOKED_AT>();
    let differs = |piece: &[u8; LOOKED_AT]| piece.iter().fold(0, |any, byte| any | (byte ^ skipped)) != 0;
    let start = pieces.iter().position(differs).unwrap_or(pieces.len()) * LOOKED_AT;
    bytes[start..].iter().position(|byte| *byte != skipped).map(|at| start + at)
}

/// What becomes of the bits that stand at the same place in several strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOperation {
    /// `AND`: set in all of them.
    And,
    /// `OR`: set in any of them.
    Or,
    /// `XOR`: set in an odd number of them.
    Xor,
    /// `NOT`: not set in the only one.
    Not,
    /// `DIFF`: set in the first and in none of the others.
    Diff,
    /// `DIFF1`: set in any of the others and not in the first.
    Diff1,
    /// `ANDOR`: set in the first and in any of the others.
    AndOr,
    /// `ONE`: set in exactly one of them.
    One,
}

/// So many bytes of the result are finished before the next ones are begun: they and those that they are made of stay in the
/// processor's nearest cache.
const BLOCK_BYTES: usize = 8 << 10;

/// Combines strings, whose ends count as zeros up to the end of the longest. There must be one at least, and exactly one for
/// [`BitOperation::Not`].
pub fn combine<'s>(operation: BitOperation, strings: &[&'s [u8]]) -> Vec<u8> {
    let length = strings.iter().map(|string| string.len()).max().unwrap_or(0);
    let mut result = Vec::with_capacity(length);
    let Some((first, others)) = strings.split_first() else { return result };
    while result.len() < length {
        let block = result.len()..(result.len() + BLOCK_BYTES).min(length);
        // What a string has of the block.
        let part = |string: &&'s [u8]| &string[block.start.min(string.len())..block.end.min(string.len())];
        let (first, others) = (part(first), others.iter().map(part));
        let begins_with_first = !matches!(operation, BitOperation::Diff1 | BitOperation::AndOr);
        result.extend_from_slice(if begins_with_first { first } else { &[] });
        result.resize(block.end, 0);
        let made = &mut result[block.clone()];
        match operation {
            BitOperation::And => others.for_each(|other| and(made, other)),
            BitOperation::Or => others.for_each(|other| or(made, other)),
            BitOperation::Xor => others.for_each(|other| each(made, other, |byte, other| byte ^ other)),
            BitOperation::Not => made.iter_mut().for_each(|byte| *byte = !*byte),
            BitOperation::Diff => others.for_each(|other| and_not(made, other)),
            BitOperation::Diff1 => {
                others.for_each(|other| or(made, other));
                and_not(made, first);
            }
            BitOperation::AndOr => {
                others.for_each(|other| or(made, other));
                and(made, first);
            }
            BitOperation::One => {
                let mut several = [0; BLOCK_BYTES];
                let several = &mut several[..made.len()];
                for other in others {
                    for ((several, made), other) in several.iter_mut().zip(made.iter_mut()).zip(other) {
                        *several |= *made & other;
                        *made |= other;
                    }
                }
                and_not(made, several);
            }
        }
    }
    result
}

/// Changes each byte that has one beside it.
#[inline]
fn each(bytes: &mut [u8], others: &[u8], change: impl Fn(u8, u8) -> u8) {
    bytes.iter_mut().zip(others).for_each(|(byte, other)| *byte = change(*byte, *other));
}

fn and(bytes: &mut [u8], others: &[u8]) {
    each(bytes, others, |byte, other| byte & other);
    bytes[others.len()..].fill(0);
}

fn or(bytes: &mut [u8], others: &[u8]) {
    each(bytes, others, |byte, other| byte | other);
}

fn and_not(bytes: &mut [u8], others: &[u8]) {
    each(bytes, others, |byte, other| byte & !other);
}

/// The bytes around an integer of up to 64 bits that begins at any bit of a string.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    start: usize,
    length: usize,
    /// The bytes, the first one highest.
    bytes: u128,
    /// How far the integer lies from the lowest bit.
    shift: u32,
    mask: u64,
}

impl Window {
    /// Around `width` bits, from 1 to 64, from the bit `offset` on. What lies past the string's end is zeros.
    pub fn of(string: &[u8], offset: u64, width: u32) -> Self {
        let start = (offset / 8) as usize;
        let before = (offset % 8) as u32;
        let length = (before + width).div_ceil(8) as usize;
        let there = &string[start.min(string.len())..(start + length).min(string.len())];
        let mut bytes = [0; size_of::<u128>()];
        bytes[..there.len()].copy_from_slice(there);
        let shift = u128::BITS - before - width;
        Self {
            start,
            length,
            bytes: u128::from_be_bytes(bytes),
            shift,
            mask: u64::MAX >> (u64::BITS - width),
        }
    }

    /// The integer without a sign.
    pub const fn get(&self) -> u64 {
        (self.bytes >> self.shift) as u64 & self.mask
    }

    /// Replaces the integer by the low bits of another.
    pub const fn set(&mut self, value: u64) {
        let (value, mask) = ((value & self.mask) as u128, self.mask as u128);
        self.bytes = self.bytes & !(mask << self.shift) | value << self.shift;
    }

    /// Which bytes of the string it has.
    pub const fn range(&self) -> Range<usize> {
        self.start..self.start + self.length
    }

    /// Shows the bytes.
    pub fn with_bytes<T>(&self, body: impl FnOnce(&[u8]) -> T) -> T {
        body(&self.bytes.to_be_bytes()[..self.length])
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes.get((at / 8) as usize).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }

    fn bits(bytes: &[u8]) -> Range<u64> {
        0..bytes.len() as u64 * 8
    }

    fn string(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0), Just(0xff), any::<u8>()];
        prop_oneof![
            vec(byte, 0..longest),
            (0..longest, 0..longest, any::<u8>()).prop_map(|(length, at, byte)| {
                let mut bytes = vec![0xff; length];
                bytes.iter_mut().skip(at).take(1).for_each(|found| *found = byte);
                bytes
            }),
            (0..longest).prop_map(|length| vec![0; length]),
        ]
    }

    proptest! {
        #[test]
        fn bits_are_counted_and_found_as_one_by_one(
            bytes in string(1300),
            wanted in any::<bool>(),
            (from, to) in (any::<u64>(), any::<u64>()),
        ) {
            let all = bits(&bytes);
            prop_assert_eq!(count(&bytes), all.clone().filter(|at| bit(&bytes, *at)).count() as u64);
            let (from, to) = (from % (all.end + 1), to % (all.end + 1));
            let within = from..to;
            let counted = within.clone().filter(|at| bit(&bytes, *at)).count() as u64;
            prop_assert_eq!(count_in(&bytes, &within), counted);
            let found = within.clone().find(|at| bit(&bytes, *at) == wanted);
            prop_assert_eq!(find_in(&bytes, wanted, &within), found);
        }

        #[test]
        fn strings_are_combined_as_bit_by_bit(strings in vec(string(20_000), 1..5)) {
            let strings: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            let longest = strings.iter().map(|string| string.len()).max().unwrap_or(0);
            let check = |operation, strings: &[&[u8]], is_set: &dyn Fn(&[bool]) -> bool| {
                let combined = combine(operation, strings);
                assert_eq!(combined.len(), longest.min(strings.iter().map(|s| s.len()).max().unwrap_or(0)));
                for at in bits(&combined).step_by(7) {
                    let there: Vec<bool> = strings.iter().map(|string| bit(string, at)).collect();
                    assert_eq!(bit(&combined, at), is_set(&there), "{operation:?} at {at}");
                }
            };
            let any = |bits: &[bool]| bits.contains(&true);
            let number = |bits: &[bool]| bits.iter().filter(|bit| **bit).count();
            check(BitOperation::And, &strings, &|bits| !bits.contains(&false));
            check(BitOperation::Or, &strings, &any);
            check(BitOperation::Xor, &strings, &|bits| number(bits) % 2 == 1);
            check(BitOperation::Not, &strings[..1], &|bits| !bits[0]);
            check(BitOperation::Diff, &strings, &|bits| bits[0] && !any(&bits[1..]));
            check(BitOperation::Diff1, &strings, &|bits| !bits[0] && any(&bits[1..]));
            check(BitOperation::AndOr, &strings, &|bits| bits[0] && any(&bits[1..]));
            check(BitOperation::One, &strings, &|bits| number(bits) == 1);
        }

        #[test]
        fn an_integer_is_its_bits_and_leaves_the_others_alone(
            bytes in vec(any::<u8>(), 0..24),
            offset in 0_u64..100,
            width in 1_u32..=64,
            value in any::<u64>(),
        ) {
            let within = offset..offset + u64::from(width);
            let mut window = Window::of(&bytes, offset, width);
            let read = within.clone().fold(0, |number, at| number << 1 | u64::from(bit(&bytes, at)));
            prop_assert_eq!(window.get(), read);
            window.set(value);
            let value = value & (u64::MAX >> (64 - width));
            prop_assert_eq!(window.get(), value);
            let mut written = bytes.clone();
            let range = window.range();
            written.resize(written.len().max(range.end), 0);
            window.with_bytes(|bytes| written[range].copy_from_slice(bytes));
            prop_assert_eq!(Window::of(&written, offset, width).get(), value);
            let is_kept = |at: &u64| within.contains(at) || bit(&written, *at) == bit(&bytes, *at);
            prop_assert!(bits(&written).all(|at| is_kept(&at)));
        }
    }
}
