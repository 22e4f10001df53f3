//! The listener beside Redis's own and beside tokio's loop, in tables with what has to be reached.
use std::path::PathBuf;

use clap::Parser;
use redlet_benches::listener::{Load, compare, serve};
use redlet_benches::tokio_server;

/// Measures redlet's listener beside Redis and tokio with redis-benchmark.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many runs, of which the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How many requests a run; ten times as many with pipelining.
    #[arg(long, default_value_t = 200_000)]
    requests: usize,
    /// How many keys.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// How many threads serve on redlet's side.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Serves there; how the program starts a server of its own.
    #[arg(long, hide = true, num_args = 2, value_names = ["SOCKET", "PORT"])]
    serve: Option<Vec<PathBuf>>,
    /// Serves with tokio's loop instead of redlet's.
    #[arg(long, hide = true)]
    tokio: bool,
}

fn main() {
    let Arguments { runs, requests, keys, threads, serve: place, tokio } = Arguments::parse();
    match place.as_deref() {
        Some([socket, port]) => {
            let port = port.to_string_lossy().parse().expect("a number of a port");
            if tokio {
                tokio_server::serve(socket, port).expect("the address is free");
            } else {
                serve(socket, port, threads);
            }
        }
        _ => compare(Load { runs, requests, keys, threads }),
    }
}
