//! Memory that the process holds. A test of its own, because all tests of a file share one process.
#![cfg(target_os = "linux")]
mod common;

use common::{Raw, request, serve};
use redlet::Redis;

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn nothing_is_held_that_nobody_sent_and_nothing_is_kept() {
    const MIB: usize = 1 << 20;
    let redis = Redis::memory();
    let (server, address) = serve(&redis);
    let mut probe = Raw::open(address);
    let mut answered = || {
        probe.send("PING\r\n").expect("+PONG\r\n");
    };
    answered();

    let before = resident_bytes();
    let mut announcing: Vec<Raw> = (0..200).map(|_| Raw::open(address)).collect();
    for connection in &mut announcing {
        connection.send(b"*1000000\r\n$536870912\r\nonly so much");
    }
    answered();
    let announced = resident_bytes().saturating_sub(before);
    assert!(announced < 40 * MIB, "{announced} bytes for what was only announced");

    // Long requests and answers leave nothing behind at connections that stay.
    drop(announcing);
    let mut connections: Vec<Raw> = (0..50).map(|_| Raw::open(address)).collect();
    let set = request(&[b"SET", &b"long"[..], &vec![b'v'; 8 * MIB]]);
    for connection in &mut connections {
        connection.send(&set).expect("+OK\r\n");
        connection.send("GET long\r\n").expect("$8388608\r\n").skip(8 * MIB).expect("\r\n");
    }
    drop(set);
    // The values that were written over are freed in the background.
    common::until("less than 100 MiB for 50 connections that are silent", || {
        resident_bytes().saturating_sub(before) < 100 * MIB
    });
    assert_eq!(server.connections(), 51);
}
