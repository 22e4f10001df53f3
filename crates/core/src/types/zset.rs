//! A sorted set: members by name and by score, with ranks.
//!
//! Small ones are a [`Listpack`] of members and scores in order. Big ones are two structures over one copy of each member: a hash
//! table from member to score, and a tree in the order of scores and, among equal scores, of the members' bytes.
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::listpack::{self, Element, LISTPACK_BYTES_MAX, Listpack};
use super::rank_tree::{RankTree, compare_scores};
use super::{Encoding, TypeSettings};
use crate::Random;
use crate::table::Table;

/// Members with scores, none of them NaN.
#[derive(Clone)]
pub struct ZSet(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Indexed(Indexed),
}

#[derive(Clone)]
struct Indexed {
    by_name: Table<(Arc<[u8]>, f64)>,
    by_score: RankTree<Scored>,
    name_bytes: usize,
}

/// A member in the order of the set.
#[derive(Clone)]
struct Scored {
    score: f64,
    name: Arc<[u8]>,
}

impl Scored {
    fn shown(&self) -> (Element<'_>, f64) {
        (Element::Text(&self.name), self.score)
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_scores(self.score, other.score).then_with(|| self.name.cmp(&other.name))
    }
}

/// What an `Arc` keeps beside the bytes: two counts.
const ARC_BYTES: usize = 2 * size_of::<usize>();

impl Indexed {
    fn new() -> Self {
        Self { by_name: Table::new(), by_score: RankTree::new(), name_bytes: 0 }
    }

    fn insert(&mut self, member: &[u8], score: f64, settings: &TypeSettings) -> Option<f64> {
        let hash = settings.hash_seed.hash(member);
        if let Some((name, held)) = self.by_name.get_mut(hash, |(name, _)| **name == *member) {
            let before = *held;
            if before != score {
                *held = score;
                let name = Arc::clone(name);
                self.by_score.remove(&Scored { score: before, name: Arc::clone(&name) });
                self.by_score.insert(Scored { score, name });
            }
            return Some(before);
        }
        let name: Arc<[u8]> = member.into();
        self.name_bytes += ARC_BYTES + name.len();
        let rehash = |(name, _): &(Arc<[u8]>, f64)| settings.hash_seed.hash(name);
        self.by_name.insert_unique(hash, (Arc::clone(&name), score), rehash);
        self.by_score.insert(Scored { score, name });
        None
    }

    fn remove(&mut self, member: &[u8], settings: &TypeSettings) -> Option<f64> {
        let (name, score) = self.by_name.remove(
            settings.hash_seed.hash(member),
            |(name, _)| **name == *member,
            |(name, _)| settings.hash_seed.hash(name),
        )?;
        self.name_bytes -= ARC_BYTES + name.len();
        self.by_score.remove(&Scored { score, name });
        Some(score)
    }

    fn score(&self, member: &[u8], settings: &TypeSettings) -> Option<f64> {
        let hash = settings.hash_seed.hash(member);
        self.by_name.get(hash, |(name, _)| **name == *member).map(|(_, score)| *score)
    }
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

/// The number and the offset of a packed member, and its score.
#[inline]
fn find(pack: &Listpack, member: &[u8]) -> Option<(usize, usize, f64)> {
    let (number, score) = pack.find_pair(member)?;
    Some((number / 2, number, score_of(score)))
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
    pub fn score(&self, member: &[u8], settings: &TypeSettings) -> Option<f64> {
        match &self.0 {
            Form::Packed(pack) => find(pack, member).map(|(_, _, score)| score),
            Form::Indexed(indexed) => indexed.score(member, settings),
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
                if let Some((_, offset, old)) = before {
                    if old == score {
                        return Some(old);
                    }
                    pack.splice(offset, 2, &[]);
                }
                insert_packed(pack, member, score);
                return before.map(|(_, _, score)| score);
            }
            self.index(settings);
        }
        match &mut self.0 {
            Form::Indexed(indexed) => indexed.insert(member, score, settings),
            Form::Packed(_) => unreachable!("it was indexed above"),
        }
    }

    /// Goes over to the form for big ones, for good.
    fn index(&mut self, settings: &TypeSettings) {
        let mut indexed = Indexed::new();
        self.iter().for_each(|(member, score)| {
            member.with(|member| indexed.insert(member, score, settings));
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
    pub fn remove(&mut self, member: &[u8], settings: &TypeSettings) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(pack) => {
                let (_, offset, score) = find(pack, member)?;
                pack.splice(offset, 2, &[]);
                Some(score)
            }
            Form::Indexed(indexed) => indexed.remove(member, settings),
        }
    }

    /// A member's place from the lowest score, and its score.
    pub fn rank(&self, member: &[u8], settings: &TypeSettings) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Packed(pack) => find(pack, member).map(|(rank, _, score)| (rank, score)),
            Form::Indexed(indexed) => {
                let score = indexed.score(member, settings)?;
                let is_before = |other: &Scored| {
                    compare_scores(other.score, score).then_with(|| (*other.name).cmp(member))
                        == Ordering::Less
                };
                Some((indexed.by_score.count_before(is_before), score))
            }
        }
    }

    /// The member at a place from the lowest score.
    pub fn get(&self, rank: usize) -> Option<(Element<'_>, f64)> {
        self.range(rank, 1).next()
    }

    /// How many members have a lower score, or with `or_equal` a score that is not higher.
    pub fn rank_of_score(&self, score: f64, or_equal: bool) -> usize {
        let is_before = |other: f64| if or_equal { other <= score } else { other < score };
        match &self.0 {
            Form::Packed(_) => self.iter().take_while(|(_, other)| is_before(*other)).count(),
            Form::Indexed(indexed) => indexed.by_score.count_before(|other| is_before(other.score)),
        }
    }

    /// How many members come before the first for which `is_before` says no, in a set whose scores are all the same. It must say
    /// yes to a beginning of the members' order and no to the rest.
    pub fn count_before(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        match &self.0 {
            Form::Packed(_) => self.iter().take_while(|(member, _)| member.with(&is_before)).count(),
            Form::Indexed(indexed) => indexed.by_score.count_before(|other| is_before(&other.name)),
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
                Either::Indexed(indexed.by_score.iter_from(rank).map(Scored::shown).take(count))
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
                Either::Indexed(walk.map(Scored::shown).take(count.min(left)))
            }
        }
    }

    /// Shows some members to `visit` and returns where to go on, 0 when all were shown; see [`Table::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Packed(_) => {
                self.iter().for_each(|(member, score)| member.with(|member| visit(member, score)));
                0
            }
            Form::Indexed(indexed) => indexed.by_name.scan(cursor, |(name, score)| visit(name, *score)),
        }
    }

    /// Some member, each equally likely.
    pub fn random(&self, random: &Random) -> Option<(Element<'_>, f64)> {
        match &self.0 {
            Form::Packed(_) if self.is_empty() => None,
            Form::Packed(_) => self.get(random.below(self.len() as u64) as usize),
            Form::Indexed(indexed) => {
                indexed.by_name.random(random).map(|(name, score)| (Element::Text(name), *score))
            }
        }
    }

    /// How it is kept.
    pub const fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Packed(_) => Encoding::Listpack,
            Form::Indexed(_) => Encoding::Skiplist,
        }
    }

    /// The bytes that are allocated.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Indexed(indexed) => {
                indexed.by_name.allocated_bytes() + indexed.by_score.allocated_bytes() + indexed.name_bytes
            }
        }
    }
}

fn insert_packed(pack: &mut Listpack, member: &[u8], score: f64) {
    let is_before = |(name, other): (Element<'_>, Element<'_>)| {
        let order = compare_scores(score_of(other), score);
        order.then_with(|| name.with(|name| name.cmp(member))) == Ordering::Less
    };
    let place = pack.iter().pairs().take_while(|pair| is_before(*pair)).count();
    let score = PackedScore::new(score);
    pack.splice(2 * place, 0, &[Element::of(member), score.element()]);
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
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut sorted: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
        sorted.sort_by(|a, b| compare_scores(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
        sorted
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_holds_what_a_sorted_map_holds_in_every_encoding(
            packed in prop::sample::select(vec![0_usize, 5, 1000]),
            steps in prop::collection::vec((0..4, 0_u8..120, -6_i32..6), 1..400),
        ) {
            let settings = TypeSettings { zset_max_listpack_entries: packed, ..TypeSettings::default() };
            let (mut zset, mut model) = (ZSet::new(), BTreeMap::new());
            for (what, member, score) in steps {
                let member = if member % 2 == 0 {
                    i64::from(member).pow(u32::from(member % 10)).to_string().into_bytes()
                } else {
                    vec![b'm'; usize::from(member % 3) + 1].into_iter().chain([member]).collect()
                };
                // Whole numbers, those that 4 bytes hold, and others.
                let score = f64::from(score) / f64::from(1 + score.rem_euclid(3));
                if what == 0 {
                    prop_assert_eq!(zset.remove(&member, &settings), model.remove(&member));
                } else {
                    prop_assert_eq!(zset.insert(&member, score, &settings), model.insert(member, score));
                }
            }
            let sorted = sorted(&model);
            let list = |iter: &mut dyn Iterator<Item = (Element<'_>, f64)>| iter.map(|(m, s)| (m.spell().to_vec(), s)).collect::<Vec<_>>();
            prop_assert_eq!(list(&mut zset.iter()), sorted.clone());
            prop_assert_eq!(zset.len(), sorted.len());
            for (rank, (member, score)) in sorted.iter().enumerate() {
                prop_assert_eq!(zset.rank(member, &settings), Some((rank, *score)));
                prop_assert_eq!(zset.score(member, &settings), Some(*score));
                prop_assert_eq!(zset.get(rank).map(|(m, s)| (m.spell().to_vec(), s)), Some((member.clone(), *score)));
            }
            for start in 0..sorted.len() + 2 {
                let expected: Vec<_> = sorted.iter().skip(start).take(4).cloned().collect();
                prop_assert_eq!(list(&mut zset.range(start, 4)), expected);
                let expected: Vec<_> = sorted.iter().rev().skip(start).take(4).cloned().collect();
                prop_assert_eq!(list(&mut zset.range_rev(start, 4)), expected);
            }
            for score in -14..14 {
                let score = f64::from(score) / 2.0;
                prop_assert_eq!(zset.rank_of_score(score, false), sorted.iter().filter(|(_, s)| *s < score).count());
                prop_assert_eq!(zset.rank_of_score(score, true), sorted.iter().filter(|(_, s)| *s <= score).count());
            }
        }
    }
}
