//! A clock that stands still until it is told to move: for tests that travel in time.
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use redlet::{Clock as _, ManualClock, SystemClock, UnixMs};

use crate::inside::detached;
use crate::registry::Opened;

/// How many keys are reclaimed before the time is looked at again.
const BUDGET: usize = 100_000;

/// A clock that moves only when told to. Stores that were opened with it have its time.
#[pyclass(frozen, module = "redlet")]
#[derive(Debug)]
pub(crate) struct Clock {
    clock: ManualClock,
    stores: Mutex<Vec<Weak<Opened>>>,
}

impl Clock {
    pub(crate) fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// A store has this time from now on.
    pub(crate) fn adopt(&self, opened: &Arc<Opened>) {
        let mut stores = self.stores.lock();
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(opened));
    }

    /// What has come due happens: keys expire, waits end.
    fn tick(&self) {
        let stores: Vec<_> = self.stores.lock().iter().filter_map(Weak::upgrade).collect();
        for store in stores {
            while store.redis.tick(BUDGET).next_at.is_some_and(|at| at <= self.clock.now()) {}
        }
    }
}

#[pymethods]
impl Clock {
    /// A clock that stands at `now`, in seconds since 1970; at the present if that is left out.
    #[new]
    #[pyo3(signature = (now=None))]
    fn new(now: Option<f64>) -> PyResult<Self> {
        let now = now.map_or(Ok(SystemClock.now()), milliseconds)?;
        Ok(Self { clock: ManualClock::at(now), stores: Mutex::default() })
    }

    /// Seconds since 1970.
    fn now(&self) -> f64 {
        self.clock.now().0 as f64 / 1000.0
    }

    /// Moves it forward by so many seconds, or by a `datetime.timedelta`.
    fn advance(&self, py: Python<'_>, by: &Bound<'_, PyAny>) -> PyResult<()> {
        let seconds: f64 = match by.getattr("total_seconds") {
            Ok(method) => method.call0()?.extract()?,
            Err(_) => by.extract()?,
        };
        let by = Duration::try_from_secs_f64(seconds).map_err(|_| {
            PyValueError::new_err("a clock moves forward by a number of seconds that is not negative")
        })?;
        detached(py, || {
            self.clock.advance(by);
            self.tick();
        });
        Ok(())
    }

    /// Sets it to a moment in seconds since 1970, forward or back.
    fn set(&self, py: Python<'_>, now: f64) -> PyResult<()> {
        let now = milliseconds(now)?;
        detached(py, || {
            self.clock.set(now);
            self.tick();
        });
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<redlet.Clock at {:.3}>", self.now())
    }
}

fn milliseconds(seconds: f64) -> PyResult<UnixMs> {
    if seconds.is_finite() && seconds.abs() < 1e15 {
        Ok(UnixMs((seconds * 1000.0).round() as i64))
    } else {
        Err(PyValueError::new_err("a moment is a number of seconds since 1970"))
    }
}
