//! Locks, units, commit: everything that a command does not have to think about.
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use crate::acl::Acl;
use crate::cmd::args::Args;
use crate::cmd::{Blocking, Command, Control, Flags, Parsers, Prepared, Read, Row, Scope, Write, lookup};
use crate::config::file::{self, ConfigFile};
use crate::config::{self, Config, MAX_BULK_LENGTH, Origin};
use crate::events::{Events, News};
use crate::host::{Identity, Process, Program};
use crate::invalidation::{Invalidation, Telling};
use crate::journal::{Journal, Keeper};
use crate::keyspace::{Keyspace, Locks, Shard, ShardSet, Tracking, WriteLocks};
use crate::maxmemory::{Admission, EvictionPolicy, MaxMemory};
use crate::native::Natives;
use crate::pubsub::PubSub;
use crate::reclaim::{Reclaim, Reclaimer};
use crate::removal::{Announcer, RemovalListener};
use crate::script::{Callable, Code, Interpreter, Locked, Outcome, Rules, ScriptLog, Scripts, ServeOthers};
use crate::session::{Clients, Session};
use crate::statistics::Statistics;
use crate::tx::{HashedKey, KnownHashes, Notes, Now, Recorder, Tx, View};
use crate::types::TypeSettings;
use crate::waiting::{GiveUp, Means, Moment, Queued, Ticket, Timeouts, Wait};
use crate::watch::Watch;
use crate::{Clock, Error, HashSeed, Random, Reply, Result, UnixMs};

/// How an engine is made.
#[derive(Debug)]
pub struct EngineOptions {
    /// Where it reads the time.
    pub clock: Arc<dyn Clock>,
    /// What all chance comes from: the hash function and every random choice.
    pub seed: u64,
    /// How many databases it has.
    pub databases: usize,
    /// How many shards, a power of two.
    pub shards: usize,
}

/// Called when something becomes due earlier than anything of its kind before it.
pub type Alarm = Box<dyn Fn(Due, UnixMs) + Send + Sync>;

/// What becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Keys expire, which nobody sees: [`Engine::tick`] reclaims them when there is time.
    Keys,
    /// Waits end, and callers hear of it: [`Engine::end_waits`].
    Waits,
}

/// The whole data model, without files and threads: commands go in, replies come out, effects go to the journal.
pub struct Engine {
    keyspace: Keyspace,
    clock: Arc<dyn Clock>,
    random: Random,
    tracking: Tracking,
    maxmemory: MaxMemory,
    reclaim: Reclaim,
    announcer: Announcer,
    pubsub: PubSub,
    clients: Clients,
    timeouts: Timeouts,
    events: Events,
    acl: Arc<Acl>,
    natives: Natives,
    invalidation: Invalidation,
    scripts: Scripts,
    statistics: Statistics,
    identity: Identity,
    process: OnceLock<Arc<dyn Process>>,
    program: OnceLock<Arc<dyn Program>>,
    /// `DEBUG SET-ACTIVE-EXPIRE`
    keeps_expired: AtomicBool,
    config: Config,
    config_file: OnceLock<Arc<dyn ConfigFile>>,
    databases: usize,
    journal: OnceLock<Arc<dyn Journal>>,
    keeper: OnceLock<Arc<dyn Keeper>>,
    alarm: OnceLock<Alarm>,
    /// The earliest moment that the alarm was told, `i64::MAX` for none.
    earliest: AtomicI64,
    /// The same for waits.
    earliest_wait: AtomicI64,
    copying: AtomicBool,
    /// Nobody may wait any more.
    is_closed: AtomicBool,
    keyless_commands: AtomicU64,
    started: UnixMs,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("shards", &self.keyspace.len())
            .field("databases", &self.databases)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

/// What [`Engine::tick`] did and has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// How many keys were reclaimed.
    pub expired: usize,
    /// When the next call has something to do; a moment that has passed if work is left, `None` if nothing is due ever.
    pub next_at: Option<UnixMs>,
}

/// What became of a command that may wait.
#[derive(Debug)]
pub enum Begun<F> {
    /// It found something.
    Found(F),
    /// It waits.
    Waiting(Wait<F>),
}

/// One of several commands that run as one unit.
pub struct Step<'a> {
    /// Its words.
    pub(crate) words: &'a [&'a [u8]],
    /// What they mean, or why they mean nothing.
    pub(crate) command: Result<Box<dyn Prepared<'a> + 'a>>,
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("words", &self.words).finish_non_exhaustive()
    }
}

/// How a command given as words is parsed, and the words after its name.
#[expect(clippy::inline_always, reason = "a call here costs a GET by words a tenth of its time")]
#[inline(always)]
fn parse<'a>(words: &'a [&'a [u8]], engine: &Engine) -> Result<(&'static Parsers, Args<'a>)> {
    let longest = engine.config.max_bulk_length();
    for word in words {
        check_length(word, longest)?;
    }
    let (row, name_words) = engine.lookup(words)?;
    let Some(parse) = &row.parse else { return Err(crate::cmd::wrong_arity(row.spec.name)) };
    Ok((parse, Args::of_command(words, name_words)))
}

/// Refuses an argument that is longer than any string may be, 512 MiB.
///
/// # Errors
/// Redis's refusal.
#[inline]
pub fn check_word(word: &[u8]) -> Result<()> {
    check_length(word, MAX_BULK_LENGTH)
}

/// Refuses a word that is longer than `longest` bytes, as `proto-max-bulk-len` has it.
#[inline]
pub(crate) fn check_length(word: &[u8], longest: usize) -> Result<()> {
    if word.len() > longest {
        return Err(Error::refused("ERR Protocol error: invalid bulk length"));
    }
    Ok(())
}

/// How many timers are looked at under one lock: about 20 microseconds, the longest that a caller waits for them.
const TIMERS_PER_LOCK: usize = 64;

impl Engine {
    /// An empty engine.
    ///
    /// # Panics
    /// If `shards` is not a power of two or there is no database.
    pub fn new(options: EngineOptions) -> Self {
        assert!(options.databases > 0, "there is no store without a database");
        let random = Random::from_seed(options.seed);
        let config = Config::new(options.databases);
        let acl = Arc::new(Acl::default());
        acl.follow(&config);
        let settings = config.type_settings(TypeSettings::new(HashSeed::new(random.next_u64())));
        Self {
            keyspace: Keyspace::new(options.shards, &settings),
            random,
            tracking: Tracking::default(),
            maxmemory: MaxMemory::default(),
            reclaim: Reclaim::default(),
            announcer: Announcer::default(),
            pubsub: PubSub::default(),
            clients: Clients::default(),
            timeouts: Timeouts::default(),
            events: Events::default(),
            statistics: Statistics::default(),
            identity: Identity::from_seed(options.seed),
            process: OnceLock::new(),
            program: OnceLock::new(),
            keeps_expired: AtomicBool::new(false),
            config,
            config_file: OnceLock::new(),
            acl,
            natives: Natives::default(),
            invalidation: Invalidation::default(),
            scripts: Scripts::default(),
            databases: options.databases,
            journal: OnceLock::new(),
            keeper: OnceLock::new(),
            alarm: OnceLock::new(),
            earliest: AtomicI64::new(i64::MAX),
            earliest_wait: AtomicI64::new(i64::MAX),
            copying: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            keyless_commands: AtomicU64::new(0),
            started: options.clock.now(),
            clock: options.clock,
        }
    }

    /// From now on every change goes to `journal`.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_journal(&self, journal: Arc<dyn Journal>) {
        assert!(self.journal.set(journal).is_ok(), "an engine has one journal for its whole life");
    }

    /// Who answers to `SAVE` and its kin.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_keeper(&self, keeper: Arc<dyn Keeper>) {
        assert!(self.keeper.set(keeper).is_ok(), "an engine has one keeper for its whole life");
    }

    /// Who knows the process, for INFO.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_process(&self, process: Arc<dyn Process>) {
        assert!(self.process.set(process).is_ok(), "an engine is in one process for its whole life");
    }

    /// What `SHUTDOWN` ends. Without it, it is refused.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_program(&self, program: Arc<dyn Program>) {
        assert!(self.program.set(program).is_ok(), "an engine is served by one program for its whole life");
    }

    /// What runs scripts. Without it, they are refused.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_interpreter(&self, interpreter: Arc<dyn Interpreter>) {
        assert!(
            self.scripts.set_interpreter(interpreter),
            "an engine has one interpreter for its whole life"
        );
    }

    /// Who is told what scripts log. Without anybody it is lost.
    ///
    /// # Panics
    /// If there is somebody already.
    pub fn set_script_log(&self, log: ScriptLog) {
        assert!(self.scripts.set_log(log), "an engine has one log of scripts for its whole life");
    }

    /// Who serves others while a script takes too long that runs in the same thread. It is asked again and again until the script has
    /// ended. Of several the first stays.
    pub fn set_serve_others(&self, serve: ServeOthers) {
        self.scripts.set_serve_others(serve);
    }

    /// Whether a script runs that has taken longer than `busy-reply-threshold`. It has shards locked, most often all of them, so
    /// whoever has to stay able to end it must lock none until this is false: [`Session::execute`] locks none then and refuses what
    /// would, but [`Session::end`] may, and so may [`Session::poll`] when a command waits.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.scripts.running().is_busy()
    }

    /// Who is told when [`Engine::tick`] has to be called earlier than it last said.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_alarm(&self, alarm: Alarm) {
        assert!(self.alarm.set(alarm).is_ok(), "an engine has one alarm for its whole life");
    }

    /// Who frees big values that are gone, elsewhere. Without anybody a caller waits until they are freed.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_reclaimer(&self, reclaimer: Reclaimer) {
        assert!(self.reclaim.set(reclaimer), "an engine has one reclaimer for its whole life");
    }

    /// Who is told of keys that expire or are evicted.
    ///
    /// # Panics
    /// If there is a listener already.
    pub fn set_removal_listener(&self, listener: RemovalListener) {
        assert!(self.announcer.set(listener), "an engine has one listener for its whole life");
    }

    /// Runs a command that only reads, as one unit.
    ///
    /// # Errors
    /// Its refusals.
    #[inline]
    pub fn read<'a, C: Read<'a>>(&self, db: usize, command: &C) -> Result<C::Reply> {
        self.read_with(db, command, |view| command.read(view))
    }

    /// The same for a caller, who may track what it reads, or leave the access stamps of keys alone.
    ///
    /// # Errors
    /// As [`Engine::read`].
    #[inline]
    pub(crate) fn read_for<'a, C: Read<'a>>(
        &self,
        session: Option<&Session>,
        db: usize,
        command: &C,
    ) -> Result<C::Reply> {
        match session.filter(|session| session.tracks_reads() || session.leaves_stamps()) {
            None => self.read(db, command),
            Some(session) => self.read_apart(session, db, command),
        }
    }

    #[cold]
    fn read_apart<'a, C: Read<'a>>(&self, session: &Session, db: usize, command: &C) -> Result<C::Reply> {
        let mut wakers = Vec::new();
        let reply = self.read_with(db, command, |view| {
            let reply = command.read(&view.stamping(!session.leaves_stamps()));
            if session.tracks_reads() {
                self.remember(session, command, &mut wakers);
            }
            reply
        });
        wakers.into_iter().for_each(Waker::wake);
        reply
    }

    /// The caller is told when the keys of a command change, whose shards are locked. Adds those who are to be woken.
    pub(crate) fn remember<'a, C: Command<'a>>(
        &self,
        session: &Session,
        command: &C,
        wakers: &mut Vec<Waker>,
    ) {
        let mut telling = self.telling(wakers);
        command.keys(&mut |key| self.invalidation.remember(session.id(), key, &mut telling));
    }

    /// What it takes to tell callers that track keys.
    pub(crate) fn telling<'t>(&'t self, wakers: &'t mut Vec<Waker>) -> Telling<'t> {
        Telling { clients: &self.clients, random: &self.random, limit: self.config.tracked_keys(), wakers }
    }

    /// Shows `body` what a command that only reads would see, under the locks that it would take.
    ///
    /// # Errors
    /// What `body` returns, and the command's refusals.
    #[inline]
    pub fn read_with<'a, C: Read<'a>, T>(
        &self,
        db: usize,
        command: &C,
        body: impl FnOnce(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        command.check(self)?;
        let now = Now::new(&*self.clock);
        let (locks, known) = self.lock(db, command, |index| self.keyspace.read(index));
        self.count_command(&locks);
        let notes = Notes::new(self.events.wanted());
        let reply = body(&View::new(self, db, &locks, &now, known.as_ref(), &notes).counting());
        match notes.take() {
            None => drop(locks),
            Some(missed) => self.tell_missed(locks, missed),
        }
        reply
    }

    /// Runs a command that may change something, as one unit.
    ///
    /// # Errors
    /// Its refusals, and [`Error::Unwritable`] when the change could not be made durable.
    #[inline]
    pub fn write<'a, C: Write<'a>>(&self, db: usize, command: &C) -> Result<C::Reply> {
        self.write_for(None, db, command)
    }

    /// The same for a caller.
    ///
    /// # Errors
    /// As [`Engine::write`].
    #[inline]
    pub(crate) fn write_for<'a, C: Write<'a>>(
        &self,
        session: Option<&Session>,
        db: usize,
        command: &C,
    ) -> Result<C::Reply> {
        command.check(self)?;
        self.check_writable()?;
        let admission = self.admit(command.flags())?;
        let (locks, known) = self.lock(db, command, |index| self.keyspace.write(index));
        self.count_command(&locks);
        let mut tx = self.begin(db, locks, known);
        tx.set_full(admission.is_full);
        tx.set_caller(session);
        let reply = tx.perform(command);
        self.commit(&mut tx, admission, session)?;
        reply
    }

    /// Runs a command about the store itself, as one unit.
    ///
    /// # Errors
    /// Its refusals.
    pub fn control<'a, C: Control<'a>>(&self, db: usize, command: &C) -> Result<C::Reply> {
        command.check(self)?;
        let (locks, known) = self.lock(db, command, |index| self.keyspace.write(index));
        self.count_command(&locks);
        let mut tx = self.begin(db, locks, known);
        let reply = command.run(&mut tx);
        self.commit(&mut tx, Admission::default(), None)?;
        reply
    }

    /// Whether commands concern others than their callers now: somebody monitors them, holds them up, or a script takes too long. Only
    /// sessions see to that.
    #[inline]
    pub fn wants_sessions(&self) -> bool {
        self.clients().is_attended() || self.is_busy()
    }

    /// Runs a command given as words: the dynamic door.
    ///
    /// # Errors
    /// The refusal that Redis would send.
    pub fn execute(&self, db: usize, words: &[&[u8]]) -> Result<Reply> {
        let (parse, mut args) = parse(words, self)?;
        (parse.execute)(&mut args, self, db, None)
    }

    /// Finds the command that some words name and checks how many there are, which is all that MULTI checks before EXEC.
    /// Returns how many words its name has.
    ///
    /// # Errors
    /// [`Error::UnknownCommand`], [`Error::UnknownSubcommand`], [`Error::WrongArity`].
    #[inline]
    pub fn lookup(&self, words: &[&[u8]]) -> Result<(&'static Row, usize)> {
        lookup(words, &self.natives)
    }

    /// Understands a command given as words, to be run with others.
    pub fn step<'a>(&self, words: &'a [&'a [u8]]) -> Step<'a> {
        Step { words, command: self.prepare(words) }
    }

    /// Understands a command given as words without running it.
    ///
    /// # Errors
    /// Unknown names, wrong numbers of words, words that do not fit the grammar.
    pub fn prepare<'a>(&self, words: &'a [&'a [u8]]) -> Result<Box<dyn Prepared<'a> + 'a>> {
        let (parse, mut args) = parse(words, self)?;
        (parse.prepare)(&mut args, self)
    }

    /// Runs `body` with the shards of `keys` locked, as one unit: nobody sees it half done, and the journal has it whole
    /// or not at all. If `body` returns an error or panics, what it changed is undone.
    ///
    /// # Errors
    /// What `body` returns, or [`Error::Unwritable`].
    pub fn transaction<T, E: From<Error>>(
        &self,
        db: usize,
        keys: &[&[u8]],
        body: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.check_writable()?;
        let admission = self.admit(Flags::NONE)?;
        let mut tx = self.begin(db, self.write_keys(keys), None);
        tx.set_full(admission.is_full);
        tx.undo_later();
        let result = body(&mut tx);
        if result.is_ok() {
            tx.stand();
        }
        self.commit(&mut tx, admission, None)?;
        result
    }

    /// Runs commands that were understood before, one after the other, as one unit under the locks of all their keys. An error of
    /// one does not stop the others, as with EXEC. `None`, and nothing was run, if a watched key has changed.
    ///
    /// # Errors
    /// [`Error::Unwritable`]; the commands' own refusals are in the list.
    pub fn exec(
        &self,
        db: usize,
        steps: &[Step<'_>],
        watch: Option<&Watch>,
        mut session: Option<&mut Session>,
    ) -> Result<Option<Vec<Result<Reply>>>> {
        self.check_writable()?;
        let commands = || steps.iter().filter_map(|step| step.command.as_ref().ok());
        let flags = commands().fold(Flags::NONE, |all, command| all.and(command.flags()));
        let admission = self.admit(flags)?;
        let everything = commands().any(|command| command.scope() == Scope::Everything);
        let locks = if everything {
            self.keyspace.write_many(0..self.keyspace.len())
        } else {
            let mut shards = ShardSet::new(self.keyspace.len());
            for command in commands() {
                command.keys(&mut |key| shards.insert(self.shard_of(key)));
            }
            let watched = watch.into_iter().flat_map(Watch::keys);
            watched.for_each(|key| shards.insert(self.shard_of(key)));
            self.keyspace.write_many(shards.iter())
        };
        let mut tx = self.begin(db, locks, None);
        tx.set_full(admission.is_full);
        tx.set_caller(session.as_deref());
        if let Some(watch) = watch
            && watch.is_broken(&tx)?
        {
            self.commit(&mut tx, admission, session.as_deref())?;
            return Ok(None);
        }
        let run = |step: &Step<'_>| {
            let began_micros = if session.is_some() { self.clock.now_micros() } else { 0 };
            if let Some(session) = session.as_deref_mut() {
                tx.wake_all_later(|wakers| session.note_queued_begins(self, step.words, wakers));
            }
            let reply = match &step.command {
                Ok(command) => command.run(&mut tx, session.as_deref_mut()),
                Err(refused) => Err(refused.clone()),
            };
            if let Some(session) = session.as_deref_mut() {
                tx.follow(session);
                tx.wake_all_later(|wakers| {
                    session.note_queued(self, step.words, began_micros, &reply, wakers);
                });
            }
            reply
        };
        let replies = steps.iter().map(run).collect();
        self.commit(&mut tx, admission, session.as_deref())?;
        Ok(Some(replies))
    }

    /// Runs a script as one unit. It begins with the shards of the keys that it was given, unless it may need others; if it turns out to
    /// need them and cannot get them, it is run again with all, and has changed nothing before.
    ///
    /// # Errors
    /// What the script answers with, or what went wrong in it.
    pub(crate) fn run_code(
        &self,
        mut session: Option<&mut Session>,
        db: usize,
        (code, rules): (Code<'_>, Rules),
    ) -> Result<Reply> {
        // Functions share what they wait for, so they wait for no locks once they have it.
        let is_function = matches!(code.callable, Callable::Function { .. });
        let mut locked =
            if is_function && !rules.has_declared_all { Locked::Everything } else { Locked::Keys };
        loop {
            let admission = self.admit(Flags::NONE)?;
            if admission.is_full && !rules.may_begin_when_full {
                return Err(Error::OutOfMemory);
            }
            let locks = match locked {
                Locked::Everything => self.keyspace.write_many(0..self.keyspace.len()),
                Locked::Keys => self.write_keys(code.words.keys),
            };
            self.count_command(&locks);
            let mut tx = self.begin(db, locks, None);
            tx.set_caller(session.as_deref());
            tx.set_full(admission.is_full);
            let outcome = code.run(&mut tx, session.as_deref_mut(), (rules, locked));
            self.commit(&mut tx, admission, session.as_deref())?;
            match outcome? {
                Outcome::Answered(reply) => return reply,
                Outcome::InVain => locked = Locked::Everything,
            }
        }
    }

    /// Runs a command that may wait: it finds something at once, or the wait for it has begun.
    ///
    /// # Errors
    /// Its refusals, and [`Error::Unwritable`].
    pub fn begin_wait<'a, C: Blocking<'a>>(&self, db: usize, command: &C) -> Result<Begun<C::Found>> {
        self.begin_wait_for(None, db, command)
    }

    /// The same for a caller, who asked in these words.
    ///
    /// # Errors
    /// As [`Engine::begin_wait`].
    pub(crate) fn begin_wait_for<'a, C: Blocking<'a>>(
        &self,
        asked: Option<(&Session, &[&[u8]])>,
        db: usize,
        command: &C,
    ) -> Result<Begun<C::Found>> {
        command.check(self)?;
        if C::CHANGES {
            self.check_writable()?;
        }
        let admission = self.admit(C::SPEC.flags)?;
        let (locks, known) = self.lock(db, command, |index| self.keyspace.write(index));
        self.count_command(&locks);
        // Under the locks: whoever closes the store looks for waits under them, later.
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(Error::Closed);
        }
        let mut tx = self.begin(db, locks, known);
        tx.set_caller(asked.map(|(session, _)| session));
        let (keys, how) = (command.wait_keys(), command.how(&tx.view()));
        let begun = C::attempt(&how, &keys, &mut tx).map(|found| {
            found.map_or_else(
                || {
                    let ticket = Ticket {
                        db,
                        keys: keys.iter().map(|key| Box::from(*key)).collect(),
                        awaited_keys: if C::AWAITS_FIRST_KEY { 1 } else { keys.len() },
                        awaits: C::AWAITS,
                    };
                    let recheck = asked.map(|(session, words)| session.recheck(self, words));
                    let means = Means {
                        recheck,
                        how: how.clone(),
                        attempt: C::attempt,
                        give_back: C::give_back,
                        looks_at: C::looks_at,
                    };
                    let wait = Wait::new(ticket, means);
                    tx.join_queues(&wait.queued());
                    self.look_later(&wait.queued(), &tx.view());
                    Begun::Waiting(wait)
                },
                Begun::Found,
            )
        });
        self.commit(&mut tx, admission, asked.map(|(session, _)| session))?;
        if let (Ok(Begun::Waiting(wait)), Some(timeout)) = (&begun, command.timeout()) {
            let at = self.clock.now().saturating_add(timeout);
            self.timeouts.set(at, Moment::End, &wait.queued());
            self.wait_ends_at(at);
        }
        begun
    }

    /// Takes a caller out of the queues of its keys.
    pub(crate) fn leave_queues(&self, waiter: &dyn Queued) {
        let ticket = waiter.ticket();
        for key in &ticket.keys[..ticket.awaited_keys] {
            let mut shard = self.keyspace.write(self.shard_of(key));
            if shard.callers.is_some() {
                shard.callers_mut().waiters.leave(ticket.db, key, waiter);
                shard.tidy_callers();
            }
        }
    }

    /// Serves those who wait for a key and could not be served by whoever filled it, because they need shards that others had
    /// locked.
    pub(crate) fn serve_later(&self, db: usize, key: &[u8]) {
        let mut shards = ShardSet::new(self.keyspace.len());
        shards.insert(self.shard_of(key));
        {
            let shard = self.keyspace.read(self.shard_of(key));
            let waiters = shard.callers.iter().flat_map(|callers| callers.waiters.of(db, key));
            waiters.for_each(|waiter| {
                waiter.ticket().keys.iter().for_each(|key| shards.insert(self.shard_of(key)));
            });
        }
        let mut tx = self.begin(db, self.keyspace.write_many(shards.iter()), None);
        tx.make_ready(db, key);
        // A journal that fails shows at the next write.
        let _ = tx.finish();
    }

    /// Notes when a caller that waits has to look again, if time alone may bring it something.
    fn look_later(&self, waiter: &Arc<dyn Queued>, db: &View<'_>) {
        if let Some(at) = waiter.looks_at(db) {
            self.timeouts.set(at, Moment::Look, waiter);
            self.wait_ends_at(at);
        }
    }

    /// Lets a caller that still waits look at its keys, and again later if there was nothing.
    fn look_again(&self, waiter: &Arc<dyn Queued>) {
        if !waiter.is_waiting() {
            return;
        }
        let ticket = waiter.ticket();
        let mut shards = ShardSet::new(self.keyspace.len());
        ticket.keys.iter().for_each(|key| shards.insert(self.shard_of(key)));
        ticket.keys.iter().for_each(|key| self.serve_later(ticket.db, key));
        if waiter.is_waiting() {
            let tx = self.begin(ticket.db, self.keyspace.write_many(shards.iter()), None);
            self.look_later(waiter, &tx.view());
        }
    }

    /// How many callers wait for something, those who wait for several keys once for each.
    pub fn waiting_callers(&self) -> usize {
        let of = |index| {
            self.keyspace.read(index).callers.as_ref().map_or(0, |callers| callers.waiters.all().count())
        };
        (0..self.keyspace.len()).map(of).sum()
    }

    /// Ends every wait, and every later one at once, because the store is closing.
    pub fn close_waits(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.scripts.running().kill_all();
        for index in 0..self.keyspace.len() {
            let waiters: Vec<_> = {
                let shard = self.keyspace.read(index);
                shard.callers.iter().flat_map(|callers| callers.waiters.all()).collect()
            };
            for waiter in waiters {
                waiter.give_up(GiveUp::Closing).into_waker().into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Refuses commands that may grow memory when there is no room.
    pub(crate) fn check_room(&self, flags: Flags) -> Result<()> {
        // Others are refused nothing, and need not wait for the shards that room would be made in.
        if flags.contains(Flags::DENYOOM) { self.admit(flags).map(drop) } else { Ok(()) }
    }

    pub(crate) fn check_writable(&self) -> Result<()> {
        self.journal.get().map_or(Ok(()), |journal| journal.check())
    }

    /// A unit on shards that are locked, recorded if there is a journal.
    #[inline]
    pub(crate) fn begin<'e>(
        &'e self,
        db: usize,
        locks: WriteLocks<'e>,
        known: Option<KnownHashes>,
    ) -> Tx<'e> {
        let mut notes = Notes::new(self.events.wanted()).naming_subkeys(self.events.names_subkeys());
        match &locks {
            Locks::One(_, shard) => notes.heed(shard),
            Locks::Many(_) => locks.iter().for_each(|(_, shard)| notes.heed(shard)),
        }
        let recorder = Recorder::new(self.journal.get().is_some());
        Tx::new(self, db, locks, known, recorder, notes)
    }

    /// Tells whoever wants to know what a unit that only read did not find, and lets go of its locks.
    #[cold]
    fn tell_missed<G>(&self, locks: Locks<G>, news: Vec<News>) {
        let mut shards = ShardSet::new(self.keyspace.len());
        for news in &news {
            if let News::Expired(_, key) | News::ExpiredElement { key, .. } | News::Estimated(_, key) = news {
                shards.insert(self.shard_of(key));
            }
        }
        if shards.iter().next().is_some() {
            drop(locks);
            let mut tx = self.begin(0, self.keyspace.write_many(shards.iter()), None);
            tx.take_over(news);
            // A journal that fails shows at the next write; what expired is gone either way, and an estimate can be made again.
            let _ = tx.finish();
            return;
        }
        let mut wakers = Vec::new();
        self.tell(&news, None, &mut wakers);
        drop(locks);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Counts in a shard where there is one, because a number for all would be fought for.
    #[inline]
    fn count_command<G: Deref<Target = Shard>>(&self, locks: &Locks<G>) {
        match locks.first() {
            Some((index, _)) => self.keyspace.counters(index).count_command(),
            None => drop(self.keyless_commands.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// How many commands touched no key so far.
    pub(crate) const fn keyless_commands(&self) -> &AtomicU64 {
        &self.keyless_commands
    }

    /// Ends a unit: what it changed is seen, and when this returns it is as safe as the journal promises, unless the caller's answer
    /// is held back until [`Engine::make_safe`].
    #[inline]
    fn commit(&self, tx: &mut Tx<'_>, admission: Admission<'_>, session: Option<&Session>) -> Result<()> {
        let unit = tx.finish();
        drop(admission);
        self.settle_memory();
        match (unit, self.journal.get()) {
            (Some(unit), Some(journal)) => match session.filter(|session| session.is_answered_later()) {
                None => journal.commit(unit),
                Some(session) => {
                    if journal.commit_later(unit)? {
                        session.note_unsafe(unit);
                    }
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    /// Makes what sessions did up to `unit` as safe as the journal promises: see [`Session::take_unsafe_unit`].
    ///
    /// # Errors
    /// [`Error::Unwritable`]: nobody may be told that it was done.
    pub fn make_safe(&self, unit: u64) -> Result<()> {
        self.journal.get().map_or(Ok(()), |journal| journal.commit(unit))
    }

    /// How many changes went to the journal so far: what one element of a value or one key came to, as a rule.
    pub fn changes(&self) -> u64 {
        self.keyspace.changes()
    }

    /// Hands a finished unit to the journal. The unit's shards are still locked.
    pub(crate) fn append(&self, effects: &[u8]) -> u64 {
        self.journal.get().map_or(0, |journal| journal.append(effects))
    }

    /// Locks the shards of a command's keys.
    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    fn lock<'a, C: Command<'a>, G: Deref<Target = Shard>>(
        &self,
        db: usize,
        command: &C,
        lock: impl Fn(usize) -> G,
    ) -> (Locks<G>, Option<KnownHashes>) {
        match self.targets(command) {
            Targets::One(key, index) => (Locks::One(index, lock(index)), Some(KnownHashes::One(key))),
            Targets::Some(keys) => {
                let mut shards = ShardSet::new(self.keyspace.len());
                keys.iter().for_each(|key| shards.insert(self.keyspace.index(key.hash())));
                let locks = Locks::many(shards.iter(), lock);
                self.prefetch(db, &locks, &keys);
                (locks, Some(KnownHashes::several(keys)))
            }
            Targets::All => (Locks::many(0..self.keyspace.len(), lock), None),
        }
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET half its time again")]
    #[inline(always)]
    fn targets<'a, C: Command<'a>>(&self, command: &C) -> Targets {
        if command.scope() == Scope::Everything {
            return Targets::All;
        }
        let (mut first, mut count) = (None, 0);
        command.keys(&mut |key| {
            first.get_or_insert(key);
            count += 1;
        });
        match first {
            Some(key) if count == 1 => {
                let hash = self.keyspace.hash(key);
                Targets::One(HashedKey::new(key, hash), self.keyspace.index(hash))
            }
            _ => {
                let mut keys = Vec::with_capacity(count);
                command.keys(&mut |key| keys.push(HashedKey::new(key, self.keyspace.hash(key))));
                Targets::Some(keys)
            }
        }
    }

    /// Locks the shards of keys that nobody has hashed yet.
    fn write_keys(&self, keys: &[&[u8]]) -> WriteLocks<'_> {
        if let [key] = keys {
            let index = self.shard_of(key);
            return Locks::One(index, self.keyspace.write(index));
        }
        let mut shards = ShardSet::new(self.keyspace.len());
        keys.iter().for_each(|key| shards.insert(self.shard_of(key)));
        self.keyspace.write_many(shards.iter())
    }

    pub(crate) fn shard_of(&self, key: &[u8]) -> usize {
        self.keyspace.index(self.keyspace.hash(key))
    }

    /// Asks for the memory of all entries, because each has to be waited for: together they take little longer than one.
    fn prefetch<G: Deref<Target = Shard>>(&self, db: usize, locks: &Locks<G>, keys: &[HashedKey]) {
        for key in keys {
            if let Some(shard) = locks.get(self.keyspace.index(key.hash())) {
                shard.prefetch(db, key.hash());
            }
        }
    }

    /// Reclaims keys whose deadline has passed, at most about `budget` of them, and ends waits whose time is over. No lock is held for longer than a few
    /// dozen keys take, so callers are never kept waiting.
    pub fn tick(&self, budget: usize) -> Tick {
        self.earliest.store(i64::MAX, Ordering::SeqCst);
        let (now, mut left, mut expired) = (self.clock.now(), budget, 0);
        let mut next_at = i64::MAX;
        next_at = next_at.min(self.end_waits().map_or(i64::MAX, |at| at.0));
        let shards = if self.keeps_expired.load(Ordering::SeqCst) { 0 } else { self.keyspace.len() };
        for index in 0..shards {
            while left > 0 && self.keyspace.next_at(index) <= now {
                let mut timers = TIMERS_PER_LOCK.min(left);
                let given = timers;
                let locks = Locks::One(index, self.keyspace.write(index));
                let mut tx = self.begin(0, locks, None);
                expired += tx.expire(&mut timers);
                // A journal that fails shows at the next write; what expired is gone either way.
                let _ = tx.finish();
                left -= (given - timers).max(1);
            }
            next_at = next_at.min(self.keyspace.next_at(index).0);
        }
        self.earliest.fetch_min(next_at, Ordering::SeqCst);
        Tick { expired, next_at: (next_at != i64::MAX).then_some(UnixMs(next_at)) }
    }

    /// Whether [`Engine::tick`] reclaims keys whose deadline has passed; nobody sees them either way. As `DEBUG SET-ACTIVE-EXPIRE`.
    pub(crate) fn set_active_expire(&self, on: bool) {
        self.keeps_expired.store(!on, Ordering::SeqCst);
        if on {
            self.due_at(self.clock.now());
        }
    }

    /// Whether nobody reclaims keys whose deadline has passed, but for whoever comes by.
    pub(crate) fn keeps_expired(&self) -> bool {
        self.keeps_expired.load(Ordering::Relaxed)
    }

    /// Ends waits and pauses whose time is over. Returns when there is more to do.
    pub fn end_waits(&self) -> Option<UnixMs> {
        self.earliest_wait.store(i64::MAX, Ordering::SeqCst);
        let now = self.clock.now();
        for (what, waiter) in self.timeouts.take_due(now) {
            match what {
                Moment::End => waiter.give_up(GiveUp::Timeout).into_waker().into_iter().for_each(Waker::wake),
                Moment::Look => self.look_again(&waiter),
            }
        }
        let pause_ends_at = self.clients.look_at_pause(now);
        let next_at = self.timeouts.next_at().into_iter().chain(pause_ends_at).min()?;
        self.earliest_wait.fetch_min(next_at.0, Ordering::SeqCst);
        Some(next_at)
    }

    /// A shard has something to do at this moment, earlier than it said before.
    pub(crate) fn due_at(&self, at: UnixMs) {
        self.set_alarm_for(&self.earliest, Due::Keys, at);
    }

    /// A wait or a pause ends at this moment.
    pub(crate) fn wait_ends_at(&self, at: UnixMs) {
        self.set_alarm_for(&self.earliest_wait, Due::Waits, at);
    }

    fn set_alarm_for(&self, earliest: &AtomicI64, due: Due, at: UnixMs) {
        if earliest.fetch_min(at.0, Ordering::SeqCst) > at.0
            && let Some(alarm) = self.alarm.get()
        {
            alarm(due, at);
        }
    }

    pub(crate) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Channels, and who is subscribed to them.
    pub fn pubsub(&self) -> &PubSub {
        &self.pubsub
    }

    /// All callers by words.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Who is told of changes to keys that it keeps in a cache of its own.
    pub fn invalidation(&self) -> &Invalidation {
        &self.invalidation
    }

    pub(crate) fn natives(&self) -> &Natives {
        &self.natives
    }

    /// Who may do what.
    pub fn acl(&self) -> &Acl {
        &self.acl
    }

    /// Scripts, and which run.
    pub(crate) fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// When waits are over.
    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    pub(crate) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    pub(crate) fn reclaim(&self) -> &Reclaim {
        &self.reclaim
    }

    pub(crate) fn maxmemory(&self) -> &MaxMemory {
        &self.maxmemory
    }

    /// Limits what keys may take, in bytes; 0 for no limit. What is above it goes now, if the policy allows that.
    pub fn set_max_memory(&self, bytes: usize) {
        self.set_known("maxmemory", &bytes.to_string());
    }

    /// The limit of what keys may take, in bytes; 0 for none.
    pub fn max_memory(&self) -> usize {
        self.maxmemory.limit()
    }

    /// Sets what goes when memory is full.
    pub fn set_eviction_policy(&self, policy: EvictionPolicy) {
        self.set_known("maxmemory-policy", policy.as_str());
    }

    /// What goes when memory is full.
    pub fn eviction_policy(&self) -> EvictionPolicy {
        self.maxmemory.policy()
    }

    /// Sets how many keys are looked at for each that goes, from 1 to 64: more find a better one, and take longer.
    pub fn set_max_memory_samples(&self, samples: usize) {
        self.set_known("maxmemory-samples", &samples.clamp(1, 64).to_string());
    }

    fn set_known(&self, name: &str, value: &str) {
        let result = self.configure(&[(name, value.as_bytes())]);
        debug_assert_eq!(result, Ok(()), "{value} is a value of {name}");
    }

    pub(crate) fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Where the engine reads the time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The engine's source of chance.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// What is counted of commands and connections.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The values of all parameters.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sets parameters as `CONFIG SET` does, those too that no caller may change: for the program that the engine is part of.
    ///
    /// # Errors
    /// Redis's refusal of a name or a value; nothing has been changed then.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use redlet_core::{Engine, EngineOptions, ManualClock, UnixMs};
    /// # let clock = Arc::new(ManualClock::at(UnixMs(0)));
    /// # let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 16, shards: 1 });
    /// engine.configure(&[("enable-debug-command", b"yes"), ("timeout", b"60")]).unwrap();
    /// assert_eq!(engine.config().idle_seconds(), 60);
    /// assert!(engine.configure(&[("timeout", b"soon")]).is_err());
    /// ```
    pub fn configure(&self, pairs: &[(&str, &[u8])]) -> Result<()> {
        let pairs: Vec<(&[u8], &[u8])> =
            pairs.iter().map(|(name, value)| (name.as_bytes(), *value)).collect();
        let locks = self.keyspace.write_many(0..self.keyspace.len());
        let mut tx = self.begin(0, locks, None);
        let result = config::set(&mut tx, &pairs, Origin::Program);
        drop(tx);
        self.settle_memory();
        result
    }

    /// Says which file `CONFIG REWRITE` writes.
    ///
    /// # Panics
    /// If there is one already.
    pub fn set_config_file(&self, file: Arc<dyn ConfigFile>) {
        assert!(
            self.config_file.set(file).is_ok(),
            "an engine has one configuration file for its whole life"
        );
    }

    pub(crate) fn config_path(&self) -> String {
        self.config_file.get().map(|file| file.path()).unwrap_or_default()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn process(&self) -> Option<&dyn Process> {
        self.process.get().map(|process| &**process)
    }

    pub(crate) fn program(&self) -> Option<&dyn Program> {
        self.program.get().map(|program| &**program)
    }

    pub(crate) fn rewrite_config(&self) -> Result<()> {
        let file = self.config_file.get();
        let file = file.ok_or(Error::refused("ERR The server is running without a config file"))?;
        file.read()
            .and_then(|text| file.write(&file::rewrite(&text, &self.config, self.acl.configuration())))
            .map_err(|why| Error::Refused(format!("ERR Rewriting config file: {why}").into()))
    }

    pub(crate) fn keeper(&self) -> Option<&dyn Keeper> {
        self.keeper.get().map(|keeper| &**keeper)
    }

    /// When it was made.
    pub fn started(&self) -> UnixMs {
        self.started
    }

    pub(crate) fn is_copying(&self) -> bool {
        self.copying.load(Ordering::SeqCst)
    }

    pub(crate) fn copying_flag(&self) -> &AtomicBool {
        &self.copying
    }
}

enum Targets {
    One(HashedKey, usize),
    Some(Vec<HashedKey>),
    All,
}
