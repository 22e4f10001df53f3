//! The methods of [`Store`] for what people call most: named and with arguments as in redis-py, with the results of its callbacks.
//!
//! What is rare (an option, a value of an unusual type) is left to redis-py's own method: then `LongWay` is raised, before anything was
//! done.
use std::borrow::Cow;
use std::ffi::CStr;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyTuple, PyType};

use crate::errors;
use crate::fastcall::{Class, Given, MOST, Method, add, add_to_clients, add_to_pipelines};
use crate::reply::Shape;
use crate::store::Store;
use crate::words::{Word, Words, decimal, word};

type Answer<'py> = PyResult<Bound<'py, PyAny>>;

/// A command that is being written down.
struct Call<'s, 'a, 'py> {
    store: &'s Store,
    py: Python<'py>,
    given: &'s Given<'a, 'py>,
    method: &'static str,
    words: Words<'a>,
}

impl<'a, 'py> Call<'_, 'a, 'py> {
    /// Only redis-py knows what to do with what was given.
    #[cold]
    fn long_way(&self) -> PyErr {
        let method = self.method;
        errors::long_way(
            self.py,
            format!(
                "redlet.Store.{method} takes the plain forms of its arguments; redlet.Redis.{method} takes all that redis-py does"
            ),
        )
    }

    fn literal(&mut self, word: &'static str) -> &mut Self {
        self.words.push(Cow::Borrowed(word.as_bytes()));
        self
    }

    fn value(&mut self, value: Borrowed<'a, 'py, PyAny>) -> PyResult<&mut Self> {
        self.words.push(word(value, &self.store.encoding)?);
        Ok(self)
    }

    /// A parameter that has to be there.
    #[inline]
    fn word(&mut self, place: usize) -> PyResult<&mut Self> {
        let value = self.given.required(place);
        self.value(value)
    }

    /// What follows the parameters.
    fn rest(&mut self) -> PyResult<&mut Self> {
        for value in self.given.rest {
            self.words.push(word(*value, &self.store.encoding)?);
        }
        Ok(self)
    }

    /// A parameter that is a whole number and nothing like one.
    fn integer(&mut self, place: usize) -> PyResult<&mut Self> {
        let value = self.given.required(place);
        let number = if value.is_exact_instance_of::<PyInt>() { value.extract::<i64>().ok() } else { None };
        let Some(number) = number else { return Err(self.long_way()) };
        self.words.push(decimal(number));
        Ok(self)
    }

    /// The same, or 1 if it was left out. `None` was not left out.
    fn amount(&mut self, place: usize) -> PyResult<&mut Self> {
        if self.given.is_given(place) { self.integer(place) } else { Ok(self.literal("1")) }
    }

    /// Values that come as one, as a list or tuple of them, or as one of those with more behind it: redis-py's `list_or_args`.
    fn list(&mut self, place: usize) -> PyResult<&mut Self> {
        let first = self.given.required(place);
        if first.is_instance_of::<PyString>() || first.is_instance_of::<PyBytes>() {
            return self.value(first)?.rest();
        }
        // A tuple of its own, which nobody else changes, keeps the values.
        let Ok(values) = list_or_tuple(&first) else { return Err(self.long_way()) };
        for value in values.iter() {
            let bytes = word(value.as_borrowed(), &self.store.encoding)?.into_owned();
            self.words.push(Cow::Owned(bytes));
        }
        self.rest()
    }

    /// The keys and values of a dictionary that has some, or with `values_first` the other way round.
    fn pairs(&mut self, mapping: Borrowed<'a, 'py, PyAny>, values_first: bool) -> PyResult<&mut Self> {
        let Ok(mapping) = mapping.cast_exact::<PyDict>() else { return Err(self.long_way()) };
        if mapping.is_empty() {
            return Err(self.long_way());
        }
        for (key, value) in mapping.iter() {
            // The dictionary may be changed by others from now on, so its keys and values are not borrowed.
            let both =
                [&key, &value].map(|one| word(one.as_borrowed(), &self.store.encoding).map(Cow::into_owned));
            let [key, value] = both;
            let (key, value) = (Cow::Owned(key?), Cow::Owned(value?));
            self.words.extend(if values_first { [value, key] } else { [key, value] });
        }
        Ok(self)
    }

    #[inline]
    fn run(&self, shape: Shape) -> Answer<'py> {
        self.store.run(self.py, &self.words, self.store.decoding(), shape)
    }
}

fn list_or_tuple<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    match value.cast_exact::<PyList>() {
        Ok(list) => Ok(list.to_tuple()),
        Err(_) => Ok(value.cast_exact::<PyTuple>()?.clone()),
    }
}

fn set<'py>(call: &mut Call<'_, '_, 'py>) -> Answer<'py> {
    let given = call.given;
    if !(2..MOST).any(|place| given.is_given(place)) {
        return call.word(0)?.word(1)?.run(Shape::Done);
    }
    let how_many = |places: &[usize]| places.iter().filter(|place| given.optional(**place).is_some()).count();
    if how_many(&[4, 5]) > 1 || how_many(&[2, 3, 6]) > 1 {
        return Err(call.long_way());
    }
    call.word(0)?.word(1)?;
    for (word, place) in [("EX", 2), ("PX", 3)] {
        if given.optional(place).is_some() {
            call.literal(word).integer(place)?;
        }
    }
    let mut wants_old = false;
    for (word, place) in [("NX", 4), ("XX", 5), ("KEEPTTL", 6), ("GET", 7)] {
        let Some(option) = given.optional(place) else { continue };
        let Ok(is_on) = option.cast::<PyBool>() else { return Err(call.long_way()) };
        if is_on.is_true() {
            wants_old = word == "GET";
            call.literal(word);
        }
    }
    call.run(if wants_old { Shape::Value } else { Shape::Done })
}

fn hset<'py>(call: &mut Call<'_, '_, 'py>) -> Answer<'py> {
    let given = call.given;
    match (given.optional(1), given.optional(2), given.optional(3)) {
        (Some(_), Some(_), None) => call.word(0)?.word(1)?.word(2)?.run(Shape::Value),
        (None, None, Some(mapping)) => call.word(0)?.pairs(mapping, false)?.run(Shape::Value),
        _ => Err(call.long_way()),
    }
}

/// Defines the methods: the command, how many arguments it has where those are its words (no fewer, if more may follow), the method's name and
/// parameters (those in brackets may be left out, a star means that more may follow), and how its words are written down.
macro_rules! methods {
    ($($command:literal $(@$words:literal)? $name:ident($($parameter:ident)+ $([$($optional:ident = $default:tt)+])? $(* $rest:ident)?) $body:expr;)*) => {
        /// A type for each method, named as the method is.
        #[allow(non_camel_case_types, reason = "they are methods")]
        mod method {
            $(pub(super) struct $name;)*
        }

        $(impl Method for method::$name {
            const NAME: &'static CStr = text(concat!(stringify!($name), "\0"));
            const DOC: &'static CStr = text(concat!(
                stringify!($name), "($self", $(", ", stringify!($parameter),)+
                $($(", ", stringify!($optional), "=", stringify!($default),)+)? $(", *", stringify!($rest),)?
                ")\n--\n\n", $command, ", as redis-py's method of this name.\0",
            ));
            const PARAMETERS: &'static [&'static str] = &[$(stringify!($parameter),)+ $($(stringify!($optional),)+)?];
            const REQUIRED: usize = [$(stringify!($parameter)),+].len();
            const IS_OPEN: bool = [$(stringify!($rest),)? ""].len() > 1;
            const PLAIN_WORDS: Option<usize> = first(&[$($words)?]);

            #[inline]
            fn run<'py>(store: &Store, py: Python<'py>, given: &Given<'_, 'py>) -> Answer<'py> {
                let mut words = Words::new();
                words.push(Word::Borrowed($command.as_bytes()));
                let body: for<'s, 'a> fn(&mut Call<'s, 'a, 'py>) -> Answer<'py> = $body;
                body(&mut Call { store, py, given, method: stringify!($name), words })
            }

            fn command(py: Python<'_>) -> &Bound<'_, PyString> {
                intern!(py, $command)
            }

            fn long(class: Class) -> &'static PyOnceLock<Py<PyAny>> {
                static LONG: [PyOnceLock<Py<PyAny>>; Class::COUNT] = [const { PyOnceLock::new() }; Class::COUNT];
                &LONG[class as usize]
            }
        })*

        /// Gives the class its methods.
        pub(crate) fn add_methods(class: &Bound<'_, PyType>) -> PyResult<()> {
            $(add::<method::$name>(class)?;)*
            Ok(())
        }

        /// Gives a class of clients the same methods, which go to a client's `_thin` store if it has one, and otherwise to the methods of
        /// `long`. `describe` is called with each of those, for the documentation.
        #[pyfunction]
        pub(crate) fn add_client_methods(
            class: &Bound<'_, PyType>,
            long: &Bound<'_, PyType>,
            describe: &Bound<'_, PyAny>,
        ) -> PyResult<()> {
            $(add_to_clients::<method::$name>(class, long, describe)?;)*
            Ok(())
        }

        /// Gives a class of pipelines those methods whose arguments are their words. They note a command; what they cannot, the methods of `long`
        /// do.
        #[pyfunction]
        pub(crate) fn add_pipeline_methods(
            is_async: bool,
            class: &Bound<'_, PyType>,
            long: &Bound<'_, PyType>,
            describe: &Bound<'_, PyAny>,
        ) -> PyResult<()> {
            $(add_to_pipelines::<method::$name>(is_async, class, long, describe)?;)*
            Ok(())
        }

        /// The names of the methods.
        #[pyfunction]
        pub(crate) fn method_names() -> Vec<&'static str> {
            vec![$(stringify!($name)),*]
        }
    };
}

const fn first(numbers: &[usize]) -> Option<usize> {
    if numbers.is_empty() { None } else { Some(numbers[0]) }
}

const fn text(bytes: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(bytes.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("names have no zero byte but at their end"),
    }
}

methods! {
    "GET" @1 get(name) |call| call.word(0)?.run(Shape::Value);
    "SET" @2 set(name value [ex=None px=None nx=False xx=False keepttl=False get=False]) set;
    "MGET" mget(keys *args) |call| {
        let call = call.list(0)?;
        // Of nothing redis-py has an answer of its own.
        if call.words.len() == 1 { Err(call.long_way()) } else { call.run(Shape::Value) }
    };
    "MSET" mset(mapping) |call| { let mapping = call.given.required(0); call.pairs(mapping, false)?.run(Shape::Done) };
    "INCRBY" incr(name [amount=1]) |call| call.word(0)?.amount(1)?.run(Shape::Value);
    "INCRBY" @2 incrby(name [amount=1]) |call| call.word(0)?.amount(1)?.run(Shape::Value);
    "DECRBY" decr(name [amount=1]) |call| call.word(0)?.amount(1)?.run(Shape::Value);
    "DECRBY" @2 decrby(name [amount=1]) |call| call.word(0)?.amount(1)?.run(Shape::Value);
    "INCRBYFLOAT" incrbyfloat(name amount) |call| call.word(0)?.word(1)?.run(Shape::Number);
    "DEL" @1 delete(name *names) |call| call.word(0)?.rest()?.run(Shape::Value);
    "UNLINK" @1 unlink(name *names) |call| call.word(0)?.rest()?.run(Shape::Value);
    "EXISTS" @1 exists(name *names) |call| call.word(0)?.rest()?.run(Shape::Value);
    "EXPIRE" expire(name time) |call| call.word(0)?.integer(1)?.run(Shape::Truth);
    "PEXPIRE" pexpire(name time) |call| call.word(0)?.integer(1)?.run(Shape::Truth);
    "PERSIST" @1 persist(name) |call| call.word(0)?.run(Shape::Truth);
    "TTL" @1 ttl(name) |call| call.word(0)?.run(Shape::Value);
    "PTTL" @1 pttl(name) |call| call.word(0)?.run(Shape::Value);
    "HGET" @2 hget(name key) |call| call.word(0)?.word(1)?.run(Shape::Value);
    "HSET" @3 hset(name [key=None value=None mapping=None]) hset;
    "HMGET" hmget(name keys *args) |call| call.word(0)?.list(1)?.run(Shape::Value);
    "HGETALL" @1 hgetall(name) |call| call.word(0)?.run(Shape::Pairs);
    "HDEL" @2 hdel(name key *keys) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "HEXISTS" @2 hexists(name key) |call| call.word(0)?.word(1)?.run(Shape::Truth);
    "HINCRBY" @3 hincrby(name key [amount=1]) |call| call.word(0)?.word(1)?.amount(2)?.run(Shape::Value);
    "HLEN" @1 hlen(name) |call| call.word(0)?.run(Shape::Value);
    "HKEYS" @1 hkeys(name) |call| call.word(0)?.run(Shape::Value);
    "HVALS" @1 hvals(name) |call| call.word(0)?.run(Shape::Value);
    "LPUSH" @2 lpush(name value *values) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "RPUSH" @2 rpush(name value *values) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "LPOP" @1 lpop(name) |call| call.word(0)?.run(Shape::Value);
    "RPOP" @1 rpop(name) |call| call.word(0)?.run(Shape::Value);
    "LRANGE" @3 lrange(name start end) |call| call.word(0)?.integer(1)?.integer(2)?.run(Shape::Value);
    "LLEN" @1 llen(name) |call| call.word(0)?.run(Shape::Value);
    "LINDEX" @2 lindex(name index) |call| call.word(0)?.integer(1)?.run(Shape::Value);
    "SADD" @2 sadd(name value *values) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "SREM" @2 srem(name value *values) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "SISMEMBER" @2 sismember(name value) |call| call.word(0)?.word(1)?.run(Shape::Value);
    "SMEMBERS" @1 smembers(name) |call| call.word(0)?.run(Shape::Set);
    "SCARD" @1 scard(name) |call| call.word(0)?.run(Shape::Value);
    "ZADD" zadd(name mapping) |call| { let mapping = call.given.required(1); call.word(0)?.pairs(mapping, true)?.run(Shape::Value) };
    "ZSCORE" @2 zscore(name value) |call| call.word(0)?.word(1)?.run(Shape::Number);
    "ZRANK" zrank(name value) |call| call.word(0)?.word(1)?.run(Shape::Value);
    "ZRANGE" zrange(name start end) |call| call.word(0)?.integer(1)?.integer(2)?.run(Shape::Value);
    "ZREM" @2 zrem(name value *values) |call| call.word(0)?.word(1)?.rest()?.run(Shape::Value);
    "ZCARD" @1 zcard(name) |call| call.word(0)?.run(Shape::Value);
    "ZINCRBY" @3 zincrby(name amount value) |call| call.word(0)?.word(1)?.word(2)?.run(Shape::Number);
}
