//! The change feed: what commands did, effect by effect, from the log.
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use event_listener::EventListener;
use futures_core::Stream;
use redlet_core::effect::{Effect, Words};
use redlet_core::{Bytes, codec};
use redlet_persist::LogReader;
use serde::{Deserialize, Serialize};

use crate::memory_log::MemoryLog;
use crate::waiting::{block_on, block_on_for};
use crate::{Error, Redis, Result};

/// A place in a store's log: the number of a unit, which is what one command, one transaction or one EXEC did. Units are numbered
/// from 1 on, without gaps, for the store's whole life.
///
/// ```
/// use redlet::{Commands, Position, Redis};
///
/// let redis = Redis::builder().keep_log(1 << 20).build()?;
/// assert_eq!(redis.position()?, Position(1));
/// redis.mset([("a", 1), ("b", 2)])?;
/// assert_eq!(redis.position()?, Position(2));
/// # Ok::<(), redlet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One change that a command made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The unit that it is part of.
    pub unit: Position,
    /// Whether it is the last change of its unit.
    pub ends_unit: bool,
    /// The number of the database.
    pub db: usize,
    /// The key; `None` for what is about whole databases.
    pub key: Option<Bytes>,
    /// What happened: never a [`Effect::Select`] or [`Effect::On`], which are said above.
    pub effect: Effect<'static>,
}

impl Change {
    /// Redis's commands that do the same, for a connection that has selected [`Change::db`]; see [`Effect::to_commands`].
    pub fn to_commands(&self) -> impl Iterator<Item = Words<'_>> {
        self.effect.to_commands(self.key.as_deref().unwrap_or_default())
    }

    fn all_of(unit: Position, effects: &[u8]) -> Result<VecDeque<Self>, codec::DecodeError> {
        let (mut in_db, mut on) = (0, None);
        let mut changes = VecDeque::new();
        for effect in codec::decode(effects) {
            match effect? {
                Effect::Select { db } => in_db = db as usize,
                Effect::On { key } => on = Some(Bytes::copy_from_slice(&key)),
                effect => {
                    let key = on.clone().filter(|_| !effect.is_about_all());
                    let effect = effect.into_owned();
                    changes.push_back(Self { unit, ends_unit: false, db: in_db, key, effect });
                }
            }
        }
        if let Some(last) = changes.back_mut() {
            last.ends_unit = true;
        }
        Ok(changes)
    }
}

/// Where a store's units are.
#[derive(Debug)]
enum Log {
    Disk(LogReader),
    Memory(Arc<MemoryLog>, u64),
}

/// The changes of a store in the order in which they happened, each once; made by [`Redis::changes`].
///
/// As an iterator it waits at the end for what happens next, and so never ends but with an error; [`Changes::try_next`] does not
/// wait and [`Changes::next_within`] not longer than it is told. It is a [`Stream`] too, on whatever runtime; polling it may wait for the
/// disk, some milliseconds each time it has come to the end of the log.
///
/// It is a handle of the store, which stays open as long as this is there.
///
/// ```
/// use std::thread;
/// use std::time::Duration;
/// use redlet::{Commands, Effect, Redis};
///
/// let redis = Redis::builder().keep_log(1 << 20).build()?;
/// let mut changes = redis.changes(redis.position()?)?;
/// let follower = thread::spawn(move || -> redlet::Result<_> {
///     let mut names = Vec::new();
///     for change in changes.by_ref() {
///         let change = change?;
///         match change.effect {
///             Effect::SAdd { member } => names.push(String::from_utf8_lossy(&member).into_owned()),
///             Effect::Del => break,
///             _ => {}
///         }
///     }
///     assert_eq!(changes.next_within(Duration::from_millis(1))?, None);
///     Ok(names)
/// });
/// redis.sadd("names", ["ada"])?;
/// redis.sadd("names", ["grace"])?;
/// redis.delete(["names"])?;
/// assert_eq!(follower.join().unwrap()?, ["ada", "grace"]);
/// # Ok::<(), redlet::Error>(())
/// ```
#[derive(Debug)]
pub struct Changes {
    redis: Redis,
    log: Log,
    /// What is left of a unit.
    pending: VecDeque<Change>,
    grown: Option<EventListener>,
    has_failed: bool,
}

impl Redis {
    /// The changes from a position on, and then those that are made while this is read: the effects that the log has, which are
    /// what commands did rather than what they were asked.
    ///
    /// Changes are handed over once they are on the disk, whatever [`Builder::fsync`](crate::Builder::fsync) says: a reader that
    /// has come to the end of the log syncs it. So what a reader was given is not taken back by a power cut, and a position that it
    /// has kept is good after one.
    ///
    /// A reader holds up nobody and keeps nothing from being removed: when a checkpoint has made the beginning of the log
    /// superfluous, as many of its bytes are left as [`Builder::keep_log`](crate::Builder::keep_log) says. A reader that is
    /// further behind is told so, and which position is the oldest that is kept. It then takes its position, reads the keys, and
    /// goes on from there.
    ///
    /// # Errors
    /// [`Error::Store`]: with [`Gone`](crate::StoreError::Gone) for a position that is not kept, with
    /// [`Ahead`](crate::StoreError::Ahead) for one that is further on than [`Redis::position`]; or the log cannot be read or
    /// synced. [`Error::Options`] for a store in memory that was built without [`Builder::keep_log`](crate::Builder::keep_log).
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("store");
    /// let redis = Redis::open(&path)?;
    /// let mut changes = redis.changes(redis.position()?)?;
    /// redis.zadd("board", [("ada", 120.0)])?;
    /// redis.set("greeting", "hello")?;
    ///
    /// let first = changes.try_next()?.unwrap();
    /// assert_eq!(first.key.as_ref().unwrap(), "board");
    /// let words: Vec<_> = first.to_commands().flatten().collect();
    /// assert_eq!(words, ["ZADD", "board", "120", "ada"].map(str::as_bytes));
    /// assert_eq!(changes.try_next()?.unwrap().key.unwrap(), "greeting");
    /// assert_eq!(changes.try_next()?, None);
    /// // A reader that is started later goes on here.
    /// assert_eq!(changes.position(), redis.position()?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn changes(&self, from: Position) -> Result<Changes> {
        let log = match (self.disk(), self.memory_log()) {
            (Some(disk), _) => Log::Disk(LogReader::new(disk.store(), from.0)?),
            (None, Some(log)) => {
                log.read(from.0)?;
                Log::Memory(Arc::clone(log), from.0)
            }
            (None, None) => return Err(NO_LOG),
        };
        Ok(Changes { redis: self.clone(), log, pending: VecDeque::new(), grown: None, has_failed: false })
    }

    /// The position of what is changed next.
    ///
    /// # Errors
    /// [`Error::Options`] for a store in memory that was built without [`Builder::keep_log`](crate::Builder::keep_log).
    pub fn position(&self) -> Result<Position> {
        match (self.disk(), self.memory_log()) {
            (Some(disk), _) => Ok(Position(disk.writer().last_unit() + 1)),
            (None, Some(log)) => Ok(Position(log.bounds().1)),
            (None, None) => Err(NO_LOG),
        }
    }

    /// The oldest position that is kept.
    ///
    /// # Errors
    /// As [`Redis::position`], and [`Error::Store`] if the store's folder cannot be read.
    ///
    /// ```
    /// use redlet::{Commands, Position, Redis};
    ///
    /// let redis = Redis::builder().keep_log(100).build()?;
    /// (0..50).try_for_each(|number| redis.set("k", number))?;
    /// let oldest = redis.oldest_position()?;
    /// assert!(oldest > Position(1) && redis.changes(Position(1)).is_err());
    /// assert!(redis.changes(oldest)?.try_next()?.is_some());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn oldest_position(&self) -> Result<Position> {
        match (self.disk(), self.memory_log()) {
            (Some(disk), _) => Ok(Position(disk.store().oldest_unit()?)),
            (None, Some(log)) => Ok(Position(log.bounds().0)),
            (None, None) => Err(NO_LOG),
        }
    }
}

const NO_LOG: Error =
    Error::Options("a store in memory has no log; build it with `keep_log` for its changes to be read");

impl Changes {
    /// The next change if there is one by now.
    ///
    /// # Errors
    /// [`Error::Store`], as [`Redis::changes`].
    pub fn try_next(&mut self) -> Result<Option<Change>> {
        while self.pending.is_empty() {
            let (unit, changes) = match &mut self.log {
                Log::Disk(reader) => match reader.read()? {
                    Some((unit, effects)) => (unit, Change::all_of(Position(unit), effects)),
                    None => return Ok(None),
                },
                Log::Memory(log, next) => match log.read(*next)? {
                    Some(effects) => {
                        *next += 1;
                        (*next - 1, Change::all_of(Position(*next - 1), &effects))
                    }
                    None => return Ok(None),
                },
            };
            self.pending = changes.map_err(|error| Error::Unreadable {
                path: self
                    .redis
                    .disk()
                    .map_or_else(Default::default, |disk| disk.store().folder().to_owned()),
                why: format!("unit {unit} of its log: {error}"),
            })?;
        }
        Ok(self.pending.pop_front())
    }

    /// The next change, waited for so long and no longer; `None` if nothing was changed.
    ///
    /// # Errors
    /// [`Error::Store`], as [`Redis::changes`].
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Change>> {
        block_on_for(std::future::poll_fn(|context| self.poll_change(context)), limit).transpose()
    }

    /// Where a reader that is started later goes on: the first unit of which this one has not handed over all.
    pub fn position(&self) -> Position {
        let next = match &self.log {
            Log::Disk(reader) => reader.next_unit(),
            Log::Memory(_, next) => *next,
        };
        self.pending.front().map_or(Position(next), |change| change.unit)
    }

    fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<Result<Change>> {
        loop {
            if let Some(change) = self.try_next()? {
                self.grown = None;
                return Poll::Ready(Ok(change));
            }
            if let Some(grown) = &mut self.grown {
                ready!(Pin::new(grown).poll(context));
                self.grown = None;
            } else {
                // What was changed before somebody listens is seen by looking again.
                self.grown = Some(match &self.log {
                    Log::Disk(reader) => reader.listen(),
                    Log::Memory(log, _) => log.listen(),
                });
            }
        }
    }

    /// The next change; `None` for ever once there was an error.
    fn poll_change_or_end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Change>>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        let change = ready!(self.poll_change(context));
        self.has_failed = change.is_err();
        Poll::Ready(Some(change))
    }
}

impl Iterator for Changes {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        block_on(std::future::poll_fn(|context| self.poll_change_or_end(context)))
    }
}

impl Stream for Changes {
    type Item = Result<Change>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_change_or_end(context)
    }
}
