//! A store on disk: opening and recovery, checkpoints, closing.
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::error::{At, Result, corrupt, missing};
use crate::manifest::{self, Manifest, ManifestFile};
use crate::snapshot::{self, Reader};
use crate::vfs::{FileLock, Kind, Mapped, Vfs};
use crate::writer::{Fsync, LogWriter, Segment};
use crate::{Error, log};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// When the log is synced.
    pub fsync: Fsync,
    /// A segment of the log ends after so many bytes.
    pub segment_bytes: u64,
    /// A checkpoint is due when the log has grown by so many percent of the snapshot's size; 0 for never.
    pub checkpoint_percentage: u64,
    /// ... and has at least so many bytes.
    pub checkpoint_min_bytes: u64,
    /// What a checkpoint made superfluous is kept for those who read the log, so many of its last bytes at least.
    pub keep_log_bytes: u64,
    /// One line that a new store keeps, and every opening of it hands to [`RecoveryTarget::begin`].
    pub engine: String,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            fsync: Fsync::default(),
            segment_bytes: 64 << 20,
            checkpoint_percentage: 100,
            checkpoint_min_bytes: 64 << 20,
            keep_log_bytes: 8 << 20,
            engine: String::new(),
        }
    }
}

/// Who is rebuilt from a store.
///
/// A section of a snapshot was copied while units went on, each at its own moment; it has the effects of all units up to a number. A
/// unit that is replayed may therefore be in some sections already: the target leaves those parts out.
pub trait RecoveryTarget: Sync {
    /// Called first, with what [`StoreOptions::engine`] was when the store was made.
    ///
    /// # Errors
    /// Why it cannot be this store's.
    fn begin(&self, engine: &str) -> Result<(), String>;

    /// Called before the sections of a snapshot, if there is one, with their number.
    ///
    /// # Errors
    /// Why they cannot be this engine's.
    fn begin_snapshot(&self, sections: usize) -> Result<(), String>;

    /// A section that holds the effects of all units up to `unit` begins; its blocks follow from the same thread.
    fn begin_section(&self, section: usize, unit: u64);

    /// A block of a section. Sections are handed over by several threads at once.
    ///
    /// # Errors
    /// Why it cannot be applied.
    fn load(&self, block: &[u8]) -> Result<(), String>;

    /// A unit of the log, in order.
    ///
    /// # Errors
    /// Why it cannot be applied.
    fn replay(&self, unit: u64, payload: &[u8]) -> Result<(), String>;
}

/// Who is copied into a snapshot.
pub trait SnapshotSource {
    /// How many sections there are.
    fn sections(&self) -> usize;

    /// Hands over the blocks of a section and returns the last unit that is in it, read while the section stood still.
    fn copy(&mut self, section: usize, sink: &mut dyn FnMut(&[u8])) -> u64;
}

/// The end of a log that a crash left half written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub path: PathBuf,
    /// Where it was cut.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The store did not exist before.
    pub is_new: bool,
    /// A snapshot was loaded.
    pub snapshot: Option<PathBuf>,
    /// How many units of the log were replayed after it.
    pub units: u64,
    /// What was cut off the end of the log.
    pub torn: Option<TornTail>,
    /// Why the log takes nothing, if the operating system let the store be read and not be made ready for writing.
    pub unwritable: Option<String>,
    /// What a crash left behind and could not be removed. It is not used.
    pub left_over: Vec<PathBuf>,
}

impl RecoveryReport {
    /// Whether there is nothing that somebody should look at.
    pub fn is_clean(&self) -> bool {
        self.torn.is_none() && self.unwritable.is_none() && self.left_over.is_empty()
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_new {
            return f.write_str("a new store");
        }
        let snapshot = if self.snapshot.is_some() { "a snapshot and " } else { "" };
        write!(f, "recovered from {snapshot}{} units of the log", self.units)?;
        if let Some(TornTail { path, offset, bytes }) = &self.torn {
            let path = path.display();
            write!(
                f,
                "; the last write was not finished: {bytes} bytes were cut off {path} at byte {offset}"
            )?;
        }
        if let Some(cause) = &self.unwritable {
            write!(f, "; it can be read but not written: {cause}")?;
        }
        for path in &self.left_over {
            write!(f, "; {} is of no use and could not be removed", path.display())?;
        }
        Ok(())
    }
}

/// An open store. Dropping it writes and syncs what is left, as [`Store::close`] does, but cannot say if that failed.
pub struct Store {
    vfs: Arc<dyn Vfs>,
    folder: PathBuf,
    keep_log_bytes: u64,
    checkpoint_percentage: AtomicU64,
    checkpoint_min_bytes: AtomicU64,
    writer: LogWriter,
    manifest: Arc<ManifestFile>,
    /// Held while a checkpoint is made.
    attempts: Mutex<Attempts>,
    snapshot_bytes: AtomicU64,
    last_snapshot_ms: AtomicI64,
    lock: Mutex<Option<Box<dyn FileLock>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("folder", &self.folder)
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Attempts {
    /// Never used twice: what is in the way of one attempt is not in the way of the next.
    next_id: u64,
    last_failed: bool,
}

const LOCK: &str = "LOCK";

impl Store {
    /// Opens the store in a folder, making it if there is nothing, and rebuilds `target` from it.
    ///
    /// A store that can be read opens, even where nothing can be written, as on a full disk. Writes are then refused with the cause,
    /// which is in the report.
    ///
    /// # Errors
    /// [`Error::NotAStore`] for a file or a folder of something else, which is left alone; [`Error::AlreadyOpen`]; [`Error::ReadOnly`];
    /// [`Error::Corrupt`] with file and offset for damage anywhere but at the end of the log; [`Error::Missing`] with the file that is
    /// gone; [`Error::Io`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "options are made for the store that is opened with them"
    )]
    pub fn open(
        vfs: Arc<dyn Vfs>,
        folder: &Path,
        options: StoreOptions,
        target: &dyn RecoveryTarget,
    ) -> Result<(Self, RecoveryReport)> {
        let is_new = prepare_folder(&*vfs, folder)?;
        let lock_path = folder.join(LOCK);
        let lock = vfs.lock(&lock_path).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::ReadOnly { path: folder.to_owned(), source }
            }
            _ => Error::Io { operation: "lock", path: lock_path, source },
        })?;
        let lock = lock.ok_or_else(|| Error::AlreadyOpen { path: folder.to_owned() })?;
        let mut report = RecoveryReport { is_new, ..RecoveryReport::default() };
        if is_new {
            make_store(&*vfs, folder, &options.engine)?;
        }
        let manifest = Manifest::read(&*vfs, folder)?;
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |why| Error::Replay { path: path.clone(), why }
        };
        target.begin(&manifest.engine).map_err(refused(folder))?;
        let mut last_snapshot_ms = 0;
        if let Some(id) = manifest.snapshot {
            let path = folder.join(snapshot::file_name(id));
            if vfs.kind(&path).at("look at", &path)?.is_none() {
                return Err(missing(path, "the MANIFEST names it"));
            }
            let reader = Reader::open(&*vfs, path)?;
            target.begin_snapshot(reader.sections.len()).map_err(refused(reader.path()))?;
            load(&reader, target)?;
            last_snapshot_ms = reader.made_at_ms;
            debug_assert_eq!(reader.len(), manifest.snapshot_bytes, "the manifest knows the snapshot's size");
            report.snapshot = Some(reader.path().to_owned());
        }
        let tail = replay(&*vfs, folder, &manifest, target, &mut report)?;
        let segment = make_ready(&*vfs, folder, &tail, report.torn.as_ref());
        report.unwritable = segment.as_ref().err().map(ToString::to_string);
        report.left_over = remove_orphans(&*vfs, folder, &manifest, options.keep_log_bytes);
        let names = vfs.list(folder).at("list", folder)?;
        let next_id = names
            .iter()
            .filter_map(|name| snapshot::id_of_any(name))
            .max()
            .map_or(1, |id| id.saturating_add(1));
        let snapshot_bytes = AtomicU64::new(manifest.snapshot_bytes);
        let manifest = Arc::new(ManifestFile::new(Arc::clone(&vfs), folder, manifest));
        if segment.is_ok() {
            manifest.name_segment(tail.segment);
        }
        let (last_unit, log_bytes) = (tail.next_unit - 1, tail.log_bytes);
        let of_writer = Arc::clone(&manifest);
        let writer =
            LogWriter::new(Arc::clone(&vfs), folder, &options, of_writer, segment, last_unit, log_bytes);
        let store = Self {
            vfs,
            folder: folder.to_owned(),
            keep_log_bytes: options.keep_log_bytes,
            checkpoint_percentage: AtomicU64::new(options.checkpoint_percentage),
            checkpoint_min_bytes: AtomicU64::new(options.checkpoint_min_bytes),
            writer,
            manifest,
            attempts: Mutex::new(Attempts { next_id, last_failed: false }),
            snapshot_bytes,
            last_snapshot_ms: AtomicI64::new(last_snapshot_ms),
            lock: Mutex::new(Some(lock)),
        };
        Ok((store, report))
    }

    /// The first unit of the log that is kept.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn oldest_unit(&self) -> Result<u64> {
        let segments = self.segments()?;
        Ok(segments.first().copied().unwrap_or_else(|| self.writer.last_unit() + 1))
    }

    /// The first units of the segments that are there, in order.
    pub(crate) fn segments(&self) -> Result<Vec<u64>> {
        let names = self.vfs.list(&self.folder).at("list", &self.folder)?;
        let mut segments: Vec<u64> = names.iter().filter_map(|name| log::first_unit(name)).collect();
        segments.sort_unstable();
        Ok(segments)
    }

    /// The contents of a segment so far; `None` if it is not there any more.
    pub(crate) fn map_segment(&self, first_unit: u64) -> Result<Option<(PathBuf, Mapped)>> {
        let path = self.folder.join(log::file_name(first_unit));
        match self.vfs.map(&path) {
            Ok(bytes) => Ok(Some((path, bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// Lets go of the lock without closing the store: for the child of a fork, which has inherited both. In its parent the lock stays.
    pub fn abandon_lock(&self) {
        // Whoever held this in the moment of the fork does not exist in the child.
        if let Some(mut lock) = self.lock.try_lock() {
            *lock = None;
        }
    }

    /// The end of the log.
    pub fn writer(&self) -> &LogWriter {
        &self.writer
    }

    /// The store's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// When the last snapshot was made, in Unix milliseconds; 0 for never.
    pub fn last_snapshot_ms(&self) -> i64 {
        self.last_snapshot_ms.load(Ordering::Relaxed)
    }

    /// How many bytes the last snapshot has.
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes.load(Ordering::Relaxed)
    }

    /// By how many percent of the last snapshot, and to how many bytes at least, the log grows before a checkpoint.
    pub fn checkpoint_ratio(&self) -> (u64, u64) {
        (
            self.checkpoint_percentage.load(Ordering::Relaxed),
            self.checkpoint_min_bytes.load(Ordering::Relaxed),
        )
    }

    /// Sets what [`Store::checkpoint_ratio`] says; 0 percent for no checkpoint unless one is asked for.
    pub fn set_checkpoint_ratio(&self, (percentage, min_bytes): (u64, u64)) {
        self.checkpoint_percentage.store(percentage, Ordering::Relaxed);
        self.checkpoint_min_bytes.store(min_bytes, Ordering::Relaxed);
    }

    /// Whether the log has grown enough for a checkpoint.
    pub fn wants_checkpoint(&self) -> bool {
        let (log, snapshot) = (self.writer.log_bytes(), self.snapshot_bytes());
        let (percentage, min_bytes) = self.checkpoint_ratio();
        percentage > 0
            && log >= min_bytes
            && u128::from(log) * 100 >= u128::from(snapshot) * u128::from(percentage)
    }

    /// Makes a snapshot and drops the log before it. One at a time: a second caller waits for the first.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::WriteFailed`]. The store is then as it was before.
    pub fn checkpoint(&self, source: &mut dyn SnapshotSource, now_ms: i64) -> Result<()> {
        let mut attempts = self.attempts.lock();
        self.writer.check()?;
        // Attempts that fail one after the other share a segment: what is in it is then logged and in the snapshot, which
        // recovery expects.
        if !std::mem::replace(&mut attempts.last_failed, true) {
            self.writer.rotate()?;
        }
        let (first_unit, log_bytes) = self.writer.segment_start();
        let id = attempts.next_id;
        attempts.next_id += 1;
        let named = self.write_snapshot(source, id, now_ms).and_then(|snapshot_bytes| {
            self.manifest.name_snapshot(id, snapshot_bytes, first_unit)?;
            Ok(snapshot_bytes)
        });
        let snapshot_bytes = named.inspect_err(|_| {
            // A manifest that was renamed and not synced is either of the two after a power cut, so both must find their files.
            if Manifest::read(&*self.vfs, &self.folder).is_ok_and(|manifest| manifest.snapshot != Some(id)) {
                snapshot::Writer::abandon(&*self.vfs, &self.folder, id);
            }
        })?;
        attempts.last_failed = false;
        self.writer.forget_bytes(log_bytes);
        self.snapshot_bytes.store(snapshot_bytes, Ordering::Relaxed);
        self.last_snapshot_ms.store(now_ms, Ordering::Relaxed);
        // What is left over by a failure here is removed at the next opening.
        remove_orphans(&*self.vfs, &self.folder, &self.manifest.content(), self.keep_log_bytes);
        Ok(())
    }

    fn write_snapshot(&self, source: &mut dyn SnapshotSource, id: u64, now_ms: i64) -> Result<u64> {
        let mut writer = snapshot::Writer::create(&*self.vfs, &self.folder, id, now_ms)?;
        for section in 0..source.sections() {
            writer.section(|sink| source.copy(section, sink))?;
        }
        // The units that the sections have must be on the disk before the snapshot counts, or units after them could be lost
        // where these are kept.
        self.writer.sync()?;
        writer.finish()
    }

    /// Writes and syncs what is left, and lets go of the store.
    ///
    /// # Errors
    /// [`Error::WriteFailed`] if the last writes are not on the disk.
    pub fn close(self) -> Result<()> {
        self.writer.sync()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.writer.sync();
    }
}

/// Whether a folder is a store that has a snapshot; false too where that cannot be seen.
pub fn has_snapshot(vfs: &dyn Vfs, folder: &Path) -> bool {
    Manifest::read(vfs, folder).is_ok_and(|manifest| manifest.snapshot.is_some())
}

/// Makes sure that the folder is one; true if it is empty and becomes a store.
fn prepare_folder(vfs: &dyn Vfs, folder: &Path) -> Result<bool> {
    let refuse = |why| Err(Error::NotAStore { path: folder.to_owned(), why });
    match vfs.kind(folder).at("look at", folder)? {
        Some(Kind::File) => return refuse("it is a file; a store is a folder"),
        None => vfs.create_dir_all(folder).at("create", folder)?,
        Some(Kind::Folder) => {}
    }
    let names = vfs.list(folder).at("list", folder)?;
    if names.iter().any(|name| name == manifest::NAME) {
        // Another program's folder must not get so much as a lock. Where there is one already nothing is added, and whoever has it
        // may be replacing the manifest.
        if !names.iter().any(|name| name == LOCK) {
            Manifest::read(vfs, folder)?;
        }
        return Ok(false);
    }
    // What a crash while a store was made can leave.
    let is_beginning = |name: &String| -> Result<bool> {
        Ok(name == LOCK
            || name == manifest::TEMPORARY
            || *name == log::temporary_name(1)
            || *name == log::file_name(1) && segment_bytes(vfs, folder, 1)? <= log::HEADER_BYTES)
    };
    let mut all = true;
    for name in &names {
        all = all && is_beginning(name)?;
    }
    if all {
        return Ok(true);
    }
    refuse("the folder has other files in it and no MANIFEST; choose an empty or a new folder")
}

/// Makes the files of a store without units.
fn make_store(vfs: &dyn Vfs, folder: &Path, engine: &str) -> Result<()> {
    Segment::create(vfs, folder, 1)?;
    Manifest { engine: engine.to_owned(), snapshot: None, first_unit: 1, last_segment: 1, snapshot_bytes: 0 }
        .write(vfs, folder)
}

fn segment_bytes(vfs: &dyn Vfs, folder: &Path, first: u64) -> Result<usize> {
    let path = folder.join(log::file_name(first));
    Ok((*vfs.map(&path).at("read", &path)?).as_ref().len())
}

/// Loads the sections of a snapshot, as many at a time as there are processors.
fn load(reader: &Reader, target: &dyn RecoveryTarget) -> Result<()> {
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(reader.sections.len().max(1));
    let (next, apart) = (AtomicUsize::new(0), reader.sections.len().div_ceil(threads));
    let work = || -> Result<()> {
        loop {
            // Far from each other, because neighbours may want the same lock.
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= apart * threads {
                return Ok(());
            }
            let number = turn % threads * apart + turn / threads;
            let Some(section) = reader.sections.get(number) else { continue };
            target.begin_section(number, section.unit);
            for block in reader.blocks(section) {
                target.load(block?).map_err(|why| Error::Replay { path: reader.path().to_owned(), why })?;
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut result = work();
        for other in others {
            result = result.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        result
    })
}

/// Where the log ends.
struct Tail {
    next_unit: u64,
    log_bytes: u64,
    /// The first unit of the last segment.
    segment: u64,
    /// How many bytes of it are good.
    segment_bytes: u64,
    /// Segments after it that were begun and have no header.
    unfinished: Vec<PathBuf>,
}

fn replay(
    vfs: &dyn Vfs,
    folder: &Path,
    manifest: &Manifest,
    target: &dyn RecoveryTarget,
    report: &mut RecoveryReport,
) -> Result<Tail> {
    let mut segments: Vec<u64> =
        vfs.list(folder).at("list", folder)?.iter().filter_map(|name| log::first_unit(name)).collect();
    segments.sort_unstable();
    segments.retain(|&first| first >= manifest.first_unit);
    for named in [manifest.first_unit, manifest.last_segment] {
        if !segments.contains(&named) {
            return Err(missing(folder.join(log::file_name(named)), "the MANIFEST names it"));
        }
    }
    let mut tail = Tail {
        next_unit: manifest.first_unit,
        log_bytes: 0,
        segment: manifest.first_unit,
        segment_bytes: 0,
        unfinished: Vec::new(),
    };
    while let Some(&last) = segments.last()
        && last > manifest.last_segment
        && segment_bytes(vfs, folder, last)? < log::HEADER_BYTES
    {
        segments.pop();
        tail.unfinished.push(folder.join(log::file_name(last)));
    }
    let last = segments.last().copied();
    for first in segments {
        let path = folder.join(log::file_name(first));
        let next = tail.next_unit;
        if first > next {
            let why = format!("units {next} to {} are neither in it nor in the segment before it", first - 1);
            return Err(missing(folder.join(log::file_name(next)), why));
        }
        if first < next {
            return Err(corrupt(
                &path,
                0,
                format!("units {first} to {} are in the segment before it", next - 1),
            ));
        }
        let bytes = vfs.map(&path).at("read", &path)?;
        let bytes = (*bytes).as_ref();
        let (next, torn) = log::read(&path, bytes, first, Some(first) == last, |unit, payload| {
            report.units += 1;
            target.replay(unit, payload).map_err(|why| Error::Replay { path: path.clone(), why })
        })?;
        tail.next_unit = next;
        tail.segment = first;
        tail.segment_bytes = torn.as_ref().map_or(bytes.len() as u64, |torn| torn.offset);
        tail.log_bytes += tail.segment_bytes - log::HEADER_BYTES as u64;
        report.torn = torn;
    }
    Ok(tail)
}

/// Brings the end of the log to where units can follow.
fn make_ready(vfs: &dyn Vfs, folder: &Path, tail: &Tail, torn: Option<&TornTail>) -> Result<Segment> {
    for path in &tail.unfinished {
        vfs.remove(path).at("remove", path)?;
    }
    if let Some(torn) = torn {
        vfs.truncate(&torn.path, torn.offset).at("truncate", &torn.path)?;
    }
    Segment::open(vfs, folder, tail.segment, tail.segment_bytes)
}

/// From which unit on the log is kept: with the segments that recovery needs, and before them as many as have `keep_bytes`.
fn kept_from(vfs: &dyn Vfs, folder: &Path, names: &[String], manifest: &Manifest, keep_bytes: u64) -> u64 {
    let mut older: Vec<u64> = names.iter().filter_map(|name| log::first_unit(name)).collect();
    older.retain(|&first| first < manifest.first_unit);
    older.sort_unstable();
    let (mut kept, mut left) = (manifest.first_unit, keep_bytes);
    while left > 0
        && let Some(first) = older.pop()
        // What cannot be read is of no use to a reader.
        && let Ok(bytes) = segment_bytes(vfs, folder, first)
    {
        (kept, left) = (first, left.saturating_sub(bytes as u64));
    }
    kept
}

/// Removes what no manifest names any more and nobody reads. Returns what could not be removed.
fn remove_orphans(vfs: &dyn Vfs, folder: &Path, manifest: &Manifest, keep_log_bytes: u64) -> Vec<PathBuf> {
    // What cannot be listed was not found to be in the way either.
    let names = vfs.list(folder).unwrap_or_default();
    let kept_from = kept_from(vfs, folder, &names, manifest, keep_log_bytes);
    let is_orphan = |name: &String| {
        let unfinished = name.strip_suffix(".tmp");
        log::first_unit(name).is_some_and(|first| first < kept_from)
            || snapshot::id_of(name).is_some_and(|id| Some(id) != manifest.snapshot)
            || unfinished.is_some_and(|name| snapshot::id_of(name).or(log::first_unit(name)).is_some())
            || name == manifest::TEMPORARY
    };
    let mut orphans: Vec<PathBuf> =
        names.iter().filter(|name| is_orphan(name)).map(|name| folder.join(name)).collect();
    orphans.sort_unstable();
    // The manifest that a power cut leaves must not be one that names them.
    if orphans.is_empty() || vfs.sync_dir(folder).is_err() {
        return orphans;
    }
    orphans.into_iter().filter(|path| vfs.remove(path).is_err()).collect()
}
