//! RESP: requests from bytes, replies to bytes. Knows nothing of connections.
mod reply;
mod request;

pub(crate) use reply::{error, reply};
pub use request::{Parsed, Parser, ProtocolError, RequestLimits, Words};
