//! The only doors to a value.
//!
//! A command sees a [`View`] (reads) or a [`Tx`] (reads and writes). Neither hands out a `&mut Value`. Writes go through
//! doors that carry out the duties no command may forget: type check, expiry, create on first write, delete when
//! empty, record the effect. What is written twice in two commands belongs here.
mod collection;
mod record;
mod string;

use std::cell::Cell;
use std::fmt;

use smallvec::SmallVec;

pub use collection::{Built, HashMut, HashView, ListMut, SetMut, SetView, ZSetMut, ZSetView};
pub(crate) use record::Recorder;

use crate::effect::Effect;
use crate::engine::Engine;
use crate::keyspace::{Database, Entry, ReadLocks, Shard, WriteLocks, position};
use crate::types::{List, Str, TypeSettings, Value};
use crate::{Clock, Error, Random, Result, UnixMs};

/// The clock as one execution unit sees it: read at most once, and only if somebody asks.
#[derive(Debug)]
pub(crate) struct Now<'e> {
    clock: &'e dyn Clock,
    read: Cell<Option<UnixMs>>,
    /// The unit is replayed, long before every deadline.
    replaying: bool,
}

impl<'e> Now<'e> {
    pub(crate) fn new(clock: &'e dyn Clock) -> Self {
        Self { clock, read: Cell::new(None), replaying: false }
    }

    fn get(&self) -> UnixMs {
        self.read.get().unwrap_or_else(|| {
            let now = self.clock.now();
            self.read.set(Some(now));
            now
        })
    }

    /// Cheaper, and some milliseconds behind at most; the same as [`Now::get`] once that was asked.
    #[inline]
    fn recently(&self) -> UnixMs {
        self.read.get().filter(|_| !self.replaying).unwrap_or_else(|| self.clock.recently())
    }
}

/// The hash of the one key that a command declared. Recognised by its place in memory, which the command borrows for as
/// long as the unit runs, so the key's bytes are hashed only once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownHash {
    key: *const [u8],
    hash: u64,
}

impl KnownHash {
    pub(crate) fn new(key: &[u8], hash: u64) -> Self {
        Self { key, hash }
    }

    #[inline]
    fn of(self, key: &[u8]) -> Option<u64> {
        std::ptr::eq(self.key, key).then_some(self.hash)
    }
}

/// The shards that a unit has locked.
trait Locked {
    fn shard(&self, index: usize) -> Option<&Shard>;
    fn first(&self) -> Option<(usize, &Shard)>;
}

macro_rules! locked {
    ($locks:ident) => {
        impl Locked for $locks<'_> {
            fn shard(&self, index: usize) -> Option<&Shard> {
                position(self, index).map(|at| &*self[at].1)
            }

            fn first(&self) -> Option<(usize, &Shard)> {
                self.as_slice().first().map(|(index, shard)| (*index, &**shard))
            }
        }
    };
}

locked!(ReadLocks);
locked!(WriteLocks);

/// Most commands lock one shard, and find it without a call through a table of functions.
#[derive(Clone, Copy)]
enum Shards<'v> {
    One(usize, &'v Shard),
    Many(&'v dyn Locked),
}

impl<'v> Shards<'v> {
    #[inline]
    fn of<L: Locked>(locks: &'v L, count: usize) -> Self {
        match locks.first() {
            Some((index, shard)) if count == 1 => Shards::One(index, shard),
            _ => Shards::Many(locks),
        }
    }

    #[inline]
    fn get(self, wanted: usize) -> Result<&'v Shard> {
        match self {
            Shards::One(index, shard) => (index == wanted).then_some(shard),
            Shards::Many(locks) => locks.shard(wanted),
        }
        .ok_or(Error::UndeclaredKey)
    }
}

/// What a command that only reads is given.
#[derive(Clone, Copy)]
pub struct View<'v> {
    engine: &'v Engine,
    shards: Shards<'v>,
    now: &'v Now<'v>,
    known: Option<KnownHash>,
    db: usize,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("db", &self.db).finish_non_exhaustive()
    }
}

impl<'v> View<'v> {
    pub(crate) fn new(
        engine: &'v Engine,
        db: usize,
        locks: &'v ReadLocks<'_>,
        now: &'v Now<'v>,
        known: Option<KnownHash>,
    ) -> Self {
        Self { engine, shards: Shards::of(locks, locks.len()), now, known, db }
    }

    /// The time that the whole unit sees.
    pub fn now(&self) -> UnixMs {
        self.now.get()
    }

    /// The engine's source of chance.
    pub fn random(&self) -> &'v Random {
        self.engine.random()
    }

    pub(crate) fn engine(&self) -> &'v Engine {
        self.engine
    }

    /// The selected database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// The same view on another database.
    #[must_use]
    pub fn in_database(&self, db: usize) -> View<'v> {
        View { db, ..*self }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.known.and_then(|known| known.of(key)).unwrap_or_else(|| self.engine.keyspace().hash(key))
    }

    #[inline]
    fn shard(&self, index: usize) -> Result<&'v Shard> {
        self.shards.get(index)
    }

    /// The entry if it is alive, without noting that it was used.
    #[inline]
    pub(crate) fn peek(&self, key: &[u8]) -> Result<Option<&'v Entry>> {
        Ok(self.locate(key)?.1)
    }

    #[inline]
    fn locate(&self, key: &[u8]) -> Result<(&'v Shard, Option<&'v Entry>)> {
        let hash = self.hash(key);
        let shard = self.shard(self.engine.keyspace().index(hash))?;
        Ok((shard, shard.get(self.db, hash, key).filter(|entry| entry.is_alive(|| self.now.get()))))
    }

    #[inline]
    fn used(&self, key: &[u8]) -> Result<Option<(&'v Entry, &'v TypeSettings)>> {
        let (shard, entry) = self.locate(key)?;
        Ok(entry.map(|entry| {
            self.engine.tracking().touch(&entry.access, self.now.recently(), self.engine.random());
            (entry, &shard.settings)
        }))
    }

    /// Whether the key is there. Like `EXISTS`, this does not count as a use.
    pub fn exists(&self, key: &[u8]) -> Result<bool> {
        Ok(self.peek(key)?.is_some())
    }

    /// Notes that the key was used; false if it is not there.
    pub fn touch(&self, key: &[u8]) -> Result<bool> {
        Ok(self.used(key)?.is_some())
    }

    /// The deadline of a key that is there; `None` inside for one without.
    pub fn deadline(&self, key: &[u8]) -> Result<Option<Option<UnixMs>>> {
        Ok(self.peek(key)?.map(Entry::deadline))
    }

    /// The value of any type.
    pub fn value(&self, key: &[u8]) -> Result<Option<&'v Value>> {
        Ok(self.used(key)?.map(|(entry, _)| &entry.value))
    }

    /// The string at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    #[inline]
    pub fn string(&self, key: &[u8]) -> Result<Option<&'v Str>> {
        match self.used(key)?.map(|(entry, _)| &entry.value) {
            None => Ok(None),
            Some(Value::String(string)) => Ok(Some(string)),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The list at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn list(&self, key: &[u8]) -> Result<Option<&'v List>> {
        match self.used(key)?.map(|(entry, _)| &entry.value) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The hash at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn hash_at(&self, key: &[u8]) -> Result<Option<HashView<'v>>> {
        match self.used(key)?.map(|(entry, settings)| (&entry.value, settings)) {
            None => Ok(None),
            Some((Value::Hash(hash), settings)) => Ok(Some(HashView::new(hash, settings))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The set at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn set(&self, key: &[u8]) -> Result<Option<SetView<'v>>> {
        match self.used(key)?.map(|(entry, settings)| (&entry.value, settings)) {
            None => Ok(None),
            Some((Value::Set(set), settings)) => Ok(Some(SetView::new(set, settings))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The sorted set at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn zset(&self, key: &[u8]) -> Result<Option<ZSetView<'v>>> {
        match self.used(key)?.map(|(entry, settings)| (&entry.value, settings)) {
            None => Ok(None),
            Some((Value::ZSet(zset), settings)) => Ok(Some(ZSetView::new(zset, settings))),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// What the selected database has in one of the locked shards, expired entries included.
    pub(crate) fn database(&self, shard: usize) -> Result<Option<&'v Database>> {
        Ok(self.shard(shard)?.database(self.db))
    }

    /// The settings of the collections.
    pub(crate) fn settings(&self) -> Result<&'v TypeSettings> {
        match self.shards {
            Shards::One(_, shard) => Ok(&shard.settings),
            Shards::Many(locks) => {
                locks.first().map(|(_, shard)| &shard.settings).ok_or(Error::UndeclaredKey)
            }
        }
    }
}

/// What happens to a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// None from now on.
    Clear,
    /// It stays as it is.
    Keep,
    /// This one from now on. A deadline that is not in the future deletes the key.
    At(UnixMs),
}

/// What a command that writes is given: the locks of its keys, and the doors to their values.
///
/// When it is dropped, whatever was changed is appended to the journal as one unit, while the locks are still held: on
/// success, on error and in a panic alike, so that memory and log never differ.
#[derive(Debug)]
pub struct Tx<'e> {
    engine: &'e Engine,
    locks: WriteLocks<'e>,
    now: Now<'e>,
    known: Option<KnownHash>,
    db: usize,
    recorder: Recorder,
    /// Freed once the locks are gone: dropping a large value takes long.
    removed: SmallVec<[Removed; 1]>,
}

/// What a unit took out of the keyspace.
#[derive(Debug)]
pub(crate) enum Removed {
    Value(#[expect(dead_code, reason = "kept only to be dropped later")] Value),
    Database(#[expect(dead_code, reason = "kept only to be dropped later")] Database),
}

impl<'e> Tx<'e> {
    pub(crate) fn new(
        engine: &'e Engine,
        db: usize,
        locks: WriteLocks<'e>,
        known: Option<KnownHash>,
        recorder: Recorder,
    ) -> Self {
        let now = Now::new(engine.clock());
        Self { engine, locks, now, known, db, recorder, removed: SmallVec::new() }
    }

    /// The same unit at the beginning of time, when nothing has expired yet.
    pub(crate) fn replaying(mut self) -> Self {
        self.now.read.set(Some(UnixMs(i64::MIN)));
        self.now.replaying = true;
        self
    }

    /// Lets go of the locks and returns the unit's number in the journal, if it changed anything.
    pub(crate) fn finish(mut self) -> Option<u64> {
        self.release()
    }

    fn release(&mut self) -> Option<u64> {
        let unit = self.recorder.take().map(|effects| self.engine.append(&effects));
        let mut earlier = None;
        for (index, shard) in self.locks.drain(..) {
            let next = self.engine.keyspace().publish_next(index, &shard);
            earlier = [earlier, next].into_iter().flatten().min();
        }
        self.removed.clear();
        if let Some(at) = earlier {
            self.engine.due_at(at);
        }
        unit
    }

    /// The same values, to read.
    pub fn view(&self) -> View<'_> {
        View {
            engine: self.engine,
            shards: Shards::of(&self.locks, self.locks.len()),
            now: &self.now,
            known: self.known,
            db: self.db,
        }
    }

    /// The time that the whole unit sees.
    pub fn now(&self) -> UnixMs {
        self.now.get()
    }

    /// The engine's source of chance.
    pub fn random(&self) -> &'e Random {
        self.engine.random()
    }

    pub(crate) fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// The selected database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Runs `body` on another database, under the same locks.
    pub fn in_database<T>(&mut self, db: usize, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.db, db);
        let result = body(self);
        self.db = before;
        result
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.known.and_then(|known| known.of(key)).unwrap_or_else(|| self.engine.keyspace().hash(key))
    }

    #[inline]
    fn shard_at(&mut self, hash: u64) -> Result<&mut Shard> {
        let at = position(&self.locks, self.engine.keyspace().index(hash)).ok_or(Error::UndeclaredKey)?;
        Ok(&mut self.locks[at].1)
    }

    /// Finds the shard of a key; an entry that is expired is removed first, and its removal recorded.
    ///
    /// The record matters: replay expires nothing, so without it a later `HSET` would bring the old fields back.
    #[inline]
    fn prepare(&mut self, key: &[u8]) -> Result<(u64, bool)> {
        let (hash, db) = (self.hash(key), self.db);
        let at = position(&self.locks, self.engine.keyspace().index(hash)).ok_or(Error::UndeclaredKey)?;
        match self.locks[at].1.get(db, hash, key).map(|entry| entry.is_alive(|| self.now.get())) {
            None => Ok((hash, false)),
            Some(true) => Ok((hash, true)),
            Some(false) => {
                if let Some(entry) = self.locks[at].1.remove(db, hash, key) {
                    self.locks[at].1.expired_keys += 1;
                    self.removed.push(Removed::Value(entry.value));
                    self.recorder.record(db, Some(key), &Effect::Del);
                }
                Ok((hash, false))
            }
        }
    }

    /// Replaces the value of a key without recording it. Returns what the key held.
    fn store(&mut self, key: &[u8], value: Value, deadline: Deadline) -> Result<Option<UnixMs>> {
        let (hash, alive) = self.prepare(key)?;
        let (db, engine) = (self.db, self.engine);
        let recently = self.now.recently();
        let shard = self.shard_at(hash)?;
        let before = if alive { shard.get_mut(db, hash, key) } else { None };
        let old_deadline = before.as_ref().and_then(|entry| entry.deadline());
        let old_value = if let Some(entry) = before {
            engine.tracking().touch(&entry.access, recently, engine.random());
            Some(std::mem::replace(&mut entry.value, value))
        } else {
            let access = engine.tracking().first(recently);
            shard.insert(db, hash, Box::new(Entry::new(key, value, access)));
            None
        };
        let new_deadline = match deadline {
            Deadline::Clear => None,
            Deadline::Keep => old_deadline,
            Deadline::At(at) => Some(at),
        };
        if new_deadline != old_deadline {
            shard.set_deadline(db, hash, key, new_deadline);
        }
        if let Some(old) = old_value.filter(Value::is_large) {
            self.removed.push(Removed::Value(old));
        }
        Ok(new_deadline)
    }

    /// Puts a whole value at a key, in the place of what it held. An empty collection deletes the key.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn put(&mut self, key: &[u8], value: Value, deadline: Deadline) -> Result<()> {
        if value.is_empty_collection() {
            self.remove(key)?;
            return Ok(());
        }
        if let Deadline::At(at) = deadline
            && at < self.now()
        {
            self.remove(key)?;
            return Ok(());
        }
        let effects = self.recorder.is_on().then(|| value.clone());
        let expire_at = self.store(key, value, deadline)?;
        if let Some(value) = effects {
            self.recorder.record(self.db, Some(key), &Effect::Put { value: value.image(), expire_at });
        }
        Ok(())
    }

    /// Deletes a key; false if it was not there.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool> {
        Ok(self.take(key)?.map(|value| self.removed.push(Removed::Value(value))).is_some())
    }

    /// Deletes a key and returns its value.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn take(&mut self, key: &[u8]) -> Result<Option<Value>> {
        let (hash, alive) = self.prepare(key)?;
        let db = self.db;
        let entry = if alive { self.shard_at(hash)?.remove(db, hash, key) } else { None };
        Ok(entry.map(|entry| {
            self.recorder.record(db, Some(key), &Effect::Del);
            entry.value
        }))
    }

    /// Gives a key a deadline, or with `None` takes it away. A deadline that has passed deletes the key. False if
    /// the key is not there.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn set_deadline(&mut self, key: &[u8], at: Option<UnixMs>) -> Result<bool> {
        let (hash, alive) = self.prepare(key)?;
        if !alive {
            return Ok(false);
        }
        // EXPIRE's rule, unlike the one for reading: a deadline of this very millisecond is in the past.
        if at.is_some_and(|at| at <= self.now()) {
            return self.remove(key);
        }
        let db = self.db;
        self.shard_at(hash)?.set_deadline(db, hash, key, at);
        let effect = at.map_or(Effect::Persist, |at| Effect::ExpireAt { at });
        self.recorder.record(db, Some(key), &effect);
        Ok(true)
    }

    /// Moves a value and its deadline to another name, replacing what was there. False if there is no such key.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the shard of either key is not locked.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<bool> {
        if from == to {
            return self.view().exists(from);
        }
        if !self.relocate(from, self.db, to)? {
            return Ok(false);
        }
        let shard_of = |key: &[u8]| self.engine.keyspace().index(self.hash(key));
        if self.engine.is_copying() && shard_of(from) != shard_of(to) {
            self.recorder.record(self.db, Some(from), &Effect::Del);
            // Lent out, because the value that it takes down is behind the same locks.
            let mut recorder = std::mem::replace(&mut self.recorder, Recorder::new(false));
            if let Some(entry) = self.view().peek(to)? {
                let put = Effect::Put { value: entry.value.image(), expire_at: entry.deadline() };
                recorder.record(self.db, Some(to), &put);
            }
            self.recorder = recorder;
        } else {
            self.recorder.record(self.db, Some(from), &Effect::Rename { to: to.into() });
        }
        Ok(true)
    }

    /// Moves a value and its deadline to another database, replacing what was there. False if there is no such key.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn move_to(&mut self, key: &[u8], db: usize) -> Result<bool> {
        if !self.relocate(key, db, key)? {
            return Ok(false);
        }
        self.recorder.record(self.db, Some(key), &Effect::Move { db: db as u32 });
        Ok(true)
    }

    fn relocate(&mut self, from: &[u8], to_db: usize, to: &[u8]) -> Result<bool> {
        let to_hash = self.hash(to);
        self.shard_at(to_hash)?;
        let (hash, alive) = self.prepare(from)?;
        if !alive {
            return Ok(false);
        }
        let from_db = self.db;
        let Some(entry) = self.shard_at(hash)?.remove(from_db, hash, from) else { return Ok(false) };
        let (deadline, access) = (entry.deadline(), entry.access.get());
        let target = self.shard_at(to_hash)?;
        let replaced = target.remove(to_db, to_hash, to);
        target.insert(to_db, to_hash, Box::new(Entry::new(to, entry.value, access)));
        if deadline.is_some() {
            target.set_deadline(to_db, to_hash, to, deadline);
        }
        self.removed.extend(replaced.map(|entry| Removed::Value(entry.value)));
        Ok(true)
    }

    /// Deletes every key of the selected database. All shards must be locked.
    pub fn clear(&mut self) {
        let db = self.db;
        for (_, shard) in &mut self.locks {
            self.removed.extend(shard.clear(db).map(Removed::Database));
        }
        self.recorder.record(db, None, &Effect::Clear);
    }

    /// Deletes every key of every database. All shards must be locked.
    pub fn clear_all(&mut self) {
        for (_, shard) in &mut self.locks {
            for db in 0..shard.databases().len() {
                self.removed.extend(shard.clear(db).map(Removed::Database));
            }
        }
        self.recorder.record(0, None, &Effect::ClearAll);
    }

    /// Makes two databases change places. All shards must be locked.
    pub fn swap_databases(&mut self, first: usize, second: usize) {
        if first == second {
            return;
        }
        for (_, shard) in &mut self.locks {
            shard.swap(first, second);
        }
        self.recorder.record(0, None, &Effect::SwapDb { first: first as u32, second: second as u32 });
    }

    /// Changes the settings of the collections in every shard. All shards must be locked.
    pub(crate) fn change_settings(&mut self, change: impl Fn(&mut TypeSettings)) {
        for (_, shard) in &mut self.locks {
            change(&mut shard.settings);
        }
    }

    /// How many keys have expired in the locked shards so far.
    pub(crate) fn expired_keys(&self) -> u64 {
        let counted: u64 = self.locks.iter().map(|(_, shard)| shard.expired_keys).sum();
        counted.saturating_sub(self.engine.expired_before_reset())
    }

    /// Reclaims what has expired in the locked shards, as one unit; see [`Shard::expire`].
    pub(crate) fn expire(&mut self, budget: &mut usize) -> usize {
        let now = self.now();
        let mut count = 0;
        for (_, shard) in &mut self.locks {
            shard.expire(now, budget, |db, entry| {
                self.recorder.record(db, Some(&entry.key), &Effect::Del);
                self.removed.push(Removed::Value(entry.value));
                count += 1;
            });
        }
        count
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        self.release();
    }
}
