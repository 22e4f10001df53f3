//! What the policies are measured on: recorded sequences of keys, and generated ones.
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use redlet_core::Random;

/// Requests for keys that are dense from 0.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its name in the table.
    pub name: String,
    /// The key of each request.
    pub requests: Vec<u32>,
    /// How many different keys there are.
    pub keys: usize,
}

impl Trace {
    /// A trace of any keys, which are numbered anew in the order in which they appear.
    pub fn new(name: impl Into<String>, requests: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers = HashMap::new();
        let requests = requests
            .into_iter()
            .map(|key| {
                let next = numbers.len() as u32;
                *numbers.entry(key).or_insert(next)
            })
            .collect();
        Self { name: name.into(), requests, keys: numbers.len() }
    }

    /// How many keys a cache has room for that holds so many percent of them.
    pub fn share(&self, percent: f64) -> usize {
        ((self.keys as f64 * percent / 100.0) as usize).max(1)
    }
}

/// The traces in a folder: each file that is named `*.u32.gz`, in the order of their names.
///
/// # Errors
/// If the folder or a file cannot be read.
pub fn recorded(folder: &Path) -> std::io::Result<Vec<Trace>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut traces = Vec::new();
    for file in files {
        let path = file.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".u32.gz")) else {
            continue;
        };
        let mut bytes = Vec::new();
        #[expect(clippy::disallowed_methods, reason = "a benchmark reads its traces")]
        GzDecoder::new(std::fs::File::open(&path)?).read_to_end(&mut bytes)?;
        let keys = bytes
            .chunks_exact(4)
            .map(|word| u64::from(u32::from_le_bytes(word.try_into().expect("4 bytes"))));
        traces.push(Trace::new(name, keys));
    }
    Ok(traces)
}

/// The load changes in the middle: the traces in two orders, each as if it were about keys of its own. The longest ones are cut, or
/// they would be all there is.
pub fn one_after_another(traces: &[Trace]) -> Vec<Trace> {
    let joined = |name: &str, order: &mut dyn Iterator<Item = (usize, &Trace)>| {
        let keys = order.flat_map(|(at, trace)| {
            trace.requests.iter().take(CUT).map(move |&key| (at as u64) << 32 | u64::from(key))
        });
        Trace::new(name, keys)
    };
    if traces.is_empty() {
        return Vec::new();
    }
    vec![
        joined("one after another", &mut traces.iter().enumerate()),
        joined("the other way round", &mut traces.iter().enumerate().rev()),
    ]
}

/// As much of each trace as [`one_after_another`] takes.
const CUT: usize = 100_000;

/// Keys that a generated trace is about.
const KEYS: u64 = 20_000;
/// Requests of a generated trace.
const REQUESTS: usize = 400_000;

/// Loads that are made up: skewed popularity of several degrees, alone and with scans between; loops; a hot set that moves.
pub fn generated(seed: u64) -> Vec<Trace> {
    let random = Random::from_seed(seed);
    let mut traces: Vec<Trace> =
        [0.7, 0.8, 0.9, 1.0, 1.1, 1.2].into_iter().map(|skew| skewed(skew, &random)).collect();
    traces.push(Trace::new("zipf and scans", scans(&random)));
    traces.push(Trace::new("loops", loops(&random)));
    traces.push(Trace::new("moving hot set", moving(&random)));
    traces
}

/// Keys of which some are more popular than others, by a power of their rank.
pub fn skewed(skew: f64, random: &Random) -> Trace {
    let zipf = Zipf::new(skew);
    Trace::new(format!("zipf {skew:.1}"), (0..REQUESTS).map(|_| zipf.draw(random)))
}

/// Every 20,000 requests, 8,000 keys are read that nobody asks for again.
fn scans(random: &Random) -> Vec<u64> {
    let zipf = Zipf::new(0.9);
    let mut fresh = KEYS;
    (0..REQUESTS)
        .map(|at| {
            if at % 20_000 < 8_000 {
                fresh += 1;
                fresh
            } else {
                zipf.draw(random)
            }
        })
        .collect()
}

/// Loops of several lengths, each gone through several times, with popular keys between.
fn loops(random: &Random) -> Vec<u64> {
    let zipf = Zipf::new(1.0);
    let lengths = [500, 2_000, 8_000];
    let mut requests = Vec::new();
    for turn in 0.. {
        let length = lengths[turn % lengths.len()];
        for at in 0..length * 40_000 / length {
            if random.below(4) == 0 {
                requests.push(zipf.draw(random));
            } else {
                requests.push(KEYS * (turn % lengths.len() + 1) as u64 + at % length);
            }
            if requests.len() == REQUESTS {
                return requests;
            }
        }
    }
    requests
}

/// Nine of ten requests are for a hot twentieth of the keys, which moves on by a fifth of itself every 10,000 requests.
fn moving(random: &Random) -> Vec<u64> {
    let hot = KEYS / 20;
    (0..REQUESTS as u64)
        .map(|at| {
            let begin = at / 10_000 * (hot / 5);
            if random.below(10) == 0 { random.below(KEYS) } else { (begin + random.below(hot)) % KEYS }
        })
        .collect()
}

/// Draws keys with a probability that falls with a power of their rank.
struct Zipf {
    /// For each rank, the probability of it or a lower one.
    cumulated: Vec<f64>,
}

impl Zipf {
    fn new(skew: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (1..=KEYS)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        cumulated.iter_mut().for_each(|part| *part /= sum);
        Self { cumulated }
    }

    fn draw(&self, random: &Random) -> u64 {
        let point = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        self.cumulated.partition_point(|&part| part <= point) as u64
    }
}
