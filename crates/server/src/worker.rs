//! A thread that serves connections: it sleeps until some of them can be read, runs what came, and sends all answers.
//!
//! Commands run on the thread that read them. Handing them to another would cost more than most of them take. So a script that takes
//! too long would keep it from everybody else whom it serves, with the words that would end the script among them: from time to time
//! the script has a round of the same worker run inside of it, with all connections but its own. It has shards locked, and what would
//! lock some is put off until it has ended ([`Engine::is_busy`]).
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use redlet_core::session::Session;
use redlet_core::{Engine, UnixMs};
use scoped_tls_hkt::scoped_thread_local;

use crate::connection::{Connection, Fate};
use crate::connections::Connections;
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
/// How often it is looked whether a script has ended, if something waits for that.
const LOOK_FOR_END: Duration = Duration::from_millis(10);
/// The number by which a thread is woken; listeners count down from it, connections up from 0.
pub(crate) const BELL: Token = Token(usize::MAX);

scoped_thread_local! {
    /// The worker of this thread, while a connection is out that runs commands.
    static mut LENT: Worker
}

/// Serves those whom this thread serves, but for the one whose script takes too long, which runs on this engine. False if the script
/// is to end, because the server does.
pub(crate) fn serve_others(engine: &Engine) -> bool {
    !LENT.is_set() || LENT.with(|worker| worker.serve_during_script(engine))
}

/// What a connection needs of a worker to run commands.
#[derive(Debug, Default)]
struct Desk {
    /// Where callers read to who are not in the middle of a request.
    input: Box<[u8]>,
    buffers: Buffers,
}

/// What was said of a connection or a listener.
#[derive(Clone, Copy, Debug)]
struct Happening {
    token: Token,
    is_readable: bool,
    is_writable: bool,
    is_half_closed: bool,
}

impl From<&Event> for Happening {
    fn from(event: &Event) -> Self {
        let is_half_closed = event.is_read_closed();
        Self {
            token: event.token(),
            is_readable: event.is_readable() || is_half_closed || event.is_error(),
            is_writable: event.is_writable(),
            is_half_closed,
        }
    }
}

/// Whose store is served in a round, and when it began.
#[derive(Clone, Copy)]
struct Round<'r> {
    engine: &'r Engine,
    now: UnixMs,
}

/// A thread's own part of a server. What is still to be done in a round is in its lists, one after the other taken from there, so that
/// the rounds inside of a script go on where the one has stopped that the script runs in.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    poll: Poll,
    listeners: Vec<Listener>,
    connections: Connections,
    desk: Desk,
    events: Events,
    happened: VecDeque<Happening>,
    letters: VecDeque<Letter>,
    /// Who may have something to send in this round.
    senders: Vec<usize>,
    /// The last unit of this round that has to be safe before anything is sent.
    unsafe_unit: Option<u64>,
    /// Whose turn ended before they were through.
    unfinished: VecDeque<usize>,
    /// Who are to be attended to once no script takes too long.
    unattended: Vec<usize>,
    /// Who have left, and are to be ended then.
    leaving: Vec<Session>,
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
            connections: Connections::default(),
            desk: Desk::default(),
            events: Events::with_capacity(EVENTS),
            happened: VecDeque::new(),
            letters: VecDeque::new(),
            senders: Vec::new(),
            unsafe_unit: None,
            unfinished: VecDeque::new(),
            unattended: Vec::new(),
            leaving: Vec::new(),
            is_accepting_late: false,
            has_behind: false,
            cared_at: UnixMs(i64::MIN),
            next: 0,
        }
    }

    /// Serves until the server ends.
    pub(crate) fn run(mut self) -> io::Result<()> {
        for (number, listener) in self.listeners.iter_mut().enumerate() {
            self.poll.registry().register(listener, listener_token(number), Interest::READABLE)?;
        }
        let shared = Arc::clone(&self.shared);
        while !self.mailbox.is_stopping() {
            self.wait()?;
            self.round(shared.engine());
        }
        // Whoever sees his connection end finds nobody listening any more.
        self.listeners.clear();
        self.close_all(shared.engine());
        Ok(())
    }

    /// A round for all but the one whose script has this thread. False if there will be none in which it is answered.
    fn serve_during_script(&mut self, engine: &Engine) -> bool {
        // The script of another store has none of this one's shards, but whoever runs it may have them.
        if std::ptr::eq(engine, self.shared.engine()) {
            // Should it fail, it will again once the script has ended, and the server ends then.
            let _ = self.poll(Some(Duration::ZERO));
            self.round(engine);
        }
        !self.mailbox.is_stopping()
    }

    /// Returns when there is something to do.
    #[expect(
        clippy::disallowed_methods,
        reason = "what sleeping costs this machine, whatever time the store has"
    )]
    fn wait(&mut self) -> io::Result<()> {
        if !self.unfinished.is_empty() || !self.letters.is_empty() {
            return self.poll(Some(Duration::ZERO));
        }
        let since = Instant::now();
        while self.is_dense && self.may_look_again {
            self.poll(Some(Duration::ZERO))?;
            if !self.happened.is_empty() || self.mailbox.has_letters() {
                return Ok(());
            }
            self.is_dense = since.elapsed() < LOOK_AGAIN;
        }
        let pause = if self.mailbox.fall_asleep() { self.pause() } else { Some(Duration::ZERO) };
        let polled = self.poll(pause);
        self.mailbox.wake_up();
        // Some of the time went into waking up.
        self.is_dense = since.elapsed() < 2 * LOOK_AGAIN;
        polled
    }

    fn poll(&mut self, pause: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, pause) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => self.happened.extend(self.events.iter().map(Happening::from)),
        }
        Ok(())
    }

    /// How long to sleep at most; `None` for as long as nothing happens.
    fn pause(&self) -> Option<Duration> {
        if self.has_put_off() {
            return Some(LOOK_FOR_END);
        }
        let has_clocks = self.is_accepting_late
            || self.has_behind
            || (!self.limits.idle.is_zero() && !self.connections.is_empty());
        has_clocks.then_some(self.limits.care)
    }

    fn round(&mut self, engine: &Engine) {
        let limits_version = self.shared.limits_version();
        if limits_version != self.limits_version {
            self.limits_version = limits_version;
            self.limits = Limits::of(engine);
            for (_, connection) in self.connections.iter() {
                connection.set_limits(&self.limits);
                connection.count_memory(engine, &self.limits);
            }
        }
        let round = Round { engine, now: engine.clock().now() };
        for _ in 0..self.unfinished.len() {
            let Some(number) = self.unfinished.pop_front() else { break };
            self.go_on(number, round);
        }
        while let Some(happening) = self.happened.pop_front() {
            match happening.token {
                BELL => {}
                Token(number) => match (BELL.0 - 1).checked_sub(number).filter(|&n| n < self.listeners.len())
                {
                    Some(listener) => self.accept(listener, round),
                    None => self.notice(number, happening, round),
                },
            }
        }
        self.read_letters(round);
        self.make_safe(engine);
        self.send(round);
        if self.limits.clients_bytes > 0 {
            engine.clients().evict(self.limits.clients_bytes);
        }
        if round.now.0.abs_diff(self.cared_at.0) >= self.limits.care.as_millis() as u64 {
            self.cared_at = round.now;
            self.look_at_clocks(round);
        }
        if self.has_put_off() && !engine.is_busy() {
            self.catch_up(engine);
        }
    }

    /// Whether something waits for the end of a script.
    fn has_put_off(&self) -> bool {
        !self.leaving.is_empty() || !self.unattended.is_empty()
    }

    /// Does what was put off while a script took too long.
    #[cold]
    fn catch_up(&mut self, engine: &Engine) {
        self.leaving.drain(..).for_each(|mut session| session.end(engine));
        self.letters.extend(self.unattended.drain(..).map(Letter::Attend));
    }

    fn notice(&mut self, number: usize, happening: Happening, round: Round<'_>) {
        if happening.is_half_closed {
            self.connections.note_half_close(number);
        }
        let Some(connection) = self.connections.get_mut(number) else { return };
        if happening.is_writable && connection.awaits_writable {
            self.list_sender(number);
        }
        if happening.is_readable {
            self.receive(number, round);
        }
    }

    /// Another turn for whoever was not through in the last one.
    fn go_on(&mut self, number: usize, round: Round<'_>) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        connection.is_unfinished = false;
        if connection.is_readable {
            self.receive(number, round);
        }
        self.list_sender(number);
    }

    #[inline]
    fn receive(&mut self, number: usize, round: Round<'_>) {
        self.let_run(number, |connection, limits, desk| {
            if desk.input.is_empty() {
                desk.input = vec![0; INPUT].into();
            }
            connection.receive(round.engine, limits, &mut desk.input, &mut desk.buffers, round.now)
        });
    }

    /// Has a connection do what may run commands, and then what follows from what it came to. Meanwhile it is out, and scripts among
    /// the commands find the worker to have the others served.
    #[inline]
    fn let_run(&mut self, number: usize, run: impl FnOnce(&mut Connection, &Limits, &mut Desk) -> Fate) {
        let Some(mut connection) = self.connections.let_out(number) else { return };
        let (limits, mut desk) = (self.limits, std::mem::take(&mut self.desk));
        let fate = LENT.set(self, || run(&mut connection, &limits, &mut desk));
        self.desk = desk;
        let missed = self.connections.take_back(number, connection);
        if missed.anything {
            self.make_up_for(number, missed.half_close);
        }
        self.follow(number, fate);
    }

    /// Has a connection looked at for all that it can have missed while it was out.
    #[cold]
    fn make_up_for(&mut self, number: usize, half_close: bool) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        connection.is_half_closed |= half_close;
        connection.is_readable = true;
        (connection.is_sender, connection.is_unfinished) = (false, false);
        self.unattended.push(number);
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
                    self.unfinished.push_back(number);
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

    fn read_letters(&mut self, round: Round<'_>) {
        self.mailbox.collect(&mut self.letters);
        while let Some(letter) = self.letters.pop_front() {
            match letter {
                Letter::Adopt(stream, peer) => self.adopt(stream, &peer, round),
                Letter::Attend(number) => self.attend(number, round),
            }
        }
    }

    fn attend(&mut self, number: usize, round: Round<'_>) {
        let Some(connection) = self.connections.get_mut(number) else { return };
        // Whoever has waited for a key leaves its queue, which is in a shard.
        if connection.is_blocked() && round.engine.is_busy() {
            self.unattended.push(number);
            return;
        }
        self.let_run(number, |connection, limits, desk| {
            connection.attend(round.engine, limits, &mut desk.buffers)
        });
    }

    /// Waits for the disk where that is promised, once for all answers of a round.
    fn make_safe(&mut self, engine: &Engine) {
        if let Some(unit) = self.unsafe_unit.take()
            && engine.make_safe(unit).is_err()
        {
            // Some of the answers say that something was written. Which of them was is not known any more.
            for number in std::mem::take(&mut self.senders) {
                self.close(number);
            }
        }
    }

    /// Sends the answers of a round, each caller's all at once.
    fn send(&mut self, Round { engine, now }: Round<'_>) {
        let mut senders = std::mem::take(&mut self.senders);
        for number in senders.drain(..) {
            let Some(connection) = self.connections.get_mut(number) else { continue };
            connection.is_sender = false;
            match connection.send(engine, &self.limits, &mut self.desk.buffers, now) {
                Err(_) | Ok(None) => self.close(number),
                Ok(Some(sent)) => {
                    self.has_behind |= connection.is_over_soft_limit();
                    let awaits_writable = sent == Sent::Blocked;
                    if sent == Sent::More && !connection.is_unfinished {
                        connection.is_unfinished = true;
                        self.unfinished.push_back(number);
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

    fn accept(&mut self, listener: usize, round: Round<'_>) {
        loop {
            match self.listeners[listener].accept() {
                Ok((stream, peer)) => self.admit(stream, peer, round),
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
    fn admit(&mut self, mut stream: Stream, peer: Peer, round: Round<'_>) {
        if let Err(refusal) = self.shared.enter(&peer, &self.limits) {
            // As far as it goes: he is not waited for.
            let _ = stream.refuse(refusal);
            return;
        }
        stream.set_options(&self.limits);
        self.next = (self.next + 1) % self.shared.mailboxes().len();
        let mailbox = &self.shared.mailboxes()[self.next];
        if Arc::ptr_eq(mailbox, &self.mailbox) {
            self.adopt(stream, &peer, round);
        } else {
            mailbox.send(Letter::Adopt(stream, peer));
        }
    }

    fn adopt(&mut self, mut stream: Stream, peer: &Peer, Round { engine, now }: Round<'_>) {
        self.connections.add(|number| {
            if self.poll.registry().register(&mut stream, Token(number), Interest::READABLE).is_err() {
                self.shared.leave();
                return None;
            }
            let doorbell = Doorbell::new(&self.mailbox, number);
            let session = Session::new(engine, stream.origin(peer));
            Some(Connection::new(stream, session, doorbell, &self.limits, now))
        });
    }

    fn close(&mut self, number: usize) {
        if let Some(mut connection) = self.connections.remove(number) {
            let _ = self.poll.registry().deregister(&mut connection.stream);
            let mut session = connection.close();
            if self.shared.engine().is_busy() {
                self.leaving.push(session);
            } else {
                session.end(self.shared.engine());
            }
            self.shared.leave();
        }
    }

    fn look_at_clocks(&mut self, round: Round<'_>) {
        if std::mem::take(&mut self.is_accepting_late) {
            (0..self.listeners.len()).for_each(|listener| self.accept(listener, round));
        }
        if !self.has_behind && self.limits.idle.is_zero() {
            return;
        }
        self.has_behind = self.connections.iter().any(|(_, connection)| connection.is_over_soft_limit());
        let is_over =
            |connection: &Connection| connection.look_at_clock(&self.limits, round.now) == Fate::Ends;
        let over: Vec<usize> = self
            .connections
            .iter()
            .filter(|(_, connection)| is_over(connection))
            .map(|(number, _)| number)
            .collect();
        over.into_iter().for_each(|number| self.close(number));
    }

    fn close_all(&mut self, engine: &Engine) {
        let numbers = self.connections.numbers();
        self.senders.extend(&numbers);
        self.send(Round { engine, now: engine.clock().now() });
        numbers.into_iter().for_each(|number| self.close(number));
        self.leaving.drain(..).for_each(|mut session| session.end(engine));
    }
}

fn listener_token(number: usize) -> Token {
    Token(BELL.0 - 1 - number)
}
