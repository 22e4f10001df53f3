//! The alphabet of the append log and of snapshots.
//!
//! An effect is what a command *did*, never what it was asked: no clock, no random choice, no condition. So replay
//! needs no parser, and a whole value in a snapshot is the same [`Effect::Put`] that a log may hold.
use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::UnixMs;
use crate::types::Element;

/// Bytes that are borrowed from the buffer they were decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob<'a>(pub Cow<'a, [u8]>);

impl<'a> From<&'a [u8]> for Blob<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a> From<Element<'a>> for Blob<'a> {
    fn from(element: Element<'a>) -> Self {
        match element {
            Element::Text(bytes) => Self(Cow::Borrowed(bytes)),
            Element::Integer(value) => Self(Cow::Owned(value.to_string().into_bytes())),
        }
    }
}

impl std::ops::Deref for Blob<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BlobVisitor;
        impl<'de> Visitor<'de> for BlobVisitor {
            type Value = Blob<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<Blob<'de>, E> {
                Ok(Blob(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Blob<'de>, E> {
                Err(E::custom("the codec must lend its bytes"))
            }
        }
        deserializer.deserialize_bytes(BlobVisitor).map_err(D::Error::custom)
    }
}

/// One change. Effects between [`Effect::On`] and the next one are about its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect<'a> {
    /// What follows happens in this database. A unit begins in database 0.
    Select {
        /// The database's number.
        db: u32,
    },
    /// What follows is about this key.
    On {
        /// The key.
        #[serde(borrow)]
        key: Blob<'a>,
    },

    /// The key holds this string from now on.
    SetString {
        /// The whole value.
        #[serde(borrow)]
        value: Blob<'a>,
        /// The deadline from now on.
        expire_at: Option<UnixMs>,
    },
    /// The key holds this value from now on.
    Put {
        /// The whole value.
        #[serde(borrow)]
        value: Image<'a>,
        /// The deadline from now on.
        expire_at: Option<UnixMs>,
    },
    /// The key is gone: deleted, expired, evicted, or emptied.
    Del,
    /// The key has this deadline from now on.
    ExpireAt {
        /// The last moment at which it is alive.
        at: UnixMs,
    },
    /// The key has no deadline any more.
    Persist,
    /// The value and its deadline move to another name, replacing what was there.
    Rename {
        /// The new name.
        #[serde(borrow)]
        to: Blob<'a>,
    },
    /// The value and its deadline move to another database.
    Move {
        /// The database's number.
        db: u32,
    },
    /// Every key of the selected database is gone.
    Clear,
    /// Every key of every database is gone.
    ClearAll,
    /// Two databases change places.
    SwapDb {
        /// One of them.
        first: u32,
        /// The other.
        second: u32,
    },

    /// Bytes of a string are overwritten; it grows when they lie past its end, zeros between.
    Patch {
        /// Where they begin.
        offset: u64,
        /// The bytes.
        #[serde(borrow)]
        bytes: Blob<'a>,
    },

    /// A field of a hash has this value.
    HSet {
        /// The field.
        #[serde(borrow)]
        field: Blob<'a>,
        /// Its value.
        #[serde(borrow)]
        value: Blob<'a>,
    },
    /// A field of a hash is gone.
    HDel {
        /// The field.
        #[serde(borrow)]
        field: Blob<'a>,
    },

    /// An element is the first of a list.
    PushFront {
        /// The element.
        #[serde(borrow)]
        value: Blob<'a>,
    },
    /// An element is the last of a list.
    PushBack {
        /// The element.
        #[serde(borrow)]
        value: Blob<'a>,
    },
    /// The first element of a list is gone.
    PopFront,
    /// The last element of a list is gone.
    PopBack,
    /// An element of a list is replaced.
    ListSet {
        /// Its place from the front.
        index: u64,
        /// The new element.
        #[serde(borrow)]
        value: Blob<'a>,
    },
    /// An element comes in before the one at `index`.
    ListInsert {
        /// Its place from the front.
        index: u64,
        /// The element.
        #[serde(borrow)]
        value: Blob<'a>,
    },
    /// An element of a list is gone.
    ListRemove {
        /// Its place from the front.
        index: u64,
    },
    /// Only a stretch of a list is left.
    ListKeep {
        /// The first element kept.
        start: u64,
        /// The first element after it that is not kept.
        end: u64,
    },

    /// A member is in a set.
    SAdd {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
    },
    /// A member is no longer in a set.
    SRem {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
    },

    /// A member of a sorted set has this score.
    ZAdd {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
        /// Its score.
        score: f64,
    },
    /// A member is no longer in a sorted set.
    ZRem {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
    },
}

/// A whole value, of any type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Image<'a> {
    /// A string.
    String(#[serde(borrow)] Blob<'a>),
    /// A list's elements from front to back.
    List(#[serde(borrow)] Vec<Blob<'a>>),
    /// A hash's fields and values.
    Hash(#[serde(borrow)] Vec<(Blob<'a>, Blob<'a>)>),
    /// A set's members.
    Set(#[serde(borrow)] Vec<Blob<'a>>),
    /// A sorted set's members and scores, lowest first.
    ZSet(#[serde(borrow)] Vec<(Blob<'a>, f64)>),
}
