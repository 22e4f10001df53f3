//! Tables: redlet beside its peers, measured in turn in one run, with what it has to reach.
use clap::{Parser, ValueEnum};
use redlet_benches::{bits, commands, counts, log, stores, strings, tail};

/// Measures redlet beside its peers and prints tables.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many keys, and elements of a big collection.
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// How many runs, of which the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only these parts, separated by commas; all unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Fills one engine and prints the memory it took; how the program measures memory.
    #[arg(long, hide = true)]
    memory_of: Option<String>,
    /// Does one operation over and over; how the program counts instructions.
    #[arg(long, hide = true, requires = "operations")]
    probe: Option<String>,
    #[arg(long, hide = true)]
    operations: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// GET and SET beside other stores, one thread and two.
    Strings,
    /// Commands of every type beside Redis, on small and on big values.
    Commands,
    /// Bits of a long string beside memcpy and Redis.
    Bits,
    /// Writes that are kept in a log.
    Log,
    /// The slowest operations while a checkpoint is written.
    Tail,
    /// Memory, opening, loading, expiry.
    Stores,
    /// Instructions an operation, by valgrind.
    Counts,
}

fn main() {
    let Arguments { keys, runs, only, memory_of, probe, operations } = Arguments::parse();
    if let Some(name) = memory_of {
        return stores::memory_of(&name, keys);
    }
    if let Some((name, operations)) = probe.zip(operations) {
        return counts::run(&name, operations);
    }
    for part in Part::value_variants() {
        if !only.is_empty() && !only.contains(part) {
            continue;
        }
        match part {
            Part::Strings => strings::compare(keys, runs),
            Part::Commands => commands::compare(keys, runs),
            Part::Bits => bits::compare(runs),
            Part::Log => log::compare(keys, runs),
            Part::Tail => tail::compare(keys, runs),
            Part::Stores => stores::compare(keys),
            Part::Counts => counts::compare(),
        }
    }
}
