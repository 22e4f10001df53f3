//! Byte strings packed one after the other in one allocation: the form of small collections.
//!
//! ```text
//! | length | bytes ... | length again, readable from behind | length | bytes ... | ...
//!   1 to 5               1 to 5 bytes
//! ```
//!
//! A length is seven bits to a byte, low bits first; the high bit says that another byte follows. The one behind is the same bytes
//! in the opposite order, so that the elements can be walked from either end.
use std::fmt;

/// A sequence of byte strings in one piece. An element is named by its offset, which every change may move.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
    len: u32,
}

fn length_size(length: usize) -> usize {
    (length.max(1).ilog2() / 7 + 1) as usize
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

    /// The bytes that the elements take with their lengths.
    pub const fn used_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that are allocated.
    pub const fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// What an element of this length takes.
    pub fn element_bytes(length: usize) -> usize {
        length + 2 * length_size(length)
    }

    /// Where the bytes of the element at `offset` are.
    fn bounds(&self, offset: usize) -> (usize, usize) {
        let (mut length, mut at) = (0, offset);
        loop {
            let byte = self.bytes[at];
            length |= usize::from(byte & 0x7f) << (7 * (at - offset));
            at += 1;
            if byte & 0x80 == 0 {
                return (at, at + length);
            }
        }
    }

    /// Where the element begins that ends at `end`.
    fn start_before(&self, end: usize) -> usize {
        let (mut length, mut at) = (0, end);
        loop {
            at -= 1;
            let byte = self.bytes[at];
            length |= usize::from(byte & 0x7f) << (7 * (end - 1 - at));
            if byte & 0x80 == 0 {
                return at - length - length_size(length);
            }
        }
    }

    fn end_of(&self, offset: usize) -> usize {
        let (start, end) = self.bounds(offset);
        end + (start - offset)
    }

    /// The element at `offset`.
    #[inline]
    pub fn at(&self, offset: usize) -> &[u8] {
        let (start, end) = self.bounds(offset);
        &self.bytes[start..end]
    }

    /// Where the first element is.
    pub fn first_offset(&self) -> Option<usize> {
        (!self.is_empty()).then_some(0)
    }

    /// Where the element after the one at `offset` is.
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

    /// The elements from first to last.
    pub fn iter(&self) -> Iter<'_> {
        Iter { pack: self, front: 0, back: self.bytes.len() }
    }

    /// The elements from the one with number `index` on.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        Iter { pack: self, front: self.seek(index).unwrap_or(self.bytes.len()), back: self.bytes.len() }
    }

    /// The elements before the one with number `end`.
    pub fn iter_until(&self, end: usize) -> Iter<'_> {
        Iter { pack: self, front: 0, back: self.seek(end).unwrap_or(self.bytes.len()) }
    }

    /// Adds an element before the first.
    pub fn push_front(&mut self, element: &[u8]) {
        self.insert_at(0, element);
    }

    /// Adds an element after the last.
    pub fn push_back(&mut self, element: &[u8]) {
        let (length, size) = encode_length(element.len());
        self.bytes.reserve(element.len() + 2 * size);
        self.bytes.extend_from_slice(&length[..size]);
        self.bytes.extend_from_slice(element);
        self.bytes.extend(length[..size].iter().rev());
        self.fix_back(size);
        self.len += 1;
    }

    /// The bytes of a back length, reversed, still mark continuation at the wrong end; mends those at the very end.
    fn fix_back(&mut self, size: usize) {
        let end = self.bytes.len();
        Self::mark_back(&mut self.bytes[end - size..]);
    }

    fn mark_back(reversed: &mut [u8]) {
        // Read from behind, the low bits come first: every byte but the foremost says that another follows.
        let last = reversed.len() - 1;
        for (at, byte) in reversed.iter_mut().enumerate() {
            *byte = (*byte & 0x7f) | if at == 0 { 0 } else { 0x80 };
        }
        debug_assert!(last < 10, "a length has few bytes");
    }

    /// Adds an element before the one at `offset`, or after the last if that is the end.
    pub fn insert_at(&mut self, offset: usize, element: &[u8]) {
        self.splice(offset, offset, Some(element));
        self.len += 1;
    }

    /// Puts another element in the place of the one at `offset`.
    pub fn replace_at(&mut self, offset: usize, element: &[u8]) {
        let (start, end) = self.bounds(offset);
        if end - start == element.len() {
            self.bytes[start..end].copy_from_slice(element);
        } else {
            self.splice(offset, self.end_of(offset), Some(element));
        }
    }

    /// Takes away the element at `offset`; the one after it is then there.
    pub fn remove_at(&mut self, offset: usize) {
        self.splice(offset, self.end_of(offset), None);
        self.len -= 1;
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

    fn splice(&mut self, start: usize, end: usize, element: Option<&[u8]>) {
        let new_size = element.map_or(0, |element| Self::element_bytes(element.len()));
        let (old_size, tail) = (end - start, self.bytes.len() - end);
        if new_size > old_size {
            self.bytes.resize(self.bytes.len() + new_size - old_size, 0);
        }
        self.bytes.copy_within(end..end + tail, start + new_size);
        if let Some(element) = element {
            let (length, size) = encode_length(element.len());
            let place = &mut self.bytes[start..start + new_size];
            place[..size].copy_from_slice(&length[..size]);
            place[size..size + element.len()].copy_from_slice(element);
            let back = &mut place[size + element.len()..];
            back.copy_from_slice(&length[..size]);
            back.reverse();
            Self::mark_back(back);
        }
        self.bytes.truncate(start + new_size + tail);
        self.give_back();
    }

    /// Gives memory back once three quarters of it are unused.
    fn give_back(&mut self) {
        if self.bytes.capacity() > 64 && self.bytes.len() < self.bytes.capacity() / 4 {
            self.bytes.shrink_to(self.bytes.len() * 2);
        }
    }
}

fn encode_length(length: usize) -> ([u8; 10], usize) {
    let (mut bytes, mut rest, mut size) = ([0; 10], length, 0);
    loop {
        let more = rest > 0x7f;
        bytes[size] = (rest & 0x7f) as u8 | if more { 0x80 } else { 0 };
        rest >>= 7;
        size += 1;
        if !more {
            return (bytes, size);
        }
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii)).finish()
    }
}

/// The elements of a [`Listpack`], from either end.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.front >= self.back {
            return None;
        }
        let offset = self.front;
        let (start, end) = self.pack.bounds(offset);
        self.front = end + (start - offset);
        Some(&self.pack.bytes[start..end])
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    fn next_back(&mut self) -> Option<&'a [u8]> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.pack.start_before(self.back);
        Some(self.pack.at(self.back))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..12),
            1 => prop::collection::vec(any::<u8>(), 120..140),
            1 => prop::collection::vec(any::<u8>(), 16_380..16_390),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_vec_of_vecs_holds(steps in prop::collection::vec((0..7, any::<prop::sample::Index>(), element()), 1..80)) {
            let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
            for (what, at, element) in steps {
                let at = at.index(model.len() + 1);
                if let Some(offset) = pack.seek(at) { match what {
                    0 => {
                        pack.remove_at(offset);
                        model.remove(at);
                    }
                    1 => {
                        pack.replace_at(offset, &element);
                        model[at] = element;
                    }
                    2 => {
                        pack.push_front(&element);
                        model.insert(0, element);
                    }
                    3 if model.len() > 30 => {
                        pack.keep(at / 2, at);
                        model = model[at / 2..at].to_vec();
                    }
                    _ => {
                        pack.insert_at(offset, &element);
                        model.insert(at, element);
                    }
                } } else {
                    pack.push_back(&element);
                    model.push(element);
                }
                prop_assert_eq!(pack.len(), model.len());
                prop_assert!(pack.iter().eq(model.iter().map(Vec::as_slice)));
                prop_assert!(pack.iter().rev().eq(model.iter().rev().map(Vec::as_slice)));
                prop_assert!(pack.iter_from(at).eq(model.iter().skip(at).map(Vec::as_slice)));
                prop_assert!(pack.iter_until(at).eq(model.iter().take(at).map(Vec::as_slice)));
                let used: usize = model.iter().map(|element| Listpack::element_bytes(element.len())).sum();
                prop_assert_eq!(pack.used_bytes(), used);
            }
        }
    }
}
