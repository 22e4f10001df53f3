//! Names of fields that a caller has prepared for hashes to come.
use std::collections::BTreeMap;

use crate::cmd::hash_import::Fieldset;

/// A caller's fieldsets, by the names that he has given them.
#[derive(Debug, Default)]
pub(crate) struct Fieldsets {
    by_name: BTreeMap<Box<[u8]>, Fieldset>,
    /// What names and fields take.
    bytes: usize,
}

fn bytes(name: &[u8], fieldset: &Fieldset) -> usize {
    let fields = fieldset.fields();
    name.len() + size_of_val(fields) + fields.iter().map(|field| field.len()).sum::<usize>()
}

impl Fieldsets {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The fieldset of a name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Fieldset> {
        self.by_name.get(name)
    }

    /// Adds one, in the place of another of its name.
    pub(crate) fn insert(&mut self, name: &[u8], fieldset: Fieldset) {
        self.remove(name);
        self.bytes += bytes(name, &fieldset);
        self.by_name.insert(name.into(), fieldset);
    }

    /// Takes one away; false if there is none of the name.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.by_name.remove(name);
        self.bytes -= removed.as_ref().map_or(0, |fieldset| bytes(name, fieldset));
        removed.is_some()
    }

    /// How many bytes they take.
    pub(crate) fn memory(&self) -> usize {
        self.bytes
    }
}
