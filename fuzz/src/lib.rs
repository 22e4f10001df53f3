//! What several fuzz targets do.
use redlet::{Fsync, ManualClock, Redis, SimVfs, UnixMs};

/// Opens the store on a simulated disk, always in the same way.
pub fn open(vfs: &SimVfs) -> redlet::Result<Redis> {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    Redis::builder()
        .path("/store")
        .vfs(vfs.clone())
        .clock(clock)
        .seed(1)
        .shards(2)
        .fsync(Fsync::Always)
        .build()
}
