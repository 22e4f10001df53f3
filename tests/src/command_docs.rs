//! `COMMAND DOCS` as lines that can be compared and read in a diff. Prose is left out: everyone words it differently.
use std::fmt::Write as _;

use crate::command_info::{items, plain};
use crate::value::Value;

/// One command's documentation in text, its subcommands left out. `None` when the answer is no documentation, and
/// for a module's command, which has next to none.
///
/// Arguments that came after the version `newest` are left out.
pub fn describe(name: &str, docs: &Value, newest: &str) -> Option<String> {
    let facts = pairs(docs);
    field(facts, "since")?;
    let mut text = format!("{name}\n");
    for (key, value) in facts {
        let key = plain(key);
        match key.as_str() {
            "since" | "group" | "doc_flags" | "deprecated_since" | "replaced_by" => {
                let _ = writeln!(text, "  {key} {value}");
            }
            "arguments" => describe_arguments(&mut text, value, newest, 1),
            _ => {}
        }
    }
    Some(text)
}

fn describe_arguments(text: &mut String, arguments: &Value, newest: &str, depth: usize) {
    for argument in items(arguments) {
        let facts = pairs(argument);
        let since = field(facts, "since").map(plain);
        if since.is_some_and(|since| version(&since) > version(newest)) {
            continue;
        }
        let _ = write!(text, "{:1$}argument", "", 2 * depth);
        for (key, value) in facts {
            let key = plain(key);
            if key != "arguments" {
                let _ = write!(text, " {key}={value}");
            }
        }
        text.push('\n');
        if let Some(parts) = field(facts, "arguments") {
            describe_arguments(text, parts, newest, depth + 1);
        }
    }
}

/// The text of all commands in an answer, subcommands included, sorted by name.
pub fn describe_all(answer: &Value, newest: &str) -> Vec<String> {
    let mut described = Vec::new();
    for (name, docs) in pairs(answer) {
        described.extend(describe(&plain(name), docs, newest));
        if let Some(subcommands) = field(pairs(docs), "subcommands") {
            described.extend(describe_all(subcommands, newest));
        }
    }
    described.sort();
    described
}

fn pairs(value: &Value) -> &[(Value, Value)] {
    match value {
        Value::Map(pairs) => pairs,
        _ => &[],
    }
}

fn field<'a>(facts: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    facts.iter().find(|(key, _)| plain(key) == name).map(|(_, value)| value)
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_newer_than_the_server_and_prose_are_left_out() {
        let docs = [
            r#"{"summary": "x", "since": "1.0.0", "group": "string", "arguments": ["#,
            r#"{"name": "a", "type": "oneof", "flags": ~[optional], "arguments": ["#,
            r#"{"name": "b", "type": "string", "since": "10.0.0"}, {"name": "c", "type": "string"}]}]}"#,
        ];
        let docs = Value::parse(&docs.concat());
        let text = describe("x", &docs.unwrap(), "8.0.2").unwrap();
        let expected = r#"x
  since "1.0.0"
  group "string"
  argument name="a" type="oneof" flags=~[optional]
    argument name="c" type="string"
"#;
        assert_eq!(text, expected);
    }
}
