//! Starting a server, and ending it.
use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use mio::Poll;
use parking_lot::{Condvar, Mutex};
use redlet_core::config::Config;
use redlet_core::{Engine, Program, Shutdown};

use crate::ServeError;
use crate::limits::Limits;
use crate::listener::{self, Address, Listener};
use crate::mailbox::Mailbox;
use crate::stream::Peer;
use crate::worker::{self, BELL, Worker};

/// Whose engine is served. It lives as long as the server.
pub trait Host: Send + Sync {
    /// The engine.
    fn engine(&self) -> &Engine;
}

impl Host for Engine {
    fn engine(&self) -> &Engine {
        self
    }
}

/// What the threads of a server share.
pub(crate) struct Shared {
    host: Arc<dyn Host>,
    mailboxes: Vec<Arc<Mailbox>>,
    connected: AtomicUsize,
    /// Grows whenever the configuration changes that limits follow from.
    limits_version: AtomicU64,
    /// How many threads still serve.
    serving: Mutex<usize>,
    ended: Condvar,
    /// What SHUTDOWN was told.
    shutdown: Mutex<Option<Shutdown>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("connected", &self.connected).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn engine(&self) -> &Engine {
        self.host.engine()
    }

    pub(crate) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.mailboxes
    }

    /// Grows whenever limits change.
    pub(crate) fn limits_version(&self) -> u64 {
        self.limits_version.load(Ordering::SeqCst)
    }

    fn limits_changed(&self) {
        self.limits_version.fetch_add(1, Ordering::SeqCst);
        self.mailboxes.iter().for_each(|mailbox| mailbox.ring());
    }

    /// Counts a caller in, or says why not.
    pub(crate) fn enter(&self, peer: &Peer, limits: &Limits) -> Result<(), &'static str> {
        // Where the listener listens was checked when it began to, but a password can be taken away later.
        if !peer.is_local() && self.engine().config().is_protected() && admits_anybody(self.engine()) {
            return Err(PROTECTED);
        }
        let room = self.connected.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |connected| {
            (connected < limits.clients).then_some(connected + 1)
        });
        let totals = self.engine().statistics().traffic();
        if room.is_err() {
            totals.rejected_connections.fetch_add(1, Ordering::Relaxed);
            return Err("-ERR max number of clients reached\r\n");
        }
        totals.connections.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts a caller out.
    pub(crate) fn leave(&self) {
        self.connected.fetch_sub(1, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.stop());
    }
}

/// Whether callers are let in who do not say who they are.
fn admits_anybody(engine: &Engine) -> bool {
    engine.acl().default_user().admits_anybody()
}

/// What a caller from elsewhere hears where there is no password.
const PROTECTED: &str = "-DENIED redlet is running in protected mode because no password is set for the default user. In this mode \
    connections are only accepted from the loopback interface. To connect from other machines, set a password for the default \
    user (CONFIG SET requirepass), or turn protected mode off (CONFIG SET protected-mode no) if nobody else can reach this one.\r\n";

/// How a server is started.
///
/// ```
/// use std::io::{Read, Write};
/// use std::sync::Arc;
/// use redlet_core::{Engine, EngineOptions, ManualClock, UnixMs};
/// use redlet_server::{Address, ServerBuilder};
///
/// let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
/// let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 16, shards: 64 });
/// let server = ServerBuilder::new(Arc::new(engine)).bind("127.0.0.1", 0).start()?;
/// let Address::Tcp(address) = server.addresses()[0] else { unreachable!() };
///
/// let mut connection = std::net::TcpStream::connect(address).unwrap();
/// connection.write_all(b"PING\r\n").unwrap();
/// let mut answer = [0; 7];
/// connection.read_exact(&mut answer).unwrap();
/// assert_eq!(&answer, b"+PONG\r\n");
/// # Ok::<(), redlet_server::ServeError>(())
/// ```
#[must_use = "nothing is served until the server is started"]
pub struct ServerBuilder {
    host: Arc<dyn Host>,
    bind: Vec<(String, u16)>,
    #[cfg(unix)]
    unix: Vec<PathBuf>,
    #[cfg(unix)]
    unix_mode: u32,
    #[cfg(feature = "tls")]
    tls: Option<(crate::TlsFiles, Vec<(String, u16)>)>,
    ends_by_shutdown: bool,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("bind", &self.bind).finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// A server for this host, which listens nowhere yet.
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self {
            host,
            bind: Vec::new(),
            #[cfg(unix)]
            unix: Vec::new(),
            #[cfg(unix)]
            unix_mode: 0o600,
            #[cfg(feature = "tls")]
            tls: None,
            ends_by_shutdown: false,
        }
    }

    /// Listens on an address, or on all addresses of a host's name; `*` is every address of the machine. Port 0 is any that is free;
    /// [`Server::addresses`] says which. A host with `-` before it may be missing on this machine.
    ///
    /// An address that other machines can reach is refused unless there is a password.
    pub fn bind(mut self, host: impl Into<String>, port: u16) -> Self {
        self.bind.push((host.into(), port));
        self
    }

    /// Listens where the text says: an address and a port (`127.0.0.1:6379`, `[::1]:6379`), or `unix:` and a path.
    ///
    /// # Errors
    /// [`ServeError::UnknownAddress`] if it is neither.
    pub fn listen(self, address: &str) -> Result<Self, ServeError> {
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(self.unix_socket(path));
        }
        let unknown = || ServeError::UnknownAddress(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(unknown)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(self.bind(host, port.parse().map_err(|_| unknown())?))
    }

    /// Listens on a Unix socket. A file of that name that a server left behind is replaced.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.unix.push(path.as_ref().to_owned());
        self
    }

    /// Who may open the Unix socket's file; 0600 unless set: the user whose process this is.
    #[cfg(unix)]
    pub fn unix_socket_mode(mut self, mode: u32) -> Self {
        self.unix_mode = mode;
        self
    }

    /// Listens for encrypted connections, too.
    #[cfg(feature = "tls")]
    pub fn bind_tls(mut self, files: crate::TlsFiles, host: impl Into<String>, port: u16) -> Self {
        let (_, bind) = self.tls.get_or_insert_with(|| (files.clone(), Vec::new()));
        bind.push((host.into(), port));
        if let Some((kept, _)) = &mut self.tls {
            *kept = files;
        }
        self
    }

    /// Sets a parameter, as a line of `redis.conf` would: `maxclients`, `timeout`, `requirepass`, `client-output-buffer-limit`,
    /// `tcp-backlog`, `io-threads`, ... They are the engine's, so `CONFIG GET` shows them, and `CONFIG SET` changes those that can
    /// be changed while the server runs.
    ///
    /// # Errors
    /// [`ServeError::Parameter`] if there is none of that name, or that is none of its values.
    pub fn parameter(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, ServeError> {
        let set = self.host.engine().configure(&[(name, value.as_ref())]);
        set.map(|()| self)
            .map_err(|refusal| ServeError::Parameter { name: name.to_owned(), why: refusal.to_string() })
    }

    /// Listens where the parameters say, too: `port`, `bind`, `unixsocket`, `tls-port`.
    ///
    /// # Errors
    /// [`ServeError::Tls`] if there is a port for encrypted connections, but not what they need.
    pub fn as_configured(mut self) -> Result<Self, ServeError> {
        let text = |name: &str| {
            let value = self.host.engine().config().get(name).unwrap_or_default();
            String::from_utf8_lossy(&value).into_owned()
        };
        let number = |name: &str| text(name).parse().unwrap_or(0);
        let (port, tls_port, hosts, socket) =
            (number("port"), number("tls-port"), text("bind"), text("unixsocket"));
        #[cfg(unix)]
        let mode = u32::from_str_radix(&text("unixsocketperm"), 8).unwrap_or(0);
        #[cfg(feature = "tls")]
        let files = crate::tls::TlsFiles::configured(text);
        for host in hosts.split_ascii_whitespace() {
            if port != 0 {
                self = self.bind(host, port);
            }
            if tls_port != 0 {
                #[cfg(feature = "tls")]
                {
                    self = self.bind_tls(files.clone()?, host, tls_port);
                }
                #[cfg(not(feature = "tls"))]
                return Err(ServeError::Tls("this program was built without it (feature `tls`)".into()));
            }
        }
        if !socket.is_empty() {
            #[cfg(unix)]
            {
                self = self.unix_socket(socket);
                // 0 is Redis's default, which leaves it to the process; here nobody else is let in unless that was asked for.
                if mode != 0 {
                    self.unix_mode = mode;
                }
            }
            #[cfg(not(unix))]
            return Err(ServeError::Listen {
                address: socket,
                why: "this system has no Unix sockets".into(),
            });
        }
        Ok(self)
    }

    /// `SHUTDOWN` ends the server; otherwise it is refused. For a program that exists to serve this store and ends then.
    ///
    /// # Panics
    /// If the engine serves such a program already.
    pub fn ends_by_shutdown(mut self) -> Self {
        self.ends_by_shutdown = true;
        self
    }

    /// Starts the server. When this returns it takes connections.
    ///
    /// # Errors
    /// [`ServeError`]: nothing was left behind.
    pub fn start(self) -> Result<Server, ServeError> {
        let listeners = self.open()?;
        let failed =
            |error: io::Error| ServeError::Listen { address: "the address".into(), why: error.to_string() };
        let addresses: Vec<Address> =
            listeners.iter().map(Listener::address).collect::<io::Result<_>>().map_err(failed)?;
        let threads = self.number("io-threads").max(1);
        let (mut polls, mut mailboxes) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let poll = Poll::new().map_err(failed)?;
            mailboxes.push(Arc::new(Mailbox::new(mio::Waker::new(poll.registry(), BELL).map_err(failed)?)));
            polls.push(poll);
        }
        let shared = Arc::new(Shared {
            host: self.host,
            mailboxes,
            connected: AtomicUsize::new(0),
            limits_version: AtomicU64::new(0),
            serving: Mutex::new(threads),
            ended: Condvar::new(),
            shutdown: Mutex::new(None),
        });
        if self.ends_by_shutdown {
            shared.engine().set_program(Arc::new(ServedProgram(Arc::downgrade(&shared))));
        }
        shared.engine().set_serve_others(worker::serve_others);
        let told = Arc::downgrade(&shared);
        let hook = move |_: &Config| {
            if let Some(shared) = told.upgrade() {
                shared.limits_changed();
            }
            Ok(())
        };
        shared.engine().config().on_change(Limits::PARAMETERS, Box::new(hook));
        let mut listeners = Some(listeners);
        let threads = polls
            .into_iter()
            .enumerate()
            .map(|(number, poll)| {
                let mailbox = Arc::clone(&shared.mailboxes[number]);
                let listeners = listeners.take().unwrap_or_default();
                let worker = Worker::new(Arc::clone(&shared), mailbox, poll, listeners);
                spawn(&shared, worker)
            })
            .collect();
        Ok(Server { shared, addresses, threads: Mutex::new(threads) })
    }

    fn number(&self, name: &str) -> usize {
        let value = self.host.engine().config().get(name).unwrap_or_default();
        String::from_utf8_lossy(&value).parse().unwrap_or(0)
    }

    fn open(&self) -> Result<Vec<Listener>, ServeError> {
        let mut listeners = Vec::new();
        for socket in self.listen_tcp(&self.bind)? {
            listeners.push(Listener::Tcp(socket));
        }
        #[cfg(feature = "tls")]
        if let Some((files, bind)) = &self.tls {
            let configuration = files.configuration()?;
            for socket in self.listen_tcp(bind)? {
                listeners.push(Listener::Tls(socket, Arc::clone(&configuration)));
            }
        }
        #[cfg(unix)]
        for path in &self.unix {
            let socket = crate::unix_socket::UnixSocket::listen(path, self.unix_mode, self.backlog())?;
            listeners.push(Listener::Unix(socket));
        }
        if listeners.is_empty() { Err(ServeError::Nowhere) } else { Ok(listeners) }
    }

    fn listen_tcp(&self, bind: &[(String, u16)]) -> Result<Vec<mio::net::TcpListener>, ServeError> {
        let mut sockets = Vec::new();
        for (host, port) in bind {
            let (host, may_be_missing) =
                host.strip_prefix('-').map_or((host.as_str(), false), |host| (host, true));
            for address in listener::resolve(host, *port)? {
                self.check_protected(address)?;
                match listener::listen(address, self.backlog()) {
                    Err(ServeError::NoSuchAddress(_) | ServeError::Listen { .. }) if may_be_missing => {}
                    socket => sockets.push(socket?),
                }
            }
        }
        Ok(sockets)
    }

    /// Refuses to let the whole world in.
    fn check_protected(&self, address: SocketAddr) -> Result<(), ServeError> {
        if listener::is_public(address.ip()) && admits_anybody(self.host.engine()) {
            return Err(ServeError::Unprotected(address));
        }
        Ok(())
    }

    fn backlog(&self) -> u32 {
        u32::try_from(self.number("tcp-backlog")).unwrap_or(u32::MAX)
    }
}

/// What SHUTDOWN ends: the server, and with it the program that waits for it.
#[derive(Debug)]
struct ServedProgram(Weak<Shared>);

impl Program for ServedProgram {
    fn shut_down(&self, how: Shutdown) -> redlet_core::Result<()> {
        if let Some(shared) = self.0.upgrade() {
            *shared.shutdown.lock() = Some(how);
            shared.stop();
        }
        Ok(())
    }

    fn abort_shutdown(&self) -> bool {
        false
    }
}

#[expect(clippy::disallowed_methods, reason = "a server is a thread that waits for others")]
fn spawn(shared: &Arc<Shared>, worker: Worker) -> JoinHandle<io::Result<()>> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let served = worker.run();
        // When one thread cannot go on, the server does not go on with half of its connections.
        shared.stop();
        *shared.serving.lock() -= 1;
        shared.ended.notify_all();
        served
    })
}

/// A server that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    threads: Mutex<Vec<JoinHandle<io::Result<()>>>>,
}

impl Server {
    /// Where it listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many callers are connected now.
    pub fn connections(&self) -> usize {
        self.shared.connected.load(Ordering::SeqCst)
    }

    /// Ends the server: it lets nobody in any more, sends the answers that are there, as far as they are taken at once, and closes all
    /// connections. Scripts that take longer than `busy-reply-threshold` end with it, whatever they have written; the others are waited
    /// for. Returns when that is done. Safe to call more than once, and from any thread but the server's own.
    pub fn stop(&self) {
        self.shared.stop();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A panic was printed by the thread; there is nobody to hand it on to here.
            let _ = thread.join();
        }
    }

    /// Waits until the server ends, because somebody calls [`Server::stop`], or by `SHUTDOWN`: then this says how.
    pub fn wait(&self) -> Option<Shutdown> {
        let mut serving = self.shared.serving.lock();
        while *serving > 0 {
            self.shared.ended.wait(&mut serving);
        }
        *self.shared.shutdown.lock()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
