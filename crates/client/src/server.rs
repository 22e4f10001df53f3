//! The store as a server for others.
use std::sync::Arc;

use redlet_core::Engine;
pub use redlet_server::{Address, ServeError, Server, ServerBuilder};
#[cfg(feature = "tls")]
pub use redlet_server::{TlsCallers, TlsFiles};

use crate::{Redis, Result};

/// A server holds a handle, so the store stays open while it runs.
impl redlet_server::Host for Redis {
    fn engine(&self) -> &Engine {
        Redis::engine(self)
    }
}

impl Redis {
    /// Lets other programs look in, by the protocol of Redis: redis-cli, GUIs, redis-py, other processes. `address` is an
    /// address and a port (`127.0.0.1:6379`, `[::1]:6379`; port 0 is any that is free) or `unix:` and the path of a Unix socket.
    ///
    /// The server runs in a thread of its own and ends when what is returned is dropped; until then it keeps the store open.
    /// An address that other machines can reach is refused unless there is a password. [`Redis::server`] has more options.
    ///
    /// # Errors
    /// [`Error::Serve`](crate::Error::Serve), with a sentence that says what to do.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use redlet::{Commands, Redis, server::Address};
    ///
    /// let redis = Redis::memory();
    /// redis.set("greeting", "hello")?;
    /// let server = redis.serve("127.0.0.1:0")?;
    ///
    /// let Address::Tcp(address) = server.addresses()[0] else { unreachable!() };
    /// let mut connection = std::net::TcpStream::connect(address).unwrap();
    /// connection.write_all(b"GET greeting\r\n").unwrap();
    /// let mut answer = [0; 11];
    /// connection.read_exact(&mut answer).unwrap();
    /// assert_eq!(&answer, b"$5\r\nhello\r\n");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn serve(&self, address: &str) -> Result<Server> {
        Ok(self.server().listen(address)?.start()?)
    }

    /// A server with options, not started yet.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use redlet::Redis;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("socket");
    /// let redis = Redis::memory();
    /// let server = redis.server().unix_socket(&path).start()?;
    /// assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    /// server.stop();
    /// assert!(!path.exists());
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn server(&self) -> ServerBuilder {
        ServerBuilder::new(Arc::new(self.clone()))
    }
}
