//! Sets: SADD, SINTER, SPOP, SSCAN and their kin.
use std::borrow::Cow;

use crate::Bytes;

use super::hash::{Draw, draw, draw_from};
use super::scan::{self, ScanOptions, ScanReply, Scanned};
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, many_keys, table};
use crate::tx::{Deadline, SetView, Tx, View};
use crate::types::Element;
use crate::{Error, Reply, Result};

table! {
    write SAdd, read SCard, read SDiff, write SDiffStore, read SInter, read SInterCard, read SDiffCard, read SUnionCard, write SInterStore, read SIsMember,
    read SMembers, read SMIsMember, write SMove, write SPop, read SRandMember, write SRem, read SScan, read SUnion,
    write SUnionStore,
}

pub(super) const SET: Spec = Spec { group: Group::Set, ..Spec::EMPTY };
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

/// Members without order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(pub Vec<Bytes>);

impl From<Members> for Reply {
    fn from(reply: Members) -> Self {
        Reply::Set(reply.0.into_iter().map(Reply::from).collect())
    }
}

/// Declares a command whose words are a key and members.
macro_rules! members_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The members.
            pub members: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = $spec;
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, members: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

members_command! {
    /// `SADD key member [member ...]`
    SAdd -> usize, Spec {
        name: "SADD",
        arity: -3,
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "insert"])],
        summary: "Adds members to a set; answers how many are new.",
        complexity: "O(N), N being the number of members to add",
        syntax: "key member [member ...]",
        ..SET
    }
}

impl<'a> Write<'a> for SAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut set = db.set_mut(self.key)?;
        if let Some(first) = self.members.first() {
            set.expect(first, self.members.len());
        }
        Ok(self.members.iter().filter(|member| set.insert(member)).count())
    }
}

members_command! {
    /// `SREM key member [member ...]`
    SRem -> usize, Spec {
        name: "SREM",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Removes members from a set; a set without members is no key.",
        complexity: "O(N), N being the number of members to remove",
        syntax: "key member [member ...]",
        ..SET
    }
}

impl<'a> Write<'a> for SRem<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut set = db.set_mut(self.key)?;
        Ok(self.members.iter().filter(|member| set.remove(member)).count())
    }
}

members_command! {
    /// `SMISMEMBER key member [member ...]`
    SMIsMember -> Vec<bool>, Spec {
        name: "SMISMEMBER",
        arity: -3,
        since: "6.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Says for each of several members whether it is in a set.",
        complexity: "O(N), N being the number of members asked for",
        syntax: "key member [member ...]",
        ..SET
    }
}

fn contains(db: &View<'_>, key: &[u8], set: Option<SetView<'_>>, member: &[u8]) -> bool {
    let Some(set) = set else { return false };
    let found = set.contains(member);
    if !found && set.is_timed() {
        db.note_expired_element(key, set, member);
    }
    found
}

impl<'a> Read<'a> for SMIsMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<bool>> {
        let set = db.set(self.key)?;
        Ok(self.members.iter().map(|member| contains(db, self.key, set, member)).collect())
    }
}

/// `SISMEMBER key member`
#[derive(Clone, Debug)]
pub struct SIsMember<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The member.
    pub member: &'a [u8],
}

impl<'a> Command<'a> for SIsMember<'a> {
    const SPEC: Spec = Spec {
        name: "SISMEMBER",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Says whether a member is in a set.",
        syntax: "key member",
        ..SET
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(SIsMember { key: args.bytes()?, member: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for SIsMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<bool> {
        Ok(contains(db, self.key, db.set(self.key)?, self.member))
    }
}

keyed! {
    /// `SCARD key`
    SCard -> usize, Spec {
        name: "SCARD",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Counts the members of a set, those too that have expired and are not removed yet.",
        syntax: "key",
        ..SET
    }
}

impl<'a> Read<'a> for SCard<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.set(self.key)?.map_or(0, |set| set.len()))
    }
}

keyed! {
    /// `SMEMBERS key`
    SMembers -> Members, Spec {
        name: "SMEMBERS",
        arity: 2,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: UNORDERED,
        summary: "Returns the members of a set.",
        complexity: "O(N), N being the number of members",
        syntax: "key",
        ..SET
    }
}

impl<'a> Read<'a> for SMembers<'a> {
    fn read(&self, db: &View<'_>) -> Result<Members> {
        let Some(set) = db.set(self.key)? else { return Ok(Members::default()) };
        Ok(Members(set.iter().map(Element::copy).collect()))
    }
}

/// `SMOVE source destination member`
#[derive(Clone, Debug)]
pub struct SMove<'a> {
    /// Where the member is taken.
    pub source: &'a [u8],
    /// Where it is put.
    pub destination: &'a [u8],
    /// The member.
    pub member: &'a [u8],
}

impl<'a> Command<'a> for SMove<'a> {
    const SPEC: Spec = Spec {
        name: "SMOVE",
        arity: 4,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "access", "delete"]), KeySpec::range(&["RW", "insert"], 2, 0, 1)],
        summary: "Moves a member from one set to another.",
        syntax: "source destination member",
        ..SET
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(SMove { source: args.bytes()?, destination: args.bytes()?, member: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.source);
        visit(self.destination);
    }
}

impl<'a> Write<'a> for SMove<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let view = db.view();
        let Some(source) = view.set(self.source)? else { return Ok(false) };
        view.set(self.destination)?;
        let Some(deadline) = source.deadline(self.member) else {
            if source.is_timed() {
                db.set_mut(self.source)?.reclaim(self.member);
            }
            return Ok(false);
        };
        if self.source == self.destination {
            return Ok(true);
        }
        db.set_mut(self.source)?.remove(self.member);
        let mut destination = db.set_mut(self.destination)?;
        destination.expect(self.member, 1);
        destination.insert(self.member);
        let takes_over = deadline.is_some() || destination.is_timed();
        if takes_over && destination.shown().deadline(self.member) != Some(deadline) {
            destination.set_deadline(self.member, deadline);
        }
        Ok(true)
    }
}

/// `SPOP key [count]`
#[derive(Clone, Debug)]
pub struct SPop<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many at most; `None` for one, without a set around it.
    pub count: Option<usize>,
}

/// `SPOP`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SPopReply {
    /// Without a count: the member, if there was one.
    One(Option<Bytes>),
    /// With a count: the members.
    Many(Members),
}

impl From<SPopReply> for Reply {
    fn from(reply: SPopReply) -> Self {
        match reply {
            SPopReply::One(member) => member.into(),
            SPopReply::Many(members) => members.into(),
        }
    }
}

impl<'a> Command<'a> for SPop<'a> {
    const SPEC: Spec = Spec {
        name: "SPOP",
        arity: -2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "access", "delete"])],
        tips: &["nondeterministic_output"],
        summary: "Removes and returns some members of a set, each equally likely.",
        complexity: "O(N), N being the number of members returned",
        syntax: "key [count]",
        ..SET
    };
    type Reply = SPopReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if args.remaining() > 1 {
            return Err(Error::Syntax);
        }
        Ok(SPop { key, count: if args.is_empty() { None } else { Some(args.positive()?) } })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for SPop<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<SPopReply> {
        let random = db.random();
        let mut set = db.set_mut(self.key)?;
        set.reclaim_all();
        if self.count.is_some_and(|count| count >= set.len()) {
            let all: Vec<_> = set.iter().map(Element::copy).collect();
            all.iter().for_each(|member| {
                set.remove(member);
            });
            return Ok(SPopReply::Many(Members(all)));
        }
        let mut pop = || {
            let member = set.random(random).map(Element::copy)?;
            set.remove(&member);
            Some(member)
        };
        Ok(match self.count {
            None => SPopReply::One(pop()),
            Some(count) => SPopReply::Many(Members(std::iter::from_fn(pop).take(count).collect())),
        })
    }

    fn event(&self) -> Option<&'static str> {
        Some("spop")
    }
}

/// `SRANDMEMBER key [count]`
#[derive(Clone, Debug)]
pub struct SRandMember<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many.
    pub draw: Draw,
}

/// `SRANDMEMBER`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SRandMemberReply {
    /// Without a count: a member, if there is one.
    One(Option<Bytes>),
    /// With a count: members.
    Many(Vec<Bytes>),
}

impl From<SRandMemberReply> for Reply {
    fn from(reply: SRandMemberReply) -> Self {
        match reply {
            SRandMemberReply::One(member) => member.into(),
            SRandMemberReply::Many(members) => members.into(),
        }
    }
}

impl<'a> Command<'a> for SRandMember<'a> {
    const SPEC: Spec = Spec {
        name: "SRANDMEMBER",
        arity: -2,
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some members of a set, each equally likely.",
        complexity: "O(N), N being the number of members returned",
        syntax: "key [count]",
        ..SET
    };
    type Reply = SRandMemberReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if args.remaining() > 1 {
            return Err(Error::Syntax);
        }
        Ok(SRandMember { key, draw: if args.is_empty() { Draw::One } else { Draw::parse(args)? } })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for SRandMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<SRandMemberReply> {
        let random = db.random();
        let set = db.set(self.key)?;
        let one = || set?.random(random).map(Element::copy);
        if self.draw == Draw::One {
            return Ok(SRandMemberReply::One(one()));
        }
        let Some(set) = set else { return Ok(SRandMemberReply::Many(Vec::new())) };
        let all = || set.iter().map(Element::copy).collect();
        Ok(SRandMemberReply::Many(if set.is_timed() {
            // Those that have expired are passed over once, not by each draw.
            draw_from(self.draw, &set.iter().collect::<Vec<_>>(), random, Element::copy)?
        } else {
            draw(self.draw, set.len(), random, one, all)?
        }))
    }
}

/// How several sets become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combination {
    /// What is in any of them.
    Union,
    /// What is in all of them.
    Intersection,
    /// What is in the first and in no other.
    Difference,
}

/// The sets at some keys. Every key is looked at before anything is done, as Redis does, so that one of the wrong type is refused whatever
/// the others hold.
fn sets<'v>(db: &View<'v>, keys: &[&[u8]]) -> Result<Vec<Option<SetView<'v>>>> {
    keys.iter().map(|key| db.set(key)).collect()
}

impl Combination {
    /// Shows each member of the result once to `visit`, until it says no.
    fn visit(self, sets: &[Option<SetView<'_>>], mut visit: impl FnMut(&[u8]) -> bool) {
        match self {
            Combination::Union => {
                for (at, set) in sets.iter().enumerate() {
                    for member in set.iter().flat_map(SetView::iter).map(Element::spell) {
                        let seen = sets[..at].iter().flatten().any(|set| set.contains(&member));
                        if !seen && !visit(&member) {
                            return;
                        }
                    }
                }
            }
            Combination::Intersection => {
                let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<_>>>() else { return };
                sets.sort_by_key(|set| set.len());
                if let Some((smallest, others)) = sets.split_first() {
                    for member in smallest.iter().map(Element::spell) {
                        if others.iter().all(|set| set.contains(&member)) && !visit(&member) {
                            return;
                        }
                    }
                }
            }
            Combination::Difference => {
                if let Some((Some(first), others)) = sets.split_first() {
                    for member in first.iter().map(Element::spell) {
                        if !others.iter().flatten().any(|set| set.contains(&member)) && !visit(&member) {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn members(self, db: &View<'_>, keys: &[&[u8]]) -> Result<Members> {
        let mut members = Vec::new();
        self.visit(&sets(db, keys)?, |member| {
            members.push(Bytes::copy_from_slice(member));
            true
        });
        Ok(Members(members))
    }

    fn store(self, db: &mut Tx<'_>, destination: &[u8], keys: &[&[u8]]) -> Result<usize> {
        let mut set = db.build::<crate::types::Set>()?;
        let sets = sets(&db.view().counting(), keys)?;
        // A stored member takes over the earliest deadline that it has in a set that it comes from.
        let origins = if self == Combination::Difference { &sets[..sets.len().min(1)] } else { &sets[..] };
        let timed: Vec<_> = origins.iter().flatten().filter(|set| set.is_timed()).collect();
        self.visit(&sets, |member| {
            if timed.is_empty() {
                set.insert(member);
            } else {
                let deadlines = timed.iter().filter_map(|set| set.deadline(member).flatten());
                set.insert_until(member, deadlines.min());
            }
            true
        });
        let count = set.len();
        db.put(destination, set.into_value(), Deadline::Clear)?;
        Ok(count)
    }
}

macro_rules! combination {
    (
        $read:ident, $read_name:literal, $store:ident, $store_name:literal, $event:literal, $combination:expr, $complexity:literal,
        $summary:literal, $store_summary:literal
    ) => {
        many_keys! {
            #[doc = concat!("`", $read_name, " key [key ...]`")]
            $read -> Members, Spec {
                name: $read_name,
                arity: -2,
                keys: &[KeySpec::range(&["RO", "access"], 1, -1, 1)],
                tips: UNORDERED,
                summary: $summary,
                complexity: $complexity,
                syntax: "key [key ...]",
                ..SET
            }
        }

        impl<'a> Read<'a> for $read<'a> {
            fn read(&self, db: &View<'_>) -> Result<Members> {
                $combination.members(db, &self.keys)
            }
        }

        #[doc = concat!("`", $store_name, " destination key [key ...]`")]
        #[derive(Clone, Debug)]
        pub struct $store<'a> {
            /// Where the result goes; nothing deletes it.
            pub destination: &'a [u8],
            /// The keys.
            pub keys: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $store<'a> {
            const SPEC: Spec = Spec {
                name: $store_name,
                arity: -3,
                flags: Flags::DENYOOM,
                keys: &[KeySpec::first(&["OW", "update"]), KeySpec::range(&["RO", "access"], 2, -1, 1)],
                summary: $store_summary,
                complexity: $complexity,
                syntax: "destination key [key ...]",
                ..SET
            };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($store { destination: args.bytes()?, keys: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.destination);
                self.keys.iter().for_each(|key| visit(key));
            }
        }

        impl<'a> Write<'a> for $store<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
                $combination.store(db, self.destination, &self.keys)
            }

            fn event(&self) -> Option<&'static str> {
                Some($event)
            }
        }
    };
}

combination!(
    SInter,
    "SINTER",
    SInterStore,
    "SINTERSTORE",
    "sinterstore",
    Combination::Intersection,
    "O(N*M), N being the size of the smallest set and M the number of sets",
    "Returns the members that are in all of several sets.",
    "Stores the members that are in all of several sets."
);
combination!(
    SUnion,
    "SUNION",
    SUnionStore,
    "SUNIONSTORE",
    "sunionstore",
    Combination::Union,
    "O(N*M), N being the number of members in all sets and M the number of sets",
    "Returns the members that are in any of several sets.",
    "Stores the members that are in any of several sets."
);
combination!(
    SDiff,
    "SDIFF",
    SDiffStore,
    "SDIFFSTORE",
    "sdiffstore",
    Combination::Difference,
    "O(N*M), N being the size of the first set and M the number of sets",
    "Returns the members that are in the first set and in no other.",
    "Stores the members that are in the first set and in no other."
);

/// `numkeys key [key ...]`
fn parse_keys<'a>(args: &mut Args<'a>) -> Result<Cow<'a, [&'a [u8]]>> {
    let count = args.int_where(|n| n > 0, "ERR numkeys should be greater than 0")?;
    if count > args.remaining() as i64 {
        return Err(Error::refused("ERR Number of keys can't be greater than number of args"));
    }
    Ok(args.many(count as usize)?.into())
}

macro_rules! cardinality {
    ($type:ident, $name:literal, $since:literal, $combination:expr, $options:literal, $parse_limit:expr, $complexity:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " numkeys key [key ...]", $options, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The keys.
            pub keys: Cow<'a, [&'a [u8]]>,
            /// `LIMIT`: counting stops here; 0 for no limit.
            pub limit: usize,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: $since,
                flags: Flags::MOVABLEKEYS,
                keys: &[KeySpec::counted(&["RO", "access"], 1)],
                summary: $summary,
                complexity: $complexity,
                syntax: concat!("numkeys key [key ...]", $options),
                ..SET
            };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { keys: parse_keys(args)?, limit: $parse_limit(args)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.keys.iter().for_each(|key| visit(key));
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<usize> {
                let mut count = 0;
                $combination.visit(&sets(db, &self.keys)?, |_| {
                    count += 1;
                    count != self.limit
                });
                Ok(count)
            }
        }
    };
}

cardinality!(
    SInterCard,
    "SINTERCARD",
    "7.0.0",
    Combination::Intersection,
    " [LIMIT limit]",
    Args::limit,
    "O(N*M), N being the size of the smallest set and M the number of sets",
    "Counts the members that are in all of several sets."
);
cardinality!(
    SDiffCard,
    "SDIFFCARD",
    "8.10.0",
    Combination::Difference,
    " [LIMIT limit]",
    Args::limit,
    "O(N*M), N being the size of the first set and M the number of sets",
    "Counts the members that are in the first set and in no other."
);
cardinality!(
    SUnionCard,
    "SUNIONCARD",
    "8.10.0",
    Combination::Union,
    " [APPROX] [LIMIT limit]",
    parse_approximate_limit,
    "O(N*M), N being the number of members in all sets and M the number of sets",
    "Counts the members that are in any of several sets."
);

/// `[APPROX] [LIMIT limit]`, in any order. An exact count needs no memory here, so it is given where an estimate would do.
fn parse_approximate_limit(args: &mut Args<'_>) -> Result<usize> {
    let mut limit = 0;
    while !args.is_empty() {
        if !args.take("APPROX") {
            limit = Args::new(args.many(2)?).limit()?;
        }
    }
    Ok(limit)
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
#[derive(Clone, Debug)]
pub struct SScan<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where to go on: 0 at first, then what the last step returned.
    pub cursor: u64,
    /// The rest.
    pub options: Late<ScanOptions<'a>>,
}

impl<'a> Command<'a> for SScan<'a> {
    const SPEC: Spec = Spec {
        name: "SSCAN",
        arity: -3,
        since: "2.8.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some of a set's members and where to go on.",
        complexity: "O(1) a step, O(N) a whole scan, N being the number of members",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        ..SET
    };
    type Reply = ScanReply<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(SScan {
            key: args.bytes()?,
            cursor: scan::cursor(args)?,
            options: ScanOptions::parse(args, Scanned::Members),
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for SScan<'a> {
    fn read(&self, db: &View<'_>) -> Result<Self::Reply> {
        let Some(set) = db.set(self.key)? else { return Ok(ScanReply::complete()) };
        let options = self.options.clone()?;
        Ok(ScanReply::collect(self.cursor, options.count, |cursor, items| {
            let mut looked_at = 0;
            let next = set.scan(cursor, |member| {
                looked_at += 1;
                if options.accepts(member) {
                    items.push(Bytes::copy_from_slice(member));
                }
            });
            (next, looked_at)
        }))
    }
}
