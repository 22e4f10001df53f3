//! JSON as cjson cuts it into words, numbers that JSON has not included. Knows nothing of Lua, nor of what may follow what.
use redlet_core::number;

/// One word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its bytes are at [`Tokens::string`].
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
}

/// A word and its place, or where and why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) token: Result<Token, &'static str>,
    /// In bytes, from 0 on.
    pub(super) at: usize,
}

impl Found {
    /// As messages have it.
    pub(super) const fn name(&self) -> &'static str {
        match self.token {
            Ok(Token::ObjectBegin) => "T_OBJ_BEGIN",
            Ok(Token::ObjectEnd) => "T_OBJ_END",
            Ok(Token::ArrayBegin) => "T_ARR_BEGIN",
            Ok(Token::ArrayEnd) => "T_ARR_END",
            Ok(Token::String) => "T_STRING",
            Ok(Token::Number(_)) => "T_NUMBER",
            Ok(Token::Boolean(_)) => "T_BOOLEAN",
            Ok(Token::Null) => "T_NULL",
            Ok(Token::Colon) => "T_COLON",
            Ok(Token::Comma) => "T_COMMA",
            Ok(Token::End) => "T_END",
            Err(why) => why,
        }
    }
}

/// A text that is cut into words.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    string: Vec<u8>,
    takes_invalid_numbers: bool,
}

impl<'t> Tokens<'t> {
    /// A zero byte ends the text.
    pub(super) fn new(text: &'t [u8], takes_invalid_numbers: bool) -> Self {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        Self { text: &text[..end], at: 0, string: Vec::new(), takes_invalid_numbers }
    }

    /// Where the next word is looked for.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The last string's bytes.
    pub(super) fn string(&self) -> &[u8] {
        &self.string
    }

    /// The next word. After one that is none, nothing is to be asked any more.
    pub(super) fn next(&mut self) -> Found {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| !is_space(byte)).unwrap_or(rest.len());
        let (at, rest) = (self.at, &self.text[self.at..]);
        let (token, length) = match rest {
            [] => (Ok(Token::End), 0),
            [b'{', ..] => (Ok(Token::ObjectBegin), 1),
            [b'}', ..] => (Ok(Token::ObjectEnd), 1),
            [b'[', ..] => (Ok(Token::ArrayBegin), 1),
            [b']', ..] => (Ok(Token::ArrayEnd), 1),
            [b':', ..] => (Ok(Token::Colon), 1),
            [b',', ..] => (Ok(Token::Comma), 1),
            [b'"', ..] => return self.cut_string(at),
            [b't', b'r', b'u', b'e', ..] => (Ok(Token::Boolean(true)), 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Ok(Token::Boolean(false)), 5),
            [b'n', b'u', b'l', b'l', ..] => (Ok(Token::Null), 4),
            [b'-' | b'0'..=b'9', ..] if self.takes_invalid_numbers || !is_invalid_number(rest) => {
                number(rest)
            }
            [b'-' | b'0'..=b'9', ..] => (Err("invalid number"), 0),
            [b'+' | b'i' | b'I' | b'n' | b'N', ..]
                if self.takes_invalid_numbers && is_invalid_number(rest) =>
            {
                number(rest)
            }
            _ => (Err("invalid token"), 0),
        };
        self.at += length;
        Found { token, at }
    }

    fn cut_string(&mut self, open: usize) -> Found {
        self.string.clear();
        let mut at = open + 1;
        loop {
            let rest = &self.text[at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
            self.string.extend_from_slice(&rest[..plain]);
            at += plain;
            let escaped = match rest[plain..] {
                [] => return Found { token: Err("unexpected end of string"), at },
                [b'"', ..] => {
                    self.at = at + 1;
                    return Found { token: Ok(Token::String), at: open };
                }
                [_, byte @ (b'"' | b'\\' | b'/'), ..] => byte,
                [_, b'b', ..] => 8,
                [_, b't', ..] => b'\t',
                [_, b'n', ..] => b'\n',
                [_, b'f', ..] => 12,
                [_, b'r', ..] => b'\r',
                [_, b'u', ..] => {
                    let Some((character, length)) = unicode_escape(&rest[plain..]) else {
                        return Found { token: Err("invalid unicode escape code"), at };
                    };
                    self.string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    at += length;
                    continue;
                }
                _ => return Found { token: Err("invalid escape code"), at },
            };
            self.string.push(escaped);
            at += 2;
        }
    }
}

/// What begins with a sign or a digit, or is a number with a name, and how long it is.
fn number(text: &[u8]) -> (Result<Token, &'static str>, usize) {
    match number::leading_f64(text) {
        Some((value, length)) => (Ok(Token::Number(value)), length),
        None => (Err("invalid number"), 0),
    }
}

/// Whether a number begins in a way that JSON has not: a plus sign, a zero before another digit, hexadecimal digits, a name.
fn is_invalid_number(text: &[u8]) -> bool {
    let named = |text: &[u8]| {
        text.get(..3)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"inf") || name.eq_ignore_ascii_case(b"nan"))
    };
    match text.strip_prefix(b"-").unwrap_or(text) {
        _ if text.starts_with(b"+") => true,
        [b'0', b'0'..=b'9' | b'x' | b'X', ..] => true,
        unsigned => named(unsigned),
    }
}

/// The character that `\uXXXX` stands for, or two of them for those beyond 16 bits, and how long that is.
fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |text: &[u8]| {
        let digits = text.strip_prefix(br"\u")?.get(..4)?;
        digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    };
    let first = unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = unit(&text[6..])?;
    let is_pair = (0xD800..0xDC00).contains(&first) && (0xDC00..0xE000).contains(&second);
    is_pair.then(|| {
        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).map(|pair| (pair, 12))
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Found> {
        let mut tokens = Tokens::new(text.as_bytes(), true);
        let mut found = Vec::new();
        while found.last().is_none_or(|last: &Found| !matches!(last.token, Ok(Token::End) | Err(_))) {
            found.push(tokens.next());
        }
        found
    }

    fn string(text: &str) -> Result<String, (&'static str, usize)> {
        let mut tokens = Tokens::new(text.as_bytes(), true);
        let found = tokens.next();
        match found.token {
            Ok(_) => Ok(String::from_utf8(tokens.string().to_vec()).unwrap()),
            Err(why) => Err((why, found.at)),
        }
    }

    #[test]
    fn words_have_their_places() {
        let found = |token, at| Found { token: Ok(token), at };
        assert_eq!(
            words(" {\"a\" : [1.5,null]}\0x"),
            [
                found(Token::ObjectBegin, 1),
                found(Token::String, 2),
                found(Token::Colon, 6),
                found(Token::ArrayBegin, 8),
                found(Token::Number(1.5), 9),
                found(Token::Comma, 12),
                found(Token::Null, 13),
                found(Token::ArrayEnd, 17),
                found(Token::ObjectEnd, 18),
                found(Token::End, 19),
            ]
        );
        assert_eq!(words("tru"), [Found { token: Err("invalid token"), at: 0 }]);
    }

    #[test]
    fn escapes_stand_for_characters() {
        assert_eq!(string(r#""a\/\"\\\b\f\n\r\t""#).as_deref(), Ok("a/\"\\\u{8}\u{c}\n\r\t"));
        assert_eq!(string(r#""\u0041\u20ac\ud83d\ude00""#).as_deref(), Ok("A€😀"));
        let halves = [r#""a\ud83d""#, r#""a\ud83d\u0041""#, r#""a\ude00""#, r#""a\u12g4""#, r#""a\u12"#];
        halves
            .iter()
            .for_each(|half| assert_eq!(string(half), Err(("invalid unicode escape code", 2)), "{half}"));
        assert_eq!(string(r#""a\x""#), Err(("invalid escape code", 2)));
        assert_eq!(string("\"abc"), Err(("unexpected end of string", 4)));
    }

    #[test]
    fn numbers_that_json_has_not_are_taken_or_refused() {
        for text in ["01", "-01", "0x10", "+1", "nan", "-inf", "Infinity"] {
            let first = |takes| Tokens::new(text.as_bytes(), takes).next().token;
            assert!(matches!(first(true), Ok(Token::Number(_))), "{text}");
            assert!(first(false).is_err(), "{text}");
        }
        for text in ["0", "-0", "1.", "-.5", "1e400"] {
            assert!(
                matches!(Tokens::new(text.as_bytes(), false).next().token, Ok(Token::Number(_))),
                "{text}"
            );
        }
    }
}
