//! Any bytes between the beginning of an RDB file and its end: a look and an import that agree, and a refusal that changes nothing; never a
//! panic, never more memory than the bytes are worth (`-malloc_limit_mb` and `-rss_limit_mb` see to that).
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use redlet_core::{Engine, EngineOptions, ManualClock, Reply, UnixMs};

fuzz_target!(|items: &[u8]| {
    let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
    let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 2, shards: 4 });
    let title: &[u8] = if items.len() % 2 == 0 { b"REDIS0012" } else { b"VALKEY080" };
    let file = [title, items, b"\xff\0\0\0\0\0\0\0\0"].concat();
    let length = file.len() as u64;
    if engine.check_import(&*file, length, |_| {}).is_err() {
        assert_eq!(engine.execute(0, &[b"DBSIZE"]), Ok(Reply::Integer(0)));
        return;
    }
    let report = engine.import(&*file, length, |_| {}).expect("a look has found nothing wrong");
    let sizes = (0..2).map(|db| match engine.execute(db, &[b"DBSIZE"]) {
        Ok(Reply::Integer(size)) => size as u64,
        other => panic!("{other:?}"),
    });
    // A key that comes twice is one.
    assert!(sizes.sum::<u64>() <= report.keys);
});
