//! Sorted sets: ZADD, ZRANGE, ZUNION, ZPOPMIN and their kin.
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use crate::Bytes;

use super::blocking::{parse_pop, parse_timeout, pops_or_waits};
use super::hash::{Draw, draw};
use super::list::stretch;
use super::scan::{self, ScanOptions, ScanReply, Scanned};
use super::string::When;
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, keyed, table};
use crate::engine::Engine;
use crate::number;
use crate::tx::{Built, Deadline, Tx, View, ZSetView};
use crate::types::{Element, Encoding, ValueRef, ZSet, compare_scores};
use crate::{Error, Reply, Result};

table! {
    blocking BZMPop, blocking BZPopMax, blocking BZPopMin, write ZAdd, read ZCard, read ZCount, read ZDiff, write ZDiffStore, write ZIncrBy, read ZInter, read ZInterCard,
    write ZInterStore, read ZLexCount, write ZMPop, read ZMScore, write ZPopMax, write ZPopMin, read ZRandMember,
    read ZRange, read ZRangeByLex, read ZRangeByScore, write ZRangeStore, read ZRank, write ZRem, write ZRemRangeByLex,
    write ZRemRangeByRank, write ZRemRangeByScore, read ZRevRange, read ZRevRangeByLex, read ZRevRangeByScore,
    read ZRevRank, read ZScan, read ZScore, read ZUnion, write ZUnionStore,
}

const ZSET: Spec = Spec { group: Group::SortedSet, since: "1.2.0", ..Spec::EMPTY };
const FAST_WRITE: Flags = Flags::DENYOOM.and(Flags::FAST);

/// How a new score must compare with the old one. A member that is not there yet always passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScoreWhen {
    /// Any.
    #[default]
    Any,
    /// `GT`: higher.
    Greater,
    /// `LT`: lower.
    Less,
}

/// `ZADD`'s options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZAddOptions {
    /// Which members may be touched.
    pub when: When,
    /// Which scores may be replaced.
    pub score_when: ScoreWhen,
    /// `CH`: count changed members too, not only new ones.
    pub count_changed: bool,
}

impl ZAddOptions {
    /// `NX`: only members that are not there yet.
    #[must_use]
    pub fn only_if_missing(mut self) -> Self {
        self.when = When::Missing;
        self
    }

    /// `XX`: only members that are there already.
    #[must_use]
    pub fn only_if_present(mut self) -> Self {
        self.when = When::Present;
        self
    }

    /// `GT`: a member that is there only gets a higher score.
    #[must_use]
    pub fn only_if_greater(mut self) -> Self {
        self.score_when = ScoreWhen::Greater;
        self
    }

    /// `LT`: a member that is there only gets a lower score.
    #[must_use]
    pub fn only_if_less(mut self) -> Self {
        self.score_when = ScoreWhen::Less;
        self
    }

    /// `CH`: count changed members too.
    #[must_use]
    pub fn count_changed(mut self) -> Self {
        self.count_changed = true;
        self
    }

    /// Refuses options that exclude each other, as a typed caller can still combine them.
    fn check(self) -> Result<()> {
        if self.when == When::Missing && self.score_when != ScoreWhen::Any {
            return Err(Error::refused(NOT_COMPATIBLE));
        }
        Ok(())
    }
}

const NOT_COMPATIBLE: &str = "ERR GT, LT, and/or NX options at the same time are not compatible";
const NAN_SCORE: &str = "ERR resulting score is not a number (NaN)";

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]`
#[derive(Clone, Debug)]
pub struct ZAdd<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which members and scores.
    pub options: ZAddOptions,
    /// `INCR`: add to the score and answer with it. Takes exactly one member.
    pub increment: bool,
    /// Scores and members; no score is NaN.
    pub members: Cow<'a, [(f64, &'a [u8])]>,
}

/// `ZADD`'s answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ZAddReply {
    /// How many members are new, or with `CH` new or changed.
    Count(usize),
    /// With `INCR`: the new score; `None` when the options refused the change.
    Score(Option<f64>),
}

impl From<ZAddReply> for Reply {
    fn from(reply: ZAddReply) -> Self {
        match reply {
            ZAddReply::Count(count) => count.into(),
            ZAddReply::Score(score) => score.into(),
        }
    }
}

impl<'a> Command<'a> for ZAdd<'a> {
    const SPEC: Spec = Spec {
        name: "ZADD",
        arity: -4,
        flags: FAST_WRITE,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Adds members to a sorted set, or changes their scores.",
        complexity: "O(M*log(N)), M being the number of members given and N the size of the set",
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        ..ZSET
    };
    type Reply = ZAddReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (mut nx, mut xx, mut gt, mut lt, mut ch, mut incr) = (false, false, false, false, false, false);
        loop {
            let flags = [
                ("NX", &mut nx),
                ("XX", &mut xx),
                ("GT", &mut gt),
                ("LT", &mut lt),
                ("CH", &mut ch),
                ("INCR", &mut incr),
            ];
            let mut any = false;
            for (token, flag) in flags {
                if args.take(token) {
                    (*flag, any) = (true, true);
                }
            }
            if !any {
                break;
            }
        }
        if args.is_empty() || !args.remaining().is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        if nx && xx {
            return Err(Error::refused("ERR XX and NX options at the same time are not compatible"));
        }
        if [nx, gt, lt].into_iter().filter(|&given| given).count() > 1 {
            return Err(Error::refused(NOT_COMPATIBLE));
        }
        if incr && args.remaining() > 2 {
            return Err(Error::refused("ERR INCR option supports a single increment-element pair"));
        }
        let options = ZAddOptions {
            when: if nx {
                When::Missing
            } else if xx {
                When::Present
            } else {
                When::Always
            },
            score_when: if gt {
                ScoreWhen::Greater
            } else if lt {
                ScoreWhen::Less
            } else {
                ScoreWhen::Any
            },
            count_changed: ch,
        };
        // Every score is understood before any is stored: the command happens whole or not at all.
        let mut members = Vec::with_capacity(args.remaining() / 2);
        while !args.is_empty() {
            members.push((args.float()?, args.bytes()?));
        }
        Ok(ZAdd { key, options, increment: incr, members: members.into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ZAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<ZAddReply> {
        let ZAddOptions { when, score_when, count_changed } = self.options;
        self.options.check()?;
        if self.members.iter().any(|(score, _)| score.is_nan()) {
            return Err(Error::NotAFloat);
        }
        let mut zset = db.zset_mut(self.key)?;
        if when != When::Present {
            let longest = self.members.first().map_or(0, |(_, member)| member.len());
            zset.expect(self.members.len(), longest);
        }
        // Otherwise the insertion is told what was there, and nothing else depends on it.
        let is_conditional = when != When::Always || score_when != ScoreWhen::Any || self.increment;
        let (mut added, mut changed, mut last) = (0, 0, None);
        for &(score, member) in self.members.iter() {
            let old = if is_conditional { zset.shown().score(member) } else { None };
            match (when, old) {
                (When::Missing, Some(_)) | (When::Present, None) => continue,
                _ => {}
            }
            let new = if self.increment { old.map_or(score, |old| old + score) } else { score };
            if new.is_nan() {
                return Err(Error::refused(NAN_SCORE));
            }
            match (score_when, old) {
                (ScoreWhen::Greater, Some(old)) if new <= old => continue,
                (ScoreWhen::Less, Some(old)) if new >= old => continue,
                _ => {}
            }
            last = Some(new);
            match zset.insert(member, new) {
                None => added += 1,
                Some(before) if before != new => changed += 1,
                Some(_) => {}
            }
        }
        Ok(if self.increment {
            ZAddReply::Score(last)
        } else {
            ZAddReply::Count(if count_changed { added + changed } else { added })
        })
    }

    fn event(&self) -> Option<&'static str> {
        self.increment.then_some("zincr")
    }
}

/// `ZINCRBY key increment member`
#[derive(Clone, Debug)]
pub struct ZIncrBy<'a>(pub ZAdd<'a>);

impl<'a> Command<'a> for ZIncrBy<'a> {
    const SPEC: Spec = Spec {
        name: "ZINCRBY",
        arity: 4,
        flags: FAST_WRITE,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Adds to a member's score, 0 if it is not there.",
        complexity: "O(log(N)), N being the size of the set",
        syntax: "key increment member",
        ..ZSET
    };
    type Reply = ZAddReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, by, member) = (args.bytes()?, args.float()?, args.bytes()?);
        let members = vec![(by, member)].into();
        Ok(ZIncrBy(ZAdd { key, options: ZAddOptions::default(), increment: true, members }))
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.0.key);
    }
}

impl<'a> Write<'a> for ZIncrBy<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<ZAddReply> {
        self.0.write(db)
    }

    fn event(&self) -> Option<&'static str> {
        self.0.event()
    }
}

keyed! {
    /// `ZCARD key`
    ZCard -> usize, Spec {
        name: "ZCARD",
        arity: 2,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO"])],
        summary: "Counts the members of a sorted set.",
        syntax: "key",
        ..ZSET
    }
}

impl<'a> Read<'a> for ZCard<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.zset(self.key)?.map_or(0, |zset| zset.len()))
    }
}

/// `ZSCORE key member`
#[derive(Clone, Debug)]
pub struct ZScore<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The member.
    pub member: &'a [u8],
}

impl<'a> Command<'a> for ZScore<'a> {
    const SPEC: Spec = Spec {
        name: "ZSCORE",
        arity: 3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns a member's score.",
        syntax: "key member",
        ..ZSET
    };
    type Reply = Option<f64>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZScore { key: args.bytes()?, member: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZScore<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<f64>> {
        Ok(db.zset(self.key)?.and_then(|zset| zset.score(self.member)))
    }
}

/// `ZMSCORE key member [member ...]`
#[derive(Clone, Debug)]
pub struct ZMScore<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The members.
    pub members: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ZMScore<'a> {
    const SPEC: Spec = Spec {
        name: "ZMSCORE",
        arity: -3,
        since: "6.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the scores of several members.",
        complexity: "O(N), N being the number of members asked for",
        syntax: "key member [member ...]",
        ..ZSET
    };
    type Reply = Vec<Option<f64>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZMScore { key: args.bytes()?, members: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZMScore<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<f64>>> {
        let zset = db.zset(self.key)?;
        Ok(self.members.iter().map(|member| zset.and_then(|zset| zset.score(member))).collect())
    }
}

/// `ZREM key member [member ...]`
#[derive(Clone, Debug)]
pub struct ZRem<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The members.
    pub members: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for ZRem<'a> {
    const SPEC: Spec = Spec {
        name: "ZREM",
        arity: -3,
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RW", "delete"])],
        summary: "Removes members from a sorted set; one without members is no key.",
        complexity: "O(M*log(N)), M being the number of members given and N the size of the set",
        syntax: "key member [member ...]",
        ..ZSET
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZRem { key: args.bytes()?, members: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for ZRem<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut zset = db.zset_mut(self.key)?;
        Ok(self.members.iter().filter(|member| zset.remove(member).is_some()).count())
    }
}

/// `ZRANK`'s answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankReply {
    /// The place, and the score; `None` if the member is not there.
    pub found: Option<(usize, f64)>,
    /// Whether the score is shown.
    pub with_score: bool,
}

impl From<RankReply> for Reply {
    fn from(reply: RankReply) -> Self {
        match (reply.found, reply.with_score) {
            (Some((rank, score)), true) => Reply::Array(vec![rank.into(), score.into()]),
            (Some((rank, _)), false) => rank.into(),
            (None, true) => Reply::NullArray,
            (None, false) => Reply::Null,
        }
    }
}

macro_rules! rank_command {
    ($type:ident, $name:literal, $from_the_highest:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " key member [WITHSCORE]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The member.
            pub member: &'a [u8],
            /// `WITHSCORE`: with its score.
            pub with_score: bool,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -3,
                since: "2.0.0",
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                complexity: "O(log(N)), N being the size of the set",
                syntax: "key member [WITHSCORE]",
                ..ZSET
            };
            type Reply = RankReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (key, member) = (args.bytes()?, args.bytes()?);
                if args.remaining() > 1 {
                    return Err(super::wrong_arity($name));
                }
                let with_score = args.take("WITHSCORE");
                args.finish()?;
                Ok($type { key, member, with_score })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<RankReply> {
                let zset = db.zset(self.key)?;
                let found = zset.and_then(|zset| {
                    let (rank, score) = zset.rank(self.member)?;
                    Some((if $from_the_highest { zset.len() - 1 - rank } else { rank }, score))
                });
                Ok(RankReply { found, with_score: self.with_score })
            }
        }
    };
}

rank_command!(ZRank, "ZRANK", false, "Returns a member's place, counted from the lowest score.");
rank_command!(ZRevRank, "ZREVRANK", true, "Returns a member's place, counted from the highest score.");

/// A range of scores. Made from any Rust range of `f64`: `1.0..=2.0`, `..3.0`, `..`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest score.
    pub min: Bound<f64>,
    /// The highest score.
    pub max: Bound<f64>,
}

impl<R: RangeBounds<f64>> From<R> for ScoreRange {
    fn from(range: R) -> Self {
        ScoreRange { min: range.start_bound().cloned(), max: range.end_bound().cloned() }
    }
}

impl ScoreRange {
    fn parse(min: &[u8], max: &[u8]) -> Result<Self> {
        let bound = |text: &[u8]| {
            let (exclusive, digits) = match text {
                [b'(', digits @ ..] => (true, digits),
                digits => (false, digits),
            };
            let score = number::parse_bound(digits).ok_or(Error::refused("ERR min or max is not a float"))?;
            Ok(if exclusive { Bound::Excluded(score) } else { Bound::Included(score) })
        };
        Ok(ScoreRange { min: bound(min)?, max: bound(max)? })
    }

    fn ranks(self, zset: &ZSet) -> std::ops::Range<usize> {
        let start = match self.min {
            Bound::Unbounded => 0,
            Bound::Included(score) => zset.rank_of_score(score, false),
            Bound::Excluded(score) => zset.rank_of_score(score, true),
        };
        let end = match self.max {
            Bound::Unbounded => zset.len(),
            Bound::Included(score) => zset.rank_of_score(score, true),
            Bound::Excluded(score) => zset.rank_of_score(score, false),
        };
        start..end.max(start)
    }
}

/// A bound of a range of members in the order of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before every member.
    Lowest,
    /// `+`: after every member.
    Highest,
    /// `[member`: this one included.
    Included(&'a [u8]),
    /// `(member`: this one excluded.
    Excluded(&'a [u8]),
}

impl<'a> LexBound<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self> {
        match text {
            b"-" => Ok(LexBound::Lowest),
            b"+" => Ok(LexBound::Highest),
            [b'[', member @ ..] => Ok(LexBound::Included(member)),
            [b'(', member @ ..] => Ok(LexBound::Excluded(member)),
            _ => Err(Error::refused("ERR min or max not valid string range item")),
        }
    }
}

/// A range of members in the order of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self> {
        Ok(LexRange { min: LexBound::parse(min)?, max: LexBound::parse(max)? })
    }

    fn is_below(self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(min) => member < min,
            LexBound::Excluded(min) => member <= min,
        }
    }

    fn is_above(self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::Included(max) => member > max,
            LexBound::Excluded(max) => member >= max,
        }
    }

    /// The members' places. Where scores differ the bytes are in no order, and Redis's answer for a small set is where a walk from
    /// one end first meets the range and then leaves it: that is what is done here too.
    fn ranks(self, zset: &ZSet, reverse: bool) -> std::ops::Range<usize> {
        let outside = |rank: usize, is_outside: fn(Self, &[u8]) -> bool| {
            zset.get(rank).is_none_or(|(member, _)| member.with(|member| is_outside(self, member)))
        };
        let len = zset.len();
        if len == 0 || outside(len - 1, Self::is_below) || outside(0, Self::is_above) {
            return 0..0;
        }
        if zset.encoding() == Encoding::Skiplist {
            let start = zset.count_before(|member| self.is_below(member));
            return start..zset.count_before(|member| !self.is_above(member)).max(start);
        }
        if reverse {
            let skipped = zset
                .range_rev(0, len)
                .take_while(|(member, _)| member.with(|member| self.is_above(member)))
                .count();
            let met = zset
                .range_rev(skipped, len)
                .take_while(|(member, _)| !member.with(|member| self.is_below(member)))
                .count();
            len - skipped - met..len - skipped
        } else {
            let skipped =
                zset.iter().take_while(|(member, _)| member.with(|member| self.is_below(member))).count();
            let met = zset
                .range(skipped, len)
                .take_while(|(member, _)| !member.with(|member| self.is_above(member)))
                .count();
            skipped..skipped + met
        }
    }
}

/// Which members a range command is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ZRangeBy<'a> {
    /// Places from `start` to `stop`, both included; negative counts from the end.
    Rank {
        /// The first place.
        start: i64,
        /// The last place.
        stop: i64,
    },
    /// `BYSCORE`: scores.
    Score(ScoreRange),
    /// `BYLEX`: members, where all scores are the same.
    Lex(LexRange<'a>),
}

/// `LIMIT offset count`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many members of the range are passed over; negative returns nothing.
    pub offset: i64,
    /// How many members are returned at most; negative for all.
    pub count: i64,
}

/// A range of a sorted set: what `ZRANGE` and all its older forms ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZRangeQuery<'a> {
    /// Which members.
    pub by: ZRangeBy<'a>,
    /// `REV`: from the highest score to the lowest; places count from the highest.
    pub reverse: bool,
    /// Only some of them.
    pub limit: Option<Limit>,
}

impl<'a> ZRangeQuery<'a> {
    /// Members by their places.
    pub const fn by_rank(start: i64, stop: i64) -> Self {
        Self { by: ZRangeBy::Rank { start, stop }, reverse: false, limit: None }
    }

    /// Members by their scores.
    pub fn by_score(range: impl Into<ScoreRange>) -> Self {
        Self { by: ZRangeBy::Score(range.into()), reverse: false, limit: None }
    }

    /// Members by their bytes.
    pub const fn by_lex(min: LexBound<'a>, max: LexBound<'a>) -> Self {
        Self { by: ZRangeBy::Lex(LexRange { min, max }), reverse: false, limit: None }
    }

    /// From the highest score to the lowest.
    #[must_use]
    pub const fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// Only `count` members after the first `offset`.
    #[must_use]
    pub const fn limit(mut self, offset: i64, count: i64) -> Self {
        self.limit = Some(Limit { offset, count });
        self
    }

    /// What `make` makes of the members, in order.
    fn collect<T>(&self, zset: &ZSet, mut make: impl FnMut(&[u8], f64) -> T) -> Vec<T> {
        let len = zset.len();
        // Ranks from the lowest score, whichever way they are walked.
        let ranks = match self.by {
            ZRangeBy::Rank { start, stop } => {
                let ranks = stretch(start, stop, len);
                if self.reverse { len - ranks.end..len - ranks.start } else { ranks }
            }
            ZRangeBy::Score(range) => range.ranks(zset),
            ZRangeBy::Lex(range) => range.ranks(zset, self.reverse),
        };
        let (offset, count) = match self.limit {
            None => (0, ranks.len()),
            Some(Limit { offset, count }) => {
                // Before the first there is nothing, but in a big one Redis counts from the last.
                let from_last = zset.encoding() == Encoding::Skiplist;
                let offset = if offset < 0 && from_last { ranks.len() as i64 + offset } else { offset };
                let Ok(offset) = usize::try_from(offset) else { return Vec::new() };
                let offset = offset.min(ranks.len());
                (offset, usize::try_from(count).unwrap_or(usize::MAX).min(ranks.len() - offset))
            }
        };
        let mut made = Vec::with_capacity(count);
        let push = |(member, score): (Element<'_>, f64)| made.push(member.with(|member| make(member, score)));
        if self.reverse {
            zset.range_rev(len - ranks.end + offset, count).for_each(push);
        } else {
            zset.range(ranks.start + offset, count).for_each(push);
        }
        made
    }
}

/// What kind of range a command's words can ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// Anything, by `BYSCORE`, `BYLEX` and `REV`.
    Whole,
    Rank,
    Score,
    Lex,
}

/// Reads a range and its options, all words that are left. Also says whether scores are wanted.
fn parse_range<'a>(
    args: &mut Args<'a>,
    grammar: Grammar,
    reversed: bool,
    stores: bool,
) -> Result<(ZRangeQuery<'a>, bool)> {
    let (first, second) = (args.bytes()?, args.bytes()?);
    let (mut kind, mut reverse, mut with_scores, mut limit) = (grammar, reversed, false, None);
    while !args.is_empty() {
        if !stores && args.take("WITHSCORES") {
            with_scores = true;
        } else if args.take_with("LIMIT", 2) {
            limit = Some(Limit { offset: args.int()?, count: args.int()? });
        } else if grammar == Grammar::Whole && kind == Grammar::Whole && args.take("BYSCORE") {
            kind = Grammar::Score;
        } else if grammar == Grammar::Whole && kind == Grammar::Whole && args.take("BYLEX") {
            kind = Grammar::Lex;
        } else if grammar == Grammar::Whole && !reverse && args.take("REV") {
            reverse = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if kind == Grammar::Whole {
        kind = Grammar::Rank;
    }
    // Redis cannot tell "all of them" from no limit.
    if limit.is_some_and(|limit: Limit| limit.count != -1) && kind == Grammar::Rank {
        return Err(Error::refused(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && kind == Grammar::Lex {
        return Err(Error::refused("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
    }
    let (min, max) = if reverse { (second, first) } else { (first, second) };
    let by = match kind {
        Grammar::Score => ZRangeBy::Score(ScoreRange::parse(min, max)?),
        Grammar::Lex => ZRangeBy::Lex(LexRange::parse(min, max)?),
        Grammar::Rank | Grammar::Whole => {
            let int = |text| number::parse_i64(text).ok_or(Error::NotAnInteger);
            ZRangeBy::Rank { start: int(first)?, stop: int(second)? }
        }
    };
    let limit = limit.filter(|_| kind != Grammar::Rank);
    Ok((ZRangeQuery { by, reverse, limit }, with_scores))
}

/// Members in order, with their scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoredReply {
    /// Members and scores.
    pub members: Vec<(Bytes, f64)>,
    /// Whether the scores are shown.
    pub with_scores: bool,
}

impl From<ScoredReply> for Reply {
    fn from(reply: ScoredReply) -> Self {
        if reply.with_scores {
            Reply::Pairs(
                reply.members.into_iter().map(|(member, score)| (member.into(), score.into())).collect(),
            )
        } else {
            Reply::Array(reply.members.into_iter().map(|(member, _)| member.into()).collect())
        }
    }
}

macro_rules! range_command {
    (
        $type:ident, $name:literal, $arity:literal, $since:literal, $grammar:expr, $reversed:literal, $syntax:literal,
        $summary:literal
    ) => {
        #[doc = concat!("`", $name, " ", $syntax, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// Which members, in which order.
            pub query: ZRangeQuery<'a>,
            /// `WITHSCORES`: with their scores.
            pub with_scores: bool,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: $arity,
                since: $since,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                complexity: "O(log(N)+M), N being the size of the set and M the number of members returned",
                syntax: $syntax,
                ..ZSET
            };
            type Reply = ScoredReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let key = args.bytes()?;
                let (query, with_scores) = parse_range(args, $grammar, $reversed, false)?;
                Ok($type { key, query, with_scores })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<ScoredReply> {
                let copy = |member: &[u8], score| (Bytes::copy_from_slice(member), score);
                let members = db.zset(self.key)?.map(|zset| self.query.collect(&zset, copy));
                Ok(ScoredReply { members: members.unwrap_or_default(), with_scores: self.with_scores })
            }
        }
    };
}

range_command!(
    ZRange,
    "ZRANGE",
    -4,
    "1.2.0",
    Grammar::Whole,
    false,
    "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
    "Returns the members in a range of places, scores or bytes."
);
range_command!(
    ZRevRange,
    "ZREVRANGE",
    -4,
    "1.2.0",
    Grammar::Rank,
    true,
    "key start stop [WITHSCORES]",
    "Returns the members in a range of places, from the highest score."
);
range_command!(
    ZRangeByScore,
    "ZRANGEBYSCORE",
    -4,
    "1.0.5",
    Grammar::Score,
    false,
    "key min max [WITHSCORES] [LIMIT offset count]",
    "Returns the members in a range of scores."
);
range_command!(
    ZRevRangeByScore,
    "ZREVRANGEBYSCORE",
    -4,
    "2.2.0",
    Grammar::Score,
    true,
    "key max min [WITHSCORES] [LIMIT offset count]",
    "Returns the members in a range of scores, from the highest."
);
range_command!(
    ZRangeByLex,
    "ZRANGEBYLEX",
    -4,
    "2.8.9",
    Grammar::Lex,
    false,
    "key min max [LIMIT offset count]",
    "Returns the members in a range of bytes."
);
range_command!(
    ZRevRangeByLex,
    "ZREVRANGEBYLEX",
    -4,
    "2.8.9",
    Grammar::Lex,
    true,
    "key max min [LIMIT offset count]",
    "Returns the members in a range of bytes, from the highest."
);

/// `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`
#[derive(Clone, Debug)]
pub struct ZRangeStore<'a> {
    /// Where the result goes; nothing deletes it.
    pub destination: &'a [u8],
    /// The key.
    pub source: &'a [u8],
    /// Which members.
    pub query: ZRangeQuery<'a>,
}

impl<'a> Command<'a> for ZRangeStore<'a> {
    const SPEC: Spec = Spec {
        name: "ZRANGESTORE",
        arity: -5,
        since: "6.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["OW", "update"]), KeySpec::range(&["RO", "access"], 2, 0, 1)],
        summary: "Stores the members in a range of places, scores or bytes.",
        complexity: "O(log(N)+M), N being the size of the set and M the number of members stored",
        syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        ..ZSET
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (destination, source) = (args.bytes()?, args.bytes()?);
        let (query, _) = parse_range(args, Grammar::Whole, false, true)?;
        Ok(ZRangeStore { destination, source, query })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.destination);
        visit(self.source);
    }
}

impl<'a> Write<'a> for ZRangeStore<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let mut found = db.build::<ZSet>()?;
        if let Some(zset) = db.view().counting().zset(self.source)? {
            self.query.collect(&zset, |member, score| found.insert(member, score));
        }
        store(db, self.destination, found)
    }

    fn event(&self) -> Option<&'static str> {
        Some("zrangestore")
    }
}

pub(super) fn store(db: &mut Tx<'_>, destination: &[u8], zset: Built<ZSet>) -> Result<usize> {
    let count = zset.len();
    db.put(destination, zset.into_value(), Deadline::Clear)?;
    Ok(count)
}

/// `ZCOUNT key min max`
#[derive(Clone, Debug)]
pub struct ZCount<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The scores.
    pub range: ScoreRange,
}

impl<'a> Command<'a> for ZCount<'a> {
    const SPEC: Spec = Spec {
        name: "ZCOUNT",
        arity: 4,
        since: "2.0.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Counts the members in a range of scores.",
        complexity: "O(log(N)), N being the size of the set",
        syntax: "key min max",
        ..ZSET
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZCount { key: args.bytes()?, range: ScoreRange::parse(args.bytes()?, args.bytes()?)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.zset(self.key)?.map_or(0, |zset| self.range.ranks(&zset).len()))
    }
}

/// `ZLEXCOUNT key min max`
#[derive(Clone, Debug)]
pub struct ZLexCount<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The members.
    pub range: LexRange<'a>,
}

impl<'a> Command<'a> for ZLexCount<'a> {
    const SPEC: Spec = Spec {
        name: "ZLEXCOUNT",
        arity: 4,
        since: "2.8.9",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Counts the members in a range of bytes.",
        complexity: "O(log(N)), N being the size of the set",
        syntax: "key min max",
        ..ZSET
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZLexCount { key: args.bytes()?, range: LexRange::parse(args.bytes()?, args.bytes()?)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZLexCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.zset(self.key)?.map_or(0, |zset| self.range.ranks(&zset, false).len()))
    }
}

fn remove_range(db: &mut Tx<'_>, key: &[u8], by: ZRangeBy<'_>) -> Result<usize> {
    let mut zset = db.zset_mut(key)?;
    let found = ZRangeQuery { by, reverse: false, limit: None }.collect(&zset, |member, _| member.to_vec());
    Ok(found.iter().filter(|member| zset.remove(member).is_some()).count())
}

macro_rules! remove_range_command {
    ($type:ident, $name:literal, $event:literal, $since:literal, $field:ident: $range:ty, $parse:expr, $by:expr, $syntax:literal, $summary:literal) => {
        #[doc = concat!("`", $name, " ", $syntax, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// Which members.
            pub $field: $range,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 4,
                since: $since,
                keys: &[KeySpec::first(&["RW", "delete"])],
                summary: $summary,
                complexity: "O(M*log(N)), M being the number of members removed and N the size of the set",
                syntax: $syntax,
                ..ZSET
            };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (key, min, max) = (args.bytes()?, args.bytes()?, args.bytes()?);
                Ok($type { key, $field: $parse(min, max)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
                remove_range(db, self.key, $by(self.$field))
            }

            fn event(&self) -> Option<&'static str> {
                Some($event)
            }
        }
    };
}

fn parse_places(start: &[u8], stop: &[u8]) -> Result<(i64, i64)> {
    let int = |text| number::parse_i64(text).ok_or(Error::NotAnInteger);
    Ok((int(start)?, int(stop)?))
}

remove_range_command!(
    ZRemRangeByRank,
    "ZREMRANGEBYRANK",
    "zremrangebyrank",
    "2.0.0",
    places: (i64, i64),
    parse_places,
    |(start, stop)| ZRangeBy::Rank { start, stop },
    "key start stop",
    "Removes the members in a range of places."
);
remove_range_command!(
    ZRemRangeByScore,
    "ZREMRANGEBYSCORE",
    "zremrangebyscore",
    "1.2.0",
    range: ScoreRange,
    ScoreRange::parse,
    ZRangeBy::Score,
    "key min max",
    "Removes the members in a range of scores."
);
remove_range_command!(
    ZRemRangeByLex,
    "ZREMRANGEBYLEX",
    "zremrangebylex",
    "2.8.9",
    range: LexRange<'a>,
    LexRange::parse,
    ZRangeBy::Lex,
    "key min max",
    "Removes the members in a range of bytes."
);

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZEnd {
    /// `MIN`: the lowest score's.
    Min,
    /// `MAX`: the highest score's.
    Max,
}

impl ZEnd {
    /// What it is called when members go from here.
    const fn event(self) -> &'static str {
        match self {
            ZEnd::Min => "zpopmin",
            ZEnd::Max => "zpopmax",
        }
    }
}

fn pop(db: &mut Tx<'_>, key: &[u8], end: ZEnd, count: usize) -> Result<Vec<(Bytes, f64)>> {
    db.named(end.event(), |db| {
        let mut zset = db.zset_mut(key)?;
        let copied = |(member, score): (Element<'_>, f64)| (member.copy(), score);
        let popped: Vec<_> = match end {
            ZEnd::Min => zset.range(0, count).map(copied).collect(),
            ZEnd::Max => zset.range_rev(0, count).map(copied).collect(),
        };
        popped.iter().for_each(|(member, _)| {
            zset.remove(member);
        });
        Ok(popped)
    })
}

/// `ZPOPMIN`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ZPopReply {
    /// Without a count: a member and its score, if there was one; a flat array.
    One(Option<(Bytes, f64)>),
    /// With a count: members and scores.
    Many(Vec<(Bytes, f64)>),
}

impl From<ZPopReply> for Reply {
    fn from(reply: ZPopReply) -> Self {
        match reply {
            ZPopReply::One(popped) => Reply::Array(
                popped
                    .into_iter()
                    .flat_map(|(member, score)| [member.into(), Reply::Double(score)])
                    .collect(),
            ),
            ZPopReply::Many(members) => ScoredReply { members, with_scores: true }.into(),
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
            /// How many at most; `None` for one.
            pub count: Option<usize>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -2,
                since: "5.0.0",
                flags: Flags::FAST,
                keys: &[KeySpec::first(&["RW", "access", "delete"])],
                summary: $summary,
                complexity: "O(M*log(N)), M being the number of members returned and N the size of the set",
                syntax: "key [count]",
                ..ZSET
            };
            type Reply = ZPopReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let key = args.bytes()?;
                if args.remaining() > 1 {
                    return Err(Error::Syntax);
                }
                Ok($type { key, count: if args.is_empty() { None } else { Some(args.positive()?) } })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<ZPopReply> {
                let mut popped = pop(db, self.key, $end, self.count.unwrap_or(1))?;
                Ok(match self.count {
                    None => ZPopReply::One(popped.pop()),
                    Some(_) => ZPopReply::Many(popped),
                })
            }
        }
    };
}

pop_command!(ZPopMin, "ZPOPMIN", ZEnd::Min, "Removes and returns the members with the lowest scores.");
pop_command!(ZPopMax, "ZPOPMAX", ZEnd::Max, "Removes and returns the members with the highest scores.");

/// `ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]`
#[derive(Clone, Debug)]
pub struct ZMPop<'a> {
    /// The keys, of which the first that is there is popped from.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// From which end.
    pub end: ZEnd,
    /// How many members at most.
    pub count: usize,
}

/// `ZMPOP`'s answer: the key, and its members with their scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ZMPopReply(pub Option<(Bytes, Vec<(Bytes, f64)>)>);

impl From<ZMPopReply> for Reply {
    fn from(reply: ZMPopReply) -> Self {
        // These pairs are arrays of their own in RESP2 too.
        let pair = |(member, score): (Bytes, f64)| Reply::Array(vec![member.into(), score.into()]);
        reply.0.map_or(Reply::NullArray, |(key, members)| {
            Reply::Array(vec![key.into(), Reply::Array(members.into_iter().map(pair).collect())])
        })
    }
}

/// `<MIN | MAX>`
fn parse_end(args: &mut Args<'_>) -> Result<ZEnd> {
    if args.take("MIN") {
        Ok(ZEnd::Min)
    } else if args.take("MAX") {
        Ok(ZEnd::Max)
    } else {
        Err(Error::Syntax)
    }
}

impl<'a> Command<'a> for ZMPop<'a> {
    const SPEC: Spec = Spec {
        name: "ZMPOP",
        arity: -4,
        since: "7.0.0",
        flags: Flags::MOVABLEKEYS,
        keys: &[KeySpec::counted(&["RW", "access", "delete"], 1)],
        summary: "Removes and returns members of the first of several sorted sets that is there.",
        complexity: "O(K+M*log(N)), K being the number of keys, M that of members returned, N the size of the set",
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        ..ZSET
    };
    type Reply = ZMPopReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let keys = args.counted_keys()?;
        let (end, count) = (parse_end(args)?, args.count_to_pop()?);
        Ok(ZMPop { keys: keys.into(), end, count })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl<'a> Write<'a> for ZMPop<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<ZMPopReply> {
        pop_first(db, &self.keys, self.end, self.count).map(Into::into)
    }
}

/// Members of a sorted set, with the key that they were taken from.
type Popped = (Bytes, Vec<(Bytes, f64)>);

/// Takes members from the first sorted set that is there, of those whose shards are locked.
fn pop_first(db: &mut Tx<'_>, keys: &[&[u8]], end: ZEnd, count: usize) -> Result<Option<Popped>> {
    for key in keys {
        if !db.is_locked(key) {
            continue;
        }
        let popped = pop(db, key, end, count)?;
        if !popped.is_empty() {
            return Ok(Some((Bytes::copy_from_slice(key), popped)));
        }
    }
    Ok(None)
}

/// Puts members back. By whatever end they were taken, their scores say where they belong.
fn put_back(engine: &Engine, db: usize, (key, members): &Popped, _: ZEnd) {
    let members: Vec<(f64, &[u8])> =
        members.iter().map(|(member, score)| (*score, member.as_ref())).collect();
    let add = ZAdd { key, options: ZAddOptions::default(), increment: false, members: members.into() };
    // A log that cannot be written keeps everything as it was; nothing else refuses this, or the key is something else by now.
    let _ = engine.write(db, &add);
}

/// `BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]`
#[derive(Clone, Debug)]
pub struct BZMPop<'a> {
    /// How long it waits; `None` for ever.
    pub timeout: Option<Duration>,
    /// The keys, of which the first that is there is popped from.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// From which end.
    pub end: ZEnd,
    /// How many members at most.
    pub count: usize,
}

impl<'a> Command<'a> for BZMPop<'a> {
    const SPEC: Spec = Spec {
        name: "BZMPOP",
        arity: -5,
        since: "7.0.0",
        flags: Flags::BLOCKING.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(&["RW", "access", "delete"], 2)],
        summary: "Removes and returns members of the first of several sorted sets that is there, and waits for one if none is.",
        complexity: "O(K+M*log(N)), K being the number of keys, M that of members returned, N the size of the set",
        syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        ..ZSET
    };
    type Reply = ZMPopReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (keys, end, count, timeout) = parse_pop(args, parse_end)?;
        Ok(BZMPop { timeout, keys: keys.into(), end, count })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

pops_or_waits!(
    BZMPop, SortedSet, Popped, |command| (command.end, command.count): ZEnd, pop_first, put_back
);

/// The answer of `BZPOPMIN` and `BZPOPMAX`: the key, a member and its score.
#[derive(Clone, Debug, PartialEq)]
pub struct BZPopReply(pub Option<(Bytes, Bytes, f64)>);

impl From<BZPopReply> for Reply {
    fn from(reply: BZPopReply) -> Self {
        reply.0.map_or(Reply::NullArray, |(key, member, score)| {
            Reply::Array(vec![key.into(), member.into(), score.into()])
        })
    }
}

impl From<Option<Popped>> for BZPopReply {
    fn from(found: Option<Popped>) -> Self {
        Self(found.and_then(|(key, mut members)| members.pop().map(|(member, score)| (key, member, score))))
    }
}

impl From<Option<Popped>> for ZMPopReply {
    fn from(found: Option<Popped>) -> Self {
        Self(found)
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
                since: "5.0.0",
                flags: Flags::BLOCKING.and(Flags::FAST),
                keys: &[KeySpec::range(&["RW", "access", "delete"], 1, -2, 1)],
                summary: $summary,
                complexity: "O(log(N)), N being the size of the sorted set",
                syntax: "key [key ...] timeout",
                ..ZSET
            };
            type Reply = BZPopReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let keys = args.many(args.remaining().saturating_sub(1))?;
                Ok($type { keys: keys.into(), timeout: parse_timeout(args)? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.keys.iter().for_each(|key| visit(key));
            }
        }

        pops_or_waits!($type, SortedSet, Popped, |_command| ($end, 1): ZEnd, pop_first, put_back);
    };
}

blocking_pop_command!(
    BZPopMin,
    "BZPOPMIN",
    ZEnd::Min,
    "Removes and returns the member with the lowest score of the first of several sorted sets that is there, and waits for one."
);
blocking_pop_command!(
    BZPopMax,
    "BZPOPMAX",
    ZEnd::Max,
    "Removes and returns the member with the highest score of the first of several sorted sets that is there, and waits for one."
);

/// `ZRANDMEMBER key [count [WITHSCORES]]`
#[derive(Clone, Debug)]
pub struct ZRandMember<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many.
    pub draw: Draw,
    /// `WITHSCORES`: with their scores.
    pub with_scores: bool,
}

/// `ZRANDMEMBER`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ZRandMemberReply {
    /// Without a count: a member, if there is one.
    One(Option<Bytes>),
    /// With a count: members.
    Many(ScoredReply),
}

impl From<ZRandMemberReply> for Reply {
    fn from(reply: ZRandMemberReply) -> Self {
        match reply {
            ZRandMemberReply::One(member) => member.into(),
            ZRandMemberReply::Many(members) => members.into(),
        }
    }
}

impl<'a> Command<'a> for ZRandMember<'a> {
    const SPEC: Spec = Spec {
        name: "ZRANDMEMBER",
        arity: -2,
        since: "6.2.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some members of a sorted set, each equally likely.",
        complexity: "O(N), N being the number of members returned",
        syntax: "key [count [WITHSCORES]]",
        ..ZSET
    };
    type Reply = ZRandMemberReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if args.is_empty() {
            return Ok(ZRandMember { key, draw: Draw::One, with_scores: false });
        }
        let draw = Draw::parse(args)?;
        let with_scores = args.take("WITHSCORES");
        args.finish()?;
        Ok(ZRandMember { key, draw: if with_scores { draw.doubled()? } else { draw }, with_scores })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZRandMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<ZRandMemberReply> {
        let random = db.random();
        let zset = db.zset(self.key)?;
        let copied = |(member, score): (Element<'_>, f64)| (member.copy(), score);
        let one = || zset?.inner().random(random).map(copied);
        if self.draw == Draw::One {
            return Ok(ZRandMemberReply::One(one().map(|(member, _)| member)));
        }
        let all = |zset: ZSetView<'_>| zset.iter().map(copied).collect();
        let members = zset.map(|zset| draw(self.draw, zset.len(), random, one, || all(zset)));
        let members = members.transpose()?.unwrap_or_default();
        Ok(ZRandMemberReply::Many(ScoredReply { members, with_scores: self.with_scores }))
    }
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
#[derive(Clone, Debug)]
pub struct ZScan<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where to go on: 0 at first, then what the last step returned.
    pub cursor: u64,
    /// The rest.
    pub options: Late<ScanOptions<'a>>,
}

impl<'a> Command<'a> for ZScan<'a> {
    const SPEC: Spec = Spec {
        name: "ZSCAN",
        arity: -3,
        since: "2.8.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        tips: &["nondeterministic_output"],
        summary: "Returns some of a sorted set's members with their scores, and where to go on.",
        complexity: "O(1) a step, O(N) a whole scan, N being the number of members",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        ..ZSET
    };
    type Reply = ScanReply<(Bytes, f64)>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ZScan {
            key: args.bytes()?,
            cursor: scan::cursor(args)?,
            options: ScanOptions::parse(args, Scanned::Members),
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for ZScan<'a> {
    fn read(&self, db: &View<'_>) -> Result<Self::Reply> {
        let Some(zset) = db.zset(self.key)? else { return Ok(ScanReply::complete()) };
        let options = self.options.clone()?;
        Ok(ScanReply::collect(self.cursor, options.count, |cursor, items| {
            let mut looked_at = 0;
            let next = zset.scan(cursor, |member, score| {
                looked_at += 1;
                if options.accepts(member) {
                    items.push((Bytes::copy_from_slice(member), score));
                }
            });
            (next, looked_at)
        }))
    }
}

/// How several scores of one member become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// `SUM`
    #[default]
    Sum,
    /// `MIN`
    Min,
    /// `MAX`
    Max,
    /// `COUNT`: in how many of the sets it is, whatever its scores; with weights their sum.
    Count,
}

impl Aggregate {
    fn of(self, first: f64, second: f64) -> f64 {
        match self {
            Aggregate::Min => first.min(second),
            Aggregate::Max => first.max(second),
            Aggregate::Sum | Aggregate::Count => number_or_zero(first + second),
        }
    }

    /// What a score in a set of some weight comes to.
    fn weigh(self, score: f64, weight: f64) -> f64 {
        if self == Aggregate::Count { weight } else { score * weight }
    }
}

/// Infinities that cancel each other, and infinity times nothing, count as 0.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// How several sorted sets become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combination {
    Union,
    Intersection,
    Difference,
}

/// The sets that are combined, and how their scores are. Plain sets count as sorted sets of score 1.
#[derive(Clone, Debug)]
pub struct ZSources<'a> {
    /// The keys.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// What becomes of the scores.
    pub weighing: Late<Weighing>,
}

const NOT_A_WEIGHT: &str = "ERR weight value is not a float";

/// What becomes of the scores of sets that are combined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weighing {
    /// `WEIGHTS`: a factor for the scores of each key; empty for 1.
    pub weights: Vec<f64>,
    /// `AGGREGATE`: what becomes of several scores of one member.
    pub aggregate: Aggregate,
}

impl Weighing {
    /// `WEIGHTS`: a factor for the scores of each key.
    #[must_use]
    pub fn weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = weights.into();
        self
    }

    /// `AGGREGATE`: what becomes of several scores of one member; they are added up unless told otherwise.
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }
}

/// A sorted set, or a plain one.
#[derive(Clone, Copy)]
enum Source<'v> {
    Scored(ZSetView<'v>),
    Plain(crate::tx::SetView<'v>),
}

impl Source<'_> {
    fn len(self) -> usize {
        match self {
            Source::Scored(zset) => zset.len(),
            Source::Plain(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Scored(zset) => zset.score(member),
            Source::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            Source::Scored(zset) => {
                zset.iter().for_each(|(member, score)| member.with(|member| visit(member, score)));
            }
            Source::Plain(set) => set.iter().for_each(|member| member.with(|member| visit(member, 1.0))),
        }
    }
}

fn sources<'v>(db: &View<'v>, keys: &[&[u8]]) -> Result<Vec<Option<Source<'v>>>> {
    let source = |key: &&[u8]| match db.value(key)? {
        None => Ok(None),
        Some(ValueRef::Set(_)) => Ok(db.set(key)?.map(Source::Plain)),
        Some(_) => Ok(db.zset(key)?.map(Source::Scored)),
    };
    keys.iter().map(source).collect()
}

impl<'a> ZSources<'a> {
    /// Several keys, their scores added up.
    pub fn new(keys: impl Into<Cow<'a, [&'a [u8]]>>) -> Self {
        Self { keys: keys.into(), weighing: Ok(Weighing::default()) }
    }

    /// `WEIGHTS`, `AGGREGATE`: what becomes of the scores.
    #[must_use]
    pub fn weighing(mut self, weighing: Weighing) -> Self {
        self.weighing = Ok(weighing);
        self
    }

    /// Reads the keys and the options, all words that are left. Also says whether scores are wanted.
    fn parse(
        args: &mut Args<'a>,
        command: &'static str,
        combination: Combination,
        stores: bool,
    ) -> Result<(Self, bool)> {
        let keys = count_then_keys(args, command)?;
        let mut with_scores = false;
        let weighing = Weighing::parse(args, keys.len(), combination, (!stores).then_some(&mut with_scores));
        Ok((Self { keys: keys.into(), weighing }, with_scores))
    }

    /// Shows the members of the result with their scores to `emit`, in no particular order.
    fn combine(
        &self,
        db: &View<'_>,
        combination: Combination,
        mut emit: impl FnMut(&[u8], f64),
    ) -> Result<()> {
        let sources = sources(db, &self.keys)?;
        let Weighing { weights, aggregate } = self.weighing.clone()?;
        if !weights.is_empty() && weights.len() != self.keys.len() {
            return Err(Error::Syntax);
        }
        if weights.iter().any(|weight| weight.is_nan()) {
            return Err(Error::refused(NOT_A_WEIGHT));
        }
        let weight = |at: usize| weights.get(at).copied().unwrap_or(1.0);
        let weighted = |at: usize, score: f64| number_or_zero(aggregate.weigh(score, weight(at)));
        match combination {
            Combination::Union => {
                let mut scores: HashMap<Bytes, f64, foldhash::fast::FixedState> = HashMap::default();
                for (at, source) in sources.iter().enumerate() {
                    let Some(source) = source else { continue };
                    source.for_each(|member, score| {
                        let score = weighted(at, score);
                        match scores.get_mut(member) {
                            Some(held) => *held = aggregate.of(*held, score),
                            None => drop(scores.insert(Bytes::copy_from_slice(member), score)),
                        }
                    });
                }
                scores.iter().for_each(|(member, score)| emit(member, *score));
            }
            Combination::Intersection => {
                let Some(sources) = sources.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
                let mut order: Vec<usize> = (0..sources.len()).collect();
                order.sort_by_key(|&at| sources[at].len());
                let Some((&smallest, others)) = order.split_first() else { return Ok(()) };
                sources[smallest].for_each(|member, score| {
                    let mut sum = weighted(smallest, score);
                    for &at in others {
                        let Some(score) = sources[at].score(member) else { return };
                        // Not made a number before it is added: infinity times nothing makes the whole sum nothing.
                        sum = aggregate.of(sum, aggregate.weigh(score, weight(at)));
                    }
                    emit(member, sum);
                });
            }
            Combination::Difference => {
                let Some((Some(first), others)) = sources.split_first() else { return Ok(()) };
                first.for_each(|member, score| {
                    if others.iter().flatten().all(|other| other.score(member).is_none()) {
                        emit(member, score);
                    }
                });
            }
        }
        Ok(())
    }
}

impl Weighing {
    /// Reads the options, all words that are left. `WITHSCORES` is one where there is a place to note it.
    fn parse(
        args: &mut Args<'_>,
        keys: usize,
        combination: Combination,
        mut with_scores: Option<&mut bool>,
    ) -> Late<Self> {
        let mut weighing = Self::default();
        let weighs = combination != Combination::Difference;
        while !args.is_empty() {
            if weighs && args.take_with("WEIGHTS", keys) {
                let weight = |word: &&[u8]| number::parse_f64(word).ok_or(Error::refused(NOT_A_WEIGHT));
                weighing.weights = args.many(keys)?.iter().map(weight).collect::<Result<_>>()?;
            } else if weighs && args.take_with("AGGREGATE", 1) {
                weighing.aggregate = if args.take("SUM") {
                    Aggregate::Sum
                } else if args.take("MIN") {
                    Aggregate::Min
                } else if args.take("MAX") {
                    Aggregate::Max
                } else if args.take("COUNT") {
                    Aggregate::Count
                } else {
                    return Err(Error::Syntax);
                };
            } else if let Some(with_scores) = with_scores.as_deref_mut()
                && args.take("WITHSCORES")
            {
                *with_scores = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(weighing)
    }
}

/// Reads a count and that many keys.
fn count_then_keys<'a>(args: &mut Args<'a>, command: &'static str) -> Result<&'a [&'a [u8]]> {
    let count = args.int()?;
    if count < 1 {
        let text = format!("ERR at least 1 input key is needed for '{command}' command");
        return Err(Error::Refused(text.into()));
    }
    args.many(usize::try_from(count).map_err(|_| Error::Syntax)?)
}

macro_rules! combination {
    (
        $read:ident, $read_name:literal, $read_command:literal, $since:literal, $store:ident, $store_name:literal,
        $store_command:literal, $store_since:literal, $combination:expr, $options:literal, $complexity:literal, $summary:literal,
        $store_summary:literal
    ) => {
        #[doc = concat!("`", $read_name, " numkeys key [key ...]", $options, " [WITHSCORES]`")]
        #[derive(Clone, Debug)]
        pub struct $read<'a> {
            /// What is combined, and how.
            pub sources: ZSources<'a>,
            /// `WITHSCORES`: with their scores.
            pub with_scores: bool,
        }

        impl<'a> Command<'a> for $read<'a> {
            const SPEC: Spec = Spec {
                name: $read_name,
                arity: -3,
                since: $since,
                flags: Flags::MOVABLEKEYS,
                keys: &[KeySpec::counted(&["RO", "access"], 1)],
                summary: $summary,
                complexity: $complexity,
                syntax: concat!("numkeys key [key ...]", $options, " [WITHSCORES]"),
                ..ZSET
            };
            type Reply = ScoredReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (sources, with_scores) = ZSources::parse(args, $read_command, $combination, false)?;
                Ok($read { sources, with_scores })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                self.sources.keys.iter().for_each(|key| visit(key));
            }
        }

        impl<'a> Read<'a> for $read<'a> {
            fn read(&self, db: &View<'_>) -> Result<ScoredReply> {
                let mut members = Vec::new();
                self.sources.combine(db, $combination, |member, score| {
                    members.push((Bytes::copy_from_slice(member), score));
                })?;
                members.sort_unstable_by(|a, b| compare_scores(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
                Ok(ScoredReply { members, with_scores: self.with_scores })
            }
        }

        #[doc = concat!("`", $store_name, " destination numkeys key [key ...]", $options, "`")]
        #[derive(Clone, Debug)]
        pub struct $store<'a> {
            /// Where the result goes; nothing deletes it.
            pub destination: &'a [u8],
            /// What is combined, and how.
            pub sources: ZSources<'a>,
        }

        impl<'a> Command<'a> for $store<'a> {
            const SPEC: Spec = Spec {
                name: $store_name,
                arity: -4,
                since: $store_since,
                flags: Flags::DENYOOM.and(Flags::MOVABLEKEYS),
                keys: &[KeySpec::first(&["OW", "update"]), KeySpec::counted(&["RO", "access"], 2)],
                summary: $store_summary,
                complexity: $complexity,
                syntax: concat!("destination numkeys key [key ...]", $options),
                ..ZSET
            };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let destination = args.bytes()?;
                let (sources, _) = ZSources::parse(args, $store_command, $combination, true)?;
                Ok($store { destination, sources })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.destination);
                self.sources.keys.iter().for_each(|key| visit(key));
            }
        }

        impl<'a> Write<'a> for $store<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
                let mut found = db.build::<ZSet>()?;
                self.sources.combine(&db.view().counting(), $combination, |member, score| {
                    found.insert(member, score)
                })?;
                store(db, self.destination, found)
            }

            fn event(&self) -> Option<&'static str> {
                Some($store_command)
            }
        }
    };
}

combination!(
    ZUnion,
    "ZUNION",
    "zunion",
    "6.2.0",
    ZUnionStore,
    "ZUNIONSTORE",
    "zunionstore",
    "2.0.0",
    Combination::Union,
    " [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
    "O(N+M*log(M)), N being the sizes of the sets together and M the size of the result",
    "Returns the members that are in any of several sorted sets.",
    "Stores the members that are in any of several sorted sets."
);
combination!(
    ZInter,
    "ZINTER",
    "zinter",
    "6.2.0",
    ZInterStore,
    "ZINTERSTORE",
    "zinterstore",
    "2.0.0",
    Combination::Intersection,
    " [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
    "O(N*K+M*log(M)), N being the size of the smallest set, K the number of sets and M the size of the result",
    "Returns the members that are in all of several sorted sets.",
    "Stores the members that are in all of several sorted sets."
);
combination!(
    ZDiff,
    "ZDIFF",
    "zdiff",
    "6.2.0",
    ZDiffStore,
    "ZDIFFSTORE",
    "zdiffstore",
    "6.2.0",
    Combination::Difference,
    "",
    "O(N*K+M*log(M)), N being the size of the first set, K the number of sets and M the size of the result",
    "Returns the members that are in the first sorted set and in no other.",
    "Stores the members that are in the first sorted set and in no other."
);

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`
#[derive(Clone, Debug)]
pub struct ZInterCard<'a> {
    /// The keys.
    pub keys: Cow<'a, [&'a [u8]]>,
    /// `LIMIT`: counting stops here; 0 for no limit.
    pub limit: Late<usize>,
}

impl<'a> Command<'a> for ZInterCard<'a> {
    const SPEC: Spec = Spec {
        name: "ZINTERCARD",
        arity: -3,
        since: "7.0.0",
        flags: Flags::MOVABLEKEYS,
        keys: &[KeySpec::counted(&["RO", "access"], 1)],
        summary: "Counts the members that are in all of several sorted sets.",
        complexity: "O(N*K), N being the size of the smallest set and K the number of sets",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        ..ZSET
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let keys = count_then_keys(args, "zintercard")?;
        Ok(ZInterCard { keys: keys.into(), limit: args.limit() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }
}

impl<'a> Read<'a> for ZInterCard<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        let sources = sources(db, &self.keys)?;
        let limit = self.limit.clone()?;
        let Some(mut sources) = sources.into_iter().collect::<Option<Vec<_>>>() else { return Ok(0) };
        sources.sort_by_key(|source| source.len());
        let Some((smallest, others)) = sources.split_first() else { return Ok(0) };
        let mut count = 0;
        smallest.for_each(|member, _| {
            let reached = limit > 0 && count >= limit;
            if !reached && others.iter().all(|other| other.score(member).is_some()) {
                count += 1;
            }
        });
        Ok(count)
    }
}
