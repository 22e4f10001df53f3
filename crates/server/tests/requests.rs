//! Requests byte by byte: cut anywhere, sent many at once, good and bad.
mod common;

use common::{Raw, request, serve};
use redlet::{Commands, Redis};

#[test]
fn a_request_is_answered_wherever_it_was_cut() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let requests: &[u8] =
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nECHO \"a b\"\r\n";
    let answers = b"+OK\r\n$5\r\nva\r\nl\r\n$3\r\na b\r\n";
    let mut connection = Raw::open(address);
    for cut in 0..=requests.len() {
        connection.send(&requests[..cut]);
        connection.send(&requests[cut..]).expect(answers);
    }
    for byte in requests {
        connection.send([*byte]);
    }
    connection.expect(answers);
}

#[test]
fn many_requests_at_once_are_answered_in_their_order() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    for number in 1..=20_000 {
        requests.extend(request(&["INCR", "counter"]));
        answers.extend(format!(":{number}\r\n").into_bytes());
    }
    Raw::open(address).send(&requests).expect(&answers);
    assert_eq!(redis.get("counter").unwrap().unwrap(), "20000");
}

#[test]
fn long_strings_come_back_as_they_were_sent() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    for length in [0, 1, 16_383, 16_384, 65_535, 65_536, 1_000_000, 20_000_000] {
        let value: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
        connection.send(request(&[b"SET", &b"long"[..], &value])).expect(b"+OK\r\n");
        let answer = [format!("${length}\r\n").as_bytes(), &value, b"\r\n"].concat();
        let (first, second) = (request(&["GET", "long"]), request(&["MGET", "long", "none", "long"]));
        connection.send([first, second].concat());
        connection.expect(&answer).expect(b"*3\r\n").expect(&answer).expect(b"$-1\r\n").expect(&answer);
    }
}

#[test]
fn what_was_asked_before_the_other_end_closed_is_answered() {
    let redis = Redis::memory();
    let (server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    connection.send(b"SET k v\r\nGET k\r\nGE");
    connection.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(connection.rest(), b"+OK\r\n$1\r\nv\r\n");
    common::until("the end of the connection", || server.connections() == 0);
}

#[test]
fn a_caller_who_cannot_be_understood_hears_why_and_is_disconnected() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let cases: [(&[u8], &[u8]); 8] = [
        (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n\r\n", b"-ERR Protocol error: expected '$', got ' '\r\n"),
        (b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"GET \"a\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"PING\r\n*1\r\n:1\r\nPING\r\n", b"+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"POST / HTTP/1.1\r\nHost: here\r\n\r\n", b""),
        (b"QUIT\r\nPING\r\n", b"+OK\r\n"),
    ];
    for (sent, answer) in cases {
        let rest = Raw::open(address).send(sent).rest();
        assert_eq!(
            rest.escape_ascii().to_string(),
            answer.escape_ascii().to_string(),
            "{}",
            sent.escape_ascii()
        );
    }
}

#[test]
fn each_protocol_has_its_own_forms() {
    let redis = Redis::memory();
    redis.zadd("board", [("alice", 1.5), ("bob", 2.0)]).unwrap();
    redis.hset("hash", "f", "v").unwrap();
    let (_server, address) = serve(&redis);
    let ask =
        "ZRANGE board 0 -1 WITHSCORES\r\nHGETALL hash\r\nZSCORE board alice\r\nGET none\r\nMULTI\r\nEXEC\r\n";
    Raw::open(address).send(ask).expect(
        "*4\r\n$5\r\nalice\r\n$3\r\n1.5\r\n$3\r\nbob\r\n$1\r\n2\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n$3\r\n1.5\r\n$-1\r\n+OK\r\n*0\r\n",
    );
    let mut connection = Raw::open(address);
    connection.send("HELLO 3\r\n").expect("%7\r\n");
    while connection.line() != "modules" {}
    connection.expect("*0\r\n").send(ask).expect(
        "*2\r\n*2\r\n$5\r\nalice\r\n,1.5\r\n*2\r\n$3\r\nbob\r\n,2\r\n%1\r\n$1\r\nf\r\n$1\r\nv\r\n,1.5\r\n_\r\n+OK\r\n*0\r\n",
    );
}

#[test]
fn a_waiting_caller_is_answered_when_others_write_and_then_goes_on() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let (mut waiting, mut other) = (Raw::open(address), Raw::open(address));
    waiting.send("BLPOP queue 0\r\nPING\r\n");
    common::until("the wait", || {
        redis.execute(&["CLIENT", "LIST"]).is_ok_and(|list| format!("{list:?}").contains("cmd=blpop"))
    });
    other.send("RPUSH queue first second\r\n").expect(":2\r\n");
    waiting.expect("*2\r\n$5\r\nqueue\r\n$5\r\nfirst\r\n+PONG\r\n");
    waiting.send("BLPOP queue 0\r\nBLPOP queue 0\r\n").expect("*2\r\n$5\r\nqueue\r\n$6\r\nsecond\r\n");
    redis.rpush("queue", ["third"]).unwrap();
    waiting.expect("*2\r\n$5\r\nqueue\r\n$5\r\nthird\r\n");
    waiting.send("BLPOP queue 0.01\r\n").expect("*-1\r\n");
}

#[test]
fn messages_reach_subscribers_in_both_protocols() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let (mut old, mut new) = (Raw::open(address), Raw::open(address));
    old.send("SUBSCRIBE news\r\nPSUBSCRIBE n*\r\n");
    old.expect("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n");
    new.send("HELLO 3\r\n").line();
    while new.line() != "modules" {}
    new.expect("*0\r\n").send("SUBSCRIBE news\r\n").expect(">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    Raw::open(address).send("PUBLISH news hello\r\n").expect(":3\r\n");
    old.expect("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    old.expect("*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    new.expect(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    new.send("GET k\r\nUNSUBSCRIBE\r\n").expect("_\r\n>3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n");
    old.send("UNSUBSCRIBE\r\nPUNSUBSCRIBE n*\r\nPING\r\n");
    old.expect("*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n:0\r\n+PONG\r\n");
}

#[test]
fn a_caller_who_is_killed_is_disconnected_whatever_he_waits_for() {
    let redis = Redis::memory();
    let (server, address) = serve(&redis);
    for waits in ["BLPOP none 0\r\n", "SUBSCRIBE news\r\n", "MONITOR\r\n", "GET k\r\n"] {
        let mut victim = Raw::open(address);
        victim.send("CLIENT ID\r\n");
        let id = victim.line();
        victim.send(waits);
        if !waits.starts_with('B') {
            victim.line();
        }
        let kill = format!("CLIENT KILL ID {}\r\n", &id[1..]);
        Raw::open(address).send(kill).expect(":1\r\n");
        victim.rest();
    }
    Raw::open(address).send("CLIENT KILL TYPE normal SKIPME no\r\n").expect(":1\r\n").expect_end();
    common::until("the end of all", || server.connections() == 0);
}
