//! What a library may do while it is loaded: nothing but register functions, and not for long.
use std::borrow::Cow;

use super::{Caller, LogLevel};
use crate::engine::Engine;
use crate::session::Protocol;
use crate::{Error, Reply, Result};

/// After so many milliseconds a library that is loaded has taken too long, as in Redis.
const LONGEST_MS: i64 = 500;

/// The store as a library sees it while it is loaded.
#[derive(Debug)]
pub(crate) struct Loading<'e> {
    engine: &'e Engine,
    began_micros: i64,
}

impl<'e> Loading<'e> {
    pub(crate) fn new(engine: &'e Engine) -> Self {
        Self { engine, began_micros: engine.clock().now_micros() }
    }
}

impl Caller for Loading<'_> {
    fn call(&mut self, _: &[&[u8]]) -> Result<Reply> {
        Err(Error::refused("ERR redis.call/pcall can only be called inside a script invocation"))
    }

    fn may_call(&self, _: &[&[u8]]) -> Result<bool> {
        Ok(false)
    }

    fn protocol(&self) -> Protocol {
        Protocol::Resp2
    }

    fn set_protocol(&mut self, _: Protocol) {}

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.engine.scripts().log(level, message);
    }

    fn look_around(&mut self) -> Result<(), Cow<'static, str>> {
        let ms = (self.engine.clock().now_micros() - self.began_micros) / 1000;
        if ms < LONGEST_MS { Ok(()) } else { Err("FUNCTION LOAD timeout".into()) }
    }
}
