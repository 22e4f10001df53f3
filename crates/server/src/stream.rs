//! A connection's bytes, whatever carries them.
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

use redlet_core::session::Origin;

use crate::limits::Limits;

/// Who is at the other end, and where he came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Tcp {
        peer: SocketAddr,
        local: SocketAddr,
    },
    #[cfg(unix)]
    Unix {
        path: String,
    },
}

impl Peer {
    /// Whether he is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Peer::Tcp { peer, .. } => peer.ip().to_canonical().is_loopback(),
            #[cfg(unix)]
            Peer::Unix { .. } => true,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::TlsStream>),
}

macro_rules! each {
    ($stream:expr, $inner:ident => $do:expr) => {
        match $stream {
            Stream::Tcp($inner) => $do,
            #[cfg(unix)]
            Stream::Unix($inner) => $do,
            #[cfg(feature = "tls")]
            Stream::Tls($inner) => $do,
        }
    };
}

impl Stream {
    /// Whether a read that brought less than it could have was the last for now. Otherwise only the next one says so.
    pub(crate) fn short_read_is_last(&self) -> bool {
        match self {
            // Only Unix's readiness goes by what is there; on Windows it is armed again by a read that would block.
            Stream::Tcp(_) => cfg!(unix),
            #[cfg(unix)]
            Stream::Unix(_) => true,
            #[cfg(feature = "tls")]
            Stream::Tls(_) => false,
        }
    }

    /// What others are shown of where it comes from.
    pub(crate) fn origin(&self, peer: &Peer) -> Origin {
        let (address, local_address, is_unix_socket) = match peer {
            Peer::Tcp { peer, local } => (peer.to_string(), local.to_string(), false),
            #[cfg(unix)]
            Peer::Unix { path } => (format!("{path}:0"), format!("{path}:0"), true),
        };
        Origin { address, local_address, file: self.file(), is_unix_socket }
    }

    #[cfg(unix)]
    fn file(&self) -> i64 {
        use std::os::fd::AsRawFd;

        match self {
            Stream::Tcp(socket) => socket.as_raw_fd(),
            Stream::Unix(socket) => socket.as_raw_fd(),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.socket().as_raw_fd(),
        }
        .into()
    }

    #[cfg(not(unix))]
    fn file(&self) -> i64 {
        -1
    }

    /// Sets what the system does with it. A system that cannot is no reason to send anybody away.
    pub(crate) fn set_options(&self, limits: &Limits) {
        let socket = match self {
            Stream::Tcp(socket) => socket,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.socket(),
            #[cfg(unix)]
            Stream::Unix(_) => return,
        };
        let _ = socket.set_nodelay(true);
        if !limits.keep_alive.is_zero() {
            let pause = (limits.keep_alive / 3).max(Duration::from_secs(1));
            let keep_alive = TcpKeepalive::new().with_time(limits.keep_alive).with_interval(pause);
            #[cfg(not(windows))]
            let keep_alive = keep_alive.with_retries(3);
            let _ = SockRef::from(socket).set_tcp_keepalive(&keep_alive);
        }
    }

    /// Tells a caller why he is not let in. One who expects to be spoken to in secret hears nothing.
    pub(crate) fn refuse(&mut self, why: &str) -> io::Result<()> {
        match self {
            #[cfg(feature = "tls")]
            Stream::Tls(_) => Ok(()),
            _ => self.write_all(why.as_bytes()),
        }
    }

    /// Whether bytes that were written wait for the caller to read.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.has_unsent(),
            _ => false,
        }
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        each!(self, stream => stream.read(into))
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, stream => stream.write(bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, stream => stream.write_vectored(pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        each!(self, stream => stream.flush())
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(self, stream => stream.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(self, stream => stream.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        each!(self, stream => stream.deregister(registry))
    }
}
