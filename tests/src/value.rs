//! An answer as it comes over the wire, in either protocol, and its text in the tables.
//!
//! Kept apart from redlet's own `Reply` on purpose: a fault there must not be able to hide itself here.
use std::fmt;

use crate::words;

/// One answer, in the types of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `_` or `$-1`.
    Null,
    /// `*-1`, which only RESP2 has.
    NullArray,
    /// A short word such as `OK`.
    Status(String),
    /// A refusal, code first.
    Error(String),
    /// A whole number.
    Integer(i64),
    /// A number as the server wrote it.
    Double(String),
    /// A whole number that has more digits than an integer.
    BigNumber(String),
    /// True or false.
    Boolean(bool),
    /// A string.
    Bulk(Vec<u8>),
    /// Text for people, without its three-letter format.
    Verbatim(Vec<u8>),
    /// Answers in order.
    Array(Vec<Value>),
    /// Answers without order.
    Set(Vec<Value>),
    /// Keys and values.
    Map(Vec<(Value, Value)>),
    /// What comes without having been asked for just now, which only RESP3 can tell from an answer.
    Push(Vec<Value>),
}

/// An answer in both protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// After `HELLO 3`.
    pub resp3: Value,
    /// After `HELLO 2`.
    pub resp2: Value,
}

impl Value {
    /// What RESP2 shows for an answer in RESP3's types when nothing but the types is lost.
    #[must_use]
    pub fn derived_resp2(&self) -> Self {
        match self {
            Value::Double(text) | Value::BigNumber(text) => Value::Bulk(text.clone().into_bytes()),
            Value::Boolean(yes) => Value::Integer((*yes).into()),
            Value::Verbatim(text) => Value::Bulk(text.clone()),
            Value::Array(items) | Value::Set(items) | Value::Push(items) => {
                Value::Array(items.iter().map(Value::derived_resp2).collect())
            }
            Value::Map(pairs) => Value::Array(
                pairs.iter().flat_map(|(key, value)| [key.derived_resp2(), value.derived_resp2()]).collect(),
            ),
            other => other.clone(),
        }
    }

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// The place where the text stops making sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(message) = text.strip_prefix("(error) ").filter(|message| !message.starts_with('"')) {
            return Ok(Value::Error(message.to_owned()));
        }
        let mut reader = Reader { text, at: 0 };
        let value = reader.value()?;
        if reader.at < text.len() {
            return Err(format!("more follows after an answer: {}", reader.rest()));
        }
        Ok(value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |text: &str| !text.starts_with('"') && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        match self {
            Value::Error(message) if plain(message) => write!(f, "(error) {message}"),
            _ => self.write_nested(f),
        }
    }
}

impl Value {
    fn write_nested(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value]) -> fmt::Result {
            f.write_str(open)?;
            for (index, item) in items.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                item.write_nested(f)?;
            }
            f.write_str("]")
        }
        match self {
            Value::Null => f.write_str("(nil)"),
            Value::NullArray => f.write_str("(nil array)"),
            Value::Status(text) if is_bare(text) => f.write_str(text),
            Value::Status(text) => write!(f, "(status) {}", words::quote(text.as_bytes())),
            Value::Error(message) => write!(f, "(error) {}", words::quote(message.as_bytes())),
            Value::Integer(number) => write!(f, "(integer) {number}"),
            Value::Double(text) => write!(f, "(double) {text}"),
            Value::BigNumber(digits) => write!(f, "(big number) {digits}"),
            Value::Boolean(yes) => write!(f, "({yes})"),
            Value::Bulk(bytes) => f.write_str(&words::quote(bytes)),
            Value::Verbatim(bytes) => write!(f, "(verbatim) {}", words::quote(bytes)),
            Value::Array(items) => list(f, "[", items),
            Value::Set(items) => list(f, "~[", items),
            Value::Push(items) => list(f, ">[", items),
            Value::Map(pairs) => {
                f.write_str("{")?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    key.write_nested(f)?;
                    f.write_str(": ")?;
                    value.write_nested(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Whether a status can stand without quotes and be read back.
fn is_bare(status: &str) -> bool {
    !status.is_empty() && status.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find([',', ']', '}', ':']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let rest = self.rest();
        let end = (rest.starts_with('"')).then(|| words::end_of_quote(rest.as_bytes(), 0)).flatten();
        let end = end.ok_or_else(|| format!("a string should stand here: {rest}"))?;
        self.at += end;
        Ok(words::unquote(&rest[..end]))
    }

    fn items(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        while !self.take(close) {
            item(self)?;
            if !self.take(", ") && !self.rest().starts_with(close) {
                return Err(format!("a comma or {close} should stand here: {}", self.rest()));
            }
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value, String> {
        let string = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if self.take("(nil)") {
            Ok(Value::Null)
        } else if self.take("(nil array)") {
            Ok(Value::NullArray)
        } else if self.take("(true)") {
            Ok(Value::Boolean(true))
        } else if self.take("(false)") {
            Ok(Value::Boolean(false))
        } else if self.take("(integer) ") {
            let digits = self.bare();
            digits.parse().map(Value::Integer).map_err(|_| format!("not an integer: {digits}"))
        } else if self.take("(double) ") {
            Ok(Value::Double(self.bare().to_owned()))
        } else if self.take("(big number) ") {
            Ok(Value::BigNumber(self.bare().to_owned()))
        } else if self.take("(verbatim) ") {
            self.quoted().map(Value::Verbatim)
        } else if self.take("(status) ") {
            self.quoted().map(|bytes| Value::Status(string(bytes)))
        } else if self.take("(error) ") {
            self.quoted().map(|bytes| Value::Error(string(bytes)))
        } else if self.rest().starts_with('"') {
            self.quoted().map(Value::Bulk)
        } else if self.take("[") {
            self.list().map(Value::Array)
        } else if self.take(">[") {
            self.list().map(Value::Push)
        } else if self.take("~[") {
            self.list().map(Value::Set)
        } else if self.take("{") {
            let mut pairs = Vec::new();
            self.items("}", |reader| {
                let key = reader.value()?;
                if !reader.take(": ") {
                    return Err(format!("a colon should stand here: {}", reader.rest()));
                }
                pairs.push((key, reader.value()?));
                Ok(())
            })?;
            Ok(Value::Map(pairs))
        } else {
            match self.bare() {
                "" => Err(format!("an answer should stand here: {}", self.rest())),
                word => Ok(Value::Status(word.to_owned())),
            }
        }
    }

    fn list(&mut self) -> Result<Vec<Value>, String> {
        let mut items = Vec::new();
        self.items("]", |reader| {
            items.push(reader.value()?);
            Ok(())
        })?;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_answer_reads_back_as_that_answer() {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        let values = [
            Value::Null,
            Value::NullArray,
            Value::Status("OK".into()),
            Value::Status("GET <pattern>, \"x\"".into()),
            Value::Status(String::new()),
            Value::Error("ERR syntax error".into()),
            Value::Error("ERR unknown '\n'".into()),
            Value::Integer(-7),
            Value::Double("-inf".into()),
            Value::BigNumber("18446744073709551614".into()),
            Value::Boolean(true),
            bulk("a, \"b\"]}"),
            Value::Verbatim(b"x:y".to_vec()),
            Value::Array(vec![]),
            Value::Set(vec![bulk(""), Value::Null]),
            Value::Push(vec![bulk("message"), Value::Integer(1)]),
            Value::Map(vec![(bulk("k"), Value::Array(vec![Value::Double("1.5".into()), Value::Integer(1)]))]),
            Value::Array(vec![Value::Error("ERR, ]".into()), Value::Status("string".into())]),
        ];
        for value in values {
            assert_eq!(Value::parse(&value.to_string()), Ok(value));
        }
    }
}
