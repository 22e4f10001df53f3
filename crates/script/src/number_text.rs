//! Numbers as Lua writes them: C's `%.14g`.

/// A number as `tostring` writes it.
pub(crate) fn number_text(value: f64) -> String {
    general(value, 14)
}

/// A number with so many significant digits, as C's `%.{precision}g` writes it: with an exponent where it is below -4 or not below the
/// precision, and without zeros at the end.
pub(crate) fn general(value: f64, precision: usize) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let precision = precision.max(1);
    // Most numbers are integers of few digits. Zero may have a sign.
    if value.trunc() == value && value != 0.0 && value.abs() < 10_f64.powi(precision.min(15) as i32) {
        return (value as i64).to_string();
    }
    let scientific = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// The same number without zeros at the end of its fraction.
fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Redis 8.0.2 answers to `EVAL "return tostring(…)" 0`.
    #[test]
    fn numbers_have_the_text_that_c_gives_them() {
        let cases = [
            (0.1, "0.1"),
            (1e20, "1e+20"),
            (1e15, "1e+15"),
            (1e14, "1e+14"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (1e5, "100000"),
            (-0.0, "-0"),
            (1.0 / 3.0, "0.33333333333333"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (123_456.789, "123456.789"),
            (1e100, "1e+100"),
            (f64::INFINITY, "inf"),
            (9_007_199_254_740_993.0, "9.007199254741e+15"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MAX, "1.7976931348623e+308"),
        ];
        cases.iter().for_each(|(value, text)| assert_eq!(number_text(*value), *text));
        assert_eq!(general(2.34567, 3), "2.35");
        assert_eq!(general(2.5, 1), "2");
        assert_eq!([general(99.0, 2), general(-100.0, 2), general(0.0, 2)], ["99", "-1e+02", "0"]);
    }
}
