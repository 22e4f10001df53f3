//! How a name and its value are packed into one entry.
//!
//! ```text
//! | head | name ... | value ... |
//!
//! v nnnnnnn   0 to 117: the length of a name that is text
//!             118 to 125: the name is an integer of 1 to 8 bytes
//!             126: a stamp follows, and then an entry with another head
//!             127: name and value are apart; what follows is their number there, in eight bytes
//! v           the value is an integer
//! ```
//!
//! Text that is an integer as Redis spells one is packed as the integer, in as few bytes as hold it and its sign. So a name has
//! one form only, whose bytes are what is hashed and compared. The value goes on to the end of the entry, whose size is
//! kept elsewhere.
use super::bucket::SIZE_MAX;
use crate::memory::block_bytes;
use crate::types::Element;

const VALUE_IS_INTEGER: u8 = 0x80;
const TEXT_MAX: usize = 117;
/// And so many bytes.
const INTEGER: u8 = 117;
const STAMPED: u8 = 126;
const APART: u8 = 127;

/// Entries of more bytes are kept apart: each change of a bucket moves what is behind it.
const ENTRY_MAX: usize = 128;

/// What some names have besides their value. What it means is not known here.
pub(in crate::types) type Stamp = [u8; 12];

const _: () = assert!(ENTRY_MAX + Entry::STAMP_SIZE <= SIZE_MAX);

/// Where an integer is packed.
pub(super) type IntegerBytes = [u8; 8];

/// Bytes in the form in which they are packed, and whether that is an integer's.
#[inline]
fn pack<'a>(bytes: &'a [u8], integer: &'a mut IntegerBytes) -> (&'a [u8], bool) {
    match Element::of(bytes) {
        Element::Text(text) => (text, false),
        Element::Integer(value) => {
            *integer = value.to_le_bytes();
            // Bits that differ from the sign, and the sign.
            let bits = 65 - (value ^ (value >> 63)).leading_zeros();
            (&integer[..bits.div_ceil(8) as usize], true)
        }
    }
}

/// Whether byte strings of the same length are equal. Most are so short that a call takes longer than comparing them does.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(bytes: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*bytes.first_chunk()?, *bytes.last_chunk()?))
    }
    debug_assert_eq!(a.len(), b.len());
    match a.len() {
        8..=16 => ends::<8>(a) == ends::<8>(b),
        4..8 => ends::<4>(a) == ends::<4>(b),
        1..4 => a[0] == b[0] && a[a.len() / 2] == b[b.len() / 2] && a[a.len() - 1] == b[b.len() - 1],
        _ => a == b,
    }
}

#[inline]
fn element_of(is_integer: bool, bytes: &[u8]) -> Element<'_> {
    if !is_integer {
        return Element::Text(bytes);
    }
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    Element::Integer(i64::from_le_bytes(wide) >> (64 - 8 * bytes.len()))
}

/// A name, ready to be hashed and looked for.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    bytes: &'a [u8],
    packed: &'a [u8],
    /// What the lower bits of the entry's head are, unless it is kept apart.
    head: u8,
}

impl<'a> Name<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], integer: &'a mut IntegerBytes) -> Self {
        let (packed, is_integer) = pack(bytes, integer);
        let head = match packed.len() {
            size if is_integer => INTEGER + size as u8,
            length if length <= TEXT_MAX => length as u8,
            _ => APART,
        };
        Self { bytes, packed, head }
    }

    /// As it was given.
    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is hashed.
    #[inline]
    pub(super) fn packed(&self) -> &'a [u8] {
        self.packed
    }

    /// The entry of this name and a value; `None` if it is too long for a bucket.
    pub(super) fn with(self, value: &'a [u8], integer: &'a mut IntegerBytes) -> Option<NewEntry<'a>> {
        let (value, is_integer) = pack(value, integer);
        let head = self.head | if is_integer { VALUE_IS_INTEGER } else { 0 };
        let entry = NewEntry { head, name: self.packed, value };
        (self.head != APART && entry.size() <= ENTRY_MAX).then_some(entry)
    }

    /// The same, to be kept apart.
    pub(super) fn apart_with(&self, value: &[u8]) -> Apart {
        Apart::new(self.bytes, value)
    }

    /// Whether an entry in a bucket has this name.
    #[inline]
    pub(super) fn is_of(&self, entry: Entry<'_>) -> bool {
        // The head gives the length of the name.
        entry.0[0] & !VALUE_IS_INTEGER == self.head
            && entry.0.get(1..=self.packed.len()).is_some_and(|name| same(name, self.packed))
    }
}

/// An entry to write into a bucket.
pub(super) struct NewEntry<'a> {
    head: u8,
    name: &'a [u8],
    value: &'a [u8],
}

impl NewEntry<'_> {
    #[inline]
    pub(super) fn size(&self) -> usize {
        1 + self.name.len() + self.value.len()
    }

    pub(super) fn write(&self, place: &mut [u8]) {
        self.write_value(place);
        place[1..=self.name.len()].copy_from_slice(self.name);
    }

    /// Writes all but the name, which is there.
    pub(super) fn write_value(&self, place: &mut [u8]) {
        place[0] = self.head;
        place[1 + self.name.len()..].copy_from_slice(self.value);
    }
}

/// An entry in a bucket.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a>(pub(super) &'a [u8]);

impl<'a> Entry<'a> {
    /// What an entry of something apart takes in its bucket.
    pub(super) const SIZE_OF_APART: usize = 1 + size_of::<u64>();
    /// What a stamp takes before an entry.
    pub(super) const STAMP_SIZE: usize = 1 + size_of::<Stamp>();

    /// Writes a stamp before an entry.
    pub(super) fn write_stamp(place: &mut [u8], stamp: &Stamp) {
        place[0] = STAMPED;
        place[1..Self::STAMP_SIZE].copy_from_slice(stamp);
    }

    /// Whether name and value are not the entry's own bytes from its beginning.
    #[inline]
    pub(super) const fn is_special(self) -> bool {
        self.0[0] & !1 == STAMPED
    }

    /// The stamp, if there is one.
    pub(super) fn stamp(self) -> Option<Stamp> {
        let [STAMPED, rest @ ..] = self.0 else { return None };
        rest.first_chunk().copied()
    }

    /// What comes before the entry without its stamp.
    pub(super) fn stamp_size(self) -> usize {
        if self.0[0] == STAMPED { Self::STAMP_SIZE } else { 0 }
    }

    /// The entry without its stamp.
    pub(super) fn unstamped(self) -> Self {
        Self(&self.0[self.stamp_size()..])
    }

    /// Writes the entry of what is kept apart under `number`.
    pub(super) fn write_apart(place: &mut [u8], number: usize) {
        place[0] = APART;
        place[1..].copy_from_slice(&(number as u64).to_le_bytes());
    }

    /// The number under which name and value are kept apart, if they are.
    #[inline]
    pub(super) fn apart(self) -> Option<usize> {
        let [APART, number @ ..] = self.unstamped().0 else { return None };
        number.try_into().ok().map(|number| u64::from_le_bytes(number) as usize)
    }

    #[inline]
    fn parts(self) -> (u8, &'a [u8], &'a [u8]) {
        let head = self.0[0];
        let code = head & !VALUE_IS_INTEGER;
        let size = if code > INTEGER { code - INTEGER } else { code };
        let (name, value) = self.0[1..].split_at(usize::from(size));
        (head, name, value)
    }

    /// The name as it is hashed. This and what follows are not for entries that are kept apart.
    #[inline]
    pub(super) fn packed_name(self) -> &'a [u8] {
        self.unstamped().parts().1
    }

    /// This and what follows are not for entries with a stamp either.
    #[inline]
    pub(super) fn name_and_value(self) -> (Element<'a>, Element<'a>) {
        let (head, name, value) = self.parts();
        let name = element_of(head & !VALUE_IS_INTEGER > INTEGER, name);
        (name, element_of(head & VALUE_IS_INTEGER != 0, value))
    }

    /// The value of an entry whose name is known.
    #[inline]
    pub(super) fn value_after(self, name: Name<'_>) -> Element<'a> {
        element_of(self.0[0] & VALUE_IS_INTEGER != 0, &self.0[1 + name.packed.len()..])
    }
}

/// A name and a value that are kept apart: the length of the name in eight bytes, the name, the value.
#[derive(Clone)]
pub(super) struct Apart(Box<[u8]>);

impl Apart {
    const HEAD: usize = size_of::<u64>();

    fn new(name: &[u8], value: &[u8]) -> Self {
        let length = (name.len() as u64).to_le_bytes();
        Self([&length[..], name, value].concat().into_boxed_slice())
    }

    fn name_end(&self) -> usize {
        Self::HEAD + self.0[..Self::HEAD].iter().rfold(0, |length, &byte| length << 8 | usize::from(byte))
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.0[Self::HEAD..self.name_end()]
    }

    pub(super) fn name_and_value(&self) -> (Element<'_>, Element<'_>) {
        let (head, value) = self.0.split_at(self.name_end());
        (Element::Text(&head[Self::HEAD..]), Element::Text(value))
    }

    /// Replaces the value: in place if it is as long as the old one, else by resizing the allocation.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let start = self.name_end();
        if self.0.len() - start == value.len() {
            self.0[start..].copy_from_slice(value);
        } else {
            let mut bytes = std::mem::take(&mut self.0).into_vec();
            bytes.truncate(start);
            bytes.reserve_exact(value.len());
            bytes.extend_from_slice(value);
            self.0 = bytes.into_boxed_slice();
        }
    }

    pub(super) fn block_bytes(&self) -> usize {
        block_bytes(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_takes_as_few_bytes_as_hold_it_and_its_sign() {
        for (value, size) in [
            (0_i64, 1),
            (-1, 1),
            (127, 1),
            (128, 2),
            (-128, 1),
            (-129, 2),
            (8_388_607, 3),
            (8_388_608, 4),
            (i64::MAX, 8),
            (i64::MIN, 8),
        ] {
            let text = value.to_string();
            let (mut first, mut second) = Default::default();
            let name = Name::new(text.as_bytes(), &mut first);
            assert_eq!(name.packed().len(), size, "{value}");
            let entry = name.with(text.as_bytes(), &mut second).unwrap();
            let mut bytes = vec![0; entry.size()];
            entry.write(&mut bytes);
            assert_eq!(bytes.len(), 1 + 2 * size);
            let integer = Element::Integer(value);
            assert_eq!(Entry(&bytes).name_and_value(), (integer, integer));
            assert!(name.is_of(Entry(&bytes)) && Entry(&bytes).apart().is_none());
        }
    }

    #[test]
    fn what_is_too_long_for_a_bucket_is_kept_apart() {
        for (name, value, fits) in [
            (TEXT_MAX, 0, true),
            (TEXT_MAX + 1, 0, false),
            (0, ENTRY_MAX - 1, true),
            (0, ENTRY_MAX, false),
            (100, ENTRY_MAX - 101, true),
            (100, ENTRY_MAX - 100, false),
        ] {
            let (name, value) = (vec![b'n'; name], vec![b'v'; value]);
            let (mut first, mut second) = Default::default();
            let name = Name::new(&name, &mut first);
            let Some(entry) = name.with(&value, &mut second) else {
                let apart = name.apart_with(&value);
                assert!(!fits);
                assert_eq!(apart.name_and_value(), (Element::Text(name.packed()), Element::Text(&value)));
                continue;
            };
            assert!(fits);
            let mut bytes = vec![0; entry.size()];
            entry.write(&mut bytes);
            assert!(name.is_of(Entry(&bytes)));
            assert_eq!(Entry(&bytes).name_and_value(), (Element::Text(name.packed()), Element::Text(&value)));
        }
    }
}
