//! What several callers saw, step by step: compared, and as text that reads well in a diff.
//!
//! ```text
//! == title
//! a> BLPOP k 0
//! b> RPUSH k v
//! a< ["k", "v"]
//! b< (integer) 1
//! ```
//!
//! After each step stands what the callers received, so who has nothing waits. `a<3` and `a<2` are what one protocol's
//! callers received, where it is not the same with RESP3's types taken away.
use std::fmt::{self, Write as _};

use crate::scripts::Step;
use crate::value::Value;

/// Something that a caller notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An answer, or something that nobody asked for.
    Received(Value),
    /// Its connection was closed.
    Closed,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Received(value) => value.fmt(f),
            Event::Closed => f.write_str("(closed)"),
        }
    }
}

/// What callers noticed after one step, by callers.
pub type Seen = Vec<(char, Event)>;

/// A script with what its callers saw in either protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What it is about.
    pub title: String,
    /// What happened.
    pub steps: Vec<Step>,
    /// What callers saw of each step who speak RESP3.
    pub resp3: Vec<Seen>,
    /// The same in RESP2.
    pub resp2: Vec<Seen>,
}

fn derived_resp2(seen: &Seen) -> Seen {
    let derived = |event: &Event| match event {
        Event::Received(value) => Event::Received(value.derived_resp2()),
        Event::Closed => Event::Closed,
    };
    seen.iter().map(|(caller, event)| (*caller, derived(event))).collect()
}

/// The text of a table.
pub fn write(version: &str, transcripts: &[Transcript]) -> String {
    let mut text =
        format!("# Recorded from Redis {version} by `cargo xtask record`: renewed by that, not edited.\n");
    for transcript in transcripts {
        let _ = write!(text, "\n== {}\n", transcript.title);
        for ((step, resp3), resp2) in transcript.steps.iter().zip(&transcript.resp3).zip(&transcript.resp2) {
            let _ = writeln!(text, "{step}");
            let mut lines = |sign: &str, seen: &Seen| {
                for (caller, event) in seen {
                    let _ = writeln!(text, "{caller}<{sign} {event}");
                }
            };
            if derived_resp2(resp3) == *resp2 {
                lines("", resp3);
            } else {
                lines("3", resp3);
                lines("2", resp2);
            }
        }
    }
    text
}

/// Reads a table.
///
/// # Errors
/// The first line that makes no sense.
pub fn parse(text: &str) -> Result<Vec<Transcript>, String> {
    let mut transcripts: Vec<Transcript> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            let title = title.to_owned();
            transcripts.push(Transcript { title, steps: Vec::new(), resp3: Vec::new(), resp2: Vec::new() });
            continue;
        }
        let transcript = transcripts.last_mut().ok_or_else(|| format!("before the first title: {line}"))?;
        let fault = |fault: String| format!("{line}: {fault}");
        let Some((caller, (sign, event))) = seen_line(line) else {
            transcript.steps.push(Step::parse(line).map_err(fault)?);
            transcript.resp3.push(Seen::new());
            transcript.resp2.push(Seen::new());
            continue;
        };
        let event = match event {
            "(closed)" => Event::Closed,
            text => Event::Received(Value::parse(text).map_err(fault)?),
        };
        let resp2 = if sign == "2" {
            vec![(caller, event.clone())]
        } else {
            derived_resp2(&vec![(caller, event.clone())])
        };
        if sign != "2" {
            transcript.resp3.last_mut().ok_or("nothing has happened yet")?.push((caller, event));
        }
        if sign != "3" {
            transcript.resp2.last_mut().ok_or("nothing has happened yet")?.extend(resp2);
        }
    }
    Ok(transcripts)
}

/// Splits `a<3 event`.
fn seen_line(line: &str) -> Option<(char, (&str, &str))> {
    let (head, event) = line.split_once(' ')?;
    let (caller, sign) = head.split_once('<')?;
    Some((caller.chars().next()?, (sign, event)))
}

/// The first step of which callers saw something else, as text.
pub fn first_difference(protocol: &str, steps: &[Step], expected: &[Seen], got: &[Seen]) -> Option<String> {
    let at = expected.iter().zip(got).position(|(expected, got)| expected != got)?;
    let mut text = String::new();
    for (index, step) in steps[..=at].iter().enumerate() {
        let _ = writeln!(text, "  {step}");
        if index < at {
            show(&mut text, "", &expected[index]);
        }
    }
    let _ = writeln!(text, "  {protocol} expected:");
    show(&mut text, "", &expected[at]);
    let _ = writeln!(text, "  {protocol} got:");
    show(&mut text, "", &got[at]);
    Some(text)
}

fn show(text: &mut String, sign: &str, seen: &Seen) {
    for (caller, event) in seen {
        let _ = writeln!(text, "    {caller}<{sign} {event}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_transcripts_reads_back_as_those_transcripts() {
        let received = |caller, text| (caller, Event::Received(Value::parse(text).unwrap()));
        let transcript = Transcript {
            title: "t".into(),
            steps: ["a> BLPOP k 0", "b> RPUSH k v", "@await a 5"]
                .map(|line| Step::parse(line).unwrap())
                .into(),
            resp3: vec![
                vec![],
                vec![received('a', "[\"k\", \"v\"]"), received('b', "(integer) 1")],
                vec![received('a', "(nil)"), ('a', Event::Closed)],
            ],
            resp2: vec![
                vec![],
                vec![received('a', "[\"k\", \"v\"]"), received('b', "(integer) 1")],
                vec![received('a', "(nil array)"), ('a', Event::Closed)],
            ],
        };
        let transcripts = [transcript];
        assert_eq!(parse(&write("8", &transcripts)).unwrap(), transcripts);
    }
}
