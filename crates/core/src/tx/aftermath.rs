//! What a unit leaves to be done when its locks are gone.
use std::task::Waker;

use crate::engine::Engine;
use crate::reclaim::Removed;
use crate::removal::{Cause, Removal};
use crate::types::Value;

/// What was taken out of the keyspace, to be freed, what went by itself, to be told of, and who is to be woken.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    /// Dropping a large value takes long.
    pub(super) removed: Vec<Removed>,
    /// It is all freed before the unit ends, however long that takes.
    pub(super) frees_at_once: bool,
    went: Vec<Removal>,
    /// Who sleeps and has something to read now.
    pub(super) wakers: Vec<Waker>,
    /// Keys with something for those who wait, who need more shards than the unit could get.
    pub(super) to_be_served: Vec<(usize, Box<[u8]>)>,
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
            self.went.push(Removal { db, key: key.into(), cause });
        }
    }

    /// Does it. No lock may be held.
    #[inline]
    pub(super) fn carry_out(&mut self, engine: &Engine) {
        if !self.removed.is_empty() {
            self.free(engine);
        }
        self.wakers.drain(..).for_each(Waker::wake);
        for (db, key) in self.to_be_served.drain(..) {
            engine.serve_later(db, &key);
        }
        if !self.went.is_empty() {
            engine.announcer().announce(&mut self.went);
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
