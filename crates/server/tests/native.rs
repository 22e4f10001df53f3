//! Commands of the program's own, called by clients of its server.
mod common;

use common::{Raw, request, serve};
use redlet::{Commands, Error, Key, Redis};

#[test]
fn clients_call_them_as_they_call_others() {
    let redis = Redis::memory();
    redis
        .typed_command("TAKE", |t, (key, count): (Key, i64)| {
            let left = t.decrby(&key, count)?;
            assert!(left > -100, "much too much");
            if left < 0 { Err(Error::refused("EMPTY there is not so much left")) } else { Ok(left) }
        })
        .unwrap();
    redis.command("SILENT", |_, _| Ok(redlet::Reply::Silence)).unwrap();
    redis.set("stock", 5).unwrap();
    let (_server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    let mut ask = |line: &str, answer: &str| {
        connection.send(request(&line.split(' ').collect::<Vec<_>>())).expect(answer);
    };
    ask("take stock 2", ":3\r\n");
    ask("TAKE stock 4", "-EMPTY there is not so much left\r\n");
    ask("TAKE stock", "-ERR wrong number of arguments for 'take' command\r\n");
    ask("TAKE stock 1000", "-ERR the command 'take' panicked, and what it did was undone: much too much\r\n");
    ask("SILENT", "$-1\r\n");
    for line in ["MULTI", "TAKE stock 1", "TAKE stock 9", "GET stock"] {
        ask(line, if line == "MULTI" { "+OK\r\n" } else { "+QUEUED\r\n" });
    }
    ask("EXEC", "*3\r\n:2\r\n-EMPTY there is not so much left\r\n$1\r\n2\r\n");
    let mut another = Raw::open(address);
    another.send(request(&["TAKE", "stock", "2"])).expect(":0\r\n");
    assert_eq!(redis.get("stock").unwrap().unwrap(), "0");
}
