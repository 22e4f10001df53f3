//! Bytes an element: redlet by the growth of its own process, servers by the growth of their `used_memory`; and what redlet counts
//! itself, beside the growth with each allocator.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{resident, server::Server};
use clap::Parser;
use redlet::{Commands, Redis, SetOptions};

/// Measures memory, each case in a process of its own, and prints one table.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many elements.
    #[arg(long, default_value_t = 1_000_000)]
    elements: usize,
    /// Programs of servers to ask for the same; `REDLET_ORACLE` and a `valkey-server` beside it unless given.
    #[arg(long)]
    server: Vec<PathBuf>,
    /// Fills one case and prints the bytes an element; how the program measures.
    #[arg(long, hide = true)]
    case: Option<usize>,
}

/// A way to fill a store: name, most bytes an element, and the command for an element.
struct Case {
    name: &'static str,
    at_most: f64,
    command: fn(usize) -> Vec<String>,
}

fn words<const N: usize>(words: [String; N]) -> Vec<String> {
    words.into()
}

fn key(number: usize) -> String {
    format!("key:{number:07}")
}

fn value(length: usize, number: usize) -> String {
    format!("{number:0>length$}v").split_off(1)
}

const CASES: [Case; 12] = [
    Case {
        name: "string of 10 bytes",
        at_most: 58.0,
        command: |n| words(["SET".into(), key(n), value(10, n)]),
    },
    Case {
        name: "the same with a TTL",
        at_most: 72.0,
        command: |n| {
            words(["SET".into(), key(n), value(10, n), "EX".into(), (100_000 + n % 1000).to_string()])
        },
    },
    Case {
        name: "string of 64 bytes",
        at_most: 115.0,
        command: |n| words(["SET".into(), key(n), value(64, n)]),
    },
    Case {
        name: "integer",
        at_most: 44.0,
        command: |n| words(["SET".into(), key(n), (100_000 + n).to_string()]),
    },
    Case {
        name: "hash of 100 small fields, a field",
        at_most: 24.0,
        command: |n| {
            words([
                "HSET".into(),
                key(n / 100),
                format!("field:{:04}", n % 100),
                format!("value{:05}", n % 99_999),
            ])
        },
    },
    Case {
        name: "one hash",
        at_most: 52.0,
        command: |n| {
            words(["HSET".into(), "hash".into(), format!("field:{n:07}"), format!("value{:05}", n % 99_999)])
        },
    },
    Case {
        name: "one sorted set",
        at_most: 62.0,
        command: |n| {
            words(["ZADD".into(), "zset".into(), (n * 7 % 1_000_003).to_string(), format!("member:{n:07}")])
        },
    },
    Case {
        name: "sorted sets of 100, a member",
        at_most: 15.5,
        command: |n| {
            words(["ZADD".into(), key(n / 100), (n % 100).to_string(), format!("member:{:02}", n % 100)])
        },
    },
    Case {
        name: "one set of integers",
        at_most: 14.0,
        command: |n| words(["SADD".into(), "set".into(), n.to_string()]),
    },
    Case {
        name: "one set of strings of 14 bytes",
        at_most: 28.0,
        command: |n| words(["SADD".into(), "set".into(), format!("member:{n:07}")]),
    },
    Case {
        name: "one stream, an entry of 10 bytes",
        at_most: 20.0,
        command: |n| {
            words([
                "XADD".into(),
                "stream".into(),
                format!("{}", 1_700_000_000_000 + n),
                "field".into(),
                value(10, n),
            ])
        },
    },
    Case {
        name: "one list of 10 bytes",
        at_most: 12.0,
        command: |n| words(["RPUSH".into(), "list".into(), value(10, n)]),
    },
];

fn fill(case: &Case, elements: usize) {
    let redis = Redis::memory();
    // What the program itself needs, its own code above all, is there before.
    let put = |number: usize| drop(redis.execute(&(case.command)(number)).expect("it is written"));
    (0..200).for_each(put);
    redis.set_with("warm", "up", SetOptions::default().ex(Duration::from_secs(1000))).expect("it is written");
    redis.flushall().expect("it is emptied");
    let before = resident();
    (0..elements).for_each(put);
    let grown = (resident() - before) as f64;
    let counted = redis.memory_stats().expect("it is counted").used_bytes as f64;
    println!("{} {}", grown / elements as f64, counted / grown);
}

fn used(server: &Server) -> f64 {
    let info: String =
        redis::cmd("INFO").arg("memory").query(&mut *server.connection()).expect("the server answers");
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

fn fill_server(server: &Server, case: &Case, elements: usize) -> f64 {
    let before = used(server);
    let numbers: Vec<usize> = (0..elements).collect();
    for chunk in numbers.chunks(1000) {
        let mut pipeline = redis::pipe();
        for number in chunk {
            let words = (case.command)(*number);
            let mut command = redis::cmd(&words[0]);
            command.arg(&words[1..]);
            pipeline.add_command(command).ignore();
        }
        pipeline.exec(&mut *server.connection()).expect("the server answers");
    }
    (used(server) - before) / elements as f64
}

/// How far what is counted may be from what the process grew by.
const COUNTED_WITHIN: f64 = 0.1;

/// Allocators, the system's first, and the programs that stand on them.
const ALLOCATORS: [(&str, &str); 3] =
    [("system", "memory"), ("jemalloc", "memory_jemalloc"), ("mimalloc", "memory_mimalloc")];

/// Bytes an element by the growth of a process of its own, and which part of them is counted; `None` if there is no such program.
fn measure(program: &Path, case: usize, elements: usize) -> Option<(f64, f64)> {
    let output = Command::new(program)
        .args(["--case", &case.to_string(), "--elements", &elements.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (grown, counted) = text.trim().split_once(' ')?;
    Some((grown.parse().ok()?, counted.parse().ok()?))
}

/// The program, whatever allocator it stands on.
pub fn run() {
    let arguments = Arguments::parse();
    if let Some(case) = arguments.case {
        return fill(&CASES[case], arguments.elements);
    }
    let mut servers = arguments.server;
    if servers.is_empty()
        && let Some(oracle) = std::env::var_os("REDLET_ORACLE").map(PathBuf::from)
    {
        servers.push(oracle.clone());
        servers.push(oracle.with_file_name("valkey-server"));
    }
    let program = std::env::current_exe().expect("this program has a path");
    println!("bytes an element, {} elements", arguments.elements);
    print!("{:<36}{:>10}", "", "redlet");
    for server in &servers {
        let name = server.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        print!("{name:>16}");
    }
    println!("   to reach");
    let on = |file: &str, case: usize| measure(&program.with_file_name(file), case, arguments.elements);
    let (_, on_system) = ALLOCATORS[0];
    let mut counted_on_system = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let measured = on(on_system, number);
        let (ours, _) = measured.unwrap_or((f64::NAN, f64::NAN));
        counted_on_system.push(measured);
        print!("{:<36}{ours:>10.1}", case.name);
        for server in &servers {
            match Server::start(server) {
                Some(server) => print!("{:>16.1}", fill_server(&server, case, arguments.elements)),
                None => print!("{:>16}", "-"),
            }
        }
        println!("   at most {}: {}", case.at_most, verdict(ours <= case.at_most));
    }
    println!();
    print!("{:<36}", "what is counted, of the growth");
    ALLOCATORS.iter().for_each(|(name, _)| print!("{name:>10}"));
    println!("   within {:.0} %", COUNTED_WITHIN * 100.0);
    for (number, (case, system)) in CASES.iter().zip(counted_on_system).enumerate() {
        print!("{:<36}", case.name);
        let mut within = true;
        let others = ALLOCATORS[1..].iter().map(|(_, file)| on(file, number));
        for measured in [system].into_iter().chain(others) {
            match measured {
                Some((_, counted)) => {
                    print!("{counted:>10.3}");
                    within &= (counted - 1.0).abs() <= COUNTED_WITHIN;
                }
                None => print!("{:>10}", "-"),
            }
        }
        println!("   {}", verdict(within));
    }
}

fn verdict(reached: bool) -> &'static str {
    if reached { "ok" } else { "MISSED" }
}
