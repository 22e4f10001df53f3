//! Random numbers as scripts of Redis have them: always the same after the same seed, on every machine.
//!
//! The generator is POSIX's `rand48`, and as in Redis it goes on from one script to the next. *Differs*: a seed that a script sets holds
//! until it ends, and changes nothing for others.
use std::sync::atomic::{AtomicU64, Ordering};

use crate::integers::to_i32;
use crate::state::{Raise, Stack};

/// POSIX's generator of 31 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rand48(u64);

impl Rand48 {
    const BITS: u64 = (1 << 48) - 1;
    /// How it begins when nobody has set a seed.
    const UNSEEDED: u64 = 0x1234_ABCD_330E;

    fn seeded(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | 0x330E)
    }

    fn step(state: u64) -> u64 {
        state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & Self::BITS
    }

    fn advance(&mut self) -> u32 {
        self.0 = Self::step(self.0);
        self.value()
    }

    fn value(self) -> u32 {
        (self.0 >> 17) as u32
    }
}

/// The generator of scripts that set no seed.
#[derive(Debug)]
pub(crate) struct SharedRandom(AtomicU64);

impl Default for SharedRandom {
    fn default() -> Self {
        Self(AtomicU64::new(Rand48::UNSEEDED))
    }
}

impl SharedRandom {
    fn advance(&self) -> u32 {
        let step = |state| Some(Rand48::step(state));
        let before =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_else(|state| state);
        Rand48(Rand48::step(before)).value()
    }
}

/// Puts them into Lua's library `math`, which is on top.
pub(crate) fn install(stack: &mut Stack<'_>) {
    stack.push_native(random, 0);
    stack.raw_set_field(-2, "random");
    stack.push_native(randomseed, 0);
    stack.raw_set_field(-2, "randomseed");
}

/// From 0 on and below 1.
fn fraction(stack: &Stack<'_>) -> f64 {
    const RANGE: u32 = i32::MAX as u32;
    let settings = stack.settings();
    let drawn = match settings.seeded_random.get() {
        Some(mut seeded) => {
            let drawn = seeded.advance();
            settings.seeded_random.set(Some(seeded));
            drawn
        }
        None => settings.shared_random.advance(),
    };
    f64::from(drawn % RANGE) / f64::from(RANGE)
}

/// `math.random()`, `math.random(to)`, `math.random(from, to)`
fn random(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let fraction = fraction(stack);
    let drawn = match stack.top() {
        0 => fraction,
        1 => {
            let to = integer(stack, 1)?;
            if to < 1 {
                return Err(stack.bad_argument(1, "interval is empty"));
            }
            (fraction * f64::from(to)).floor() + 1.0
        }
        2 => {
            let (from, to) = (integer(stack, 1)?, integer(stack, 2)?);
            if from > to {
                return Err(stack.bad_argument(2, "interval is empty"));
            }
            // As in C: what is wider than an integer of 32 bits wraps around.
            let width = to.wrapping_sub(from).wrapping_add(1);
            (fraction * f64::from(width)).floor() + f64::from(from)
        }
        _ => return Err(stack.raise_here("wrong number of arguments")),
    };
    stack.push_number(drawn);
    Ok(1)
}

/// `math.randomseed(seed)`
fn randomseed(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let seed = integer(stack, 1)?;
    stack.settings().seeded_random.set(Some(Rand48::seeded(seed)));
    Ok(0)
}

fn integer(stack: &mut Stack<'_>, argument: i32) -> Result<i32, Raise> {
    stack.check_number(argument).map(to_i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that C's `lrand48` gives.
    #[test]
    fn the_generator_is_that_of_posix() {
        let mut seeded = Rand48::seeded(1);
        assert_eq!(
            [seeded.advance(), seeded.advance(), seeded.advance()],
            [89_400_484, 976_015_093, 1_792_756_325]
        );
        let mut unseeded = Rand48(Rand48::UNSEEDED);
        assert_eq!([unseeded.advance(), unseeded.advance()], [851_401_618, 1_804_928_587]);
        let shared = SharedRandom::default();
        assert_eq!([shared.advance(), shared.advance()], [851_401_618, 1_804_928_587]);
    }
}
