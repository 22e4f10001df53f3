//! Bytes that came from a stranger, from the first to the last: numbers, lengths, strings.
use std::borrow::Cow;

use super::form::{length, special};
use super::{Corrupt, lzf};

/// What is still to be read.
pub(super) struct Input<'a> {
    rest: &'a [u8],
    /// How many bytes more would have been taken than there were, the last time.
    missing: usize,
}

/// What stands where a length is expected.
enum Length {
    Plain(u64),
    Special(u8),
}

impl<'a> Input<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, missing: 0 }
    }

    /// How many bytes are still to be read.
    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    /// How many bytes there were too few of for what was read last; 0 if it failed for another reason.
    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    /// The next so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        if let Some((taken, rest)) = self.rest.split_at_checked(count) {
            self.rest = rest;
            Ok(taken)
        } else {
            self.missing = count - self.rest.len();
            Err(Corrupt)
        }
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        if let Some((taken, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            Ok(*taken)
        } else {
            self.missing = N - self.rest.len();
            Err(Corrupt)
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        self.array().map(|[byte]| byte)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn length_or_special(&mut self) -> Result<Length, Corrupt> {
        let first = self.byte()?;
        let rest = first & 0x3f;
        Ok(match (first >> 6, first) {
            (length::SIX, _) => Length::Plain(rest.into()),
            (length::FOURTEEN, _) => Length::Plain(u16::from_be_bytes([rest, self.byte()?]).into()),
            (length::SPECIAL, _) => Length::Special(rest),
            (length::WIDE, length::FOUR_BYTES) => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            (length::WIDE, length::EIGHT_BYTES) => Length::Plain(u64::from_be_bytes(self.array()?)),
            _ => return Err(Corrupt),
        })
    }

    /// A length, or another number that is written as one.
    pub(super) fn length(&mut self) -> Result<u64, Corrupt> {
        match self.length_or_special()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(Corrupt),
        }
    }

    /// A length of something that must fit into memory.
    fn size(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(self.length()?).map_err(|_| Corrupt)
    }

    /// A string, in whatever way it is written.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, Corrupt> {
        let integer = |value: i32| Cow::Owned(value.to_string().into_bytes());
        Ok(match self.length_or_special()? {
            Length::Plain(length) => self.take(usize::try_from(length).map_err(|_| Corrupt)?)?.into(),
            Length::Special(special::INTEGER_1) => integer(i8::from_le_bytes(self.array()?).into()),
            Length::Special(special::INTEGER_2) => integer(i16::from_le_bytes(self.array()?).into()),
            Length::Special(special::INTEGER_4) => integer(i32::from_le_bytes(self.array()?)),
            Length::Special(special::LZF) => {
                let (compressed, expanded) = (self.size()?, self.size()?);
                lzf::expand(self.take(compressed)?, expanded).ok_or(Corrupt)?.into()
            }
            Length::Special(_) => return Err(Corrupt),
        })
    }

    /// As many things as the length before them says.
    pub(super) fn many<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Vec<T>, Corrupt> {
        let count = self.length()?;
        // No room is made for what is only claimed.
        let mut many = Vec::new();
        for _ in 0..count {
            many.push(one(self)?);
        }
        Ok(many)
    }
}
