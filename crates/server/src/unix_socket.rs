//! A Unix socket: a file that whoever may open it can connect to.
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::ServeError;

/// A Unix socket that takes connections. Its file goes with it.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: mio::net::UnixListener,
    path: PathBuf,
    /// Which file is its own: another server may have put one of the same name in its place.
    file: Option<(u64, u64)>,
}

impl UnixSocket {
    /// Makes the file, which only those may open whom `mode` lets, and begins to listen. One that a server left behind that is
    /// gone is replaced.
    pub(crate) fn listen(path: &Path, mode: u32, backlog: u32) -> Result<Self, ServeError> {
        let refused = |why: String| ServeError::Listen { address: path.display().to_string(), why };
        make_way(path)?;
        let open = || -> io::Result<UnixListener> {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&SockAddr::unix(path)?)?;
            // Nobody can connect before it listens, so nobody gets in while the mode is still what the process gives to files.
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
            socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
            socket.set_nonblocking(true)?;
            Ok(UnixListener::from(std::os::fd::OwnedFd::from(socket)))
        };
        let listener = open().map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::SocketInUse(path.to_owned()),
            _ => refused(error.to_string()),
        })?;
        let listener = mio::net::UnixListener::from_std(listener);
        Ok(Self { listener, path: path.to_owned(), file: identity(path) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn accept(&self) -> io::Result<mio::net::UnixStream> {
        self.listener.accept().map(|(stream, _)| stream)
    }
}

/// Removes a socket that nobody listens on any more, and nothing else.
#[expect(clippy::disallowed_methods, reason = "a socket is no file of a store")]
fn make_way(path: &Path) -> Result<(), ServeError> {
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
    if !there.file_type().is_socket() {
        return Err(ServeError::NoSocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| ServeError::Listen {
                address: path.display().to_string(),
                why: error.to_string(),
            })
        }
        _ => Err(ServeError::SocketInUse(path.to_owned())),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

impl Drop for UnixSocket {
    #[expect(clippy::disallowed_methods, reason = "a socket is no file of a store")]
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            // If it stays, the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Source for UnixSocket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.listener.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.listener.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.listener.deregister(registry)
    }
}
