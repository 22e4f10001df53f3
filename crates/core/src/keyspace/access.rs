//! How the use of keys is tracked: by age, by frequency, or on a clock that counts accesses while `maxmemory` is set and
//! the policy asks for that.
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use super::entry::Entry;
use crate::Random;
use crate::eviction::Policy;

/// As in Redis, ages have 24 bits: 194 days.
const AGE_MAX: u32 = (1 << 24) - 1;
/// By so many seconds, 12 days, a clock may be set back without making keys look old.
const SET_BACK_MAX: u32 = 1 << 20;

/// What an entry's access word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum AccessPolicy {
    /// When it was used, in seconds since 1970, modulo 2^24.
    Age,
    /// Minutes modulo 2^16, shifted left by 8, and a logarithmic counter.
    Frequency,
    /// When it was used, on the clock that counts accesses.
    Use,
    /// When it was changed, on that clock.
    Change,
    /// What [`Policy::Adaptive`] keeps.
    Adaptive,
}

/// A new key's counter, so that it is not evicted at once (`LFU_INIT_VAL` in Redis's `redis.conf` comments).
const INITIAL_COUNTER: u32 = 5;

/// What an access is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// How a key was used before it came here, as far as a caller tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PastUse {
    /// Not for so long.
    Idle(Duration),
    /// So often, on Redis's logarithmic scale.
    Frequency(u8),
}

/// Stamps accesses as the policy says.
#[derive(Debug)]
pub(crate) struct Tracking {
    policy: AtomicU8,
    /// The clock that counts accesses; see [`crate::eviction::AccessClock`].
    tick: AtomicU32,
    /// `lfu-log-factor`: how many hits it takes to saturate the counter.
    pub(crate) log_factor: AtomicU32,
    /// `lfu-decay-time` in minutes.
    pub(crate) decay_minutes: AtomicU32,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            policy: AtomicU8::new(AccessPolicy::Age as u8),
            tick: AtomicU32::new(0),
            log_factor: AtomicU32::new(10),
            decay_minutes: AtomicU32::new(1),
        }
    }
}

impl Tracking {
    #[inline]
    pub(crate) fn policy(&self) -> AccessPolicy {
        use AccessPolicy::{Adaptive, Age, Change, Frequency, Use};
        const POLICIES: [AccessPolicy; 5] = [Age, Frequency, Use, Change, Adaptive];
        POLICIES[usize::from(self.policy.load(Ordering::Relaxed)) % POLICIES.len()]
    }

    pub(crate) fn set_policy(&self, policy: AccessPolicy) {
        self.policy.store(policy as u8, Ordering::Relaxed);
    }

    /// The moment on the clock that counts accesses.
    pub(crate) fn tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    pub(crate) fn set_tick(&self, tick: u32) {
        self.tick.store(tick, Ordering::Relaxed);
    }

    /// The access word of a key that is new now; `None` if that is the evictor's to say.
    #[inline]
    pub(crate) fn first(&self, seconds: i64) -> Option<u32> {
        match self.policy() {
            AccessPolicy::Age => Some(seconds as u32),
            AccessPolicy::Frequency => Some(pack(seconds, INITIAL_COUNTER)),
            AccessPolicy::Use | AccessPolicy::Change | AccessPolicy::Adaptive => None,
        }
    }

    /// Notes that an entry was used now.
    #[inline]
    pub(crate) fn touch(&self, entry: &Entry, access: Access, seconds: i64, random: &Random) {
        match self.policy() {
            AccessPolicy::Age => entry.stamp(seconds as u32),
            AccessPolicy::Frequency => entry.stamp(self.one_more_use(entry.access(), seconds, random)),
            AccessPolicy::Use => entry.stamp(self.tick()),
            AccessPolicy::Change if access == Access::Read => {}
            AccessPolicy::Change => entry.stamp(self.tick()),
            AccessPolicy::Adaptive => {
                entry.stamp(Policy::Adaptive.touched(entry.access(), self.tick()));
            }
        }
    }

    /// Redis's logarithmic counter: the higher it is, the less likely it is to grow (`LFULogIncr` in its documentation of
    /// LFU eviction: probability 1 / (base * factor + 1)).
    #[inline]
    fn one_more_use(&self, word: u32, seconds: i64, random: &Random) -> u32 {
        let counter = self.frequency(word, seconds);
        let base = u64::from(counter.saturating_sub(INITIAL_COUNTER));
        // One in so many. Multiplied, not divided: every read does this.
        let odds = base * u64::from(self.log_factor.load(Ordering::Relaxed)) + 1;
        let grows =
            counter < 255 && (odds == 1 || (random.next_rough() >> 32).saturating_mul(odds) < 1 << 32);
        pack(seconds, counter + u32::from(grows))
    }

    /// The counter after losing one for every `lfu-decay-time` minutes without use.
    #[inline]
    pub(crate) fn frequency(&self, word: u32, seconds: i64) -> u32 {
        let idle = minutes(seconds).wrapping_sub(word >> 8) & 0xffff;
        if idle == 0 {
            // No division for what was used just now, as most of what is read was.
            return word & 0xff;
        }
        let decay = self.decay_minutes.load(Ordering::Relaxed);
        (word & 0xff).saturating_sub(idle.checked_div(decay).unwrap_or(0))
    }

    /// The word of a key that has this counter now.
    pub(crate) fn with_frequency(counter: u8, seconds: i64) -> u32 {
        pack(seconds, counter.into())
    }

    /// The word of a key that was not used for so long, or as long as a word can say.
    pub(crate) fn with_idle(idle: Duration, seconds: i64) -> u32 {
        let idle = idle.as_secs().min(u64::from(AGE_MAX - SET_BACK_MAX));
        (seconds as u32).wrapping_sub(idle as u32)
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
