//! Commands on values of every type, small and big: redlet beside a Redis that one client asks over a Unix socket.
//!
//! Two figures of Redis count: how long a client waits for each reply, and how long a processor works for the server when a
//! hundred commands come at once, which leaves the client and most of the socket out. The first is compared with the time that
//! redlet takes, the second with the time that a processor works for it: on a busy machine they differ.
use std::time::{Duration, Instant};

use redlet::{ClaimOptions, Commands, GroupFrom, GroupReadOptions, ReadLimits, Redis, SetOptions, StreamId};
use rustix::time::{ClockId, clock_gettime};

use crate::figures::{Figures, Limit, Verdict, heading};
use crate::server::Server;
use crate::{Order, VALUE, digits, key, name};

/// What one command works on, made before it is measured.
pub(crate) struct Picked {
    hash: Name,
    list: Name,
    set: Name,
    zset: Name,
    /// Its entries' IDs are their ranks and one more.
    stream: Name,
    /// In each of the first but the list.
    member: Name,
    /// In none of them.
    stranger: Name,
    /// The rank of a member with nine more after it, and that of the last of the ten.
    ranks: [usize; 2],
    /// The same as text, after zeros.
    digits: [[u8; 8]; 2],
    /// Keys of strings.
    pub(crate) strings: [[u8; 11]; 100],
    /// The key of an integer.
    counter: Name,
}

type Name = [u8; 14];

impl Picked {
    /// The entry of a rank, which no stream has at rank 0.
    fn entry(&self, which: usize) -> StreamId {
        StreamId::new(self.ranks[which] as u64, 0)
    }

    fn rank(&self, which: usize) -> &[u8] {
        let digits = &self.digits[which];
        let zeros = digits[..7].iter().take_while(|&&digit| digit == b'0').count();
        &digits[zeros..]
    }
}

/// Something that is measured: the same by methods and by words.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// How many commands it takes.
    commands: usize,
    pub(crate) typed: fn(&Redis, &Picked) -> redlet::Result<()>,
    words: fn(&Picked, &mut dyn FnMut(&[&[u8]])),
}

const TTL: Duration = Duration::from_secs(10_000);

pub(crate) const CASES: [Case; 19] = [
    Case {
        name: "INCR",
        commands: 1,
        typed: |redis, of| redis.incr(of.counter).map(drop),
        words: |of, run| run(&[b"INCR", &of.counter]),
    },
    Case {
        name: "SET with EX",
        commands: 1,
        typed: |redis, of| redis.set_with(of.strings[0], VALUE, SetOptions::default().ex(TTL)).map(drop),
        words: |of, run| run(&[b"SET", &of.strings[0], &VALUE, b"EX", b"10000"]),
    },
    Case {
        name: "MGET of 100",
        commands: 1,
        typed: |redis, of| redis.mget(of.strings).map(drop),
        words: |of, run| {
            let mut words = [b"MGET" as &[u8]; 101];
            words[1..].iter_mut().zip(&of.strings).for_each(|(word, key)| *word = key);
            run(&words);
        },
    },
    Case {
        name: "SETBIT, both ways",
        commands: 2,
        typed: |redis, of| {
            redis.setbit("bits", of.ranks[0] as u64, true)?;
            redis.setbit("bits", of.ranks[0] as u64, false).map(|was| assert!(was))
        },
        words: |of, run| {
            run(&[b"SETBIT", b"bits", of.rank(0), b"1"]);
            run(&[b"SETBIT", b"bits", of.rank(0), b"0"]);
        },
    },
    Case {
        name: "PFADD",
        commands: 1,
        typed: |redis, of| redis.pfadd("seen", [of.member]).map(drop),
        words: |of, run| run(&[b"PFADD", b"seen", &of.member]),
    },
    Case {
        name: "HSET",
        commands: 1,
        typed: |redis, of| redis.hset(of.hash, of.member, of.stranger).map(drop),
        words: |of, run| run(&[b"HSET", &of.hash, &of.member, &of.stranger]),
    },
    Case {
        name: "HGET",
        commands: 1,
        typed: |redis, of| redis.hget(of.hash, of.member).map(|value| assert!(value.is_some())),
        words: |of, run| run(&[b"HGET", &of.hash, &of.member]),
    },
    Case {
        name: "LPUSH, RPOP",
        commands: 2,
        typed: |redis, of| {
            redis.lpush(of.list, [of.member])?;
            redis.rpop(of.list).map(|element| assert!(element.is_some()))
        },
        words: |of, run| {
            run(&[b"LPUSH", &of.list, &of.member]);
            run(&[b"RPOP", &of.list]);
        },
    },
    Case {
        name: "SADD of a member",
        commands: 1,
        typed: |redis, of| redis.sadd(of.set, [of.member]).map(|added| assert_eq!(added, 0)),
        words: |of, run| run(&[b"SADD", &of.set, &of.member]),
    },
    Case {
        name: "SADD, SREM",
        commands: 2,
        typed: |redis, of| {
            redis.sadd(of.set, [of.stranger])?;
            redis.srem(of.set, [of.stranger]).map(|removed| assert_eq!(removed, 1))
        },
        words: |of, run| {
            run(&[b"SADD", &of.set, &of.stranger]);
            run(&[b"SREM", &of.set, &of.stranger]);
        },
    },
    Case {
        name: "SISMEMBER",
        commands: 1,
        typed: |redis, of| redis.sismember(of.set, of.member).map(|found| assert!(found)),
        words: |of, run| run(&[b"SISMEMBER", &of.set, &of.member]),
    },
    Case {
        name: "ZADD of a member",
        commands: 1,
        typed: |redis, of| {
            redis.zadd(of.zset, [(of.member, of.ranks[0] as f64)]).map(|added| assert_eq!(added, 0))
        },
        words: |of, run| run(&[b"ZADD", &of.zset, of.rank(0), &of.member]),
    },
    Case {
        name: "ZADD, ZREM",
        commands: 2,
        typed: |redis, of| {
            redis.zadd(of.zset, [(of.stranger, of.ranks[0] as f64)])?;
            redis.zrem(of.zset, [of.stranger]).map(|removed| assert_eq!(removed, 1))
        },
        words: |of, run| {
            run(&[b"ZADD", &of.zset, of.rank(0), &of.stranger]);
            run(&[b"ZREM", &of.zset, &of.stranger]);
        },
    },
    Case {
        name: "ZRANK",
        commands: 1,
        typed: |redis, of| redis.zrank(of.zset, of.member).map(|rank| assert!(rank.is_some())),
        words: |of, run| run(&[b"ZRANK", &of.zset, &of.member]),
    },
    Case {
        name: "ZRANGE of 10",
        commands: 1,
        typed: |redis, of| {
            let first = of.ranks[0] as i64;
            redis.zrange(of.zset, first, first + 9).map(|members| assert_eq!(members.len(), 10))
        },
        words: |of, run| run(&[b"ZRANGE", &of.zset, of.rank(0), of.rank(1)]),
    },
    Case {
        name: "XADD, XREADGROUP",
        commands: 2,
        typed: |redis, of| {
            redis.xadd(of.stream, [("field", of.member)])?;
            let limits = ReadLimits { count: 1, ..ReadLimits::default() };
            let options = GroupReadOptions { limits, no_ack: true, claim_ms: None };
            let new = [(of.stream, GroupFrom::New)];
            redis.xreadgroup(LATEST, ALICE, new, options).map(|read| assert_eq!(read.len(), 1))
        },
        words: |of, run| {
            run(&[b"XADD", &of.stream, b"*", b"field", &of.member]);
            let (latest, alice) = (LATEST.as_bytes(), ALICE.as_bytes());
            run(&[
                b"XREADGROUP",
                b"GROUP",
                latest,
                alice,
                b"COUNT",
                b"1",
                b"NOACK",
                b"STREAMS",
                &of.stream,
                b">",
            ]);
        },
    },
    Case {
        name: "XACK, XCLAIM",
        commands: 2,
        typed: |redis, of| {
            let id = of.entry(0);
            redis.xack(of.stream, GROUPS[0], [id]).map(|count| assert_eq!(count, 1))?;
            let options = ClaimOptions { force: true, ..ClaimOptions::default() };
            redis.xclaim(of.stream, GROUPS[0], ALICE, Duration::ZERO, [id], options).map(drop)
        },
        words: |of, run| {
            let (group, alice) = (GROUPS[0].as_bytes(), ALICE.as_bytes());
            run(&[b"XACK", &of.stream, group, of.rank(0)]);
            run(&[b"XCLAIM", &of.stream, group, alice, b"0", of.rank(0), b"FORCE"]);
        },
    },
    Case {
        name: "XAUTOCLAIM of 10",
        commands: 1,
        typed: |redis, of| {
            let start = of.entry(0);
            redis.xautoclaim(of.stream, GROUPS[0], ALICE, Duration::ZERO, start, 10).map(drop)
        },
        words: |of, run| {
            let (group, alice) = (GROUPS[0].as_bytes(), ALICE.as_bytes());
            run(&[b"XAUTOCLAIM", &of.stream, group, alice, b"0", of.rank(0), b"COUNT", b"10"]);
        },
    },
    Case {
        name: "XRANGE of 10",
        commands: 1,
        typed: |redis, of| {
            let range = of.entry(0)..=of.entry(1);
            redis.xrange(of.stream, range).map(|entries| assert_eq!(entries.len(), 10))
        },
        words: |of, run| run(&[b"XRANGE", &of.stream, of.rank(0), of.rank(1)]),
    },
];

/// Groups that were given every entry of their stream and have acknowledged none.
const GROUPS: [&str; 10] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"];
/// One that was given none.
const LATEST: &str = "latest";
const ALICE: &str = "alice";

/// How many collections there are, and how many elements each has.
pub(crate) struct Shape {
    pub(crate) collections: usize,
    pub(crate) elements: usize,
}

impl Shape {
    /// How many strings there are: as many as elements or as collections.
    pub(crate) fn strings(&self) -> usize {
        self.collections.max(self.elements)
    }

    /// What the next command works on.
    pub(crate) fn pick(&self, order: &mut Order) -> Picked {
        let (collection, member) = (order.below(self.collections), order.below(self.elements));
        // No entry has the ID 0-0.
        let first = 1 + order.below(self.elements - 10);
        Picked {
            hash: name("hashes:", collection),
            list: name("lists::", collection),
            set: name("sets:::", collection),
            zset: name("zsets::", collection),
            stream: name("stream:", collection),
            member: name("member:", member),
            stranger: name("others:", member),
            ranks: [first, first + 9],
            digits: [first, first + 9].map(digits),
            strings: std::array::from_fn(|_| key(order.below(self.strings()))),
            counter: name("number:", member),
        }
    }

    /// Hands out the commands that make the collections, the strings and the integers.
    pub(crate) fn fill(&self, mut run: impl FnMut(&[&[u8]])) {
        let mut all = |first: &[&[u8]], rest: &[&[u8]]| run(&[first, rest].concat());
        let hundreds = |all: usize| (0..all).step_by(100).map(move |first| first..all.min(first + 100));
        for collection in 0..self.collections {
            for numbers in hundreds(self.elements) {
                let members: Vec<Name> = numbers.map(|number| name("member:", number)).collect();
                // The digits of a member are its first score, and the value of its field.
                let fields: Vec<&[u8]> = members.iter().flat_map(|member| [member, &member[7..]]).collect();
                let scores: Vec<&[u8]> = members.iter().flat_map(|member| [&member[7..], member]).collect();
                let members: Vec<&[u8]> = members.iter().map(|member| &member[..]).collect();
                all(&[b"HSET", &name::<14>("hashes:", collection)], &fields);
                all(&[b"RPUSH", &name::<14>("lists::", collection)], &members);
                all(&[b"SADD", &name::<14>("sets:::", collection)], &members);
                all(&[b"ZADD", &name::<14>("zsets::", collection)], &scores);
            }
            let stream = &name::<14>("stream:", collection);
            // One that another shape has left would refuse these IDs.
            all(&[b"DEL", stream], &[]);
            for number in 1..=self.elements {
                let id = number.to_string();
                all(&[b"XADD", stream], &[id.as_bytes(), b"field", &name::<14>("member:", number)]);
            }
            for group in GROUPS.iter().take(if self.collections == 1 { 10 } else { 1 }) {
                all(&[b"XGROUP", b"CREATE", stream], &[group.as_bytes(), b"0"]);
                let member = [group.as_bytes(), ALICE.as_bytes(), b"STREAMS", stream, b">"];
                all(&[b"XREADGROUP", b"GROUP"], &member);
            }
            all(&[b"XGROUP", b"CREATE", stream], &[LATEST.as_bytes(), b"$"]);
        }
        for numbers in hundreds(self.strings()) {
            let keys: Vec<[u8; 11]> = numbers.map(key).collect();
            all(&[b"MSET"], &keys.iter().flat_map(|key| [&key[..], &VALUE]).collect::<Vec<_>>());
        }
        for numbers in hundreds(self.elements) {
            let keys: Vec<Name> = numbers.map(|number| name("number:", number)).collect();
            all(&[b"MSET"], &keys.iter().flat_map(|key| [&key[..], b"1000"]).collect::<Vec<_>>());
        }
    }
}

const COLUMNS: [&str; 5] = ["redlet", "by words", "Redis", "redlet CPU", "Redis CPU"];

/// Measures redlet and Redis in turn, so many times, and prints the table.
pub fn compare(elements: usize, runs: usize) {
    let Some(server) = Server::start(&Server::program()) else {
        println!("\nno Redis: name a redis-server by REDLET_ORACLE to compare commands with it");
        return;
    };
    let shapes = [Shape { collections: 1000, elements: 100 }, Shape { collections: 1, elements }];
    for shape in &shapes {
        let redis = Redis::memory();
        shape.fill(|words| drop(redis.execute(words).expect("it is written")));
        let mut pipeline = redis::pipe();
        shape.fill(|words| {
            add(&mut pipeline, words);
            if pipeline.cmd_iter().count() == 10 {
                pipeline.exec(&mut *server.connection()).expect("the server answers");
                pipeline.clear();
            }
        });
        pipeline.exec(&mut *server.connection()).expect("the server answers");
        let mut figures = Figures::default();
        for run in 0..runs {
            eprintln!("commands on {} elements: run {} of {runs}", shape.elements, run + 1);
            CASES.iter().for_each(|case| measure(case, &redis, &server, shape, run, &mut figures));
        }
        print(shape, runs, &figures);
    }
}

fn print(shape: &Shape, runs: usize, figures: &Figures) {
    let title = format!(
        "commands on {} elements: nanoseconds a command, median of {runs} runs, {} collections, {} strings",
        shape.elements,
        shape.collections,
        shape.strings()
    );
    heading(&title, &COLUMNS);
    for case in &CASES {
        let times =
            |theirs, ours| Some(figures.median(case.name, theirs)? / figures.median(case.name, ours)?);
        let verdicts: Vec<Verdict> = [
            times("Redis", "redlet")
                .map(|times| Verdict::new(times, "x a client's throughput", Limit::AtLeast(20.0))),
            times("Redis CPU", "redlet CPU")
                .map(|times| Verdict::new(times, "x a processor's", Limit::AtLeast(2.0))),
        ]
        .into_iter()
        .flatten()
        .collect();
        figures.print(case.name, &COLUMNS, &verdicts);
    }
}

fn add(pipeline: &mut redis::Pipeline, words: &[&[u8]]) {
    pipeline.add_command(command(words)).ignore();
}

fn command(words: &[&[u8]]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

/// Commands that are in one pipeline.
const AT_ONCE: usize = 100;

fn measure(case: &Case, redis: &Redis, server: &Server, shape: &Shape, run: usize, figures: &mut Figures) {
    let mut order = Order::new(run as u64 * 2 + 1);
    let mut note = |column, nanoseconds| figures.note(case.name, column, nanoseconds / case.commands as f64);
    let mut pick = || shape.pick(&mut order);
    let typed = spend(Duration::from_millis(50), &mut pick, |picked| {
        (case.typed)(redis, picked).expect("no command is refused");
    });
    note("redlet", typed.elapsed);
    note("redlet CPU", typed.worked);
    let by_words = spend(Duration::from_millis(50), &mut pick, |picked| {
        (case.words)(picked, &mut |words| drop(redis.execute(words).expect("no command is refused")));
    });
    note("by words", by_words.elapsed);
    let asked = spend(Duration::from_millis(200), &mut pick, |picked| {
        (case.words)(picked, &mut |words| {
            command(words).exec(&mut *server.connection()).expect("no command is refused");
        });
    });
    note("Redis", asked.elapsed);
    let (before, mut count) = (server.processor_time(), 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(400) {
        let mut pipeline = redis::pipe();
        for _ in 0..AT_ONCE / case.commands {
            (case.words)(&pick(), &mut |words| add(&mut pipeline, words));
            count += 1;
        }
        pipeline.exec(&mut *server.connection()).expect("no command is refused");
    }
    note("Redis CPU", server.processor_time().saturating_sub(before).as_nanos() as f64 / f64::from(count));
}

/// Nanoseconds a time that something was done.
struct Spent {
    /// By the clock on the wall.
    elapsed: f64,
    /// By the processor that worked for this thread.
    worked: f64,
}

/// Does the work for about so long. What it works on is made some at a time, so that it is at hand as it is for a caller, and
/// its making is not measured.
fn spend(span: Duration, mut pick: impl FnMut() -> Picked, mut work: impl FnMut(&Picked)) -> Spent {
    /// Looking at the thread's clock takes some hundred nanoseconds.
    const AT_HAND: usize = 64;
    let worked_so_far = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let (mut elapsed, mut worked, mut count) = (Duration::ZERO, 0.0, 0.0);
    while elapsed < span {
        let picked: [Picked; AT_HAND] = std::array::from_fn(|_| pick());
        let (worked_before, start) = (worked_so_far(), Instant::now());
        picked.iter().for_each(&mut work);
        elapsed += start.elapsed();
        worked += worked_so_far() - worked_before;
        count += AT_HAND as f64;
    }
    Spent { elapsed: elapsed.as_nanos() as f64 / count, worked: worked / count }
}
