//! Reading first, writing later: what counts as a change in the meantime, and who succeeds.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redlet::{Bytes, Commands, Error, ManualClock, Redis, Reply, Result, UnixMs};

const SECOND: Duration = Duration::from_secs(1);

fn at_noon() -> (ManualClock, Redis) {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    (clock, redis)
}

fn number(value: Option<Bytes>) -> u64 {
    value.map_or(0, |digits| digits.to_str().unwrap().parse().unwrap())
}

/// Whether a commit succeeds after something happened to the keys that it watches.
fn commits_after(happens: impl FnOnce(&ManualClock, &Redis)) -> bool {
    let (clock, redis) = at_noon();
    redis.set("k", "v").unwrap();
    redis.setex("short", SECOND, "v").unwrap();
    redis.select(1).unwrap().set("k", "of another database").unwrap();
    let watched = redis.watch(&["k", "short", "missing"]).unwrap();
    happens(&clock, &redis);
    let committed = watched.commit_with(&["written"], |t| t.set("written", "yes")).unwrap();
    assert_eq!(committed.is_some(), redis.exists(["written"]).unwrap() == 1);
    committed.is_some()
}

#[test]
fn a_commit_succeeds_unless_a_watched_key_has_changed_in_any_way() {
    assert!(commits_after(|_, _| {}));
    assert!(commits_after(|_, redis| redis.set("other", "v").unwrap()));
    assert!(commits_after(|_, redis| redis.select(1).unwrap().set("k", "w").unwrap()));
    assert!(commits_after(|_, redis| assert_eq!(redis.delete(["missing"]).unwrap(), 0)));
    assert!(!commits_after(|_, redis| redis.set("k", "v").unwrap()), "to the same value too");
    assert!(!commits_after(|_, redis| redis.set("missing", "v").unwrap()));
    assert!(!commits_after(|_, redis| assert_eq!(redis.delete(["k"]).unwrap(), 1)));
    assert!(!commits_after(|_, redis| assert!(redis.expire("k", SECOND).unwrap())));
    assert!(!commits_after(|clock, _| clock.advance(2 * SECOND)), "it has expired");
    assert!(!commits_after(|_, redis| redis.flushdb().unwrap()));
    assert!(!commits_after(|_, redis| redis.swapdb(0, 1).unwrap()));
    assert!(!commits_after(|_, redis| redis.transaction(&["k"], |t| t.set("k", "w")).unwrap()));
}

#[test]
fn a_commit_is_a_transaction_on_the_watched_keys_and_those_that_are_named() {
    let (_, redis) = at_noon();
    let undeclared = redis.watch(&["a"]).unwrap().commit(|t| t.set("b", "v"));
    assert!(matches!(undeclared, Err(Error::Command(redlet::core::Error::UndeclaredKey))));
    let failed: Result<Option<()>> = redis.watch(&["a"]).unwrap().commit(|t| {
        t.set("a", "half")?;
        Err(Error::Options("no"))
    });
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(redis.get("a").unwrap(), None, "what it did before is undone");
    let mut watched = redis.watch(&["a"]).unwrap();
    watched.watch(&["b"]).unwrap();
    assert_eq!(watched.commit(|t| t.incr("b")).unwrap(), Some(1));
    let watched = redis.watch(&["a", "a"]).unwrap();
    redis.set("a", "1").unwrap();
    let pipeline = redis.pipeline().command(["INCR", "a"]).command(["INCR", "b"]);
    assert_eq!(watched.execute(pipeline).unwrap().map(|replies| replies.len()), None);
    assert_eq!(redis.get("b").unwrap().unwrap(), "1");
    let replies =
        redis.pipeline().transaction(true).command(["INCR", "a"]).command(["NOSUCH"]).execute().unwrap();
    assert_eq!(replies[0].as_ref().unwrap(), &Reply::Integer(2));
    assert!(replies[1].is_err());
}

#[test]
fn a_body_is_run_again_until_nothing_came_between() {
    let (_, redis) = at_noon();
    let mut runs = 0;
    let seen = redis.optimistic(&["k"], |watched| {
        runs += 1;
        let seen = redis.incr("read")?;
        if runs < 4 {
            redis.set("k", runs)?;
        }
        watched.commit(|t| t.set("k", "mine").map(|()| seen))
    });
    assert_eq!((seen.unwrap(), runs), (4, 4));
    let mut runs = 0;
    let failed: Result<()> = redis.optimistic(&["k"], |_| {
        runs += 1;
        Err(Error::Options("no"))
    });
    assert!(failed.is_err() && runs == 1, "an error is no reason to try again");
    // Whoever has found that there is nothing to write needs no commit.
    assert_eq!(redis.optimistic(&["k"], |_| redis.get("k")).unwrap(), "mine");
}

#[test]
fn callers_that_are_in_each_others_way_lose_nothing() {
    const THREADS: usize = 4;
    const EACH: usize = 300;
    let redis = Redis::memory();
    let tries = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    redis
                        .optimistic(&["a", "b"], |watched| {
                            tries.fetch_add(1, Ordering::Relaxed);
                            let (a, b) = (number(redis.get("a")?), number(redis.get("b")?));
                            std::thread::yield_now();
                            watched.commit(|t| {
                                // What was read outside is what is there now.
                                assert_eq!((number(t.get("a")?), number(t.get("b")?)), (a, b));
                                t.set("a", a + 1)?;
                                t.set("b", b + 2)
                            })
                        })
                        .unwrap();
                }
            });
        }
    });
    let total = (THREADS * EACH) as u64;
    assert_eq!(number(redis.get("a").unwrap()), total);
    assert_eq!(number(redis.get("b").unwrap()), 2 * total);
    assert!(tries.into_inner() >= THREADS * EACH);
}
