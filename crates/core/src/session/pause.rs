//! CLIENT PAUSE: until when callers are kept waiting.
use std::task::Waker;

use crate::UnixMs;
use crate::cmd::{Access, Row};

/// Who is kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    /// Those whose commands may change something.
    Write,
    /// Everybody.
    All,
}

impl PauseMode {
    /// Whether it is about a command.
    fn covers(self, row: &Row) -> bool {
        /// They change nothing by themselves.
        const MAY_WRITE: [&str; 3] = ["PUBLISH", "SPUBLISH", "PFCOUNT"];
        self == PauseMode::All || row.access == Access::Write || MAY_WRITE.contains(&row.spec.name)
    }
}

/// The pause, if there is one.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<(UnixMs, PauseMode)>,
    kept_waiting: Vec<Waker>,
}

impl Pause {
    /// One that goes on is never shortened, nor made one for fewer.
    pub(super) fn begin(&mut self, now: UnixMs, until: UnixMs, mode: PauseMode) {
        let before = self.until.filter(|(before, _)| now < *before);
        self.until = Some(match before {
            Some((before, PauseMode::All)) => (before.max(until), PauseMode::All),
            Some((before, PauseMode::Write)) => (before.max(until), mode),
            None => (until, mode),
        });
    }

    pub(super) fn holds(&self, now: UnixMs, row: &Row) -> bool {
        self.until.is_some_and(|(until, mode)| now < until && mode.covers(row))
    }

    pub(super) fn ends_at(&self) -> Option<UnixMs> {
        self.until.map(|(until, _)| until)
    }

    /// Whether it goes on; if so, the waker is woken when it ends.
    pub(super) fn wait(&mut self, now: UnixMs, waker: &Waker) -> bool {
        let goes_on = self.until.is_some_and(|(until, _)| now < until);
        if goes_on {
            self.kept_waiting.push(waker.clone());
        }
        goes_on
    }

    /// Ends it. Returns who is to be woken.
    pub(super) fn end(&mut self) -> Vec<Waker> {
        self.until = None;
        std::mem::take(&mut self.kept_waiting)
    }
}
