//! When two answers count as equal. The default is: byte for byte.
use crate::value::{Answer, Value};

/// How much of an answer is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// Everything.
    #[default]
    Exact,
    /// Everything but the order inside arrays, sets and maps.
    Unordered,
    /// As `Unordered`, where arrays hold keys and values by turns, which stay together.
    Pairs,
    /// Types and numbers of items, not the strings: the answer is drawn at random.
    Random,
    /// A time that may differ by five seconds; one that is left, by a hundredth, if that is more.
    About,
    /// Everything but the moments and idle times of a stream's consumers and pending entries.
    Moments,
    /// Only the type of the whole; of a refusal its code.
    Shape,
}

/// Seconds by which a time may differ.
const TOLERANCE: i64 = 5;

impl Comparison {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Unordered, "unordered"),
        (Self::Pairs, "pairs"),
        (Self::Random, "random"),
        (Self::About, "about"),
        (Self::Moments, "moments"),
        (Self::Shape, "shape"),
    ];

    /// Takes a mark such as `[unordered]` off the front of a line.
    ///
    /// # Errors
    /// A mark that is none of the known ones.
    pub fn strip(line: &str) -> Result<(Self, &str), String> {
        let Some((word, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return Ok((Self::Exact, line));
        };
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known.map(|(this, _)| (*this, rest.trim_start())).ok_or_else(|| format!("no such mark: [{word}]"))
    }

    /// The mark with a space after it, or nothing for `Exact`.
    pub fn mark(self) -> String {
        let word = Self::WORDS.iter().find(|(this, _)| *this == self);
        word.map(|(_, word)| format!("[{word}] ")).unwrap_or_default()
    }

    /// The part of an answer that is promised, in one fixed order.
    #[must_use]
    pub fn promised(self, answer: &Answer) -> Answer {
        // In RESP2 a map is an array of keys and values by turns.
        let flat = match (self, &answer.resp3) {
            (Self::Unordered, Value::Map(_)) => Self::Pairs,
            _ => self,
        };
        Answer { resp3: self.promised_value(&answer.resp3), resp2: flat.promised_value(&answer.resp2) }
    }

    /// The same for an answer in one protocol.
    pub(crate) fn promised_value(self, value: &Value) -> Value {
        match self {
            Self::Exact | Self::About => value.clone(),
            Self::Unordered => sorted(value, 1),
            Self::Pairs => sorted(value, 2),
            Self::Random => masked(value),
            Self::Moments => timeless(value),
            Self::Shape => match value {
                Value::Integer(_) => Value::Integer(0),
                Value::Bulk(_) => Value::Bulk(b"?".to_vec()),
                Value::Verbatim(_) => Value::Verbatim(b"?".to_vec()),
                Value::Double(_) => Value::Double("0".into()),
                Value::Array(_) => Value::Array(Vec::new()),
                Value::Set(_) => Value::Set(Vec::new()),
                Value::Map(_) => Value::Map(Vec::new()),
                Value::Error(text) => Value::Error(text.split(' ').next().unwrap_or_default().to_owned()),
                other => other.clone(),
            },
        }
    }

    /// Whether `got` keeps what `expected` promises, for the command whose words are given.
    pub fn holds(self, words: &[Vec<u8>], expected: &Answer, got: &Answer) -> bool {
        if self == Self::About {
            let name = words.first().map(Vec::as_slice).unwrap_or_default();
            // Of fields as of keys: HPTTL as PTTL.
            let name = name.strip_prefix(b"H").unwrap_or(name);
            let unit =
                if name.first().is_some_and(|letter| letter.eq_ignore_ascii_case(&b'P')) { 1000 } else { 1 };
            // How much is left until a fixed date depends on the day of the recording.
            let left = name.to_ascii_uppercase().ends_with(b"TTL");
            let near = |a: &Value, b: &Value| match (a, b) {
                // Negative numbers are not times: they say why there is none.
                (Value::Integer(a), Value::Integer(b)) if *a >= 0 && *b >= 0 => {
                    let allowed = (TOLERANCE * unit).max(if left { a / 100 } else { 0 });
                    a.abs_diff(*b) <= allowed as u64
                }
                (a, b) => a == b,
            };
            let near = |a: &Value, b: &Value| match (a, b) {
                (Value::Array(a), Value::Array(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b))
                }
                (a, b) => near(a, b),
            };
            return near(&expected.resp3, &got.resp3) && near(&expected.resp2, &got.resp2);
        }
        self.promised(expected) == self.promised(got)
    }
}

fn sorted(value: &Value, together: usize) -> Value {
    let each = |items: &[Value]| items.iter().map(|item| sorted(item, together)).collect::<Vec<_>>();
    match value {
        Value::Array(items)
            if items.iter().any(|item| matches!(item, Value::Array(_) | Value::Set(_) | Value::Map(_)))
                && items.iter().any(|item| matches!(item, Value::Bulk(_))) =>
        {
            // A cursor, then what was found: these two have their places.
            Value::Array(each(items))
        }
        Value::Array(items) => {
            let items = each(items);
            let mut chunks: Vec<&[Value]> = items.chunks(together).collect();
            chunks.sort();
            Value::Array(chunks.concat())
        }
        Value::Set(items) => {
            let mut items = each(items);
            items.sort();
            Value::Set(items)
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<_> =
                pairs.iter().map(|(k, v)| (sorted(k, together), sorted(v, together))).collect();
            pairs.sort();
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Bulk(_) => Value::Bulk(b"?".to_vec()),
        Value::Double(_) => Value::Double("0".into()),
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        Value::Set(items) => Value::Set(items.iter().map(masked).collect()),
        Value::Map(pairs) => Value::Map(pairs.iter().map(|(k, v)| (masked(k), masked(v))).collect()),
        other => other.clone(),
    }
}

/// What XPENDING and XINFO tell of pending entries and of consumers, without when.
fn timeless(value: &Value) -> Value {
    /// Before the moment of a consumer.
    const NAMES: [&[u8]; 4] = [b"idle", b"inactive", b"seen-time", b"active-time"];
    let is_name = |value: &Value| matches!(value, Value::Bulk(name) if NAMES.contains(&name.as_slice()));
    // A consumer that never got anything has -1.
    let masked = |value: &Value| match value {
        Value::Integer(0..) => Value::Integer(0),
        other => other.clone(),
    };
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(timeless).collect();
            // An entry, who has it or what is in it, when, how often; or without that.
            if let [
                Value::Bulk(_),
                Value::Bulk(_) | Value::Array(_),
                moment @ Value::Integer(_),
                Value::Integer(_),
            ]
            | [Value::Bulk(_), moment @ Value::Integer(_), Value::Integer(_)] = items.as_mut_slice()
            {
                *moment = masked(moment);
            }
            for place in 1..items.len() {
                if is_name(&items[place - 1]) {
                    items[place] = masked(&items[place]);
                }
            }
            Value::Array(items)
        }
        Value::Map(pairs) => {
            let pair = |(name, value): &(Value, Value)| {
                let value = if is_name(name) { masked(value) } else { timeless(value) };
                (name.clone(), value)
            };
            Value::Map(pairs.iter().map(pair).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulks(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| Value::Bulk(word.as_bytes().to_vec())).collect())
    }

    fn both(value: &Value) -> Answer {
        Answer { resp3: value.clone(), resp2: value.clone() }
    }

    #[test]
    fn pairs_stay_together_when_the_order_is_free() {
        let (one, other) = (both(&bulks(&["a", "1", "b", "2"])), both(&bulks(&["b", "2", "a", "1"])));
        let crossed = both(&bulks(&["a", "2", "b", "1"]));
        assert!(Comparison::Pairs.holds(&[], &one, &other));
        assert!(!Comparison::Pairs.holds(&[], &one, &crossed));
        assert!(!Comparison::Exact.holds(&[], &one, &other));
    }

    #[test]
    fn when_an_entry_was_given_does_not_count_but_how_often_does() {
        let id = Value::Bulk(b"1-0".to_vec());
        let name = Value::Bulk(b"alice".to_vec());
        let pending = |idle, count| {
            let entry = vec![id.clone(), name.clone(), Value::Integer(idle), Value::Integer(count)];
            both(&Value::Array(vec![Value::Array(entry)]))
        };
        assert!(Comparison::Moments.holds(&[], &pending(5, 1), &pending(9, 1)));
        assert!(!Comparison::Moments.holds(&[], &pending(5, 1), &pending(5, 2)));
        let consumer =
            |idle| both(&Value::Map(vec![(Value::Bulk(b"inactive".to_vec()), Value::Integer(idle))]));
        assert!(Comparison::Moments.holds(&[], &consumer(5), &consumer(9)));
        assert!(!Comparison::Moments.holds(&[], &consumer(5), &consumer(-1)));
    }

    #[test]
    fn the_cursor_of_a_scan_keeps_its_place() {
        let scan = |cursor: &str, items: &[&str]| {
            both(&Value::Array(vec![Value::Bulk(cursor.as_bytes().to_vec()), bulks(items)]))
        };
        assert!(Comparison::Unordered.holds(&[], &scan("0", &["a", "b"]), &scan("0", &["b", "a"])));
        assert!(!Comparison::Unordered.holds(&[], &scan("0", &["a", "b"]), &scan("1", &["b", "a"])));
    }

    #[test]
    fn times_may_differ_a_little_but_their_absence_may_not() {
        let ttl = [b"TTL".to_vec(), b"k".to_vec()];
        let number = |n| both(&Value::Integer(n));
        assert!(Comparison::About.holds(&ttl, &number(100), &number(98)));
        assert!(Comparison::About.holds(&ttl, &number(1_000_000), &number(1_009_000)));
        let fields = [b"HPTTL".to_vec(), b"k".to_vec()];
        let of_fields = |n| both(&Value::Array(vec![Value::Integer(-1), Value::Integer(n)]));
        assert!(Comparison::About.holds(&fields, &of_fields(100_000), &of_fields(95_000)));
        assert!(!Comparison::About.holds(&fields, &of_fields(100_000), &of_fields(94_000)));
        let deadline = [b"EXPIRETIME".to_vec(), b"k".to_vec()];
        assert!(!Comparison::About.holds(&deadline, &number(1_000_000), &number(1_009_000)));
        assert!(!Comparison::About.holds(&ttl, &number(100), &number(90)));
        assert!(!Comparison::About.holds(&ttl, &number(-1), &number(-2)));
        assert!(!Comparison::About.holds(&ttl, &number(-1), &number(1)));
    }
}
