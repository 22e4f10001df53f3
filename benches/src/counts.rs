//! Instructions an operation, counted by valgrind: what a busy machine cannot blur.
//!
//! This program runs under `callgrind` with two numbers of operations; the difference is what the operations took. What it
//! takes to pick their keys is counted by an operation that does nothing else, and taken away.
use std::hint::black_box;
use std::process::Command;

use redlet::Redis;

use crate::VALUE;
use crate::commands::{CASES, Picked, Shape};
use crate::engines::{Dash, Engine};

/// Does one operation.
type Probe = fn(&Redis, &Dash, &Picked);

const NOTHING: &str = "nothing";

const PROBES: [(&str, Probe); 8] = [
    (NOTHING, |_, _, of| _ = black_box(&of.strings[0])),
    ("GET", |redis, _, of| _ = black_box(Engine::get(redis, &of.strings[0]))),
    ("GET, DashMap", |_, dash, of| _ = black_box(dash.get(&of.strings[0]))),
    ("get_with", |redis, _, of| _ = black_box(redis.show(&of.strings[0]))),
    ("get_with, DashMap's guard", |_, dash, of| _ = black_box(dash.show(&of.strings[0]))),
    ("GET by words", |redis, _, of| _ = black_box(redis.get_by_words(&of.strings[0]))),
    ("SET", |redis, _, of| Engine::set(redis, &of.strings[0], &VALUE)),
    ("SET, DashMap", |_, dash, of| dash.set(&of.strings[0], &VALUE)),
];

const SHAPE: Shape = Shape { collections: 10, elements: 100 };

/// Does a probe's operation so many times; what this program is started for under valgrind.
///
/// # Panics
/// If there is no probe of that name.
pub fn run(name: &str, operations: usize) {
    // The same hashes in every run, and no thread but this one.
    let redis = Redis::builder().seed(7).housekeeping(false).build().expect("the options are good");
    let dash = Dash::default();
    SHAPE.fill(|words| drop(redis.execute(words).expect("it is written")));
    (0..SHAPE.strings()).for_each(|number| dash.set(&crate::key(number), &VALUE));
    let mut order = crate::Order::new(1);
    let mut repeat = |operation: &dyn Fn(&Picked)| {
        (0..operations).for_each(|_| operation(&SHAPE.pick(&mut order)));
    };
    if let Some((_, probe)) = PROBES.iter().find(|(probe, _)| *probe == name) {
        repeat(&|of| probe(&redis, &dash, of));
    } else {
        let case = CASES.iter().find(|case| case.name == name).expect("a probe has this name");
        repeat(&|of| (case.typed)(&redis, of).expect("no command is refused"));
    }
}

/// Counts and prints every probe, or says why not.
pub fn compare() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("\ninstructions are not counted: valgrind is not installed");
        return;
    }
    println!("\ninstructions an operation, {} elements, 1,000 keys", SHAPE.elements);
    let nothing = count(NOTHING).unwrap_or(f64::NAN);
    for name in PROBES.iter().map(|(name, _)| *name).skip(1).chain(CASES.iter().map(|case| case.name)) {
        match count(name) {
            Some(count) => println!("{name:<32}{:>12.0}", count - nothing),
            None => println!("{name:<32}{:>12}", "-"),
        }
    }
}

fn count(name: &str) -> Option<f64> {
    const FEW: usize = 500;
    const MANY: usize = 2500;
    let more = collected(name, MANY)?.checked_sub(collected(name, FEW)?)?;
    Some(more as f64 / (MANY - FEW) as f64)
}

/// The instructions of a whole run, as callgrind says at its end: `==1== Collected : 123`.
fn collected(name: &str, operations: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["--probe", name, "--operations", &operations.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}
