//! Doors to arrays.
use super::collection::Held;
use super::{Tx, View};
use crate::Result;
use crate::effect::Effect;
use crate::types::Array;
use crate::types::array::ArrayChange;

/// An array to write. Created by the first element, gone with the last.
pub type ArrayMut<'t, 'e> = Held<'t, 'e, Array>;

impl<'v> View<'v> {
    /// The array at a key.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn array(&self, key: &[u8]) -> Result<Option<&'v Array>> {
        Ok(self.collection(key)?.map(super::Shown::inner))
    }
}

impl<'e> Tx<'e> {
    /// The array at a key, to write.
    ///
    /// # Errors
    /// [`Error::WrongType`](crate::Error::WrongType) if the key holds something else.
    pub fn array_mut<'t>(&'t mut self, key: &'t [u8]) -> Result<ArrayMut<'t, 'e>> {
        self.hold(key)
    }
}

impl ArrayMut<'_, '_> {
    /// Makes a change, which listeners are told of by a name, or not. False, and nothing has changed, if it does not fit what is there.
    pub fn apply(&mut self, change: &ArrayChange<'_>, event: Option<&'static str>) -> bool {
        self.keep_way_back(|array| array.way_back(change).into_iter().map(Effect::Array).collect());
        let is_changed = self.parts().0.apply(change);
        if is_changed {
            self.record_made(|| Effect::Array(change.clone()));
            event.into_iter().for_each(|name| self.note(name));
        }
        is_changed
    }
}
