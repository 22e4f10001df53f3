//! What came to a command after its first version, and which commands have had their time. `COMMAND DOCS` says so, and
//! nothing behaves differently for it.

/// Command, argument, and the version of Redis that brought the argument.
pub(super) const ADDED: &[(&str, &str, &str)] = &[
    ("BGSAVE", "schedule", "3.2.2"),
    ("EXPIRE", "condition", "7.0.0"),
    ("EXPIREAT", "condition", "7.0.0"),
    ("FLUSHALL", "async", "4.0.0"),
    ("FLUSHALL", "sync", "6.2.0"),
    ("FLUSHDB", "async", "4.0.0"),
    ("FLUSHDB", "sync", "6.2.0"),
    ("LPOP", "count", "6.2.0"),
    ("PEXPIRE", "condition", "7.0.0"),
    ("PEXPIREAT", "condition", "7.0.0"),
    ("RPOP", "count", "6.2.0"),
    ("SCAN", "type", "6.0.0"),
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
    ("SPOP", "count", "3.2.0"),
    ("SRANDMEMBER", "count", "2.6.0"),
    ("ZADD", "change", "3.0.2"),
    ("ZADD", "comparison", "6.2.0"),
    ("ZADD", "condition", "3.0.2"),
    ("ZADD", "increment", "3.0.2"),
    ("ZRANGE", "limit", "6.2.0"),
    ("ZRANGE", "rev", "6.2.0"),
    ("ZRANGE", "sortby", "6.2.0"),
    ("ZRANGEBYSCORE", "withscores", "2.0.0"),
];

/// Command, the version of Redis that deprecated it, and what to use now.
pub(super) const DEPRECATED: &[(&str, &str, &str)] = &[
    ("GETSET", "6.2.0", "`SET` with the `!GET` argument"),
    ("HMSET", "4.0.0", "`HSET` with multiple field-value pairs"),
    ("PSETEX", "2.6.12", "`SET` with the `PX` argument"),
    ("RPOPLPUSH", "6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    ("SETEX", "2.6.12", "`SET` with the `EX` argument"),
    ("SETNX", "2.6.12", "`SET` with the `NX` argument"),
    ("SUBSTR", "2.0.0", "`GETRANGE`"),
    ("ZRANGEBYLEX", "6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    ("ZRANGEBYSCORE", "6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    ("ZREVRANGE", "6.2.0", "`ZRANGE` with the `REV` argument"),
    ("ZREVRANGEBYLEX", "6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    ("ZREVRANGEBYSCORE", "6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
];

/// The version that brought an argument, when its command is older.
pub(super) fn added(command: &str, argument: &str) -> Option<&'static str> {
    let of_argument = |&&(a, b, _): &&(&str, &str, _)| a == command && b == argument;
    ADDED.iter().find(of_argument).map(|&(_, _, since)| since)
}

/// The version that deprecated a command, and what took its place.
pub(super) fn deprecated(command: &str) -> Option<(&'static str, &'static str)> {
    DEPRECATED.iter().find(|(name, _, _)| *name == command).map(|&(_, since, instead)| (since, instead))
}
