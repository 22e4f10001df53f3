//! What goes when memory is full: policies that rank keys by a word of 24 bits which each entry carries.
//!
//! A read may change its entry's word and nothing else, so there are no lists to keep in order: a victim is the worst of a few
//! keys drawn at random, and the worst that were not taken wait in a pool for the next time, as in Redis. Time is the
//! number of accesses ([`AccessClock`]), so that a policy means the same in a store that is asked once a minute and in one
//! that is asked a million times a second.
//!
//! Knows hashes, words and bytes; knows nothing of keys, values, locks or the machine's clock.
mod adaptive;
mod clock;
mod counter;
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
    /// The key that is used least often goes first.
    Lfu,
    /// Any key.
    Random,
    /// The key that would expire first.
    Ttl,
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
            Self::Lfu | Self::Random | Self::Ttl => None,
        }
    }

    /// The word of an entry that was used now. Pure and quick, because every read calls it; `chance` is drawn from only by
    /// [`Policy::Lfu`].
    #[inline]
    #[must_use]
    pub fn touched(self, word: u32, now: u32, chance: impl FnOnce() -> u64) -> u32 {
        match self {
            Self::Lru | Self::Lrm => now & WORD_MASK,
            Self::Lfu => counter::touched(word, now, chance),
            Self::Adaptive => adaptive::touched(word, now),
            Self::Random | Self::Ttl => word,
        }
    }
}

/// A key that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The hash of the key, all bits well mixed.
    pub hash: u64,
    /// What the policy keeps in the entry.
    pub word: u32,
    /// What would be free if it went.
    pub bytes: usize,
    /// When it expires, in milliseconds since 1970, if ever.
    pub deadline: Option<u64>,
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

    /// The word of a key that is new now.
    pub fn inserted(&mut self, hash: u64) -> u32 {
        let now = self.clock.now();
        match self.policy {
            Policy::Lru | Policy::Lrm => now & WORD_MASK,
            Policy::Lfu => counter::first(now),
            Policy::Random | Policy::Ttl => 0,
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
            Policy::Lfu => {
                self.pool.take(residents, samples, |key| i64::from(counter::frequency(key.word, now)))
            }
            Policy::Ttl => self.pool.take(residents, samples, |key| {
                key.deadline.map_or(i64::MAX, |deadline| i64::try_from(deadline).unwrap_or(i64::MAX))
            }),
            Policy::Adaptive => self.adaptive.victim(&mut self.pool, residents, samples, now),
        }
    }
}

/// How long ago a stamp of [`WORD_BITS`] bits is.
const fn age(stamp: u32, now: u32) -> u32 {
    now.wrapping_sub(stamp) & WORD_MASK
}
