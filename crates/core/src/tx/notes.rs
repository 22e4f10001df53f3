//! What a unit notes of its changes, for whoever watches keys, waits for them or listens to events.
//!
//! A change is noted once for each command and key, under Redis's name for it, and in Redis's order. Doors note by themselves; a
//! command whose change has another name says so in [`Write::event`](crate::cmd::Write::event).
use std::cell::Cell;
use std::fmt;

use crate::Bytes;
use crate::events::{Class, Classes, Event, News};
use crate::keyspace::Shard;
use crate::pubsub::Published;

/// What a unit has to tell so far. Where nobody wants to know, a change costs a branch.
pub(crate) struct Notes {
    /// The classes that somebody wants to know of.
    wanted: Classes,
    /// Somebody wants to know of which elements of a collection an event is.
    names_subkeys: bool,
    /// In a cell because who only reads notes what it did not find; apart because most units note nothing.
    noted: Cell<Option<Box<Noted>>>,
}

#[derive(Default)]
struct Noted {
    /// The name of what the running command changes, where the door's own is not right.
    name: Option<&'static str>,
    /// What the next event of such a collection is about.
    subkeys: Vec<Bytes>,
    news: Vec<News>,
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl Notes {
    #[inline]
    pub(crate) const fn new(wanted: Classes) -> Self {
        Self { wanted, names_subkeys: false, noted: Cell::new(None) }
    }

    /// The same, where somebody wants to know of which elements of a hash or a set an event is.
    #[inline]
    pub(crate) fn naming_subkeys(mut self, names_subkeys: bool) -> Self {
        self.names_subkeys = names_subkeys;
        self
    }

    /// The next event of this class, which is that of a collection, is about this element too.
    #[inline]
    pub(super) fn add_subkey(&self, class: Class, subkey: &[u8]) {
        if self.names_subkeys && self.wanted.contains(class) {
            self.change(|noted| noted.subkeys.push(Bytes::copy_from_slice(subkey)));
        }
    }

    /// Everything is noted from now on if somebody watches a key of this shard or waits for one.
    #[inline]
    pub(crate) fn heed(&mut self, shard: &Shard) {
        if shard.callers.is_some() {
            self.wanted = Classes::EVERY;
        }
    }

    /// Notes what happened to a key.
    #[inline]
    pub(super) fn note(&self, db: usize, key: &[u8], class: Class, name: &'static str) {
        if self.wanted.contains(class) {
            self.append_event(db, key, class, name);
        }
    }

    /// Notes what happened to a key, of which those who watch it are not told.
    pub(super) fn note_quietly(&self, db: usize, key: &[u8], class: Class, name: &'static str) {
        if self.wanted.contains(class) {
            let (key, subkeys) = (Bytes::copy_from_slice(key), Vec::new());
            self.append(News::Quiet(Event { db, key, class, name, subkeys }));
        }
    }

    /// Notes that a key came to be.
    #[inline]
    pub(super) fn note_new(&self, db: usize, key: &[u8]) {
        self.note(db, key, Class::New, "new");
    }

    /// Notes the change that the running command is about, which is called `name` unless the command says otherwise.
    #[inline]
    pub(super) fn note_main(&self, db: usize, key: &[u8], class: Class, name: &'static str) {
        if self.wanted.contains(class) {
            self.append_event(db, key, class, self.name(name));
        }
    }

    /// Notes that any key of a database may have changed.
    pub(super) fn note_database(&self, db: usize) {
        if !self.wants_none() {
            self.append(News::Database(db));
        }
    }

    /// Notes that a database was emptied, or all of them.
    pub(super) fn note_emptied(&self) {
        if !self.wants_none() {
            self.append(News::Emptied);
        }
    }

    /// Something is published when the unit ends.
    pub(super) fn publish(&self, message: &Published<'_>) {
        let Published { channel, payload, is_sharded } = *message;
        let (channel, payload) = (Bytes::copy_from_slice(channel), Bytes::copy_from_slice(payload));
        self.append(News::Message { channel, payload, is_sharded });
    }

    /// What is to be published, which is left to whoever asks.
    pub(super) fn take_messages(&self) -> Vec<News> {
        let is_message = |news: &mut News| matches!(news, News::Message { .. });
        self.change(|noted| noted.news.extract_if(.., is_message).collect())
    }

    #[cold]
    #[inline(never)]
    fn append_event(&self, db: usize, key: &[u8], class: Class, name: &'static str) {
        let key = Bytes::copy_from_slice(key);
        self.change(|noted| {
            let subkeys = if class.names_subkeys() { std::mem::take(&mut noted.subkeys) } else { Vec::new() };
            noted.news.push(News::Key(Event { db, key, class, name, subkeys }));
        });
    }

    pub(super) fn append(&self, news: News) {
        self.change(|noted| noted.news.push(news));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Noted) -> T) -> T {
        let mut noted = self.noted.take().unwrap_or_default();
        let result = change(&mut noted);
        self.noted.set(Some(noted));
        result
    }

    /// Whether nobody wants to know of anything.
    #[inline]
    pub(super) const fn wants_none(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What the running command calls its change, whose door calls it `name`.
    pub(super) fn name(&self, name: &'static str) -> &'static str {
        self.change(|noted| noted.name).unwrap_or(name)
    }

    /// From now on the change that a command is about is called so. Returns what it was called before.
    #[inline]
    pub(super) fn set_name(&self, name: Option<&'static str>) -> Option<&'static str> {
        if self.wants_none() { None } else { self.change(|noted| std::mem::replace(&mut noted.name, name)) }
    }

    pub(super) fn len(&self) -> usize {
        self.change(|noted| noted.news.len())
    }

    /// How much is noted so far; `None` for nothing ever.
    pub(super) fn mark(&mut self) -> Option<usize> {
        self.noted.get_mut().as_ref().map(|noted| noted.news.len())
    }

    /// Forgets what was noted since then.
    pub(super) fn rewind(&mut self, to: Option<usize>) {
        match (self.noted.get_mut(), to) {
            (Some(noted), Some(length)) => {
                noted.news.truncate(length);
                noted.subkeys.clear();
            }
            (noted, _) => *noted = None,
        }
    }

    /// Moves the news between `start` and `middle` behind those after them.
    pub(super) fn move_back(&self, start: usize, middle: usize) {
        self.change(|noted| noted.news[start..].rotate_left(middle - start));
    }

    /// Whether nothing was ever noted.
    #[inline]
    pub(crate) fn is_untouched(&mut self) -> bool {
        self.noted.get_mut().is_none()
    }

    /// What there is to tell, if there may be something. Nothing is left.
    #[inline]
    pub(crate) fn take(&self) -> Option<Vec<News>> {
        self.noted.take().map(|noted| noted.news)
    }
}
