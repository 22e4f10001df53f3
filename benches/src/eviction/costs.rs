//! What eviction costs: a read of a key that is often read, and a write that has to make room.
use std::time::Duration;

use redlet::{Commands, EvictionPolicy, Redis, SetOptions};

use crate::VALUE;
use crate::figures::per_operation;

/// Keys of a store that is read.
const KEYS: u32 = 100_000;
/// Keys that are read.
const HOT: u32 = 1000;
const READS: u32 = 50_000;
const WRITES: u32 = 10_000;
/// Rounds; in each of them every store has its turn.
const ROUNDS: usize = 101;

/// What one policy costs, in nanoseconds: in the quickest of all rounds, because whatever else the machine does only adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Of which kind of store.
    pub kind: Kind,
    /// A GET of one of a thousand keys that are read all the time.
    pub read_ns: f64,
    /// What of that is for the policy: the difference to a store without a limit.
    pub read_more_ns: f64,
    /// A SET of a new key in a full store. Without a limit, a DEL of another key is timed with it.
    pub write_ns: f64,
}

/// A kind of store that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `None` for one without a limit.
    pub policy: Option<EvictionPolicy>,
    /// Its keys have deadlines, so that whoever reads one has to know the time.
    pub has_deadlines: bool,
}

/// A store without a limit first, then those that are compared with it.
const KINDS: [[Kind; 6]; 2] = {
    const fn all(policies: [EvictionPolicy; 5], has_deadlines: bool) -> [Kind; 6] {
        let mut kinds = [Kind { policy: None, has_deadlines }; 6];
        let mut at = 0;
        while at < 5 {
            kinds[at + 1].policy = Some(policies[at]);
            at += 1;
        }
        kinds
    }
    use EvictionPolicy::{
        AllKeysAdaptive, AllKeysLfu, AllKeysLrm, AllKeysLru, AllKeysRandom, VolatileLfu, VolatileLrm,
        VolatileLru, VolatileRandom, VolatileTtl,
    };
    [
        all([AllKeysRandom, AllKeysLru, AllKeysLrm, AllKeysLfu, AllKeysAdaptive], false),
        all([VolatileRandom, VolatileLru, VolatileLrm, VolatileLfu, VolatileTtl], true),
    ]
};

/// A store and the number of the next key that comes.
struct Timed {
    kind: Kind,
    redis: Redis,
    next: u32,
    read_ns: f64,
    write_ns: f64,
}

/// What each kind of store costs.
pub fn measure() -> Vec<Cost> {
    KINDS.into_iter().flat_map(compare).collect()
}

fn compare(kinds: [Kind; 6]) -> [Cost; 6] {
    let mut stores = kinds.map(Timed::new);
    for _ in 0..ROUNDS {
        stores.iter_mut().for_each(Timed::read);
    }
    for _ in 0..ROUNDS {
        stores.iter_mut().for_each(Timed::write);
    }
    let unlimited_ns = stores[0].read_ns;
    stores.map(|store| Cost {
        kind: store.kind,
        read_ns: store.read_ns,
        read_more_ns: store.read_ns - unlimited_ns,
        write_ns: store.write_ns,
    })
}

impl Timed {
    fn new(kind: Kind) -> Self {
        let builder = Redis::builder().seed(1).housekeeping(false);
        let redis = builder.build().expect("a store in memory with numbers that can be");
        if let Some(policy) = kind.policy {
            redis.set_eviction_policy(policy);
        }
        let mut timed = Self { kind, redis, next: 0, read_ns: f64::MAX, write_ns: f64::MAX };
        (0..KEYS).for_each(|_| timed.put());
        if kind.policy.is_some() {
            timed.redis.set_max_memory(timed.redis.memory_stats().expect("a store in memory").used_bytes);
        }
        timed
    }

    fn put(&mut self) {
        let key = self.next.to_be_bytes();
        let mut options = SetOptions::default();
        if self.kind.has_deadlines {
            options = options.ex(Duration::from_secs(1_000_000 + u64::from(self.next)));
        }
        self.redis.set_with(&key[..], VALUE, options).expect("something may always go");
        self.next += 1;
    }

    fn read(&mut self) {
        let ns = per_operation(READS as usize, || {
            for at in 0..READS {
                let key = (at * 7 % HOT).to_be_bytes();
                let found = self.redis.get(&key[..]).expect("every value is a string");
                assert!(found.is_some(), "nothing has to go while keys are only read");
            }
        });
        self.read_ns = self.read_ns.min(ns);
    }

    fn write(&mut self) {
        let ns = per_operation(WRITES as usize, || {
            for _ in 0..WRITES {
                self.put();
                if self.kind.policy.is_none() {
                    let oldest = (self.next - KEYS - 1).to_be_bytes();
                    self.redis.delete([&oldest[..]]).expect("a store in memory");
                }
            }
        });
        self.write_ns = self.write_ns.min(ns);
    }
}
