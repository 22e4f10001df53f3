//! One caller: what he sent, what he is sent, and what he did so far.
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use redlet_core::inbox::Capacity;
use redlet_core::session::{Protocol, Session};
use redlet_core::{Engine, Reply, Result, UnixMs};

use crate::limits::{Limits, OUTPUT_OF_STRANGERS, OutputLimit, QUERY_OF_STRANGERS};
use crate::mailbox::Doorbell;
use crate::output::{Buffers, Output, Sent};
use crate::protocol::{self, Parsed, Parser, RequestLimits};
use crate::stream::Stream;

/// So much is read at once into the place of one caller, when he is in the middle of a long request.
const LONG_READ: usize = 1 << 20;

/// A caller and his connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    session: Session,
    doorbell: Arc<Doorbell>,
    /// Rings the doorbell.
    waker: Waker,
    parser: Parser,
    /// What was read and not run yet, from where a request begins.
    query: Vec<u8>,
    /// How long that request is at least.
    wanted: usize,
    output: Output,
    ending: Ending,
    /// There may be more to read than was read.
    pub(crate) is_readable: bool,
    /// The system said that nothing comes any more, which it says once: reading goes on until it ends.
    pub(crate) is_half_closed: bool,
    /// The system tells when more can be sent.
    pub(crate) awaits_writable: bool,
    /// The worker has it on its list of those who have something to send.
    pub(crate) is_sender: bool,
    /// The worker has it on its list of those whose turn ended before they were through.
    pub(crate) is_unfinished: bool,
    /// He still has to say who he is.
    is_stranger: bool,
    heard_at: UnixMs,
    /// Since when more than the soft limit waits to be sent.
    over_since: Option<UnixMs>,
}

/// Whether a connection comes to its end. Nothing more is read then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    No,
    /// When everything was sent.
    Answered,
    /// The caller sends nothing more. What he asked before is answered as far as he takes it at once.
    Gone,
}

/// What a connection comes to after something was done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on.
    Goes,
    /// It is over, whatever there is to send.
    Ends,
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        mut session: Session,
        doorbell: Arc<Doorbell>,
        limits: &Limits,
        now: UnixMs,
    ) -> Self {
        session.answer_later();
        let connection = Self {
            stream,
            session,
            waker: Waker::from(Arc::clone(&doorbell)),
            doorbell,
            parser: Parser::default(),
            query: Vec::new(),
            wanted: 0,
            output: Output::default(),
            ending: Ending::No,
            is_readable: false,
            is_half_closed: false,
            awaits_writable: false,
            is_sender: false,
            is_unfinished: false,
            is_stranger: true,
            heard_at: now,
            over_since: None,
        };
        connection.set_limits(limits);
        connection.session.inbox().wake_when_filled(&connection.waker);
        connection
    }

    /// Tells those who leave messages how much may wait.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        let bytes = match limits.subscriber_output.hard_bytes {
            0 => usize::MAX,
            bytes => bytes,
        };
        self.session.inbox().set_capacity(Capacity { bytes, ..Capacity::default() });
    }

    /// Reads once, and runs what came. `input` is where callers read to who are not in the middle of a request.
    pub(crate) fn receive(
        &mut self,
        engine: &Engine,
        limits: &Limits,
        input: &mut [u8],
        buffers: &mut Buffers,
        now: UnixMs,
    ) -> Fate {
        if self.ending != Ending::No {
            self.is_readable = false;
            return Fate::Goes;
        }
        let held = self.query.len();
        let mut room = input.len();
        let read = if held == 0 {
            self.stream.read(input)
        } else {
            // As much as the request still needs, but never more than twice what was sent: nothing is held for what is only
            // announced.
            room = self.wanted.saturating_sub(held).clamp(input.len(), LONG_READ.max(held));
            self.query.try_reserve(room).map_err(|_| io::ErrorKind::OutOfMemory.into()).and_then(|()| {
                self.query.resize(held + room, 0);
                let read = self.stream.read(&mut self.query[held..]);
                self.query.truncate(held + read.as_ref().map_or(0, |count| *count));
                read
            })
        };
        match read {
            Ok(0) => {
                // What was asked before is answered, as far as the caller still reads.
                self.is_readable = false;
                self.ending = Ending::Gone;
                if self.session.is_blocked() { Fate::Ends } else { Fate::Goes }
            }
            Ok(count) => {
                self.heard_at = now;
                self.session.client().traffic().received_bytes.fetch_add(count as u64, Ordering::Relaxed);
                let totals = engine.statistics().traffic();
                totals.reads.fetch_add(1, Ordering::Relaxed);
                totals.received_bytes.fetch_add(count as u64, Ordering::Relaxed);
                self.is_readable = count == room || self.is_half_closed || !self.stream.short_read_is_last();
                if held == 0 {
                    let used = self.run(engine, limits, &input[..count], buffers);
                    if self.ending == Ending::No {
                        self.query.extend_from_slice(&input[used..count]);
                    }
                } else {
                    self.resume(engine, limits, buffers);
                }
                self.check(engine, limits)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                Fate::Goes
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.is_readable = true;
                Fate::Goes
            }
            Err(_) => Fate::Ends,
        }
    }

    /// The last unit that has to be safe before anything is sent, if there is one.
    #[inline]
    pub(crate) fn take_unsafe_unit(&mut self) -> Option<u64> {
        self.session.take_unsafe_unit()
    }

    /// Looks after what others did: an answer that was waited for, messages, an end.
    pub(crate) fn attend(&mut self, engine: &Engine, limits: &Limits, buffers: &mut Buffers) -> Fate {
        self.output.lend(buffers);
        let was_rung = self.doorbell.was_rung();
        self.poll(engine);
        if was_rung {
            self.collect();
        }
        if !self.session.is_blocked() {
            self.resume(engine, limits, buffers);
        }
        self.check(engine, limits)
    }

    /// Runs what was read before.
    fn resume(&mut self, engine: &Engine, limits: &Limits, buffers: &mut Buffers) {
        if self.query.is_empty() {
            return;
        }
        let mut query = std::mem::take(&mut self.query);
        let used = self.run(engine, limits, &query, buffers);
        if used < query.len() && self.ending == Ending::No {
            query.drain(..used);
            // The buffer of a long request is not kept for the short ones after it.
            query.shrink_to(2 * query.len());
            self.query = query;
        }
    }

    /// Runs the requests that `input` begins with. Returns how much of it they were.
    #[inline]
    fn run(&mut self, engine: &Engine, limits: &Limits, input: &[u8], buffers: &mut Buffers) -> usize {
        self.output.lend(buffers);
        self.is_stranger = self.session.needs_login(engine);
        let mut used = 0;
        while self.ending == Ending::No && !self.session.is_blocked() {
            let request_limits =
                RequestLimits { word_bytes: limits.word_bytes, is_stranger: self.is_stranger };
            match self.parser.parse(&input[used..], request_limits) {
                Ok(Parsed::Request(length)) => {
                    let words = self.parser.words(&input[used..]);
                    if is_http(&words) {
                        // Whoever made a browser send this is not to see any answer.
                        self.output.clear();
                        self.ending = Ending::Answered;
                        break;
                    }
                    let was_subscribed = self.session.is_subscribed();
                    let reply = self.session.execute(engine, &words);
                    drop(words);
                    used += length;
                    self.is_stranger = self.is_stranger && self.session.needs_login(engine);
                    let is_silent = matches!(reply, Ok(Reply::Silence));
                    self.answer(reply);
                    if is_silent {
                        self.poll(engine);
                    }
                    // Confirmations are left in the inbox without a word, because whoever reads it has just asked for them.
                    if is_silent || was_subscribed || self.session.is_subscribed() || self.doorbell.was_rung()
                    {
                        self.collect();
                    }
                    if self.session.is_closing() {
                        self.ending = Ending::Answered;
                    }
                    if self.is_beyond(limits) {
                        break;
                    }
                }
                Ok(Parsed::Nothing(length)) => used += length,
                Ok(Parsed::Part(length)) => {
                    self.wanted = length;
                    break;
                }
                Err(error) => {
                    self.output.put(b"-ERR Protocol error: ");
                    let text = error.text();
                    self.output.put(
                        &text
                            .iter()
                            .map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte })
                            .collect::<Vec<_>>(),
                    );
                    self.output.put(b"\r\n");
                    self.ending = Ending::Answered;
                }
            }
        }
        used
    }

    #[inline]
    fn answer(&mut self, reply: Result<Reply>) {
        match reply {
            Ok(reply) => {
                protocol::reply(reply, self.session.protocol() == Protocol::Resp3, &mut self.output);
            }
            Err(refusal) => protocol::error(&refusal, &mut self.output),
        }
    }

    /// Takes the answer that was waited for, if it has come.
    fn poll(&mut self, engine: &Engine) {
        while self.session.is_blocked() {
            match self.session.poll(engine, &self.waker) {
                Some(reply) => self.answer(reply),
                None => break,
            }
        }
    }

    /// Takes messages from others.
    fn collect(&mut self) {
        let is_resp3 = self.session.protocol() == Protocol::Resp3;
        let inbox = self.session.inbox();
        if inbox.drain(|push| protocol::reply(push.into(), is_resp3, &mut self.output)) {
            inbox.wake_when_filled(&self.waker);
        } else {
            // He was told to go, or is too far behind.
            self.ending = Ending::Gone;
        }
    }

    /// Sends what there is to send. `None` if the connection is over with that.
    pub(crate) fn send(
        &mut self,
        engine: &Engine,
        limits: &Limits,
        buffers: &mut Buffers,
        now: UnixMs,
    ) -> io::Result<Option<Sent>> {
        let traffic = self.session.client().traffic();
        let waiting = self.output.len();
        traffic.output_peak_bytes.fetch_max(waiting, Ordering::Relaxed);
        let mut sent = self.output.send(&mut self.stream)?;
        let taken = (waiting - self.output.len()) as u64;
        traffic.sent_bytes.fetch_add(taken, Ordering::Relaxed);
        let totals = engine.statistics().traffic();
        totals.writes.fetch_add(1, Ordering::Relaxed);
        totals.sent_bytes.fetch_add(taken, Ordering::Relaxed);
        traffic.output_bytes.store(self.output.len(), Ordering::Relaxed);
        self.count_memory(engine, limits);
        if sent == Sent::All {
            self.output.give_back(buffers);
            if self.stream.has_unsent() {
                match io::Write::flush(&mut self.stream) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => sent = Sent::Blocked,
                    flushed => flushed?,
                }
            }
        }
        let soft_bytes = self.output_limit(limits).soft_bytes;
        if soft_bytes == 0 || self.output.len() <= soft_bytes {
            self.over_since = None;
        } else {
            self.over_since.get_or_insert(now);
        }
        let is_over = match self.ending {
            Ending::No => false,
            Ending::Answered => sent == Sent::All,
            Ending::Gone => sent != Sent::More,
        };
        Ok((!is_over).then_some(sent))
    }

    /// Has what it takes counted, where there is a limit for all connections together.
    #[inline]
    pub(crate) fn count_memory(&self, engine: &Engine, limits: &Limits) {
        if limits.clients_bytes > 0 {
            engine.clients().count_memory(self.session.client());
        }
    }

    /// Whether there is something to send, or the end to be found.
    pub(crate) fn has_to_send(&self) -> bool {
        self.ending != Ending::No || !self.output.is_empty() || self.stream.has_unsent()
    }

    /// Whether time alone can end it.
    pub(crate) fn is_over_soft_limit(&self) -> bool {
        self.over_since.is_some()
    }

    /// Ends it if it was silent for too long, or too much waited for too long to be sent.
    pub(crate) fn look_at_clock(&self, limits: &Limits, now: UnixMs) -> Fate {
        let is_silent = !limits.idle.is_zero()
            && !self.session.is_blocked()
            && !self.session.is_subscribed()
            && self.heard_at.saturating_add(limits.idle) < now;
        let is_behind = self
            .over_since
            .is_some_and(|since| since.saturating_add(self.output_limit(limits).soft_for) < now);
        if is_silent || is_behind { Fate::Ends } else { Fate::Goes }
    }

    fn output_limit<'l>(&self, limits: &'l Limits) -> &'l OutputLimit {
        if self.session.is_subscribed() { &limits.subscriber_output } else { &limits.output }
    }

    /// Whether more waits to be sent than may.
    fn is_beyond(&self, limits: &Limits) -> bool {
        let hard_bytes = self.output_limit(limits).hard_bytes;
        (hard_bytes > 0 && self.output.len() > hard_bytes)
            || (self.is_stranger && self.output.len() > OUTPUT_OF_STRANGERS)
    }

    fn check(&self, engine: &Engine, limits: &Limits) -> Fate {
        let traffic = self.session.client().traffic();
        traffic.query_bytes.store(self.query.len(), Ordering::Relaxed);
        traffic.query_free_bytes.store(self.query.capacity() - self.query.len(), Ordering::Relaxed);
        self.count_memory(engine, limits);
        let query_bytes =
            if self.is_stranger { QUERY_OF_STRANGERS.min(limits.query_bytes) } else { limits.query_bytes };
        let totals = engine.statistics().traffic();
        if self.is_beyond(limits) {
            totals.output_limit_disconnections.fetch_add(1, Ordering::Relaxed);
            Fate::Ends
        } else if self.query.len() > query_bytes {
            totals.query_limit_disconnections.fetch_add(1, Ordering::Relaxed);
            Fate::Ends
        } else {
            Fate::Goes
        }
    }

    /// Whether the caller waits for the answer of a command.
    pub(crate) fn is_blocked(&self) -> bool {
        self.session.is_blocked()
    }

    /// Closes the connection. What is left has still to be ended.
    pub(crate) fn close(self) -> Session {
        self.session
    }
}

/// Whether a browser sends a form: somebody's page that tries to reach a server behind his back.
#[inline]
fn is_http(words: &[&[u8]]) -> bool {
    matches!(words.first(), Some(name) if name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"HOST:"))
}
