//! Scripts and functions: what is kept of them, which run, and what they may call.
//!
//! Knows no language: an [`Interpreter`] runs them, and calls the store by a [`Caller`]. A script is one unit: its commands see one
//! moment, and their effects are one frame in the log.
mod cache;
mod calls;
mod libraries;
mod loading;
mod running;
mod shebang;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cache::Cache;
pub(crate) use cache::Cached;
pub(crate) use calls::{Code, Locked, Outcome, Rules};
pub(crate) use libraries::Libraries;
pub use libraries::{Function, Library, LibraryChange, is_name};
pub(crate) use loading::Loading;
use parking_lot::RwLock;
pub(crate) use running::{Kind, Running};
use sha1::{Digest, Sha1};
pub use shebang::ScriptFlags;

use crate::session::Protocol;
use crate::{Engine, Error, Reply, Result, number};

/// Runs code in a language.
pub trait Interpreter: Send + Sync + fmt::Debug {
    /// Sees whether a script is one.
    ///
    /// # Errors
    /// What is wrong with it, as Redis says it.
    fn compile(&self, script: &Arc<Script>) -> Result<()>;

    /// Runs code.
    ///
    /// # Errors
    /// What the code answers with, or what went wrong in it, as Redis says it.
    fn run(&self, code: &Callable, words: Words<'_>, caller: &mut dyn Caller) -> Result<Reply>;

    /// Loads a library: runs its code, and returns what that has registered.
    ///
    /// # Errors
    /// What is wrong with it, as Redis says it.
    fn load(&self, library: &Arc<Library>, caller: &mut dyn Caller) -> Result<BTreeMap<String, Function>>;

    /// Holds on to nothing of scripts that ran.
    fn forget_scripts(&self);

    /// Holds on to nothing of libraries.
    fn forget_libraries(&self);

    /// What it holds for scripts, and what for functions, in bytes, once their garbage is collected.
    fn held_bytes(&self) -> [usize; 2];
}

/// Code that can be run.
#[derive(Clone, Debug)]
pub enum Callable {
    /// A script.
    Script(Arc<Script>),
    /// A function of a library.
    Function {
        /// The library.
        library: Arc<Library>,
        /// Its name, as it was registered.
        name: String,
    },
}

impl Callable {
    /// What it says of itself; `None` if it says nothing.
    pub fn flags(&self) -> Option<ScriptFlags> {
        match self {
            Callable::Script(script) => script.flags(),
            Callable::Function { library, name } => {
                library.functions().get(name).map(|function| function.flags)
            }
        }
    }

    /// By which it is known: the hash of a script, the name of a function.
    pub fn name(&self) -> String {
        match self {
            Callable::Script(script) => script.hash().to_string(),
            Callable::Function { name, .. } => name.clone(),
        }
    }

    /// What others are told while it runs.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Callable::Script(_) => Kind::Script,
            Callable::Function { .. } => Kind::Function,
        }
    }
}

/// What a script is called with.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// `KEYS`
    pub keys: &'a [&'a [u8]],
    /// `ARGV`
    pub args: &'a [&'a [u8]],
}

/// The store as a script that runs can reach it.
pub trait Caller {
    /// Runs a command: `redis.call`. The reply has RESP3's types, whatever [`Caller::protocol`] is.
    ///
    /// # Errors
    /// The command's refusals, and those of what scripts may not do.
    fn call(&mut self, words: &[&[u8]]) -> Result<Reply>;

    /// Whether the user who runs the script may run a command: `redis.acl_check_cmd`.
    ///
    /// # Errors
    /// If there is no such command.
    fn may_call(&self, words: &[&[u8]]) -> Result<bool>;

    /// Which forms the replies have that the script sees: RESP2 to begin with.
    fn protocol(&self) -> Protocol;

    /// `redis.setresp`
    fn set_protocol(&mut self, protocol: Protocol);

    /// `redis.log`
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// Called from time to time while the script runs.
    ///
    /// # Errors
    /// Why it has to end, in words for its caller.
    fn look_around(&mut self) -> Result<(), Cow<'static, str>>;
}

/// How much what a script logs matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Redis's names")]
pub enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

/// Who is told what scripts log.
pub type ScriptLog = Box<dyn Fn(LogLevel, &[u8]) + Send + Sync>;

/// Serves those whom the thread would serve that a script of this engine runs in and takes too long. The script has locks: see
/// [`Engine::is_busy`] for what must not be done. False if the script is to end, because its thread does.
pub type ServeOthers = fn(&Engine) -> bool;

/// What each byte is as a hexadecimal digit; 255 if it is none.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// The SHA-1 of a script's source, by which it is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScriptHash([u8; 20]);

impl ScriptHash {
    /// That of a source.
    pub fn of(source: &[u8]) -> Self {
        Self(Sha1::digest(source).into())
    }

    /// From 40 hexadecimal digits in either case.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let pairs: &[[u8; 2]; 20] = pairs.try_into().ok()?;
        let (mut hash, mut all) = ([0; 20], 0);
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
            *byte = high << 4 | low & 0xf;
            all |= high | low;
        }
        // What is no digit has more than four bits.
        (all < 16).then_some(Self(hash))
    }
}

impl fmt::Display for ScriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&number::hexadecimal(&self.0))
    }
}

impl fmt::Debug for ScriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A script.
#[derive(Debug)]
pub struct Script {
    hash: ScriptHash,
    source: Box<[u8]>,
    /// Where the code begins in the source: after the name of its language, at the end of that line.
    code_at: usize,
    /// `None` for one without a first line that would have them.
    flags: Option<ScriptFlags>,
    /// It was loaded, and stays; those that were only evaluated make room for others.
    is_loaded: AtomicBool,
    /// When it was run last, on a clock of runs.
    used_at: AtomicU64,
}

impl Script {
    /// The script with a source, which no engine knows of: for those who run an [`Interpreter`] by itself.
    ///
    /// # Errors
    /// If its first line is none that scripts may have, in Redis's words.
    pub fn of_source(source: &[u8]) -> Result<Self> {
        Self::new(ScriptHash::of(source), source)
    }

    fn new(hash: ScriptHash, source: &[u8]) -> Result<Self> {
        let (flags, code_at) = shebang::of_script(source)?;
        let (is_loaded, used_at) = (AtomicBool::new(false), AtomicU64::new(0));
        Ok(Self { hash, source: source.into(), code_at, flags, is_loaded, used_at })
    }

    /// By which it is called.
    pub fn hash(&self) -> ScriptHash {
        self.hash
    }

    /// As it was given.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The code in its language, whose first line is the source's.
    pub fn code(&self) -> &[u8] {
        &self.source[self.code_at..]
    }

    /// What its first line says of it; `None` if there is nothing there.
    pub fn flags(&self) -> Option<ScriptFlags> {
        self.flags
    }

    /// It is run at a moment of the clock of runs.
    fn touch(&self, at: u64) {
        self.used_at.store(at, Ordering::Relaxed);
    }
}

/// All that an engine knows of scripts.
#[derive(Default)]
pub(crate) struct Scripts {
    interpreter: OnceLock<Arc<dyn Interpreter>>,
    log: OnceLock<ScriptLog>,
    serve_others: OnceLock<ServeOthers>,
    cache: RwLock<Cache>,
    libraries: RwLock<Arc<Libraries>>,
    running: Running,
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts").field("interpreter", &self.interpreter).finish_non_exhaustive()
    }
}

impl Scripts {
    pub(crate) fn set_interpreter(&self, interpreter: Arc<dyn Interpreter>) -> bool {
        self.interpreter.set(interpreter).is_ok()
    }

    pub(crate) fn set_log(&self, log: ScriptLog) -> bool {
        self.log.set(log).is_ok()
    }

    pub(crate) fn set_serve_others(&self, serve: ServeOthers) {
        self.serve_others.get_or_init(|| serve);
    }

    /// A script that takes too long lets others have a turn. False if it is to end.
    fn serve_others(&self, engine: &Engine) -> bool {
        self.serve_others.get().is_none_or(|serve| serve(engine))
    }

    /// What runs scripts.
    ///
    /// # Errors
    /// If this program was built without.
    pub(crate) fn interpreter(&self) -> Result<&Arc<dyn Interpreter>> {
        self.interpreter.get().ok_or(Error::refused(
            "ERR This program was built without Lua: build redlet with its feature `lua`",
        ))
    }

    fn log(&self, level: LogLevel, message: &[u8]) {
        if let Some(log) = self.log.get() {
            log(level, message);
        }
    }

    /// Those that run, as far as they are known.
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// A script that is there.
    pub(crate) fn find(&self, hash: ScriptHash) -> Option<Arc<Script>> {
        self.cache.read().find(hash)
    }

    /// Whether a script is there. This is no use of it.
    pub(crate) fn has(&self, hash: ScriptHash) -> bool {
        self.cache.read().contains(hash)
    }

    /// The script with this source, which is there from now on.
    ///
    /// # Errors
    /// If it is none, in Redis's words.
    pub(crate) fn evaluated(&self, source: &[u8], how: Cached) -> Result<Arc<Script>> {
        let hash = ScriptHash::of(source);
        let interpreter = self.interpreter()?;
        let script = match self.find(hash) {
            Some(script) => script,
            None => {
                let script = Arc::new(Script::new(hash, source)?);
                interpreter.compile(&script)?;
                self.cache.write().insert(script)
            }
        };
        if how == Cached::ForGood {
            self.cache.write().keep(&script);
        }
        Ok(script)
    }

    /// The libraries as they are.
    pub(crate) fn libraries(&self) -> Arc<Libraries> {
        Arc::clone(&self.libraries.read())
    }

    /// Replaces the libraries; returns those before. Whoever calls has the first shard locked, with which they are copied.
    pub(crate) fn set_libraries(&self, libraries: Arc<Libraries>) -> Arc<Libraries> {
        std::mem::replace(&mut self.libraries.write(), libraries)
    }

    /// No script is there any more.
    pub(crate) fn flush(&self) {
        *self.cache.write() = Cache::default();
        if let Some(interpreter) = self.interpreter.get() {
            interpreter.forget_scripts();
        }
    }

    /// `CONFIG RESETSTAT`
    pub(crate) fn reset_counts(&self) {
        self.cache.write().reset_counts();
    }

    /// What INFO says of them.
    pub(crate) fn figures(&self) -> ScriptFigures {
        let (cache, libraries) = (self.cache.read(), self.libraries());
        let (library_count, functions) = libraries.counts();
        ScriptFigures {
            scripts: cache.len(),
            source_bytes: cache.bytes(),
            evicted: cache.evicted(),
            libraries: library_count,
            functions,
            code_bytes: libraries.code_bytes(),
        }
    }

    /// What interpreters hold for scripts, and what for functions, in bytes. Their garbage is collected first.
    pub(crate) fn held_bytes(&self) -> [usize; 2] {
        self.interpreter.get().map_or([0; 2], |interpreter| interpreter.held_bytes())
    }
}

/// What INFO says of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScriptFigures {
    /// How many there are.
    pub(crate) scripts: usize,
    /// What their sources take.
    pub(crate) source_bytes: usize,
    /// How many scripts had to make room for others so far.
    pub(crate) evicted: u64,
    /// How many libraries there are.
    pub(crate) libraries: usize,
    /// How many functions they have.
    pub(crate) functions: usize,
    /// What their code takes.
    pub(crate) code_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_forty_digits_in_either_case() {
        // What `SCRIPT LOAD "return 1"` of Redis 8.0.2 answered.
        const DIGITS_OF_RETURN_1: &str = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
        let hash = ScriptHash::of(b"return 1");
        assert_eq!(hash.to_string(), DIGITS_OF_RETURN_1);
        assert_eq!(ScriptHash::parse(DIGITS_OF_RETURN_1.as_bytes()), Some(hash));
        assert_eq!(ScriptHash::parse(DIGITS_OF_RETURN_1.to_uppercase().as_bytes()), Some(hash));
        for place in 0..40 {
            for other in [b'g', b'/', b':', b'@', b'G', b'`', 0, 255] {
                let mut digits = DIGITS_OF_RETURN_1.as_bytes().to_vec();
                digits[place] = other;
                assert_eq!(ScriptHash::parse(&digits), None);
            }
        }
        assert_eq!(ScriptHash::parse(&DIGITS_OF_RETURN_1.as_bytes()[1..]), None);
    }
}
