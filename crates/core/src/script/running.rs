//! Scripts that have run for a while: whoever asks is told of them, and can end them.
//!
//! A script comes to be known when it looks around for the first time, so one that is over at once costs nothing.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::{Error, Result};

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Script,
    Function,
}

impl Kind {
    /// The refusal of whatever has to wait for the end of it.
    pub(crate) fn busy(self) -> Error {
        let killing = match self {
            Kind::Script => "SCRIPT",
            Kind::Function => "FUNCTION",
        };
        let text = "BUSY Redis is busy running a script. You can only call";
        Error::Refused(format!("{text} {killing} KILL or SHUTDOWN NOSAVE.").into())
    }
}

/// A script that has run for a while.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) kind: Kind,
    /// The name of the function, or the hash of the script.
    pub(crate) name: String,
    /// The words that it was called with.
    pub(crate) words: Vec<Box<[u8]>>,
    pub(crate) began_micros: i64,
    has_written: AtomicBool,
    is_killed: AtomicBool,
    is_busy: AtomicBool,
}

impl Run {
    pub(super) fn new(kind: Kind, name: String, words: Vec<Box<[u8]>>, began_micros: i64) -> Self {
        let [has_written, is_killed, is_busy] = [false; 3].map(AtomicBool::new);
        Self { kind, name, words, began_micros, has_written, is_killed, is_busy }
    }

    /// It cannot be ended any more, because what it has written would be half of something.
    pub(super) fn note_write(&self) {
        self.has_written.store(true, Ordering::SeqCst);
    }

    /// It has to end, whatever it has written.
    pub(super) fn kill(&self) {
        self.is_killed.store(true, Ordering::SeqCst);
    }

    /// Why it has to end, if it has to.
    pub(super) fn why_end(&self) -> Option<Cow<'static, str>> {
        self.is_killed.load(Ordering::SeqCst).then_some("Script killed by user with SCRIPT KILL...".into())
    }
}

/// Those that run and are known.
#[derive(Default)]
pub(crate) struct Running {
    runs: Mutex<Vec<Arc<Run>>>,
    /// How many of them take too long.
    busy: AtomicUsize,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("busy", &self.busy).finish_non_exhaustive()
    }
}

impl Running {
    pub(super) fn add(&self, run: Arc<Run>) {
        self.runs.lock().push(run);
    }

    /// It has ended.
    pub(super) fn remove(&self, run: &Arc<Run>) {
        self.runs.lock().retain(|known| !Arc::ptr_eq(known, run));
        if run.is_busy.load(Ordering::SeqCst) {
            self.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// It takes longer than others are kept waiting for.
    pub(super) fn note_busy(&self, run: &Run) {
        if !run.is_busy.swap(true, Ordering::SeqCst) {
            self.busy.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whether one of them takes too long.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Refuses what would have to wait for a script that takes too long.
    #[inline]
    pub(crate) fn check_idle(&self) -> Result<()> {
        if self.is_busy() { self.refuse_busy() } else { Ok(()) }
    }

    #[cold]
    fn refuse_busy(&self) -> Result<()> {
        let runs = self.runs.lock();
        let busy = runs.iter().find(|run| run.is_busy.load(Ordering::SeqCst));
        busy.map_or(Ok(()), |run| Err(run.kind.busy()))
    }

    /// The one that began first.
    pub(crate) fn first(&self) -> Option<Arc<Run>> {
        self.runs.lock().first().cloned()
    }

    /// Ends those of a kind that have written nothing.
    ///
    /// # Errors
    /// If there is none, in Redis's words.
    pub(crate) fn kill(&self, kind: Kind) -> Result<()> {
        let runs = self.runs.lock();
        let killable = |run: &&Arc<Run>| !run.has_written.load(Ordering::SeqCst);
        let mut victims = runs.iter().filter(|run| run.kind == kind).filter(killable).peekable();
        if victims.peek().is_some() {
            victims.for_each(|run| run.kill());
            return Ok(());
        }
        Err(match runs.first() {
            None => Error::Refused("NOTBUSY No scripts in execution right now.".into()),
            Some(run) if killable(&run) => run.kind.busy(),
            Some(_) => Error::Refused(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either \
                 wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
                    .into(),
            ),
        })
    }

    /// Ends all of them, whatever they have written: the store closes.
    pub(crate) fn kill_all(&self) {
        self.runs.lock().iter().for_each(|run| run.kill());
    }
}
