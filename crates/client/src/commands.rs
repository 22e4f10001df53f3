//! Redis's commands as methods: one for each, named as in redis-py, without logic.
//!
//! What a command does lives in `redlet_core::cmd`; a method builds the command's struct and hands it on.
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;
use std::time::Duration;
use std::vec;

use redlet_core::cmd::array::*;
use redlet_core::cmd::bitmap::*;
use redlet_core::cmd::command::*;
use redlet_core::cmd::config::*;
use redlet_core::cmd::connection::*;
use redlet_core::cmd::dump::*;
use redlet_core::cmd::element_deadlines::{FieldExpire, FieldPersist};
use redlet_core::cmd::function::*;
use redlet_core::cmd::geo::*;
use redlet_core::cmd::hash::*;
use redlet_core::cmd::hash_deadlines::*;
use redlet_core::cmd::hash_import::*;
use redlet_core::cmd::hyperloglog::*;
use redlet_core::cmd::info::*;
use redlet_core::cmd::keys::*;
use redlet_core::cmd::latency::*;
use redlet_core::cmd::list::*;
use redlet_core::cmd::memory::*;
use redlet_core::cmd::pubsub::*;
use redlet_core::cmd::scan::{ScanOptions, ScanReply};
use redlet_core::cmd::script::*;
use redlet_core::cmd::server::*;
use redlet_core::cmd::set::*;
use redlet_core::cmd::set_deadlines::*;
use redlet_core::cmd::slowlog::*;
use redlet_core::cmd::sort::*;
use redlet_core::cmd::stream::group::*;
use redlet_core::cmd::stream::idempotency::*;
use redlet_core::cmd::stream::info::*;
use redlet_core::cmd::stream::pending::*;
use redlet_core::cmd::stream::read::*;
use redlet_core::cmd::stream::*;
use redlet_core::cmd::string::{Set, *};
#[cfg(feature = "vector-sets")]
use redlet_core::cmd::vector_set::*;
use redlet_core::cmd::zset::*;
use redlet_core::cmd::{Control, Read, Write};
use redlet_core::number::Extended;
use redlet_core::tx::View;
use redlet_core::types::StreamId;
use redlet_core::types::lcs::Match;
use redlet_core::types::stream::IdempotencySettings;
use redlet_core::{Bytes, LatencySample, Reply, SlowCommand, UnixMs};

use crate::Result;
use crate::value::{ArgList, PairList, ScoredList, ToArg, arg};

/// Redis's commands as methods, for every way of running them: each on its own ([`Redis`](crate::Redis)) or all
/// under locks that are held already ([`Transaction`](crate::Transaction)).
///
/// Every method refuses a key that holds a value of another type with
/// [`Error::Command`](crate::Error::Command), unless its text says otherwise. Methods that write can also fail because the store's
/// log cannot be written.
pub trait Commands {
    /// Runs a command that only reads.
    ///
    /// # Errors
    /// The command's refusals.
    #[inline]
    fn run_read<'a, C: Read<'a>>(&self, command: &C) -> Result<C::Reply> {
        self.run_with(command, |view| command.read(view))
    }

    /// Shows `body` what a command that only reads would see, under the locks that it would take.
    ///
    /// # Errors
    /// What `body` returns, and the command's refusals.
    fn run_with<'a, C: Read<'a>, T>(
        &self,
        command: &C,
        body: impl FnOnce(&View<'_>) -> redlet_core::Result<T>,
    ) -> Result<T>;

    /// Runs a command that may write.
    ///
    /// # Errors
    /// The command's refusals.
    fn run_write<'a, C: Write<'a>>(&self, command: &C) -> Result<C::Reply>;

    /// Runs a command about the store itself.
    ///
    /// # Errors
    /// The command's refusals.
    fn run_control<'a, C: Control<'a>>(&self, command: &C) -> Result<C::Reply>;

    /// Runs a script or a function.
    ///
    /// # Errors
    /// What it answers with, or what went wrong.
    fn run_code<W: Calling>(&self, command: &RunCode<'_, W>) -> Result<Reply>;

    // Channels.

    /// Publishes a message on a channel; returns how many subscriptions it reached. Inside of a transaction it is published when that
    /// ends. `PUBLISH`.
    ///
    /// Complexity: O(N+M), N being the number of subscribers of the channel and M the number of patterns.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.publish("news", "nobody listens")?, 0);
    /// let mut news = redis.subscribe(["news"])?;
    /// assert_eq!(redis.publish("news", "hello")?, 1);
    /// assert_eq!(news.next().unwrap().payload, "hello");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn publish(&self, channel: impl ToArg, message: impl ToArg) -> Result<usize> {
        self.run_control(&Publish { channel: &arg(&channel)?, message: &arg(&message)? })
    }

    /// Publishes a message on a sharded channel; returns how many subscriptions it reached. `SPUBLISH`.
    ///
    /// Complexity: O(N), N being the number of subscribers of the channel.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let mut orders = redis.ssubscribe(["orders"])?;
    /// assert_eq!(redis.spublish("orders", "tea")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spublish(&self, channel: impl ToArg, message: impl ToArg) -> Result<usize> {
        self.run_control(&SPublish { channel: &arg(&channel)?, message: &arg(&message)? })
    }

    /// The channels that somebody is subscribed to by name, in no order: those that match a pattern, `*` for all. `PUBSUB CHANNELS`.
    ///
    /// Complexity: O(N), N being the number of channels.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let _news = redis.subscribe(["news.oslo", "sport"])?;
    /// assert_eq!(redis.pubsub_channels("news.*")?, ["news.oslo"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pubsub_channels(&self, pattern: impl ToArg) -> Result<Vec<Bytes>> {
        self.run_control(&PubSubChannels { pattern: Some(&arg(&pattern)?) })
    }

    /// How many are subscribed to each of some channels by name. `PUBSUB NUMSUB`.
    ///
    /// Complexity: O(N), N being the number of channels asked for.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let _news = redis.subscribe(["news"])?;
    /// assert_eq!(redis.pubsub_numsub(["news", "sport"])?, [("news".into(), 1), ("sport".into(), 0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pubsub_numsub(&self, channels: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<(Bytes, usize)>> {
        ArgList::new(channels)
            .with(|channels| self.run_control(&PubSubNumSub { channels: channels.into() }))
            .map(|reply| reply.0)
    }

    /// How many different patterns are subscribed to. `PUBSUB NUMPAT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let _all = redis.psubscribe(["*"])?;
    /// assert_eq!(redis.pubsub_numpat()?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pubsub_numpat(&self) -> Result<usize> {
        self.run_control(&PubSubNumPat)
    }

    /// The sharded channels that somebody is subscribed to, in no order. `PUBSUB SHARDCHANNELS`.
    ///
    /// Complexity: O(N), N being the number of channels.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let _orders = redis.ssubscribe(["orders"])?;
    /// assert_eq!(redis.pubsub_shardchannels("*")?, ["orders"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pubsub_shardchannels(&self, pattern: impl ToArg) -> Result<Vec<Bytes>> {
        self.run_control(&PubSubShardChannels { pattern: Some(&arg(&pattern)?) })
    }

    /// How many are subscribed to each of some sharded channels. `PUBSUB SHARDNUMSUB`.
    ///
    /// Complexity: O(N), N being the number of channels asked for.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let _orders = redis.ssubscribe(["orders"])?;
    /// assert_eq!(redis.pubsub_shardnumsub(["orders"])?, [("orders".into(), 1)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pubsub_shardnumsub(
        &self,
        channels: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<(Bytes, usize)>> {
        ArgList::new(channels)
            .with(|channels| self.run_control(&PubSubShardNumSub { channels: channels.into() }))
            .map(|reply| reply.0)
    }

    // Strings.

    /// Returns the string at a key; `None` if there is no such key. `GET`.
    ///
    /// Complexity: O(1); a long value is shared, not copied.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.get("greeting")?, None);
    /// redis.set("greeting", "hello")?;
    /// assert_eq!(redis.get("greeting")?.unwrap(), "hello");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn get(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&Get { key: &arg(&key)? })
    }

    /// Shows the string at a key to `body` without copying it; `None`, and `body` is not called, for a missing key. `GET`.
    ///
    /// Writers of the key's shard wait meanwhile, so `body` should be short, and must not use the store itself: it might wait for
    /// its own lock.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if the key holds something else than a string.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "some text")?;
    /// assert_eq!(redis.get_with("k", |text| text.len())?, Some(9));
    /// assert_eq!(redis.get_with("nosuch", |text| text.len())?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn get_with<T>(&self, key: impl ToArg, body: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        let key = arg(&key)?;
        let get = Get { key: &key };
        self.run_with(&get, |view| get.show(view, body))
    }

    /// Stores a string, whatever the key held before; a deadline that it had is gone. `SET`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// redis.set("n", 7)?;
    /// assert_eq!(redis.get("n")?.unwrap(), "7");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn set(&self, key: impl ToArg, value: impl ToArg) -> Result<()> {
        self.set_with(key, value, SetOptions::default()).map(drop)
    }

    /// Stores a string if the options allow it. `SET` with `NX`, `XX`, `IFEQ`, `GET`, `EX` and so on.
    ///
    /// With `GET` the reply is what was there before, written or not.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let once = SetOptions::default().only_if_missing().ex(Duration::from_secs(30));
    /// assert_eq!(redis.set_with("lock", "mine", once)?, SetReply::Done);
    /// assert_eq!(redis.set_with("lock", "yours", once)?, SetReply::Refused);
    /// let swap = SetOptions::default().if_equal(b"mine");
    /// assert_eq!(redis.set_with("lock", "next", swap)?, SetReply::Done);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn set_with(&self, key: impl ToArg, value: impl ToArg, options: SetOptions<'_>) -> Result<SetReply> {
        self.run_write(&Set { key: &arg(&key)?, value: arg(&value)?.as_string(), options })
    }

    /// Stores a string with a time to live. `SETEX`.
    ///
    /// # Errors
    /// Refused if the time is shorter than a millisecond.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.setex("session", Duration::from_secs(60), "alice")?;
    /// assert!(matches!(redis.ttl("session")?, Ttl::Remaining(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn setex(&self, key: impl ToArg, ttl: Duration, value: impl ToArg) -> Result<()> {
        let options = SetOptions::default().ex(ttl);
        self.run_write(&SetEx(Set { key: &arg(&key)?, value: arg(&value)?.as_string(), options })).map(drop)
    }

    /// Stores a string with a time to live, to the millisecond as [`Commands::setex`] does too. `PSETEX`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.psetex("blink", Duration::from_millis(1500), "x")?;
    /// assert!(matches!(redis.pttl("blink")?, Ttl::Remaining(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn psetex(&self, key: impl ToArg, ttl: Duration, value: impl ToArg) -> Result<()> {
        let options = SetOptions::default().ex(ttl);
        self.run_write(&PSetEx(Set { key: &arg(&key)?, value: arg(&value)?.as_string(), options })).map(drop)
    }

    /// Stores a string unless the key is there already; false if it was. `SETNX`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.setnx("k", 1)?);
    /// assert!(!redis.setnx("k", 2)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn setnx(&self, key: impl ToArg, value: impl ToArg) -> Result<bool> {
        self.run_write(&SetNx { key: &arg(&key)?, value: arg(&value)?.as_string() })
    }

    /// Stores a string and returns the one that was there. `GETSET`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.getset("k", "new")?, None);
    /// assert_eq!(redis.getset("k", "newer")?.unwrap(), "new");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn getset(&self, key: impl ToArg, value: impl ToArg) -> Result<Option<Bytes>> {
        self.run_write(&GetSet { key: &arg(&key)?, value: arg(&value)?.as_string() })
    }

    /// Returns the string at a key and deletes the key. `GETDEL`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.getdel("k")?.unwrap(), "v");
    /// assert_eq!(redis.getdel("k")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn getdel(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        self.run_write(&GetDel { key: &arg(&key)? })
    }

    /// Returns the string at a key and changes its time to live; [`Expiry::Clear`] takes a deadline away. `GETEX`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// redis.getex("k", Expiry::In(Duration::from_secs(9)))?;
    /// assert!(matches!(redis.ttl("k")?, Ttl::Remaining(_)));
    /// redis.getex("k", Expiry::Clear)?;
    /// assert_eq!(redis.ttl("k")?, Ttl::Persistent);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn getex(&self, key: impl ToArg, expiry: Expiry) -> Result<Option<Bytes>> {
        self.run_write(&GetEx { key: &arg(&key)?, expiry: Ok(expiry) })
    }

    /// Returns the length of a string in bytes; 0 if there is no such key. `STRLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "hello")?;
    /// assert_eq!(redis.strlen("k")?, 5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn strlen(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&StrLen { key: &arg(&key)? })
    }

    /// Adds bytes to the end of a string and returns its new length; a missing key counts as empty. `APPEND`.
    ///
    /// Complexity: O(1) amortised.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.append("k", "ab")?, 2);
    /// assert_eq!(redis.append("k", "c")?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn append(&self, key: impl ToArg, value: impl ToArg) -> Result<usize> {
        self.run_write(&Append { key: &arg(&key)?, value: &arg(&value)? })
    }

    /// Returns the bytes from `start` to `end`, both included; negative counts from the end. Empty if there is no such key. `GETRANGE`.
    ///
    /// Complexity: O(N), N being the number of bytes returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "hello world")?;
    /// assert_eq!(redis.getrange("k", -5, -1)?, "world");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn getrange(&self, key: impl ToArg, start: i64, end: i64) -> Result<Bytes> {
        self.run_read(&GetRange { key: &arg(&key)?, start, end })
    }

    /// Overwrites bytes from `offset` on and returns the new length; a string that is too short is grown with zeros. `SETRANGE`.
    ///
    /// # Errors
    /// Refused past 512 MiB.
    ///
    /// Complexity: O(N), N being the number of bytes written.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "hello world")?;
    /// redis.setrange("k", 6, "redis")?;
    /// assert_eq!(redis.get("k")?.unwrap(), "hello redis");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn setrange(&self, key: impl ToArg, offset: u64, value: impl ToArg) -> Result<usize> {
        self.run_write(&SetRange { key: &arg(&key)?, offset, value: &arg(&value)? })
    }

    /// Adds one to the integer at a key, 0 if there is no such key, and returns the result. `INCR`.
    ///
    /// # Errors
    /// Refused if the string is no integer of 64 bits, or the result would be none.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.incr("n")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn incr(&self, key: impl ToArg) -> Result<i64> {
        self.run_write(&Incr { key: &arg(&key)? })
    }

    /// Takes one from the integer at a key, 0 if there is no such key, and returns the result. `DECR`.
    ///
    /// # Errors
    /// Refused if the string is no integer of 64 bits, or the result would be none.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.decr("n")?, -1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn decr(&self, key: impl ToArg) -> Result<i64> {
        self.run_write(&Decr { key: &arg(&key)? })
    }

    /// Adds to the integer at a key, 0 if there is no such key, and returns the result. `INCRBY`.
    ///
    /// # Errors
    /// Refused if the string is no integer of 64 bits, or the result would be none.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.incrby("n", 5)?, 5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn incrby(&self, key: impl ToArg, by: i64) -> Result<i64> {
        self.run_write(&IncrBy { key: &arg(&key)?, by })
    }

    /// Takes from the integer at a key, 0 if there is no such key, and returns the result. `DECRBY`.
    ///
    /// # Errors
    /// Refused if the string is no integer of 64 bits, or the result would be none.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.decrby("n", 5)?, -5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn decrby(&self, key: impl ToArg, by: i64) -> Result<i64> {
        self.run_write(&DecrBy { key: &arg(&key)?, by })
    }

    /// Adds to the number at a key, 0 if there is no such key, and returns the result. `INCRBYFLOAT`.
    ///
    /// # Errors
    /// Refused if the string is no number, or the result would be infinite.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("t", "10.5")?;
    /// assert_eq!(redis.incrbyfloat("t", 0.25)?, 10.75);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn incrbyfloat(&self, key: impl ToArg, by: f64) -> Result<f64> {
        let by = Ok(Extended::from_f64(by));
        float(&self.run_write(&IncrByFloat { key: &arg(&key)?, by })?)
    }

    /// Adds to the integer at a key, 0 if there is no such key, within bounds, and sets its time to live, all at once. Answers with the
    /// sum and what was added. Where the sum would not be allowed nothing is added and nothing changes, unless it is to become the
    /// nearest one that is. `INCREX`.
    ///
    /// # Errors
    /// Refused if the string is no integer, the lowest sum is above the highest, or what was added is more than 64 bits can say.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// // Three requests a minute, which begins with the first.
    /// let limit = IncrExOptions::default().at_most(3).ex(Duration::from_secs(60)).only_without_deadline();
    /// for request in 1..=3 {
    ///     assert_eq!(redis.increx("ada", 1, limit)?, Incremented { value: request, applied: 1 });
    /// }
    /// assert_eq!(redis.increx("ada", 1, limit)?, Incremented { value: 3, applied: 0 });
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn increx(&self, key: impl ToArg, by: i64, options: IncrExOptions<i64>) -> Result<Incremented<i64>> {
        let key = arg(&key)?;
        let command = options.command(&key, by, |bound| bound, IncrExBy::Int)?;
        match self.run_write(&command)? {
            IncrExReply::Int(incremented) => Ok(incremented),
            IncrExReply::Float(_) => unreachable!("INCREX counts as it was asked to"),
        }
    }

    /// The same with numbers that have a fraction. `INCREX BYFLOAT`.
    ///
    /// # Errors
    /// Refused if the string is no number or an infinite one, or the lowest sum is above the highest.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("level", "9.5")?;
    /// let full = IncrExOptions::default().at_most(10.0).saturate();
    /// assert_eq!(redis.increx_float("level", 2.0, full)?, Incremented { value: 10.0, applied: 0.5 });
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn increx_float(
        &self,
        key: impl ToArg,
        by: f64,
        options: IncrExOptions<f64>,
    ) -> Result<Incremented<f64>> {
        let (key, by) = (arg(&key)?, Extended::from_f64(by));
        let command = options.command(&key, by, Extended::from_f64, IncrExBy::Float)?;
        match self.run_write(&command)? {
            IncrExReply::Float(Incremented { value, applied }) => {
                let number = |number: Extended| float(number.to_text().as_bytes());
                Ok(Incremented { value: number(value)?, applied: number(applied)? })
            }
            IncrExReply::Int(_) => unreachable!("INCREX counts as it was asked to"),
        }
    }

    /// Returns the XXH3 digest of a string in 16 hexadecimal digits, `None` if there is no such key. `DIGEST`.
    ///
    /// It is what [`Compare::DigestEqual`] compares with, so that a long string need not be repeated.
    ///
    /// Complexity: O(N), N being the length of the string.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "Hello world")?;
    /// assert_eq!(redis.digest("k")?.unwrap(), "b6acb9d84a38ff74");
    /// assert_eq!(redis.digest("nosuch")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn digest(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&Digest { key: &arg(&key)? })
    }

    /// Computes the digest that [`Commands::digest`] would return for a value, which is not stored anywhere.
    ///
    /// Complexity: O(N), N being the length of the value.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "Hello world")?;
    /// assert_eq!(redis.digest("k")?.unwrap(), redis.digest_local("Hello world"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn digest_local(&self, value: impl ToArg) -> String {
        digest_of(&value.to_arg())
    }

    /// Returns the strings at several keys, `None` for each that is missing or holds something else. `MGET`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// let values = redis.mget(["a", "nosuch"])?;
    /// assert_eq!(values[0].as_deref(), Some(&b"1"[..]));
    /// assert_eq!(values[1], None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn mget(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Option<Bytes>>> {
        ArgList::new(keys).with(|keys| self.run_read(&MGet { keys: keys.into() }))
    }

    /// Stores several strings at once. `MSET`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", "1"), ("b", "2")])?;
    /// assert_eq!(redis.get("b")?.unwrap(), "2");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn mset(&self, pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> Result<()> {
        PairList::new(pairs).with(|pairs| self.run_write(&MSet { pairs: pairs.into() }))
    }

    /// Stores several strings at once unless any of the keys is there; false if one was. `MSETNX`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.msetnx([("a", 1), ("b", 2)])?);
    /// assert!(!redis.msetnx([("b", 3), ("c", 4)])?);
    /// assert_eq!(redis.get("c")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn msetnx(&self, pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> Result<bool> {
        PairList::new(pairs).with(|pairs| self.run_write(&MSetNx { pairs: pairs.into() }))
    }

    /// Stores several strings at once with one time to live; false if `when` refused it. `MSETEX`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let ttl = Expiry::In(Duration::from_secs(60));
    /// assert!(redis.msetex([("a", 1), ("b", 2)], When::Always, ttl)?);
    /// assert!(!redis.msetex([("a", 3)], When::Missing, ttl)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn msetex(
        &self,
        pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        when: When,
        expiry: Expiry,
    ) -> Result<bool> {
        PairList::new(pairs).with(|pairs| self.run_write(&MSetEx { pairs: pairs.into(), when, expiry }))
    }

    /// Deletes a key if its string is, or is not, as given; false if it was kept or is not there. `DELEX`.
    ///
    /// Complexity: O(1); by digest O(N), N being the length of the string.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("lock", "mine")?;
    /// assert!(!redis.delex("lock", Compare::Equal(b"yours"))?);
    /// assert!(redis.delex("lock", Compare::Equal(b"mine"))?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn delex(&self, key: impl ToArg, compare: Compare<'_>) -> Result<bool> {
        self.run_write(&DelEx { key: &arg(&key)?, compare: Some(compare) })
    }

    /// Deletes a key if its string is `value`. `DELIFEQ`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("lock", "mine")?;
    /// assert!(!redis.delifeq("lock", "yours")?);
    /// assert!(redis.delifeq("lock", "mine")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn delifeq(&self, key: impl ToArg, value: impl ToArg) -> Result<bool> {
        self.run_write(&DelIfEq { key: &arg(&key)?, value: &arg(&value)? })
    }

    /// Finds the longest common subsequence of two strings; a missing key counts as empty. `LCS`.
    ///
    /// Complexity: O(N*M), N and M being the lengths of the strings.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// assert_eq!(redis.lcs("a", "b")?, "mytext");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lcs(&self, first: impl ToArg, second: impl ToArg) -> Result<Bytes> {
        let keys = [&*arg(&first)?, &*arg(&second)?];
        match self.run_read(&Lcs { keys, answer: Ok(LcsAnswer::Text) })? {
            LcsReply::Text(text) => Ok(text),
            _ => unreachable!("LCS answers as it was asked"),
        }
    }

    /// Returns the length of the longest common subsequence of two strings. `LCS LEN`.
    ///
    /// Complexity: O(N*M), N and M being the lengths of the strings.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// assert_eq!(redis.lcs_len("a", "b")?, 6);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lcs_len(&self, first: impl ToArg, second: impl ToArg) -> Result<usize> {
        let keys = [&*arg(&first)?, &*arg(&second)?];
        match self.run_read(&Lcs { keys, answer: Ok(LcsAnswer::Length) })? {
            LcsReply::Length(length) => Ok(length),
            _ => unreachable!("LCS answers as it was asked"),
        }
    }

    /// Finds where the longest common subsequence is in both strings, the last stretch first. `LCS IDX`.
    ///
    /// Complexity: O(N*M), N and M being the lengths of the strings.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", "ohmytext"), ("b", "mynewtext")])?;
    /// let matches = redis.lcs_idx("a", "b", 4)?;
    /// assert_eq!((matches[0].first, matches[0].second), ((4, 7), (5, 8)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lcs_idx(&self, first: impl ToArg, second: impl ToArg, min_match_length: usize) -> Result<Vec<Match>> {
        let keys = [&*arg(&first)?, &*arg(&second)?];
        let answer = LcsAnswer::Places { min_match_length, with_match_length: true };
        match self.run_read(&Lcs { keys, answer: Ok(answer) })? {
            LcsReply::Places { matches, .. } => Ok(matches),
            _ => unreachable!("LCS answers as it was asked"),
        }
    }

    // Bits.

    /// Sets or clears the bit at `offset`, counted from the highest one of the first byte, and returns what it was. A string that is
    /// too short, or missing, is grown with zeros. `SETBIT`.
    ///
    /// # Errors
    /// Refused if the string would be longer than `proto-max-bulk-len`, 512 MiB unless configured otherwise.
    ///
    /// Complexity: O(1); O(N) where the string grows by N bytes.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(!redis.setbit("online", 7, true)?);
    /// assert!(redis.setbit("online", 7, true)?);
    /// assert_eq!(redis.get("online")?.unwrap(), [1]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn setbit(&self, key: impl ToArg, offset: u64, bit: bool) -> Result<bool> {
        self.run_write(&SetBit { key: &arg(&key)?, offset, bit: Ok(bit) })
    }

    /// Returns the bit at `offset`, counted from the highest one of the first byte. There are only zeros past the end of a string, and
    /// in a missing one. `GETBIT`.
    ///
    /// # Errors
    /// Refused if no string can be so long.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", [0b0100_0000])?;
    /// assert!(redis.getbit("k", 1)?);
    /// assert!(!redis.getbit("k", 1000)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn getbit(&self, key: impl ToArg, offset: u64) -> Result<bool> {
        self.run_read(&GetBit { key: &arg(&key)?, offset })
    }

    /// Counts the bits of a string that are set, 0 if there is no such key. `BITCOUNT`.
    ///
    /// Complexity: O(N), N being the length of the string.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "foobar")?;
    /// assert_eq!(redis.bitcount("k")?, 26);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitcount(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&BitCount { key: &arg(&key)?, range: None })
    }

    /// Counts the bits that are set in a part of a string. `BITCOUNT` with `start` and `end`.
    ///
    /// Complexity: O(N), N being the length of the part.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "foobar")?;
    /// assert_eq!(redis.bitcount_in("k", BitRange::bytes(1, 1))?, 6);
    /// assert_eq!(redis.bitcount_in("k", BitRange::bits(5, 30))?, 17);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitcount_in(&self, key: impl ToArg, range: BitRange) -> Result<usize> {
        self.run_read(&BitCount { key: &arg(&key)?, range: Some(range) })
    }

    /// Finds the first bit of a string that is set, or with `false` the first that is not; `None` if there is none. Zeros come after a
    /// string, so one without any has the first of them at its end. `BITPOS`.
    ///
    /// Complexity: O(N), N being the length of the string.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", [0xff, 0xf0, 0x00])?;
    /// assert_eq!(redis.bitpos("k", false)?, Some(12));
    /// assert_eq!(redis.bitpos("nosuch", true)?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitpos(&self, key: impl ToArg, bit: bool) -> Result<Option<u64>> {
        self.run_read(&BitPos { key: &arg(&key)?, bit, range: None }).map(|place| place.0)
    }

    /// Finds the first such bit in a part of a string, counted from the string's beginning. Nothing comes after a part that has an
    /// end. `BITPOS` with `start` and `end`.
    ///
    /// Complexity: O(N), N being the length of the part.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", [0xff, 0xf0, 0xff])?;
    /// assert_eq!(redis.bitpos_in("k", true, BitRange::bits(12, -1))?, Some(16));
    /// assert_eq!(redis.bitpos_in("k", false, BitRange::from_byte(2))?, Some(24));
    /// assert_eq!(redis.bitpos_in("k", false, BitRange::bytes(2, 2))?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitpos_in(&self, key: impl ToArg, bit: bool, range: BitRange) -> Result<Option<u64>> {
        self.run_read(&BitPos { key: &arg(&key)?, bit, range: Some(range) }).map(|place| place.0)
    }

    /// Combines strings bit by bit, stores the result and returns its length, which is that of the longest. The others count as if
    /// zeros came after them. If there is nothing, the destination is deleted. `BITOP`.
    ///
    /// # Errors
    /// Refused unless [`BitOperation::Not`] has one key, and those that compare the first with the others two at least.
    ///
    /// Complexity: O(N), N being the length of all the strings.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("monday", [0b1100])?;
    /// redis.set("tuesday", [0b1010])?;
    /// assert_eq!(redis.bitop(BitOperation::And, "both", ["monday", "tuesday"])?, 1);
    /// assert_eq!(redis.get("both")?.unwrap(), [0b1000]);
    /// redis.bitop(BitOperation::Diff, "only monday", ["monday", "tuesday"])?;
    /// assert_eq!(redis.get("only monday")?.unwrap(), [0b0100]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitop(
        &self,
        operation: BitOperation,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        let destination = arg(&destination)?;
        ArgList::new(keys)
            .with(|keys| self.run_write(&BitOp { operation, destination: &destination, keys: keys.into() }))
    }

    /// Reads and changes integers of any width among the bits of a string, in order. Answers with what each operation found or
    /// made; `None` where an integer did not fit and was to fail. `BITFIELD`.
    ///
    /// A string that is too short, or missing, is grown with zeros if anything is to be written.
    ///
    /// # Errors
    /// Refused if the string would be longer than `proto-max-bulk-len`.
    ///
    /// Complexity: O(1) for each operation; O(N) where the string grows by N bytes.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let (level, lives) = (FieldType::unsigned(4)?.at(0), FieldType::unsigned(4)?.at(4));
    /// let begin = [level.set(1), lives.set(3)];
    /// assert_eq!(redis.bitfield("player", begin)?, [Some(0), Some(0)]);
    /// let fail = [lives.incr_by(-4).overflow(Overflow::Fail), level.incr_by(20).overflow(Overflow::Saturate), lives.get()];
    /// assert_eq!(redis.bitfield("player", fail)?, [None, Some(15), Some(3)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitfield(
        &self,
        key: impl ToArg,
        operations: impl IntoIterator<Item = FieldOperation>,
    ) -> Result<Vec<Option<i64>>> {
        let operations = FieldOperations::new(operations.into_iter().collect::<Vec<_>>());
        self.run_write(&BitField { key: &arg(&key)?, operations })
    }

    /// Reads integers of any width among the bits of a string; past its end, and in a missing one, there are zeros. `BITFIELD_RO`.
    ///
    /// # Errors
    /// Refused if no string can be so long.
    ///
    /// Complexity: O(1) for each of them.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", [0x12, 0xff])?;
    /// let fields = [FieldType::unsigned(4)?.nth(1), FieldType::signed(8)?.at(8)];
    /// assert_eq!(redis.bitfield_ro("k", fields)?, [2, -1]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bitfield_ro(&self, key: impl ToArg, fields: impl IntoIterator<Item = Field>) -> Result<Vec<i64>> {
        let operations = FieldOperations::new(fields.into_iter().map(Field::get).collect::<Vec<_>>());
        let values = self.run_read(&BitFieldRo { key: &arg(&key)?, operations })?;
        Ok(values.into_iter().flatten().collect())
    }

    // HyperLogLogs.

    /// Adds elements to a HyperLogLog, which estimates how many different ones it has seen and takes 12304 bytes at most. True if its
    /// estimate may be another one; also if there was none, which is then created, even for no elements at all. `PFADD`.
    ///
    /// It is a string of Redis's own bytes, so it can be moved between stores and servers by `GET` and `SET`.
    ///
    /// # Errors
    /// Refused if the key holds something else.
    ///
    /// Complexity: O(1) for each element.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.pfadd("visitors", ["ada", "grace"])?);
    /// assert!(!redis.pfadd("visitors", ["ada"])?);
    /// assert_eq!(redis.pfcount(["visitors"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pfadd(&self, key: impl ToArg, elements: impl IntoIterator<Item = impl ToArg>) -> Result<bool> {
        let key = arg(&key)?;
        ArgList::new(elements)
            .with(|elements| self.run_write(&PfAdd { key: &key, elements: elements.into() }))
    }

    /// Estimates how many different elements HyperLogLogs have seen together; a missing one has seen none. The standard error is
    /// 0.81 %. `PFCOUNT`.
    ///
    /// The estimate of a single one is kept in its bytes until it changes. *Differs* from Redis, where keeping it counts as a change to
    /// those who watch the key.
    ///
    /// # Errors
    /// Refused if a key holds something else, or one that is damaged.
    ///
    /// Complexity: O(1) for a single one whose estimate is kept, else O(N), N being the number of keys.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.pfadd("monday", ["ada", "grace"])?;
    /// redis.pfadd("tuesday", ["ada", "barbara"])?;
    /// assert_eq!(redis.pfcount(["monday", "tuesday"])?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pfcount(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<i64> {
        ArgList::new(keys).with(|keys| self.run_read(&PfCount { keys: keys.into() }))
    }

    /// Adds to a HyperLogLog what others have seen, creating it if it is not there. `PFMERGE`.
    ///
    /// # Errors
    /// Refused if a key holds something else, or one that is damaged.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.pfadd("monday", ["ada", "grace"])?;
    /// redis.pfadd("tuesday", ["ada", "barbara"])?;
    /// redis.pfmerge("week", ["monday", "tuesday"])?;
    /// assert_eq!(redis.pfcount(["week"])?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pfmerge(&self, destination: impl ToArg, sources: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        let destination = arg(&destination)?;
        ArgList::new(sources)
            .with(|sources| self.run_write(&PfMerge { destination: &destination, sources: sources.into() }))
    }

    // Keys.

    /// Deletes keys and returns how many were there. Their memory is freed after every lock is gone. `DEL`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// assert_eq!(redis.delete(["a", "b", "c"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn delete(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_write(&Del { keys: keys.into() }))
    }

    /// Deletes keys and returns how many were there. Their memory is freed after every lock is gone. `UNLINK`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// assert_eq!(redis.unlink(["a", "b", "c"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn unlink(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_write(&Unlink { keys: keys.into() }))
    }

    /// Counts how many of the keys are there; one that is named twice counts twice. `EXISTS`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("a", 1)?;
    /// assert_eq!(redis.exists(["a", "b", "a"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn exists(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&Exists { keys: keys.into() }))
    }

    /// Counts how many of the keys are there and notes that they were used. `TOUCH`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("a", 1)?;
    /// assert_eq!(redis.touch(["a", "b"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn touch(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&Touch { keys: keys.into() }))
    }

    /// Says what a key holds: `string`, `list`, `hash`, `set`, `zset`, or `none` if there is no such key. `TYPE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["x"])?;
    /// assert_eq!(redis.key_type("l")?, "list");
    /// assert_eq!(redis.key_type("nosuch")?, "none");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn key_type(&self, key: impl ToArg) -> Result<&'static str> {
        self.run_read(&Type { key: &arg(&key)? })
    }

    /// Gives a key a time to live; false if there is no such key. No time at all deletes it. `EXPIRE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.expire("k", Duration::from_secs(60))?);
    /// assert!(!redis.expire("nosuch", Duration::from_secs(60))?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn expire(&self, key: impl ToArg, ttl: Duration) -> Result<bool> {
        self.expire_with(key, ttl, ExpireWhen::Always)
    }

    /// Gives a key a time to live if `when` allows it; false if it did not. `EXPIRE` with `NX`, `XX`, `GT`, `LT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.setex("k", Duration::from_secs(60), "v")?;
    /// assert!(!redis.expire_with("k", Duration::from_secs(30), ExpireWhen::Later)?);
    /// assert!(redis.expire_with("k", Duration::from_secs(90), ExpireWhen::Later)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn expire_with(&self, key: impl ToArg, ttl: Duration, when: ExpireWhen) -> Result<bool> {
        let amount = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.run_write(&PExpire { key: &arg(&key)?, amount, when })
    }

    /// Gives a key a time to live, to the millisecond as [`Commands::expire`] does too. `PEXPIRE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.pexpire("k", Duration::from_millis(1500))?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pexpire(&self, key: impl ToArg, ttl: Duration) -> Result<bool> {
        self.expire(key, ttl)
    }

    /// Gives a key a deadline; false if there is no such key. One that is not in the future deletes it. `EXPIREAT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.expireat("k", UnixMs(33_177_117_420_000))?);
    /// assert_eq!(redis.expiretime("k")?, ExpiresAt::At(UnixMs(33_177_117_420_000)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn expireat(&self, key: impl ToArg, at: UnixMs) -> Result<bool> {
        self.run_write(&PExpireAt { key: &arg(&key)?, amount: at.0, when: ExpireWhen::Always })
    }

    /// Gives a key a deadline, to the millisecond as [`Commands::expireat`] does too. `PEXPIREAT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.pexpireat("k", UnixMs(33_177_117_420_123))?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pexpireat(&self, key: impl ToArg, at: UnixMs) -> Result<bool> {
        self.expireat(key, at)
    }

    /// Says how long a key has to live, to the millisecond. `TTL`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.ttl("nosuch")?, Ttl::Missing);
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.ttl("k")?, Ttl::Persistent);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn ttl(&self, key: impl ToArg) -> Result<Ttl> {
        self.run_read(&PTtl { key: &arg(&key)? }).map(|reply| reply.0)
    }

    /// Says how long a key has to live, to the millisecond. `PTTL`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.pttl("nosuch")?, Ttl::Missing);
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.pttl("k")?, Ttl::Persistent);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pttl(&self, key: impl ToArg) -> Result<Ttl> {
        self.run_read(&PTtl { key: &arg(&key)? }).map(|reply| reply.0)
    }

    /// Says until when a key lives, to the millisecond. `EXPIRETIME`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.expiretime("k")?, ExpiresAt::Never);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn expiretime(&self, key: impl ToArg) -> Result<ExpiresAt> {
        self.run_read(&PExpireTime { key: &arg(&key)? }).map(|reply| reply.0)
    }

    /// Says until when a key lives, to the millisecond. `PEXPIRETIME`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.pexpiretime("k")?, ExpiresAt::Never);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn pexpiretime(&self, key: impl ToArg) -> Result<ExpiresAt> {
        self.run_read(&PExpireTime { key: &arg(&key)? }).map(|reply| reply.0)
    }

    /// Takes away a key's deadline; false if it had none or is not there. `PERSIST`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.setex("k", Duration::from_secs(60), "v")?;
    /// assert!(redis.persist("k")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn persist(&self, key: impl ToArg) -> Result<bool> {
        self.run_write(&Persist { key: &arg(&key)? })
    }

    /// Returns the names of all keys that match a pattern, in no particular order. `KEYS`.
    ///
    /// All of them at once, while writers wait: [`Commands::scan_iter`] is for big stores.
    ///
    /// Complexity: O(N), N being the number of keys in the database.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("user:1", "a"), ("user:2", "b"), ("other", "c")])?;
    /// assert_eq!(redis.keys("user:*")?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn keys(&self, pattern: impl ToArg) -> Result<Vec<Bytes>> {
        self.run_read(&Keys { pattern: &arg(&pattern)? })
    }

    /// Returns the name of some key, each equally likely; `None` in an empty database. `RANDOMKEY`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.randomkey()?, None);
    /// redis.set("only", 1)?;
    /// assert_eq!(redis.randomkey()?.unwrap(), "only");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn randomkey(&self) -> Result<Option<Bytes>> {
        self.run_read(&RandomKey)
    }

    /// Gives a key another name, replacing a key of that name. `RENAME`.
    ///
    /// # Errors
    /// Refused if there is no such key.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("a", 1)?;
    /// redis.rename("a", "b")?;
    /// assert_eq!(redis.get("b")?.unwrap(), "1");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rename(&self, key: impl ToArg, to: impl ToArg) -> Result<()> {
        self.run_write(&Rename { key: &arg(&key)?, to: &arg(&to)? })
    }

    /// Gives a key another name unless a key of that name is there; false if one was. `RENAMENX`.
    ///
    /// # Errors
    /// Refused if there is no such key.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// assert!(!redis.renamenx("a", "b")?);
    /// assert!(redis.renamenx("a", "c")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn renamenx(&self, key: impl ToArg, to: impl ToArg) -> Result<bool> {
        self.run_write(&RenameNx { key: &arg(&key)?, to: &arg(&to)? })
    }

    /// Moves a key to another database; false if it is not there, or one of that name is there already. `MOVE`.
    ///
    /// # Errors
    /// Refused if it is the same database, or there is no such one.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.move_to("k", 1)?);
    /// assert_eq!(redis.select(1)?.get("k")?.unwrap(), "v");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn move_to(&self, key: impl ToArg, db: usize) -> Result<bool> {
        self.run_write(&Move { key: &arg(&key)?, db: db as i64 })
    }

    /// Copies a key's value and deadline to another key; false if there is nothing to copy, or the other key is there. `COPY`.
    ///
    /// Complexity: O(N), N being the number of elements of the value.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("a", 1)?;
    /// assert!(redis.copy("a", "b")?);
    /// assert!(!redis.copy("a", "b")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn copy(&self, source: impl ToArg, destination: impl ToArg) -> Result<bool> {
        self.copy_with(source, destination, None, false)
    }

    /// Copies a key's value and deadline to another key, of another database if one is named, replacing what is there if asked to. `COPY` with `DB` and `REPLACE`.
    ///
    /// Complexity: O(N), N being the number of elements of the value.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// assert!(redis.copy_with("a", "b", None, true)?);
    /// assert_eq!(redis.get("b")?.unwrap(), "1");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn copy_with(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        db: Option<usize>,
        replace: bool,
    ) -> Result<bool> {
        self.run_write(&Copy {
            source: &arg(&source)?,
            destination: &arg(&destination)?,
            db: db.map(|db| db as i64),
            replace: Ok(replace),
        })
    }

    /// Writes a value in Redis's own bytes, which [`Commands::restore`] and servers read; `None` if the key is missing. `DUMP`.
    ///
    /// Complexity: O(N), N being the size of the value.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "value")?;
    /// let dumped = redis.dump("k")?.unwrap();
    /// assert_eq!(&dumped[..7], b"\x00\x05value");
    /// assert_eq!(redis.dump("nosuch")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn dump(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&Dump { key: &arg(&key)? })
    }

    /// Makes a key of what [`Commands::dump`], or a server of version 2.6 to 8.0, wrote. `RESTORE`.
    ///
    /// With a deadline that has passed there is no key afterwards.
    ///
    /// # Errors
    /// Refused if the key is there, if the bytes were changed on their way, or if they are no value.
    ///
    /// Complexity: O(N), N being the size of the value; O(N*log(N)) for a sorted set of N members.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("jobs", ["a", "b"])?;
    /// let dumped = redis.dump("jobs")?.unwrap();
    /// redis.restore("copy", Expiry::Clear, &dumped)?;
    /// assert_eq!(redis.lrange("copy", 0, -1)?, ["a", "b"]);
    /// assert!(redis.restore("copy", Expiry::Clear, &dumped).is_err(), "it is there");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn restore(&self, key: impl ToArg, expiry: Expiry, dumped: &[u8]) -> Result<()> {
        self.restore_with(key, expiry, dumped, RestoreOptions::default())
    }

    /// Makes a key of what [`Commands::dump`], or a server of version 2.6 to 8.0, wrote, replacing what is there if asked to. `RESTORE` with `REPLACE`,
    /// `IDLETIME` and `FREQ`.
    ///
    /// # Errors
    /// Refused as [`Commands::restore`] is, but for a key that is there if that gives way.
    ///
    /// Complexity: O(N), N being the size of the value; O(N*log(N)) for a sorted set of N members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// let dumped = redis.dump("a")?.unwrap();
    /// let options = RestoreOptions::default().replace().idle(Duration::from_secs(100));
    /// redis.restore_with("b", Expiry::In(Duration::from_secs(30)), &dumped, options)?;
    /// assert_eq!(redis.get("b")?.unwrap(), "1");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn restore_with(
        &self,
        key: impl ToArg,
        expiry: Expiry,
        dumped: &[u8],
        options: RestoreOptions,
    ) -> Result<()> {
        self.run_write(&Restore { key: &arg(&key)?, expiry: Ok(expiry), payload: dumped, options })
    }

    /// Takes one step of a walk over all keys: returns some names and where to go on, 0 when all were shown. `SCAN`.
    ///
    /// A key that is there from the first step to the last is shown at least once.
    ///
    /// Complexity: O(1) a step; O(N) for all of them, N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("a", 1), ("b", 2)])?;
    /// let mut step = redis.scan(0, ScanOptions::default())?;
    /// let mut found = step.items.len();
    /// while step.cursor != 0 {
    /// step = redis.scan(step.cursor, ScanOptions::default())?;
    /// found += step.items.len();
    /// }
    /// assert_eq!(found, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn scan(&self, cursor: u64, options: ScanOptions<'_>) -> Result<ScanReply<Bytes>> {
        self.run_read(&Scan { cursor, options })
    }

    /// Walks over all keys, some at a time; see [`Commands::scan`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.mset([("user:1", "a"), ("user:2", "b"), ("other", "c")])?;
    /// let users = redis.scan_iter(ScanOptions::default().matching(b"user:*"));
    /// assert_eq!(users.collect::<Result<Vec<_>>>()?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn scan_iter<'s>(&'s self, options: ScanOptions<'s>) -> ScanIter<'s, Self>
    where
        Self: Sized,
    {
        ScanIter { commands: self, options, steps: Steps::new() }
    }

    /// Says how a value is kept inside, in Redis's words; `None` if there is no such key. `OBJECT ENCODING`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("n", 7)?;
    /// assert_eq!(redis.object_encoding("n")?, Some("int"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn object_encoding(&self, key: impl ToArg) -> Result<Option<&'static str>> {
        Ok(self.run_read(&ObjectEncoding { key: &arg(&key)? })?.map(redlet_core::types::Encoding::as_str))
    }

    /// Says how often a key is used, on a logarithmic scale. `OBJECT FREQ`.
    ///
    /// # Errors
    /// Refused unless `maxmemory-policy` is an LFU policy.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.config_set([("maxmemory-policy", "allkeys-lfu")])?;
    /// redis.set("k", "v")?;
    /// assert!(redis.object_freq("k")?.is_some());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn object_freq(&self, key: impl ToArg) -> Result<Option<i64>> {
        self.run_read(&ObjectFreq { key: &arg(&key)? })
    }

    /// Says for how long a key was not used, to the second. `OBJECT IDLETIME`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert!(redis.object_idletime("k")?.unwrap() < Duration::from_secs(5));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn object_idletime(&self, key: impl ToArg) -> Result<Option<Duration>> {
        let seconds = self.run_read(&ObjectIdleTime { key: &arg(&key)? })?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.max(0) as u64)))
    }

    /// Says how many places refer to a value: always one. `OBJECT REFCOUNT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.object_refcount("k")?, Some(1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn object_refcount(&self, key: impl ToArg) -> Result<Option<i64>> {
        self.run_read(&ObjectRefCount { key: &arg(&key)? })
    }

    // Hashes.

    /// Sets a field of a hash; true if it is new. `HSET`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.hset("user:1", "name", "Ada")?);
    /// assert!(!redis.hset("user:1", "name", "Grace")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hset(&self, key: impl ToArg, field: impl ToArg, value: impl ToArg) -> Result<bool> {
        Ok(self.hset_mapping(key, [(field, value)])? == 1)
    }

    /// Sets fields of a hash and returns how many are new. `HSET` with several fields.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.hset_mapping("user:1", [("name", "Ada"), ("born", "1815")])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hset_mapping(
        &self,
        key: impl ToArg,
        pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
    ) -> Result<usize> {
        let key = arg(&key)?;
        PairList::new(pairs).with(|pairs| self.run_write(&HSet { key: &key, pairs: pairs.into() }))
    }

    /// Makes a hash of values whose fields were named before, in the place of the one that was there: for many hashes alike.
    /// `HIMPORT SET` of Redis 8.10.
    ///
    /// By words, [`Session`](crate::Session) keeps fieldsets under names: `HIMPORT PREPARE`.
    ///
    /// # Errors
    /// [`Error::WrongType`](redlet_core::Error::WrongType) if the key holds something else; refused if there are not as many values as
    /// fields.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let user = Fieldset::new(["name", "email"])?;
    /// redis.himport_set("user:1", &user, ["alice", "alice@example.com"])?;
    /// redis.himport_set("user:2", &user, ["bob", "bob@example.com"])?;
    /// assert_eq!(redis.hget("user:2", "name")?.unwrap(), "bob");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn himport_set(
        &self,
        key: impl ToArg,
        fieldset: &Fieldset,
        values: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<()> {
        ArgList::new(values).with(|values| {
            let fields = FieldNames::Given(fieldset.clone());
            self.run_write(&HImportSet { key: &arg(&key)?, fields, values: values.into() })
        })
    }

    /// Sets a field unless it is there already; false if it was. `HSETNX`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.hsetnx("h", "f", 1)?);
    /// assert!(!redis.hsetnx("h", "f", 2)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hsetnx(&self, key: impl ToArg, field: impl ToArg, value: impl ToArg) -> Result<bool> {
        self.run_write(&HSetNx { key: &arg(&key)?, field: &arg(&field)?, value: &arg(&value)? })
    }

    /// Sets fields of a hash. `HMSET`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hmset("h", [("a", 1), ("b", 2)])?;
    /// assert_eq!(redis.hlen("h")?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hmset(
        &self,
        key: impl ToArg,
        pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
    ) -> Result<()> {
        self.hset_mapping(key, pairs).map(drop)
    }

    /// Returns the value of a field; `None` if it is not there. `HGET`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hget("h", "f")?.unwrap(), "v");
    /// assert_eq!(redis.hget("h", "g")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hget(&self, key: impl ToArg, field: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&HGet { key: &arg(&key)?, field: &arg(&field)? })
    }

    /// Returns the values of several fields, `None` for each that is not there. `HMGET`.
    ///
    /// Complexity: O(N), N being the number of fields asked for.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hmget("h", ["f", "g"])?[1], None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hmget(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<Bytes>>> {
        let key = arg(&key)?;
        ArgList::new(fields).with(|fields| self.run_read(&HMGet { key: &key, fields: fields.into() }))
    }

    /// Returns the fields and values of a hash; nothing if there is no such key. `HGETALL`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset_mapping("h", [("a", 1), ("b", 2)])?;
    /// assert_eq!(redis.hgetall("h")?[&b"b"[..]], "2");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hgetall(&self, key: impl ToArg) -> Result<HashMap<Bytes, Bytes>> {
        Ok(self.run_read(&HGetAll { key: &arg(&key)? })?.0.into_iter().collect())
    }

    /// Returns the fields of a hash. `HKEYS`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hkeys("h")?, ["f"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hkeys(&self, key: impl ToArg) -> Result<Vec<Bytes>> {
        self.run_read(&HKeys { key: &arg(&key)? })
    }

    /// Returns the values of a hash. `HVALS`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hvals("h")?, ["v"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hvals(&self, key: impl ToArg) -> Result<Vec<Bytes>> {
        self.run_read(&HVals { key: &arg(&key)? })
    }

    /// Counts the fields of a hash; 0 if there is no such key. `HLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hlen("h")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hlen(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&HLen { key: &arg(&key)? })
    }

    /// Returns the length of a field's value in bytes; 0 if it is not there. `HSTRLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "value")?;
    /// assert_eq!(redis.hstrlen("h", "f")?, 5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hstrlen(&self, key: impl ToArg, field: impl ToArg) -> Result<usize> {
        self.run_read(&HStrLen { key: &arg(&key)?, field: &arg(&field)? })
    }

    /// Says whether a hash has a field. `HEXISTS`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert!(redis.hexists("h", "f")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hexists(&self, key: impl ToArg, field: impl ToArg) -> Result<bool> {
        self.run_read(&HExists { key: &arg(&key)?, field: &arg(&field)? })
    }

    /// Removes fields and returns how many were there; a hash without fields is no key. `HDEL`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hdel("h", ["f", "g"])?, 1);
    /// assert_eq!(redis.exists(["h"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hdel(&self, key: impl ToArg, fields: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(fields).with(|fields| self.run_write(&HDel { key: &key, fields: fields.into() }))
    }

    /// Adds to the integer in a field, 0 if it is not there, and returns the result. `HINCRBY`.
    ///
    /// # Errors
    /// Refused if the field holds no integer, or the result would be none.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.hincrby("h", "n", 3)?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hincrby(&self, key: impl ToArg, field: impl ToArg, by: i64) -> Result<i64> {
        self.run_write(&HIncrBy { key: &arg(&key)?, field: &arg(&field)?, by })
    }

    /// Adds to the number in a field, 0 if it is not there, and returns the result. `HINCRBYFLOAT`.
    ///
    /// # Errors
    /// Refused if the field holds no number, or the result would be infinite.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.hincrbyfloat("h", "n", 0.5)?, 0.5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hincrbyfloat(&self, key: impl ToArg, field: impl ToArg, by: f64) -> Result<f64> {
        let by = Extended::from_f64(by);
        float(&self.run_write(&HIncrByFloat { key: &arg(&key)?, field: &arg(&field)?, by })?)
    }

    /// Returns some field of a hash, each equally likely; `None` if there is no such key. `HRANDFIELD`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hrandfield("h")?.unwrap(), "f");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hrandfield(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_read(&HRandField { key: &arg(&key)?, draw: Draw::One, with_values: false })? {
            HRandFieldReply::One(field) => Ok(field),
            _ => unreachable!("a draw of one is one"),
        }
    }

    /// Returns some fields of a hash with their values. `HRANDFIELD` with a count and `WITHVALUES`.
    ///
    /// # Panics
    /// With [`Draw::One`]; that is [`Commands::hrandfield`].
    ///
    /// Complexity: O(N), N being the number of fields of the hash.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset_mapping("h", [("a", 1), ("b", 2)])?;
    /// assert_eq!(redis.hrandfield_many("h", Draw::Different(5))?.len(), 2);
    /// assert_eq!(redis.hrandfield_many("h", Draw::Repeating(5))?.len(), 5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hrandfield_many(&self, key: impl ToArg, draw: Draw) -> Result<Vec<(Bytes, Bytes)>> {
        match self.run_read(&HRandField { key: &arg(&key)?, draw: draw.as_many(), with_values: true })? {
            HRandFieldReply::Values(pairs) => Ok(pairs),
            HRandFieldReply::One(_) | HRandFieldReply::Fields(_) => {
                unreachable!("one was asked for as many of one")
            }
        }
    }

    /// Takes one step of a walk over a hash: fields with their values (unless the options say not) and where to go on. `HSCAN`.
    ///
    /// Complexity: O(1) a step; O(N) for all of them, N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// let step = redis.hscan("h", 0, ScanOptions::default())?;
    /// assert_eq!((step.cursor, step.items.len()), (0, 1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hscan(
        &self,
        key: impl ToArg,
        cursor: u64,
        options: ScanOptions<'_>,
    ) -> Result<ScanReply<(Bytes, Option<Bytes>)>> {
        self.run_read(&HScan { key: &arg(&key)?, cursor, options: Ok(options) })
    }

    /// Walks over the fields and values of a hash, some at a time; see [`Commands::hscan`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset_mapping("h", [("a", 1), ("b", 2)])?;
    /// let fields = redis.hscan_iter("h", ScanOptions::default());
    /// assert_eq!(fields.collect::<Result<Vec<_>>>()?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hscan_iter<'s>(&'s self, key: impl ToArg, options: ScanOptions<'s>) -> HScanIter<'s, Self>
    where
        Self: Sized,
    {
        HScanIter { commands: self, key: key.to_arg().to_vec(), options, steps: Steps::new() }
    }

    /// Gives fields of a hash a time to live, and says for each what became of it. No time at all removes them. `HEXPIRE`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset_mapping("h", [("a", 1), ("b", 2)])?;
    /// let set = redis.hexpire("h", Duration::from_secs(60), ["a", "nosuch"])?;
    /// assert_eq!(set, [FieldExpire::Set, FieldExpire::Missing]);
    /// assert!(matches!(redis.httl("h", ["a"])?[0], Ttl::Remaining(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hexpire(
        &self,
        key: impl ToArg,
        ttl: Duration,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.hexpire_with(key, ttl, ExpireWhen::Always, fields)
    }

    /// Gives fields of a hash a time to live, each if `when` allows it, for which Redis has all words but
    /// those of [`ExpireWhen::SomeLater`] and [`ExpireWhen::SomeEarlier`]. `HEXPIRE` with `NX`, `XX`, `GT`, `LT`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// redis.hexpire("h", Duration::from_secs(60), ["f"])?;
    /// let set = redis.hexpire_with("h", Duration::from_secs(30), ExpireWhen::Later, ["f"])?;
    /// assert_eq!(set, [FieldExpire::Refused]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hexpire_with(
        &self,
        key: impl ToArg,
        ttl: Duration,
        when: ExpireWhen,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        let amount = Ok(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let key = arg(&key)?;
        ArgList::new(fields)
            .with(|fields| self.run_write(&HPExpire { key: &key, amount, when, fields: Ok(fields.into()) }))
    }

    /// Gives fields of a hash a time to live, to the millisecond as [`Commands::hexpire`] does too. `HPEXPIRE`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hpexpire("h", Duration::from_millis(1500), ["f"])?, [FieldExpire::Set]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hpexpire(
        &self,
        key: impl ToArg,
        ttl: Duration,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.hexpire(key, ttl, fields)
    }

    /// Gives fields of a hash a deadline. One that is not in the future removes them. `HEXPIREAT`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// redis.hexpireat("h", UnixMs(33_177_117_420_000), ["f"])?;
    /// assert_eq!(redis.hexpiretime("h", ["f"])?, [ExpiresAt::At(UnixMs(33_177_117_420_000))]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hexpireat(
        &self,
        key: impl ToArg,
        at: UnixMs,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        let (amount, when) = (Ok(at.0), ExpireWhen::Always);
        let key = arg(&key)?;
        ArgList::new(fields)
            .with(|fields| self.run_write(&HPExpireAt { key: &key, amount, when, fields: Ok(fields.into()) }))
    }

    /// Gives fields of a hash a deadline, to the millisecond as [`Commands::hexpireat`] does too. `HPEXPIREAT`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hpexpireat("h", UnixMs(0), ["f"])?, [FieldExpire::Deleted]);
    /// assert_eq!(redis.exists(["h"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hpexpireat(
        &self,
        key: impl ToArg,
        at: UnixMs,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.hexpireat(key, at, fields)
    }

    /// Says how long each field of a hash has to live, to the millisecond. `HTTL`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.httl("h", ["f", "g"])?, [Ttl::Persistent, Ttl::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn httl(&self, key: impl ToArg, fields: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Ttl>> {
        let key = arg(&key)?;
        let answers = ArgList::new(fields)
            .with(|fields| self.run_read(&HPTtl { key: &key, fields: Ok(fields.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says how long each field of a hash has to live, to the millisecond. `HPTTL`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hpttl("h", ["f"])?, [Ttl::Persistent]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hpttl(&self, key: impl ToArg, fields: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Ttl>> {
        let key = arg(&key)?;
        let answers = ArgList::new(fields)
            .with(|fields| self.run_read(&HPTtl { key: &key, fields: Ok(fields.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says until when each field of a hash lives, to the millisecond. `HEXPIRETIME`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hexpiretime("h", ["f", "g"])?, [ExpiresAt::Never, ExpiresAt::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hexpiretime(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<ExpiresAt>> {
        let key = arg(&key)?;
        let answers = ArgList::new(fields)
            .with(|fields| self.run_read(&HPExpireTime { key: &key, fields: Ok(fields.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says until when each field of a hash lives, to the millisecond. `HPEXPIRETIME`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hpexpiretime("h", ["f"])?, [ExpiresAt::Never]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hpexpiretime(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<ExpiresAt>> {
        let key = arg(&key)?;
        let answers = ArgList::new(fields)
            .with(|fields| self.run_read(&HPExpireTime { key: &key, fields: Ok(fields.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Takes away the deadlines of fields of a hash, and says for each what became of it. `HPERSIST`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// redis.hexpire("h", Duration::from_secs(60), ["f"])?;
    /// assert_eq!(redis.hpersist("h", ["f", "g"])?, [FieldPersist::Cleared, FieldPersist::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hpersist(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldPersist>> {
        let key = arg(&key)?;
        ArgList::new(fields).with(|fields| self.run_write(&HPersist { key: &key, fields: Ok(fields.into()) }))
    }

    /// Returns the values of fields and removes them, `None` for each that is not there. `HGETDEL`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// assert_eq!(redis.hgetdel("h", ["f"])?[0].as_deref(), Some(&b"v"[..]));
    /// assert_eq!(redis.exists(["h"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hgetdel(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<Bytes>>> {
        let key = arg(&key)?;
        ArgList::new(fields).with(|fields| self.run_write(&HGetDel { key: &key, fields: Ok(fields.into()) }))
    }

    /// Returns the values of fields and changes their time to live; [`Expiry::Clear`] takes deadlines away. `HGETEX`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.hset("h", "f", "v")?;
    /// redis.hgetex("h", Expiry::In(Duration::from_secs(9)), ["f"])?;
    /// assert!(matches!(redis.httl("h", ["f"])?[0], Ttl::Remaining(_)));
    /// redis.hgetex("h", Expiry::Clear, ["f"])?;
    /// assert_eq!(redis.httl("h", ["f"])?, [Ttl::Persistent]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hgetex(
        &self,
        key: impl ToArg,
        expiry: Expiry,
        fields: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<Bytes>>> {
        let expiry = Ok(expiry);
        let key = arg(&key)?;
        ArgList::new(fields)
            .with(|fields| self.run_write(&HGetEx { key: &key, expiry, fields: Ok(fields.into()) }))
    }

    /// Sets fields of a hash and their time to live; false if `when` refused it. [`Expiry::Clear`] takes deadlines away. `HSETEX`.
    ///
    /// Complexity: O(N), N being the number of fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let ttl = Expiry::In(Duration::from_secs(60));
    /// assert!(redis.hsetex("h", [("a", 1), ("b", 2)], WhenFields::Missing, ttl)?);
    /// assert!(!redis.hsetex("h", [("b", 3), ("c", 4)], WhenFields::Present, ttl)?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn hsetex(
        &self,
        key: impl ToArg,
        pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        when: WhenFields,
        expiry: Expiry,
    ) -> Result<bool> {
        let key = arg(&key)?;
        PairList::new(pairs)
            .with(|pairs| self.run_write(&HSetEx { key: &key, when, expiry, pairs: pairs.into() }))
    }

    // Lists.

    /// Puts elements before the first of a list, one after the other, and returns the new length. `LPUSH`.
    ///
    /// Complexity: O(N), N being the number of elements pushed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.lpush("l", ["a", "b"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpush(&self, key: impl ToArg, values: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&LPush { key: &key, elements: values.into() }))
    }

    /// Puts elements after the last of a list and returns the new length. `RPUSH`.
    ///
    /// Complexity: O(N), N being the number of elements pushed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.rpush("l", ["a", "b"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rpush(&self, key: impl ToArg, values: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&RPush { key: &key, elements: values.into() }))
    }

    /// Puts elements before the first of a list if there is one, and returns the new length, 0 if there is none. `LPUSHX`.
    ///
    /// Complexity: O(N), N being the number of elements pushed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.lpushx("nosuch", ["a"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpushx(&self, key: impl ToArg, values: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&LPushX { key: &key, elements: values.into() }))
    }

    /// Puts elements after the last of a list if there is one, and returns the new length, 0 if there is none. `RPUSHX`.
    ///
    /// Complexity: O(N), N being the number of elements pushed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.rpushx("nosuch", ["a"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rpushx(&self, key: impl ToArg, values: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&RPushX { key: &key, elements: values.into() }))
    }

    /// Removes and returns the first element; `None` if there is no such key. `LPOP`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["x"])?;
    /// assert_eq!(redis.lpop("l")?.unwrap(), "x");
    /// assert_eq!(redis.lpop("l")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpop(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_write(&LPop { key: &arg(&key)?, count: None })? {
            PopReply::One(element) => Ok(element),
            PopReply::Many(_) => unreachable!("no count was given"),
        }
    }

    /// Removes and returns up to `count` elements from the first on. `LPOP` with a count.
    ///
    /// Complexity: O(N), N being the number of elements returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "c"])?;
    /// assert_eq!(redis.lpop_count("l", 2)?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpop_count(&self, key: impl ToArg, count: usize) -> Result<Vec<Bytes>> {
        match self.run_write(&LPop { key: &arg(&key)?, count: Some(count) })? {
            PopReply::Many(elements) => Ok(elements.unwrap_or_default()),
            PopReply::One(_) => unreachable!("a count was given"),
        }
    }

    /// Removes and returns the last element; `None` if there is no such key. `RPOP`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["x"])?;
    /// assert_eq!(redis.rpop("l")?.unwrap(), "x");
    /// assert_eq!(redis.rpop("l")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rpop(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_write(&RPop { key: &arg(&key)?, count: None })? {
            PopReply::One(element) => Ok(element),
            PopReply::Many(_) => unreachable!("no count was given"),
        }
    }

    /// Removes and returns up to `count` elements from the last on. `RPOP` with a count.
    ///
    /// Complexity: O(N), N being the number of elements returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "c"])?;
    /// assert_eq!(redis.rpop_count("l", 2)?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rpop_count(&self, key: impl ToArg, count: usize) -> Result<Vec<Bytes>> {
        match self.run_write(&RPop { key: &arg(&key)?, count: Some(count) })? {
            PopReply::Many(elements) => Ok(elements.unwrap_or_default()),
            PopReply::One(_) => unreachable!("a count was given"),
        }
    }

    /// Removes and returns up to `count` elements of the first of several lists that is there, with its key. `LMPOP`.
    ///
    /// Complexity: O(N+M), N being the number of keys and M the number of elements returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("b", ["x", "y"])?;
    /// let (key, elements) = redis.lmpop(["a", "b"], End::Left, 10)?.unwrap();
    /// assert_eq!((key, elements.len()), (Bytes::from("b"), 2));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lmpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: End,
        count: usize,
    ) -> Result<Option<(Bytes, Vec<Bytes>)>> {
        ArgList::new(keys)
            .with(|keys| self.run_write(&LMPop { keys: keys.into(), end, count }))
            .map(|reply| reply.0)
    }

    /// Moves an element from an end of one list to an end of another, and returns it; `None` if there is none. `LMOVE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("todo", ["job"])?;
    /// assert_eq!(redis.lmove("todo", "doing", End::Left, End::Right)?.unwrap(), "job");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lmove(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
    ) -> Result<Option<Bytes>> {
        self.run_write(&LMove { source: &arg(&source)?, destination: &arg(&destination)?, from, to })
    }

    /// Moves elements from an end of one list to an end of another, and returns them in the order in which they lie there; `None` if none is
    /// moved. `LMOVEM`, of Redis 8.10.
    ///
    /// # Errors
    /// Both keys have to hold lists, or nothing; else nothing is moved.
    ///
    /// Complexity: O(N), N being the number of elements moved.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("todo", ["a", "b", "c"])?;
    /// let moved = redis.lmovem("todo", "doing", End::Left, End::Left, MoveMany::up_to(2))?;
    /// assert_eq!(moved.unwrap(), ["a", "b"]);
    /// let moved = redis.lmovem("doing", "done", End::Left, End::Left, MoveMany::exactly(2).one_by_one())?;
    /// assert_eq!(moved.unwrap(), ["b", "a"]);
    /// assert_eq!(redis.lmovem("todo", "doing", End::Left, End::Left, MoveMany::exactly(2))?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lmovem(
        &self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        many: MoveMany,
    ) -> Result<Option<Vec<Bytes>>> {
        let (source, destination) = (arg(&source)?, arg(&destination)?);
        Ok(self.run_write(&LMoveM { source: &source, destination: &destination, from, to, many })?.0)
    }

    /// Moves the last element of one list before the first of another, and returns it. `RPOPLPUSH`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("a", ["x"])?;
    /// assert_eq!(redis.rpoplpush("a", "b")?.unwrap(), "x");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn rpoplpush(&self, source: impl ToArg, destination: impl ToArg) -> Result<Option<Bytes>> {
        self.run_write(&RPopLPush { source: &arg(&source)?, destination: &arg(&destination)? })
    }

    /// Counts the elements of a list; 0 if there is no such key. `LLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b"])?;
    /// assert_eq!(redis.llen("l")?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn llen(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&LLen { key: &arg(&key)? })
    }

    /// Returns the element at a place, negative counting from the end; `None` if there is none. `LINDEX`.
    ///
    /// Complexity: O(N), N being the number of packed parts between the place and the nearer end.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b"])?;
    /// assert_eq!(redis.lindex("l", -1)?.unwrap(), "b");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lindex(&self, key: impl ToArg, index: i64) -> Result<Option<Bytes>> {
        self.run_read(&LIndex { key: &arg(&key)?, index: Ok(index) })
    }

    /// Returns the elements from `start` to `stop`, both included; negative counts from the end. `LRANGE`.
    ///
    /// Complexity: O(S+N), S being the number of packed parts before the start and N the number of elements returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "c"])?;
    /// assert_eq!(redis.lrange("l", 0, -1)?, ["a", "b", "c"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lrange(&self, key: impl ToArg, start: i64, stop: i64) -> Result<Vec<Bytes>> {
        self.run_read(&LRange { key: &arg(&key)?, start, stop })
    }

    /// Keeps the elements from `start` to `stop`, both included, and removes the rest. `LTRIM`.
    ///
    /// Complexity: O(N), N being the number of elements removed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "c"])?;
    /// redis.ltrim("l", -2, -1)?;
    /// assert_eq!(redis.lrange("l", 0, -1)?, ["b", "c"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn ltrim(&self, key: impl ToArg, start: i64, stop: i64) -> Result<()> {
        self.run_write(&LTrim { key: &arg(&key)?, start, stop })
    }

    /// Replaces the element at a place. `LSET`.
    ///
    /// # Errors
    /// Refused if there is no such key or no such place.
    ///
    /// Complexity: O(N), N being the number of packed parts between the place and the nearer end.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a"])?;
    /// redis.lset("l", 0, "b")?;
    /// assert!(redis.lset("l", 5, "c").is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lset(&self, key: impl ToArg, index: i64, value: impl ToArg) -> Result<()> {
        self.run_write(&LSet { key: &arg(&key)?, index: Ok(index), element: &arg(&value)? })
    }

    /// Puts an element before or after the first one that equals `pivot`, and returns the new length; `None` if there is none. `LINSERT`.
    ///
    /// Complexity: O(N), N being the number of elements before the pivot.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "c"])?;
    /// assert_eq!(redis.linsert("l", Side::Before, "c", "b")?, Some(3));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn linsert(
        &self,
        key: impl ToArg,
        side: Side,
        pivot: impl ToArg,
        value: impl ToArg,
    ) -> Result<Option<usize>> {
        let reply = self.run_write(&LInsert {
            key: &arg(&key)?,
            side,
            pivot: &arg(&pivot)?,
            element: &arg(&value)?,
        })?;
        Ok(match reply {
            LInsertReply::Length(length) => Some(length),
            LInsertReply::NoKey | LInsertReply::NoPivot => None,
        })
    }

    /// Removes elements that equal `value` and returns how many: up to `count` from the front, from the end if negative, all if 0. `LREM`.
    ///
    /// Complexity: O(N), N being the number of elements of the list.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "a"])?;
    /// assert_eq!(redis.lrem("l", 0, "a")?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lrem(&self, key: impl ToArg, count: i64, value: impl ToArg) -> Result<usize> {
        self.run_write(&LRem { key: &arg(&key)?, count, element: &arg(&value)? })
    }

    /// Finds the first place of an element; `None` if it is not there. `LPOS`.
    ///
    /// Complexity: O(N), N being the number of elements before it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b"])?;
    /// assert_eq!(redis.lpos("l", "b")?, Some(1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpos(&self, key: impl ToArg, value: impl ToArg) -> Result<Option<usize>> {
        Ok(self.lpos_with(key, value, 1, 1, 0)?.first().copied())
    }

    /// Finds places of an element: from the match number `rank` on (from the end if negative), `count` of them (0 for all), comparing `max_len` elements at most (0 for all). `LPOS` with `RANK`, `COUNT` and `MAXLEN`.
    ///
    /// # Errors
    /// Refused if `rank` is 0.
    ///
    /// Complexity: O(N), N being the number of elements compared.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("l", ["a", "b", "a"])?;
    /// assert_eq!(redis.lpos_with("l", "a", 1, 0, 0)?, [0, 2]);
    /// assert_eq!(redis.lpos_with("l", "a", -1, 1, 0)?, [2]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lpos_with(
        &self,
        key: impl ToArg,
        value: impl ToArg,
        rank: i64,
        count: usize,
        max_len: usize,
    ) -> Result<Vec<usize>> {
        let command = LPos { key: &arg(&key)?, element: &arg(&value)?, rank, count: Some(count), max_len };
        match self.run_read(&command)? {
            LPosReply::Many(places) => Ok(places),
            LPosReply::One(_) => unreachable!("a count was given"),
        }
    }

    // Sorting.

    /// Returns the elements of a list, a set or a sorted set in order, lowest first, or what other keys hold for them; nothing if
    /// there is no such key. `SORT`.
    ///
    /// Elements count as numbers unless told otherwise. Each pattern that is asked for with [`SortOptions::get`] gives a value for each element,
    /// which is `None` where nothing is found; without such a pattern no value is.
    ///
    /// # Errors
    /// A refusal if an element, or what the pattern of [`SortOptions::by`] finds for one, is no number. Inside of a transaction patterns are refused,
    /// because nobody knows which keys they lead to.
    ///
    /// Complexity: O(N+M*log(M)), N being the number of elements and M that of those returned. With patterns all of the store is locked meanwhile.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.rpush("ids", [3, 1, 2])?;
    /// assert_eq!(redis.sort("ids", &SortOptions::default())?, ["1", "2", "3"].map(|id| Some(id.into())));
    ///
    /// redis.hset_mapping("user:1", [("age", "60"), ("name", "Ada")])?;
    /// redis.hset_mapping("user:2", [("age", "30"), ("name", "Bo")])?;
    /// redis.hset_mapping("user:3", [("age", "45")])?;
    /// let oldest = SortOptions::default().by("user:*->age").desc().limit(0, 2).get("#").get("user:*->name");
    /// assert_eq!(redis.sort("ids", &oldest)?, [Some("1".into()), Some("Ada".into()), Some("3".into()), None]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sort(&self, key: impl ToArg, options: &SortOptions<'_>) -> Result<Vec<Option<Bytes>>> {
        match self.run_write(&Sort { key: &arg(&key)?, options: options.clone(), destination: None })? {
            SortReply::Values(values) => Ok(values),
            SortReply::Stored(_) => unreachable!("only STORE answers with a number"),
        }
    }

    /// Stores what [`Commands::sort`] would return as a list, where what is not found is an empty string, and returns how many values
    /// that is; nothing deletes the destination. `SORT` with `STORE`.
    ///
    /// # Errors
    /// As [`Commands::sort`]; the destination is left alone then.
    ///
    /// Complexity: as [`Commands::sort`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("tags", ["b", "c", "a"])?;
    /// assert_eq!(redis.sort_store("tags", &SortOptions::default().alpha(), "sorted")?, 3);
    /// assert_eq!(redis.lrange("sorted", 0, -1)?, ["a", "b", "c"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sort_store(
        &self,
        key: impl ToArg,
        options: &SortOptions<'_>,
        destination: impl ToArg,
    ) -> Result<usize> {
        let (key, destination) = (arg(&key)?, arg(&destination)?);
        let sort = Sort { key: &key, options: options.clone(), destination: Some(&destination) };
        match self.run_write(&sort)? {
            SortReply::Stored(count) => Ok(count),
            SortReply::Values(_) => unreachable!("STORE answers with a number"),
        }
    }

    /// As [`Commands::sort`], by a command that is known to write nothing. `SORT_RO`.
    ///
    /// # Errors
    /// As [`Commands::sort`].
    ///
    /// Complexity: as [`Commands::sort`]; others may read meanwhile.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("board", [("ada", 12.0), ("bo", 3.0)])?;
    /// let names = redis.sort_ro("board", &SortOptions::default().alpha().desc())?;
    /// assert_eq!(names, [Some("bo".into()), Some("ada".into())]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sort_ro(&self, key: impl ToArg, options: &SortOptions<'_>) -> Result<Vec<Option<Bytes>>> {
        self.run_read(&SortRo { key: &arg(&key)?, options: options.clone() })
    }

    // Sets.

    /// Adds members to a set and returns how many are new. One that is there keeps its deadline, if it has one. `SADD`.
    ///
    /// Complexity: O(N), N being the number of members given.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.sadd("s", ["a", "b", "a"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sadd(&self, key: impl ToArg, members: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(members).with(|members| self.run_write(&SAdd { key: &key, members: members.into() }))
    }

    /// Removes members and returns how many were there; a set without members is no key. `SREM`.
    ///
    /// Complexity: O(N), N being the number of members given.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.srem("s", ["a", "b"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn srem(&self, key: impl ToArg, members: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(members).with(|members| self.run_write(&SRem { key: &key, members: members.into() }))
    }

    /// Counts the members of a set, those too that have expired and are not removed yet; 0 if there is no such key. `SCARD`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", [1, 2])?;
    /// assert_eq!(redis.scard("s")?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn scard(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&SCard { key: &arg(&key)? })
    }

    /// Says whether a member is in a set. `SISMEMBER`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert!(redis.sismember("s", "a")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sismember(&self, key: impl ToArg, member: impl ToArg) -> Result<bool> {
        self.run_read(&SIsMember { key: &arg(&key)?, member: &arg(&member)? })
    }

    /// Says for each of several members whether it is in a set. `SMISMEMBER`.
    ///
    /// Complexity: O(N), N being the number of members asked for.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.smismember("s", ["a", "b"])?, [true, false]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn smismember(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<bool>> {
        let key = arg(&key)?;
        ArgList::new(members)
            .with(|members| self.run_read(&SMIsMember { key: &key, members: members.into() }))
    }

    /// Returns the members of a set in no particular order. `SMEMBERS`.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.smembers("s")?, ["a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn smembers(&self, key: impl ToArg) -> Result<Vec<Bytes>> {
        Ok(self.run_read(&SMembers { key: &arg(&key)? })?.0)
    }

    /// Moves a member from one set to another with its deadline, if it has one; false if it was not there. `SMOVE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", ["x"])?;
    /// assert!(redis.smove("a", "b", "x")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn smove(&self, source: impl ToArg, destination: impl ToArg, member: impl ToArg) -> Result<bool> {
        self.run_write(&SMove {
            source: &arg(&source)?,
            destination: &arg(&destination)?,
            member: &arg(&member)?,
        })
    }

    /// Removes and returns some member of a set, each equally likely. `SPOP`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.spop("s")?.unwrap(), "a");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spop(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_write(&SPop { key: &arg(&key)?, count: None })? {
            SPopReply::One(member) => Ok(member),
            SPopReply::Many(_) => unreachable!("no count was given"),
        }
    }

    /// Removes and returns up to `count` members of a set. `SPOP` with a count.
    ///
    /// Complexity: O(N), N being the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", [1, 2, 3])?;
    /// assert_eq!(redis.spop_count("s", 2)?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spop_count(&self, key: impl ToArg, count: usize) -> Result<Vec<Bytes>> {
        match self.run_write(&SPop { key: &arg(&key)?, count: Some(count) })? {
            SPopReply::Many(members) => Ok(members.0),
            SPopReply::One(_) => unreachable!("a count was given"),
        }
    }

    /// Returns some member of a set, each equally likely. `SRANDMEMBER`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.srandmember("s")?.unwrap(), "a");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn srandmember(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_read(&SRandMember { key: &arg(&key)?, draw: Draw::One })? {
            SRandMemberReply::One(member) => Ok(member),
            SRandMemberReply::Many(_) => unreachable!("a draw of one is one"),
        }
    }

    /// Returns some members of a set. `SRANDMEMBER` with a count.
    ///
    /// Complexity: O(N), N being the number of members of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", [1, 2, 3])?;
    /// assert_eq!(redis.srandmember_many("s", Draw::Different(2))?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn srandmember_many(&self, key: impl ToArg, draw: Draw) -> Result<Vec<Bytes>> {
        match self.run_read(&SRandMember { key: &arg(&key)?, draw })? {
            SRandMemberReply::Many(members) => Ok(members),
            SRandMemberReply::One(member) => Ok(member.into_iter().collect()),
        }
    }

    /// Returns the members that are in all of several sets; a missing key counts as empty. `SINTER`.
    ///
    /// Complexity: O(N*M), N being the size of the smallest (SINTER), first (SDIFF) or all sets and M the number of sets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1])?;
    /// assert_eq!(redis.sinter(["a"])?, ["1"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sinter(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Bytes>> {
        ArgList::new(keys).with(|keys| Ok(self.run_read(&SInter { keys: keys.into() })?.0))
    }

    /// Stores the members that are in all of several sets, each with the earliest deadline that it has in one, and returns how many; nothing
    /// deletes the destination. `SINTERSTORE`.
    ///
    /// Complexity: as [`Commands::sinter`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// assert_eq!(redis.sinterstore("b", ["a"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sinterstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        let destination = arg(&destination)?;
        ArgList::new(keys)
            .with(|keys| self.run_write(&SInterStore { destination: &destination, keys: keys.into() }))
    }

    /// Returns the members that are in any of several sets; a missing key counts as empty. `SUNION`.
    ///
    /// Complexity: O(N*M), N being the size of the smallest (SINTER), first (SDIFF) or all sets and M the number of sets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1])?;
    /// assert_eq!(redis.sunion(["a"])?, ["1"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sunion(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Bytes>> {
        ArgList::new(keys).with(|keys| Ok(self.run_read(&SUnion { keys: keys.into() })?.0))
    }

    /// Stores the members that are in any of several sets, each with the earliest deadline that it has in one, and returns how many; nothing
    /// deletes the destination. `SUNIONSTORE`.
    ///
    /// Complexity: as [`Commands::sunion`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// assert_eq!(redis.sunionstore("b", ["a"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sunionstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        let destination = arg(&destination)?;
        ArgList::new(keys)
            .with(|keys| self.run_write(&SUnionStore { destination: &destination, keys: keys.into() }))
    }

    /// Returns the members that are in the first set and in no other; a missing key counts as empty. `SDIFF`.
    ///
    /// Complexity: O(N*M), N being the size of the smallest (SINTER), first (SDIFF) or all sets and M the number of sets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1])?;
    /// assert_eq!(redis.sdiff(["a"])?, ["1"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sdiff(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Bytes>> {
        ArgList::new(keys).with(|keys| Ok(self.run_read(&SDiff { keys: keys.into() })?.0))
    }

    /// Stores the members that are in the first set and in no other, with their deadlines, and returns how many; nothing deletes the
    /// destination. `SDIFFSTORE`.
    ///
    /// Complexity: as [`Commands::sdiff`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// assert_eq!(redis.sdiffstore("b", ["a"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sdiffstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        let destination = arg(&destination)?;
        ArgList::new(keys)
            .with(|keys| self.run_write(&SDiffStore { destination: &destination, keys: keys.into() }))
    }

    /// Counts the members that are in all of several sets, up to `limit` (0 for no limit). `SINTERCARD`.
    ///
    /// Complexity: O(N*M), N being the size of the smallest set and M the number of sets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// assert_eq!(redis.sintercard(["a"], 0)?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sintercard(&self, keys: impl IntoIterator<Item = impl ToArg>, limit: usize) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&SInterCard { keys: keys.into(), limit }))
    }

    /// Counts the members that are in any of several sets, up to `limit` (0 for no limit), exactly. `SUNIONCARD`, of Redis 8.10.
    ///
    /// Complexity: O(N*M), N being the number of members in all sets and M the number of sets.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// redis.sadd("b", [2, 3])?;
    /// assert_eq!(redis.sunioncard(["a", "b"], 0)?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sunioncard(&self, keys: impl IntoIterator<Item = impl ToArg>, limit: usize) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&SUnionCard { keys: keys.into(), limit }))
    }

    /// Counts the members that are in the first set and in no other, up to `limit` (0 for no limit). `SDIFFCARD`, of Redis 8.10.
    ///
    /// Complexity: O(N*M), N being the size of the first set and M the number of sets.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("a", [1, 2])?;
    /// redis.sadd("b", [2, 3])?;
    /// assert_eq!(redis.sdiffcard(["a", "b"], 0)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sdiffcard(&self, keys: impl IntoIterator<Item = impl ToArg>, limit: usize) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&SDiffCard { keys: keys.into(), limit }))
    }

    /// Gives members of a set a time to live, and says for each what became of it. No time at all removes them. `SEXPIRE`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a", "b"])?;
    /// let set = redis.sexpire("s", Duration::from_secs(60), ["a", "nosuch"])?;
    /// assert_eq!(set, [FieldExpire::Set, FieldExpire::Missing]);
    /// assert!(matches!(redis.sttl("s", ["a"])?[0], Ttl::Remaining(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sexpire(
        &self,
        key: impl ToArg,
        ttl: Duration,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.sexpire_with(key, ttl, ExpireWhen::Always, members)
    }

    /// Gives members of a set a time to live, each if `when` allows it, for which Redis has all words but
    /// those of [`ExpireWhen::SomeLater`] and [`ExpireWhen::SomeEarlier`]. `SEXPIRE` with `NX`, `XX`, `GT`, `LT`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// redis.sexpire("s", Duration::from_secs(60), ["m"])?;
    /// let set = redis.sexpire_with("s", Duration::from_secs(30), ExpireWhen::Later, ["m"])?;
    /// assert_eq!(set, [FieldExpire::Refused]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sexpire_with(
        &self,
        key: impl ToArg,
        ttl: Duration,
        when: ExpireWhen,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        let amount = Ok(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let key = arg(&key)?;
        ArgList::new(members).with(|members| {
            self.run_write(&SPExpire { key: &key, amount, when, members: Ok(members.into()) })
        })
    }

    /// Gives members of a set a time to live, to the millisecond as [`Commands::sexpire`] does too. `SPEXPIRE`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.spexpire("s", Duration::from_millis(1500), ["m"])?, [FieldExpire::Set]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spexpire(
        &self,
        key: impl ToArg,
        ttl: Duration,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.sexpire(key, ttl, members)
    }

    /// Gives members of a set a deadline. One that is not in the future removes them. `SEXPIREAT`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// redis.sexpireat("s", UnixMs(33_177_117_420_000), ["m"])?;
    /// assert_eq!(redis.sexpiretime("s", ["m"])?, [ExpiresAt::At(UnixMs(33_177_117_420_000))]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sexpireat(
        &self,
        key: impl ToArg,
        at: UnixMs,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        let (amount, when) = (Ok(at.0), ExpireWhen::Always);
        let key = arg(&key)?;
        ArgList::new(members).with(|members| {
            self.run_write(&SPExpireAt { key: &key, amount, when, members: Ok(members.into()) })
        })
    }

    /// Gives members of a set a deadline, to the millisecond as [`Commands::sexpireat`] does too. `SPEXPIREAT`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.spexpireat("s", UnixMs(0), ["m"])?, [FieldExpire::Deleted]);
    /// assert_eq!(redis.exists(["s"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spexpireat(
        &self,
        key: impl ToArg,
        at: UnixMs,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldExpire>> {
        self.sexpireat(key, at, members)
    }

    /// Says how long each member of a set has to live, to the millisecond. `STTL`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.sttl("s", ["m", "n"])?, [Ttl::Persistent, Ttl::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sttl(&self, key: impl ToArg, members: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Ttl>> {
        let key = arg(&key)?;
        let answers = ArgList::new(members)
            .with(|members| self.run_read(&SPTtl { key: &key, members: Ok(members.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says how long each member of a set has to live, to the millisecond. `SPTTL`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.spttl("s", ["m"])?, [Ttl::Persistent]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spttl(&self, key: impl ToArg, members: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Ttl>> {
        let key = arg(&key)?;
        let answers = ArgList::new(members)
            .with(|members| self.run_read(&SPTtl { key: &key, members: Ok(members.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says until when each member of a set lives, to the millisecond. `SEXPIRETIME`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.sexpiretime("s", ["m", "n"])?, [ExpiresAt::Never, ExpiresAt::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sexpiretime(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<ExpiresAt>> {
        let key = arg(&key)?;
        let answers = ArgList::new(members)
            .with(|members| self.run_read(&SPExpireTime { key: &key, members: Ok(members.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Says until when each member of a set lives, to the millisecond. `SPEXPIRETIME`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// assert_eq!(redis.spexpiretime("s", ["m"])?, [ExpiresAt::Never]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spexpiretime(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<ExpiresAt>> {
        let key = arg(&key)?;
        let answers = ArgList::new(members)
            .with(|members| self.run_read(&SPExpireTime { key: &key, members: Ok(members.into()) }))?;
        Ok(answers.into_iter().map(|answer| answer.0).collect())
    }

    /// Takes away the deadlines of members of a set, and says for each what became of it. `SPERSIST`, of Redis 8.12.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["m"])?;
    /// redis.sexpire("s", Duration::from_secs(60), ["m"])?;
    /// assert_eq!(redis.spersist("s", ["m", "n"])?, [FieldPersist::Cleared, FieldPersist::Missing]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn spersist(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<FieldPersist>> {
        let key = arg(&key)?;
        ArgList::new(members)
            .with(|members| self.run_write(&SPersist { key: &key, members: Ok(members.into()) }))
    }

    /// Takes one step of a walk over a set: some members and where to go on. `SSCAN`.
    ///
    /// Complexity: O(1) a step; O(N) for all of them, N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", ["a"])?;
    /// assert_eq!(redis.sscan("s", 0, ScanOptions::default())?.items, ["a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sscan(&self, key: impl ToArg, cursor: u64, options: ScanOptions<'_>) -> Result<ScanReply<Bytes>> {
        self.run_read(&SScan { key: &arg(&key)?, cursor, options: Ok(options) })
    }

    /// Walks over the members of a set, some at a time; see [`Commands::sscan`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.sadd("s", [1, 2, 3])?;
    /// let members = redis.sscan_iter("s", ScanOptions::default());
    /// assert_eq!(members.collect::<Result<Vec<_>>>()?.len(), 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn sscan_iter<'s>(&'s self, key: impl ToArg, options: ScanOptions<'s>) -> SScanIter<'s, Self>
    where
        Self: Sized,
    {
        SScanIter { commands: self, key: key.to_arg().to_vec(), options, steps: Steps::new() }
    }

    // Sorted sets.

    /// Gives members scores and returns how many are new. `ZADD`.
    ///
    /// # Errors
    /// Refused if a score is NaN.
    ///
    /// Complexity: O(M*log(N)), M being the number of members given and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.zadd("board", [("ada", 10.0), ("grace", 12.0)])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zadd(&self, key: impl ToArg, members: impl IntoIterator<Item = (impl ToArg, f64)>) -> Result<usize> {
        self.zadd_with(key, members, ZAddOptions::default())
    }

    /// Gives members scores where the options allow it, and returns how many are new (or, if asked for, changed). `ZADD` with `NX`, `XX`, `GT`, `LT` and `CH`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members given and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 5.0)])?;
    /// let higher = ZAddOptions::default().only_if_greater().count_changed();
    /// assert_eq!(redis.zadd_with("z", [("a", 3.0)], higher)?, 0);
    /// assert_eq!(redis.zadd_with("z", [("a", 7.0)], higher)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zadd_with(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = (impl ToArg, f64)>,
        options: ZAddOptions,
    ) -> Result<usize> {
        let key = arg(&key)?;
        let reply = ScoredList::new(members).with(|members| {
            self.run_write(&ZAdd { key: &key, options, increment: false, members: members.into() })
        });
        match reply? {
            ZAddReply::Count(count) => Ok(count),
            ZAddReply::Score(_) => unreachable!("only INCR answers with a score"),
        }
    }

    /// Adds to a member's score if the options allow it, and returns the result; `None` if they do not. `ZADD` with `INCR`.
    ///
    /// # Errors
    /// Refused if the result would be NaN.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let known = ZAddOptions::default().only_if_present();
    /// assert_eq!(redis.zadd_incr("z", "a", 1.0, known)?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zadd_incr(
        &self,
        key: impl ToArg,
        member: impl ToArg,
        by: f64,
        options: ZAddOptions,
    ) -> Result<Option<f64>> {
        let (key, member) = (arg(&key)?, arg(&member)?);
        let members = vec![(by, &*member)].into();
        match self.run_write(&ZAdd { key: &key, options, increment: true, members })? {
            ZAddReply::Score(score) => Ok(score),
            ZAddReply::Count(_) => unreachable!("INCR answers with a score"),
        }
    }

    /// Adds to a member's score, 0 if it is not there, and returns the result. `ZINCRBY`.
    ///
    /// # Errors
    /// Refused if the result would be NaN.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.zincrby("z", 2.5, "a")?, 2.5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zincrby(&self, key: impl ToArg, by: f64, member: impl ToArg) -> Result<f64> {
        Ok(self.zadd_incr(key, member, by, ZAddOptions::default())?.unwrap_or(by))
    }

    /// Counts the members of a sorted set; 0 if there is no such key. `ZCARD`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zcard("z")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zcard(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&ZCard { key: &arg(&key)? })
    }

    /// Returns a member's score; `None` if it is not there. `ZSCORE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.5)])?;
    /// assert_eq!(redis.zscore("z", "a")?, Some(1.5));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zscore(&self, key: impl ToArg, member: impl ToArg) -> Result<Option<f64>> {
        self.run_read(&ZScore { key: &arg(&key)?, member: &arg(&member)? })
    }

    /// Returns the scores of several members. `ZMSCORE`.
    ///
    /// Complexity: O(N), N being the number of members asked for.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.5)])?;
    /// assert_eq!(redis.zmscore("z", ["a", "b"])?, [Some(1.5), None]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zmscore(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<f64>>> {
        let key = arg(&key)?;
        ArgList::new(members).with(|members| self.run_read(&ZMScore { key: &key, members: members.into() }))
    }

    /// Removes members and returns how many were there. `ZREM`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members given and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zrem("z", ["a", "b"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrem(&self, key: impl ToArg, members: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(members).with(|members| self.run_write(&ZRem { key: &key, members: members.into() }))
    }

    /// Returns a member's place counted from the lowest score; `None` if it is not there. `ZRANK`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrank("z", "a")?, Some(0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrank(&self, key: impl ToArg, member: impl ToArg) -> Result<Option<usize>> {
        self.zrank_withscore(key, member).map(|found| found.map(|(rank, _)| rank))
    }

    /// Returns a member's place counted from the lowest score, and its score. `ZRANK` with `WITHSCORE`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrank_withscore("z", "a")?, Some((0, 1.0)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrank_withscore(&self, key: impl ToArg, member: impl ToArg) -> Result<Option<(usize, f64)>> {
        Ok(self.run_read(&ZRank { key: &arg(&key)?, member: &arg(&member)?, with_score: true })?.found)
    }

    /// Returns a member's place counted from the highest score; `None` if it is not there. `ZREVRANK`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrevrank("z", "a")?, Some(1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrevrank(&self, key: impl ToArg, member: impl ToArg) -> Result<Option<usize>> {
        self.zrevrank_withscore(key, member).map(|found| found.map(|(rank, _)| rank))
    }

    /// Returns a member's place counted from the highest score, and its score. `ZREVRANK` with `WITHSCORE`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrevrank_withscore("z", "a")?, Some((1, 1.0)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrevrank_withscore(&self, key: impl ToArg, member: impl ToArg) -> Result<Option<(usize, f64)>> {
        Ok(self.run_read(&ZRevRank { key: &arg(&key)?, member: &arg(&member)?, with_score: true })?.found)
    }

    /// Returns the members from place `start` to place `stop`, both included, lowest score first; negative counts from the end. `ZRANGE`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrange("z", 0, -1)?, ["a", "b"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrange(&self, key: impl ToArg, start: i64, stop: i64) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_rank(start, stop))
    }

    /// Returns the members of any range: by place, score or bytes, either way round, or only some of them. `ZRANGE` with `BYSCORE`, `BYLEX`, `REV` and `LIMIT`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0), ("c", 3.0)])?;
    /// let best = ZRangeQuery::by_score(2.0..).reverse().limit(0, 1);
    /// assert_eq!(redis.zrange_with("z", best)?, ["c"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrange_with(&self, key: impl ToArg, query: ZRangeQuery<'_>) -> Result<Vec<Bytes>> {
        Ok(self.zrange_withscores(key, query)?.into_iter().map(|(member, _)| member).collect())
    }

    /// Returns the members of any range with their scores. `ZRANGE` with `WITHSCORES`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// let all = redis.zrange_withscores("z", ZRangeQuery::by_rank(0, -1))?;
    /// assert_eq!(all, [("a".into(), 1.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrange_withscores(&self, key: impl ToArg, query: ZRangeQuery<'_>) -> Result<Vec<(Bytes, f64)>> {
        Ok(self.run_read(&ZRange { key: &arg(&key)?, query, with_scores: true })?.members)
    }

    /// Returns the members from place `start` to place `stop`, highest score first. `ZREVRANGE`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrevrange("z", 0, 0)?, ["b"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrevrange(&self, key: impl ToArg, start: i64, stop: i64) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_rank(start, stop).reverse())
    }

    /// Returns the members in a range of scores, lowest first. `ZRANGEBYSCORE`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrangebyscore("z", 1.5..)?, ["b"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrangebyscore(&self, key: impl ToArg, range: impl Into<ScoreRange>) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_score(range))
    }

    /// Returns the members in a range of scores, highest first. `ZREVRANGEBYSCORE`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrevrangebyscore("z", ..=2.0)?, ["b", "a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrevrangebyscore(&self, key: impl ToArg, range: impl Into<ScoreRange>) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_score(range).reverse())
    }

    /// Returns the members in a range of bytes, where all scores are the same. `ZRANGEBYLEX`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 0.0), ("b", 0.0)])?;
    /// let from_b = redis.zrangebylex("z", LexBound::Included(b"b"), LexBound::Highest)?;
    /// assert_eq!(from_b, ["b"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrangebylex(&self, key: impl ToArg, min: LexBound<'_>, max: LexBound<'_>) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_lex(min, max))
    }

    /// Returns the members in a range of bytes, highest first, where all scores are the same. `ZREVRANGEBYLEX`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 0.0), ("b", 0.0)])?;
    /// assert_eq!(redis.zrevrangebylex("z", LexBound::Highest, LexBound::Lowest)?, ["b", "a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrevrangebylex(&self, key: impl ToArg, max: LexBound<'_>, min: LexBound<'_>) -> Result<Vec<Bytes>> {
        self.zrange_with(key, ZRangeQuery::by_lex(min, max).reverse())
    }

    /// Stores the members of any range and returns how many; nothing deletes the destination. `ZRANGESTORE`.
    ///
    /// Complexity: O(log(N)+M), N being the size of the set and M the number of members stored.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zrangestore("top", "z", ZRangeQuery::by_rank(0, 0).reverse())?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrangestore(
        &self,
        destination: impl ToArg,
        source: impl ToArg,
        query: ZRangeQuery<'_>,
    ) -> Result<usize> {
        self.run_write(&ZRangeStore { destination: &arg(&destination)?, source: &arg(&source)?, query })
    }

    /// Counts the members in a range of scores. `ZCOUNT`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zcount("z", 1.0..2.0)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zcount(&self, key: impl ToArg, range: impl Into<ScoreRange>) -> Result<usize> {
        self.run_read(&ZCount { key: &arg(&key)?, range: range.into() })
    }

    /// Counts the members in a range of bytes, where all scores are the same. `ZLEXCOUNT`.
    ///
    /// Complexity: O(log(N)), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 0.0)])?;
    /// assert_eq!(redis.zlexcount("z", LexBound::Lowest, LexBound::Highest)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zlexcount(&self, key: impl ToArg, min: LexBound<'_>, max: LexBound<'_>) -> Result<usize> {
        self.run_read(&ZLexCount { key: &arg(&key)?, range: LexRange { min, max } })
    }

    /// Removes the members from place `start` to place `stop` and returns how many. `ZREMRANGEBYRANK`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members removed and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zremrangebyrank("z", 0, 0)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zremrangebyrank(&self, key: impl ToArg, start: i64, stop: i64) -> Result<usize> {
        self.run_write(&ZRemRangeByRank { key: &arg(&key)?, places: (start, stop) })
    }

    /// Removes the members in a range of scores and returns how many. `ZREMRANGEBYSCORE`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members removed and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// assert_eq!(redis.zremrangebyscore("z", ..)?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zremrangebyscore(&self, key: impl ToArg, range: impl Into<ScoreRange>) -> Result<usize> {
        self.run_write(&ZRemRangeByScore { key: &arg(&key)?, range: range.into() })
    }

    /// Removes the members in a range of bytes and returns how many. `ZREMRANGEBYLEX`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members removed and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 0.0)])?;
    /// assert_eq!(redis.zremrangebylex("z", LexBound::Lowest, LexBound::Highest)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zremrangebylex(&self, key: impl ToArg, min: LexBound<'_>, max: LexBound<'_>) -> Result<usize> {
        self.run_write(&ZRemRangeByLex { key: &arg(&key)?, range: LexRange { min, max } })
    }

    /// Removes and returns up to `count` members with the lowest scores. `ZPOPMIN`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members returned and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zpopmin("z", 1)?, [("a".into(), 1.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zpopmin(&self, key: impl ToArg, count: usize) -> Result<Vec<(Bytes, f64)>> {
        match self.run_write(&ZPopMin { key: &arg(&key)?, count: Some(count) })? {
            ZPopReply::Many(members) => Ok(members),
            ZPopReply::One(_) => unreachable!("a count was given"),
        }
    }

    /// Removes and returns up to `count` members with the highest scores. `ZPOPMAX`.
    ///
    /// Complexity: O(M*log(N)), M being the number of members returned and N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zpopmax("z", 1)?, [("a".into(), 1.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zpopmax(&self, key: impl ToArg, count: usize) -> Result<Vec<(Bytes, f64)>> {
        match self.run_write(&ZPopMax { key: &arg(&key)?, count: Some(count) })? {
            ZPopReply::Many(members) => Ok(members),
            ZPopReply::One(_) => unreachable!("a count was given"),
        }
    }

    /// Removes and returns up to `count` members of the first of several sorted sets that is there, with its key. `ZMPOP`.
    ///
    /// Complexity: O(K+M*log(N)), K being the number of keys, M that of members returned, N the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("b", [("x", 1.0)])?;
    /// let (key, members) = redis.zmpop(["a", "b"], ZEnd::Min, 1)?.unwrap();
    /// assert_eq!((key, members.len()), (Bytes::from("b"), 1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zmpop(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        end: ZEnd,
        count: usize,
    ) -> Result<Option<(Bytes, Vec<(Bytes, f64)>)>> {
        ArgList::new(keys)
            .with(|keys| self.run_write(&ZMPop { keys: keys.into(), end, count }))
            .map(|reply| reply.0)
    }

    /// Returns some member of a sorted set, each equally likely. `ZRANDMEMBER`.
    ///
    /// Complexity: O(1), for a small set O(N), N being its size.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zrandmember("z")?.unwrap(), "a");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrandmember(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_read(&ZRandMember { key: &arg(&key)?, draw: Draw::One, with_scores: false })? {
            ZRandMemberReply::One(member) => Ok(member),
            ZRandMemberReply::Many(_) => unreachable!("a draw of one is one"),
        }
    }

    /// Returns some members of a sorted set with their scores. `ZRANDMEMBER` with a count and `WITHSCORES`.
    ///
    /// # Panics
    /// With [`Draw::One`]; that is [`Commands::zrandmember`].
    ///
    /// Complexity: O(N), N being the size of the set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zrandmember_many("z", Draw::Repeating(3))?.len(), 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zrandmember_many(&self, key: impl ToArg, draw: Draw) -> Result<Vec<(Bytes, f64)>> {
        match self.run_read(&ZRandMember { key: &arg(&key)?, draw: draw.as_many(), with_scores: true })? {
            ZRandMemberReply::Many(members) => Ok(members.members),
            ZRandMemberReply::One(_) => unreachable!("one was asked for as many of one"),
        }
    }

    /// Returns the members that are in any of several sorted sets, with their scores, lowest first. Scores of the same member are added up; plain sets count as of score 1. `ZUNION`.
    ///
    /// Complexity: O(N*K+M*log(M)), N being the sizes of the sets, K their number and M the size of the result.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zunion(["a", "b"])?, [("y".into(), 2.0), ("x".into(), 4.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zunion(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<(Bytes, f64)>> {
        self.zunion_with(keys, Weighing::default())
    }

    /// The same with weights and another way to combine scores. `ZUNION`.
    ///
    /// Complexity: as [`Commands::zunion`].
    ///
    /// # Errors
    /// A refusal of weights that are not as many as the keys, or not numbers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// let weighing = Weighing::default().weights([2.0, 1.0]);
    /// assert_eq!(redis.zunion_with(["a", "b"], weighing)?, [("y".into(), 4.0), ("x".into(), 5.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zunion_with(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        weighing: Weighing,
    ) -> Result<Vec<(Bytes, f64)>> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys).weighing(weighing);
            Ok(self.run_read(&ZUnion { sources, with_scores: true })?.members)
        })
    }

    /// Stores the members that are in any of several sorted sets, and returns how many; nothing deletes the destination. `ZUNIONSTORE`.
    ///
    /// Complexity: as [`Commands::zunion`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zunionstore("c", ["a", "b"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zunionstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        self.zunionstore_with(destination, keys, Weighing::default())
    }

    /// The same with weights and another way to combine scores. `ZUNIONSTORE`.
    ///
    /// Complexity: as [`Commands::zunion`].
    ///
    /// # Errors
    /// A refusal of weights that are not as many as the keys, or not numbers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// let weighing = Weighing::default().aggregate(Aggregate::Max);
    /// assert_eq!(redis.zunionstore_with("c", ["a", "b"], weighing)?, 2);
    /// assert_eq!(redis.zscore("c", "x")?, Some(3.0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zunionstore_with(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        weighing: Weighing,
    ) -> Result<usize> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys).weighing(weighing);
            self.run_write(&ZUnionStore { destination: &arg(&destination)?, sources })
        })
    }

    /// Returns the members that are in all of several sorted sets, with their scores, lowest first. Scores of the same member are added up; plain sets count as of score 1. `ZINTER`.
    ///
    /// Complexity: O(N*K+M*log(M)), N being the size of the smallest set, K their number and M the size of the result.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zinter(["a", "b"])?, [("x".into(), 4.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zinter(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<(Bytes, f64)>> {
        self.zinter_with(keys, Weighing::default())
    }

    /// The same with weights and another way to combine scores. `ZINTER`.
    ///
    /// Complexity: as [`Commands::zinter`].
    ///
    /// # Errors
    /// A refusal of weights that are not as many as the keys, or not numbers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// let weighing = Weighing::default().weights([2.0, 1.0]);
    /// assert_eq!(redis.zinter_with(["a", "b"], weighing)?, [("x".into(), 5.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zinter_with(
        &self,
        keys: impl IntoIterator<Item = impl ToArg>,
        weighing: Weighing,
    ) -> Result<Vec<(Bytes, f64)>> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys).weighing(weighing);
            Ok(self.run_read(&ZInter { sources, with_scores: true })?.members)
        })
    }

    /// Stores the members that are in all of several sorted sets, and returns how many; nothing deletes the destination. `ZINTERSTORE`.
    ///
    /// Complexity: as [`Commands::zinter`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zinterstore("c", ["a", "b"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zinterstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        self.zinterstore_with(destination, keys, Weighing::default())
    }

    /// The same with weights and another way to combine scores. `ZINTERSTORE`.
    ///
    /// Complexity: as [`Commands::zinter`].
    ///
    /// # Errors
    /// A refusal of weights that are not as many as the keys, or not numbers.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// let weighing = Weighing::default().aggregate(Aggregate::Max);
    /// assert_eq!(redis.zinterstore_with("c", ["a", "b"], weighing)?, 1);
    /// assert_eq!(redis.zscore("c", "x")?, Some(3.0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zinterstore_with(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        weighing: Weighing,
    ) -> Result<usize> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys).weighing(weighing);
            self.run_write(&ZInterStore { destination: &arg(&destination)?, sources })
        })
    }

    /// Returns the members that are in the first of several sorted sets and in no other, with their scores, lowest first. A key that is missing is an empty set. `ZDIFF`.
    ///
    /// Complexity: O(L+(N-K)*log(N)), L being the number of all members, N that of the first set and K that of the result.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zdiff(["a", "b"])?, [("y".into(), 2.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zdiff(&self, keys: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<(Bytes, f64)>> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys);
            Ok(self.run_read(&ZDiff { sources, with_scores: true })?.members)
        })
    }

    /// Stores the members that are in the first of several sorted sets and in no other, and returns how many; nothing deletes the destination. `ZDIFFSTORE`.
    ///
    /// Complexity: as [`Commands::zdiff`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0), ("y", 2.0)])?;
    /// redis.zadd("b", [("x", 3.0)])?;
    /// assert_eq!(redis.zdiffstore("c", ["a", "b"])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zdiffstore(
        &self,
        destination: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        ArgList::new(keys).with(|keys| {
            let sources = ZSources::new(keys);
            self.run_write(&ZDiffStore { destination: &arg(&destination)?, sources })
        })
    }

    /// Counts the members that are in all of several sorted sets, up to `limit` (0 for no limit). `ZINTERCARD`.
    ///
    /// Complexity: O(N*K), N being the size of the smallest set and K the number of sets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("a", [("x", 1.0)])?;
    /// assert_eq!(redis.zintercard(["a"], 0)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zintercard(&self, keys: impl IntoIterator<Item = impl ToArg>, limit: usize) -> Result<usize> {
        ArgList::new(keys).with(|keys| self.run_read(&ZInterCard { keys: keys.into(), limit: Ok(limit) }))
    }

    /// Takes one step of a walk over a sorted set: some members with their scores and where to go on. `ZSCAN`.
    ///
    /// Complexity: O(1) a step; O(N) for all of them, N being the number of members.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0)])?;
    /// assert_eq!(redis.zscan("z", 0, ScanOptions::default())?.items, [("a".into(), 1.0)]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zscan(
        &self,
        key: impl ToArg,
        cursor: u64,
        options: ScanOptions<'_>,
    ) -> Result<ScanReply<(Bytes, f64)>> {
        self.run_read(&ZScan { key: &arg(&key)?, cursor, options: Ok(options) })
    }

    /// Walks over the members of a sorted set with their scores, some at a time; see [`Commands::zscan`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.zadd("z", [("a", 1.0), ("b", 2.0)])?;
    /// let members = redis.zscan_iter("z", ScanOptions::default());
    /// assert_eq!(members.collect::<Result<Vec<_>>>()?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn zscan_iter<'s>(&'s self, key: impl ToArg, options: ScanOptions<'s>) -> ZScanIter<'s, Self>
    where
        Self: Sized,
    {
        ZScanIter { commands: self, key: key.to_arg().to_vec(), options, steps: Steps::new() }
    }

    // Places on the earth.

    /// Adds members with their places, longitude first, and returns how many are new. They are kept in a sorted set, whose scores say where they
    /// are to half a meter. `GEOADD`.
    ///
    /// # Errors
    /// Refused if a longitude is not from -180 to 180 degrees, or a latitude not from -85.05112878 to 85.05112878.
    ///
    /// Complexity: O(M*log(N)), M being the number of members given and N the size of the set.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo"), ((15.087269, 37.502669), "Catania")])?, 2);
    /// assert!(redis.geoadd("sicily", [((200.0, 0.0), "nowhere")]).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geoadd(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = (impl Into<Position>, impl ToArg)>,
    ) -> Result<usize> {
        self.geoadd_with(key, members, ZAddOptions::default())
    }

    /// The same where the options allow it, and returns how many are new (or, if asked for, moved). `GEOADD` with `NX`, `XX` and `CH`.
    ///
    /// # Errors
    /// As [`Commands::geoadd`].
    ///
    /// Complexity: as [`Commands::geoadd`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("cars", [((13.4, 52.5), "taxi")])?;
    /// let moved = ZAddOptions::default().only_if_present().count_changed();
    /// assert_eq!(redis.geoadd_with("cars", [((13.5, 52.5), "taxi"), ((0.0, 0.0), "ship")], moved)?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geoadd_with(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = (impl Into<Position>, impl ToArg)>,
        options: ZAddOptions,
    ) -> Result<usize> {
        let key = arg(&key)?;
        let (positions, names): (Vec<Position>, Vec<_>) =
            members.into_iter().map(|(position, member)| (position.into(), member)).unzip();
        let reply = ArgList::new(names).with(|names| {
            let members: Vec<_> = positions.iter().copied().zip(names.iter().copied()).collect();
            self.run_write(&GeoAdd { key: &key, options, members: members.into() })
        });
        match reply? {
            ZAddReply::Count(count) => Ok(count),
            ZAddReply::Score(_) => unreachable!("only INCR answers with a score"),
        }
    }

    /// How far two members are from each other; `None` if one of them is not there. `GEODIST`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo"), ((15.087269, 37.502669), "Catania")])?;
    /// let distance = redis.geodist("sicily", "Palermo", "Catania", GeoUnit::Kilometers)?.unwrap();
    /// assert_eq!(distance.round(), 166.0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geodist(
        &self,
        key: impl ToArg,
        from: impl ToArg,
        to: impl ToArg,
        unit: GeoUnit,
    ) -> Result<Option<f64>> {
        let (key, from, to) = (arg(&key)?, arg(&from)?, arg(&to)?);
        Ok(self.run_read(&GeoDist { key: &key, from: &from, to: &to, unit })?.0)
    }

    /// Where members are, as standard geohashes of eleven characters; `None` for those that are not there. `GEOHASH`.
    ///
    /// Complexity: O(N), N being the number of members asked for.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("points", [((-5.6, 42.6), "here")])?;
    /// assert_eq!(redis.geohash("points", ["here", "there"])?, [Some("ezs42e44yx0".into()), None]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geohash(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<Bytes>>> {
        let key = arg(&key)?;
        ArgList::new(members).with(|members| self.run_read(&GeoHash { key: &key, members: members.into() }))
    }

    /// Where members are; `None` for those that are not there. `GEOPOS`.
    ///
    /// Complexity: O(N), N being the number of members asked for.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("points", [((-5.6, 42.6), "here")])?;
    /// let here = redis.geopos("points", ["here", "there"])?[0].unwrap();
    /// assert!((here.longitude + 5.6).abs() < 1e-5 && (here.latitude - 42.6).abs() < 1e-5);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geopos(
        &self,
        key: impl ToArg,
        members: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Vec<Option<Position>>> {
        let key = arg(&key)?;
        let reply = ArgList::new(members)
            .with(|members| self.run_read(&GeoPos { key: &key, members: members.into() }));
        Ok(reply?.0)
    }

    /// Returns the members in a circle, a box or a polygon, with their places and how far they are from its center; none if there is no
    /// such key. `GEOSEARCH`.
    ///
    /// # Errors
    /// A refusal if the member that is the center is not there, if a position cannot be kept, if a length is negative, or if a polygon has less
    /// than three corners.
    ///
    /// Complexity: O(N+M*log(M)), N being the number of members in the cells around the area and M that of those in it.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo"), ((15.087269, 37.502669), "Catania")])?;
    /// let near = GeoQuery::radius((15.0, 37.0), 200.0, GeoUnit::Kilometers).asc();
    /// let hits = redis.geosearch("sicily", &near)?;
    /// assert_eq!((&*hits[0].member, hits[0].distance.round()), (&b"Catania"[..], 56.0));
    /// assert_eq!(hits[1].member, "Palermo");
    ///
    /// let east = GeoQuery::bounding_box("Catania", 100.0, 100.0, GeoUnit::Kilometers);
    /// assert_eq!(redis.geosearch("sicily", &east)?.len(), 1);
    /// let west = GeoQuery::polygon([(13.0, 38.0), (14.0, 38.0), (14.0, 39.0), (13.0, 39.0)]);
    /// assert_eq!(redis.geosearch("sicily", &west)?[0].member, "Palermo");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geosearch(&self, key: impl ToArg, query: &GeoQuery<'_>) -> Result<Vec<GeoHit>> {
        Ok(self.run_read(&GeoSearch { key: &arg(&key)?, asked: query.clone().into() })?.hits)
    }

    /// Stores the members that [`Commands::geosearch`] would return, and returns how many; nothing deletes the destination. `GEOSEARCHSTORE`.
    ///
    /// # Errors
    /// As [`Commands::geosearch`].
    ///
    /// Complexity: as [`Commands::geosearch`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo"), ((15.087269, 37.502669), "Catania")])?;
    /// let all = GeoQuery::radius("Palermo", 500.0, GeoUnit::Kilometers);
    /// assert_eq!(redis.geosearchstore("from Palermo", "sicily", &all, GeoScores::Distances)?, 2);
    /// assert_eq!(redis.zscore("from Palermo", "Catania")?.unwrap().round(), 166.0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn geosearchstore(
        &self,
        destination: impl ToArg,
        key: impl ToArg,
        query: &GeoQuery<'_>,
        scores: GeoScores,
    ) -> Result<usize> {
        let (destination, source) = (arg(&destination)?, arg(&key)?);
        let asked = query.clone().into();
        self.run_write(&GeoSearchStore { destination: &destination, source: &source, asked, scores })
    }

    /// Returns the members around a position, longitude first. [`Commands::geosearch`] can do more. `GEORADIUS`.
    ///
    /// # Errors
    /// As [`Commands::geosearch`].
    ///
    /// Complexity: as [`Commands::geosearch`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo")])?;
    /// assert_eq!(redis.georadius("sicily", (13.0, 38.0), 50.0, GeoUnit::Kilometers)?.len(), 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn georadius(
        &self,
        key: impl ToArg,
        center: impl Into<Position>,
        radius: f64,
        unit: GeoUnit,
    ) -> Result<Vec<GeoHit>> {
        let asked = GeoQuery::radius(center.into(), radius, unit).into();
        Ok(self.run_read(&GeoRadiusRo { key: &arg(&key)?, asked })?.hits)
    }

    /// Returns the members around one of them. [`Commands::geosearch`] can do more. `GEORADIUSBYMEMBER`.
    ///
    /// # Errors
    /// As [`Commands::geosearch`].
    ///
    /// Complexity: as [`Commands::geosearch`].
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.geoadd("sicily", [((13.361389, 38.115556), "Palermo"), ((15.087269, 37.502669), "Catania")])?;
    /// assert_eq!(redis.georadiusbymember("sicily", "Palermo", 200.0, GeoUnit::Kilometers)?.len(), 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn georadiusbymember(
        &self,
        key: impl ToArg,
        member: impl ToArg,
        radius: f64,
        unit: GeoUnit,
    ) -> Result<Vec<GeoHit>> {
        let (key, member) = (arg(&key)?, arg(&member)?);
        let asked = GeoQuery::radius(GeoCenter::Member(&member), radius, unit).into();
        Ok(self.run_read(&GeoRadiusByMemberRo { key: &key, asked })?.hits)
    }

    // Vector sets.

    /// Gives an element of a vector set a vector, and makes the set if there is none; true if the element is new. Attributes that it has
    /// stay. `VADD`.
    ///
    /// # Errors
    /// Refused if the vector has another number of components than those of the set, none, or one that is not finite.
    ///
    /// Complexity: O(log(N)), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.vadd("films", &[0.9, 0.1], "Alien")?);
    /// assert!(!redis.vadd("films", &[0.8, 0.1], "Alien")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vadd(&self, key: impl ToArg, vector: &[f32], element: impl ToArg) -> Result<bool> {
        self.vadd_with(key, vector, element, VAddOptions::default())
    }

    /// The same with attributes, or into a set of another form. `VADD` with `REDUCE`, `NOQUANT`, `BIN`, `SETATTR`, `EF` and `M`.
    ///
    /// # Errors
    /// As [`Commands::vadd`], and refused if the set is of another form than was asked for.
    ///
    /// Complexity: O(log(N)), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let options = VAddOptions { quantization: Some(Quantization::None), attributes: Some(b"{}"), ..Default::default() };
    /// redis.vadd_with("films", &[0.9, 0.1], "Alien", options)?;
    /// assert_eq!(redis.vgetattr("films", "Alien")?.unwrap(), "{}");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vadd_with(
        &self,
        key: impl ToArg,
        vector: &[f32],
        element: impl ToArg,
        options: VAddOptions<'_>,
    ) -> Result<bool> {
        let (key, element) = (arg(&key)?, arg(&element)?);
        Ok(self.run_write(&VAdd { key: &key, vector: vector.into(), element: &element, options })?.0)
    }

    /// The elements of a vector set whose vectors are most like one, the most alike first, with how alike they are and their
    /// attributes; none if there is no such key. `VSIM`.
    ///
    /// # Errors
    /// Refused if the vector has another number of components than those of the set, if there is no such element, or if a filter is no
    /// expression.
    ///
    /// Complexity: O(log(N)), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("films", &[0.9, 0.1], "Alien")?;
    /// redis.vadd("films", &[0.1, 0.9], "Amelie")?;
    /// redis.vsetattr("films", "Alien", r#"{"year": 1979}"#)?;
    /// let like = VectorQuery::Vector([1.0, 0.0][..].into());
    /// let found = redis.vsim("films", like.clone(), VSimOptions::default())?;
    /// assert_eq!(found[0].element, "Alien");
    /// assert!(found[0].score > found[1].score);
    /// let recent = VSimOptions { filter: Some(b".year > 2000"), ..VSimOptions::default() };
    /// assert_eq!(redis.vsim("films", like, recent)?, []);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vsim(
        &self,
        key: impl ToArg,
        query: VectorQuery<'_>,
        options: VSimOptions<'_>,
    ) -> Result<Vec<VectorMatch>> {
        Ok(self.run_read(&VSim { key: &arg(&key)?, query: Ok(query), options: Ok(options) })?.matches)
    }

    /// How many components the vectors of a set have. `VDIM`.
    ///
    /// # Errors
    /// Refused if there is no such key.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0, 3.0], "a")?;
    /// assert_eq!(redis.vdim("v")?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vdim(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&VDim { key: &arg(&key)? })
    }

    /// How many elements a vector set has; 0 if there is no such key. `VCARD`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert_eq!(redis.vcard("v")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vcard(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&VCard { key: &arg(&key)? })
    }

    /// Takes an element away from a vector set; false if it was not there. `VREM`.
    ///
    /// Complexity: O(log(N)), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert!(redis.vrem("v", "a")?);
    /// assert!(!redis.vrem("v", "a")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vrem(&self, key: impl ToArg, element: impl ToArg) -> Result<bool> {
        Ok(self.run_write(&VRem { key: &arg(&key)?, element: &arg(&element)? })?.0)
    }

    /// The vector of an element, as far as the set kept it; `None` if it is not there. `VEMB`.
    ///
    /// Complexity: O(N), N being the number of components.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let exact = VAddOptions { quantization: Some(Quantization::None), ..Default::default() };
    /// redis.vadd_with("v", &[3.0, 4.0], "a", exact)?;
    /// assert_eq!(redis.vemb("v", "a")?, Some(vec![3.0, 4.0]));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vemb(&self, key: impl ToArg, element: impl ToArg) -> Result<Option<Vec<f32>>> {
        let command = VEmb { key: &arg(&key)?, element: &arg(&element)?, is_raw: false };
        Ok(self.run_read(&command)?.map(|reply| match reply {
            VEmbReply::Components(components) => components,
            VEmbReply::Raw(_) => unreachable!("it was not asked for"),
        }))
    }

    /// The vector of an element in the form in which the set keeps it; `None` if it is not there. `VEMB` with `RAW`.
    ///
    /// Complexity: O(N), N being the number of components.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[3.0, 4.0], "a")?;
    /// let raw = redis.vemb_raw("v", "a")?.unwrap();
    /// assert_eq!((raw.quantization, raw.components.len(), raw.norm), (Quantization::Q8, 2, 5.0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vemb_raw(&self, key: impl ToArg, element: impl ToArg) -> Result<Option<RawVector>> {
        let command = VEmb { key: &arg(&key)?, element: &arg(&element)?, is_raw: true };
        Ok(self.run_read(&command)?.map(|reply| match reply {
            VEmbReply::Raw(raw) => raw,
            VEmbReply::Components(_) => unreachable!("the form was asked for"),
        }))
    }

    /// The neighbours of an element in the graph of its set, with how alike they are, at each level from its highest to the lowest; `None`
    /// if it is not there. `VLINKS`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 0.0], "a")?;
    /// redis.vadd("v", &[1.0, 0.1], "b")?;
    /// let levels = redis.vlinks("v", "a")?.unwrap();
    /// assert_eq!(levels.last().unwrap()[0].0, "b");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vlinks(&self, key: impl ToArg, element: impl ToArg) -> Result<Option<Vec<Vec<(Bytes, f64)>>>> {
        let command = VLinks { key: &arg(&key)?, element: &arg(&element)?, with_scores: true };
        Ok(self.run_read(&command)?.map(|reply| reply.levels))
    }

    /// What is known of a vector set; `None` if there is no such key. `VINFO`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// let info = redis.vinfo("v")?.unwrap();
    /// assert_eq!((info.size, info.dimensions, info.links), (1, 2, 16));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vinfo(&self, key: impl ToArg) -> Result<Option<VectorSetInfo>> {
        Ok(self.run_read(&VInfo { key: &arg(&key)? })?.0)
    }

    /// Sets the attributes of an element, which should be JSON for filters to see them, or removes them if they are empty; false if it is not
    /// there. `VSETATTR`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert!(redis.vsetattr("v", "a", r#"{"year": 1979}"#)?);
    /// assert!(!redis.vsetattr("v", "b", "{}")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vsetattr(&self, key: impl ToArg, element: impl ToArg, attributes: impl ToArg) -> Result<bool> {
        let (key, element, attributes) = (arg(&key)?, arg(&element)?, arg(&attributes)?);
        Ok(self.run_write(&VSetAttr { key: &key, element: &element, attributes: &attributes })?.0)
    }

    /// The attributes of an element; `None` if it has none or is not there. `VGETATTR`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert_eq!(redis.vgetattr("v", "a")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vgetattr(&self, key: impl ToArg, element: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&VGetAttr { key: &arg(&key)?, element: &arg(&element)? })
    }

    /// Some element of a vector set, each equally likely; `None` if there is no such key. `VRANDMEMBER`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert_eq!(redis.vrandmember("v")?.unwrap(), "a");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vrandmember(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        match self.run_read(&VRandMember { key: &arg(&key)?, draw: Draw::One })? {
            VRandMemberReply::One(element) => Ok(element),
            VRandMemberReply::Many(_) => unreachable!("a draw of one is one"),
        }
    }

    /// Some elements of a vector set. `VRANDMEMBER` with a count.
    ///
    /// # Errors
    /// Refused if more than 16,777,216 are to be drawn with repetition.
    ///
    /// Complexity: O(N), N being the number of elements of the set.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert_eq!(redis.vrandmember_many("v", Draw::Repeating(3))?, ["a", "a", "a"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vrandmember_many(&self, key: impl ToArg, draw: Draw) -> Result<Vec<Bytes>> {
        match self.run_read(&VRandMember { key: &arg(&key)?, draw: draw.as_many() })? {
            VRandMemberReply::Many(elements) => Ok(elements),
            VRandMemberReply::One(_) => unreachable!("one was asked for as many of one"),
        }
    }

    /// The elements of a vector set between two, in the order of their bytes, as many as are asked for at most. `VRANGE`.
    ///
    /// Complexity: O(log(K)+M), K being the number of elements and M the number of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// for name in ["a", "b", "c"] {
    ///     redis.vadd("v", &[1.0, 2.0], name)?;
    /// }
    /// let after_a = redis.vrange("v", LexBound::Excluded(b"a"), LexBound::Highest, None)?;
    /// assert_eq!(after_a, ["b", "c"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vrange(
        &self,
        key: impl ToArg,
        start: LexBound<'_>,
        end: LexBound<'_>,
        count: Option<usize>,
    ) -> Result<Vec<Bytes>> {
        self.run_read(&VRange { key: &arg(&key)?, start, end, count })
    }

    /// Whether an element is in a vector set. `VISMEMBER`.
    ///
    /// Complexity: O(log(N)), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.vadd("v", &[1.0, 2.0], "a")?;
    /// assert!(redis.vismember("v", "a")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    #[cfg(feature = "vector-sets")]
    fn vismember(&self, key: impl ToArg, element: impl ToArg) -> Result<bool> {
        Ok(self.run_read(&VIsMember { key: &arg(&key)?, element: &arg(&element)? })?.0)
    }

    // Arrays.

    /// Puts elements at neighbouring indices of an array, the first of them at `index`, and makes the array if there is none. Returns how
    /// many of the indices had no element before. `ARSET`.
    ///
    /// # Errors
    /// Refused if no element is given, and if one would go beyond the last index that there is, which is 18446744073709551614.
    ///
    /// Complexity: O(N), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.arset("log", 7, ["started", "ready"])?, 2);
    /// assert_eq!(redis.arset("log", 8, ["failed"])?, 0);
    /// assert_eq!(redis.arget("log", 8)?.unwrap(), "failed");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arset(
        &self,
        key: impl ToArg,
        index: u64,
        values: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<usize> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&ArSet { key: &key, index, values: values.into() }))
    }

    /// Puts elements at any indices of an array, and makes the array if there is none. Returns how many of the indices had no element
    /// before. `ARMSET`.
    ///
    /// # Errors
    /// As [`Commands::arset`].
    ///
    /// Complexity: O(N), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.armset("squares", [(3, 9), (1_000_000, 1_000_000_000_000_i64)])?, 2);
    /// assert_eq!((redis.arcount("squares")?, redis.arlen("squares")?), (2, 1_000_001));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn armset(&self, key: impl ToArg, mapping: impl IntoIterator<Item = (u64, impl ToArg)>) -> Result<usize> {
        let key = arg(&key)?;
        let (indices, values): (Vec<u64>, Vec<_>) = mapping.into_iter().unzip();
        ArgList::new(values).with(|values| {
            let pairs: Vec<_> = indices.into_iter().zip(values.iter().copied()).collect();
            self.run_write(&ArMSet { key: &key, pairs: pairs.into() })
        })
    }

    /// The element at an index of an array; `None` if there is none. `ARGET`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started"])?;
    /// assert_eq!(redis.arget("log", 7)?.unwrap(), "started");
    /// assert_eq!(redis.arget("log", 0)?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arget(&self, key: impl ToArg, index: u64) -> Result<Option<Bytes>> {
        self.run_read(&ArGet { key: &arg(&key)?, index })
    }

    /// The elements at some indices of an array, `None` for one that has none. `ARMGET`.
    ///
    /// Complexity: O(N), N being the number of indices.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started", "ready"])?;
    /// assert_eq!(redis.armget("log", [8, 9])?, [Some("ready".into()), None]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn armget(&self, key: impl ToArg, indices: impl IntoIterator<Item = u64>) -> Result<Vec<Option<Bytes>>> {
        let indices: Vec<u64> = indices.into_iter().collect();
        self.run_read(&ArMGet { key: &arg(&key)?, indices: indices.into() })
    }

    /// What is at each index from `start` to `end`, both included, `None` where there is no element; the last one first if `end` is
    /// before `start`. `ARGETRANGE`.
    ///
    /// # Errors
    /// Refused if that are more than 1,000,000 indices. [`Commands::arscan`] passes those over that have no element.
    ///
    /// Complexity: O(N), N being the number of indices.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started", "ready"])?;
    /// assert_eq!(redis.argetrange("log", 6, 7)?, [None, Some("started".into())]);
    /// assert_eq!(redis.argetrange("log", 7, 6)?, [Some("started".into()), None]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn argetrange(&self, key: impl ToArg, start: u64, end: u64) -> Result<Vec<Option<Bytes>>> {
        self.run_read(&ArGetRange { key: &arg(&key)?, span: ArraySpan { start, end } })
    }

    /// Takes the elements at some indices out of an array, and returns how many there were. An array without elements is no key. `ARDEL`.
    ///
    /// Complexity: O(N), N being the number of indices.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started", "ready"])?;
    /// assert_eq!(redis.ardel("log", [8, 9])?, 1);
    /// assert_eq!(redis.arlen("log")?, 8);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn ardel(&self, key: impl ToArg, indices: impl IntoIterator<Item = u64>) -> Result<usize> {
        let indices: Vec<u64> = indices.into_iter().collect();
        self.run_write(&ArDel { key: &arg(&key)?, indices: indices.into() })
    }

    /// Takes the elements in some ranges out of an array, both ends of a range included, and returns how many there were. `ARDELRANGE`.
    ///
    /// Complexity: O(N), N being the number of elements that are taken out, and of parts of the array that have some; not the width of
    /// the ranges.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.armset("sparse", [(0, "a"), (5_000_000, "b"), (9_000_000_000, "c")])?;
    /// assert_eq!(redis.ardelrange("sparse", [(1, u64::MAX - 1)])?, 2);
    /// assert_eq!(redis.arcount("sparse")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn ardelrange(&self, key: impl ToArg, ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<usize> {
        let spans: Vec<ArraySpan> = ranges.into_iter().map(ArraySpan::from).collect();
        self.run_write(&ArDelRange { key: &arg(&key)?, spans: spans.into() })
    }

    /// One more than the last index of an array that has an element; 0 if there is no such key. `ARLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started"])?;
    /// assert_eq!(redis.arlen("log")?, 8);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arlen(&self, key: impl ToArg) -> Result<u64> {
        self.run_read(&ArLen { key: &arg(&key)? })
    }

    /// How many elements an array has; 0 if there is no such key. `ARCOUNT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("log", 7, ["started"])?;
    /// assert_eq!(redis.arcount("log")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arcount(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&ArCount { key: &arg(&key)? })
    }

    /// The index at which [`Commands::arinsert`] would put the next element: 0 if nothing was inserted yet, `None` if there is no index
    /// left. `ARNEXT`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arinsert("log", ["started", "ready"])?;
    /// assert_eq!(redis.arnext("log")?, Some(2));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arnext(&self, key: impl ToArg) -> Result<Option<u64>> {
        self.run_read(&ArNext { key: &arg(&key)? })
    }

    /// Sets the index at which [`Commands::arinsert`] and [`Commands::arring`] go on; false if there is no such key. `ARSEEK`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arinsert("log", ["started"])?;
    /// assert!(redis.arseek("log", 100)?);
    /// assert_eq!(redis.arinsert("log", ["ready"])?, 100);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arseek(&self, key: impl ToArg, index: u64) -> Result<bool> {
        self.run_write(&ArSeek { key: &arg(&key)?, index })
    }

    /// Puts elements after the one that was inserted last, and makes the array if there is none. Returns the index of the last of them.
    /// What [`Commands::arset`] put there is written over. `ARINSERT`.
    ///
    /// # Errors
    /// Refused if no element is given, and if there are no such indices left.
    ///
    /// Complexity: O(N), N being the number of elements.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.arinsert("log", ["started", "ready"])?, 1);
    /// assert_eq!(redis.arinsert("log", ["stopped"])?, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arinsert(&self, key: impl ToArg, values: impl IntoIterator<Item = impl ToArg>) -> Result<u64> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&ArInsert { key: &key, values: values.into() }))
    }

    /// Puts elements into an array that is a ring of `size` places, over the oldest ones when it is full. Returns the index of the last of
    /// them. A ring of another size than before keeps the elements that were inserted last, up to the first place that has none. `ARRING`.
    ///
    /// # Errors
    /// Refused if no element is given, and if the size is 0 or more than an `i64` holds.
    ///
    /// Complexity: O(M), M being the number of elements, and O(N+M) if the size changes, N being the larger of both.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arring("latest", 3, ["a", "b", "c", "d"])?;
    /// assert_eq!(redis.arget("latest", 0)?.unwrap(), "d");
    /// assert_eq!(redis.arlastitems("latest", 2, false)?, [Some("c".into()), Some("d".into())]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arring(
        &self,
        key: impl ToArg,
        size: u64,
        values: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<u64> {
        let key = arg(&key)?;
        ArgList::new(values).with(|values| self.run_write(&ArRing { key: &key, size, values: values.into() }))
    }

    /// What was inserted into an array last, at most `count` of it, the oldest first or with `rev` the latest: from the index that was
    /// inserted at last backward, and then around from the end; `None` for an index without an element. Nothing if there is no such key.
    /// `ARLASTITEMS`.
    ///
    /// # Errors
    /// Refused if that are more than 1,000,000 indices.
    ///
    /// Complexity: O(N), N being the count.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arinsert("log", ["started", "ready", "stopped"])?;
    /// assert_eq!(redis.arlastitems("log", 2, true)?, [Some("stopped".into()), Some("ready".into())]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arlastitems(&self, key: impl ToArg, count: u64, rev: bool) -> Result<Vec<Option<Bytes>>> {
        self.run_read(&ArLastItems { key: &arg(&key)?, count, rev })
    }

    /// The elements from `start` to `end`, both included, with their indices, at most `limit`; the last one first if `end` is before
    /// `start`. `ARSCAN`.
    ///
    /// Complexity: O(N), N being the number of elements, and of parts of the array that have some; not the width of the range.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.armset("sparse", [(0, "a"), (5_000_000, "b"), (9_000_000_000, "c")])?;
    /// let latest = redis.arscan("sparse", u64::MAX - 1, 0, Some(1))?;
    /// assert_eq!(latest, [ArrayElement { index: 9_000_000_000, value: "c".into() }]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arscan(
        &self,
        key: impl ToArg,
        start: u64,
        end: u64,
        limit: Option<usize>,
    ) -> Result<Vec<ArrayElement>> {
        self.run_read(&ArScan { key: &arg(&key)?, span: ArraySpan { start, end }, limit })
    }

    /// Adds up, compares, combines or counts the elements from `start` to `end`, both included. Elements that are no numbers do not count
    /// where numbers are asked for. `AROP`.
    ///
    /// Complexity: O(N), N being the number of elements, and of parts of the array that have some.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("readings", 0, ["20.5", "21", "broken"])?;
    /// assert_eq!(redis.arop("readings", 0, 9, ArrayOperation::Sum)?.as_f64(), Some(41.5));
    /// assert_eq!(redis.arop("readings", 0, 9, ArrayOperation::Match(b"broken"))?, ArrayAggregate::Integer(1));
    /// assert_eq!(redis.arop("readings", 2, 9, ArrayOperation::Max)?, ArrayAggregate::Nothing);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arop(
        &self,
        key: impl ToArg,
        start: u64,
        end: u64,
        operation: ArrayOperation<'_>,
    ) -> Result<ArrayAggregate> {
        self.run_read(&ArOp { key: &arg(&key)?, span: ArraySpan { start, end }, operation })
    }

    /// The elements of a range that texts or patterns describe, with their indices, at most `limit`; [`ArraySpan::ALL`] is the whole
    /// array. `ARGREP`.
    ///
    /// Complexity: O(P*C), P being the number of elements, and of parts of the array that have some, and C what it takes to look at one.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arinsert("log", ["boot: ok", "ERROR: disk", "error: net"])?;
    /// let wanted = ArraySearch::new(&[ArrayPredicate::Re(b"^error: (cpu|net)$")], false, true)?;
    /// assert_eq!(redis.argrep("log", ArraySpan::ALL, &wanted, None)?[0].index, 2);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn argrep(
        &self,
        key: impl ToArg,
        span: impl Into<ArraySpan>,
        search: &ArraySearch<'_>,
        limit: Option<usize>,
    ) -> Result<Vec<ArrayElement>> {
        let (key, search) = (arg(&key)?, search.clone());
        let reply =
            self.run_read(&ArGrep { key: &key, span: span.into(), search, limit, with_values: true })?;
        Ok(reply.elements)
    }

    /// Tells about an array and how it is kept, with `full` also how its parts are filled. `ARINFO`.
    ///
    /// # Errors
    /// Refused if there is no such key.
    ///
    /// Complexity: O(1), and O(N) with `full`, N being the number of its parts.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.arset("sparse", 1_000_000, ["x"])?;
    /// let info = redis.arinfo("sparse", true)?;
    /// assert_eq!((info.count, info.len, info.filling.unwrap().sparse_slices), (1, 1_000_001, 1));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn arinfo(&self, key: impl ToArg, full: bool) -> Result<ArrayInfo> {
        self.run_read(&ArInfo { key: &arg(&key)?, full })
    }

    // Streams.

    /// Adds an entry to a stream, and makes the stream if there is none. Returns its ID: this moment, and the first number that is
    /// free in it. `XADD`.
    ///
    /// # Errors
    /// Refused if no field is given, and if the last ID that there can be was given.
    ///
    /// Complexity: O(log(S)), S being the number of entries.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let id = redis.xadd("readings", [("celsius", 21.5)])?;
    /// let entries = redis.xrange("readings", ..)?;
    /// assert_eq!((entries[0].id, entries[0].get("celsius").unwrap()), (id, &"21.5".into()));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xadd(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
    ) -> Result<StreamId> {
        let id = self.xadd_with(key, fields, XAddOptions::default())?;
        Ok(id.unwrap_or_else(|| unreachable!("only NOMKSTREAM adds nothing")))
    }

    /// The same under an ID of one's own, only to a stream that is there, or to one that is kept short. `None` if there is no such
    /// stream and none was to be made. `XADD` with `MAXLEN`, `MINID`, `NOMKSTREAM` and so on.
    ///
    /// # Errors
    /// Refused if no field is given, if the ID does not come after every one that was ever given, and if an entry that is not to be
    /// added twice is given an ID of one's own, or its producer an empty name.
    ///
    /// Complexity: O(log(S)), S being the number of entries, and O(N) to trim, N being the number of those that go.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let short = XAddOptions::default().id(StreamId::new(7, 0)).trim(Trimming::max_len(1000).approximate());
    /// assert_eq!(redis.xadd_with("log", [("line", "started")], short)?, Some(StreamId::new(7, 0)));
    /// let absent = XAddOptions::default().only_if_present();
    /// assert_eq!(redis.xadd_with("gone", [("line", "x")], absent)?, None);
    /// // What a producer sends again, because it does not know whether it arrived, is there once.
    /// let sent = XAddOptions::default().idmp(b"till-3", b"receipt-81");
    /// let first = redis.xadd_with("sales", [("cents", 250)], sent)?;
    /// assert_eq!(redis.xadd_with("sales", [("cents", 250)], sent)?, first);
    /// assert_eq!(redis.xlen("sales")?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xadd_with(
        &self,
        key: impl ToArg,
        fields: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        options: XAddOptions<'_>,
    ) -> Result<Option<StreamId>> {
        PairList::new(fields).with(|pairs| {
            if pairs.is_empty() {
                return Err(redlet_core::Error::WrongArity("xadd".into()).into());
            }
            let fields: Vec<&[u8]> = pairs.iter().flat_map(|(name, value)| [*name, *value]).collect();
            self.run_write(&XAdd { key: &arg(&key)?, options, fields: fields.into() })
        })
    }

    /// How many entries a stream has; 0 if there is none. `XLEN`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("s", [("n", 1)])?;
    /// assert_eq!((redis.xlen("s")?, redis.xlen("gone")?), (1, 0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xlen(&self, key: impl ToArg) -> Result<usize> {
        self.run_read(&XLen { key: &arg(&key)? })
    }

    /// The entries with IDs of a range, in order; none if there is no stream. `XRANGE`.
    ///
    /// # Errors
    /// Refused if the range leaves out the first or the last ID that there can be, where it begins or ends.
    ///
    /// Complexity: O(log(S)+N), S being the number of entries and N that of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// for ms in [1, 2, 3] {
    ///     redis.xadd_with("s", [("n", ms)], XAddOptions::default().id(StreamId::new(ms, 0)))?;
    /// }
    /// let later = redis.xrange("s", StreamId::new(2, 0)..)?;
    /// assert_eq!(later.iter().map(|entry| entry.id.ms).collect::<Vec<_>>(), [2, 3]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xrange(&self, key: impl ToArg, range: impl RangeBounds<StreamId>) -> Result<Vec<StreamEntry>> {
        let (start, end) = IdBound::both(&range);
        Ok(self.run_read(&XRange { key: &arg(&key)?, start, end, count: None })?.0.unwrap_or_default())
    }

    /// The first `count` of them. `XRANGE` with `COUNT`.
    ///
    /// # Errors
    /// As [`Commands::xrange`].
    ///
    /// Complexity: O(log(S)+N), S being the number of entries and N that of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("s", [("n", 1)])?;
    /// redis.xadd("s", [("n", 2)])?;
    /// assert_eq!(redis.xrange_count("s", .., 1)?[0].get("n").unwrap(), "1");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xrange_count(
        &self,
        key: impl ToArg,
        range: impl RangeBounds<StreamId>,
        count: usize,
    ) -> Result<Vec<StreamEntry>> {
        let (start, end) = IdBound::both(&range);
        let entries = self.run_read(&XRange { key: &arg(&key)?, start, end, count: Some(count) })?;
        Ok(entries.0.unwrap_or_default())
    }

    /// The entries with IDs of a range, the last one first: `count` at most. `XREVRANGE`.
    ///
    /// # Errors
    /// As [`Commands::xrange`].
    ///
    /// Complexity: O(log(S)+N), S being the number of entries and N that of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("s", [("n", 1)])?;
    /// redis.xadd("s", [("n", 2)])?;
    /// assert_eq!(redis.xrevrange("s", .., 1)?[0].get("n").unwrap(), "2");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xrevrange(
        &self,
        key: impl ToArg,
        range: impl RangeBounds<StreamId>,
        count: usize,
    ) -> Result<Vec<StreamEntry>> {
        let (start, end) = IdBound::both(&range);
        let entries = self.run_read(&XRevRange { key: &arg(&key)?, start, end, count: Some(count) })?;
        Ok(entries.0.unwrap_or_default())
    }

    /// Deletes entries; returns how many there were. `XDEL`.
    ///
    /// Complexity: O(N*log(S)), N being the number of IDs and S the number of entries.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let id = redis.xadd("s", [("n", 1)])?;
    /// assert_eq!(redis.xdel("s", [id, StreamId::MAX])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xdel(&self, key: impl ToArg, ids: impl IntoIterator<Item = StreamId>) -> Result<usize> {
        self.run_write(&XDel { key: &arg(&key)?, ids: Ok(ids.into_iter().collect()) })
    }

    /// Deletes entries, and says what of groups that have to do with them. What became of each. `XDELEX`, of Redis 8.2.
    ///
    /// Complexity: O(N*log(S)), N being the number of IDs and S the number of entries.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let id = redis.xadd("s", [("n", 1)])?;
    /// redis.xgroup_create("s", "workers", StreamId::MIN, false)?;
    /// assert_eq!(redis.xdelex("s", [id], References::Acknowledged)?, [Deletion::Referenced]);
    /// assert_eq!(redis.xdelex("s", [id], References::Delete)?, [Deletion::Deleted]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xdelex(
        &self,
        key: impl ToArg,
        ids: impl IntoIterator<Item = StreamId>,
        references: References,
    ) -> Result<Vec<Deletion>> {
        self.run_write(&XDelEx { key: &arg(&key)?, references, ids: ids.into_iter().collect() })
    }

    /// Takes away the first entries of a stream; returns how many have gone. `XTRIM`.
    ///
    /// Complexity: O(N), N being the number of entries that go.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// for n in 0..5 {
    ///     redis.xadd("s", [("n", n)])?;
    /// }
    /// assert_eq!(redis.xtrim("s", Trimming::max_len(2))?, 3);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xtrim(&self, key: impl ToArg, trim: Trimming) -> Result<usize> {
        self.run_write(&XTrim { key: &arg(&key)?, trim })
    }

    /// Sets the last ID of a stream, which the next one follows. `XSETID`.
    ///
    /// # Errors
    /// Refused if there is no stream, and if it has or had an entry after that ID.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd_with("s", [("n", 1)], XAddOptions::default().id(StreamId::new(1, 0)))?;
    /// redis.xsetid("s", StreamId::new(9, 0))?;
    /// assert_eq!(redis.xinfo_stream("s")?.last_generated_id, StreamId::new(9, 0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xsetid(&self, key: impl ToArg, last_id: StreamId) -> Result<()> {
        self.run_write(&XSetId { key: &arg(&key)?, last_id, entries_added: None, max_deleted_id: None })
    }

    /// Sets for how long, and how many of, the IDs that a producer gives what it sends are remembered, so that it is not added again.
    /// All that were remembered are forgotten if that is another setting. `XCFGSET` of Redis 8.6.
    ///
    /// # Errors
    /// Refused if there is no stream, and if a setting is out of its range: 1 to 86,400 seconds, 1 to 10,000 IDs.
    ///
    /// Complexity: O(1), and O(N) if that is another setting, N being the number of IDs.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("sales", [("cents", 250)])?;
    /// redis.xcfgset("sales", IdempotencySettings { duration_s: 3600, max_size: 1000 })?;
    /// assert_eq!(redis.xinfo_stream("sales")?.producers.unwrap().settings.duration_s, 3600);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xcfgset(&self, key: impl ToArg, settings: IdempotencySettings) -> Result<()> {
        let IdempotencySettings { duration_s, max_size } = settings;
        self.run_write(&XCfgSet { key: &arg(&key)?, settings: Ok((Some(duration_s), Some(max_size))) })
    }

    /// The entries of streams after those that the caller knows, without those of streams that have none. `XREAD`.
    ///
    /// [`Redis::xread_blocking`](crate::Redis::xread_blocking) waits for some.
    ///
    /// Complexity: O(log(S)+N) for each stream, S being the number of its entries and N that of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let first = redis.xadd("s", [("n", 1)])?;
    /// let second = redis.xadd("s", [("n", 2)])?;
    /// let read = redis.xread([("s", ReadFrom::After(first))], ReadLimits::default())?;
    /// assert_eq!(read[0].entries[0].id, second);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xread(
        &self,
        streams: impl IntoIterator<Item = (impl ToArg, ReadFrom)>,
        limits: ReadLimits,
    ) -> Result<Vec<StreamEntries>> {
        let (keys, from): (Vec<_>, Vec<_>) = streams.into_iter().map(|(key, from)| (key, Ok(from))).unzip();
        ArgList::new(keys).with(|keys| {
            let read = XRead { keys: keys.into(), from: from.into(), limits, block: None };
            Ok(self.run_read(&read)?.0.unwrap_or_default())
        })
    }

    /// Entries of streams that no other member of a group is given, or those that this one was given and has not acknowledged. A
    /// member that is not there is made. `XREADGROUP`.
    ///
    /// [`Redis::xreadgroup_blocking`](crate::Redis::xreadgroup_blocking) waits for some.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if a stream or its group is not there.
    ///
    /// Complexity: O(log(S)+N*log(P)) for each stream, S being the number of its entries, P that of those not acknowledged and N that
    /// of those returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// let new = [("jobs", GroupFrom::New)];
    /// let mine = redis.xreadgroup("workers", "ada", new, GroupReadOptions::default())?;
    /// let job = mine[0].entries[0].id;
    /// assert!(redis.xreadgroup("workers", "bob", new, GroupReadOptions::default())?.is_empty());
    /// assert_eq!(redis.xack("jobs", "workers", [job])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xreadgroup(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToArg, GroupFrom)>,
        options: GroupReadOptions,
    ) -> Result<Vec<StreamEntries>> {
        let (keys, from): (Vec<_>, Vec<_>) = streams.into_iter().map(|(key, from)| (key, Ok(from))).unzip();
        ArgList::new(keys).with(|keys| {
            let (group, consumer) = (arg(&group)?, arg(&consumer)?);
            let read = XReadGroup {
                group: &group,
                consumer: &consumer,
                keys: keys.into(),
                from: from.into(),
                options,
                block: None,
            };
            Ok(self.run_write(&read)?.0.unwrap_or_default())
        })
    }

    /// Makes a group of consumers, which is given the entries after one ([`StreamId::MIN`] for all) or from now on
    /// ([`GroupStart::End`]); the stream too if there is none and it is to be made. `XGROUP CREATE`.
    ///
    /// # Errors
    /// Refused with `BUSYGROUP` if there is such a group, and if there is no stream and none is to be made.
    ///
    /// Complexity: O(log(G)), G being the number of groups.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert!(redis.xgroup_create("jobs", "workers", GroupStart::End, true).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xgroup_create(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        start: impl Into<GroupStart>,
        make_stream: bool,
    ) -> Result<()> {
        let (key, group, start) = (arg(&key)?, arg(&group)?, Ok(start.into()));
        self.run_write(&XGroupCreate { key: &key, group: &group, start, make_stream, entries_read: None })
    }

    /// Says after which entry a group goes on. `XGROUP SETID`.
    ///
    /// # Errors
    /// Refused if there is no stream, and with `NOGROUP` if it has no such group.
    ///
    /// Complexity: O(log(G)), G being the number of groups.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// redis.xgroup_setid("jobs", "workers", StreamId::MIN)?;
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xgroup_setid(&self, key: impl ToArg, group: impl ToArg, start: impl Into<GroupStart>) -> Result<()> {
        let (key, group, start) = (arg(&key)?, arg(&group)?, Ok(start.into()));
        self.run_write(&XGroupSetId { key: &key, group: &group, start, entries_read: None })
    }

    /// Removes a group with what it has not acknowledged; false if there is none. `XGROUP DESTROY`.
    ///
    /// # Errors
    /// Refused if there is no stream.
    ///
    /// Complexity: O(N), N being the number of entries that are not acknowledged.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert!(redis.xgroup_destroy("jobs", "workers")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xgroup_destroy(&self, key: impl ToArg, group: impl ToArg) -> Result<bool> {
        self.run_write(&XGroupDestroy { key: &arg(&key)?, group: &arg(&group)? })
    }

    /// Makes a member of a group; false if it is there. `XGROUP CREATECONSUMER`.
    ///
    /// # Errors
    /// Refused if there is no stream, and with `NOGROUP` if it has no such group.
    ///
    /// Complexity: O(log(C)), C being the number of members.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert!(redis.xgroup_createconsumer("jobs", "workers", "ada")?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xgroup_createconsumer(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
    ) -> Result<bool> {
        let (key, group, consumer) = (arg(&key)?, arg(&group)?, arg(&consumer)?);
        self.run_write(&XGroupCreateConsumer { key: &key, group: &group, consumer: &consumer })
    }

    /// Removes a member of a group; returns how many entries it had not acknowledged, which nobody has any more. `XGROUP DELCONSUMER`.
    ///
    /// # Errors
    /// Refused if there is no stream, and with `NOGROUP` if it has no such group.
    ///
    /// Complexity: O(N*log(P)), N being the number of entries that it had and P that of all that are not acknowledged.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert_eq!(redis.xgroup_delconsumer("jobs", "workers", "nobody")?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xgroup_delconsumer(&self, key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> Result<usize> {
        let (key, group, consumer) = (arg(&key)?, arg(&group)?, arg(&consumer)?);
        self.run_write(&XGroupDelConsumer { key: &key, group: &group, consumer: &consumer })
    }

    /// Acknowledges entries that a group was given; returns how many were not before. `XACK`.
    ///
    /// Complexity: O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.xack("gone", "workers", [StreamId::new(1, 0)])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xack(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> Result<usize> {
        self.run_write(&XAck { key: &arg(&key)?, group: &arg(&group)?, ids: Ok(ids.into_iter().collect()) })
    }

    /// Acknowledges entries that a group was given, and deletes them. What became of each. `XACKDEL`, of Redis 8.2.
    ///
    /// Complexity: O(N*log(S)), N being the number of IDs and S the number of entries.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let job = redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// redis.xreadgroup("workers", "ada", [("jobs", GroupFrom::New)], GroupReadOptions::default())?;
    /// assert_eq!(redis.xackdel("jobs", "workers", [job], References::Acknowledged)?, [Deletion::Deleted]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xackdel(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        ids: impl IntoIterator<Item = StreamId>,
        references: References,
    ) -> Result<Vec<Deletion>> {
        let (key, group) = (arg(&key)?, arg(&group)?);
        self.run_write(&XAckDel { key: &key, group: &group, references, ids: ids.into_iter().collect() })
    }

    /// What a group was given and has not acknowledged, in short. `XPENDING`.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if there is no stream or no such group.
    ///
    /// Complexity: O(C), C being the number of members.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert_eq!(redis.xpending("jobs", "workers")?.count, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xpending(&self, key: impl ToArg, group: impl ToArg) -> Result<PendingSummary> {
        match self.run_read(&XPending { key: &arg(&key)?, group: &arg(&group)?, range: None })? {
            XPendingReply::Summary(summary) => Ok(summary),
            XPendingReply::Entries(_) => unreachable!("no range was given"),
        }
    }

    /// Entries that a group was given and has not acknowledged, with who has them since when. `XPENDING` with a range.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if there is no stream or no such group.
    ///
    /// Complexity: O(log(P)+N), P being the number of entries that are not acknowledged and N that of those looked at.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// redis.xreadgroup("workers", "ada", [("jobs", GroupFrom::New)], GroupReadOptions::default())?;
    /// let pending = redis.xpending_range("jobs", "workers", PendingRange::first(10).of(b"ada"))?;
    /// assert_eq!(pending[0].deliveries, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xpending_range(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        range: PendingRange<'_>,
    ) -> Result<Vec<PendingEntry>> {
        match self.run_read(&XPending { key: &arg(&key)?, group: &arg(&group)?, range: Some(range) })? {
            XPendingReply::Entries(entries) => Ok(entries),
            XPendingReply::Summary(_) => unreachable!("a range was given"),
        }
    }

    /// Makes entries that were given at least `min_idle` ago and not acknowledged another member's, and returns them. `XCLAIM`.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if there is no stream or no such group.
    ///
    /// Complexity: O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let job = redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// redis.xreadgroup("workers", "ada", [("jobs", GroupFrom::New)], GroupReadOptions::default())?;
    /// let options = ClaimOptions::default();
    /// let taken = redis.xclaim("jobs", "workers", "bob", Duration::ZERO, [job], options)?;
    /// assert_eq!(taken[0].id, job);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xclaim(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl IntoIterator<Item = StreamId>,
        options: ClaimOptions,
    ) -> Result<Vec<StreamEntry>> {
        let (key, group, consumer) = (arg(&key)?, arg(&group)?, arg(&consumer)?);
        let options = ClaimOptions { just_ids: false, ..options };
        let claim = Claim { min_idle_ms: milliseconds(min_idle), ids: ids.into_iter().collect(), options };
        match self.run_write(&XClaim { key: &key, group: &group, consumer: &consumer, claim: Ok(claim) })? {
            Claimed::Entries(entries) => Ok(entries),
            Claimed::Ids(_) => unreachable!("whole entries were asked for"),
        }
    }

    /// Makes entries that were given at least `min_idle` ago and not acknowledged another member's: up to `count` from `start` on.
    /// `XAUTOCLAIM`.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if there is no stream or no such group.
    ///
    /// Complexity: O(log(P)+N*log(P)), P being the number of entries that are not acknowledged and N the count.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// redis.xreadgroup("workers", "ada", [("jobs", GroupFrom::New)], GroupReadOptions::default())?;
    /// let taken = redis.xautoclaim("jobs", "workers", "bob", Duration::ZERO, StreamId::MIN, 100)?;
    /// assert_eq!((taken.claimed.len(), taken.next), (1, StreamId::MIN));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xautoclaim(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl Into<IdBound>,
        count: usize,
    ) -> Result<XAutoClaimReply> {
        let (key, group, consumer) = (arg(&key)?, arg(&group)?, arg(&consumer)?);
        self.run_write(&XAutoClaim {
            key: &key,
            group: &group,
            consumer: &consumer,
            min_idle_ms: milliseconds(min_idle),
            start: start.into(),
            count,
            just_ids: false,
        })
    }

    /// Gives back entries that a group was given and has not acknowledged, for other members to take; returns how many. `XNACK`, of
    /// Redis 8.8.
    ///
    /// # Errors
    /// Refused with `NOGROUP` if there is no stream or no such group.
    ///
    /// Complexity: O(N*log(P)), N being the number of IDs and P the number of entries that are not acknowledged.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let job = redis.xadd("jobs", [("wash", "dishes")])?;
    /// redis.xgroup_create("jobs", "workers", StreamId::MIN, false)?;
    /// redis.xreadgroup("workers", "ada", [("jobs", GroupFrom::New)], GroupReadOptions::default())?;
    /// assert_eq!(redis.xnack("jobs", "workers", NackMode::Fail, [job])?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xnack(
        &self,
        key: impl ToArg,
        group: impl ToArg,
        mode: NackMode,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> Result<usize> {
        let (key, group, ids) = (arg(&key)?, arg(&group)?, ids.into_iter().collect());
        self.run_write(&XNack { key: &key, group: &group, mode, ids, retry_count: None, force: false })
    }

    /// Describes a stream. `XINFO STREAM`.
    ///
    /// # Errors
    /// Refused if there is none.
    ///
    /// Complexity: O(P), P being the number of packed parts.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let id = redis.xadd("s", [("n", 1)])?;
    /// assert_eq!(redis.xinfo_stream("s")?.last_generated_id, id);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xinfo_stream(&self, key: impl ToArg) -> Result<StreamInfo> {
        match self.run_read(&XInfoStream { key: &arg(&key)?, full: Ok(None) })? {
            XInfoStreamReply::Short(info) => Ok(info),
            XInfoStreamReply::Full(_) => unreachable!("it was asked for in short"),
        }
    }

    /// Describes a stream with its groups and their members: up to `count` entries of each list, or all if it is 0. `XINFO STREAM` with
    /// `FULL`.
    ///
    /// # Errors
    /// Refused if there is none.
    ///
    /// Complexity: O(N), N being what is shown.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xadd("s", [("n", 1)])?;
    /// assert_eq!(redis.xinfo_stream_full("s", 10)?.entries.len(), 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xinfo_stream_full(&self, key: impl ToArg, count: usize) -> Result<FullStream> {
        match self.run_read(&XInfoStream { key: &arg(&key)?, full: Ok(Some(count)) })? {
            XInfoStreamReply::Full(full) => Ok(full),
            XInfoStreamReply::Short(_) => unreachable!("it was asked for in full"),
        }
    }

    /// Describes the groups of a stream, by name. `XINFO GROUPS`.
    ///
    /// # Errors
    /// Refused if there is no stream.
    ///
    /// Complexity: O(N), N being the number of groups.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// assert_eq!(redis.xinfo_groups("jobs")?[0].lag, Some(0));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xinfo_groups(&self, key: impl ToArg) -> Result<Vec<GroupInfo>> {
        self.run_read(&XInfoGroups { key: &arg(&key)? })
    }

    /// Describes the members of a group, by name. `XINFO CONSUMERS`.
    ///
    /// # Errors
    /// Refused if there is no stream, and with `NOGROUP` if it has no such group.
    ///
    /// Complexity: O(N), N being the number of members.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.xgroup_create("jobs", "workers", GroupStart::End, true)?;
    /// redis.xgroup_createconsumer("jobs", "workers", "ada")?;
    /// assert_eq!(redis.xinfo_consumers("jobs", "workers")?[0].inactive_ms, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn xinfo_consumers(&self, key: impl ToArg, group: impl ToArg) -> Result<Vec<ConsumerInfo>> {
        self.run_read(&XInfoConsumers { key: &arg(&key)?, group: &arg(&group)? })
    }

    // The store.

    /// Counts the keys of the database; expired ones count until they are reclaimed. `DBSIZE`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.dbsize()?, 1);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn dbsize(&self) -> Result<usize> {
        self.run_read(&DbSize)
    }

    /// Deletes every key of the database. `FLUSHDB`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// redis.flushdb()?;
    /// assert_eq!(redis.dbsize()?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn flushdb(&self) -> Result<()> {
        self.run_write(&FlushDb { mode: FlushMode::Async })
    }

    /// Deletes every key of every database. `FLUSHALL`.
    ///
    /// Complexity: O(N), N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.select(1)?.set("k", "v")?;
    /// redis.flushall()?;
    /// assert_eq!(redis.select(1)?.dbsize()?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn flushall(&self) -> Result<()> {
        self.run_write(&FlushAll { mode: FlushMode::Async })
    }

    /// Makes two databases change places. `SWAPDB`.
    ///
    /// # Errors
    /// Refused if there is no database of one of the numbers.
    ///
    /// Complexity: O(N), N being the number of keys with a deadline in both.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// redis.swapdb(0, 1)?;
    /// assert_eq!(redis.select(1)?.get("k")?.unwrap(), "v");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn swapdb(&self, first: usize, second: usize) -> Result<()> {
        self.run_write(&SwapDb { first: first as i64, second: second as i64 })
    }

    /// Returns the store's time. `TIME`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.time()?.seconds > 1_700_000_000);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn time(&self) -> Result<TimeReply> {
        self.run_control(&Time)
    }

    /// Does nothing, to show that the store is there. `PING`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.ping()?;
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn ping(&self) -> Result<()> {
        self.run_control(&Ping { message: None }).map(drop)
    }

    /// Returns the message. `ECHO`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.echo("hello")?, "hello");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn echo(&self, message: impl ToArg) -> Result<Bytes> {
        self.run_control(&Echo { message: &arg(&message)? })
    }

    /// Writes a snapshot and returns when it is on disk. `SAVE`.
    ///
    /// # Errors
    /// Refused by a store in memory, and when it cannot be written.
    ///
    /// Complexity: O(N), N being the number of keys in all databases.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.save().is_err(), "this one is in memory");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn save(&self) -> Result<()> {
        self.run_control(&Save)
    }

    /// Begins to write a snapshot while commands go on. `BGSAVE`.
    ///
    /// # Errors
    /// Refused by a store in memory, and while one is being written.
    ///
    /// Complexity: O(1) here; O(N) in the background, N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.bgsave().is_err(), "this one is in memory");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bgsave(&self) -> Result<()> {
        self.run_control(&BgSave).map(drop)
    }

    /// Begins to replace the log by a snapshot while commands go on: what [`Commands::bgsave`] does too. `BGREWRITEAOF`.
    ///
    /// # Errors
    /// As [`Commands::bgsave`].
    ///
    /// Complexity: O(1) here; O(N) in the background, N being the number of keys.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.bgrewriteaof().is_err(), "this one is in memory");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn bgrewriteaof(&self) -> Result<()> {
        self.run_control(&BgRewriteAof).map(drop)
    }

    /// Says when the last snapshot was finished, to the second; for a store in memory, when it was made. `LASTSAVE`.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.lastsave()?.0 > 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn lastsave(&self) -> Result<UnixMs> {
        Ok(UnixMs(self.run_control(&LastSave)? * 1000))
    }

    /// Reports on the store, by names and values; all sections if `section` is empty. `INFO`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "v")?;
    /// assert_eq!(redis.info("keyspace")?["db0"], "keys=1,expires=0,avg_ttl=0,subexpiry=0");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn info(&self, section: &str) -> Result<BTreeMap<String, String>> {
        let sections = if section.is_empty() { Vec::new() } else { vec![section.as_bytes()] };
        let report = self.run_control(&Info { sections: sections.into() })?.0;
        let line = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(report.lines().filter_map(line).collect())
    }

    /// Counts the bytes that a key takes with its value and all that belongs to it; `None` if it is not there. `MEMORY USAGE`.
    ///
    /// *Differs* from Redis in that nothing is estimated.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("k", "x".repeat(1000))?;
    /// assert!((1000..1500).contains(&redis.memory_usage("k")?.unwrap()));
    /// assert_eq!(redis.memory_usage("missing")?, None);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn memory_usage(&self, key: impl ToArg) -> Result<Option<usize>> {
        self.run_read(&MemoryUsage { key: &arg(&key)? })
    }

    /// Reports what takes how much memory. `MEMORY STATS`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.memory_stats()?.used_bytes, 0);
    /// redis.set("k", "v")?;
    /// let memory = redis.memory_stats()?;
    /// assert_eq!((memory.keys, memory.databases[0].keys), (1, 1));
    /// assert!(memory.used_bytes > 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn memory_stats(&self) -> Result<MemoryReport> {
        self.run_control(&MemoryStats)
    }

    /// Says in words whether memory is well used. `MEMORY DOCTOR`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.memory_doctor()?.contains("too little"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn memory_doctor(&self) -> Result<String> {
        self.run_control(&MemoryDoctor)
    }

    /// Reports on the pages that entries lie in. `MEMORY MALLOC-STATS`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.memory_malloc_stats()?.contains("Pages"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn memory_malloc_stats(&self) -> Result<String> {
        self.run_control(&MemoryMallocStats)
    }

    /// Does nothing: pages without entries are given back at once. `MEMORY PURGE`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.memory_purge()?;
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn memory_purge(&self) -> Result<()> {
        self.run_control(&MemoryPurge)
    }

    /// Returns the parameters whose names match a pattern; what is no UTF-8 in a value is replaced. `CONFIG GET`.
    ///
    /// Complexity: O(N), N being the number of parameters.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.config_get(["hash-max-listpack-entries"])?["hash-max-listpack-entries"], "512");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn config_get(&self, patterns: impl IntoIterator<Item = impl ToArg>) -> Result<BTreeMap<String, String>> {
        ArgList::new(patterns).with(|patterns| {
            let found = self.run_control(&ConfigGet { patterns: patterns.into() })?.0;
            let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
            Ok(found.into_iter().map(|(name, value)| (name, text(value))).collect())
        })
    }

    /// Changes parameters, all of them or none. `CONFIG SET`.
    ///
    /// # Errors
    /// Refused if a name or a value is not known.
    ///
    /// Complexity: O(N), N being the number of parameters.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.config_set([("hash-max-listpack-entries", 64)])?;
    /// assert!(redis.config_set([("nosuch", 1)]).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn config_set(&self, pairs: impl IntoIterator<Item = (impl ToArg, impl ToArg)>) -> Result<()> {
        PairList::new(pairs).with(|pairs| self.run_control(&ConfigSet { pairs: pairs.into() }))
    }

    /// Returns commands that took long, the latest first, `count` of them at most. Only those that callers sent as words through a session
    /// are noted, from `slowlog-log-slower-than` microseconds on. `SLOWLOG GET`.
    ///
    /// Complexity: O(N), N being the number of commands returned.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.slowlog_get(10)?.is_empty());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn slowlog_get(&self, count: usize) -> Result<Vec<SlowCommand>> {
        self.run_control(&SlowLogGet { count: Some(count) })
    }

    /// Counts the commands that took long and are kept. `SLOWLOG LEN`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.slowlog_len()?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn slowlog_len(&self) -> Result<usize> {
        self.run_control(&SlowLogLen)
    }

    /// Forgets the commands that took long. `SLOWLOG RESET`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.slowlog_reset()?;
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn slowlog_reset(&self) -> Result<()> {
        self.run_control(&SlowLogReset)
    }

    /// Returns the latest event of each kind that took `latency-monitor-threshold` milliseconds or longer. `LATENCY LATEST`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.latency_latest()?.is_empty());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn latency_latest(&self) -> Result<Vec<LatencyEvent>> {
        self.run_control(&LatencyLatest)
    }

    /// Returns when events of a kind took long, and how long, the oldest first; none of a kind that there is not. `LATENCY HISTORY`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.latency_history("command")?.is_empty());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn latency_history(&self, event: impl ToArg) -> Result<Vec<LatencySample>> {
        self.run_control(&LatencyHistory { event: &arg(&event)? })
    }

    /// Forgets events of these kinds, of all if there are none; returns of how many kinds. `LATENCY RESET`.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.latency_reset(["command"])?, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn latency_reset(&self, events: impl IntoIterator<Item = impl ToArg>) -> Result<usize> {
        ArgList::new(events).with(|events| self.run_control(&LatencyReset { events: events.into() }))
    }

    /// Returns how long commands take that callers send as words through a session: these, or all if there are none.
    /// `LATENCY HISTOGRAM`.
    ///
    /// Complexity: O(N), N being the number of commands.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.latency_histogram(["get"])?.is_empty());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn latency_histogram(&self, commands: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<CommandTimes>> {
        let times = |commands: &[&[u8]]| self.run_control(&LatencyHistogram { commands: commands.into() });
        ArgList::new(commands).with(times)
    }

    /// Writes the parameters into the configuration file that the store was opened with: changed ones in their places, new ones at
    /// the end, remarks as they are, and users last unless they have a file of their own. `CONFIG REWRITE`.
    ///
    /// # Errors
    /// Refused without a configuration file, and when it cannot be written.
    ///
    /// ```
    /// # use redlet::*;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("redis.conf");
    /// # std::fs::write(&path, "# seconds\ntimeout 30\n").unwrap();
    /// let redis = Redis::builder().config_file(&path).build()?;
    /// redis.config_set([("timeout", 60)])?;
    /// redis.config_rewrite()?;
    /// assert!(std::fs::read_to_string(&path).unwrap().starts_with("# seconds\ntimeout 60\n"));
    /// assert!(Redis::memory().config_rewrite().is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn config_rewrite(&self) -> Result<()> {
        self.run_control(&ConfigRewrite)
    }

    /// Sets the counters that `INFO` reports back to zero. `CONFIG RESETSTAT`.
    ///
    /// Complexity: O(S), S being the number of shards.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.config_resetstat()?;
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn config_resetstat(&self) -> Result<()> {
        self.run_control(&ConfigResetStat)
    }

    /// Counts the commands. `COMMAND COUNT`.
    ///
    /// Complexity: O(N), N being the number of commands.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.command_count()? > 100);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn command_count(&self) -> Result<usize> {
        self.run_control(&CommandCount)
    }

    /// Returns the names of the commands. `COMMAND LIST`.
    ///
    /// Complexity: O(N), N being the number of commands.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.command_list()?.contains(&"zadd".to_owned()));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn command_list(&self) -> Result<Vec<String>> {
        self.run_control(&CommandList { filter: CommandFilter::All })
    }

    /// Describes commands as `COMMAND INFO` does: arity, flags, keys.
    ///
    /// Complexity: O(N), N being the number of commands.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(matches!(redis.command_info(["get"])?, Reply::Array(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn command_info(&self, names: impl IntoIterator<Item = impl ToArg>) -> Result<Reply> {
        ArgList::new(names).with(|names| self.run_control(&CommandInfo { names: names.into() }))
    }

    /// Returns what commands are for and what they cost. `COMMAND DOCS`.
    ///
    /// Complexity: O(N), N being the number of commands.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(matches!(redis.command_docs(["get"])?, Reply::Map(_)));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn command_docs(&self, names: impl IntoIterator<Item = impl ToArg>) -> Result<Reply> {
        ArgList::new(names).with(|names| self.run_control(&CommandDocs { names: names.into() }))
    }

    /// Finds the keys among a command's words, its name first. `COMMAND GETKEYS`.
    ///
    /// # Errors
    /// Refused if there is no such command, or it has no keys.
    ///
    /// Complexity: O(N), N being the number of words.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.command_getkeys(["MSET", "a", "1", "b", "2"])?, ["a", "b"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn command_getkeys(&self, words: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<Bytes>> {
        ArgList::new(words).with(|words| match self.run_control(&CommandGetKeys { words: words.into() })? {
            Reply::Array(keys) => Ok(keys
                .into_iter()
                .filter_map(|key| if let Reply::Bulk(key) = key { Some(key) } else { None })
                .collect()),
            _ => unreachable!("COMMAND GETKEYS answers with a list"),
        })
    }

    // Scripts and functions.

    /// Runs a script in Lua. `EVAL`.
    ///
    /// The script finds the keys in `KEYS` and the other words in `ARGV`. [`Redis::script`](crate::Redis::script) has typed results.
    /// Inside of a transaction it reaches the keys that the transaction has locked.
    ///
    /// # Errors
    /// Refused with what is wrong with the script, and with what it raises or answers with as an error.
    ///
    /// Complexity: that of the script.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let reply = redis.eval("return {KEYS[1], ARGV[1]}", ["key"], ["argument"])?;
    /// assert_eq!(reply, Reply::Array(vec![Reply::bulk("key"), Reply::bulk("argument")]));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn eval(
        &self,
        script: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| self.run_code(&Eval::new(&arg(&script)?, keys, args)))
    }

    /// Runs a script that only reads. `EVAL_RO`.
    ///
    /// # Errors
    /// As [`Commands::eval`], and refused if it writes.
    ///
    /// Complexity: that of the script.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.set("key", "value")?;
    /// let none: [&str; 0] = [];
    /// assert_eq!(redis.eval_ro("return redis.call('GET', KEYS[1])", ["key"], none)?, Reply::bulk("value"));
    /// assert!(redis.eval_ro("return redis.call('DEL', KEYS[1])", ["key"], none).is_err());
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn eval_ro(
        &self,
        script: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| self.run_code(&EvalRo::new(&arg(&script)?, keys, args)))
    }

    /// Runs a script that is kept, by the SHA-1 of its source. `EVALSHA`.
    ///
    /// # Errors
    /// As [`Commands::eval`], and refused with `NOSCRIPT` if it is not kept.
    ///
    /// Complexity: that of the script.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let hash = redis.script_load("return 7")?;
    /// let none: [&str; 0] = [];
    /// assert_eq!(redis.evalsha(&hash, none, none)?, Reply::Integer(7));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn evalsha(
        &self,
        hash: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| {
            let hash = arg(&hash)?;
            EvalSha::check(&hash)?;
            self.run_code(&EvalSha::new(&hash, keys, args))
        })
    }

    /// Runs a script that is kept and only reads, by the SHA-1 of its source. `EVALSHA_RO`.
    ///
    /// # Errors
    /// As [`Commands::evalsha`], and refused if it writes.
    ///
    /// Complexity: that of the script.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let hash = redis.script_load("return 7")?;
    /// let none: [&str; 0] = [];
    /// assert_eq!(redis.evalsha_ro(&hash, none, none)?, Reply::Integer(7));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn evalsha_ro(
        &self,
        hash: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| {
            let hash = arg(&hash)?;
            EvalShaRo::check(&hash)?;
            self.run_code(&EvalShaRo::new(&hash, keys, args))
        })
    }

    /// Keeps a script until all are flushed; returns the SHA-1 by which it is run. `SCRIPT LOAD`.
    ///
    /// # Errors
    /// Refused with what is wrong with the script.
    ///
    /// Complexity: O(N), N being the length of the script.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.script_load("return 1")?, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn script_load(&self, script: impl ToArg) -> Result<String> {
        let hash = self.run_control(&ScriptLoad { script: &arg(&script)? })?;
        Ok(String::from_utf8_lossy(&hash).into_owned())
    }

    /// Says of each SHA-1 whether its script is kept. `SCRIPT EXISTS`.
    ///
    /// Complexity: O(N), N being the number of hashes.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let hash = redis.script_load("return 1")?;
    /// assert_eq!(redis.script_exists([hash.as_str(), "none"])?, [true, false]);
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn script_exists(&self, hashes: impl IntoIterator<Item = impl ToArg>) -> Result<Vec<bool>> {
        ArgList::new(hashes).with(|hashes| self.run_control(&ScriptExists { hashes: hashes.into() }))
    }

    /// The source of a script that is kept. `SCRIPT SHOW`.
    ///
    /// # Errors
    /// Refused with `NOSCRIPT` if it is not kept.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let hash = redis.script_load("return 1")?;
    /// assert_eq!(redis.script_show(&hash)?, "return 1");
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn script_show(&self, hash: impl ToArg) -> Result<Bytes> {
        self.run_control(&ScriptShow { hash: &arg(&hash)? })
    }

    /// Forgets all scripts. `SCRIPT FLUSH`.
    ///
    /// Complexity: O(N), N being the number of scripts.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let hash = redis.script_load("return 1")?;
    /// redis.script_flush()?;
    /// assert_eq!(redis.script_exists([hash])?, [false]);
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn script_flush(&self) -> Result<()> {
        self.run_control(&ScriptFlush)
    }

    /// Ends a script that takes long in another thread, unless it has written something. `SCRIPT KILL`.
    ///
    /// # Errors
    /// Refused with `NOTBUSY` if none is known to run, which one is after some 100,000 instructions, and with `UNKILLABLE` if it has written.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let refused = redis.script_kill().unwrap_err();
    /// assert_eq!(refused.to_string(), "NOTBUSY No scripts in execution right now.");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn script_kill(&self) -> Result<()> {
        self.run_control(&ScriptKill)
    }

    /// Loads a library of functions, which stays with the store; returns its name. `FUNCTION LOAD`.
    ///
    /// # Errors
    /// Refused if a library of that name is there and `replace` is false, if another library has a function of the same name, and with
    /// what is wrong with the code.
    ///
    /// Complexity: that of the code.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let code = "#!lua name=numbers\nredis.register_function('double', function(keys, args) return args[1] * 2 end)";
    /// assert_eq!(redis.function_load(code, false)?, "numbers");
    /// let none: [&str; 0] = [];
    /// assert_eq!(redis.fcall("double", none, [21])?, Reply::Integer(42));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_load(&self, code: impl ToArg, replace: bool) -> Result<String> {
        let name = self.run_write(&FunctionLoad { code: &arg(&code)?, replace })?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    /// Deletes a library with its functions. `FUNCTION DELETE`.
    ///
    /// # Errors
    /// Refused if there is none of that name.
    ///
    /// Complexity: O(N), N being the number of functions.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.function_delete("none").unwrap_err().to_string(), "ERR Library not found");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_delete(&self, library: impl ToArg) -> Result<()> {
        self.run_write(&FunctionDelete { library: &arg(&library)? })
    }

    /// Deletes all libraries. `FUNCTION FLUSH`.
    ///
    /// Complexity: O(N), N being the number of functions.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.function_flush()?;
    /// assert!(redis.function_list(None, false)?.is_empty());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_flush(&self) -> Result<()> {
        self.run_write(&FunctionFlush)
    }

    /// Lists libraries and their functions: all, or those whose names match a pattern; with their code if that is asked for. `FUNCTION LIST`.
    ///
    /// Complexity: O(N), N being the number of functions.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.function_load("#!lua name=one\nredis.register_function('f', function() return 1 end)", false)?;
    /// let libraries = redis.function_list(Some(b"o*"), false)?;
    /// assert_eq!((libraries[0].name.as_str(), libraries[0].functions[0].0.as_str()), ("one", "f"));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_list(&self, pattern: Option<&[u8]>, with_code: bool) -> Result<Vec<LibraryInfo>> {
        self.run_control(&FunctionList { pattern, with_code })
    }

    /// All libraries in Redis's own bytes, for [`Commands::function_restore`] here or there. `FUNCTION DUMP`.
    ///
    /// Complexity: O(N), N being the number of functions.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let (redis, other) = (Redis::memory(), Redis::memory());
    /// redis.function_load("#!lua name=one\nredis.register_function('f', function() return 1 end)", false)?;
    /// other.function_restore(redis.function_dump()?, RestorePolicy::Append)?;
    /// let none: [&str; 0] = [];
    /// assert_eq!(other.fcall("f", none, none)?, Reply::Integer(1));
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_dump(&self) -> Result<Bytes> {
        self.run_control(&FunctionDump)
    }

    /// Loads libraries from what [`Commands::function_dump`] wrote. If that fails, nothing has changed. `FUNCTION RESTORE`.
    ///
    /// # Errors
    /// Refused if the payload is damaged, and if the policy does not let a library or a function in.
    ///
    /// Complexity: O(N), N being the number of functions in the payload.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let refused = redis.function_restore("nothing", RestorePolicy::Flush).unwrap_err();
    /// assert_eq!(refused.to_string(), "ERR DUMP payload version or checksum are wrong");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_restore(&self, payload: impl ToArg, policy: RestorePolicy) -> Result<()> {
        self.run_write(&FunctionRestore { payload: &arg(&payload)?, policy })
    }

    /// Ends a function that takes long in another thread, unless it has written something. `FUNCTION KILL`.
    ///
    /// # Errors
    /// As [`Commands::script_kill`].
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert!(redis.function_kill().is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_kill(&self) -> Result<()> {
        self.run_control(&FunctionKill)
    }

    /// Which function is running, and how many there are. `FUNCTION STATS`.
    ///
    /// # Errors
    /// Refused with `BUSY` while a script takes long.
    ///
    /// Complexity: O(1).
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.function_stats()?.functions, 0);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn function_stats(&self) -> Result<FunctionStatsReply> {
        self.run_control(&FunctionStats)
    }

    /// Runs a function of a library: see [`Commands::function_load`]. `FCALL`.
    ///
    /// # Errors
    /// Refused if there is none of that name, and with what it raises or answers with as an error.
    ///
    /// Complexity: that of the function.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let none: [&str; 0] = [];
    /// assert_eq!(redis.fcall("none", none, none).unwrap_err().to_string(), "ERR Function not found");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn fcall(
        &self,
        function: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| self.run_code(&FCall::new(&arg(&function)?, keys, args)))
    }

    /// Runs a function of a library that only reads. `FCALL_RO`.
    ///
    /// # Errors
    /// As [`Commands::fcall`], and refused if the function was not registered with the flag `no-writes`.
    ///
    /// Complexity: that of the function.
    ///
    /// ```
    /// # #[cfg(feature = "lua")] {
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// redis.function_load("#!lua name=one\nredis.register_function('f', function() return 1 end)", false)?;
    /// let none: [&str; 0] = [];
    /// assert!(redis.fcall_ro("f", none, none).is_err());
    /// # }
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn fcall_ro(
        &self,
        function: impl ToArg,
        keys: impl IntoIterator<Item = impl ToArg>,
        args: impl IntoIterator<Item = impl ToArg>,
    ) -> Result<Reply> {
        run_words(keys, args, |keys, args| self.run_code(&FCallRo::new(&arg(&function)?, keys, args)))
    }
}

/// Lends the keys and the other words of a script.
fn run_words<K: ToArg, A: ToArg>(
    keys: impl IntoIterator<Item = K>,
    args: impl IntoIterator<Item = A>,
    run: impl FnOnce(&[&[u8]], &[&[u8]]) -> Result<Reply>,
) -> Result<Reply> {
    let (keys, args) = (ArgList::new(keys), ArgList::new(args));
    keys.with(|keys| args.with(|args| run(keys, args)))
}

/// The number that INCRBYFLOAT and HINCRBYFLOAT answer with as text.
fn float(text: &[u8]) -> Result<f64> {
    // A sum of 80 bits may be beyond what 64 can say: infinity, as its nearest.
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    Ok(number.ok_or(redlet_core::Error::NotAFloat)?)
}

/// Where a walk is.
#[derive(Debug)]
struct Steps<T> {
    /// `None` once the last step was taken.
    cursor: Option<u64>,
    items: vec::IntoIter<T>,
}

impl<T> Steps<T> {
    fn new() -> Self {
        Self { cursor: Some(0), items: Vec::new().into_iter() }
    }

    /// The next element; takes further steps until one shows something. A refusal ends the walk.
    fn next(&mut self, step: impl Fn(u64) -> Result<ScanReply<T>>) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            match step(self.cursor?) {
                Ok(reply) => {
                    self.cursor = Some(reply.cursor).filter(|&cursor| cursor != 0);
                    self.items = reply.items.into_iter();
                }
                Err(error) => {
                    self.cursor = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Walks over keys; made by [`Commands::scan_iter`].
#[derive(Debug)]
pub struct ScanIter<'s, C> {
    commands: &'s C,
    options: ScanOptions<'s>,
    steps: Steps<Bytes>,
}

impl<C: Commands> Iterator for ScanIter<'_, C> {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Result<Bytes>> {
        self.steps.next(|cursor| self.commands.scan(cursor, self.options))
    }
}

macro_rules! scan_iter {
    ($type:ident, $item:ty, $method:ident, $iter:literal, $what:literal) => {
        #[doc = concat!("Walks over ", $what, "; made by [`Commands::", $iter, "`].")]
        #[derive(Debug)]
        pub struct $type<'s, C> {
            commands: &'s C,
            key: Vec<u8>,
            options: ScanOptions<'s>,
            steps: Steps<$item>,
        }

        impl<C: Commands> Iterator for $type<'_, C> {
            type Item = Result<$item>;

            fn next(&mut self) -> Option<Self::Item> {
                self.steps.next(|cursor| self.commands.$method(&self.key, cursor, self.options))
            }
        }
    };
}

scan_iter!(HScanIter, (Bytes, Option<Bytes>), hscan, "hscan_iter", "the fields and values of a hash");
scan_iter!(SScanIter, Bytes, sscan, "sscan_iter", "the members of a set");
scan_iter!(ZScanIter, (Bytes, f64), zscan, "zscan_iter", "the members of a sorted set");

/// Whole milliseconds; more than can be counted as the most.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
