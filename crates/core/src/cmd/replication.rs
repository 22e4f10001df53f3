//! What is asked of servers that have copies of themselves elsewhere: ROLE, WAIT and their kin. A store here has none.
use super::server::{ADMIN, SERVER};
use super::{Args, Command, Control, Flags, Group, Spec, bare, table};
use crate::journal::Keeper;
use crate::tx::Tx;
use crate::{Error, Reply, Result};

table! {
    control Failover, control PSync, control ReplConf, control ReplicaOf, control Role, control SlaveOf, control Sync, control Wait,
    control WaitAof,
}

const NO_REPLICATION: &str =
    "ERR there is no replication here: copy the store's folder after SAVE, or follow its feed of changes";

bare! {
    /// `ROLE`
    Role -> Reply, Spec {
        name: "ROLE",
        since: "2.8.12",
        flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST),
        categories: &["@admin", "@dangerous"],
        summary: "Says that this is a master without replicas.",
        ..SERVER
    }
}

impl Control<'_> for Role {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        Ok(Reply::Array(vec![Reply::bulk("master"), Reply::Integer(0), Reply::Array(Vec::new())]))
    }
}

fn timeout(args: &mut Args<'_>) -> Result<i64> {
    let parsed = args.int().map_err(|_| Error::refused("ERR timeout is not an integer or out of range"))?;
    if parsed < 0 { Err(Error::refused("ERR timeout is negative")) } else { Ok(parsed) }
}

/// `WAIT numreplicas timeout`
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// By how many replicas writes should have been received.
    pub replicas: i64,
    /// How long to wait, in milliseconds. As there are no replicas, nobody waits.
    pub timeout_ms: i64,
}

const GENERIC: Spec = Spec { group: Group::Generic, flags: Flags::BLOCKING, ..Spec::EMPTY };

impl<'a> Command<'a> for Wait {
    const SPEC: Spec = Spec {
        name: "WAIT",
        arity: 3,
        since: "3.0.0",
        categories: &["@connection"],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        summary: "Says how many replicas have received what was written: none.",
        syntax: "numreplicas timeout",
        ..GENERIC
    };
    type Reply = i64;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let replicas = args.int()?;
        Ok(Wait { replicas, timeout_ms: timeout(args)? })
    }
}

impl Control<'_> for Wait {
    fn run(&self, _: &mut Tx<'_>) -> Result<i64> {
        Ok(0)
    }
}

/// `WAITAOF numlocal numreplicas timeout`
#[derive(Clone, Copy, Debug)]
pub struct WaitAof {
    /// 1 to wait until what was written is on the disk.
    pub local: i64,
    /// By how many replicas.
    pub replicas: i64,
    /// How long to wait for replicas, in milliseconds. As there are none, nobody waits.
    pub timeout_ms: i64,
}

impl<'a> Command<'a> for WaitAof {
    const SPEC: Spec = Spec {
        name: "WAITAOF",
        arity: 4,
        since: "7.2.0",
        categories: &["@connection"],
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        summary: "Returns when what was written is on the disk.",
        complexity: "O(N), N being what was written and is not on the disk yet",
        syntax: "numlocal numreplicas timeout",
        ..GENERIC
    };
    type Reply = Reply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let local = args.int()?;
        if !(0..=1).contains(&local) {
            return Err(Error::refused("ERR value is out of range, value must between 0 and 1"));
        }
        let replicas =
            args.int_where(|replicas| replicas >= 0, "ERR value is out of range, must be positive")?;
        Ok(WaitAof { local, replicas, timeout_ms: timeout(args)? })
    }
}

impl Control<'_> for WaitAof {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        let mut synced = 0;
        if let Some(keeper) = db.engine().keeper() {
            // Inside of a transaction what it wrote is no unit yet, and nobody may wait for the disk under locks.
            if self.local == 1 && db.is_free() {
                Keeper::sync(keeper)?;
                synced = 1;
            }
        } else if self.local == 1 {
            return Err(Error::refused(
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
            ));
        }
        Ok(Reply::Array(vec![Reply::Integer(synced), Reply::Integer(0)]))
    }
}

macro_rules! replica_of {
    ($type:ident, $name:literal, $since:literal) => {
        #[doc = concat!("`", $name, " <host port | NO ONE>`")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type {
            /// `NO ONE`: to be nobody's replica.
            pub of_nobody: bool,
        }

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = Spec {
                name: $name,
                arity: 3,
                since: $since,
                flags: ADMIN.and(Flags::STALE).and(Flags::NO_ASYNC_LOADING),
                summary: "Refuses to become a replica.",
                syntax: "<host port | NO ONE>",
                ..SERVER
            };
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                let (host, port) = (args.bytes()?, args.bytes()?);
                let of_nobody = host.eq_ignore_ascii_case(b"NO") && port.eq_ignore_ascii_case(b"ONE");
                let is_port = crate::number::parse_i64(port).is_some_and(|port| (0..=65535).contains(&port));
                if of_nobody || is_port {
                    Ok($type { of_nobody })
                } else {
                    Err(Error::refused("ERR Invalid master port"))
                }
            }
        }

        impl Control<'_> for $type {
            fn run(&self, _: &mut Tx<'_>) -> Result<()> {
                if self.of_nobody { Ok(()) } else { Err(Error::refused(NO_REPLICATION)) }
            }
        }
    };
}

replica_of!(ReplicaOf, "REPLICAOF", "5.0.0");
replica_of!(SlaveOf, "SLAVEOF", "1.0.0");

const REPLICATES: Spec = Spec {
    flags: ADMIN.and(Flags::NO_ASYNC_LOADING).and(Flags::NO_MULTI),
    summary: "Refuses to be copied.",
    ..SERVER
};

bare! {
    /// `SYNC`
    Sync -> (), Spec { name: "SYNC", ..REPLICATES }
}

impl Control<'_> for Sync {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        Err(Error::refused(NO_REPLICATION))
    }
}

macro_rules! refused_with_words {
    ($type:ident, $spec:expr) => {
        #[doc = concat!("`", stringify!($type), "`, with any words")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = $spec;
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                args.rest();
                Ok($type)
            }
        }

        impl Control<'_> for $type {
            fn run(&self, _: &mut Tx<'_>) -> Result<()> {
                Err(Error::refused(NO_REPLICATION))
            }
        }
    };
}

refused_with_words!(
    PSync,
    Spec { name: "PSYNC", arity: -3, since: "2.8.0", syntax: "replicationid offset", ..REPLICATES }
);
refused_with_words!(
    ReplConf,
    Spec {
        name: "REPLCONF",
        arity: -1,
        since: "3.0.0",
        flags: ADMIN.and(Flags::LOADING).and(Flags::STALE).and(Flags::ALLOW_BUSY),
        summary: "Refuses to be copied.",
        ..SERVER
    }
);
/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`
#[derive(Clone, Copy, Debug)]
pub struct Failover {
    /// `ABORT`: not after all.
    pub abort: bool,
}

impl<'a> Command<'a> for Failover {
    const SPEC: Spec = Spec {
        name: "FAILOVER",
        arity: -1,
        since: "6.2.0",
        flags: ADMIN.and(Flags::STALE),
        summary: "Refuses: there is no replica to hand over to.",
        syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
        ..SERVER
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut abort = false;
        while !args.is_empty() {
            if args.take_with("TO", 2) {
                args.bytes()?;
                args.int()?;
                args.take("FORCE");
            } else if args.take_with("TIMEOUT", 1) {
                args.int()?;
            } else if args.take("ABORT") {
                abort = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(Failover { abort })
    }
}

impl Control<'_> for Failover {
    fn run(&self, _: &mut Tx<'_>) -> Result<()> {
        Err(Error::refused(if self.abort {
            "ERR No failover in progress."
        } else {
            "ERR FAILOVER requires connected replicas."
        }))
    }
}
