//! All callers by words, as others may see them: CLIENT LIST, CLIENT KILL, MONITOR.
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;

use parking_lot::Mutex;

use super::Protocol;
use super::pause::{Pause, PauseMode};
use crate::acl::{Context, Reason};
use crate::cmd::Row;
use crate::engine::Engine;
use crate::inbox::Inbox;
use crate::keyspace::WatchFlag;
use crate::pubsub::Push;
use crate::waiting::{GiveUp, Queued, Served};
use crate::{Bytes, UnixMs};

/// Where a caller comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its address: `host:port`, or the path of a Unix socket and `:0`.
    pub address: String,
    /// The address that it reached.
    pub local_address: String,
    /// The number of its file, -1 without one.
    pub file: i64,
    /// Whether it came by a Unix socket.
    pub is_unix_socket: bool,
}

impl Origin {
    /// A caller in this process.
    pub fn in_process() -> Self {
        Self { address: String::new(), local_address: String::new(), file: -1, is_unix_socket: false }
    }

    /// Whether there is no connection.
    pub fn is_in_process(&self) -> bool {
        self.file < 0 && self.address.is_empty()
    }
}

impl Origin {
    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        let is_loopback = |address: SocketAddr| address.ip().is_loopback();
        self.is_unix_socket || self.address.is_empty() || self.address.parse().is_ok_and(is_loopback)
    }
}

/// What kind of caller: `CLIENT LIST TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// One that runs commands.
    Normal,
    /// One that is subscribed to something.
    PubSub,
}

/// What others see of a caller.
#[derive(Clone, Debug)]
pub struct Shown {
    /// `CLIENT SETNAME`
    pub name: Bytes,
    /// `CLIENT SETINFO LIB-NAME`
    pub library_name: Bytes,
    /// `CLIENT SETINFO LIB-VER`
    pub library_version: Bytes,
    /// As whom it is logged in.
    pub user: Bytes,
    /// The selected database.
    pub db: usize,
    /// Which forms its replies have.
    pub protocol: Protocol,
    /// The latest command.
    pub command: Option<&'static Row>,
    /// When that began.
    pub last_at: UnixMs,
    /// How many commands are queued; `None` outside of `MULTI`.
    pub queued: Option<usize>,
    /// How many keys are watched.
    pub watched: usize,
    /// Raised when one of them changes.
    pub(super) watch_flag: Arc<WatchFlag>,
    /// Subscriptions to channels, patterns, sharded channels.
    pub subscriptions: [usize; 3],
    /// It waits for something.
    pub is_blocked: bool,
    /// It sees all commands.
    pub is_monitor: bool,
    /// `CLIENT NO-EVICT`
    pub is_no_evict: bool,
    /// `CLIENT NO-TOUCH`
    pub is_no_touch: bool,
    /// How it is told of changes to keys: `CLIENT TRACKING`.
    pub tracking: Option<ShownTracking>,
    /// How many commands it has run.
    pub commands: u64,
}

impl Shown {
    /// How many keys are watched, as Redis counts them: it forgets them all as soon as one has changed.
    pub(crate) fn watched(&self) -> usize {
        if self.watch_flag.is_raised_by_key() { 0 } else { self.watched }
    }
}

/// What others see of how a caller is told of changes to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownTracking {
    /// The caller that is told in its place.
    pub redirect: Option<u64>,
    /// Whether it is told of all keys that begin in some way.
    pub is_broadcast: bool,
    /// The caller that should be told in its place is gone.
    pub is_broken: bool,
}

/// What a connection has sent and received; whoever serves it keeps this.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Bytes received so far.
    pub received_bytes: AtomicU64,
    /// Bytes sent so far.
    pub sent_bytes: AtomicU64,
    /// Bytes received and not understood yet.
    pub query_bytes: AtomicUsize,
    /// Room for more of them.
    pub query_free_bytes: AtomicUsize,
    /// Bytes to be sent.
    pub output_bytes: AtomicUsize,
    /// The most of them so far.
    pub output_peak_bytes: AtomicUsize,
}

/// What a caller's session holds, and what it counts for among all callers, in bytes.
#[derive(Debug, Default)]
struct Held {
    /// Commands that are queued.
    queue: AtomicUsize,
    /// The names of keys that are watched and channels that are subscribed to.
    names: AtomicUsize,
    /// How much of the sum over all callers is this one's.
    counted: AtomicUsize,
}

/// A caller, as others see it.
#[derive(Debug)]
pub struct Client {
    id: u64,
    origin: Origin,
    since: UnixMs,
    inbox: Arc<Inbox<Push>>,
    shown: Mutex<Shown>,
    waiting: Mutex<Option<Weak<dyn Queued>>>,
    is_killed: AtomicBool,
    traffic: Traffic,
    held: Held,
}

impl Client {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it has sent and received.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// What it takes with what it has sent, queued and named, and what it has not read, in bytes.
    pub fn memory(&self) -> usize {
        let Traffic { query_bytes, query_free_bytes, output_bytes, .. } = &self.traffic;
        let Held { queue, names, .. } = &self.held;
        let parts = [query_bytes, query_free_bytes, output_bytes, queue, names];
        let parts = parts.map(|bytes| bytes.load(Ordering::Relaxed));
        size_of::<Self>() + parts.iter().sum::<usize>() + self.inbox.bytes()
    }

    /// What its session holds now.
    pub(super) fn set_held(&self, queue_bytes: usize, name_bytes: usize) {
        self.held.queue.store(queue_bytes, Ordering::Relaxed);
        self.held.names.store(name_bytes, Ordering::Relaxed);
    }

    /// What there is to know of it now.
    pub fn shown(&self) -> Shown {
        self.shown.lock().clone()
    }

    /// When it came.
    pub fn since(&self) -> UnixMs {
        self.since
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock());
    }

    /// A command was sent: none that exists if there is no row.
    pub(super) fn begin(&self, row: Option<&'static Row>, now: UnixMs) {
        self.change(|shown| {
            shown.command = row;
            shown.last_at = now;
            shown.commands += 1;
        });
    }

    /// Where pushes for it are left.
    pub(crate) fn inbox(&self) -> &Arc<Inbox<Push>> {
        &self.inbox
    }

    /// Which forms its replies have.
    pub(crate) fn protocol(&self) -> Protocol {
        self.shown.lock().protocol
    }

    /// Leaves something for it. Returns who is to be woken, once no lock is held.
    #[must_use = "the reader sleeps until it is woken"]
    pub(crate) fn leave(&self, push: Push) -> Option<Waker> {
        let bytes = push.bytes();
        self.inbox.push(push, bytes)
    }

    /// Whether it is subscribed to anything.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.kind() == ClientKind::PubSub
    }

    /// What kind of caller it is.
    pub fn kind(&self) -> ClientKind {
        let is_subscribed = self.shown.lock().subscriptions.iter().any(|count| *count > 0);
        if is_subscribed { ClientKind::PubSub } else { ClientKind::Normal }
    }

    pub(super) fn set_waiting(&self, waiter: &Arc<dyn Queued>) {
        *self.waiting.lock() = Some(Arc::downgrade(waiter));
    }

    /// Ends its wait, if it waits.
    pub(crate) fn give_up_wait(&self, how: GiveUp) -> Served {
        let waiter = self.waiting.lock().take().and_then(|waiter| waiter.upgrade());
        waiter.map_or(Served::Gone, |waiter| waiter.give_up(how))
    }

    /// Tells it to go. Returns who is to be woken.
    #[must_use = "the reader sleeps until it is woken"]
    pub(crate) fn kill(&self) -> Option<Waker> {
        self.is_killed.store(true, Ordering::SeqCst);
        let reader = self.inbox.close();
        reader.or_else(|| self.give_up_wait(GiveUp::Unblocked).into_waker())
    }

    /// Whether it was told to go.
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }

    /// A line of `CLIENT LIST`, without a line break.
    pub fn line(&self, now: UnixMs) -> String {
        let shown = self.shown();
        let seconds = |since: UnixMs| (now.0 - since.0).max(0) / 1000;
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let traffic = &self.traffic;
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let [channels, patterns, shard_channels] = shown.subscriptions;
        let mut line = String::new();
        let mut field = |name: &str, value: &dyn std::fmt::Display| {
            let gap = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{gap}{name}={value}");
        };
        field("id", &self.id);
        field("addr", &self.origin.address);
        field("laddr", &self.origin.local_address);
        field("fd", &self.origin.file);
        field("name", &text(&shown.name));
        field("age", &seconds(self.since));
        field("idle", &seconds(shown.last_at));
        field("flags", &self.flags(&shown));
        field("db", &shown.db);
        field("sub", &channels);
        field("psub", &patterns);
        field("ssub", &shard_channels);
        field("multi", &shown.queued.map_or(-1, |count| count as i64));
        field("watch", &shown.watched());
        field("qbuf", &load(&traffic.query_bytes));
        field("qbuf-free", &load(&traffic.query_free_bytes));
        field("argv-mem", &0);
        field("multi-mem", &load(&self.held.queue));
        field("rbs", &0);
        field("rbp", &load(&traffic.output_peak_bytes));
        field("obl", &load(&traffic.output_bytes));
        field("oll", &0);
        field("omem", &load(&traffic.output_bytes));
        field("tot-mem", &self.memory());
        field("events", &"r");
        field("cmd", &shown.command.map_or_else(|| "NULL".to_owned(), Row::listed_name));
        field("user", &text(&shown.user));
        let redirect = |tracking: &ShownTracking| tracking.redirect.unwrap_or(0) as i64;
        field("redir", &shown.tracking.as_ref().map_or(-1, redirect));
        field("resp", &shown.protocol.number());
        field("lib-name", &text(&shown.library_name));
        field("lib-ver", &text(&shown.library_version));
        field("io-thread", &0);
        line
    }

    /// Notes for `ACL LOG` that the caller was refused something, as whom it acts or tried to.
    pub(super) fn note_refusal(
        &self,
        engine: &Engine,
        (reason, context): (Reason, Context),
        object: &[u8],
        user: &[u8],
    ) {
        let now = engine.clock().now();
        engine.acl().log().note(now, reason, context, object, user, self.line(now));
    }

    /// The letters of `CLIENT LIST`'s `flags`, in Redis's order.
    fn flags(&self, shown: &Shown) -> String {
        let letters = [
            ('O', shown.is_monitor),
            ('P', shown.subscriptions.iter().any(|count| *count > 0)),
            ('x', shown.queued.is_some()),
            ('b', shown.is_blocked),
            ('t', shown.tracking.is_some()),
            ('R', shown.tracking.is_some_and(|tracking| tracking.is_broken)),
            ('B', shown.tracking.is_some_and(|tracking| tracking.is_broadcast)),
            ('d', shown.watch_flag.is_raised()),
            ('A', self.is_killed()),
            ('U', self.origin.is_unix_socket),
            ('e', shown.is_no_evict),
            ('T', shown.is_no_touch),
        ];
        let flags: String = letters.iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| *letter).collect();
        if flags.is_empty() { "N".to_owned() } else { flags }
    }

    /// What MONITOR shows of a command.
    pub(super) fn monitor_line(&self, now_micros: i64, db: usize, words: &[&[u8]]) -> String {
        let place = if self.origin.is_unix_socket {
            format!("unix:{}", self.origin.address.trim_end_matches(":0"))
        } else {
            self.origin.address.clone()
        };
        monitor_line(now_micros, db, &place, words)
    }
}

/// What those who monitor see of a command that somebody at a place has sent.
pub(super) fn monitor_line(now_micros: i64, db: usize, place: &str, words: &[&[u8]]) -> String {
    let (seconds, micros) = (now_micros.div_euclid(1_000_000), now_micros.rem_euclid(1_000_000));
    let mut line = format!("{seconds}.{micros:06} [{db} {place}]");
    for word in words {
        line.push(' ');
        quote(word, &mut line);
    }
    line
}

/// Text in quotes, with what cannot be shown escaped, as Redis does it in lines for people.
pub(crate) fn quote(word: &[u8], text: &mut String) {
    text.push('"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => drop(write!(text, "\\x{byte:02x}")),
        }
    }
    text.push('"');
}

/// All callers by words.
#[derive(Debug, Default)]
pub struct Clients {
    count: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<Client>>>,
    monitors: Mutex<BTreeMap<u64, Arc<Client>>>,
    is_monitored: AtomicBool,
    pause: Mutex<Pause>,
    is_paused: AtomicBool,
    /// What those take who are counted.
    counted_bytes: AtomicUsize,
    evicted: AtomicU64,
}

impl Clients {
    pub(super) fn register(&self, origin: Origin, inbox: Arc<Inbox<Push>>, now: UnixMs) -> Arc<Client> {
        let shown = Shown {
            name: Bytes::default(),
            library_name: Bytes::default(),
            library_version: Bytes::default(),
            user: Bytes::copy_from_slice(b"default"),
            db: 0,
            protocol: Protocol::default(),
            command: None,
            last_at: now,
            queued: None,
            watched: 0,
            watch_flag: Arc::default(),
            subscriptions: [0; 3],
            is_blocked: false,
            is_monitor: false,
            is_no_evict: false,
            is_no_touch: false,
            tracking: None,
            commands: 0,
        };
        let client = Arc::new(Client {
            id: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            origin,
            since: now,
            inbox,
            shown: Mutex::new(shown),
            waiting: Mutex::new(None),
            is_killed: AtomicBool::new(false),
            traffic: Traffic::default(),
            held: Held::default(),
        });
        self.all.lock().insert(client.id, Arc::clone(&client));
        client
    }

    pub(super) fn forget(&self, id: u64) {
        if let Some(client) = self.all.lock().remove(&id) {
            self.count(&client, 0);
        }
    }

    /// Adds what a caller takes now to the sum over all whom [`Clients::evict`] looks at, in place of what it took before.
    pub fn count_memory(&self, client: &Client) {
        // Who was told to go has given back what it takes, as far as others are concerned.
        self.count(client, if client.is_killed() { 0 } else { client.memory() });
    }

    fn count(&self, client: &Client, bytes: usize) {
        let before = client.held.counted.swap(bytes, Ordering::SeqCst);
        // Modulo 2^64, so that it may as well be less than before.
        self.counted_bytes.fetch_add(bytes.wrapping_sub(before), Ordering::SeqCst);
    }

    /// Tells the largest callers to go until all of them together take at most `limit` bytes, as far as they were counted. Those who
    /// said `CLIENT NO-EVICT` stay.
    ///
    /// Complexity: O(1) as long as there is room, otherwise O(N log N), N being the number of callers.
    pub fn evict(&self, limit: usize) {
        if self.counted_bytes.load(Ordering::SeqCst) <= limit {
            return;
        }
        let size = |client: &Arc<Client>| client.held.counted.load(Ordering::SeqCst);
        let mut clients: Vec<_> = self.list().into_iter().map(|client| (size(&client), client)).collect();
        clients.retain(|(bytes, client)| *bytes > 0 && !client.shown.lock().is_no_evict);
        clients.sort_by_key(|(bytes, _)| Reverse(*bytes));
        for (_, client) in clients {
            if self.counted_bytes.load(Ordering::SeqCst) <= limit {
                return;
            }
            let reader = client.kill();
            self.count(&client, 0);
            self.evicted.fetch_add(1, Ordering::Relaxed);
            reader.into_iter().for_each(Waker::wake);
        }
    }

    /// How many were told to go because all of them together took too much.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn reset_statistics(&self) {
        self.evicted.store(0, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there were so far.
    pub fn total(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Tells callers to go.
    pub(crate) fn expel(&self, is_expelled: impl Fn(&Client) -> bool) {
        let expelled = self.list().into_iter().filter(|client| is_expelled(client));
        expelled.filter_map(|client| client.kill()).for_each(Waker::wake);
    }

    /// All of them, in the order in which they came.
    pub fn list(&self) -> Vec<Arc<Client>> {
        self.all.lock().values().cloned().collect()
    }

    /// One by its number.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.all.lock().get(&id).cloned()
    }

    /// Whether somebody sees commands or holds them up.
    #[inline]
    pub(crate) fn is_attended(&self) -> bool {
        self.is_monitored() || self.is_pausing()
    }

    pub(super) fn is_monitored(&self) -> bool {
        self.is_monitored.load(Ordering::Relaxed)
    }

    pub(super) fn set_monitor(&self, client: &Arc<Client>, is_monitor: bool) {
        let mut monitors = self.monitors.lock();
        if is_monitor {
            monitors.insert(client.id, Arc::clone(client));
        } else {
            monitors.remove(&client.id);
        }
        self.is_monitored.store(!monitors.is_empty(), Ordering::Relaxed);
    }

    /// Adds those who are to be woken.
    pub(super) fn show_to_monitors(&self, line: &str, wakers: &mut Vec<Waker>) {
        for monitor in self.monitors.lock().values() {
            let push = Push::Line(line.to_owned());
            let bytes = push.bytes();
            wakers.extend(monitor.inbox.push(push, bytes));
        }
    }

    pub(super) fn is_pausing(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    pub(super) fn is_paused(&self, now: UnixMs, row: &Row) -> bool {
        self.is_pausing() && self.pause.lock().holds(now, row)
    }

    /// Keeps callers waiting until a moment.
    pub(crate) fn pause(&self, now: UnixMs, until: UnixMs, mode: PauseMode) {
        self.pause.lock().begin(now, until, mode);
        self.is_paused.store(true, Ordering::Relaxed);
    }

    /// Lets everybody go on.
    pub(crate) fn end_pause(&self) {
        self.is_paused.store(false, Ordering::Relaxed);
        let wakers = self.pause.lock().end();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends a pause whose time is over; otherwise says when it will be.
    pub(crate) fn look_at_pause(&self, now: UnixMs) -> Option<UnixMs> {
        let ends_at = self.is_paused.load(Ordering::Relaxed).then(|| self.pause.lock().ends_at())??;
        if ends_at <= now {
            self.end_pause();
            return None;
        }
        Some(ends_at)
    }

    pub(super) fn wait_for_end_of_pause(&self, now: UnixMs, waker: &Waker) -> bool {
        self.pause.lock().wait(now, waker)
    }
}
