//! Policies that know every key: least recently used, least frequently used, and the bound that knows the future.
use std::collections::{BTreeSet, BinaryHeap};

use super::Cache;
use super::lists::Lists;

/// Evicts the key whose last use is longest ago.
#[derive(Debug)]
pub(super) struct Lru {
    capacity: usize,
    keys: Lists,
}

impl Lru {
    pub(super) fn new(capacity: usize, keys: usize) -> Self {
        Self { capacity, keys: Lists::new(keys, 1) }
    }
}

impl Cache for Lru {
    fn request(&mut self, key: u32) -> bool {
        let hit = self.keys.list_of(key).is_some();
        if !hit && self.keys.len(0) == self.capacity {
            self.keys.pop(0);
        }
        self.keys.push(0, key);
        hit
    }
}

/// Evicts the key that was used least often since it came in; of several, the one used longest ago.
#[derive(Debug)]
pub(super) struct Lfu {
    capacity: usize,
    /// Uses and last use by key; no uses for a key that is not in.
    uses: Vec<(u32, u32)>,
    order: BTreeSet<(u32, u32, u32)>,
    now: u32,
}

impl Lfu {
    pub(super) fn new(capacity: usize, keys: usize) -> Self {
        Self { capacity, uses: vec![(0, 0); keys], order: BTreeSet::new(), now: 0 }
    }
}

impl Cache for Lfu {
    fn request(&mut self, key: u32) -> bool {
        self.now += 1;
        let (uses, last) = self.uses[key as usize];
        let hit = uses > 0;
        if hit {
            self.order.remove(&(uses, last, key));
        } else if self.order.len() == self.capacity {
            let (.., victim) = self.order.pop_first().expect("a cache has room for a key");
            self.uses[victim as usize] = (0, 0);
        }
        self.uses[key as usize] = (uses + 1, self.now);
        self.order.insert((uses + 1, self.now, key));
        hit
    }
}

/// Evicts the key that will not be used for longest (L. A. Belady, "A study of replacement algorithms for a
/// virtual-storage computer", IBM Systems Journal, 1966): no policy that takes every key in has more hits.
#[derive(Debug)]
pub(super) struct Belady {
    capacity: usize,
    /// For each request, which one is the next for the same key.
    next: Vec<u32>,
    /// When each key is used next, if it is in.
    due: Vec<Option<u32>>,
    /// What was true when it was put in: the entries that `due` does not confirm are stale.
    order: BinaryHeap<(u32, u32)>,
    len: usize,
    now: usize,
}

impl Belady {
    pub(super) fn new(capacity: usize, keys: usize, trace: &[u32]) -> Self {
        let mut last = vec![u32::MAX; keys];
        let mut next = vec![0; trace.len()];
        for (at, &key) in trace.iter().enumerate().rev() {
            next[at] = std::mem::replace(&mut last[key as usize], at as u32);
        }
        Self { capacity, next, due: vec![None; keys], order: BinaryHeap::new(), len: 0, now: 0 }
    }
}

impl Cache for Belady {
    fn request(&mut self, key: u32) -> bool {
        let next = self.next[self.now];
        self.now += 1;
        let hit = self.due[key as usize].is_some();
        if !hit {
            self.len += 1;
        }
        while self.len > self.capacity {
            let (due, victim) = self.order.pop().expect("every key that is in is in the heap");
            if self.due[victim as usize] == Some(due) {
                self.due[victim as usize] = None;
                self.len -= 1;
            }
        }
        self.due[key as usize] = Some(next);
        self.order.push((next, key));
        hit
    }
}
