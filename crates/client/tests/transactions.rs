//! A transaction whose closure fails has never happened, for anybody.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use redlet::{Classes, Commands, Error, ManualClock, Redis, Reply, UnixMs};

/// A closure's own error.
#[derive(Debug)]
enum Failed {
    Store,
    OnPurpose,
}

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self::Store
    }
}

/// Changes a string, a list and a key that is not there, and fails.
fn fail(redis: &Redis) {
    let failed = redis.transaction(&["string", "list", "missing"], |t| {
        t.set("string", "other")?;
        t.expire("string", Duration::from_secs(5))?;
        t.rpush("list", ["b"])?;
        t.lpop("list")?;
        t.hset("missing", "field", "value")?;
        assert_eq!(t.get("string")?.unwrap(), "other", "it sees its own changes");
        Err::<(), _>(Failed::OnPurpose)
    });
    assert!(matches!(failed, Err(Failed::OnPurpose)));
}

fn filled(redis: Redis) -> Redis {
    redis.set("string", "as it was").unwrap();
    redis.rpush("list", ["a"]).unwrap();
    redis
}

fn assert_unchanged(redis: &Redis) {
    assert_eq!(redis.get("string").unwrap().unwrap(), "as it was");
    assert_eq!(redis.execute(&["TTL", "string"]).unwrap(), Reply::Integer(-1));
    assert_eq!(redis.lrange("list", 0, -1).unwrap(), ["a"]);
    assert_eq!(redis.dbsize().unwrap(), 2);
}

#[test]
fn a_closure_that_fails_changes_nothing() {
    let redis = filled(Redis::memory());
    fail(&redis);
    assert_unchanged(&redis);
}

#[test]
fn a_closure_that_panics_changes_nothing_and_the_store_goes_on() {
    let redis = filled(Redis::memory());
    let panics = || {
        redis.transaction(&["string", "list"], |t| -> Result<(), Error> {
            t.delete(["string"])?;
            t.rpush("list", ["b"])?;
            panic!("on purpose");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_unchanged(&redis);
    assert_eq!(redis.rpush("list", ["b"]).unwrap(), 2);
}

#[test]
fn an_error_that_is_not_returned_undoes_nothing() {
    let redis = Redis::memory();
    redis
        .transaction(&["a"], |t| {
            t.set("a", "v")?;
            assert!(t.incr("a").is_err());
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!(redis.get("a").unwrap().unwrap(), "v");
}

#[test]
fn what_was_undone_is_not_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let open = || Redis::builder().path(folder.path()).clock(clock.clone()).build().unwrap();
    let redis = filled(open());
    redis.sync().unwrap();
    let bytes = |redis: &Redis| {
        let Reply::Verbatim(info) = redis.execute(&["INFO", "persistence"]).unwrap() else {
            panic!("INFO is text")
        };
        let size = info.lines().find_map(|line| line.strip_prefix("aof_current_size:").map(str::to_owned));
        size.expect("a store on disk tells how long its log is")
    };
    let before = bytes(&redis);
    fail(&redis);
    redis.sync().unwrap();
    assert_eq!(bytes(&redis), before);
    redis.close().unwrap();
    assert_unchanged(&open());
}

#[test]
fn nobody_hears_of_what_was_undone() {
    let redis = filled(Redis::memory());
    let mut changes = redis.observe("*", Classes::CHANGES).unwrap();
    fail(&redis);
    assert_eq!(changes.try_next(), None);
}

#[test]
fn watched_keys_have_not_changed_by_what_was_undone() {
    let redis = filled(Redis::memory());
    let mut session = redis.session();
    let mut run = |words: &[&str]| session.execute(words).unwrap();
    run(&["WATCH", "string", "list", "missing"]);
    fail(&redis);
    run(&["MULTI"]);
    run(&["GET", "string"]);
    assert_eq!(run(&["EXEC"]), Reply::Array(vec![Reply::bulk("as it was")]));
}

#[test]
fn whoever_waits_is_not_served_with_what_was_undone() {
    let redis = Redis::memory();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| redis.blpop(["queue"], Duration::from_secs(30)).unwrap());
        while redis.waiting_callers() == 0 {
            thread::yield_now();
        }
        let failed = redis.transaction(&["queue"], |t| {
            t.rpush("queue", ["undone"])?;
            Err::<(), _>(Failed::OnPurpose)
        });
        assert!(failed.is_err());
        redis.rpush("queue", ["done"]).unwrap();
        assert_eq!(waiter.join().unwrap().unwrap().1, "done");
    });
}
