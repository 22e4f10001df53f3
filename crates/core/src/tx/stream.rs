//! Doors to streams.
use super::collection::Held;
use super::{Tx, View};
use crate::effect::{Blob, Effect};
use crate::types::stream::{Group, Pending, StreamChange};
use crate::types::{Stream, StreamId};
use crate::{Result, UnixMs};

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

impl StreamMut<'_, '_> {
    /// Adds an entry, whose ID must be after the last one: names and values by turns.
    pub fn add(&mut self, id: StreamId, words: &[&[u8]]) {
        self.keep_way_back(|stream| back(&stream, &StreamChange::Add { id, words: Vec::new() }));
        let (stream, settings) = self.parts();
        stream.insert(id, words, settings);
        self.record_made(|| {
            let words = words.iter().map(|word| Blob::from(*word)).collect();
            Effect::Stream(StreamChange::Add { id, words })
        });
        self.note("xadd");
    }

    /// Makes a change that Redis tells of by a name, or not. False, and nothing has changed, if it is about something that is not
    /// there.
    pub fn apply(&mut self, change: &StreamChange<'_>, event: Option<&'static str>) -> bool {
        self.keep_way_back(|stream| back(&stream, change));
        let (stream, settings) = self.parts();
        let is_changed = stream.apply(change, settings);
        if is_changed {
            self.record_made(|| Effect::Stream(change.clone()));
            match event {
                Some(name) if is_quiet(change) => self.note_quietly(name),
                Some(name) => self.note(name),
                None => {}
            }
        }
        is_changed
    }

    /// Makes a change that is not worth a record: that a consumer asked for something.
    pub fn apply_unrecorded(&mut self, change: &StreamChange<'_>) {
        self.keep_way_back(|stream| back(&stream, change));
        let (stream, settings) = self.parts();
        stream.apply(change, settings);
    }

    /// The entries of a group that were last given at `latest` or before, those given longest ago first.
    pub fn idle_since(&mut self, group: &[u8], latest: UnixMs, most: usize) -> Vec<(StreamId, Pending)> {
        let idle = |group: &mut Group| group.idle_since(latest, most);
        self.parts().0.change_group(group, idle).unwrap_or_default()
    }

    /// Lets those who wait look again.
    pub fn make_ready(&mut self) {
        self.note_ready();
    }
}

/// Whether those who watch the key or track it are not told: its entries are what they were.
const fn is_quiet(change: &StreamChange<'_>) -> bool {
    !matches!(change, StreamChange::Add { .. } | StreamChange::Delete { .. } | StreamChange::Trim { .. })
}

/// The effects that take back what a change is going to do.
fn back(stream: &Stream, change: &StreamChange<'_>) -> Vec<Effect<'static>> {
    stream.way_back(change).into_iter().map(Effect::Stream).collect()
}
