//! Doors to strings.
use super::{Deadline, EXPIRED, Tx};
use crate::effect::Effect;
use crate::events::Class;
use crate::keyspace::{Access, Content};
use crate::reclaim::Removed;
use crate::types::{IntBuffer, Str, StrRef, Value, ValueRef};
use crate::{Error, Result, UnixMs};

impl Tx<'_> {
    /// Puts a string at a key, in the place of whatever it held. A deadline that has passed deletes the key.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if the key's shard is not locked; a refusal of a string of more than 512 MiB.
    #[inline]
    pub fn set_string(&mut self, key: &[u8], value: StrRef<'_>, deadline: Deadline) -> Result<()> {
        self.set_named(key, value, deadline, "set")
    }

    /// The same, told of by another name.
    #[inline]
    fn set_named(
        &mut self,
        key: &[u8],
        value: StrRef<'_>,
        deadline: Deadline,
        name: &'static str,
    ) -> Result<()> {
        self.check_length(value.len(), 0)?;
        if self.has_passed(deadline) {
            return self.set_for_no_time(key, name);
        }
        let expire_at = self.store(key, Content::String(value), deadline)?;
        self.record_string(key, value, expire_at);
        self.note_string(key, name);
        if matches!(deadline, Deadline::At(_)) {
            self.notes.note(self.db, key, Class::Generic, "expire");
        }
        Ok(())
    }

    /// A string that is gone before it is there: it is told of all the same.
    #[cold]
    fn set_for_no_time(&mut self, key: &[u8], name: &'static str) -> Result<()> {
        let db = self.db;
        if !self.discard(key)? {
            self.notes.note_new(db, key);
        }
        self.note_string(key, name);
        self.notes.note(db, key, Class::Generic, "expire");
        self.notes.note(db, key, EXPIRED.0, EXPIRED.1);
        Ok(())
    }

    #[inline]
    fn note_string(&self, key: &[u8], name: &'static str) {
        self.notes.note_main(self.db, key, Class::String, name);
    }

    #[inline]
    fn record_string(&mut self, key: &[u8], value: StrRef<'_>, expire_at: Option<UnixMs>) {
        if self.recorder.is_on() {
            let mut buffer = IntBuffer::new();
            let value = value.as_slice(&mut buffer).into();
            self.recorder.record(self.db, Some(key), &Effect::SetString { value, expire_at });
        }
    }

    /// Adds to the integer at a key, 0 if it is not there, keeping its deadline; returns the sum.
    ///
    /// # Errors
    /// [`Error::WrongType`] and [`Error::NotAnInteger`] if the key holds something else; [`Error::Overflow`].
    pub fn add(&mut self, key: &[u8], by: i64) -> Result<i64> {
        let (hash, place) = self.prepare(key)?;
        let Some(place) = place else {
            self.set_named(key, StrRef::Int(by), Deadline::Clear, "incrby")?;
            return Ok(by);
        };
        let (db, engine, seconds) = (self.db, self.engine, self.now.recent_seconds());
        let Some(mut entry) = self.shard_at(hash)?.at_mut(db, place) else { return Err(Error::NoSuchKey) };
        engine.tracking().touch(&entry, Access::Write, seconds, engine.random());
        let ValueRef::String(old) = entry.value() else { return Err(Error::WrongType) };
        let Some(old) = old.as_int() else { return Err(Error::NotAnInteger) };
        let Some(sum) = old.checked_add(by) else { return Err(Error::Overflow) };
        let replaced = entry.replace(Content::String(StrRef::Int(sum)));
        let expire_at = entry.deadline();
        self.aftermath.removed.extend(replaced.map(Removed::Value));
        self.record_string(key, StrRef::Int(sum), expire_at);
        self.note_string(key, "incrby");
        Ok(sum)
    }

    /// Refuses a string that would be longer than `proto-max-bulk-len`.
    #[inline]
    fn check_length(&self, length: usize, more: usize) -> Result<()> {
        let longest = self.engine.config().max_bulk_length();
        if length.checked_add(more).is_none_or(|length| length > longest) {
            return Err(Error::refused("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
        }
        Ok(())
    }

    /// Changes the string at a key in place, creating an empty one, and records the bytes from `offset` on.
    fn patch(
        &mut self,
        key: &[u8],
        bytes: &[u8],
        name: &'static str,
        change: impl FnOnce(&mut Str) -> usize,
    ) -> Result<usize> {
        let (hash, place) = self.prepare(key)?;
        let db = self.db;
        if place.is_none() {
            self.store(key, Content::Value(Value::String(Str::empty())), Deadline::Clear)?;
        }
        let shard = self.shard_at(hash)?;
        let entry = match place {
            Some(place) => shard.at_mut(db, place),
            None => shard.get_mut(db, hash, key),
        };
        let mut entry = entry.ok_or(Error::NoSuchKey)?;
        let (offset, length) =
            entry.change_string(|string| (change(string), string.as_ref().len())).ok_or(Error::WrongType)?;
        self.recorder.record(db, Some(key), &Effect::Patch { offset: offset as u64, bytes: bytes.into() });
        self.note_string(key, name);
        Ok(length)
    }

    /// Adds bytes to the end of a string, creating it; returns its new length.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn append(&mut self, key: &[u8], bytes: &[u8]) -> Result<usize> {
        let length = self.view().string(key)?.map_or(0, StrRef::len);
        self.check_length(length, bytes.len())?;
        self.patch(key, bytes, "append", |string| {
            let offset = string.as_ref().len();
            string.append(bytes);
            offset
        })
    }

    /// Overwrites bytes of a string from `offset` on, creating and growing it with zeros; returns its new length.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn write_at(&mut self, key: &[u8], offset: usize, bytes: &[u8]) -> Result<usize> {
        self.check_length(offset, bytes.len())?;
        self.patch(key, bytes, "setrange", |string| {
            string.write_at(offset, bytes);
            offset
        })
    }

    /// Deletes a string and returns it.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn take_string(&mut self, key: &[u8]) -> Result<Option<Str>> {
        if self.view().counting().string(key)?.is_none() {
            return Ok(None);
        }
        match self.take(key)? {
            Some(Value::String(string)) => Ok(Some(string)),
            Some(other) => {
                self.aftermath.removed.push(Removed::Value(other));
                Err(Error::WrongType)
            }
            None => Ok(None),
        }
    }
}
