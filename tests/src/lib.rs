//! Holds redlet to what a real Redis server answers.
//!
//! `cases` has command lines to try, written compactly; `recording` what a server answered to each; `connection` and
//! `oracle` reach a real server; `subject` is redlet; `comparison` says when two answers count as equal; `generate`
//! draws random commands, `minimise` shrinks a sequence that fails, and `lasting` leaves out what the server's clock did; `events`
//! hears what either tells of changes. `scripts` says who runs what when several callers meet, `stage` performs that on either side,
//! and `transcripts` is what each of them saw.
//! Nothing here knows how redlet works inside.
pub mod cases;
pub mod command_docs;
pub mod command_info;
pub mod comparison;
pub mod connection;
pub mod differences;
pub mod events;
pub mod generate;
pub mod lasting;
pub mod minimise;
pub mod oracle;
pub mod random_run;
pub mod recording;
pub mod scripts;
pub mod stage;
pub mod subject;
pub mod transcripts;
pub mod value;
pub mod words;

use std::path::PathBuf;

/// The families of commands that have a file of cases and a file of recorded answers.
pub const GROUPS: [&str; 27] = [
    "string",
    "bitmap",
    "hyperloglog",
    "hash",
    "list",
    "set",
    "zset",
    "stream",
    "geo",
    "vector",
    "keys",
    "sort",
    "dump",
    "connection",
    "server",
    "acl",
    "script_cjson",
    "script_cmsgpack",
    "script_struct",
    "script_bit",
    "script_standard",
    "script",
    "script_redis",
    "script_conversion",
    "script_errors",
    "script_patterns",
    "function",
];

/// What several callers do to each other: a file of scripts, and one of transcripts, for each.
pub const MEETINGS: [&str; 10] = [
    "transactions",
    "blocking",
    "streams",
    "pubsub",
    "clients",
    "acl",
    "tracking",
    "events",
    "statistics",
    "scripts",
];

/// A path inside this package.
pub fn package_path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Reads a text file that is part of the repository.
///
/// # Panics
/// When the file is not there: the tests are nothing without it.
#[expect(clippy::disallowed_methods, reason = "tests read their own tables, not a store")]
pub fn read_file(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A number that an environment variable sets.
///
/// # Panics
/// When it is set to something else.
pub fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}
