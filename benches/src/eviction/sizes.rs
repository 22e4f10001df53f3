//! Values of different sizes: whether what goes is judged by the bytes that it takes.
use foldhash::fast::FixedState;
use redlet::{Commands, EvictionPolicy, ManualClock, Redis, UnixMs};
use redlet_core::Random;

use super::Settings;
use super::traces::{Trace, skewed};

/// The smallest value and the largest one; between them every order of magnitude is equally frequent.
const SMALLEST: f64 = 100.0;
const LARGEST: f64 = 10_000.0;

/// A cache in the table of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sized {
    /// redlet under this policy.
    Redlet(EvictionPolicy),
    /// moka with a weigher.
    Moka,
}

impl Sized {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::Redlet(EvictionPolicy::AllKeysAdaptive),
        Self::Redlet(EvictionPolicy::AllKeysLru),
        Self::Redlet(EvictionPolicy::AllKeysLfu),
        Self::Redlet(EvictionPolicy::AllKeysRandom),
        Self::Moka,
    ];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redlet(policy) => policy.as_str(),
            Self::Moka => "moka, with a weigher",
        }
    }
}

/// How a cache fared, in percent.
#[derive(Clone, Copy, Debug)]
pub struct SizedOutcome {
    /// Of the requests.
    pub hit_ratio: f64,
    /// Of the bytes that were asked for.
    pub byte_hit_ratio: f64,
}

/// Requests of skewed popularity, and how long each key's value is, which has nothing to do with its popularity.
#[derive(Debug)]
pub struct SizedLoad {
    trace: Trace,
    lengths: Vec<usize>,
}

impl SizedLoad {
    /// The same for the same seed.
    pub fn generated(seed: u64) -> Self {
        let random = Random::from_seed(seed);
        let trace = skewed(0.9, &random);
        let length = |_| {
            let place = random.below(1 << 32) as f64 / (1_u64 << 32) as f64;
            (SMALLEST * (LARGEST / SMALLEST).powf(place)) as usize
        };
        let lengths = (0..trace.keys).map(length).collect();
        Self { trace, lengths }
    }

    /// A cache with room for so many percent of all that is asked for.
    pub fn play(&self, cache: Sized, percent: f64, settings: Settings) -> SizedOutcome {
        match cache {
            Sized::Redlet(policy) => self.count(self.store(policy, percent, settings)),
            Sized::Moka => self.count(self.moka(percent)),
        }
    }

    fn count(&self, mut request: impl FnMut(u32, usize) -> bool) -> SizedOutcome {
        let (mut hits, mut hit_bytes, mut bytes) = (0_usize, 0, 0);
        for &key in &self.trace.requests {
            let length = self.lengths[key as usize];
            bytes += length;
            if request(key, length) {
                (hits, hit_bytes) = (hits + 1, hit_bytes + length);
            }
        }
        SizedOutcome {
            hit_ratio: 100.0 * hits as f64 / self.trace.requests.len() as f64,
            byte_hit_ratio: 100.0 * hit_bytes as f64 / bytes as f64,
        }
    }

    fn store(
        &self,
        policy: EvictionPolicy,
        percent: f64,
        settings: Settings,
    ) -> impl FnMut(u32, usize) -> bool {
        let value = vec![b'v'; LARGEST as usize];
        let redis = Redis::builder()
            .clock(ManualClock::at(UnixMs(1_700_000_000_000)))
            .seed(settings.seed)
            .eviction_policy(policy)
            .max_memory_samples(settings.samples)
            .build()
            .expect("a store in memory with numbers that can be");
        let put = move |redis: &Redis, key: u32, length: usize| {
            redis.set(&key.to_be_bytes()[..], &value[..length]).expect("something may always go");
        };
        self.lengths.iter().enumerate().for_each(|(key, &length)| put(&redis, key as u32, length));
        let all = redis.memory_stats().expect("a store in memory").used_bytes;
        redis.flushall().expect("a store in memory");
        redis.set_max_memory((all as f64 * percent / 100.0) as usize);
        move |key, length| {
            let hit = redis.get(&key.to_be_bytes()[..]).expect("every value is a string").is_some();
            if !hit {
                put(&redis, key, length);
            }
            hit
        }
    }

    fn moka(&self, percent: f64) -> impl FnMut(u32, usize) -> bool {
        let all: usize = self.lengths.iter().sum();
        let cache = moka::sync::Cache::builder()
            .max_capacity((all as f64 * percent / 100.0) as u64)
            .weigher(|_, length: &u32| *length)
            .build_with_hasher(FixedState::with_seed(1));
        move |key: u32, length| {
            let hit = cache.get(&key).is_some();
            if !hit {
                cache.insert(key, length as u32);
            }
            cache.run_pending_tasks();
            hit
        }
    }
}
