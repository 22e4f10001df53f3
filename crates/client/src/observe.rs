//! Changes to keys as values: an iterator and a stream of events.
use std::fmt;
use std::sync::Arc;
use std::task::{Poll, Waker};

use redlet_core::events::{Classes, Event, Listener};
use redlet_core::inbox::{Capacity, Taken};

use crate::value::{ToArg, arg};
use crate::waiting::arrivals;
use crate::{Redis, Result};

/// Changes to keys, each once and in order; made by [`Redis::observe`].
///
/// An event is here as soon as its change can be seen, and never before. Changes to one key come in the order in which they were
/// made; those that a transaction made come together. An observer that does not keep up has 32 MiB of events kept for it unless
/// [`Observer::capacity`] says otherwise; then it gets what is there, and its iterator ends
/// ([`WhenFull::Disconnect`](crate::WhenFull)), or the oldest are given up and counted ([`WhenFull::DropOldest`](crate::WhenFull)).
///
/// It is a [`Stream`](futures_core::Stream) too, for any executor. Nothing of it runs under a lock of the store, so whoever reads events may use the
/// store.
pub struct Observer {
    redis: Redis,
    listener: Arc<Listener>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.listener).finish()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.redis.engine().end_listening(&self.listener);
    }
}

impl Observer {
    /// How much is kept for an observer that does not keep up, and what happens then.
    #[must_use]
    pub fn capacity(self, capacity: Capacity) -> Self {
        self.listener.inbox().set_capacity(capacity);
        self
    }

    /// How many events were given up because they were not read in time; see [`WhenFull::DropOldest`](crate::WhenFull).
    pub fn dropped(&self) -> u64 {
        self.listener.inbox().dropped()
    }

    /// Whether it was cut off because its events were not read in time; see [`WhenFull::Disconnect`](crate::WhenFull).
    pub fn is_cut_off(&self) -> bool {
        self.listener.inbox().is_closed()
    }

    fn poll_arrival(&self, reader: &Waker) -> Poll<Option<Event>> {
        match self.listener.inbox().poll(reader) {
            Taken::Item(event) => Poll::Ready(Some(event)),
            Taken::Empty => Poll::Pending,
            Taken::Closed => Poll::Ready(None),
        }
    }
}

arrivals!(Observer, Event);

impl Redis {
    /// Observes the keys of this database whose names match a pattern, from now on, until the observer is dropped. It hears of
    /// changes of the classes given, by Redis's names, whether `notify-keyspace-events` is set or not: of those by commands, and of
    /// keys that expire and are evicted. Keys that have expired are told of when they are removed, which is when
    /// [`Redis::tick`] finds them or a command writes to them.
    ///
    /// As in Redis, commands about whole databases (`FLUSHDB`, `FLUSHALL`, `SWAPDB`) are no events.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if the pattern is longer than any string may be.
    ///
    /// Complexity: O(1). A change costs O(M) more, M being the number of observers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{Class, Classes, Commands, ManualClock, Redis, UnixMs};
    ///
    /// let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    /// let redis = Redis::builder().clock(clock.clone()).build()?;
    /// let mut changes = redis.observe("user:*", Classes::CHANGES)?;
    /// let mut removals = redis.observe("*", [Class::Expired, Class::Evicted])?;
    ///
    /// redis.setex("user:1", Duration::from_secs(60), "alice")?;
    /// redis.rpush("queue", ["job"])?;
    /// let names: Vec<_> = std::iter::from_fn(|| changes.try_next()).map(|event| event.name).collect();
    /// assert_eq!(names, ["set", "expire"]);
    ///
    /// clock.advance(Duration::from_secs(61));
    /// redis.tick(usize::MAX);
    /// let event = removals.next_within(Duration::from_secs(1)).unwrap();
    /// assert_eq!((event.db, event.key, event.name), (0, "user:1".into(), "expired"));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn observe(&self, pattern: impl ToArg, events: impl Into<Classes>) -> Result<Observer> {
        let listener = self.engine().listen(self.db(), &arg(&pattern)?, events.into(), Capacity::default());
        Ok(Observer { redis: self.clone(), listener })
    }
}
