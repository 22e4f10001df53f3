//! Commands from standard input: a line each, or RESP arrays, mixed as they come.
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, StdinLock, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Arguments;
use crate::interrupts::{Interrupts, Work};
use crate::{Answer, Failure, Session, complain, words};

/// The longest string and the most arguments that Redis takes.
const LONGEST: i64 = 512 << 20;
const MOST: i64 = 1 << 20;

/// Reads commands and keeps count of where they are.
struct Commands<R> {
    reader: R,
    line: u64,
    bytes: u64,
}

/// What was read.
enum Input {
    Command(Vec<Vec<u8>>),
    /// A line that is no command; the next one may be.
    Bad(String),
    End,
}

impl<R: BufRead> Commands<R> {
    /// The next command. An error ends the input: after a broken RESP array there is no telling where the next one begins.
    fn next(&mut self) -> Result<Input, Failure> {
        loop {
            let mut line = Vec::new();
            if self.read_line(&mut line)? == 0 {
                return Ok(Input::End);
            }
            if line.first() == Some(&b'*') {
                match self.array(&line)? {
                    // Redis passes over an array without words, and over one of a negative length.
                    words if words.is_empty() => continue,
                    words => return Ok(Input::Command(words)),
                }
            }
            let line = line.trim_ascii();
            if words::is_remark(line) {
                continue;
            }
            return Ok(words::split(line)
                .map_or_else(|| Input::Bad("unbalanced quotes in the line".into()), Input::Command));
        }
    }

    fn read_line(&mut self, line: &mut Vec<u8>) -> Result<usize, Failure> {
        let count = self
            .reader
            .read_until(b'\n', line)
            .map_err(|error| Failure::Input(format!("cannot read the input: {error}")))?;
        self.line += 1;
        self.bytes += count as u64;
        Ok(count)
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::Input(format!(
            "line {} (byte {}): Protocol error: {why}; nothing after it was run",
            self.line, self.bytes
        ))
    }

    fn length(&self, line: &[u8], mark: u8, range: RangeInclusive<i64>, why: &str) -> Result<usize, Failure> {
        let digits = line.strip_prefix(&[mark]).map(<[u8]>::trim_ascii_end);
        let number = digits.and_then(redlet::core::number::parse_i64);
        let number = number.filter(|number| range.contains(number)).ok_or_else(|| self.broken(why))?;
        Ok(usize::try_from(number).unwrap_or(0))
    }

    fn array(&mut self, header: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        let count = self.length(header, b'*', i64::MIN..=MOST, "invalid multibulk length")?;
        let mut words = Vec::with_capacity(count.min(1024));
        for _ in 0..count {
            let mut header = Vec::new();
            self.read_line(&mut header)?;
            if header.first() != Some(&b'$') {
                let found = header.first().map_or_else(String::new, |byte| (*byte as char).to_string());
                return Err(self.broken(&format!("expected '$', got '{found}'")));
            }
            let length = self.length(&header, b'$', 0..=LONGEST, "invalid bulk length")?;
            let mut word = Vec::new();
            let read = (&mut self.reader).take(length as u64 + 2).read_to_end(&mut word);
            let read = read.map_err(|error| Failure::Input(format!("cannot read the input: {error}")))?;
            self.bytes += read as u64;
            self.line += word.iter().filter(|&&byte| byte == b'\n').count() as u64;
            if word.len() != length + 2 || !word.ends_with(b"\r\n") {
                return Err(self.broken("a string does not end where its length says"));
            }
            word.truncate(length);
            words.push(word);
        }
        Ok(words)
    }
}

/// Where replies go for as long as they can. What is being loaded is worth more than its replies: a reader that has seen enough,
/// as in `| head`, does not keep the rest of the commands from being carried out.
struct Replies<W> {
    out: W,
    lost: Option<io::Error>,
}

impl<W: Write> Replies<W> {
    fn write(&mut self, text: &[u8]) {
        if self.lost.is_none() {
            self.lost = self.out.write_all(text).err();
        }
    }

    fn flush(&mut self) {
        if self.lost.is_none() {
            self.lost = self.out.flush().err();
        }
    }
}

/// Standard input. Whoever waits for the replies to what was written gets them before more is waited for.
struct Source<'s, 'i, W> {
    input: StdinLock<'static>,
    replies: &'s RefCell<Replies<W>>,
    work: &'s mut Work<'i>,
}

impl<W: Write> Read for Source<'_, '_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.replies.borrow_mut().flush();
        // No end of the input: half a line would be run as a whole one.
        self.work.pause(|| self.input.read(buffer)).unwrap_or_else(|| Err(io::Error::other("a signal came")))
    }
}

/// Runs all commands of the input; false if any was refused.
pub(crate) fn run(
    session: &mut Session,
    arguments: &Arguments,
    interrupts: &Interrupts,
) -> Result<bool, Failure> {
    let progress = progress();
    let mut work = interrupts.work();
    let replies = RefCell::new(Replies { out: BufWriter::new(io::stdout().lock()), lost: None });
    let source = Source { input: io::stdin().lock(), replies: &replies, work: &mut work };
    let mut commands = Commands { reader: BufReader::with_capacity(1 << 16, source), line: 0, bytes: 0 };
    let went_well = run_all(session, arguments, interrupts, &mut commands, &replies, progress.as_ref());
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    work.end();
    let mut replies = replies.into_inner();
    replies.flush();
    if let Some(signal) = interrupts.signal() {
        return Err(Failure::Signal { signal, ending: interrupts.ending() });
    }
    match replies.lost.filter(|_| went_well.is_ok()) {
        Some(error) => Err(Failure::Unread(error)),
        None => went_well,
    }
}

fn run_all<R: BufRead, W: Write>(
    session: &mut Session,
    arguments: &Arguments,
    interrupts: &Interrupts,
    commands: &mut Commands<R>,
    replies: &RefCell<Replies<W>>,
    progress: Option<&ProgressBar>,
) -> Result<bool, Failure> {
    let (mut went_well, mut done) = (true, 0_u64);
    while interrupts.signal().is_none() {
        let line = commands.line + 1;
        let form = session.form;
        let mut is_refused = false;
        let mut show = |answer: &Answer| {
            let mut replies = replies.borrow_mut();
            if let Answer::Refused(why) = answer {
                is_refused = true;
                replies.flush();
                complain(&format!("line {line}: {why}"));
            } else if !arguments.quiet {
                replies.write(&form.text(answer));
            }
            Ok(())
        };
        match commands.next()? {
            Input::End => break,
            Input::Bad(why) => show(&Answer::Refused(format!("ERR {why}")))?,
            Input::Command(words) => {
                session.execute(&words, || interrupts.signal().is_some(), &mut show)?;
            }
        }
        interrupts.reach(commands.line);
        if is_refused {
            went_well = false;
            if arguments.strict {
                break;
            }
        }
        done += 1;
        if done.is_multiple_of(1024)
            && let Some(progress) = progress
        {
            progress.set_position(commands.bytes);
        }
    }
    Ok(went_well)
}

/// A bar, if somebody looks and the input is a file of some size.
fn progress() -> Option<ProgressBar> {
    const WORTH_IT: u64 = 1 << 20;
    let size = input_size().filter(|&size| size > WORTH_IT && io::stderr().is_terminal())?;
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left").ok()?;
    let bar = ProgressBar::new(size).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}

/// The size of standard input if it is a file.
#[cfg(unix)]
fn input_size() -> Option<u64> {
    use std::os::fd::AsFd;
    let file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// The size of standard input if it is a file.
#[cfg(windows)]
fn input_size() -> Option<u64> {
    use std::os::windows::io::AsHandle;
    let file = File::from(io::stdin().as_handle().try_clone_to_owned().ok()?);
    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
}
