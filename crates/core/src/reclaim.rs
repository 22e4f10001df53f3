//! What was taken out of the keyspace and is only to be freed: at once if that is quick, elsewhere if not.
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::keyspace::Database;
use crate::types::Value;

/// As in Redis, what has more parts than this is not freed while a caller waits (`LAZYFREE_THRESHOLD`).
const PARTS: usize = 64;
/// Nor is a string longer than this, whose memory the system has to take back page by page.
const STRING_BYTES: usize = 1 << 20;

/// Nor a database of few keys that hold as much as this.
const DATABASE_BYTES: usize = 64 << 10;

/// What a unit took out of the keyspace, kept only to be dropped later.
#[derive(Debug)]
pub(crate) enum Removed {
    Value(Value),
    Database(Box<Database>),
}

impl Removed {
    /// How many values it has.
    fn values(&self) -> usize {
        match self {
            Removed::Value(_) => 1,
            Removed::Database(database) => database.len(),
        }
    }

    fn is_big(&self) -> bool {
        match self {
            Removed::Value(Value::String(string)) => string.as_ref().len() > STRING_BYTES,
            Removed::Value(value) => value.as_ref().allocations() > PARTS,
            Removed::Database(database) => database.len() > PARTS || database.used_bytes() > DATABASE_BYTES,
        }
    }
}

/// Something big that nobody can reach any more. Dropping it frees its memory, which takes long: so it is handed to whoever has
/// time, by [`Engine::set_reclaimer`](crate::Engine::set_reclaimer).
pub struct Garbage {
    parts: Vec<Removed>,
    pending: Arc<AtomicUsize>,
}

impl fmt::Debug for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Garbage").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        let values = self.parts.iter().map(Removed::values).sum();
        self.parts.clear();
        self.pending.fetch_sub(values, Ordering::Relaxed);
    }
}

/// Takes garbage and drops it elsewhere.
pub type Reclaimer = Box<dyn Fn(Garbage) + Send + Sync>;

/// Who frees big things, and how many values that are.
#[derive(Default)]
pub(crate) struct Reclaim {
    reclaimer: OnceLock<Reclaimer>,
    pending: Arc<AtomicUsize>,
    /// Those that were handed on, and those of databases that were too small for it.
    handed_on: AtomicUsize,
}

impl fmt::Debug for Reclaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reclaim").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl Reclaim {
    /// Whether this is the first one.
    pub(crate) fn set(&self, reclaimer: Reclaimer) -> bool {
        self.reclaimer.set(reclaimer).is_ok()
    }

    /// Frees what is small and hands on what is big. No lock may be held.
    pub(crate) fn free(&self, removed: &mut Vec<Removed>) {
        let Some(reclaimer) = self.reclaimer.get() else { return removed.clear() };
        let parts: Vec<Removed> = removed.extract_if(.., |removed| removed.is_big()).collect();
        let values: usize = parts.iter().map(Removed::values).sum();
        let of_small_databases = removed
            .drain(..)
            .filter(|removed| matches!(removed, Removed::Database(_)))
            .map(|removed| removed.values());
        self.handed_on.fetch_add(values + of_small_databases.sum::<usize>(), Ordering::Relaxed);
        if !parts.is_empty() {
            self.pending.fetch_add(values, Ordering::Relaxed);
            reclaimer(Garbage { parts, pending: Arc::clone(&self.pending) });
        }
    }

    /// How many were handed on and are not freed yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// How many were handed on so far and are freed.
    pub(crate) fn freed(&self) -> usize {
        self.handed_on.load(Ordering::Relaxed).saturating_sub(self.pending())
    }

    /// Counts those from zero again that are freed from now on.
    pub(crate) fn reset_statistics(&self) {
        self.handed_on.store(self.pending(), Ordering::Relaxed);
    }
}

const _: () = {
    const fn check<T: Send>() {}
    check::<Garbage>();
};
