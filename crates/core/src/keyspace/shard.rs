//! One locked slice of the keyspace: what every database has of it.
use super::Place;
use super::callers::Callers;
use super::database::{Database, EntryMut, Expired, Gone, Taken};
use super::entry::{Content, Entry};
use crate::UnixMs;
use crate::types::TypeSettings;

/// A slice of the keyspace. Everything in it changes under its one lock.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Grows to the highest database that was ever written to.
    databases: Vec<Database>,
    /// A copy of the engine's, so that a guard reads it without another lock.
    pub(crate) settings: TypeSettings,
    /// Those who want to know of its keys; in most stores nobody does.
    pub(crate) callers: Option<Box<Callers>>,
}

impl Shard {
    pub(crate) fn new(settings: TypeSettings) -> Self {
        Self { databases: Vec::new(), settings, callers: None }
    }

    /// Those who want to know of its keys, to be changed.
    pub(crate) fn callers_mut(&mut self) -> &mut Callers {
        self.callers.get_or_insert_default()
    }

    /// Forgets about callers when there is none.
    pub(crate) fn tidy_callers(&mut self) {
        self.callers.take_if(|callers| callers.is_empty());
    }

    pub(crate) fn database(&self, db: usize) -> Option<&Database> {
        self.databases.get(db)
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn get(&self, db: usize, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.databases.get(db)?.get(hash, key)
    }

    /// The entry of a key, and where it is until a key is added or taken out.
    #[inline]
    pub(crate) fn locate(&self, db: usize, hash: u64, key: &[u8]) -> Option<(Place, &Entry)> {
        self.databases.get(db)?.locate(hash, key)
    }

    /// The entry at a place.
    #[inline]
    pub(crate) fn at(&self, db: usize, place: Place) -> Option<&Entry> {
        self.databases.get(db)?.at(place)
    }

    /// The entry at a place, to change.
    #[inline]
    pub(crate) fn at_mut(&mut self, db: usize, place: Place) -> Option<EntryMut<'_>> {
        self.databases.get_mut(db)?.at_mut(place)
    }

    /// Asks for the memory of a key's entry, without waiting for it.
    #[inline]
    pub(crate) fn prefetch(&self, db: usize, hash: u64) {
        if let Some(database) = self.databases.get(db) {
            database.prefetch(hash);
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<EntryMut<'_>> {
        self.databases.get_mut(db)?.get_mut(hash, key)
    }

    #[inline]
    fn database_mut(&mut self, db: usize) -> &mut Database {
        self.database_and_settings(db).0
    }

    /// A database to write to, and the settings of its collections.
    #[inline]
    pub(crate) fn database_and_settings(&mut self, db: usize) -> (&mut Database, &TypeSettings) {
        if self.databases.len() <= db {
            self.databases.resize_with(db + 1, Database::default);
        }
        (&mut self.databases[db], &self.settings)
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, db: usize, hash: u64, key: &[u8], content: Content<'_>, access: u32) {
        let seed = self.settings.hash_seed.clone();
        self.database_mut(db).insert(&seed, hash, key, content, access);
    }

    /// Takes a key out, if it is there.
    pub(crate) fn remove(&mut self, db: usize, hash: u64, key: &[u8]) -> Option<Gone> {
        self.databases.get_mut(db)?.remove(hash, key)
    }

    /// The same for the key at a place.
    pub(crate) fn remove_at(&mut self, db: usize, place: Place) -> Option<Gone> {
        self.databases.get_mut(db)?.remove_at(place)
    }

    /// Takes the key at a place out with all that belongs to it.
    pub(crate) fn take_at(&mut self, db: usize, place: Place) -> Option<Taken> {
        self.databases.get_mut(db)?.take_at(place)
    }

    /// Adds a key that was taken out, here or elsewhere, and that is not there now.
    pub(crate) fn put_back(&mut self, db: usize, hash: u64, key: &[u8], taken: Taken) {
        self.insert(db, hash, key, Content::Value(taken.value), taken.access);
        if taken.deadline.is_some() {
            self.set_deadline(db, hash, key, taken.deadline);
        }
    }

    /// Sets or takes away the deadline of a key. False if it is not there.
    pub(crate) fn set_deadline(&mut self, db: usize, hash: u64, key: &[u8], at: Option<UnixMs>) -> bool {
        let Some((place, _)) = self.locate(db, hash, key) else { return false };
        self.set_deadline_at(db, hash, place, at)
    }

    /// The same for the key at a place, whose hash is `hash`.
    pub(crate) fn set_deadline_at(&mut self, db: usize, hash: u64, place: Place, at: Option<UnixMs>) -> bool {
        self.databases.get_mut(db).is_some_and(|database| database.set_deadline_at(hash, place, at))
    }

    /// When [`Shard::expire`] has work to do, at the earliest.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        self.databases.iter().filter_map(Database::next_at).min()
    }

    /// Takes out keys and elements whose deadline has passed, handing each with its database to `expired`; see [`Database::expire`].
    pub(crate) fn expire(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        mut expired: impl FnMut(usize, Expired<'_>),
    ) {
        for (db, database) in self.databases.iter_mut().enumerate() {
            database.expire(now, budget, &self.settings.hash_seed, |gone| expired(db, gone));
        }
    }

    /// The key that expires first, with its database and the moment from which it is dead.
    pub(crate) fn nearest(&mut self) -> Option<(UnixMs, usize, Box<[u8]>)> {
        let nearest = |(db, database): (usize, &mut Database)| {
            let (dead_from, key) = database.nearest()?;
            Some((dead_from, db, key))
        };
        self.databases.iter_mut().enumerate().filter_map(nearest).min_by_key(|(dead_from, ..)| *dead_from)
    }

    /// The entry whose key has this hash, with its database.
    pub(crate) fn find(&self, hash: u64) -> Option<(usize, &Database, &Entry)> {
        let seed = &self.settings.hash_seed;
        let find = |(db, database)| Some((db, database, Database::find(database, seed, hash)?));
        self.databases.iter().enumerate().find_map(find)
    }

    /// The database and the key with this hash.
    pub(crate) fn key_of(&self, hash: u64) -> Option<(usize, Box<[u8]>)> {
        self.find(hash).map(|(db, _, entry)| (db, entry.key().into()))
    }

    /// Empties a database and returns what was in it, to be dropped once the lock is gone.
    pub(crate) fn clear(&mut self, db: usize) -> Option<Database> {
        self.databases.get_mut(db).map(std::mem::take)
    }

    /// Puts a whole database in the place of another, and returns that.
    pub(crate) fn put_database(&mut self, db: usize, database: Database) -> Database {
        std::mem::replace(self.database_mut(db), database)
    }

    /// Makes two databases change places.
    pub(crate) fn swap(&mut self, first: usize, second: usize) {
        self.database_mut(first.max(second));
        self.databases.swap(first, second);
    }

    /// Whether the bytes that are counted are those that are there. It looks at everything.
    pub(crate) fn is_counted_right(&self) -> bool {
        self.databases.iter().all(|database| database.used_bytes() == database.recounted_bytes())
    }

    /// How many keys there are, expired ones included. O(number of databases).
    #[inline]
    pub(crate) fn keys(&self) -> usize {
        self.databases.iter().map(Database::len).sum()
    }

    /// What the shard's keys take, with all that belongs to them. O(number of databases).
    #[inline]
    pub(crate) fn used_bytes(&self) -> usize {
        self.databases.iter().map(Database::used_bytes).sum()
    }

    pub(crate) fn databases(&self) -> &[Database] {
        &self.databases
    }
}
