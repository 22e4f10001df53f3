//! Time as the engine sees it: milliseconds since 1970, read from a clock that is passed in.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01 00:00 UTC. Redis's deadlines are signed, so ours are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The moment `duration` later, or the last one that can be written down.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How many milliseconds this is after `earlier`; none if it is not.
    pub fn milliseconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Where the engine reads the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now, to the millisecond.
    fn now(&self) -> UnixMs;

    /// The time now, to the microsecond, as `TIME` gives it.
    fn now_micros(&self) -> i64 {
        self.now().0.saturating_mul(1000)
    }

    /// Whole seconds since 1970, some milliseconds late at most: cheap enough to be read on every access, exact enough to
    /// say how long a key has been idle.
    fn recent_seconds(&self) -> i64 {
        self.now().seconds()
    }
}

/// A clock that moves only when told to, for tests and simulations. Clones share the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: UnixMs) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Moves the clock to `now`, forward or back.
    pub fn set(&self, now: UnixMs) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}
