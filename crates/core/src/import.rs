//! RDB files into the keyspace.
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use crate::cmd::Flags;
use crate::cmd::function::{self, FunctionLoad};
use crate::effect::Image;
use crate::engine::Engine;
use crate::rdb::ImportError;
use crate::rdb::file::{self, Batch, Entry};
use crate::replay;
use crate::tx::{Deadline, Tx};
use crate::types::Value;
use crate::{Error, UnixMs};

/// What an RDB file had in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// Keys that are there now.
    pub keys: u64,
    /// Databases that they are in.
    pub databases: usize,
    /// Keys that had expired and were left out.
    pub expired: u64,
    /// Libraries of functions that are there now.
    pub libraries: usize,
    /// What wrote the file, as in `Redis 6.2.14`, if it says so.
    pub server: Option<String>,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        write!(f, "{} key{}", self.keys, plural(self.keys))?;
        if self.databases > 1 {
            write!(f, " in {} databases", self.databases)?;
        }
        match self.libraries {
            0 => {}
            1 => f.write_str(" and 1 library of functions")?,
            libraries => write!(f, " and {libraries} libraries of functions")?,
        }
        if let Some(server) = &self.server {
            write!(f, " of {server}")?;
        }
        match self.expired {
            0 => Ok(()),
            1 => f.write_str("; 1 key had expired"),
            expired => write!(f, "; {expired} keys had expired"),
        }
    }
}

impl Engine {
    /// Looks at an RDB file of `length` bytes as closely as [`Engine::import`] does, and changes nothing.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn check_import(
        &self,
        source: impl Read,
        length: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<(), ImportError> {
        let now = self.clock().now();
        file::read(source, length, self.databases(), |batch| {
            for code in &batch.libraries {
                function::load(code, self, |_| Ok(())).map_err(|error| library(&error))?;
            }
            // One shard says how values are kept.
            self.transaction(0, &[b""], |tx| {
                batch.entries.iter().try_for_each(|entry| build(tx, entry, batch, now).map(drop))
            })?;
            progress(batch.end);
            Ok(())
        })
    }

    /// Adds the keys and libraries of an RDB file of `length` bytes, in the place of those that have the same names. Units are small, and each one
    /// is there whole or not at all; if the file turns out to be damaged, those before stay: see [`Engine::check_import`]. `progress` is told how many bytes are
    /// done.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import(
        &self,
        source: impl Read,
        length: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<ImportReport, ImportError> {
        let mut report = ImportReport::default();
        let mut databases = BTreeSet::new();
        file::read(source, length, self.databases(), |batch| {
            for code in &batch.libraries {
                self.write(0, &FunctionLoad { code, replace: true }).map_err(|error| library(&error))?;
                report.libraries += 1;
            }
            if !batch.entries.is_empty() {
                self.import_batch(batch, &mut report, &mut databases)?;
            }
            if batch.server.is_some() {
                report.server.clone_from(&batch.server);
            }
            progress(batch.end);
            Ok::<_, ImportError>(())
        })?;
        report.databases = databases.len();
        Ok(report)
    }

    fn import_batch(
        &self,
        batch: &Batch<'_>,
        report: &mut ImportReport,
        databases: &mut BTreeSet<usize>,
    ) -> Result<(), ImportError> {
        self.check_room(Flags::DENYOOM)?;
        let keys: Vec<&[u8]> = batch.entries.iter().map(|entry| &*entry.key).collect();
        let now = self.clock().now();
        self.transaction(0, &keys, |tx| {
            for entry in &batch.entries {
                let is_alive = entry.expire_at.is_none_or(|at| at >= now);
                let value = if is_alive { build(tx, entry, batch, now)? } else { Built::Expired };
                match value {
                    Built::Empty => {}
                    Built::Expired => report.expired += 1,
                    Built::Value(value) => {
                        report.keys += 1;
                        databases.insert(entry.db);
                        tx.in_database(entry.db, |tx| put(tx, entry, value))?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// What became of a value.
enum Built {
    Value(Value),
    /// All fields of a hash had expired.
    Expired,
    /// A collection without elements, which some servers wrote by mistake. Redis leaves it out too.
    Empty,
}

fn build(tx: &Tx<'_>, entry: &Entry<'_>, batch: &Batch<'_>, now: UnixMs) -> Result<Built, ImportError> {
    let of_alive;
    let image = match &entry.image {
        image if image.elements() == Some(0) => return Ok(Built::Empty),
        Image::TimedHash(fields) if fields.iter().any(|(_, _, at)| at.is_some_and(|at| at < now)) => {
            let alive = fields.iter().filter(|(_, _, at)| at.is_none_or(|at| at >= now));
            of_alive = Image::TimedHash(alive.cloned().collect());
            &of_alive
        }
        image => image,
    };
    if image.elements() == Some(0) {
        return Ok(Built::Expired);
    }
    let value = replay::build(tx, image).map_err(|error| match error {
        Error::UndeclaredKey => ImportError::Refused(error),
        _ => entry.damaged(batch.offset, "contradicts itself"),
    })?;
    if image.elements().is_some_and(|count| count != value.as_ref().length()) {
        return Err(entry.damaged(batch.offset, "has an element twice that may be there once"));
    }
    Ok(Built::Value(value))
}

fn put(tx: &mut Tx<'_>, entry: &Entry<'_>, value: Value) -> Result<(), ImportError> {
    let deadline = entry.expire_at.map_or(Deadline::Clear, Deadline::At);
    tx.put_anew(&entry.key, value, deadline)?;
    if let Some(past) = entry.past_use {
        tx.set_past_use(&entry.key, past)?;
    }
    Ok(())
}

fn library(error: &Error) -> ImportError {
    let text = error.to_string();
    ImportError::Library(text.strip_prefix("ERR ").unwrap_or(&text).to_owned())
}
