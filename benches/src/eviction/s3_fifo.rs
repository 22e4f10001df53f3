//! S3-FIFO (J. Yang, Y. Zhang, Z. Qiu, Y. Yue and K. V. Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023).
use super::Cache;
use super::lists::Lists;

const SMALL: usize = 0;
const MAIN: usize = 1;
const GHOST: usize = 2;
/// Uses in the small queue that let a key into the main one.
const PROMOTED_FROM: u8 = 2;
const USES_MAX: u8 = 3;

/// A tenth of the keys in a small queue, the others in a main one, and the names of as many that left the small one.
#[derive(Debug)]
pub(super) struct S3Fifo {
    capacity: usize,
    small: usize,
    uses: Vec<u8>,
    queues: Lists,
}

impl S3Fifo {
    pub(super) fn new(capacity: usize, keys: usize) -> Self {
        Self { capacity, small: (capacity / 10).max(1), uses: vec![0; keys], queues: Lists::new(keys, 3) }
    }

    fn evict(&mut self) {
        if self.queues.len(SMALL) < self.small || !self.evict_from_small() {
            self.evict_from_main();
        }
    }

    /// Whether one went; the others were promoted.
    fn evict_from_small(&mut self) -> bool {
        while let Some(key) = self.queues.oldest(SMALL) {
            if self.uses[key as usize] < PROMOTED_FROM {
                self.queues.push(GHOST, key);
                if self.queues.len(GHOST) > self.capacity - self.small {
                    self.queues.pop(GHOST);
                }
                return true;
            }
            self.uses[key as usize] = 0;
            self.queues.push(MAIN, key);
        }
        false
    }

    fn evict_from_main(&mut self) {
        while let Some(key) = self.queues.oldest(MAIN) {
            let uses = &mut self.uses[key as usize];
            if *uses == 0 {
                self.queues.remove(key);
                return;
            }
            *uses -= 1;
            self.queues.push(MAIN, key);
        }
    }
}

impl Cache for S3Fifo {
    fn request(&mut self, key: u32) -> bool {
        let queue = self.queues.list_of(key);
        if matches!(queue, Some(SMALL | MAIN)) {
            let uses = &mut self.uses[key as usize];
            *uses = (*uses + 1).min(USES_MAX);
            return true;
        }
        if self.queues.len(SMALL) + self.queues.len(MAIN) == self.capacity {
            self.evict();
        }
        self.uses[key as usize] = 0;
        self.queues.push(if queue == Some(GHOST) { MAIN } else { SMALL }, key);
        false
    }
}
