//! A line as words, by the rules of redis-cli, of `redis.conf` and of commands without a protocol.
use std::fmt::Write;

/// The words of a line; `None` if its quotes do not match.
///
/// Double quotes know `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH`; single quotes know `\'`. A closing quote ends its word.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut words, mut rest) = (Vec::new(), trim_start(line));
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = trim_start(after);
    }
    Some(words)
}

/// The first word of a line and what follows it; `None` if its quotes do not match. The line begins with the word.
pub fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] | [b' ' | b'\t' | b'\n' | b'\r', ..] => return Some((word, rest)),
            [quote @ (b'"' | b'\''), inside @ ..] => {
                let after = quoted(*quote, inside, &mut word)?;
                // A closing quote must be followed by a space or nothing.
                return after.first().is_none_or(|byte| is_space(*byte)).then_some((word, after));
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

/// A line without the spaces that it begins with.
pub fn trim_start(line: &[u8]) -> &[u8] {
    &line[line.iter().take_while(|byte| is_space(**byte)).count()..]
}

/// White space to Redis: C's `isspace`. Before a word and after a closing quote all of these bytes count, but only some of them end a word.
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
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

/// Bytes in double quotes, as redis-cli shows them.
pub fn quote(bytes: &[u8]) -> String {
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
        assert_eq!(split(r#"ab"cd" "\x4""#), words(&[b"abcd", b"x4"]));
        assert_eq!(split("\x0b\x0cECHO a\x0bb\r"), words(&[b"ECHO", b"a\x0bb"]));
        for unbalanced in [r#"SET "a""b""#, "SET \"a\\", r#"SET "k"#, "SET 'k", r#"SET "a"b"#] {
            assert_eq!(split(unbalanced), None, "{unbalanced}");
        }
    }

    #[test]
    fn what_is_quoted_can_be_split_again() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(split(quote(&bytes).as_bytes()), Some(vec![bytes]));
    }
}
