//! Several commands as one unit, under locks taken before the first of them.
use std::cell::{RefCell, RefMut};
use std::fmt;

use redlet_core::Unit;
use redlet_core::cmd::script::{Calling, RunCode};
use redlet_core::cmd::{Command, Control, Read, Scope, Write, run_inside};
use redlet_core::tx::{Tx, View};

use crate::commands::Commands;
use crate::{Error, Result};

/// Runs commands under the locks of the keys that were declared; given to the closure of
/// [`Redis::transaction`](crate::Redis::transaction), and to that of [`Redis::command`](crate::Redis::command).
pub struct Transaction<'t, 'e> {
    means: Means<'t, 'e>,
    /// Those that were declared; `None` where everything is locked.
    keys: Option<&'t [&'t [u8]]>,
}

enum Means<'t, 'e> {
    /// Of a command that only reads.
    Reading(View<'t>),
    Writing(RefCell<&'t mut Tx<'e>>),
}

impl fmt::Debug for Transaction<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("keys", &self.keys.map(<[_]>::len)).finish_non_exhaustive()
    }
}

impl<'t, 'e> Transaction<'t, 'e> {
    pub(crate) fn new(unit: Unit<'t, 'e>, keys: Option<&'t [&'t [u8]]>) -> Self {
        let means = match unit {
            Unit::Reading(view) => Means::Reading(view),
            Unit::Writing(tx) => Means::Writing(RefCell::new(tx)),
        };
        Self { means, keys }
    }

    /// Refuses keys that were not declared, even those whose shard happens to be locked.
    fn check<'a, C: Command<'a>>(&self, command: &C) -> Result<()> {
        let Some(keys) = self.keys else { return Ok(()) };
        let mut all_declared = command.scope() == Scope::Keys;
        command.keys(&mut |key| all_declared &= keys.contains(&key));
        if all_declared { Ok(()) } else { Err(redlet_core::Error::UndeclaredKey.into()) }
    }

    /// The means to change values, which a command that only reads was not given.
    fn writing(&self) -> Result<RefMut<'_, &'t mut Tx<'e>>> {
        match &self.means {
            Means::Writing(tx) => Ok(tx.borrow_mut()),
            Means::Reading(_) => Err(Error::refused(
                "ERR a command that was registered as one that only reads can do nothing else; register it without `readonly`",
            )),
        }
    }
}

impl Commands for Transaction<'_, '_> {
    fn run_with<'a, C: Read<'a>, T>(
        &self,
        command: &C,
        body: impl FnOnce(&View<'_>) -> redlet_core::Result<T>,
    ) -> Result<T> {
        self.check(command)?;
        Ok(match &self.means {
            Means::Reading(view) => body(&view.counting()),
            Means::Writing(tx) => body(&tx.borrow().view().counting()),
        }?)
    }

    fn run_write<'a, C: Write<'a>>(&self, command: &C) -> Result<C::Reply> {
        self.check(command)?;
        Ok(self.writing()?.run(command)?)
    }

    fn run_control<'a, C: Control<'a>>(&self, command: &C) -> Result<C::Reply> {
        self.check(command)?;
        Ok(run_inside(command, *self.writing()?)?)
    }

    fn run_code<W: Calling>(&self, command: &RunCode<'_, W>) -> Result<redlet_core::Reply> {
        Ok(self.writing()?.evaluate(command)?)
    }
}
