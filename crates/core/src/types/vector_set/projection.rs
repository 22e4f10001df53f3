//! Makes vectors shorter by a random projection, which keeps the angles between them nearly as they are.
//!
//! Each component of the result is the sum of all components, each with a sign that is drawn for this pair of places: Achlioptas,
//! "Database-friendly random projections", 2001. The signs follow from the places, so there is no matrix to keep.

/// How many components `REDUCE` may ask for.
pub const MAX_REDUCED: u32 = 1 << 15;
/// The most that the numbers of components before and after may be when they are multiplied: so many steps a projection takes.
pub const MAX_PROJECTED: u64 = 1 << 28;

/// The projection of a vector to so many components.
pub fn project(vector: &[f32], dimensions: u32) -> Vec<f32> {
    let scale = 1.0 / f64::from(dimensions).sqrt();
    (0..dimensions)
        .map(|row| {
            let sum: f64 = vector
                .chunks(64)
                .enumerate()
                .map(|(group, components)| {
                    let signs = signs(row, group as u64);
                    let signed = components.iter().enumerate().map(|(at, &component)| {
                        let component = f64::from(component);
                        if signs >> at & 1 == 1 { component } else { -component }
                    });
                    signed.sum::<f64>()
                })
                .sum();
            (sum * scale) as f32
        })
        .collect()
}

/// The signs of 64 components in a row: the output of `SplitMix64` at a place of its own.
fn signs(row: u32, group: u64) -> u64 {
    crate::Random::from_seed(u64::from(row) << 32 ^ group).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn cosine(one: &[f32], other: &[f32]) -> f32 {
        let dot = |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
        dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
    }

    #[test]
    fn angles_stay_nearly_as_they_are() {
        let random = Random::from_seed(5);
        let component = || random.below(2001) as f32 - 1000.0;
        for _ in 0..20 {
            let one: Vec<f32> = (0..1000).map(|_| component()).collect();
            let other: Vec<f32> = one.iter().map(|of_one| of_one + component()).collect();
            let (before, after) = (cosine(&one, &other), cosine(&project(&one, 400), &project(&other, 400)));
            assert!((before - after).abs() < 0.12, "{before} {after}");
        }
    }

    #[test]
    fn a_projection_is_the_same_each_time_and_as_long_as_was_asked_for() {
        let vector = [1.0, -2.0, 3.5];
        assert_eq!(project(&vector, 7), project(&vector, 7));
        assert_eq!(project(&vector, 7).len(), 7);
        assert_eq!(project(&[], 2), [0.0, 0.0]);
    }
}
