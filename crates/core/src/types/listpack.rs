//! Elements packed one after the other in one allocation: the form of small collections.
//!
//! ```text
//! | head  text ... | back length | head  text ... | back length | ...
//!
//! 0nnnnnnn                      the integer n, 0 to 127
//! 10llllll text                 text of up to 63 bytes
//! 110nnnnn n                    an integer of 13 bits
//! 1110llll l text               text of up to 4095 bytes
//! 11110000 llll text            text of a length of 32 bits
//! 11110001 nn                   an integer of 16 bits
//! 11110010 nnn                  of 24
//! 11110011 nnnn                 of 32
//! 11110100 nnnnnnnn             of 64
//! 11110101 llllllll text        text of a longer length
//! ```
//!
//! Text that is an integer as Redis spells one is kept as the integer, in the shortest form: so an element has one form only, and
//! equal elements have equal bytes. The back length is that of head and text, seven bits to a byte, readable from behind: its last byte
//! has the low bits, and the high bit says that another one stands before it.
//!
//! An element takes as many bytes as in Redis's listpack, because what a list takes decides its `OBJECT ENCODING`. Redis has
//! [`REDIS_FRAME_BYTES`] more around them.
use std::fmt;
use std::ops::Deref;

use super::string::IntBuffer;
use crate::Bytes;
use crate::number::parse_i64;

/// What Redis keeps before and after the elements.
pub const REDIS_FRAME_BYTES: usize = 7;

/// An element as it is kept. Equal elements have equal bytes, unless text was written as such that is an integer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// Bytes. Whoever writes them so reads them so, though they be the text of an integer.
    Text(&'a [u8]),
    /// An integer.
    Integer(i64),
}

impl<'a> Element<'a> {
    /// The element that stands for `bytes`: an integer if they are the text of one.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        match parse_i64(bytes) {
            Some(value) => Element::Integer(value),
            None => Element::Text(bytes),
        }
    }

    /// Shows its bytes to `look`.
    #[expect(clippy::inline_always, reason = "an element must not go through memory; see `decode`")]
    #[inline(always)]
    pub fn with<T>(self, look: impl FnOnce(&[u8]) -> T) -> T {
        let mut digits = IntBuffer::new();
        look(match self {
            Element::Text(bytes) => bytes,
            Element::Integer(value) => digits.format(value),
        })
    }

    /// A copy of its bytes.
    #[expect(clippy::inline_always, reason = "an element must not go through memory; see `decode`")]
    #[inline(always)]
    pub fn copy(self) -> Bytes {
        self.with(Bytes::copy_from_slice)
    }

    /// Its bytes, to hold on to.
    #[inline]
    pub fn spell(self) -> Spelled<'a> {
        match self {
            Element::Text(bytes) => Spelled::Text(bytes),
            Element::Integer(value) => Spelled::Integer(IntBuffer::of(value)),
        }
    }
}

/// An element's bytes, which an integer brings along spelled out.
#[derive(Clone)]
pub enum Spelled<'a> {
    /// Kept as text.
    Text(&'a [u8]),
    /// Kept as an integer.
    Integer(IntBuffer),
}

impl Deref for Spelled<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            Self::Integer(text) => text.as_slice(),
        }
    }
}

impl AsRef<[u8]> for Spelled<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Spelled<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Spelled<'_> {}

impl fmt::Debug for Spelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

const TEXT_32: u8 = 0xf0;
const INTEGER_16: u8 = 0xf1;
const INTEGER_24: u8 = 0xf2;
const INTEGER_32: u8 = 0xf3;
const INTEGER_64: u8 = 0xf4;
const TEXT_64: u8 = 0xf5;

const HEAD_MAX: usize = 9;
const BACK_MAX: usize = 10;

/// An element in the form in which it is written, and looked for.
#[derive(Clone, Copy)]
struct Encoded<'a> {
    head: [u8; HEAD_MAX],
    head_size: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    fn of(element: Element<'a>) -> Self {
        match element {
            Element::Text(text) => Self::of_text(text),
            Element::Integer(value) => Self::of_integer(value),
        }
    }

    fn new(first: u8, more: &[u8], text: &'a [u8]) -> Self {
        let mut head = [0; HEAD_MAX];
        head[0] = first;
        head[1..=more.len()].copy_from_slice(more);
        Self { head, head_size: 1 + more.len(), text }
    }

    #[inline]
    fn of_text(text: &'a [u8]) -> Self {
        let length = text.len();
        if length < 1 << 6 {
            let mut head = [0; HEAD_MAX];
            head[0] = 0x80 | length as u8;
            Self { head, head_size: 1, text }
        } else if length < 1 << 12 {
            Self::new(0xe0 | (length >> 8) as u8, &[length as u8], text)
        } else if let Ok(length) = u32::try_from(length) {
            Self::new(TEXT_32, &length.to_le_bytes(), text)
        } else {
            Self::new(TEXT_64, &(length as u64).to_le_bytes(), text)
        }
    }

    fn of_integer(value: i64) -> Self {
        const NO_TEXT: &[u8] = &[];
        let bytes = value.to_le_bytes();
        match value {
            0..=127 => Self::new(value as u8, &[], NO_TEXT),
            -0x1000..=0xfff => Self::new(0xc0 | (value >> 8) as u8 & 0x1f, &bytes[..1], NO_TEXT),
            -0x8000..=0x7fff => Self::new(INTEGER_16, &bytes[..2], NO_TEXT),
            -0x80_0000..=0x7f_ffff => Self::new(INTEGER_24, &bytes[..3], NO_TEXT),
            -0x8000_0000..=0x7fff_ffff => Self::new(INTEGER_32, &bytes[..4], NO_TEXT),
            _ => Self::new(INTEGER_64, &bytes, NO_TEXT),
        }
    }

    /// Of head and text.
    #[inline]
    fn size(&self) -> usize {
        self.head_size + self.text.len()
    }

    #[inline]
    fn whole_size(&self) -> usize {
        self.size() + back_size(self.size())
    }

    #[inline]
    fn is_at(&self, bytes: &[u8]) -> bool {
        let (size, head_size) = (self.size(), self.head_size);
        bytes[0] == self.head[0]
            && bytes.len() > size
            && (head_size == 1 || bytes[1] == self.head[1])
            && bytes[1..head_size] == self.head[1..head_size]
            && bytes[head_size..size] == *self.text
    }

    fn write(&self, place: &mut [u8]) {
        let (head_size, size) = (self.head_size, self.size());
        place[..head_size].copy_from_slice(&self.head[..head_size]);
        place[head_size..size].copy_from_slice(self.text);
        let (back, from) = encode_back(size);
        place[size..].copy_from_slice(&back[from..]);
    }
}

/// How many bytes the back length `size` takes. Redis's bounds, each of them but the first one too low.
#[inline]
const fn back_size(size: usize) -> usize {
    if size < 1 << 7 {
        return 1;
    }
    let mut bytes = 2;
    while bytes < BACK_MAX && size >= (1 << (7 * bytes)) - 1 {
        bytes += 1;
    }
    bytes
}

/// A back length, in the end of the buffer from the given place on.
#[inline]
fn encode_back(size: usize) -> ([u8; BACK_MAX], usize) {
    let mut bytes = [0; BACK_MAX];
    let from = BACK_MAX - back_size(size);
    let mut rest = size;
    for at in (from..BACK_MAX).rev() {
        bytes[at] = (rest & 0x7f) as u8 | if at == from { 0 } else { 0x80 };
        rest >>= 7;
    }
    (bytes, from)
}

/// The integer in the `N` bytes after the first, and the size of both.
#[inline]
fn integer_of<const N: usize>(bytes: &[u8]) -> (i64, usize) {
    let mut wide = [0; 8];
    wide[8 - N..].copy_from_slice(&bytes[1..=N]);
    (i64::from_le_bytes(wide) >> (64 - 8 * N), 1 + N)
}

/// The integer at the beginning of `bytes`, which is not one of seven bits, and its size.
#[inline(never)]
fn wide_integer(bytes: &[u8]) -> (i64, usize) {
    match bytes[0] {
        INTEGER_16 => integer_of::<2>(bytes),
        INTEGER_24 => integer_of::<3>(bytes),
        INTEGER_32 => integer_of::<4>(bytes),
        INTEGER_64 => integer_of::<8>(bytes),
        first => {
            let bits = u16::from_be_bytes([first << 3, 0]) | u16::from(bytes[1]) << 3;
            (i64::from(bits as i16 >> 3), 2)
        }
    }
}

/// The size of the head at the beginning of `bytes` and the length of the text after it, which is not one of six bits.
#[inline(never)]
fn long_text(bytes: &[u8]) -> (usize, usize) {
    match bytes[0] {
        TEXT_32 => (5, u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize),
        TEXT_64 => (9, bytes[1..9].iter().rfold(0, |length, &byte| length << 8 | usize::from(byte))),
        first => (2, usize::from(first & 0xf) << 8 | usize::from(bytes[1])),
    }
}

#[inline]
const fn is_wide_integer(first: u8) -> bool {
    first & 0xe0 == 0xc0 || matches!(first, INTEGER_16..=INTEGER_64)
}

/// What the element at the beginning of `bytes` takes. By branches, not by a table: a size that is guessed does not wait for its byte.
#[inline]
fn whole_size_at(bytes: &[u8]) -> usize {
    let first = bytes[0];
    if first & 0xc0 == 0x80 {
        2 + usize::from(first & 0x3f)
    } else if first & 0x80 == 0 {
        2
    } else if first & 0xe0 == 0xc0 {
        3
    } else {
        match first {
            INTEGER_16 => 4,
            INTEGER_24 => 5,
            INTEGER_32 => 6,
            INTEGER_64 => 10,
            _ => {
                let (head, length) = long_text(bytes);
                head + length + back_size(head + length)
            }
        }
    }
}

/// The element at the beginning of `bytes`, and the size of its head and text.
#[expect(
    clippy::inline_always,
    reason = "an element that is returned through memory takes longer than all the rest"
)]
#[inline(always)]
fn decode(bytes: &[u8]) -> (Element<'_>, usize) {
    let first = bytes[0];
    if first & 0xc0 == 0x80 {
        let size = 1 + usize::from(first & 0x3f);
        (Element::Text(&bytes[1..size]), size)
    } else if first & 0x80 == 0 {
        (Element::Integer(first.into()), 1)
    } else if is_wide_integer(first) {
        let (value, size) = wide_integer(bytes);
        (Element::Integer(value), size)
    } else {
        let (head, length) = long_text(bytes);
        (Element::Text(&bytes[head..head + length]), head + length)
    }
}

/// A sequence of elements in one piece. An element is named by its offset, which every change may move.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
    len: u32,
}

impl Listpack {
    /// Without elements; nothing is allocated.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), len: 0 }
    }

    /// How many elements there are.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the elements take.
    pub const fn used_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that are allocated.
    pub const fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Where the element begins that ends at `end`.
    #[inline]
    fn start_before(&self, end: usize) -> usize {
        let (mut size, mut at) = (0, end);
        loop {
            at -= 1;
            let byte = self.bytes[at];
            size |= usize::from(byte & 0x7f) << (7 * (end - 1 - at));
            if byte & 0x80 == 0 {
                return at - size;
            }
        }
    }

    #[inline]
    fn end_of(&self, offset: usize) -> usize {
        offset + whole_size_at(&self.bytes[offset..])
    }

    /// The element at `offset`.
    #[inline]
    pub fn at(&self, offset: usize) -> Element<'_> {
        decode(&self.bytes[offset..]).0
    }

    /// Where the first element is.
    pub fn first_offset(&self) -> Option<usize> {
        (!self.is_empty()).then_some(0)
    }

    /// Where the element after the one at `offset` is.
    #[inline]
    pub fn next(&self, offset: usize) -> Option<usize> {
        let next = self.end_of(offset);
        (next < self.bytes.len()).then_some(next)
    }

    /// Where the element with this number is, counted from 0. Walks from the nearer end.
    pub fn seek(&self, index: usize) -> Option<usize> {
        let len = self.len();
        if index >= len {
            return None;
        }
        if index <= len / 2 {
            Some((0..index).fold(0, |offset, _| self.end_of(offset)))
        } else {
            Some((index..len).fold(self.bytes.len(), |end, _| self.start_before(end)))
        }
    }

    /// The number and the offset of the first element that stands for `bytes`, among those whose number is a multiple of `stride`.
    #[inline]
    pub fn find(&self, bytes: &[u8], stride: usize) -> Option<(usize, usize)> {
        let wanted = Encoded::of(Element::of(bytes));
        let (mut number, mut rest) = (0, self.bytes.as_slice());
        while !rest.is_empty() {
            if wanted.is_at(rest) {
                return Some((number, self.bytes.len() - rest.len()));
            }
            for _ in 0..stride {
                rest = &rest[whole_size_at(rest)..];
            }
            number += stride;
        }
        None
    }

    /// The elements from first to last.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.bytes, left: self.len() }
    }

    /// The elements from last to first.
    pub fn iter_back(&self) -> IterBack<'_> {
        IterBack { pack: self, end: self.bytes.len(), left: self.len() }
    }

    /// `count` elements from the one with number `index` on, or as many as there are.
    pub fn range(&self, index: usize, count: usize) -> Iter<'_> {
        let left = self.len().saturating_sub(index).min(count);
        Iter { rest: &self.bytes[self.seek(index).unwrap_or(self.bytes.len())..], left }
    }

    /// `count` elements from the one before number `end` back, or as many as there are.
    pub fn range_back(&self, end: usize, count: usize) -> IterBack<'_> {
        let left = end.min(self.len()).min(count);
        IterBack { pack: self, end: self.seek(end).unwrap_or(self.bytes.len()), left }
    }

    /// Adds an element before the first.
    pub fn push_front(&mut self, element: Element<'_>) {
        self.splice(0, 0, &[element]);
    }

    /// Adds an element after the last.
    pub fn push_back(&mut self, element: Element<'_>) {
        let encoded = Encoded::of(element);
        let (back, from) = encode_back(encoded.size());
        self.reserve(encoded.size() + BACK_MAX - from);
        self.bytes.extend_from_slice(&encoded.head[..encoded.head_size]);
        self.bytes.extend_from_slice(encoded.text);
        self.bytes.extend_from_slice(&back[from..]);
        self.len += 1;
    }

    /// Puts all elements of `other` after the last.
    pub fn append(&mut self, other: &Self) {
        self.reserve(other.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
        self.len += other.len;
    }

    /// Puts elements in the place of the `removed` ones from the one at `offset` on, which may be none, or the end.
    pub fn splice(&mut self, offset: usize, removed: usize, elements: &[Element<'_>]) {
        let end = (0..removed).fold(offset, |end, _| self.end_of(end));
        let (old_size, old_end) = (end - offset, self.bytes.len());
        let new_size: usize = elements.iter().map(|element| Encoded::of(*element).whole_size()).sum();
        if new_size > old_size {
            self.reserve(new_size - old_size);
            self.bytes.resize(old_end + new_size - old_size, 0);
        }
        if new_size != old_size {
            self.bytes.copy_within(end..old_end, offset + new_size);
        }
        let mut at = offset;
        for element in elements {
            let encoded = Encoded::of(*element);
            let size = encoded.whole_size();
            encoded.write(&mut self.bytes[at..at + size]);
            at += size;
        }
        self.len = self.len + elements.len() as u32 - removed as u32;
        if new_size < old_size {
            self.bytes.truncate(old_end + new_size - old_size);
            self.give_back();
        }
    }

    /// Keeps the elements with numbers from `start` up to, without, `end`.
    pub fn keep(&mut self, start: usize, end: usize) {
        let end = end.min(self.len());
        let cut = self.seek(end).unwrap_or(self.bytes.len());
        let begin = self.seek(start).unwrap_or(cut).min(cut);
        self.bytes.truncate(cut);
        self.bytes.drain(..begin);
        self.len = end.saturating_sub(start) as u32;
        self.give_back();
    }

    /// Takes away the elements from number `at` on, and gives them.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let cut = self.seek(at).unwrap_or(self.bytes.len());
        let tail = Self { bytes: self.bytes[cut..].to_vec(), len: self.len - at.min(self.len()) as u32 };
        self.bytes.truncate(cut);
        self.len -= tail.len;
        self.give_back();
        tail
    }

    /// Makes room for so many bytes more.
    ///
    /// Small collections are many: what they do not use must be little, so they grow by an eighth and to what an allocator gives out,
    /// which is a multiple of 16 with 8 for itself.
    #[inline]
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            self.grow(needed);
        }
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        let room = (needed + needed / 8 + 8).next_multiple_of(16) - 8;
        self.bytes.reserve_exact(room - self.bytes.len());
    }

    /// Gives memory back once half of it is unused.
    fn give_back(&mut self) {
        if self.bytes.capacity() > 64 && self.bytes.len() < self.bytes.capacity() / 2 {
            self.bytes.shrink_to(self.bytes.len() + self.bytes.len() / 8);
        }
    }

    /// Without elements, but with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), len: 0 }
    }

    /// Gives unused memory back, as nothing is likely to be added soon.
    pub fn close(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Element::spell)).finish()
    }
}

/// Elements of a [`Listpack`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (element, size) = decode(self.rest);
        self.rest = &self.rest[size + back_size(size)..];
        Some(element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    /// Not by steps, so that elements stay in registers; see `decode`.
    #[inline]
    fn fold<B, F: FnMut(B, Element<'a>) -> B>(self, first: B, mut combine: F) -> B {
        let (mut rest, mut folded) = (self.rest, first);
        for _ in 0..self.left {
            let (element, size) = decode(rest);
            rest = &rest[size + back_size(size)..];
            folded = combine(folded, element);
        }
        folded
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> Iter<'a> {
    /// Elements two by two: fields and values, members and scores.
    pub fn pairs(self) -> Pairs<'a> {
        Pairs(self)
    }
}

/// Elements of a [`Listpack`], two by two.
#[derive(Clone, Debug)]
pub struct Pairs<'a>(Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left / 2, Some(self.0.left / 2))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, first: B, mut combine: F) -> B {
        let (mut rest, mut folded) = (self.0.rest, first);
        for _ in 0..self.0.left / 2 {
            let (one, size) = decode(rest);
            rest = &rest[size + back_size(size)..];
            let (other, size) = decode(rest);
            rest = &rest[size + back_size(size)..];
            folded = combine(folded, (one, other));
        }
        folded
    }
}

/// Elements of a [`Listpack`] from the end.
#[derive(Clone, Debug)]
pub struct IterBack<'a> {
    pack: &'a Listpack,
    end: usize,
    left: usize,
}

impl<'a> Iterator for IterBack<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.end = self.pack.start_before(self.end);
        Some(self.pack.at(self.end))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..12),
            1 => prop::collection::vec(any::<u8>(), 60..66),
            1 => prop::collection::vec(any::<u8>(), 120..140),
            1 => prop::collection::vec(any::<u8>(), 4090..4100),
            1 => prop::collection::vec(any::<u8>(), 16_370..16_390),
        ]
    }

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            (0_u32..64, any::<i64>()).prop_map(|(bits, value)| value >> bits),
            (0_u32..63, -3_i64..3, any::<bool>()).prop_map(|(bits, near, negative)| {
                let edge = if negative { -(1 << bits) } else { 1 << bits };
                i64::saturating_add(edge, near)
            }),
        ]
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => text(),
            3 => integer().prop_map(|value| value.to_string().into_bytes()),
            1 => "[-+]?0?[0-9]{1,20}".prop_map(String::into_bytes),
        ]
    }

    fn spelled<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<Vec<u8>> {
        elements.map(|element| element.spell().to_vec()).collect()
    }

    #[test]
    fn an_integer_takes_the_bytes_of_its_width_and_a_back_length() {
        let most = |bits: u32| (1_i64 << (bits - 1)) - 1;
        for (value, size) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (-1, 2),
            (most(13), 2),
            (-most(13) - 1, 2),
            (most(13) + 1, 3),
            (-most(13) - 2, 3),
            (most(16), 3),
            (-most(16) - 1, 3),
            (most(16) + 1, 4),
            (-most(16) - 2, 4),
            (most(24), 4),
            (-most(24) - 1, 4),
            (most(24) + 1, 5),
            (-most(24) - 2, 5),
            (most(32), 5),
            (-most(32) - 1, 5),
            (most(32) + 1, 9),
            (-most(32) - 2, 9),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ] {
            let mut pack = Listpack::new();
            pack.push_back(Element::of(value.to_string().as_bytes()));
            assert_eq!(pack.used_bytes(), size + 1, "{value}");
            assert_eq!(pack.at(0), Element::Integer(value));
        }
    }

    // Sizes of 16382 and 16383 bytes with their heads: Redis 8.0.2 counted 16384 and 16386 for them with their back lengths.
    #[test]
    fn a_back_length_is_as_long_as_on_a_real_server() {
        for (length, used) in [(63, 65), (64, 67), (125, 128), (126, 130), (16_377, 16_384), (16_378, 16_386)]
        {
            let mut pack = Listpack::new();
            pack.push_back(Element::Text(&vec![b'x'; length]));
            assert_eq!(pack.used_bytes(), used, "{length}");
        }
    }

    #[test]
    fn text_that_is_written_as_such_stays_text_whatever_it_spells() {
        let mut pack = Listpack::new();
        pack.push_back(Element::Text(b"12"));
        pack.push_back(Element::of(b"12"));
        assert_eq!(pack.at(0), Element::Text(b"12"));
        assert_eq!(pack.find(b"12", 1).map(|(number, _)| number), Some(1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 96 }))]
        #[test]
        fn it_holds_what_a_vec_of_vecs_holds(steps in prop::collection::vec((0..9, any::<prop::sample::Index>(), element()), 1..80)) {
            let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
            for (what, at, element) in steps {
                let at = at.index(model.len() + 1);
                let new = Element::of(&element);
                if let Some(offset) = pack.seek(at) { match what {
                    0 => {
                        pack.splice(offset, 1, &[]);
                        model.remove(at);
                    }
                    1 => {
                        pack.splice(offset, 1, &[new]);
                        model[at] = element;
                    }
                    2 => {
                        pack.push_front(new);
                        model.insert(0, element);
                    }
                    3 if model.len() > 30 => {
                        pack.keep(at / 2, at);
                        model = model[at / 2..at].to_vec();
                    }
                    4 if model.len() > 30 => {
                        let tail = pack.split_off(at);
                        prop_assert_eq!(spelled(tail.iter()), model.split_off(at));
                        prop_assert_eq!(tail.len() + at, tail.len() + model.len());
                        pack.append(&tail);
                        model.extend(spelled(tail.iter()));
                    }
                    5 if at + 2 < model.len() => {
                        pack.splice(offset, 2, &[new, Element::of(b"17"), new]);
                        model.splice(at..at + 2, [element.clone(), b"17".to_vec(), element]);
                    }
                    _ => {
                        pack.splice(offset, 0, &[new]);
                        model.insert(at, element);
                    }
                } } else {
                    pack.push_back(new);
                    model.push(element);
                }
                prop_assert_eq!(pack.len(), model.len());
                prop_assert_eq!(spelled(pack.iter()), model.clone());
                prop_assert!(spelled(pack.iter_back()).iter().eq(model.iter().rev()));
                prop_assert!(spelled(pack.range(at, 5)).iter().eq(model.iter().skip(at).take(5)));
                prop_assert!(spelled(pack.range_back(at, 5)).iter().eq(model.iter().take(at).rev().take(5)));
                let pairs = pack.range(at, usize::MAX).pairs().flat_map(|(one, other)| [one, other]);
                prop_assert!(spelled(pairs).iter().eq(model[at.min(model.len())..].as_chunks::<2>().0.as_flattened()));
                let mut folded = Vec::new();
                pack.iter().for_each(|element| folded.push(element.spell().to_vec()));
                pack.iter().pairs().for_each(|(one, other)| folded.extend([one, other].map(|element| element.spell().to_vec())));
                prop_assert!(folded.iter().eq(model.iter().chain(model.as_chunks::<2>().0.as_flattened())));
                if let Some(wanted) = model.get(at) {
                    let (number, offset) = pack.find(wanted, 1).unwrap();
                    prop_assert_eq!(Some(number), model.iter().position(|element| element == wanted));
                    prop_assert_eq!(pack.seek(number), Some(offset));
                }
            }
        }
    }
}
