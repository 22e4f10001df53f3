//! The word of the LFU policy: a logarithmic counter, as in Redis, which fades with accesses instead of minutes.
//!
//! ```text
//! 23            8 7       0
//! | when it last | counter |
//! | faded        |         |
//! ```
use super::clock::EPOCH_BITS;

/// A new key's counter, so that it does not go at once.
const INITIAL: u32 = 5;
const MAX: u32 = 255;
/// How much rarer each further step is.
const LOG_FACTOR: u32 = 10;
/// The counter loses one in so many ticks, half an epoch.
const FADE_BITS: u32 = EPOCH_BITS - 1;

const fn moment(now: u32) -> u32 {
    now >> FADE_BITS & 0xffff
}

pub(super) const fn first(now: u32) -> u32 {
    moment(now) << 8 | INITIAL
}

/// The counter after what it lost since its last use.
pub(super) const fn frequency(word: u32, now: u32) -> u32 {
    let faded = moment(now).wrapping_sub(word >> 8) & 0xffff;
    (word & MAX).saturating_sub(faded)
}

/// One more use: the higher the counter is, the less likely it is to grow.
pub(super) fn touched(word: u32, now: u32, chance: impl FnOnce() -> u64) -> u32 {
    let counter = frequency(word, now);
    let odds = u64::from(counter.saturating_sub(INITIAL) * LOG_FACTOR + 1);
    let grows = counter < MAX && (odds == 1 || chance() <= u64::MAX / odds);
    moment(now) << 8 | (counter + u32::from(grows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn a_counter_grows_with_the_logarithm_of_the_uses() {
        let random = Random::from_seed(1);
        let after =
            |uses: u32| (0..uses).fold(first(0), |word, _| touched(word, 0, || random.next_u64())) & MAX;
        assert_eq!(after(1), INITIAL + 1);
        let (hundred, thousand) = (after(100), after(1000));
        assert!((7..15).contains(&hundred), "{hundred}");
        assert!((15..25).contains(&thousand), "{thousand}");
    }

    #[test]
    fn a_key_that_nobody_uses_fades_to_nothing() {
        let word = first(0);
        assert_eq!(frequency(word, 2 << FADE_BITS), INITIAL - 2);
        assert_eq!(frequency(word, 200 << FADE_BITS), 0);
    }
}
