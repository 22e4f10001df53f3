//! The value of a string key: an integer, a few bytes in place, or bytes on the heap that readers share.
//!
//! Which form holds a value is exactly what `OBJECT ENCODING` reports for it, so no flag is kept beside the
//! bytes. Knows nothing of keys, limits on length, expiry or replies; a caller checks `proto-max-bulk-len`.
use std::fmt;

use bytes::{Bytes, BytesMut};

use super::Encoding;
use crate::number::parse_i64;

/// The longest value that Redis keeps beside its object header and reports as `embstr`.
const EMBSTR_MAX: usize = 44;

/// The longest value that a reader copies instead of sharing. The first reader of a shared value allocates a block
/// to count references in, which stays with the value and which readers on other threads contend for; up to here
/// a copy takes about as long and leaves nothing behind.
const COPIED_MAX: usize = 128;

/// The longest canonical text of an `i64`: a sign and 19 digits.
const INT_TEXT_MAX: usize = 20;

/// Room for the decimal text of one integer, so that a number can be read as bytes without the heap.
#[derive(Clone, Copy)]
pub struct IntBuffer {
    digits: [u8; INT_TEXT_MAX],
    start: u8,
}

impl IntBuffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { digits: [b'0'; INT_TEXT_MAX], start: INT_TEXT_MAX as u8 }
    }

    /// A buffer that holds the text of `value`.
    pub fn of(value: i64) -> Self {
        let mut buffer = Self::new();
        buffer.format(value);
        buffer
    }

    /// Replaces the text by that of `value`, and gives it.
    pub fn format(&mut self, value: i64) -> &[u8] {
        let mut rest = value.unsigned_abs();
        let mut start = INT_TEXT_MAX;
        loop {
            start -= 1;
            self.digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            start -= 1;
            self.digits[start] = b'-';
        }
        self.start = start as u8;
        self.as_slice()
    }

    /// The text.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.digits[usize::from(self.start)..]
    }
}

impl Default for IntBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for IntBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_slice().escape_ascii())
    }
}

/// Up to [`Inline::MAX`] bytes in place. With a tag beside it, it fills 24 bytes.
#[derive(Clone, Copy)]
pub(super) struct Inline {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Inline {
    pub(super) const MAX: usize = 22;

    /// `bytes`, if they are short enough.
    #[inline]
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let mut inline = Self { len: bytes.len().try_into().ok()?, bytes: [0; Self::MAX] };
        inline.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(inline)
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Writes `bytes` at `offset`, with zeros between the old end and `offset`; false if they have no room.
    fn write_at(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let Some(end) = offset.checked_add(bytes.len()).filter(|&end| end <= Self::MAX) else { return false };
        // Bytes past the length are zero at all times, so the gap needs no filling.
        self.bytes[offset..end].copy_from_slice(bytes);
        self.len = self.len.max(end as u8);
        true
    }
}

/// A value of the string type. 32 bytes; values of up to 22 bytes and integers need no more than that.
#[derive(Clone)]
pub struct Str(Form);

/// Two levels, because `Bytes` leaves room for one other variant without a tag of its own.
#[derive(Clone)]
enum Form {
    /// `raw`, longer than [`Inline::MAX`], in an allocation without known room to grow.
    Shared(Bytes),
    Small(Small),
}

#[derive(Clone)]
enum Small {
    Int(i64),
    /// `embstr`.
    Embstr(Inline),
    /// `raw`, because it was changed in place.
    Raw(Inline),
    /// Never changed in place: `embstr` up to [`EMBSTR_MAX`], else `raw`.
    Whole(Box<[u8]>),
    /// `raw`, with room to grow.
    Growing(Box<Growing>),
}

/// A value that was changed in place. While no reader shares the bytes they are taken back into a buffer of
/// their full capacity, so appending stays O(1) although every reader gets them without a copy.
#[derive(Clone)]
struct Growing {
    bytes: Bytes,
    /// Bytes in the allocation behind `bytes`, which does not tell.
    capacity: usize,
}

const _: () = assert!(size_of::<Str>() == 32);

impl Str {
    /// The value that `SET` makes of `bytes`: an integer if they are the canonical text of one.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // Only canonical text is read as a number, so it comes back as the same bytes.
        match parse_i64(bytes) {
            Some(value) => Self::from_int(value),
            None => Self::text(bytes),
        }
    }

    /// Like [`Str::from_bytes`], but a long value shares `bytes` instead of copying them. If they are a slice of
    /// a larger buffer, the whole buffer stays in memory as long as the value.
    pub fn from_shared(bytes: Bytes) -> Self {
        if bytes.len() > COPIED_MAX { Self(Form::Shared(bytes)) } else { Self::from_bytes(&bytes) }
    }

    /// `bytes` as they are, never as an integer: what `INCRBYFLOAT` leaves even when the sum is whole.
    pub fn text(bytes: &[u8]) -> Self {
        if let Some(inline) = Inline::new(bytes) {
            Self(Form::Small(Small::Embstr(inline)))
        } else if bytes.len() <= COPIED_MAX {
            Self(Form::Small(Small::Whole(bytes.into())))
        } else {
            Self(Form::Shared(Bytes::copy_from_slice(bytes)))
        }
    }

    /// `bytes` with encoding `raw`, however short: what `SETRANGE`, `SETBIT` and `BITOP` make of a missing key.
    /// Spare room that comes with a vector stays, but [`Str::allocated_bytes`] does not know of it.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        match Inline::new(&bytes) {
            Some(inline) => Self(Form::Small(Small::Raw(inline))),
            None => Self(Form::Shared(bytes)),
        }
    }

    /// The value that `INCR` leaves.
    pub const fn from_int(value: i64) -> Self {
        Self(Form::Small(Small::Int(value)))
    }

    /// Number of bytes, as `STRLEN` counts them. O(1).
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(Small::Int(value)) => IntBuffer::of(*value).as_slice().len(),
            _ => self.as_slice(&mut IntBuffer::new()).len(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes; `buffer` is where an integer is spelled out.
    #[inline]
    pub fn as_slice<'a>(&'a self, buffer: &'a mut IntBuffer) -> &'a [u8] {
        match &self.0 {
            Form::Shared(bytes) => bytes,
            Form::Small(Small::Int(value)) => buffer.format(*value),
            Form::Small(Small::Embstr(inline) | Small::Raw(inline)) => inline.as_slice(),
            Form::Small(Small::Whole(bytes)) => bytes,
            Form::Small(Small::Growing(growing)) => &growing.bytes,
        }
    }

    /// The bytes, to keep. O(1) for long values, which are shared: a change made to the value afterwards copies
    /// them first and is not seen here.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Form::Shared(bytes) => bytes.clone(),
            Form::Small(Small::Growing(growing)) => growing.bytes.clone(),
            Form::Small(_) => Bytes::copy_from_slice(self.as_slice(&mut IntBuffer::new())),
        }
    }

    /// The value as a number, if it is one or its bytes are the canonical text of one.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match &self.0 {
            Form::Small(Small::Int(value)) => Some(*value),
            _ => parse_i64(self.as_slice(&mut IntBuffer::new())),
        }
    }

    /// Adds `bytes` at the end. Amortised O(bytes added), unless a reader still shares the value. As in Redis the
    /// value is `raw` from then on, even if nothing was added.
    pub fn append(&mut self, bytes: &[u8]) {
        let end = self.len();
        self.overwrite(end, bytes);
    }

    /// Replaces the bytes from `offset` on by `bytes`, with zeros between the old end and `offset`. The value is
    /// `raw` from then on; without any bytes to write nothing changes, as `SETRANGE` has it. O(bytes written
    /// and padded), unless a reader still shares the value.
    ///
    /// # Panics
    /// If `offset + bytes.len()` is more than memory can hold.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.overwrite(offset, bytes);
        }
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len()).expect("a value fits in memory");
        let copy = |old: &[u8]| {
            let mut buffer = BytesMut::with_capacity(end.max(old.len()));
            buffer.extend_from_slice(old);
            buffer
        };
        let reclaim = |shared: Bytes| shared.try_into_mut().unwrap_or_else(|shared| copy(&shared));
        let mut buffer = match &mut self.0 {
            Form::Shared(shared) => reclaim(std::mem::take(shared)),
            Form::Small(Small::Growing(growing)) => reclaim(std::mem::take(&mut growing.bytes)),
            Form::Small(_) => {
                let mut text = IntBuffer::new();
                let old = self.as_slice(&mut text);
                if let Some(mut inline) = Inline::new(old)
                    && inline.write_at(offset, bytes)
                {
                    self.0 = Form::Small(Small::Raw(inline));
                    return;
                }
                copy(old)
            }
        };
        if buffer.len() < end {
            buffer.resize(offset.max(buffer.len()), 0);
            let overlap = buffer.len() - offset;
            buffer[offset..].copy_from_slice(&bytes[..overlap]);
            buffer.extend_from_slice(&bytes[overlap..]);
        } else {
            buffer[offset..end].copy_from_slice(bytes);
        }
        self.keep(buffer);
    }

    /// Takes `buffer`, which is longer than [`Inline::MAX`], as the value.
    fn keep(&mut self, buffer: BytesMut) {
        let capacity = buffer.capacity();
        let full = capacity == buffer.len();
        let bytes = buffer.freeze();
        match &mut self.0 {
            Form::Small(Small::Growing(growing)) => **growing = Growing { bytes, capacity },
            form if full => *form = Form::Shared(bytes),
            form => *form = Form::Small(Small::Growing(Box::new(Growing { bytes, capacity }))),
        }
    }

    /// What `OBJECT ENCODING` reports: `int`, `embstr` or `raw`.
    pub fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Small(Small::Int(_)) => Encoding::Int,
            Form::Small(Small::Embstr(_)) => Encoding::Embstr,
            Form::Small(Small::Whole(bytes)) if bytes.len() <= EMBSTR_MAX => Encoding::Embstr,
            Form::Small(Small::Raw(_) | Small::Whole(_) | Small::Growing(_)) | Form::Shared(_) => {
                Encoding::Raw
            }
        }
    }

    /// Bytes on the heap beyond the value's own 32. O(1).
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Shared(bytes) => bytes.len(),
            Form::Small(Small::Whole(bytes)) => bytes.len(),
            Form::Small(Small::Growing(growing)) => size_of::<Growing>() + growing.capacity,
            Form::Small(Small::Int(_) | Small::Embstr(_) | Small::Raw(_)) => 0,
        }
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice(&mut IntBuffer::new()) == other.as_slice(&mut IntBuffer::new())
    }
}

impl Eq for Str {}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_slice(&mut IntBuffer::new()).escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(value: &Str) -> Vec<u8> {
        value.as_slice(&mut IntBuffer::new()).to_vec()
    }

    // What `OBJECT ENCODING` of Redis 8.0.2 answered after the same commands.
    #[test]
    fn encodings_are_those_of_a_real_server() {
        use Encoding::{Embstr, Int, Raw};
        for (set, encoding) in [
            ("9223372036854775807", Int),
            ("-9223372036854775808", Int),
            ("12345678901234567890", Embstr),
            ("0123", Embstr),
            ("", Embstr),
            (" 10", Embstr),
            ("12345678901234567890123456789012345678901234", Embstr),
            ("123456789012345678901234567890123456789012345", Raw),
        ] {
            assert_eq!(Str::from_bytes(set.as_bytes()).encoding(), encoding, "SET {set:?}");
        }
        assert_eq!(Str::text(b"3").encoding(), Embstr, "INCRBYFLOAT 1.5 to 3");

        let mut value = Str::from_int(10);
        value.append(b"");
        assert_eq!(value.encoding(), Raw, "APPEND of nothing to 10");
        let mut value = Str::from_int(10);
        value.write_at(0, b"");
        assert_eq!(value.encoding(), Int, "SETRANGE of nothing to 10");
        value.append(b"1");
        assert_eq!(value.encoding(), Raw, "APPEND 1 to 10");
        assert_eq!(value.as_int(), Some(101));
        let mut value = Str::from_bytes(b"abc");
        value.write_at(0, b"x");
        assert_eq!(value.encoding(), Raw, "SETBIT in abc");
        assert_eq!(Str::raw(vec![0, 0, b'a', b'b']).encoding(), Raw, "SETRANGE of a missing key");
    }

    #[test]
    fn a_long_value_is_given_out_without_a_copy_and_appended_to_without_a_copy() {
        let mut value = Str::from_bytes(&[b'x'; 1000]);
        value.append(b"y");
        let address = |value: &Str| value.as_slice(&mut IntBuffer::new()).as_ptr();
        let before = address(&value);
        let (first, second) = (value.to_bytes(), value.to_bytes());
        assert_eq!((first.as_ptr(), second.as_ptr()), (before, before));
        drop((first, second));
        let mut moves = 0;
        let mut last = before;
        for _ in 0..100_000 {
            value.append(b"0123456789");
            moves += u32::from(address(&value) != last);
            last = address(&value);
        }
        assert_eq!(value.len(), 1_001_001);
        assert!(
            moves <= 12,
            "a buffer that doubles is moved at most 12 times on the way to 1 MB, not {moves}"
        );
        assert!(value.allocated_bytes() <= 2 * 1_001_001 + 100);
    }

    #[test]
    fn bytes_that_a_reader_holds_do_not_change_under_it() {
        let mut value = Str::raw(vec![b'a'; 300]);
        let held = value.to_bytes();
        value.write_at(0, b"b");
        value.append(b"c");
        assert_eq!(held, vec![b'a'; 300]);
        assert_eq!(value.len(), 301);
        let held = value.to_bytes();
        let copy = value.clone();
        value.write_at(299, b"zz");
        assert_eq!(&held[299..], b"ac");
        assert_eq!(&bytes_of(&copy)[299..], b"ac");
        assert_eq!(&bytes_of(&value)[299..], b"zz");
    }

    #[derive(Clone, Debug)]
    enum Change {
        Append(Vec<u8>),
        WriteAt(usize, Vec<u8>),
        Hold,
        Release,
    }

    fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<i64>().prop_map(|value| value.to_string().into_bytes()),
            (-20_i64..20).prop_map(|value| value.to_string().into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..60),
            proptest::collection::vec(any::<u8>(), 200..400),
        ]
    }

    fn a_change() -> impl Strategy<Value = Change> {
        let piece = || proptest::collection::vec(any::<u8>(), 0..30);
        prop_oneof![
            4 => piece().prop_map(Change::Append),
            4 => (0_usize..60, piece()).prop_map(|(offset, bytes)| Change::WriteAt(offset, bytes)),
            1 => (200_usize..500, piece()).prop_map(|(offset, bytes)| Change::WriteAt(offset, bytes)),
            1 => Just(Change::Hold),
            1 => Just(Change::Release),
        ]
    }

    proptest! {
        #[test]
        fn a_value_behaves_as_a_vector_of_bytes(
            start in some_bytes(), raw in any::<bool>(), changes in proptest::collection::vec(a_change(), 0..40),
        ) {
            let mut value = if raw { Str::raw(start.clone()) } else { Str::from_bytes(&start) };
            let mut model = start;
            let mut held = Vec::new();
            for change in changes {
                match change {
                    Change::Append(bytes) => {
                        value.append(&bytes);
                        model.extend_from_slice(&bytes);
                        prop_assert_eq!(value.encoding(), Encoding::Raw);
                    }
                    Change::WriteAt(offset, bytes) => {
                        value.write_at(offset, &bytes);
                        if !bytes.is_empty() {
                            model.resize(model.len().max(offset + bytes.len()), 0);
                            model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                        }
                    }
                    Change::Hold => held.push((value.to_bytes(), model.clone())),
                    Change::Release => held.clear(),
                }
                prop_assert_eq!(bytes_of(&value), model.clone());
                prop_assert_eq!(value.to_bytes(), model.clone());
                prop_assert_eq!(value.len(), model.len());
                prop_assert_eq!(&value, &Str::raw(model.clone()));
                prop_assert!(value.allocated_bytes() >= model.len() || model.len() <= Inline::MAX);
                for (bytes, expected) in &held {
                    prop_assert_eq!(bytes, expected);
                }
            }
        }

        #[test]
        fn a_value_is_an_integer_exactly_if_its_text_survives_a_round_trip(text in "[-+ ]?[0-9a]{0,21}") {
            let round_trip = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            let value = Str::from_bytes(text.as_bytes());
            prop_assert_eq!(value.as_int(), round_trip);
            prop_assert_eq!(Str::raw(text.clone().into_bytes()).as_int(), round_trip);
            prop_assert_eq!(value.encoding() == Encoding::Int, round_trip.is_some());
            prop_assert_eq!(bytes_of(&value), text.into_bytes());
        }

        #[test]
        fn a_shared_value_equals_a_copied_one(bytes in some_bytes()) {
            let shared = Str::from_shared(Bytes::from(bytes.clone()));
            let copied = Str::from_bytes(&bytes);
            prop_assert_eq!(shared.encoding(), copied.encoding());
            prop_assert_eq!(shared.allocated_bytes(), copied.allocated_bytes());
            prop_assert_eq!(shared, copied);
        }

        #[test]
        fn integers_are_spelled_as_the_standard_library_spells_them(value in any::<i64>()) {
            prop_assert_eq!(IntBuffer::of(value).as_slice().to_vec(), value.to_string().into_bytes());
        }
    }
}
