//! Entries that a producer sends again are in the stream once. What is expected is what `tests/unit/type/stream.tcl` of Redis 8.6
//! expects.
use std::time::Duration;

use redlet::{
    Commands, IdempotencySettings, ManualClock, ProducersInfo, Redis, StreamId, UnixMs, XAddOptions,
};

const NOW: UnixMs = UnixMs(1_700_000_000_000);

fn store() -> (Redis, ManualClock) {
    let clock = ManualClock::at(NOW);
    (Redis::builder().clock(clock.clone()).build().unwrap(), clock)
}

/// Sends an entry under a producer's ID.
fn send(redis: &Redis, producer: &str, iid: &str) -> StreamId {
    let options = XAddOptions::default().idmp(producer.as_bytes(), iid.as_bytes());
    redis.xadd_with("s", [("field", "value")], options).unwrap().unwrap()
}

/// Sends an entry that its fields and values are the ID of.
fn send_auto(redis: &Redis, producer: &str, fields: &[(&str, &str)]) -> StreamId {
    let options = XAddOptions::default().idmpauto(producer.as_bytes());
    redis.xadd_with("s", fields.iter().copied(), options).unwrap().unwrap()
}

fn producers(redis: &Redis) -> ProducersInfo {
    redis.xinfo_stream("s").unwrap().producers.unwrap()
}

fn counts(redis: &Redis) -> (usize, usize, u64, u64) {
    let ProducersInfo { pids_tracked, iids_tracked, iids_added, iids_duplicates, .. } = producers(redis);
    (pids_tracked, iids_tracked, iids_added, iids_duplicates)
}

#[test]
fn what_is_sent_again_is_answered_with_the_first_entry() {
    let (redis, _) = store();
    let first = send(&redis, "p1", "payment");
    let again = XAddOptions::default().idmp(b"p1", b"payment");
    assert_eq!(redis.xadd_with("s", [("other", "fields")], again).unwrap(), Some(first));
    assert_eq!(redis.xlen("s").unwrap(), 1);
    assert_eq!(redis.xrange("s", ..).unwrap()[0].get("field").unwrap(), "value");
    // The same ID of another producer, and another of the same.
    assert_ne!(send(&redis, "p2", "payment"), first);
    assert_ne!(send(&redis, "p1", "refund"), first);
    assert_eq!(counts(&redis), (2, 3, 3, 1));
    // It is known still when its entry is gone.
    redis.xdel("s", [first]).unwrap();
    assert_eq!(send(&redis, "p1", "payment"), first);
    assert_eq!(redis.xlen("s").unwrap(), 2);
}

#[test]
fn an_id_that_is_made_of_fields_does_not_depend_on_their_order() {
    let (redis, _) = store();
    let first = send_auto(&redis, "p", &[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_eq!(send_auto(&redis, "p", &[("b", "2"), ("c", "3"), ("a", "1")]), first);
    for other in [
        &[("a", "1"), ("b", "2")][..],
        &[("a", "1"), ("b", "2"), ("c", "4")],
        &[("a", "1"), ("b", "3"), ("c", "2")],
        &[("a1", ""), ("b", "2"), ("c", "3")],
    ] {
        assert_ne!(send_auto(&redis, "p", other), first, "{other:?}");
    }
    assert_ne!(send_auto(&redis, "q", &[("a", "1"), ("b", "2"), ("c", "3")]), first);
}

#[test]
fn an_id_is_forgotten_after_its_time() {
    let (redis, clock) = store();
    redis.xadd("s", [("a", "stream")]).unwrap();
    redis.xcfgset("s", IdempotencySettings { duration_s: 2, max_size: 100 }).unwrap();
    let first = send(&redis, "p", "a");
    clock.advance(Duration::from_millis(1_999));
    assert_eq!(send(&redis, "p", "a"), first);
    clock.advance(Duration::from_millis(1));
    assert_eq!(counts(&redis), (0, 0, 1, 1));
    assert_ne!(send(&redis, "p", "a"), first);
    assert_eq!(counts(&redis), (1, 1, 2, 1));
}

#[test]
fn those_of_producers_that_are_gone_take_no_memory_for_good() {
    let (redis, clock) = store();
    send(&redis, "p", "a");
    let usage = || redis.memory_usage("s").unwrap().unwrap();
    let before = usage();
    for number in 0..50 {
        send(&redis, &format!("producer {number}"), "a");
    }
    let full = usage();
    clock.advance(Duration::from_secs(100));
    send(&redis, "p", "a");
    // What is left of them is their entries.
    let after = usage();
    assert!(after < before + 2_000 && full > after + 50 * 100, "{before} {full} {after}");
}

#[test]
fn each_producer_has_its_last_ids_remembered() {
    let (redis, _) = store();
    send(&redis, "p1", "init");
    redis.xcfgset("s", IdempotencySettings { duration_s: 60, max_size: 3 }).unwrap();
    let of_first: Vec<_> = ["1", "2", "3"].map(|iid| send(&redis, "p1", iid)).into();
    let of_second: Vec<_> = ["1", "2", "3"].map(|iid| send(&redis, "p2", iid)).into();
    assert_eq!(["1", "2", "3"].map(|iid| send(&redis, "p1", iid)), *of_first);
    assert_eq!(["1", "2", "3"].map(|iid| send(&redis, "p2", iid)), *of_second);
    assert_eq!(counts(&redis), (2, 6, 7, 6));
    send(&redis, "p1", "4");
    assert_ne!(send(&redis, "p1", "1"), of_first[0]);
    assert_eq!(send(&redis, "p1", "3"), of_first[2]);
    assert_eq!(redis.xlen("s").unwrap(), 9);
}

#[test]
fn another_setting_forgets_all_ids_and_the_same_none() {
    let (redis, _) = store();
    let first = send(&redis, "p", "a");
    redis.xcfgset("s", IdempotencySettings::default()).unwrap();
    assert_eq!(send(&redis, "p", "a"), first);
    redis.xcfgset("s", IdempotencySettings { duration_s: 5, max_size: 100 }).unwrap();
    assert_eq!(counts(&redis), (0, 0, 1, 1));
    let second = send(&redis, "p", "a");
    assert_ne!(second, first);
    assert_eq!(send(&redis, "p", "a"), second);
}

#[test]
fn ids_are_known_after_a_restart_and_in_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOW);
    let path = folder.path().join("store");
    let open = || Redis::builder().path(&path).clock(clock.clone()).build().unwrap();
    let redis = open();
    let first = send(&redis, "p", "a");
    redis.xcfgset("s", IdempotencySettings { duration_s: 75, max_size: 7 }).unwrap();
    let second = send(&redis, "p", "a");
    assert_ne!(first, second);
    redis.close().unwrap();
    // From the log, then from a snapshot.
    for is_saved in [false, true] {
        let redis = open();
        assert_eq!(producers(&redis).settings, IdempotencySettings { duration_s: 75, max_size: 7 });
        assert_eq!(send(&redis, "p", "a"), second);
        if !is_saved {
            redis.save().unwrap();
        }
        redis.copy("s", "copy").unwrap();
        assert_eq!(redis.xinfo_stream("copy").unwrap().producers, redis.xinfo_stream("s").unwrap().producers);
        redis.delete(["copy"]).unwrap();
        redis.close().unwrap();
    }
}
