//! With `appendfsync always` nobody is told of a write that a power cut could undo.
mod common;

use std::io::ErrorKind;
use std::io::Read;
use std::time::Duration;

use common::{Raw, serve, until};
use redlet::{Commands, Fsync, Redis, SimVfs};

fn synced_always(vfs: &SimVfs) -> Redis {
    Redis::builder().path("/store").vfs(vfs.clone()).fsync(Fsync::Always).build().unwrap()
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_and_one_sync_is_for_many() {
    const COMMANDS: u64 = 1000;
    let vfs = SimVfs::default();
    let redis = synced_always(&vfs);
    let (_server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    connection.send("PING\r\n").expect("+PONG\r\n");
    let before = vfs.syncs();
    connection.send("INCR n\r\n".repeat(COMMANDS as usize));
    for number in 1..=COMMANDS {
        connection.expect(format!(":{number}\r\n"));
    }
    let syncs = vfs.syncs() - before;
    // Of the commands that were read together, which are some 8,000 in a round at most.
    assert!((1..COMMANDS / 10).contains(&syncs), "{syncs} syncs for {COMMANDS} commands");
    let restored = synced_always(&vfs.after_power_cut(1));
    assert_eq!(restored.get("n").unwrap().unwrap(), COMMANDS.to_string());
}

#[test]
fn transactions_and_commands_that_were_waited_for_are_on_the_disk_too() {
    let vfs = SimVfs::default();
    let redis = synced_always(&vfs);
    let (_server, address) = serve(&redis);
    let (mut waiter, mut pusher) = (Raw::open(address), Raw::open(address));
    waiter.send("BLPOP list 0\r\n");
    let clients = || format!("{:?}", redis.execute(&["INFO", "clients"]).unwrap());
    until("a wait", || clients().contains("blocked_clients:1"));
    pusher.send("MULTI\r\nSET k v\r\nRPUSH list a b\r\nEXEC\r\n");
    waiter.expect("*2\r\n$4\r\nlist\r\n$1\r\na\r\n");
    pusher.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n");
    let restored = synced_always(&vfs.after_power_cut(1));
    assert_eq!(restored.get("k").unwrap().unwrap(), "v");
    assert_eq!(restored.lrange("list", 0, -1).unwrap(), ["b"]);
}

#[test]
fn answers_wait_for_the_disk_and_only_where_that_is_promised() {
    let vfs = SimVfs::default();
    let redis = synced_always(&vfs);
    let (_server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    connection.send("SET k v\r\n").expect("+OK\r\n");
    let slow = vfs.hold_syncs();
    connection.send("SET k w\r\n");
    until("the write", || redis.get("k").unwrap().unwrap() == "w");
    connection.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let early = connection.0.read(&mut [0]).unwrap_err();
    assert!(matches!(early.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early}");
    connection.0.set_read_timeout(Some(common::PATIENCE)).unwrap();
    drop(slow);
    connection.expect("+OK\r\n");
    connection.send("CONFIG SET appendfsync no\r\n").expect("+OK\r\n");
    let _slow = vfs.hold_syncs();
    connection.send("SET k x\r\n").expect("+OK\r\n");
}

#[test]
fn nobody_hears_of_a_write_that_the_disk_refused() {
    let vfs = SimVfs::default();
    let redis = synced_always(&vfs);
    let (_server, address) = serve(&redis);
    let mut connection = Raw::open(address);
    connection.send("SET k v\r\n").expect("+OK\r\n");
    vfs.fail_from(vfs.calls());
    connection.send("SET k w\r\n").expect_end();
    let mut later = Raw::open(address);
    later.send("SET k x\r\n");
    assert!(later.line().starts_with("-MISCONF"), "later writes are refused with the cause");
    later.send("PING\r\n").expect("+PONG\r\n");
}
