//! Groups of consumers: making and removing them, and acknowledging what they were given.
use std::borrow::Cow;

use super::{Deletion, References, STREAM, delete, parse_deletion, parse_id, parse_ids};
use crate::cmd::{Args, Command, Flags, KeySpec, Late, Spec, Write, help_command, too_many};
use crate::effect::Blob;
use crate::tx::{StreamMut, Tx, View};
use crate::types::stream::{Group, StreamChange};
use crate::types::{Stream, StreamId};
use crate::{Error, Result, UnixMs};

pub(super) const XGROUP: Spec = Spec {
    name: "XGROUP",
    arity: -2,
    summary: "Groups of consumers that share a stream.",
    complexity: "Depends on subcommand.",
    ..STREAM
};

const SUBCOMMAND: Spec = Spec { name: "", keys: &[KeySpec::range(&["RW", "update"], 2, 0, 1)], ..STREAM };

help_command!(XGroupHelp, "XGROUP", STREAM);

/// Where a group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStart {
    /// With the entries after this one.
    After(StreamId),
    /// With what is added from now on: `$`.
    End,
}

impl GroupStart {
    fn parse(text: &[u8]) -> Late<Self> {
        Ok(if text == b"$" { GroupStart::End } else { GroupStart::After(parse_id(text, 0)?) })
    }

    /// The same, where the ends of every stream are understood too.
    fn parse_with_ends(text: &[u8]) -> Late<Self> {
        match text {
            b"-" => Ok(GroupStart::After(StreamId::MIN)),
            b"+" => Ok(GroupStart::After(StreamId::MAX)),
            other => Self::parse(other),
        }
    }

    fn resolve(self, stream: Option<&Stream>) -> StreamId {
        match self {
            GroupStart::After(id) => id,
            GroupStart::End => stream.map_or(StreamId::MIN, Stream::last_id),
        }
    }
}

impl From<StreamId> for GroupStart {
    fn from(id: StreamId) -> Self {
        GroupStart::After(id)
    }
}

/// The refusal of a group that is not there.
fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    Error::Refused(format!("NOGROUP No such consumer group '{group}' for key name '{key}'").into())
}

/// The stream, which must be there.
fn required<'v>(db: &View<'v>, key: &[u8]) -> Result<&'v Stream> {
    db.stream(key)?.ok_or(Error::refused(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
         MKSTREAM option to create an empty stream automatically.",
    ))
}

/// The group of a stream, which must be there.
pub(super) fn group_of<'s>(stream: &'s Stream, key: &[u8], group: &[u8]) -> Result<&'s Group> {
    stream.group(group).ok_or_else(|| no_group(key, group))
}

/// `[MKSTREAM] [ENTRIESREAD entries-read]`
fn parse_options(args: &mut Args<'_>, may_make: bool) -> Result<(bool, Option<u64>)> {
    let (mut make, mut entries_read) = (false, None);
    while !args.is_empty() {
        if may_make && args.take("MKSTREAM") {
            make = true;
        } else if args.take_with("ENTRIESREAD", 1) {
            entries_read = match args.int()? {
                -1 => None,
                read => Some(
                    u64::try_from(read)
                        .map_err(|_| Error::refused("ERR value for ENTRIESREAD must be positive or -1"))?,
                ),
            };
        } else {
            return Err(too_many(args));
        }
    }
    Ok((make, entries_read))
}

/// `XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]`
#[derive(Clone, Debug)]
pub struct XGroupCreate<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// Where it begins. Words that are no ID, and more options than there are, are refused once the stream was looked at.
    pub start: Late<GroupStart>,
    /// Whether the stream is made if there is none.
    pub make_stream: bool,
    /// How many entries there were up to where it begins, if that is known.
    pub entries_read: Option<u64>,
}

impl<'a> Command<'a> for XGroupCreate<'a> {
    const SPEC: Spec = Spec {
        name: "XGROUP CREATE",
        arity: -5,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Makes a group of consumers.",
        syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
        ..SUBCOMMAND
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group, start) = (args.bytes()?, args.bytes()?, GroupStart::parse(args.bytes()?));
        let start = if args.remaining() <= 3 { start } else { Err(too_many(args)) };
        let (make_stream, entries_read) = parse_options(args, true)?;
        Ok(XGroupCreate { key, group, start, make_stream, entries_read })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XGroupCreate<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let view = db.view();
        let stream = if self.make_stream { view.stream(self.key)? } else { Some(required(&view, self.key)?) };
        let last_id = self.start.clone()?.resolve(stream);
        if stream.is_some_and(|stream| stream.group(self.group).is_some()) {
            return Err(Error::Refused("BUSYGROUP Consumer Group name already exists".into()));
        }
        let group = Blob::from(self.group);
        let create = StreamChange::CreateGroup { group, last_id, entries_read: self.entries_read };
        db.stream_mut(self.key)?.apply(&create, Some("xgroup-create"));
        Ok(())
    }
}

/// `XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]`
#[derive(Clone, Debug)]
pub struct XGroupSetId<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// Where it goes on.
    pub start: Late<GroupStart>,
    /// How many entries there were up to there, if that is known.
    pub entries_read: Option<u64>,
}

impl<'a> Command<'a> for XGroupSetId<'a> {
    const SPEC: Spec = Spec {
        name: "XGROUP SETID",
        arity: -5,
        summary: "Says after which entry a group of consumers goes on.",
        syntax: "key group <id | $> [ENTRIESREAD entries-read]",
        ..SUBCOMMAND
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group, start) = (args.bytes()?, args.bytes()?, GroupStart::parse_with_ends(args.bytes()?));
        let start = if matches!(args.remaining(), 0 | 2) { start } else { Err(too_many(args)) };
        let (_, entries_read) = parse_options(args, false)?;
        Ok(XGroupSetId { key, group, start, entries_read })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XGroupSetId<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let stream = required(&db.view(), self.key)?;
        group_of(stream, self.key, self.group)?;
        let last_id = self.start.clone()?.resolve(Some(stream));
        let set =
            StreamChange::SetGroup { group: self.group.into(), last_id, entries_read: self.entries_read };
        db.stream_mut(self.key)?.apply(&set, Some("xgroup-setid"));
        Ok(())
    }
}

/// `XGROUP DESTROY key group`
#[derive(Clone, Debug)]
pub struct XGroupDestroy<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
}

impl<'a> Command<'a> for XGroupDestroy<'a> {
    const SPEC: Spec = Spec {
        name: "XGROUP DESTROY",
        arity: 4,
        keys: &[KeySpec::range(&["RW", "delete"], 2, 0, 1)],
        summary: "Removes a group of consumers with what it has not acknowledged; false if there is none.",
        complexity: "O(N), N being the number of entries that are not acknowledged",
        syntax: "key group",
        ..SUBCOMMAND
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XGroupDestroy { key: args.bytes()?, group: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XGroupDestroy<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        required(&db.view(), self.key)?;
        let destroy = StreamChange::DestroyGroup { group: self.group.into() };
        Ok(db.stream_mut(self.key)?.apply(&destroy, Some("xgroup-destroy")))
    }
}

macro_rules! consumer_command {
    ($type:ident -> $reply:ty, $name:literal, $since:literal, $flags:expr, $use:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " key group consumer`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The group.
            pub group: &'a [u8],
            /// The consumer.
            pub consumer: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 5,
                since: $since,
                flags: $flags,
                keys: &[KeySpec::range(&["RW", $use], 2, 0, 1)],
                summary: $summary,
                syntax: "key group consumer",
                ..SUBCOMMAND
            };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, group: args.bytes()?, consumer: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

consumer_command!(
    XGroupCreateConsumer -> bool,
    "XGROUP CREATECONSUMER",
    "6.2.0",
    Flags::DENYOOM,
    "insert",
    "Makes a consumer of a group; false if it is there."
);
consumer_command!(
    XGroupDelConsumer -> usize,
    "XGROUP DELCONSUMER",
    "5.0.0",
    Flags::NONE,
    "delete",
    "Removes a consumer of a group, and returns how many entries it had not acknowledged."
);

impl<'a> Write<'a> for XGroupCreateConsumer<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let group = group_of(required(&db.view(), self.key)?, self.key, self.group)?;
        if group.consumer(self.consumer).is_some() {
            return Ok(false);
        }
        let now = db.now();
        make_consumer(&mut db.stream_mut(self.key)?, self.group, self.consumer, now);
        Ok(true)
    }
}

/// Makes a consumer, seen now and never active.
pub(super) fn make_consumer(stream: &mut StreamMut<'_, '_>, group: &[u8], consumer: &[u8], now: UnixMs) {
    let (group, consumer) = (group.into(), consumer.into());
    let make = StreamChange::SetConsumer { group, consumer, seen_at: now, active_at: None };
    stream.apply(&make, Some("xgroup-createconsumer"));
}

/// Notes that a consumer asks for something; one that is not there is made.
pub(super) fn see_consumer(stream: &mut StreamMut<'_, '_>, group: &[u8], consumer: &[u8], now: UnixMs) {
    let found = stream.group(group).and_then(|group| group.consumer(consumer));
    match found.map(|(_, found)| found.active_at) {
        None => make_consumer(stream, group, consumer, now),
        Some(active_at) => {
            let (group, consumer) = (group.into(), consumer.into());
            let see = StreamChange::SetConsumer { group, consumer, seen_at: now, active_at };
            stream.apply_unrecorded(&see);
        }
    }
}

/// Notes that a consumer has got something.
pub(super) fn activate_consumer(stream: &mut StreamMut<'_, '_>, group: &[u8], consumer: &[u8], now: UnixMs) {
    let (group, consumer) = (group.into(), consumer.into());
    let set = StreamChange::SetConsumer { group, consumer, seen_at: now, active_at: Some(now) };
    stream.apply(&set, None);
}

impl<'a> Write<'a> for XGroupDelConsumer<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let group = group_of(required(&db.view(), self.key)?, self.key, self.group)?;
        let Some((_, consumer)) = group.consumer(self.consumer) else { return Ok(0) };
        let pending = consumer.pending_len();
        let delete =
            StreamChange::DeleteConsumer { group: self.group.into(), consumer: self.consumer.into() };
        db.stream_mut(self.key)?.apply(&delete, Some("xgroup-delconsumer"));
        Ok(pending)
    }
}

/// `XACK key group id [id ...]`
#[derive(Clone, Debug)]
pub struct XAck<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// The entries.
    pub ids: Late<Cow<'a, [StreamId]>>,
}

impl<'a> Command<'a> for XAck<'a> {
    const SPEC: Spec = Spec {
        name: "XACK",
        arity: -4,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Acknowledges entries that a group was given, and returns how many were not before.",
        complexity: "O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged",
        syntax: "key group id [id ...]",
        ..STREAM
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XAck { key: args.bytes()?, group: args.bytes()?, ids: parse_ids(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XAck<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if db.view().counting().stream(self.key)?.is_none_or(|stream| stream.group(self.group).is_none()) {
            return Ok(0);
        }
        let ids = self.ids.as_ref().map_err(Error::clone)?;
        let mut stream = db.stream_mut(self.key)?;
        Ok(ids.iter().filter(|id| acknowledge(&mut stream, self.group, **id)).count())
    }
}

/// False if the entry was not pending.
pub(super) fn acknowledge(stream: &mut StreamMut<'_, '_>, group: &[u8], id: StreamId) -> bool {
    stream.apply(&StreamChange::Acknowledge { group: group.into(), id }, None)
}

/// `XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]`
#[derive(Clone, Debug)]
pub struct XAckDel<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// What of entries that other groups have to do with.
    pub references: References,
    /// The entries.
    pub ids: Cow<'a, [StreamId]>,
}

impl<'a> Command<'a> for XAckDel<'a> {
    const SPEC: Spec = Spec {
        name: "XACKDEL",
        arity: -6,
        since: "8.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update", "delete"])],
        summary: "Acknowledges entries that a group was given, and deletes them.",
        complexity: "O(N*log(S)), N being the number of IDs and S the number of entries",
        syntax: "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        ..STREAM
    };
    type Reply = Vec<Deletion>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group) = (args.bytes()?, args.bytes()?);
        let (references, ids) = parse_deletion(args)?;
        Ok(XAckDel { key, group, references, ids })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XAckDel<'a> {
    /// An entry that the group has not pending is left as it is.
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<Deletion>> {
        if db.view().counting().stream(self.key)?.is_none_or(|stream| stream.group(self.group).is_none()) {
            return Ok(vec![Deletion::NotFound; self.ids.len()]);
        }
        let mut stream = db.stream_mut(self.key)?;
        let mut end = |id: &StreamId| {
            if !acknowledge(&mut stream, self.group, *id) {
                return Deletion::NotFound;
            }
            match delete(&mut stream, *id, self.references) {
                // It was acknowledged, and is gone.
                Deletion::NotFound => Deletion::Deleted,
                done => done,
            }
        };
        Ok(self.ids.iter().map(&mut end).collect())
    }
}
