//! `maxmemory`: what happens when memory is full.
//!
//! A command that may grow memory makes room before it runs, and again when it has run and there is too much, so that whatever
//! the number of threads no command ends with memory above the limit if anything may be evicted. Where nothing may be, writers
//! go one at a time as soon as the limit is near, so that at most one value goes beyond it.
//!
//! Victims are chosen by [`crate::eviction`] or, for `volatile-ttl`, by the timing wheels. Whoever chooses holds the evictor's
//! lock and only tries the locks of shards, because a writer may wait for the evictor with its own shard locked.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::cmd::Flags;
use crate::engine::Engine;
use crate::eviction::{Candidate, Evictor, Policy, Residents};
use crate::keyspace::{AccessPolicy, Database, Entry, Locks, PastUse, Tracking};
use crate::{Error, Result, UnixMs};

/// What goes when memory is full: Redis's `maxmemory-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum EvictionPolicy {
    /// `noeviction`: nothing; what would need memory is refused.
    #[default]
    NoEviction,
    /// `allkeys-lru`: what was used longest ago, approximately.
    AllKeysLru,
    /// `allkeys-lfu`: what is used least often, approximately.
    AllKeysLfu,
    /// `allkeys-random`: anything.
    AllKeysRandom,
    /// `allkeys-lrm`: what was changed longest ago, approximately.
    AllKeysLrm,
    /// `allkeys-adaptive`, redlet's own: by use and by frequency, as much of each as the load rewards; the best choice for a cache.
    AllKeysAdaptive,
    /// `volatile-lru`: of the keys with a deadline what was used longest ago, approximately.
    VolatileLru,
    /// `volatile-lfu`: of the keys with a deadline what is used least often, approximately.
    VolatileLfu,
    /// `volatile-random`: any key with a deadline.
    VolatileRandom,
    /// `volatile-lrm`: of the keys with a deadline what was changed longest ago, approximately.
    VolatileLrm,
    /// `volatile-ttl`: what expires first, exactly.
    VolatileTtl,
}

impl EvictionPolicy {
    /// In the order in which Redis lists them, what it does not have last.
    pub const ALL: [Self; 11] = [
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
        Self::AllKeysLru,
        Self::AllKeysLfu,
        Self::AllKeysRandom,
        Self::NoEviction,
        Self::VolatileLrm,
        Self::AllKeysLrm,
        Self::AllKeysAdaptive,
    ];

    /// Its name in `CONFIG SET maxmemory-policy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEviction => "noeviction",
            Self::AllKeysLru => "allkeys-lru",
            Self::AllKeysLfu => "allkeys-lfu",
            Self::AllKeysRandom => "allkeys-random",
            Self::AllKeysLrm => "allkeys-lrm",
            Self::AllKeysAdaptive => "allkeys-adaptive",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileLrm => "volatile-lrm",
            Self::VolatileTtl => "volatile-ttl",
        }
    }

    /// The policy of a name, in letters of either case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Who says what goes.
    const fn chooser(self) -> Chooser {
        match self {
            Self::NoEviction => Chooser::Nobody,
            Self::AllKeysLru | Self::VolatileLru => Chooser::Evictor(Policy::Lru),
            Self::AllKeysLfu | Self::VolatileLfu => Chooser::Evictor(Policy::Lfu),
            Self::AllKeysRandom | Self::VolatileRandom => Chooser::Evictor(Policy::Random),
            Self::AllKeysLrm | Self::VolatileLrm => Chooser::Evictor(Policy::Lrm),
            Self::VolatileTtl => Chooser::Wheels,
            Self::AllKeysAdaptive => Chooser::Evictor(Policy::Adaptive),
        }
    }

    /// Whether only keys with a deadline may go.
    const fn is_volatile(self) -> bool {
        matches!(
            self,
            Self::VolatileLru
                | Self::VolatileLfu
                | Self::VolatileRandom
                | Self::VolatileLrm
                | Self::VolatileTtl
        )
    }
}

/// Who says what goes when memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chooser {
    /// Nothing goes.
    Nobody,
    /// The timing wheels, which have keys in the order of their deadlines.
    Wheels,
    /// An [`Evictor`] that ranks keys so.
    Evictor(Policy),
}

/// Redis's default for `maxmemory-samples`.
const SAMPLES: usize = 5;

/// The limit, the policy, and what is known for it.
#[derive(Debug)]
pub(crate) struct MaxMemory {
    /// In bytes; 0 for none.
    limit: AtomicUsize,
    policy: AtomicU8,
    samples: AtomicUsize,
    /// What the keys take. Kept while there is a limit, and then changed under the locks of the shards that it is about.
    used: AtomicI64,
    peak: AtomicUsize,
    evictor: Mutex<Watched>,
    evicted_keys: AtomicU64,
    /// Held by whoever may grow memory while it is nearly full and nothing may go.
    turn: Mutex<()>,
}

/// The evictor, and when what happened by its clock.
#[derive(Debug)]
struct Watched {
    evictor: Evictor,
    /// What the counters said when they were last looked at.
    counted: u64,
    accesses: u64,
    /// Keys that came or went since.
    changes: usize,
    residents: usize,
    /// Keys of the shard that has most, as of the last look.
    longest: usize,
    /// The last tick of each second in which there was a new one, at most [`HISTORY`].
    history: VecDeque<(u32, i64)>,
}

/// As many moments are remembered. When there are more, every second one is forgotten.
const HISTORY: usize = 512;
/// The clock is looked after whenever such a part of the keys of the store came or went.
const OBSERVED_SHARE: usize = 1024;

impl Watched {
    fn new(policy: Policy, samples: usize) -> Self {
        Self {
            evictor: Evictor::new(policy, samples),
            counted: 0,
            accesses: 0,
            changes: 0,
            residents: 0,
            longest: 0,
            history: VecDeque::new(),
        }
    }

    /// A key came or has to go: now and then the evictor is told what happened.
    fn count_change(&mut self, engine: &Engine) {
        self.changes += 1;
        if self.changes * OBSERVED_SHARE > self.residents {
            self.observe(engine);
        }
    }

    /// Tells the evictor what happened since it was last told.
    fn observe(&mut self, engine: &Engine) {
        let statistics = engine.keyspace().statistics();
        // A lookup that missed is followed by a write if it matters; both together are one access. Commands that look up many
        // keys are as many.
        let counted = statistics.hits.max(statistics.commands.saturating_sub(statistics.misses));
        // Counters may have been reset.
        self.accesses += counted.checked_sub(self.counted).unwrap_or(counted);
        let keyspace = engine.keyspace();
        (self.counted, self.changes, self.residents) = (counted, 0, keyspace.keys());
        self.longest = (0..keyspace.len()).map(|index| keyspace.keys_of(index)).max().unwrap_or(0);
        self.evictor.observe(self.accesses, self.residents);
        let tick = self.evictor.now();
        engine.tracking().set_tick(tick);
        let seconds = engine.clock().recent_seconds();
        match self.history.back_mut() {
            Some((last, then)) if *then == seconds => *last = tick,
            Some((last, _)) if *last == tick => {}
            _ => self.history.push_back((tick, seconds)),
        }
        if self.history.len() > HISTORY {
            let mut keep = false;
            self.history.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// When it was so many ticks ago, in seconds since 1970.
    fn seconds_at(&self, age: u32) -> Option<i64> {
        let earlier = |&(tick, _): &(u32, i64)| self.evictor.now().wrapping_sub(tick) > age;
        self.history.get(self.history.partition_point(earlier)).map(|&(_, seconds)| seconds)
    }

    /// The tick at a moment in seconds since 1970, or the first that is remembered.
    fn tick_at(&self, seconds: i64) -> u32 {
        let later = self.history.partition_point(|&(_, then)| then <= seconds);
        self.history.get(later.saturating_sub(1)).map_or(self.evictor.now(), |&(tick, _)| tick)
    }
}

/// Permission to grow memory.
#[derive(Debug, Default)]
#[must_use = "it is good for as long as it is held"]
pub(crate) struct Admission<'e> {
    _turn: Option<MutexGuard<'e, ()>>,
    /// Memory is over the limit and cannot be brought below it: only what shrinks it may run.
    pub(crate) is_full: bool,
}

impl Default for MaxMemory {
    fn default() -> Self {
        Self {
            limit: AtomicUsize::new(0),
            policy: AtomicU8::new(0),
            samples: AtomicUsize::new(SAMPLES),
            used: AtomicI64::new(0),
            peak: AtomicUsize::new(0),
            evictor: Mutex::new(Watched::new(Policy::Random, SAMPLES)),
            evicted_keys: AtomicU64::new(0),
            turn: Mutex::new(()),
        }
    }
}

impl MaxMemory {
    /// In bytes; 0 for none.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn policy(&self) -> EvictionPolicy {
        let policy = self.policy.load(Ordering::Relaxed);
        EvictionPolicy::ALL.into_iter().find(|known| *known as u8 == policy).unwrap_or_default()
    }

    pub(crate) fn samples(&self) -> usize {
        self.samples.load(Ordering::Relaxed)
    }

    pub(crate) fn evicted_keys(&self) -> u64 {
        self.evicted_keys.load(Ordering::Relaxed)
    }

    pub(crate) fn reset_statistics(&self, used: usize) {
        self.evicted_keys.store(0, Ordering::Relaxed);
        self.peak.store(used, Ordering::Relaxed);
    }

    /// The most that was ever used, as far as anybody looked.
    pub(crate) fn peak(&self, used: usize) -> usize {
        self.peak.fetch_max(used, Ordering::Relaxed).max(used)
    }

    /// What the policy itself takes.
    pub(crate) fn own_bytes(&self) -> usize {
        let watched = self.evictor.lock();
        watched.evictor.allocated_bytes() + watched.history.capacity() * size_of::<(u32, i64)>()
    }

    /// Sets what is given and leaves the rest. All shards must be locked.
    pub(crate) fn set(&self, engine: &Engine, change: MemoryChange) {
        match change {
            MemoryChange::Limit(limit) => {
                self.limit.store(limit, Ordering::Relaxed);
                self.used.store(engine.keyspace().used_bytes() as i64, Ordering::Relaxed);
            }
            MemoryChange::Policy(policy) => self.policy.store(policy as u8, Ordering::Relaxed),
            MemoryChange::Samples(samples) => self.samples.store(samples.max(1), Ordering::Relaxed),
        }
        let (policy, is_limited) = (self.policy(), self.limit() > 0);
        let mut watched = self.evictor.lock();
        let chooser = policy.chooser();
        let ranking = match chooser {
            Chooser::Evictor(ranking) if is_limited => ranking,
            _ => Policy::Random,
        };
        if watched.evictor.policy() != ranking || matches!(change, MemoryChange::Samples(_)) {
            *watched = Watched::new(ranking, self.samples());
        }
        engine.tracking().set_policy(match ranking {
            Policy::Lru => AccessPolicy::Use,
            Policy::Lrm => AccessPolicy::Change,
            Policy::Adaptive => AccessPolicy::Adaptive,
            // OBJECT FREQ answers without a limit too.
            _ if chooser == Chooser::Evictor(Policy::Lfu) => AccessPolicy::Frequency,
            _ => AccessPolicy::Age,
        });
        watched.observe(engine);
    }

    /// Memory became more or less. The shard that it is about is locked.
    #[inline]
    pub(crate) fn count(&self, more_bytes: isize) {
        if more_bytes != 0 && self.limit() > 0 {
            self.used.fetch_add(more_bytes as i64, Ordering::Relaxed);
        }
    }

    /// What the keys take, while there is a limit.
    #[inline]
    fn used_bytes(&self) -> usize {
        self.used.load(Ordering::Relaxed).max(0) as usize
    }

    #[inline]
    fn is_over(&self) -> bool {
        let limit = self.limit();
        limit > 0 && self.used_bytes() > limit
    }

    /// The word of a key that is new now; its shard is locked.
    #[inline]
    pub(crate) fn first(&self, engine: &Engine, hash: u64, seconds: i64) -> u32 {
        engine.tracking().first(seconds).unwrap_or_else(|| self.insert(engine, hash))
    }

    #[cold]
    fn insert(&self, engine: &Engine, hash: u64) -> u32 {
        let mut watched = self.evictor.lock();
        watched.count_change(engine);
        watched.evictor.inserted(hash)
    }

    /// Looks after the clock while keys are only read.
    #[cold]
    pub(crate) fn observe(&self, engine: &Engine) {
        if self.limit() > 0
            && let Some(mut watched) = self.evictor.try_lock()
        {
            watched.observe(engine);
        }
    }

    /// For how many seconds an entry was not used, where its word does not say it.
    pub(crate) fn idle_seconds(&self, engine: &Engine, word: u32, now: UnixMs) -> Option<u32> {
        let mut watched = self.evictor.lock();
        watched.observe(engine);
        let age = watched.evictor.policy().age(word, watched.evictor.now())?;
        let used_at = watched.seconds_at(age)?;
        Some((now.seconds() - used_at).clamp(0, i64::from(u32::MAX)) as u32)
    }

    /// The word of an entry that was last used at a moment in seconds since 1970, and is in all else as with this word.
    fn word_used_at(&self, engine: &Engine, word: u32, seconds: i64) -> u32 {
        let mut watched = self.evictor.lock();
        watched.observe(engine);
        watched.evictor.policy().used_at(word, watched.tick_at(seconds))
    }
}

/// What `CONFIG SET` changes here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MemoryChange {
    Limit(usize),
    Policy(EvictionPolicy),
    Samples(usize),
}

impl Engine {
    /// Asked before a command with these flags runs, without any lock.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] for one that may grow memory when there is no room and none can be made.
    #[inline]
    pub(crate) fn admit(&self, flags: Flags) -> Result<Admission<'_>> {
        if self.maxmemory().limit() == 0 { Ok(Admission::default()) } else { self.admit_within_limit(flags) }
    }

    #[cold]
    fn admit_within_limit(&self, flags: Flags) -> Result<Admission<'_>> {
        let memory = self.maxmemory();
        let grows = flags.contains(Flags::DENYOOM);
        if self.make_room() {
            let is_near = memory.used_bytes() > memory.limit() - memory.limit() / 16;
            if !grows || !is_near || memory.policy() != EvictionPolicy::NoEviction {
                return Ok(Admission::default());
            }
        } else if grows && memory.policy() == EvictionPolicy::NoEviction {
            return Err(Error::OutOfMemory);
        }
        let turn = grows.then(|| memory.turn.lock());
        let is_full = memory.is_over();
        if grows && is_full {
            return Err(Error::OutOfMemory);
        }
        Ok(Admission { _turn: turn, is_full })
    }

    /// Asked when a command has run and holds no lock any more.
    #[inline]
    pub(crate) fn settle_memory(&self) {
        // What a script holds that takes too long is not waited for: the next unit after it finds the room.
        if self.maxmemory().is_over() && !self.is_busy() {
            self.make_room();
        }
    }

    /// Evicts until memory is within its limit. False if it cannot be.
    #[cold]
    pub(crate) fn make_room(&self) -> bool {
        /// Victims that somebody else took first, one after the other.
        const MISSES: usize = 1000;
        let memory = self.maxmemory();
        let policy = memory.policy();
        let mut misses = 0;
        while memory.is_over() {
            let evicted = match policy.chooser() {
                Chooser::Nobody => return false,
                Chooser::Wheels => match self.nearest_deadline() {
                    Some((index, key)) => self.evict(index, &key),
                    None => return false,
                },
                Chooser::Evictor(_) => {
                    let victim = {
                        let mut watched = memory.evictor.lock();
                        watched.count_change(self);
                        let longest = watched.longest;
                        watched.evictor.victim(&mut Sampled { engine: self, policy, longest })
                    };
                    match victim {
                        Some(victim) => {
                            let index = self.keyspace().index(victim.hash);
                            let key = self.keyspace().read(index).key_of(victim.hash);
                            key.is_some_and(|key| self.evict(index, &key))
                        }
                        // Others may have been in the way wherever the evictor looked.
                        None if self.something_may_go(policy) => false,
                        None => return false,
                    }
                }
            };
            misses = if evicted { 0 } else { misses + 1 };
            if misses > MISSES {
                return false;
            }
        }
        true
    }

    fn something_may_go(&self, policy: EvictionPolicy) -> bool {
        (0..self.keyspace().len()).any(|index| {
            let shard = self.keyspace().read(index);
            shard.databases().iter().any(|database| may_go(policy, database) > 0)
        })
    }

    /// Removes a key of a database from a shard, as a unit of its own.
    fn evict(&self, index: usize, (db, key): &(usize, Box<[u8]>)) -> bool {
        let locks = Locks::One(index, self.keyspace().write(index));
        let mut tx = self.begin(*db, locks, None);
        let evicted = tx.evict(key);
        // A journal that fails shows at the next write; the key is gone either way.
        let _ = tx.finish();
        if evicted {
            self.maxmemory().evicted_keys.fetch_add(1, Ordering::Relaxed);
        }
        evicted
    }

    /// The key that expires first, of all. Each shard's wheel knows no more than a lower bound until it is asked, so those with the
    /// lowest are asked until the answer is below the bounds of all others.
    fn nearest_deadline(&self) -> Option<(usize, (usize, Box<[u8]>))> {
        let keyspace = self.keyspace();
        loop {
            let bound = |index: &usize| keyspace.next_at(*index);
            let index = (0..keyspace.len()).min_by_key(bound)?;
            if keyspace.next_at(index) == UnixMs(i64::MAX) {
                return None;
            }
            let others = (0..keyspace.len()).filter(|other| *other != index).map(|other| bound(&other)).min();
            let mut shard = keyspace.write(index);
            let nearest = shard.nearest();
            // Looking may have brought timers to other levels.
            self.maxmemory().count(keyspace.publish(index, &shard).more_bytes);
            if let Some((fires_at, db, key)) = nearest
                && others.is_none_or(|others| fires_at <= others)
            {
                return Some((index, (db, key)));
            }
        }
    }
}

/// How many keys of a database may go.
fn may_go(policy: EvictionPolicy, database: &Database) -> usize {
    if policy.is_volatile() { database.with_deadline() } else { database.len() }
}

/// The keys that may go, as the evictor sees them.
struct Sampled<'e> {
    engine: &'e Engine,
    policy: EvictionPolicy,
    /// About as many keys as the longest shard has.
    longest: usize,
}

impl Sampled<'_> {
    fn candidate(&self, hash: u64, database: &Database, entry: &Entry) -> Candidate {
        let tracking = self.engine.tracking();
        let word = match tracking.policy() {
            // What it has lost since it was last used counts.
            AccessPolicy::Frequency => {
                tracking.frequency(entry.access(), self.engine.clock().recent_seconds())
            }
            _ => entry.access(),
        };
        Candidate { hash, word, bytes: database.bytes_of(entry) }
    }

    fn may_go(&self, entry: &Entry) -> bool {
        !self.policy.is_volatile() || entry.deadline().is_some()
    }

    /// One key of a shard, each equally likely; of those with a deadline approximately so.
    fn sample_from(&self, index: usize) -> Option<Candidate> {
        /// Draws until a key with a deadline comes up.
        const DRAWS: usize = 32;
        let (engine, keyspace) = (self.engine, self.engine.keyspace());
        let shard = keyspace.try_read(index)?;
        let len = |database: &Database| may_go(self.policy, database);
        let all: usize = shard.databases().iter().map(len).sum();
        let mut place = engine.random().below(all.max(1) as u64) as usize;
        let database = shard.databases().iter().find(|database| {
            let here = place < len(database);
            place = place.saturating_sub(len(database));
            here
        })?;
        let drawn =
            (0..DRAWS).find_map(|_| database.random(engine.random()).filter(|entry| self.may_go(entry)));
        let entry = drawn.or_else(|| database.some_with_deadline(engine.random()))?;
        Some(self.candidate(keyspace.hash(entry.key()), database, entry))
    }
}

impl Residents for Sampled<'_> {
    fn sample(&mut self) -> Option<Candidate> {
        let (random, keyspace) = (self.engine.random(), self.engine.keyspace());
        let shards = keyspace.len();
        // A shard with more keys is drawn more often.
        let longest = self.longest.max(1) as u64;
        for _ in 0..shards * 2 {
            let index = random.below(shards as u64) as usize;
            if (random.below(longest) as usize) < keyspace.keys_of(index)
                && let Some(candidate) = self.sample_from(index)
            {
                return Some(candidate);
            }
        }
        // There are few, or they are elsewhere: whatever is found first.
        let first = random.below(shards as u64) as usize;
        (first..first + shards).find_map(|index| self.sample_from(index % shards))
    }

    fn find(&mut self, hash: u64) -> Option<Candidate> {
        let shard = self.engine.keyspace().try_read(self.engine.keyspace().index(hash))?;
        let (_, database, entry) = shard.find(hash)?;
        self.may_go(entry).then(|| self.candidate(hash, database, entry))
    }

    fn mark(&mut self, hash: u64, word: u32) {
        let shard = self.engine.keyspace().try_read(self.engine.keyspace().index(hash));
        if let Some((_, _, entry)) = shard.as_ref().and_then(|shard| shard.find(hash)) {
            entry.stamp(word);
        }
    }
}

/// What the word of an entry becomes that was used so; `None` if the policy does not ask for that.
pub(crate) fn word_of_past_use(engine: &Engine, word: u32, past: PastUse, now: UnixMs) -> Option<u32> {
    let seconds = now.seconds();
    match (engine.tracking().policy(), past) {
        (AccessPolicy::Frequency, PastUse::Frequency(counter)) => {
            Some(Tracking::with_frequency(counter, seconds))
        }
        (AccessPolicy::Frequency, PastUse::Idle(_)) | (_, PastUse::Frequency(_)) => None,
        (AccessPolicy::Age, PastUse::Idle(idle)) => Some(Tracking::with_idle(idle, seconds)),
        (AccessPolicy::Use | AccessPolicy::Change | AccessPolicy::Adaptive, PastUse::Idle(idle)) => {
            let used_at = seconds.saturating_sub_unsigned(idle.as_secs());
            Some(engine.maxmemory().word_used_at(engine, word, used_at))
        }
    }
}

/// Seconds since an entry was last used, whatever its word holds; `None` if that is a frequency.
pub(crate) fn idle_seconds(engine: &Engine, word: u32, now: UnixMs) -> Option<u32> {
    match engine.tracking().policy() {
        AccessPolicy::Age => Some(Tracking::idle_seconds(word, now.seconds())),
        AccessPolicy::Frequency => None,
        AccessPolicy::Use | AccessPolicy::Change | AccessPolicy::Adaptive => {
            engine.maxmemory().idle_seconds(engine, word, now)
        }
    }
}
