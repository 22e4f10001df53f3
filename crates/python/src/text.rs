//! The bytes of Python's strings, without copying them.
//!
//! Every word of a command passes here, so a copy would be an allocation for each. Both kinds of string never change, and whoever
//! calls holds a reference for as long as the bytes are borrowed: that is all that soundness needs, with the interpreter's lock and
//! without it.
#![allow(
    unsafe_code,
    reason = "two calls of Python's C interface, for 80 of the 250 nanoseconds of a GET by a str"
)]
use std::ffi::{c_char, c_int};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

#[cfg(not(windows))]
unsafe extern "C" {
    /// Part of the stable interface since Python 3.10, and there under the same name since 3.3. Windows looks its name up in a library that
    /// has the stable interface only.
    fn PyUnicode_AsUTF8AndSize(text: *mut pyo3::ffi::PyObject, length: *mut isize) -> *const c_char;
}

/// The bytes of a `bytes`.
pub(crate) fn of_bytes<'a>(bytes: Borrowed<'a, '_, PyBytes>) -> &'a [u8] {
    let (mut start, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: it is a `bytes`, so both are set, to memory that lives and stays the same as long as the object, which is borrowed for 'a.
    unsafe {
        let failed: c_int =
            pyo3::ffi::PyBytes_AsStringAndSize(bytes.as_ptr(), &raw mut start, &raw mut length);
        debug_assert_eq!(failed, 0, "only what is no bytes fails");
        std::slice::from_raw_parts(start.cast::<u8>(), length.cast_unsigned())
    }
}

/// The UTF-8 of a `str`, which Python keeps with it; `None` if it has none, because of a surrogate.
#[cfg(not(windows))]
pub(crate) fn of_str<'a>(text: Borrowed<'a, '_, PyString>) -> Option<std::borrow::Cow<'a, [u8]>> {
    let mut length = 0;
    // SAFETY: it is a `str`. What is returned belongs to it and stays the same as long as it lives, which is at least 'a.
    unsafe {
        let start = PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length);
        if start.is_null() {
            drop(PyErr::take(text.py()));
            return None;
        }
        Some(std::borrow::Cow::Borrowed(std::slice::from_raw_parts(
            start.cast::<u8>(),
            length.cast_unsigned(),
        )))
    }
}

/// The same by a copy.
#[cfg(windows)]
pub(crate) fn of_str<'a>(text: Borrowed<'a, '_, PyString>) -> Option<std::borrow::Cow<'a, [u8]>> {
    let text = text.to_cow().ok()?;
    Some(std::borrow::Cow::Owned(text.into_owned().into_bytes()))
}
