//! What a group was given and has not acknowledged: who has it, and passing it on.
use std::borrow::Cow;
use std::ops::RangeBounds;
use std::time::Duration;

use super::group::{acknowledge, activate_consumer, see_consumer};
use super::{IdBound, STREAM, StreamEntry, parse_counted_ids, parse_id};
use crate::cmd::{Args, Command, Flags, KeySpec, Late, Read, Spec, Write};
use crate::tx::{StreamMut, Tx, View};
use crate::types::stream::{Group, Pending, StreamChange};
use crate::types::{Stream, StreamId};
use crate::{Bytes, Error, Reply, Result, UnixMs, number};

/// The refusal of a key or a group that is not there.
fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    Error::Refused(format!("NOGROUP No such key '{key}' or consumer group '{group}'").into())
}

/// A group of a stream, both of which must be there.
fn required<'v>(db: &View<'v>, key: &[u8], group: &[u8]) -> Result<(&'v Stream, &'v Group)> {
    let stream = db.stream(key)?;
    let found = stream.and_then(|stream| Some((stream, stream.group(group)?)));
    found.ok_or_else(|| no_group(key, group))
}

/// What a group has not acknowledged, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingSummary {
    /// How many entries.
    pub count: usize,
    /// The first and the last of them; `None` if there is none.
    pub ids: Option<(StreamId, StreamId)>,
    /// The consumers that have some, by name, and how many each.
    pub consumers: Vec<(Bytes, usize)>,
}

/// An entry that was given and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEntry {
    /// The entry.
    pub id: StreamId,
    /// Who has it; nobody if it was given back.
    pub consumer: Option<Bytes>,
    /// How many milliseconds ago it was given last; `None` if it was given back.
    pub idle_ms: Option<u64>,
    /// How often it was given.
    pub deliveries: u64,
}

/// `XPENDING`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XPendingReply {
    /// Without a range.
    Summary(PendingSummary),
    /// With one.
    Entries(Vec<PendingEntry>),
}

impl From<PendingEntry> for Reply {
    fn from(entry: PendingEntry) -> Self {
        Reply::Array(vec![
            entry.id.into(),
            entry.consumer.unwrap_or_default().into(),
            Reply::Integer(entry.idle_ms.map_or(-1, |idle| idle as i64)),
            Reply::Integer(entry.deliveries as i64),
        ])
    }
}

impl From<XPendingReply> for Reply {
    fn from(reply: XPendingReply) -> Self {
        let PendingSummary { count, ids, consumers } = match reply {
            XPendingReply::Summary(summary) => summary,
            XPendingReply::Entries(entries) => return entries.into(),
        };
        let Some((first, last)) = ids else {
            return Reply::Array(vec![count.into(), Reply::Null, Reply::Null, Reply::NullArray]);
        };
        let consumer =
            |(name, count): (Bytes, usize)| Reply::Array(vec![name.into(), Reply::bulk(count.to_string())]);
        let consumers = consumers.into_iter().map(consumer).collect();
        Reply::Array(vec![count.into(), first.into(), last.into(), Reply::Array(consumers)])
    }
}

/// Which entries are asked for, and how many at most.
#[derive(Clone, Copy, Debug)]
pub struct PendingRange<'a> {
    /// Only those that were given so many milliseconds ago.
    pub min_idle_ms: u64,
    /// From which entry on.
    pub start: IdBound,
    /// Up to which.
    pub end: IdBound,
    /// How many.
    pub count: usize,
    /// Only those of this consumer.
    pub consumer: Option<&'a [u8]>,
}

impl<'a> PendingRange<'a> {
    /// The first so many.
    pub const fn first(count: usize) -> Self {
        Self { min_idle_ms: 0, start: IdBound::FIRST, end: IdBound::LAST, count, consumer: None }
    }

    /// Those with these IDs.
    #[must_use]
    pub fn within(self, range: impl RangeBounds<StreamId>) -> Self {
        let (start, end) = IdBound::both(&range);
        Self { start, end, ..self }
    }

    /// Those of a consumer.
    #[must_use]
    pub const fn of(self, consumer: &'a [u8]) -> Self {
        Self { consumer: Some(consumer), ..self }
    }

    /// Those that were given at least so long ago.
    #[must_use]
    pub fn idle(self, least: Duration) -> Self {
        Self { min_idle_ms: u64::try_from(least.as_millis()).unwrap_or(u64::MAX), ..self }
    }
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
#[derive(Clone, Debug)]
pub struct XPending<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// Which entries; `None` for a summary.
    pub range: Option<PendingRange<'a>>,
}

impl<'a> Command<'a> for XPending<'a> {
    const SPEC: Spec = Spec {
        name: "XPENDING",
        arity: -3,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Says what a group was given and has not acknowledged.",
        complexity: "O(log(P)+N), P being the number of entries that are not acknowledged and N that of those looked at; \
                     without a range O(C), C being the number of consumers",
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        ..STREAM
    };
    type Reply = XPendingReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group) = (args.bytes()?, args.bytes()?);
        if args.is_empty() {
            return Ok(XPending { key, group, range: None });
        }
        if args.remaining() < 3 || args.remaining() > 6 {
            return Err(Error::Syntax);
        }
        let mut min_idle_ms = 0;
        if args.take("IDLE") {
            min_idle_ms = u64::try_from(args.int()?).unwrap_or(0);
            if args.remaining() < 3 {
                return Err(Error::Syntax);
            }
        }
        let (start, end) = (args.bytes()?, args.bytes()?);
        let count = usize::try_from(args.int()?).unwrap_or(0);
        let (start, end) = (IdBound::parse(start, 0)?, IdBound::parse(end, u64::MAX)?);
        start.to_start()?;
        end.to_end()?;
        // What comes after it means nothing to Redis either.
        let consumer = if args.is_empty() { None } else { Some(args.bytes()?) };
        Ok(XPending { key, group, range: Some(PendingRange { min_idle_ms, start, end, count, consumer }) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for XPending<'a> {
    fn read(&self, db: &View<'_>) -> Result<XPendingReply> {
        let (_, group) = required(db, self.key, self.group)?;
        let Some(range) = self.range else { return Ok(XPendingReply::Summary(summary(group))) };
        let (start, end) = (range.start.to_start()?, range.end.to_end()?);
        if start > end {
            return Ok(XPendingReply::Entries(Vec::new()));
        }
        let now = db.now();
        let entry = |(id, pending): (StreamId, Pending)| PendingEntry {
            id,
            consumer: group.owner(&pending).map(Bytes::copy_from_slice),
            idle_ms: pending.consumer.map(|_| now.milliseconds_since(pending.delivered_at)),
            deliveries: pending.deliveries,
        };
        let is_idle = |(_, pending): &(StreamId, Pending)| {
            now.milliseconds_since(pending.delivered_at) >= range.min_idle_ms
        };
        let entries = match range.consumer {
            None => {
                let all = group.pending(start..=end).map(|(id, pending)| (id, *pending));
                all.filter(is_idle).take(range.count).map(entry).collect()
            }
            Some(name) => {
                let consumer = group.consumer(name).map(|(_, consumer)| consumer);
                let ids = consumer.into_iter().flat_map(|consumer| consumer.pending(start..=end));
                let all = ids.filter_map(|id| Some((id, group.pending_at(id)?)));
                all.filter(is_idle).take(range.count).map(entry).collect()
            }
        };
        Ok(XPendingReply::Entries(entries))
    }
}

fn summary(group: &Group) -> PendingSummary {
    let id = |entry: (StreamId, &Pending)| entry.0;
    let ids = group.pending(..).next().map(id).zip(group.pending(..).next_back().map(id));
    let consumers = group.consumers().filter(|(_, consumer)| consumer.pending_len() > 0);
    let consumers = consumers
        .map(|(_, consumer)| (Bytes::copy_from_slice(consumer.name()), consumer.pending_len()))
        .collect();
    PendingSummary { count: group.pending_len(), ids, consumers }
}

/// Entries that have changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Whole.
    Entries(Vec<StreamEntry>),
    /// Only their IDs, with `JUSTID`.
    Ids(Vec<StreamId>),
}

impl Claimed {
    fn empty(just_ids: bool) -> Self {
        if just_ids { Claimed::Ids(Vec::new()) } else { Claimed::Entries(Vec::new()) }
    }

    fn push(&mut self, entry: StreamEntry) {
        match self {
            Claimed::Entries(entries) => entries.push(entry),
            Claimed::Ids(ids) => ids.push(entry.id),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Claimed::Entries(entries) => entries.len(),
            Claimed::Ids(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Claimed> for Reply {
    fn from(claimed: Claimed) -> Self {
        match claimed {
            Claimed::Entries(entries) => entries.into(),
            Claimed::Ids(ids) => ids.into(),
        }
    }
}

/// Who takes entries over, and what is noted of them.
struct Claimant<'c> {
    group: &'c [u8],
    consumer: &'c [u8],
    delivered_at: UnixMs,
    /// How often they count as given; once more than before if it is not said, as often with `just_ids`.
    deliveries: Option<u64>,
    just_ids: bool,
}

impl Claimant<'_> {
    fn take(&self, stream: &mut StreamMut<'_, '_>, id: StreamId, before: u64) {
        let more = u64::from(!self.just_ids);
        let assign = StreamChange::Assign {
            group: self.group.into(),
            consumer: Some(self.consumer.into()),
            id,
            delivered_at: self.delivered_at,
            deliveries: self.deliveries.unwrap_or(before.saturating_add(more)),
        };
        stream.apply(&assign, None);
    }
}

/// `XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]`
#[derive(Clone, Debug)]
pub struct XClaim<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// Who takes the entries over; it is made if it is not there.
    pub consumer: &'a [u8],
    /// Which ones, and how they are noted.
    pub claim: Late<Claim<'a>>,
}

/// Entries that are to be taken over.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// Only those that were given so many milliseconds ago.
    pub min_idle_ms: u64,
    /// The entries.
    pub ids: Cow<'a, [StreamId]>,
    /// How they are noted.
    pub options: ClaimOptions,
}

impl Claim<'_> {
    fn parse(args: &mut Args<'_>) -> Late<Self> {
        let min_idle = args.int_where(|_| true, "ERR Invalid min-idle-time argument for XCLAIM")?;
        let mut ids = Vec::new();
        while let Some(id) = args.peek().and_then(|word| StreamId::parse(word, 0)) {
            args.bytes()?;
            ids.push(id);
        }
        let options = ClaimOptions::parse(args)?;
        Ok(Claim { min_idle_ms: u64::try_from(min_idle).unwrap_or(0), ids: ids.into(), options })
    }
}

/// How entries are noted that are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimOptions {
    /// As if they were given at another moment than now.
    pub delivered: Option<Delivered>,
    /// As if they were given so often.
    pub retry_count: Option<u64>,
    /// Also those that nobody has.
    pub force: bool,
    /// Only IDs are returned, and it does not count as giving them.
    pub just_ids: bool,
    /// The group was given everything up to this entry, if it was not yet.
    pub last_id: Option<StreamId>,
}

/// When an entry was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// So many milliseconds ago.
    MsAgo(i64),
    /// At this moment; one that is still to come stands for now.
    At(UnixMs),
}

impl ClaimOptions {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            let invalid = |option: &str| {
                Error::Refused(format!("ERR Invalid {option} option argument for XCLAIM").into())
            };
            let number =
                |args: &mut Args<'_>, option| number::parse_i64(args.bytes()?).ok_or_else(|| invalid(option));
            if args.take("FORCE") {
                options.force = true;
            } else if args.take("JUSTID") {
                options.just_ids = true;
            } else if args.take_with("IDLE", 1) {
                options.delivered = Some(Delivered::MsAgo(number(args, "IDLE")?));
            } else if args.take_with("TIME", 1) {
                options.delivered = Some(Delivered::At(UnixMs(number(args, "TIME")?)));
            } else if args.take_with("RETRYCOUNT", 1) {
                options.retry_count = u64::try_from(number(args, "RETRYCOUNT")?).ok();
            } else if args.take_with("LASTID", 1) {
                options.last_id = Some(parse_id(args.bytes()?, 0)?);
            } else {
                let word = String::from_utf8_lossy(args.bytes()?);
                return Err(Error::Refused(format!("ERR Unrecognized XCLAIM option '{word}'").into()));
            }
        }
        Ok(options)
    }

    fn delivered_at(&self, now: UnixMs) -> UnixMs {
        let at = match self.delivered {
            None => now,
            Some(Delivered::MsAgo(ms)) => UnixMs(now.0.saturating_sub(ms)),
            Some(Delivered::At(at)) => at,
        };
        if at.0 < 0 || at > now { now } else { at }
    }
}

impl<'a> Command<'a> for XClaim<'a> {
    const SPEC: Spec = Spec {
        name: "XCLAIM",
        arity: -6,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update"])],
        tips: &["nondeterministic_output"],
        summary: "Makes entries that were given and not acknowledged another consumer's.",
        complexity: "O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged",
        syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] \
                 [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        ..STREAM
    };
    type Reply = Claimed;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group, consumer) = (args.bytes()?, args.bytes()?, args.bytes()?);
        Ok(XClaim { key, group, consumer, claim: Claim::parse(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XClaim<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Claimed> {
        required(&db.view().counting(), self.key, self.group)?;
        let Claim { min_idle_ms, ids, options } = self.claim.as_ref().map_err(Error::clone)?;
        let now = db.now();
        let mut stream = db.stream_mut(self.key)?;
        if let Some((last_id, group)) = options.last_id.zip(stream.group(self.group))
            && last_id > group.last_id()
        {
            let entries_read = group.entries_read();
            let set = StreamChange::SetGroup { group: self.group.into(), last_id, entries_read };
            stream.apply(&set, None);
        }
        see_consumer(&mut stream, self.group, self.consumer, now);
        let claimant = Claimant {
            group: self.group,
            consumer: self.consumer,
            delivered_at: options.delivered_at(now),
            deliveries: options.retry_count,
            just_ids: options.just_ids,
        };
        let mut claimed = Claimed::empty(options.just_ids);
        for &id in &**ids {
            let pending = stream.group(self.group).and_then(|group| group.pending_at(id));
            let Some(entry) = stream.get(id).map(StreamEntry::from) else {
                acknowledge(&mut stream, self.group, id);
                continue;
            };
            let before = match pending {
                Some(before)
                    if before.consumer.is_some()
                        && now.milliseconds_since(before.delivered_at) < *min_idle_ms =>
                {
                    continue;
                }
                Some(before) => before.deliveries,
                None if options.force => 1,
                None => continue,
            };
            claimant.take(&mut stream, id, before);
            claimed.push(entry);
        }
        if !claimed.is_empty() {
            activate_consumer(&mut stream, self.group, self.consumer, now);
        }
        Ok(claimed)
    }
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
#[derive(Clone, Debug)]
pub struct XAutoClaim<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// Who takes the entries over; it is made if it is not there.
    pub consumer: &'a [u8],
    /// Only those that were given so many milliseconds ago.
    pub min_idle_ms: u64,
    /// From which entry on.
    pub start: IdBound,
    /// How many at most; ten times as many are looked at.
    pub count: usize,
    /// Only IDs are returned, and it does not count as giving them.
    pub just_ids: bool,
}

impl XAutoClaim<'_> {
    /// How many entries are taken over if it is not said.
    pub const COUNT: usize = 100;
}

/// `XAUTOCLAIM`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XAutoClaimReply {
    /// Where to go on; `0-0` at the end.
    pub next: StreamId,
    /// What has changed hands.
    pub claimed: Claimed,
    /// Entries that were deleted, and are not pending any more.
    pub deleted: Vec<StreamId>,
}

impl From<XAutoClaimReply> for Reply {
    fn from(reply: XAutoClaimReply) -> Self {
        Reply::Array(vec![reply.next.into(), reply.claimed.into(), reply.deleted.into()])
    }
}

impl<'a> Command<'a> for XAutoClaim<'a> {
    const SPEC: Spec = Spec {
        name: "XAUTOCLAIM",
        arity: -6,
        since: "6.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        tips: &["nondeterministic_output"],
        summary: "Makes entries that were given long ago and not acknowledged another consumer's, in the order of their IDs.",
        complexity: "O(log(P)+N*log(P)), P being the number of entries that are not acknowledged and N the count",
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        ..STREAM
    };
    type Reply = XAutoClaimReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        /// So that ten times as many can be counted.
        const COUNT_MAX: i64 = i64::MAX / 16;
        let (key, group, consumer) = (args.bytes()?, args.bytes()?, args.bytes()?);
        let min_idle = args.int_where(|_| true, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
        let start = IdBound::parse(args.bytes()?, 0)?;
        start.to_start()?;
        let (mut count, mut just_ids) = (XAutoClaim::COUNT, false);
        while !args.is_empty() {
            if args.take_with("COUNT", 1) {
                count = args.int_where(|n| (1..=COUNT_MAX).contains(&n), "ERR COUNT must be > 0")? as usize;
            } else if args.take("JUSTID") {
                just_ids = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        let min_idle_ms = u64::try_from(min_idle).unwrap_or(0);
        Ok(XAutoClaim { key, group, consumer, min_idle_ms, start, count, just_ids })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XAutoClaim<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<XAutoClaimReply> {
        /// Entries are looked at, for each that may be taken over.
        const LOOKS: usize = 10;
        let start = self.start.to_start()?;
        required(&db.view().counting(), self.key, self.group)?;
        let now = db.now();
        let mut stream = db.stream_mut(self.key)?;
        see_consumer(&mut stream, self.group, self.consumer, now);
        let claimant = Claimant {
            group: self.group,
            consumer: self.consumer,
            delivered_at: now,
            deliveries: None,
            just_ids: self.just_ids,
        };
        let (mut claimed, mut deleted) = (Claimed::empty(self.just_ids), Vec::new());
        let (mut next, mut looks) = (Some(start), self.count.saturating_mul(LOOKS));
        let found = |stream: &Stream, from: Option<StreamId>| {
            let group = stream.group(self.group)?;
            group.pending(from?..).next().map(|(id, pending)| (id, *pending))
        };
        while looks > 0
            && claimed.len() + deleted.len() < self.count
            && let Some((id, pending)) = found(&stream, next)
        {
            (next, looks) = (id.next(), looks - 1);
            let Some(entry) = stream.get(id).map(StreamEntry::from) else {
                acknowledge(&mut stream, self.group, id);
                deleted.push(id);
                continue;
            };
            if pending.consumer.is_some() && now.milliseconds_since(pending.delivered_at) < self.min_idle_ms {
                continue;
            }
            claimant.take(&mut stream, id, pending.deliveries);
            claimed.push(entry);
        }
        let next = found(&stream, next).map_or(StreamId::MIN, |(id, _)| id);
        if !claimed.is_empty() {
            activate_consumer(&mut stream, self.group, self.consumer, now);
        }
        Ok(XAutoClaimReply { next, claimed, deleted })
    }
}

/// What is noted of entries that are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NackMode {
    /// They count as given once less: `SILENT`.
    Silent,
    /// They count as given as often as before: `FAIL`.
    Fail,
    /// They count as given as often as can be: `FATAL`.
    Fatal,
}

/// `XNACK key group <SILENT | FAIL | FATAL> IDS numids id [id ...] [RETRYCOUNT count] [FORCE]`
#[derive(Clone, Debug)]
pub struct XNack<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The group.
    pub group: &'a [u8],
    /// What is noted.
    pub mode: NackMode,
    /// The entries.
    pub ids: Cow<'a, [StreamId]>,
    /// They count as given so often, whatever the mode says.
    pub retry_count: Option<u64>,
    /// Also those that nobody has.
    pub force: bool,
}

impl<'a> Command<'a> for XNack<'a> {
    const SPEC: Spec = Spec {
        name: "XNACK",
        arity: -7,
        since: "8.8.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Gives back entries that were given and not acknowledged, for others to take, and returns how many.",
        complexity: "O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged",
        syntax: "key group <SILENT | FAIL | FATAL> IDS numids id [id ...] [RETRYCOUNT count] [FORCE]",
        ..STREAM
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, group) = (args.bytes()?, args.bytes()?);
        let mode = if args.take("SILENT") {
            NackMode::Silent
        } else if args.take("FAIL") {
            NackMode::Fail
        } else if args.take("FATAL") {
            NackMode::Fatal
        } else {
            return Err(Error::Syntax);
        };
        if !args.take_with("IDS", 1) {
            return Err(Error::Syntax);
        }
        let ids = parse_counted_ids(args)?;
        let (mut retry_count, mut force) = (None, false);
        while !args.is_empty() {
            if args.take_with("RETRYCOUNT", 1) {
                let count = args.int_where(|n| n >= 0, "ERR Invalid RETRYCOUNT option argument for XNACK")?;
                retry_count = Some(count as u64);
            } else if args.take("FORCE") {
                force = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(XNack { key, group, mode, ids, retry_count, force })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XNack<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        /// "~9.22 X 10^18", in the command's documentation.
        const MOST: u64 = i64::MAX as u64;
        required(&db.view(), self.key, self.group)?;
        let mut stream = db.stream_mut(self.key)?;
        let mut count = 0;
        for &id in &*self.ids {
            let pending = stream.group(self.group).and_then(|group| group.pending_at(id));
            let before = match pending {
                Some(pending) => pending.deliveries,
                None if self.force && stream.get(id).is_some() => 0,
                None => continue,
            };
            let by_mode = match self.mode {
                NackMode::Silent => before.saturating_sub(1),
                NackMode::Fail => before,
                NackMode::Fatal => MOST,
            };
            let give_back = StreamChange::Assign {
                group: self.group.into(),
                consumer: None,
                id,
                delivered_at: UnixMs(0),
                deliveries: self.retry_count.unwrap_or(by_mode),
            };
            count += usize::from(stream.apply(&give_back, None));
        }
        // Whoever waits with CLAIM may have them at once.
        if count > 0 {
            stream.make_ready();
        }
        Ok(count)
    }
}
