//! One table: the hit ratios of redlet's eviction policies beside others, on recorded and generated loads, with what the adaptive
//! one has to reach; and the same as a drawing.
#![expect(clippy::disallowed_methods, reason = "a benchmark writes what it found to a file")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use redlet_benches::eviction::chart::{Panel, Row, svg};
use redlet_benches::eviction::traces::{self, Trace};
use redlet_benches::eviction::{Contender, Settings};

/// Measures hit ratios and prints one table.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with recorded traces, `*.u32.gz`.
    #[arg(long, default_value = "/work/shared/traces")]
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
    /// Where to draw the table.
    #[arg(long, default_value = "docs/eviction.svg")]
    drawing: PathBuf,
}

/// The adaptive policy may be so many points behind the best of the four on any trace.
const BEHIND_MAX: f64 = 3.0;

/// The hit ratio of each contender on each trace, by capacity.
type Ratios = Vec<Vec<Vec<f64>>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let recorded = match traces::recorded(&arguments.traces) {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("no recorded traces: {}: {error}", arguments.traces.display());
            Vec::new()
        }
    };
    let count = recorded.len();
    let mut all = recorded;
    all.extend(traces::one_after_another(&all));
    all.extend(traces::generated(arguments.seed));
    let settings = Settings { samples: arguments.samples, seed: arguments.seed };
    let ratios = measure(&all, &arguments.capacities, settings);
    let mut reached = true;
    for (&percent, ratios) in arguments.capacities.iter().zip(&ratios) {
        print_table(percent, &all, ratios);
    }
    println!("## Verdicts\n");
    for (&percent, ratios) in arguments.capacities.iter().zip(&ratios) {
        reached &= judge(percent, &all[..count], &ratios[..count], "recorded", true);
        judge(percent, &all[count..], &ratios[count..], "other", false);
    }
    match draw(&arguments.drawing, &arguments.capacities, &all, &ratios) {
        Ok(()) => println!("\nDrawn to {}.", arguments.drawing.display()),
        Err(error) => {
            eprintln!("{}: {error}", arguments.drawing.display());
            return ExitCode::FAILURE;
        }
    }
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every contender on every trace at every capacity, on all processors.
fn measure(traces: &[Trace], capacities: &[f64], settings: Settings) -> Ratios {
    let contenders = Contender::ALL.len();
    let cells = capacities.len() * traces.len() * contenders;
    let results = Mutex::new(vec![vec![vec![0.0; contenders]; traces.len()]; capacities.len()]);
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
                    let ratio = Contender::ALL[contender].hit_ratio(&traces[trace], room, settings);
                    results.lock().expect("no worker panicked")[capacity][trace][contender] = ratio;
                }
            });
        }
    });
    results.into_inner().expect("no worker panicked")
}

fn print_table(percent: f64, traces: &[Trace], ratios: &[Vec<f64>]) {
    println!("## Hit ratios in percent, capacity {percent} % of the keys\n");
    print!("| {:20} |", "");
    for contender in Contender::ALL {
        print!(" {:>11} |", contender.name());
    }
    println!("\n|:{}|{}", "-".repeat(21), format!("{}:|", "-".repeat(12)).repeat(Contender::ALL.len()));
    for (trace, ratios) in traces.iter().zip(ratios) {
        print!("| {:20} |", trace.name);
        for ratio in ratios {
            print!(" {ratio:>11.2} |");
        }
        println!();
    }
    println!();
}

fn of(contender: Contender, ratios: &[f64]) -> f64 {
    let at = Contender::ALL.iter().position(|&other| other == contender);
    ratios[at.expect("every contender is in the table")]
}

/// Compares the adaptive policy with those it has to match; whether it does. What is not `required` is only shown.
fn judge(percent: f64, traces: &[Trace], ratios: &[Vec<f64>], which: &str, required: bool) -> bool {
    let mean =
        |contender| ratios.iter().map(|ratios| of(contender, ratios)).sum::<f64>() / ratios.len() as f64;
    let gap = |ratios: &Vec<f64>| {
        let best = Contender::JUDGES.map(|judge| of(judge, ratios)).into_iter().fold(f64::MIN, f64::max);
        of(Contender::Adaptive, ratios) - best
    };
    let worst = traces.iter().zip(ratios.iter().map(gap)).min_by(|one, other| one.1.total_cmp(&other.1));
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

fn draw(path: &Path, capacities: &[f64], traces: &[Trace], ratios: &Ratios) -> std::io::Result<()> {
    let panels: Vec<Panel> = capacities
        .iter()
        .zip(ratios)
        .map(|(percent, ratios)| Panel {
            title: format!("Hit ratio in percent, capacity {percent} % of the keys"),
            rows: traces
                .iter()
                .zip(ratios)
                .map(|(trace, ratios)| Row { name: trace.name.clone(), ratios: ratios.clone() })
                .collect(),
        })
        .collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, svg(&panels))
}
