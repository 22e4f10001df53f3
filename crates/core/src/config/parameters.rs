//! Every parameter of Redis 8.0.2: its names, its values, its default, and what it does here.
use std::sync::atomic::AtomicU32;

use super::kinds::Kind;
use super::rules;
use crate::keyspace::Tracking;
use crate::maxmemory::{EvictionPolicy, MemoryChange};
use crate::types::TypeSettings;

/// A parameter, as `CONFIG` knows it.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) alias: Option<&'static str>,
    pub(crate) kind: Kind,
    /// As text that its kind understands.
    pub(crate) default: &'static str,
    pub(crate) freedom: Freedom,
    /// Values beyond these become them.
    pub(crate) clamp: Option<(i64, i64)>,
    pub(crate) home: Home,
    does: Option<&'static str>,
}

/// Who may change a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freedom {
    Everybody,
    /// Everybody, where `enable-protected-configs` allows it.
    Protected,
    /// Nobody but the program, before it lets callers in.
    Fixed,
    /// The same; but setting what it is already succeeds. Says why it cannot be anything else.
    Settled(&'static str),
}

/// Who besides [`Config`](super::Config) keeps a value, close to where it is needed.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    Nobody,
    /// Each shard.
    Types(fn(&mut TypeSettings, i64)),
    Memory(fn(i64) -> MemoryChange),
    Tracking(fn(&Tracking) -> &AtomicU32),
    Events,
    /// Who has read which keys, for client-side caching.
    Readers,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Home::Nobody => "Nobody",
            Home::Types(_) => "Types",
            Home::Memory(_) => "Memory",
            Home::Tracking(_) => "Tracking",
            Home::Events => "Events",
            Home::Readers => "Readers",
        })
    }
}

impl Parameter {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            alias: None,
            kind,
            default,
            freedom: Freedom::Everybody,
            clamp: None,
            home: Home::Nobody,
            does: None,
        }
    }

    const fn alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    const fn fixed(self) -> Self {
        Self { freedom: Freedom::Fixed, ..self }
    }

    const fn protected(self) -> Self {
        Self { freedom: Freedom::Protected, ..self }
    }

    const fn settled(self, why: &'static str) -> Self {
        Self { freedom: Freedom::Settled(why), ..self }
    }

    const fn clamped(self, least: i64, most: i64) -> Self {
        Self { clamp: Some((least, most)), ..self }
    }

    const fn types(self, set: fn(&mut TypeSettings, i64)) -> Self {
        Self { home: Home::Types(set), ..self }
    }

    const fn memory(self, change: fn(i64) -> MemoryChange) -> Self {
        Self { home: Home::Memory(change), ..self }
    }

    const fn tracking(self, field: fn(&Tracking) -> &AtomicU32) -> Self {
        Self { home: Home::Tracking(field), ..self }
    }

    const fn events(self) -> Self {
        Self { home: Home::Events, ..self }
    }

    const fn readers(self) -> Self {
        Self { home: Home::Readers, ..self }
    }

    const fn does(self, what: &'static str) -> Self {
        Self { does: Some(what), ..self }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The name that it had in older versions of Redis.
    pub const fn alias_name(&self) -> Option<&'static str> {
        self.alias
    }

    /// What its values are.
    pub fn values(&self) -> String {
        self.kind.describe()
    }

    /// What it is unless told otherwise.
    pub const fn default_text(&self) -> &'static str {
        self.default
    }

    /// What it does here; `None` for one that is kept, to be given back, and does nothing.
    pub const fn effect(&self) -> Option<&'static str> {
        self.does
    }

    /// Whether `CONFIG SET` can change it.
    pub const fn is_settable(&self) -> bool {
        matches!(self.freedom, Freedom::Everybody | Freedom::Protected)
    }
}

const fn boolean(name: &'static str, default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Boolean, default)
}

const fn integer(name: &'static str, least: i64, most: i64, default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Integer { least, most }, default)
}

const fn bytes(name: &'static str, least: u64, most: u64, default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Bytes { least, most }, default)
}

const fn choice(name: &'static str, words: &'static [&'static str], default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Choice(words), default)
}

const fn text(name: &'static str, default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Text, default)
}

const fn composed(name: &'static str, rule: super::kinds::Rule, default: &'static str) -> Parameter {
    Parameter::new(name, Kind::Composed(rule), default)
}

/// The most that Redis lets an `int` be.
const INT: i64 = i32::MAX as i64;
const LONG: i64 = i64::MAX;
/// The most that Redis lets a size be.
const SIZE: u64 = i64::MAX as u64;
const PORT: i64 = 65535;

const SCOPES: &[&str] = &["no", "yes", "local"];
const NO_TLS: &str = "Unable to update TLS configuration. Check server logs.";

/// The names of all policies, in their order.
const POLICIES: [&str; EvictionPolicy::ALL.len()] = {
    let mut names = [""; EvictionPolicy::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = EvictionPolicy::ALL[at].as_str();
        at += 1;
    }
    names
};

/// All of them, by name.
pub(crate) const PARAMETERS: &[Parameter] = &[
    choice("acl-pubsub-default", &["allchannels", "resetchannels"], "resetchannels")
        .does("the channels of a new ACL user"),
    text("aclfile", "").fixed().does("where ACL LOAD reads users and ACL SAVE writes them"),
    integer("acllog-max-len", 0, LONG, "128").does("how many refusals ACL LOG keeps"),
    integer("active-defrag-cycle-max", 1, 99, "25"),
    integer("active-defrag-cycle-min", 1, 99, "1"),
    bytes("active-defrag-ignore-bytes", 1, SIZE, "104857600"),
    integer("active-defrag-max-scan-fields", 1, LONG, "1000"),
    integer("active-defrag-threshold-lower", 0, 1000, "10"),
    integer("active-defrag-threshold-upper", 0, 1000, "100"),
    integer("active-expire-effort", 1, 10, "1"),
    boolean("activedefrag", "no").settled(
        "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one shipped by default with the Redis source distribution",
    ),
    boolean("activerehashing", "yes"),
    boolean("always-show-logo", "no").fixed(),
    boolean("aof-load-truncated", "yes"),
    text("aof-rewrite-cpulist", "").alias("aof_rewrite_cpulist").fixed(),
    boolean("aof-rewrite-incremental-fsync", "yes"),
    boolean("aof-timestamp-enabled", "no"),
    boolean("aof-use-rdb-preamble", "yes"),
    text("appenddirname", "appendonlydir").fixed(),
    text("appendfilename", "appendonly.aof").fixed(),
    choice("appendfsync", &["everysec", "always", "no"], "everysec")
        .does("when the log of a store on disk is synced"),
    boolean("appendonly", "no")
        .settled("a store that is opened with a path has a log and one without has none; open it accordingly")
        .does("says whether the store is on disk"),
    bytes("auto-aof-rewrite-min-size", 0, SIZE, "67108864")
        .does("how long the log of a store on disk must be before a snapshot is made"),
    integer("auto-aof-rewrite-percentage", 0, INT, "100")
        .does("by how much of the last snapshot the log must have grown before the next is made; 0 for never"),
    text("bgsave-cpulist", "").alias("bgsave_cpulist").fixed(),
    composed("bind", rules::addresses, "127.0.0.1").does("says on which addresses the listener listens"),
    text("bind-source-addr", ""),
    text("bio-cpulist", "").alias("bio_cpulist").fixed(),
    integer("busy-reply-threshold", 0, LONG, "5000")
        .alias("lua-time-limit")
        .does("after how many milliseconds of a script others are answered BUSY; 0 for never"),
    composed(
        "client-output-buffer-limit",
        rules::output_limits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    )
    .does("how much a caller may leave unread before it is disconnected"),
    bytes("client-query-buffer-limit", 1 << 20, SIZE, "1073741824")
        .does("how much of a command a caller may send before it is disconnected"),
    boolean("cluster-allow-pubsubshard-when-down", "yes"),
    boolean("cluster-allow-reads-when-down", "no"),
    boolean("cluster-allow-replica-migration", "yes"),
    integer("cluster-announce-bus-port", 0, PORT, "0"),
    composed("cluster-announce-hostname", rules::hostname, ""),
    composed("cluster-announce-human-nodename", rules::node_name, ""),
    text("cluster-announce-ip", ""),
    integer("cluster-announce-port", 0, PORT, "0"),
    integer("cluster-announce-tls-port", 0, PORT, "0"),
    integer("cluster-compatibility-sample-ratio", 0, 100, "0"),
    text("cluster-config-file", "nodes.conf").fixed(),
    boolean("cluster-enabled", "no").fixed(),
    bytes("cluster-link-sendbuf-limit", 0, u64::MAX, "0"),
    integer("cluster-migration-barrier", 0, INT, "1"),
    integer("cluster-node-timeout", 0, LONG, "15000"),
    integer("cluster-port", 0, PORT, "0").fixed(),
    choice("cluster-preferred-endpoint-type", &["ip", "hostname", "unknown-endpoint"], "ip"),
    boolean("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover"),
    integer("cluster-replica-validity-factor", 0, INT, "10").alias("cluster-slave-validity-factor"),
    boolean("cluster-require-full-coverage", "yes"),
    boolean("crash-log-enabled", "yes"),
    boolean("crash-memcheck-enabled", "yes"),
    boolean("daemonize", "no").fixed(),
    integer("databases", 1, INT, "16").fixed().does("says how many databases there are"),
    text("dbfilename", "dump.rdb").protected(),
    text("dir", "").protected().does("says in which folder a store on disk is"),
    boolean("disable-thp", "yes").fixed(),
    boolean("dynamic-hz", "yes"),
    choice("enable-debug-command", SCOPES, "no").fixed().does("whether DEBUG is allowed"),
    choice("enable-module-command", SCOPES, "no").fixed(),
    choice("enable-protected-configs", SCOPES, "no").fixed().does("whether `dir` and `dbfilename` can be set"),
    integer("hash-max-listpack-entries", 0, LONG, "512")
        .alias("hash-max-ziplist-entries")
        .types(|settings, number| settings.hash_max_listpack_entries = number as usize)
        .does("how many fields a packed hash has at most"),
    bytes("hash-max-listpack-value", 0, SIZE, "64")
        .alias("hash-max-ziplist-value")
        .types(|settings, number| settings.hash_max_listpack_value = number as usize)
        .does("how long a field or value in a packed hash is at most"),
    boolean("hide-user-data-from-log", "no"),
    bytes("hll-sparse-max-bytes", 0, SIZE, "3000"),
    integer("hz", 0, INT, "10").clamped(1, 500).does("how often in a second idle callers are looked for"),
    text("ignore-warnings", ""),
    integer("io-threads", 1, 128, "1")
        .fixed()
        .does("says how many threads of the listener read, run commands and send"),
    boolean("jemalloc-bg-thread", "yes"),
    integer("latency-monitor-threshold", 0, LONG, "0")
        .does("from how many milliseconds on LATENCY notes what took long; 0 for nothing"),
    boolean("latency-tracking", "yes").does("whether the time that commands take is counted"),
    composed("latency-tracking-info-percentiles", rules::percentiles, "50 99 99.9")
        .does("the percentiles of INFO latencystats"),
    boolean("lazyfree-lazy-eviction", "no"),
    boolean("lazyfree-lazy-expire", "no"),
    boolean("lazyfree-lazy-server-del", "no"),
    boolean("lazyfree-lazy-user-del", "no"),
    boolean("lazyfree-lazy-user-flush", "no")
        .does("whether FLUSHALL and FLUSHDB free memory elsewhere unless told SYNC"),
    integer("lfu-decay-time", 0, INT, "1")
        .tracking(|tracking| &tracking.decay_minutes)
        .does("after how many minutes the counter of OBJECT FREQ loses one"),
    integer("lfu-log-factor", 0, INT, "10")
        .tracking(|tracking| &tracking.log_factor)
        .does("how slowly the counter of OBJECT FREQ grows"),
    integer("list-compress-depth", 0, INT, "0"),
    integer("list-max-listpack-size", i32::MIN as i64, INT, "-2")
        .alias("list-max-ziplist-size")
        .types(|settings, number| settings.list_max_listpack_size = number)
        .does("how many elements a piece of a list has at most, or if negative a class of sizes"),
    composed("locale-collate", rules::locale, ""),
    text("logfile", "").fixed(),
    choice("loglevel", &["debug", "verbose", "notice", "warning", "nothing"], "notice"),
    text("masterauth", ""),
    text("masteruser", ""),
    integer("max-new-connections-per-cycle", 1, 1000, "10"),
    integer("max-new-tls-connections-per-cycle", 1, 1000, "1"),
    integer("maxclients", 1, u32::MAX as i64, "10000").does("how many callers the listener lets in"),
    bytes("maxmemory", 0, u64::MAX, "0")
        .memory(|number| MemoryChange::Limit(number as u64 as usize))
        .does("what keys may take; 0 for no limit"),
    Parameter::new("maxmemory-clients", Kind::BytesOrPercent, "0")
        .does("what the listener's callers may take together before the largest go; in percent of `maxmemory`, or 0 for no limit"),
    integer("maxmemory-eviction-tenacity", 0, 100, "10"),
    choice("maxmemory-policy", &POLICIES, "noeviction")
        .memory(|number| MemoryChange::Policy(EvictionPolicy::ALL[number as usize]))
        .does("what goes when memory is full"),
    integer("maxmemory-samples", 1, 64, "5")
        .memory(|number| MemoryChange::Samples(number as usize))
        .does("how many keys are looked at for each that goes"),
    integer("min-replicas-max-lag", 0, INT, "10").alias("min-slaves-max-lag"),
    integer("min-replicas-to-write", 0, INT, "0").alias("min-slaves-to-write"),
    boolean("no-appendfsync-on-rewrite", "no"),
    Parameter::new("notify-keyspace-events", Kind::Events, "")
        .events()
        .does("which events are published on channels of keys"),
    composed("oom-score-adj", rules::oom_adjustment, "no"),
    composed("oom-score-adj-values", rules::oom_scores, "0 200 800"),
    text("pidfile", "").fixed(),
    integer("port", 0, PORT, "0").does("says on which port the listener listens; 0 for none"),
    composed("proc-title-template", rules::title_template, "{title} {listen-addr} {server-mode}"),
    choice("propagation-error-behavior", &["ignore", "panic", "panic-on-replicas"], "ignore"),
    boolean("protected-mode", "yes")
        .does("whether callers from elsewhere are refused as long as there is no password"),
    bytes("proto-max-bulk-len", 1 << 20, SIZE, "536870912")
        .does("how long a string is at most; beyond 512 MiB it changes nothing"),
    boolean("rdb-del-sync-files", "no"),
    boolean("rdb-save-incremental-fsync", "yes"),
    boolean("rdbchecksum", "yes").fixed(),
    boolean("rdbcompression", "yes").does("whether strings are compressed in what DUMP writes"),
    bytes("repl-backlog-size", 1, SIZE, "1048576").clamped(16384, LONG),
    integer("repl-backlog-ttl", 0, LONG, "3600"),
    boolean("repl-disable-tcp-nodelay", "no"),
    choice("repl-diskless-load", &["disabled", "on-empty-db", "swapdb"], "disabled"),
    boolean("repl-diskless-sync", "yes"),
    integer("repl-diskless-sync-delay", 0, INT, "5"),
    integer("repl-diskless-sync-max-replicas", 0, INT, "0"),
    integer("repl-ping-replica-period", 1, INT, "10").alias("repl-ping-slave-period"),
    integer("repl-timeout", 1, INT, "60"),
    text("replica-announce-ip", "").alias("slave-announce-ip"),
    integer("replica-announce-port", 0, PORT, "0").alias("slave-announce-port"),
    boolean("replica-announced", "yes"),
    bytes("replica-full-sync-buffer-limit", 0, SIZE, "0"),
    boolean("replica-ignore-disk-write-errors", "no"),
    boolean("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory"),
    boolean("replica-lazy-flush", "no").alias("slave-lazy-flush"),
    integer("replica-priority", 0, INT, "100").alias("slave-priority"),
    boolean("replica-read-only", "yes").alias("slave-read-only"),
    boolean("replica-serve-stale-data", "yes").alias("slave-serve-stale-data"),
    text("replicaof", "").alias("slaveof").fixed(),
    text("requirepass", "").does("the password of the default user"),
    choice("sanitize-dump-payload", &["no", "yes", "clients"], "no"),
    composed("save", rules::save_points, "").does(
        "when a snapshot of a store on disk is made besides: pairs of seconds since the last and changes since it, both at least",
    ),
    text("server-cpulist", "").alias("server_cpulist").fixed(),
    integer("set-max-intset-entries", 0, LONG, "512")
        .types(|settings, number| settings.set_max_intset_entries = number as usize)
        .does("how many members a packed set of integers has at most"),
    integer("set-max-listpack-entries", 0, LONG, "128")
        .types(|settings, number| settings.set_max_listpack_entries = number as usize)
        .does("how many members a packed set has at most"),
    integer("set-max-listpack-value", 0, LONG, "64")
        .types(|settings, number| settings.set_max_listpack_value = number as usize)
        .does("how long a member of a packed set is at most"),
    boolean("set-proc-title", "yes").fixed(),
    composed("shutdown-on-sigint", rules::shutdown_options, "default"),
    composed("shutdown-on-sigterm", rules::shutdown_options, "default"),
    integer("shutdown-timeout", 0, INT, "10"),
    integer("slowlog-log-slower-than", -1, LONG, "10000")
        .does("from how many microseconds on SLOWLOG notes a command; -1 for none"),
    integer("slowlog-max-len", 0, LONG, "128").does("how many commands SLOWLOG keeps"),
    integer("socket-mark-id", 0, u32::MAX as i64, "0").fixed(),
    boolean("stop-writes-on-bgsave-error", "yes"),
    bytes("stream-node-max-bytes", 0, SIZE, "4096")
        .types(|settings, number| settings.stream_node_max_bytes = number as usize)
        .does("how many bytes a packed part of a stream has at most; 0 for any number"),
    integer("stream-node-max-entries", 0, LONG, "100")
        .types(|settings, number| settings.stream_node_max_entries = number as usize)
        .does("how many entries a packed part of a stream has at most; 0 for any number"),
    choice("supervised", &["upstart", "systemd", "auto", "no"], "no").fixed(),
    boolean("syslog-enabled", "no").fixed(),
    choice(
        "syslog-facility",
        &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
        "local0",
    )
    .fixed(),
    text("syslog-ident", "redis").fixed(),
    integer("tcp-backlog", 0, INT, "511").fixed().does("how many callers wait to be let in at most"),
    integer("tcp-keepalive", 0, INT, "300")
        .does("after how many idle seconds a connection is asked whether it is alive; 0 for never"),
    integer("timeout", 0, INT, "0").does("after how many idle seconds a caller is disconnected; 0 for never"),
    choice("tls-auth-clients", &["no", "yes", "optional"], "yes")
        .does("says whether callers of the listener have to show a certificate"),
    text("tls-ca-cert-dir", ""),
    text("tls-ca-cert-file", "").does("says which authorities sign the certificates of callers"),
    text("tls-cert-file", "").does("says which certificate the listener shows"),
    text("tls-ciphers", ""),
    text("tls-ciphersuites", ""),
    text("tls-client-cert-file", ""),
    text("tls-client-key-file", ""),
    text("tls-client-key-file-pass", ""),
    boolean("tls-cluster", "no").settled(NO_TLS),
    text("tls-dh-params-file", ""),
    text("tls-key-file", "").does("says which private key belongs to that"),
    text("tls-key-file-pass", ""),
    integer("tls-port", 0, PORT, "0")
        .settled(NO_TLS)
        .does("says on which port the listener expects TLS; 0 for none"),
    boolean("tls-prefer-server-ciphers", "no"),
    text("tls-protocols", ""),
    boolean("tls-replication", "no").settled(NO_TLS),
    integer("tls-session-cache-size", 0, INT, "20480"),
    integer("tls-session-cache-timeout", 0, INT, "300"),
    boolean("tls-session-caching", "yes"),
    integer("tracking-table-max-keys", 0, LONG, "1000000")
        .readers()
        .does("how many keys are remembered for client-side caching"),
    text("unixsocket", "").fixed().does("says on which Unix socket the listener listens"),
    Parameter::new("unixsocketperm", Kind::Octal, "0").fixed().does("who may use the Unix socket"),
    integer("zset-max-listpack-entries", 0, LONG, "128")
        .alias("zset-max-ziplist-entries")
        .types(|settings, number| settings.zset_max_listpack_entries = number as usize)
        .does("how many members a packed sorted set has at most"),
    bytes("zset-max-listpack-value", 0, SIZE, "64")
        .alias("zset-max-ziplist-value")
        .types(|settings, number| settings.zset_max_listpack_value = number as usize)
        .does("how long a member of a packed sorted set is at most"),
];

/// The place of a parameter in the table. To be asked at compile time, where a wrong name does not compile.
pub(crate) const fn place(name: &str) -> usize {
    let mut at = 0;
    while at < PARAMETERS.len() {
        if equals(PARAMETERS[at].name.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no parameter has this name")
}

/// As [`place`], for a parameter whose values are numbers.
pub(crate) const fn place_of_number(name: &str) -> usize {
    let at = place(name);
    assert!(PARAMETERS[at].kind.is_number(), "its values are text");
    at
}

const fn equals(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
