//! Redis's listpack: elements in one block that is walked in either direction. Not [`crate::types::listpack`], which is ours.
//!
//! ```text
//! | bytes in all: 4 | elements: 2 | element, length of it: 1 to 5 | ... | 0xff |
//!
//! 0nnnnnnn                      the integer n, 0 to 127
//! 10llllll text                 up to 63 bytes
//! 110nnnnn nnnnnnnn             an integer of 13 bits, big-endian
//! 1110llll llllllll text        up to 4095 bytes
//! 0xf0 length: 4, text
//! 0xf1, 0xf2, 0xf3, 0xf4 n      an integer of 2, 3, 4 or 8 bytes
//! ```
//!
//! Numbers are little-endian unless told otherwise. The length behind an element has seven bits to a byte, the uppermost first, and all of its
//! bytes but the first have the eighth bit set.
use super::Corrupt;
use super::input::Input;
use super::read::Packed;
use crate::types::Element;

const HEADER_BYTES: usize = 6;
const END: u8 = 0xff;
/// So many elements, or more: only a walk tells.
const UNCOUNTED: u16 = u16::MAX;

const TEXT_4: u8 = 0xf0;
const INTEGER_2: u8 = 0xf1;
const INTEGER_3: u8 = 0xf2;
const INTEGER_4: u8 = 0xf3;
const INTEGER_8: u8 = 0xf4;

/// The elements of a listpack, each of which may turn out to be none.
pub(super) struct Listpack<'a> {
    input: Input<'a>,
    /// As the header has it.
    expected: u16,
    found: usize,
}

impl<'a> Packed<'a> for Listpack<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let [content @ .., END] = bytes else { return Err(Corrupt) };
        let mut input = Input::new(content);
        let claimed = u32::from_le_bytes(input.array()?);
        let expected = u16::from_le_bytes(input.array()?);
        if claimed as usize != bytes.len() {
            return Err(Corrupt);
        }
        Ok(Self { input, expected, found: 0 })
    }
}

impl<'a> Listpack<'a> {
    /// An element, and how many bytes it takes without the length behind it.
    fn element(&mut self) -> Result<(Element<'a>, usize), Corrupt> {
        let input = &mut self.input;
        let head = input.byte()?;
        let mut text =
            |head_bytes: usize, length: usize| Ok((Element::Text(input.take(length)?), head_bytes + length));
        Ok(match head {
            0..=0x7f => (Element::Integer(head.into()), 1),
            0x80..=0xbf => return text(1, usize::from(head & 0x3f)),
            0xc0..=0xdf => {
                let bits = u16::from_be_bytes([head << 3, 0]) | u16::from(input.byte()?) << 3;
                (Element::Integer(i64::from(bits as i16 >> 3)), 2)
            }
            0xe0..=0xef => {
                let length = u16::from_be_bytes([head & 0xf, input.byte()?]);
                let text = input.take(length.into())?;
                (Element::Text(text), 2 + text.len())
            }
            TEXT_4 => {
                let length = u32::from_le_bytes(input.array()?);
                let text = input.take(length as usize)?;
                (Element::Text(text), 5 + text.len())
            }
            INTEGER_2 => (Element::Integer(i16::from_le_bytes(input.array()?).into()), 3),
            INTEGER_3 => {
                let [low, middle, high] = input.array()?;
                (Element::Integer((i32::from_le_bytes([0, low, middle, high]) >> 8).into()), 4)
            }
            INTEGER_4 => (Element::Integer(i32::from_le_bytes(input.array()?).into()), 5),
            INTEGER_8 => (Element::Integer(i64::from_le_bytes(input.array()?)), 9),
            _ => return Err(Corrupt),
        })
    }

    fn next_element(&mut self) -> Result<Element<'a>, Corrupt> {
        let (element, size) = self.element()?;
        let back = BackLength::of(size);
        if self.input.take(back.as_slice().len())? != back.as_slice() {
            return Err(Corrupt);
        }
        Ok(element)
    }
}

impl<'a> Iterator for Listpack<'a> {
    type Item = Result<Element<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.input.is_empty() {
            let is_as_expected = self.expected == UNCOUNTED || self.found == usize::from(self.expected);
            // Said once: whoever hears it asks no further.
            return (!is_as_expected).then_some(Err(Corrupt));
        }
        self.found += 1;
        Some(self.next_element())
    }
}

/// The length behind an element.
struct BackLength {
    bytes: [u8; 5],
    count: usize,
}

impl BackLength {
    fn of(size: usize) -> Self {
        let count = match size {
            0..=127 => 1,
            // Redis's bounds from here on are one too low.
            128..16383 => 2,
            16383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        };
        let mut bytes = [0; 5];
        for (place, byte) in bytes[..count].iter_mut().rev().enumerate() {
            let is_first = place + 1 == count;
            *byte = (size >> (7 * place)) as u8 & 0x7f | if is_first { 0 } else { 0x80 };
        }
        Self { bytes, count }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

/// A listpack of these elements. Text must not be that of an integer.
pub(super) fn write<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    let mut count = 0_usize;
    for element in elements {
        let start = bytes.len();
        match element {
            Element::Text(text) => write_text(text, &mut bytes),
            Element::Integer(value) => write_integer(value, &mut bytes),
        }
        bytes.extend(BackLength::of(bytes.len() - start).as_slice());
        count += 1;
    }
    bytes.push(END);
    let (length, count) = (bytes.len() as u32, u16::try_from(count).unwrap_or(UNCOUNTED));
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    bytes
}

fn write_text(text: &[u8], bytes: &mut Vec<u8>) {
    match text.len() {
        length @ 0..=0x3f => bytes.push(0x80 | length as u8),
        length @ 0x40..=0xfff => {
            let [high, low] = (length as u16).to_be_bytes();
            bytes.extend([0xe0 | high, low]);
        }
        length => {
            bytes.push(TEXT_4);
            bytes.extend((length as u32).to_le_bytes());
        }
    }
    bytes.extend(text);
}

fn write_integer(value: i64, bytes: &mut Vec<u8>) {
    let (head, size) = match value {
        0..=127 => return bytes.push(value as u8),
        -0x1000..=0xfff => {
            let [high, low] = (value as u16 & 0x1fff).to_be_bytes();
            return bytes.extend([0xc0 | high, low]);
        }
        -0x8000..=0x7fff => (INTEGER_2, 2),
        -0x80_0000..=0x7f_ffff => (INTEGER_3, 3),
        -0x8000_0000..=0x7fff_ffff => (INTEGER_4, 4),
        _ => (INTEGER_8, 8),
    };
    bytes.push(head);
    bytes.extend(&value.to_le_bytes()[..size]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Element<'_>>, Corrupt> {
        Listpack::open(bytes)?.collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            texts in proptest::collection::vec(
                prop_oneof![
                    any::<i64>().prop_map(|value| value.to_string().into_bytes()),
                    any::<i16>().prop_map(|value| value.to_string().into_bytes()),
                    proptest::collection::vec(any::<u8>(), 0..70),
                    (0_usize..70_000).prop_map(|length| vec![b'x'; length]),
                ],
                0..30,
            ),
        ) {
            let elements: Vec<_> = texts.iter().map(|text| Element::of(text)).collect();
            let written = write(elements.iter().copied());
            prop_assert_eq!(read(&written).ok(), Some(elements));
        }
    }

    #[test]
    fn lengths_behind_elements_have_the_bounds_of_a_real_server() {
        for (size, expected) in [
            (127, &[0x7f][..]),
            (128, &[0x01, 0x80]),
            (16382, &[0x7f, 0xfe]),
            (16383, &[0x00, 0xff, 0xff]),
            (2_097_150, &[0x7f, 0xff, 0xfe]),
            (2_097_151, &[0x00, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(BackLength::of(size).as_slice(), expected, "{size}");
        }
    }
}
