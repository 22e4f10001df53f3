//! The zipmap, which Redis wrote until 2.6 for small hashes.
//!
//! ```text
//! | fields: 1 | length of field, field, length of value, unused: 1, value, unused bytes | ... | 0xff |
//! ```
//!
//! A length is a byte up to 253, or 0xfe and four bytes, little-endian. From 254 fields on the first byte is 0xfe. What comes between the
//! end and another one is of no matter.
use super::Corrupt;
use super::input::Input;
use super::read::Packed;
use crate::types::Element;

const END: u8 = 0xff;
const WIDE_LENGTH: u8 = 0xfe;
const UNCOUNTED: u8 = 0xfe;

/// The fields and values of a zipmap in turn, each of which may turn out to be none.
pub(super) struct Zipmap<'a> {
    input: Input<'a>,
    expected: u8,
    /// Fields and values.
    found: usize,
    is_at_end: bool,
}

impl<'a> Packed<'a> for Zipmap<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        if bytes.last() != Some(&END) {
            return Err(Corrupt);
        }
        let mut input = Input::new(bytes);
        let expected = input.byte()?;
        Ok(Self { input, expected, found: 0, is_at_end: false })
    }
}

impl<'a> Zipmap<'a> {
    fn next_element(&mut self) -> Result<Option<Element<'a>>, Corrupt> {
        let is_value = self.found % 2 == 1;
        let length = match self.input.byte()? {
            END if !is_value => {
                self.is_at_end = true;
                let is_as_expected =
                    self.expected == UNCOUNTED || self.found == 2 * usize::from(self.expected);
                return if is_as_expected { Ok(None) } else { Err(Corrupt) };
            }
            END => return Err(Corrupt),
            WIDE_LENGTH => {
                let length = u32::from_le_bytes(self.input.array()?) as usize;
                // What fits into a byte was never written in more.
                if length < usize::from(WIDE_LENGTH) {
                    return Err(Corrupt);
                }
                length
            }
            length => length.into(),
        };
        let unused = if is_value { self.input.byte()? } else { 0 };
        let text = self.input.take(length)?;
        self.input.take(unused.into())?;
        self.found += 1;
        Ok(Some(Element::Text(text)))
    }
}

impl<'a> Iterator for Zipmap<'a> {
    type Item = Result<Element<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end { None } else { self.next_element().transpose() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zipmap_ends_and_counts_as_for_a_real_server() {
        let fields =
            |bytes: &[u8]| Zipmap::open(bytes)?.collect::<Result<Vec<_>, _>>().map(|found| found.len() / 2);
        // Whether RESTORE of Redis 8.0.2 with `sanitize-dump-payload yes` takes it.
        for (bytes, expected) in [
            (&b"\x01\x01f\x03\x02vvvxx\xff"[..], Some(1)),
            (b"\x01\x01f\x03\x02vvvxx\xff\xff", Some(1)),
            (b"\x01\x01f\x03\x02vvvxx\xff\x01f\x01\x00w\xff", Some(1)),
            (b"\x01\x01f\x03\x02vvvxx\xff\x00", None),
            (b"\x01\x01f\x03\x02vvvxx", None),
            (b"\xfe\x01f\x01\x00v\xff", Some(1)),
            (b"\xff\x01f\x01\x00v\xff", None),
            (b"\x01\x01f\x01\x00v\x01g\x01\x00w\xff", None),
            (b"\x01\xfe\x01\x00\x00\x00f\x01\x00v\xff", None),
            (b"\x01\x00\x01\x00v\xff", Some(1)),
        ] {
            assert_eq!(fields(bytes).ok(), expected, "{}", bytes.escape_ascii());
        }
    }
}
