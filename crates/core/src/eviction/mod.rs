//! What goes when memory is full: policies that rank keys by a word of 24 bits which each entry carries.
//!
//! A read may change its entry's word and nothing else, so there are no lists to keep in order: a victim is the worst of a few
//! keys drawn at random, and the worst that were not taken wait in a pool for the next time, as in Redis. Time is the
//! number of accesses ([`AccessClock`]), so that a policy means the same in a store that is asked once a minute and in one
//! that is asked a million times a second.
//!
//! Knows hashes, words and bytes; knows nothing of keys, values, locks, deadlines or the machine's clock.
mod adaptive;
mod clock;
mod ghost;
mod pool;

pub use adaptive::Adaptive;
pub use clock::AccessClock;
use pool::Pool;

/// How many bits of an entry belong to the policy.
pub const WORD_BITS: u32 = 24;
const WORD_MASK: u32 = (1 << WORD_BITS) - 1;

/// By what keys are ranked. Which ones may go at all, the store decides by what it lets [`Residents`] find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The key that was used longest ago goes first.
    Lru,
    /// The key that was written longest ago goes first: the store stamps writes only.
    Lrm,
    /// The key that is used least often goes first: how often that is, the store keeps count of, and a candidate's word says.
    Lfu,
    /// Any key.
    Random,
    /// By use and by frequency, as much of each as the load rewards ([`Adaptive`]).
    Adaptive,
}

impl Policy {
    /// How many ticks ago an entry with this word was last used, as far as the word reaches; `None` if it does not say.
    #[must_use]
    pub const fn age(self, word: u32, now: u32) -> Option<u32> {
        match self {
            Self::Lru | Self::Lrm => Some(age(word, now)),
            Self::Adaptive => Some(adaptive::age(word, now)),
            Self::Lfu | Self::Random => None,
        }
    }

    /// The word of an entry that was last used at a tick, and is in all else as with this word.
    #[must_use]
    pub const fn used_at(self, word: u32, tick: u32) -> u32 {
        match self {
            Self::Lru | Self::Lrm => tick & WORD_MASK,
            Self::Adaptive => adaptive::used_at(word, tick),
            Self::Lfu | Self::Random => word,
        }
    }

    /// The word of an entry that was used now. Pure and quick, because every read calls it.
    #[inline]
    #[must_use]
    pub const fn touched(self, word: u32, now: u32) -> u32 {
        match self {
            Self::Lru | Self::Lrm => now & WORD_MASK,
            Self::Adaptive => adaptive::touched(word, now),
            Self::Lfu | Self::Random => word,
        }
    }
}

/// A key that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The hash of the key, all bits well mixed.
    pub hash: u64,
    /// What the policy keeps in the entry; how often it is used under [`Policy::Lfu`].
    pub word: u32,
    /// What would be free if it went.
    pub bytes: usize,
}

/// The keys that are in the store, as far as eviction may look at them.
pub trait Residents {
    /// One of them, each equally likely; `None` if there are none.
    fn sample(&mut self) -> Option<Candidate>;
    /// The one with this hash, if it is still there.
    fn find(&mut self, hash: u64) -> Option<Candidate>;
    /// Changes the word of the one with this hash; a use that comes between may be lost.
    fn mark(&mut self, hash: u64, word: u32);
}

/// Chooses victims for one store.
#[derive(Debug)]
pub struct Evictor {
    policy: Policy,
    samples: usize,
    clock: AccessClock,
    pool: Pool,
    adaptive: Adaptive,
}

impl Evictor {
    /// For a policy that looks at so many keys for a victim (`maxmemory-samples`).
    pub fn new(policy: Policy, samples: usize) -> Self {
        Self {
            policy,
            samples: samples.max(1),
            clock: AccessClock::default(),
            pool: Pool::default(),
            adaptive: Adaptive::default(),
        }
    }

    /// By what it ranks keys.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The moment to stamp uses with.
    pub fn now(&self) -> u32 {
        self.clock.now()
    }

    /// What it keeps takes so much.
    pub fn allocated_bytes(&self) -> usize {
        self.pool.allocated_bytes() + self.adaptive.allocated_bytes()
    }

    /// Moves the clock to so many accesses since the beginning, of a store that has so many keys now.
    pub fn observe(&mut self, accesses: u64, residents: usize) {
        self.clock.advance(accesses, residents);
        self.adaptive.resize(residents);
    }

    /// The word of a key that is new now; 0 where it is not this policy's.
    pub fn inserted(&mut self, hash: u64) -> u32 {
        let now = self.clock.now();
        match self.policy {
            Policy::Lru | Policy::Lrm => now & WORD_MASK,
            Policy::Lfu | Policy::Random => 0,
            Policy::Adaptive => self.adaptive.inserted(hash, now),
        }
    }

    /// The key that has to go now; `None` if there is none. The caller removes it.
    pub fn victim(&mut self, residents: &mut impl Residents) -> Option<Candidate> {
        let now = self.clock.now();
        let samples = self.samples;
        match self.policy {
            Policy::Random => residents.sample(),
            Policy::Lru | Policy::Lrm => {
                self.pool.take(residents, samples, |key| -i64::from(age(key.word, now)))
            }
            Policy::Lfu => self.pool.take(residents, samples, |key| i64::from(key.word)),
            Policy::Adaptive => self.adaptive.victim(&mut self.pool, residents, samples, now),
        }
    }
}

/// How long ago a stamp of [`WORD_BITS`] bits is.
const fn age(stamp: u32, now: u32) -> u32 {
    now.wrapping_sub(stamp) & WORD_MASK
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::Random;

    /// A store of keys that are their own hashes, driven as the engine drives an evictor.
    pub(super) struct Store {
        policy: Policy,
        pub(super) evictor: Evictor,
        pub(super) keys: Keys,
        accesses: u64,
    }

    pub(super) struct Keys {
        order: Vec<u64>,
        entries: HashMap<u64, (usize, Candidate)>,
        random: Random,
    }

    impl Residents for Keys {
        fn sample(&mut self) -> Option<Candidate> {
            let bound = self.order.len() as u64;
            (bound > 0).then(|| self.entries[&self.order[self.random.below(bound) as usize]].1)
        }

        fn find(&mut self, hash: u64) -> Option<Candidate> {
            self.entries.get(&hash).map(|entry| entry.1)
        }

        fn mark(&mut self, hash: u64, word: u32) {
            if let Some(entry) = self.entries.get_mut(&hash) {
                entry.1.word = word;
            }
        }
    }

    impl Keys {
        pub(super) fn remove(&mut self, hash: u64) {
            let (at, _) = self.entries.remove(&hash).expect("the key is there");
            self.order.swap_remove(at);
            if let Some(moved) = self.order.get(at) {
                self.entries.get_mut(moved).expect("what is in order is there").0 = at;
            }
        }
    }

    /// A well mixed hash for a small number.
    pub(super) fn hash(key: u64) -> u64 {
        Random::from_seed(key << 32).next_u64()
    }

    impl Store {
        pub(super) fn new(policy: Policy) -> Self {
            let keys = Keys { order: Vec::new(), entries: HashMap::new(), random: Random::from_seed(1) };
            Self { policy, evictor: Evictor::new(policy, 5), keys, accesses: 0 }
        }

        /// A get; whether the key was there.
        pub(super) fn get(&mut self, key: u64) -> bool {
            self.accesses += 1;
            let now = self.evictor.now();
            let Some(entry) = self.keys.entries.get_mut(&hash(key)) else { return false };
            entry.1.word = match self.policy {
                // The store's own count, here of every use.
                Policy::Lfu => entry.1.word + 1,
                policy => policy.touched(entry.1.word, now),
            };
            assert!(entry.1.word <= WORD_MASK, "an entry has no more bits for it");
            true
        }

        /// Puts in a key that is not there.
        pub(super) fn insert(&mut self, key: u64, bytes: usize) {
            self.evictor.observe(self.accesses, self.keys.order.len());
            let hash = hash(key);
            let word = self.evictor.inserted(hash);
            self.put(Candidate { hash, word, bytes });
        }

        pub(super) fn put(&mut self, key: Candidate) {
            self.keys.entries.insert(key.hash, (self.keys.order.len(), key));
            self.keys.order.push(key.hash);
        }

        pub(super) fn evict(&mut self) -> Option<Candidate> {
            let victim = self.evictor.victim(&mut self.keys)?;
            self.keys.remove(victim.hash);
            Some(victim)
        }

        /// A get, and a set after a miss, with room for so many keys.
        pub(super) fn request(&mut self, key: u64, room: usize) -> bool {
            let hit = self.get(key);
            if !hit {
                self.insert(key, 64);
                while self.keys.order.len() > room {
                    self.evict().expect("there are keys");
                }
            }
            hit
        }

        pub(super) fn request_all(&mut self, keys: impl IntoIterator<Item = u64>, room: usize) {
            for key in keys {
                self.request(key, room);
            }
        }

        pub(super) fn holds(&self, key: u64) -> bool {
            self.keys.entries.contains_key(&hash(key))
        }
    }

    const ALL: [Policy; 5] = [Policy::Lru, Policy::Lrm, Policy::Lfu, Policy::Random, Policy::Adaptive];

    #[test]
    fn every_policy_empties_a_store_and_then_finds_nothing() {
        for policy in ALL {
            let mut store = Store::new(policy);
            (0..300).for_each(|key| store.insert(key, 64));
            for left in (0..300).rev() {
                assert!(store.evict().is_some(), "{policy:?}");
                assert_eq!(store.keys.order.len(), left, "{policy:?}");
            }
            assert_eq!(store.evict(), None, "{policy:?}");
        }
    }

    #[test]
    fn words_that_another_policy_wrote_keep_no_key_from_going() {
        // Under LFU the words are the store's, which makes frequencies of them.
        for policy in ALL.into_iter().filter(|policy| *policy != Policy::Lfu) {
            let mut store = Store::new(policy);
            for key in 0..300 {
                let word = hash(key) as u32 & WORD_MASK;
                store.put(Candidate { hash: hash(key), word, bytes: 64 });
            }
            store.request_all(1000..40_000, 300);
            let left = (0..300).filter(|&key| store.holds(key)).count();
            assert!(left < 10, "{policy:?}: {left} of 300 are still there");
        }
    }

    #[test]
    fn keys_that_are_used_outlive_those_that_are_not() {
        for policy in [Policy::Lru, Policy::Lfu, Policy::Adaptive] {
            let mut store = Store::new(policy);
            store.request_all(0..200, 200);
            for fresh in 1000..3000 {
                store.request_all(0..20, 200);
                store.request(fresh, 200);
            }
            let hot = (0..20).filter(|&key| store.holds(key)).count();
            assert!(hot >= 19, "{policy:?} kept {hot} of 20");
        }
    }
}
