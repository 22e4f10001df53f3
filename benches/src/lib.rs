//! redlet beside its peers: the parts of `compare`, one file each, and the workload that they share.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, starts threads and runs programs")]
pub mod bits;
pub mod commands;
pub mod counts;
pub mod engines;
pub mod eviction;
pub mod figures;
pub mod listener;
pub mod log;
pub mod memory;
pub mod server;
pub mod stores;
pub mod strings;
pub mod tail;
pub mod tokio_server;

/// Reads from a value, as whoever asked for it would, and returns its length.
pub fn looked_at(value: &[u8]) -> usize {
    std::hint::black_box(value[0]);
    value.len()
}

/// Resident memory of this process, in bytes.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// A number below 100,000,000 as eight digits, in a few instructions: nobody's time is spent on making names.
pub fn digits(number: usize) -> [u8; 8] {
    // Halves in four digits each, then pairs, then single digits, all of them in one word from the lowest byte on.
    let halves = (number as u64 / 10_000) | ((number as u64 % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let single = tens | ((pairs - tens * 10) << 8);
    (single | 0x3030_3030_3030_3030).to_le_bytes()
}

/// A name from words and seven digits. It is made when it is needed: a list of a million names would have to be fetched from
/// memory, which takes longer than some of what is measured.
///
/// # Panics
/// If `N` is not seven more than the length of the words.
pub fn name<const N: usize>(words: &str, number: usize) -> [u8; N] {
    let mut name = [0; N];
    let (first, last) = name.split_at_mut(words.len());
    first.copy_from_slice(words.as_bytes());
    last.copy_from_slice(&digits(number)[1..]);
    name
}

/// A key of the workload.
pub fn key(number: usize) -> [u8; 11] {
    name("key:", number)
}

/// The value that all keys have.
pub const VALUE: [u8; 64] = [b'v'; 64];

/// Numbers below a bound in an order that is the same in every run.
#[derive(Clone, Debug)]
pub struct Order(u64);

impl Order {
    /// The order that belongs to a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 16) * bound as u128) >> 48) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in (0..10_000).chain((0..100_000_000).step_by(9_973)).chain([99_999_999]) {
            assert_eq!(digits(number), *format!("{number:08}").as_bytes());
        }
        assert_eq!(key(42), *b"key:0000042");
    }
}
