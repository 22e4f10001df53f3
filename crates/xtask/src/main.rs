//! What a developer runs by `cargo xtask`. Starts other programs and reads their exit status; knows nothing of redlet's
//! inside but its command table.
mod compatibility;
mod steps;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tests, recordings and measurements of redlet.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs every test: unit, documentation and integration tests, and each example once in its small mode.
    Test,
    /// Asks a real server every case again and writes down what it answers.
    Record,
    /// Random commands for long, the unsafe code under `AddressSanitizer` and valgrind, and a minute of each fuzz target; what is
    /// not installed is left out and named.
    Nightly {
        /// How many random commands.
        #[arg(long, default_value_t = 20_000_000)]
        commands: u64,
        /// Which ones; another seed each time unless given.
        #[arg(long)]
        seed: Option<u64>,
        /// For how long each fuzz target runs.
        #[arg(long, default_value_t = 60)]
        fuzz_seconds: u64,
    },
    /// Measurements.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Writes the table of COMPATIBILITY.md anew from the command table.
    Compatibility {
        /// Changes nothing; fails when the table is out of date.
        #[arg(long)]
        check: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Bench {
    /// Speed: redlet beside other stores, in one table.
    Compare,
    /// Bytes an element: redlet beside servers, in one table.
    Memory,
    /// Hit ratios: redlet's eviction policies beside others, in one table and one drawing.
    Eviction,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test => steps::test(),
        Task::Record => steps::record(),
        Task::Nightly { commands, seed, fuzz_seconds } => steps::nightly(commands, seed, fuzz_seconds),
        Task::Bench { what: Bench::Compare } => steps::bench("compare"),
        Task::Bench { what: Bench::Memory } => steps::bench("memory"),
        Task::Bench { what: Bench::Eviction } => steps::bench("eviction"),
        Task::Compatibility { check } => compatibility::renew(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("error: {what}");
            ExitCode::FAILURE
        }
    }
}
