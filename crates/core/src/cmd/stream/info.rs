//! What a stream, its groups and their consumers are like.
use super::group::group_of;
use super::{STREAM, StreamEntry};
use crate::cmd::{Args, Command, KeySpec, Late, Read, Spec, help_command, too_many};
use crate::tx::View;
use crate::types::stream::{Consumer, Group, IdempotencySettings, Producers, ProducersSummary};
use crate::types::{Stream, StreamId};
use crate::{Bytes, Error, Reply, Result, UnixMs};

pub(super) const XINFO: Spec = Spec {
    name: "XINFO",
    arity: -2,
    summary: "What is known of a stream.",
    complexity: "Depends on subcommand.",
    ..STREAM
};

const SUBCOMMAND: Spec = Spec { keys: &[KeySpec::range(&["RO", "access"], 2, 0, 1)], ..STREAM };

help_command!(XInfoHelp, "XINFO", STREAM);

fn required<'v>(db: &View<'v>, key: &[u8]) -> Result<&'v Stream> {
    db.stream(key)?.ok_or(Error::NoSuchKey)
}

/// A map under Redis's names.
fn map(pairs: impl IntoIterator<Item = (&'static str, Reply)>) -> Reply {
    Reply::Map(pairs.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

fn count(number: u64) -> Reply {
    Reply::Integer(number as i64)
}

/// A stream, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// How many entries it has.
    pub length: usize,
    /// How many packed parts.
    pub radix_tree_keys: usize,
    /// How many nodes Redis has for them.
    pub radix_tree_nodes: usize,
    /// The last ID that was ever given.
    pub last_generated_id: StreamId,
    /// The last of the IDs that were deleted.
    pub max_deleted_entry_id: StreamId,
    /// How many entries there ever were.
    pub entries_added: u64,
    /// The first entry's ID; `0-0` if there is none.
    pub recorded_first_entry_id: StreamId,
    /// What is known of producers, if anything was ever said of them.
    pub producers: Option<ProducersInfo>,
    /// How many groups it has.
    pub groups: usize,
    /// The first entry.
    pub first_entry: Option<StreamEntry>,
    /// The last entry.
    pub last_entry: Option<StreamEntry>,
}

/// The producers of a stream whose entries are not added twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducersInfo {
    /// For how long, and how many, IDs are remembered.
    pub settings: IdempotencySettings,
    /// Of how many producers IDs are remembered.
    pub pids_tracked: usize,
    /// How many IDs are remembered.
    pub iids_tracked: usize,
    /// How many IDs there ever were.
    pub iids_added: u64,
    /// How many entries were not added because their IDs were known.
    pub iids_duplicates: u64,
}

impl ProducersInfo {
    fn of(producers: &Producers, now: UnixMs) -> Self {
        let (pids_tracked, iids_tracked) = producers.tracked(now);
        let ProducersSummary { settings, added, duplicates } = producers.summary();
        Self { settings, pids_tracked, iids_tracked, iids_added: added, iids_duplicates: duplicates }
    }

    fn named(&self) -> [(&'static str, Reply); 6] {
        [
            ("idmp-duration", count(self.settings.duration_s.into())),
            ("idmp-maxsize", count(self.settings.max_size.into())),
            ("pids-tracked", self.pids_tracked.into()),
            ("iids-tracked", self.iids_tracked.into()),
            ("iids-added", count(self.iids_added)),
            ("iids-duplicates", count(self.iids_duplicates)),
        ]
    }
}

impl StreamInfo {
    fn of(stream: &Stream, now: UnixMs) -> Self {
        let first_entry = stream.first().map(StreamEntry::from);
        Self {
            length: stream.len(),
            radix_tree_keys: stream.block_count(),
            radix_tree_nodes: stream.radix_tree_nodes(),
            last_generated_id: stream.last_id(),
            max_deleted_entry_id: stream.max_deleted_id(),
            entries_added: stream.entries_added(),
            recorded_first_entry_id: first_entry.as_ref().map_or(StreamId::MIN, |entry| entry.id),
            producers: stream.producers().map(|producers| ProducersInfo::of(producers, now)),
            groups: stream.group_count(),
            first_entry,
            last_entry: stream.last().map(StreamEntry::from),
        }
    }

    /// What is said of it in short and in full.
    fn head(&self) -> impl Iterator<Item = (&'static str, Reply)> + use<> {
        let entries = [
            ("length", self.length.into()),
            ("radix-tree-keys", self.radix_tree_keys.into()),
            ("radix-tree-nodes", self.radix_tree_nodes.into()),
            ("last-generated-id", self.last_generated_id.into()),
            ("max-deleted-entry-id", self.max_deleted_entry_id.into()),
            ("entries-added", count(self.entries_added)),
            ("recorded-first-entry-id", self.recorded_first_entry_id.into()),
        ];
        entries.into_iter().chain(self.producers.as_ref().map(ProducersInfo::named).into_iter().flatten())
    }
}

impl From<StreamInfo> for Reply {
    fn from(info: StreamInfo) -> Self {
        map(info.head().chain([
            ("groups", info.groups.into()),
            ("first-entry", info.first_entry.into()),
            ("last-entry", info.last_entry.into()),
        ]))
    }
}

/// A stream with its entries, groups and consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullStream {
    /// The same in short.
    pub info: StreamInfo,
    /// Its first entries.
    pub entries: Vec<StreamEntry>,
    /// Its groups, by name.
    pub groups: Vec<FullGroup>,
}

/// A group with its consumers and the first of what it has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullGroup {
    /// The same in short.
    pub info: GroupInfo,
    /// The first entries that are not acknowledged.
    pub pending: Vec<FullPending>,
    /// Its consumers, by name.
    pub consumers: Vec<FullConsumer>,
}

/// An entry that is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullPending {
    /// The entry.
    pub id: StreamId,
    /// Who has it; nobody if it was given back.
    pub consumer: Option<Bytes>,
    /// When it was given last.
    pub delivered_at: UnixMs,
    /// How often it was given.
    pub deliveries: u64,
}

/// A consumer with the first of what it has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullConsumer {
    /// Its name.
    pub name: Bytes,
    /// When it last asked for something.
    pub seen_at: UnixMs,
    /// When it last got something.
    pub active_at: Option<UnixMs>,
    /// How many entries it has.
    pub pending_count: usize,
    /// The first of them.
    pub pending: Vec<FullPending>,
}

impl FullStream {
    fn of(stream: &Stream, now: UnixMs, most: usize) -> Self {
        Self {
            info: StreamInfo::of(stream, now),
            entries: stream.iter().take(most).map(StreamEntry::from).collect(),
            groups: stream.groups().map(|(name, group)| FullGroup::of(stream, name, group, most)).collect(),
        }
    }
}

impl FullGroup {
    fn of(stream: &Stream, name: &[u8], group: &Group, most: usize) -> Self {
        let pending = |id: StreamId| {
            let pending = group.pending_at(id)?;
            Some(FullPending {
                id,
                consumer: group.owner(&pending).map(Bytes::copy_from_slice),
                delivered_at: pending.delivered_at,
                deliveries: pending.deliveries,
            })
        };
        let consumer = |(_, consumer): (u32, &Consumer)| FullConsumer {
            name: Bytes::copy_from_slice(consumer.name()),
            seen_at: consumer.seen_at,
            active_at: consumer.active_at,
            pending_count: consumer.pending_len(),
            pending: consumer.pending(..).take(most).filter_map(pending).collect(),
        };
        Self {
            info: GroupInfo::of(stream, name, group),
            pending: group.pending(..).take(most).filter_map(|(id, _)| pending(id)).collect(),
            consumers: group.consumers().map(consumer).collect(),
        }
    }
}

impl From<FullStream> for Reply {
    fn from(full: FullStream) -> Self {
        let head = full.info.head();
        map(head.chain([("entries", full.entries.into()), ("groups", full.groups.into())]))
    }
}

impl From<FullGroup> for Reply {
    fn from(group: FullGroup) -> Self {
        let pending = |entry: FullPending| {
            Reply::Array(vec![
                entry.id.into(),
                entry.consumer.unwrap_or_default().into(),
                Reply::Integer(entry.delivered_at.0),
                count(entry.deliveries),
            ])
        };
        map([
            ("name", group.info.name.into()),
            ("last-delivered-id", group.info.last_delivered_id.into()),
            ("entries-read", group.info.entries_read.map(count).into()),
            ("lag", group.info.lag.into()),
            ("pel-count", group.info.pending.into()),
            ("pending", Reply::Array(group.pending.into_iter().map(pending).collect())),
            ("consumers", group.consumers.into()),
        ])
    }
}

impl From<FullConsumer> for Reply {
    fn from(consumer: FullConsumer) -> Self {
        let pending = |entry: FullPending| {
            Reply::Array(vec![entry.id.into(), Reply::Integer(entry.delivered_at.0), count(entry.deliveries)])
        };
        map([
            ("name", consumer.name.into()),
            ("seen-time", Reply::Integer(consumer.seen_at.0)),
            ("active-time", Reply::Integer(consumer.active_at.map_or(-1, |at| at.0))),
            ("pel-count", consumer.pending_count.into()),
            ("pending", Reply::Array(consumer.pending.into_iter().map(pending).collect())),
        ])
    }
}

/// `XINFO STREAM`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XInfoStreamReply {
    /// In short.
    Short(StreamInfo),
    /// With `FULL`.
    Full(FullStream),
}

impl From<XInfoStreamReply> for Reply {
    fn from(reply: XInfoStreamReply) -> Self {
        match reply {
            XInfoStreamReply::Short(info) => info.into(),
            XInfoStreamReply::Full(full) => full.into(),
        }
    }
}

/// `XINFO STREAM key [FULL [COUNT count]]`
#[derive(Clone, Debug)]
pub struct XInfoStream<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Everything, with so many entries of each list (all if it is 0).
    pub full: Late<Option<usize>>,
}

impl XInfoStream<'_> {
    /// How many entries `FULL` shows if it is not said.
    pub const COUNT: usize = 10;
}

/// `[FULL [COUNT count]]`
fn parse_full(args: &mut Args<'_>) -> Late<Option<usize>> {
    if args.is_empty() {
        return Ok(None);
    }
    let is_whole = args.take("FULL") && (args.is_empty() || args.remaining() == 2 && args.take("COUNT"));
    if !is_whole {
        return Err(too_many(args));
    }
    let count = if args.is_empty() { None } else { usize::try_from(args.int()?).ok() };
    Ok(Some(count.unwrap_or(XInfoStream::COUNT)))
}

impl<'a> Command<'a> for XInfoStream<'a> {
    const SPEC: Spec = Spec {
        name: "XINFO STREAM",
        arity: -3,
        summary: "Describes a stream.",
        complexity: "O(P), P being the number of packed parts, and the number of entries shown",
        syntax: "key [FULL [COUNT count]]",
        ..SUBCOMMAND
    };
    type Reply = XInfoStreamReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XInfoStream { key: args.bytes()?, full: parse_full(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for XInfoStream<'a> {
    fn read(&self, db: &View<'_>) -> Result<XInfoStreamReply> {
        let stream = required(db, self.key)?;
        let now = db.now();
        Ok(match self.full.clone()? {
            None => XInfoStreamReply::Short(StreamInfo::of(stream, now)),
            Some(0) => XInfoStreamReply::Full(FullStream::of(stream, now, usize::MAX)),
            Some(most) => XInfoStreamReply::Full(FullStream::of(stream, now, most)),
        })
    }
}

/// A group, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub name: Bytes,
    /// How many consumers it has.
    pub consumers: usize,
    /// How many entries it was given and has not acknowledged.
    pub pending: usize,
    /// The last entry that it was given.
    pub last_delivered_id: StreamId,
    /// How many entries it was given, if that is known.
    pub entries_read: Option<u64>,
    /// How many entries it was not given yet, if that can be told. Less than none if `XGROUP SETID` told it of more than there are.
    pub lag: Option<i64>,
}

impl GroupInfo {
    fn of(stream: &Stream, name: &[u8], group: &Group) -> Self {
        Self {
            name: Bytes::copy_from_slice(name),
            consumers: group.consumers().len(),
            pending: group.pending_len(),
            last_delivered_id: group.last_id(),
            entries_read: group.entries_read(),
            lag: stream.lag(group),
        }
    }
}

impl From<GroupInfo> for Reply {
    fn from(group: GroupInfo) -> Self {
        map([
            ("name", group.name.into()),
            ("consumers", group.consumers.into()),
            ("pending", group.pending.into()),
            ("last-delivered-id", group.last_delivered_id.into()),
            ("entries-read", group.entries_read.map(count).into()),
            ("lag", group.lag.into()),
        ])
    }
}

/// `XINFO GROUPS key`
#[derive(Clone, Debug)]
pub struct XInfoGroups<'a> {
    /// The key.
    pub key: &'a [u8],
}

impl<'a> Command<'a> for XInfoGroups<'a> {
    const SPEC: Spec = Spec {
        name: "XINFO GROUPS",
        arity: 3,
        summary: "Describes the groups of a stream.",
        complexity: "O(N), N being the number of groups",
        syntax: "key",
        ..SUBCOMMAND
    };
    type Reply = Vec<GroupInfo>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XInfoGroups { key: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for XInfoGroups<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<GroupInfo>> {
        let stream = required(db, self.key)?;
        Ok(stream.groups().map(|(name, group)| GroupInfo::of(stream, name, group)).collect())
    }
}

/// A consumer, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerInfo {
    /// Its name.
    pub name: Bytes,
    /// How many entries it was given and has not acknowledged.
    pub pending: usize,
    /// How many milliseconds ago it asked for something.
    pub idle_ms: u64,
    /// How many milliseconds ago it got something; `None` if it never did.
    pub inactive_ms: Option<u64>,
}

impl From<ConsumerInfo> for Reply {
    fn from(consumer: ConsumerInfo) -> Self {
        map([
            ("name", consumer.name.into()),
            ("pending", consumer.pending.into()),
            ("idle", count(consumer.idle_ms)),
            ("inactive", consumer.inactive_ms.map_or(Reply::Integer(-1), count)),
        ])
    }
}

/// `XINFO CONSUMERS key group`
#[derive(Clone, Debug)]
pub struct XInfoConsumers<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
}

impl<'a> Command<'a> for XInfoConsumers<'a> {
    const SPEC: Spec = Spec {
        name: "XINFO CONSUMERS",
        arity: 4,
        tips: &["nondeterministic_output"],
        summary: "Describes the consumers of a group.",
        complexity: "O(N), N being the number of consumers",
        syntax: "key group",
        ..SUBCOMMAND
    };
    type Reply = Vec<ConsumerInfo>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XInfoConsumers { key: args.bytes()?, group: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for XInfoConsumers<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<ConsumerInfo>> {
        let group = group_of(required(db, self.key)?, self.key, self.group)?;
        let now = db.now();
        let consumer = |(_, consumer): (u32, &Consumer)| ConsumerInfo {
            name: Bytes::copy_from_slice(consumer.name()),
            pending: consumer.pending_len(),
            idle_ms: now.milliseconds_since(consumer.seen_at),
            inactive_ms: consumer.active_at.map(|at| now.milliseconds_since(at)),
        };
        Ok(group.consumers().map(consumer).collect())
    }
}
