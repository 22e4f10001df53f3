//! Scripts: redlet in this process beside a Redis that one client asks over a Unix socket, in turns, medians of runs.
//!
//! Short scripts are compared with how long the client waits; long ones, of a thousand calls or steps, show what the
//! interpreter and its way to the store cost, because the socket is no matter there. At last, that memory stays flat.
use std::process::ExitCode;

use redlet::{Commands, Redis};
use redlet_benches::figures::{Figures, Limit, Verdict, heading, per_operation};
use redlet_benches::server::Server;
use redlet_benches::{VALUE, resident};

struct Case {
    name: &'static str,
    source: &'static str,
    /// What is counted in a run: calls or steps.
    operations: usize,
    /// How often redlet runs it in each run, and how often Redis, which does not know every flag.
    times: [usize; 2],
    limit: Limit,
}

const COLUMNS: [&str; 2] = ["redlet ns", "Redis ns"];

const CASES: [Case; 10] = [
    Case {
        name: "GET",
        source: "return redis.call('GET', KEYS[1])",
        operations: 1,
        times: [200_000, 10_000],
        limit: Limit::AtLeast(15.0),
    },
    Case {
        name: "SET, declared-keys",
        source: "#!lua flags=declared-keys\nreturn redis.call('SET', KEYS[1], ARGV[1])",
        operations: 1,
        times: [100_000, 0],
        limit: Limit::AtLeast(15.0),
    },
    // What writes without that flag locks all shards.
    Case {
        name: "SET",
        source: "return redis.call('SET', KEYS[1], ARGV[1])",
        operations: 1,
        times: [100_000, 10_000],
        limit: Limit::AtLeast(5.0),
    },
    Case {
        name: "release of a lock",
        source: "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
        operations: 1,
        times: [100_000, 10_000],
        limit: Limit::AtLeast(15.0),
    },
    Case {
        name: "rate limit",
        source: "local n = redis.call('INCR', 'rate:' .. KEYS[1]) if n == 1 then redis.call('EXPIRE', 'rate:' .. KEYS[1], 60) end \
                 return n",
        operations: 1,
        times: [100_000, 10_000],
        limit: Limit::AtLeast(5.0),
    },
    Case {
        name: "loop of 1,000 GET",
        source: "for i = 1, 1000 do redis.call('GET', KEYS[1]) end",
        operations: 1000,
        times: [100, 100],
        limit: Limit::AtLeast(1.0),
    },
    Case {
        name: "loop of 1,000 SET",
        source: "for i = 1, 1000 do redis.call('SET', KEYS[1], i) end",
        operations: 1000,
        times: [100, 100],
        limit: Limit::AtLeast(1.0),
    },
    Case {
        name: "loop of 1,000 HGETALL of 3",
        source: "redis.call('HSET', 'hash', 'a', '1', 'b', '2', 'c', '3') for i = 1, 1000 do redis.call('HGETALL', 'hash') end",
        operations: 1000,
        times: [100, 100],
        limit: Limit::AtLeast(1.0),
    },
    Case {
        name: "loop of 1,000 in Lua",
        source: "local t = {} for i = 1, 1000 do t[#t + 1] = string.sub(ARGV[1], 1, i % 60) end return #t",
        operations: 1000,
        times: [300, 300],
        limit: Limit::AtLeast(0.8),
    },
    Case {
        name: "cjson, 100 times both ways",
        source: "local t = {a = 1, b = 'two', c = {1, 2, 3}, d = true} for i = 1, 100 do t = cjson.decode(cjson.encode(t)) end \
                 return t.a",
        operations: 100,
        times: [300, 300],
        limit: Limit::AtLeast(0.8),
    },
];

fn main() -> ExitCode {
    let runs = std::env::args().skip_while(|word| word != "--runs").nth(1).and_then(|word| word.parse().ok());
    let server = Server::start(&Server::program());
    let redis = Redis::memory();
    let mut figures = Figures::default();
    for _ in 0..runs.unwrap_or(5) {
        for case in &CASES {
            measure(case, &redis, server.as_ref(), &mut figures);
        }
    }
    heading("Scripts, nanoseconds an operation", &COLUMNS);
    for case in &CASES {
        let [own, other] = COLUMNS.map(|column| figures.median(case.name, column));
        let ratio =
            own.zip(other).map(|(own, other)| Verdict::new(other / own, "times Redis's speed", case.limit));
        let speed = own
            .filter(|_| case.name == "GET")
            .map(|own| Verdict::new(1e3 / own, "million a second", Limit::AtLeast(1.0)));
        let verdicts: Vec<_> = ratio.into_iter().chain(speed).collect();
        figures.print(case.name, &COLUMNS, &verdicts);
    }
    flat_memory(&redis);
    ExitCode::SUCCESS
}

fn measure(case: &Case, redis: &Redis, server: Option<&Server>, figures: &mut Figures) {
    let words = |sha: &str| {
        let words: [&[u8]; 5] = [b"EVALSHA", sha.as_bytes(), b"1", b"key", &VALUE];
        words.map(<[u8]>::to_vec)
    };
    let load = ["SCRIPT", "LOAD", case.source];
    redis.set("key", VALUE).expect("memory is there");
    redis.execute(&load).expect("it is a script");
    let evaluate = words(&redlet_core::script::ScriptHash::of(case.source.as_bytes()).to_string());
    let [own, other] = case.times;
    let time = per_operation(own * case.operations, || {
        for _ in 0..own {
            redis.execute(&evaluate).expect("the script runs");
        }
    });
    figures.note(case.name, COLUMNS[0], time);
    let Some(server) = server.filter(|_| other > 0) else { return };
    let mut connection = server.connection();
    let mut ask = |words: &[Vec<u8>]| {
        let (name, arguments) = words.split_first().expect("a command has a name");
        let mut command = redis::Cmd::new();
        command.arg(name).arg(arguments);
        command.query::<redis::Value>(&mut *connection).expect("Redis answers")
    };
    ask(&[b"SET".to_vec(), b"key".to_vec(), VALUE.to_vec()]);
    ask(&load.map(|word| word.as_bytes().to_vec()));
    let time = per_operation(other * case.operations, || {
        for _ in 0..other {
            ask(&evaluate);
        }
    });
    figures.note(case.name, COLUMNS[1], time);
}

/// A million runs of one script and 100,000 different ones leave no more memory taken than the first tenth of them.
fn flat_memory(redis: &Redis) {
    const CALLS: usize = 1_000_000;
    const SCRIPTS: usize = 100_000;
    let mut rows = Vec::new();
    let mut run = |name: &str, count: usize, step: &dyn Fn(usize)| {
        (0..count / 10).for_each(step);
        let before = resident();
        (count / 10..count).for_each(step);
        rows.push((name.to_owned(), before, resident()));
    };
    let sha = redlet_core::script::ScriptHash::of(CASES[0].source.as_bytes()).to_string();
    run("1,000,000 EVALSHA", CALLS, &|_| {
        redis.execute(&["EVALSHA", &sha, "1", "key"]).expect("the script runs");
    });
    run("100,000 different scripts", SCRIPTS, &|number| {
        let source = format!("return redis.call('GET', KEYS[1]) or {number}");
        redis.execute(&["EVAL", &source, "1", "key"]).expect("the script runs");
    });
    println!();
    for (name, before, after) in rows {
        let more = (after.saturating_sub(before)) as f64 / f64::from(1 << 20);
        println!("{name:<32}{}", Verdict::new(more, "MiB more after the first tenth", Limit::AtMost(2.0)));
    }
}
