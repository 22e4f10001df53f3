//! The store as a whole: INFO, CONFIG, COMMAND, FLUSHALL, SAVE and their kin.
use std::fmt::Write as _;

use super::arguments::{Argument, arguments};
use super::memory::MemoryReport;
use super::{
    Args, Begin, Command, Control, Find, Flags, Group, KeySpec, Read, Row, Scope, Spec, Write, bare,
    help_command, table,
};
use crate::config::Config;
use crate::engine::Engine;
use crate::journal::Keeper;
use crate::keyspace::Database;
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result, glob};

table! {
    control BgRewriteAof, control BgSave, control CommandAll, control CommandCount, control CommandDocs,
    control CommandGetKeys, control CommandGetKeysAndFlags, control CommandHelp, control CommandInfo, control CommandList,
    container CONFIG, control ConfigGet, control ConfigHelp, control ConfigResetStat, control ConfigRewrite, control ConfigSet, read DbSize,
    write FlushAll, write FlushDb, control Info, control LastSave, control Save, write SwapDb, control Time,
}

const SERVER: Spec = Spec { group: Group::Server, ..Spec::EMPTY };
const ADMIN: Flags = Flags::ADMIN.and(Flags::NOSCRIPT);
const ALWAYS: Flags = Flags::LOADING.and(Flags::STALE);
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

bare! {
    /// `DBSIZE`
    DbSize -> usize, Spec {
        name: "DBSIZE",
        flags: Flags::FAST,
        categories: &["@keyspace"],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Counts the keys of the selected database; expired ones count until they are reclaimed.",
        complexity: "O(S), S being the number of shards",
        ..SERVER
    }, Scope::Everything
}

impl Read<'_> for DbSize {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(count(db)?.keys)
    }
}

/// How many keys a database has, and how many of them have a deadline.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    keys: usize,
    with_deadline: usize,
}

fn count(db: &View<'_>) -> Result<Counted> {
    (0..db.engine().keyspace().len()).try_fold(Counted::default(), |sum, shard| {
        let database = db.database(shard)?;
        Ok(Counted {
            keys: sum.keys + database.map_or(0, Database::len),
            with_deadline: sum.with_deadline + database.map_or(0, Database::with_deadline),
        })
    })
}

/// When the memory of what FLUSHALL and FLUSHDB delete is given back. Either way the keys are gone at once, and no lock is held
/// meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushMode {
    /// `SYNC`: before it answers.
    #[default]
    Sync,
    /// `ASYNC`: elsewhere, after it has answered.
    Async,
}

impl FlushMode {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mode = if args.take("ASYNC") {
            FlushMode::Async
        } else {
            args.take("SYNC");
            FlushMode::Sync
        };
        args.finish()?;
        Ok(mode)
    }
}

macro_rules! flush_command {
    ($type:ident, $name:literal, $clear:ident, $summary:literal) => {
        #[doc = concat!("`", $name, " [ASYNC | SYNC]`")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type {
            /// When the memory is given back.
            pub mode: FlushMode,
        }

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -1,
                categories: &["@keyspace", "@dangerous"],
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: $summary,
                complexity: "O(N), N being the number of keys deleted",
                syntax: "[ASYNC | SYNC]",
                ..SERVER
            };
            const SCOPE: Scope = Scope::Everything;
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { mode: FlushMode::parse(args)? })
            }
        }

        impl<'a> Write<'a> for $type {
            fn write(&self, db: &mut Tx<'_>) -> Result<()> {
                if self.mode == FlushMode::Sync {
                    db.free_at_once();
                }
                db.$clear();
                Ok(())
            }
        }
    };
}

flush_command!(FlushAll, "FLUSHALL", clear_all, "Deletes every key of every database.");
flush_command!(FlushDb, "FLUSHDB", clear, "Deletes every key of the selected database.");

/// `SWAPDB index1 index2`
#[derive(Clone, Copy, Debug)]
pub struct SwapDb {
    /// One database.
    pub first: i64,
    /// The other.
    pub second: i64,
}

impl<'a> Command<'a> for SwapDb {
    const SPEC: Spec = Spec {
        name: "SWAPDB",
        arity: 3,
        since: "4.0.0",
        flags: Flags::FAST,
        categories: &["@keyspace", "@dangerous"],
        summary: "Makes two databases change places.",
        complexity: "O(N), N being the number of keys with a deadline in both",
        syntax: "index1 index2",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let int = |range: i64| (i64::from(i32::MIN)..=i64::from(i32::MAX)).contains(&range);
        Ok(SwapDb {
            first: args.int_where(int, "ERR invalid first DB index")?,
            second: args.int_where(int, "ERR invalid second DB index")?,
        })
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        let exists = |index: i64| usize::try_from(index).is_ok_and(|index| index < engine.databases());
        if exists(self.first) && exists(self.second) { Ok(()) } else { Err(Error::DatabaseOutOfRange) }
    }
}

impl Write<'_> for SwapDb {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        db.swap_databases(self.first as usize, self.second as usize);
        Ok(())
    }
}

bare! {
    /// `TIME`
    Time -> TimeReply, Spec {
        name: "TIME",
        since: "2.6.0",
        flags: ALWAYS.and(Flags::FAST),
        tips: &["nondeterministic_output"],
        summary: "Returns the time: Unix seconds and the microseconds of the current one.",
        ..SERVER
    }
}

/// `TIME`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeReply {
    /// Whole seconds since 1970.
    pub seconds: i64,
    /// Microseconds since then.
    pub microseconds: i64,
}

impl From<TimeReply> for Reply {
    fn from(reply: TimeReply) -> Self {
        Reply::Array(vec![
            Reply::bulk(reply.seconds.to_string()),
            Reply::bulk(reply.microseconds.to_string()),
        ])
    }
}

impl Control<'_> for Time {
    fn run(&self, db: &mut Tx<'_>) -> Result<TimeReply> {
        let micros = db.engine().clock().now_micros();
        Ok(TimeReply { seconds: micros.div_euclid(1_000_000), microseconds: micros.rem_euclid(1_000_000) })
    }
}

fn keeper<'e>(db: &Tx<'e>) -> Result<&'e dyn Keeper> {
    db.engine()
        .keeper()
        .ok_or(Error::refused("ERR this store lives in memory only; open it with a path to have it saved"))
}

bare! {
    /// `SAVE`
    Save -> (), Spec {
        name: "SAVE",
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING).and(Flags::NO_MULTI),
        summary: "Writes a snapshot and returns when it is on disk.",
        complexity: "O(N), N being the number of keys in all databases",
        ..SERVER
    }
}

impl Control<'_> for Save {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        keeper(db)?.save()
    }
}

/// `BGSAVE [SCHEDULE]`
#[derive(Clone, Copy, Debug)]
pub struct BgSave;

impl<'a> Command<'a> for BgSave {
    const SPEC: Spec = Spec {
        name: "BGSAVE",
        arity: -1,
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING),
        summary: "Begins to write a snapshot while commands go on.",
        syntax: "[SCHEDULE]",
        ..SERVER
    };
    type Reply = &'static str;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take("SCHEDULE");
        args.finish()?;
        Ok(BgSave)
    }
}

impl Control<'_> for BgSave {
    fn run(&self, db: &mut Tx<'_>) -> Result<&'static str> {
        if keeper(db)?.save_in_background()? {
            Ok("Background saving started")
        } else {
            Err(Error::refused("ERR Background save already in progress"))
        }
    }
}

bare! {
    /// `BGREWRITEAOF`
    BgRewriteAof -> &'static str, Spec {
        name: "BGREWRITEAOF",
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING),
        summary: "Begins to replace the log by a snapshot while commands go on.",
        ..SERVER
    }
}

impl Control<'_> for BgRewriteAof {
    fn run(&self, db: &mut Tx<'_>) -> Result<&'static str> {
        if keeper(db)?.save_in_background()? {
            Ok("Background append only file rewriting started")
        } else {
            Err(Error::refused("ERR Background append only file rewriting already in progress"))
        }
    }
}

bare! {
    /// `LASTSAVE`
    LastSave -> i64, Spec {
        name: "LASTSAVE",
        flags: ALWAYS.and(Flags::FAST),
        categories: &["@admin", "@dangerous"],
        tips: &["nondeterministic_output"],
        summary: "Says when the last snapshot was finished, in Unix seconds.",
        ..SERVER
    }
}

impl Control<'_> for LastSave {
    fn run(&self, db: &mut Tx<'_>) -> Result<i64> {
        let started = db.engine().started().seconds();
        Ok(db.engine().keeper().map_or(started, Keeper::last_save_seconds))
    }
}

/// `INFO [section [section ...]]`
#[derive(Clone, Debug)]
pub struct Info<'a> {
    /// The sections; none for all of them.
    pub sections: std::borrow::Cow<'a, [&'a [u8]]>,
}

/// `INFO`'s answer: sections of lines `name:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfoReply(pub String);

impl From<InfoReply> for Reply {
    fn from(reply: InfoReply) -> Self {
        Reply::Verbatim(reply.0)
    }
}

impl<'a> Command<'a> for Info<'a> {
    const SPEC: Spec = Spec {
        name: "INFO",
        arity: -1,
        flags: ALWAYS,
        categories: &["@dangerous"],
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Reports on the store, in sections.",
        syntax: "[section [section ...]]",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = InfoReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Info { sections: args.rest().into() })
    }
}

impl<'a> Control<'a> for Info<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<InfoReply> {
        const ALL: [&str; 3] = ["default", "all", "everything"];
        let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let wants = |name: &str| {
            let asked = |word: &&[u8]| is(word, name) || ALL.iter().any(|all| is(word, all));
            self.sections.is_empty() || self.sections.iter().any(asked)
        };
        let mut text = String::new();
        for (name, title, lines) in SECTIONS {
            if wants(name) {
                let gap = if text.is_empty() { "" } else { "\r\n" };
                let _ = write!(text, "{gap}# {title}\r\n");
                for (name, value) in lines(db)? {
                    let _ = write!(text, "{name}:{value}\r\n");
                }
            }
        }
        Ok(InfoReply(text))
    }
}

type Lines = Vec<(String, String)>;

const SECTIONS: [(&str, &str, fn(&Tx<'_>) -> Result<Lines>); 9] = [
    ("server", "Server", server_lines),
    ("clients", "Clients", |_| Ok(lines([("connected_clients", 0), ("blocked_clients", 0)]))),
    ("memory", "Memory", memory_lines),
    ("persistence", "Persistence", persistence_lines),
    ("stats", "Stats", stats_lines),
    ("replication", "Replication", |_| {
        Ok(vec![("role".into(), "master".into()), ("connected_slaves".into(), "0".into())])
    }),
    ("modules", "Modules", |_| Ok(Vec::new())),
    ("cluster", "Cluster", |_| Ok(lines([("cluster_enabled", 0)]))),
    ("keyspace", "Keyspace", keyspace_lines),
];

fn lines<const N: usize>(pairs: [(&str, u64); N]) -> Lines {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

/// The version of Redis whose commands and replies these are; clients switch features by it.
pub(super) const REDIS_VERSION: &str = "8.0.2";

fn server_lines(db: &Tx<'_>) -> Result<Lines> {
    let now = db.engine().clock().now_micros();
    let uptime = (now / 1_000_000 - db.engine().started().seconds()).max(0);
    let text = |name: &str, value: String| (name.to_owned(), value);
    Ok(vec![
        text("redis_version", REDIS_VERSION.into()),
        text("redlet_version", env!("CARGO_PKG_VERSION").into()),
        text("redis_mode", "standalone".into()),
        text("os", std::env::consts::OS.into()),
        text("arch_bits", usize::BITS.to_string()),
        text("process_id", std::process::id().to_string()),
        text("tcp_port", "0".into()),
        text("server_time_usec", now.to_string()),
        text("uptime_in_seconds", uptime.to_string()),
        text("uptime_in_days", (uptime / 86400).to_string()),
    ])
}

fn memory_lines(db: &Tx<'_>) -> Result<Lines> {
    let report = MemoryReport::of(db)?;
    let text = |name: &str, value: String| (name.to_owned(), value);
    let percent = |percentage: f64| format!("{percentage:.2}%");
    let mut lines = Lines::new();
    let mut bytes = |name: &str, bytes: usize, human: Option<&str>| {
        lines.push(text(name, bytes.to_string()));
        lines.extend(human.map(|name| text(name, human_bytes(bytes))));
    };
    bytes("used_memory", report.total_bytes(), Some("used_memory_human"));
    bytes("used_memory_peak", report.total_peak_bytes(), Some("used_memory_peak_human"));
    bytes("used_memory_overhead", report.total_overhead_bytes(), None);
    bytes("used_memory_startup", report.fixed_bytes, None);
    bytes("used_memory_dataset", report.dataset_bytes(), None);
    bytes("allocator_allocated", report.paged_bytes, None);
    bytes("allocator_active", report.page_bytes, None);
    bytes("maxmemory", report.limit_bytes, Some("maxmemory_human"));
    bytes("mem_fragmentation_bytes", report.fragmentation_bytes(), None);
    bytes("mem_not_counted_for_evict", report.fixed_bytes, None);
    bytes("lazyfree_pending_objects", db.engine().reclaim().pending(), None);
    bytes("lazyfreed_objects", db.engine().reclaim().freed(), None);
    lines.push(text("used_memory_peak_perc", percent(report.peak_percentage())));
    lines.push(text("used_memory_dataset_perc", percent(report.dataset_percentage())));
    lines.push(text("mem_fragmentation_ratio", format!("{:.2}", report.fragmentation())));
    lines.push(text("maxmemory_policy", db.engine().eviction_policy().as_str().into()));
    Ok(lines)
}

/// Bytes in the unit that leaves few digits, as Redis writes them.
fn human_bytes(bytes: usize) -> String {
    const UNITS: [(&str, u32); 5] = [("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    match UNITS.iter().find(|(_, bits)| bytes >> bits > 0) {
        Some((unit, bits)) => format!("{:.2}{unit}", bytes as f64 / (1_u64 << bits) as f64),
        None => format!("{bytes}B"),
    }
}

fn persistence_lines(db: &Tx<'_>) -> Result<Lines> {
    let report = db.engine().keeper().map(Keeper::report);
    let report = report.unwrap_or_else(|| vec![("loading", "0".into()), ("aof_enabled", "0".into())]);
    Ok(report.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn stats_lines(db: &Tx<'_>) -> Result<Lines> {
    let statistics = db.statistics();
    Ok(lines([
        ("total_commands_processed", statistics.commands),
        ("expired_keys", statistics.expired_keys),
        ("evicted_keys", db.engine().maxmemory().evicted_keys()),
        ("keyspace_hits", statistics.hits),
        ("keyspace_misses", statistics.misses),
    ]))
}

fn keyspace_lines(db: &Tx<'_>) -> Result<Lines> {
    let mut lines = Lines::new();
    for number in 0..db.engine().databases() {
        let Counted { keys, with_deadline } = count(&db.view().in_database(number))?;
        if keys > 0 {
            let counts = format!("keys={keys},expires={with_deadline},avg_ttl=0,subexpiry=0");
            lines.push((format!("db{number}"), counts));
        }
    }
    Ok(lines)
}

/// `CONFIG`
const CONFIG: Spec = Spec {
    name: "CONFIG",
    arity: -2,
    since: "2.0.0",
    summary: "A container for commands about the store's parameters.",
    complexity: "Depends on subcommand.",
    ..SERVER
};

/// `CONFIG GET parameter [parameter ...]`
#[derive(Clone, Debug)]
pub struct ConfigGet<'a> {
    /// Patterns of names.
    pub patterns: std::borrow::Cow<'a, [&'a [u8]]>,
}

/// `CONFIG GET`'s answer: names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigReply(pub Vec<(String, String)>);

impl From<ConfigReply> for Reply {
    fn from(reply: ConfigReply) -> Self {
        Reply::Map(reply.0.into_iter().map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
    }
}

impl<'a> Command<'a> for ConfigGet<'a> {
    const SPEC: Spec = Spec {
        name: "CONFIG GET",
        arity: -3,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        summary: "Returns the parameters whose names match a pattern.",
        complexity: "O(N), N being the number of parameters",
        syntax: "parameter [parameter ...]",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ConfigReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ConfigGet { patterns: args.rest().into() })
    }
}

impl<'a> Control<'a> for ConfigGet<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<ConfigReply> {
        let engine = db.engine();
        let all = engine.config().get(db.view().settings()?, engine);
        let mut found: Vec<(String, String)> = Vec::new();
        for pattern in self.patterns.iter() {
            let is_plain = !pattern.iter().any(|byte| b"[]*?".contains(byte));
            for (name, value) in &all {
                if glob::matches(pattern, name.as_bytes(), true) {
                    // A plain name is answered as it was asked for.
                    let shown = if is_plain {
                        String::from_utf8_lossy(pattern).into_owned()
                    } else {
                        (*name).to_owned()
                    };
                    if !found.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                        found.push((shown, value.clone()));
                    }
                }
            }
        }
        Ok(ConfigReply(found))
    }
}

/// `CONFIG SET parameter value [parameter value ...]`
#[derive(Clone, Debug)]
pub struct ConfigSet<'a> {
    /// Names and values.
    pub pairs: std::borrow::Cow<'a, [(&'a [u8], &'a [u8])]>,
}

impl<'a> Command<'a> for ConfigSet<'a> {
    const SPEC: Spec = Spec {
        name: "CONFIG SET",
        arity: -4,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Changes parameters, all of them or none.",
        complexity: "O(N), N being the number of parameters",
        syntax: "parameter value [parameter value ...]",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (pairs, rest) = args.rest().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::Syntax);
        }
        Ok(ConfigSet { pairs: pairs.iter().map(|&[name, value]| (name, value)).collect::<Vec<_>>().into() })
    }
}

impl<'a> Control<'a> for ConfigSet<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        let changes = Config::parse(&self.pairs)?;
        let engine = db.engine();
        for change in &changes {
            engine.config().apply(change, engine);
            db.change_settings(|settings| change.apply_to(settings));
        }
        Ok(())
    }
}

bare! {
    /// `CONFIG RESETSTAT`
    ConfigResetStat -> (), Spec {
        name: "CONFIG RESETSTAT",
        arity: 2,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Sets the counters that INFO reports back to zero.",
        ..SERVER
    }, Scope::Everything
}

impl Control<'_> for ConfigResetStat {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.reset_statistics();
        Ok(())
    }
}

bare! {
    /// `CONFIG REWRITE`
    ConfigRewrite -> (), Spec {
        name: "CONFIG REWRITE",
        arity: 2,
        since: "2.8.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Refuses: there is no configuration file to rewrite.",
        ..SERVER
    }
}

impl Control<'_> for ConfigRewrite {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        Err(Error::refused("ERR The server is running without a config file"))
    }
}

help_command!(ConfigHelp, "CONFIG", Spec { since: "5.0.0", ..SERVER });
help_command!(CommandHelp, "COMMAND", Spec { since: "5.0.0", categories: CONNECTION, ..SERVER });

/// COMMAND and its subcommands are filed under `server` and yet of this category.
const CONNECTION: &[&str] = &["@connection"];
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

bare! {
    /// `COMMAND`
    CommandAll -> Reply, Spec {
        name: "COMMAND",
        arity: -1,
        since: "2.8.13",
        flags: ALWAYS,
        categories: CONNECTION,
        tips: UNORDERED,
        summary: "Describes every command.",
        complexity: "O(N), N being the number of commands",
        ..SERVER
    }
}

impl Control<'_> for CommandAll {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        Ok(Reply::Array(top_level().map(describe).collect()))
    }
}

fn top_level() -> impl Iterator<Item = &'static Row> {
    super::all().filter(|row| !row.spec.name.contains(' '))
}

bare! {
    /// `COMMAND COUNT`
    CommandCount -> usize, Spec {
        name: "COMMAND COUNT",
        arity: 2,
        since: "2.8.13",
        flags: ALWAYS,
        categories: CONNECTION,
        summary: "Counts the commands.",
        ..SERVER
    }
}

impl Control<'_> for CommandCount {
    fn run(&self, _: &mut Tx<'_>) -> Result<usize> {
        Ok(top_level().count())
    }
}

fn describe(row: &'static Row) -> Reply {
    let statuses = |names: &mut dyn Iterator<Item = &'static str>| {
        Reply::Set(names.map(|name| Reply::Status(name.into())).collect())
    };
    let (first, last, step) = key_range(row.spec.keys);
    let flags = statuses(&mut row.flags());
    let categories = statuses(&mut row.categories().into_iter());
    let subcommands: Vec<Reply> = if row.spec.name.contains(' ') {
        Vec::new()
    } else {
        super::subcommands(row.spec.name).map(describe).collect()
    };
    // Redis says that there are none with a set, and lists them in an array.
    let subcommands =
        if subcommands.is_empty() { Reply::Set(subcommands) } else { Reply::Array(subcommands) };
    Reply::Array(vec![
        Reply::bulk(row.listed_name()),
        Reply::Integer(i64::from(row.spec.arity)),
        flags,
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
        categories,
        Reply::Set(row.spec.tips.iter().map(Reply::bulk).collect()),
        Reply::Set(row.spec.keys.iter().map(describe_keys).collect()),
        subcommands,
    ])
}

/// The first key, the last and the step: what clients used before there were key specifications. Redis makes it of the ranges
/// that begin at a known word and follow on each other.
fn key_range(specs: &[KeySpec]) -> (i64, i64, i64) {
    let mut range = (0, 0, 0);
    for spec in specs {
        let (Begin::Index(index), Find::Range { last, step, .. }) = (spec.begin, spec.find) else { continue };
        let first = index as i64;
        let last = if last >= 0 { first + last } else { last };
        range = match range {
            (0, 0, 0) => (first, last, step),
            (start, before, 1) if step == 1 && before >= 0 && first == before + 1 => (start, last, 1),
            other => other,
        };
    }
    range
}

fn describe_keys(spec: &KeySpec) -> Reply {
    let typed = |kind: &'static str, spec| named_parts([("type", Reply::bulk(kind)), ("spec", spec)]);
    let begin = match spec.begin {
        Begin::Index(index) => typed("index", named_parts([("index", index.into())])),
        Begin::Keyword { keyword, start } => {
            typed("keyword", named_parts([("keyword", Reply::bulk(keyword)), ("startfrom", start.into())]))
        }
        Begin::Unknown => typed("unknown", named_parts([])),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => typed(
            "range",
            named_parts([("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())]),
        ),
        Find::KeyNum { at, first, step } => typed(
            "keynum",
            named_parts([("keynumidx", at.into()), ("firstkey", first.into()), ("keystep", step.into())]),
        ),
        Find::Unknown => typed("unknown", named_parts([])),
    };
    let flags = Reply::Set(spec.flags.iter().map(|flag| Reply::Status((*flag).into())).collect());
    let notes = (!spec.notes.is_empty()).then(|| ("notes", Reply::bulk(spec.notes)));
    named_parts(notes.into_iter().chain([("flags", flags), ("begin_search", begin), ("find_keys", find)]))
}

/// Declares a subcommand of COMMAND whose words are names of commands.
macro_rules! about_names {
    ($type:ident, $name:literal, $since:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " [command-name [command-name ...]]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The commands; none for all.
            pub names: std::borrow::Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -2,
                since: $since,
                flags: ALWAYS,
                categories: CONNECTION,
                tips: UNORDERED,
                summary: $summary,
                complexity: "O(N), N being the number of commands",
                syntax: "[command-name [command-name ...]]",
                ..SERVER
            };
            type Reply = Reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { names: args.rest().into() })
            }
        }
    };
}

about_names!(CommandInfo, "COMMAND INFO", "2.8.13", "Describes commands; null for one that does not exist.");
about_names!(CommandDocs, "COMMAND DOCS", "7.0.0", "Returns what commands are for and what they cost.");

impl<'a> Control<'a> for CommandInfo<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        if self.names.is_empty() {
            return Ok(Reply::Array(top_level().map(describe).collect()));
        }
        let describe = |name: &&[u8]| named(name).map_or(Reply::Null, describe);
        Ok(Reply::Array(self.names.iter().map(describe).collect()))
    }
}

/// A row by its listed name, where a subcommand has a bar between.
fn named(name: &[u8]) -> Option<&'static Row> {
    super::row(name).filter(|_| !name.contains(&b' '))
}

impl<'a> Control<'a> for CommandDocs<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        let rows: Vec<_> = if self.names.is_empty() {
            top_level().collect()
        } else {
            self.names.iter().filter_map(|name| named(name)).collect()
        };
        Ok(Reply::Map(rows.into_iter().map(|row| (Reply::bulk(row.listed_name()), document(row))).collect()))
    }
}

/// A map whose keys are names.
fn named_parts(parts: impl IntoIterator<Item = (&'static str, Reply)>) -> Reply {
    Reply::Map(parts.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

fn document(row: &'static Row) -> Reply {
    let mut parts = vec![
        ("summary", Reply::bulk(row.spec.summary)),
        ("since", Reply::bulk(row.spec.since)),
        ("group", Reply::bulk(row.spec.group.as_str())),
        ("complexity", Reply::bulk(row.spec.complexity)),
    ];
    if let Some((since, instead)) = super::versions::deprecated(row.spec.name) {
        parts.push(("doc_flags", Reply::Set(vec![Reply::Status("deprecated".into())])));
        parts.push(("deprecated_since", Reply::bulk(since)));
        parts.push(("replaced_by", Reply::bulk(instead)));
    }
    let arguments = arguments(&row.spec);
    if !arguments.is_empty() {
        parts.push(("arguments", Reply::Array(arguments.iter().map(document_argument).collect())));
    }
    let subcommands: Vec<_> = if row.spec.name.contains(' ') {
        Vec::new()
    } else {
        super::subcommands(row.spec.name).map(|row| (Reply::bulk(row.listed_name()), document(row))).collect()
    };
    if !subcommands.is_empty() {
        parts.push(("subcommands", Reply::Map(subcommands)));
    }
    named_parts(parts)
}

fn document_argument(argument: &Argument) -> Reply {
    let mut parts =
        vec![("name", Reply::bulk(&argument.name)), ("type", Reply::bulk(argument.kind.as_str()))];
    if argument.parts.is_empty() {
        parts.push(("display_text", Reply::bulk(&argument.shown)));
    }
    parts.extend(argument.key_spec.map(|index| ("key_spec_index", Reply::Integer(index as i64))));
    parts.extend(argument.token.map(|token| ("token", Reply::bulk(token))));
    parts.extend(argument.since.map(|since| ("since", Reply::bulk(since))));
    parts.extend(argument.deprecated_since.map(|since| ("deprecated_since", Reply::bulk(since))));
    let flags = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
    let flags: Vec<_> = flags.map(|(_, flag)| Reply::Status(flag.into())).collect();
    if !flags.is_empty() {
        parts.push(("flags", Reply::Set(flags)));
    }
    if !argument.parts.is_empty() {
        parts.push(("arguments", Reply::Array(argument.parts.iter().map(document_argument).collect())));
    }
    named_parts(parts)
}

/// Declares a subcommand of COMMAND that looks for the keys among a whole command's words.
macro_rules! about_keys {
    ($type:ident, $name:literal, $since:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " command [arg [arg ...]]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The command's words, its name first.
            pub words: std::borrow::Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: $since,
                flags: ALWAYS,
                categories: CONNECTION,
                summary: $summary,
                complexity: "O(N), N being the number of words",
                syntax: "command [arg [arg ...]]",
                ..SERVER
            };
            type Reply = Reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { words: args.rest().into() })
            }
        }
    };
}

about_keys!(CommandGetKeys, "COMMAND GETKEYS", "2.8.13", "Finds the keys among a command's words.");
about_keys!(
    CommandGetKeysAndFlags,
    "COMMAND GETKEYSANDFLAGS",
    "7.0.0",
    "Finds the keys among a command's words, and what happens to them."
);

type KeyUse<'w> = (&'w [u8], &'static [&'static str]);

fn keys_of<'w>(words: &'w [&'w [u8]]) -> Result<Vec<KeyUse<'w>>> {
    let row = match super::lookup(words) {
        Ok((row, _)) => row,
        Err(_) if words.len() == 1 && super::row(words[0]).is_some_and(|row| row.parse.is_none()) => {
            return Err(Error::refused("ERR The command has no key arguments"));
        }
        Err(Error::WrongArity(_)) => {
            return Err(Error::refused("ERR Invalid number of arguments specified for command"));
        }
        Err(_) => return Err(Error::refused("ERR Invalid command specified")),
    };
    if row.spec.keys.is_empty() {
        return Err(Error::refused("ERR The command has no key arguments"));
    }
    let mut found = Vec::new();
    for spec in row.spec.keys {
        let places =
            spec.positions(words).ok_or(Error::refused("ERR Invalid arguments specified for command"))?;
        let flags = flags_for(spec, words);
        found.extend(places.into_iter().map(|place| (words[place], flags)));
    }
    Ok(found)
}

/// `SET` without `GET` reads nothing; the table cannot say so.
fn flags_for(spec: &KeySpec, words: &[&[u8]]) -> &'static [&'static str] {
    let varies = spec.flags.contains(&"variable_flags");
    if varies && !words.iter().skip(3).any(|word| word.eq_ignore_ascii_case(b"GET")) {
        &["OW", "update"]
    } else if varies {
        &["RW", "access", "update"]
    } else {
        spec.flags
    }
}

impl<'a> Control<'a> for CommandGetKeys<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        Ok(Reply::Array(keys_of(&self.words)?.into_iter().map(|(key, _)| Reply::bulk(key)).collect()))
    }
}

impl<'a> Control<'a> for CommandGetKeysAndFlags<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        let describe = |(key, flags): KeyUse<'_>| {
            let flags = Reply::Set(flags.iter().map(|flag| Reply::Status((*flag).into())).collect());
            Reply::Array(vec![Reply::bulk(key), flags])
        };
        Ok(Reply::Array(keys_of(&self.words)?.into_iter().map(describe).collect()))
    }
}

/// Which commands `COMMAND LIST` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFilter<'a> {
    /// All of them.
    All,
    /// `FILTERBY MODULE`: those of a module. There are no modules.
    Module,
    /// `FILTERBY ACLCAT`: those of an ACL category.
    Category(&'a [u8]),
    /// `FILTERBY PATTERN`: those whose names match.
    Pattern(&'a [u8]),
}

/// `COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]`
#[derive(Clone, Debug)]
pub struct CommandList<'a> {
    /// Which of them.
    pub filter: CommandFilter<'a>,
}

impl<'a> Command<'a> for CommandList<'a> {
    const SPEC: Spec = Spec {
        name: "COMMAND LIST",
        arity: -2,
        since: "7.0.0",
        flags: ALWAYS,
        categories: CONNECTION,
        tips: UNORDERED,
        summary: "Returns the names of commands.",
        complexity: "O(N), N being the number of commands",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        ..SERVER
    };
    type Reply = Vec<String>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let filter = if args.is_empty() {
            CommandFilter::All
        } else if !args.take_with("FILTERBY", 2) {
            return Err(Error::Syntax);
        } else if args.take("MODULE") {
            args.bytes()?;
            CommandFilter::Module
        } else if args.take("ACLCAT") {
            CommandFilter::Category(args.bytes()?)
        } else if args.take("PATTERN") {
            CommandFilter::Pattern(args.bytes()?)
        } else {
            return Err(Error::Syntax);
        };
        args.finish()?;
        Ok(CommandList { filter })
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Reply::Bulk(text.into())
    }
}

impl<'a> Control<'a> for CommandList<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Vec<String>> {
        // Redis filters subcommands too, but lists only whole commands when nothing is filtered.
        let in_category = |row: &Row, wanted: &[u8]| {
            row.categories().iter().any(|category| category.as_bytes()[1..].eq_ignore_ascii_case(wanted))
        };
        let rows = super::all().filter(|row| match self.filter {
            CommandFilter::All => !row.spec.name.contains(' '),
            CommandFilter::Module => false,
            CommandFilter::Category(wanted) => in_category(row, wanted),
            CommandFilter::Pattern(pattern) => glob::matches(pattern, row.listed_name().as_bytes(), true),
        });
        Ok(rows.map(Row::listed_name).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::cmd::Access;

    #[test]
    fn a_control_command_is_neither_a_reader_nor_a_writer() {
        let row = crate::cmd::row(b"INFO").unwrap();
        assert_eq!(row.access, Access::Control);
        assert!(row.flags().all(|flag| flag != "write" && flag != "readonly"));
    }
}
