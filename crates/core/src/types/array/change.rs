//! What can happen to an array: as the log says it, with the way back.
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Array, ArrayImage, MAX_INDEX};
use crate::effect::{Blob, Words, decimal, on};

/// One change to an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ArrayChange<'a> {
    /// These elements are at neighbouring indices, whatever was there.
    Set {
        /// Where the first one is.
        index: u64,
        /// The elements; at least one.
        #[serde(borrow)]
        values: Vec<Blob<'a>>,
    },
    /// The same, and the next one is inserted after them.
    Insert {
        /// Where the first one is.
        index: u64,
        /// The elements; at least one.
        #[serde(borrow)]
        values: Vec<Blob<'a>>,
    },
    /// There is no element from one index to another, both included.
    Delete {
        /// The first.
        start: u64,
        /// The last.
        end: u64,
    },
    /// The next element is inserted here.
    Seek {
        /// The index; one past the last for nowhere.
        next: u64,
    },
}

/// How many elements one command has of those that build an array, as for other types.
const ELEMENTS_PER_COMMAND: usize = 64;

impl<'a> ArrayChange<'a> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> ArrayChange<'static> {
        let all = |values: Vec<Blob<'_>>| values.into_iter().map(Blob::into_owned).collect();
        match self {
            ArrayChange::Set { index, values } => ArrayChange::Set { index, values: all(values) },
            ArrayChange::Insert { index, values } => ArrayChange::Insert { index, values: all(values) },
            ArrayChange::Delete { start, end } => ArrayChange::Delete { start, end },
            ArrayChange::Seek { next } => ArrayChange::Seek { next },
        }
    }

    /// The commands of Redis that do the same to `key`.
    pub fn to_commands<'c>(&'c self, key: &'c [u8]) -> Vec<Words<'c>> {
        let set = |index: &u64, values: &'c [Blob<'a>]| {
            let values = values.iter().map(|value| Cow::Borrowed(&**value));
            on("ARSET", key, std::iter::once(decimal(*index)).chain(values))
        };
        let seek = |next: u64| on("ARSEEK", key, [decimal(next)]);
        match self {
            ArrayChange::Set { index, values } => vec![set(index, values)],
            ArrayChange::Insert { index, values } => {
                vec![set(index, values), seek(index.saturating_add(values.len() as u64))]
            }
            ArrayChange::Delete { start, end } => {
                vec![on("ARDELRANGE", key, [decimal(*start), decimal(*end)])]
            }
            ArrayChange::Seek { next } => vec![seek(*next)],
        }
    }
}

impl ArrayImage<'_> {
    /// Redis's commands that make this array.
    pub fn to_commands(&self, key: &[u8]) -> Vec<Words<'static>> {
        let array = Array::from_image(self).unwrap_or_default();
        let seek = (array.next != 0).then_some(ArrayChange::Seek { next: array.next });
        let changes = array.runs(0, MAX_INDEX, ELEMENTS_PER_COMMAND).into_iter().chain(seek);
        let owned = |words: Words<'_>| words.into_iter().map(|word| Cow::Owned(word.into_owned())).collect();
        changes
            .flat_map(|change| change.to_commands(key).into_iter().map(owned).collect::<Vec<_>>())
            .collect()
    }
}

impl Array {
    /// Makes a change. False, and nothing has changed, if it takes out what is not there, or goes beyond the last index.
    pub fn apply(&mut self, change: &ArrayChange<'_>) -> bool {
        match change {
            ArrayChange::Set { index, values } => self.set_all(*index, values).is_some(),
            ArrayChange::Insert { index, values } => {
                let after = self.set_all(*index, values);
                after.inspect(|after| self.next = *after).is_some()
            }
            ArrayChange::Delete { start, end } => {
                start <= end && *end <= MAX_INDEX && self.remove(*start, *end) > 0
            }
            ArrayChange::Seek { next } => {
                let is_there = !self.is_empty();
                if is_there {
                    self.next = *next;
                }
                is_there
            }
        }
    }

    /// The index after the last of the elements; `None`, and nothing has changed, if there is no place for them.
    fn set_all(&mut self, index: u64, values: &[Blob<'_>]) -> Option<u64> {
        let after = index.checked_add(values.len() as u64).filter(|_| !values.is_empty())?;
        for (index, value) in (index..after).zip(values) {
            self.set(index, value);
        }
        Some(after)
    }

    /// The changes that take back what `change` is going to do, in order.
    pub fn way_back(&self, change: &ArrayChange<'_>) -> Vec<ArrayChange<'static>> {
        let seek = ArrayChange::Seek { next: self.next };
        match change {
            ArrayChange::Set { index, values } => self.way_back_of(*index, values.len()),
            ArrayChange::Insert { index, values } => {
                let mut back = self.way_back_of(*index, values.len());
                back.push(seek);
                back
            }
            ArrayChange::Delete { start, end } => self.runs(*start, *end, usize::MAX),
            ArrayChange::Seek { .. } => vec![seek],
        }
    }

    /// What is at so many indices comes back before what is new there goes, so that the array is at no time without elements.
    fn way_back_of(&self, index: u64, count: usize) -> Vec<ArrayChange<'static>> {
        let Some(last) = index.checked_add(count as u64).and_then(|after| after.checked_sub(1)) else {
            return Vec::new();
        };
        let mut back = self.runs(index, last, usize::MAX);
        let mut from = index;
        let mut new = Vec::new();
        let present: Vec<u64> = self.range(index, last).map(|(index, _)| index).collect();
        for there in present.into_iter().chain([last + 1]) {
            if from < there {
                new.push(ArrayChange::Delete { start: from, end: there - 1 });
            }
            from = there + 1;
        }
        back.append(&mut new);
        back
    }

    /// The elements from `start` to `end`, as changes of at most so many neighbours.
    fn runs(&self, start: u64, end: u64, most: usize) -> Vec<ArrayChange<'static>> {
        let mut runs: Vec<ArrayChange<'static>> = Vec::new();
        for (at, element) in self.range(start, end) {
            let value = element.with(|bytes| Blob::from(bytes.to_vec()));
            match runs.last_mut() {
                Some(ArrayChange::Set { index, values })
                    if *index + values.len() as u64 == at && values.len() < most =>
                {
                    values.push(value);
                }
                _ => runs.push(ArrayChange::Set { index: at, values: vec![value] }),
            }
        }
        runs
    }
}
