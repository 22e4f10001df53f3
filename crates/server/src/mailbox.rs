//! How other threads reach one that serves connections.
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use parking_lot::Mutex;

use crate::stream::{Peer, Stream};

/// What a thread is told.
#[derive(Debug)]
pub(crate) enum Letter {
    /// Serve this connection from now on.
    Adopt(Stream, Peer),
    /// Something happened to the connection of this number.
    Attend(usize),
}

/// Letters for one thread, which sleeps in the system until something is to be read or a letter comes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    letters: Mutex<VecDeque<Letter>>,
    /// Set while the thread sleeps, or is about to. Waking it is a call of the system, which is saved otherwise.
    is_asleep: AtomicBool,
    is_stopping: AtomicBool,
    bell: mio::Waker,
}

impl Mailbox {
    pub(crate) fn new(bell: mio::Waker) -> Self {
        Self {
            letters: Mutex::default(),
            is_asleep: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            bell,
        }
    }

    pub(crate) fn send(&self, letter: Letter) {
        self.letters.lock().push_back(letter);
        if self.is_asleep.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// The thread is to end.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Wakes the thread, which then looks around.
    pub(crate) fn ring(&self) {
        // The only error is a counter that is full, which wakes just as well.
        let _: io::Result<()> = self.bell.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn has_letters(&self) -> bool {
        !self.letters.lock().is_empty()
    }

    /// The thread is about to sleep; false if it should not, because letters are there. Whoever sends one from now on wakes it.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.is_asleep.store(true, Ordering::SeqCst);
        let may_sleep = self.letters.lock().is_empty();
        if !may_sleep {
            self.wake_up();
        }
        may_sleep
    }

    pub(crate) fn wake_up(&self) {
        self.is_asleep.store(false, Ordering::SeqCst);
    }

    /// Takes all letters, to the end of a list.
    pub(crate) fn collect(&self, into: &mut VecDeque<Letter>) {
        into.append(&mut self.letters.lock());
    }
}

/// Wakes the thread of one connection on its behalf.
#[derive(Debug)]
pub(crate) struct Doorbell {
    mailbox: Arc<Mailbox>,
    connection: usize,
    is_rung: AtomicBool,
}

impl Doorbell {
    pub(crate) fn new(mailbox: &Arc<Mailbox>, connection: usize) -> Arc<Self> {
        Arc::new(Self { mailbox: Arc::clone(mailbox), connection, is_rung: AtomicBool::new(false) })
    }

    /// Whether somebody rang since the last call.
    #[inline]
    pub(crate) fn was_rung(&self) -> bool {
        self.is_rung.load(Ordering::Relaxed) && self.is_rung.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            self.mailbox.send(Letter::Attend(self.connection));
        }
    }
}
