//! LATENCY: the latest events of each kind that took longer than `latency-monitor-threshold`.
use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// So many seconds with events are kept of each kind.
const SAMPLES: usize = 160;

/// The worst event of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// Unix seconds.
    pub at_seconds: i64,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// The events of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// In the order of time.
    pub(crate) samples: VecDeque<LatencySample>,
    /// The longest of all, in milliseconds.
    pub(crate) longest_ms: u64,
}

/// All events that were noted.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor(Mutex<BTreeMap<&'static str, Series>>);

impl LatencyMonitor {
    pub(crate) fn note(&self, event: &'static str, sample: LatencySample) {
        let mut events = self.0.lock();
        let series = events.entry(event).or_default();
        series.longest_ms = series.longest_ms.max(sample.ms);
        match series.samples.back_mut() {
            // Of the events of one second the longest counts.
            Some(last) if last.at_seconds == sample.at_seconds => last.ms = last.ms.max(sample.ms),
            _ => series.samples.push_back(sample),
        }
        if series.samples.len() > SAMPLES {
            series.samples.pop_front();
        }
    }

    /// Every kind of events that were noted.
    pub(crate) fn all(&self) -> Vec<(&'static str, Series)> {
        self.0.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// Those of one kind; none if there were none.
    pub(crate) fn of(&self, event: &[u8]) -> Option<(&'static str, Series)> {
        let events = self.0.lock();
        let found = events.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(event));
        found.map(|(event, series)| (*event, series.clone()))
    }

    /// Forgets events of some kinds, or of all. Returns how many kinds there were.
    pub(crate) fn reset(&self, kinds: &[&[u8]]) -> usize {
        let mut events = self.0.lock();
        let before = events.len();
        let goes = |event: &str| {
            kinds.is_empty() || kinds.iter().any(|kind| event.as_bytes().eq_ignore_ascii_case(kind))
        };
        events.retain(|event, _| !goes(event));
        before - events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_each_second_is_kept_and_the_oldest_go() {
        let monitor = LatencyMonitor::default();
        for (at_seconds, ms) in [(1, 5), (1, 9), (1, 7), (2, 3)] {
            monitor.note("command", LatencySample { at_seconds, ms });
        }
        let (_, series) = monitor.of(b"COMMAND").unwrap();
        assert_eq!(
            series.samples,
            [LatencySample { at_seconds: 1, ms: 9 }, LatencySample { at_seconds: 2, ms: 3 }]
        );
        (3..=200).for_each(|at_seconds| monitor.note("command", LatencySample { at_seconds, ms: 1 }));
        let (_, series) = monitor.of(b"command").unwrap();
        assert_eq!((series.samples.len(), series.samples[0].at_seconds, series.longest_ms), (160, 41, 9));
        assert_eq!((monitor.reset(&[b"other"]), monitor.reset(&[]), monitor.all().len()), (0, 1, 0));
    }
}
