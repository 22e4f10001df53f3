//! Any pattern against any text: an answer, soon.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8], bool)| {
    let (pattern, text, ignore_case) = input;
    let found = redlet_core::glob::matches(pattern, text, ignore_case);
    if pattern == text && !pattern.iter().any(|byte| b"*?[\\".contains(byte)) {
        assert!(found);
    }
});
