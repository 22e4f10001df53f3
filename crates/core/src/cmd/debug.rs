//! DEBUG: what test suites ask of a server. Off unless `enable-debug-command` says otherwise.
use std::time::Duration;

use super::server::{Counted, SERVER, count};
use super::{Args, Command, Control, Flags, Late, Scope, Spec, help_lines, table};
use crate::codec;
use crate::config::parse_bytes;
use crate::digest::Digest;
use crate::effect::Effect;
use crate::engine::Engine;
use crate::keyspace::{Database, Entry};
use crate::maxmemory::idle_seconds;
use crate::tx::{Deadline, Tx, View};
use crate::types::{Encoding, List, StrRef, ValueRef};
use crate::{Error, Reply, Result, number};

table! { control Debug }

/// `DEBUG subcommand [argument [argument ...]]`
#[derive(Clone, Debug)]
pub struct Debug<'a> {
    /// What to do.
    pub request: Late<DebugRequest<'a>>,
}

/// What DEBUG can do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DebugRequest<'a> {
    /// `CHANGE-REPL-ID`: takes another identity.
    ChangeReplicationId,
    /// `DIGEST`: a number that says whether two datasets are the same.
    Digest,
    /// `DIGEST-VALUE key [key ...]`: the same of values.
    DigestValue(&'a [&'a [u8]]),
    /// `ERROR message`: an error, as it is given.
    Error(&'a [u8]),
    /// `HELP`
    Help,
    /// `HTSTATS dbid [FULL]`: how many keys a database has.
    TableStatistics(i64),
    /// `HTSTATS-KEY key [FULL]`: how many elements a big value has.
    KeyTableStatistics(&'a [u8]),
    /// `LISTPACK key`, `QUICKLIST key`: whether a value is kept in this way.
    Kept(&'a [u8], Encoding),
    /// What changes nothing here, because there is no such thing, as `DICT-RESIZING`.
    Nothing,
    /// `OBJECT key`: how a value is kept.
    Object(&'a [u8]),
    /// `POPULATE count [prefix] [size]`: makes keys.
    Populate {
        /// How many.
        count: u64,
        /// What their names begin with.
        prefix: &'a [u8],
        /// How long values are; as long as they want to be without it.
        size: Option<u64>,
    },
    /// `PROTOCOL type`: an answer of a type.
    Protocol(&'a [u8]),
    /// `RELOAD`, `LOADAOF`: writes everything into memory and reads it again.
    Reload,
    /// `SET-ACTIVE-EXPIRE`, `PAUSE-CRON`: whether keys expire that nobody asks for.
    SetActiveExpire(bool),
    /// `SLEEP seconds`: keeps everybody waiting.
    Sleep(f64),
}

use DebugRequest as Request;

fn unknown(name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(name);
    Error::Refused(
        format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.").into(),
    )
}

fn request<'a>(name: &'a [u8], words: &'a [&'a [u8]]) -> Result<Request<'a>> {
    let integer = |word: &[u8]| number::parse_i64(word).ok_or(Error::NotAnInteger);
    // As C's `atoi` reads it.
    let is_on = |word: &[u8]| word.first().is_some_and(|digit| (b'1'..=b'9').contains(digit));
    let positive = |word: &[u8]| {
        let number = number::parse_i64(word).and_then(|number| u64::try_from(number).ok());
        number.ok_or(Error::refused("ERR value is out of range, must be positive"))
    };
    Ok(match (name.to_ascii_uppercase().as_slice(), words) {
        (b"CHANGE-REPL-ID", []) => Request::ChangeReplicationId,
        (b"DIGEST", []) => Request::Digest,
        (b"DIGEST-VALUE", keys) => Request::DigestValue(keys),
        (b"ERROR", [message]) => Request::Error(message),
        (b"HELP", []) => Request::Help,
        (b"HTSTATS", [db] | [db, _]) => Request::TableStatistics(integer(db)?),
        (b"HTSTATS-KEY", [key] | [key, _]) => Request::KeyTableStatistics(key),
        (b"LISTPACK", [key]) => Request::Kept(key, Encoding::Listpack),
        (b"QUICKLIST", [key] | [key, _]) => Request::Kept(key, Encoding::Quicklist),
        (b"LOADAOF", []) => Request::Reload,
        (b"OBJECT", [key]) => Request::Object(key),
        (b"POPULATE", [count, more @ ..]) if more.len() <= 2 => Request::Populate {
            count: positive(count)?,
            prefix: more.first().copied().unwrap_or(b"key"),
            size: more.get(1).map(|size| positive(size)).transpose()?,
        },
        (b"PROTOCOL", [kind]) => Request::Protocol(kind),
        (b"QUICKLIST-PACKED-THRESHOLD", [size]) => {
            const LARGEST: u128 = (4 << 30) - (1 << 20);
            if parse_bytes(size).is_none_or(|bytes| bytes > LARGEST) {
                return Err(Error::refused(
                    "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
                ));
            }
            Request::Nothing
        }
        (b"RELOAD", options) => {
            let is_known = |option: &&[u8]| {
                [&b"MERGE"[..], b"NOFLUSH", b"NOSAVE"].iter().any(|known| option.eq_ignore_ascii_case(known))
            };
            if !options.iter().all(is_known) {
                return Err(Error::refused(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
            Request::Reload
        }
        (b"REPLYBUFFER", [what, value]) if what.eq_ignore_ascii_case(b"PEAK-RESET-TIME") => {
            if !value.eq_ignore_ascii_case(b"NEVER") && !value.eq_ignore_ascii_case(b"RESET") {
                integer(value)?;
            }
            Request::Nothing
        }
        (b"REPLYBUFFER", [what, _]) if what.eq_ignore_ascii_case(b"RESIZING") => Request::Nothing,
        (b"SET-ACTIVE-EXPIRE", [on]) => Request::SetActiveExpire(is_on(on)),
        (b"PAUSE-CRON", [on]) => Request::SetActiveExpire(!is_on(on)),
        (b"SLEEP", [seconds]) => Request::Sleep(number::parse_f64(seconds).unwrap_or(0.0)),
        (
            b"AOF-FLUSH-SLEEP"
            | b"DICT-RESIZING"
            | b"LOG"
            | b"SET-DISABLE-DENY-SCRIPTS"
            | b"SET-SKIP-CHECKSUM-VALIDATION",
            [_],
        ) => Request::Nothing,
        _ => return Err(unknown(name)),
    })
}

impl<'a> Command<'a> for Debug<'a> {
    const SPEC: Spec = Spec {
        name: "DEBUG",
        arity: -2,
        flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE),
        summary: "Does what test suites need.",
        complexity: "Depends on subcommand.",
        ..SERVER
    };
    type Reply = Reply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let name = args.bytes()?;
        Ok(Debug { request: request(name, args.rest()) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        match self.request {
            Ok(Request::DigestValue(keys)) => keys.iter().for_each(|key| visit(key)),
            Ok(Request::KeyTableStatistics(key) | Request::Kept(key, _) | Request::Object(key)) => visit(key),
            _ => {}
        }
    }

    fn scope(&self) -> Scope {
        match self.request {
            Ok(Request::Digest | Request::Sleep(_) | Request::TableStatistics { .. }) => Scope::Everything,
            _ => Self::SCOPE,
        }
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        if engine.config().allows_debug(true) { Ok(()) } else { Err(not_allowed()) }
    }
}

/// The refusal of DEBUG where it is off.
pub(crate) fn not_allowed() -> Error {
    Error::refused(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
         local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    )
}

impl<'a> Control<'a> for Debug<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let engine = db.engine();
        let request = self.request.clone()?;
        let locks_by_itself = matches!(request, Request::Populate { .. } | Request::Reload);
        if locks_by_itself && !db.is_free() {
            return Err(Error::refused(
                "ERR DEBUG cannot do this between commands that touch keys in a transaction",
            ));
        }
        match request {
            Request::ChangeReplicationId => {
                engine.identity().change_replication_id(engine.random());
                Ok(Reply::OK)
            }
            Request::Digest => Ok(Reply::Status(digest_of_all(db.view())?.to_string().into())),
            Request::DigestValue(keys) => {
                let digest =
                    |key: &&[u8]| Ok(Reply::Status(digest_of_value(db.view(), key)?.to_string().into()));
                Ok(Reply::Array(keys.iter().map(digest).collect::<Result<_>>()?))
            }
            Request::Error(message) => {
                Err(Error::Refused(String::from_utf8_lossy(message).into_owned().into()))
            }
            Request::Help => Ok(help_lines("DEBUG", HELP.iter().copied())),
            Request::KeyTableStatistics(key) => {
                let entry = found(db.view(), key)?;
                let elements = match entry.value() {
                    ValueRef::Hash(hash) if hash.encoding() == Encoding::Hashtable => hash.len(),
                    ValueRef::Set(set) if set.encoding() == Encoding::Hashtable => set.len(),
                    ValueRef::ZSet(zset) if zset.encoding() == Encoding::Skiplist => zset.len(),
                    _ => {
                        return Err(Error::refused(
                            "ERR The value stored at the specified key is not represented using an hash table",
                        ));
                    }
                };
                Ok(Reply::Verbatim(table_statistics(elements)))
            }
            Request::Kept(key, encoding) => {
                let is_kept_so = found(db.view(), key)?.value().encoding() == encoding;
                match (encoding, is_kept_so) {
                    (Encoding::Listpack, true) => Ok("Listpack structure printed on stdout".into()),
                    (Encoding::Listpack, false) => Err(Error::refused("ERR Not a listpack encoded object.")),
                    (_, true) => Ok("Quicklist structure printed on stdout".into()),
                    (_, false) => Err(Error::refused("ERR Not a quicklist encoded object.")),
                }
            }
            Request::Nothing => Ok(Reply::OK),
            Request::Object(key) => describe(db.view(), key),
            Request::Populate { count, prefix, size } => {
                (0..count).try_for_each(|number| populate(engine, db.db(), prefix, number, size))?;
                Ok(Reply::OK)
            }
            Request::Protocol(kind) => example(kind),
            Request::Reload => {
                engine.reload().map_err(|why| Error::Refused(format!("ERR {why}").into()))?;
                Ok(Reply::OK)
            }
            Request::SetActiveExpire(on) => {
                engine.set_active_expire(on);
                Ok(Reply::OK)
            }
            Request::Sleep(seconds) => {
                if let (Some(process), Ok(duration)) =
                    (engine.process(), Duration::try_from_secs_f64(seconds))
                {
                    process.pause(duration);
                }
                Ok(Reply::OK)
            }
            Request::TableStatistics(number) => {
                let number = usize::try_from(number).ok().filter(|number| *number < engine.databases());
                let number = number.ok_or(Error::refused("ERR Out of range database"))?;
                let Counted { keys, deadlines, .. } = count(&db.view().in_database(number))?;
                let statistics = |title: &str, elements: usize| match elements {
                    0 => format!("[{title} HT]\n"),
                    _ => format!("[{title} HT]\n{}", table_statistics(elements)),
                };
                Ok(Reply::Verbatim(statistics("Dictionary", keys) + &statistics("Expires", deadlines.count)))
            }
        }
    }
}

const HELP: &[(&str, &str)] = &[
    ("CHANGE-REPL-ID", "Takes another replication identity."),
    ("DIGEST", "Returns a number that says whether two datasets are the same."),
    ("DIGEST-VALUE key [key ...]", "Returns the same of values."),
    ("ERROR message", "Returns an error."),
    ("HTSTATS dbid [FULL]", "Counts the keys of a database."),
    ("HTSTATS-KEY key [FULL]", "Counts the elements of a big value."),
    ("LISTPACK key", "Says whether a value is kept as a listpack."),
    ("LOADAOF", "As RELOAD."),
    ("OBJECT key", "Says how a value is kept."),
    ("PAUSE-CRON 0|1", "As SET-ACTIVE-EXPIRE, the other way round."),
    ("POPULATE count [prefix] [size]", "Makes keys."),
    ("PROTOCOL type", "Returns an answer of a type."),
    ("QUICKLIST key", "Says whether a value is kept as a quicklist."),
    ("RELOAD [MERGE] [NOFLUSH] [NOSAVE]", "Writes everything into memory and reads it again."),
    ("SET-ACTIVE-EXPIRE 0|1", "Says whether keys expire that nobody asks for."),
    ("SLEEP seconds", "Keeps everybody waiting."),
    ("HELP", "Lists the subcommands."),
];

fn found<'v>(view: View<'v>, key: &[u8]) -> Result<&'v Entry> {
    view.inspect(key)?.ok_or(Error::NoSuchKey)
}

fn digest_of_value(view: View<'_>, key: &[u8]) -> Result<Digest> {
    let mut digest = Digest::default();
    if let Some(entry) = view.inspect(key)? {
        digest.add_value(entry.value(), entry.deadline());
    }
    Ok(digest)
}

fn digest_of_all(view: View<'_>) -> Result<Digest> {
    let mut all = Digest::default();
    for number in 0..view.engine().databases() {
        let view = view.in_database(number);
        let shards = 0..view.engine().keyspace().len();
        let databases: Vec<&Database> =
            shards.filter_map(|shard| view.database(shard).transpose()).collect::<Result<_>>()?;
        if databases.iter().all(|database| database.len() == 0) {
            continue;
        }
        all.append_number(number as u32);
        for entry in databases.into_iter().flat_map(Database::iter) {
            let mut digest = Digest::default();
            digest.append(entry.key());
            digest.add_value(entry.value(), entry.deadline());
            all.add_digest(digest);
        }
    }
    Ok(all)
}

fn describe(view: View<'_>, key: &[u8]) -> Result<Reply> {
    let entry = found(view, key)?;
    let value = entry.value();
    let mut encoded = Vec::new();
    codec::encode(&Effect::Put { value: value.image(), expire_at: entry.deadline() }, &mut encoded);
    let now = view.now();
    let idle = idle_seconds(view.engine(), entry.access(), now).map_or(0, i64::from);
    let pieces = match value {
        ValueRef::List(list) => describe_pieces(list, view)?,
        _ => String::new(),
    };
    let text = format!(
        "Value at:{:#x} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle}{pieces}",
        std::ptr::from_ref(entry.key()).addr(),
        value.encoding().as_str(),
        encoded.len(),
        (now.seconds() - idle) & 0xff_ffff,
    );
    Ok(Reply::Status(text.into()))
}

/// What is said of a big list besides; nothing of a small one.
fn describe_pieces(list: &List, view: View<'_>) -> Result<String> {
    let Some((pieces, bytes)) = list.pieces() else { return Ok(String::new()) };
    let average = list.len() as f64 / pieces as f64;
    let most = view.settings()?.list_max_listpack_size;
    // Nothing is compressed here; this says what is wanted.
    let is_compressed = u8::from(view.engine().config().uncompressed_pieces() != 0);
    Ok(format!(
        " ql_nodes:{pieces} ql_avg_node:{average:.2} ql_listpack_max:{most} ql_compressed:{is_compressed} \
         ql_uncompressed_size:{bytes}"
    ))
}

fn table_statistics(elements: usize) -> String {
    const FEWEST: usize = 4;
    let title = "Hash table 0 stats (main hash table):\n";
    let size = elements.next_power_of_two().max(FEWEST);
    format!("{title} table size: {size}\n number of elements: {elements}\n")
}

fn populate(engine: &Engine, db: usize, prefix: &[u8], number: u64, size: Option<u64>) -> Result<()> {
    let key = [prefix, format!(":{number}").as_bytes()].concat();
    let mut value = format!("value:{number}").into_bytes();
    if let Some(size) = size {
        let size = usize::try_from(size).ok().filter(|size| *size <= engine.config().max_bulk_length());
        value.resize(size.ok_or(Error::refused("ERR value is out of range, must be positive"))?, 0);
    }
    engine.transaction(db, &[&key], |tx| {
        if !tx.view().exists(&key)? {
            tx.set_string(&key, StrRef::from_bytes(&value), Deadline::Clear)?;
        }
        Ok(())
    })
}

/// Answers of every type, for those who test clients.
fn example(kind: &[u8]) -> Result<Reply> {
    let numbers = || (0..3).map(Reply::Integer).collect();
    Ok(match kind.to_ascii_lowercase().as_slice() {
        b"string" => Reply::bulk("Hello World"),
        b"integer" => Reply::Integer(12345),
        #[expect(clippy::approx_constant, reason = "Redis's number, which is not pi")]
        b"double" => Reply::Double(3.141),
        b"null" => Reply::Null,
        b"array" => Reply::Array(numbers()),
        b"set" => Reply::Set(numbers()),
        b"map" => Reply::Map((0..3).map(|key| (Reply::Integer(key), Reply::Boolean(key == 1))).collect()),
        b"attrib" => Reply::Attributed {
            attributes: vec![(
                Reply::bulk("key-popularity"),
                Reply::Array(vec![Reply::bulk("key:123"), Reply::Integer(90)]),
            )],
            reply: Box::new(Reply::bulk("Some real reply following the attribute")),
        },
        b"push" => Reply::Push(vec![Reply::bulk("server-cpu-usage"), Reply::Integer(42)]),
        b"verbatim" => Reply::Verbatim("This is a verbatim\nstring".into()),
        b"true" => Reply::Boolean(true),
        b"false" => Reply::Boolean(false),
        b"bignum" => Reply::BigNumber("1234567999999999999999999999999999999".into()),
        _ => {
            return Err(Error::refused(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Engine, EngineOptions, ManualClock, Reply, UnixMs};

    /// What a Redis 8.0.2 says of the pieces of a list after each step; `x*5000` is as many letters.
    const PIECES: &[(&[&str], &str)] = &[
        (
            &["CONFIG SET list-max-listpack-size -1 list-compress-depth 1", "RPUSH k x*5000 a b"],
            "ql_nodes:2 ql_avg_node:1.50 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:5013",
        ),
        (
            &["RPUSH k x*4000 y*200 12345 q*5000"],
            "ql_nodes:4 ql_avg_node:1.75 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:14232",
        ),
        (
            &["LPOP k"],
            "ql_nodes:3 ql_avg_node:2.00 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:9232",
        ),
        (
            &["LPUSH k a*1000 b*1000 c*1000 d*1000 e*1000 f*1000"],
            "ql_nodes:5 ql_avg_node:2.40 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:15270",
        ),
        (
            &["LREM k 1 b*1000", "LINSERT k BEFORE c*1000 zz"],
            "ql_nodes:5 ql_avg_node:2.40 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:14270",
        ),
        (
            &["LTRIM k 2 -2"],
            "ql_nodes:3 ql_avg_node:3.00 ql_listpack_max:-1 ql_compressed:1 ql_uncompressed_size:7255",
        ),
        (
            &[
                "CONFIG SET list-max-listpack-size 5 list-compress-depth 0",
                "DEL k",
                "RPUSH k 1 2 3 4 5 6 7 8 9 10 11 12 13",
            ],
            "ql_nodes:3 ql_avg_node:4.33 ql_listpack_max:5 ql_compressed:0 ql_uncompressed_size:47",
        ),
        (
            &["LSET k 6 hello", "LREM k 0 7", "LTRIM k 3 9"],
            "ql_nodes:2 ql_avg_node:3.50 ql_listpack_max:5 ql_compressed:0 ql_uncompressed_size:33",
        ),
        (
            &["LSET k 0 x*9000"],
            "ql_nodes:3 ql_avg_node:2.33 ql_listpack_max:5 ql_compressed:0 ql_uncompressed_size:9031",
        ),
    ];

    #[test]
    fn the_pieces_of_a_list_are_those_of_redis() {
        let clock = Arc::new(ManualClock::at(UnixMs(1_795_000_000_000)));
        let engine = Engine::new(EngineOptions { clock, seed: 5, databases: 1, shards: 1 });
        engine.configure(&[("enable-debug-command", b"yes")]).unwrap();
        let run = |line: &str| {
            let words = line.split(' ').map(|word| match word.split_once('*') {
                Some((letter, count)) => letter.repeat(count.parse().unwrap()),
                None => word.to_owned(),
            });
            let words: Vec<String> = words.collect();
            let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            engine.execute(0, &words).unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        for (lines, expected) in PIECES {
            lines.iter().for_each(|line| drop(run(line)));
            let Reply::Status(text) = run("DEBUG OBJECT k") else { panic!("no description") };
            let pieces = text.split_once(" ql_nodes").map(|(_, pieces)| format!("ql_nodes{pieces}"));
            assert_eq!(pieces.as_deref(), Some(*expected), "after {lines:?}");
        }
        run("LTRIM k 1 1");
        let Reply::Status(text) = run("DEBUG OBJECT k") else { panic!("no description") };
        assert!(text.contains("encoding:listpack") && !text.contains("ql_"), "{text}");
    }
}
