//! Commands of a program's own: what is said of them, and where a store finds them.
//!
//! What is said of a command is a [`Native`]; [`Engine::register`] gives it to a store with what it does. From then on it is a row as those of
//! the tables are, but that it is looked for after them. How its words are understood and how it runs is in `cmd/native.rs`.
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use parking_lot::Mutex;

use crate::cmd::native::{CONTROL, READ, WRITE};
use crate::cmd::{self, Access, Flags, Group, KeySpec, Name, Row, Spec, arguments};
use crate::engine::Engine;
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result};

/// What is known of a program's own command before it is called: the facts that Redis has of each of its commands.
///
/// A name is enough. Without more it takes any number of words, may write, and locks every key; whoever says where its keys are lets it run
/// beside commands on others.
///
/// ```
/// use redlet_core::Native;
///
/// let plain = Native::new("GREET");
/// let limit = Native::new("LIMIT")
///     .arity(4)
///     .keys(1, 1, 1)
///     .summary("Lets a caller do so much in a time and no more.")
///     .syntax("key limit seconds");
/// let union = Native::new("UNION.LENGTH").counted_keys(1).readonly();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a command is there once it is registered"]
pub struct Native {
    name: String,
    arity: Option<i16>,
    keys: Option<Vec<Keys>>,
    is_readonly: bool,
    flags: Flags,
    summary: Cow<'static, str>,
    since: Cow<'static, str>,
    complexity: Cow<'static, str>,
    syntax: Cow<'static, str>,
}

/// Where some keys are among the words, the name being word 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Keys {
    /// From the first to the last of these places.
    Range { first: usize, last: i64, step: usize },
    /// After a word that says how many they are.
    Counted { at: usize },
}

impl Native {
    /// A command of this name, in any case: 1 to 31 letters, digits and `.`, `-`, `_`, beginning with a letter.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into().to_ascii_uppercase(),
            arity: None,
            keys: None,
            is_readonly: false,
            flags: Flags::NONE,
            summary: Cow::Borrowed(""),
            since: Cow::Borrowed(""),
            complexity: Cow::Borrowed(""),
            syntax: Cow::Borrowed(""),
        }
    }

    /// How many words it takes, its name included; negative means "at least", as Redis has it. Any number unless it is said.
    pub fn arity(mut self, words: i16) -> Self {
        self.arity = Some(words);
        self
    }

    /// The words from the place `first` to the place `last` are keys, each `step`-th of them: what COMMAND INFO tells of commands. The name
    /// is word 0, and a negative `last` counts from the end: `keys(1, 1, 1)` is the first word after the name, `keys(1, -1, 1)` are all of
    /// them, `keys(1, -1, 2)` every other one. Can be said several times.
    ///
    /// Only these keys are locked, and only they can be touched.
    pub fn keys(mut self, first: usize, last: i64, step: usize) -> Self {
        self.keys.get_or_insert_default().push(Keys::Range { first, last, step });
        self
    }

    /// The word at the place `at` says how many keys come after it, as with `LMPOP numkeys key [key ...]`; 0 for none.
    ///
    /// Only these keys are locked, and only they can be touched.
    pub fn counted_keys(mut self, at: usize) -> Self {
        self.keys.get_or_insert_default().push(Keys::Counted { at });
        self
    }

    /// It touches no key. So it locks nothing, and runs where writes are refused.
    pub fn without_keys(mut self) -> Self {
        self.keys = Some(Vec::new());
        self
    }

    /// It only reads: it runs beside others that read its keys, and where writes are refused; what would write inside of it is refused.
    pub fn readonly(mut self) -> Self {
        self.is_readonly = true;
        self
    }

    /// Flags of COMMAND INFO, such as [`Flags::FAST`], [`Flags::ADMIN`] or [`Flags::NOSCRIPT`]. With [`Flags::DENYOOM`] the whole command is
    /// refused when memory is full; without it, those inside of it that may grow memory.
    pub fn flags(mut self, flags: Flags) -> Self {
        self.flags = self.flags.and(flags);
        self
    }

    /// One sentence, for COMMAND DOCS.
    pub fn summary(mut self, summary: impl Into<Cow<'static, str>>) -> Self {
        self.summary = summary.into();
        self
    }

    /// The version of the program that brought it, for COMMAND DOCS.
    pub fn since(mut self, version: impl Into<Cow<'static, str>>) -> Self {
        self.since = version.into();
        self
    }

    /// In big-O, for COMMAND DOCS.
    pub fn complexity(mut self, complexity: impl Into<Cow<'static, str>>) -> Self {
        self.complexity = complexity.into();
        self
    }

    /// The words after the name in the notation of Redis's documentation, for COMMAND DOCS: `key [key ...] [LIMIT limit] <MIN | MAX>`.
    pub fn syntax(mut self, syntax: impl Into<Cow<'static, str>>) -> Self {
        self.syntax = syntax.into();
        self
    }

    /// The name, in upper case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was said where its keys are, or that there are none.
    pub fn says_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether it was said how many words it takes.
    pub fn says_arity(&self) -> bool {
        self.arity.is_some()
    }

    /// Refuses what no store could call, or would call something else. Returns what it is found by.
    fn check(&self) -> Result<Name> {
        const MEANT: &str = "a name begins with a letter and has up to 31 letters, digits and '.', '-', '_'";
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_name = self.name.starts_with(|first: char| first.is_ascii_alphabetic())
            && self.name.bytes().all(is_part);
        let refused = |why: &str| Err(self.refused(why));
        let Some(name) = Name::of(self.name.as_bytes()).filter(|_| is_name) else { return refused(MEANT) };
        if OF_REDIS.contains(&&*self.name) || cmd::row(self.name.as_bytes()).is_some() {
            return refused("Redis has one of that name");
        }
        if self.arity == Some(0) {
            return refused("its name is a word, so it has one at least");
        }
        let is_nowhere = |keys: &Keys| match *keys {
            Keys::Range { first, last, step } => {
                first == 0 || step == 0 || usize::try_from(last).is_ok_and(|last| last < first)
            }
            Keys::Counted { at } => at == 0,
        };
        if self.keys.iter().flatten().any(is_nowhere) {
            return refused(
                "its keys begin at word 1, after its name, end where they begin or later, and are a word apart or more",
            );
        }
        Ok(name)
    }

    fn refused(&self, why: &str) -> Error {
        refused(&format!("'{}' cannot be a command: {why}", self.name))
    }

    fn access(&self) -> Access {
        match &self.keys {
            Some(keys) if keys.is_empty() => Access::Control,
            _ if self.is_readonly => Access::Read,
            _ => Access::Write,
        }
    }

    /// A row that lasts. Equal ones are one, so that it does not matter how many stores there are.
    fn row(&self, number: usize) -> &'static Row {
        type Rows = HashMap<(Native, usize), &'static Row>;
        static ROWS: LazyLock<Mutex<Rows>> = LazyLock::new(Mutex::default);
        ROWS.lock()
            .entry((self.clone(), number))
            .or_insert_with(|| Box::leak(Box::new(self.make_row(number))))
    }

    fn make_row(&self, number: usize) -> Row {
        let lasting = |text: &str| -> &'static str { String::leak(text.to_owned()) };
        let access = self.access();
        let key_flags: &[&str] =
            if access == Access::Read { &["RO", "access"] } else { &["RW", "access", "update"] };
        let key_spec = |keys: &Keys| match *keys {
            Keys::Range { first, last, step } => {
                let last = if last < 0 { last } else { last - first as i64 };
                KeySpec::range(key_flags, first, last, step as i64)
            }
            Keys::Counted { at } => KeySpec::counted(key_flags, at),
        };
        let keys: Vec<KeySpec> = self.keys.iter().flatten().map(key_spec).collect();
        let are_movable = self.keys.iter().flatten().any(|keys| matches!(keys, Keys::Counted { .. }));
        let spec = Spec {
            name: lasting(&self.name),
            arity: self.arity.unwrap_or(-1),
            group: Group::Native,
            since: lasting(&self.since),
            flags: if are_movable { self.flags.and(Flags::MOVABLEKEYS) } else { self.flags },
            keys: keys.leak(),
            summary: lasting(&self.summary),
            complexity: lasting(&self.complexity),
            syntax: lasting(&self.syntax),
            ..Spec::EMPTY
        };
        let parse = match access {
            Access::Read => READ,
            Access::Write => WRITE,
            Access::Control => CONTROL,
        };
        Row { spec, access, parse: Some(parse), native: Some(number), ..Row::EMPTY }
    }
}

impl<N: Into<String>> From<N> for Native {
    fn from(name: N) -> Self {
        Self::new(name)
    }
}

/// Redis's commands that redlet does not have, so that nobody calls something else so.
const OF_REDIS: [&str; 17] = [
    "ASKING",
    "BACKUP",
    "CLUSTER",
    "CLUSTERSCAN",
    "FAILOVER",
    "GCRA",
    "MIGRATE",
    "PFDEBUG",
    "PFSELFTEST",
    "READONLY",
    "READWRITE",
    "REPLICAOF",
    "RESTORE-ASKING",
    "SENTINEL",
    "SLAVEOF",
    "SUBSTR",
    "SYNC",
];

fn refused(why: &str) -> Error {
    Error::Refused(format!("ERR {why}").into())
}

/// What a program's own command runs on.
#[derive(Debug)]
pub enum Unit<'u, 'e> {
    /// The means to read, of one that only reads.
    Reading(View<'u>),
    /// Those to change values.
    Writing(&'u mut Tx<'e>),
}

/// How a program's own command was called.
#[derive(Clone, Copy, Debug)]
pub struct Called<'c> {
    /// The words after its name.
    pub words: &'c [&'c [u8]],
    /// The keys that are locked; `None` for all there are.
    pub keys: Option<&'c [&'c [u8]]>,
}

/// What a program's own command does.
pub type Handler = Box<dyn Fn(Unit<'_, '_>, Called<'_>) -> Result<Reply> + Send + Sync>;

/// A command that a store was given.
pub(crate) struct Registered {
    name: Name,
    row: &'static Row,
    /// Without a say where its keys are it may touch them all.
    pub(crate) touches_everything: bool,
    pub(crate) handler: Handler,
}

impl Registered {
    pub(crate) fn row(&self) -> &'static Row {
        self.row
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.row.spec.name).finish()
    }
}

/// The commands that a store was given. None ever goes, so they are found without a lock.
#[derive(Debug, Default)]
pub(crate) struct Natives {
    /// By name, a command at its place or near it; at most half full. Made with the first.
    slots: OnceLock<Box<[OnceLock<Arc<Registered>>]>>,
    /// In the order in which they came, which is that of their numbers.
    rows: Mutex<Vec<&'static Row>>,
}

impl Natives {
    /// So many a store can be given: users have a bit for each.
    pub(crate) const MOST: usize = 256;

    /// A command by its name in any case.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Arc<Registered>> {
        let slots = self.slots.get()?;
        let name = Name::of(name)?;
        around(slots, &name).map_while(OnceLock::get).find(|native| native.name == name)
    }

    /// All of them.
    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        self.rows.lock().clone()
    }
}

/// The places in which a name may be, the likeliest first.
fn around<'s, T>(slots: &'s [T], name: &Name) -> impl Iterator<Item = &'s T> {
    let (before, from) = slots.split_at(name.place() % slots.len());
    from.iter().chain(before)
}

impl Engine {
    /// Adds a command of the program's own, for as long as the store is open: `handler` is called by every door that takes words.
    ///
    /// It runs as one unit under locks that were taken before, so it must not use the engine itself: it would wait for its own locks. If it
    /// returns an error or panics, what it changed is undone.
    ///
    /// # Errors
    /// A name that cannot be one, or that something else has; more than 256 commands.
    pub fn register(&self, native: &Native, handler: Handler) -> Result<()> {
        let name = native.check()?;
        let natives = self.natives();
        let mut rows = natives.rows.lock();
        if natives.get(native.name.as_bytes()).is_some() {
            return Err(refused(&format!("'{}' is a command of this store already", native.name)));
        }
        if rows.len() == Natives::MOST {
            return Err(refused("a store can be given 256 commands and has them already"));
        }
        let row = native.row(cmd::COUNT + rows.len());
        if !arguments::is_whole(&row.spec) {
            return Err(native.refused("in its syntax a bracket closes that was not opened"));
        }
        // Whoever may not call it is known before anybody can.
        self.acl().add_native(row);
        let touches_everything = native.keys.is_none();
        let mut registered = Arc::new(Registered { name, row, touches_everything, handler });
        let slots = natives.slots.get_or_init(|| (0..Natives::MOST * 2).map(|_| OnceLock::new()).collect());
        for slot in around(slots, &name) {
            match slot.set(registered) {
                Ok(()) => break,
                Err(back) => registered = back,
            }
        }
        rows.push(row);
        Ok(())
    }

    /// Every command that a caller may name, subcommands and containers included: those of [`cmd::all`], and the program's own.
    pub fn commands(&self) -> impl Iterator<Item = &'static Row> {
        cmd::all().chain(self.natives().rows())
    }

    /// A row by its listed name in any case, where a subcommand has a bar between.
    pub(crate) fn listed(&self, name: &[u8]) -> Option<&'static Row> {
        cmd::listed(name).or_else(|| self.natives().get(name).map(|native| native.row))
    }

    /// The command that is meant, whether it has as many words as it needs or not.
    pub fn meant(&self, words: &[&[u8]]) -> Option<&'static Row> {
        cmd::meant(words, self.natives())
    }
}
