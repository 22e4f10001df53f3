//! Replies, as bytes of either protocol.
use std::io::Write;

use redlet_core::number::format_f64;
use redlet_core::{Bytes, Error, Reply};

use crate::output::Output;

/// Writes a reply in RESP2 or, with `is_resp3`, in RESP3.
#[inline]
pub(crate) fn reply(reply: Reply, is_resp3: bool, out: &mut Output) {
    if is_resp3 { resp3(reply, out) } else { resp2(reply, out) }
}

/// Writes a refusal.
pub(crate) fn error(error: &Error, out: &mut Output) {
    out.put(b"-");
    // Writing to memory does not fail, and a refusal is one line whatever it repeats.
    let _ = write!(out, "{error}");
    out.put(b"\r\n");
}

fn resp2(reply: Reply, out: &mut Output) {
    match reply {
        Reply::Null => out.put(b"$-1\r\n"),
        Reply::NullArray => out.put(b"*-1\r\n"),
        Reply::Double(number) => text(&format_f64(number), out),
        Reply::Decimal(digits) => text(&digits, out),
        Reply::Boolean(yes) => header(b':', usize::from(yes), out),
        Reply::Verbatim(words) => string(words.into(), out),
        Reply::BigNumber(digits) => text(&digits, out),
        Reply::Attributed { reply, .. } => resp2(*reply, out),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            header(b'*', items.len(), out);
            items.into_iter().for_each(|item| resp2(item, out));
        }
        Reply::Map(pairs) | Reply::Pairs(pairs) => {
            header(b'*', 2 * pairs.len(), out);
            for (first, second) in pairs {
                resp2(first, out);
                resp2(second, out);
            }
        }
        Reply::MapOfPairs(pairs) => in_twos(pairs, resp2, out),
        Reply::Rows(rows) => {
            header(b'*', rows.iter().map(|(_, values)| 1 + values.len()).sum(), out);
            for (name, values) in rows {
                resp2(name, out);
                values.into_iter().for_each(|value| resp2(value, out));
            }
        }
        other => alike(other, out),
    }
}

/// An array of arrays of two.
fn in_twos(pairs: Vec<(Reply, Reply)>, write: fn(Reply, &mut Output), out: &mut Output) {
    header(b'*', pairs.len(), out);
    for (first, second) in pairs {
        out.put(b"*2\r\n");
        write(first, out);
        write(second, out);
    }
}

fn resp3(reply: Reply, out: &mut Output) {
    let pairs = |kind: u8, pairs: Vec<(Reply, Reply)>, out: &mut Output| {
        header(kind, pairs.len(), out);
        for (first, second) in pairs {
            resp3(first, out);
            resp3(second, out);
        }
    };
    let list = |kind: u8, items: Vec<Reply>, out: &mut Output| {
        header(kind, items.len(), out);
        items.into_iter().for_each(|item| resp3(item, out));
    };
    match reply {
        Reply::Null | Reply::NullArray => out.put(b"_\r\n"),
        Reply::Double(number) => line(b',', &format_f64(number), out),
        Reply::Decimal(digits) => line(b',', &digits, out),
        Reply::Boolean(yes) => out.put(if yes { b"#t\r\n" } else { b"#f\r\n" }),
        Reply::Verbatim(words) => {
            header(b'=', words.len() + 4, out);
            out.put(b"txt:");
            out.put_string(words.into());
            out.put(b"\r\n");
        }
        Reply::BigNumber(digits) => line(b'(', &digits, out),
        Reply::Attributed { attributes, reply } => {
            pairs(b'|', attributes, out);
            resp3(*reply, out);
        }
        Reply::Array(items) => list(b'*', items, out),
        Reply::Set(items) => list(b'~', items, out),
        Reply::Push(items) => list(b'>', items, out),
        Reply::Map(items) | Reply::MapOfPairs(items) => pairs(b'%', items, out),
        Reply::Pairs(items) => in_twos(items, resp3, out),
        Reply::Rows(rows) => {
            header(b'%', rows.len(), out);
            for (name, values) in rows {
                resp3(name, out);
                list(b'*', values, out);
            }
        }
        other => alike(other, out),
    }
}

/// What both protocols have in the same form.
#[inline]
fn alike(reply: Reply, out: &mut Output) {
    match reply {
        Reply::Status(word) if word == "OK" => out.put(b"+OK\r\n"),
        Reply::Status(word) => line(b'+', &word, out),
        Reply::Integer(number) => {
            out.put(b":");
            out.put(itoa::Buffer::new().format(number).as_bytes());
            out.put(b"\r\n");
        }
        Reply::Bulk(bytes) => string(bytes, out),
        Reply::Error(refusal) => error(&refusal, out),
        Reply::Silence => {}
        // The caller waits for something.
        other => line(
            b'-',
            &format!("ERR this answer has no form in RESP: {other:?}").replace(['\r', '\n'], " "),
            out,
        ),
    }
}

fn string(bytes: Bytes, out: &mut Output) {
    header(b'$', bytes.len(), out);
    out.put_string(bytes);
    out.put(b"\r\n");
}

fn text(text: &str, out: &mut Output) {
    header(b'$', text.len(), out);
    out.put(text.as_bytes());
    out.put(b"\r\n");
}

fn line(kind: u8, text: &str, out: &mut Output) {
    out.put(&[kind]);
    out.put(text.as_bytes());
    out.put(b"\r\n");
}

#[inline]
fn header(kind: u8, number: usize, out: &mut Output) {
    out.put(&[kind]);
    out.put(itoa::Buffer::new().format(number).as_bytes());
    out.put(b"\r\n");
}
