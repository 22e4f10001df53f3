//! What came to a command after its first version, and which commands have had their time. `COMMAND DOCS` says so, and
//! nothing behaves differently for it.

/// Command, argument, and the version of Redis that brought the argument.
pub(super) const ADDED: &[(&str, &str, &str)] = &[
    ("AUTH", "username", "6.0.0"),
    ("BGSAVE", "schedule", "3.2.2"),
    ("BITCOUNT", "unit", "7.0.0"),
    ("BITOP", "andor", "8.2.0"),
    ("BITOP", "diff", "8.2.0"),
    ("BITOP", "diff1", "8.2.0"),
    ("BITOP", "one", "8.2.0"),
    ("BITPOS", "unit", "7.0.0"),
    ("CLIENT KILL", "client-id", "2.8.12"),
    ("CLIENT KILL", "client-type", "2.8.12"),
    ("CLIENT KILL", "laddr", "6.2.0"),
    ("CLIENT KILL", "master", "3.2.0"),
    ("CLIENT KILL", "maxage", "7.4.0"),
    ("CLIENT KILL", "replica", "5.0.0"),
    ("CLIENT LIST", "client-id", "6.2.0"),
    ("CLIENT LIST", "client-type", "5.0.0"),
    ("CLIENT PAUSE", "mode", "6.2.0"),
    ("EXPIRE", "condition", "7.0.0"),
    ("EXPIREAT", "condition", "7.0.0"),
    ("FLUSHALL", "async", "4.0.0"),
    ("FLUSHALL", "sync", "6.2.0"),
    ("FLUSHDB", "async", "4.0.0"),
    ("FLUSHDB", "sync", "6.2.0"),
    ("GEOADD", "change", "6.2.0"),
    ("GEOADD", "condition", "6.2.0"),
    ("GEORADIUS", "any", "6.2.0"),
    ("GEORADIUS_RO", "any", "6.2.0"),
    ("GEOSEARCH", "polygon", "9.0.0"),
    ("GEOSEARCHSTORE", "polygon", "9.0.0"),
    ("LPOP", "count", "6.2.0"),
    ("PEXPIRE", "condition", "7.0.0"),
    ("PEXPIREAT", "condition", "7.0.0"),
    ("RESTORE", "absttl", "5.0.0"),
    ("RESTORE", "frequency", "5.0.0"),
    ("RESTORE", "replace", "3.0.0"),
    ("RESTORE", "seconds", "5.0.0"),
    ("RPOP", "count", "6.2.0"),
    ("SCAN", "type", "6.0.0"),
    ("SCRIPT FLUSH", "flush-type", "6.2.0"),
    ("SET", "condition", "2.6.12"),
    ("SET", "get", "6.2.0"),
    ("SET", "ifdeq-digest", "8.4.0"),
    ("SET", "ifdne-digest", "8.4.0"),
    ("SET", "ifeq-value", "8.4.0"),
    ("SET", "ifne-value", "8.4.0"),
    ("SET", "keepttl", "6.0.0"),
    ("SET", "milliseconds", "2.6.12"),
    ("SET", "seconds", "2.6.12"),
    ("SET", "unix-time-milliseconds", "6.2.0"),
    ("SET", "unix-time-seconds", "6.2.0"),
    ("SHUTDOWN", "abort", "7.0.0"),
    ("SHUTDOWN", "force", "7.0.0"),
    ("SHUTDOWN", "now", "7.0.0"),
    ("SPOP", "count", "3.2.0"),
    ("SRANDMEMBER", "count", "2.6.0"),
    ("XADD", "condition", "8.2.0"),
    ("XADD", "count", "6.2.0"),
    ("XADD", "idempotency", "8.6.0"),
    ("XADD", "minid", "6.2.0"),
    ("XADD", "nomkstream", "6.2.0"),
    ("XPENDING", "min-idle-time", "6.2.0"),
    ("XREAD", "maxcount", "8.10.0"),
    ("XREAD", "maxsize", "8.10.0"),
    ("XREADGROUP", "maxcount", "8.10.0"),
    ("XREADGROUP", "maxsize", "8.10.0"),
    ("XREADGROUP", "min-idle-time", "8.4.0"),
    ("XSETID", "entries-added", "7.0.0"),
    ("XSETID", "max-deleted-id", "7.0.0"),
    ("XTRIM", "condition", "8.2.0"),
    ("XTRIM", "count", "6.2.0"),
    ("XTRIM", "minid", "6.2.0"),
    ("ZADD", "change", "3.0.2"),
    ("ZADD", "comparison", "6.2.0"),
    ("ZADD", "condition", "3.0.2"),
    ("ZADD", "increment", "3.0.2"),
    ("ZINTER", "count", "8.8.0"),
    ("ZINTERSTORE", "count", "8.8.0"),
    ("ZRANGE", "limit", "6.2.0"),
    ("ZRANGE", "rev", "6.2.0"),
    ("ZRANGE", "sortby", "6.2.0"),
    ("ZRANGEBYSCORE", "withscores", "2.0.0"),
    ("ZUNION", "count", "8.8.0"),
    ("ZUNIONSTORE", "count", "8.8.0"),
];

/// Command, the version of Redis that deprecated it, and what to use now.
pub(super) const DEPRECATED: &[(&str, &str, &str)] = &[
    ("BRPOPLPUSH", "6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    ("GEORADIUS", "6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    (
        "GEORADIUSBYMEMBER",
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    ),
    ("GEORADIUSBYMEMBER_RO", "6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    ("GEORADIUS_RO", "6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    ("GETSET", "6.2.0", "`SET` with the `!GET` argument"),
    ("HMSET", "4.0.0", "`HSET` with multiple field-value pairs"),
    ("PSETEX", "2.6.12", "`SET` with the `PX` argument"),
    ("QUIT", "7.2.0", "just closing the connection"),
    ("RPOPLPUSH", "6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    ("SETEX", "2.6.12", "`SET` with the `EX` argument"),
    ("SETNX", "2.6.12", "`SET` with the `NX` argument"),
    ("SLAVEOF", "5.0.0", "`REPLICAOF`"),
    ("SUBSTR", "2.0.0", "`GETRANGE`"),
    ("ZRANGEBYLEX", "6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    ("ZRANGEBYSCORE", "6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    ("ZREVRANGE", "6.2.0", "`ZRANGE` with the `REV` argument"),
    ("ZREVRANGEBYLEX", "6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    ("ZREVRANGEBYSCORE", "6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
];

/// Commands that are for servers among themselves, and for those who test them.
const SYSTEM: &[&str] = &["DEBUG", "PFDEBUG", "PFSELFTEST", "REPLCONF"];

/// Whether a command is not for callers.
pub(super) fn is_system(command: &str) -> bool {
    SYSTEM.contains(&command)
}

/// Command, argument, and the version of Redis that deprecated the argument.
const DEPRECATED_ARGUMENTS: &[(&str, &str, &str)] = &[("CLIENT KILL", "old-format", "2.8.12")];

/// The version that brought an argument, when its command is older.
pub(super) fn added(command: &str, argument: &str) -> Option<&'static str> {
    of_argument(ADDED, command, argument)
}

/// The version that deprecated an argument.
pub(super) fn argument_deprecated(command: &str, argument: &str) -> Option<&'static str> {
    of_argument(DEPRECATED_ARGUMENTS, command, argument)
}

fn of_argument(table: &[(&str, &str, &'static str)], command: &str, argument: &str) -> Option<&'static str> {
    table.iter().find(|(a, b, _)| *a == command && *b == argument).map(|&(_, _, version)| version)
}

/// The version that deprecated a command, and what took its place.
pub(super) fn deprecated(command: &str) -> Option<(&'static str, &'static str)> {
    DEPRECATED.iter().find(|(name, _, _)| *name == command).map(|&(_, since, instead)| (since, instead))
}
