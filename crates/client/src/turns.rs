//! Who computes which value: one at a time for each key, and a queue of those who wait for it.
//!
//! Knows keys and values as bytes; nothing of stores, deadlines, or how a value is computed. No lock is held while somebody
//! computes, or while somebody is woken.
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use event_listener::{Event, EventListener};
use parking_lot::Mutex;
use redlet_core::Bytes;

use crate::{Error, Result};

/// A database and a key in it.
type Key = (usize, Arc<[u8]>);

/// The values that are being computed.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Key, Queue>>);

/// Those who want one value. It is there as long as somebody has a place in it and the value is not known.
#[derive(Debug)]
struct Queue {
    computation: Arc<Computation>,
    places: usize,
    /// Somebody computes.
    is_taken: bool,
}

/// What all places of a queue share.
#[derive(Debug)]
struct Computation {
    id: u64,
    /// The value is known: told to all. Or the turn is free: told to one.
    ended: Event,
    value: OnceLock<Bytes>,
}

impl Queue {
    fn new() -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let computation = Computation { id, ended: Event::new(), value: OnceLock::new() };
        Self { computation: Arc::new(computation), places: 0, is_taken: false }
    }
}

impl Turns {
    /// Takes a place, and with it the turn to compute unless somebody has that.
    pub(crate) fn enter(&self, db: usize, key: &[u8]) -> Place<'_> {
        let key: Key = (db, key.into());
        let mut queues = self.0.lock();
        let queue = queues.entry(key.clone()).or_insert_with(Queue::new);
        queue.places += 1;
        let has_turn = !std::mem::replace(&mut queue.is_taken, true);
        let computation = Arc::clone(&queue.computation);
        let ended = (!has_turn).then(|| computation.ended.listen());
        drop(queues);
        let needed_by = Needs::note(computation.id);
        Place { turns: self, key, computation, has_turn, ended, needed_by }
    }
}

/// A place among those who want one value. Leaving it hands the turn on, however that comes about: by an error, by a panic, by a
/// future that is dropped.
#[derive(Debug)]
#[must_use = "the turn is handed on when the place is left"]
pub(crate) struct Place<'t> {
    turns: &'t Turns,
    key: Key,
    computation: Arc<Computation>,
    has_turn: bool,
    ended: Option<EventListener>,
    /// The computation that this place was taken in.
    needed_by: Option<u64>,
}

impl Place<'_> {
    /// Whether it is this one's turn to compute.
    pub(crate) fn has_turn(&self) -> bool {
        self.has_turn
    }

    /// Waits for the value that somebody else computes, or for the turn to compute it.
    ///
    /// # Errors
    /// [`Error::Circular`] if the other waits, maybe by way of others, for the one who asks.
    pub(crate) async fn value_or_turn(&mut self) -> Result<Option<Bytes>> {
        if self.ended.is_some() && self.needed_by.is_some_and(|by| Needs::lead(self.computation.id, by)) {
            return Err(Error::Circular { key: String::from_utf8_lossy(&self.key.1).into_owned() });
        }
        while let Some(ended) = self.ended.take() {
            ended.await;
            let mut queues = self.turns.0.lock();
            // Under the lock under which it is set, because the queue is gone then.
            if let Some(value) = self.computation.value.get() {
                return Ok(Some(value.clone()));
            }
            let Some(queue) = queues.get_mut(&self.key).filter(|queue| self.is_of(queue)) else {
                unreachable!(
                    "a queue is there as long as somebody has a place in it and the value is not known"
                );
            };
            self.has_turn = !std::mem::replace(&mut queue.is_taken, true);
            self.ended = (!self.has_turn).then(|| self.computation.ended.listen());
        }
        Ok(None)
    }

    /// Runs a piece of the computation. What it asks for meanwhile is noted as needed for it.
    pub(crate) fn compute<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                COMPUTING.with_borrow_mut(Vec::pop);
            }
        }
        COMPUTING.with_borrow_mut(|computing| computing.push(self.computation.id));
        let _leave = Leave;
        body()
    }

    /// Gives the value to all who wait for it. Whoever comes later begins anew.
    pub(crate) fn settle(self, value: Bytes) {
        let mut queues = self.turns.0.lock();
        queues.remove(&self.key);
        self.computation.value.get_or_init(|| value);
        drop(queues);
        self.computation.ended.notify(usize::MAX);
    }

    fn is_of(&self, queue: &Queue) -> bool {
        Arc::ptr_eq(&self.computation, &queue.computation)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(by) = self.needed_by {
            Needs::forget(by, self.computation.id);
        }
        let mut queues = self.turns.0.lock();
        // Not there once the value is known; another one if somebody wants the next value by now.
        let Some(queue) = queues.get_mut(&self.key).filter(|queue| self.is_of(queue)) else { return };
        queue.places -= 1;
        if self.has_turn {
            queue.is_taken = false;
        }
        if queue.places == 0 {
            queues.remove(&self.key);
        } else if !queue.is_taken {
            drop(queues);
            self.computation.ended.notify(1);
        }
    }
}

thread_local! {
    /// The computations that this thread is in, the innermost last.
    static COMPUTING: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Which computation needs the values of which others: of all stores, because a circle may lead through several.
#[derive(Debug, Default)]
struct Needs(HashMap<u64, Vec<u64>, RandomState>);

static NEEDS: LazyLock<Mutex<Needs>> = LazyLock::new(Mutex::default);

impl Needs {
    /// Notes that the computation that this thread is in needs another, and says which one it is.
    fn note(needed: u64) -> Option<u64> {
        let by = COMPUTING.with_borrow(|computing| computing.last().copied())?;
        NEEDS.lock().0.entry(by).or_default().push(needed);
        Some(by)
    }

    fn forget(by: u64, needed: u64) {
        let mut needs = NEEDS.lock();
        let Some(all) = needs.0.get_mut(&by) else { return };
        if let Some(at) = all.iter().position(|other| *other == needed) {
            all.swap_remove(at);
        }
        if all.is_empty() {
            needs.0.remove(&by);
        }
    }

    /// Whether one computation needs another, directly or by way of others.
    fn lead(from: u64, to: u64) -> bool {
        let needs = NEEDS.lock();
        let (mut open, mut seen) = (vec![from], HashSet::new());
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.extend(needs.0.get(&next).into_iter().flatten());
            }
        }
        false
    }
}
