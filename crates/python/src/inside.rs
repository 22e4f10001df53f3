//! Who is inside the engine, so that a process is not forked in that moment.
//!
//! A child of a fork has its parent's memory as it was, with every lock that a thread held, and none of the threads. Python forks with the
//! interpreter's lock held, so nobody can enter meanwhile; those who are inside have only to come out.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::marker::Ungil;
use pyo3::prelude::*;

static INSIDE: AtomicUsize = AtomicUsize::new(0);

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Release);
    }
}

/// Does something in the engine without the interpreter's lock. Not for waiting: a fork waits for its end.
#[inline]
pub(crate) fn detached<T: Ungil + Send>(py: Python<'_>, body: impl FnOnce() -> T + Send + Ungil) -> T {
    // Before the lock is let go: whoever has it next sees it.
    INSIDE.fetch_add(1, Ordering::Acquire);
    let leave = Leave;
    py.detach(move || {
        let _leave = leave;
        body()
    })
}

/// A script may take for ever, and the fork must not.
const AT_MOST: Duration = Duration::from_secs(1);

/// Waits until nobody is inside; called before a fork, with the interpreter's lock held.
#[pyfunction]
#[expect(clippy::disallowed_methods, reason = "threads outside of the store's time are waited for")]
pub(crate) fn before_fork() {
    let until = Instant::now() + AT_MOST;
    while INSIDE.load(Ordering::Acquire) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// Nobody is inside of a process that has just begun.
pub(crate) fn forget_all() {
    INSIDE.store(0, Ordering::Release);
}
