//! The alphabet of the append log and of snapshots.
//!
//! An effect is what a command *did*, never what it was asked: no clock, no random choice, no condition. So replay
//! needs no parser, and a whole value in a snapshot is the same [`Effect::Put`] that a log may hold. Each has a form in Redis's
//! commands, for whoever wants to bring it to a server.
use std::borrow::Cow;
use std::fmt;
use std::iter::{once, repeat_n};

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::script::LibraryChange;
use crate::types::Element;
use crate::types::array::{ArrayChange, ArrayImage};
use crate::types::stream::{StreamChange, StreamImage};
use crate::types::vector_image::{VectorChange, VectorSetImage};
use crate::{UnixMs, number};

/// Bytes that are borrowed from the buffer they were decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob<'a>(pub Cow<'a, [u8]>);

impl<'a> From<&'a [u8]> for Blob<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Blob<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
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

impl Blob<'_> {
    /// The same bytes, borrowed from nobody.
    pub fn into_owned(self) -> Blob<'static> {
        Blob(Cow::Owned(self.0.into_owned()))
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
#[non_exhaustive]
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

    /// A stream has changed, or is a new one with just this change.
    Stream(#[serde(borrow)] StreamChange<'a>),
    /// A field of a hash has this deadline from now on. [`Effect::HSet`] takes it away.
    HExpireAt {
        /// The field.
        #[serde(borrow)]
        field: Blob<'a>,
        /// The last moment at which it is there.
        at: UnixMs,
    },
    /// A field of a hash has no deadline any more.
    HPersist {
        /// The field.
        #[serde(borrow)]
        field: Blob<'a>,
    },
    /// A vector set has changed, or is a new one with just this change.
    Vector(#[serde(borrow)] VectorChange<'a>),
    /// A member of a set has this deadline from now on.
    SExpireAt {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
        /// The last moment at which it is there.
        at: UnixMs,
    },
    /// A member of a set has no deadline any more.
    SPersist {
        /// The member.
        #[serde(borrow)]
        member: Blob<'a>,
    },
    /// An array has changed, or is a new one with just this change.
    Array(#[serde(borrow)] ArrayChange<'a>),
    /// Libraries of functions have changed, which are nobody's keys.
    Libraries(#[serde(borrow)] LibraryChange<'a>),
}

/// A whole value, of any type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// A stream.
    Stream(#[serde(borrow)] StreamImage<'a>),
    /// A hash's fields, values and deadlines, where one has or had a deadline.
    TimedHash(#[serde(borrow)] Vec<(Blob<'a>, Blob<'a>, Option<UnixMs>)>),
    /// A vector set.
    VectorSet(#[serde(borrow)] VectorSetImage<'a>),
    /// A set's members and deadlines, where one has or had a deadline.
    TimedSet(#[serde(borrow)] Vec<(Blob<'a>, Option<UnixMs>)>),
    /// An array.
    Array(#[serde(borrow)] ArrayImage<'a>),
}

/// A command as words, its name first.
pub type Words<'a> = Vec<Cow<'a, [u8]>>;

/// How many elements one command of those that build a collection has: as many as Redis writes to its append-only file.
const ELEMENTS_PER_COMMAND: usize = 64;

fn words<const N: usize>(words: [&(impl AsRef<[u8]> + ?Sized); N]) -> Words<'_> {
    words.into_iter().map(|word| Cow::Borrowed(word.as_ref())).collect()
}

pub(crate) fn decimal<'a>(number: impl Into<i128>) -> Cow<'a, [u8]> {
    Cow::Owned(number.into().to_string().into_bytes())
}

fn text<'a>(score: f64) -> Cow<'a, [u8]> {
    Cow::Owned(number::format_f64(score).into_bytes())
}

/// `NAME KEY ...`
pub(crate) fn on<'a>(
    name: &'static str,
    key: &'a [u8],
    rest: impl IntoIterator<Item = Cow<'a, [u8]>>,
) -> Words<'a> {
    [Cow::Borrowed(name.as_bytes()), Cow::Borrowed(key)].into_iter().chain(rest).collect()
}

fn set_string<'a>(key: &'a [u8], value: &'a [u8], expire_at: Option<UnixMs>) -> Words<'a> {
    let deadline = expire_at.map(|at| [Cow::Borrowed(&b"PXAT"[..]), decimal(at.0)]);
    on("SET", key, once(Cow::Borrowed(value)).chain(deadline.into_iter().flatten()))
}

const FIELDS: &str = "FIELDS";
const MEMBERS: &str = "MEMBERS";

/// `FIELDS numfields field ...`, or what `word` says.
fn counted<'a>(word: &'static str, names: &[&'a [u8]]) -> Words<'a> {
    let count = decimal(names.len() as i64);
    [Cow::Borrowed(word.as_bytes()), count]
        .into_iter()
        .chain(names.iter().map(|name| Cow::Borrowed(*name)))
        .collect()
}

/// `milliseconds FIELDS numfields field ...`
fn expiry<'a>(at: UnixMs, word: &'static str, names: &[&'a [u8]]) -> Words<'a> {
    once(decimal(at.0)).chain(counted(word, names)).collect()
}

impl Effect<'_> {
    /// Whether it is about the keys of whole databases, and so about none that [`Effect::On`] names.
    pub const fn is_about_all(&self) -> bool {
        matches!(self, Effect::Clear | Effect::ClearAll | Effect::SwapDb { .. })
    }

    /// The same effect, borrowed from nobody.
    pub fn into_owned(self) -> Effect<'static> {
        match self {
            Effect::Select { db } => Effect::Select { db },
            Effect::On { key } => Effect::On { key: key.into_owned() },
            Effect::SetString { value, expire_at } => {
                Effect::SetString { value: value.into_owned(), expire_at }
            }
            Effect::Put { value, expire_at } => Effect::Put { value: value.into_owned(), expire_at },
            Effect::Del => Effect::Del,
            Effect::ExpireAt { at } => Effect::ExpireAt { at },
            Effect::Persist => Effect::Persist,
            Effect::Rename { to } => Effect::Rename { to: to.into_owned() },
            Effect::Move { db } => Effect::Move { db },
            Effect::Clear => Effect::Clear,
            Effect::ClearAll => Effect::ClearAll,
            Effect::Libraries(change) => Effect::Libraries(change.into_owned()),
            Effect::SwapDb { first, second } => Effect::SwapDb { first, second },
            Effect::Patch { offset, bytes } => Effect::Patch { offset, bytes: bytes.into_owned() },
            Effect::HSet { field, value } => {
                Effect::HSet { field: field.into_owned(), value: value.into_owned() }
            }
            Effect::HDel { field } => Effect::HDel { field: field.into_owned() },
            Effect::PushFront { value } => Effect::PushFront { value: value.into_owned() },
            Effect::PushBack { value } => Effect::PushBack { value: value.into_owned() },
            Effect::PopFront => Effect::PopFront,
            Effect::PopBack => Effect::PopBack,
            Effect::ListSet { index, value } => Effect::ListSet { index, value: value.into_owned() },
            Effect::ListInsert { index, value } => Effect::ListInsert { index, value: value.into_owned() },
            Effect::ListRemove { index } => Effect::ListRemove { index },
            Effect::ListKeep { start, end } => Effect::ListKeep { start, end },
            Effect::SAdd { member } => Effect::SAdd { member: member.into_owned() },
            Effect::SRem { member } => Effect::SRem { member: member.into_owned() },
            Effect::ZAdd { member, score } => Effect::ZAdd { member: member.into_owned(), score },
            Effect::ZRem { member } => Effect::ZRem { member: member.into_owned() },
            Effect::Stream(change) => Effect::Stream(change.into_owned()),
            Effect::HExpireAt { field, at } => Effect::HExpireAt { field: field.into_owned(), at },
            Effect::HPersist { field } => Effect::HPersist { field: field.into_owned() },
            Effect::Vector(change) => Effect::Vector(change.into_owned()),
            Effect::SExpireAt { member, at } => Effect::SExpireAt { member: member.into_owned(), at },
            Effect::SPersist { member } => Effect::SPersist { member: member.into_owned() },
            Effect::Array(change) => Effect::Array(change.into_owned()),
        }
    }

    /// Redis's commands that do the same to `key`, in order: most effects are one of them. They are for a connection that has
    /// selected the effect's database. `key` is of no matter for an effect that is about none.
    ///
    /// Redis has no command that inserts into a list, or removes from it, by index. Such an effect turns the list until the place
    /// is at its front, and back: 2 commands for each element before it.
    ///
    /// A deadline that has passed when the commands are run removes the key at once, which a later command may have prevented; Redis
    /// expires nothing while it loads an append-only file, so there it does not matter when.
    ///
    /// ```
    /// use redlet_core::effect::{Blob, Effect};
    ///
    /// let effect = Effect::ZAdd { member: Blob(b"ada"[..].into()), score: 1.5 };
    /// let commands: Vec<_> = effect.to_commands(b"board").collect();
    /// assert_eq!(commands.len(), 1);
    /// assert_eq!(commands[0], [&b"ZADD"[..], b"board", b"1.5", b"ada"]);
    /// ```
    pub fn to_commands<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = Words<'a>> + 'a {
        let (turned, commands) = self.at_front(key);
        repeat_n(words([&b"LMOVE"[..], key, key, b"LEFT", b"RIGHT"]), turned)
            .chain(commands)
            .chain(repeat_n(words([&b"LMOVE"[..], key, key, b"RIGHT", b"LEFT"]), turned))
    }

    /// How far a list is to be turned, and the commands that then do the same.
    fn at_front<'a>(&'a self, key: &'a [u8]) -> (usize, Vec<Words<'a>>) {
        let turned = match self {
            Effect::ListInsert { index, .. } | Effect::ListRemove { index } => *index as usize,
            _ => 0,
        };
        let word = |bytes: &'a [u8]| Cow::Borrowed(bytes);
        let command = match self {
            Effect::On { .. } => return (0, Vec::new()),
            Effect::Array(change) => return (0, change.to_commands(key)),
            Effect::Put { value: Image::String(value), expire_at }
            | Effect::SetString { value, expire_at } => set_string(key, value, *expire_at),
            Effect::Put { value, expire_at } => {
                let deadline = expire_at.map(|at| on("PEXPIREAT", key, [decimal(at.0)]));
                let commands = once(on("DEL", key, [])).chain(value.to_commands(key)).chain(deadline);
                return (0, commands.collect());
            }
            Effect::Select { db } => vec![word(b"SELECT"), decimal(*db)],
            Effect::Del => on("DEL", key, []),
            Effect::ExpireAt { at } => on("PEXPIREAT", key, [decimal(at.0)]),
            Effect::Persist => on("PERSIST", key, []),
            Effect::Rename { to } => on("RENAME", key, [word(to)]),
            Effect::Move { db } => on("MOVE", key, [decimal(*db)]),
            Effect::Clear => vec![word(b"FLUSHDB")],
            Effect::ClearAll => vec![word(b"FLUSHALL")],
            Effect::Libraries(LibraryChange::Clear) => vec![word(b"FUNCTION"), word(b"FLUSH")],
            Effect::Libraries(LibraryChange::Delete { name }) => {
                vec![word(b"FUNCTION"), word(b"DELETE"), word(name)]
            }
            Effect::Libraries(LibraryChange::Put { code, .. }) => {
                vec![word(b"FUNCTION"), word(b"LOAD"), word(b"REPLACE"), word(code)]
            }
            Effect::SwapDb { first, second } => vec![word(b"SWAPDB"), decimal(*first), decimal(*second)],
            Effect::Patch { offset, bytes } => on("SETRANGE", key, [decimal(*offset), word(bytes)]),
            Effect::HSet { field, value } => on("HSET", key, [word(field), word(value)]),
            Effect::HDel { field } => on("HDEL", key, [word(field)]),
            Effect::PushFront { value } | Effect::ListInsert { value, .. } => on("LPUSH", key, [word(value)]),
            Effect::PushBack { value } => on("RPUSH", key, [word(value)]),
            Effect::PopFront | Effect::ListRemove { .. } => on("LPOP", key, []),
            Effect::PopBack => on("RPOP", key, []),
            Effect::ListSet { index, value } => on("LSET", key, [decimal(*index), word(value)]),
            // As an index, what comes before 0 would be the last element.
            Effect::ListKeep { start, end } if start >= end => on("DEL", key, []),
            Effect::ListKeep { start, end } => on("LTRIM", key, [decimal(*start), decimal(end - 1)]),
            Effect::SAdd { member } => on("SADD", key, [word(member)]),
            Effect::SRem { member } => on("SREM", key, [word(member)]),
            Effect::ZAdd { member, score } => on("ZADD", key, [text(*score), word(member)]),
            Effect::ZRem { member } => on("ZREM", key, [word(member)]),
            Effect::Stream(change) => return (0, change.to_command(key).into_iter().collect()),
            Effect::HExpireAt { field, at } => on("HPEXPIREAT", key, expiry(*at, FIELDS, &[&**field])),
            Effect::HPersist { field } => on("HPERSIST", key, counted(FIELDS, &[&**field])),
            Effect::Vector(change) => change.to_command(key),
            Effect::SExpireAt { member, at } => on("SPEXPIREAT", key, expiry(*at, MEMBERS, &[&**member])),
            Effect::SPersist { member } => on("SPERSIST", key, counted(MEMBERS, &[&**member])),
        };
        (turned, vec![command])
    }
}

impl Image<'_> {
    /// How many elements a collection has of which the value has each once, or in a list each in its place. `None` for a string, a
    /// stream and an array.
    pub(crate) fn elements(&self) -> Option<usize> {
        match self {
            Image::String(_) | Image::Stream(_) | Image::Array(_) => None,
            Image::List(values) => Some(values.len()),
            Image::Hash(fields) => Some(fields.len()),
            Image::TimedHash(fields) => Some(fields.len()),
            Image::Set(members) => Some(members.len()),
            Image::ZSet(members) => Some(members.len()),
            Image::VectorSet(set) => Some(set.elements.len()),
            Image::TimedSet(members) => Some(members.len()),
        }
    }

    /// The same value, borrowed from nobody.
    pub fn into_owned(self) -> Image<'static> {
        let all = |blobs: Vec<Blob<'_>>| blobs.into_iter().map(Blob::into_owned).collect();
        match self {
            Image::String(value) => Image::String(value.into_owned()),
            Image::List(values) => Image::List(all(values)),
            Image::Hash(fields) => Image::Hash(
                fields.into_iter().map(|(field, value)| (field.into_owned(), value.into_owned())).collect(),
            ),
            Image::Set(members) => Image::Set(all(members)),
            Image::ZSet(members) => {
                Image::ZSet(members.into_iter().map(|(member, score)| (member.into_owned(), score)).collect())
            }
            Image::Stream(stream) => Image::Stream(stream.into_owned()),
            Image::TimedHash(fields) => {
                let owned = |(field, value, at): (Blob<'_>, Blob<'_>, _)| {
                    (field.into_owned(), value.into_owned(), at)
                };
                Image::TimedHash(fields.into_iter().map(owned).collect())
            }
            Image::VectorSet(set) => Image::VectorSet(set.into_owned()),
            Image::TimedSet(members) => {
                Image::TimedSet(members.into_iter().map(|(member, at)| (member.into_owned(), at)).collect())
            }
            Image::Array(array) => Image::Array(array.into_owned()),
        }
    }

    /// Redis's commands that make this value at a key that is not there.
    pub fn to_commands<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = Words<'a>> + 'a {
        let one = |blob: &'a Blob<'a>| vec![Cow::Borrowed(&**blob)];
        let (name, elements): (_, Vec<Words<'a>>) = match self {
            Image::String(value) => ("SET", vec![one(value)]),
            Image::List(values) => ("RPUSH", values.iter().map(one).collect()),
            Image::Set(members) => ("SADD", members.iter().map(one).collect()),
            Image::TimedSet(members) => ("SADD", members.iter().map(|(member, _)| one(member)).collect()),
            Image::Hash(fields) => {
                ("HSET", fields.iter().map(|(field, value)| words([&**field, &**value])).collect())
            }
            Image::TimedHash(fields) => {
                ("HSET", fields.iter().map(|(field, value, _)| words([&**field, &**value])).collect())
            }
            Image::ZSet(members) => (
                "ZADD",
                members.iter().map(|(member, score)| vec![text(*score), Cow::Borrowed(&**member)]).collect(),
            ),
            Image::Stream(stream) => return stream_commands(stream, key).into_iter(),
            Image::VectorSet(set) => return set.to_commands(key).into_iter(),
            Image::Array(array) => return array.to_commands(key).into_iter(),
        };
        let (expire, word, deadlines): (_, _, Vec<(&[u8], _)>) = match self {
            Image::TimedHash(fields) => {
                ("HPEXPIREAT", FIELDS, fields.iter().map(|(field, _, at)| (&**field, *at)).collect())
            }
            Image::TimedSet(members) => {
                ("SPEXPIREAT", MEMBERS, members.iter().map(|(member, at)| (&**member, *at)).collect())
            }
            _ => ("", "", Vec::new()),
        };
        // Elements of one deadline are likely to be neighbours.
        let alike = deadlines.chunk_by(|one, other| one.1 == other.1);
        let expiries =
            alike.flat_map(|elements| elements.chunks(ELEMENTS_PER_COMMAND)).filter_map(|elements| {
                let names: Vec<&[u8]> = elements.iter().map(|(name, _)| *name).collect();
                Some(on(expire, key, expiry(elements.first()?.1?, word, &names)))
            });
        let groups = elements.chunks(ELEMENTS_PER_COMMAND).map(|group| on(name, key, group.concat()));
        groups.chain(expiries).collect::<Vec<_>>().into_iter()
    }
}

/// Redis's commands that make a stream. One that has no entry is made by adding one and trimming it, as Redis does it.
fn stream_commands<'a>(stream: &'a StreamImage<'a>, key: &'a [u8]) -> Vec<Words<'a>> {
    let any = [&b"MAXLEN"[..], b"0", b"0-1", b"x", b"y"].map(Cow::Borrowed);
    let begin = stream.blocks.is_empty().then(|| on("XADD", key, any));
    let owned = |words: Words<'_>| words.into_iter().map(|word| Cow::Owned(word.into_owned())).collect();
    begin
        .into_iter()
        .chain(stream.changes().iter().filter_map(|change| change.to_command(key).map(owned)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(effect: &Effect<'_>) -> Vec<String> {
        let line = |words: Words<'_>| {
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
        };
        effect.to_commands(b"k").map(line).collect()
    }

    fn blob(text: &'static str) -> Blob<'static> {
        text.as_bytes().into()
    }

    #[test]
    fn a_whole_value_replaces_what_was_there_in_commands_of_64_elements() {
        let put = Effect::Put { value: Image::List(vec![blob("x"); 130]), expire_at: Some(UnixMs(7)) };
        let commands: Vec<usize> = put.to_commands(b"k").map(|words| words.len()).collect();
        assert_eq!(commands, [2, 66, 66, 4, 3]);
        let pairs = vec![(blob("m"), f64::NEG_INFINITY), (blob("n"), 0.1)];
        let put = Effect::Put { value: Image::ZSet(pairs), expire_at: None };
        assert_eq!(lines(&put), ["DEL k", "ZADD k -inf m 0.1 n"]);
        let put = Effect::Put { value: Image::String(blob("v")), expire_at: Some(UnixMs(7)) };
        assert_eq!(lines(&put), ["SET k v PXAT 7"]);
    }

    #[test]
    fn fields_of_one_deadline_get_it_in_commands_of_64() {
        let field = |at: i64| (blob("f"), blob("v"), Some(UnixMs(at)));
        let fields = [vec![field(7); 65], vec![(blob("g"), blob("w"), None), field(9)]].concat();
        let put = Effect::Put { value: Image::TimedHash(fields), expire_at: Some(UnixMs(99)) };
        let lines: Vec<_> = lines(&put).into_iter().filter(|line| !line.starts_with("HSET")).collect();
        assert_eq!(
            lines,
            [
                "DEL k",
                &format!("HPEXPIREAT k 7 FIELDS 64{}", " f".repeat(64)),
                "HPEXPIREAT k 7 FIELDS 1 f",
                "HPEXPIREAT k 9 FIELDS 1 f",
                "PEXPIREAT k 99"
            ]
        );
        assert_eq!(
            self::lines(&Effect::HExpireAt { field: blob("f"), at: UnixMs(5) }),
            ["HPEXPIREAT k 5 FIELDS 1 f"]
        );
        assert_eq!(self::lines(&Effect::HPersist { field: blob("f") }), ["HPERSIST k FIELDS 1 f"]);
    }

    #[test]
    fn members_of_one_deadline_get_it_in_one_command() {
        let members = vec![(blob("a"), Some(UnixMs(7))), (blob("b"), Some(UnixMs(7))), (blob("c"), None)];
        let put = Effect::Put { value: Image::TimedSet(members), expire_at: None };
        assert_eq!(lines(&put), ["DEL k", "SADD k a b c", "SPEXPIREAT k 7 MEMBERS 2 a b"]);
        let effect = Effect::SExpireAt { member: blob("m"), at: UnixMs(5) };
        assert_eq!(lines(&effect), ["SPEXPIREAT k 5 MEMBERS 1 m"]);
        assert_eq!(lines(&Effect::SPersist { member: blob("m") }), ["SPERSIST k MEMBERS 1 m"]);
    }

    #[test]
    fn a_place_in_a_list_is_reached_by_turning_it() {
        let insert = Effect::ListInsert { index: 2, value: blob("v") };
        assert_eq!(
            lines(&insert),
            [
                "LMOVE k k LEFT RIGHT",
                "LMOVE k k LEFT RIGHT",
                "LPUSH k v",
                "LMOVE k k RIGHT LEFT",
                "LMOVE k k RIGHT LEFT"
            ]
        );
        assert_eq!(lines(&Effect::ListRemove { index: 0 }), ["LPOP k"]);
    }

    #[test]
    fn a_list_of_which_nothing_is_kept_is_deleted() {
        assert_eq!(lines(&Effect::ListKeep { start: 1, end: 3 }), ["LTRIM k 1 2"]);
        assert_eq!(lines(&Effect::ListKeep { start: 0, end: 0 }), ["DEL k"]);
    }

    #[test]
    fn what_says_where_the_next_effects_are_changes_nothing() {
        assert_eq!(lines(&Effect::On { key: blob("other") }), [""; 0]);
        assert_eq!(lines(&Effect::Select { db: 3 }), ["SELECT 3"]);
    }
}
