//! Replies as the Python values that redis-py's parsers make of them.
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple, PyType};
use redlet::Reply;

use crate::errors;
use crate::words::Encoding;

/// What becomes of strings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decoding<'e> {
    /// They stay bytes.
    Bytes,
    /// They become text.
    Text(&'e Encoding),
}

/// What a method makes of a reply, as redis-py's callback for its command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The reply as it is.
    Value,
    /// `True` for OK.
    Done,
    /// `True` for 1.
    Truth,
    /// A number with a fraction.
    Number,
    /// A `dict`, whatever the protocol has.
    Pairs,
    /// A `set` of an array.
    Set,
}

#[inline]
pub(crate) fn string<'py>(
    py: Python<'py>,
    bytes: &[u8],
    decoding: Decoding<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match decoding {
        Decoding::Bytes => PyBytes::new(py, bytes).into_any(),
        Decoding::Text(Encoding { other: None }) => PyString::from_bytes(py, bytes)?.into_any(),
        Decoding::Text(Encoding { other: Some((encoding, errors)) }) => {
            PyBytes::new(py, bytes).call_method1("decode", (encoding, errors))?
        }
    })
}

/// A reply in the types of RESP3, or after [`Reply::into_resp2`] in those of RESP2.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    reply: &Reply,
    decoding: Decoding<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let list = |items: &[Reply]| -> PyResult<Bound<'py, PyAny>> {
        let list = PyList::empty(py);
        for item in items {
            list.append(to_python(py, item, decoding)?)?;
        }
        Ok(list.into_any())
    };
    let pair =
        |(a, b): &(Reply, Reply)| PyList::new(py, [to_python(py, a, decoding)?, to_python(py, b, decoding)?]);
    Ok(match reply {
        Reply::Null | Reply::NullArray | Reply::Silence => py.None().into_bound(py),
        Reply::Status(word) => string(py, word.as_bytes(), decoding)?,
        Reply::Integer(number) => PyInt::new(py, *number).into_any(),
        Reply::Double(number) => PyFloat::new(py, *number).into_any(),
        Reply::Decimal(digits) => PyFloat::new(py, digits.parse().unwrap_or(f64::NAN)).into_any(),
        Reply::Boolean(yes) => PyBool::new(py, *yes).to_owned().into_any(),
        Reply::Bulk(bytes) => string(py, bytes, decoding)?,
        Reply::Verbatim(text) => string(py, text.as_bytes(), decoding)?,
        Reply::Array(items) => list(items)?,
        Reply::Set(items) => set(py, list(items)?)?,
        Reply::Push(items) => push(py, list(items)?)?,
        Reply::Map(pairs) | Reply::MapOfPairs(pairs) => {
            let dict = PyDict::new(py);
            for (key, value) in pairs {
                dict.set_item(to_python(py, key, decoding)?, to_python(py, value, decoding)?)?;
            }
            dict.into_any()
        }
        Reply::Pairs(pairs) => {
            let list = PyList::empty(py);
            for both in pairs {
                list.append(pair(both)?)?;
            }
            list.into_any()
        }
        Reply::Rows(rows) => {
            let dict = PyDict::new(py);
            for (name, values) in rows {
                dict.set_item(to_python(py, name, decoding)?, list(values)?)?;
            }
            dict.into_any()
        }
        Reply::Error(refusal) => errors::refusal(py, refusal)?,
        Reply::BigNumber(digits) => py.get_type::<PyInt>().call1((&**digits,))?,
        Reply::Attributed { reply, .. } => to_python(py, reply, decoding)?,
        other => return Err(errors::data_error(py, format!("no Python value for {other:?}"))),
    })
}

/// Sets are lists, but for redis-py before 5.1.
fn set<'py>(py: Python<'py>, list: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static SET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made_by = SET.import(py, "redlet.exceptions", "make_set")?;
    if made_by.is_none() { Ok(list) } else { made_by.call1((list,)) }
}

/// What nobody asked for just now is told from answers by its class.
fn push<'py>(py: Python<'py>, list: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static PUSH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    PUSH.import(py, "redlet.exceptions", "Push")?.call1((list,))
}

impl Shape {
    /// What a callback of redis-py's makes of a reply where nothing else is given to it, as far as that is known.
    pub(crate) fn of_callback(callback: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        static OF_OK: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
        let py = callback.py();
        if callback.is(py.get_type::<PyBool>()) {
            return Ok(Some(Shape::Truth));
        }
        let of_ok = OF_OK.import(py, "redlet.direct", "OK_CALLBACKS")?;
        Ok(of_ok.iter().any(|known| callback.is(&known)).then_some(Shape::Done))
    }
}

/// The yes or no that a method or a callback makes of a reply, which is the same in both protocols.
pub(crate) fn yes_or_no<'py>(py: Python<'py>, reply: &Reply, shape: Shape) -> Option<Bound<'py, PyAny>> {
    let yes = match (shape, reply) {
        (Shape::Done, Reply::Status(word)) => word == "OK",
        (Shape::Truth, Reply::Integer(number)) => *number != 0,
        _ => return None,
    };
    Some(PyBool::new(py, yes).to_owned().into_any())
}

/// What a method returns.
pub(crate) fn shaped<'py>(
    py: Python<'py>,
    reply: &Reply,
    decoding: Decoding<'_>,
    shape: Shape,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(answer) = yes_or_no(py, reply, shape) {
        return Ok(answer);
    }
    match (shape, reply) {
        (Shape::Number, Reply::Bulk(text)) => {
            let number = text.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
            Ok(PyFloat::new(py, number).into_any())
        }
        (Shape::Pairs, Reply::Array(items)) => {
            let dict = PyDict::new(py);
            for pair in items.chunks_exact(2) {
                dict.set_item(to_python(py, &pair[0], decoding)?, to_python(py, &pair[1], decoding)?)?;
            }
            Ok(dict.into_any())
        }
        (Shape::Set, Reply::Set(items) | Reply::Array(items)) => {
            let set = PySet::empty(py)?;
            for item in items {
                set.add(to_python(py, item, decoding)?)?;
            }
            Ok(set.into_any())
        }
        _ => to_python(py, reply, decoding),
    }
}
