//! What happens when memory is full, as a caller sees it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redlet::{Cause, Commands, Error, EvictionPolicy, ManualClock, Redis, SetOptions, UnixMs};

const LIMIT: usize = 200_000;

fn used(redis: &Redis) -> usize {
    redis.memory_stats().unwrap().used_bytes
}

fn limited(policy: EvictionPolicy) -> Redis {
    Redis::builder().max_memory(LIMIT).eviction_policy(policy).seed(5).build().unwrap()
}

fn set(redis: &Redis, number: usize, ttl_s: Option<u64>) -> Result<(), Error> {
    let mut options = SetOptions::default();
    if let Some(ttl) = ttl_s {
        options = options.ex(Duration::from_secs(ttl));
    }
    redis.set_with(format!("key:{number}"), "x".repeat(number % 300), options).map(drop)
}

fn is_out_of_memory(error: &Error) -> bool {
    error.to_string() == "OOM command not allowed when used memory > 'maxmemory'."
}

#[test]
fn every_policy_keeps_memory_below_the_limit_and_counts_what_goes() {
    for policy in EvictionPolicy::ALL.into_iter().filter(|policy| *policy != EvictionPolicy::NoEviction) {
        let redis = limited(policy);
        for number in 0..5000 {
            set(&redis, number, Some(1000 + number as u64 % 100)).unwrap();
            assert!(used(&redis) <= LIMIT, "{} after {number}", policy.as_str());
        }
        let left = redis.dbsize().unwrap();
        assert!(left > 400, "{}: {left}", policy.as_str());
        let evicted: usize = redis.info("stats").unwrap()["evicted_keys"].parse().unwrap();
        assert_eq!(left + evicted, 5000, "{}", policy.as_str());
    }
}

#[test]
fn without_eviction_what_needs_memory_is_refused_and_what_frees_it_is_not() {
    let redis = limited(EvictionPolicy::NoEviction);
    let refused = (0..5000).find_map(|number| set(&redis, number, None).err()).unwrap();
    assert!(is_out_of_memory(&refused));
    assert!(used(&redis) > LIMIT && used(&redis) < LIMIT + 1000, "one value above");
    assert!(is_out_of_memory(&redis.rpush("list", ["a"]).unwrap_err()));
    assert!(is_out_of_memory(&redis.append("key:1", "a").unwrap_err()));
    assert!(is_out_of_memory(&redis.transaction(&["key:1"], |t| t.append("key:1", "a")).unwrap_err()));
    assert_eq!(redis.get("key:1").unwrap().unwrap(), "x");
    redis.transaction(&["key:299"], |t| t.delete(["key:299"])).unwrap();
    assert_eq!(redis.delete(["key:298", "key:297"]).unwrap(), 2);
    redis.set("key:1", "there is room again").unwrap();
}

#[test]
fn volatile_policies_leave_keys_without_a_deadline_alone() {
    for policy in EvictionPolicy::ALL.into_iter().filter(|policy| policy.as_str().starts_with("volatile")) {
        let redis = limited(policy);
        (0..200).for_each(|number| set(&redis, number, None).unwrap());
        for number in 1000..5000 {
            set(&redis, number, Some(1000)).unwrap();
        }
        assert!((0..200).all(|number| redis.exists([format!("key:{number}")]).unwrap() == 1));
        // When the last one with a deadline is gone, growth is refused.
        let refused = (5000..9000).find_map(|number| set(&redis, number, None).err()).unwrap();
        assert!(is_out_of_memory(&refused), "{}", policy.as_str());
        assert_eq!(redis.memory_stats().unwrap().keys, redis.dbsize().unwrap());
    }
}

#[test]
fn volatile_ttl_takes_the_key_that_is_nearest_its_deadline() {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let redis = Redis::builder().clock(clock).seed(3).build().unwrap();
    // In an order that has nothing to do with the deadlines, some of which are moved later.
    let ttl = |number: u64| 1000 + number * 7919 % 100_003;
    for number in 0..2000_u64 {
        let options = SetOptions::default().ex(Duration::from_millis(ttl(number) / 2));
        redis.set_with(format!("key:{number}"), "v", options).unwrap();
        redis.pexpire(format!("key:{number}"), Duration::from_millis(ttl(number))).unwrap();
    }
    redis.set_eviction_policy(EvictionPolicy::VolatileTtl);
    let mut by_deadline: Vec<u64> = (0..2000).collect();
    by_deadline.sort_unstable_by_key(|number| ttl(*number));
    while redis.dbsize().unwrap() > 0 {
        redis.set_max_memory(used(&redis) - 1);
        let gone = 2000 - redis.dbsize().unwrap();
        assert!(gone > 0);
        for (place, number) in by_deadline.iter().enumerate() {
            assert_eq!(
                redis.exists([format!("key:{number}")]).unwrap() == 0,
                place < gone,
                "{place} of {gone}"
            );
        }
        redis.set_max_memory(used(&redis) * 9 / 10);
    }
}

#[test]
fn threads_end_no_command_above_the_limit() {
    let redis = limited(EvictionPolicy::AllKeysAdaptive);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (redis, stop) = (redis.clone(), &stop);
            scope.spawn(move || {
                for number in 0..4000 {
                    set(&redis, thread * 10_000 + number, None).unwrap();
                    let _ = redis.get(format!("key:{}", number / 2)).unwrap();
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
        while !stop.load(Ordering::Relaxed) {
            // Each of the three may be within a command.
            assert!(used(&redis) <= LIMIT + 3 * 1000);
        }
    });
    assert!(used(&redis) <= LIMIT);
}

#[test]
fn what_was_evicted_does_not_come_back_with_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let keys = {
        let redis = Redis::open(folder.path().join("store")).unwrap();
        redis.set_eviction_policy(EvictionPolicy::AllKeysLru);
        redis.set_max_memory(LIMIT);
        (0..5000).for_each(|number| set(&redis, number, None).unwrap());
        let mut keys = redis.keys("*").unwrap();
        keys.sort_unstable();
        redis.close().unwrap();
        keys
    };
    let redis = Redis::open(folder.path().join("store")).unwrap();
    let mut again = redis.keys("*").unwrap();
    again.sort_unstable();
    assert_eq!(again, keys);
}

#[test]
fn a_limit_below_what_is_held_takes_effect_at_once() {
    let redis = Redis::memory();
    (0..5000).for_each(|number| set(&redis, number, None).unwrap());
    redis.config_set([("maxmemory", "100kb"), ("maxmemory-policy", "allkeys-lfu")]).unwrap();
    assert!(used(&redis) <= 100 << 10);
    assert!(redis.dbsize().unwrap() > 200);
    redis.config_set([("maxmemory", "1")]).unwrap();
    assert_eq!(redis.dbsize().unwrap(), 0);
    redis.set("k", "is gone again at once").unwrap();
    assert_eq!((redis.get("k").unwrap(), redis.dbsize().unwrap()), (None, 0));
    redis.config_set([("maxmemory", "0")]).unwrap();
    set(&redis, 1, None).unwrap();
    assert_eq!(redis.dbsize().unwrap(), 1);
}

// The refusals are Redis 8.0.2's.
#[test]
fn bad_parameters_are_refused_and_change_nothing() {
    let redis = Redis::memory();
    let refused = |name: &str, value: &str| redis.config_set([(name, value)]).unwrap_err().to_string();
    let failed = |name: &str, why: &str| {
        format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")
    };
    for value in ["-1", "abc", "1kk", "1.5gb"] {
        let text = failed("maxmemory", "argument must be a memory value");
        assert_eq!(refused("maxmemory", value), text, "{value}");
    }
    for value in ["0", "65", "-3"] {
        let text = failed("maxmemory-samples", "argument must be between 1 and 64 inclusive");
        assert_eq!(refused("maxmemory-samples", value), text);
    }
    assert!(
        refused("maxmemory-policy", "fifo")
            .contains("argument(s) must be one of the following: volatile-lru, ")
    );
    assert_eq!(redis.config_get(["maxmemory"]).unwrap()["maxmemory"], "0");
    redis.config_set([("maxmemory", "99999999999999999999999")]).unwrap();
    redis.set("k", "v").unwrap();
    assert_eq!(redis.config_get(["maxmemory"]).unwrap()["maxmemory"], usize::MAX.to_string());
    assert!(Redis::builder().max_memory_samples(0).build().is_err());
    assert!(Redis::builder().max_memory_samples(65).build().is_err());
}

#[test]
fn idle_times_are_in_seconds_under_every_policy_that_has_them() {
    for policy in
        ["noeviction", "allkeys-lru", "volatile-lru", "allkeys-lrm", "allkeys-adaptive", "volatile-ttl"]
    {
        let clock = ManualClock::at(UnixMs(1_700_000_000_000));
        let redis = Redis::builder().clock(clock.clone()).build().unwrap();
        redis.config_set([("maxmemory", "1gb"), ("maxmemory-policy", policy)]).unwrap();
        redis.set("old", "v").unwrap();
        clock.advance(Duration::from_secs(100));
        for number in 0..2000 {
            redis.set(format!("key:{number}"), "v").unwrap();
        }
        redis.set("new", "v").unwrap();
        clock.advance(Duration::from_secs(50));
        let idle = |key: &str| redis.object_idletime(key).unwrap().unwrap().as_secs();
        assert_eq!(idle("old"), 150, "{policy}");
        assert_eq!(idle("new"), 50, "{policy}");
    }
}

#[test]
fn what_is_used_stays_and_what_is_not_goes() {
    for policy in [EvictionPolicy::AllKeysLru, EvictionPolicy::AllKeysLfu, EvictionPolicy::AllKeysAdaptive] {
        let redis = limited(policy);
        let hot = |number: usize| format!("hot:{number}");
        (0..100).for_each(|number| redis.set(hot(number), "v").unwrap());
        for number in 0..20_000 {
            set(&redis, number, None).unwrap();
            redis.get(hot(number % 100)).unwrap();
        }
        let kept = (0..100).filter(|number| redis.exists([hot(*number)]).unwrap() == 1).count();
        assert!(kept >= 95, "{}: {kept}", policy.as_str());
    }
}

#[test]
fn a_listener_hears_of_each_key_that_went_by_itself_once() {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&heard);
    let redis = Redis::builder()
        .clock(clock.clone())
        .seed(1)
        .on_removal(move |removal| writer.lock().unwrap().push(removal.clone()))
        .build()
        .unwrap();
    let second = redis.select(2).unwrap();
    set(&second, 1, Some(10)).unwrap();
    set(&redis, 2, Some(20)).unwrap();
    set(&redis, 3, None).unwrap();
    redis.delete(["key:3"]).unwrap();
    clock.advance(Duration::from_secs(15));
    redis.tick(100);
    clock.advance(Duration::from_secs(15));
    // A write that meets the key before the tick does.
    set(&redis, 2, None).unwrap();
    redis.tick(100);
    redis.set_eviction_policy(EvictionPolicy::AllKeysRandom);
    redis.set_max_memory(1);
    let heard = heard.lock().unwrap();
    let told: Vec<_> = heard.iter().map(|removal| (removal.db, &*removal.key, removal.cause)).collect();
    assert_eq!(
        told,
        [(2, &b"key:1"[..], Cause::Expired), (0, b"key:2", Cause::Expired), (0, b"key:2", Cause::Evicted)]
    );
}

// Many members take longer to free than a caller may wait.
#[test]
fn what_is_big_is_freed_by_somebody_else() {
    let redis = Redis::memory();
    let members: Vec<String> = (0..20_000).map(|number| format!("member:{number}")).collect();
    let freed = || -> usize { redis.info("memory").unwrap()["lazyfreed_objects"].parse().unwrap() };
    for words in
        [&["UNLINK", "set"][..], &["SET", "set", "v"], &["FLUSHALL", "ASYNC"], &["EXPIRE", "set", "-1"]]
    {
        redis.sadd("set", &members).unwrap();
        let before = freed();
        redis.execute(words).unwrap();
        while redis.info("memory").unwrap()["lazyfree_pending_objects"] != "0" {
            std::thread::yield_now();
        }
        assert!(freed() > before, "{words:?}");
        redis.flushall().unwrap();
    }
}

#[test]
fn threads_in_a_full_store_lose_nothing_but_what_is_evicted() {
    const KEYS: usize = 3000;
    const KEPT: usize = 100;
    for policy in EvictionPolicy::ALL.into_iter().filter(|policy| *policy != EvictionPolicy::NoEviction) {
        // Few shards, so that the threads and the evictor are in each other's way.
        let builder = Redis::builder().shards(2).max_memory(LIMIT).eviction_policy(policy).seed(5);
        let redis = builder.build().unwrap();
        let kept = |number: usize| format!("kept:{number}");
        (0..KEPT).for_each(|number| redis.set(kept(number), number.to_string()).unwrap());
        let value = |thread: usize, number: usize| format!("{thread}:{number}:{}", "x".repeat(number % 200));
        let writer = |thread: usize| {
            let key = |number: usize| format!("{thread}:{number}");
            let mut created = 0;
            for number in 0..KEYS {
                let options = SetOptions::default().ex(Duration::from_secs(1000 + number as u64));
                redis.set_with(key(number), value(thread, number), options).unwrap();
                let earlier = number * 7919 % (number + 1);
                if let Some(found) = redis.get(key(earlier)).unwrap() {
                    assert_eq!(found, value(thread, earlier), "{}", policy.as_str());
                }
                let list = format!("{thread}:list:{}", number % 5);
                let is_new = redis.rpush(&*list, ["element"]).unwrap() == 1;
                redis.expire(&*list, Duration::from_secs(5000)).unwrap();
                created += 1 + usize::from(is_new);
            }
            created
        };
        let created: usize = std::thread::scope(|scope| {
            let threads = [0, 1].map(|thread| scope.spawn(move || writer(thread)));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(used(&redis) <= LIMIT, "{}", policy.as_str());
        let evicted: usize = redis.info("stats").unwrap()["evicted_keys"].parse().unwrap();
        assert!(evicted > KEYS, "{}: {evicted}", policy.as_str());
        assert_eq!(redis.dbsize().unwrap() + evicted, created + KEPT, "{}", policy.as_str());
        if policy.as_str().starts_with("volatile") {
            let is_there = |number: usize| redis.get(kept(number)).unwrap().unwrap() == number.to_string();
            assert!((0..KEPT).all(is_there), "{}", policy.as_str());
        }
    }
}
