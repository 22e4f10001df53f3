//! Any string as a HyperLogLog: it is refused, or all commands about it agree, and none takes more memory than it has a use for.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_core::types::hyperloglog::{Draft, Place, Registers, Sketch};

/// More than what is dense takes.
const MUCH: usize = 16 << 10;

fuzz_target!(|input: (&[u8], &[u8], u16)| {
    let (bytes, element, longest) = input;
    let with_header = [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80", bytes].concat();
    for string in [bytes, &with_header] {
        let Ok(sketch) = Sketch::of(string) else { continue };
        let (estimate, mut registers) = (sketch.estimate(), Registers::new());
        assert_eq!(sketch.raise(&mut registers).is_ok(), estimate.is_ok());
        if estimate.is_ok() {
            assert_eq!(estimate, Ok(registers.estimate()));
        }
        let text = sketch.text().unwrap_or_default();
        assert!(text.len() <= 16 * string.len(), "each run is a few letters");
        let mut draft = Draft::of(sketch);
        let raised = draft.raise(Place::of(element), longest.into());
        assert!(draft.bytes().len() <= string.len().max(MUCH) + 3);
        if estimate.is_ok() {
            assert!(raised.is_ok(), "what is whole takes every element");
            let raised = Sketch::of(draft.bytes()).map(|sketch| sketch.raise(&mut registers));
            assert_eq!(raised, Ok(Ok(())), "what is whole stays whole");
            draft.raise_all(&registers, longest.into()).expect("these are its own registers");
            draft.make_dense().expect("what is whole stays whole");
            assert!(Sketch::of(draft.bytes()).is_ok_and(Sketch::is_dense));
        }
    }
});
