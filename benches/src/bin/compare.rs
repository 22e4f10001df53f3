//! One table: redlet beside its peers, measured by turns in one run, with what it has to reach.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time and runs programs")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use clap::Parser;
use redlet::{Commands, Fsync, Redis};
use redlet_benches::{Dash, Engine, Kevy, Moka, Order, Papaya, Quick, Server, VALUE, key, resident};

/// Measures redlet beside its peers and prints one table.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many keys.
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// How many runs, of which the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Fills one engine and prints the memory it took; how the program measures memory.
    #[arg(long, hide = true)]
    memory_of: Option<String>,
}

/// Nanoseconds an operation, by measurement and engine; one entry a run.
type Results = BTreeMap<(usize, &'static str), Vec<f64>>;

const FILL: usize = 0;
const GET: usize = 1;
const SET: usize = 2;
const HOT: usize = 3;
const MIX: usize = 4;
const GET_TWO: usize = 5;
const SET_TWO: usize = 6;
const SHOW: usize = 7;
const WORDS: usize = 8;
const EVERYSEC: usize = 9;
const ALWAYS: usize = 10;
const ALWAYS_MANY: usize = 11;
const NAMES: [&str; 12] = [
    "fill",
    "GET, uniform",
    "SET, uniform",
    "GET, 1,000 hot keys",
    "90 % GET, 10 % SET",
    "GET, 2 threads",
    "SET, 2 threads",
    "GET without a copy, hot keys",
    "GET by words, hot keys",
    "SET, log everysec",
    "SET, log always",
    "SET, log always, 16 threads",
];

fn per_operation(operations: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / operations as f64
}

/// A way to read a value, which not every engine has.
type Way = fn(&dyn Engine, &[u8]) -> Option<usize>;

fn measure(engine: &dyn Engine, keys: &[String], results: &mut Results) {
    let name = engine.name();
    let mut note = |what, nanoseconds| results.entry((what, name)).or_default().push(nanoseconds);
    let operations = keys.len() / engine.share();
    let filled = if engine.share() > 1 { operations } else { keys.len() };
    let mut order = Order::new(1);
    note(
        FILL,
        per_operation(filled, || keys[..filled].iter().for_each(|key| engine.set(key.as_bytes(), &VALUE))),
    );
    let get = |order: &mut Order, bound: usize| {
        let found = engine.get(keys[order.below(bound)].as_bytes());
        assert_eq!(found, Some(VALUE.len()), "{name} lost a key");
    };
    note(GET, per_operation(operations, || (0..operations).for_each(|_| get(&mut order, filled))));
    let set = |order: &mut Order| engine.set(keys[order.below(filled)].as_bytes(), &VALUE);
    note(SET, per_operation(operations, || (0..operations).for_each(|_| set(&mut order))));
    note(HOT, per_operation(operations, || (0..operations).for_each(|_| get(&mut order, 1000.min(filled)))));
    let mix = |order: &mut Order| if order.below(10) == 0 { set(order) } else { get(order, filled) };
    note(MIX, per_operation(operations, || (0..operations).for_each(|_| mix(&mut order))));
    if engine.share() > 1 {
        return;
    }
    let two = |work: &(dyn Fn(&mut Order) + Sync)| {
        per_operation(operations, || {
            std::thread::scope(|scope| {
                for seed in [3, 5] {
                    scope.spawn(move || {
                        let mut order = Order::new(seed);
                        (0..operations / 2).for_each(|_| work(&mut order));
                    });
                }
            });
        })
    };
    let hot = 1000.min(filled);
    let ways: [(usize, Way); 2] =
        [(SHOW, |engine, key| engine.show(key)), (WORDS, |engine, key| engine.get_by_words(key))];
    for (what, way) in ways {
        if way(engine, keys[0].as_bytes()).is_some() {
            let ask = |order: &mut Order| way(engine, keys[order.below(hot)].as_bytes());
            let all = || {
                (0..operations).for_each(|_| {
                    assert_eq!(ask(&mut order), Some(VALUE.len()), "{name} lost a key");
                });
            };
            note(what, per_operation(operations, all));
        }
    }
    note(GET_TWO, two(&|order| get(order, filled)));
    note(SET_TWO, two(&set));
}

fn measure_log(keys: &[String], results: &mut Results) {
    let mut note = |what, name, nanoseconds| results.entry((what, name)).or_default().push(nanoseconds);
    let folder = tempfile::tempdir().expect("a folder");
    let operations = keys.len() / 4;
    let mut fill = |engine: &dyn Engine| {
        let nanoseconds = per_operation(operations, || {
            keys[..operations].iter().for_each(|key| engine.set(key.as_bytes(), &VALUE));
        });
        note(EVERYSEC, engine.name(), nanoseconds);
    };
    fill(&Redis::open(folder.path().join("redlet")).expect("a store opens"));
    fill(&Kevy::on_disk(&folder.path().join("kevy")));
    let always = |path: &str| {
        Redis::builder().path(folder.path().join(path)).fsync(Fsync::Always).build().expect("a store opens")
    };
    let redis = always("always");
    let few = 300;
    let work = || keys[..few].iter().for_each(|key| Engine::set(&redis, key.as_bytes(), &VALUE));
    note(ALWAYS, "redlet", per_operation(few, work));
    let work = || {
        std::thread::scope(|scope| {
            for thread in 0..16 {
                let redis = &redis;
                scope.spawn(move || {
                    keys[thread * few..][..few]
                        .iter()
                        .for_each(|key| Engine::set(redis, key.as_bytes(), &VALUE));
                });
            }
        });
    };
    note(ALWAYS_MANY, "redlet", per_operation(few * 16, work));
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn engine(name: &str, keys: usize) -> Box<dyn Engine> {
    match name {
        "redlet" => Box::new(Redis::memory()),
        "DashMap" => Box::new(Dash::default()),
        "moka" => Box::new(Moka::new(keys)),
        "papaya" => Box::new(Papaya::default()),
        "quick_cache" => Box::new(Quick::new(keys)),
        _ => Box::new(Kevy::memory()),
    }
}

fn memory_of(name: &str, keys: usize) {
    let engine = engine(name, keys);
    let before = resident();
    (0..keys).for_each(|number| engine.set(key(number).as_bytes(), &VALUE));
    println!("{}", (resident() - before) / keys as u64);
}

const ENGINES: [&str; 6] = ["redlet", "DashMap", "papaya", "moka", "quick_cache", "kevy"];

fn main() {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.memory_of {
        return memory_of(name, arguments.keys);
    }
    let keys: Vec<String> = (0..arguments.keys).map(key).collect();
    let mut results = Results::new();
    let has_server = Server::start(&Server::program()).is_some();
    for run in 0..arguments.runs {
        eprintln!("run {} of {}", run + 1, arguments.runs);
        for name in ENGINES {
            measure(&*engine(name, arguments.keys), &keys, &mut results);
        }
        if let Some(server) = Server::start(&Server::program()) {
            measure(&server, &keys, &mut results);
        }
        measure_log(&keys, &mut results);
    }
    print(&arguments, &results, has_server);
}

fn print(arguments: &Arguments, results: &Results, has_server: bool) {
    let value = |what: usize, name: &str| {
        results
            .iter()
            .find(|((at, engine), _)| *at == what && *engine == name)
            .map(|(_, values)| median(values))
    };
    println!(
        "nanoseconds an operation, median of {} runs, {} keys of 64 bytes",
        arguments.runs, arguments.keys
    );
    let columns = ["redlet", "DashMap", "papaya", "moka", "quick_cache", "kevy", "Redis"];
    println!("{:<30}{}   to reach", "", columns.map(|name| format!("{name:>12}")).concat());
    let verdict = |ratio: f64, most: f64, against: &str| {
        let said = if ratio <= most { "ok" } else { "MISSED" };
        format!("{ratio:.2} x {against}, at most {most}: {said}")
    };
    for (what, name) in NAMES.iter().enumerate() {
        let cells = columns.map(|engine| value(what, engine).map_or("-".into(), |ns| format!("{ns:.1}")));
        let ratio = |against| Some(value(what, "redlet")? / value(what, against)?);
        let goal = match what {
            HOT => ratio("DashMap").map(|ratio| verdict(ratio, 1.3, "DashMap")),
            GET | SET => ratio("DashMap").map(|ratio| verdict(ratio, 1.2, "DashMap")),
            EVERYSEC => ratio("kevy").map(|ratio| verdict(ratio, 1.0, "kevy")),
            GET_TWO | SET_TWO => {
                let one = value(if what == GET_TWO { GET } else { SET }, "redlet");
                let gain = one.zip(value(what, "redlet")).map_or(0.0, |(one, two)| one / two);
                Some(format!(
                    "{gain:.2} x one thread, at least 1.7: {}",
                    if gain >= 1.7 { "ok" } else { "MISSED" }
                ))
            }
            _ => None,
        };
        println!(
            "{name:<30}{}   {}",
            cells.map(|cell| format!("{cell:>12}")).concat(),
            goal.unwrap_or_default()
        );
    }
    if !has_server {
        println!("no Redis: name a redis-server by REDLET_ORACLE to compare with it");
    }
    print_memory(arguments.keys);
    print_stores(arguments.keys);
}

fn print_memory(keys: usize) {
    let cells = ENGINES.map(|name| {
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program).args(["--memory-of", name, "--keys", &keys.to_string()]).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        format!("{:>12}", text.unwrap_or_else(|_| "-".into()))
    });
    println!("{:<30}{}", "bytes a key, by RSS", cells.concat());
}

fn print_stores(keys: usize) {
    let start = Instant::now();
    let stores: Vec<Redis> = (0..100).map(|_| Redis::memory()).collect();
    let micros = start.elapsed().as_secs_f64() * 1e6 / 100.0;
    drop(stores);
    println!("{:<30}{micros:>10.1}   microseconds, at most 50: {}", "Redis::memory()", ok(micros < 50.0));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    store_times(&path, keys);
    expiry(keys);
}

/// All keys due in the same millisecond: how long a caller waits meanwhile, and when the last of them is gone.
fn expiry(keys: usize) {
    let redis = Redis::memory();
    Commands::set(&redis, "kept", "x").expect("it is written");
    let now = redis.time().expect("the clock runs").seconds;
    let due = redlet::UnixMs((now + 3 + keys as i64 / 500_000) * 1000);
    for number in 0..keys {
        let options = redlet::SetOptions::default().exat(due);
        redis.set_with(key(number), VALUE, options).expect("it is written");
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
    let gone = begun.elapsed().as_secs_f64();
    waits.sort_unstable();
    let worst = waits[waits.len() - 1 - waits.len() / 10_000].as_secs_f64() * 1e3;
    println!(
        "{:<30}{gone:>10.3}   seconds until all are gone, at most 1: {}",
        "keys due together",
        ok(gone <= 1.0)
    );
    println!(
        "{:<30}{worst:>10.3}   milliseconds at 99.99 %, at most 1: {}",
        "a GET meanwhile",
        ok(worst <= 1.0)
    );
}

fn ok(reached: bool) -> &'static str {
    if reached { "ok" } else { "MISSED" }
}

fn store_times(path: &Path, keys: usize) {
    let redis = Redis::builder().path(path).fsync(Fsync::No).build().expect("a store opens");
    (0..keys).for_each(|number| Engine::set(&redis, key(number).as_bytes(), &VALUE));
    let start = Instant::now();
    redis.save().expect("the snapshot is written");
    println!("{:<30}{:>10.3}   seconds", "checkpoint", start.elapsed().as_secs_f64());
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
    let seconds = median(&times);
    println!("{:<30}{seconds:>10.3}   seconds, at most 0.3: {}", "load", ok(seconds <= 0.3));
}
