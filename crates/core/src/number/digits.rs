//! The digits of a double as Redis writes them.
//!
//! They are those of Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010): digits that
//! read back as the same double, and the shortest such for all but one number in 500 or so. Rust's own are always the shortest, and of two
//! that are as short the nearest, so that replies would differ from Redis's for those numbers.
//!
//! What reads back as a double are the numbers between the middles of it and its neighbours. They are scaled by a power of ten to where 32
//! to 60 bits of 64 are behind the point, and the first digits from the upper end down that come to lie among them are taken. A scaled number
//! may be off by one in its last bit, so the outermost two are given up; digits that are found only there are those that Redis misses.
use std::sync::LazyLock;

use num_bigint::BigUint;

/// `mantissa` times two to the power of `exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    mantissa: u64,
    exponent: i32,
}

impl Scaled {
    /// The same number with the uppermost bit of its mantissa set, which is not 0.
    const fn normalized(self) -> Self {
        let zeros = self.mantissa.leading_zeros();
        Self { mantissa: self.mantissa << zeros, exponent: self.exponent - zeros as i32 }
    }

    /// The product's upper 64 bits, rounded.
    const fn times(self, other: Self) -> Self {
        let product = self.mantissa as u128 * other.mantissa as u128;
        let mantissa = ((product + (1 << 63)) >> 64) as u64;
        Self { mantissa, exponent: self.exponent + other.exponent + 64 }
    }
}

/// Powers of ten, eight apart, by exponent; enough for every double.
static POWERS: LazyLock<Vec<(i32, Scaled)>> =
    LazyLock::new(|| (-348..=340).step_by(8).map(|ten| (ten, power_of_ten(ten))).collect());

/// The 64 bits nearest to a power of ten.
fn power_of_ten(ten: i32) -> Scaled {
    let power = BigUint::from(10_u8).pow(ten.unsigned_abs());
    // At least 127 bits, so that those that are cut off here do not change how the first 64 are rounded.
    let (number, exponent) = if ten < 0 {
        let shift = power.bits() + 127;
        ((BigUint::from(1_u8) << shift) / power, -(shift as i32))
    } else {
        (power << 127, -127)
    };
    let excess = number.bits() - 64;
    let rounded: BigUint = ((number >> (excess - 1)) + 1_u8) >> 1;
    Scaled { mantissa: rounded.iter_u64_digits().next().unwrap_or(0), exponent: exponent + excess as i32 }
}

/// The digits of a finite number above 0, and to the power of which ten they are to be taken times.
pub(super) fn digits_of(value: f64) -> (u64, i32) {
    let (number, lower, upper) = with_neighbours(value);
    // The least power that leaves no more than 60 bits behind the point. One of eight decades further leaves 33 at least.
    let least = POWERS.partition_point(|(_, power)| upper.times(*power).exponent < -60);
    let (ten, power) = POWERS[least];
    let (number, lower, upper) = (number.times(power), lower.times(power), upper.times(power));
    let behind_point = upper.exponent.unsigned_abs();
    let one = 1_u64 << behind_point;

    // Both are told from the upper end downwards.
    let mut end = upper.mantissa - 1 - (lower.mantissa + 1);
    let mut middle = upper.mantissa - 1 - number.mantissa;
    let (mut whole, mut fraction) = ((upper.mantissa - 1) >> behind_point, (upper.mantissa - 1) & (one - 1));
    let mut digits = 0;
    for position in (0..10).rev() {
        let unit = 10_u64.pow(position);
        digits = digits * 10 + whole / unit;
        whole %= unit;
        let rest = (whole << behind_point) + fraction;
        if rest <= end {
            return (lowered(digits, rest, unit << behind_point, middle, end), position as i32 - ten);
        }
    }
    let mut position = 0;
    loop {
        position += 1;
        // A fraction is below one, which has 60 bits at most, and what was left is not below the end.
        (fraction, middle, end) = (fraction * 10, middle * 10, end * 10);
        digits = digits * 10 + (fraction >> behind_point);
        fraction &= one - 1;
        if fraction < end {
            return (lowered(digits, fraction, one, middle, end), -position - ten);
        }
    }
}

/// A finite number above 0, and the middles between it and the doubles below and above. All three have the same exponent.
const fn with_neighbours(value: f64) -> (Scaled, Scaled, Scaled) {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const FIRST: u64 = 1 << FRACTION_BITS;
    /// What stands for an exponent of 0, and where the point is.
    const BIAS: i32 = 1023 + FRACTION_BITS as i32;
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & (FIRST - 1), (bits >> FRACTION_BITS) as i32);
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, 1 - BIAS) } else { (FIRST + fraction, exponent - BIAS) };
    let number = Scaled { mantissa, exponent }.normalized();
    let upper = Scaled { mantissa: 2 * mantissa + 1, exponent: exponent - 1 }.normalized();
    // Doubles below a power of two are half as far apart.
    let (below, parts) = if mantissa == FIRST { (4 * mantissa - 1, 2) } else { (2 * mantissa - 1, 1) };
    let lower = Scaled { mantissa: below << (exponent - parts - upper.exponent), exponent: upper.exponent };
    (number, lower, upper)
}

/// The last digit is lowered while that comes nearer to the number, which is `middle` below the upper end as the digits are `rest`
/// below it, and stays above the lower end.
const fn lowered(mut digits: u64, mut rest: u64, unit: u64, middle: u64, end: u64) -> u64 {
    while rest < middle
        && end - rest >= unit
        && (rest + unit < middle || middle - rest > rest + unit - middle)
    {
        digits -= 1;
        rest += unit;
    }
    digits
}
