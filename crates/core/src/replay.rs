//! From effects back to a keyspace.
//!
//! Replay judges nothing: no parser, no clock, no condition. Deadlines are data; nothing expires before the engine runs.
use std::sync::Arc;

use crate::codec::{self, DecodeError};
use crate::effect::{Effect, Image};
use crate::engine::Engine;
use crate::events::Classes;
use crate::keyspace::{Locks, WriteLocks};
use crate::script::Libraries;
use crate::sections::Sections;
use crate::tx::{Deadline, ListMut, Notes, Recorder, Tx};
#[cfg(feature = "vector-sets")]
use crate::types::VectorSet;
use crate::types::{Array, Hash, List, Set, StrRef, Stream, Value, ZSet};
use crate::{Error, UnixMs};

/// Effects that cannot be applied: they were not written by an engine of this version, or are damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The bytes are no effects.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An effect does not fit the state it met.
    #[error("an effect does not fit the state before it: {effect}: {source}")]
    Apply {
        /// The effect, shortened.
        effect: String,
        /// Why not.
        source: Error,
    },
    /// An effect names a database that this store does not have.
    #[error("database {db} does not exist here; open the store with more databases")]
    Database {
        /// Its number.
        db: u32,
    },
}

impl Engine {
    /// Applies a block of a snapshot. Blocks may be loaded by several threads at once.
    ///
    /// # Errors
    /// If the block is not one that [`Copying`](crate::Copying) made.
    pub fn load(&self, block: &[u8]) -> Result<(), ReplayError> {
        let mut cursor = Cursor::default();
        for effect in codec::decode(block) {
            let effect = effect?;
            if cursor.moves_to(&effect, self)? {
                continue;
            }
            let index = self.keyspace().index(self.keyspace().hash(cursor.key));
            let locks = Locks::One(index, self.keyspace().write(index));
            let mut tx = self.begin_replay(cursor.db, locks);
            apply(&mut tx, &cursor, &effect)?;
        }
        Ok(())
    }

    /// Applies a unit, but not to sections for which `is_newer` says that they have it already.
    ///
    /// # Errors
    /// If the unit was not recorded by an engine, or does not follow on what was applied before.
    pub fn replay(
        &self,
        unit: &[u8],
        sections: Sections,
        is_newer: impl Fn(usize) -> bool,
    ) -> Result<(), ReplayError> {
        let place_of = |key: &[u8]| {
            let hash = self.keyspace().hash(key);
            let index = self.keyspace().index(hash);
            (index, sections.of(index, hash))
        };
        let mut indexes = smallvec::SmallVec::<[usize; 4]>::new();
        // Libraries are copied with the first section.
        let has_libraries = is_newer(0);
        for effect in codec::decode(unit) {
            match effect? {
                Effect::On { key } | Effect::Rename { to: key } => {
                    let (index, section) = place_of(&key);
                    indexes.extend((!is_newer(section)).then_some(index));
                }
                effect if effect.is_about_all() => {
                    let is_behind = |index: &usize| !sections.of_shard(*index).all(&is_newer);
                    indexes.extend((0..self.keyspace().len()).filter(is_behind));
                }
                _ => {}
            }
        }
        indexes.sort_unstable();
        indexes.dedup();
        let locks = self.keyspace().write_many(indexes.iter().copied());
        let mut tx = self.begin_replay(0, locks);
        let mut cursor = Cursor::default();
        for effect in codec::decode(unit) {
            let effect = effect?;
            if cursor.moves_to(&effect, self)? {
                continue;
            }
            let db = cursor.db;
            if matches!(effect, Effect::Libraries(_)) {
                if !has_libraries {
                    apply(&mut tx, &cursor, &effect)?;
                }
            } else if effect.is_about_all() {
                // A shard that was being copied then has sections that it must not touch.
                let halves = indexes.iter().filter(|index| sections.of_shard(**index).any(&is_newer));
                let has_it = |index, hash| is_newer(sections.of(index, hash));
                let aside: Vec<_> = halves.flat_map(|index| tx.set_aside(*index, has_it)).collect();
                tx.in_database(db, |tx| apply(tx, &cursor, &effect))?;
                tx.put_back(aside);
            } else if !is_newer(place_of(cursor.key).1) {
                tx.in_database(db, |tx| apply(tx, &cursor, &effect))?;
            }
        }
        Ok(())
    }

    /// Takes everything apart into effects and builds it anew from them, in one step for everybody else.
    ///
    /// # Errors
    /// If effects do not say what was there.
    pub(crate) fn reload(&self) -> Result<(), ReplayError> {
        let locks = self.keyspace().write_many(0..self.keyspace().len());
        let (mut encoded, now) = (Vec::new(), self.clock().now());
        for (_, shard) in locks.iter() {
            for (db, database) in shard.databases().iter().enumerate() {
                codec::encode(&Effect::Select { db: db as u32 }, &mut encoded);
                for entry in database.iter().filter(|entry| entry.is_alive(|| now)) {
                    codec::encode(&Effect::On { key: entry.key().into() }, &mut encoded);
                    let put = Effect::Put { value: entry.value().image(), expire_at: entry.deadline() };
                    codec::encode(&put, &mut encoded);
                }
            }
        }
        let mut tx = self.begin_replay(0, locks);
        tx.clear_all();
        let mut cursor = Cursor::default();
        for effect in codec::decode(&encoded) {
            let effect = effect?;
            if !cursor.moves_to(&effect, self)? {
                let db = cursor.db;
                tx.in_database(db, |tx| apply(tx, &cursor, &effect))?;
            }
        }
        Ok(())
    }

    /// A unit that nobody hears of and that goes to no journal.
    fn begin_replay<'e>(&'e self, db: usize, locks: WriteLocks<'e>) -> Tx<'e> {
        Tx::new(self, db, locks, None, Recorder::new(false), Notes::new(Classes::NONE)).replaying()
    }
}

/// Where the effects are: `Select` and `On` so far.
#[derive(Default)]
struct Cursor<'a> {
    db: usize,
    key: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// True if the effect only says where the next ones are.
    fn moves_to(&mut self, effect: &Effect<'a>, engine: &Engine) -> Result<bool, ReplayError> {
        let check = |db: u32| {
            if (db as usize) < engine.databases() {
                Ok(db as usize)
            } else {
                Err(ReplayError::Database { db })
            }
        };
        match effect {
            Effect::Select { db } => self.db = check(*db)?,
            Effect::On { key } => match key.0 {
                std::borrow::Cow::Borrowed(key) => self.key = key,
                std::borrow::Cow::Owned(_) => unreachable!("the codec lends its bytes"),
            },
            Effect::Move { db } => return check(*db).map(|_| false),
            Effect::SwapDb { first, second } => return check(*first.max(second)).map(|_| false),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn apply(tx: &mut Tx<'_>, cursor: &Cursor<'_>, effect: &Effect<'_>) -> Result<(), ReplayError> {
    let shown = || {
        let mut shown = format!("{effect:?}");
        shown.truncate(shown.floor_char_boundary(200));
        shown
    };
    apply_effect(tx, cursor.key, effect).map_err(|source| ReplayError::Apply { effect: shown(), source })
}

/// Makes the change that an effect tells of, to a key of the selected database.
pub(crate) fn apply_effect(tx: &mut Tx<'_>, key: &[u8], effect: &Effect<'_>) -> Result<(), Error> {
    let deadline = |at: &Option<UnixMs>| at.map_or(Deadline::Clear, Deadline::At);
    let found = |found: bool| if found { Ok(()) } else { Err(Error::NoSuchKey) };
    match effect {
        Effect::Select { .. } | Effect::On { .. } => Ok(()),
        // While a store is opened nobody else changes them.
        Effect::Libraries(change) => {
            let mut libraries = Libraries::clone(&tx.engine().scripts().libraries());
            change.apply(&mut libraries)?;
            drop(tx.engine().scripts().set_libraries(Arc::new(libraries)));
            Ok(())
        }
        Effect::SetString { value, expire_at } => {
            tx.set_string(key, StrRef::from_bytes(value), deadline(expire_at))
        }
        Effect::Put { value: Image::String(value), expire_at } => {
            tx.set_string(key, StrRef::from_bytes(value), deadline(expire_at))
        }
        Effect::Put { value, expire_at } => {
            let value = build(tx, value)?;
            tx.put(key, value, deadline(expire_at))
        }
        Effect::Del => found(tx.remove(key)?),
        Effect::ExpireAt { at } => found(tx.set_deadline(key, Some(*at))?),
        Effect::Persist => found(tx.set_deadline(key, None)?),
        Effect::Rename { to } => found(tx.rename(key, to)?),
        Effect::Move { db } => found(tx.move_to(key, *db as usize)?),
        Effect::Clear => {
            tx.clear();
            Ok(())
        }
        Effect::ClearAll => {
            tx.clear_all();
            Ok(())
        }
        Effect::SwapDb { first, second } => {
            tx.swap_databases(*first as usize, *second as usize);
            Ok(())
        }
        Effect::Patch { offset, bytes } => tx.write_at(key, *offset as usize, bytes).map(drop),
        Effect::HSet { field, value } => tx.hash_mut(key).map(|mut hash| {
            hash.insert(field, value);
        }),
        Effect::HDel { field } => found(tx.hash_mut(key)?.remove(field)),
        Effect::PushFront { value } => tx.list_mut(key).map(|mut list| list.push_front(&[value])),
        Effect::PushBack { value } => tx.list_mut(key).map(|mut list| list.push_back(&[value])),
        Effect::PopFront => found(settled(tx.list_mut(key)?, |list| list.pop_front().is_some())),
        Effect::PopBack => found(settled(tx.list_mut(key)?, |list| list.pop_back().is_some())),
        Effect::ListSet { index, value } => {
            let list = tx.list_mut(key)?;
            found((*index as usize) < list.len())?;
            settled(list, |list| list.set(*index as usize, value));
            Ok(())
        }
        Effect::ListInsert { index, value } => {
            let mut list = tx.list_mut(key)?;
            let (index, len) = (*index as usize, list.len());
            found(len > 0 && index <= len)?;
            if index == len {
                list.insert_after(index - 1, value);
            } else {
                list.insert_before(index, value);
            }
            Ok(())
        }
        Effect::ListRemove { index } => {
            found(settled(tx.list_mut(key)?, |list| list.remove(*index as usize).is_some()))
        }
        Effect::ListKeep { start, end } => {
            let list = tx.list_mut(key)?;
            let end = (*end as usize).min(list.len());
            settled(list, |list| list.keep((*start as usize).min(end), end));
            Ok(())
        }
        Effect::SAdd { member } => tx.set_mut(key).map(|mut set| {
            set.insert(member);
        }),
        Effect::SRem { member } => found(tx.set_mut(key)?.remove(member)),
        Effect::ZAdd { member, score } => tx.zset_mut(key).map(|mut zset| {
            zset.insert(member, *score);
        }),
        Effect::ZRem { member } => found(tx.zset_mut(key)?.remove(member).is_some()),
        Effect::Stream(change) => found(tx.stream_mut(key)?.apply(change, None)),
        Effect::HExpireAt { field, at } => found(tx.hash_mut(key)?.set_deadline(field, Some(*at))),
        Effect::HPersist { field } => found(tx.hash_mut(key)?.set_deadline(field, None)),
        Effect::SExpireAt { member, at } => found(tx.set_mut(key)?.set_deadline(member, Some(*at))),
        Effect::SPersist { member } => found(tx.set_mut(key)?.set_deadline(member, None)),
        Effect::Array(change) => found(tx.array_mut(key)?.apply(change, None)),
        #[cfg(feature = "vector-sets")]
        Effect::Vector(change) => found(tx.vector_set_mut(key)?.apply(change, None)),
        #[cfg(not(feature = "vector-sets"))]
        Effect::Vector(_) => Err(Error::refused(NO_VECTOR_SETS)),
    }
}

#[cfg(not(feature = "vector-sets"))]
const NO_VECTOR_SETS: &str = "ERR there are vector sets in the store: build with the feature vector-sets";

fn settled<T>(mut list: ListMut<'_, '_>, change: impl FnOnce(&mut ListMut<'_, '_>) -> T) -> T {
    let result = change(&mut list);
    list.settle();
    result
}

/// The value that an image is of, in the form that this store keeps such a value in.
pub(crate) fn build(tx: &Tx<'_>, image: &Image<'_>) -> Result<Value, Error> {
    Ok(match image {
        Image::String(value) => Value::String(StrRef::from_bytes(value).to_owned()),
        Image::List(values) => {
            let mut list = tx.build::<List>()?;
            values.iter().for_each(|value| list.push_back(value));
            list.into_value()
        }
        Image::Hash(fields) => {
            let mut hash = tx.build::<Hash>()?;
            fields.iter().for_each(|(field, value)| hash.insert(field, value));
            hash.into_value()
        }
        Image::TimedHash(fields) => {
            let mut hash = tx.build::<Hash>()?;
            fields.iter().for_each(|(field, value, at)| hash.insert_until(field, value, *at));
            hash.into_value()
        }
        Image::Set(members) => {
            let mut set = tx.build::<Set>()?;
            members.iter().for_each(|member| {
                set.insert(member);
            });
            set.into_value()
        }
        Image::TimedSet(members) => {
            let mut set = tx.build::<Set>()?;
            members.iter().for_each(|(member, at)| set.insert_until(member, *at));
            set.into_value()
        }
        Image::ZSet(members) => {
            let mut zset = tx.build::<ZSet>()?;
            // Not when the first long one comes: those before it would have been packed, which makes one of both zeros.
            zset.expect(members.len(), members.iter().map(|(member, _)| member.len()).max().unwrap_or(0));
            members.iter().for_each(|(member, score)| zset.insert(member, *score));
            zset.into_value()
        }
        Image::Stream(image) => {
            let stream = Stream::from_image(image);
            Value::Stream(Box::new(stream.ok_or(Error::refused("ERR the stream contradicts itself"))?))
        }
        Image::Array(image) => {
            let array = Array::from_image(image).filter(|array| !array.is_empty());
            Value::Array(Box::new(array.ok_or(Error::refused("ERR the array contradicts itself"))?))
        }
        #[cfg(feature = "vector-sets")]
        Image::VectorSet(image) => {
            let set = VectorSet::from_image(image);
            Value::VectorSet(Box::new(set.ok_or(Error::refused("ERR the vector set contradicts itself"))?))
        }
        #[cfg(not(feature = "vector-sets"))]
        Image::VectorSet(_) => return Err(Error::refused(NO_VECTOR_SETS)),
    })
}
