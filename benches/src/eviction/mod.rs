//! Hit ratios of eviction policies: a simulation in which a request is a get and a miss is followed by a set.
pub mod chart;
mod exact;
mod lists;
mod rivals;
mod s3_fifo;
mod sampled;
pub mod traces;
mod w_tiny_lfu;

use redlet_core::Random;
use redlet_core::eviction::Policy;
use traces::Trace;

/// What is simulated: room for so many keys.
trait Cache {
    /// Asks for a key and puts it in if it is not there; whether it was.
    fn request(&mut self, key: u32) -> bool;
}

/// A policy in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// redlet's `allkeys-adaptive`.
    Adaptive,
    /// redlet's `allkeys-lru`.
    SampledLru,
    /// redlet's `allkeys-lfu`.
    SampledLfu,
    /// redlet's `allkeys-random`.
    SampledRandom,
    /// Exact.
    Lru,
    /// Exact, counted since a key came in.
    Lfu,
    /// As published.
    S3Fifo,
    /// With a window of one percent.
    WTinyLfu,
    /// With Caffeine's hill climber.
    WTinyLfuClimbing,
    /// The crate.
    Moka,
    /// The crate.
    QuickCache,
    /// What nothing can beat.
    Belady,
}

impl Contender {
    /// All, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Adaptive,
        Self::SampledLru,
        Self::SampledLfu,
        Self::SampledRandom,
        Self::Lru,
        Self::Lfu,
        Self::S3Fifo,
        Self::WTinyLfu,
        Self::WTinyLfuClimbing,
        Self::Moka,
        Self::QuickCache,
        Self::Belady,
    ];

    /// Those that the adaptive policy may never be far behind, whichever is the best.
    pub const JUDGES: [Self; 4] = [Self::Lru, Self::Lfu, Self::S3Fifo, Self::WTinyLfu];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::SampledLru => "lru",
            Self::SampledLfu => "lfu",
            Self::SampledRandom => "random",
            Self::Lru => "LRU",
            Self::Lfu => "LFU",
            Self::S3Fifo => "S3-FIFO",
            Self::WTinyLfu => "W-TinyLFU",
            Self::WTinyLfuClimbing => "climbing",
            Self::Moka => "moka",
            Self::QuickCache => "quick_cache",
            Self::Belady => "Belady",
        }
    }

    /// A cache with room for so many keys of a trace.
    fn cache(self, trace: &Trace, capacity: usize, settings: Settings) -> Box<dyn Cache> {
        let keys = trace.keys;
        let sampled = |policy| {
            Box::new(sampled::Sampled::new(policy, settings.samples, capacity, settings.seed))
                as Box<dyn Cache>
        };
        match self {
            Self::Adaptive => sampled(Policy::Adaptive),
            Self::SampledLru => sampled(Policy::Lru),
            Self::SampledLfu => sampled(Policy::Lfu),
            Self::SampledRandom => sampled(Policy::Random),
            Self::Lru => Box::new(exact::Lru::new(capacity, keys)),
            Self::Lfu => Box::new(exact::Lfu::new(capacity, keys)),
            Self::S3Fifo => Box::new(s3_fifo::S3Fifo::new(capacity, keys)),
            Self::WTinyLfu => Box::new(w_tiny_lfu::WTinyLfu::fixed(capacity, keys)),
            Self::WTinyLfuClimbing => Box::new(w_tiny_lfu::WTinyLfu::climbing(capacity, keys)),
            Self::Moka => Box::new(rivals::Moka::new(capacity)),
            Self::QuickCache => Box::new(rivals::Quick::new(capacity)),
            Self::Belady => Box::new(exact::Belady::new(capacity, keys, &trace.requests)),
        }
    }

    /// Its hit ratio in percent with room for so many keys.
    pub fn hit_ratio(self, trace: &Trace, capacity: usize, settings: Settings) -> f64 {
        let mut cache = self.cache(trace, capacity, settings);
        let hits = trace.requests.iter().filter(|&&key| cache.request(key)).count();
        100.0 * hits as f64 / trace.requests.len().max(1) as f64
    }
}

/// What redlet's policies are set to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Keys that are looked at for a victim.
    pub samples: usize,
    /// Which random numbers.
    pub seed: u64,
}

/// A key's hash, all bits well mixed.
fn hash(key: u64) -> u64 {
    Random::from_seed(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { samples: 5, seed: 1 };

    fn trace(requests: &[u64]) -> Trace {
        Trace::new("test", requests.iter().copied())
    }

    fn hits(contender: Contender, requests: &[u64], capacity: usize) -> usize {
        let ratio = contender.hit_ratio(&trace(requests), capacity, SETTINGS);
        (ratio * requests.len() as f64 / 100.0).round() as usize
    }

    #[test]
    fn each_exact_policy_evicts_what_its_name_says() {
        // With room for two, the third key puts out 1 or 2.
        assert_eq!(hits(Contender::Lru, &[1, 1, 2, 3, 2], 2), 2);
        assert_eq!(hits(Contender::Lru, &[1, 1, 2, 3, 1], 2), 1);
        assert_eq!(hits(Contender::Lfu, &[1, 1, 2, 3, 1], 2), 2);
        assert_eq!(hits(Contender::Belady, &[1, 2, 3, 2, 1, 3], 2), 2);
    }

    #[test]
    fn nothing_beats_the_bound() {
        let trace = &traces::generated(3)[0];
        let trace = Trace::new("part", trace.requests[..20_000].iter().map(|&key| u64::from(key)));
        let bound = Contender::Belady.hit_ratio(&trace, 500, SETTINGS);
        for contender in Contender::ALL {
            let ratio = contender.hit_ratio(&trace, 500, SETTINGS);
            assert!(ratio <= bound, "{}: {ratio} of {bound}", contender.name());
            assert!(ratio > 0.0, "{}", contender.name());
        }
    }

    #[test]
    fn with_room_for_every_key_only_the_first_request_for_it_misses() {
        let requests: Vec<u64> = (0..1000).map(|at| at * at % 97).collect();
        let keys = trace(&requests).keys;
        for contender in Contender::ALL {
            if matches!(contender, Contender::Moka | Contender::QuickCache) {
                continue; // They turn some away before they are full.
            }
            assert_eq!(hits(contender, &requests, keys), 1000 - keys, "{}", contender.name());
        }
    }
}
