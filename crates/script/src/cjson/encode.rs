//! Lua values into JSON.
//!
//! What is open lies on Lua's stack, as in `decode`.
use super::settings::{InvalidNumbers, JsonSettings};
use crate::number_text::general;
use crate::state::{Kind, Raise, Stack};

/// What is being written around the value on top.
#[derive(Clone, Copy)]
enum Open {
    /// The elements from 1 up to a last one; on top is the one at an index, but for index 0 the table.
    Array { index: i32, last: i32 },
    /// On top is a value above its key, or just the table.
    Object { is_new: bool },
}

/// `cjson.encode`
pub(super) fn encode(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() != 1 {
        return Err(stack.bad_argument(1, "expected 1 argument"));
    }
    let settings = JsonSettings::of(stack);
    let mut writer = Writer { settings, text: Vec::new(), around: Vec::new() };
    writer.write_value(stack)?;
    stack.push_bytes(writer.text);
    Ok(1)
}

fn refuse(stack: &mut Stack<'_>, what: &str, why: &str) -> Raise {
    stack.raise_here(format!("Cannot serialise {what}: {why}"))
}

struct Writer {
    settings: JsonSettings,
    text: Vec<u8>,
    around: Vec<Open>,
}

impl Writer {
    /// Writes the value on top.
    fn write_value(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        loop {
            stack.expect_free_bytes(self.text.len())?;
            match stack.kind(-1) {
                Kind::String => self.write_string(stack.bytes(-1).unwrap_or_default()),
                Kind::Number => self.write_number(stack, -1)?,
                Kind::Boolean if stack.boolean(-1) => self.text.extend_from_slice(b"true"),
                Kind::Boolean => self.text.extend_from_slice(b"false"),
                Kind::Nil => self.text.extend_from_slice(b"null"),
                Kind::Pointer if stack.identity(-1).is_null() => self.text.extend_from_slice(b"null"),
                Kind::Table => self.open(stack)?,
                other => return Err(refuse(stack, other.name(), "type not supported")),
            }
            if !self.go_on(stack)? {
                return Ok(());
            }
        }
    }

    /// Begins with the table on top.
    fn open(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        let depth = self.around.len() + 1;
        if depth > self.settings.encode_depth as usize || !stack.has_room(3) {
            return Err(stack.raise_here(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        let opened = match self.array_length(stack)? {
            Some(last @ 1..) => {
                self.text.push(b'[');
                Open::Array { index: 0, last }
            }
            _ => {
                self.text.push(b'{');
                Open::Object { is_new: true }
            }
        };
        self.around.push(opened);
        Ok(())
    }

    /// The greatest index of the table on top, if it has nothing but indexes, and not too few of them.
    fn array_length(&self, stack: &mut Stack<'_>) -> Result<Option<i32>, Raise> {
        let (mut last, mut count) = (0_i32, 0_i32);
        stack.push_nil();
        while stack.next(-2) {
            stack.pop(1);
            let Some(index) = stack.number(-1).filter(|key| key.floor() == *key && *key >= 1.0) else {
                stack.pop(1);
                return Ok(None);
            };
            if index > f64::from(last) {
                // An index of more than 32 bits counts as less than all others, as in C.
                last = if index > f64::from(i32::MAX) { i32::MIN } else { index as i32 };
            }
            count += 1;
        }
        let JsonSettings { gaps_make_objects, sparse_ratio, sparse_from, .. } = self.settings;
        // As in C, where the product wraps around.
        let is_sparse = sparse_ratio > 0 && last > count.wrapping_mul(sparse_ratio) && last > sparse_from;
        match (is_sparse, gaps_make_objects) {
            (false, _) => Ok(Some(last)),
            (true, true) => Ok(None),
            (true, false) => Err(refuse(stack, "table", "excessively sparse array")),
        }
    }

    /// Puts the next value on top that is to be written, with what is written before it; false at the end.
    fn go_on(&mut self, stack: &mut Stack<'_>) -> Result<bool, Raise> {
        loop {
            let Some(innermost) = self.around.last_mut() else { return Ok(false) };
            match innermost {
                Open::Array { index, last } => {
                    if *index > 0 {
                        stack.pop(1);
                    }
                    if *index < *last {
                        if *index > 0 {
                            self.text.push(b',');
                        }
                        *index += 1;
                        stack.raw_get_at(-1, *index);
                        return Ok(true);
                    }
                    self.text.push(b']');
                }
                Open::Object { is_new } => {
                    let is_first = std::mem::replace(is_new, false);
                    if is_first {
                        stack.push_nil();
                    } else {
                        stack.pop(1);
                    }
                    if stack.next(-2) {
                        if !is_first {
                            self.text.push(b',');
                        }
                        self.write_key(stack)?;
                        return Ok(true);
                    }
                    self.text.push(b'}');
                }
            }
            self.around.pop();
        }
    }

    /// Writes the key below the value on top.
    fn write_key(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        match stack.kind(-2) {
            Kind::String => self.write_string(stack.bytes(-2).unwrap_or_default()),
            Kind::Number => {
                self.text.push(b'"');
                self.write_number(stack, -2)?;
                self.text.push(b'"');
            }
            other => return Err(refuse(stack, other.name(), "table key must be a number or string")),
        }
        self.text.push(b':');
        Ok(())
    }

    fn write_number(&mut self, stack: &mut Stack<'_>, place: i32) -> Result<(), Raise> {
        let value = stack.number(place).unwrap_or_default();
        let text = match self.settings.encode_invalid {
            _ if value.is_finite() => {
                self.text.extend_from_slice(general(value, self.settings.precision as usize).as_bytes());
                return Ok(());
            }
            InvalidNumbers::Refused => return Err(refuse(stack, "number", "must not be NaN or Inf")),
            InvalidNumbers::Null => "null",
            InvalidNumbers::Named if value.is_nan() => "nan",
            InvalidNumbers::Named if value > 0.0 => "inf",
            InvalidNumbers::Named => "-inf",
        };
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn write_string(&mut self, string: &[u8]) {
        let is_special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\' | b'/' | 0x7F);
        self.text.push(b'"');
        let mut rest = string;
        while let Some(plain) = rest.iter().position(is_special) {
            self.text.extend_from_slice(&rest[..plain]);
            let byte = rest[plain];
            match byte {
                b'"' | b'\\' | b'/' => self.text.extend_from_slice(&[b'\\', byte]),
                8 => self.text.extend_from_slice(br"\b"),
                b'\t' => self.text.extend_from_slice(br"\t"),
                b'\n' => self.text.extend_from_slice(br"\n"),
                12 => self.text.extend_from_slice(br"\f"),
                b'\r' => self.text.extend_from_slice(br"\r"),
                _ => self.text.extend_from_slice(format!(r"\u{byte:04x}").as_bytes()),
            }
            rest = &rest[plain + 1..];
        }
        self.text.extend_from_slice(rest);
        self.text.push(b'"');
    }
}
