//! Streams.
//!
//! ```text
//! stream    blocks | (first ID: 16, listpack) ... | entries | last ID | [first ID | last deleted ID | entries ever added]
//!           | groups | group ...
//! listpack  entries | deleted entries | names | name ... | 0 | entry ...
//! entry     flags | ms | seq | [fields, if its names are its own] | (name)? value ... | elements of this entry
//! group     name | last ID | [entries read] | pending | (ID: 16, delivered at: 8, deliveries) ... | consumers | consumer ...
//! consumer  name | seen at: 8 | [active at: 8] | pending | (ID: 16) ...
//! ```
//!
//! What has no size here is a length, and an ID without one is two of them; counts are of what follows. IDs of 16 bytes are
//! big-endian, moments are milliseconds since 1970, little-endian. `ms` and `seq` count from the block's first ID. The second form (Redis
//! 7.0) added what is in brackets but for `active at`, which the third one did (7.2).
//!
//! An entry that was deleted is written no more, though Redis keeps it until its block goes.
use std::collections::HashMap;

use super::Corrupt;
use super::form;
use super::input::Input;
use super::listpack::{self, Listpack};
use super::output::Output;
use super::read::Packed;
use crate::UnixMs;
use crate::effect::Blob;
use crate::number::parse_i64;
use crate::types::stream::{
    BlockBuilder, BlockImage, BlockRef, ConsumerImage, Group, GroupImage, PendingImage, StreamId, StreamImage,
};
use crate::types::{Element, Spelled, Stream};

/// An entry was deleted.
const DELETED: i64 = 1;
/// An entry has the names of its block.
const SAME_NAMES: i64 = 2;
/// A number that is not known, or a moment that never was.
const NONE: u64 = u64::MAX;

/// The forms, each with more in it than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    First,
    Second,
    Third,
}

pub(super) fn read<'a>(input: &mut Input<'a>, version: Version) -> Result<StreamImage<'a>, Corrupt> {
    let mut blocks = Vec::new();
    let mut found = 0;
    for _ in 0..input.length()? {
        let base = string_id(&input.string()?)?;
        let (block, entries) = read_block(base, &input.string()?)?;
        found += entries;
        blocks.extend(block);
    }
    if input.length()? != found {
        return Err(Corrupt);
    }
    let last_id = read_id(input)?;
    let (max_deleted_id, entries_added) = if version >= Version::Second {
        // Which one is the first, the entries say.
        read_id(input)?;
        (read_id(input)?, input.length()?)
    } else {
        (StreamId::MIN, found)
    };
    let mut image =
        StreamImage { blocks, last_id, max_deleted_id, entries_added, groups: Vec::new(), producers: None };
    let groups = input.many(|input| read_group(input, version))?;
    if version == Version::First {
        // How many entries a group had read was not written yet.
        let stream = Stream::from_image(&image).ok_or(Corrupt)?;
        let read =
            |group: GroupImage<'a>| GroupImage { entries_read: stream.entries_up_to(group.last_id), ..group };
        image.groups = groups.into_iter().map(read).collect();
    } else {
        image.groups = groups;
    }
    Ok(image)
}

fn string_id(bytes: &[u8]) -> Result<StreamId, Corrupt> {
    bytes.try_into().map(StreamId::from_be_bytes).map_err(|_| Corrupt)
}

fn read_id(input: &mut Input<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId { ms: input.length()?, seq: input.length()? })
}

fn read_moment(input: &mut Input<'_>) -> Result<UnixMs, Corrupt> {
    input.array().map(|bytes| UnixMs(i64::from_le_bytes(bytes)))
}

/// The elements of a block, one after the other.
struct Elements<'a>(Listpack<'a>);

impl<'a> Elements<'a> {
    fn next(&mut self) -> Result<Element<'a>, Corrupt> {
        self.0.next().ok_or(Corrupt)?
    }

    fn number(&mut self) -> Result<i64, Corrupt> {
        match self.next()? {
            Element::Integer(value) => Ok(value),
            Element::Text(text) => parse_i64(text).ok_or(Corrupt),
        }
    }

    fn count(&mut self) -> Result<u64, Corrupt> {
        u64::try_from(self.number()?).map_err(|_| Corrupt)
    }

    fn texts(&mut self, count: u64) -> Result<Vec<Spelled<'a>>, Corrupt> {
        // No room is made for what is only claimed.
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.next()?.spell());
        }
        Ok(texts)
    }
}

/// A block, unless all of its entries were deleted, and how many it has.
fn read_block(base: StreamId, pack: &[u8]) -> Result<(Option<BlockImage<'static>>, u64), Corrupt> {
    let mut elements = Elements(Listpack::open(pack)?);
    let (live, deleted) = (elements.count()?, elements.count()?);
    let name_count = elements.count()?;
    let names = elements.texts(name_count)?;
    if elements.number()? != 0 {
        return Err(Corrupt);
    }
    let mut builder = BlockBuilder::new(base, &names);
    let (mut found_live, mut found_deleted) = (0, 0);
    for _ in 0..live.checked_add(deleted).ok_or(Corrupt)? {
        let flags = elements.number()?;
        let (ms, seq) = (elements.number()?, elements.number()?);
        let id = StreamId { ms: base.ms.wrapping_add(ms as u64), seq: base.seq.wrapping_add(seq as u64) };
        let has_same_names = flags & SAME_NAMES != 0;
        let words = if has_same_names {
            let values = elements.texts(name_count)?;
            names.iter().cloned().zip(values).flat_map(|(name, value)| [name, value]).collect()
        } else {
            let fields = elements.count()?;
            elements.texts(fields.checked_mul(2).ok_or(Corrupt)?)?
        };
        let expected = if has_same_names { words.len() / 2 + 3 } else { words.len() + 4 };
        if elements.number()? != expected as i64 {
            return Err(Corrupt);
        }
        if flags & DELETED != 0 {
            found_deleted += 1;
        } else {
            found_live += 1;
            builder.push(id, &words).ok_or(Corrupt)?;
        }
    }
    let is_as_expected = (found_live, found_deleted) == (live, deleted);
    if !is_as_expected || elements.0.next().is_some() {
        return Err(Corrupt);
    }
    Ok((builder.finish(deleted), live))
}

fn read_group<'a>(input: &mut Input<'a>, version: Version) -> Result<GroupImage<'a>, Corrupt> {
    let (name, last_id) = (Blob(input.string()?), read_id(input)?);
    let entries_read =
        if version >= Version::Second { Some(input.length()?).filter(|read| *read != NONE) } else { None };
    let mut pending = input.many(|input| {
        let id = StreamId::from_be_bytes(input.array()?);
        let (delivered_at, deliveries) = (read_moment(input)?, input.length()?);
        Ok(PendingImage { id, consumer: None, delivered_at, deliveries })
    })?;
    let places: HashMap<_, _> = pending.iter().zip(0..).map(|(pending, place)| (pending.id, place)).collect();
    let mut consumers = Vec::new();
    for number in 0..input.length()? {
        let (name, seen_at) = (Blob(input.string()?), read_moment(input)?);
        let active_at = if version >= Version::Third {
            Some(read_moment(input)?).filter(|at| at.0 as u64 != NONE)
        } else {
            Some(seen_at)
        };
        for _ in 0..input.length()? {
            let place: &usize = places.get(&StreamId::from_be_bytes(input.array()?)).ok_or(Corrupt)?;
            let owner = pending[*place].consumer.replace(u32::try_from(number).map_err(|_| Corrupt)?);
            if owner.is_some() {
                return Err(Corrupt);
            }
        }
        consumers.push(ConsumerImage { name, seen_at, active_at });
    }
    if pending.iter().any(|pending| pending.consumer.is_none()) {
        return Err(Corrupt);
    }
    Ok(GroupImage { name, last_id, entries_read, consumers, pending })
}

pub(super) fn write(stream: &Stream, output: &mut Output) {
    output.byte(form::STREAM_3);
    output.length(stream.block_count() as u64);
    for block in stream.blocks() {
        output.string(&block.base.to_be_bytes());
        write_block(&block, output);
    }
    output.length(stream.len() as u64);
    write_id(stream.last_id(), output);
    write_id(stream.first().map_or(StreamId::MIN, |first| first.id), output);
    write_id(stream.max_deleted_id(), output);
    output.length(stream.entries_added());
    output.length(stream.group_count() as u64);
    for (name, group) in stream.groups() {
        output.string(name);
        write_group(group, output);
    }
}

fn write_id(id: StreamId, output: &mut Output) {
    output.length(id.ms);
    output.length(id.seq);
}

fn write_moment(moment: Option<UnixMs>, output: &mut Output) {
    output.bytes(&moment.map_or(NONE, |at| at.0 as u64).to_le_bytes());
}

fn write_block(block: &BlockRef<'_>, output: &mut Output) {
    let number = |value: usize| Element::Integer(value as i64);
    let mut elements = vec![number(block.len), number(0), number(block.names().len())];
    elements.extend(block.names().map(Element::of));
    elements.push(number(0));
    for entry in block.entries() {
        let StreamId { ms, seq } = entry.id;
        let (ms, seq) = (ms.wrapping_sub(block.base.ms), seq.wrapping_sub(block.base.seq));
        let has_same_names = entry.fields.are_of_block();
        elements.push(Element::Integer(if has_same_names { SAME_NAMES } else { 0 }));
        elements.extend([Element::Integer(ms as i64), Element::Integer(seq as i64)]);
        let fields = entry.fields.len();
        if has_same_names {
            elements.extend(entry.fields.map(|(_, value)| Element::of(value)));
            elements.push(number(fields + 3));
        } else {
            elements.push(number(fields));
            elements.extend(entry.fields.flat_map(|(name, value)| [Element::of(name), Element::of(value)]));
            elements.push(number(2 * fields + 4));
        }
    }
    output.string(&listpack::write(elements.into_iter()));
}

fn write_group(group: &Group, output: &mut Output) {
    write_id(group.last_id(), output);
    output.length(group.entries_read().unwrap_or(NONE));
    // Redis 8.0 has no entry that nobody has: those become the first consumer's, and are lost where there is none.
    let first = group.consumers().next().map(|(number, _)| number);
    let pending: Vec<_> = group
        .pending(..)
        .filter_map(|(id, pending)| Some((id, pending, pending.consumer.or(first)?)))
        .collect();
    output.length(pending.len() as u64);
    for (id, pending, _) in &pending {
        output.bytes(&id.to_be_bytes());
        write_moment(Some(pending.delivered_at), output);
        output.length(pending.deliveries);
    }
    output.length(group.consumers().len() as u64);
    for (number, consumer) in group.consumers() {
        output.string(consumer.name());
        write_moment(Some(consumer.seen_at), output);
        write_moment(consumer.active_at, output);
        let own: Vec<_> = if Some(number) == first && group.unowned() > 0 {
            pending.iter().filter(|(_, _, owner)| *owner == number).map(|(id, ..)| *id).collect()
        } else {
            consumer.pending(..).collect()
        };
        output.length(own.len() as u64);
        own.iter().for_each(|id| output.bytes(&id.to_be_bytes()));
    }
}
