//! A run of 4096 places of an array.
//!
//! A place takes a word of eight bytes, in which an integer or a text of up to seven bytes lies by itself. Longer texts lie one behind
//! the other in a buffer of the slice, and long ones in blocks of their own. A slice of few elements has a word for each of them with its
//! place beside it; one of more has a window of words, one for each place in it, whether there is an element or not.
use crate::memory::block_bytes;
use crate::types::Element;

/// How many places a slice has.
pub(super) const PLACES: usize = 4096;
/// A sparse slice of more elements becomes dense: `array-sparse-kmax` of Redis.
const SPARSE_MOST: usize = 10;
/// A dense slice of fewer elements becomes sparse: `array-sparse-kmin` of Redis.
const DENSE_LEAST: usize = 5;
/// The smallest window.
const WINDOW_LEAST: usize = 8;
/// A text of so many bytes has a block of its own, so that the buffer stays small enough to be written anew.
const LONG_FROM: usize = 1024;
/// So many bytes of the buffer may be of elements that are gone, and as many as are of those that are there.
const DEAD_MOST: usize = 64;

/// What is at a place. The first byte says what the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word([u8; 8]);

/// A word, understood.
enum Meaning {
    /// Nothing is there.
    Empty,
    /// A text of so many bytes, behind the first byte.
    Short(usize),
    /// An integer.
    Integer(i64),
    /// A text in the buffer, from here to there.
    Buffered(std::ops::Range<usize>),
    /// A text in a block of its own.
    Long,
}

impl Word {
    const EMPTY: Self = Self([0; 8]);
    /// The longest text that lies in a word.
    const SHORT_MOST: usize = 7;
    /// First bytes up to this one are 1 more than the length of a text.
    const SHORT_LAST: u8 = Self::SHORT_MOST as u8 + 1;
    const INTEGER: u8 = Self::SHORT_LAST + 1;
    const BUFFERED: u8 = Self::SHORT_LAST + 2;
    const LONG: Self = Self([Self::SHORT_LAST + 3, 0, 0, 0, 0, 0, 0, 0]);

    fn short(bytes: &[u8]) -> Self {
        let mut word = [0; 8];
        word[0] = bytes.len() as u8 + 1;
        word[1..=bytes.len()].copy_from_slice(bytes);
        Self(word)
    }

    /// `None` for an integer that seven bytes do not hold.
    fn integer(value: i64) -> Option<Self> {
        let word = (value << 8) | i64::from(Self::INTEGER);
        (word >> 8 == value).then(|| Self(word.to_le_bytes()))
    }

    fn buffered(start: usize, length: usize) -> Self {
        let word = (length as u64) << 40 | (start as u64) << 8 | u64::from(Self::BUFFERED);
        Self(word.to_le_bytes())
    }

    fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    fn meaning(self) -> Meaning {
        let first = self.0[0];
        match first {
            0 => Meaning::Empty,
            1..=Self::SHORT_LAST => Meaning::Short(usize::from(first) - 1),
            Self::INTEGER => Meaning::Integer(i64::from_le_bytes(self.0) >> 8),
            Self::BUFFERED => {
                let word = u64::from_le_bytes(self.0);
                let (start, length) = ((word >> 8) as u32 as usize, usize::from((word >> 40) as u16));
                Meaning::Buffered(start..start + length)
            }
            _ => Meaning::Long,
        }
    }
}

/// An element of a sparse slice.
#[derive(Clone, Copy, Debug)]
struct Placed {
    place: u16,
    word: Word,
}

#[derive(Clone, Debug)]
enum Layout {
    /// The elements, by place.
    Sparse(Vec<Placed>),
    /// What is at each place from `start` on: a power of two of words, so many of which are elements.
    Dense { start: u16, count: u16, window: Vec<Word> },
}

/// A run of places, some of which have elements.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    layout: Layout,
    /// Texts that are longer than a word and not long.
    buffer: Vec<u8>,
    /// How many bytes of the buffer belong to nobody.
    dead: u32,
    /// Long texts, by place.
    long: Vec<(u16, Box<[u8]>)>,
    /// What their blocks take.
    long_bytes: usize,
}

/// How a slice keeps its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Room for so many elements with their places.
    Sparse(usize),
    /// A window of so many places.
    Dense(usize),
}

impl Slice {
    pub(super) const fn new() -> Self {
        Self {
            layout: Layout::Sparse(Vec::new()),
            buffer: Vec::new(),
            dead: 0,
            long: Vec::new(),
            long_bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.layout {
            Layout::Sparse(placed) => placed.len(),
            Layout::Dense { count, .. } => usize::from(*count),
        }
    }

    pub(super) fn room(&self) -> Room {
        match &self.layout {
            Layout::Sparse(placed) => Room::Sparse(placed.capacity()),
            Layout::Dense { window, .. } => Room::Dense(window.len()),
        }
    }

    /// What is allocated for it, the slice's own block included. O(1).
    pub(super) fn allocated_bytes(&self) -> usize {
        let layout = match &self.layout {
            Layout::Sparse(placed) => block_bytes(placed.capacity() * size_of::<Placed>()),
            Layout::Dense { window, .. } => block_bytes(window.capacity() * size_of::<Word>()),
        };
        let long = block_bytes(self.long.capacity() * size_of::<(u16, Box<[u8]>)>());
        block_bytes(size_of::<Self>()) + layout + block_bytes(self.buffer.capacity()) + long + self.long_bytes
    }

    /// The same, with long texts counted anew.
    pub(super) fn recounted_bytes(&self) -> usize {
        let long: usize = self.long.iter().map(|(_, bytes)| block_bytes(bytes.len())).sum();
        self.allocated_bytes() - self.long_bytes + long
    }

    /// How many blocks it consists of.
    pub(super) fn allocations(&self) -> usize {
        3 + self.long.len()
    }

    fn word(&self, place: u16) -> Word {
        match &self.layout {
            Layout::Sparse(placed) => match find(placed, place) {
                Ok(at) => placed[at].word,
                Err(_) => Word::EMPTY,
            },
            Layout::Dense { start, window, .. } => {
                let at = usize::from(place).checked_sub(usize::from(*start));
                at.and_then(|at| window.get(at)).copied().unwrap_or(Word::EMPTY)
            }
        }
    }

    pub(super) fn contains(&self, place: u16) -> bool {
        !self.word(place).is_empty()
    }

    /// The elements of these places, both included.
    pub(super) fn range(
        &self,
        first: u16,
        last: u16,
    ) -> impl DoubleEndedIterator<Item = (u16, Element<'_>)> + '_ {
        // One of both is empty.
        let (placed, start, window): (&[Placed], u16, &[Word]) = match &self.layout {
            Layout::Sparse(placed) => {
                let from = placed.partition_point(|element| element.place < first);
                let to = placed.partition_point(|element| element.place <= last);
                (placed.get(from..to).unwrap_or_default(), 0, &[])
            }
            Layout::Dense { start, window, .. } => {
                let from = first.max(*start);
                let to = usize::from(last) + 1;
                let (low, high) = (usize::from(from - start), to.saturating_sub(usize::from(*start)));
                (&[], from, window.get(low..high.min(window.len())).unwrap_or_default())
            }
        };
        let sparse = placed.iter().map(|element| (element.place, &element.word));
        let dense = window.iter().enumerate().map(move |(at, word)| (start + at as u16, word));
        sparse.chain(dense).filter_map(|(place, word)| Some((place, self.element(place, word)?)))
    }

    pub(super) fn get(&self, place: u16) -> Option<Element<'_>> {
        self.range(place, place).next().map(|(_, element)| element)
    }

    /// The last place that has an element.
    pub(super) fn last(&self) -> Option<u16> {
        self.range(0, PLACES as u16 - 1).next_back().map(|(place, _)| place)
    }

    fn element<'a>(&'a self, place: u16, word: &'a Word) -> Option<Element<'a>> {
        Some(match word.meaning() {
            Meaning::Empty => return None,
            Meaning::Short(length) => Element::Text(&word.0[1..=length]),
            Meaning::Integer(value) => Element::Integer(value),
            Meaning::Buffered(range) => Element::Text(&self.buffer[range]),
            Meaning::Long => {
                let at = self.long.binary_search_by_key(&place, |(place, _)| *place).ok()?;
                Element::Text(&self.long[at].1)
            }
        })
    }

    /// Puts an element at a place; true if none was there.
    pub(super) fn set(&mut self, place: u16, bytes: &[u8]) -> bool {
        let before = self.word(place);
        let fits = |range: &std::ops::Range<usize>| {
            range.len() == bytes.len() && matches!(Element::of(bytes), Element::Text(_))
        };
        if let Meaning::Buffered(range) = before.meaning()
            && fits(&range)
        {
            self.buffer[range].copy_from_slice(bytes);
            return false;
        }
        self.release(place, before);
        let word = self.keep(place, bytes);
        self.put(place, word);
        self.tidy();
        before.is_empty()
    }

    /// Takes out the elements of these places, both included; returns how many.
    pub(super) fn remove(&mut self, first: u16, last: u16) -> usize {
        let places: Vec<u16> = self.range(first, last).map(|(place, _)| place).collect();
        for &place in &places {
            self.release(place, self.word(place));
        }
        match &mut self.layout {
            Layout::Sparse(placed) => placed.retain(|element| !(first..=last).contains(&element.place)),
            Layout::Dense { start, count, window } => {
                for place in &places {
                    window[usize::from(place - *start)] = Word::EMPTY;
                }
                *count -= places.len() as u16;
                if usize::from(*count) < DENSE_LEAST {
                    self.thin_out();
                }
            }
        }
        self.tidy();
        places.len()
    }

    /// The word for some bytes that are to be at a place, for which room is found if they need some.
    fn keep(&mut self, place: u16, bytes: &[u8]) -> Word {
        if let Element::Integer(value) = Element::of(bytes)
            && let Some(word) = Word::integer(value)
        {
            return word;
        }
        if bytes.len() <= Word::SHORT_MOST {
            return Word::short(bytes);
        }
        if bytes.len() >= LONG_FROM {
            let at = self.long.partition_point(|(other, _)| *other < place);
            self.long.insert(at, (place, bytes.into()));
            self.long_bytes += block_bytes(bytes.len());
            return Word::LONG;
        }
        let start = self.buffer.len();
        if self.buffer.capacity() - start < bytes.len() {
            self.buffer.reserve_exact(bytes.len().max(start / 4));
        }
        self.buffer.extend_from_slice(bytes);
        Word::buffered(start, bytes.len())
    }

    /// Gives back what a word needs beside itself.
    fn release(&mut self, place: u16, word: Word) {
        match word.meaning() {
            Meaning::Buffered(range) => self.dead += range.len() as u32,
            Meaning::Long => {
                if let Ok(at) = self.long.binary_search_by_key(&place, |(place, _)| *place) {
                    self.long_bytes -= block_bytes(self.long.remove(at).1.len());
                }
            }
            Meaning::Empty | Meaning::Short(_) | Meaning::Integer(_) => {}
        }
    }

    fn put(&mut self, place: u16, word: Word) {
        match &mut self.layout {
            Layout::Sparse(placed) => match find(placed, place) {
                Ok(at) => placed[at].word = word,
                Err(at) => {
                    if placed.len() == placed.capacity() {
                        placed.reserve_exact(placed.len().max(2) / 2);
                    }
                    placed.insert(at, Placed { place, word });
                    if placed.len() > SPARSE_MOST {
                        self.fill_out();
                    }
                }
            },
            Layout::Dense { start, count, window } => {
                let at = widen(start, window, place);
                *count += u16::from(window[at].is_empty());
                window[at] = word;
            }
        }
    }

    /// Makes a sparse slice dense.
    fn fill_out(&mut self) {
        let Layout::Sparse(placed) = &self.layout else { return };
        let [first, .., last] = placed.as_slice() else { return };
        let (mut start, mut window) = (first.place, Vec::new());
        widen(&mut start, &mut window, last.place);
        for element in placed {
            window[usize::from(element.place - start)] = element.word;
        }
        self.layout = Layout::Dense { start, count: placed.len() as u16, window };
    }

    /// Makes a dense slice sparse.
    fn thin_out(&mut self) {
        let Layout::Dense { start, window, .. } = &self.layout else { return };
        let words = window.iter().enumerate().filter(|(_, word)| !word.is_empty());
        let mut placed: Vec<_> =
            words.map(|(at, word)| Placed { place: start + at as u16, word: *word }).collect();
        placed.shrink_to_fit();
        self.layout = Layout::Sparse(placed);
    }

    /// Writes the buffer anew if too much of it belongs to nobody, and gives back what long texts left.
    fn tidy(&mut self) {
        if self.long.capacity() > 2 * self.long.len() {
            self.long.shrink_to_fit();
        }
        let dead = self.dead as usize;
        if dead <= DEAD_MOST || dead * 2 <= self.buffer.len() {
            return;
        }
        let mut buffer = Vec::with_capacity(self.buffer.len() - dead);
        let old = &self.buffer;
        let mut move_text = |word: &mut Word| {
            if let Meaning::Buffered(range) = word.meaning() {
                *word = Word::buffered(buffer.len(), range.len());
                buffer.extend_from_slice(&old[range]);
            }
        };
        match &mut self.layout {
            Layout::Sparse(placed) => placed.iter_mut().for_each(|element| move_text(&mut element.word)),
            Layout::Dense { window, .. } => window.iter_mut().for_each(move_text),
        }
        (self.buffer, self.dead) = (buffer, 0);
    }
}

fn find(placed: &[Placed], place: u16) -> Result<usize, usize> {
    // Most often elements come in order.
    match placed.last() {
        Some(last) if last.place < place => Err(placed.len()),
        _ => placed.binary_search_by_key(&place, |element| element.place),
    }
}

/// Makes a window reach a place, with room for more on that side; returns where the place is in it.
fn widen(start: &mut u16, window: &mut Vec<Word>, place: u16) -> usize {
    let (low, wanted) = (usize::from(*start), usize::from(place));
    let high = low + window.len();
    if wanted < low || wanted >= high {
        let (from, to) = (low.min(wanted), high.max(wanted + 1));
        let size = (to - from).next_power_of_two().max(WINDOW_LEAST);
        let new = if wanted < low { to.saturating_sub(size) } else { from.min(PLACES - size) };
        let mut wider = vec![Word::EMPTY; size];
        wider[low - new..high - new].copy_from_slice(window);
        (*start, *window) = (new as u16, wider);
    }
    wanted - usize::from(*start)
}
