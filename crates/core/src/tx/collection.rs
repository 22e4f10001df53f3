//! Doors to the values that have elements: lists, hashes, sets, sorted sets.
//!
//! A door for writing remembers where its entry is, so that a command pays for one lookup however many elements it changes.
//! What the value takes is not counted while the door is open; when it is dropped, in a panic too, it is counted again.
//! An emptied collection is no key: it goes with its entry.
use std::ops::Deref;

use crate::Bytes;

mod deadlines;

pub use deadlines::TimedCollection;
pub(super) use deadlines::of_type;

use super::undo::{Head, Name, Undo};
use super::{Notes, Now, Recorder, Tx};
use crate::cmd::list::End;
use crate::effect::{Blob, Effect};
use crate::engine::Engine;
use crate::events::{Class, News};
use crate::keyspace::{Access, Content, Database, Place};
use crate::types::{Collection, Element, Expiring, Hash, List, Set, TypeSettings, Value, ZSet};
use crate::{Error, Random, Result, UnixMs};

/// A collection to read, with the settings that finding an element needs, and the time by which an element may have expired.
#[derive(Debug)]
pub struct Shown<'v, T> {
    value: &'v T,
    settings: &'v TypeSettings,
    now: &'v Now<'v>,
}

/// A hash to read.
pub type HashView<'v> = Shown<'v, Hash>;
/// A set to read.
pub type SetView<'v> = Shown<'v, Set>;
/// A sorted set to read.
pub type ZSetView<'v> = Shown<'v, ZSet>;

impl<T> Clone for Shown<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shown<'_, T> {}

impl<'v, T> Shown<'v, T> {
    pub(super) fn new(value: &'v T, settings: &'v TypeSettings, now: &'v Now<'v>) -> Self {
        Self { value, settings, now }
    }

    /// The collection itself, for as long as the locks are held, expired elements included.
    pub fn inner(self) -> &'v T {
        self.value
    }
}

impl<T> Deref for Shown<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<'v> HashView<'v> {
    /// A field's value; `None` for one that has expired.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Element<'v>> {
        self.value.get_alive(field, self.settings, || self.now.get())
    }

    /// The fields that have not expired, with their values.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (Element<'v>, Element<'v>)> + use<'v> {
        let now = self.now;
        self.value.iter_where(move |deadline| now.get() <= deadline)
    }

    /// The same step by step; see [`Hash::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], &[u8])) -> u64 {
        self.value.scan(cursor, |field, value, deadline| {
            if self.is_alive(deadline) {
                visit(field, value);
            }
        })
    }

    /// Some field that has not expired, each equally likely, and its value.
    pub fn random(&self, random: &Random) -> Option<(Element<'v>, Element<'v>)> {
        self.random_alive(
            random,
            || self.value.random(random),
            |(field, _)| field.with(|field| self.get(field).is_some()),
            || self.iter(),
        )
    }
}

impl<'v> SetView<'v> {
    /// Whether the member is in the set and has not expired.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.value.contains_alive(member, self.settings, || self.now.get())
    }

    /// The members that have not expired.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Element<'v>> + use<'v> {
        let now = self.now;
        self.value.iter_where(move |deadline| now.get() <= deadline)
    }

    /// The same step by step; see [`Set::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8])) -> u64 {
        self.value.scan(cursor, |member, deadline| {
            if self.is_alive(deadline) {
                visit(member);
            }
        })
    }

    /// Some member that has not expired, each equally likely.
    pub fn random(&self, random: &Random) -> Option<Element<'v>> {
        self.random_alive(
            random,
            || self.value.random(random),
            |member| member.with(|member| self.contains(member)),
            || self.iter(),
        )
    }
}

impl ZSetView<'_> {
    /// A member's score; `None` if it is not there.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.value.score(member)
    }

    /// A member's place from the lowest score, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        self.value.rank(member)
    }
}

/// A collection to write. Created by the first element, gone with the last.
#[derive(Debug)]
pub struct Held<'t, 'e, T: Collection> {
    engine: &'e Engine,
    now: &'t Now<'e>,
    database: &'t mut Database,
    settings: &'t TypeSettings,
    recorder: &'t mut Recorder,
    notes: &'t Notes,
    db: usize,
    key: &'t [u8],
    hash: u64,
    kept: Kept<T>,
    /// Where it is noted how to change the value back, if that is not kept whole.
    undo: Option<&'t mut Undo>,
    /// The name of what was changed, not noted yet: however many elements it was, it is one change.
    changed: Option<&'static str>,
    /// A value that may be without elements was changed, so it is kept.
    is_made: bool,
}

/// Where a collection is while its door is open.
#[derive(Debug)]
enum Kept<T> {
    /// In its entry, opened.
    At(Place),
    /// There is no entry yet.
    New(T),
}

/// A list to write.
pub type ListMut<'t, 'e> = Held<'t, 'e, List>;
/// A hash to write.
pub type HashMut<'t, 'e> = Held<'t, 'e, Hash>;
/// A set to write.
pub type SetMut<'t, 'e> = Held<'t, 'e, Set>;
/// A sorted set to write.
pub type ZSetMut<'t, 'e> = Held<'t, 'e, ZSet>;

impl<'e> Tx<'e> {
    pub(crate) fn hold<'t, T: Collection>(&'t mut self, key: &'t [u8]) -> Result<Held<'t, 'e, T>> {
        let (hash, place) = self.prepare(key)?;
        let Self { engine, locks, now, recorder, notes, undo, db, stamps, .. } = self;
        let mut undo = undo.as_deref_mut();
        let (engine, db) = (*engine, *db);
        let Some(shard) = locks.get_mut(engine.keyspace().index(hash)) else {
            return Err(Error::UndeclaredKey);
        };
        let (database, settings) = shard.database_and_settings(db);
        let kept = match place {
            Some(place) => {
                let mut head = None;
                if let Some(entry) = database.at_mut(place) {
                    if undo.is_some() {
                        head = Some(Head::of(&entry));
                    }
                    if *stamps {
                        let seconds = now.recent_seconds();
                        engine.tracking().touch(&entry, Access::Write, seconds, engine.random());
                    }
                }
                if !database.open::<T>(place) {
                    return Err(Error::WrongType);
                }
                if undo.is_some() {
                    database.cancel_alarm_at(place);
                }
                if let (Some(kept), Some(head), Some(value)) =
                    (&mut undo, head, database.collection_mut(place))
                    && !kept.before_changing::<T>(Name::new(db, hash, key), head, value)
                {
                    undo = None;
                }
                Kept::At(place)
            }
            None => {
                if let Some(undo) = undo.take() {
                    undo.keep(Name::new(db, hash, key), None);
                }
                Kept::New(T::default())
            }
        };
        Ok(Held {
            engine,
            now,
            database,
            settings,
            recorder,
            notes,
            db,
            key,
            hash,
            kept,
            undo,
            changed: None,
            is_made: false,
        })
    }

    /// The list at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn list_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<ListMut<'t, 'e>> {
        self.hold(key)
    }

    /// The hash at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn hash_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<HashMut<'t, 'e>> {
        self.hold(key)
    }

    /// The set at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn set_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<SetMut<'t, 'e>> {
        self.hold(key)
    }

    /// The sorted set at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else.
    pub fn zset_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<ZSetMut<'t, 'e>> {
        self.hold(key)
    }
}

/// The place of an opened collection stays right: no key comes or goes meanwhile.
const STAYS: &str = "a collection stays where it is while its door is open";

impl<T: Collection> Held<'_, '_, T> {
    #[inline]
    pub(super) fn parts(&mut self) -> (&mut T, &TypeSettings) {
        let value = match &mut self.kept {
            Kept::At(place) => self.database.collection_mut(*place).expect(STAYS),
            Kept::New(value) => value,
        };
        (value, self.settings)
    }

    /// The collection with the settings, to read.
    pub fn shown(&self) -> Shown<'_, T> {
        Shown { value: self, settings: self.settings, now: self.now }
    }

    #[inline]
    pub(super) fn record(&mut self, effect: &Effect<'_>) {
        self.is_made = true;
        self.recorder.record(self.db, Some(self.key), effect);
    }

    /// The same of an effect that is only made if somebody records it.
    #[inline]
    pub(super) fn record_made<'x>(&mut self, effect: impl FnOnce() -> Effect<'x>) {
        self.is_made = true;
        if self.recorder.is_on() {
            self.recorder.record(self.db, Some(self.key), &effect());
        }
    }

    /// Notes what takes the value back to what it is now, if that is to be noted.
    #[inline]
    pub(super) fn keep_way_back(&mut self, way: impl FnOnce(Shown<'_, T>) -> Vec<Effect<'static>>) {
        if self.undo.is_some() {
            let (effects, name) = (way(self.shown()), self.name());
            if let Some(undo) = &mut self.undo {
                undo.before_effect(name, effects);
            }
        }
    }

    fn name(&self) -> Name {
        Name::new(self.db, self.hash, self.key)
    }

    const CLASS: Class = Class::of(T::TYPE);

    /// Records a change and notes it.
    #[inline]
    pub(super) fn change(&mut self, name: &'static str, effect: &Effect<'_>) {
        self.record(effect);
        self.note(name);
    }

    /// Notes a change.
    #[inline]
    pub(super) fn note(&mut self, name: &'static str) {
        if !self.notes.wants_none() {
            self.note_wanted(name);
        }
    }

    /// Notes a change that leaves the value for those who watch the key what it was, unless the key is a new one.
    pub(super) fn note_quietly(&mut self, name: &'static str) {
        if matches!(self.kept, Kept::New(_)) {
            self.note(name);
        } else {
            self.notes.note_quietly(self.db, self.key, Self::CLASS, name);
        }
    }

    /// Lets those who wait for the key look again, though nothing has changed that is told of.
    pub(super) fn note_ready(&self) {
        if !self.notes.wants_none() {
            self.notes.append(News::Ready(self.db, Bytes::copy_from_slice(self.key)));
        }
    }

    /// An emptied collection goes with all that belongs to its key; what comes now is another one, as replay will see it too.
    #[cold]
    fn begin_anew(&mut self) {
        let Kept::At(place) = self.kept else { return };
        self.kept = Kept::New(T::default());
        self.database.close::<T>(self.hash, place);
        self.take_away(place);
        if let Some(changed) = self.changed.take() {
            self.note_end(changed, true);
        }
    }

    /// Notes a change that the running command is not about.
    fn note_as(&mut self, name: &'static str) {
        if !self.notes.wants_none() {
            self.note_called(name);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_wanted(&mut self, name: &'static str) {
        self.note_called(self.notes.name(name));
    }

    fn note_called(&mut self, name: &'static str) {
        match self.changed.replace(name) {
            None if matches!(self.kept, Kept::New(_)) => self.notes.note_new(self.db, self.key),
            Some(before) if before != name => self.notes.note(self.db, self.key, Self::CLASS, before),
            _ => {}
        }
    }

    /// Notes the last change, and that nothing is left if so it is.
    #[cold]
    #[inline(never)]
    fn note_end(&self, changed: &'static str, is_empty: bool) {
        self.notes.note(self.db, self.key, Self::CLASS, changed);
        if is_empty {
            self.notes.note(self.db, self.key, Class::Generic, "del");
        }
    }
}

impl<T: Collection> Deref for Held<'_, '_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.kept {
            Kept::At(place) => self.database.collection(*place).expect(STAYS),
            Kept::New(value) => value,
        }
    }
}

impl<T: Collection> Drop for Held<'_, '_, T> {
    fn drop(&mut self) {
        let is_empty = match &mut self.kept {
            Kept::At(place) => {
                let place = *place;
                let is_empty = self.database.close::<T>(self.hash, place);
                if is_empty {
                    self.take_away(place);
                }
                is_empty
            }
            Kept::New(value) if value.is_empty() && !(T::MAY_BE_EMPTY && self.is_made) => true,
            Kept::New(value) => {
                let content = Content::Value(T::into_value(Box::new(std::mem::take(value))));
                let access = self.engine.maxmemory().first(self.engine, self.hash, self.now.recent_seconds());
                self.database.insert(&self.settings.hash_seed, self.hash, self.key, content, access);
                false
            }
        };
        if let Some(changed) = self.changed {
            self.note_end(changed, is_empty);
        }
    }
}

impl<T: Collection> Held<'_, '_, T> {
    /// An emptied collection goes with its key.
    fn take_away(&mut self, place: Place) {
        let name = self.name();
        match &mut self.undo {
            None => drop(self.database.remove_at(place)),
            Some(undo) => undo.emptied(name, self.database.take_at(place)),
        }
    }
}

/// An element that outlives its collection.
fn owned(element: Element<'_>) -> Blob<'static> {
    element.spell().to_vec().into()
}

impl HashMut<'_, '_> {
    /// Prepares for so many fields, as Redis does by the number of words before it sets any.
    pub fn expect(&mut self, count: usize) {
        let (hash, settings) = self.parts();
        hash.expect(count, settings);
    }

    /// Sets a field, which has no deadline from then on; true if it is new.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.reclaim(field);
        self.keep_way_back(|hash| {
            let back = hash.value.making(field, hash.settings);
            if back.is_empty() { vec![Effect::HDel { field: field.to_vec().into() }] } else { back }
        });
        let (hash, settings) = self.parts();
        if hash.is_timed() {
            hash.set_deadline(field, None, settings);
        }
        let is_new = hash.insert(field, value, settings);
        self.change("hset", &Effect::HSet { field: field.into(), value: value.into() });
        self.notes.add_subkey(Self::CLASS, field);
        is_new
    }

    /// The same, but the field keeps its deadline.
    pub fn insert_keeping(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.reclaim(field);
        let deadline = self.any_deadline(field);
        if deadline.is_none() {
            return self.insert(field, value);
        }
        self.keep_way_back(|hash| hash.value.making(field, hash.settings));
        let (hash, settings) = self.parts();
        let is_new = hash.insert(field, value, settings);
        self.change("hset", &Effect::HSet { field: field.into(), value: value.into() });
        self.notes.add_subkey(Self::CLASS, field);
        if let Some(at) = deadline {
            self.record(&Effect::HExpireAt { field: field.into(), at });
        }
        is_new
    }

    /// Removes a field; false if it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let removed = !self.reclaim(field) && self.take_out(field);
        if removed {
            self.change("hdel", &Effect::HDel { field: field.into() });
            self.notes.add_subkey(Self::CLASS, field);
        }
        removed
    }
}

impl SetMut<'_, '_> {
    /// Prepares for so many members beginning with `first`, as Redis does by the number of words before it adds any.
    pub fn expect(&mut self, first: &[u8], count: usize) {
        let (set, settings) = self.parts();
        if set.is_empty() {
            *set = Set::for_members(first, count, settings);
        } else {
            set.expect(count, settings);
        }
    }

    /// Adds a member, without a deadline; true if it is new. One that is there keeps its deadline.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        self.reclaim(member);
        self.keep_way_back(|set| {
            let back = || Effect::SRem { member: member.to_vec().into() };
            (!set.contains(member)).then(back).into_iter().collect()
        });
        let (set, settings) = self.parts();
        let is_new = set.insert(member, settings);
        if is_new {
            self.change("sadd", &Effect::SAdd { member: member.into() });
        }
        is_new
    }

    /// Removes the members that have expired. O(1) where none has, else O(n).
    pub fn reclaim_all(&mut self) {
        if self.next_at().is_none_or(|at| at > self.now.get()) {
            return;
        }
        let now = self.now.get();
        let members = self.iter_timed().into_iter().flatten();
        let expired = members.filter(|(_, at)| at.is_some_and(|at| at < now));
        let expired: Vec<Vec<u8>> = expired.map(|(member, _)| member.spell().to_vec()).collect();
        for member in &expired {
            self.reclaim(member);
        }
    }

    /// Removes a member; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let removed = !self.reclaim(member) && self.take_out(member);
        if removed {
            self.change("srem", &Effect::SRem { member: member.into() });
        }
        removed
    }
}

impl ZSetMut<'_, '_> {
    /// Prepares for so many members, the longest of so many bytes, as Redis does before it adds any to an empty set.
    pub fn expect(&mut self, count: usize, longest: usize) {
        let (zset, settings) = self.parts();
        if zset.is_empty() {
            zset.expect(count, longest, settings);
        }
    }

    /// Gives a member a score, which must not be NaN; returns the score it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.keep_way_back(|zset| {
            let name = member.to_vec().into();
            vec![match zset.score(member) {
                Some(score) => Effect::ZAdd { member: name, score },
                None => Effect::ZRem { member: name },
            }]
        });
        let (zset, settings) = self.parts();
        let before = zset.insert(member, score, settings);
        if before != Some(score) {
            self.change("zadd", &Effect::ZAdd { member: member.into(), score });
        }
        before
    }

    /// Removes a member; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.keep_way_back(|zset| {
            let back = |score| Effect::ZAdd { member: member.to_vec().into(), score };
            zset.score(member).map(back).into_iter().collect()
        });
        let before = self.parts().0.remove(member)?;
        self.change("zrem", &Effect::ZRem { member: member.into() });
        Some(before)
    }
}

impl ListMut<'_, '_> {
    /// Prepares for an element that may come: Redis does so before it looks for the place.
    pub fn expect(&mut self, element: &[u8]) {
        let (list, settings) = self.parts();
        list.expect(&[element], settings);
    }

    /// Puts elements before the first, one after the other.
    pub fn push_front(&mut self, elements: &[&[u8]]) {
        self.keep_way_back(|_| vec![Effect::PopFront; elements.len()]);
        let (list, settings) = self.parts();
        list.expect(elements, settings);
        elements.iter().for_each(|element| list.push_front(element, settings));
        elements.iter().for_each(|&value| self.change("lpush", &Effect::PushFront { value: value.into() }));
    }

    /// Puts elements after the last, one after the other.
    pub fn push_back(&mut self, elements: &[&[u8]]) {
        self.keep_way_back(|_| vec![Effect::PopBack; elements.len()]);
        let (list, settings) = self.parts();
        list.expect(elements, settings);
        elements.iter().for_each(|element| list.push_back(element, settings));
        elements.iter().for_each(|&value| self.change("rpush", &Effect::PushBack { value: value.into() }));
    }

    /// Takes the first element.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        self.keep_way_back(|list| {
            let back = |value| Effect::PushFront { value: owned(value) };
            list.get(0).map(back).into_iter().collect()
        });
        let value = self.parts().0.pop_front()?;
        self.change("lpop", &Effect::PopFront);
        Some(value)
    }

    /// Takes the last element.
    pub fn pop_back(&mut self) -> Option<Bytes> {
        self.keep_way_back(|list| {
            let back = |value| Effect::PushBack { value: owned(value) };
            list.iter_back().next().map(back).into_iter().collect()
        });
        let value = self.parts().0.pop_back()?;
        self.change("rpop", &Effect::PopBack);
        Some(value)
    }

    /// Takes an element from one end and puts it to one, which may be the same.
    pub fn rotate(&mut self, from: End, to: End) -> Option<Bytes> {
        self.keep_way_back(|list| {
            let taken = match from {
                End::Left => list.get(0).map(|value| Effect::PushFront { value: owned(value) }),
                End::Right => list.iter_back().next().map(|value| Effect::PushBack { value: owned(value) }),
            };
            let put = if to == End::Left { Effect::PopFront } else { Effect::PopBack };
            taken.map_or(Vec::new(), |taken| vec![put, taken])
        });
        let (list, settings) = self.parts();
        let (element, popped, pop) = match from {
            End::Left => (list.pop_front()?, "lpop", Effect::PopFront),
            End::Right => (list.pop_back()?, "rpop", Effect::PopBack),
        };
        list.expect(&[&element], settings);
        let value = (&*element).into();
        let (pushed, push) = match to {
            End::Left => {
                list.push_front(&element, settings);
                ("lpush", Effect::PushFront { value })
            }
            End::Right => {
                list.push_back(&element, settings);
                ("rpush", Effect::PushBack { value })
            }
        };
        list.settle(settings);
        self.record(&pop);
        self.record(&push);
        // Redis tells of the element's arrival first.
        self.note(pushed);
        self.note(popped);
        Some(element)
    }

    /// Goes over to the big encoding, as it was once.
    pub(super) fn unpack(&mut self) {
        self.parts().0.unpack();
    }

    /// Ends a command that took elements away or replaced one: the list may be kept as a small one again.
    pub fn settle(&mut self) {
        let (list, settings) = self.parts();
        list.settle(settings);
    }

    /// Replaces the element at `index`, which must be there.
    pub fn set(&mut self, index: usize, value: &[u8]) {
        self.keep_way_back(|list| {
            let back = |value| Effect::ListSet { index: index as u64, value: owned(value) };
            list.get(index).map(back).into_iter().collect()
        });
        let (list, settings) = self.parts();
        list.expect(&[value], settings);
        list.set(index, value, settings);
        self.change("lset", &Effect::ListSet { index: index as u64, value: value.into() });
    }

    /// Puts an element before the one at `index`, which must be there.
    pub fn insert_before(&mut self, index: usize, value: &[u8]) {
        self.keep_way_back(|_| vec![Effect::ListRemove { index: index as u64 }]);
        let (list, settings) = self.parts();
        list.expect(&[value], settings);
        list.insert_before(index, value, settings);
        self.change("linsert", &Effect::ListInsert { index: index as u64, value: value.into() });
    }

    /// Puts an element after the one at `index`, which must be there.
    pub fn insert_after(&mut self, index: usize, value: &[u8]) {
        self.keep_way_back(|_| vec![Effect::ListRemove { index: index as u64 + 1 }]);
        let (list, settings) = self.parts();
        list.expect(&[value], settings);
        list.insert_after(index, value, settings);
        self.change("linsert", &Effect::ListInsert { index: index as u64 + 1, value: value.into() });
    }

    /// Removes the element at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Bytes> {
        self.keep_way_back(|list| {
            let back = |value| match index {
                0 => Effect::PushFront { value: owned(value) },
                _ => Effect::ListInsert { index: index as u64, value: owned(value) },
            };
            list.get(index).map(back).into_iter().collect()
        });
        let value = self.parts().0.remove(index)?;
        self.change("lrem", &Effect::ListRemove { index: index as u64 });
        Some(value)
    }

    /// Keeps the elements from `start` up to, but without, `end`.
    pub fn keep(&mut self, start: usize, end: usize) {
        if !self.is_empty() {
            // As in Redis, a list is trimmed even if all of it is kept.
            self.note("ltrim");
        }
        if start == 0 && end >= self.len() {
            return;
        }
        self.keep_way_back(|list| {
            let (mut back, end) = (Vec::new(), end.min(list.len()));
            let start = start.min(end);
            list.range(end, list.len() - end, |value| back.push(Effect::PushBack { value: owned(value) }));
            let middle = back.len();
            list.range(0, start, |value| back.push(Effect::PushFront { value: owned(value) }));
            back[middle..].reverse();
            back
        });
        self.parts().0.keep(start..end);
        self.record(&Effect::ListKeep { start: start as u64, end: end as u64 });
    }
}

/// A whole collection that a command built, on its way to [`Tx::put`].
#[derive(Debug)]
pub struct Built<T> {
    value: Box<T>,
    settings: TypeSettings,
}

impl Tx<'_> {
    /// An empty collection to fill and then [`Tx::put`]. Some shard must be locked.
    ///
    /// # Errors
    /// [`Error::UndeclaredKey`] if none is.
    pub fn build<T: Collection>(&self) -> Result<Built<T>> {
        Ok(Built::new(self.view().settings()?))
    }
}

impl<T: Collection> Built<T> {
    fn new(settings: &TypeSettings) -> Self {
        Self { value: Box::default(), settings: settings.clone() }
    }

    /// The value to put.
    pub fn into_value(self) -> Value {
        T::into_value(self.value)
    }

    /// How many elements it has so far.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }
}

impl Built<Set> {
    /// Adds a member; true if it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        self.value.insert(member, &self.settings)
    }

    /// The same with a deadline, if there is one.
    pub fn insert_until(&mut self, member: &[u8], at: Option<UnixMs>) {
        self.insert(member);
        self.value.set_deadline(member, at, &self.settings);
    }
}

impl Built<ZSet> {
    /// Prepares for `count` members of which the longest has `longest` bytes.
    pub fn expect(&mut self, count: usize, longest: usize) {
        self.value.expect(count, longest, &self.settings);
    }

    /// Gives a member a score.
    pub fn insert(&mut self, member: &[u8], score: f64) {
        self.value.insert(member, score, &self.settings);
    }
}

impl Built<List> {
    /// Keeps it in the big encoding, as Redis does a list whose size it does not know before it has it.
    pub fn unpack(&mut self) {
        self.value.unpack();
    }

    /// Ends a list that was kept so: it goes over to the small encoding if it is small enough.
    pub fn pack(&mut self) {
        self.value.pack(&self.settings);
    }

    /// Puts an element after the last.
    pub fn push_back(&mut self, value: &[u8]) {
        self.value.expect(&[value], &self.settings);
        self.value.push_back(value, &self.settings);
    }
}

impl Built<Hash> {
    /// Sets a field.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) {
        self.value.insert(field, value, &self.settings);
    }

    /// The same with a deadline, if there is one.
    pub fn insert_until(&mut self, field: &[u8], value: &[u8], at: Option<UnixMs>) {
        self.insert(field, value);
        self.value.set_deadline(field, at, &self.settings);
    }
}
