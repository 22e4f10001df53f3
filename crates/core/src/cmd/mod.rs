//! Every command, one file for each family.
//!
//! To add one: write its struct and its implementation in the family's file, name it in that file's `table!`, add its
//! method to the facade and its cases to the tables that are compared with a real server.
pub mod acl;
pub mod args;
pub mod arguments;
pub mod array;
pub mod bitmap;
pub mod blocking;
pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
pub mod dump;
pub mod element_deadlines;
pub mod function;
pub mod geo;
pub mod hash;
pub mod hash_deadlines;
pub mod hash_import;
pub mod hyperloglog;
pub mod info;
pub mod keys;
pub mod latency;
pub mod list;
pub mod memory;
pub mod module;
pub mod multi;
mod names;
pub(crate) mod native;
pub mod pubsub;
pub mod replication;
pub mod scan;
pub mod script;
pub mod server;
pub mod set;
pub mod set_deadlines;
pub mod slowlog;
pub mod sort;
pub mod spec;
pub mod stream;
pub mod string;
pub mod tracking;
#[cfg(feature = "vector-sets")]
pub mod vector_set;
mod versions;
pub mod zset;

use std::borrow::Cow;
use std::fmt;

use args::Args;
pub use blocking::Blocking;
pub(crate) use names::Name;
use names::{Named, named};
pub use spec::{Begin, Find, Flags, Group, KeySpec, KeyUse, Spec};

use crate::engine::Engine;
use crate::native::Natives;
use crate::session::{Origin, Session};
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result};

/// A command's words, understood. Built by [`Command::parse`] for dynamic callers and by hand for typed ones; both run
/// the same implementation of [`Read`], [`Write`] or [`Control`].
pub trait Command<'a>: Sized {
    /// Its facts.
    const SPEC: Spec;
    /// Which shards it needs.
    const SCOPE: Scope = Scope::Keys;
    /// What it answers.
    type Reply: Into<Reply>;

    /// Understands the words after the name. Nothing has been locked or changed yet.
    ///
    /// # Errors
    /// Redis's refusal of words that do not fit, the first that Redis would find.
    fn parse(args: &mut Args<'a>) -> Result<Self>;

    /// Reports every key that the command may touch, so that the engine can lock before it runs.
    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        let _ = visit;
    }

    /// Which shards it needs, where its words decide that.
    #[inline]
    fn scope(&self) -> Scope {
        Self::SCOPE
    }

    /// Its flags.
    #[inline]
    fn flags(&self) -> Flags {
        Self::SPEC.flags
    }

    /// Refuses what only the store's limits can tell, before anything is locked.
    ///
    /// # Errors
    /// The command's own refusals.
    fn check(&self, engine: &Engine) -> Result<()> {
        let _ = engine;
        Ok(())
    }
}

/// Which shards a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the keys that it reports.
    Keys,
    /// All of them.
    Everything,
}

/// A command that cannot change anything: it is never given the means to.
pub trait Read<'a>: Command<'a> {
    /// Answers from what is there.
    ///
    /// # Errors
    /// Redis's refusals, such as [`Error::WrongType`].
    fn read(&self, db: &View<'_>) -> Result<Self::Reply>;
}

/// A command that may change values.
pub trait Write<'a>: Command<'a> {
    /// Changes what is there.
    ///
    /// # Errors
    /// Redis's refusals; a refused command has changed nothing.
    fn write(&self, db: &mut Tx<'_>) -> Result<Self::Reply>;

    /// What its change is called in events, where that is not what the door calls it by itself.
    #[inline]
    fn event(&self) -> Option<&'static str> {
        None
    }

    /// Whether its words may be short for something that a caller who lasts has prepared.
    const IS_SHORT: bool = false;

    /// The same in full, where its words are short for something that a caller who lasts has prepared.
    #[inline]
    fn in_full(&self, session: Option<&Session>) -> Option<Self> {
        let _ = session;
        None
    }
}

/// A command about the store itself or the caller. It is no reader and no writer of keys in Redis's sense, so it is
/// allowed where writes are refused.
pub trait Control<'a>: Command<'a> {
    /// Does it.
    ///
    /// # Errors
    /// Redis's refusals.
    fn run(&self, db: &mut Tx<'_>) -> Result<Self::Reply>;

    /// What a caller by words is answered, where that depends on him.
    fn answer(reply: Self::Reply, _: Option<&Session>) -> Reply {
        reply.into()
    }
}

/// A command about the caller: who it is, what it has begun, what it listens to. It needs no shard.
pub trait Talk<'a>: Command<'a> {
    /// Whether it leaves something with the caller that later commands need, as `MULTI` does. A handle that forgets its caller
    /// after each command refuses those.
    const LASTS: bool = false;
    /// Whether it is done at once where other commands are queued: between `MULTI` and `EXEC`.
    const ENDS_QUEUE: bool = false;

    /// Does it.
    ///
    /// # Errors
    /// Redis's refusals.
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<Self::Reply>;
}

/// What a command may do, by the trait that it implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Flag `readonly`.
    Read,
    /// Flag `write`.
    Write,
    /// Neither.
    Control,
}

/// A command with its type erased: understood, not run yet.
pub trait Prepared<'a> {
    /// See [`Command::scope`].
    fn scope(&self) -> Scope;
    /// See [`Command::flags`].
    fn flags(&self) -> Flags;
    /// See [`Command::keys`].
    fn keys(&self, visit: &mut dyn FnMut(&'a [u8]));
    /// Runs it inside of a unit that has locked its keys, for a caller if there is one that lasts.
    ///
    /// # Errors
    /// Its refusals.
    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply>;
}

struct ReadRow<C>(C);
struct WriteRow<C>(C);
struct ControlRow<C>(C);
struct TalkRow<C>(C);

impl<'a, C: Read<'a>> Prepared<'a> for ReadRow<C> {
    fn scope(&self) -> Scope {
        self.0.scope()
    }

    fn flags(&self) -> Flags {
        self.0.flags()
    }
    fn keys(&self, mut visit: &mut dyn FnMut(&'a [u8])) {
        self.0.keys(&mut visit);
    }
    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        self.0.check(tx.engine())?;
        let reply = self.0.read(&tx.view().counting()).map(Into::into);
        if let Some(session) = session.filter(|session| session.tracks_reads()) {
            tx.remember(session, &self.0);
        }
        reply
    }
}

impl<'a, C: Write<'a>> Prepared<'a> for WriteRow<C> {
    fn scope(&self) -> Scope {
        self.0.scope()
    }

    fn flags(&self) -> Flags {
        self.0.flags()
    }
    fn keys(&self, mut visit: &mut dyn FnMut(&'a [u8])) {
        self.0.keys(&mut visit);
    }
    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        self.0.check(tx.engine())?;
        let in_full = self.0.in_full(session.as_deref());
        tx.perform(in_full.as_ref().unwrap_or(&self.0)).map(Into::into)
    }
}

impl<'a, C: Control<'a>> Prepared<'a> for ControlRow<C> {
    fn scope(&self) -> Scope {
        self.0.scope()
    }

    fn flags(&self) -> Flags {
        self.0.flags()
    }
    fn keys(&self, mut visit: &mut dyn FnMut(&'a [u8])) {
        self.0.keys(&mut visit);
    }
    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        run_inside(&self.0, tx).map(|reply| C::answer(reply, session.as_deref()))
    }
}

impl<'a, C: Talk<'a>> Prepared<'a> for TalkRow<C> {
    fn scope(&self) -> Scope {
        self.0.scope()
    }

    fn flags(&self) -> Flags {
        self.0.flags()
    }
    fn keys(&self, _: &mut dyn FnMut(&'a [u8])) {}
    fn run(&self, tx: &mut Tx<'_>, session: Option<&mut Session>) -> Result<Reply> {
        if C::LASTS {
            tx.send_now();
        }
        talk(&self.0, tx.engine(), tx.db(), session)
    }
}

/// Runs a command about the store for a caller.
///
/// # Errors
/// Its refusals.
pub(crate) fn control<'a, C: Control<'a>>(
    command: &C,
    engine: &Engine,
    db: usize,
    session: Option<&Session>,
) -> Result<Reply> {
    engine.control(db, command).map(|reply| C::answer(reply, session))
}

/// Runs a command about the caller, for one that is forgotten afterwards if there is none that lasts.
///
/// # Errors
/// Its refusals, and one of commands that would be in vain.
pub(crate) fn talk<'a, C: Talk<'a>>(
    command: &C,
    engine: &Engine,
    db: usize,
    session: Option<&mut Session>,
) -> Result<Reply> {
    command.check(engine)?;
    if let Some(session) = session {
        return command.talk(engine, session).map(Into::into);
    }
    if C::LASTS {
        let name = C::SPEC.name;
        return Err(Error::Refused(
            format!("ERR {name} is for a caller that lasts: open a session and run it there").into(),
        ));
    }
    let mut session = Session::new(engine, Origin::in_process());
    session.select(db);
    let reply = command.talk(engine, &mut session).map(Into::into);
    session.end(engine);
    reply
}

/// Runs a command about the store inside of a unit that holds locks, unless it is one that takes locks of its own.
///
/// # Errors
/// Its refusals.
pub fn run_inside<'a, C: Control<'a>>(command: &C, tx: &mut Tx<'_>) -> Result<C::Reply> {
    if command.flags().contains(Flags::NO_MULTI) {
        return Err(Error::refused("ERR Command not allowed inside a transaction"));
    }
    command.check(tx.engine())?;
    command.run(tx)
}

/// Understand a command's words; type-erased [`Command::parse`].
#[derive(Clone, Copy, Debug)]
pub struct Parsers {
    /// To be run at once inside of a unit. Refused with [`Error::UndeclaredKey`] before anything is done if the unit lacks locks.
    pub inside: for<'a> fn(&mut Args<'a>, &mut Tx<'_>, Option<&mut Session>) -> Result<Reply>,
    /// To be run later, with others.
    pub prepare: for<'a> fn(&mut Args<'a>, &Engine) -> Result<Box<dyn Prepared<'a> + 'a>>,
    /// To be run at once as one unit, without an allocation in between.
    pub execute: for<'a> fn(&mut Args<'a>, &Engine, usize, Option<&mut Session>) -> Result<Reply>,
}

/// Every ACL category, in Redis's order.
pub const CATEGORIES: [&str; 22] = [
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@array",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

/// A command in the table.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its facts.
    pub spec: Spec,
    /// What it may do.
    pub access: Access,
    /// Whether it is done at once between `MULTI` and `EXEC`.
    pub ends_queue: bool,
    /// Whether it is about the caller and no more.
    pub is_about_caller: bool,
    /// Whether its words may be short for what its caller has prepared; see [`Write::in_full`].
    pub(crate) is_short: bool,
    /// Understands its words. `None` for a container such as `CONFIG`, which is nothing without its subcommand.
    pub parse: Option<Parsers>,
    /// Its number, if it is one of a program's own and stands in no table.
    pub(crate) native: Option<usize>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("spec", &self.spec).field("access", &self.access).finish_non_exhaustive()
    }
}

impl Row {
    /// Whether it does the same whoever calls it, and never waits: then it needs no session.
    pub fn needs_no_session(&self) -> bool {
        self.parse.is_some()
            && self.access != Access::Control
            && !self.is_short
            && ![Flags::BLOCKING, Flags::NOSCRIPT].iter().any(|flag| self.spec.flags.contains(*flag))
    }

    /// For `..Row::EMPTY`.
    pub(crate) const EMPTY: Self = Self {
        spec: Spec::EMPTY,
        access: Access::Control,
        ends_queue: false,
        is_about_caller: false,
        is_short: false,
        parse: None,
        native: None,
    };

    const fn parsed(self, parse: Parsers) -> Self {
        Self { parse: Some(parse), ..self }
    }

    /// All of `COMMAND INFO`'s flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let access = match self.access {
            Access::Read => Some("readonly"),
            Access::Write => Some("write"),
            Access::Control => None,
        };
        access.into_iter().chain(self.spec.flags.names())
    }

    /// Builds the row of a command that only reads.
    pub(crate) const fn read<'x, C: Command<'x>>(parse: Parsers) -> Self {
        Self { spec: C::SPEC, access: Access::Read, ..Self::EMPTY }.parsed(parse)
    }

    /// Builds the row of a command that writes.
    pub(crate) const fn write<'x, C: Write<'x>>(parse: Parsers) -> Self {
        Self { spec: C::SPEC, access: Access::Write, is_short: C::IS_SHORT, ..Self::EMPTY }.parsed(parse)
    }

    /// Builds the row of a command about the store itself.
    pub(crate) const fn control<'x, C: Command<'x>>(parse: Parsers) -> Self {
        Self { spec: C::SPEC, ..Self::EMPTY }.parsed(parse)
    }

    /// Builds the row of a command about the caller.
    pub(crate) const fn talk<'x, C: Talk<'x>>(parse: Parsers) -> Self {
        Self { spec: C::SPEC, ends_queue: C::ENDS_QUEUE, is_about_caller: true, ..Self::EMPTY }.parsed(parse)
    }

    /// The ACL categories that `COMMAND INFO` lists, in Redis's order. Commands of modules have none.
    pub fn categories(&self) -> Vec<&'static str> {
        let flags = self.spec.flags;
        if self.spec.group == Group::Module {
            return Vec::new();
        }
        let mut categories = Vec::new();
        categories.extend(match self.access {
            // What a script reads is no matter of the command that runs it.
            Access::Read => (self.spec.group != Group::Scripting).then_some("@read"),
            Access::Write => Some("@write"),
            Access::Control => None,
        });
        if flags.contains(Flags::ADMIN) {
            categories.extend(["@admin", "@dangerous"]);
        }
        if flags.contains(Flags::BLOCKING) {
            categories.push("@blocking");
        }
        if flags.contains(Flags::PUBSUB) {
            categories.push("@pubsub");
        }
        categories.push(if flags.contains(Flags::FAST) { "@fast" } else { "@slow" });
        // A container has no part in its subcommands' families, and what is about connections or elements none in that of keys.
        let is_elsewhere = self.spec.group == Group::Generic
            && ["@connection", "@list"].iter().any(|family| self.spec.categories.contains(family));
        categories.extend(self.spec.group.category().filter(|_| self.parse.is_some() && !is_elsewhere));
        categories.extend(
            self.spec
                .categories
                .iter()
                .filter(|&category| !categories.contains(category))
                .collect::<Vec<_>>(),
        );
        categories.sort_by_key(|category| CATEGORIES.iter().position(|known| known == category));
        categories
    }

    /// The places of the keys among a command's words, the name included, and Redis's words for what happens to each; `None` if
    /// the words do not fit the rules, which the command refuses.
    pub fn keys(&self, words: &[&[u8]]) -> Option<Vec<KeyUse>> {
        let mut found = Vec::new();
        for spec in self.spec.keys.iter().filter(|spec| !spec.flags.contains(&"not_key")) {
            let flags = spec.flags_for(words);
            let positions = match spec.positions(words) {
                None if self.spec.flags.contains(Flags::NO_MANDATORY_KEYS) => Vec::new(),
                positions => positions?,
            };
            found.extend(positions.into_iter().map(|place| KeyUse { place, flags }));
        }
        Some(found)
    }

    /// The name as `COMMAND` lists it.
    pub fn listed_name(&self) -> String {
        if self.spec.group == Group::Module {
            return self.spec.name.to_owned();
        }
        self.spec.name.to_ascii_lowercase().replace(' ', "|")
    }

    /// Whether so many words, the name included, can be this command.
    #[inline]
    pub fn fits(&self, words: usize) -> bool {
        let arity = i64::from(self.spec.arity);
        if arity >= 0 { words as i64 == arity } else { words as i64 >= -arity }
    }
}

/// Builds a family's table. A `read` row must implement [`Read`], a `write` row [`Write`], a `control` row [`Control`], a `talk` row
/// [`Talk`], a `blocking` row [`Blocking`], a `waiting_read` row that and [`Read`], so a command cannot be registered with the wrong access. A `container` row names a constant [`Spec`].
macro_rules! table {
    ($($access:ident $command:ident),* $(,)?) => {
        /// The commands of this file.
        pub(crate) const TABLE: &[$crate::cmd::Row] = &[$($crate::cmd::table!(@row $access $command)),*];
    };
    (@row read $command:ident) => {
        $crate::cmd::Row::read::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::read_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::read_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                engine.read_for(session.as_deref(), db, &$command::parse(args)?).map(Into::into)
            },
        })
    };
    (@row write $command:ident) => {
        $crate::cmd::Row::write::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::write_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::write_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                let (session, command) = (session.as_deref(), $command::parse(args)?);
                let in_full = $crate::cmd::Write::in_full(&command, session);
                engine.write_for(session, db, in_full.as_ref().unwrap_or(&command)).map(Into::into)
            },
        })
    };
    (@row control $command:ident) => {
        $crate::cmd::Row::control::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::control_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::control_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                $crate::cmd::control(&$command::parse(args)?, engine, db, session.as_deref())
            },
        })
    };
    (@row talk $command:ident) => {
        $crate::cmd::Row::talk::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::talk_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::talk_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                $crate::cmd::talk(&$command::parse(args)?, engine, db, session)
            },
        })
    };
    (@row blocking $command:ident) => {
        $crate::cmd::Row::write::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::write_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::write_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                let words = args.all();
                $crate::cmd::blocking::wait(&$command::parse(args)?, engine, db, session.map(|by| (by, words)))
            },
        })
    };
    (@row waiting_read $command:ident) => {
        $crate::cmd::Row::read::<$command>($crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::read_row($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::read_row($command::parse(args)?))),
            execute: |args, engine, db, session| {
                let (words, command) = (args.all(), $command::parse(args)?);
                if !$crate::cmd::Blocking::waits(&command) {
                    return engine.read_for(session.as_deref(), db, &command).map(Into::into);
                }
                $crate::cmd::blocking::wait(&command, engine, db, session.map(|by| (by, words)))
            },
        })
    };
    (@row code $command:ident) => {
        $crate::cmd::Row::code::<$command>($command::IS_READ_ONLY, $crate::cmd::Parsers {
            inside: |args, tx, session| {
                $crate::cmd::inside(&$crate::cmd::script::CodeRow($command::parse(args)?), tx, session)
            },
            prepare: |args, _| Ok(Box::new($crate::cmd::script::CodeRow($command::parse(args)?))),
            execute: |args, engine, db, session| {
                $crate::cmd::script::run_code(&$command::parse(args)?, engine, db, session)
            },
        })
    };
    (@row container $spec:ident) => {
        $crate::cmd::Row { spec: $spec, ..$crate::cmd::Row::EMPTY }
    };
}
use table;

/// Declares a command whose only word is its key.
macro_rules! keyed {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
        }

        impl<'a> $crate::cmd::Command<'a> for $type<'a> {
            const SPEC: $crate::cmd::Spec = $spec;
            type Reply = $reply;

            fn parse(args: &mut $crate::cmd::args::Args<'a>) -> $crate::Result<Self> {
                Ok($type { key: args.bytes()? })
            }

            #[inline]
            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}
use keyed;

/// Declares a command without words of its own, which needs no shard or those of a scope.
macro_rules! bare {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr $(, $scope:expr)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        impl<'a> $crate::cmd::Command<'a> for $type {
            const SPEC: $crate::cmd::Spec = $spec;
            $(const SCOPE: $crate::cmd::Scope = $scope;)?
            type Reply = $reply;

            fn parse(_: &mut $crate::cmd::args::Args<'a>) -> $crate::Result<Self> {
                Ok($type)
            }
        }
    };
}
use bare;

/// Declares the command that lists the subcommands of a container; the rest of its facts are those of a spec.
macro_rules! help_command {
    ($type:ident, $container:literal, $spec:expr) => {
        $crate::cmd::bare! {
            #[doc = concat!("`", $container, " HELP`")]
            $type -> $crate::Reply, $crate::cmd::Spec {
                name: concat!($container, " HELP"),
                arity: 2,
                flags: $crate::cmd::Flags::LOADING.and($crate::cmd::Flags::STALE),
                summary: concat!("Lists the subcommands of ", $container, "."),
                ..$spec
            }
        }

        impl<'a> $crate::cmd::Control<'a> for $type {
            fn run(&self, _: &mut $crate::tx::Tx<'_>) -> $crate::Result<$crate::Reply> {
                Ok($crate::cmd::help($container))
            }
        }
    };
}
use help_command;

/// Declares a command whose words are all keys.
macro_rules! many_keys {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The keys.
            pub keys: std::borrow::Cow<'a, [&'a [u8]]>,
        }

        impl<'a> $crate::cmd::Command<'a> for $type<'a> {
            const SPEC: $crate::cmd::Spec = $spec;
            type Reply = $reply;

            fn parse(args: &mut $crate::cmd::args::Args<'a>) -> $crate::Result<Self> {
                Ok($type { keys: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.keys.iter().for_each(|key| visit(key));
            }
        }
    };
}
use many_keys;

/// A word that Redis understands only after it has looked at the key, so that a key of the wrong type is refused first.
pub type Late<T> = Result<T>;

/// Runs a command inside of a unit that has its locks already.
pub(crate) fn inside<'a>(
    command: &impl Prepared<'a>,
    tx: &mut Tx<'_>,
    session: Option<&mut Session>,
) -> Result<Reply> {
    let reply = if tx.has_locked(command) { command.run(tx, session) } else { Err(Error::UndeclaredKey) };
    // What the command's key was may be something else soon.
    tx.forget_hash();
    reply
}

pub(crate) fn read_row<'a, C: Read<'a>>(command: C) -> impl Prepared<'a> {
    ReadRow(command)
}

pub(crate) fn write_row<'a, C: Write<'a>>(command: C) -> impl Prepared<'a> {
    WriteRow(command)
}

pub(crate) fn control_row<'a, C: Control<'a>>(command: C) -> impl Prepared<'a> {
    ControlRow(command)
}

pub(crate) fn talk_row<'a, C: Talk<'a>>(command: C) -> impl Prepared<'a> {
    TalkRow(command)
}

const TABLES: &[&[Row]] = &[
    acl::TABLE,
    string::TABLE,
    bitmap::TABLE,
    hyperloglog::TABLE,
    hash::TABLE,
    hash_deadlines::TABLE,
    hash_import::TABLE,
    set_deadlines::TABLE,
    list::TABLE,
    set::TABLE,
    zset::TABLE,
    geo::TABLE,
    stream::TABLE,
    array::TABLE,
    #[cfg(feature = "vector-sets")]
    vector_set::TABLE,
    keys::TABLE,
    sort::TABLE,
    dump::TABLE,
    connection::TABLE,
    memory::TABLE,
    pubsub::TABLE,
    multi::TABLE,
    client::TABLE,
    tracking::TABLE,
    command::TABLE,
    config::TABLE,
    info::TABLE,
    latency::TABLE,
    slowlog::TABLE,
    module::TABLE,
    script::TABLE,
    function::TABLE,
    replication::TABLE,
    debug::TABLE,
    server::TABLE,
];

/// How many rows there are.
pub(crate) const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

/// Every command, subcommands and containers included, family by family.
pub fn all() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// A row by its name in any case; a subcommand's is written `CONFIG GET` or, as `COMMAND` lists it, `config|get`.
pub fn row(name: &[u8]) -> Option<&'static Row> {
    let spaced: Vec<u8>;
    let name = match name.iter().position(|&byte| byte == b'|') {
        None => name,
        Some(bar) => {
            spaced = [&name[..bar], b" ", &name[bar + 1..]].concat();
            &spaced
        }
    };
    named(name).map(|named| named.row)
}

/// A row by its listed name in any case, where a subcommand has a bar between.
pub(crate) fn listed(name: &[u8]) -> Option<&'static Row> {
    row(name).filter(|_| !name.contains(&b' '))
}

/// A row's place in [`all`]; those of a program's own commands come after it.
pub(crate) fn number(row: &Row) -> usize {
    row.native.unwrap_or_else(|| named(row.spec.name.as_bytes()).map_or(usize::MAX, |named| named.number))
}

/// The subcommands of a container, in the order of the table.
pub fn subcommands(container: &'static str) -> impl Iterator<Item = &'static Row> {
    all().filter(move |row| row.spec.name.split_once(' ').is_some_and(|(name, _)| name == container))
}

/// See [`Engine::lookup`].
#[inline]
pub(crate) fn lookup(words: &[&[u8]], natives: &Natives) -> Result<(&'static Row, usize)> {
    match words.first().and_then(|name| named(name)) {
        Some(&Named { row, has_subcommands: false, is_subcommand: false, .. }) if row.fits(words.len()) => {
            Ok((row, 1))
        }
        found => lookup_further(found, words, natives),
    }
}

/// Finds a subcommand, a program's own command, or the refusal.
#[cold]
fn lookup_further(
    found: Option<&'static Named>,
    words: &[&[u8]],
    natives: &Natives,
) -> Result<(&'static Row, usize)> {
    let (row, name_words) = find(found, words, natives)?;
    let is_whole = row.parse.is_some() && row.fits(words.len());
    if is_whole { Ok((row, name_words)) } else { Err(wrong_arity(row.spec.name)) }
}

/// The command that is meant, whether it has as many words as it needs or not.
#[cold]
pub(crate) fn meant(words: &[&[u8]], natives: &Natives) -> Option<&'static Row> {
    let found = words.first().and_then(|name| named(name));
    find(found, words, natives).ok().map(|(row, _)| row)
}

/// The command that is meant, and how many words its name has.
fn find(found: Option<&'static Named>, words: &[&[u8]], natives: &Natives) -> Result<(&'static Row, usize)> {
    let name = words.first().copied().unwrap_or_default();
    let Some(&Named { row: found, has_subcommands, .. }) = found.filter(|found| !found.is_subcommand) else {
        let native = natives.get(name).map(|native| (native.row(), 1));
        return native.ok_or_else(|| unknown(words));
    };
    if has_subcommands && let Some(second) = words.get(1) {
        let full = [found.spec.name.as_bytes(), b" ", second].concat();
        let Some(sub) = row(&full).filter(|_| !second.contains(&b'|')) else {
            return Err(Error::UnknownSubcommand {
                container: found.spec.name,
                name: shown_in_error(&second[..second.len().min(128)]),
            });
        };
        return Ok((sub, 2));
    }
    Ok((found, 1))
}

/// What a container's `HELP` answers: each subcommand with its words and its summary.
pub(crate) fn help(container: &'static str) -> Reply {
    help_lines(
        container,
        subcommands(container).map(|row| {
            let name = row.spec.name.rsplit(' ').next().unwrap_or_default();
            (format!("{name} {}", row.spec.syntax), row.spec.summary)
        }),
    )
}

/// The same of subcommands that are given: words and summary of each.
pub(crate) fn help_lines(
    container: &str,
    subcommands: impl IntoIterator<Item = (impl AsRef<str>, &'static str)>,
) -> Reply {
    let line = |text: String| Reply::Status(Cow::Owned(text));
    let mut lines =
        vec![line(format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"))];
    for (words, summary) in subcommands {
        lines.push(line(words.as_ref().trim_end().to_owned()));
        lines.push(line(format!("    {summary}")));
    }
    Reply::Array(lines)
}

/// The refusal of too few or too many words.
pub(crate) fn wrong_arity(name: &str) -> Error {
    Error::WrongArity(Cow::Owned(name.to_ascii_lowercase().replace(' ', "|")))
}

/// Redis finds that a subcommand has too many words only after it has found the subcommand, which it names as it was given.
pub(crate) fn too_many(args: &Args<'_>) -> Error {
    let [container, subcommand, ..] = args.all() else { return Error::Syntax };
    let subcommand = shown_in_error(&subcommand[..subcommand.len().min(128)]);
    let container = shown_in_error(container).to_ascii_uppercase();
    let text = format!(
        "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try {container} HELP."
    );
    Error::Refused(text.into())
}

/// A caller's words inside of an error: up to a zero byte.
fn shown_in_error(word: &[u8]) -> String {
    let end = word.iter().position(|&byte| byte == 0).unwrap_or(word.len());
    String::from_utf8_lossy(&word[..end]).into_owned()
}

/// Redis repeats the name and the arguments, each up to 128 bytes in all.
fn unknown(words: &[&[u8]]) -> Error {
    const SHOWN: usize = 128;
    let (name, arguments) = words.split_first().map_or((&[][..], words), |(name, rest)| (*name, rest));
    let mut shown = String::new();
    for argument in arguments {
        if shown.len() >= SHOWN {
            break;
        }
        let length = argument.len().min(SHOWN - shown.len());
        shown.push('\'');
        shown.push_str(&shown_in_error(&argument[..length]));
        shown.push_str("' ");
    }
    let name = shown_in_error(&name[..name.len().min(SHOWN)]);
    Error::UnknownCommand { name, arguments: shown }
}
