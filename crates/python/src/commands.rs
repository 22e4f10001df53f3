//! The methods of [`Store`] for what people call most, named and with arguments as in redis-py, with the results of its callbacks.
//!
//! What is rare (an option of a method, a value of an unusual type) is left to redis-py's own method: then `LongWay` is raised, before
//! anything was done.
use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString, PyTuple};

use crate::errors;
use crate::reply::Shape;
use crate::store::Store;
use crate::words::{Word, Words, word};

type Any<'py> = Bound<'py, PyAny>;

fn long_way(py: Python<'_>, method: &str) -> PyErr {
    errors::long_way(
        py,
        format!("redlet.Store.{method} takes the plain forms of these arguments only; redlet.Redis.{method} takes all that redis-py does"),
    )
}

/// A command that is being written down.
struct Call<'s, 'a, 'py> {
    store: &'s Store,
    py: Python<'py>,
    words: Words<'a>,
}

impl<'a, 'py> Call<'_, 'a, 'py> {
    fn literal(mut self, word: &'static str) -> Self {
        self.words.push(Cow::Borrowed(word.as_bytes()));
        self
    }

    #[inline]
    fn word(mut self, value: &'a Any<'py>) -> PyResult<Self> {
        self.words.push(word(value.as_borrowed(), &self.store.encoding)?);
        Ok(self)
    }

    fn number(mut self, number: i64) -> Self {
        self.words.push(Cow::Owned(number.to_string().into_bytes()));
        self
    }

    fn all(mut self, values: &'a Bound<'py, PyTuple>) -> PyResult<Self> {
        for place in 0..values.len() {
            self.words.push(word(values.get_borrowed_item(place)?, &self.store.encoding)?);
        }
        Ok(self)
    }

    #[inline]
    fn run(self, shape: Shape) -> PyResult<Any<'py>> {
        self.store.run(self.py, &self.words, self.store.decoding(), shape)
    }
}

impl Store {
    #[inline]
    fn call<'s, 'a, 'py>(&'s self, py: Python<'py>, name: &'static str) -> Call<'s, 'a, 'py> {
        let mut words = Words::new();
        words.push(Word::Borrowed(name.as_bytes()));
        Call { store: self, py, words }
    }
}

/// A whole number that is written as it is; redis-py's methods see to the rest.
fn plain_int(py: Python<'_>, value: &Any<'_>, method: &str) -> PyResult<i64> {
    if value.is_exact_instance_of::<PyInt>() { value.extract() } else { Err(long_way(py, method)) }
}

/// Values that come as one, as a list of them, or both: redis-py's `list_or_args`.
fn list_or_args<'py>(first: &Any<'py>, more: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
    let py = first.py();
    let is_one = first.is_instance_of::<PyString>() || first.is_instance_of::<PyBytes>();
    let mut values: Vec<Any<'py>> = match first.try_iter() {
        Ok(items) if !is_one => items.collect::<PyResult<_>>()?,
        _ => vec![first.clone()],
    };
    values.extend(more.iter());
    PyTuple::new(py, values)
}

/// The keys and values of a dictionary, by turns.
fn flat<'py>(mapping: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyTuple>> {
    let pairs: Vec<Any<'py>> = mapping.iter().flat_map(|(key, value)| [key, value]).collect();
    PyTuple::new(mapping.py(), pairs)
}

#[pymethods]
impl Store {
    fn get<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "GET").word(name)?.run(Shape::Value)
    }

    #[pyo3(signature = (name, value, ex=None, px=None, nx=false, xx=false, keepttl=false, get=false))]
    #[expect(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "redis-py's signature")]
    fn set<'py>(
        &self,
        py: Python<'py>,
        name: &Any<'py>,
        value: &Any<'py>,
        ex: Option<&Any<'py>>,
        px: Option<&Any<'py>>,
        nx: bool,
        xx: bool,
        keepttl: bool,
        get: bool,
    ) -> PyResult<Any<'py>> {
        let mut call = self.call(py, "SET").word(name)?.word(value)?;
        for (word, time) in [("EX", ex), ("PX", px)] {
            if let Some(time) = time {
                call = call.literal(word).number(plain_int(py, time, "set")?);
            }
        }
        for (word, is_given) in [("NX", nx), ("XX", xx), ("KEEPTTL", keepttl), ("GET", get)] {
            if is_given {
                call = call.literal(word);
            }
        }
        call.run(if get { Shape::Value } else { Shape::Done })
    }

    #[pyo3(signature = (keys, *args))]
    fn mget<'py>(&self, py: Python<'py>, keys: &Any<'py>, args: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        let keys = list_or_args(keys, args)?;
        if keys.is_empty() {
            // redis-py has an answer of its own.
            return Err(long_way(py, "mget"));
        }
        self.call(py, "MGET").all(&keys)?.run(Shape::Value)
    }

    fn mset<'py>(&self, py: Python<'py>, mapping: &Any<'py>) -> PyResult<Any<'py>> {
        let Ok(mapping) = mapping.cast_exact::<PyDict>() else { return Err(long_way(py, "mset")) };
        let pairs = flat(mapping)?;
        self.call(py, "MSET").all(&pairs)?.run(Shape::Done)
    }

    #[pyo3(signature = (name, amount=1))]
    fn incr<'py>(&self, py: Python<'py>, name: &Any<'py>, amount: i64) -> PyResult<Any<'py>> {
        self.incrby(py, name, amount)
    }

    #[pyo3(signature = (name, amount=1))]
    fn incrby<'py>(&self, py: Python<'py>, name: &Any<'py>, amount: i64) -> PyResult<Any<'py>> {
        self.call(py, "INCRBY").word(name)?.number(amount).run(Shape::Value)
    }

    #[pyo3(signature = (name, amount=1))]
    fn decr<'py>(&self, py: Python<'py>, name: &Any<'py>, amount: i64) -> PyResult<Any<'py>> {
        self.decrby(py, name, amount)
    }

    #[pyo3(signature = (name, amount=1))]
    fn decrby<'py>(&self, py: Python<'py>, name: &Any<'py>, amount: i64) -> PyResult<Any<'py>> {
        self.call(py, "DECRBY").word(name)?.number(amount).run(Shape::Value)
    }

    fn incrbyfloat<'py>(&self, py: Python<'py>, name: &Any<'py>, amount: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "INCRBYFLOAT").word(name)?.word(amount)?.run(Shape::Number)
    }

    #[pyo3(signature = (*names))]
    fn delete<'py>(&self, py: Python<'py>, names: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "DEL").all(names)?.run(Shape::Value)
    }

    #[pyo3(signature = (*names))]
    fn unlink<'py>(&self, py: Python<'py>, names: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "UNLINK").all(names)?.run(Shape::Value)
    }

    #[pyo3(signature = (*names))]
    fn exists<'py>(&self, py: Python<'py>, names: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "EXISTS").all(names)?.run(Shape::Value)
    }

    fn expire<'py>(&self, py: Python<'py>, name: &Any<'py>, time: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "EXPIRE").word(name)?.number(plain_int(py, time, "expire")?).run(Shape::Truth)
    }

    fn pexpire<'py>(&self, py: Python<'py>, name: &Any<'py>, time: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "PEXPIRE").word(name)?.number(plain_int(py, time, "pexpire")?).run(Shape::Truth)
    }

    fn persist<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "PERSIST").word(name)?.run(Shape::Truth)
    }

    fn ttl<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "TTL").word(name)?.run(Shape::Value)
    }

    fn pttl<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "PTTL").word(name)?.run(Shape::Value)
    }

    fn hget<'py>(&self, py: Python<'py>, name: &Any<'py>, key: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HGET").word(name)?.word(key)?.run(Shape::Value)
    }

    #[pyo3(signature = (name, key=None, value=None, mapping=None))]
    fn hset<'py>(
        &self,
        py: Python<'py>,
        name: &Any<'py>,
        key: Option<&Any<'py>>,
        value: Option<&Any<'py>>,
        mapping: Option<&Any<'py>>,
    ) -> PyResult<Any<'py>> {
        match (key, value, mapping) {
            (Some(key), Some(value), None) => {
                self.call(py, "HSET").word(name)?.word(key)?.word(value)?.run(Shape::Value)
            }
            (None, None, Some(mapping)) if mapping.is_truthy()? => {
                let Ok(mapping) = mapping.cast_exact::<PyDict>() else { return Err(long_way(py, "hset")) };
                let pairs = flat(mapping)?;
                self.call(py, "HSET").word(name)?.all(&pairs)?.run(Shape::Value)
            }
            _ => Err(long_way(py, "hset")),
        }
    }

    #[pyo3(signature = (name, keys, *args))]
    fn hmget<'py>(
        &self,
        py: Python<'py>,
        name: &Any<'py>,
        keys: &Any<'py>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<Any<'py>> {
        let keys = list_or_args(keys, args)?;
        self.call(py, "HMGET").word(name)?.all(&keys)?.run(Shape::Value)
    }

    fn hgetall<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HGETALL").word(name)?.run(Shape::Pairs)
    }

    #[pyo3(signature = (name, *keys))]
    fn hdel<'py>(&self, py: Python<'py>, name: &Any<'py>, keys: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "HDEL").word(name)?.all(keys)?.run(Shape::Value)
    }

    fn hexists<'py>(&self, py: Python<'py>, name: &Any<'py>, key: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HEXISTS").word(name)?.word(key)?.run(Shape::Truth)
    }

    #[pyo3(signature = (name, key, amount=1))]
    fn hincrby<'py>(&self, py: Python<'py>, name: &Any<'py>, key: &Any<'py>, amount: i64) -> PyResult<Any<'py>> {
        self.call(py, "HINCRBY").word(name)?.word(key)?.number(amount).run(Shape::Value)
    }

    fn hlen<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HLEN").word(name)?.run(Shape::Value)
    }

    fn hkeys<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HKEYS").word(name)?.run(Shape::Value)
    }

    fn hvals<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "HVALS").word(name)?.run(Shape::Value)
    }

    #[pyo3(signature = (name, *values))]
    fn lpush<'py>(&self, py: Python<'py>, name: &Any<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "LPUSH").word(name)?.all(values)?.run(Shape::Value)
    }

    #[pyo3(signature = (name, *values))]
    fn rpush<'py>(&self, py: Python<'py>, name: &Any<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "RPUSH").word(name)?.all(values)?.run(Shape::Value)
    }

    fn lpop<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "LPOP").word(name)?.run(Shape::Value)
    }

    fn rpop<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "RPOP").word(name)?.run(Shape::Value)
    }

    fn lrange<'py>(&self, py: Python<'py>, name: &Any<'py>, start: i64, end: i64) -> PyResult<Any<'py>> {
        self.call(py, "LRANGE").word(name)?.number(start).number(end).run(Shape::Value)
    }

    fn llen<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "LLEN").word(name)?.run(Shape::Value)
    }

    fn lindex<'py>(&self, py: Python<'py>, name: &Any<'py>, index: i64) -> PyResult<Any<'py>> {
        self.call(py, "LINDEX").word(name)?.number(index).run(Shape::Value)
    }

    #[pyo3(signature = (name, *values))]
    fn sadd<'py>(&self, py: Python<'py>, name: &Any<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "SADD").word(name)?.all(values)?.run(Shape::Value)
    }

    #[pyo3(signature = (name, *values))]
    fn srem<'py>(&self, py: Python<'py>, name: &Any<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "SREM").word(name)?.all(values)?.run(Shape::Value)
    }

    fn sismember<'py>(&self, py: Python<'py>, name: &Any<'py>, value: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "SISMEMBER").word(name)?.word(value)?.run(Shape::Value)
    }

    fn smembers<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "SMEMBERS").word(name)?.run(Shape::Set)
    }

    fn scard<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "SCARD").word(name)?.run(Shape::Value)
    }

    fn zadd<'py>(&self, py: Python<'py>, name: &Any<'py>, mapping: &Any<'py>) -> PyResult<Any<'py>> {
        let Ok(mapping) = mapping.cast_exact::<PyDict>() else { return Err(long_way(py, "zadd")) };
        if mapping.is_empty() {
            return Err(long_way(py, "zadd"));
        }
        let scored: Vec<Any<'py>> = mapping.iter().flat_map(|(member, score)| [score, member]).collect();
        let scored = PyTuple::new(py, scored)?;
        self.call(py, "ZADD").word(name)?.all(&scored)?.run(Shape::Value)
    }

    fn zscore<'py>(&self, py: Python<'py>, name: &Any<'py>, value: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "ZSCORE").word(name)?.word(value)?.run(Shape::Number)
    }

    fn zrank<'py>(&self, py: Python<'py>, name: &Any<'py>, value: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "ZRANK").word(name)?.word(value)?.run(Shape::Value)
    }

    fn zrange<'py>(&self, py: Python<'py>, name: &Any<'py>, start: &Any<'py>, end: &Any<'py>) -> PyResult<Any<'py>> {
        let (start, end) = (plain_int(py, start, "zrange")?, plain_int(py, end, "zrange")?);
        self.call(py, "ZRANGE").word(name)?.number(start).number(end).run(Shape::Value)
    }

    #[pyo3(signature = (name, *values))]
    fn zrem<'py>(&self, py: Python<'py>, name: &Any<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Any<'py>> {
        self.call(py, "ZREM").word(name)?.all(values)?.run(Shape::Value)
    }

    fn zcard<'py>(&self, py: Python<'py>, name: &Any<'py>) -> PyResult<Any<'py>> {
        self.call(py, "ZCARD").word(name)?.run(Shape::Value)
    }

    fn zincrby<'py>(
        &self,
        py: Python<'py>,
        name: &Any<'py>,
        amount: &Any<'py>,
        value: &Any<'py>,
    ) -> PyResult<Any<'py>> {
        self.call(py, "ZINCRBY").word(name)?.word(amount)?.word(value)?.run(Shape::Number)
    }
}
