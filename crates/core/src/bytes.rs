//! Byte strings that are cheap to clone and small when short: what commands answer with.
#![expect(unsafe_code, reason = "a union, whose layout a GET's time depends on; see `Data`")]
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::num::NonZeroU64;
use std::ops::{Deref, RangeBounds};

/// The longest string that lies in place: with its length beside it, a [`Bytes`] has 72 bytes, so that a value of a cache
/// line and the usual key are given out without an allocation.
const INLINE_MAX: usize = 64;

/// A string of any bytes: a key, a field, a value, an answer.
///
/// Up to 64 bytes lie in place. Longer ones are shared with the store: to read a value of 10 MB copies nothing, and what is
/// written to its key afterwards is not seen here. It behaves as a `[u8]`, compares with text and bytes, and turns into
/// `Vec<u8>` and [`bytes::Bytes`].
///
/// ```
/// use redlet_core::Bytes;
///
/// let name = Bytes::from("redlet");
/// assert_eq!(name, "redlet");
/// assert_eq!(&name[..3], b"red");
/// assert_eq!(name.to_str(), Ok("redlet"));
/// assert_eq!(Vec::from(name), b"redlet");
/// ```
#[repr(C)]
pub struct Bytes {
    data: Data,
    form: Form,
}

/// The form says which. The bytes come first and the form is a whole word, so that an answer on its way through several
/// results is moved in the same pieces in which it was written: as an enum with a byte for its length, a third of a GET's
/// time went into stores that could not be forwarded to the loads after them.
union Data {
    inline: [MaybeUninit<u8>; INLINE_MAX],
    shared: ManuallyDrop<bytes::Bytes>,
}

/// One more than the length of an inline string; `SHARED` for a shared one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form(NonZeroU64);

const SHARED: Form = Form(NonZeroU64::MAX);

const _: () = assert!(size_of::<Option<Bytes>>() == 72);

impl Bytes {
    /// No bytes.
    pub const fn new() -> Self {
        Self { data: Data { inline: [MaybeUninit::uninit(); INLINE_MAX] }, form: Form(NonZeroU64::MIN) }
    }

    /// A copy of `bytes`.
    #[inline]
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE_MAX {
            return Self::share(bytes::Bytes::copy_from_slice(bytes));
        }
        let mut inline = [MaybeUninit::uninit(); INLINE_MAX];
        inline[..bytes.len()].write_copy_of_slice(bytes);
        Self { data: Data { inline }, form: Form(NonZeroU64::MIN.saturating_add(bytes.len() as u64)) }
    }

    fn share(bytes: bytes::Bytes) -> Self {
        Self { data: Data { shared: ManuallyDrop::new(bytes) }, form: SHARED }
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self.as_shared() {
            Some(shared) => shared,
            None => {
                let length = self.form.0.get() as usize - 1;
                // SAFETY: the form is not `SHARED`, so the inline bytes are there, and as many were written as it says.
                unsafe { self.data.inline[..length].assume_init_ref() }
            }
        }
    }

    /// The buffer of a long string, to share.
    #[inline]
    pub fn as_shared(&self) -> Option<&bytes::Bytes> {
        // SAFETY: the form says that the shared buffer is there.
        (self.form == SHARED).then(|| unsafe { &*self.data.shared })
    }

    /// The same, to keep.
    fn into_shared(self) -> Result<bytes::Bytes, Self> {
        if self.form != SHARED {
            return Err(self);
        }
        let mut bytes = ManuallyDrop::new(self);
        // SAFETY: the form says that the shared buffer is there, and what it is taken out of is not dropped.
        Ok(unsafe { ManuallyDrop::take(&mut bytes.data.shared) })
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// If they are not UTF-8.
    pub fn to_str(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(self)
    }

    /// Part of the bytes; a long one is shared, not copied.
    ///
    /// # Panics
    /// If the range is not within the bytes.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        match self.as_shared() {
            Some(bytes) => bytes.slice(range).into(),
            None => {
                let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
                Self::copy_from_slice(&self[bounds])
            }
        }
    }
}

impl Drop for Bytes {
    #[inline]
    fn drop(&mut self) {
        if self.form == SHARED {
            // SAFETY: the form says that the shared buffer is there, and nobody looks afterwards.
            unsafe { ManuallyDrop::drop(&mut self.data.shared) }
        }
    }
}

impl Clone for Bytes {
    fn clone(&self) -> Self {
        match self.as_shared() {
            Some(bytes) => Self::share(bytes.clone()),
            // SAFETY: the form is not `SHARED`, so the inline bytes are there, which may be copied, written or not.
            None => Self { data: Data { inline: unsafe { self.data.inline } }, form: self.form },
        }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl Hash for Bytes {
    /// As a slice does, so that a map can be asked with one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other)
    }
}

macro_rules! equal_to {
    ($($type:ty),*) => {$(
        impl PartialEq<$type> for Bytes {
            fn eq(&self, other: &$type) -> bool {
                self.as_slice() == AsRef::<[u8]>::as_ref(other)
            }
        }
    )*};
    ($($type:ty => reversed),*) => {$(
        equal_to!($type);
        impl PartialEq<Bytes> for $type {
            fn eq(&self, other: &Bytes) -> bool {
                AsRef::<[u8]>::as_ref(self) == other.as_slice()
            }
        }
    )*};
}

equal_to!(Bytes);
equal_to!([u8] => reversed, &[u8] => reversed, str => reversed, &str => reversed, String => reversed);
equal_to!(Vec<u8> => reversed, bytes::Bytes => reversed);

impl<const N: usize> PartialEq<[u8; N]> for Bytes {
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Bytes {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_slice() == *other
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from_slice(bytes)
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self::copy_from_slice(text.as_bytes())
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        if bytes.len() <= INLINE_MAX { Self::copy_from_slice(&bytes) } else { Self::share(bytes) }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        bytes::Bytes::from(bytes).into()
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> Self {
        bytes.into_shared().unwrap_or_else(|inline| Self::copy_from_slice(&inline))
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.into_shared().map_or_else(|inline| inline.to_vec(), Self::from)
    }
}

impl<'a> IntoIterator for &'a Bytes {
    type Item = &'a u8;
    type IntoIter = std::slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_is_the_same_at_every_length() {
        for length in (0..200).chain([4096, 1 << 20]) {
            let plain: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
            let copied = Bytes::copy_from_slice(&plain);
            let shared = Bytes::from(plain.clone());
            assert_eq!(copied, plain);
            assert_eq!(copied, shared);
            assert_eq!(shared.slice(length / 3..), plain[length / 3..]);
            assert_eq!(bytes::Bytes::from(copied.clone()), plain);
            assert_eq!(Vec::from(shared.clone()), plain);
            let counted = HashMap::from([(shared, length)]);
            assert_eq!(counted.get(&plain[..]), Some(&length));
        }
    }

    #[test]
    fn it_is_ordered_as_its_bytes_are() {
        let mut strings = ["b", "", "ab", "a", "\u{ff}"].map(Bytes::from);
        strings.sort();
        assert_eq!(strings, ["", "a", "ab", "b", "\u{ff}"].map(Bytes::from));
        assert_eq!(format!("{:?}", Bytes::from("a\"\n")), r#"b"a\"\n""#);
    }
}
