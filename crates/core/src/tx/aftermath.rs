//! What a unit leaves to be done when its locks are gone.
use std::task::Waker;

use crate::engine::Engine;
use crate::reclaim::Removed;
use crate::removal::{Cause, Removal};
use crate::types::Value;

/// What was taken out of the keyspace, to be freed, and whom to turn to.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    /// Dropping a large value takes long.
    pub(super) removed: Vec<Removed>,
    /// It is all freed before the unit ends, however long that takes.
    pub(super) frees_at_once: bool,
    /// Apart, because most units have none.
    calls: Option<Box<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    /// What went by itself, to be told of.
    went: Vec<Removal>,
    /// Who sleeps and has something to read now.
    wakers: Vec<Waker>,
    /// Keys with something for those who wait, who need more shards than the unit could get.
    to_be_served: Vec<(usize, Vec<u8>)>,
}

impl Aftermath {
    /// A key is gone with what it pointed to; with a cause, by itself.
    pub(super) fn add(
        &mut self,
        engine: &Engine,
        (db, key): (usize, &[u8]),
        pointed: Option<Value>,
        cause: Option<Cause>,
    ) {
        self.removed.extend(pointed.map(Removed::Value));
        if let Some(cause) = cause.filter(|_| engine.announcer().is_heard()) {
            self.calls().went.push(Removal { db, key: key.into(), cause });
        }
    }

    /// Adds those who are to be woken.
    pub(super) fn wake(&mut self, add: impl FnOnce(&mut Vec<Waker>)) {
        add(&mut self.calls().wakers);
    }

    /// Those who wait for a key are served by a unit of their own.
    pub(super) fn serve_later(&mut self, db: usize, key: Vec<u8>) {
        self.calls().to_be_served.push((db, key));
    }

    /// How many keys went by themselves so far.
    pub(super) fn mark(&self) -> usize {
        self.calls.as_ref().map_or(0, |calls| calls.went.len())
    }

    /// Those that went since then have not.
    pub(super) fn rewind(&mut self, to: usize) {
        if let Some(calls) = &mut self.calls {
            calls.went.truncate(to);
        }
    }

    fn calls(&mut self) -> &mut Calls {
        self.calls.get_or_insert_default()
    }

    /// Does it. No lock may be held.
    #[inline]
    pub(super) fn carry_out(&mut self, engine: &Engine) {
        if !self.removed.is_empty() {
            self.free(engine);
        }
        if let Some(calls) = self.calls.take() {
            calls.carry_out(engine);
        }
    }

    #[cold]
    fn free(&mut self, engine: &Engine) {
        if self.frees_at_once {
            self.removed.clear();
        } else {
            engine.reclaim().free(&mut self.removed);
        }
    }
}

impl Calls {
    #[cold]
    fn carry_out(mut self, engine: &Engine) {
        self.wakers.into_iter().for_each(Waker::wake);
        for (db, key) in self.to_be_served {
            engine.serve_later(db, &key);
        }
        if !self.went.is_empty() {
            engine.announcer().announce(&mut self.went);
        }
    }
}
