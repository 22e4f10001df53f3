//! Keys that went by themselves, for whoever wants to know.
use std::fmt;
use std::sync::OnceLock;

/// Why a key went although no command removed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Its deadline had passed.
    Expired,
    /// Memory was full: see [`EvictionPolicy`](crate::EvictionPolicy).
    Evicted,
}

/// A key that went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removal {
    /// The number of its database.
    pub db: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// Why it went.
    pub cause: Cause,
}

/// Called when keys went, after they are gone for everybody, by the thread that removed them. No lock is held, so it may use the
/// store.
pub type RemovalListener = Box<dyn Fn(&Removal) + Send + Sync>;

/// Who is told of removals.
#[derive(Default)]
pub(crate) struct Announcer(OnceLock<RemovalListener>);

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer").field("is_heard", &self.is_heard()).finish()
    }
}

impl Announcer {
    /// Whether this is the first listener.
    pub(crate) fn set(&self, listener: RemovalListener) -> bool {
        self.0.set(listener).is_ok()
    }

    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells of removals in their order. No lock may be held.
    pub(crate) fn announce(&self, removals: &mut Vec<Removal>) {
        if let Some(listener) = self.0.get() {
            removals.drain(..).for_each(|removal| listener(&removal));
        }
    }
}
