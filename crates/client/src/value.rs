//! What methods take as keys, members and values, and how it becomes bytes.
use std::iter::zip;

use redlet_core::types::{IntBuffer, StrRef};
use smallvec::SmallVec;

use crate::Result;
use redlet_core::{Bytes, number};

/// Something that can be a key, a field, a member or a value: text, bytes, integers, floats.
///
/// Integers become their decimal text and floats the text that Redis gives a score, so `redis.set("n", 5)` is
/// `SET n 5`.
///
/// A value of more than 4096 bytes that comes as a [`Bytes`] or a [`bytes::Bytes`] is shared, not copied. If that is a slice of a
/// larger buffer, the whole buffer stays in memory as long as the value; copy the slice first if that is too much.
///
/// ```
/// use redlet::{Commands, Redis};
///
/// let redis = Redis::memory();
/// redis.set("text", "five")?;
/// redis.set("bytes", [0xff, 0x00])?;
/// redis.set("number", 5)?;
/// redis.set("fraction", 0.5)?;
/// assert_eq!(redis.incr("number")?, 6);
/// assert_eq!(redis.get("fraction")?.unwrap(), "0.5");
/// # Ok::<(), redlet::Error>(())
/// ```
pub trait ToArg {
    /// The bytes.
    fn to_arg(&self) -> Arg<'_>;
}

/// Bytes on their way into a command: borrowed where they can be, without an allocation where they are digits.
#[derive(Debug)]
pub struct Arg<'a>(Form<'a>);

#[derive(Debug)]
enum Form<'a> {
    Borrowed(&'a [u8]),
    Shared(&'a bytes::Bytes),
    Integer(i64, IntBuffer),
    Text(String),
}

impl AsRef<[u8]> for Arg<'_> {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Form::Borrowed(bytes) => bytes,
            Form::Shared(bytes) => bytes,
            Form::Integer(_, digits) => digits.as_slice(),
            Form::Text(text) => text.as_bytes(),
        }
    }
}

impl Arg<'_> {
    /// As a value of the string type, without a copy where it can be shared.
    #[inline]
    pub(crate) fn as_string(&self) -> StrRef<'_> {
        match &self.0 {
            Form::Borrowed(bytes) => StrRef::from_bytes(bytes),
            Form::Shared(bytes) => StrRef::from_shared(bytes),
            Form::Integer(number, _) => StrRef::Int(*number),
            Form::Text(text) => StrRef::from_bytes(text.as_bytes()),
        }
    }
}

impl std::ops::Deref for Arg<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

macro_rules! borrowed {
    ($($type:ty),*) => {$(
        impl ToArg for $type {
            #[inline]
            fn to_arg(&self) -> Arg<'_> {
                Arg(Form::Borrowed(AsRef::<[u8]>::as_ref(self)))
            }
        }
    )*};
}

borrowed!(str, String, [u8], Vec<u8>, Box<[u8]>);

impl ToArg for Bytes {
    #[inline]
    fn to_arg(&self) -> Arg<'_> {
        Arg(self.as_shared().map_or(Form::Borrowed(self), Form::Shared))
    }
}

impl ToArg for bytes::Bytes {
    #[inline]
    fn to_arg(&self) -> Arg<'_> {
        Arg(Form::Shared(self))
    }
}

impl<const N: usize> ToArg for [u8; N] {
    fn to_arg(&self) -> Arg<'_> {
        Arg(Form::Borrowed(self))
    }
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl ToArg for $type {
            fn to_arg(&self) -> Arg<'_> {
                match i64::try_from(*self) {
                    Ok(number) => Arg(Form::Integer(number, IntBuffer::of(number))),
                    Err(_) => Arg(Form::Text(self.to_string())),
                }
            }
        }
    )*};
}

integer!(i8, i16, i32, i64, isize, u16, u32, u64, usize, i128, u128);

impl ToArg for f64 {
    fn to_arg(&self) -> Arg<'_> {
        Arg(Form::Text(number::format_f64(*self)))
    }
}

impl ToArg for f32 {
    fn to_arg(&self) -> Arg<'_> {
        // Through its own shortest text: 0.1_f32 is "0.1", not the nearest f64's digits.
        let text = self.to_string();
        Arg(Form::Text(text.parse().map_or(text, number::format_f64)))
    }
}

impl ToArg for Arg<'_> {
    fn to_arg(&self) -> Arg<'_> {
        Arg(Form::Borrowed(self.as_ref()))
    }
}

impl<T: ToArg + ?Sized> ToArg for &T {
    #[inline]
    fn to_arg(&self) -> Arg<'_> {
        (**self).to_arg()
    }
}

/// An argument as bytes, refused as a word of a command would be when it is longer than any string may be.
#[inline]
pub(crate) fn arg<T: ToArg + ?Sized>(value: &T) -> Result<Arg<'_>> {
    let arg = value.to_arg();
    redlet_core::check_word(&arg)?;
    Ok(arg)
}

/// What a method is given several of: room in place for as many as most calls have.
type Few<T> = SmallVec<[T; 4]>;

/// Arguments as [`arg`] makes them.
fn args<'t, T: ToArg + 't>(items: impl ExactSizeIterator<Item = &'t T>) -> Result<Few<Arg<'t>>> {
    let mut arguments = Few::with_capacity(items.len());
    for item in items {
        arguments.push(arg(item)?);
    }
    Ok(arguments)
}

/// Several arguments, held while a command borrows them.
#[derive(Debug)]
pub(crate) struct ArgList<T>(Few<T>);

impl<T: ToArg> ArgList<T> {
    pub(crate) fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().collect())
    }

    /// Lends the arguments as byte strings.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&[&[u8]]) -> Result<R>) -> Result<R> {
        let arguments = args(self.0.iter())?;
        let words: Few<&[u8]> = arguments.iter().map(AsRef::as_ref).collect();
        body(&words)
    }
}

/// Several pairs of arguments, held while a command borrows them.
#[derive(Debug)]
pub(crate) struct PairList<A, B>(Few<(A, B)>);

impl<A: ToArg, B: ToArg> PairList<A, B> {
    pub(crate) fn new(items: impl IntoIterator<Item = (A, B)>) -> Self {
        Self(items.into_iter().collect())
    }

    /// Lends the pairs as byte strings.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&[(&[u8], &[u8])]) -> Result<R>) -> Result<R> {
        let (firsts, seconds) = (args(self.0.iter().map(|(a, _)| a))?, args(self.0.iter().map(|(_, b)| b))?);
        let pairs: Few<_> = zip(&firsts, &seconds).map(|(a, b)| (a.as_ref(), b.as_ref())).collect();
        body(&pairs)
    }
}

/// Several members with their scores, held while a command borrows them.
#[derive(Debug)]
pub(crate) struct ScoredList<T>(Few<(T, f64)>);

impl<T: ToArg> ScoredList<T> {
    pub(crate) fn new(items: impl IntoIterator<Item = (T, f64)>) -> Self {
        Self(items.into_iter().collect())
    }

    /// Lends the members as byte strings.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&[(f64, &[u8])]) -> Result<R>) -> Result<R> {
        let members = args(self.0.iter().map(|(member, _)| member))?;
        let scored: Few<_> =
            zip(&self.0, &members).map(|((_, score), member)| (*score, member.as_ref())).collect();
        body(&scored)
    }
}
