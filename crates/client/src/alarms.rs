//! Moments of the store's clock that somebody waits for.
//!
//! They are rung by the background thread, or by [`Redis::tick`] where there is none.
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use redlet_core::UnixMs;

use crate::Redis;

/// Who is to be woken when.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// Those of one moment in the order in which they were set.
    set: BTreeMap<(UnixMs, u64), Waker>,
    count: u64,
}

impl Alarms {
    /// Wakes those whose moment has come. Returns when that of the next comes. No lock may be held.
    pub(crate) fn ring(&self, now: UnixMs) -> Option<UnixMs> {
        let mut table = self.0.lock();
        let later = table.set.split_off(&(UnixMs(now.0.saturating_add(1)), 0));
        let due = std::mem::replace(&mut table.set, later);
        let next = table.set.keys().next().map(|(at, _)| *at);
        drop(table);
        due.into_values().for_each(Waker::wake);
        next
    }
}

/// Ready when the store's clock shows a moment; made by [`Redis::until`].
#[derive(Debug)]
#[must_use = "nothing is waited for until it is polled"]
pub(crate) struct Until<'r> {
    redis: &'r Redis,
    at: UnixMs,
    number: Option<u64>,
}

impl Redis {
    pub(crate) fn until(&self, at: UnixMs) -> Until<'_> {
        Until { redis: self, at, number: None }
    }
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (redis, at) = (self.redis, self.at);
        if redis.engine().clock().now() >= at {
            return Poll::Ready(());
        }
        let mut table = redis.alarms().0.lock();
        let number = *self.number.get_or_insert_with(|| {
            table.count += 1;
            table.count
        });
        let replaced = table.set.insert((at, number), context.waker().clone());
        drop(table);
        // Not under the lock: a waker may be the last that holds its task, and the task hold an alarm.
        drop(replaced);
        redis.wake_house_at(at);
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.redis.alarms().0.lock().set.remove(&(self.at, number));
            drop(waker);
        }
    }
}
