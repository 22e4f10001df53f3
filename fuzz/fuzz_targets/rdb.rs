//! Any bytes between a form and a footer: a value that goes round, or Redis's refusal; never a panic, never more memory than the bytes are
//! worth (`-malloc_limit_mb` and `-rss_limit_mb` see to that).
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use redlet_core::{Engine, EngineOptions, ManualClock, Reply, UnixMs, rdb};

fuzz_target!(|value: &[u8]| {
    let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
    let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 1, shards: 1 });
    engine.configure(&[("enable-debug-command", b"yes")]).unwrap();
    let restore = |key: &[u8], payload: &[u8]| engine.execute(0, &[b"RESTORE", key, b"0", payload]);
    if let Err(error) = restore(b"k", &rdb::seal(value.to_vec())) {
        assert_eq!(error.to_string(), "ERR Bad data format");
        assert_eq!(engine.execute(0, &[b"EXISTS", b"k"]), Ok(Reply::Integer(0)));
        return;
    }
    let dumped = match engine.execute(0, &[b"DUMP", b"k"]) {
        Ok(Reply::Bulk(dumped)) => dumped,
        // A hash whose fields have all expired is no key.
        Ok(Reply::Null) => return,
        other => panic!("{other:?}"),
    };
    assert_eq!(restore(b"again", &dumped), Ok(Reply::OK));
    let Ok(Reply::Array(digests)) = engine.execute(0, &[b"DEBUG", b"DIGEST-VALUE", b"k", b"again"]) else {
        panic!("both are there")
    };
    assert_eq!(digests[0], digests[1]);
});
