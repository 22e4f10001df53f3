//! Locks with names: who has one, who waits, and what ends both.
mod by_hand;

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use redlet::{Commands, Error, LockError, LockGuard, Redis, Reply, Result, SetOptions, SetReply, Ttl};

use by_hand::{ByHand, at_noon};

const SECOND: Duration = Duration::from_secs(1);

/// Somebody who waits for a lock.
struct Waiting<F>(ByHand<F>);

impl<F: Future<Output = Result<LockGuard>>> Waiting<F> {
    fn new(future: F) -> Self {
        let mut waiting = ByHand::new(future);
        assert!(waiting.poll().is_pending());
        Self(waiting)
    }

    /// Whether it was woken since it was polled.
    fn is_woken(&self) -> bool {
        self.0.times_woken() > 0
    }

    fn poll(&mut self) -> Poll<Result<LockGuard>> {
        self.0.poll()
    }

    fn guard(&mut self) -> LockGuard {
        assert!(self.is_woken(), "nobody would poll it");
        match self.poll() {
            Poll::Ready(guard) => guard.unwrap(),
            Poll::Pending => panic!("the lock is free"),
        }
    }
}

fn lock_error(error: Error) -> LockError {
    match error {
        Error::Lock(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_lock_is_a_key_with_a_token_as_redis_py_writes_and_reads_it() {
    let (_, redis) = at_noon();
    let lock = redis.lock("name").unwrap().ttl(Duration::from_millis(2500));
    let guard = lock.acquire().unwrap();
    let token = guard.token().to_owned();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert_eq!(redis.execute(&["GET", "name"]).unwrap(), Reply::bulk(&*token));
    assert_eq!(redis.execute(&["PTTL", "name"]).unwrap(), Reply::Integer(2500));
    // What redis-py sends to take a lock, while it is taken and when it is free.
    let theirs = ["SET", "name", "5f2b1c52b4a711ef8d3c0242ac110002", "PX", "1000", "NX"];
    assert_eq!(redis.execute(&theirs).unwrap(), Reply::Null);
    guard.release().unwrap();
    assert_eq!(redis.execute(&theirs).unwrap(), Reply::OK);
    assert!(lock.try_acquire().unwrap().is_none() && lock.locked().unwrap());
    assert_ne!(redis.lock("other").unwrap().acquire().unwrap().token(), token);
    assert_eq!(redis.pttl("other").unwrap(), Ttl::Missing, "a guard that is dropped releases its lock");
    let _guard = redis.lock("other").unwrap().acquire().unwrap();
    assert_eq!(redis.pttl("other").unwrap(), Ttl::Persistent);
}

#[test]
fn a_guard_changes_and_releases_only_what_is_its_own() {
    let (clock, redis) = at_noon();
    let lock = redis.lock("name").unwrap().ttl(SECOND);
    let late = lock.acquire().unwrap();
    clock.advance(SECOND + Duration::from_millis(1));
    let current = lock.try_acquire().unwrap().unwrap();
    assert!(!late.owned().unwrap() && current.owned().unwrap());
    let not_owned = LockError::NotOwned { name: "name".into() };
    assert_eq!(lock_error(late.extend(SECOND).unwrap_err()), not_owned);
    assert_eq!(lock_error(late.reacquire().unwrap_err()), not_owned);
    let refused = late.release().unwrap_err();
    assert_eq!(refused.to_string(), "the lock \"name\" is no longer owned");
    assert_eq!(redis.pttl("name").unwrap(), Ttl::Remaining(SECOND));
    redis.delete(["name"]).unwrap();
    drop(current);
    redis.set("name", "theirs").unwrap();
    drop(lock.try_acquire().unwrap());
    assert_eq!(redis.get("name").unwrap().unwrap(), "theirs");

    let endless = redis.lock("endless").unwrap().acquire().unwrap();
    let no_limit = LockError::NoTimeLimit { name: "endless".into() };
    assert_eq!(lock_error(endless.extend(SECOND).unwrap_err()), no_limit);
    assert_eq!(lock_error(endless.reacquire().unwrap_err()), no_limit);
    redis.rpush("list", ["x"]).unwrap();
    assert!(redis.lock("list").unwrap().try_acquire().unwrap().is_none());
    assert_eq!(redis.lock("list").unwrap().locked().unwrap_err().code(), "WRONGTYPE");
    let short = redis.lock("k").unwrap().ttl(Duration::from_micros(10)).acquire().unwrap_err();
    assert_eq!(short.to_string(), "ERR invalid expire time in 'set' command");
}

#[test]
fn those_who_wait_are_woken_by_each_way_in_which_a_lock_comes_free() {
    let (clock, redis) = at_noon();
    let lock = redis.lock("a*[name]").unwrap().ttl(10 * SECOND);
    let guard = lock.acquire().unwrap();
    let mut waiting = Waiting::new(lock.acquire_async());
    redis.set("another", "v").unwrap();
    redis.delete(["another"]).unwrap();
    assert!(!waiting.is_woken(), "other keys are none of its business");
    guard.release().unwrap();
    let guard = waiting.guard();

    let mut waiting = Waiting::new(lock.acquire_async());
    redis.delete(["a*[name]"]).unwrap();
    drop(guard);
    let guard = waiting.guard();

    let mut waiting = Waiting::new(lock.acquire_async());
    redis.rename("a*[name]", "elsewhere").unwrap();
    let guard_of_renamed = waiting.guard();
    drop(guard);

    let mut waiting = Waiting::new(lock.acquire_async());
    clock.advance(11 * SECOND);
    redis.tick(100);
    let guard = waiting.guard();
    drop(guard_of_renamed);
    assert!(guard.owned().unwrap());

    // No event tells of a database that is emptied: it is noticed when the clock has moved on.
    let mut waiting = Waiting::new(lock.acquire_async());
    redis.flushall().unwrap();
    assert!(!waiting.is_woken());
    clock.advance(Duration::from_millis(99));
    redis.tick(0);
    assert!(!waiting.is_woken());
    clock.advance(Duration::from_millis(1));
    redis.tick(0);
    drop(waiting.guard());
    assert!(!lock.locked().unwrap());
}

#[test]
fn a_wait_ends_with_its_time_or_with_its_future_and_takes_nothing() {
    let (clock, redis) = at_noon();
    let lock = redis.lock("name").unwrap();
    let guard = lock.acquire().unwrap();
    let at_once = lock.clone().wait_at_most(Duration::ZERO).acquire().unwrap_err();
    assert_eq!(at_once.to_string(), "the lock \"name\" was not free in time");

    let patient = lock.clone().wait_at_most(Duration::from_millis(250));
    let mut waiting = Waiting::new(patient.acquire_async());
    for _ in 0..2 {
        clock.advance(Duration::from_millis(100));
        redis.tick(0);
        assert!(waiting.is_woken() && waiting.poll().is_pending());
    }
    clock.advance(Duration::from_millis(50));
    redis.tick(0);
    assert!(waiting.is_woken(), "no sooner and no later");
    let Poll::Ready(Err(error)) = waiting.poll() else { panic!("its time is over") };
    assert_eq!(lock_error(error), LockError::NotAcquired { name: "name".into() });

    let mut stays = Waiting::new(lock.acquire_async());
    let goes = Waiting::new(lock.acquire_async());
    guard.release().unwrap();
    drop(goes);
    drop(stays.guard());
    assert!(!lock.locked().unwrap());
}

/// On the system's clock, with its own background thread: each waits in a thread that sleeps.
#[test]
fn threads_that_want_the_same_lock_have_it_one_after_the_other() {
    const THREADS: u64 = 8;
    const EACH: u64 = 50;
    let redis = Redis::memory();
    let (inside, count) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (redis, inside, count) = (&redis, &inside, &count);
            scope.spawn(move || {
                let lock = redis.lock("name").unwrap().ttl(Duration::from_mins(10));
                for number in 0..EACH {
                    let guard = lock.acquire().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                    count.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    if (thread + number).is_multiple_of(2) {
                        guard.release().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(count.into_inner(), THREADS * EACH);
}

/// The owner is gone and its time ends while another waits in a thread that sleeps; nobody ticks but the background thread.
#[test]
fn a_lock_whose_owner_is_gone_is_taken_when_its_time_is_over() {
    let redis = Redis::memory();
    let gone = SetOptions::default().ex(Duration::from_millis(30));
    assert_eq!(redis.set_with("name", "of somebody who is gone", gone).unwrap(), SetReply::Done);
    let lock = redis.lock("name").unwrap().wait_at_most(Duration::from_mins(1));
    assert!(lock.acquire().unwrap().owned().unwrap());
}
