//! Any words as a command: an answer or a refusal, never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet::{ManualClock, Redis, UnixMs};

fuzz_target!(|data: &[u8]| {
    let redis =
        Redis::builder().clock(ManualClock::at(UnixMs(1_700_000_000_000))).seed(1).shards(2).build().unwrap();
    for line in data.split(|&byte| byte == b'\n') {
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let _ = redis.execute(&words);
    }
});
