//! The pieces of a big list: in order, in groups that count, so that an element is found by its number without a walk along all pieces.
//!
//! Knows what pieces weigh and how many elements they have, and nothing of when a list is cut or joined.
use std::collections::VecDeque;

use super::listpack::{self, Element, Listpack};
use crate::memory::block_bytes;

/// A stretch of a list.
#[derive(Clone)]
pub(super) enum Piece {
    /// Elements, packed.
    Packed(Listpack),
    /// One element that is too big to be packed with others.
    Plain(Box<[u8]>),
}

impl Piece {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Piece::Packed(pack) => pack.len(),
            Piece::Plain(_) => 1,
        }
    }

    /// The element with this number.
    #[inline]
    pub(super) fn at(&self, number: usize) -> Element<'_> {
        match self {
            Piece::Packed(pack) => pack.at(number),
            Piece::Plain(text) => Element::Text(text),
        }
    }

    /// Shows `count` elements from the one with this number on, or as many as there are, to `visit`, and tells how many.
    #[inline]
    pub(super) fn range(&self, number: usize, count: usize, visit: impl FnMut(Element<'_>)) -> usize {
        match self {
            Piece::Packed(pack) => {
                let elements = pack.range(number, count);
                let count = elements.len();
                elements.for_each(visit);
                count
            }
            Piece::Plain(text) => {
                let shown = (number == 0 && count > 0).then_some(Element::Text(text));
                shown.into_iter().map(visit).count()
            }
        }
    }

    fn allocated_bytes(&self) -> usize {
        match self {
            Piece::Packed(pack) => pack.allocated_bytes(),
            Piece::Plain(text) => block_bytes(text.len()),
        }
    }
}

/// The elements of packed ones, in one of two directions.
pub(super) trait Direction<'a>: Iterator<Item = Element<'a>> + Clone + Default {
    fn of(pack: &'a Listpack) -> Self;
}

impl<'a> Direction<'a> for listpack::Iter<'a> {
    #[inline]
    fn of(pack: &'a Listpack) -> Self {
        pack.iter()
    }
}

impl<'a> Direction<'a> for listpack::IterBack<'a> {
    #[inline]
    fn of(pack: &'a Listpack) -> Self {
        pack.iter_back()
    }
}

/// A walk along all elements of a list: those in hand, then those of pieces.
#[derive(Clone, Debug)]
struct Walk<D, P> {
    elements: D,
    pieces: P,
}

impl<'a, D: Direction<'a>, P: Iterator<Item = &'a Piece>> Walk<D, P> {
    /// Apart, so that an element in hand is returned in registers.
    #[inline(never)]
    fn next_piece(&mut self) -> Option<&'a Piece> {
        self.pieces.next()
    }
}

impl<'a, D: Direction<'a>, P: Iterator<Item = &'a Piece>> Iterator for Walk<D, P> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            if let Some(element) = self.elements.next() {
                return Some(element);
            }
            match self.next_piece()? {
                Piece::Plain(text) => return Some(Element::Text(text)),
                Piece::Packed(pack) => self.elements = D::of(pack),
            }
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, Element<'a>) -> B>(self, first: B, mut combine: F) -> B {
        let folded = self.elements.fold(first, &mut combine);
        self.pieces.fold(folded, |folded, piece| match piece {
            Piece::Plain(text) => combine(folded, Element::Text(text)),
            Piece::Packed(pack) => D::of(pack).fold(folded, &mut combine),
        })
    }
}

fn forwards(pieces: Option<&Pieces>) -> impl Iterator<Item = &Piece> + Clone {
    pieces.into_iter().flat_map(|pieces| pieces.groups.iter()).flat_map(|group| group.pieces.iter())
}

fn backwards(pieces: Option<&Pieces>) -> impl Iterator<Item = &Piece> + Clone {
    let groups = pieces.into_iter().flat_map(|pieces| pieces.groups.iter().rev());
    groups.flat_map(|group| group.pieces.iter().rev())
}

/// The elements of a listpack or of pieces, from first to last.
pub(super) fn iter<'a>(
    pack: Option<&'a Listpack>,
    pieces: Option<&'a Pieces>,
) -> impl Iterator<Item = Element<'a>> + Clone {
    Walk { elements: pack.map(listpack::Iter::of).unwrap_or_default(), pieces: forwards(pieces) }
}

/// The elements of a listpack or of pieces, from last to first.
pub(super) fn iter_back<'a>(
    pack: Option<&'a Listpack>,
    pieces: Option<&'a Pieces>,
) -> impl Iterator<Item = Element<'a>> + Clone {
    Walk { elements: pack.map(listpack::IterBack::of).unwrap_or_default(), pieces: backwards(pieces) }
}

/// The places, among the first `count`, of the elements of a listpack or of pieces that stand for `bytes`.
pub(super) fn positions<'a>(
    pack: Option<&'a Listpack>,
    pieces: Option<&'a Pieces>,
    bytes: &'a [u8],
    count: usize,
) -> impl Iterator<Item = usize> {
    places(pack, forwards(pieces), bytes, count, move |pack| pack.positions(bytes))
}

/// The same from the last element, counted from it.
pub(super) fn positions_back<'a>(
    pack: Option<&'a Listpack>,
    pieces: Option<&'a Pieces>,
    bytes: &'a [u8],
    count: usize,
) -> impl Iterator<Item = usize> {
    let in_pack = move |pack: &'a Listpack| pack.positions_back(bytes).map(|at| pack.len() - 1 - at);
    places(pack, backwards(pieces), bytes, count, in_pack)
}

fn places<'a, I: Iterator<Item = usize>>(
    pack: Option<&'a Listpack>,
    pieces: impl Iterator<Item = &'a Piece>,
    bytes: &'a [u8],
    count: usize,
    in_pack: impl Fn(&'a Listpack) -> I + Copy,
) -> impl Iterator<Item = usize> {
    let starts = pieces.scan(0, |end, piece| {
        let start = *end;
        *end += piece.len();
        Some((start, piece))
    });
    let in_pieces = starts.take_while(move |(start, _)| *start < count).flat_map(move |(start, piece)| {
        let (pack, plain) = match piece {
            Piece::Packed(pack) => (Some(pack), None),
            Piece::Plain(text) => (None, (**text == *bytes).then_some(0)),
        };
        pack.into_iter().flat_map(in_pack).chain(plain).map(move |inside| start + inside)
    });
    pack.into_iter().flat_map(in_pack).chain(in_pieces).take_while(move |place| *place < count)
}

/// Pieces that are neighbours.
#[derive(Clone, Default)]
struct Group {
    pieces: Vec<Piece>,
    /// Elements in them.
    len: usize,
}

/// The most pieces of a group.
const GROUP_MAX: usize = 64;
/// A group with fewer is joined with a neighbour if both have no more than three quarters of the most together.
const GROUP_MIN: usize = GROUP_MAX / 4;

impl Group {
    /// What its array takes.
    fn allocated_bytes(&self) -> usize {
        block_bytes(self.pieces.capacity() * size_of::<Piece>())
    }

    fn of(pieces: Vec<Piece>) -> Self {
        let len = pieces.iter().map(Piece::len).sum();
        Self { pieces, len }
    }
}

/// Where a piece is, until one is added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    group: usize,
    slot: usize,
}

/// Pieces in order. None of them, and no group, is empty.
#[derive(Default)]
pub(super) struct Pieces {
    groups: VecDeque<Group>,
    /// Elements.
    len: usize,
    count: usize,
    /// What the pieces and the groups' arrays take.
    bytes: usize,
}

impl Clone for Pieces {
    /// A copy is laid out anew, so it weighs something else.
    fn clone(&self) -> Self {
        let mut copy = Self { groups: self.groups.clone(), len: self.len, count: self.count, bytes: 0 };
        copy.bytes = copy.weigh();
        copy
    }
}

/// The number of the part in which the one with number `index` of their `total` is, and its number there. Parts have `size`s; looks from
/// the nearer end.
#[inline]
fn find_part<T>(
    parts: impl DoubleEndedIterator<Item = T> + ExactSizeIterator,
    size: impl Fn(&T) -> usize,
    index: usize,
    total: usize,
) -> Option<(usize, usize)> {
    if index < total / 2 {
        let mut left = index;
        for (at, part) in parts.enumerate() {
            let size = size(&part);
            if left < size {
                return Some((at, left));
            }
            left -= size;
        }
    } else {
        let mut after = total.checked_sub(index).filter(|after| *after > 0)?;
        for (at, part) in parts.enumerate().rev() {
            let size = size(&part);
            if after <= size {
                return Some((at, size - after));
            }
            after -= size;
        }
    }
    None
}

impl Pieces {
    /// One piece.
    pub(super) fn of(piece: Piece) -> Self {
        let mut pieces = Self::default();
        pieces.insert(0, piece);
        pieces
    }

    /// How many elements there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many pieces there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The piece of an element, and the element's number in it.
    #[inline]
    pub(super) fn locate(&self, index: usize) -> Option<(Spot, usize)> {
        let (group, index) = find_part(self.groups.iter(), |group| group.len, index, self.len)?;
        let Group { pieces, len } = &self.groups[group];
        let (slot, inside) = find_part(pieces.iter(), |piece| piece.len(), index, *len)?;
        Some((Spot { group, slot }, inside))
    }

    /// Where the piece with this number is.
    pub(super) fn spot(&self, at: usize) -> Option<Spot> {
        let (group, slot) = find_part(self.groups.iter(), |group| group.pieces.len(), at, self.count)?;
        Some(Spot { group, slot })
    }

    /// The number of a piece.
    pub(super) fn number(&self, spot: Spot) -> usize {
        self.groups.range(..spot.group).map(|group| group.pieces.len()).sum::<usize>() + spot.slot
    }

    #[inline]
    pub(super) fn get(&self, spot: Spot) -> &Piece {
        &self.groups[spot.group].pieces[spot.slot]
    }

    /// The piece with this number.
    pub(super) fn nth(&self, at: usize) -> Option<&Piece> {
        self.spot(at).map(|spot| self.get(spot))
    }

    pub(super) fn first(&self) -> Option<Spot> {
        (self.count > 0).then_some(Spot { group: 0, slot: 0 })
    }

    pub(super) fn last(&self) -> Option<Spot> {
        let group = self.groups.len().checked_sub(1)?;
        Some(Spot { group, slot: self.groups[group].pieces.len() - 1 })
    }

    /// Changes a piece, which is removed if it has become empty. The only way to do so, as what there is must be counted.
    #[inline]
    pub(super) fn change<T>(&mut self, spot: Spot, change: impl FnOnce(&mut Piece) -> T) -> T {
        let group = &mut self.groups[spot.group];
        let piece = &mut group.pieces[spot.slot];
        let (len, bytes) = (piece.len(), piece.allocated_bytes());
        let result = change(piece);
        let (new_len, new_bytes) = (piece.len(), piece.allocated_bytes());
        group.len = group.len + new_len - len;
        self.len = self.len + new_len - len;
        self.bytes = self.bytes + new_bytes - bytes;
        if new_len == 0 {
            self.take(spot);
        }
        result
    }

    /// Puts a piece before the one with this number, or after the last.
    pub(super) fn insert(&mut self, at: usize, piece: Piece) {
        let (len, bytes) = (piece.len(), piece.allocated_bytes());
        let spot = self.vacant(at);
        self.reshape(spot.group, |group| {
            if group.pieces.len() == group.pieces.capacity() {
                group.pieces.reserve_exact(1 + group.pieces.len() / 4);
            }
            group.pieces.insert(spot.slot, piece);
            group.len += len;
        });
        self.len += len;
        self.count += 1;
        self.bytes += bytes;
    }

    /// Where a piece with this number can be put. Pieces that come in order leave full groups behind.
    fn vacant(&mut self, at: usize) -> Spot {
        let spot = match self.spot(at) {
            Some(spot) => spot,
            None => match self.last() {
                Some(Spot { group, slot }) => Spot { group, slot: slot + 1 },
                None => return self.open_group(0, Vec::new()),
            },
        };
        let Spot { group, slot } = spot;
        if self.groups[group].pieces.len() < GROUP_MAX {
            spot
        } else if slot == GROUP_MAX {
            self.open_group(group + 1, Vec::new())
        } else if slot == 0 {
            self.open_group(group, Vec::new())
        } else {
            let half = GROUP_MAX / 2;
            let tail = self.reshape(group, |group| {
                let tail = group.pieces.split_off(half);
                group.len -= tail.iter().map(Piece::len).sum::<usize>();
                group.pieces.shrink_to_fit();
                tail
            });
            self.open_group(group + 1, tail);
            if slot <= half { spot } else { Spot { group: group + 1, slot: slot - half } }
        }
    }

    fn open_group(&mut self, at: usize, pieces: Vec<Piece>) -> Spot {
        if self.groups.len() == self.groups.capacity() {
            self.groups.reserve_exact(1 + self.groups.len() / 8);
        }
        let group = Group::of(pieces);
        self.bytes += group.allocated_bytes();
        self.groups.insert(at, group);
        Spot { group: at, slot: 0 }
    }

    /// Removes the piece with this number.
    pub(super) fn remove(&mut self, at: usize) -> Option<Piece> {
        self.spot(at).map(|spot| self.take(spot))
    }

    fn take(&mut self, spot: Spot) -> Piece {
        let piece = self.reshape(spot.group, |group| {
            let piece = group.pieces.remove(spot.slot);
            group.len -= piece.len();
            if group.pieces.len() < group.pieces.capacity() / 2 {
                group.pieces.shrink_to_fit();
            }
            piece
        });
        self.len -= piece.len();
        self.count -= 1;
        self.bytes -= piece.allocated_bytes();
        match self.groups[spot.group].pieces.len() {
            0 => self.drop_group(spot.group),
            1..GROUP_MIN => {
                self.join_groups(spot.group);
                if let Some(before) = spot.group.checked_sub(1) {
                    self.join_groups(before);
                }
            }
            _ => {}
        }
        piece
    }

    /// Joins a group with the next one if both are well within one.
    fn join_groups(&mut self, at: usize) {
        let size = |at: usize| self.groups.get(at).map(|group| group.pieces.len());
        if let (Some(one), Some(other)) = (size(at), size(at + 1))
            && one + other <= GROUP_MAX - GROUP_MIN
        {
            let mut next = std::mem::take(&mut self.groups[at + 1].pieces);
            self.bytes -= block_bytes(next.capacity() * size_of::<Piece>());
            let len = self.groups[at + 1].len;
            self.reshape(at, |group| {
                group.pieces.reserve_exact(next.len());
                group.pieces.append(&mut next);
                group.len += len;
            });
            self.drop_group(at + 1);
        }
    }

    /// Drops a group without pieces.
    fn drop_group(&mut self, at: usize) {
        if let Some(group) = self.groups.remove(at) {
            self.bytes -= group.allocated_bytes();
        }
        if self.groups.len() < self.groups.capacity() / 2 {
            self.groups.shrink_to_fit();
        }
    }

    /// Changes which pieces a group has, and counts its array.
    fn reshape<T>(&mut self, group: usize, change: impl FnOnce(&mut Group) -> T) -> T {
        let group = &mut self.groups[group];
        let bytes = group.allocated_bytes();
        let result = change(group);
        self.bytes = self.bytes + group.allocated_bytes() - bytes;
        result
    }

    /// The pieces from one on.
    pub(super) fn pieces_from(&self, spot: Spot) -> impl Iterator<Item = &Piece> {
        let groups = self.groups.range(spot.group..).enumerate();
        groups.flat_map(move |(at, group)| &group.pieces[if at == 0 { spot.slot } else { 0 }..])
    }

    /// What everything takes that is owned, without a walk.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes + block_bytes(self.groups.capacity() * size_of::<Group>())
    }

    /// The same, counted anew.
    pub(super) fn recounted_bytes(&self) -> usize {
        self.weigh() + block_bytes(self.groups.capacity() * size_of::<Group>())
    }

    fn weigh(&self) -> usize {
        let weigh = |group: &Group| {
            group.allocated_bytes() + group.pieces.iter().map(Piece::allocated_bytes).sum::<usize>()
        };
        self.groups.iter().map(weigh).sum()
    }
}
