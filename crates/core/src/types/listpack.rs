//! Elements packed in one allocation: the form of small collections.
//!
//! ```text
//! | room | payload 0, payload 1 ... payload n-1 | room | head n-1 ... head 1, head 0 | room |
//!
//! head       payload
//! 0nnnnnnn   nothing: the integer n, 0 to 127
//! 10llllll   text of up to 63 bytes
//! 110nnnnn   n: an integer of 13 bits
//! 1110llll   an integer of llll bytes: 2, 3, 4 or 8
//! 1111llll   its length in llll bytes, the text, its length again: 1, 2, 4 or 8
//! ```
//!
//! Heads lie apart from what they are heads of, so an element is one byte in a row of bytes: walking to one adds up a few heads at a
//! time, in either direction, and nothing is stored for the way back. Both ends have room of their own, so an element is added
//! or taken there without a move of the others.
//!
//! Text that is an integer as Redis spells one is kept as the integer, in the shortest form: so an element has one form only, and
//! equal elements have equal bytes.
//!
//! What a list takes in Redis decides its `OBJECT ENCODING`. So the bytes are counted that Redis's listpack would take,
//! which differ: it has a length behind each element too, and [`REDIS_FRAME_BYTES`] around them.
use std::fmt;
use std::ops::{Deref, Range};

use super::string::IntBuffer;
use crate::Bytes;
use crate::memory::block_bytes;
use crate::number::parse_i64;

/// What Redis keeps before and after the elements.
pub const REDIS_FRAME_BYTES: usize = 7;

/// Past this many bytes a listpack is given up whatever the settings say, as in Redis: each change moves all that follows it.
pub const LISTPACK_BYTES_MAX: usize = 1 << 30;

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

/// What heads say, by their upper bits.
const TEXT: u8 = 0x80;
const INTEGER_13: u8 = 0xc0;
const INTEGER: u8 = 0xe0;
const LONG_TEXT: u8 = 0xf0;

/// An element in the form in which it is written, and looked for.
#[derive(Clone, Copy)]
struct Encoded<'a> {
    head: u8,
    /// The bytes of an integer, or of the length of a long text.
    edge: [u8; 8],
    edge_size: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    fn of(element: Element<'a>) -> Self {
        match element {
            Element::Text(text) if text.len() < 1 << 6 => {
                Self { head: TEXT | text.len() as u8, edge: [0; 8], edge_size: 0, text }
            }
            Element::Text(text) => Self::of_long_text(text),
            Element::Integer(value) => Self::of_integer(value),
        }
    }

    fn of_long_text(text: &'a [u8]) -> Self {
        let length = text.len();
        let edge_size = match length {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 8,
        };
        Self { head: LONG_TEXT | edge_size as u8, edge: (length as u64).to_le_bytes(), edge_size, text }
    }

    fn of_integer(value: i64) -> Self {
        let (head, edge_size) = match value {
            0..=127 => (value as u8, 0),
            -0x1000..=0xfff => (INTEGER_13 | (value >> 8) as u8 & 0x1f, 1),
            -0x8000..=0x7fff => (INTEGER | 2, 2),
            -0x80_0000..=0x7f_ffff => (INTEGER | 3, 3),
            -0x8000_0000..=0x7fff_ffff => (INTEGER | 4, 4),
            _ => (INTEGER | 8, 8),
        };
        Self { head, edge: value.to_le_bytes(), edge_size, text: &[] }
    }

    #[inline]
    const fn is_long(&self) -> bool {
        self.head >= LONG_TEXT
    }

    #[inline]
    const fn payload_size(&self) -> usize {
        let edges = if self.is_long() { 2 } else { 1 };
        edges * self.edge_size + self.text.len()
    }

    #[inline]
    fn redis_size(&self) -> usize {
        redis_size(self.head, self.payload_size())
    }

    /// Whether it is its payload that begins at `offset`, where one with its head does.
    #[inline]
    fn is_at(&self, bytes: &[u8], offset: usize) -> bool {
        let text = offset + self.edge_size;
        (self.edge_size == 0 || bytes[offset..text] == self.edge[..self.edge_size])
            && bytes.get(text..text + self.text.len()).is_some_and(|held| is_same(held, self.text))
    }

    #[inline]
    fn write(&self, payload: &mut [u8]) {
        let (edge, text) = (self.edge_size, self.text.len());
        payload[edge..edge + text].copy_from_slice(self.text);
        if edge > 0 {
            payload[..edge].copy_from_slice(&self.edge[..edge]);
            if self.is_long() {
                payload[edge + text..].copy_from_slice(&self.edge[..edge]);
            }
        }
    }
}

/// What is looked for, and a word of its payload that tells most others from it at one look.
struct Wanted<'a> {
    encoded: Encoded<'a>,
    /// Where the word begins in the payload.
    word_at: usize,
    word: u64,
    /// The bits of the word that belong to the payload.
    mask: u64,
}

impl<'a> Wanted<'a> {
    #[inline]
    fn of(bytes: &'a [u8]) -> Self {
        let encoded = Encoded::of(Element::of(bytes));
        let (text, edge) = (encoded.text, encoded.edge_size);
        // Names differ at their ends, more often than not.
        let (word_at, word, size) = match text.last_chunk() {
            Some(last) => (edge + text.len() - last.len(), *last, last.len()),
            None if text.is_empty() => (0, encoded.edge, edge),
            None => {
                let mut short = [0; 8];
                short[..text.len()].copy_from_slice(text);
                (0, short, text.len())
            }
        };
        let mask = u64::MAX.checked_shr(8 * (8 - size) as u32).unwrap_or(0);
        Self { encoded, word_at, word: u64::from_le_bytes(word) & mask, mask }
    }

    /// Whether it is an element of this head whose payload begins at `offset`.
    #[expect(clippy::inline_always, reason = "most elements are told apart here, by a dozen instructions")]
    #[inline(always)]
    fn is_at(&self, head: u8, bytes: &[u8], offset: usize) -> bool {
        if head != self.encoded.head {
            return false;
        }
        let word = bytes.get(offset + self.word_at..).and_then(<[u8]>::first_chunk);
        if word.is_some_and(|word| u64::from_le_bytes(*word) & self.mask != self.word) {
            return false;
        }
        // Or the allocation ends within the word.
        self.is_really_at(bytes, offset)
    }

    #[inline(never)]
    fn is_really_at(&self, bytes: &[u8], offset: usize) -> bool {
        self.encoded.is_at(bytes, offset)
    }
}

/// Equality of texts of one length. Those that are usual for names are compared in two words, without a call.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if let (Some((a, _)), Some((b, _)), true) =
        (one.split_first_chunk::<8>(), other.split_first_chunk::<8>(), one.len() <= 16)
        && let (Some((_, c)), Some((_, d))) = (one.split_last_chunk::<8>(), other.split_last_chunk::<8>())
    {
        return u64::from_le_bytes(*a) == u64::from_le_bytes(*b)
            && u64::from_le_bytes(*c) == u64::from_le_bytes(*d);
    }
    one == other
}

/// What Redis takes for an element of a listpack.
pub fn redis_bytes(element: Element<'_>) -> usize {
    Encoded::of(element).redis_size()
}

/// What Redis takes for an element: a head, the text or the integer, and the length of both, to be read from behind.
#[inline]
fn redis_size(head: u8, payload_size: usize) -> usize {
    if head < LONG_TEXT {
        return payload_size + 2;
    }
    let length = payload_size - 2 * edge_size(head);
    let size = length + if length < 1 << 12 { 2 } else { 5 };
    size + redis_back_size(size)
}

/// How many bytes the length takes that Redis writes behind an element. Seven bits to a byte, but each of its bounds except the first
/// one is one too low.
const fn redis_back_size(size: usize) -> usize {
    if size < 1 << 7 {
        return 1;
    }
    let mut bytes = 2;
    while bytes < 5 && size >= (1 << (7 * bytes)) - 1 {
        bytes += 1;
    }
    bytes
}

/// How many bytes the length of a long text takes.
#[inline]
const fn edge_size(head: u8) -> usize {
    (head & 0xf) as usize
}

/// The size of the payload of a head that is not a long text's.
#[inline]
const fn plain_size(head: u8) -> u8 {
    if head < TEXT {
        0
    } else if head < INTEGER_13 {
        head & 0x3f
    } else if head < INTEGER {
        1
    } else {
        head & 0xf
    }
}

/// A bit that no [`plain_size`] has.
const LONG_TEXT_SIZE: u8 = 0x80;

/// [`plain_size`] of each head, and for a long text's [`LONG_TEXT_SIZE`].
const PLAIN_SIZES: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut head = 0;
    while head < 256 {
        sizes[head] = if head < LONG_TEXT as usize { plain_size(head as u8) } else { LONG_TEXT_SIZE };
        head += 1;
    }
    sizes
};

/// The sizes of the payloads of some heads together, unless one of them is a long text's.
#[inline]
fn plain_sizes(heads: &[u8]) -> Option<usize> {
    let (mut sum, mut bits) = (0, 0);
    for &head in heads {
        let size = PLAIN_SIZES[usize::from(head)];
        sum += usize::from(size);
        bits |= size;
    }
    (bits & LONG_TEXT_SIZE == 0).then_some(sum)
}

/// So many heads are looked at together.
const STEP: usize = 16;

/// The length in the bytes of an edge.
#[inline]
fn length_of(edge: &[u8]) -> usize {
    edge.iter().rfold(0, |length, &byte| length << 8 | usize::from(byte))
}

/// The size of the payload at the beginning of `bytes`.
#[inline]
fn size_after(head: u8, bytes: &[u8]) -> usize {
    if head < LONG_TEXT {
        plain_size(head).into()
    } else {
        length_of(&bytes[..edge_size(head)]) + 2 * edge_size(head)
    }
}

/// The size of the payload at the end of `bytes`.
#[inline]
fn size_before(head: u8, bytes: &[u8]) -> usize {
    if head < LONG_TEXT {
        plain_size(head).into()
    } else {
        length_of(&bytes[bytes.len() - edge_size(head)..]) + 2 * edge_size(head)
    }
}

/// An integer that is not in its head alone.
#[inline(never)]
fn wide_integer(head: u8, bytes: &[u8]) -> (i64, usize) {
    if head < INTEGER {
        let bits = u16::from_be_bytes([head << 3, 0]) | u16::from(bytes[0]) << 3;
        return (i64::from(bits as i16 >> 3), 1);
    }
    let size = usize::from(head & 0xf);
    let mut wide = [0; 8];
    wide[8 - size..].copy_from_slice(&bytes[..size]);
    (i64::from_le_bytes(wide) >> (64 - 8 * size), size)
}

/// The sizes of the edge and of the text of a long text.
#[inline(never)]
fn long_text(head: u8, bytes: &[u8]) -> (usize, usize) {
    let edge = edge_size(head);
    (edge, length_of(&bytes[..edge]))
}

/// The element whose payload is at the beginning of `bytes`, and the size of that.
#[expect(
    clippy::inline_always,
    reason = "an element that is returned through memory takes longer than all the rest"
)]
#[inline(always)]
fn decode(head: u8, bytes: &[u8]) -> (Element<'_>, usize) {
    if head & 0xc0 == TEXT {
        let size = usize::from(head & 0x3f);
        (Element::Text(&bytes[..size]), size)
    } else if head < TEXT {
        (Element::Integer(head.into()), 0)
    } else if head < LONG_TEXT {
        let (value, size) = wide_integer(head, bytes);
        (Element::Integer(value), size)
    } else {
        let (edge, length) = long_text(head, bytes);
        (Element::Text(&bytes[edge..edge + length]), 2 * edge + length)
    }
}

/// On which side room is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Front,
    Back,
}

/// Where an element is, until something changes: for whoever found one and is going to change it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    number: usize,
    /// Where its payload begins.
    offset: usize,
}

impl Place {
    /// The element's number.
    pub const fn number(self) -> usize {
        self.number
    }
}

/// A sequence of elements in one allocation. They are named by their numbers, counted from 0.
#[derive(Clone, Default)]
pub struct Listpack {
    /// The last head is the last byte: its capacity beyond is the room for heads before the first element's.
    bytes: Vec<u8>,
    /// Where the payloads begin, and where they end.
    start: u32,
    end: u32,
    len: u32,
    redis_bytes: u32,
}

impl Listpack {
    /// Without elements; nothing is allocated.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, len: 0, redis_bytes: 0 }
    }

    /// Without elements, but with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes], ..Self::new() }
    }

    /// How many elements there are.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the elements take in Redis, by which limits go. No fewer than there are elements.
    pub const fn used_bytes(&self) -> usize {
        self.redis_bytes as usize
    }

    /// What the allocation takes; see [`block_bytes`].
    pub const fn allocated_bytes(&self) -> usize {
        block_bytes(self.bytes.capacity())
    }

    /// The heads, from the last element's to the first one's.
    #[inline]
    fn heads(&self) -> &[u8] {
        &self.bytes[self.heads_start()..]
    }

    #[inline]
    fn heads_start(&self) -> usize {
        self.bytes.len() - self.len()
    }

    #[inline]
    fn payloads(&self) -> &[u8] {
        &self.bytes[self.start as usize..self.end as usize]
    }

    /// The heads of elements, from the last one's.
    #[inline]
    fn heads_of(&self, numbers: Range<usize>) -> &[u8] {
        let len = self.len();
        &self.heads()[len - numbers.end..len - numbers.start]
    }

    /// Where the payloads end that have these heads and begin at `offset`.
    #[inline]
    fn walk(&self, offset: usize, heads: &[u8]) -> usize {
        heads.rchunks(STEP).fold(offset, |offset, heads| match plain_sizes(heads) {
            Some(sizes) => offset + sizes,
            None => heads.iter().rfold(offset, |at, &head| at + size_after(head, &self.bytes[at..])),
        })
    }

    /// Where the payloads begin that have these heads and end at `offset`.
    #[inline]
    fn walk_back(&self, offset: usize, heads: &[u8]) -> usize {
        heads.chunks(STEP).fold(offset, |offset, heads| match plain_sizes(heads) {
            Some(sizes) => offset - sizes,
            None => heads.iter().fold(offset, |at, &head| at - size_before(head, &self.bytes[..at])),
        })
    }

    /// Where the payload of an element begins, or where all end.
    #[inline]
    fn offset_of(&self, number: usize) -> usize {
        let (after, before) = self.heads().split_at(self.len() - number);
        if before.len() <= after.len() {
            self.walk(self.start as usize, before)
        } else {
            self.walk_back(self.end as usize, after)
        }
    }

    /// What Redis takes for the elements that have these heads and whose payloads are `payloads`.
    fn redis_bytes_of(heads: &[u8], mut payloads: &[u8]) -> usize {
        if heads.iter().all(|&head| head < LONG_TEXT) {
            return payloads.len() + 2 * heads.len();
        }
        let mut sum = 0;
        for &head in heads.iter().rev() {
            let size = size_after(head, payloads);
            sum += redis_size(head, size);
            payloads = &payloads[size..];
        }
        sum
    }

    /// The element with this number.
    #[inline]
    pub fn at(&self, number: usize) -> Element<'_> {
        let head = self.heads()[self.len() - 1 - number];
        decode(head, &self.bytes[self.offset_of(number)..]).0
    }

    /// The first element that is the wanted one, among each `STRIDE`th from the one at `from` on.
    #[inline]
    fn search<const STRIDE: usize>(&self, wanted: &Wanted<'_>, from: Place) -> Option<Place> {
        let mut offset = from.offset;
        let (rest, groups) = self.heads_of(from.number..self.len()).as_rchunks::<STRIDE>();
        for (at, heads) in groups.iter().rev().enumerate() {
            if wanted.is_at(heads[STRIDE - 1], &self.bytes, offset) {
                return Some(Place { number: from.number + STRIDE * at, offset });
            }
            offset = match plain_sizes(heads) {
                Some(sizes) => offset + sizes,
                None => self.walk(offset, heads),
            };
        }
        let is_last = rest.last().is_some_and(|&head| wanted.is_at(head, &self.bytes, offset));
        is_last.then_some(Place { number: self.len() - rest.len(), offset })
    }

    #[inline]
    fn locate<const STRIDE: usize>(&self, bytes: &[u8]) -> Option<Place> {
        self.search::<STRIDE>(&Wanted::of(bytes), self.first())
    }

    #[inline]
    fn first(&self) -> Place {
        Place { number: 0, offset: self.start as usize }
    }

    /// The place of the element with this number, or after the last if the number is too high.
    pub fn place(&self, number: usize) -> Place {
        let number = number.min(self.len());
        Place { number, offset: self.offset_of(number) }
    }

    /// The place after an element that is there.
    #[inline]
    pub fn after(&self, Place { number, offset }: Place) -> Place {
        let head = self.heads()[self.len() - 1 - number];
        Place { number: number + 1, offset: offset + size_after(head, &self.bytes[offset..]) }
    }

    /// The numbers of the elements that stand for `bytes`, from the first.
    pub fn positions<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let wanted = Wanted::of(bytes);
        let mut from = self.first();
        std::iter::from_fn(move || {
            let found = self.search::<1>(&wanted, from)?;
            from = self.after(found);
            Some(found.number)
        })
    }

    /// The numbers of the elements that stand for `bytes`, from the last.
    pub fn positions_back<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let wanted = Wanted::of(bytes);
        let mut offset = self.end as usize;
        self.heads().iter().enumerate().filter_map(move |(after, &head)| {
            offset = match PLAIN_SIZES[usize::from(head)] {
                size @ 0..LONG_TEXT_SIZE => offset - usize::from(size),
                _ => offset - size_before(head, &self.bytes[..offset]),
            };
            wanted.is_at(head, &self.bytes, offset).then(|| self.len() - 1 - after)
        })
    }

    /// The first element that stands for `bytes`.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<Place> {
        self.locate::<1>(bytes)
    }

    /// The first element that stands for `bytes`, among each `STRIDE`th.
    pub(super) fn find_every<const STRIDE: usize>(&self, bytes: &[u8]) -> Option<Place> {
        self.locate::<STRIDE>(bytes)
    }

    /// The first element that stands for `bytes`, among those with even numbers, and the element after it.
    #[inline]
    pub fn find_pair(&self, bytes: &[u8]) -> Option<(Place, Element<'_>)> {
        let first = self.locate::<2>(bytes)?;
        let second = self.after(first);
        let head = *self.heads().get(self.len().checked_sub(second.number + 1)?)?;
        Some((first, decode(head, &self.bytes[second.offset..]).0))
    }

    /// The place of the first pair for which `is_before` says no. It must say yes to a beginning of their order and no to the
    /// rest.
    pub fn first_pair_after(&self, is_before: impl Fn(Element<'_>, Element<'_>) -> bool) -> Place {
        let mut from = self.first();
        // One pair of some, because to pass the others is to add up their sizes.
        while from.number + STEP + 2 <= self.len() {
            let number = from.number + STEP;
            let next = Place { number, offset: self.walk(from.offset, self.heads_of(from.number..number)) };
            let pair = self.from(next, 2).pairs().next();
            if !pair.is_some_and(|(one, other)| is_before(one, other)) {
                break;
            }
            from = next;
        }
        let pairs = self.from(from, STEP).pairs();
        let number = from.number + 2 * pairs.filter(|(one, other)| is_before(*one, *other)).count();
        Place { number, offset: self.walk(from.offset, self.heads_of(from.number..number)) }
    }

    /// `count` elements from a place on, or as many as there are.
    #[inline]
    pub(super) fn from(&self, Place { number, offset }: Place, count: usize) -> Iter<'_> {
        let end = number.saturating_add(count).min(self.len());
        Iter { heads: self.heads_of(number..end), rest: &self.bytes[offset..self.end as usize] }
    }

    /// The elements from first to last.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter { heads: self.heads(), rest: self.payloads() }
    }

    /// The elements from last to first.
    pub fn iter_back(&self) -> IterBack<'_> {
        IterBack { heads: self.heads(), rest: self.payloads() }
    }

    /// `count` elements from the one with this number on, or as many as there are.
    pub fn range(&self, number: usize, count: usize) -> Iter<'_> {
        self.from(self.place(number), count)
    }

    /// `count` elements from the one before number `end` back, or as many as there are.
    pub fn range_back(&self, end: usize, count: usize) -> IterBack<'_> {
        let end = end.min(self.len());
        let start = end.saturating_sub(count);
        IterBack {
            heads: self.heads_of(start..end),
            rest: &self.bytes[self.start as usize..self.offset_of(end)],
        }
    }

    /// Adds an element before the first.
    #[inline]
    pub fn push_front(&mut self, element: Element<'_>) {
        if self.is_empty() {
            return self.push_back(element);
        }
        let encoded = Encoded::of(element);
        let start = self.open_front(0, encoded.payload_size(), 0, 1);
        self.write(start, 0, &encoded);
        self.count_one(&encoded);
    }

    /// Adds an element after the last.
    #[inline]
    pub fn push_back(&mut self, element: Element<'_>) {
        let encoded = Encoded::of(element);
        let size = encoded.payload_size();
        if self.heads_start() - (self.end as usize) <= size {
            self.make_room(Side::Back, size, 1);
        }
        self.write(self.end as usize, self.len(), &encoded);
        self.end += size as u32;
        self.count_one(&encoded);
    }

    /// Writes the head of the element with this number, and its payload at `offset`.
    #[inline]
    fn write(&mut self, offset: usize, number: usize, encoded: &Encoded<'_>) {
        let heads_end = self.bytes.len();
        self.bytes[heads_end - 1 - number] = encoded.head;
        encoded.write(&mut self.bytes[offset..offset + encoded.payload_size()]);
    }

    #[inline]
    fn count_one(&mut self, encoded: &Encoded<'_>) {
        self.len += 1;
        self.redis_bytes += encoded.redis_size() as u32;
    }

    /// Takes the element with this number, if there is one.
    #[inline]
    pub fn remove(&mut self, number: usize) -> Option<Bytes> {
        let after = self.len().checked_sub(number.saturating_add(1))?;
        let (head, end) = (self.heads()[after], self.end as usize);
        let offset = match after {
            0 => end - size_before(head, &self.bytes[..end]),
            _ => self.offset_of(number),
        };
        let (element, size) = decode(head, &self.bytes[offset..]);
        let taken = element.copy();
        if after == 0 {
            self.end = offset as u32;
        } else if number == 0 {
            self.open_front(size, 0, 1, 0);
        } else {
            self.open(offset, size, 0, number, 1, 0);
        }
        self.len -= 1;
        self.redis_bytes -= redis_size(head, size) as u32;
        self.give_back();
        Some(taken)
    }

    /// Puts all elements of `other` after the last.
    pub fn append(&mut self, other: &Self) {
        let (payloads, heads) = (other.payloads(), other.heads());
        if self.heads_start() - (self.end as usize) < payloads.len() + heads.len() {
            self.make_room(Side::Back, payloads.len(), heads.len());
        }
        let (end, heads_start) = (self.end as usize, self.heads_start());
        self.bytes[end..end + payloads.len()].copy_from_slice(payloads);
        self.bytes[heads_start - heads.len()..heads_start].copy_from_slice(heads);
        self.end += payloads.len() as u32;
        self.len += other.len;
        self.redis_bytes += other.redis_bytes;
    }

    /// Puts elements in the place of the `removed` ones from the one with this number on, which may be none, or after the last
    /// if the number is too high.
    pub fn splice(&mut self, number: usize, removed: usize, elements: &[Element<'_>]) {
        self.splice_at(self.place(number), removed, elements);
    }

    /// The same at a place.
    pub fn splice_at(&mut self, Place { number, offset }: Place, removed: usize, elements: &[Element<'_>]) {
        let (len, added) = (self.len(), elements.len());
        let removed = removed.min(len - number);
        let (mut old, mut old_redis) = (0, 0);
        if removed > 0 {
            let heads = self.heads_of(number..number + removed);
            let end = self.walk(offset, heads);
            old = end - offset;
            old_redis = Self::redis_bytes_of(heads, &self.bytes[offset..end]);
        }
        let (mut new, mut new_redis) = (0, 0);
        for element in elements {
            let encoded = Encoded::of(*element);
            new += encoded.payload_size();
            new_redis += encoded.redis_size();
        }
        let mut offset = if number == 0 && removed < len {
            self.open_front(old, new, removed, added)
        } else {
            self.open(offset, old, new, number, removed, added)
        };
        self.len = (len + added - removed) as u32;
        self.redis_bytes = self.redis_bytes + new_redis as u32 - old_redis as u32;
        for (number, element) in (number..).zip(elements) {
            let encoded = Encoded::of(*element);
            self.write(offset, number, &encoded);
            offset += encoded.payload_size();
        }
        if new + added < old + removed {
            self.give_back();
        }
    }

    /// Gives the first `removed` elements with `old` bytes the space of `added` ones with `new` bytes, which begins at the returned
    /// offset. What is behind stays where it is.
    #[inline]
    fn open_front(&mut self, old: usize, new: usize, removed: usize, added: usize) -> usize {
        let spare_heads = self.bytes.capacity() - self.bytes.len();
        if self.start as usize + old < new || spare_heads + removed < added {
            self.make_room(Side::Front, new.saturating_sub(old), added.saturating_sub(removed));
        }
        self.start = (self.start as usize + old - new) as u32;
        if added > removed {
            self.bytes.resize(self.bytes.len() + added - removed, 0);
        } else {
            self.bytes.truncate(self.bytes.len() + added - removed);
        }
        self.start as usize
    }

    /// The same for elements from `number` on, whose payloads begin at `offset`. What is behind moves.
    #[inline]
    fn open(
        &mut self,
        offset: usize,
        old: usize,
        new: usize,
        number: usize,
        removed: usize,
        added: usize,
    ) -> usize {
        let before = offset - self.start as usize;
        if self.heads_start() + old + removed < self.end as usize + new + added {
            self.make_room(Side::Back, new.saturating_sub(old), added.saturating_sub(removed));
        }
        let (offset, end) = (self.start as usize + before, self.end as usize);
        let heads_start = self.heads_start();
        let heads = heads_start..heads_start + self.len() - number - removed;
        let payloads = offset + old..end;
        self.shift(heads, heads_start + removed - added, payloads, offset + new);
        self.end = (end + new - old) as u32;
        offset
    }

    /// Moves heads and payloads, which may use each other's old space.
    #[inline]
    fn shift(&mut self, heads: Range<usize>, heads_to: usize, payloads: Range<usize>, payloads_to: usize) {
        if heads_to > heads.start {
            self.bytes.copy_within(heads.clone(), heads_to);
        }
        if payloads.start != payloads_to {
            self.bytes.copy_within(payloads, payloads_to);
        }
        if heads_to < heads.start {
            self.bytes.copy_within(heads, heads_to);
        }
    }

    /// Keeps the elements with numbers from `start` up to, without, `end`.
    pub fn keep(&mut self, start: usize, end: usize) {
        self.splice(end, usize::MAX, &[]);
        self.splice(0, start, &[]);
    }

    /// Takes away the elements from number `number` on, and gives them.
    #[must_use]
    pub fn split_off(&mut self, number: usize) -> Self {
        let number = number.min(self.len());
        let heads = self.heads_of(number..self.len());
        let payloads = &self.bytes[self.offset_of(number)..self.end as usize];
        let tail = Self {
            bytes: [payloads, heads].concat(),
            start: 0,
            end: payloads.len() as u32,
            len: heads.len() as u32,
            redis_bytes: Self::redis_bytes_of(heads, payloads) as u32,
        };
        self.splice(number, usize::MAX, &[]);
        tail
    }

    /// Makes room for payloads and heads of so many bytes more.
    ///
    /// Small collections are many: what they do not use must be little, so they grow by an eighth and to what an allocator gives out,
    /// which is a multiple of 16 with 8 for itself. Room in the wrong places is used first if it will last a while.
    #[cold]
    fn make_room(&mut self, side: Side, payloads: usize, heads: usize) {
        let (len, capacity) = (self.len(), self.bytes.capacity());
        let needed = self.payloads().len() + len + payloads + heads;
        let capacity = if needed + needed / 16 <= capacity {
            capacity
        } else {
            (needed + needed / 8 + 8).next_multiple_of(16) - 8
        };
        match side {
            Side::Back => self.arrange(capacity, 0, 0),
            Side::Front => {
                let share = (capacity - needed) / 2;
                let share_of_heads = share * (len + heads) / needed;
                self.arrange(capacity, payloads + share - share_of_heads, heads + share_of_heads);
            }
        }
    }

    /// Lays everything out in an allocation of `capacity` bytes, with that much room for payloads and for heads before the first.
    fn arrange(&mut self, capacity: usize, payload_room: usize, head_room: usize) {
        assert!(u32::try_from(capacity).is_ok(), "a listpack is given up long before it has 4 GiB");
        let (payloads, heads) =
            (self.start as usize..self.end as usize, self.heads_start()..self.bytes.len());
        let bytes = capacity - head_room;
        if capacity > self.bytes.capacity() {
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        if bytes > self.bytes.len() {
            self.bytes.resize(bytes, 0);
        }
        self.end = (payload_room + payloads.len()) as u32;
        self.start = payload_room as u32;
        self.shift(heads, bytes - self.len(), payloads, payload_room);
        self.bytes.truncate(bytes);
        if capacity < self.bytes.capacity() {
            self.bytes.shrink_to(capacity);
        }
    }

    /// Gives memory back once half of it is unused.
    #[inline]
    fn give_back(&mut self) {
        let used = self.payloads().len() + self.len();
        if self.bytes.capacity() > 64 && used < self.bytes.capacity() / 2 {
            self.arrange(used + used / 8, 0, 0);
        }
    }

    /// Gives unused memory back, as nothing is likely to be added soon.
    pub fn close(&mut self) {
        self.arrange(self.payloads().len() + self.len(), 0, 0);
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.heads() == other.heads() && self.payloads() == other.payloads()
    }
}

impl Eq for Listpack {}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Element::spell)).finish()
    }
}

/// Elements of a [`Listpack`].
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    /// From the last one's.
    heads: &'a [u8],
    /// The payloads, and perhaps others after them.
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (&head, heads) = self.heads.split_last()?;
        let (element, size) = decode(head, self.rest);
        (self.heads, self.rest) = (heads, &self.rest[size..]);
        Some(element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.heads.len(), Some(self.heads.len()))
    }

    /// Not by steps, so that elements stay in registers; see `decode`.
    #[inline]
    fn fold<B, F: FnMut(B, Element<'a>) -> B>(self, first: B, mut combine: F) -> B {
        let (mut rest, mut folded) = (self.rest, first);
        for &head in self.heads.iter().rev() {
            let (element, size) = decode(head, rest);
            rest = &rest[size..];
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
        (self.0.len() / 2, Some(self.0.len() / 2))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, first: B, mut combine: F) -> B {
        let (mut rest, mut folded) = (self.0.rest, first);
        for &[other, one] in self.0.heads.as_rchunks::<2>().1.iter().rev() {
            let (one, size) = decode(one, rest);
            rest = &rest[size..];
            let (other, size) = decode(other, rest);
            rest = &rest[size..];
            folded = combine(folded, (one, other));
        }
        folded
    }
}

/// Elements of a [`Listpack`] from the end.
#[derive(Clone, Debug, Default)]
pub struct IterBack<'a> {
    /// From the last one's.
    heads: &'a [u8],
    /// The payloads, and perhaps others before them.
    rest: &'a [u8],
}

impl<'a> Iterator for IterBack<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (&head, heads) = self.heads.split_first()?;
        let (rest, payload) = self.rest.split_at(self.rest.len() - size_before(head, self.rest));
        (self.heads, self.rest) = (heads, rest);
        Some(decode(head, payload).0)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.heads.len(), Some(self.heads.len()))
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
        assert_eq!(pack.find(b"12").map(Place::number), Some(1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 96 }))]
        #[test]
        fn it_holds_what_a_vec_of_vecs_holds(steps in prop::collection::vec((0..9, any::<prop::sample::Index>(), element()), 1..80)) {
            let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
            for (what, at, element) in steps {
                let at = at.index(model.len() + 1);
                let new = Element::of(&element);
                if at < model.len() { match what {
                    0 => {
                        pack.splice(at, 1, &[]);
                        model.remove(at);
                    }
                    1 => {
                        pack.splice(at, 1, &[new]);
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
                        pack.splice(at, 2, &[new, Element::of(b"17"), new]);
                        model.splice(at..at + 2, [element.clone(), b"17".to_vec(), element]);
                    }
                    _ => {
                        pack.splice(at, 0, &[new]);
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
                    prop_assert_eq!(pack.find(wanted).map(Place::number), model.iter().position(|element| element == wanted));
                    let places: Vec<usize> = (0..model.len()).filter(|&at| model[at] == *wanted).collect();
                    prop_assert!(pack.positions(wanted).eq(places.iter().copied()));
                    prop_assert!(pack.positions_back(wanted).eq(places.iter().rev().copied()));
                    if model.len() % 2 == 0 {
                        let pair = pack.find_pair(wanted).map(|(place, other)| (place.number(), other.spell().to_vec()));
                        let even = places.iter().find(|&at| at % 2 == 0);
                        prop_assert_eq!(pair, even.map(|&at| (at, model[at + 1].clone())));
                    }
                }
            }
        }
    }
}
