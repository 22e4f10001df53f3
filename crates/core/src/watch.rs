//! WATCH: whether keys have changed since somebody looked.
//!
//! A watch leaves a flag with the shards of its keys; whoever changes one of them raises it, under the shard's lock. Whether a unit
//! may run is decided under its own locks, so there is no gap between looking and running.
use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use crate::engine::Engine;
use crate::events::Classes;
use crate::keyspace::{Locks, Shard, WatchFlag};
use crate::tx::{Notes, Now, Tx, View};
use crate::{Error, Result};

/// Keys that are watched. It ends with [`Engine::unwatch`], which must be called: it is known to the shards of its keys.
#[derive(Debug, Default)]
pub struct Watch {
    flag: Arc<WatchFlag>,
    keys: Vec<Watched>,
    /// The length of all their names.
    name_bytes: usize,
}

#[derive(Debug)]
struct Watched {
    db: usize,
    key: Box<[u8]>,
    was_there: bool,
}

impl Watch {
    /// How many keys are watched.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many bytes it takes.
    pub(crate) const fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<Watched>() + self.name_bytes
    }

    /// What is raised when one of them changes.
    pub(crate) fn flag(&self) -> &Arc<WatchFlag> {
        &self.flag
    }

    /// The keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|watched| &*watched.key)
    }

    /// Whether a key has changed, or has expired since, as a unit sees it that has all of their shards locked.
    pub(crate) fn is_broken(&self, tx: &Tx<'_>) -> Result<bool> {
        if self.flag.is_raised() {
            return Ok(true);
        }
        for Watched { db, key, was_there } in &self.keys {
            if *was_there && !tx.view().in_database(*db).exists(key)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Engine {
    /// Watches keys of a database, besides those that are watched already.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn watch(&self, watch: &mut Watch, db: usize, keys: &[&[u8]]) -> Result<()> {
        self.watch_by(watch, (db, keys), |index| Ok(self.keyspace().write(index)))
    }

    /// The same, but no script that takes too long is waited for.
    ///
    /// # Errors
    /// If a script takes too long that has one of their shards. Those before it are watched.
    pub(crate) fn watch_at_once(&self, watch: &mut Watch, db: usize, keys: &[&[u8]]) -> Result<()> {
        self.watch_by(watch, (db, keys), |index| match self.keyspace().try_write(index) {
            Some(shard) => Ok(shard),
            None => self.scripts().running().check_idle().map(|()| self.keyspace().write(index)),
        })
    }

    fn watch_by<'e>(
        &'e self,
        watch: &mut Watch,
        (db, keys): (usize, &[&[u8]]),
        lock: impl Fn(usize) -> Result<RwLockWriteGuard<'e, Shard>>,
    ) -> Result<()> {
        for key in keys {
            if watch.keys.iter().any(|watched| watched.db == db && *watched.key == **key) {
                continue;
            }
            let index = self.shard_of(key);
            let mut locks = Locks::One(index, lock(index)?);
            let (now, notes) = (Now::new(self.clock()), Notes::new(Classes::NONE));
            let was_there = View::new(self, db, &locks, &now, None, &notes).exists(key)?;
            if let Some(shard) = locks.get_mut(index) {
                shard.callers_mut().watch(db, key, &watch.flag, was_there);
            }
            watch.keys.push(Watched { db, key: Box::from(*key), was_there });
            watch.name_bytes += key.len();
        }
        Ok(())
    }

    /// As [`Engine::transaction`] if no watched key has changed; `None`, and `body` was not called, if one has.
    ///
    /// # Errors
    /// As [`Engine::transaction`].
    pub fn transaction_if_unchanged<T, E: From<Error>>(
        &self,
        db: usize,
        keys: &[&[u8]],
        watch: &Watch,
        body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let all: Vec<&[u8]> = keys.iter().copied().chain(watch.keys()).collect();
        self.transaction(db, &all, |tx| if watch.is_broken(tx)? { Ok(None) } else { body(tx).map(Some) })
    }

    /// Ends a watch; it can begin anew.
    pub fn unwatch(&self, watch: &mut Watch) {
        self.unwatch_by(watch, |index| Some(self.keyspace().write(index)));
    }

    /// The same without waiting for anybody: what stays in the watch is still known to shards that somebody has.
    pub(crate) fn unwatch_at_once(&self, watch: &mut Watch) {
        self.unwatch_by(watch, |index| self.keyspace().try_write(index));
    }

    fn unwatch_by<'e>(
        &'e self,
        watch: &mut Watch,
        lock: impl Fn(usize) -> Option<RwLockWriteGuard<'e, Shard>>,
    ) {
        if watch.is_empty() {
            return;
        }
        watch.keys.retain(|Watched { db, key, .. }| {
            let Some(mut shard) = lock(self.shard_of(key)) else { return true };
            shard.callers_mut().unwatch(*db, key, &watch.flag);
            shard.tidy_callers();
            false
        });
        if watch.is_empty() {
            *watch = Watch::default();
        }
    }
}
