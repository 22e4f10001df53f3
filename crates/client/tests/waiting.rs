//! Producers, movers and consumers in many threads, some of whom give up, are told to, or go away: no element is lost or given out
//! twice, and nobody sleeps who has something.
//!
//! `REDLET_WAITING_SECONDS` sets for how long, `REDLET_WAITING_ELEMENTS` how many elements a round has, `REDLET_SEED` which rounds.
#![expect(clippy::disallowed_methods, reason = "callers in threads of their own, for as long as it is told")]
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use redlet::{Bytes, Commands, End, Redis, Reply};

const LISTS: [&str; 3] = ["x", "y", "z"];
const PRODUCERS: u64 = 2;
const CONSUMERS: u64 = 4;
/// Who finds this goes home.
const STOP: &str = "stop";
/// Whoever waits longer has been forgotten.
const PATIENCE: Duration = Duration::from_mins(1);

/// The algorithm `SplitMix64`.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn list(&mut self) -> &'static str {
        LISTS[self.below(LISTS.len() as u64) as usize]
    }

    fn end(&mut self) -> End {
        if self.below(2) == 0 { End::Left } else { End::Right }
    }

    /// All lists, beginning with a drawn one.
    fn lists(&mut self) -> [&'static str; 3] {
        let mut lists = LISTS;
        lists.rotate_left(self.below(3) as usize);
        lists
    }

    /// Short enough to be over often, and 0 for not at all.
    fn limit(&mut self) -> Duration {
        Duration::from_micros(self.below(4) * 700 + 1)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future in this thread until it is done, or until it was polled so often.
fn polled<F: Future>(future: F, polls: Option<u64>) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    for poll in 0.. {
        if polls.is_some_and(|polls| poll >= polls) {
            return None;
        }
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return Some(output),
            Poll::Pending if polls.is_some() => thread::yield_now(),
            Poll::Pending => thread::park(),
        }
    }
    None
}

/// Puts elements into lists in every way that makes one appear.
fn produce(redis: &Redis, number: u64, elements: u64, draw: &mut Draw) -> redlet::Result<()> {
    let aside = format!("aside:{number}");
    for element in 0..elements {
        let element = (number << 32 | element).to_string();
        let list = draw.list();
        match draw.below(5) {
            0 => drop(redis.lpush(list, [&element])?),
            1 => redis.transaction::<_, _, redlet::Error>(&LISTS, |t| t.rpush(list, [&element]).map(drop))?,
            2 => {
                redis.rpush(&aside, [&element])?;
                redis.lmove(&aside, list, draw.end(), draw.end())?;
            }
            3 => {
                redis.rpush(&aside, [&element])?;
                if !redis.renamenx(&aside, list)? {
                    redis.lmove(&aside, list, draw.end(), draw.end())?;
                }
            }
            _ => drop(redis.rpush(list, [&element])?),
        }
    }
    Ok(())
}

/// Moves elements from list to list, now and then giving up before it is told whether it has.
fn move_about(redis: &Redis, done: &AtomicBool, draw: &mut Draw) -> redlet::Result<()> {
    while !done.load(Ordering::Relaxed) {
        let (from, to, limit) = (draw.list(), draw.list(), draw.limit());
        match draw.below(3) {
            0 => {
                drop(polled(redis.blmove_async(from, to, End::Left, End::Right, limit), Some(draw.below(3))));
            }
            1 => drop(redis.brpoplpush(from, to, limit)?),
            _ => drop(redis.blmove(from, to, draw.end(), draw.end(), limit)?),
        }
    }
    Ok(())
}

/// Takes elements in every way until it finds the end. Returns what it took.
fn consume(redis: &Redis, id: &AtomicU64, draw: &mut Draw) -> redlet::Result<Vec<Bytes>> {
    let mut session = redis.session();
    id.store(session.id(), Ordering::Relaxed);
    let mut taken = Vec::new();
    loop {
        let limit = draw.limit();
        let found: Vec<Bytes> = match draw.below(7) {
            0 => redis.blpop(draw.lists(), None)?.map(|(_, element)| element).into_iter().collect(),
            1 => redis.brpop([draw.list()], limit)?.map(|(_, element)| element).into_iter().collect(),
            2 => {
                let found = redis.blmpop(draw.lists(), draw.end(), 3, None)?;
                found.map(|(_, elements)| elements).unwrap_or_default()
            }
            3 => {
                let wait = redis.brpop_async(draw.lists(), None);
                let found = polled(wait, Some(draw.below(4))).transpose()?.flatten();
                found.map(|(_, element)| element).into_iter().collect()
            }
            4 => {
                let found = polled(redis.blpop_async(draw.lists(), None), None).transpose()?.flatten();
                found.map(|(_, element)| element).into_iter().collect()
            }
            5 => {
                let wait = redis.blmpop_async(draw.lists(), draw.end(), 2, limit);
                let found = polled(wait, Some(draw.below(4))).transpose()?.flatten();
                found.map(|(_, elements)| elements).unwrap_or_default()
            }
            _ => match session.execute(&["BLPOP", LISTS[0], LISTS[1], LISTS[2], "0"]) {
                Ok(Reply::Array(mut pair)) => match pair.pop() {
                    Some(Reply::Bulk(element)) => vec![element],
                    other => panic!("BLPOP gave {other:?}"),
                },
                Ok(Reply::NullArray) => Vec::new(),
                Err(error) if error.to_string().starts_with("UNBLOCKED") => Vec::new(),
                other => panic!("BLPOP gave {other:?}"),
            },
        };
        let (stops, elements): (Vec<_>, Vec<_>) = found.into_iter().partition(|element| *element == STOP);
        taken.extend(elements);
        if let Some((_, for_others)) = stops.split_first() {
            if !for_others.is_empty() {
                redis.rpush(LISTS[0], for_others)?;
            }
            return Ok(taken);
        }
    }
}

/// Ends waits of those who wait in sessions.
fn unblock(redis: &Redis, ids: &[Arc<AtomicU64>], done: &AtomicBool, draw: &mut Draw) -> redlet::Result<()> {
    while !done.load(Ordering::Relaxed) {
        let id = &ids[draw.below(ids.len() as u64) as usize];
        let how = if draw.below(2) == 0 { "TIMEOUT" } else { "ERROR" };
        redis.execute(&["CLIENT", "UNBLOCK", &id.load(Ordering::Relaxed).to_string(), how])?;
        thread::yield_now();
    }
    Ok(())
}

/// What a thread came to.
///
/// # Panics
/// When it sleeps for ever.
fn outcome<T>(who: &str, thread: JoinHandle<redlet::Result<T>>) -> T {
    let mut waited = Duration::ZERO;
    while !thread.is_finished() {
        const NAP: Duration = Duration::from_millis(1);
        thread::park_timeout(NAP);
        waited += NAP;
        assert!(waited < PATIENCE, "{who} was forgotten");
    }
    thread.join().unwrap().unwrap()
}

fn round(seed: u64, elements: u64) {
    let redis = Redis::memory();
    let done = Arc::new(AtomicBool::new(false));
    let ids: Vec<Arc<AtomicU64>> = (0..CONSUMERS).map(|_| Arc::default()).collect();
    let draw = |number: u64| Draw(seed.wrapping_mul(1000).wrapping_add(number));
    let consumers: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let (redis, id, mut draw) = (redis.clone(), Arc::clone(id), draw(number as u64));
            thread::spawn(move || consume(&redis, &id, &mut draw))
        })
        .collect();
    let mover = {
        let (redis, done, mut draw) = (redis.clone(), Arc::clone(&done), draw(100));
        thread::spawn(move || move_about(&redis, &done, &mut draw))
    };
    let unblocker = {
        let (redis, done, mut draw) = (redis.clone(), Arc::clone(&done), draw(200));
        thread::spawn(move || unblock(&redis, &ids, &done, &mut draw))
    };
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|number| {
            let (redis, mut draw) = (redis.clone(), draw(300 + number));
            thread::spawn(move || produce(&redis, number, elements, &mut draw))
        })
        .collect();
    producers.into_iter().for_each(|producer| outcome("a producer", producer));
    redis.rpush(LISTS[0], vec![STOP; CONSUMERS as usize]).unwrap();
    let taken = consumers.into_iter().flat_map(|consumer| outcome("a consumer", consumer));
    let mut found: Vec<Bytes> = taken.collect();
    done.store(true, Ordering::Relaxed);
    outcome("the mover", mover);
    outcome("the unblocker", unblocker);
    for list in LISTS {
        found.extend(redis.lrange(list, 0, -1).unwrap());
    }
    let different: HashSet<&Bytes> = found.iter().collect();
    assert_eq!(different.len(), found.len(), "seed {seed}: an element was given out twice");
    assert_eq!(found.len() as u64, PRODUCERS * elements, "seed {seed}: an element was lost");
    assert_eq!(redis.waiting_callers(), 0, "seed {seed}: somebody is still in a queue");
}

#[test]
fn each_element_is_given_out_once_and_nobody_is_forgotten() {
    let seconds = Duration::from_secs(setting("REDLET_WAITING_SECONDS", 3));
    let elements = setting("REDLET_WAITING_ELEMENTS", 1000);
    let first = setting("REDLET_SEED", 1);
    let start = Instant::now();
    let mut rounds = 0;
    while rounds == 0 || start.elapsed() < seconds {
        round(first + rounds, elements);
        rounds += 1;
    }
    println!("{rounds} rounds");
}
