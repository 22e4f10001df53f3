//! A leaf of the tree: members in order, found by their scores without a look at most of them.
use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use crate::extendible::Tagged;
use crate::types::scored_member::ScoredMember;

/// The most members of a leaf: with what is beside them, 528 bytes for the allocator.
pub(super) const LEAF_MAX: usize = 61;
/// The ruler is made anew when it cannot tell so many members from a new one ...
const TIED_MAX: usize = 4;
/// ... but not before so many insertions: with some scores no ruler can.
const RULER_LIFE: u8 = 8;

/// Members lie all over memory, and to look at one is to wait for it. So handles in a leaf are tagged with what the leaf's
/// ruler says of the score.
#[derive(Debug)]
pub(super) struct Leaf {
    members: SmallVec<[ScoredMember; LEAF_MAX]>,
    ruler: Ruler,
    /// How many members came since the ruler was made, or as many as it takes to make another.
    ruler_age: u8,
}

/// From scores to tags: of two scores, the higher never has the lower tag.
///
/// Both zeros have the same tag.
#[derive(Clone, Copy, Debug)]
struct Ruler {
    /// Finite.
    middle: f64,
    /// Positive and finite.
    tags_per_unit: f64,
}

impl Ruler {
    const MIDDLE_TAG: f64 = 32768.0;

    /// A ruler for scores from `low` to `high`. On both sides it leaves as much room as half of that takes, for scores that
    /// will come.
    fn new(low: f64, high: f64) -> Self {
        let (low, high) = (low.clamp(f64::MIN, f64::MAX), high.clamp(f64::MIN, f64::MAX));
        let tags_per_unit = Self::MIDDLE_TAG / (high - low);
        Self {
            middle: low / 2.0 + high / 2.0,
            // An infinite one would make NaN of 0, and 0 of infinity.
            tags_per_unit: tags_per_unit.clamp(f64::MIN_POSITIVE, f64::MAX),
        }
    }

    #[inline]
    fn tag(self, score: f64) -> u16 {
        ((score - self.middle) * self.tags_per_unit + Self::MIDDLE_TAG) as u16
    }

    /// Whether it was made for this score alone.
    fn is_for(self, score: f64) -> bool {
        self.tags_per_unit == f64::MAX && self.middle == score
    }
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self { members: SmallVec::new(), ruler: Ruler::new(0.0, 0.0), ruler_age: RULER_LIFE }
    }

    pub(super) fn members(&self) -> &[ScoredMember] {
        &self.members
    }

    /// How many members have a lower tag. All are compared: that takes less time than to wait for some of them one after the
    /// other.
    fn count_before_tag(&self, tag: u16) -> usize {
        // The word of the first member that could have this tag.
        let least = u32::from(tag) << 16;
        self.members.iter().map(|member| u32::from(member.tag_word() < least)).sum::<u32>() as usize
    }

    /// The places of the members that the ruler cannot tell from this score.
    fn tied(&self, score: f64) -> Range<usize> {
        let tag = self.ruler.tag(score);
        let before = self.count_before_tag(tag);
        let tied = self.members[before..].iter().take_while(|member| member.tag() == tag).count();
        before..before + tied
    }

    /// How many members come before the first for which `is_before` says no. It must say yes to a beginning of the
    /// order and no to the rest, and can only change its mind among those that are tied.
    fn count_before(&self, tied: Range<usize>, is_before: impl Fn(&ScoredMember) -> bool) -> usize {
        tied.start + self.members[tied].partition_point(is_before)
    }

    /// How many members come before one with this score and these bytes.
    pub(super) fn place_of(&self, score: f64, member: &[u8]) -> usize {
        self.count_before(self.tied(score), |other| other.order(score, member) == Ordering::Less)
    }

    /// How many members have a lower score, or with `or_equal` a score that is not higher.
    pub(super) fn count_below(&self, score: f64, or_equal: bool) -> usize {
        let is_below = |other: &ScoredMember| other.score() < score || or_equal && other.score() == score;
        self.count_before(self.tied(score), is_below)
    }

    /// The place of a member that is here.
    pub(super) fn find(&self, member: &ScoredMember) -> usize {
        let before = self.count_before_tag(self.ruler.tag(member.score()));
        let place = self.members[before..].iter().position(|other| other.is(member));
        before + place.expect("the tree holds what the index holds")
    }

    pub(super) fn insert(&mut self, mut member: ScoredMember) {
        let (score, tied) = (member.score(), self.tied(member.score()));
        let is_before = |other: &ScoredMember| other.order(score, member.member()) == Ordering::Less;
        let place = self.count_before(tied.clone(), is_before);
        member.set_tag(self.ruler.tag(score));
        self.members.insert(place, member);
        self.ruler_age = self.ruler_age.saturating_add(1);
        if tied.len() >= TIED_MAX && self.ruler_age >= RULER_LIFE && !self.ruler.is_for(score) {
            self.make_ruler();
        }
    }

    /// Gives a member that is here another score, if it is plain that it stays in this leaf and the first one stays the first;
    /// returns false if it is not.
    pub(super) fn slide(&mut self, member: &ScoredMember, score: f64) -> bool {
        let tag = self.ruler.tag(score);
        let [first, .., last] = &self.members[..] else { return false };
        if first.is(member) || first.tag() >= tag || tag >= last.tag() {
            return false;
        }
        let member = self.members.remove(self.find(member));
        member.set_score(score);
        self.insert(member);
        true
    }

    fn make_ruler(&mut self) {
        // Infinite scores are at the ends of any ruler: it is made for the others.
        let mut scores = self.members.iter().map(ScoredMember::score).filter(|score| score.is_finite());
        let low = scores.next().unwrap_or(0.0);
        self.ruler = Ruler::new(low, scores.next_back().unwrap_or(low));
        self.ruler_age = 0;
        self.tag_again(0..self.members.len());
    }

    /// Tags members that came from another leaf.
    fn tag_again(&mut self, places: Range<usize>) {
        for member in &mut self.members[places] {
            member.set_tag(self.ruler.tag(member.score()));
        }
    }

    pub(super) fn remove(&mut self, place: usize) -> ScoredMember {
        self.members.remove(place)
    }

    /// Takes the members from a place on into another leaf.
    pub(super) fn split_off(&mut self, place: usize) -> Self {
        Self { members: self.members.drain(place..).collect(), ruler: self.ruler, ruler_age: self.ruler_age }
    }

    /// Moves members to the one of two neighbours or from it, until this one has `count`.
    pub(super) fn share(&mut self, right: &mut Self, count: usize) {
        if let Some(missing) = count.checked_sub(self.members.len()) {
            let before = self.members.len();
            self.members.extend(right.members.drain(..missing));
            self.tag_again(before..count);
            self.ruler_age = RULER_LIFE;
        } else {
            let before = right.members.len();
            right.members.insert_many(0, self.members.drain(count..));
            right.tag_again(0..right.members.len() - before);
            right.ruler_age = RULER_LIFE;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Leaf {
        /// Tags are the ruler's, and in order as the members are; nothing lies outside of the allocation.
        pub(in super::super) fn check(&self) {
            assert!(!self.members.spilled());
            assert!(self.members.iter().all(|member| member.tag() == self.ruler.tag(member.score())));
            let in_order = |pair: &[ScoredMember]| pair[0].order(pair[1].score(), pair[1].member()).is_lt();
            assert!(self.members.windows(2).all(in_order));
        }
    }

    fn score() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => prop::num::f64::ANY.prop_filter("no score is NaN", |score| !score.is_nan()),
            2 => -1000.0..1000.0,
            1 => prop::sample::select(vec![f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -0.0]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn of_two_scores_the_higher_never_has_the_lower_tag(ends in (score(), score()), scores in (score(), score())) {
            let ruler = Ruler::new(ends.0.min(ends.1), ends.0.max(ends.1));
            let (low, high) = (scores.0.min(scores.1), scores.0.max(scores.1));
            prop_assert!(ruler.tag(low) <= ruler.tag(high), "{ruler:?}");
            prop_assert!(low != high || ruler.tag(low) == ruler.tag(high));
        }
    }

    #[test]
    fn most_members_are_told_apart_by_their_tags() {
        for scores in [
            (0..61).map(f64::from).collect::<Vec<_>>(),
            (0..61).rev().map(|n| f64::from(n) * 1e-6 + 1e9).collect(),
            (0..61).map(|n| if n < 5 { f64::INFINITY } else { f64::from(n * 7 % 61) }).collect(),
        ] {
            let mut leaf = Leaf::new();
            for (at, score) in scores.iter().enumerate() {
                leaf.insert(ScoredMember::new(&[at as u8], *score));
            }
            leaf.check();
            let tied: usize = scores.iter().map(|score| leaf.tied(*score).len()).sum();
            assert!(tied < 4 * scores.len(), "{tied}");
        }
    }

    #[test]
    fn a_leaf_takes_the_block_that_it_fills() {
        let size = size_of::<Leaf>();
        assert_eq!(crate::memory::block_bytes(size), size + 8);
    }
}
