//! Where effects go. The engine knows no file: a store on disk implements this trait.
use std::fmt;

use crate::Result;

/// Takes execution units (one command, one EXEC, one transaction) in the order in which they happened.
///
/// The engine calls [`append`](Journal::append) while it holds the locks of all shards that the unit touched, so the
/// order of appends to one key is the order of its changes. It calls [`commit`](Journal::commit) after letting go.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Asked before a command changes anything.
    ///
    /// # Errors
    /// [`Error::Unwritable`](crate::Error::Unwritable) once a write has failed, and for ever after.
    fn check(&self) -> Result<()>;

    /// Takes the effects of one unit, encoded by [`codec`](crate::codec), and returns its number. Quick and infallible: a
    /// failure to write shows at [`commit`](Journal::commit).
    fn append(&self, effects: &[u8]) -> u64;

    /// Returns when the unit is as safe as the policy for syncing promises.
    ///
    /// # Errors
    /// [`Error::Unwritable`](crate::Error::Unwritable) when it could not be made so.
    fn commit(&self, unit: u64) -> Result<()>;

    /// As [`commit`](Journal::commit) for a caller whose answer is held back: does not wait for the disk. True if
    /// [`commit`](Journal::commit) has to be called, with this unit or a later one, before the answer is sent.
    ///
    /// # Errors
    /// As [`commit`](Journal::commit).
    fn commit_later(&self, unit: u64) -> Result<bool> {
        self.commit(unit).map(|()| false)
    }
}

/// What `SAVE`, `BGSAVE`, `BGREWRITEAOF` and `LASTSAVE` ask of whoever keeps the store.
pub trait Keeper: Send + Sync + fmt::Debug {
    /// Writes a snapshot and returns when it is on disk.
    ///
    /// # Errors
    /// When it could not be written, or the store lives in memory only.
    fn save(&self) -> Result<()>;

    /// Begins to write a snapshot; false if one is being written already.
    ///
    /// # Errors
    /// When the store lives in memory only.
    fn save_in_background(&self) -> Result<bool>;

    /// Returns when everything that was written so far is on the disk.
    ///
    /// # Errors
    /// [`Error::Unwritable`](crate::Error::Unwritable).
    fn sync(&self) -> Result<()>;

    /// When the last snapshot was finished, in Unix seconds.
    fn last_save_seconds(&self) -> i64;

    /// Lines for `INFO persistence`: names and values.
    fn report(&self) -> Vec<(&'static str, String)>;
}

/// A journal in memory, for tests.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Units(pub(crate) parking_lot::Mutex<Vec<Vec<u8>>>);

#[cfg(test)]
impl Units {
    /// The number of the last unit; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.0.lock().len() as u64
    }
}

#[cfg(test)]
impl Journal for Units {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn append(&self, effects: &[u8]) -> u64 {
        self.0.lock().push(effects.to_vec());
        self.last()
    }

    fn commit(&self, _: u64) -> Result<()> {
        Ok(())
    }
}
