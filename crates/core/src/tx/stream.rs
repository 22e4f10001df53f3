//! Doors to streams.
use super::collection::Held;
use super::{Tx, View};
use crate::Result;
use crate::effect::{Blob, Effect};
use crate::types::stream::StreamChange;
use crate::types::{Stream, StreamId};

/// A stream to write. Created by its first change; one that has no entry is a stream still.
pub type StreamMut<'t, 'e> = Held<'t, 'e, Stream>;

impl<'v> View<'v> {
    /// The stream at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn stream(&self, key: &[u8]) -> Result<Option<&'v Stream>> {
        Ok(self.collection(key)?.map(super::Shown::inner))
    }
}

impl<'e> Tx<'e> {
    /// The stream at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn stream_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<StreamMut<'t, 'e>> {
        self.hold(key)
    }
}

/// What Redis calls a change in events; nothing of those that it does not tell.
const fn event(change: &StreamChange<'_>) -> Option<&'static str> {
    match change {
        StreamChange::Add { .. } => Some("xadd"),
        StreamChange::Delete { .. } => Some("xdel"),
        StreamChange::Trim { .. } => Some("xtrim"),
        StreamChange::SetIds { .. } => Some("xsetid"),
        StreamChange::DestroyGroup { .. } => Some("xgroup-destroy"),
        StreamChange::DeleteConsumer { .. } => Some("xgroup-delconsumer"),
        StreamChange::SetGroup { .. }
        | StreamChange::SetConsumer { .. }
        | StreamChange::Assign { .. }
        | StreamChange::Acknowledge { .. } => None,
    }
}

impl StreamMut<'_, '_> {
    /// Adds an entry, whose ID must be after the last one: names and values by turns.
    pub fn add(&mut self, id: StreamId, words: &[&[u8]]) {
        self.keep_way_back(|stream| back(&stream, &StreamChange::Add { id, words: Vec::new() }));
        let (stream, settings) = self.parts();
        stream.insert(id, words, settings);
        let words = words.iter().map(|word| Blob::from(*word)).collect();
        self.change("xadd", &Effect::Stream(StreamChange::Add { id, words }));
    }

    /// Makes a change. False, and nothing has changed, if it is about something that is not there.
    pub fn apply(&mut self, change: &StreamChange<'_>) -> bool {
        self.keep_way_back(|stream| back(&stream, change));
        let (stream, settings) = self.parts();
        let is_changed = stream.apply(change, settings);
        if is_changed {
            self.record(&Effect::Stream(change.clone()));
            event(change).into_iter().for_each(|name| self.note(name));
        }
        is_changed
    }

    /// Tells of a change whose name depends on more than the change.
    pub fn tell(&mut self, name: &'static str) {
        self.note(name);
    }

    /// Makes a change that is not worth a record: that a consumer asked for something.
    pub fn apply_unrecorded(&mut self, change: &StreamChange<'_>) {
        self.keep_way_back(|stream| back(&stream, change));
        let (stream, settings) = self.parts();
        stream.apply(change, settings);
    }
}

/// The effects that take back what a change is going to do.
fn back(stream: &Stream, change: &StreamChange<'_>) -> Vec<Effect<'static>> {
    stream.way_back(change).into_iter().map(Effect::Stream).collect()
}
