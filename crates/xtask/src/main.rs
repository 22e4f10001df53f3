//! What a developer runs by `cargo xtask`. Starts other programs and reads their exit status; knows nothing of redlet's
//! inside but its command table.
mod compatibility;
mod python;
mod steps;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Tests, recordings and measurements of redlet.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs every test: unit, documentation and integration tests, each example once in its small mode, and the tests of the Python package.
    Test,
    /// Builds the Python package into an environment of its own and runs its tests.
    Python {
        /// Those that take long, too.
        #[arg(long)]
        nightly: bool,
    },
    /// Asks a real server every case again and writes down what it answers.
    Record {
        /// Only these groups of cases, such as `stream` or `sessions/streams`.
        groups: Vec<String>,
    },
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
    /// Writes the tables of COMPATIBILITY.md and docs/configuration.md anew from the tables of commands and parameters.
    Compatibility {
        /// Changes nothing; fails when a table is out of date.
        #[arg(long)]
        check: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum Bench {
    /// Speed: redlet beside other stores and Redis, in tables with what has to be reached.
    Compare(Passed),
    /// Bytes an element: redlet beside servers, in one table.
    Memory(Passed),
    /// The Python package: redlet beside what else a Python program would use, in one table.
    Python(Passed),
    /// Scripts: redlet beside Redis, in a table with what has to be reached, and that memory stays flat.
    Scripts(Passed),
    /// The listener: redlet beside Redis, asked by redis-benchmark, in tables with what has to be reached.
    Server(Passed),
    /// Hit ratios: redlet's eviction policies beside others, in one table and one drawing.
    Eviction(Passed),
}

/// What a measuring program is given, such as `--runs 1`; `--help` of its own says what there is.
#[derive(Args, Clone, Debug)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test => steps::test(),
        Task::Python { nightly } => python::test(nightly),
        Task::Bench { what: Bench::Python(passed) } => python::bench(&passed.arguments),
        Task::Record { groups } => steps::record(&groups),
        Task::Nightly { commands, seed, fuzz_seconds } => steps::nightly(commands, seed, fuzz_seconds),
        Task::Bench { what: Bench::Compare(passed) } => steps::bench("compare", &passed.arguments),
        Task::Bench { what: Bench::Scripts(passed) } => steps::bench("scripts", &passed.arguments),
        Task::Bench { what: Bench::Memory(passed) } => steps::bench("memory", &passed.arguments),
        Task::Bench { what: Bench::Server(passed) } => steps::bench("server", &passed.arguments),
        Task::Bench { what: Bench::Eviction(passed) } => steps::bench("eviction", &passed.arguments),
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
