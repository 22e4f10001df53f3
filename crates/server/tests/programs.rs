//! Programs of others: redis-cli, redis-benchmark, redis-py, ioredis, and the libraries that send Lua through these two. What this
//! machine does not have is passed over with a line that says so; in continuous integration (`CI=true`) that is a failure.
mod common;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::serve;
use redlet::{Commands, Redis};

/// A program that is there, or none.
fn found(program: Option<PathBuf>, what: &str, how: &str) -> Option<PathBuf> {
    if program.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI tests with {what}: {how}");
        println!("skipped: no {what} here ({how})");
    }
    program
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A tool of Redis, from beside the server that `REDLET_ORACLE` names or from the path.
fn tool(name: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("REDLET_ORACLE")
        .and_then(|server| Some(Path::new(&server).parent()?.join(name)))
        .filter(|program| program.is_file());
    found(beside.or_else(|| in_path(name)), name, "set REDLET_ORACLE to a redis-server that has it beside it")
}

/// The folder that `.ci/fetch-clients` fills.
fn clients() -> PathBuf {
    let cache = || {
        let home = std::env::home_dir().unwrap_or_default().join(".cache");
        std::env::var_os("XDG_CACHE_HOME").map_or(home, PathBuf::from).join("redlet-clients")
    };
    std::env::var_os("REDLET_CLIENTS").map_or_else(cache, PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that ends early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn success(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// redis-cli with the words of one line.
fn cli(program: &Path, address: SocketAddr, words: &[&str], input: &[u8]) -> String {
    let port = address.port().to_string();
    success(&run(Command::new(program).args(["-p", &port]).args(words), input))
}

#[test]
fn redis_cli_asks_one_thing_or_many() {
    let Some(program) = tool("redis-cli") else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    assert_eq!(cli(&program, address, &["SET", "k", "two words"], b""), "OK\n");
    assert_eq!(cli(&program, address, &["--no-raw", "GET", "k"], b""), "\"two words\"\n");
    assert_eq!(cli(&program, address, &["-x", "SET", "x"], b"from input"), "OK\n");
    redis.zadd("board", [("alice", 1.5)]).unwrap();
    assert_eq!(
        cli(&program, address, &["-3", "--no-raw", "ZRANGE", "board", "0", "-1", "WITHSCORES"], b""),
        "1) 1) \"alice\"\n   2) (double) 1.5\n"
    );
    assert_eq!(cli(&program, address, &[], b"INCR n\nINCR n\nSELECT 3\nDBSIZE\n"), "1\n2\nOK\n0\n");
    assert!(cli(&program, address, &["--scan"], b"").lines().any(|line| line == "board"));
    assert_eq!(cli(&program, address, &["-r", "3", "INCR", "n"], b""), "3\n4\n5\n");
}

#[test]
fn redis_cli_pipes_a_hundred_thousand_commands() {
    let Some(program) = tool("redis-cli") else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut input = Vec::new();
    for number in 0..100_000 {
        let number = number.to_string();
        // Both forms, by turns.
        match number.len() % 2 {
            0 => input.extend(common::request(&["SET", &number, &number])),
            _ => input.extend(format!("SET {number} \"{number}\"\r\n").into_bytes()),
        }
    }
    let said = cli(&program, address, &["--pipe"], &input);
    assert!(said.contains("errors: 0, replies: 100000"), "{said}");
    assert_eq!(redis.dbsize().unwrap(), 100_000);
}

#[test]
fn redis_benchmark_runs_its_tests() {
    // All but the one of streams, which are still to come.
    const TESTS: &str = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset";
    let Some(program) = tool("redis-benchmark") else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let port = address.port().to_string();
    for options in [["-P", "1"], ["-P", "16"]] {
        let said = success(&run(
            Command::new(&program)
                .args(["-p", &port, "-n", "2000", "-c", "20", "--csv", "-t", TESTS])
                .args(options),
            b"",
        ));
        assert!(!said.to_lowercase().contains("err"), "{said}");
        for test in ["PING_INLINE", "SET", "GET", "INCR", "LPUSH", "HSET", "ZADD", "LRANGE_600", "MSET"] {
            assert!(said.contains(&format!("\"{test}")), "{test} is missing: {said}");
        }
    }
}

#[test]
fn redis_py_works_in_both_protocols() {
    let python = clients().join("python/bin/python");
    let how = "run .ci/fetch-clients";
    let Some(python) = found(Some(python).filter(|python| python.is_file()), "redis-py", how) else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    for protocol in ["2", "3"] {
        let host = address.ip().to_string();
        let mut command = Command::new(&python);
        command.arg(script("redis_py.py")).args([&host, &address.port().to_string(), protocol]);
        println!("{}", success(&run(&mut command, b"")));
    }
}

#[test]
fn ioredis_works() {
    let modules = clients().join("node/node_modules");
    let node = in_path("node").filter(|_| modules.join("ioredis").is_dir());
    let Some(node) = found(node, "ioredis", "run .ci/fetch-clients") else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut command = Command::new(node);
    command.env("NODE_PATH", modules).arg(script("ioredis.js"));
    command.args([address.ip().to_string(), address.port().to_string()]);
    println!("{}", success(&run(&mut command, b"")));
}

#[test]
fn libraries_of_python_that_send_lua_work() {
    let python = clients().join("python/bin/python");
    let how = "run .ci/fetch-clients";
    let Some(python) = found(Some(python).filter(|python| python.is_file()), "redis-py", how) else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut command = Command::new(&python);
    command.arg(script("script_users.py")).args([address.ip().to_string(), address.port().to_string()]);
    println!("{}", success(&run(&mut command, b"")));
}

#[test]
fn libraries_of_node_that_send_lua_work() {
    let modules = clients().join("node/node_modules");
    let node = in_path("node").filter(|_| modules.join("bullmq").is_dir());
    let Some(node) = found(node, "bullmq", "run .ci/fetch-clients") else { return };
    let redis = Redis::memory();
    let (_server, address) = serve(&redis);
    let mut command = Command::new(node);
    command.env("NODE_PATH", modules).arg(script("script_users.js"));
    command.args([address.ip().to_string(), address.port().to_string()]);
    println!("{}", success(&run(&mut command, b"")));
}

/// The crate `redis`, in both protocols.
mod redis_rs {
    use redis::{Commands as _, ProtocolVersion};

    use super::*;

    fn client(address: SocketAddr, protocol: ProtocolVersion) -> redis::Client {
        let mut info: redis::ConnectionInfo =
            redis::IntoConnectionInfo::into_connection_info(format!("redis://{address}/")).unwrap();
        info.redis.protocol = protocol;
        redis::Client::open(info).unwrap()
    }

    #[test]
    fn values_transactions_and_pipelines_work_in_both_protocols() {
        let store = Redis::memory();
        let (_server, address) = serve(&store);
        for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
            let mut connection = client(address, protocol).get_connection().unwrap();
            redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
            let () = connection.set("k", "v").unwrap();
            assert_eq!(connection.get::<_, Option<String>>("k").unwrap().as_deref(), Some("v"));
            assert_eq!(connection.get::<_, Option<String>>("none").unwrap(), None);
            let () = connection.zadd_multiple("board", &[(1.5, "alice"), (2.0, "bob")]).unwrap();
            let board: Vec<(String, f64)> = connection.zrange_withscores("board", 0, -1).unwrap();
            assert_eq!(board, [("alice".to_owned(), 1.5), ("bob".to_owned(), 2.0)]);
            let (one, two): (i64, i64) =
                redis::pipe().atomic().incr("n", 1).incr("n", 1).query(&mut connection).unwrap();
            assert_eq!((one, two), (1, 2));
            let counted: i64 = redis::transaction(&mut connection, &["n"], |connection, pipe| {
                let count: i64 = connection.get("n")?;
                let replies: Option<(i64,)> =
                    pipe.set("n", count * 10).ignore().get("n").query(connection)?;
                Ok(replies.map(|(count,)| count))
            })
            .unwrap();
            assert_eq!(counted, 20);
            let refused = connection.incr::<_, _, i64>("k", 1).unwrap_err();
            assert_eq!(refused.kind(), redis::ErrorKind::ResponseError, "{refused}");
        }
    }

    #[test]
    fn messages_arrive() {
        let store = Redis::memory();
        let (_server, address) = serve(&store);
        let client = client(address, ProtocolVersion::RESP2);
        let (mut subscriber, mut publisher) =
            (client.get_connection().unwrap(), client.get_connection().unwrap());
        let mut pubsub = subscriber.as_pubsub();
        pubsub.subscribe("news").unwrap();
        pubsub.psubscribe("n*").unwrap();
        let receivers: usize = publisher.publish("news", "hello").unwrap();
        assert_eq!(receivers, 2);
        for by_pattern in [false, true] {
            let message = pubsub.get_message().unwrap();
            assert_eq!(
                (message.from_pattern(), message.get_payload::<String>().unwrap()),
                (by_pattern, "hello".into())
            );
        }
    }
}
