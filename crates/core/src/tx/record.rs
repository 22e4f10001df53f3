//! Collects the effects of one unit, encoded, on their way to the journal.
use crate::codec;
use crate::effect::Effect;
use std::ops::Range;

/// The effects of a unit so far. Off, it costs one branch per change.
#[derive(Debug)]
pub(crate) struct Recorder {
    encoded: Option<Vec<u8>>,
    /// How many changes they are.
    changes: u64,
    db: usize,
    /// Where the key of the latest changes is in `encoded`.
    key: Range<usize>,
}

/// What was recorded up to a moment; see [`Recorder::mark`].
#[derive(Debug, Default)]
pub(super) struct Recorded {
    length: usize,
    changes: u64,
    db: usize,
    key: Range<usize>,
}

impl Recorder {
    pub(crate) fn new(on: bool) -> Self {
        Self { encoded: on.then(Vec::new), changes: 0, db: 0, key: 0..0 }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.encoded.is_some()
    }

    /// Notes a change to `key` in `db`. The database and the key are written only where they differ from those before.
    #[inline]
    pub(crate) fn record(&mut self, db: usize, key: Option<&[u8]>, effect: &Effect<'_>) {
        if self.encoded.is_some() {
            self.encode(db, key, effect);
        }
    }

    fn encode(&mut self, db: usize, key: Option<&[u8]>, effect: &Effect<'_>) {
        let Some(buffer) = &mut self.encoded else { return };
        if db != self.db {
            codec::encode(&Effect::Select { db: db as u32 }, buffer);
            self.db = db;
        }
        if let Some(key) = key
            && (buffer[self.key.clone()] != *key || self.key.end == 0)
        {
            codec::encode(&Effect::On { key: key.into() }, buffer);
            // Nothing comes after a key in the effect that names it.
            self.key = buffer.len() - key.len()..buffer.len();
        }
        codec::encode(effect, buffer);
        self.changes += 1;
    }

    /// What is recorded so far.
    pub(super) fn mark(&self) -> Recorded {
        let length = self.encoded.as_ref().map_or(0, Vec::len);
        Recorded { length, changes: self.changes, db: self.db, key: self.key.clone() }
    }

    /// Forgets what was recorded since then.
    pub(super) fn rewind(&mut self, to: Recorded) {
        if let Some(buffer) = &mut self.encoded {
            buffer.truncate(to.length);
        }
        (self.changes, self.db, self.key) = (to.changes, to.db, to.key);
    }

    /// What was recorded, if anything was, and how many changes it is. Nothing is recorded afterwards.
    pub(crate) fn take(&mut self) -> Option<(Vec<u8>, u64)> {
        let encoded = self.encoded.take().filter(|encoded| !encoded.is_empty())?;
        Some((encoded, self.changes))
    }
}
