//! Lists: LPUSH, LRANGE, LMOVE, LPOS and their kin.
use std::borrow::Cow;
use std::time::Duration;

use crate::Bytes;

use super::blocking::{Awaited, parse_pop, parse_timeout, pops_or_waits};
use super::{Args, Blocking, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::engine::Engine;
use crate::tx::{ListMut, Tx, View};
use crate::types::{Element, List};
use crate::{Error, Reply, Result};

table! {
    blocking BLMove, blocking BLMoveM, blocking BLMPop, blocking BLPop, blocking BRPop, blocking BRPopLPush, read LIndex, write LInsert, read LLen, write LMove, write LMoveM, write LMPop, write LPop, read LPos, write LPush, write LPushX,
    read LRange, write LRem, write LSet, write LTrim, write RPop, write RPopLPush, write RPush, write RPushX,
}

const LIST: Spec = Spec { group: Group::List, ..Spec::EMPTY };
const FAST_WRITE: Flags = Flags::DENYOOM.and(Flags::FAST);

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `LEFT`: the first element's.
    Left,
    /// `RIGHT`: the last element's.
    Right,
}

impl End {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        if args.take("LEFT") {
            Ok(End::Left)
        } else if args.take("RIGHT") {
            Ok(End::Right)
        } else {
            Err(Error::Syntax)
        }
    }

    fn push(self, list: &mut ListMut<'_, '_>, elements: &[&[u8]]) {
        match self {
            End::Left => list.push_front(elements),
            End::Right => list.push_back(elements),
        }
    }

    fn pop(self, list: &mut ListMut<'_, '_>) -> Option<Bytes> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }
}

macro_rules! push_command {
    ($type:ident, $name:literal, $since:literal, $end:expr, $only_if_present:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " key element [element ...]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The elements, pushed one after the other.
            pub elements: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: $since,
                flags: FAST_WRITE,
                keys: &[KeySpec::first(&["RW", "insert"])],
                summary: $summary,
                complexity: "O(N), N being the number of elements pushed",
                syntax: "key element [element ...]",
                ..LIST
            };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, elements: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
                let mut list = db.list_mut(self.key)?;
                if $only_if_present && list.is_empty() {
                    return Ok(0);
                }
                $end.push(&mut list, &self.elements);
                Ok(list.len())
            }
        }
    };
}

push_command!(LPush, "LPUSH", "1.0.0", End::Left, false, "Puts elements before the first of a list.");
push_command!(RPush, "RPUSH", "1.0.0", End::Right, false, "Puts elements after the last of a list.");
push_command!(
    LPushX,
    "LPUSHX",
    "2.2.0",
    End::Left,
    true,
    "Puts elements before the first of a list, if there is one."
);
push_command!(
    RPushX,
    "RPUSHX",
    "2.2.0",
    End::Right,
    true,
    "Puts elements after the last of a list, if there is one."
);

/// The answer of commands that take elements from an end of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PopReply {
    /// Without a count: the element, if there was one.
    One(Option<Bytes>),
    /// With a count: the elements; `None` if there is no such key.
    Many(Option<Vec<Bytes>>),
}

impl From<PopReply> for Reply {
    fn from(reply: PopReply) -> Self {
        match reply {
            PopReply::One(element) => element.into(),
            PopReply::Many(elements) => elements.map_or(Reply::NullArray, Reply::from),
        }
    }
}

macro_rules! pop_command {
    ($type:ident, $name:literal, $end:expr, $summary:literal) => {
        #[doc = concat!("`", $name, " key [count]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// How many; `None` for one, without a list around it.
            pub count: Option<usize>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -2,
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RW", "access", "delete"])],
                summary: $summary,
                complexity: "O(N), N being the number of elements returned",
                syntax: "key [count]",
                ..LIST
            };
            type Reply = PopReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let key = args.bytes()?;
                if args.remaining() > 1 {
                    return Err(super::wrong_arity($name));
                }
                let count = if args.is_empty() { None } else { Some(args.positive()?) };
                Ok($type { key, count })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<PopReply> {
                let mut list = db.list_mut(self.key)?;
                let reply = match self.count {
                    None => PopReply::One($end.pop(&mut list)),
                    Some(_) if list.is_empty() => PopReply::Many(None),
                    Some(count) => PopReply::Many(Some(pop_many(&mut list, $end, count))),
                };
                if self.count != Some(0) {
                    list.settle();
                }
                Ok(reply)
            }
        }
    };
}

pop_command!(LPop, "LPOP", End::Left, "Removes and returns the first elements of a list.");
pop_command!(RPop, "RPOP", End::Right, "Removes and returns the last elements of a list.");

fn pop_many(list: &mut ListMut<'_, '_>, end: End, count: usize) -> Vec<Bytes> {
    std::iter::from_fn(|| end.pop(list)).take(count).collect()
}

/// `LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]`
#[derive(Clone, Debug)]
pub struct LMPop<'a> {
    /// The keys, of which the first that is there is popped from.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// From which end.
    pub end: End,
    /// How many elements at most.
    pub count: usize,
}

/// `LMPOP`'s answer: the key and its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LMPopReply(pub Option<(Bytes, Vec<Bytes>)>);

impl From<Option<(Bytes, Vec<Bytes>)>> for LMPopReply {
    fn from(found: Option<(Bytes, Vec<Bytes>)>) -> Self {
        Self(found)
    }
}

impl From<LMPopReply> for Reply {
    fn from(reply: LMPopReply) -> Self {
        let pair = |(key, elements): (Bytes, Vec<Bytes>)| Reply::Array(vec![key.into(), elements.into()]);
        reply.0.map_or(Reply::NullArray, pair)
    }
}

impl<'a> Command<'a> for LMPop<'a> {
    const SPEC: Spec = Spec {
        name: "LMPOP",
        arity: -4,
        since: "7.0.0",
        flags: Flags::MOVABLEKEYS,
        keys: &[KeySpec::counted(&["RW", "access", "delete"], 1)],
        summary: "Removes and returns elements of the first of several lists that is there.",
        complexity: "O(N+M), N being the number of keys and M the number of elements returned",
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        ..LIST
    };
    type Reply = LMPopReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let keys = args.counted_keys()?;
        let (end, count) = (End::parse(args)?, args.count_to_pop()?);
        Ok(LMPop { keys: keys.into(), end, count })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl<'a> Write<'a> for LMPop<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<LMPopReply> {
        pop_first(db, &self.keys, self.end, self.count).map(Into::into)
    }
}

/// Takes elements from the first list that is there, of those whose shards are locked.
fn pop_first(db: &mut Tx<'_>, keys: &[&[u8]], end: End, count: usize) -> Result<Option<(Bytes, Vec<Bytes>)>> {
    for key in keys {
        if !db.is_locked(key) {
            continue;
        }
        let mut list = db.list_mut(key)?;
        if !list.is_empty() && count > 0 {
            let elements = pop_many(&mut list, end, count);
            list.settle();
            return Ok(Some((Bytes::copy_from_slice(key), elements)));
        }
    }
    Ok(None)
}

/// Puts elements back to the end of a list where they were.
fn put_back(engine: &Engine, db: usize, (key, elements): &(Bytes, Vec<Bytes>), end: End) {
    let elements: Vec<&[u8]> = elements.iter().rev().map(AsRef::as_ref).collect();
    // A log that cannot be written keeps everything as it was; nothing else refuses this, or the key is something else by now.
    let _ = match end {
        End::Left => engine.write(db, &LPush { key, elements: elements.into() }),
        End::Right => engine.write(db, &RPush { key, elements: elements.into() }),
    };
}

/// `BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]`
#[derive(Clone, Debug)]
pub struct BLMPop<'a> {
    /// How long it waits; `None` for ever.
    pub timeout: Option<Duration>,
    /// The keys, of which the first that is there is popped from.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// From which end.
    pub end: End,
    /// How many elements at most.
    pub count: usize,
}

impl<'a> Command<'a> for BLMPop<'a> {
    const SPEC: Spec = Spec {
        name: "BLMPOP",
        arity: -5,
        since: "7.0.0",
        flags: Flags::BLOCKING.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(&["RW", "access", "delete"], 2)],
        summary: "Removes and returns elements of the first of several lists that is there, and waits for one if none is.",
        complexity: "O(N+M), N being the number of keys and M the number of elements returned",
        syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        ..LIST
    };
    type Reply = LMPopReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (keys, end, count, timeout) = parse_pop(args, End::parse)?;
        Ok(BLMPop { timeout, keys: keys.into(), end, count })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

pops_or_waits!(
    BLMPop, List, (Bytes, Vec<Bytes>), |command| (command.end, command.count): End, pop_first, put_back
);

/// The answer of `BLPOP` and `BRPOP`: the key and its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BLPopReply(pub Option<(Bytes, Bytes)>);

impl From<BLPopReply> for Reply {
    fn from(reply: BLPopReply) -> Self {
        reply.0.map_or(Reply::NullArray, |(key, element)| Reply::Array(vec![key.into(), element.into()]))
    }
}

impl From<Option<(Bytes, Vec<Bytes>)>> for BLPopReply {
    fn from(found: Option<(Bytes, Vec<Bytes>)>) -> Self {
        Self(found.and_then(|(key, mut elements)| Some((key, elements.pop()?))))
    }
}

macro_rules! blocking_pop_command {
    ($type:ident, $name:literal, $end:expr, $summary:literal) => {
        #[doc = concat!("`", $name, " key [key ...] timeout`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The keys, of which the first that is there is popped from.
            pub keys: Cow<'a, [&'a [u8]]>,
            /// How long it waits; `None` for ever.
            pub timeout: Option<Duration>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: "2.0.0",
                flags: Flags::BLOCKING,
                keys: &[KeySpec::range(&["RW", "access", "delete"], 1, -2, 1)],
                summary: $summary,
                complexity: "O(N), N being the number of keys",
                syntax: "key [key ...] timeout",
                ..LIST
            };
            type Reply = BLPopReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let keys = args.many(args.remaining().saturating_sub(1))?;
                Ok($type { keys: keys.into(), timeout: parse_timeout(args)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.keys.iter().for_each(|key| visit(key));
            }
        }

        pops_or_waits!($type, List, (Bytes, Vec<Bytes>), |_command| ($end, 1): End, pop_first, put_back);
    };
}

blocking_pop_command!(
    BLPop,
    "BLPOP",
    End::Left,
    "Removes and returns the first element of the first of several lists that is there, and waits for one if none is."
);
blocking_pop_command!(
    BRPop,
    "BRPOP",
    End::Right,
    "Removes and returns the last element of the first of several lists that is there, and waits for one if none is."
);

/// Moves an element between the ends of two lists, or of one.
fn move_element(
    db: &mut Tx<'_>,
    source: &[u8],
    destination: &[u8],
    (from, to): (End, End),
) -> Result<Option<Bytes>> {
    // Nothing is taken before it is known that it can be put down.
    let view = db.view();
    if view.list(source)?.is_none() {
        return Ok(None);
    }
    view.list(destination)?;
    if source == destination {
        let mut list = db.list_mut(source)?;
        return Ok(list.rotate(from, to));
    }
    let take = |db: &mut Tx<'_>| -> Result<_> {
        let mut list = db.list_mut(source)?;
        let element = from.pop(&mut list);
        list.settle();
        Ok(element)
    };
    // Redis tells of the element's arrival first.
    db.told_last(take, |db, element| {
        let Some(element) = element? else { return Ok(None) };
        to.push(&mut db.list_mut(destination)?, &[&element]);
        Ok(Some(element))
    })
}

/// `LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>`
#[derive(Clone, Debug)]
pub struct LMove<'a> {
    /// Where the element is taken.
    pub source: &'a [u8],
    /// Where it is put.
    pub destination: &'a [u8],
    /// From which end.
    pub from: End,
    /// To which end.
    pub to: End,
}

impl<'a> Command<'a> for LMove<'a> {
    const SPEC: Spec = Spec {
        name: "LMOVE",
        arity: 5,
        since: "6.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves an element from an end of one list to an end of another.",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        ..LIST
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LMove {
            source: args.bytes()?,
            destination: args.bytes()?,
            from: End::parse(args)?,
            to: End::parse(args)?,
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

impl<'a> Write<'a> for LMove<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<Bytes>> {
        move_element(db, self.source, self.destination, (self.from, self.to))
    }
}

/// `RPOPLPUSH source destination`
#[derive(Clone, Debug)]
pub struct RPopLPush<'a> {
    /// Where the last element is taken.
    pub source: &'a [u8],
    /// Where it becomes the first.
    pub destination: &'a [u8],
}

impl<'a> Command<'a> for RPopLPush<'a> {
    const SPEC: Spec = Spec {
        name: "RPOPLPUSH",
        arity: 3,
        since: "1.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves the last element of one list before the first of another.",
        syntax: "source destination",
        ..LIST
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(RPopLPush { source: args.bytes()?, destination: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

impl<'a> Write<'a> for RPopLPush<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Option<Bytes>> {
        move_element(db, self.source, self.destination, (End::Right, End::Left))
    }
}

/// A command that waits until it can move elements: what says how, what it has moved then, and what moves it.
macro_rules! waits_to_move {
    ($type:ident, $how:ty, $found:ty, $move:ident, |$command:ident| $value:expr) => {
        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<Self::Reply> {
                let how = self.how(&db.view());
                Self::attempt(&how, &self.wait_keys(), db).map(Self::reply)
            }
        }

        impl<'a> Blocking<'a> for $type<'a> {
            type How = $how;
            type Found = $found;
            const AWAITS: Awaited = Awaited::List;
            const AWAITS_FIRST_KEY: bool = true;

            fn wait_keys(&self) -> Cow<'_, [&'a [u8]]> {
                Cow::Owned(vec![self.source, self.destination])
            }

            fn how(&self, _: &View<'_>) -> Self::How {
                let $command = self;
                $value
            }

            fn timeout(&self) -> Option<Duration> {
                self.timeout
            }

            fn attempt(how: &Self::How, keys: &[&[u8]], db: &mut Tx<'_>) -> Result<Option<$found>> {
                match *keys {
                    [source, destination] => $move(db, source, destination, *how),
                    _ => unreachable!("a move has two keys"),
                }
            }

            /// It has been moved, whoever hears of it.
            fn give_back(_: &Self::How, _: &Engine, _: usize, _: $found) {}

            fn reply(found: Option<$found>) -> Self::Reply {
                found.into()
            }
        }
    };
}

/// `BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout`
#[derive(Clone, Debug)]
pub struct BLMove<'a> {
    /// Where the element is taken.
    pub source: &'a [u8],
    /// Where it is put.
    pub destination: &'a [u8],
    /// From which end.
    pub from: End,
    /// To which end.
    pub to: End,
    /// How long it waits; `None` for ever.
    pub timeout: Option<Duration>,
}

impl<'a> Command<'a> for BLMove<'a> {
    const SPEC: Spec = Spec {
        name: "BLMOVE",
        arity: 6,
        since: "6.2.0",
        flags: Flags::DENYOOM.and(Flags::BLOCKING),
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves an element from an end of one list to an end of another, and waits for one if there is none.",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        ..LIST
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(BLMove {
            source: args.bytes()?,
            destination: args.bytes()?,
            from: End::parse(args)?,
            to: End::parse(args)?,
            timeout: parse_timeout(args)?,
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

waits_to_move!(BLMove, (End, End), Bytes, move_element, |command| (command.from, command.to));

/// `BRPOPLPUSH source destination timeout`
#[derive(Clone, Debug)]
pub struct BRPopLPush<'a> {
    /// Where the last element is taken.
    pub source: &'a [u8],
    /// Where it becomes the first.
    pub destination: &'a [u8],
    /// How long it waits; `None` for ever.
    pub timeout: Option<Duration>,
}

impl<'a> Command<'a> for BRPopLPush<'a> {
    const SPEC: Spec = Spec {
        name: "BRPOPLPUSH",
        arity: 4,
        since: "2.2.0",
        flags: Flags::DENYOOM.and(Flags::BLOCKING),
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves the last element of one list before the first of another, and waits for one if there is none.",
        syntax: "source destination timeout",
        ..LIST
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(BRPopLPush { source: args.bytes()?, destination: args.bytes()?, timeout: parse_timeout(args)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

waits_to_move!(BRPopLPush, (End, End), Bytes, move_element, |_command| (End::Right, End::Left));

/// How many elements are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveCount {
    /// `COUNT`: so many, or as many as there are.
    UpTo(usize),
    /// `EXACTLY`: so many, or none if there are not enough.
    Exactly(usize),
}

/// In which order several elements are put down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MoveOrder {
    /// `BULK`: as they were next to each other.
    #[default]
    Bulk,
    /// `OBO`: as if they were moved one by one.
    OneByOne,
}

/// Which elements `LMOVEM` moves, and in which order they are put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveMany {
    /// How many.
    pub count: MoveCount,
    /// In which order.
    pub order: MoveOrder,
}

impl Default for MoveMany {
    fn default() -> Self {
        Self::up_to(1)
    }
}

impl MoveMany {
    /// `COUNT`: so many, or as many as there are.
    pub const fn up_to(count: usize) -> Self {
        Self { count: MoveCount::UpTo(count), order: MoveOrder::Bulk }
    }

    /// `EXACTLY`: so many, or none if there are not enough.
    pub const fn exactly(count: usize) -> Self {
        Self { count: MoveCount::Exactly(count), order: MoveOrder::Bulk }
    }

    /// `OBO`: as if they were moved one by one; otherwise they stay in their order.
    #[must_use]
    pub const fn one_by_one(mut self) -> Self {
        self.order = MoveOrder::OneByOne;
        self
    }

    /// `[<COUNT count | EXACTLY exactly> <OBO | BULK>]`, all words that are left.
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        if args.is_empty() {
            return Ok(Self::default());
        }
        let is_exact = args.take_with("EXACTLY", 2);
        if !is_exact && !args.take_with("COUNT", 2) {
            return Err(Error::Syntax);
        }
        let count = args.int_where(|n| n > 0, "ERR count should be greater than 0")? as usize;
        let count = if is_exact { MoveCount::Exactly(count) } else { MoveCount::UpTo(count) };
        let order = if args.take("OBO") {
            MoveOrder::OneByOne
        } else if args.take("BULK") {
            MoveOrder::Bulk
        } else {
            return Err(Error::Syntax);
        };
        args.finish()?;
        Ok(Self { count, order })
    }
}

/// Moves elements between the ends of two lists, or of one. Returns them in the order in which they lie there.
fn move_elements(
    db: &mut Tx<'_>,
    source: &[u8],
    destination: &[u8],
    (from, to, many): (End, End, MoveMany),
) -> Result<Option<Vec<Bytes>>> {
    // Nothing is taken before it is known that it can be put down.
    let view = db.view();
    let Some(length) = view.list(source)?.map(List::len) else { return Ok(None) };
    view.list(destination)?;
    let count = match many.count {
        MoveCount::UpTo(count) => count.min(length),
        MoveCount::Exactly(count) if count <= length => count,
        MoveCount::Exactly(_) => return Ok(None),
    };
    let take = |list: &mut ListMut<'_, '_>| {
        let mut elements = pop_many(list, from, count);
        let turned_by = match many.order {
            MoveOrder::Bulk => End::Right == from,
            MoveOrder::OneByOne => End::Left == to,
        };
        if turned_by {
            elements.reverse();
        }
        elements
    };
    let put = |list: &mut ListMut<'_, '_>, elements: &[Bytes]| {
        let mut elements: Vec<&[u8]> = elements.iter().map(AsRef::as_ref).collect();
        if to == End::Left {
            elements.reverse();
        }
        to.push(list, &elements);
    };
    if source == destination {
        let mut list = db.list_mut(source)?;
        let elements = take(&mut list);
        put(&mut list, &elements);
        list.settle();
        return Ok(Some(elements));
    }
    let take = |db: &mut Tx<'_>| -> Result<_> {
        let mut list = db.list_mut(source)?;
        let elements = take(&mut list);
        list.settle();
        Ok(elements)
    };
    db.told_last(take, |db, elements| {
        let elements = elements?;
        put(&mut db.list_mut(destination)?, &elements);
        Ok(Some(elements))
    })
}

/// The answer of `LMOVEM`: the elements, in the order in which they lie at the destination; `None` if nothing was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LMoveMReply(pub Option<Vec<Bytes>>);

impl From<Option<Vec<Bytes>>> for LMoveMReply {
    fn from(moved: Option<Vec<Bytes>>) -> Self {
        Self(moved)
    }
}

impl From<LMoveMReply> for Reply {
    fn from(reply: LMoveMReply) -> Self {
        reply.0.map_or(Reply::NullArray, Reply::from)
    }
}

/// `LMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT> [<COUNT count | EXACTLY exactly> <OBO | BULK>]`
#[derive(Clone, Debug)]
pub struct LMoveM<'a> {
    /// Where the elements are taken.
    pub source: &'a [u8],
    /// Where they are put.
    pub destination: &'a [u8],
    /// From which end.
    pub from: End,
    /// To which end.
    pub to: End,
    /// How many, in which order.
    pub many: MoveMany,
}

impl<'a> Command<'a> for LMoveM<'a> {
    const SPEC: Spec = Spec {
        name: "LMOVEM",
        arity: -5,
        since: "8.10.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves elements from an end of one list to an end of another.",
        complexity: "O(N), N being the number of elements moved",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
        ..LIST
    };
    type Reply = LMoveMReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LMoveM {
            source: args.bytes()?,
            destination: args.bytes()?,
            from: End::parse(args)?,
            to: End::parse(args)?,
            many: MoveMany::parse(args)?,
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

impl<'a> Write<'a> for LMoveM<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<LMoveMReply> {
        move_elements(db, self.source, self.destination, (self.from, self.to, self.many)).map(Into::into)
    }
}

/// `BLMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout [<COUNT count | EXACTLY exactly> <OBO | BULK>]`
#[derive(Clone, Debug)]
pub struct BLMoveM<'a> {
    /// Where the elements are taken.
    pub source: &'a [u8],
    /// Where they are put.
    pub destination: &'a [u8],
    /// From which end.
    pub from: End,
    /// To which end.
    pub to: End,
    /// How many, in which order. It waits for one, or if a number is exact, for that many.
    pub many: MoveMany,
    /// How long it waits; `None` for ever.
    pub timeout: Option<Duration>,
}

impl<'a> Command<'a> for BLMoveM<'a> {
    const SPEC: Spec = Spec {
        name: "BLMOVEM",
        arity: -6,
        since: "8.10.0",
        flags: Flags::DENYOOM.and(Flags::BLOCKING),
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves elements from an end of one list to an end of another, and waits until there are enough.",
        complexity: "O(N), N being the number of elements moved",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
        ..LIST
    };
    type Reply = LMoveMReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (source, destination) = (args.bytes()?, args.bytes()?);
        let (from, to, timeout) = (End::parse(args)?, End::parse(args)?, parse_timeout(args)?);
        Ok(BLMoveM { source, destination, from, to, many: MoveMany::parse(args)?, timeout })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

waits_to_move!(BLMoveM, (End, End, MoveMany), Vec<Bytes>, move_elements, |command| (
    command.from,
    command.to,
    command.many
));

keyed! {
    /// `LLEN key`
    LLen -> usize, Spec {
        name: "LLEN",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Counts the elements of a list.",
        syntax: "key",
        ..LIST
    }
}

impl<'a> Read<'a> for LLen<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.list(self.key)?.map_or(0, List::len))
    }
}

/// A place counted from the front, or if negative from the end; `None` before the first element.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add_unsigned(len as u64)? } else { index };
    usize::try_from(index).ok()
}

/// The stretch between two places, both included, cut to what is there.
pub(super) fn stretch(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let start = place(start, len).unwrap_or(0);
    let end = place(stop, len).map_or(0, |stop| stop.saturating_add(1).min(len));
    if start >= end { 0..0 } else { start..end }
}

/// `LINDEX key index`
#[derive(Clone, Debug)]
pub struct LIndex<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The place; negative counts from the end.
    pub index: Late<i64>,
}

impl<'a> Command<'a> for LIndex<'a> {
    const SPEC: Spec = Spec {
        name: "LINDEX",
        arity: 3,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the element at a place.",
        complexity: "O(N), N being the number of packed parts between the place and the nearer end",
        syntax: "key index",
        ..LIST
    };
    type Reply = Option<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LIndex { key: args.bytes()?, index: args.int() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for LIndex<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        let Some(list) = db.list(self.key)? else { return Ok(None) };
        let place = place(self.index.clone()?, list.len());
        Ok(place.and_then(|place| list.get(place)).map(Element::copy))
    }
}

/// `LRANGE key start stop`
#[derive(Clone, Debug)]
pub struct LRange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The first place; negative counts from the end.
    pub start: i64,
    /// The last place, itself included; negative counts from the end.
    pub stop: i64,
}

impl<'a> Command<'a> for LRange<'a> {
    const SPEC: Spec = Spec {
        name: "LRANGE",
        arity: 4,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the elements between two places.",
        complexity: "O(S+N), S being the number of packed parts before the start and N the number of elements returned",
        syntax: "key start stop",
        ..LIST
    };
    type Reply = Vec<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LRange { key: args.bytes()?, start: args.int()?, stop: args.int()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for LRange<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Bytes>> {
        let Some(list) = db.list(self.key)? else { return Ok(Vec::new()) };
        let range = stretch(self.start, self.stop, list.len());
        let mut elements = Vec::with_capacity(range.len());
        list.range(range.start, range.len(), |element| elements.push(element.copy()));
        Ok(elements)
    }
}

/// `LTRIM key start stop`
#[derive(Clone, Debug)]
pub struct LTrim<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The first place that is kept; negative counts from the end.
    pub start: i64,
    /// The last place that is kept; negative counts from the end.
    pub stop: i64,
}

impl<'a> Command<'a> for LTrim<'a> {
    const SPEC: Spec = Spec {
        name: "LTRIM",
        arity: 4,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Keeps the elements between two places and removes the rest.",
        complexity: "O(N), N being the number of elements removed",
        syntax: "key start stop",
        ..LIST
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LTrim { key: args.bytes()?, start: args.int()?, stop: args.int()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for LTrim<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let mut list = db.list_mut(self.key)?;
        let range = stretch(self.start, self.stop, list.len());
        list.keep(range.start, range.end);
        list.settle();
        Ok(())
    }
}

/// `LSET key index element`
#[derive(Clone, Debug)]
pub struct LSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The place; negative counts from the end.
    pub index: Late<i64>,
    /// The element from now on.
    pub element: &'a [u8],
}

impl<'a> Command<'a> for LSet<'a> {
    const SPEC: Spec = Spec {
        name: "LSET",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Replaces the element at a place.",
        complexity: "O(N), N being the number of packed parts between the place and the nearer end",
        syntax: "key index element",
        ..LIST
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(LSet { key: args.bytes()?, index: args.int(), element: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for LSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let mut list = db.list_mut(self.key)?;
        if list.is_empty() {
            return Err(Error::NoSuchKey);
        }
        // Redis keeps no more than 32 bits of this one.
        let index = i64::from(self.index.clone()? as i32);
        list.expect(self.element);
        let place = place(index, list.len()).filter(|&place| place < list.len());
        list.set(place.ok_or(Error::IndexOutOfRange)?, self.element);
        list.settle();
        Ok(())
    }
}

/// Which side of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `BEFORE`
    Before,
    /// `AFTER`
    After,
}

/// `LINSERT key <BEFORE | AFTER> pivot element`
#[derive(Clone, Debug)]
pub struct LInsert<'a> {
    /// The key.
    pub key: &'a [u8],
    /// On which side of the pivot.
    pub side: Side,
    /// The element that is looked for, from the front.
    pub pivot: &'a [u8],
    /// The element that is added.
    pub element: &'a [u8],
}

/// `LINSERT`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LInsertReply {
    /// There is no such key.
    NoKey,
    /// The pivot is not in the list.
    NoPivot,
    /// The list's new length.
    Length(usize),
}

impl From<LInsertReply> for Reply {
    fn from(reply: LInsertReply) -> Self {
        Reply::Integer(match reply {
            LInsertReply::NoKey => 0,
            LInsertReply::NoPivot => -1,
            LInsertReply::Length(length) => length as i64,
        })
    }
}

impl<'a> Command<'a> for LInsert<'a> {
    const SPEC: Spec = Spec {
        name: "LINSERT",
        arity: 5,
        since: "2.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "insert"])],
        summary: "Puts an element before or after another.",
        complexity: "O(N), N being the number of elements before the pivot",
        syntax: "key <BEFORE | AFTER> pivot element",
        ..LIST
    };
    type Reply = LInsertReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let side = if args.take("BEFORE") {
            Side::Before
        } else if args.take("AFTER") {
            Side::After
        } else {
            return Err(Error::Syntax);
        };
        Ok(LInsert { key, side, pivot: args.bytes()?, element: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for LInsert<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<LInsertReply> {
        let mut list = db.list_mut(self.key)?;
        if list.is_empty() {
            return Ok(LInsertReply::NoKey);
        }
        list.expect(self.element);
        let Some(pivot) = list.positions(self.pivot, usize::MAX).next() else {
            return Ok(LInsertReply::NoPivot);
        };
        match self.side {
            Side::Before => list.insert_before(pivot, self.element),
            Side::After => list.insert_after(pivot, self.element),
        }
        Ok(LInsertReply::Length(list.len()))
    }
}

/// `LREM key count element`
#[derive(Clone, Debug)]
pub struct LRem<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many at most: from the front if positive, from the end if negative, all if 0.
    pub count: i64,
    /// The element that is removed.
    pub element: &'a [u8],
}

impl<'a> Command<'a> for LRem<'a> {
    const SPEC: Spec = Spec {
        name: "LREM",
        arity: 4,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Removes elements that are equal to one.",
        complexity: "O(N), N being the number of elements of the list",
        syntax: "key count element",
        ..LIST
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let count = args.signed_count()?;
        Ok(LRem { key, count, element: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for LRem<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut list = db.list_mut(self.key)?;
        let most = if self.count == 0 { usize::MAX } else { self.count.unsigned_abs() as usize };
        let mut places: Vec<usize> = if self.count < 0 {
            list.positions_back(self.element, usize::MAX).take(most).collect()
        } else {
            list.positions(self.element, usize::MAX).take(most).collect()
        };
        // From the end, so that the places before stay right.
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.iter().for_each(|&place| {
            list.remove(place);
        });
        if !places.is_empty() {
            list.settle();
        }
        Ok(places.len())
    }
}

const RANK_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative \
                         to start from the end of the list";

/// `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`
#[derive(Clone, Debug)]
pub struct LPos<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The element that is looked for.
    pub element: &'a [u8],
    /// `RANK`: the first match that counts; negative searches from the end. Never 0.
    pub rank: i64,
    /// `COUNT`: how many matches at most, 0 for all; `None` for one, without a list around it.
    pub count: Option<usize>,
    /// `MAXLEN`: how many elements are compared at most, 0 for all.
    pub max_len: usize,
}

/// `LPOS`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LPosReply {
    /// Without `COUNT`: the place, if the element was found.
    One(Option<usize>),
    /// With `COUNT`: places in the order in which they were found.
    Many(Vec<usize>),
}

impl From<LPosReply> for Reply {
    fn from(reply: LPosReply) -> Self {
        match reply {
            LPosReply::One(place) => place.into(),
            LPosReply::Many(places) => places.into(),
        }
    }
}

impl<'a> Command<'a> for LPos<'a> {
    const SPEC: Spec = Spec {
        name: "LPOS",
        arity: -3,
        since: "6.0.6",
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Finds the places of an element.",
        complexity: "O(N), N being the number of elements compared",
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        ..LIST
    };
    type Reply = LPosReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, element) = (args.bytes()?, args.bytes()?);
        let (mut rank, mut count, mut max_len) = (1, None, 0);
        while !args.is_empty() {
            if args.take_with("RANK", 1) {
                rank = args.signed_count()?;
                if rank == 0 {
                    return Err(Error::refused(RANK_ZERO));
                }
            } else if args.take_with("COUNT", 1) {
                count = Some(args.int_where(|n| n >= 0, "ERR COUNT can't be negative")? as usize);
            } else if args.take_with("MAXLEN", 1) {
                max_len = args.int_where(|n| n >= 0, "ERR MAXLEN can't be negative")? as usize;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(LPos { key, element, rank, count, max_len })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for LPos<'a> {
    fn read(&self, db: &View<'_>) -> Result<LPosReply> {
        let unlimited = |n: usize| if n == 0 { usize::MAX } else { n };
        let skipped = self.rank.unsigned_abs().checked_sub(1).ok_or(Error::refused(RANK_ZERO))? as usize;
        let most = self.count.map_or(1, unlimited);
        let places: Vec<usize> = match db.list(self.key)? {
            None => Vec::new(),
            Some(list) => {
                let compared = unlimited(self.max_len);
                if self.rank > 0 {
                    list.positions(self.element, compared).skip(skipped).take(most).collect()
                } else {
                    list.positions_back(self.element, compared).skip(skipped).take(most).collect()
                }
            }
        };
        Ok(match self.count {
            None => LPosReply::One(places.first().copied()),
            Some(_) => LPosReply::Many(places),
        })
    }
}
