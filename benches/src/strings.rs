//! Strings by key: one thread and two, redlet beside `DashMap`, papaya, moka, `quick_cache`, kevy and Redis.
use redlet::Redis;

use crate::engines::{Dash, Engine, Kevy, Moka, Papaya, Quick};
use crate::figures::{Figures, Limit, Verdict, heading, per_operation};
use crate::server::Server;
use crate::{Order, VALUE, key};

/// The engines that live in this process.
pub const ENGINES: [&str; 6] = ["redlet", "DashMap", "papaya", "moka", "quick_cache", "kevy"];

/// An engine by its name in [`ENGINES`], empty, with room for so many keys.
///
/// # Panics
/// If there is none of that name.
pub fn engine(name: &str, keys: usize) -> Box<dyn Engine> {
    match name {
        "redlet" => Box::new(Redis::memory()),
        "DashMap" => Box::new(Dash::default()),
        "moka" => Box::new(Moka::new(keys)),
        "papaya" => Box::new(Papaya::default()),
        "quick_cache" => Box::new(Quick::new(keys)),
        "kevy" => Box::new(Kevy::memory()),
        _ => panic!("{name} is none of {ENGINES:?}"),
    }
}

const FILL: &str = "fill";
const GET: &str = "GET, uniform";
const SET: &str = "SET, uniform";
const HOT: &str = "GET, 1,000 hot keys";
const MIX: &str = "90 % GET, 10 % SET";
const SHOW: &str = "GET without a copy, hot keys";
const WORDS: &str = "GET by words, hot keys";
const GET_TWO: &str = "GET, 2 threads";
const SET_TWO: &str = "SET, 2 threads";

/// What redlet has to reach in a row, compared with an engine in that or another row.
enum Mark {
    /// At most so many times its time.
    Time(f64, &'static str, &'static str),
    /// At least so many times redlet's own throughput there.
    Gain(f64, &'static str),
}

const ROWS: [(&str, &[Mark]); 9] = [
    (FILL, &[Mark::Time(0.8, FILL, "DashMap")]),
    (GET, &[Mark::Time(0.7, GET, "DashMap")]),
    (SET, &[Mark::Time(0.8, SET, "DashMap")]),
    (MIX, &[]),
    (HOT, &[Mark::Time(1.0, HOT, "DashMap"), Mark::Time(1.0, HOT, "kevy")]),
    (SHOW, &[Mark::Time(0.8, SHOW, "DashMap"), Mark::Time(0.8, HOT, "DashMap")]),
    (WORDS, &[Mark::Time(1.6, HOT, "redlet")]),
    (GET_TWO, &[Mark::Gain(1.8, GET)]),
    (SET_TWO, &[Mark::Gain(1.6, SET)]),
];

/// Measures every engine in turn, so many times, and prints the table.
pub fn compare(keys: usize, runs: usize) {
    let mut figures = Figures::default();
    for run in 0..runs {
        eprintln!("strings: run {} of {runs}", run + 1);
        for name in ENGINES {
            measure(&*engine(name, keys), keys, &mut figures);
        }
        if let Some(server) = Server::start(&Server::program()) {
            measure(&server, keys, &mut figures);
        }
    }
    let title = format!("strings: nanoseconds an operation, median of {runs} runs, {keys} keys of 64 bytes");
    let columns: Vec<&str> = ENGINES.into_iter().chain(["Redis"]).collect();
    heading(&title, &columns);
    for (row, marks) in ROWS {
        let verdicts: Vec<Verdict> = marks.iter().filter_map(|mark| verdict(&figures, row, mark)).collect();
        figures.print(row, &columns, &verdicts);
    }
}

fn verdict(figures: &Figures, row: &'static str, mark: &Mark) -> Option<Verdict> {
    let ours = figures.median(row, "redlet")?;
    match *mark {
        Mark::Time(limit, other, column) => {
            let what = if other == row { format!("x {column}") } else { format!("x {column}'s \"{other}\"") };
            Some(Verdict::new(ours / figures.median(other, column)?, what, Limit::AtMost(limit)))
        }
        Mark::Gain(limit, alone) => {
            let gain = |column| Some(figures.median(alone, column)? / figures.median(row, column)?);
            let what = format!("x one thread's throughput (DashMap {:.2})", gain("DashMap")?);
            Some(Verdict::new(gain("redlet")?, what, Limit::AtLeast(limit)))
        }
    }
}

/// A way to read a value, which not every engine has.
type Way = fn(&dyn Engine, &[u8]) -> Option<usize>;

fn measure(engine: &dyn Engine, keys: usize, figures: &mut Figures) {
    let name = engine.name();
    let mut note = |row, nanoseconds| figures.note(row, name, nanoseconds);
    let operations = keys / engine.share();
    let filled = if engine.share() > 1 { operations } else { keys };
    let hot = 1000.min(filled);
    let mut order = Order::new(1);
    let fill = || (0..filled).for_each(|number| engine.set(&key(number), &VALUE));
    note(FILL, per_operation(filled, fill));
    let get = |order: &mut Order, bound: usize| {
        let found = engine.get(&key(order.below(bound)));
        assert_eq!(found, Some(VALUE.len()), "{name} lost a key");
    };
    let set = |order: &mut Order| engine.set(&key(order.below(filled)), &VALUE);
    let mix = |order: &mut Order| if order.below(10) == 0 { set(order) } else { get(order, filled) };
    note(GET, per_operation(operations, || (0..operations).for_each(|_| get(&mut order, filled))));
    note(SET, per_operation(operations, || (0..operations).for_each(|_| set(&mut order))));
    note(HOT, per_operation(operations, || (0..operations).for_each(|_| get(&mut order, hot))));
    note(MIX, per_operation(operations, || (0..operations).for_each(|_| mix(&mut order))));
    let ways: [(&str, Way); 2] =
        [(SHOW, |engine, key| engine.show(key)), (WORDS, |engine, key| engine.get_by_words(key))];
    for (row, way) in ways {
        if way(engine, &key(0)).is_some() {
            let all = || {
                (0..operations).for_each(|_| {
                    let found = way(engine, &key(order.below(hot)));
                    assert_eq!(found, Some(VALUE.len()), "{name} lost a key");
                });
            };
            note(row, per_operation(operations, all));
        }
    }
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
    note(GET_TWO, two(&|order| get(order, filled)));
    note(SET_TWO, two(&set));
}
