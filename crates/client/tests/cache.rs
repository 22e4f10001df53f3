//! Values that are computed when they are not there: who computes, who waits, who is given what.
mod by_hand;

use std::cell::Cell;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redlet::{Bytes, CacheOptions, Commands, Error, Redis, Result, TypedCommands};

use by_hand::{ByHand, at_noon};

const MINUTE: Duration = Duration::from_mins(1);

/// A value that is there when the test says so.
fn later(value: &Cell<Option<&'static str>>) -> impl Future<Output = Result<&'static str>> {
    std::future::poll_fn(move |_| value.get().map_or(Poll::Pending, |value| Poll::Ready(Ok(value))))
}

#[test]
fn threads_that_want_a_value_at_once_have_it_computed_once_in_each_generation() {
    const THREADS: usize = 8;
    const GENERATIONS: usize = 200;
    let (clock, redis) = at_noon();
    let computed: Vec<AtomicUsize> = (0..GENERATIONS).map(|_| AtomicUsize::new(0)).collect();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (redis, clock, barrier, computed) = (redis.clone(), clock.clone(), &barrier, &computed);
            scope.spawn(move || {
                for (generation, count) in computed.iter().enumerate() {
                    barrier.wait();
                    for key in ["a", "b"] {
                        let value = redis.get_or_set_with(key, MINUTE, || {
                            count.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            Ok::<_, Error>(format!("{key}{generation}"))
                        });
                        assert_eq!(value.unwrap(), format!("{key}{generation}"));
                    }
                    if barrier.wait().is_leader() {
                        clock.advance(MINUTE + Duration::from_millis(1));
                    }
                }
            });
        }
    });
    let wrong: Vec<_> =
        computed.iter().map(|count| count.load(Ordering::SeqCst)).filter(|&n| n != 2).collect();
    assert_eq!(wrong, [0; 0], "once for each of the two keys");
}

/// Every caller's closure fails but one: each that was tried has its own error, all others the value.
#[test]
fn when_computing_fails_the_next_one_computes_and_only_the_caller_hears_of_it() {
    const THREADS: usize = 16;
    let (_, redis) = at_noon();
    let (tries, barrier) = (AtomicUsize::new(0), Barrier::new(THREADS));
    let outcomes: Vec<Result<Bytes, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (redis, tries, barrier) = (redis.clone(), &tries, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let value =
                        redis.get_or_set_with("k", MINUTE, || match tries.fetch_add(1, Ordering::SeqCst) {
                            9 => Ok("value"),
                            4 => panic!("computing panics, which is part of the test"),
                            number => Err(Own(number.to_string())),
                        });
                    value.map_err(|Own(text)| text)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("4".into()))).collect()
    });
    let mut failed: Vec<usize> =
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()?.parse().ok()).collect();
    failed.sort_unstable();
    assert_eq!(failed, (0..9).collect::<Vec<_>>());
    assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|v| *v == "value")).count(), 7);
    assert_eq!(tries.into_inner(), 10);
}

#[derive(Debug)]
struct Own(String);

impl From<Error> for Own {
    fn from(error: Error) -> Self {
        Own(error.to_string())
    }
}

#[test]
fn one_caller_renews_a_value_early_while_the_others_have_the_old_one() {
    let (clock, redis) = at_noon();
    let options = CacheOptions::from(MINUTE).refresh_after(Duration::from_secs(45));
    let never = || -> Result<&str> { panic!("nothing is to be computed") };
    redis.get_or_set_with("k", options, || Ok::<_, Error>("old")).unwrap();
    clock.advance(Duration::from_millis(44_999));
    assert_eq!(redis.get_or_set_with("k", options, never).unwrap(), "old");
    clock.advance(Duration::from_millis(1));

    let ready = Cell::new(None);
    let mut renewing = ByHand::new(redis.get_or_set_with_async("k", options, || later(&ready)));
    assert!(renewing.poll().is_pending());
    assert_eq!(redis.get_or_set_with("k", options, never).unwrap(), "old");
    // The renewal fails: the error is its caller's, and the next caller renews.
    drop(renewing);
    let failed = redis.get_or_set_with("k", options, || Err::<&str, _>(Error::Options("no")));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    let mut renewing = ByHand::new(redis.get_or_set_with_async("k", options, || later(&ready)));
    assert!(renewing.poll().is_pending());
    ready.set(Some("new"));
    assert!(matches!(renewing.poll(), Poll::Ready(Ok(value)) if value == "new"));
    assert_eq!(redis.get_or_set_with("k", options, never).unwrap(), "new");
    assert_eq!(redis.pttl("k").unwrap(), redlet::Ttl::Remaining(MINUTE));
}

/// When the old value is gone before its renewal is done, there is nothing to serve but what comes.
#[test]
fn a_value_that_expires_while_it_is_renewed_is_waited_for() {
    let (clock, redis) = at_noon();
    let options = CacheOptions::from(MINUTE).refresh_after(Duration::from_secs(45));
    redis.set_with("k", "old", redlet::SetOptions::default().ex(Duration::from_secs(10))).unwrap();
    let ready = Cell::new(None);
    let mut renewing = ByHand::new(redis.get_or_set_with_async("k", options, || later(&ready)));
    assert!(renewing.poll().is_pending());
    clock.advance(MINUTE);
    let mut waiting = ByHand::new(redis.get_or_set_with_async("k", options, || later(&ready)));
    assert!(waiting.poll().is_pending());
    ready.set(Some("new"));
    assert!(waiting.poll().is_pending(), "it waits for the other, not for itself");
    assert!(renewing.poll().is_ready());
    assert_eq!(waiting.times_woken(), 1);
    assert!(matches!(waiting.poll(), Poll::Ready(Ok(value)) if value == "new"));
}

#[test]
fn a_future_that_is_dropped_hands_the_turn_on_and_one_that_waits_takes_nothing_with_it() {
    let (_, redis) = at_noon();
    let ready = Cell::new(None);
    let want = || ByHand::new(redis.get_or_set_with_async("k", MINUTE, || later(&ready)));
    let (mut first, mut second, mut third, mut fourth) = (want(), want(), want(), want());
    for future in [&mut first, &mut second, &mut third, &mut fourth] {
        assert!(future.poll().is_pending());
    }
    drop(first);
    assert_eq!((second.times_woken(), third.times_woken()), (1, 0), "one has the turn");
    // It goes away with the turn that it was told of and did not take.
    drop(second);
    assert_eq!((third.times_woken(), fourth.times_woken()), (1, 0));
    assert!(third.poll().is_pending(), "it computes");
    ready.set(Some("value"));
    assert!(fourth.poll().is_pending(), "it waits");
    assert!(matches!(third.poll(), Poll::Ready(Ok(value)) if value == "value"));
    assert!(matches!(fourth.poll(), Poll::Ready(Ok(value)) if value == "value"));
}

/// A newcomer takes the turn between the waking of one who waits and its next poll: that one waits on and is told of the value.
#[test]
fn who_is_woken_too_late_for_the_turn_waits_on() {
    let (_, redis) = at_noon();
    let ready = Cell::new(None);
    let want = || ByHand::new(redis.get_or_set_with_async("k", MINUTE, || later(&ready)));
    let (mut first, mut second) = (want(), want());
    assert!(first.poll().is_pending() && second.poll().is_pending());
    drop(first);
    let mut newcomer = want();
    assert!(newcomer.poll().is_pending());
    assert!(second.poll().is_pending());
    ready.set(Some("value"));
    assert!(second.poll().is_pending(), "the newcomer has the turn");
    assert!(newcomer.poll().is_ready());
    assert!(second.poll().is_ready());
}

#[test]
fn a_thread_that_waits_is_given_what_a_future_computes() {
    let (_, redis) = at_noon();
    let ready = Cell::new(None);
    let mut computing = ByHand::new(redis.get_or_set_with_async("k", MINUTE, || later(&ready)));
    assert!(computing.poll().is_pending());
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let redis = &redis;
        let waiting = scope.spawn(move || {
            sender.send(()).unwrap();
            redis.get_or_set_with("k", MINUTE, || Ok::<_, Error>("computed twice"))
        });
        receiver.recv().unwrap();
        ready.set(Some("value"));
        assert!(computing.poll().is_ready());
        assert_eq!(waiting.join().unwrap().unwrap(), "value");
    });
}

#[test]
fn a_value_that_asks_for_itself_is_refused_instead_of_waited_for() {
    let (_, redis) = at_noon();
    let value = redis.get_or_set_with("k", MINUTE, || {
        let inner = redis.get_or_set_with("k", MINUTE, || Ok::<_, Error>("inner"));
        assert!(matches!(inner, Err(Error::Circular { key }) if key == "k"));
        // By way of another key, and of a future.
        let by_way = redis.get_or_set_with("other", MINUTE, || {
            let mut future = pin!(redis.get_or_set_with_async("k", MINUTE, async || Ok::<_, Error>("inner")));
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("it would wait for ever"),
            }
        });
        assert!(matches!(by_way, Err(Error::Circular { .. })));
        // The same key in another database is another value.
        redis.select(1)?.get_or_set_with("k", MINUTE, || Ok::<_, Error>("of another database"))
    });
    assert_eq!(value.unwrap(), "of another database");
    assert_eq!(redis.get("other").unwrap(), None);
}

/// Two threads, two stores: each computes one value and needs the other's.
#[test]
fn a_circle_of_callers_is_broken_at_one_place() {
    for _ in 0..50 {
        let stores = [Redis::memory(), Redis::memory()];
        let barrier = Barrier::new(2);
        let outcomes: Vec<Result<Bytes>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|number| {
                    let (own, other, barrier) = (&stores[number], &stores[1 - number], &barrier);
                    scope.spawn(move || {
                        own.get_or_set_with("k", MINUTE, || {
                            barrier.wait();
                            other.get_or_set_with("k", MINUTE, || Ok::<_, Error>("value"))
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let circular =
            outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Circular { .. }))).count();
        assert_eq!(circular, 1, "{outcomes:?}");
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|v| *v == "value")).count(),
            1
        );
    }
}

#[test]
fn what_cannot_be_stored_or_is_of_another_type_is_said_and_nobody_is_kept_waiting() {
    let (_, redis) = at_noon();
    redis.rpush("list", ["x"]).unwrap();
    let wrong = redis.get_or_set_with("list", MINUTE, || Ok::<_, Error>("v")).unwrap_err();
    assert_eq!(wrong.code(), "WRONGTYPE");
    let short = redis.get_or_set_with("k", Duration::from_micros(999), || Ok::<_, Error>("v")).unwrap_err();
    assert_eq!(short.to_string(), "ERR invalid expire time in 'set' command");
    assert_eq!(redis.get_or_set_with("k", MINUTE, || Ok::<_, Error>("v")).unwrap(), "v");
    let no_number = redis.get_or_set_as_with("k", MINUTE, || Ok::<u32, Error>(1)).unwrap_err();
    assert!(matches!(no_number, Error::Value(_)), "{no_number}");
    redis.get_or_set_as_with("typed", MINUTE, || Ok::<_, Error>((1, "one".to_owned()))).unwrap();
    assert_eq!(redis.get_as::<(u8, String)>("typed").unwrap().unwrap().1, "one");
    let large = vec![b'x'; 100_000];
    assert_eq!(redis.get_or_set_with("large", MINUTE, || Ok::<_, Error>(&large)).unwrap(), large);
    // A key without a deadline is never due.
    redis.set("for ever", "v").unwrap();
    let early = CacheOptions::from(MINUTE).refresh_after(Duration::ZERO);
    assert_eq!(redis.get_or_set_with("for ever", early, || Ok::<_, Error>("new")).unwrap(), "v");
}
