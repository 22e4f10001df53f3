//! Strings: GET, SET, INCR, APPEND, LCS and their kin.
use std::borrow::Cow;
use std::time::Duration;

use crate::Bytes;

use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::number::{self, Extended};
use crate::tx::{Deadline, Tx, View};
use crate::types::lcs::{self, Match};
use crate::types::{IntBuffer, StrRef};
use crate::{Error, Reply, Result, UnixMs};

table! {
    write Append, write Decr, write DecrBy, write DelEx, write DelIfEq, read Digest, read Get, write GetDel, write GetEx, read GetRange,
    write GetSet, write Incr, write IncrBy, write IncrByFloat, write IncrEx, read Lcs, read MGet, write MSet, write MSetEx,
    write MSetNx, write PSetEx, write Set, write SetEx, write SetNx, write SetRange, read StrLen,
    read SubStr,
}

const WRITE_FAST: Flags = Flags::DENYOOM.and(Flags::FAST);

/// Which keys a conditional write may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Every key.
    #[default]
    Always,
    /// `NX`: only keys that are not there yet.
    Missing,
    /// `XX`: only keys that are there already.
    Present,
}

/// What a string must be for a conditional write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare<'a> {
    /// `IFEQ`: equal to this. A missing key is not.
    Equal(&'a [u8]),
    /// `IFNE`: not equal to this. A missing key is not.
    NotEqual(&'a [u8]),
    /// `IFDEQ`: of this XXH3 digest, in 16 hexadecimal digits. A missing key is not.
    DigestEqual(&'a [u8]),
    /// `IFDNE`: not of this digest. A missing key is not.
    DigestNotEqual(&'a [u8]),
}

impl<'a> Compare<'a> {
    fn take(args: &mut Args<'a>) -> Result<Option<Self>> {
        if args.take_with("IFEQ", 1) {
            Ok(Some(Compare::Equal(args.bytes()?)))
        } else if args.take_with("IFNE", 1) {
            Ok(Some(Compare::NotEqual(args.bytes()?)))
        } else if args.take_with("IFDEQ", 1) {
            Ok(Some(Compare::DigestEqual(digest_word(args)?)))
        } else if args.take_with("IFDNE", 1) {
            Ok(Some(Compare::DigestNotEqual(digest_word(args)?)))
        } else {
            Ok(None)
        }
    }

    /// Whether the string, or its absence, is as asked.
    fn holds(self, string: Option<StrRef<'_>>) -> bool {
        let mut buffer = IntBuffer::new();
        let value = string.map(|string| string.as_slice(&mut buffer));
        match self {
            Compare::Equal(wanted) => value == Some(wanted),
            Compare::NotEqual(refused) => value != Some(refused),
            Compare::DigestEqual(wanted) => value.is_some_and(|value| has_digest(value, wanted)),
            Compare::DigestNotEqual(refused) => !value.is_some_and(|value| has_digest(value, refused)),
        }
    }
}

fn digest_word<'a>(args: &mut Args<'a>) -> Result<&'a [u8]> {
    let digest = args.bytes()?;
    if digest.len() == 16 && digest.iter().all(u8::is_ascii_hexdigit) {
        Ok(digest)
    } else {
        Err(Error::refused("ERR must be exactly 16 hexadecimal characters"))
    }
}

fn has_digest(value: &[u8], digest: &[u8]) -> bool {
    digest_of(value).as_bytes().eq_ignore_ascii_case(digest)
}

/// The XXH3 digest of a string, in 16 hexadecimal digits.
pub fn digest_of(value: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(value))
}

/// A time to live, or a deadline, as a command was given it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// None is set, and one that is there is taken away.
    #[default]
    Clear,
    /// `KEEPTTL`: what is there stays.
    Keep,
    /// `EX`, `PX`: so long from now. Shorter than a millisecond is refused.
    In(Duration),
    /// `EXAT`, `PXAT`: until this moment.
    At(UnixMs),
}

/// The methods of options with an `expiry` that give it a time to live or a deadline.
macro_rules! expires {
    () => {
        /// `EX`, `PX`: with a time to live.
        #[must_use]
        pub fn ex(mut self, ttl: Duration) -> Self {
            self.expiry = Expiry::In(ttl);
            self
        }

        /// `EXAT`, `PXAT`: with a deadline.
        #[must_use]
        pub fn exat(mut self, at: UnixMs) -> Self {
            self.expiry = Expiry::At(at);
            self
        }
    };
}

impl Expiry {
    pub(crate) fn deadline(self, now: impl FnOnce() -> UnixMs, command: &'static str) -> Result<Deadline> {
        Ok(match self {
            Expiry::Clear => Deadline::Clear,
            Expiry::Keep => Deadline::Keep,
            Expiry::At(at) if at.0 > 0 => Deadline::At(at),
            Expiry::At(_) => return Err(Error::InvalidExpireTime(command)),
            Expiry::In(duration) => {
                let milliseconds = i64::try_from(duration.as_millis()).ok().filter(|&ms| ms > 0);
                let at = milliseconds.and_then(|ms| now().0.checked_add(ms));
                Deadline::At(UnixMs(at.ok_or(Error::InvalidExpireTime(command))?))
            }
        })
    }

    /// Reads `EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds`.
    pub(super) fn take<'a>(args: &mut Args<'a>) -> Option<RawExpiry<'a>> {
        const UNITS: [(&str, i64, bool); 4] =
            [("EX", 1000, true), ("PX", 1, true), ("EXAT", 1000, false), ("PXAT", 1, false)];
        UNITS.into_iter().find_map(|(token, scale, relative)| {
            let taken = args.take_with(token, 1);
            taken.then(|| RawExpiry { amount: args.bytes().unwrap_or_default(), scale, relative })
        })
    }
}

/// An expiry whose number is looked at only once the whole grammar is known to be right, as Redis does.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawExpiry<'a> {
    pub(super) amount: &'a [u8],
    /// In milliseconds.
    pub(super) scale: i64,
    pub(super) relative: bool,
}

impl RawExpiry<'_> {
    /// Whether both are given by the same word. Redis lets a word be repeated, and the last one counts.
    fn same_word(self, other: Self) -> bool {
        (self.scale, self.relative) == (other.scale, other.relative)
    }

    fn parse(self, command: &'static str) -> Result<Expiry> {
        let amount = number::parse_i64(self.amount).ok_or(Error::NotAnInteger)?;
        let milliseconds = amount
            .checked_mul(self.scale)
            .filter(|&milliseconds| milliseconds > 0)
            .ok_or(Error::InvalidExpireTime(command))?;
        Ok(if self.relative {
            Expiry::In(Duration::from_millis(milliseconds as u64))
        } else {
            Expiry::At(UnixMs(milliseconds))
        })
    }
}

/// `SET`'s options.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetOptions<'a> {
    /// Which keys may be written.
    pub when: When,
    /// What the string must have been.
    pub compare: Option<Compare<'a>>,
    /// What happens to the deadline.
    pub expiry: Expiry,
    /// `GET`: answer with the string that was there, written or not.
    pub get: bool,
}

impl<'a> SetOptions<'a> {
    expires!();

    /// `KEEPTTL`: a deadline that is there stays.
    #[must_use]
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = Expiry::Keep;
        self
    }

    /// `NX`: only if the key is not there.
    #[must_use]
    pub fn only_if_missing(mut self) -> Self {
        self.when = When::Missing;
        self
    }

    /// `XX`: only if the key is there.
    #[must_use]
    pub fn only_if_present(mut self) -> Self {
        self.when = When::Present;
        self
    }

    /// `IFEQ`: only if the string is this.
    #[must_use]
    pub fn if_equal(mut self, value: &'a [u8]) -> Self {
        self.compare = Some(Compare::Equal(value));
        self
    }

    /// `IFNE`: only if the string is not this.
    #[must_use]
    pub fn if_not_equal(mut self, value: &'a [u8]) -> Self {
        self.compare = Some(Compare::NotEqual(value));
        self
    }

    /// `GET`: answer with the string that was there.
    #[must_use]
    pub fn return_old(mut self) -> Self {
        self.get = true;
        self
    }
}

/// `SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX seconds | PX milliseconds | EXAT
/// unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]`
#[derive(Clone, Debug)]
pub struct Set<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value from now on.
    pub value: StrRef<'a>,
    /// The rest.
    pub options: SetOptions<'a>,
}

/// `SET`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetReply {
    /// Written.
    Done,
    /// Not written, because of `NX`, `XX` or a comparison.
    Refused,
    /// With `GET`: the string that was there before.
    Old(Option<Bytes>),
}

impl From<SetReply> for Reply {
    fn from(reply: SetReply) -> Self {
        match reply {
            SetReply::Done => Reply::OK,
            SetReply::Refused => Reply::Null,
            SetReply::Old(old) => old.into(),
        }
    }
}

impl<'a> Command<'a> for Set<'a> {
    const SPEC: Spec = Spec {
        name: "SET",
        arity: -3,
        group: Group::String,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "update", "variable_flags"])
            .noting("RW and ACCESS due to the optional `GET` argument")],
        summary: "Stores a string, whatever the key held before.",
        syntax: "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest] [GET] \
                 [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        ..Spec::EMPTY
    };
    type Reply = SetReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, value) = (args.bytes()?, args.bytes()?);
        let (mut options, mut conditions, mut raw) = (SetOptions::default(), 0, None::<RawExpiry<'_>>);
        while !args.is_empty() {
            if args.take("NX") {
                (options.when, conditions) = (When::Missing, conditions | 1);
            } else if args.take("XX") {
                (options.when, conditions) = (When::Present, conditions | 2);
            } else if args.take("GET") {
                options.get = true;
            } else if args.take("KEEPTTL") {
                options.expiry = Expiry::Keep;
            } else if let Some(expiry) = Expiry::take(args) {
                if raw.is_some_and(|before| !before.same_word(expiry)) {
                    return Err(Error::Syntax);
                }
                raw = Some(expiry);
            } else if let Some(compare) = Compare::take(args)? {
                conditions = if conditions == 0 { 4 } else { 7 };
                options.compare = Some(compare);
            } else {
                return Err(Error::Syntax);
            }
            if !matches!(conditions, 0 | 1 | 2 | 4) || (raw.is_some() && options.expiry == Expiry::Keep) {
                return Err(Error::Syntax);
            }
        }
        if let Some(raw) = raw {
            options.expiry = raw.parse("set")?;
        }
        Ok(Set { key, value: StrRef::from_bytes(value), options })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for Set<'a> {
    #[inline]
    fn write(&self, db: &mut Tx<'_>) -> Result<SetReply> {
        let SetOptions { when: When::Always, compare: None, expiry, get: false } = &self.options else {
            return self.write_if(db);
        };
        // These forms have no need to know what was there.
        let deadline = match expiry {
            Expiry::Clear => Deadline::Clear,
            timed => timed.deadline(|| db.now(), "set")?,
        };
        db.set_string(self.key, self.value, deadline)?;
        Ok(SetReply::Done)
    }
}

impl Set<'_> {
    fn write_if(&self, db: &mut Tx<'_>) -> Result<SetReply> {
        let SetOptions { when, compare, expiry, get } = self.options;
        let deadline = expiry.deadline(|| db.now(), "set")?;
        let view = db.view();
        let exists = view.exists(self.key)?;
        let (old, holds) = if get || compare.is_some() {
            let old = view.counting().string(self.key)?;
            (old.map(StrRef::to_bytes), compare.is_none_or(|compare| compare.holds(old)))
        } else {
            (None, true)
        };
        let wanted = match when {
            When::Always => true,
            When::Missing => !exists,
            When::Present => exists,
        };
        if wanted && holds {
            db.set_string(self.key, self.value, deadline)?;
        }
        Ok(match (get, wanted && holds) {
            (true, _) => SetReply::Old(old),
            (false, true) => SetReply::Done,
            (false, false) => SetReply::Refused,
        })
    }
}

/// Commands that are `SET` under an older name, with a time to live among their words.
macro_rules! set_with_expiry {
    ($type:ident, $name:literal, $scale:literal, $since:literal, $syntax:literal, $summary:literal, $command:literal) => {
        #[doc = concat!("`", $name, " ", $syntax, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a>(pub Set<'a>);

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 4,
                group: Group::String,
                since: $since,
                flags: Flags::DENYOOM,
                keys: &[KeySpec::first(&["OW", "update"])],
                summary: $summary,
                syntax: $syntax,
                ..Spec::EMPTY
            };
            type Reply = SetReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let key = args.bytes()?;
                let expiry =
                    RawExpiry { amount: args.bytes()?, scale: $scale, relative: true }.parse($command)?;
                let value = StrRef::from_bytes(args.bytes()?);
                Ok($type(Set { key, value, options: SetOptions { expiry, ..SetOptions::default() } }))
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.0.keys(visit);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<SetReply> {
                let deadline = self.0.options.expiry.deadline(|| db.now(), $command)?;
                db.set_string(self.0.key, self.0.value, deadline)?;
                Ok(SetReply::Done)
            }
        }
    };
}

set_with_expiry!(
    SetEx,
    "SETEX",
    1000,
    "2.0.0",
    "key seconds value",
    "Stores a string with a time to live in seconds.",
    "setex"
);
set_with_expiry!(
    PSetEx,
    "PSETEX",
    1,
    "2.6.0",
    "key milliseconds value",
    "Stores a string with a time to live in milliseconds.",
    "psetex"
);

/// `SETNX key value`
#[derive(Clone, Debug)]
pub struct SetNx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value, if it has none yet.
    pub value: StrRef<'a>,
}

impl<'a> Command<'a> for SetNx<'a> {
    const SPEC: Spec = Spec {
        name: "SETNX",
        arity: 3,
        group: Group::String,
        flags: WRITE_FAST,
        keys: &[KeySpec::first(&["OW", "insert"])],
        summary: "Stores a string unless the key is there already.",
        syntax: "key value",
        ..Spec::EMPTY
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(SetNx { key: args.bytes()?, value: StrRef::from_bytes(args.bytes()?) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for SetNx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        if db.view().exists(self.key)? {
            return Ok(false);
        }
        db.set_string(self.key, self.value, Deadline::Clear)?;
        Ok(true)
    }
}

/// `GETSET key value`
#[derive(Clone, Debug)]
pub struct GetSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value from now on.
    pub value: StrRef<'a>,
}

impl<'a> Command<'a> for GetSet<'a> {
    const SPEC: Spec = Spec {
        name: "GETSET",
        arity: 3,
        group: Group::String,
        flags: WRITE_FAST,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Stores a string and returns the one that was there.",
        syntax: "key value",
        ..Spec::EMPTY
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(GetSet { key: args.bytes()?, value: StrRef::from_bytes(args.bytes()?) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for GetSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<Bytes>> {
        let old = db.view().counting().string(self.key)?.map(StrRef::to_bytes);
        db.set_string(self.key, self.value, Deadline::Clear)?;
        Ok(old)
    }
}

/// `GET key`
#[derive(Clone, Debug)]
pub struct Get<'a> {
    /// The key.
    pub key: &'a [u8],
}

impl<'a> Command<'a> for Get<'a> {
    const SPEC: Spec = Spec {
        name: "GET",
        arity: 2,
        group: Group::String,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the string at a key.",
        syntax: "key",
        ..Spec::EMPTY
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Get { key: args.bytes()? })
    }

    #[inline]
    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for Get<'a> {
    #[inline]
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        Ok(db.string(self.key)?.map(StrRef::to_bytes))
    }
}

impl Get<'_> {
    /// Shows the string to `body` where it lies.
    ///
    /// # Errors
    /// As GET's.
    #[inline]
    pub fn show<T>(&self, db: &View<'_>, body: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        Ok(db.string(self.key)?.map(|string| body(string.as_slice(&mut IntBuffer::new()))))
    }
}

/// `GETDEL key`
#[derive(Clone, Debug)]
pub struct GetDel<'a> {
    /// The key.
    pub key: &'a [u8],
}

impl<'a> Command<'a> for GetDel<'a> {
    const SPEC: Spec = Spec {
        name: "GETDEL",
        arity: 2,
        group: Group::String,
        since: "6.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "access", "delete"])],
        summary: "Returns the string at a key and deletes the key.",
        syntax: "key",
        ..Spec::EMPTY
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(GetDel { key: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for GetDel<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<Bytes>> {
        db.take_string(self.key)
    }
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]`
#[derive(Clone, Debug)]
pub struct GetEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What happens to its deadline; `Clear` is `PERSIST`.
    pub expiry: Late<Expiry>,
}

impl<'a> Command<'a> for GetEx<'a> {
    const SPEC: Spec = Spec {
        name: "GETEX",
        arity: -2,
        group: Group::String,
        since: "6.2.0",
        flags: Flags::FAST,
        keys: &[
            KeySpec::first(&["RW", "access", "update"]).noting("RW and UPDATE because it changes the TTL")
        ],
        summary: "Returns the string at a key and changes its time to live.",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
        ..Spec::EMPTY
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (mut persist, mut raw) = (false, None::<RawExpiry<'_>>);
        while !args.is_empty() {
            if raw.is_none() && args.take("PERSIST") {
                persist = true;
            } else if let Some(expiry) = Expiry::take(args)
                && raw.is_none_or(|before| before.same_word(expiry))
                && !persist
            {
                raw = Some(expiry);
            } else {
                return Err(Error::Syntax);
            }
        }
        let expiry = match raw {
            Some(raw) => raw.parse("getex"),
            None if persist => Ok(Expiry::Clear),
            None => Ok(Expiry::Keep),
        };
        Ok(GetEx { key, expiry })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for GetEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<Bytes>> {
        let view = db.view().counting();
        let Some(value) = view.string(self.key)?.map(StrRef::to_bytes) else { return Ok(None) };
        match self.expiry.clone()?.deadline(|| db.now(), "getex")? {
            Deadline::Keep => {}
            Deadline::At(at) => {
                db.set_deadline(self.key, Some(at))?;
            }
            Deadline::Clear => {
                if db.view().deadline(self.key)?.flatten().is_some() {
                    db.set_deadline(self.key, None)?;
                }
            }
        }
        Ok(Some(value))
    }
}

/// `STRLEN key`
#[derive(Clone, Debug)]
pub struct StrLen<'a> {
    /// The key.
    pub key: &'a [u8],
}

impl<'a> Command<'a> for StrLen<'a> {
    const SPEC: Spec = Spec {
        name: "STRLEN",
        arity: 2,
        group: Group::String,
        since: "2.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Returns the length of a string in bytes.",
        syntax: "key",
        ..Spec::EMPTY
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(StrLen { key: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for StrLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.string(self.key)?.map_or(0, StrRef::len))
    }
}

/// `APPEND key value`
#[derive(Clone, Debug)]
pub struct Append<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is added to the end of its string.
    pub value: &'a [u8],
}

impl<'a> Command<'a> for Append<'a> {
    const SPEC: Spec = Spec {
        name: "APPEND",
        arity: 3,
        group: Group::String,
        since: "2.0.0",
        flags: WRITE_FAST,
        keys: &[KeySpec::first(&["RW", "insert"])],
        summary: "Adds bytes to the end of a string, creating it if it is not there.",
        complexity: "O(1) amortised for strings that grow",
        syntax: "key value",
        ..Spec::EMPTY
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Append { key: args.bytes()?, value: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for Append<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if db.view().exists(self.key)? {
            return db.append(self.key, self.value);
        }
        // Redis stores the first piece as SET does, so that APPEND can make an integer.
        db.set_string(self.key, StrRef::from_bytes(self.value), Deadline::Clear)?;
        Ok(self.value.len())
    }

    fn event(&self) -> Option<&'static str> {
        Some("append")
    }
}

macro_rules! range_command {
    ($type:ident, $name:literal, $since:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " key start end`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The first byte; negative counts from the end.
            pub start: i64,
            /// The last byte, itself included; negative counts from the end.
            pub end: i64,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 4,
                group: Group::String,
                since: $since,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                complexity: "O(N), N being the length of the part",
                syntax: "key start end",
                ..Spec::EMPTY
            };
            type Reply = Bytes;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, start: args.int()?, end: args.int()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<Bytes> {
                Ok(db.string(self.key)?.map_or_else(Bytes::new, |string| part(string, self.start, self.end)))
            }
        }
    };
}

range_command!(GetRange, "GETRANGE", "2.4.0", "Returns part of a string.");
range_command!(SubStr, "SUBSTR", "1.0.0", "Returns part of a string: GETRANGE under its first name.");

fn part(string: StrRef<'_>, start: i64, end: i64) -> Bytes {
    // Two negative places in the wrong order are nothing, before either is moved into the string.
    if start < 0 && end < 0 && start > end {
        return Bytes::new();
    }
    let length = string.len() as i64;
    let place = |index: i64| if index < 0 { length.saturating_add(index).max(0) } else { index };
    let (start, end) = (place(start), place(end).min(length - 1));
    if start > end || length == 0 {
        return Bytes::new();
    }
    let range = start as usize..end as usize + 1;
    match string {
        // Shared only if it is most of the value, which it would keep in memory as a whole.
        StrRef::Shared(bytes) if range.len() >= bytes.len() / 2 => bytes.slice(range).into(),
        copied => Bytes::copy_from_slice(&copied.as_slice(&mut IntBuffer::new())[range]),
    }
}

/// `SETRANGE key offset value`
#[derive(Clone, Debug)]
pub struct SetRange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where the bytes go.
    pub offset: u64,
    /// The bytes.
    pub value: &'a [u8],
}

impl<'a> Command<'a> for SetRange<'a> {
    const SPEC: Spec = Spec {
        name: "SETRANGE",
        arity: 4,
        group: Group::String,
        since: "2.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Overwrites part of a string, growing it with zeros where it is too short.",
        complexity: "O(N), N being the number of bytes written",
        syntax: "key offset value",
        ..Spec::EMPTY
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, offset) = (args.bytes()?, args.int()?);
        let offset = u64::try_from(offset).map_err(|_| Error::refused("ERR offset is out of range"))?;
        Ok(SetRange { key, offset, value: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for SetRange<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        if self.value.is_empty() {
            return Ok(db.view().string(self.key)?.map_or(0, StrRef::len));
        }
        db.write_at(self.key, usize::try_from(self.offset).unwrap_or(usize::MAX), self.value)
    }
}

macro_rules! increment {
    ($type:ident, $name:literal, $by:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " key`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 2,
                group: Group::String,
                flags: WRITE_FAST,
                keys: &[KeySpec::first(&["RW", "access", "update"])],
                summary: $summary,
                syntax: "key",
                ..Spec::EMPTY
            };
            type Reply = i64;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<i64> {
                db.add(self.key, $by)
            }
        }
    };
}

increment!(Incr, "INCR", 1, "Adds one to the integer at a key, 0 if it is not there.");
increment!(Decr, "DECR", -1, "Takes one from the integer at a key, 0 if it is not there.");

macro_rules! increment_by {
    ($type:ident, $name:literal, $word:literal, $negate:expr, $summary:literal) => {
        #[doc = concat!("`", $name, " key ", $word, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// By how much.
            pub by: i64,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 3,
                group: Group::String,
                flags: WRITE_FAST,
                keys: &[KeySpec::first(&["RW", "access", "update"])],
                summary: $summary,
                syntax: concat!("key ", $word),
                ..Spec::EMPTY
            };
            type Reply = i64;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, by: args.int()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<i64> {
                db.add(self.key, $negate(self.by)?)
            }
        }
    };
}

increment_by!(
    IncrBy,
    "INCRBY",
    "increment",
    Ok::<i64, Error>,
    "Adds to the integer at a key, 0 if it is not there."
);
increment_by!(
    DecrBy,
    "DECRBY",
    "decrement",
    |by: i64| by.checked_neg().ok_or(Error::refused("ERR decrement would overflow")),
    "Takes from the integer at a key, 0 if it is not there."
);

/// `INCRBYFLOAT key increment`
#[derive(Clone, Debug)]
pub struct IncrByFloat<'a> {
    /// The key.
    pub key: &'a [u8],
    /// By how much, in the precision that Redis adds with.
    pub by: Late<Extended>,
}

impl<'a> Command<'a> for IncrByFloat<'a> {
    const SPEC: Spec = Spec {
        name: "INCRBYFLOAT",
        arity: 3,
        group: Group::String,
        since: "2.6.0",
        flags: WRITE_FAST,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Adds to the number at a key, 0 if it is not there.",
        syntax: "key increment",
        ..Spec::EMPTY
    };
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(IncrByFloat { key: args.bytes()?, by: Extended::parse(args.bytes()?).ok_or(Error::NotAFloat) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for IncrByFloat<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let old = match db.view().string(self.key)? {
            None => Extended::ZERO,
            Some(string) => {
                Extended::parse(string.as_slice(&mut IntBuffer::new())).ok_or(Error::NotAFloat)?
            }
        };
        let new = old.plus(self.by.clone()?);
        if !new.is_finite() {
            return Err(Error::refused("ERR increment would produce NaN or Infinity"));
        }
        let text = Bytes::from(new.to_text());
        db.set_string(self.key, StrRef::text(&text), Deadline::Keep)?;
        Ok(text)
    }

    fn event(&self) -> Option<&'static str> {
        Some("incrbyfloat")
    }
}

/// By how much `INCREX` is to increment, and what the sum may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increment<T> {
    /// By how much.
    pub by: T,
    /// `LBOUND`: the lowest sum.
    pub lower: Option<T>,
    /// `UBOUND`: the highest sum.
    pub upper: Option<T>,
}

impl<T: Copy + PartialOrd> Increment<T> {
    fn new(by: T, lower: Option<T>, upper: Option<T>) -> Result<Self> {
        match (lower, upper) {
            (Some(lower), Some(upper)) if lower > upper => {
                Err(Error::refused("ERR LBOUND can't be greater than UBOUND"))
            }
            _ => Ok(Self { by, lower, upper }),
        }
    }

    /// The nearest sum that is allowed.
    fn clamp(self, sum: T) -> T {
        match self {
            Self { upper: Some(upper), .. } if sum > upper => upper,
            Self { lower: Some(lower), .. } if sum < lower => lower,
            _ => sum,
        }
    }
}

/// Which numbers `INCREX` counts in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IncrExBy {
    /// `BYINT`: integers of 64 bits.
    Int(Increment<i64>),
    /// `BYFLOAT`: numbers with a fraction.
    Float(Increment<Extended>),
}

/// `INCREX key [BYFLOAT float | BYINT integer] [SATURATE] [LBOUND lowerbound] [UBOUND upperbound] [EX seconds | PX milliseconds | EXAT
/// unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]`
#[derive(Clone, Debug)]
pub struct IncrEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is added.
    pub by: IncrExBy,
    /// `SATURATE`: a sum that is not allowed becomes the nearest one that is, instead of changing nothing.
    pub saturate: bool,
    /// What happens to the deadline.
    pub expiry: Expiry,
    /// `ENX`: that happens only if there is no deadline yet.
    pub only_without_deadline: bool,
}

/// What `INCREX` answers with: the number that is there, and how much was added to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IncrExReply {
    /// As `BYINT` has it.
    Int(Incremented<i64>),
    /// As `BYFLOAT` has it.
    Float(Incremented<Extended>),
}

/// A number after it was incremented.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incremented<T> {
    /// The number.
    pub value: T,
    /// How much was added; nothing if the sum was not allowed.
    pub applied: T,
}

impl From<IncrExReply> for Reply {
    fn from(reply: IncrExReply) -> Self {
        match reply {
            IncrExReply::Int(Incremented { value, applied }) => vec![value, applied].into(),
            IncrExReply::Float(Incremented { value, applied }) => {
                Reply::Array([value, applied].map(|number| Reply::Decimal(number.to_text())).into())
            }
        }
    }
}

/// `INCREX`'s options. The deadline stays as it is unless they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IncrExOptions<T> {
    /// `LBOUND`: the lowest sum.
    pub lower: Option<T>,
    /// `UBOUND`: the highest sum.
    pub upper: Option<T>,
    /// `SATURATE`: see [`IncrEx::saturate`].
    pub saturate: bool,
    /// What happens to the deadline.
    pub expiry: Expiry,
    /// `ENX`: see [`IncrEx::only_without_deadline`].
    pub only_without_deadline: bool,
}

impl<T> Default for IncrExOptions<T> {
    fn default() -> Self {
        let expiry = Expiry::Keep;
        Self { lower: None, upper: None, saturate: false, expiry, only_without_deadline: false }
    }
}

impl<T> IncrExOptions<T> {
    /// `LBOUND`: the lowest sum.
    #[must_use]
    pub fn at_least(mut self, lower: T) -> Self {
        self.lower = Some(lower);
        self
    }

    /// `UBOUND`: the highest sum.
    #[must_use]
    pub fn at_most(mut self, upper: T) -> Self {
        self.upper = Some(upper);
        self
    }

    /// `SATURATE`: a sum that is not allowed becomes the nearest one that is, instead of changing nothing.
    #[must_use]
    pub fn saturate(mut self) -> Self {
        self.saturate = true;
        self
    }

    expires!();

    /// `PERSIST`: without a deadline from now on.
    #[must_use]
    pub fn persist(mut self) -> Self {
        self.expiry = Expiry::Clear;
        self
    }

    /// `ENX`: a time to live, or a deadline, only if there is none yet.
    #[must_use]
    pub fn only_without_deadline(mut self) -> Self {
        self.only_without_deadline = true;
        self
    }

    /// The command, whose bounds are numbers as it counts them.
    ///
    /// # Errors
    /// Redis's refusal of a lowest sum above the highest.
    pub fn command<N: Copy + PartialOrd>(
        self,
        key: &[u8],
        by: N,
        number: impl Fn(T) -> N,
        counts_in: impl Fn(Increment<N>) -> IncrExBy,
    ) -> Result<IncrEx<'_>> {
        let Self { lower, upper, saturate, expiry, only_without_deadline } = self;
        let increment = Increment::new(by, lower.map(&number), upper.map(&number))?;
        Ok(IncrEx { key, by: counts_in(increment), saturate, expiry, only_without_deadline })
    }
}

/// The words of `INCREX`, whose numbers are looked at only once the whole grammar is known to be right.
#[derive(Default)]
struct IncrExWords<'a> {
    float: Option<&'a [u8]>,
    integer: Option<&'a [u8]>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    expiry: Option<RawExpiry<'a>>,
    persist: bool,
    only_without_deadline: bool,
}

impl<'a> IncrExWords<'a> {
    fn take(args: &mut Args<'a>) -> Result<Self> {
        let mut words = Self::default();
        while !args.is_empty() {
            let is_repeated = if args.take_with("BYFLOAT", 1) {
                words.integer.is_some() || words.float.replace(args.bytes()?).is_some()
            } else if args.take_with("BYINT", 1) {
                words.float.is_some() || words.integer.replace(args.bytes()?).is_some()
            } else if args.take_with("LBOUND", 1) {
                words.lower.replace(args.bytes()?).is_some()
            } else if args.take_with("UBOUND", 1) {
                words.upper.replace(args.bytes()?).is_some()
            } else if args.take("SATURATE") {
                std::mem::replace(&mut words.saturate, true)
            } else if args.take("ENX") {
                std::mem::replace(&mut words.only_without_deadline, true) || words.persist
            } else if args.take("PERSIST") {
                let excluded = words.expiry.is_some() || words.only_without_deadline;
                std::mem::replace(&mut words.persist, true) || excluded
            } else if let Some(expiry) = Expiry::take(args) {
                words.expiry.replace(expiry).is_some() || words.persist
            } else {
                true
            };
            if is_repeated {
                return Err(Error::Syntax);
            }
        }
        if words.only_without_deadline && words.expiry.is_none() {
            return Err(Error::refused("ERR ENX flag requires an expiration"));
        }
        Ok(words)
    }

    fn integers(&self) -> Result<Increment<i64>> {
        let number = |word: Option<&[u8]>, refusal| {
            word.map(|word| number::parse_i64(word).ok_or(Error::refused(refusal))).transpose()
        };
        let by = number(self.integer, "ERR Increment is not an integer or out of range")?.unwrap_or(1);
        let lower = number(self.lower, "ERR LBOUND is not an integer or out of range")?;
        let upper = number(self.upper, "ERR UBOUND is not an integer or out of range")?;
        Increment::new(by, lower, upper)
    }

    fn floats(&self, by: &[u8]) -> Result<Increment<Extended>> {
        let number = |word, refusal| Extended::parse(word).ok_or(Error::refused(refusal));
        let by = number(by, "ERR Increment is not a valid float")?;
        if !by.is_finite() {
            return Err(Error::refused("ERR BYFLOAT increment cannot be Infinity"));
        }
        let lower = self.lower.map(|word| number(word, "ERR LBOUND is not a valid float")).transpose()?;
        let upper = self.upper.map(|word| number(word, "ERR UBOUND is not a valid float")).transpose()?;
        Increment::new(by, lower, upper)
    }
}

impl<'a> Command<'a> for IncrEx<'a> {
    const SPEC: Spec = Spec {
        name: "INCREX",
        arity: -2,
        group: Group::String,
        since: "8.8.0",
        flags: WRITE_FAST,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Adds to the number at a key, within bounds, and changes its time to live.",
        syntax: "key [BYFLOAT float | BYINT integer] [SATURATE] [LBOUND lowerbound] [UBOUND upperbound] \
                 [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX]",
        ..Spec::EMPTY
    };
    type Reply = IncrExReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, words) = (args.bytes()?, IncrExWords::take(args)?);
        let by = match words.float {
            Some(by) => IncrExBy::Float(words.floats(by)?),
            None => IncrExBy::Int(words.integers()?),
        };
        let expiry = match words.expiry {
            Some(expiry) => expiry.parse("increx")?,
            None if words.persist => Expiry::Clear,
            None => Expiry::Keep,
        };
        let IncrExWords { saturate, only_without_deadline, .. } = words;
        Ok(IncrEx { key, by, saturate, expiry, only_without_deadline })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for IncrEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<IncrExReply> {
        let string = db.view().string(self.key)?;
        match self.by {
            IncrExBy::Int(increment) => {
                let old = string.map_or(Ok(0), |string| string.as_int().ok_or(Error::NotAnInteger))?;
                let sum = old.saturating_add(increment.by);
                let nearest = increment.clamp(sum);
                let is_allowed = nearest == sum && old.checked_add(increment.by).is_some();
                if !is_allowed && !self.saturate {
                    return Ok(IncrExReply::Int(Incremented { value: old, applied: 0 }));
                }
                let applied = nearest.checked_sub(old).ok_or(Error::refused(APPLIED_OVERFLOW))?;
                self.store(db, StrRef::Int(nearest))?;
                Ok(IncrExReply::Int(Incremented { value: nearest, applied }))
            }
            IncrExBy::Float(increment) => {
                let number = |string: StrRef<'_>| Extended::parse(string.as_slice(&mut IntBuffer::new()));
                let old =
                    string.map_or(Ok(Extended::ZERO), |string| number(string).ok_or(Error::NotAFloat))?;
                if !old.is_finite() {
                    return Err(Error::refused("ERR value cannot be Infinity"));
                }
                let sum = old.plus(increment.by);
                let nearest = increment.clamp(sum.to_finite()).to_finite();
                if nearest != sum && !self.saturate {
                    return Ok(IncrExReply::Float(Incremented { value: old, applied: Extended::ZERO }));
                }
                let applied = nearest.minus(old);
                if !applied.is_finite() {
                    return Err(Error::refused(APPLIED_OVERFLOW));
                }
                self.store(db, StrRef::text(nearest.to_text().as_bytes()))?;
                Ok(IncrExReply::Float(Incremented { value: nearest, applied }))
            }
        }
    }

    fn event(&self) -> Option<&'static str> {
        Some(match self.by {
            IncrExBy::Int(_) => "incrby",
            IncrExBy::Float(_) => "incrbyfloat",
        })
    }
}

const APPLIED_OVERFLOW: &str = "ERR applied increment would overflow";

impl IncrEx<'_> {
    /// Keeps the sum. A deadline that has passed deletes the key instead, and nobody hears of the sum.
    fn store(&self, db: &mut Tx<'_>, sum: StrRef<'_>) -> Result<()> {
        let has_deadline = db.view().deadline(self.key)?.flatten().is_some();
        let expiry = if self.only_without_deadline && has_deadline { Expiry::Keep } else { self.expiry };
        match expiry.deadline(|| db.now(), "increx")? {
            Deadline::At(at) if at <= db.now() => db.remove(self.key).map(drop),
            // That it has no deadline any more is told apart.
            Deadline::Clear if has_deadline => {
                db.set_string(self.key, sum, Deadline::Keep)?;
                db.set_deadline(self.key, None).map(drop)
            }
            deadline => db.set_string(self.key, sum, deadline),
        }
    }
}

keyed! {
    /// `DIGEST key`
    Digest -> Option<Bytes>, Spec {
        name: "DIGEST",
        arity: 2,
        group: Group::String,
        since: "8.4.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the XXH3 digest of a string, in hexadecimal digits.",
        complexity: "O(N), N being the length of the string",
        syntax: "key",
        ..Spec::EMPTY
    }
}

impl<'a> Read<'a> for Digest<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        let digest = |string: StrRef<'_>| digest_of(string.as_slice(&mut IntBuffer::new())).into();
        Ok(db.string(self.key)?.map(digest))
    }
}

/// `MGET key [key ...]`
#[derive(Clone, Debug)]
pub struct MGet<'a> {
    /// The keys.
    pub keys: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for MGet<'a> {
    const SPEC: Spec = Spec {
        name: "MGET",
        arity: -2,
        group: Group::String,
        flags: Flags::FAST,
        keys: &[KeySpec::range(&["RO", "access"], 1, -1, 1)],
        tips: &["request_policy:multi_shard"],
        summary: "Returns the strings at several keys.",
        complexity: "O(N), N being the number of keys",
        syntax: "key [key ...]",
        ..Spec::EMPTY
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(MGet { keys: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl<'a> Read<'a> for MGet<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<Bytes>>> {
        // Not `collect`, which knows no number of items that may fail, and moves them each time that it has to grow.
        let mut strings = Vec::with_capacity(self.keys.len());
        for key in &*self.keys {
            strings.push(match db.string(key) {
                Ok(string) => string.map(StrRef::to_bytes),
                Err(Error::WrongType) => None,
                Err(other) => return Err(other),
            });
        }
        Ok(strings)
    }
}

/// Keys with the strings that they are to hold.
pub type Pairs<'a> = Cow<'a, [(&'a [u8], &'a [u8])]>;

fn pairs<'a>(args: &mut Args<'a>, name: &'static str) -> Result<Pairs<'a>> {
    let words = args.rest();
    let (pairs, rest) = words.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect::<Vec<_>>().into())
    } else {
        Err(super::wrong_arity(name))
    }
}

fn set_all(db: &mut Tx<'_>, pairs: &[(&[u8], &[u8])], deadline: Deadline) -> Result<()> {
    pairs.iter().try_for_each(|(key, value)| db.set_string(key, StrRef::from_bytes(value), deadline))
}

fn any_exists(db: &Tx<'_>, pairs: &[(&[u8], &[u8])]) -> Result<bool> {
    let view = db.view();
    pairs.iter().try_fold(false, |found, (key, _)| Ok(found || view.exists(key)?))
}

/// `MSET key value [key value ...]`
#[derive(Clone, Debug)]
pub struct MSet<'a> {
    /// Keys and values.
    pub pairs: Pairs<'a>,
}

impl<'a> Command<'a> for MSet<'a> {
    const SPEC: Spec = Spec {
        name: "MSET",
        arity: -3,
        group: Group::String,
        since: "1.0.1",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(&["OW", "update"], 1, -1, 2)],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        summary: "Stores several strings at once.",
        complexity: "O(N), N being the number of keys",
        syntax: "key value [key value ...]",
        ..Spec::EMPTY
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(MSet { pairs: pairs(args, "MSET")? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.pairs.iter().for_each(|(key, _)| visit(key));
    }
}

impl<'a> Write<'a> for MSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        set_all(db, &self.pairs, Deadline::Clear)
    }
}

/// `MSETNX key value [key value ...]`
#[derive(Clone, Debug)]
pub struct MSetNx<'a> {
    /// Keys and values.
    pub pairs: Pairs<'a>,
}

impl<'a> Command<'a> for MSetNx<'a> {
    const SPEC: Spec = Spec {
        name: "MSETNX",
        arity: -3,
        group: Group::String,
        since: "1.0.1",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(&["OW", "insert"], 1, -1, 2)],
        summary: "Stores several strings at once, unless any of the keys is there already.",
        complexity: "O(N), N being the number of keys",
        syntax: "key value [key value ...]",
        ..Spec::EMPTY
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(MSetNx { pairs: pairs(args, "MSETNX")? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.pairs.iter().for_each(|(key, _)| visit(key));
    }
}

impl<'a> Write<'a> for MSetNx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        if any_exists(db, &self.pairs)? {
            return Ok(false);
        }
        set_all(db, &self.pairs, Deadline::Clear)?;
        Ok(true)
    }
}

/// `MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT
/// unix-time-milliseconds | KEEPTTL]`
#[derive(Clone, Debug)]
pub struct MSetEx<'a> {
    /// Keys and values.
    pub pairs: Pairs<'a>,
    /// Whether all keys must be missing, or all present.
    pub when: When,
    /// The deadline of them all.
    pub expiry: Expiry,
}

impl<'a> Command<'a> for MSetEx<'a> {
    const SPEC: Spec = Spec {
        name: "MSETEX",
        arity: -4,
        group: Group::String,
        since: "8.4.0",
        flags: Flags::DENYOOM.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            notes: "",
            flags: &["OW", "update"],
            begin: super::Begin::Index(1),
            find: super::Find::KeyNum { at: 0, first: 1, step: 2 },
        }],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        summary: "Stores several strings at once with one time to live.",
        complexity: "O(N), N being the number of keys",
        syntax: "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT \
                 unix-time-milliseconds | KEEPTTL]",
        ..Spec::EMPTY
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        const BAD_COUNT: &str = "ERR invalid numkeys value";
        let count = args.int_where(|n| (1..=i64::from(i32::MAX)).contains(&n), BAD_COUNT)? as usize;
        if args.remaining() / 2 < count {
            return Err(Error::refused("ERR wrong number of key-value pairs"));
        }
        let pairs = pairs(&mut Args::new(args.many(count * 2)?), "MSETEX")?;
        let (mut when, mut keep, mut raw) = (When::Always, false, None);
        while !args.is_empty() {
            let free = !keep && raw.is_none();
            if when == When::Always && args.take("NX") {
                when = When::Missing;
            } else if when == When::Always && args.take("XX") {
                when = When::Present;
            } else if free && args.take("KEEPTTL") {
                keep = true;
            } else if let Some(expiry) = Expiry::take(args)
                && free
            {
                raw = Some(expiry);
            } else {
                return Err(Error::Syntax);
            }
        }
        let expiry = match raw {
            Some(raw) => raw.parse("msetex")?,
            None if keep => Expiry::Keep,
            None => Expiry::Clear,
        };
        Ok(MSetEx { pairs, when, expiry })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.pairs.iter().for_each(|(key, _)| visit(key));
    }
}

impl<'a> Write<'a> for MSetEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let deadline = self.expiry.deadline(|| db.now(), "msetex")?;
        let view = db.view();
        let allowed = match self.when {
            When::Always => true,
            When::Missing => !any_exists(db, &self.pairs)?,
            When::Present => {
                self.pairs.iter().try_fold(true, |all, (key, _)| Ok::<_, Error>(all && view.exists(key)?))?
            }
        };
        if allowed {
            set_all(db, &self.pairs, deadline)?;
        }
        Ok(allowed)
    }
}

/// `DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]`
#[derive(Clone, Debug)]
pub struct DelEx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What its string must be; `None` deletes a key of any type.
    pub compare: Option<Compare<'a>>,
}

impl<'a> Command<'a> for DelEx<'a> {
    const SPEC: Spec = Spec {
        name: "DELEX",
        arity: -2,
        group: Group::String,
        since: "8.4.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RM", "delete"])],
        summary: "Deletes a key if its string is, or is not, as given.",
        complexity: "O(1); with IFDEQ and IFDNE O(N), N being the length of the string",
        syntax: "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]",
        ..Spec::EMPTY
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let compare = if args.is_empty() { None } else { Some(Compare::take(args)?.ok_or(Error::Syntax)?) };
        args.finish()?;
        Ok(DelEx { key, compare })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for DelEx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        if let Some(compare) = self.compare {
            let string = match db.view().string(self.key) {
                Err(Error::WrongType) => {
                    return Err(Error::refused(
                        "ERR Key should be of string type if conditions are specified",
                    ));
                }
                other => other?,
            };
            if string.is_none() || !compare.holds(string) {
                return Ok(false);
            }
        }
        db.remove(self.key)
    }
}

/// `DELIFEQ key value`
#[derive(Clone, Debug)]
pub struct DelIfEq<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What its string must be.
    pub value: &'a [u8],
}

impl<'a> Command<'a> for DelIfEq<'a> {
    const SPEC: Spec = Spec {
        name: "DELIFEQ",
        arity: 3,
        group: Group::String,
        since: "9.0.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RM", "access", "delete"])],
        summary: "Deletes a key if its string is as given.",
        syntax: "key value",
        ..Spec::EMPTY
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(DelIfEq { key: args.bytes()?, value: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for DelIfEq<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let string = db.view().string(self.key)?;
        if Compare::Equal(self.value).holds(string) { db.remove(self.key) } else { Ok(false) }
    }
}

/// What `LCS` answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LcsAnswer {
    /// The common subsequence itself.
    #[default]
    Text,
    /// `LEN`: its length.
    Length,
    /// `IDX`: where it is in both strings.
    Places {
        /// `MINMATCHLEN`: shorter stretches are left out.
        min_match_length: usize,
        /// `WITHMATCHLEN`: each stretch's length is shown too.
        with_match_length: bool,
    },
}

impl LcsAnswer {
    /// Reads the options, all words that are left.
    fn parse(args: &mut Args<'_>) -> Late<Self> {
        let (mut length, mut places, mut minimum, mut with_length) = (false, false, 0, false);
        while !args.is_empty() {
            if args.take("IDX") {
                places = true;
            } else if args.take("LEN") {
                length = true;
            } else if args.take("WITHMATCHLEN") {
                with_length = true;
            } else if args.take_with("MINMATCHLEN", 1) {
                minimum = args.int()?.max(0) as usize;
            } else {
                return Err(Error::Syntax);
            }
        }
        match (length, places) {
            (true, true) => {
                let text = "ERR If you want both the length and indexes, please just use IDX.";
                Err(Error::refused(text))
            }
            (true, false) => Ok(LcsAnswer::Length),
            (false, false) => Ok(LcsAnswer::Text),
            (false, true) => {
                Ok(LcsAnswer::Places { min_match_length: minimum, with_match_length: with_length })
            }
        }
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]`
#[derive(Clone, Debug)]
pub struct Lcs<'a> {
    /// The two keys.
    pub keys: [&'a [u8]; 2],
    /// What to answer with.
    pub answer: Late<LcsAnswer>,
}

/// `LCS`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LcsReply {
    /// The common subsequence.
    Text(Bytes),
    /// Its length.
    Length(usize),
    /// Where it is in both strings, the last stretch first.
    Places {
        /// The stretches.
        matches: Vec<Match>,
        /// The length of the whole.
        length: usize,
        /// Whether each stretch's length is shown.
        with_match_length: bool,
    },
}

impl From<LcsReply> for Reply {
    fn from(reply: LcsReply) -> Self {
        match reply {
            LcsReply::Text(text) => text.into(),
            LcsReply::Length(length) => length.into(),
            LcsReply::Places { matches, length, with_match_length } => {
                let range = |(start, end): (usize, usize)| Reply::from(vec![start, end]);
                let stretch = |found: Match| {
                    let mut parts = vec![range(found.first), range(found.second)];
                    parts.extend(with_match_length.then(|| found.length.into()));
                    Reply::Array(parts)
                };
                let matches = matches.into_iter().map(stretch).collect();
                Reply::Map(vec![
                    (Reply::bulk("matches"), Reply::Array(matches)),
                    (Reply::bulk("len"), length.into()),
                ])
            }
        }
    }
}

impl<'a> Command<'a> for Lcs<'a> {
    const SPEC: Spec = Spec {
        name: "LCS",
        arity: -3,
        group: Group::String,
        since: "7.0.0",
        keys: &[KeySpec::range(&["RO", "access"], 1, 1, 1)],
        summary: "Finds the longest common subsequence of two strings.",
        complexity: "O(N*M), N and M being the lengths of the strings",
        syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
        ..Spec::EMPTY
    };
    type Reply = LcsReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let keys = [args.bytes()?, args.bytes()?];
        Ok(Lcs { keys, answer: LcsAnswer::parse(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl<'a> Read<'a> for Lcs<'a> {
    fn read(&self, db: &View<'_>) -> Result<LcsReply> {
        let string = |key: &[u8]| match db.string(key) {
            Err(Error::WrongType) => Err(Error::refused("ERR The specified keys must contain string values")),
            Err(other) => Err(other),
            Ok(string) => Ok(string.map(StrRef::to_bytes).unwrap_or_default()),
        };
        // Both are looked up, and missed, before the first is refused.
        let (first, second) = (string(self.keys[0]), string(self.keys[1]));
        let (first, second) = (first?, second?);
        let answer = self.answer.clone()?;
        let cells = (first.len() as u64 + 1).saturating_mul(second.len() as u64 + 1);
        if cells.saturating_mul(4) > db.engine().config().max_bulk_length() as u64 {
            return Err(Error::refused(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        let found = lcs::lcs(&first, &second);
        Ok(match answer {
            LcsAnswer::Text => LcsReply::Text(found.text.into()),
            LcsAnswer::Length => LcsReply::Length(found.text.len()),
            LcsAnswer::Places { min_match_length, with_match_length } => LcsReply::Places {
                matches: found.matches.into_iter().filter(|m| m.length >= min_match_length).collect(),
                length: found.text.len(),
                with_match_length,
            },
        })
    }
}
