//! What a key can hold.
use super::{Encoding, Hash, List, Set, Str, ZSet};
use crate::effect::{Blob, Image};
use std::borrow::Cow;

/// A value of any type. An empty collection is no value: the key is deleted instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes, or an integer stored as one.
    String(Str),
    /// Elements in order.
    List(Box<List>),
    /// Fields with values.
    Hash(Box<Hash>),
    /// Members without order.
    Set(Box<Set>),
    /// Members ordered by score.
    ZSet(Box<ZSet>),
}

/// A value that has elements.
pub trait Collection: Default + Clone {
    /// How many elements it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The value of this type.
    fn into_value(boxed: Box<Self>) -> Value;
    /// Takes the collection out of a value of its type, leaving something of no size; `None` if it is of another type.
    fn take(value: &mut Value) -> Option<Box<Self>>;
}

macro_rules! collection {
    ($type:ident) => {
        impl Collection for $type {
            fn len(&self) -> usize {
                $type::len(self)
            }

            fn into_value(boxed: Box<Self>) -> Value {
                Value::$type(boxed)
            }

            fn take(value: &mut Value) -> Option<Box<Self>> {
                if !matches!(value, Value::$type(_)) {
                    return None;
                }
                match std::mem::replace(value, Value::String(Str::from_int(0))) {
                    Value::$type(boxed) => Some(boxed),
                    _ => None,
                }
            }
        }
    };
}

collection!(List);
collection!(Hash);
collection!(Set);
collection!(ZSet);

impl Value {
    /// The type in Redis's words, as `TYPE` gives it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::ZSet(_) => "zset",
        }
    }

    /// How it is stored.
    pub fn encoding(&self) -> Encoding {
        match self {
            Value::String(string) => string.encoding(),
            Value::List(list) => list.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Set(set) => set.encoding(),
            Value::ZSet(zset) => zset.encoding(),
        }
    }

    /// True for a collection without elements, which no key may hold.
    pub fn is_empty_collection(&self) -> bool {
        match self {
            Value::String(_) => false,
            Value::List(list) => list.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::ZSet(zset) => zset.is_empty(),
        }
    }

    /// Whether dropping it may take long enough to be left until no lock is held.
    pub(crate) fn is_large(self: &Value) -> bool {
        !matches!(self, Value::String(_))
    }

    /// The whole value as log and snapshot hold it.
    pub fn image(&self) -> Image<'_> {
        let blob = |bytes: &[u8]| Blob(Cow::Owned(bytes.to_vec()));
        match self {
            Value::String(string) => Image::String(Blob(Cow::Owned(string.to_bytes().to_vec()))),
            Value::List(list) => Image::List(list.iter().map(Blob::from).collect()),
            Value::Hash(hash) => Image::Hash(hash.iter().map(|(f, v)| (f.into(), v.into())).collect()),
            Value::Set(set) => Image::Set(set.iter().map(|member| blob(&member)).collect()),
            Value::ZSet(zset) => Image::ZSet(zset.iter().map(|(m, score)| (m.into(), score)).collect()),
        }
    }
}
