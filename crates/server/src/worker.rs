//! A thread that serves connections: it sleeps until some of them can be read, runs what came, and sends all answers.
//!
//! Commands run on the thread that read them. Handing them to another would cost more than most of them take.
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use redlet_core::UnixMs;
use redlet_core::session::Session;
use slab::Slab;

use crate::connection::{Connection, Fate};
use crate::limits::Limits;
use crate::listener::Listener;
use crate::mailbox::{Doorbell, Letter, Mailbox};
use crate::output::{Buffers, Sent};
use crate::server::Shared;
use crate::stream::{Peer, Stream};

/// How many connections that can be read are heard of at once.
const EVENTS: usize = 1024;
/// How much is read from one connection before it is the turn of others, in bytes.
const INPUT: usize = 64 << 10;
/// For how long a thread looks for more before it sleeps, while requests come as closely as that. Whoever sends one to a thread that
/// sleeps pays for waking it, and waits for that: with 50 callers on two cores, looking again serves a fifth more requests a second and
/// takes a third off the slowest hundredth (`cargo xtask bench server`).
const LOOK_AGAIN: Duration = Duration::from_micros(50);
/// The number by which a thread is woken; listeners count down from it, connections up from 0.
pub(crate) const BELL: Token = Token(usize::MAX);

/// A thread's own part of a server.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    poll: Poll,
    listeners: Vec<Listener>,
    connections: Slab<Connection>,
    input: Box<[u8]>,
    buffers: Buffers,
    letters: Vec<Letter>,
    /// Who may have something to send in this round.
    senders: Vec<usize>,
    /// The last unit of this round that has to be safe before anything is sent.
    unsafe_unit: Option<u64>,
    /// Whose turn ended before they were through.
    unfinished: Vec<usize>,
    /// A listener could not take a connection, and will not say again that one waits.
    is_accepting_late: bool,
    /// Somebody may be over his soft limit, which time turns into an end.
    has_behind: bool,
    limits: Limits,
    limits_version: u64,
    cared_at: UnixMs,
    /// It may look for more instead of sleeping, because a core is left for others meanwhile.
    may_look_again: bool,
    /// What came last came so soon that it pays to look for more.
    is_dense: bool,
    /// Which worker gets the next connection.
    next: usize,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<Mailbox>,
        poll: Poll,
        listeners: Vec<Listener>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            may_look_again: shared.mailboxes().len() < cores,
            is_dense: false,
            limits_version: shared.limits_version(),
            limits: Limits::of(shared.engine()),
            shared,
            mailbox,
            poll,
            listeners,
            connections: Slab::new(),
            input: vec![0; INPUT].into(),
            buffers: Buffers::default(),
            letters: Vec::new(),
            senders: Vec::new(),
            unsafe_unit: None,
            unfinished: Vec::new(),
            is_accepting_late: false,
            has_behind: false,
            cared_at: UnixMs(i64::MIN),
            next: 0,
        }
    }

    /// Serves until the server ends.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        for (number, listener) in self.listeners.iter_mut().enumerate() {
            self.poll.registry().register(listener, listener_token(number), Interest::READABLE)?;
        }
        while !self.mailbox.is_stopping() {
            self.wait(&mut events)?;
            self.round(&events);
        }
        self.close_all();
        Ok(())
    }

    /// Returns when there is something to do.
    #[expect(
        clippy::disallowed_methods,
        reason = "what sleeping costs this machine, whatever time the store has"
    )]
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        if !self.unfinished.is_empty() {
            return self.poll(events, Some(Duration::ZERO));
        }
        let since = Instant::now();
        while self.is_dense && self.may_look_again {
            self.poll(events, Some(Duration::ZERO))?;
            if !events.is_empty() || self.mailbox.has_letters() {
                return Ok(());
            }
            self.is_dense = since.elapsed() < LOOK_AGAIN;
        }
        let pause = if self.mailbox.fall_asleep() { self.pause() } else { Some(Duration::ZERO) };
        let polled = self.poll(events, pause);
        self.mailbox.wake_up();
        // Some of the time went into waking up.
        self.is_dense = since.elapsed() < 2 * LOOK_AGAIN;
        polled
    }

    fn poll(&mut self, events: &mut Events, pause: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, pause) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// How long to sleep at most; `None` for as long as nothing happens.
    fn pause(&self) -> Option<Duration> {
        let has_clocks = self.is_accepting_late
            || self.has_behind
            || (!self.limits.idle.is_zero() && !self.connections.is_empty());
        has_clocks.then_some(self.limits.care)
    }

    fn round(&mut self, events: &Events) {
        let limits_version = self.shared.limits_version();
        if limits_version != self.limits_version {
            self.limits_version = limits_version;
            self.limits = Limits::of(self.shared.engine());
            for (_, connection) in &self.connections {
                connection.set_limits(&self.limits);
                connection.count_memory(self.shared.engine(), &self.limits);
            }
        }
        let now = self.shared.engine().clock().now();
        for number in std::mem::take(&mut self.unfinished) {
            self.go_on(number, now);
        }
        for event in events {
            match event.token() {
                BELL => {}
                Token(number) => match (BELL.0 - 1).checked_sub(number).filter(|&n| n < self.listeners.len())
                {
                    Some(listener) => self.accept(listener, now),
                    None => self.happened(number, event, now),
                },
            }
        }
        self.read_letters(now);
        self.make_safe();
        self.send(now);
        if self.limits.clients_bytes > 0 {
            self.shared.engine().clients().evict(self.limits.clients_bytes);
        }
        if now.0.abs_diff(self.cared_at.0) >= self.limits.care.as_millis() as u64 {
            self.cared_at = now;
            self.look_at_clocks(now);
        }
    }

    fn happened(&mut self, number: usize, event: &Event, now: UnixMs) {
        if event.is_writable()
            && self.connections.get(number).is_some_and(|connection| connection.awaits_writable)
        {
            self.list_sender(number);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            if let Some(connection) = self.connections.get_mut(number) {
                connection.is_half_closed |= event.is_read_closed();
            }
            self.receive(number, now);
        }
    }

    /// Another turn for whoever was not through in the last one.
    fn go_on(&mut self, number: usize, now: UnixMs) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        connection.is_unfinished = false;
        if connection.is_readable {
            self.receive(number, now);
        }
        self.list_sender(number);
    }

    #[inline]
    fn receive(&mut self, number: usize, now: UnixMs) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        let engine = self.shared.engine();
        let fate = connection.receive(engine, &self.limits, &mut self.input, &mut self.buffers, now);
        self.follow(number, fate);
    }

    /// Does what follows from what a connection came to.
    #[inline]
    fn follow(&mut self, number: usize, fate: Fate) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        self.unsafe_unit = self.unsafe_unit.max(connection.take_unsafe_unit());
        match fate {
            Fate::Ends => self.close(number),
            Fate::Goes => {
                if connection.is_readable && !connection.is_unfinished {
                    connection.is_unfinished = true;
                    self.unfinished.push(number);
                }
                self.list_sender(number);
            }
        }
    }

    #[inline]
    fn list_sender(&mut self, number: usize) {
        if let Some(connection) = self.connections.get_mut(number)
            && connection.has_to_send()
            && !connection.is_sender
        {
            connection.is_sender = true;
            self.senders.push(number);
        }
    }

    fn read_letters(&mut self, now: UnixMs) {
        let mut letters = std::mem::take(&mut self.letters);
        self.mailbox.collect(&mut letters);
        for letter in letters.drain(..) {
            match letter {
                Letter::Adopt(stream, peer) => self.adopt(stream, &peer, now),
                Letter::Attend(number) => {
                    if let Some(connection) = self.connections.get_mut(number) {
                        let fate = connection.attend(self.shared.engine(), &self.limits, &mut self.buffers);
                        self.follow(number, fate);
                    }
                }
            }
        }
        self.letters = letters;
    }

    /// Waits for the disk where that is promised, once for all answers of a round.
    fn make_safe(&mut self) {
        if let Some(unit) = self.unsafe_unit.take()
            && self.shared.engine().make_safe(unit).is_err()
        {
            // Some of the answers say that something was written. Which of them was is not known any more.
            for number in std::mem::take(&mut self.senders) {
                self.close(number);
            }
        }
    }

    /// Sends the answers of a round, each caller's all at once.
    fn send(&mut self, now: UnixMs) {
        let mut senders = std::mem::take(&mut self.senders);
        for number in senders.drain(..) {
            let Some(connection) = self.connections.get_mut(number) else { continue };
            connection.is_sender = false;
            match connection.send(self.shared.engine(), &self.limits, &mut self.buffers, now) {
                Err(_) | Ok(None) => self.close(number),
                Ok(Some(sent)) => {
                    self.has_behind |= connection.is_over_soft_limit();
                    let awaits_writable = sent == Sent::Blocked;
                    if sent == Sent::More && !connection.is_unfinished {
                        connection.is_unfinished = true;
                        self.unfinished.push(number);
                    }
                    if awaits_writable != connection.awaits_writable {
                        connection.awaits_writable = awaits_writable;
                        // Asked only of those who do not keep up: a Unix socket would report every answer that was read.
                        let interest = if awaits_writable {
                            Interest::READABLE | Interest::WRITABLE
                        } else {
                            Interest::READABLE
                        };
                        let registry = self.poll.registry();
                        if registry.reregister(&mut connection.stream, Token(number), interest).is_err() {
                            self.close(number);
                        }
                    }
                }
            }
        }
        self.senders = senders;
    }

    fn accept(&mut self, listener: usize, now: UnixMs) {
        loop {
            match self.listeners[listener].accept() {
                Ok((stream, peer)) => self.admit(stream, peer, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                    ) => {}
                // Out of file descriptors, most likely: some may be free soon.
                Err(_) => {
                    self.is_accepting_late = true;
                    return;
                }
            }
        }
    }

    /// Lets a caller in, if there is room, and hands him to one of the workers.
    fn admit(&mut self, mut stream: Stream, peer: Peer, now: UnixMs) {
        if let Err(refusal) = self.shared.enter(&peer, &self.limits) {
            // As far as it goes: he is not waited for.
            let _ = stream.refuse(refusal);
            return;
        }
        stream.set_options(&self.limits);
        self.next = (self.next + 1) % self.shared.mailboxes().len();
        let mailbox = &self.shared.mailboxes()[self.next];
        if Arc::ptr_eq(mailbox, &self.mailbox) {
            self.adopt(stream, &peer, now);
        } else {
            mailbox.send(Letter::Adopt(stream, peer));
        }
    }

    fn adopt(&mut self, mut stream: Stream, peer: &Peer, now: UnixMs) {
        let place = self.connections.vacant_entry();
        let number = place.key();
        if self.poll.registry().register(&mut stream, Token(number), Interest::READABLE).is_err() {
            self.shared.leave();
            return;
        }
        let doorbell = Doorbell::new(&self.mailbox, number);
        let session = Session::new(self.shared.engine(), stream.origin(peer));
        place.insert(Connection::new(stream, session, doorbell, &self.limits, now));
    }

    fn close(&mut self, number: usize) {
        if let Some(mut connection) = self.connections.try_remove(number) {
            let _ = self.poll.registry().deregister(&mut connection.stream);
            connection.end(self.shared.engine());
            self.shared.leave();
        }
    }

    fn look_at_clocks(&mut self, now: UnixMs) {
        if std::mem::take(&mut self.is_accepting_late) {
            (0..self.listeners.len()).for_each(|listener| self.accept(listener, now));
        }
        if !self.has_behind && self.limits.idle.is_zero() {
            return;
        }
        self.has_behind = self.connections.iter().any(|(_, connection)| connection.is_over_soft_limit());
        let is_over = |connection: &Connection| connection.look_at_clock(&self.limits, now) == Fate::Ends;
        let over: Vec<usize> = self
            .connections
            .iter()
            .filter(|(_, connection)| is_over(connection))
            .map(|(number, _)| number)
            .collect();
        over.into_iter().for_each(|number| self.close(number));
    }

    fn close_all(&mut self) {
        let now = self.shared.engine().clock().now();
        self.senders.extend(self.connections.iter().map(|(number, _)| number));
        self.send(now);
        for connection in self.connections.drain() {
            connection.end(self.shared.engine());
            self.shared.leave();
        }
    }
}

fn listener_token(number: usize) -> Token {
    Token(BELL.0 - 1 - number)
}
