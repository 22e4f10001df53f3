//! What is to be sent to one caller.
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use redlet_core::Bytes;

/// A string at least so long is sent from where it lies in the store instead of being copied.
const SHARED_LEAST: usize = 16 << 10;
/// How many pieces are handed to the system at once.
const PIECES: usize = 16;
/// So much is sent to one caller before others have their turn.
const TURN: usize = 1 << 20;
/// A buffer that grew beyond this is not kept.
const BUFFER_KEPT: usize = 64 << 10;
/// How many empty buffers are kept.
const BUFFERS_KEPT: usize = 256;

/// Bytes in order, and long strings between them that are shared with the store.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    /// Long strings, each with the place in `bytes` that it comes before.
    shared: VecDeque<(usize, bytes::Bytes)>,
    /// How much of `bytes` was sent.
    sent: usize,
    /// How much of the first of `shared` was sent.
    shared_sent: usize,
    shared_len: usize,
}

/// How sending went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything was taken.
    All,
    /// The caller has to read first.
    Blocked,
    /// There is more, but it is the turn of others.
    More,
}

impl Output {
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a string that may be long.
    #[inline]
    pub(crate) fn put_string(&mut self, string: Bytes) {
        if string.len() < SHARED_LEAST {
            self.put(&string);
        } else {
            self.shared_len += string.len();
            self.shared.push_back((self.bytes.len(), string.into()));
        }
    }

    /// Forgets what was not sent.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are to be sent.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.sent + self.shared_len
    }

    /// How many bytes it keeps for itself; strings that are shared with the store are the store's.
    #[cfg(test)]
    fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives it a buffer to write to, unless it has one.
    #[inline]
    pub(crate) fn lend(&mut self, buffers: &mut Buffers) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffers.0.pop().unwrap_or_default();
        }
    }

    /// Takes the buffer back once everything was sent, so that callers who are silent hold none.
    #[inline]
    pub(crate) fn give_back(&mut self, buffers: &mut Buffers) {
        debug_assert!(self.is_empty(), "what is not sent yet would be lost");
        let buffer = std::mem::take(&mut self.bytes);
        if buffers.0.len() < BUFFERS_KEPT && buffer.capacity() <= BUFFER_KEPT {
            buffers.0.push(buffer);
        }
    }

    /// Sends as much as `stream` takes in one turn.
    pub(crate) fn send(&mut self, stream: &mut impl Write) -> io::Result<Sent> {
        let mut turn = TURN;
        while !self.is_empty() {
            if turn == 0 {
                return Ok(Sent::More);
            }
            let sent = if self.shared.is_empty() {
                stream.write(&self.bytes[self.sent..])
            } else {
                self.send_pieces(stream)
            };
            match sent {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.advance(count);
                    turn = turn.saturating_sub(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Sent::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Sent::All)
    }

    fn send_pieces(&self, stream: &mut impl Write) -> io::Result<usize> {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let (mut count, mut at, mut skip) = (0, self.sent, self.shared_sent);
        for (place, string) in &self.shared {
            if count + 2 > PIECES {
                return stream.write_vectored(&pieces[..count]);
            }
            if at < *place {
                pieces[count] = IoSlice::new(&self.bytes[at..*place]);
                count += 1;
                at = *place;
            }
            pieces[count] = IoSlice::new(&string[std::mem::take(&mut skip)..]);
            count += 1;
        }
        if count < PIECES && at < self.bytes.len() {
            pieces[count] = IoSlice::new(&self.bytes[at..]);
            count += 1;
        }
        stream.write_vectored(&pieces[..count])
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let place = self.shared.front().map_or(self.bytes.len(), |(place, _)| *place);
            let plain = count.min(place - self.sent);
            self.sent += plain;
            count -= plain;
            if count == 0 {
                break;
            }
            let Some((_, string)) = self.shared.front() else { break };
            let taken = count.min(string.len() - self.shared_sent);
            self.shared_sent += taken;
            self.shared_len -= taken;
            count -= taken;
            if self.shared_sent == string.len() {
                self.shared.pop_front();
                self.shared_sent = 0;
            }
        }
        if self.is_empty() {
            self.bytes.clear();
            self.sent = 0;
        } else if self.sent > BUFFER_KEPT && self.sent > self.bytes.len() / 2 {
            // A caller who is always behind would otherwise have everything kept that he was ever sent.
            self.bytes.drain(..self.sent);
            self.bytes.shrink_to(self.bytes.len() * 2);
            self.shared.iter_mut().for_each(|(place, _)| *place -= self.sent);
            self.sent = 0;
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Empty buffers, for whoever has something to send next.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Vec<Vec<u8>>);

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes at a time and then none.
    struct Slow {
        taken: Vec<u8>,
        at_a_time: usize,
        is_full: bool,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_full = !self.is_full;
            if !self.is_full {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.at_a_time);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_arrives_in_order_however_little_is_taken_at_a_time() {
        for at_a_time in [1000, 16 << 10, 1 << 20] {
            let (mut output, mut expected) = (Output::default(), Vec::new());
            let mut slow = Slow { taken: Vec::new(), at_a_time, is_full: false };
            for round in 0..200_u8 {
                let (short, long) = ([round; 700], vec![round; SHARED_LEAST + usize::from(round % 3)]);
                output.put(&short);
                expected.extend_from_slice(&short);
                if round % 4 == 0 {
                    output.put_string(Bytes::from(long.clone()));
                    expected.extend_from_slice(&long);
                }
                output.send(&mut slow).unwrap();
                assert_eq!(output.len(), expected.len() - slow.taken.len());
            }
            while !output.is_empty() {
                output.send(&mut slow).unwrap();
            }
            assert!(slow.taken == expected, "{at_a_time} bytes at a time");
        }
    }

    #[test]
    fn what_was_sent_is_not_kept() {
        let mut output = Output::default();
        let mut slow = Slow { taken: Vec::new(), at_a_time: 1000, is_full: false };
        output.put(&[b'x'; 10_000]);
        for _ in 0..10_000 {
            output.put(&[b'x'; 500]);
            output.send(&mut slow).unwrap();
        }
        assert!(output.memory() < 8 * BUFFER_KEPT, "{} bytes", output.memory());
    }
}
