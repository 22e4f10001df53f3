//! What a real server answered, as text that reads well in a diff.
//!
//! ```text
//! # Recorded from Redis 8.0.2 ...
//!
//! == title
//! > [unordered] SMEMBERS s
//! ~["a", "b"]
//! > LPOP missing 1
//! (nil)
//! resp2: (nil array)
//! ```
//!
//! The answer is RESP3's; RESP2's follows only where it is not the same with the types taken away.
use std::fmt::Write as _;

use crate::cases::{Case, Section};
use crate::comparison::Comparison;
use crate::subject::Subject;
use crate::value::{Answer, Value};

/// A section with what the server answered to each case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What the cases are about.
    pub title: String,
    /// In order, each with the answer.
    pub cases: Vec<(Case, Answer)>,
}

/// A case that redlet answered differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The section's title.
    pub section: String,
    /// The command line.
    pub line: String,
    /// What the server answered.
    pub expected: Answer,
    /// What redlet answered.
    pub got: Answer,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}\n  > {}", self.section, self.line)?;
        let pairs = [
            ("resp3", &self.expected.resp3, &self.got.resp3),
            ("resp2", &self.expected.resp2, &self.got.resp2),
        ];
        for (protocol, expected, got) in pairs.into_iter().filter(|(_, expected, got)| expected != got) {
            writeln!(
                f,
                "  {protocol} expected {}\n  {protocol} got      {}",
                shortened(expected),
                shortened(got)
            )?;
        }
        Ok(())
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Pairs a section with its answers, keeping of each what is promised.
pub fn record(section: Section, answers: Vec<Answer>) -> Recorded {
    let cases = section.cases.into_iter().zip(answers);
    let kept = cases.map(|(case, answer)| {
        let mut answer = case.comparison.promised(&answer);
        if case.comparison == Comparison::About {
            answer = Answer { resp3: rounded(&answer.resp3), resp2: rounded(&answer.resp2) };
        }
        (case, answer)
    });
    Recorded { title: section.title, cases: kept.collect() }
}

/// Times are recorded to three digits, so that recording again changes nothing.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Integer(number) if *number > 1000 => {
            let step = 10_i64.pow(number.ilog10() - 2);
            Value::Integer((number + step / 2) / step * step)
        }
        other => other.clone(),
    }
}

/// The text of a table.
pub fn write(version: &str, sections: &[Recorded]) -> String {
    let mut text =
        format!("# Recorded from Redis {version} by `cargo xtask record`: renewed by that, not edited.\n");
    for section in sections {
        let _ = write!(text, "\n== {}\n", section.title);
        for (case, answer) in &section.cases {
            let _ = writeln!(text, "> {}{}\n{}", case.comparison.mark(), case.line, answer.resp3);
            let derived = Answer { resp3: answer.resp3.clone(), resp2: answer.resp3.derived_resp2() };
            if case.comparison.promised(&derived).resp2 != answer.resp2 {
                let _ = writeln!(text, "resp2: {}", answer.resp2);
            }
        }
    }
    text
}

/// Reads a table.
///
/// # Errors
/// The first line that makes no sense, with its number.
pub fn parse(text: &str) -> Result<Vec<Recorded>, String> {
    let mut sections: Vec<Recorded> = Vec::new();
    let mut lines =
        text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    while let Some((index, line)) = lines.next() {
        let fault = |what: String| format!("line {}: {what}", index + 1);
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Recorded { title: title.to_owned(), cases: Vec::new() });
            continue;
        }
        let command = line.strip_prefix("> ").ok_or_else(|| fault(format!("not a command: {line}")))?;
        let case = Case::parse(command).map_err(fault)?;
        let (_, answer) = lines.next().ok_or_else(|| fault("no answer".into()))?;
        let resp3 = Value::parse(answer).map_err(fault)?;
        let resp2 = match lines.next_if(|(_, line)| line.starts_with("resp2: ")) {
            Some((_, line)) => Value::parse(&line["resp2: ".len()..]).map_err(fault)?,
            None => resp3.derived_resp2(),
        };
        let section =
            sections.last_mut().ok_or_else(|| fault("a command before the first section".into()))?;
        section.cases.push((case, Answer { resp3, resp2 }));
    }
    Ok(sections)
}

/// Runs every case of a section on redlet; what it answers differently.
pub fn differences(section: &Recorded) -> Vec<Difference> {
    let mut subject = Subject::default();
    let mut found = Vec::new();
    for (case, expected) in &section.cases {
        let got = subject.execute(&case.words);
        if !case.comparison.holds(&case.words, expected, &got) {
            found.push(Difference {
                section: section.title.clone(),
                line: case.line.clone(),
                expected: expected.clone(),
                got: case.comparison.promised(&got),
            });
        }
    }
    found
}

/// Differences as text for a failed test: the first 50.
pub fn report(group: &str, found: &[Difference]) -> String {
    let mut text = format!("{} differences in {group}\n", found.len());
    for difference in found.iter().take(50) {
        let _ = write!(text, "{group}: {difference}");
    }
    text
}
