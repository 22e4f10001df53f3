//! DUMP and RESTORE: values in Redis's own bytes, which go from server to server.
use std::time::Duration;

use super::string::Expiry;
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::effect::Image;
pub use crate::keyspace::PastUse;
use crate::rdb::{self, Unreadable};
use crate::replay;
use crate::tx::{Deadline, Tx, View};
use crate::types::ValueRef;
use crate::{Bytes, Error, Result, UnixMs};

table! {
    read Dump, write Restore,
}

const GENERIC: Spec = Spec { group: Group::Generic, ..Spec::EMPTY };

keyed! {
    /// `DUMP key`
    Dump -> Option<Bytes>, Spec {
        name: "DUMP",
        arity: 2,
        since: "2.6.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Writes a value in Redis's own bytes, which RESTORE reads.",
        complexity: "O(N), N being the size of the value",
        syntax: "key",
        ..GENERIC
    }
}

impl<'a> Read<'a> for Dump<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        let compression = db.engine().config().dump_compression();
        let Some(value) = db.value(self.key)? else { return Ok(None) };
        let refusal = match value {
            ValueRef::Set(_) => {
                "ERR a set whose members have deadlines cannot be dumped: read them with SPEXPIRETIME, or take them away with \
                 SPERSIST"
            }
            ValueRef::Array(_) => "ERR arrays cannot be dumped: read them with ARSCAN and ARNEXT",
            _ => "ERR vector sets cannot be dumped: read them with VEMB and VGETATTR",
        };
        let dumped = rdb::dump(value, compression);
        dumped.map(|dumped| Some(dumped.into())).ok_or(Error::refused(refusal))
    }
}

/// `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
#[derive(Clone, Debug)]
pub struct Restore<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The time to live, or with `ABSTTL` the deadline. A time that is no good comes here, because a key that is there is told first.
    pub expiry: Late<Expiry>,
    /// What DUMP wrote.
    pub payload: &'a [u8],
    /// The rest.
    pub options: RestoreOptions,
}

/// What `RESTORE` does besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    /// `REPLACE`: a key of that name gives way.
    pub replace: bool,
    /// `IDLETIME`, `FREQ`: what eviction is to believe of the key.
    pub past_use: Option<PastUse>,
}

impl RestoreOptions {
    /// `REPLACE`: a key of that name gives way.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// `IDLETIME`: as if it was last used so long ago, to the second. Without effect while eviction goes by frequency.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.past_use = Some(PastUse::Idle(idle));
        self
    }

    /// `FREQ`: as if it was used so often, on the scale of `OBJECT FREQ`. Without effect unless eviction goes by frequency.
    #[must_use]
    pub fn frequency(mut self, frequency: u8) -> Self {
        self.past_use = Some(PastUse::Frequency(frequency));
        self
    }
}

fn expiry(ttl: &[u8], is_absolute: bool) -> Late<Expiry> {
    let ttl = crate::number::parse_i64(ttl).ok_or(Error::NotAnInteger)?;
    match u64::try_from(ttl) {
        Ok(0) => Ok(Expiry::Clear),
        Ok(_) if is_absolute => Ok(Expiry::At(UnixMs(ttl))),
        Ok(milliseconds) => Ok(Expiry::In(Duration::from_millis(milliseconds))),
        Err(_) => Err(Error::refused("ERR Invalid TTL value, must be >= 0")),
    }
}

impl<'a> Command<'a> for Restore<'a> {
    const SPEC: Spec = Spec {
        name: "RESTORE",
        arity: -4,
        since: "2.6.0",
        flags: Flags::DENYOOM,
        categories: &["@dangerous"],
        keys: &[KeySpec::first(&["OW", "update"])],
        summary: "Makes a key of what DUMP wrote.",
        complexity: "O(N), N being the size of the value; O(N*log(N)) for a sorted set of N members",
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        ..GENERIC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, ttl, payload) = (args.bytes()?, args.bytes()?, args.bytes()?);
        let (mut options, mut is_absolute) = (RestoreOptions::default(), false);
        while !args.is_empty() {
            if args.take("REPLACE") {
                options.replace = true;
            } else if args.take("ABSTTL") {
                is_absolute = true;
            } else if !matches!(options.past_use, Some(PastUse::Frequency(_)))
                && args.take_with("IDLETIME", 1)
            {
                let seconds = u64::try_from(args.int()?);
                let seconds =
                    seconds.map_err(|_| Error::refused("ERR Invalid IDLETIME value, must be >= 0"))?;
                options = options.idle(Duration::from_secs(seconds));
            } else if !matches!(options.past_use, Some(PastUse::Idle(_))) && args.take_with("FREQ", 1) {
                let frequency = u8::try_from(args.int()?)
                    .map_err(|_| Error::refused("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                options = options.frequency(frequency);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(Restore { key, expiry: expiry(ttl, is_absolute), payload, options })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for Restore<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let bad_data = || Error::refused("ERR Bad data format");
        if !self.options.replace && db.view().exists(self.key)? {
            return Err(Error::Refused("BUSYKEY Target key name already exists.".into()));
        }
        let expiry = self.expiry.clone()?;
        let mut image = rdb::restore(self.payload).map_err(|unreadable| match unreadable {
            Unreadable::Footer => Error::refused("ERR DUMP payload version or checksum are wrong"),
            Unreadable::Value => bad_data(),
        })?;
        if let Image::TimedHash(fields) = &mut image {
            let now = db.now();
            fields.retain(|(_, _, at)| at.is_none_or(|at| at >= now));
            if fields.is_empty() {
                return db.expire_before_put(self.key);
            }
        }
        let value = replay::build(db, &image).map_err(|error| match error {
            Error::UndeclaredKey => error,
            _ => bad_data(),
        })?;
        if image.elements().is_some_and(|count| count != value.as_ref().length()) {
            // An element came twice that may be there once.
            return Err(bad_data());
        }
        let deadline = expiry.deadline(|| db.now(), "restore")?;
        if matches!(deadline, Deadline::At(at) if at <= db.now()) {
            return db.expire_before_put(self.key);
        }
        db.put_anew(self.key, value, deadline)?;
        self.options.past_use.map_or(Ok(()), |past| db.set_past_use(self.key, past))
    }

    fn event(&self) -> Option<&'static str> {
        Some("restore")
    }
}
