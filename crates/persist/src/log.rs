//! A log segment: its header, its frames, and how it is read.
//!
//! ```text
//! header   | "redletLG" | version u32 | first unit u64 | crc32c u32 of what is before |      24 bytes
//! frame    | length u64 | unit u64 | crc32c u32 of the payload | crc32c u32 of what is before | payload |  24 bytes and more
//! ```
//!
//! Numbers are little-endian. Units count up by one from frame to frame and from segment to segment. The head of a frame has a
//! checksum of its own, so that its length can be believed when its payload cannot: a torn frame is passed over as a whole, and
//! what it may hold, such as a log, is not taken for frames after it.
use std::path::Path;

use crate::error::{Result, corrupt};
use crate::{Error, TornTail};

pub(crate) const HEADER_BYTES: usize = 24;
pub(crate) const FRAME_HEADER_BYTES: usize = 24;
/// Where in a frame its unit's number is.
const UNIT_AT: usize = 8;
const MAGIC: &[u8; 8] = b"redletLG";
const VERSION: u32 = 2;

/// The name of the segment that begins with a unit.
pub(crate) fn file_name(first_unit: u64) -> String {
    format!("log-{first_unit:020}")
}

/// What that segment is called until its header is on the disk.
pub(crate) fn temporary_name(first_unit: u64) -> String {
    format!("{}.tmp", file_name(first_unit))
}

/// The first unit of the segment with this name.
pub(crate) fn first_unit(name: &str) -> Option<u64> {
    name.strip_prefix("log-").filter(|digits| digits.len() == 20)?.parse().ok()
}

pub(crate) fn header(first_unit: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&first_unit.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}

/// Adds a frame to a buffer.
pub(crate) fn encode(unit: u64, payload: &[u8], buffer: &mut Vec<u8>) {
    buffer.reserve(FRAME_HEADER_BYTES + payload.len());
    buffer.extend_from_slice(&frame_header(payload.len() as u64, unit, crc32c::crc32c(payload)));
    buffer.extend_from_slice(payload);
}

fn frame_header(length: u64, unit: u64, payload_crc: u32) -> [u8; FRAME_HEADER_BYTES] {
    let mut header = [0; FRAME_HEADER_BYTES];
    header[..UNIT_AT].copy_from_slice(&length.to_le_bytes());
    header[UNIT_AT..16].copy_from_slice(&unit.to_le_bytes());
    header[16..20].copy_from_slice(&payload_crc.to_le_bytes());
    let crc = crc32c::crc32c(&header[..20]);
    header[20..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What the frame at an offset says of itself, if its head is good: length, unit, checksum of its payload.
fn frame_header_at(bytes: &[u8], at: usize) -> Option<(u64, u64, u32)> {
    let header: [u8; FRAME_HEADER_BYTES] = number(bytes, at)?;
    let (length, unit) = (number(&header, 0)?, number(&header, UNIT_AT)?);
    let crc = number(&header, 16).map(u32::from_le_bytes)?;
    let told = (u64::from_le_bytes(length), u64::from_le_bytes(unit), crc);
    (frame_header(told.0, told.1, told.2) == header).then_some(told)
}

pub(crate) fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The frame at an offset, if there is a good one: its unit and its payload.
pub(crate) fn frame_at(bytes: &[u8], at: usize) -> Option<(u64, &[u8])> {
    let (length, unit, crc) = frame_header_at(bytes, at)?;
    let payload = bytes.get(at + FRAME_HEADER_BYTES..)?.get(..usize::try_from(length).ok()?)?;
    (crc32c::crc32c(payload) == crc).then_some((unit, payload))
}

/// Shows the frames of a segment to `visit`, in order. Returns the number after the last unit, and what was cut off at the end.
///
/// The end of the last segment may be torn: a frame that is not whole or not good, with no good frame of a later unit after it.
/// Anything else that is not good is damage.
pub(crate) fn read(
    path: &Path,
    bytes: &[u8],
    first: u64,
    is_last: bool,
    mut visit: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<(u64, Option<TornTail>)> {
    let torn = |offset: usize| TornTail {
        path: path.to_owned(),
        offset: offset as u64,
        bytes: (bytes.len() - offset) as u64,
    };
    check_header(path, bytes, first)?;
    let (mut at, mut unit) = (HEADER_BYTES, first);
    while at < bytes.len() {
        match frame_at(bytes, at) {
            Some((found, payload)) if found == unit => {
                visit(unit, payload)?;
                at += FRAME_HEADER_BYTES + payload.len();
                unit += 1;
            }
            Some((found, _)) => {
                return Err(corrupt(path, at, format!("unit {found} where unit {unit} should be")));
            }
            None if !is_last => {
                return Err(corrupt(
                    path,
                    at,
                    "a frame is not what was written, and the log goes on after it",
                ));
            }
            None => {
                if let Some(later) = later_frame(bytes, at, unit) {
                    return Err(corrupt(
                        path,
                        at,
                        format!("a frame is not what was written, and a good one follows at byte {later}"),
                    ));
                }
                return Ok((unit, Some(torn(at))));
            }
        }
    }
    Ok((unit, None))
}

pub(crate) fn check_header(path: &Path, bytes: &[u8], first: u64) -> Result<()> {
    let stored = number(bytes, HEADER_BYTES - 4).map(u32::from_le_bytes);
    let made = bytes.get(..HEADER_BYTES - 4).map(crc32c::crc32c);
    let is_good = bytes.starts_with(MAGIC) && stored.is_some() && stored == made;
    if !is_good {
        return Err(corrupt(path, 0, "this is not the header of a log segment"));
    }
    let version = number(bytes, 8).map_or(0, u32::from_le_bytes);
    if version != VERSION {
        return Err(Error::UnsupportedVersion { path: path.to_owned(), found: version, known: VERSION });
    }
    if number(bytes, 12).map(u64::from_le_bytes) != Some(first) {
        return Err(corrupt(path, 12, "the segment does not begin with the unit that its name says"));
    }
    Ok(())
}

/// Where a good frame of a later unit begins after `from`, if there is one.
fn later_frame(bytes: &[u8], from: usize, unit: u64) -> Option<usize> {
    let after = match frame_header_at(bytes, from) {
        Some((length, ..)) => (from + FRAME_HEADER_BYTES).checked_add(usize::try_from(length).ok()?)?,
        None => from + 1,
    };
    (after..bytes.len().saturating_sub(FRAME_HEADER_BYTES - 1)).find(|&at| {
        // The number alone rules out nearly every place, so that checksums are seldom made.
        let found = number(bytes, at + UNIT_AT).map_or(0, u64::from_le_bytes);
        found > unit && found - unit <= bytes.len() as u64 && frame_at(bytes, at).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 32 bits there was no frame for such a unit: writing it panicked, and the number that it had taken was missing
    /// before the units after it.
    #[test]
    fn the_length_of_a_unit_above_four_gibibytes_is_kept_whole() {
        let header = frame_header(5 << 30, 7, 9);
        assert_eq!(frame_header_at(&header, 0), Some((5 << 30, 7, 9)));
    }

    #[test]
    fn a_frame_that_claims_more_than_there_is_ends_the_log() {
        let path = Path::new("log");
        let mut bytes = header(1);
        encode(1, b"whole", &mut bytes);
        let end = bytes.len();
        bytes.extend_from_slice(&frame_header(u64::MAX, 2, 7));
        let (next, torn) = read(path, &bytes, 1, true, |_, _| Ok(())).unwrap();
        assert_eq!(next, 2);
        assert_eq!(torn, Some(TornTail { path: path.into(), offset: end as u64, bytes: 24 }));
    }

    /// A store that holds a log file as a value did not open after a crash: the frames in the torn value were taken for good
    /// ones after a bad one.
    #[test]
    fn a_torn_frame_that_holds_a_log_is_a_torn_frame() {
        let path = Path::new("log");
        let mut value = header(1);
        (1..10).for_each(|unit| encode(unit, b"payload of a log inside", &mut value));
        let mut bytes = header(1);
        encode(1, b"whole", &mut bytes);
        let end = bytes.len();
        encode(2, &value, &mut bytes);
        for cut in end + 1..bytes.len() {
            let (next, torn) = read(path, &bytes[..cut], 1, true, |_, _| Ok(())).unwrap();
            assert_eq!((next, torn.map(|torn| torn.offset)), (2, Some(end as u64)), "cut at {cut}");
        }
        // The length of a frame in the middle is damaged: nothing may be cut off silently.
        encode(3, b"after", &mut bytes);
        bytes[end] ^= 1;
        assert!(read(path, &bytes, 1, true, |_, _| Ok(())).is_err());
    }
}
