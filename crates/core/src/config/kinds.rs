//! What a parameter's value may be: from text, with Redis's refusals, and back. Knows nothing of what parameters do.
use std::borrow::Cow;
use std::sync::Arc;

use crate::events::Notifications;
use crate::number;

/// Why a value was refused.
pub(crate) type Why = Cow<'static, str>;

/// Makes the text of a parameter from what was given and what it was before.
pub(crate) type Rule = fn(given: &[u8], before: &[u8]) -> Result<Vec<u8>, Why>;

/// A value that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Of every kind that a number can stand for.
    Number(i64),
    Text(Arc<[u8]>),
}

impl Value {
    pub(crate) const fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `yes` or `no`: 1 or 0.
    Boolean,
    Integer {
        least: i64,
        most: i64,
    },
    /// Bytes, with units if one likes. The number is that of the same bits without a sign.
    Bytes {
        least: u64,
        most: u64,
    },
    /// Bytes, or a negated percentage.
    BytesOrPercent,
    /// The permissions of a file.
    Octal,
    /// One of some words: its place among them.
    Choice(&'static [&'static str]),
    /// Anything.
    Text,
    /// Letters of classes of events, kept as they were given: shown as Redis shows them, they say less.
    Events,
    /// What a rule of its own allows, as it writes it.
    Composed(Rule),
}

const NOT_AN_INTEGER: &str = "argument couldn't be parsed into an integer";

impl Kind {
    /// Whether a number stands for its values.
    pub(crate) const fn is_number(self) -> bool {
        !matches!(self, Kind::Text | Kind::Events | Kind::Composed(_))
    }

    pub(crate) fn parse(self, text: &[u8], before: &Value) -> Result<Value, Why> {
        let number = match self {
            Kind::Boolean => match text {
                _ if text.eq_ignore_ascii_case(b"yes") => 1,
                _ if text.eq_ignore_ascii_case(b"no") => 0,
                _ => return Err("argument must be 'yes' or 'no'".into()),
            },
            Kind::Integer { least, most } => {
                within(number::parse_i64(text).ok_or(NOT_AN_INTEGER)?, least, most)?
            }
            Kind::Bytes { least, most } => {
                let bytes = parse_bytes(text).ok_or("argument must be a memory value")?;
                // Without an upper limit too much is as much as can be said.
                let bytes = if most == u64::MAX { bytes.min(most.into()) } else { bytes };
                within(bytes, least.into(), most.into())? as i64
            }
            Kind::BytesOrPercent => parse_bytes_or_percent(text)?,
            Kind::Octal => std::str::from_utf8(text)
                .ok()
                .and_then(|digits| i64::from_str_radix(digits, 8).ok())
                .filter(|permissions| (0..=0o777).contains(permissions))
                .ok_or("argument couldn't be parsed as an octal number")?,
            Kind::Choice(words) => place_of(words, text)? as i64,
            Kind::Text => return Ok(Value::Text(text.into())),
            Kind::Events => {
                Notifications::parse(text).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
                return Ok(Value::Text(text.into()));
            }
            Kind::Composed(rule) => {
                let before = self.show(before);
                return Ok(Value::Text(rule(text, &before)?.into()));
            }
        };
        Ok(Value::Number(number))
    }

    pub(crate) fn show(self, value: &Value) -> Vec<u8> {
        let number = match value {
            Value::Text(text) => {
                let events = Notifications::parse(text).filter(|_| matches!(self, Kind::Events));
                return events.map_or_else(|| text.to_vec(), |events| events.to_string().into());
            }
            Value::Number(number) => *number,
        };
        match self {
            Kind::Boolean => if number == 0 { "no" } else { "yes" }.into(),
            Kind::Bytes { .. } => (number as u64).to_string().into(),
            Kind::BytesOrPercent if number < 0 => format!("{}%", -number).into(),
            Kind::Octal => format!("{number:o}").into(),
            Kind::Choice(words) => words.get(number as usize).copied().unwrap_or_default().into(),
            _ => number.to_string().into(),
        }
    }

    /// What its values are, for readers.
    pub(crate) fn describe(self) -> String {
        match self {
            Kind::Boolean => "yes or no".into(),
            Kind::Integer { least, most } if most >= i64::from(i32::MAX) => format!("integer from {least}"),
            Kind::Integer { least, most } => format!("integer, {least} to {most}"),
            Kind::Bytes { least: 0, .. } => "bytes".into(),
            Kind::Bytes { least, .. } => format!("bytes, from {least}"),
            Kind::BytesOrPercent => "bytes or percent".into(),
            Kind::Octal => "octal".into(),
            Kind::Choice(words) => words.join(", "),
            Kind::Text | Kind::Events | Kind::Composed(_) => "text".into(),
        }
    }
}

fn within<T: Copy + PartialOrd + std::fmt::Display>(number: T, least: T, most: T) -> Result<T, Why> {
    if number >= least && number <= most {
        Ok(number)
    } else {
        Err(format!("argument must be between {least} and {most} inclusive").into())
    }
}

/// Where a word in letters of either case is among others.
pub(crate) fn place_of(words: &[&'static str], word: &[u8]) -> Result<usize, Why> {
    words
        .iter()
        .position(|known| known.as_bytes().eq_ignore_ascii_case(word))
        .ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")).into())
}

fn parse_bytes_or_percent(text: &[u8]) -> Result<i64, Why> {
    const NEITHER: &str = "argument must be a memory or percent value";
    let Some(percent) = text.strip_suffix(b"%") else {
        let bytes = parse_bytes(text).ok_or(NEITHER)?;
        return Ok(i64::try_from(bytes).unwrap_or(i64::MAX));
    };
    match number::parse_i64(percent) {
        Some(percent) if percent > 100 => Err("percentage argument must be less or equal to 100".into()),
        Some(percent) if percent >= 0 => Ok(-percent),
        _ => Err(NEITHER.into()),
    }
}

/// Bytes with Redis's units: `10`, `10b`, `10k` (thousands), `10kb` (1024s), `m`, `mb`, `g`, `gb`.
/// No digits are 0, as there, with a unit or without; too much is more than any limit.
pub(crate) fn parse_bytes(text: &[u8]) -> Option<u128> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..digits]
        .iter()
        .fold(0_u128, |number, digit| number.saturating_mul(10).saturating_add(u128::from(digit - b'0')));
    let unit = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    Some(number.saturating_mul(unit))
}
