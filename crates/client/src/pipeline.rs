//! Commands that are collected first and run together, as with redis-py's `pipeline()`.
use redlet_core::{Reply, Watch};

use crate::value::ToArg;
use crate::{Error, Redis, Result};

/// Commands to run together; made by [`Redis::pipeline`].
///
/// In one process there is no round trip to save, so a pipeline is for commands that are known only as words, and for code
/// that comes from redis-py. [`Redis::transaction`] does more with types.
#[derive(Debug)]
#[must_use = "nothing happens until the pipeline is executed"]
pub struct Pipeline<'r> {
    redis: &'r Redis,
    commands: Vec<Vec<Vec<u8>>>,
    is_transaction: bool,
}

impl<'r> Pipeline<'r> {
    pub(crate) fn new(redis: &'r Redis) -> Self {
        Self { redis, commands: Vec::new(), is_transaction: false }
    }

    /// Whether the commands are run as one unit, which they are not unless told to: nobody sees them half done, and the store has
    /// them all or none. As with EXEC, a command that is refused does not stop the others.
    ///
    /// *Differs* from redis-py, where a pipeline is a transaction unless told otherwise.
    pub fn transaction(mut self, on: bool) -> Self {
        self.is_transaction = on;
        self
    }

    /// Adds a command, its name first.
    pub fn command<W: ToArg>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.commands.push(words.into_iter().map(|word| word.to_arg().to_vec()).collect());
        self
    }

    /// Runs the commands and returns each one's reply or refusal, in order.
    ///
    /// # Errors
    /// [`Error::Command`] when the store cannot be written.
    ///
    /// ```
    /// use redlet::{Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// let replies = redis
    ///     .pipeline()
    ///     .transaction(true)
    ///     .command(["SET", "visits", "41"])
    ///     .command(["INCR", "visits"])
    ///     .execute()?;
    /// assert_eq!(replies[1].as_ref().unwrap(), &Reply::Integer(42));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn execute(self) -> Result<Vec<Result<Reply>>> {
        self.redis.execute_many(&self.words(), self.is_transaction)
    }

    /// `None`, and nothing was run, if a watched key has changed.
    pub(crate) fn execute_as_unit(self, watch: Option<&Watch>) -> Result<Option<Vec<Result<Reply>>>> {
        self.redis.execute_as_unit(&self.words(), watch)
    }

    fn words(&self) -> Vec<Vec<&[u8]>> {
        self.commands.iter().map(|words| words.iter().map(Vec::as_slice).collect()).collect()
    }
}

impl Redis {
    /// Runs commands given as words, each with its name first, and returns each one's reply or refusal, in order; see
    /// [`Pipeline::transaction`].
    ///
    /// # Errors
    /// [`Error::Command`] when the store cannot be written.
    ///
    /// ```
    /// use redlet::{Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// let replies = redis.execute_many(&[&[b"SET", "visits".as_bytes(), b"41"][..], &[b"INCR", b"visits"]], true)?;
    /// assert_eq!(replies[1].as_ref().unwrap(), &Reply::Integer(42));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn execute_many<'w, C: AsRef<[&'w [u8]]>>(
        &self,
        commands: &[C],
        is_transaction: bool,
    ) -> Result<Vec<Result<Reply>>> {
        if is_transaction {
            return Ok(self.execute_as_unit(commands, None)?.unwrap_or_default());
        }
        let run = |words: &C| self.engine().execute(self.db(), words.as_ref()).map_err(Error::from);
        Ok(commands.iter().map(run).collect())
    }

    fn execute_as_unit<'w, C: AsRef<[&'w [u8]]>>(
        &self,
        commands: &[C],
        watch: Option<&Watch>,
    ) -> Result<Option<Vec<Result<Reply>>>> {
        let steps: Vec<_> = commands.iter().map(|words| self.engine().step(words.as_ref())).collect();
        let replies = self.engine().exec(self.db(), &steps, watch, None)?;
        Ok(replies.map(|replies| replies.into_iter().map(|reply| reply.map_err(Error::from)).collect()))
    }

    /// Whether the command that some words name does the same whoever calls it and never waits, so that [`Redis::execute`] does all that a
    /// [`Session`](crate::Session) would. Its arguments may be left out. False for what is no command.
    ///
    /// ```
    /// let redis = redlet::Redis::memory();
    /// assert!(redis.needs_no_session(&[b"GET"]));
    /// assert!(!redis.needs_no_session(&[b"BLPOP", b"k", b"0"]));
    /// assert!(!redis.needs_no_session(&[b"MULTI"]));
    /// ```
    pub fn needs_no_session(&self, words: &[&[u8]]) -> bool {
        self.engine().meant(words).is_some_and(redlet_core::cmd::Row::needs_no_session)
    }

    /// Whether some words name a command that needs no session, and can be so many, which is all that `MULTI` asks before `EXEC`.
    ///
    /// ```
    /// let redis = redlet::Redis::memory();
    /// assert!(redis.runs_directly(&[b"GET", b"k"]));
    /// assert!(!redis.runs_directly(&[b"GET"]));
    /// assert!(!redis.runs_directly(&[b"BLPOP", b"k", b"0"]));
    /// ```
    pub fn runs_directly(&self, words: &[&[u8]]) -> bool {
        self.engine().lookup(words).is_ok_and(|(row, _)| row.needs_no_session())
    }

    /// Whether callers by words should use a [`Session`](crate::Session) now even for commands that do not need one: somebody monitors
    /// commands, holds callers up with `CLIENT PAUSE`, or a script takes too long, which sessions are told.
    pub fn wants_sessions(&self) -> bool {
        self.engine().wants_sessions()
    }
}
