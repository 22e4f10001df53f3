//! INFO: what the store says of itself.
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use super::memory::MemoryReport;
use super::server::{ALWAYS, Counted, SERVER, count};
use super::{Args, Command, Control, Scope, Spec, table};
use crate::acl::Reason;
use crate::config::show_percentile;
use crate::host::{Process, ProcessFigures};
use crate::journal::Keeper;
use crate::keyspace::{Database, Entry};
use crate::pubsub::Kind;
use crate::session::{Client, Shown};
use crate::tx::Tx;
use crate::types::Type;
use crate::{Reply, Result};

table! { control Info }

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
        let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let asked = |name: &str| self.sections.iter().any(|word| is(word, name));
        let everything = asked("all") || asked("everything");
        let default = self.sections.is_empty() || asked("default") || everything;
        let mut text = String::new();
        for section in SECTIONS {
            if asked(section.title) || everything || (default && section.is_default) {
                let gap = if text.is_empty() { "" } else { "\r\n" };
                let _ = write!(text, "{gap}# {}\r\n", section.title);
                let mut lines = Lines(&mut text);
                (section.write)(db, &mut lines)?;
            }
        }
        Ok(InfoReply(text))
    }
}

/// Takes lines `name:value`.
struct Lines<'t>(&'t mut String);

impl Lines<'_> {
    fn add(&mut self, name: impl Display, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    fn add_all<const N: usize>(&mut self, lines: [(&str, u64); N]) {
        lines.into_iter().for_each(|(name, value)| self.add(name, value));
    }

    /// Names of what there is none of here.
    fn add_zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.add(name, 0));
    }

    /// Bytes, and the same for people.
    fn add_bytes(&mut self, name: &str, bytes: u64) {
        self.add(name, bytes);
        self.add(format_args!("{name}_human"), human_bytes(bytes));
    }
}

struct Section {
    title: &'static str,
    is_default: bool,
    write: fn(&Tx<'_>, &mut Lines<'_>) -> Result<()>,
}

const fn section(title: &'static str, write: fn(&Tx<'_>, &mut Lines<'_>) -> Result<()>) -> Section {
    Section { title, is_default: true, write }
}

/// In Redis's order.
const SECTIONS: &[Section] = &[
    section("Server", server),
    section("Clients", clients),
    section("Memory", memory),
    section("Persistence", persistence),
    section("Threads", threads),
    section("Stats", stats),
    section("Replication", replication),
    section("CPU", processors),
    section("Modules", |_, _| Ok(())),
    Section { is_default: false, ..section("Commandstats", command_statistics) },
    section("Errorstats", error_statistics),
    Section { is_default: false, ..section("Latencystats", latency_statistics) },
    section("Cluster", |_, lines| {
        lines.add("cluster_enabled", 0);
        Ok(())
    }),
    section("Keyspace", keyspace),
    Section { is_default: false, ..section("Keysizes", key_sizes) },
];

/// The version of Redis whose commands and replies these are; clients switch features by it.
pub const REDIS_VERSION: &str = "8.0.2";

fn figures(db: &Tx<'_>) -> ProcessFigures {
    db.engine().process().map(Process::figures).unwrap_or_default()
}

/// A parameter as CONFIG GET shows it.
fn parameter(db: &Tx<'_>, name: &str) -> String {
    String::from_utf8_lossy(&db.engine().config().get(name).unwrap_or_default()).into_owned()
}

fn server(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let engine = db.engine();
    let now = engine.clock().now_micros();
    let uptime = (now / 1_000_000 - engine.started().seconds()).max(0);
    let figures = figures(db);
    let system = match &*figures.operating_system {
        "" => format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        system => system.to_owned(),
    };
    lines.add("redis_version", REDIS_VERSION);
    lines.add("redlet_version", env!("CARGO_PKG_VERSION"));
    lines.add("redis_git_sha1", "00000000");
    lines.add("redis_git_dirty", 0);
    lines.add("redis_build_id", 0);
    lines.add("redis_mode", "standalone");
    lines.add("os", system);
    lines.add("arch_bits", usize::BITS);
    lines.add("monotonic_clock", "POSIX clock_gettime");
    lines.add("multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" });
    lines.add("atomicvar_api", "c11-builtin");
    lines.add("gcc_version", "0.0.0");
    lines.add("process_id", std::process::id());
    lines.add("process_supervised", "no");
    lines.add("run_id", engine.identity().run_id());
    lines.add("tcp_port", parameter(db, "port"));
    lines.add("server_time_usec", now);
    lines.add("uptime_in_seconds", uptime);
    lines.add("uptime_in_days", uptime / 86400);
    lines.add("hz", parameter(db, "hz"));
    lines.add("configured_hz", parameter(db, "hz"));
    lines.add("lru_clock", (now / 1_000_000) & 0xff_ffff);
    lines.add("executable", figures.executable);
    lines.add("config_file", engine.config_path());
    lines.add("io_threads_active", 0);
    let (port, socket) = (parameter(db, "port"), parameter(db, "unixsocket"));
    if port != "0" {
        let addresses = parameter(db, "bind");
        lines
            .add("listener0", format_args!("name=tcp,bind={},port={port}", addresses.replace(' ', ",bind=")));
    }
    if !socket.is_empty() {
        lines.add("listener1", format_args!("name=unix,bind={socket}"));
    }
    Ok(())
}

fn clients(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let engine = db.engine();
    let all = engine.clients().list();
    let of_all = |load: fn(&Client) -> usize| all.iter().map(|client| load(client)).max().unwrap_or(0);
    let count = |has: fn(&Shown) -> bool| all.iter().filter(|client| has(&client.shown())).count();
    let [watched, awaited, awaited_if_gone] = db.view().watched_and_awaited()?;
    lines.add("connected_clients", all.len());
    lines.add("cluster_connections", 0);
    lines.add("maxclients", engine.config().max_clients());
    lines.add(
        "client_recent_max_input_buffer",
        of_all(|client| client.traffic().query_bytes.load(Ordering::Relaxed)),
    );
    lines.add(
        "client_recent_max_output_buffer",
        of_all(|client| client.traffic().output_bytes.load(Ordering::Relaxed)),
    );
    lines.add("blocked_clients", count(|shown| shown.is_blocked));
    lines.add("tracking_clients", engine.invalidation().remembered().clients);
    lines.add("pubsub_clients", count(|shown| shown.subscriptions.iter().any(|count| *count > 0)));
    lines.add("watching_clients", count(|shown| shown.watched() > 0));
    lines.add("clients_in_timeout_table", engine.timeouts().len());
    lines.add("total_watched_keys", watched);
    lines.add("total_blocking_keys", awaited);
    lines.add("total_blocking_keys_on_nokey", awaited_if_gone);
    Ok(())
}

fn memory(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let engine = db.engine();
    let report = MemoryReport::of(db)?;
    let figures = figures(db);
    let percent = |percentage: f64| format!("{percentage:.2}%");
    let ratio =
        |part: u64, whole: u64| format!("{:.2}", if whole == 0 { 1.0 } else { part as f64 / whole as f64 });
    let used = report.total_bytes() as u64;
    // Without somebody who knows, the process has what the keys take.
    let resident = if figures.resident_bytes == 0 { used } else { figures.resident_bytes };
    let (allocated, active) = (report.paged_bytes as u64, report.page_bytes as u64);
    lines.add_bytes("used_memory", used);
    lines.add_bytes("used_memory_rss", resident);
    lines.add_bytes("used_memory_peak", report.total_peak_bytes() as u64);
    lines.add("used_memory_peak_perc", percent(report.peak_percentage()));
    lines.add("used_memory_overhead", report.total_overhead_bytes());
    lines.add("used_memory_startup", report.fixed_bytes);
    lines.add("used_memory_dataset", report.dataset_bytes());
    lines.add("used_memory_dataset_perc", percent(report.dataset_percentage()));
    lines.add_all([
        ("allocator_allocated", allocated),
        ("allocator_active", active),
        ("allocator_resident", active),
        ("allocator_muzzy", 0),
    ]);
    lines.add_bytes("total_system_memory", figures.system_bytes);
    let scripts = engine.scripts().figures();
    let [of_scripts, of_functions] = engine.scripts().held_bytes().map(|bytes| bytes as u64);
    lines.add_all([("used_memory_lua", of_scripts), ("used_memory_vm_eval", of_scripts)]);
    lines.add("used_memory_lua_human", human_bytes(of_scripts));
    lines.add_all([
        ("used_memory_scripts_eval", scripts.source_bytes as u64),
        ("number_of_cached_scripts", scripts.scripts as u64),
        ("number_of_functions", scripts.functions as u64),
        ("number_of_libraries", scripts.libraries as u64),
        ("used_memory_vm_functions", of_functions),
    ]);
    lines.add_bytes("used_memory_vm_total", of_scripts + of_functions);
    lines.add("used_memory_functions", scripts.code_bytes);
    lines.add_bytes("used_memory_scripts", (scripts.source_bytes + scripts.code_bytes) as u64);
    lines.add_bytes("maxmemory", report.limit_bytes as u64);
    lines.add("maxmemory_policy", engine.eviction_policy().as_str());
    lines.add("allocator_frag_ratio", format_args!("{:.2}", report.fragmentation()));
    lines.add("allocator_frag_bytes", report.fragmentation_bytes());
    lines.add("allocator_rss_ratio", "1.00");
    lines.add("allocator_rss_bytes", 0);
    lines.add("rss_overhead_ratio", ratio(resident, active));
    lines.add("rss_overhead_bytes", resident.saturating_sub(active));
    lines.add("mem_fragmentation_ratio", ratio(resident, used));
    lines.add("mem_fragmentation_bytes", resident as i64 - used as i64);
    lines.add("mem_not_counted_for_evict", report.fixed_bytes);
    lines.add_zeros(&[
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_replica_full_sync_buffer",
        "mem_clients_slaves",
    ]);
    lines.add(
        "mem_clients_normal",
        engine.clients().list().iter().map(|client| client.memory()).sum::<usize>(),
    );
    lines.add_zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    lines.add("mem_allocator", "redlet");
    lines.add_zeros(&["mem_overhead_db_hashtable_rehashing", "active_defrag_running"]);
    lines.add("lazyfree_pending_objects", engine.reclaim().pending());
    lines.add("lazyfreed_objects", engine.reclaim().freed());
    Ok(())
}

/// Bytes in the unit that leaves few digits, as Redis writes them.
fn human_bytes(bytes: u64) -> String {
    const UNITS: [(&str, u32); 5] = [("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    match UNITS.iter().find(|(_, bits)| bytes >> bits > 0) {
        Some((unit, bits)) => format!("{:.2}{unit}", bytes as f64 / (1_u64 << bits) as f64),
        None => format!("{bytes}B"),
    }
}

/// What a store in memory that was never saved reports.
const NEVER_SAVED: &[(&str, &str)] = &[
    ("loading", "0"),
    ("async_loading", "0"),
    ("current_cow_peak", "0"),
    ("current_cow_size", "0"),
    ("current_cow_size_age", "0"),
    ("current_fork_perc", "0.00"),
    ("current_save_keys_processed", "0"),
    ("current_save_keys_total", "0"),
    ("rdb_changes_since_last_save", "0"),
    ("rdb_bgsave_in_progress", "0"),
    ("rdb_last_save_time", "0"),
    ("rdb_last_bgsave_status", "ok"),
    ("rdb_last_bgsave_time_sec", "-1"),
    ("rdb_current_bgsave_time_sec", "-1"),
    ("rdb_saves", "0"),
    ("rdb_last_cow_size", "0"),
    ("rdb_last_load_keys_expired", "0"),
    ("rdb_last_load_keys_loaded", "0"),
    ("aof_enabled", "0"),
    ("aof_rewrite_in_progress", "0"),
    ("aof_rewrite_scheduled", "0"),
    ("aof_last_rewrite_time_sec", "-1"),
    ("aof_current_rewrite_time_sec", "-1"),
    ("aof_last_bgrewrite_status", "ok"),
    ("aof_rewrites", "0"),
    ("aof_rewrites_consecutive_failures", "0"),
    ("aof_last_write_status", "ok"),
    ("aof_last_cow_size", "0"),
    ("module_fork_in_progress", "0"),
    ("module_fork_last_cow_size", "0"),
];

fn persistence(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let mut report = db.engine().keeper().map(Keeper::report).unwrap_or_default();
    for (name, without) in NEVER_SAVED {
        match report.iter().position(|(reported, _)| reported == name) {
            Some(at) => lines.add(name, report.remove(at).1),
            None if *name == "rdb_last_save_time" => lines.add(name, db.engine().started().seconds()),
            None => lines.add(name, without),
        }
    }
    report.into_iter().for_each(|(name, value)| lines.add(name, value));
    Ok(())
}

fn threads(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let traffic = db.engine().statistics().traffic();
    lines.add(
        "io_thread_0",
        format_args!(
            "clients={},reads={},writes={}",
            db.engine().clients().len(),
            traffic.reads.load(Ordering::Relaxed),
            traffic.writes.load(Ordering::Relaxed)
        ),
    );
    Ok(())
}

fn stats(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let (engine, counted) = (db.engine(), db.statistics());
    let (statistics, now_ms) = (engine.statistics(), engine.clock().now().0);
    let (traffic, rates) = (statistics.traffic(), statistics.rates());
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (received, sent) = (load(&traffic.received_bytes), load(&traffic.sent_bytes));
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    lines.add_all([
        ("total_connections_received", load(&traffic.connections)),
        ("total_commands_processed", counted.commands),
        ("instantaneous_ops_per_sec", rates.commands.look(now_ms, counted.commands)),
        ("total_net_input_bytes", received),
        ("total_net_output_bytes", sent),
        ("total_net_repl_input_bytes", 0),
        ("total_net_repl_output_bytes", 0),
    ]);
    lines.add("instantaneous_input_kbps", kilobytes(rates.received_bytes.look(now_ms, received)));
    lines.add("instantaneous_output_kbps", kilobytes(rates.sent_bytes.look(now_ms, sent)));
    lines.add("instantaneous_input_repl_kbps", "0.00");
    lines.add("instantaneous_output_repl_kbps", "0.00");
    lines.add("rejected_connections", load(&traffic.rejected_connections));
    lines.add_zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    lines.add("expired_subkeys", counted.expired_elements);
    lines.add("expired_keys", counted.expired_keys);
    lines.add("expired_stale_perc", "0.00");
    lines.add_zeros(&["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"]);
    lines.add("evicted_keys", engine.maxmemory().evicted_keys());
    lines.add("evicted_clients", engine.clients().evicted());
    lines.add("evicted_scripts", engine.scripts().figures().evicted);
    lines.add_zeros(&["total_eviction_exceeded_time", "current_eviction_exceeded_time"]);
    lines.add_all([
        ("keyspace_hits", counted.hits),
        ("keyspace_misses", counted.misses),
        ("pubsub_channels", engine.pubsub().count(Kind::Channel) as u64),
        ("pubsub_patterns", engine.pubsub().count(Kind::Pattern) as u64),
        ("pubsubshard_channels", engine.pubsub().count(Kind::ShardChannel) as u64),
    ]);
    lines.add_zeros(&[
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    let remembered = engine.invalidation().remembered();
    lines.add_all([
        ("tracking_total_keys", remembered.keys as u64),
        ("tracking_total_items", remembered.items as u64),
        ("tracking_total_prefixes", remembered.prefixes as u64),
        ("unexpected_error_replies", 0),
    ]);
    lines.add("total_error_replies", statistics.error_replies());
    lines.add("dump_payload_sanitizations", 0);
    lines.add("total_reads_processed", load(&traffic.reads));
    lines.add("total_writes_processed", load(&traffic.writes));
    lines.add_zeros(&["io_threaded_reads_processed", "io_threaded_writes_processed"]);
    lines.add("client_query_buffer_limit_disconnections", load(&traffic.query_limit_disconnections));
    lines.add("client_output_buffer_limit_disconnections", load(&traffic.output_limit_disconnections));
    lines.add_zeros(&[
        "reply_buffer_shrinks",
        "reply_buffer_expands",
        "eventloop_cycles",
        "eventloop_duration_sum",
        "eventloop_duration_cmd_sum",
        "instantaneous_eventloop_cycles_per_sec",
        "instantaneous_eventloop_duration_usec",
    ]);
    let refused = |reason| engine.acl().log().refused(reason);
    lines.add_all([
        ("acl_access_denied_auth", refused(Reason::Auth)),
        ("acl_access_denied_cmd", refused(Reason::Command)),
        ("acl_access_denied_key", refused(Reason::Key)),
        ("acl_access_denied_channel", refused(Reason::Channel)),
    ]);
    Ok(())
}

fn replication(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    lines.add("role", "master");
    lines.add("connected_slaves", 0);
    lines.add("master_failover_state", "no-failover");
    lines.add("master_replid", db.engine().identity().replication_id());
    lines.add("master_replid2", "0".repeat(40));
    lines.add("master_repl_offset", 0);
    lines.add("second_repl_offset", -1);
    lines.add("repl_backlog_active", 0);
    lines.add("repl_backlog_size", parameter(db, "repl-backlog-size"));
    lines.add_zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
    Ok(())
}

fn processors(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let figures = figures(db);
    let seconds = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    lines.add("used_cpu_sys", seconds(figures.system_micros));
    lines.add("used_cpu_user", seconds(figures.user_micros));
    lines.add("used_cpu_sys_children", seconds(0));
    lines.add("used_cpu_user_children", seconds(0));
    Ok(())
}

fn command_statistics(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    for (row, counted) in db.engine().statistics().commands() {
        let (calls, micros) = (counted.calls(), counted.micros());
        let each = if calls == 0 { 0.0 } else { micros as f64 / calls as f64 };
        lines.add(
            format_args!("cmdstat_{}", row.listed_name()),
            format_args!(
                "calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                counted.rejected(),
                counted.failed()
            ),
        );
    }
    Ok(())
}

fn error_statistics(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    for (code, count) in db.engine().statistics().errors() {
        lines.add(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
    Ok(())
}

fn latency_statistics(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    let percentiles = db.engine().config().latency_percentiles();
    for (row, counted) in db.engine().statistics().commands() {
        let Some(times) = counted.times() else { continue };
        let show = |percent: &f64| {
            let micros = times.percentile(*percent) as f64 / 1000.0;
            format!("p{}={micros:.3}", show_percentile(*percent))
        };
        let shown: Vec<String> = percentiles.iter().map(show).collect();
        lines.add(format_args!("latency_percentiles_usec_{}", row.listed_name()), shown.join(","));
    }
    Ok(())
}

fn keyspace(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    for number in 0..db.engine().databases() {
        let Counted { keys, deadlines, with_timed_elements } = count(&db.view().in_database(number))?;
        if keys > 0 {
            let (expires, left) = (deadlines.count, deadlines.average_left(db.now()));
            lines.add(
                format_args!("db{number}"),
                format_args!("keys={keys},expires={expires},avg_ttl={left},subexpiry={with_timed_elements}"),
            );
        }
    }
    Ok(())
}

/// How many values of each type have a length of about so much: of each power of two, from there up to the next. O(number of keys), so it
/// has to be asked for.
fn key_sizes(db: &Tx<'_>, lines: &mut Lines<'_>) -> Result<()> {
    /// In Redis's order, with what a length is.
    const TYPES: [(Type, &str); 5] = [
        (Type::String, "strings_sizes"),
        (Type::List, "lists_items"),
        (Type::Set, "sets_items"),
        (Type::ZSet, "zsets_items"),
        (Type::Hash, "hashes_items"),
    ];
    for number in 0..db.engine().databases() {
        let view = db.view().in_database(number);
        let mut counts = [[0_usize; 65]; TYPES.len()];
        for shard in 0..db.engine().keyspace().len() {
            let entries = view.database(shard)?.into_iter().flat_map(Database::iter);
            for value in entries.map(Entry::value) {
                let place = TYPES.iter().position(|(kind, _)| *kind == value.value_type());
                let bits = usize::BITS - value.length().leading_zeros();
                place.into_iter().for_each(|place| counts[place][bits as usize] += 1);
            }
        }
        for ((_, name), counts) in TYPES.iter().zip(counts) {
            let sizes = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            let sizes: Vec<String> = sizes
                .map(|(bits, count)| match bits {
                    0 => format!("0={count}"),
                    _ => format!("{}={count}", shortened_power(bits as u32 - 1)),
                })
                .collect();
            if !sizes.is_empty() {
                lines.add(format_args!("db{number}_distrib_{name}"), sizes.join(","));
            }
        }
    }
    Ok(())
}

/// Two to the power of so much, in the unit that leaves few digits.
fn shortened_power(bits: u32) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    format!("{}{}", 1 << (bits % 10), UNITS[bits as usize / 10])
}
