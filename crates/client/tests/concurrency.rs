//! Many threads, one store.
use std::sync::atomic::{AtomicBool, Ordering};

use redlet::{Commands, ManualClock, Redis, UnixMs};

#[test]
fn whoever_sums_the_accounts_while_money_moves_sees_all_of_it() {
    const ACCOUNTS: u64 = 20;
    const EACH: i64 = 100;
    let redis = Redis::memory();
    let names: Vec<String> = (0..ACCOUNTS).map(|n| format!("account:{n}")).collect();
    redis.mset(names.iter().map(|name| (name, EACH))).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let movers: Vec<_> = (0..3_u64)
            .map(|thread| {
                let (redis, names) = (&redis, &names);
                scope.spawn(move || {
                    for step in 0..3000_u64 {
                        let (from, to) =
                            ((step * 7 + thread) % ACCOUNTS, (step * 13 + thread * 5) % ACCOUNTS);
                        let (from, to) = (&names[from as usize], &names[to as usize]);
                        redis
                            .transaction::<_, _, redlet::Error>(&[from, to], |t| {
                                t.decrby(from, 3)?;
                                t.incrby(to, 3)
                            })
                            .unwrap();
                    }
                })
            })
            .collect();
        let summer = scope.spawn(|| {
            let mut sums = 0;
            while !done.load(Ordering::Relaxed) || sums < 10 {
                let held = redis.mget(&names).unwrap();
                let sum: i64 = held
                    .iter()
                    .flatten()
                    .map(|text| String::from_utf8_lossy(text).parse::<i64>().unwrap())
                    .sum();
                assert_eq!(sum, EACH * ACCOUNTS as i64);
                sums += 1;
            }
        });
        movers.into_iter().for_each(|mover| mover.join().unwrap());
        done.store(true, Ordering::Relaxed);
        summer.join().unwrap();
    });
}

#[test]
fn a_panic_in_a_transaction_leaves_the_store_usable_and_log_and_memory_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::open(&path).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = redis.transaction::<_, (), redlet::Error>(&["k"], |t| {
            t.set("k", "half")?;
            panic!("in the middle");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(redis.get("k").unwrap(), None, "what it did before is undone");
    redis.set("after", "fine").unwrap();
    redis.close().unwrap();
    let again = Redis::open(&path).unwrap();
    assert_eq!(again.get("k").unwrap(), None);
    assert_eq!(again.get("after").unwrap().unwrap(), "fine");
}

#[test]
fn keys_due_together_are_reclaimed_in_bounded_parts() {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    for number in 0..10_000 {
        redis.setex(number, std::time::Duration::from_millis(500), "x").unwrap();
    }
    clock.set(UnixMs(1_700_000_000_500));
    assert_eq!(redis.exists([7]).unwrap(), 1, "alive while now <= deadline");
    clock.set(UnixMs(1_700_000_000_501));
    assert_eq!(redis.exists([7]).unwrap(), 0, "nothing expired is ever seen");
    assert_eq!(redis.dbsize().unwrap(), 10_000, "reclaiming is the tick's work");
    let (mut expired, mut ticks) = (0, 0);
    while let Some(at) = redis.tick(1000).next_at.filter(|at| at.0 <= 1_700_000_000_501) {
        let _ = at;
        ticks += 1;
        assert!(ticks < 1000, "every tick gets on");
        expired = 10_000 - redis.dbsize().unwrap();
    }
    let _ = expired;
    assert_eq!(redis.dbsize().unwrap(), 0);
    assert!(ticks >= 9, "a tick does no more than it was allowed to: {ticks}");
    assert_eq!(redis.tick(1000).next_at, None, "nothing is due ever");
}
