//! The interactive shell: history, completion, hints.
use std::borrow::Cow;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use crate::arguments::Arguments;
use crate::interrupts::Interrupts;
use crate::{Failure, Session, hints, words};
use redlet::Redis;

/// Answers to what is typed.
struct Typing {
    redis: Redis,
}

/// Where the last line of pasted text begins.
fn start_of_line(text: &str) -> usize {
    text.rfind('\n').map_or(0, |at| at + 1)
}

impl Helper for Typing {}
impl Validator for Typing {}

impl Completer for Typing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let start = start_of_line(&line[..at]);
        let (word, found) = hints::complete(&self.redis, &line[start..at]);
        Ok((start + word, found))
    }
}

impl Hinter for Typing {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        if at < line.len() { None } else { hints::hint(&line[start_of_line(line)..]) }
    }
}

impl Highlighter for Typing {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[90m{hint}\x1b[0m"))
    }
}

fn history_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".redlet_history"))
}

/// How many lines the history has.
const HISTORY: usize = 1000;

/// SIGINT. At the prompt it is a key.
const CTRL_C: i32 = 2;

/// A command that takes longer is shown with its time, as in redis-cli.
const SLOW: Duration = Duration::from_millis(500);

pub(crate) fn run(session: &mut Session, arguments: &Arguments) -> Result<bool, Failure> {
    let failed = |error: ReadlineError| Failure::Input(format!("the terminal does not work: {error}"));
    let config = Config::builder()
        .history_ignore_space(true)
        .auto_add_history(false)
        .max_history_size(HISTORY)
        .map_err(failed)?
        .build();
    let mut editor: Editor<Typing, FileHistory> = Editor::with_config(config).map_err(failed)?;
    // After the editor was made, which takes SIGINT for itself alone.
    let interrupts = Interrupts::watch(&session.redis, true);
    let mut work = interrupts.work();
    editor.set_helper(Some(Typing { redis: session.redis.clone() }));
    let history = history_file();
    if let Some(history) = &history {
        // The first shell has no history yet.
        let _ = editor.load_history(history);
    }
    let place = arguments.path.as_ref().map_or("redlet".into(), |path| path.to_string_lossy());
    'shell: loop {
        let prompt = match session.redis.db() {
            0 => format!("{place}> "),
            db => format!("{place}[{db}]> "),
        };
        let typed = work.pause(|| editor.readline(&prompt));
        interrupts.forget(CTRL_C);
        match typed.unwrap_or(Err(ReadlineError::Interrupted)) {
            Ok(text) => {
                for line in words::lines(&text) {
                    if !line.trim().to_ascii_lowercase().starts_with("auth") {
                        let _ = editor.add_history_entry(line);
                        if let Some(history) = &history {
                            // At once, because a shell may end without notice. A home that cannot be written to only costs the
                            // history.
                            let _ = editor.append_history(history);
                        }
                    }
                    if interrupts.signal().is_some() {
                        break;
                    }
                    if !answer(session, line, &interrupts)? {
                        break 'shell;
                    }
                }
                interrupts.forget(CTRL_C);
                editor.set_helper(Some(Typing { redis: session.redis.clone() }));
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) if interrupts.signal().is_some() => {
                break;
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {}
            Err(ReadlineError::Eof) => break,
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                // The rest of the line would be run as a command of its own.
                #[cfg(unix)]
                let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
                writeln!(
                    std::io::stdout(),
                    "(error) A byte that is not UTF-8 cannot be typed; between double quotes write it as \\xHH"
                )?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    work.end();
    match interrupts.signal() {
        Some(signal) => Err(Failure::Signal { signal, ending: interrupts.ending() }),
        None => Ok(true),
    }
}

/// Answers to a line; false if it ends the shell.
#[expect(clippy::disallowed_methods, reason = "shows how long a slow command took")]
fn answer(session: &mut Session, line: &str, interrupts: &Interrupts) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    let Some(mut words) = words::split(line.as_bytes()) else {
        writeln!(out, "Invalid argument(s)")?;
        return Ok(true);
    };
    let Some(first) = words.first() else { return Ok(true) };
    let first = String::from_utf8_lossy(first).to_ascii_lowercase();
    match first.as_str() {
        "quit" | "exit" => return Ok(false),
        "clear" => write!(out, "\x1b[H\x1b[2J")?,
        "help" | "?" => {
            let name =
                words[1..].iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ");
            if name.is_empty() {
                writeln!(out, "help COMMAND shows a command; Tab completes names and keys; quit leaves.")?;
            } else {
                write!(out, "{}", hints::help(&name))?;
            }
        }
        _ => {
            let repeat = first.parse::<u64>().ok().filter(|_| words.len() > 1);
            if repeat.is_some() {
                words.remove(0);
            }
            for _ in 0..repeat.unwrap_or(1) {
                if interrupts.signal().is_some() {
                    break;
                }
                let start = Instant::now();
                let form = session.form;
                let mut took = None;
                let is_interrupted = || interrupts.signal().is_some();
                session.execute(&words, is_interrupted, |answer| {
                    took.get_or_insert_with(|| start.elapsed());
                    out.write_all(&form.text(answer))?;
                    Ok(out.flush()?)
                })?;
                if let Some(took) = took.filter(|took| *took >= SLOW) {
                    writeln!(out, "({:.2}s)", took.as_secs_f64())?;
                }
            }
        }
    }
    out.flush()?;
    Ok(true)
}
