//! The hit ratios of redlet's eviction policies beside others, on recorded and generated loads, with what the adaptive one has to
//! reach, and the same as a drawing; hit ratios for values of different sizes; and what eviction costs.
#![expect(clippy::disallowed_methods, reason = "a benchmark writes what it found to a file")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use redlet_benches::eviction::chart::{Panel, Row, svg};
use redlet_benches::eviction::costs::{self, Cost};
use redlet_benches::eviction::sizes::{Sized, SizedLoad};
use redlet_benches::eviction::traces::{self, Trace};
use redlet_benches::eviction::{Contender, Outcome, Settings};

/// Measures what eviction keeps and what it costs, and prints tables.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with recorded traces, `*.u32.gz`.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/traces"))]
    traces: PathBuf,
    /// Capacities, in percent of a trace's keys.
    #[arg(long, value_delimiter = ',', default_values_t = [1.0, 5.0, 20.0])]
    capacities: Vec<f64>,
    /// Keys that redlet's policies look at for a victim (`maxmemory-samples`).
    #[arg(long, default_value_t = 5)]
    samples: usize,
    /// Which random numbers; the same in every run unless given.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stores of redlet's for each cell of the table, which shows their mean.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    stores: u16,
    /// Where to draw the table.
    #[arg(long, default_value = "docs/eviction.svg")]
    drawing: PathBuf,
    /// Prints what eviction costs and nothing else.
    #[arg(long)]
    costs_only: bool,
}

/// The adaptive policy may be so many points behind the best of the four on any trace.
const BEHIND_MAX: f64 = 3.0;

/// What eviction may cost a read, in nanoseconds.
const READ_COST_MAX_NS: f64 = 5.0;
/// A store of redlet's should hold as many keys as the others, to so many percent in the mean of all traces.
const HELD_OFF_MAX: f64 = 2.0;

/// How each contender fared on each trace, by capacity.
type Outcomes = Vec<Vec<Vec<Outcome>>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.costs_only {
        return if print_costs() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let recorded = match traces::recorded(&arguments.traces) {
        Ok(traces) if !traces.is_empty() => traces,
        Ok(_) => {
            eprintln!("no recorded traces: {}", arguments.traces.display());
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("no recorded traces: {}: {error}", arguments.traces.display());
            return ExitCode::FAILURE;
        }
    };
    let count = recorded.len();
    let mut all = recorded;
    all.extend(traces::one_after_another(&all));
    all.extend(traces::generated(arguments.seed));
    let settings =
        Settings { samples: arguments.samples, seed: arguments.seed, stores: arguments.stores.into() };
    let outcomes = measure(&all, &arguments.capacities, settings);
    let mut reached = true;
    for (&percent, outcomes) in arguments.capacities.iter().zip(&outcomes) {
        print_table(percent, &all, outcomes);
    }
    println!("## Verdicts\n");
    for (&percent, outcomes) in arguments.capacities.iter().zip(&outcomes) {
        reached &= judge(percent, &all[..count], &outcomes[..count], "recorded", true);
        judge(percent, &all[count..], &outcomes[count..], "other", false);
        reached &= judge_held(percent, outcomes);
    }
    print_sizes(&arguments.capacities, settings);
    reached &= print_costs();
    match draw(&arguments.drawing, &arguments.capacities, &all, &outcomes) {
        Ok(()) => println!("\nDrawn to {}.", arguments.drawing.display()),
        Err(error) => {
            eprintln!("{}: {error}", arguments.drawing.display());
            return ExitCode::FAILURE;
        }
    }
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every contender on every trace at every capacity, on all processors.
fn measure(traces: &[Trace], capacities: &[f64], settings: Settings) -> Outcomes {
    let contenders = Contender::ALL.len();
    let cells = capacities.len() * traces.len() * contenders;
    let results =
        Mutex::new(vec![vec![vec![Outcome::default(); contenders]; traces.len()]; capacities.len()]);
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let cell = next.fetch_add(1, Ordering::Relaxed);
                    if cell >= cells {
                        break;
                    }
                    let (at, contender) = (cell / contenders, cell % contenders);
                    let (capacity, trace) = (at / traces.len(), at % traces.len());
                    let room = traces[trace].share(capacities[capacity]);
                    let outcome = Contender::ALL[contender].play(&traces[trace], room, settings);
                    results.lock().expect("no worker panicked")[capacity][trace][contender] = outcome;
                }
            });
        }
    });
    results.into_inner().expect("no worker panicked")
}

fn print_table(percent: f64, traces: &[Trace], outcomes: &[Vec<Outcome>]) {
    println!("## Hit ratios in percent, capacity {percent} % of the keys\n");
    print!("| {:20} |", "");
    for contender in Contender::ALL {
        print!(" {:>11} |", contender.name());
    }
    println!(" {:>11} |", "keys held");
    println!("|:{}|{}", "-".repeat(21), format!("{}:|", "-".repeat(12)).repeat(Contender::ALL.len() + 1));
    for (trace, outcomes) in traces.iter().zip(outcomes) {
        print!("| {:20} |", trace.name);
        for outcome in outcomes {
            print!(" {:>11.2} |", outcome.hit_ratio);
        }
        println!(" {:>9.1} % |", of(Contender::Adaptive, outcomes).held);
    }
    println!();
}

fn of(contender: Contender, outcomes: &[Outcome]) -> Outcome {
    let at = Contender::ALL.iter().position(|&other| other == contender);
    outcomes[at.expect("every contender is in the table")]
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<f64>() / count as f64
}

/// Whether redlet's stores, which are limited by bytes, held about as many keys as the others.
fn judge_held(percent: f64, outcomes: &[Vec<Outcome>]) -> bool {
    let mut all_hold = true;
    for contender in Contender::REDLET {
        let held = mean(outcomes.iter().map(|outcomes| of(contender, outcomes).held));
        let holds = (held - 100.0).abs() <= HELD_OFF_MAX;
        let verdict = if holds { "pass" } else { "FAIL" };
        println!("{percent:>4} %, {}: held {held:.2} % of the keys it should: {verdict}", contender.name());
        all_hold &= holds;
    }
    all_hold
}

fn print_sizes(capacities: &[f64], settings: Settings) {
    let load = SizedLoad::generated(settings.seed);
    println!("\n## Values of 100 bytes to 10 KB, zipf 0.9: hit ratio in percent of requests, of bytes\n");
    print!("| {:20} |", "room in % of bytes");
    capacities.iter().for_each(|percent| print!(" {percent:>13} |"));
    println!("\n|:{}|{}", "-".repeat(21), format!("{}:|", "-".repeat(14)).repeat(capacities.len()));
    for cache in Sized::ALL {
        print!("| {:20} |", cache.name());
        for &percent in capacities {
            let outcome = load.play(cache, percent, settings);
            print!(" {:>6.2} {:>6.2} |", outcome.hit_ratio, outcome.byte_hit_ratio);
        }
        println!();
    }
}

/// Whether reads pay little enough.
fn print_costs() -> bool {
    let mut all_hold = true;
    println!(
        "\n## Nanoseconds: GET of a hot key, SET of a new key in a full store (no limit: SET and DEL)\n"
    );
    println!("| {:20} | {:>7} | {:>11} | {:>7} |", "", "GET", "for eviction", "SET");
    println!("|:{}|{}|", "-".repeat(21), ["--------:", "-------------:", "--------:"].join("|"));
    for cost in costs::measure() {
        let name = match (cost.kind.policy, cost.kind.has_deadlines) {
            (Some(policy), _) => policy.as_str(),
            (None, false) => "no limit",
            (None, true) => "no limit, deadlines",
        };
        let Cost { read_ns, read_more_ns, write_ns, .. } = cost;
        print!("| {name:20} | {read_ns:>7.1} | {read_more_ns:>+12.1} | {write_ns:>7.0} |");
        let holds = read_more_ns <= READ_COST_MAX_NS;
        println!("{}", if holds { "" } else { " FAIL: too much for a read" });
        all_hold &= holds;
    }
    let verdict = if all_hold { "pass" } else { "FAIL" };
    println!("\nA read pays at most {READ_COST_MAX_NS} ns: {verdict}");
    all_hold
}

/// Compares the adaptive policy with those it has to match; whether it does. What is not `required` is only shown.
fn judge(percent: f64, traces: &[Trace], outcomes: &[Vec<Outcome>], which: &str, required: bool) -> bool {
    let mean = |contender| mean(outcomes.iter().map(|outcomes| of(contender, outcomes).hit_ratio));
    let gap = |outcomes: &Vec<Outcome>| {
        let judges = Contender::JUDGES.map(|judge| of(judge, outcomes).hit_ratio);
        of(Contender::Adaptive, outcomes).hit_ratio - judges.into_iter().fold(f64::MIN, f64::max)
    };
    let worst = traces.iter().zip(outcomes.iter().map(gap)).min_by(|one, other| one.1.total_cmp(&other.1));
    let Some((trace, worst)) = worst else { return true };
    let (own, other) = (mean(Contender::Adaptive), mean(Contender::WTinyLfu));
    let (mean_holds, worst_holds) = (own >= other, worst >= -BEHIND_MAX);
    let verdict = |holds| match (required, holds) {
        (true, true) => "pass",
        (true, false) => "FAIL",
        (false, _) => "for information",
    };
    println!(
        "{percent:>4} %, {which}: mean {own:.2}, W-TinyLFU {other:.2}, difference {:+.2}: {}",
        own - other,
        verdict(mean_holds)
    );
    println!(
        "{percent:>4} %, {which}: worst gap to the best of LRU, LFU, S3-FIFO and W-TinyLFU {worst:+.2} ({}): {}",
        trace.name,
        verdict(worst_holds)
    );
    mean_holds && worst_holds
}

fn draw(path: &Path, capacities: &[f64], traces: &[Trace], outcomes: &Outcomes) -> std::io::Result<()> {
    let panels: Vec<Panel> = capacities
        .iter()
        .zip(outcomes)
        .map(|(percent, outcomes)| Panel {
            title: format!("Hit ratio in percent, capacity {percent} % of the keys"),
            rows: traces
                .iter()
                .zip(outcomes)
                .map(|(trace, outcomes)| Row {
                    name: trace.name.clone(),
                    ratios: outcomes.iter().map(|outcome| outcome.hit_ratio).collect(),
                })
                .collect(),
        })
        .collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, svg(&panels))
}
