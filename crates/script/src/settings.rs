//! What functions in Rust remember while a script runs. The next script begins anew.
use std::cell::Cell;
use std::sync::Arc;

use crate::cjson::JsonSettings;
use crate::random::{Rand48, SharedRandom};
use crate::registration::Registrations;

/// All of it.
#[derive(Debug)]
pub(crate) struct Settings {
    registrations: Registrations,
    /// A script has called `collectgarbage`, which may have set another pace.
    pub(crate) has_set_collector: Cell<bool>,
    /// How `cjson` is set.
    pub(crate) json: Cell<JsonSettings>,
    /// The generator of random numbers, if the script has set a seed.
    pub(crate) seeded_random: Cell<Option<Rand48>>,
    /// That of all scripts, else.
    pub(crate) shared_random: Arc<SharedRandom>,
}

impl Settings {
    pub(crate) fn new(shared_random: Arc<SharedRandom>) -> Self {
        let registrations = Registrations::default();
        let has_set_collector = Cell::default();
        Self {
            registrations,
            has_set_collector,
            json: Cell::default(),
            seeded_random: Cell::default(),
            shared_random,
        }
    }

    /// What a library registers while it is loaded.
    pub(crate) fn registrations(&self) -> &Registrations {
        &self.registrations
    }

    /// Goes back to how each script begins.
    pub(crate) fn reset(&self) {
        self.json.take();
        self.seeded_random.take();
    }
}
