//! Replies as text, in redis-cli's formats.
use redlet::Reply;

use crate::Answer;
use crate::words::quote;

/// How replies are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Plain text, one part a line.
    pub(crate) raw: bool,
    /// With RESP3's types.
    pub(crate) resp3: bool,
}

impl Form {
    /// An answer with the end of its last line.
    pub(crate) fn text(self, answer: &Answer) -> Vec<u8> {
        let mut text = Vec::new();
        match answer {
            Answer::Refused(why) if self.raw => text.extend_from_slice(format!("{why}\n").as_bytes()),
            Answer::Refused(why) => text.extend_from_slice(format!("(error) {why}\n").as_bytes()),
            Answer::Reply(reply) => {
                // RESP2 has no type for the text of INFO, and redis-cli shows it as it is all the same.
                let reply = match reply {
                    Reply::Verbatim(_) => reply.clone(),
                    reply if self.resp3 => reply.clone().into_resp3(),
                    reply => reply.clone().into_resp2(),
                };
                if self.raw {
                    raw(&reply, &mut text);
                    text.push(b'\n');
                } else {
                    terminal(&reply, "", &mut text);
                }
            }
        }
        text
    }
}

fn raw(reply: &Reply, text: &mut Vec<u8>) {
    match reply {
        Reply::Bulk(bytes) => text.extend_from_slice(bytes),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(b'\n');
                }
                raw(item, text);
            }
        }
        Reply::Map(pairs) => {
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    text.push(b'\n');
                }
                raw(key, text);
                text.push(b' ');
                raw(value, text);
            }
        }
        Reply::Attributed { reply, .. } => raw(reply, text),
        Reply::Null | Reply::NullArray | Reply::Silence => {}
        other => text.extend_from_slice(plain(other).as_bytes()),
    }
}

/// What has one form in both formats.
fn plain(reply: &Reply) -> String {
    match reply {
        Reply::Status(word) => word.to_string(),
        Reply::Integer(number) => number.to_string(),
        Reply::Double(number) => redlet::core::number::format_f64(*number),
        Reply::Decimal(digits) => digits.clone(),
        Reply::Boolean(true) => "(true)".into(),
        Reply::Boolean(false) => "(false)".into(),
        Reply::Verbatim(text) => text.clone(),
        Reply::BigNumber(digits) => digits.to_string(),
        Reply::Error(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}

fn terminal(reply: &Reply, prefix: &str, text: &mut Vec<u8>) {
    let line = match reply {
        Reply::Null | Reply::NullArray => "(nil)".into(),
        Reply::Bulk(bytes) => quote(bytes),
        Reply::Integer(number) => format!("(integer) {number}"),
        Reply::Double(_) | Reply::Decimal(_) => format!("(double) {}", plain(reply)),
        Reply::Error(error) => format!("(error) {error}"),
        Reply::Array(items) if items.is_empty() => "(empty array)".into(),
        Reply::Set(items) if items.is_empty() => "(empty set)".into(),
        Reply::Map(pairs) if pairs.is_empty() => "(empty hash)".into(),
        Reply::Array(items) | Reply::Push(items) => return numbered(items, ')', prefix, text),
        Reply::Attributed { reply, .. } => return terminal(reply, prefix, text),
        Reply::Set(items) => return numbered(items, '~', prefix, text),
        Reply::Map(pairs) => {
            let inner = indent(pairs.len(), prefix);
            for (at, (key, value)) in pairs.iter().enumerate() {
                number(at, pairs.len(), '#', prefix, text);
                terminal(key, &inner, text);
                text.pop();
                text.extend_from_slice(b" => ");
                let value_at = text.len();
                terminal(value, &inner, text);
                // A value of several lines begins on a line of its own.
                let lines = text[value_at..].iter().filter(|&&byte| byte == b'\n').count();
                if lines > 1 {
                    text.splice(value_at..value_at, [b"\n", inner.as_bytes()].concat());
                }
            }
            return;
        }
        other => plain(other),
    };
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
}

fn numbered(items: &[Reply], mark: char, prefix: &str, text: &mut Vec<u8>) {
    let inner = indent(items.len(), prefix);
    for (at, item) in items.iter().enumerate() {
        number(at, items.len(), mark, prefix, text);
        terminal(item, &inner, text);
    }
}

fn digits(count: usize) -> usize {
    count.max(1).ilog10() as usize + 1
}

fn indent(count: usize, prefix: &str) -> String {
    format!("{prefix}{}", " ".repeat(digits(count) + 2))
}

/// The first line of a nested reply goes on where its own number ends.
fn number(at: usize, count: usize, mark: char, prefix: &str, text: &mut Vec<u8>) {
    let prefix = if at == 0 { "" } else { prefix };
    text.extend_from_slice(format!("{prefix}{:>1$}{mark} ", at + 1, digits(count)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(form: Form, reply: Reply) -> String {
        String::from_utf8(form.text(&Answer::Reply(reply))).unwrap()
    }

    const TERMINAL: Form = Form { raw: false, resp3: false };
    const RESP3: Form = Form { raw: false, resp3: true };
    const RAW: Form = Form { raw: true, resp3: false };

    /// What redis-cli 8.0.2 printed for these replies.
    #[test]
    fn replies_look_as_in_redis_cli() {
        let nested = Reply::Array(vec![
            Reply::bulk("a"),
            Reply::Array(vec![Reply::Integer(1), Reply::Null, Reply::Array(vec![])]),
            Reply::bulk("b\n\u{1}"),
        ]);
        assert_eq!(
            show(TERMINAL, nested.clone()),
            "1) \"a\"\n2) 1) (integer) 1\n   2) (nil)\n   3) (empty array)\n3) \"b\\n\\x01\"\n"
        );
        assert_eq!(show(RAW, nested), "a\n1\n\n\nb\n\u{1}\n");
        let map = Reply::Map(vec![(Reply::bulk("k"), Reply::Double(1.5)), (Reply::bulk("l"), Reply::OK)]);
        assert_eq!(show(RESP3, map.clone()), "1# \"k\" => (double) 1.5\n2# \"l\" => OK\n");
        assert_eq!(show(TERMINAL, map), "1) \"k\"\n2) \"1.5\"\n3) \"l\"\n4) OK\n");
        assert_eq!(show(RESP3, Reply::Set(vec![Reply::bulk("m")])), "1~ \"m\"\n");
        assert_eq!(show(TERMINAL, Reply::Null), "(nil)\n");
        assert_eq!(show(RAW, Reply::Null), "\n");
        let of_two = Reply::Array(vec![Reply::Integer(1), Reply::Integer(2)]);
        let of_one = Reply::Map(vec![(Reply::bulk("one"), Reply::Integer(1))]);
        let deep = Reply::Map(vec![
            (Reply::bulk("two"), of_two.clone()),
            (Reply::bulk("one"), of_one),
            (Reply::bulk("nest"), Reply::Map(vec![(Reply::bulk("two"), of_two)])),
        ]);
        assert_eq!(
            show(RESP3, deep),
            "1# \"two\" => \n   1) (integer) 1\n   2) (integer) 2\n2# \"one\" => 1# \"one\" => (integer) 1\n3# \"nest\" => \n   \
             1# \"two\" => \n      1) (integer) 1\n      2) (integer) 2\n"
        );
        let many = show(TERMINAL, Reply::Array((0..10).map(Reply::Integer).collect()));
        assert!(many.starts_with(" 1) (integer) 0\n 2) (integer) 1\n"), "{many}");
        assert!(many.ends_with("\n10) (integer) 9\n"), "{many}");
    }

    #[test]
    fn a_refusal_is_marked_on_a_terminal() {
        let refused = Answer::Refused("ERR syntax error".into());
        assert_eq!(TERMINAL.text(&refused), b"(error) ERR syntax error\n");
        assert_eq!(RAW.text(&refused), b"ERR syntax error\n");
    }
}
