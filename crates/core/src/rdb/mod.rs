//! A value in Redis's own bytes: what `DUMP` writes and `RESTORE` reads, and what an RDB file holds for each key.
//!
//! ```text
//! | form: 1 | the value | version: 2 | checksum of all before: 8 |
//! ```
//!
//! The numbers at the end are little-endian. Redis has changed how it writes a value a dozen times; `form` has a number for each
//! way, all of them are read, and what is written is what Redis 8.0 writes. Knows bytes and values, and in `file` the keys and deadlines
//! around them; nothing of replies.
//!
//! The reader is fed by strangers. It takes no number at its word: it allocates by what is there, not by what is claimed, and a value
//! that Redis could not have written is refused as a whole. What it returns takes at most some 40 times as many bytes as were read, or
//! as they expand to, which is 88 times as many at most where they are compressed (`lzf`).
pub(crate) mod file;
mod form;
mod hash_deadlines;
mod input;
mod intset;
mod listpack;
mod lzf;
mod output;
mod read;
mod stream;
mod write;
mod ziplist;
mod zipmap;

use std::borrow::Cow;

use crc::{CRC_64_REDIS, Crc, Table};

use crate::effect::Image;
use crate::types::ValueRef;

pub use file::{ImportError, begins_as_rdb};
use input::Input;
use output::Output;

/// The version of the format that is written: that of Redis 7.4 and 8.0.
pub const VERSION: u16 = 12;

/// The version and the checksum.
pub const FOOTER_BYTES: usize = 10;

static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// They were cut or changed on their way, or written by a later version of Redis.
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    /// They end as they should, but what they say is no value.
    #[error("Bad data format")]
    Value,
}

/// Why bytes are no libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableLibraries {
    /// They were cut or changed on their way, or written by a later version of Redis.
    #[error("DUMP payload version or checksum are wrong")]
    Footer,
    /// There is something else among them.
    #[error("given type is not a function")]
    OtherKind,
    /// A preview of Redis 7 wrote them.
    #[error("Pre-GA function format not supported")]
    Preview,
    /// The code of one is not whole.
    #[error("Failed loading library payload")]
    Code,
}

/// What is wrong with a value does not matter to whoever sent it: Redis says the same of all of it.
#[derive(Debug)]
struct Corrupt;

/// Whether strings are compressed where that makes them shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// By LZF, those of more than 20 bytes: `rdbcompression yes`.
    Lzf,
    /// Never.
    None,
}

/// Writes a value, with its footer; `None` for a vector set, which Redis's module writes in a way of its own, and for a set whose members have
/// deadlines and an array, for which no form is documented.
pub fn dump(value: ValueRef<'_>, compression: Compression) -> Option<Vec<u8>> {
    let mut output = Output::new(compression);
    write::value(value, &mut output)?;
    Some(seal(output.into_bytes()))
}

/// What comes before the code of each library.
const LIBRARY: u8 = 245;
/// What came before a library in previews of Redis 7.
const LIBRARY_OF_PREVIEW: u8 = 246;

/// Writes the code of libraries, with a footer.
pub fn dump_libraries<'a>(codes: impl Iterator<Item = &'a [u8]>, compression: Compression) -> Vec<u8> {
    let mut output = Output::new(compression);
    for code in codes {
        output.byte(LIBRARY);
        output.string(code);
    }
    seal(output.into_bytes())
}

/// Reads what [`dump_libraries`] wrote.
///
/// # Errors
/// [`UnreadableLibraries`], whatever the bytes are.
pub fn restore_libraries(payload: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, UnreadableLibraries> {
    let body = without_footer(payload).map_err(|_| UnreadableLibraries::Footer)?;
    let mut input = Input::new(body);
    let mut codes = Vec::new();
    while !input.is_empty() {
        codes.push(match input.byte() {
            Ok(LIBRARY) => input.string().map_err(|Corrupt| UnreadableLibraries::Code)?,
            Ok(LIBRARY_OF_PREVIEW) => return Err(UnreadableLibraries::Preview),
            _ => return Err(UnreadableLibraries::OtherKind),
        });
    }
    Ok(codes)
}

/// Adds the footer to a value that is written already.
pub fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(VERSION.to_le_bytes());
    let checksum = CHECKSUM.checksum(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// Reads a value and its footer. As in Redis, what comes between them is of no matter.
///
/// A collection is never empty, and no score is NaN. Whether an element comes twice where it must not is for whoever builds the value
/// to see: it has fewer elements then.
///
/// # Errors
/// [`Unreadable`], whatever the bytes are.
pub fn restore(payload: &[u8]) -> Result<Image<'_>, Unreadable> {
    read::value(&mut Input::new(without_footer(payload)?)).map_err(|Corrupt| Unreadable::Value)
}

/// What is before the footer, if that is right.
fn without_footer(payload: &[u8]) -> Result<&[u8], Unreadable> {
    let (value, footer) =
        payload.len().checked_sub(FOOTER_BYTES).map(|end| payload.split_at(end)).ok_or(Unreadable::Footer)?;
    let (checked, checksum) = payload.split_at(value.len() + 2);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    if version > VERSION || CHECKSUM.checksum(checked).to_le_bytes() != *checksum {
        return Err(Unreadable::Footer);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{Engine, EngineOptions, ManualClock, Reply, UnixMs};

    fn engine() -> Engine {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 1, shards: 1 });
        engine.configure(&[("enable-debug-command", b"yes")]).unwrap();
        engine
    }

    /// What Redis 8.0.2 and those before it wrote, each for another way.
    const DUMPS: [&[u8]; 25] = [
        b"\x16\x02\x81\x00\x00\x1e\x2c\xa6\x4c\x69\xe0\x01\x66\x01\x76\x00\x01\x67\x01\x77",
        b"\x18\xe0\x69\x4c\xa6\x2c\x1e\x00\x00\x02\x04\x01\x66\x01\x76\x02\x01\x67\x01\x77",
        b"\x19\xe0\x69\x4c\xa6\x2c\x1e\x00\x00\x1f\x1f\x00\x00\x00\x06\x00\x81\x66\x02\x81\x76\x02\xf4\xe0\x69\x4c\xa6\x2c\x1e\x00\x00\x09\x81\x67\x02\x81\x77\x02\x00\x01\xff",
        b"\x00\x03foo",
        b"\x00\xc2\xff\xff\xff\x7f",
        b"\x00\xc3\x0a\x40\x50\x02aba\xe0\x42\x01\x01ab",
        b"\x01\x02\x01a\xc1\x00\x01",
        b"\x02\x03\xc0\x01\xc0\x02\x01a",
        b"\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-2",
        b"\x04\x02\x01g\xc0\x0c\x01f\x01v",
        b"\x05\x02\x01b\x00\x00\x00\x00\x00\x00\x00\x40\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f",
        b"\x09\x10\x02\x01\x66\x03\x02\x76\x76\x76\x78\x78\x01\x67\x01\x00\x77\xff",
        b"\x0a\x1a\x1a\x00\x00\x00\x16\x00\x00\x00\x05\x00\x00\x01\x61\x03\xf2\x02\xfe\x80\x03\xc0\xe8\x03\x04\x01\x62\xff",
        b"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x03\x00",
        b"\x0c\x18\x18\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x01\x61\x03\xf2\x02\x01\x62\x03\x03\x31\x2e\x35\xff",
        b"\x0d\x15\x15\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x01\x66\x03\x01\x76\x03\xf2\x02\xf3\xff",
        b"\x0e\x02\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf2\xff\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01b\xff",
        b"\x10\x12\x12\x00\x00\x00\x04\x00\x81f\x02\x81v\x02\x81g\x02\x0c\x01\xff",
        b"\x11\x14\x14\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x831.5\x04\xff",
        b"\x12\x02\x02\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff\x01\x05hello",
        b"\x14\x10\x10\x00\x00\x00\x04\x00\x01\x01\x02\x01\x03\x01\x81x\x02\xff",
        b"\x0f\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x00",
        b"\x13\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x00",
        b"\x15\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x3e\x3e\0\0\0\x18\0\x02\x01\x01\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\x03\x01\0\x01\x01\x01\x81w\x02\x04\x01\0\x01\0\x01\x02\x01\x02\x01\x81g\x02\x81w\x02\x81h\x02\x81i\x02\x08\x01\xff\x02\x01\x03\x01\x01\x01\x02\x03\0",
        b"\x15\x01\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x33\x33\x00\x00\x00\x13\x00\x02\x01\x00\x01\x01\x01\x81\x66\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81\x76\x02\x04\x01\x00\x01\x00\x01\x02\x01\x02\x01\x81\x66\x02\x81\x77\x02\x81\x67\x02\x81\x69\x02\x08\x01\xff\x02\x00\x03\x00\x01\x00\x00\x02\x01\x01\x67\x00\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x5e\xb8\x18\x00\xa2\x01\x00\x00\x01\x02\x01\x63\x5e\xb8\x18\x00\xa2\x01\x00\x00\x5e\xb8\x18\x00\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x64\x5e\xb8\x18\x00\xa2\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00",
    ];

    /// Restores a value and, if it is one, writes and restores it again: it must still be the same.
    fn goes_round(value: &[u8]) -> bool {
        let engine = engine();
        let restore = |key: &[u8], payload: &[u8]| engine.execute(0, &[b"RESTORE", key, b"0", payload]);
        if let Err(error) = restore(b"k", &seal(value.to_vec())) {
            assert_eq!(error.to_string(), "ERR Bad data format", "{}", value.escape_ascii());
            assert_eq!(engine.execute(0, &[b"EXISTS", b"k"]), Ok(Reply::Integer(0)));
            return false;
        }
        let dumped = match engine.execute(0, &[b"DUMP", b"k"]) {
            Ok(Reply::Bulk(dumped)) => dumped,
            // A hash whose fields have all expired is no key.
            Ok(Reply::Null) => return false,
            other => panic!("{other:?}"),
        };
        assert_eq!(restore(b"again", &dumped), Ok(Reply::OK), "{}", value.escape_ascii());
        let digests = engine.execute(0, &[b"DEBUG", b"DIGEST-VALUE", b"k", b"again"]);
        let Ok(Reply::Array(digests)) = digests else { panic!("{digests:?}") };
        assert_eq!(digests[0], digests[1], "{}", value.escape_ascii());
        true
    }

    #[test]
    fn every_way_to_write_a_value_is_read() {
        for dump in DUMPS {
            assert!(goes_round(dump), "{}", dump.escape_ascii());
            for end in 0..dump.len() {
                assert!(!goes_round(&dump[..end]), "{} cut", dump[..end].escape_ascii());
            }
        }
    }

    #[test]
    fn a_payload_without_its_footer_is_none_whatever_is_before() {
        let payload = seal(b"\x00\x03foo".to_vec());
        for end in 0..payload.len() {
            assert_eq!(restore(&payload[..end]).err(), Some(Unreadable::Footer));
        }
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 0x10;
            assert_eq!(restore(&changed).err(), Some(Unreadable::Footer));
        }
    }

    #[derive(Clone, Debug)]
    enum Fault {
        Set(u8),
        Flip(u8),
        Remove,
        Insert(u8),
        Copy(prop::sample::Index, usize),
    }

    fn a_fault() -> impl Strategy<Value = Fault> {
        let telling = prop::sample::select(vec![0, 1, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff]);
        prop_oneof![
            any::<u8>().prop_map(Fault::Set),
            telling.prop_map(Fault::Set),
            (0..8_u8).prop_map(Fault::Flip),
            Just(Fault::Remove),
            any::<u8>().prop_map(Fault::Insert),
            (any::<prop::sample::Index>(), 1..20_usize).prop_map(|(from, size)| Fault::Copy(from, size)),
        ]
    }

    proptest! {
        #[test]
        fn what_was_changed_on_its_way_is_a_value_or_refused(
            dump in prop::sample::select(DUMPS.to_vec()),
            faults in proptest::collection::vec((any::<prop::sample::Index>(), a_fault()), 1..4),
        ) {
            let mut bytes = dump.to_vec();
            for (at, fault) in faults {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match fault {
                    Fault::Set(byte) => bytes[at] = byte,
                    Fault::Flip(bit) => bytes[at] ^= 1 << bit,
                    Fault::Remove => drop(bytes.remove(at)),
                    Fault::Insert(byte) => bytes.insert(at, byte),
                    Fault::Copy(from, size) => {
                        let from = from.index(bytes.len());
                        let copied = bytes[from..(from + size).min(bytes.len())].to_vec();
                        bytes.splice(at..at, copied);
                    }
                }
            }
            goes_round(&bytes);
        }

        #[test]
        fn any_bytes_are_a_value_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            goes_round(&bytes);
        }
    }
}
