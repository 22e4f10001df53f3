//! What INFO counts.
use redlet::{Commands, ManualClock, Redis, UnixMs};

/// A command, and how many hits and misses Redis 8.0.2 counted for it, one after the other on the same keys.
const COUNTED: [(&str, u64, u64); 39] = [
    ("GET k", 1, 0),
    ("GET none", 0, 1),
    ("EXISTS k none", 1, 1),
    ("TTL k", 1, 0),
    ("TYPE k", 1, 0),
    ("OBJECT ENCODING k", 1, 0),
    ("MEMORY USAGE k", 0, 0),
    ("STRLEN k", 1, 0),
    ("MGET k none l", 2, 1),
    ("LRANGE l 0 -1", 1, 0),
    ("HGET h none", 1, 0),
    ("TOUCH k none", 1, 1),
    ("GETEX k", 1, 0),
    ("GETDEL none", 0, 1),
    ("SET k v GET", 1, 0),
    ("GETSET k v", 1, 0),
    ("INCR n", 0, 0),
    ("APPEND k x", 0, 0),
    ("LPOP none", 0, 0),
    ("SCAN 0", 0, 0),
    ("KEYS *", 0, 0),
    ("SINTER s none", 1, 1),
    ("ZRANGE z 0 -1", 1, 0),
    ("RENAME k k2", 0, 0),
    ("COPY k2 k3", 1, 0),
    ("SMEMBERS none", 0, 1),
    ("LCS k2 k3", 2, 0),
    ("GETRANGE k2 0 1", 1, 0),
    ("EXPIRE k2 100", 0, 0),
    ("PERSIST k2", 0, 0),
    ("RANDOMKEY", 0, 0),
    ("SINTERSTORE d s s", 2, 0),
    ("GET l", 1, 0),
    ("ZADD z 2 b", 0, 0),
    ("LMOVE l l LEFT LEFT", 0, 0),
    ("SETRANGE k2 0 a", 0, 0),
    ("SETNX k2 v", 0, 0),
    ("SET k2 v NX", 0, 0),
    ("ZUNIONSTORE d z z", 0, 0),
];

#[test]
fn config_shows_the_store_and_changes_how_it_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |redis: &Redis, name: &str| {
        let found: Vec<(String, String)> = redis.config_get([name]).unwrap().into_iter().collect();
        found.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    let redis = Redis::open(folder.path().join("store")).unwrap();
    assert_eq!(shown(&redis, "appendonly"), ["yes"]);
    assert_eq!(shown(&redis, "dir"), [folder.path().join("store").display().to_string()]);
    assert_eq!(shown(&redis, "appendfsync"), ["everysec"]);
    redis.config_set([("appendfsync", "always")]).unwrap();
    assert_eq!(shown(&redis, "appendfsync"), ["always"]);
    let refused = redis.config_set([("appendfsync", "foo")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - argument(s) must be one of the \
         following: everysec, always, no"
    );
    assert_eq!(shown(&Redis::memory(), "appendonly"), ["no"]);
}

fn counted(redis: &Redis, name: &str) -> u64 {
    let redlet::Reply::Verbatim(text) = redis.execute(&["INFO", "stats"]).unwrap() else { panic!("text") };
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[test]
fn hits_and_misses_are_counted_where_a_real_server_counts_them() {
    let redis = Redis::memory();
    let run = |line: &str| redis.execute(&line.split(' ').collect::<Vec<_>>());
    for line in ["SET k v", "RPUSH l a b", "HSET h f v", "SADD s a", "ZADD z 1 a"] {
        run(line).unwrap();
    }
    let mut wrong = Vec::new();
    for (line, hits, misses) in COUNTED {
        run("CONFIG RESETSTAT").unwrap();
        // Some are refused, after they have looked.
        let _ = run(line);
        let found = (counted(&redis, "keyspace_hits"), counted(&redis, "keyspace_misses"));
        if found != (hits, misses) {
            wrong.push(format!("{line}: {found:?}, not {:?}", (hits, misses)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A section of INFO.
fn section(redis: &Redis, name: &str) -> String {
    let redlet::Reply::Verbatim(text) = redis.execute(&["INFO", name]).unwrap() else { panic!("text") };
    text
}

/// The lines are those of Redis 8.0.2 after the same commands.
#[test]
fn what_deadlines_leave_is_averaged_and_lengths_are_told_when_they_are_asked_for() {
    let clock = ManualClock::at(UnixMs(1_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    let run = |line: &str| drop(redis.execute(&line.split(' ').collect::<Vec<_>>()).unwrap());
    assert_eq!(section(&redis, "keysizes"), "# Keysizes\r\n");
    for line in ["SET k 12345 EX 100", "SET l 1 PX 300000", "SET m v PX 1", "RPUSH n a b c", "ZADD z 1 a 2 b"]
    {
        run(line);
    }
    run(&format!("SET big {}", "x".repeat(3000)));
    clock.advance(std::time::Duration::from_secs(1));
    redis.tick(usize::MAX);
    assert_eq!(
        section(&redis, "keyspace"),
        "# Keyspace\r\ndb0:keys=5,expires=2,avg_ttl=199000,subexpiry=0\r\n"
    );
    assert_eq!(
        section(&redis, "keysizes"),
        "# Keysizes\r\ndb0_distrib_strings_sizes:1=1,4=1,2K=1\r\ndb0_distrib_lists_items:2=1\r\n\
         db0_distrib_zsets_items:2=1\r\n"
    );
    for line in ["PERSIST k", "PEXPIRE l 1000", "COPY l o", "FLUSHDB", "SET p v PX 500"] {
        run(line);
    }
    assert_eq!(section(&redis, "keyspace"), "# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=500,subexpiry=0\r\n");
}
