//! `COMMAND INFO` as lines that can be compared and read in a diff. What is a set there is sorted here.
use std::fmt::Write as _;

use crate::value::Value;

/// One command's facts in text, its subcommands left out. `None` when the answer is not a command's facts.
pub fn describe(facts: &Value) -> Option<String> {
    let Value::Array(facts) = facts else { return None };
    let [name, arity, flags, first, last, step, categories, tips, specs, ..] = facts.as_slice() else {
        return None;
    };
    let mut text = format!("{}\n", plain(name));
    let _ = writeln!(text, "  arity {}", plain(arity));
    let _ = writeln!(text, "  flags {}", sorted_words(flags));
    let _ = writeln!(text, "  keys {} {} {}", plain(first), plain(last), plain(step));
    let _ = writeln!(text, "  categories {}", sorted_words(categories));
    for tip in items(tips) {
        let _ = writeln!(text, "  tip {}", plain(tip));
    }
    for spec in items(specs) {
        let _ = writeln!(text, "  key spec {}", nested(spec));
    }
    Some(text)
}

/// The facts of a command's subcommands.
pub fn subcommands(facts: &Value) -> &[Value] {
    match facts {
        Value::Array(facts) => facts.get(9).map_or(&[], items),
        _ => &[],
    }
}

pub(crate) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        _ => &[],
    }
}

/// A string or a number without its type.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Status(text) => text.clone(),
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Integer(number) => number.to_string(),
        other => other.to_string(),
    }
}

fn sorted_words(value: &Value) -> String {
    let mut words: Vec<String> = items(value).iter().map(plain).collect();
    words.sort();
    words.join(" ")
}

fn nested(value: &Value) -> String {
    match value {
        Value::Map(pairs) => {
            // Notes are prose for readers, which everyone words differently; that there are some is a fact.
            let fact = |(key, value): &(Value, Value)| match plain(key) {
                key if key == "notes" => key,
                key => format!("{key}={}", nested(value)),
            };
            let pairs: Vec<String> = pairs.iter().map(fact).collect();
            format!("({})", pairs.join(" "))
        }
        Value::Array(_) | Value::Set(_) => format!("[{}]", sorted_words(value)),
        Value::Bulk(bytes) if bytes.is_empty() => "\"\"".into(),
        other => plain(other),
    }
}

/// Splits the text of many commands into each one's name and facts.
pub fn parse(text: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !line.starts_with(' ') {
            commands.push((line.to_owned(), String::new()));
        }
        if let Some((_, facts)) = commands.last_mut() {
            facts.push_str(line);
            facts.push('\n');
        }
    }
    commands
}
