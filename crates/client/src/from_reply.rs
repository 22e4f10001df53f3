//! Replies as values of Rust.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use redlet_core::{Bytes, Reply};

use crate::{Error, Result};

/// What a [`Reply`] can be turned into: what a script answers with, for instance.
///
/// Numbers may come as text, as RESP2 has them. Nothing there is `None` in an [`Option`], `false` as a boolean and an empty collection.
/// Pairs come from maps, and from flat arrays, as `HGETALL` in a script has them.
///
/// ```
/// use redlet::{FromReply, Reply};
///
/// let reply = Reply::Array(vec![Reply::bulk("a"), Reply::Integer(1)]);
/// assert_eq!(<(String, i64)>::from_reply(reply.clone())?, ("a".to_owned(), 1));
/// assert_eq!(Vec::<(String, u8)>::from_reply(reply.clone())?, [("a".to_owned(), 1)]);
/// assert!(bool::from_reply(reply).is_err());
/// assert_eq!(Option::<i64>::from_reply(Reply::Null)?, None);
/// # Ok::<(), redlet::Error>(())
/// ```
pub trait FromReply: Sized {
    /// Turns a reply into this.
    ///
    /// # Errors
    /// [`Error::Command`] for a reply that is an error, [`Error::Reply`] for one that is something else than was asked for.
    fn from_reply(reply: Reply) -> Result<Self>;
}

/// The reply is something else than was asked for.
fn other(wanted: &'static str, reply: &Reply) -> Error {
    Error::Reply { wanted, reply: shortened(reply) }
}

fn shortened(reply: &Reply) -> String {
    let mut shown = format!("{reply:?}");
    shown.truncate(shown.floor_char_boundary(200));
    shown
}

/// The reply if it is no error, without remarks beside it.
fn plain(reply: Reply) -> Result<Reply> {
    match reply {
        Reply::Error(error) => Err(Error::Command(error)),
        Reply::Attributed { reply, .. } => plain(*reply),
        reply => Ok(reply),
    }
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(reply)
    }
}

impl FromReply for () {
    fn from_reply(reply: Reply) -> Result<Self> {
        plain(reply).map(drop)
    }
}

impl FromReply for bool {
    fn from_reply(reply: Reply) -> Result<Self> {
        match plain(reply)? {
            Reply::Boolean(value) => Ok(value),
            Reply::Integer(0) => Ok(false),
            Reply::Integer(1) => Ok(true),
            Reply::Status(text) if text == "OK" => Ok(true),
            reply if reply.is_null() => Ok(false),
            reply => Err(other("yes or no", &reply)),
        }
    }
}

impl FromReply for Bytes {
    fn from_reply(reply: Reply) -> Result<Self> {
        match plain(reply)? {
            Reply::Bulk(bytes) => Ok(bytes),
            Reply::Status(text) | Reply::BigNumber(text) => Ok(text.into_owned().into()),
            Reply::Verbatim(text) | Reply::Decimal(text) => Ok(text.into()),
            Reply::Integer(number) => Ok(number.to_string().into()),
            Reply::Double(number) => Ok(redlet_core::number::format_f64(number).into()),
            reply => Err(other("a string", &reply)),
        }
    }
}

impl FromReply for String {
    fn from_reply(reply: Reply) -> Result<Self> {
        let bytes = Bytes::from_reply(reply)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(other("text in UTF-8", &Reply::Bulk(bytes))),
        }
    }
}

impl FromReply for f64 {
    fn from_reply(reply: Reply) -> Result<Self> {
        match plain(reply)? {
            Reply::Double(number) => Ok(number),
            Reply::Integer(number) => Ok(number as f64),
            reply => {
                text_of(&reply).and_then(|text| text.parse().ok()).ok_or_else(|| other("a number", &reply))
            }
        }
    }
}

/// The text that a reply is, if it is one.
fn text_of(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
        Reply::Status(text) | Reply::BigNumber(text) => Some(text),
        Reply::Verbatim(text) | Reply::Decimal(text) => Some(text),
        _ => None,
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromReply for $type {
            fn from_reply(reply: Reply) -> Result<Self> {
                let reply = plain(reply)?;
                let number = match &reply {
                    Reply::Integer(number) => <$type>::try_from(*number).ok(),
                    Reply::Boolean(value) => Some(<$type>::from(*value)),
                    reply => text_of(reply).and_then(|text| text.parse().ok()),
                };
                number.ok_or_else(|| other(concat!("an integer that fits ", stringify!($type)), &reply))
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        let reply = plain(reply)?;
        if reply.is_null() { Ok(None) } else { T::from_reply(reply).map(Some) }
    }
}

/// The elements of a reply that has some: pairs stay together.
fn elements(reply: Reply) -> Result<Vec<Reply>> {
    match plain(reply)? {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => Ok(items),
        Reply::Map(pairs) | Reply::MapOfPairs(pairs) | Reply::Pairs(pairs) => {
            Ok(pairs.into_iter().map(|(one, other)| Reply::Array(vec![one, other])).collect())
        }
        Reply::Rows(rows) => Ok(rows
            .into_iter()
            .map(|(name, values)| Reply::Array(vec![name, Reply::Array(values)]))
            .collect()),
        reply if reply.is_null() => Ok(Vec::new()),
        reply => Err(other("a list", &reply)),
    }
}

impl<T: FromElements> FromReply for Vec<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        T::from_elements(elements(reply)?)
    }
}

/// What can be an element of a list. Pairs are made of two neighbours where the list is flat.
pub trait FromElements: Sized {
    /// Turns the elements of a list into these.
    ///
    /// # Errors
    /// As [`FromReply::from_reply`].
    fn from_elements(elements: Vec<Reply>) -> Result<Vec<Self>>;
}

macro_rules! elements_one_by_one {
    ($($type:ty),* $(,)?) => {$(
        impl FromElements for $type {
            fn from_elements(elements: Vec<Reply>) -> Result<Vec<Self>> {
                elements.into_iter().map(<$type>::from_reply).collect()
            }
        }
    )*};
}

elements_one_by_one!(
    Reply, bool, Bytes, String, f64, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize
);

impl<T: FromReply> FromElements for Option<T> {
    fn from_elements(elements: Vec<Reply>) -> Result<Vec<Self>> {
        elements.into_iter().map(Self::from_reply).collect()
    }
}

impl<T: FromElements> FromElements for Vec<T> {
    fn from_elements(elements: Vec<Reply>) -> Result<Vec<Self>> {
        elements.into_iter().map(Self::from_reply).collect()
    }
}

impl<A: FromReply, B: FromReply> FromElements for (A, B) {
    fn from_elements(elements: Vec<Reply>) -> Result<Vec<Self>> {
        let are_pairs = elements.iter().all(|item| matches!(item, Reply::Array(pair) if pair.len() == 2));
        if are_pairs {
            return elements.into_iter().map(Self::from_reply).collect();
        }
        if elements.len() % 2 == 1 {
            return Err(other("a list of pairs", &Reply::Array(elements)));
        }
        let mut elements = elements.into_iter();
        let mut pairs = Vec::with_capacity(elements.len() / 2);
        while let (Some(one), Some(other)) = (elements.next(), elements.next()) {
            pairs.push((A::from_reply(one)?, B::from_reply(other)?));
        }
        Ok(pairs)
    }
}

macro_rules! tuples {
    ($($wanted:literal: $($name:ident),*;)*) => {$(
        impl<$($name: FromReply),*> FromReply for ($($name,)*) {
            fn from_reply(reply: Reply) -> Result<Self> {
                const LENGTH: usize = [$(stringify!($name)),*].len();
                let items = elements(reply)?;
                if items.len() != LENGTH {
                    return Err(other($wanted, &Reply::Array(items)));
                }
                let mut items = items.into_iter();
                Ok(($($name::from_reply(items.next().unwrap_or(Reply::Null))?,)*))
            }
        }
    )*};
}

tuples! {
    "a list of one": A;
    "a list of two": A, B;
    "a list of three": A, B, C;
    "a list of four": A, B, C, D;
    "a list of five": A, B, C, D, E;
    "a list of six": A, B, C, D, E, F;
}

impl<K: FromReply + Eq + Hash, V: FromReply, S: BuildHasher + Default> FromReply for HashMap<K, V, S> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(Vec::<(K, V)>::from_reply(reply)?.into_iter().collect())
    }
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(Vec::<(K, V)>::from_reply(reply)?.into_iter().collect())
    }
}

impl<T: FromElements + Eq + Hash, S: BuildHasher + Default> FromReply for HashSet<T, S> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(Vec::<T>::from_reply(reply)?.into_iter().collect())
    }
}

impl<T: FromElements + Ord> FromReply for BTreeSet<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(Vec::<T>::from_reply(reply)?.into_iter().collect())
    }
}
