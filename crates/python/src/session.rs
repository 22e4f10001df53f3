//! What a connection of redis-py holds in the place of a socket: one caller by words, whose answers are read when they have come.
#![expect(
    clippy::disallowed_methods,
    reason = "who waits for a number of seconds does so by the machine's clock"
)]
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, OnceLock, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use redlet::Reply;
use redlet::core::session::Protocol;
use redlet_server::protocol::{Parsed, Parser, RequestLimits};

use crate::inside::detached;
use crate::pollable::Pollable;
use crate::registry::Opened;
use crate::reply::{self, Decoding};
use crate::store::{Gone, Store};
use crate::words::{self, Encoding, Word, Words};
use crate::{errors, registry};

/// The main thread looks so often whether Ctrl-C was pressed while it waits.
const SIGNALS_LOOKED_AT: Duration = Duration::from_millis(50);
/// What redis-py says of a connection that the other side has closed.
const CLOSED: &str = "Connection closed by server.";

/// One caller by words. Commands are sent at any time; answers and messages are read in order, and waited for without the
/// interpreter's lock.
#[pyclass(frozen, weakref, module = "redlet._native")]
#[derive(Debug)]
pub(crate) struct Session {
    state: Mutex<State>,
    bell: Arc<Bell>,
    encoding: Encoding,
    born: u32,
}

#[derive(Debug)]
struct State {
    /// `None` once it was closed.
    session: Option<redlet::Session>,
    /// The store stays open for as long as it has a session.
    opened: Option<Arc<Opened>>,
    /// Rings the bell.
    waker: Waker,
    /// Answered and not read.
    answers: VecDeque<Answer>,
    /// Sent while a command waited that came before.
    backlog: VecDeque<Vec<Vec<u8>>>,
    /// Bytes of a request that came in pieces.
    query: Vec<u8>,
    parser: Parser,
}

#[derive(Debug)]
enum Answer {
    Reply(redlet::Result<Reply>),
    Push(Reply),
}

/// What a connection sends at once.
enum Sent<'a> {
    /// The words of a command.
    Words(Words<'a>),
    /// Requests in the protocol of Redis, which may begin or end anywhere.
    Bytes(Word<'a>),
}

/// How a reader hears that something has come.
#[derive(Debug, Default)]
struct Bell {
    /// Something happened that nobody has looked at.
    was_rung: AtomicBool,
    /// There is something to read, or it is over.
    is_full: AtomicBool,
    sleepers: AtomicUsize,
    /// The descriptor has to say whether there is something, not only whether there may be.
    is_exact: AtomicBool,
    /// The standard library's, which a fork leaves whole: who sleeps has nothing locked that others share.
    lock: std::sync::Mutex<()>,
    rung: Condvar,
    /// For readers that wait in an event loop.
    pollable: OnceLock<Pollable>,
}

impl Bell {
    fn ring(&self) {
        self.was_rung.store(true, Ordering::SeqCst);
        if let Some(pollable) = self.pollable.get() {
            pollable.set(|| true);
        }
        self.wake_sleepers();
    }

    fn wake_sleepers(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            // Whoever is about to sleep holds the lock from his last look until he sleeps.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.rung.notify_all();
        }
    }

    fn has_news(&self) -> bool {
        self.was_rung.load(Ordering::SeqCst) || self.is_full.load(Ordering::SeqCst)
    }

    /// Waits until there are news, or until a moment.
    fn wait(&self, until: Option<Instant>) {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.has_news() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            lock = match left {
                Some(Duration::ZERO) => break,
                Some(left) => self.rung.wait_timeout(lock, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.rung.wait(lock).unwrap_or_else(PoisonError::into_inner),
            };
        }
        drop(lock);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl State {
    fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        // Who was told to go is not heard any more.
        let Some(session) = self.session.as_mut().filter(|session| !session.is_closing()) else { return };
        if session.is_blocked() || !self.backlog.is_empty() {
            self.backlog.push_back(words.iter().map(|word| word.as_ref().to_vec()).collect());
        } else {
            self.begin(words);
        }
    }

    fn begin<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        if let Some(answer) = self.session.as_mut().and_then(|session| session.begin(words)) {
            self.keep(answer);
        }
        self.collect();
    }

    fn is_blocked(&self) -> bool {
        self.session.as_ref().is_some_and(redlet::Session::is_blocked)
    }

    fn keep(&mut self, answer: redlet::Result<Reply>) {
        if !matches!(answer, Ok(Reply::Silence)) {
            self.answers.push_back(Answer::Reply(answer));
        }
    }

    /// Messages come after the answer of the command that was run before them, as they do from a server.
    fn collect(&mut self) {
        while let Some(push) = self.session.as_mut().and_then(redlet::Session::take_push) {
            self.answers.push_back(Answer::Push(push));
        }
    }

    /// Looks after what others did, and goes on with what was sent.
    fn attend(&mut self) {
        while let Some(session) = self.session.as_mut().filter(|session| session.is_blocked()) {
            let Some(answer) = session.poll(&self.waker) else { break };
            self.keep(answer);
            while !self.is_blocked()
                && let Some(words) = self.backlog.pop_front()
            {
                self.begin(&words);
            }
        }
        self.collect();
    }

    /// Runs the requests that some bytes are, in the protocol of Redis.
    fn run_bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut query = std::mem::take(&mut self.query);
        query.extend_from_slice(bytes);
        let (mut used, mut parser) = (0, std::mem::take(&mut self.parser));
        let limits = RequestLimits { word_bytes: 512 << 20, is_stranger: false };
        let result = loop {
            match parser.parse(&query[used..], limits) {
                Ok(Parsed::Request(length)) => {
                    let words = parser.words(&query[used..]);
                    self.run(&words);
                    used += length;
                }
                Ok(Parsed::Nothing(length)) => used += length,
                Ok(Parsed::Part(_)) => break Ok(()),
                Err(error) => break Err(String::from_utf8_lossy(&error.text()).into_owned()),
            }
            if used == query.len() {
                break Ok(());
            }
        };
        query.drain(..used);
        (self.query, self.parser) = (query, parser);
        result
    }
}

/// What a look at the answers has found.
enum Found {
    Answer(Answer, Protocol),
    Nothing,
    Closed,
}

impl Session {
    /// A caller on a store, in its database.
    pub(crate) fn on(py: Python<'_>, store: &Store) -> PyResult<Self> {
        let session =
            store.with(py, |redis| Ok(redis.session()))?.map_err(|error| errors::raised(py, &error))?;
        let bell = Arc::new(Bell::default());
        Ok(Self {
            state: Mutex::new(State {
                session: Some(session),
                opened: Some(store.opened(py)?),
                waker: Waker::from(Arc::clone(&bell)),
                answers: VecDeque::new(),
                backlog: VecDeque::new(),
                query: Vec::new(),
                parser: Parser::default(),
            }),
            bell,
            encoding: store.encoding.clone(),
            born: registry::forks(),
        })
    }

    /// Sends one command and waits for its answer.
    pub(crate) fn run_one<'py>(
        &self,
        py: Python<'py>,
        words: &[Word<'_>],
        decoding: Decoding<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.act(py, |state| state.run(words))?;
        self.next(py, None, decoding)
    }

    /// Does something to the state, without the interpreter's lock, and sees to the descriptor afterwards.
    fn act<T: Send>(&self, py: Python<'_>, body: impl FnOnce(&mut State) -> T + Send) -> PyResult<T> {
        if self.born != registry::forks() {
            return Err(Gone::Forked.raised(py));
        }
        Ok(detached(py, || {
            let mut state = self.state.lock();
            let result = body(&mut state);
            self.show(&mut state);
            result
        }))
    }

    /// Others who read hear of what there is now, and the descriptor is readable while there is something to read.
    fn show(&self, state: &mut State) {
        let pollable = self.bell.pollable.get();
        if self.bell.is_exact.load(Ordering::SeqCst) && state.answers.is_empty() {
            // What has rung is looked at now, and a command that waits rings from now on.
            self.bell.was_rung.store(false, Ordering::SeqCst);
            state.attend();
        }
        let is_over = state.session.as_ref().is_none_or(redlet::Session::is_closing);
        let is_full = is_over || !state.answers.is_empty();
        self.bell.is_full.store(is_full, Ordering::SeqCst);
        if is_full {
            self.bell.wake_sleepers();
        }
        if let Some(pollable) = pollable {
            if let Some(session) = &state.session {
                session.wake_when_pushed(&state.waker);
            }
            pollable.set(|| is_full || self.bell.was_rung.load(Ordering::SeqCst));
        }
    }

    fn look(&self, state: &mut State) -> Found {
        if state.answers.is_empty() {
            self.bell.was_rung.store(false, Ordering::SeqCst);
            state.attend();
        }
        let Some(session) = &state.session else { return Found::Closed };
        let protocol = session.protocol();
        match state.answers.pop_front() {
            Some(answer) => Found::Answer(answer, protocol),
            None if session.is_closing() => Found::Closed,
            None => {
                session.wake_when_pushed(&state.waker);
                Found::Nothing
            }
        }
    }

    /// The same as [`Session::look`] at the state that nobody else has, with the interpreter's lock where that is not for long: nothing is run then,
    /// and nothing waited for.
    fn look_now(&self, py: Python<'_>) -> PyResult<Found> {
        if self.born == registry::forks()
            && let Some(mut state) = self.state.try_lock()
            && state.session.as_ref().is_some_and(|session| !session.is_blocked())
        {
            let found = self.look(&mut state);
            self.show(&mut state);
            return Ok(found);
        }
        self.act(py, |state| self.look(state))
    }

    /// Waits until there is something to read. False if the time is over before.
    fn wait(&self, py: Python<'_>, until: Option<Instant>) -> PyResult<bool> {
        let is_main = is_main_thread(py)?;
        loop {
            let slice = is_main.then(|| Instant::now() + SIGNALS_LOOKED_AT);
            py.detach(|| self.bell.wait(slice.into_iter().chain(until).min()));
            // Before anything is taken, which would be lost if Ctrl-C was pressed meanwhile.
            py.check_signals()?;
            if self.bell.has_news() {
                return Ok(true);
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(false);
            }
        }
    }

    fn next<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        decoding: Decoding<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut until = None;
        loop {
            match self.look_now(py)? {
                Found::Answer(answer, protocol) => return convert(py, answer, protocol, decoding),
                Found::Closed => return Err(errors::connection_error(py, CLOSED)),
                Found::Nothing => {
                    let until = *until.get_or_insert_with(|| deadline(timeout));
                    if !self.wait(py, until)? {
                        return Err(PyTimeoutError::new_err("nothing came in time"));
                    }
                }
            }
        }
    }
}

fn deadline(timeout: Option<f64>) -> Option<Instant> {
    let timeout = Duration::try_from_secs_f64(timeout?.max(0.0)).ok()?;
    Instant::now().checked_add(timeout)
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}

fn convert<'py>(
    py: Python<'py>,
    answer: Answer,
    protocol: Protocol,
    decoding: Decoding<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let in_protocol = |reply: Reply| if protocol == Protocol::Resp2 { reply.into_resp2() } else { reply };
    match answer {
        Answer::Reply(Ok(reply)) | Answer::Push(reply) => reply::to_python(py, &in_protocol(reply), decoding),
        Answer::Reply(Err(error)) => Err(errors::raised(py, &error)),
    }
}

#[pymethods]
impl Session {
    /// A caller on a store, who speaks a protocol, with a name for `CLIENT LIST`.
    #[new]
    #[pyo3(signature = (store, protocol=3, name=None))]
    fn new(py: Python<'_>, store: &Store, protocol: u8, name: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let session = Self::on(py, store)?;
        if protocol == 3 {
            session.run_one(py, &[Word::Borrowed(b"HELLO"), Word::Borrowed(b"3")], Decoding::Bytes)?;
        }
        if let Some(name) = name {
            let name = words::word(name.as_borrowed(), &session.encoding)?;
            let words = [Word::Borrowed(b"CLIENT"), Word::Borrowed(b"SETNAME"), name];
            session.run_one(py, &words, Decoding::Bytes)?;
        }
        Ok(session)
    }

    /// Sends a command. It is run at once, unless one before it waits.
    #[pyo3(signature = (*words))]
    fn send(&self, py: Python<'_>, words: &Bound<'_, PyTuple>) -> PyResult<()> {
        let words = words::command(words, &self.encoding)?;
        self.act(py, |state| state.run(&words))
    }

    /// Sends commands, each a tuple of its words or the bytes of requests as a server would get them. All of them are understood before
    /// the first is run.
    fn send_all(&self, py: Python<'_>, commands: &Bound<'_, PyAny>) -> PyResult<()> {
        let commands: Vec<Bound<'_, PyAny>> = commands.try_iter()?.collect::<PyResult<_>>()?;
        let sent: Vec<Sent<'_>> = commands
            .iter()
            .map(|command| match command.cast::<PyTuple>() {
                Ok(words) => words::command(words, &self.encoding).map(Sent::Words),
                Err(_) => words::word(command.as_borrowed(), &self.encoding).map(Sent::Bytes),
            })
            .collect::<PyResult<_>>()?;
        let refused = self.act(py, |state| {
            sent.iter().find_map(|one| match one {
                Sent::Words(words) => {
                    state.run(words);
                    None
                }
                Sent::Bytes(bytes) => state.run_bytes(bytes).err(),
            })
        })?;
        refused
            .map_or(Ok(()), |refused| Err(errors::connection_error(py, format!("Protocol error: {refused}"))))
    }

    /// The next answer or message; waits for it, so many seconds at most. Refusals are raised.
    #[pyo3(signature = (timeout=None, decode=false))]
    fn read<'py>(&self, py: Python<'py>, timeout: Option<f64>, decode: bool) -> PyResult<Bound<'py, PyAny>> {
        self.next(py, timeout, if decode { Decoding::Text(&self.encoding) } else { Decoding::Bytes })
    }

    /// The same if there is one: then a tuple of one.
    #[pyo3(signature = (decode=false))]
    fn read_now<'py>(&self, py: Python<'py>, decode: bool) -> PyResult<Option<(Bound<'py, PyAny>,)>> {
        let decoding = if decode { Decoding::Text(&self.encoding) } else { Decoding::Bytes };
        match self.look_now(py)? {
            Found::Answer(answer, protocol) => Ok(Some((convert(py, answer, protocol, decoding)?,))),
            Found::Closed => Err(errors::connection_error(py, CLOSED)),
            Found::Nothing => Ok(None),
        }
    }

    /// Whether there is something to read; waits for it, so many seconds at most.
    #[pyo3(signature = (timeout=0.0))]
    fn can_read(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let mut until = None;
        loop {
            let found = match self.look_now(py)? {
                Found::Answer(answer, _) => {
                    self.act(py, |state| state.answers.push_front(answer))?;
                    Some(true)
                }
                Found::Nothing => Some(false),
                Found::Closed => None,
            };
            match found {
                Some(true) => return Ok(true),
                None => return Err(errors::connection_error(py, CLOSED)),
                Some(false) if timeout == Some(0.0) => return Ok(false),
                Some(false) => {
                    if !self.wait(py, *until.get_or_insert_with(|| deadline(timeout)))? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// A descriptor that is readable exactly while there is something to read. From now on an answer is taken as soon as it comes, and is lost, as in the
    /// buffer of a socket, if the session is closed before it is read.
    fn fileno(&self, py: Python<'_>) -> PyResult<i64> {
        self.bell.is_exact.store(true, Ordering::SeqCst);
        self.descriptor(py)
    }

    /// A descriptor that is readable while there may be something to read; [`Session::read_now`] says whether. An answer is taken by nobody else.
    fn descriptor(&self, py: Python<'_>) -> PyResult<i64> {
        let pollable = match self.bell.pollable.get() {
            Some(pollable) => pollable,
            None => {
                let pollable = Pollable::new()?;
                self.bell.pollable.get_or_init(|| pollable)
            }
        };
        self.act(py, |_| ())?;
        Ok(pollable.descriptor())
    }

    /// The database that it has selected.
    #[getter]
    fn db(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        self.act(py, |state| state.session.as_ref().map(redlet::Session::db))
    }

    /// Whether a command waits.
    #[getter]
    fn is_blocked(&self, py: Python<'_>) -> PyResult<bool> {
        self.act(py, |state| state.session.as_ref().is_some_and(redlet::Session::is_blocked))
    }

    /// What a HELLO would tell.
    fn handshake<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.run_one(py, &[Word::Borrowed(b"HELLO")], Decoding::Bytes)
    }

    /// Ends it: what it waits for is given up and goes to others. Whoever reads is told.
    fn close(&self, py: Python<'_>) {
        if self.born != registry::forks() {
            return;
        }
        detached(py, || {
            let session = {
                let mut state = self.state.lock();
                state.answers.clear();
                state.backlog.clear();
                (state.session.take(), state.opened.take())
            };
            drop(session);
            self.bell.is_full.store(true, Ordering::SeqCst);
            self.bell.ring();
        });
    }

    /// As a socket has it, for whoever takes this for one.
    #[pyo3(signature = (_how=2))]
    fn shutdown(&self, py: Python<'_>, _how: i32) {
        self.close(py);
    }

    /// As a socket has it: nothing that a session does takes longer than it is told to wait.
    #[expect(clippy::unused_self, reason = "a method of sockets")]
    fn settimeout(&self, _timeout: Option<f64>) {}

    /// As a socket has it.
    fn sendall(&self, py: Python<'_>, bytes: &Bound<'_, PyBytes>) -> PyResult<()> {
        self.send_all(py, PyTuple::new(py, [bytes])?.as_any())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.born != registry::forks() {
            // In the child of a fork it belongs to the parent, whose locks may be held for ever here.
            let state = self.state.get_mut();
            std::mem::forget((state.session.take(), state.opened.take()));
        }
    }
}
