//! The caller itself: PING, ECHO, SELECT.
use crate::Bytes;

use super::{Args, Command, Control, Flags, Group, Spec, table};
use crate::engine::Engine;
use crate::tx::Tx;
use crate::{Error, Reply, Result};

table! { control Echo, control Ping, control Select }

const CONNECTION: Spec = Spec { group: Group::Connection, flags: Flags::FAST, ..Spec::EMPTY };

/// `PING [message]`
#[derive(Clone, Debug)]
pub struct Ping<'a> {
    /// What to answer with.
    pub message: Option<&'a [u8]>,
}

/// `PING`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingReply {
    /// `PONG`.
    Pong,
    /// The message.
    Message(Bytes),
}

impl From<PingReply> for Reply {
    fn from(reply: PingReply) -> Self {
        match reply {
            PingReply::Pong => "PONG".into(),
            PingReply::Message(message) => message.into(),
        }
    }
}

impl<'a> Command<'a> for Ping<'a> {
    const SPEC: Spec = Spec {
        name: "PING",
        arity: -1,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Answers, to show that somebody is there.",
        syntax: "[message]",
        ..CONNECTION
    };
    type Reply = PingReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let message = args.peek();
        if args.remaining() > 1 {
            return Err(super::wrong_arity("PING"));
        }
        Ok(Ping { message })
    }
}

impl<'a> Control<'a> for Ping<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<PingReply> {
        Ok(self
            .message
            .map_or(PingReply::Pong, |message| PingReply::Message(Bytes::copy_from_slice(message))))
    }
}

/// `ECHO message`
#[derive(Clone, Debug)]
pub struct Echo<'a> {
    /// What to answer with.
    pub message: &'a [u8],
}

impl<'a> Command<'a> for Echo<'a> {
    const SPEC: Spec = Spec {
        name: "ECHO",
        arity: 2,
        flags: Flags::FAST.and(Flags::LOADING).and(Flags::STALE),
        summary: "Returns the message.",
        syntax: "message",
        ..CONNECTION
    };
    type Reply = Bytes;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Echo { message: args.bytes()? })
    }
}

impl<'a> Control<'a> for Echo<'a> {
    fn run(&self, _: &mut Tx<'_>) -> Result<Bytes> {
        Ok(Bytes::copy_from_slice(self.message))
    }
}

/// `SELECT index`
///
/// Says only whether there is such a database: which one is selected is known to whoever runs the commands.
#[derive(Clone, Debug)]
pub struct Select {
    /// The database's number.
    pub index: i64,
}

impl<'a> Command<'a> for Select {
    const SPEC: Spec = Spec {
        name: "SELECT",
        arity: 2,
        flags: Flags::FAST.and(Flags::LOADING).and(Flags::STALE),
        summary: "Goes to another database.",
        syntax: "index",
        ..CONNECTION
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Select { index: args.int32()? })
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        let exists = usize::try_from(self.index).is_ok_and(|index| index < engine.databases());
        if exists { Ok(()) } else { Err(Error::DatabaseOutOfRange) }
    }
}

impl Control<'_> for Select {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        Ok(())
    }
}
