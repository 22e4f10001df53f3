//! Which of the keys that a caller reads it is told of when they change.
use super::{Session, ShownTracking};
use crate::Result;
use crate::cmd::Row;
use crate::engine::Engine;
use crate::invalidation::{TrackingMode, TrackingOptions};

/// Which reads count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reads {
    /// None: the caller is not told, or of keys whether it reads them or not.
    #[default]
    None,
    All,
    /// Those that are marked.
    Marked,
    /// Those that are not marked.
    Unmarked,
}

/// What a session knows of `CLIENT TRACKING`; the rest is in [`Invalidation`](crate::invalidation::Invalidation).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracking {
    reads: Reads,
    /// `CLIENT CACHING` was said of the next command, or of a whole transaction.
    is_marked: bool,
    /// The caller has tracked keys.
    is_known: bool,
}

impl Tracking {
    /// A command has run. What `CLIENT CACHING` said is of the one after it, which is none about callers.
    pub(super) fn forget_mark(&mut self, row: &Row, is_queueing: bool) {
        if self.is_marked && !is_queueing && !row.spec.name.starts_with("CLIENT ") {
            self.is_marked = false;
        }
    }
}

impl Session {
    /// Whether the keys that the running command reads are remembered.
    #[inline]
    pub(crate) fn tracks_reads(&self) -> bool {
        match self.tracking.reads {
            Reads::None => false,
            Reads::All => true,
            Reads::Marked => self.tracking.is_marked,
            Reads::Unmarked => !self.tracking.is_marked,
        }
    }

    /// `CLIENT CACHING`
    pub(crate) fn mark_next_read(&mut self) {
        self.tracking.is_marked = true;
    }

    /// Whether `CLIENT CACHING` was said of the next command.
    pub(crate) fn is_next_read_marked(&self) -> bool {
        self.tracking.is_marked
    }

    /// `CLIENT TRACKING ON`
    ///
    /// # Errors
    /// Redis's refusals of ways that cannot follow on each other and of prefixes that overlap.
    pub(crate) fn begin_tracking(&mut self, engine: &Engine, options: TrackingOptions) -> Result<()> {
        let shown = ShownTracking {
            redirect: options.redirect,
            is_broadcast: matches!(options.mode, TrackingMode::Broadcast(_)),
            is_broken: false,
        };
        let reads = match options.mode {
            TrackingMode::Read => Reads::All,
            TrackingMode::OptIn => Reads::Marked,
            TrackingMode::OptOut => Reads::Unmarked,
            TrackingMode::Broadcast(_) => Reads::None,
        };
        engine.begin_tracking(&self.client, options)?;
        self.client.change(|client| client.tracking = Some(shown));
        (self.tracking.reads, self.tracking.is_known) = (reads, true);
        Ok(())
    }

    /// `CLIENT TRACKING OFF`
    pub(crate) fn end_tracking(&mut self, engine: &Engine) {
        if self.tracking.is_known {
            (self.tracking.reads, self.tracking.is_marked) = (Reads::None, false);
            self.client.change(|client| client.tracking = None);
            engine.end_tracking(self.client.id());
        }
    }

    /// The caller goes.
    pub(super) fn forget_tracking(&mut self, engine: &Engine) {
        if std::mem::take(&mut self.tracking).is_known {
            engine.forget_tracker(self.client.id());
        }
    }
}
