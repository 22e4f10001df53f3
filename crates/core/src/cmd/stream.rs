//! Streams: adding, reading ranges, deleting. What is about groups has files of its own.
//!
//! Commands and options of after Redis 8.0 follow <https://redis.io/docs/latest/commands/>.
pub mod group;
pub mod idempotency;
pub mod info;
pub mod pending;
pub mod read;

use std::borrow::Cow;
use std::ops::{Bound, RangeBounds};

use group::{
    XAck, XAckDel, XGROUP, XGroupCreate, XGroupCreateConsumer, XGroupDelConsumer, XGroupDestroy, XGroupHelp,
    XGroupSetId,
};
use idempotency::{Idempotency, XCfgSet, XIdmpRecord};
use info::{XINFO, XInfoConsumers, XInfoGroups, XInfoHelp, XInfoStream};
use pending::{XAutoClaim, XClaim, XNack, XPending};
use read::{XRead, XReadGroup};

use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::tx::{StreamMut, Tx, View};
use crate::types::stream::{EntryRef, StreamChange, Trim, TrimTo};
use crate::types::{Stream, StreamId};
use crate::{Bytes, Error, Reply, Result, UnixMs};

table! {
    write XAck,
    write XAckDel,
    write XAdd,
    write XAutoClaim,
    write XCfgSet,
    write XClaim,
    write XDel,
    write XDelEx,
    container XGROUP,
    write XGroupCreate,
    write XGroupCreateConsumer,
    write XGroupDelConsumer,
    write XGroupDestroy,
    control XGroupHelp,
    write XGroupSetId,
    write XIdmpRecord,
    container XINFO,
    read XInfoConsumers,
    read XInfoGroups,
    control XInfoHelp,
    read XInfoStream,
    read XLen,
    write XNack,
    read XPending,
    read XRange,
    waiting_read XRead,
    blocking XReadGroup,
    read XRevRange,
    write XSetId,
    write XTrim,
}

const STREAM: Spec = Spec { group: Group::Stream, since: "5.0.0", ..Spec::EMPTY };

const INVALID_ID: &str = "ERR Invalid stream ID specified as stream command argument";

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its ID.
    pub id: StreamId,
    /// Names and values, in the order in which they were given. Empty for an entry that a group still has to do with and that was
    /// deleted.
    pub fields: Vec<(Bytes, Bytes)>,
}

impl StreamEntry {
    fn deleted(id: StreamId) -> Self {
        Self { id, fields: Vec::new() }
    }

    /// The value of a field.
    ///
    /// ```
    /// use redlet_core::cmd::stream::StreamEntry;
    /// use redlet_core::types::StreamId;
    ///
    /// let entry = StreamEntry { id: StreamId::new(5, 0), fields: vec![("temperature".into(), "21".into())] };
    /// assert_eq!(entry.get("temperature"), Some(&"21".into()));
    /// assert_eq!(entry.get("humidity"), None);
    /// ```
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&Bytes> {
        self.fields.iter().find(|(field, _)| **field == *name.as_ref()).map(|(_, value)| value)
    }
}

impl From<EntryRef<'_>> for StreamEntry {
    fn from(entry: EntryRef<'_>) -> Self {
        let pair = |(name, value)| (Bytes::copy_from_slice(name), Bytes::copy_from_slice(value));
        Self { id: entry.id, fields: entry.fields.map(pair).collect() }
    }
}

impl From<StreamId> for Reply {
    fn from(id: StreamId) -> Self {
        Reply::bulk(id.to_string())
    }
}

impl From<StreamEntry> for Reply {
    fn from(entry: StreamEntry) -> Self {
        let fields = match entry.fields {
            none if none.is_empty() => Reply::NullArray,
            fields => Reply::Array(
                fields.into_iter().flat_map(|(name, value)| [name.into(), value.into()]).collect(),
            ),
        };
        Reply::Array(vec![entry.id.into(), fields])
    }
}

/// An ID that stands for itself.
fn parse_id(text: &[u8], missing_seq: u64) -> Result<StreamId> {
    StreamId::parse(text, missing_seq).ok_or(Error::refused(INVALID_ID))
}

/// IDs that are understood once it is known that they are needed.
fn parse_ids<'a>(args: &mut Args<'a>) -> Late<Cow<'a, [StreamId]>> {
    args.rest().iter().map(|word| parse_id(word, 0)).collect::<Result<Vec<_>>>().map(Cow::Owned)
}

/// `numids id [id ...]`
fn parse_counted_ids<'a>(args: &mut Args<'a>) -> Result<Cow<'a, [StreamId]>> {
    let count = args.int_where(|n| n > 0, "ERR Number of IDs must be a positive integer")?;
    let words = usize::try_from(count)
        .ok()
        .and_then(|count| args.many(count).ok())
        .ok_or(Error::refused("ERR The `numids` parameter must match the number of arguments"))?;
    words.iter().map(|word| parse_id(word, 0)).collect::<Result<Vec<_>>>().map(Cow::Owned)
}

/// One end of a range of IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdBound {
    /// The ID and those beyond.
    Including(StreamId),
    /// Those beyond.
    Excluding(StreamId),
}

impl IdBound {
    /// The beginning of every stream: `-`.
    pub const FIRST: Self = Self::Including(StreamId::MIN);
    /// The end of every stream: `+`.
    pub const LAST: Self = Self::Including(StreamId::MAX);

    fn parse(text: &[u8], missing_seq: u64) -> Result<Self> {
        Ok(match text {
            b"-" => Self::FIRST,
            b"+" => Self::LAST,
            [b'(', id @ ..] => Self::Excluding(parse_id(id, missing_seq)?),
            id => Self::Including(parse_id(id, missing_seq)?),
        })
    }

    fn to_start(self) -> Result<StreamId> {
        match self {
            Self::Including(id) => Ok(id),
            Self::Excluding(id) => id.next().ok_or(Error::refused("ERR invalid start ID for the interval")),
        }
    }

    fn to_end(self) -> Result<StreamId> {
        match self {
            Self::Including(id) => Ok(id),
            Self::Excluding(id) => id.previous().ok_or(Error::refused("ERR invalid end ID for the interval")),
        }
    }
}

/// The ends of a range of IDs, as Rust says it.
impl IdBound {
    /// From where to where; what is open goes to the end of every stream.
    pub fn both(range: &impl RangeBounds<StreamId>) -> (Self, Self) {
        let bound = |bound: Bound<&StreamId>, open| match bound {
            Bound::Included(id) => Self::Including(*id),
            Bound::Excluded(id) => Self::Excluding(*id),
            Bound::Unbounded => open,
        };
        (bound(range.start_bound(), Self::FIRST), bound(range.end_bound(), Self::LAST))
    }
}

impl From<StreamId> for IdBound {
    fn from(id: StreamId) -> Self {
        Self::Including(id)
    }
}

/// What becomes of entries that groups still have to do with, when they are deleted or trimmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// They go, and stay pending: `KEEPREF`.
    #[default]
    Keep,
    /// They go, and are not pending any more: `DELREF`.
    Delete,
    /// They stay, unless every group has been given them and has acknowledged them: `ACKED`.
    Acknowledged,
}

impl References {
    /// Takes a word that says so.
    fn take(args: &mut Args<'_>) -> Option<Self> {
        if args.take("KEEPREF") {
            Some(References::Keep)
        } else if args.take("DELREF") {
            Some(References::Delete)
        } else if args.take("ACKED") {
            Some(References::Acknowledged)
        } else {
            None
        }
    }
}

/// How a stream is made shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimming {
    /// Up to where.
    pub to: TrimTo,
    /// Only as far as it is cheap: some more entries may stay.
    pub approximate: bool,
    /// How many entries go at most; 0 for any number. Only with `approximate`, and 100 times what a packed part of a stream has at
    /// most if it is not said.
    pub limit: Option<usize>,
    /// What of entries that groups have to do with.
    pub references: References,
}

impl Trimming {
    /// Down to so many entries, exactly.
    pub const fn max_len(entries: u64) -> Self {
        Self { to: TrimTo::MaxLen(entries), approximate: false, limit: None, references: References::Keep }
    }

    /// Down to the entries from this ID on.
    pub const fn min_id(id: StreamId) -> Self {
        Self { to: TrimTo::MinId(id), ..Self::max_len(0) }
    }

    /// As far as it is cheap.
    #[must_use]
    pub const fn approximate(self) -> Self {
        Self { approximate: true, ..self }
    }

    fn to_trim(self, db: &Tx<'_>) -> Result<Trim> {
        /// Where a packed part has any number of entries.
        const LIMIT: usize = 10_000;
        const LIMIT_MAX: usize = 1_000_000;
        let limit = match db.view().settings()?.stream_node_max_entries {
            0 => LIMIT,
            entries => entries.saturating_mul(100).min(LIMIT_MAX),
        };
        let approximate_limit = self.approximate.then(|| self.limit.unwrap_or(limit));
        Ok(Trim { to: self.to, approximate_limit })
    }
}

/// `[KEEPREF | DELREF | ACKED] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]]`, in any order, with other words between.
#[derive(Default)]
struct TrimWords {
    to: Option<TrimTo>,
    approximate: bool,
    limit: Option<usize>,
    references: Option<References>,
}

impl TrimWords {
    /// Takes an option, if the next words are one.
    fn take(&mut self, args: &mut Args<'_>) -> Result<bool> {
        let is_length = args.take_with("MAXLEN", 1);
        if is_length || args.take_with("MINID", 1) {
            if self.to.is_some() {
                return Err(Error::refused(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            self.approximate = args.take_with("~", 1);
            if !self.approximate {
                args.take_with("=", 1);
            }
            self.to = Some(if is_length {
                let most = args.int()?;
                let most = u64::try_from(most);
                TrimTo::MaxLen(most.map_err(|_| Error::refused("ERR The MAXLEN argument must be >= 0."))?)
            } else {
                TrimTo::MinId(parse_id(args.bytes()?, 0)?)
            });
        } else if args.take_with("LIMIT", 1) {
            let limit = usize::try_from(args.int()?);
            self.limit = Some(limit.map_err(|_| Error::refused("ERR The LIMIT argument must be >= 0."))?);
        } else if let Some(references) = References::take(args) {
            self.references = Some(references);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What the options say together; `name` is a command that needs them.
    fn finish(self, name: Option<&str>) -> Result<Option<Trimming>> {
        let Self { to, approximate, limit, references } = self;
        if limit.is_some_and(|limit| limit > 0) && to.is_none() {
            return Err(Error::refused(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if let (Some(name), None) = (name, to) {
            let text = format!("ERR syntax error, {name} must be called with a trimming strategy");
            return Err(Error::Refused(text.into()));
        }
        if limit.is_some() && !approximate {
            return Err(Error::refused(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let references = references.unwrap_or_default();
        Ok(to.map(|to| Trimming { to, approximate, limit, references }))
    }
}

/// Trims a stream; returns how many entries have gone.
fn trim(stream: &mut StreamMut<'_, '_>, trim: Trim, references: References) -> usize {
    const EVENT: Option<&str> = Some("xtrim");
    if references == References::Acknowledged && stream.group_count() > 0 {
        let gone = acknowledged(stream, trim);
        return gone.iter().filter(|id| stream.apply(&StreamChange::Delete { id: **id }, EVENT)).count();
    }
    let Some((last, count)) = stream.trimmed_by(trim) else { return 0 };
    if references == References::Delete {
        let gone: Vec<_> = stream.range(StreamId::MIN, last).map(|entry| entry.id).collect();
        for id in gone {
            forget(stream, id);
        }
    }
    stream.apply(&StreamChange::Trim { last }, EVENT);
    count
}

/// What goes of the entries that a trimming would take away, if no group may have to do with it any more. Those that stay are made up
/// for by later ones.
fn acknowledged(stream: &Stream, trim: Trim) -> Vec<StreamId> {
    let goes = |entry: &EntryRef<'_>| !stream.is_referred_to(entry.id);
    let ids = |entries: &mut dyn Iterator<Item = EntryRef<'_>>| entries.map(|entry| entry.id).collect();
    match (trim.approximate_limit, trim.to) {
        (Some(_), _) => match stream.trimmed_by(trim) {
            Some((last, _)) => ids(&mut stream.range(StreamId::MIN, last).filter(goes)),
            None => Vec::new(),
        },
        (None, TrimTo::MinId(first)) => {
            ids(&mut stream.iter().take_while(|entry| entry.id < first).filter(goes))
        }
        (None, TrimTo::MaxLen(most)) => {
            let too_many = stream.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
            ids(&mut stream.iter().filter(goes).take(too_many))
        }
    }
}

/// Makes an entry pending in no group.
fn forget(stream: &mut StreamMut<'_, '_>, id: StreamId) {
    let pending = stream.groups().filter(|(_, group)| group.pending_at(id).is_some());
    let names: Vec<Vec<u8>> = pending.map(|(name, _)| name.to_vec()).collect();
    for name in names {
        group::acknowledge(stream, &name, id);
    }
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// There is none of this ID.
    NotFound,
    /// It is gone.
    Deleted,
    /// It stays, because a group still has to do with it.
    Referenced,
}

impl From<Deletion> for Reply {
    fn from(deletion: Deletion) -> Self {
        Reply::Integer(match deletion {
            Deletion::NotFound => -1,
            Deletion::Deleted => 1,
            Deletion::Referenced => 2,
        })
    }
}

/// Deletes an entry, or what groups know of it, as `references` says.
fn delete(stream: &mut StreamMut<'_, '_>, id: StreamId, references: References) -> Deletion {
    let is_there = stream.get(id).is_some();
    if references == References::Acknowledged
        && is_there
        && (stream.group_count() == 0 || stream.is_referred_to(id))
    {
        return Deletion::Referenced;
    }
    if references == References::Delete {
        forget(stream, id);
    }
    if stream.apply(&StreamChange::Delete { id }, Some("xdel")) {
        Deletion::Deleted
    } else {
        Deletion::NotFound
    }
}

/// The ID of a new entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewId {
    /// This moment, and the first number that is free in it: `*`.
    #[default]
    Auto,
    /// A moment, and the first number that is free in it: `ms-*`.
    At(u64),
    /// This one.
    Id(StreamId),
}

impl From<StreamId> for NewId {
    fn from(id: StreamId) -> Self {
        Self::Id(id)
    }
}

impl NewId {
    /// The ID after `last`.
    fn resolve(self, last: StreamId, now_ms: u64) -> Result<StreamId> {
        const TOO_SMALL: &str =
            "ERR The ID specified in XADD is equal or smaller than the target stream top item";
        if last == StreamId::MAX {
            return Err(Error::refused(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = match self {
            NewId::Auto if now_ms > last.ms => Some(StreamId::new(now_ms, 0)),
            NewId::Auto => last.next(),
            NewId::At(ms) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId::new(ms, seq)),
            NewId::At(ms) => Some(StreamId::new(ms, 0)),
            NewId::Id(id) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(Error::refused(TOO_SMALL))
    }
}

/// What besides names and values is said of a new entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XAddOptions<'a> {
    /// The entry's ID.
    pub id: NewId,
    /// Only if the stream is there.
    pub only_if_present: bool,
    /// How the stream is trimmed afterwards.
    pub trim: Option<Trimming>,
    /// Only if its producer did not send it before. Not with an ID of one's own.
    pub idempotency: Option<Idempotency<'a>>,
}

impl<'a> XAddOptions<'a> {
    /// Under this ID.
    #[must_use]
    pub fn id(self, id: impl Into<NewId>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// Only if the stream is there: `NOMKSTREAM`.
    #[must_use]
    pub const fn only_if_present(self) -> Self {
        Self { only_if_present: true, ..self }
    }

    /// The stream is trimmed afterwards.
    #[must_use]
    pub const fn trim(self, trim: Trimming) -> Self {
        Self { trim: Some(trim), ..self }
    }

    /// Only if this producer did not send an entry under this ID before: `IDMP`. Then the ID of that entry is the answer.
    #[must_use]
    pub const fn idmp(self, producer: &'a [u8], iid: &'a [u8]) -> Self {
        Self { idempotency: Some(Idempotency { producer, iid: Some(iid) }), ..self }
    }

    /// Only if this producer did not send the same fields and values before: `IDMPAUTO`.
    #[must_use]
    pub const fn idmpauto(self, producer: &'a [u8]) -> Self {
        Self { idempotency: Some(Idempotency { producer, iid: None }), ..self }
    }
}

/// `XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO producer-id | IDMP producer-id idempotent-id] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]`
#[derive(Clone, Debug)]
pub struct XAdd<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its ID, and more.
    pub options: XAddOptions<'a>,
    /// Names and values by turns.
    pub fields: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for XAdd<'a> {
    const SPEC: Spec = Spec {
        name: "XADD",
        arity: -5,
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "update"])
            .noting("UPDATE instead of INSERT because of the optional trimming feature")],
        tips: &["nondeterministic_output"],
        summary: "Adds an entry to a stream, and makes the stream if there is none.",
        complexity: "O(1), and O(N) to trim, N being the number of entries that go",
        syntax: "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [IDMPAUTO producer-id | IDMP producer-id idempotent-id] \
                 [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
        ..STREAM
    };
    type Reply = Option<StreamId>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (mut only_if_present, mut idempotency, mut words) = (false, None, TrimWords::default());
        let id = loop {
            if args.is_empty() {
                return Err(super::wrong_arity("XADD"));
            }
            if args.peek() == Some(b"*") {
                args.bytes()?;
                break NewId::Auto;
            }
            if args.take("NOMKSTREAM") {
                only_if_present = true;
            } else if let Some(said) = Idempotency::take(args, idempotency.is_some())? {
                idempotency = Some(said);
            } else if !words.take(args)? {
                let text = args.bytes()?;
                break match StreamId::parse_any_seq(text) {
                    Some(ms) => NewId::At(ms),
                    None => NewId::Id(parse_id(text, 0)?),
                };
            }
        };
        let trim = words.finish(None)?;
        let fields = args.rest();
        if fields.is_empty() || !fields.len().is_multiple_of(2) {
            return Err(super::wrong_arity("XADD"));
        }
        if id == NewId::Id(StreamId::MIN) {
            return Err(Error::refused("ERR The ID specified in XADD must be greater than 0-0"));
        }
        Ok(XAdd {
            key,
            options: XAddOptions { id, only_if_present, trim, idempotency },
            fields: fields.into(),
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<StreamId>> {
        let XAddOptions { id, only_if_present, trim: trimming, idempotency } = self.options;
        if let Some(said) = idempotency {
            said.check()?;
            if id != NewId::Auto {
                return Err(Error::refused(idempotency::NOT_AUTO));
            }
        }
        let is_there = db.view().stream(self.key)?.is_some();
        if !is_there && only_if_present {
            return Ok(None);
        }
        let now = db.now();
        let trimming = trimming.map(|trim| Ok((trim.to_trim(db)?, trim.references))).transpose()?;
        let mut stream = db.stream_mut(self.key)?;
        let sent = idempotency.map(|said| (said.producer, said.iid_of(&self.fields)));
        if let Some((producer, iid)) = &sent
            && let Some(id) = idempotency::known(&mut stream, producer, iid, now)
        {
            return Ok(Some(id));
        }
        let id = id.resolve(stream.last_id(), now.milliseconds_since(UnixMs(0)))?;
        stream.add(id, &self.fields);
        if let Some((producer, iid)) = &sent {
            idempotency::record(&mut stream, producer, iid, id);
        }
        if let Some((to, references)) = trimming {
            trim(&mut stream, to, references);
        }
        Ok(Some(id))
    }
}

keyed! {
    /// `XLEN key`
    XLen -> usize, Spec {
        name: "XLEN",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Counts the entries of a stream.",
        syntax: "key",
        ..STREAM
    }
}

impl<'a> Read<'a> for XLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.stream(self.key)?.map_or(0, Stream::len))
    }
}

/// The entries of a range; none at all where no entry was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeReply(pub Option<Vec<StreamEntry>>);

impl From<RangeReply> for Reply {
    fn from(reply: RangeReply) -> Self {
        reply.0.map_or(Reply::NullArray, Reply::from)
    }
}

/// `[COUNT count]`, any number of times.
fn parse_count(args: &mut Args<'_>) -> Result<Option<usize>> {
    let mut count = None;
    while !args.is_empty() {
        if !args.take_with("COUNT", 1) {
            return Err(Error::Syntax);
        }
        count = Some(usize::try_from(args.int()?).unwrap_or(0));
    }
    Ok(count)
}

macro_rules! range_command {
    ($type:ident, $name:literal, $range:ident, $is_end_first:literal, $summary:literal, $syntax:literal) => {
        #[doc = concat!("`", $name, " ", $syntax, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// From which ID on.
            pub start: IdBound,
            /// Up to which ID.
            pub end: IdBound,
            /// How many at most.
            pub count: Option<usize>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -4,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                complexity: "O(log(S)+N), S being the number of entries and N the number of entries returned",
                syntax: $syntax,
                ..STREAM
            };
            type Reply = RangeReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let key = args.bytes()?;
                let (first, second) = (args.bytes()?, args.bytes()?);
                let (start, end) = if $is_end_first { (second, first) } else { (first, second) };
                let start = IdBound::parse(start, 0)?;
                start.to_start()?;
                let end = IdBound::parse(end, u64::MAX)?;
                end.to_end()?;
                Ok($type { key, start, end, count: parse_count(args)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<RangeReply> {
                let (start, end) = (self.start.to_start()?, self.end.to_end()?);
                let Some(stream) = db.stream(self.key)? else { return Ok(RangeReply(Some(Vec::new()))) };
                if self.count == Some(0) {
                    return Ok(RangeReply(None));
                }
                let entries = stream.$range(start, end).take(self.count.unwrap_or(usize::MAX));
                Ok(RangeReply(Some(entries.map(StreamEntry::from).collect())))
            }
        }
    };
}

range_command!(
    XRange,
    "XRANGE",
    range,
    false,
    "Returns the entries of a stream between two IDs.",
    "key start end [COUNT count]"
);
range_command!(
    XRevRange,
    "XREVRANGE",
    range_back,
    true,
    "Returns the entries of a stream between two IDs, the last one first.",
    "key end start [COUNT count]"
);

/// `XDEL key id [id ...]`
#[derive(Clone, Debug)]
pub struct XDel<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The entries.
    pub ids: Late<Cow<'a, [StreamId]>>,
}

impl<'a> Command<'a> for XDel<'a> {
    const SPEC: Spec = Spec {
        name: "XDEL",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Deletes entries of a stream, and returns how many there were.",
        complexity: "O(N*log(S)), N being the number of IDs and S the number of entries",
        syntax: "key id [id ...]",
        ..STREAM
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XDel { key: args.bytes()?, ids: parse_ids(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XDel<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if db.view().stream(self.key)?.is_none() {
            return Ok(0);
        }
        let ids = self.ids.as_ref().map_err(Error::clone)?;
        let mut stream = db.stream_mut(self.key)?;
        let mut is_deleted =
            |id: &&StreamId| delete(&mut stream, **id, References::Keep) == Deletion::Deleted;
        Ok(ids.iter().filter(|id| is_deleted(id)).count())
    }
}

/// `XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]`
#[derive(Clone, Debug)]
pub struct XDelEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What of entries that groups have to do with.
    pub references: References,
    /// The entries.
    pub ids: Cow<'a, [StreamId]>,
}

/// `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in any order.
fn parse_deletion<'a>(args: &mut Args<'a>) -> Result<(References, Cow<'a, [StreamId]>)> {
    let (mut references, mut ids) = (None, None);
    while !args.is_empty() {
        if references.is_none()
            && let Some(taken) = References::take(args)
        {
            references = Some(taken);
        } else if ids.is_none() && args.take_with("IDS", 1) {
            ids = Some(parse_counted_ids(args)?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((references.unwrap_or_default(), ids.ok_or(Error::Syntax)?))
}

impl<'a> Command<'a> for XDelEx<'a> {
    const SPEC: Spec = Spec {
        name: "XDELEX",
        arity: -5,
        since: "8.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Deletes entries of a stream, and says what of groups that have to do with them.",
        complexity: "O(N*log(S)), N being the number of IDs and S the number of entries",
        syntax: "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        ..STREAM
    };
    type Reply = Vec<Deletion>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (references, ids) = parse_deletion(args)?;
        Ok(XDelEx { key, references, ids })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XDelEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<Deletion>> {
        if db.view().stream(self.key)?.is_none() {
            return Ok(vec![Deletion::NotFound; self.ids.len()]);
        }
        let mut stream = db.stream_mut(self.key)?;
        Ok(self.ids.iter().map(|id| delete(&mut stream, *id, self.references)).collect())
    }
}

/// `XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]`
#[derive(Clone, Debug)]
pub struct XTrim<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How.
    pub trim: Trimming,
}

impl<'a> Command<'a> for XTrim<'a> {
    const SPEC: Spec = Spec {
        name: "XTRIM",
        arity: -4,
        keys: &[KeySpec::first(&["RW", "delete"])],
        tips: &["nondeterministic_output"],
        summary: "Takes away the first entries of a stream, and returns how many have gone.",
        complexity: "O(N), N being the number of entries that go",
        syntax: "key <<MAXLEN | MINID> [= | ~] threshold [LIMIT count]> [KEEPREF | DELREF | ACKED]",
        ..STREAM
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, mut words) = (args.bytes()?, TrimWords::default());
        while !args.is_empty() {
            if !words.take(args)? {
                return Err(Error::Syntax);
            }
        }
        let trim = words.finish(Some("XTRIM"))?.ok_or(Error::Syntax)?;
        Ok(XTrim { key, trim })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XTrim<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if db.view().stream(self.key)?.is_none() {
            return Ok(0);
        }
        let to = self.trim.to_trim(db)?;
        Ok(trim(&mut db.stream_mut(self.key)?, to, self.trim.references))
    }
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
#[derive(Clone, Debug)]
pub struct XSetId<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The last ID that was ever given.
    pub last_id: StreamId,
    /// How many entries there ever were; as before if it is not said.
    pub entries_added: Option<u64>,
    /// The last of the IDs that were deleted; as before if it is not said, or `0-0`.
    pub max_deleted_id: Option<StreamId>,
}

impl<'a> Command<'a> for XSetId<'a> {
    const SPEC: Spec = Spec {
        name: "XSETID",
        arity: -3,
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Sets the last ID of a stream, which the next one follows.",
        syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        ..STREAM
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, last_id) = (args.bytes()?, parse_id(args.bytes()?, 0)?);
        let (mut entries_added, mut max_deleted_id) = (None, None);
        while !args.is_empty() {
            if args.take_with("ENTRIESADDED", 1) {
                let added = u64::try_from(args.int()?);
                entries_added =
                    Some(added.map_err(|_| Error::refused("ERR entries_added must be positive"))?);
            } else if args.take_with("MAXDELETEDID", 1) {
                let id = parse_id(args.bytes()?, 0)?;
                if last_id < id {
                    return Err(Error::refused(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                max_deleted_id = Some(id);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(XSetId { key, last_id, entries_added, max_deleted_id })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XSetId<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let Some(stream) = db.view().stream(self.key)? else { return Err(Error::NoSuchKey) };
        if self.last_id < stream.max_deleted_id() {
            return Err(Error::refused(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        if stream.last().is_some_and(|last| self.last_id < last.id) {
            return Err(Error::refused(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if self.entries_added.is_some_and(|added| added < stream.len() as u64) {
            return Err(Error::refused(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        let set = StreamChange::SetIds {
            last_id: self.last_id,
            max_deleted_id: self
                .max_deleted_id
                .filter(|id| *id != StreamId::MIN)
                .unwrap_or(stream.max_deleted_id()),
            entries_added: self.entries_added.unwrap_or(stream.entries_added()),
        };
        db.stream_mut(self.key)?.apply(&set, Some("xsetid"));
        Ok(())
    }
}
