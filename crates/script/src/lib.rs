//! Lua 5.1 for redlet's scripts, as Redis has it: the same globals, libraries, conversions and words of errors.
//!
//! ```
//! use std::sync::Arc;
//! use redlet_core::{Engine, EngineOptions, ManualClock, Reply, UnixMs};
//!
//! let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
//! let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 16, shards: 64 });
//! engine.set_interpreter(Arc::new(redlet_script::Lua::new()));
//! let words: [&[u8]; 5] = [b"EVAL", b"return redis.call('INCRBY', KEYS[1], ARGV[1])", b"1", b"visits", b"2"];
//! assert_eq!(engine.execute(0, &words), Ok(Reply::Integer(2)));
//! ```
//!
//! Where to begin reading: `interpreter` has the life of a script, `sandbox` what it finds, `redis_table` what it may ask of the
//! store, `conversion` how answers come to it and from it, `state` the border to C.
mod bit;
mod bounded;
mod cjson;
mod cmsgpack;
mod conversion;
mod functions;
mod integers;
mod interpreter;
mod number_text;
mod packed_struct;
mod patterns;
mod random;
mod redis_table;
mod registration;
mod sandbox;
mod settings;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use functions::Functions;
use interpreter::Scripts;
use parking_lot::Mutex;
use random::SharedRandom;
use redlet_core::cmd::info::REDIS_VERSION;
use redlet_core::script::{Callable, Caller, Function, Interpreter, Library, Script, Words};
use redlet_core::{Reply, Result};
use settings::Settings;

/// What a script may hold in values, unless told otherwise.
const MEMORY_BYTES: usize = 256 << 20;
/// So many interpreters wait for the next script. More are made while more scripts run at once, and not kept.
const IDLE: usize = 8;

/// Runs scripts in Lua. Interpreters are made when they are needed, and used again.
#[derive(Debug)]
pub struct Lua {
    idle: Mutex<Vec<Scripts>>,
    /// Made for the first function. Whoever locks it waits for no lock of the store afterwards but those that a unit may wait for that
    /// has its own already.
    functions: Mutex<Option<Functions>>,
    memory_bytes: usize,
    random: Arc<SharedRandom>,
}

impl Default for Lua {
    fn default() -> Self {
        Self::new()
    }
}

impl Lua {
    /// Lua, where a script may hold 256 MiB in values.
    pub fn new() -> Self {
        Self::with_memory(MEMORY_BYTES)
    }

    /// Lua, where a script may hold so many bytes in values. If it needs more, an error is raised in it: `not enough memory`.
    pub fn with_memory(memory_bytes: usize) -> Self {
        let (idle, functions) = (Mutex::default(), Mutex::default());
        Self { idle, functions, memory_bytes, random: Arc::default() }
    }

    fn settings(&self) -> Settings {
        Settings::new(Arc::clone(&self.random))
    }

    fn with<T>(&self, body: impl FnOnce(&mut Scripts) -> T) -> T {
        let idle = self.idle.lock().pop();
        let mut lua = idle.unwrap_or_else(|| Scripts::new(self.memory_bytes, REDIS_VERSION, self.settings()));
        let result = body(&mut lua);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(lua);
        }
        result
    }

    fn with_functions<T>(&self, body: impl FnOnce(&mut Functions) -> T) -> T {
        let mut functions = self.functions.lock();
        body(
            functions
                .get_or_insert_with(|| Functions::new(self.memory_bytes, REDIS_VERSION, self.settings())),
        )
    }
}

impl Interpreter for Lua {
    fn compile(&self, script: &Arc<Script>) -> Result<()> {
        self.with(|lua| lua.compile(script))
    }

    fn run(&self, code: &Callable, words: Words<'_>, caller: &mut dyn Caller) -> Result<Reply> {
        match code {
            Callable::Script(script) => self.with(|lua| lua.run(script, words, caller)),
            Callable::Function { library, name } => {
                self.with_functions(|functions| functions.run((library, name), words, caller))
            }
        }
    }

    fn load(&self, library: &Arc<Library>, caller: &mut dyn Caller) -> Result<BTreeMap<String, Function>> {
        self.with_functions(|functions| functions.load(library, caller))
    }

    fn forget_scripts(&self) {
        drop(std::mem::take(&mut *self.idle.lock()));
    }

    fn forget_libraries(&self) {
        *self.functions.lock() = None;
    }

    fn held_bytes(&self) -> [usize; 2] {
        // A function that runs has its interpreter.
        let functions = self.functions.try_lock();
        let function_bytes =
            functions.and_then(|mut functions| functions.as_mut().map(Functions::held_bytes));
        [self.idle.lock().iter_mut().map(Scripts::held_bytes).sum(), function_bytes.unwrap_or_default()]
    }
}
