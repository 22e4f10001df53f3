//! redlet's own policies, driven as the engine drives them: entries with a word of 24 bits, samples of the whole store.
use std::collections::HashMap;

use redlet_core::Random;
use redlet_core::eviction::{Candidate, Evictor, Policy, Residents, WORD_BITS};

use super::{Cache, hash};

/// A store of so many keys of equal size, under one of redlet's policies.
#[derive(Debug)]
pub(super) struct Sampled {
    policy: Policy,
    capacity: usize,
    accesses: u64,
    chance: Random,
    evictor: Evictor,
    store: Store,
}

#[derive(Debug)]
struct Store {
    entries: Vec<(u64, u32)>,
    places: HashMap<u64, usize, foldhash::fast::FixedState>,
    random: Random,
}

impl Store {
    fn candidate(&self, at: usize) -> Candidate {
        let (hash, word) = self.entries[at];
        Candidate { hash, word, bytes: 64, deadline: None }
    }
}

impl Residents for Store {
    fn sample(&mut self) -> Option<Candidate> {
        let bound = self.entries.len() as u64;
        (bound > 0).then(|| self.candidate(self.random.below(bound) as usize))
    }

    fn find(&mut self, hash: u64) -> Option<Candidate> {
        self.places.get(&hash).map(|&at| self.candidate(at))
    }

    fn mark(&mut self, hash: u64, word: u32) {
        if let Some(&at) = self.places.get(&hash) {
            self.entries[at].1 = word;
        }
    }
}

impl Sampled {
    pub(super) fn new(policy: Policy, samples: usize, capacity: usize, seed: u64) -> Self {
        Self {
            policy,
            capacity,
            accesses: 0,
            chance: Random::from_seed(seed),
            evictor: Evictor::new(policy, samples),
            store: Store {
                entries: Vec::new(),
                places: HashMap::default(),
                random: Random::from_seed(seed ^ 0x5a5a),
            },
        }
    }
}

impl Cache for Sampled {
    fn request(&mut self, key: u32) -> bool {
        self.accesses += 1;
        let hash = hash(u64::from(key));
        if let Some(&at) = self.store.places.get(&hash) {
            let word = &mut self.store.entries[at].1;
            *word = self.policy.touched(*word, self.evictor.now(), || self.chance.next_u64());
            assert!(*word < 1 << WORD_BITS, "a word has no more bits than the entry has for it");
            return true;
        }
        // Writes move the clock; reads only look at it.
        self.evictor.observe(self.accesses, self.store.entries.len());
        let word = self.evictor.inserted(hash);
        self.store.places.insert(hash, self.store.entries.len());
        self.store.entries.push((hash, word));
        if self.store.entries.len() > self.capacity {
            let victim = self.evictor.victim(&mut self.store).expect("there are keys");
            let at = self.store.places.remove(&victim.hash).expect("a victim is in the store");
            self.store.entries.swap_remove(at);
            if let Some(&(moved, _)) = self.store.entries.get(at) {
                self.store.places.insert(moved, at);
            }
        }
        false
    }
}
