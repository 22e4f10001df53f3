//! CONFIG: the parameters.
use super::server::{ADMIN, ALL_NODES, ALWAYS, SERVER};
use super::{Args, Command, Control, Scope, Spec, bare, help_command, table};
use crate::config::{self, Origin};
use crate::tx::Tx;
use crate::{Error, Reply, Result, glob};

table! {
    container CONFIG, control ConfigGet, control ConfigHelp, control ConfigResetStat, control ConfigRewrite,
    control ConfigSet,
}

/// `CONFIG`
const CONFIG: Spec = Spec {
    name: "CONFIG",
    arity: -2,
    since: "2.0.0",
    summary: "A container for commands about the store's parameters.",
    complexity: "Depends on subcommand.",
    ..SERVER
};

/// `CONFIG GET parameter [parameter ...]`
#[derive(Clone, Debug)]
pub struct ConfigGet<'a> {
    /// Patterns of names.
    pub patterns: std::borrow::Cow<'a, [&'a [u8]]>,
}

/// `CONFIG GET`'s answer: names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigReply(pub Vec<(String, Vec<u8>)>);

impl From<ConfigReply> for Reply {
    fn from(reply: ConfigReply) -> Self {
        Reply::Map(reply.0.into_iter().map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
    }
}

impl<'a> Command<'a> for ConfigGet<'a> {
    const SPEC: Spec = Spec {
        name: "CONFIG GET",
        arity: -3,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        summary: "Returns the parameters whose names match a pattern.",
        complexity: "O(N), N being the number of parameters",
        syntax: "parameter [parameter ...]",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ConfigReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(ConfigGet { patterns: args.rest().into() })
    }
}

impl<'a> Control<'a> for ConfigGet<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<ConfigReply> {
        let config = db.engine().config();
        let mut found: Vec<(String, Vec<u8>)> = Vec::new();
        for pattern in self.patterns.iter() {
            let is_plain = !pattern.iter().any(|byte| b"[]*?".contains(byte));
            for (name, value) in config.all() {
                if glob::matches(pattern, name.as_bytes(), true) {
                    // A plain name is answered as it was asked for.
                    let shown = if is_plain {
                        String::from_utf8_lossy(pattern).into_owned()
                    } else {
                        name.to_owned()
                    };
                    if !found.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                        found.push((shown, value));
                    }
                }
            }
        }
        Ok(ConfigReply(found))
    }
}

/// `CONFIG SET parameter value [parameter value ...]`
#[derive(Clone, Debug)]
pub struct ConfigSet<'a> {
    /// Names and values.
    pub pairs: std::borrow::Cow<'a, [(&'a [u8], &'a [u8])]>,
}

impl<'a> Command<'a> for ConfigSet<'a> {
    const SPEC: Spec = Spec {
        name: "CONFIG SET",
        arity: -4,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Changes parameters, all of them or none.",
        complexity: "O(N), N being the number of parameters",
        syntax: "parameter value [parameter value ...]",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (pairs, rest) = args.rest().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::Syntax);
        }
        Ok(ConfigSet { pairs: pairs.iter().map(|&[name, value]| (name, value)).collect::<Vec<_>>().into() })
    }
}

impl<'a> Control<'a> for ConfigSet<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        config::set(db, &self.pairs, Origin::Caller)
    }
}

bare! {
    /// `CONFIG RESETSTAT`
    ConfigResetStat -> (), Spec {
        name: "CONFIG RESETSTAT",
        arity: 2,
        since: "2.0.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Sets the counters that INFO reports back to zero.",
        ..SERVER
    }, Scope::Everything
}

impl Control<'_> for ConfigResetStat {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.reset_statistics();
        db.engine().acl().log().reset_counts();
        db.engine().statistics().reset();
        db.engine().scripts().reset_counts();
        Ok(())
    }
}

bare! {
    /// `CONFIG REWRITE`
    ConfigRewrite -> (), Spec {
        name: "CONFIG REWRITE",
        arity: 2,
        since: "2.8.0",
        flags: ADMIN.and(ALWAYS),
        tips: ALL_NODES,
        summary: "Writes the parameters into the configuration file that the program was started with.",
        ..SERVER
    }
}

impl Control<'_> for ConfigRewrite {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().rewrite_config()
    }
}

help_command!(ConfigHelp, "CONFIG", Spec { since: "5.0.0", ..SERVER });
