//! The listener beside Redis's and beside a loop on tokio, all asked by redis-benchmark.
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redlet::Redis;

use crate::figures::{Figures, Limit, Verdict, heading};
use crate::server::Server;

/// What is asked, by redis-benchmark's names.
const TESTS: [&str; 6] = ["get", "set", "incr", "lpush", "hset", "zadd"];
const COLUMNS: [&str; 9] = [
    "redlet k/s",
    "Redis k/s",
    "tokio k/s",
    "redlet p99",
    "Redis p99",
    "tokio p99",
    "redlet CPU",
    "Redis CPU",
    "tokio CPU",
];

/// Serves a store in memory until the input ends; how the program starts a server of its own.
///
/// # Panics
/// If it cannot listen there.
pub fn serve(socket: &Path, port: u16, threads: usize) {
    let redis = Redis::memory();
    let builder = redis.server().bind("127.0.0.1", port);
    let builder = builder.parameter("io-threads", threads.to_string()).expect("a number from 1 to 128");
    #[cfg(unix)]
    let builder = builder.unix_socket(socket);
    let _server = builder.start().expect("the address is free");
    let _ = std::io::stdin().read(&mut [0]);
}

/// How many runs, requests and keys.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many runs, of which the median counts.
    pub runs: usize,
    /// How many requests a run, without pipelining; ten times as many with it.
    pub requests: usize,
    /// How many keys.
    pub keys: usize,
    /// How many threads serve on redlet's side.
    pub threads: usize,
}

/// What one run of redis-benchmark says.
struct Said {
    requests_per_second: f64,
    p99_ms: f64,
}

fn benchmark(program: &Path, place: &[String], pipeline: usize, test: &str, load: Load) -> Option<Said> {
    let requests = load.requests * if pipeline == 1 { 1 } else { 10 };
    let output = Command::new(program)
        .args(place)
        .args(["-c", "50", "--csv", "-t", test, "-P", &pipeline.to_string()])
        .args(["-n", &requests.to_string(), "-r", &load.keys.to_string()])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"')));
    let names: Vec<&str> = lines.next()?.collect();
    let cells: BTreeMap<&str, &str> = names.into_iter().zip(lines.next()?).collect();
    let number = |name: &str| cells.get(name)?.parse::<f64>().ok();
    Some(Said { requests_per_second: number("rps")?, p99_ms: number("p99_latency_ms")? })
}

/// Prints the tables.
pub fn compare(load: Load) {
    let oracle = Server::program();
    let program = oracle.parent().map_or_else(PathBuf::new, Path::to_owned).join("redis-benchmark");
    let started = (Server::start_redlet(load.threads), Server::start(&oracle), Server::start_tokio());
    let (Some(redlet), Some(redis), Some(tokio)) = started else {
        println!("left out: no {} here (set REDLET_ORACLE)", oracle.display());
        return;
    };
    println!(
        "{} connections ask, medians of {} runs by turns; milliseconds, microseconds of processor time a request",
        50, load.runs
    );
    for (transport, is_socket) in [("Unix socket", true), ("loopback", false)] {
        for pipeline in [1, 16] {
            let mut figures = Figures::default();
            heading(&format!("{transport}, -P {pipeline}"), &COLUMNS);
            for test in TESTS {
                for _ in 0..load.runs {
                    for (number, server) in [&redlet, &redis, &tokio].into_iter().enumerate() {
                        let before = server.processor_time();
                        let place = server.place(is_socket);
                        let Some(said) = benchmark(&program, &place, pipeline, test, load) else {
                            println!("left out: {} gives no figures", program.display());
                            return;
                        };
                        let spent = server.processor_time().saturating_sub(before).as_secs_f64();
                        let requests = load.requests * if pipeline == 1 { 1 } else { 10 };
                        let figures_of_run =
                            [said.requests_per_second / 1000.0, said.p99_ms, spent * 1e6 / requests as f64];
                        for (figure, columns) in figures_of_run.into_iter().zip(COLUMNS.chunks(3)) {
                            figures.note(test, columns[number], figure);
                        }
                    }
                }
                let ratio = |of: usize, to: usize| {
                    figures
                        .median(test, COLUMNS[of])
                        .zip(figures.median(test, COLUMNS[to]))
                        .map_or(f64::NAN, |(a, b)| a / b)
                };
                let verdicts = [
                    Verdict::new(ratio(0, 1), "x Redis's throughput", Limit::AtLeast(1.0)),
                    Verdict::new(ratio(3, 4), "x its p99", Limit::AtMost(1.0)),
                    Verdict::new(ratio(0, 2), "x tokio's throughput", Limit::AtLeast(1.0)),
                ];
                figures.print(test, &COLUMNS, &verdicts);
            }
        }
    }
}
