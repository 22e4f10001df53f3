//! What scripts find under `struct`: numbers and strings at their places in bytes, as a format says.
use crate::integers::{to_i64, to_u64};
use crate::state::{Kind, Native, Raise, Stack};

/// Pushes the table.
pub(crate) fn push(stack: &mut Stack<'_>) {
    const FUNCTIONS: [(&str, Native); 3] = [("pack", pack), ("unpack", unpack), ("size", size)];
    stack.push_table(0, FUNCTIONS.len());
    for (name, native) in FUNCTIONS {
        stack.push_native(native, 0);
        stack.raw_set_field(-2, name);
    }
}

/// The longest integers.
const LONGEST_INTEGER: usize = 32;
/// What `!` alone aligns to.
const ALIGNMENT: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

/// A format that is read option by option. A zero byte ends it.
struct Format {
    text: Vec<u8>,
    at: usize,
    endian: Endian,
    /// Values begin at multiples of their size, but of no more than that.
    alignment: usize,
}

impl Format {
    /// The first argument.
    fn of_argument(stack: &mut Stack<'_>) -> Result<Self, Raise> {
        let mut text = stack.check_text(1)?.into_owned();
        text.truncate(text.iter().position(|&byte| byte == 0).unwrap_or(text.len()));
        Ok(Self { text, at: 0, endian: Endian::Little, alignment: 1 })
    }

    /// The next option with its size in bytes: 0 for what has none, and for `s`.
    fn next(&mut self, stack: &mut Stack<'_>) -> Result<Option<(u8, usize)>, Raise> {
        let Some(&option) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(stack, 1)?,
            b'i' | b'I' => {
                let size = self.count(stack, 4)?;
                if size > LONGEST_INTEGER {
                    let why = format!("integral size {size} is larger than limit of {LONGEST_INTEGER}");
                    return Err(stack.raise_here(why));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((option, size)))
    }

    /// The number that stands next, or another one where none does.
    fn count(&mut self, stack: &mut Stack<'_>, otherwise: usize) -> Result<usize, Raise> {
        let mut count = None;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let more = count.unwrap_or(0) * 10 + usize::from(digit - b'0');
            if more > i32::MAX as usize {
                return Err(stack.raise_here("integral size overflow"));
            }
            count = Some(more);
            self.at += 1;
        }
        Ok(count.unwrap_or(otherwise))
    }

    /// How many bytes are between a position and that of an option.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        let size = if option == b'c' { 0 } else { size.min(self.alignment) };
        // As Redis computes it, also for sizes that are no powers of two.
        if size == 0 { 0 } else { (size - (position & (size - 1))) & (size - 1) }
    }

    /// Takes an option that is no value.
    fn control(&mut self, stack: &mut Stack<'_>, option: u8) -> Result<(), Raise> {
        match option {
            b' ' => {}
            b'<' => self.endian = Endian::Little,
            b'>' => self.endian = Endian::Big,
            b'!' => {
                let alignment = self.count(stack, ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(stack.raise_here(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {
                return Err(
                    stack.bad_argument(1, [&b"invalid format option '"[..], &[option], b"'"].concat())
                );
            }
        }
        Ok(())
    }
}

/// `struct.pack(format, ...)`
fn pack(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let mut format = Format::of_argument(stack)?;
    // Redis has a nil behind the arguments, and so have its errors.
    stack.push_nil();
    let mut packed = Vec::new();
    // Not the same as the length of what is packed: `c0` counts as nothing.
    let mut position = 0;
    let mut argument = 2;
    while let Some((option, mut size)) = format.next(stack)? {
        stack.expect_free_bytes(packed.len())?;
        let padding = format.padding(position, option, size);
        position += padding;
        packed.resize(packed.len() + padding, 0);
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let number = stack.check_number(argument)?;
                let integer = if number < 0.0 { to_i64(number) as u64 } else { to_u64(number) };
                push_ordered(&mut packed, format.endian, size, &integer.to_le_bytes());
                argument += 1;
            }
            b'f' => {
                let number = stack.check_number(argument)? as f32;
                push_ordered(&mut packed, format.endian, size, &number.to_le_bytes());
                argument += 1;
            }
            b'd' => {
                let number = stack.check_number(argument)?;
                push_ordered(&mut packed, format.endian, size, &number.to_le_bytes());
                argument += 1;
            }
            b'x' => packed.push(0),
            b'c' | b's' => {
                let string = stack.check_text(argument)?;
                argument += 1;
                if size == 0 {
                    size = string.len();
                }
                match string.get(..size) {
                    Some(string) => packed.extend_from_slice(string),
                    None => return Err(stack.bad_argument(argument, "string too short")),
                }
                if option == b's' {
                    packed.push(0);
                    size += 1;
                }
            }
            _ => format.control(stack, option)?,
        }
        position += size;
    }
    stack.push_bytes(packed);
    Ok(1)
}

/// Pushes the bytes of a number, the least significant of which come first, with zeros behind the most significant or with those cut off.
fn push_ordered(packed: &mut Vec<u8>, endian: Endian, size: usize, bytes: &[u8]) {
    let start = packed.len();
    packed.extend(bytes.iter().copied().chain(std::iter::repeat(0)).take(size));
    if endian == Endian::Big {
        packed[start..].reverse();
    }
}

/// The bytes of a number, the least significant of which come first, as many as the number has; those of longer ones are cut off, for
/// shorter ones there are zeros.
fn ordered<const N: usize>(bytes: &[u8], endian: Endian) -> [u8; N] {
    let mut ordered = [0; N];
    let fill = |(to, from): (&mut u8, &u8)| *to = *from;
    match endian {
        Endian::Little => ordered.iter_mut().zip(bytes).for_each(fill),
        Endian::Big => ordered.iter_mut().zip(bytes.iter().rev()).for_each(fill),
    }
    ordered
}

/// An integer. Its sign goes where C's shift by so many bits puts it: modulo 64, also for integers that are longer.
fn integer(bytes: &[u8], endian: Endian, is_signed: bool) -> f64 {
    let value = u64::from_le_bytes(ordered(bytes, endian));
    if !is_signed {
        return value as f64;
    }
    let upper = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
    (if value & upper == 0 { value } else { value | upper }) as i64 as f64
}

/// `struct.unpack(format, bytes, position)`: the values, and the position behind them.
fn unpack(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let mut format = Format::of_argument(stack)?;
    let length = stack.make_text(2)?;
    let first = match stack.kind(3) {
        Kind::None | Kind::Nil => 1,
        // A negative one is a great one.
        _ => to_i64(stack.check_number(3)?) as u64,
    };
    let Some(mut position) = first.checked_sub(1) else {
        return Err(stack.bad_argument(3, "offset must be 1 or greater"));
    };
    let mut results = 0;
    while let Some((option, mut size)) = format.next(stack)? {
        position = position.wrapping_add(format.padding(position as usize, option, size) as u64);
        expect_bytes(stack, position, size as u64, length)?;
        if !stack.has_room(2) {
            return Err(stack.raise_here("stack overflow (too many results)"));
        }
        let start = position as usize;
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = integer(within(stack, start, size), format.endian, option.is_ascii_lowercase());
                stack.push_number(value);
                results += 1;
            }
            b'f' => {
                let value = f32::from_le_bytes(ordered(within(stack, start, size), format.endian));
                stack.push_number(value.into());
                results += 1;
            }
            b'd' => {
                let value = f64::from_le_bytes(ordered(within(stack, start, size), format.endian));
                stack.push_number(value);
                results += 1;
            }
            b'x' => {}
            b'c' => {
                if size == 0 {
                    let previous = if results == 0 { None } else { stack.number_of_any(-1) };
                    let Some(previous) = previous else {
                        return Err(stack.raise_here("format 'c0' needs a previous size"));
                    };
                    let previous = to_u64(previous);
                    stack.pop(1);
                    results -= 1;
                    expect_bytes(stack, position, previous, length)?;
                    size = previous as usize;
                }
                stack.push_part(2, start..start + size);
                results += 1;
            }
            b's' => {
                let rest = &stack.bytes(2).unwrap_or_default()[start..];
                let Some(end) = rest.iter().position(|&byte| byte == 0) else {
                    return Err(stack.raise_here("unfinished string in data"));
                };
                stack.push_part(2, start..start + end);
                results += 1;
                size = end + 1;
            }
            _ => format.control(stack, option)?,
        }
        position += size as u64;
    }
    stack.push_number(position.wrapping_add(1) as i64 as f64);
    Ok(results + 1)
}

/// A part of the second argument, which is there.
fn within<'s>(stack: &'s Stack<'_>, start: usize, size: usize) -> &'s [u8] {
    &stack.bytes(2).unwrap_or_default()[start..start + size]
}

/// Refuses to read behind the end.
fn expect_bytes(stack: &mut Stack<'_>, position: u64, size: u64, length: usize) -> Result<(), Raise> {
    let is_there = position.checked_add(size).is_some_and(|end| end <= length as u64);
    if is_there { Ok(()) } else { Err(stack.bad_argument(2, "data string too short")) }
}

/// `struct.size(format)`
fn size(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let mut format = Format::of_argument(stack)?;
    let mut total = 0_usize;
    while let Some((option, size)) = format.next(stack)? {
        total += format.padding(total, option, size);
        match (option, size) {
            (b's', _) => return Err(stack.bad_argument(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(stack.bad_argument(1, "option 'c0' has no fixed size")),
            // Letters and digits that mean nothing are not looked at.
            _ if !option.is_ascii_alphanumeric() => format.control(stack, option)?,
            _ => {}
        }
        total = total.saturating_add(size);
    }
    stack.push_number(total as f64);
    Ok(1)
}
