//! The engine and its store on disk, put together: recovery, the journal, snapshots.
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use redlet_core::{Clock, Engine, EngineOptions, Error as CommandError, Journal, Keeper};
use redlet_persist::{
    Fsync, LogWriter, RecoveryReport, RecoveryTarget, SnapshotSource, Store, StoreOptions, Vfs,
};

use crate::redis::Core;
use crate::{Error, Result};

/// An open store, as the facade keeps it.
#[derive(Debug)]
pub(crate) struct Disk {
    store: Arc<Store>,
    pub(crate) report: RecoveryReport,
    snapshot: Mutex<Option<JoinHandle<()>>>,
    is_copying: AtomicBool,
}

/// What an engine is made of, and a store opened with.
#[derive(Debug)]
pub(crate) struct Making {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    pub(crate) databases: usize,
    pub(crate) shards: usize,
}

impl Making {
    pub(crate) fn engine(&self, seed: u64, shards: usize) -> Engine {
        Engine::new(EngineOptions { clock: Arc::clone(&self.clock), seed, databases: self.databases, shards })
    }
}

/// Opens a store and builds the engine from it.
pub(crate) fn open(
    vfs: Arc<dyn Vfs>,
    path: &Path,
    mut options: StoreOptions,
    making: &Making,
) -> Result<(Engine, Disk)> {
    // The hash function and the number of shards stay with the store: its snapshots are by shard.
    options.engine = format!("shards={} seed={}", making.shards, making.seed);
    let target = Rebuilt { making, built: OnceLock::new() };
    let (store, report) = Store::open(vfs, path, options, &target)?;
    let built =
        target.built.into_inner().ok_or(Error::Options("the store did not say how its engine is made"))?;
    let store = Arc::new(store);
    let disk = Disk {
        store: Arc::clone(&store),
        report,
        snapshot: Mutex::new(None),
        is_copying: AtomicBool::new(false),
    };
    built.engine.set_journal(Arc::new(LogJournal(store)));
    Ok((built.engine, disk))
}

/// The engine while it is rebuilt.
struct Rebuilt<'m> {
    making: &'m Making,
    built: OnceLock<Built>,
}

struct Built {
    engine: Engine,
    /// For each shard, the last unit that its section of the snapshot has.
    section_units: Vec<AtomicU64>,
}

fn parse_engine_line(line: &str) -> Option<(usize, u64)> {
    let (shards, seed) = line.split_once(' ')?;
    let shards: usize = shards.strip_prefix("shards=")?.parse().ok()?;
    let seed = seed.strip_prefix("seed=")?.parse().ok()?;
    (shards.is_power_of_two() && shards <= 1 << 16).then_some((shards, seed))
}

impl Rebuilt<'_> {
    fn built(&self) -> Result<&Built, String> {
        self.built.get().ok_or_else(|| "the manifest was not read".into())
    }
}

impl RecoveryTarget for Rebuilt<'_> {
    fn begin(&self, line: &str) -> Result<(), String> {
        let (shards, seed) =
            parse_engine_line(line).ok_or_else(|| format!("its engine is unknown here: {line:?}"))?;
        let engine = self.making.engine(seed, shards);
        let section_units = (0..shards).map(|_| AtomicU64::new(0)).collect();
        self.built.get_or_init(|| Built { engine, section_units });
        Ok(())
    }

    fn begin_section(&self, section: usize, unit: u64) {
        if let Some(place) = self.built.get().and_then(|built| built.section_units.get(section)) {
            place.store(unit, Ordering::Relaxed);
        }
    }

    fn load(&self, block: &[u8]) -> Result<(), String> {
        self.built()?.engine.load(block).map_err(|error| error.to_string())
    }

    fn replay(&self, unit: u64, payload: &[u8]) -> Result<(), String> {
        let built = self.built()?;
        let is_newer = |shard: usize| built.section_units[shard].load(Ordering::Relaxed) >= unit;
        built.engine.replay(payload, is_newer).map_err(|error| error.to_string())
    }
}

/// The engine's way to the log.
#[derive(Debug)]
struct LogJournal(Arc<Store>);

fn unwritable(error: &redlet_persist::Error) -> CommandError {
    CommandError::Unwritable(match error {
        redlet_persist::Error::WriteFailed(cause) => cause.clone(),
        other => other.to_string(),
    })
}

impl Journal for LogJournal {
    #[inline]
    fn check(&self) -> redlet_core::Result<()> {
        self.0.writer().check().map_err(|error| unwritable(&error))
    }

    fn append(&self, effects: &[u8]) -> u64 {
        self.0.writer().append(effects)
    }

    fn commit(&self, unit: u64) -> redlet_core::Result<()> {
        self.0.writer().commit(unit).map_err(|error| unwritable(&error))
    }
}

/// The engine, to be copied into a snapshot.
struct Copied<'c> {
    engine: &'c Engine,
    writer: &'c LogWriter,
}

impl SnapshotSource for Copied<'_> {
    fn sections(&self) -> usize {
        self.engine.shards()
    }

    fn copy(&self, section: usize, sink: &mut dyn FnMut(&[u8])) -> u64 {
        self.engine.copy_shard(section, sink, || self.writer.last_unit())
    }
}

impl Disk {
    pub(crate) fn writer(&self) -> &LogWriter {
        self.store.writer()
    }

    /// Makes a snapshot and returns when it is on disk.
    pub(crate) fn checkpoint(&self, engine: &Engine) -> Result<()> {
        let source = Copied { engine, writer: self.store.writer() };
        engine.set_copying(true);
        let result = self.store.checkpoint(&source, engine.clock().now().0);
        engine.set_copying(false);
        Ok(result?)
    }

    /// Makes a snapshot in a thread of its own, unless one is being made.
    #[expect(clippy::disallowed_methods, reason = "the facade is where threads belong")]
    pub(crate) fn checkpoint_in_background(core: &Arc<Core>) -> bool {
        let Some(disk) = &core.disk else { return false };
        if disk.is_copying.swap(true, Ordering::SeqCst) {
            return false;
        }
        let mut snapshot = disk.snapshot.lock();
        if let Some(finished) = snapshot.take() {
            let _ = finished.join();
        }
        let core = Arc::clone(core);
        *snapshot = Some(std::thread::spawn(move || {
            if let Some(disk) = &core.disk {
                // A failure leaves the store as it was; the next one tries again, and SAVE says what is wrong.
                let _ = disk.checkpoint(&core.engine);
                disk.is_copying.store(false, Ordering::SeqCst);
            }
        }));
        true
    }

    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.store.wants_checkpoint() && !self.is_copying.load(Ordering::SeqCst)
    }

    /// Waits for a snapshot that is being made.
    pub(crate) fn finish_snapshot(&self) {
        if let Some(thread) = self.snapshot.lock().take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// Who answers to SAVE and its kin.
#[derive(Debug)]
pub(crate) struct StoreKeeper(pub(crate) Weak<Core>);

impl StoreKeeper {
    fn core(&self) -> redlet_core::Result<Arc<Core>> {
        self.0.upgrade().ok_or_else(|| CommandError::Unwritable("the store is being closed".into()))
    }
}

impl Keeper for StoreKeeper {
    fn save(&self) -> redlet_core::Result<()> {
        let core = self.core()?;
        let Some(disk) = &core.disk else { return Ok(()) };
        disk.checkpoint(&core.engine).map_err(|error| match &error {
            Error::Store(error) => unwritable(error),
            other => CommandError::Unwritable(other.to_string()),
        })
    }

    fn save_in_background(&self) -> redlet_core::Result<bool> {
        Ok(Disk::checkpoint_in_background(&self.core()?))
    }

    fn last_save_seconds(&self) -> i64 {
        let last = self.0.upgrade().and_then(|core| Some(core.disk.as_ref()?.store.last_snapshot_ms()));
        last.unwrap_or(0).div_euclid(1000)
    }

    fn report(&self) -> Vec<(&'static str, String)> {
        let Some(core) = self.0.upgrade() else { return Vec::new() };
        let Some(disk) = &core.disk else { return Vec::new() };
        let is_ok = |ok: bool| if ok { "ok".to_owned() } else { "err".to_owned() };
        let writable = disk.writer().check().is_ok();
        vec![
            ("loading", "0".into()),
            ("rdb_bgsave_in_progress", u8::from(disk.is_copying.load(Ordering::SeqCst)).to_string()),
            ("rdb_last_save_time", self.last_save_seconds().to_string()),
            ("aof_enabled", "1".into()),
            ("aof_last_write_status", is_ok(writable)),
            ("aof_current_size", disk.writer().log_bytes().to_string()),
            ("aof_base_size", disk.store.snapshot_bytes().to_string()),
            ("appendfsync", disk.writer().fsync().as_str().into()),
        ]
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let Some(core) = self.0.upgrade() else { return Vec::new() };
        let Some(disk) = &core.disk else { return Vec::new() };
        let (percentage, min_bytes) = disk.store.checkpoint_ratio();
        vec![
            ("appendonly", "yes".into()),
            ("appendfsync", disk.writer().fsync().as_str().into()),
            ("auto-aof-rewrite-percentage", percentage.to_string()),
            ("auto-aof-rewrite-min-size", min_bytes.to_string()),
            ("dir", disk.store.folder().display().to_string()),
        ]
    }

    fn set_fsync(&self, policy: &str) {
        let policy = Fsync::ALL.into_iter().find(|known| known.as_str() == policy);
        if let (Some(core), Some(policy)) = (self.0.upgrade(), policy)
            && let Some(disk) = &core.disk
        {
            disk.writer().set_fsync(policy);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.finish_snapshot();
    }
}

/// Whether the log has to be synced once a second.
pub(crate) fn syncs_by_time(disk: &Disk) -> bool {
    disk.writer().fsync() == Fsync::EverySec
}
