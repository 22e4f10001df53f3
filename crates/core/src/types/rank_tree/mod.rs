//! A B+-tree that counts: the members of a sorted set in the order of scores and, among equal scores, of their bytes, found by
//! that order and by rank in O(log N).
//!
//! Leaves hold handles to members. Inner nodes hold for each child how many members are under it and, for each but the first, the
//! first of them. A leaf that is full shares with a neighbour before it is divided, so leaves are 5/6 full where
//! members come in any order; where they come in the order of the tree, leaves are full.
mod leaf;

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::scored_member::ScoredMember;
use crate::extendible::Tagged;
use crate::memory::block_bytes;
use leaf::{LEAF_MAX, Leaf};

/// The most children of an inner node.
const CHILDREN_MAX: usize = 40;
/// A leaf with a neighbour that has so much room shares with it. Fewer would be shared too often, at a higher number leaves are
/// less full.
const SHARED_ROOM: usize = 4;

/// Members in the order of the set.
#[derive(Debug)]
pub(super) struct RankTree {
    root: Node,
    len: usize,
    node_bytes: usize,
}

#[derive(Debug)]
enum Node {
    Leaf(Box<Leaf>),
    Inner(Box<Inner>),
}

/// Children, all of the same height. What a search compares or adds up lies together: in a big set it waits for each line of
/// that.
#[derive(Debug, Default)]
struct Inner {
    /// The scores of the firsts.
    scores: SmallVec<[f64; CHILDREN_MAX - 1]>,
    /// How many members are under each child.
    counts: SmallVec<[usize; CHILDREN_MAX]>,
    children: SmallVec<[Node; CHILDREN_MAX]>,
    /// One fewer than children: the first member under each but the first.
    firsts: SmallVec<[ScoredMember; CHILDREN_MAX - 1]>,
}

/// The order of scores: Redis compares them as C does, so that both zeros are equal. There is no NaN among them.
pub(crate) fn compare_scores(first: f64, second: f64) -> Ordering {
    first.partial_cmp(&second).unwrap_or(Ordering::Equal)
}

impl Node {
    const fn bytes(&self) -> usize {
        match self {
            Node::Leaf(_) => block_bytes(size_of::<Leaf>()),
            Node::Inner(_) => block_bytes(size_of::<Inner>()),
        }
    }

    fn count(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.members().len(),
            Node::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    /// How many more members or children there is room for.
    fn room(&self) -> usize {
        match self {
            Node::Leaf(leaf) => LEAF_MAX - leaf.members().len(),
            Node::Inner(inner) => CHILDREN_MAX - inner.children.len(),
        }
    }

    fn is_half_empty(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.members().len() <= LEAF_MAX / 2,
            Node::Inner(inner) => inner.children.len() <= CHILDREN_MAX / 2,
        }
    }

    /// The first member, if there is any.
    fn first(&self) -> Option<&ScoredMember> {
        let mut node = self;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.members().first(),
                Node::Inner(inner) => node = inner.children.first()?,
            }
        }
    }

    /// How many of a node's members or children stay when it is divided: all but the last if something comes behind all of them.
    const fn division(width: usize, is_at_end: bool) -> usize {
        if is_at_end { width - 1 } else { width / 2 }
    }

    /// Divides a node that is full, and returns the part behind with its first member. What comes in order, always `is_at_end`,
    /// leaves full nodes behind.
    fn divide(&mut self, is_at_end: bool) -> (ScoredMember, Self) {
        match self {
            Node::Leaf(leaf) => {
                let right = leaf.split_off(Self::division(leaf.members().len(), is_at_end));
                (right.members()[0].clone(), Node::Leaf(Box::new(right)))
            }
            Node::Inner(inner) => {
                let at = Self::division(inner.children.len(), is_at_end);
                let right = Inner {
                    scores: inner.scores.drain(at..).collect(),
                    counts: inner.counts.drain(at..).collect(),
                    children: inner.children.drain(at..).collect(),
                    firsts: inner.firsts.drain(at..).collect(),
                };
                inner.scores.pop();
                let first = inner.firsts.pop().expect("a node that is full has several children");
                (first, Node::Inner(Box::new(right)))
            }
        }
    }

    /// Takes in what the neighbour behind has, for which there must be room; `first` is the first member there.
    fn join(&mut self, right: Self, first: ScoredMember) {
        match (self, right) {
            (Node::Leaf(leaf), Node::Leaf(mut right)) => {
                let count = leaf.members().len() + right.members().len();
                leaf.share(&mut right, count);
            }
            (Node::Inner(inner), Node::Inner(right)) => {
                inner.scores.push(first.score());
                inner.scores.extend(right.scores);
                inner.counts.extend(right.counts);
                inner.children.extend(right.children);
                inner.firsts.push(first);
                inner.firsts.extend(right.firsts);
            }
            _ => unreachable!("the children of a node are of the same height"),
        }
    }

    fn insert(&mut self, member: ScoredMember, is_last: bool, node_bytes: &mut usize) {
        match self {
            Node::Leaf(leaf) => leaf.insert(member),
            Node::Inner(inner) => inner.insert(member, is_last, node_bytes),
        }
    }

    /// As [`Leaf::slide`].
    fn slide(&mut self, member: &ScoredMember, score: f64) -> bool {
        let (before, bytes) = (member.score(), member.member());
        let mut node = self;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.slide(member, score),
                Node::Inner(inner) => {
                    let at = inner.child_for(before, bytes);
                    node = &mut inner.children[at];
                }
            }
        }
    }

    /// Returns the tree's own handle, and whether it was the first here.
    fn remove(&mut self, member: &ScoredMember, node_bytes: &mut usize) -> (ScoredMember, bool) {
        match self {
            Node::Leaf(leaf) => {
                let place = leaf.find(member);
                (leaf.remove(place), place == 0)
            }
            Node::Inner(inner) => inner.remove(member, node_bytes),
        }
    }
}

impl Inner {
    /// The node above one that is full.
    fn above(node: Node) -> Self {
        let mut above = Self::default();
        above.counts.push(node.count());
        above.children.push(node);
        above
    }

    /// How many firsts have a lower score, or with `or_equal` a score that is not higher. All are compared: that takes less
    /// time than to guess wrong at half of a few.
    #[inline]
    fn firsts_below(&self, score: f64, or_equal: bool) -> usize {
        let is_below = |other: &f64| u64::from(if or_equal { *other <= score } else { *other < score });
        self.scores.iter().map(is_below).sum::<u64>() as usize
    }

    /// The child under which something with this score and these bytes is or would be.
    fn child_for(&self, score: f64, member: &[u8]) -> usize {
        let below = self.firsts_below(score, false);
        if self.scores.get(below) != Some(&score) {
            return below;
        }
        let tied = &self.firsts[below..self.firsts_below(score, true)];
        below + tied.partition_point(|first| first.member() <= member)
    }

    /// How many members are before a child.
    fn count_before(&self, at: usize) -> usize {
        self.counts[..at].iter().sum()
    }

    /// Notes that a child begins with another member.
    fn set_first(&mut self, at: usize) {
        let first = self.children[at].first().expect("no child is empty").clone();
        self.scores[at - 1] = first.score();
        self.firsts[at - 1] = first;
    }

    /// Takes a child out of this node, with its first member if that was noted. If the child was the first, the next one is, whose
    /// first member is not noted any more.
    fn take_child(&mut self, at: usize) -> (Node, Option<ScoredMember>) {
        let noted_at = at.saturating_sub(1);
        let first = (noted_at < self.firsts.len()).then(|| {
            self.scores.remove(noted_at);
            self.firsts.remove(noted_at)
        });
        self.counts.remove(at);
        (self.children.remove(at), first)
    }

    /// Puts a member where it belongs; there is room for one more child. No first member changes, except that of the whole tree,
    /// which nobody has noted. `is_last` says that nothing comes behind this node.
    fn insert(&mut self, member: ScoredMember, is_last: bool, node_bytes: &mut usize) {
        let mut at = self.child_for(member.score(), member.member());
        if self.children[at].room() == 0 {
            self.make_room(at, &member, is_last, node_bytes);
            at = self.child_for(member.score(), member.member());
        }
        let is_last = is_last && at == self.children.len() - 1;
        self.counts[at] += 1;
        self.children[at].insert(member, is_last, node_bytes);
    }

    /// Makes room in a child that is full.
    fn make_room(&mut self, at: usize, member: &ScoredMember, is_last: bool, node_bytes: &mut usize) {
        let is_last = is_last && at == self.children.len() - 1;
        let (score, bytes) = (member.score(), member.member());
        let is_at_end = is_last
            && match &self.children[at] {
                Node::Leaf(leaf) => leaf.place_of(score, bytes) == LEAF_MAX,
                Node::Inner(inner) => inner.child_for(score, bytes) == CHILDREN_MAX - 1,
            };
        if let Node::Leaf(_) = self.children[at]
            && !is_at_end
        {
            let room = |at: usize| self.counts.get(at).map_or(0, |count| LEAF_MAX - count);
            let (before, after) = (room(at.wrapping_sub(1)), room(at + 1));
            if before.max(after) >= SHARED_ROOM {
                return self.share(if before >= after { at - 1 } else { at });
            }
        }
        let (first, right) = self.children[at].divide(is_at_end);
        *node_bytes += right.bytes();
        self.counts[at] -= right.count();
        self.scores.insert(at, first.score());
        self.firsts.insert(at, first);
        self.counts.insert(at + 1, right.count());
        self.children.insert(at + 1, right);
    }

    /// Gives a leaf and the one behind it the same number of members.
    fn share(&mut self, at: usize) {
        let [Node::Leaf(left), Node::Leaf(right)] = &mut self.children[at..at + 2] else {
            unreachable!("two leaves share");
        };
        let total = left.members().len() + right.members().len();
        left.share(right, total / 2);
        self.counts[at] = total / 2;
        self.counts[at + 1] = total - total / 2;
        self.set_first(at + 1);
    }

    /// As [`Node::remove`].
    fn remove(&mut self, member: &ScoredMember, node_bytes: &mut usize) -> (ScoredMember, bool) {
        let at = self.child_for(member.score(), member.member());
        let (removed, was_first) = self.children[at].remove(member, node_bytes);
        self.counts[at] -= 1;
        if self.counts[at] == 0 {
            let (empty, _) = self.take_child(at);
            *node_bytes -= empty.bytes();
        } else {
            if was_first && at > 0 {
                self.set_first(at);
            }
            if self.children[at].is_half_empty() {
                self.join_with_neighbour(at, node_bytes);
            }
        }
        (removed, was_first && at == 0)
    }

    /// Joins a child with the one before or behind it, if both fit in one node with room to spare.
    fn join_with_neighbour(&mut self, at: usize, node_bytes: &mut usize) {
        let fits = |left: usize| {
            let [left, right] = &self.children[left..left + 2] else { return false };
            let (width, spare) = match right {
                Node::Leaf(leaf) => (leaf.members().len(), LEAF_MAX / 12),
                Node::Inner(inner) => (inner.children.len(), CHILDREN_MAX / 12),
            };
            width + spare <= left.room()
        };
        let before = at.checked_sub(1).filter(|&left| fits(left));
        let after = Some(at).filter(|&left| left + 1 < self.children.len() && fits(left));
        let Some(left) = before.or(after) else { return };
        self.counts[left] += self.counts[left + 1];
        if let (right, Some(first)) = self.take_child(left + 1) {
            *node_bytes -= right.bytes();
            self.children[left].join(right, first);
        }
    }
}

impl RankTree {
    /// What the nodes take of the allocator, counted anew. O(N).
    pub(super) fn recounted_bytes(&self) -> usize {
        fn bytes(node: &Node) -> usize {
            let below: usize = match node {
                Node::Leaf(_) => 0,
                Node::Inner(inner) => inner.children.iter().map(bytes).sum(),
            };
            node.bytes() + below
        }
        bytes(&self.root)
    }

    pub(super) fn new() -> Self {
        let root = Node::Leaf(Box::new(Leaf::new()));
        Self { len: 0, node_bytes: root.bytes(), root }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a member that is not there yet.
    pub(super) fn insert(&mut self, member: ScoredMember) {
        if self.root.room() == 0 {
            let root = std::mem::replace(&mut self.root, Node::Leaf(Box::new(Leaf::new())));
            self.root = Node::Inner(Box::new(Inner::above(root)));
            self.node_bytes += self.root.bytes();
        }
        self.len += 1;
        self.root.insert(member, true, &mut self.node_bytes);
    }

    /// Takes out a member that is there, and returns the tree's handle.
    pub(super) fn remove(&mut self, member: &ScoredMember) -> ScoredMember {
        self.len -= 1;
        let (removed, _) = self.root.remove(member, &mut self.node_bytes);
        while let Node::Inner(inner) = &mut self.root
            && inner.children.len() <= 1
        {
            self.node_bytes -= block_bytes(size_of::<Inner>());
            match inner.children.pop() {
                Some(only) => self.root = only,
                None => *self = Self::new(),
            }
        }
        removed
    }

    /// Gives a member that is there another score.
    pub(super) fn set_score(&mut self, member: &ScoredMember, score: f64) {
        if !self.root.slide(member, score) {
            let member = self.remove(member);
            member.set_score(score);
            self.insert(member);
        }
    }

    /// How many members come before a place: one function says under which child of a node it is, the other how many come before
    /// it in a leaf.
    fn count_before(
        &self,
        child: impl Fn(&Inner) -> usize,
        count_in_leaf: impl FnOnce(&Leaf) -> usize,
    ) -> usize {
        let (mut node, mut count) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return count + count_in_leaf(leaf),
                Node::Inner(inner) => {
                    let at = child(inner);
                    count += inner.count_before(at);
                    node = &inner.children[at];
                }
            }
        }
    }

    /// The rank of a member that is there.
    pub(super) fn rank(&self, member: &ScoredMember) -> usize {
        let (score, bytes) = (member.score(), member.member());
        self.count_before(|inner| inner.child_for(score, bytes), |leaf| leaf.find(member))
    }

    /// How many members have a lower score, or with `or_equal` a score that is not higher.
    pub(super) fn count_below(&self, score: f64, or_equal: bool) -> usize {
        let child = |inner: &Inner| inner.firsts_below(score, or_equal);
        self.count_before(child, |leaf| leaf.count_below(score, or_equal))
    }

    /// How many members come before the first for whose bytes `is_before` says no. It must say yes to a beginning of the
    /// order and no to the rest.
    pub(super) fn count_before_member(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let count = |members: &[ScoredMember]| members.partition_point(|other| is_before(other.member()));
        self.count_before(|inner| count(&inner.firsts), |leaf| count(leaf.members()))
    }

    /// The members from a rank on.
    pub(super) fn iter_from(&self, rank: usize) -> Walk<'_, true> {
        Walk::new(self, rank)
    }

    /// The members from a rank on, backwards.
    pub(super) fn iter_back_from(&self, rank: usize) -> Walk<'_, false> {
        Walk::new(self, rank)
    }

    /// What the nodes take of the allocator, without the members.
    pub(super) const fn allocated_bytes(&self) -> usize {
        self.node_bytes
    }
}

/// The members from some place on, forwards or backwards.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a, const FORWARD: bool> {
    /// The nodes above the leaf, with the child that was taken.
    path: SmallVec<[(&'a Inner, usize); 6]>,
    leaf: std::slice::Iter<'a, ScoredMember>,
}

/// A walk asks for the memory of so many members before it comes to them.
const AHEAD: usize = 8;

impl<'a, const FORWARD: bool> Walk<'a, FORWARD> {
    /// Asks for the memory of the member that comes after so many others of the leaf.
    #[inline]
    fn prefetch(&self, after: usize) {
        let members = self.leaf.as_slice();
        let at = if FORWARD { Some(after) } else { members.len().checked_sub(after + 1) };
        if let Some(member) = at.and_then(|at| members.get(at)) {
            member.prefetch();
        }
    }

    fn new(tree: &'a RankTree, rank: usize) -> Self {
        let mut walk = Self { path: SmallVec::new(), leaf: [].iter() };
        if rank < tree.len {
            walk.descend(&tree.root, rank);
        }
        walk
    }

    fn descend(&mut self, mut node: &'a Node, mut rank: usize) {
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let members = leaf.members();
                    self.leaf = if FORWARD { members[rank..].iter() } else { members[..=rank].iter() };
                    (0..AHEAD).for_each(|after| self.prefetch(after));
                    return;
                }
                Node::Inner(inner) => {
                    let mut at = 0;
                    while rank >= inner.counts[at] {
                        rank -= inner.counts[at];
                        at += 1;
                    }
                    self.path.push((inner, at));
                    node = &inner.children[at];
                }
            }
        }
    }

    /// Goes on to the next leaf; false if there is none.
    fn turn(&mut self) -> bool {
        while let Some((inner, at)) = self.path.pop() {
            let next = if FORWARD { at + 1 } else { at.wrapping_sub(1) };
            if let Some(child) = inner.children.get(next) {
                self.path.push((inner, next));
                self.descend(child, if FORWARD { 0 } else { inner.counts[next] - 1 });
                return true;
            }
        }
        false
    }
}

impl<'a, const FORWARD: bool> Iterator for Walk<'a, FORWARD> {
    type Item = &'a ScoredMember;

    #[inline]
    fn next(&mut self) -> Option<&'a ScoredMember> {
        loop {
            self.prefetch(AHEAD);
            let next = if FORWARD { self.leaf.next() } else { self.leaf.next_back() };
            if next.is_some() || !self.turn() {
                return next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    impl RankTree {
        /// Nodes say the truth about what is under them, are of one height and lie within their allocations.
        fn check(&self) {
            /// Returns the height.
            fn check(node: &Node) -> usize {
                let inner = match node {
                    Node::Leaf(leaf) => {
                        leaf.check();
                        return 0;
                    }
                    Node::Inner(inner) => inner,
                };
                assert!(!inner.children.spilled() && !inner.firsts.spilled());
                assert_eq!(inner.firsts.len() + 1, inner.children.len());
                for (first, child) in inner.firsts.iter().zip(&inner.children[1..]) {
                    assert!(first.is(child.first().unwrap()));
                }
                assert!(inner.scores.iter().copied().eq(inner.firsts.iter().map(ScoredMember::score)));
                assert!(inner.counts.iter().copied().eq(inner.children.iter().map(Node::count)));
                assert!(!inner.counts.contains(&0));
                let heights: Vec<usize> = inner.children.iter().map(check).collect();
                assert!(heights.iter().all(|height| *height == heights[0]));
                heights[0] + 1
            }
            check(&self.root);
            assert!(!matches!(&self.root, Node::Inner(inner) if inner.children.len() < 2));
            assert_eq!((self.root.count(), self.node_bytes), (self.len, self.recounted_bytes()));
            let in_order = |(a, b): (&ScoredMember, &ScoredMember)| a.order(b.score(), b.member()).is_lt();
            assert!(self.iter_from(0).zip(self.iter_from(1)).all(in_order));
        }

        /// How many members the leaves have, of as many as they have room for.
        fn fill(&self) -> f64 {
            fn leaves(node: &Node) -> usize {
                match node {
                    Node::Leaf(_) => 1,
                    Node::Inner(inner) => inner.children.iter().map(leaves).sum(),
                }
            }
            self.len as f64 / (leaves(&self.root) * LEAF_MAX) as f64
        }
    }

    /// Members with scores of which `equal` in a row are equal, so that their order is that of their numbers.
    fn member(number: u32, equal: u32) -> ScoredMember {
        ScoredMember::new(&number.to_be_bytes(), f64::from(number / equal) - 100.0)
    }

    fn number(member: &ScoredMember) -> u32 {
        u32::from_be_bytes(member.member().try_into().unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_holds_what_a_btree_set_holds(
            steps in prop::collection::vec((0_u32..8, 0_u32..1000), 1..400),
            stretch in prop::sample::select(vec![1_u32, 30, 100]),
            equal in prop::sample::select(vec![1_u32, 3, 1000, u32::MAX]),
            ascending: bool,
        ) {
            let (mut tree, mut model, mut held) = (RankTree::new(), BTreeSet::new(), HashMap::new());
            let shrink_from = steps.len() * 2 / 3;
            for (step, (what, start)) in steps.into_iter().enumerate() {
                let start = if ascending && step < shrink_from { step as u32 } else { start };
                // Every other number, so that something comes between others.
                for number in (start * stretch..(start + 1) * stretch).map(|n| n * 2 + what % 2) {
                    if what < if step < shrink_from { 7 } else { 2 } {
                        if model.insert(number) {
                            let member = member(number, equal);
                            held.insert(number, member.clone());
                            tree.insert(member);
                        }
                    } else if let Some(member) = held.remove(&number) {
                        model.remove(&number);
                        prop_assert!(tree.remove(&member).is(&member));
                    }
                }
                prop_assert_eq!(tree.len(), model.len());
                if step % 16 == 0 {
                    tree.check();
                }
            }
            tree.check();
            let sorted: Vec<u32> = model.iter().copied().collect();
            prop_assert!(tree.iter_from(0).map(number).eq(sorted.iter().copied()));
            prop_assert!(tree.iter_back_from(sorted.len().saturating_sub(1)).map(number).eq(sorted.iter().rev().copied()));
            for rank in (0..=sorted.len()).step_by(37) {
                let next = sorted[rank..].iter().copied().take(70);
                prop_assert!(tree.iter_from(rank).map(number).take(70).eq(next));
                let back = sorted[..(rank + 1).min(sorted.len())].iter().rev().copied().take(70);
                prop_assert!(rank >= sorted.len() || tree.iter_back_from(rank).map(number).take(70).eq(back));
            }
            for bound in (0..=2000 * stretch).step_by(13 * stretch as usize) {
                let score = member(bound, equal).score();
                for or_equal in [false, true] {
                    let below = sorted.partition_point(|number| {
                        let other = member(*number, equal).score();
                        other < score || or_equal && other == score
                    });
                    prop_assert_eq!(tree.count_below(score, or_equal), below);
                }
                let before = sorted.partition_point(|number| *number < bound);
                prop_assert_eq!(tree.count_before_member(|other| *other < bound.to_be_bytes()[..]), before);
            }
            for (rank, number) in sorted.iter().enumerate() {
                prop_assert_eq!(tree.rank(&held[number]), rank);
            }
            for number in sorted {
                tree.remove(&held[&number]);
            }
            tree.check();
            prop_assert!(tree.iter_from(0).next().is_none());
            prop_assert_eq!(tree.allocated_bytes(), RankTree::new().allocated_bytes());
        }

        #[test]
        fn a_score_that_changes_takes_its_member_along(
            changes in prop::collection::vec((0_usize..800, -50_i32..850), 1..600),
            divisor in prop::sample::select(vec![1, 10]),
        ) {
            let (mut tree, mut model) = (RankTree::new(), BTreeSet::new());
            let held: Vec<_> = (0..800).map(|number| member(number, 1)).collect();
            for member in &held {
                tree.insert(member.clone());
                model.insert((member.score() as i32, number(member)));
            }
            for (at, score) in changes {
                let score = score / divisor;
                model.remove(&(held[at].score() as i32, at as u32));
                model.insert((score, at as u32));
                tree.set_score(&held[at], f64::from(score));
                prop_assert_eq!(tree.rank(&held[at]), model.range(..(score, at as u32)).count());
            }
            tree.check();
            prop_assert!(tree.iter_from(0).map(|m| (m.score() as i32, number(m))).eq(model));
        }
    }

    #[test]
    fn leaves_are_full_where_members_come_in_order_and_well_filled_where_they_do_not() {
        let scattered = |n: u32| n.wrapping_mul(0x9e37_79b1) % 1_000_000;
        for (order, at_least) in [(&(|n| n) as &dyn Fn(u32) -> u32, 0.95), (&scattered, 0.8)] {
            let (mut tree, mut held) = (RankTree::new(), Vec::new());
            for n in 0_u32..100_000 {
                let member = ScoredMember::new(&n.to_be_bytes(), f64::from(order(n)));
                held.push(member.clone());
                tree.insert(member);
            }
            tree.check();
            assert!(tree.fill() > at_least, "{}", tree.fill());
            for n in (0..100_000).filter(|n| scattered(*n) % 10 != 0) {
                tree.remove(&held[n as usize]);
            }
            tree.check();
            assert!(tree.fill() > 0.6, "{}", tree.fill());
        }
    }
}
