//! Who went lately: fingerprints of evicted keys, how often they were used, and from where they went.
//!
//! A line of 31 slots is a cache line with its epoch, and a key's hash says which one is its own. Within a line the newest
//! slot is in front and the oldest falls off the end, so a place in the line is a time: the front sixteenth of all lines together
//! is about the latest sixteenth of all that is remembered.
//!
//! ```text
//! 15         4   3    2     0
//! | fingerprint | main | uses |
//! ```

/// Slots in a line.
const LINE: usize = 31;
/// So many keys are remembered for each key of the store.
const KEYS_A_RESIDENT: usize = 2;
/// Places at the front of a line that count as lately, and a last one that counts at all.
const LATELY: usize = 2;
const LATEST: usize = 16;

const USES_MASK: u16 = 0b111;
const MAIN: u16 = 0b1000;
const FINGERPRINT_SHIFT: u32 = 4;

/// What is remembered of a key that came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) uses: u32,
    /// From the main part of the store; from the window otherwise.
    pub(super) from_main: bool,
    /// How much its return says against letting it go: 1 if it was among the last that went, less the longer ago it was.
    pub(super) weight: f64,
}

/// A set-associative table, each line a queue. Two keys with one fingerprint in one line, one in 128 of those that are not in
/// it, are taken for each other; nothing depends on it but a hit ratio.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghost {
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line {
    slots: [u16; LINE],
    /// The epoch for which the uses are true.
    epoch: u16,
}

impl Line {
    /// Halves the uses for each epoch that began since the line was looked at.
    fn fade(&mut self, epoch: u16) {
        let passed = epoch.wrapping_sub(std::mem::replace(&mut self.epoch, epoch));
        if passed > 0 {
            for slot in &mut self.slots {
                let uses = if passed > USES_MASK { 0 } else { (*slot & USES_MASK) >> passed };
                *slot = *slot & !USES_MASK | uses;
            }
        }
    }
}

impl Ghost {
    pub(super) fn allocated_bytes(&self) -> usize {
        crate::memory::block_bytes(self.lines.capacity() * size_of::<Line>())
    }

    /// Makes room in proportion to the store. If it is far from what is needed, what was remembered is lost.
    pub(super) fn resize(&mut self, residents: usize) {
        let needed = (residents * KEYS_A_RESIDENT).div_ceil(LINE).max(1);
        if needed * 3 < self.lines.len() * 2 || needed * 2 > self.lines.len() * 3 {
            self.lines = vec![Line::default(); needed];
        }
    }

    pub(super) fn remember(&mut self, hash: u64, uses: u32, from_main: bool, epoch: u16) {
        let Some(at) = self.line_of(hash) else { return };
        self.lines[at].fade(epoch);
        let line = &mut self.lines[at].slots;
        line.copy_within(..LINE - 1, 1);
        line[0] = fingerprint(hash) | if from_main { MAIN } else { 0 } | (uses as u16).min(USES_MASK);
    }

    /// What is remembered of a key, which is forgotten by it: the key is back.
    pub(super) fn recall(&mut self, hash: u64, epoch: u16) -> Option<Memory> {
        let at = self.line_of(hash)?;
        self.lines[at].fade(epoch);
        let line = &mut self.lines[at].slots;
        let wanted = fingerprint(hash);
        let place = line.iter().position(|&slot| slot & !(MAIN | USES_MASK) == wanted)?;
        let slot = line[place];
        line.copy_within(place + 1.., place);
        line[LINE - 1] = 0;
        Some(Memory {
            uses: u32::from(slot & USES_MASK),
            from_main: slot & MAIN != 0,
            weight: if place < LATEST { LATELY as f64 / (place + 1).max(LATELY) as f64 } else { 0.0 },
        })
    }

    /// The upper bits choose the line, the lower ones are the fingerprint.
    fn line_of(&self, hash: u64) -> Option<usize> {
        let at = ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize;
        (at < self.lines.len()).then_some(at)
    }
}

/// Never 0, which is an empty slot.
fn fingerprint(hash: u64) -> u16 {
    ((hash as u16) << FINGERPRINT_SHIFT).max(1 << FINGERPRINT_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn ghost(residents: usize) -> Ghost {
        let mut ghost = Ghost::default();
        ghost.resize(residents);
        ghost
    }

    #[test]
    fn a_key_is_remembered_once_with_what_was_known_of_it() {
        let mut ghost = ghost(1000);
        ghost.remember(7 << 60 | 0xabc, 3, true, 0);
        assert_eq!(ghost.recall(7 << 60 | 0xabc, 0), Some(Memory { uses: 3, from_main: true, weight: 1.0 }));
        assert_eq!(ghost.recall(7 << 60 | 0xabc, 0), None);
    }

    #[test]
    fn what_was_used_often_long_ago_counts_for_less() {
        let mut ghost = ghost(1000);
        let uses = |ghost: &Ghost, epoch| ghost.clone().recall(7, epoch).map(|memory| memory.uses);
        ghost.remember(7, 6, false, 65_535);
        assert_eq!(uses(&ghost, 65_535), Some(6));
        assert_eq!(uses(&ghost, 1), Some(1), "two epochs later, by a number that wrapped around");
        assert_eq!(uses(&ghost, 100), Some(0));
    }

    #[test]
    fn two_keys_are_remembered_for_each_resident_and_older_ones_are_not() {
        let random = Random::from_seed(1);
        let mut ghost = ghost(1000);
        let gone: Vec<u64> = (0..8000).map(|_| random.next_u64()).collect();
        gone.iter().for_each(|&hash| ghost.remember(hash, 1, false, 0));
        let mut known = |keys: &[u64]| keys.iter().filter(|&&hash| ghost.recall(hash, 0).is_some()).count();
        assert!(known(&gone[..4000]) < 100);
        assert!(known(&gone[7000..]) > 980);
    }

    #[test]
    fn a_return_weighs_less_the_longer_ago_the_key_went() {
        let random = Random::from_seed(2);
        let mut ghost = ghost(10_000);
        let gone: Vec<u64> = (0..40_000).map(|_| random.next_u64()).collect();
        gone.iter().for_each(|&hash| ghost.remember(hash, 1, false, 0));
        let weight = |keys: &[u64]| {
            let mut ghost = ghost.clone();
            let known = keys.iter().filter_map(|&hash| ghost.recall(hash, 0));
            known.map(|known| known.weight).sum::<f64>() / keys.len() as f64
        };
        let newest = weight(&gone[39_500..]);
        let newer = weight(&gone[36_000..37_000]);
        let older = weight(&gone[..25_000]);
        assert!(newest > 0.9 && (0.2..0.6).contains(&newer) && older < 0.02, "{newest} {newer} {older}");
    }
}
