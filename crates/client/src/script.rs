//! Scripts that a program runs often: prepared once, with typed arguments and results.
use redlet_core::cmd::script::{Eval, EvalSha};
use redlet_core::script::ScriptHash;

use crate::value::{ToArg, arg};
use crate::{Commands, FromReply, Redis, Result};

/// A script, made by [`Redis::script`]: hashed and compiled once, and run as often as needed.
///
/// ```
/// # #[cfg(feature = "lua")] {
/// use redlet::Redis;
///
/// let redis = Redis::memory();
/// let add = redis.script("return redis.call('INCRBY', KEYS[1], ARGV[1])")?;
/// assert_eq!(add.key("visits").arg(2).run::<i64>()?, 2);
/// assert_eq!(add.key("visits").arg(3).run::<i64>()?, 5);
/// # }
/// # Ok::<(), redlet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    redis: Redis,
    source: Vec<u8>,
    /// In hexadecimal digits.
    hash: String,
}

impl Redis {
    /// Prepares a script in Lua: it is compiled and kept, so that it can be run again and again. As redis-py's `register_script`.
    ///
    /// A script runs as one unit: nobody sees it half done, its commands see one moment, and the store on disk has all of what it wrote
    /// or nothing. What it wrote before an error stays, as in Redis. It begins with the shards of its keys locked and locks the whole
    /// store before it writes, or reads another key. A script whose first line is `#!lua flags=declared-keys` never does: it keeps to
    /// the keys that it is given, so that others go on beside it.
    ///
    /// # Errors
    /// Refused with what is wrong with the source, and if redlet was built without its feature `lua`.
    ///
    /// Complexity: O(N), N being the length of the source.
    pub fn script(&self, source: impl ToArg) -> Result<Script> {
        let source = arg(&source)?.to_vec();
        self.script_load(&source)?;
        let hash = ScriptHash::of(&source).to_string();
        Ok(Script { redis: self.clone(), source, hash })
    }
}

impl Script {
    /// The SHA-1 of the source in hexadecimal digits, by which `EVALSHA` runs it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Begins a run with a key: the script has it as `KEYS[1]`.
    pub fn key(&self, key: impl ToArg) -> Invocation<'_> {
        self.invocation().key(key)
    }

    /// Begins a run without a key, with an argument: the script has it as `ARGV[1]`.
    pub fn arg(&self, argument: impl ToArg) -> Invocation<'_> {
        self.invocation().arg(argument)
    }

    /// Begins a run, to which keys and arguments can be added.
    pub fn invocation(&self) -> Invocation<'_> {
        Invocation { script: self, keys: Vec::new(), args: Vec::new() }
    }

    /// Runs it without keys and arguments.
    ///
    /// # Errors
    /// As [`Invocation::run`].
    pub fn run<T: FromReply>(&self) -> Result<T> {
        self.invocation().run()
    }
}

/// A run of a [`Script`] that is about to begin.
#[derive(Clone, Debug)]
#[must_use = "a script does nothing until it is run"]
pub struct Invocation<'s> {
    script: &'s Script,
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
}

impl Invocation<'_> {
    /// Adds a key.
    pub fn key(mut self, key: impl ToArg) -> Self {
        self.keys.push(key.to_arg().to_vec());
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl ToArg) -> Self {
        self.args.push(argument.to_arg().to_vec());
        self
    }

    /// Runs the script, and turns what it answers with into a value.
    ///
    /// # Errors
    /// Refused with what the script raises or answers with as an error; [`Error::Reply`](crate::Error::Reply) if the answer is no such
    /// value.
    pub fn run<T: FromReply>(&self) -> Result<T> {
        let Script { redis, source, hash } = self.script;
        let keys: Vec<&[u8]> = self.keys.iter().map(Vec::as_slice).collect();
        let args: Vec<&[u8]> = self.args.iter().map(Vec::as_slice).collect();
        for word in keys.iter().chain(&args) {
            redlet_core::check_word(word)?;
        }
        let reply = match redis.run_code(&EvalSha::new(hash.as_bytes(), &keys, &args)) {
            // All scripts were flushed meanwhile.
            Err(crate::Error::Command(refused)) if refused.code() == "NOSCRIPT" => {
                redis.run_code(&Eval::new(source, &keys, &args))?
            }
            result => result?,
        };
        T::from_reply(reply)
    }
}
