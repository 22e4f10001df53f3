//! FUNCTION, FCALL: code that stays with the store.
use std::sync::Arc;

use super::script::{MAY_WRITE, ONLY_READS, SCRIPTING, any, calling, flush_mode};
use super::{Args, Command, Control, Flags, Scope, Spec, Write, bare, help_command, table, too_many};
use crate::engine::Engine;
use crate::script::{Callable, Function, Kind, Library, LibraryChange, Loading};
use crate::tx::Tx;
use crate::{Bytes, Error, Reply, Result, glob, rdb};

table! {
    code FCall, code FCallRo, container FUNCTION, write FunctionDelete, control FunctionDump, write FunctionFlush,
    control FunctionHelp, control FunctionKill, control FunctionList, write FunctionLoad, write FunctionRestore,
    control FunctionStats,
}

const SINCE: &str = "7.0.0";
const SPEC: Spec = Spec { since: SINCE, flags: Flags::NOSCRIPT, ..SCRIPTING };
const ON_ALL: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const FUNCTION_WORDS: &str = "function numkeys [key [key ...]] [arg [arg ...]]";

fn by_name(name: &[u8], engine: &Engine) -> Result<Callable> {
    let libraries = engine.scripts().libraries();
    let (library, name) = libraries.function(name).ok_or(Error::refused("ERR Function not found"))?;
    Ok(Callable::Function { library: Arc::clone(library), name: name.clone() })
}

calling! {
    /// `FCALL function numkeys [key [key ...]] [arg [arg ...]]`
    FCall by CallsFunction, reads only: false, any, by_name, Spec {
        name: "FCALL",
        since: SINCE,
        summary: "Runs a function of a library.",
        syntax: FUNCTION_WORDS,
        ..MAY_WRITE
    }, a bad count: Some("ERR Bad number of keys provided")
}

calling! {
    /// `FCALL_RO function numkeys [key [key ...]] [arg [arg ...]]`
    FCallRo by CallsFunctionToRead, reads only: true, any, by_name, Spec {
        name: "FCALL_RO",
        summary: "Runs a function of a library that only reads.",
        syntax: FUNCTION_WORDS,
        ..ONLY_READS
    }, a bad count: Some("ERR Bad number of keys provided")
}

/// `FUNCTION`
const FUNCTION: Spec = Spec {
    name: "FUNCTION",
    arity: -2,
    flags: Flags::NONE,
    summary: "A container for commands about functions.",
    complexity: "Depends on subcommand.",
    ..SPEC
};

/// Loads a library, without making it known.
pub(crate) fn load(
    code: &[u8],
    engine: &Engine,
    check: impl FnOnce(&Library) -> Result<()>,
) -> Result<Arc<Library>> {
    let library = Arc::new(Library::new(code)?);
    check(&library)?;
    let functions = engine.scripts().interpreter()?.load(&library, &mut Loading::new(engine))?;
    if functions.is_empty() {
        return Err(Error::refused("ERR No functions registered"));
    }
    library.set_functions(functions);
    Ok(library)
}

fn refuse_known(is_known: bool, library: &Library) -> Result<()> {
    if !is_known {
        return Ok(());
    }
    Err(Error::Refused(format!("ERR Library '{}' already exists", library.name()).into()))
}

/// `FUNCTION LOAD [REPLACE] function-code`
#[derive(Clone, Copy, Debug)]
pub struct FunctionLoad<'a> {
    /// The library's code, which begins with `#!lua name=…`.
    pub code: &'a [u8],
    /// A library of that name gives way.
    pub replace: bool,
}

impl<'a> Command<'a> for FunctionLoad<'a> {
    const SPEC: Spec = Spec {
        name: "FUNCTION LOAD",
        arity: -3,
        flags: Flags::NOSCRIPT.and(Flags::DENYOOM),
        tips: ON_ALL,
        summary: "Loads a library of functions, which stays with the store, and returns its name.",
        complexity: "O(1), and whatever the library's code does",
        syntax: "[REPLACE] function-code",
        ..SPEC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut replace = false;
        while args.remaining() > 1 {
            if !args.take("REPLACE") {
                let option = String::from_utf8_lossy(args.bytes()?).into_owned();
                return Err(Error::Refused(format!("ERR Unknown option given: {option}").into()));
            }
            replace = true;
        }
        Ok(Self { code: args.bytes()?, replace })
    }
}

impl<'a> Write<'a> for FunctionLoad<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let engine = db.engine();
        let library = load(self.code, engine, |library| {
            refuse_known(!self.replace && engine.scripts().libraries().get(library.name()).is_some(), library)
        })?;
        db.change_libraries(|libraries, note| {
            libraries.put(&library)?;
            note(&(&*library).into());
            Ok(Bytes::copy_from_slice(library.name().as_bytes()))
        })
    }
}

/// `FUNCTION DELETE library-name`
#[derive(Clone, Copy, Debug)]
pub struct FunctionDelete<'a> {
    /// The library.
    pub library: &'a [u8],
}

impl<'a> Command<'a> for FunctionDelete<'a> {
    const SPEC: Spec = Spec {
        name: "FUNCTION DELETE",
        arity: 3,
        tips: ON_ALL,
        summary: "Deletes a library with its functions.",
        complexity: "O(N), N being the number of functions",
        syntax: "library-name",
        ..SPEC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self { library: args.bytes()? })
    }
}

impl<'a> Write<'a> for FunctionDelete<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        db.change_libraries(|libraries, note| {
            if !libraries.remove(&String::from_utf8_lossy(self.library)) {
                return Err(Error::refused("ERR Library not found"));
            }
            note(&LibraryChange::Delete { name: self.library.into() });
            Ok(())
        })
    }
}

/// `FUNCTION FLUSH [ASYNC | SYNC]`
#[derive(Clone, Copy, Debug)]
pub struct FunctionFlush;

impl<'a> Command<'a> for FunctionFlush {
    const SPEC: Spec = Spec {
        name: "FUNCTION FLUSH",
        arity: -2,
        tips: ON_ALL,
        summary: "Deletes all libraries.",
        complexity: "O(N), N being the number of functions",
        syntax: "[ASYNC | SYNC]",
        ..SPEC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.remaining() > 1 {
            return Err(too_many(args));
        }
        flush_mode(args, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option").map(|()| FunctionFlush)
    }
}

impl Write<'_> for FunctionFlush {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        if let Ok(interpreter) = db.engine().scripts().interpreter() {
            interpreter.forget_libraries();
        }
        db.change_libraries(|libraries, note| {
            if libraries.counts() != (0, 0) {
                LibraryChange::Clear.apply(libraries)?;
                note(&LibraryChange::Clear);
            }
            Ok(())
        })
    }
}

/// `FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]`
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionList<'a> {
    /// Only libraries whose names match this, in upper or lower case.
    pub pattern: Option<&'a [u8]>,
    /// Whether their code is wanted too.
    pub with_code: bool,
}

/// A library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    /// Its name.
    pub name: String,
    /// Its functions by name.
    pub functions: Vec<(String, Function)>,
    /// Its code, if that was asked for.
    pub code: Option<Bytes>,
}

impl From<LibraryInfo> for Reply {
    fn from(library: LibraryInfo) -> Self {
        let pair = |name: &str, value| (Reply::bulk(name), value);
        let function = |(name, function): (String, Function)| {
            let flags = function.flags.names().map(Reply::from).collect();
            Reply::Map(vec![
                pair("name", Reply::bulk(name)),
                pair("description", function.description.map_or(Reply::Null, Reply::bulk)),
                pair("flags", Reply::Set(flags)),
            ])
        };
        let functions = library.functions.into_iter().map(function).collect();
        let mut pairs = vec![
            pair("library_name", Reply::bulk(library.name)),
            pair("engine", Reply::bulk("LUA")),
            pair("functions", Reply::Array(functions)),
        ];
        pairs.extend(library.code.map(|code| pair("library_code", Reply::Bulk(code))));
        Reply::Map(pairs)
    }
}

impl<'a> Command<'a> for FunctionList<'a> {
    const SPEC: Spec = Spec {
        name: "FUNCTION LIST",
        arity: -2,
        tips: &["nondeterministic_output_order"],
        summary: "Lists libraries and their functions.",
        complexity: "O(N), N being the number of functions",
        syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        ..SPEC
    };
    type Reply = Vec<LibraryInfo>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut list = Self::default();
        while !args.is_empty() {
            if !list.with_code && args.take("WITHCODE") {
                list.with_code = true;
            } else if list.pattern.is_none() && args.take("LIBRARYNAME") {
                let missing = Error::refused("ERR library name argument was not given");
                list.pattern = Some(args.bytes().map_err(|_| missing)?);
            } else {
                let word = String::from_utf8_lossy(args.bytes()?).into_owned();
                return Err(Error::Refused(format!("ERR Unknown argument {word}").into()));
            }
        }
        Ok(list)
    }
}

impl<'a> Control<'a> for FunctionList<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<LibraryInfo>> {
        let is_asked = |library: &&Arc<Library>| {
            self.pattern.is_none_or(|pattern| glob::matches(pattern, library.name().as_bytes(), true))
        };
        let info = |library: &Arc<Library>| LibraryInfo {
            name: library.name().to_owned(),
            functions: library
                .functions()
                .iter()
                .map(|(name, function)| (name.clone(), function.clone()))
                .collect(),
            code: self.with_code.then(|| Bytes::copy_from_slice(library.code())),
        };
        Ok(db.engine().scripts().libraries().iter().filter(is_asked).map(info).collect())
    }
}

bare! {
    /// `FUNCTION DUMP`
    FunctionDump -> Bytes, Spec {
        name: "FUNCTION DUMP",
        arity: 2,
        summary: "Returns all libraries in Redis's own bytes.",
        complexity: "O(N), N being the number of functions",
        ..SPEC
    }
}

impl Control<'_> for FunctionDump {
    fn run(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let libraries = db.engine().scripts().libraries();
        let compression = db.engine().config().dump_compression();
        Ok(rdb::dump_libraries(libraries.iter().map(|library| library.code()), compression).into())
    }
}

/// What becomes of libraries that are there when others are restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestorePolicy {
    /// `FLUSH`: they are deleted.
    Flush,
    /// `APPEND`: they stay, and one of the same name is an error.
    #[default]
    Append,
    /// `REPLACE`: those of the same names give way.
    Replace,
}

/// `FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]`
#[derive(Clone, Copy, Debug)]
pub struct FunctionRestore<'a> {
    /// What `FUNCTION DUMP` wrote.
    pub payload: &'a [u8],
    /// What becomes of libraries that are there.
    pub policy: RestorePolicy,
}

impl<'a> Command<'a> for FunctionRestore<'a> {
    const SPEC: Spec = Spec {
        name: "FUNCTION RESTORE",
        arity: -3,
        flags: Flags::NOSCRIPT.and(Flags::DENYOOM),
        tips: ON_ALL,
        summary: "Loads libraries from what FUNCTION DUMP wrote.",
        complexity: "O(N), N being the number of functions in the payload",
        syntax: "serialized-value [FLUSH | APPEND | REPLACE]",
        ..SPEC
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.remaining() > 2 {
            return Err(too_many(args));
        }
        let payload = args.bytes()?;
        let policies = [
            ("FLUSH", RestorePolicy::Flush),
            ("APPEND", RestorePolicy::Append),
            ("REPLACE", RestorePolicy::Replace),
        ];
        let wrong = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
        let policy = if args.is_empty() {
            RestorePolicy::default()
        } else {
            args.take_one_of(policies).ok_or(Error::refused(wrong))?
        };
        Ok(Self { payload, policy })
    }
}

impl<'a> Write<'a> for FunctionRestore<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let codes = rdb::restore_libraries(self.payload)
            .map_err(|unreadable| Error::Refused(format!("ERR {unreadable}").into()))?;
        let engine = db.engine();
        let mut loaded: Vec<Arc<Library>> = Vec::with_capacity(codes.len());
        for code in &codes {
            let library = load(code, engine, |library| {
                refuse_known(loaded.iter().any(|other| other.name() == library.name()), library)
            })?;
            loaded.push(library);
        }
        db.change_libraries(|libraries, note| {
            if self.policy == RestorePolicy::Flush {
                LibraryChange::Clear.apply(libraries)?;
                note(&LibraryChange::Clear);
            }
            for library in loaded {
                let name = library.name();
                if self.policy == RestorePolicy::Append && libraries.get(name).is_some() {
                    return Err(Error::Refused(format!("ERR Library {name} already exists").into()));
                }
                libraries.put(&library)?;
                note(&(&*library).into());
            }
            Ok(())
        })
    }
}

bare! {
    /// `FUNCTION KILL`
    FunctionKill -> (), Spec {
        name: "FUNCTION KILL",
        arity: 2,
        flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        summary: "Ends a function that takes too long, unless it has written something.",
        ..SPEC
    }
}

impl Control<'_> for FunctionKill {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().scripts().running().kill(Kind::Function)
    }
}

bare! {
    /// `FUNCTION STATS`
    FunctionStats -> FunctionStatsReply, Spec {
        name: "FUNCTION STATS",
        arity: 2,
        flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Returns which function is running, and how many there are.",
        ..SPEC
    }
}

/// A function that has run for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningFunction {
    /// Its name.
    pub name: String,
    /// The words of the command that runs it.
    pub command: Vec<Bytes>,
    /// For how many milliseconds it has run.
    pub duration_ms: i64,
}

/// `FUNCTION STATS`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionStatsReply {
    /// The function that has run for longest, if one runs.
    pub running: Option<RunningFunction>,
    /// How many libraries there are.
    pub libraries: usize,
    /// How many functions they have.
    pub functions: usize,
}

impl From<FunctionStatsReply> for Reply {
    fn from(stats: FunctionStatsReply) -> Self {
        let pair = |name: &str, value| (Reply::bulk(name), value);
        let running = stats.running.map_or(Reply::Null, |running| {
            Reply::Map(vec![
                pair("name", Reply::bulk(running.name)),
                pair("command", Reply::Array(running.command.into_iter().map(Reply::Bulk).collect())),
                pair("duration_ms", Reply::Integer(running.duration_ms)),
            ])
        });
        let counts = Reply::Map(vec![
            pair("libraries_count", Reply::Integer(stats.libraries as i64)),
            pair("functions_count", Reply::Integer(stats.functions as i64)),
        ]);
        Reply::Map(vec![
            pair("running_script", running),
            pair("engines", Reply::Map(vec![pair("LUA", counts)])),
        ])
    }
}

impl Control<'_> for FunctionStats {
    fn run(&self, db: &mut Tx<'_>) -> Result<FunctionStatsReply> {
        let engine = db.engine();
        let running = match engine.scripts().running().first() {
            Some(run) if run.kind == Kind::Script => return Err(run.kind.busy()),
            running => running.map(|run| RunningFunction {
                name: run.name.clone(),
                command: run.words.iter().map(|word| Bytes::copy_from_slice(word)).collect(),
                duration_ms: (engine.clock().now_micros() - run.began_micros) / 1000,
            }),
        };
        let (libraries, functions) = engine.scripts().libraries().counts();
        Ok(FunctionStatsReply { running, libraries, functions })
    }
}

help_command!(FunctionHelp, "FUNCTION", Spec { since: SINCE, ..SCRIPTING });
