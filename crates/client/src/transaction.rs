//! Several commands as one unit, under locks taken before the first of them.
use std::cell::RefCell;
use std::fmt;

use redlet_core::cmd::{Command, Control, Read, Scope, Write, run_inside};
use redlet_core::tx::{Tx, View};

use crate::Result;
use crate::commands::Commands;

/// Runs commands under the locks of the keys that were declared; given to the closure of
/// [`Redis::transaction`](crate::Redis::transaction).
pub struct Transaction<'t, 'e> {
    tx: RefCell<&'t mut Tx<'e>>,
    keys: &'t [&'t [u8]],
}

impl fmt::Debug for Transaction<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl<'t, 'e> Transaction<'t, 'e> {
    pub(crate) fn new(tx: &'t mut Tx<'e>, keys: &'t [&'t [u8]]) -> Self {
        Self { tx: RefCell::new(tx), keys }
    }

    /// Refuses keys that were not declared, even those whose shard happens to be locked.
    fn check<'a, C: Command<'a>>(&self, command: &C) -> Result<()> {
        let mut all_declared = command.scope() == Scope::Keys;
        command.keys(&mut |key| all_declared &= self.keys.contains(&key));
        if all_declared { Ok(()) } else { Err(redlet_core::Error::UndeclaredKey.into()) }
    }
}

impl Commands for Transaction<'_, '_> {
    fn run_with<'a, C: Read<'a>, T>(
        &self,
        command: &C,
        body: impl FnOnce(&View<'_>) -> redlet_core::Result<T>,
    ) -> Result<T> {
        self.check(command)?;
        Ok(body(&self.tx.borrow().view().counting())?)
    }

    fn run_write<'a, C: Write<'a>>(&self, command: &C) -> Result<C::Reply> {
        self.check(command)?;
        Ok(self.tx.borrow_mut().run(command)?)
    }

    fn run_control<'a, C: Control<'a>>(&self, command: &C) -> Result<C::Reply> {
        self.check(command)?;
        Ok(run_inside(command, *self.tx.borrow_mut())?)
    }
}
