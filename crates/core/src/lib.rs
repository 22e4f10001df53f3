//! The engine of redlet.
pub mod clock;
pub mod hash;
pub mod random;

pub use clock::{Clock, ManualClock, UnixMs};
pub use hash::HashSeed;
pub use random::Random;
