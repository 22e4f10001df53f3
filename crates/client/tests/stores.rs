//! Stores on disk, as a program uses them.
use std::time::Duration;

use redlet::{Bytes, Commands, ExpiresAt, Fsync, ManualClock, Redis, SimVfs, Ttl, UnixMs};

#[test]
fn everything_is_there_after_a_checkpoint_and_more_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::open(&path).unwrap();
    assert!(redis.recovery().unwrap().is_new);
    for number in 0..5000 {
        redis.set(format!("key:{number}"), number).unwrap();
    }
    redis.hset("hash", "field", "value").unwrap();
    redis.zadd("zset", [("low", 1.0), ("high", 2.0)]).unwrap();
    redis.select(3).unwrap().sadd("set", ["a", "b"]).unwrap();
    redis.expireat("key:1", UnixMs(33_177_117_420_000)).unwrap();
    redis.save().unwrap();
    redis.rename("key:2", "renamed").unwrap();
    redis.rpush("list", ["x", "y", "z"]).unwrap();
    redis.lpop("list").unwrap();
    redis.close().unwrap();

    let redis = Redis::open(&path).unwrap();
    let report = redis.recovery().unwrap();
    assert!(report.snapshot.is_some() && report.units == 3, "{report}");
    assert_eq!(redis.dbsize().unwrap(), 5003);
    assert_eq!(redis.get("key:4999").unwrap().unwrap(), "4999");
    assert_eq!(redis.get("renamed").unwrap().unwrap(), "2");
    assert_eq!(redis.expiretime("key:1").unwrap(), ExpiresAt::At(UnixMs(33_177_117_420_000)));
    assert_eq!(redis.lrange("list", 0, -1).unwrap(), ["y", "z"]);
    assert_eq!(redis.zrange("zset", 0, -1).unwrap(), ["low", "high"]);
    assert_eq!(redis.select(3).unwrap().scard("set").unwrap(), 2);
}

#[test]
fn snapshots_made_while_writers_go_on_lose_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::open(&path).unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|thread| {
                let redis = redis.clone();
                scope.spawn(move || {
                    for number in 0..4000 {
                        let (list, key) = (format!("list:{thread}"), format!("moving:{thread}:{number}"));
                        redis.rpush(&list, [number]).unwrap();
                        redis.set(&key, number).unwrap();
                        redis.rename(&key, format!("moved:{thread}:{number}")).unwrap();
                        redis.incr("counter").unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..8 {
            redis.save().unwrap();
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
    redis.close().unwrap();
    let redis = Redis::open(&path).unwrap();
    assert_eq!(redis.get("counter").unwrap().unwrap(), "8000");
    for thread in 0..2 {
        assert_eq!(redis.llen(format!("list:{thread}")).unwrap(), 4000);
    }
    assert_eq!(redis.keys("moved:*").unwrap().len(), 8000);
    assert_eq!(redis.keys("moving:*").unwrap().len(), 0);
}

/// Everything that a store holds, by database, key and value.
fn content(redis: &Redis) -> Vec<(usize, String, String)> {
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    let mut content = Vec::new();
    for db in 0..4 {
        let redis = redis.select(db).unwrap();
        for key in redis.keys("*").unwrap() {
            let value = redis.get(&key).unwrap().unwrap();
            content.push((db, text(key), text(value)));
        }
    }
    content.sort_unstable();
    content
}

/// Two shards of ten thousand keys are 32 sections, between which databases change places and are emptied.
#[test]
fn snapshots_of_many_sections_made_while_databases_change_places_lose_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::builder().path(&path).shards(2).build().unwrap();
    let databases = [0, 1, 2, 3].map(|db| redis.select(db).unwrap());
    for number in 0..20_000 {
        databases[number % 2].set(format!("key:{number}"), number).unwrap();
    }
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (is_done, databases) = (&is_done, &databases);
        let writer = scope.spawn(move || {
            let mut number = 0;
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                databases[number % 4].swapdb(number % 3, (number + 1) % 3).unwrap();
                databases[3].set(format!("key:{number}"), number).unwrap();
                databases[0].incr(format!("count:{}", number % 50)).unwrap();
                let _ = databases[1].rename(format!("key:{}", number % 7000), format!("moved:{number}"));
                databases[1].move_to(format!("key:{}", number % 5000), 2).unwrap();
                if number % 40 == 0 {
                    databases[3].flushdb().unwrap();
                }
            }
        });
        for _ in 0..8 {
            redis.save().unwrap();
        }
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
    });
    let before = content(&redis);
    drop(databases);
    redis.close().unwrap();
    let redis = Redis::open(&path).unwrap();
    assert!(redis.recovery().unwrap().snapshot.is_some());
    // Compared whole, but not shown: thousands of keys would be.
    assert!(content(&redis) == before, "{} keys, {} before", content(&redis).len(), before.len());
}

#[test]
fn a_second_opening_fails_at_once_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let _open = Redis::open(&path).unwrap();
    let error = Redis::open(&path).unwrap_err().to_string();
    assert!(error.contains("is open in another process"), "{error}");
}

#[test]
fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let vfs = SimVfs::default();
    let redis = Redis::builder().path("/store").vfs(vfs.clone()).fsync(Fsync::Always).build().unwrap();
    redis.set("k", "v").unwrap();
    vfs.fail_from(vfs.calls());
    let error = redis.set("k", "w").unwrap_err().to_string();
    assert!(error.starts_with("MISCONF") && error.contains("no space left"), "{error}");
    let later = redis.set("other", "x").unwrap_err().to_string();
    assert_eq!(later, error);
    assert!(redis.get("k").unwrap().is_some(), "reads go on");
    assert_eq!(redis.get("other").unwrap(), None, "what was refused was not done");
}

#[test]
fn a_store_whose_disk_was_full_at_a_save_opens_and_is_read() {
    let vfs = SimVfs::default();
    let open = || Redis::builder().path("/store").vfs(vfs.clone()).fsync(Fsync::Always).build().unwrap();
    let redis = open();
    redis.set("k", "v").unwrap();
    vfs.fail_from(vfs.calls());
    assert!(redis.save().is_err());
    drop(redis);
    let redis = open();
    assert_eq!(redis.get("k").unwrap().unwrap(), "v");
    let error = redis.set("k", "w").unwrap_err().to_string();
    assert!(error.starts_with("MISCONF") && error.contains("no space left"), "{error}");
}

#[test]
fn a_save_that_fails_says_why_shows_in_info_and_lets_writes_go_on() {
    let vfs = SimVfs::default();
    let redis = Redis::builder().path("/store").vfs(vfs.clone()).fsync(Fsync::Always).build().unwrap();
    let persistence = || format!("{:?}", redis.execute(&["INFO", "persistence"]).unwrap());
    redis.set("k", "v").unwrap();
    vfs.deny(Some("snapshot-"));
    let error = redis.save().unwrap_err().to_string();
    assert!(error.starts_with("ERR the snapshot could not be written"), "{error}");
    assert!(error.contains("cannot create /store/snapshot-") && error.contains("no space left"), "{error}");
    for line in ["rdb_last_bgsave_status:err", "aof_last_bgrewrite_status:err", "aof_last_write_status:ok"] {
        assert!(persistence().contains(line), "{}", persistence());
    }
    redis.set("k", "w").unwrap();
    vfs.deny(None);
    redis.save().unwrap();
    for line in ["rdb_last_bgsave_status:ok", "aof_last_bgrewrite_status:ok"] {
        assert!(persistence().contains(line), "{}", persistence());
    }
    drop(redis);
    let redis = Redis::builder().path("/store").vfs(vfs).build().unwrap();
    assert_eq!(redis.get("k").unwrap().unwrap(), "w");
}

#[test]
fn a_key_that_expired_while_the_store_was_closed_is_not_seen_and_not_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let open = || Redis::builder().path(&path).clock(clock.clone()).build().unwrap();
    let redis = open();
    redis.hset("session", "user", "alice").unwrap();
    redis.expire("session", Duration::from_mins(1)).unwrap();
    redis.setex("kept", Duration::from_hours(1), "x").unwrap();
    redis.close().unwrap();
    clock.advance(Duration::from_secs(61));
    let redis = open();
    assert_eq!(redis.hgetall("session").unwrap().len(), 0);
    redis.hset("session", "user", "bob").unwrap();
    redis.close().unwrap();
    let redis = open();
    assert_eq!(redis.hlen("session").unwrap(), 1);
    assert_eq!(redis.ttl("session").unwrap(), Ttl::Persistent);
    assert_eq!(redis.ttl("kept").unwrap(), Ttl::Remaining(Duration::from_secs(3539)));
}

#[test]
fn a_store_in_memory_does_not_notice_another_one() {
    let (first, second) = (Redis::memory(), Redis::memory());
    first.set("k", "v").unwrap();
    assert_eq!(second.get("k").unwrap(), None);
}

/// A line of INFO persistence.
fn persistence(redis: &Redis, name: &str) -> String {
    let redlet::Reply::Verbatim(report) = redis.execute(&["INFO", "persistence"]).unwrap() else {
        panic!("no report")
    };
    let line = report.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {report}")).to_owned()
}

#[track_caller]
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    // Much longer than it takes.
    const PATIENCE_SECONDS: i64 = 20;
    let redis = Redis::memory();
    let seconds = || redis.time().unwrap().seconds;
    let end = seconds() + PATIENCE_SECONDS;
    while !is_true() {
        assert!(seconds() < end, "{what} did not come to be");
        std::thread::yield_now();
    }
}

#[test]
fn a_snapshot_is_made_when_a_save_point_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let redis =
        Redis::builder().path(folder.path().join("store")).parameter("save", "1 3 1000 1").build().unwrap();
    let opened_at = redis.lastsave().unwrap();
    redis.mset([("a", 1), ("b", 2)]).unwrap();
    assert_eq!(persistence(&redis, "rdb_changes_since_last_save"), "2");
    assert_eq!(persistence(&redis, "rdb_saves"), "0");
    redis.delete(["a"]).unwrap();
    until("a snapshot", || persistence(&redis, "rdb_saves") == "1");
    assert_eq!(persistence(&redis, "rdb_changes_since_last_save"), "0");
    assert_eq!(persistence(&redis, "rdb_last_bgsave_status"), "ok");
    assert!(redis.lastsave().unwrap() > opened_at, "a second at least has passed");
    redis.config_set([("save", "1000000 1")]).unwrap();
    redis.mset([("a", 1), ("b", 2), ("c", 3)]).unwrap();
    redis.config_set([("save", "1 4")]).unwrap();
    redis.set("d", 4).unwrap();
    until("another", || persistence(&redis, "rdb_saves") == "2");
    redis.close().unwrap();
    let redis = Redis::open(folder.path().join("store")).unwrap();
    assert_eq!(redis.recovery().unwrap().units, 0, "the snapshot has everything");
    assert_eq!(redis.dbsize().unwrap(), 4);
}

/// Redis's own tests wait so; the report said that no log was being rewritten, whatever was.
#[test]
fn who_waits_for_the_end_of_a_rewrite_may_begin_another() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::open(folder.path().join("store")).unwrap();
    for round in 1..=20 {
        redis.set("k", round).unwrap();
        redis.execute(&["BGREWRITEAOF"]).unwrap_or_else(|refusal| panic!("round {round}: {refusal}"));
        until("the end of it", || persistence(&redis, "aof_rewrite_in_progress") == "0");
        assert_eq!(persistence(&redis, "aof_rewrites"), round.to_string());
        assert_eq!(persistence(&redis, "rdb_saves"), round.to_string());
    }
}

/// Nobody looked: writers that sync by themselves told nobody that the log had grown.
#[test]
fn a_log_that_writers_sync_is_replaced_by_a_snapshot_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::builder().path(&path).fsync(Fsync::Always).checkpoint(100, 4096).build().unwrap();
    for number in 0..200 {
        redis.set("k", number).unwrap();
    }
    until("a snapshot", || persistence(&redis, "rdb_saves") != "0");
}
