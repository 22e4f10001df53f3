//! What `AROP` makes of the elements of a range.
use crate::number::{Extended, format_f64, parse_f64};
use crate::types::Element;
use crate::{Bytes, Reply};

/// What to make of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayOperation<'a> {
    /// The sum of those that are numbers. `SUM`.
    Sum,
    /// The least of those that are numbers. `MIN`.
    Min,
    /// The greatest of those that are numbers. `MAX`.
    Max,
    /// The bits that all have which are numbers, without what comes after their points. `AND`.
    And,
    /// The bits that one of them has. `OR`.
    Or,
    /// The bits that an odd number of them have. `XOR`.
    Xor,
    /// How many are this. `MATCH`.
    Match(&'a [u8]),
    /// How many there are. `USED`.
    Used,
}

/// What was made of elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayAggregate {
    /// Of numbers, a number in digits.
    Number(Bytes),
    /// Bits, or how many there are.
    Integer(i64),
    /// There is no number among them.
    Nothing,
}

impl ArrayAggregate {
    /// As a number; `None` if there was none.
    ///
    /// ```
    /// use redlet_core::cmd::array::ArrayAggregate;
    ///
    /// assert_eq!(ArrayAggregate::Number("2.5".into()).as_f64(), Some(2.5));
    /// assert_eq!(ArrayAggregate::Integer(3).as_f64(), Some(3.0));
    /// assert_eq!(ArrayAggregate::Nothing.as_f64(), None);
    /// ```
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            ArrayAggregate::Number(digits) => parse_f64(digits),
            ArrayAggregate::Integer(number) => Some(*number as f64),
            ArrayAggregate::Nothing => None,
        }
    }

    /// As an integer; `None` if it is none.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            ArrayAggregate::Number(digits) => crate::number::parse_i64(digits),
            ArrayAggregate::Integer(number) => Some(*number),
            ArrayAggregate::Nothing => None,
        }
    }
}

impl From<ArrayAggregate> for Reply {
    fn from(aggregate: ArrayAggregate) -> Self {
        match aggregate {
            ArrayAggregate::Number(digits) => digits.into(),
            ArrayAggregate::Integer(number) => number.into(),
            ArrayAggregate::Nothing => Reply::Null,
        }
    }
}

/// An element that is a number.
#[derive(Clone, Copy, Debug)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn of(element: Element<'_>) -> Option<Self> {
        match element {
            Element::Integer(number) => Some(Number::Integer(number)),
            Element::Text(bytes) => match Element::of(bytes) {
                Element::Integer(number) => Some(Number::Integer(number)),
                Element::Text(bytes) => parse_f64(bytes).map(Number::Float),
            },
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    /// Without what comes after its point; what an integer has no room for becomes the nearest one.
    const fn truncated(self) -> i64 {
        match self {
            Number::Integer(number) => number,
            Number::Float(number) => number as i64,
        }
    }

    fn is_less_than(self, other: Self) -> bool {
        match (self, other) {
            (Number::Integer(one), Number::Integer(other)) => one < other,
            _ => self.as_f64() < other.as_f64(),
        }
    }

    fn digits(self) -> Bytes {
        match self {
            Number::Integer(number) => number.to_string().into(),
            Number::Float(number) => format_f64(number).into(),
        }
    }
}

/// Numbers that are added up: integers exactly, others as `INCRBYFLOAT` does.
#[derive(Debug)]
struct Sum {
    integers: i128,
    /// `None` as long as there was none.
    floats: Option<Extended>,
}

impl Sum {
    fn add(&mut self, element: Element<'_>) {
        match Number::of(element) {
            Some(Number::Integer(number)) => self.integers += i128::from(number),
            Some(Number::Float(_)) => {
                let float = element.with(Extended::parse).unwrap_or(Extended::ZERO);
                self.floats = Some(self.floats.unwrap_or(Extended::ZERO).plus(float));
            }
            None => {}
        }
    }

    fn digits(&self) -> Bytes {
        let Some(floats) = self.floats else { return self.integers.to_string().into() };
        let integers = Extended::parse(self.integers.to_string().as_bytes()).unwrap_or(Extended::ZERO);
        let sum = floats.plus(integers);
        if sum.is_finite() {
            return sum.to_text().into();
        }
        // Infinities of both signs have no sum.
        let is_above = Extended::ZERO < sum;
        let is_below = sum < Extended::ZERO;
        format_f64(if is_above {
            f64::INFINITY
        } else if is_below {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        })
        .into()
    }
}

impl ArrayOperation<'_> {
    /// Does it.
    pub(super) fn over<'e>(self, elements: impl Iterator<Item = Element<'e>>) -> ArrayAggregate {
        let count = |count: usize| ArrayAggregate::Integer(count as i64);
        match self {
            ArrayOperation::Used => count(elements.count()),
            ArrayOperation::Match(wanted) => {
                count(elements.filter(|element| element.with(|bytes| bytes == wanted)).count())
            }
            ArrayOperation::Sum => {
                let mut sum = Sum { integers: 0, floats: None };
                let mut numbers = elements.filter(|element| Number::of(*element).is_some()).peekable();
                if numbers.peek().is_none() {
                    return ArrayAggregate::Nothing;
                }
                numbers.for_each(|element| sum.add(element));
                ArrayAggregate::Number(sum.digits())
            }
            ArrayOperation::Min => extreme(elements, |best, other| other.is_less_than(best)),
            ArrayOperation::Max => extreme(elements, Number::is_less_than),
            ArrayOperation::And => bits(elements, |one, other| one & other),
            ArrayOperation::Or => bits(elements, |one, other| one | other),
            ArrayOperation::Xor => bits(elements, |one, other| one ^ other),
        }
    }
}

fn extreme<'e>(
    elements: impl Iterator<Item = Element<'e>>,
    is_better: impl Fn(Number, Number) -> bool,
) -> ArrayAggregate {
    let best = elements
        .filter_map(Number::of)
        .reduce(|best, other| if is_better(best, other) { other } else { best });
    best.map_or(ArrayAggregate::Nothing, |best| ArrayAggregate::Number(best.digits()))
}

fn bits<'e>(
    elements: impl Iterator<Item = Element<'e>>,
    combine: impl Fn(i64, i64) -> i64,
) -> ArrayAggregate {
    let combined = elements.filter_map(Number::of).map(Number::truncated).reduce(combine);
    combined.map_or(ArrayAggregate::Nothing, ArrayAggregate::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(operation: ArrayOperation<'_>, texts: &[&str]) -> ArrayAggregate {
        operation.over(texts.iter().map(|text| Element::of(text.as_bytes())))
    }

    fn number(digits: &str) -> ArrayAggregate {
        ArrayAggregate::Number(digits.to_owned().into())
    }

    #[test]
    fn sums_of_integers_are_exact_and_others_have_the_digits_of_incrbyfloat() {
        let greatest = i64::MAX.to_string();
        assert_eq!(over(ArrayOperation::Sum, &[&greatest, &greatest]), number("18446744073709551614"));
        assert_eq!(over(ArrayOperation::Sum, &["0.1", "0.2"]), number("0.3"));
        assert_eq!(over(ArrayOperation::Sum, &["10.0", "20", "x", "30.5", ""]), number("60.5"));
        assert_eq!(over(ArrayOperation::Sum, &["inf", "1"]), number("inf"));
        assert_eq!(over(ArrayOperation::Sum, &["inf", "-inf"]), number("nan"));
        assert_eq!(over(ArrayOperation::Sum, &["x", ""]), ArrayAggregate::Nothing);
    }

    #[test]
    fn extremes_are_numbers_and_not_texts() {
        assert_eq!(over(ArrayOperation::Min, &["10.0", "9e2", "x", "11"]), number("10"));
        assert_eq!(over(ArrayOperation::Max, &["10.0", "9e2", "x", "11"]), number("900"));
        let near = ["9223372036854775806", "9223372036854775807"];
        assert_eq!(over(ArrayOperation::Min, &near), number(near[0]));
    }

    #[test]
    fn bits_are_those_of_truncated_numbers() {
        let texts = ["7.9", "3.2", "1.8", "x"];
        assert_eq!(over(ArrayOperation::And, &texts), ArrayAggregate::Integer(1));
        assert_eq!(over(ArrayOperation::Or, &texts), ArrayAggregate::Integer(7));
        assert_eq!(over(ArrayOperation::Xor, &texts), ArrayAggregate::Integer(5));
        assert_eq!(over(ArrayOperation::Or, &["-1.9"]), ArrayAggregate::Integer(-1));
        assert_eq!(over(ArrayOperation::And, &["x"]), ArrayAggregate::Nothing);
    }
}
