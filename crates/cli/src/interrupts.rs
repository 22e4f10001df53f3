//! Signals: what runs is finished, the store closed, the terminal left as it was, and the status says which signal it was.
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redlet::Redis;

/// What the program and the thread that waits for signals have in common.
#[derive(Debug)]
pub(crate) struct Interrupts {
    /// The last signal, or 0.
    signal: AtomicI32,
    /// The line of the input up to which commands were run.
    line: AtomicU64,
    /// Held by the program except while it waits for input. Whoever holds it may close the store.
    store: Mutex<Option<Redis>>,
}

/// Leave to work on the store.
#[derive(Debug)]
pub(crate) struct Work<'i> {
    interrupts: &'i Interrupts,
    held: Option<MutexGuard<'i, Option<Redis>>>,
}

impl Interrupts {
    /// Waits for signals from now on. In a shell Ctrl-C ends what runs and not the program.
    pub(crate) fn watch(redis: &Redis, is_shell: bool) -> Arc<Self> {
        let interrupts = Arc::new(Self {
            signal: AtomicI32::new(0),
            line: AtomicU64::new(0),
            store: Mutex::new(Some(redis.clone())),
        });
        #[cfg(unix)]
        unix::watch(Arc::clone(&interrupts), is_shell);
        #[cfg(not(unix))]
        let _ = is_shell;
        interrupts
    }

    pub(crate) fn work(&self) -> Work<'_> {
        Work { interrupts: self, held: Some(self.lock()) }
    }

    /// The signal that came, if one did.
    pub(crate) fn signal(&self) -> Option<i32> {
        Some(self.signal.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
    }

    /// Forgets a signal that only a command was to end by.
    pub(crate) fn forget(&self, signal: i32) {
        let _ = self.signal.compare_exchange(signal, 0, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Notes that the input was run up to a line.
    pub(crate) fn reach(&self, line: u64) {
        self.line.store(line, Ordering::SeqCst);
    }

    /// That a signal has ended the program, and up to which line its input was run.
    pub(crate) fn ending(&self) -> String {
        match self.line.load(Ordering::SeqCst) {
            0 => "ended by a signal".to_owned(),
            line => format!("ended by a signal after line {line}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Redis>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    /// Waits for input. The program may be ended meanwhile; `None` if a signal came before the waiting began.
    ///
    /// The order matters: a signal that comes before the store is let go is seen here, one that comes later ends the program.
    pub(crate) fn pause<T>(&mut self, wait: impl FnOnce() -> T) -> Option<T> {
        self.held = None;
        let waited = self.interrupts.signal().is_none().then(wait);
        self.held = Some(self.interrupts.lock());
        waited
    }

    /// Ends the waiting for signals: the store is closed by whoever called this.
    pub(crate) fn end(mut self) {
        if let Some(held) = &mut self.held {
            **held = None;
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::sync::{Arc, TryLockError};

    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::{Interrupts, Ordering};
    use crate::complain;

    #[expect(clippy::disallowed_methods, reason = "a signal handler itself may not close a store")]
    pub(super) fn watch(interrupts: Arc<Interrupts>, is_shell: bool) {
        // Without it, signals end the program at once, as they do by default.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let terminal = tcgetattr(std::io::stdin());
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let before = interrupts.signal.swap(signal, Ordering::SeqCst);
                if is_shell && signal == SIGINT {
                    continue;
                }
                let mut store = match interrupts.store.try_lock() {
                    Ok(store) => store,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    // The command that runs is finished first, unless somebody insists.
                    Err(TryLockError::WouldBlock) if before != signal => continue,
                    Err(TryLockError::WouldBlock) => std::process::exit(128 + signal),
                };
                if let Some(redis) = store.take() {
                    if let Ok(terminal) = &terminal {
                        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
                    }
                    let failure = redis.close().err().map_or_else(String::new, |error| format!(": {error}"));
                    complain(&format!("redlet: {}{failure}", interrupts.ending()));
                    std::process::exit(128 + signal);
                }
            }
        });
    }
}
