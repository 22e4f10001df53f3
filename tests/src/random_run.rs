//! One random sequence on redlet and on a real server, compared step by step and in the state that it leaves.
use std::io;

use crate::comparison::Comparison;
use crate::connection::Protocol;
use crate::differences::Deliberate;
use crate::generate::{EQUAL_SCORES, KEYS, Step};
use crate::oracle::Oracle;
use crate::recording::Difference;
use crate::subject::Subject;
use crate::value::{Answer, Value};
use crate::words;

/// The first step that the two answer differently, in RESP3 or in RESP2.
///
/// # Errors
/// The connection to the server broke.
pub fn first_difference(
    oracle: &mut Oracle,
    steps: &[Step],
    deliberate: &Deliberate,
) -> io::Result<Option<Difference>> {
    let mut subject = Subject::at(oracle.now()?);
    let all: Vec<Step> = steps.iter().cloned().chain(state()).collect();
    let mut asked = Vec::with_capacity(all.len());
    let mut answered = Vec::with_capacity(all.len());
    for step in &all {
        let got = subject.execute(&step.words);
        let (words, got) = follow(&step.words, got);
        asked.push(words);
        answered.push(got);
    }
    let resp3 = oracle.answers_in(Protocol::Resp3, &asked)?;
    let resp2 = oracle.answers_in(Protocol::Resp2, &asked)?;
    let expected = resp3.into_iter().zip(resp2).map(|(resp3, resp2)| Answer { resp3, resp2 });
    for (((step, asked), got), expected) in all.iter().zip(&asked).zip(answered).zip(expected) {
        if !step.comparison.holds(asked, &expected, &got) && !deliberate.covers(&step.words) {
            let section = if asked == &step.words {
                String::new()
            } else {
                format!("(asked of the server as {})", words::line(asked))
            };
            return Ok(Some(Difference { section, line: words::line(&step.words), expected, got }));
        }
    }
    Ok(None)
}

/// SPOP draws: the server is told to remove what redlet drew, and must have had all of it.
fn follow(words: &[Vec<u8>], got: Answer) -> (Vec<Vec<u8>>, Answer) {
    let popped = match (words, &got.resp3) {
        ([name, _, ..], Value::Bulk(member)) if name.eq_ignore_ascii_case(b"SPOP") => vec![member.clone()],
        ([name, _, ..], Value::Set(members) | Value::Array(members))
            if name.eq_ignore_ascii_case(b"SPOP") =>
        {
            let members = members.iter().filter_map(|member| match member {
                Value::Bulk(member) => Some(member.clone()),
                _ => None,
            });
            members.collect()
        }
        _ => Vec::new(),
    };
    if popped.is_empty() {
        return (words.to_vec(), got);
    }
    let count = Value::Integer(popped.len() as i64);
    let removal = [b"SREM".to_vec(), words[1].clone()].into_iter().chain(popped).collect();
    (removal, Answer { resp3: count.clone(), resp2: count })
}

fn question(line: &str, comparison: Comparison) -> Step {
    Step { words: line.split(' ').map(|word| word.as_bytes().to_vec()).collect(), comparison }
}

/// Questions that show everything there is to see of the keys in the first two databases.
pub fn state() -> Vec<Step> {
    let mut steps = Vec::new();
    for database in ["0", "1"] {
        let mut ask = |line: &str, comparison| steps.push(question(line, comparison));
        ask(&format!("SELECT {database}"), Comparison::Exact);
        ask("DBSIZE", Comparison::Exact);
        for key in KEYS.into_iter().chain([EQUAL_SCORES]) {
            ask(&format!("TYPE {key}"), Comparison::Exact);
            ask(&format!("PEXPIRETIME {key}"), Comparison::About);
            ask(&format!("GET {key}"), Comparison::Exact);
            ask(&format!("HGETALL {key}"), Comparison::Unordered);
            // The last one has no name.
            ask(&format!("HPEXPIRETIME {key} FIELDS 6 f1 f2 f3 f4 5 "), Comparison::About);
            ask(&format!("LRANGE {key} 0 -1"), Comparison::Exact);
            ask(&format!("SMEMBERS {key}"), Comparison::Unordered);
            ask(&format!("ZRANGE {key} 0 -1 WITHSCORES"), Comparison::Exact);
        }
        for key in ["v", "w"] {
            ask(&format!("VCARD {key}"), Comparison::Exact);
            ask(&format!("VRANDMEMBER {key} 100"), Comparison::Unordered);
        }
    }
    steps
}

/// The questions of [`state`], and then those that the recorded server would not understand.
pub fn state_and_newer() -> Vec<Step> {
    let mut steps = state();
    for database in ["0", "1"] {
        steps.push(question(&format!("SELECT {database}"), Comparison::Exact));
        for key in KEYS {
            // The last one has no name.
            let line = format!("SPEXPIRETIME {key} MEMBERS 10 m1 m2 m3 x y 1 2 3 -7 ");
            steps.push(question(&line, Comparison::About));
            steps.push(question(&format!("ARSCAN {key} 0 18446744073709551614"), Comparison::Exact));
            steps.push(question(&format!("ARNEXT {key}"), Comparison::Exact));
        }
    }
    steps
}
