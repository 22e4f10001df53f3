//! The machine's clock: the one place that asks the operating system for the time.
use std::time::{SystemTime, UNIX_EPOCH};

use redlet_core::{Clock, UnixMs};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.now_micros().div_euclid(1000))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now_micros(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        }
    }

    #[cfg(target_os = "linux")]
    fn recently(&self) -> UnixMs {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        UnixMs(time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000))
    }
}
