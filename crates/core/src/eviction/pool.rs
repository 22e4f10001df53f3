//! The least worth keys that samples found and nobody took yet.
//!
//! A few keys drawn at random are a rough picture of the store. Keeping the worst of earlier draws makes it a good one at no
//! cost: the next victim is the worst of some hundreds of keys instead of five.
use super::{Candidate, Residents};
use crate::memory::block_bytes;

/// As many as Redis keeps.
const KEPT: usize = 16;

/// Candidates from earlier samples. What they were then may not be true any more: they are looked up again before use.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    kept: Vec<Candidate>,
}

impl Pool {
    pub(super) fn allocated_bytes(&self) -> usize {
        block_bytes(self.kept.capacity() * size_of::<Candidate>())
    }

    /// Draws so many keys and takes out the one that is worth least.
    pub(super) fn take(
        &mut self,
        residents: &mut impl Residents,
        samples: usize,
        worth: impl Fn(&Candidate) -> i64,
    ) -> Option<Candidate> {
        let weakest = self.weakest(residents, samples, &worth)?;
        self.forget(weakest.hash);
        Some(weakest)
    }

    /// Draws so many keys and shows the one that is worth least, which stays in the pool.
    pub(super) fn weakest(
        &mut self,
        residents: &mut impl Residents,
        samples: usize,
        worth: impl Fn(&Candidate) -> i64,
    ) -> Option<Candidate> {
        loop {
            for _ in 0..samples {
                let candidate = residents.sample()?;
                self.offer(candidate, &worth);
            }
            while let Some(at) = self.least(&worth) {
                let kept = self.kept[at];
                // One that was used meanwhile is no longer among the worst as far as anybody knows.
                match residents.find(kept.hash) {
                    Some(found) if found.word == kept.word => return Some(found),
                    _ => self.kept.swap_remove(at),
                };
            }
        }
    }

    /// Takes a key in if it is worth less than one that is there, or if there is room.
    fn offer(&mut self, candidate: Candidate, worth: impl Fn(&Candidate) -> i64) {
        if let Some(same) = self.kept.iter_mut().find(|kept| kept.hash == candidate.hash) {
            *same = candidate;
        } else if self.kept.len() < KEPT {
            self.kept.push(candidate);
        } else if let Some(best) = self.kept.iter_mut().max_by_key(|kept| worth(kept))
            && worth(&candidate) < worth(best)
        {
            *best = candidate;
        }
    }

    fn least(&self, worth: impl Fn(&Candidate) -> i64) -> Option<usize> {
        (0..self.kept.len()).min_by_key(|&at| worth(&self.kept[at]))
    }

    pub(super) fn forget(&mut self, hash: u64) {
        self.kept.retain(|kept| kept.hash != hash);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::super::tests::{Store, hash};
    use super::*;

    #[test]
    fn a_candidate_that_was_used_meanwhile_is_not_taken() {
        let mut store = Store::new(Policy::Lru);
        (0..40).for_each(|key| store.insert(key, 64));
        let mut pool = Pool::default();
        let by_word = |key: &Candidate| i64::from(key.word);
        let weakest = pool.weakest(&mut store.keys, 400, by_word).expect("there are keys");
        store.keys.mark(weakest.hash, weakest.word + 1000);
        let next = pool.weakest(&mut store.keys, 5, by_word).expect("there are keys");
        assert_ne!(next.hash, weakest.hash);
    }

    #[test]
    fn the_worst_of_earlier_samples_waits_for_its_turn() {
        let mut store = Store::new(Policy::Lru);
        (0..400).for_each(|key| store.insert(key, key as usize));
        let mut pool = Pool::default();
        let by_bytes = |key: &Candidate| key.bytes as i64;
        // After enough samples the sixteen smallest are known, and one sample more changes nothing.
        pool.weakest(&mut store.keys, 10_000, by_bytes);
        let order: Vec<u64> = (0..5)
            .map(|_| {
                let taken = pool.take(&mut store.keys, 1, by_bytes).expect("there are keys");
                store.keys.remove(taken.hash);
                taken.hash
            })
            .collect();
        assert_eq!(order, (0..5).map(hash).collect::<Vec<_>>());
    }
}
