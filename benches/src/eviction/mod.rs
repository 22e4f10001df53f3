//! Hit ratios of eviction policies: a request is a get, and a miss is followed by a set. redlet's are those of real stores, the
//! crates' those of real caches, the others are played out as they were published.
pub mod chart;
pub mod costs;
mod exact;
mod lists;
mod rivals;
mod s3_fifo;
pub mod sizes;
mod store;
pub mod traces;
mod w_tiny_lfu;

use redlet::EvictionPolicy;
use traces::Trace;

/// Room for so many keys.
trait Cache {
    /// Asks for a key and puts it in if it is not there; whether it was.
    fn request(&mut self, key: u32) -> bool;

    /// How many keys are in, where that is not simply as many as there is room for.
    fn keys(&self) -> Option<usize> {
        None
    }

    /// How it fares on a trace.
    fn play(&mut self, trace: &Trace, capacity: usize) -> Outcome {
        let step = (trace.requests.len() / LOOKS).max(1);
        let (mut hits, mut known, mut held, mut room) = (0_usize, 0, 0, 0);
        for (at, &key) in trace.requests.iter().enumerate() {
            hits += usize::from(self.request(key));
            // Keys are numbered in the order in which they appear.
            known = known.max(key as usize + 1);
            if at % step == 0 {
                let most = known.min(capacity);
                held += self.keys().unwrap_or(most);
                room += most;
            }
        }
        Outcome {
            hit_ratio: 100.0 * hits as f64 / trace.requests.len().max(1) as f64,
            held: 100.0 * held as f64 / room.max(1) as f64,
        }
    }
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

    /// redlet's own, limited by bytes.
    pub const REDLET: [Self; 4] = [Self::Adaptive, Self::SampledLru, Self::SampledLfu, Self::SampledRandom];

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

    /// Which of redlet's policies it is.
    const fn policy(self) -> Option<EvictionPolicy> {
        match self {
            Self::Adaptive => Some(EvictionPolicy::AllKeysAdaptive),
            Self::SampledLru => Some(EvictionPolicy::AllKeysLru),
            Self::SampledLfu => Some(EvictionPolicy::AllKeysLfu),
            Self::SampledRandom => Some(EvictionPolicy::AllKeysRandom),
            _ => None,
        }
    }

    /// How it fares with room for so many keys.
    pub fn play(self, trace: &Trace, capacity: usize, settings: Settings) -> Outcome {
        let keys = trace.keys;
        match self {
            Self::Lru => exact::Lru::new(capacity, keys).play(trace, capacity),
            Self::Lfu => exact::Lfu::new(capacity, keys).play(trace, capacity),
            Self::S3Fifo => s3_fifo::S3Fifo::new(capacity, keys).play(trace, capacity),
            Self::WTinyLfu => w_tiny_lfu::WTinyLfu::fixed(capacity, keys).play(trace, capacity),
            Self::WTinyLfuClimbing => w_tiny_lfu::WTinyLfu::climbing(capacity, keys).play(trace, capacity),
            Self::Moka => rivals::Moka::new(capacity).play(trace, capacity),
            Self::QuickCache => rivals::Quick::new(capacity).play(trace, capacity),
            Self::Belady => exact::Belady::new(capacity, keys, &trace.requests).play(trace, capacity),
            Self::Adaptive | Self::SampledLru | Self::SampledLfu | Self::SampledRandom => {
                let policy = self.policy().expect("a policy of redlet's");
                stores(policy, trace, capacity, settings)
            }
        }
    }
}

/// The mean of several stores of redlet's, which differ in what chance brings. Their limit is in bytes: what a first one shows to
/// be right for so many keys.
fn stores(policy: EvictionPolicy, trace: &Trace, capacity: usize, settings: Settings) -> Outcome {
    let play = |bytes, seed| {
        store::Store::new(policy, capacity, bytes, Settings { seed, ..settings }).play(trace, capacity)
    };
    let bytes = store::bytes_for(capacity, settings);
    let first = play(bytes, settings.seed);
    let bytes = (bytes as f64 * 100.0 / first.held) as usize;
    let outcomes: Vec<Outcome> =
        (0..settings.stores as u64).map(|at| play(bytes, settings.seed + at)).collect();
    let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    Outcome { hit_ratio: mean(|outcome| outcome.hit_ratio), held: mean(|outcome| outcome.held) }
}

/// So often in a run the keys that are in are counted.
const LOOKS: usize = 2000;

/// How a policy fared on a trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// In percent of the requests.
    pub hit_ratio: f64,
    /// The mean number of keys that were in, in percent of how many could be: as many as had been asked for, at most the capacity.
    pub held: f64,
}

/// What redlet's policies are set to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Keys that are looked at for a victim.
    pub samples: usize,
    /// Which random numbers, those of the first store.
    pub seed: u64,
    /// How many stores there are, each with other random numbers, of which the mean is taken.
    pub stores: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { samples: 5, seed: 1, stores: 1 };

    fn trace(requests: &[u64]) -> Trace {
        Trace::new("test", requests.iter().copied())
    }

    fn hits(contender: Contender, requests: &[u64], capacity: usize) -> usize {
        let ratio = contender.play(&trace(requests), capacity, SETTINGS).hit_ratio;
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
        let bound = Contender::Belady.play(&trace, 500, SETTINGS).hit_ratio;
        for contender in Contender::ALL {
            let ratio = contender.play(&trace, 500, SETTINGS).hit_ratio;
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
