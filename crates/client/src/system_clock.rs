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

    /// One load from the page that the kernel keeps up to date: a tenth of what `now` takes, and it is on the path of every
    /// read.
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "the standard library has no such clock")]
    #[allow(clippy::useless_conversion, reason = "on some systems it has 32 bits")]
    fn recent_seconds(&self) -> i64 {
        // SAFETY: without a place to write to, it only returns the time.
        i64::from(unsafe { libc::time(std::ptr::null_mut()) })
    }
}
