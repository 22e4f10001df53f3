//! The end of the log: units go in under the engine's locks, and out to the disk without them.
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use event_listener::{Event, EventListener, IntoNotification};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::{At, Result};
use crate::manifest::ManifestFile;
use crate::vfs::{Vfs, VfsFile};
use crate::{Error, StoreOptions, log};

/// When the log is synced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before a write is acknowledged. Writers that wait together are acknowledged by one sync.
    Always,
    /// About once a second.
    #[default]
    EverySec,
    /// When the operating system pleases.
    No,
}

impl Fsync {
    /// All policies.
    pub const ALL: [Self; 3] = [Fsync::Always, Fsync::EverySec, Fsync::No];

    /// The word of Redis's `appendfsync`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fsync::Always => "always",
            Fsync::EverySec => "everysec",
            Fsync::No => "no",
        }
    }
}

/// Past so many bytes waiting, a writer writes them to the file, unless somebody does.
const WRITTEN_BY_WRITERS: usize = 512 << 10;
/// Past so many bytes waiting, writers wait for that: they are faster than the disk.
const BUFFER_MAX: usize = 8 << 20;

/// Takes units and brings them to the disk.
///
/// Lock order: the turn to sync, the file, the buffer. Whoever syncs lets go of the file first, so that it can be written to
/// meanwhile; what is taken out of the buffer is written in order, because the file is locked before the buffer.
pub struct LogWriter {
    vfs: Arc<dyn Vfs>,
    folder: PathBuf,
    manifest: Arc<ManifestFile>,
    fsync: AtomicU8,
    segment_bytes: u64,
    buffer: Mutex<Buffer>,
    file: Mutex<Segment>,
    /// Held while the file is synced: an error of the disk is told to one of those who sync, and must stop the others.
    turn: Mutex<()>,
    /// Whether somebody writes and syncs for all who wait.
    syncing: Mutex<bool>,
    sync_ended: Condvar,
    /// Units up to here are on the disk, as far as they were taken since the store was opened.
    synced: AtomicU64,
    /// So are those that were there before. A process that was killed left them to the operating system.
    has_secured_recovered: AtomicBool,
    /// Units were taken: told to those who read the log while it is written.
    grown: Event,
    /// Bytes of all segments since the last checkpoint.
    log_bytes: AtomicU64,
    failed: OnceLock<String>,
    on_dirty: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// Stands for a file that could not be opened. The log has failed then, so nobody writes to it.
#[derive(Debug)]
struct NoFile;

impl VfsFile for NoFile {
    fn append(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Frames on their way to the file, in chunks: nothing that was taken is copied again while writers wait.
#[derive(Default)]
struct Buffer {
    chunks: Vec<Vec<u8>>,
    /// How many bytes all chunks have.
    bytes: usize,
    last_unit: u64,
    /// Chunks that were written out, kept for their memory.
    spare: Vec<Vec<u8>>,
}

impl Buffer {
    const CHUNK_BYTES: usize = 256 << 10;
    const SPARE_CHUNKS: usize = 8;

    fn push(&mut self, unit: u64, payload: &[u8]) {
        let frame_bytes = log::FRAME_HEADER_BYTES + payload.len();
        let fits = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() >= frame_bytes;
        if !self.chunks.last().is_some_and(fits) {
            let spare = if frame_bytes <= Self::CHUNK_BYTES { self.spare.pop() } else { None };
            let room = Self::CHUNK_BYTES.max(frame_bytes);
            self.chunks.push(spare.unwrap_or_else(|| Vec::with_capacity(room)));
        }
        let chunk = self.chunks.last_mut().expect("one with room was added");
        log::encode(unit, payload, chunk);
        self.bytes += frame_bytes;
        // A number is taken only with its frame: one that is missing makes all units after it unreadable.
        self.last_unit = unit;
    }

    /// Takes out what there is.
    fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.chunks)
    }

    /// Keeps the memory of some chunks, and leaves the others.
    fn reuse(&mut self, chunks: &mut Vec<Vec<u8>>) {
        let room = Self::SPARE_CHUNKS.saturating_sub(self.spare.len());
        let usual = chunks.extract_if(.., |chunk| chunk.capacity() <= Self::CHUNK_BYTES);
        self.spare.extend(usual.take(room).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
    }
}

/// The file that units are written to.
pub(crate) struct Segment {
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    first_unit: u64,
    bytes: u64,
    /// How many bytes it had when the next one could not be begun.
    overdue_since: u64,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("folder", &self.folder)
            .field("fsync", &self.fsync())
            .field("failed", &self.failed.get())
            .finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Goes on after `last_unit` in a segment. Without one the log has failed already.
    pub(crate) fn new(
        vfs: Arc<dyn Vfs>,
        folder: &Path,
        options: &StoreOptions,
        manifest: Arc<ManifestFile>,
        segment: Result<Segment>,
        last_unit: u64,
        log_bytes: u64,
    ) -> Self {
        let failed = OnceLock::new();
        let segment = segment.unwrap_or_else(|error| {
            failed.get_or_init(|| error.to_string());
            Segment::new(Arc::new(NoFile), folder.to_owned(), last_unit + 1, log::HEADER_BYTES as u64)
        });
        Self {
            vfs,
            folder: folder.to_owned(),
            manifest,
            fsync: AtomicU8::new(options.fsync as u8),
            segment_bytes: options.segment_bytes,
            buffer: Mutex::new(Buffer { last_unit, ..Buffer::default() }),
            file: Mutex::new(segment),
            turn: Mutex::new(()),
            syncing: Mutex::new(false),
            sync_ended: Condvar::new(),
            synced: AtomicU64::new(last_unit),
            has_secured_recovered: AtomicBool::new(false),
            grown: Event::new(),
            log_bytes: AtomicU64::new(log_bytes),
            failed,
            on_dirty: OnceLock::new(),
        }
    }

    /// Who is told when there is something to write again, or, where writers sync by themselves, when there was. It is called under
    /// the engine's locks and must be quick.
    pub fn set_on_dirty(&self, hook: Box<dyn Fn() + Send + Sync>) {
        // A second hook would mean two owners of one store.
        assert!(self.on_dirty.set(hook).is_ok(), "a log has one owner");
    }

    /// When this log is synced.
    #[inline]
    pub fn fsync(&self) -> Fsync {
        let policy = self.fsync.load(Ordering::Relaxed);
        Fsync::ALL.into_iter().find(|known| *known as u8 == policy).unwrap_or_default()
    }

    /// Syncs in another way from now on.
    pub fn set_fsync(&self, policy: Fsync) {
        // Under the lock under which `append` looks: what it took before, meaning to sync it at once, is told of here.
        let buffer = self.buffer.lock();
        self.fsync.store(policy as u8, Ordering::Relaxed);
        drop(buffer);
        if let Some(hook) = self.on_dirty.get() {
            hook();
        }
    }

    /// Asked before a change is made.
    ///
    /// # Errors
    /// [`Error::WriteFailed`] once a write has failed, and for ever after.
    #[inline]
    pub fn check(&self) -> Result<()> {
        match self.failed.get() {
            None => Ok(()),
            Some(cause) => Err(Error::WriteFailed(cause.clone())),
        }
    }

    /// Takes a unit and returns its number. Only copies: a failure to write shows at [`LogWriter::commit`].
    pub fn append(&self, payload: &[u8]) -> u64 {
        let mut buffer = self.buffer.lock();
        let unit = buffer.last_unit + 1;
        let tells = buffer.bytes == 0 && self.fsync() != Fsync::Always;
        buffer.push(unit, payload);
        drop(buffer);
        if tells && let Some(hook) = self.on_dirty.get() {
            hook();
        }
        unit
    }

    /// Returns when the unit is as safe as the policy promises.
    ///
    /// # Errors
    /// [`Error::WriteFailed`] if it could not be made so.
    pub fn commit(&self, unit: u64) -> Result<()> {
        let result = match self.fsync() {
            Fsync::Always => self.wait_for(unit),
            Fsync::EverySec | Fsync::No => self.relieve(),
        };
        self.wake_readers();
        result
    }

    /// As [`LogWriter::commit`], but never waits for the disk. True if the policy promises that nobody is answered before it has
    /// the unit: [`LogWriter::commit`] has to be called by then, once for all units of those who are answered together.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub fn commit_later(&self, unit: u64) -> Result<bool> {
        if self.fsync() != Fsync::Always {
            return self.commit(unit).map(|()| false);
        }
        let result = self.relieve();
        self.wake_readers();
        result.map(|()| true)
    }

    /// Wakes those who wait for the log to grow. No lock may be held: they are woken here.
    #[inline]
    pub fn wake_readers(&self) {
        // Without a fence: whoever listened before a unit was taken has been in the buffer's lock before it, to look.
        self.grown.notify(usize::MAX.relaxed());
    }

    /// Tells when units were taken after this call. Whoever listens looks at [`LogWriter::last_unit`] before waiting.
    pub(crate) fn listen(&self) -> EventListener {
        self.grown.listen()
    }

    /// The number of the last unit that is on the disk. What was there when the store was opened counts as such; see
    /// [`LogWriter::secure_recovered`].
    pub(crate) fn synced_unit(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Brings what was in the log when the store was opened to the disk, unless that was done.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub(crate) fn secure_recovered(&self) -> Result<()> {
        let _turn = self.turn.lock();
        if !self.has_secured_recovered.load(Ordering::Relaxed) {
            let segment = self.file.lock();
            let (file, path) = (Arc::clone(&segment.file), segment.path.clone());
            drop(segment);
            self.latching(|| file.sync().at("sync", &path))?;
            self.has_secured_recovered.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes to the file if too much waits for that. Does not wait for the disk, which beginning the next segment would take.
    fn relieve(&self) -> Result<()> {
        let waiting = self.buffer.lock().bytes;
        let segment = if waiting > BUFFER_MAX {
            Some(self.file.lock())
        } else if waiting > WRITTEN_BY_WRITERS {
            self.file.try_lock()
        } else {
            None
        };
        segment.map_or(Ok(()), |mut segment| self.write_out(&mut segment).map(drop))
    }

    /// Waits until a unit is on the disk. One of those who wait writes and syncs for all of them; the others are woken together and
    /// need no lock to see that they are done.
    fn wait_for(&self, unit: u64) -> Result<()> {
        loop {
            let mut syncing = self.syncing.lock();
            if self.synced.load(Ordering::Acquire) >= unit {
                return Ok(());
            }
            if *syncing {
                self.sync_ended.wait(&mut syncing);
                continue;
            }
            *syncing = true;
            drop(syncing);
            let result = self.sync();
            *self.syncing.lock() = false;
            self.sync_ended.notify_all();
            result?;
            // Nobody else hears that the log has grown.
            if let Some(hook) = self.on_dirty.get() {
                hook();
            }
        }
    }

    /// The number of the last unit that was taken.
    pub fn last_unit(&self) -> u64 {
        self.buffer.lock().last_unit
    }

    /// Writes what was taken to the file. Syncs only if the file is long enough for the next one to be begun.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub fn flush(&self) -> Result<()> {
        let mut segment = self.file.lock();
        self.write_out(&mut segment)?;
        let is_long = segment.is_long(self.segment_bytes);
        drop(segment);
        self.wake_readers();
        if is_long { self.sync() } else { Ok(()) }
    }

    /// Writes what was taken to the file and the file to the disk.
    ///
    /// # Errors
    /// [`Error::WriteFailed`].
    pub fn sync(&self) -> Result<()> {
        let turn = self.turn.lock();
        let mut segment = self.sync_beside(&turn)?;
        if segment.is_long(self.segment_bytes) && self.begin_segment(&mut segment, &turn).is_err() {
            // The log goes on where it is, unless that failed too.
            self.check()?;
            segment.overdue_since = segment.bytes;
        }
        Ok(())
    }

    /// Whether something was taken that is not on the disk.
    pub fn has_unsynced(&self) -> bool {
        self.failed.get().is_none() && self.synced.load(Ordering::Acquire) < self.last_unit()
    }

    /// Bytes of the log since the last checkpoint.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn forget_bytes(&self, bytes: u64) {
        self.log_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Runs a step of writing; its failure ends the log for good.
    fn latching<T>(&self, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check()?;
        step().map_err(|error| {
            let cause = self.failed.get_or_init(|| error.to_string());
            Error::WriteFailed(cause.clone())
        })
    }

    /// Writes what was taken to the file. Returns the last unit that is in it then.
    fn write_out(&self, segment: &mut Segment) -> Result<u64> {
        self.latching(|| {
            let (mut chunks, last_unit) = {
                let mut buffer = self.buffer.lock();
                (buffer.take(), buffer.last_unit)
            };
            for chunk in &chunks {
                segment.file.append(chunk).at("write to", &segment.path)?;
                segment.bytes += chunk.len() as u64;
                self.log_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
            if !chunks.is_empty() {
                self.buffer.lock().reuse(&mut chunks);
            }
            Ok(last_unit)
        })
    }

    /// Brings what was taken so far to the disk, while others may write to the file. Returns the file, locked again.
    fn sync_beside(&self, turn: &MutexGuard<'_, ()>) -> Result<MutexGuard<'_, Segment>> {
        let mut segment = self.file.lock();
        let last_unit = self.write_out(&mut segment)?;
        let (file, path) = (Arc::clone(&segment.file), segment.path.clone());
        drop(segment);
        self.sync_file(&*file, &path, last_unit, turn)?;
        Ok(self.file.lock())
    }

    /// Syncs a file that has all units up to one, unless that was done.
    fn sync_file(
        &self,
        file: &dyn VfsFile,
        path: &Path,
        last_unit: u64,
        _: &MutexGuard<'_, ()>,
    ) -> Result<()> {
        if self.synced.load(Ordering::Acquire) < last_unit {
            self.latching(|| file.sync().at("sync", path))?;
            self.synced.store(last_unit, Ordering::Release);
        }
        Ok(())
    }

    /// Closes a segment and begins the next. A segment that is not the last is whole and on the disk. If the next cannot be made, the
    /// present one stays and can be written to.
    fn begin_segment(&self, segment: &mut Segment, turn: &MutexGuard<'_, ()>) -> Result<()> {
        let last_unit = self.write_out(segment)?;
        self.sync_file(&*segment.file, &segment.path, last_unit, turn)?;
        let first_unit = last_unit + 1;
        match Segment::create(&*self.vfs, &self.folder, first_unit) {
            Ok(next) => {
                *segment = next;
                self.manifest.name_segment(first_unit);
                Ok(())
            }
            Err(error) => {
                let path = self.folder.join(log::file_name(first_unit));
                if !matches!(self.vfs.kind(&path), Ok(None)) {
                    // It has its name and may not survive a power cut: units can go neither there nor where they were going.
                    return self.latching(|| Err(error));
                }
                let _ = self.vfs.remove(&self.folder.join(log::temporary_name(first_unit)));
                Err(error)
            }
        }
    }

    /// Begins a new segment, unless the present one has nothing in it.
    pub(crate) fn rotate(&self) -> Result<()> {
        let turn = self.turn.lock();
        let mut segment = self.sync_beside(&turn)?;
        if segment.bytes > log::HEADER_BYTES as u64 {
            self.begin_segment(&mut segment, &turn)?;
        }
        Ok(())
    }

    /// The first unit of the present segment, and how many bytes were logged before it.
    pub(crate) fn segment_start(&self) -> (u64, u64) {
        let segment = self.file.lock();
        (segment.first_unit, self.log_bytes() - (segment.bytes - log::HEADER_BYTES as u64))
    }
}

impl Segment {
    fn new(file: Arc<dyn VfsFile>, path: PathBuf, first_unit: u64, bytes: u64) -> Self {
        Self { file, path, first_unit, bytes, overdue_since: 0 }
    }

    /// Whether the next one is to be begun.
    const fn is_long(&self, enough: u64) -> bool {
        self.bytes - self.overdue_since >= enough
    }

    /// Makes a segment without units. It has its name once its header is on the disk.
    pub(crate) fn create(vfs: &dyn Vfs, folder: &Path, first_unit: u64) -> Result<Self> {
        let temporary = folder.join(log::temporary_name(first_unit));
        let file = vfs.create(&temporary).at("create", &temporary)?;
        let header = log::header(first_unit);
        file.append(&header).at("write to", &temporary)?;
        file.sync().at("sync", &temporary)?;
        let path = folder.join(log::file_name(first_unit));
        vfs.rename(&temporary, &path).at("rename", &temporary)?;
        vfs.sync_dir(folder).at("sync", folder)?;
        Ok(Self::new(file.into(), path, first_unit, header.len() as u64))
    }

    /// Goes on in a segment that has so many good bytes.
    pub(crate) fn open(vfs: &dyn Vfs, folder: &Path, first_unit: u64, bytes: u64) -> Result<Self> {
        let path = folder.join(log::file_name(first_unit));
        let file = vfs.open_append(&path).at("open", &path)?;
        Ok(Self::new(file.into(), path, first_unit, bytes))
    }
}
