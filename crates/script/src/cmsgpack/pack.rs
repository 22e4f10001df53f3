//! Lua values into `MessagePack`.
use std::convert::Infallible;

use rmp::encode::{self, ByteBuf};

use crate::state::{Kind, Raise, Stack};

/// So many tables are packed within each other; nil stands for those inside. What calls itself here does so no deeper than that.
const DEPTH: usize = 16;

/// `cmsgpack.pack`: all arguments, one after the other.
pub(super) fn pack(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let count = stack.top();
    if count == 0 {
        return Err(stack.bad_argument(0, "MessagePack pack needs input."));
    }
    if !stack.has_room(count as usize) {
        return Err(stack.bad_argument(0, "Too many arguments for MessagePack pack."));
    }
    let mut packed = ByteBuf::new();
    for argument in 1..=count {
        stack.push_copy(argument);
        write_value(stack, &mut packed, 0)?;
        stack.pop(1);
    }
    stack.push_bytes(packed.as_slice());
    Ok(1)
}

/// What has been written to memory.
fn written<T, E: Into<encode::ValueWriteError<Infallible>>>(result: Result<T, E>) {
    if result.map_err(Into::into).is_err() {
        unreachable!("memory takes what is written")
    }
}

/// Writes the value on top, which is within so many tables.
fn write_value(stack: &mut Stack<'_>, packed: &mut ByteBuf, depth: usize) -> Result<(), Raise> {
    stack.expect_free_bytes(packed.as_slice().len())?;
    match stack.kind(-1) {
        Kind::Boolean => written(
            encode::write_bool(packed, stack.boolean(-1)).map_err(encode::ValueWriteError::InvalidDataWrite),
        ),
        Kind::Number => write_number(packed, stack.number(-1).unwrap_or_default()),
        Kind::String => write_string(packed, stack.bytes(-1).unwrap_or_default()),
        Kind::Table if depth < DEPTH => return write_table(stack, packed, depth),
        _ => written(encode::write_nil(packed).map_err(encode::ValueWriteError::InvalidMarkerWrite)),
    }
    Ok(())
}

/// As the shortest integer if it is one of 64 bits, else as the shortest float that has the same value.
fn write_number(packed: &mut ByteBuf, value: f64) {
    /// 2 to the power of 63.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value.trunc() == value && (-LIMIT..LIMIT).contains(&value) {
        written(encode::write_sint(packed, value as i64));
    } else if f64::from(value as f32) == value {
        written(encode::write_f32(packed, value as f32));
    } else {
        written(encode::write_f64(packed, value));
    }
}

fn write_string(packed: &mut ByteBuf, string: &[u8]) {
    written(encode::write_str_len(packed, string.len() as u32));
    packed.as_mut_vec().extend_from_slice(string);
}

/// As an array if its keys are the integers from 1 on without a gap, else as a map.
fn write_table(stack: &mut Stack<'_>, packed: &mut ByteBuf, depth: usize) -> Result<(), Raise> {
    if let Some(length) = array_length(stack) {
        written(encode::write_array_len(packed, length));
        for index in 1..=length as i32 {
            stack.raw_get_at(-1, index);
            write_value(stack, packed, depth + 1)?;
            stack.pop(1);
        }
        return Ok(());
    }
    let mut length = 0;
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        length += 1;
    }
    written(encode::write_map_len(packed, length));
    stack.push_nil();
    while stack.next(-2) {
        stack.push_copy(-2);
        write_value(stack, packed, depth + 1)?;
        stack.pop(1);
        write_value(stack, packed, depth + 1)?;
        stack.pop(1);
    }
    Ok(())
}

/// How many elements the table on top has, if it has nothing else.
fn array_length(stack: &mut Stack<'_>) -> Option<u32> {
    let (mut last, mut count) = (0_u32, 0_u32);
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        let index =
            stack.number(-1).filter(|key| key.trunc() == *key && (1.0..=f64::from(i32::MAX)).contains(key));
        let Some(index) = index else {
            stack.pop(1);
            return None;
        };
        last = last.max(index as u32);
        count += 1;
    }
    (last == count).then_some(count)
}
