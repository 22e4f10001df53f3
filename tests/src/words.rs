//! Command lines as redis-cli reads and prints them. Knows quoting; knows nothing of what a command means.
//!
//! Two words are not redis-cli's, so that tables stay readable: `%fill:65:x` is 65 times `x`, and
//! `%repeat:1..512:f%:v%` is `f1 v1 f2 v2` and so on.
use std::fmt::Write as _;

/// The words of a line, as they stand in it, quotes included.
///
/// # Errors
/// A quote that does not end, or that is followed by something other than a space.
pub fn tokens(line: &str) -> Result<Vec<&str>, String> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        if matches!(bytes[at], b'"' | b'\'') {
            at = end_of_quote(bytes, at).ok_or_else(|| format!("a quote does not end: {line}"))?;
            if bytes.get(at).is_some_and(|byte| !byte.is_ascii_whitespace()) {
                return Err(format!("a space is missing after a quote: {line}"));
            }
        } else {
            while at < bytes.len() && !bytes[at].is_ascii_whitespace() {
                at += 1;
            }
        }
        found.push(&line[start..at]);
    }
    Ok(found)
}

/// The position after the quote that opens at `open`.
pub fn end_of_quote(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == bytes[open] => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The words that a line stands for.
///
/// # Errors
/// As [`tokens`].
pub fn parse(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    for token in tokens(line)? {
        if let Some(rule) = token.strip_prefix("%fill:") {
            let (count, text) = rule.split_once(':').ok_or("%fill:COUNT:TEXT")?;
            words.push(text.repeat(count.parse().map_err(|_| format!("not a count: {count}"))?).into_bytes());
        } else if let Some(rule) = token.strip_prefix("%repeat:") {
            let mut parts = rule.split(':');
            let range = parts.next().unwrap_or_default();
            let bounds = range.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            let (first, last): (i64, i64) = bounds.ok_or_else(|| format!("not a range: {range}"))?;
            let patterns: Vec<&str> = parts.collect();
            for number in first..=last {
                words.extend(patterns.iter().map(|p| p.replace('%', &number.to_string()).into_bytes()));
            }
        } else {
            words.push(unquote(token));
        }
    }
    Ok(words)
}

/// What a word in quotes stands for; a bare word stands for itself.
pub fn unquote(token: &str) -> Vec<u8> {
    let bytes = token.as_bytes();
    let inner = |quote: u8| bytes.len() >= 2 && bytes[0] == quote;
    if inner(b'\'') {
        return token[1..token.len() - 1].replace("\\'", "'").into_bytes();
    }
    if !inner(b'"') {
        return bytes.to_vec();
    }
    let mut plain = Vec::new();
    let mut rest = bytes[1..bytes.len() - 1].iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(b't') => plain.push(b'\t'),
            Some(b'a') => plain.push(7),
            Some(b'b') => plain.push(8),
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                plain.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

/// Any bytes in double quotes.
pub fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', byte.into()]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            0x20..=0x7e => text.push(byte.into()),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push('"');
    text
}

/// A command line that redis-cli would read as these words.
pub fn line(words: &[Vec<u8>]) -> String {
    let bare = |word: &[u8]| {
        !word.is_empty()
            && word.iter().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'%'))
    };
    let shown: Vec<String> = words
        .iter()
        .map(|word| if bare(word) { String::from_utf8_lossy(word).into_owned() } else { quote(word) })
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_quoting() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unquote(&quote(&all)), all);
        assert_eq!(
            parse(&line(&[all.clone(), Vec::new(), b"a b".to_vec()])),
            Ok(vec![all, vec![], b"a b".to_vec()])
        );
    }

    #[test]
    fn repeated_words_are_written_out() {
        assert_eq!(parse("H k %repeat:1..2:f%:v%"), parse("H k f1 v1 f2 v2"));
        assert_eq!(parse("%fill:3:ab"), parse("ababab"));
    }

    #[test]
    fn a_quote_without_end_is_refused() {
        assert!(parse("SET k \"abc").is_err());
    }
}
