//! One locked slice of the keyspace: the entries of every database whose keys hash to it, and their timers.
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::Entry;
use super::wheel::{TimerId, Wheel};
use crate::UnixMs;
use crate::extendible::ExtendibleTable;
use crate::types::TypeSettings;

/// What a timer is about: enough to find the entry again without holding its key twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    db: u32,
    hash: u64,
}

/// The keys of one database that live in one shard.
#[derive(Debug, Default)]
pub(crate) struct Database {
    pub(crate) entries: ExtendibleTable<Entry>,
    /// How many of them have a deadline.
    pub(crate) with_deadline: usize,
}

/// A slice of the keyspace. Everything in it changes under its one lock.
///
/// In the order of use: what every lookup touches lies beside the lock.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard {
    counters: Counters,
    /// Grows to the highest database that was ever written to.
    databases: Vec<Database>,
    wheel: Wheel<Timed>,
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
        Self { databases: Vec::new(), wheel: Wheel::new(), settings, counters: Counters::default() }
    }

    pub(crate) fn database(&self, db: usize) -> Option<&Database> {
        self.databases.get(db)
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn get(&self, db: usize, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.databases.get(db)?.entries.get(hash, |entry| entry.is_of(key))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<&mut Entry> {
        self.databases.get_mut(db)?.entries.get_mut(hash, |entry| entry.is_of(key))
    }

    fn database_mut(&mut self, db: usize) -> &mut Database {
        if self.databases.len() <= db {
            self.databases.resize_with(db + 1, Database::default);
        }
        &mut self.databases[db]
    }

    /// Adds an entry that is not there yet.
    pub(crate) fn insert(&mut self, db: usize, hash: u64, entry: Entry) -> &mut Entry {
        debug_assert!(entry.timing().is_none(), "a deadline is set once it is in");
        let seed = self.settings.hash_seed.clone();
        self.database_mut(db).entries.insert_unique(hash, entry, |other| seed.hash(other.key()))
    }

    /// Takes an entry out, with its timer; its deadline stays readable on it.
    pub(crate) fn remove(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<Entry> {
        let database = self.databases.get_mut(db)?;
        let entry = database.entries.remove(hash, |entry| entry.is_of(key))?;
        if let Some((_, timer)) = entry.timing() {
            database.with_deadline -= 1;
            if let Some(timer) = timer {
                self.wheel.cancel(timer);
            }
        }
        Some(entry)
    }

    /// Sets or takes away the deadline of an entry. False if there is no such entry.
    pub(crate) fn set_deadline(&mut self, db: usize, hash: u64, key: &[u8], at: Option<UnixMs>) -> bool {
        let Some(database) = self.databases.get_mut(db) else { return false };
        let Some(entry) = database.entries.get_mut(hash, |entry| entry.is_of(key)) else {
            return false;
        };
        let before = entry.timing();
        database.with_deadline += usize::from(at.is_some());
        database.with_deadline -= usize::from(before.is_some());
        let timer = before.and_then(|(_, timer)| timer);
        let timing = at.map(|at| {
            let first_dead = UnixMs(at.0.saturating_add(1));
            // A timer that fires too early looks again and is set anew; only one that is too late must move.
            let in_time =
                |timer: &TimerId| self.wheel.fires_at(*timer).is_some_and(|fires| fires <= first_dead);
            let kept = timer.filter(in_time);
            (at, Some(kept.unwrap_or_else(|| self.wheel.schedule(first_dead, Timed { db: db as u32, hash }))))
        });
        if let Some(timer) = timer
            && timing.and_then(|(_, kept)| kept) != Some(timer)
        {
            self.wheel.cancel(timer);
        }
        entry.set_timing(timing);
        true
    }

    /// When [`Shard::expire`] has work to do, at the earliest.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        self.wheel.next_at()
    }

    /// Takes out entries whose deadline has passed, handing each with its database to `expired`. Spends `budget`, one for
    /// each timer looked at.
    pub(crate) fn expire(&mut self, now: UnixMs, budget: &mut usize, mut expired: impl FnMut(usize, Entry)) {
        let mut fired = Vec::new();
        self.wheel.advance(now, budget, |timer, _, timed| fired.push((timer, timed)));
        for (timer, Timed { db, hash }) in fired {
            let database = &mut self.databases[db as usize];
            let is_its = |entry: &Entry| entry.timer() == Some(timer);
            let Some(entry) = database.entries.get_mut(hash, |entry| is_its(entry)) else {
                debug_assert!(false, "a timer outlived its entry");
                continue;
            };
            if let Some(deadline) = entry.deadline().filter(|deadline| now <= *deadline) {
                let later = UnixMs(deadline.0.saturating_add(1));
                entry.set_timing(Some((deadline, Some(self.wheel.schedule(later, Timed { db, hash })))));
                continue;
            }
            if let Some(entry) = database.entries.remove(hash, is_its) {
                database.with_deadline -= 1;
                count(&self.counters.expired_keys);
                expired(db as usize, entry);
            }
        }
    }

    /// Empties a database and returns what was in it, to be dropped once the lock is gone.
    pub(crate) fn clear(&mut self, db: usize) -> Option<Database> {
        let database = std::mem::take(self.databases.get_mut(db)?);
        for entry in database.entries.iter() {
            if let Some(timer) = entry.timer() {
                self.wheel.cancel(timer);
            }
        }
        Some(database)
    }

    /// Makes two databases change places. Timers name their database, so theirs are set anew.
    pub(crate) fn swap(&mut self, first: usize, second: usize) {
        self.database_mut(first.max(second));
        self.databases.swap(first, second);
        let wheel = &mut self.wheel;
        for db in [first, second] {
            let seed = &self.settings.hash_seed;
            for entry in self.databases[db].entries.iter_mut() {
                let Some((deadline, Some(timer))) = entry.timing() else { continue };
                let at = wheel.fires_at(timer).unwrap_or(UnixMs(i64::MIN));
                wheel.cancel(timer);
                let timed = Timed { db: db as u32, hash: seed.hash(entry.key()) };
                entry.set_timing(Some((deadline, Some(wheel.schedule(at, timed)))));
            }
        }
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
