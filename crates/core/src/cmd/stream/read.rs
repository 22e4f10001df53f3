//! Reading what is after an ID in several streams, as oneself or as a member of a group, and waiting for it.
use std::borrow::Cow;
use std::time::Duration;

use super::group::{activate_consumer, see_consumer};
use super::{STREAM, StreamEntry, parse_id};
use crate::cmd::blocking::{Awaited, timeout_of};
use crate::cmd::{Args, Blocking, Command, Flags, KeySpec, Late, Read, Spec, Write};
use crate::engine::Engine;
use crate::tx::{StreamMut, Tx, View};
use crate::types::StreamId;
use crate::types::stream::{Pending, StreamChange};
use crate::{Bytes, Error, Reply, Result, UnixMs, number};

/// After which entry a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// After this one.
    After(StreamId),
    /// After the last one that there is now: `$`.
    End,
    /// The last one that there is now, and those after it if there is none: `+`.
    Last,
}

impl From<StreamId> for ReadFrom {
    fn from(id: StreamId) -> Self {
        ReadFrom::After(id)
    }
}

/// What a member of a group reads of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupFrom {
    /// What the group was not given yet: `>`.
    New,
    /// What the member itself was given after this entry, and has not acknowledged.
    Pending(StreamId),
}

impl From<StreamId> for GroupFrom {
    fn from(id: StreamId) -> Self {
        GroupFrom::Pending(id)
    }
}

/// How a member of a group reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupReadOptions {
    /// How much is read.
    pub limits: ReadLimits,
    /// New entries count as acknowledged at once: `NOACK`.
    pub no_ack: bool,
    /// Entries that others have had for so many milliseconds are taken over first: `CLAIM`.
    pub claim_ms: Option<u64>,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadLimits {
    /// So many entries of each stream at most; any number if it is 0.
    pub count: usize,
    /// So many entries of all streams together at most.
    pub max_count: Option<usize>,
    /// So many bytes of names and values of all streams together at most; but one entry is read in any case.
    pub max_size: Option<usize>,
}

impl ReadLimits {
    fn each(self) -> usize {
        if self.count == 0 { usize::MAX } else { self.count }
    }
}

/// What is left of the limits that count for all streams together.
#[derive(Debug)]
struct Allowance {
    entries: usize,
    bytes: usize,
    is_untouched: bool,
}

impl Allowance {
    fn of(limits: ReadLimits) -> Self {
        let (entries, bytes) =
            (limits.max_count.unwrap_or(usize::MAX), limits.max_size.unwrap_or(usize::MAX));
        Self { entries, bytes, is_untouched: true }
    }

    /// Whether there is room for an entry, which is taken off what is left.
    fn admits(&mut self, entry: &StreamEntry) -> bool {
        let bytes: usize = entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let is_let_in = self.entries > 0 && (bytes <= self.bytes || self.is_untouched);
        if is_let_in {
            self.entries -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
            self.is_untouched = false;
        } else {
            // What comes after one that has no room is not read either.
            self.entries = 0;
        }
        is_let_in
    }
}

/// What was read of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntries {
    /// The stream's key.
    pub key: Bytes,
    /// What was taken over from others: entries that had waited long enough. Only with `CLAIM`.
    pub claimed: Vec<ClaimedEntry>,
    /// The entries.
    pub entries: Vec<StreamEntry>,
}

/// An entry that was taken over from another consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEntry {
    /// The entry.
    pub entry: StreamEntry,
    /// How many milliseconds ago it was given before.
    pub idle_ms: u64,
    /// How often it was given before.
    pub deliveries: u64,
}

impl From<ClaimedEntry> for Reply {
    fn from(claimed: ClaimedEntry) -> Self {
        let ClaimedEntry { entry, idle_ms, deliveries } = claimed;
        match Reply::from(entry) {
            Reply::Array(mut parts) => {
                parts.extend([Reply::Integer(idle_ms as i64), Reply::Integer(deliveries as i64)]);
                Reply::Array(parts)
            }
            other => other,
        }
    }
}

/// What was read of several streams: nothing of those that had nothing. `None` if none had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XReadReply(pub Option<Vec<StreamEntries>>);

impl From<XReadReply> for Reply {
    fn from(reply: XReadReply) -> Self {
        let pair = |read: StreamEntries| {
            let claimed = read.claimed.into_iter().map(Reply::from);
            let entries = claimed.chain(read.entries.into_iter().map(Reply::from));
            (read.key.into(), Reply::Array(entries.collect()))
        };
        reply.0.map_or(Reply::NullArray, |streams| Reply::MapOfPairs(streams.into_iter().map(pair).collect()))
    }
}

/// The words before the keys.
#[derive(Default)]
struct Options<'a> {
    limits: ReadLimits,
    block: Option<Duration>,
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    claim_ms: Option<u64>,
}

impl<'a> Options<'a> {
    /// Reads up to `STREAMS`, and returns the keys and as many IDs.
    fn parse(args: &mut Args<'a>, name: &str) -> Result<(Self, &'a [&'a [u8]], &'a [&'a [u8]])> {
        let is_group = name == "xreadgroup";
        let mut options = Self::default();
        loop {
            if args.take_with("BLOCK", 1) {
                options.block = Some(parse_milliseconds(args)?);
            } else if args.take_with("COUNT", 1) {
                options.limits.count = usize::try_from(args.int()?).unwrap_or(0);
            } else if args.take_with("MAXCOUNT", 1) {
                options.limits.max_count = Some(positive(args, "MAXCOUNT")?);
            } else if args.take_with("MAXSIZE", 1) {
                options.limits.max_size = Some(positive(args, "MAXSIZE")?);
            } else if args.take_with("STREAMS", 1) {
                break;
            } else if args.take_with("GROUP", 2) {
                if !is_group {
                    return Err(only_for_groups("GROUP"));
                }
                options.group = Some((args.bytes()?, args.bytes()?));
            } else if args.take("NOACK") {
                if !is_group {
                    return Err(only_for_groups("NOACK"));
                }
                options.no_ack = true;
            } else if is_group && args.take_with("CLAIM", 1) {
                let least = args.int_where(|n| n >= 0, "ERR min-idle-time must be a positive integer")?;
                options.claim_ms = Some(least as u64);
            } else {
                return Err(Error::Syntax);
            }
        }
        let words = args.rest();
        if !words.len().is_multiple_of(2) {
            let ids = if is_group { "an ID or '>'" } else { "an ID, '+', or '$'" };
            return Err(Error::Refused(
                format!(
                    "ERR Unbalanced '{name}' list of streams: for each stream key {ids} must be specified."
                )
                .into(),
            ));
        }
        let (keys, ids) = words.split_at(words.len() / 2);
        if is_group && options.group.is_none() {
            return Err(Error::refused("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok((options, keys, ids))
    }
}

fn only_for_groups(option: &str) -> Error {
    let text = format!("ERR The {option} option is only supported by XREADGROUP. You called XREAD instead.");
    Error::Refused(text.into())
}

fn positive(args: &mut Args<'_>, option: &str) -> Result<usize> {
    let number = args.int()?;
    let refusal = || Error::Refused(format!("ERR {option} must be a positive integer").into());
    usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(refusal)
}

/// A timeout in milliseconds; 0 for none.
fn parse_milliseconds(args: &mut Args<'_>) -> Result<Duration> {
    let milliseconds = number::parse_i64(args.bytes()?);
    timeout_of(milliseconds.ok_or(Error::refused("ERR timeout is not an integer or out of range"))?)
}

/// `XREAD [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]`
#[derive(Clone, Debug)]
pub struct XRead<'a> {
    /// The streams.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// After which entry each is read.
    pub from: Cow<'a, [Late<ReadFrom>]>,
    /// How much is read.
    pub limits: ReadLimits,
    /// How long it waits if there is nothing: not at all if it is not said, for ever if it is zero.
    pub block: Option<Duration>,
}

impl<'a> Command<'a> for XRead<'a> {
    const SPEC: Spec = Spec {
        name: "XREAD",
        arity: -4,
        flags: Flags::BLOCKING.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec::halves_after(&["RO", "access"], "STREAMS", 1)],
        summary: "Returns the entries of streams after those that the caller knows, and waits for one if it is told to.",
        complexity: "O(log(S)+N) for each stream, S being the number of its entries and N that of those returned",
        syntax: "[COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] \
                 <STREAMS key [key ...] id [id ...]>",
        ..STREAM
    };
    type Reply = XReadReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (Options { limits, block, .. }, keys, ids) = Options::parse(args, "xread")?;
        let from = |word: &&[u8]| match *word {
            b"$" => Ok(ReadFrom::End),
            b"+" => Ok(ReadFrom::Last),
            b">" => Err(Error::refused(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
            )),
            id => parse_id(id, 0).map(ReadFrom::After),
        };
        let from: Vec<_> = ids.iter().map(from).collect();
        Ok(XRead { keys: keys.into(), from: from.into(), limits, block })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl XRead<'_> {
    /// After which IDs the streams are read, as they are now.
    fn resolve(&self, db: &View<'_>) -> Result<Vec<StreamId>> {
        let of = |(key, from): (&&[u8], &Late<ReadFrom>)| {
            // As there, a key of another type is refused before an ID that is none.
            let stream = db.stream(key)?;
            let from = from.clone()?;
            Ok(match (from, stream) {
                (ReadFrom::After(id), _) => id,
                (_, None) => StreamId::MIN,
                (ReadFrom::End, Some(stream)) => stream.last_id(),
                (ReadFrom::Last, Some(stream)) => {
                    stream.last().and_then(|last| last.id.previous()).unwrap_or(stream.last_id())
                }
            })
        };
        self.keys.iter().zip(self.from.iter()).map(of).collect()
    }
}

/// Reads several streams.
fn read_after(
    db: &View<'_>,
    streams: impl Iterator<Item = (Bytes, StreamId)>,
    limits: ReadLimits,
) -> Result<Option<Vec<StreamEntries>>> {
    let (mut read, mut allowance) = (Vec::new(), Allowance::of(limits));
    for (key, after) in streams {
        let Some(stream) = db.stream(&key)? else { continue };
        let Some(start) = after.next() else { continue };
        let entries = stream.range(start, StreamId::MAX).take(limits.each()).map(StreamEntry::from);
        let entries: Vec<_> = entries.take_while(|entry| allowance.admits(entry)).collect();
        if !entries.is_empty() {
            read.push(StreamEntries { key, claimed: Vec::new(), entries });
        }
    }
    Ok((!read.is_empty()).then_some(read))
}

impl<'a> Read<'a> for XRead<'a> {
    fn read(&self, db: &View<'_>) -> Result<XReadReply> {
        let keys = self.keys.iter().map(|key| Bytes::copy_from_slice(key));
        read_after(db, keys.zip(self.resolve(db)?), self.limits).map(XReadReply)
    }
}

impl<'a> Write<'a> for XRead<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<XReadReply> {
        self.read(&db.view())
    }
}

impl<'a> Blocking<'a> for XRead<'a> {
    type How = (Result<Vec<StreamId>>, ReadLimits);
    type Found = Vec<StreamEntries>;
    const AWAITS: Awaited = Awaited::Stream;
    const CHANGES: bool = false;

    fn wait_keys(&self) -> Cow<'_, [&'a [u8]]> {
        Cow::Borrowed(&self.keys)
    }

    fn how(&self, db: &View<'_>) -> Self::How {
        (self.resolve(db), self.limits)
    }

    fn waits(&self) -> bool {
        self.block.is_some()
    }

    fn timeout(&self) -> Option<Duration> {
        self.block.filter(|block| !block.is_zero())
    }

    fn attempt((after, limits): &Self::How, keys: &[&[u8]], db: &mut Tx<'_>) -> Result<Option<Self::Found>> {
        let after = after.as_ref().map_err(Error::clone)?;
        let streams = keys.iter().zip(after).filter(|(key, _)| db.is_locked(key));
        let streams = streams.map(|(key, after)| (Bytes::copy_from_slice(key), *after));
        read_after(&db.view(), streams, *limits)
    }

    /// Nothing was taken.
    fn give_back(_: &Self::How, _: &Engine, _: usize, _: Self::Found) {}

    fn reply(found: Option<Self::Found>) -> XReadReply {
        XReadReply(found)
    }
}

/// `XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]`
#[derive(Clone, Debug)]
pub struct XReadGroup<'a> {
    /// The group.
    pub group: &'a [u8],
    /// The member; it is made if it is not there.
    pub consumer: &'a [u8],
    /// The streams.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// What of each is read.
    pub from: Cow<'a, [Late<GroupFrom>]>,
    /// How much of it, and how it is noted.
    pub options: GroupReadOptions,
    /// How long it waits if there is nothing: not at all if it is not said, for ever if it is zero.
    pub block: Option<Duration>,
}

impl<'a> Command<'a> for XReadGroup<'a> {
    const SPEC: Spec = Spec {
        name: "XREADGROUP",
        arity: -7,
        flags: Flags::BLOCKING.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec::halves_after(&["RO", "access"], "STREAMS", 4)],
        summary: "Returns entries of streams that no other member of a group is given, and waits for one if it is told to.",
        complexity: "O(log(S)+N*log(P)) for each stream, S being the number of its entries, P that of those not acknowledged and \
                     N that of those returned",
        syntax: "<GROUP group consumer> [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] \
                 [CLAIM min-idle-time] [NOACK] <STREAMS key [key ...] id [id ...]>",
        ..STREAM
    };
    type Reply = XReadReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (options, keys, ids) = Options::parse(args, "xreadgroup")?;
        let Options { limits, block, group, no_ack, claim_ms } = options;
        let options = GroupReadOptions { limits, no_ack, claim_ms };
        let (group, consumer) = group.unwrap_or_default();
        let from = |word: &&[u8]| match *word {
            b">" => Ok(GroupFrom::New),
            b"$" => Err(Error::refused(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                 return an empty result set.",
            )),
            b"+" => Err(Error::refused(
                "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just \
                 return an empty result set.",
            )),
            // After the last ID there is nothing to read again; Redis takes it for `>`.
            id => parse_id(id, 0).map(|id| match id {
                StreamId::MAX => GroupFrom::New,
                id => GroupFrom::Pending(id),
            }),
        };
        let from: Vec<_> = ids.iter().map(from).collect();
        Ok(XReadGroup { group, consumer, keys: keys.into(), from: from.into(), options, block })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

/// What an attempt needs to know besides the keys.
#[derive(Clone, Debug)]
pub struct GroupReading {
    group: Box<[u8]>,
    consumer: Box<[u8]>,
    from: Vec<Late<GroupFrom>>,
    options: GroupReadOptions,
}

impl GroupReading {
    /// Refuses keys without the group.
    fn check(&self, key: &[u8], db: &View<'_>) -> Result<()> {
        if db.stream(key)?.is_some_and(|stream| stream.group(&self.group).is_some()) {
            return Ok(());
        }
        let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(&self.group));
        Err(Error::Refused(
            format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            )
            .into(),
        ))
    }

    /// What the consumer was given after an entry, once more.
    fn read_pending(
        &self,
        stream: &mut StreamMut<'_, '_>,
        after: StreamId,
        now: UnixMs,
        allowance: &mut Allowance,
    ) -> Vec<StreamEntry> {
        let Some(group) = stream.group(&self.group) else { return Vec::new() };
        let (Some((_, consumer)), Some(start)) = (group.consumer(&self.consumer), after.next()) else {
            return Vec::new();
        };
        let entry = |id| stream.get(id).map_or_else(|| StreamEntry::deleted(id), StreamEntry::from);
        let entries = consumer.pending(start..).take(self.options.limits.each()).map(entry);
        let entries: Vec<_> = entries.take_while(|entry| allowance.admits(entry)).collect();
        for entry in entries.iter().filter(|entry| !entry.fields.is_empty()) {
            let before = stream.group(&self.group).and_then(|group| group.pending_at(entry.id));
            self.assign(
                stream,
                entry.id,
                now,
                before.map_or(1, |before| before.deliveries.saturating_add(1)),
            );
        }
        entries
    }

    /// Gives the consumer an entry.
    fn assign(&self, stream: &mut StreamMut<'_, '_>, id: StreamId, now: UnixMs, deliveries: u64) {
        let assign = StreamChange::Assign {
            group: (&*self.group).into(),
            consumer: Some((&*self.consumer).into()),
            id,
            delivered_at: now,
            deliveries,
        };
        stream.apply(&assign, None);
    }

    /// Takes over entries that others have had for long, those that they have had longest first.
    fn claim(
        &self,
        stream: &mut StreamMut<'_, '_>,
        now: UnixMs,
        allowance: &mut Allowance,
    ) -> Vec<ClaimedEntry> {
        let Some(least) = self.options.claim_ms else { return Vec::new() };
        let latest = UnixMs(now.0.saturating_sub_unsigned(least));
        let idle = stream.idle_since(&self.group, latest, self.options.limits.each());
        let mut claimed = Vec::new();
        for (id, Pending { delivered_at, deliveries, .. }) in idle {
            let Some(entry) = stream.get(id).map(StreamEntry::from) else {
                // As XCLAIM does it.
                super::group::acknowledge(stream, &self.group, id);
                continue;
            };
            if !allowance.admits(&entry) {
                break;
            }
            self.assign(stream, id, now, deliveries.saturating_add(1));
            let idle_ms = now.milliseconds_since(delivered_at);
            claimed.push(ClaimedEntry { entry, idle_ms, deliveries });
        }
        claimed
    }

    /// What the group was not given yet, up to so many entries.
    fn read_new(
        &self,
        stream: &mut StreamMut<'_, '_>,
        count: usize,
        now: UnixMs,
        allowance: &mut Allowance,
    ) -> Vec<StreamEntry> {
        let Some(group) = stream.group(&self.group) else { return Vec::new() };
        let Some(start) = group.last_id().next() else { return Vec::new() };
        let entries = stream.range(start, StreamId::MAX).take(count).map(StreamEntry::from);
        let entries: Vec<_> = entries.take_while(|entry| allowance.admits(entry)).collect();
        let Some(last) = entries.last() else { return entries };
        let entries_read = stream.entries_read_with(group, entries.iter().map(|entry| entry.id));
        let set = StreamChange::SetGroup { group: (&*self.group).into(), last_id: last.id, entries_read };
        if !self.options.no_ack {
            entries.iter().for_each(|entry| self.assign(stream, entry.id, now, 1));
        }
        stream.apply(&set, None);
        entries
    }
}

impl<'a> Write<'a> for XReadGroup<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<XReadReply> {
        let how = self.how(&db.view());
        Self::attempt(&how, &self.keys, db).map(XReadReply)
    }
}

impl<'a> Blocking<'a> for XReadGroup<'a> {
    type How = GroupReading;
    type Found = Vec<StreamEntries>;
    const AWAITS: Awaited = Awaited::Group;

    fn wait_keys(&self) -> Cow<'_, [&'a [u8]]> {
        Cow::Borrowed(&self.keys)
    }

    fn how(&self, _: &View<'_>) -> GroupReading {
        GroupReading {
            group: self.group.into(),
            consumer: self.consumer.into(),
            from: self.from.to_vec(),
            options: self.options,
        }
    }

    fn waits(&self) -> bool {
        self.block.is_some()
    }

    fn timeout(&self) -> Option<Duration> {
        self.block.filter(|block| !block.is_zero())
    }

    fn attempt(how: &GroupReading, keys: &[&[u8]], db: &mut Tx<'_>) -> Result<Option<Self::Found>> {
        let streams = || keys.iter().zip(&how.from);
        streams().filter(|(key, _)| db.is_locked(key)).try_for_each(|(key, from)| {
            how.check(key, &db.view().counting())?;
            from.as_ref().map(drop).map_err(Error::clone)
        })?;
        let (mut found, mut allowance, now) = (Vec::new(), Allowance::of(how.options.limits), db.now());
        for (key, from) in streams() {
            if !db.is_locked(key) {
                continue;
            }
            let mut stream = db.stream_mut(key)?;
            see_consumer(&mut stream, &how.group, &how.consumer, now);
            let (claimed, entries, is_told) = match from.clone()? {
                GroupFrom::Pending(after) => {
                    (Vec::new(), how.read_pending(&mut stream, after, now, &mut allowance), true)
                }
                GroupFrom::New => {
                    let claimed = how.claim(&mut stream, now, &mut allowance);
                    let count = how.options.limits.each() - claimed.len();
                    let entries = how.read_new(&mut stream, count, now, &mut allowance);
                    let is_any = !claimed.is_empty() || !entries.is_empty();
                    // Redis counts as activity what a consumer has to acknowledge.
                    if !claimed.is_empty() || (!entries.is_empty() && !how.options.no_ack) {
                        activate_consumer(&mut stream, &how.group, &how.consumer, now);
                    }
                    (claimed, entries, is_any)
                }
            };
            if is_told {
                found.push(StreamEntries { key: Bytes::copy_from_slice(key), claimed, entries });
            }
        }
        Ok((!found.is_empty()).then_some(found))
    }

    /// With `CLAIM`: when the first entry that somebody has will have been had long enough. Those that are given from now on are for
    /// the look after that.
    fn looks_at(how: &GroupReading, keys: &[&[u8]], db: &View<'_>) -> Option<UnixMs> {
        let least = Duration::from_millis(how.options.claim_ms?);
        let of = |key: &&[u8]| db.stream(key).ok()??.group(&how.group)?.given_first();
        let given = keys.iter().filter_map(of).min().map_or(db.now(), |given| given.min(db.now()));
        Some(given.saturating_add(least).max(db.now().saturating_add(Duration::from_millis(1))))
    }

    /// It stays pending for the consumer, who may ask for it again.
    fn give_back(_: &GroupReading, _: &Engine, _: usize, _: Self::Found) {}

    fn reply(found: Option<Self::Found>) -> XReadReply {
        XReadReply(found)
    }
}
