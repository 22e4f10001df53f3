//! Finds a command by its name, in any case, in a few nanoseconds: every call by words begins here.
use std::iter;
use std::sync::LazyLock;

use super::{Row, all, subcommands};

/// A name in upper case, eight bytes a word from the lowest on, and its length in the last byte: compared and hashed without a
/// loop over its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name([u64; 4]);

impl Name {
    /// `None` if it is longer than any command's.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let length = (name.len() as u64) << 56;
        // Most names are no longer than this.
        if name.len() <= 8 {
            return Some(Self([upper_case(load(name)), 0, 0, length]));
        }
        Self::of_several_words(name, length)
    }

    fn of_several_words(name: &[u8], length: u64) -> Option<Self> {
        let mut words = [0, 0, 0, length];
        if name.len() >= size_of::<Self>() {
            return None;
        }
        words.iter_mut().zip(name.chunks(8)).for_each(|(word, bytes)| *word |= upper_case(load(bytes)));
        Some(Self(words))
    }

    /// Where the search begins: bits that all of the name has a part in.
    #[inline]
    pub(crate) fn place(&self) -> usize {
        // Any odd numbers of 64 bits that look like chance would do.
        const FACTORS: [u64; 4] =
            [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0xd6e8_feb8_6659_fd93];
        let sum = iter::zip(self.0, FACTORS)
            .fold(0_u64, |sum, (word, factor)| sum.wrapping_add(word.wrapping_mul(factor)));
        (sum >> 48) as usize
    }
}

/// Up to eight bytes as one word. Two loads that overlap, because a copy of so few bytes is a call.
#[inline]
fn load(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(all), ..) => u64::from_le_bytes(*all),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << ((length - 4) * 8)
        }
        _ => match *bytes {
            [first, second, third] => u64::from_le_bytes([first, second, third, 0, 0, 0, 0, 0]),
            [first, second] => u64::from_le_bytes([first, second, 0, 0, 0, 0, 0, 0]),
            [first] => u64::from(first),
            _ => 0,
        },
    }
}

/// ASCII letters of eight bytes at once.
#[inline]
fn upper_case(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // The uppermost bit of a byte tells whether its other seven are at least `a`, and above `z`; no sum reaches the next byte.
    let low = word & (EACH * 0x7f);
    let from_a = low + EACH * (0x80 - u64::from(b'a'));
    let above_z = low + EACH * (0x7f - u64::from(b'z'));
    let letters = from_a & !above_z & !word & (EACH * 0x80);
    word ^ (letters >> 2)
}

/// A command, and what would take a look at the whole table each time.
#[derive(Clone, Copy)]
pub(super) struct Named {
    name: Name,
    pub(super) row: &'static Row,
    /// Its place in [`all`].
    pub(super) number: usize,
    pub(super) has_subcommands: bool,
    pub(super) is_subcommand: bool,
}

/// At most a quarter full: a name that is not at its place is near it.
static BY_NAME: LazyLock<Box<[Option<Named>]>> = LazyLock::new(|| {
    let mut slots = vec![None; (all().count() * 4).next_power_of_two()];
    for (number, row) in all().enumerate() {
        let name = Name::of(row.spec.name.as_bytes()).expect("no command has so long a name");
        let named = Named {
            name,
            row,
            number,
            has_subcommands: subcommands(row.spec.name).next().is_some(),
            is_subcommand: row.spec.name.contains(' '),
        };
        let mut at = name.place() % slots.len();
        while slots[at].is_some() {
            at = (at + 1) % slots.len();
        }
        slots[at] = Some(named);
    }
    slots.into()
});

/// A command by its name in any case; a subcommand's is written `CONFIG GET`.
#[inline]
pub(super) fn named(name: &[u8]) -> Option<&'static Named> {
    let (name, slots) = (Name::of(name)?, &**BY_NAME);
    let mut at = name.place();
    loop {
        let named = slots[at & (slots.len() - 1)].as_ref()?;
        if named.name == name {
            return Some(named);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case() {
        for row in all() {
            let lower = row.spec.name.to_ascii_lowercase();
            for name in [row.spec.name, &lower] {
                let found = named(name.as_bytes()).unwrap_or_else(|| panic!("{name} is not found"));
                assert_eq!(found.row.spec.name, row.spec.name);
            }
        }
    }

    #[test]
    fn what_is_like_a_name_is_none() {
        for name in [
            "",
            "\0",
            "GE",
            "GET\0",
            "GETT",
            "G\u{c5}T",
            "\u{e7}et",
            "MULTIPLICATION",
            "set key value and much more",
        ] {
            assert!(named(name.as_bytes()).is_none(), "{name:?}");
        }
    }

    #[test]
    fn upper_case_is_what_the_library_makes_it() {
        for byte in 0..=u8::MAX {
            for around in [0, b'a', 0xff] {
                let bytes = [around, byte, around, byte, byte, around, around, byte];
                let upper = upper_case(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(upper, bytes.map(|byte| byte.to_ascii_uppercase()));
            }
        }
    }

    #[test]
    fn every_length_is_loaded_whole() {
        let bytes = *b"abcdefgh";
        for length in 0..=8 {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(load(&bytes[..length]), u64::from_le_bytes(padded));
        }
    }
}
