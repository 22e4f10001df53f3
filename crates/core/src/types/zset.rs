//! A sorted set: members by name and by score, with ranks.
//!
//! Small ones are a [`Listpack`] of members and scores in order. Big ones are two structures over one copy of each member with its
//! score: a hash table, and a tree in the order of scores and, among equal scores, of the members' bytes.
use std::cmp::Ordering;
use std::fmt;

use super::listpack::{self, Element, LISTPACK_BYTES_MAX, Listpack, Place};
use super::rank_tree::{RankTree, compare_scores};
use super::scored_member::ScoredMember;
use super::{Encoding, TypeSettings};
use crate::extendible::ExtendibleTable;
use crate::memory::block_bytes;
use crate::{HashSeed, Random};

/// Members with scores, none of them NaN.
#[derive(Clone)]
pub struct ZSet(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Indexed(Box<Indexed>),
}

/// Both structures hold all members.
struct Indexed {
    by_name: ExtendibleTable<ScoredMember>,
    by_score: RankTree,
    hash_seed: HashSeed,
    /// What the members themselves take of the allocator.
    member_bytes: usize,
}

impl Indexed {
    fn new(hash_seed: HashSeed) -> Self {
        Self { by_name: ExtendibleTable::default(), by_score: RankTree::new(), hash_seed, member_bytes: 0 }
    }

    fn find(&self, member: &[u8]) -> Option<&ScoredMember> {
        self.by_name.get(self.hash_seed.hash(member), |held| held.member() == member)
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = self.hash_seed.hash(member);
        if let Some(held) = self.by_name.get(hash, |held| held.member() == member) {
            let before = held.score();
            if before != score {
                self.by_score.set_score(held, score);
            }
            return Some(before);
        }
        let [member, for_tree] = ScoredMember::twice(member, score);
        self.member_bytes += member.allocated_bytes();
        self.by_score.insert(for_tree);
        self.by_name.insert_unique(hash, member, |held| self.hash_seed.hash(held.member()));
        None
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let held = self.by_name.remove(self.hash_seed.hash(member), |held| held.member() == member)?;
        self.member_bytes -= held.allocated_bytes();
        self.by_score.remove(&held);
        Some(held.score())
    }

    const fn allocated_bytes(&self) -> usize {
        block_bytes(size_of::<Self>())
            + self.by_name.allocated_bytes()
            + self.by_score.allocated_bytes()
            + self.member_bytes
    }

    fn recounted_bytes(&self) -> usize {
        let members = self.by_name.iter();
        block_bytes(size_of::<Self>())
            + self.by_name.recounted_bytes()
            + self.by_score.recounted_bytes()
            + members.map(ScoredMember::allocated_bytes).sum::<usize>()
    }
}

impl Clone for Indexed {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.hash_seed.clone());
        self.by_score.iter_from(0).for_each(|held| {
            copy.insert(held.member(), held.score());
        });
        copy
    }
}

fn shown(held: &ScoredMember) -> (Element<'_>, f64) {
    (Element::Text(held.member()), held.score())
}

/// Scores that are no integers are 8 bytes, or 4 where those are the same number.
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Integer(score) => score as f64,
        Element::Text(bytes) => match <[u8; 4]>::try_from(bytes) {
            Ok(short) => f32::from_le_bytes(short).into(),
            Err(_) => f64::from_le_bytes(bytes.try_into().unwrap_or_default()),
        },
    }
}

/// A score as an element is made of it.
struct PackedScore {
    score: f64,
    long: [u8; 8],
    short: [u8; 4],
}

impl PackedScore {
    fn new(score: f64) -> Self {
        Self { score, long: score.to_le_bytes(), short: (score as f32).to_le_bytes() }
    }

    /// As in Redis, whole scores are integers, which have one zero.
    fn element(&self) -> Element<'_> {
        const WHOLE_MAX: f64 = (1_i64 << f64::MANTISSA_DIGITS) as f64;
        if self.score.abs() <= WHOLE_MAX && self.score.trunc() == self.score {
            Element::Integer(self.score as i64)
        } else if f64::from(self.score as f32) == self.score {
            Element::Text(&self.short)
        } else {
            Element::Text(&self.long)
        }
    }
}

/// Members and scores out of a listpack's elements, from the last.
struct PackedBack<'a>(listpack::IterBack<'a>);

impl<'a> Iterator for PackedBack<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let score = score_of(self.0.next()?);
        Some((self.0.next()?, score))
    }
}

/// The place of a packed member, and its score.
#[inline]
fn find(pack: &Listpack, member: &[u8]) -> Option<(Place, f64)> {
    pack.find_pair(member).map(|(place, score)| (place, score_of(score)))
}

enum Either<A, B> {
    Packed(A),
    Indexed(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Either::Packed(iter) => iter.next(),
            Either::Indexed(iter) => iter.next(),
        }
    }

    #[inline]
    fn fold<S, F: FnMut(S, T) -> S>(self, first: S, combine: F) -> S {
        match self {
            Either::Packed(iter) => iter.fold(first, combine),
            Either::Indexed(iter) => iter.fold(first, combine),
        }
    }
}

impl Default for ZSet {
    fn default() -> Self {
        Self::new()
    }
}

impl ZSet {
    /// Without members; nothing is allocated.
    pub const fn new() -> Self {
        Self(Form::Packed(Listpack::new()))
    }

    /// How many members it has.
    pub const fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len() / 2,
            Form::Indexed(indexed) => indexed.by_score.len(),
        }
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Packed(pack) => find(pack, member).map(|(_, score)| score),
            Form::Indexed(indexed) => indexed.find(member).map(ScoredMember::score),
        }
    }

    /// Gives a member a score, and returns the one it had. Both zeros are the same score, the first one stays.
    pub fn insert(&mut self, member: &[u8], score: f64, settings: &TypeSettings) -> Option<f64> {
        if let Form::Packed(pack) = &mut self.0 {
            let before = find(pack, member);
            let fits = before.is_some()
                || (pack.len() / 2 < settings.zset_max_listpack_entries
                    && member.len() <= settings.zset_max_listpack_value
                    && pack.used_bytes().saturating_add(member.len()) <= LISTPACK_BYTES_MAX);
            if fits {
                if let Some((place, old)) = before {
                    if old == score {
                        return Some(old);
                    }
                    pack.splice_at(place, 2, &[]);
                }
                insert_packed(pack, member, score);
                return before.map(|(_, score)| score);
            }
            self.index(settings);
        }
        match &mut self.0 {
            Form::Indexed(indexed) => indexed.insert(member, score),
            Form::Packed(_) => unreachable!("it was indexed above"),
        }
    }

    /// Goes over to the form for big ones, for good.
    fn index(&mut self, settings: &TypeSettings) {
        let mut indexed = Box::new(Indexed::new(settings.hash_seed.clone()));
        self.iter().for_each(|(member, score)| {
            member.with(|member| indexed.insert(member, score));
        });
        self.0 = Form::Indexed(indexed);
    }

    /// Prepares for `count` members of which the longest has `longest` bytes, as commands do that store a whole set.
    pub fn expect(&mut self, count: usize, longest: usize, settings: &TypeSettings) {
        let packed = matches!(self.0, Form::Packed(_));
        if packed
            && (count > settings.zset_max_listpack_entries || longest > settings.zset_max_listpack_value)
        {
            self.index(settings);
        }
    }

    /// Takes a member out and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(pack) => {
                let (place, score) = find(pack, member)?;
                pack.splice_at(place, 2, &[]);
                Some(score)
            }
            Form::Indexed(indexed) => indexed.remove(member),
        }
    }

    /// A member's place from the lowest score, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(pack) => find(pack, member).map(|(place, score)| (place.number() / 2, score)),
            Form::Indexed(indexed) => {
                let held = indexed.find(member)?;
                Some((indexed.by_score.rank(held), held.score()))
            }
        }
    }

    /// The member at a place from the lowest score.
    pub fn get(&self, rank: usize) -> Option<(Element<'_>, f64)> {
        self.range(rank, 1).next()
    }

    /// How many members have a lower score, or with `or_equal` a score that is not higher.
    pub fn rank_of_score(&self, score: f64, or_equal: bool) -> usize {
        match &self.0 {
            Form::Packed(pack) => {
                let is_below = |other: f64| if or_equal { other <= score } else { other < score };
                pack.first_pair_after(|_, other| is_below(score_of(other))).number() / 2
            }
            Form::Indexed(indexed) => indexed.by_score.count_below(score, or_equal),
        }
    }

    /// How many members come before the first for which `is_before` says no, in a set whose scores are all the same. It must say
    /// yes to a beginning of the members' order and no to the rest.
    pub fn count_before(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.first_pair_after(|member, _| member.with(&is_before)).number() / 2,
            Form::Indexed(indexed) => indexed.by_score.count_before_member(is_before),
        }
    }

    /// Members and scores from the lowest score.
    pub fn iter(&self) -> impl Iterator<Item = (Element<'_>, f64)> {
        self.range(0, usize::MAX)
    }

    /// `count` members and scores from the one at `rank` on, counted from the lowest score.
    pub fn range(&self, rank: usize, count: usize) -> impl Iterator<Item = (Element<'_>, f64)> {
        match &self.0 {
            Form::Packed(pack) => {
                let pairs = pack.range(rank.saturating_mul(2), count.saturating_mul(2)).pairs();
                Either::Packed(pairs.map(|(member, score)| (member, score_of(score))))
            }
            Form::Indexed(indexed) => {
                Either::Indexed(indexed.by_score.iter_from(rank).map(shown).take(count))
            }
        }
    }

    /// `count` members and scores from the one at `rank` on, counted from the highest score.
    pub fn range_rev(&self, rank: usize, count: usize) -> impl Iterator<Item = (Element<'_>, f64)> {
        let left = self.len().saturating_sub(rank);
        match &self.0 {
            Form::Packed(pack) => {
                Either::Packed(PackedBack(pack.range_back(left * 2, count.saturating_mul(2))))
            }
            Form::Indexed(indexed) => {
                let from = left.checked_sub(1).unwrap_or(usize::MAX);
                let walk = indexed.by_score.iter_back_from(from);
                Either::Indexed(walk.map(shown).take(count.min(left)))
            }
        }
    }

    /// Shows some members to `visit` and returns where to go on, 0 when all were shown; see
    /// `ExtendibleTable::scan`.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Packed(_) => {
                self.iter().for_each(|(member, score)| member.with(|member| visit(member, score)));
                0
            }
            Form::Indexed(indexed) => indexed.by_name.scan(cursor, |held| visit(held.member(), held.score())),
        }
    }

    /// Some member, each equally likely.
    pub fn random(&self, random: &Random) -> Option<(Element<'_>, f64)> {
        if self.is_empty() { None } else { self.get(random.below(self.len() as u64) as usize) }
    }

    /// How it is kept.
    pub const fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Packed(_) => Encoding::Listpack,
            Form::Indexed(_) => Encoding::Skiplist,
        }
    }

    /// What it takes of the allocator beside itself.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Indexed(indexed) => indexed.allocated_bytes(),
        }
    }

    /// The same, counted anew. O(N).
    pub(crate) fn recounted_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Indexed(indexed) => indexed.recounted_bytes(),
        }
    }
}

fn insert_packed(pack: &mut Listpack, member: &[u8], score: f64) {
    let place = pack.first_pair_after(|name, other| {
        let order = compare_scores(score_of(other), score);
        order.then_with(|| name.with(|name| name.cmp(member))) == Ordering::Less
    });
    let score = PackedScore::new(score);
    pack.splice_at(place, 0, &[Element::of(member), score.element()]);
}

impl PartialEq for ZSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ZSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(member, score)| (member.spell(), score))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut sorted: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
        sorted.sort_by(|a, b| compare_scores(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
        sorted
    }

    /// Whole numbers, those that 4 bytes hold, others; both zeros, both infinities.
    fn score() -> impl Strategy<Value = f64> {
        prop_oneof![
            12 => (-6_i32..6).prop_map(|n| f64::from(n) / f64::from(1 + n.rem_euclid(3))),
            1 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX]),
        ]
    }

    /// Integers, words, and now and then a long one.
    fn member() -> impl Strategy<Value = Vec<u8>> {
        (0_u8..120, 0..60).prop_map(|(member, length)| match length {
            0 => vec![member % 8; 100_000 * usize::from(member % 8)],
            1..30 => i64::from(member).pow(u32::from(member % 10)).to_string().into_bytes(),
            _ => vec![b'm'; usize::from(member % 3) + 1].into_iter().chain([member]).collect(),
        })
    }

    fn list<'a>(iter: impl Iterator<Item = (Element<'a>, f64)>) -> Vec<(Vec<u8>, f64)> {
        iter.map(|(member, score)| (member.spell().to_vec(), score)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_sorted_map_holds_in_every_encoding(
            packed in prop::sample::select(vec![0_usize, 5, 1000]),
            steps in prop::collection::vec((0..4, member(), score()), 1..600),
            equal_scores: bool,
        ) {
            let settings = TypeSettings { zset_max_listpack_entries: packed, ..TypeSettings::default() };
            let (mut zset, mut model) = (ZSet::new(), BTreeMap::new());
            for (what, member, score) in steps {
                let score = if equal_scores { 1.5 } else { score };
                if what == 0 {
                    prop_assert_eq!(zset.remove(&member), model.remove(&member));
                } else {
                    let before = model.get(&member).copied();
                    prop_assert_eq!(zset.insert(&member, score, &settings), before);
                    if before != Some(score) {
                        model.insert(member, score);
                    }
                }
                prop_assert_eq!(zset.allocated_bytes(), zset.recounted_bytes());
                prop_assert_eq!(zset.len(), model.len());
            }
            let sorted = sorted(&model);
            prop_assert_eq!(list(zset.iter()), sorted.clone());
            let copy = zset.clone();
            prop_assert_eq!(copy.recounted_bytes(), copy.allocated_bytes());
            prop_assert_eq!(&copy, &zset);
            for (rank, (member, score)) in sorted.iter().enumerate() {
                prop_assert_eq!(zset.rank(member), Some((rank, *score)));
                prop_assert_eq!(zset.score(member), Some(*score));
                prop_assert_eq!(list(zset.get(rank).into_iter()), [(member.clone(), *score)]);
                if equal_scores {
                    prop_assert_eq!(zset.count_before(|other| other < &member[..]), rank);
                    prop_assert_eq!(zset.count_before(|other| other <= &member[..]), rank + 1);
                }
            }
            for start in 0..sorted.len() + 2 {
                let expected: Vec<_> = sorted.iter().skip(start).take(4).cloned().collect();
                prop_assert_eq!(list(zset.range(start, 4)), expected);
                let expected: Vec<_> = sorted.iter().rev().skip(start).take(4).cloned().collect();
                prop_assert_eq!(list(zset.range_rev(start, 4)), expected);
            }
            let bounds = (-14..14).map(|n| f64::from(n) / 2.0);
            for score in bounds.chain([-0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN]) {
                prop_assert_eq!(zset.rank_of_score(score, false), sorted.iter().filter(|(_, s)| *s < score).count());
                prop_assert_eq!(zset.rank_of_score(score, true), sorted.iter().filter(|(_, s)| *s <= score).count());
            }
        }

        #[test]
        fn a_scan_shows_whatever_stays(
            stays in prop::collection::hash_set(0_u32..1000, 1..300),
            waves in prop::collection::vec((any::<bool>(), 0_u32..3000), 1..40),
        ) {
            let settings = TypeSettings { zset_max_listpack_entries: 0, ..TypeSettings::default() };
            let (mut zset, mut seen, mut cursor, mut others) = (ZSet::new(), HashSet::new(), 0, 1000);
            for member in &stays {
                zset.insert(&member.to_le_bytes(), 1.0, &settings);
            }
            for (grow, by) in waves.into_iter().cycle() {
                cursor = zset.scan(cursor, |member, _| {
                    seen.insert(u32::from_le_bytes(member.try_into().unwrap()));
                });
                if cursor == 0 {
                    break;
                }
                let target = if grow { (others + by).min(5000) } else { others.saturating_sub(by).max(1000) };
                (others..target).for_each(|member| {
                    zset.insert(&member.to_le_bytes(), f64::from(member), &settings);
                });
                (target..others).for_each(|member| {
                    zset.remove(&member.to_le_bytes());
                });
                // What stays may have another score.
                for member in stays.iter().take(3) {
                    zset.insert(&member.to_le_bytes(), f64::from(target), &settings);
                }
                others = target;
            }
            prop_assert!(stays.is_subset(&seen));
        }
    }

    #[test]
    fn every_member_is_drawn_equally_often_in_every_encoding() {
        for packed in [0, 1000] {
            let settings = TypeSettings { zset_max_listpack_entries: packed, ..TypeSettings::default() };
            let (mut zset, random) = (ZSet::new(), Random::from_seed(5));
            (0..100_u8).for_each(|member| {
                zset.insert(&[b'm', member], f64::from(member % 7), &settings);
            });
            let mut drawn = [0_f64; 100];
            for _ in 0..100_000 {
                let (member, _) = zset.random(&random).unwrap();
                drawn[usize::from(member.with(|member| member[1]))] += 1.0;
            }
            let chi_square: f64 = drawn.iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
            // 99 degrees of freedom: above 149 once in a thousand tries with a fair draw.
            assert!(chi_square < 149.0, "{chi_square}");
        }
    }

    #[test]
    fn members_that_go_give_their_memory_back() {
        let settings = TypeSettings::default();
        let mut zset = ZSet::new();
        let member = |n: u32| format!("member:{n:07}");
        for n in 0..50_000 {
            zset.insert(member(n).as_bytes(), f64::from(n % 1000), &settings);
        }
        let full = zset.allocated_bytes();
        assert!(full < 56 * 50_000, "{} a member", full / 50_000);
        for n in (0..50_000).filter(|n| n % 100 != 0) {
            zset.remove(member(n).as_bytes());
        }
        assert!(zset.allocated_bytes() < full / 40, "{} of {full}", zset.allocated_bytes());
        assert_eq!(zset.allocated_bytes(), zset.recounted_bytes());
    }

    // What a small set takes beside its listpack.
    #[test]
    fn the_set_itself_is_no_bigger_than_its_listpack() {
        assert_eq!(size_of::<ZSet>(), size_of::<Listpack>());
    }
}
