//! A list: packed pieces in a row, so that both ends are near, the middle is one piece away, and elements lie close.
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::Bytes;

use super::listpack::Listpack;
use super::{Encoding, TypeSettings};

/// Elements in order. Pushing and popping at either end is O(1); reaching an element walks the pieces from the nearer end.
#[derive(Clone)]
pub struct List {
    pieces: VecDeque<Listpack>,
    len: usize,
    /// Redis shows one encoding for a list that once grew past one piece until it has shrunk to half a piece.
    encoding: Encoding,
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

    fn allows(self, piece: &Listpack, length: usize) -> bool {
        match self {
            // Whatever their number, the bytes of a piece are bounded, as every change moves them.
            Limit::Elements(most) => {
                piece.len() < most && piece.used_bytes() + Listpack::element_bytes(length) <= 8192
            }
            Limit::Bytes(most) => piece.used_bytes() + Listpack::element_bytes(length) <= most,
        }
    }

    fn half(self) -> Self {
        match self {
            Limit::Elements(most) => Limit::Elements(most / 2),
            Limit::Bytes(most) => Limit::Bytes(most / 2),
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
        Self { pieces: VecDeque::new(), len: 0, encoding: Encoding::Listpack }
    }

    /// How many elements it has.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an element before the first.
    pub fn push_front(&mut self, element: &[u8], settings: &TypeSettings) {
        match self.pieces.front_mut() {
            Some(piece) if Limit::of(settings).allows(piece, element.len()) => piece.push_front(element),
            _ => {
                let mut piece = Listpack::new();
                piece.push_back(element);
                self.pieces.push_front(piece);
            }
        }
        self.len += 1;
        self.grown(settings);
    }

    /// Adds an element after the last.
    pub fn push_back(&mut self, element: &[u8], settings: &TypeSettings) {
        match self.pieces.back_mut() {
            Some(piece) if Limit::of(settings).allows(piece, element.len()) => piece.push_back(element),
            _ => {
                let mut piece = Listpack::new();
                piece.push_back(element);
                self.pieces.push_back(piece);
            }
        }
        self.len += 1;
        self.grown(settings);
    }

    /// Prepares for elements to come: Redis goes over to the big encoding when all of them together are too much.
    pub fn expect(&mut self, elements: &[&[u8]], settings: &TypeSettings) {
        let used: usize = self.pieces.iter().map(Listpack::used_bytes).sum();
        let coming: usize = elements.iter().map(|element| element.len()).sum();
        let too_much = match Limit::of(settings) {
            Limit::Elements(most) => self.len + elements.len() > most || used + coming > 8192,
            Limit::Bytes(most) => used + coming > most,
        };
        if self.encoding == Encoding::Listpack && too_much {
            self.encoding = Encoding::Quicklist;
        }
    }

    fn grown(&mut self, settings: &TypeSettings) {
        let is_long = match Limit::of(settings) {
            Limit::Bytes(most) => self.pieces.front().is_some_and(|piece| piece.used_bytes() > most),
            Limit::Elements(_) => false,
        };
        if self.pieces.len() > 1 || is_long {
            self.encoding = Encoding::Quicklist;
        }
    }

    /// As Redis does after removals, takes a list that fits half a piece back to the small encoding.
    pub fn shrunk(&mut self, settings: &TypeSettings) {
        if self.encoding == Encoding::Listpack {
            return;
        }
        while (2..5).contains(&self.pieces.len()) {
            let before = self.pieces.len();
            self.join(0, Limit::of(settings));
            if self.pieces.len() == before {
                return;
            }
        }
        if self.pieces.len() == 1
            && let Some(piece) = self.pieces.front()
        {
            let fits = match Limit::of(settings).half() {
                Limit::Elements(most) => piece.len() <= most,
                Limit::Bytes(most) => piece.used_bytes() <= most,
            };
            if fits {
                self.encoding = Encoding::Listpack;
            }
        }
    }

    /// Takes the first element.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        self.remove(0)
    }

    /// Takes the last element.
    pub fn pop_back(&mut self) -> Option<Bytes> {
        self.remove(self.len.checked_sub(1)?)
    }

    /// The piece of an element, and the element's number in it.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut left = index;
            for (at, piece) in self.pieces.iter().enumerate() {
                if left < piece.len() {
                    return Some((at, left));
                }
                left -= piece.len();
            }
        } else {
            let mut after = self.len - index;
            for (at, piece) in self.pieces.iter().enumerate().rev() {
                if after <= piece.len() {
                    return Some((at, piece.len() - after));
                }
                after -= piece.len();
            }
        }
        None
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let (at, inside) = self.locate(index)?;
        let piece = &self.pieces[at];
        piece.seek(inside).map(|offset| piece.at(offset))
    }

    /// Puts another element in the place of the one at `index`; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8], settings: &TypeSettings) -> bool {
        let Some((at, inside)) = self.locate(index) else { return false };
        let piece = &mut self.pieces[at];
        let Some(offset) = piece.seek(inside) else { return false };
        let rest = piece.used_bytes() - Listpack::element_bytes(piece.at(offset).len());
        let fits = match Limit::of(settings) {
            Limit::Elements(_) => rest + element.len() <= 8192,
            Limit::Bytes(most) => rest + Listpack::element_bytes(element.len()) <= most,
        };
        if fits || piece.len() == 1 {
            piece.replace_at(offset, element);
            self.grown(settings);
        } else {
            self.remove(index);
            self.insert(index, element, settings);
        }
        true
    }

    /// Adds an element before the one at `index`, or after the last if `index` is the length.
    pub fn insert(&mut self, index: usize, element: &[u8], settings: &TypeSettings) {
        if index == 0 {
            return self.push_front(element, settings);
        }
        let Some((at, inside)) = self.locate(index) else { return self.push_back(element, settings) };
        let limit = Limit::of(settings);
        if limit.allows(&self.pieces[at], element.len()) {
            let piece = &mut self.pieces[at];
            let offset = piece.seek(inside).unwrap_or_default();
            piece.insert_at(offset, element);
        } else if inside == 0 && limit.allows(&self.pieces[at - 1], element.len()) {
            self.pieces[at - 1].push_back(element);
        } else {
            let mut tail = self.pieces[at].clone();
            tail.keep(inside, tail.len());
            self.pieces[at].keep(0, inside);
            let mut middle = Listpack::new();
            middle.push_back(element);
            self.pieces.insert(at + 1, tail);
            self.pieces.insert(at + 1, middle);
            self.tidy(at);
            self.join(at + 1, limit);
            self.join(at, limit);
        }
        self.len += 1;
        self.grown(settings);
    }

    /// Drops a piece that has nothing in it.
    fn tidy(&mut self, at: usize) {
        if self.pieces.get(at).is_some_and(Listpack::is_empty) {
            self.pieces.remove(at);
        }
    }

    /// Joins a piece with the next one where both fit in half of what a piece may be.
    fn join(&mut self, at: usize, limit: Limit) {
        let (Some(first), Some(second)) = (self.pieces.get(at), self.pieces.get(at + 1)) else { return };
        let fits = match limit.half() {
            Limit::Elements(most) => first.len() + second.len() <= most,
            Limit::Bytes(most) => first.used_bytes() + second.used_bytes() <= most,
        };
        if fits && let Some(second) = self.pieces.remove(at + 1) {
            second.iter().for_each(|element| self.pieces[at].push_back(element));
        }
    }

    /// Takes the element at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Bytes> {
        let (at, inside) = self.locate(index)?;
        let piece = &mut self.pieces[at];
        let offset = piece.seek(inside)?;
        let element = Bytes::copy_from_slice(piece.at(offset));
        piece.remove_at(offset);
        self.len -= 1;
        self.tidy(at);
        Some(element)
    }

    /// Keeps the elements in `range`.
    pub fn keep(&mut self, range: Range<usize>) {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        if start == end {
            (self.pieces, self.len) = (VecDeque::new(), 0);
            return;
        }
        let (mut before, mut after) = (start, self.len - end);
        while let Some(piece) = self.pieces.front()
            && before >= piece.len()
        {
            before -= piece.len();
            self.pieces.pop_front();
            if self.pieces.is_empty() {
                break;
            }
        }
        while let Some(piece) = self.pieces.back()
            && after >= piece.len()
        {
            after -= piece.len();
            self.pieces.pop_back();
        }
        if let Some(piece) = self.pieces.back_mut() {
            let len = piece.len();
            piece.keep(0, len - after);
        }
        if let Some(piece) = self.pieces.front_mut() {
            let len = piece.len();
            piece.keep(before, len);
        }
        self.len = end - start;
    }

    /// The elements from first to last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.pieces.iter().flat_map(Listpack::iter)
    }

    /// `count` elements from the one at `start` on.
    pub fn range(&self, start: usize, count: usize) -> impl Iterator<Item = &[u8]> {
        let (at, inside) = self.locate(start).unwrap_or((self.pieces.len(), 0));
        let first = self.pieces.get(at).map(|piece| piece.iter_from(inside));
        let rest = self.pieces.range((at + 1).min(self.pieces.len())..).flat_map(Listpack::iter);
        first.into_iter().flatten().chain(rest).take(count)
    }

    /// How it is kept.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes that are allocated.
    pub fn allocated_bytes(&self) -> usize {
        self.pieces.capacity() * size_of::<Listpack>()
            + self.pieces.iter().map(Listpack::allocated_bytes).sum::<usize>()
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(size: i64) -> TypeSettings {
        TypeSettings { list_max_listpack_size: size, ..TypeSettings::default() }
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            6 => prop::collection::vec(any::<u8>(), 0..40),
            1 => prop::collection::vec(any::<u8>(), 1000..5000),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_vec_deque_holds(
            size in prop::sample::select(vec![-1_i64, -2, 1, 3, 128]),
            steps in prop::collection::vec((0..12, any::<prop::sample::Index>(), element()), 1..200),
        ) {
            let settings = settings(size);
            let (mut list, mut model) = (List::new(), VecDeque::<Vec<u8>>::new());
            for (what, at, element) in steps {
                let at = at.index(model.len() + 1);
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
                    7 => {
                        prop_assert_eq!(list.set(at, &element, &settings), at < model.len());
                        if let Some(place) = model.get_mut(at) {
                            *place = element;
                        }
                    }
                    8 if model.len() > 20 => {
                        list.keep(at / 3..at);
                        model = model.into_iter().take(at).skip(at / 3).collect();
                    }
                    _ => {
                        list.insert(at, &element, &settings);
                        model.insert(at, element);
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().eq(model.iter().map(Vec::as_slice)));
                prop_assert!(list.iter().rev().eq(model.iter().rev().map(Vec::as_slice)));
                prop_assert_eq!(list.get(at), model.get(at).map(Vec::as_slice));
                prop_assert!(list.range(at, 7).eq(model.iter().skip(at).take(7).map(Vec::as_slice)));
                prop_assert!(list.pieces.iter().all(|piece| !piece.is_empty()));
            }
        }
    }
}
