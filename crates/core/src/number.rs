//! Redis's integer and float text, both ways.
//!
//! Redis reads numbers with C's `strtod` and `strtold` behind checks of its own, writes scores with digits that read back as the
//! same double (`digits`), and adds floats in the 80-bit format of x87. Every rule here was learned from
//! Redis 8.0.2's answers; the tests hold a record of them.
mod digits;

use std::fmt;

use num_bigint::BigUint;
use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, Round, Status};

/// An integer as Redis takes one: decimal digits without leading zeros, a minus sign before them at most, in 64 bits.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut magnitude = 0_u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // 19 digits are less than 2^64.
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A cursor as Redis takes one: an unsigned number of 64 bits, read by `strtoul` after any white space.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_start();
    if let Some(zeros) = digits.strip_prefix(b"-") {
        return (!zeros.is_empty() && zeros.iter().all(|&digit| digit == b'0')).then_some(0);
    }
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Bytes in hexadecimal digits, two each, in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// What text may stand for a number, by its grammar alone.
enum Shape<'t> {
    Infinity {
        negative: bool,
    },
    Decimal(&'t str),
    /// With the exponent that the parser wants to see.
    Hexadecimal(String),
}

fn shape(text: &[u8]) -> Option<Shape<'_>> {
    let all = std::str::from_utf8(text).ok()?;
    let (negative, body) = match text {
        [b'-', body @ ..] => (true, body),
        [b'+', body @ ..] => (false, body),
        body => (false, body),
    };
    if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        return Some(Shape::Infinity { negative });
    }
    let is_hexadecimal = body.len() > 2 && body[0] == b'0' && body[1].eq_ignore_ascii_case(&b'x');
    let (digits, is_digit, marker): (_, fn(&u8) -> bool, _) = if is_hexadecimal {
        (&body[2..], u8::is_ascii_hexdigit, b'p')
    } else {
        (body, u8::is_ascii_digit, b'e')
    };
    let mantissa_end =
        digits.iter().position(|byte| byte.eq_ignore_ascii_case(&marker)).unwrap_or(digits.len());
    let (mantissa, exponent) = digits.split_at(mantissa_end);
    let points = mantissa.iter().filter(|&&byte| byte == b'.').count();
    let count = mantissa.iter().filter(|byte| is_digit(byte)).count();
    if points > 1 || count == 0 || count + points != mantissa.len() {
        return None;
    }
    if let [_, exponent @ ..] = exponent {
        let unsigned = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        if unsigned.is_empty() || !unsigned.iter().all(u8::is_ascii_digit) {
            return None;
        }
    }
    Some(if is_hexadecimal {
        let exponent = if exponent.is_empty() { "p0" } else { "" };
        Shape::Hexadecimal(format!("{all}{exponent}"))
    } else {
        Shape::Decimal(all)
    })
}

/// How many bytes at the beginning of some text are digits, with a point among them or without, and then an exponent if there is one that is
/// whole; `None` if there is no digit.
fn digits_length(text: &[u8], is_digit: fn(&u8) -> bool, marker: u8) -> Option<usize> {
    let run = |from: usize, is_digit: fn(&u8) -> bool| {
        text[from..].iter().take_while(|byte| is_digit(byte)).count()
    };
    let whole = run(0, is_digit);
    let fraction = if text.get(whole) == Some(&b'.') { Some(run(whole + 1, is_digit)) } else { None };
    if whole + fraction.unwrap_or(0) == 0 {
        return None;
    }
    let mantissa = whole + fraction.map_or(0, |digits| digits + 1);
    let exponent = match text[mantissa..] {
        [byte, b'+' | b'-', ..] if byte.eq_ignore_ascii_case(&marker) => mantissa + 2,
        [byte, ..] if byte.eq_ignore_ascii_case(&marker) => mantissa + 1,
        _ => return Some(mantissa),
    };
    let digits = run(exponent, u8::is_ascii_digit);
    Some(if digits == 0 { mantissa } else { exponent + digits })
}

/// The number that some text begins with, and how many bytes of it that takes, as C's `strtod` reads one: decimal or hexadecimal,
/// infinite or none by name; what is beyond a double is infinite or zero. No white space is passed over.
pub fn leading_f64(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let unsigned = &text[sign..];
    let begins_with =
        |name: &[u8]| unsigned.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    let (magnitude, length) = if begins_with(b"inf") {
        (f64::INFINITY, if begins_with(b"infinity") { 8 } else { 3 })
    } else if begins_with(b"nan") {
        // Letters and digits in parentheses may follow, and change nothing.
        let payload = unsigned[3..].strip_prefix(b"(").and_then(|rest| {
            let length =
                rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            (rest.get(length) == Some(&b')')).then_some(length + 2)
        });
        (f64::NAN, 3 + payload.unwrap_or(0))
    } else if begins_with(b"0x")
        && let Some(digits) = digits_length(&unsigned[2..], u8::is_ascii_hexdigit, b'p')
    {
        let literal = std::str::from_utf8(&unsigned[..digits + 2]).ok()?;
        let exponent = if literal.contains(['p', 'P']) { "" } else { "p0" };
        let value = Double::from_str_r(&format!("{literal}{exponent}"), Round::NearestTiesToEven).ok()?.value;
        (f64::from_bits(value.to_bits() as u64), digits + 2)
    } else {
        let length = digits_length(unsigned, u8::is_ascii_digit, b'e')?;
        (std::str::from_utf8(&unsigned[..length]).ok()?.parse().ok()?, length)
    };
    Some((if text.starts_with(b"-") { -magnitude } else { magnitude }, sign + length))
}

/// The value of some text in a format, unless it is out of the format's range at either end.
fn parse_in<F: Float>(text: &str) -> Option<F> {
    let parsed = F::from_str_r(text, Round::NearestTiesToEven).ok()?;
    let out_of_range = parsed.status.contains(Status::OVERFLOW)
        || (parsed.value.is_zero() && parsed.status.contains(Status::UNDERFLOW));
    (!out_of_range).then_some(parsed.value)
}

/// A number as Redis takes a score: decimal, hexadecimal or infinite, without white space, not NaN, not beyond a double.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    match shape(text)? {
        Shape::Infinity { negative } => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Shape::Decimal(decimal) => {
            let value: f64 = decimal.parse().ok()?;
            let mantissa = decimal.split(['e', 'E']).next().unwrap_or_default();
            let is_nothing = value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
            (value.is_finite() && !is_nothing).then_some(value)
        }
        Shape::Hexadecimal(hexadecimal) => {
            parse_in::<Double>(&hexadecimal).map(|value| f64::from_bits(value.to_bits() as u64))
        }
    }
}

/// A number as Redis takes a bound of a range of scores: as [`parse_f64`], but decimal only, nothing at all for 0, and what is
/// beyond a double as infinite or 0.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    match shape(text)? {
        Shape::Infinity { negative } => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Shape::Decimal(decimal) => decimal.parse().ok(),
        Shape::Hexadecimal(_) => None,
    }
}

/// A number as Redis writes a score: an integer where it is one and not huge, else digits that read back as the same double, with an
/// exponent where that is shorter.
pub fn format_f64(value: f64) -> String {
    /// Past half of what an `i64` holds Redis no longer looks for an integer.
    const INTEGERS_END: f64 = (i64::MAX / 2) as f64;
    let is_integer = value.abs() <= INTEGERS_END && value.fract() == 0.0;
    if is_integer && !(value == 0.0 && value.is_sign_negative()) {
        return (value as i64).to_string();
    }
    format_double(value)
}

/// A number with four digits after the point, as Redis writes distances: of two that are as near, the even one.
pub fn format_four_decimals(value: f64) -> String {
    let rounded = (value * 10_000.0).round_ties_even();
    format!("{:.4}", rounded / 10_000.0)
}

/// The digits by which Redis tells one double from others, with an exponent where that is shorter.
pub fn format_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.into();
    }
    // The value is `digits` times ten to the power of `scale`.
    let (digits, scale) = digits::digits_of(value.abs());
    let digits = digits.to_string();
    let count = digits.len() as i32;
    let exponent = scale + count - 1;
    let sign = if value < 0.0 { "-" } else { "" };
    if scale >= 0 && exponent < count + 7 {
        format!("{sign}{digits}{}", "0".repeat(scale as usize))
    } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        if exponent >= 0 {
            let (whole, fraction) = digits.split_at(exponent as usize + 1);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize))
        }
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { "" } else { "+" };
        format!("{sign}{first}{point}{rest}e{plus}{exponent}")
    }
}

/// A number in the 80-bit format that `INCRBYFLOAT` and `HINCRBYFLOAT` add in, so that sums have Redis's digits.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct Extended(X87DoubleExtended);

impl Extended {
    /// Nothing.
    pub const ZERO: Self = Self(X87DoubleExtended::ZERO);

    /// A number as Redis takes an increment: as [`parse_f64`], in a wider range.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match shape(text)? {
            Shape::Infinity { negative: true } => Some(Self(-X87DoubleExtended::INFINITY)),
            Shape::Infinity { negative: false } => Some(Self(X87DoubleExtended::INFINITY)),
            Shape::Decimal(decimal) => parse_in(decimal).map(Self),
            Shape::Hexadecimal(hexadecimal) => parse_in(&hexadecimal).map(Self),
        }
    }

    /// The number that a double is.
    pub fn from_f64(value: f64) -> Self {
        let mut loses_info = false;
        Self(
            rustc_apfloat::FloatConvert::convert(Double::from_bits(value.to_bits().into()), &mut loses_info)
                .value,
        )
    }

    /// The sum, rounded to nearest and to even between two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self((self.0 + other.0).value)
    }

    /// The difference, rounded as sums are.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self((self.0 - other.0).value)
    }

    /// The nearest finite number.
    #[must_use]
    pub fn to_finite(self) -> Self {
        match self.0.is_infinite() {
            true if self.0.is_negative() => Self(-X87DoubleExtended::largest()),
            true => Self(X87DoubleExtended::largest()),
            false => self,
        }
    }

    /// So many times this number, rounded up to an integer; what an integer has no room for becomes the nearest one.
    #[must_use]
    pub fn times_rounded_up(self, factor: i64) -> i64 {
        let factor = X87DoubleExtended::from_i128(factor.into()).value;
        let product = (self.0 * factor).value.to_i128_r(64, Round::TowardPositive, &mut false);
        product.value as i64
    }

    /// Neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// As C's `%.17Lf` writes it, without zeros at the end. Only for finite numbers.
    pub fn to_text(self) -> String {
        const DIGITS: usize = 17;
        let bits = self.0.to_bits();
        let mantissa = BigUint::from(bits as u64);
        // The mantissa has its point after the first of its 64 bits.
        let exponent = ((bits >> 64) as i32 & 0x7fff).max(1) - 16383 - 63;
        let scaled = mantissa * BigUint::from(10_u8).pow(DIGITS as u32);
        let rounded = if exponent >= 0 { scaled << exponent } else { shift_right(&scaled, -exponent as u64) };
        let digits = format!("{:0>1$}", rounded.to_string(), DIGITS + 1);
        let (whole, fraction) = digits.split_at(digits.len() - DIGITS);
        let fraction = fraction.trim_end_matches('0');
        let sign = if bits >> 79 == 1 && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// Divides by a power of two, rounding to nearest and to even between two.
fn shift_right(number: &BigUint, by: u64) -> BigUint {
    let quotient = number >> by;
    let half_is_set = by > 0 && number.bit(by - 1);
    let more_than_half = by > 1 && number.trailing_zeros().is_some_and(|zeros| zeros < by - 1);
    if half_is_set && (more_than_half || quotient.bit(0)) { quotient + 1_u8 } else { quotient }
}

impl fmt::Debug for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_finite() { f.write_str(&self.to_text()) } else { write!(f, "{:?}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What cjson of Redis 8.0.2 made of the beginning, and where it found what it did not take.
    #[test]
    fn a_number_ends_where_c_ends_it() {
        let cases = [
            ("1", Some((1.0, 1))),
            ("-01.50x", Some((-1.5, 6))),
            ("1.", Some((1.0, 2))),
            (".5.5", Some((0.5, 2))),
            ("1e", Some((1.0, 1))),
            ("1e+", Some((1.0, 1))),
            ("1E+2]", Some((100.0, 4))),
            ("1e400", Some((f64::INFINITY, 5))),
            ("-1e400", Some((f64::NEG_INFINITY, 6))),
            ("1e-400", Some((0.0, 6))),
            ("1e99999999999999999999", Some((f64::INFINITY, 22))),
            ("0x", Some((0.0, 1))),
            ("0xg", Some((0.0, 1))),
            ("-0x1F", Some((-31.0, 5))),
            ("0x.8", Some((0.5, 4))),
            ("0x1.p", Some((1.0, 4))),
            ("0x1.8p+2,", Some((6.0, 8))),
            ("0x20000000000001", Some((9_007_199_254_740_992.0, 16))),
            ("0x2000000000000100000001", Some((38_685_626_227_668_142_180_532_224.0, 24))),
            ("0x1p1024", Some((f64::INFINITY, 8))),
            ("0x1p-1075", Some((0.0, 9))),
            ("0x1p99999999999999999999", Some((f64::INFINITY, 24))),
            ("0x1p-99999999999999999999", Some((0.0, 25))),
            ("InfinityX", Some((f64::INFINITY, 8))),
            ("infinit", Some((f64::INFINITY, 3))),
            ("", None),
            ("-", None),
            (".", None),
            ("+-1", None),
            (" 1", None),
            ("e5", None),
            ("in", None),
        ];
        for (text, number) in cases {
            assert_eq!(leading_f64(text.as_bytes()), number, "{text}");
        }
        for (text, length) in
            [("nan", 3), ("-NaN", 4), ("nan(a_1)x", 8), ("nan(a-b)", 3), ("nan(", 3), ("nan()", 5)]
        {
            let (value, taken) = leading_f64(text.as_bytes()).unwrap();
            assert!(value.is_nan() && value.is_sign_negative() == text.starts_with('-'), "{text}");
            assert_eq!(taken, length, "{text}");
        }
    }

    /// What `ZSCORE` answered after `ZADD z <text> m`; `None` where the text was refused.
    const SCORES: &[(&str, Option<&str>)] = &[
        ("0x1p3", Some("8")),
        ("0xA", Some("10")),
        ("0x.8", Some("0.5")),
        ("1e400", None),
        ("1e-400", None),
        ("5e-324", Some("5e-324")),
        ("1e-7", Some("1e-7")),
        ("1e-6", Some("0.000001")),
        ("1e-5", Some("0.00001")),
        ("0.001", Some("0.001")),
        ("0.00012345", Some("1.2345e-4")),
        ("123456789012345680000", Some("123456789012345680000")),
        ("1e15", Some("1000000000000000")),
        ("1e18", Some("1000000000000000000")),
        ("1e19", Some("1e+19")),
        ("1e21", Some("1e+21")),
        ("1.5e21", Some("1.5e+21")),
        ("1.5e20", Some("1.5e+20")),
        ("1.7976931348623157e308", Some("1.7976931348623157e+308")),
        ("0.1", Some("0.1")),
        ("1234567.891", Some("1234567.891")),
        ("12345678901234567.5", Some("12345678901234568")),
        ("9007199254740993", Some("9007199254740992")),
        ("4503599627370497.5", Some("4503599627370498")),
        ("1.234e-5", Some("1.234e-5")),
        ("1.5e-10", Some("1.5e-10")),
        ("123e30", Some("1.23e+32")),
        ("nan", None),
        ("inf", Some("inf")),
        ("-inf", Some("-inf")),
        ("+inf", Some("inf")),
        ("Infinity", Some("inf")),
        ("1.", Some("1")),
        (".5", Some("0.5")),
        (".", None),
        ("+5", Some("5")),
        ("-.5e1", Some("-5")),
        ("1e", None),
        ("1e+", None),
        ("0x", None),
        ("1_0", None),
        ("0b1", None),
        ("12e17", Some("1200000000000000000")),
        ("1.23456789e25", Some("1.23456789e+25")),
        ("99999999999999999999", Some("1e+20")),
        ("9223372036854775807", Some("9223372036854776000")),
        ("-9223372036854775808", Some("-9223372036854776000")),
        ("4611686018427387904", Some("4611686018427387904")),
        ("0.30000000000000004", Some("0.30000000000000004")),
        ("2.2250738585072014e-308", Some("2.2250738585072014e-308")),
        // A digit more than are needed to tell it, or another than the nearest.
        ("7.000000011234079", Some("7.0000000112340786")),
        ("-5.329070518200751e-15", Some("-5.3290705182007514e-15")),
        ("6.195626866399892e-221", Some("6.1956268663998915e-221")),
        ("6.984971462299466e+112", Some("6.9849714622994664e+112")),
        ("4.235164862489247e-22", Some("4.2351648624892465e-22")),
        ("1791770295115023.25", Some("1791770295115023.2")),
        ("663703009416763.75", Some("663703009416763.7")),
        (" 1", None),
        ("1 ", None),
        ("", None),
        ("1e99999", None),
    ];

    #[test]
    fn scores_are_read_and_written_as_redis_does() {
        for (text, expected) in SCORES {
            let shown = parse_f64(text.as_bytes()).map(format_f64);
            assert_eq!(shown.as_deref(), *expected, "{text:?}");
        }
    }

    /// What `INCRBYFLOAT f <second>` answered where f was `<first>`.
    const SUMS: &[(&str, &str, &str)] = &[
        ("0", "0x1p3", "8"),
        ("0", "1e-400", "0"),
        ("0", "0.1", "0.1"),
        ("0", "3.0e3", "3000"),
        ("0", "5e-18", "0"),
        ("0", ".5", "0.5"),
        ("0", "1e17", "100000000000000000"),
        ("0", "12345678901234567890", "12345678901234567890"),
        ("0", "1.000000000000000005", "1"),
        ("0", "-0.0", "0"),
        ("0.1", "0.2", "0.3"),
        ("3.0", "1", "4"),
        ("1e20", "0.5", "100000000000000000000"),
        ("-1", "1", "0"),
        ("0.1", "-0.1", "0"),
        ("1.5", "0.00000000000000001", "1.50000000000000001"),
        ("0x10", "1", "17"),
    ];

    #[test]
    fn sums_have_the_digits_that_redis_gives_them() {
        for (first, second, sum) in SUMS {
            let [first, second] = [first, second].map(|text| Extended::parse(text.as_bytes()).unwrap());
            assert_eq!(first.plus(second).to_text(), *sum, "{first:?} + {second:?}");
        }
    }

    #[test]
    fn the_range_of_an_increment_is_that_of_80_bits() {
        for refused in ["1e4933", "1e-5000", "nan", "", " 1", "1 ", "1e"] {
            assert!(Extended::parse(refused.as_bytes()).is_none(), "{refused:?}");
        }
        let large = Extended::parse(b"1e4932").unwrap().to_text();
        assert_eq!(large.len(), 4933);
        assert!(
            large.starts_with(
                "1000000000000000000006018949387963891323837774254533114773785041352533019486608"
            )
        );
        assert!(!Extended::parse(b"inf").unwrap().is_finite());
    }

    #[test]
    fn a_product_is_rounded_up_and_ends_where_integers_end() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0.001", 1),
            ("0.0011", 2),
            ("1e-400", 1),
            ("-1e-400", 0),
            ("-0.0011", -1),
            ("-1.5", -1500),
            ("9223372036854775.807", i64::MAX),
            ("9223372036854775.806", i64::MAX - 1),
            ("1e4000", i64::MAX),
            ("-1e4000", i64::MIN),
            ("inf", i64::MAX),
            ("-inf", i64::MIN),
        ] {
            assert_eq!(Extended::parse(text.as_bytes()).unwrap().times_rounded_up(1000), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_canonical_or_refused() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("00", None),
            ("01", None),
            ("-0", None),
            ("+1", None),
            (" 1", None),
            ("1 ", None),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_score_reads_back_as_itself(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                proptest::prop_assert_eq!(parse_f64(format_f64(value).as_bytes()), Some(value));
            }
        }
    }
}
