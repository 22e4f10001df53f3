//! Methods that take their arguments where the interpreter has them.
//!
//! Under the stable interface of Python 3.9, methods of `PyO3` are called with a tuple and a dictionary, which are made for each call and
//! taken apart again: a third of a GET's time. The other way of calling, with a pointer to the arguments, every Python since 3.7 has; the
//! stable interface promises it since 3.10 under the same number, so it is written down here.
#![allow(unsafe_code, reason = "the interpreter's way of calling; a GET takes 130 of 420 nanoseconds less")]
use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};
use smallvec::SmallVec;

use crate::errors;
use crate::store::Store;

/// `METH_FASTCALL | METH_KEYWORDS`.
const FASTCALL_WITH_KEYWORDS: c_int = 0x0080 | 0x0002;
/// The most parameters that a method names.
pub(crate) const MOST: usize = 8;

type FastCall = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// A method of [`Store`].
pub(crate) trait Method {
    /// Its name, and its signature and what it does as `help` shows them.
    const NAME: &'static CStr;
    const DOC: &'static CStr;
    /// What it can be given by place or by name.
    const PARAMETERS: &'static [&'static str];
    /// How many of them it needs.
    const REQUIRED: usize;
    /// Whether more may follow by place.
    const IS_OPEN: bool;
    /// How many arguments it has where they are the command's words as they stand; no fewer, if more may follow. `None` if redis-py makes
    /// something else of them.
    const PLAIN_WORDS: Option<usize>;

    fn run<'py>(store: &Store, py: Python<'py>, given: &Given<'_, 'py>) -> PyResult<Bound<'py, PyAny>>;

    /// The command's name.
    fn command(py: Python<'_>) -> &Bound<'_, PyString>;

    /// redis-py's method of that name.
    fn long(class: Class) -> &'static PyOnceLock<Py<PyAny>>;
}

/// The classes of redis-py in whose place there are classes with native methods.
#[derive(Clone, Copy)]
pub(crate) enum Class {
    Client,
    Pipeline,
    AsyncPipeline,
}

impl Class {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;
}

/// What a method was given.
pub(crate) struct Given<'a, 'py> {
    named: [Option<Borrowed<'a, 'py, PyAny>>; MOST],
    /// What follows the parameters that have names.
    pub(crate) rest: &'a [Borrowed<'a, 'py, PyAny>],
}

impl<'a, 'py> Given<'a, 'py> {
    /// A parameter that it needs.
    #[inline]
    pub(crate) fn required(&self, place: usize) -> Borrowed<'a, 'py, PyAny> {
        self.named[place].expect("what is required was looked for")
    }

    /// Whether a parameter was not left out.
    #[inline]
    pub(crate) fn is_given(&self, place: usize) -> bool {
        self.named[place].is_some()
    }

    /// A parameter that may be left out, or be `None`, which is the same.
    #[inline]
    pub(crate) fn optional(&self, place: usize) -> Option<Borrowed<'a, 'py, PyAny>> {
        self.named[place].filter(|value| !value.is_none())
    }
}

fn bind<'a, 'py, M: Method>(
    positional: &'a [Borrowed<'a, 'py, PyAny>],
    by_name: Option<ByName<'a, 'py>>,
) -> PyResult<Given<'a, 'py>> {
    let name = || M::NAME.to_string_lossy();
    let placed = positional.len().min(M::PARAMETERS.len());
    let mut given = Given { named: [None; MOST], rest: &positional[placed..] };
    for (place, value) in given.named.iter_mut().zip(&positional[..placed]) {
        *place = Some(*value);
    }
    if !given.rest.is_empty() && !M::IS_OPEN {
        let (name, most, got) = (name(), M::PARAMETERS.len(), positional.len());
        return Err(PyTypeError::new_err(format!(
            "{name}() takes {most} positional arguments but {got} were given"
        )));
    }
    if let Some(ByName { values, names }) = by_name {
        for (index, value) in values.iter().enumerate() {
            let keyword = names.get_borrowed_item(index)?.cast::<PyString>()?.to_string();
            let place =
                M::PARAMETERS.iter().position(|parameter| *parameter == keyword).ok_or_else(|| {
                    PyTypeError::new_err(format!(
                        "{}() got an unexpected keyword argument '{keyword}'",
                        name()
                    ))
                })?;
            if given.named[place].replace(*value).is_some() {
                return Err(PyTypeError::new_err(format!(
                    "{}() got multiple values for argument '{keyword}'",
                    name()
                )));
            }
        }
    }
    if let Some(missing) = (0..M::REQUIRED).find(|place| given.named[*place].is_none()) {
        let missing = M::PARAMETERS[missing];
        return Err(PyTypeError::new_err(format!("{}() missing a required argument: '{missing}'", name())));
    }
    Ok(given)
}

/// Values that were given by name.
#[derive(Clone, Copy)]
struct ByName<'a, 'py> {
    values: &'a [Borrowed<'a, 'py, PyAny>],
    names: Borrowed<'a, 'py, PyTuple>,
}

/// What a call was made with, where the interpreter has it.
struct Arguments<'a, 'py> {
    this: Borrowed<'a, 'py, PyAny>,
    positional: &'a [Borrowed<'a, 'py, PyAny>],
    by_name: Option<ByName<'a, 'py>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    #[inline]
    fn bind<M: Method>(&self) -> PyResult<Given<'a, 'py>> {
        bind::<M>(self.positional, self.by_name)
    }

    /// Whether they are the words of a method's command as they stand. `None` is no word; redis-py has something to say about it.
    #[inline]
    fn are_plain_words<M: Method>(&self) -> bool {
        let count = self.positional.len();
        M::PLAIN_WORDS.is_some_and(|plain| if M::IS_OPEN { count >= plain } else { count == plain })
            && self.by_name.is_none()
            && !self.positional.iter().any(|value| value.is_none())
    }

    /// Calls a function with the same arguments.
    #[cold]
    fn pass_on(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = function.py();
        let all: SmallVec<[_; MOST]> =
            std::iter::once(self.this).chain(self.positional.iter().copied()).collect();
        let all = PyTuple::new(py, all)?;
        let Some(ByName { values, names }) = self.by_name else { return function.call1(all) };
        let keywords = PyDict::new(py);
        for (name, value) in names.iter().zip(values) {
            keywords.set_item(name, value)?;
        }
        function.call(all, Some(&keywords))
    }
}

/// What a function does that the interpreter calls.
trait Body {
    fn answer<'py>(py: Python<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// Does what a call asks for, and tells the interpreter what came of it.
///
/// # Safety
/// As the interpreter calls it: attached; `arguments` are `placed` values and then one for each of `names`, which is a tuple of strings or
/// null. All of them live until it returns.
unsafe extern "C" fn call<B: Body>(
    this: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    placed: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: see above.
    let py = unsafe { Python::assume_attached() };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let borrowed = |from: usize, count: usize| -> &[Borrowed<'_, '_, PyAny>] {
            if count == 0 {
                return &[];
            }
            // SAFETY: so many values are there, none is null, and `Borrowed` is a pointer to one (`repr(transparent)`).
            unsafe { std::slice::from_raw_parts(arguments.add(from).cast(), count) }
        };
        let placed = placed.cast_unsigned();
        // SAFETY: both are objects, or null for the names.
        let (this, names) = unsafe { (Borrowed::from_ptr(py, this), Borrowed::from_ptr_or_opt(py, names)) };
        let by_name = match names {
            None => None,
            Some(names) => {
                let names = names.cast::<PyTuple>()?;
                Some(ByName { values: borrowed(placed, names.len()), names })
            }
        };
        B::answer(py, &Arguments { this, positional: borrowed(0, placed), by_name })
    }));
    let result = result
        .unwrap_or_else(|_| Err(PyRuntimeError::new_err("redlet has a bug: it panicked; please report it")));
    match result {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

/// A method of [`Store`].
struct OfStore<M>(PhantomData<M>);

impl<M: Method> Body for OfStore<M> {
    #[inline]
    fn answer<'py>(py: Python<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        M::run(arguments.this.cast::<Store>()?.get(), py, &arguments.bind::<M>()?)
    }
}

/// A method of a client.
struct OfClient<M>(PhantomData<M>);

impl<M: Method> Body for OfClient<M> {
    #[inline]
    fn answer<'py>(py: Python<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let store = arguments.this.getattr(intern!(py, "_thin"))?;
        if let Ok(store) = store.cast::<Store>()
            && !is_observed(py)?
            // What a store's method does not take is redis-py's to take or to refuse.
            && let Ok(given) = arguments.bind::<M>()
        {
            match M::run(store.get(), py, &given) {
                Err(error) if errors::is_long_way(py, &error) => {}
                result => return result,
            }
        }
        arguments.pass_on(long::<M>(py, Class::Client)?)
    }
}

/// A method of a pipeline, which notes the command.
struct OfPipeline<M, const IS_ASYNC: bool>(PhantomData<M>);

impl<M: Method, const IS_ASYNC: bool> Body for OfPipeline<M, IS_ASYNC> {
    #[inline]
    fn answer<'py>(py: Python<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let this = arguments.this;
        // What is watched, redis-py asks for at once.
        if arguments.are_plain_words::<M>() && !this.getattr(intern!(py, "watching"))?.is_truthy()? {
            let stack = this.getattr(intern!(py, "command_stack"))?;
            let command = M::command(py).as_any().as_borrowed();
            let words: SmallVec<[_; MOST]> =
                std::iter::once(command).chain(arguments.positional.iter().copied()).collect();
            stack.cast::<PyList>()?.append((PyTuple::new(py, words)?, PyDict::new(py)))?;
            return Ok(this.to_owned());
        }
        let class = if IS_ASYNC { Class::AsyncPipeline } else { Class::Pipeline };
        arguments.pass_on(long::<M>(py, class)?)
    }
}

fn long<M: Method>(py: Python<'_>, class: Class) -> PyResult<&Bound<'_, PyAny>> {
    let long = M::long(class).get(py).ok_or_else(|| PyRuntimeError::new_err("the method was not added"))?;
    Ok(long.bind(py))
}

/// Whether redis-py collects metrics, which it does where its connections are.
fn is_observed(py: Python<'_>) -> PyResult<bool> {
    static PROVIDERS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let providers = PROVIDERS.import(py, "redlet.direct", "providers")?;
    let instance = providers.getattr(intern!(py, "_observability_instance"))?;
    Ok(!instance.is_none() && !instance.getattr(intern!(py, "_provider_manager"))?.is_none())
}

/// Gives a class the method. What the interpreter keeps of it is never freed, as the class is not.
pub(crate) fn add<M: Method>(class: &Bound<'_, PyType>) -> PyResult<()> {
    add_function::<M>(class, call::<OfStore<M>>, M::DOC)
}

/// Gives a class of clients the method that goes to a client's store, and where there is none, or the arguments are none of a store's, to redis-py's
/// own method.
/// `describe` makes of that one what `help` shows.
pub(crate) fn add_to_clients<M: Method>(
    class: &Bound<'_, PyType>,
    long: &Bound<'_, PyType>,
    describe: &Bound<'_, PyAny>,
) -> PyResult<()> {
    add_in_place_of::<M>(Class::Client, call::<OfClient<M>>, class, long, describe)
}

/// Gives a class of pipelines the method that notes its arguments as a command, and where they are not its words, leaves them to redis-py's own
/// method.
pub(crate) fn add_to_pipelines<M: Method>(
    is_async: bool,
    class: &Bound<'_, PyType>,
    long: &Bound<'_, PyType>,
    describe: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if M::PLAIN_WORDS.is_none() {
        return Ok(());
    }
    if is_async {
        add_in_place_of::<M>(Class::AsyncPipeline, call::<OfPipeline<M, true>>, class, long, describe)
    } else {
        add_in_place_of::<M>(Class::Pipeline, call::<OfPipeline<M, false>>, class, long, describe)
    }
}

fn add_in_place_of<M: Method>(
    kind: Class,
    function: FastCall,
    class: &Bound<'_, PyType>,
    long: &Bound<'_, PyType>,
    describe: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let long = long.getattr(&*M::NAME.to_string_lossy())?;
    let doc: String = describe.call1((&long,))?.extract()?;
    let doc: &'static CStr = Box::leak(CString::new(doc)?.into_boxed_c_str());
    M::long(kind).set(class.py(), long.unbind()).ok();
    add_function::<M>(class, function, doc)
}

fn add_function<M: Method>(
    class: &Bound<'_, PyType>,
    function: FastCall,
    doc: &'static CStr,
) -> PyResult<()> {
    // SAFETY: how it is called, the flags say. The type only has a place for it where the stable interface promises it.
    let function = unsafe { std::mem::transmute::<FastCall, ffi::PyCFunction>(function) };
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: M::NAME.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: FASTCALL_WITH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }));
    // SAFETY: the class and the definition live as long as the process. `call` is a function as the flags say.
    let descriptor = unsafe {
        let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
        Bound::from_owned_ptr_or_err(class.py(), descriptor)?
    };
    class.setattr(&*M::NAME.to_string_lossy(), descriptor)
}
