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

/// Gives a type whose `poll_arrival` finds what has arrived the ways to wait for it: an iterator, a stream, a limit of time.
macro_rules! arrivals {
    ($type:ident, $item:ty) => {
        impl $type {
            /// The next one if it is here already.
            pub fn try_next(&mut self) -> Option<$item> {
                match self.poll_arrival(std::task::Waker::noop()) {
                    std::task::Poll::Ready(item) => item,
                    std::task::Poll::Pending => None,
                }
            }

            /// The next one, if it comes in time. The calling thread sleeps meanwhile.
            pub fn next_within(&mut self, at_most: std::time::Duration) -> Option<$item> {
                let next = std::future::poll_fn(|context| self.poll_arrival(context.waker()));
                $crate::waiting::block_on_for(next, at_most).flatten()
            }
        }

        impl Iterator for $type {
            type Item = $item;

            /// The next one; the calling thread sleeps until it comes. `None` only once it was cut off.
            fn next(&mut self) -> Option<$item> {
                $crate::waiting::block_on(std::future::poll_fn(|context| self.poll_arrival(context.waker())))
            }
        }

        impl futures_core::Stream for $type {
            type Item = $item;

            fn poll_next(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<$item>> {
                self.poll_arrival(context.waker())
            }
        }
    };
}
pub(crate) use arrivals;
