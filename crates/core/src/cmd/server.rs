//! The store as a whole: FLUSHALL, SAVE and their kin.
use super::info::REDIS_VERSION;
use super::latency::Verbatim;
use super::{Args, Command, Control, Flags, Group, Read, Scope, Spec, Write, bare, table};
use crate::engine::Engine;
use crate::host::Shutdown;
use crate::journal::Keeper;
use crate::keyspace::{Database, Deadlines};
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result};

table! {
    control BgRewriteAof, control BgSave, read DbSize, write FlushAll, write FlushDb, control LastSave, read Lolwut, control Save,
    control ShutDown, write SwapDb, control Time,
}

pub(super) const SERVER: Spec = Spec { group: Group::Server, ..Spec::EMPTY };
pub(super) const ADMIN: Flags = Flags::ADMIN.and(Flags::NOSCRIPT);
pub(super) const ALWAYS: Flags = Flags::LOADING.and(Flags::STALE);
pub(super) const ADMIN_ALWAYS: Flags = Flags::ADMIN.and(ALWAYS);
pub(super) const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

bare! {
    /// `DBSIZE`
    DbSize -> usize, Spec {
        name: "DBSIZE",
        flags: Flags::FAST,
        categories: &["@keyspace"],
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Counts the keys of the selected database; expired ones count until they are reclaimed.",
        complexity: "O(S), S being the number of shards",
        ..SERVER
    }, Scope::Everything
}

impl Read<'_> for DbSize {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(count(db)?.keys)
    }
}

/// How many keys a database has, how many of them have a deadline, and how many have elements with one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) keys: usize,
    pub(super) deadlines: Deadlines,
    pub(super) with_timed_elements: usize,
}

pub(super) fn count(db: &View<'_>) -> Result<Counted> {
    (0..db.engine().keyspace().len()).try_fold(Counted::default(), |sum, shard| {
        let database = db.database(shard)?;
        Ok(Counted {
            keys: sum.keys + database.map_or(0, Database::len),
            deadlines: database.map_or(sum.deadlines, |database| sum.deadlines.and(database.deadlines())),
            with_timed_elements: sum.with_timed_elements + database.map_or(0, Database::with_timed_elements),
        })
    })
}

/// When the memory of what FLUSHALL and FLUSHDB delete is given back. Either way the keys are gone at once, and no lock is held
/// meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushMode {
    /// As the parameter `lazyfree-lazy-user-flush` says: before it answers unless told otherwise.
    #[default]
    Configured,
    /// `SYNC`: before it answers.
    Sync,
    /// `ASYNC`: elsewhere, after it has answered.
    Async,
}

impl FlushMode {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mode = if args.take("ASYNC") {
            FlushMode::Async
        } else if args.take("SYNC") {
            FlushMode::Sync
        } else {
            FlushMode::Configured
        };
        args.finish()?;
        Ok(mode)
    }

    fn frees_at_once(self, engine: &Engine) -> bool {
        match self {
            FlushMode::Configured => !engine.config().flushes_lazily(),
            FlushMode::Sync => true,
            FlushMode::Async => false,
        }
    }
}

macro_rules! flush_command {
    ($type:ident, $name:literal, $clear:ident, $summary:literal) => {
        #[doc = concat!("`", $name, " [ASYNC | SYNC]`")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type {
            /// When the memory is given back.
            pub mode: FlushMode,
        }

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -1,
                categories: &["@keyspace", "@dangerous"],
                tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
                summary: $summary,
                complexity: "O(N), N being the number of keys deleted",
                syntax: "[ASYNC | SYNC]",
                ..SERVER
            };
            const SCOPE: Scope = Scope::Everything;
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { mode: FlushMode::parse(args)? })
            }
        }

        impl<'a> Write<'a> for $type {
            fn write(&self, db: &mut Tx<'_>) -> Result<()> {
                if self.mode.frees_at_once(db.engine()) {
                    db.free_at_once();
                }
                db.$clear();
                Ok(())
            }
        }
    };
}

flush_command!(FlushAll, "FLUSHALL", clear_all, "Deletes every key of every database.");
flush_command!(FlushDb, "FLUSHDB", clear, "Deletes every key of the selected database.");

/// `SWAPDB index1 index2`
#[derive(Clone, Copy, Debug)]
pub struct SwapDb {
    /// One database.
    pub first: i64,
    /// The other.
    pub second: i64,
}

impl<'a> Command<'a> for SwapDb {
    const SPEC: Spec = Spec {
        name: "SWAPDB",
        arity: 3,
        since: "4.0.0",
        flags: Flags::FAST,
        categories: &["@keyspace", "@dangerous"],
        summary: "Makes two databases change places.",
        complexity: "O(N), N being the number of keys with a deadline in both",
        syntax: "index1 index2",
        ..SERVER
    };
    const SCOPE: Scope = Scope::Everything;
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let int = |range: i64| (i64::from(i32::MIN)..=i64::from(i32::MAX)).contains(&range);
        Ok(SwapDb {
            first: args.int_where(int, "ERR invalid first DB index")?,
            second: args.int_where(int, "ERR invalid second DB index")?,
        })
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        let exists = |index: i64| usize::try_from(index).is_ok_and(|index| index < engine.databases());
        if exists(self.first) && exists(self.second) { Ok(()) } else { Err(Error::DatabaseOutOfRange) }
    }
}

impl Write<'_> for SwapDb {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        db.swap_databases(self.first as usize, self.second as usize);
        Ok(())
    }
}

bare! {
    /// `TIME`
    Time -> TimeReply, Spec {
        name: "TIME",
        since: "2.6.0",
        flags: ALWAYS.and(Flags::FAST),
        tips: &["nondeterministic_output"],
        summary: "Returns the time: Unix seconds and the microseconds of the current one.",
        ..SERVER
    }
}

/// `TIME`'s answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeReply {
    /// Whole seconds since 1970.
    pub seconds: i64,
    /// Microseconds since then.
    pub microseconds: i64,
}

impl From<TimeReply> for Reply {
    fn from(reply: TimeReply) -> Self {
        Reply::Array(vec![
            Reply::bulk(reply.seconds.to_string()),
            Reply::bulk(reply.microseconds.to_string()),
        ])
    }
}

impl Control<'_> for Time {
    fn run(&self, db: &mut Tx<'_>) -> Result<TimeReply> {
        let micros = db.now_micros();
        Ok(TimeReply { seconds: micros.div_euclid(1_000_000), microseconds: micros.rem_euclid(1_000_000) })
    }
}

fn keeper<'e>(db: &Tx<'e>) -> Result<&'e dyn Keeper> {
    db.engine()
        .keeper()
        .ok_or(Error::refused("ERR this store lives in memory only; open it with a path to have it saved"))
}

bare! {
    /// `SAVE`
    Save -> (), Spec {
        name: "SAVE",
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING).and(Flags::NO_MULTI),
        summary: "Writes a snapshot and returns when it is on disk.",
        complexity: "O(N), N being the number of keys in all databases",
        ..SERVER
    }
}

impl Control<'_> for Save {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        keeper(db)?.save()
    }
}

/// `BGSAVE [SCHEDULE]`
#[derive(Clone, Copy, Debug)]
pub struct BgSave;

impl<'a> Command<'a> for BgSave {
    const SPEC: Spec = Spec {
        name: "BGSAVE",
        arity: -1,
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING),
        summary: "Begins to write a snapshot while commands go on.",
        syntax: "[SCHEDULE]",
        ..SERVER
    };
    type Reply = &'static str;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        args.take("SCHEDULE");
        args.finish()?;
        Ok(BgSave)
    }
}

impl Control<'_> for BgSave {
    fn run(&self, db: &mut Tx<'_>) -> Result<&'static str> {
        if keeper(db)?.save_in_background()? {
            Ok("Background saving started")
        } else {
            Err(Error::refused("ERR Background save already in progress"))
        }
    }
}

bare! {
    /// `BGREWRITEAOF`
    BgRewriteAof -> &'static str, Spec {
        name: "BGREWRITEAOF",
        flags: ADMIN.and(Flags::NO_ASYNC_LOADING),
        summary: "Begins to replace the log by a snapshot while commands go on.",
        ..SERVER
    }
}

impl Control<'_> for BgRewriteAof {
    fn run(&self, db: &mut Tx<'_>) -> Result<&'static str> {
        if keeper(db)?.save_in_background()? {
            Ok("Background append only file rewriting started")
        } else {
            Err(Error::refused("ERR Background append only file rewriting already in progress"))
        }
    }
}

bare! {
    /// `LASTSAVE`
    LastSave -> i64, Spec {
        name: "LASTSAVE",
        flags: ALWAYS.and(Flags::FAST),
        categories: &["@admin", "@dangerous"],
        tips: &["nondeterministic_output"],
        summary: "Says when the last snapshot was finished, in Unix seconds.",
        ..SERVER
    }
}

impl Control<'_> for LastSave {
    fn run(&self, db: &mut Tx<'_>) -> Result<i64> {
        let started = db.engine().started().seconds();
        Ok(db.engine().keeper().map_or(started, Keeper::last_save_seconds))
    }
}

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`
#[derive(Clone, Copy, Debug)]
pub struct ShutDown {
    /// How; `None` to go on after all.
    pub how: Option<Shutdown>,
}

impl<'a> Command<'a> for ShutDown {
    const SPEC: Spec = Spec {
        name: "SHUTDOWN",
        arity: -1,
        flags: ADMIN.and(ALWAYS).and(Flags::NO_MULTI).and(Flags::ALLOW_BUSY),
        summary: "Ends the program that serves the store.",
        complexity: "O(N), N being the number of keys in all databases, if it saves",
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        ..SERVER
    };
    type Reply = Reply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (mut how, mut abort) = (Shutdown::default(), false);
        while !args.is_empty() {
            if args.take("ABORT") {
                abort = true;
            } else if how.save != Some(true) && args.take("NOSAVE") {
                how.save = Some(false);
            } else if how.save != Some(false) && args.take("SAVE") {
                how.save = Some(true);
            } else if args.take("NOW") {
                how.now = true;
            } else if args.take("FORCE") {
                how.force = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        if abort {
            return if how == Shutdown::default() { Ok(ShutDown { how: None }) } else { Err(Error::Syntax) };
        }
        Ok(ShutDown { how: Some(how) })
    }
}

impl Control<'_> for ShutDown {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let running = db.engine().scripts().running();
        // Whoever wants nothing saved wants no script waited for either.
        let waits = self.how.is_some_and(|how| how.save != Some(false));
        if waits {
            running.check_idle()?;
        }
        match (self.how, db.engine().program()) {
            (Some(how), Some(program)) => {
                program.shut_down(how)?;
                if !waits {
                    running.kill_all();
                }
                Ok(Reply::Silence)
            }
            (Some(_), None) => Err(Error::refused(
                "ERR this store is part of a program that SHUTDOWN cannot end; close its handles instead",
            )),
            (None, Some(program)) if program.abort_shutdown() => Ok(Reply::OK),
            (None, _) => Err(Error::refused("ERR No shutdown in progress.")),
        }
    }
}

/// `LOLWUT [VERSION version]`
#[derive(Clone, Copy, Debug)]
pub struct Lolwut {
    /// Whose work of art; the newest without it.
    pub version: Option<i64>,
}

impl<'a> Command<'a> for Lolwut {
    const SPEC: Spec = Spec {
        name: "LOLWUT",
        arity: -1,
        since: "5.0.0",
        flags: Flags::FAST,
        summary: "Draws something, and says which version of Redis this is like.",
        syntax: "[VERSION version]",
        ..SERVER
    };
    type Reply = Verbatim;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let version = if args.remaining() > 1 && args.take("VERSION") { Some(args.int()?) } else { None };
        args.rest();
        Ok(Lolwut { version })
    }
}

impl Read<'_> for Lolwut {
    fn read(&self, _: &View<'_>) -> Result<Verbatim> {
        // A small red cube, seen from a corner.
        const DRAWING: &str =
            "    +------+\n   /      /|\n  +------+ |\n  |redlet| +\n  |      |/\n  +------+\n";
        let drawing = if self.version.is_none_or(|version| version >= 5) { DRAWING } else { "" };
        Ok(Verbatim(format!("{drawing}Redis ver. {REDIS_VERSION}\n")))
    }
}

#[cfg(test)]
mod tests {
    use crate::cmd::Access;

    #[test]
    fn a_control_command_is_neither_a_reader_nor_a_writer() {
        let row = crate::cmd::row(b"INFO").unwrap();
        assert_eq!(row.access, Access::Control);
        assert!(row.flags().all(|flag| flag != "write" && flag != "readonly"));
    }
}
