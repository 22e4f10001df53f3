//! Writes to a log: how long a SET takes when it is kept.
use redlet::{Fsync, Redis};

use crate::engines::{Engine, Kevy};
use crate::figures::{Figures, Limit, Verdict, heading, per_operation};
use crate::{VALUE, key};

const EVERYSEC: &str = "SET, log everysec";
const ALWAYS: &str = "SET, log always";
const ALWAYS_MANY: &str = "SET, log always, 16 threads";

/// How many SETs a thread makes when each waits for the disk.
const FEW: usize = 300;

/// Measures redlet and kevy in turn, so many times, and prints the table.
pub fn compare(keys: usize, runs: usize) {
    let mut figures = Figures::default();
    for run in 0..runs {
        eprintln!("log: run {} of {runs}", run + 1);
        measure((keys / 4).max(16 * FEW), &mut figures);
    }
    let columns = ["redlet", "kevy"];
    heading(&format!("log: nanoseconds an operation, median of {runs} runs"), &columns);
    for row in [EVERYSEC, ALWAYS, ALWAYS_MANY] {
        let ratio = figures.median(row, "redlet").zip(figures.median(row, "kevy")).map(|(a, b)| a / b);
        let verdict = ratio.map(|ratio| Verdict::new(ratio, "x kevy", Limit::AtMost(1.0)));
        figures.print(row, &columns, verdict.as_slice());
    }
}

fn measure(keys: usize, figures: &mut Figures) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut fill = |engine: &dyn Engine| {
        let work = || (0..keys).for_each(|number| engine.set(&key(number), &VALUE));
        figures.note(EVERYSEC, engine.name(), per_operation(keys, work));
    };
    fill(&Redis::open(folder.path().join("redlet")).expect("a store opens"));
    fill(&Kevy::on_disk(&folder.path().join("kevy")));
    let always = Redis::builder().path(folder.path().join("always")).fsync(Fsync::Always).build();
    let redis = always.expect("a store opens");
    let set = |first| (first..first + FEW).for_each(|number| Engine::set(&redis, &key(number), &VALUE));
    figures.note(ALWAYS, "redlet", per_operation(FEW, || set(0)));
    let work = || {
        std::thread::scope(|scope| {
            let set = &set;
            (0..16).for_each(|thread| drop(scope.spawn(move || set(thread * FEW))));
        });
    };
    figures.note(ALWAYS_MANY, "redlet", per_operation(16 * FEW, work));
}
