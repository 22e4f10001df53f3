//! The one hash function of the engine: keys to shards and buckets, members to buckets.
use std::hash::{BuildHasher, Hasher};

/// Hashes byte strings under a secret seed, so that nobody can choose keys that collide.
#[derive(Clone, Debug)]
pub struct HashSeed(foldhash::fast::FixedState);

impl HashSeed {
    /// The hash function selected by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(foldhash::fast::FixedState::with_seed(seed))
    }

    /// The hash of `bytes`; all 64 bits are well mixed.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}
