//! A list: packed in one piece while small, then pieces in a row, so that elements lie close and no change moves many bytes.
use std::fmt;
use std::ops::Range;

use crate::Bytes;
use crate::memory::block_bytes;

use super::listpack::{self, Element, Listpack, REDIS_FRAME_BYTES};
use super::pieces::{self, Piece, Pieces, Spot};
use super::{Encoding, TypeSettings};

/// Elements in order. Pushing and popping at either end is O(1). An element is reached past 64 pieces at a time, each of them 8 KiB
/// unless told otherwise, from the nearer end.
///
/// Where Redis would cut a list in two or join two pieces, this one does, because the number and the size of the pieces decide when a
/// list that has shrunk is shown as a listpack again.
#[derive(Clone)]
pub struct List(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Pieces(Box<Pieces>),
}

/// However many elements are allowed, a piece takes no more, as every change moves its bytes.
const SAFE_BYTES: usize = 8192;

/// What Redis adds to the length of an element to guess whether it will fit.
const GUESSED_OVERHEAD: usize = 8;

/// The room that a piece has from the beginning if it is likely to be filled.
const NEXT_PIECE_BYTES: usize = 1024 - size_of::<usize>();

fn redis_bytes(piece: &Listpack) -> usize {
    piece.used_bytes() + REDIS_FRAME_BYTES
}

/// How big a piece may become.
#[derive(Clone, Copy)]
enum Limit {
    Elements(usize),
    Bytes(usize),
}

impl Limit {
    /// `list-max-listpack-size`: elements if positive; -1 to -5 for 4 to 64 KiB.
    fn of(settings: &TypeSettings) -> Self {
        match settings.list_max_listpack_size {
            size @ 0.. => Limit::Elements((size as usize).max(1)),
            size => Limit::Bytes(4096 << (-1 - size.max(-5))),
        }
    }

    fn allows(self, elements: usize, bytes: usize) -> bool {
        match self {
            Limit::Elements(most) => elements <= most && bytes <= SAFE_BYTES,
            Limit::Bytes(most) => bytes <= most,
        }
    }

    /// The room for the elements that are likely to follow one of this length.
    fn room(self, length: usize) -> usize {
        match self {
            Limit::Elements(most) => NEXT_PIECE_BYTES.min(most.saturating_mul(length + 1)),
            Limit::Bytes(_) => NEXT_PIECE_BYTES,
        }
    }

    /// Whether an element of this length has a piece to itself.
    fn is_large(self, length: usize) -> bool {
        match self {
            Limit::Elements(_) => length > SAFE_BYTES,
            Limit::Bytes(most) => length > most,
        }
    }

    fn allows_one_more(self, piece: &Piece, length: usize) -> bool {
        match piece {
            Piece::Packed(pack) => {
                !self.is_large(length)
                    && self.allows(pack.len() + 1, redis_bytes(pack) + length + GUESSED_OVERHEAD)
            }
            Piece::Plain(_) => false,
        }
    }

    /// Whether all that a list has is within the limit, or within a half, a third ... of it.
    fn allows_all(self, pack: &Listpack, part: usize) -> bool {
        match self {
            Limit::Elements(most) => pack.len() <= most / part,
            Limit::Bytes(most) => redis_bytes(pack) <= most / part,
        }
    }
}

/// On which side of an element another one is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Before,
    After,
}

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Front,
    Back,
}

impl End {
    #[inline]
    fn push(self, pack: &mut Listpack, element: &[u8]) {
        match self {
            End::Front => pack.push_front(Element::of(element)),
            End::Back => pack.push_back(Element::of(element)),
        }
    }
}

/// Where Redis cuts and joins.
impl Pieces {
    /// Puts an element in a piece of its own, with room for others if it is new at one end.
    fn open(&mut self, at: usize, element: &[u8], limit: Limit) {
        let piece = if limit.is_large(element.len()) {
            Piece::Plain(element.into())
        } else {
            let is_at_end = at == 0 || at == self.count();
            let mut pack = if is_at_end && self.count() > 0 {
                Listpack::with_room(limit.room(element.len()))
            } else {
                Listpack::new()
            };
            pack.push_back(Element::of(element));
            Piece::Packed(pack)
        };
        self.insert(at, piece);
    }

    /// Changes the elements of a packed piece.
    #[inline]
    fn repack<T>(&mut self, spot: Spot, change: impl FnOnce(&mut Listpack) -> T) -> Option<T> {
        self.change(spot, |piece| match piece {
            Piece::Packed(pack) => Some(change(pack)),
            Piece::Plain(_) => None,
        })
    }

    #[inline]
    fn push(&mut self, end: End, element: &[u8], limit: Limit) {
        let outermost = match end {
            End::Front => self.first(),
            End::Back => self.last(),
        };
        if let Some(spot) = outermost {
            if limit.allows_one_more(self.get(spot), element.len()) {
                self.repack(spot, |pack| end.push(pack, element));
                return;
            }
            self.repack(spot, Listpack::close);
        }
        let at = if end == End::Front { 0 } else { self.count() };
        self.open(at, element, limit);
    }

    fn set(&mut self, index: usize, element: &[u8], limit: Limit) -> bool {
        let Some((spot, inside)) = self.locate(index) else { return false };
        let is_large = limit.is_large(element.len());
        match self.get(spot) {
            Piece::Packed(_) if !is_large => {
                self.repack(spot, |pack| pack.splice(inside, 1, &[Element::of(element)]));
            }
            Piece::Plain(_) if is_large => self.change(spot, |piece| *piece = Piece::Plain(element.into())),
            Piece::Plain(_) => {
                let at = self.number(spot);
                self.put(Beside::After, spot, inside, element, limit);
                self.remove(at);
            }
            Piece::Packed(_) => {
                let at = self.number(spot);
                let at = if inside == 0 { at } else { at + 1 };
                let tail = self.repack(spot, |pack| {
                    let tail = pack.split_off(inside + 1);
                    pack.keep(0, inside);
                    tail
                });
                self.insert_packed(at, tail);
                self.open(at, element, limit);
                // Where it takes the place of a piece's first element, Redis joins nothing.
                if inside > 0 {
                    self.join_around(at, limit);
                }
            }
        }
        true
    }

    /// Puts what was split off, if it is anything, before the piece with this number.
    fn insert_packed(&mut self, at: usize, pack: Option<Listpack>) {
        if let Some(pack) = pack.filter(|pack| !pack.is_empty()) {
            self.insert(at, Piece::Packed(pack));
        }
    }

    /// Puts an element beside the one with number `inside` in a piece.
    fn put(&mut self, side: Beside, spot: Spot, inside: usize, element: &[u8], limit: Limit) {
        let place = inside + usize::from(side == Beside::After);
        let (fits, len) = (limit.allows_one_more(self.get(spot), element.len()), self.get(spot).len());
        if fits {
            self.repack(spot, |pack| pack.splice(place, 0, &[Element::of(element)]));
            return;
        }
        let at = self.number(spot);
        if side == Beside::Before && place == 0 {
            self.put_between(at, at.checked_sub(1), End::Back, element, limit);
        } else if side == Beside::After && place == len {
            self.put_between(at + 1, Some(at + 1), End::Front, element, limit);
        } else {
            let mut tail = self.repack(spot, |pack| pack.split_off(place));
            if limit.is_large(element.len()) {
                self.insert_packed(at + 1, tail);
                self.open(at + 1, element, limit);
                return;
            }
            // It goes to the part that the element beside it is not in, and what is joined is around the other part.
            let middle = match side {
                Beside::After => {
                    tail.iter_mut().for_each(|tail| tail.push_front(Element::of(element)));
                    at
                }
                Beside::Before => {
                    self.repack(spot, |pack| pack.push_back(Element::of(element)));
                    at + 1
                }
            };
            self.insert_packed(at + 1, tail);
            self.join_around(middle, limit);
        }
    }

    /// Puts an element at the near end of a neighbour if that takes it, or in a new piece.
    fn put_between(&mut self, at: usize, neighbour: Option<usize>, end: End, element: &[u8], limit: Limit) {
        match neighbour.and_then(|neighbour| self.spot(neighbour)) {
            Some(spot) if limit.allows_one_more(self.get(spot), element.len()) => {
                self.repack(spot, |pack| end.push(pack, element));
            }
            _ => self.open(at, element, limit),
        }
    }

    #[inline]
    fn take_element(&mut self, spot: Spot, inside: usize) -> Option<Bytes> {
        self.change(spot, |piece| match piece {
            Piece::Packed(pack) => pack.remove(inside),
            Piece::Plain(text) => {
                let element = Bytes::copy_from_slice(text);
                *piece = Piece::Packed(Listpack::new());
                Some(element)
            }
        })
    }

    /// Takes away `count` elements at an end of a piece, or all of them, and tells how many.
    fn cut(&mut self, spot: Spot, count: usize, end: End) -> usize {
        self.change(spot, |piece| {
            let len = piece.len();
            match piece {
                Piece::Packed(pack) if count < len => match end {
                    End::Front => pack.keep(count, len),
                    End::Back => pack.keep(0, len - count),
                },
                _ => *piece = Piece::Packed(Listpack::new()),
            }
            count.min(len)
        })
    }

    /// Joins pieces around one, in pairs, where a pair fits in one piece.
    fn join_around(&mut self, middle: usize, limit: Limit) {
        let mut middle = middle;
        if middle >= 2 && self.join(middle - 2, limit) {
            middle -= 1;
        }
        self.join(middle + 1, limit);
        if middle >= 1 && self.join(middle - 1, limit) {
            middle -= 1;
        }
        self.join(middle, limit);
    }

    /// Joins a piece with the next one if both fit in one.
    fn join(&mut self, at: usize, limit: Limit) -> bool {
        let (Some(Piece::Packed(first)), Some(Piece::Packed(second))) = (self.nth(at), self.nth(at + 1))
        else {
            return false;
        };
        let fits = limit.allows(first.len() + second.len(), redis_bytes(first) + second.used_bytes());
        if fits
            && let Some(Piece::Packed(second)) = self.remove(at + 1)
            && let Some(spot) = self.spot(at)
        {
            self.repack(spot, |first| first.append(&second));
        }
        fits
    }
}

/// Elements that are kept together.
pub(crate) enum Stretch<'a> {
    /// Packed in one block.
    Packed(listpack::Iter<'a>),
    /// One that is too big for that.
    Plain(&'a [u8]),
}

impl<'a> Stretch<'a> {
    fn of(piece: &'a Piece) -> Self {
        match piece {
            Piece::Packed(pack) => Stretch::Packed(pack.iter()),
            Piece::Plain(text) => Stretch::Plain(text),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// Without elements; nothing is allocated.
    pub const fn new() -> Self {
        Self(Form::Packed(Listpack::new()))
    }

    /// How many pieces a big list has, and what Redis would take for them in bytes; `None` for a small one.
    pub(crate) fn pieces(&self) -> Option<(usize, usize)> {
        let Form::Pieces(pieces) = &self.0 else { return None };
        let bytes = |piece: &Piece| match piece {
            Piece::Packed(pack) => redis_bytes(pack),
            Piece::Plain(text) => text.len(),
        };
        let all = pieces.first().into_iter().flat_map(|first| pieces.pieces_from(first));
        Some((pieces.count(), all.map(bytes).sum()))
    }

    /// How many stretches it is kept in, and each of them from front to back.
    pub(crate) fn stretches(&self) -> (usize, impl Iterator<Item = Stretch<'_>>) {
        let (pack, pieces) = match &self.0 {
            Form::Packed(pack) => (Some(pack), None),
            Form::Pieces(pieces) => (None, Some(pieces)),
        };
        let count = pieces.map_or(1, |pieces| pieces.count());
        let first = pieces.and_then(|pieces| pieces.first().map(|first| (pieces, first)));
        let pieces = first.into_iter().flat_map(|(pieces, first)| pieces.pieces_from(first));
        let pack = pack.map(|pack| Stretch::Packed(pack.iter()));
        (count, pack.into_iter().chain(pieces.map(Stretch::of)))
    }

    /// How many elements it has.
    pub const fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len(),
            Form::Pieces(pieces) => pieces.len(),
        }
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element before the first. It must have been expected.
    pub fn push_front(&mut self, element: &[u8], settings: &TypeSettings) {
        self.push(End::Front, element, settings);
    }

    /// Adds an element after the last. It must have been expected.
    pub fn push_back(&mut self, element: &[u8], settings: &TypeSettings) {
        self.push(End::Back, element, settings);
    }

    #[inline]
    fn push(&mut self, end: End, element: &[u8], settings: &TypeSettings) {
        match &mut self.0 {
            Form::Packed(pack) => end.push(pack, element),
            Form::Pieces(pieces) => pieces.push(end, element, Limit::of(settings)),
        }
    }

    /// Prepares for elements to come. Redis goes over to the big encoding before a command adds the first, when the lengths of all of
    /// them are too much.
    pub fn expect(&mut self, elements: &[&[u8]], settings: &TypeSettings) {
        if let Form::Packed(pack) = &mut self.0 {
            let coming: usize = elements.iter().map(|element| element.len()).sum();
            if !Limit::of(settings).allows(pack.len() + elements.len(), redis_bytes(pack) + coming) {
                self.unpack();
            }
        }
    }

    /// Goes over to the big encoding.
    pub(crate) fn unpack(&mut self) {
        if let Form::Packed(pack) = &mut self.0 {
            let pack = std::mem::take(pack);
            let pieces = if pack.is_empty() { Pieces::default() } else { Pieces::of(Piece::Packed(pack)) };
            self.0 = Form::Pieces(Box::new(pieces));
        }
    }

    /// Goes back to the small encoding if the list has become small enough, as Redis does at the end of a command that takes elements
    /// away or replaces one: only at half of the limit.
    pub fn settle(&mut self, settings: &TypeSettings) {
        self.pack_within(2, settings);
    }

    /// Goes over to the small encoding if the list is small enough, as Redis does when it has built one in pieces.
    pub(crate) fn pack(&mut self, settings: &TypeSettings) {
        self.pack_within(1, settings);
    }

    fn pack_within(&mut self, part: usize, settings: &TypeSettings) {
        if let Form::Pieces(pieces) = &mut self.0
            && pieces.count() == 1
            && let Some(Piece::Packed(pack)) = pieces.nth(0)
            && Limit::of(settings).allows_all(pack, part)
            && let Some(Piece::Packed(pack)) = pieces.remove(0)
        {
            self.0 = Form::Packed(pack);
        }
    }

    /// Takes the first element.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Form::Packed(pack) => pack.remove(0),
            Form::Pieces(pieces) => pieces.first().and_then(|spot| pieces.take_element(spot, 0)),
        }
    }

    /// Takes the last element.
    pub fn pop_back(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Form::Packed(pack) => pack.remove(pack.len().checked_sub(1)?),
            Form::Pieces(pieces) => {
                let spot = pieces.last()?;
                pieces.take_element(spot, pieces.get(spot).len() - 1)
            }
        }
    }

    /// How many pieces it is in.
    pub(crate) fn allocations(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Pieces(pieces) => pieces.count(),
        }
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        match &self.0 {
            Form::Packed(pack) => (index < pack.len()).then(|| pack.at(index)),
            Form::Pieces(pieces) => pieces.locate(index).map(|(spot, inside)| pieces.get(spot).at(inside)),
        }
    }

    /// Puts another element, which must have been expected, in the place of the one at `index`; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8], settings: &TypeSettings) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => {
                let is_there = index < pack.len();
                if is_there {
                    pack.splice(index, 1, &[Element::of(element)]);
                }
                is_there
            }
            Form::Pieces(pieces) => pieces.set(index, element, Limit::of(settings)),
        }
    }

    /// Adds an element, which must have been expected, before the one at `index`, which must be there.
    pub fn insert_before(&mut self, index: usize, element: &[u8], settings: &TypeSettings) {
        self.insert(Beside::Before, index, element, settings);
    }

    /// Adds an element, which must have been expected, after the one at `index`, which must be there.
    pub fn insert_after(&mut self, index: usize, element: &[u8], settings: &TypeSettings) {
        self.insert(Beside::After, index, element, settings);
    }

    fn insert(&mut self, side: Beside, index: usize, element: &[u8], settings: &TypeSettings) {
        assert!(index < self.len(), "an element is inserted beside one that is there");
        match &mut self.0 {
            Form::Packed(pack) => {
                let place = index + usize::from(side == Beside::After);
                pack.splice(place, 0, &[Element::of(element)]);
            }
            Form::Pieces(pieces) => {
                if let Some((spot, inside)) = pieces.locate(index) {
                    pieces.put(side, spot, inside, element, Limit::of(settings));
                }
            }
        }
    }

    /// Takes the element at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Bytes> {
        match &mut self.0 {
            Form::Packed(pack) => pack.remove(index),
            Form::Pieces(pieces) => {
                pieces.locate(index).and_then(|(spot, inside)| pieces.take_element(spot, inside))
            }
        }
    }

    /// Keeps the elements in `range`.
    pub fn keep(&mut self, range: Range<usize>) {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        let (mut before, mut after) = (start, self.len() - end);
        match &mut self.0 {
            Form::Packed(pack) => pack.keep(start, end),
            Form::Pieces(pieces) if start == end => **pieces = Pieces::default(),
            Form::Pieces(pieces) => {
                while before > 0
                    && let Some(spot) = pieces.first()
                {
                    before -= pieces.cut(spot, before, End::Front);
                }
                while after > 0
                    && let Some(spot) = pieces.last()
                {
                    after -= pieces.cut(spot, after, End::Back);
                }
            }
        }
    }

    /// The elements from first to last.
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> + Clone {
        let (pack, pieces) = self.forms();
        pieces::iter(pack, pieces)
    }

    /// The elements from last to first.
    pub fn iter_back(&self) -> impl Iterator<Item = Element<'_>> + Clone {
        let (pack, pieces) = self.forms();
        pieces::iter_back(pack, pieces)
    }

    /// The places of an element, in order, if they are among the first `count`.
    pub fn positions<'a>(&'a self, element: &'a [u8], count: usize) -> impl Iterator<Item = usize> + 'a {
        let (pack, pieces) = self.forms();
        pieces::positions(pack, pieces, element, count)
    }

    /// The places of an element, from the last one back, if they are among the last `count`.
    pub fn positions_back<'a>(&'a self, element: &'a [u8], count: usize) -> impl Iterator<Item = usize> + 'a {
        let (pack, pieces) = self.forms();
        pieces::positions_back(pack, pieces, element, count).map(|from_end| self.len() - 1 - from_end)
    }

    fn forms(&self) -> (Option<&Listpack>, Option<&Pieces>) {
        match &self.0 {
            Form::Packed(pack) => (Some(pack), None),
            Form::Pieces(pieces) => (None, Some(pieces)),
        }
    }

    /// Shows `count` elements from the one at `start` on to `visit`.
    pub fn range(&self, start: usize, count: usize, mut visit: impl FnMut(Element<'_>)) {
        match &self.0 {
            Form::Packed(pack) => pack.range(start, count).for_each(visit),
            Form::Pieces(pieces) => {
                let Some((spot, mut skipped)) = pieces.locate(start) else { return };
                let mut left = count;
                for piece in pieces.pieces_from(spot) {
                    if left == 0 {
                        break;
                    }
                    left -= piece.range(skipped, left, &mut visit);
                    skipped = 0;
                }
            }
        }
    }

    /// How it is kept.
    pub const fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Packed(_) => Encoding::Listpack,
            Form::Pieces(_) => Encoding::Quicklist,
        }
    }

    /// What the allocations take that it owns, without a look at the elements. Its own size is not among them.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Pieces(pieces) => block_bytes(size_of::<Pieces>()) + pieces.allocated_bytes(),
        }
    }

    /// The same as [`List::allocated_bytes`], counted anew. O(N), N being the number of pieces.
    pub fn recounted_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Pieces(pieces) => block_bytes(size_of::<Pieces>()) + pieces.recounted_bytes(),
        }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Element::spell)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn settings(size: i64) -> TypeSettings {
        TypeSettings { list_max_listpack_size: size, ..TypeSettings::default() }
    }

    fn rpush(list: &mut List, elements: &[&[u8]], settings: &TypeSettings) -> Encoding {
        list.expect(elements, settings);
        elements.iter().for_each(|element| list.push_back(element, settings));
        list.encoding()
    }

    /// The number of the element that makes a quicklist of a list of only it.
    fn turn(element: &str, size: i64) -> usize {
        let (mut list, settings) = (List::new(), settings(size));
        while rpush(&mut list, &[element.as_bytes()], &settings) == Encoding::Listpack {}
        list.len()
    }

    // What RPUSH and OBJECT ENCODING of Redis 8.0.2 answered, with list-max-listpack-size -1.
    #[test]
    fn a_list_turns_at_the_element_at_which_it_turns_on_a_real_server() {
        for (element, expected) in [
            ("0", 2046),
            ("127", 2045),
            ("128", 1364),
            ("-1", 1364),
            ("4095", 1363),
            ("-4096", 1363),
            ("4096", 1023),
            ("-4097", 1023),
            ("32767", 1023),
            ("32768", 818),
            ("-32769", 818),
            ("8388607", 818),
            ("8388608", 682),
            ("-8388608", 818),
            ("-8388609", 682),
            ("2147483647", 681),
            ("2147483648", 409),
            ("-2147483648", 681),
            ("-2147483649", 409),
            ("9223372036854775807", 409),
            ("-9223372036854775808", 408),
            ("9223372036854775808", 195),
            ("-9223372036854775809", 186),
            ("", 2046),
            ("-0", 1023),
            ("01", 1023),
            (" 1", 1023),
            ("1.0", 819),
            ("007", 819),
            ("x", 1364),
            (&"x".repeat(63), 63),
            (&"x".repeat(64), 62),
            (&"x".repeat(125), 32),
            (&"x".repeat(2000), 3),
        ] {
            assert_eq!(turn(element, -1), expected, "{element}");
        }
    }

    // The same for other limits.
    #[test]
    fn a_list_turns_by_the_limit_in_force() {
        let widths = ["5", "300", "20000", "3000000", "2000000000", "5000000000"];
        for (size, expected) in [
            (-2, [4094, 2729, 2047, 1637, 1364, 819]),
            (-3, [8190, 5460, 4095, 3276, 2729, 1638]),
            (-4, [16382, 10921, 8191, 6552, 5460, 3277]),
            (-5, [32766, 21844, 16383, 13106, 10921, 6553]),
            (-6, [32766, 21844, 16383, 13106, 10921, 6553]),
            (128, [129; 6]),
            (1, [2; 6]),
            (0, [2; 6]),
        ] {
            assert_eq!(widths.map(|element| turn(element, size)), expected, "{size}");
        }
    }

    // The least number of elements in one RPUSH that Redis 8.0.2 made a quicklist of, with list-max-listpack-size -1.
    #[test]
    fn many_elements_at_once_are_judged_by_their_text() {
        for (element, expected) in
            [("0", 4090), ("127", 1364), ("4096", 1023), ("-8388609", 512), ("9223372036854775807", 216)]
        {
            let encoding =
                |count: usize| rpush(&mut List::new(), &vec![element.as_bytes(); count], &settings(-1));
            assert_eq!(
                [encoding(expected - 1), encoding(expected)],
                [Encoding::Listpack, Encoding::Quicklist],
                "{element}"
            );
        }
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            12 => prop::collection::vec(any::<u8>(), 0..40),
            12 => (0_u32..64, any::<i64>()).prop_map(|(bits, value)| (value >> bits).to_string().into_bytes()),
            3 => prop::collection::vec(any::<u8>(), 1000..5000),
            1 => (any::<u8>(), 8000_usize..100_000).prop_map(|(byte, length)| vec![byte; length]),
        ]
    }

    fn spelled<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<Vec<u8>> {
        elements.map(|element| element.spell().to_vec()).collect()
    }

    fn assert_holds(list: &List, model: &VecDeque<Vec<u8>>) {
        assert!(spelled(list.iter()).iter().eq(model.iter()));
        assert!(spelled(list.iter_back()).iter().eq(model.iter().rev()));
        let mut folded = Vec::new();
        list.iter().for_each(|element| folded.push(element.spell().to_vec()));
        assert!(folded.iter().eq(model.iter()));
        let copy = list.clone();
        assert_eq!(copy, *list);
        assert_eq!(copy.allocated_bytes(), copy.recounted_bytes());
        if let Form::Pieces(pieces) = &list.0 {
            assert_eq!(pieces.len(), model.len());
            for at in 0..pieces.count() {
                let spot = pieces.spot(at).unwrap();
                assert_eq!(pieces.number(spot), at);
                assert!(pieces.get(spot).len() > 0);
            }
            assert_eq!(pieces.spot(pieces.count()), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 128 }))]
        #[test]
        fn it_holds_what_a_vec_deque_holds(
            size in prop::sample::select(vec![-5_i64, -1, -2, 1, 3, 128]),
            earlier in prop_oneof![Just(0_usize), 0_usize..500],
            steps in prop::collection::vec((0..15, any::<prop::sample::Index>(), element()), 1..200),
        ) {
            let settings = settings(size);
            let (mut list, mut model) = (List::new(), VecDeque::<Vec<u8>>::new());
            for number in 0..earlier {
                let element = vec![b'x'; number % 30];
                list.expect(&[&element], &settings);
                list.push_back(&element, &settings);
                model.push_back(element);
            }
            for (step, (what, at, element)) in steps.into_iter().enumerate() {
                let at = at.index(model.len() + 1);
                if what > 2 {
                    list.expect(&[&element], &settings);
                }
                match what {
                    0 => prop_assert_eq!(list.pop_front().map(Vec::from), model.pop_front()),
                    1 => prop_assert_eq!(list.pop_back().map(Vec::from), model.pop_back()),
                    2 => prop_assert_eq!(list.remove(at).map(Vec::from), model.remove(at)),
                    3 | 4 => {
                        list.push_front(&element, &settings);
                        model.push_front(element);
                    }
                    5 | 6 => {
                        list.push_back(&element, &settings);
                        model.push_back(element);
                    }
                    7 | 8 => {
                        prop_assert_eq!(list.set(at, &element, &settings), at < model.len());
                        if let Some(place) = model.get_mut(at) {
                            *place = element;
                        }
                    }
                    9 if model.len() > 20 => {
                        list.keep(at / 3..at);
                        model = model.into_iter().take(at).skip(at / 3).collect();
                    }
                    13 if at + 60 < model.len() => {
                        for _ in 0..50 {
                            prop_assert_eq!(list.remove(at).map(Vec::from), model.remove(at));
                        }
                    }
                    _ if at == model.len() => {}
                    10 | 11 => {
                        list.insert_after(at, &element, &settings);
                        model.insert(at + 1, element);
                    }
                    _ => {
                        list.insert_before(at, &element, &settings);
                        model.insert(at, element);
                    }
                }
                if what % 2 == 0 {
                    list.settle(&settings);
                }
                prop_assert_eq!(list.allocated_bytes(), list.recounted_bytes());
                prop_assert_eq!(list.len(), model.len());
                prop_assert_eq!(list.get(at).map(|held| held.spell().to_vec()), model.get(at).cloned());
                let mut range = Vec::new();
                list.range(at, 7, |element| range.push(element.spell().to_vec()));
                prop_assert!(range.iter().eq(model.iter().skip(at).take(7)));
                if let Some(wanted) = model.get(at) {
                    let mut places: Vec<usize> = (0..model.len()).filter(|&at| model[at] == *wanted).collect();
                    prop_assert!(list.positions(wanted, usize::MAX).eq(places.iter().copied()));
                    prop_assert!(list.positions(wanted, at).eq(places.iter().copied().filter(|place| *place < at)));
                    places.reverse();
                    prop_assert!(list.positions_back(wanted, usize::MAX).eq(places.iter().copied()));
                    let end = model.len() - at;
                    prop_assert!(list.positions_back(wanted, end).eq(places.into_iter().filter(|place| *place >= at)));
                }
                if step % 16 == 0 {
                    assert_holds(&list, &model);
                }
            }
            assert_holds(&list, &model);
        }
    }

    fn long_list(len: usize, settings: &TypeSettings) -> List {
        let mut list = List::new();
        for number in 0..len {
            let element = format!("{number:010}v").split_off(1);
            list.expect(&[element.as_bytes()], settings);
            list.push_back(element.as_bytes(), settings);
        }
        list
    }

    #[test]
    fn ten_bytes_take_eleven_and_little_more() {
        let list = long_list(if cfg!(miri) { 3_000 } else { 100_000 }, &settings(-2));
        assert!(list.allocated_bytes() * 100 < list.len() * 1125, "{}", list.allocated_bytes());
    }

    #[test]
    fn what_is_taken_away_gives_its_memory_back() {
        let settings = settings(-2);
        let full = long_list(if cfg!(miri) { 3_000 } else { 100_000 }, &settings);
        let (left, most) = (full.len() / 100, full.allocated_bytes() / 25);
        let ways: [fn(&mut List) -> Option<Bytes>; 3] =
            [List::pop_front, List::pop_back, |list| list.remove(list.len() / 2)];
        for (number, take) in ways.into_iter().enumerate() {
            let mut list = full.clone();
            while list.len() > left {
                assert!(take(&mut list).is_some());
            }
            assert!(list.allocated_bytes() <= most, "way {number}: {} of {most}", list.allocated_bytes());
            assert_eq!(list.allocated_bytes(), list.recounted_bytes());
        }
        let mut list = full.clone();
        list.keep(full.len() / 2..full.len() / 2 + left);
        assert!(list.allocated_bytes() <= most, "{}", list.allocated_bytes());
        list.keep(0..0);
        list.settle(&settings);
        assert!(list.is_empty() && list.allocated_bytes() <= block_bytes(size_of::<Pieces>()));
    }

    #[test]
    fn a_large_element_takes_its_own_bytes_only() {
        let settings = settings(-2);
        let mut list = List::new();
        let element = vec![b'x'; 100_000];
        list.expect(&[&element], &settings);
        list.push_back(&element, &settings);
        let before = list.allocated_bytes();
        list.push_front(&element, &settings);
        assert!(list.allocated_bytes() - before <= block_bytes(element.len()) + 2 * size_of::<Piece>());
    }
}
