//! Command lines to try, written compactly, and written out.
//!
//! ```text
//! == title                   a section: starts from an empty keyspace
//! # text                     a remark
//! @let kinds = SET k v,...   from here on, $kinds stands for that text
//! SET k v {,NX,XX} {,GET}    one line for each way of choosing: here six
//! SET k v; GET k             two commands
//!   GET k                    an indented line goes on with the line above, so choices multiply across both
//! [unordered] SMEMBERS s     how much of the answer counts (see `comparison`)
//! @advance 1500              so many milliseconds pass
//! ```
//!
//! Braces, commas, semicolons and `$` in quotes stand for themselves.
use std::time::Duration;

use crate::comparison::Comparison;
use crate::words;

/// One command to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The command line.
    pub line: String,
    /// Its words.
    pub words: Vec<Vec<u8>>,
    /// How much of the answer counts.
    pub comparison: Comparison,
}

/// Cases that build on each other, from an empty keyspace on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What they are about.
    pub title: String,
    /// In order.
    pub cases: Vec<Case>,
}

impl Case {
    /// Reads `[mark] COMMAND WORDS`.
    ///
    /// # Errors
    /// A mark or quoting that makes no sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (comparison, line) = Comparison::strip(text.trim())?;
        Ok(Self { line: words::tokens(line)?.join(" "), words: words::parse(line)?, comparison })
    }
}

/// The time that passes, when the words are `@advance MS`.
pub fn advance(words: &[Vec<u8>]) -> Option<Duration> {
    match words {
        [name, ms] if name == b"@advance" => {
            String::from_utf8_lossy(ms).parse().ok().map(Duration::from_millis)
        }
        _ => None,
    }
}

/// Reads a file of cases.
///
/// # Errors
/// The first line that makes no sense, with its number.
pub fn parse(text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    let mut lines =
        text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    while let Some((index, line)) = lines.next() {
        let fault = |what: String| format!("line {}: {what}", index + 1);
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section { title: title.trim().to_owned(), cases: Vec::new() });
        } else if let Some(rule) = line.strip_prefix("@let ") {
            let (name, value) = rule.split_once('=').ok_or_else(|| fault("@let NAME = TEXT".into()))?;
            let value = substitute(value.trim(), &names);
            names.retain(|(known, _)| known != name.trim());
            names.push((name.trim().to_owned(), value));
            names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        } else {
            let mut block = line.to_owned();
            while let Some((_, more)) = lines.next_if(|(_, more)| more.starts_with(' ')) {
                block.push_str("; ");
                block.push_str(more.trim());
            }
            let section =
                sections.last_mut().ok_or_else(|| fault("a command before the first section".into()))?;
            for written_out in expand(&substitute(&block, &names)) {
                for command in
                    split(&written_out, b';').into_iter().filter(|command| !command.trim().is_empty())
                {
                    section.cases.push(Case::parse(command).map_err(fault)?);
                }
            }
        }
    }
    Ok(sections)
}

fn substitute(text: &str, names: &[(String, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
}

/// Cuts at each `separator` that stands outside of quotes and braces.
pub(crate) fn split(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = words::end_of_quote(bytes, at).unwrap_or(bytes.len()) - 1,
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            byte if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

/// The first group in braces: where it opens, and where it closes.
pub(crate) fn braces(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut at, mut open, mut depth) = (0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = words::end_of_quote(bytes, at)? - 1,
            b'{' => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
            }
            b'}' if depth == 1 => return Some((open, at)),
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// What may stand in the place of a group in braces.
pub(crate) fn alternatives(inside: &str) -> Vec<&str> {
    split(inside, b',')
}

/// The text once for each way of choosing from its groups in braces.
pub(crate) fn expand(text: &str) -> Vec<String> {
    let Some((open, close)) = braces(text) else { return vec![text.to_owned()] };
    let (before, after) = (&text[..open], &text[close + 1..]);
    let choices = alternatives(&text[open + 1..close]);
    choices.iter().flat_map(|choice| expand(&format!("{before}{choice}{after}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        parse(text).unwrap().into_iter().flat_map(|section| section.cases).map(|case| case.line).collect()
    }

    #[test]
    fn choices_multiply_across_a_block() {
        let text = "== t\nDEL k; {SET k 1,RPUSH k 2}\n  SET k v {,NX}\n";
        let expected = [
            "DEL k",
            "SET k 1",
            "SET k v",
            "DEL k",
            "SET k 1",
            "SET k v NX",
            "DEL k",
            "RPUSH k 2",
            "SET k v",
            "DEL k",
            "RPUSH k 2",
            "SET k v NX",
        ];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn quotes_protect_what_has_a_meaning() {
        assert_eq!(lines("== t\nSET \"{a,b};\" '{c}'"), ["SET \"{a,b};\" '{c}'"]);
    }

    #[test]
    fn names_stand_for_text_and_longer_names_win() {
        assert_eq!(
            lines("== t\n@let a = x,y\n@let ab = z\nGET {$a}; GET $ab"),
            ["GET x", "GET z", "GET y", "GET z"]
        );
    }
}
