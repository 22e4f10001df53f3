//! The native half of the Python package `redlet`: stores, sessions, and what becomes of Python's values on their way in and of replies on
//! their way out. Everything that redis-py has already is left to redis-py; `python/redlet/` puts the two together.
mod clock;
mod commands;
mod errors;
mod fastcall;
mod inside;
mod pollable;
mod registry;
mod reply;
mod session;
mod store;
mod text;
mod words;

/// The engine, as Python has it. Use the package `redlet`, not this module.
// Without a lock around all of Python, too: nothing here relies on one.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::clock::Clock;
    #[pymodule_export]
    use crate::commands::{add_client_methods, add_pipeline_methods, method_names};
    #[pymodule_export]
    use crate::inside::before_fork;
    #[pymodule_export]
    use crate::registry::{after_fork_in_child, sync_all};
    #[pymodule_export]
    use crate::session::Session;
    #[pymodule_export]
    use crate::store::Store;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::commands::add_methods(&module.py().get_type::<Store>())
    }
}
