//! The caller itself: PING, ECHO, SELECT, AUTH, HELLO, RESET, QUIT.
use crate::Bytes;

use super::{Args, Command, Control, Flags, Group, Spec, Talk, bare, client, table};
use crate::acl::DEFAULT_USER;
use crate::engine::Engine;
use crate::session::{Protocol, Session};
use crate::tx::Tx;
use crate::{Error, Reply, Result, number};

table! { talk Auth, control Echo, talk Hello, control Ping, talk Quit, talk Reset, talk Select }

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

    fn answer(reply: PingReply, session: Option<&Session>) -> Reply {
        if !session.is_some_and(Session::is_restricted) {
            return reply.into();
        }
        // Where replies cannot be told from messages, it looks like one.
        let message = match reply {
            PingReply::Pong => Bytes::default(),
            PingReply::Message(message) => message,
        };
        Reply::Array(vec![Reply::bulk("pong"), message.into()])
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
/// Means something to a session. A handle stays on its database.
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

impl Talk<'_> for Select {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.select(self.index as usize);
        Ok(())
    }
}

const CALLER: Flags = Flags::NOSCRIPT
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::NO_AUTH)
    .and(Flags::ALLOW_BUSY);

bare! {
    /// `RESET`
    Reset -> &'static str, Spec {
        name: "RESET",
        since: "6.2.0",
        flags: CALLER,
        summary: "Makes the caller as it was when it came.",
        ..CONNECTION
    }
}

impl Talk<'_> for Reset {
    const ENDS_QUEUE: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<&'static str> {
        session.reset(engine);
        Ok("RESET")
    }
}

/// `QUIT`
#[derive(Clone, Copy, Debug)]
pub struct Quit;

impl<'a> Command<'a> for Quit {
    const SPEC: Spec =
        Spec { name: "QUIT", arity: -1, flags: CALLER, summary: "Ends the connection.", ..CONNECTION };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.rest();
        Ok(Quit)
    }
}

impl Talk<'_> for Quit {
    const ENDS_QUEUE: bool = true;

    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.close();
        Ok(())
    }
}

/// `AUTH [username] password`
#[derive(Clone, Debug)]
pub struct Auth<'a> {
    /// As whom; `None` for the default user.
    pub user: Option<&'a [u8]>,
    /// With which password.
    pub password: &'a [u8],
    /// The word by which it was called, for the log of refusals.
    pub called: &'a [u8],
}

impl<'a> Command<'a> for Auth<'a> {
    const SPEC: Spec = Spec {
        name: "AUTH",
        arity: -2,
        flags: CALLER,
        summary: "Says who the caller is.",
        complexity: "O(N), N being the number of the user's passwords",
        syntax: "[username] password",
        ..CONNECTION
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let user = if args.remaining() > 1 { Some(args.bytes()?) } else { None };
        let password = args.bytes()?;
        args.finish()?;
        Ok(Auth { user, password, called: args.called() })
    }
}

impl<'a> Talk<'a> for Auth<'a> {
    const LASTS: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        if self.user.is_none() && engine.acl().default_user().admits_anybody() {
            return Err(Error::refused(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?",
            ));
        }
        session.log_in(engine, self.called, (self.user.unwrap_or(DEFAULT_USER.as_bytes()), self.password))
    }
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
#[derive(Clone, Debug)]
pub struct Hello<'a> {
    /// The protocol from now on; `None` for the one that is spoken.
    pub protocol: Option<Protocol>,
    /// `AUTH`: the user and the password.
    pub login: Option<(&'a [u8], &'a [u8])>,
    /// `SETNAME`
    pub name: Option<&'a [u8]>,
    /// The word by which it was called, for the log of refusals.
    pub called: &'a [u8],
}

/// `HELLO`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloReply {
    /// The protocol.
    pub protocol: Protocol,
    /// The caller's number.
    pub id: u64,
}

impl From<HelloReply> for Reply {
    fn from(reply: HelloReply) -> Self {
        let pair = |name: &str, value: Reply| (Reply::bulk(name), value);
        Reply::Map(vec![
            pair("server", Reply::bulk("redis")),
            pair("version", Reply::bulk(super::info::REDIS_VERSION)),
            pair("proto", Reply::Integer(reply.protocol.number())),
            pair("id", Reply::Integer(reply.id as i64)),
            pair("mode", Reply::bulk("standalone")),
            pair("role", Reply::bulk("master")),
            pair("modules", Reply::Array(Vec::new())),
        ])
    }
}

impl<'a> Command<'a> for Hello<'a> {
    const SPEC: Spec = Spec {
        name: "HELLO",
        arity: -1,
        since: "6.0.0",
        flags: CALLER,
        summary: "Begins a conversation: says which protocol is spoken, and by whom.",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        ..CONNECTION
    };
    type Reply = HelloReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (mut protocol, mut login, mut name) = (None, None, None);
        if !args.is_empty() {
            let refusal = Error::refused("ERR Protocol version is not an integer or out of range");
            protocol = Some(match number::parse_i64(args.bytes()?).ok_or(refusal)? {
                2 => Protocol::Resp2,
                3 => Protocol::Resp3,
                _ => return Err(Error::Refused("NOPROTO unsupported protocol version".into())),
            });
        }
        while let Some(option) = args.peek() {
            if args.take_with("AUTH", 2) {
                login = Some((args.bytes()?, args.bytes()?));
            } else if args.take_with("SETNAME", 1) {
                name = Some(args.bytes()?);
            } else {
                let option = String::from_utf8_lossy(option);
                return Err(Error::Refused(format!("ERR Syntax error in HELLO option '{option}'").into()));
            }
        }
        Ok(Hello { protocol, login, name, called: args.called() })
    }
}

impl<'a> Talk<'a> for Hello<'a> {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<HelloReply> {
        if let Some(login) = self.login {
            session.log_in(engine, self.called, login)?;
        }
        if session.needs_login(engine) {
            return Err(Error::Refused(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
                 <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
                 same time"
                    .into(),
            ));
        }
        if let Some(name) = self.name {
            client::set_name(session, name)?;
        }
        let protocol = self.protocol.unwrap_or(session.protocol());
        session.set_protocol(protocol);
        Ok(HelloReply { protocol, id: session.id() })
    }
}
