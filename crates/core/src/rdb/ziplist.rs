//! The ziplist, which Redis wrote until 7.0 for what is a listpack since.
//!
//! ```text
//! | bytes in all: 4 | offset of the last element: 4 | elements: 2 | size of the element before: 1 or 5, element | ... | 0xff |
//!
//! 00llllll text                       up to 63 bytes
//! 01llllll llllllll text              up to 16383 bytes
//! 10------ length: 4, big-endian, text
//! 0xc0, 0xd0, 0xe0, 0xf0, 0xfe n      an integer of 2, 4, 8, 3 or 1 bytes
//! 1111nnnn                            the integer n - 1; n from 1 to 13
//! ```
//!
//! Numbers are little-endian unless told otherwise. A size of 254 or more is 0xfe and four bytes.
use super::Corrupt;
use super::input::Input;
use super::read::Packed;
use crate::types::Element;

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
const UNCOUNTED: u16 = u16::MAX;
const WIDE_SIZE: u8 = 0xfe;

/// The elements of a ziplist, each of which may turn out to be none.
pub(super) struct Ziplist<'a> {
    input: Input<'a>,
    /// Bytes before what is to be read.
    offset: usize,
    /// What the last element took.
    last_size: usize,
    /// Where the last one is, as the header has it.
    tail: usize,
    expected: u16,
    found: usize,
}

impl<'a> Packed<'a> for Ziplist<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let [content @ .., END] = bytes else { return Err(Corrupt) };
        let mut input = Input::new(content);
        let claimed = u32::from_le_bytes(input.array()?);
        let tail = u32::from_le_bytes(input.array()?) as usize;
        let expected = u16::from_le_bytes(input.array()?);
        if claimed as usize != bytes.len() {
            return Err(Corrupt);
        }
        Ok(Self { input, offset: HEADER_BYTES, last_size: 0, tail, expected, found: 0 })
    }
}

impl<'a> Ziplist<'a> {
    fn next_element(&mut self) -> Result<Element<'a>, Corrupt> {
        let (size_before, back_bytes) = match self.input.byte()? {
            WIDE_SIZE => (u32::from_le_bytes(self.input.array()?) as usize, 5),
            size => (usize::from(size), 1),
        };
        if size_before != self.last_size {
            return Err(Corrupt);
        }
        let (element, size) = self.element()?;
        self.offset += self.last_size;
        self.last_size = back_bytes + size;
        Ok(element)
    }

    /// An element, and how many bytes it takes without the size before it.
    fn element(&mut self) -> Result<(Element<'a>, usize), Corrupt> {
        let input = &mut self.input;
        let head = input.byte()?;
        let (head_bytes, length) = match head >> 6 {
            0 => (1, usize::from(head)),
            1 => (2, usize::from(u16::from_be_bytes([head & 0x3f, input.byte()?]))),
            2 => (5, u32::from_be_bytes(input.array()?) as usize),
            _ => {
                let (value, size) = match head {
                    0xc0 => (i16::from_le_bytes(input.array()?).into(), 2),
                    0xd0 => (i32::from_le_bytes(input.array()?).into(), 4),
                    0xe0 => (i64::from_le_bytes(input.array()?), 8),
                    0xf0 => {
                        let [low, middle, high] = input.array()?;
                        ((i32::from_le_bytes([0, low, middle, high]) >> 8).into(), 3)
                    }
                    0xfe => (i8::from_le_bytes(input.array()?).into(), 1),
                    0xf1..=0xfd => (i64::from(head & 0xf) - 1, 0),
                    _ => return Err(Corrupt),
                };
                return Ok((Element::Integer(value), 1 + size));
            }
        };
        Ok((Element::Text(input.take(length)?), head_bytes + length))
    }

    /// Whether the header told the truth of what was found.
    fn is_as_expected(&self) -> bool {
        self.offset == self.tail && (self.expected == UNCOUNTED || self.found == usize::from(self.expected))
    }
}

impl<'a> Iterator for Ziplist<'a> {
    type Item = Result<Element<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.input.is_empty() {
            // Said once: whoever hears it asks no further.
            return (!self.is_as_expected()).then_some(Err(Corrupt));
        }
        self.found += 1;
        Some(self.next_element())
    }
}
