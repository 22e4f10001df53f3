//! The tables in COMPATIBILITY.md and docs/configuration.md, made from redlet's own tables of commands and parameters. What stands
//! around them is written by hand.
use std::fs;

use redlet_core::cmd;
use redlet_core::config::{self, Parameter};

use crate::steps::workspace;

const BEGIN: &str = "<!-- table: written by `cargo xtask compatibility` -->";
const END: &str = "<!-- end of table -->";

fn line(row: &cmd::Row) -> String {
    let spec = &row.spec;
    let words = spec.syntax.replace('|', "\\|").replace('<', "&lt;");
    format!("| {} | `{}` | {words} | {} |", spec.group.as_str(), spec.name, spec.since)
}

/// One line for each command.
fn table() -> String {
    let mut lines: Vec<String> = cmd::all().filter(|row| row.parse.is_some()).map(line).collect();
    lines.sort();
    format!("| Family | Command | Words | Since |\n|---|---|---|---|\n{}\n", lines.join("\n"))
}

fn of_parameter(parameter: &Parameter) -> String {
    let alias = parameter.alias_name().map(|alias| format!(" (`{alias}`)")).unwrap_or_default();
    let default = match parameter.default_text() {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let set = if parameter.is_settable() { "yes" } else { "no" };
    let values = parameter.values();
    let effect = parameter.effect().unwrap_or("—");
    format!("| `{}`{alias} | {values} | {default} | {set} | {effect} |", parameter.name())
}

/// One line for each parameter.
fn parameters() -> String {
    let lines: Vec<String> = config::parameters().iter().map(of_parameter).collect();
    format!(
        "| Parameter | Values | Default | CONFIG SET | What it does here |\n|---|---|---|---|---|\n{}\n",
        lines.join("\n")
    )
}

fn replaced(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

pub(crate) fn renew(check: bool) -> Result<(), String> {
    renew_one("COMPATIBILITY.md", &table(), check)?;
    renew_one("docs/configuration.md", &parameters(), check)
}

#[expect(clippy::disallowed_methods, reason = "a document of the repository, not a file of a store")]
fn renew_one(name: &str, table: &str, check: bool) -> Result<(), String> {
    let path = workspace().join(name);
    let document = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let renewed = replaced(&document, table).ok_or_else(|| format!("{name} lacks {BEGIN} or {END}"))?;
    if renewed == document {
        return Ok(());
    }
    if check {
        return Err(format!("{name} is out of date: run `cargo xtask compatibility`"));
    }
    fs::write(&path, renewed).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let renewed = format!("a\n{BEGIN}\nnew\n{END}\nb\n");
        assert_eq!(replaced(&document, "new\n"), Some(renewed.clone()));
        assert_eq!(replaced(&renewed, "new\n"), Some(renewed));
        assert_eq!(replaced("nothing", "new\n"), None);
    }
}
