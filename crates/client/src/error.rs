//! What can go wrong.
use std::borrow::Cow;
use std::path::PathBuf;

use redlet_core::rdb::ImportError;

/// What the facade's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A command was refused; the text is Redis's own.
    #[error(transparent)]
    Command(#[from] redlet_core::Error),
    /// The store on disk could not be opened, read or written.
    #[error(transparent)]
    Store(#[from] redlet_persist::Error),
    /// What is in the store does not fit this program.
    #[error("the store at {path} holds something that this version of redlet cannot read: {why}")]
    Unreadable {
        /// The store's folder.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// An RDB file that was not imported.
    #[error("{} was not imported as an RDB file: {source}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ImportError,
    },
    /// An RDB file in the place of a store that was not made one. It is as it was.
    #[error("{} is an RDB file and was not made a store: {why}", path.display())]
    Adoption {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A URL that redlet does not understand.
    #[error("{url:?} is no redlet URL: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A configuration file that cannot be read or says what makes no sense.
    #[error("the configuration file {path} cannot be used: {why}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A reply that is not what was asked for.
    #[error("the reply is not {wanted}: {reply}")]
    Reply {
        /// What was asked for.
        wanted: &'static str,
        /// The reply, shortened.
        reply: String,
    },
    /// A server did not start.
    #[cfg(feature = "server")]
    #[error(transparent)]
    Serve(#[from] redlet_server::ServeError),
    /// An option that cannot be.
    #[error("{0}")]
    Options(&'static str),
    /// A value that is computed when it is not there was asked for by those who compute it.
    #[error(
        "the value of {key:?} is being computed by who asks for it, so it would never be there; compute what it is made of under \
         another key"
    )]
    Circular {
        /// The key.
        key: String,
    },
    /// A lock was not taken, or is not kept.
    #[error(transparent)]
    Lock(#[from] crate::LockError),
    /// A typed value could not be written as JSON, or what was stored could not be read as that type.
    #[error("the value does not fit its type: {0}")]
    Value(#[from] serde_json::Error),
}

impl Error {
    /// A refusal of the program's own, for the callers of [`Redis::command`](crate::Redis::command): its code in capitals first, as in
    /// `LIMITED try again in 3 seconds`.
    pub fn refused(text: impl Into<Cow<'static, str>>) -> Self {
        Error::Command(redlet_core::Error::Refused(text.into()))
    }

    /// What a caller by words is told.
    pub(crate) fn into_refusal(self) -> redlet_core::Error {
        match self {
            Error::Command(refusal) => refusal,
            other => redlet_core::Error::Refused(format!("ERR {other}").into()),
        }
    }

    /// The refusal of a command, if that is what it is.
    pub fn as_command(&self) -> Option<&redlet_core::Error> {
        match self {
            Error::Command(error) => Some(error),
            _ => None,
        }
    }

    /// The first word of Redis's text: `ERR`, `WRONGTYPE` and so on; `ERR` for what Redis has no word for.
    pub fn code(&self) -> &str {
        self.as_command().map_or("ERR", redlet_core::Error::code)
    }
}
