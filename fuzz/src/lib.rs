//! What several fuzz targets do.
use std::borrow::Cow;
use std::sync::Arc;

use redlet::{Fsync, ManualClock, Redis, SimVfs, UnixMs};
use redlet_core::script::{Callable, Caller, Interpreter, LogLevel, Script, Words};
use redlet_core::session::Protocol;
use redlet_core::{Engine, EngineOptions, Reply};

/// Opens the store on a simulated disk, always in the same way.
pub fn open(vfs: &SimVfs) -> redlet::Result<Redis> {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    Redis::builder()
        .path("/store")
        .vfs(vfs.clone())
        .clock(clock)
        .seed(1)
        .shards(2)
        .fsync(Fsync::Always)
        .build()
}

/// So often a script is asked whether it may go on before it is ended.
const LOOKS: usize = 20;

/// A store for scripts, which ends them after a while.
pub struct Scripted {
    engine: Engine,
    lua: redlet_script::Lua,
    scripts: Vec<Callable>,
}

impl Scripted {
    /// An empty store, whose scripts may hold 2 MiB.
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock, seed: 1, databases: 4, shards: 2 });
        Self { engine, lua: redlet_script::Lua::with_memory(2 << 20), scripts: Vec::new() }
    }

    /// Runs a script.
    pub fn run(&mut self, source: &[u8]) -> redlet_core::Result<Reply> {
        let script = Callable::Script(Arc::new(Script::of_source(source)?));
        // Interpreters know scripts by their addresses: these must not be given to others.
        self.scripts.push(script.clone());
        let words = Words { keys: &[b"key"], args: &[b"argument", b"7"] };
        self.lua.run(
            &script,
            words,
            &mut Patience { engine: &self.engine, looks: LOOKS, protocol: Protocol::Resp2 },
        )
    }
}

impl Default for Scripted {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs what a script calls, and ends it after a while.
struct Patience<'e> {
    engine: &'e Engine,
    looks: usize,
    protocol: Protocol,
}

impl Caller for Patience<'_> {
    fn call(&mut self, words: &[&[u8]]) -> redlet_core::Result<Reply> {
        self.engine.execute(0, words)
    }

    fn may_call(&self, words: &[&[u8]]) -> redlet_core::Result<bool> {
        Ok(words.len() > 1)
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn look_around(&mut self) -> Result<(), Cow<'static, str>> {
        self.looks = self.looks.saturating_sub(1);
        if self.looks == 0 { Err("it has run for long enough".into()) } else { Ok(()) }
    }
}
