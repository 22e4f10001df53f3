//! Redis's commands as methods: one for each, named as in redis-py, without logic.
//!
//! What a command does lives in `redlet_core::cmd`; a method builds the command's struct and hands it on.
use std::time::Duration;

use bytes::Bytes;
use redlet_core::cmd::string::*;
use redlet_core::cmd::{Control, Read, Write};
use redlet_core::types::Str;
use redlet_core::{Reply, UnixMs};

use crate::Result;
use crate::value::{ArgList, PairList, ToArg};

/// Redis's commands as methods, for every way of running them: each on its own ([`Redis`](crate::Redis)) or all
/// under locks that are held already ([`Transaction`](crate::Transaction)).
///
/// Every method refuses a key that holds a value of another type with
/// [`Error::Command`](crate::Error::Command) holding `WrongType`, unless its text says otherwise. Methods that write can also
/// fail because the store's log cannot be written.
pub trait Commands {
    /// Runs a command that only reads.
    ///
    /// # Errors
    /// The command's refusals.
    fn run_read<'a, C: Read<'a>>(&self, command: &C) -> Result<C::Reply>;

    /// Runs a command that may write.
    ///
    /// # Errors
    /// The command's refusals.
    fn run_write<'a, C: Write<'a>>(&self, command: &C) -> Result<C::Reply>;

    /// Runs a command about the store itself.
    ///
    /// # Errors
    /// The command's refusals.
    fn run_control<'a, C: Control<'a>>(&self, command: &C) -> Result<C::Reply>;

    // Strings.

    /// Returns the string at a key; `None` if there is no such key. `GET`.
    ///
    /// Complexity: O(1). A long value is shared, not copied.
    ///
    /// ```
    /// # use redlet::{Commands, Redis};
    /// # let redis = Redis::memory();
    /// assert_eq!(redis.get("greeting")?, None);
    /// redis.set("greeting", "hello")?;
    /// assert_eq!(redis.get("greeting")?.unwrap(), "hello");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    fn get(&self, key: impl ToArg) -> Result<Option<Bytes>> {
        self.run_read(&Get { key: &key.to_arg() })
    }
}
