//! The parameters that `CONFIG GET` shows, and those that `CONFIG SET` can change.
//!
//! `parameters` is the table, `kinds` and `rules` understand values, `file` the syntax of `redis.conf`. Who needs a value often
//! reads it by a method of [`Config`]; who keeps something made of it asks to be told by [`Config::on_change`].
pub mod file;
mod kinds;
mod parameters;
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

pub(crate) use kinds::parse_bytes;
pub use parameters::Parameter;
pub(crate) use rules::show_percentile;
pub use rules::{OutputLimit, OutputLimits, SavePoint};

use kinds::Value;
use parameters::{Freedom, Home, PARAMETERS, place, place_of_number};

use crate::events::Notifications;
use crate::rdb::Compression;
use crate::tx::Tx;
use crate::types::TypeSettings;
use crate::{Error, Result};

/// The longest string of all, in bytes, whatever `proto-max-bulk-len` says.
pub(crate) const MAX_BULK_LENGTH: usize = 512 << 20;

/// Told of a change, with every shard locked: it may take locks that nobody holds who waits for a shard, and must not use the
/// engine. A sentence why not refuses the change.
pub type ChangeHook = Box<dyn Fn(&Config) -> Result<(), String> + Send + Sync>;

/// The values of all parameters.
pub struct Config {
    values: Box<[Slot]>,
    hooks: RwLock<Vec<(&'static [&'static str], ChangeHook)>>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").finish_non_exhaustive()
    }
}

/// Where a value is kept.
#[derive(Debug)]
enum Slot {
    Number(AtomicI64),
    Text(RwLock<Arc<[u8]>>),
}

/// On whose behalf a parameter is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A caller's: some are not its business.
    Caller,
    /// The program's that the engine is part of.
    Program,
}

/// The table of all parameters.
pub fn parameters() -> &'static [Parameter] {
    PARAMETERS
}

/// Every name with its place in the table, older names included.
fn names() -> impl Iterator<Item = (&'static str, usize)> {
    let of_one = |(at, parameter): (usize, &'static Parameter)| {
        [Some(parameter.name), parameter.alias].into_iter().flatten().map(move |name| (name, at))
    };
    PARAMETERS.iter().enumerate().flat_map(of_one)
}

impl Default for Config {
    /// Redis's defaults.
    fn default() -> Self {
        let slot = |parameter: &Parameter| match default_value(parameter) {
            Value::Number(number) => Slot::Number(AtomicI64::new(number)),
            Value::Text(text) => Slot::Text(RwLock::new(text)),
        };
        Self { values: PARAMETERS.iter().map(slot).collect(), hooks: RwLock::default() }
    }
}

fn default_value(parameter: &Parameter) -> Value {
    let nothing = Value::Text(Arc::default());
    parameter
        .kind
        .parse(parameter.default.as_bytes(), &nothing)
        .unwrap_or_else(|why| unreachable!("the default of {} is none of its values: {why}", parameter.name))
}

impl Config {
    /// Redis's defaults, with so many databases.
    pub(crate) fn new(databases: usize) -> Self {
        let config = Self::default();
        config.put(const { place_of_number("databases") }, &Value::Number(databases as i64));
        config
    }

    /// Calls `hook` after one of the parameters named has changed. It is not called for what they are now.
    pub fn on_change(&self, names: &'static [&'static str], hook: ChangeHook) {
        debug_assert!(names.iter().all(|name| PARAMETERS.iter().any(|parameter| parameter.name == *name)));
        self.hooks.write().push((names, hook));
    }

    /// The value of a parameter as `CONFIG GET` shows it; `None` if there is none of that name.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let (_, at) = names().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.show(at))
    }

    /// Every name, older ones included, with its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        names().map(|(name, at)| (name, self.show(at)))
    }

    fn show(&self, at: usize) -> Vec<u8> {
        PARAMETERS[at].kind.show(&self.value(at))
    }

    fn value(&self, at: usize) -> Value {
        match &self.values[at] {
            Slot::Number(number) => Value::Number(number.load(Ordering::Relaxed)),
            Slot::Text(text) => Value::Text(Arc::clone(&text.read())),
        }
    }

    fn put(&self, at: usize, value: &Value) {
        match (&self.values[at], value) {
            (Slot::Number(number), Value::Number(new)) => number.store(*new, Ordering::Relaxed),
            (Slot::Text(text), Value::Text(new)) => *text.write() = Arc::clone(new),
            (slot, value) => unreachable!("{value:?} does not fit {slot:?}"),
        }
    }

    #[inline]
    fn number(&self, at: usize) -> i64 {
        match &self.values[at] {
            Slot::Number(number) => number.load(Ordering::Relaxed),
            Slot::Text(_) => unreachable!("the place of a number was asked for"),
        }
    }

    fn text(&self, at: usize) -> Arc<[u8]> {
        match self.value(at) {
            Value::Text(text) => text,
            Value::Number(_) => unreachable!("the place of a text was asked for"),
        }
    }

    /// The settings of the data types, for a new shard.
    pub(crate) fn type_settings(&self, mut settings: TypeSettings) -> TypeSettings {
        for (at, parameter) in PARAMETERS.iter().enumerate() {
            if let Home::Types(set) = parameter.home {
                set(&mut settings, self.number(at));
            }
        }
        settings
    }
}

/// What parts of the program ask for.
impl Config {
    /// `proto-max-bulk-len`: the longest string, in bytes.
    #[inline]
    pub fn max_bulk_length(&self) -> usize {
        (self.number(const { place_of_number("proto-max-bulk-len") }) as usize).min(MAX_BULK_LENGTH)
    }

    /// `hll-sparse-max-bytes`: the longest sparse HyperLogLog, in bytes.
    pub fn sparse_hyperloglog_bytes(&self) -> usize {
        self.number(const { place_of_number("hll-sparse-max-bytes") }) as usize
    }

    /// `timeout`: after how many idle seconds a caller is disconnected; 0 for never.
    pub fn idle_seconds(&self) -> u64 {
        self.number(const { place_of_number("timeout") }) as u64
    }

    /// `busy-reply-threshold`: after how many milliseconds of a script others are told that they would have to wait.
    pub fn busy_reply_threshold_ms(&self) -> i64 {
        self.number(const { place_of_number("busy-reply-threshold") })
    }

    /// `tcp-keepalive`: after how many idle seconds a connection is asked whether it is alive; 0 for never.
    pub fn keepalive_seconds(&self) -> u64 {
        self.number(const { place_of_number("tcp-keepalive") }) as u64
    }

    /// `maxclients`: how many callers the listener lets in.
    pub fn max_clients(&self) -> usize {
        self.number(const { place_of_number("maxclients") }) as usize
    }

    /// `client-query-buffer-limit`: how much of a command a caller may send, in bytes.
    pub fn query_limit(&self) -> usize {
        self.number(const { place_of_number("client-query-buffer-limit") }) as usize
    }

    /// `maxmemory-clients`: what all callers together may take, in bytes, where keys may take `max_memory`; 0 for no limit.
    pub fn clients_memory_limit(&self, max_memory: usize) -> usize {
        match self.number(const { place_of_number("maxmemory-clients") }) {
            percent @ ..0 => (max_memory as u128 * u128::from(percent.unsigned_abs()) / 100) as usize,
            bytes => bytes as usize,
        }
    }

    /// `client-output-buffer-limit`: how much a caller may leave unread.
    pub fn output_limits(&self) -> OutputLimits {
        let text = self.text(const { place("client-output-buffer-limit") });
        OutputLimits::default().parse(&text).unwrap_or_default()
    }

    /// `requirepass`: the password of the default user; empty for none.
    pub fn password(&self) -> Arc<[u8]> {
        self.text(const { place("requirepass") })
    }

    /// `protected-mode`: whether callers from elsewhere are refused as long as there is no password.
    pub fn is_protected(&self) -> bool {
        self.number(const { place_of_number("protected-mode") }) == 1
    }

    /// `acl-pubsub-default`: whether a new ACL user may use every channel.
    pub fn new_users_have_all_channels(&self) -> bool {
        self.number(const { place_of_number("acl-pubsub-default") }) == 0
    }

    /// `acllog-max-len`: how many refusals `ACL LOG` keeps.
    pub fn acl_log_length(&self) -> usize {
        self.number(const { place_of_number("acllog-max-len") }) as usize
    }

    /// `aclfile`: where users are kept; empty for nowhere.
    pub fn acl_file(&self) -> Arc<[u8]> {
        self.text(const { place("aclfile") })
    }

    /// `hz`: how often in a second idle callers are looked for.
    pub fn rounds_per_second(&self) -> u32 {
        self.number(const { place_of_number("hz") }) as u32
    }

    /// `tracking-table-max-keys`: how many keys are remembered for client-side caching.
    pub fn tracked_keys(&self) -> usize {
        self.number(const { place_of_number("tracking-table-max-keys") }) as usize
    }

    /// `slowlog-log-slower-than`: from how many microseconds on a command is noted; `None` for never.
    #[inline]
    pub fn slow_micros(&self) -> Option<u64> {
        u64::try_from(self.number(const { place_of_number("slowlog-log-slower-than") })).ok()
    }

    /// `slowlog-max-len`: how many slow commands are kept.
    pub fn slow_log_length(&self) -> usize {
        self.number(const { place_of_number("slowlog-max-len") }) as usize
    }

    /// `latency-monitor-threshold`: from how many milliseconds on an event is noted; `None` for never.
    #[inline]
    pub fn latency_threshold_ms(&self) -> Option<u64> {
        let threshold = self.number(const { place_of_number("latency-monitor-threshold") });
        (threshold > 0).then_some(threshold as u64)
    }

    /// `latency-tracking`: whether the time that commands take is counted.
    #[inline]
    pub fn tracks_latency(&self) -> bool {
        self.number(const { place_of_number("latency-tracking") }) == 1
    }

    /// `latency-tracking-info-percentiles`, in percent.
    pub fn latency_percentiles(&self) -> Vec<f64> {
        rules::parse_percentiles(&self.text(const { place("latency-tracking-info-percentiles") }))
            .unwrap_or_default()
    }

    /// `rdbcompression`: whether strings are compressed in what DUMP writes.
    pub(crate) fn dump_compression(&self) -> Compression {
        match self.number(const { place_of_number("rdbcompression") }) {
            1 => Compression::Lzf,
            _ => Compression::None,
        }
    }

    /// `list-compress-depth`: how many pieces at each end of a list Redis would not compress; nothing is compressed here.
    pub(crate) fn uncompressed_pieces(&self) -> i64 {
        self.number(const { place_of_number("list-compress-depth") })
    }

    /// `lazyfree-lazy-user-flush`: whether FLUSHALL and FLUSHDB free memory elsewhere unless told `SYNC`.
    pub fn flushes_lazily(&self) -> bool {
        self.number(const { place_of_number("lazyfree-lazy-user-flush") }) == 1
    }

    /// `enable-debug-command`: whether `DEBUG` is allowed for callers from everywhere, or for those on this machine.
    pub fn allows_debug(&self, is_local: bool) -> bool {
        allows(self.number(const { place_of_number("enable-debug-command") }), is_local)
    }

    /// The place of `appendfsync` among its words.
    pub fn fsync(&self) -> &'static str {
        ["everysec", "always", "no"][self.number(const { place_of_number("appendfsync") }) as usize]
    }

    /// `save`: when a snapshot is made besides.
    pub fn save_points(&self) -> Vec<SavePoint> {
        rules::parse_save_points(&self.text(const { place("save") })).unwrap_or_default()
    }

    /// `auto-aof-rewrite-percentage` and `auto-aof-rewrite-min-size`: when a snapshot is made.
    pub fn checkpoint_ratio(&self) -> (u64, u64) {
        (
            self.number(const { place_of_number("auto-aof-rewrite-percentage") }) as u64,
            self.number(const { place_of_number("auto-aof-rewrite-min-size") }) as u64,
        )
    }
}

/// One of the three words `no`, `yes` and `local`.
const fn allows(scope: i64, is_local: bool) -> bool {
    scope == 1 || (scope == 2 && is_local)
}

fn refused(name: &str, why: &str) -> Error {
    let text = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
    Error::Refused(text.into())
}

/// A change that was made and may have to be undone.
struct Made {
    at: usize,
    /// As the caller calls it.
    name: &'static str,
    before: Value,
}

/// Sets parameters, all of them or none. Every shard must be locked.
///
/// # Errors
/// Redis's refusals, and those of the hooks.
pub(crate) fn set(tx: &mut Tx<'_>, pairs: &[(&[u8], &[u8])], origin: Origin) -> Result<()> {
    let config = tx.engine().config();
    let found = find(config, pairs, origin)?;
    let mut made: Vec<Made> = Vec::with_capacity(found.len());
    for ((name, at), (_, text)) in found.into_iter().zip(pairs) {
        let before = config.value(at);
        match understand(&PARAMETERS[at], text, &before, origin) {
            Ok(value) => {
                config.put(at, &value);
                made.push(Made { at, name, before });
            }
            Err(why) => {
                undo(config, &made);
                return Err(refused(name, &why));
            }
        }
    }
    settle(tx, &made);
    let result = tell(config, &made);
    if result.is_err() {
        undo(config, &made);
        settle(tx, &made);
        // Those that were told of what is no longer so are told again; what was so before cannot be refused.
        let _ = tell(config, &made);
    }
    result
}

/// The parameters that are named; the first that cannot be set is refused.
fn find(config: &Config, pairs: &[(&[u8], &[u8])], origin: Origin) -> Result<Vec<(&'static str, usize)>> {
    let mut found: Vec<(&'static str, usize)> = Vec::with_capacity(pairs.len());
    for (given, _) in pairs {
        let shown = String::from_utf8_lossy(given);
        let known = names().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(given));
        let (name, at) = known.ok_or_else(|| {
            let text = format!("ERR Unknown option or number of arguments for CONFIG SET - '{shown}'");
            Error::Refused(text.into())
        })?;
        let scope = config.number(const { place_of_number("enable-protected-configs") });
        match PARAMETERS[at].freedom {
            Freedom::Fixed if origin == Origin::Caller => {
                return Err(refused(&shown, "can't set immutable config"));
            }
            Freedom::Protected if origin == Origin::Caller && !allows(scope, true) => {
                return Err(refused(&shown, "can't set protected config"));
            }
            _ if found.iter().any(|(other, _)| *other == name) => {
                return Err(refused(&shown, "duplicate parameter"));
            }
            _ => found.push((name, at)),
        }
    }
    Ok(found)
}

fn understand(
    parameter: &Parameter,
    text: &[u8],
    before: &Value,
    origin: Origin,
) -> Result<Value, kinds::Why> {
    let mut value = parameter.kind.parse(text, before)?;
    if let (Value::Number(number), Some((least, most))) = (&mut value, parameter.clamp) {
        *number = (*number).clamp(least, most);
    }
    match parameter.freedom {
        Freedom::Settled(why) if origin == Origin::Caller && value != *before => Err(why.into()),
        _ => Ok(value),
    }
}

fn undo(config: &Config, made: &[Made]) {
    made.iter().rev().for_each(|made| config.put(made.at, &made.before));
}

/// Brings the values to those who keep them as well.
fn settle(tx: &mut Tx<'_>, made: &[Made]) {
    let engine = tx.engine();
    for made in made {
        match (PARAMETERS[made.at].home, engine.config().value(made.at)) {
            (Home::Types(set), Value::Number(number)) => {
                tx.change_settings(|settings| set(settings, number));
            }
            (Home::Memory(change), Value::Number(number)) => engine.maxmemory().set(engine, change(number)),
            (Home::Tracking(field), Value::Number(number)) => {
                field(engine.tracking()).store(number as u32, Ordering::Relaxed);
            }
            (Home::Events, Value::Text(classes)) => {
                engine.events().set_notifications(Notifications::parse(&classes).unwrap_or_default());
            }
            (Home::Readers, _) => {
                tx.wake_all_later(|wakers| engine.invalidation().keep_limit(&mut engine.telling(wakers)));
            }
            _ => {}
        }
    }
}

/// Calls the hooks of what has changed, each once.
fn tell(config: &Config, made: &[Made]) -> Result<()> {
    for (names, hook) in config.hooks.read().iter() {
        let mut concerned = made.iter().filter(|made| names.contains(&PARAMETERS[made.at].name));
        if let Some(first) = concerned.next() {
            hook(config).map_err(|why| refused(first.name, &why))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
