//! The parameters that `CONFIG GET` shows, and those that `CONFIG SET` can change.
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::engine::Engine;
use crate::events::Notifications;
use crate::journal::Keeper;
use crate::keyspace::Tracking;
use crate::maxmemory::{EvictionPolicy, MemoryChange};
use crate::types::TypeSettings;
use crate::{Error, Result, number};

/// `proto-max-bulk-len`: the longest string, in bytes.
pub(crate) const MAX_BULK_LENGTH: usize = 512 << 20;

/// The policies that `appendfsync` names, in Redis's order.
const FSYNC_POLICIES: [&str; 3] = ["everysec", "always", "no"];

/// The parameters of an engine that are not the data types' own.
#[derive(Debug)]
pub(crate) struct Config {
    databases: usize,
    /// Means nothing without a store on disk, which has its own; kept to be shown again.
    fsync: Mutex<&'static str>,
}

/// A parameter's name, older name if it has one, and kind.
struct Parameter {
    name: &'static str,
    alias: Option<&'static str>,
    kind: Kind,
}

enum Kind {
    /// A limit of a data type: a number of elements.
    Limit(fn(&mut TypeSettings) -> &mut usize),
    /// A limit of a data type: bytes, with units if one likes.
    Bytes(fn(&mut TypeSettings) -> &mut usize),
    /// `list-max-listpack-size`: a number of elements, or a negated class of sizes.
    ListSize,
    /// `maxmemory`: bytes, with units if one likes.
    MaxMemory,
    /// One of [`EvictionPolicy::ALL`].
    Policy,
    /// `maxmemory-samples`.
    Samples,
    /// One of [`FSYNC_POLICIES`].
    Fsync,
    /// `notify-keyspace-events`.
    Events,
    /// Of the LFU counter.
    Lfu(fn(&Tracking) -> &AtomicU32),
    /// Decided when the store was opened.
    Fixed(fn(&Config) -> String),
}

const fn limit(
    name: &'static str,
    alias: Option<&'static str>,
    field: fn(&mut TypeSettings) -> &mut usize,
) -> Parameter {
    Parameter { name, alias, kind: Kind::Limit(field) }
}

const fn bytes(
    name: &'static str,
    alias: Option<&'static str>,
    field: fn(&mut TypeSettings) -> &mut usize,
) -> Parameter {
    Parameter { name, alias, kind: Kind::Bytes(field) }
}

const fn fixed(name: &'static str, value: fn(&Config) -> String) -> Parameter {
    Parameter { name, alias: None, kind: Kind::Fixed(value) }
}

const PARAMETERS: &[Parameter] = &[
    limit("hash-max-listpack-entries", Some("hash-max-ziplist-entries"), |s| {
        &mut s.hash_max_listpack_entries
    }),
    bytes("hash-max-listpack-value", Some("hash-max-ziplist-value"), |s| &mut s.hash_max_listpack_value),
    limit("set-max-intset-entries", None, |s| &mut s.set_max_intset_entries),
    limit("set-max-listpack-entries", None, |s| &mut s.set_max_listpack_entries),
    bytes("set-max-listpack-value", None, |s| &mut s.set_max_listpack_value),
    limit("zset-max-listpack-entries", Some("zset-max-ziplist-entries"), |s| {
        &mut s.zset_max_listpack_entries
    }),
    bytes("zset-max-listpack-value", Some("zset-max-ziplist-value"), |s| &mut s.zset_max_listpack_value),
    Parameter { name: "list-max-listpack-size", alias: Some("list-max-ziplist-size"), kind: Kind::ListSize },
    Parameter { name: "maxmemory", alias: None, kind: Kind::MaxMemory },
    Parameter { name: "maxmemory-policy", alias: None, kind: Kind::Policy },
    Parameter { name: "maxmemory-samples", alias: None, kind: Kind::Samples },
    Parameter { name: "lfu-log-factor", alias: None, kind: Kind::Lfu(|tracking| &tracking.log_factor) },
    Parameter { name: "lfu-decay-time", alias: None, kind: Kind::Lfu(|tracking| &tracking.decay_minutes) },
    Parameter { name: "appendfsync", alias: None, kind: Kind::Fsync },
    Parameter { name: "notify-keyspace-events", alias: None, kind: Kind::Events },
    fixed("appendonly", |_| "no".into()),
    fixed("auto-aof-rewrite-percentage", |_| "0".into()),
    fixed("auto-aof-rewrite-min-size", |_| "0".into()),
    fixed("dir", |_| String::new()),
    fixed("databases", |config| config.databases.to_string()),
    fixed("proto-max-bulk-len", |_| MAX_BULK_LENGTH.to_string()),
    fixed("save", |_| String::new()),
    fixed("port", |_| "0".into()),
    fixed("timeout", |_| "0".into()),
];

/// A change that was found good and not made yet.
pub(crate) enum Change {
    Limit(fn(&mut TypeSettings) -> &mut usize, usize),
    ListSize(i64),
    Memory(MemoryChange),
    Fsync(&'static str),
    Events(Notifications),
    Lfu(fn(&Tracking) -> &AtomicU32, u32),
}

impl Config {
    pub(crate) fn new(databases: usize) -> Self {
        Self { databases, fsync: Mutex::new("everysec") }
    }

    /// Names and values of all parameters, older names included. What the keeper of a store says of itself comes before
    /// what is true without one.
    pub(crate) fn get(&self, settings: &TypeSettings, engine: &Engine) -> Vec<(&'static str, String)> {
        let mut found = engine.keeper().map(Keeper::parameters).unwrap_or_default();
        for parameter in PARAMETERS {
            for name in [Some(parameter.name), parameter.alias].into_iter().flatten() {
                if !found.iter().any(|(known, _)| *known == name) {
                    found.push((name, self.value(&parameter.kind, settings, engine)));
                }
            }
        }
        found
    }

    fn value(&self, kind: &Kind, settings: &TypeSettings, engine: &Engine) -> String {
        match kind {
            Kind::Limit(field) | Kind::Bytes(field) => field(&mut settings.clone()).to_string(),
            Kind::ListSize => settings.list_max_listpack_size.to_string(),
            Kind::MaxMemory => engine.max_memory().to_string(),
            Kind::Policy => engine.eviction_policy().as_str().to_owned(),
            Kind::Samples => engine.maxmemory().samples().to_string(),
            Kind::Fsync => (*self.fsync.lock()).to_owned(),
            Kind::Events => engine.events().notifications().to_string(),
            Kind::Lfu(field) => field(engine.tracking()).load(Ordering::Relaxed).to_string(),
            Kind::Fixed(value) => value(self),
        }
    }

    /// Understands the words of `CONFIG SET`; nothing is changed unless all of them are good.
    pub(crate) fn parse(pairs: &[(&[u8], &[u8])]) -> Result<Vec<Change>> {
        let mut parameters = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            let names = |parameter: &&Parameter| {
                [Some(parameter.name), parameter.alias]
                    .into_iter()
                    .flatten()
                    .any(|known| known.as_bytes().eq_ignore_ascii_case(name))
            };
            let shown = String::from_utf8_lossy(name);
            let parameter = PARAMETERS.iter().find(names).ok_or_else(|| {
                let text = format!("ERR Unknown option or number of arguments for CONFIG SET - '{shown}'");
                Error::Refused(text.into())
            })?;
            if matches!(parameter.kind, Kind::Fixed(_)) {
                return Err(refused(&shown, "can't set immutable config"));
            }
            parameters.push((parameter, shown));
        }
        for (at, (_, shown)) in parameters.iter().enumerate() {
            if parameters[..at].iter().any(|(_, other)| other.eq_ignore_ascii_case(shown)) {
                return Err(refused(shown, "duplicate parameter"));
            }
        }
        let mut changes = Vec::with_capacity(pairs.len());
        for ((parameter, shown), (_, value)) in parameters.iter().zip(pairs) {
            changes.push(parse_value(&parameter.kind, value).map_err(|why| refused(shown, &why))?);
        }
        Ok(changes)
    }

    /// Makes a change to everything but the settings of the data types, which are in the shards. All of them must be locked.
    pub(crate) fn apply(&self, change: &Change, engine: &Engine) {
        match change {
            Change::Fsync(policy) => {
                *self.fsync.lock() = policy;
                if let Some(keeper) = engine.keeper() {
                    keeper.set_fsync(policy);
                }
            }
            Change::Memory(change) => engine.maxmemory().set(engine, *change),
            Change::Events(notifications) => engine.events().set_notifications(*notifications),
            Change::Lfu(field, value) => field(engine.tracking()).store(*value, Ordering::Relaxed),
            Change::Limit(..) | Change::ListSize(_) => {}
        }
    }
}

impl Change {
    /// Makes a change to the settings of the data types.
    pub(crate) fn apply_to(&self, settings: &mut TypeSettings) {
        match self {
            Change::Limit(field, value) => *field(settings) = *value,
            Change::ListSize(size) => settings.list_max_listpack_size = *size,
            Change::Memory(_) | Change::Fsync(_) | Change::Events(_) | Change::Lfu(..) => {}
        }
    }
}

fn refused(name: &str, why: &str) -> Error {
    let text = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
    Error::Refused(text.into())
}

fn parse_value(kind: &Kind, value: &[u8]) -> Result<Change, String> {
    let integer = |least: i64, most: i64| {
        let number = number::parse_i64(value).ok_or("argument couldn't be parsed into an integer")?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(format!("argument must be between {least} and {most} inclusive"))
        }
    };
    match kind {
        Kind::Limit(field) => Ok(Change::Limit(*field, integer(0, i64::MAX)? as usize)),
        Kind::Bytes(field) => {
            let bytes = parse_bytes(value).ok_or("argument must be a memory value")?;
            let bytes = usize::try_from(bytes).ok().filter(|bytes| i64::try_from(*bytes).is_ok());
            let range = format!("argument must be between 0 and {} inclusive", i64::MAX);
            Ok(Change::Limit(*field, bytes.ok_or(range)?))
        }
        Kind::MaxMemory => {
            let bytes = parse_bytes(value).ok_or("argument must be a memory value")?;
            // As in Redis, too much is as much as can be said.
            Ok(Change::Memory(MemoryChange::Limit(usize::try_from(bytes).unwrap_or(usize::MAX))))
        }
        Kind::Samples => Ok(Change::Memory(MemoryChange::Samples(integer(1, 64)? as usize))),
        Kind::ListSize => Ok(Change::ListSize(integer(i64::from(i32::MIN), i64::from(i32::MAX))?)),
        Kind::Lfu(field) => Ok(Change::Lfu(*field, integer(0, i64::from(i32::MAX))? as u32)),
        Kind::Policy => {
            let name = one_of(&EvictionPolicy::ALL.map(EvictionPolicy::as_str), value)?;
            let policy = EvictionPolicy::from_name(name.as_bytes()).unwrap_or_default();
            Ok(Change::Memory(MemoryChange::Policy(policy)))
        }
        Kind::Fsync => Ok(Change::Fsync(one_of(&FSYNC_POLICIES, value)?)),
        Kind::Events => Notifications::parse(value)
            .map(Change::Events)
            .ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into()),
        Kind::Fixed(_) => Err("can't set immutable config".into()),
    }
}

fn one_of(words: &[&'static str], value: &[u8]) -> Result<&'static str, String> {
    let known = words.iter().find(|word| word.as_bytes().eq_ignore_ascii_case(value));
    known.copied().ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

/// Bytes with Redis's units: `10`, `10b`, `10k` (thousands), `10kb` (1024s), `m`, `mb`, `g`, `gb`.
/// No digits are 0, as there, with a unit or without; too much is more than any limit.
fn parse_bytes(text: &[u8]) -> Option<u128> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..digits]
        .iter()
        .fold(0_u128, |number, digit| number.saturating_mul(10).saturating_add(u128::from(digit - b'0')));
    let unit = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    Some(number.saturating_mul(unit))
}
