//! What is known of a command before any of its words are understood.
use std::fmt;

use super::args::Args;
use crate::Result;

/// A command's facts, as `COMMAND INFO` and `COMMAND DOCS` give them and as the engine needs them.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Upper case, as Redis's documentation writes it; a subcommand's with its container: `CONFIG GET`.
    pub name: &'static str,
    /// How many words, the name included; negative means "at least".
    pub arity: i16,
    /// The family it belongs to.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// Flags other than `readonly` and `write`, which follow from the trait that the command implements.
    pub flags: Flags,
    /// ACL categories that do not follow from the group and the flags.
    pub categories: &'static [&'static str],
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// Refuses words by which it would read keys that only values name, as SORT does with a pattern: for whoever may not read every key.
    pub check_named_keys: fn(&mut Args<'_>) -> Result<()>,
    /// Hints for proxies and clusters, as `COMMAND INFO` lists them.
    pub tips: &'static [&'static str],
    /// One sentence.
    pub summary: &'static str,
    /// In big-O, with the variables named.
    pub complexity: &'static str,
    /// The words after the name, in the notation of Redis's documentation.
    pub syntax: &'static str,
}

impl Spec {
    /// For `..Spec::EMPTY` in a command's own.
    pub const EMPTY: Self = Self {
        name: "",
        arity: 1,
        group: Group::Generic,
        since: "1.0.0",
        flags: Flags::NONE,
        categories: &[],
        keys: &[],
        check_named_keys: |_| Ok(()),
        tips: &[],
        summary: "",
        complexity: "O(1)",
        syntax: "",
    };
}

/// A family of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Group {
    String,
    Bitmap,
    HyperLogLog,
    Hash,
    List,
    Set,
    SortedSet,
    Stream,
    Array,
    Geo,
    Generic,
    Connection,
    PubSub,
    Transactions,
    Scripting,
    Server,
    /// What a module of Redis brings: vector sets.
    Module,
    /// What a program adds to its stores; Redis files that under modules.
    Native,
}

impl Group {
    /// As `COMMAND DOCS` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::HyperLogLog => "hyperloglog",
            Group::Hash => "hash",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::Array => "array",
            Group::Geo => "geo",
            Group::Generic => "generic",
            Group::Connection => "connection",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Module | Group::Native => "module",
        }
    }

    /// The ACL category that every command of the group has, if there is one.
    pub const fn category(self) -> Option<&'static str> {
        match self {
            Group::String => Some("@string"),
            Group::Bitmap => Some("@bitmap"),
            Group::HyperLogLog => Some("@hyperloglog"),
            Group::Hash => Some("@hash"),
            Group::List => Some("@list"),
            Group::Set => Some("@set"),
            Group::SortedSet => Some("@sortedset"),
            Group::Stream => Some("@stream"),
            Group::Array => Some("@array"),
            Group::Geo => Some("@geo"),
            Group::Generic => Some("@keyspace"),
            Group::Connection => Some("@connection"),
            Group::Transactions => Some("@transaction"),
            Group::Scripting => Some("@scripting"),
            // What is about channels says so with a flag.
            Group::PubSub | Group::Server | Group::Module | Group::Native => None,
        }
    }
}

/// A set of `COMMAND INFO`'s flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    const NAMES: [(Self, &'static str); 17] = [
        (Self::DENYOOM, "denyoom"),
        (Self::MODULE, "module"),
        (Self::ADMIN, "admin"),
        (Self::PUBSUB, "pubsub"),
        (Self::NOSCRIPT, "noscript"),
        (Self::BLOCKING, "blocking"),
        (Self::LOADING, "loading"),
        (Self::STALE, "stale"),
        (Self::SKIP_MONITOR, "skip_monitor"),
        (Self::FAST, "fast"),
        (Self::NO_AUTH, "no_auth"),
        (Self::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Self::MOVABLEKEYS, "movablekeys"),
        (Self::ALLOW_BUSY, "allow_busy"),
        (Self::NO_ASYNC_LOADING, "no_async_loading"),
        (Self::NO_MULTI, "no_multi"),
        (Self::SKIP_SLOWLOG, "skip_slowlog"),
    ];

    /// None of them.
    pub const NONE: Self = Self(0);
    /// Refused when memory is over the limit and nothing can be evicted.
    pub const DENYOOM: Self = Self(1);
    /// For whoever runs the store.
    pub const ADMIN: Self = Self(1 << 1);
    /// Not from scripts.
    pub const NOSCRIPT: Self = Self(1 << 2);
    /// May wait.
    pub const BLOCKING: Self = Self(1 << 3);
    /// Also while a store is being loaded.
    pub const LOADING: Self = Self(1 << 4);
    /// Also on data that may be old.
    pub const STALE: Self = Self(1 << 5);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 6);
    /// Also before authentication.
    pub const NO_AUTH: Self = Self(1 << 7);
    /// Which words are keys depends on other words.
    pub const MOVABLEKEYS: Self = Self(1 << 8);
    /// Also while a script runs too long.
    pub const ALLOW_BUSY: Self = Self(1 << 9);
    /// Not while a store is loaded in the background.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 10);
    /// Not inside MULTI.
    pub const NO_MULTI: Self = Self(1 << 11);
    /// Not noted in the slow log.
    pub const SKIP_SLOWLOG: Self = Self(1 << 12);

    /// About channels.
    pub const PUBSUB: Self = Self(1 << 13);
    /// Of a module in Redis.
    pub const MODULE: Self = Self(1 << 14);
    /// Shows itself to those who monitor, before what it calls.
    pub const SKIP_MONITOR: Self = Self(1 << 15);
    /// May do without the keys that it could have.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 16);

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Where some of a command's keys are among its words, and what happens to them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What the rest cannot say, in words.
    pub notes: &'static str,
    /// Redis's words for the use of the keys, as `COMMAND INFO` lists them: `RO access`.
    pub flags: &'static [&'static str],
    /// Where the search begins.
    pub begin: Begin,
    /// Which words are keys from there.
    pub find: Find,
}

/// A key among a command's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Which word it is; the command's name is word 0.
    pub place: usize,
    /// Redis's words for what happens to it, as `COMMAND GETKEYSANDFLAGS` lists them.
    pub flags: &'static [&'static str],
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    /// At this word; the command's name is word 0.
    Index(usize),
    /// After this word, looked for from `start` on.
    Keyword {
        /// The word.
        keyword: &'static str,
        /// Where to look for it first.
        start: i64,
    },
    /// None of the words is such a key: they follow from values.
    InValues,
    /// No rule says where: this finds their places.
    Found(fn(&[&[u8]]) -> Vec<usize>),
}

/// Which words are keys, counted from where the search begins.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// Each `step`-th word up to `last`; negative counts from the end of the command.
    Range {
        /// The last key's place.
        last: i64,
        /// The distance between keys.
        step: i64,
        /// With a negative `last`: only this part of the words, 0 for all.
        limit: i64,
    },
    /// A word says how many keys there are.
    KeyNum {
        /// Its place.
        at: i64,
        /// The first key's place.
        first: i64,
        /// The distance between keys.
        step: i64,
    },
    /// Nothing can be counted from where the search cannot begin.
    Unknown,
}

impl KeySpec {
    /// One key, the first word after the name.
    pub const fn first(flags: &'static [&'static str]) -> Self {
        Self::range(flags, 1, 0, 1)
    }

    /// The same, with a note.
    #[must_use]
    pub const fn noting(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    /// Keys from the word `index` on, each `step`-th up to `last` (relative to `index`, or negative from the end).
    pub const fn range(flags: &'static [&'static str], index: usize, last: i64, step: i64) -> Self {
        Self { notes: "", flags, begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 } }
    }

    /// A count at the word `index`, and that many keys after it.
    pub const fn counted(flags: &'static [&'static str], index: usize) -> Self {
        Self { notes: "", flags, begin: Begin::Index(index), find: Find::KeyNum { at: 0, first: 1, step: 1 } }
    }

    /// After the word `keyword`, looked for from `start` on: the first half of what is left.
    pub const fn halves_after(flags: &'static [&'static str], keyword: &'static str, start: i64) -> Self {
        let find = Find::Range { last: -1, step: 1, limit: 2 };
        Self { notes: "", flags, begin: Begin::Keyword { keyword, start }, find }
    }

    /// The word after `keyword`, which is looked for from the word `start` on.
    pub const fn after(flags: &'static [&'static str], keyword: &'static str, start: i64) -> Self {
        let find = Find::Range { last: 0, step: 1, limit: 0 };
        Self { notes: "", flags, begin: Begin::Keyword { keyword, start }, find }
    }

    /// Keys that follow from values.
    pub const fn in_values(flags: &'static [&'static str]) -> Self {
        Self { notes: "", flags, begin: Begin::InValues, find: Find::Unknown }
    }

    /// Keys that `find` finds.
    pub const fn found(flags: &'static [&'static str], find: fn(&[&[u8]]) -> Vec<usize>) -> Self {
        Self { notes: "", flags, begin: Begin::Found(find), find: Find::Unknown }
    }

    /// What happens to the keys in `words`.
    ///
    /// `SET` without `GET` reads nothing, and `BITFIELD` that only reads changes nothing; the table cannot say so.
    pub fn flags_for(&self, words: &[&[u8]]) -> &'static [&'static str] {
        if !self.flags.contains(&"variable_flags") {
            self.flags
        } else if words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"BITFIELD")) {
            if only_gets(&words[2..]) { &["RO", "access"] } else { &["RW", "access", "update"] }
        } else if words.iter().skip(3).any(|word| word.eq_ignore_ascii_case(b"GET")) {
            &["RW", "access", "update"]
        } else {
            &["OW", "update"]
        }
    }

    /// The places of the keys in `words`: none if a keyword is not there, `None` if they do not fit the rule.
    pub fn positions(&self, words: &[&[u8]]) -> Option<Vec<usize>> {
        let count = words.len() as i64;
        let begin = match self.begin {
            Begin::Index(index) => index as i64,
            Begin::Keyword { keyword, start } => {
                let from = if start < 0 { count + start } else { start };
                let is_it = |word: &&[u8]| word.eq_ignore_ascii_case(keyword.as_bytes());
                let from = usize::try_from(from).ok()?;
                let Some(at) = words.get(from..)?.iter().position(is_it) else { return Some(Vec::new()) };
                (from + at) as i64 + 1
            }
            Begin::InValues => return Some(Vec::new()),
            Begin::Found(find) => return Some(find(words)),
        };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => {
                let last = match (last, limit) {
                    (last, _) if last >= 0 => begin + last,
                    (-1, limit) if limit > 1 => begin + (count - begin) / limit - 1,
                    (last, _) => count + last,
                };
                (begin, last, step)
            }
            Find::KeyNum { at, first, step } => {
                let number = crate::number::parse_i64(words.get(usize::try_from(begin + at).ok()?)?)?;
                if number < 0 || number > count {
                    return None;
                }
                (begin + first, begin + first + (number - 1) * step, step)
            }
            Find::Unknown => return None,
        };
        // A count of 0 leaves no key, and to Redis that is no use of the command.
        if last >= count || first < 0 || last < first {
            return None;
        }
        Some((first..=last).step_by(step.max(1) as usize).map(|at| at as usize).collect())
    }
}

/// Whether all of `BITFIELD`'s operations are `GET encoding offset`.
fn only_gets(mut operations: &[&[u8]]) -> bool {
    let is = |word: &[u8], token: &str| word.eq_ignore_ascii_case(token.as_bytes());
    loop {
        operations = match operations {
            [] => return true,
            [get, _, _, rest @ ..] if is(get, "GET") => rest,
            [overflow, _, rest @ ..] if is(overflow, "OVERFLOW") => rest,
            _ => return false,
        };
    }
}
