//! What the closure of a typed command takes, and how words become it.
use std::fmt;
use std::ops::Deref;

use redlet_core::cmd::args::Args;
use redlet_core::{Bytes, Native};

use crate::value::{Arg, ToArg};
use crate::{Error, Result};

/// A word, or several, as a value: text, bytes, numbers, a [`Key`]. An `Option` takes a word if one is left and a `Vec` all that are left, so
/// these come last.
///
/// A program's own types can be arguments too:
///
/// ```
/// use redlet::{Args, Argument, Error, Redis, Reply};
///
/// enum Unit { Seconds, Minutes }
///
/// impl Argument for Unit {
///     fn take(args: &mut Args<'_>) -> redlet::Result<Self> {
///         match &*args.bytes()?.to_ascii_uppercase() {
///             b"S" => Ok(Unit::Seconds),
///             b"M" => Ok(Unit::Minutes),
///             _ => Err(Error::refused("ERR unit must be S or M")),
///         }
///     }
/// }
///
/// let redis = Redis::memory();
/// redis.typed_command("IN.SECONDS", |_, (time, unit): (i64, Option<Unit>)| {
///     Ok(if matches!(unit, Some(Unit::Minutes)) { time * 60 } else { time })
/// })?;
/// assert_eq!(redis.execute(&["IN.SECONDS", "2", "m"])?, Reply::Integer(120));
/// assert_eq!(redis.execute(&["IN.SECONDS", "2"])?, Reply::Integer(2));
/// let refused = redis.execute(&["IN.SECONDS", "2", "h"]).unwrap_err();
/// assert_eq!(refused.to_string(), "ERR unit must be S or M");
/// # Ok::<(), redlet::Error>(())
/// ```
pub trait Argument: Sized {
    /// How many words it takes.
    const TAKES: Takes = Takes::One;
    /// Whether they are keys.
    const IS_KEY: bool = false;

    /// Takes it from the words that are left.
    ///
    /// # Errors
    /// The refusal of words that do not fit, which the caller gets.
    fn take(args: &mut Args<'_>) -> Result<Self>;
}

/// How many words an [`Argument`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// One, which must be there.
    One,
    /// One if there is one.
    OneIfAny,
    /// All that are left.
    Rest,
}

/// A key among the arguments of a typed command: the command locks it, and those that have other keys run at the same time.
///
/// It can be given to every method that takes a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Bytes);

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl ToArg for Key {
    fn to_arg(&self) -> Arg<'_> {
        self.0.to_arg()
    }
}

/// As text, with a replacement character for what is not UTF-8.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Argument for Key {
    const IS_KEY: bool = true;

    fn take(args: &mut Args<'_>) -> Result<Self> {
        Bytes::take(args).map(Key)
    }
}

impl Argument for Bytes {
    fn take(args: &mut Args<'_>) -> Result<Self> {
        Ok(Bytes::copy_from_slice(args.bytes()?))
    }
}

impl Argument for String {
    fn take(args: &mut Args<'_>) -> Result<Self> {
        String::from_utf8(args.bytes()?.to_vec()).map_err(|_| Error::refused("ERR value is not valid UTF-8"))
    }
}

impl Argument for f64 {
    fn take(args: &mut Args<'_>) -> Result<Self> {
        Ok(args.float()?)
    }
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            fn take(args: &mut Args<'_>) -> Result<Self> {
                Ok(<$type>::try_from(args.int()?).map_err(|_| redlet_core::Error::NotAnInteger)?)
            }
        }
    )*};
}

integer!(i16, i32, i64, isize, u16, u32, u64, usize);

impl<T: Argument> Argument for Option<T> {
    const TAKES: Takes = Takes::OneIfAny;
    const IS_KEY: bool = T::IS_KEY;

    fn take(args: &mut Args<'_>) -> Result<Self> {
        if args.is_empty() { Ok(None) } else { T::take(args).map(Some) }
    }
}

impl<T: Argument> Argument for Vec<T> {
    const TAKES: Takes = Takes::Rest;
    const IS_KEY: bool = T::IS_KEY;

    fn take(args: &mut Args<'_>) -> Result<Self> {
        let mut items = Vec::new();
        let mut left = usize::MAX;
        // What takes no word would be taken for ever.
        while !args.is_empty() && args.remaining() < left {
            left = args.remaining();
            items.push(T::take(args)?);
        }
        Ok(items)
    }
}

/// All arguments of a typed command: a tuple of up to eight, `()` for none.
pub trait Arguments: Sized {
    /// How many words each takes, and whether they are keys.
    const EACH: &'static [(Takes, bool)];

    /// Takes them all.
    ///
    /// # Errors
    /// The refusal of the first word that does not fit.
    fn take(args: &mut Args<'_>) -> Result<Self>;
}

macro_rules! tuples {
    ($(($($argument:ident)*))*) => {$(
        impl<$($argument: Argument),*> Arguments for ($($argument,)*) {
            const EACH: &'static [(Takes, bool)] = &[$(($argument::TAKES, $argument::IS_KEY)),*];

            fn take(args: &mut Args<'_>) -> Result<Self> {
                let _ = &args;
                Ok(($($argument::take(args)?,)*))
            }
        }
    )*};
}

tuples! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

/// Says of a command what its arguments say, as far as it does not say it itself.
pub(crate) fn describe<A: Arguments>(mut native: Native) -> Native {
    if !native.says_arity() {
        let needed = A::EACH.iter().filter(|(takes, _)| *takes == Takes::One).count() as i16 + 1;
        let is_exact = A::EACH.iter().all(|(takes, _)| *takes == Takes::One);
        native = native.arity(if is_exact { needed } else { -needed });
    }
    if native.says_keys() {
        return native;
    }
    let keys = A::EACH.iter().enumerate().filter(|(_, (_, is_key))| *is_key);
    keys.fold(native, |native, (index, (takes, _))| {
        let place = index + 1;
        native.keys(place, if *takes == Takes::Rest { -1 } else { place as i64 }, 1)
    })
}
