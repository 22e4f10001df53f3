//! What the examples share: measuring, and whether to do with little.
use std::time::{Duration, Instant};

/// Runs a step and returns its result with how long it took.
#[expect(clippy::disallowed_methods, reason = "the examples show how long their steps take")]
pub fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = step();
    (result, start.elapsed())
}

/// Whether `REDLET_EXAMPLE_SMALL` asks for little input and little time.
pub fn is_small() -> bool {
    std::env::var_os("REDLET_EXAMPLE_SMALL").is_some()
}
