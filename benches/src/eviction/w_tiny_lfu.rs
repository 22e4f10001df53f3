//! W-TinyLFU (G. Einziger, R. Friedman and B. Manes, "`TinyLFU`: a highly efficient cache admission policy", ACM Transactions on
//! Storage, 2017), with the proportions of Caffeine; and its hill climber (G. Einziger, O. Eytan, R. Friedman and B. Manes,
//! "Adaptive software cache management", Middleware 2018).
use redlet_core::Random;

use super::Cache;
use super::lists::Lists;

const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;
/// A key that was seen so often is let in now and then although the victim was seen as often, so that nobody can hold the
/// cache by chosen collisions.
const STUBBORN: u8 = 6;

/// A window, a segmented LRU behind it, and a sketch of frequencies that decides between the two.
#[derive(Debug)]
pub(super) struct WTinyLfu {
    capacity: usize,
    window: usize,
    queues: Lists,
    sketch: Sketch,
    random: Random,
    climber: Option<Climber>,
}

impl WTinyLfu {
    /// One percent is the window.
    pub(super) fn fixed(capacity: usize, keys: usize) -> Self {
        Self {
            capacity,
            window: capacity - capacity * 99 / 100,
            queues: Lists::new(keys, 3),
            sketch: Sketch::new(capacity),
            random: Random::from_seed(1),
            climber: None,
        }
    }

    /// The window's share follows the hits.
    pub(super) fn climbing(capacity: usize, keys: usize) -> Self {
        Self { climber: Some(Climber::new(capacity)), ..Self::fixed(capacity, keys) }
    }

    fn protected(&self) -> usize {
        (self.capacity - self.window) * 4 / 5
    }

    fn demote(&mut self) {
        while self.queues.len(PROTECTED) > self.protected() {
            let key = self.queues.oldest(PROTECTED).expect("its length is above 0");
            self.queues.push(PROBATION, key);
        }
    }

    fn len(&self) -> usize {
        self.queues.len(WINDOW) + self.queues.len(PROBATION) + self.queues.len(PROTECTED)
    }

    fn evict(&mut self) {
        while self.queues.len(WINDOW) > self.window {
            let candidate = self.queues.oldest(WINDOW).expect("its length is above 0");
            let full = self.len() > self.capacity;
            let victim = self.queues.oldest(PROBATION).or_else(|| self.queues.oldest(PROTECTED));
            self.queues.push(PROBATION, candidate);
            match victim {
                Some(victim) if full && self.admits(candidate, victim) => self.queues.remove(victim),
                _ if full => self.queues.remove(candidate),
                _ => {}
            }
        }
        while self.len() > self.capacity {
            self.queues.pop(PROBATION).or_else(|| self.queues.pop(PROTECTED));
        }
    }

    fn admits(&self, candidate: u32, victim: u32) -> bool {
        let (candidate, victim) = (self.sketch.frequency(candidate), self.sketch.frequency(victim));
        candidate > victim || candidate >= STUBBORN && self.random.below(128) == 0
    }

    fn climb(&mut self, hit: bool) {
        let Some(climber) = &mut self.climber else { return };
        let Some(step) = climber.observe(hit) else { return };
        let most = (self.capacity as f64 * 0.8) as usize;
        self.window = self.window.saturating_add_signed(step as isize).clamp(1, most.max(1));
        self.demote();
        while self.queues.len(WINDOW) < self.window {
            let Some(key) = self.queues.oldest(PROBATION).or_else(|| self.queues.oldest(PROTECTED)) else {
                break;
            };
            self.queues.push(WINDOW, key);
        }
        while self.queues.len(WINDOW) > self.window {
            let key = self.queues.oldest(WINDOW).expect("its length is above 0");
            self.queues.push(PROBATION, key);
        }
    }
}

impl Cache for WTinyLfu {
    fn request(&mut self, key: u32) -> bool {
        self.sketch.add(key);
        let queue = self.queues.list_of(key);
        match queue {
            None | Some(WINDOW) => self.queues.push(WINDOW, key),
            _ => {
                self.queues.push(PROTECTED, key);
                self.demote();
            }
        }
        if queue.is_none() {
            self.evict();
        }
        self.climb(queue.is_some());
        queue.is_some()
    }
}

/// A count-min sketch of four-bit counters, halved after ten times as many requests as the cache has keys.
#[derive(Debug)]
struct Sketch {
    counters: Vec<[u8; 16]>,
    additions: usize,
    period: usize,
}

impl Sketch {
    fn new(capacity: usize) -> Self {
        Self {
            counters: vec![[0; 16]; capacity.next_power_of_two().max(8)],
            additions: 0,
            period: 10 * capacity,
        }
    }

    /// The four counters of a key, each in another line.
    fn places(&self, key: u32) -> [(usize, usize); 4] {
        std::array::from_fn(|row| {
            let hash = hash(u64::from(key) | (row as u64 + 1) << 32);
            (hash as usize & (self.counters.len() - 1), row * 4 + (hash >> 62) as usize)
        })
    }

    fn frequency(&self, key: u32) -> u8 {
        self.places(key).map(|(line, at)| self.counters[line][at]).into_iter().min().unwrap_or(0)
    }

    fn add(&mut self, key: u32) {
        let mut grown = false;
        for (line, at) in self.places(key) {
            let counter = &mut self.counters[line][at];
            grown |= *counter < 15;
            *counter = (*counter + 1).min(15);
        }
        self.additions += usize::from(grown);
        if self.additions == self.period {
            let mut odd = 0;
            for counter in self.counters.iter_mut().flatten() {
                odd += usize::from(*counter & 1);
                *counter /= 2;
            }
            self.additions = (self.additions - odd / 4) / 2;
        }
    }
}

/// Moves the window by a step, and goes on in the same direction while the hit ratio grows.
#[derive(Debug)]
struct Climber {
    capacity: f64,
    step: f64,
    before: f64,
    hits: usize,
    requests: usize,
}

impl Climber {
    fn new(capacity: usize) -> Self {
        let capacity = capacity as f64;
        Self { capacity, step: -0.0625 * capacity, before: 0.0, hits: 0, requests: 0 }
    }

    /// By how much the window is to change, once a period.
    fn observe(&mut self, hit: bool) -> Option<f64> {
        self.requests += 1;
        self.hits += usize::from(hit);
        if (self.requests as f64) < 10.0 * self.capacity {
            return None;
        }
        let ratio = self.hits as f64 / self.requests as f64;
        let change = ratio - std::mem::replace(&mut self.before, ratio);
        let amount = if change >= 0.0 { self.step } else { -self.step };
        self.step =
            if change.abs() >= 0.05 { (0.0625 * self.capacity).copysign(amount) } else { 0.98 * amount };
        (self.hits, self.requests) = (0, 0);
        Some(amount)
    }
}

/// All bits well mixed.
fn hash(key: u64) -> u64 {
    Random::from_seed(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64()
}
