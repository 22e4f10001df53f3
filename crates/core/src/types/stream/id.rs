//! The name of a stream's entry: a moment and a number within it.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number;

/// An entry's ID. Those of a stream grow from each entry to the next.
///
/// ```
/// use redlet_core::types::StreamId;
///
/// let id: StreamId = "1526919030474-55".parse().unwrap();
/// assert_eq!(id, StreamId { ms: 1526919030474, seq: 55 });
/// assert!(id < StreamId::MAX);
/// assert_eq!(id.to_string(), "1526919030474-55");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// Milliseconds since 1970, unless whoever added the entry said otherwise.
    pub ms: u64,
    /// Which of the entries of that millisecond it is.
    pub seq: u64,
}

/// The longest text that Redis looks at.
const TEXT_MAX: usize = 127;

impl StreamId {
    /// Before every entry; none has it.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The last one that there can be.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// An ID from its parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The ID after this one; `None` after the last.
    pub const fn next(self) -> Option<Self> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Self { ms: self.ms, seq }),
            (None, Some(ms)) => Some(Self { ms, seq: 0 }),
            (None, None) => None,
        }
    }

    /// The ID before this one; `None` before the first.
    pub const fn previous(self) -> Option<Self> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Self { ms: self.ms, seq }),
            (None, Some(ms)) => Some(Self { ms, seq: u64::MAX }),
            (None, None) => None,
        }
    }

    /// An ID as Redis takes one: `ms-seq`, or `ms` alone, which means `ms-missing_seq`.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        match text.iter().position(|&byte| byte == b'-') {
            None => Some(Self { ms: number::parse_u64(text)?, seq: missing_seq }),
            Some(dash) => Some(Self {
                ms: number::parse_u64(&text[..dash])?,
                seq: number::parse_u64(&text[dash + 1..])?,
            }),
        }
    }

    /// `ms-*`: the moment alone.
    pub fn parse_any_seq(text: &[u8]) -> Option<u64> {
        let ms = text.strip_suffix(b"-*").filter(|_| text.len() <= TEXT_MAX)?;
        number::parse_u64(ms)
    }

    /// As Redis has it as the key of a tree: a number of 128 bits, its first byte first.
    pub(crate) fn to_be_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// The same back.
    pub(crate) fn from_be_bytes(bytes: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(bytes);
        Self { ms: (bits >> 64) as u64, seq: bits as u64 }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// Text that is no ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream ID is written as milliseconds, a dash and a number, such as 1526919030474-55")]
pub struct StreamIdError;

impl std::str::FromStr for StreamId {
    type Err = StreamIdError;

    fn from_str(text: &str) -> Result<Self, StreamIdError> {
        Self::parse(text.as_bytes(), 0).ok_or(StreamIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbours_of_an_id_are_in_the_next_millisecond_where_this_one_is_full() {
        let full = StreamId::new(5, u64::MAX);
        assert_eq!(full.next(), Some(StreamId::new(6, 0)));
        assert_eq!(StreamId::new(6, 0).previous(), Some(full));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.previous()), (None, None));
    }

    // Redis 8.0.2's answers to XADD and XRANGE with these.
    #[test]
    fn text_is_an_id_where_redis_takes_it_for_one() {
        assert_eq!(StreamId::parse(b"5", 7), Some(StreamId::new(5, 7)));
        assert_eq!(StreamId::parse(b"5-3", 7), Some(StreamId::new(5, 3)));
        assert_eq!(StreamId::parse_any_seq(b"5-*"), Some(5));
        for bad in [&b""[..], b"-", b"5-", b"-5", b"5-*", b"a-1", b"1-2-3", b"18446744073709551616"] {
            assert_eq!(StreamId::parse(bad, 0), None, "{}", bad.escape_ascii());
        }
        assert_eq!(StreamId::parse(&[b'0'; 128], 0), None);
    }
}
