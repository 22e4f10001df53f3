//! Doubly linked lists over the keys of a trace: each key is in one of them or in none.

/// In no list.
const NOWHERE: u8 = u8::MAX;

/// So many lists over keys that are dense from 0.
///
/// The lists are rings through a node of their own, whose numbers follow those of the keys.
#[derive(Debug)]
pub(super) struct Lists {
    /// For each node, the one that was put in after it; for a list's own, the oldest.
    newer: Vec<u32>,
    /// For each node, the one that was put in before it; for a list's own, the newest.
    older: Vec<u32>,
    place: Vec<u8>,
    lengths: Vec<usize>,
}

impl Lists {
    pub(super) fn new(keys: usize, lists: usize) -> Self {
        let nodes: Vec<u32> = (0..(keys + lists) as u32).collect();
        Self { newer: nodes.clone(), older: nodes, place: vec![NOWHERE; keys], lengths: vec![0; lists] }
    }

    /// The list that a key is in.
    pub(super) fn list_of(&self, key: u32) -> Option<usize> {
        let place = self.place[key as usize];
        (place != NOWHERE).then_some(usize::from(place))
    }

    pub(super) fn len(&self, list: usize) -> usize {
        self.lengths[list]
    }

    /// The key that has been in a list for longest.
    pub(super) fn oldest(&self, list: usize) -> Option<u32> {
        let key = self.newer[self.place.len() + list];
        ((key as usize) < self.place.len()).then_some(key)
    }

    /// Makes a key the newest of a list, wherever it was before.
    pub(super) fn push(&mut self, list: usize, key: u32) {
        self.remove(key);
        let own = self.place.len() + list;
        let before = self.older[own];
        self.older[key as usize] = before;
        self.newer[key as usize] = own as u32;
        self.newer[before as usize] = key;
        self.older[own] = key;
        self.place[key as usize] = list as u8;
        self.lengths[list] += 1;
    }

    /// Takes a key out of the list that it is in, if any.
    pub(super) fn remove(&mut self, key: u32) {
        let Some(list) = self.list_of(key) else { return };
        let (older, newer) = (self.older[key as usize], self.newer[key as usize]);
        self.newer[older as usize] = newer;
        self.older[newer as usize] = older;
        self.place[key as usize] = NOWHERE;
        self.lengths[list] -= 1;
    }

    /// Takes out the oldest key of a list.
    pub(super) fn pop(&mut self, list: usize) -> Option<u32> {
        let key = self.oldest(list)?;
        self.remove(key);
        Some(key)
    }
}
