//! `MessagePack` into Lua values.
//!
//! What is open lies on Lua's stack, and not on Rust's, so that its end is Redis's end, too. A header's count is believed only as far as
//! there are values: tables grow as they are filled.
use std::ops::Range;

use rmp::Marker;

use crate::integers::to_i64;
use crate::state::{Kind, Raise, Stack};

const TOO_MANY_VALUES: &str = "too many return values at once; use unpack_one or unpack_limit instead.";

/// `cmsgpack.unpack(bytes)`: all values.
pub(super) fn unpack(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    unpack_some(stack, 0, 0)
}

/// `cmsgpack.unpack_one(bytes, offset)`: where to go on, and a value.
pub(super) fn unpack_one(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let offset = offset(stack, 2)?;
    keep_first(stack);
    unpack_some(stack, 1, offset)
}

/// `cmsgpack.unpack_limit(bytes, limit, offset)`: where to go on, and so many values.
pub(super) fn unpack_limit(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let limit = to_i64(stack.check_number(2)?);
    let offset = offset(stack, 3)?;
    keep_first(stack);
    unpack_some(stack, limit, offset)
}

/// Leaves the first argument alone on the stack, if there is one.
fn keep_first(stack: &mut Stack<'_>) {
    stack.set_top(stack.top().min(1));
}

/// An argument that may be left out.
fn offset(stack: &mut Stack<'_>, argument: i32) -> Result<i64, Raise> {
    match stack.kind(argument) {
        Kind::None | Kind::Nil => Ok(0),
        _ => stack.check_number(argument).map(to_i64),
    }
}

/// The values of the first argument from an offset on, so many of them, and before them where to go on: -1 at the end. Without limit and
/// offset all of them, and nothing before them.
fn unpack_some(stack: &mut Stack<'_>, limit: i64, offset: i64) -> Result<usize, Raise> {
    let length = stack.make_text(1)?;
    // Redis writes both with 32 bits.
    let (shown_offset, shown_length) = (offset as i32, length as i32);
    if offset < 0 || limit < 0 {
        return Err(stack.raise_here(format!(
            "Invalid request to unpack with offset of {shown_offset} and limit of {shown_length}."
        )));
    }
    if offset as u64 > length as u64 {
        return Err(stack
            .raise_here(format!("Start offset {shown_offset} greater than input length {shown_length}.")));
    }
    let is_all = limit == 0 && offset == 0;
    let limit = if is_all { usize::MAX } else { limit as usize };
    let mut reader = Reader { at: offset as usize };
    let mut count = 0;
    while reader.at < length && count < limit {
        reader.push_value(stack)?;
        count += 1;
    }
    if is_all {
        return Ok(count);
    }
    if !stack.has_room(1) {
        return Err(overflow(stack, "in function mp_unpack_full"));
    }
    stack.push_number(if reader.at == length { -1.0 } else { reader.at as f64 });
    stack.insert(2);
    Ok(count + 1)
}

/// The error where Lua's stack ends.
fn overflow(stack: &mut Stack<'_>, why: &str) -> Raise {
    stack.set_top(0);
    stack.raise_here(format!("stack overflow ({why})"))
}

/// What is open around the value that is read.
enum Open {
    Array {
        length: u32,
        index: u32,
    },
    /// How many values there are yet to come, keys included: with an odd number of them, a key is on top.
    Map {
        left: u64,
    },
}

/// What a value begins with.
enum Item {
    Nil,
    Boolean(bool),
    Number(f64),
    /// Where it is.
    String(Range<usize>),
    Array(u32),
    Map(u32),
}

/// Why there is no value.
enum Fault {
    Missing,
    Unknown,
}

/// Reads the first argument.
struct Reader {
    at: usize,
}

impl Reader {
    /// The item at the reader's place, which goes on behind it.
    fn item(&mut self, bytes: &[u8]) -> Result<Item, Fault> {
        let marker = Marker::from_u8(self.number(bytes, u8::from_be_bytes)?);
        Ok(match marker {
            Marker::Null => Item::Nil,
            Marker::True => Item::Boolean(true),
            Marker::False => Item::Boolean(false),
            Marker::FixPos(value) => Item::Number(value.into()),
            Marker::FixNeg(value) => Item::Number(value.into()),
            Marker::U8 => Item::Number(self.number(bytes, u8::from_be_bytes)?.into()),
            Marker::U16 => Item::Number(self.number(bytes, u16::from_be_bytes)?.into()),
            Marker::U32 => Item::Number(self.number(bytes, u32::from_be_bytes)?.into()),
            // Unsigned integers of 64 bits are taken for signed ones.
            Marker::U64 | Marker::I64 => Item::Number(self.number(bytes, i64::from_be_bytes)? as f64),
            Marker::I8 => Item::Number(self.number(bytes, i8::from_be_bytes)?.into()),
            Marker::I16 => Item::Number(self.number(bytes, i16::from_be_bytes)?.into()),
            Marker::I32 => Item::Number(self.number(bytes, i32::from_be_bytes)?.into()),
            Marker::F32 => Item::Number(self.number(bytes, f32::from_be_bytes)?.into()),
            Marker::F64 => Item::Number(self.number(bytes, f64::from_be_bytes)?),
            Marker::FixStr(length) => self.string(bytes, length.into())?,
            Marker::Str8 => {
                let length = self.number(bytes, u8::from_be_bytes)?;
                self.string(bytes, length.into())?
            }
            Marker::Str16 => {
                let length = self.number(bytes, u16::from_be_bytes)?;
                self.string(bytes, length.into())?
            }
            Marker::Str32 => {
                let length = self.number(bytes, u32::from_be_bytes)?;
                self.string(bytes, length as usize)?
            }
            Marker::FixArray(length) => Item::Array(length.into()),
            Marker::Array16 => Item::Array(self.number(bytes, u16::from_be_bytes)?.into()),
            Marker::Array32 => Item::Array(self.number(bytes, u32::from_be_bytes)?),
            Marker::FixMap(length) => Item::Map(length.into()),
            Marker::Map16 => Item::Map(self.number(bytes, u16::from_be_bytes)?.into()),
            Marker::Map32 => Item::Map(self.number(bytes, u32::from_be_bytes)?),
            Marker::Bin8
            | Marker::Bin16
            | Marker::Bin32
            | Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
            | Marker::Reserved => return Err(Fault::Unknown),
        })
    }

    fn number<const N: usize, T>(&mut self, bytes: &[u8], read: fn([u8; N]) -> T) -> Result<T, Fault> {
        let number = bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(Fault::Missing)?;
        self.at += N;
        Ok(read(*number))
    }

    fn string(&mut self, bytes: &[u8], length: usize) -> Result<Item, Fault> {
        let start = self.at;
        if bytes.len() - start < length {
            return Err(Fault::Missing);
        }
        self.at += length;
        Ok(Item::String(start..self.at))
    }

    /// Pushes the next value.
    fn push_value(&mut self, stack: &mut Stack<'_>) -> Result<(), Raise> {
        let mut around: Vec<Open> = Vec::new();
        // Redis has an array's index on the stack as well.
        let mut indexes = 0;
        loop {
            if !stack.has_room(indexes + 1) {
                return Err(overflow(stack, TOO_MANY_VALUES));
            }
            let item = self.item(stack.bytes(1).unwrap_or_default());
            let opened = match item {
                Ok(Item::Array(length)) => Some(Open::Array { length, index: 0 }),
                Ok(Item::Map(length)) => Some(Open::Map { left: u64::from(length) * 2 }),
                _ => None,
            };
            match item {
                Ok(Item::Nil) => stack.push_nil(),
                Ok(Item::Boolean(value)) => stack.push_boolean(value),
                Ok(Item::Number(value)) => stack.push_number(value),
                Ok(Item::String(range)) => stack.push_part(1, range),
                Ok(Item::Array(_) | Item::Map(_)) => {}
                Err(Fault::Missing) => return Err(stack.raise_here("Missing bytes in input.")),
                Err(Fault::Unknown) => return Err(stack.raise_here("Bad data format in input.")),
            }
            let is_new = opened.is_some();
            if let Some(opened) = opened {
                if let Open::Array { .. } = opened {
                    if !stack.has_room(indexes + 2) {
                        return Err(overflow(stack, "in function mp_decode_to_lua_array"));
                    }
                    indexes += 1;
                }
                stack.expect_free_bytes(0)?;
                stack.push_table(0, 0);
                around.push(opened);
            }
            if !go_on(stack, &mut around, &mut indexes, is_new)? {
                return Ok(());
            }
        }
    }
}

/// Puts the value on top where it belongs, unless it is a table that is just open, and so what it completes. False when all is complete.
fn go_on(
    stack: &mut Stack<'_>,
    around: &mut Vec<Open>,
    indexes: &mut usize,
    mut is_new: bool,
) -> Result<bool, Raise> {
    while let Some(innermost) = around.last_mut() {
        let is_complete = match innermost {
            Open::Array { length, index } => {
                if !is_new {
                    stack.raw_set_at(-2, *index as i32);
                }
                *index += 1;
                *index > *length
            }
            Open::Map { left } => {
                if !is_new {
                    *left -= 1;
                    if *left % 2 == 0 {
                        put(stack)?;
                    }
                }
                *left == 0
            }
        };
        if !is_complete {
            return Ok(true);
        }
        if let Some(Open::Array { .. }) = around.pop() {
            *indexes -= 1;
        }
        is_new = false;
    }
    Ok(false)
}

/// Puts a key and the value above it into the table below.
fn put(stack: &mut Stack<'_>) -> Result<(), Raise> {
    match stack.kind(-2) {
        Kind::Nil => Err(stack.raise("table index is nil")),
        Kind::Number if stack.number(-2).is_some_and(f64::is_nan) => Err(stack.raise("table index is NaN")),
        _ => {
            stack.raw_set(-3);
            Ok(())
        }
    }
}
