//! What a store costs as a whole: memory, opening, checkpoint, loading, keys that are due together.
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use redlet::{Commands, Fsync, Redis, SetOptions, UnixMs};

use crate::engines::Engine;
use crate::figures::{Limit, Verdict, median};
use crate::strings::{ENGINES, engine};
use crate::{VALUE, key, resident};

/// Measures each once and prints it.
pub fn compare(keys: usize) {
    println!("\nstores of {keys} keys of 64 bytes");
    memory(keys);
    let start = Instant::now();
    let stores: Vec<Redis> = (0..100).map(|_| Redis::memory()).collect();
    say("Redis::memory()", start.elapsed().as_secs_f64() * 1e6 / 100.0, "microseconds", Some(50.0));
    drop(stores);
    let folder = tempfile::tempdir().expect("a folder");
    on_disk(&folder.path().join("store"), keys);
    expiry(keys);
}

fn say(what: &str, value: f64, unit: &str, at_most: Option<f64>) {
    match at_most {
        Some(limit) => println!("{what:<32}{}", Verdict::new(value, unit, Limit::AtMost(limit))),
        None => println!("{what:<32}{value:.2} {unit}"),
    }
}

/// Fills one engine and prints by how many bytes a key the process grew: each engine in a process of its own.
pub fn memory_of(name: &str, keys: usize) {
    let engine = engine(name, keys);
    let before = resident();
    (0..keys).for_each(|number| engine.set(&key(number), &VALUE));
    println!("{}", (resident() - before) / keys as u64);
}

fn memory(keys: usize) {
    let cells = ENGINES.map(|name| {
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program).args(["--memory-of", name, "--keys", &keys.to_string()]).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        format!("{} {name}", text.unwrap_or_else(|_| "-".into()))
    });
    println!("{:<32}{}", "bytes a key, by RSS", cells.join(", "));
}

fn on_disk(path: &Path, keys: usize) {
    let redis = Redis::builder().path(path).fsync(Fsync::No).build().expect("a store opens");
    (0..keys).for_each(|number| Engine::set(&redis, &key(number), &VALUE));
    let start = Instant::now();
    redis.save().expect("the snapshot is written");
    say("checkpoint", start.elapsed().as_secs_f64(), "seconds", None);
    redis.close().expect("the store closes");
    let times: Vec<f64> = (0..3)
        .map(|_| {
            let start = Instant::now();
            let redis = Redis::open(path).expect("the store opens");
            let seconds = start.elapsed().as_secs_f64();
            assert_eq!(redis.dbsize().expect("it counts"), keys);
            seconds
        })
        .collect();
    say("load", median(&times), "seconds", Some(0.3));
}

/// All keys due in the same millisecond: how long a caller waits meanwhile, and when the last of them is gone.
fn expiry(keys: usize) {
    let redis = Redis::memory();
    Commands::set(&redis, "kept", "x").expect("it is written");
    let now = redis.time().expect("the clock runs").seconds;
    let due = UnixMs((now + 3 + keys as i64 / 500_000) * 1000);
    for number in 0..keys {
        redis.set_with(key(number), VALUE, SetOptions::default().exat(due)).expect("it is written");
    }
    let micros = || {
        let time = redis.time().expect("the clock runs");
        time.seconds * 1_000_000 + time.microseconds
    };
    while micros() <= due.0 * 1000 {
        std::thread::yield_now();
    }
    let mut waits = Vec::with_capacity(1 << 20);
    let begun = Instant::now();
    while redis.dbsize().expect("it counts") > 1 {
        // DBSIZE looks at every shard; between two of them there are a thousand reads, as a caller would make them.
        for _ in 0..1000 {
            let start = Instant::now();
            let _ = Commands::get(&redis, "kept");
            waits.push(start.elapsed());
        }
    }
    say("keys due together", begun.elapsed().as_secs_f64(), "seconds until all are gone", Some(1.0));
    waits.sort_unstable();
    let worst = waits[waits.len() - 1 - waits.len() / 10_000].as_secs_f64() * 1e3;
    say("a GET meanwhile", worst, "milliseconds at 99.99 %", Some(1.0));
}
