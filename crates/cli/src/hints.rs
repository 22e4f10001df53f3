//! What may follow while a line is typed: the rest of a command's syntax, names of commands, names of keys.
use redlet::core::cmd::{self, Row};
use redlet::{Commands, Redis, ScanOptions};

use crate::words;

/// The command that a line begins with, and how many of its words are the name.
fn command(words: &[Vec<u8>]) -> Option<(&'static Row, usize)> {
    let first = words.first()?;
    if let Some(second) = words.get(1)
        && let Some(row) = cmd::row(&[first, &b" "[..], second].concat())
    {
        return Some((row, 2));
    }
    cmd::row(first).map(|row| (row, 1))
}

/// The parts of a syntax at its top level: a bracket with all that is in it is one part.
fn parts(syntax: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, byte) in syntax.bytes().enumerate() {
        match byte {
            b'[' | b'<' => depth += 1,
            b']' | b'>' => depth -= 1,
            b' ' if depth == 0 => {
                parts.push(&syntax[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&syntax[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The rest of the syntax of the command on a line: words that were typed drop out of it.
pub(crate) fn hint(line: &str) -> Option<String> {
    let ends_word = line.ends_with(char::is_whitespace);
    let words = words::split(line.as_bytes())?;
    let (row, name_words) = command(&words)?;
    let mut typed = words.get(name_words..)?;
    if !ends_word {
        // A word that is still being typed counts only once it is begun.
        if typed.is_empty() && words.len() == name_words && !row.spec.syntax.is_empty() {
            return Some(format!(" {}", row.spec.syntax));
        }
        if typed.is_empty() {
            return None;
        }
    }
    let mut left = parts(row.spec.syntax);
    while let Some((word, rest)) = typed.split_first() {
        let word = String::from_utf8_lossy(word).to_ascii_uppercase();
        let is_named = |part: &&str| {
            part.trim_start_matches(['[', '<']).split([' ', ']', '>', '|']).any(|token| token == word)
                && part.starts_with(['[', '<'])
        };
        if let Some(at) = left.iter().position(is_named) {
            let arguments = left[at].split(" | ").find(|choice| choice.contains(&*word)).unwrap_or(left[at]);
            let follow = arguments.trim_matches(['[', ']', '<', '>']).split(' ').count() - 1;
            left.remove(at);
            typed = rest.get(follow.min(rest.len())..).unwrap_or_default();
            continue;
        }
        // An argument that must be given: options that could have come before it no longer can.
        if let Some(at) = left.iter().position(|part| !part.starts_with('[')) {
            left.drain(..=at);
        }
        typed = rest;
    }
    let rest = left.join(" ");
    let gap = if ends_word { "" } else { " " };
    (!rest.is_empty()).then(|| format!("{gap}{rest}"))
}

/// How many keys are offered at most.
const KEYS_OFFERED: usize = 50;

/// What the last word of a line can become, and where that word begins.
pub(crate) fn complete(redis: &Redis, line: &str) -> (usize, Vec<String>) {
    let (start, typed) = words::last(line.as_bytes());
    let (before, word) = line.split_at(start);
    let container = before.trim().to_ascii_uppercase();
    let fold = |name: &str| {
        if word.starts_with(|first: char| first.is_ascii_lowercase()) {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        }
    };
    let names: Vec<String> = if container.is_empty() {
        cmd::all().map(|row| row.spec.name).filter(|name| !name.contains(' ')).map(fold).collect()
    } else {
        let prefix = format!("{container} ");
        cmd::all().filter_map(|row| row.spec.name.strip_prefix(&prefix)).map(fold).collect()
    };
    let mut found: Vec<String> = names.into_iter().filter(|name| name.starts_with(word)).collect();
    if !container.is_empty() && found.is_empty() {
        let mut pattern = typed.clone();
        pattern.iter_mut().filter(|byte| b"*?[\\".contains(byte)).for_each(|byte| *byte = b'?');
        pattern.push(b'*');
        let keys = redis.scan_iter(ScanOptions::default().matching(&pattern).count(1000));
        found = keys
            .flatten()
            .filter(|key| key.starts_with(&typed))
            .take(KEYS_OFFERED)
            .map(|key| {
                let text = String::from_utf8_lossy(&key);
                let is_plain = key.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
                if is_plain { text.into_owned() } else { words::quote(&key) }
            })
            .collect();
        found.sort();
    }
    (start, found)
}

/// What `help COMMAND` says.
pub(crate) fn help(name: &str) -> String {
    let Some(row) = cmd::row(name.as_bytes()) else {
        return format!("There is no command {name:?}. Press Tab to see them all.\n");
    };
    let spec = &row.spec;
    format!(
        "\n  {} {}\n  summary: {}\n  since: {}\n  group: {}\n  complexity: {}\n\n",
        spec.name,
        spec.syntax,
        spec.summary,
        spec.since,
        spec.group.as_str(),
        spec.complexity
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_drops_out_of_the_hint() {
        assert_eq!(hint("get").as_deref(), Some(" key"));
        assert_eq!(hint("GET ").as_deref(), Some("key"));
        assert_eq!(hint("GET k"), None);
        assert_eq!(
            hint("ZADD k ").as_deref(),
            Some("[NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]")
        );
        assert_eq!(
            hint("ZADD k NX ").as_deref(),
            Some("[GT | LT] [CH] [INCR] score member [score member ...]")
        );
        assert_eq!(hint("ZADD k 1 ").as_deref(), Some("member [score member ...]"));
        assert_eq!(
            hint("ZRANGE z 0 -1 REV ").as_deref(),
            Some("[BYSCORE | BYLEX] [LIMIT offset count] [WITHSCORES]")
        );
        assert_eq!(hint("config get ").as_deref(), Some("parameter [parameter ...]"));
        assert_eq!(hint("nosuch "), None);
    }

    #[test]
    fn commands_subcommands_and_keys_are_completed() {
        let redis = Redis::memory();
        redis.mset([("user:1", 1), ("user:2", 2), ("other", 3)]).unwrap();
        assert_eq!(complete(&redis, "zrangeb").1, ["zrangebylex", "zrangebyscore"]);
        assert_eq!(complete(&redis, "CONFIG RE").1, ["RESETSTAT", "REWRITE"]);
        assert_eq!(complete(&redis, "GET us"), (4, vec!["user:1".into(), "user:2".into()]));
        redis.mset([("my key", 1), ("my *", 2)]).unwrap();
        assert_eq!(complete(&redis, "GET my").1, ["\"my *\"", "\"my key\""]);
        assert_eq!(complete(&redis, "GET \"my k"), (4, vec!["\"my key\"".into()]));
        assert_eq!(complete(&redis, "MGET a 'my *"), (7, vec!["\"my *\"".into()]));
        assert_eq!(complete(&redis, "GET ").1.len(), 5);
    }
}
