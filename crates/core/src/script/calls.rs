//! What a script may do, and the unit that it does it in.
use std::borrow::Cow;
use std::sync::Arc;

use super::running::Run;
use super::{Callable, Caller, LogLevel, Words};
use crate::acl::Context;
use crate::cmd::args::Args;
use crate::cmd::{Access, Flags, Row};
use crate::engine::Engine;
use crate::session::{Origin, Protocol, Session};
use crate::tx::Tx;
use crate::{Error, Reply, Result};

/// Redis tells its replicas of these, so they are no reads to it.
const TOLD_TO_REPLICAS: [&str; 3] = ["PUBLISH", "SPUBLISH", "PFCOUNT"];

/// What a script asked for by how it is written, and by which command runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Nothing that writes.
    pub(crate) is_read_only: bool,
    /// No key but those that it was given; the shards of these are locked.
    pub(crate) has_declared_all: bool,
    /// It runs however full memory is.
    pub(crate) ignores_memory: bool,
    /// It may begin when memory is full, although it may come to be refused then.
    pub(crate) may_begin_when_full: bool,
}

/// Which shards a script's unit has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// Those of the keys that it was given, and none before it has looked at others or written anything.
    Keys,
    /// All of them.
    Everything,
}

/// A script that runs: it calls, under the locks of its unit.
struct Calls<'r, 'e> {
    tx: &'r mut Tx<'e>,
    /// Who runs it.
    session: Option<&'r mut Session>,
    /// The caller that its commands about callers are about; Redis has one for all scripts.
    own: Option<Session>,
    code: Code<'r>,
    rules: Rules,
    locked: Locked,
    protocol: Protocol,
    has_written: bool,
    /// Its unit could not get the locks that it needs beside those that it has: it changed nothing, and is to be run again with all of
    /// them from the beginning.
    must_restart: bool,
    run: Option<Arc<Run>>,
}

/// What runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code<'r> {
    pub(crate) callable: &'r Callable,
    pub(crate) words: Words<'r>,
    /// The name of the command that runs it.
    pub(crate) command: &'static str,
    /// The word by which that calls it.
    pub(crate) called: &'r [u8],
}

/// How a run of code ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It answered, or failed.
    Answered(Result<Reply>),
    /// It has changed nothing, and is to be run again with everything locked.
    InVain,
}

impl Code<'_> {
    /// Runs it as a part of a unit.
    ///
    /// # Errors
    /// If there is nothing that runs scripts.
    pub(crate) fn run(
        self,
        tx: &mut Tx<'_>,
        session: Option<&mut Session>,
        (rules, locked): (Rules, Locked),
    ) -> Result<Outcome> {
        let interpreter = tx.engine().scripts().interpreter()?;
        let mut calls = Calls {
            tx,
            session,
            own: None,
            code: self,
            rules,
            locked,
            protocol: Protocol::Resp2,
            has_written: false,
            must_restart: false,
            run: None,
        };
        let reply = interpreter.run(self.callable, self.words, &mut calls);
        Ok(if calls.must_restart { Outcome::InVain } else { Outcome::Answered(reply) })
    }
}

impl Drop for Calls<'_, '_> {
    fn drop(&mut self) {
        let engine = self.tx.engine();
        if let Some(own) = &mut self.own {
            own.end(engine);
        }
        if let Some(run) = &self.run {
            engine.scripts().running().remove(run);
        }
    }
}

impl<'e> Calls<'_, 'e> {
    fn engine(&self) -> &'e Engine {
        self.tx.engine()
    }

    /// The command that some words name, if scripts may run it, and how many words its name has.
    fn admit(&mut self, words: &[&[u8]]) -> Result<(&'static Row, usize)> {
        let (row, name_words) = self.engine().lookup(words).map_err(|refused| {
            Error::refused(match refused {
                Error::WrongArity(_) => "ERR Wrong number of args calling Redis command from script",
                _ => "ERR Unknown Redis command called from script",
            })
        })?;
        if row.spec.flags.contains(Flags::NOSCRIPT) {
            return Err(Error::refused("ERR This Redis command is not allowed from script"));
        }
        if let Some(session) = &self.session {
            session.check_rights(self.engine(), (row, words), Context::Lua).map_err(|denied| {
                let user = session.user(self.engine());
                Error::Refused(format!("ERR ACL failure in script: {}", denied.text(user, row)).into())
            })?;
            session.check_named_keys(self.engine(), row, (words, name_words))?;
        }
        let writes = row.access == Access::Write || TOLD_TO_REPLICAS.contains(&row.spec.name);
        if writes && self.rules.is_read_only {
            return Err(Error::refused("ERR Write commands are not allowed from read-only scripts."));
        }
        if row.spec.flags.contains(Flags::DENYOOM)
            && self.tx.is_full()
            && !self.has_written
            && !self.rules.ignores_memory
        {
            return Err(Error::OutOfMemory);
        }
        if row.access == Access::Write {
            self.engine().check_writable()?;
        }
        Ok((row, name_words))
    }

    /// Runs a command under the locks that the unit has, or gets.
    fn perform(&mut self, row: &'static Row, (words, name_words): (&[&[u8]], usize)) -> Result<Reply> {
        let Some(parse) = &row.parse else { return Err(crate::cmd::wrong_arity(row.spec.name)) };
        // Before anything is changed the unit can still be run again. Afterwards it has to have all that it may need.
        if row.access != Access::Read && !self.rules.has_declared_all {
            self.lock_everything()?;
        }
        if row.is_about_caller {
            return self.perform_for_caller(row, (words, name_words));
        }
        let run = |calls: &mut Self| {
            let session = calls.session.as_deref_mut();
            (parse.inside)(&mut Args::of_call_by_script(words, name_words), calls.tx, session)
        };
        match run(self) {
            Err(Error::UndeclaredKey) if self.rules.has_declared_all => Err(Error::refused(
                "ERR Script attempted to access a key that it was not given in KEYS, which its flag declared-keys rules out",
            )),
            Err(Error::UndeclaredKey) if self.locked == Locked::Everything => Err(Error::UndeclaredKey),
            Err(Error::UndeclaredKey) => {
                self.lock_everything()?;
                run(self)
            }
            result => result,
        }
    }

    /// Runs a command about the caller for the one that scripts have of their own.
    fn perform_for_caller(
        &mut self,
        row: &'static Row,
        (words, name_words): (&[&[u8]], usize),
    ) -> Result<Reply> {
        let (engine, db) = (self.engine(), self.tx.db());
        let Some(parse) = &row.parse else { return Err(crate::cmd::wrong_arity(row.spec.name)) };
        let own = self.own.get_or_insert_with(|| Session::new(engine, Origin::in_process()));
        own.select(db);
        let reply = (parse.inside)(&mut Args::of_call_by_script(words, name_words), self.tx, Some(own));
        self.tx.select(own.db());
        reply
    }

    /// Locks all shards.
    ///
    /// # Errors
    /// If somebody has one of them who may wait for those that this unit has. The run is in vain then.
    fn lock_everything(&mut self) -> Result<()> {
        if self.locked == Locked::Everything {
            return Ok(());
        }
        if self.tx.lock_everything() {
            self.locked = Locked::Everything;
            return Ok(());
        }
        self.must_restart = true;
        Err(Error::UndeclaredKey)
    }
}

impl Caller for Calls<'_, '_> {
    fn call(&mut self, words: &[&[u8]]) -> Result<Reply> {
        if self.must_restart {
            return Err(Error::UndeclaredKey);
        }
        let began_micros = if self.session.is_some() { self.engine().clock().now_micros() } else { 0 };
        let admitted = self.admit(words);
        let (result, row) = match admitted {
            Ok((row, name_words)) => (self.perform(row, (words, name_words)), Some(row)),
            Err(refused) => (Err(refused), None),
        };
        if let Some(row) = row
            && row.access == Access::Write
            && result.is_ok()
        {
            self.has_written = true;
            self.run.iter().for_each(|run| run.note_write());
        }
        if let Some(session) = self.session.as_deref_mut()
            && !self.must_restart
        {
            let (engine, db) = (self.tx.engine(), self.tx.db());
            self.tx.wake_all_later(|wakers| {
                session.note_called(engine, (row, words), (db, began_micros), &result, wakers);
            });
        }
        result
    }

    fn may_call(&self, words: &[&[u8]]) -> Result<bool> {
        let invalid = || Error::refused("ERR Invalid command passed to redis.acl_check_cmd()");
        let row = self.engine().meant(words).ok_or_else(invalid)?;
        let Some(session) = &self.session else { return Ok(true) };
        let user = session.user(self.engine());
        Ok(user.allows_everything() || user.check(row, words).is_ok())
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.engine().scripts().log(level, message);
    }

    fn look_around(&mut self) -> Result<(), Cow<'static, str>> {
        if self.must_restart {
            return Err("the script is run again".into());
        }
        let engine = self.engine();
        let now_micros = engine.clock().now_micros();
        let run = self.run.get_or_insert_with(|| {
            let Code { callable, words: Words { keys, args }, command, called } = self.code;
            let (command, count) = (command.as_bytes(), keys.len().to_string());
            let first = [command, called, count.as_bytes()];
            let words = first.iter().chain(keys).chain(args).map(|word| Box::from(*word)).collect();
            let run = Arc::new(Run::new(callable.kind(), callable.name(), words, now_micros));
            if self.has_written {
                run.note_write();
            }
            engine.scripts().running().add(Arc::clone(&run));
            run
        });
        let limit_ms = engine.config().busy_reply_threshold_ms();
        if limit_ms > 0 && (now_micros - run.began_micros) / 1000 >= limit_ms {
            engine.scripts().running().note_busy(run);
            if !engine.scripts().serve_others(engine) {
                run.kill();
            }
        }
        run.why_end().map_or(Ok(()), Err)
    }
}
