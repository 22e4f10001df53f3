//! Bits of a long string: BITCOUNT, BITPOS and BITOP of redlet beside memcpy over the same bytes, and beside a Redis that one client
//! asks over a Unix socket.
use std::hint::black_box;
use std::time::Instant;

use redlet::{BitOperation, Bytes, Commands, Redis};

use crate::Order;
use crate::figures::{Figures, Limit, Verdict, heading};
use crate::server::Server;

const LENGTH: usize = 128 << 20;
const KEYS: [&str; 2] = ["first", "second"];
/// Nothing is set there, so that it is looked through.
const CLEAR: &str = "clear";
const RESULT: &str = "result";

/// Something that is measured, by method and by words, and how many strings it reads.
struct Case {
    name: &'static str,
    strings: usize,
    /// Whether it makes a string of that length.
    makes: bool,
    typed: fn(&Redis) -> redlet::Result<()>,
    words: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        name: "BITCOUNT",
        strings: 1,
        makes: false,
        typed: |redis| redis.bitcount(KEYS[0]).map(|count| assert!(count > LENGTH)),
        words: &["BITCOUNT", KEYS[0]],
    },
    Case {
        name: "BITPOS of a bit that is not there",
        strings: 1,
        makes: false,
        typed: |redis| redis.bitpos(CLEAR, true).map(|place| assert_eq!(place, None)),
        words: &["BITPOS", CLEAR, "1"],
    },
    Case {
        name: "BITOP NOT",
        strings: 1,
        makes: true,
        typed: |redis| redis.bitop(BitOperation::Not, RESULT, [KEYS[0]]).map(made),
        words: &["BITOP", "NOT", RESULT, KEYS[0]],
    },
    Case {
        name: "BITOP AND of two",
        strings: 2,
        makes: true,
        typed: |redis| redis.bitop(BitOperation::And, RESULT, KEYS).map(made),
        words: &["BITOP", "AND", RESULT, KEYS[0], KEYS[1]],
    },
    Case {
        name: "BITOP ONE of two",
        strings: 2,
        makes: true,
        typed: |redis| redis.bitop(BitOperation::One, RESULT, KEYS).map(made),
        words: &["BITOP", "ONE", RESULT, KEYS[0], KEYS[1]],
    },
];

/// How much longer than memcpy it may take.
const AT_MOST: f64 = 1.5;

fn made(length: usize) {
    assert_eq!(length, LENGTH);
}

/// Milliseconds that some work takes.
fn milliseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn random_bytes(seed: u64) -> Bytes {
    let mut order = Order::new(seed);
    let words = (0..LENGTH / size_of::<u32>()).map(|_| order.below(1 << 32) as u32);
    words.flat_map(u32::to_le_bytes).collect::<Vec<_>>().into()
}

/// Copies the strings that a case reads, into as much memory as it makes.
fn copy(case: &Case, strings: &[Bytes], room: &mut Vec<u8>) -> f64 {
    milliseconds(|| {
        let mut made = if case.makes { Vec::with_capacity(LENGTH) } else { std::mem::take(room) };
        for string in &strings[..case.strings] {
            made.clear();
            made.extend_from_slice(black_box(string));
        }
        black_box(&mut made);
        if !case.makes {
            *room = made;
        }
    })
}

/// Measures everything in turn, so many times, and prints the table.
pub fn compare(runs: usize) {
    let (redis, mut figures) = (Redis::memory(), Figures::default());
    let server = Server::start(&Server::program());
    let strings: [Bytes; 3] = [random_bytes(1), random_bytes(2), vec![0; LENGTH].into()];
    for (key, string) in KEYS.into_iter().chain([CLEAR]).zip(&strings) {
        Commands::set(&redis, key, string).expect("a store in memory takes every write");
        if let Some(server) = &server {
            let set = redis::cmd("SET").arg(key).arg(&**string).exec(&mut *server.connection());
            set.expect("a server takes 128 MiB");
        }
    }
    let mut room = vec![0; LENGTH];
    for run in 0..runs {
        eprintln!("bits: run {} of {runs}", run + 1);
        for case in &CASES {
            figures.note(case.name, "memcpy", copy(case, &strings, &mut room));
            let time = milliseconds(|| (case.typed)(&redis).expect("the keys hold strings"));
            figures.note(case.name, "redlet", time);
            let Some(server) = &server else { continue };
            let mut words = redis::Cmd::new();
            words.arg(case.words);
            let mut is_known = true;
            let time = milliseconds(|| is_known = words.exec(&mut *server.connection()).is_ok());
            if is_known {
                figures.note(case.name, "Redis", time);
            }
        }
    }
    let columns = ["memcpy", "redlet", "Redis"];
    heading(&format!("bits: milliseconds, median of {runs} runs, strings of 128 MiB"), &columns);
    for case in &CASES {
        let times = figures.median(case.name, "redlet").zip(figures.median(case.name, "memcpy"));
        let verdict = times.map(|(ours, memcpy)| {
            Verdict::new(ours / memcpy, "x memcpy of what it reads", Limit::AtMost(AT_MOST))
        });
        figures.print(case.name, &columns, verdict.as_slice());
    }
}
