//! A file system in memory that loses what was not synced, for tests.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::vfs::{FileLock, Kind, Mapped, Source, Vfs, VfsFile};

/// A file system in memory. It keeps apart what is there and what would survive a power cut, counts calls, and can be told to
/// fail one of them.
///
/// A call is anything that writes or syncs. Failing a write leaves half of its bytes behind.
#[derive(Clone, Debug, Default)]
pub struct SimVfs(Arc<Mutex<State>>, Arc<Mutex<()>>);

#[derive(Debug, Default)]
struct State {
    /// Every file that was ever made, by number.
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    /// The names as of the last sync of their folder.
    durable_names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    /// Folders that got another name, in order, while neither the folder they were in nor that they are in was synced.
    moved: Vec<(PathBuf, PathBuf)>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    syncs: u64,
    fail_at: Option<u64>,
    fails_from_now_on: bool,
    is_read_only: bool,
    /// Files whose names begin so cannot be made.
    denied: Option<String>,
    /// Files whose names begin so take other bytes than they were given.
    garbled: Option<String>,
}

#[derive(Debug, Default, Clone)]
struct Content {
    live: Vec<u8>,
    /// How much of it survives.
    durable: usize,
}

impl SimVfs {
    /// How many writing calls there were.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// How many of them were syncs of files.
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Makes the call with this number fail, counted from 0 since the beginning.
    pub fn fail_at(&self, call: u64) {
        self.0.lock().fail_at = Some(call);
    }

    /// Makes that call and every one after it fail, as when the disk is gone.
    pub fn fail_from(&self, call: u64) {
        let mut state = self.0.lock();
        (state.fail_at, state.fails_from_now_on) = (Some(call), true);
    }

    /// Makes syncs of files wait, as on a slow disk, until the guard is dropped.
    pub fn hold_syncs(&self) -> MutexGuard<'_, ()> {
        self.1.lock()
    }

    /// Refuses every write and every lock from now on, as a disk that was mounted to be read.
    pub fn make_read_only(&self) {
        self.0.lock().is_read_only = true;
    }

    /// Makes creating files whose names begin so fail from now on, or none again.
    pub fn deny(&self, prefix: Option<&str>) {
        self.0.lock().denied = prefix.map(str::to_owned);
    }

    /// Makes files that are created from now on with names that begin so take a wrong byte in every write, without a word.
    pub fn garble(&self, prefix: &str) {
        self.0.lock().garbled = Some(prefix.to_owned());
    }

    /// Cuts the power: what a new start finds. Of bytes that were not synced some beginning survives, drawn from `seed`,
    /// and its last sector may be garbage. Locks are gone, and calls no longer fail.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let state = self.0.lock();
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |bound: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % bound.max(1)
        };
        let mut files = state.files.clone();
        for file in &mut files {
            let kept = file.durable + next(file.live.len() - file.durable + 1);
            if kept > file.durable && next(3) == 0 {
                let torn = kept.saturating_sub(next(512)).max(file.durable);
                file.live[torn..kept].iter_mut().for_each(|byte| *byte ^= 0x5a);
            }
            file.live.truncate(kept);
            file.durable = kept;
        }
        let state = State {
            files,
            names: state.durable_names.clone(),
            durable_names: state.durable_names.clone(),
            // What was made is there after a power cut, but not what was moved.
            folders: state.moved.iter().rev().fold(state.folders.clone(), |folders, (from, to)| {
                folders.iter().map(|folder| moved(folder, to, from)).collect()
            }),
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    /// The bytes of a file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        state.names.get(path).map(|&file| state.files[file].live.clone())
    }

    /// Puts a file there, as if it had been for long.
    pub fn write(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.lock();
        state.files.push(Content { live: bytes.to_vec(), durable: bytes.len() });
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        state.durable_names.insert(path.to_owned(), file);
    }
}

impl State {
    /// Counts a call; an error if it is the one to fail.
    fn call(&mut self) -> io::Result<()> {
        if self.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let number = self.calls;
        self.calls += 1;
        let fails = self.fail_at.is_some_and(|at| number == at || (self.fails_from_now_on && number > at));
        if fails { Err(no_space()) } else { Ok(()) }
    }

    /// Makes the moves of folders last that are in this one.
    fn settle_moves(&mut self, path: &Path) {
        let is_of = |place: &PathBuf| place.parent() == Some(path);
        for (from, to) in self.moved.extract_if(.., |(from, to)| is_of(from) || is_of(to)) {
            let names = std::mem::take(&mut self.durable_names);
            self.durable_names =
                names.into_iter().map(|(name, file)| (moved(&name, &from, &to), file)).collect();
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Where a file or folder is after a folder got another name.
fn moved(name: &Path, from: &Path, to: &Path) -> PathBuf {
    match name.strip_prefix(from) {
        // Joined, an empty rest would leave a slash.
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => name.to_owned(),
    }
}

fn no_space() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left (simulated)")
}

fn begins_with(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
}

struct SimFile {
    state: Arc<Mutex<State>>,
    sync_gate: Arc<Mutex<()>>,
    file: usize,
    garbles: bool,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile").field("file", &self.file).finish_non_exhaustive()
    }
}

impl VfsFile for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let result = state.call();
        let written = if result.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let live = &mut state.files[self.file].live;
        live.extend_from_slice(written);
        if self.garbles && !written.is_empty() {
            let middle = live.len() - written.len() / 2 - 1;
            live[middle] ^= 1;
        }
        result
    }

    fn sync(&self) -> io::Result<()> {
        drop(self.sync_gate.lock());
        let mut state = self.state.lock();
        state.call()?;
        state.syncs += 1;
        let file = &mut state.files[self.file];
        file.durable = file.live.len();
        Ok(())
    }
}

#[derive(Debug)]
struct SimLock {
    state: Arc<Mutex<State>>,
    path: PathBuf,
}

impl FileLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.state.lock().locked.remove(&self.path);
    }
}

impl Vfs for SimVfs {
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let state = self.0.lock();
        Ok(if state.names.contains_key(path) {
            Some(Kind::File)
        } else {
            state.folders.contains(path).then_some(Kind::Folder)
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        state.folders.insert(path.to_owned());
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().chain(&state.folders).filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.0.lock();
        state.call()?;
        if state.denied.as_deref().is_some_and(|prefix| begins_with(path, prefix)) {
            return Err(no_space());
        }
        if state.folders.contains(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        state.files.push(Content::default());
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        let garbles = state.garbled.as_deref().is_some_and(|prefix| begins_with(path, prefix));
        Ok(Box::new(SimFile { state: Arc::clone(&self.0), sync_gate: Arc::clone(&self.1), file, garbles }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = self.0.lock().file(path)?;
        Ok(Box::new(SimFile {
            state: Arc::clone(&self.0),
            sync_gate: Arc::clone(&self.1),
            file,
            garbles: false,
        }))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let state = self.0.lock();
        let file = state.file(path)?;
        Ok(Box::new(state.files[file].live.clone()))
    }

    fn open_read(&self, path: &Path) -> io::Result<Source> {
        let state = self.0.lock();
        let content = state.files[state.file(path)?].live.clone();
        let length = content.len() as u64;
        Ok((Box::new(io::Cursor::new(content)), length))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        let file = state.file(path)?;
        let content = &mut state.files[file];
        content.live.truncate(length as usize);
        content.durable = content.live.len();
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        if state.folders.contains(from) {
            if state.names.contains_key(to) || state.folders.contains(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let names = std::mem::take(&mut state.names);
            state.names = names.into_iter().map(|(name, file)| (moved(&name, from, to), file)).collect();
            state.folders = state.folders.iter().map(|folder| moved(folder, from, to)).collect();
            state.moved.push((from.to_owned(), to.to_owned()));
            return Ok(());
        }
        let file = state.file(from)?;
        if state.folders.contains(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        if state.folders.contains(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        state.file(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        if state.names.keys().chain(&state.folders).any(|name| name.parent() == Some(path)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if state.folders.remove(path) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.call()?;
        state.settle_moves(path);
        let is_inside = |name: &PathBuf| name.parent() == Some(path);
        let mut durable = state.durable_names.clone();
        durable.retain(|name, _| !is_inside(name));
        durable.extend(
            state.names.iter().filter(|(name, _)| is_inside(name)).map(|(name, &file)| (name.clone(), file)),
        );
        state.durable_names = durable;
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let mut state = self.0.lock();
        if state.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if !state.locked.insert(path.to_owned()) {
            return Ok(None);
        }
        if !state.names.contains_key(path) {
            state.files.push(Content::default());
            let file = state.files.len() - 1;
            state.names.insert(path.to_owned(), file);
        }
        Ok(Some(Box::new(SimLock { state: Arc::clone(&self.0), path: path.to_owned() })))
    }
}
