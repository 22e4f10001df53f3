//! The engine and its store on disk, put together: recovery, the journal, snapshots.
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use redlet_core::config::Config;
use redlet_core::{
    Clock, Copying, Engine, EngineOptions, Error as CommandError, Journal, Keeper, Sections, UnixMs,
};
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
    /// Held while a snapshot is made: the engine must know of one that is being made, and so of the last to end.
    turn: Mutex<()>,
    failures: Mutex<Failures>,
    saves: Saves,
}

/// What is known of the snapshots that were made since the store was opened.
#[derive(Debug)]
struct Saves {
    count: AtomicU64,
    /// How many changes there were when the last of them was begun.
    changes: AtomicU64,
    /// When the present one was begun, in milliseconds, or -1.
    began_ms: AtomicI64,
    /// How long the last of them took, in milliseconds, or -1.
    took_ms: AtomicI64,
}

impl Default for Saves {
    fn default() -> Self {
        let never = || AtomicI64::new(-1);
        Self { count: AtomicU64::new(0), changes: AtomicU64::new(0), began_ms: never(), took_ms: never() }
    }
}

/// How often making a snapshot failed since one was made.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    last_at: UnixMs,
}

/// How long a snapshot that failed is left alone; twice as long after each failure that follows.
const FIRST_PAUSE_MS: i64 = 1000;
const LONGEST_PAUSE_MS: i64 = 60_000;

impl Failures {
    fn pause_ms(&self) -> i64 {
        match self.count {
            0 => 0,
            count => (FIRST_PAUSE_MS << (count - 1).min(16)).min(LONGEST_PAUSE_MS),
        }
    }

    /// When one may be tried that nobody asked for.
    fn next_at(&mut self, now: UnixMs) -> UnixMs {
        // A clock that was set back must not make the pause longer.
        self.last_at = self.last_at.min(now);
        UnixMs(self.last_at.0.saturating_add(self.pause_ms()))
    }
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
    options: StoreOptions,
    making: &Making,
) -> Result<(Engine, Disk)> {
    let (engine, disk) = rebuild(vfs, path, options, making)?;
    engine.set_journal(Arc::new(LogJournal(disk.store())));
    Ok((engine, disk))
}

/// Makes a store of what `fill` puts into an engine. There is no snapshot unless all is in it.
pub(crate) fn make<T>(
    vfs: Arc<dyn Vfs>,
    path: &Path,
    options: StoreOptions,
    making: &Making,
    fill: impl FnOnce(&Engine) -> Result<T>,
) -> Result<T> {
    let (engine, disk) = rebuild(vfs, path, options, making)?;
    let filled = fill(&engine)?;
    disk.checkpoint(&engine)?;
    Ok(filled)
}

/// An engine as the store has it, whose changes do not go to the log.
fn rebuild(
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
    let disk = Disk {
        store: Arc::new(store),
        report,
        snapshot: Mutex::new(None),
        is_copying: AtomicBool::new(false),
        turn: Mutex::new(()),
        failures: Mutex::default(),
        saves: Saves::default(),
    };
    Ok((built.engine, disk))
}

/// The engine while it is rebuilt.
struct Rebuilt<'m> {
    making: &'m Making,
    built: OnceLock<Built>,
}

struct Built {
    engine: Engine,
    snapshot: OnceLock<Loaded>,
}

/// What the engine has of its snapshot.
struct Loaded {
    sections: Sections,
    /// For each section, the last unit that it has.
    units: Vec<AtomicU64>,
}

impl Loaded {
    fn new(sections: Sections) -> Self {
        Self { sections, units: (0..sections.count()).map(|_| AtomicU64::new(0)).collect() }
    }
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
        self.built.get_or_init(|| Built { engine, snapshot: OnceLock::new() });
        Ok(())
    }

    fn begin_snapshot(&self, sections: usize) -> Result<(), String> {
        let built = self.built()?;
        let shards = built.engine.shards();
        let sections = built
            .engine
            .sections(sections)
            .ok_or_else(|| format!("{sections} sections cannot be of {shards} shards"))?;
        built.snapshot.get_or_init(|| Loaded::new(sections));
        Ok(())
    }

    fn begin_section(&self, section: usize, unit: u64) {
        let loaded = self.built.get().and_then(|built| built.snapshot.get());
        if let Some(place) = loaded.and_then(|loaded| loaded.units.get(section)) {
            place.store(unit, Ordering::Relaxed);
        }
    }

    fn load(&self, block: &[u8]) -> Result<(), String> {
        self.built()?.engine.load(block).map_err(|error| error.to_string())
    }

    fn replay(&self, unit: u64, payload: &[u8]) -> Result<(), String> {
        let built = self.built()?;
        let loaded = built.snapshot.get_or_init(|| Loaded::new(built.engine.shard_sections()));
        let is_newer = |section: usize| loaded.units[section].load(Ordering::Relaxed) >= unit;
        built.engine.replay(payload, loaded.sections, is_newer).map_err(|error| error.to_string())
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

    fn commit_later(&self, unit: u64) -> redlet_core::Result<bool> {
        self.0.writer().commit_later(unit).map_err(|error| unwritable(&error))
    }
}

/// The engine, to be copied into a snapshot.
struct Copied<'c> {
    copying: Copying<'c>,
    writer: &'c LogWriter,
}

impl SnapshotSource for Copied<'_> {
    fn sections(&self) -> usize {
        self.copying.sections().count()
    }

    fn copy(&mut self, section: usize, sink: &mut dyn FnMut(&[u8])) -> u64 {
        self.copying.section(section, sink, || self.writer.last_unit())
    }
}

impl Disk {
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    pub(crate) fn writer(&self) -> &LogWriter {
        self.store.writer()
    }

    /// Makes a snapshot and returns when it is on disk.
    pub(crate) fn checkpoint(&self, engine: &Engine) -> Result<()> {
        let _turn = self.turn.lock();
        let (began, changes) = (engine.clock().now(), engine.changes());
        self.saves.began_ms.store(began.0, Ordering::Relaxed);
        let mut source = Copied { copying: engine.copy(), writer: self.store.writer() };
        let result = self.store.checkpoint(&mut source, began.0);
        drop(source);
        let now = engine.clock().now();
        self.saves.began_ms.store(-1, Ordering::Relaxed);
        self.saves.took_ms.store((now.0 - began.0).max(0), Ordering::Relaxed);
        let mut failures = self.failures.lock();
        *failures = match &result {
            Ok(()) => Failures::default(),
            Err(_) => Failures { count: failures.count.saturating_add(1), last_at: now },
        };
        if result.is_ok() {
            self.saves.changes.store(changes, Ordering::Relaxed);
            self.saves.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(result?)
    }

    /// How many changes the last snapshot does not have, as far as they were made since the store was opened.
    fn unsaved_changes(&self, engine: &Engine) -> u64 {
        engine.changes().saturating_sub(self.saves.changes.load(Ordering::Relaxed))
    }

    /// When the last snapshot was made, or the store opened if that was later.
    fn saved_at(&self, engine: &Engine) -> UnixMs {
        UnixMs(self.store.last_snapshot_ms()).max(engine.started())
    }

    /// When the first of the parameter `save`'s points is reached, if nothing more is changed.
    fn save_point_at(&self, engine: &Engine) -> Option<UnixMs> {
        let points = engine.config().save_points();
        if points.is_empty() {
            return None;
        }
        let changes = self.unsaved_changes(engine);
        // Nothing is saved where nothing was changed, whatever a point says.
        let reached = points.iter().filter(|point| changes >= point.changes.max(1) as u64);
        let seconds = reached.map(|point| point.seconds).min()?;
        Some(UnixMs(self.saved_at(engine).0.saturating_add(seconds.saturating_mul(1000))))
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
                // A failure leaves the store as it was; INFO shows it, SAVE says what is wrong, and it is tried again.
                let _ = disk.checkpoint(&core.engine);
                disk.is_copying.store(false, Ordering::SeqCst);
                if let Some(at) = disk.checkpoint_at(&core.engine) {
                    core.desk.wake_at(at);
                }
            }
        }));
        true
    }

    /// When a snapshot should be begun: a moment that has passed for at once, `None` if there is no need of one or no use.
    pub(crate) fn checkpoint_at(&self, engine: &Engine) -> Option<UnixMs> {
        if self.is_copying.load(Ordering::SeqCst) || self.writer().check().is_err() {
            return None;
        }
        let now = engine.clock().now();
        let wanted_at = if self.store.wants_checkpoint() { Some(now) } else { self.save_point_at(engine) };
        wanted_at.map(|at| self.failures.lock().next_at(now).max(at))
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
            Error::Store(error @ redlet_persist::Error::WriteFailed(_)) => unwritable(error),
            other => CommandError::SnapshotFailed(other.to_string()),
        })
    }

    fn save_in_background(&self) -> redlet_core::Result<bool> {
        Ok(Disk::checkpoint_in_background(&self.core()?))
    }

    fn sync(&self) -> redlet_core::Result<()> {
        let core = self.core()?;
        let Some(disk) = &core.disk else { return Ok(()) };
        disk.writer().sync().map_err(|error| unwritable(&error))
    }

    fn last_save_seconds(&self) -> i64 {
        let Some(core) = self.0.upgrade() else { return 0 };
        let last_ms = core.disk.as_ref().map_or(0, |disk| disk.store.last_snapshot_ms());
        // As if the store had been saved when it was opened, if it never was.
        if last_ms == 0 { core.engine.started() } else { UnixMs(last_ms) }.seconds()
    }

    fn report(&self) -> Vec<(&'static str, String)> {
        let Some(core) = self.0.upgrade() else { return Vec::new() };
        let Some(disk) = &core.disk else { return Vec::new() };
        let is_ok = |ok: bool| if ok { "ok".to_owned() } else { "err".to_owned() };
        let writable = disk.writer().check().is_ok();
        let snapshots_succeed = disk.failures.lock().count == 0;
        let load = |milliseconds: &AtomicI64| milliseconds.load(Ordering::Relaxed);
        let seconds = |ms: Option<i64>| ms.map_or(-1, |ms| ms.max(0) / 1000).to_string();
        let (saves, now) = (&disk.saves, core.engine.clock().now().0);
        let took = Some(load(&saves.took_ms)).filter(|took| *took >= 0);
        let count = saves.count.load(Ordering::Relaxed).to_string();
        let is_copying = u8::from(disk.is_copying.load(Ordering::SeqCst)).to_string();
        let runs_for = Some(load(&saves.began_ms)).filter(|began| *began >= 0).map(|began| now - began);
        vec![
            ("loading", "0".into()),
            ("rdb_changes_since_last_save", disk.unsaved_changes(&core.engine).to_string()),
            // A snapshot takes the place of the log too.
            ("rdb_saves", count.clone()),
            ("aof_rewrites", count),
            ("rdb_last_bgsave_time_sec", seconds(took)),
            ("aof_last_rewrite_time_sec", seconds(took)),
            ("rdb_current_bgsave_time_sec", seconds(runs_for)),
            ("aof_current_rewrite_time_sec", seconds(runs_for)),
            ("rdb_bgsave_in_progress", is_copying.clone()),
            ("aof_rewrite_in_progress", is_copying),
            ("rdb_last_save_time", self.last_save_seconds().to_string()),
            ("rdb_last_bgsave_status", is_ok(snapshots_succeed)),
            ("aof_enabled", "1".into()),
            ("aof_last_bgrewrite_status", is_ok(snapshots_succeed)),
            ("aof_last_write_status", is_ok(writable)),
            ("aof_current_size", disk.writer().log_bytes().to_string()),
            ("aof_base_size", disk.store.snapshot_bytes().to_string()),
            ("appendfsync", disk.writer().fsync().as_str().into()),
        ]
    }
}

/// The parameters that an open store obeys.
const OBEYED: [&str; 4] = ["appendfsync", "auto-aof-rewrite-percentage", "auto-aof-rewrite-min-size", "save"];

/// Tells the engine what is true of the store, and has the store told what is changed.
pub(crate) fn share_parameters(core: &Arc<Core>, disk: &Disk) -> redlet_core::Result<()> {
    let (percentage, min_bytes) = disk.store.checkpoint_ratio();
    let percentage = percentage.min(i32::MAX as u64).to_string();
    let min_bytes = min_bytes.min(i64::MAX as u64).to_string();
    let folder = disk.store.folder().display().to_string();
    let fsync = disk.writer().fsync().as_str();
    core.engine.configure(&[
        ("appendonly", b"yes"),
        ("appendfsync", fsync.as_bytes()),
        ("auto-aof-rewrite-percentage", percentage.as_bytes()),
        ("auto-aof-rewrite-min-size", min_bytes.as_bytes()),
        ("dir", folder.as_bytes()),
    ])?;
    let core_of_hook = Arc::downgrade(core);
    let obey = move |config: &Config| {
        if let Some(core) = core_of_hook.upgrade()
            && let Some(disk) = &core.disk
        {
            if let Some(fsync) = Fsync::ALL.into_iter().find(|known| known.as_str() == config.fsync()) {
                disk.writer().set_fsync(fsync);
            }
            disk.store.set_checkpoint_ratio(config.checkpoint_ratio());
            // Whoever makes snapshots looks again whether one is wanted.
            core.desk.write_log();
        }
        Ok(())
    };
    core.engine.config().on_change(&OBEYED, Box::new(obey));
    Ok(())
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

#[cfg(test)]
mod tests {
    use redlet_core::ManualClock;
    use redlet_persist::SimVfs;

    use super::*;

    /// Tried again at once, a snapshot that cannot be written kept a processor and the disk busy.
    #[test]
    fn a_snapshot_that_fails_is_tried_again_after_pauses_that_grow_to_a_minute() {
        let clock = ManualClock::at(UnixMs(1_700_000_000_000));
        let making = Making { clock: Arc::new(clock.clone()), seed: 1, databases: 1, shards: 1 };
        let options =
            StoreOptions { checkpoint_percentage: 1, checkpoint_min_bytes: 1, ..Default::default() };
        let vfs = SimVfs::default();
        let (engine, disk) = open(Arc::new(vfs.clone()), Path::new("/store"), options, &making).unwrap();
        engine.execute(0, &[b"SET", b"k", b"v"]).unwrap();
        disk.writer().flush().unwrap();
        assert!(disk.checkpoint_at(&engine).is_some_and(|at| at <= clock.now()));
        vfs.deny(Some("snapshot-"));
        for pause_ms in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            disk.checkpoint(&engine).unwrap_err();
            let next_at = UnixMs(clock.now().0 + pause_ms);
            assert_eq!(disk.checkpoint_at(&engine), Some(next_at));
            clock.set(next_at);
            assert_eq!(disk.checkpoint_at(&engine), Some(next_at));
        }
        disk.checkpoint(&engine).unwrap_err();
        clock.set(UnixMs(clock.now().0 - 3_600_000));
        let next_at = UnixMs(clock.now().0 + 60_000);
        assert_eq!(disk.checkpoint_at(&engine), Some(next_at));
        clock.set(next_at);
        assert_eq!(
            disk.checkpoint_at(&engine),
            Some(next_at),
            "a clock that is set back makes no pause longer"
        );
        vfs.deny(None);
        disk.checkpoint(&engine).unwrap();
        assert_eq!(disk.checkpoint_at(&engine), None, "the log is empty");
        engine.execute(0, &[b"SET", b"k", b"w"]).unwrap();
        disk.writer().flush().unwrap();
        assert!(disk.checkpoint_at(&engine).is_some_and(|at| at <= clock.now()), "and no pause is left");
    }

    #[test]
    fn a_save_point_is_reached_by_enough_changes_so_long_after_the_last_snapshot() {
        let clock = ManualClock::at(UnixMs(1_700_000_000_000));
        let making = Making { clock: Arc::new(clock.clone()), seed: 1, databases: 1, shards: 4 };
        let vfs = SimVfs::default();
        let options = || StoreOptions { checkpoint_percentage: 0, ..Default::default() };
        let (engine, disk) = open(Arc::new(vfs.clone()), Path::new("/store"), options(), &making).unwrap();
        let change = |count: usize| {
            for number in 0..count {
                engine.execute(0, &[b"SET", number.to_string().as_bytes(), b"v"]).unwrap();
            }
        };
        let in_seconds = |seconds: i64| Some(UnixMs(1_700_000_000_000 + seconds * 1000));
        change(1);
        assert_eq!(disk.checkpoint_at(&engine), None, "there are no points");
        engine.configure(&[("save", b"900 1 60 10 5 100")]).unwrap();
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(900), "after the store was opened");
        change(8);
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(900));
        change(1);
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(60));
        change(90);
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(5));
        clock.set(UnixMs(1_700_000_100_000));
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(5), "which has passed");
        disk.checkpoint(&engine).unwrap();
        assert_eq!(disk.checkpoint_at(&engine), None, "nothing has changed since");
        engine.configure(&[("save", b"10 0")]).unwrap();
        assert_eq!(disk.checkpoint_at(&engine), None, "and nothing new would be written");
        change(1);
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(110));
        vfs.deny(Some("snapshot-"));
        clock.set(UnixMs(1_700_000_111_000));
        disk.checkpoint(&engine).unwrap_err();
        assert_eq!(disk.checkpoint_at(&engine), in_seconds(112), "a failure is left alone for a second");
        vfs.deny(None);
        disk.checkpoint(&engine).unwrap();
        assert_eq!(disk.checkpoint_at(&engine), None);
    }
}
