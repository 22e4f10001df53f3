//! Callers as others see them: CLIENT, MONITOR.
use std::fmt::Write as _;
use std::time::Duration;

use super::{Args, Command, Control, Flags, Group, Spec, Talk, bare, help_command, table};
use crate::engine::Engine;
use crate::session::{Client, ClientKind, PauseMode, Replies, Session};
use crate::tx::Tx;
use crate::waiting::{GiveUp, Served};
use crate::{Bytes, Error, Reply, Result, number};

table! {
    container CLIENT, talk ClientGetName, control ClientHelp, talk ClientId, talk ClientInfo, talk ClientKill,
    talk ClientList, talk ClientNoEvict, talk ClientNoTouch, control ClientPause, talk ClientReply, talk ClientSetInfo,
    talk ClientSetName, control ClientUnblock, control ClientUnpause, talk Monitor,
}

const CALLER: Flags = Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE);
const ADMIN: Flags = CALLER.and(Flags::ADMIN);
pub(super) const SPEC: Spec = Spec { group: Group::Connection, flags: CALLER, ..Spec::EMPTY };
const CHANGING: &[&str] = &["nondeterministic_output"];

/// `CLIENT`
const CLIENT: Spec = Spec {
    name: "CLIENT",
    arity: -2,
    since: "2.4.0",
    flags: Flags::NONE,
    summary: "A container for commands about callers.",
    complexity: "Depends on subcommand.",
    ..SPEC
};

bare! {
    /// `CLIENT ID`
    ClientId -> i64, Spec {
        name: "CLIENT ID",
        arity: 2,
        since: "5.0.0",
        summary: "Returns the caller's number.",
        ..SPEC
    }
}

impl Talk<'_> for ClientId {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<i64> {
        Ok(session.id() as i64)
    }
}

/// Lines about callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsReply(pub String);

impl From<ClientsReply> for Reply {
    fn from(reply: ClientsReply) -> Self {
        Reply::Verbatim(reply.0)
    }
}

bare! {
    /// `CLIENT INFO`
    ClientInfo -> ClientsReply, Spec {
        name: "CLIENT INFO",
        arity: 2,
        since: "6.2.0",
        tips: CHANGING,
        summary: "Describes the caller.",
        ..SPEC
    }
}

impl Talk<'_> for ClientInfo {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<ClientsReply> {
        session.show();
        Ok(ClientsReply(session.client().line(engine.clock().now()) + "\n"))
    }
}

impl ClientKind {
    /// There are no replicas, but one may ask for them.
    fn parse(word: &[u8]) -> Result<Option<Self>> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("normal") {
            Ok(Some(ClientKind::Normal))
        } else if is("pubsub") {
            Ok(Some(ClientKind::PubSub))
        } else if is("master") || is("replica") || is("slave") {
            Ok(None)
        } else {
            let shown = String::from_utf8_lossy(word);
            Err(Error::Refused(format!("ERR Unknown client type '{shown}'").into()))
        }
    }
}

/// Which callers `CLIENT LIST` lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientFilter {
    /// All of them.
    #[default]
    All,
    /// Those of a kind; `None` for kinds that do not exist here.
    Kind(Option<ClientKind>),
    /// Those with these numbers.
    Ids(Vec<u64>),
}

/// `CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]`
#[derive(Clone, Debug)]
pub struct ClientList {
    /// Which callers.
    pub filter: ClientFilter,
}

impl<'a> Command<'a> for ClientList {
    const SPEC: Spec = Spec {
        name: "CLIENT LIST",
        arity: -2,
        since: "2.4.0",
        flags: ADMIN,
        tips: CHANGING,
        summary: "Describes callers, a line each.",
        complexity: "O(N), N being the number of callers",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        ..SPEC
    };
    type Reply = ClientsReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let filter = if args.is_empty() {
            ClientFilter::All
        } else if args.remaining() == 2 && args.take("TYPE") {
            ClientFilter::Kind(ClientKind::parse(args.bytes()?)?)
        } else if args.remaining() > 1 && args.take("ID") {
            let parse = |word: &&[u8]| {
                let id = number::parse_i64(word).ok_or(Error::refused("ERR Invalid client ID"))?;
                // Callers are counted from 1.
                Ok(u64::try_from(id).unwrap_or(0))
            };
            ClientFilter::Ids(args.rest().iter().map(parse).collect::<Result<_>>()?)
        } else {
            return Err(Error::Syntax);
        };
        Ok(ClientList { filter })
    }
}

impl Talk<'_> for ClientList {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<ClientsReply> {
        session.show();
        let (now, mut text) = (engine.clock().now(), String::new());
        let clients = match &self.filter {
            ClientFilter::Ids(ids) => ids.iter().filter_map(|id| engine.clients().get(*id)).collect(),
            _ => engine.clients().list(),
        };
        let is_asked = |client: &Client| match &self.filter {
            ClientFilter::Kind(kind) => *kind == Some(client.kind()),
            ClientFilter::All | ClientFilter::Ids(_) => true,
        };
        for client in clients.iter().filter(|client| is_asked(client)) {
            let _ = writeln!(text, "{}", client.line(now));
        }
        Ok(ClientsReply(text))
    }
}

/// Which callers are told to go: those of whom all of it is true.
#[derive(Clone, Debug, Default)]
pub struct ClientKillOptions<'a> {
    /// `ID`
    pub id: Option<u64>,
    /// `TYPE`; `None` inside for kinds that do not exist here.
    pub kind: Option<Option<ClientKind>>,
    /// `ADDR`
    pub address: Option<&'a [u8]>,
    /// `LADDR`
    pub local_address: Option<&'a [u8]>,
    /// `USER`
    pub user: Option<&'a [u8]>,
    /// `MAXAGE`: at least so many seconds old.
    pub least_age_seconds: Option<i64>,
    /// `SKIPME NO`: the caller too, if it is one of them.
    pub may_be_caller: bool,
}

/// `CLIENT KILL <ip:port | <[ID client-id] | [TYPE ...] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME YES/NO] | [MAXAGE maxage] ...>>`
#[derive(Clone, Debug)]
pub struct ClientKill<'a> {
    /// Whom.
    pub options: ClientKillOptions<'a>,
    /// The old form: one address, the caller's own too, and a refusal if nobody has it.
    pub is_old_form: bool,
}

/// `CLIENT KILL`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKillReply {
    /// The old form found its caller.
    Killed,
    /// So many callers were told to go.
    Count(usize),
}

impl From<ClientKillReply> for Reply {
    fn from(reply: ClientKillReply) -> Self {
        match reply {
            ClientKillReply::Killed => Reply::OK,
            ClientKillReply::Count(count) => count.into(),
        }
    }
}

impl<'a> Command<'a> for ClientKill<'a> {
    const SPEC: Spec = Spec {
        name: "CLIENT KILL",
        arity: -3,
        since: "2.4.0",
        flags: ADMIN,
        summary: "Tells callers to go.",
        complexity: "O(N), N being the number of callers",
        syntax: "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | \
                 [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...>>",
        ..SPEC
    };
    type Reply = ClientKillReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = ClientKillOptions::default();
        if args.remaining() == 1 {
            options.address = Some(args.bytes()?);
            options.may_be_caller = true;
            return Ok(ClientKill { options, is_old_form: true });
        }
        while !args.is_empty() {
            if args.take_with("ID", 1) {
                let id = number::parse_i64(args.bytes()?).filter(|id| *id > 0);
                let refusal = Error::refused("ERR client-id should be greater than 0");
                options.id = Some(id.ok_or(refusal)? as u64);
            } else if args.take_with("MAXAGE", 1) {
                let refusal = Error::refused("ERR maxage is not an integer or out of range");
                let age = number::parse_i64(args.bytes()?).ok_or(refusal)?;
                if age <= 0 {
                    return Err(Error::refused("ERR maxage should be greater than 0"));
                }
                options.least_age_seconds = Some(age);
            } else if args.take_with("TYPE", 1) {
                options.kind = Some(ClientKind::parse(args.bytes()?)?);
            } else if args.take_with("ADDR", 1) {
                options.address = Some(args.bytes()?);
            } else if args.take_with("LADDR", 1) {
                options.local_address = Some(args.bytes()?);
            } else if args.take_with("USER", 1) {
                options.user = Some(args.bytes()?);
            } else if args.take_with("SKIPME", 1) {
                options.may_be_caller = if args.take("YES") {
                    false
                } else if args.take("NO") {
                    true
                } else {
                    return Err(Error::Syntax);
                };
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(ClientKill { options, is_old_form: false })
    }
}

impl<'a> Talk<'a> for ClientKill<'a> {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<ClientKillReply> {
        let (options, now, caller) = (&self.options, engine.clock().now(), session.id());
        if let Some(user) = options.user.filter(|user| engine.acl().user(user).is_none()) {
            let shown = String::from_utf8_lossy(user);
            return Err(Error::Refused(format!("ERR No such user '{shown}'").into()));
        }
        let is_meant = |client: &Client| {
            let age = (now.0 - client.since().0).max(0) / 1000;
            let origin = client.origin();
            options.id.is_none_or(|id| id == client.id())
                && options.kind.is_none_or(|kind| kind == Some(client.kind()))
                && options.address.is_none_or(|address| address == origin.address.as_bytes())
                && options.local_address.is_none_or(|address| address == origin.local_address.as_bytes())
                && options.user.is_none_or(|user| client.shown().user == user)
                && options.least_age_seconds.is_none_or(|least| age >= least)
                && (options.may_be_caller || client.id() != caller)
        };
        let mut killed = 0;
        for client in engine.clients().list().iter().filter(|client| is_meant(client)) {
            killed += 1;
            if client.id() == caller {
                session.close();
            } else if let Some(waker) = client.kill() {
                waker.wake();
            }
        }
        match (self.is_old_form, killed) {
            (true, 0) => Err(Error::refused("ERR No such client")),
            (true, _) => Ok(ClientKillReply::Killed),
            (false, killed) => Ok(ClientKillReply::Count(killed)),
        }
    }
}

/// Whether a name has only what can stand in a line of `CLIENT LIST`.
fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Gives a caller a name.
///
/// # Errors
/// Redis's refusal of names that `CLIENT LIST` could not show.
pub(super) fn set_name(session: &Session, name: &[u8]) -> Result<()> {
    if !is_plain(name) {
        return Err(Error::refused(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    session.client().change(|shown| shown.name = Bytes::copy_from_slice(name));
    Ok(())
}

/// `CLIENT SETNAME connection-name`
#[derive(Clone, Debug)]
pub struct ClientSetName<'a> {
    /// The name; empty for none.
    pub name: &'a [u8],
}

impl<'a> Command<'a> for ClientSetName<'a> {
    const SPEC: Spec = Spec {
        name: "CLIENT SETNAME",
        arity: 3,
        since: "2.6.9",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Gives the caller a name.",
        syntax: "connection-name",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ClientSetName { name: args.bytes()? })
    }
}

impl<'a> Talk<'a> for ClientSetName<'a> {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        set_name(session, self.name)
    }
}

bare! {
    /// `CLIENT GETNAME`
    ClientGetName -> Option<Bytes>, Spec {
        name: "CLIENT GETNAME",
        arity: 2,
        since: "2.6.9",
        summary: "Returns the caller's name.",
        ..SPEC
    }
}

impl Talk<'_> for ClientGetName {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<Option<Bytes>> {
        Ok(Some(session.client().shown().name).filter(|name| !name.is_empty()))
    }
}

/// What `CLIENT SETINFO` says about the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibraryInfo<'a> {
    /// `LIB-NAME libname`
    Name(&'a [u8]),
    /// `LIB-VER libver`
    Version(&'a [u8]),
}

/// `CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>`
#[derive(Clone, Debug)]
pub struct ClientSetInfo<'a> {
    /// What it says.
    pub info: LibraryInfo<'a>,
}

impl<'a> Command<'a> for ClientSetInfo<'a> {
    const SPEC: Spec = Spec {
        name: "CLIENT SETINFO",
        arity: 4,
        since: "7.2.0",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Says which library the caller uses.",
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (option, value) = (args.bytes()?, args.bytes()?);
        let name = String::from_utf8_lossy(option);
        let info = match name.to_ascii_lowercase().as_str() {
            "lib-name" => LibraryInfo::Name(value),
            "lib-ver" => LibraryInfo::Version(value),
            _ => return Err(Error::Refused(format!("ERR Unrecognized option '{name}'").into())),
        };
        if !is_plain(value) {
            let text = format!("ERR {name} cannot contain spaces, newlines or special characters.");
            return Err(Error::Refused(text.into()));
        }
        Ok(ClientSetInfo { info })
    }
}

impl<'a> Talk<'a> for ClientSetInfo<'a> {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.client().change(|shown| match self.info {
            LibraryInfo::Name(name) => shown.library_name = Bytes::copy_from_slice(name),
            LibraryInfo::Version(version) => shown.library_version = Bytes::copy_from_slice(version),
        });
        Ok(())
    }
}

/// `CLIENT REPLY <ON | OFF | SKIP>`
#[derive(Clone, Copy, Debug)]
pub struct ClientReply {
    /// Which replies are sent from now on.
    pub replies: Replies,
}

impl<'a> Command<'a> for ClientReply {
    const SPEC: Spec = Spec {
        name: "CLIENT REPLY",
        arity: 3,
        since: "3.2.0",
        summary: "Says which replies the caller wants.",
        syntax: "<ON | OFF | SKIP>",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let replies = if args.take("ON") {
            Replies::On
        } else if args.take("OFF") {
            Replies::Off
        } else if args.take("SKIP") {
            Replies::Skip
        } else {
            return Err(Error::Syntax);
        };
        Ok(ClientReply { replies })
    }
}

impl Talk<'_> for ClientReply {
    const LASTS: bool = true;

    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.set_replies(self.replies);
        Ok(())
    }
}

macro_rules! switch_command {
    ($type:ident, $name:literal, $flags:expr, $since:literal, $summary:literal, $set:expr) => {
        #[doc = concat!("`", $name, " <ON | OFF>`")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type {
            /// `ON`
            pub is_on: bool,
        }

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 3,
                since: $since,
                flags: $flags,
                summary: $summary,
                syntax: "<ON | OFF>",
                ..SPEC
            };
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let is_on = args.take("ON");
                if is_on || args.take("OFF") { Ok($type { is_on }) } else { Err(Error::Syntax) }
            }
        }

        impl Talk<'_> for $type {
            const LASTS: bool = true;

            fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
                let set: fn(&mut Session, bool) = $set;
                set(session, self.is_on);
                Ok(())
            }
        }
    };
}

switch_command!(
    ClientNoEvict,
    "CLIENT NO-EVICT",
    ADMIN,
    "7.0.0",
    "Says whether the caller's connection may be closed when memory is full.",
    |session, is_on| session.client().change(|shown| shown.is_no_evict = is_on)
);
switch_command!(
    ClientNoTouch,
    "CLIENT NO-TOUCH",
    CALLER,
    "7.2.0",
    "Says whether the caller's commands count as uses of their keys.",
    Session::leave_stamps
);

/// `CLIENT PAUSE timeout [WRITE | ALL]`
#[derive(Clone, Copy, Debug)]
pub struct ClientPause {
    /// For how long.
    pub timeout: Duration,
    /// Who is kept waiting.
    pub mode: PauseMode,
}

impl<'a> Command<'a> for ClientPause {
    const SPEC: Spec = Spec {
        name: "CLIENT PAUSE",
        arity: -3,
        since: "3.0.0",
        flags: ADMIN,
        summary: "Keeps callers waiting for a while.",
        syntax: "timeout [WRITE | ALL]",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let timeout = args.bytes()?;
        let mode = match args.remaining() {
            0 => PauseMode::All,
            1 if args.take("WRITE") => PauseMode::Write,
            1 if args.take("ALL") => PauseMode::All,
            1 => return Err(Error::refused("ERR CLIENT PAUSE mode must be WRITE or ALL")),
            _ => return Err(super::too_many(args)),
        };
        let Some(milliseconds) = number::parse_i64(timeout) else {
            return Err(Error::refused("ERR timeout is not an integer or out of range"));
        };
        let Ok(milliseconds) = u64::try_from(milliseconds) else {
            return Err(Error::refused("ERR timeout is negative"));
        };
        Ok(ClientPause { timeout: Duration::from_millis(milliseconds), mode })
    }
}

impl Control<'_> for ClientPause {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        let engine = db.engine();
        let now = engine.clock().now();
        let until = now.saturating_add(self.timeout);
        engine.clients().pause(now, until, self.mode);
        engine.wait_ends_at(until);
        Ok(())
    }
}

bare! {
    /// `CLIENT UNPAUSE`
    ClientUnpause -> (), Spec {
        name: "CLIENT UNPAUSE",
        arity: 2,
        since: "6.2.0",
        flags: ADMIN,
        summary: "Lets callers go on that are kept waiting.",
        complexity: "O(N), N being the number of callers that wait",
        ..SPEC
    }
}

impl Control<'_> for ClientUnpause {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().clients().end_pause();
        Ok(())
    }
}

/// `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]`
#[derive(Clone, Copy, Debug)]
pub struct ClientUnblock {
    /// Whom.
    pub id: i64,
    /// How its wait ends.
    pub how: GiveUp,
}

impl<'a> Command<'a> for ClientUnblock {
    const SPEC: Spec = Spec {
        name: "CLIENT UNBLOCK",
        arity: -3,
        since: "5.0.0",
        flags: ADMIN,
        summary: "Ends a caller's wait.",
        complexity: "O(log(N)), N being the number of callers",
        syntax: "client-id [TIMEOUT | ERROR]",
        ..SPEC
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let id = args.bytes()?;
        let how = match args.remaining() {
            0 => GiveUp::Timeout,
            1 if args.take("TIMEOUT") => GiveUp::Timeout,
            1 if args.take("ERROR") => GiveUp::Unblocked,
            1 => return Err(Error::refused("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
            _ => return Err(super::too_many(args)),
        };
        Ok(ClientUnblock { id: number::parse_i64(id).ok_or(Error::NotAnInteger)?, how })
    }
}

impl Control<'_> for ClientUnblock {
    fn run(&self, db: &mut Tx<'_>) -> Result<bool> {
        let client = u64::try_from(self.id).ok().and_then(|id| db.engine().clients().get(id));
        let ended = client.map(|client| client.give_up_wait(self.how));
        let Some(Served::Yes(reader)) = ended else { return Ok(false) };
        db.wake_later(reader);
        Ok(true)
    }
}

help_command!(ClientHelp, "CLIENT", Spec { since: "5.0.0", ..SPEC });

bare! {
    /// `MONITOR`
    Monitor -> Reply, Spec {
        name: "MONITOR",
        group: Group::Server,
        flags: ADMIN,
        summary: "Shows the caller every command that is run from now on.",
        complexity: "O(1), and as much again for every command of others",
        ..SPEC
    }
}

impl Talk<'_> for Monitor {
    const LASTS: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<Reply> {
        if session.is_executing() {
            return Err(Error::refused("ERR MONITOR isn't allowed for DENY BLOCKING client"));
        }
        if session.is_monitor() {
            // Redis takes it for a replica now, and those are not answered.
            return Ok(Reply::Silence);
        }
        session.monitor(engine);
        Ok(Reply::OK)
    }
}
