//! `allkeys-adaptive`: a small window for the new, a main part for the proven, and a border between them that follows the load.
//!
//! **What it keeps.** In each entry's word: in which part it is, whether it was used since it came, how often it was used (at most
//! 7, halved every epoch), and when last. Besides the words: a queue of the hashes in the window, oldest first, 8 bytes
//! for each of the few keys there; and a memory of evicted keys, 4 bytes for each resident key (`ghost.rs`).
//!
//! **How a key fares.** A new key enters the window and brings its uses from the memory if it was here before. At the end of the
//! queue, a key that was used in the window moves to the main part. One that was not has to beat the weakest key of the main
//! part: the one of the two with fewer uses for its bytes goes, and a tie goes against the newcomer. So a loop that is longer
//! than the store keeps the part of itself that fits, a scan passes through the window, and popular keys stay. This
//! is W-TinyLFU (Einziger, Friedman, Manes: "`TinyLFU`: a highly efficient cache admission policy", ACM Transactions on
//! Storage, 2017) with the window of S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), but
//! without lists and without a sketch: the frequency of a resident key is in its entry, that of others in the memory.
//!
//! **The weakest** is found by samples (`pool.rs`): least by the logarithm of its uses and of its bytes, less its age. Uses weigh as in
//! LRFU (Lee et al., "LRFU: a spectrum of policies that subsumes the least recently used and least frequently used policies",
//! IEEE Transactions on Computers, 2001); bytes as in GDSF (Cherkasova, "Improving WWW proxies performance with greedy-dual-size-frequency
//! caching policy", HP Laboratories, 1998).
//!
//! **The border.** W-TinyLFU's window of one percent loses badly where only the new is worth keeping. Its hill climber needs
//! many requests to see in the hit ratio that a step was good. Here the two ends are compared directly, by what they lose: of the
//! keys that went from the end of the window, how many came back shortly after; and of those that went from the main part?
//! The part whose victims return more often is too small and gets room for a key for each return. Both ends lose equally much in the
//! end, and that is where the sum is best. The longer ago a key went, the less its return counts, or a loop would
//! pull the border towards the window, where it has no hits at all. The window is at least one percent of the keys, so that
//! it notices when the load turns to the new, and at most 80, so that the main part does. ARC (Megiddo, Modha, FAST 2003) moves
//! its border by the mere number of returns, and `LeCaR` (Vietri et al., `HotStorage` 2018) weighs two policies by regret for
//! their victims; the difference here is that returns are counted per victim.
//!
//! The same comparison sets the handicap of the duel: while keys from the window return more often than those from the main part,
//! newcomers need fewer uses to win, at most half as many, and win ties. So a main part full of what yesterday's load left
//! behind gives way before its counters have faded.
use std::collections::VecDeque;

use super::clock::{EPOCH, EPOCH_BITS};
use super::ghost::Ghost;
use super::pool::Pool;
use super::{Candidate, Residents};
use crate::memory::block_bytes;

// 23     22        21    19 18      0
// | main | touched | uses | tick     |
const TICK_BITS: u32 = 19;
const TICK_MASK: u32 = (1 << TICK_BITS) - 1;
const USES_MAX: u32 = 7;
const TOUCHED: u32 = 1 << 22;
const MAIN: u32 = 1 << 23;

/// A key that was used within so many ticks, half an epoch, is expected to be used again.
const ROUND: u32 = EPOCH / 2;
/// The window's share of the keys at first, and its bounds.
const SHARE_FIRST: f64 = 0.03;
const SHARE_MIN: f64 = 0.01;
const SHARE_MAX: f64 = 0.8;
/// The window grows only if its victims return so many times as often as the others: the main part has proof of its worth.
const RELUCTANCE: f64 = 1.3;
/// More regret than this gives newcomers no more help: a loop just longer than the store returns soon as well.
const REGRET_MAX: f64 = 4.0;
/// Counts of victims and returns reach back over so many turnovers, and at least over so many evictions.
const TURNOVERS: f64 = 2.0;
const EVICTIONS_MIN: f64 = 200.0;
/// Twice as many uses, or half the bytes, are worth so many ticks of age: a quarter of an epoch.
const DOUBLING: i64 = EPOCH as i64 / 4;
/// As good as equal, in a duel: bytes within a tenth of each other. Two keys of one kind differ by what their tables have to spare,
/// and that must not decide.
const TIE: i64 = DOUBLING / 8;

/// The word of an entry that was used now.
#[inline]
pub(super) const fn touched(word: u32, now: u32) -> u32 {
    let uses = uses(word, now);
    let uses = if uses < USES_MAX { uses + 1 } else { USES_MAX };
    word & MAIN | TOUCHED | uses << TICK_BITS | now & TICK_MASK
}

/// How often an entry was used: halved with every epoch that began since the last time.
#[inline]
const fn uses(word: u32, now: u32) -> u32 {
    let epochs = (now >> EPOCH_BITS).wrapping_sub(word >> EPOCH_BITS) & (TICK_MASK >> EPOCH_BITS);
    let uses = word >> TICK_BITS & USES_MAX;
    // A branch for what is true of nearly every read.
    match epochs {
        0 => uses,
        1 | 2 => uses >> epochs,
        _ => 0,
    }
}

/// Enough of the number of the epoch to tell those apart that a memory outlasts.
const fn epoch(now: u32) -> u16 {
    (now >> EPOCH_BITS) as u16
}

pub(super) const fn used_at(word: u32, tick: u32) -> u32 {
    word & !TICK_MASK | tick & TICK_MASK
}

pub(super) const fn age(word: u32, now: u32) -> u32 {
    now.wrapping_sub(word) & TICK_MASK
}

/// What uses are for each byte, as a logarithm in units of [`DOUBLING`].
fn density(uses: u32, bytes: usize) -> i64 {
    /// Logarithms of 0 (as good as a half) to 8.
    const LOGARITHMS: [i64; 9] = [-512, 0, 512, 811, 1024, 1189, 1324, 1437, 1536];
    const { assert!(DOUBLING == 512) };
    LOGARITHMS[uses as usize] - logarithm(bytes.max(1))
}

/// Linear between the powers of two, which is off by a twelfth at most, because every key of the pool is weighed for each victim.
const fn logarithm(bytes: usize) -> i64 {
    let whole = bytes.ilog2();
    let rest = ((bytes ^ (1 << whole)) as i64 * DOUBLING) >> whole;
    whole as i64 * DOUBLING + rest
}

/// Whether a key that was not used in the window may take the place of the weakest key of the main part, which has so much of
/// a handicap.
fn beats(newcomer: &Candidate, weakest: &Candidate, handicap: i64, now: u32) -> bool {
    // The newcomer's present use is counted. A key that was used not long ago has its present use yet to come: otherwise
    // a loop would put out what it is about to read.
    let to_come = u32::from(age(weakest.word, now) < ROUND);
    density(uses(newcomer.word, now), newcomer.bytes) + handicap
        > density(uses(weakest.word, now) + to_come, weakest.bytes) + TIE
}

/// What the policy knows beyond the words of the entries.
#[derive(Clone, Debug)]
pub struct Adaptive {
    /// Hashes of the keys in the window, the oldest in front; those of keys that were removed by others are still there.
    window: VecDeque<u64>,
    /// Which part of the keys the window may be.
    share: f64,
    residents: usize,
    ghost: Ghost,
    from_window: Losses,
    from_main: Losses,
}

/// How many went from one end and how many of them came back shortly after, fading with time.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    gone: f64,
    back: f64,
}

impl Losses {
    fn fade(&mut self, factor: f64) {
        self.gone *= factor;
        self.back *= factor;
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            window: VecDeque::new(),
            share: SHARE_FIRST,
            residents: 0,
            ghost: Ghost::default(),
            from_window: Losses::default(),
            from_main: Losses::default(),
        }
    }
}

impl Adaptive {
    pub(super) fn allocated_bytes(&self) -> usize {
        block_bytes(self.window.capacity() * size_of::<u64>()) + self.ghost.allocated_bytes()
    }

    pub(super) fn resize(&mut self, residents: usize) {
        self.residents = residents;
    }

    /// How many keys the window may have.
    fn room(&self) -> usize {
        ((self.share * self.residents as f64) as usize).max(1)
    }

    pub(super) fn inserted(&mut self, hash: u64, now: u32) -> u32 {
        let memory = self.ghost.recall(hash, epoch(now));
        if let Some(memory) = memory {
            self.learn(memory.from_main, memory.weight);
        }
        let factor = 1.0 - 1.0 / (self.residents as f64 * TURNOVERS).max(EVICTIONS_MIN);
        self.from_window.fade(factor);
        self.from_main.fade(factor);
        let uses = (memory.map_or(0, |memory| memory.uses) + 1).min(USES_MAX);
        let word = uses << TICK_BITS | now & TICK_MASK;
        // As long as nothing has to go, nothing leaves the window, and the queue must not grow with the store.
        if self.window.len() > self.room() {
            return word | MAIN;
        }
        self.window.push_back(hash);
        word
    }

    /// A key came back shortly after it went.
    fn learn(&mut self, from_main: bool, weight: f64) {
        let side = if from_main { &mut self.from_main } else { &mut self.from_window };
        side.back += weight;
        let regret = self.regret();
        let step = weight / self.residents.max(1) as f64;
        if from_main && regret < 1.0 {
            self.share = (self.share - step).max(SHARE_MIN);
        } else if !from_main && regret > 1.0 {
            self.share = (self.share + step).min(SHARE_MAX);
        }
    }

    /// How many times as often victims of the window return as those of the main part.
    fn regret(&self) -> f64 {
        let window = self.from_window.back / (self.from_window.gone + 1.0);
        // Few go from the main part when it is at its best, so the count of them begins with half a return of five.
        let main = (self.from_main.back + 0.5) / (self.from_main.gone + 5.0);
        window / (RELUCTANCE * main)
    }

    /// What the weakest key of the main part has to make up for in a duel: the square root of the regret.
    fn handicap(&self) -> i64 {
        (self.regret().clamp(1.0, REGRET_MAX).log2() / 2.0 * DOUBLING as f64) as i64
    }

    pub(super) fn victim(
        &mut self,
        pool: &mut Pool,
        residents: &mut impl Residents,
        samples: usize,
        now: u32,
    ) -> Option<Candidate> {
        self.ghost.resize(self.residents);
        let worth = |key: &Candidate| {
            // A key of the window is no candidate of the main part. One that has been in it for longer than an epoch is
            // not in the queue, or the word was written by another policy.
            if key.word & MAIN == 0 && age(key.word, now) < EPOCH {
                return i64::MAX;
            }
            density(uses(key.word, now), key.bytes) - i64::from(age(key.word, now))
        };
        while self.window.len() > self.room() {
            let Some(newcomer) = self.window.pop_front().and_then(|hash| residents.find(hash)) else {
                continue;
            };
            if newcomer.word & MAIN != 0 {
                continue;
            }
            if newcomer.word & TOUCHED != 0 {
                residents.mark(newcomer.hash, newcomer.word | MAIN);
                continue;
            }
            let weakest = pool.weakest(residents, samples, worth)?;
            if weakest.hash == newcomer.hash || !beats(&newcomer, &weakest, self.handicap(), now) {
                pool.forget(newcomer.hash);
                return Some(self.gone(newcomer, false, now));
            }
            residents.mark(newcomer.hash, newcomer.word | MAIN);
            pool.forget(weakest.hash);
            return Some(self.gone(weakest, true, now));
        }
        let weakest = pool.take(residents, samples, worth)?;
        Some(self.gone(weakest, true, now))
    }

    fn gone(&mut self, key: Candidate, from_main: bool, now: u32) -> Candidate {
        let side = if from_main { &mut self.from_main } else { &mut self.from_window };
        side.gone += 1.0;
        self.ghost.remember(key.hash, uses(key.word, now), from_main, epoch(now));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::super::tests::{Store, hash};
    use super::*;

    const ROOM: usize = 200;

    fn store() -> Store {
        Store::new(Policy::Adaptive)
    }

    /// The hit ratio of the second half of the requests.
    fn hit_ratio(store: &mut Store, requests: impl Iterator<Item = u64>) -> f64 {
        let hits: Vec<bool> = requests.map(|key| store.request(key, ROOM)).collect();
        let half = &hits[hits.len() / 2..];
        half.iter().filter(|&&hit| hit).count() as f64 / half.len() as f64
    }

    #[test]
    fn uses_are_halved_with_every_epoch_and_saturate() {
        let mut word = 1 << TICK_BITS;
        for _ in 0..10 {
            word = touched(word, 5);
        }
        assert_eq!(uses(word, 5), 7);
        assert_eq!(uses(word, 5 + EPOCH), 3);
        assert_eq!(uses(word, 5 + 3 * EPOCH), 0);
        assert_eq!(uses(touched(word, 5 + EPOCH), 5 + EPOCH), 4);
    }

    #[test]
    fn logarithms_grow_with_what_they_are_of_and_are_nearly_right() {
        for bytes in [1_usize, 2, 3, 5, 64, 100, 1000, 1 << 20, 3 << 40] {
            let right = (bytes as f64).log2() * DOUBLING as f64;
            assert!((logarithm(bytes) as f64 - right).abs() <= DOUBLING as f64 / 11.0, "{bytes}");
            assert!(logarithm(bytes) <= logarithm(bytes + 1), "{bytes}");
        }
    }

    #[test]
    fn a_tick_that_wrapped_around_is_not_long_ago() {
        let before = (1 << TICK_BITS) - 10;
        let word = touched(1 << TICK_BITS | before, before);
        assert_eq!(uses(word, before), 2);
        assert_eq!(age(word, before + 20), 20);
        assert_eq!(uses(word, before + 20), 1, "a new epoch began");
    }

    #[test]
    fn a_scan_leaves_popular_keys_alone() {
        let mut store = store();
        for _ in 0..10 {
            store.request_all(0..150, ROOM);
        }
        store.request_all(1000..3000, ROOM);
        let left = (0..150).filter(|&key| store.holds(key)).count();
        assert!(left >= 140, "{left} of 150");
    }

    #[test]
    fn a_loop_longer_than_the_store_keeps_a_part_of_itself() {
        // An LRU has no hit at all here, and a fifth of the keys fits.
        let ratio = hit_ratio(&mut store(), (0..40_000).map(|at| at % 1000));
        assert!(ratio > 0.17, "{ratio}");
    }

    #[test]
    fn where_only_the_new_is_worth_keeping_the_window_grows_to_keep_it() {
        let mut store = store();
        // At first the main part is filled with what is used often and then never again.
        for _ in 0..20 {
            store.request_all(0..ROOM as u64, ROOM);
        }
        // Each key is asked for twice, with 120 others between.
        let pairs = (0..40_000_u64).map(|at| 10_000 + if at % 2 == 0 { at / 2 + 60 } else { at / 2 });
        let ratio = hit_ratio(&mut store, pairs);
        assert!(ratio > 0.48, "{ratio}");
    }

    #[test]
    fn of_keys_that_are_used_alike_the_bigger_ones_go() {
        let mut store = store();
        let size = |key: u64| if key.is_multiple_of(2) { 64 } else { 1024 };
        let mut gone = [0, 0];
        for at in 0..20_000_u64 {
            // The lowest of two random numbers: some keys are more popular than others, of both sizes alike.
            let key = (hash(at) % 400).min(hash(at + 1_000_000) % 400);
            if !store.get(key) {
                store.insert(key, size(key));
                if at > 1000 {
                    let victim = store.evict().expect("there are keys");
                    gone[usize::from(victim.bytes > 64)] += 1;
                }
            }
        }
        assert!(gone[1] > 10 * gone[0], "{} small and {} big ones went", gone[0], gone[1]);
    }

    #[test]
    fn keys_that_others_removed_are_passed_over() {
        let mut store = store();
        store.request_all(0..ROOM as u64, ROOM);
        (0..ROOM as u64 - 1).for_each(|key| store.keys.remove(hash(key)));
        assert_eq!(store.evict().map(|key| key.hash), Some(hash(ROOM as u64 - 1)));
        assert_eq!(store.evict(), None);
    }

    #[test]
    fn the_queue_does_not_grow_while_nothing_has_to_go() {
        let mut store = store();
        (0..10_000).for_each(|key| store.insert(key, 64));
        let queue = store.evictor.adaptive.window.len();
        assert!(queue <= 10_000 / 25, "{queue} hashes for 10,000 keys");
    }
}
