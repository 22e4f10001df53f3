//! ACL: users, and what they may do.
use std::borrow::Cow;

use super::args::Args;
use super::{
    CATEGORIES, Command, Control, Flags, Group, Row, Spec, Talk, bare, help_command, table, too_many,
};
use crate::acl::{Entry, SelectorText, User};
use crate::engine::Engine;
use crate::number::hexadecimal;
use crate::pubsub::Kind;
use crate::session::{Client, Session};
use crate::tx::Tx;
use crate::{Bytes, Error, Reply, Result};

table! {
    container ACL, control AclCat, control AclDelUser, control AclDryRun, control AclGenPass, control AclGetUser, control AclHelp,
    control AclList, control AclLoad, control AclLog, control AclSave, control AclSetUser, control AclUsers, talk AclWhoAmI,
}

const SERVER: Spec = Spec { group: Group::Server, since: "6.0.0", ..Spec::EMPTY };
const ALWAYS: Flags = Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE);
const ADMIN: Flags = Flags::ADMIN.and(ALWAYS);
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// `ACL`
const ACL: Spec = Spec {
    name: "ACL",
    arity: -2,
    summary: "A container for commands about users.",
    complexity: "Depends on subcommand.",
    ..SERVER
};

/// `ACL CAT [category]`
#[derive(Clone, Copy, Debug)]
pub struct AclCat<'a> {
    /// The category whose commands are asked for; `None` for the categories themselves.
    pub category: Option<&'a [u8]>,
}

impl<'a> Command<'a> for AclCat<'a> {
    const SPEC: Spec = Spec {
        name: "ACL CAT",
        arity: -2,
        flags: ALWAYS,
        summary: "Returns the categories of commands, or the commands of one.",
        complexity: "O(1) since the categories and commands are a fixed set.",
        syntax: "[category]",
        ..SERVER
    };
    type Reply = Vec<String>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let category = if args.is_empty() { None } else { Some(args.bytes()?) };
        if args.is_empty() { Ok(AclCat { category }) } else { Err(too_many(args)) }
    }
}

impl<'a> Control<'a> for AclCat<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<String>> {
        let Some(wanted) = self.category else {
            return Ok(CATEGORIES.map(|category| category[1..].to_owned()).into());
        };
        let is_it = |category: &&&str| category.as_bytes()[1..].eq_ignore_ascii_case(wanted);
        let category = CATEGORIES.iter().find(is_it).ok_or_else(|| {
            let wanted = super::shown_in_error(&wanted[..wanted.len().min(128)]);
            Error::Refused(format!("ERR Unknown category '{wanted}'").into())
        })?;
        let is_in_it = |row: &&Row| row.categories().contains(category);
        Ok(db.engine().commands().filter(is_in_it).map(Row::listed_name).collect())
    }
}

/// `ACL DELUSER username [username ...]`
#[derive(Clone, Debug)]
pub struct AclDelUser<'a> {
    /// Who goes.
    pub names: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for AclDelUser<'a> {
    const SPEC: Spec = Spec {
        name: "ACL DELUSER",
        arity: -3,
        flags: ADMIN,
        tips: ALL_NODES,
        summary: "Removes users and closes their sessions.",
        complexity: "O(1) amortized time considering the typical user.",
        syntax: "username [username ...]",
        ..SERVER
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(AclDelUser { names: args.rest().into() })
    }
}

impl<'a> Control<'a> for AclDelUser<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
        let removed = db.engine().acl().remove_users(&self.names)?;
        let is_removed = |client: &Client| removed.iter().any(|user| client.shown().user == user.name());
        db.engine().clients().expel(is_removed);
        Ok(removed.len())
    }
}

/// `ACL DRYRUN username command [arg [arg ...]]`
#[derive(Clone, Debug)]
pub struct AclDryRun<'a> {
    /// Whose rights are asked for.
    pub user: &'a [u8],
    /// The command's words, its name first.
    pub words: Cow<'a, [&'a [u8]]>,
}

/// `ACL DRYRUN`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunReply {
    /// The user may run the command.
    Allowed,
    /// The user may not: why, in words.
    Denied(Bytes),
}

impl From<DryRunReply> for Reply {
    fn from(reply: DryRunReply) -> Self {
        match reply {
            DryRunReply::Allowed => Reply::OK,
            DryRunReply::Denied(why) => why.into(),
        }
    }
}

impl<'a> Command<'a> for AclDryRun<'a> {
    const SPEC: Spec = Spec {
        name: "ACL DRYRUN",
        arity: -4,
        since: "7.0.0",
        flags: ADMIN,
        summary: "Says whether a user may run a command, without running it.",
        complexity: "O(1).",
        syntax: "username command [arg [arg ...]]",
        ..SERVER
    };
    type Reply = DryRunReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(AclDryRun { user: args.bytes()?, words: args.rest().into() })
    }
}

impl<'a> Control<'a> for AclDryRun<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<DryRunReply> {
        let not_found = |what: &str, name: &[u8]| {
            Error::Refused(format!("ERR {what} '{}' not found", super::shown_in_error(name)).into())
        };
        let user = db.engine().acl().user(self.user).ok_or_else(|| not_found("User", self.user))?;
        let (row, _) = db.engine().lookup(&self.words).map_err(|refusal| match refusal {
            Error::UnknownCommand { .. } | Error::UnknownSubcommand { .. } => {
                not_found("Command", self.words.first().copied().unwrap_or_default())
            }
            other => other,
        })?;
        Ok(match user.check(row, &self.words) {
            Ok(()) => DryRunReply::Allowed,
            Err(denied) => DryRunReply::Denied(denied.explanation(&user, row, &self.words).into()),
        })
    }
}

/// `ACL GENPASS [bits]`
#[derive(Clone, Copy, Debug)]
pub struct AclGenPass {
    /// How many bits of chance; a digit has four.
    pub bits: usize,
}

/// As many as `ACL GENPASS` gives at most.
const MAX_PASSWORD_BITS: i64 = 4096;

impl<'a> Command<'a> for AclGenPass {
    const SPEC: Spec = Spec {
        name: "ACL GENPASS",
        arity: -2,
        flags: ALWAYS,
        summary: "Returns a password that nobody can guess, in hexadecimal digits.",
        complexity: "O(1)",
        syntax: "[bits]",
        ..SERVER
    };
    type Reply = String;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let bits = if args.is_empty() { 256 } else { args.int()? };
        if !args.is_empty() {
            return Err(too_many(args));
        }
        if !(1..=MAX_PASSWORD_BITS).contains(&bits) {
            return Err(Error::refused(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
            ));
        }
        Ok(AclGenPass { bits: bits as usize })
    }
}

impl Control<'_> for AclGenPass {
    fn run(&self, _: &mut Tx<'_>) -> Result<String> {
        // Not the engine's chance, which is made to be repeated.
        let mut bytes = [0; MAX_PASSWORD_BITS as usize / 8];
        let digits = self.bits.div_ceil(4);
        let bytes = &mut bytes[..digits.div_ceil(2)];
        getrandom::fill(bytes).map_err(|cause| {
            Error::Refused(format!("ERR the system has no chance to give: {cause}").into())
        })?;
        let mut password = hexadecimal(bytes);
        password.truncate(digits);
        Ok(password)
    }
}

/// `ACL GETUSER username`
#[derive(Clone, Copy, Debug)]
pub struct AclGetUser<'a> {
    /// The user.
    pub name: &'a [u8],
}

/// `ACL GETUSER`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserReply {
    /// `on` or `off`, `nopass` if there is no password, and whether payloads are checked.
    pub flags: Vec<&'static str>,
    /// The SHA-256 of each password, in hexadecimal digits.
    pub passwords: Vec<String>,
    /// What is allowed; any one of these is enough. The first is the user's own, the others are those in parentheses.
    pub selectors: Vec<SelectorReply>,
}

/// What commands may be used with which keys and channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorReply {
    /// Rules about commands, as in `-@all +get`.
    pub commands: String,
    /// Patterns of keys, as in `~a* %R~b*`.
    pub keys: Bytes,
    /// Patterns of channels, as in `&news*`.
    pub channels: Bytes,
}

impl From<SelectorText> for SelectorReply {
    fn from(text: SelectorText) -> Self {
        Self { commands: text.commands, keys: text.keys.into(), channels: text.channels.into() }
    }
}

impl SelectorReply {
    fn into_pairs(self) -> [(Reply, Reply); 3] {
        [
            (Reply::bulk("commands"), self.commands.into()),
            (Reply::bulk("keys"), self.keys.into()),
            (Reply::bulk("channels"), self.channels.into()),
        ]
    }
}

impl From<UserReply> for Reply {
    fn from(reply: UserReply) -> Self {
        let mut pairs = vec![
            (Reply::bulk("flags"), Reply::Set(reply.flags.iter().map(Reply::bulk).collect())),
            (Reply::bulk("passwords"), reply.passwords.into()),
        ];
        let mut selectors = reply.selectors.into_iter();
        pairs.extend(selectors.next().into_iter().flat_map(SelectorReply::into_pairs));
        let others = selectors.map(|selector| Reply::Map(selector.into_pairs().into())).collect();
        pairs.push((Reply::bulk("selectors"), Reply::Array(others)));
        Reply::Map(pairs)
    }
}

impl<'a> Command<'a> for AclGetUser<'a> {
    const SPEC: Spec = Spec {
        name: "ACL GETUSER",
        arity: 3,
        flags: ADMIN,
        summary: "Returns a user's rules.",
        complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
        syntax: "username",
        ..SERVER
    };
    type Reply = Option<UserReply>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(AclGetUser { name: args.bytes()? })
    }
}

impl<'a> Control<'a> for AclGetUser<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Option<UserReply>> {
        Ok(db.engine().acl().user(self.name).map(|user| {
            let (flags, passwords, selectors) = user.details();
            UserReply { flags, passwords, selectors: selectors.into_iter().map(Into::into).collect() }
        }))
    }
}

help_command!(AclHelp, "ACL", SERVER);

bare! {
    /// `ACL LIST`
    AclList -> Vec<Bytes>, Spec {
        name: "ACL LIST",
        arity: 2,
        flags: ADMIN,
        summary: "Returns the rules of all users, as a file of users has them.",
        complexity: "O(N). Where N is the number of configured users.",
        ..SERVER
    }
}

impl Control<'_> for AclList {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<Bytes>> {
        Ok(db.engine().acl().users().iter().map(|user| user.describe().into()).collect())
    }
}

bare! {
    /// `ACL USERS`
    AclUsers -> Vec<Bytes>, Spec {
        name: "ACL USERS",
        arity: 2,
        flags: ADMIN,
        summary: "Returns the names of all users.",
        complexity: "O(N). Where N is the number of configured users.",
        ..SERVER
    }
}

impl Control<'_> for AclUsers {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<Bytes>> {
        Ok(db.engine().acl().users().iter().map(|user| name_of(user)).collect())
    }
}

fn name_of(user: &User) -> Bytes {
    Bytes::copy_from_slice(user.name())
}

bare! {
    /// `ACL WHOAMI`
    AclWhoAmI -> Bytes, Spec {
        name: "ACL WHOAMI",
        arity: 2,
        flags: ALWAYS,
        summary: "Returns the name of the caller's user.",
        ..SERVER
    }
}

impl Talk<'_> for AclWhoAmI {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<Bytes> {
        Ok(name_of(session.user(engine)))
    }
}

bare! {
    /// `ACL SAVE`
    AclSave -> (), Spec {
        name: "ACL SAVE",
        arity: 2,
        flags: ADMIN,
        tips: ALL_NODES,
        summary: "Writes all users to the file of users.",
        complexity: "O(N). Where N is the number of configured users.",
        ..SERVER
    }
}

impl Control<'_> for AclSave {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().acl().save()
    }
}

bare! {
    /// `ACL LOAD`
    AclLoad -> (), Spec {
        name: "ACL LOAD",
        arity: 2,
        flags: ADMIN,
        summary: "Makes the users those of the file of users, all of them or none.",
        complexity: "O(N). Where N is the number of configured users.",
        ..SERVER
    }
}

impl Control<'_> for AclLoad {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        let engine = db.engine();
        engine.acl().load()?;
        engine.clients().expel(|client| {
            let user = engine.acl().user(&client.shown().user);
            user.is_none_or(|user| overhears(engine, client, &user))
        });
        Ok(())
    }
}

/// Whether a caller is subscribed to something that a user may not hear.
fn overhears(engine: &Engine, client: &Client, user: &User) -> bool {
    let may_hear = |(kind, name): &(Kind, Bytes)| user.may_hear(name, *kind == Kind::Pattern);
    !engine.pubsub().subscriptions_of(client.inbox()).iter().all(may_hear)
}

/// `ACL LOG [count | RESET]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclLog {
    /// The latest refusals, at most so many.
    Latest(usize),
    /// `RESET`: forgets all of them.
    Reset,
}

/// `ACL LOG`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AclLogReply {
    /// Refusals, the latest first, each with the seconds that have passed since.
    Entries(Vec<(Entry, f64)>),
    /// They were forgotten.
    Forgotten,
}

impl From<AclLogReply> for Reply {
    fn from(reply: AclLogReply) -> Self {
        let AclLogReply::Entries(entries) = reply else { return Reply::OK };
        let entry = |(entry, age_seconds): (Entry, f64)| {
            let pairs = [
                ("count", Reply::Integer(entry.count as i64)),
                ("reason", Reply::bulk(entry.reason.as_str())),
                ("context", Reply::bulk(entry.context.as_str())),
                ("object", Reply::bulk(entry.object)),
                ("username", Reply::bulk(entry.user)),
                ("age-seconds", Reply::Double(age_seconds)),
                ("client-info", Reply::bulk(entry.client)),
                ("entry-id", Reply::Integer(entry.id as i64)),
                ("timestamp-created", Reply::Integer(entry.first_at.0)),
                ("timestamp-last-updated", Reply::Integer(entry.last_at.0)),
            ];
            Reply::Map(pairs.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
        };
        Reply::Array(entries.into_iter().map(entry).collect())
    }
}

impl<'a> Command<'a> for AclLog {
    const SPEC: Spec = Spec {
        name: "ACL LOG",
        arity: -2,
        flags: ADMIN,
        summary: "Returns what users were refused, or forgets it.",
        complexity: "O(N) with N being the number of entries shown.",
        syntax: "[count | RESET]",
        ..SERVER
    };
    type Reply = AclLogReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let what = if args.is_empty() {
            AclLog::Latest(10)
        } else if args.remaining() > 1 {
            return Err(too_many(args));
        } else if args.take("RESET") {
            AclLog::Reset
        } else {
            AclLog::Latest(args.int()?.max(0) as usize)
        };
        Ok(what)
    }
}

impl Control<'_> for AclLog {
    fn run(&self, db: &mut Tx<'_>) -> Result<AclLogReply> {
        let (log, now) = (db.engine().acl().log(), db.engine().clock().now());
        Ok(match *self {
            AclLog::Reset => {
                log.clear();
                AclLogReply::Forgotten
            }
            AclLog::Latest(count) => {
                let age_seconds = |entry: &Entry| now.0.saturating_sub(entry.last_at.0) as f64 / 1000.0;
                let with_age = |entry: Entry| (age_seconds(&entry), entry);
                let entries = log.latest(count).into_iter().map(with_age);
                AclLogReply::Entries(entries.map(|(age, entry)| (entry, age)).collect())
            }
        })
    }
}

/// `ACL SETUSER username [rule [rule ...]]`
#[derive(Clone, Debug)]
pub struct AclSetUser<'a> {
    /// Who is made or changed.
    pub name: &'a [u8],
    /// What changes, in this order.
    pub rules: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for AclSetUser<'a> {
    const SPEC: Spec = Spec {
        name: "ACL SETUSER",
        arity: -3,
        flags: ADMIN,
        tips: ALL_NODES,
        summary: "Makes a user or changes one: all rules or none.",
        complexity: "O(N). Where N is the number of rules provided.",
        syntax: "username [rule [rule ...]]",
        ..SERVER
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(AclSetUser { name: args.bytes()?, rules: args.rest().into() })
    }
}

impl<'a> Control<'a> for AclSetUser<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        let engine = db.engine();
        let user = engine.acl().set_user(self.name, &self.rules)?;
        engine
            .clients()
            .expel(|client| client.shown().user == user.name() && overhears(engine, client, &user));
        Ok(())
    }
}
