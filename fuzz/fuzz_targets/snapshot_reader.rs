//! A snapshot with any bytes changed: an error, or what was in it; never a panic.
#![no_main]
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use redlet::{Commands, SimVfs, Vfs};
use redlet_fuzz::open;

fuzz_target!(|changes: Vec<(u16, u8)>| {
    let vfs = SimVfs::default();
    let redis = open(&vfs).unwrap();
    redis.set("k", "v").unwrap();
    redis.zadd("z", [("m", 1.0)]).unwrap();
    redis.save().unwrap();
    drop(redis);
    let names = vfs.list(Path::new("/store")).unwrap();
    let snapshot = Path::new("/store").join(names.iter().find(|name| name.starts_with("snapshot-")).unwrap());
    let before = vfs.read(&snapshot).unwrap();
    let mut bytes = before.clone();
    for (at, change) in changes {
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= change;
    }
    vfs.write(&snapshot, &bytes);
    if let Ok(redis) = open(&vfs) {
        assert_eq!(bytes, before, "damage was not noticed");
        assert_eq!(redis.get("k").unwrap().unwrap(), "v");
    }
});
