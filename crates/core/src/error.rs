//! Refusals, in Redis's words.
//!
//! A refusal changes nothing. `Display` gives the whole line that a Redis server would send, code first.
use std::borrow::Cow;
use std::fmt::{self, Write};

/// What the engine's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command was refused.
///
/// `Display` is the text that Redis would send, word for word; [`Error::code`] is its first word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The key holds a value of another type than the command works on.
    WrongType,
    /// The words after the command's name do not fit its grammar.
    Syntax,
    /// A word should have been an integer of 64 bits, or the result does not fit one.
    NotAnInteger,
    /// A word should have been a number.
    NotAFloat,
    /// Nothing is called that. Holds the name, and the arguments that Redis repeats in its message.
    UnknownCommand {
        /// The name as it was given.
        name: String,
        /// The first arguments, each in quotes and followed by a space.
        arguments: String,
    },
    /// The container command has no such subcommand.
    UnknownSubcommand {
        /// The container, upper case.
        container: &'static str,
        /// The subcommand as it was given.
        name: String,
    },
    /// Too few or too many words. Holds the command's name as `COMMAND` lists it.
    WrongArity(Cow<'static, str>),
    /// The increment would leave the range of 64-bit integers.
    Overflow,
    /// The key must exist and does not.
    NoSuchKey,
    /// An index lies outside of the list.
    IndexOutOfRange,
    /// The database number is outside of what was configured.
    DatabaseOutOfRange,
    /// The time to live is zero, negative or too far away. Holds the command's name, lower case.
    InvalidExpireTime(&'static str),
    /// A key that the transaction did not declare; redlet's own refusal.
    UndeclaredKey,
    /// Memory is over `maxmemory` and nothing may be evicted.
    OutOfMemory,
    /// The log can no longer be written, so changes are refused; reads go on. Holds the first cause.
    Unwritable(String),
    /// A snapshot could not be written; the log goes on. Holds the cause.
    SnapshotFailed(String),
    /// The store is closing, so nobody can wait for it any more.
    Closed,
    /// A refusal that only one command gives: the whole text, code first.
    Refused(Cow<'static, str>),
}

impl Error {
    /// The first word of the message: the error code that clients switch on (`ERR`, `WRONGTYPE`, ...).
    pub fn code(&self) -> &str {
        match self {
            Error::WrongType => "WRONGTYPE",
            Error::OutOfMemory => "OOM",
            Error::Unwritable(_) => "MISCONF",
            Error::Refused(text) => text.split(' ').next().unwrap_or("ERR"),
            _ => "ERR",
        }
    }

    /// A refusal under the code `ERR`; `text` comes without it.
    pub(crate) fn refused(text: &'static str) -> Self {
        debug_assert!(text.starts_with("ERR "), "the code comes with the text: {text}");
        Error::Refused(Cow::Borrowed(text))
    }
}

/// Writes line breaks as spaces: a refusal is one line in every protocol, whatever the caller's words were that it repeats.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut pieces = text.split(['\r', '\n']);
        self.0.write_str(pieces.next().unwrap_or_default())?;
        pieces.try_for_each(|piece| write!(self.0, " {piece}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = OneLine(f);
        match self {
            Error::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
            Error::Syntax => f.write_str("ERR syntax error"),
            Error::NotAnInteger => f.write_str("ERR value is not an integer or out of range"),
            Error::NotAFloat => f.write_str("ERR value is not a valid float"),
            Error::UnknownCommand { name, arguments } => {
                write!(f, "ERR unknown command '{name}', with args beginning with: {arguments}")
            }
            Error::UnknownSubcommand { container, name } => {
                write!(f, "ERR unknown subcommand '{name}'. Try {container} HELP.")
            }
            Error::WrongArity(name) => write!(f, "ERR wrong number of arguments for '{name}' command"),
            Error::Overflow => f.write_str("ERR increment or decrement would overflow"),
            Error::NoSuchKey => f.write_str("ERR no such key"),
            Error::IndexOutOfRange => f.write_str("ERR index out of range"),
            Error::DatabaseOutOfRange => f.write_str("ERR DB index is out of range"),
            Error::InvalidExpireTime(command) => {
                write!(f, "ERR invalid expire time in '{command}' command")
            }
            Error::UndeclaredKey => {
                f.write_str("ERR this key was not declared when the transaction began; add it to its keys")
            }
            Error::OutOfMemory => f.write_str("OOM command not allowed when used memory > 'maxmemory'."),
            Error::Unwritable(cause) => write!(
                f,
                "MISCONF the store's log can no longer be written, so changes are refused while reads go on; \
                 mend the cause, then close and open the store again: {cause}"
            ),
            Error::SnapshotFailed(cause) => {
                write!(f, "ERR the snapshot could not be written; the store is as it was before: {cause}")
            }
            Error::Closed => f.write_str("ERR the store was closed"),
            Error::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
