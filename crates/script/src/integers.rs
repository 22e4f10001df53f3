//! Numbers as C's integers, for what is out of their range, too: what an x86-64 processor makes of those, because it was Redis's
//! answers on one that every rule here was learned from.

/// Towards zero. The least integer stands for whatever is out of range or not a number.
pub(crate) fn to_i64(value: f64) -> i64 {
    /// 2 to the power of 63.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// Towards zero, with negative integers by their bits; what is out of range is 0, or 2 to the power of 63 if it is not a number or negative.
pub(crate) fn to_u64(value: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if value >= HALF { to_i64(value - HALF) as u64 ^ (1 << 63) } else { to_i64(value) as u64 }
}

/// The lower half of [`to_i64`].
pub(crate) fn to_i32(value: f64) -> i32 {
    to_i64(value) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_the_least_integer() {
        let cases = [
            (1.9, 1),
            (-1.9, -1),
            (9_223_372_036_854_774_784.0, 9_223_372_036_854_774_784),
            (9_223_372_036_854_775_808.0, i64::MIN),
            (-9_223_372_036_854_775_808.0, i64::MIN),
            (-1e300, i64::MIN),
            (f64::NAN, i64::MIN),
        ];
        cases.iter().for_each(|(value, integer)| assert_eq!(to_i64(*value), *integer, "{value}"));
        assert_eq!(
            [to_i32(2_147_483_648.0), to_i32(4_294_967_301.0), to_i32(f64::INFINITY)],
            [i32::MIN, 5, 0]
        );
    }

    #[test]
    fn the_upper_half_of_unsigned_integers_is_in_range() {
        let cases = [
            (1.9, 1),
            (-1.0, u64::MAX),
            (9_223_372_036_854_777_856.0, (1 << 63) + 2048),
            (18_446_744_073_709_549_568.0, u64::MAX - 2047),
            (18_446_744_073_709_551_616.0, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 1 << 63),
            (f64::NAN, 1 << 63),
        ];
        cases.iter().for_each(|(value, integer)| assert_eq!(to_u64(*value), *integer, "{value}"));
    }
}
