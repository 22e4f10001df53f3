//! Effects to disk and back: an append log, snapshots, and recovery from both.
//!
//! A store is a folder:
//!
//! ```text
//! LOCK                            held by the process that has the store open
//! MANIFEST                        which snapshot counts, and from where to where the log after it goes
//! snapshot-00000000000000000007   the whole keyspace, in sections with checksums
//! log-00000000000000104231        frames: one for each execution unit, numbered, with checksums
//! ```
//!
//! What survives what:
//!
//! | | the process is killed | the power fails |
//! |---|---|---|
//! | `always` | every unit that was acknowledged | every unit that was acknowledged |
//! | `everysec` | all but the last hundredth of a second or so | all but about the last second |
//! | `no` | all but the last hundredth of a second or so | what the operating system has written by then |
//!
//! A unit is there whole or not at all. A log that ends in the middle of a frame was cut off by a crash: it ends before that frame,
//! and recovery says how much was cut. Damage anywhere else refuses to open, with file and offset; so does a file that is gone. A write that fails
//! latches: every later write is refused with the first cause, until the store is opened again.
//!
//! This crate treats a unit as bytes. It knows frames, files and syncing; nothing of keys, commands or replies.
mod error;
mod log;
mod manifest;
mod reader;
mod sim;
mod snapshot;
mod store;
mod vfs;
mod writer;

pub use error::{Error, Result};
pub use reader::LogReader;
pub use sim::SimVfs;
pub use store::{
    RecoveryReport, RecoveryTarget, SnapshotSource, Store, StoreOptions, TornTail, has_snapshot,
};
pub use vfs::{FileLock, Kind, Mapped, RealVfs, Source, Vfs, VfsFile};
pub use writer::{Fsync, LogWriter};
