//! What a key can hold.
#[cfg(feature = "vector-sets")]
use super::VectorSet;
use super::{Alarm, Array, Encoding, Hash, List, Set, Str, StrRef, Stream, ZSet};
use crate::effect::{Blob, Image};
use crate::memory::block_bytes;
use crate::{HashSeed, UnixMs};
use std::borrow::Cow;

/// A value of any type. An empty collection is no value, unless it is a stream: the key is deleted instead.
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
    /// Entries in the order of their IDs.
    Stream(Box<Stream>),
    /// Elements by index.
    Array(Box<Array>),
    /// Elements with vectors.
    #[cfg(feature = "vector-sets")]
    VectorSet(Box<VectorSet>),
}

/// The types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// Bytes.
    String,
    /// Elements in order.
    List,
    /// Fields with values.
    Hash,
    /// Members without order.
    Set,
    /// Members ordered by score.
    ZSet,
    /// Entries in the order of their IDs.
    Stream,
    /// Elements by index.
    Array,
    /// Elements with vectors.
    #[cfg(feature = "vector-sets")]
    VectorSet,
}

impl Type {
    /// Redis's word, as `TYPE` gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::List => "list",
            Type::Hash => "hash",
            Type::Set => "set",
            Type::ZSet => "zset",
            Type::Stream => "stream",
            Type::Array => "array",
            #[cfg(feature = "vector-sets")]
            Type::VectorSet => "vectorset",
        }
    }
}

/// A value where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// Bytes, or an integer stored as one.
    String(StrRef<'a>),
    /// Elements in order.
    List(&'a List),
    /// Fields with values.
    Hash(&'a Hash),
    /// Members without order.
    Set(&'a Set),
    /// Members ordered by score.
    ZSet(&'a ZSet),
    /// Entries in the order of their IDs.
    Stream(&'a Stream),
    /// Elements by index.
    Array(&'a Array),
    /// Elements with vectors.
    #[cfg(feature = "vector-sets")]
    VectorSet(&'a VectorSet),
}

/// A value that has elements.
pub trait Collection: Default + Clone {
    /// Its type.
    const TYPE: Type;
    /// Whether a key may hold one without elements.
    const MAY_BE_EMPTY: bool = false;
    /// How many elements it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// What it takes with the block that it lies in. O(1).
    fn bytes(&self) -> usize;
    /// Whether elements have deadlines of their own, or had.
    fn is_timed(&self) -> bool {
        false
    }
    /// The value of this type.
    fn into_value(boxed: Box<Self>) -> Value;
    /// The collection of this type in a value; `None` if it is of another type.
    fn of(value: ValueRef<'_>) -> Option<&Self>;
}

/// A value whose elements may have deadlines of their own. Whoever keeps it looks at it again when the alarm goes off that it set.
pub(crate) trait Expiring {
    /// When there may be something to take out, at the earliest. O(1).
    fn next_at(&self) -> Option<UnixMs>;
    /// The alarm that was set.
    fn alarm(&self) -> Option<Alarm>;
    /// Notes which alarm was set, or that none is.
    fn set_alarm(&mut self, alarm: Option<Alarm>);
    /// Takes out elements that were dead before `now`, showing their names to `gone`, at most as many as `budget` says, which is spent.
    fn reclaim(&mut self, now: UnixMs, budget: &mut usize, seed: &HashSeed, gone: &mut dyn FnMut(&[u8]));
}

macro_rules! collection {
    ($type:ident $(, const $constant:ident)? $(, fn $is_timed:ident)?) => {
        impl Collection for $type {
            const TYPE: Type = Type::$type;
            $(const $constant: bool = true;)?

            fn len(&self) -> usize {
                $type::len(self)
            }

            fn bytes(&self) -> usize {
                block_bytes(size_of::<Self>()) + self.allocated_bytes()
            }

            $(
                #[inline]
                fn $is_timed(&self) -> bool {
                    $type::$is_timed(self)
                }
            )?

            fn into_value(boxed: Box<Self>) -> Value {
                Value::$type(boxed)
            }

            fn of(value: ValueRef<'_>) -> Option<&Self> {
                match value {
                    ValueRef::$type(collection) => Some(collection),
                    _ => None,
                }
            }
        }
    };
}

collection!(List);
collection!(Hash, fn is_timed);
collection!(Set, fn is_timed);
collection!(ZSet);
collection!(Stream, const MAY_BE_EMPTY);
collection!(Array);
#[cfg(feature = "vector-sets")]
collection!(VectorSet);

impl Value {
    /// The value where it lies.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::String(string) => ValueRef::String(string.as_ref()),
            Value::List(list) => ValueRef::List(list),
            Value::Hash(hash) => ValueRef::Hash(hash),
            Value::Set(set) => ValueRef::Set(set),
            Value::ZSet(zset) => ValueRef::ZSet(zset),
            Value::Stream(stream) => ValueRef::Stream(stream),
            Value::Array(array) => ValueRef::Array(array),
            #[cfg(feature = "vector-sets")]
            Value::VectorSet(set) => ValueRef::VectorSet(set),
        }
    }

    /// The value, if its elements may have deadlines.
    pub(crate) fn expiring_mut(&mut self) -> Option<&mut dyn Expiring> {
        match self {
            Value::Hash(hash) => Some(&mut **hash),
            Value::Set(set) => Some(&mut **set),
            Value::String(_) | Value::List(_) | Value::ZSet(_) | Value::Stream(_) | Value::Array(_) => None,
            #[cfg(feature = "vector-sets")]
            Value::VectorSet(_) => None,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// Its type.
    pub const fn value_type(self) -> Type {
        match self {
            ValueRef::String(_) => Type::String,
            ValueRef::List(_) => Type::List,
            ValueRef::Hash(_) => Type::Hash,
            ValueRef::Set(_) => Type::Set,
            ValueRef::ZSet(_) => Type::ZSet,
            ValueRef::Stream(_) => Type::Stream,
            ValueRef::Array(_) => Type::Array,
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(_) => Type::VectorSet,
        }
    }

    /// The value, if its elements may have deadlines.
    pub(crate) fn expiring(self) -> Option<&'a dyn Expiring> {
        match self {
            ValueRef::Hash(hash) => Some(hash),
            ValueRef::Set(set) => Some(set),
            ValueRef::String(_)
            | ValueRef::List(_)
            | ValueRef::ZSet(_)
            | ValueRef::Stream(_)
            | ValueRef::Array(_) => None,
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(_) => None,
        }
    }

    /// How many bytes a string has, or elements a collection.
    pub(crate) fn length(self) -> usize {
        match self {
            ValueRef::String(string) => string.len(),
            ValueRef::List(list) => list.len(),
            ValueRef::Hash(hash) => hash.len(),
            ValueRef::Set(set) => set.len(),
            ValueRef::ZSet(zset) => zset.len(),
            ValueRef::Stream(stream) => stream.len(),
            ValueRef::Array(array) => array.len(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.len(),
        }
    }

    /// How it is stored.
    pub fn encoding(self) -> Encoding {
        match self {
            ValueRef::String(string) => string.encoding(),
            ValueRef::List(list) => list.encoding(),
            ValueRef::Hash(hash) => hash.encoding(),
            ValueRef::Set(set) => set.encoding(),
            ValueRef::ZSet(zset) => zset.encoding(),
            ValueRef::Stream(stream) => stream.encoding(),
            ValueRef::Array(array) => array.encoding(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.encoding(),
        }
    }

    /// What a collection takes; 0 for a string, which whoever keeps it counts. O(1).
    pub(crate) fn collection_bytes(self) -> usize {
        match self {
            ValueRef::String(_) => 0,
            ValueRef::List(list) => list.bytes(),
            ValueRef::Hash(hash) => hash.bytes(),
            ValueRef::Set(set) => set.bytes(),
            ValueRef::ZSet(zset) => zset.bytes(),
            ValueRef::Stream(stream) => stream.bytes(),
            ValueRef::Array(array) => array.bytes(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.bytes(),
        }
    }

    /// The same, counted anew element by element.
    pub(crate) fn recounted_collection_bytes(self) -> usize {
        match self {
            ValueRef::String(_) => 0,
            ValueRef::List(list) => block_bytes(size_of::<List>()) + list.recounted_bytes(),
            ValueRef::Hash(hash) => block_bytes(size_of::<Hash>()) + hash.recounted_bytes(),
            ValueRef::Set(set) => block_bytes(size_of::<Set>()) + set.recounted_bytes(),
            ValueRef::ZSet(zset) => block_bytes(size_of::<ZSet>()) + zset.recounted_bytes(),
            ValueRef::Stream(stream) => block_bytes(size_of::<Stream>()) + stream.recounted_bytes(),
            ValueRef::Array(array) => block_bytes(size_of::<Array>()) + array.recounted_bytes(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => block_bytes(size_of::<VectorSet>()) + set.recounted_bytes(),
        }
    }

    /// About how many blocks have to be freed with it.
    pub(crate) fn allocations(self) -> usize {
        match self {
            ValueRef::String(_) => 1,
            ValueRef::List(list) => list.allocations(),
            ValueRef::Hash(hash) if hash.encoding() != Encoding::Hashtable => 1,
            ValueRef::Hash(hash) => hash.len(),
            ValueRef::Set(set) if set.encoding() != Encoding::Hashtable => 1,
            ValueRef::Set(set) => set.len(),
            ValueRef::ZSet(zset) if zset.encoding() == Encoding::Listpack => 1,
            ValueRef::ZSet(zset) => zset.len(),
            ValueRef::Stream(stream) => stream.allocations(),
            ValueRef::Array(array) => array.allocations(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.allocations(),
        }
    }

    /// True for a collection without elements that no key may hold.
    pub fn is_empty_collection(self) -> bool {
        match self {
            ValueRef::String(_) => false,
            ValueRef::List(list) => list.is_empty(),
            ValueRef::Hash(hash) => hash.is_empty(),
            ValueRef::Set(set) => set.is_empty(),
            ValueRef::ZSet(zset) => zset.is_empty(),
            ValueRef::Stream(_) => false,
            ValueRef::Array(array) => array.is_empty(),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.is_empty(),
        }
    }

    /// A value of its own, equal to this one.
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::String(string) => Value::String(string.to_owned()),
            ValueRef::List(list) => Value::List(Box::new(list.clone())),
            ValueRef::Hash(hash) => Value::Hash(Box::new(hash.clone())),
            ValueRef::Set(set) => Value::Set(Box::new(set.clone())),
            ValueRef::ZSet(zset) => Value::ZSet(Box::new(zset.clone())),
            ValueRef::Stream(stream) => Value::Stream(Box::new(stream.clone())),
            ValueRef::Array(array) => Value::Array(Box::new(array.clone())),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => Value::VectorSet(Box::new(set.clone())),
        }
    }

    /// The whole value as log and snapshot hold it.
    pub fn image(self) -> Image<'a> {
        match self {
            ValueRef::String(StrRef::Int(number)) => {
                Image::String(Blob(Cow::Owned(number.to_string().into_bytes())))
            }
            ValueRef::String(StrRef::Short { bytes, .. }) => Image::String(bytes.into()),
            ValueRef::String(StrRef::Shared(bytes)) => Image::String((&**bytes).into()),
            ValueRef::List(list) => Image::List(list.iter().map(Blob::from).collect()),
            ValueRef::Hash(hash) => match hash.iter_timed() {
                Some(timed) => Image::TimedHash(timed.map(|(f, v, at)| (f.into(), v.into(), at)).collect()),
                None => Image::Hash(hash.iter().map(|(f, v)| (f.into(), v.into())).collect()),
            },
            ValueRef::Set(set) => match set.iter_timed() {
                Some(timed) => Image::TimedSet(timed.map(|(member, at)| (member.into(), at)).collect()),
                None => Image::Set(set.iter().map(Blob::from).collect()),
            },
            ValueRef::ZSet(zset) => Image::ZSet(zset.iter().map(|(m, score)| (m.into(), score)).collect()),
            ValueRef::Stream(stream) => Image::Stream(stream.image()),
            ValueRef::Array(array) => Image::Array(array.image()),
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => Image::VectorSet(set.image()),
        }
    }
}
