//! What a dynamic caller gets back (shell, scripts, listener, Python), and typed results into it.
//!
//! A reply has RESP3's types. What RESP2 shows differently is kept apart here, so that either form can be made.
use std::borrow::Cow;

use crate::Bytes;

use crate::Error;

/// An answer to a command, with the types of RESP3.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// Nothing there: `$-1` in RESP2, `_` in RESP3.
    Null,
    /// Nothing there where an array would have been: `*-1` in RESP2, `_` in RESP3.
    NullArray,
    /// A short fixed word such as `OK`.
    Status(Cow<'static, str>),
    /// A whole number.
    Integer(i64),
    /// A number; RESP2 has it as text.
    Double(f64),
    /// A number in digits, of which there are more than a double tells; RESP2 has it as text.
    Decimal(String),
    /// Yes or no; RESP2 has it as 1 or 0.
    Boolean(bool),
    /// A string of any bytes.
    Bulk(Bytes),
    /// Text for people, as INFO gives it; RESP2 has it as a plain string.
    Verbatim(String),
    /// Answers in order.
    Array(Vec<Reply>),
    /// Answers without order or repetition; RESP2 has an array.
    Set(Vec<Reply>),
    /// Keys and values; RESP2 has them in one flat array.
    Map(Vec<(Reply, Reply)>),
    /// Keys and values; RESP2 has an array of pairs: what was read from several streams.
    MapOfPairs(Vec<(Reply, Reply)>),
    /// An array of pairs in RESP3, one flat array in RESP2: members with their scores.
    Pairs(Vec<(Reply, Reply)>),
    /// Names with several values each: a map to arrays in RESP3, one flat array in RESP2.
    Rows(Vec<(Reply, Vec<Reply>)>),
    /// A refusal inside a larger answer, as EXEC gives it.
    Error(Error),
    /// A whole number of any size, in digits; RESP2 has it as text.
    BigNumber(Cow<'static, str>),
    /// An answer with remarks beside it, which RESP2 leaves out.
    Attributed {
        /// The remarks: names and values.
        attributes: Vec<(Reply, Reply)>,
        /// The answer.
        reply: Box<Reply>,
    },
    /// What nobody asked for just now: messages, invalidations, confirmations. RESP2 has an array.
    Push(Vec<Reply>),
    /// No answer: it comes later, or another way.
    Silence,
}

impl Reply {
    /// `OK`.
    pub const OK: Self = Reply::Status(Cow::Borrowed("OK"));

    /// A string from any bytes.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Reply::Bulk(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// True for both kinds of nothing.
    pub const fn is_null(&self) -> bool {
        matches!(self, Reply::Null | Reply::NullArray)
    }

    /// The same answer in the types that RESP2 has: maps and pairs flattened, numbers with a fraction as text.
    #[must_use]
    pub fn into_resp2(self) -> Self {
        fn flat(pairs: Vec<(Reply, Reply)>) -> Reply {
            Reply::Array(pairs.into_iter().flat_map(|(a, b)| [a.into_resp2(), b.into_resp2()]).collect())
        }
        match self {
            Reply::Double(number) => Reply::bulk(crate::number::format_f64(number)),
            Reply::Decimal(digits) => Reply::Bulk(digits.into()),
            Reply::Boolean(yes) => Reply::Integer(yes.into()),
            Reply::Verbatim(text) => Reply::Bulk(text.into()),
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
                Reply::Array(items.into_iter().map(Reply::into_resp2).collect())
            }
            Reply::Map(pairs) | Reply::Pairs(pairs) => flat(pairs),
            Reply::MapOfPairs(pairs) => Reply::Array(
                pairs.into_iter().map(|(a, b)| Reply::Array(vec![a.into_resp2(), b.into_resp2()])).collect(),
            ),
            Reply::Rows(rows) => Reply::Array(
                rows.into_iter()
                    .flat_map(|(name, values)| std::iter::once(name).chain(values))
                    .map(Reply::into_resp2)
                    .collect(),
            ),
            Reply::BigNumber(digits) => Reply::bulk(digits.as_bytes()),
            Reply::Attributed { reply, .. } => reply.into_resp2(),
            other => other,
        }
    }

    /// The same answer in the types that RESP3 has: pairs as arrays of two, one kind of null.
    #[must_use]
    pub fn into_resp3(self) -> Self {
        let each = |items: Vec<Reply>| items.into_iter().map(Reply::into_resp3).collect();
        let both = |pairs: Vec<(Reply, Reply)>| {
            pairs.into_iter().map(|(a, b)| (a.into_resp3(), b.into_resp3())).collect()
        };
        match self {
            Reply::NullArray => Reply::Null,
            Reply::Array(items) => Reply::Array(each(items)),
            Reply::Set(items) => Reply::Set(each(items)),
            Reply::Push(items) => Reply::Push(each(items)),
            Reply::Map(pairs) | Reply::MapOfPairs(pairs) => Reply::Map(both(pairs)),
            Reply::Rows(rows) => Reply::Map(
                rows.into_iter()
                    .map(|(name, values)| (name.into_resp3(), Reply::Array(each(values))))
                    .collect(),
            ),
            Reply::Attributed { attributes, reply } => {
                Reply::Attributed { attributes: both(attributes), reply: Box::new(reply.into_resp3()) }
            }
            Reply::Pairs(pairs) => Reply::Array(
                pairs.into_iter().map(|(a, b)| Reply::Array(vec![a.into_resp3(), b.into_resp3()])).collect(),
            ),
            other => other,
        }
    }
}

impl From<()> for Reply {
    #[inline]
    fn from((): ()) -> Self {
        Reply::OK
    }
}

impl From<i64> for Reply {
    #[inline]
    fn from(number: i64) -> Self {
        Reply::Integer(number)
    }
}

/// An integer, or what is more than RESP's integers hold as a big number.
impl From<u64> for Reply {
    fn from(number: u64) -> Self {
        match i64::try_from(number) {
            Ok(number) => Reply::Integer(number),
            Err(_) => Reply::BigNumber(number.to_string().into()),
        }
    }
}

impl From<usize> for Reply {
    #[inline]
    fn from(number: usize) -> Self {
        Reply::Integer(number as i64)
    }
}

/// Redis answers yes and no with 1 and 0, in RESP3 too; the few that do not say [`Reply::Boolean`].
impl From<bool> for Reply {
    #[inline]
    fn from(yes: bool) -> Self {
        Reply::Integer(yes.into())
    }
}

impl From<f64> for Reply {
    #[inline]
    fn from(number: f64) -> Self {
        Reply::Double(number)
    }
}

impl From<Bytes> for Reply {
    #[inline]
    fn from(bytes: Bytes) -> Self {
        Reply::Bulk(bytes)
    }
}

impl From<&'static str> for Reply {
    #[inline]
    fn from(word: &'static str) -> Self {
        Reply::Status(Cow::Borrowed(word))
    }
}

impl<T: Into<Reply>> From<Option<T>> for Reply {
    #[inline]
    fn from(value: Option<T>) -> Self {
        value.map_or(Reply::Null, Into::into)
    }
}

impl<T: Into<Reply>> From<Vec<T>> for Reply {
    #[inline]
    fn from(items: Vec<T>) -> Self {
        Reply::Array(items.into_iter().map(Into::into).collect())
    }
}
