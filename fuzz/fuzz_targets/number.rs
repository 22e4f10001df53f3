//! Any text as a number; what is accepted is written so that it reads back as itself.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_core::number::{self, Extended};

fuzz_target!(|text: &[u8]| {
    if let Some(integer) = number::parse_i64(text) {
        assert_eq!(integer.to_string().as_bytes(), text);
    }
    if let Some(float) = number::parse_f64(text) {
        assert_eq!(number::parse_f64(number::format_f64(float).as_bytes()), Some(float));
    }
    if let Some(extended) = Extended::parse(text)
        && extended.is_finite()
    {
        assert!(Extended::parse(extended.to_text().as_bytes()).is_some());
    }
});
