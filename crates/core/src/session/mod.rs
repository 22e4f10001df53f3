//! One caller by words: what it has selected, begun, watched and subscribed to.
//!
//! A connection, a shell and a Python client each have a session. It runs commands one after the other; a command that waits
//! leaves it blocked until [`Session::poll`] has the answer.
mod clients;
mod fieldsets;
mod pause;
mod queue;
mod tracking;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

pub use clients::{Client, ClientKind, Clients, Origin, Shown, ShownTracking, Traffic};
use fieldsets::Fieldsets;
pub use pause::PauseMode;
use queue::Queue;
use tracking::Tracking;

use crate::acl::{Context, Denied, Reason, User};
use crate::cmd::args::Args;
use crate::cmd::{Access, Flags, Prepared, Row};
use crate::engine::{Engine, Step, check_length};
use crate::inbox::{Capacity, Inbox};
use crate::pubsub::{Kind, Push, Subscriber};
use crate::statistics::{Ended, hide_secrets};
use crate::waiting::{Recheck, Wait};
use crate::watch::Watch;
use crate::{Bytes, Error, Reply, Result, UnixMs};

/// Which forms replies have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Strings, integers, arrays.
    #[default]
    Resp2,
    /// Maps, sets, numbers with a fraction, pushes.
    Resp3,
}

impl Protocol {
    /// Its number, as `HELLO` takes it.
    pub const fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// Which replies are sent: `CLIENT REPLY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replies {
    /// All of them.
    #[default]
    On,
    /// None.
    Off,
    /// Not the next.
    Skip,
    /// Not this one: its command is running.
    Skipping,
}

/// A command that was begun and will be answered later.
trait Pending: Send {
    /// The answer, if it has come; otherwise the waker is woken when it has.
    fn poll(&mut self, engine: &Engine, waker: &Waker) -> Option<Result<Reply>>;
    /// Nobody will ask for the answer.
    fn abandon(&mut self, engine: &Engine);
}

struct Waiting<F> {
    wait: Wait<F>,
    reply: fn(Option<F>) -> Reply,
}

impl<F: Send + 'static> Pending for Waiting<F> {
    fn poll(&mut self, engine: &Engine, waker: &Waker) -> Option<Result<Reply>> {
        Some(self.wait.poll(engine, waker)?.map(self.reply))
    }

    fn abandon(&mut self, engine: &Engine) {
        self.wait.abandon(engine);
    }
}

/// A command that has run so far that it waits.
struct Unanswered {
    row: &'static Row,
    command: Queue,
    micros: i64,
}

/// Why a session is not ready for another command.
enum Blocked {
    /// Its command waits for something.
    Pending(Box<dyn Pending>),
    /// Its command was not begun, because clients are paused.
    Postponed(Queue),
}

/// One caller. [`Session::end`] must be called when it goes away: others know of it.
pub struct Session {
    client: Arc<Client>,
    /// As whom it is logged in; nobody until it has given a password, where one is asked for.
    user: Option<Arc<User>>,
    db: usize,
    protocol: Protocol,
    replies: Replies,
    subscriber: Subscriber,
    watch: Watch,
    /// What it watched before, and the shards have still to be told, because a script had them that took too long.
    unwatched: Watch,
    queue: Option<Queue>,
    blocked: Option<Blocked>,
    /// What is counted when it is answered.
    unanswered: Option<Unanswered>,
    /// Queued commands are running.
    is_executing: bool,
    is_monitor: bool,
    /// `CLIENT NO-TOUCH`
    is_no_touch: bool,
    tracking: Tracking,
    fieldsets: Fieldsets,
    is_closing: bool,
    /// Its answers are sent some time after its commands have run.
    is_answered_later: bool,
    /// The last unit that has to be safe before they are; 0 for none.
    unsafe_unit: AtomicU64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id()).field("db", &self.db).finish_non_exhaustive()
    }
}

impl Session {
    /// A caller that has just come.
    pub fn new(engine: &Engine, origin: Origin) -> Self {
        let subscriber = Subscriber::new(Capacity::default());
        let inbox = Arc::clone(subscriber.inbox());
        // Whoever is in the process could read the store's memory: nobody asks them for a password.
        let default_user = engine.acl().default_user();
        let is_let_in = origin.is_in_process() || default_user.admits_anybody();
        Self {
            user: is_let_in.then(|| Arc::clone(default_user)),
            client: engine.clients().register(origin, inbox, engine.clock().now()),
            db: 0,
            protocol: Protocol::default(),
            replies: Replies::default(),
            subscriber,
            watch: Watch::default(),
            unwatched: Watch::default(),
            queue: None,
            blocked: None,
            unanswered: None,
            is_executing: false,
            is_monitor: false,
            is_no_touch: false,
            tracking: Tracking::default(),
            fieldsets: Fieldsets::default(),
            is_closing: false,
            is_answered_later: false,
            unsafe_unit: AtomicU64::new(0),
        }
    }

    /// From now on its commands do not wait for the disk: whoever sends its answers does, with [`Engine::make_safe`] and the unit
    /// that [`Session::take_unsafe_unit`] says, once for the answers of many.
    pub fn answer_later(&mut self) {
        self.is_answered_later = true;
    }

    pub(crate) fn is_answered_later(&self) -> bool {
        self.is_answered_later
    }

    pub(crate) fn note_unsafe(&self, unit: u64) {
        self.unsafe_unit.fetch_max(unit, Ordering::Relaxed);
    }

    /// The last unit that has to be safe before its answers are sent; `None` if there is none.
    pub fn take_unsafe_unit(&mut self) -> Option<u64> {
        match std::mem::take(self.unsafe_unit.get_mut()) {
            0 => None,
            unit => Some(unit),
        }
    }

    /// Ends it: whatever it has begun is given up. That can wait for the end of scripts; see [`Engine::is_busy`].
    pub fn end(&mut self, engine: &Engine) {
        if let Some(Blocked::Pending(mut pending)) = self.blocked.take() {
            pending.abandon(engine);
        }
        self.reset(engine);
        engine.unwatch(&mut self.unwatched);
        self.forget_tracking(engine);
        engine.clients().forget(self.id());
    }

    /// Gives up what it has begun, watched and subscribed to, and goes back to how it began. As `RESET`.
    pub(crate) fn reset(&mut self, engine: &Engine) {
        self.discard(engine);
        self.end_tracking(engine);
        engine.pubsub().forget(&mut self.subscriber);
        self.end_monitor(engine);
        self.leave_stamps(false);
        self.fieldsets = Fieldsets::default();
        (self.db, self.protocol) = (0, Protocol::Resp2);
        // A reply that is to be left out is left out, that of RESET too.
        if self.replies != Replies::Skipping {
            self.replies = Replies::On;
        }
        let default_user = engine.acl().default_user();
        let is_let_in = self.client.origin().is_in_process() || default_user.admits_anybody();
        self.user = is_let_in.then(|| Arc::clone(default_user));
        self.client.change(|shown| {
            shown.user = Bytes::copy_from_slice(default_user.name());
            shown.name = Bytes::default();
            shown.is_no_evict = false;
        });
    }

    /// The number of the caller, as `CLIENT ID` gives it.
    pub fn id(&self) -> u64 {
        self.client.id()
    }

    /// What others may know of it.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The selected database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Selects a database, which must be one of the engine's.
    pub fn select(&mut self, db: usize) {
        self.db = db;
    }

    /// Which forms its replies have.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    pub(crate) fn set_replies(&mut self, replies: Replies) {
        self.replies = replies;
    }

    /// What it has prepared for `HIMPORT SET`.
    pub(crate) fn fieldsets(&self) -> &Fieldsets {
        &self.fieldsets
    }

    pub(crate) fn fieldsets_mut(&mut self) -> &mut Fieldsets {
        &mut self.fieldsets
    }

    /// Where messages and the like arrive.
    pub fn inbox(&self) -> &Arc<Inbox<Push>> {
        self.subscriber.inbox()
    }

    /// Whether no further command may be run before [`Session::poll`] has answered the last one.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Whether the caller wants to go, or was told to.
    pub fn is_closing(&self) -> bool {
        self.is_closing || self.client.is_killed() || self.user.as_ref().is_some_and(|user| user.is_removed())
    }

    /// The connection is to be closed once the reply was sent.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        self.subscriber.is_subscribed()
    }

    /// Runs a command. [`Reply::Silence`] if there is no reply, or not yet: see [`Session::is_blocked`].
    ///
    /// # Errors
    /// The refusal that Redis would send.
    pub fn execute(&mut self, engine: &Engine, words: &[&[u8]]) -> Result<Reply> {
        let result = self.run(engine, words);
        if self.is_blocked() {
            self.show();
            return result;
        }
        self.finish(result)
    }

    /// The answer of the command that was begun, if it has come; otherwise `waker` is woken when it has.
    pub fn poll(&mut self, engine: &Engine, waker: &Waker) -> Option<Result<Reply>> {
        let blocked = self.blocked.take()?;
        if self.client.is_killed() {
            if let Blocked::Pending(mut pending) = blocked {
                pending.abandon(engine);
            }
            return Some(Ok(Reply::Silence));
        }
        let result = match blocked {
            Blocked::Pending(mut pending) => match pending.poll(engine, waker) {
                Some(result) => {
                    self.note_answer(engine, &result);
                    result
                }
                None => {
                    self.blocked = Some(Blocked::Pending(pending));
                    return None;
                }
            },
            Blocked::Postponed(command) => {
                if engine.clients().wait_for_end_of_pause(engine.clock().now(), waker) {
                    self.blocked = Some(Blocked::Postponed(command));
                    return None;
                }
                self.show();
                command.with_first(|words| self.run(engine, words))
            }
        };
        if self.is_blocked() {
            return self.poll(engine, waker);
        }
        Some(self.finish(result))
    }

    /// Shows what became of a command, and keeps back a reply that is not wanted.
    fn finish(&mut self, result: Result<Reply>) -> Result<Reply> {
        self.show();
        match self.replies {
            Replies::On => result,
            Replies::Off => Ok(Reply::Silence),
            Replies::Skip => {
                self.replies = Replies::Skipping;
                Ok(Reply::Silence)
            }
            Replies::Skipping => {
                self.replies = Replies::On;
                Ok(Reply::Silence)
            }
        }
    }

    fn run(&mut self, engine: &Engine, words: &[&[u8]]) -> Result<Reply> {
        match self.admit(engine, words) {
            Err(refused) => Err(self.refuse(engine, words, refused)),
            Ok((row, name_words)) => {
                let began_micros = engine.clock().now_micros();
                self.client.begin(Some(row), UnixMs(began_micros.div_euclid(1000)));
                if self.is_paused(engine, row) {
                    self.blocked = Some(Blocked::Postponed(Queue::of(words)));
                    return Ok(Reply::Silence);
                }
                if let Some(queue) = self.queue.as_mut().filter(|_| !row.ends_queue) {
                    queue.push(words);
                    queue.note(row);
                    return Ok(Reply::from("QUEUED"));
                }
                let mut wakers = Vec::new();
                self.show_beginning(engine, (row, words), &mut wakers);
                let result = self.perform(engine, row, (words, name_words));
                if self.is_blocked() {
                    let command = Queue::of(words);
                    let micros = engine.clock().now_micros() - began_micros;
                    self.unanswered = Some(Unanswered { row, command, micros });
                } else {
                    self.note_ended(engine, (row, words), began_micros, &result);
                }
                self.tracking.forget_mark(row, self.queue.is_some());
                self.show_end(engine, (row, words), &mut wakers);
                wakers.into_iter().for_each(Waker::wake);
                result
            }
        }
    }

    /// A command has run, which began at a moment: it is counted, and noted where it took long.
    #[inline]
    fn note_ended(
        &self,
        engine: &Engine,
        (row, words): (&'static Row, &[&[u8]]),
        began_micros: i64,
        result: &Result<Reply>,
    ) {
        let error = result.as_ref().err();
        engine.note_ended(&Ended { row, words, began_micros, error, client: &self.client });
    }

    /// The answer that the caller has waited for has come. The time that it waited does not count.
    fn note_answer(&mut self, engine: &Engine, result: &Result<Reply>) {
        if let Some(Unanswered { row, command, micros }) = self.unanswered.take() {
            let began_micros = engine.clock().now_micros() - micros;
            command.with_first(|words| self.note_ended(engine, (row, words), began_micros, result));
        }
    }

    /// One of the queued commands begins. Shards are locked: those who are to be woken are added to `wakers`.
    pub(crate) fn note_queued_begins(&mut self, engine: &Engine, words: &[&[u8]], wakers: &mut Vec<Waker>) {
        if engine.clients().is_monitored()
            && let Some(row) = engine.meant(words)
        {
            self.show_beginning(engine, (row, words), wakers);
        }
    }

    /// One of the queued commands has run, which began at a moment. Shards are locked: those who are to be woken are added to `wakers`.
    pub(crate) fn note_queued(
        &mut self,
        engine: &Engine,
        words: &[&[u8]],
        began_micros: i64,
        result: &Result<Reply>,
        wakers: &mut Vec<Waker>,
    ) {
        let Some(row) = engine.meant(words) else { return };
        match result {
            // It did not run: what the user may do has changed since it was queued.
            Err(refused) if refused.code() == "NOPERM" => engine.statistics().count_error(refused),
            _ => {
                self.note_ended(engine, (row, words), began_micros, result);
                self.show_end(engine, (row, words), wakers);
            }
        }
    }

    /// A script has called a command, whose words were understood if there is a row, in a database, at a moment. Shards are locked.
    pub(crate) fn note_called(
        &mut self,
        engine: &Engine,
        (row, words): (Option<&'static Row>, &[&[u8]]),
        (db, began_micros): (usize, i64),
        result: &Result<Reply>,
        wakers: &mut Vec<Waker>,
    ) {
        match (row, result) {
            (None, Err(refused)) => engine.note_rejected(words, refused),
            (None, Ok(_)) => {}
            (Some(row), _) => {
                self.note_ended(engine, (row, words), began_micros, result);
                if engine.clients().is_monitored() && !row.spec.flags.contains(Flags::ADMIN) {
                    let line = clients::monitor_line(began_micros, db, "lua", words);
                    engine.clients().show_to_monitors(&line, wakers);
                }
            }
        }
    }

    /// Whether a command has to wait for the end of a pause; EXEC has to if one of the queued commands would.
    fn is_paused(&self, engine: &Engine, row: &'static Row) -> bool {
        if !engine.clients().is_pausing() {
            return false;
        }
        let is_paused = |row| engine.clients().is_paused(engine.clock().now(), row);
        let queue = self.queue.as_ref().filter(|_| row.spec.name == "EXEC");
        is_paused(row)
            || queue.is_some_and(|queue| {
                queue.with_each(|commands| {
                    commands.iter().any(|words| engine.meant(words).is_some_and(is_paused))
                })
            })
    }

    /// What a refused command leaves behind, and what the caller is told.
    #[cold]
    fn refuse(&mut self, engine: &Engine, words: &[&[u8]], refused: Error) -> Error {
        let row = engine.meant(words);
        self.client.begin(row, engine.clock().now());
        let refused = if row.is_some_and(|row| row.spec.name == "EXEC") {
            self.discard(engine);
            let refused = refused.to_string();
            let reason = refused.strip_prefix("ERR ").unwrap_or(&refused);
            Error::Refused(format!("EXECABORT Transaction discarded because of: {reason}").into())
        } else {
            refused
        };
        engine.note_rejected(words, &refused);
        // Whoever queues a command that cannot be run does not want the others either.
        if let Some(queue) = &mut self.queue {
            queue.spoil();
        }
        refused
    }

    fn perform(
        &mut self,
        engine: &Engine,
        row: &'static Row,
        (words, name_words): (&[&[u8]], usize),
    ) -> Result<Reply> {
        let Some(parse) = &row.parse else { return Err(crate::cmd::wrong_arity(row.spec.name)) };
        self.check_named_keys(engine, row, (words, name_words))?;
        (parse.execute)(&mut Args::of_command(words, name_words), engine, self.db, Some(self))
    }

    /// Whether a command may be run or queued at all.
    fn admit(&self, engine: &Engine, words: &[&[u8]]) -> Result<(&'static Row, usize)> {
        let longest = engine.config().max_bulk_length();
        words.iter().try_for_each(|word| check_length(word, longest))?;
        let (row, name_words) = engine.lookup(words)?;
        if self.needs_login(engine) && !row.spec.flags.contains(Flags::NO_AUTH) {
            return Err(Error::Refused("NOAUTH Authentication required.".into()));
        }
        if self.queue.is_some() && row.spec.flags.contains(Flags::NO_MULTI) {
            return Err(Error::refused("ERR Command not allowed inside a transaction"));
        }
        self.check_rights(engine, (row, words), self.context())
            .map_err(|denied| denied.error(self.user(engine), row))?;
        if !row.spec.flags.contains(Flags::ALLOW_BUSY) {
            engine.scripts().running().check_idle()?;
        }
        if let Some(queue) = &self.queue {
            let of_queue = if row.spec.name == "EXEC" { queue.flags() } else { Flags::NONE };
            engine.check_room(row.spec.flags.and(of_queue))?;
        }
        if self.is_restricted() && !is_for_subscribers(row) {
            let name = row.listed_name();
            return Err(Error::Refused(
                format!(
                    "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
                     allowed in this context"
                )
                .into(),
            ));
        }
        if self.is_monitor && self.touches_keys(row) {
            return Err(Error::refused("ERR Replica can't interact with the keyspace"));
        }
        Ok((row, name_words))
    }

    /// Whether a command is of those that Redis refuses whoever monitors, whom it counts among its replicas: it reads or writes keys,
    /// replicas would be told of it, or it runs a queued command that is like that.
    #[cold]
    fn touches_keys(&self, row: &Row) -> bool {
        match row.spec.name {
            "EXEC" => self.queue.as_ref().is_some_and(Queue::touches_keys),
            "PUBLISH" | "SPUBLISH" => true,
            _ => row.access != Access::Control,
        }
    }

    /// Whether it has to say who it is before it may do anything.
    pub fn needs_login(&self, engine: &Engine) -> bool {
        self.user.is_none() && !engine.acl().default_user().admits_anybody()
    }

    /// Whether its user may do something. A refusal is noted.
    pub(crate) fn check_rights(
        &self,
        engine: &Engine,
        (row, words): (&'static Row, &[&[u8]]),
        context: Context,
    ) -> Result<(), Denied> {
        let user = self.user(engine);
        if user.allows_everything() {
            return Ok(());
        }
        user.check(row, words).inspect_err(|denied| {
            let what = ((*denied).into(), context);
            self.client.note_refusal(engine, what, &denied.object(row, words), user.name());
        })
    }

    /// Refuses a command that would read keys that only values name, unless its user may read every key.
    #[inline]
    pub(crate) fn check_named_keys(
        &self,
        engine: &Engine,
        row: &'static Row,
        (words, name_words): (&[&[u8]], usize),
    ) -> Result<()> {
        if !row.spec.flags.contains(Flags::MOVABLEKEYS) {
            return Ok(());
        }
        let user = self.user(engine);
        if user.allows_everything() || user.may_read_any_key(row, words) {
            return Ok(());
        }
        (row.spec.check_named_keys)(&mut Args::of_command(words, name_words))
    }

    /// What is asked again before the caller is served who waits: its user may have lost the right to what it waits for.
    pub(crate) fn recheck(&self, engine: &Engine, words: &[&[u8]]) -> Recheck {
        let (client, user) = (Arc::clone(&self.client), Arc::clone(self.user(engine)));
        let command = Queue::of(words);
        Box::new(move |engine| {
            if user.allows_everything() {
                return Ok(());
            }
            command.with_first(|words| {
                let (row, _) = engine.lookup(words)?;
                user.check(row, words).map_err(|denied| {
                    let what = (denied.into(), Context::TopLevel);
                    client.note_refusal(engine, what, &denied.object(row, words), user.name());
                    denied.error(&user, row)
                })
            })
        })
    }

    /// Where its commands come from.
    fn context(&self) -> Context {
        if self.queue.is_some() { Context::Multi } else { Context::TopLevel }
    }

    /// As whom it acts.
    pub(crate) fn user<'s>(&'s self, engine: &'s Engine) -> &'s Arc<User> {
        self.user.as_ref().unwrap_or(engine.acl().default_user())
    }

    /// `AUTH`: logs in as somebody. `called` is what the command was called.
    ///
    /// # Errors
    /// The refusal of a wrong password, of users that are off or do not exist; the log of refusals has it.
    pub(crate) fn log_in(
        &mut self,
        engine: &Engine,
        called: &[u8],
        (name, password): (&[u8], &[u8]),
    ) -> Result<()> {
        let Some(user) = engine.acl().authenticate(name, password) else {
            self.client.note_refusal(engine, (Reason::Auth, self.context()), called, name);
            return Err(Error::Refused(
                "WRONGPASS invalid username-password pair or user is disabled.".into(),
            ));
        };
        self.client.change(|shown| shown.user = Bytes::copy_from_slice(user.name()));
        self.user = Some(user);
        Ok(())
    }

    /// Whether it can take nothing but messages, because RESP2 cannot tell them from replies.
    pub(crate) fn is_restricted(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriber.is_subscribed()
    }

    /// Shows a command that begins to those who monitor if it is one that calls others, which are shown after it.
    #[inline]
    fn show_beginning(
        &mut self,
        engine: &Engine,
        (row, words): (&'static Row, &[&[u8]]),
        wakers: &mut Vec<Waker>,
    ) {
        if row.spec.flags.contains(Flags::SKIP_MONITOR) {
            self.show_to_monitors(engine, (row, words), wakers);
        }
    }

    /// Shows a command that has run to those who monitor, unless it was shown when it began.
    #[inline]
    fn show_end(&mut self, engine: &Engine, (row, words): (&'static Row, &[&[u8]]), wakers: &mut Vec<Waker>) {
        if !row.spec.flags.contains(Flags::SKIP_MONITOR) {
            self.show_to_monitors(engine, (row, words), wakers);
        }
    }

    /// Shows a command to those who monitor, but for a caller who is leaving. Adds those who are to be woken.
    #[inline]
    fn show_to_monitors(
        &mut self,
        engine: &Engine,
        (row, words): (&'static Row, &[&[u8]]),
        wakers: &mut Vec<Waker>,
    ) {
        if !engine.clients().is_monitored() || row.spec.flags.contains(Flags::ADMIN) {
            return;
        }
        if self.is_closing {
            self.end_monitor(engine);
        }
        let mut words = words.to_vec();
        hide_secrets(row, &mut words);
        let line = self.client.monitor_line(engine.clock().now_micros(), self.db, &words);
        engine.clients().show_to_monitors(&line, wakers);
    }

    fn end_monitor(&mut self, engine: &Engine) {
        if std::mem::take(&mut self.is_monitor) {
            engine.clients().set_monitor(&self.client, false);
        }
    }

    /// Lets others see what has changed.
    pub(crate) fn show(&self) {
        let queue_bytes = self.queue.as_ref().map_or(0, Queue::memory);
        self.client
            .set_held(queue_bytes, self.watch.memory() + self.subscriber.memory() + self.fieldsets.memory());
        self.client.change(|shown| {
            shown.db = self.db;
            shown.protocol = self.protocol;
            // Those that are running count as queued until the last has ended.
            if !self.is_executing {
                shown.queued = self.queue.as_ref().map(Queue::len);
            }
            shown.watched = self.watch.len();
            if !Arc::ptr_eq(&shown.watch_flag, self.watch.flag()) {
                shown.watch_flag = Arc::clone(self.watch.flag());
            }
            shown.subscriptions =
                [Kind::Channel, Kind::Pattern, Kind::ShardChannel].map(|kind| self.subscriber.count(kind));
            shown.is_blocked = self.blocked.is_some();
            shown.is_monitor = self.is_monitor;
        });
    }

    /// The answer to the command that is running comes later.
    pub(crate) fn block<F: Send + 'static>(&mut self, wait: Wait<F>, reply: fn(Option<F>) -> Reply) {
        self.client.set_waiting(&wait.queued());
        self.blocked = Some(Blocked::Pending(Box::new(Waiting { wait, reply })));
    }

    /// Whether commands are queued.
    pub fn is_queueing(&self) -> bool {
        self.queue.is_some()
    }

    /// `MULTI`
    pub(crate) fn begin_queue(&mut self) -> Result<()> {
        if self.queue.is_some() {
            return Err(Error::refused("ERR MULTI calls can not be nested"));
        }
        self.queue = Some(Queue::default());
        Ok(())
    }

    /// Forgets what was queued and watched.
    pub(crate) fn discard(&mut self, engine: &Engine) {
        self.unwatch(engine);
        self.queue = None;
    }

    /// `WATCH`
    pub(crate) fn watch(&mut self, engine: &Engine, keys: &[&[u8]]) -> Result<()> {
        if self.queue.is_some() {
            return Err(Error::refused("ERR WATCH inside MULTI is not allowed"));
        }
        if self.watch.flag().is_raised() {
            return Ok(());
        }
        if !self.unwatched.is_empty() {
            engine.scripts().running().check_idle()?;
            engine.unwatch(&mut self.unwatched);
        }
        engine.watch_at_once(&mut self.watch, self.db, keys)
    }

    /// `UNWATCH`. Shards that a script has which takes too long are told later.
    pub(crate) fn unwatch(&mut self, engine: &Engine) {
        if !engine.is_busy() {
            engine.unwatch(&mut self.watch);
            engine.unwatch(&mut self.unwatched);
            return;
        }
        engine.unwatch_at_once(&mut self.watch);
        if !self.watch.is_empty() {
            debug_assert!(self.unwatched.is_empty(), "shards are told of it before anything else is watched");
            self.unwatched = std::mem::take(&mut self.watch);
        }
    }

    /// `EXEC`: runs what was queued as one unit, if nothing that was watched has changed.
    pub(crate) fn exec(&mut self, engine: &Engine) -> Result<Option<Vec<Result<Reply>>>> {
        let Some(queue) = self.queue.take() else {
            return Err(Error::refused("ERR EXEC without MULTI"));
        };
        let mut watch = std::mem::take(&mut self.watch);
        let replies = if queue.is_spoiled() {
            Err(Error::Refused("EXECABORT Transaction discarded because of previous errors.".into()))
        } else {
            queue.with_each(|commands| {
                let steps: Vec<_> = commands
                    .iter()
                    .map(|words| Step { words, command: self.prepare_queued(engine, words) })
                    .collect();
                self.is_executing = true;
                let replies = engine.exec(self.db, &steps, Some(&watch), Some(self));
                self.is_executing = false;
                replies
            })
        };
        engine.unwatch(&mut watch);
        replies
    }

    fn prepare_queued<'w>(
        &self,
        engine: &Engine,
        words: &'w [&'w [u8]],
    ) -> Result<Box<dyn Prepared<'w> + 'w>> {
        let (row, name_words) = engine.lookup(words)?;
        // What the user may do can have changed since.
        self.check_rights(engine, (row, words), Context::Multi).map_err(Denied::error_at_exec)?;
        self.check_named_keys(engine, row, (words, name_words))?;
        engine.prepare(words)
    }

    /// Whether queued commands are running, each of which has one reply, at once.
    pub(crate) fn is_executing(&self) -> bool {
        self.is_executing
    }

    /// `SUBSCRIBE` and its kin.
    pub(crate) fn subscribe(&mut self, engine: &Engine, kind: Kind, names: &[&[u8]]) -> Reply {
        let mut reply = Reply::Silence;
        for name in names {
            // It is confirmed before it begins, so that no message can come first.
            let is_new = self.subscriber.names(kind).all(|known| known != name);
            self.confirm(self.subscriber.confirmation(kind, true, Some(name), is_new.into()), &mut reply);
            engine.pubsub().join(&mut self.subscriber, kind, name);
        }
        // What queued commands after this one tell the caller goes by what it is subscribed to.
        self.show();
        reply
    }

    /// `UNSUBSCRIBE` and its kin: of everything, if there are no names.
    pub(crate) fn unsubscribe(&mut self, engine: &Engine, kind: Kind, names: &[&[u8]]) -> Reply {
        let mut reply = Reply::Silence;
        let all: Vec<_> = self.subscriber.names(kind).cloned().collect();
        let all: Vec<&[u8]> = all.iter().map(AsRef::as_ref).collect();
        let names = if names.is_empty() { &all } else { names };
        for name in names {
            engine.pubsub().leave(&mut self.subscriber, kind, name);
            self.confirm(self.subscriber.confirmation(kind, false, Some(name), 0), &mut reply);
        }
        if names.is_empty() {
            self.confirm(self.subscriber.confirmation(kind, false, None, 0), &mut reply);
        }
        self.show();
        reply
    }

    /// Confirmations come where messages come; only inside of EXEC, where each command has one reply, the first one is it.
    fn confirm(&self, confirmation: Push, reply: &mut Reply) {
        if self.is_executing && matches!(reply, Reply::Silence) {
            *reply = confirmation.into();
        } else {
            let bytes = confirmation.bytes();
            // Whoever reads the inbox is running this command.
            drop(self.inbox().push(confirmation, bytes));
        }
    }

    /// Whether its commands do not count as uses of their keys.
    #[inline]
    pub(crate) fn leaves_stamps(&self) -> bool {
        self.is_no_touch
    }

    /// `CLIENT NO-TOUCH`
    pub(crate) fn leave_stamps(&mut self, is_no_touch: bool) {
        self.is_no_touch = is_no_touch;
        self.client.change(|shown| shown.is_no_touch = is_no_touch);
    }

    /// Whether it sees all commands.
    pub(crate) fn is_monitor(&self) -> bool {
        self.is_monitor
    }

    /// `MONITOR`
    pub(crate) fn monitor(&mut self, engine: &Engine) {
        self.is_monitor = true;
        engine.clients().set_monitor(&self.client, true);
    }
}

/// Commands that a subscriber may run in RESP2.
fn is_for_subscribers(row: &Row) -> bool {
    const ALLOWED: [&str; 9] = [
        "PING",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "PSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SSUBSCRIBE",
        "SUNSUBSCRIBE",
        "QUIT",
        "RESET",
    ];
    ALLOWED.contains(&row.spec.name)
}
