//! Where connections come in.
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
#[cfg(feature = "tls")]
use std::sync::Arc;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::ServeError;
use crate::stream::{Peer, Stream};
#[cfg(unix)]
use crate::unix_socket::UnixSocket;

/// A place where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The same, for encrypted connections.
    Tls(SocketAddr),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Tls(address) => write!(f, "{address} (TLS)"),
            #[cfg(unix)]
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(mio::net::TcpListener),
    #[cfg(feature = "tls")]
    Tls(mio::net::TcpListener, Arc<rustls::ServerConfig>),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Listener {
    /// Where it listens: the port that was found if it was asked for any.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            #[cfg(feature = "tls")]
            Listener::Tls(listener, _) => listener.local_addr().map(Address::Tls),
            #[cfg(unix)]
            Listener::Unix(socket) => Ok(Address::Unix(socket.path().to_owned())),
        }
    }

    pub(crate) fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = accept_tcp(listener)?;
                Ok((Stream::Tcp(stream), peer))
            }
            #[cfg(feature = "tls")]
            Listener::Tls(listener, configuration) => {
                let (stream, peer) = accept_tcp(listener)?;
                Ok((Stream::Tls(Box::new(crate::tls::TlsStream::new(configuration, stream)?)), peer))
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let peer = Peer::Unix { path: socket.path().display().to_string() };
                Ok((Stream::Unix(socket.accept()?), peer))
            }
        }
    }
}

fn accept_tcp(listener: &mio::net::TcpListener) -> io::Result<(mio::net::TcpStream, Peer)> {
    let (stream, peer) = listener.accept()?;
    let local = stream.local_addr()?;
    Ok((stream, Peer::Tcp { peer, local }))
}

macro_rules! each {
    ($listener:expr, $inner:ident => $do:expr) => {
        match $listener {
            Listener::Tcp($inner) => $do,
            #[cfg(feature = "tls")]
            Listener::Tls($inner, _) => $do,
            #[cfg(unix)]
            Listener::Unix($inner) => $do,
        }
    };
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(self, listener => listener.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        each!(self, listener => listener.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        each!(self, listener => listener.deregister(registry))
    }
}

/// The addresses that a name stands for: a host name, an address, or `*` for all of IPv4's.
pub(crate) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ServeError> {
    let host = match host {
        "*" => "0.0.0.0",
        "::*" => "::",
        host => host,
    };
    let unknown =
        |why: &dyn fmt::Display| ServeError::UnknownHost { host: host.to_owned(), why: why.to_string() };
    let addresses: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(|error| unknown(&error))?.collect();
    if addresses.is_empty() { Err(unknown(&"it has no address")) } else { Ok(addresses) }
}

/// Whether other machines can reach it.
pub(crate) fn is_public(address: IpAddr) -> bool {
    !address.to_canonical().is_loopback()
}

/// Begins to listen.
pub(crate) fn listen(address: SocketAddr, backlog: u32) -> Result<mio::net::TcpListener, ServeError> {
    let open = || -> io::Result<mio::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // Otherwise `::` takes the port of `0.0.0.0`, too.
            socket.set_only_v6(true)?;
        }
        // On Windows it would let two servers have one port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        socket.set_nonblocking(true)?;
        Ok(mio::net::TcpListener::from_std(TcpListener::from(socket)))
    };
    open().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortInUse(address),
        io::ErrorKind::AddrNotAvailable => ServeError::NoSuchAddress(address),
        io::ErrorKind::PermissionDenied => ServeError::PortForbidden(address),
        _ => ServeError::Listen { address: address.to_string(), why: error.to_string() },
    })
}
