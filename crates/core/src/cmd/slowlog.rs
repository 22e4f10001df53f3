//! SLOWLOG: the commands that took long.
use super::server::{ADMIN_ALWAYS, SERVER};
use super::{Args, Command, Control, Spec, bare, help_command, table};
use crate::slowlog::SlowCommand;
use crate::tx::Tx;
use crate::{Reply, Result};

table! { container SLOWLOG, control SlowLogGet, control SlowLogHelp, control SlowLogLen, control SlowLogReset }

const SLOW: Spec = Spec { since: "2.2.12", flags: ADMIN_ALWAYS, ..SERVER };
const ALL_NODES: &str = "request_policy:all_nodes";

/// `SLOWLOG`
const SLOWLOG: Spec = Spec {
    name: "SLOWLOG",
    arity: -2,
    summary: "A container for commands about commands that took long.",
    complexity: "Depends on subcommand.",
    flags: super::Flags::NONE,
    ..SLOW
};

/// `SLOWLOG GET [count]`
#[derive(Clone, Copy, Debug)]
pub struct SlowLogGet {
    /// How many at most; `None` for all.
    pub count: Option<usize>,
}

impl<'a> Command<'a> for SlowLogGet {
    const SPEC: Spec = Spec {
        name: "SLOWLOG GET",
        arity: -2,
        tips: &[ALL_NODES, "nondeterministic_output"],
        summary: "Returns commands that took long, the latest first.",
        complexity: "O(N), N being the number of commands returned",
        syntax: "[count]",
        ..SLOW
    };
    type Reply = Vec<SlowCommand>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        const DEFAULT: usize = 10;
        if args.remaining() > 1 {
            return Err(super::too_many(args));
        }
        if args.is_empty() {
            return Ok(SlowLogGet { count: Some(DEFAULT) });
        }
        let count = args.int_where(|count| count >= -1, "ERR count should be greater than or equal to -1")?;
        Ok(SlowLogGet { count: usize::try_from(count).ok() })
    }
}

impl From<Vec<SlowCommand>> for Reply {
    fn from(commands: Vec<SlowCommand>) -> Self {
        let show = |command: SlowCommand| {
            Reply::Array(vec![
                Reply::Integer(command.id as i64),
                Reply::Integer(command.at.seconds()),
                Reply::Integer(command.micros as i64),
                Reply::Array(command.words.iter().map(Reply::bulk).collect()),
                Reply::bulk(command.address),
                Reply::Bulk(command.name),
            ])
        };
        Reply::Array(commands.into_iter().map(show).collect())
    }
}

impl Control<'_> for SlowLogGet {
    fn run(&self, db: &mut Tx<'_>) -> Result<Vec<SlowCommand>> {
        Ok(db.engine().statistics().slow().latest(self.count.unwrap_or(usize::MAX)))
    }
}

bare! {
    /// `SLOWLOG LEN`
    SlowLogLen -> usize, Spec {
        name: "SLOWLOG LEN",
        arity: 2,
        tips: &[ALL_NODES, "response_policy:agg_sum", "nondeterministic_output"],
        summary: "Counts the commands that took long and are kept.",
        ..SLOW
    }
}

impl Control<'_> for SlowLogLen {
    fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
        Ok(db.engine().statistics().slow().len())
    }
}

bare! {
    /// `SLOWLOG RESET`
    SlowLogReset -> (), Spec {
        name: "SLOWLOG RESET",
        arity: 2,
        tips: &[ALL_NODES, "response_policy:all_succeeded"],
        summary: "Forgets the commands that took long.",
        complexity: "O(N), N being the number of commands kept",
        ..SLOW
    }
}

impl Control<'_> for SlowLogReset {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        db.engine().statistics().slow().clear();
        Ok(())
    }
}

help_command!(SlowLogHelp, "SLOWLOG", Spec { since: "6.2.0", ..SERVER });
