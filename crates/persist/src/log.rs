//! A log segment: its header, its frames, and how it is read.
//!
//! ```text
//! header   | "redletLG" | version u32 | first unit u64 | crc32c u32 of what is before |      24 bytes
//! frame    | length u32 | crc32c u32 | unit u64 | payload of that length |                  16 bytes and more
//! ```
//!
//! Numbers are little-endian. A frame's checksum is over its length, its unit's number and its payload. Units count up by one from
//! frame to frame and from segment to segment.
use std::path::Path;

use crate::error::{Result, corrupt};
use crate::{Error, TornTail};

pub(crate) const HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 16;
const MAGIC: &[u8; 8] = b"redletLG";
const VERSION: u32 = 1;

/// The name of the segment that begins with a unit.
pub(crate) fn file_name(first_unit: u64) -> String {
    format!("log-{first_unit:020}")
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

fn checksum(length: u32, unit: u64, payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&length.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &unit.to_le_bytes()), payload)
}

/// Adds a frame to a buffer.
pub(crate) fn encode(unit: u64, payload: &[u8], buffer: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("a unit is less than 4 GiB");
    buffer.reserve(FRAME_HEADER_BYTES + payload.len());
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum(length, unit, payload).to_le_bytes());
    buffer.extend_from_slice(&unit.to_le_bytes());
    buffer.extend_from_slice(payload);
}

pub(crate) fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The frame at an offset, if there is a good one: its unit and its payload.
fn frame_at(bytes: &[u8], at: usize) -> Option<(u64, &[u8])> {
    let length = u32::from_le_bytes(number(bytes, at)?);
    let crc = u32::from_le_bytes(number(bytes, at + 4)?);
    let unit = u64::from_le_bytes(number(bytes, at + 8)?);
    let payload = bytes.get(at + FRAME_HEADER_BYTES..)?.get(..length as usize)?;
    (checksum(length, unit, payload) == crc).then_some((unit, payload))
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
    if bytes.len() < HEADER_BYTES && is_last {
        return Ok((first, Some(torn(0))));
    }
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

fn check_header(path: &Path, bytes: &[u8], first: u64) -> Result<()> {
    let stored = number(bytes, HEADER_BYTES - 4).map(u32::from_le_bytes);
    let is_good = bytes.starts_with(MAGIC) && stored == Some(crc32c::crc32c(&bytes[..HEADER_BYTES - 4]));
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
    (from + 1..bytes.len().saturating_sub(FRAME_HEADER_BYTES - 1)).find(|&at| {
        // The number alone rules out nearly every place, so that checksums are seldom made.
        let found = number(bytes, at + 8).map_or(0, u64::from_le_bytes);
        found > unit && found - unit <= bytes.len() as u64 && frame_at(bytes, at).is_some()
    })
}
