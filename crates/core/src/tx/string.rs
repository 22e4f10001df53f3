//! Doors to strings.
use super::undo::Name;
use super::{Deadline, EXPIRED, Tx};
use crate::effect::Effect;
use crate::events::Class;
use crate::keyspace::{Access, Content, Entry, EntryMut, Place};
use crate::types::{Encoding, IntBuffer, Str, StrRef, Value, ValueRef};
use crate::{Bytes, Error, Result, UnixMs};

impl<'e> Tx<'e> {
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
        let out = entry.replace(hash, Content::String(StrRef::Int(sum)));
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

    /// The string at a key, to write. Nothing is there until the first bytes are written.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn string_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<StringMut<'t, 'e>> {
        let (hash, place) = self.prepare(key)?;
        if let Some(place) = place {
            let (db, engine, seconds, stamps) =
                (self.db, self.engine, self.now.recent_seconds(), self.stamps);
            let Some(entry) = self.shard_at(hash)?.at_mut(db, place) else { return Err(Error::NoSuchKey) };
            if !matches!(entry.value(), ValueRef::String(_)) {
                return Err(Error::WrongType);
            }
            if stamps {
                engine.tracking().touch(&entry, Access::Write, seconds, engine.random());
            }
        }
        Ok(StringMut { tx: self, key, hash, place })
    }

    /// Adds bytes to the end of a string, creating it; returns its new length.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn append(&mut self, key: &[u8], bytes: &[u8]) -> Result<usize> {
        let mut string = self.string_mut(key)?;
        let length = string.get().len();
        string.tx.check_length(length, bytes.len())?;
        string.change(length, bytes, |string| string.append(bytes))?;
        string.note("append");
        Ok(string.get().len())
    }

    /// Overwrites bytes of a string from `offset` on, creating and growing it with zeros; returns its new length.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn write_at(&mut self, key: &[u8], offset: usize, bytes: &[u8]) -> Result<usize> {
        let mut string = self.string_mut(key)?;
        string.tx.check_length(offset, bytes.len())?;
        string.write_at(offset, bytes)?;
        string.note("setrange");
        Ok(string.get().len())
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

/// A string to write, part by part: only what is written goes to the journal. Whoever has changed it notes that once.
///
/// It does not judge lengths.
#[derive(Debug)]
pub struct StringMut<'t, 'e> {
    tx: &'t mut Tx<'e>,
    key: &'t [u8],
    hash: u64,
    /// Where its entry is, which stays right: no other key comes or goes meanwhile.
    place: Option<Place>,
}

impl StringMut<'_, '_> {
    /// What is there. A missing key has nothing.
    pub fn get(&self) -> StrRef<'_> {
        let Tx { engine, locks, db, .. } = &*self.tx;
        let shard = locks.get(engine.keyspace().index(self.hash));
        let entry = self.place.and_then(|place| shard?.at(*db, place));
        match entry.map(Entry::value) {
            Some(ValueRef::String(string)) => string,
            _ => StrRef::text(&[]),
        }
    }

    /// Whether the key is not there.
    pub const fn is_missing(&self) -> bool {
        self.place.is_none()
    }

    /// Overwrites bytes from `offset` on, with zeros between the old end and `offset`. Without any bytes to write nothing changes.
    ///
    /// # Errors
    /// None, unless the engine has lost the entry.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.change(offset, bytes, |string| string.write_at(offset, bytes))
    }

    /// Grows the string with zeros to so many bytes, if it is shorter.
    ///
    /// # Errors
    /// As [`StringMut::write_at`].
    pub fn grow(&mut self, length: usize) -> Result<()> {
        if self.get().len() < length { self.write_at(length - 1, &[0]) } else { Ok(()) }
    }

    /// From now on it is `raw`, as Redis has what it was about to write to.
    ///
    /// # Errors
    /// As [`StringMut::write_at`].
    pub fn make_raw(&mut self) -> Result<()> {
        if self.is_missing() || self.get().encoding() == Encoding::Raw {
            return Ok(());
        }
        self.keep(0, 0)?;
        self.entry()?.change_string(|string| string.append(&[])).ok_or(Error::WrongType)
    }

    /// Replaces the whole string, and records what has changed of it.
    ///
    /// # Errors
    /// As [`StringMut::write_at`].
    pub fn replace(&mut self, bytes: &[u8]) -> Result<()> {
        let mut buffer = IntBuffer::new();
        let old = self.get().as_slice(&mut buffer);
        if old.len() > bytes.len() || self.is_missing() {
            let value = StrRef::Short { bytes, raw: true };
            let expire_at = self.tx.store(self.key, Content::String(value), Deadline::Keep)?;
            self.tx.record_string(self.key, value, expire_at);
            return self.find();
        }
        let same = old.iter().zip(bytes).take_while(|(old, new)| old == new).count();
        if same == bytes.len() {
            return self.make_raw();
        }
        let differing = &bytes[same..];
        let tail = if old.len() == bytes.len() {
            let pairs = old[same..].iter().rev().zip(differing.iter().rev());
            pairs.take_while(|(old, new)| old == new).count()
        } else {
            0
        };
        self.write_at(same, &differing[..differing.len() - tail])
    }

    /// Notes the change, which is called `name` unless the command says otherwise.
    pub fn note(&self, name: &'static str) {
        self.tx.note_string(self.key, name);
    }

    /// Finds the entry after it has come to be.
    fn find(&mut self) -> Result<()> {
        let (db, hash, key) = (self.tx.db, self.hash, self.key);
        self.place = self.tx.shard_at(hash)?.locate(db, hash, key).map(|(place, _)| place);
        Ok(())
    }

    fn entry(&mut self) -> Result<EntryMut<'_>> {
        let (db, place) = (self.tx.db, self.place.ok_or(Error::NoSuchKey)?);
        self.tx.shard_at(self.hash)?.at_mut(db, place).ok_or(Error::NoSuchKey)
    }

    /// Keeps what is there, if this unit may fail, before bytes are written to it.
    fn keep(&mut self, offset: usize, bytes: usize) -> Result<()> {
        let Tx { engine, locks, undo: Some(undo), db, .. } = &mut *self.tx else { return Ok(()) };
        let shard = locks.get_mut(engine.keyspace().index(self.hash));
        let place = self.place.ok_or(Error::NoSuchKey)?;
        let entry = shard.and_then(|shard| shard.at_mut(*db, place)).ok_or(Error::NoSuchKey)?;
        undo.before_writing(Name::new(*db, self.hash, self.key), &entry, offset, bytes);
        Ok(())
    }

    /// Changes the string, creating an empty one, by writing these bytes from `offset` on.
    fn change(&mut self, offset: usize, bytes: &[u8], change: impl FnOnce(&mut Str)) -> Result<()> {
        if self.is_missing() {
            self.tx.store(self.key, Content::Value(Value::String(Str::empty())), Deadline::Clear)?;
            self.find()?;
        }
        self.keep(offset, bytes.len())?;
        self.entry()?.change_string(change).ok_or(Error::WrongType)?;
        let effect = Effect::Patch { offset: offset as u64, bytes: bytes.into() };
        self.tx.recorder.record(self.tx.db, Some(self.key), &effect);
        Ok(())
    }
}
