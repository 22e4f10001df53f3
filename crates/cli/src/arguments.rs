//! What the program can be told.
use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::Parser;

use crate::format::Form;

/// A shell on a redlet store: Redis's commands, without a server.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  redlet                          a shell on a store in memory
  redlet app.redlet               a shell on the store in that folder, made if it is not there
  redlet app.redlet GET key       one command; exit status 1 if it is refused
  redlet :memory: COMMAND COUNT   one command on a store in memory
  redlet app.redlet < lines.txt   commands from a file: one a line, or as RESP arrays like redis-cli --pipe takes;
                                  empty lines and lines that begin with # are passed over

Commands from standard input are all carried out, even when nobody reads their replies any more (redlet ... | head). The
exit status is 1 if one was refused or replies were lost. Ctrl-C and SIGTERM let the command that runs finish, close the store
and end with status 130 and 143; in the shell Ctrl-C ends only what runs."
)]
pub(crate) struct Arguments {
    /// The store's folder, a redlet:// URL, or :memory:; in memory without it.
    pub(crate) path: Option<OsString>,

    /// A command to run instead of a shell.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,

    /// The database to begin with; otherwise what the URL says, or 0.
    #[arg(short = 'n', long, value_name = "DB")]
    pub(crate) database: Option<usize>,

    /// How many databases there are; 16 unless told otherwise.
    #[arg(long, value_name = "N")]
    pub(crate) databases: Option<usize>,

    /// Show replies with RESP3's types: maps, sets, doubles.
    #[arg(short = '3', long)]
    pub(crate) resp3: bool,

    /// Show replies as plain text, as in a pipe.
    #[arg(long, conflicts_with = "no_raw")]
    pub(crate) raw: bool,

    /// Show replies as on a terminal, even in a pipe.
    #[arg(long)]
    pub(crate) no_raw: bool,

    /// Read the last argument of the command from standard input.
    #[arg(short = 'x')]
    pub(crate) last_from_input: bool,

    /// Stop at the first command from standard input that is refused.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Show no replies to commands from standard input, only what was refused.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Arguments {
    pub(crate) fn form(&self) -> Form {
        let raw = self.raw || (!self.no_raw && !io::stdout().is_terminal());
        Form { raw, resp3: self.resp3 }
    }
}
