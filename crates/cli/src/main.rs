//! `redlet`: a shell on a store.
mod arguments;
mod format;
mod hints;
mod import;
mod input;
mod interrupts;
mod serve;
mod shell;
mod words;

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use redlet::{Redis, Reply};

use arguments::{Arguments, ImportArguments, ServeArguments};
use format::Form;
use interrupts::Interrupts;

fn main() -> ExitCode {
    // A subcommand of clap's would take the names of all others from the stores of those names.
    let first = env::args_os().nth(1);
    let rest = || env::args_os().skip(1);
    let ended = match first.as_deref().and_then(OsStr::to_str) {
        Some("serve") => serve::run(&ServeArguments::parse_from(rest())),
        Some("import") => import::run(&ImportArguments::parse_from(rest())),
        _ => run(&Arguments::parse()),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("redlet: {failure}"));
            match failure {
                // The status of a program that the signal itself has ended.
                Failure::Signal { signal, .. } => ExitCode::from((128 + signal) as u8),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Says something on standard error. Nobody may read it, or its disk be full: that must not keep a command from being run, as the
/// panic of `eprintln!` would.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// What ends the program early.
#[derive(Debug)]
pub(crate) enum Failure {
    Store(redlet::Error),
    Input(String),
    Output(io::Error),
    /// Replies were lost, but the commands went on.
    Unread(io::Error),
    Signal {
        signal: i32,
        /// What is said of it.
        ending: String,
    },
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Store(error) => error.fmt(f),
            Failure::Input(text) => f.write_str(text),
            Failure::Output(error) => write!(f, "cannot write the output: {error}"),
            Failure::Signal { ending, .. } => f.write_str(ending),
            Failure::Unread(error) => {
                write!(f, "cannot write the replies: {error}; the commands were carried out all the same")
            }
        }
    }
}

impl From<redlet::Error> for Failure {
    fn from(error: redlet::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

/// Opens the store and does what was asked; false if a command failed.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let redis = open(arguments.path.as_deref(), arguments.databases, None)?;
    let selected = arguments.database.map_or_else(|| Ok(redis.clone()), |database| redis.select(database))?;
    let mut session = Session::new(selected, arguments.form());
    let went_well = if !arguments.command.is_empty() {
        one_command(&mut session, arguments)
    } else if io::stdin().is_terminal() {
        shell::run(&mut session, arguments)
    } else {
        input::run(&mut session, arguments, &Interrupts::watch(&redis, false))
    };
    drop(session);
    redis.close()?;
    went_well
}

/// Opens the store of that path or URL.
pub(crate) fn open(
    path: Option<&OsStr>,
    databases: Option<usize>,
    config: Option<&Path>,
) -> Result<Redis, Failure> {
    let mut builder = Redis::builder();
    if let Some(config) = config {
        builder = builder.config_file(config);
    }
    if let Some(databases) = databases {
        builder = builder.databases(databases);
    }
    let redis = match path {
        None => builder.build()?,
        Some(path) if path == ":memory:" => builder.build()?,
        Some(path) => match path.to_string_lossy() {
            url if is_url(&url) && config.is_some() => {
                return Err(Failure::Input("a configuration file goes with a path, not with a URL".into()));
            }
            url if is_url(&url) => Redis::from_url(&with_databases(&url, databases))?,
            _ => builder.path(path).build()?,
        },
    };
    if let Some(report) = redis.recovery().filter(|report| !report.is_clean()) {
        complain(&format!("redlet: {report}"));
    }
    Ok(redis)
}

/// Whether a path begins like a URL. One of another kind is refused as such: as a path it would become a folder `redis:`.
fn is_url(path: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    };
    path.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// The last of two parameters counts, so that the option wins over the URL.
fn with_databases(url: &str, databases: Option<usize>) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    databases.map_or_else(|| url.to_owned(), |databases| format!("{url}{mark}databases={databases}"))
}

fn one_command(session: &mut Session, arguments: &Arguments) -> Result<bool, Failure> {
    let mut words: Vec<Vec<u8>> =
        arguments.command.iter().map(|word| word.as_encoded_bytes().to_vec()).collect();
    if arguments.last_from_input {
        let mut last = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut last)
            .map_err(|error| Failure::Input(format!("cannot read the input: {error}")))?;
        words.push(last);
    }
    let form = session.form;
    let mut out = io::stdout().lock();
    session.execute(
        &words,
        || false,
        |answer| {
            out.write_all(&form.text(answer))?;
            Ok(out.flush()?)
        },
    )
}

/// A reply, or the text of a refusal.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Reply),
    Refused(String),
}

/// The caller that commands are run for, and how replies are shown.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) redis: Redis,
    caller: redlet::Session,
    pub(crate) form: Form,
}

/// How often somebody who waits looks whether a signal came.
const GLANCE: Duration = Duration::from_millis(50);

impl Session {
    pub(crate) fn new(redis: Redis, form: Form) -> Self {
        Self { caller: redis.session(), redis, form }
    }

    /// Runs one command, whose answers are shown one after the other as they come: a subscriber gets messages until it is
    /// interrupted. False if it was refused.
    ///
    /// # Errors
    /// What `show` fails with.
    pub(crate) fn execute(
        &mut self,
        words: &[Vec<u8>],
        is_interrupted: impl Fn() -> bool,
        mut show: impl FnMut(&Answer) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let mut began = self.caller.begin(words);
        while began.is_none() {
            if is_interrupted() {
                // Nobody waits for the answer any more.
                self.caller = self.redis.session();
                return Ok(false);
            }
            began = self.caller.wait_for_answer(GLANCE);
        }
        let answer = began.map(|result| match result {
            Err(error) => Answer::Refused(error.to_string()),
            Ok(reply) => Answer::Reply(reply),
        });
        while let Some(push) = self.caller.take_push() {
            show(&Answer::Reply(push))?;
        }
        let went_well = !matches!(answer, Some(Answer::Refused(_)));
        if let Some(answer) = answer.filter(|answer| !matches!(answer, Answer::Reply(Reply::Silence))) {
            show(&answer)?;
        }
        while self.caller.is_subscribed() && !is_interrupted() {
            if let Some(push) = self.caller.wait_for_push(Some(GLANCE)) {
                show(&Answer::Reply(push))?;
            }
        }
        // The store under the shell's feet is the one that its caller has selected.
        if self.redis.db() != self.caller.db()
            && let Ok(selected) = self.redis.select(self.caller.db())
        {
            self.redis = selected;
        }
        Ok(went_well)
    }
}
