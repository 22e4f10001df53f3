//! What a test moves by hand: the time of a store, and futures.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use redlet::{ManualClock, Redis, UnixMs};

/// A store whose time stands still, and what moves it.
pub(crate) fn at_noon() -> (ManualClock, Redis) {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build().unwrap();
    (clock, redis)
}

/// A waker that counts.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that the test polls.
pub(crate) struct ByHand<F> {
    future: Pin<Box<F>>,
    woken: Arc<Counting>,
    before: usize,
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), woken: Arc::default(), before: 0 }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.before = self.woken.0.load(Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often it was woken since it was polled.
    pub(crate) fn times_woken(&self) -> usize {
        self.woken.0.load(Ordering::SeqCst) - self.before
    }
}
