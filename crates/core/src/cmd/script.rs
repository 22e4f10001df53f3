//! Commands that run code, and SCRIPT.
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::{Access, Args, Command, Control, Flags, Group, KeySpec, Parsers, Prepared, Row, Scope, Spec};
use super::{Late, bare, help_command, table};
use crate::engine::Engine;
use crate::script::{Cached, Callable, Code, Kind, Locked, Outcome, Rules, ScriptHash, Words};
use crate::session::Session;
use crate::tx::Tx;
use crate::{Bytes, Error, Reply, Result};

table! {
    code Eval, code EvalRo, code EvalSha, code EvalShaRo, container SCRIPT, control ScriptDebug, control ScriptExists,
    control ScriptFlush, control ScriptHelp, control ScriptKill, control ScriptLoad, control ScriptShow,
}

pub(super) const SCRIPTING: Spec = Spec { group: Group::Scripting, since: "2.6.0", ..Spec::EMPTY };

/// What all commands have in common that run code.
const RUNS_CODE: Spec = Spec {
    arity: -3,
    flags: Flags::NOSCRIPT
        .and(Flags::STALE)
        .and(Flags::SKIP_MONITOR)
        .and(Flags::NO_MANDATORY_KEYS)
        .and(Flags::MOVABLEKEYS),
    complexity: "Depends on what is run.",
    ..SCRIPTING
};
const KEYS_TO_WRITE: KeySpec = KeySpec::counted(&["RW", "access", "update"], 2);
const KEYS_TO_READ: KeySpec = KeySpec::counted(&["RO", "access"], 2);
/// A command that runs code which may write.
pub(super) const MAY_WRITE: Spec = Spec {
    keys: &[KEYS_TO_WRITE.noting("What the code does with them nobody knows, so it may be anything.")],
    ..RUNS_CODE
};
/// A command that runs code which only reads.
pub(super) const ONLY_READS: Spec = Spec {
    keys: &[KEYS_TO_READ.noting("What the code reads of them nobody knows, so it may be anything.")],
    since: "7.0.0",
    ..RUNS_CODE
};

const NO_MATCHING_SCRIPT: Error =
    Error::Refused(Cow::Borrowed("NOSCRIPT No matching script. Please use EVAL."));

/// A way to say which code is to be run.
pub trait Calling: fmt::Debug + Clone + Copy {
    /// The command's facts.
    const SPEC: Spec;
    /// Whether the code may only read.
    const IS_READ_ONLY: bool;
    /// What is said of a number of keys that is none, if that is asked for only once the code was found.
    const BAD_COUNT: Option<&'static str> = None;

    /// Refuses a word that names no code, before the words after it are looked at.
    ///
    /// # Errors
    /// In Redis's words.
    fn check(called: &[u8]) -> Result<()> {
        let _ = called;
        Ok(())
    }

    /// Finds the code.
    ///
    /// # Errors
    /// If it is not there or is none, in Redis's words.
    fn find(called: &[u8], engine: &Engine) -> Result<Callable>;
}

/// A command that runs code: `called numkeys [key [key ...]] [arg [arg ...]]`
#[derive(Clone, Debug)]
pub struct RunCode<'a, W> {
    /// What is to be run.
    pub called: &'a [u8],
    /// What it is run with.
    pub words: Late<Words<'a>>,
    way: PhantomData<W>,
}

impl<'a, W: Calling> RunCode<'a, W> {
    /// Runs code with keys and other words.
    pub const fn new(called: &'a [u8], keys: &'a [&'a [u8]], args: &'a [&'a [u8]]) -> Self {
        Self { called, words: Ok(Words { keys, args }), way: PhantomData }
    }

    /// Whether the code may only read.
    pub(crate) const IS_READ_ONLY: bool = W::IS_READ_ONLY;

    /// Refuses a word that names no code.
    ///
    /// # Errors
    /// In Redis's words.
    pub fn check(called: &[u8]) -> Result<()> {
        W::check(called)
    }

    /// What is run, and what it may do.
    fn code<'s>(&'s self, callable: &'s Callable) -> Result<(Code<'s>, Rules)> {
        let words = self.words.clone()?;
        let flags = callable.flags();
        let is_for_writing = flags.is_some_and(|flags| !flags.no_writes);
        if W::IS_READ_ONLY && is_for_writing {
            return Err(Error::refused("ERR Can not execute a script with write flag using *_ro command."));
        }
        let given = flags.unwrap_or_default();
        let rules = Rules {
            is_read_only: W::IS_READ_ONLY || given.no_writes,
            has_declared_all: given.declared_keys,
            ignores_memory: given.allow_oom,
            may_begin_when_full: !is_for_writing || given.allow_oom,
        };
        Ok((Code { callable, words, command: W::SPEC.name, called: self.called }, rules))
    }
}

impl<W: Calling> RunCode<'_, W> {
    /// Runs it as a part of a unit, with whatever that has locked.
    fn run_inside(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        let engine = tx.engine();
        let callable = W::find(self.called, engine)?;
        let (code, rules) = self.code(&callable)?;
        let has_declared_all = rules.has_declared_all || !tx.has_locked_everything();
        let db = tx.db();
        let locked = (Rules { has_declared_all, ..rules }, Locked::Everything);
        let outcome = code.run(tx, session, locked);
        tx.select(db);
        match outcome? {
            Outcome::Answered(reply) => reply,
            Outcome::InVain => unreachable!("nothing more can be locked, so nothing is tried"),
        }
    }
}

impl<'a, W: Calling> Command<'a> for RunCode<'a, W> {
    const SPEC: Spec = W::SPEC;
    // As one of several commands it cannot be run again with other locks.
    const SCOPE: Scope = Scope::Everything;
    type Reply = Reply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let called = args.bytes()?;
        W::check(called)?;
        let words = counted(args, W::BAD_COUNT);
        if W::BAD_COUNT.is_none() {
            words.as_ref().map_err(Error::clone)?;
        }
        Ok(Self { called, words, way: PhantomData })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.words.iter().flat_map(|words| words.keys).for_each(|key| visit(key));
    }
}

/// `numkeys [key [key ...]] [arg [arg ...]]`
fn counted<'a>(args: &mut Args<'a>, bad_count: Option<&'static str>) -> Result<Words<'a>> {
    let count = args.int().map_err(|refused| bad_count.map_or(refused, Error::refused))?;
    if count > args.remaining() as i64 {
        return Err(Error::refused("ERR Number of keys can't be greater than number of args"));
    }
    let count = usize::try_from(count).map_err(|_| Error::refused("ERR Number of keys can't be negative"))?;
    Ok(Words { keys: args.many(count)?, args: args.rest() })
}

/// Runs code as a unit of its own.
///
/// # Errors
/// What it answers with, or what went wrong.
pub(crate) fn run_code<W: Calling>(
    command: &RunCode<'_, W>,
    engine: &Engine,
    db: usize,
    session: Option<&mut Session>,
) -> Result<Reply> {
    let callable = W::find(command.called, engine)?;
    engine.run_code(session, db, command.code(&callable)?)
}

impl Engine {
    /// Runs code as a unit of its own.
    ///
    /// # Errors
    /// What it answers with, or what went wrong.
    pub fn evaluate<W: Calling>(&self, db: usize, command: &RunCode<'_, W>) -> Result<Reply> {
        run_code(command, self, db, None)
    }
}

impl Tx<'_> {
    /// Runs code as a part of this unit. It can only reach the keys that the unit has locked.
    ///
    /// # Errors
    /// What it answers with, or what went wrong.
    pub fn evaluate<W: Calling>(&mut self, command: &RunCode<'_, W>) -> Result<Reply> {
        command.run_inside(self, None)
    }
}

/// Code that is run as one of several commands.
pub(crate) struct CodeRow<'a, W>(pub(crate) RunCode<'a, W>);

impl<'a, W: Calling> Prepared<'a> for CodeRow<'a, W> {
    fn scope(&self) -> Scope {
        self.0.scope()
    }

    fn flags(&self) -> Flags {
        W::SPEC.flags
    }

    fn keys(&self, mut visit: &mut dyn FnMut(&'a [u8])) {
        self.0.keys(&mut visit);
    }

    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        self.0.run_inside(tx, session)
    }
}

impl Row {
    /// Builds the row of a command that runs code.
    pub(crate) const fn code<'x, C: Command<'x>>(is_read_only: bool, parse: Parsers) -> Self {
        let access = if is_read_only { Access::Read } else { Access::Control };
        Self { spec: C::SPEC, access, parse: Some(parse), ..Self::EMPTY }
    }
}

/// Declares a way to say which code is to be run, and the command for it.
macro_rules! calling {
    ($(#[$doc:meta])* $command:ident by $way:ident, reads only: $is_read_only:literal, $check:expr, $find:expr, $spec:expr
     $(, a bad count: $bad_count:expr)?) => {
        $(#[$doc])*
        pub type $command<'a> = $crate::cmd::script::RunCode<'a, $way>;

        #[doc = concat!("See [`", stringify!($command), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub enum $way {}

        impl $crate::cmd::script::Calling for $way {
            const SPEC: $crate::cmd::Spec = $spec;
            const IS_READ_ONLY: bool = $is_read_only;
            $(const BAD_COUNT: Option<&'static str> = $bad_count;)?

            fn check(called: &[u8]) -> $crate::Result<()> {
                $check(called)
            }

            fn find(called: &[u8], engine: &$crate::Engine) -> $crate::Result<$crate::script::Callable> {
                $find(called, engine)
            }
        }
    };
}
pub(super) use calling;

/// Any word may be code.
pub(super) fn any(_: &[u8]) -> Result<()> {
    Ok(())
}

/// A word of another length is no hash.
fn as_long_as_a_hash(called: &[u8]) -> Result<()> {
    if called.len() == 40 { Ok(()) } else { Err(NO_MATCHING_SCRIPT) }
}

fn by_source(source: &[u8], engine: &Engine) -> Result<Callable> {
    engine.scripts().evaluated(source, Cached::ForAWhile).map(Callable::Script)
}

fn by_hash(digits: &[u8], engine: &Engine) -> Result<Callable> {
    let script = ScriptHash::parse(digits).and_then(|hash| engine.scripts().find(hash));
    script.map(Callable::Script).ok_or(NO_MATCHING_SCRIPT)
}

calling! {
    /// `EVAL script numkeys [key [key ...]] [arg [arg ...]]`
    Eval by CallsSource, reads only: false, any, by_source, Spec {
        name: "EVAL",
        summary: "Runs a script.",
        syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
        ..MAY_WRITE
    }
}

calling! {
    /// `EVAL_RO script numkeys [key [key ...]] [arg [arg ...]]`
    EvalRo by CallsSourceToRead, reads only: true, any, by_source, Spec {
        name: "EVAL_RO",
        summary: "Runs a script that only reads.",
        syntax: "script numkeys [key [key ...]] [arg [arg ...]]",
        ..ONLY_READS
    }
}

calling! {
    /// `EVALSHA sha1 numkeys [key [key ...]] [arg [arg ...]]`
    EvalSha by CallsHash, reads only: false, as_long_as_a_hash, by_hash, Spec {
        name: "EVALSHA",
        summary: "Runs a script that is kept, by the SHA-1 of its source.",
        syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        keys: &[KEYS_TO_WRITE],
        ..MAY_WRITE
    }
}

calling! {
    /// `EVALSHA_RO sha1 numkeys [key [key ...]] [arg [arg ...]]`
    EvalShaRo by CallsHashToRead, reads only: true, as_long_as_a_hash, by_hash, Spec {
        name: "EVALSHA_RO",
        summary: "Runs a script that is kept and only reads, by the SHA-1 of its source.",
        syntax: "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        keys: &[KEYS_TO_READ],
        ..ONLY_READS
    }
}

/// `SCRIPT`
const SCRIPT: Spec = Spec {
    name: "SCRIPT",
    arity: -2,
    summary: "A container for commands about scripts.",
    complexity: "Depends on subcommand.",
    ..SCRIPTING
};
const KEPT: Spec = Spec { flags: Flags::NOSCRIPT, ..SCRIPTING };
const ON_ALL: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// `SCRIPT LOAD script`
#[derive(Clone, Copy, Debug)]
pub struct ScriptLoad<'a> {
    /// The source.
    pub script: &'a [u8],
}

impl<'a> Command<'a> for ScriptLoad<'a> {
    const SPEC: Spec = Spec {
        name: "SCRIPT LOAD",
        arity: 3,
        flags: Flags::NOSCRIPT.and(Flags::STALE),
        tips: ON_ALL,
        summary: "Keeps a script, and returns the SHA-1 by which it is run.",
        complexity: "O(N), N being the length of the script in bytes",
        syntax: "script",
        ..KEPT
    };
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self { script: args.bytes()? })
    }
}

impl<'a> Control<'a> for ScriptLoad<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let script = db.engine().scripts().evaluated(self.script, Cached::ForGood)?;
        Ok(script.hash().to_string().into())
    }
}

/// `SCRIPT EXISTS sha1 [sha1 ...]`
#[derive(Clone, Debug)]
pub struct ScriptExists<'a> {
    /// The hashes, in hexadecimal digits.
    pub hashes: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ScriptExists<'a> {
    const SPEC: Spec = Spec {
        name: "SCRIPT EXISTS",
        arity: -3,
        tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
        summary: "Says of each SHA-1 whether its script is kept.",
        complexity: "O(N), N being the number of scripts asked for",
        syntax: "sha1 [sha1 ...]",
        ..KEPT
    };
    type Reply = Vec<bool>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self { hashes: args.rest().into() })
    }
}

impl<'a> Control<'a> for ScriptExists<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<bool>> {
        let scripts = db.engine().scripts();
        let is_kept = |digits: &&[u8]| ScriptHash::parse(digits).is_some_and(|hash| scripts.has(hash));
        Ok(self.hashes.iter().map(is_kept).collect())
    }
}

/// `SCRIPT FLUSH [ASYNC | SYNC]`
#[derive(Clone, Copy, Debug)]
pub struct ScriptFlush;

/// `[ASYNC | SYNC]`, all words that are left. What is freed takes no time that anybody would wait for, so both are the same.
pub(super) fn flush_mode(args: &mut Args<'_>, refusal: &'static str) -> Result<()> {
    let is_understood = args.is_empty() || args.take("ASYNC") || args.take("SYNC");
    if is_understood && args.is_empty() { Ok(()) } else { Err(Error::refused(refusal)) }
}

impl<'a> Command<'a> for ScriptFlush {
    const SPEC: Spec = Spec {
        name: "SCRIPT FLUSH",
        arity: -2,
        tips: ON_ALL,
        summary: "Forgets all scripts.",
        complexity: "O(N), N being the number of scripts",
        syntax: "[ASYNC | SYNC]",
        ..KEPT
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        flush_mode(args, "ERR SCRIPT FLUSH only support SYNC|ASYNC option").map(|()| ScriptFlush)
    }
}

impl Control<'_> for ScriptFlush {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().scripts().flush();
        Ok(())
    }
}

bare! {
    /// `SCRIPT KILL`
    ScriptKill -> (), Spec {
        name: "SCRIPT KILL",
        arity: 2,
        flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        summary: "Ends a script that takes too long, unless it has written something.",
        ..KEPT
    }
}

impl Control<'_> for ScriptKill {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().scripts().running().kill(Kind::Script)
    }
}

/// `SCRIPT SHOW sha1`
#[derive(Clone, Copy, Debug)]
pub struct ScriptShow<'a> {
    /// The hash, in hexadecimal digits.
    pub hash: &'a [u8],
}

impl<'a> Command<'a> for ScriptShow<'a> {
    const SPEC: Spec = Spec {
        name: "SCRIPT SHOW",
        arity: 3,
        since: "8.0.0",
        summary: "Returns the source of a script that is kept.",
        syntax: "sha1",
        ..KEPT
    };
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self { hash: args.bytes()? })
    }
}

impl<'a> Control<'a> for ScriptShow<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let script = ScriptHash::parse(self.hash).and_then(|hash| db.engine().scripts().find(hash));
        script.map(|script| Bytes::copy_from_slice(script.source())).ok_or(NO_MATCHING_SCRIPT)
    }
}

/// `SCRIPT DEBUG YES | SYNC | NO`
#[derive(Clone, Copy, Debug)]
pub struct ScriptDebug {
    /// Whether scripts are to be run step by step.
    pub is_on: bool,
}

impl<'a> Command<'a> for ScriptDebug {
    const SPEC: Spec = Spec {
        name: "SCRIPT DEBUG",
        arity: 3,
        since: "3.2.0",
        summary: "Scripts are run as always: there is no debugger.",
        syntax: "<YES | SYNC | NO>",
        ..KEPT
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        match args.take_one_of([("YES", true), ("SYNC", true), ("NO", false)]) {
            Some(is_on) => Ok(Self { is_on }),
            None => Err(Error::refused("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
        }
    }
}

impl Control<'_> for ScriptDebug {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        if self.is_on {
            return Err(Error::refused(
                "ERR Scripts cannot be run step by step here: debug them on a Redis server",
            ));
        }
        Ok(())
    }
}

help_command!(ScriptHelp, "SCRIPT", Spec { since: "5.0.0", ..SCRIPTING });
