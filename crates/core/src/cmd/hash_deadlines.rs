//! Fields of hashes with deadlines of their own: HEXPIRE, HTTL, HGETEX, HSETEX and their kin.
use std::borrow::Cow;
use std::time::Duration;

use super::hash::HASH;
use super::keys::{ExpireWhen, ExpiresAt, Ttl, remaining, reply_in_unit, until};
use super::string::{Expiry, Pairs, RawExpiry};
use super::{Args, Command, Flags, KeySpec, Late, Read, Spec, Write, table, wrong_arity};
use crate::number;
use crate::tx::{Deadline, Tx, View};
use crate::types::Element;
use crate::{Bytes, Error, Reply, Result, UnixMs};

table! {
    write HExpire, write HExpireAt, read HExpireTime, write HGetDel, write HGetEx, write HPersist, write HPExpire,
    write HPExpireAt, read HPExpireTime, read HPTtl, write HSetEx, read HTtl,
}

/// The latest deadline that a field may have, in Unix milliseconds: Redis keeps so many bits of it.
const LATEST: i64 = (1 << 46) - 1;

/// Names of fields. Redis looks at the key before it counts them.
type Fields<'a> = Late<Cow<'a, [&'a [u8]]>>;

/// Reads `FIELDS numfields field [field ...]`, all words that are left.
fn fields<'a>(args: &mut Args<'a>, bad_count: &'static str) -> Fields<'a> {
    const MISPLACED: &str = "ERR Mandatory argument FIELDS is missing or not at the right position";
    const MISCOUNTED: &str = "ERR The `numfields` parameter must match the number of arguments";
    if !args.take("FIELDS") {
        return Err(Error::refused(MISPLACED));
    }
    if args.is_empty() {
        return Err(Error::refused(MISCOUNTED));
    }
    let count = args.int_where(|count| count > 0, bad_count)?;
    let fields = args.rest();
    if i64::try_from(fields.len()) == Ok(count) { Ok(fields.into()) } else { Err(Error::refused(MISCOUNTED)) }
}

const NO_COUNT: &str = "ERR Number of fields must be a positive integer";

/// So many units after a moment, as a deadline that a field may have.
fn moment(amount: i64, scale: i64, start: UnixMs, command: &'static str) -> Result<UnixMs> {
    if amount < 0 {
        return Err(Error::refused("ERR invalid expire time, must be >= 0"));
    }
    let at = amount.checked_mul(scale).and_then(|milliseconds| milliseconds.checked_add(start.0));
    at.filter(|at| *at <= LATEST).map(UnixMs).ok_or(Error::InvalidExpireTime(command))
}

const EPOCH: UnixMs = UnixMs(0);

/// What HEXPIRE and its kin did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpire {
    /// There is no such field.
    Missing,
    /// `NX`, `XX`, `GT` or `LT` did not allow it.
    Refused,
    /// It has the deadline.
    Set,
    /// It is gone, because the deadline is not in the future.
    Deleted,
}

impl From<FieldExpire> for Reply {
    fn from(reply: FieldExpire) -> Self {
        Reply::Integer(match reply {
            FieldExpire::Missing => -2,
            FieldExpire::Refused => 0,
            FieldExpire::Set => 1,
            FieldExpire::Deleted => 2,
        })
    }
}

/// Gives fields a deadline, each if its old one allows it.
fn expire(
    db: &mut Tx<'_>,
    key: &[u8],
    at: impl FnOnce(UnixMs) -> Result<UnixMs>,
    when: ExpireWhen,
    fields: &Fields<'_>,
) -> Result<Vec<FieldExpire>> {
    let now = db.now();
    let mut hash = db.hash_mut(key)?;
    let at = at(now)?;
    let expire = |field: &&[u8]| match hash.shown().deadline(field) {
        None => FieldExpire::Missing,
        Some(old) if !when.allows(old, at) => FieldExpire::Refused,
        Some(_) if at <= now => {
            hash.remove(field);
            FieldExpire::Deleted
        }
        Some(_) => {
            hash.set_deadline(field, Some(at));
            FieldExpire::Set
        }
    };
    Ok(fields.clone()?.iter().map(expire).collect())
}

macro_rules! expire_command {
    (
        $type:ident, $name:literal, $command:literal, $word:literal, $scale:literal, $relative:literal,
        $amount_doc:literal, $summary:literal
    ) => {
        #[doc = concat!("`", $name, " key ", $word, " [NX | XX | GT | LT] FIELDS numfields field [field ...]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            #[doc = $amount_doc]
            pub amount: Late<i64>,
            /// Which deadlines may be replaced.
            pub when: ExpireWhen,
            /// The fields.
            pub fields: Late<Cow<'a, [&'a [u8]]>>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -6,
                since: "7.4.0",
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RW", "update"])],
                summary: $summary,
                complexity: "O(N), N being the number of fields",
                syntax: concat!("key ", $word, " [NX | XX | GT | LT] <FIELDS numfields field [field ...]>"),
                ..HASH
            };
            type Reply = Vec<FieldExpire>;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (key, amount) = (args.bytes()?, args.int());
                let when = if args.take("NX") {
                    ExpireWhen::None
                } else if args.take("XX") {
                    ExpireWhen::Some
                } else if args.take("GT") {
                    ExpireWhen::Later
                } else if args.take("LT") {
                    ExpireWhen::Earlier
                } else {
                    ExpireWhen::Always
                };
                let fields = fields(args, "ERR Parameter `numFields` should be greater than 0");
                Ok($type { key, amount, when, fields })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<Vec<FieldExpire>> {
                let start = |now| if $relative { now } else { EPOCH };
                let at = |now| moment(self.amount.clone()?, $scale, start(now), $command);
                expire(db, self.key, at, self.when, &self.fields)
            }
        }
    };
}

expire_command!(
    HExpire,
    "HEXPIRE",
    "hexpire",
    "seconds",
    1000,
    true,
    "How long they may live from now on, in seconds; 0 deletes them.",
    "Gives fields of a hash a time to live in seconds."
);
expire_command!(
    HPExpire,
    "HPEXPIRE",
    "hpexpire",
    "milliseconds",
    1,
    true,
    "How long they may live from now on, in milliseconds; 0 deletes them.",
    "Gives fields of a hash a time to live in milliseconds."
);
expire_command!(
    HExpireAt,
    "HEXPIREAT",
    "hexpireat",
    "unix-time-seconds",
    1000,
    false,
    "Until when they may live, in Unix seconds; not in the future deletes them.",
    "Gives fields of a hash a deadline in Unix seconds."
);
expire_command!(
    HPExpireAt,
    "HPEXPIREAT",
    "hpexpireat",
    "unix-time-milliseconds",
    1,
    false,
    "Until when they may live, in Unix milliseconds; not in the future deletes them.",
    "Gives fields of a hash a deadline in Unix milliseconds."
);

/// Declares a command whose words are a key and counted fields.
macro_rules! counted_fields_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The fields.
            pub fields: Late<Cow<'a, [&'a [u8]]>>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                arity: -5,
                complexity: "O(N), N being the number of fields",
                syntax: "key <FIELDS numfields field [field ...]>",
                flags: Flags::FAST,
                ..$spec
            };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, fields: fields(args, NO_COUNT) })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

/// The deadline of each field, as far as there is such a field.
fn deadlines<T>(
    db: &View<'_>,
    key: &[u8],
    fields: &Fields<'_>,
    shown: impl Fn(Option<Option<UnixMs>>) -> T,
) -> Result<Vec<T>> {
    let hash = db.hash_at(key)?;
    let deadline = |field: &&[u8]| shown(hash.and_then(|hash| hash.deadline(field)));
    Ok(fields.clone()?.iter().map(deadline).collect())
}

/// Redis gives what has begun as a whole second.
const fn seconds_begun(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) + (milliseconds.rem_euclid(1000) > 0) as i64
}

macro_rules! ttl_command {
    ($type:ident, $reply:ident, $name:literal, $tips:expr, $summary:literal, $unit:expr) => {
        counted_fields_command! {
            #[doc = concat!("`", $name, " key FIELDS numfields field [field ...]`")]
            $type -> Vec<$reply>, Spec {
                name: $name,
                since: "7.4.0",
                keys: &[KeySpec::first(&["RO", "access"])],
                tips: $tips,
                summary: $summary,
                ..HASH
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<Vec<$reply>> {
                let shown = |deadline| $reply(remaining(deadline, || db.now()));
                deadlines(db, self.key, &self.fields, shown)
            }
        }

        reply_in_unit!(
            $reply,
            Ttl,
            $unit,
            concat!("The answer of `", $name, "` for a field, with its unit.")
        );
    };
}

ttl_command!(
    HTtl,
    FieldSeconds,
    "HTTL",
    super::keys::TTL_TIPS,
    "Says how many seconds fields of a hash have to live.",
    seconds_begun
);
ttl_command!(
    HPTtl,
    FieldMilliseconds,
    "HPTTL",
    super::keys::TTL_TIPS,
    "Says how many milliseconds fields of a hash have to live.",
    std::convert::identity
);

macro_rules! expire_time_command {
    ($type:ident, $reply:ident, $name:literal, $summary:literal, $unit:expr) => {
        counted_fields_command! {
            #[doc = concat!("`", $name, " key FIELDS numfields field [field ...]`")]
            $type -> Vec<$reply>, Spec {
                name: $name,
                since: "7.4.0",
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                ..HASH
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<Vec<$reply>> {
                deadlines(db, self.key, &self.fields, |deadline| $reply(until(deadline)))
            }
        }

        reply_in_unit!(
            $reply,
            ExpiresAt,
            $unit,
            concat!("The answer of `", $name, "` for a field, with its unit.")
        );
    };
}

expire_time_command!(
    HExpireTime,
    FieldUnixSeconds,
    "HEXPIRETIME",
    "Says until when fields of a hash live, in Unix seconds.",
    seconds_begun
);
expire_time_command!(
    HPExpireTime,
    FieldUnixMilliseconds,
    "HPEXPIRETIME",
    "Says until when fields of a hash live, in Unix milliseconds.",
    std::convert::identity
);

counted_fields_command! {
    /// `HPERSIST key FIELDS numfields field [field ...]`
    HPersist -> Vec<FieldPersist>, Spec {
        name: "HPERSIST",
        since: "7.4.0",
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Takes away the deadlines of fields of a hash.",
        ..HASH
    }
}

/// What HPERSIST did to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPersist {
    /// There is no such field.
    Missing,
    /// It had no deadline.
    Unchanged,
    /// It has no deadline any more.
    Cleared,
}

impl From<FieldPersist> for Reply {
    fn from(reply: FieldPersist) -> Self {
        Reply::Integer(match reply {
            FieldPersist::Missing => -2,
            FieldPersist::Unchanged => -1,
            FieldPersist::Cleared => 1,
        })
    }
}

impl<'a> Write<'a> for HPersist<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<FieldPersist>> {
        let mut hash = db.hash_mut(self.key)?;
        let persist = |field: &&[u8]| match hash.shown().deadline(field) {
            None => FieldPersist::Missing,
            Some(None) => FieldPersist::Unchanged,
            Some(Some(_)) => {
                hash.set_deadline(field, None);
                FieldPersist::Cleared
            }
        };
        Ok(self.fields.clone()?.iter().map(persist).collect())
    }
}

counted_fields_command! {
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
        Ok(HGetEx { key, expiry, fields: fields(args, NO_COUNT) })
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
