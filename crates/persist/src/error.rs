//! What went wrong, in which file, at which offset.
use std::io;
use std::path::{Path, PathBuf};

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another handle of this one, has the store open.
    #[error(
        "the store at {} is open in another process (or twice in this one); close it there, or share one handle", path.display()
    )]
    AlreadyOpen {
        /// The store's folder.
        path: PathBuf,
    },
    /// The path is something else than a store. Nothing there was touched.
    #[error("{} is no redlet store: {why}", path.display())]
    NotAStore {
        /// The path.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// The store may not be written to. It is not opened even to be read: without its lock another process could change it meanwhile.
    #[error(
        "the store at {} may not be written to, and opening it takes a lock there; open it as a user who may write to the folder, \
         or open a copy of it: {source}", path.display()
    )]
    ReadOnly {
        /// The store's folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Bytes are not what was written.
    #[error("{} is damaged at byte {offset}: {why}; restore the store from a copy", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// A file that the store had is gone.
    #[error("{} is missing: {why}; put it back, or restore the store from a copy", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// How it is known, or what was in it.
        why: String,
    },
    /// A new snapshot was not what had been written to it. It was thrown away; the one before it and the log are untouched.
    #[error("{} was not as it had been written when it was read back: {why}", path.display())]
    NotReadBack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system refused something.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier write failed, so the log ends there. Holds what happened then.
    #[error(
        "the log could not be written and takes nothing more; close the store, mend the cause and open it again: {0}"
    )]
    WriteFailed(String),
    /// A unit was asked for that the log does not keep any more.
    #[error(
        "unit {wanted} of the log is no longer kept, the oldest that is kept is {oldest}; begin there, from a copy of the keys"
    )]
    Gone {
        /// The unit.
        wanted: u64,
        /// The first one after it that is kept.
        oldest: u64,
    },
    /// A unit was asked for that comes after the next one.
    #[error(
        "unit {wanted} is further on than the log, whose next unit is {next}; the position is that of another store"
    )]
    Ahead {
        /// The unit.
        wanted: u64,
        /// The one that happens next.
        next: u64,
    },
    /// The file's format is of another version.
    #[error("{} was written in format version {found}; this program reads version {known}", path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is understood.
        known: u32,
    },
    /// What was recorded cannot be applied.
    #[error("{} holds a unit that cannot be applied: {why}", path.display())]
    Replay {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        why: String,
    },
}

/// Gives an error of the operating system its place.
pub(crate) trait At<T> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { operation, path: path.to_owned(), source })
    }
}

pub(crate) fn missing(path: PathBuf, why: impl Into<String>) -> Error {
    Error::Missing { path, why: why.into() }
}

pub(crate) fn corrupt(path: &Path, offset: usize, why: impl Into<String>) -> Error {
    Error::Corrupt { path: path.to_owned(), offset: offset as u64, why: why.into() }
}
