//! A line as words, by redis-cli's rules.

/// The words of a line; `None` if its quotes do not match.
///
/// Double quotes know `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH`; single quotes know `\'`. A closing quote ends its word.
pub(crate) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut words, mut rest) = (Vec::new(), line.trim_ascii_start());
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Some(words)
}

fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Some((word, rest)),
            [byte, ..] if byte.is_ascii_whitespace() => return Some((word, rest)),
            [quote @ (b'"' | b'\''), inside @ ..] => {
                let after = quoted(*quote, inside, &mut word)?;
                // A closing quote must be followed by a space or nothing.
                return after.first().is_none_or(u8::is_ascii_whitespace).then_some((word, after));
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn quoted<'l>(quote: u8, mut rest: &'l [u8], word: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        rest = match (quote, rest) {
            (_, []) => return None,
            (quote, [byte, after @ ..]) if *byte == quote => return Some(after),
            (b'\'', [b'\\', b'\'', after @ ..]) => {
                word.push(b'\'');
                after
            }
            (b'"', [b'\\', b'x', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
                word.push(digit(*high) << 4 | digit(*low));
                after
            }
            (b'"', [b'\\', escaped, after @ ..]) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            (_, [byte, after @ ..]) => {
                word.push(*byte);
                after
            }
        };
    }
}

/// Where the last word of a line begins that is still being typed, and what it says so far. Its quote may be open.
pub(crate) fn last(line: &[u8]) -> (usize, Vec<u8>) {
    let mut rest = line.trim_ascii_start();
    loop {
        let start = line.len() - rest.len();
        match word(rest) {
            Some((word, [])) => return (start, word),
            Some((_, after)) => rest = after.trim_ascii_start(),
            None => {
                let closed = |quote: u8| word(&[rest, &[quote]].concat()).map(|(word, _)| word);
                return (start, closed(b'"').or_else(|| closed(b'\'')).unwrap_or_default());
            }
        }
    }
}

/// The commands in what was typed or pasted, one a line. A line break between quotes belongs to its word; empty lines and lines
/// that begin with `#` are no commands.
pub(crate) fn lines(mut text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    while !text.is_empty() {
        let (line, rest) = text.split_at(end_of_line(text.as_bytes()));
        lines.push(line);
        text = rest.strip_prefix('\n').unwrap_or(rest);
    }
    lines.retain(|line| !is_remark(line.as_bytes()));
    lines
}

/// Whether a line is empty or begins with `#`.
pub(crate) fn is_remark(line: &[u8]) -> bool {
    line.trim_ascii_start().first().is_none_or(|&byte| byte == b'#')
}

/// Where the first line ends. A quote that is never closed runs to the end of the text: what follows it may be meant as part of
/// a word, and is not to be run as commands.
fn end_of_line(text: &[u8]) -> usize {
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if is_remark(first) {
        return first.len();
    }
    let (mut at, mut open) = (0, None);
    while let Some(&byte) = text.get(at) {
        match (open, byte) {
            (None, b'\n') => return at,
            (None, b'"' | b'\'') => open = Some(byte),
            (Some(b'"'), b'\\') => at += 1,
            (Some(b'\''), b'\\') if text.get(at + 1) == Some(&b'\'') => at += 1,
            (Some(quote), byte) if quote == byte => open = None,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Bytes in double quotes, as redis-cli shows them.
pub(crate) fn quote(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("\"");
    for &byte in bytes {
        let _ = match byte {
            b'\\' | b'"' => write!(text, "\\{}", byte as char),
            b'\n' => write!(text, "\\n"),
            b'\r' => write!(text, "\\r"),
            b'\t' => write!(text, "\\t"),
            7 => write!(text, "\\a"),
            8 => write!(text, "\\b"),
            b' '..=b'~' => write!(text, "{}", byte as char),
            _ => write!(text, "\\x{byte:02x}"),
        };
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_redis_cli_splits_them() {
        let split = |line: &str| split(line.as_bytes());
        let words = |words: &[&[u8]]| Some(words.iter().map(|word| word.to_vec()).collect::<Vec<_>>());
        assert_eq!(split("  SET  k   v "), words(&[b"SET", b"k", b"v"]));
        assert_eq!(split(r#"SET k "a b\n\x00\"" "#), words(&[b"SET", b"k", b"a b\n\0\""]));
        assert_eq!(split(r"SET k 'it\'s \n'"), words(&[b"SET", b"k", br"it's \n"]));
        assert_eq!(split(r#"SET "" ''"#), words(&[b"SET", b"", b""]));
        for unbalanced in [r#"SET "k"#, "SET 'k", r#"SET "a"b"#] {
            assert_eq!(split(unbalanced), None, "{unbalanced}");
        }
    }

    #[test]
    fn a_pasted_line_is_a_command_unless_its_break_is_quoted() {
        assert_eq!(lines("DEL a\nGET b\n"), ["DEL a", "GET b"]);
        assert_eq!(lines("\n  # it's a remark\nGET b\n\n\nGET c"), ["GET b", "GET c"]);
        assert_eq!(lines("SET k \"a\nb\"\nGET k"), ["SET k \"a\nb\"", "GET k"]);
        assert_eq!(lines("SET k \"a\\\"\nb\"\nGET k"), ["SET k \"a\\\"\nb\"", "GET k"]);
        assert_eq!(lines("SET k 'it\\'s\nb\\\\' \nGET k"), ["SET k 'it\\'s\nb\\\\' \nGET k"]);
        assert_eq!(lines("SET k 'a\\n'\nGET k"), ["SET k 'a\\n'", "GET k"]);
        assert_eq!(lines("SET k \"open\nFLUSHALL"), ["SET k \"open\nFLUSHALL"]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn what_is_quoted_can_be_split_again() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(split(quote(&bytes).as_bytes()), Some(vec![bytes]));
    }
}
