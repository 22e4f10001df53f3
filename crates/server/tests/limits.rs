//! What one caller may take, and how others fare meanwhile.
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{Raw, request, serve_with, until};
use redlet::{Commands, ManualClock, Redis, UnixMs};

#[test]
fn a_request_that_is_too_long_ends_the_connection() {
    let redis = Redis::memory();
    let parameters = [("client-query-buffer-limit", "1mb"), ("proto-max-bulk-len", "100mb")];
    let (server, address) = serve_with(&redis, &parameters);
    let mut connection = Raw::open(address);
    connection.send(request(&[b"SET", &b"k"[..], &vec![b'v'; 900_000]])).expect("+OK\r\n");
    let mut long = Raw::open(address);
    long.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000000\r\n");
    let sent = common::fill(&mut long.0, &vec![b'v'; 1 << 16]);
    assert!(sent.is_err() || sent.unwrap() < 40_000_000);
    until("the end of the long one", || server.connections() == 1);
    connection.send(b"STRLEN k\r\n").expect(":900000\r\n");
    let mut word = Raw::open(address);
    word.send(b"*2\r\n$3\r\nGET\r\n$104857601\r\n")
        .expect(b"-ERR Protocol error: invalid bulk length\r\n")
        .expect_end();
}

#[test]
fn a_caller_who_never_reads_is_cut_off_at_the_limit_and_others_notice_nothing() {
    let redis = Redis::memory();
    let (server, address) = serve_with(&redis, &[("client-output-buffer-limit", "normal 10mb 0 0")]);
    redis.set("long", vec![b'v'; 1 << 20]).unwrap();
    let mut other = Raw::open(address);
    let mut silent = Raw::open(address);
    other.send("PING\r\n").expect("+PONG\r\n");
    silent.send("GET long\r\n".repeat(200));
    until("the end of who never reads", || server.connections() == 1);
    other.send("STRLEN long\r\n").expect(":1048576\r\n");
    // He gets part of it at most.
    let mut received = Vec::new();
    let _ = silent.0.read_to_end(&mut received);
    assert!(received.len() < 200 << 20);
}

#[test]
fn a_caller_who_stays_behind_for_too_long_is_cut_off() {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    let (server, address) = serve_with(&redis, &[("client-output-buffer-limit", "normal 0 1mb 60")]);
    redis.set("long", vec![b'v'; 1 << 20]).unwrap();
    let mut slow = Raw::open(address);
    slow.send("GET long\r\n".repeat(50));
    until("answers that wait", || listed(&redis).lines().any(|line| !line.contains("omem=0 ")));
    clock.advance(Duration::from_secs(59));
    // It is looked at ten times a second.
    Raw::open(address).send("PING\r\n").expect("+PONG\r\n");
    assert!(server.connections() >= 1);
    clock.advance(Duration::from_secs(2));
    until("the end of who was slow", || server.connections() == 0);
}

#[test]
fn who_takes_most_goes_when_all_together_take_too_much() {
    let redis = Redis::memory();
    let (server, address) = serve_with(&redis, &[("maxmemory-clients", "32mb")]);
    let half_sent = |bytes: usize| {
        let mut connection = Raw::open(address);
        connection.send("CLIENT NO-EVICT off\r\n").expect("+OK\r\n");
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000000\r\n");
        // Who is evicted meanwhile cannot send the rest.
        let _ = connection.0.write_all(&vec![b'v'; bytes]);
        connection
    };
    let mut polite = Raw::open(address);
    polite.send("PING\r\n").expect("+PONG\r\n");
    // A queue counts, and so do channels that are subscribed to.
    let mut queueing = Raw::open(address);
    queueing.send("MULTI\r\n").expect("+OK\r\n");
    let words: [&[u8]; 3] = [b"SET", b"k", &vec![b'v'; 600_000]];
    queueing.send(request(&words)).expect("+QUEUED\r\n");
    let line = |client: &str| {
        let list = listed(&redis);
        let field = |line: &str, name: &str| -> usize {
            let value = line.split(' ').find_map(|field| field.strip_prefix(name));
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let found = list.lines().find(|line| line.contains(client)).map(|line| field(line, "multi-mem="));
        found.unwrap_or(0)
    };
    assert!(line("cmd=set") >= 600_000);
    let smaller = half_sent(1_000_000);
    until("what was half sent", || {
        listed(&redis).lines().filter(|line| line.contains("cmd=client|no-evict")).count() == 1
    });
    let larger = half_sent(49_000_000);
    until("the end of the largest", || server.connections() == 3);
    polite.send("PING\r\n").expect("+PONG\r\n");
    queueing.send("DISCARD\r\n").expect("+OK\r\n");
    let info = redis.execute(&["INFO", "stats"]).unwrap();
    assert!(format!("{info:?}").contains("evicted_clients:1"), "{info:?}");
    drop((smaller, larger));
}

#[test]
fn who_may_not_be_evicted_stays_and_percent_are_of_maxmemory() {
    let redis = Redis::memory();
    let (server, address) = serve_with(&redis, &[("maxmemory", "40mb"), ("maxmemory-clients", "5%")]);
    let mut staying = Raw::open(address);
    staying.send("CLIENT NO-EVICT on\r\n").expect("+OK\r\n");
    staying.send("MULTI\r\n").expect("+OK\r\n");
    let words: [&[u8]; 3] = [b"SET", b"k", &vec![b'v'; 3_000_000]];
    staying.send(request(&words)).expect("+QUEUED\r\n");
    let mut other = Raw::open(address);
    // There is no room for anybody else.
    other.send("PING\r\n");
    until("the end of the other", || server.connections() == 1);
    redis.execute(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    let mut other = Raw::open(address);
    other.send("PING\r\n").expect("+PONG\r\n");
    staying.send("DISCARD\r\n").expect("+OK\r\n");
}

fn listed(redis: &Redis) -> String {
    match redis.execute(&["CLIENT", "LIST"]).unwrap() {
        redlet::Reply::Bulk(list) => String::from_utf8_lossy(&list).into_owned(),
        redlet::Reply::Verbatim(list) => list,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_silent_for_too_long_is_disconnected_unless_he_waits_for_something() {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    let (server, address) = serve_with(&redis, &[("timeout", "10")]);
    let (mut idle, mut busy, mut waiting, mut subscriber) =
        (Raw::open(address), Raw::open(address), Raw::open(address), Raw::open(address));
    for connection in [&mut idle, &mut busy, &mut waiting] {
        connection.send("PING\r\n").expect("+PONG\r\n");
    }
    waiting.send("BLPOP none 0\r\n");
    subscriber.send("SUBSCRIBE news\r\n").line();
    clock.advance(Duration::from_secs(9));
    busy.send("PING\r\n").expect("+PONG\r\n");
    clock.advance(Duration::from_secs(2));
    idle.expect_end();
    until("three to be left", || server.connections() == 3);
    busy.send("PING\r\n").expect("+PONG\r\n");
}

#[test]
fn subscribers_who_do_not_read_are_cut_off() {
    let redis = Redis::memory();
    let (server, address) = serve_with(&redis, &[("client-output-buffer-limit", "pubsub 1mb 0 0")]);
    let mut subscriber = Raw::open(address);
    subscriber.send("SUBSCRIBE news\r\n").line();
    let mut publisher = Raw::open(address);
    let publish = request(&[b"PUBLISH", &b"news"[..], &vec![b'm'; 100_000]]);
    let mut published = 0;
    while server.connections() == 2 {
        publisher.send(&publish);
        let heard = publisher.line();
        published += 1;
        assert!(heard == ":1" || heard == ":0", "{heard}");
        assert!(published < 10_000, "nobody was cut off");
    }
}

#[test]
fn others_are_answered_in_time_whatever_a_caller_does() {
    let redis = Redis::memory();
    redis.set("long", vec![b'v'; 1 << 20]).unwrap();
    let (server, address) = common::serve(&redis);
    let mut probe = Raw::open(address);
    // The machine may be busy with other tests: the slow callers have to make no difference beside that.
    let alone = percentile_99(&mut probe, || {});

    let mut never_reads = Raw::open(address);
    never_reads.send("GET long\r\n".repeat(100));
    let request = request(&["SET", "slow", "value"]);
    let mut slow = Raw::open(address);
    let mut turn = 0;
    let mut coming: Vec<TcpStream> = Vec::new();
    let beside = percentile_99(&mut probe, || {
        turn += 1;
        slow.send([request[turn % request.len()]]);
        coming.push(TcpStream::connect(address).unwrap());
        if coming.len() > 100 {
            coming.drain(..50);
        }
    });
    assert!(turn >= 1000, "a thousand came and went");
    assert!(beside < alone * 5 + Duration::from_millis(20), "{beside:?} instead of {alone:?}");
    drop((coming, never_reads, slow));
    until("all to be gone", || server.connections() == 1);
}

/// How long 99 of 100 answers take at most, with something done before each.
fn percentile_99(probe: &mut Raw, mut meanwhile: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..1500)
        .map(|_| {
            meanwhile();
            let start = common::now();
            probe.send("PING\r\n").expect("+PONG\r\n");
            common::now().saturating_sub(start)
        })
        .collect();
    times.sort();
    times[times.len() * 99 / 100]
}
