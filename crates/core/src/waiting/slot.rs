//! Where one waiting caller and those who might serve it meet.
//!
//! Whoever serves holds the slot while it looks for something to hand over, so a caller is served by one, once, and one that goes away
//! meanwhile waits until it is known whether it was served. Under `--cfg loom` every order of events is tried.
use std::task::Waker;

#[cfg(not(loom))]
use parking_lot::{Mutex, MutexGuard};

/// What became of an attempt to serve.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It was served; who is to be woken, once no lock is held.
    Served(Option<Waker>),
    /// There is nothing for it; it goes on waiting.
    Unserved,
    /// It does not wait any more.
    Gone,
}

#[derive(Debug)]
enum State<R> {
    Waiting(Option<Waker>),
    Served(R),
    /// The answer was taken, or nobody waits for it any more.
    Over,
}

/// The meeting place.
#[derive(Debug)]
pub(crate) struct Slot<R> {
    state: Mutex<State<R>>,
}

impl<R> Slot<R> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Waiting(None)) }
    }

    #[cfg(not(loom))]
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock()
    }

    /// Hands over what `attempt` finds, if the caller still waits.
    pub(crate) fn serve(&self, attempt: impl FnOnce() -> Option<R>) -> Turn {
        let mut state = self.lock();
        let State::Waiting(waker) = &mut *state else { return Turn::Gone };
        let Some(answer) = attempt() else { return Turn::Unserved };
        let waker = waker.take();
        *state = State::Served(answer);
        Turn::Served(waker)
    }

    /// Takes the answer, if there is one; otherwise `waker` is woken when there is.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<R> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Over) {
            State::Served(answer) => Some(answer),
            State::Waiting(_) => {
                *state = State::Waiting(Some(waker.clone()));
                None
            }
            State::Over => None,
        }
    }

    /// The caller goes away. Returns what it was served and did not take.
    pub(crate) fn abandon(&self) -> Option<R> {
        match std::mem::replace(&mut *self.lock(), State::Over) {
            State::Served(answer) => Some(answer),
            State::Waiting(_) | State::Over => None,
        }
    }

    /// Whether the caller still waits.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(*self.lock(), State::Waiting(_))
    }
}

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};

#[cfg(loom)]
impl<R> Slot<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("nobody panics under a slot's lock")
    }
}
