//! From bytes to a whole value.
use std::borrow::Cow;

use super::Corrupt;
use super::form::{self, part};
use super::hash_deadlines::{Earliest, read_listpack, read_table};
use super::input::Input;
use super::intset::Intset;
use super::listpack::Listpack;
use super::stream::{self, Version};
use super::ziplist::Ziplist;
use super::zipmap::Zipmap;
use crate::effect::{Blob, Image};
use crate::number::parse_f64;
use crate::types::Element;

/// Elements in one block, as Redis packed them.
pub(super) trait Packed<'a>: Iterator<Item = Result<Element<'a>, Corrupt>> + Sized {
    /// Looks at what is before the elements.
    fn open(bytes: &'a [u8]) -> Result<Self, Corrupt>;
}

/// Adds what the elements of a block are, which may lie where it was read or was expanded.
macro_rules! unpack {
    ($packed:ident, $bytes:expr, $into:expr) => {
        match $bytes {
            Cow::Borrowed(bytes) => {
                for element in $packed::open(bytes)? {
                    $into.push(Blob::from(element?));
                }
            }
            Cow::Owned(bytes) => {
                for element in $packed::open(&bytes)? {
                    $into.push(Blob::from(element?).into_owned());
                }
            }
        }
    };
}

/// A whole value after the number of its form. No collection is empty.
pub(super) fn value<'a>(input: &mut Input<'a>) -> Result<Image<'a>, Corrupt> {
    let form = input.byte()?;
    let image = value_of(form, input)?;
    if image.elements() == Some(0) { Err(Corrupt) } else { Ok(image) }
}

/// A whole value of a form.
pub(super) fn value_of<'a>(form: u8, input: &mut Input<'a>) -> Result<Image<'a>, Corrupt> {
    /// The elements of the block that is next.
    macro_rules! packed {
        ($packed:ident) => {{
            let mut blobs = Vec::new();
            unpack!($packed, input.string()?, blobs);
            blobs
        }};
    }
    Ok(match form {
        form::STRING => Image::String(blob(input)?),
        form::LIST => Image::List(input.many(blob)?),
        form::LIST_ZIPLIST => Image::List(packed!(Ziplist)),
        form::LIST_QUICKLIST => Image::List(ziplists(input)?),
        form::LIST_QUICKLIST_2 => Image::List(parts(input)?),
        form::SET => Image::Set(input.many(blob)?),
        form::SET_INTSET => Image::Set(packed!(Intset)),
        form::SET_LISTPACK => Image::Set(packed!(Listpack)),
        form::HASH => Image::Hash(input.many(|input| Ok((blob(input)?, blob(input)?)))?),
        form::HASH_ZIPMAP => Image::Hash(pairs(packed!(Zipmap))?),
        form::HASH_ZIPLIST => Image::Hash(pairs(packed!(Ziplist))?),
        form::HASH_LISTPACK => Image::Hash(pairs(packed!(Listpack))?),
        form::ZSET_TEXT => Image::ZSet(input.many(|input| Ok((blob(input)?, score_text(input)?)))?),
        form::ZSET => Image::ZSet(input.many(|input| Ok((blob(input)?, score(input)?)))?),
        form::ZSET_ZIPLIST => Image::ZSet(scored(packed!(Ziplist))?),
        form::ZSET_LISTPACK => Image::ZSet(scored(packed!(Listpack))?),
        form::STREAM => Image::Stream(stream::read(input, Version::First)?),
        form::STREAM_2 => Image::Stream(stream::read(input, Version::Second)?),
        form::STREAM_3 => Image::Stream(stream::read(input, Version::Third)?),
        form::HASH_TIMED_EARLY => Image::TimedHash(read_table(input, Earliest::Unwritten)?),
        form::HASH_TIMED => Image::TimedHash(read_table(input, Earliest::Before)?),
        form::HASH_TIMED_LISTPACK_EARLY => Image::TimedHash(read_listpack(input, Earliest::Unwritten)?),
        form::HASH_TIMED_LISTPACK => Image::TimedHash(read_listpack(input, Earliest::Before)?),
        // Modules write in ways of their own.
        _ => return Err(Corrupt),
    })
}

fn blob<'a>(input: &mut Input<'a>) -> Result<Blob<'a>, Corrupt> {
    input.string().map(Blob)
}

/// The elements of ziplists in a row.
fn ziplists<'a>(input: &mut Input<'a>) -> Result<Vec<Blob<'a>>, Corrupt> {
    let mut elements = Vec::new();
    for _ in 0..input.length()? {
        unpack!(Ziplist, input.string()?, elements);
    }
    Ok(elements)
}

/// The elements of listpacks and of single elements in a row.
fn parts<'a>(input: &mut Input<'a>) -> Result<Vec<Blob<'a>>, Corrupt> {
    let mut elements = Vec::new();
    for _ in 0..input.length()? {
        match input.length()? {
            part::PLAIN => match blob(input)? {
                // Only what is too long for a listpack stands by itself.
                empty if empty.is_empty() => return Err(Corrupt),
                element => elements.push(element),
            },
            part::PACKED => unpack!(Listpack, input.string()?, elements),
            _ => return Err(Corrupt),
        }
    }
    Ok(elements)
}

/// Elements two by two.
fn pairs(elements: Vec<Blob<'_>>) -> Result<Vec<(Blob<'_>, Blob<'_>)>, Corrupt> {
    if !elements.len().is_multiple_of(2) {
        return Err(Corrupt);
    }
    let mut elements = elements.into_iter();
    Ok(std::iter::from_fn(|| elements.next().zip(elements.next())).collect())
}

/// Members, each with the text of its score.
fn scored(elements: Vec<Blob<'_>>) -> Result<Vec<(Blob<'_>, f64)>, Corrupt> {
    let score = |(member, score): (_, Blob<'_>)| Ok((member, parse_f64(&score).ok_or(Corrupt)?));
    pairs(elements)?.into_iter().map(score).collect()
}

/// A score as text, whose length is a byte, or of its infinities.
fn score_text(input: &mut Input<'_>) -> Result<f64, Corrupt> {
    const NAN: u8 = 253;
    const INFINITY: u8 = 254;
    const NEGATIVE_INFINITY: u8 = 255;
    match input.byte()? {
        NAN => Err(Corrupt),
        INFINITY => Ok(f64::INFINITY),
        NEGATIVE_INFINITY => Ok(f64::NEG_INFINITY),
        length => parse_f64(input.take(length.into())?).ok_or(Corrupt),
    }
}

fn score(input: &mut Input<'_>) -> Result<f64, Corrupt> {
    let score = f64::from_le_bytes(input.array()?);
    if score.is_nan() { Err(Corrupt) } else { Ok(score) }
}
