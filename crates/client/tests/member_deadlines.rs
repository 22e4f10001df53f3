//! Members of sets that expire by themselves. What Redis does is told by tests/unit/type/set-member-expire.tcl of its branch of member
//! deadlines, github.com/ronen-kalish/redis at 34d73c9; no server with them has been released but as 8.12-RC1.
use std::collections::BTreeSet;
use std::time::Duration;

use redlet::{Bytes, Commands, Draw, ExpireWhen, ExpiresAt, FieldExpire, FieldPersist, ManualClock};
use redlet::{Redis, ScanOptions, SortBy, SortOptions, Ttl, UnixMs};

const NOW: UnixMs = UnixMs(1_700_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);

fn store() -> (Redis, ManualClock) {
    let clock = ManualClock::at(NOW);
    (Redis::builder().clock(clock.clone()).build().unwrap(), clock)
}

/// Gives members a deadline and lets it pass; nobody removes them yet.
fn let_expire(redis: &Redis, clock: &ManualClock, key: &str, members: &[&str]) {
    redis.spexpire(key, Duration::from_millis(5), members).unwrap();
    clock.advance(Duration::from_millis(6));
}

/// A set of `c`, of so many more, and of `a` and `b`, which have expired and were not removed yet.
fn with_expired_members(redis: &Redis, clock: &ManualClock, more: usize) {
    redis.sadd("s", ["a", "b", "c"]).unwrap();
    redis.sadd("s", (0..more).map(|number| format!("m{number}"))).unwrap();
    let_expire(redis, clock, "s", &["a", "b"]);
}

fn sorted(members: Vec<Bytes>) -> Vec<Bytes> {
    members.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn no_command_sees_a_member_after_its_time() {
    for more in [0, 600] {
        let (redis, clock) = store();
        with_expired_members(&redis, &clock, more);
        assert!(!redis.sismember("s", "a").unwrap());
        assert_eq!(redis.smismember("s", ["a", "c", "b"]).unwrap(), [false, true, false]);
        assert_eq!(redis.smembers("s").unwrap().len(), 1 + more);
        assert_eq!(redis.sscan_iter("s", ScanOptions::default()).count(), 1 + more);
        let drawn = redis.srandmember_many("s", Draw::Different(1000)).unwrap();
        assert_eq!(drawn.len(), 1 + more);
        let drawn = redis.srandmember_many("s", Draw::Repeating(200)).unwrap();
        assert!(drawn.iter().all(|member| *member != "a" && *member != "b"));
        assert_ne!(redis.srandmember("s").unwrap().unwrap(), "a");
        redis.sadd("other", ["a", "c", "y"]).unwrap();
        assert_eq!(redis.sinter(["s", "other"]).unwrap(), ["c"]);
        assert_eq!(sorted(redis.sdiff(["other", "s"]).unwrap()), ["a", "y"]);
        assert_eq!(redis.sunion(["s", "other"]).unwrap().len(), 3 + more);
        assert_eq!(redis.sintercard(["s", "other"], 0).unwrap(), 1);
        assert_eq!(redis.sunioncard(["s", "other"], 0).unwrap(), 3 + more);
        assert_eq!(redis.sdiffcard(["other", "s"], 0).unwrap(), 2);
        assert_eq!(redis.sinterstore("stored", ["s", "other"]).unwrap(), 1);
        assert_eq!(redis.zunionstore("scored", ["s", "other"]).unwrap(), 3 + more);
        let unsorted = SortOptions { by: SortBy::Nothing, ..SortOptions::default() };
        for options in [SortOptions { alpha: true, ..SortOptions::default() }, unsorted] {
            assert_eq!(redis.sort("s", &options).unwrap().len(), 1 + more);
        }
        assert_eq!(redis.sttl("s", ["a", "c"]).unwrap(), [Ttl::Missing, Ttl::Persistent]);
        assert_eq!(redis.sexpiretime("s", ["b"]).unwrap(), [ExpiresAt::Missing]);
        assert_eq!(redis.sexpire("s", MINUTE, ["a"]).unwrap(), [FieldExpire::Missing]);
        assert_eq!(redis.spersist("s", ["a"]).unwrap(), [FieldPersist::Missing]);
        assert!(!redis.smove("s", "other", "b").unwrap());
        // As in Redis, where they are counted until they are removed, which SMOVE did with one.
        assert_eq!(redis.scard("s").unwrap(), 2 + more);
        assert_eq!(redis.srem("s", ["a"]).unwrap(), 0);
        assert_eq!(redis.scard("s").unwrap(), 1 + more);
        assert_eq!(redis.sadd("s", ["a", "c"]).unwrap(), 1);
        assert_eq!(redis.sttl("s", ["a"]).unwrap(), [Ttl::Persistent]);
        let_expire(&redis, &clock, "s", &["a"]);
        let popped = redis.spop_count("s", 1000).unwrap();
        assert_eq!((popped.len(), redis.exists(["s"]).unwrap()), (1 + more, 0));
    }
}

#[test]
fn spop_finds_no_key_where_every_member_has_expired() {
    for count in [None, Some(1), Some(9)] {
        let (redis, clock) = store();
        redis.sadd("s", ["a", "b"]).unwrap();
        redis.expire("s", MINUTE).unwrap();
        let_expire(&redis, &clock, "s", &["a", "b"]);
        match count {
            None => assert_eq!(redis.spop("s").unwrap(), None),
            Some(count) => assert!(redis.spop_count("s", count).unwrap().is_empty()),
        }
        assert_eq!(redis.exists(["s"]).unwrap(), 0);
        redis.sadd("s", ["a"]).unwrap();
        assert_eq!(redis.ttl("s").unwrap(), Ttl::Persistent, "another set than the one before");
    }
}

#[test]
fn a_member_that_is_added_again_keeps_its_deadline() {
    for more in [0, 600] {
        let (redis, _) = store();
        redis.sadd("s", (0..more + 2).map(|number| format!("m{number}"))).unwrap();
        redis.sexpire("s", MINUTE, ["m0"]).unwrap();
        assert_eq!(redis.sadd("s", ["m0", "new"]).unwrap(), 1);
        assert_eq!(redis.sttl("s", ["m0", "new"]).unwrap(), [Ttl::Remaining(MINUTE), Ttl::Persistent]);
    }
}

#[test]
fn a_moved_member_takes_its_deadline_along_or_the_lack_of_one() {
    for more in [0, 600] {
        let (redis, _) = store();
        let refill = || {
            redis.delete(["from", "to"]).unwrap();
            redis.sadd("from", ["m"]).unwrap();
            redis.sadd("to", (0..=more).map(|number| format!("x{number}"))).unwrap();
        };
        let moved = || {
            assert!(redis.smove("from", "to", "m").unwrap());
            assert_eq!(redis.exists(["from"]).unwrap(), 0);
            redis.sttl("to", ["m"]).unwrap()[0]
        };
        refill();
        redis.sexpire("from", MINUTE, ["m"]).unwrap();
        assert_eq!(moved(), Ttl::Remaining(MINUTE));
        refill();
        redis.sadd("to", ["m"]).unwrap();
        redis.sexpire("to", MINUTE, ["m"]).unwrap();
        assert_eq!(moved(), Ttl::Persistent);
        refill();
        redis.sadd("to", ["m"]).unwrap();
        redis.sexpire("to", MINUTE, ["m"]).unwrap();
        redis.sexpire("from", 2 * MINUTE, ["m"]).unwrap();
        assert_eq!(moved(), Ttl::Remaining(2 * MINUTE));
        redis.sadd("to", ["stays"]).unwrap();
        redis.sexpire("to", MINUTE, ["stays"]).unwrap();
        assert!(redis.smove("to", "to", "stays").unwrap());
        assert_eq!(redis.sttl("to", ["stays"]).unwrap(), [Ttl::Remaining(MINUTE)]);
    }
}

#[test]
fn a_stored_member_has_the_earliest_deadline_of_those_that_it_comes_from() {
    let (redis, _) = store();
    let ttl = |key: &str, member: &str| redis.sttl(key, [member]).unwrap()[0];
    redis.sadd("a", ["m1", "m2", "m3", "m4"]).unwrap();
    redis.sadd("b", ["m2", "m3", "m5"]).unwrap();
    redis.sexpire("a", 10 * MINUTE, ["m1", "m2"]).unwrap();
    redis.sexpire("b", MINUTE, ["m2", "m3", "m5"]).unwrap();
    redis.sunionstore("d", ["a", "b"]).unwrap();
    let expected = [("m1", 10), ("m2", 1), ("m3", 1), ("m5", 1)];
    for (member, minutes) in expected {
        assert_eq!(ttl("d", member), Ttl::Remaining(minutes * MINUTE), "{member} of the union");
    }
    assert_eq!(ttl("d", "m4"), Ttl::Persistent);
    redis.sinterstore("d", ["a", "b"]).unwrap();
    assert_eq!((ttl("d", "m2"), ttl("d", "m3")), (Ttl::Remaining(MINUTE), Ttl::Remaining(MINUTE)));
    // Of a difference, a member comes from the first set only.
    redis.sdiffstore("d", ["a", "b"]).unwrap();
    assert_eq!((ttl("d", "m1"), ttl("d", "m4")), (Ttl::Remaining(10 * MINUTE), Ttl::Persistent));
    redis.sunionstore("d", ["d"]).unwrap();
    assert_eq!(ttl("d", "m1"), Ttl::Remaining(10 * MINUTE));
    redis.spersist("a", ["m1", "m2"]).unwrap();
    redis.sdiffstore("d", ["a", "b"]).unwrap();
    assert_eq!(ttl("d", "m1"), Ttl::Persistent);
    assert_eq!(redis.info("keyspace").unwrap()["db0"], "keys=3,expires=0,avg_ttl=0,subexpiry=1");
}

#[test]
fn a_set_goes_with_its_last_member() {
    for more in [0, 600] {
        let (redis, clock) = store();
        with_expired_members(&redis, &clock, more);
        redis.srem("s", ["c"]).unwrap();
        redis.srem("s", (0..more).map(|number| format!("m{number}"))).unwrap();
        assert_eq!(redis.exists(["s"]).unwrap(), 1);
        let due = redis.tick(100).next_at;
        assert_eq!((redis.exists(["s"]).unwrap(), due), (0, None));
        assert_eq!(redis.info("stats").unwrap()["expired_subkeys"], "2");
    }
}

#[test]
fn what_has_begun_to_expire_is_removed_in_small_parts() {
    const MEMBERS: usize = 20_000;
    let (redis, clock) = store();
    redis.sadd("s", 0..MEMBERS).unwrap();
    redis.sadd("s", ["stays"]).unwrap();
    for number in 0..MEMBERS {
        redis.spexpire("s", Duration::from_millis(100 + number as u64 % 100), [number]).unwrap();
    }
    assert_eq!(redis.info("keyspace").unwrap()["db0"], "keys=1,expires=0,avg_ttl=0,subexpiry=1");
    clock.advance(Duration::from_millis(201));
    let (mut ticks, mut left) = (0, MEMBERS + 1);
    while redis.tick(500).next_at.is_some() {
        let now_left = redis.scard("s").unwrap();
        assert!(left - now_left <= 1000, "{} went at once", left - now_left);
        left = now_left;
        ticks += 1;
        assert!(ticks < MEMBERS, "every tick gets on");
    }
    assert_eq!(redis.smembers("s").unwrap(), ["stays"]);
    assert_eq!(redis.info("keyspace").unwrap()["db0"], "keys=1,expires=0,avg_ttl=0,subexpiry=0");
}

#[test]
fn deadlines_go_with_the_value() {
    for more in [0, 600] {
        let (redis, clock) = store();
        redis.sadd("s", 0..more + 2).unwrap();
        redis.sexpireat("s", UnixMs(NOW.0 + 100), [0]).unwrap();
        redis.copy("s", "copied").unwrap();
        redis.rename("s", "renamed").unwrap();
        redis.copy("renamed", "moved").unwrap();
        redis.move_to("moved", 1).unwrap();
        let other = redis.select(1).unwrap();
        for (db, key) in [(&redis, "copied"), (&redis, "renamed"), (&other, "moved")] {
            assert_eq!(db.spexpiretime(key, [0]).unwrap(), [ExpiresAt::At(UnixMs(NOW.0 + 100))], "{key}");
        }
        clock.advance(Duration::from_millis(101));
        while redis.tick(100).next_at.is_some() {}
        for (db, key) in [(&redis, "copied"), (&redis, "renamed"), (&other, "moved")] {
            assert_eq!(db.scard(key).unwrap(), more + 1, "{key}");
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
        redis.sadd("small", ["a", "b", "c"]).unwrap();
        redis.sexpire("small", MINUTE, ["a", "b", "c"]).unwrap();
        redis.sadd("big", 0..1000).unwrap();
        redis.sexpire("big", 2 * MINUTE, 0..500).unwrap();
        redis.spersist("big", [7]).unwrap();
        redis.spersist("small", ["a"]).unwrap();
        redis.smove("big", "small", 8).unwrap();
        redis.sunionstore("stored", ["small", "big"]).unwrap();
        if is_saved {
            redis.save().unwrap();
        }
        redis.close().unwrap();
        clock.advance(MINUTE + Duration::from_secs(1));
        let redis = open();
        assert_eq!(sorted(redis.smembers("small").unwrap()), ["8", "a"]);
        let remaining = Ttl::Remaining(Duration::from_secs(59));
        assert_eq!(redis.sttl("big", [0, 7]).unwrap(), [remaining, Ttl::Persistent]);
        assert_eq!(redis.sttl("small", [8]).unwrap(), [remaining]);
        // The member is removed before it comes again, and stays without a deadline when that is read again.
        assert_eq!(redis.sadd("small", ["b"]).unwrap(), 1);
        clock.advance(MINUTE);
        while redis.tick(1000).next_at.is_some() {}
        assert_eq!((redis.scard("big").unwrap(), redis.scard("stored").unwrap()), (501, 502));
        redis.close().unwrap();
        let redis = open();
        assert_eq!((redis.scard("big").unwrap(), redis.scard("stored").unwrap()), (501, 502));
        assert_eq!(sorted(redis.smembers("small").unwrap()), ["a", "b"]);
        assert_eq!(redis.sttl("small", ["b"]).unwrap(), [Ttl::Persistent]);
    }
}

#[test]
fn conditions_look_at_each_member() {
    use FieldExpire::{Missing, Refused, Set};

    let (redis, _) = store();
    let set = |when, minutes: u32, members: &[&str]| {
        redis.sexpire_with("s", minutes * MINUTE, when, members).unwrap()
    };
    redis.sadd("s", ["a", "b"]).unwrap();
    assert_eq!(set(ExpireWhen::Later, 5, &["a"]), [Refused], "no deadline is later than any");
    assert_eq!(set(ExpireWhen::Some, 5, &["a"]), [Refused]);
    assert_eq!(set(ExpireWhen::None, 5, &["a", "nosuch"]), [Set, Missing]);
    assert_eq!(set(ExpireWhen::None, 5, &["a", "b"]), [Refused, Set]);
    assert_eq!(set(ExpireWhen::Later, 4, &["a"]), [Refused]);
    assert_eq!(set(ExpireWhen::Later, 6, &["a"]), [Set]);
    assert_eq!(set(ExpireWhen::Earlier, 6, &["a", "b"]), [Refused, Refused]);
    assert_eq!(set(ExpireWhen::Earlier, 3, &["a", "b"]), [Set, Set]);
    assert_eq!(redis.spexpireat("s", NOW, ["a", "b"]).unwrap(), [FieldExpire::Deleted; 2]);
    assert_eq!(redis.exists(["s"]).unwrap(), 0);
}
