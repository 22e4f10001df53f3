//! A key with its value, its deadline and when it was last used.
use std::sync::atomic::{AtomicU32, Ordering};

use smallvec::SmallVec;

use super::wheel::TimerId;
use crate::UnixMs;
use crate::types::Value;

/// A key's bytes, in place when short.
pub(crate) type KeyBytes = SmallVec<[u8; 16]>;

/// What a shard's table holds.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: KeyBytes,
    pub(crate) value: Value,
    /// The last moment at which the key is alive; `NEVER` without a deadline.
    expire_at: UnixMs,
    /// The wheel's node, at or before the deadline. A deadline that moves away keeps its node: it is set anew when
    /// the node fires.
    pub(crate) timer: Option<TimerId>,
    pub(crate) access: Access,
}

/// No deadline. A key with a deadline before 1970 is deleted when it gets it, so no entry has this one.
const NEVER: UnixMs = UnixMs(i64::MIN);

impl Entry {
    pub(crate) fn new(key: &[u8], value: Value, access: u32) -> Self {
        Self {
            key: KeyBytes::from_slice(key),
            value,
            expire_at: NEVER,
            timer: None,
            access: Access(AtomicU32::new(access)),
        }
    }

    pub(crate) fn deadline(&self) -> Option<UnixMs> {
        (self.expire_at != NEVER).then_some(self.expire_at)
    }

    pub(super) fn set_deadline(&mut self, at: Option<UnixMs>) {
        self.expire_at = at.unwrap_or(NEVER);
    }

    /// Redis's boundary is inclusive: alive while now <= deadline. The clock is read only if there is a deadline.
    #[inline]
    pub(crate) fn is_alive(&self, now: impl FnOnce() -> UnixMs) -> bool {
        self.expire_at == NEVER || now() <= self.expire_at
    }
}

/// When or how often a key was used: seconds under an LRU policy, Redis's 16-bit minutes and 8-bit counter under an
/// LFU policy. Atomic, because reads stamp it under a read lock.
#[derive(Debug)]
pub(crate) struct Access(AtomicU32);

impl Access {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Writes only what differs, so that reading a hot key leaves its cache line shared.
    #[inline]
    pub(crate) fn stamp(&self, value: u32) {
        if self.0.load(Ordering::Relaxed) != value {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}
