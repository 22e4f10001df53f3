//! How a unit that fails leaves everything as it was.
//!
//! A small value is kept whole when a door first touches its key, and a copy is changed in its place; a value that is taken out or
//! replaced is kept as it is. A big one is changed in place, and what would change it back is noted: effects, which are applied as
//! [`replay`](crate::replay) does. Steps back are taken in the opposite order, so each meets what it was noted for.
//!
//! What is kept belongs to keys. Where tables have grown they stay as large as they are, and a big value may keep some room that it
//! got.
use std::collections::HashMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use foldhash::fast::RandomState;

use super::record::Recorded;
use super::{Notes, Now, Recorder, Tx};
use crate::effect::Effect;
use crate::events::Classes;
use crate::keyspace::{Database, Entry, Taken};
use crate::reclaim::Removed;
use crate::replay;
use crate::script::Libraries;
use crate::types::{Collection, Encoding, Str, StrRef, Value, ValueRef};
use crate::{Error, Result, UnixMs};

/// A key of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) db: usize,
    pub(super) hash: u64,
    pub(super) key: Box<[u8]>,
}

/// One step back.
#[derive(Debug)]
enum Step {
    /// To what a key held, if it was there.
    Key(Name, Option<Taken>),
    /// To what belongs to the key of a big value.
    Head(Name, Head),
    /// By these effects, in this order.
    Effects(Name, Vec<Effect<'static>>),
    /// To a string of so many bytes.
    Length(Name, usize),
    /// To a deadline, or none.
    Deadline(Name, Option<UnixMs>),
    /// From a name to the one before, and to the access stamp that the value had there.
    Name { now: Name, before: Name, access: u32 },
    /// To what a database had in a shard.
    Database { shard: usize, db: usize, database: Box<Database> },
    /// To each other's places.
    Swap(usize, usize),
    /// To the libraries of functions that there were.
    Libraries(Arc<Libraries>),
}

/// Each takes what the program's own code and that of an interpreter take.
const MOST_PARTS: u8 = 8;

/// What belongs to the key of a big value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    deadline: Option<UnixMs>,
    access: u32,
    encoding: Encoding,
}

impl Name {
    pub(super) fn new(db: usize, hash: u64, key: &[u8]) -> Self {
        Self { db, hash, key: key.into() }
    }
}

impl Head {
    #[inline]
    pub(super) fn of(entry: &Entry) -> Self {
        Self { deadline: entry.deadline(), access: entry.access(), encoding: entry.value().encoding() }
    }

    fn with(self, value: Value) -> Taken {
        Taken { value, deadline: self.deadline, access: self.access }
    }

    /// Whether the value is in one block, which is soon copied.
    const fn is_packed(self) -> bool {
        matches!(self.encoding, Encoding::Listpack | Encoding::ListpackEx | Encoding::Intset)
    }
}

/// A value that is about to be replaced.
pub(super) struct Replaced {
    head: Head,
    /// A copy of what lies beside the key; anything else comes out whole.
    beside: Option<Str>,
}

/// The way back from what a unit has changed so far.
#[derive(Debug, Default)]
pub(super) struct Undo {
    steps: Vec<Step>,
    /// Keys that are kept whole: what becomes of them does not matter.
    kept: HashMap<(usize, u64), Vec<Box<[u8]>>, RandomState>,
    since: Mark,
}

/// What a unit had recorded and noted when the way back began.
#[derive(Debug, Default)]
struct Mark {
    recorded: Recorded,
    noted: Option<usize>,
    went: usize,
}

impl Undo {
    fn keeps(&self, db: usize, hash: u64, key: &[u8]) -> bool {
        self.kept.get(&(db, hash)).is_some_and(|keys| keys.iter().any(|kept| **kept == *key))
    }

    fn forget(&mut self, name: &Name) {
        if let Some(keys) = self.kept.get_mut(&(name.db, name.hash)) {
            keys.retain(|kept| *kept != name.key);
        }
    }

    /// Keeps the libraries that there were.
    pub(super) fn keep_libraries(&mut self, libraries: Arc<Libraries>) {
        self.steps.push(Step::Libraries(libraries));
    }

    /// Keeps what a key held, unless something older of it is kept; then it is given back.
    pub(super) fn keep(&mut self, name: Name, was: Option<Taken>) -> Option<Taken> {
        if self.keeps(name.db, name.hash, &name.key) {
            return was;
        }
        self.kept.entry((name.db, name.hash)).or_default().push(name.key.clone());
        self.steps.push(Step::Key(name, was));
        None
    }

    /// Before the value of a key is replaced; `None` if nothing has to be kept.
    pub(super) fn before_replacing(
        &self,
        db: usize,
        hash: u64,
        key: &[u8],
        entry: &Entry,
    ) -> Option<Replaced> {
        let beside = match entry.value() {
            ValueRef::String(StrRef::Shared(_)) => None,
            ValueRef::String(string) => Some(string.to_owned()),
            _ => None,
        };
        (!self.keeps(db, hash, key)).then(|| Replaced { head: Head::of(entry), beside })
    }

    /// After it was replaced; `out` is what came out.
    pub(super) fn replaced(&mut self, name: Name, replaced: Replaced, out: Option<Value>) {
        let value = out.or(replaced.beside.map(Value::String));
        let was = value.map(|value| replaced.head.with(value));
        let left = self.keep(name, was);
        debug_assert!(left.is_none(), "it was asked before whether it has to be kept");
    }

    /// Before a collection is changed through a door that tells how to change it back: true if it has to.
    pub(super) fn before_changing<T: Collection>(&mut self, name: Name, head: Head, value: &mut T) -> bool {
        if self.keeps(name.db, name.hash, &name.key) {
            return false;
        }
        if !head.is_packed() {
            self.steps.push(Step::Head(name, head));
            return true;
        }
        let copy = value.clone();
        let value = T::into_value(Box::new(mem::replace(value, copy)));
        self.keep(name, Some(head.with(value)));
        false
    }

    /// Before a string is written to from `offset` on.
    pub(super) fn before_writing(&mut self, name: Name, entry: &Entry, offset: usize, bytes: usize) {
        if self.keeps(name.db, name.hash, &name.key) {
            return;
        }
        let head = Head::of(entry);
        let ValueRef::String(string) = entry.value() else { return };
        match string {
            StrRef::Shared(shared) => {
                let old = &shared[offset.min(shared.len())..(offset + bytes).min(shared.len())];
                let patch = Effect::Patch { offset: offset as u64, bytes: old.to_vec().into() };
                self.steps.push(Step::Head(name.clone(), head));
                self.steps.push(Step::Length(name.clone(), shared.len()));
                if !old.is_empty() {
                    self.steps.push(Step::Effects(name, vec![patch]));
                }
            }
            small => drop(self.keep(name, Some(head.with(Value::String(small.to_owned()))))),
        }
    }

    /// Effects that take a big value back to what it is now.
    pub(super) fn before_effect(&mut self, name: Name, back: Vec<Effect<'static>>) {
        if !back.is_empty() {
            self.steps.push(Step::Effects(name, back));
        }
    }

    /// A big value was emptied, and its key is gone. It is kept, to be filled again.
    pub(super) fn emptied(&mut self, name: Name, was: Option<Taken>) {
        self.steps.push(Step::Key(name, was));
    }

    pub(super) fn before_deadline(&mut self, name: Name, at: Option<UnixMs>) {
        if !self.keeps(name.db, name.hash, &name.key) {
            self.steps.push(Step::Deadline(name, at));
        }
    }

    /// After a value has moved, which had an access stamp before. What is kept of either name is not what is there now.
    pub(super) fn moved(&mut self, (before, access): (Name, u32), now: Name) {
        self.forget(&before);
        self.forget(&now);
        self.steps.push(Step::Name { now, before, access });
    }

    pub(super) fn cleared(&mut self, shard: usize, db: usize, database: Box<Database>) {
        self.steps.push(Step::Database { shard, db, database });
    }

    pub(super) fn swapped(&mut self, first: usize, second: usize) {
        self.kept.clear();
        self.steps.push(Step::Swap(first, second));
    }

    /// What a part of the unit changed stays, unless the whole is undone.
    fn go_on(&mut self, part: Self) {
        // Keys that were kept before the part may have other names now.
        self.kept = part.kept;
        self.steps.extend(part.steps);
    }

    /// What was kept in vain, to be freed.
    fn into_removed(self) -> impl Iterator<Item = Removed> {
        self.steps.into_iter().filter_map(|step| match step {
            Step::Key(_, was) => was.map(|taken| Removed::Value(taken.value)),
            Step::Database { database, .. } => Some(Removed::Database(database)),
            _ => None,
        })
    }
}

impl Tx<'_> {
    /// From now on what this unit changes is undone when it ends, unless [`Tx::stand`] is called before.
    pub(crate) fn undo_later(&mut self) {
        let since =
            Mark { recorded: self.recorder.mark(), noted: self.notes.mark(), went: self.aftermath.mark() };
        self.undo = Some(Box::new(Undo { since, ..Undo::default() }));
    }

    /// Runs `body` as a part of this unit. If it fails or panics, what it changed is undone at once, and what was changed before stays. It may
    /// have parts itself, and those too, but not so many that the stack ends: then it is refused.
    ///
    /// # Errors
    /// What `body` panicked with.
    pub(crate) fn attempt<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T>,
    ) -> thread::Result<Result<T>> {
        if self.parts == MOST_PARTS {
            return Ok(Err(Error::refused(
                "ERR commands of the program that call each other by scripts are nested too deeply",
            )));
        }
        let mut whole = self.undo.take();
        self.undo_later();
        self.parts += 1;
        // What a panic leaves half done is undone; what is outside of the unit is for `body` to look after.
        let result = catch_unwind(AssertUnwindSafe(|| body(self)));
        self.parts -= 1;
        match (self.undo.take(), &result) {
            (Some(part), Ok(Ok(_))) => match &mut whole {
                Some(whole) => whole.go_on(*part),
                None => self.aftermath.removed.extend(part.into_removed()),
            },
            (Some(part), _) => self.roll_back(*part),
            (None, _) => {}
        }
        self.undo = whole;
        result
    }

    /// What was changed so far stays.
    pub(crate) fn stand(&mut self) {
        if let Some(undo) = self.undo.take() {
            self.aftermath.removed.extend(undo.into_removed());
        }
    }

    /// Undoes what was changed since the way back began. Nobody hears of it, no journal and no listener, because for others it has never
    /// happened.
    #[cold]
    pub(super) fn roll_back(&mut self, undo: Undo) {
        let recorder = mem::replace(&mut self.recorder, Recorder::new(false));
        let notes = mem::replace(&mut self.notes, Notes::new(Classes::NONE));
        let now = mem::replace(&mut self.now, Now::new(self.engine.clock()));
        self.now.stop_before_everything();
        for step in undo.steps.into_iter().rev() {
            self.step_back(step);
        }
        (self.recorder, self.notes, self.now) = (recorder, notes, now);
        self.recorder.rewind(undo.since.recorded);
        self.notes.rewind(undo.since.noted);
        self.aftermath.rewind(undo.since.went);
    }

    fn step_back(&mut self, step: Step) {
        match step {
            Step::Key(name, was) => {
                let Ok(shard) = self.shard_at(name.hash) else { return };
                let gone = shard.remove(name.db, name.hash, &name.key);
                if let Some(taken) = was {
                    shard.put_back(name.db, name.hash, &name.key, taken);
                }
                self.aftermath.removed.extend(gone.and_then(|gone| gone.pointed).map(Removed::Value));
            }
            Step::Head(name, head) => {
                if head.encoding == Encoding::Quicklist {
                    self.in_database(name.db, |tx| {
                        if let Ok(mut list) = tx.list_mut(&name.key) {
                            list.unpack();
                        }
                    });
                }
                let Ok(shard) = self.shard_at(name.hash) else { return };
                shard.set_deadline(name.db, name.hash, &name.key, head.deadline);
                if let Some(entry) = shard.get(name.db, name.hash, &name.key) {
                    entry.stamp(head.access);
                }
            }
            Step::Effects(name, effects) => self.in_database(name.db, |tx| {
                for effect in effects {
                    let applied = replay::apply_effect(tx, &name.key, &effect);
                    debug_assert_eq!(applied, Ok(()), "{effect:?} fits what it was noted for");
                }
            }),
            Step::Length(name, length) => {
                let Ok(shard) = self.shard_at(name.hash) else { return };
                if let Some(mut entry) = shard.get_mut(name.db, name.hash, &name.key) {
                    entry.change_string(|string| string.truncate(length));
                }
            }
            Step::Libraries(libraries) => drop(self.engine.scripts().set_libraries(libraries)),
            Step::Deadline(name, at) => {
                if let Ok(shard) = self.shard_at(name.hash) {
                    shard.set_deadline(name.db, name.hash, &name.key, at);
                }
            }
            Step::Name { now, before, access } => {
                let Ok(shard) = self.shard_at(now.hash) else { return };
                let place = shard.locate(now.db, now.hash, &now.key).map(|(place, _)| place);
                let taken = place.and_then(|place| shard.take_at(now.db, place));
                if let (Some(taken), Ok(shard)) = (taken, self.shard_at(before.hash)) {
                    shard.put_back(before.db, before.hash, &before.key, Taken { access, ..taken });
                }
            }
            Step::Database { shard, db, database } => {
                if let Some(shard) = self.locks.get_mut(shard) {
                    let made_since = shard.put_database(db, *database);
                    self.aftermath.removed.push(Removed::Database(Box::new(made_since)));
                }
            }
            Step::Swap(first, second) => {
                self.locks.iter_mut().for_each(|(_, shard)| shard.swap(first, second));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::engine::Engine;
    use crate::journal::Units;
    use crate::tx::Deadline;
    use crate::{EngineOptions, ManualClock, Random, Reply};

    const NOW: UnixMs = UnixMs(1_700_000_000_000);
    const SHARDS: usize = 4;

    /// One key of each kind, those of small values after those of big ones, and big ones that have become small.
    const KEYS: [&str; 34] = [
        "short",
        "int",
        "raw",
        "long",
        "list",
        "pieces",
        "few pieces",
        "hash",
        "table",
        "small table",
        "timed fields",
        "timed field table",
        "ints",
        "set",
        "members",
        "few members",
        "timed ints",
        "timed members",
        "timed member table",
        "zset",
        "ranks",
        "few ranks",
        "stream",
        "emptied stream",
        "array",
        "ring",
        "timed",
        "timed table",
        "expired",
        "expired table",
        "sparse",
        "dense",
        "vectors",
        "missing",
    ];

    /// The words of a line. A space in a key is written as an underscore.
    fn words(line: &str) -> Vec<Vec<u8>> {
        line.trim().split(' ').map(|word| word.replace('_', " ").into_bytes()).collect()
    }

    fn run(engine: &Engine, line: &str) {
        let words = words(line);
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        engine.execute(0, &words).unwrap_or_else(|error| panic!("{line}: {error}"));
    }

    fn engine() -> Engine {
        let clock = ManualClock::at(NOW);
        let options = EngineOptions { clock: Arc::new(clock.clone()), seed: 3, databases: 2, shards: SHARDS };
        let engine = Engine::new(options);
        let many = |line: &str, count: usize| {
            for n in 0..count {
                run(&engine, &line.replace('#', &n.to_string()));
            }
        };
        let padding = "p".repeat(60);
        ["SET short hello", "SET int 17", "APPEND raw x"].into_iter().for_each(|line| run(&engine, line));
        run(&engine, &format!("SETRANGE long 9000 {padding}"));
        ["PFADD sparse x y", "PFADD dense x y", "PFDEBUG TODENSE dense"]
            .into_iter()
            .for_each(|line| run(&engine, line));
        run(&engine, "RPUSH list e1 2 e3 e1");
        many(&format!("RPUSH pieces e#{padding}"), 400);
        many(&format!("RPUSH few_pieces e#{padding}"), 400);
        run(&engine, "LTRIM few_pieces 0 99");
        run(&engine, "HSET hash f1 v1 n 5");
        many("HSET table f# v#", 700);
        many("HSET small_table f# v#", 700);
        many("HDEL small_table f#", 697);
        run(&engine, "HSET timed_fields f1 v1 n 5 x y");
        run(&engine, "HPEXPIRE timed_fields 100000 FIELDS 2 n f1");
        run(&engine, "HPEXPIRE timed_fields 5 FIELDS 1 x");
        many("HSET timed_field_table f# v#", 700);
        many("HPEXPIRE timed_field_table 1000# FIELDS 1 f#", 699);
        run(&engine, "HPEXPIRE timed_field_table 5 FIELDS 2 f698 f697");
        run(&engine, "SADD ints 1 2 3");
        run(&engine, "SADD set a b 3");
        many("SADD members m#", 700);
        many("SADD few_members m#", 700);
        run(&engine, "SADD timed_ints 1 3 9");
        run(&engine, "SPEXPIRE timed_ints 100000 MEMBERS 1 3");
        run(&engine, "SADD timed_members a m5 q");
        run(&engine, "SPEXPIRE timed_members 100000 MEMBERS 2 m5 a");
        run(&engine, "SPEXPIRE timed_members 5 MEMBERS 1 q");
        many("SADD timed_member_table m#", 700);
        many("SPEXPIRE timed_member_table 1000# MEMBERS 1 m#", 699);
        run(&engine, "SPEXPIRE timed_member_table 5 MEMBERS 2 m698 m697");
        many("SREM few_members m#", 698);
        run(&engine, "ZADD zset 1 m1 2 m2");
        many("ZADD ranks # m#", 300);
        many("ZADD few_ranks # m#", 300);
        many("ZREM few_ranks m#", 298);
        many("XADD stream 1-* f v#", 250);
        run(&engine, "XGROUP CREATE stream g 0");
        run(&engine, "XREADGROUP GROUP g alice COUNT 5 STREAMS stream >");
        run(&engine, "XADD emptied_stream 5-0 f v");
        run(&engine, "XTRIM emptied_stream MAXLEN 0");
        if cfg!(feature = "vector-sets") {
            many("VADD vectors VALUES 3 1 2 # v# M 4 SETATTR {}", 40);
        }
        many("ARSET array # v#", 30);
        run(&engine, "ARMSET array 5000 far 18446744073709551614 last");
        many("ARRING ring 8 v#", 11);
        run(&engine, "SET timed v PX 100000");
        many("HSET timed_table f# v#", 700);
        run(&engine, "PEXPIRE timed_table 100000");
        run(&engine, "SET expired v PX 5");
        many("HSET expired_table f# v#", 700);
        run(&engine, "PEXPIRE expired_table 5");
        clock.advance(Duration::from_secs(1));
        engine
    }

    /// Everything that there is of every key, and what it takes; but not what a big value takes, because it keeps room that it got.
    fn state(engine: &Engine) -> Vec<(String, usize)> {
        let mut state = Vec::new();
        for index in 0..SHARDS {
            let shard = engine.keyspace().read(index);
            assert!(shard.is_counted_right(), "every byte is counted");
            for (db, database) in shard.databases().iter().enumerate() {
                for entry in database.iter() {
                    let head = Head::of(entry);
                    let is_small = match entry.value() {
                        ValueRef::String(string) => !matches!(string, StrRef::Shared(_)),
                        _ => head.is_packed(),
                    };
                    let bytes = if is_small { entry.recounted_bytes() } else { 0 };
                    let mut value = match entry.value() {
                        ValueRef::Hash(hash) => match hash.iter_timed() {
                            Some(timed) => timed
                                .map(|(field, value, at)| {
                                    format!("{:?} {:?} {at:?}", field.copy(), value.copy())
                                })
                                .collect(),
                            None => hash
                                .iter()
                                .map(|pair| format!("{:?} {:?}", pair.0.copy(), pair.1.copy()))
                                .collect::<Vec<_>>(),
                        },
                        ValueRef::Set(set) => match set.iter_timed() {
                            Some(timed) => {
                                timed.map(|(member, at)| format!("{:?} {at:?}", member.copy())).collect()
                            }
                            None => set.iter().map(|member| format!("{:?}", member.copy())).collect(),
                        },
                        // Entries that were deleted and come back do so to parts that count them as deleted.
                        ValueRef::Stream(stream) => {
                            let image = stream.image();
                            let ids = (image.last_id, image.max_deleted_id, image.entries_added);
                            let entries: Vec<_> =
                                stream.iter().map(|entry| (entry.id, entry.to_words())).collect();
                            vec![format!("{ids:?} {entries:?} {:?} {:?}", image.groups, image.producers)]
                        }
                        // Elements come back to other places, with other neighbours.
                        #[cfg(feature = "vector-sets")]
                        ValueRef::VectorSet(set) => {
                            let image = set.image();
                            let elements = image.elements.into_iter();
                            elements
                                .map(|element| {
                                    format!(
                                        "{:?} {:?} {:?}",
                                        element.name, element.vector, element.attributes
                                    )
                                })
                                .collect()
                        }
                        other => vec![format!("{:?}", other.image())],
                    };
                    value.sort_unstable();
                    let key = String::from_utf8_lossy(entry.key());
                    let Head { deadline, encoding, .. } = head;
                    let value = value.join(" ");
                    state.push((format!("{db} {key} {deadline:?} {encoding:?} {value}"), bytes));
                }
            }
        }
        state.sort_unstable();
        state
    }

    /// Commands of every kind; `%1` and `%2` are keys.
    const COMMANDS: &[&str] = &[
        "SET %1 v",
        "SET %1 5 EX 100",
        "SET %1 v PXAT 1",
        "SET %1 v KEEPTTL",
        "GETEX %1 EX 50",
        "GETEX %1 PERSIST",
        "GETDEL %1",
        "APPEND %1 abc",
        "APPEND %1 abc",
        "SETRANGE %1 3 abc",
        "SETRANGE %1 8000 abc",
        "SETRANGE %1 9500 abc",
        "SETBIT %1 5 1",
        "SETBIT %1 20 0",
        "SETBIT %1 70000 1",
        "SETBIT %1 80000 0",
        "BITFIELD %1 SET u8 #3 9 INCRBY i16 71990 7 SET u32 3 77",
        "BITFIELD %1 OVERFLOW FAIL INCRBY u2 90000 5",
        "BITOP NOT %1 %2",
        "BITOP XOR %1 %1 %2",
        "PFADD %1 a b",
        "PFADD %1",
        "PFCOUNT %1",
        "PFMERGE %1 %2",
        "PFDEBUG TODENSE %1",
        "INCREX %1 BYINT 3 EX 100 ENX",
        "INCREX %1 BYFLOAT 0.5 PERSIST",
        "INCR %1",
        "INCRBYFLOAT %1 1.5",
        "MSET %1 a %2 b",
        "DEL %1",
        "DEL %1 %2",
        "RENAME %1 %2",
        "RENAME %1 %2",
        "COPY %1 %2 REPLACE",
        "MOVE %1 1",
        "EXPIRE %1 100",
        "EXPIRE %1 -1",
        "PERSIST %1",
        "HSET %1 f1 w f2 w n 3",
        "HSET %1 f698 w new w",
        "HDEL %1 f698 f1 n",
        "HDEL %1 f697 f698 f699",
        "HINCRBY %1 n 2",
        "HSETNX %1 x y",
        "HINCRBY %1 f698 2",
        "HEXPIRE %1 50 FIELDS 3 f1 n f5",
        "HPEXPIRE %1 1 FIELDS 2 f6 f2",
        "HEXPIRE %1 0 FIELDS 3 f1 f7 n",
        "HPERSIST %1 FIELDS 3 f1 f8 n",
        "HGETDEL %1 FIELDS 4 f1 x f9 f698",
        "HGETEX %1 PXAT 1 FIELDS 3 f1 f10 n",
        "HGETEX %1 PERSIST FIELDS 3 f1 f11 n",
        "HGETEX %1 EX 7 FIELDS 3 f697 f11 n",
        "HSETEX %1 EX 70 FIELDS 3 f1 w f12 w q w",
        "HSETEX %1 KEEPTTL FIELDS 2 f1 w f13 w",
        "HSETEX %1 FXX PXAT 1 FIELDS 2 f14 w x w",
        "LPUSH %1 a b",
        "RPUSH %1 c",
        "LPOP %1",
        "RPOP %1 3",
        "LPOP %1 1000",
        "LPOP %1 90",
        "LTRIM %1 1 -2",
        "LTRIM %1 5 4",
        "LTRIM %1 40 60",
        "LSET %1 0 z",
        "LSET %1 -1 z",
        "LINSERT %1 BEFORE e1 y",
        "LINSERT %1 AFTER e3 y",
        "LREM %1 0 e1",
        "LMOVE %1 %2 LEFT RIGHT",
        "LMOVE %1 %1 RIGHT LEFT",
        "RPOPLPUSH %2 %1",
        "SADD %1 a x 9",
        "SADD %1 m5 q",
        "SREM %1 a 3",
        "SREM %1 m698 m699",
        "SPOP %1",
        "SPOP %1 1000",
        "SMOVE %1 %2 m5",
        "SEXPIRE %1 50 MEMBERS 3 a 3 m5",
        "SPEXPIRE %1 1 MEMBERS 2 m6 9",
        "SEXPIRE %1 0 MEMBERS 3 a m7 1",
        "SPERSIST %1 MEMBERS 3 a m8 3",
        "SADD %1 q m697",
        "SPOP %1 650",
        "SINTERSTORE %1 %2 %2",
        "SUNIONSTORE %1 %1 %2",
        "SDIFFSTORE %1 %2 %1",
        "ZADD %1 5 m1 6 new",
        "ZADD %1 9 m299",
        "ZINCRBY %1 3 m298",
        "ZREM %1 m1 m298 m299",
        "ZPOPMIN %1",
        "ZPOPMAX %1 1000",
        "ZREMRANGEBYRANK %1 0 10",
        "ZRANGESTORE %1 %2 0 -1",
        "ZUNIONSTORE %1 2 %1 %2",
        "GEOADD %1 5 6 m1 7 8 new",
        "GEOSEARCHSTORE %1 %2 FROMLONLAT 0 0 BYRADIUS 9 KM",
        "SORT %1 ALPHA STORE %2",
        "XADD %1 7-* f v g w",
        "XADD %1 MAXLEN 100 8-* f v",
        "XADD %1 IDMP p %2 * f v",
        "XADD %1 IDMP q a * f v",
        "XADD %1 IDMPAUTO p * f %2",
        "XCFGSET %1 IDMP-MAXSIZE 3",
        "XCFGSET %1 IDMP-DURATION 1 IDMP-MAXSIZE 4",
        "XDEL %1 1-3 1-200",
        "XTRIM %1 MINID 1-50",
        "XSETID %1 99-0",
        "XGROUP CREATE %1 h $ MKSTREAM",
        "XGROUP DESTROY %1 g",
        "XGROUP DELCONSUMER %1 g alice",
        "XREADGROUP GROUP g bob COUNT 3 STREAMS %1 >",
        "XREADGROUP GROUP g alice STREAMS %1 0",
        "XACK %1 g 1-1 1-2",
        "XCLAIM %1 g carol 0 1-1 1-2 1-200 FORCE",
        "XAUTOCLAIM %1 g carol 0 0",
        "ARSET %1 3 a b c d e f g",
        "ARMSET %1 28 w 9 8 1000000 z 9 y",
        "ARDEL %1 3 28 7",
        "ARDELRANGE %1 2 20 5000 0",
        "ARDELRANGE %1 0 18446744073709551614",
        "ARINSERT %1 x y z",
        "ARSEEK %1 6",
        "ARRING %1 4 p q",
        "ARRING %1 12 p q r s t u v w x y z 1 2 3 4",
        "FLUSHDB",
        "SWAPDB 0 1",
        "FLUSHALL",
    ];

    const VECTOR_COMMANDS: &[&str] = if cfg!(feature = "vector-sets") {
        &[
            "VADD %1 VALUES 3 3 2 1 v5 M 4",
            "VADD %1 VALUES 3 3 2 1 new M 4 EF 9 SETATTR {1}",
            "VADD %1 VALUES 3 1 1 1 v7",
            "VADD %1 VALUES 3 1 1 1 v7",
            "VREM %1 v5",
            "VREM %1 v39",
            "VREM %1 v7",
            "VSETATTR %1 v6 {2}",
        ]
    } else {
        &[]
    };

    /// Runs some commands in a unit that can be undone.
    fn run_some(engine: &Engine, seed: u64) -> (Tx<'_>, Vec<String>) {
        let mut tx = engine.begin(0, engine.keyspace().write_many(0..SHARDS), None);
        tx.undo_later();
        let lines = run_any(&mut tx, &Random::from_seed(seed));
        (tx, lines)
    }

    /// Runs some commands. Refusals are no reason to stop.
    fn run_any(tx: &mut Tx<'_>, random: &Random) -> Vec<String> {
        let engine = tx.engine();
        let mut lines = Vec::new();
        for _ in 0..=random.below(8) {
            let key = || KEYS[random.below(KEYS.len() as u64) as usize].replace(' ', "_");
            let number = random.below((COMMANDS.len() + VECTOR_COMMANDS.len()) as u64) as usize;
            let template = COMMANDS.get(number).unwrap_or_else(|| &VECTOR_COMMANDS[number - COMMANDS.len()]);
            let (first, second) = (key(), key());
            let line = template.replace("%1", &first).replace("%2", &second);
            let words = words(&line);
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let command = engine.prepare(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
            let _ = command.run(tx, None);
            lines.push(line);
        }
        lines
    }

    /// What is there, however it is kept.
    fn digest(engine: &Engine) -> Reply {
        engine.configure(&[("enable-debug-command", b"yes")]).unwrap();
        engine.execute(0, &[b"DEBUG", b"DIGEST"]).unwrap()
    }

    #[test]
    fn a_unit_that_is_undone_has_never_happened() {
        let engine = engine();
        let units = Arc::new(Units::default());
        engine.set_journal(units.clone());
        let before = state(&engine);
        for seed in 0..1500 {
            let (tx, lines) = run_some(&engine, seed);
            drop(tx);
            let after = state(&engine);
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(before, after, "seed {seed}: {lines:?}");
            }
            assert_eq!(before.len(), after.len(), "seed {seed}: {lines:?}");
        }
        assert_eq!(units.last(), 0, "nothing is in the log");
    }

    #[test]
    fn a_unit_that_stands_leaves_what_it_leaves_without_a_way_back() {
        for seed in 0..200 {
            let (undoable, plain) = (engine(), engine());
            let (mut tx, lines) = run_some(&undoable, seed);
            tx.stand();
            drop(tx);
            let mut tx = plain.begin(0, plain.keyspace().write_many(0..SHARDS), None);
            for line in &lines {
                let words = words(line);
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                let _ = plain.prepare(&words).unwrap().run(&mut tx, None);
            }
            drop(tx);
            let values =
                |engine: &Engine| -> Vec<_> { state(engine).into_iter().map(|(value, _)| value).collect() };
            assert_eq!(values(&undoable), values(&plain), "seed {seed}: {lines:?}");
        }
    }

    #[test]
    fn a_part_that_fails_has_never_happened_and_the_rest_of_its_unit_has() {
        let untouched = state(&engine());
        for seed in 0..300 {
            let (changed, units, random) = (engine(), Arc::new(Units::default()), Random::from_seed(seed));
            changed.set_journal(units.clone());
            let is_undone = random.below(3) == 0;
            let mut tx = changed.begin(0, changed.keyspace().write_many(0..SHARDS), None);
            if is_undone {
                tx.undo_later();
            }
            let mut lines = Vec::new();
            for _ in 0..4 {
                let fails = random.below(2) == 0;
                let part = tx.attempt(|tx| {
                    lines.push((fails, run_any(tx, &random)));
                    if fails { Err(Error::Syntax) } else { Ok(()) }
                });
                assert_eq!(part.unwrap().is_err(), fails);
            }
            drop(tx);
            if is_undone {
                assert_eq!((state(&changed), units.last()), (untouched.clone(), 0), "seed {seed}: {lines:?}");
                continue;
            }
            // The log knows nothing of what failed.
            let read_again = engine();
            for unit in units.0.lock().iter() {
                read_again.replay(unit, read_again.shard_sections(), |_| false).unwrap();
            }
            assert_eq!(digest(&changed), digest(&read_again), "seed {seed}: {lines:?}");
        }
    }

    #[test]
    fn keys_that_were_written_to_keep_their_access_stamps() {
        let engine = engine();
        let stamps = || {
            let stamp = |key: &str| {
                let hash = engine.keyspace().hash(key.as_bytes());
                let shard = engine.keyspace().read(engine.keyspace().index(hash));
                shard.get(0, hash, key.as_bytes()).map(Entry::access)
            };
            KEYS.map(stamp)
        };
        let before = stamps();
        let mut tx = engine.begin(0, engine.keyspace().write_many(0..SHARDS), None);
        tx.undo_later();
        for line in
            ["SET short w", "SADD few_members q", "HSET hash f w", "LPOP pieces 1000", "RENAME table list"]
        {
            let words = words(line);
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            engine.prepare(&words).unwrap().run(&mut tx, None).unwrap();
        }
        drop(tx);
        assert_eq!(stamps(), before);
    }

    #[test]
    fn a_panic_undoes_too() {
        let engine = engine();
        let before = state(&engine);
        let body = || {
            engine.transaction(0, &[b"list", b"pieces"], |tx| -> Result<(), Error> {
                tx.list_mut(b"list")?.push_back(&[b"x"]);
                tx.set_string(b"list", StrRef::from_bytes(b"x"), Deadline::Clear)?;
                let mut list = tx.list_mut(b"pieces")?;
                list.keep(3, 5);
                panic!("in the middle of a door");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
        assert_eq!(state(&engine), before);
    }
}
