//! Fields of hashes with deadlines of their own: HEXPIRE, HTTL, HGETEX, HSETEX and their kin.
use std::borrow::Cow;
use std::time::Duration;

use super::element_deadlines::{
    EPOCH, Names, Naming, condition, counted_names_command, deadline_commands, moment,
};
use super::hash::HASH;
use super::keys::ExpireWhen;
use super::string::{Expiry, Pairs, RawExpiry};
use super::{Args, Command, Flags, KeySpec, Late, Spec, Write, table, wrong_arity};
use crate::number;
use crate::tx::{Deadline, Tx};
use crate::types::{Element, Hash};
use crate::{Bytes, Error, Result, UnixMs};

table! {
    write HExpire, write HExpireAt, read HExpireTime, write HGetDel, write HGetEx, write HPersist, write HPExpire,
    write HPExpireAt, read HPExpireTime, read HPTtl, write HSetEx, read HTtl,
}

const FIELDS: Naming = Naming {
    word: "FIELDS",
    misplaced: "ERR Mandatory argument FIELDS is missing or not at the right position",
    no_count: "ERR Number of fields must be a positive integer",
    miscounted: "ERR The `numfields` parameter must match the number of arguments",
};

/// `[NX | XX | GT | LT] FIELDS numfields field [field ...]`
fn conditional_fields<'a>(args: &mut Args<'a>) -> (ExpireWhen, Names<'a>) {
    let when = condition(args).unwrap_or_default();
    let no_count = "ERR Parameter `numFields` should be greater than 0";
    (when, Naming { no_count, ..FIELDS }.names(args))
}

deadline_commands! {
    Hash, HASH, "7.4.0", fields "fields of a hash", "FIELDS numfields field [field ...]", FIELDS, conditional_fields,
    HExpire "HEXPIRE" "hexpire", HPExpire "HPEXPIRE" "hpexpire",
    HExpireAt "HEXPIREAT" "hexpireat", HPExpireAt "HPEXPIREAT" "hpexpireat",
    HTtl "HTTL", HPTtl "HPTTL", HExpireTime "HEXPIRETIME", HPExpireTime "HPEXPIRETIME",
    HPersist "HPERSIST",
}

counted_names_command! {
    (fields, "FIELDS numfields field [field ...]", FIELDS)
    /// `HGETDEL key FIELDS numfields field [field ...]`
    HGetDel -> Vec<Option<Bytes>>, Spec {
        name: "HGETDEL",
        since: "8.0.0",
        keys: &[KeySpec::first(&["RW", "access", "delete"])],
        summary: "Returns the values of fields and removes them; a hash without fields is no key.",
        ..HASH
    }
}

impl<'a> Write<'a> for HGetDel<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<Option<Bytes>>> {
        let mut hash = db.hash_mut(self.key)?;
        let take = |field: &&[u8]| {
            hash.reclaim(field);
            let value = hash.shown().get(field).map(Element::copy);
            if value.is_some() {
                hash.remove(field);
            }
            value
        };
        Ok(self.fields.clone()?.iter().map(take).collect())
    }
}

/// The deadline that fields get, or whether they keep or lose theirs.
fn deadline(expiry: &Expiry, now: UnixMs, command: &'static str) -> Result<Deadline> {
    let milliseconds = |duration: &Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Ok(match expiry {
        Expiry::Clear => Deadline::Clear,
        Expiry::Keep => Deadline::Keep,
        Expiry::At(at) => Deadline::At(moment(at.0, 1, EPOCH, command)?),
        Expiry::In(duration) => Deadline::At(moment(milliseconds(duration), 1, now, command)?),
    })
}

/// An expiry whose number may be 0.
fn expiry(raw: RawExpiry<'_>, command: &'static str) -> Result<Expiry> {
    let amount = number::parse_i64(raw.amount).ok_or(Error::NotAnInteger)?;
    // What is too late from now on is refused when the clock is read.
    let at = moment(amount, raw.scale, EPOCH, command)?;
    Ok(if raw.relative { Expiry::In(Duration::from_millis(at.0 as u64)) } else { Expiry::At(at) })
}

/// `HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS
/// numfields field [field ...]`
#[derive(Clone, Debug)]
pub struct HGetEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What happens to their deadlines; `Clear` is `PERSIST`.
    pub expiry: Late<Expiry>,
    /// The fields.
    pub fields: Late<Cow<'a, [&'a [u8]]>>,
}

impl<'a> Command<'a> for HGetEx<'a> {
    const SPEC: Spec = Spec {
        name: "HGETEX",
        arity: -5,
        since: "8.0.0",
        flags: Flags::FAST,
        keys: &[
            KeySpec::first(&["RW", "access", "update"]).noting("RW and UPDATE because it changes the TTL")
        ],
        summary: "Returns the values of fields and changes their time to live.",
        complexity: "O(N), N being the number of fields",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] \
                 <FIELDS numfields field [field ...]>",
        ..HASH
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let expiry = if args.take("PERSIST") {
            Ok(Expiry::Clear)
        } else {
            Expiry::take(args).map_or(Ok(Expiry::Keep), |raw| expiry(raw, "hgetex"))
        };
        Ok(HGetEx { key, expiry, fields: FIELDS.names(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HGetEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<Option<Bytes>>> {
        let now = db.now();
        let mut hash = db.hash_mut(self.key)?;
        let deadline = deadline(&self.expiry.clone()?, now, "hgetex")?;
        let get = |field: &&[u8]| {
            hash.reclaim(field);
            let value = hash.shown().get(field).map(Element::copy)?;
            match deadline {
                Deadline::Keep => {}
                Deadline::At(at) if at <= now => drop(hash.remove(field)),
                Deadline::At(at) => drop(hash.set_deadline(field, Some(at))),
                Deadline::Clear => {
                    if hash.shown().deadline(field).flatten().is_some() {
                        hash.set_deadline(field, None);
                    }
                }
            }
            Some(value)
        };
        Ok(self.fields.clone()?.iter().map(get).collect())
    }
}

/// Which fields must be there for `HSETEX` to set any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFields {
    /// It does not matter.
    #[default]
    Always,
    /// `FNX`: none of them.
    Missing,
    /// `FXX`: all of them.
    Present,
}

/// `HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]
/// FIELDS numfields field value [field value ...]`
#[derive(Clone, Debug)]
pub struct HSetEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which fields must be there.
    pub when: WhenFields,
    /// What happens to their deadlines.
    pub expiry: Expiry,
    /// Fields and values.
    pub pairs: Pairs<'a>,
}

impl<'a> Command<'a> for HSetEx<'a> {
    const SPEC: Spec = Spec {
        name: "HSETEX",
        arity: -6,
        since: "8.0.0",
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Sets fields of a hash and their time to live.",
        complexity: "O(N), N being the number of fields",
        syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds \
                 | KEEPTTL] <FIELDS numfields field value [field value ...]>",
        ..HASH
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        const COMMAND: &str = "hsetex";
        let key = args.bytes()?;
        let (mut when, mut expiry) = (WhenFields::Always, None);
        while !args.take("FIELDS") {
            let condition = if args.take("FNX") {
                WhenFields::Missing
            } else if args.take("FXX") {
                WhenFields::Present
            } else {
                let is_expiry = |word: &[u8]| {
                    let words = ["EX", "PX", "EXAT", "PXAT", "KEEPTTL"];
                    words.into_iter().any(|expiry| word.eq_ignore_ascii_case(expiry.as_bytes()))
                };
                if expiry.is_some() && args.peek().is_some_and(is_expiry) {
                    return Err(Error::refused(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                expiry = Some(if args.take("KEEPTTL") {
                    Expiry::Keep
                } else if let Some(raw) = Expiry::take(args) {
                    self::expiry(raw, COMMAND)?
                } else if let Some(word) = args.peek() {
                    let text = format!("ERR unknown argument: {}", String::from_utf8_lossy(word));
                    return Err(Error::Refused(text.into()));
                } else {
                    return Err(wrong_arity("HSETEX"));
                });
                continue;
            };
            if when != WhenFields::Always {
                return Err(Error::refused("ERR Only one of FXX or FNX arguments can be specified"));
            }
            when = condition;
        }
        // Redis looks whether there may be a number and a pair before it looks at the number.
        if args.remaining() < 3 {
            return Err(wrong_arity("HSETEX"));
        }
        let count = args
            .int_where(|count| (1..=i64::from(i32::MAX)).contains(&count), "ERR invalid number of fields")?;
        let (pairs, rest) = args.rest().as_chunks::<2>();
        if pairs.len() != count as usize || !rest.is_empty() {
            return Err(wrong_arity("HSETEX"));
        }
        let pairs = pairs.iter().map(|&[field, value]| (field, value)).collect::<Vec<_>>().into();
        Ok(HSetEx { key, when, expiry: expiry.unwrap_or_default(), pairs })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HSetEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let now = db.now();
        let deadline = deadline(&self.expiry, now, "hsetex")?;
        let mut hash = db.hash_mut(self.key)?;
        if self.when != WhenFields::Always {
            let wanted = self.when == WhenFields::Present;
            let fits = |field: &[u8]| hash.shown().get(field).is_some() == wanted;
            if !self.pairs.iter().all(|(field, _)| fits(field)) {
                return Ok(false);
            }
        }
        hash.expect(self.pairs.len());
        for (field, value) in self.pairs.iter() {
            if deadline == Deadline::Keep {
                hash.insert_keeping(field, value);
            } else {
                hash.insert(field, value);
            }
        }
        if let Deadline::At(at) = deadline {
            for (field, _) in self.pairs.iter() {
                if at <= now {
                    hash.remove(field);
                } else {
                    hash.set_deadline(field, Some(at));
                }
            }
        }
        Ok(true)
    }
}
