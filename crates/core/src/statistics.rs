//! What becomes of the commands that callers send as words: how often, how long, how many are refused. Commands by typed methods are
//! not timed.
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::cmd::{self, Flags, Row};
use crate::engine::Engine;
use crate::histogram::Histogram;
use crate::host::Rate;
use crate::latency::{LatencyMonitor, LatencySample};
use crate::native::Natives;
use crate::session::Client;
use crate::slowlog::{SlowCommand, SlowLog, shortened};
use crate::{Error, UnixMs};

/// A program's own command, and its counts.
type OfNative = (&'static Row, CommandStatistics);

/// So many kinds of errors are counted, as in Redis: a script could make up as many as it likes.
const ERRORS: usize = 128;

/// The counts of one command.
#[derive(Debug, Default)]
pub(crate) struct CommandStatistics {
    calls: AtomicU64,
    micros: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    times: OnceLock<Histogram>,
}

impl CommandStatistics {
    /// How often it ran.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How long it ran in all, in microseconds.
    pub(crate) fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }

    /// How often it was refused before it ran.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// How often it ran and was refused.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// How long it took, if that was counted.
    pub(crate) fn times(&self) -> Option<&Histogram> {
        self.times.get().filter(|times| times.total() > 0)
    }

    fn reset(&self) {
        for count in [&self.calls, &self.micros, &self.rejected, &self.failed] {
            count.store(0, Ordering::Relaxed);
        }
        self.times.get().into_iter().for_each(Histogram::reset);
    }
}

/// What is counted of an engine's commands.
#[derive(Debug)]
pub struct Statistics {
    /// By the command's place in the table of names.
    commands: Box<[OnceLock<Box<CommandStatistics>>]>,
    /// Those of a program's own commands, by number. Made when the first of them is counted.
    natives: OnceLock<Box<[OnceLock<Box<OfNative>>]>>,
    errors: Mutex<BTreeMap<String, u64>>,
    slow: SlowLog,
    latency: LatencyMonitor,
    traffic: TrafficTotals,
    rates: Rates,
}

/// What a listener counts over all of its connections.
#[derive(Debug, Default)]
pub struct TrafficTotals {
    /// Bytes received.
    pub received_bytes: AtomicU64,
    /// Bytes sent.
    pub sent_bytes: AtomicU64,
    /// How often bytes were received.
    pub reads: AtomicU64,
    /// How often bytes were sent.
    pub writes: AtomicU64,
    /// Connections that were let in.
    pub connections: AtomicU64,
    /// Connections that were not, because there were too many.
    pub rejected_connections: AtomicU64,
    /// Callers that were disconnected because they had not read what was sent to them.
    pub output_limit_disconnections: AtomicU64,
    /// Callers that were disconnected because a command was too long.
    pub query_limit_disconnections: AtomicU64,
}

/// What INFO says of the last moment.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) commands: Rate,
    pub(crate) received_bytes: Rate,
    pub(crate) sent_bytes: Rate,
}

impl TrafficTotals {
    fn reset(&self) {
        for count in [
            &self.received_bytes,
            &self.sent_bytes,
            &self.reads,
            &self.writes,
            &self.connections,
            &self.rejected_connections,
            &self.output_limit_disconnections,
            &self.query_limit_disconnections,
        ] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// A command that has ended just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'e> {
    pub(crate) row: &'static Row,
    /// Its name included.
    pub(crate) words: &'e [&'e [u8]],
    pub(crate) began_micros: i64,
    pub(crate) error: Option<&'e Error>,
    pub(crate) client: &'e Client,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            commands: cmd::all().map(|_| OnceLock::new()).collect(),
            natives: OnceLock::new(),
            errors: Mutex::default(),
            slow: SlowLog::default(),
            latency: LatencyMonitor::default(),
            traffic: TrafficTotals::default(),
            rates: Rates::default(),
        }
    }
}

impl Statistics {
    /// What a listener counts over all of its connections.
    pub fn traffic(&self) -> &TrafficTotals {
        &self.traffic
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.rates
    }

    pub(crate) fn slow(&self) -> &SlowLog {
        &self.slow
    }

    pub(crate) fn latency(&self) -> &LatencyMonitor {
        &self.latency
    }

    fn of(&self, row: &'static Row) -> Option<&CommandStatistics> {
        let number = cmd::number(row);
        if let Some(counted) = self.commands.get(number) {
            return Some(counted.get_or_init(Box::default));
        }
        let natives = self.natives.get_or_init(|| (0..Natives::MOST).map(|_| OnceLock::new()).collect());
        let counted = natives.get(number.checked_sub(cmd::COUNT)?)?;
        Some(&counted.get_or_init(|| Box::new((row, CommandStatistics::default()))).1)
    }

    fn of_natives(&self) -> impl Iterator<Item = &OfNative> {
        self.natives.get().into_iter().flatten().filter_map(|counted| counted.get().map(|counted| &**counted))
    }

    /// Every command that was counted, in the order of the table.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (&'static Row, &CommandStatistics)> {
        let of_table =
            cmd::all().zip(&self.commands).filter_map(|(row, counted)| Some((row, &**counted.get()?)));
        let of_natives = self.of_natives().map(|(row, counted)| (*row, counted));
        of_table.chain(of_natives).filter(|(_, counted)| counted.calls() + counted.rejected() > 0)
    }

    /// How often callers got an error of each code.
    pub(crate) fn errors(&self) -> Vec<(String, u64)> {
        self.errors.lock().iter().map(|(code, count)| (code.clone(), *count)).collect()
    }

    /// How often callers got an error.
    pub(crate) fn error_replies(&self) -> u64 {
        self.errors.lock().values().sum()
    }

    /// Counts an error that a caller gets, whichever command it is about.
    pub(crate) fn count_error(&self, error: &Error) {
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(error.code()) {
            *count += 1;
        } else if errors.len() < ERRORS {
            errors.insert(error.code().to_owned(), 1);
        }
    }

    /// Counts from zero again. What is slow is forgotten by commands of its own.
    pub(crate) fn reset(&self) {
        self.commands.iter().filter_map(OnceLock::get).for_each(|counted| counted.reset());
        self.of_natives().for_each(|(_, counted)| counted.reset());
        self.errors.lock().clear();
        self.traffic.reset();
    }
}

impl Engine {
    /// Counts a command that was refused before it ran.
    pub(crate) fn note_rejected(&self, words: &[&[u8]], error: &Error) {
        let statistics = self.statistics();
        statistics.count_error(error);
        if let Some(counted) = self.meant(words).and_then(|row| statistics.of(row)) {
            counted.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a command that has ended, and notes it where it took long.
    pub(crate) fn note_ended(&self, ended: &Ended<'_>) {
        let (statistics, config) = (self.statistics(), self.config());
        let ended_micros = self.clock().now_micros();
        let Some(counted) = statistics.of(ended.row) else { return };
        if let Some(error) = ended.error {
            statistics.count_error(error);
            // These are given before a command runs, or before one that waited goes on.
            let is_denied = error.code() == "NOPERM";
            if is_denied || matches!(error, Error::OutOfMemory | Error::Unwritable(_) | Error::WrongArity(_))
            {
                counted.rejected.fetch_add(1, Ordering::Relaxed);
                return;
            }
            counted.failed.fetch_add(1, Ordering::Relaxed);
        }
        let micros = (ended_micros - ended.began_micros).max(0) as u64;
        counted.calls.fetch_add(1, Ordering::Relaxed);
        counted.micros.fetch_add(micros, Ordering::Relaxed);
        if config.tracks_latency() {
            counted.times.get_or_init(Histogram::default).count(micros * 1000);
        }
        if config.slow_micros().is_some_and(|slow| micros >= slow) {
            self.keep_slow(ended, UnixMs(ended_micros.div_euclid(1000)), micros);
        }
        if config.latency_threshold_ms().is_some_and(|threshold| micros / 1000 >= threshold) {
            let is_fast = ended.row.spec.flags.contains(Flags::FAST);
            self.note_latency(if is_fast { "fast-command" } else { "command" }, micros / 1000);
        }
    }

    /// Notes that something took so many milliseconds, for LATENCY, if that is long enough to be noted.
    pub fn note_latency(&self, event: &'static str, ms: u64) {
        if self.config().latency_threshold_ms().is_some_and(|threshold| ms >= threshold) {
            let at_seconds = self.clock().now().seconds();
            self.statistics().latency.note(event, LatencySample { at_seconds, ms });
        }
    }

    #[cold]
    fn keep_slow(&self, ended: &Ended<'_>, at: UnixMs, micros: u64) {
        if ended.row.spec.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let mut words = ended.words.to_vec();
        hide_secrets(ended.row, &mut words);
        let command = SlowCommand {
            id: 0,
            at,
            micros,
            words: shortened(&words),
            address: ended.client.origin().address.clone(),
            name: ended.client.shown().name,
        };
        self.statistics().slow.keep(command, self.config().slow_log_length());
    }
}

/// Puts a remark in the place of passwords.
pub(crate) fn hide_secrets(row: &Row, words: &mut [&[u8]]) {
    const HIDDEN: &[u8] = b"(redacted)";
    let is = |word: &[u8], known: &str| word.eq_ignore_ascii_case(known.as_bytes());
    match row.spec.name {
        "AUTH" => words[1..].fill(HIDDEN),
        "HELLO" => {
            let auth = words.iter().position(|word| is(word, "AUTH")).unwrap_or(words.len());
            words.iter_mut().skip(auth + 1).take(2).for_each(|word| *word = HIDDEN);
        }
        "ACL SETUSER" => words[2..].fill(HIDDEN),
        "CONFIG SET" => {
            let secret =
                ["requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass"];
            for at in (2..words.len().saturating_sub(1)).step_by(2) {
                if secret.iter().any(|name| is(words[at], name)) {
                    words[at + 1] = HIDDEN;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::{Origin, Session};
    use crate::{Clock, EngineOptions, ManualClock, Reply};

    /// A caller of an engine whose clock stands still.
    struct Caller {
        engine: Engine,
        clock: ManualClock,
        session: Session,
    }

    impl Caller {
        fn new() -> Self {
            let clock = ManualClock::at(UnixMs(1_700_000_000_000));
            let options = EngineOptions { clock: Arc::new(clock.clone()), seed: 7, databases: 16, shards: 4 };
            let engine = Engine::new(options);
            let session = Session::new(&engine, Origin::in_process());
            Self { engine, clock, session }
        }

        fn run(&mut self, line: &str) -> crate::Result<Reply> {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            self.session.execute(&self.engine, &words)
        }

        /// A command that took so long.
        fn end(&self, line: &str, micros: i64) {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let (row, _) = self.engine.lookup(&words).unwrap();
            let began_micros = self.clock.now_micros() - micros;
            let client = self.session.client();
            self.engine.note_ended(&Ended { row, words: &words, began_micros, error: None, client });
        }
    }

    #[test]
    fn what_becomes_of_commands_is_counted_by_command_and_by_error() {
        let mut caller = Caller::new();
        caller.run("RPUSH k a").unwrap();
        caller.run("get k").unwrap_err();
        caller.run("GET").unwrap_err();
        caller.run("CONFIG GET").unwrap_err();
        caller.run("CONFIG NOTHING").unwrap_err();
        caller.run("nothing").unwrap_err();
        caller.end("GET k", 30);
        let statistics = caller.engine.statistics();
        let counted: Vec<_> = statistics.commands().collect();
        let mut numbers: Vec<_> = counted
            .iter()
            .map(|(row, c)| (row.spec.name, c.calls(), c.micros(), c.rejected(), c.failed()))
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [("CONFIG GET", 0, 0, 1, 0), ("GET", 2, 30, 1, 1), ("RPUSH", 1, 0, 0, 0)]);
        assert_eq!(statistics.errors(), [("ERR".into(), 4), ("WRONGTYPE".into(), 1)]);
        assert_eq!(statistics.error_replies(), 5);
        let (_, get) = counted.iter().find(|(row, _)| row.spec.name == "GET").unwrap();
        assert_eq!(get.times().unwrap().total(), 2);
        caller.run("CONFIG RESETSTAT").unwrap();
        let statistics = caller.engine.statistics();
        let names: Vec<_> = statistics.commands().map(|(row, _)| row.spec.name).collect();
        assert_eq!((names, statistics.error_replies()), (vec!["CONFIG RESETSTAT"], 0));
    }

    #[test]
    fn passwords_do_not_come_into_the_slow_log() {
        let mut caller = Caller::new();
        caller.run("CONFIG SET slowlog-log-slower-than 0").unwrap();
        caller.run("CONFIG SET masterauth secret timeout 5").unwrap();
        let words = caller.engine.statistics().slow().latest(1).remove(0).words;
        let expected = ["CONFIG", "SET", "masterauth", "(redacted)", "timeout", "5"];
        assert_eq!(words, expected.map(|word| word.as_bytes().to_vec()));
        caller.run("CLIENT SETNAME me").unwrap();
        caller.run("PING").unwrap();
        let latest = caller.engine.statistics().slow().latest(1).remove(0);
        assert_eq!((&*latest.name, latest.at), (&b"me"[..], UnixMs(1_700_000_000_000)));
    }

    #[test]
    fn commands_of_a_transaction_are_noted_one_by_one_in_its_place() {
        let mut caller = Caller::new();
        caller.run("CONFIG SET slowlog-log-slower-than 0").unwrap();
        caller.run("SLOWLOG RESET").unwrap();
        for line in ["MULTI", "SET k v", "AUTH a", "EXEC"] {
            caller.run(line).unwrap();
        }
        let slow = caller.engine.statistics().slow().latest(9).into_iter();
        let lines: Vec<String> =
            slow.map(|slow| String::from_utf8(slow.words.join(&b' ')).unwrap()).collect();
        assert_eq!(lines, ["AUTH (redacted)", "SET k v", "MULTI", "SLOWLOG RESET"]);
    }

    #[test]
    fn nothing_is_noted_below_the_limits() {
        let mut caller = Caller::new();
        let slow = |caller: &Caller| caller.engine.statistics().slow().len();
        caller.end("GET k", 9_999);
        assert_eq!(slow(&caller), 0);
        caller.end("GET k", 10_000);
        assert_eq!(slow(&caller), 1);
        assert!(caller.engine.statistics().latency().all().is_empty());
        caller.run("CONFIG SET latency-monitor-threshold 5 slowlog-log-slower-than -1").unwrap();
        caller.end("GET k", 5_000);
        caller.end("KEYS *", 4_999);
        caller.end("KEYS *", 70_000);
        let events = caller.engine.statistics().latency().all().into_iter();
        let events: Vec<_> = events.map(|(name, series)| (name, series.longest_ms)).collect();
        assert_eq!(events, [("command", 70), ("fast-command", 5)]);
        assert_eq!(slow(&caller), 1);
        assert_eq!(caller.run("LATENCY RESET"), Ok(Reply::Integer(2)));
    }
}
