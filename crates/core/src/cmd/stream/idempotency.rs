//! Entries that a producer sends again are not added again.
//!
//! <https://redis.io/docs/latest/develop/data-types/streams/idempotency/>
use std::borrow::Cow;

use super::{STREAM, parse_id};
use crate::cmd::{Args, Command, Flags, KeySpec, Late, Spec, Write};
use crate::tx::{StreamMut, Tx};
use crate::types::StreamId;
use crate::types::stream::{IdempotencySettings, ProducersSummary, StreamChange};
use crate::{Error, Result, UnixMs};

pub(super) const NOT_AUTO: &str = "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs";

/// Who sends an entry, and what the sender calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency<'a> {
    /// The producer.
    pub producer: &'a [u8],
    /// The producer's ID of the entry; made of its fields and values if it is not said.
    pub iid: Option<&'a [u8]>,
}

impl<'a> Idempotency<'a> {
    /// `IDMP producer-id idempotent-id` or `IDMPAUTO producer-id`, if the next words are that.
    pub(super) fn take(args: &mut Args<'a>, is_said: bool) -> Result<Option<Self>> {
        let has_iid = args.take_with("IDMP", 2);
        if !has_iid && !args.take_with("IDMPAUTO", 1) {
            return Ok(None);
        }
        if is_said {
            return Err(Error::refused("ERR IDMP/IDMPAUTO specified multiple times"));
        }
        let producer = args.bytes()?;
        let iid = has_iid.then(|| args.bytes()).transpose()?;
        Ok(Some(Self { producer, iid }))
    }

    /// # Errors
    /// Refused if an ID is empty.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self { producer: [], iid: Some(_) } => {
                Err(Error::refused("ERR IDMP requires a non-empty producer ID"))
            }
            Self { producer: [], iid: None } => {
                Err(Error::refused("ERR IDMPAUTO requires a non-empty producer ID"))
            }
            Self { iid: Some([]), .. } => Err(Error::refused("ERR IDMP requires a non-empty idempotent ID")),
            _ => Ok(()),
        }
    }

    /// What the producer calls an entry of these names and values by turns. One that is made of them does not depend on their order.
    pub(super) fn iid_of(self, words: &[&[u8]]) -> Cow<'a, [u8]> {
        if let Some(iid) = self.iid {
            return Cow::Borrowed(iid);
        }
        let mut pairs: Vec<&[&[u8]]> = words.chunks(2).collect();
        pairs.sort_unstable();
        let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
        for word in pairs.into_iter().flatten() {
            hash.update(&(word.len() as u64).to_le_bytes());
            hash.update(word);
        }
        Cow::Owned(hash.digest128().to_le_bytes().to_vec())
    }
}

/// The entry that a producer sent under an ID, which counts as sent once more.
pub(super) fn known(
    stream: &mut StreamMut<'_, '_>,
    producer: &[u8],
    iid: &[u8],
    now: UnixMs,
) -> Option<StreamId> {
    let producers = stream.producers()?;
    let id = producers.find(producer, iid, now)?;
    let summary = producers.summary();
    let duplicates = summary.duplicates.saturating_add(1);
    stream.apply(&StreamChange::SetProducers(ProducersSummary { duplicates, ..summary }), None);
    Some(id)
}

/// Remembers what a producer has sent.
pub(super) fn record(stream: &mut StreamMut<'_, '_>, producer: &[u8], iid: &[u8], id: StreamId) {
    let record = StreamChange::RecordSent { producer: producer.into(), iid: iid.into(), id };
    stream.apply(&record, None);
}

/// `XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE count]`
#[derive(Clone, Debug)]
pub struct XCfgSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// For how many seconds IDs are remembered, and how many of each producer; as before if it is not said.
    pub settings: Late<(Option<u32>, Option<u16>)>,
}

const BAD_DURATION: &str = "ERR IDMP-DURATION must be between 1 and 86400 seconds";
const BAD_SIZE: &str = "ERR IDMP-MAXSIZE must be between 1 and 10000 entries";

fn parse_settings(args: &mut Args<'_>) -> Late<(Option<u32>, Option<u16>)> {
    let (mut duration_s, mut max_size) = (None, None);
    if args.is_empty() {
        return Err(Error::refused("ERR At least one parameter must be specified"));
    }
    while !args.is_empty() {
        if args.take_with("IDMP-DURATION", 1) {
            duration_s = Some(u32::try_from(args.int()?).map_err(|_| Error::refused(BAD_DURATION))?);
        } else if args.take_with("IDMP-MAXSIZE", 1) {
            max_size = Some(u16::try_from(args.int()?).map_err(|_| Error::refused(BAD_SIZE))?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((duration_s, max_size))
}

impl<'a> Command<'a> for XCfgSet<'a> {
    const SPEC: Spec = Spec {
        name: "XCFGSET",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update"])],
        since: "8.6.0",
        summary: "Sets for how long, and how many, IDs of producers are remembered.",
        complexity: "O(1), and O(N) if that is changed, N being the number of IDs, which go",
        syntax: "key [IDMP-DURATION seconds] [IDMP-MAXSIZE count]",
        ..STREAM
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(XCfgSet { key: args.bytes()?, settings: parse_settings(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XCfgSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let (duration_s, max_size) = self.settings.clone()?;
        if duration_s.is_some_and(|seconds| !IdempotencySettings::DURATIONS_S.contains(&seconds)) {
            return Err(Error::refused(BAD_DURATION));
        }
        if max_size.is_some_and(|size| !IdempotencySettings::SIZES.contains(&size)) {
            return Err(Error::refused(BAD_SIZE));
        }
        let summary = db.view().stream(self.key)?.ok_or(Error::NoSuchKey)?.producers_summary();
        let settings = IdempotencySettings {
            duration_s: duration_s.unwrap_or(summary.settings.duration_s),
            max_size: max_size.unwrap_or(summary.settings.max_size),
        };
        let set = StreamChange::SetProducers(ProducersSummary { settings, ..summary });
        db.stream_mut(self.key)?.apply(&set, None);
        Ok(())
    }
}

/// `XIDMPRECORD key producer-id idempotent-id id`
#[derive(Clone, Debug)]
pub struct XIdmpRecord<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The producer.
    pub producer: &'a [u8],
    /// What the producer calls the entry.
    pub iid: &'a [u8],
    /// The entry.
    pub id: StreamId,
}

impl<'a> Command<'a> for XIdmpRecord<'a> {
    const SPEC: Spec = Spec {
        name: "XIDMPRECORD",
        arity: 5,
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "update"])],
        since: "8.8.0",
        summary: "Notes which entry a producer has sent under an ID.",
        complexity: "O(log(N)), N being the number of IDs",
        syntax: "key producer-id idempotent-id id",
        ..STREAM
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, producer, iid) = (args.bytes()?, args.bytes()?, args.bytes()?);
        Idempotency { producer, iid: Some(iid) }.check()?;
        Ok(XIdmpRecord { key, producer, iid, id: parse_id(args.bytes()?, 0)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for XIdmpRecord<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let now = db.now();
        let stream = db.view().stream(self.key)?.ok_or(Error::NoSuchKey)?;
        if stream.get(self.id).is_none() {
            return Err(Error::refused("ERR The specified stream ID was deleted or doesn't exist"));
        }
        match stream.producers().and_then(|producers| producers.find(self.producer, self.iid, now)) {
            Some(id) if id == self.id => return Ok(()),
            Some(_) => {
                return Err(Error::refused(
                    "ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID",
                ));
            }
            None => {}
        }
        record(&mut db.stream_mut(self.key)?, self.producer, self.iid, self.id);
        Ok(())
    }
}
