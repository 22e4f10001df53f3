//! Any bytes into the libraries that scripts have, and back: values or an error, never a panic, and never more memory than a script may have
//! (`-malloc_limit_mb` and `-rss_limit_mb` see to that). JSON that was written once stays as long when it is read and written again.
#![no_main]
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redlet::{ManualClock, Redis, Reply, UnixMs};

static REDIS: LazyLock<Redis> = LazyLock::new(|| {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    Redis::builder().clock(clock).seed(1).shards(1).build().unwrap()
});

/// The script's answer, if it is a string; nothing where the bytes were refused.
fn run(script: &str, arguments: &[&[u8]]) -> Option<Vec<u8>> {
    let words: Vec<&[u8]> =
        [b"EVAL", script.as_bytes(), b"0"].into_iter().chain(arguments.iter().copied()).collect();
    match REDIS.execute(&words) {
        Ok(Reply::Bulk(text)) => Some(text.to_vec()),
        Ok(other) => panic!("{script}: {other:?}"),
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.starts_with("ERR user_script:1: ") || error.starts_with("ERR table index is "),
                "{error}"
            );
            None
        }
    }
}

fuzz_target!(|data: &[u8]| {
    const JSON: &str = "return cjson.encode(cjson.decode(ARGV[1]))";
    if let Some(written) = run(JSON, &[data]) {
        let again = run(JSON, &[&written]).expect("what was written can be read");
        assert_eq!(again.len(), written.len());
    }
    run("return cmsgpack.pack(#ARGV, cmsgpack.unpack(ARGV[1]))", &[data]);
    run("return cmsgpack.pack(cmsgpack.unpack_limit(ARGV[1], 2, 1))", &[data]);
    let (format, bytes) = data.split_at(data.len() / 2);
    run("return struct.pack(ARGV[1], struct.unpack(ARGV[1], ARGV[2]))", &[format, bytes]);
    run("return struct.pack(ARGV[1], 1, 2, 3, 4, 5, 6)", &[data]);
    run("return tostring(struct.size(ARGV[1]))", &[data]);
});
