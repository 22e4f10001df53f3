//! A run of a stream's entries, packed into one piece.
//!
//! ```text
//! block   count | (length | name) ...  | entry | entry ...
//! entry   size and form | ms | seq | [count, if its names are its own] | (length | name)? (length | value) ...
//! ```
//!
//! Numbers are in LEB128. An entry with the names of the block's first one, in the same order, leaves them out. `ms` counts from the
//! block's first entry, and within its millisecond so does `seq`. So an entry of one field takes five bytes or six besides its value.
//!
//! A block ends where one of Redis's would, because `XTRIM ~` takes away whole ones; what it would take there is counted beside.
use super::{BlockImage, StreamId};
use crate::effect::Blob;
use crate::memory::block_bytes;
use crate::types::listpack::{REDIS_FRAME_BYTES, redis_bytes};
use crate::types::{Element, TypeSettings};

/// The entries. The ID of the first one that it ever had is kept outside.
#[derive(Clone, Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Where the names end.
    entries_at: usize,
    /// How many names there are.
    names: usize,
    live: usize,
    /// How many were removed since it was begun.
    deleted: usize,
    /// The last one that it ever had.
    last: StreamId,
    /// What Redis would take for it, but for the counts of entries.
    redis_bytes: usize,
}

const SEVEN_BITS: u32 = 7;
const MORE: u8 = 0x80;
/// The names of an entry are its own.
const OWN_NAMES: u64 = 1;

fn put_number(mut number: u64, to: &mut Vec<u8>) {
    while number >= u64::from(MORE) {
        to.push(number as u8 | MORE);
        number >>= SEVEN_BITS;
    }
    to.push(number as u8);
}

/// How many bytes a number takes.
const fn number_size(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(SEVEN_BITS) as usize
}

fn text_size(text: &[u8]) -> usize {
    number_size(text.len() as u64) + text.len()
}

fn put_text(text: &[u8], to: &mut Vec<u8>) {
    put_number(text.len() as u64, to);
    to.extend_from_slice(text);
}

/// The number at the beginning, if one is there whole.
#[inline]
fn take_number(from: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & !MORE);
        number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        if byte & MORE == 0 {
            return Some(number);
        }
        shift += SEVEN_BITS;
    }
}

#[inline]
fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(from)?).ok()?;
    from.split_off(..length)
}

/// What Redis takes for a number among the elements of a block.
fn redis_number(number: i64) -> usize {
    redis_bytes(Element::Integer(number))
}

fn redis_text(text: &[u8]) -> usize {
    redis_bytes(Element::of(text))
}

/// Pairs of a name and a value.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The names, if they are the block's.
    names: Option<&'a [u8]>,
    /// What was not read yet: values, with names before them if those are the entry's own.
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = take_text(self.names.as_mut().unwrap_or(&mut self.rest))?;
        Some((name, take_text(&mut self.rest)?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl Fields<'_> {
    /// Whether the names are those of the block.
    pub(crate) const fn are_of_block(&self) -> bool {
        self.names.is_some()
    }
}

/// An entry where it lies.
#[derive(Clone, Debug)]
pub struct EntryRef<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Its names and values, in their order.
    pub fields: Fields<'a>,
}

impl<'a> EntryRef<'a> {
    /// Its names and values by turns.
    pub fn to_words(&self) -> Vec<Blob<'a>> {
        self.fields.clone().flat_map(|(name, value)| [name.into(), value.into()]).collect()
    }
}

impl PartialEq for EntryRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.fields.clone().eq(other.fields.clone())
    }
}

/// The entries of a block.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    base: StreamId,
    names: &'a [u8],
    name_count: usize,
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The next entry, and how many bytes it takes.
    fn take_next(&mut self) -> Option<(EntryRef<'a>, usize)> {
        let before = self.rest.len();
        let head = take_number(&mut self.rest)?;
        let size = usize::try_from(head >> 1).ok()?;
        let mut body = self.rest.split_off(..size)?;
        let (ms, seq) = (take_number(&mut body)?, take_number(&mut body)?);
        let ms = self.base.ms.checked_add(ms)?;
        let seq = if ms == self.base.ms { self.base.seq.checked_add(seq)? } else { seq };
        let fields = if head & OWN_NAMES == 0 {
            Fields { names: Some(self.names), rest: body, left: self.name_count }
        } else {
            let left = usize::try_from(take_number(&mut body)?).ok()?;
            Fields { names: None, rest: body, left }
        };
        Some((EntryRef { id: StreamId { ms, seq }, fields }, before - self.rest.len()))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        self.take_next().map(|(entry, _)| entry)
    }
}

/// A block where it lies.
pub(crate) struct BlockRef<'a> {
    /// The first entry that it ever had.
    pub(crate) base: StreamId,
    /// How many entries it has.
    pub(crate) len: usize,
    entries: Entries<'a>,
}

impl<'a> BlockRef<'a> {
    /// The names of its first entry ever.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let (mut names, count) = (self.entries.names, self.entries.name_count);
        (0..count).map(move |_| take_text(&mut names).unwrap_or_default())
    }

    /// Its entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryRef<'a>> {
        self.entries.clone()
    }
}

/// A block that is made of what somebody else kept together.
pub(crate) struct BlockBuilder {
    base: StreamId,
    block: Block,
}

impl BlockBuilder {
    /// A block whose first entry ever had this ID and these names.
    pub(crate) fn new(base: StreamId, names: &[impl AsRef<[u8]>]) -> Self {
        Self { base, block: Block::begin(names.iter().map(AsRef::as_ref), base) }
    }

    /// Adds an entry, names and values by turns; `None` if it does not come after the one before.
    pub(crate) fn push(&mut self, id: StreamId, words: &[impl AsRef<[u8]>]) -> Option<()> {
        let comes_after = if self.block.live == 0 { id >= self.base } else { id > self.block.last };
        if comes_after {
            let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
            self.block.insert(self.base, id, &words);
        }
        comes_after.then_some(())
    }

    /// The block, from which so many entries were removed; `None` if no other is left.
    pub(crate) fn finish(mut self, deleted: u64) -> Option<BlockImage<'static>> {
        self.block.deleted = usize::try_from(deleted).ok()?;
        (self.block.live > 0).then(|| self.block.image(self.base).into_owned())
    }
}

impl Block {
    /// It where it lies.
    pub(super) fn shown(&self, base: StreamId) -> BlockRef<'_> {
        BlockRef { base, len: self.live, entries: self.entries(base) }
    }

    /// A block whose first entry, not yet in it, has these names.
    pub(super) fn begin<'a>(names: impl ExactSizeIterator<Item = &'a [u8]>, base: StreamId) -> Self {
        let count = names.len();
        let mut bytes = Vec::new();
        put_number(count as u64, &mut bytes);
        let mut redis_bytes = REDIS_FRAME_BYTES + redis_number(count as i64) + redis_number(0);
        for name in names {
            put_text(name, &mut bytes);
            redis_bytes += redis_text(name);
        }
        Self { entries_at: bytes.len(), bytes, names: count, live: 0, deleted: 0, last: base, redis_bytes }
    }

    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// The last entry that it ever had.
    pub(super) const fn last(&self) -> StreamId {
        self.last
    }

    /// What its allocation takes.
    pub(super) const fn allocated_bytes(&self) -> usize {
        block_bytes(self.bytes.capacity())
    }

    /// Whether Redis would begin another one for an entry with these names and values.
    pub(super) fn is_full(&self, words: &[&[u8]], settings: &TypeSettings) -> bool {
        /// Redis's limit where there is none.
        const REDIS_BYTES_MAX: usize = 1 << 30;
        let most = match settings.stream_node_max_bytes {
            0 => REDIS_BYTES_MAX,
            bytes => bytes.min(REDIS_BYTES_MAX),
        };
        let counts = redis_number(self.live as i64) + redis_number(self.deleted as i64);
        let added: usize = words.iter().map(|word| word.len()).sum();
        let entries = settings.stream_node_max_entries;
        self.redis_bytes + counts + added >= most || (entries > 0 && self.live + self.deleted >= entries)
    }

    fn names(&self) -> &[u8] {
        let mut names = &self.bytes[..self.entries_at];
        take_number(&mut names);
        names
    }

    /// Its entries, the first of which ever was `base`.
    pub(super) fn entries(&self, base: StreamId) -> Entries<'_> {
        Entries { base, names: self.names(), name_count: self.names, rest: &self.bytes[self.entries_at..] }
    }

    /// Where the first entry from `id` on begins, and that entry with its size if there is one.
    fn find(&self, base: StreamId, id: StreamId) -> (usize, Option<(EntryRef<'_>, usize)>) {
        let (mut entries, mut at) = (self.entries(base), self.entries_at);
        while let Some((entry, size)) = entries.take_next() {
            if entry.id >= id {
                return (at, Some((entry, size)));
            }
            at += size;
        }
        (at, None)
    }

    /// Adds an entry where its ID belongs, which is not there yet: words are names and values by turns.
    pub(super) fn insert(&mut self, base: StreamId, id: StreamId, words: &[&[u8]]) {
        let same = words.len() / 2 == self.names && {
            let mut names = self.names();
            words.iter().step_by(2).all(|word| take_text(&mut names) == Some(*word))
        };
        let ms = id.ms - base.ms;
        let seq = if ms == 0 { id.seq - base.seq } else { id.seq };
        // Values, or names with values and how many they are.
        let stored = || words.iter().skip(usize::from(same)).step_by(if same { 2 } else { 1 });
        let own_count = (!same).then_some(words.len() as u64 / 2);
        let size = number_size(ms)
            + number_size(seq)
            + own_count.map_or(0, number_size)
            + stored().map(|word| text_size(word)).sum::<usize>();
        // Flags, both differences, how many elements there are to go back.
        let elements = stored().count() + if same { 3 } else { 4 };
        self.redis_bytes += redis_number(0)
            + redis_number(ms as i64)
            + redis_number(id.seq.wrapping_sub(base.seq) as i64)
            + own_count.map_or(0, |count| redis_number(count as i64))
            + stored().map(|word| redis_text(word)).sum::<usize>()
            + redis_number(elements as i64);
        let write = |to: &mut Vec<u8>| {
            put_number((size as u64) << 1 | if same { 0 } else { OWN_NAMES }, to);
            put_number(ms, to);
            put_number(seq, to);
            own_count.into_iter().for_each(|count| put_number(count, to));
            stored().for_each(|word| put_text(word, to));
        };
        if id > self.last || self.live == 0 {
            write(&mut self.bytes);
        } else {
            let (at, _) = self.find(base, id);
            let later = self.bytes.split_off(at);
            write(&mut self.bytes);
            self.bytes.extend_from_slice(&later);
        }
        self.last = self.last.max(id);
        self.live += 1;
    }

    /// Takes an entry out; false if it is not there.
    pub(super) fn remove(&mut self, base: StreamId, id: StreamId) -> bool {
        let (at, found) = self.find(base, id);
        let Some((_, size)) = found.filter(|(entry, _)| entry.id == id) else { return false };
        self.bytes.drain(at..at + size);
        self.live -= 1;
        self.deleted += 1;
        true
    }

    /// Takes the first entries out, up to where `goes` says no. Returns how many.
    pub(super) fn remove_first(&mut self, base: StreamId, mut goes: impl FnMut(StreamId) -> bool) -> usize {
        let (mut entries, mut end, mut count) = (self.entries(base), self.entries_at, 0);
        while let Some((_, size)) = entries.take_next().filter(|(entry, _)| goes(entry.id)) {
            end += size;
            count += 1;
        }
        self.bytes.drain(self.entries_at..end);
        self.live -= count;
        self.deleted += count;
        count
    }

    /// No further entry is expected.
    pub(super) fn seal(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The whole of it, whose first entry ever was `base`.
    pub(super) fn image(&self, base: StreamId) -> BlockImage<'_> {
        BlockImage {
            base,
            last: self.last,
            deleted: self.deleted as u64,
            redis_bytes: self.redis_bytes as u64,
            bytes: self.bytes.as_slice().into(),
        }
    }

    /// The block of an image; `None` if it contradicts itself.
    pub(super) fn from_image(image: &BlockImage<'_>) -> Option<Self> {
        let base = image.base;
        let mut rest = &*image.bytes;
        let name_count = usize::try_from(take_number(&mut rest)?).ok()?;
        let names = rest;
        (0..name_count).try_for_each(|_| take_text(&mut rest).map(drop))?;
        let entries_at = image.bytes.len() - rest.len();
        let mut entries = Entries { base, names, name_count, rest };
        let (mut live, mut before) = (0, None);
        while !entries.rest.is_empty() {
            let (EntryRef { id, mut fields }, _) = entries.take_next()?;
            while fields.left > 0 {
                fields.next()?;
            }
            let is_in_order = before.is_none_or(|before| before < id) && id >= base && id <= image.last;
            if !is_in_order || !fields.rest.is_empty() {
                return None;
            }
            (live, before) = (live + 1, Some(id));
        }
        (live > 0).then_some(())?;
        Some(Self {
            bytes: image.bytes.to_vec(),
            entries_at,
            names: name_count,
            live,
            deleted: u32::try_from(image.deleted).ok()? as usize,
            last: image.last,
            redis_bytes: u32::try_from(image.redis_bytes).ok()? as usize,
        })
    }
}
