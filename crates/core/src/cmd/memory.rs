//! MEMORY: what keys take.
use super::{Args, Command, Control, Group, KeySpec, Read, Scope, Spec, bare, help_command, table};
use crate::engine::Engine;
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result};

table! {
    container MEMORY, control MemoryDoctor, control MemoryHelp, control MemoryMallocStats, control MemoryPurge,
    control MemoryStats, read MemoryUsage,
}

const SERVER: Spec = Spec { group: Group::Server, since: "4.0.0", ..Spec::EMPTY };
const PER_SHARD: &[&str] =
    &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

/// `MEMORY`
const MEMORY: Spec = Spec {
    name: "MEMORY",
    arity: -2,
    summary: "A container for commands about what keys take.",
    complexity: "Depends on subcommand.",
    ..SERVER
};

/// `MEMORY USAGE key [SAMPLES count]`
#[derive(Clone, Copy, Debug)]
pub struct MemoryUsage<'a> {
    /// The key.
    pub key: &'a [u8],
}

impl<'a> Command<'a> for MemoryUsage<'a> {
    const SPEC: Spec = Spec {
        name: "MEMORY USAGE",
        arity: -3,
        keys: &[KeySpec::range(&["RO"], 2, 0, 1)],
        summary: "Counts the bytes that a key takes with its value, exactly.",
        complexity: "O(1)",
        syntax: "key [SAMPLES count]",
        ..SERVER
    };
    type Reply = Option<usize>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        // Nothing has to be estimated, so samples are understood and not taken.
        while !args.is_empty() {
            if !args.take("SAMPLES") || args.is_empty() || args.int()? < 0 {
                return Err(Error::Syntax);
            }
        }
        Ok(MemoryUsage { key })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for MemoryUsage<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<usize>> {
        db.memory_usage(self.key)
    }
}

macro_rules! report_command {
    ($type:ident -> $reply:ty, $name:literal, $summary:literal) => {
        bare! {
            #[doc = concat!("`", $name, "`")]
            $type -> $reply, Spec {
                name: $name,
                arity: 2,
                tips: PER_SHARD,
                summary: $summary,
                complexity: "O(S), S being the number of shards",
                ..SERVER
            }, Scope::Everything
        }
    };
}

report_command!(MemoryStats -> MemoryReport, "MEMORY STATS", "Reports what takes how much memory.");
report_command!(MemoryDoctor -> String, "MEMORY DOCTOR", "Says in words whether memory is well used.");
report_command!(
    MemoryMallocStats -> String, "MEMORY MALLOC-STATS", "Reports on the pages that entries lie in."
);

bare! {
    /// `MEMORY PURGE`
    MemoryPurge -> (), Spec {
        name: "MEMORY PURGE",
        arity: 2,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Does nothing: pages without entries are given back at once.",
        ..SERVER
    }
}

help_command!(MemoryHelp, "MEMORY", SERVER);

/// What one database takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseMemory {
    /// Its number.
    pub db: usize,
    /// How many keys it has, expired ones that were not reclaimed yet included.
    pub keys: usize,
    /// What its keys take with all that belongs to them, in bytes.
    pub used_bytes: usize,
    /// The tables and the timers among that.
    pub overhead_bytes: usize,
}

/// What takes how much memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// What all keys take with all that belongs to them: what `maxmemory` limits.
    pub used_bytes: usize,
    /// The most that was ever used, as far as somebody asked.
    pub peak_bytes: usize,
    /// What an empty store of this shape takes, and the eviction policy.
    pub fixed_bytes: usize,
    /// Tables and timers.
    pub overhead_bytes: usize,
    /// The pages that small entries lie in, with the room in them.
    pub page_bytes: usize,
    /// How much of the pages is in use.
    pub paged_bytes: usize,
    /// How many keys there are, expired ones that were not reclaimed yet included.
    pub keys: usize,
    /// The limit, `maxmemory`; 0 for none.
    pub limit_bytes: usize,
    /// How many keys had to go for the limit since the counters were reset.
    pub evicted_keys: u64,
    /// Databases with keys.
    pub databases: Vec<DatabaseMemory>,
}

impl MemoryReport {
    pub(crate) fn of(db: &Tx<'_>) -> Result<Self> {
        let engine = db.engine();
        let memory = engine.maxmemory();
        let mut report = Self {
            fixed_bytes: fixed_bytes(engine),
            limit_bytes: memory.limit(),
            evicted_keys: memory.evicted_keys(),
            ..Self::default()
        };
        for number in 0..engine.databases() {
            let view = db.view().in_database(number);
            let mut one = DatabaseMemory { db: number, ..DatabaseMemory::default() };
            for shard in 0..engine.keyspace().len() {
                let Some(database) = view.database(shard)? else { continue };
                one.keys += database.len();
                one.used_bytes += database.used_bytes();
                one.overhead_bytes += database.overhead_bytes();
                report.page_bytes += database.heap().page_bytes();
                report.paged_bytes += database.heap().paged_bytes();
            }
            report.keys += one.keys;
            report.used_bytes += one.used_bytes;
            report.overhead_bytes += one.overhead_bytes;
            if one.used_bytes > 0 {
                report.databases.push(one);
            }
        }
        report.peak_bytes = memory.peak(report.used_bytes);
        Ok(report)
    }

    /// What the keys and the store itself take.
    pub const fn total_bytes(&self) -> usize {
        self.used_bytes + self.fixed_bytes
    }

    /// The most that was ever taken, as far as somebody asked.
    pub const fn total_peak_bytes(&self) -> usize {
        self.peak_bytes + self.fixed_bytes
    }

    /// Tables, timers and the store itself.
    pub const fn total_overhead_bytes(&self) -> usize {
        self.overhead_bytes + self.fixed_bytes
    }

    /// What the entries take with what they point to.
    pub const fn dataset_bytes(&self) -> usize {
        self.used_bytes - self.overhead_bytes
    }

    /// The room in pages that no entry uses.
    pub const fn fragmentation_bytes(&self) -> usize {
        self.page_bytes - self.paged_bytes
    }

    /// How much of what the keys take is entries, in percent.
    pub fn dataset_percentage(&self) -> f64 {
        percentage(self.dataset_bytes(), self.used_bytes)
    }

    /// How much of the most that was ever taken is taken now, in percent.
    pub fn peak_percentage(&self) -> f64 {
        percentage(self.total_bytes(), self.total_peak_bytes())
    }

    /// How many times as much memory as what is in use the pages take that entries lie in; 1 without pages.
    pub fn fragmentation(&self) -> f64 {
        if self.paged_bytes == 0 { 1.0 } else { self.page_bytes as f64 / self.paged_bytes as f64 }
    }
}

fn fixed_bytes(engine: &Engine) -> usize {
    size_of::<Engine>() + engine.keyspace().fixed_bytes() + engine.maxmemory().own_bytes()
}

fn percentage(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

impl From<MemoryReport> for Reply {
    fn from(report: MemoryReport) -> Self {
        let pair = |name: &str, value: Reply| (Reply::bulk(name), value);
        let bytes = |bytes: usize| Reply::Integer(bytes as i64);
        let mut pairs = vec![
            pair("peak.allocated", bytes(report.total_peak_bytes())),
            pair("total.allocated", bytes(report.total_bytes())),
            pair("startup.allocated", bytes(report.fixed_bytes)),
            pair("replication.backlog", bytes(0)),
            pair("clients.slaves", bytes(0)),
            pair("clients.normal", bytes(0)),
            pair("cluster.links", bytes(0)),
            pair("aof.buffer", bytes(0)),
            pair("lua.caches", bytes(0)),
            pair("functions.caches", bytes(0)),
        ];
        for database in &report.databases {
            let inner = vec![
                pair("overhead.hashtable.main", bytes(database.overhead_bytes)),
                pair("overhead.hashtable.expires", bytes(0)),
            ];
            pairs.push(pair(&format!("db.{}", database.db), Reply::Map(inner)));
        }
        pairs.extend([
            pair("overhead.total", bytes(report.total_overhead_bytes())),
            pair("keys.count", bytes(report.keys)),
            pair("keys.bytes-per-key", bytes(report.used_bytes.checked_div(report.keys).unwrap_or(0))),
            pair("dataset.bytes", bytes(report.dataset_bytes())),
            pair("dataset.percentage", Reply::Double(report.dataset_percentage())),
            pair("peak.percentage", Reply::Double(report.peak_percentage())),
            pair("allocator.allocated", bytes(report.paged_bytes)),
            pair("allocator.active", bytes(report.page_bytes)),
            pair("fragmentation", Reply::Double(report.fragmentation())),
            pair("fragmentation.bytes", bytes(report.fragmentation_bytes())),
        ]);
        Reply::Map(pairs)
    }
}

impl Control<'_> for MemoryStats {
    fn run(&self, db: &mut Tx<'_>) -> Result<MemoryReport> {
        MemoryReport::of(db)
    }
}

impl Control<'_> for MemoryDoctor {
    fn run(&self, db: &mut Tx<'_>) -> Result<String> {
        /// Below this nothing that can be said matters.
        const LITTLE: usize = 5 << 20;
        let report = MemoryReport::of(db)?;
        let mut found = Vec::new();
        if report.used_bytes < LITTLE {
            return Ok("There is too little in this store for its memory to be a matter of concern.".into());
        }
        if report.peak_bytes > report.used_bytes / 2 * 3 {
            found.push(format!(
                "Keys took {} bytes once and take {} now. Pages that are not empty yet keep memory of that time.",
                report.peak_bytes, report.used_bytes
            ));
        }
        if report.fragmentation() > 1.4 {
            found.push(format!(
                "The pages that entries lie in are {:.0} % full: many entries of one size were removed.",
                100.0 / report.fragmentation()
            ));
        }
        if report.limit_bytes > 0 && report.used_bytes > report.limit_bytes {
            found.push("Memory is above maxmemory, and nothing that is there may be evicted.".into());
        }
        if found.is_empty() {
            found.push("Memory is well used: nothing stands out.".into());
        }
        Ok(found.join("\n"))
    }
}

impl Control<'_> for MemoryMallocStats {
    fn run(&self, db: &mut Tx<'_>) -> Result<String> {
        let report = MemoryReport::of(db)?;
        Ok(format!(
            "Pages of small entries: {} bytes, {} of them in use ({:.1} %). Everything else comes from the process's allocator.",
            report.page_bytes,
            report.paged_bytes,
            100.0 / report.fragmentation()
        ))
    }
}

impl Control<'_> for MemoryPurge {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        Ok(())
    }
}
