//! A list: packed pieces in a row, so that both ends are near, the middle is one piece away, and elements lie close.
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::Bytes;

use super::listpack::{Element, Listpack, REDIS_FRAME_BYTES};
use super::{Encoding, TypeSettings};

/// Elements in order. Pushing and popping at either end is O(1); reaching an element walks the pieces from the nearer end.
///
/// Where Redis would cut a list in two or join two pieces, this one does, because the number and the size of the pieces decide when a
/// list that has shrunk is shown as a listpack again.
#[derive(Clone)]
pub struct List {
    /// None of them empty. One at most while the encoding is a listpack.
    pieces: VecDeque<Listpack>,
    len: usize,
    encoding: Encoding,
}

/// However many elements are allowed, a piece takes no more, as every change moves its bytes.
const SAFE_BYTES: usize = 8192;

/// What Redis adds to the length of an element to guess whether it will fit.
const GUESSED_OVERHEAD: usize = 8;

/// The room that a piece has from the beginning if it is not the first.
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

    /// Whether an element of this length has a piece to itself.
    fn is_large(self, length: usize) -> bool {
        match self {
            Limit::Elements(_) => length > SAFE_BYTES,
            Limit::Bytes(most) => length > most,
        }
    }

    fn is_one_large(self, piece: &Listpack) -> bool {
        piece.len() == 1 && matches!(piece.at(0), Element::Text(text) if self.is_large(text.len()))
    }

    fn allows_one_more(self, piece: &Listpack, length: usize) -> bool {
        !self.is_large(length)
            && self.allows(piece.len() + 1, redis_bytes(piece) + length + GUESSED_OVERHEAD)
            && !self.is_one_large(piece)
    }

    /// A list that has grown too big goes back to the small encoding only at half of that.
    fn half_allows(self, piece: &Listpack) -> bool {
        match self {
            Limit::Elements(most) => piece.len() <= most / 2 && !self.is_one_large(piece),
            Limit::Bytes(most) => redis_bytes(piece) <= most / 2,
        }
    }
}

/// On which side of an element another one is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Before,
    After,
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

    fn new_piece(&mut self, at: usize, element: &[u8]) {
        // Most lists stay in one piece. In others it is likely to be filled.
        let mut piece = if self.pieces.is_empty() {
            self.pieces.reserve_exact(1);
            Listpack::new()
        } else {
            Listpack::with_room(NEXT_PIECE_BYTES)
        };
        piece.push_back(Element::of(element));
        self.pieces.insert(at, piece);
    }

    /// Adds an element before the first. It must have been expected.
    pub fn push_front(&mut self, element: &[u8], settings: &TypeSettings) {
        self.len += 1;
        let is_small = self.encoding == Encoding::Listpack;
        match self.pieces.front_mut() {
            Some(piece) if is_small || Limit::of(settings).allows_one_more(piece, element.len()) => {
                piece.push_front(Element::of(element));
            }
            first => {
                first.into_iter().for_each(Listpack::close);
                self.new_piece(0, element);
            }
        }
    }

    /// Adds an element after the last. It must have been expected.
    pub fn push_back(&mut self, element: &[u8], settings: &TypeSettings) {
        self.len += 1;
        let is_small = self.encoding == Encoding::Listpack;
        match self.pieces.back_mut() {
            Some(piece) if is_small || Limit::of(settings).allows_one_more(piece, element.len()) => {
                piece.push_back(Element::of(element));
            }
            last => {
                last.into_iter().for_each(Listpack::close);
                self.new_piece(self.pieces.len(), element);
            }
        }
    }

    /// Prepares for elements to come. Redis goes over to the big encoding before a command adds the first, when the lengths of all of
    /// them are too much.
    pub fn expect(&mut self, elements: &[&[u8]], settings: &TypeSettings) {
        if self.encoding == Encoding::Listpack {
            let used = self.pieces.front().map_or(REDIS_FRAME_BYTES, redis_bytes);
            let coming: usize = elements.iter().map(|element| element.len()).sum();
            if !Limit::of(settings).allows(self.len + elements.len(), used + coming) {
                self.encoding = Encoding::Quicklist;
            }
        }
    }

    /// Goes back to the small encoding if the list has become small enough, as Redis does at the end of a command that takes elements
    /// away or replaces one.
    pub fn settle(&mut self, settings: &TypeSettings) {
        if self.encoding == Encoding::Quicklist
            && self.pieces.len() == 1
            && self.pieces.front().is_some_and(|piece| Limit::of(settings).half_allows(piece))
        {
            self.encoding = Encoding::Listpack;
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
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        let (at, inside) = self.locate(index)?;
        let piece = &self.pieces[at];
        piece.seek(inside).map(|offset| piece.at(offset))
    }

    /// Puts another element, which must have been expected, in the place of the one at `index`; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8], settings: &TypeSettings) -> bool {
        let Some((at, inside)) = self.locate(index) else { return false };
        let limit = Limit::of(settings);
        let (was_large, is_large) = (limit.is_one_large(&self.pieces[at]), limit.is_large(element.len()));
        if self.encoding == Encoding::Listpack || was_large == is_large {
            let piece = &mut self.pieces[at];
            let offset = piece.seek(inside).unwrap_or(piece.used_bytes());
            piece.splice(offset, 1, &[Element::of(element)]);
        } else if was_large {
            self.put(Beside::After, at, inside, element, limit);
            self.pieces.remove(at);
        } else {
            let piece = &mut self.pieces[at];
            let tail = piece.split_off(inside + 1);
            piece.keep(0, inside);
            let mut at = at;
            if piece.is_empty() {
                self.pieces.remove(at);
            } else {
                at += 1;
            }
            if !tail.is_empty() {
                self.pieces.insert(at, tail);
            }
            self.new_piece(at, element);
            self.join_around(at, limit);
        }
        true
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
        let (at, inside) = self.locate(index).expect("an element is inserted beside one that is there");
        self.put(side, at, inside, element, Limit::of(settings));
        self.len += 1;
    }

    /// Puts an element beside the one with number `inside` in the piece `at`.
    fn put(&mut self, side: Beside, at: usize, inside: usize, element: &[u8], limit: Limit) {
        let place = inside + usize::from(side == Beside::After);
        let piece = &mut self.pieces[at];
        if self.encoding == Encoding::Listpack || limit.allows_one_more(piece, element.len()) {
            let offset = piece.seek(place).unwrap_or(piece.used_bytes());
            return piece.splice(offset, 0, &[Element::of(element)]);
        }
        let is_large = limit.is_large(element.len());
        if side == Beside::Before && place == 0 {
            match at.checked_sub(1).map(|before| &mut self.pieces[before]) {
                Some(before) if limit.allows_one_more(before, element.len()) => {
                    before.push_back(Element::of(element));
                }
                _ => self.new_piece(at, element),
            }
        } else if side == Beside::After && place == piece.len() {
            match self.pieces.get_mut(at + 1) {
                Some(after) if limit.allows_one_more(after, element.len()) => {
                    after.push_front(Element::of(element));
                }
                _ => self.new_piece(at + 1, element),
            }
        } else {
            let mut tail = piece.split_off(place);
            if is_large {
                self.pieces.insert(at + 1, tail);
                self.new_piece(at + 1, element);
                return;
            }
            // It goes to the part that the element beside it is not in, and what is joined is around the other part.
            let middle = match side {
                Beside::After => {
                    tail.push_front(Element::of(element));
                    at
                }
                Beside::Before => {
                    piece.push_back(Element::of(element));
                    at + 1
                }
            };
            self.pieces.insert(at + 1, tail);
            self.join_around(middle, limit);
        }
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
        let (Some(first), Some(second)) = (self.pieces.get(at), self.pieces.get(at + 1)) else {
            return false;
        };
        let fits = limit.allows(first.len() + second.len(), redis_bytes(first) + second.used_bytes())
            && !limit.is_one_large(first)
            && !limit.is_one_large(second);
        if fits && let Some(second) = self.pieces.remove(at + 1) {
            self.pieces[at].append(&second);
        }
        fits
    }

    /// Takes the element at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Bytes> {
        let (at, inside) = self.locate(index)?;
        let piece = &mut self.pieces[at];
        let offset = piece.seek(inside)?;
        let element = piece.at(offset).copy();
        piece.splice(offset, 1, &[]);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(at);
        }
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
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> + Clone {
        self.pieces.iter().flat_map(Listpack::iter)
    }

    /// The elements from last to first.
    pub fn iter_back(&self) -> impl Iterator<Item = Element<'_>> + Clone {
        self.pieces.iter().rev().flat_map(Listpack::iter_back)
    }

    /// Shows `count` elements from the one at `start` on to `visit`.
    pub fn range(&self, start: usize, count: usize, mut visit: impl FnMut(Element<'_>)) {
        let (at, inside) = self.locate(start).unwrap_or((self.pieces.len(), 0));
        let (mut skipped, mut left) = (inside, count);
        for piece in self.pieces.range(at..) {
            if left == 0 {
                break;
            }
            let elements = piece.range(skipped, left);
            left -= elements.len();
            skipped = 0;
            elements.for_each(&mut visit);
        }
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
        f.debug_list().entries(self.iter().map(Element::spell)).finish()
    }
}

#[cfg(test)]
mod tests {
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
            4 => prop::collection::vec(any::<u8>(), 0..40),
            4 => (0_u32..64, any::<i64>()).prop_map(|(bits, value)| (value >> bits).to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 1000..5000),
        ]
    }

    fn spelled<'a>(elements: impl Iterator<Item = Element<'a>>) -> Vec<Vec<u8>> {
        elements.map(|element| element.spell().to_vec()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn it_holds_what_a_vec_deque_holds(
            size in prop::sample::select(vec![-1_i64, -2, 1, 3, 128]),
            steps in prop::collection::vec((0..13, any::<prop::sample::Index>(), element()), 1..200),
        ) {
            let settings = settings(size);
            let (mut list, mut model) = (List::new(), VecDeque::<Vec<u8>>::new());
            for (what, at, element) in steps {
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
                    _ if at == model.len() => {}
                    10 => {
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
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(spelled(list.iter()).iter().eq(model.iter()));
                prop_assert!(spelled(list.iter_back()).iter().eq(model.iter().rev()));
                prop_assert_eq!(list.get(at).map(|held| held.spell().to_vec()), model.get(at).cloned());
                let mut range = Vec::new();
                list.range(at, 7, |element| range.push(element.spell().to_vec()));
                prop_assert!(range.iter().eq(model.iter().skip(at).take(7)));
                prop_assert!(list.pieces.iter().all(|piece| !piece.is_empty()));
                prop_assert!(list.encoding() == Encoding::Quicklist || list.pieces.len() <= 1);
            }
        }
    }
}
