//! The engines that are compared, behind one face. Knows nothing of what is measured.
use std::path::Path;

use bytes::Bytes;
use redlet::{Commands, Redis};

use crate::looked_at;
use crate::server::Server;

/// Stores strings by key.
pub trait Engine: Send + Sync {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// Stores a string.
    fn set(&self, key: &[u8], value: &[u8]);
    /// Reads a string into the caller's hands, who looks at its first byte; its length.
    fn get(&self, key: &[u8]) -> Option<usize>;
    /// The same without a copy, if it has a way.
    fn show(&self, key: &[u8]) -> Option<usize> {
        let _ = key;
        None
    }
    /// The same by words, if it has a way.
    fn get_by_words(&self, key: &[u8]) -> Option<usize> {
        let _ = key;
        None
    }
    /// How many operations are too many for it: a server is asked a fraction of them.
    fn share(&self) -> usize {
        1
    }
}

impl Engine for Redis {
    fn name(&self) -> &'static str {
        "redlet"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        Commands::set(self, key, value).expect("a store in memory takes every write");
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        Commands::get(self, key).expect("the key holds a string").map(|value| looked_at(&value))
    }

    fn show(&self, key: &[u8]) -> Option<usize> {
        self.get_with(key, looked_at).expect("the key holds a string")
    }

    fn get_by_words(&self, key: &[u8]) -> Option<usize> {
        match self.execute(&[b"GET", key]).expect("the key holds a string") {
            redlet::Reply::Bulk(value) => Some(looked_at(&value)),
            _ => None,
        }
    }
}

/// `DashMap` as a Rust programmer would set it up for this.
pub struct Dash(dashmap::DashMap<Box<[u8]>, Bytes, foldhash::fast::RandomState>);

impl Default for Dash {
    fn default() -> Self {
        Self(dashmap::DashMap::with_hasher(foldhash::fast::RandomState::default()))
    }
}

impl std::fmt::Debug for Dash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dash").finish_non_exhaustive()
    }
}

impl Engine for Dash {
    fn name(&self) -> &'static str {
        "DashMap"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), Bytes::copy_from_slice(value));
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        let value = self.0.get(key)?.clone();
        Some(looked_at(&value))
    }

    fn show(&self, key: &[u8]) -> Option<usize> {
        Some(looked_at(&self.0.get(key)?))
    }
}

/// moka's cache, big enough that nothing is evicted.
pub struct Moka(moka::sync::Cache<Box<[u8]>, Bytes>);

impl Moka {
    /// Room for so many keys.
    pub fn new(keys: usize) -> Self {
        Self(moka::sync::Cache::new(keys as u64 * 2))
    }
}

impl std::fmt::Debug for Moka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moka").finish_non_exhaustive()
    }
}

impl Engine for Moka {
    fn name(&self) -> &'static str {
        "moka"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), Bytes::copy_from_slice(value));
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).map(|value| looked_at(&value))
    }
}

/// papaya's map, which readers go through without a lock.
pub struct Papaya(papaya::HashMap<Box<[u8]>, Bytes, foldhash::fast::RandomState>);

impl Default for Papaya {
    fn default() -> Self {
        Self(papaya::HashMap::with_hasher(foldhash::fast::RandomState::default()))
    }
}

impl std::fmt::Debug for Papaya {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Papaya").finish_non_exhaustive()
    }
}

impl Engine for Papaya {
    fn name(&self) -> &'static str {
        "papaya"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.pin().insert(key.into(), Bytes::copy_from_slice(value));
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        let value = self.0.pin().get(key)?.clone();
        Some(looked_at(&value))
    }
}

/// `quick_cache`, big enough that nothing is evicted.
pub struct Quick(quick_cache::sync::Cache<Box<[u8]>, Bytes>);

impl Quick {
    /// Room for so many keys.
    pub fn new(keys: usize) -> Self {
        Self(quick_cache::sync::Cache::new(keys * 2))
    }
}

impl std::fmt::Debug for Quick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quick").finish_non_exhaustive()
    }
}

impl Engine for Quick {
    fn name(&self) -> &'static str {
        "quick_cache"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), Bytes::copy_from_slice(value));
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).map(|value| looked_at(&value))
    }
}

/// kevy, the nearest rival.
pub struct Kevy(pub kevy_embedded::Store);

impl Kevy {
    /// In memory, without a log.
    pub fn memory() -> Self {
        let config = kevy_embedded::Config::default().without_aof();
        Self(kevy_embedded::Store::open(config).expect("kevy opens in memory"))
    }

    /// On disk, its log synced once a second.
    pub fn on_disk(path: &Path) -> Self {
        let config = kevy_embedded::Config::default().with_persist(path);
        Self(kevy_embedded::Store::open(config).expect("kevy opens a folder"))
    }
}

impl std::fmt::Debug for Kevy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kevy").finish_non_exhaustive()
    }
}

impl Engine for Kevy {
    fn name(&self) -> &'static str {
        "kevy"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.set(key, value).expect("kevy takes the write");
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        self.0.get(key).expect("kevy holds a string").map(|value| looked_at(&value))
    }
}

impl Engine for Server {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        redis::cmd("SET").arg(key).arg(value).exec(&mut *self.connection()).expect("the server answers");
    }

    fn get(&self, key: &[u8]) -> Option<usize> {
        let value: Option<Vec<u8>> =
            redis::cmd("GET").arg(key).query(&mut *self.connection()).expect("the server answers");
        value.map(|value| looked_at(&value))
    }

    fn share(&self) -> usize {
        50
    }
}
