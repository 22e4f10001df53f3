//! A caller by words who lasts: MULTI, SUBSCRIBE, CLIENT and their kin need one.
use std::fmt;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use redlet_core::Reply;
use redlet_core::inbox::Taken;
use redlet_core::session::{Origin, Protocol, Session as Caller};

use crate::waiting::{block_on, block_on_for};
use crate::{Error, Redis, Result};

/// One caller by words, as a connection to a server is one: it selects databases, queues commands between `MULTI` and `EXEC`, watches
/// keys and subscribes to channels. Made by [`Redis::session`].
///
/// ```
/// use redlet::{Redis, Reply};
///
/// let redis = Redis::memory();
/// let mut session = redis.session();
/// session.execute(&["MULTI"])?;
/// assert_eq!(session.execute(&["INCR", "visits"])?, Reply::from("QUEUED"));
/// assert_eq!(session.execute(&["EXEC"])?, Reply::Array(vec![Reply::Integer(1)]));
///
/// session.execute(&["SUBSCRIBE", "news"])?;
/// redis.execute(&["PUBLISH", "news", "hello"])?;
/// assert!(matches!(session.take_push(), Some(Reply::Push(confirmed)) if confirmed[0] == Reply::bulk("subscribe")));
/// let message = ["message", "news", "hello"].map(Reply::bulk).to_vec();
/// assert_eq!(session.take_push(), Some(Reply::Push(message)));
/// # Ok::<(), redlet::Error>(())
/// ```
pub struct Session {
    redis: Redis,
    caller: Caller,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.caller).finish()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.caller.end(self.redis.engine());
    }
}

impl Session {
    pub(crate) fn new(redis: &Redis) -> Self {
        let mut caller = Caller::new(redis.engine(), Origin::in_process());
        caller.select(redis.db());
        Self { redis: redis.clone(), caller }
    }

    /// Its number, as `CLIENT ID` gives it.
    pub fn id(&self) -> u64 {
        self.caller.id()
    }

    /// The number of the selected database.
    pub fn db(&self) -> usize {
        self.caller.db()
    }

    /// Which forms its replies would have on a connection; see `HELLO`.
    pub fn protocol(&self) -> Protocol {
        self.caller.protocol()
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        self.caller.is_subscribed()
    }

    /// Whether commands are queued until `EXEC`, because of `MULTI`.
    pub fn is_queueing(&self) -> bool {
        self.caller.is_queueing()
    }

    /// Whether it was told to go, by `QUIT` or `CLIENT KILL`.
    pub fn is_closing(&self) -> bool {
        self.caller.is_closing()
    }

    /// Runs a command given as words, its name first. A command that waits, such as `BLPOP`, makes this thread wait.
    ///
    /// Commands that are answered by pushes, such as `SUBSCRIBE`, give [`Reply::Silence`]; see [`Session::take_push`].
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    pub fn execute<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Reply> {
        match self.begin(words) {
            Some(result) => result,
            None => block_on(poll_fn(|context| match self.poll(context.waker()) {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            })),
        }
    }

    /// Begins a command. `None` if it waits: then no other can be begun until [`Session::answer`] has its answer.
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    pub fn begin<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Option<Result<Reply>> {
        if self.caller.is_blocked() {
            return Some(Err(Error::Options("the command before is not answered yet")));
        }
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        let result = self.caller.execute(self.redis.engine(), &words);
        if self.caller.is_blocked() {
            return self.answer();
        }
        Some(result.map_err(Error::from))
    }

    /// The answer of the command that waits, if it has come.
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    pub fn answer(&mut self) -> Option<Result<Reply>> {
        self.poll(Waker::noop())
    }

    /// The same, waiting for it: for so long at most.
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    pub fn wait_for_answer(&mut self, at_most: Duration) -> Option<Result<Reply>> {
        let answer = poll_fn(|context| match self.poll(context.waker()) {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        });
        block_on_for(answer, at_most)
    }

    /// The same as [`Session::answer`]; without an answer, `waker` is woken when there is one.
    ///
    /// # Errors
    /// [`Error::Command`] with Redis's text.
    pub fn poll(&mut self, waker: &Waker) -> Option<Result<Reply>> {
        Some(self.caller.poll(self.redis.engine(), waker)?.map_err(Error::from))
    }

    /// The next message, confirmation or the like that came, if there is one. Once a caller who does not read has 32 MiB waiting for
    /// it, nothing more comes.
    pub fn take_push(&mut self) -> Option<Reply> {
        match self.caller.inbox().take() {
            Taken::Item(push) => Some(push.into()),
            Taken::Empty | Taken::Closed => None,
        }
    }

    /// `waker` is woken as soon as there is something for [`Session::take_push`].
    pub fn wake_when_pushed(&self, waker: &Waker) {
        self.caller.inbox().wake_when_filled(waker);
    }

    /// Whether its last command waits for something.
    pub fn is_blocked(&self) -> bool {
        self.caller.is_blocked()
    }

    /// As [`Session::take_push`], waiting: for so long at most, or without a limit. `None` also if nothing can come any more.
    pub fn wait_for_push(&mut self, at_most: Option<Duration>) -> Option<Reply> {
        let inbox = self.caller.inbox();
        let next = poll_fn(|context| match inbox.poll(context.waker()) {
            Taken::Item(push) => Poll::Ready(Some(push)),
            Taken::Empty => Poll::Pending,
            Taken::Closed => Poll::Ready(None),
        });
        let push = match at_most {
            None => block_on(next),
            Some(limit) => block_on_for(next, limit)?,
        };
        push.map(Reply::from)
    }
}
