//! What several callers run, and in which order, written compactly.
//!
//! ```text
//! == title                   a script: starts from an empty keyspace with callers who have just come
//! # text                     a remark
//! a> BLPOP k 0               caller a runs a command; `;` separates several
//! b> {RPUSH,LPUSH} k v       a script for each way of choosing
//! b> CLIENT UNBLOCK $a       the number of caller a, as CLIENT ID gives it
//! b> [shape] CLIENT ID       how much counts of what the callers see now (see `comparison`)
//! @await a 50                caller a is answered, after 50 milliseconds at most
//! @wait 50                   50 milliseconds pass
//! ```
use std::fmt;
use std::time::Duration;

use crate::cases::{Case, expand, split};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A caller runs a command.
    Run(char, Case),
    /// Time passes.
    Wait(Duration),
    /// Time passes until a caller is answered, at most so much.
    Await(char, Duration),
}

impl Step {
    /// Reads a line.
    ///
    /// # Errors
    /// A line that is none of the forms.
    pub fn parse(line: &str) -> Result<Self, String> {
        let milliseconds = |text: &str| {
            text.parse().map(Duration::from_millis).map_err(|_| format!("no milliseconds: {line}"))
        };
        let caller = |name: &str| match name.as_bytes() {
            [letter] if letter.is_ascii_lowercase() => Ok(char::from(*letter)),
            _ => Err(format!("no caller: {line}")),
        };
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["@wait", limit] => Ok(Step::Wait(milliseconds(limit)?)),
            ["@await", name, limit] => Ok(Step::Await(caller(name)?, milliseconds(limit)?)),
            _ => {
                let (name, command) = line.split_once("> ").ok_or_else(|| format!("nobody runs: {line}"))?;
                Ok(Step::Run(caller(name)?, Case::parse(command)?))
            }
        }
    }

    /// The caller whom it is about.
    pub fn caller(&self) -> Option<char> {
        match self {
            Step::Run(caller, _) | Step::Await(caller, _) => Some(*caller),
            Step::Wait(_) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Run(caller, case) => write!(f, "{caller}> {}{}", case.comparison.mark(), case.line),
            Step::Wait(limit) => write!(f, "@wait {}", limit.as_millis()),
            Step::Await(caller, limit) => write!(f, "@await {caller} {}", limit.as_millis()),
        }
    }
}

/// What happens, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What it is about.
    pub title: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// Reads a file of scripts.
///
/// # Errors
/// The first script that makes no sense, by its title.
pub fn parse(text: &str) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    for section in text.split("\n== ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        let lines: Vec<&str> =
            body.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let versions = expand(&lines.join("\n"));
        let count = versions.len();
        for (index, version) in versions.into_iter().enumerate() {
            let title = if count == 1 { title.to_owned() } else { format!("{title} ({})", index + 1) };
            let steps = version.lines().map(steps).collect::<Result<Vec<_>, _>>();
            let steps = steps.map_err(|fault| format!("{title}: {fault}"))?.concat();
            scripts.push(Script { title, steps });
        }
    }
    Ok(scripts)
}

/// The steps in a line.
fn steps(line: &str) -> Result<Vec<Step>, String> {
    let Some((caller, commands)) = line.split_once("> ") else { return Ok(vec![Step::parse(line)?]) };
    split(commands, b';')
        .iter()
        .map(|command| Step::parse(&format!("{caller}> {}", command.trim())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_written_out_once_for_each_way_of_choosing() {
        let text =
            "# remark\n\n== t\na> MULTI; {GET,INCR} k\n@wait 5\n# remark\n@await a 7\nb> [shape] CLIENT ID\n";
        let scripts = parse(text).unwrap();
        let shown: Vec<String> = scripts[1].steps.iter().map(Step::to_string).collect();
        assert_eq!(shown, ["a> MULTI", "a> INCR k", "@wait 5", "@await a 7", "b> [shape] CLIENT ID"]);
        assert_eq!((scripts.len(), scripts[0].title.as_str()), (2, "t (1)"));
        assert_eq!(scripts[0].steps[1].to_string(), "a> GET k");
    }

    #[test]
    fn a_line_that_nobody_runs_is_refused() {
        assert!(parse("\n== t\nGET k\n").is_err());
        assert!(parse("\n== t\n@await k\n").is_err());
    }
}
