//! An array as log and snapshot hold it.
use serde::{Deserialize, Serialize};

use super::slice::{PLACES, Slice};
use super::{Array, MAX_INDEX, first_index};
use crate::effect::Blob;

/// A whole array.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrayImage<'a> {
    /// Where the next element is inserted.
    pub next: u64,
    /// Runs of places that have elements, in order.
    #[serde(borrow)]
    pub slices: Vec<SliceImage<'a>>,
}

/// The elements of a run of 4096 places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceImage<'a> {
    /// The number of the run.
    pub number: u64,
    /// For each element how many places before it have none, its length and its bytes; numbers in seven bits a byte, the lowest first.
    #[serde(borrow)]
    pub elements: Blob<'a>,
}

impl ArrayImage<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> ArrayImage<'static> {
        let owned = |slice: SliceImage<'_>| SliceImage {
            number: slice.number,
            elements: slice.elements.into_owned(),
        };
        ArrayImage { next: self.next, slices: self.slices.into_iter().map(owned).collect() }
    }
}

impl Array {
    /// The array as an image.
    pub fn image(&self) -> ArrayImage<'static> {
        let slices = self.slices.iter();
        let slices = slices.map(|(&number, slice)| SliceImage { number, elements: pack(slice).into() });
        ArrayImage { next: self.next, slices: slices.collect() }
    }

    /// The array of an image; `None` if that contradicts itself.
    pub fn from_image(image: &ArrayImage<'_>) -> Option<Self> {
        let mut array = Self { next: image.next, ..Self::default() };
        let mut least = 0;
        for SliceImage { number, elements } in &image.slices {
            if *number < least || *number > MAX_INDEX / PLACES as u64 || elements.is_empty() {
                return None;
            }
            least = number + 1;
            let (mut place, mut rest) = (0, &**elements);
            while !rest.is_empty() {
                place += read_number(&mut rest)?;
                let length = read_number(&mut rest)?;
                let (bytes, after) = rest.split_at_checked(length)?;
                let index = first_index(*number).checked_add(place as u64)?;
                if place >= PLACES || index > MAX_INDEX {
                    return None;
                }
                array.set(index, bytes);
                (place, rest) = (place + 1, after);
            }
        }
        Some(array)
    }
}

fn pack(slice: &Slice) -> Vec<u8> {
    let (mut packed, mut after) = (Vec::new(), 0);
    for (place, element) in slice.range(0, PLACES as u16 - 1) {
        write_number(&mut packed, usize::from(place - after));
        element.with(|bytes| {
            write_number(&mut packed, bytes.len());
            packed.extend_from_slice(bytes);
        });
        after = place + 1;
    }
    packed
}

fn write_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A number of up to 35 bits.
fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 127) << shift;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}
