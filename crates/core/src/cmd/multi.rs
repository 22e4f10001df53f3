//! Several commands as one unit: MULTI, EXEC, WATCH and their kin.
use std::borrow::Cow;

use super::{Args, Command, Flags, Group, KeySpec, Spec, Talk, bare, table};
use crate::engine::Engine;
use crate::session::Session;
use crate::{Error, Reply, Result};

table! { talk Discard, talk Exec, talk Multi, talk Unwatch, talk Watch }

const CALLER: Flags = Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE);
const QUICK: Flags = CALLER.and(Flags::FAST).and(Flags::ALLOW_BUSY);
const SPEC: Spec = Spec { group: Group::Transactions, since: "1.2.0", flags: QUICK, ..Spec::EMPTY };

bare! {
    /// `MULTI`
    Multi -> (), Spec {
        name: "MULTI",
        summary: "Begins to queue commands, to be run as one unit.",
        ..SPEC
    }
}

impl Talk<'_> for Multi {
    const LASTS: bool = true;
    const ENDS_QUEUE: bool = true;

    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.begin_queue()
    }
}

bare! {
    /// `EXEC`
    Exec -> ExecReply, Spec {
        name: "EXEC",
        flags: CALLER.and(Flags::SKIP_SLOWLOG),
        summary: "Runs the queued commands as one unit, unless a watched key has changed.",
        complexity: "Depends on commands in the transaction",
        ..SPEC
    }
}

/// What the queued commands answered; `None` if a watched key has changed.
#[derive(Debug)]
pub struct ExecReply(pub Option<Vec<Result<Reply>>>);

impl From<ExecReply> for Reply {
    fn from(reply: ExecReply) -> Self {
        reply.0.map_or(Reply::NullArray, |replies| {
            Reply::Array(replies.into_iter().map(|reply| reply.unwrap_or_else(Reply::Error)).collect())
        })
    }
}

impl Talk<'_> for Exec {
    const LASTS: bool = true;
    const ENDS_QUEUE: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<ExecReply> {
        session.exec(engine).map(ExecReply)
    }
}

bare! {
    /// `DISCARD`
    Discard -> (), Spec {
        name: "DISCARD",
        since: "2.0.0",
        summary: "Forgets the queued commands and the watched keys.",
        complexity: "O(N), N being the number of queued commands",
        ..SPEC
    }
}

impl Talk<'_> for Discard {
    const LASTS: bool = true;
    const ENDS_QUEUE: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        if session.is_queueing() {
            session.discard(engine);
            return Ok(());
        }
        Err(Error::refused("ERR DISCARD without MULTI"))
    }
}

/// `WATCH key [key ...]`
#[derive(Clone, Debug)]
pub struct Watch<'a> {
    /// The keys.
    pub keys: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for Watch<'a> {
    const SPEC: Spec = Spec {
        name: "WATCH",
        arity: -2,
        since: "2.2.0",
        keys: &[KeySpec::range(&["RO"], 1, -1, 1)],
        summary: "Watches keys: the next EXEC runs nothing if one of them has changed by then.",
        complexity: "O(1) for each key",
        syntax: "key [key ...]",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Watch { keys: args.rest().into() })
    }
}

impl<'a> Talk<'a> for Watch<'a> {
    const LASTS: bool = true;
    const ENDS_QUEUE: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        session.watch(engine, &self.keys)
    }
}

bare! {
    /// `UNWATCH`
    Unwatch -> (), Spec {
        name: "UNWATCH",
        since: "2.2.0",
        summary: "Watches no key any more.",
        complexity: "O(N), N being the number of watched keys",
        ..SPEC
    }
}

impl Talk<'_> for Unwatch {
    const LASTS: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        session.unwatch(engine);
        Ok(())
    }
}
