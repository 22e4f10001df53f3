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

/// `cargo xtask nightly` runs these: `RUSTFLAGS="--cfg loom" cargo test -p redlet-core --lib slot::`.
#[cfg(all(test, loom))]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use loom::future::block_on;
    use loom::sync::Arc;
    use loom::thread::{self, JoinHandle};

    use super::*;

    /// Somebody with something for the caller. Gives back what the caller did not want.
    fn server(slot: &Arc<Slot<u8>>, element: u8) -> JoinHandle<Option<u8>> {
        let slot = Arc::clone(slot);
        thread::spawn(move || {
            let mut offered = Some(element);
            match slot.serve(|| offered.take()) {
                Turn::Served(waker) => waker.into_iter().for_each(Waker::wake),
                Turn::Unserved => unreachable!("there was something"),
                Turn::Gone => {}
            }
            offered
        })
    }

    /// Sleeps until there is an answer: loom tells of a wake-up that is lost, because then nobody can go on.
    fn wait(slot: &Slot<u8>) -> u8 {
        block_on(poll_fn(|context| slot.poll(context.waker()).map_or(Poll::Pending, Poll::Ready)))
    }

    #[test]
    fn one_of_two_servers_hands_over_and_the_other_keeps_what_it_has() {
        loom::model(|| {
            let slot = Arc::new(Slot::new());
            let servers = [server(&slot, 1), server(&slot, 2)];
            let taken = wait(&slot);
            let mut all: Vec<u8> = servers.into_iter().filter_map(|server| server.join().unwrap()).collect();
            all.push(taken);
            all.sort_unstable();
            assert_eq!(all, [1, 2]);
            assert!(!slot.is_waiting());
        });
    }

    #[test]
    fn a_wait_that_ends_by_the_clock_was_served_or_was_not() {
        const TIMEOUT: u8 = 0;
        loom::model(|| {
            let slot = Arc::new(Slot::new());
            let servers = [server(&slot, 1), server(&slot, TIMEOUT)];
            let taken = wait(&slot);
            let [kept, unheard] = servers.map(|server| server.join().unwrap());
            assert_eq!(
                (kept, unheard),
                if taken == TIMEOUT { (Some(1), None) } else { (None, Some(TIMEOUT)) }
            );
        });
    }

    #[test]
    fn what_a_caller_was_handed_who_went_away_is_handed_back() {
        loom::model(|| {
            let slot = Arc::new(Slot::new());
            let servers = [server(&slot, 1), server(&slot, 2)];
            let taken = slot.poll(Waker::noop());
            let handed_back = slot.abandon();
            assert!(taken.is_none() || handed_back.is_none());
            let kept = servers.into_iter().filter_map(|server| server.join().unwrap());
            let mut all: Vec<u8> = kept.chain(taken).chain(handed_back).collect();
            all.sort_unstable();
            assert_eq!(all, [1, 2]);
        });
    }
}
