//! Hashes whose fields have deadlines.
//!
//! ```text
//! table     earliest: 8 | fields | (deadline - earliest + 1, or 0 for none | field | value) ...
//! listpack  earliest: 8 | listpack of (field, value, deadline or 0) ...
//! Valkey    fields | (field | value | deadline: 8, or -1 for none) ...
//! ```
//!
//! Moments are milliseconds since 1970, little-endian; the deadline in a table is a length. In a listpack the earliest deadline comes first and
//! the fields without one last. Before its release, Redis 7.4 wrote no earliest deadline, and each one in a table as it is.
use std::borrow::Cow;

use super::Corrupt;
use super::form;
use super::input::Input;
use super::listpack::{self, Listpack};
use super::output::Output;
use super::read::Packed;
use crate::UnixMs;
use crate::effect::Blob;
use crate::types::{Element, Encoding, Hash};

/// The last moment that Redis takes for a deadline.
const LATEST: u64 = (1 << 48) - 1;

/// Fields, values and deadlines.
type Fields<'a> = Vec<(Blob<'a>, Blob<'a>, Option<UnixMs>)>;

/// Whether the earliest deadline is written first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Earliest {
    Before,
    Unwritten,
}

impl Earliest {
    /// The moment from which a table's deadlines are counted, if it is not 1970.
    fn read(self, input: &mut Input<'_>) -> Result<Option<u64>, Corrupt> {
        match self {
            Self::Before => input.array().map(|bytes| Some(u64::from_le_bytes(bytes))),
            Self::Unwritten => Ok(None),
        }
    }
}

fn deadline(at: u64) -> Result<UnixMs, Corrupt> {
    if at <= LATEST { Ok(UnixMs(at as i64)) } else { Err(Corrupt) }
}

pub(super) fn read_table<'a>(input: &mut Input<'a>, earliest: Earliest) -> Result<Fields<'a>, Corrupt> {
    let earliest = earliest.read(input)?;
    input.many(|input| {
        let at = match (input.length()?, earliest) {
            (0, _) => None,
            (at, None) => Some(deadline(at)?),
            (later, Some(earliest)) => Some(deadline(earliest.checked_add(later - 1).ok_or(Corrupt)?)?),
        };
        Ok((Blob(input.string()?), Blob(input.string()?), at))
    })
}

/// As Valkey 9 writes it.
pub(super) fn read_of_valkey<'a>(input: &mut Input<'a>) -> Result<Fields<'a>, Corrupt> {
    input.many(|input| {
        let (field, value) = (Blob(input.string()?), Blob(input.string()?));
        let at = match i64::from_le_bytes(input.array()?) {
            -1 => None,
            at => Some(deadline(at as u64)?),
        };
        Ok((field, value, at))
    })
}

pub(super) fn read_listpack<'a>(input: &mut Input<'a>, earliest: Earliest) -> Result<Fields<'a>, Corrupt> {
    // The deadlines themselves say which is the earliest.
    earliest.read(input)?;
    match input.string()? {
        Cow::Borrowed(bytes) => triples(bytes, Blob::from),
        Cow::Owned(bytes) => triples(&bytes, |element| Blob::from(element).into_owned()),
    }
}

fn triples<'b, 'a>(bytes: &'b [u8], hold: impl Fn(Element<'b>) -> Blob<'a>) -> Result<Fields<'a>, Corrupt> {
    let mut elements = Listpack::open(bytes)?;
    let (mut fields, mut last) = (Vec::new(), 0);
    while let Some(field) = elements.next() {
        let (field, value) = (hold(field?), hold(elements.next().ok_or(Corrupt)??));
        let Element::Integer(at) = elements.next().ok_or(Corrupt)?? else { return Err(Corrupt) };
        // Whatever has none comes after whatever has one.
        let order = u64::try_from(at).map_err(|_| Corrupt)?.wrapping_sub(1);
        if order < last {
            return Err(Corrupt);
        }
        last = order;
        let at = if at == 0 { None } else { Some(deadline(at as u64)?) };
        fields.push((field, value, at));
    }
    Ok(fields)
}

/// Writes a hash of which some field has a deadline; false if none has.
pub(super) fn write(hash: &Hash, output: &mut Output) -> bool {
    let deadlines = hash.iter_timed().into_iter().flatten().filter_map(|(_, _, at)| at);
    let (Some(earliest), Some(fields)) = (deadlines.min(), hash.iter_timed()) else { return false };
    let is_packed = hash.encoding() == Encoding::ListpackEx;
    output.byte(if is_packed { form::HASH_TIMED_LISTPACK } else { form::HASH_TIMED });
    output.bytes(&earliest.0.to_le_bytes());
    if is_packed {
        let words =
            fields.flat_map(|(field, value, at)| [field, value, Element::Integer(at.map_or(0, |at| at.0))]);
        output.string(&listpack::write(words));
    } else {
        output.length(hash.len() as u64);
        for (field, value, at) in fields {
            output.length(at.map_or(0, |at| (at.0 - earliest.0) as u64 + 1));
            field.with(|field| output.string(field));
            value.with(|value| output.string(value));
        }
    }
    true
}
