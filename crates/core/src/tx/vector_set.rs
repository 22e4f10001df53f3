//! Doors to vector sets.
use super::collection::Held;
use super::{Tx, View};
use crate::Result;
use crate::effect::Effect;
use crate::types::VectorSet;
use crate::types::vector_image::VectorChange;

/// A vector set to write. Created by the first element, gone with the last.
pub type VectorSetMut<'t, 'e> = Held<'t, 'e, VectorSet>;

impl<'v> View<'v> {
    /// The vector set at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn vector_set(&self, key: &[u8]) -> Result<Option<&'v VectorSet>> {
        Ok(self.collection(key)?.map(super::Shown::inner))
    }
}

impl<'e> Tx<'e> {
    /// The vector set at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn vector_set_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<VectorSetMut<'t, 'e>> {
        self.hold(key)
    }
}

impl VectorSetMut<'_, '_> {
    /// Makes a change, which listeners are told of by a name, or not. False, and nothing has changed, if it does not fit what is there.
    pub fn apply(&mut self, change: &VectorChange<'_>, event: Option<&'static str>) -> bool {
        self.keep_way_back(|set| set.way_back(change).into_iter().map(Effect::Vector).collect());
        let (set, settings) = self.parts();
        let is_changed = set.apply(change, settings);
        if is_changed {
            self.record_made(|| Effect::Vector(change.clone()));
            event.into_iter().for_each(|name| self.note(name));
        }
        is_changed
    }
}
