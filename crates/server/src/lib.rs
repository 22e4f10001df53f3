//! A RESP listener on a redlet engine, so that redis-cli, redis-py, GUIs and other processes can look in when the application
//! allows it.
//!
//! A server runs in one thread unless told otherwise: it sleeps until connections can be read, runs what came, and sends the
//! answers. It speaks RESP2 and RESP3. Only this machine can reach it unless there is a password.
mod connection;
mod connections;
mod error;
mod limits;
mod listener;
mod mailbox;
mod output;
pub mod protocol;
mod server;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix_socket;
mod worker;

pub use error::ServeError;
pub use listener::Address;
pub use server::{Host, Server, ServerBuilder};
#[cfg(feature = "tls")]
pub use tls::{TlsCallers, TlsFiles};
