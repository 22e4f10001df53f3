//! Hashes: HSET, HGETALL, HINCRBY, HSCAN and their kin.
use std::borrow::Cow;

use crate::Bytes;

use super::scan::{self, ScanOptions, ScanReply, Scanned};
use super::string::Pairs;
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::number::{self, Extended};
use crate::tx::{HashView, Tx, View};
use crate::types::Element;
use crate::{Error, Reply, Result};

table! {
    write HDel, read HExists, read HGet, read HGetAll, write HIncrBy, write HIncrByFloat, read HKeys, read HLen, read HMGet,
    write HMSet, read HRandField, read HScan, write HSet, write HSetNx, read HStrLen, read HVals,
}

pub(super) const HASH: Spec = Spec { group: Group::Hash, since: "2.0.0", ..Spec::EMPTY };
const FAST_WRITE: Flags = Flags::DENYOOM.and(Flags::FAST);
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

/// Declares a command whose words are a key and a field.
macro_rules! field_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The field.
            pub field: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = $spec;
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, field: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

/// Declares a command whose words are a key and fields.
macro_rules! fields_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The fields.
            pub fields: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = $spec;
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, fields: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

field_command! {
    /// `HGET key field`
    HGet -> Option<Bytes>, Spec {
        name: "HGET",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the value of a field.",
        syntax: "key field",
        ..HASH
    }
}

fn field<'v>(db: &View<'_>, key: &[u8], hash: Option<HashView<'v>>, field: &[u8]) -> Option<Element<'v>> {
    let hash = hash?;
    let found = hash.get(field);
    if found.is_none() && hash.is_timed() {
        db.note_expired_element(key, hash, field);
    }
    found
}

impl<'a> Read<'a> for HGet<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        Ok(field(db, self.key, db.hash_at(self.key)?, self.field).map(Element::copy))
    }
}

field_command! {
    /// `HEXISTS key field`
    HExists -> bool, Spec {
        name: "HEXISTS",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Says whether a hash has a field.",
        syntax: "key field",
        ..HASH
    }
}

impl<'a> Read<'a> for HExists<'a> {
    fn read(&self, db: &View<'_>) -> Result<bool> {
        Ok(field(db, self.key, db.hash_at(self.key)?, self.field).is_some())
    }
}

field_command! {
    /// `HSTRLEN key field`
    HStrLen -> usize, Spec {
        name: "HSTRLEN",
        arity: 3,
        since: "3.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Returns the length of a field's value in bytes.",
        syntax: "key field",
        ..HASH
    }
}

impl<'a> Read<'a> for HStrLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(field(db, self.key, db.hash_at(self.key)?, self.field).map_or(0, |value| value.with(<[u8]>::len)))
    }
}

keyed! {
    /// `HLEN key`
    HLen -> usize, Spec {
        name: "HLEN",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Counts the fields of a hash, those too that have expired and are not removed yet.",
        syntax: "key",
        ..HASH
    }
}

impl<'a> Read<'a> for HLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.hash_at(self.key)?.map_or(0, |hash| hash.len()))
    }
}

keyed! {
    /// `HKEYS key`
    HKeys -> Vec<Bytes>, Spec {
        name: "HKEYS",
        arity: 2,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: UNORDERED,
        summary: "Returns the fields of a hash.",
        complexity: "O(N), N being the number of fields",
        syntax: "key",
        ..HASH
    }
}

impl<'a> Read<'a> for HKeys<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Bytes>> {
        let Some(hash) = db.hash_at(self.key)? else { return Ok(Vec::new()) };
        Ok(hash.iter().map(|(field, _)| field.copy()).collect())
    }
}

keyed! {
    /// `HVALS key`
    HVals -> Vec<Bytes>, Spec {
        name: "HVALS",
        arity: 2,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: UNORDERED,
        summary: "Returns the values of a hash.",
        complexity: "O(N), N being the number of fields",
        syntax: "key",
        ..HASH
    }
}

impl<'a> Read<'a> for HVals<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Bytes>> {
        let Some(hash) = db.hash_at(self.key)? else { return Ok(Vec::new()) };
        Ok(hash.iter().map(|(_, value)| value.copy()).collect())
    }
}

/// Fields with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldValues(pub Vec<(Bytes, Bytes)>);

impl From<FieldValues> for Reply {
    fn from(reply: FieldValues) -> Self {
        Reply::Map(reply.0.into_iter().map(|(field, value)| (field.into(), value.into())).collect())
    }
}

#[expect(clippy::inline_always, reason = "an element must not go through memory")]
#[inline(always)]
fn copied((field, value): (Element<'_>, Element<'_>)) -> (Bytes, Bytes) {
    (field.copy(), value.copy())
}

keyed! {
    /// `HGETALL key`
    HGetAll -> FieldValues, Spec {
        name: "HGETALL",
        arity: 2,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: UNORDERED,
        summary: "Returns the fields and values of a hash.",
        complexity: "O(N), N being the number of fields",
        syntax: "key",
        ..HASH
    }
}

impl<'a> Read<'a> for HGetAll<'a> {
    fn read(&self, db: &View<'_>) -> Result<FieldValues> {
        let Some(hash) = db.hash_at(self.key)? else { return Ok(FieldValues::default()) };
        let mut pairs = Vec::with_capacity(hash.len());
        hash.iter().for_each(|pair| pairs.push(copied(pair)));
        Ok(FieldValues(pairs))
    }
}

fields_command! {
    /// `HMGET key field [field ...]`
    HMGet -> Vec<Option<Bytes>>, Spec {
        name: "HMGET",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the values of several fields.",
        complexity: "O(N), N being the number of fields asked for",
        syntax: "key field [field ...]",
        ..HASH
    }
}

impl<'a> Read<'a> for HMGet<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<Bytes>>> {
        let hash = db.hash_at(self.key)?;
        Ok(self.fields.iter().map(|name| field(db, self.key, hash, name).map(Element::copy)).collect())
    }
}

fields_command! {
    /// `HDEL key field [field ...]`
    HDel -> usize, Spec {
        name: "HDEL",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Removes fields from a hash; a hash without fields is no key.",
        complexity: "O(N), N being the number of fields to remove",
        syntax: "key field [field ...]",
        ..HASH
    }
}

impl<'a> Write<'a> for HDel<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut hash = db.hash_mut(self.key)?;
        Ok(self.fields.iter().filter(|field| hash.remove(field)).count())
    }
}

fn field_pairs<'a>(args: &mut Args<'a>, name: &'static str) -> Result<Pairs<'a>> {
    let (pairs, rest) = args.rest().as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(super::wrong_arity(name));
    }
    Ok(pairs.iter().map(|&[field, value]| (field, value)).collect::<Vec<_>>().into())
}

fn set_all(db: &mut Tx<'_>, key: &[u8], pairs: &[(&[u8], &[u8])]) -> Result<usize> {
    let mut hash = db.hash_mut(key)?;
    hash.expect(pairs.len());
    Ok(pairs.iter().filter(|(field, value)| hash.insert(field, value)).count())
}

macro_rules! set_command {
    ($type:ident, $name:literal, $reply:ty, $answer:expr, $summary:literal) => {
        #[doc = concat!("`", $name, " key field value [field value ...]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// Fields and values.
            pub pairs: Pairs<'a>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -4,
                flags: FAST_WRITE,
                keys: &[KeySpec::first(&["RW", "update"])],
                summary: $summary,
                complexity: "O(N), N being the number of fields to set",
                syntax: "key field value [field value ...]",
                ..HASH
            };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, pairs: field_pairs(args, $name)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<$reply> {
                set_all(db, self.key, &self.pairs).map($answer)
            }
        }
    };
}

set_command!(HSet, "HSET", usize, |added| added, "Sets fields of a hash; answers how many are new.");
set_command!(HMSet, "HMSET", (), drop, "Sets fields of a hash.");

/// `HSETNX key field value`
#[derive(Clone, Debug)]
pub struct HSetNx<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The field.
    pub field: &'a [u8],
    /// Its value, if it has none yet.
    pub value: &'a [u8],
}

impl<'a> Command<'a> for HSetNx<'a> {
    const SPEC: Spec = Spec {
        name: "HSETNX",
        arity: 4,
        flags: FAST_WRITE,
        keys: &[KeySpec::first(&["RW", "insert"])],
        summary: "Sets a field unless it is there already.",
        syntax: "key field value",
        ..HASH
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(HSetNx { key: args.bytes()?, field: args.bytes()?, value: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HSetNx<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let mut hash = db.hash_mut(self.key)?;
        if hash.shown().get(self.field).is_some() {
            return Ok(false);
        }
        hash.expect(1);
        Ok(hash.insert(self.field, self.value))
    }
}

/// `HINCRBY key field increment`
#[derive(Clone, Debug)]
pub struct HIncrBy<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The field.
    pub field: &'a [u8],
    /// By how much.
    pub by: i64,
}

impl<'a> Command<'a> for HIncrBy<'a> {
    const SPEC: Spec = Spec {
        name: "HINCRBY",
        arity: 4,
        flags: FAST_WRITE,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Adds to the integer in a field, 0 if it is not there.",
        syntax: "key field increment",
        ..HASH
    };
    type Reply = i64;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(HIncrBy { key: args.bytes()?, field: args.bytes()?, by: args.int()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HIncrBy<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<i64> {
        let mut hash = db.hash_mut(self.key)?;
        let old = match hash.shown().get(self.field) {
            None => 0,
            Some(value) => {
                value.with(number::parse_i64).ok_or(Error::refused("ERR hash value is not an integer"))?
            }
        };
        let new = old.checked_add(self.by).ok_or(Error::Overflow)?;
        hash.insert_keeping(self.field, new.to_string().as_bytes());
        Ok(new)
    }

    fn event(&self) -> Option<&'static str> {
        Some("hincrby")
    }
}

/// `HINCRBYFLOAT key field increment`
#[derive(Clone, Debug)]
pub struct HIncrByFloat<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The field.
    pub field: &'a [u8],
    /// By how much, in the precision that Redis adds with.
    pub by: Extended,
}

impl<'a> Command<'a> for HIncrByFloat<'a> {
    const SPEC: Spec = Spec {
        name: "HINCRBYFLOAT",
        arity: 4,
        since: "2.6.0",
        flags: FAST_WRITE,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Adds to the number in a field, 0 if it is not there.",
        syntax: "key field increment",
        ..HASH
    };
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, field) = (args.bytes()?, args.bytes()?);
        let by = Extended::parse(args.bytes()?).ok_or(Error::NotAFloat)?;
        if !by.is_finite() {
            return Err(Error::refused("ERR value is NaN or Infinity"));
        }
        Ok(HIncrByFloat { key, field, by })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HIncrByFloat<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Bytes> {
        let mut hash = db.hash_mut(self.key)?;
        let old = match hash.shown().get(self.field) {
            None => Extended::ZERO,
            Some(value) => {
                value.with(Extended::parse).ok_or(Error::refused("ERR hash value is not a float"))?
            }
        };
        let new = old.plus(self.by);
        if !new.is_finite() {
            return Err(Error::refused("ERR increment would produce NaN or Infinity"));
        }
        let text = Bytes::from(new.to_text());
        hash.insert_keeping(self.field, &text);
        Ok(text)
    }

    fn event(&self) -> Option<&'static str> {
        Some("hincrbyfloat")
    }
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
#[derive(Clone, Debug)]
pub struct HScan<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where to go on: 0 at first, then what the last step returned.
    pub cursor: u64,
    /// The rest.
    pub options: Late<ScanOptions<'a>>,
}

impl<'a> Command<'a> for HScan<'a> {
    const SPEC: Spec = Spec {
        name: "HSCAN",
        arity: -3,
        since: "2.8.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some of a hash's fields and where to go on.",
        complexity: "O(1) a step, O(N) a whole scan, N being the number of fields",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        ..HASH
    };
    type Reply = ScanReply<(Bytes, Option<Bytes>)>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(HScan {
            key: args.bytes()?,
            cursor: scan::cursor(args)?,
            options: ScanOptions::parse(args, Scanned::Hash),
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for HScan<'a> {
    fn read(&self, db: &View<'_>) -> Result<Self::Reply> {
        let Some(hash) = db.hash_at(self.key)? else { return Ok(ScanReply::complete()) };
        let options = self.options.clone()?;
        Ok(ScanReply::collect(self.cursor, options.count, |cursor, items| {
            let mut looked_at = 0;
            let next = hash.scan(cursor, |field, value| {
                looked_at += 1;
                if options.accepts(field) {
                    let value = (!options.no_values).then(|| Bytes::copy_from_slice(value));
                    items.push((Bytes::copy_from_slice(field), value));
                }
            });
            (next, looked_at)
        }))
    }
}

/// How many elements to draw at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// One.
    One,
    /// So many different ones, fewer if there are not so many.
    Different(usize),
    /// So many, each drawn from all of them.
    Repeating(usize),
}

impl Draw {
    /// The same, answered as a list.
    #[must_use]
    pub fn as_many(self) -> Self {
        if self == Draw::One { Draw::Different(1) } else { self }
    }

    /// Reads a count: negative allows repetition.
    pub(super) fn parse(args: &mut Args<'_>) -> Result<Self> {
        let count = args.signed_count()?;
        let number = count.unsigned_abs() as usize;
        Ok(if count < 0 { Draw::Repeating(number) } else { Draw::Different(number) })
    }

    /// Twice as many parts must still be countable where each element comes with another.
    pub(super) fn doubled(self) -> Result<Self> {
        match self {
            Draw::Different(count) | Draw::Repeating(count) if count > i64::MAX as usize / 2 => {
                Err(Error::refused("ERR value is out of range"))
            }
            draw => Ok(draw),
        }
    }
}

/// `HRANDFIELD key [count [WITHVALUES]]`
#[derive(Clone, Debug)]
pub struct HRandField<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many.
    pub draw: Draw,
    /// `WITHVALUES`: with their values.
    pub with_values: bool,
}

/// `HRANDFIELD`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HRandFieldReply {
    /// Without a count: a field, if there is one.
    One(Option<Bytes>),
    /// With a count: fields.
    Fields(Vec<Bytes>),
    /// `WITHVALUES`: fields and their values.
    Values(Vec<(Bytes, Bytes)>),
}

impl From<HRandFieldReply> for Reply {
    fn from(reply: HRandFieldReply) -> Self {
        match reply {
            HRandFieldReply::One(field) => field.into(),
            HRandFieldReply::Fields(fields) => fields.into(),
            HRandFieldReply::Values(pairs) => {
                Reply::Pairs(pairs.into_iter().map(|(field, value)| (field.into(), value.into())).collect())
            }
        }
    }
}

impl<'a> Command<'a> for HRandField<'a> {
    const SPEC: Spec = Spec {
        name: "HRANDFIELD",
        arity: -2,
        since: "6.2.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some of a hash's fields, each equally likely.",
        complexity: "O(N), N being the number of fields returned",
        syntax: "key [count [WITHVALUES]]",
        ..HASH
    };
    type Reply = HRandFieldReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if args.is_empty() {
            return Ok(HRandField { key, draw: Draw::One, with_values: false });
        }
        let draw = Draw::parse(args)?;
        let with_values = args.take("WITHVALUES");
        args.finish()?;
        Ok(HRandField { key, draw: if with_values { draw.doubled()? } else { draw }, with_values })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for HRandField<'a> {
    fn read(&self, db: &View<'_>) -> Result<HRandFieldReply> {
        let hash = db.hash_at(self.key)?;
        let random = db.random();
        if self.draw == Draw::One {
            let field = hash.and_then(|hash| hash.random(random));
            return Ok(HRandFieldReply::One(field.map(|(field, _)| field.copy())));
        }
        let drawn: Vec<(Bytes, Bytes)> = match hash {
            None => Vec::new(),
            // Those that have expired are passed over once, not by each draw.
            Some(hash) if hash.is_timed() => {
                draw_from(self.draw, &hash.iter().collect::<Vec<_>>(), random, copied)?
            }
            Some(hash) => draw(
                self.draw,
                hash.len(),
                random,
                || hash.random(random).map(copied),
                || hash.iter().map(copied).collect(),
            )?,
        };
        Ok(if self.with_values {
            HRandFieldReply::Values(drawn)
        } else {
            HRandFieldReply::Fields(drawn.into_iter().map(|(field, _)| field).collect())
        })
    }
}

/// The most that is drawn with repetition: a server may send as many as it likes one after the other, but here they are all in
/// the caller's memory at once.
const REPEATED_MAX: usize = 1 << 24;

/// Draws from elements that were listed, and copies those that were drawn.
pub(super) fn draw_from<E: Copy, T: Clone + PartialEq>(
    draw: Draw,
    elements: &[E],
    random: &crate::Random,
    copied: impl Fn(E) -> T,
) -> Result<Vec<T>> {
    let one = || elements.get(random.below(elements.len().max(1) as u64) as usize).copied();
    let all = || elements.iter().copied().map(&copied).collect();
    self::draw(draw, elements.len(), random, || one().map(&copied), all)
}

/// Draws from a collection: `one` draws a single element, `all` lists every element.
pub(super) fn draw<T: Clone + PartialEq>(
    draw: Draw,
    len: usize,
    random: &crate::Random,
    one: impl Fn() -> Option<T>,
    all: impl Fn() -> Vec<T>,
) -> Result<Vec<T>> {
    Ok(match draw {
        Draw::One => one().into_iter().collect(),
        Draw::Repeating(count) if count > REPEATED_MAX => {
            return Err(Error::refused(
                "ERR value is out of range, at most 16777216 are drawn with repetition",
            ));
        }
        Draw::Repeating(count) => std::iter::repeat_with(one).take(count).flatten().collect(),
        Draw::Different(count) if count >= len => all(),
        Draw::Different(count) => {
            // The first `count` steps of a shuffle (Fisher and Yates).
            let mut elements = all();
            for place in 0..count {
                let other = place + random.below((elements.len() - place) as u64) as usize;
                elements.swap(place, other);
            }
            elements.truncate(count);
            elements
        }
    })
}
