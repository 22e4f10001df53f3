//! Any bytes after a good header of a log: a store, or an error; never a panic.
#![no_main]
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use redlet::{Commands, SimVfs, Vfs};
use redlet_fuzz::open;

fuzz_target!(|data: &[u8]| {
    let vfs = SimVfs::default();
    let redis = open(&vfs).unwrap();
    redis.set("k", "v").unwrap();
    drop(redis);
    let names = vfs.list(Path::new("/store")).unwrap();
    let log = Path::new("/store").join(names.iter().find(|name| name.starts_with("log-")).unwrap());
    let mut bytes = vfs.read(&log).unwrap();
    // The first byte says how much of the log is kept before the rest comes.
    let (kept, rest) = data.split_first().map_or((24, &[][..]), |(kept, rest)| (usize::from(*kept), rest));
    bytes.truncate(kept);
    bytes.extend_from_slice(rest);
    vfs.write(&log, &bytes);
    if let Ok(redis) = open(&vfs) {
        redis.set("after", "fine").unwrap();
    }
});
