//! Vectors by place, in the form that their set keeps, and how far they are from each other.
use crate::effect::Blob;
use crate::memory::block_bytes;
use crate::types::vector_image::{PackedVector, Quantization};

/// A vector's components.
#[derive(Clone, Debug, PartialEq)]
enum Components {
    Floats(Box<[f32]>),
    /// Each as so many 127ths of the range.
    Codes(Box<[i8]>, f32),
    /// A bit for each, set if it is positive. Those past the last component are 0.
    Signs(Box<[u64]>),
}

/// A vector of length 1, or of 0 if all of its components are.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    components: Components,
    /// The length that it had.
    norm: f32,
}

/// How many products of two codes are added up before the sum might not fit.
const CODES_PER_SUM: usize = 1 << 16;
/// How many sums of products are made side by side, which the processor does at once.
const LANES: usize = 16;

impl Vector {
    /// A vector in a set's form; `None` if a component, or the length, is not finite.
    pub fn new(components: &[f32], quantization: Quantization) -> Option<Self> {
        let norm = norm(components);
        if !norm.is_finite() {
            return None;
        }
        let unit = |component: &f32| component / norm;
        let components = match quantization {
            Quantization::None => Components::Floats(components.iter().map(unit).collect()),
            Quantization::Q8 => {
                let range = components.iter().map(unit).fold(0.0, |range: f32, unit| range.max(unit.abs()));
                let scale = if range > 0.0 { 127.0 / range } else { 0.0 };
                // A cast to i8 keeps within its range.
                let code = |component| (unit(component) * scale).round() as i8;
                Components::Codes(components.iter().map(code).collect(), range)
            }
            Quantization::Binary => {
                let word = |components: &[f32]| {
                    let signs = components.iter().enumerate();
                    signs.fold(0, |word, (at, &component)| word | u64::from(component > 0.0) << at)
                };
                Components::Signs(components.chunks(64).map(word).collect())
            }
        };
        Some(Self { components, norm })
    }

    /// The length that it had.
    pub fn norm(&self) -> f32 {
        self.norm
    }

    /// What the greatest code stands for, where there are codes.
    pub fn range(&self) -> Option<f32> {
        match self.components {
            Components::Codes(_, range) => Some(range),
            Components::Floats(_) | Components::Signs(_) => None,
        }
    }

    /// The vector for a log.
    pub fn image(&self) -> PackedVector<'static> {
        let components: Vec<u8> = match &self.components {
            Components::Floats(floats) => floats.iter().flat_map(|float| float.to_le_bytes()).collect(),
            Components::Codes(codes, _) => codes.iter().map(|code| code.cast_unsigned()).collect(),
            Components::Signs(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        };
        PackedVector {
            components: Blob::from(components),
            range: self.range().unwrap_or(0.0),
            norm: self.norm,
        }
    }

    /// The vector that an image shows; `None` if it shows none of so many dimensions.
    pub fn from_image(
        image: &PackedVector<'_>,
        quantization: Quantization,
        dimensions: usize,
    ) -> Option<Self> {
        let bytes = &*image.components;
        let is_number = |number: f32| number.is_finite() && number >= 0.0;
        if bytes.len() != quantization.packed_bytes(dimensions) || !is_number(image.norm) {
            return None;
        }
        let components = match quantization {
            Quantization::None => {
                let floats: Box<[f32]> =
                    bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
                floats.iter().all(|float| float.abs() <= 1.0).then_some(Components::Floats(floats))?
            }
            Quantization::Q8 => {
                let codes = bytes.iter().map(|byte| byte.cast_signed()).collect();
                (is_number(image.range) && image.range <= 1.0)
                    .then_some(Components::Codes(codes, image.range))?
            }
            Quantization::Binary => {
                let words: Box<[u64]> =
                    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
                let past_the_end = words.last().map_or(0, |word| word & !low_bits(dimensions));
                (past_the_end == 0).then_some(Components::Signs(words))?
            }
        };
        Some(Self { components, norm: image.norm })
    }

    /// What it takes beside itself.
    pub fn allocated_bytes(&self) -> usize {
        block_bytes(match &self.components {
            Components::Floats(floats) => size_of_val(&**floats),
            Components::Codes(codes, _) => size_of_val(&**codes),
            Components::Signs(words) => size_of_val(&**words),
        })
    }

    /// How far two vectors of so many dimensions are from each other: one minus the cosine of the angle between them, from 0 to 2.
    #[inline]
    pub fn distance(&self, other: &Self, dimensions: usize) -> f32 {
        let cosine = match (&self.components, &other.components) {
            (Components::Floats(floats), Components::Floats(others)) => sum_of_products(floats, others),
            (Components::Codes(codes, range), Components::Codes(others, other_range)) => {
                const SQUARE: f32 = 127.0 * 127.0;
                sum_of_codes(codes, others) as f32 * (range * other_range / SQUARE)
            }
            (Components::Signs(words), Components::Signs(others)) => {
                let differing: u32 =
                    words.iter().zip(others).map(|(word, other)| (word ^ other).count_ones()).sum();
                return differing as f32 * 2.0 / dimensions as f32;
            }
            // All vectors of a set have one form.
            _ => -1.0,
        };
        1.0 - cosine.clamp(-1.0, 1.0)
    }
}

/// The length of a vector, in single precision as Redis has it unless the squares are too big or too small for that; 1 if all of its
/// components are 0.
fn norm(components: &[f32]) -> f32 {
    let squares: f32 = components.iter().map(|component| component * component).sum();
    if squares.is_normal() {
        return squares.sqrt();
    }
    let squares: f64 = components.iter().map(|&component| f64::from(component).powi(2)).sum();
    let norm = squares.sqrt() as f32;
    if norm == 0.0 { 1.0 } else { norm }
}

/// The bits of the last word that stand for one of so many components.
fn low_bits(dimensions: usize) -> u64 {
    match dimensions % 64 {
        0 => u64::MAX,
        used => (1 << used) - 1,
    }
}

#[inline]
fn sum_of_products(floats: &[f32], others: &[f32]) -> f32 {
    let ((floats, float_rest), (others, other_rest)) =
        (floats.as_chunks::<LANES>(), others.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (floats, others) in floats.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += floats[lane] * others[lane];
        }
    }
    let rest: f32 = float_rest.iter().zip(other_rest).map(|(float, other)| float * other).sum();
    sums.iter().sum::<f32>() + rest
}

#[inline]
fn sum_of_codes(codes: &[i8], others: &[i8]) -> i64 {
    let few = |codes: &[i8], others: &[i8]| -> i32 {
        codes.iter().zip(others).map(|(&code, &other)| i32::from(code) * i32::from(other)).sum()
    };
    codes
        .chunks(CODES_PER_SUM)
        .zip(others.chunks(CODES_PER_SUM))
        .map(|(codes, others)| i64::from(few(codes, others)))
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMS: [Quantization; 3] = [Quantization::None, Quantization::Q8, Quantization::Binary];

    fn cosine(one: &[f32], other: &[f32]) -> f32 {
        let dot = |one: &[f32], other: &[f32]| -> f64 {
            one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        (dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()) as f32
    }

    proptest! {
        #[test]
        fn a_distance_is_one_minus_the_cosine_as_nearly_as_the_form_allows(
            (one, other) in (1_usize..200).prop_flat_map(|count| {
                let component = -100.0_f32..100.0;
                (prop::collection::vec(component.clone(), count), prop::collection::vec(component, count))
            })
        ) {
            prop_assume!(one.iter().any(|a| a.abs() > 1.0) && other.iter().any(|b| b.abs() > 1.0));
            let expected = 1.0 - cosine(&one, &other);
            for (form, tolerance) in [(Quantization::None, 1e-5), (Quantization::Q8, 0.03)] {
                let made = |components: &[f32]| Vector::new(components, form).unwrap();
                let distance = made(&one).distance(&made(&other), one.len());
                prop_assert!((distance - expected).abs() < tolerance, "{form:?}: {distance} {expected}");
            }
        }

        #[test]
        fn an_image_shows_the_vector_that_it_was_made_of(
            components in prop::collection::vec(-10.0_f32..10.0, 1..150)
        ) {
            for form in FORMS {
                let vector = Vector::new(&components, form).unwrap();
                let read = Vector::from_image(&vector.image(), form, components.len());
                prop_assert_eq!(read, Some(vector));
            }
        }

        #[test]
        fn no_bytes_make_a_vector_that_is_not_one(
            bytes in prop::collection::vec(any::<u8>(), 0..64), dimensions in 1_usize..16, range: f32, norm: f32
        ) {
            for form in FORMS {
                let image = PackedVector { components: (&*bytes).into(), range, norm };
                if let Some(vector) = Vector::from_image(&image, form, dimensions) {
                    let distance = vector.distance(&vector, dimensions);
                    prop_assert!((0.0..=2.0).contains(&distance), "{distance}");
                    prop_assert_eq!(image.unpack(form, dimensions).len(), dimensions);
                }
            }
        }
    }

    #[test]
    fn what_has_no_length_is_no_vector() {
        for form in FORMS {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                assert_eq!(Vector::new(&[1.0, odd, f32::MAX], form), None, "{odd}");
            }
            let nothing = Vector::new(&[0.0; 3], form).unwrap();
            assert_eq!(nothing.norm(), 1.0);
            let tiny = Vector::new(&[1e-30, 0.0, 0.0], form).unwrap();
            assert!(tiny.distance(&Vector::new(&[1.0; 3], form).unwrap(), 3) < 1.4, "{form:?}");
            assert_eq!(nothing.image().unpack(form, 3).len(), 3);
        }
    }
}
