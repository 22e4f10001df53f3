//! Any bytes as a script: an answer or an error, soon; and the next script finds what every script finds.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_core::Reply;
use redlet_fuzz::Scripted;

fuzz_target!(|data: &[u8]| {
    let mut store = Scripted::new();
    let _ = store.run(data);
    let after =
        store.run(b"return string.rep('ab', 2) .. #table.concat({1, 2}, ',') .. tostring(rawget(_G, 'x'))");
    assert_eq!(after, Ok(Reply::bulk(b"abab3nil")));
});
