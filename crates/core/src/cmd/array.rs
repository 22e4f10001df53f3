//! Arrays: strings by index, where most indices may have none; with a place where the next one is inserted, and rings.
//!
//! What they do is that of <https://redis.io/docs/latest/develop/data-types/arrays/> and of Redis's own tests,
//! <https://github.com/redis/redis/blob/unstable/tests/unit/type/array.tcl>.
use std::borrow::Cow;

mod aggregate;
mod search;

pub use aggregate::{ArrayAggregate, ArrayOperation};
pub use search::{ArrayPredicate, ArraySearch};

use super::{Args, Command, Flags, Group, KeySpec, Read, Spec, Write, keyed, table, wrong_arity};
use crate::effect::Blob;
use crate::tx::{ArrayMut, Tx, View};
use crate::types::array::{ArrayChange, MAX_INDEX};
use crate::types::{Array, Element};
use crate::{Bytes, Error, Reply, Result};

table! {
    read ArCount,
    write ArDel,
    write ArDelRange,
    read ArGet,
    read ArGetRange,
    read ArGrep,
    read ArInfo,
    write ArInsert,
    read ArLastItems,
    read ArLen,
    read ArMGet,
    write ArMSet,
    read ArNext,
    read ArOp,
    write ArRing,
    read ArScan,
    write ArSeek,
    write ArSet,
}

const ARRAY: Spec = Spec { group: Group::Array, since: "8.8.0", ..Spec::EMPTY };
const READ: Spec = Spec { keys: &[KeySpec::first(&["RO", "access"])], ..ARRAY };
const QUICK_READ: Spec = Spec { flags: Flags::FAST, ..READ };
const WRITE: Spec = Spec { keys: &[KeySpec::first(&["RW", "update"])], ..ARRAY };
const DELETE: Spec = Spec { keys: &[KeySpec::first(&["RW", "delete"])], ..ARRAY };

/// How many positions a command answers with at most, whether they have elements or not.
const POSITIONS: u64 = 1_000_000;

const INVALID_INDEX: Error = Error::Refused(Cow::Borrowed("ERR invalid array index"));

fn parse_number(word: &[u8]) -> Result<u64> {
    let digits = std::str::from_utf8(word).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(INVALID_INDEX)
}

/// An index that can have an element.
fn parse_index(word: &[u8]) -> Result<u64> {
    parse_number(word).and_then(check_index)
}

fn check_index(index: u64) -> Result<u64> {
    if index <= MAX_INDEX { Ok(index) } else { Err(INVALID_INDEX) }
}

fn check_indices(indices: impl IntoIterator<Item = u64>) -> Result<()> {
    indices.into_iter().try_for_each(|index| check_index(index).map(drop))
}

/// `index [index ...]`
fn parse_indices<'a>(args: &mut Args<'a>) -> Result<Cow<'a, [u64]>> {
    args.rest().iter().map(|word| parse_index(word)).collect()
}

/// The last of so many indices from `first` on; `None` if there are not so many.
fn last_of(first: u64, count: usize) -> Option<u64> {
    let last = first.checked_add(count as u64)?.checked_sub(1)?;
    (count > 0 && last <= MAX_INDEX).then_some(last)
}

/// The index from which a command goes, and the one to which: backward if it is before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArraySpan {
    /// From here.
    pub start: u64,
    /// To here, included.
    pub end: u64,
}

impl ArraySpan {
    /// All indices, the first one first.
    pub const ALL: Self = Self { start: 0, end: MAX_INDEX };

    fn parse(args: &mut Args<'_>) -> Result<Self> {
        Ok(Self { start: parse_index(args.bytes()?)?, end: parse_index(args.bytes()?)? })
    }

    const fn is_backward(self) -> bool {
        self.end < self.start
    }

    fn low(self) -> u64 {
        self.start.min(self.end)
    }

    fn high(self) -> u64 {
        self.start.max(self.end)
    }

    /// The elements that `wanted` is true for, in this direction, at most so many.
    fn elements(self, array: &Array, limit: usize, wanted: impl Fn(&[u8]) -> bool) -> Vec<ArrayElement> {
        let range = array.range(self.low(), self.high());
        let take = |range: &mut dyn Iterator<Item = (u64, Element<'_>)>| {
            let found = range.filter(|(_, element)| element.with(&wanted)).take(limit);
            found.map(|(index, element)| ArrayElement { index, value: element.copy() }).collect()
        };
        if self.is_backward() { take(&mut range.rev()) } else { take(&mut { range }) }
    }
}

impl From<(u64, u64)> for ArraySpan {
    fn from((start, end): (u64, u64)) -> Self {
        Self { start, end }
    }
}

/// An element with its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayElement {
    /// The index.
    pub index: u64,
    /// The element.
    pub value: Bytes,
}

impl From<ArrayElement> for Reply {
    fn from(element: ArrayElement) -> Self {
        Reply::Array(vec![element.index.into(), element.value.into()])
    }
}

/// Puts elements at neighbouring indices, of which the last must be known to be one; returns how many of them had none.
fn set(array: &mut ArrayMut<'_, '_>, index: u64, values: &[&[u8]], event: &'static str) -> usize {
    let before = array.len();
    let values = values.iter().map(|value| Blob::from(*value)).collect();
    array.apply(&ArrayChange::Set { index, values }, Some(event));
    array.len() - before
}

/// `ARSET key index value [value ...]`
#[derive(Clone, Debug)]
pub struct ArSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where the first element goes.
    pub index: u64,
    /// The elements.
    pub values: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ArSet<'a> {
    const SPEC: Spec = Spec {
        name: "ARSET",
        arity: -4,
        flags: Flags::DENYOOM.and(Flags::FAST),
        summary: "Puts one or more elements at neighbouring indices of an array, and says how many had none before.",
        complexity: "O(N), N being the number of elements",
        syntax: "key index value [value ...]",
        ..WRITE
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArSet { key: args.bytes()?, index: parse_index(args.bytes()?)?, values: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if self.values.is_empty() {
            return Err(wrong_arity("ARSET"));
        }
        check_index(self.index)?;
        if last_of(self.index, self.values.len()).is_none() {
            return Err(Error::refused("ERR array index overflow"));
        }
        Ok(set(&mut db.array_mut(self.key)?, self.index, &self.values, "arset"))
    }
}

/// `ARMSET key index value [index value ...]`
#[derive(Clone, Debug)]
pub struct ArMSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Indices with elements; of one that is there twice the last counts.
    pub pairs: Cow<'a, [(u64, &'a [u8])]>,
}

impl<'a> Command<'a> for ArMSet<'a> {
    const SPEC: Spec = Spec {
        name: "ARMSET",
        arity: -4,
        flags: Flags::DENYOOM.and(Flags::FAST),
        summary: "Puts elements at any indices of an array, and says how many had none before.",
        complexity: "O(N), N being the number of elements",
        syntax: "key index value [index value ...]",
        ..WRITE
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (pairs, rest) = args.rest().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(wrong_arity("ARMSET"));
        }
        let pairs = pairs.iter().map(|[index, value]| Ok((parse_index(index)?, *value)));
        Ok(ArMSet { key, pairs: pairs.collect::<Result<Vec<_>>>()?.into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArMSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if self.pairs.is_empty() {
            return Err(wrong_arity("ARMSET"));
        }
        check_indices(self.pairs.iter().map(|(index, _)| *index))?;
        let mut array = db.array_mut(self.key)?;
        Ok(self.pairs.iter().map(|(index, value)| set(&mut array, *index, &[value], "armset")).sum())
    }
}

/// `ARGET key index`
#[derive(Clone, Debug)]
pub struct ArGet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The index.
    pub index: u64,
}

impl<'a> Command<'a> for ArGet<'a> {
    const SPEC: Spec = Spec {
        name: "ARGET",
        arity: 3,
        summary: "Returns the element at an index of an array.",
        syntax: "key index",
        ..QUICK_READ
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArGet { key: args.bytes()?, index: parse_index(args.bytes()?)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArGet<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        let array = db.array(self.key)?;
        Ok(array.and_then(|array| array.get(self.index)).map(Element::copy))
    }
}

/// `ARMGET key index [index ...]`
#[derive(Clone, Debug)]
pub struct ArMGet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub indices: Cow<'a, [u64]>,
}

impl<'a> Command<'a> for ArMGet<'a> {
    const SPEC: Spec = Spec {
        name: "ARMGET",
        arity: -3,
        summary: "Returns the elements at some indices of an array.",
        complexity: "O(N), N being the number of indices",
        syntax: "key index [index ...]",
        ..QUICK_READ
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArMGet { key: args.bytes()?, indices: parse_indices(args)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArMGet<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<Bytes>>> {
        let array = db.array(self.key)?;
        let element = |index: &u64| array.and_then(|array| array.get(*index)).map(Element::copy);
        Ok(self.indices.iter().map(element).collect())
    }
}

/// `ARGETRANGE key start end`
#[derive(Clone, Debug)]
pub struct ArGetRange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub span: ArraySpan,
}

impl<'a> Command<'a> for ArGetRange<'a> {
    const SPEC: Spec = Spec {
        name: "ARGETRANGE",
        arity: 4,
        summary: "Returns what is at each index of a range of an array.",
        complexity: "O(N), N being the number of indices",
        syntax: "key start end",
        ..READ
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArGetRange { key: args.bytes()?, span: ArraySpan::parse(args)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArGetRange<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<Bytes>>> {
        let (low, high) = (self.span.low(), check_index(self.span.high())?);
        if high - low >= POSITIONS {
            return Err(Error::refused("ERR range exceeds maximum of 1000000 items"));
        }
        let array = db.array(self.key)?;
        let mut found = vec![None; (high - low) as usize + 1];
        for (index, element) in array.iter().flat_map(|array| array.range(low, high)) {
            found[(index - low) as usize] = Some(element.copy());
        }
        if self.span.is_backward() {
            found.reverse();
        }
        Ok(found)
    }
}

/// `ARDEL key index [index ...]`
#[derive(Clone, Debug)]
pub struct ArDel<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub indices: Cow<'a, [u64]>,
}

impl<'a> Command<'a> for ArDel<'a> {
    const SPEC: Spec = Spec {
        name: "ARDEL",
        arity: -3,
        flags: Flags::FAST,
        summary: "Takes the elements at some indices out of an array, and says how many there were. Deletes the array with its last element.",
        complexity: "O(N), N being the number of indices",
        syntax: "key index [index ...]",
        ..DELETE
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArDel { key: args.bytes()?, indices: parse_indices(args)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArDel<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let spans = self.indices.iter().map(|index| ArraySpan { start: *index, end: *index });
        delete(db, self.key, spans, "ardel")
    }
}

/// Takes out what is at these indices; returns how many elements that were.
fn delete(
    db: &mut Tx<'_>,
    key: &[u8],
    spans: impl Iterator<Item = ArraySpan> + Clone,
    event: &'static str,
) -> Result<usize> {
    check_indices(spans.clone().map(ArraySpan::high))?;
    if db.view().array(key)?.is_none() {
        return Ok(0);
    }
    let mut array = db.array_mut(key)?;
    let before = array.len();
    for span in spans {
        array.apply(&ArrayChange::Delete { start: span.low(), end: span.high() }, Some(event));
    }
    Ok(before - array.len())
}

/// `ARDELRANGE key start end [start end ...]`
#[derive(Clone, Debug)]
pub struct ArDelRange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The ranges, whichever of both ends comes first.
    pub spans: Cow<'a, [ArraySpan]>,
}

impl<'a> Command<'a> for ArDelRange<'a> {
    const SPEC: Spec = Spec {
        name: "ARDELRANGE",
        arity: -4,
        summary: "Takes the elements in some ranges out of an array, and says how many there were. Deletes the array with its last element.",
        complexity: "O(N), N being the number of elements that are taken out, and of parts of the array that have some",
        syntax: "key start end [start end ...]",
        ..DELETE
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if !args.remaining().is_multiple_of(2) {
            return Err(wrong_arity("ARDELRANGE"));
        }
        let mut spans = Vec::new();
        while !args.is_empty() {
            spans.push(ArraySpan::parse(args)?);
        }
        Ok(ArDelRange { key, spans: spans.into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArDelRange<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        delete(db, self.key, self.spans.iter().copied(), "ardelrange")
    }
}

keyed! {
    /// `ARLEN key`
    ArLen -> u64, Spec {
        name: "ARLEN",
        arity: 2,
        summary: "Returns one more than the last index of an array that has an element.",
        syntax: "key",
        ..QUICK_READ
    }
}

impl<'a> Read<'a> for ArLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<u64> {
        Ok(db.array(self.key)?.map_or(0, Array::end))
    }
}

keyed! {
    /// `ARCOUNT key`
    ArCount -> usize, Spec {
        name: "ARCOUNT",
        arity: 2,
        summary: "Returns how many elements an array has.",
        syntax: "key",
        ..QUICK_READ
    }
}

impl<'a> Read<'a> for ArCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.array(self.key)?.map_or(0, Array::len))
    }
}

keyed! {
    /// `ARNEXT key`
    ArNext -> Option<u64>, Spec {
        name: "ARNEXT",
        arity: 2,
        summary: "Returns the index at which ARINSERT would put the next element.",
        syntax: "key",
        ..QUICK_READ
    }
}

impl<'a> Read<'a> for ArNext<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<u64>> {
        Ok(db.array(self.key)?.map_or(Some(0), Array::next_insert))
    }
}

/// `ARSEEK key index`
#[derive(Clone, Debug)]
pub struct ArSeek<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where the next element is inserted; one past the last index that there is for nowhere.
    pub index: u64,
}

impl<'a> Command<'a> for ArSeek<'a> {
    const SPEC: Spec = Spec {
        name: "ARSEEK",
        arity: 3,
        flags: Flags::FAST,
        summary: "Sets the index at which ARINSERT and ARRING go on, if there is an array.",
        syntax: "key index",
        ..WRITE
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArSeek { key: args.bytes()?, index: parse_number(args.bytes()?)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArSeek<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        if db.view().array(self.key)?.is_none() {
            return Ok(false);
        }
        Ok(db.array_mut(self.key)?.apply(&ArrayChange::Seek { next: self.index }, Some("arseek")))
    }
}

/// `ARINSERT key value [value ...]`
#[derive(Clone, Debug)]
pub struct ArInsert<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The elements.
    pub values: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ArInsert<'a> {
    const SPEC: Spec = Spec {
        name: "ARINSERT",
        arity: -3,
        flags: Flags::DENYOOM.and(Flags::FAST),
        summary: "Puts one or more elements after the one that was inserted last, and returns the index of the last of them.",
        complexity: "O(N), N being the number of elements",
        syntax: "key value [value ...]",
        ..WRITE
    };
    type Reply = u64;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ArInsert { key: args.bytes()?, values: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ArInsert<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<u64> {
        if self.values.is_empty() {
            return Err(wrong_arity("ARINSERT"));
        }
        let next = db.view().array(self.key)?.map_or(Some(0), Array::next_insert);
        let span = next.and_then(|next| Some((next, last_of(next, self.values.len())?)));
        let (index, last) = span.ok_or(Error::refused("ERR insert index overflow"))?;
        let values = self.values.iter().map(|value| Blob::from(*value)).collect();
        db.array_mut(self.key)?.apply(&ArrayChange::Insert { index, values }, Some("arinsert"));
        Ok(last)
    }
}

/// `ARRING key size value [value ...]`
#[derive(Clone, Debug)]
pub struct ArRing<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many places the ring has; at least one.
    pub size: u64,
    /// The elements.
    pub values: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ArRing<'a> {
    const SPEC: Spec = Spec {
        name: "ARRING",
        arity: -4,
        flags: Flags::DENYOOM,
        summary: "Puts elements into an array that is a ring, over the oldest ones when it is full, and returns the index of the last of them.",
        complexity: "O(M), M being the number of elements, and O(N+M) when the size of the ring changes, N being the larger of both sizes",
        syntax: "key size value [value ...]",
        ..WRITE
    };
    type Reply = u64;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let size = args.int()?;
        if size <= 0 {
            return Err(NO_RING);
        }
        Ok(ArRing { key, size: size as u64, values: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

const NO_RING: Error = Error::Refused(Cow::Borrowed("ERR size must be positive"));

impl ArRing<'_> {
    /// The elements of a ring that has another size by now, the oldest first: those that were inserted last, up to the first place
    /// without one. `None` if they can stay where they are.
    fn resized(&self, array: &Array) -> Option<Vec<Vec<u8>>> {
        let (end, next) = (array.end(), array.cursor());
        let is_cut = self.size < end;
        let is_divided = self.size > end && 0 < next && next < end;
        if !is_cut && !is_divided {
            return None;
        }
        let latest = array.latest().take(usize::try_from(self.size).unwrap_or(usize::MAX));
        let elements = latest.map_while(|index| array.get(index));
        let mut kept: Vec<_> = elements.map(|element| element.with(<[u8]>::to_vec)).collect();
        kept.reverse();
        Some(kept)
    }
}

impl<'a> Write<'a> for ArRing<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<u64> {
        const EVENT: Option<&str> = Some("arring");
        if self.values.is_empty() {
            return Err(wrong_arity("ARRING"));
        }
        if self.size == 0 || i64::try_from(self.size).is_err() {
            return Err(NO_RING);
        }
        let found = db.view().array(self.key)?;
        let kept = found.and_then(|array| self.resized(array));
        let next = match &kept {
            Some(kept) => kept.len() as u64,
            None => found.map_or(0, Array::cursor),
        };
        let mut array = db.array_mut(self.key)?;
        if let Some(kept) = &kept
            && !kept.is_empty()
        {
            let values = kept.iter().map(|value| Blob::from(&**value)).collect();
            array.apply(&ArrayChange::Set { index: 0, values }, EVENT);
        }
        // What the ring has no room for would be written over in the same breath.
        let written = self.values.len().min(usize::try_from(self.size).unwrap_or(usize::MAX));
        let passed = self.values.len() - written;
        let mut values = &self.values[passed..];
        let mut index = (next % self.size + passed as u64 % self.size) % self.size;
        let mut last = index;
        while !values.is_empty() {
            let room = usize::try_from(self.size - index).unwrap_or(usize::MAX);
            let (now, later) = values.split_at(values.len().min(room));
            last = index + now.len() as u64 - 1;
            let blobs = now.iter().map(|value| Blob::from(*value)).collect();
            array.apply(&ArrayChange::Insert { index, values: blobs }, EVENT);
            (values, index) = (later, 0);
        }
        // Only now, so that the array, and with it its deadline, is at no time without elements.
        if let Some(kept) = &kept {
            let start = self.size.min((kept.len() as u64).saturating_add(self.values.len() as u64));
            array.apply(&ArrayChange::Delete { start, end: MAX_INDEX }, EVENT);
        }
        Ok(last)
    }
}

/// `ARLASTITEMS key count [REV]`
#[derive(Clone, Debug)]
pub struct ArLastItems<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many at most.
    pub count: u64,
    /// The last one first.
    pub rev: bool,
}

impl<'a> Command<'a> for ArLastItems<'a> {
    const SPEC: Spec = Spec {
        name: "ARLASTITEMS",
        arity: -3,
        summary: "Returns what was inserted into an array last.",
        complexity: "O(N), N being the count",
        syntax: "key count [REV]",
        ..READ
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, count) = (args.bytes()?, args.positive()? as u64);
        let rev = args.take("REV");
        args.finish()?;
        Ok(ArLastItems { key, count, rev })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArLastItems<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<Bytes>>> {
        let Some(array) = db.array(self.key)? else { return Ok(Vec::new()) };
        let count = self.count.min(array.end());
        if count > POSITIONS {
            return Err(Error::refused("ERR count exceeds maximum of 1000000 items"));
        }
        let indices = array.latest().take(count as usize);
        let mut found: Vec<_> = indices.map(|index| array.get(index).map(Element::copy)).collect();
        if !self.rev {
            found.reverse();
        }
        Ok(found)
    }
}

/// How many to answer with at most.
fn parse_limit(args: &mut Args<'_>) -> Result<usize> {
    match args.int()? {
        limit if limit > 0 => Ok(limit as usize),
        _ => Err(Error::refused("ERR LIMIT must be positive")),
    }
}

/// `ARSCAN key start end [LIMIT limit]`
#[derive(Clone, Debug)]
pub struct ArScan<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub span: ArraySpan,
    /// How many elements at most; any number if it is not said.
    pub limit: Option<usize>,
}

impl<'a> Command<'a> for ArScan<'a> {
    const SPEC: Spec = Spec {
        name: "ARSCAN",
        arity: -4,
        summary: "Returns the elements in a range of an array with their indices.",
        complexity: "O(N), N being the number of elements, and of parts of the array that have some",
        syntax: "key start end [LIMIT limit]",
        ..READ
    };
    type Reply = Vec<ArrayElement>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, span) = (args.bytes()?, ArraySpan::parse(args)?);
        let limit = if args.take_with("LIMIT", 1) { Some(parse_limit(args)?) } else { None };
        args.finish()?;
        Ok(ArScan { key, span, limit })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArScan<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<ArrayElement>> {
        let limit = self.limit.unwrap_or(usize::MAX);
        Ok(db.array(self.key)?.map_or(Vec::new(), |array| self.span.elements(array, limit, |_| true)))
    }
}

/// `AROP key start end <SUM | MIN | MAX | AND | OR | XOR | MATCH value | USED>`
#[derive(Clone, Debug)]
pub struct ArOp<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub span: ArraySpan,
    /// What to make of the elements there.
    pub operation: ArrayOperation<'a>,
}

impl<'a> Command<'a> for ArOp<'a> {
    const SPEC: Spec = Spec {
        name: "AROP",
        arity: -5,
        summary: "Adds up, compares, combines or counts the elements in a range of an array.",
        complexity: "O(N), N being the number of elements, and of parts of the array that have some",
        syntax: "key start end <SUM | MIN | MAX | AND | OR | XOR | MATCH value | USED>",
        ..READ
    };
    type Reply = ArrayAggregate;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, span) = (args.bytes()?, ArraySpan::parse(args)?);
        let operation = match args.bytes()?.to_ascii_uppercase().as_slice() {
            b"SUM" => ArrayOperation::Sum,
            b"MIN" => ArrayOperation::Min,
            b"MAX" => ArrayOperation::Max,
            b"AND" => ArrayOperation::And,
            b"OR" => ArrayOperation::Or,
            b"XOR" => ArrayOperation::Xor,
            b"USED" => ArrayOperation::Used,
            b"MATCH" => ArrayOperation::Match(args.bytes()?),
            _ => return Err(Error::Syntax),
        };
        args.finish()?;
        Ok(ArOp { key, span, operation })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArOp<'a> {
    fn read(&self, db: &View<'_>) -> Result<ArrayAggregate> {
        let array = db.array(self.key)?;
        let elements = array.iter().flat_map(|array| array.range(self.span.low(), self.span.high()));
        Ok(self.operation.over(elements.map(|(_, element)| element)))
    }
}

/// `ARGREP key start end <EXACT string | MATCH string | GLOB pattern | RE pattern> [...] [AND | OR] [LIMIT limit] [WITHVALUES] [NOCASE]`
#[derive(Clone, Debug)]
pub struct ArGrep<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The indices.
    pub span: ArraySpan,
    /// What to look for.
    pub search: ArraySearch<'a>,
    /// How many elements at most; any number if it is not said.
    pub limit: Option<usize>,
    /// Whether words are answered with the elements.
    pub with_values: bool,
}

/// An index, or a sign for the first or the last that there is.
fn parse_end(args: &mut Args<'_>) -> Result<u64> {
    match args.bytes()? {
        b"-" => Ok(0),
        b"+" => Ok(MAX_INDEX),
        word => parse_index(word),
    }
}

/// `ARGREP`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArGrepReply {
    /// What was found.
    pub elements: Vec<ArrayElement>,
    /// Whether words are answered with the elements.
    pub with_values: bool,
}

impl From<ArGrepReply> for Reply {
    fn from(reply: ArGrepReply) -> Self {
        if reply.with_values {
            return reply.elements.into();
        }
        Reply::Array(reply.elements.into_iter().map(|element| element.index.into()).collect())
    }
}

impl<'a> Command<'a> for ArGrep<'a> {
    const SPEC: Spec = Spec {
        name: "ARGREP",
        arity: -6,
        summary: "Returns the indices of the elements in a range of an array that texts or patterns describe.",
        complexity: "O(P*C), P being the number of elements, and of parts of the array that have some, and C what it takes to look at one",
        syntax: "key start end <EXACT string | MATCH string | GLOB pattern | RE pattern ...> [AND | OR | LIMIT limit | WITHVALUES | NOCASE ...]",
        ..READ
    };
    type Reply = ArGrepReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let span = ArraySpan { start: parse_end(args)?, end: parse_end(args)? };
        let mut predicates = Vec::new();
        let (mut needs_all, mut ignores_case, mut with_values, mut limit) = (false, false, false, None);
        while !args.is_empty() {
            if args.take_with("EXACT", 1) {
                predicates.push(ArrayPredicate::Exact(args.bytes()?));
            } else if args.take_with("MATCH", 1) {
                predicates.push(ArrayPredicate::Match(args.bytes()?));
            } else if args.take_with("GLOB", 1) {
                predicates.push(ArrayPredicate::Glob(args.bytes()?));
            } else if args.take_with("RE", 1) {
                predicates.push(ArrayPredicate::Re(args.bytes()?));
            } else if args.take("AND") {
                needs_all = true;
            } else if args.take("OR") {
                needs_all = false;
            } else if args.take("NOCASE") {
                ignores_case = true;
            } else if args.take("WITHVALUES") {
                with_values = true;
            } else if args.take_with("LIMIT", 1) {
                limit = Some(parse_limit(args)?);
            } else {
                return Err(Error::Syntax);
            }
        }
        let search = ArraySearch::new(&predicates, needs_all, ignores_case)?;
        Ok(ArGrep { key, span, search, limit, with_values })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArGrep<'a> {
    fn read(&self, db: &View<'_>) -> Result<ArGrepReply> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let find = |array| self.span.elements(array, limit, |element| self.search.finds(element));
        let elements = db.array(self.key)?.map_or(Vec::new(), find);
        Ok(ArGrepReply { elements, with_values: self.with_values })
    }
}

/// `ARINFO key [FULL]`
#[derive(Clone, Debug)]
pub struct ArInfo<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How its parts are filled too.
    pub full: bool,
}

/// `ARINFO`'s answer. A slice is a run of indices of which some have elements: a dense one has room for each index of a part of it, a
/// sparse one for its elements.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayInfo {
    /// How many elements there are.
    pub count: usize,
    /// One more than the last index that has an element.
    pub len: u64,
    /// Where the next element is inserted; 0 if there is no index left for it too.
    pub next_insert_index: u64,
    /// How many slices there are.
    pub slices: usize,
    /// How many indices a slice has.
    pub slice_size: usize,
    /// How slices are filled, if that was asked for.
    pub filling: Option<ArrayFilling>,
}

/// How the slices of an array are filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayFilling {
    /// How many are dense.
    pub dense_slices: usize,
    /// How many are sparse.
    pub sparse_slices: usize,
    /// How many indices a dense one has room for, on average.
    pub average_dense_size: f64,
    /// How much of that is used, from 0 to 1.
    pub average_dense_fill: f64,
    /// How many elements a sparse one has room for, on average.
    pub average_sparse_size: f64,
}

impl From<ArrayInfo> for Reply {
    fn from(info: ArrayInfo) -> Self {
        let mut fields: Vec<(&str, Reply)> = vec![
            ("count", info.count.into()),
            ("len", info.len.into()),
            ("next-insert-index", info.next_insert_index.into()),
            ("slices", info.slices.into()),
            // Slices are in a tree, of which the whole is the directory.
            ("directory-size", info.slices.into()),
            ("super-dir-entries", 0_usize.into()),
            ("slice-size", info.slice_size.into()),
        ];
        if let Some(filling) = info.filling {
            fields.extend([
                ("dense-slices", filling.dense_slices.into()),
                ("sparse-slices", filling.sparse_slices.into()),
                ("avg-dense-size", filling.average_dense_size.into()),
                ("avg-dense-fill", filling.average_dense_fill.into()),
                ("avg-sparse-size", filling.average_sparse_size.into()),
            ]);
        }
        Reply::Map(fields.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
    }
}

impl<'a> Command<'a> for ArInfo<'a> {
    const SPEC: Spec = Spec {
        name: "ARINFO",
        arity: -2,
        summary: "Tells about an array and how it is kept.",
        complexity: "O(1), and O(N) with FULL, N being the number of its slices",
        syntax: "key [FULL]",
        ..READ
    };
    type Reply = ArrayInfo;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, full) = (args.bytes()?, args.take("FULL"));
        args.finish()?;
        Ok(ArInfo { key, full })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ArInfo<'a> {
    fn read(&self, db: &View<'_>) -> Result<ArrayInfo> {
        let array = db.array(self.key)?.ok_or(Error::NoSuchKey)?;
        Ok(ArrayInfo {
            count: array.len(),
            len: array.end(),
            next_insert_index: array.next_insert().unwrap_or(0),
            slices: array.slices(),
            slice_size: Array::SLICE_SIZE,
            filling: self.full.then(|| filling(array)),
        })
    }
}

fn filling(array: &Array) -> ArrayFilling {
    let shape = array.shape();
    let average = |sum: usize, count: usize| if count == 0 { 0.0 } else { sum as f64 / count as f64 };
    let sparse_slices = shape.slices - shape.dense;
    ArrayFilling {
        dense_slices: shape.dense,
        sparse_slices,
        average_dense_size: average(shape.dense_places, shape.dense),
        average_dense_fill: average(shape.dense_elements, shape.dense_places),
        average_sparse_size: average(shape.sparse_room, sparse_slices),
    }
}
