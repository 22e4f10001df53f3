//! Caches that others wrote, as their users would set them up.
use foldhash::fast::FixedState;

use super::Cache;

/// moka, made to settle after each request, so that it never holds more than it may, and to hash alike in every run.
#[derive(Debug)]
pub(super) struct Moka(moka::sync::Cache<u32, (), FixedState>);

impl Moka {
    pub(super) fn new(capacity: usize) -> Self {
        let builder = moka::sync::Cache::builder().max_capacity(capacity as u64);
        Self(builder.build_with_hasher(FixedState::with_seed(1)))
    }
}

impl Cache for Moka {
    fn request(&mut self, key: u32) -> bool {
        let hit = self.0.get(&key).is_some();
        if !hit {
            self.0.insert(key, ());
        }
        self.0.run_pending_tasks();
        hit
    }
}

/// `quick_cache` for one thread: divided into shards, it would hold fewer keys than it is given.
#[derive(Debug)]
pub(super) struct Quick(quick_cache::unsync::Cache<u32, ()>);

impl Quick {
    pub(super) fn new(capacity: usize) -> Self {
        Self(quick_cache::unsync::Cache::new(capacity))
    }
}

impl Cache for Quick {
    fn request(&mut self, key: u32) -> bool {
        let hit = self.0.get(&key).is_some();
        if !hit {
            self.0.insert(key, ());
        }
        hit
    }
}
