//! The value of a string key: an integer, bytes beside the key, or bytes in a buffer that readers share.
//!
//! Knows nothing of keys, limits on length, expiry or replies; a caller checks `proto-max-bulk-len`.
use std::fmt;

use bytes::{Bytes, BytesMut};

use super::Encoding;
use crate::memory::block_bytes;
use crate::number::parse_i64;

/// The longest value that Redis keeps beside its object header and reports as `embstr`.
const EMBSTR_MAX: usize = 44;

/// The longest value that is kept beside its key, where readers copy it. A shared one costs an allocation more, and
/// readers on other threads contend for its count of references; from here on a copy would take longer than that.
pub const SHORT_MAX: usize = 4096;

/// The longest value that is changed by making it anew, beside its key again. Longer ones get room to grow.
const COPIED_AGAIN_MAX: usize = 64;

/// A sign and three times eight digits, enough for the 19 of an `i64`.
const INT_TEXT_MAX: usize = 25;

/// The digits of a number below 10^8, the first one in the lowest byte, without what makes them text.
///
/// They are found all at once and written in one piece, because a copy that reads what several stores wrote waits for them.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // 10486 / 2^20 and 103 / 2^10 are a hundredth and a tenth, near enough for four digits and for two.
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - tens * 10) << 8
}

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
    #[inline(never)]
    pub fn format(&mut self, value: i64) -> &[u8] {
        let mut rest = value.unsigned_abs();
        let mut end = INT_TEXT_MAX;
        let mut start;
        loop {
            let digits = eight_digits(rest % 100_000_000);
            rest /= 100_000_000;
            start = end - 8;
            self.digits[start..end].copy_from_slice(&(digits | 0x3030_3030_3030_3030).to_le_bytes());
            if rest == 0 {
                start += (digits.trailing_zeros() / 8).min(7) as usize;
                break;
            }
            end = start;
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

/// A value of the string type, where it lies: in an entry, in a caller's hands.
#[derive(Clone, Copy)]
pub enum StrRef<'a> {
    /// `int`.
    Int(i64),
    /// Bytes that readers copy.
    Short {
        /// The bytes; not necessarily few.
        bytes: &'a [u8],
        /// Changed in place, which `OBJECT ENCODING` shows as `raw` however short they are.
        raw: bool,
    },
    /// `raw`, in a buffer that readers share.
    Shared(&'a Bytes),
}

impl<'a> StrRef<'a> {
    /// The value that `SET` makes of `bytes`: an integer if they are the canonical text of one.
    #[inline]
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        // Only canonical text is read as a number, so it comes back as the same bytes.
        match parse_i64(bytes) {
            Some(value) => StrRef::Int(value),
            None => Self::text(bytes),
        }
    }

    /// Like [`StrRef::from_bytes`], but whoever stores a long value shares `bytes` instead of copying them. If they are a
    /// slice of a larger buffer, the whole buffer stays in memory as long as the value.
    #[inline]
    pub fn from_shared(bytes: &'a Bytes) -> Self {
        if bytes.len() > SHORT_MAX { StrRef::Shared(bytes) } else { Self::from_bytes(bytes) }
    }

    /// `bytes` as they are, never as an integer: what `INCRBYFLOAT` leaves even when the sum is whole.
    #[inline]
    pub const fn text(bytes: &'a [u8]) -> Self {
        StrRef::Short { bytes, raw: false }
    }

    /// `bytes` as they are, as a command leaves them that works on bytes in place: `raw`. Whoever stores a long value shares them.
    pub fn raw(bytes: &'a Bytes) -> Self {
        if bytes.len() > SHORT_MAX { StrRef::Shared(bytes) } else { StrRef::Short { bytes, raw: true } }
    }

    /// Number of bytes, as `STRLEN` counts them. O(1).
    #[inline]
    pub fn len(self) -> usize {
        match self {
            StrRef::Int(value) => {
                let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
                digits as usize + usize::from(value < 0)
            }
            StrRef::Short { bytes, .. } => bytes.len(),
            StrRef::Shared(bytes) => bytes.len(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes; `buffer` is where an integer is spelled out.
    #[inline]
    pub fn as_slice<'b>(self, buffer: &'b mut IntBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            StrRef::Int(value) => buffer.format(value),
            StrRef::Short { bytes, .. } => bytes,
            StrRef::Shared(bytes) => bytes,
        }
    }

    /// The bytes, to keep. O(1) for long values, which are shared: a change made to the value afterwards copies
    /// them first and is not seen here.
    #[inline]
    pub fn to_bytes(self) -> crate::Bytes {
        match self {
            StrRef::Int(value) => crate::Bytes::copy_from_slice(IntBuffer::of(value).as_slice()),
            StrRef::Short { bytes, .. } => crate::Bytes::copy_from_slice(bytes),
            StrRef::Shared(bytes) => bytes.clone().into(),
        }
    }

    /// The value as a number, if it is one or its bytes are the canonical text of one.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        match self {
            StrRef::Int(value) => Some(value),
            StrRef::Short { bytes, .. } => parse_i64(bytes),
            StrRef::Shared(bytes) => parse_i64(bytes),
        }
    }

    /// What `OBJECT ENCODING` reports: `int`, `embstr` or `raw`.
    pub const fn encoding(self) -> Encoding {
        match self {
            StrRef::Int(_) => Encoding::Int,
            StrRef::Short { bytes, raw: false } if bytes.len() <= EMBSTR_MAX => Encoding::Embstr,
            StrRef::Short { .. } | StrRef::Shared(_) => Encoding::Raw,
        }
    }

    /// A value of its own, equal to this one.
    pub fn to_owned(self) -> Str {
        match self {
            StrRef::Int(value) => Str::Int(value),
            StrRef::Short { bytes, raw } if bytes.len() <= SHORT_MAX => {
                Str::Short { bytes: bytes.into(), raw }
            }
            StrRef::Short { bytes, .. } => Str::Shared(Box::new(Shared::new(Bytes::copy_from_slice(bytes)))),
            StrRef::Shared(bytes) => Str::Shared(Box::new(Shared::new(bytes.clone()))),
        }
    }
}

impl PartialEq for StrRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice(&mut IntBuffer::new()) == other.as_slice(&mut IntBuffer::new())
    }
}

impl Eq for StrRef<'_> {}

impl fmt::Debug for StrRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_slice(&mut IntBuffer::new()).escape_ascii())
    }
}

/// A value of the string type with what it owns: on its way from one key to another, or while it is changed in place.
#[derive(Clone)]
pub enum Str {
    /// `int`.
    Int(i64),
    /// Up to [`SHORT_MAX`] bytes.
    Short {
        /// The bytes.
        bytes: Box<[u8]>,
        /// See [`StrRef::Short`].
        raw: bool,
    },
    /// More than that, or bytes with room to grow.
    Shared(Box<Shared>),
}

/// Bytes that readers share. While none of them does, bytes that were changed in place are taken back into a buffer
/// of their full capacity, so appending stays O(1) although every reader gets them without a copy.
#[derive(Clone, Debug)]
pub struct Shared {
    bytes: Bytes,
    /// Bytes in the allocation behind `bytes`, which does not tell.
    capacity: usize,
}

impl Shared {
    fn new(bytes: Bytes) -> Self {
        Self { capacity: bytes.len(), bytes }
    }

    /// The bytes, to share.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What they take with this struct. Memory that other readers hold counts once, here.
    pub(crate) const fn allocated_bytes(&self) -> usize {
        block_bytes(size_of::<Self>()) + block_bytes(self.capacity) + block_bytes(SHARING_BYTES)
    }
}

/// What [`Bytes`] allocates beside the bytes once there is a second reader.
const SHARING_BYTES: usize = 24;

impl Str {
    /// The value where it lies.
    #[inline]
    pub fn as_ref(&self) -> StrRef<'_> {
        match self {
            Str::Int(value) => StrRef::Int(*value),
            Str::Short { bytes, raw } => StrRef::Short { bytes, raw: *raw },
            Str::Shared(shared) => StrRef::Shared(&shared.bytes),
        }
    }

    /// Nothing yet, `raw`: what `APPEND` and `SETRANGE` make of a missing key.
    pub fn empty() -> Self {
        Str::Short { bytes: Box::default(), raw: true }
    }

    /// Adds `bytes` at the end. Amortised O(bytes added), unless a reader still shares the value. As in Redis the
    /// value is `raw` from then on, even if nothing was added.
    pub fn append(&mut self, bytes: &[u8]) {
        let end = self.as_ref().len();
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

    /// Takes back what was added behind so many bytes. Room that it got stays.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Str::Shared(shared) => shared.bytes.truncate(length),
            Str::Short { bytes, .. } if bytes.len() > length => *bytes = bytes[..length].into(),
            Str::Short { .. } | Str::Int(_) => {}
        }
    }

    fn overwrite(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len()).expect("a value fits in memory");
        let copy = |old: &[u8]| {
            let mut buffer = BytesMut::with_capacity(end.max(old.len()));
            buffer.extend_from_slice(old);
            buffer
        };
        let mut buffer = match self {
            Str::Shared(shared) => {
                let bytes = std::mem::take(&mut shared.bytes);
                bytes.try_into_mut().unwrap_or_else(|shared| copy(&shared))
            }
            _ => copy(self.as_ref().as_slice(&mut IntBuffer::new())),
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

    /// Takes `buffer` as the value, changed in place.
    fn keep(&mut self, buffer: BytesMut) {
        let capacity = buffer.capacity();
        match self {
            Str::Shared(shared) => **shared = Shared { bytes: buffer.freeze(), capacity },
            short if buffer.len() <= COPIED_AGAIN_MAX => {
                *short = Str::Short { bytes: (*buffer).into(), raw: true }
            }
            other => *other = Str::Shared(Box::new(Shared { bytes: buffer.freeze(), capacity })),
        }
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Str {}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(value: &Str) -> Vec<u8> {
        value.as_ref().as_slice(&mut IntBuffer::new()).to_vec()
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
            assert_eq!(StrRef::from_bytes(set.as_bytes()).encoding(), encoding, "SET {set:?}");
        }
        assert_eq!(StrRef::text(b"3").encoding(), Embstr, "INCRBYFLOAT 1.5 to 3");

        let mut value = Str::Int(10);
        value.append(b"");
        assert_eq!(value.as_ref().encoding(), Raw, "APPEND of nothing to 10");
        let mut value = Str::Int(10);
        value.write_at(0, b"");
        assert_eq!(value.as_ref().encoding(), Int, "SETRANGE of nothing to 10");
        value.append(b"1");
        assert_eq!(value.as_ref().encoding(), Raw, "APPEND 1 to 10");
        assert_eq!(value.as_ref().as_int(), Some(101));
        let mut value = StrRef::from_bytes(b"abc").to_owned();
        value.write_at(0, b"x");
        assert_eq!(value.as_ref().encoding(), Raw, "SETBIT in abc");
        let mut value = Str::empty();
        value.write_at(2, b"ab");
        assert_eq!(value.as_ref().encoding(), Raw, "SETRANGE of a missing key");
    }

    #[test]
    fn a_long_value_is_given_out_without_a_copy_and_appended_to_without_a_copy() {
        let mut value = StrRef::from_bytes(&[b'x'; 1000]).to_owned();
        value.append(b"y");
        let address = |value: &Str| value.as_ref().as_slice(&mut IntBuffer::new()).as_ptr();
        let before = address(&value);
        let (first, second) = (value.as_ref().to_bytes(), value.as_ref().to_bytes());
        assert_eq!((first.as_ptr(), second.as_ptr()), (before, before));
        drop((first, second));
        let mut moves = 0;
        let mut last = before;
        for _ in 0..100_000 {
            value.append(b"0123456789");
            moves += u32::from(address(&value) != last);
            last = address(&value);
        }
        assert_eq!(value.as_ref().len(), 1_001_001);
        assert!(
            moves <= 12,
            "a buffer that doubles is moved at most 12 times on the way to 1 MB, not {moves}"
        );
        let Str::Shared(shared) = value else { panic!("it was changed in place") };
        assert!((1_001_001..=2_002_002).contains(&shared.capacity), "{}", shared.capacity);
    }

    #[test]
    fn bytes_that_a_reader_holds_do_not_change_under_it() {
        let mut value = StrRef::text(&[b'a'; 299]).to_owned();
        value.append(b"a");
        let held = value.as_ref().to_bytes();
        value.write_at(0, b"b");
        value.append(b"c");
        assert_eq!(held, vec![b'a'; 300]);
        assert_eq!(value.as_ref().len(), 301);
        let held = value.as_ref().to_bytes();
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
            proptest::collection::vec(any::<u8>(), SHORT_MAX - 3..SHORT_MAX + 3),
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
            start in some_bytes(), changes in proptest::collection::vec(a_change(), 0..40),
        ) {
            let mut value = StrRef::from_bytes(&start).to_owned();
            let mut model = start;
            let mut held = Vec::new();
            for change in changes {
                match change {
                    Change::Append(bytes) => {
                        value.append(&bytes);
                        model.extend_from_slice(&bytes);
                        prop_assert_eq!(value.as_ref().encoding(), Encoding::Raw);
                    }
                    Change::WriteAt(offset, bytes) => {
                        value.write_at(offset, &bytes);
                        if !bytes.is_empty() {
                            model.resize(model.len().max(offset + bytes.len()), 0);
                            model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                        }
                    }
                    Change::Hold => held.push((value.as_ref().to_bytes(), model.clone())),
                    Change::Release => held.clear(),
                }
                prop_assert_eq!(bytes_of(&value), model.clone());
                prop_assert_eq!(value.as_ref().to_bytes(), model.clone());
                prop_assert_eq!(value.as_ref().len(), model.len());
                prop_assert_eq!(value.as_ref(), StrRef::text(&model));
                prop_assert_eq!(&value, &value.as_ref().to_owned());
                for (bytes, expected) in &held {
                    prop_assert_eq!(bytes, expected);
                }
            }
        }

        #[test]
        fn a_value_is_an_integer_exactly_if_its_text_survives_a_round_trip(text in "[-+ ]?[0-9a]{0,21}") {
            let round_trip = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            let value = StrRef::from_bytes(text.as_bytes());
            prop_assert_eq!(value.as_int(), round_trip);
            prop_assert_eq!(StrRef::text(text.as_bytes()).as_int(), round_trip);
            prop_assert_eq!(value.encoding() == Encoding::Int, round_trip.is_some());
            prop_assert_eq!(bytes_of(&value.to_owned()), text.into_bytes());
        }

        #[test]
        fn a_shared_value_equals_a_copied_one(bytes in some_bytes()) {
            let bytes = Bytes::from(bytes);
            let (shared, copied) = (StrRef::from_shared(&bytes), StrRef::from_bytes(&bytes));
            prop_assert_eq!(shared.encoding(), copied.encoding());
            prop_assert_eq!(shared.to_bytes(), copied.to_bytes());
            prop_assert_eq!(shared, copied);
        }

        #[test]
        fn integers_are_spelled_as_the_standard_library_spells_them(value in any::<i64>()) {
            prop_assert_eq!(IntBuffer::of(value).as_slice().to_vec(), value.to_string().into_bytes());
        }
    }
}
