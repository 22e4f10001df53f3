//! The slowest operations: GET and SET by two threads while the log is synced and a checkpoint is written.
//!
//! Three threads on two processors wait for each other whatever they do. So the same loop also runs over a `DashMap` beside a
//! thread that only computes: what it waits is the machine's own share.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redlet::{Commands, Redis, SetOptions};

use crate::engines::{Dash, Engine};
use crate::figures::{Figures, Limit, Verdict, heading};
use crate::{Order, VALUE, key};

/// For how long a run asks.
const SPAN: Duration = Duration::from_secs(3);
const COLUMNS: [&str; 4] = ["median", "99.9 %", "99.99 %", "slowest"];
const REDLET: &str = "redlet, log and checkpoint";
const CONTROL: &str = "DashMap beside a busy thread";

/// Measures both in turn, so many times, and prints the table.
pub fn compare(keys: usize, runs: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::open(folder.path().join("store")).expect("a store opens");
    let ttl = |order: &mut Order| Duration::from_millis(1000 + order.below(1_000_000) as u64);
    let set = |key: &[u8], order: &mut Order| {
        redis
            .set_with(key, VALUE, SetOptions::default().ex(ttl(order)))
            .expect("the store takes every write");
    };
    let dash = Dash::default();
    let mut order = Order::new(1);
    for number in 0..keys {
        set(&key(number), &mut order);
        dash.set(&key(number), &VALUE);
    }
    let mut figures = Figures::default();
    for run in 0..runs {
        eprintln!("tail: run {} of {runs}", run + 1);
        let waits = waits(
            keys,
            |key, order| match order.below(10) {
                0 => set(key, order),
                _ => _ = Engine::get(&redis, key),
            },
            || redis.save().expect("the snapshot is written"),
        );
        note(&mut figures, REDLET, &waits);
        let waits = self::waits(
            keys,
            |key, order| match order.below(10) {
                0 => dash.set(key, &VALUE),
                _ => _ = dash.get(key),
            },
            || _ = std::hint::black_box((0..1_000_000).fold(0_u64, |sum, n| sum.rotate_left(5) ^ n)),
        );
        note(&mut figures, CONTROL, &waits);
    }
    heading(
        &format!("tail: microseconds, 90 % GET, 10 % SET with a TTL, 2 threads, median of {runs} runs"),
        &COLUMNS,
    );
    let worst = figures.median(REDLET, "99.99 %").unwrap_or(f64::NAN);
    let verdict = Verdict::new(worst, "microseconds at 99.99 %", Limit::AtMost(1000.0));
    figures.print(REDLET, &COLUMNS, &[verdict]);
    figures.print(CONTROL, &COLUMNS, &[]);
}

/// How long each operation of two threads takes, in nanoseconds, sorted, while a third thread does `beside` over and over.
fn waits(keys: usize, operation: impl Fn(&[u8], &mut Order) + Sync, beside: impl Fn() + Sync) -> Vec<u32> {
    let done = AtomicBool::new(false);
    let caller = |seed| {
        let mut order = Order::new(seed);
        let mut waits = Vec::with_capacity(16 << 20);
        let begun = Instant::now();
        let mut before = begun;
        while before - begun < SPAN {
            operation(&key(order.below(keys)), &mut order);
            let now = Instant::now();
            waits.push((now - before).as_nanos() as u32);
            before = now;
        }
        waits
    };
    let caller = &caller;
    let mut waits = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                beside();
            }
        });
        let callers = [3, 5].map(|seed| scope.spawn(move || caller(seed)));
        let waits = callers.map(|caller| caller.join().expect("the caller is done")).concat();
        done.store(true, Ordering::Relaxed);
        beside.join().expect("the thread beside them is done");
        waits
    });
    waits.sort_unstable();
    waits
}

fn note(figures: &mut Figures, row: &str, waits: &[u32]) {
    let last = waits.len() - 1;
    let places = [last / 2, last - waits.len() / 1000, last - waits.len() / 10_000, last];
    for (column, place) in COLUMNS.into_iter().zip(places) {
        figures.note(row, column, f64::from(waits[place]) / 1e3);
    }
}
