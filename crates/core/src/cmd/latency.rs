//! LATENCY: what took long, and how long commands take.
use std::borrow::Cow;
use std::fmt::Write as _;

use super::server::{ADMIN, ALWAYS, SERVER};
use super::{Args, Command, Control, Flags, Spec, bare, help_command, table};
use crate::latency::{LatencySample, Series};
use crate::tx::Tx;
use crate::{Error, Reply, Result};

table! {
    container LATENCY, control LatencyDoctor, control LatencyGraph, control LatencyHelp, control LatencyHistogram,
    control LatencyHistory, control LatencyLatest, control LatencyReset,
}

const LATENCY_COMMAND: Spec = Spec { since: "2.8.13", flags: ADMIN.and(ALWAYS), ..SERVER };
const ALL_NODES: &[&str] =
    &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

/// `LATENCY`
const LATENCY: Spec = Spec {
    name: "LATENCY",
    arity: -2,
    flags: Flags::NONE,
    summary: "A container for commands about what took long.",
    complexity: "Depends on subcommand.",
    ..LATENCY_COMMAND
};

bare! {
    /// `LATENCY LATEST`
    LatencyLatest -> Vec<LatencyEvent>, Spec {
        name: "LATENCY LATEST",
        arity: 2,
        tips: ALL_NODES,
        summary: "Returns the latest event of each kind that took long.",
        ..LATENCY_COMMAND
    }
}

/// The latest event of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyEvent {
    /// The kind.
    pub event: &'static str,
    /// When it was and how long it took.
    pub latest: LatencySample,
    /// The longest of the kind, in milliseconds.
    pub longest_ms: u64,
}

impl From<Vec<LatencyEvent>> for Reply {
    fn from(events: Vec<LatencyEvent>) -> Self {
        let show = |event: LatencyEvent| {
            Reply::Array(vec![
                Reply::bulk(event.event),
                Reply::Integer(event.latest.at_seconds),
                Reply::Integer(event.latest.ms as i64),
                Reply::Integer(event.longest_ms as i64),
            ])
        };
        Reply::Array(events.into_iter().map(show).collect())
    }
}

impl Control<'_> for LatencyLatest {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<LatencyEvent>> {
        let latest = |(event, series): (&'static str, Series)| {
            Some(LatencyEvent { event, latest: *series.samples.back()?, longest_ms: series.longest_ms })
        };
        Ok(db.engine().statistics().latency().all().into_iter().filter_map(latest).collect())
    }
}

/// `LATENCY HISTORY event`
#[derive(Clone, Copy, Debug)]
pub struct LatencyHistory<'a> {
    /// The kind of events.
    pub event: &'a [u8],
}

impl<'a> Command<'a> for LatencyHistory<'a> {
    const SPEC: Spec = Spec {
        name: "LATENCY HISTORY",
        arity: 3,
        tips: ALL_NODES,
        summary: "Returns when events of a kind took long, and how long.",
        syntax: "event",
        ..LATENCY_COMMAND
    };
    type Reply = Vec<LatencySample>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LatencyHistory { event: args.bytes()? })
    }
}

impl From<Vec<LatencySample>> for Reply {
    fn from(samples: Vec<LatencySample>) -> Self {
        let show = |sample: LatencySample| {
            Reply::Array(vec![Reply::Integer(sample.at_seconds), Reply::Integer(sample.ms as i64)])
        };
        Reply::Array(samples.into_iter().map(show).collect())
    }
}

impl<'a> Control<'a> for LatencyHistory<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<LatencySample>> {
        let found = db.engine().statistics().latency().of(self.event);
        Ok(found.map(|(_, series)| series.samples.into()).unwrap_or_default())
    }
}

/// `LATENCY GRAPH event`
#[derive(Clone, Copy, Debug)]
pub struct LatencyGraph<'a> {
    /// The kind of events.
    pub event: &'a [u8],
}

impl<'a> Command<'a> for LatencyGraph<'a> {
    const SPEC: Spec = Spec {
        name: "LATENCY GRAPH",
        arity: 3,
        tips: ALL_NODES,
        summary: "Draws how long events of a kind took.",
        syntax: "event",
        ..LATENCY_COMMAND
    };
    type Reply = Verbatim;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LatencyGraph { event: args.bytes()? })
    }
}

/// Text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbatim(pub String);

impl From<Verbatim> for Reply {
    fn from(text: Verbatim) -> Self {
        Reply::Verbatim(text.0)
    }
}

/// How many events are drawn beside each other.
const COLUMNS: usize = 80;
const ROWS: u64 = 4;
/// A row's three heights.
const HEIGHTS: [char; 3] = ['_', 'o', '#'];

impl<'a> Control<'a> for LatencyGraph<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Verbatim> {
        let engine = db.engine();
        let Some((event, series)) = engine.statistics().latency().of(self.event) else {
            let event = String::from_utf8_lossy(self.event);
            return Err(Error::Refused(format!("ERR No samples available for event '{event}'").into()));
        };
        Ok(Verbatim(draw(event, &series, engine.clock().now().seconds())))
    }
}

fn draw(event: &str, series: &Series, now_seconds: i64) -> String {
    let samples: Vec<LatencySample> = series.samples.iter().copied().collect();
    let low = samples.iter().map(|sample| sample.ms).min().unwrap_or(0);
    let high = samples.iter().map(|sample| sample.ms).max().unwrap_or(0);
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.longest_ms,
        "-".repeat(COLUMNS)
    );
    for (part, samples) in samples.chunks(COLUMNS).enumerate() {
        if part > 0 {
            text.push('\n');
        }
        let height = |sample: &LatencySample| {
            let steps = ROWS * HEIGHTS.len() as u64;
            ((sample.ms - low) * steps / (high - low).max(1)).min(steps - 1)
        };
        for row in (0..ROWS).rev() {
            text.extend(samples.iter().map(|sample| match height(sample).checked_sub(row * 3) {
                None => ' ',
                Some(step) => HEIGHTS.get(step as usize).copied().unwrap_or('|'),
            }));
            text.push('\n');
        }
        let labels: Vec<String> =
            samples.iter().map(|sample| elapsed(now_seconds - sample.at_seconds)).collect();
        let longest = labels.iter().map(String::len).max().unwrap_or(0);
        text.push_str(&" ".repeat(samples.len()));
        text.push('\n');
        for at in 0..longest {
            text.extend(
                labels.iter().map(|label| label.as_bytes().get(at).map_or(' ', |&byte| char::from(byte))),
            );
            text.push('\n');
        }
    }
    text
}

/// How long ago, in the unit that leaves few digits.
fn elapsed(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

bare! {
    /// `LATENCY DOCTOR`
    LatencyDoctor -> Verbatim, Spec {
        name: "LATENCY DOCTOR",
        arity: 2,
        tips: ALL_NODES,
        summary: "Says in words what took long and what can be done about it.",
        ..LATENCY_COMMAND
    }
}

impl Control<'_> for LatencyDoctor {
    fn run(&self, db: &mut Tx<'_>) -> Result<Verbatim> {
        let engine = db.engine();
        let Some(threshold) = engine.config().latency_threshold_ms() else {
            return Ok(Verbatim(
                "Nothing is noted: set latency-monitor-threshold to the milliseconds from which on you want to know.\n"
                    .into(),
            ));
        };
        let events = engine.statistics().latency().all();
        if events.is_empty() {
            return Ok(Verbatim(format!("Nothing took {threshold} ms or longer.\n")));
        }
        let mut text = String::new();
        for (event, series) in &events {
            let count = series.samples.len() as u64;
            let sum: u64 = series.samples.iter().map(|sample| sample.ms).sum();
            let _ = writeln!(
                text,
                "{event}: {count} seconds with events of {threshold} ms or longer, {} ms on average, {} ms at most.",
                sum / count.max(1),
                series.longest_ms
            );
        }
        if events.iter().any(|(event, _)| event.ends_with("command")) {
            let noted = engine.config().slow_micros();
            if noted.is_none_or(|micros| micros > threshold * 1000) {
                let micros = threshold * 1000;
                let _ = writeln!(
                    text,
                    "Set slowlog-log-slower-than to {micros}, and SLOWLOG GET names the commands."
                );
            } else {
                text.push_str("SLOWLOG GET names the commands.\n");
            }
        }
        Ok(Verbatim(text))
    }
}

/// `LATENCY RESET [event [event ...]]`
#[derive(Clone, Debug)]
pub struct LatencyReset<'a> {
    /// Kinds of events; none for all.
    pub events: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for LatencyReset<'a> {
    const SPEC: Spec = Spec {
        name: "LATENCY RESET",
        arity: -2,
        tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
        summary: "Forgets events that took long; returns of how many kinds.",
        syntax: "[event [event ...]]",
        ..LATENCY_COMMAND
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LatencyReset { events: args.rest().into() })
    }
}

impl<'a> Control<'a> for LatencyReset<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
        Ok(db.engine().statistics().latency().reset(&self.events))
    }
}

/// `LATENCY HISTOGRAM [command [command ...]]`
#[derive(Clone, Debug)]
pub struct LatencyHistogram<'a> {
    /// Names of commands; none for all.
    pub commands: Cow<'a, [&'a [u8]]>,
}

/// How long a command takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTimes {
    /// Its name, as `COMMAND` lists it.
    pub command: String,
    /// How often it ran.
    pub calls: u64,
    /// Microseconds, with how many calls took no longer.
    pub limits: Vec<(u64, u64)>,
}

impl From<Vec<CommandTimes>> for Reply {
    fn from(times: Vec<CommandTimes>) -> Self {
        let show = |times: CommandTimes| {
            let limit =
                |(micros, count): (u64, u64)| (Reply::Integer(micros as i64), Reply::Integer(count as i64));
            let parts = vec![
                (Reply::bulk("calls"), Reply::Integer(times.calls as i64)),
                (Reply::bulk("histogram_usec"), Reply::Map(times.limits.into_iter().map(limit).collect())),
            ];
            (Reply::bulk(times.command), Reply::Map(parts))
        };
        Reply::Map(times.into_iter().map(show).collect())
    }
}

impl<'a> Command<'a> for LatencyHistogram<'a> {
    const SPEC: Spec = Spec {
        name: "LATENCY HISTOGRAM",
        arity: -2,
        since: "7.0.0",
        tips: ALL_NODES,
        summary: "Returns how long commands take.",
        complexity: "O(N), N being the number of commands",
        syntax: "[command [command ...]]",
        ..LATENCY_COMMAND
    };
    type Reply = Vec<CommandTimes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LatencyHistogram { commands: args.rest().into() })
    }
}

impl<'a> Control<'a> for LatencyHistogram<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<CommandTimes>> {
        let is_wanted = |name: &str| {
            let is_named = |wanted: &&[u8]| {
                let container = name.split('|').next().unwrap_or_default();
                [name, container].iter().any(|known| wanted.eq_ignore_ascii_case(known.as_bytes()))
            };
            self.commands.is_empty() || self.commands.iter().any(is_named)
        };
        let counted = db.engine().statistics().commands().filter_map(|(row, counted)| {
            let times = counted.times()?;
            let command = row.listed_name();
            is_wanted(&command).then(|| CommandTimes {
                command,
                calls: times.total(),
                limits: times.doubling(),
            })
        });
        Ok(counted.collect())
    }
}

help_command!(LatencyHelp, "LATENCY", LATENCY_HELP);

const LATENCY_HELP: Spec = Spec { since: "2.8.13", ..SERVER };

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawing is that of Redis 8.0.2 for these samples.
    #[test]
    fn events_are_drawn_as_redis_draws_them() {
        let mut series = Series { longest_ms: 111, ..Series::default() };
        for (at, ms) in [11, 50, 23, 111, 33, 2, 73].into_iter().enumerate() {
            series.samples.push_back(LatencySample { at_seconds: at as i64, ms });
        }
        let line = "-".repeat(80);
        assert_eq!(
            draw("command", &series, 7),
            format!(
                "command - high 111 ms, low 2 ms (all time high 111 ms)\n{line}\n   #   \n   |  o\n # |_ |\n_|#||_|\n       \n7654321\nsssssss\n"
            )
        );
        series.samples.truncate(1);
        assert!(draw("command", &series, 3700).ends_with(" \n \n \n_\n \n1\nh\n"));
    }
}
