//! Scripts that take too long: others hear of it, and can end them. Everything here runs on one thread unless it says otherwise.
mod common;

use std::net::SocketAddr;

use common::{Raw, request, serve, serve_with, start, until};
use redlet::server::Server;
use redlet::{Commands, Redis};
use redlet_core::Engine;
use redlet_server::Host;

const FOREVER: &str = "while true do end";
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
const BUSY_FUNCTION: &str =
    "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n";
const ABORTED: &str = "-EXECABORT Transaction discarded because of: BUSY Redis is busy running a script. You can only call \
                       SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
const UNKILLABLE: &str = "-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait \
                          the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.\r\n";
const KILLED: &str = "-ERR Script killed by user with SCRIPT KILL... script: 694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7, on @user_script:1.";

/// A server where a script takes too long after a millisecond.
fn impatient(redis: &Redis) -> (Server, SocketAddr) {
    serve_with(redis, &[("busy-reply-threshold", "1")])
}

fn engine(redis: &Redis) -> &Engine {
    Host::engine(redis)
}

impl Raw {
    fn ask(&mut self, words: &[&str]) -> &mut Self {
        self.send(request(words))
    }

    /// Whether the next answer is that of a script that was killed.
    #[track_caller]
    fn expect_killed(&mut self) -> &mut Self {
        let line = self.line();
        assert_eq!(line, KILLED);
        self
    }

    /// Returns once a script takes too long.
    #[track_caller]
    fn until_busy(&mut self) -> &mut Self {
        until("a script that takes too long", || self.ask(&["PING"]).line().starts_with("-BUSY"));
        self
    }
}

/// A connection whose script runs for ever, and another.
fn busy_with(address: SocketAddr, script: &str) -> (Raw, Raw) {
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    other.send("PING\r\n").expect("+PONG\r\n");
    runner.ask(&["EVAL", script, "0"]);
    other.until_busy();
    (runner, other)
}

#[test]
fn a_script_without_end_can_be_killed_by_whoever_the_same_thread_serves() {
    let (_server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) = busy_with(address, FOREVER);
    other.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed().send("PING\r\n").expect("+PONG\r\n");
    other.send("PING\r\n").expect("+PONG\r\n");
    other.send("SCRIPT KILL\r\n").expect("-NOTBUSY No scripts in execution right now.\r\n");
}

#[test]
fn an_error_that_is_caught_does_not_save_it() {
    let (_server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) =
        busy_with(address, "while true do pcall(function() while true do end end) end");
    other.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    let answer = runner.line();
    assert!(answer.starts_with("-ERR Script killed by user with SCRIPT KILL..."), "{answer}");
}

#[test]
fn who_asks_meanwhile_is_told_what_can_be_done() {
    let (_server, address) = impatient(&Redis::memory());
    let (_runner, mut other) = busy_with(address, FOREVER);
    other.send("GET k\r\nSET k v\r\nEVAL 'return 1' 0\r\nSUBSCRIBE news\r\nCLIENT ID\r\n");
    for _ in 0..5 {
        other.expect(BUSY);
    }
    other.send("NOPE\r\n").expect("-ERR unknown command 'NOPE', with args beginning with: \r\n");
    other.send("GET\r\n").expect("-ERR wrong number of arguments for 'get' command\r\n");
    other.send("FUNCTION KILL\r\n").expect(BUSY).send("FUNCTION STATS\r\n").expect(BUSY);
    other.send("SHUTDOWN\r\n").expect(BUSY).send("SHUTDOWN SAVE\r\n").expect(BUSY);
    other.send("SHUTDOWN ABORT\r\n").expect("-ERR No shutdown in progress.\r\n");
    other.send("HELLO 3\r\n");
    until("the end of what HELLO says", || other.line() == "$7" && other.line() == "modules");
    other.expect("*0\r\n").send("RESET\r\n").expect("+RESET\r\n");
    other.send("WATCH k\r\n").expect("+OK\r\n").send("UNWATCH\r\n").expect("+OK\r\n");
    other.send("QUIT\r\n").expect("+OK\r\n").expect_end();
    Raw::open(address).send("SCRIPT KILL\r\n").expect("+OK\r\n");
}

#[test]
fn a_transaction_in_which_something_was_refused_is_discarded() {
    let redis = Redis::memory();
    let (_server, address) = impatient(&redis);
    let (mut begun, mut watching) = (Raw::open(address), Raw::open(address));
    begun.send("MULTI\r\nSET k 1\r\n").expect("+OK\r\n+QUEUED\r\n");
    watching.send("WATCH k\r\nMULTI\r\nSET k 2\r\n").expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    let (mut runner, mut other) = busy_with(address, FOREVER);
    other.send("MULTI\r\nSET k 3\r\nEXEC\r\n").expect("+OK\r\n").expect(BUSY).expect(ABORTED);
    begun.send("EXEC\r\n").expect(ABORTED);
    watching.send("EXEC\r\n").expect(ABORTED);
    begun.send("MULTI\r\nDISCARD\r\n").expect("+OK\r\n+OK\r\n");
    other.send("MULTI\r\n").expect("+OK\r\n").send("SCRIPT KILL\r\n").expect("+QUEUED\r\n");
    watching.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
    other.send("EXEC\r\n").expect("*1\r\n-NOTBUSY No scripts in execution right now.\r\n");
    assert_eq!(redis.exists(["k"]).unwrap(), 0);
    // What was watched before is watched no more.
    watching.send("WATCH other\r\nMULTI\r\nSET k 4\r\n").expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    begun.send("SET k 1\r\n").expect("+OK\r\n");
    watching.send("EXEC\r\n").expect("*1\r\n+OK\r\n");
}

#[test]
fn keys_of_the_script_are_not_watched_before_it_has_ended() {
    let redis = Redis::memory();
    let (_server, address) = impatient(&redis);
    let mut watching = Raw::open(address);
    watching.send("WATCH a b\r\n").expect("+OK\r\n");
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    runner.ask(&["EVAL", FOREVER, "1", "a"]);
    other.until_busy().send("WATCH a\r\n").expect(BUSY);
    watching.send("UNWATCH\r\n").expect("+OK\r\n").send("WATCH b\r\n").expect(BUSY);
    other.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
    watching.send("WATCH b\r\nMULTI\r\nPING\r\n").expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    other.send("SET a 1\r\n").expect("+OK\r\n");
    watching.send("EXEC\r\n").expect("*1\r\n+PONG\r\n");
}

#[test]
fn in_a_transaction_only_the_script_is_ended() {
    let (_server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    runner.send("MULTI\r\nSET a 1\r\n").ask(&["EVAL", FOREVER, "0"]).send("SET b 2\r\n");
    runner.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n").send("EXEC\r\n");
    other.until_busy().send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect("*3\r\n+OK\r\n").expect_killed().expect("+OK\r\n");
}

#[test]
fn a_script_that_has_written_ends_with_the_server() {
    let redis = Redis::memory();
    let builder = redis.server().bind("127.0.0.1", 0).ends_by_shutdown();
    let (server, address) = start(builder.parameter("busy-reply-threshold", "1").unwrap());
    let (mut runner, mut other) = busy_with(address, "redis.call('SET', 'k', 'v') while true do end");
    other.send("SCRIPT KILL\r\n").expect(UNKILLABLE).send("FUNCTION KILL\r\n").expect(UNKILLABLE);
    other.send("SHUTDOWN NOSAVE\r\n").expect_end();
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "nobody listens any more once a connection has ended"
    );
    assert_eq!(server.wait().unwrap().save, Some(false));
    drop(runner.rest());
    assert_eq!(redis.get("k").unwrap().unwrap(), "v", "the store is open, and not locked");
}

#[test]
fn a_server_that_is_stopped_ends_the_scripts_of_its_threads() {
    let redis = Redis::memory();
    let (server, address) = impatient(&redis);
    let (mut runner, mut other) = busy_with(address, "redis.call('SET', 'k', 'v') while true do end");
    server.stop();
    drop(runner.rest());
    other.expect_end();
    assert_eq!(server.connections(), 0);
    assert_eq!(redis.get("k").unwrap().unwrap(), "v");
}

#[test]
fn functions_have_a_kill_of_their_own() {
    let (_server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    let library = "#!lua name=mine\nredis.register_function('forever', function() while true do end end)";
    runner.ask(&["FUNCTION", "LOAD", library]).expect("$4\r\nmine\r\n").send("FCALL forever 0\r\n");
    other.until_busy().send("GET k\r\n").expect(BUSY_FUNCTION);
    other.send("SCRIPT KILL\r\n").expect(BUSY_FUNCTION);
    other
        .send("FUNCTION STATS\r\n")
        .expect("*4\r\n$14\r\nrunning_script\r\n*6\r\n$4\r\nname\r\n$7\r\nforever\r\n");
    other.expect("$7\r\ncommand\r\n*3\r\n$5\r\nFCALL\r\n$7\r\nforever\r\n$1\r\n0\r\n$11\r\nduration_ms\r\n");
    until("the end of what FUNCTION STATS says", || {
        other.line() == "$15" && other.line() == "functions_count"
    });
    other.expect(":1\r\n").send("FUNCTION KILL\r\n").expect("+OK\r\n");
    let killed = "-ERR Script killed by user with SCRIPT KILL... script: forever, on @user_function:2.";
    assert_eq!(runner.line(), killed);
}

#[test]
fn who_comes_while_a_script_runs_is_let_in() {
    let (server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) = busy_with(address, FOREVER);
    let mut late: Vec<Raw> = (0..20).map(|_| Raw::open(address)).collect();
    for late in &mut late {
        late.send("PING\r\n").expect(BUSY);
    }
    assert_eq!(server.connections(), 22);
    other.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
    for late in &mut late {
        late.send("PING\r\n").expect("+PONG\r\n");
    }
}

#[test]
fn who_leaves_while_a_script_runs_is_forgotten_when_it_has_ended() {
    let redis = Redis::memory();
    let (server, address) = impatient(&redis);
    let mut leaving: Vec<Raw> = (0..3).map(|_| Raw::open(address)).collect();
    leaving[0].send("WATCH k\r\n").expect("+OK\r\n");
    leaving[1].send("BLPOP k 0\r\n");
    leaving[2].send("SUBSCRIBE news\r\n").expect("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    until("somebody who waits", || engine(&redis).waiting_callers() == 1);
    let (mut runner, mut other) = busy_with(address, FOREVER);
    drop(leaving);
    until("their connections to be closed", || server.connections() == 2);
    other.send("GET k\r\n").expect(BUSY).send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
    until("them to be forgotten", || {
        engine(&redis).waiting_callers() == 0 && engine(&redis).clients().len() == 2
    });
    assert_eq!(redis.rpush("k", ["v"]).unwrap(), 1);
    assert_eq!(redis.llen("k").unwrap(), 1, "nobody was served who is gone");
}

#[test]
fn who_waits_for_a_key_waits_on_and_others_are_answered_though_its_time_is_over() {
    let redis = Redis::memory();
    let (_server, address) = impatient(&redis);
    let (mut hasty, mut patient) = (Raw::open(address), Raw::open(address));
    hasty.send("BLPOP k 0.01\r\nPING\r\n");
    patient.send("BLPOP k 0\r\nPING\r\n");
    let (mut runner, mut other) = busy_with(address, FOREVER);
    for _ in 0..1000 {
        other.send("GET k\r\n").expect(BUSY);
    }
    other.send("SCRIPT KILL\r\n").expect("+OK\r\n");
    hasty.expect("*-1\r\n+PONG\r\n");
    runner.expect_killed().send("RPUSH k v\r\n").expect(":1\r\n");
    patient.expect("*2\r\n$1\r\nk\r\n$1\r\nv\r\n+PONG\r\n");
}

#[test]
fn what_the_caller_of_a_script_sends_meanwhile_is_answered_afterwards_in_order() {
    let (_server, address) = impatient(&Redis::memory());
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    runner.send("SET k 1\r\n").ask(&["EVAL", FOREVER, "0"]).send("INCR k\r\n");
    other.until_busy();
    runner.send("INCR k\r\n").send("GET k\r\n");
    other.send("GET k\r\n").expect(BUSY).send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect("+OK\r\n").expect_killed().expect(":2\r\n:3\r\n$1\r\n3\r\n");
}

#[test]
fn a_script_goes_on_when_its_caller_has_left() {
    let (server, address) = impatient(&Redis::memory());
    let (runner, mut other) = busy_with(address, FOREVER);
    drop(runner);
    other.send("GET k\r\n").expect(BUSY).send("SCRIPT KILL\r\n").expect("+OK\r\n");
    until("its connection to be closed", || server.connections() == 1);
    other.send("PING\r\n").expect("+PONG\r\n");
}

#[test]
fn who_asked_just_before_is_answered_while_the_script_runs() {
    let (_server, address) = impatient(&Redis::memory());
    let mut others: Vec<Raw> = (0..50).map(|_| Raw::open(address)).collect();
    for other in &mut others {
        other.send("PING\r\n").expect("+PONG\r\n");
    }
    let mut runner = Raw::open(address);
    // The server finds some of them and the script all at once.
    runner.ask(&["EVAL", FOREVER, "0"]);
    for other in &mut others {
        other.send("ECHO 1\r\n");
    }
    for other in &mut others {
        let first = other.line();
        assert!(first == "$1" || first.starts_with("-BUSY"), "{first}");
    }
    Raw::open(address).until_busy().send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
}

#[test]
fn scripts_are_killed_from_other_threads_too() {
    let redis = Redis::memory();
    let (_server, address) = serve_with(&redis, &[("io-threads", "2"), ("busy-reply-threshold", "1")]);
    let mut connections: Vec<Raw> = (0..4).map(|_| Raw::open(address)).collect();
    for connection in &mut connections {
        connection.send("WATCH k\r\n").expect("+OK\r\n");
    }
    for round in 0..4 {
        connections[round].ask(&["EVAL", FOREVER, "0"]);
        let killer = (round + 1) % 4;
        connections[killer].until_busy();
        // All of them have something to tell the shards of.
        for other in (0..4).filter(|other| *other != round) {
            connections[other].send("UNWATCH\r\n").expect("+OK\r\n").send("GET k\r\n").expect(BUSY);
        }
        let mut leaving = Raw::open(address);
        leaving.send("QUIT\r\n").expect("+OK\r\n").expect_end();
        connections[killer].send("SCRIPT KILL\r\n").expect("+OK\r\n");
        connections[round].expect_killed();
        for connection in &mut connections {
            connection.send("WATCH k\r\n").expect("+OK\r\n");
        }
    }
}

#[test]
fn a_script_of_the_process_itself_is_killed_by_a_connection() {
    let redis = Redis::memory();
    let (_server, address) = impatient(&redis);
    let mut other = Raw::open(address);
    std::thread::scope(|scope| {
        let runner = scope.spawn(|| redis.execute(&["EVAL", FOREVER, "0"]).unwrap_err().to_string());
        other.until_busy().send("SCRIPT KILL\r\n").expect("+OK\r\n");
        assert!(runner.join().unwrap().starts_with("ERR Script killed by user"));
    });
}

#[test]
fn without_a_threshold_nobody_is_told() {
    let (_server, address) = serve_with(&Redis::memory(), &[("busy-reply-threshold", "0")]);
    let (mut runner, mut other) = (Raw::open(address), Raw::open(address));
    runner.ask(&["EVAL", "for i = 1, 3000000 do end return 'through'", "0"]);
    other.send("PING\r\n").expect("+PONG\r\n");
    runner.expect("$7\r\nthrough\r\n");
}

#[test]
fn room_in_memory_is_made_when_the_script_has_ended() {
    let redis = Redis::memory();
    let (_server, address) = impatient(&redis);
    let mut setting = Raw::open(address);
    setting.send("CONFIG SET maxmemory-policy allkeys-lru maxmemory 4mb\r\n").expect("+OK\r\n");
    let script = "for i = 1, 8 do redis.call('SET', i, string.rep('x', 1000000)) end while true do end";
    let (mut runner, mut other) = busy_with(address, script);
    // Each of these is a unit after which room would be made.
    other.send("SCRIPT KILL\r\n").expect(UNKILLABLE).send("MULTI\r\n").expect("+OK\r\n");
    other.send("FUNCTION KILL\r\n").expect("+QUEUED\r\n").send("DISCARD\r\n").expect("+OK\r\n");
    engine(&redis).close_waits();
    assert!(runner.line().starts_with("-ERR Script killed by user"));
    until("room", || redis.dbsize().unwrap() < 8);
}

#[test]
fn a_password_is_asked_for_while_a_script_runs() {
    let (_server, address) = serve(&Redis::memory());
    let mut runner = Raw::open(address);
    runner.send("CONFIG SET requirepass secret busy-reply-threshold 1\r\n").expect("+OK\r\n");
    runner.ask(&["EVAL", FOREVER, "0"]);
    let mut other = Raw::open(address);
    other.send("GET k\r\n").expect("-NOAUTH Authentication required.\r\n");
    other.send("SCRIPT KILL\r\n").expect("-NOAUTH Authentication required.\r\n");
    other.send("AUTH wrong\r\n").expect("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    other.send("AUTH secret\r\n").expect("+OK\r\n").until_busy().send("SCRIPT KILL\r\n").expect("+OK\r\n");
    runner.expect_killed();
}
