//! Why a server does not start.
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No address was given, and no socket.
    #[error("there is nothing to listen on: name a port or a Unix socket")]
    Nowhere,
    /// Neither an address with a port nor the path of a Unix socket.
    #[error(
        "{0:?} is no address to listen on: write an address and a port, such as 127.0.0.1:6379, or unix: and a path"
    )]
    UnknownAddress(String),
    /// A parameter that is none, or a value that is none of its.
    #[error("{name} cannot be set: {why}")]
    Parameter {
        /// The parameter's name.
        name: String,
        /// What the engine says.
        why: String,
    },
    /// Other machines could come in without a password.
    #[error(
        "{0} can be reached from other machines, and anybody would be let in: set a password (requirepass, or an ACL user instead of the \
         default one), listen on a loopback address such as 127.0.0.1, or use a Unix socket"
    )]
    Unprotected(SocketAddr),
    /// Another program listens there.
    #[error("another program listens on {0} already: end it, or choose another port")]
    PortInUse(SocketAddr),
    /// The address is not this machine's.
    #[error("{0} is no address of this machine: listen on one that is, such as 127.0.0.1")]
    NoSuchAddress(SocketAddr),
    /// The system keeps the port for others.
    #[error("the system does not let this program listen on {0}: choose a port above 1023")]
    PortForbidden(SocketAddr),
    /// The name of the host stands for no address.
    #[error("{host:?} is no address to listen on: {why}")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the system says.
        why: String,
    },
    /// Another server listens on the Unix socket.
    #[error("another server listens on the Unix socket {} already: end it, or choose another path", .0.display())]
    SocketInUse(PathBuf),
    /// There is a file that is no socket where one should be made.
    #[error("{} is there already and is no socket: choose another path, or move the file away", .0.display())]
    NoSocket(PathBuf),
    /// A file that encryption needs is not good.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
    /// Anything else that the system refuses.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Where.
        address: String,
        /// What the system says.
        why: String,
    },
}
