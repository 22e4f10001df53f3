//! What the program can be told.
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

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
  redlet serve app.redlet         a server on the store, for redis-cli and other programs; redlet serve --help says more
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

/// A server on a redlet store: the protocol of Redis, for redis-cli, GUIs and clients in any language.
///
/// Only this machine can reach it unless there is a password.
#[derive(Debug, Parser)]
#[command(
    name = "redlet serve",
    version,
    after_help = "Examples:
  redlet serve app.redlet                                  on 127.0.0.1, port 6379
  redlet serve app.redlet --port 0 --unixsocket app.sock   on a Unix socket only
  redlet serve --port 7000 --requirepass secret --bind 0.0.0.0

SIGTERM and Ctrl-C end the server: what runs is finished, everything is written to the disk, the store closed."
)]
pub(crate) struct ServeArguments {
    /// The store's folder, a redlet:// URL, or :memory:; in memory without it.
    pub(crate) path: Option<OsString>,

    /// The port to listen on; 0 for none.
    #[arg(long, default_value_t = 6379)]
    pub(crate) port: u16,

    /// Addresses to listen on; one with - before it may be missing on this machine, * is all.
    #[arg(long, num_args = 1.., value_name = "ADDRESS", allow_hyphen_values = true, default_values = ["127.0.0.1", "-::1"])]
    pub(crate) bind: Vec<String>,

    /// A Unix socket to listen on.
    #[cfg(unix)]
    #[arg(long, value_name = "FILE")]
    pub(crate) unixsocket: Option<PathBuf>,

    /// Who may open the Unix socket, as an octal number.
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = octal)]
    pub(crate) unixsocketperm: u32,

    /// The password that callers have to say.
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) requirepass: Option<String>,

    /// How many callers there may be at once.
    #[arg(long, value_name = "N")]
    pub(crate) maxclients: Option<usize>,

    /// How many connections may wait to be let in.
    #[arg(long, value_name = "N", default_value_t = 511)]
    pub(crate) tcp_backlog: u32,

    /// How many threads serve.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,

    /// How many databases there are; 16 unless told otherwise.
    #[arg(long, value_name = "N")]
    pub(crate) databases: Option<usize>,

    /// The port for encrypted connections; 0 for none.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) tls_port: u16,

    /// The server's certificate, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert_file: Option<PathBuf>,

    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key_file: Option<PathBuf>,

    /// The authorities whose callers are let in, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca_cert_file: Option<PathBuf>,

    /// Whether callers have to show a certificate.
    #[arg(long, value_name = "WHEN", value_enum, default_value = "yes")]
    pub(crate) tls_auth_clients: CertificatesOfCallers,
}

/// `tls-auth-clients`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CertificatesOfCallers {
    Yes,
    Optional,
    No,
}

#[cfg(unix)]
fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("{text:?} is no mode of a file: write an octal number such as 600 or 770"))
}
