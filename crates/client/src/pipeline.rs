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
        if self.is_transaction {
            return Ok(self.execute_as_unit(None)?.unwrap_or_default());
        }
        let (engine, db) = (self.redis.engine(), self.redis.db());
        let run = |words: Vec<&[u8]>| engine.execute(db, &words).map_err(Error::from);
        Ok(self.words().into_iter().map(run).collect())
    }

    /// `None`, and nothing was run, if a watched key has changed.
    pub(crate) fn execute_as_unit(self, watch: Option<&Watch>) -> Result<Option<Vec<Result<Reply>>>> {
        let (engine, words) = (self.redis.engine(), self.words());
        let steps: Vec<_> = words.iter().map(|words| engine.step(words)).collect();
        let replies = engine.exec(self.redis.db(), &steps, watch, None)?;
        Ok(replies.map(|replies| replies.into_iter().map(|reply| reply.map_err(Error::from)).collect()))
    }

    fn words(&self) -> Vec<Vec<&[u8]>> {
        self.commands.iter().map(|words| words.iter().map(Vec::as_slice).collect()).collect()
    }
}
