//! Scripts that take long: what callers on other threads of the server are told meanwhile, as Redis 8.0.2 told them.
mod common;

use std::net::SocketAddr;

use common::{Raw, request, serve_with, until};
use redlet::Redis;
use redlet::server::Server;

const BUSY_SCRIPT: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const BUSY_FUNCTION: &str =
    "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const UNKILLABLE: &str = "-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";

fn serve(redis: &Redis) -> (Server, SocketAddr) {
    serve_with(redis, &[("busy-reply-threshold", "20"), ("io-threads", "2")])
}

fn ask(caller: &mut Raw, words: &[&str]) -> String {
    caller.send(request(words)).line()
}

/// A caller who runs something, and another to whom the store is busy since.
fn busy(address: SocketAddr, words: &[&str]) -> (Raw, Raw) {
    let (mut runs, mut other) = (Raw::open(address), Raw::open(address));
    runs.send(request(words));
    // What needs a lock that the script has would wait for it.
    until("the store is busy", || ask(&mut other, &["PING"]).starts_with("-BUSY"));
    (runs, other)
}

#[test]
fn others_are_told_that_a_script_runs_until_it_is_ended() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let (mut runs, mut other) = busy(address, &["EVAL", "local x = 1\nwhile true do\n x = x + 1\nend", "0"]);
    for refused in [
        &["PING"][..],
        &["GET", "x"],
        &["SCRIPT", "EXISTS", "x"],
        &["FUNCTION", "STATS"],
        &["FUNCTION", "KILL"],
        &["INFO"],
        &["CLIENT", "ID"],
        &["EVAL", "return 1", "0"],
    ] {
        assert_eq!(ask(&mut other, refused), BUSY_SCRIPT, "{refused:?}");
    }
    assert_eq!(ask(&mut other, &["NOSUCH"]), "-ERR unknown command 'NOSUCH', with args beginning with: ");
    assert_eq!(ask(&mut other, &["SCRIPT", "NOSUCH"]), "-ERR unknown subcommand 'NOSUCH'. Try SCRIPT HELP.");
    assert_eq!(ask(&mut other, &["WATCH", "a"]), "+OK");
    assert_eq!(ask(&mut other, &["UNWATCH"]), "+OK");
    assert_eq!(ask(&mut other, &["MULTI"]), "+OK");
    assert_eq!(ask(&mut other, &["GET", "x"]), BUSY_SCRIPT);
    assert_eq!(
        ask(&mut other, &["EXEC"]),
        format!("-EXECABORT Transaction discarded because of: {}", &BUSY_SCRIPT[1..])
    );
    assert_eq!(ask(&mut other, &["SCRIPT", "KILL"]), "+OK");
    let ended = runs.line();
    assert!(ended.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "), "{ended}");
    assert_eq!(ask(&mut other, &["PING"]), "+PONG");
    assert_eq!(ask(&mut other, &["SCRIPT", "KILL"]), "-NOTBUSY No scripts in execution right now.");
}

#[test]
fn a_script_that_has_written_is_not_ended() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let source = "redis.call('SET', 'k', 'written') while redis.call('GET', 'k') do if os.clock() - ARGV[1] > 0.5 then return 'done' end end";
    let source = source.replace("ARGV[1]", "begun").replacen("while", "local begun = os.clock() while", 1);
    let (mut runs, mut other) = busy(address, &["EVAL", &source, "1", "k"]);
    assert_eq!(ask(&mut other, &["SCRIPT", "KILL"]), UNKILLABLE);
    assert_eq!(ask(&mut other, &["FUNCTION", "KILL"]), UNKILLABLE);
    runs.expect("$4\r\ndone\r\n");
    assert_eq!(ask(&mut other, &["SCRIPT", "KILL"]), "-NOTBUSY No scripts in execution right now.");
}

#[test]
fn a_function_is_ended_as_a_function() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let library = "#!lua name=l\nredis.register_function('loop', function() while true do end end)";
    let mut loads = Raw::open(address);
    loads.send(request(&["FUNCTION", "LOAD", library])).expect("$1\r\nl\r\n");
    let (mut runs, mut other) = busy(address, &["FCALL", "loop", "1", "k", "argument"]);
    assert_eq!(ask(&mut other, &["PING"]), BUSY_FUNCTION);
    assert_eq!(ask(&mut other, &["SCRIPT", "KILL"]), BUSY_FUNCTION);
    other.send(request(&["FUNCTION", "STATS"]));
    other.expect("*4\r\n$14\r\nrunning_script\r\n*6\r\n$4\r\nname\r\n$4\r\nloop\r\n$7\r\ncommand\r\n");
    other.expect(
        "*5\r\n$5\r\nFCALL\r\n$4\r\nloop\r\n$1\r\n1\r\n$1\r\nk\r\n$8\r\nargument\r\n$11\r\nduration_ms\r\n",
    );
    let duration = other.line();
    assert!(
        duration.strip_prefix(':').and_then(|ms| ms.parse::<u64>().ok()).is_some_and(|ms| ms >= 20),
        "{duration}"
    );
    other.expect("$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n*4\r\n$15\r\nlibraries_count\r\n:1\r\n$15\r\nfunctions_count\r\n:1\r\n");
    assert_eq!(ask(&mut other, &["FUNCTION", "KILL"]), "+OK");
    let ended = runs.line();
    assert!(
        ended.starts_with("-ERR Script killed by user with SCRIPT KILL... script: loop, on @user_function"),
        "{ended}"
    );
    assert_eq!(ask(&mut other, &["FUNCTION", "KILL"]), "-NOTBUSY No scripts in execution right now.");
}

#[test]
fn a_library_has_half_a_second_to_load() {
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut caller = Raw::open(address);
    let answer = ask(&mut caller, &["FUNCTION", "LOAD", "#!lua name=l\nwhile true do end"]);
    assert_eq!(answer, "-ERR Error registering functions: ERR FUNCTION LOAD timeout");
    assert_eq!(ask(&mut caller, &["PING"]), "+PONG");
}
