//! The only door to files: a small trait, and the real file system behind it.
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// The contents of a file, all there at once.
pub type Mapped = Box<dyn AsRef<[u8]> + Send + Sync>;

/// A file that is read from its beginning, and how many bytes it has.
pub type Source = (Box<dyn Read + Send>, u64);

/// A lock that ends when it is dropped.
pub trait FileLock: Send + Sync + fmt::Debug {}

/// A file that grows at its end. It takes bytes while it is being synced.
pub trait VfsFile: Send + Sync + fmt::Debug {
    /// Adds bytes to the end.
    ///
    /// # Errors
    /// What the operating system says; some of the bytes may have been added.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was appended survives a power cut.
    ///
    /// # Errors
    /// What the operating system says; it is then unknown what survives.
    fn sync(&self) -> io::Result<()>;
}

/// A file system.
///
/// Every function fails as the operating system says; a missing file is an error of kind `NotFound`.
#[expect(clippy::missing_errors_doc, reason = "said for all of them above")]
pub trait Vfs: Send + Sync + fmt::Debug {
    /// What is at a path; `None` for nothing.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;
    /// Makes a folder and those above it.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Makes an empty file, in the place of one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Opens a file to append to it.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// The contents of a file as they are now. It may grow while they are held, and does not change otherwise.
    fn map(&self, path: &Path) -> io::Result<Mapped>;
    /// Opens a file that others may change, to read it.
    fn open_read(&self, path: &Path) -> io::Result<Source>;
    /// Cuts a file to a length and syncs it.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;
    /// Gives a file another name, in the place of one of that name; or a folder, where nothing has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Returns when files that were made, renamed or removed in a folder survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the lock that a file stands for, making the file; `None` if somebody has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>>;
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealVfs;

impl VfsFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl FileLock for File {}

#[expect(clippy::disallowed_methods, reason = "this is the door that everybody else goes through")]
impl Vfs for RealVfs {
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Kind::Folder)),
            Ok(_) => Ok(Some(Kind::File)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Box::new(Vec::<u8>::new()));
        }
        // SAFETY: the mapping must not change while it is read. The store holds its LOCK, which keeps every other redlet
        // out; this one changes no byte that is in a file: a snapshot is never written to, a log only grows behind the
        // mapping while it is open, and is cut only before anybody could have mapped it for longer. Somebody who edits a store's files by hand while it is open is outside of this.
        #[expect(unsafe_code, reason = "mapping a file has no safe form")]
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Box::new(map))
    }

    fn open_read(&self, path: &Path) -> io::Result<Source> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((Box::new(file), length))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        platform::sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// What systems do differently.
mod platform {
    use std::io;
    use std::path::Path;

    #[cfg(unix)]
    #[expect(clippy::disallowed_methods, reason = "part of the door to files")]
    pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
        std::fs::File::open(path)?.sync_all()
    }

    /// Windows journals a folder's changes with the files themselves and cannot sync a folder.
    #[cfg(not(unix))]
    pub(super) fn sync_dir(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
