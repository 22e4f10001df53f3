//! The only doors to a value.
//!
//! A command sees a [`View`] (reads) or a [`Tx`] (reads and writes). Neither hands out a `&mut Value`. Writes go through
//! doors that carry out the duties no command may forget: type check, expiry, create on first write, delete when
//! empty, record the effect. What is written twice in two commands belongs here.
mod aftermath;
mod array;
mod collection;
mod notes;
mod record;
mod stream;
mod string;
mod undo;
#[cfg(feature = "vector-sets")]
mod vector_set;

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use aftermath::Aftermath;
pub use array::ArrayMut;
pub use collection::{
    Built, HashMut, HashView, ListMut, SetMut, SetView, TimedCollection, ZSetMut, ZSetView,
};
use collection::{Shown, of_type};
pub(crate) use notes::Notes;
pub(crate) use record::Recorder;
pub use stream::StreamMut;
pub use string::StringMut;
use undo::{Name, Replaced, Undo};
#[cfg(feature = "vector-sets")]
pub use vector_set::VectorSetMut;

use crate::cmd::hyperloglog::keep_estimate;
use crate::cmd::{Command, Flags, Prepared, Scope, Write};
use crate::effect::Effect;
use crate::engine::Engine;
use crate::events::{Class, Event, News};
use crate::keyspace::{
    Access, Content, Counters, Database, Entry, Expired, Gone, Locks, PastUse, Place, Shard, Statistics,
    Taken, Touch, WriteLocks,
};
use crate::maxmemory::word_of_past_use;
use crate::pubsub::Published;
use crate::reclaim::Removed;
use crate::removal::Cause;
use crate::script::{Libraries, LibraryChange};
use crate::session::Session;
use crate::types::{Collection, Hash, List, Set, StrRef, Type, TypeSettings, Value, ValueRef};
use crate::waiting::{Queued, Served, Waiters};
use crate::{Bytes, Clock, Error, Random, Result, UnixMs};

/// The clock as one execution unit sees it: read at most once, and only if somebody asks.
#[derive(Debug)]
pub(crate) struct Now<'e> {
    clock: &'e dyn Clock,
    read: Cell<Option<UnixMs>>,
    read_micros: Cell<Option<i64>>,
    /// The unit is replayed, long before every deadline.
    replaying: bool,
}

impl<'e> Now<'e> {
    pub(crate) fn new(clock: &'e dyn Clock) -> Self {
        Self { clock, read: Cell::new(None), read_micros: Cell::new(None), replaying: false }
    }

    fn get(&self) -> UnixMs {
        self.read.get().unwrap_or_else(|| {
            let now = self.clock.now();
            self.read.set(Some(now));
            now
        })
    }

    /// In microseconds, which are those of [`Now::get`] if that is asked afterwards.
    fn micros(&self) -> i64 {
        self.read_micros.get().unwrap_or_else(|| {
            let micros = self.clock.now_micros();
            self.read_micros.set(Some(micros));
            if self.read.get().is_none() {
                self.read.set(Some(UnixMs(micros.div_euclid(1000))));
            }
            micros
        })
    }

    /// From now on it is the beginning of time, when nothing has expired yet.
    fn stop_before_everything(&mut self) {
        self.read.set(Some(UnixMs(i64::MIN)));
        self.replaying = true;
    }

    /// In seconds, cheaper; the same as [`Now::get`] once that was asked.
    #[inline]
    fn recent_seconds(&self) -> i64 {
        let read = self.read.get().filter(|_| !self.replaying);
        read.map_or_else(|| self.clock.recent_seconds(), UnixMs::seconds)
    }
}

/// A key that a command declared, with its hash. Recognised by its place in memory, which the command borrows for as long as
/// the unit runs, so the key's bytes are hashed only once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashedKey {
    key: *const [u8],
    hash: u64,
}

impl HashedKey {
    #[inline]
    pub(crate) fn new(key: &[u8], hash: u64) -> Self {
        Self { key, hash }
    }

    #[inline]
    pub(crate) fn hash(self) -> u64 {
        self.hash
    }

    #[inline]
    fn of(self, key: &[u8]) -> Option<u64> {
        std::ptr::eq(self.key, key).then_some(self.hash)
    }
}

/// The hashes of the keys that a command declared.
#[derive(Debug)]
pub(crate) enum KnownHashes {
    One(HashedKey),
    /// In the order in which they were declared. Most commands ask for them in that order, beginning with the one that the cell
    /// says.
    Several(Vec<HashedKey>, Cell<usize>),
}

impl KnownHashes {
    pub(crate) fn several(keys: Vec<HashedKey>) -> Self {
        Self::Several(keys, Cell::new(0))
    }

    #[inline]
    fn of(&self, key: &[u8]) -> Option<u64> {
        match self {
            Self::One(known) => known.of(key),
            Self::Several(known, next) => {
                let at = next.get();
                let hash = known.get(at)?.of(key)?;
                next.set(if at + 1 == known.len() { 0 } else { at + 1 });
                Some(hash)
            }
        }
    }
}

/// The shards that a unit has locked, by whatever kind of lock.
trait Locked {
    fn shard(&self, index: usize) -> Option<&Shard>;
    fn first(&self) -> Option<(usize, &Shard)>;
}

impl<G: Deref<Target = Shard>> Locked for Locks<G> {
    fn shard(&self, index: usize) -> Option<&Shard> {
        self.get(index)
    }

    fn first(&self) -> Option<(usize, &Shard)> {
        Locks::first(self)
    }
}

/// Most commands lock one shard, and find it without a call through a table of functions.
#[derive(Clone, Copy)]
enum Shards<'v> {
    One(usize, &'v Shard),
    Many(&'v dyn Locked),
}

impl<'v> Shards<'v> {
    #[inline]
    fn of<G: Deref<Target = Shard>>(locks: &'v Locks<G>) -> Self {
        match locks {
            Locks::One(index, shard) => Shards::One(*index, shard),
            Locks::Many(_) => Shards::Many(locks),
        }
    }

    #[inline]
    fn get(self, wanted: usize) -> Result<&'v Shard> {
        let found = match self {
            Shards::One(index, shard) => (index == wanted).then_some(shard),
            Shards::Many(locks) => locks.shard(wanted),
        };
        // Not `ok_or`, which would make the error and drop it each time.
        let Some(shard) = found else { return Err(Error::UndeclaredKey) };
        Ok(shard)
    }
}

/// What a command that only reads is given.
#[derive(Clone, Copy)]
pub struct View<'v> {
    engine: &'v Engine,
    shards: Shards<'v>,
    now: &'v Now<'v>,
    known: Option<&'v KnownHashes>,
    notes: &'v Notes,
    db: usize,
    /// Whether lookups are counted as hits and misses, and misses are told of.
    counts: bool,
    /// Whether lookups count as uses of their keys.
    stamps: bool,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("db", &self.db).finish_non_exhaustive()
    }
}

impl<'v> View<'v> {
    #[inline]
    pub(crate) fn new<G: Deref<Target = Shard>>(
        engine: &'v Engine,
        db: usize,
        locks: &'v Locks<G>,
        now: &'v Now<'v>,
        known: Option<&'v KnownHashes>,
        notes: &'v Notes,
    ) -> Self {
        Self { engine, shards: Shards::of(locks), now, known, notes, db, counts: false, stamps: true }
    }

    /// The same view, whose lookups INFO counts: that of a read, and of what a write is asked to answer.
    #[must_use]
    #[inline]
    pub fn counting(self) -> Self {
        Self { counts: true, ..self }
    }

    /// The same view, whose lookups count as uses of their keys or do not.
    #[must_use]
    #[inline]
    pub(crate) fn stamping(self, stamps: bool) -> Self {
        Self { stamps, ..self }
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

    /// The same for who looks at how a value is kept: nobody is told that a key is not there.
    pub(crate) fn inspect(&self, key: &[u8]) -> Result<Option<&'v Entry>> {
        Ok(self.look_up(key)?.1)
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    fn locate(&self, key: &[u8]) -> Result<(&'v Shard, Option<&'v Entry>)> {
        let found = self.look_up(key)?;
        if found.1.is_none() && self.counts {
            self.notes.note(self.db, key, Class::KeyMiss, "keymiss");
        }
        Ok(found)
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    fn look_up(&self, key: &[u8]) -> Result<(&'v Shard, Option<&'v Entry>)> {
        let hash = self.hash(key);
        let index = self.engine.keyspace().index(hash);
        let shard = self.shard(index)?;
        let found = shard.get(self.db, hash, key).filter(|entry| self.finds(entry));
        if self.counts {
            let counted = self.engine.keyspace().counters(index).count_lookup(found.is_some());
            if counted.is_multiple_of(LOOKUPS_OBSERVED) {
                self.engine.maxmemory().observe(self.engine);
            }
        }
        Ok((shard, found))
    }

    /// Whether an entry that a command came by is there for it, and has not expired.
    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    pub(crate) fn finds(&self, entry: &Entry) -> bool {
        let is_alive = entry.is_alive(|| self.now.get());
        if !is_alive && self.counts {
            self.note_expired(entry.key());
        }
        is_alive
    }

    /// Where nobody reclaims what has expired, whoever comes by has it reclaimed.
    #[cold]
    fn note_expired(&self, key: &[u8]) {
        if self.engine.keeps_expired() {
            self.notes.append(News::Expired(self.db, Bytes::copy_from_slice(key)));
        }
    }

    /// The same for an element of a collection.
    #[cold]
    pub(crate) fn note_expired_element<T: TimedCollection>(
        &self,
        key: &[u8],
        collection: Shown<'_, T>,
        element: &[u8],
    ) {
        if self.counts && self.engine.keeps_expired() && collection.has_expired(element) {
            let (key, element) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(element));
            self.notes.append(News::ExpiredElement { db: self.db, key, of_type: T::TYPE, element });
        }
    }

    /// Whoever has made the estimate of a HyperLogLog has it kept there, which a view cannot do.
    pub(crate) fn note_estimated(&self, key: &[u8]) {
        self.notes.append(News::Estimated(self.db, Bytes::copy_from_slice(key)));
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    fn used(&self, key: &[u8]) -> Result<Option<(&'v Entry, &'v TypeSettings)>> {
        let (shard, entry) = self.locate(key)?;
        Ok(entry.map(|entry| {
            if self.stamps {
                let (seconds, random) = (self.now.recent_seconds(), self.engine.random());
                self.engine.tracking().touch(entry, Access::Read, seconds, random);
            }
            (entry, &shard.settings)
        }))
    }

    /// Whether the key is there. Like `EXISTS`, this does not count as a use.
    pub fn exists(&self, key: &[u8]) -> Result<bool> {
        Ok(self.peek(key)?.is_some())
    }

    /// Notes that the key was used, whatever else counts as a use; false if it is not there.
    pub fn touch(&self, key: &[u8]) -> Result<bool> {
        Ok(self.stamping(true).used(key)?.is_some())
    }

    /// The deadline of a key that is there; `None` inside for one without.
    pub fn deadline(&self, key: &[u8]) -> Result<Option<Option<UnixMs>>> {
        Ok(self.peek(key)?.map(Entry::deadline))
    }

    /// The value of any type.
    pub fn value(&self, key: &[u8]) -> Result<Option<ValueRef<'v>>> {
        Ok(self.used(key)?.map(|(entry, _)| entry.value()))
    }

    /// The string at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    pub fn string(&self, key: &[u8]) -> Result<Option<StrRef<'v>>> {
        match self.used(key)?.map(|(entry, _)| entry.value()) {
            None => Ok(None),
            Some(ValueRef::String(string)) => Ok(Some(string)),
            Some(_) => Err(Error::WrongType),
        }
    }

    /// The collection of a type at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub(crate) fn collection<T: Collection>(&self, key: &[u8]) -> Result<Option<Shown<'v, T>>> {
        let Some((entry, settings)) = self.used(key)? else { return Ok(None) };
        T::of(entry.value()).map(|value| Some(Shown::new(value, settings, self.now))).ok_or(Error::WrongType)
    }

    /// A collection that was found, to be read.
    pub(crate) fn shown<T: Collection>(&self, collection: &'v T) -> Result<Shown<'v, T>> {
        Ok(Shown::new(collection, self.settings()?, self.now))
    }

    /// The list at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn list(&self, key: &[u8]) -> Result<Option<&'v List>> {
        Ok(self.collection(key)?.map(Shown::inner))
    }

    /// The hash at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn hash_at(&self, key: &[u8]) -> Result<Option<HashView<'v>>> {
        self.collection(key)
    }

    /// The set at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn set(&self, key: &[u8]) -> Result<Option<SetView<'v>>> {
        self.collection(key)
    }

    /// The sorted set at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn zset(&self, key: &[u8]) -> Result<Option<ZSetView<'v>>> {
        self.collection(key)
    }

    /// What a key takes with all that belongs to it, in bytes.
    pub(crate) fn memory_usage(&self, key: &[u8]) -> Result<Option<usize>> {
        // Whoever looks at how a value is kept does not use it.
        let (shard, entry) = Self { counts: false, ..*self }.look_up(key)?;
        Ok(entry.and_then(|entry| Some(shard.database(self.db)?.bytes_of(entry))))
    }

    /// What the selected database has in one of the locked shards, expired entries included.
    pub(crate) fn database(&self, shard: usize) -> Result<Option<&'v Database>> {
        Ok(self.shard(shard)?.database(self.db))
    }

    /// How many keys are watched, for how many somebody waits, and for how many of these somebody is told when they are gone, in all
    /// shards, which are locked.
    pub(crate) fn watched_and_awaited(&self) -> Result<[usize; 3]> {
        (0..self.engine.keyspace().len()).try_fold([0; 3], |counts, shard| {
            let more = self.shard(shard)?.callers.as_deref().map_or([0; 3], |callers| {
                let waiters = &callers.waiters;
                [callers.watched(), waiters.len(), waiters.heeding_absence()]
            });
            Ok(std::array::from_fn(|place| counts[place] + more[place]))
        })
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
    /// This one from now on. A deadline before this millisecond deletes the key.
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
    known: Option<KnownHashes>,
    db: usize,
    recorder: Recorder,
    notes: Notes,
    aftermath: Aftermath,
    /// How to leave everything as it was, if this unit may fail.
    undo: Option<Box<Undo>>,
    /// How many parts that may fail alone are running, each inside of the one before.
    parts: u8,
    /// The number of the caller whose commands these are.
    caller: Option<u64>,
    /// Whether they count as uses of their keys.
    stamps: bool,
    /// Commands that may grow memory are refused.
    is_full: bool,
}

/// A key that was taken out for a while, with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Aside {
    db: usize,
    hash: u64,
    key: Box<[u8]>,
    taken: Taken,
}

/// A key that came to have something while somebody waits for it, with its database.
type Ready = (usize, Vec<u8>);

const EXPIRED: (Class, &str) = (Class::Expired, "expired");
/// What a whole value is called that comes by no command with another word for it.
const RESTORED: &str = "restore";

/// After so many lookups in a shard the clock that counts accesses is looked after.
const LOOKUPS_OBSERVED: u64 = 1024;

impl<'e> Tx<'e> {
    pub(crate) fn new(
        engine: &'e Engine,
        db: usize,
        locks: WriteLocks<'e>,
        known: Option<KnownHashes>,
        recorder: Recorder,
        notes: Notes,
    ) -> Self {
        let (now, aftermath) = (Now::new(engine.clock()), Aftermath::default());
        Self {
            engine,
            locks,
            now,
            known,
            db,
            recorder,
            notes,
            aftermath,
            undo: None,
            parts: 0,
            caller: None,
            stamps: true,
            is_full: false,
        }
    }

    /// These are the commands of a caller.
    #[inline]
    pub(crate) fn set_caller(&mut self, caller: Option<&Session>) {
        self.caller = caller.map(Session::id);
        self.stamps = caller.is_none_or(|caller| !caller.leaves_stamps());
    }

    /// The commands that follow in this unit are of a caller as it is now: one of those before may have changed it.
    pub(crate) fn follow(&mut self, caller: &Session) {
        self.set_caller(Some(caller));
        self.db = caller.db();
    }

    /// The caller has read keys, and is told when they change, if it tracks what it reads.
    pub(crate) fn remember<'a, C: Command<'a>>(&mut self, session: &Session, command: &C) {
        let engine = self.engine;
        if self.notes.is_untouched() {
            self.aftermath.wake(|wakers| engine.remember(session, command, wakers));
        } else {
            // Changes before this read are told when the unit ends, and are no reason to forget it.
            command.keys(&mut |key| {
                self.notes.append(News::Read { caller: session.id(), key: Bytes::copy_from_slice(key) });
            });
        }
    }

    /// The same unit at the beginning of time, when nothing has expired yet.
    pub(crate) fn replaying(mut self) -> Self {
        self.now.stop_before_everything();
        self
    }

    /// Hands what was changed to the journal, lets go of the locks, and returns the unit's number, if it changed anything.
    /// Nothing can be done with the unit afterwards.
    #[inline]
    pub(crate) fn finish(&mut self) -> Option<u64> {
        if let Some(undo) = self.undo.take() {
            self.roll_back(*undo);
        }
        if !self.notes.is_untouched() {
            self.tell();
        }
        debug_assert!(
            self.locks.iter().all(|(index, shard)| self.is_counted_right(index, shard)),
            "every byte is counted"
        );
        let unit = self.recorder.take().map(|(effects, changes)| {
            if let Some((index, _)) = self.locks.first() {
                self.engine.keyspace().counters(index).count_changes(changes);
            }
            self.engine.append(&effects)
        });
        let earlier = match std::mem::replace(&mut self.locks, Locks::none()) {
            Locks::One(index, shard) => self.publish(index, &shard),
            many @ Locks::Many(_) => self.publish_many(&many),
        };
        if let Some(at) = earlier {
            self.engine.due_at(at);
        }
        self.aftermath.carry_out(self.engine);
        unit
    }

    /// Tells those who want to know what was changed, and hands those who wait for something what there is for them.
    #[cold]
    fn tell(&mut self) {
        // Those who wait are served when the unit ends, which may have taken a while.
        self.now = Now::new(self.engine.clock());
        let mut told = Vec::new();
        while let Some(news) = self.notes.take().map(|news| self.tidy_up(news)) {
            let mut ready = Vec::new();
            news.iter().for_each(|news| self.touch(news, &mut ready));
            told.extend(news);
            self.serve_waiters(ready);
        }
        self.aftermath.wake(|wakers| self.engine.tell(&told, self.caller, wakers));
    }

    /// Does what those who only read have left to do, as far as it is still there: reclaims what has expired and keeps estimates.
    /// Returns what there is to tell instead.
    fn tidy_up(&mut self, news: Vec<News>) -> Vec<News> {
        if !news
            .iter()
            .any(|news| matches!(news, News::Expired(..) | News::ExpiredElement { .. } | News::Estimated(..)))
        {
            return news;
        }
        for news in news {
            match news {
                News::ExpiredElement { db, key, of_type, element } => self.in_database(db, |tx| {
                    of_type!(of_type, T => if let Ok(mut collection) = tx.hold::<T>(&key) {
                        collection.reclaim(&element);
                    });
                }),
                // A key that is not locked was not found by this unit.
                News::Expired(db, key) => drop(self.in_database(db, |tx| tx.prepare(&key))),
                News::Estimated(db, key) => drop(self.in_database(db, |tx| keep_estimate(tx, &key))),
                other => self.notes.append(other),
            }
        }
        self.notes.take().unwrap_or_default()
    }

    /// The same unit has these to tell as well, from a look without the means to change anything.
    pub(crate) fn take_over(&mut self, news: Vec<News>) {
        news.into_iter().for_each(|news| self.notes.append(news));
    }

    /// Tells those who watch keys, and sees who waits for them.
    fn touch(&mut self, news: &News, ready: &mut Vec<Ready>) {
        match news {
            News::Key(Event { class: Class::New | Class::KeyMiss, .. })
            | News::Message { .. }
            | News::Emptied
            | News::Read { .. }
            | News::Expired(..)
            | News::ExpiredElement { .. }
            | News::Estimated(..) => {}
            News::Quiet(Event { db, key, .. }) => {
                if self.waiters(self.hash(key)).is_some_and(|waiters| waiters.is_awaited(*db, key)) {
                    ready.push((*db, key.to_vec()));
                }
            }
            News::Key(Event { db, key, class, .. }) => {
                let Ok(shard) = self.shard_at(self.hash(key)) else { return };
                let Some(callers) = &shard.callers else { return };
                callers.touch(
                    *db,
                    key,
                    if *class == Class::Expired { Touch::Expired } else { Touch::Changed },
                );
                if callers.waiters.is_awaited(*db, key) {
                    ready.push((*db, key.to_vec()));
                }
            }
            News::Database(db) => {
                for (_, shard) in self.locks.iter() {
                    let Some(callers) = &shard.callers else { continue };
                    ready.extend(callers.waiters.keys_in(*db).map(|key| (*db, key.to_vec())));
                }
            }
            News::Ready(db, key) => ready.push((*db, key.to_vec())),
        }
    }

    /// Tells those who watch keys of a database that these are gone now, or came just now; keys that are not there do not change.
    fn touch_database(&self, db: usize) {
        let view = self.view().in_database(db);
        for (_, shard) in self.locks.iter() {
            let Some(callers) = &shard.callers else { continue };
            callers.touch_all(db, |key| view.exists(key).unwrap_or(false));
        }
    }

    /// Somebody may wait for a key that has something now.
    pub(crate) fn make_ready(&mut self, db: usize, key: &[u8]) {
        self.notes.append(News::Ready(db, Bytes::copy_from_slice(key)));
    }

    /// Hands what there is to those who wait for it, in their order. What that puts into other keys goes to those who wait for
    /// these.
    fn serve_waiters(&mut self, ready: Vec<Ready>) {
        for (db, key) in ready {
            let hash = self.hash(&key);
            let mut place = 0;
            while let Some(waiter) = self.waiters(hash).and_then(|waiters| waiters.get(db, &key, place)) {
                let value = self.view().in_database(db).peek(&key).ok().flatten().map(Entry::value);
                let (is_gone, fits) = (value.is_none(), waiter.ticket().awaits.fits(value));
                if is_gone && !self.waiters(hash).is_some_and(|waiters| waiters.heeds_absence()) {
                    break;
                }
                if !fits {
                    place += 1;
                    continue;
                }
                match waiter.serve(self) {
                    Served::Nothing => place += 1,
                    Served::Contended => {
                        self.aftermath.serve_later(db, key);
                        break;
                    }
                    served @ (Served::Yes(_) | Served::Gone) => {
                        if let Some(waiters) = self.waiters(hash) {
                            waiters.remove(db, &key, place);
                        }
                        if let Served::Yes(reader) = served {
                            self.wake_later(reader);
                        }
                    }
                }
            }
        }
    }

    /// Those who wait for keys of a shard.
    fn waiters(&mut self, hash: u64) -> Option<&mut Waiters> {
        Some(&mut self.shard_at(hash).ok()?.callers.as_mut()?.waiters)
    }

    #[cold]
    fn publish_many(&self, locks: &WriteLocks<'_>) -> Option<UnixMs> {
        locks.iter().filter_map(|(index, shard)| self.publish(index, shard)).min()
    }

    /// Shows the others what a shard is like now. Returns when it has something to do, if that is earlier than before.
    #[inline]
    fn publish(&self, index: usize, shard: &Shard) -> Option<UnixMs> {
        let published = self.engine.keyspace().publish(index, shard);
        self.engine.maxmemory().count(published.more_bytes);
        published.earlier
    }

    /// Counts again whatever a shard has, often while that is little.
    fn is_counted_right(&self, index: usize, shard: &Shard) -> bool {
        const LITTLE: usize = 4096;
        const SELDOM: u64 = 4096;
        let commands = self.engine.keyspace().counters(index).statistics().commands;
        let is_asked = shard.used_bytes() < LITTLE || commands.is_multiple_of(SELDOM);
        std::thread::panicking() || !is_asked || shard.is_counted_right()
    }

    /// Runs a command as a part of this unit.
    ///
    /// # Errors
    /// Its refusals, and [`Error::OutOfMemory`] for one that may grow memory in a unit that began without room.
    #[inline]
    pub fn run<'a, C: Write<'a>>(&mut self, command: &C) -> Result<C::Reply> {
        if self.is_full && C::SPEC.flags.contains(Flags::DENYOOM) {
            return Err(Error::OutOfMemory);
        }
        self.perform(command)
    }

    /// Runs a command whose unit this is, or one of several.
    #[inline]
    pub(crate) fn perform<'a, C: Write<'a>>(&mut self, command: &C) -> Result<C::Reply> {
        let before = self.notes.set_name(command.event());
        let reply = command.write(self);
        self.notes.set_name(before);
        reply
    }

    /// Runs `body`, whose change is called `name`.
    pub(crate) fn named<T>(&mut self, name: &'static str, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.notes.set_name(Some(name));
        let result = body(self);
        self.notes.set_name(before);
        result
    }

    /// Runs `first` and then `second`. What `second` changes is told of first.
    pub(crate) fn told_last<T, U>(
        &mut self,
        first: impl FnOnce(&mut Self) -> T,
        second: impl FnOnce(&mut Self, T) -> U,
    ) -> U {
        let start = self.notes.len();
        let result = first(self);
        let middle = self.notes.len();
        let result = second(self, result);
        self.notes.move_back(start, middle);
        result
    }

    /// Publishes a message when the unit ends; returns how many subscriptions it reaches.
    pub(crate) fn send(&mut self, message: &Published<'_>) -> usize {
        let receivers = self.engine.pubsub().receivers(message);
        if receivers > 0 {
            self.notes.publish(message);
        }
        receivers
    }

    /// Publishes what was to be published so far. A caller that begins or ends a subscription in a unit hears what is published
    /// while it has it.
    pub(crate) fn send_now(&mut self) {
        let messages = self.notes.take_messages();
        self.aftermath.wake(|wakers| self.engine.tell(&messages, self.caller, wakers));
    }

    /// Wakes those whom `body` adds once no lock is held.
    pub(crate) fn wake_all_later(&mut self, body: impl FnOnce(&mut Vec<Waker>)) {
        self.aftermath.wake(body);
    }

    /// Wakes somebody once no lock is held.
    pub(crate) fn wake_later(&mut self, reader: Option<Waker>) {
        self.aftermath.wake(|wakers| wakers.extend(reader));
    }

    /// Whether nothing is locked, so that locks may be waited for.
    pub(crate) fn is_free(&self) -> bool {
        self.locks.first().is_none()
    }

    /// Whether the shards that a command needs are locked. If it has one key, that key's hash is known until [`Tx::forget_hash`].
    #[inline]
    pub(crate) fn has_locked<'a>(&mut self, command: &impl Prepared<'a>) -> bool {
        if command.scope() == Scope::Everything {
            return self.has_locked_everything();
        }
        let keyspace = self.engine.keyspace();
        let (mut are_locked, mut first, mut keys) = (true, None, 0);
        command.keys(&mut |key| {
            let hash = keyspace.hash(key);
            are_locked &= self.locks.get(keyspace.index(hash)).is_some();
            first = Some(HashedKey::new(key, hash));
            keys += 1;
        });
        self.known = first.filter(|_| keys == 1).map(KnownHashes::One);
        are_locked
    }

    /// Whether all shards are locked.
    pub(crate) fn has_locked_everything(&self) -> bool {
        (0..self.engine.keyspace().len()).all(|index| self.locks.get(index).is_some())
    }

    /// No command's keys are known by their places any more: what is there may be something else soon.
    #[inline]
    pub(crate) fn forget_hash(&mut self) {
        self.known = None;
    }

    /// Locks all shards. False if somebody has one of them who may wait for those that this unit has.
    pub(crate) fn lock_everything(&mut self) -> bool {
        let Self { engine, locks, notes, .. } = self;
        let keyspace = engine.keyspace();
        locks.fill(keyspace.len(), |index, may_wait| {
            let guard = if may_wait { Some(keyspace.write(index)) } else { keyspace.try_write(index) };
            guard.inspect(|shard| notes.heed(shard))
        })
    }

    /// Whether a key's shard is locked.
    pub(crate) fn is_locked(&self, key: &[u8]) -> bool {
        self.locks.get(self.engine.keyspace().index(self.hash(key))).is_some()
    }

    /// Locks the shards of keys too, if nobody has them; false if somebody has.
    pub(crate) fn try_lock(&mut self, keys: &[&[u8]]) -> bool {
        let keyspace = self.engine.keyspace();
        keys.iter().all(|key| {
            let index = keyspace.index(keyspace.hash(key));
            if self.locks.get(index).is_some() {
                return true;
            }
            let Some(guard) = keyspace.try_write(index) else { return false };
            self.notes.heed(&guard);
            self.locks.add(index, guard);
            true
        })
    }

    /// Puts a caller into the queues of the keys that it waits for. Their shards must be locked.
    pub(crate) fn join_queues(&mut self, waiter: &Arc<dyn Queued>) {
        let ticket = waiter.ticket();
        for key in &ticket.keys[..ticket.awaited_keys] {
            let hash = self.hash(key);
            if let Ok(shard) = self.shard_at(hash) {
                shard.callers_mut().waiters.join(ticket.db, key, Arc::clone(waiter));
            }
        }
    }

    /// Memory is over its limit and cannot be brought below it.
    pub(crate) fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// Whether memory was over its limit when the unit began.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Goes to another database.
    pub(crate) fn select(&mut self, db: usize) {
        self.db = db;
    }

    /// What this unit removes is freed when it has ended, however long that takes.
    pub(crate) fn free_at_once(&mut self) {
        self.aftermath.frees_at_once = true;
    }

    /// The same values, to read.
    pub fn view(&self) -> View<'_> {
        View::new(self.engine, self.db, &self.locks, &self.now, self.known.as_ref(), &self.notes)
            .stamping(self.stamps)
    }

    /// The time that the whole unit sees.
    pub fn now(&self) -> UnixMs {
        self.now.get()
    }

    /// The same in microseconds.
    pub fn now_micros(&self) -> i64 {
        self.now.micros()
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
        self.known
            .as_ref()
            .and_then(|known| known.of(key))
            .unwrap_or_else(|| self.engine.keyspace().hash(key))
    }

    #[inline]
    fn shard_at(&mut self, hash: u64) -> Result<&mut Shard> {
        let index = self.engine.keyspace().index(hash);
        let Some(shard) = self.locks.get_mut(index) else { return Err(Error::UndeclaredKey) };
        Ok(shard)
    }

    /// Finds a key, and where its entry is until a key is added or taken out; an entry that is expired is removed first, and its
    /// removal recorded.
    ///
    /// The record matters: replay expires nothing, so without it a later `HSET` would bring the old fields back.
    #[inline]
    fn prepare(&mut self, key: &[u8]) -> Result<(u64, Option<Place>)> {
        let (hash, db) = (self.hash(key), self.db);
        let index = self.engine.keyspace().index(hash);
        let Some(shard) = self.locks.get(index) else { return Err(Error::UndeclaredKey) };
        match shard.locate(db, hash, key) {
            Some((place, entry)) if entry.is_alive(|| self.now.get()) => Ok((hash, Some(place))),
            Some(_) => {
                self.remove_expired(hash, key)?;
                Ok((hash, None))
            }
            None => Ok((hash, None)),
        }
    }

    #[cold]
    fn remove_expired(&mut self, hash: u64, key: &[u8]) -> Result<()> {
        let db = self.db;
        let Some((place, _)) = self.shard_at(hash)?.locate(db, hash, key) else { return Ok(()) };
        if let Some(gone) = self.extract(hash, key, place)? {
            self.counters(hash).count_expired();
            self.notes.note(db, key, EXPIRED.0, EXPIRED.1);
            self.record_gone(key, gone, Some(Cause::Expired));
        }
        Ok(())
    }

    /// Records that a key of the selected database is gone, by a command or by itself.
    fn record_gone(&mut self, key: &[u8], gone: Gone, cause: Option<Cause>) {
        self.recorder.record(self.db, Some(key), &Effect::Del);
        self.aftermath.add(self.engine, (self.db, key), gone.pointed, cause);
    }

    fn counters(&self, hash: u64) -> &'e Counters {
        self.engine.keyspace().counters(self.engine.keyspace().index(hash))
    }

    /// Takes a key of the selected database out. What has to be kept of it is kept.
    #[inline]
    fn extract(&mut self, hash: u64, key: &[u8], place: Place) -> Result<Option<Gone>> {
        let db = self.db;
        let Self { engine, locks, undo, .. } = self;
        let Some(shard) = locks.get_mut(engine.keyspace().index(hash)) else {
            return Err(Error::UndeclaredKey);
        };
        let Some(undo) = undo else { return Ok(shard.remove_at(db, place)) };
        let taken = shard.take_at(db, place);
        Ok(taken.map(|taken| {
            let left = undo.keep(Name::new(db, hash, key), Some(taken));
            Gone { pointed: left.map(|taken| taken.value) }
        }))
    }

    /// Frees what came out of an entry, or keeps it.
    #[inline]
    fn replaced(&mut self, hash: u64, key: &[u8], before: Option<Replaced>, out: Option<Value>) {
        match (&mut self.undo, before) {
            (Some(undo), Some(before)) => undo.replaced(Name::new(self.db, hash, key), before, out),
            _ => self.aftermath.removed.extend(out.map(Removed::Value)),
        }
    }

    /// Replaces the value of a key without recording it. Returns the key's deadline.
    #[inline]
    fn store(&mut self, key: &[u8], content: Content<'_>, deadline: Deadline) -> Result<Option<UnixMs>> {
        let (hash, db, engine) = (self.hash(key), self.db, self.engine);
        let index = engine.keyspace().index(hash);
        let seconds = self.now.recent_seconds();
        let Some(shard) = self.locks.get_mut(index) else { return Err(Error::UndeclaredKey) };
        let old_deadline = match shard.get_mut(db, hash, key) {
            Some(mut entry) if entry.is_alive(|| self.now.get()) => {
                let before = self.undo.as_ref().and_then(|undo| undo.before_replacing(db, hash, key, &entry));
                if self.stamps {
                    engine.tracking().touch(&entry, Access::Write, seconds, engine.random());
                }
                let (out, deadline) = (entry.replace(hash, content), entry.deadline());
                self.replaced(hash, key, before, out);
                deadline
            }
            found => {
                if found.is_some() {
                    self.remove_expired(hash, key)?;
                }
                let access = engine.maxmemory().first(engine, hash, seconds);
                self.shard_at(hash)?.insert(db, hash, key, content, access);
                if let Some(undo) = &mut self.undo {
                    undo.keep(Name::new(db, hash, key), None);
                }
                self.notes.note_new(db, key);
                None
            }
        };
        let new_deadline = match deadline {
            Deadline::Clear => None,
            Deadline::Keep => old_deadline,
            Deadline::At(at) => Some(at),
        };
        if new_deadline != old_deadline {
            self.shard_at(hash)?.set_deadline(db, hash, key, new_deadline);
        }
        Ok(new_deadline)
    }

    /// Puts a whole value at a key, in the place of what it held. An empty collection deletes the key.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn put(&mut self, key: &[u8], value: Value, deadline: Deadline) -> Result<()> {
        let class = Class::of(value.as_ref().value_type());
        if value.as_ref().is_empty_collection() || self.has_passed(deadline) {
            self.remove(key)?;
            return Ok(());
        }
        self.store(key, Content::Value(value), deadline)?;
        self.notes.note_main(self.db, key, class, RESTORED);
        self.record_put(key)
    }

    /// The same for a command that in Redis removes what is there before: the key is a new one in any case.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn put_anew(&mut self, key: &[u8], value: Value, deadline: Deadline) -> Result<()> {
        let (_, place) = self.prepare(key)?;
        if value.as_ref().is_empty_collection() || self.has_passed(deadline) {
            self.remove(key)?;
            return Ok(());
        }
        let is_replaced = place.is_some();
        if is_replaced {
            self.notes.note_new(self.db, key);
        }
        self.store(key, Content::Value(value), deadline)?;
        if is_replaced && let Some(access) = self.engine.tracking().first(self.now.recent_seconds()) {
            self.stamp(key, access)?;
        }
        self.notes.note_main(self.db, key, Class::Generic, RESTORED);
        self.record_put(key)
    }

    /// What is left of a value that is put at a key when its deadline has passed already: what was there is deleted.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub(crate) fn expire_before_put(&mut self, key: &[u8]) -> Result<()> {
        self.remove(key)?;
        self.counters(self.hash(key)).count_expired();
        Ok(())
    }

    /// Lets eviction believe that a key was used so, as far as its policy asks.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub(crate) fn set_past_use(&mut self, key: &[u8], past: PastUse) -> Result<()> {
        let Some(access) = self.view().peek(key)?.map(Entry::access) else { return Ok(()) };
        match word_of_past_use(self.engine, access, past, self.now()) {
            Some(access) => self.stamp(key, access),
            None => Ok(()),
        }
    }

    /// Gives a key another access word.
    fn stamp(&mut self, key: &[u8], access: u32) -> Result<()> {
        if let Some(entry) = self.view().peek(key)? {
            entry.stamp(access);
        }
        Ok(())
    }

    /// Whether a value with this deadline is gone before it is there.
    #[inline]
    fn has_passed(&self, deadline: Deadline) -> bool {
        matches!(deadline, Deadline::At(at) if at < self.now())
    }

    /// Records the whole of what a key holds.
    fn record_put(&mut self, key: &[u8]) -> Result<()> {
        if self.recorder.is_on() {
            // Not by `view`, which would borrow the recorder too.
            let Self { engine, locks, now, known, notes, db, .. } = self;
            let view = View::new(engine, *db, locks, now, known.as_ref(), notes);
            if let Some(entry) = view.peek(key)? {
                let put = Effect::Put { value: entry.value().image(), expire_at: entry.deadline() };
                self.recorder.record(self.db, Some(key), &put);
            }
        }
        Ok(())
    }

    /// Deletes a key; false if it was not there.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool> {
        let is_removed = self.discard(key)?;
        if is_removed {
            self.notes.note(self.db, key, Class::Generic, "del");
        }
        Ok(is_removed)
    }

    /// The same, without telling of it.
    fn discard(&mut self, key: &[u8]) -> Result<bool> {
        let (hash, place) = self.prepare(key)?;
        let removed = match place {
            Some(place) => self.extract(hash, key, place)?,
            None => None,
        };
        let Some(gone) = removed else { return Ok(false) };
        self.record_gone(key, gone, None);
        Ok(true)
    }

    /// Gives a key a deadline, or with `None` takes it away. A deadline that has passed deletes the key. False if
    /// the key is not there.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked.
    pub fn set_deadline(&mut self, key: &[u8], at: Option<UnixMs>) -> Result<bool> {
        let (hash, place) = self.prepare(key)?;
        let Some(place) = place else { return Ok(false) };
        // EXPIRE's rule, unlike the one for reading: a deadline of this very millisecond is in the past.
        if at.is_some_and(|at| at <= self.now()) {
            return self.remove(key);
        }
        let db = self.db;
        if self.undo.is_some() {
            let before = self.shard_at(hash)?.at_mut(db, place).and_then(|entry| entry.deadline());
            self.undo.iter_mut().for_each(|undo| undo.before_deadline(Name::new(db, hash, key), before));
        }
        self.shard_at(hash)?.set_deadline_at(db, hash, place, at);
        let effect = at.map_or(Effect::Persist, |at| Effect::ExpireAt { at });
        self.recorder.record(db, Some(key), &effect);
        self.notes.note(db, key, Class::Generic, if at.is_some() { "expire" } else { "persist" });
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
        self.notes.note(self.db, from, Class::Generic, "rename_from");
        self.notes.note(self.db, to, Class::Generic, "rename_to");
        // A section that was copied before may have the value and the other not, or neither, or both.
        if self.engine.is_copying() {
            self.recorder.record(self.db, Some(from), &Effect::Del);
            self.record_put(to)?;
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
        self.notes.note(self.db, key, Class::Generic, "move_from");
        self.notes.note(db, key, Class::Generic, "move_to");
        self.recorder.record(self.db, Some(key), &Effect::Move { db: db as u32 });
        Ok(true)
    }

    fn relocate(&mut self, from: &[u8], to_db: usize, to: &[u8]) -> Result<bool> {
        let to_hash = self.hash(to);
        self.shard_at(to_hash)?;
        let (hash, place) = self.prepare(from)?;
        let (Some(place), from_db) = (place, self.db) else { return Ok(false) };
        let Some(mut taken) = self.shard_at(hash)?.take_at(from_db, place) else { return Ok(false) };
        // As in Redis, where it is a new key.
        let access = taken.access;
        taken.access = self.engine.tracking().first(self.now.recent_seconds()).unwrap_or(access);
        let replaced = match self.shard_at(to_hash)?.locate(to_db, to_hash, to).map(|(place, _)| place) {
            Some(place) => self.in_database(to_db, |tx| tx.extract(to_hash, to, place))?,
            None => None,
        };
        self.shard_at(to_hash)?.put_back(to_db, to_hash, to, taken);
        if let Some(undo) = &mut self.undo {
            undo.moved((Name::new(from_db, hash, from), access), Name::new(to_db, to_hash, to));
        }
        self.notes.note_new(to_db, to);
        self.aftermath.removed.extend(replaced.and_then(|gone| gone.pointed).map(Removed::Value));
        Ok(true)
    }

    /// Changes libraries of functions. All shards have to be locked.
    ///
    /// # Errors
    /// What `body` refuses, and [`Error::UndeclaredKey`] if a shard is not locked.
    pub(crate) fn change_libraries<T>(
        &mut self,
        body: impl FnOnce(&mut Libraries, &mut dyn FnMut(&LibraryChange<'_>)) -> Result<T>,
    ) -> Result<T> {
        if !self.has_locked_everything() {
            return Err(Error::UndeclaredKey);
        }
        let scripts = self.engine.scripts();
        let mut libraries = Libraries::clone(&scripts.libraries());
        let mut changes = Vec::new();
        let result = body(&mut libraries, &mut |change| changes.push(change.clone().into_owned()))?;
        for change in changes {
            self.recorder.record(self.db, None, &Effect::Libraries(change));
        }
        let before = scripts.set_libraries(Arc::new(libraries));
        if let Some(undo) = &mut self.undo {
            undo.keep_libraries(before);
        }
        Ok(result)
    }

    /// Takes keys out of a locked shard, of whatever database, without recording it: those for which `is_asked` says yes to the
    /// shard and the hash.
    pub(crate) fn set_aside(&mut self, index: usize, is_asked: impl Fn(usize, u64) -> bool) -> Vec<Aside> {
        let keyspace = self.engine.keyspace();
        let Some(shard) = self.locks.get_mut(index) else { return Vec::new() };
        let keys = shard.databases().iter().enumerate().flat_map(|(db, database)| {
            database.iter().map(move |entry| (db, keyspace.hash(entry.key()), entry.key()))
        });
        let asked = keys.filter(|(_, hash, _)| is_asked(index, *hash));
        let asked: Vec<_> = asked.map(|(db, hash, key)| (db, hash, Box::from(key))).collect();
        let take = |(db, hash, key): (usize, u64, Box<[u8]>)| {
            let (place, _) = shard.locate(db, hash, &key)?;
            let taken = shard.take_at(db, place)?;
            Some(Aside { db, hash, key, taken })
        };
        asked.into_iter().filter_map(take).collect()
    }

    /// Puts back what was set aside, where nothing else may be by now.
    pub(crate) fn put_back(&mut self, aside: Vec<Aside>) {
        for Aside { db, hash, key, taken } in aside {
            if let Ok(shard) = self.shard_at(hash) {
                shard.put_back(db, hash, &key, taken);
            }
        }
    }

    /// Deletes every key of the selected database. All shards must be locked.
    pub fn clear(&mut self) {
        let db = self.db;
        self.touch_database(db);
        self.empty(db);
        self.recorder.record(db, None, &Effect::Clear);
        self.notes.note_database(db);
        self.notes.note_emptied();
    }

    /// Takes away what a database has in the locked shards.
    fn empty(&mut self, db: usize) {
        let Self { locks, undo, aftermath, .. } = self;
        for (index, shard) in locks.iter_mut() {
            let Some(database) = shard.clear(db).map(Box::new) else { continue };
            match undo {
                Some(undo) => undo.cleared(index, db, database),
                None => aftermath.removed.push(Removed::Database(database)),
            }
        }
    }

    /// Deletes every key of every database. All shards must be locked.
    pub fn clear_all(&mut self) {
        (0..self.engine.databases()).for_each(|db| self.touch_database(db));
        (0..self.engine.databases()).for_each(|db| self.empty(db));
        self.recorder.record(0, None, &Effect::ClearAll);
        (0..self.engine.databases()).for_each(|db| self.notes.note_database(db));
        self.notes.note_emptied();
    }

    /// Makes two databases change places. All shards must be locked.
    pub fn swap_databases(&mut self, first: usize, second: usize) {
        if first == second {
            return;
        }
        let touch = |tx: &Self| [first, second].into_iter().for_each(|db| tx.touch_database(db));
        touch(self);
        for (_, shard) in self.locks.iter_mut() {
            shard.swap(first, second);
        }
        if let Some(undo) = &mut self.undo {
            undo.swapped(first, second);
        }
        touch(self);
        self.recorder.record(0, None, &Effect::SwapDb { first: first as u32, second: second as u32 });
        [first, second].into_iter().for_each(|db| self.notes.note_database(db));
    }

    /// Changes the settings of the collections in every shard. All shards must be locked.
    pub(crate) fn change_settings(&mut self, change: impl Fn(&mut TypeSettings)) {
        for (_, shard) in self.locks.iter_mut() {
            change(&mut shard.settings);
        }
    }

    /// What was counted so far.
    pub(crate) fn statistics(&self) -> Statistics {
        let keyless = self.engine.keyless_commands().load(Ordering::Relaxed);
        let counted = self.engine.keyspace().statistics();
        Statistics { commands: counted.commands + keyless, ..counted }
    }

    /// Counts from zero again.
    pub(crate) fn reset_statistics(&mut self) {
        self.engine.keyless_commands().store(0, Ordering::Relaxed);
        let keyspace = self.engine.keyspace();
        (0..keyspace.len()).for_each(|index| keyspace.counters(index).reset());
        self.engine.maxmemory().reset_statistics(keyspace.used_bytes());
        self.engine.reclaim().reset_statistics();
        self.engine.clients().reset_statistics();
    }

    /// Reclaims what has expired in the locked shards, as one unit; see [`Shard::expire`].
    pub(crate) fn expire(&mut self, budget: &mut usize) -> usize {
        let now = self.now();
        let (engine, mut count) = (self.engine, 0);
        for (index, shard) in self.locks.iter_mut() {
            shard.expire(now, budget, |db, expired| match expired {
                Expired::Key(key, value) => {
                    self.recorder.record(db, Some(key), &Effect::Del);
                    self.notes.note(db, key, EXPIRED.0, EXPIRED.1);
                    self.aftermath.add(engine, (db, key), value, Some(Cause::Expired));
                    engine.keyspace().counters(index).count_expired();
                    count += 1;
                }
                Expired::Element(key, of_type, element) => {
                    let removal = of_type!(of_type, T => T::removal(element.into()));
                    self.recorder.record(db, Some(key), &removal);
                    self.notes.add_subkey(Class::of(of_type), element);
                }
                Expired::Elements(key, of_type, elements, emptied) => {
                    let expired = of_type!(of_type, T => T::EXPIRED);
                    self.notes.note(db, key, Class::of(of_type), expired);
                    if emptied.is_some() {
                        self.notes.note(db, key, Class::Generic, "del");
                    }
                    self.aftermath.removed.extend(emptied.map(Removed::Value));
                    engine.keyspace().counters(index).count_expired_elements(elements);
                }
            });
        }
        count
    }

    /// Removes a key to make room, if it is there.
    pub(crate) fn evict(&mut self, key: &[u8]) -> bool {
        let (hash, db) = (self.hash(key), self.db);
        let removed = self.shard_at(hash).ok().and_then(|shard| shard.remove(db, hash, key));
        let Some(gone) = removed else { return false };
        self.notes.note(db, key, Class::Evicted, "evicted");
        self.record_gone(key, gone, Some(Cause::Evicted));
        true
    }
}

impl Drop for Tx<'_> {
    /// A panic comes by here with its locks; otherwise everything was done.
    #[inline]
    fn drop(&mut self) {
        if !self.locks.is_none() {
            self.finish();
        }
    }
}
