//! A B+-tree that counts: elements in order, found by order and by rank in O(log N).
//!
//! Inner nodes hold for each child how many elements are under it and an element that is not after any of them. That element may
//! be older than the child's first; only the first child of a node can have elements before its own, and the walk down
//! goes to the first child when no other will do.
use std::cmp::Ordering;

/// The most elements of a leaf, and children of an inner node.
const NODE_MAX: usize = 64;
/// Nodes with fewer are joined with a neighbour where both fit.
const NODE_MIN: usize = 16;

/// Elements in the order of their `Ord`, without repetition.
#[derive(Clone, Debug)]
pub(super) struct RankTree<T> {
    root: Node<T>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node<T> {
    Leaf(Vec<T>),
    Inner(Vec<Child<T>>),
}

#[derive(Clone, Debug)]
struct Child<T> {
    /// How many elements are under it.
    count: usize,
    /// Not after any of them, except under the first child.
    bound: T,
    node: Box<Node<T>>,
}

impl<T: Ord + Clone> RankTree<T> {
    pub(super) const fn new() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an element that is not there yet.
    pub(super) fn insert(&mut self, element: T) {
        self.len += 1;
        if let Some(right) = self.root.insert(element) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner(vec![Child::of(left), Child::of(right)]);
        }
    }

    /// Takes an element out; false if it is not there.
    pub(super) fn remove(&mut self, element: &T) -> bool {
        let removed = self.root.remove(element);
        self.len -= usize::from(removed);
        while let Node::Inner(children) = &mut self.root
            && children.len() == 1
            && let Some(only) = children.pop()
        {
            self.root = *only.node;
        }
        removed
    }

    /// How many elements come before the first for which `is_before` says no. It must say yes to a beginning of the
    /// order and no to the rest.
    pub(super) fn count_before(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let (mut node, mut count) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(elements) => return count + elements.partition_point(&is_before),
                Node::Inner(children) => {
                    let at = children[1..].partition_point(|child| is_before(&child.bound));
                    count += children[..at].iter().map(|child| child.count).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// The elements from a rank on.
    pub(super) fn iter_from(&self, rank: usize) -> Walk<'_, T, true> {
        let mut walk = Walk { path: Vec::new(), leaf: &[], at: 0 };
        if rank < self.len {
            walk.descend(&self.root, rank);
        }
        walk
    }

    /// The elements from a rank on, backwards.
    pub(super) fn iter_back_from(&self, rank: usize) -> Walk<'_, T, false> {
        let mut walk = Walk { path: Vec::new(), leaf: &[], at: 0 };
        if rank < self.len {
            walk.descend(&self.root, rank);
        }
        walk
    }

    /// The bytes of the nodes, without what the elements own.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.root.allocated_bytes()
    }
}

impl<T: Ord + Clone> Child<T> {
    fn of(node: Node<T>) -> Self {
        Child { count: node.count(), bound: node.first().clone(), node: Box::new(node) }
    }
}

/// Splits what is over the limit off the end. Elements that come in order leave full nodes behind.
fn split_off<T>(items: &mut Vec<T>, inserted_at: usize) -> Option<Vec<T>> {
    if items.len() <= NODE_MAX {
        return None;
    }
    let at = if inserted_at == items.len() - 1 { items.len() - 1 } else { items.len() / 2 };
    Some(items.split_off(at))
}

impl<T: Ord + Clone> Node<T> {
    fn count(&self) -> usize {
        match self {
            Node::Leaf(elements) => elements.len(),
            Node::Inner(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Node::Leaf(elements) => elements.len(),
            Node::Inner(children) => children.len(),
        }
    }

    /// Only of a node that has something in it.
    fn first(&self) -> &T {
        match self {
            Node::Leaf(elements) => &elements[0],
            Node::Inner(children) => children[0].node.first(),
        }
    }

    /// Where the walk to an element goes on.
    fn child_for(children: &[Child<T>], element: &T) -> usize {
        children[1..].partition_point(|child| child.bound <= *element)
    }

    /// Returns the second half if the node had to be split.
    fn insert(&mut self, element: T) -> Option<Node<T>> {
        match self {
            Node::Leaf(elements) => {
                let at = elements.partition_point(|other| *other < element);
                elements.insert(at, element);
                split_off(elements, at).map(Node::Leaf)
            }
            Node::Inner(children) => {
                let at = Self::child_for(children, &element);
                let child = &mut children[at];
                child.count += 1;
                let right = child.node.insert(element)?;
                child.count = child.node.count();
                children.insert(at + 1, Child::of(right));
                split_off(children, at + 1).map(Node::Inner)
            }
        }
    }

    fn remove(&mut self, element: &T) -> bool {
        match self {
            Node::Leaf(elements) => match elements.binary_search(element) {
                Ok(at) => {
                    elements.remove(at);
                    true
                }
                Err(_) => false,
            },
            Node::Inner(children) => {
                let at = Self::child_for(children, element);
                let child = &mut children[at];
                if !child.node.remove(element) {
                    return false;
                }
                child.count -= 1;
                if child.count == 0 {
                    children.remove(at);
                } else if child.node.width() < NODE_MIN {
                    join(children, at);
                }
                true
            }
        }
    }

    fn allocated_bytes(&self) -> usize {
        match self {
            Node::Leaf(elements) => elements.capacity() * size_of::<T>(),
            Node::Inner(children) => {
                let own = children.capacity() * size_of::<Child<T>>();
                own + children
                    .iter()
                    .map(|child| size_of::<Self>() + child.node.allocated_bytes())
                    .sum::<usize>()
            }
        }
    }
}

/// Joins a narrow child with the one before or after it, if both fit in one node with room to spare.
fn join<T: Ord + Clone>(children: &mut Vec<Child<T>>, at: usize) {
    let left = if at > 0 { at - 1 } else { at };
    if left + 1 >= children.len() {
        return;
    }
    if children[left].node.width() + children[left + 1].node.width() > NODE_MAX * 3 / 4 {
        return;
    }
    let right = children.remove(left + 1);
    let target = &mut children[left];
    target.count += right.count;
    match (&mut *target.node, *right.node) {
        (Node::Leaf(elements), Node::Leaf(more)) => elements.extend(more),
        (Node::Inner(elements), Node::Inner(mut more)) => {
            // The bound of a first child may be after some of its elements; among others it must not be.
            if let Some(first) = more.first_mut() {
                first.bound = first.node.first().clone();
            }
            elements.extend(more);
        }
        _ => unreachable!("the children of a node are of the same height"),
    }
}

/// The elements from some place on, forwards or backwards.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a, T, const FORWARD: bool> {
    /// The children above the leaf, with the one that was taken.
    path: Vec<(&'a [Child<T>], usize)>,
    leaf: &'a [T],
    /// The next element; past the end of the leaf when it is used up. Backwards counts one more.
    at: usize,
}

impl<'a, T: Ord + Clone, const FORWARD: bool> Walk<'a, T, FORWARD> {
    fn descend(&mut self, mut node: &'a Node<T>, mut rank: usize) {
        loop {
            match node {
                Node::Leaf(elements) => {
                    self.leaf = elements;
                    self.at = if FORWARD { rank } else { rank + 1 };
                    return;
                }
                Node::Inner(children) => {
                    let mut at = 0;
                    while rank >= children[at].count {
                        rank -= children[at].count;
                        at += 1;
                    }
                    self.path.push((children, at));
                    node = &children[at].node;
                }
            }
        }
    }

    /// Goes on to the next leaf; false if there is none.
    fn turn(&mut self) -> bool {
        while let Some((children, at)) = self.path.pop() {
            let next =
                if FORWARD { Some(at + 1).filter(|&next| next < children.len()) } else { at.checked_sub(1) };
            if let Some(next) = next {
                self.path.push((children, next));
                let rank = if FORWARD { 0 } else { children[next].count - 1 };
                self.descend(&children[next].node, rank);
                return true;
            }
        }
        false
    }
}

impl<'a, T: Ord + Clone, const FORWARD: bool> Iterator for Walk<'a, T, FORWARD> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        let used_up = if FORWARD { self.at >= self.leaf.len() } else { self.at == 0 };
        if used_up && !self.turn() {
            return None;
        }
        if FORWARD {
            self.at += 1;
            Some(&self.leaf[self.at - 1])
        } else {
            self.at -= 1;
            Some(&self.leaf[self.at])
        }
    }
}

/// The order of scores: Redis compares them as C does, so that both zeros are equal. There is no NaN among them.
pub(crate) fn compare_scores(first: f64, second: f64) -> Ordering {
    first.partial_cmp(&second).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_btree_set_holds(
            steps in prop::collection::vec((any::<bool>(), 0_u32..3000), 1..4000),
            ascending in any::<bool>(),
        ) {
            let (mut tree, mut model) = (RankTree::new(), BTreeSet::new());
            for (at, (add, key)) in steps.into_iter().enumerate() {
                let key = if ascending && at < 2000 { at as u32 } else { key };
                if add || at < 500 {
                    if model.insert(key) {
                        tree.insert(key);
                    }
                } else {
                    prop_assert_eq!(tree.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(tree.len(), model.len());
            }
            let sorted: Vec<u32> = model.iter().copied().collect();
            for rank in (0..=sorted.len()).step_by(37) {
                prop_assert!(tree.iter_from(rank).eq(sorted[rank..].iter()));
                let back = sorted[..(rank + 1).min(sorted.len())].iter().rev();
                prop_assert!(rank >= sorted.len() || tree.iter_back_from(rank).eq(back));
            }
            for key in (0..3001).step_by(13) {
                let before = sorted.partition_point(|other| *other < key);
                prop_assert_eq!(tree.count_before(|other| *other < key), before);
            }
            for key in sorted {
                prop_assert!(tree.remove(&key));
            }
            prop_assert_eq!(tree.iter_from(0).next(), None);
        }
    }
}
