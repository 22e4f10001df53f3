//! A navigable small world in levels: finds those that are nearest to something without a look at most of the others.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world graphs",
//! 2016. It knows places and links; how far places are from each other is for its caller to say.
//!
//! Unlike in the paper a link always goes both ways. So a place can be taken away for good: those that have links to it are those that
//! it has links to, and they are linked to each other in its stead.
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

use crate::memory::block_bytes;
use crate::types::stream::tree_bytes;

/// The highest level there is.
pub(super) const MAX_LEVEL: usize = 16;
/// So many neighbours are compared with each other: a place may have thousands of links, and their pairs would be millions.
const COMPARED: usize = 64;

/// A place and how far it is from what was looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    /// The place.
    pub(super) place: u32,
    /// The distance.
    pub(super) distance: f32,
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By distance.
impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.place.cmp(&other.place))
    }
}

/// What to do with a place that a search has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may be among those that are found.
    Take,
    /// It is on the way and not to be found.
    PassOver,
    /// The search has taken long enough: what was found so far is what is found.
    Stop,
}

/// Those of the nearest that were seen, up to a number of them.
#[derive(Debug)]
pub(super) struct Nearest {
    most: usize,
    found: BinaryHeap<Near>,
}

impl Nearest {
    /// None yet.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), found: BinaryHeap::new() }
    }

    /// Whether something so far away would be one of them.
    fn would_take(&self, distance: f32) -> bool {
        self.found.len() < self.most || self.found.peek().is_some_and(|worst| distance < worst.distance)
    }

    /// Adds one if it is near enough.
    pub(super) fn push(&mut self, near: Near) {
        if self.found.len() < self.most {
            self.found.push(near);
        } else if let Some(mut worst) = self.found.peek_mut()
            && near < *worst
        {
            *worst = near;
        }
    }

    /// The nearest first.
    pub(super) fn into_sorted(self) -> Vec<Near> {
        self.found.into_sorted_vec()
    }
}

/// A place's links at each level that it has, the lowest first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Node {
    ground: Vec<u32>,
    upper: Vec<Vec<u32>>,
}

impl Node {
    fn level(&self) -> usize {
        self.upper.len()
    }

    fn links(&self, level: usize) -> &[u32] {
        match level {
            0 => &self.ground,
            _ => self.upper.get(level - 1).map_or(&[], Vec::as_slice),
        }
    }

    fn allocated_bytes(&self) -> usize {
        let upper = self.upper.iter().map(list_bytes).sum::<usize>();
        list_bytes(&self.ground) + block_bytes(size_of_val(&*self.upper)) + upper
    }

    fn links_mut(&mut self, level: usize) -> &mut Vec<u32> {
        match level {
            0 => &mut self.ground,
            _ => &mut self.upper[level - 1],
        }
    }
}

/// The links between places, which are numbered from 0 on without a gap.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// The places above the ground, by level.
    tall: BTreeSet<(usize, u32)>,
    /// How many neighbours a new place looks for at a level.
    breadth: usize,
    /// What the lists of links take.
    link_bytes: usize,
}

impl Clone for Graph {
    /// What a copy takes is counted anew: it has no more room than it needs.
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        let link_bytes = nodes.iter().map(Node::allocated_bytes).sum();
        Self { nodes, tall: self.tall.clone(), breadth: self.breadth, link_bytes }
    }
}

impl Graph {
    /// A graph without places, where a new one looks for so many neighbours.
    pub(super) fn new(breadth: usize) -> Self {
        Self { breadth, ..Self::default() }
    }

    /// The highest level that a place has.
    pub(super) fn max_level(&self) -> usize {
        self.tall.last().map_or(0, |(level, _)| *level)
    }

    /// A place's neighbours at each of its levels, the lowest first.
    pub(super) fn links(&self, place: u32) -> impl DoubleEndedIterator<Item = &[u32]> {
        let node = &self.nodes[place as usize];
        (0..=node.level()).map(|level| node.links(level))
    }

    /// How many links a place has at most at a level.
    fn most(&self, level: usize) -> usize {
        if level == 0 { 2 * self.breadth } else { self.breadth }
    }

    /// Where a search begins that must not begin at some places: as high up as possible.
    fn entry_besides(&self, avoided: &[u32]) -> Option<u32> {
        let tall = self.tall.iter().rev().map(|(_, place)| *place);
        tall.chain(0..self.nodes.len() as u32).find(|place| !avoided.contains(place))
    }

    /// What it takes. O(1).
    pub(super) fn allocated_bytes(&self) -> usize {
        block_bytes(self.nodes.capacity() * size_of::<Node>())
            + tree_bytes::<(usize, u32), ()>(self.tall.len())
            + self.link_bytes
    }

    /// The same, counted anew.
    pub(super) fn recounted_bytes(&self) -> usize {
        let links: usize = self.nodes.iter().map(Node::allocated_bytes).sum();
        self.allocated_bytes() - self.link_bytes + links
    }

    /// The nearest places to something, as far as a look at a part of all places can tell: the more are to be found (`most`), the more
    /// are looked at, and the surer the nearest are among them. The nearest come first.
    pub(super) fn search(
        &self,
        most: usize,
        distance: impl Fn(u32) -> f32,
        admit: impl FnMut(u32) -> Admission,
    ) -> Vec<Near> {
        match self.entry_besides(&[]) {
            Some(entry) => {
                let start = self.descend(entry, 0, &distance);
                self.explore(0, &[start], most, &distance, admit)
            }
            None => Vec::new(),
        }
    }

    /// From a place down to a level, at each as near as single steps lead.
    fn descend(&self, entry: u32, level: usize, distance: &impl Fn(u32) -> f32) -> Near {
        let mut nearest = Near { place: entry, distance: distance(entry) };
        for level in (level + 1..=self.nodes[entry as usize].level()).rev() {
            loop {
                let links = self.nodes[nearest.place as usize].links(level).iter();
                let near = links.map(|&place| Near { place, distance: distance(place) }).min();
                match near.filter(|near| near.distance < nearest.distance) {
                    Some(near) => nearest = near,
                    None => break,
                }
            }
        }
        nearest
    }

    /// The nearest places at a level, from some of them on.
    fn explore(
        &self,
        level: usize,
        starts: &[Near],
        most: usize,
        distance: &impl Fn(u32) -> f32,
        mut admit: impl FnMut(u32) -> Admission,
    ) -> Vec<Near> {
        let mut seen = vec![0_u64; self.nodes.len().div_ceil(64)];
        let mut is_new = |place: u32| {
            let (word, bit) = (&mut seen[place as usize / 64], 1 << (place % 64));
            let is_new = *word & bit == 0;
            *word |= bit;
            is_new
        };
        let (mut ahead, mut nearest) = (BinaryHeap::new(), Nearest::new(most));
        for &start in starts {
            is_new(start.place);
            match admit(start.place) {
                Admission::Take => nearest.push(start),
                Admission::PassOver => {}
                Admission::Stop => return nearest.into_sorted(),
            }
            ahead.push(Reverse(start));
        }
        while let Some(Reverse(next)) = ahead.pop() {
            if !nearest.would_take(next.distance) {
                break;
            }
            for &place in self.nodes[next.place as usize].links(level) {
                if !is_new(place) {
                    continue;
                }
                let near = Near { place, distance: distance(place) };
                if !nearest.would_take(near.distance) {
                    continue;
                }
                ahead.push(Reverse(near));
                match admit(place) {
                    Admission::Take => nearest.push(near),
                    Admission::PassOver => {}
                    Admission::Stop => return nearest.into_sorted(),
                }
            }
        }
        nearest.into_sorted()
    }

    /// Adds the next place, with links up to a level, after a look at so many places at each.
    pub(super) fn push(&mut self, level: usize, effort: usize, distance: &impl Fn(u32, u32) -> f32) {
        let place = self.nodes.len() as u32;
        let level = level.min(MAX_LEVEL);
        let to_new = |other: u32| distance(place, other);
        let entry = self.entry_besides(&[]);
        self.push_node(Node { ground: Vec::new(), upper: vec![Vec::new(); level] });
        let Some(entry) = entry else { return };
        let top = self.nodes[entry as usize].level();
        let mut starts = vec![self.descend(entry, level, &to_new)];
        for level in (0..=level.min(top)).rev() {
            starts = self.explore(level, &starts, effort.max(self.breadth), &to_new, |_| Admission::Take);
            self.settle(place, level, &starts, distance);
        }
    }

    fn push_node(&mut self, node: Node) {
        let (place, level) = (self.nodes.len() as u32, node.level());
        if level > 0 {
            self.tall.insert((level, place));
        }
        self.link_bytes += node.allocated_bytes();
        self.nodes.push(node);
    }

    /// Gives a place links at a level to some of those that are near, which come nearest first.
    fn settle(&mut self, place: u32, level: usize, near: &[Near], distance: &impl Fn(u32, u32) -> f32) {
        for neighbour in self.chosen(near, distance) {
            self.link_closely(place, neighbour, level, distance);
        }
        // Everybody chosen has better links than to this one. It comes between two others, or nobody would find it.
        if self.nodes[place as usize].links(level).is_empty()
            && let Some(host) = near.iter().find(|near| self.make_room(near.place, level))
        {
            self.link(place, host.place, level);
        }
    }

    /// The neighbours of a new place: the nearest, but first of all those in different directions, each nearer to it than to those
    /// that are chosen already.
    fn chosen(&self, near: &[Near], distance: &impl Fn(u32, u32) -> f32) -> Vec<Near> {
        let (mut chosen, mut others) = (Vec::<Near>::new(), Vec::new());
        for &near in near {
            if chosen.len() == self.breadth {
                break;
            }
            let is_apart = chosen.iter().all(|other| distance(near.place, other.place) > near.distance);
            if is_apart { chosen.push(near) } else { others.push(near) }
        }
        let missing = self.breadth - chosen.len();
        chosen.extend(others.into_iter().take(missing));
        chosen
    }

    /// Links two places unless one has better links: a neighbour that is full gives up one that others of its neighbours lead to.
    fn link_closely(
        &mut self,
        place: u32,
        neighbour: Near,
        level: usize,
        distance: &impl Fn(u32, u32) -> f32,
    ) {
        let most = self.most(level);
        if self.nodes[place as usize].links(level).len() >= most {
            return;
        }
        let links = self.nodes[neighbour.place as usize].links(level);
        if links.len() >= most {
            let mut by_distance: Vec<Near> = links
                .iter()
                .map(|&other| Near { place: other, distance: distance(neighbour.place, other) })
                .collect();
            by_distance.push(Near { place, distance: neighbour.distance });
            by_distance.sort_unstable();
            let leaver = self.most_dispensable(&by_distance, place, level, distance);
            if leaver == place {
                return;
            }
            self.unlink(neighbour.place, leaver, level);
        }
        self.link(place, neighbour.place, level);
    }

    /// Which of somebody's neighbours, nearest first, is missed least: of the farthest that have links enough without this one, and of the
    /// one that is new, the farthest that is nearer to one of the nearest.
    fn most_dispensable(
        &self,
        by_distance: &[Near],
        new: u32,
        level: usize,
        distance: &impl Fn(u32, u32) -> f32,
    ) -> u32 {
        let can_go =
            |place: u32| place == new || self.nodes[place as usize].links(level).len() > self.breadth / 2;
        let is_reached_otherwise = |at: usize| {
            let near = by_distance[at];
            by_distance[..at.min(COMPARED)]
                .iter()
                .any(|other| distance(other.place, near.place) < near.distance)
        };
        let mut can_go = (0..by_distance.len()).rev().filter(|&at| can_go(by_distance[at].place)).peekable();
        let farthest = can_go.peek().copied();
        can_go
            .take(COMPARED)
            .find(|&at| is_reached_otherwise(at))
            .or(farthest)
            .map_or(new, |at| by_distance[at].place)
    }

    /// Sees to it that a place can take one more link: the neighbour that has most gives up the one to it. False if none has another.
    fn make_room(&mut self, place: u32, level: usize) -> bool {
        let links = self.nodes[place as usize].links(level);
        if links.len() < self.most(level) {
            return true;
        }
        let degree = |other: u32| self.nodes[other as usize].links(level).len();
        let richest = links.iter().copied().max_by_key(|&other| degree(other));
        let leaver = richest.filter(|&other| degree(other) > 1);
        leaver.into_iter().for_each(|leaver| self.unlink(place, leaver, level));
        leaver.is_some()
    }

    fn is_linked(&self, one: u32, other: u32, level: usize) -> bool {
        self.nodes[one as usize].links(level).contains(&other)
    }

    fn link(&mut self, one: u32, other: u32, level: usize) {
        for (from, to) in [(one, other), (other, one)] {
            self.change_links(from, level, |links| links.push(to));
        }
    }

    fn unlink(&mut self, one: u32, other: u32, level: usize) {
        for (from, to) in [(one, other), (other, one)] {
            self.change_links(from, level, |links| {
                if let Some(at) = links.iter().position(|&link| link == to) {
                    links.swap_remove(at);
                }
            });
        }
    }

    fn change_links(&mut self, place: u32, level: usize, change: impl FnOnce(&mut Vec<u32>)) {
        let links = self.nodes[place as usize].links_mut(level);
        self.link_bytes -= list_bytes(links);
        change(links);
        self.link_bytes += list_bytes(links);
    }

    /// Takes a place away. The last place has its number from then on.
    pub(super) fn swap_remove(&mut self, place: u32, distance: &impl Fn(u32, u32) -> f32) {
        let level = self.nodes[place as usize].level();
        self.tall.remove(&(level, place));
        let orphans: Vec<Vec<u32>> = self.links(place).map(<[u32]>::to_vec).collect();
        for (level, orphans) in orphans.iter().enumerate() {
            orphans.iter().for_each(|&orphan| self.unlink(place, orphan, level));
        }
        for (level, orphans) in orphans.iter().enumerate() {
            self.mend(orphans, place, level, distance);
        }
        let node = self.nodes.swap_remove(place as usize);
        self.link_bytes -= node.allocated_bytes();
        self.renumber(self.nodes.len() as u32, place);
        if self.nodes.len() * 4 < self.nodes.capacity() {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    /// Links those to each other that had a neighbour in common, which is gone, the nearest pairs first.
    fn mend(&mut self, orphans: &[u32], gone: u32, level: usize, distance: &impl Fn(u32, u32) -> f32) {
        orphans.chunks(COMPARED).for_each(|orphans| self.pair_up(orphans, level, distance));
        for &orphan in orphans {
            if self.nodes[orphan as usize].links(level).is_empty() {
                self.bring_home(orphan, gone, level, distance);
            }
        }
    }

    /// Links some that lost a link each: each gets one, and who has too few gets more.
    fn pair_up(&mut self, orphans: &[u32], level: usize, distance: &impl Fn(u32, u32) -> f32) {
        let mut pairs = Vec::new();
        for (first, &one) in orphans.iter().enumerate() {
            for (second, &other) in orphans.iter().enumerate().skip(first + 1) {
                if !self.is_linked(one, other, level) {
                    pairs.push((Near { place: first as u32, distance: distance(one, other) }, second));
                }
            }
        }
        pairs.sort_unstable();
        let mut is_mended = vec![false; orphans.len()];
        for (Near { place: first, .. }, second) in pairs {
            let both = [first as usize, second];
            let wants = |&at: &usize| {
                let links = self.nodes[orphans[at] as usize].links(level).len();
                links < self.most(level) && (!is_mended[at] || links < self.breadth / 2)
            };
            if both.iter().all(wants) {
                self.link(orphans[both[0]], orphans[both[1]], level);
                both.iter().for_each(|&at| is_mended[at] = true);
            }
        }
    }

    /// Finds neighbours for a place that has none, but not the one that is going.
    fn bring_home(&mut self, place: u32, gone: u32, level: usize, distance: &impl Fn(u32, u32) -> f32) {
        let to_it = |other: u32| distance(place, other);
        let Some(entry) = self.entry_besides(&[place, gone]) else { return };
        if self.nodes[entry as usize].level() < level {
            return;
        }
        let start = self.descend(entry, level, &to_it);
        let near = self.explore(level, &[start], self.breadth, &to_it, |other| {
            if other == place { Admission::PassOver } else { Admission::Take }
        });
        self.settle(place, level, &near, distance);
    }

    /// The last place, which is called otherwise from now on.
    fn renumber(&mut self, before: u32, after: u32) {
        if before == after {
            return;
        }
        let level = self.nodes[after as usize].level();
        if self.tall.remove(&(level, before)) {
            self.tall.insert((level, after));
        }
        for level in 0..=level {
            for at in 0..self.nodes[after as usize].links(level).len() {
                let neighbour = self.nodes[after as usize].links(level)[at];
                let links = self.nodes[neighbour as usize].links_mut(level);
                links.iter_mut().filter(|link| **link == before).for_each(|link| *link = after);
            }
        }
    }

    /// The graph whose places have these links, the lowest level first; `None` if no graph could have them.
    pub(super) fn from_links<'a>(
        breadth: usize,
        links: impl Iterator<Item = &'a [Vec<u32>]>,
    ) -> Option<Self> {
        let mut graph = Self::new(breadth);
        for links in links {
            let (ground, upper) = links.split_first()?;
            let is_too_much = |(level, links): (usize, &Vec<u32>)| links.len() > graph.most(level);
            if upper.len() > MAX_LEVEL || links.iter().enumerate().any(is_too_much) {
                return None;
            }
            let node = Node { ground: ground.clone(), upper: upper.to_vec() };
            graph.push_node(node);
        }
        graph.is_sound().then_some(graph)
    }

    /// Whether every link goes both ways and none is there twice.
    fn is_sound(&self) -> bool {
        let is_sound = |(place, node): (usize, &Node)| {
            (0..=node.level()).all(|level| {
                let links = node.links(level);
                links.iter().enumerate().all(|(at, &link)| {
                    let other = self.nodes.get(link as usize);
                    link as usize != place
                        && !links[..at].contains(&link)
                        && other.is_some_and(|other| other.links(level).contains(&(place as u32)))
                })
            })
        };
        self.nodes.iter().enumerate().all(is_sound)
    }
}

fn list_bytes(links: &Vec<u32>) -> usize {
    block_bytes(links.capacity() * size_of::<u32>())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::Random;

    /// Points in a square.
    #[derive(Default)]
    struct Points(Vec<(f32, f32)>);

    impl Points {
        fn distance(&self, one: u32, other: u32) -> f32 {
            let (one, other) = (self.0[one as usize], self.0[other as usize]);
            (one.0 - other.0).hypot(one.1 - other.1)
        }

        fn push(&mut self, graph: &mut Graph, random: &Random) {
            let coordinate = || random.below(1 << 20) as f32 / (1 << 20) as f32;
            self.0.push((coordinate(), coordinate()));
            let level = random.next_u64().trailing_zeros() as usize / 2;
            graph.push(level, 40, &|one, other| self.distance(one, other));
        }

        fn remove(&mut self, graph: &mut Graph, place: usize) {
            graph.swap_remove(place as u32, &|one, other| self.distance(one, other));
            self.0.swap_remove(place);
        }

        /// How many of the ten nearest are found.
        fn recall(&self, graph: &Graph, place: u32) -> usize {
            let exact = |most: usize| {
                let mut nearest = Nearest::new(most);
                (0..self.0.len() as u32).for_each(|other| {
                    nearest.push(Near { place: other, distance: self.distance(place, other) });
                });
                nearest.into_sorted()
            };
            let found = graph.search(40, |other| self.distance(place, other), |_| Admission::Take);
            exact(10).iter().filter(|near| found.contains(near)).count()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn links_stay_sound_and_counted_whatever_comes_and_goes(
            seed: u64, steps in prop::collection::vec((0_u8..5, any::<prop::sample::Index>()), 1..400)
        ) {
            let (random, mut points, mut graph) = (Random::from_seed(seed), Points::default(), Graph::new(4));
            for (kind, index) in steps {
                if kind < 3 || points.0.is_empty() {
                    points.push(&mut graph, &random);
                } else {
                    let place = index.index(points.0.len());
                    points.remove(&mut graph, place);
                }
                prop_assert!(graph.is_sound());
                prop_assert_eq!(graph.nodes.len(), points.0.len());
                prop_assert_eq!(graph.allocated_bytes(), graph.recounted_bytes());
                let tall = graph.nodes.iter().filter(|node| node.level() > 0).count();
                prop_assert_eq!(graph.tall.len(), tall);
                for node in &graph.nodes {
                    prop_assert!((0..=node.level()).all(|level| node.links(level).len() <= graph.most(level)));
                }
            }
            let all: Vec<Vec<Vec<u32>>> =
                (0..graph.nodes.len() as u32).map(|place| graph.links(place).map(<[u32]>::to_vec).collect()).collect();
            let read = Graph::from_links(4, all.iter().map(Vec::as_slice));
            prop_assert_eq!(read.map(|read| read.nodes), Some(graph.nodes));
        }

        #[test]
        fn links_that_no_graph_has_are_refused(
            all in prop::collection::vec(prop::collection::vec(prop::collection::vec(0_u32..6, 0..4), 0..3), 0..6)
        ) {
            if let Some(graph) = Graph::from_links(4, all.iter().map(Vec::as_slice)) {
                prop_assert!(graph.is_sound());
                graph.search(5, |place| place as f32, |_| Admission::Take);
            }
        }
    }

    #[test]
    fn the_nearest_are_found_after_most_of_all_have_gone_again() {
        let (random, mut points, mut graph) = (Random::from_seed(7), Points::default(), Graph::new(8));
        (0..3000).for_each(|_| points.push(&mut graph, &random));
        let recall = |points: &Points, graph: &Graph| -> usize {
            (0..100).map(|place| points.recall(graph, place)).sum()
        };
        assert!(recall(&points, &graph) >= 990, "{}", recall(&points, &graph));
        for _ in 0..2500 {
            let place = random.below(points.0.len() as u64) as usize;
            points.remove(&mut graph, place);
        }
        assert!(recall(&points, &graph) >= 980, "{}", recall(&points, &graph));
        while !points.0.is_empty() {
            points.remove(&mut graph, 0);
        }
        assert_eq!(graph.search(3, |_| 0.0, |_| Admission::Take), []);
    }

    // With 4096 links the next place took hours where all were as far from each other.
    #[test]
    fn a_place_with_many_links_gives_one_up_without_a_look_at_all_pairs() {
        const BREADTH: usize = 128;
        let mut graph = Graph::new(BREADTH);
        (0..=2 * BREADTH).for_each(|_| graph.push(0, BREADTH, &|_, _| 1.0));
        let looks = Cell::new(0_usize);
        graph.push(0, BREADTH, &|_, _| {
            looks.set(looks.get() + 1);
            1.0
        });
        assert!(graph.is_sound());
        let for_each_neighbour = 2 * BREADTH + 1 + COMPARED * COMPARED;
        assert!(looks.get() < (BREADTH + 8) * for_each_neighbour, "{}", looks.get());
    }

    #[test]
    fn a_search_takes_only_those_that_are_admitted_and_ends_when_it_is_told() {
        let (random, mut points, mut graph) = (Random::from_seed(9), Points::default(), Graph::new(8));
        (0..500).for_each(|_| points.push(&mut graph, &random));
        let to_first = |other| points.distance(0, other);
        let even = graph
            .search(10, to_first, |place| if place % 2 == 0 { Admission::Take } else { Admission::PassOver });
        assert!(even.len() == 10 && even.iter().all(|near| near.place % 2 == 0), "{even:?}");
        let mut looks = 0;
        let stopped = graph.search(500, to_first, |_| {
            looks += 1;
            if looks > 20 { Admission::Stop } else { Admission::Take }
        });
        assert_eq!(stopped.len(), 20);
    }
}
