//! The seam between a connection and the engine's sessions.
use std::sync::Arc;

use crate::mailbox::Doorbell;
use crate::stream::Peer;
use redlet_core::{Engine, Error, Reply, Result};

#[derive(Debug, Default)]
pub(crate) struct Caller {
    db: usize,
    is_resp3: bool,
    is_closing: bool,
}

impl Caller {
    pub(crate) fn new(_: &Engine, _: &Peer, _: &Arc<Doorbell>) -> Self {
        Self::default()
    }

    #[inline]
    pub(crate) fn execute(&mut self, engine: &Engine, words: &[&[u8]]) -> Result<Reply> {
        match words {
            [name, version, ..] if name.eq_ignore_ascii_case(b"HELLO") => {
                self.is_resp3 = *version == b"3";
                Ok(Reply::Map(vec![(Reply::bulk("server"), Reply::bulk("redis")), (Reply::bulk("proto"), Reply::Integer(2 + i64::from(self.is_resp3)))]))
            }
            [name, index] if name.eq_ignore_ascii_case(b"SELECT") => {
                let reply = engine.execute(self.db, words)?;
                self.db = std::str::from_utf8(index).ok().and_then(|index| index.parse().ok()).ok_or(Error::NotAnInteger)?;
                Ok(reply)
            }
            [name] if name.eq_ignore_ascii_case(b"QUIT") => {
                self.is_closing = true;
                Ok(Reply::OK)
            }
            [name, ..] if name.eq_ignore_ascii_case(b"CLIENT") => Ok(Reply::OK),
            _ => engine.execute(self.db, words),
        }
    }

    pub(crate) fn is_resp3(&self) -> bool {
        self.is_resp3
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(crate) fn is_blocked(&self) -> bool {
        false
    }

    pub(crate) fn is_subscriber(&self) -> bool {
        false
    }

    pub(crate) fn is_stranger(&self) -> bool {
        false
    }

    pub(crate) fn poll(&mut self, _: &Engine) -> Option<Result<Reply>> {
        None
    }

    pub(crate) fn end(&mut self, _: &Engine) {}
}
