//! The queues of one shard: who waits for which key.
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Queued;
use crate::types::ValueRef;

/// Values of which type somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A list with an element.
    List,
    /// A sorted set with a member.
    SortedSet,
    /// A stream with further entries.
    Stream,
    /// A group of a stream. Whoever waits for entries of one is told when it is gone.
    Group,
}

impl Awaited {
    /// Whether what a key holds is of that type, or is to be told of.
    pub(crate) fn fits(self, value: Option<ValueRef<'_>>) -> bool {
        match self {
            Awaited::List => matches!(value, Some(ValueRef::List(_))),
            Awaited::SortedSet => matches!(value, Some(ValueRef::ZSet(_))),
            Awaited::Stream => matches!(value, Some(ValueRef::Stream(_))),
            Awaited::Group => true,
        }
    }
}

/// Who waits for the keys of a shard, for each in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    queues: HashMap<(usize, Box<[u8]>), VecDeque<Arc<dyn Queued>>, RandomState>,
    /// How many of them are to be told of a key that is gone.
    of_groups: usize,
}

impl Waiters {
    pub(crate) fn join(&mut self, db: usize, key: &[u8], waiter: Arc<dyn Queued>) {
        self.of_groups += usize::from(waiter.ticket().awaits == Awaited::Group);
        self.queues.entry((db, key.into())).or_default().push_back(waiter);
    }

    pub(crate) fn leave(&mut self, db: usize, key: &[u8], waiter: &dyn Queued) {
        let name = (db, Box::from(key));
        if let Some(queue) = self.queues.get_mut(&name) {
            let before = queue.len();
            queue.retain(|other| !std::ptr::addr_eq(Arc::as_ptr(other), waiter));
            if waiter.ticket().awaits == Awaited::Group {
                self.of_groups -= before - queue.len();
            }
            if queue.is_empty() {
                self.queues.remove(&name);
            }
        }
    }

    /// Those who wait for a key, in their order.
    pub(crate) fn of(&self, db: usize, key: &[u8]) -> impl Iterator<Item = &Arc<dyn Queued>> {
        self.queues.get(&(db, Box::from(key))).into_iter().flatten()
    }

    /// Who has the `place`-th turn at a key.
    pub(crate) fn get(&self, db: usize, key: &[u8], place: usize) -> Option<Arc<dyn Queued>> {
        self.queues.get(&(db, Box::from(key)))?.get(place).cloned()
    }

    /// Takes the `place`-th out of the queue of a key.
    pub(crate) fn remove(&mut self, db: usize, key: &[u8], place: usize) {
        let name = (db, Box::from(key));
        if let Some(queue) = self.queues.get_mut(&name) {
            let removed = queue.remove(place).map(|waiter| waiter.ticket().awaits);
            self.of_groups -= usize::from(removed == Some(Awaited::Group));
            if queue.is_empty() {
                self.queues.remove(&name);
            }
        }
    }

    pub(crate) fn is_awaited(&self, db: usize, key: &[u8]) -> bool {
        !self.queues.is_empty() && self.queues.contains_key(&(db, Box::from(key)))
    }

    /// Whether somebody is to be told of a key that is gone.
    pub(crate) const fn heeds_absence(&self) -> bool {
        self.of_groups > 0
    }

    /// All who wait, those who wait for several keys several times.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<dyn Queued>> {
        self.queues.values().flatten().cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn keys_in(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        self.queues.keys().filter(move |(other, _)| *other == db).map(|(_, key)| &**key)
    }

    /// For how many keys somebody waits.
    pub(crate) fn len(&self) -> usize {
        self.queues.len()
    }

    /// For how many of these somebody is to be told when they are gone.
    pub(crate) fn heeding_absence(&self) -> usize {
        let heeds = |waiter: &Arc<dyn Queued>| waiter.ticket().awaits == Awaited::Group;
        self.queues.values().filter(|queue| queue.iter().any(heeds)).count()
    }
}
