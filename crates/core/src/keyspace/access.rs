//! How the use of keys is tracked: by age for the LRU policies, by frequency for the LFU ones.
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::entry::Entry;
use crate::Random;

/// As in Redis, ages have 24 bits: 194 days.
const AGE_MAX: u32 = (1 << 24) - 1;
/// By so many seconds, 12 days, a clock may be set back without making keys look old.
const SET_BACK_MAX: u32 = 1 << 20;

/// Which of the two an entry's access word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessPolicy {
    /// Seconds since 1970, modulo 2^24.
    Age,
    /// Minutes modulo 2^16, shifted left by 8, and a logarithmic counter.
    Frequency,
}

/// A new key's counter, so that it is not evicted at once (`LFU_INIT_VAL` in Redis's `redis.conf` comments).
const INITIAL_COUNTER: u32 = 5;

/// Stamps accesses as the policy says.
#[derive(Debug)]
pub(crate) struct Tracking {
    by_frequency: AtomicBool,
    /// `lfu-log-factor`: how many hits it takes to saturate the counter.
    pub(crate) log_factor: AtomicU32,
    /// `lfu-decay-time` in minutes.
    pub(crate) decay_minutes: AtomicU32,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            by_frequency: AtomicBool::new(false),
            log_factor: AtomicU32::new(10),
            decay_minutes: AtomicU32::new(1),
        }
    }
}

impl Tracking {
    pub(crate) fn policy(&self) -> AccessPolicy {
        if self.by_frequency.load(Ordering::Relaxed) { AccessPolicy::Frequency } else { AccessPolicy::Age }
    }

    pub(crate) fn set_policy(&self, policy: AccessPolicy) {
        self.by_frequency.store(policy == AccessPolicy::Frequency, Ordering::Relaxed);
    }

    /// The access word of a key that is new now.
    #[inline]
    pub(crate) fn first(&self, seconds: i64) -> u32 {
        match self.policy() {
            AccessPolicy::Age => seconds as u32,
            AccessPolicy::Frequency => pack(seconds, INITIAL_COUNTER),
        }
    }

    /// Notes that an entry was used now.
    #[inline]
    pub(crate) fn touch(&self, entry: &Entry, seconds: i64, random: &Random) {
        match self.policy() {
            AccessPolicy::Age => entry.stamp(seconds as u32),
            AccessPolicy::Frequency => entry.stamp(self.one_more_use(entry.access(), seconds, random)),
        }
    }

    /// Redis's logarithmic counter: the higher it is, the less likely it is to grow (`LFULogIncr` in its documentation of
    /// LFU eviction: probability 1 / (base * factor + 1)).
    fn one_more_use(&self, word: u32, seconds: i64, random: &Random) -> u32 {
        let counter = self.frequency(word, seconds);
        let base = f64::from(counter.saturating_sub(INITIAL_COUNTER));
        let chance = 1.0 / (base * f64::from(self.log_factor.load(Ordering::Relaxed)) + 1.0);
        let grows = counter < 255 && (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 <= chance;
        pack(seconds, counter + u32::from(grows))
    }

    /// The counter after losing one for every `lfu-decay-time` minutes without use.
    pub(crate) fn frequency(&self, word: u32, seconds: i64) -> u32 {
        let idle = minutes(seconds).wrapping_sub(word >> 8) & 0xffff;
        let decay = self.decay_minutes.load(Ordering::Relaxed);
        (word & 0xff).saturating_sub(idle.checked_div(decay).unwrap_or(0))
    }

    /// For how many seconds a key was not used.
    pub(crate) fn idle_seconds(word: u32, seconds: i64) -> u32 {
        let idle = (seconds as u32).wrapping_sub(word) & AGE_MAX;
        // A clock that was set back has not used the key in the future.
        if idle > AGE_MAX - SET_BACK_MAX { 0 } else { idle }
    }
}

fn minutes(seconds: i64) -> u32 {
    (seconds / 60) as u32 & 0xffff
}

fn pack(seconds: i64, counter: u32) -> u32 {
    minutes(seconds) << 8 | counter
}
