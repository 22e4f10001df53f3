//! Any bytes as the packed elements of an array: an array that is one in every respect, or none.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_core::effect::Blob;
use redlet_core::types::Array;
use redlet_core::types::array::{ArrayImage, SliceImage};

fuzz_target!(|data: (u64, u8, Vec<Vec<u8>>)| {
    let (next, step, runs) = data;
    let slices = (1..).zip(&runs).map(|(number, bytes)| SliceImage {
        number: number * u64::from(step),
        elements: Blob::from(&**bytes),
    });
    let image = ArrayImage { next, slices: slices.collect() };
    let Some(array) = Array::from_image(&image) else { return };
    let indices: Vec<_> = array.iter().map(|(index, _)| index).collect();
    assert_eq!(indices.len(), array.len());
    assert!(indices.is_sorted_by(|one, other| one < other));
    assert!(indices.iter().all(|&index| array.contains(index)));
    assert_eq!(array.allocated_bytes(), array.recounted_bytes());
    assert_eq!(Array::from_image(&array.image()).as_ref(), Some(&array));
});
