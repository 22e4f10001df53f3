//! Subscriptions to channels: an iterator and a stream of messages.
use std::fmt;
use std::task::{Poll, Waker};

use redlet_core::Bytes;
use redlet_core::inbox::{Capacity, Taken};
use redlet_core::pubsub::{Kind, Push, Subscriber};

use crate::value::{ToArg, arg};
use crate::waiting::arrivals;
use crate::{Redis, Result};

/// A message on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The channel that it was published on.
    pub channel: Bytes,
    /// The pattern that matched, if it came by one.
    pub pattern: Option<Bytes>,
    /// What was published.
    pub payload: Bytes,
}

/// Messages of the channels that somebody is subscribed to; made by [`Redis::subscribe`] and its kin.
///
/// Messages of one channel come in the order in which they were published. A subscriber that does not keep up has 32 MiB of messages
/// kept for it unless [`Subscription::capacity`] says otherwise; then it gets what is there, and its iterator ends
/// ([`WhenFull::Disconnect`](crate::WhenFull)), or the oldest are given up and counted ([`WhenFull::DropOldest`](crate::WhenFull)).
///
/// ```
/// use std::time::Duration;
/// use redlet::{Commands, Redis};
///
/// let redis = Redis::memory();
/// let mut news = redis.subscribe(["news"])?;
/// redis.publish("news", "it rains")?;
/// redis.publish("news", "it shines")?;
/// assert_eq!(news.next().unwrap().payload, "it rains");
/// assert_eq!(news.next_within(Duration::from_secs(1)).unwrap().payload, "it shines");
/// assert_eq!(news.try_next(), None);
/// # Ok::<(), redlet::Error>(())
/// ```
///
/// It is a [`Stream`](futures_core::Stream) too, for any executor.
pub struct Subscription {
    redis: Redis,
    subscriber: Subscriber,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.subscriber).finish()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.redis.engine().pubsub().forget(&mut self.subscriber);
    }
}

impl Subscription {
    fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), subscriber: Subscriber::new(Capacity::default()) }
    }

    fn add(&mut self, kind: Kind, names: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        for name in names {
            self.redis.engine().pubsub().join(&mut self.subscriber, kind, &arg(&name)?);
        }
        Ok(())
    }

    fn remove(&mut self, kind: Kind, names: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        for name in names {
            self.redis.engine().pubsub().leave(&mut self.subscriber, kind, &arg(&name)?);
        }
        Ok(())
    }

    /// How much is kept for a subscriber that does not keep up, and what happens then.
    #[must_use]
    pub fn capacity(self, capacity: Capacity) -> Self {
        self.subscriber.inbox().set_capacity(capacity);
        self
    }

    /// Subscribes to further channels.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a name is longer than any string may be.
    pub fn subscribe(&mut self, channels: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        self.add(Kind::Channel, channels)
    }

    /// Subscribes to further channels, by patterns of their names.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a pattern is longer than any string may be.
    pub fn psubscribe(&mut self, patterns: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        self.add(Kind::Pattern, patterns)
    }

    /// Ends subscriptions to channels; messages that came before are still to be read.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a name is longer than any string may be.
    pub fn unsubscribe(&mut self, channels: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        self.remove(Kind::Channel, channels)
    }

    /// Ends subscriptions by patterns; messages that came before are still to be read.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a pattern is longer than any string may be.
    pub fn punsubscribe(&mut self, patterns: impl IntoIterator<Item = impl ToArg>) -> Result<()> {
        self.remove(Kind::Pattern, patterns)
    }

    /// How many messages were given up because they were not read in time; see [`WhenFull::DropOldest`](crate::WhenFull).
    pub fn dropped(&self) -> u64 {
        self.subscriber.inbox().dropped()
    }

    /// Whether it was cut off because its messages were not read in time; see [`WhenFull::Disconnect`](crate::WhenFull).
    pub fn is_cut_off(&self) -> bool {
        self.subscriber.inbox().is_closed()
    }

    fn poll_arrival(&self, reader: &Waker) -> Poll<Option<Message>> {
        loop {
            match self.subscriber.inbox().poll(reader) {
                Taken::Item(Push::Message { pattern, channel, payload, .. }) => {
                    return Poll::Ready(Some(Message { channel, pattern, payload }));
                }
                Taken::Item(_) => {}
                Taken::Empty => return Poll::Pending,
                Taken::Closed => return Poll::Ready(None),
            }
        }
    }
}

arrivals!(Subscription, Message);

impl Redis {
    /// Subscribes to channels. The subscription ends when it is dropped. `SUBSCRIBE`.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a name is longer than any string may be.
    ///
    /// Complexity: O(N), N being the number of channels. See [`Subscription`] for an example.
    pub fn subscribe(&self, channels: impl IntoIterator<Item = impl ToArg>) -> Result<Subscription> {
        let mut subscription = Subscription::new(self);
        subscription.subscribe(channels)?;
        Ok(subscription)
    }

    /// Subscribes to the channels whose names match patterns. `PSUBSCRIBE`.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a pattern is longer than any string may be.
    ///
    /// Complexity: O(N), N being the number of patterns.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let mut weather = redis.psubscribe(["weather.*"])?;
    /// assert_eq!(redis.publish("weather.oslo", "snow")?, 1);
    /// let message = weather.next().unwrap();
    /// assert_eq!((message.channel, message.pattern.unwrap()), ("weather.oslo".into(), "weather.*".into()));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn psubscribe(&self, patterns: impl IntoIterator<Item = impl ToArg>) -> Result<Subscription> {
        let mut subscription = Subscription::new(self);
        subscription.psubscribe(patterns)?;
        Ok(subscription)
    }

    /// Subscribes to sharded channels: without a cluster, channels with a space of names of their own and without patterns.
    /// `SSUBSCRIBE`.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if a name is longer than any string may be.
    ///
    /// Complexity: O(N), N being the number of channels.
    ///
    /// ```
    /// # use redlet::*;
    /// # let redis = Redis::memory();
    /// let mut orders = redis.ssubscribe(["orders"])?;
    /// assert_eq!((redis.publish("orders", "no")?, redis.spublish("orders", "yes")?), (0, 1));
    /// assert_eq!(orders.next().unwrap().payload, "yes");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn ssubscribe(&self, channels: impl IntoIterator<Item = impl ToArg>) -> Result<Subscription> {
        let mut subscription = Subscription::new(self);
        subscription.add(Kind::ShardChannel, channels)?;
        Ok(subscription)
    }
}
