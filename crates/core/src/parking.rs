//! Futures in threads that may sleep: the blocking form of whatever waits is its asynchronous form, run here.
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future in this thread, which sleeps while there is nothing to do.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match block_on_while(future, || {
        thread::park();
        true
    }) {
        Some(output) => output,
        None => unreachable!("it is given up only when sleeping says so"),
    }
}

/// The same with another way to sleep, which says whether to go on; `None` if not.
pub fn block_on_while<F: Future>(future: F, mut sleep: impl FnMut() -> bool) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return Some(output),
            Poll::Pending if !sleep() => return None,
            Poll::Pending => {}
        }
    }
}
