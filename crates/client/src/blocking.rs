//! Commands that wait for an element: blocking methods, and asynchronous ones that need no runtime.
//!
//! A caller that finds nothing queues; whoever fills a key hands the element to the one that came first. The blocking form is the
//! asynchronous one, run in a thread that sleeps.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use redlet_core::cmd::Blocking;
use redlet_core::cmd::list::{BLMPop, BLMove, BLMoveM, BLPop, BRPop, BRPopLPush, End, MoveMany};
use redlet_core::cmd::stream::read::{
    GroupFrom, GroupReadOptions, ReadFrom, ReadLimits, StreamEntries, XRead, XReadGroup,
};
use redlet_core::cmd::zset::{BZMPop, BZPopMax, BZPopMin, ZEnd};
use redlet_core::{Begun, Bytes, Wait};

use crate::value::{ToArg, arg};
use crate::waiting::block_on;
use crate::{Error, Redis, Result};

/// A wait that ends with its owner: what it was served and nobody took goes back.
#[derive(Debug)]
struct Waiting<F: Send + 'static> {
    redis: Redis,
    wait: Option<Wait<F>>,
}

impl<F: Send + 'static> Future for Waiting<F> {
    type Output = Result<Option<F>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { redis, wait: Some(wait) } = &mut *self else {
            unreachable!("a future is not polled after it was ready")
        };
        match wait.poll(redis.engine(), context.waker()) {
            None => Poll::Pending,
            Some(found) => {
                self.wait = None;
                Poll::Ready(found.map_err(Error::from))
            }
        }
    }
}

impl<F: Send + 'static> Drop for Waiting<F> {
    fn drop(&mut self) {
        if let Some(mut wait) = self.wait.take() {
            wait.abandon(self.redis.engine());
        }
    }
}

/// What a command found, at once or later.
enum Finding<F: Send + 'static> {
    Found(Option<F>),
    Waiting(Waiting<F>),
}

impl<F: Send + 'static> Finding<F> {
    async fn found(self) -> Result<Option<F>> {
        match self {
            Finding::Found(found) => Ok(found),
            Finding::Waiting(waiting) => waiting.await,
        }
    }
}

impl Redis {
    /// A command that is run when the future is polled first: its words live as long as that takes.
    fn find_later<F: Send + 'static, R>(
        &self,
        keys: Result<Vec<Box<[u8]>>>,
        at_most: impl Into<Option<Duration>>,
        find: impl FnOnce(&Self, &[&[u8]], Option<Duration>) -> Result<Finding<F>> + Send + 'static,
        reply: impl FnOnce(Option<F>) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R>> + Send + 'static {
        let (redis, timeout) = (self.clone(), limit(at_most));
        async move {
            let finding = find(&redis, &borrowed(&keys?), timeout)?;
            Ok(reply(finding.found().await?))
        }
    }

    fn find<'a, C: Blocking<'a>>(&self, command: &C) -> Result<Finding<C::Found>> {
        Ok(match self.engine().begin_wait(self.db(), command)? {
            Begun::Found(found) => Finding::Found(Some(found)),
            Begun::Waiting(wait) => Finding::Waiting(Waiting { redis: self.clone(), wait: Some(wait) }),
        })
    }
}

/// Lengths of waits as users say them; too long for a clock is for ever.
fn limit(at_most: impl Into<Option<Duration>>) -> Option<Duration> {
    /// Some 290,000 years.
    const LONGEST: Duration = Duration::from_secs(1 << 43);
    // Waits are counted in milliseconds, and one of none at all would be one without an end.
    let limit = at_most.into().filter(|limit| *limit < LONGEST)?;
    Some(Duration::from_millis(limit.as_nanos().div_ceil(1_000_000).max(1) as u64))
}

/// Words that outlive the call that they came with.
fn owned(words: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Box<[u8]>>> {
    words.into_iter().map(|word| Ok(Box::from(arg(&word)?.as_ref()))).collect()
}

fn borrowed(words: &[Box<[u8]>]) -> Vec<&[u8]> {
    words.iter().map(|word| &**word).collect()
}

/// The same for two words: the ends of a move, a group and its member.
fn both(source: impl ToArg, destination: impl ToArg) -> Result<Vec<Box<[u8]>>> {
    owned([source.to_arg(), destination.to_arg()])
}

/// Commands that wait for an element. Those who wait for a key are served in the order in which they came, by whoever fills it: one
/// element goes to exactly one of them.
///
/// A time limit of `None` is none; it is counted on the store's clock, in milliseconds. With [`Builder::clock`](crate::Builder::clock),
/// [`Redis::tick`] ends waits whose time is over.
///
/// The blocking methods put their thread to sleep, and must not be called inside of [`Redis::transaction`]. The asynchronous ones
/// need no runtime: the wait begins when the future is polled first, and dropping it ends the wait at any point. An element that was
/// handed over and not given out then goes back to the end of the list where it was.
impl Redis {
    /// Takes the first element of the first of several lists that is there, and waits for one if none is: the key and the element;
    /// `None` when the time is over. `BLPOP`.
    ///
    /// # Errors
    /// [`Error::Command`] if a key holds something else than a list, and when the store is closed meanwhile.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// use std::thread;
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// let worker = thread::spawn({
    ///     let redis = redis.clone();
    ///     move || redis.blpop(["urgent", "jobs"], None)
    /// });
    /// redis.rpush("jobs", ["wash the dishes"])?;
    /// let (key, job) = worker.join().unwrap()?.unwrap();
    /// assert_eq!((key, job), ("jobs".into(), "wash the dishes".into()));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn blpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Bytes)>> {
        block_on(self.blpop_async(keys, at_most))
    }

    /// [`Redis::blpop`] as a future.
    pub fn blpop_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Bytes)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BLPop { keys: keys.into(), timeout }),
            |found| BLPop::reply(found).0,
        )
    }

    /// Takes the last element of the first of several lists that is there, and waits for one if none is: the key and the element;
    /// `None` when the time is over. `BRPOP`.
    ///
    /// # Errors
    /// As [`Redis::blpop`].
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b"])?;
    /// assert_eq!(redis.brpop(["l"], None)?, Some(("l".into(), "b".into())));
    /// assert_eq!(redis.brpop(["nosuch"], Duration::from_millis(1))?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn brpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Bytes)>> {
        block_on(self.brpop_async(keys, at_most))
    }

    /// [`Redis::brpop`] as a future.
    pub fn brpop_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Bytes)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BRPop { keys: keys.into(), timeout }),
            |found| BRPop::reply(found).0,
        )
    }

    /// Takes up to `count` elements of the first of several lists that is there, and waits for one if none is: the key and the
    /// elements; `None` when the time is over. `BLMPOP`.
    ///
    /// # Errors
    /// As [`Redis::blpop`].
    ///
    /// Complexity: O(N+M), N being the number of keys and M the number of elements returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "c"])?;
    /// let taken = redis.blmpop(["nosuch", "l"], End::Left, 2, None)?;
    /// assert_eq!(taken, Some(("l".into(), vec!["a".into(), "b".into()])));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn blmpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: End,
        count: usize,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Vec<Bytes>)>> {
        block_on(self.blmpop_async(keys, end, count, at_most))
    }

    /// [`Redis::blmpop`] as a future.
    pub fn blmpop_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: End,
        count: usize,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Vec<Bytes>)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BLMPop { timeout, keys: keys.into(), end, count }),
            |found| found,
        )
    }

    /// Moves an element from an end of one list to an end of another, and waits for one if there is none; `None` when the time is
    /// over. A future that is dropped after the element was moved leaves it where it is. `BLMOVE`.
    ///
    /// # Errors
    /// As [`Redis::blpop`].
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("jobs", ["a", "b"])?;
    /// assert_eq!(redis.blmove("jobs", "running", End::Left, End::Right, None)?.unwrap(), "a");
    /// assert_eq!(redis.lrange("running", 0, -1)?, ["a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn blmove(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<Bytes>> {
        block_on(self.blmove_async(source, destination, from, to, at_most))
    }

    /// [`Redis::blmove`] as a future.
    pub fn blmove_async(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<Bytes>>> + Send + 'static {
        self.find_later(
            both(source, destination),
            at_most,
            move |redis, keys, timeout| {
                redis.find(&BLMove { source: keys[0], destination: keys[1], from, to, timeout })
            },
            |found| found,
        )
    }

    /// Moves elements from an end of one list to an end of another, and waits for one if there is none, or for as many as are to be
    /// moved exactly: the elements in the order in which they lie there; `None` when the time is over. A future that is dropped after they
    /// were moved leaves them where they are. `BLMOVEM`, of Redis 8.10.
    ///
    /// # Errors
    /// As [`Redis::blpop`].
    ///
    /// Complexity: O(N), N being the number of elements moved.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("jobs", ["a", "b"])?;
    /// let moved = redis.blmovem("jobs", "running", End::Left, End::Right, MoveMany::up_to(5), None)?;
    /// assert_eq!(moved.unwrap(), ["a", "b"]);
    /// let soon = Duration::from_millis(1);
    /// assert_eq!(redis.blmovem("running", "done", End::Left, End::Right, MoveMany::exactly(3), soon)?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn blmovem(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        many: MoveMany,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<Vec<Bytes>>> {
        block_on(self.blmovem_async(source, destination, from, to, many, at_most))
    }

    /// [`Redis::blmovem`] as a future.
    pub fn blmovem_async(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        many: MoveMany,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<Vec<Bytes>>>> + Send + 'static {
        self.find_later(
            both(source, destination),
            at_most,
            move |redis, keys, timeout| {
                redis.find(&BLMoveM { source: keys[0], destination: keys[1], from, to, many, timeout })
            },
            |found| found,
        )
    }

    /// Moves the last element of one list before the first of another, and waits for one if there is none; `None` when the time is
    /// over. `BRPOPLPUSH`.
    ///
    /// # Errors
    /// As [`Redis::blpop`].
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("jobs", ["a", "b"])?;
    /// assert_eq!(redis.brpoplpush("jobs", "running", None)?.unwrap(), "b");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn brpoplpush(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<Bytes>> {
        block_on(self.brpoplpush_async(source, destination, at_most))
    }

    /// [`Redis::brpoplpush`] as a future.
    pub fn brpoplpush_async(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<Bytes>>> + Send + 'static {
        self.find_later(
            both(source, destination),
            at_most,
            move |redis, keys, timeout| {
                redis.find(&BRPopLPush { source: keys[0], destination: keys[1], timeout })
            },
            |found| found,
        )
    }

    /// Takes the member with the lowest score of the first of several sorted sets that is there, and waits for one if none is: the
    /// key, the member and its score; `None` when the time is over. `BZPOPMIN`.
    ///
    /// # Errors
    /// [`Error::Command`] if a key holds something else than a sorted set, and when the store is closed meanwhile.
    ///
    /// Complexity: O(log(N)), N being the size of the sorted set.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("due", [("late", 9.0), ("soon", 1.0)])?;
    /// assert_eq!(redis.bzpopmin(["due"], None)?, Some(("due".into(), "soon".into(), 1.0)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn bzpopmin(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Bytes, f64)>> {
        block_on(self.bzpopmin_async(keys, at_most))
    }

    /// [`Redis::bzpopmin`] as a future.
    pub fn bzpopmin_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Bytes, f64)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BZPopMin { keys: keys.into(), timeout }),
            |found| BZPopMin::reply(found).0,
        )
    }

    /// Takes the member with the highest score of the first of several sorted sets that is there, and waits for one if none is: the
    /// key, the member and its score; `None` when the time is over. `BZPOPMAX`.
    ///
    /// # Errors
    /// As [`Redis::bzpopmin`].
    ///
    /// Complexity: O(log(N)), N being the size of the sorted set.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("due", [("late", 9.0), ("soon", 1.0)])?;
    /// assert_eq!(redis.bzpopmax(["due"], None)?, Some(("due".into(), "late".into(), 9.0)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn bzpopmax(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Bytes, f64)>> {
        block_on(self.bzpopmax_async(keys, at_most))
    }

    /// [`Redis::bzpopmax`] as a future.
    pub fn bzpopmax_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Bytes, f64)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BZPopMax { keys: keys.into(), timeout }),
            |found| BZPopMax::reply(found).0,
        )
    }

    /// Takes up to `count` members of the first of several sorted sets that is there, and waits for one if none is: the key, and the
    /// members with their scores; `None` when the time is over. `BZMPOP`.
    ///
    /// # Errors
    /// As [`Redis::bzpopmin`].
    ///
    /// Complexity: O(K+M*log(N)), K being the number of keys, M that of members returned, N the size of the set.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("due", [("a", 1.0), ("b", 2.0)])?;
    /// let taken = redis.bzmpop(["due"], ZEnd::Min, 5, None)?;
    /// assert_eq!(taken, Some(("due".into(), vec![("a".into(), 1.0), ("b".into(), 2.0)])));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn bzmpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: ZEnd,
        count: usize,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Option<(Bytes, Vec<(Bytes, f64)>)>> {
        block_on(self.bzmpop_async(keys, end, count, at_most))
    }

    /// [`Redis::bzmpop`] as a future.
    pub fn bzmpop_async(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: ZEnd,
        count: usize,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Option<(Bytes, Vec<(Bytes, f64)>)>>> + Send + 'static {
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| redis.find(&BZMPop { timeout, keys: keys.into(), end, count }),
            |found| found,
        )
    }

    /// The entries of streams after those that the caller knows, without those of streams that have none; waits for one if there is
    /// none at all. Nothing when the time is over. `XREAD` with `BLOCK`.
    ///
    /// # Errors
    /// [`Error::Command`] if a key holds something else than a stream, and when the store is closed meanwhile.
    ///
    /// Complexity: O(log(S)+N) for each stream, S being the number of its entries and N that of those returned.
    ///
    /// ```
    /// use std::thread;
    /// use redlet::{Commands, ReadFrom, ReadLimits, Redis};
    ///
    /// let redis = Redis::memory();
    /// let reader = thread::spawn({
    ///     let redis = redis.clone();
    ///     move || redis.xread_blocking([("news", ReadFrom::Last)], ReadLimits::default(), None)
    /// });
    /// redis.xadd("news", [("headline", "it rains")])?;
    /// let news = reader.join().unwrap()?;
    /// assert_eq!(news[0].entries[0].get("headline").unwrap(), "it rains");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn xread_blocking(
        &self,
        streams: impl IntoIterator<Item = (impl ToArg, ReadFrom)>,
        limits: ReadLimits,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Vec<StreamEntries>> {
        block_on(self.xread_async(streams, limits, at_most))
    }

    /// [`Redis::xread_blocking`] as a future. What the streams are like is looked at when it is polled first.
    pub fn xread_async(
        &self,
        streams: impl IntoIterator<Item = (impl ToArg, ReadFrom)>,
        limits: ReadLimits,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Vec<StreamEntries>>> + Send + 'static {
        let (keys, from): (Vec<_>, Vec<_>) = streams.into_iter().map(|(key, from)| (key, Ok(from))).unzip();
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| {
                let block = Some(timeout.unwrap_or(Duration::ZERO));
                redis.find(&XRead { keys: keys.into(), from: from.into(), limits, block })
            },
            Option::unwrap_or_default,
        )
    }

    /// Entries of streams that no other member of a group is given, or those that this one was given and has not acknowledged; waits
    /// for one if there is none. Nothing when the time is over. `XREADGROUP` with `BLOCK`.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if a stream or its group is not there, or goes while it waits; and when the store is closed meanwhile.
    ///
    /// Complexity: O(log(S)+N*log(P)) for each stream, S being the number of its entries, P that of those not acknowledged and N that
    /// of those returned.
    ///
    /// ```
    /// use std::thread;
    /// use redlet::{Commands, GroupFrom, GroupStart, Redis};
    ///
    /// let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// let worker = thread::spawn({
    ///     let redis = redis.clone();
    ///     move || redis.xreadgroup_blocking("workers", "ada", [("jobs", GroupFrom::New)], Default::default(), None)
    /// });
    /// let id = redis.xadd("jobs", [("wash", "dishes")])?;
    /// assert_eq!(worker.join().unwrap()?[0].entries[0].id, id);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn xreadgroup_blocking(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToArg, GroupFrom)>,
        options: GroupReadOptions,
        at_most: impl Into<Option<Duration>>,
    ) -> Result<Vec<StreamEntries>> {
        block_on(self.xreadgroup_async(group, consumer, streams, options, at_most))
    }

    /// [`Redis::xreadgroup_blocking`] as a future.
    pub fn xreadgroup_async(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToArg, GroupFrom)>,
        options: GroupReadOptions,
        at_most: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Result<Vec<StreamEntries>>> + Send + 'static {
        let (keys, from): (Vec<_>, Vec<_>) = streams.into_iter().map(|(key, from)| (key, Ok(from))).unzip();
        let member = both(group, consumer);
        self.find_later(
            owned(keys),
            at_most,
            move |redis, keys, timeout| {
                let (member, block) = (member?, Some(timeout.unwrap_or(Duration::ZERO)));
                let (group, consumer) = (&*member[0], &*member[1]);
                redis.find(&XReadGroup {
                    group,
                    consumer,
                    keys: keys.into(),
                    from: from.into(),
                    options,
                    block,
                })
            },
            Option::unwrap_or_default,
        )
    }
}
