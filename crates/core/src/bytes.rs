//! Byte strings that are cheap to clone and small when short: what commands answer with.
#![expect(unsafe_code, reason = "a union, whose layout a GET's time depends on; see `Data`")]
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::{ManuallyDrop, MaybeUninit};
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

/// The length of an inline string, or `Shared`.
///
/// Its variants are counted out so that the compiler knows that no other number occurs, and keeps there which variant an enum
/// around a `Bytes` has: an `Option`, a `Result` and a [`Reply`](crate::Reply) have the string at the same place, and what a GET
/// answers is not moved from one into the other.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
#[rustfmt::skip]
enum Form {
    Inline0, Inline1, Inline2, Inline3, Inline4, Inline5, Inline6, Inline7, Inline8, Inline9, Inline10,
    Inline11, Inline12, Inline13, Inline14, Inline15, Inline16, Inline17, Inline18, Inline19, Inline20,
    Inline21, Inline22, Inline23, Inline24, Inline25, Inline26, Inline27, Inline28, Inline29, Inline30,
    Inline31, Inline32, Inline33, Inline34, Inline35, Inline36, Inline37, Inline38, Inline39, Inline40,
    Inline41, Inline42, Inline43, Inline44, Inline45, Inline46, Inline47, Inline48, Inline49, Inline50,
    Inline51, Inline52, Inline53, Inline54, Inline55, Inline56, Inline57, Inline58, Inline59, Inline60,
    Inline61, Inline62, Inline63, Inline64,
    Shared,
}

impl Form {
    /// By length.
    #[rustfmt::skip]
    const INLINE: [Self; INLINE_MAX + 1] = [
        Self::Inline0, Self::Inline1, Self::Inline2, Self::Inline3, Self::Inline4, Self::Inline5,
        Self::Inline6, Self::Inline7, Self::Inline8, Self::Inline9, Self::Inline10, Self::Inline11,
        Self::Inline12, Self::Inline13, Self::Inline14, Self::Inline15, Self::Inline16, Self::Inline17,
        Self::Inline18, Self::Inline19, Self::Inline20, Self::Inline21, Self::Inline22, Self::Inline23,
        Self::Inline24, Self::Inline25, Self::Inline26, Self::Inline27, Self::Inline28, Self::Inline29,
        Self::Inline30, Self::Inline31, Self::Inline32, Self::Inline33, Self::Inline34, Self::Inline35,
        Self::Inline36, Self::Inline37, Self::Inline38, Self::Inline39, Self::Inline40, Self::Inline41,
        Self::Inline42, Self::Inline43, Self::Inline44, Self::Inline45, Self::Inline46, Self::Inline47,
        Self::Inline48, Self::Inline49, Self::Inline50, Self::Inline51, Self::Inline52, Self::Inline53,
        Self::Inline54, Self::Inline55, Self::Inline56, Self::Inline57, Self::Inline58, Self::Inline59,
        Self::Inline60, Self::Inline61, Self::Inline62, Self::Inline63, Self::Inline64,
    ];
}

const _: () = {
    assert!(size_of::<Bytes>() == 72 && size_of::<Result<Option<Bytes>, crate::Error>>() == 72);
    assert!(size_of::<Result<crate::Reply, crate::Error>>() == 72);
    let mut length = 0;
    while length <= INLINE_MAX {
        assert!(Form::INLINE[length] as usize == length);
        length += 1;
    }
};

impl Bytes {
    /// No bytes.
    pub const fn new() -> Self {
        Self { data: Data { inline: [MaybeUninit::uninit(); INLINE_MAX] }, form: Form::Inline0 }
    }

    /// A copy of `bytes`.
    #[inline]
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE_MAX {
            return Self::share(bytes::Bytes::copy_from_slice(bytes));
        }
        let mut inline = [MaybeUninit::uninit(); INLINE_MAX];
        inline[..bytes.len()].write_copy_of_slice(bytes);
        Self { data: Data { inline }, form: Form::INLINE[bytes.len()] }
    }

    fn share(bytes: bytes::Bytes) -> Self {
        Self { data: Data { shared: ManuallyDrop::new(bytes) }, form: Form::Shared }
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self.as_shared() {
            Some(shared) => shared,
            None => {
                let length = self.form as usize;
                // SAFETY: the form is not `Shared`, so the inline bytes are there, and as many were written as it says.
                unsafe { self.data.inline[..length].assume_init_ref() }
            }
        }
    }

    /// The buffer of a long string, to share.
    #[inline]
    pub fn as_shared(&self) -> Option<&bytes::Bytes> {
        // SAFETY: the form says that the shared buffer is there.
        (self.form == Form::Shared).then(|| unsafe { &*self.data.shared })
    }

    /// The same, to keep.
    fn into_shared(self) -> Result<bytes::Bytes, Self> {
        if self.form != Form::Shared {
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
        if self.form == Form::Shared {
            // SAFETY: the form says that the shared buffer is there, and nobody looks afterwards.
            unsafe { ManuallyDrop::drop(&mut self.data.shared) }
        }
    }
}

impl Clone for Bytes {
    fn clone(&self) -> Self {
        match self.as_shared() {
            Some(bytes) => Self::share(bytes.clone()),
            // SAFETY: the form is not `Shared`, so the inline bytes are there, which may be copied, written or not.
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
