//! Reading the log while it is written: unit by unit, from segment to segment, to its live end.
//!
//! A unit is handed over once it is on the disk, so that whoever was given one need not be told later that a power cut took it back.
//! Keeps nothing from being removed: a reader that is too slow is told which unit is the oldest that is left.
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use event_listener::EventListener;

use crate::error::{Result, corrupt};
use crate::vfs::Mapped;
use crate::{Error, Store, log};

/// Reads the units of a log in order, each once; made by [`LogReader::new`].
pub struct LogReader {
    store: Arc<Store>,
    next_unit: u64,
    segment: Option<Segment>,
}

/// A segment as far as it went when it was mapped.
struct Segment {
    path: PathBuf,
    first_unit: u64,
    bytes: Mapped,
    /// Where the next frame begins.
    offset: usize,
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader").field("next_unit", &self.next_unit).finish_non_exhaustive()
    }
}

impl LogReader {
    /// Reads from a unit on; from the one after the last, what happens from now on.
    ///
    /// # Errors
    /// [`Error::Gone`] with the oldest unit that is kept; [`Error::Ahead`] for a unit after the next one; [`Error::Io`],
    /// [`Error::WriteFailed`].
    pub fn new(store: Arc<Store>, unit: u64) -> Result<Self> {
        let next = store.writer().last_unit() + 1;
        if unit > next {
            return Err(Error::Ahead { wanted: unit, next });
        }
        let mut reader = Self { store, next_unit: unit, segment: None };
        if unit < next {
            reader.store.writer().secure_recovered()?;
            reader.store.writer().sync()?;
            reader.find()?;
        }
        Ok(reader)
    }

    /// The unit that comes next.
    pub fn next_unit(&self) -> u64 {
        self.next_unit
    }

    /// Tells when units were taken after this call. Whoever listens reads once more before waiting.
    pub fn listen(&self) -> EventListener {
        self.store.writer().listen()
    }

    /// The next unit and its number; `None` at the end of the log. Syncs the log if that is where the unit still is.
    ///
    /// # Errors
    /// [`Error::Gone`] if a checkpoint was faster than this reader; [`Error::Corrupt`]; [`Error::Io`], [`Error::WriteFailed`].
    pub fn read(&mut self) -> Result<Option<(u64, &[u8])>> {
        let writer = self.store.writer();
        if self.next_unit > writer.synced_unit() {
            if self.next_unit > writer.last_unit() {
                return Ok(None);
            }
            writer.sync()?;
        }
        let frame = match self.frame() {
            Some(frame) => frame,
            None => self.find()?,
        };
        let unit = self.next_unit;
        self.next_unit += 1;
        let Some(segment) = &mut self.segment else { unreachable!("the frame was found in it") };
        segment.offset = frame.end;
        Ok(Some((unit, &(*segment.bytes).as_ref()[frame])))
    }

    /// Where the payload of the next unit is in the present segment, if it is there as far as it was mapped.
    fn frame(&self) -> Option<Range<usize>> {
        let segment = self.segment.as_ref()?;
        let (unit, payload) = log::frame_at((*segment.bytes).as_ref(), segment.offset)?;
        let begin = segment.offset + log::FRAME_HEADER_BYTES;
        (unit == self.next_unit).then_some(begin..begin + payload.len())
    }

    /// Goes to the next unit, which is on the disk: on in a segment that has grown, or in the one that has it.
    fn find(&mut self) -> Result<Range<usize>> {
        loop {
            let segments = self.store.segments()?;
            let after = segments.partition_point(|&first| first <= self.next_unit);
            let Some(first_unit) = after.checked_sub(1).map(|at| segments[at]) else {
                return Err(self.gone(segments.first()));
            };
            // One that is removed between the two calls is not there at the next look.
            let Some((path, bytes)) = self.store.map_segment(first_unit)? else { continue };
            let offset = match self.segment.take().filter(|before| before.first_unit == first_unit) {
                Some(before) => before.offset,
                None => {
                    log::check_header(&path, (*bytes).as_ref(), first_unit)?;
                    log::HEADER_BYTES
                }
            };
            let segment = self.segment.insert(Segment { path, first_unit, bytes, offset });
            let bytes = (*segment.bytes).as_ref();
            while let Some((unit, payload)) = log::frame_at(bytes, segment.offset)
                && unit < self.next_unit
            {
                segment.offset += log::FRAME_HEADER_BYTES + payload.len();
            }
            if let Some(frame) = self.frame() {
                return Ok(frame);
            }
            let Some(segment) = &self.segment else { unreachable!("it was just set") };
            if segment.offset < (*segment.bytes).as_ref().len() && after == segments.len() {
                let why = format!("the frame of unit {} is not what was written", self.next_unit);
                return Err(corrupt(&segment.path, segment.offset, why));
            }
            // The segment is over, and the one after it is gone.
            return Err(self.gone(segments.get(after)));
        }
    }

    fn gone(&self, oldest: Option<&u64>) -> Error {
        let oldest = oldest.copied().unwrap_or_else(|| self.store.writer().last_unit() + 1);
        Error::Gone { wanted: self.next_unit, oldest }
    }
}
