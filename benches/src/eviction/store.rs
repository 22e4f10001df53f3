//! redlet itself, with `maxmemory` where so many keys fit.
use std::time::Duration;

use redlet::{Commands, EvictionPolicy, ManualClock, Redis, UnixMs};

use super::{Cache, Settings};
use crate::VALUE;

/// So many requests come in a second: `allkeys-lfu` counts in minutes.
const REQUESTS_A_SECOND: u64 = 1000;

/// A store under one of redlet's policies.
#[derive(Debug)]
pub(super) struct Store {
    redis: Redis,
    clock: ManualClock,
    requests: u64,
}

impl Store {
    /// With so many bytes.
    pub(super) fn new(policy: EvictionPolicy, capacity: usize, bytes: usize, settings: Settings) -> Self {
        let clock = ManualClock::at(UnixMs(1_700_000_000_000));
        let redis = Redis::builder()
            .clock(clock.clone())
            .seed(settings.seed)
            .shards(shards(capacity))
            .max_memory(bytes)
            .eviction_policy(policy)
            .max_memory_samples(settings.samples)
            .build()
            .expect("a store in memory with numbers that can be");
        Self { redis, clock, requests: 0 }
    }
}

/// Tables grow in steps, which count for much where a shard has few keys; so a shard has 64 or more wherever there are as many.
fn shards(capacity: usize) -> usize {
    1 << (capacity / 64).clamp(1, 64).ilog2()
}

/// What so many keys take.
pub(super) fn bytes_for(capacity: usize, settings: Settings) -> usize {
    let builder = Redis::builder().seed(settings.seed).shards(shards(capacity)).housekeeping(false);
    let redis = builder.build().expect("a store in memory with numbers that can be");
    (0..capacity as u32).for_each(|key| put(&redis, key));
    redis.memory_stats().expect("a store in memory").used_bytes
}

fn put(redis: &Redis, key: u32) {
    redis.set(&key.to_be_bytes()[..], VALUE).expect("something may always go");
}

impl Cache for Store {
    fn request(&mut self, key: u32) -> bool {
        self.requests += 1;
        if self.requests.is_multiple_of(REQUESTS_A_SECOND) {
            self.clock.advance(Duration::from_secs(1));
        }
        let hit = self.redis.get(&key.to_be_bytes()[..]).expect("every value is a string").is_some();
        if !hit {
            put(&self.redis, key);
        }
        hit
    }

    fn keys(&self) -> Option<usize> {
        Some(self.redis.dbsize().expect("a store in memory"))
    }
}
