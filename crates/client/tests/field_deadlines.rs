//! Fields of hashes that expire by themselves.
use std::time::Duration;

use redlet::{
    Bytes, Commands, ExpiresAt, Expiry, FieldExpire, ManualClock, Redis, ScanOptions, Ttl, UnixMs, WhenFields,
};

const NOW: UnixMs = UnixMs(1_700_000_000_000);

fn store() -> (Redis, ManualClock) {
    let clock = ManualClock::at(NOW);
    (Redis::builder().clock(clock.clone()).build().unwrap(), clock)
}

/// A hash of 3 fields, or of 600 more, of which `a` and `b` have expired and were not removed yet.
fn with_expired_fields(redis: &Redis, clock: &ManualClock, more: usize) {
    redis.hset_mapping("h", [("a", 1), ("b", 2), ("c", 3)]).unwrap();
    redis.hset_mapping("h", (0..more).map(|number| (format!("f{number}"), number))).unwrap();
    redis.hpexpire("h", Duration::from_millis(5), ["a", "b"]).unwrap();
    clock.advance(Duration::from_millis(6));
}

#[test]
fn no_command_sees_a_field_after_its_time() {
    for more in [0, 600] {
        let (redis, clock) = store();
        with_expired_fields(&redis, &clock, more);
        assert_eq!(redis.hget("h", "a").unwrap(), None);
        assert_eq!(redis.hmget("h", ["a", "c"]).unwrap(), [None, Some(Bytes::from("3"))]);
        assert!(!redis.hexists("h", "b").unwrap());
        assert_eq!(redis.hstrlen("h", "b").unwrap(), 0);
        assert_eq!(redis.hgetall("h").unwrap().len(), 1 + more);
        assert_eq!(redis.hkeys("h").unwrap().len(), 1 + more);
        assert_eq!(redis.hvals("h").unwrap().len(), 1 + more);
        assert_eq!(redis.hscan_iter("h", ScanOptions::default()).count(), 1 + more);
        assert_eq!(redis.hrandfield_many("h", redlet::Draw::Different(1000)).unwrap().len(), 1 + more);
        let drawn = redis.hrandfield_many("h", redlet::Draw::Repeating(200)).unwrap();
        assert!(drawn.iter().all(|(field, _)| *field != "a" && *field != "b"));
        assert_eq!(redis.httl("h", ["a", "c"]).unwrap(), [Ttl::Missing, Ttl::Persistent]);
        assert_eq!(redis.hexpiretime("h", ["b"]).unwrap(), [ExpiresAt::Missing]);
        assert_eq!(redis.hexpire("h", Duration::from_secs(9), ["a"]).unwrap(), [FieldExpire::Missing]);
        assert_eq!(redis.hgetdel("h", ["a"]).unwrap(), [None]);
        assert_eq!(redis.hdel("h", ["a"]).unwrap(), 0);
        assert!(!redis.hsetex("h", [("b", 9)], WhenFields::Present, Expiry::Keep).unwrap());
        assert_eq!(redis.hincrby("h", "b", 10).unwrap(), 10);
        assert_eq!(redis.httl("h", ["b"]).unwrap(), [Ttl::Persistent]);
        assert!(!redis.hset("h", "b", 11).unwrap());
        // As in Redis, where they are counted until they are removed.
        redis.hpexpire("h", Duration::from_millis(5), ["b"]).unwrap();
        clock.advance(Duration::from_millis(6));
        assert_eq!(redis.hlen("h").unwrap(), 2 + more);
        assert!(redis.hset("h", "b", 12).unwrap());
    }
}

// Each draw looked at all of them: a million, sixteen million times.
#[test]
fn a_draw_of_many_passes_over_what_has_expired_once() {
    let (redis, clock) = store();
    with_expired_fields(&redis, &clock, 50_000);
    redis.hpexpire("h", Duration::from_millis(5), (0..50_000).map(|number| format!("f{number}"))).unwrap();
    clock.advance(Duration::from_millis(6));
    let drawn = redis.hrandfield_many("h", redlet::Draw::Repeating(50_000)).unwrap();
    assert_eq!(drawn.len(), 50_000);
    assert!(drawn.iter().all(|(field, _)| *field == "c"));
    redis.hdel("h", ["c"]).unwrap();
    assert_eq!(redis.hrandfield_many("h", redlet::Draw::Repeating(9)).unwrap(), []);
}

#[test]
fn a_hash_goes_with_its_last_field() {
    for more in [0, 600] {
        let (redis, clock) = store();
        with_expired_fields(&redis, &clock, more);
        redis.hdel("h", ["c"]).unwrap();
        redis.hdel("h", (0..more).map(|number| format!("f{number}"))).unwrap();
        assert_eq!(redis.exists(["h"]).unwrap(), 1);
        let due = redis.tick(100).next_at;
        assert_eq!((redis.exists(["h"]).unwrap(), due), (0, None));
        assert_eq!(redis.info("stats").unwrap()["expired_subkeys"], "2");
    }
}

#[test]
fn what_has_begun_to_expire_is_removed_in_small_parts() {
    const FIELDS: usize = 20_000;
    let (redis, clock) = store();
    redis.hset_mapping("h", (0..FIELDS).map(|number| (number, "v"))).unwrap();
    redis.hset("h", "stays", "v").unwrap();
    for number in 0..FIELDS {
        redis.hpexpire("h", Duration::from_millis(100 + number as u64 % 100), [number]).unwrap();
    }
    assert_eq!(redis.info("keyspace").unwrap()["db0"], "keys=1,expires=0,avg_ttl=0,subexpiry=1");
    clock.advance(Duration::from_millis(201));
    let (mut ticks, mut left) = (0, FIELDS + 1);
    while redis.tick(500).next_at.is_some() {
        let now_left = redis.hlen("h").unwrap();
        assert!(left - now_left <= 1000, "{} went at once", left - now_left);
        left = now_left;
        ticks += 1;
        assert!(ticks < FIELDS, "every tick gets on");
    }
    assert_eq!(redis.hkeys("h").unwrap(), ["stays"]);
    assert_eq!(redis.info("keyspace").unwrap()["db0"], "keys=1,expires=0,avg_ttl=0,subexpiry=0");
}

#[test]
fn the_clock_wakes_the_wheel_for_each_deadline_and_not_before() {
    let (redis, clock) = store();
    redis.hset_mapping("h", [("a", 1), ("b", 2), ("c", 3)]).unwrap();
    redis.hexpire("h", Duration::from_secs(10), ["a"]).unwrap();
    redis.hexpire("h", Duration::from_secs(5), ["b"]).unwrap();
    let mut gone = Vec::new();
    while let Some(at) = redis.tick(100).next_at {
        clock.set(at);
        redis.tick(100);
        let left = redis.hlen("h").unwrap();
        if gone.last() != Some(&(at, left)) && left < 3 - gone.len() {
            gone.push((at, left));
        }
    }
    assert_eq!(gone, [(UnixMs(NOW.0 + 5001), 2), (UnixMs(NOW.0 + 10_001), 1)]);
}

#[test]
fn deadlines_go_with_the_value() {
    for more in [0, 600] {
        let (redis, clock) = store();
        redis.hset_mapping("h", (0..more + 2).map(|number| (number, number))).unwrap();
        redis.hexpireat("h", UnixMs(NOW.0 + 100), [0]).unwrap();
        redis.copy("h", "copied").unwrap();
        redis.rename("h", "renamed").unwrap();
        redis.copy("renamed", "moved").unwrap();
        redis.move_to("moved", 1).unwrap();
        let other = redis.select(1).unwrap();
        for (db, key) in [(&redis, "copied"), (&redis, "renamed"), (&other, "moved")] {
            assert_eq!(db.hpexpiretime(key, [0]).unwrap(), [ExpiresAt::At(UnixMs(NOW.0 + 100))], "{key}");
        }
        clock.advance(Duration::from_millis(101));
        while redis.tick(100).next_at.is_some() {}
        for (db, key) in [(&redis, "copied"), (&redis, "renamed"), (&other, "moved")] {
            assert_eq!(db.hlen(key).unwrap(), more + 1, "{key}");
        }
    }
}

#[test]
fn deadlines_are_kept_by_the_log_and_by_snapshots() {
    for is_saved in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let clock = ManualClock::at(NOW);
        let open = || Redis::builder().path(&path).clock(clock.clone()).build().unwrap();
        let redis = open();
        let minute = Expiry::In(Duration::from_mins(1));
        redis.hsetex("small", [("a", 1), ("b", 2)], WhenFields::Always, minute).unwrap();
        redis.hset_mapping("big", (0..1000).map(|number| (number, number))).unwrap();
        redis.hexpire("big", Duration::from_mins(2), 0..500).unwrap();
        redis.hpersist("big", [7]).unwrap();
        redis.hincrby("small", "b", 1).unwrap();
        redis.hset("small", "a", 9).unwrap();
        if is_saved {
            redis.save().unwrap();
        }
        redis.close().unwrap();
        clock.advance(Duration::from_secs(61));
        let redis = open();
        assert_eq!(redis.hgetall("small").unwrap().len(), 1);
        assert_eq!(redis.hget("small", "a").unwrap().unwrap(), "9");
        assert_eq!(
            redis.httl("big", [0, 7]).unwrap(),
            [Ttl::Remaining(Duration::from_secs(59)), Ttl::Persistent]
        );
        // The field is removed before another comes, and stays away when it is read again.
        assert_eq!(redis.hincrby("small", "b", 5).unwrap(), 5);
        clock.advance(Duration::from_mins(1));
        while redis.tick(1000).next_at.is_some() {}
        assert_eq!(redis.hlen("big").unwrap(), 501);
        redis.close().unwrap();
        let redis = open();
        assert_eq!((redis.hlen("big").unwrap(), redis.hlen("small").unwrap()), (501, 2));
        assert_eq!(redis.httl("small", ["b"]).unwrap(), [Ttl::Persistent]);
    }
}

#[test]
fn a_hash_whose_last_field_expired_begins_anew_without_the_deadline_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let clock = ManualClock::at(NOW);
    let open = || Redis::builder().path(&path).clock(clock.clone()).build().unwrap();
    let redis = open();
    redis.hset("h", "f", 1).unwrap();
    redis.expire("h", Duration::from_hours(1)).unwrap();
    redis.hpexpire("h", Duration::from_millis(5), ["f"]).unwrap();
    clock.advance(Duration::from_millis(6));
    assert_eq!(redis.hincrby("h", "f", 3).unwrap(), 3);
    assert_eq!(redis.ttl("h").unwrap(), Ttl::Persistent);
    redis.close().unwrap();
    let redis = open();
    assert_eq!(
        (redis.hget("h", "f").unwrap().unwrap(), redis.ttl("h").unwrap()),
        (Bytes::from("3"), Ttl::Persistent)
    );
}

#[test]
fn setting_a_field_takes_its_deadline_away_and_adding_to_it_does_not() {
    for more in [0, 600] {
        let (redis, _) = store();
        redis.hset_mapping("h", (0..more + 4).map(|number| (number, number))).unwrap();
        redis.hexpire("h", Duration::from_mins(1), [0, 1, 2, 3]).unwrap();
        redis.hset("h", 0, "x").unwrap();
        redis.hincrby("h", 1, 1).unwrap();
        redis.hincrbyfloat("h", 2, 0.5).unwrap();
        redis.hsetex("h", [(3, "y")], WhenFields::Present, Expiry::Keep).unwrap();
        let minute = Ttl::Remaining(Duration::from_mins(1));
        assert_eq!(redis.httl("h", [0, 1, 2, 3]).unwrap(), [Ttl::Persistent, minute, minute, minute]);
    }
}
