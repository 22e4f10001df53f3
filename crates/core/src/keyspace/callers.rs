//! Those who want to know what becomes of the keys of a shard: callers that watch them, and callers that wait for them.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use crate::waiting::Waiters;

/// Whether one of the keys that a caller watches has changed.
#[derive(Debug, Default)]
pub(crate) struct WatchFlag {
    is_raised: AtomicBool,
    is_by_key: AtomicBool,
}

impl WatchFlag {
    /// A key was changed.
    fn raise(&self) {
        self.is_by_key.store(true, Ordering::SeqCst);
        self.is_raised.store(true, Ordering::SeqCst);
    }

    /// All keys of its database are gone, or others.
    fn raise_by_database(&self) {
        self.is_raised.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::SeqCst)
    }

    /// Whether a key was changed by itself, whereupon Redis counts none as watched any more.
    pub(crate) fn is_raised_by_key(&self) -> bool {
        self.is_by_key.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Watcher {
    flag: Arc<WatchFlag>,
    /// Whether the key was there when the watch began. One that had expired by then and is removed later has not changed.
    was_there: bool,
}

/// What happened to a watched key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// A command changed it.
    Changed,
    /// It expired.
    Expired,
}

/// The callers of one shard.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    pub(crate) waiters: Waiters,
    watchers: HashMap<(usize, Box<[u8]>), Vec<Watcher>, RandomState>,
}

impl Callers {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty() && self.watchers.is_empty()
    }

    pub(crate) fn watch(&mut self, db: usize, key: &[u8], flag: &Arc<WatchFlag>, was_there: bool) {
        let watcher = Watcher { flag: Arc::clone(flag), was_there };
        self.watchers.entry((db, key.into())).or_default().push(watcher);
    }

    pub(crate) fn unwatch(&mut self, db: usize, key: &[u8], flag: &Arc<WatchFlag>) {
        let name = (db, Box::from(key));
        if let Some(watchers) = self.watchers.get_mut(&name) {
            watchers.retain(|watcher| !Arc::ptr_eq(&watcher.flag, flag));
            if watchers.is_empty() {
                self.watchers.remove(&name);
            }
        }
    }

    /// Tells those who watch a key.
    pub(crate) fn touch(&self, db: usize, key: &[u8], touch: Touch) {
        if self.watchers.is_empty() {
            return;
        }
        for watcher in self.watchers.get(&(db, Box::from(key))).into_iter().flatten() {
            if touch == Touch::Changed || watcher.was_there {
                watcher.flag.raise();
            }
        }
    }

    /// Tells those who watch keys of a database that was emptied or changed places with another: a key has changed if it was there or
    /// if `is_there` says that it is now.
    pub(crate) fn touch_all(&self, db: usize, is_there: impl Fn(&[u8]) -> bool) {
        for ((_, key), watchers) in self.watchers.iter().filter(|((other, _), _)| *other == db) {
            let is_there = is_there(key);
            let changed = watchers.iter().filter(|watcher| watcher.was_there || is_there);
            changed.for_each(|watcher| watcher.flag.raise_by_database());
        }
    }

    /// How many keys are watched, by callers of whose keys none has changed.
    pub(crate) fn watched(&self) -> usize {
        let is_watched = |watcher: &Watcher| !watcher.flag.is_raised_by_key();
        self.watchers.values().filter(|watchers| watchers.iter().any(is_watched)).count()
    }
}
