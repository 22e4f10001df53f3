//! Values of the program's own types, kept as JSON text.
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::commands::Commands;
use crate::value::ToArg;
use redlet_core::cmd::string::SetOptions;

/// Stores and reads values of any type that serde knows, as JSON text, so that other languages and tools can read them.
///
/// ```
/// use redlet::{Redis, TypedCommands};
///
/// # #[derive(Debug, PartialEq)]
/// # struct Point;
/// let redis = Redis::memory();
/// redis.set_as("point", &(3, 4))?;
/// assert_eq!(redis.get_as::<(i32, i32)>("point")?, Some((3, 4)));
/// assert!(redis.get_as::<String>("point").is_err());
/// # Ok::<(), redlet::Error>(())
/// ```
pub trait TypedCommands: Commands {
    /// Stores a value as JSON.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) if the type cannot be written as JSON.
    fn set_as<T: Serialize + ?Sized>(&self, key: impl ToArg, value: &T) -> Result<()> {
        self.set(key, serde_json::to_vec(value)?)
    }

    /// Stores a value as JSON, with the options of `SET`; false if they did not allow it.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) if the type cannot be written as JSON.
    fn set_as_with<T: Serialize + ?Sized>(
        &self,
        key: impl ToArg,
        value: &T,
        options: SetOptions<'_>,
    ) -> Result<bool> {
        let reply = self.set_with(key, serde_json::to_vec(value)?, options)?;
        Ok(reply != redlet_core::cmd::string::SetReply::Refused)
    }

    /// Reads a value that was stored as JSON; `None` if there is no such key.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) if what is stored is not of this type.
    fn get_as<T: DeserializeOwned>(&self, key: impl ToArg) -> Result<Option<T>> {
        match self.get(key)? {
            None => Ok(None),
            Some(text) => Ok(Some(serde_json::from_slice(&text)?)),
        }
    }
}

impl<C: Commands> TypedCommands for C {}
