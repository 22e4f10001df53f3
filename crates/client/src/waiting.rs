//! Sleeping until something comes, or until it is too late.
use std::time::{Duration, Instant};

pub(crate) use redlet_core::parking::block_on;
use redlet_core::parking::block_on_while;

/// Runs a future in this thread, for so long at most; `None` if it was not ready by then.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a thread sleeps is the machine's time, whatever the store's clock says"
)]
pub(crate) fn block_on_for<F: Future>(future: F, at_most: Duration) -> Option<F::Output> {
    // A limit that no clock can count to is none.
    let Some(end) = Instant::now().checked_add(at_most) else { return Some(block_on(future)) };
    block_on_while(future, || {
        let left = end.saturating_duration_since(Instant::now());
        std::thread::park_timeout(left);
        !left.is_zero()
    })
}
