//! Which stores are open in this process, and who may share them. The rules, which never change:
//!
//! * without a path and without a name, a store is private: memory of its own;
//! * a name is memory that everybody in the process shares who uses it, for as long as somebody does;
//! * a path is one store however often it is opened in the process; who opens it first says how, and asking for something else
//!   afterwards is refused.
//!
//! A store is closed with its last handle.
#![expect(
    clippy::disallowed_methods,
    reason = "the socket of an owner is told of by a file beside the store's own"
)]
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;
use redlet::server::Server;
use redlet::{Builder, Error, Redis};

use crate::inside::{self, detached};

/// How often this process was forked from one that had this module loaded.
static FORKS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// A child of a fork has the memory of its parent and none of its threads, so it must use none of its parent's stores. What was open is left
/// as it is, because closing it would write to the parent's files; only locks of files are let go, which the child has inherited and would keep
/// when its parent has ended.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    // A lock that was held in the moment of the fork is never let go here.
    if let Some(table) = stores().table.try_lock() {
        table.values().filter_map(Weak::upgrade).for_each(|opened| {
            opened.redis.abandon_after_fork();
            std::mem::forget(opened);
        });
        std::mem::forget(table);
    }
    FORKS.fetch_add(1, Ordering::Relaxed);
    inside::forget_all();
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Memory of its own, with a number.
    Private(u64),
    /// Memory that is shared by name.
    Named(String),
    /// A folder.
    Path(PathBuf),
}

/// An open store, and what goes with it.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Comes first, so that nobody is served any more when the store is closed.
    serving: Mutex<Option<Serving>>,
    /// Where it listens for as long as it is open, each with what was asked for and the addresses that came of it.
    listeners: Mutex<Vec<(String, Listening)>>,
    pub(crate) redis: Redis,
    pub(crate) place: Place,
    /// What it was opened with, as far as others may ask for it too.
    asked: Asked,
    /// Comes last: the store is closed then.
    _leaving: Leaving,
}

/// Takes a store off the table when it is closed, and tells those who wait for that to open it again.
#[derive(Debug)]
struct Leaving(Place);

impl Drop for Leaving {
    fn drop(&mut self) {
        let stores = stores();
        let mut table = stores.table.lock();
        if table.get(&self.0).is_some_and(|opened| opened.strong_count() == 0) {
            table.remove(&self.0);
        }
        stores.closed.notify_all();
    }
}

/// What can be asked for when a store is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) fsync: Option<redlet::Fsync>,
    pub(crate) databases: Option<usize>,
    pub(crate) parameters: Vec<(String, String)>,
}

/// A listener on a Unix socket, or on an address.
#[derive(Debug)]
struct Serving {
    server: Server,
    /// Where the socket is, and where others look for it.
    socket: Option<PathBuf>,
    notice: Option<PathBuf>,
    /// Removed at the end.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(notice) = &self.notice {
            // Somebody who looks meanwhile finds a socket that nobody listens at, and says so.
            let _ = std::fs::remove_file(notice);
        }
        self.server.stop();
    }
}

/// The file in a store's folder that names the socket of whoever has it open.
pub(crate) const NOTICE: &str = "listener";
/// The socket itself, where its path is not too long for one.
const SOCKET: &str = "socket";
/// The longest path of a Unix socket that all systems take.
const LONGEST_SOCKET_PATH: usize = 100;

/// A server, and where it can be reached.
pub(crate) type Listening = (Server, Vec<String>);

/// The stores that are open.
#[derive(Default)]
struct Stores {
    table: Mutex<HashMap<Place, Weak<Opened>>>,
    /// One of them was closed.
    closed: Condvar,
}

/// Those of this process. Each generation of forks has a table of its own, because the lock of its parent's may be held by a thread that does
/// not exist any more.
fn stores() -> &'static Stores {
    const GENERATIONS: usize = 64;
    static STORES: [OnceLock<Stores>; GENERATIONS] = [const { OnceLock::new() }; GENERATIONS];
    STORES[(forks() as usize).min(GENERATIONS - 1)].get_or_init(Stores::default)
}

impl Opened {
    /// A store that nobody else has.
    pub(crate) fn private(builder: Builder) -> Result<Arc<Self>, Error> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let place = Place::Private(NUMBERS.fetch_add(1, Ordering::Relaxed));
        let opened = Self::new(builder.build()?, place.clone(), Asked::default());
        stores().table.lock().insert(place, Arc::downgrade(&opened));
        Ok(opened)
    }

    /// A store that others in the process have too, if they ask for the same.
    pub(crate) fn shared(place: Place, asked: Asked, builder: Builder) -> Result<Arc<Self>, Error> {
        let stores = stores();
        // Held while the store is opened: two threads that want the same one have it opened once.
        let mut table = stores.table.lock();
        while let Some(opened) = table.get(&place) {
            let Some(opened) = opened.upgrade() else {
                // Somebody is closing it just now.
                stores.closed.wait(&mut table);
                continue;
            };
            let same = [
                asked.fsync.is_none_or(|_| asked.fsync == opened.asked.fsync),
                asked.databases.is_none_or(|wanted| wanted == opened.redis.databases()),
                asked.parameters.iter().all(|one| opened.asked.parameters.contains(one)),
            ];
            // Should this be its last handle, it is closed without the lock.
            drop(table);
            if same != [true; 3] {
                return Err(Error::Options(
                    "the store is open in this process with other options; open it with the same ones, or with none to share it",
                ));
            }
            return Ok(opened);
        }
        let redis = match &place {
            Place::Path(path) => {
                let redis = builder.path(path).build()?;
                // What an owner has left that was killed: the store is ours now, so nobody else listens.
                for name in [NOTICE, SOCKET] {
                    let _ = std::fs::remove_file(path.join(name));
                }
                redis
            }
            _ => builder.build()?,
        };
        let opened = Self::new(redis, place.clone(), asked);
        table.insert(place, Arc::downgrade(&opened));
        Ok(opened)
    }

    fn new(redis: Redis, place: Place, asked: Asked) -> Arc<Self> {
        let leaving = Leaving(place.clone());
        Arc::new(Self {
            serving: Mutex::default(),
            listeners: Mutex::default(),
            redis,
            place,
            asked,
            _leaving: leaving,
        })
    }

    /// The private store of a number, if it is still open.
    pub(crate) fn numbered(number: u64) -> Option<Arc<Self>> {
        stores().table.lock().get(&Place::Private(number)).and_then(Weak::upgrade)
    }

    /// The Unix socket that other processes reach the store at; opened when it is asked for the first time.
    pub(crate) fn socket(&self) -> Result<PathBuf, Error> {
        let mut serving = self.serving.lock();
        if let Some(socket) = serving.as_ref().and_then(|serving| serving.socket.clone()) {
            return Ok(socket);
        }
        let beside = match &self.place {
            Place::Path(folder) => Some(folder.join(SOCKET)),
            _ => None,
        };
        let near = beside.filter(|path| path.as_os_str().len() <= LONGEST_SOCKET_PATH);
        let (socket, folder) = match near {
            Some(path) => (path, None),
            None => {
                let folder = tempfile::Builder::new().prefix("redlet-").tempdir().map_err(|_| {
                    Error::Options("no folder for a socket could be made where temporary files are")
                })?;
                (folder.path().join(SOCKET), Some(folder))
            }
        };
        let server = self.redis.serve(&format!("unix:{}", socket.display()))?;
        let notice = match &self.place {
            Place::Path(folder) => Some(folder.join(NOTICE)),
            _ => None,
        };
        if let Some(notice) = &notice {
            std::fs::write(notice, socket.as_os_str().as_encoded_bytes())
                .map_err(|_| Error::Options("the file `listener` in the store's folder cannot be written"))?;
        }
        *serving = Some(Serving { server, socket: Some(socket.clone()), notice, _folder: folder });
        Ok(socket)
    }

    /// Where the socket is, if it is open.
    pub(crate) fn open_socket(&self) -> Option<PathBuf> {
        self.serving.lock().as_ref()?.socket.clone()
    }

    /// Listens at an address until the server is dropped. Says where, with the port that was chosen for 0.
    pub(crate) fn serve(&self, address: &str) -> Result<Listening, Error> {
        let server = self.redis.serve(address)?;
        let addresses = server.addresses().iter().map(ToString::to_string).collect();
        Ok((server, addresses))
    }

    /// The same until the store is closed; once, however often it is asked for.
    pub(crate) fn listen(&self, address: &str) -> Result<Vec<String>, Error> {
        let mut listeners = self.listeners.lock();
        if let Some((_, (_, addresses))) = listeners.iter().find(|(asked, _)| asked == address) {
            return Ok(addresses.clone());
        }
        let (server, addresses) = self.serve(address)?;
        listeners.push((address.to_owned(), (server, addresses.clone())));
        Ok(addresses)
    }
}

/// The socket that the owner of a store has put up for others, if it says so.
pub(crate) fn noticed_socket(folder: &Path) -> Option<PathBuf> {
    let bytes = std::fs::read(folder.join(NOTICE)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(PathBuf::from(text))
}

/// Brings everything that was written to the disk: the interpreter ends.
#[pyfunction]
pub(crate) fn sync_all(py: Python<'_>) {
    detached(py, || {
        let opened: Vec<_> = stores().table.lock().values().filter_map(Weak::upgrade).collect();
        for store in opened {
            // Whoever wants to know closes the store.
            let _ = store.redis.sync();
        }
    });
}

/// A path by which a store is known, however it was written. The folder itself need not be there yet.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = absolute.canonicalize() {
        return real;
    }
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute,
    }
}
