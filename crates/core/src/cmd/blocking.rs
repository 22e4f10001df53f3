//! Commands that wait when they find nothing: what they have in common.
use std::borrow::Cow;
use std::time::Duration;

use super::{Args, Write};
use crate::engine::{Begun, Engine};
use crate::number::Extended;
use crate::session::Session;
use crate::tx::{Tx, View};
pub use crate::waiting::Awaited;
use crate::{Error, Reply, Result, UnixMs};

/// A command that waits when it finds nothing. Where nobody can wait, in a transaction, its [`Write`] is one attempt.
///
/// What an attempt needs outlives the words of the command, so it is made of keys and of [`Blocking::How`].
pub trait Blocking<'a>: Write<'a> {
    /// What besides the keys says how an attempt is made.
    type How: Clone + Send + Sync + 'static;
    /// What it finds.
    type Found: Send + 'static;
    /// Values of which type it waits for.
    const AWAITS: Awaited;
    /// Whether it waits for its first key only, and needs the others for what it finds.
    const AWAITS_FIRST_KEY: bool = false;
    /// Whether it changes anything, so that it is refused where nothing can be written.
    const CHANGES: bool = true;

    /// All its keys, in the order in which it looks at them.
    fn wait_keys(&self) -> Cow<'_, [&'a [u8]]>;

    /// See [`Blocking::How`]. Keys may be looked at, which are as the first attempt finds them.
    fn how(&self, db: &View<'_>) -> Self::How;

    /// Whether it waits, where its words decide that.
    fn waits(&self) -> bool {
        true
    }

    /// How long it waits; `None` for ever.
    fn timeout(&self) -> Option<Duration>;

    /// Looks once. Keys whose shards are not locked are passed over: they were empty when the wait began, and whoever fills one
    /// serves it.
    ///
    /// # Errors
    /// Redis's refusals.
    fn attempt(how: &Self::How, keys: &[&[u8]], db: &mut Tx<'_>) -> Result<Option<Self::Found>>;

    /// When there may be something though nobody brings it, because time passes.
    fn looks_at(how: &Self::How, keys: &[&[u8]], db: &View<'_>) -> Option<UnixMs> {
        let _ = (how, keys, db);
        None
    }

    /// Puts back what a caller found that went away meanwhile.
    fn give_back(how: &Self::How, engine: &Engine, db: usize, found: Self::Found);

    /// The answer.
    fn reply(found: Option<Self::Found>) -> Self::Reply;
}

/// Runs a command that may wait: a caller that lasts, who gave it in these words, is answered later, another one here.
///
/// # Errors
/// Its refusals.
pub(super) fn wait<'a, C: Blocking<'a> + 'a>(
    command: &C,
    engine: &Engine,
    db: usize,
    asked: Option<(&mut Session, &[&[u8]])>,
) -> Result<Reply>
where
    C::Reply: 'static,
{
    let by = asked.as_ref().map(|(session, words)| (&**session, *words));
    if !command.waits() {
        return engine.write_for(by.map(|(session, _)| session), db, command).map(Into::into);
    }
    match (engine.begin_wait_for(by, db, command)?, asked) {
        (Begun::Found(found), _) => Ok(waited::<C>(Some(found))),
        (Begun::Waiting(wait), None) => Ok(waited::<C>(wait.wait_here(engine)?)),
        (Begun::Waiting(wait), Some((session, _))) => {
            session.block(wait, waited::<C>);
            Ok(Reply::Silence)
        }
    }
}

/// What a wait ends with: when its time is over with an array that is not there, whatever the command answers otherwise.
fn waited<'a, C: Blocking<'a>>(found: Option<C::Found>) -> Reply {
    found.map_or(Reply::NullArray, |found| C::reply(Some(found)).into())
}

/// A timeout in seconds, 0 for none, as BLPOP takes it last.
///
/// # Errors
/// Redis's refusals.
pub(super) fn parse_timeout(args: &mut Args<'_>) -> Result<Option<Duration>> {
    // In 80 bits, as there: what a double takes for nothing still is a moment.
    let seconds =
        Extended::parse(args.bytes()?).ok_or(Error::refused("ERR timeout is not a float or out of range"))?;
    let timeout = timeout_of(seconds.times_rounded_up(1000))?;
    Ok((!timeout.is_zero()).then_some(timeout))
}

/// So many milliseconds as a timeout.
///
/// # Errors
/// Redis's refusals.
pub(super) fn timeout_of(milliseconds: i64) -> Result<Duration> {
    /// Later than any clock, counted from now, can say.
    const TOO_LATE_MS: i64 = i64::MAX - 10_000_000_000_000;
    match milliseconds {
        TOO_LATE_MS.. => Err(Error::refused("ERR timeout is out of range")),
        ..0 => Err(Error::refused("ERR timeout is negative")),
        milliseconds => Ok(Duration::from_millis(milliseconds as u64)),
    }
}

/// `timeout numkeys key [key ...] end [COUNT count]`: keys, an end, how many, and how long it waits.
///
/// # Errors
/// Redis's refusals; that of a timeout comes last, as there.
pub(super) fn parse_pop<'a, E>(
    args: &mut Args<'a>,
    parse_end: impl FnOnce(&mut Args<'a>) -> Result<E>,
) -> Result<(&'a [&'a [u8]], E, usize, Option<Duration>)> {
    let mut timeout = Args::new(args.many(1)?);
    let (keys, end, count) = (args.counted_keys()?, parse_end(args)?, args.count_to_pop()?);
    Ok((keys, end, count, parse_timeout(&mut timeout)?))
}

/// A command that takes elements from the first of its keys that is there, or waits for one: what it awaits, what it finds, from which
/// end and how many it takes, how it takes them, and how they are put back.
macro_rules! pops_or_waits {
    ($type:ident, $awaits:ident, $found:ty, |$command:ident| ($end:expr, $count:expr): $end_type:ty, $pop:ident, $put_back:ident) => {
        impl<'a> $crate::cmd::Write<'a> for $type<'a> {
            fn write(&self, db: &mut $crate::tx::Tx<'_>) -> $crate::Result<Self::Reply> {
                use $crate::cmd::Blocking;
                let how = self.how(&db.view());
                Self::attempt(&how, &self.keys, db).map(Self::reply)
            }
        }

        impl<'a> $crate::cmd::Blocking<'a> for $type<'a> {
            type How = ($end_type, usize);
            type Found = $found;
            const AWAITS: $crate::cmd::blocking::Awaited = $crate::cmd::blocking::Awaited::$awaits;

            fn wait_keys(&self) -> std::borrow::Cow<'_, [&'a [u8]]> {
                std::borrow::Cow::Borrowed(&self.keys)
            }

            fn how(&self, _: &$crate::tx::View<'_>) -> Self::How {
                let $command = self;
                ($end, $count)
            }

            fn timeout(&self) -> Option<std::time::Duration> {
                self.timeout
            }

            fn attempt(
                (end, count): &Self::How,
                keys: &[&[u8]],
                db: &mut $crate::tx::Tx<'_>,
            ) -> $crate::Result<Option<Self::Found>> {
                $pop(db, keys, *end, *count)
            }

            fn give_back(
                (end, _): &Self::How,
                engine: &$crate::engine::Engine,
                db: usize,
                found: Self::Found,
            ) {
                $put_back(engine, db, &found, *end);
            }

            fn reply(found: Option<Self::Found>) -> Self::Reply {
                found.into()
            }
        }
    };
}
pub(super) use pops_or_waits;
