//! One locked slice of the keyspace: what every database has of it, and what INFO counts there.
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

use super::database::{Database, EntryMut, Taken};
use super::entry::{Content, Entry};
use crate::UnixMs;
use crate::types::{TypeSettings, Value};

/// A slice of the keyspace. Everything in it changes under its one lock.
///
/// In the order of use: what every lookup touches lies beside the lock.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard {
    counters: Counters,
    /// Grows to the highest database that was ever written to.
    databases: Vec<Database>,
    /// A copy of the engine's, so that a guard reads it without another lock.
    pub(crate) settings: TypeSettings,
}

/// Written by readers too, under a read lock, a load and a store each: two that meet in the same shard may count as one,
/// which is cheaper by far than a number that all of them fight for.
#[derive(Debug, Default)]
struct Counters {
    commands: AtomicU64,
    expired_keys: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// What INFO reports of what happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Commands that were units of their own and locked this shard first.
    pub(crate) commands: u64,
    pub(crate) expired_keys: u64,
    /// Lookups that found their key.
    pub(crate) hits: u64,
    /// Lookups that did not.
    pub(crate) misses: u64,
}

impl Add for Statistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            commands: self.commands + other.commands,
            expired_keys: self.expired_keys + other.expired_keys,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
        }
    }
}

impl Shard {
    pub(crate) fn new(settings: TypeSettings) -> Self {
        Self { databases: Vec::new(), settings, counters: Counters::default() }
    }

    pub(crate) fn database(&self, db: usize) -> Option<&Database> {
        self.databases.get(db)
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn get(&self, db: usize, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.databases.get(db)?.get(hash, key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<EntryMut<'_>> {
        self.databases.get_mut(db)?.get_mut(hash, key)
    }

    fn database_mut(&mut self, db: usize) -> &mut Database {
        if self.databases.len() <= db {
            self.databases.resize_with(db + 1, Database::default);
        }
        &mut self.databases[db]
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, db: usize, hash: u64, key: &[u8], content: Content<'_>, access: u32) {
        let seed = self.settings.hash_seed.clone();
        self.database_mut(db).insert(&seed, hash, key, content, access);
    }

    /// Takes a key out. Nothing if it is not there; otherwise what it pointed to, to be dropped when no lock is held.
    pub(crate) fn remove(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<Option<Value>> {
        self.databases.get_mut(db)?.remove(hash, key)
    }

    /// Takes a key out with all that belongs to it.
    pub(crate) fn take(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<Taken> {
        self.databases.get_mut(db)?.take(hash, key)
    }

    /// Sets or takes away the deadline of a key. False if it is not there.
    pub(crate) fn set_deadline(&mut self, db: usize, hash: u64, key: &[u8], at: Option<UnixMs>) -> bool {
        self.databases.get_mut(db).is_some_and(|database| database.set_deadline(hash, key, at))
    }

    /// When [`Shard::expire`] has work to do, at the earliest.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        self.databases.iter().filter_map(Database::next_at).min()
    }

    /// Takes out keys whose deadline has passed, handing each with its database and what it pointed to to `expired`. Spends
    /// `budget`, one for each timer looked at.
    pub(crate) fn expire(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        mut expired: impl FnMut(usize, &[u8], Option<Value>),
    ) {
        let counters = &self.counters;
        for (db, database) in self.databases.iter_mut().enumerate() {
            database.expire(now, budget, |key, value| {
                count(&counters.expired_keys);
                expired(db, key, value);
            });
        }
    }

    /// Empties a database and returns what was in it, to be dropped once the lock is gone.
    pub(crate) fn clear(&mut self, db: usize) -> Option<Database> {
        self.databases.get_mut(db).map(std::mem::take)
    }

    /// Makes two databases change places.
    pub(crate) fn swap(&mut self, first: usize, second: usize) {
        self.database_mut(first.max(second));
        self.databases.swap(first, second);
    }

    /// Whether what is counted is what is there. It looks at everything, so it is asked often only while there is little.
    pub(crate) fn is_counted_right(&self) -> bool {
        const LITTLE: usize = 4096;
        const SELDOM: u64 = 4096;
        let is_asked =
            self.used_bytes() < LITTLE || self.counters.commands.load(Ordering::Relaxed) % SELDOM == 0;
        !is_asked || self.databases.iter().all(|database| database.used_bytes() == database.recounted_bytes())
    }

    /// What the shard's keys take, with all that belongs to them. O(number of databases).
    #[inline]
    pub(crate) fn used_bytes(&self) -> usize {
        self.databases.iter().map(Database::used_bytes).sum()
    }

    #[inline]
    pub(crate) fn count_lookup(&self, hit: bool) {
        count(if hit { &self.counters.hits } else { &self.counters.misses });
    }

    #[inline]
    pub(crate) fn count_command(&self) {
        count(&self.counters.commands);
    }

    pub(crate) fn count_expired(&self) {
        count(&self.counters.expired_keys);
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { commands, expired_keys, hits, misses } = &self.counters;
        let (commands, expired_keys) = (read(commands), read(expired_keys));
        Statistics { commands, expired_keys, hits: read(hits), misses: read(misses) }
    }

    pub(crate) fn reset_statistics(&mut self) {
        self.counters = Counters::default();
    }

    pub(crate) fn databases(&self) -> &[Database] {
        &self.databases
    }
}
