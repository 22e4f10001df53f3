//! Values that are computed when they are not there: by one caller, for all who want them.
use std::pin::pin;
use std::time::Duration;

use redlet_core::Bytes;
use redlet_core::cmd::Read;
use redlet_core::cmd::string::{Get, SetOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commands::Commands;
use crate::turns::Place;
use crate::value::{Arg, ToArg, arg};
use crate::waiting::block_on;
use crate::{Error, Redis, Result};

/// For how long a computed value is good; a [`Duration`] alone is its time to live.
///
/// ```
/// use std::time::Duration;
/// use redlet::CacheOptions;
///
/// let options = CacheOptions::from(Duration::from_secs(300)).refresh_after(Duration::from_secs(240));
/// assert_eq!(options.ttl, Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOptions {
    /// When the value is gone, counted from when it is stored.
    pub ttl: Duration,
    /// When the value is renewed though it is there, counted from when it was stored; never for `None`.
    pub refresh_after: Option<Duration>,
}

impl CacheOptions {
    /// Renews the value early: the first caller after this time computes it anew, in its own call, while all others are given the
    /// old one at once. Of use only if shorter than the time to live.
    #[must_use]
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = Some(age);
        self
    }

    /// Whether a value that lives so long from now should be renewed.
    fn is_due(&self, left: Duration) -> bool {
        self.refresh_after.is_some_and(|after| self.ttl.saturating_sub(left) >= after)
    }
}

impl From<Duration> for CacheOptions {
    fn from(ttl: Duration) -> Self {
        Self { ttl, refresh_after: None }
    }
}

/// What the store has.
enum Stored {
    Missing,
    /// It is there and should be renewed.
    Due(Bytes),
    Good(Bytes),
}

/// What a caller has to do.
enum Found<'r> {
    Value(Bytes),
    Turn(Place<'r>),
}

/// # Values that are computed when they are not there
///
/// Whoever finds no value at the key computes it, one caller at a time: the others who want it, through whichever handle of the
/// store in this process, wait and are given what was computed. If computing it fails, panics or is cancelled, one of those who
/// wait computes next, so an error is seen only by the caller whose closure returned it. Nothing in the store is locked meanwhile.
///
/// The key may be written, deleted or expired like any other; a value that is being computed at that time is stored all the same,
/// over whatever was there.
///
/// A closure may ask for other keys. One that asks for its own, be it by way of other keys and other callers, would wait
/// for itself: it is given [`Error::Circular`] instead. A closure that waits in another way for somebody who waits for it is not
/// found out.
impl Redis {
    /// Returns the string at a key, or computes it and stores it with a time to live; see [above](#values-that-are-computed-when-they-are-not-there).
    ///
    /// # Errors
    /// What `compute` returns; [`Error::Command`] if the key holds something else than a string, if the time to live is shorter than
    /// a millisecond, or if the store cannot be written; [`Error::Circular`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{CacheOptions, Redis};
    ///
    /// let redis = Redis::memory();
    /// let minute = Duration::from_secs(60);
    /// for _ in 0..2 {
    ///     let mut computed = 0;
    ///     let page = redis.get_or_set_with("page:home", minute, || {
    ///         computed += 1;
    ///         Ok::<_, redlet::Error>("<h1>Home</h1>")
    ///     })?;
    ///     assert_eq!(page, "<h1>Home</h1>");
    ///     assert!(computed <= 1);
    /// }
    /// // From the age of 50 seconds on, one caller renews it and nobody waits.
    /// let early = CacheOptions::from(minute).refresh_after(Duration::from_secs(50));
    /// let page = redis.get_or_set_with("page:home", early, || Ok::<_, redlet::Error>("new"))?;
    /// assert_eq!(page, "<h1>Home</h1>");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn get_or_set_with<V: ToArg, E: From<Error>>(
        &self,
        key: impl ToArg,
        options: impl Into<CacheOptions>,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<Bytes, E> {
        let (key, options) = (arg(&key)?, options.into());
        match block_on(self.find_or_wait(&key, options))? {
            Found::Value(value) => Ok(value),
            Found::Turn(place) => {
                let value = place.compute(compute)?;
                Ok(self.store_computed(place, &key, &arg(&value)?, options)?)
            }
        }
    }

    /// As [`Redis::get_or_set_with`] for programs with futures, on whatever runtime. Dropping the future hands the turn to compute
    /// to one of those who wait, and takes nothing from anybody if it was waiting itself.
    ///
    /// # Errors
    /// As [`Redis::get_or_set_with`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{Error, Redis};
    ///
    /// async fn page(redis: &Redis) -> Result<String, Error> {
    ///     let page = redis
    ///         .get_or_set_with_async("page", Duration::from_secs(60), async || Ok::<_, Error>(render().await))
    ///         .await?;
    ///     Ok(page.to_str().unwrap_or_default().to_owned())
    /// }
    /// # async fn render() -> &'static str { "text" }
    /// # let redis = Redis::memory();
    /// # let mut future = std::pin::pin!(page(&redis));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let std::task::Poll::Ready(text) = future.as_mut().poll(&mut context) else { panic!("nobody is in the way") };
    /// # assert_eq!(text?, "text");
    /// # Ok::<(), Error>(())
    /// ```
    pub async fn get_or_set_with_async<V: ToArg, E: From<Error>, F: Future<Output = Result<V, E>>>(
        &self,
        key: impl ToArg,
        options: impl Into<CacheOptions>,
        compute: impl FnOnce() -> F,
    ) -> Result<Bytes, E> {
        let (key, options) = (arg(&key)?, options.into());
        match self.find_or_wait(&key, options).await? {
            Found::Value(value) => Ok(value),
            Found::Turn(place) => {
                let mut computing = pin!(place.compute(compute));
                let polled =
                    std::future::poll_fn(|context| place.compute(|| computing.as_mut().poll(context)));
                let value = polled.await?;
                Ok(self.store_computed(place, &key, &arg(&value)?, options)?)
            }
        }
    }

    /// As [`Redis::get_or_set_with`] for a value of any type that serde knows, kept as JSON text like
    /// [`set_as`](crate::TypedCommands::set_as) does it.
    ///
    /// # Errors
    /// As [`Redis::get_or_set_with`], and [`Error::Value`] if the value cannot be written as JSON or what is stored is not of this
    /// type.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::Redis;
    ///
    /// let redis = Redis::memory();
    /// let primes: Vec<u32> =
    ///     redis.get_or_set_as_with("primes", Duration::from_secs(60), || Ok::<_, redlet::Error>(vec![2, 3, 5]))?;
    /// assert_eq!(primes, [2, 3, 5]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn get_or_set_as_with<T: Serialize + DeserializeOwned, E: From<Error>>(
        &self,
        key: impl ToArg,
        options: impl Into<CacheOptions>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        from_json(&self.get_or_set_with(key, options, || to_json::<_, E>(&compute()?))?)
    }

    /// As [`Redis::get_or_set_as_with`] for programs with futures; see [`Redis::get_or_set_with_async`].
    ///
    /// # Errors
    /// As [`Redis::get_or_set_as_with`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlet::{Redis, Result};
    ///
    /// async fn primes(redis: &Redis) -> Result<Vec<u32>> {
    ///     redis.get_or_set_as_with_async("primes", Duration::from_secs(60), async || Ok(vec![2, 3, 5])).await
    /// }
    /// # let redis = Redis::memory();
    /// # let mut future = std::pin::pin!(primes(&redis));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # let std::task::Poll::Ready(found) = future.as_mut().poll(&mut context) else { panic!("nobody is in the way") };
    /// # assert_eq!(found?, [2, 3, 5]);
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub async fn get_or_set_as_with_async<T, E, F>(
        &self,
        key: impl ToArg,
        options: impl Into<CacheOptions>,
        compute: impl FnOnce() -> F,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<Error>,
        F: Future<Output = Result<T, E>>,
    {
        let text =
            self.get_or_set_with_async(key, options, async || to_json::<_, E>(&compute().await?)).await?;
        from_json(&text)
    }

    /// The value, or the turn to compute it.
    async fn find_or_wait(&self, key: &[u8], options: CacheOptions) -> Result<Found<'_>> {
        let old = match self.look_up(key, options)? {
            Stored::Good(value) => return Ok(Found::Value(value)),
            Stored::Due(value) => Some(value),
            Stored::Missing => None,
        };
        let mut place = self.turns().enter(self.db(), key);
        if !place.has_turn() {
            if let Some(old) = old {
                return Ok(Found::Value(old));
            }
            if let Some(value) = place.value_or_turn().await? {
                return Ok(Found::Value(value));
            }
        }
        // Between the look and the turn somebody else may have had it.
        match self.look_up(key, options)? {
            Stored::Good(value) => Ok(Found::Value(value)),
            Stored::Due(_) | Stored::Missing => Ok(Found::Turn(place)),
        }
    }

    fn look_up(&self, key: &[u8], options: CacheOptions) -> Result<Stored> {
        let get = Get { key };
        self.run_with(&get, |view| {
            let Some(value) = get.read(view)? else { return Ok(Stored::Missing) };
            let is_due = match view.deadline(key)?.flatten() {
                Some(at) => {
                    let left = u64::try_from(at.0.saturating_sub(view.now().0)).unwrap_or(0);
                    options.is_due(Duration::from_millis(left))
                }
                None => false,
            };
            Ok(if is_due { Stored::Due(value) } else { Stored::Good(value) })
        })
    }

    fn store_computed(
        &self,
        place: Place<'_>,
        key: &[u8],
        value: &Arg<'_>,
        options: CacheOptions,
    ) -> Result<Bytes> {
        let value = value.as_string().to_bytes();
        self.set_with(key, &value, SetOptions::default().ex(options.ttl))?;
        place.settle(value.clone());
        Ok(value)
    }
}

fn to_json<T: Serialize, E: From<Error>>(value: &T) -> Result<Vec<u8>, E> {
    Ok(serde_json::to_vec(value).map_err(Error::from)?)
}

fn from_json<T: DeserializeOwned, E: From<Error>>(text: &[u8]) -> Result<T, E> {
    Ok(serde_json::from_slice(text).map_err(Error::from)?)
}
