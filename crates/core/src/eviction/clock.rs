//! Time as policies know it: a count of accesses, in units that grow with the store.

/// Ticks in an epoch.
pub(super) const EPOCH: u32 = 1 << EPOCH_BITS;
/// So many low bits of a tick are its place in the epoch.
pub(super) const EPOCH_BITS: u32 = 11;
/// Accesses in an epoch, for each key of the store.
const ACCESSES_A_KEY: u64 = 12;

/// Counts time in epochs of twelve accesses a key, divided into 2048 ticks.
///
/// A tick is as long as the store is large at that moment, so a stamp stays meaningful when the store grows, and a few bits
/// of it reach back over many turnovers whatever the size.
#[derive(Clone, Debug, Default)]
pub struct AccessClock {
    tick: u64,
    accesses: u64,
    /// Accesses that are no tick yet, in parts of one.
    rest: u64,
}

impl AccessClock {
    /// The tick; it wraps around.
    pub fn now(&self) -> u32 {
        self.tick as u32
    }

    /// Moves on to so many accesses since the beginning. A count that is lower than before changes nothing.
    pub fn advance(&mut self, accesses: u64, residents: usize) {
        let passed = accesses.saturating_sub(self.accesses);
        self.accesses = self.accesses.max(accesses);
        let epoch = ACCESSES_A_KEY * residents.max(1) as u64;
        self.rest = self.rest.saturating_add(passed.saturating_mul(u64::from(EPOCH)));
        self.tick = self.tick.wrapping_add(self.rest / epoch);
        self.rest %= epoch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_twelve_accesses_a_key_however_they_are_counted() {
        for residents in [1, 7, 50, 100_000] {
            let mut clock = AccessClock::default();
            for accesses in 1..=12 * residents {
                clock.advance(accesses, residents as usize);
            }
            assert_eq!(clock.now(), EPOCH, "{residents} keys");
        }
    }

    #[test]
    fn a_count_that_went_back_does_not_move_it() {
        let mut clock = AccessClock::default();
        clock.advance(1200, 100);
        clock.advance(600, 100);
        clock.advance(1200, 100);
        assert_eq!(clock.now(), EPOCH);
    }
}
