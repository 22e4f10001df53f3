//! From effects back to a keyspace, and from a keyspace to effects.
//!
//! Replay judges nothing: no parser, no clock, no condition. Deadlines are data; nothing expires before the engine runs.
//!
//! A snapshot is taken shard by shard while writers go on, so its sections are from different moments. Each says after which
//! unit it was copied, and [`Engine::replay`] leaves out what a section already has. The one effect that carries a
//! value from one shard to another, a rename, is recorded as a whole value while a copy is being made.
use std::sync::atomic::Ordering;

use crate::codec::{self, DecodeError};
use crate::effect::{Effect, Image};
use crate::engine::Engine;
use crate::tx::{Deadline, ListMut, Recorder, Tx};
use crate::types::{Hash, List, Set, StrRef, Value, ZSet};
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

/// About how many bytes of effects one block of a snapshot holds.
const BLOCK_BYTES: usize = 1 << 20;

impl Engine {
    /// How many shards there are: sections of a snapshot.
    pub fn shards(&self) -> usize {
        self.keyspace().len()
    }

    /// Between `true` and `false`, sections are being copied; see the head of this file.
    pub fn set_copying(&self, copying: bool) {
        self.copying_flag().store(copying, Ordering::SeqCst);
    }

    /// Hands the content of one shard to `sink` as blocks of effects, and returns what `position` says while the shard
    /// stands still: the number of the last unit whose effects are in it.
    pub fn copy_shard(
        &self,
        index: usize,
        sink: &mut dyn FnMut(&[u8]),
        position: impl FnOnce() -> u64,
    ) -> u64 {
        let mut blocks = Vec::new();
        let position = {
            let shard = self.keyspace().read(index);
            let mut block = Vec::new();
            for (db, database) in shard.databases().iter().enumerate() {
                for (at, entry) in database.iter().enumerate() {
                    // Each block stands on its own, so that blocks can be loaded in any order.
                    if block.is_empty() || at == 0 {
                        codec::encode(&Effect::Select { db: db as u32 }, &mut block);
                    }
                    codec::encode(&Effect::On { key: entry.key().into() }, &mut block);
                    let put = Effect::Put { value: entry.value().image(), expire_at: entry.deadline() };
                    codec::encode(&put, &mut block);
                    if block.len() >= BLOCK_BYTES {
                        blocks.push(std::mem::take(&mut block));
                    }
                }
            }
            blocks.push(block);
            position()
        };
        blocks.iter().filter(|block| !block.is_empty()).for_each(|block| sink(block));
        position
    }

    /// Applies a block of a snapshot. Blocks may be loaded by several threads at once.
    ///
    /// # Errors
    /// If the block is not one that [`Engine::copy_shard`] made.
    pub fn load(&self, block: &[u8]) -> Result<(), ReplayError> {
        let mut cursor = Cursor::default();
        for effect in codec::decode(block) {
            let effect = effect?;
            if cursor.moves_to(&effect, self)? {
                continue;
            }
            let index = self.keyspace().index(self.keyspace().hash(cursor.key));
            let locks = self.keyspace().write_many([index]);
            let mut tx = Tx::new(self, cursor.db, locks, None, Recorder::new(false)).replaying();
            apply(&mut tx, &cursor, &effect)?;
        }
        Ok(())
    }

    /// Applies a unit, but not to shards for which `is_newer` says that they have it already.
    ///
    /// # Errors
    /// If the unit was not recorded by an engine, or does not follow on what was applied before.
    pub fn replay(&self, unit: &[u8], is_newer: impl Fn(usize) -> bool) -> Result<(), ReplayError> {
        let index_of = |key: &[u8]| self.keyspace().index(self.keyspace().hash(key));
        let mut indexes = smallvec::SmallVec::<[usize; 4]>::new();
        for effect in codec::decode(unit) {
            match effect? {
                Effect::On { key } => indexes.push(index_of(&key)),
                Effect::Rename { to } => indexes.push(index_of(&to)),
                Effect::Clear | Effect::ClearAll | Effect::SwapDb { .. } => {
                    indexes.extend(0..self.keyspace().len());
                }
                _ => {}
            }
        }
        indexes.sort_unstable();
        indexes.dedup();
        indexes.retain(|index| !is_newer(*index));
        let locks = self.keyspace().write_many(indexes.iter().copied());
        let mut tx = Tx::new(self, 0, locks, None, Recorder::new(false)).replaying();
        let mut cursor = Cursor::default();
        for effect in codec::decode(unit) {
            let effect = effect?;
            if cursor.moves_to(&effect, self)? {
                continue;
            }
            let about_all = matches!(effect, Effect::Clear | Effect::ClearAll | Effect::SwapDb { .. });
            if about_all || !is_newer(index_of(cursor.key)) {
                let db = cursor.db;
                tx.in_database(db, |tx| apply(tx, &cursor, &effect))?;
            }
        }
        Ok(())
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

fn apply_effect(tx: &mut Tx<'_>, key: &[u8], effect: &Effect<'_>) -> Result<(), Error> {
    let deadline = |at: &Option<UnixMs>| at.map_or(Deadline::Clear, Deadline::At);
    let found = |found: bool| if found { Ok(()) } else { Err(Error::NoSuchKey) };
    match effect {
        Effect::Select { .. } | Effect::On { .. } => Ok(()),
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
    }
}

fn settled<T>(mut list: ListMut<'_, '_>, change: impl FnOnce(&mut ListMut<'_, '_>) -> T) -> T {
    let result = change(&mut list);
    list.settle();
    result
}

fn build(tx: &Tx<'_>, image: &Image<'_>) -> Result<Value, Error> {
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
        Image::Set(members) => {
            let mut set = tx.build::<Set>()?;
            members.iter().for_each(|member| {
                set.insert(member);
            });
            set.into_value()
        }
        Image::ZSet(members) => {
            let mut zset = tx.build::<ZSet>()?;
            members.iter().for_each(|(member, score)| zset.insert(member, *score));
            zset.into_value()
        }
    })
}
