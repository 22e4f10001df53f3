//! Doors to strings.
use super::undo::Name;
use super::{Deadline, EXPIRED, Tx};
use crate::effect::Effect;
use crate::events::Class;
use crate::keyspace::{Access, Content};
use crate::types::{IntBuffer, Str, StrRef, Value, ValueRef};
use crate::{Bytes, Error, Result, UnixMs};

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
        let Some(shard) = self.locks.get_mut(engine.keyspace().index(hash)) else {
            return Err(Error::UndeclaredKey);
        };
        let Some(mut entry) = shard.at_mut(db, place) else { return Err(Error::NoSuchKey) };
        let before = self.undo.as_ref().and_then(|undo| undo.before_replacing(db, hash, key, &entry));
        if self.stamps {
            engine.tracking().touch(&entry, Access::Write, seconds, engine.random());
        }
        let ValueRef::String(old) = entry.value() else { return Err(Error::WrongType) };
        let Some(old) = old.as_int() else { return Err(Error::NotAnInteger) };
        let Some(sum) = old.checked_add(by) else { return Err(Error::Overflow) };
        let out = entry.replace(Content::String(StrRef::Int(sum)));
        let expire_at = entry.deadline();
        self.replaced(hash, key, before, out);
        self.record_string(key, StrRef::Int(sum), expire_at);
        self.note_string(key, "incrby");
        Ok(sum)
    }

    /// Refuses a string that would be longer than `proto-max-bulk-len`.
    #[inline]
    fn check_length(&self, length: usize, more: usize) -> Result<()> {
        let longest = self.engine.config().max_bulk_length();
        // Replay judges nothing: what was written was allowed then.
        if length.checked_add(more).is_none_or(|length| length > longest) && !self.now.replaying {
            return Err(Error::refused("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
        }
        Ok(())
    }

    /// Writes bytes to the string at a key, at its end unless an offset is given, creating an empty one.
    fn patch(
        &mut self,
        key: &[u8],
        offset: Option<usize>,
        bytes: &[u8],
        name: &'static str,
    ) -> Result<usize> {
        let (hash, place) = self.prepare(key)?;
        let db = self.db;
        if place.is_none() {
            self.store(key, Content::Value(Value::String(Str::empty())), Deadline::Clear)?;
        }
        let Self { engine, locks, undo, .. } = self;
        let Some(shard) = locks.get_mut(engine.keyspace().index(hash)) else {
            return Err(Error::UndeclaredKey);
        };
        let entry = match place {
            Some(place) => shard.at_mut(db, place),
            None => shard.get_mut(db, hash, key),
        };
        let mut entry = entry.ok_or(Error::NoSuchKey)?;
        let ValueRef::String(string) = entry.value() else { return Err(Error::WrongType) };
        let at = offset.unwrap_or_else(|| string.len());
        if let Some(undo) = undo {
            undo.before_writing(Name::new(db, hash, key), &entry, at, bytes.len());
        }
        let change = |string: &mut Str| {
            match offset {
                Some(offset) => string.write_at(offset, bytes),
                None => string.append(bytes),
            }
            string.as_ref().len()
        };
        let length = entry.change_string(change).ok_or(Error::WrongType)?;
        self.recorder.record(db, Some(key), &Effect::Patch { offset: at as u64, bytes: bytes.into() });
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
        self.patch(key, None, bytes, "append")
    }

    /// Overwrites bytes of a string from `offset` on, creating and growing it with zeros; returns its new length.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn write_at(&mut self, key: &[u8], offset: usize, bytes: &[u8]) -> Result<usize> {
        self.check_length(offset, bytes.len())?;
        self.patch(key, Some(offset), bytes, "setrange")
    }

    /// Deletes a string and returns it.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn take_string(&mut self, key: &[u8]) -> Result<Option<Bytes>> {
        let string = self.view().counting().string(key)?.map(StrRef::to_bytes);
        if string.is_some() {
            self.remove(key)?;
        }
        Ok(string)
    }
}
