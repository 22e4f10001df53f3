//! A line as words, by redis-cli's rules.
pub(crate) use redlet::core::words::{quote, split};
use redlet::core::words::{trim_start, word};

/// Where the last word of a line begins that is still being typed, and what it says so far. Its quote may be open.
pub(crate) fn last(line: &[u8]) -> (usize, Vec<u8>) {
    let mut rest = trim_start(line);
    loop {
        let start = line.len() - rest.len();
        match word(rest) {
            Some((word, [])) => return (start, word),
            Some((_, after)) => rest = trim_start(after),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
