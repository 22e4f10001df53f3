//! What scripts find under `bit`: operations on 32 bits, whose results are integers with a sign.
use crate::state::{Kind, Native, Raise, Stack};

/// Pushes the table.
pub(crate) fn push(stack: &mut Stack<'_>) {
    const FUNCTIONS: [(&str, Native); 12] = [
        ("tobit", |stack| of_one(stack, |bits| bits)),
        ("bnot", |stack| of_one(stack, |bits| !bits)),
        ("bswap", |stack| of_one(stack, u32::swap_bytes)),
        ("band", |stack| of_all(stack, |one, other| one & other)),
        ("bor", |stack| of_all(stack, |one, other| one | other)),
        ("bxor", |stack| of_all(stack, |one, other| one ^ other)),
        ("lshift", |stack| by_places(stack, u32::wrapping_shl)),
        ("rshift", |stack| by_places(stack, u32::wrapping_shr)),
        ("arshift", |stack| by_places(stack, |bits, places| (bits as i32).wrapping_shr(places) as u32)),
        ("rol", |stack| by_places(stack, u32::rotate_left)),
        ("ror", |stack| by_places(stack, u32::rotate_right)),
        ("tohex", tohex),
    ];
    stack.push_table(0, FUNCTIONS.len());
    for (name, native) in FUNCTIONS {
        stack.push_native(native, 0);
        stack.raw_set_field(-2, name);
    }
}

/// The bits of an argument: of the nearest integer, the even one of two, its lowest 32.
fn bits(stack: &mut Stack<'_>, argument: i32) -> Result<u32, Raise> {
    /// Added to a number, it leaves no bit behind the point, and the integer's own at the end. (3 times 2 to the power of 51)
    const TO_THE_END: f64 = 6_755_399_441_055_744.0;
    Ok((stack.check_number(argument)? + TO_THE_END).to_bits() as u32)
}

fn answer(stack: &mut Stack<'_>, bits: u32) -> Result<usize, Raise> {
    stack.push_number(f64::from(bits as i32));
    Ok(1)
}

fn of_one(stack: &mut Stack<'_>, operation: fn(u32) -> u32) -> Result<usize, Raise> {
    let bits = bits(stack, 1)?;
    answer(stack, operation(bits))
}

/// The first argument is looked at first, and then the others from the last one on: so it is their order that errors have.
fn of_all(stack: &mut Stack<'_>, operation: fn(u32, u32) -> u32) -> Result<usize, Raise> {
    let mut result = bits(stack, 1)?;
    for argument in (2..=stack.top()).rev() {
        result = operation(result, bits(stack, argument)?);
    }
    answer(stack, result)
}

/// Only the lowest five bits of the second argument count.
fn by_places(stack: &mut Stack<'_>, operation: fn(u32, u32) -> u32) -> Result<usize, Raise> {
    let (bits, places) = (bits(stack, 1)?, bits(stack, 2)?);
    answer(stack, operation(bits, places))
}

/// The last digits in hexadecimal: 8 of them, or as many as the second argument says, in capitals if that is negative.
fn tohex(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let bits_of_number = bits(stack, 1)?;
    let count = if stack.kind(2) == Kind::None { 8 } else { bits(stack, 2)? as i32 };
    let digits = if count < 0 { format!("{bits_of_number:08X}") } else { format!("{bits_of_number:08x}") };
    let length = (count.unsigned_abs() as usize).min(digits.len());
    stack.push_bytes(&digits[digits.len() - length..]);
    Ok(1)
}
