//! A lock with a name, of the same form as redis-py's: a key that holds its owner's token.
use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream;
use redlet_core::cmd::keys::Ttl;
use redlet_core::cmd::string::{SetOptions, SetReply};
use redlet_core::events::Class;
use redlet_core::inbox::{Capacity, WhenFull};

use crate::commands::Commands;
use crate::transaction::Transaction;
use crate::value::{ToArg, arg};
use crate::waiting::block_on;
use crate::{Redis, Result};

/// Why a lock was not taken, or is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Others had the lock for as long as it was waited for.
    #[error("the lock {name:?} was not free in time")]
    NotAcquired {
        /// The lock's name.
        name: String,
    },
    /// Its time was over, or somebody deleted its key; another may have it by now.
    #[error("the lock {name:?} is no longer owned")]
    NotOwned {
        /// The lock's name.
        name: String,
    },
    /// There is no time to add to.
    #[error("the lock {name:?} has no time limit; give it one with `ttl`")]
    NoTimeLimit {
        /// The lock's name.
        name: String,
    },
}

/// How long it takes at most to notice what no event tells of: that whole databases were emptied or changed places. redis-py
/// looks as often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A lock with a name; made by [`Redis::lock`].
///
/// Whoever has it has set the key of that name to a token that nobody else knows, with `SET key token NX PX milliseconds`, as redis-py's
/// `Lock` does: both can be used on the same key. It keeps apart all who use the store, in whatever thread, task or session.
///
/// Those who wait are woken when the lock is released, when its time is over and when anybody deletes its key. Which of them has it
/// then is not promised: it is not fair. While somebody waits, each change to a key costs a comparison of its name more for each of
/// those who wait.
///
/// # What a time limit means
///
/// Without one, a lock whose owner is gone stays taken; in a store on disk, also after the process has ended. With one, the lock is free
/// for others when the time is over, while its owner may still be at work: it can [`extend`](LockGuard::extend) its time before that,
/// and find out afterwards, by [`owned`](LockGuard::owned) or from [`release`](LockGuard::release).
#[derive(Clone)]
#[must_use = "nothing is locked until the lock is acquired"]
pub struct Lock {
    redis: Redis,
    name: Box<[u8]>,
    ttl: Option<Duration>,
    wait_at_most: Option<Duration>,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("name", &shown(&self.name))
            .field("ttl", &self.ttl)
            .field("wait_at_most", &self.wait_at_most)
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// A lock with a name, which is the name of its key. Nothing is locked yet.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if the name is longer than any string may be.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{Commands, Redis};
    ///
    /// let redis = Redis::memory();
    /// let lock = redis.lock("lock:report")?.ttl(Duration::from_secs(30));
    /// {
    ///     let guard = lock.acquire()?;
    ///     assert!(guard.owned()? && lock.locked()?);
    ///     assert!(lock.try_acquire()?.is_none(), "it is taken, also for its owner");
    ///     assert_eq!(redis.get("lock:report")?.unwrap(), guard.token());
    /// }
    /// assert!(!lock.locked()?);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn lock(&self, name: impl ToArg) -> Result<Lock> {
        let name = arg(&name)?.as_ref().into();
        Ok(Lock { redis: self.clone(), name, ttl: None, wait_at_most: None })
    }
}

impl Lock {
    /// The lock is free again after this time, unless it is extended; redis-py's `timeout`. Without one it is kept until it is released.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long it is waited for, by the store's clock; redis-py's `blocking_timeout`. Without a limit, for as long as it takes.
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.wait_at_most = Some(limit);
        self
    }

    /// Takes the lock, waiting for it if others have it. The calling thread sleeps meanwhile, and waits for itself if it has the lock
    /// already.
    ///
    /// On a clock of one's own ([`Builder::clock`](crate::Builder::clock)), [`Redis::tick`] ends the time of locks and of those who
    /// wait.
    ///
    /// # Errors
    /// [`LockError::NotAcquired`] when it was waited for too long; [`Error::Command`](crate::Error::Command) when the store cannot be
    /// written or the time limit is shorter than a millisecond.
    pub fn acquire(&self) -> Result<LockGuard> {
        block_on(self.acquire_async())
    }

    /// Takes the lock if it is free; `None` if it is not.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command), as [`Lock::acquire`].
    pub fn try_acquire(&self) -> Result<Option<LockGuard>> {
        let token = token();
        let mut options = SetOptions::default().only_if_missing();
        if let Some(ttl) = self.ttl {
            options = options.ex(ttl);
        }
        Ok(match self.redis.set_with(&self.name, &token, options)? {
            SetReply::Refused => None,
            _ => Some(LockGuard { lock: self.clone(), token, is_over: false }),
        })
    }

    /// As [`Lock::acquire`] for programs with futures, on whatever runtime. Dropping the future ends the wait.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    ///
    /// ```
    /// # use redlet::{Commands, Redis, Result};
    /// async fn add(redis: &Redis, line: &str) -> Result<()> {
    ///     let _guard = redis.lock("lock:journal")?.acquire_async().await?;
    ///     redis.append("journal", line).map(drop)
    /// }
    /// # let redis = Redis::memory();
    /// # let mut future = std::pin::pin!(add(&redis, "a"));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(future.as_mut().poll(&mut context).is_ready());
    /// # assert_eq!(redis.keys("*")?, ["journal"]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub async fn acquire_async(&self) -> Result<LockGuard> {
        let clock = self.redis.engine().clock();
        let end = self.wait_at_most.map(|limit| clock.now().saturating_add(limit));
        if let Some(guard) = self.try_acquire()? {
            return Ok(guard);
        }
        // The lock may have come free before anybody listened, so it is tried once more before the first wait.
        let removals = [Class::Generic, Class::Expired, Class::Evicted];
        let few = Capacity { items: 1, when_full: WhenFull::DropOldest, ..Capacity::default() };
        let mut events = self.redis.observe(exactly(&self.name), removals)?.capacity(few);
        loop {
            if let Some(guard) = self.try_acquire()? {
                return Ok(guard);
            }
            let now = clock.now();
            if end.is_some_and(|end| end <= now) {
                return Err(LockError::NotAcquired { name: shown(&self.name) }.into());
            }
            let look_again = now.saturating_add(LOOK_AGAIN);
            let mut pause = pin!(self.redis.until(end.map_or(look_again, |end| end.min(look_again))));
            poll_fn(|context| match Pin::new(&mut events).poll_next(context) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => pause.as_mut().poll(context),
            })
            .await;
        }
    }

    /// Whether anybody has the lock.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if the key holds something that is no lock.
    pub fn locked(&self) -> Result<bool> {
        Ok(self.redis.get(&self.name)?.is_some())
    }
}

/// A lock that is owned: it is released when this is dropped. Made by [`Lock::acquire`] and its kin.
#[must_use = "the lock is released when this is dropped"]
pub struct LockGuard {
    lock: Lock,
    token: String,
    is_over: bool,
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("lock", &self.lock).finish_non_exhaustive()
    }
}

impl LockGuard {
    /// What the key holds while the lock is owned: 32 hexadecimal digits.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the lock is still this one's.
    ///
    /// # Errors
    /// [`Error::Command`](crate::Error::Command) if the key holds something that is no lock.
    pub fn owned(&self) -> Result<bool> {
        Ok(self.lock.redis.get(&self.lock.name)?.is_some_and(|token| token == self.token))
    }

    /// Adds to the time that is left.
    ///
    /// # Errors
    /// [`LockError::NotOwned`]; [`LockError::NoTimeLimit`] if it has none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{Commands, ManualClock, Redis, Ttl, UnixMs};
    ///
    /// let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    /// let redis = Redis::builder().clock(clock.clone()).build()?;
    /// let guard = redis.lock("lock")?.ttl(Duration::from_secs(10)).acquire()?;
    /// clock.advance(Duration::from_secs(4));
    /// guard.extend(Duration::from_secs(10))?;
    /// assert_eq!(redis.ttl("lock")?, Ttl::Remaining(Duration::from_secs(16)));
    /// guard.replace_ttl(Duration::from_secs(5))?;
    /// assert_eq!(redis.ttl("lock")?, Ttl::Remaining(Duration::from_secs(5)));
    /// guard.reacquire()?;
    /// assert_eq!(redis.ttl("lock")?, Ttl::Remaining(Duration::from_secs(10)));
    /// clock.advance(Duration::from_secs(11));
    /// assert!(guard.extend(Duration::from_secs(10)).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn extend(&self, by: Duration) -> Result<()> {
        self.set_ttl(|left| left.saturating_add(by))
    }

    /// Puts another time in the place of what is left; redis-py's `extend` with `replace_ttl`.
    ///
    /// # Errors
    /// As [`LockGuard::extend`].
    pub fn replace_ttl(&self, ttl: Duration) -> Result<()> {
        self.set_ttl(|_| ttl)
    }

    /// Begins the lock's time anew.
    ///
    /// # Errors
    /// As [`LockGuard::extend`].
    pub fn reacquire(&self) -> Result<()> {
        let ttl = self.lock.ttl.ok_or_else(|| self.no_time_limit())?;
        self.replace_ttl(ttl)
    }

    /// Releases the lock, and says if it was not owned any more. Dropping the guard releases it too, without a word.
    ///
    /// # Errors
    /// [`LockError::NotOwned`]; [`Error::Command`](crate::Error::Command) when the store cannot be written.
    pub fn release(mut self) -> Result<()> {
        self.is_over = true;
        self.let_go()
    }

    fn let_go(&self) -> Result<()> {
        self.while_owned(|t| t.delete([&self.lock.name]).map(drop))
    }

    fn set_ttl(&self, ttl: impl FnOnce(Duration) -> Duration) -> Result<()> {
        self.while_owned(|t| match t.pttl(&self.lock.name)? {
            Ttl::Remaining(left) => t.pexpire(&self.lock.name, ttl(left)).map(drop),
            Ttl::Persistent | Ttl::Missing => Err(self.no_time_limit().into()),
        })
    }

    /// Runs commands on the lock's key in one unit with the look at its token.
    fn while_owned(&self, body: impl FnOnce(&Transaction<'_, '_>) -> Result<()>) -> Result<()> {
        let Lock { redis, name, .. } = &self.lock;
        redis.transaction(&[name], |t| match t.get(name)? {
            Some(token) if token == self.token => body(t),
            _ => Err(LockError::NotOwned { name: shown(name) }.into()),
        })
    }

    fn no_time_limit(&self) -> LockError {
        LockError::NoTimeLimit { name: shown(&self.lock.name) }
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if !self.is_over {
            // Whoever wants to know calls `release`.
            let _ = self.let_go();
        }
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// A pattern that only this name matches.
fn exactly(name: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(name.len());
    for &byte in name {
        if b"*?[]^-\\".contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
}

/// Sixteen bytes that nobody else draws. The engine's own chance would repeat itself when a store is opened again.
fn token() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_signs_is_matched_by_itself_alone() {
        let name = br"a*b?[c-d]\e^f";
        let pattern = exactly(name);
        assert!(redlet_core::glob::matches(&pattern, name, false));
        assert!(!redlet_core::glob::matches(&pattern, br"aXb?[c-d]\e^f", false));
        assert!(!redlet_core::glob::matches(&pattern, br"a*bX[c-d]\e^f", false));
    }
}
