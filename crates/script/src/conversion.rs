//! Replies as Lua's values, and Lua's values as replies.
use std::borrow::Cow;

use redlet_core::session::Protocol;
use redlet_core::{Error, Reply, Result};

use crate::integers::to_i64;
use crate::state::{Kind, Stack};

/// Tables in tables are answered with up to so many levels, so that nobody's stack overflows.
const DEEPEST: usize = 1000;
/// After so many items it is seen whether a script may have more of them.
const ITEMS_BETWEEN_CHECKS: i32 = 1024;
const TOO_DEEP: &str = "ERR reached lua stack limit";

/// Pushes what `redis.call` returns for a reply. An error is a table, as `redis.pcall` returns it.
pub(crate) fn push_reply(stack: &mut Stack<'_>, reply: Reply, protocol: Protocol) {
    match (reply, protocol) {
        (Reply::Bulk(bytes), _) => stack.push_bytes(&bytes),
        (Reply::Integer(number), _) => stack.push_number(number as f64),
        (Reply::Status(text), _) => push_field(stack, "ok", text.as_bytes()),
        (Reply::Error(error), _) => push_error(stack, &error),
        (Reply::Array(items), _) => push_items(stack, items, protocol),
        (Reply::Silence, _) => stack.push_boolean(false),
        (Reply::Null | Reply::NullArray, Protocol::Resp2) => stack.push_boolean(false),
        (Reply::Null | Reply::NullArray, Protocol::Resp3) => stack.push_nil(),
        (other, Protocol::Resp2) => push_reply_of_resp2(stack, other),
        (other, Protocol::Resp3) => push_reply_of_resp3(stack, other),
    }
}

/// Pushes a reply that is of another type in RESP2.
fn push_reply_of_resp2(stack: &mut Stack<'_>, reply: Reply) {
    match reply.into_resp2() {
        Reply::Array(items) => push_items(stack, items, Protocol::Resp2),
        Reply::Bulk(bytes) => stack.push_bytes(&bytes),
        Reply::Integer(number) => stack.push_number(number as f64),
        simple => {
            debug_assert!(simple.is_null(), "RESP2 has no other types: {simple:?}");
            stack.push_boolean(false);
        }
    }
}

/// Pushes a reply of a type that RESP2 does not have.
fn push_reply_of_resp3(stack: &mut Stack<'_>, reply: Reply) {
    let protocol = Protocol::Resp3;
    match reply.into_resp3() {
        Reply::Double(number) => {
            stack.push_table(0, 1);
            stack.push_number(number);
            stack.raw_set_field(-2, "double");
        }
        Reply::Decimal(digits) => {
            stack.push_table(0, 1);
            stack.push_number(digits.parse().unwrap_or(f64::NAN));
            stack.raw_set_field(-2, "double");
        }
        Reply::Boolean(value) => stack.push_boolean(value),
        Reply::BigNumber(digits) => push_field(stack, "big_number", digits.as_bytes()),
        Reply::Verbatim(text) => {
            stack.push_table(0, 1);
            stack.push_table(0, 2);
            stack.push_bytes("txt");
            stack.raw_set_field(-2, "format");
            stack.push_bytes(&text);
            stack.raw_set_field(-2, "string");
            stack.raw_set_field(-2, "verbatim_string");
        }
        Reply::Map(pairs) => {
            stack.push_table(0, 1);
            stack.push_table(0, pairs.len());
            for (key, value) in pairs {
                push_reply(stack, key, protocol);
                push_reply(stack, value, protocol);
                set_unless_nil(stack);
            }
            stack.raw_set_field(-2, "map");
        }
        Reply::Set(items) => {
            stack.push_table(0, 1);
            stack.push_table(0, items.len());
            for item in items {
                push_reply(stack, item, protocol);
                stack.push_boolean(true);
                set_unless_nil(stack);
            }
            stack.raw_set_field(-2, "set");
        }
        Reply::Attributed { reply, .. } => push_reply(stack, *reply, protocol),
        Reply::Push(items) => push_items(stack, items, protocol),
        other => push_reply(stack, other, protocol),
    }
}

/// Puts the key and the value on top into the table below them; a table has no entry for nil.
fn set_unless_nil(stack: &mut Stack<'_>) {
    if stack.kind(-2) == Kind::Nil {
        stack.pop(2);
    } else {
        stack.raw_set(-3);
    }
}

fn push_items(stack: &mut Stack<'_>, items: Vec<Reply>, protocol: Protocol) {
    stack.push_table(items.len(), 0);
    for (item, index) in items.into_iter().zip(1..) {
        if index % ITEMS_BETWEEN_CHECKS == 0 && stack.is_full() {
            break;
        }
        push_reply(stack, item, protocol);
        stack.raw_set_at(-2, index);
    }
}

fn push_field(stack: &mut Stack<'_>, name: &str, value: &[u8]) {
    stack.push_table(0, 1);
    stack.push_bytes(value);
    stack.raw_set_field(-2, name);
}

/// Pushes an error as scripts see it: a table.
pub(crate) fn push_refusal(stack: &mut Stack<'_>, text: &str) {
    push_field(stack, "err", text.as_bytes());
}

/// Pushes the error of a command, whose table says that it is counted already.
pub(crate) fn push_error(stack: &mut Stack<'_>, error: &Error) {
    push_refusal(stack, &error.to_string());
    stack.push_boolean(true);
    stack.raw_set_field(-2, "ignore_error_stats_update");
}

/// The reply that the value at a place is. Booleans are RESP3's where the script has asked for that protocol.
///
/// # Errors
/// If it takes more memory than a script may have: a few tables that are in each other many times can be without end.
pub(crate) fn to_reply(stack: &mut Stack<'_>, place: i32, protocol: Protocol) -> Result<Reply> {
    let mut reading = Reading { protocol, depth: 0, bytes_left: stack.limit_bytes() };
    let reply = reading.value(stack, place);
    if reading.bytes_left == 0 { Err(Error::Refused("ERR not enough memory".into())) } else { Ok(reply) }
}

struct Reading {
    protocol: Protocol,
    depth: usize,
    /// What the rest of the reply may take. There is no rest when this is 0.
    bytes_left: usize,
}

impl Reading {
    fn value(&mut self, stack: &mut Stack<'_>, place: i32) -> Reply {
        let kind = stack.kind(place);
        let bytes = if kind == Kind::String { stack.length(place) } else { 0 };
        self.bytes_left = self.bytes_left.saturating_sub(size_of::<Reply>() + bytes);
        match kind {
            _ if self.bytes_left == 0 => Reply::Null,
            Kind::String => Reply::bulk(stack.bytes(place).unwrap_or_default()),
            Kind::Number => Reply::Integer(to_i64(stack.number(place).unwrap_or_default())),
            Kind::Boolean if self.protocol == Protocol::Resp3 => Reply::Boolean(stack.boolean(place)),
            Kind::Boolean if stack.boolean(place) => Reply::Integer(1),
            Kind::Table if self.depth == DEEPEST => Reply::Error(Error::Refused(TOO_DEEP.into())),
            Kind::Table => {
                self.depth += 1;
                let place = stack.absolute(place);
                let reply = self.table(stack, place);
                self.depth -= 1;
                reply
            }
            _ => Reply::Null,
        }
    }

    fn table(&mut self, stack: &mut Stack<'_>, table: i32) -> Reply {
        if let Some(text) = text_field(stack, table, "err") {
            let text = until_zero(&text);
            let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
            return Reply::Error(Error::Refused(one_line(&text[..end]).into()));
        }
        if let Some(text) = text_field(stack, table, "ok") {
            return Reply::Status(one_line(until_zero(&text)).into());
        }
        if let Some(reply) = field(stack, table, "double", |stack| stack.number(-1).map(Reply::Double)) {
            return reply;
        }
        if let Some(digits) = text_field(stack, table, "big_number") {
            return Reply::BigNumber(one_line(&digits).into());
        }
        let verbatim = field(stack, table, "verbatim_string", |stack| {
            if stack.kind(-1) != Kind::Table {
                return None;
            }
            let table = stack.absolute(-1);
            text_field(stack, table, "format")?;
            text_field(stack, table, "string")
        });
        if let Some(text) = verbatim {
            return Reply::Verbatim(String::from_utf8_lossy(&text).into_owned());
        }
        let map = field(stack, table, "map", |stack| {
            self.entries(stack, |this, stack| (this.value(stack, -2), this.value(stack, -1)))
        });
        if let Some(pairs) = map {
            return Reply::Map(pairs);
        }
        let set =
            field(stack, table, "set", |stack| self.entries(stack, |this, stack| this.value(stack, -2)));
        if let Some(items) = set {
            return Reply::Set(items);
        }
        let mut items = Vec::new();
        for index in 1.. {
            stack.raw_get_at(table, index);
            let is_end = stack.kind(-1) == Kind::Nil;
            if !is_end {
                items.push(self.value(stack, -1));
            }
            stack.pop(1);
            if is_end || self.bytes_left == 0 {
                break;
            }
        }
        Reply::Array(items)
    }

    /// What `read` makes of each entry of the table on top; `None` if it is none.
    fn entries<T>(
        &mut self,
        stack: &mut Stack<'_>,
        mut read: impl FnMut(&mut Self, &mut Stack<'_>) -> T,
    ) -> Option<Vec<T>> {
        if stack.kind(-1) != Kind::Table {
            return None;
        }
        let table = stack.absolute(-1);
        let mut entries = Vec::new();
        stack.push_nil();
        while stack.next(table) {
            entries.push(read(self, stack));
            stack.pop(1);
            if self.bytes_left == 0 {
                stack.pop(1);
                break;
            }
        }
        Some(entries)
    }
}

/// What `read` makes of a field, which is on top meanwhile.
fn field<T>(
    stack: &mut Stack<'_>,
    table: i32,
    name: &str,
    read: impl FnOnce(&mut Stack<'_>) -> Option<T>,
) -> Option<T> {
    stack.raw_get_field(table, name);
    let value = if stack.kind(-1) == Kind::Nil { None } else { read(stack) };
    stack.pop(1);
    value
}

/// A field that is a string.
fn text_field(stack: &mut Stack<'_>, table: i32, name: &str) -> Option<Vec<u8>> {
    field(stack, table, name, |stack| stack.bytes(-1).map(<[u8]>::to_vec))
}

/// The part of a text that Redis sees of errors and of statuses, whose texts are C's.
pub(crate) fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A reply of one line cannot have line breaks.
fn one_line(text: &[u8]) -> String {
    let text: Vec<u8> =
        text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect();
    match String::from_utf8_lossy(&text) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}
