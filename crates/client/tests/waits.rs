//! Callers that wait are served by whoever fills their key, in their order, once.
#![expect(clippy::disallowed_methods, reason = "callers that wait have threads of their own")]
use std::thread;
use std::time::Duration;

use redlet::{Commands, End, ManualClock, Redis, Reply, UnixMs};

/// Waits until so many callers wait for something.
fn until_blocked(redis: &Redis, count: usize) {
    while redis.waiting_callers() < count {
        thread::yield_now();
    }
}

#[test]
fn those_who_wait_are_served_in_their_order() -> redlet::Result<()> {
    let redis = Redis::memory();
    let mut workers = Vec::new();
    for number in 0..3 {
        let caller = redis.clone();
        workers.push(thread::spawn(move || caller.blpop(["jobs"], None)));
        until_blocked(&redis, number + 1);
    }
    redis.rpush("jobs", ["a", "b", "c", "d"])?;
    for (worker, job) in workers.into_iter().zip(["a", "b", "c"]) {
        assert_eq!(worker.join().unwrap()?, Some(("jobs".into(), job.into())));
    }
    assert_eq!(redis.lrange("jobs", 0, -1)?, ["d"]);
    Ok(())
}

#[test]
fn a_chain_of_moves_ends_where_it_should() -> redlet::Result<()> {
    let redis = Redis::memory();
    let mut movers = Vec::new();
    for hop in (0..20).rev() {
        let caller = redis.clone();
        let (from, to) = (format!("l{hop}"), format!("l{}", hop + 1));
        movers.push(thread::spawn(move || caller.blmove(from, to, End::Left, End::Right, None)));
    }
    until_blocked(&redis, 20);
    redis.rpush("l0", ["x"])?;
    for mover in movers {
        assert_eq!(mover.join().unwrap()?, Some("x".into()));
    }
    assert_eq!(redis.lrange("l20", 0, -1)?, ["x"]);
    Ok(())
}

#[test]
fn a_wait_ends_on_the_clock_of_the_store() -> redlet::Result<()> {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build()?;
    let mut session = redis.session();
    assert!(session.begin(&["BLPOP", "k", "5"]).is_none());
    clock.advance(Duration::from_secs(4));
    redis.tick(100);
    assert!(session.answer().is_none());
    clock.advance(Duration::from_secs(1));
    redis.tick(100);
    assert_eq!(session.answer().unwrap()?, Reply::NullArray);
    redis.rpush("k", ["v"])?;
    assert_eq!(redis.llen("k")?, 1);
    Ok(())
}

#[test]
fn a_future_that_is_dropped_gives_back_what_it_was_handed() -> redlet::Result<()> {
    use std::pin::pin;
    use std::task::{Context, Waker};
    let redis = Redis::memory();
    {
        let mut future = pin!(redis.blmpop_async(["l"], End::Left, 2, None));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        redis.rpush("l", ["a", "b", "c"])?;
        assert_eq!(redis.lrange("l", 0, -1)?, ["c"], "two were handed over");
    }
    assert_eq!(redis.lrange("l", 0, -1)?, ["a", "b", "c"]);
    Ok(())
}

#[test]
fn a_time_limit_of_the_machine_is_kept() -> redlet::Result<()> {
    let redis = Redis::memory();
    assert_eq!(redis.blpop(["nosuch"], Duration::from_millis(3))?, None);
    Ok(())
}

#[test]
fn who_waits_is_served_at_the_time_at_which_a_transaction_ends() -> redlet::Result<()> {
    let redis = Redis::builder().parameter("enable-debug-command", "yes").build()?;
    redis.execute(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])?;
    let caller = redis.clone();
    let waiter = thread::spawn(move || caller.blpop(["k"], None));
    until_blocked(&redis, 1);
    let mut session = redis.session();
    for words in [
        &["MULTI"][..],
        &["RPUSH", "k", "too late"],
        &["PEXPIRE", "k", "10"],
        &["DEBUG", "SLEEP", "0.05"],
        &["EXISTS", "k"],
    ] {
        session.execute(words)?;
    }
    let replies = session.execute(&["EXEC"])?;
    let expected = [Reply::Integer(1), Reply::Integer(1), Reply::OK, Reply::Integer(1)];
    assert_eq!(replies, Reply::Array(expected.into()), "in a transaction no time passes");
    assert_eq!(redis.waiting_callers(), 1, "what it put there has expired");
    redis.rpush("k", ["in time"])?;
    assert_eq!(waiter.join().unwrap()?, Some(("k".into(), "in time".into())));
    Ok(())
}
