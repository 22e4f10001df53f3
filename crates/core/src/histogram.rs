//! How long things took: counts by duration, with two digits of it kept.
//!
//! Nanoseconds in classes that double, each divided into 128, as `HdrHistogram` does for two significant digits, so that LATENCY
//! HISTOGRAM and INFO latencystats round as Redis does. Counting is one addition, by any number of threads.
use std::sync::atomic::{AtomicU64, Ordering};

/// Parts of a class; the first class has twice as many.
const PARTS: usize = 128;
/// Longer than a second counts as a second, as in Redis.
const LONGEST_NANOS: u64 = 1_000_000_000;
const PLACES: usize = place(LONGEST_NANOS) + 1;

/// Counts of durations.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Box<[AtomicU64]>,
    total: AtomicU64,
}

/// Where a duration is counted.
const fn place(nanos: u64) -> usize {
    let class = (nanos | (2 * PARTS as u64 - 1)).ilog2() - PARTS.ilog2();
    class as usize * PARTS + (nanos >> class) as usize
}

/// The longest duration that is counted at a place.
const fn longest_at(place: usize) -> u64 {
    let class = (place / PARTS).saturating_sub(1);
    let first = ((place - class * PARTS) as u64) << class;
    first + (1 << class) - 1
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), total: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn count(&self, nanos: u64) {
        self.counts[place(nanos.clamp(1, LONGEST_NANOS))].fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        counts.enumerate().filter(|(_, count)| *count > 0)
    }

    /// The duration that so many percent were not longer than, in nanoseconds; 0 if nothing was counted.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((percent / 100.0 * self.total() as f64 + 0.5) as u64).max(1);
        let mut sum = 0;
        for (place, count) in self.counts() {
            sum += count;
            if sum >= wanted {
                let longest = longest_at(place);
                // The shortest of all is shown by the beginning of its part, the others by the end.
                return if percent == 0.0 { longest_at(place.saturating_sub(1)) + 1 } else { longest };
            }
        }
        0
    }

    /// Limits that double, in microseconds, with how many were not longer: those between which something was counted.
    pub(crate) fn doubling(&self) -> Vec<(u64, u64)> {
        let mut limits: Vec<(u64, u64)> = Vec::new();
        let (mut limit_nanos, mut sum) = (1024, 0);
        for (place, count) in self.counts() {
            while longest_at(place) > longest_at(self::place(limit_nanos)) {
                limit_nanos *= 2;
            }
            sum += count;
            let limit = longest_at(self::place(limit_nanos)) / 1000;
            match limits.last_mut() {
                Some((known, total)) if *known == limit => *total = sum,
                _ => limits.push((limit, sum)),
            }
        }
        limits
    }

    pub(crate) fn reset(&self) {
        self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        self.total.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_neighbours_on_both_sides_and_no_duration_is_more_than_a_hundredth_off() {
        for nanos in (1..200_000).chain([LONGEST_NANOS - 1, LONGEST_NANOS]) {
            let at = place(nanos);
            let (first, longest) = (longest_at(at.max(1) - 1) + 1, longest_at(at));
            assert!((first..=longest).contains(&nanos), "{nanos} is in {first}..={longest}");
            assert!((longest - first) * 100 <= nanos, "{nanos}");
        }
    }

    /// The numbers are those that Redis 8.0.2 shows for these durations.
    #[test]
    fn limits_are_rounded_as_redis_rounds_them() {
        let histogram = Histogram::default();
        for micros in [1, 2, 8, 33, 158, 3096] {
            histogram.count(micros * 1000);
        }
        assert_eq!(histogram.doubling(), [(1, 1), (2, 2), (8, 3), (33, 4), (264, 5), (4227, 6)]);
        histogram.reset();
        assert_eq!((histogram.doubling(), histogram.percentile(50.0)), (vec![], 0));
    }

    #[test]
    fn percentiles_are_those_of_the_durations_counted() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|micros| histogram.count(micros * 1000));
        for (percent, micros) in [(50.0, 500.0), (99.0, 990.0), (99.9, 999.0), (100.0, 1000.0)] {
            let found = histogram.percentile(percent) as f64 / 1000.0;
            assert!((found / micros - 1.0).abs() < 0.01, "{percent}: {found}");
        }
        histogram.reset();
        histogram.count(158_000);
        assert_eq!((histogram.percentile(0.0), histogram.percentile(50.0)), (157_696, 158_719));
    }
}
