//! Reading first, writing later: what was decided by is watched meanwhile, and the writes happen only if it has not changed.
use std::fmt;

use redlet_core::{Unit, Watch};

use crate::pipeline::Pipeline;
use crate::redis::Failure;
use crate::transaction::Transaction;
use crate::value::{Arg, ToArg, arg};
use crate::{Error, Redis, Reply, Result};

/// Keys that are watched, and the chance to write once, if none of them has changed; made by [`Redis::watch`].
///
/// `WATCH`, with types: a key has changed if any caller wrote to it in any way, if it has expired or was evicted, or if its database
/// was emptied or changed places with another. A key that is watched is not locked; others write to it as they like.
#[must_use = "the keys are watched until this is dropped or something is committed"]
pub struct Watched {
    redis: Redis,
    watch: Watch,
    keys: Vec<Box<[u8]>>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.redis.engine().unwatch(&mut self.watch);
    }
}

impl Redis {
    /// Watches keys from now on. Read them after that, think, and [`commit`](Watched::commit) what is to be written.
    ///
    /// # Errors
    /// [`Error::Command`] if a key is longer than any string may be.
    ///
    /// Complexity: O(N), N being the number of keys. While a key is watched, each change to it costs a lookup more.
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.set("price", 100)?;
    /// let watched = redis.watch(&["price"])?;
    /// let price: i64 = redis.get("price")?.unwrap().to_str().unwrap().parse().unwrap();
    /// redis.set("price", 110)?; // somebody else
    /// let written = watched.commit(|t| t.set("price", price * 2))?;
    /// assert_eq!(written, None);
    /// assert_eq!(redis.get("price")?.unwrap(), "110");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn watch<K: ToArg>(&self, keys: &[K]) -> Result<Watched> {
        let mut watched = Watched { redis: self.clone(), watch: Watch::default(), keys: Vec::new() };
        watched.watch(keys)?;
        Ok(watched)
    }

    /// Watches keys, runs `body`, and does so again for as long as what it read has changed before it could commit: redis-py's
    /// `transaction(func, *watches)`. Returns what `body` committed.
    ///
    /// While `body` reads and thinks nothing is locked, so it may take its time, and use any command of the store; it may be run several
    /// times, and should do nothing else that counts. Of callers that are in each other's way one always succeeds. Where the keys are
    /// nearly always changed in the meantime, [`Redis::transaction`] or [`Redis::lock`] costs less.
    ///
    /// # Errors
    /// What `body` returns; [`Error::Command`] if a key is longer than any string may be.
    ///
    /// ```
    /// use redlet::{Commands, Error, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.rpush("names", ["grace", "ada"])?;
    /// let count = redis.optimistic(&["names"], |watched| {
    ///     let mut names = redis.lrange("names", 0, -1)?;
    ///     names.sort(); // takes long, and locks nobody out
    ///     watched.commit(|t| {
    ///         t.delete(["names"])?;
    ///         t.rpush("names", names)
    ///     })
    /// })?;
    /// assert_eq!(count, 2);
    /// assert_eq!(redis.lrange("names", 0, -1)?, ["ada", "grace"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn optimistic<K: ToArg, T, E: From<Error>>(
        &self,
        keys: &[K],
        mut body: impl FnMut(Watched) -> Result<Option<T>, E>,
    ) -> Result<T, E> {
        loop {
            if let Some(committed) = body(self.watch(keys)?)? {
                return Ok(committed);
            }
        }
    }
}

impl Watched {
    /// Watches further keys, from now on.
    ///
    /// # Errors
    /// [`Error::Command`] if a key is longer than any string may be.
    pub fn watch<K: ToArg>(&mut self, keys: &[K]) -> Result<()> {
        for key in keys {
            let key: Box<[u8]> = arg(key)?.as_ref().into();
            self.redis.engine().watch(&mut self.watch, self.redis.db(), &[&key])?;
            self.keys.push(key);
        }
        Ok(())
    }

    /// Runs `body` as [`Redis::transaction`] does, on the watched keys, if none of them has changed. `None`, and `body` was not called,
    /// if one has. That is decided under the locks under which `body` runs. If `body` returns an error, everything is as it was.
    ///
    /// # Errors
    /// What `body` returns, and [`Error::Command`] when the store cannot be written.
    pub fn commit<T, E: From<Error>>(
        self,
        body: impl FnOnce(&Transaction<'_, '_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        self.commit_with(&[] as &[&str], body)
    }

    /// The same on further keys that need not be watched, because they are only written.
    ///
    /// # Errors
    /// As [`Watched::commit`].
    ///
    /// ```
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.set("draft", "text")?;
    /// let watched = redis.watch(&["draft"])?;
    /// let published = redis.get("draft")?.unwrap();
    /// let done = watched.commit_with(&["published"], |t| {
    ///     t.set("published", &published)?;
    ///     t.delete(["draft"])
    /// })?;
    /// assert_eq!(done, Some(1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn commit_with<K: ToArg, T, E: From<Error>>(
        self,
        further: &[K],
        body: impl FnOnce(&Transaction<'_, '_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let further: Vec<Arg<'_>> = further.iter().map(arg).collect::<Result<_>>()?;
        let watched = self.keys.iter().map(|key| &**key);
        let keys: Vec<&[u8]> = watched.chain(further.iter().map(AsRef::as_ref)).collect();
        let (engine, db) = (self.redis.engine(), self.redis.db());
        let result = engine.transaction_if_unchanged(db, &keys, &self.watch, |tx| {
            body(&Transaction::new(Unit::Writing(tx), Some(&keys))).map_err(Failure::Body)
        });
        result.map_err(Failure::into_error)
    }

    /// Runs the commands of a pipeline as one unit if no watched key has changed; `None`, and none of them was run, if one has. `EXEC`
    /// after `WATCH`.
    ///
    /// # Errors
    /// [`Error::Command`] when the store cannot be written.
    ///
    /// ```
    /// use redlet::{Commands, Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// let watched = redis.watch(&["visits"])?;
    /// let replies = watched.execute(redis.pipeline().command(["INCR", "visits"]))?.unwrap();
    /// assert_eq!(replies[0].as_ref().unwrap(), &Reply::Integer(1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn execute(self, pipeline: Pipeline<'_>) -> Result<Option<Vec<Result<Reply>>>> {
        pipeline.execute_as_unit(Some(&self.watch))
    }
}
