//! Scripts by the hash of their source.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Script, ScriptHash};

/// So many scripts stay that were only evaluated: those that ran last. As Redis since 7.4; who sends code that differs each time would
/// fill the memory.
const EVALUATED: usize = 500;

/// How long a script stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// Until others need its place.
    ForAWhile,
    /// Until all are flushed: `SCRIPT LOAD`.
    ForGood,
}

/// The scripts that are there.
#[derive(Debug, Default)]
pub(super) struct Cache {
    scripts: HashMap<ScriptHash, Arc<Script>, foldhash::fast::FixedState>,
    /// How many of them were only evaluated.
    evaluated: usize,
    /// What their sources take.
    bytes: usize,
    /// How many had to make room so far.
    evicted: u64,
    /// How often one was looked for.
    clock: AtomicU64,
}

impl Cache {
    /// A script that is there, and is run now.
    pub(super) fn find(&self, hash: ScriptHash) -> Option<Arc<Script>> {
        let script = self.scripts.get(&hash)?;
        script.touch(self.clock.fetch_add(1, Ordering::Relaxed));
        Some(Arc::clone(script))
    }

    /// Whether a script is there.
    pub(super) fn contains(&self, hash: ScriptHash) -> bool {
        self.scripts.contains_key(&hash)
    }

    /// Adds one that is new, unless somebody else has added it meanwhile.
    pub(super) fn insert(&mut self, script: Arc<Script>) -> Arc<Script> {
        if let Some(known) = self.find(script.hash()) {
            return known;
        }
        if self.evaluated == EVALUATED {
            self.evict();
        }
        script.touch(self.clock.fetch_add(1, Ordering::Relaxed));
        self.bytes += script.source().len();
        self.evaluated += 1;
        self.scripts.insert(script.hash(), Arc::clone(&script));
        script
    }

    /// Takes the one away that was run longest ago, of those that were only evaluated.
    fn evict(&mut self) {
        let evaluated = self.scripts.values().filter(|script| !script.is_loaded.load(Ordering::Relaxed));
        let victim = evaluated.min_by_key(|script| script.used_at.load(Ordering::Relaxed));
        if let Some(hash) = victim.map(|script| script.hash())
            && let Some(script) = self.scripts.remove(&hash)
        {
            self.bytes -= script.source().len();
            self.evaluated -= 1;
            self.evicted += 1;
        }
    }

    /// One that is there stays.
    pub(super) fn keep(&mut self, script: &Arc<Script>) {
        let script = self.insert(Arc::clone(script));
        if !script.is_loaded.swap(true, Ordering::Relaxed) {
            self.evaluated -= 1;
        }
    }

    /// None had to make room so far.
    pub(super) fn reset_counts(&mut self) {
        self.evicted = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }
}
