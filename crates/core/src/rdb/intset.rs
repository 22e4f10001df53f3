//! The intset: integers in ascending order.
//!
//! ```text
//! | bytes of an integer, 2, 4 or 8: 4 | integers: 4 | integer | ... |
//! ```
//!
//! All numbers are little-endian.
use super::Corrupt;
use super::input::Input;
use super::read::Packed;
use crate::types::Element;

/// The integers of an intset, of which the next may turn out to be out of order.
pub(super) struct Intset<'a> {
    input: Input<'a>,
    width: u32,
    last: Option<i64>,
}

impl<'a> Packed<'a> for Intset<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let mut input = Input::new(bytes);
        let (width, count) = (u32::from_le_bytes(input.array()?), u32::from_le_bytes(input.array()?));
        let claimed = (width as usize).checked_mul(count as usize).and_then(|size| size.checked_add(8));
        let is_whole = matches!(width, 2 | 4 | 8) && claimed == Some(bytes.len());
        if is_whole { Ok(Self { input, width, last: None }) } else { Err(Corrupt) }
    }
}

impl Intset<'_> {
    fn next_integer(&mut self) -> Result<i64, Corrupt> {
        let value = match self.width {
            2 => i16::from_le_bytes(self.input.array()?).into(),
            4 => i32::from_le_bytes(self.input.array()?).into(),
            _ => i64::from_le_bytes(self.input.array()?),
        };
        if self.last.replace(value).is_some_and(|last| last >= value) {
            return Err(Corrupt);
        }
        Ok(value)
    }
}

impl<'a> Iterator for Intset<'a> {
    type Item = Result<Element<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.input.is_empty()).then(|| self.next_integer().map(Element::Integer))
    }
}

/// An intset of ascending integers, of `width` bytes each.
pub(super) fn write(width: usize, integers: impl ExactSizeIterator<Item = i64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + width * integers.len());
    bytes.extend((width as u32).to_le_bytes());
    bytes.extend((integers.len() as u32).to_le_bytes());
    for value in integers {
        bytes.extend(&value.to_le_bytes()[..width]);
    }
    bytes
}
