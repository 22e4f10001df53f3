//! Keys of any type: DEL, EXPIRE, RENAME, SCAN, COPY, OBJECT and their kin.
use std::time::Duration;

use crate::Bytes;

use super::scan::{self, ScanOptions, ScanReply, Scanned};
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Scope, Spec, Write};
use super::{bare, help_command, keyed, many_keys, table};
use crate::engine::Engine;
use crate::keyspace::{AccessPolicy, Database, Entry};
use crate::maxmemory::idle_seconds;
use crate::tx::{Deadline, Tx, View};
use crate::types::{Encoding, ValueRef};
use crate::{Error, Reply, Result, UnixMs, glob};

table! {
    write Copy, write Del, read Exists, write Expire, write ExpireAt, read ExpireTime, read Keys, write Move,
    container OBJECT, read ObjectEncoding, read ObjectFreq, control ObjectHelp, read ObjectIdleTime, read ObjectRefCount,
    write Persist, write PExpire, write PExpireAt, read PExpireTime, read PTtl, read RandomKey, write Rename, write RenameNx,
    read Scan, read Touch, read TtlSeconds, read Type, write Unlink,
}

const GENERIC: Spec = Spec { group: Group::Generic, ..Spec::EMPTY };

many_keys! {
    /// `DEL key [key ...]`
    Del -> usize, Spec {
        name: "DEL",
        arity: -2,
        keys: &[KeySpec::range(&["RM", "delete"], 1, -1, 1)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Deletes keys.",
        complexity: "O(N), N being the number of keys; the values are freed after every lock is gone",
        syntax: "key [key ...]",
        ..GENERIC
    }
}

many_keys! {
    /// `UNLINK key [key ...]`
    Unlink -> usize, Spec {
        name: "UNLINK",
        arity: -2,
        since: "4.0.0",
        flags: Flags::FAST,
        keys: &[KeySpec::range(&["RM", "delete"], 1, -1, 1)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Deletes keys; what DEL does too, here.",
        complexity: "O(N), N being the number of keys; the values are freed after every lock is gone",
        syntax: "key [key ...]",
        ..GENERIC
    }
}

fn delete(db: &mut Tx<'_>, keys: &[&[u8]]) -> Result<usize> {
    keys.iter().try_fold(0, |count, key| Ok(count + usize::from(db.remove(key)?)))
}

impl<'a> Write<'a> for Del<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        delete(db, &self.keys)
    }
}

impl<'a> Write<'a> for Unlink<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        delete(db, &self.keys)
    }
}

many_keys! {
    /// `EXISTS key [key ...]`
    Exists -> usize, Spec {
        name: "EXISTS",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::range(&["RO"], 1, -1, 1)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Counts how many of the keys are there; one that is named twice counts twice.",
        complexity: "O(N), N being the number of keys",
        syntax: "key [key ...]",
        ..GENERIC
    }
}

impl<'a> Read<'a> for Exists<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        self.keys.iter().try_fold(0, |count, key| Ok(count + usize::from(db.exists(key)?)))
    }
}

many_keys! {
    /// `TOUCH key [key ...]`
    Touch -> usize, Spec {
        name: "TOUCH",
        arity: -2,
        since: "3.2.1",
        flags: Flags::FAST,
        keys: &[KeySpec::range(&["RO"], 1, -1, 1)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Counts how many of the keys are there, and notes that they were used.",
        complexity: "O(N), N being the number of keys",
        syntax: "key [key ...]",
        ..GENERIC
    }
}

impl<'a> Read<'a> for Touch<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        self.keys.iter().try_fold(0, |count, key| Ok(count + usize::from(db.touch(key)?)))
    }
}

keyed! {
    /// `TYPE key`
    Type -> &'static str, Spec {
        name: "TYPE",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Says what type of value a key holds.",
        syntax: "key",
        ..GENERIC
    }
}

impl<'a> Read<'a> for Type<'a> {
    fn read(&self, db: &View<'_>) -> Result<&'static str> {
        Ok(db.peek(self.key)?.map_or("none", |entry| entry.value().value_type().as_str()))
    }
}

/// Which deadlines `EXPIRE` and its kin may replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpireWhen {
    /// Any, and none.
    #[default]
    Always,
    /// `NX`: only where there is none.
    None,
    /// `XX`: only where there is one.
    Some,
    /// `GT`: only one that is earlier. No deadline counts as the latest of all.
    Later,
    /// `LT`: only one that is later. No deadline counts as the latest of all.
    Earlier,
    /// `XX GT`: only one that is there and earlier.
    SomeLater,
    /// `XX LT`: only one that is there and later.
    SomeEarlier,
}

impl ExpireWhen {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
        while let Some(word) = args.peek() {
            if args.take("NX") {
                nx = true;
            } else if args.take("XX") {
                xx = true;
            } else if args.take("GT") {
                gt = true;
            } else if args.take("LT") {
                lt = true;
            } else {
                let text = format!("ERR Unsupported option {}", String::from_utf8_lossy(word));
                return Err(Error::Refused(text.into()));
            }
        }
        match (nx, xx, gt, lt) {
            (true, true, _, _) | (true, _, true, _) | (true, _, _, true) => {
                Err(Error::refused("ERR NX and XX, GT or LT options at the same time are not compatible"))
            }
            (_, _, true, true) => {
                Err(Error::refused("ERR GT and LT options at the same time are not compatible"))
            }
            (true, ..) => Ok(Self::None),
            (_, true, true, _) => Ok(Self::SomeLater),
            (_, true, _, true) => Ok(Self::SomeEarlier),
            (_, true, ..) => Ok(Self::Some),
            (_, _, true, _) => Ok(Self::Later),
            (_, _, _, true) => Ok(Self::Earlier),
            _ => Ok(Self::Always),
        }
    }

    pub(super) fn allows(self, old: Option<UnixMs>, new: UnixMs) -> bool {
        match self {
            Self::Always => true,
            Self::None => old.is_none(),
            Self::Some => old.is_some(),
            Self::Later | Self::SomeLater => old.is_some_and(|old| new > old),
            Self::Earlier => old.is_none_or(|old| new < old),
            Self::SomeEarlier => old.is_some_and(|old| new < old),
        }
    }
}

fn expire(db: &mut Tx<'_>, key: &[u8], at: UnixMs, when: ExpireWhen) -> Result<bool> {
    match db.view().deadline(key)? {
        Some(old) if when.allows(old, at) => db.set_deadline(key, Some(at)),
        _ => Ok(false),
    }
}

macro_rules! expire_command {
    (
        $type:ident, $name:literal, $command:literal, $word:literal, $since:literal, $scale:literal, $relative:literal,
        $amount_doc:literal, $summary:literal
    ) => {
        #[doc = concat!("`", $name, " key ", $word, " [NX | XX | GT | LT]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            #[doc = $amount_doc]
            pub amount: i64,
            /// Which deadlines may be replaced.
            pub when: ExpireWhen,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: $since,
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RW", "update"])],
                summary: $summary,
                syntax: concat!("key ", $word, " [NX | XX | GT | LT]"),
                ..GENERIC
            };
            type Reply = bool;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (key, amount) = (args.bytes()?, args.bytes()?);
                let when = ExpireWhen::parse(args)?;
                let amount = crate::number::parse_i64(amount).ok_or(Error::NotAnInteger)?;
                Ok($type { key, amount, when })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
                let milliseconds = self.amount.checked_mul($scale);
                let start = if $relative { db.now().0 } else { 0 };
                let at = milliseconds.and_then(|milliseconds| milliseconds.checked_add(start));
                let at = at.ok_or(Error::InvalidExpireTime($command))?;
                expire(db, self.key, UnixMs(at), self.when)
            }
        }
    };
}

expire_command!(
    Expire,
    "EXPIRE",
    "expire",
    "seconds",
    "1.0.0",
    1000,
    true,
    "How long it may live from now on, in seconds; not positive deletes it.",
    "Gives a key a time to live in seconds."
);
expire_command!(
    PExpire,
    "PEXPIRE",
    "pexpire",
    "milliseconds",
    "2.6.0",
    1,
    true,
    "How long it may live from now on, in milliseconds; not positive deletes it.",
    "Gives a key a time to live in milliseconds."
);
expire_command!(
    ExpireAt,
    "EXPIREAT",
    "expireat",
    "unix-time-seconds",
    "1.2.0",
    1000,
    false,
    "Until when it may live, in Unix seconds; not in the future deletes it.",
    "Gives a key a deadline in Unix seconds."
);
expire_command!(
    PExpireAt,
    "PEXPIREAT",
    "pexpireat",
    "unix-time-milliseconds",
    "2.6.0",
    1,
    false,
    "Until when it may live, in Unix milliseconds; not in the future deletes it.",
    "Gives a key a deadline in Unix milliseconds."
);

keyed! {
    /// `PERSIST key`
    Persist -> bool, Spec {
        name: "PERSIST",
        arity: 2,
        since: "2.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Takes away a key's deadline.",
        syntax: "key",
        ..GENERIC
    }
}

impl<'a> Write<'a> for Persist<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        match db.view().deadline(self.key)? {
            Some(Some(_)) => db.set_deadline(self.key, None),
            _ => Ok(false),
        }
    }
}

/// How long a key or a field has to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key or field.
    Missing,
    /// It has no deadline.
    Persistent,
    /// It has so long from now on.
    Remaining(Duration),
}

/// Until when a key or a field lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiresAt {
    /// There is no such key or field.
    Missing,
    /// It has no deadline.
    Never,
    /// The last moment at which it is there.
    At(UnixMs),
}

impl Ttl {
    /// As Redis answers it.
    pub(super) fn in_unit(self, unit: impl Fn(i64) -> i64) -> i64 {
        match self {
            Ttl::Missing => -2,
            Ttl::Persistent => -1,
            Ttl::Remaining(left) => unit(left.as_millis() as i64),
        }
    }
}

impl ExpiresAt {
    /// As Redis answers it.
    pub(super) fn in_unit(self, unit: impl Fn(i64) -> i64) -> i64 {
        match self {
            ExpiresAt::Missing => -2,
            ExpiresAt::Never => -1,
            ExpiresAt::At(at) => unit(at.0),
        }
    }
}

/// What a deadline leaves; the outer `None` is that of something that is not there.
#[expect(clippy::option_option, reason = "the outer one says whether it is there")]
pub(super) fn remaining(deadline: Option<Option<UnixMs>>, now: impl FnOnce() -> UnixMs) -> Ttl {
    match deadline {
        None => Ttl::Missing,
        Some(None) => Ttl::Persistent,
        Some(Some(at)) => Ttl::Remaining(Duration::from_millis(at.milliseconds_since(now()))),
    }
}

/// The same as a moment.
#[expect(clippy::option_option, reason = "the outer one says whether it is there")]
pub(super) fn until(deadline: Option<Option<UnixMs>>) -> ExpiresAt {
    match deadline {
        None => ExpiresAt::Missing,
        Some(None) => ExpiresAt::Never,
        Some(Some(at)) => ExpiresAt::At(at),
    }
}

/// Redis rounds half a second up.
const fn rounded_seconds(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) + (milliseconds.rem_euclid(1000) >= 500) as i64
}

/// Declares an answer that is a time or a moment in a unit.
macro_rules! reply_in_unit {
    ($reply:ident, $time:ty, $unit:expr, $doc:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $reply(pub $time);

        impl From<$reply> for $crate::Reply {
            fn from(reply: $reply) -> Self {
                reply.0.in_unit($unit).into()
            }
        }
    };
}
pub(super) use reply_in_unit;

macro_rules! ttl_command {
    ($type:ident, $reply:ident, $name:literal, $since:literal, $summary:literal, $milliseconds:expr) => {
        keyed! {
            #[doc = concat!("`", $name, " key`")]
            $type -> $reply, Spec {
                name: $name,
                arity: 2,
                since: $since,
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RO", "access"])],
                tips: TTL_TIPS,
                summary: $summary,
                syntax: "key",
                ..GENERIC
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<$reply> {
                Ok($reply(remaining(db.deadline(self.key)?, || db.now())))
            }
        }

        reply_in_unit!($reply, Ttl, $milliseconds, concat!("The answer of `", $name, "`, with its unit."));
    };
}

pub(super) const TTL_TIPS: &[&str] = &["nondeterministic_output"];

ttl_command!(
    TtlSeconds,
    Seconds,
    "TTL",
    "1.0.0",
    "Says how many seconds a key has to live.",
    rounded_seconds
);
ttl_command!(
    PTtl,
    Milliseconds,
    "PTTL",
    "2.6.0",
    "Says how many milliseconds a key has to live.",
    std::convert::identity::<i64>
);

macro_rules! expire_time_command {
    ($type:ident, $reply:ident, $name:literal, $summary:literal, $unit:expr) => {
        keyed! {
            #[doc = concat!("`", $name, " key`")]
            $type -> $reply, Spec {
                name: $name,
                arity: 2,
                since: "7.0.0",
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                syntax: "key",
                ..GENERIC
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<$reply> {
                Ok($reply(until(db.deadline(self.key)?)))
            }
        }

        reply_in_unit!($reply, ExpiresAt, $unit, concat!("The answer of `", $name, "`, with its unit."));
    };
}

expire_time_command!(
    ExpireTime,
    UnixSeconds,
    "EXPIRETIME",
    "Says until when a key lives, in Unix seconds.",
    rounded_seconds
);
expire_time_command!(
    PExpireTime,
    UnixMilliseconds,
    "PEXPIRETIME",
    "Says until when a key lives, in Unix milliseconds.",
    std::convert::identity::<i64>
);

/// `KEYS pattern`
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    /// What the names must match.
    pub pattern: &'a [u8],
}

impl<'a> Command<'a> for Keys<'a> {
    const SPEC: Spec = Spec {
        name: "KEYS",
        arity: 2,
        categories: &["@dangerous"],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        summary: "Returns the names of all keys that match a pattern.",
        complexity: "O(N), N being the number of keys in the database",
        syntax: "pattern",
        ..GENERIC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = Vec<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Keys { pattern: args.bytes()? })
    }
}

impl<'a> Read<'a> for Keys<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Bytes>> {
        let mut found = Vec::new();
        for shard in 0..db.engine().keyspace().len() {
            for entry in db.database(shard)?.into_iter().flat_map(Database::iter) {
                let matches = self.pattern == b"*" || glob::matches(self.pattern, entry.key(), false);
                // KEYS leaves what has expired where it is, whoever else reclaims it.
                if matches && entry.is_alive(|| db.now()) {
                    found.push(Bytes::copy_from_slice(entry.key()));
                }
            }
        }
        Ok(found)
    }
}

bare! {
    /// `RANDOMKEY`
    RandomKey -> Option<Bytes>, Spec {
        name: "RANDOMKEY",
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        summary: "Returns the name of some key, each equally likely.",
        complexity: "O(S), S being the number of shards",
        ..GENERIC
    }, Scope::Everything
}

impl Read<'_> for RandomKey {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        /// After so many expired keys in a row a living one is looked for in order.
        const TRIES: usize = 100;
        let shards = db.engine().keyspace().len();
        let databases: Vec<_> = (0..shards).map(|shard| db.database(shard)).collect::<Result<_>>()?;
        let total: usize = databases.iter().flatten().map(|database| database.len()).sum();
        if total == 0 {
            return Ok(None);
        }
        let name = |entry: &Entry| Bytes::copy_from_slice(entry.key());
        for _ in 0..TRIES {
            let mut place = db.random().below(total as u64) as usize;
            for database in databases.iter().flatten() {
                if place >= database.len() {
                    place -= database.len();
                    continue;
                }
                let drawn = database.random(db.random());
                if let Some(entry) = drawn.filter(|entry| db.finds(entry)) {
                    return Ok(Some(name(entry)));
                }
                break;
            }
        }
        let mut entries = databases.iter().flatten().flat_map(|database| database.iter());
        Ok(entries.find(|entry| db.finds(entry)).map(name))
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    /// Where to go on: 0 at first, then what the last step returned.
    pub cursor: u64,
    /// The rest.
    pub options: ScanOptions<'a>,
}

impl<'a> Command<'a> for Scan<'a> {
    const SPEC: Spec = Spec {
        name: "SCAN",
        arity: -2,
        since: "2.8.0",
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        summary: "Returns some of the keys and where to go on.",
        complexity: "O(1) a step, O(N) a whole scan, N being the number of keys",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        ..GENERIC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ScanReply<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Scan { cursor: scan::cursor(args)?, options: ScanOptions::parse(args, Scanned::Keys)? })
    }
}

impl<'a> Read<'a> for Scan<'a> {
    fn read(&self, db: &View<'_>) -> Result<ScanReply<Bytes>> {
        // A cursor is a place in a shard's table, times the number of shards, plus the shard.
        let shards = db.engine().keyspace().len() as u64;
        let wanted = |entry: &Entry| {
            let is_of_type =
                |name: &[u8]| name.eq_ignore_ascii_case(entry.value().value_type().as_str().as_bytes());
            self.options.accepts(entry.key())
                && db.finds(entry)
                && self.options.type_name.is_none_or(is_of_type)
        };
        let mut failure = None;
        let reply = ScanReply::collect(self.cursor, self.options.count, |cursor, items| {
            let (place, shard) = (cursor / shards, cursor % shards);
            let mut looked_at = 0;
            let next = match db.database(shard as usize) {
                Ok(Some(database)) => database.scan(place, |entry| {
                    looked_at += 1;
                    if wanted(entry) {
                        items.push(Bytes::copy_from_slice(entry.key()));
                    }
                }),
                Ok(None) => 0,
                Err(error) => {
                    failure = Some(error);
                    return (0, 0);
                }
            };
            let next = match next {
                0 if shard + 1 == shards => 0,
                0 => shard + 1,
                next => next * shards + shard,
            };
            (next, looked_at)
        });
        failure.map_or(Ok(reply), Err)
    }
}

macro_rules! rename_command {
    ($type:ident, $name:literal, $target:expr, $flags:expr, $reply:ty, $summary:literal) => {
        #[doc = concat!("`", $name, " key newkey`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// Its new name.
            pub to: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 3,
                flags: $flags,
                keys: &[
                    KeySpec::first(&["RW", "access", "delete"]),
                    KeySpec::range(&["OW", $target], 2, 0, 1),
                ],
                summary: $summary,
                syntax: "key newkey",
                ..GENERIC
            };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, to: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
                visit(self.to);
            }
        }
    };
}

rename_command!(
    Rename,
    "RENAME",
    "update",
    Flags::NONE,
    (),
    "Gives a key another name, replacing a key of that name."
);
rename_command!(
    RenameNx,
    "RENAMENX",
    "insert",
    Flags::FAST,
    bool,
    "Gives a key another name unless a key of that name is there."
);

impl<'a> Write<'a> for Rename<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        if db.rename(self.key, self.to)? { Ok(()) } else { Err(Error::NoSuchKey) }
    }
}

impl<'a> Write<'a> for RenameNx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let view = db.view();
        if !view.exists(self.key)? {
            return Err(Error::NoSuchKey);
        }
        if view.exists(self.to)? {
            return Ok(false);
        }
        db.rename(self.key, self.to)
    }
}

fn database(number: i64, databases: usize) -> Result<usize> {
    usize::try_from(number).ok().filter(|&db| db < databases).ok_or(Error::DatabaseOutOfRange)
}

const SAME: &str = "ERR source and destination objects are the same";

/// `MOVE key db`
#[derive(Clone, Debug)]
pub struct Move<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The database that it moves to.
    pub db: i64,
}

impl<'a> Command<'a> for Move<'a> {
    const SPEC: Spec = Spec {
        name: "MOVE",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Moves a key to another database unless a key of that name is there.",
        syntax: "key db",
        ..GENERIC
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Move { key: args.bytes()?, db: args.int32()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        database(self.db, engine.databases()).map(drop)
    }
}

impl<'a> Write<'a> for Move<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let to = database(self.db, db.engine().databases())?;
        if to == db.db() {
            return Err(Error::refused(SAME));
        }
        if db.view().in_database(to).exists(self.key)? {
            return Ok(false);
        }
        db.move_to(self.key, to)
    }
}

/// `COPY source destination [DB destination-db] [REPLACE]`
#[derive(Clone, Debug)]
pub struct Copy<'a> {
    /// The key.
    pub source: &'a [u8],
    /// The copy's name.
    pub destination: &'a [u8],
    /// `DB`: the copy's database, unless it is the selected one.
    pub db: Option<i64>,
    /// `REPLACE`: a key of that name gives way. A syntax error comes here, because a database that is not there is told first.
    pub replace: Late<bool>,
}

impl<'a> Command<'a> for Copy<'a> {
    const SPEC: Spec = Spec {
        name: "COPY",
        arity: -3,
        since: "6.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RO", "access"]), KeySpec::range(&["OW", "update"], 2, 0, 1)],
        summary: "Copies a key's value and deadline to another key.",
        complexity: "O(N), N being the number of elements of the value",
        syntax: "source destination [DB destination-db] [REPLACE]",
        ..GENERIC
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (source, destination) = (args.bytes()?, args.bytes()?);
        let (mut db, mut replace) = (None, Ok(false));
        while !args.is_empty() && replace.is_ok() {
            if args.take("REPLACE") {
                replace = Ok(true);
            } else if args.take_with("DB", 1) {
                db = Some(args.int32()?);
            } else {
                replace = Err(Error::Syntax);
            }
        }
        Ok(Copy { source, destination, db, replace })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        self.db.map_or(Ok(()), |db| database(db, engine.databases()).map(drop))?;
        self.replace.clone().map(drop)
    }
}

impl<'a> Write<'a> for Copy<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let to = self.db.map_or(Ok(db.db()), |to| database(to, db.engine().databases()))?;
        if to == db.db() && self.source == self.destination {
            return Err(Error::refused(SAME));
        }
        let view = db.view();
        let Some(value) = view.counting().value(self.source)?.map(ValueRef::to_owned) else {
            return Ok(false);
        };
        let deadline = view.deadline(self.source)?.flatten().map_or(Deadline::Clear, Deadline::At);
        if !self.replace.clone()? && view.in_database(to).exists(self.destination)? {
            return Ok(false);
        }
        db.in_database(to, |db| db.put_anew(self.destination, value, deadline))?;
        Ok(true)
    }

    fn event(&self) -> Option<&'static str> {
        Some("copy_to")
    }
}

/// `OBJECT`
const OBJECT: Spec = Spec {
    name: "OBJECT",
    arity: -2,
    since: "2.2.3",
    summary: "A container for commands that look into how a value is kept.",
    complexity: "Depends on subcommand.",
    ..GENERIC
};

macro_rules! object_command {
    ($type:ident, $name:literal, $since:literal, $reply:ty, $summary:literal) => {
        keyed! {
            #[doc = concat!("`", $name, " key`")]
            $type -> $reply, Spec {
                name: $name,
                arity: 3,
                since: $since,
                keys: &[KeySpec::range(&["RO"], 2, 0, 1)],
                tips: &["nondeterministic_output"],
                summary: $summary,
                syntax: "key",
                ..GENERIC
            }
        }
    };
}

object_command!(
    ObjectEncoding,
    "OBJECT ENCODING",
    "2.2.3",
    Option<Encoding>,
    "Says how a value is kept inside."
);
object_command!(
    ObjectFreq,
    "OBJECT FREQ",
    "4.0.0",
    Option<i64>,
    "Says how often a key is used, on a logarithmic scale."
);
object_command!(
    ObjectIdleTime,
    "OBJECT IDLETIME",
    "2.2.3",
    Option<i64>,
    "Says for how many seconds a key was not used."
);
object_command!(
    ObjectRefCount,
    "OBJECT REFCOUNT",
    "2.2.3",
    Option<i64>,
    "Says how many places refer to a value: always one."
);

impl From<Encoding> for Reply {
    fn from(encoding: Encoding) -> Self {
        Reply::bulk(encoding.as_str())
    }
}

impl<'a> Read<'a> for ObjectEncoding<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Encoding>> {
        Ok(db.inspect(self.key)?.map(|entry| entry.value().encoding()))
    }
}

impl<'a> Read<'a> for ObjectFreq<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<i64>> {
        let Some(entry) = db.inspect(self.key)? else { return Ok(None) };
        let tracking = db.engine().tracking();
        if tracking.policy() != AccessPolicy::Frequency {
            return Err(Error::refused(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Ok(Some(i64::from(tracking.frequency(entry.access(), db.now().seconds()))))
    }
}

impl<'a> Read<'a> for ObjectIdleTime<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<i64>> {
        let Some(entry) = db.inspect(self.key)? else { return Ok(None) };
        let idle = idle_seconds(db.engine(), entry.access(), db.now());
        Ok(Some(i64::from(idle.ok_or_else(|| {
            Error::refused(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
                 policies at runtime LRU and LFU data will take some time to adjust.",
            )
        })?)))
    }
}

impl<'a> Read<'a> for ObjectRefCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<i64>> {
        Ok(db.inspect(self.key)?.map(|_| 1))
    }
}

help_command!(ObjectHelp, "OBJECT", Spec { since: "6.2.0", ..GENERIC });
