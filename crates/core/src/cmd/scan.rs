//! What SCAN, HSCAN, SSCAN and ZSCAN have in common: a cursor, options, and an answer that carries the next cursor.
use super::Late;
use super::args::Args;
use crate::{Error, Reply, Result, glob};

/// The options after the cursor.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// `MATCH`: only what matches this pattern.
    pub pattern: Option<&'a [u8]>,
    /// `COUNT`: about how many elements a step looks at.
    pub count: usize,
    /// `TYPE`: only keys that hold this type, named as `TYPE` names it.
    pub type_name: Option<&'a [u8]>,
    /// `NOVALUES`: fields without their values.
    pub no_values: bool,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { pattern: None, count: 10, type_name: None, no_values: false }
    }
}

/// Which of the family is being read: each has an option that the others refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    Keys,
    Hash,
    Members,
}

impl<'a> ScanOptions<'a> {
    /// `MATCH`: only what matches this pattern.
    #[must_use]
    pub fn matching(mut self, pattern: &'a [u8]) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// `COUNT`: about how many elements a step looks at.
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.count = count.max(1);
        self
    }

    /// `TYPE`: only keys of this type.
    #[must_use]
    pub fn of_type(mut self, name: &'a [u8]) -> Self {
        self.type_name = Some(name);
        self
    }

    /// Reads the options, all that is left.
    pub(super) fn parse(args: &mut Args<'a>, scanned: Scanned) -> Late<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.take_with("COUNT", 1) {
                options.count = usize::try_from(args.int()?).ok().filter(|&n| n > 0).ok_or(Error::Syntax)?;
            } else if args.take_with("MATCH", 1) {
                options.pattern = Some(args.bytes()?);
            } else if scanned == Scanned::Keys && args.take_with("TYPE", 1) {
                options.type_name = Some(args.bytes()?);
            } else if args.peek().is_some_and(|word| word.eq_ignore_ascii_case(b"NOVALUES")) {
                if scanned != Scanned::Hash {
                    return Err(Error::refused("ERR NOVALUES option can only be used in HSCAN"));
                }
                args.bytes()?;
                options.no_values = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether a name passes `MATCH`.
    pub(super) fn accepts(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| pattern == b"*" || glob::matches(pattern, name, false))
    }
}

/// Reads a cursor: an unsigned number of 64 bits.
pub(super) fn cursor(args: &mut Args<'_>) -> Result<u64> {
    crate::number::parse_u64(args.bytes()?).ok_or(Error::refused("ERR invalid cursor"))
}

/// One step of a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanReply<T> {
    /// Where the next step begins; 0 when the scan is complete.
    pub cursor: u64,
    /// What this step found.
    pub items: Vec<T>,
}

impl<T> ScanReply<T> {
    /// A scan of something that is not there.
    pub(super) const fn complete() -> Self {
        Self { cursor: 0, items: Vec::new() }
    }

    /// Takes steps until enough was looked at or the scan is complete. `step` looks at some elements from a cursor on, adds
    /// those that it finds to its list, and returns the next cursor with how many it looked at.
    pub(super) fn collect(
        cursor: u64,
        count: usize,
        mut step: impl FnMut(u64, &mut Vec<T>) -> (u64, usize),
    ) -> Self {
        // Redis's bound: an almost empty table is left after ten times as many buckets as elements were asked for.
        let (mut cursor, mut items, mut looked_at) = (cursor, Vec::new(), 0);
        for _ in 0..count.saturating_mul(10) {
            let (next, more) = step(cursor, &mut items);
            cursor = next;
            looked_at += more;
            if cursor == 0 || looked_at >= count {
                break;
            }
        }
        Self { cursor, items }
    }
}

impl<T: ScanItem> From<ScanReply<T>> for Reply {
    fn from(reply: ScanReply<T>) -> Self {
        let mut items = Vec::with_capacity(reply.items.len());
        reply.items.into_iter().for_each(|item| item.add_to(&mut items));
        Reply::Array(vec![Reply::bulk(reply.cursor.to_string()), Reply::Array(items)])
    }
}

/// What a scan finds, in the flat array that the answer is in both protocols.
pub trait ScanItem {
    /// Adds the parts.
    fn add_to(self, parts: &mut Vec<Reply>);
}

impl ScanItem for crate::Bytes {
    fn add_to(self, parts: &mut Vec<Reply>) {
        parts.push(self.into());
    }
}

impl ScanItem for (crate::Bytes, Option<crate::Bytes>) {
    fn add_to(self, parts: &mut Vec<Reply>) {
        parts.push(self.0.into());
        parts.extend(self.1.map(Reply::from));
    }
}

impl ScanItem for (crate::Bytes, f64) {
    fn add_to(self, parts: &mut Vec<Reply>) {
        parts.push(self.0.into());
        parts.push(Reply::bulk(crate::number::format_f64(self.1)));
    }
}
