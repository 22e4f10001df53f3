//! Observers hear of each change once, in order, after it can be seen.
use std::thread;
use std::time::Duration;

use redlet::{Capacity, Class, Classes, Commands, Redis, WhenFull};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn each_change_is_heard_once_and_can_be_seen_by_then() {
    const THREADS: i64 = 4;
    const EACH: i64 = 500;
    let redis = Redis::memory();
    let mut changes = redis.observe("counter", Class::String).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|_| _ = redis.incr("counter").unwrap()));
        }
        for heard in 1..=THREADS * EACH {
            let event = changes.next_within(SOON).unwrap();
            assert_eq!((event.name, event.key.as_ref()), ("incrby", b"counter".as_slice()));
            // Reading what is observed is what observers do: no lock is in the way.
            let seen: i64 = redis.get("counter").unwrap().unwrap().to_str().unwrap().parse().unwrap();
            assert!(seen >= heard, "the change that was heard of is there: {seen} of {heard}");
        }
    });
    assert_eq!(changes.try_next(), None);
}

#[test]
fn what_a_transaction_changes_is_heard_together_and_in_order() {
    let redis = Redis::memory();
    let mut changes = redis.observe("*", Classes::CHANGES).unwrap();
    thread::scope(|scope| {
        for name in ["a", "b"] {
            let redis = &redis;
            scope.spawn(move || {
                for _ in 0..200 {
                    let moved = redis.transaction(&["from", "to"], |t| {
                        t.rpush("from", [name])?;
                        t.lmove("from", "to", redlet::End::Left, redlet::End::Right)
                    });
                    moved.unwrap();
                }
            });
        }
        for _ in 0..2 * 200 {
            let heard: Vec<_> = (0..4).map(|_| changes.next_within(SOON).unwrap().name).collect();
            assert_eq!(heard, ["rpush", "rpush", "lpop", "del"]);
        }
    });
}

#[test]
fn other_databases_keys_and_classes_are_not_heard() {
    let redis = Redis::memory();
    let mut sets = redis.observe("s*", Class::Set).unwrap();
    redis.select(1).unwrap().sadd("s", ["m"]).unwrap();
    redis.sadd("other", ["m"]).unwrap();
    redis.set("string", "v").unwrap();
    redis.sadd("s", ["m"]).unwrap();
    let event = sets.try_next().unwrap();
    assert_eq!((event.db, event.key.as_ref(), event.class), (0, b"s".as_slice(), Class::Set));
    assert_eq!(sets.try_next(), None);
}

#[test]
fn keys_that_are_asked_for_in_vain_are_heard_if_one_likes() {
    let redis = Redis::memory();
    let mut misses = redis.observe("*", Class::KeyMiss).unwrap();
    redis.set("there", "v").unwrap();
    redis.mget(["there", "missing"]).unwrap();
    assert_eq!(misses.try_next().unwrap().key.as_ref(), b"missing");
    assert_eq!(misses.try_next(), None);
}

#[test]
fn an_observer_that_does_not_keep_up_is_cut_off_or_loses_the_oldest() {
    let redis = Redis::memory();
    let observe = |when_full| {
        let capacity = Capacity { items: 2, when_full, ..Capacity::default() };
        redis.observe("*", Class::String).unwrap().capacity(capacity)
    };
    let (cut_off, mut lossy) = (observe(WhenFull::Disconnect), observe(WhenFull::DropOldest));
    for key in ["a", "b", "c"] {
        redis.set(key, "v").unwrap();
    }
    assert!(cut_off.is_cut_off());
    let kept: Vec<_> = cut_off.map(|event| event.key).collect();
    assert_eq!(kept, ["a", "b"], "what there was, and then an end");
    assert_eq!(lossy.try_next().unwrap().key.as_ref(), b"b");
    assert_eq!(lossy.dropped(), 1);
}

#[test]
fn nobody_is_told_once_an_observer_is_gone() {
    let redis = Redis::memory();
    drop(redis.observe("*", Classes::EVERY).unwrap());
    let mut other = redis.observe("*", Class::String).unwrap();
    redis.rpush("list", ["a"]).unwrap();
    redis.set("string", "v").unwrap();
    assert_eq!(other.try_next().unwrap().name, "set");
}
