//! Callers that wait for a key to have something: BLPOP and its kin.
//!
//! A caller that finds nothing queues under the locks of its keys, in their shards. Whoever makes a key appear serves those in its
//! queue, first come first served, as a part of its own unit, before it lets go of the locks: nobody comes between. The answer is
//! left in the caller's [`Slot`], and its waker is woken once no lock is held.
//!
//! Lock order: shards, then a slot. Whoever holds a slot locks further shards only if nobody has them.
mod queue;
mod slot;
mod timeouts;

use std::fmt;
use std::sync::Arc;
use std::task::{Poll, Waker};

pub use queue::Awaited;
pub(crate) use queue::Waiters;
use slot::{Slot, Turn};
pub(crate) use timeouts::{Moment, Timeouts};

use crate::engine::Engine;
use crate::parking::block_on;
use crate::tx::{Tx, View};
use crate::{Error, Result, UnixMs};

/// How a wait ends without something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// As when its time is over: with the answer for nothing.
    Timeout,
    /// With `UNBLOCKED`, as `CLIENT UNBLOCK id ERROR` does it.
    Unblocked,
    /// The store is closing.
    Closing,
}

impl GiveUp {
    fn answer<F>(self) -> Result<Option<F>> {
        match self {
            GiveUp::Timeout => Ok(None),
            GiveUp::Unblocked => Err(Error::Refused("UNBLOCKED client unblocked via CLIENT UNBLOCK".into())),
            GiveUp::Closing => Err(Error::Closed),
        }
    }
}

/// What became of a caller that was to be served.
#[derive(Debug)]
pub(crate) enum Served {
    /// It has something; who is to be woken, once no lock is held.
    Yes(Option<Waker>),
    /// There was nothing for it.
    Nothing,
    /// It needs shards that somebody else has locked just now.
    Contended,
    /// It does not wait any more.
    Gone,
}

impl Served {
    /// Who is to be woken.
    pub(crate) fn into_waker(self) -> Option<Waker> {
        match self {
            Served::Yes(waker) => waker,
            Served::Nothing | Served::Contended | Served::Gone => None,
        }
    }
}

/// A caller in the queues of its keys.
pub(crate) trait Queued: Send + Sync + fmt::Debug {
    /// Tries to hand it something, under the locks of `tx`.
    fn serve(&self, tx: &mut Tx<'_>) -> Served;
    /// Ends the wait, unless it is over already.
    fn give_up(&self, how: GiveUp) -> Served;
    /// Whether it still waits.
    fn is_waiting(&self) -> bool;
    /// What it waits for.
    fn ticket(&self) -> &Ticket;
    /// When there may be something for it though nobody brings it, as things are.
    fn looks_at(&self, db: &View<'_>) -> Option<UnixMs>;
}

/// What a caller waits for.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// In which database.
    pub(crate) db: usize,
    /// All keys that an attempt needs.
    pub(crate) keys: Vec<Box<[u8]>>,
    /// How many of them it waits for, from the first on; the others are for what it finds.
    pub(crate) awaited_keys: usize,
    /// Values of which type are of use.
    pub(crate) awaits: Awaited,
}

/// Says, under the locks of whoever serves, whether a caller may still be given what it waits for.
pub(crate) type Recheck = Box<dyn Fn(&Engine) -> Result<()> + Send + Sync>;

/// How an attempt is made, and what is done with what nobody took.
pub(crate) struct Means<H, F> {
    /// A refusal ends the wait.
    pub(crate) recheck: Option<Recheck>,
    pub(crate) how: H,
    pub(crate) attempt: fn(&H, &[&[u8]], &mut Tx<'_>) -> Result<Option<F>>,
    pub(crate) give_back: fn(&H, &Engine, usize, F),
    pub(crate) looks_at: fn(&H, &[&[u8]], &View<'_>) -> Option<UnixMs>,
}

struct Waiter<H, F> {
    ticket: Ticket,
    means: Means<H, F>,
    slot: Slot<Result<Option<F>>>,
}

impl<H, F> fmt::Debug for Waiter<H, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl<H: Send + Sync, F: Send> Queued for Waiter<H, F> {
    fn serve(&self, tx: &mut Tx<'_>) -> Served {
        let keys: Vec<&[u8]> = self.ticket.keys.iter().map(|key| &**key).collect();
        let mut is_contended = false;
        let turn = self.slot.serve(|| {
            if let Some(refused) = self.means.recheck.as_ref().and_then(|check| check(tx.engine()).err()) {
                return Some(Err(refused));
            }
            // With all of them it sees what a first look would see: of a key that was filled meanwhile, or is something else now.
            let has_all = tx.try_lock(&keys);
            let attempt = |tx: &mut Tx<'_>| (self.means.attempt)(&self.means.how, &keys, tx);
            match tx.in_database(self.ticket.db, attempt) {
                Ok(None) => None,
                Err(Error::UndeclaredKey) if !has_all => {
                    is_contended = true;
                    None
                }
                found => Some(found),
            }
        });
        match turn {
            Turn::Served(waker) => Served::Yes(waker),
            Turn::Unserved if is_contended => Served::Contended,
            Turn::Unserved => Served::Nothing,
            Turn::Gone => Served::Gone,
        }
    }

    fn give_up(&self, how: GiveUp) -> Served {
        match self.slot.serve(|| Some(how.answer())) {
            Turn::Served(waker) => Served::Yes(waker),
            Turn::Unserved | Turn::Gone => Served::Gone,
        }
    }

    fn is_waiting(&self) -> bool {
        self.slot.is_waiting()
    }

    fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn looks_at(&self, db: &View<'_>) -> Option<UnixMs> {
        let keys: Vec<&[u8]> = self.ticket.keys.iter().map(|key| &**key).collect();
        (self.means.looks_at)(&self.means.how, &keys, &db.in_database(self.ticket.db))
    }
}

/// The same with what it gets.
trait Answers<F>: Queued {
    fn poll(&self, waker: &Waker) -> Option<Result<Option<F>>>;
    fn abandon(&self, engine: &Engine);
    fn queued(self: Arc<Self>) -> Arc<dyn Queued>;
}

impl<H: Send + Sync + 'static, F: Send + 'static> Answers<F> for Waiter<H, F> {
    fn poll(&self, waker: &Waker) -> Option<Result<Option<F>>> {
        self.slot.poll(waker)
    }

    fn abandon(&self, engine: &Engine) {
        if let Some(Ok(Some(found))) = self.slot.abandon() {
            (self.means.give_back)(&self.means.how, engine, self.ticket.db, found);
        }
    }

    fn queued(self: Arc<Self>) -> Arc<dyn Queued> {
        self
    }
}

/// A wait that has begun: an `F`, or nothing once its time is over.
///
/// It ends by [`Wait::poll`] giving an answer, or by [`Wait::abandon`], which must be called otherwise: what it was served
/// and nobody took goes back to where it came from.
pub struct Wait<F> {
    waiter: Arc<dyn Answers<F>>,
}

impl<F> fmt::Debug for Wait<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiter).finish()
    }
}

impl<F: Send + 'static> Wait<F> {
    pub(crate) fn new<H: Send + Sync + 'static>(ticket: Ticket, means: Means<H, F>) -> Self {
        Self { waiter: Arc::new(Waiter { ticket, means, slot: Slot::new() }) }
    }

    /// The answer, if it has come; otherwise `waker` is woken when it does.
    pub fn poll(&mut self, engine: &Engine, waker: &Waker) -> Option<Result<Option<F>>> {
        let answer = self.waiter.poll(waker)?;
        engine.leave_queues(&*self.waiter);
        Some(answer)
    }

    /// Goes away. What was served and not taken is put back, at the end where it was.
    pub fn abandon(&mut self, engine: &Engine) {
        engine.leave_queues(&*self.waiter);
        self.waiter.abandon(engine);
    }

    /// Waits in this thread.
    pub(crate) fn wait_here(mut self, engine: &Engine) -> Result<Option<F>> {
        block_on(std::future::poll_fn(|context| match self.poll(engine, context.waker()) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }))
    }

    pub(crate) fn queued(&self) -> Arc<dyn Queued> {
        Arc::clone(&self.waiter).queued()
    }
}
