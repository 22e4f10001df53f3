//! What can be set of cjson, and the functions that set it.
//!
//! The table that all scripts have is set for one script: *Differs* from Redis, where the next one finds what this one has set. A table of a
//! script's own, by `cjson.new`, keeps its settings with itself, as an upvalue of its functions.
use crate::integers::to_i32;
use crate::state::{Kind, Native, Raise, Stack};

/// What is made of numbers that JSON has no text for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvalidNumbers {
    Refused,
    Named,
    Null,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonSettings {
    /// Whether an array with too many gaps becomes an object instead of an error.
    pub(super) gaps_make_objects: bool,
    /// An array has too many gaps if it is so many times longer than it has elements, 0 meaning never, and
    pub(super) sparse_ratio: i32,
    /// longer than that.
    pub(super) sparse_from: i32,
    pub(super) encode_depth: i32,
    pub(super) decode_depth: i32,
    /// How many digits numbers have.
    pub(super) precision: i32,
    /// Means nothing here: a buffer of Redis's.
    keeps_buffer: bool,
    pub(super) encode_invalid: InvalidNumbers,
    pub(super) decodes_invalid: bool,
}

impl Default for JsonSettings {
    fn default() -> Self {
        Self {
            gaps_make_objects: false,
            sparse_ratio: 2,
            sparse_from: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            precision: 14,
            keeps_buffer: true,
            encode_invalid: InvalidNumbers::Refused,
            decodes_invalid: true,
        }
    }
}

/// The upvalue of each function: a table with the settings as numbers, or nil for those of the script.
const OWN: i32 = Stack::upvalue(1);

impl JsonSettings {
    /// Those of the table whose function is running.
    pub(super) fn of(stack: &mut Stack<'_>) -> Self {
        if stack.kind(OWN) != Kind::Table {
            return stack.settings().json.get();
        }
        let numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|index| {
            stack.raw_get_at(OWN, index);
            let number = stack.number(-1).map_or(0, to_i32);
            stack.pop(1);
            number
        });
        Self::from_numbers(numbers)
    }

    fn store(self, stack: &mut Stack<'_>) {
        if stack.kind(OWN) == Kind::Table {
            self.write(stack, OWN);
        } else {
            stack.settings().json.set(self);
        }
    }

    fn write(self, stack: &mut Stack<'_>, table: i32) {
        for (number, index) in self.to_numbers().into_iter().zip(1..) {
            stack.push_number(number.into());
            stack.raw_set_at(table, index);
        }
    }

    /// Pushes a table with the settings that a new table of functions begins with.
    pub(super) fn push_defaults(stack: &mut Stack<'_>) {
        stack.push_table(9, 0);
        let table = stack.top();
        Self::default().write(stack, table);
    }

    const fn to_numbers(self) -> [i32; 9] {
        [
            self.gaps_make_objects as i32,
            self.sparse_ratio,
            self.sparse_from,
            self.encode_depth,
            self.decode_depth,
            self.precision,
            self.keeps_buffer as i32,
            self.encode_invalid as i32,
            self.decodes_invalid as i32,
        ]
    }

    const fn from_numbers(numbers: [i32; 9]) -> Self {
        let [gaps, sparse_ratio, sparse_from, encode_depth, decode_depth, precision, keeps, encode, decodes] =
            numbers;
        Self {
            gaps_make_objects: gaps != 0,
            sparse_ratio,
            sparse_from,
            encode_depth,
            decode_depth,
            precision,
            keeps_buffer: keeps != 0,
            encode_invalid: match encode {
                0 => InvalidNumbers::Refused,
                1 => InvalidNumbers::Named,
                _ => InvalidNumbers::Null,
            },
            decodes_invalid: decodes != 0,
        }
    }
}

/// The functions that set something and answer with how it is set.
pub(super) const FUNCTIONS: [(&str, Native); 7] = [
    ("encode_sparse_array", encode_sparse_array),
    ("encode_max_depth", |stack| set_integer(stack, (1, i32::MAX), |settings| &mut settings.encode_depth)),
    ("decode_max_depth", |stack| set_integer(stack, (1, i32::MAX), |settings| &mut settings.decode_depth)),
    ("encode_number_precision", |stack| set_integer(stack, (1, 14), |settings| &mut settings.precision)),
    ("encode_keep_buffer", |stack| set_switch(stack, |settings| &mut settings.keeps_buffer)),
    ("decode_invalid_numbers", |stack| set_switch(stack, |settings| &mut settings.decodes_invalid)),
    ("encode_invalid_numbers", encode_invalid_numbers),
];

/// Refuses arguments that are too many, and puts nil for those that are missing.
fn take_arguments(stack: &mut Stack<'_>, count: i32) -> Result<(), Raise> {
    if stack.top() > count {
        return Err(stack.bad_argument(count + 1, "found too many arguments"));
    }
    stack.set_top(count);
    Ok(())
}

/// An integer in a range, `None` for nil. An error about the range names the first argument, whichever it is.
fn integer(
    stack: &mut Stack<'_>,
    argument: i32,
    (least, greatest): (i32, i32),
) -> Result<Option<i32>, Raise> {
    if stack.kind(argument) == Kind::Nil {
        return Ok(None);
    }
    let value = to_i32(stack.check_number(argument)?);
    if (least..=greatest).contains(&value) {
        return Ok(Some(value));
    }
    Err(stack.bad_argument(1, format!("expected integer between {least} and {greatest}")))
}

/// Which of some names the first argument is, `None` for nil; false and true are the first two.
fn choice(stack: &mut Stack<'_>, names: &[&str]) -> Result<Option<usize>, Raise> {
    match stack.kind(1) {
        Kind::Nil => return Ok(None),
        Kind::Boolean => return Ok(Some(stack.boolean(1).into())),
        _ => {}
    }
    let name = stack.check_text(1)?;
    let found = names.iter().position(|known| known.as_bytes() == &*name);
    if found.is_some() {
        return Ok(found);
    }
    let name = name.into_owned();
    Err(stack.bad_argument(1, [b"invalid option '", &name[..], b"'"].concat()))
}

fn set_integer(
    stack: &mut Stack<'_>,
    range: (i32, i32),
    setting: fn(&mut JsonSettings) -> &mut i32,
) -> Result<usize, Raise> {
    take_arguments(stack, 1)?;
    let mut settings = JsonSettings::of(stack);
    if let Some(value) = integer(stack, 1, range)? {
        *setting(&mut settings) = value;
        settings.store(stack);
    }
    stack.push_number((*setting(&mut settings)).into());
    Ok(1)
}

fn set_switch(stack: &mut Stack<'_>, setting: fn(&mut JsonSettings) -> &mut bool) -> Result<usize, Raise> {
    take_arguments(stack, 1)?;
    let mut settings = JsonSettings::of(stack);
    if let Some(chosen) = choice(stack, &["off", "on"])? {
        *setting(&mut settings) = chosen == 1;
        settings.store(stack);
    }
    stack.push_boolean(*setting(&mut settings));
    Ok(1)
}

fn encode_invalid_numbers(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    take_arguments(stack, 1)?;
    let mut settings = JsonSettings::of(stack);
    if let Some(chosen) = choice(stack, &["off", "on", "null"])? {
        settings.encode_invalid =
            [InvalidNumbers::Refused, InvalidNumbers::Named, InvalidNumbers::Null][chosen];
        settings.store(stack);
    }
    match settings.encode_invalid {
        InvalidNumbers::Refused => stack.push_boolean(false),
        InvalidNumbers::Named => stack.push_boolean(true),
        InvalidNumbers::Null => stack.push_bytes("null"),
    }
    Ok(1)
}

/// Three settings in one call. What stands before an argument that is refused is set.
fn encode_sparse_array(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    take_arguments(stack, 3)?;
    let mut settings = JsonSettings::of(stack);
    if let Some(chosen) = choice(stack, &["off", "on"])? {
        settings.gaps_make_objects = chosen == 1;
        settings.store(stack);
    }
    if let Some(ratio) = integer(stack, 2, (0, i32::MAX))? {
        settings.sparse_ratio = ratio;
        settings.store(stack);
    }
    if let Some(from) = integer(stack, 3, (0, i32::MAX))? {
        settings.sparse_from = from;
        settings.store(stack);
    }
    stack.push_boolean(settings.gaps_make_objects);
    stack.push_number(settings.sparse_ratio.into());
    stack.push_number(settings.sparse_from.into());
    Ok(3)
}
