//! INFO: what the store says of itself.
use std::fmt::Write as _;

use super::memory::MemoryReport;
use super::server::{ALWAYS, Counted, SERVER, count};
use super::{Args, Command, Control, Scope, Spec, table};
use crate::acl::Reason;
use crate::journal::Keeper;
use crate::tx::Tx;
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
    let refused = |reason| db.engine().acl().log().refused(reason);
    Ok(lines([
        ("total_commands_processed", statistics.commands),
        ("expired_keys", statistics.expired_keys),
        ("evicted_keys", db.engine().maxmemory().evicted_keys()),
        ("keyspace_hits", statistics.hits),
        ("keyspace_misses", statistics.misses),
        ("acl_access_denied_auth", refused(Reason::Auth)),
        ("acl_access_denied_cmd", refused(Reason::Command)),
        ("acl_access_denied_key", refused(Reason::Key)),
        ("acl_access_denied_channel", refused(Reason::Channel)),
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
