//! Python's values as the words of a command, as redis-py's encoder has them.
use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMemoryView, PyString, PyTuple};
use smallvec::SmallVec;

use crate::{errors, text};

/// A word, borrowed from Python's object where that has its bytes.
pub(crate) type Word<'a> = Cow<'a, [u8]>;
pub(crate) type Words<'a> = SmallVec<[Word<'a>; 8]>;

/// Text as bytes, and bytes as text: redis-py's `encoding`, `encoding_errors` and `decode_responses`.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    /// `None` for UTF-8 that has to be right, which is what nearly everybody has.
    pub(crate) other: Option<(String, String)>,
}

impl Encoding {
    pub(crate) fn new(encoding: &str, errors: &str) -> Self {
        let is_usual = errors == "strict" && matches!(&*encoding.to_ascii_lowercase(), "utf-8" | "utf8");
        Self { other: (!is_usual).then(|| (encoding.to_owned(), errors.to_owned())) }
    }
}

/// One value as a word.
#[inline]
pub(crate) fn word<'a>(value: Borrowed<'a, '_, PyAny>, encoding: &Encoding) -> PyResult<Word<'a>> {
    if let Ok(text) = value.cast::<PyString>() {
        return match &encoding.other {
            None => match text::of_str(text) {
                Some(bytes) => Ok(bytes),
                None => encode(text, "utf-8", "strict"),
            },
            Some((encoding, errors)) => encode(text, encoding, errors),
        };
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(text::of_bytes(bytes)));
    }
    rarer_word(value)
}

/// A whole number as a word.
pub(crate) fn decimal(number: i64) -> Word<'static> {
    Cow::Owned(itoa::Buffer::new().format(number).into())
}

fn encode<'a>(text: Borrowed<'a, '_, PyString>, encoding: &str, errors: &str) -> PyResult<Word<'a>> {
    let encoded = text.call_method1("encode", (encoding, errors))?;
    Ok(Cow::Owned(encoded.cast::<PyBytes>()?.as_bytes().to_vec()))
}

fn rarer_word<'a>(value: Borrowed<'a, '_, PyAny>) -> PyResult<Word<'a>> {
    if value.is_exact_instance_of::<PyInt>()
        && let Ok(number) = value.extract::<i64>()
    {
        return Ok(decimal(number));
    }
    let is_bool = value.is_instance_of::<PyBool>();
    if !is_bool && (value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>()) {
        return Ok(Cow::Owned(value.repr()?.to_string().into_bytes()));
    }
    if value.is_instance_of::<PyMemoryView>() {
        let copy = value.call_method0("tobytes")?;
        return Ok(Cow::Owned(copy.cast::<PyBytes>()?.as_bytes().to_vec()));
    }
    if let Ok(array) = value.cast::<PyByteArray>() {
        return Ok(Cow::Owned(array.to_vec()));
    }
    let kind = if is_bool { "bool".to_owned() } else { value.get_type().name()?.to_string() };
    Err(errors::data_error(
        value.py(),
        format!("Invalid input of type: '{kind}'. Convert to a bytes, string, int or float first."),
    ))
}

/// The words of a command as redis-py has it: the first value is the name, whose parts come as words of their own.
pub(crate) fn command<'a>(values: &'a Bound<'_, PyTuple>, encoding: &Encoding) -> PyResult<Words<'a>> {
    let mut words = Words::new();
    for place in 0..values.len() {
        let word = word(values.get_borrowed_item(place)?, encoding)?;
        if place == 0 && word.iter().any(u8::is_ascii_whitespace) {
            let parts = word.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty());
            words.extend(parts.map(|part| Cow::Owned(part.to_vec())));
        } else {
            words.push(word);
        }
    }
    Ok(words)
}

/// What the engine takes.
pub(crate) fn slices<'w>(words: &'w [Word<'_>]) -> SmallVec<[&'w [u8]; 8]> {
    words.iter().map(AsRef::as_ref).collect()
}
