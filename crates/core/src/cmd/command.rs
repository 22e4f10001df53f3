//! COMMAND: what there is to be called, and with which words.
use super::arguments::{Argument, arguments};
use super::server::{ALWAYS, SERVER};
use super::{
    Args, Begin, Command, Control, Find, Flags, KeySpec, KeyUse, Row, Spec, bare, help_command, table,
};
use crate::engine::Engine;
use crate::tx::Tx;
use crate::{Error, Reply, Result, glob};

table! {
    control CommandAll, control CommandCount, control CommandDocs, control CommandGetKeys, control CommandGetKeysAndFlags,
    control CommandHelp, control CommandInfo, control CommandList,
}

help_command!(CommandHelp, "COMMAND", Spec { since: "5.0.0", categories: CONNECTION, ..SERVER });

/// COMMAND and its subcommands are filed under `server` and yet of this category.
const CONNECTION: &[&str] = &["@connection"];
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

bare! {
    /// `COMMAND`
    CommandAll -> Reply, Spec {
        name: "COMMAND",
        arity: -1,
        since: "2.8.13",
        flags: ALWAYS,
        categories: CONNECTION,
        tips: UNORDERED,
        summary: "Describes every command.",
        complexity: "O(N), N being the number of commands",
        ..SERVER
    }
}

impl Control<'_> for CommandAll {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        Ok(Reply::Array(top_level(db.engine()).map(describe).collect()))
    }
}

fn top_level(engine: &Engine) -> impl Iterator<Item = &'static Row> {
    engine.commands().filter(|row| !row.spec.name.contains(' '))
}

bare! {
    /// `COMMAND COUNT`
    CommandCount -> usize, Spec {
        name: "COMMAND COUNT",
        arity: 2,
        since: "2.8.13",
        flags: ALWAYS,
        categories: CONNECTION,
        summary: "Counts the commands.",
        ..SERVER
    }
}

impl Control<'_> for CommandCount {
    fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
        Ok(top_level(db.engine()).count())
    }
}

fn describe(row: &'static Row) -> Reply {
    let statuses = |names: &mut dyn Iterator<Item = &'static str>| {
        Reply::Set(names.map(|name| Reply::Status(name.into())).collect())
    };
    let (first, last, step) = key_range(row.spec.keys);
    let flags = statuses(&mut row.flags());
    let categories = statuses(&mut row.categories().into_iter());
    let subcommands: Vec<Reply> = if row.spec.name.contains(' ') {
        Vec::new()
    } else {
        super::subcommands(row.spec.name).map(describe).collect()
    };
    // Redis says that there are none with a set, and lists them in an array.
    let subcommands =
        if subcommands.is_empty() { Reply::Set(subcommands) } else { Reply::Array(subcommands) };
    Reply::Array(vec![
        Reply::bulk(row.listed_name()),
        Reply::Integer(i64::from(row.spec.arity)),
        flags,
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
        categories,
        Reply::Set(row.spec.tips.iter().map(Reply::bulk).collect()),
        Reply::Set(row.spec.keys.iter().map(describe_keys).collect()),
        subcommands,
    ])
}

/// The first key, the last and the step: what clients used before there were key specifications. Redis makes it of the ranges
/// that begin at a known word and follow on each other.
fn key_range(specs: &[KeySpec]) -> (i64, i64, i64) {
    let mut range = (0, 0, 0);
    for spec in specs {
        let (Begin::Index(index), Find::Range { last, step, .. }) = (spec.begin, spec.find) else { continue };
        let first = index as i64;
        let last = if last >= 0 { first + last } else { last };
        range = match range {
            (0, 0, 0) => (first, last, step),
            (start, before, 1) if step == 1 && before >= 0 && first == before + 1 => (start, last, 1),
            other => other,
        };
    }
    range
}

fn describe_keys(spec: &KeySpec) -> Reply {
    let typed = |kind: &'static str, spec| named_parts([("type", Reply::bulk(kind)), ("spec", spec)]);
    let begin = match spec.begin {
        Begin::Index(index) => typed("index", named_parts([("index", index.into())])),
        Begin::Keyword { keyword, start } => {
            typed("keyword", named_parts([("keyword", Reply::bulk(keyword)), ("startfrom", start.into())]))
        }
        Begin::InValues | Begin::Found(_) => typed("unknown", named_parts([])),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => typed(
            "range",
            named_parts([("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())]),
        ),
        Find::KeyNum { at, first, step } => typed(
            "keynum",
            named_parts([("keynumidx", at.into()), ("firstkey", first.into()), ("keystep", step.into())]),
        ),
        Find::Unknown => typed("unknown", named_parts([])),
    };
    let flags = Reply::Set(spec.flags.iter().map(|flag| Reply::Status((*flag).into())).collect());
    let notes = (!spec.notes.is_empty()).then(|| ("notes", Reply::bulk(spec.notes)));
    named_parts(notes.into_iter().chain([("flags", flags), ("begin_search", begin), ("find_keys", find)]))
}

/// Declares a subcommand of COMMAND whose words are names of commands.
macro_rules! about_names {
    ($type:ident, $name:literal, $since:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " [command-name [command-name ...]]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The commands; none for all.
            pub names: std::borrow::Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -2,
                since: $since,
                flags: ALWAYS,
                categories: CONNECTION,
                tips: UNORDERED,
                summary: $summary,
                complexity: "O(N), N being the number of commands",
                syntax: "[command-name [command-name ...]]",
                ..SERVER
            };
            type Reply = Reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { names: args.rest().into() })
            }
        }
    };
}

about_names!(CommandInfo, "COMMAND INFO", "2.8.13", "Describes commands; null for one that does not exist.");
about_names!(CommandDocs, "COMMAND DOCS", "7.0.0", "Returns what commands are for and what they cost.");

impl<'a> Control<'a> for CommandInfo<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let engine = db.engine();
        if self.names.is_empty() {
            return Ok(Reply::Array(top_level(engine).map(describe).collect()));
        }
        let describe = |name: &&[u8]| engine.listed(name).map_or(Reply::Null, describe);
        Ok(Reply::Array(self.names.iter().map(describe).collect()))
    }
}

impl<'a> Control<'a> for CommandDocs<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let engine = db.engine();
        let rows: Vec<_> = if self.names.is_empty() {
            top_level(engine).collect()
        } else {
            self.names.iter().filter_map(|name| engine.listed(name)).collect()
        };
        Ok(Reply::Map(rows.into_iter().map(|row| (Reply::bulk(row.listed_name()), document(row))).collect()))
    }
}

/// A map whose keys are names.
fn named_parts(parts: impl IntoIterator<Item = (&'static str, Reply)>) -> Reply {
    Reply::Map(parts.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

fn document(row: &'static Row) -> Reply {
    let mut parts = vec![
        ("summary", Reply::bulk(row.spec.summary)),
        ("since", Reply::bulk(row.spec.since)),
        ("group", Reply::bulk(row.spec.group.as_str())),
        ("complexity", Reply::bulk(row.spec.complexity)),
    ];
    // A program need not say all of it of its own commands.
    parts.retain(|(_, text)| *text != Reply::bulk(""));
    if super::versions::is_system(row.spec.name) {
        parts.push(("doc_flags", Reply::Set(vec![Reply::Status("syscmd".into())])));
    }
    if let Some((since, instead)) = super::versions::deprecated(row.spec.name) {
        parts.push(("doc_flags", Reply::Set(vec![Reply::Status("deprecated".into())])));
        parts.push(("deprecated_since", Reply::bulk(since)));
        parts.push(("replaced_by", Reply::bulk(instead)));
    }
    let arguments = arguments(&row.spec);
    if !arguments.is_empty() {
        parts.push(("arguments", Reply::Array(arguments.iter().map(document_argument).collect())));
    }
    let subcommands: Vec<_> = if row.spec.name.contains(' ') {
        Vec::new()
    } else {
        super::subcommands(row.spec.name).map(|row| (Reply::bulk(row.listed_name()), document(row))).collect()
    };
    if !subcommands.is_empty() {
        parts.push(("subcommands", Reply::Map(subcommands)));
    }
    named_parts(parts)
}

fn document_argument(argument: &Argument) -> Reply {
    let mut parts =
        vec![("name", Reply::bulk(&argument.name)), ("type", Reply::bulk(argument.kind.as_str()))];
    if argument.parts.is_empty() {
        parts.push(("display_text", Reply::bulk(&argument.shown)));
    }
    parts.extend(argument.key_spec.map(|index| ("key_spec_index", Reply::Integer(index as i64))));
    parts.extend(argument.token.map(|token| ("token", Reply::bulk(token))));
    parts.extend(argument.since.map(|since| ("since", Reply::bulk(since))));
    parts.extend(argument.deprecated_since.map(|since| ("deprecated_since", Reply::bulk(since))));
    let flags = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
        (argument.multiple_token, "multiple_token"),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
    let flags: Vec<_> = flags.map(|(_, flag)| Reply::Status(flag.into())).collect();
    if !flags.is_empty() {
        parts.push(("flags", Reply::Set(flags)));
    }
    if !argument.parts.is_empty() {
        parts.push(("arguments", Reply::Array(argument.parts.iter().map(document_argument).collect())));
    }
    named_parts(parts)
}

/// Declares a subcommand of COMMAND that looks for the keys among a whole command's words.
macro_rules! about_keys {
    ($type:ident, $name:literal, $since:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " command [arg [arg ...]]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The command's words, its name first.
            pub words: std::borrow::Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: $since,
                flags: ALWAYS,
                categories: CONNECTION,
                summary: $summary,
                complexity: "O(N), N being the number of words",
                syntax: "command [arg [arg ...]]",
                ..SERVER
            };
            type Reply = Reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { words: args.rest().into() })
            }
        }
    };
}

about_keys!(CommandGetKeys, "COMMAND GETKEYS", "2.8.13", "Finds the keys among a command's words.");
about_keys!(
    CommandGetKeysAndFlags,
    "COMMAND GETKEYSANDFLAGS",
    "7.0.0",
    "Finds the keys among a command's words, and what happens to them."
);

fn keys_of(engine: &Engine, words: &[&[u8]]) -> Result<Vec<KeyUse>> {
    let row = match engine.lookup(words) {
        Ok((row, _)) => row,
        Err(_) if words.len() == 1 && super::row(words[0]).is_some_and(|row| row.parse.is_none()) => {
            return Err(Error::refused("ERR The command has no key arguments"));
        }
        Err(Error::WrongArity(_)) => {
            return Err(Error::refused("ERR Invalid number of arguments specified for command"));
        }
        Err(_) => return Err(Error::refused("ERR Invalid command specified")),
    };
    if row.spec.keys.is_empty() {
        return Err(Error::refused("ERR The command has no key arguments"));
    }
    let keys = row.keys(words).ok_or(Error::refused("ERR Invalid arguments specified for command"))?;
    // The names of sharded channels are where keys are, and are none.
    let may_be_none = row.spec.flags.contains(Flags::NO_MANDATORY_KEYS);
    if keys.is_empty() && !may_be_none {
        return Err(Error::refused("ERR The command has no key arguments"));
    }
    Ok(keys)
}

impl<'a> Control<'a> for CommandGetKeys<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let keys = keys_of(db.engine(), &self.words)?;
        Ok(Reply::Array(keys.into_iter().map(|key| Reply::bulk(self.words[key.place])).collect()))
    }
}

impl<'a> Control<'a> for CommandGetKeysAndFlags<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let describe = |key: KeyUse| {
            let flags = Reply::Set(key.flags.iter().map(|flag| Reply::Status((*flag).into())).collect());
            Reply::Array(vec![Reply::bulk(self.words[key.place]), flags])
        };
        Ok(Reply::Array(keys_of(db.engine(), &self.words)?.into_iter().map(describe).collect()))
    }
}

/// Which commands `COMMAND LIST` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFilter<'a> {
    /// All of them.
    All,
    /// `FILTERBY MODULE`: those of a module. There are no modules.
    Module,
    /// `FILTERBY ACLCAT`: those of an ACL category.
    Category(&'a [u8]),
    /// `FILTERBY PATTERN`: those whose names match.
    Pattern(&'a [u8]),
}

/// `COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]`
#[derive(Clone, Debug)]
pub struct CommandList<'a> {
    /// Which of them.
    pub filter: CommandFilter<'a>,
}

impl<'a> Command<'a> for CommandList<'a> {
    const SPEC: Spec = Spec {
        name: "COMMAND LIST",
        arity: -2,
        since: "7.0.0",
        flags: ALWAYS,
        categories: CONNECTION,
        tips: UNORDERED,
        summary: "Returns the names of commands.",
        complexity: "O(N), N being the number of commands",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        ..SERVER
    };
    type Reply = Vec<String>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let filter = if args.is_empty() {
            CommandFilter::All
        } else if !args.take_with("FILTERBY", 2) {
            return Err(Error::Syntax);
        } else if args.take("MODULE") {
            args.bytes()?;
            CommandFilter::Module
        } else if args.take("ACLCAT") {
            CommandFilter::Category(args.bytes()?)
        } else if args.take("PATTERN") {
            CommandFilter::Pattern(args.bytes()?)
        } else {
            return Err(Error::Syntax);
        };
        args.finish()?;
        Ok(CommandList { filter })
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Reply::Bulk(text.into())
    }
}

impl<'a> Control<'a> for CommandList<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<String>> {
        // Redis filters subcommands too, but lists only whole commands when nothing is filtered.
        let in_category = |row: &Row, wanted: &[u8]| {
            row.categories().iter().any(|category| category.as_bytes()[1..].eq_ignore_ascii_case(wanted))
        };
        let rows = db.engine().commands().filter(|row| match self.filter {
            CommandFilter::All => !row.spec.name.contains(' '),
            CommandFilter::Module => false,
            CommandFilter::Category(wanted) => in_category(row, wanted),
            CommandFilter::Pattern(pattern) => glob::matches(pattern, row.listed_name().as_bytes(), true),
        });
        Ok(rows.map(Row::listed_name).collect())
    }
}
