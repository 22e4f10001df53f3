//! Vector sets: how surely and how soon the ten nearest of 100,000 vectors of 128 dimensions are found, and what they take.
//!
//! The exact answer is computed beside, from the vectors as they were given. Two kinds of vectors: in clusters, as embeddings are, and
//! without any structure, which is the hardest there is.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
use std::process::ExitCode;
use std::time::{Duration, Instant};

use redlet::{Commands, Quantization, Redis, VAddOptions, VSimOptions, VectorQuery};
use redlet_core::Random;

const DIMENSIONS: usize = 128;
const VECTORS: usize = 100_000;
const QUERIES: usize = 500;
const NEAREST: usize = 10;
const EFFORTS: [usize; 4] = [100, 200, 400, 800];

/// About normal: the sum of twelve even draws.
fn normal(random: &Random) -> f32 {
    let sum: f32 = (0..12).map(|_| random.below(1 << 24) as f32 / (1 << 24) as f32).sum();
    sum - 6.0
}

fn around(center: &[f32], spread: f32, random: &Random) -> Vec<f32> {
    let vector: Vec<f32> = center.iter().map(|component| component + spread * normal(random)).collect();
    let norm = vector.iter().map(|component| component * component).sum::<f32>().sqrt();
    vector.iter().map(|component| component / norm).collect()
}

/// The numbers of the nearest, by a look at all.
fn exact(vectors: &[Vec<f32>], query: &[f32]) -> Vec<usize> {
    let dot = |vector: &[f32]| -> f32 { vector.iter().zip(query).map(|(a, b)| a * b).sum() };
    let mut all: Vec<(f32, usize)> =
        vectors.iter().enumerate().map(|(number, vector)| (-dot(vector), number)).collect();
    all.select_nth_unstable_by(NEAREST, |one, other| one.0.total_cmp(&other.0));
    all[..NEAREST].iter().map(|(_, number)| *number).collect()
}

fn measure(name: &str, vectors: &[Vec<f32>], queries: &[Vec<f32>], form: Quantization) -> redlet::Result<()> {
    let redis = Redis::memory();
    let truth: Vec<Vec<usize>> = queries.iter().map(|query| exact(vectors, query)).collect();
    let options = VAddOptions { quantization: Some(form), ..VAddOptions::default() };
    let begin = Instant::now();
    for (number, vector) in vectors.iter().enumerate() {
        redis.vadd_with("v", vector, number.to_string(), options)?;
    }
    let built = begin.elapsed();
    let bytes = redis.memory_usage("v")?.unwrap_or(0) / vectors.len();
    for effort in EFFORTS {
        let search = VSimOptions { count: NEAREST, effort: Some(effort), ..VSimOptions::default() };
        let (mut hits, mut times) = (0, Vec::new());
        for (query, truth) in queries.iter().zip(&truth) {
            let begin = Instant::now();
            let found = redis.vsim("v", VectorQuery::Vector(query.into()), search)?;
            times.push(begin.elapsed());
            let is_true = |number: usize| truth.contains(&number);
            hits += found
                .iter()
                .filter_map(|found| std::str::from_utf8(&found.element).ok()?.parse().ok())
                .filter(|&number| is_true(number))
                .count();
        }
        times.sort_unstable();
        let at =
            |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(Duration::ZERO);
        let recall = hits as f64 / (NEAREST * queries.len()) as f64;
        println!(
            "{name:<10} {:<5} EF {effort:<4} recall@{NEAREST} {recall:.4}  median {:>7.1?}  p99 {:>7.1?}  built in {built:.1?}  {bytes} bytes a vector",
            form.as_str(),
            at(0.5),
            at(0.99)
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    let random = Random::from_seed(11);
    let centers: Vec<Vec<f32>> = (0..1000).map(|_| around(&[0.0; DIMENSIONS], 1.0, &random)).collect();
    let clustered = |_| around(&centers[random.below(1000) as usize], 0.06, &random);
    let structureless = |_| around(&[0.0; DIMENSIONS], 1.0, &random);
    let draw =
        |of: &dyn Fn(usize) -> Vec<f32>, count: usize| -> Vec<Vec<f32>> { (0..count).map(of).collect() };
    for (name, of) in [("clusters", &clustered as &dyn Fn(usize) -> Vec<f32>), ("no order", &structureless)] {
        let (vectors, queries) = (draw(of, VECTORS), draw(of, QUERIES));
        for form in [Quantization::Q8, Quantization::None] {
            if let Err(error) = measure(name, &vectors, &queries, form) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
