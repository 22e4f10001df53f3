//! Refusals and failures as redis-py's exceptions.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use redlet::core::Error as Refusal;
use redlet::{Error, StoreError};

/// Defines a function that makes an exception of a class that Python code defines, which is looked up once.
macro_rules! exception {
    ($(#[$about:meta])* $function:ident, $module:literal, $class:literal) => {
        $(#[$about])*
        pub(crate) fn $function(py: Python<'_>, text: impl Into<String>) -> PyErr {
            static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            match CLASS.import(py, $module, $class) {
                Ok(class) => PyErr::from_type(class.clone(), (text.into(),)),
                Err(error) => error,
            }
        }
    };
}

exception!(data_error, "redis.exceptions", "DataError");
exception!(connection_error, "redis.exceptions", "ConnectionError");
exception!(
    /// Somebody else has the store.
    store_in_use, "redlet.exceptions", "StoreInUse"
);
exception!(
    /// The process was forked from the one that has the store.
    forked, "redlet.exceptions", "ForkedError"
);
exception!(
    /// Only redis-py's own method knows what to do with these arguments.
    long_way, "redlet.exceptions", "LongWay"
);

/// Whether only redis-py's own method knows what to do.
pub(crate) fn is_long_way(py: Python<'_>, error: &PyErr) -> bool {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "redlet.exceptions", "LongWay").is_ok_and(|class| error.is_instance(py, class))
}

/// A refusal as redis-py makes an exception of it, by its own parser.
pub(crate) fn refusal<'py>(py: Python<'py>, refusal: &Refusal) -> PyResult<Bound<'py, PyAny>> {
    static PARSE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match refusal {
        Refusal::Unwritable(_) | Refusal::Closed => {
            Ok(connection_error(py, refusal.to_string()).into_value(py).into_bound(py).into_any())
        }
        _ => PARSE.import(py, "redlet.exceptions", "parse_error")?.call1((refusal.to_string(),)),
    }
}

/// What a failed call raises.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::Command(refused) => refusal(py, refused).map_or_else(|error| error, PyErr::from_value),
        Error::Store(StoreError::AlreadyOpen { .. }) => store_in_use(py, error.to_string()),
        Error::Url { .. } | Error::Options(_) => PyValueError::new_err(error.to_string()),
        _ => connection_error(py, error.to_string()),
    }
}
