//! Elements with deadlines of their own: what the commands on fields of hashes and those on members of sets have in common. A family
//! of commands is declared by `deadline_commands`.
use std::borrow::Cow;

use super::keys::{ExpireWhen, ExpiresAt, Ttl, reply_in_unit};
use super::{Args, Late};
use crate::tx::{TimedCollection, Tx, View};
use crate::{Error, Reply, Result, UnixMs};

/// The latest deadline that an element may have, in Unix milliseconds: Redis keeps so many bits of it.
const LATEST: i64 = (1 << 46) - 1;

/// Names of elements. Redis looks at the key before it counts them.
pub(super) type Names<'a> = Late<Cow<'a, [&'a [u8]]>>;

/// How a family speaks of names: the word before them, and what it says where they are wrong.
pub(super) struct Naming {
    pub(super) word: &'static str,
    pub(super) misplaced: &'static str,
    pub(super) no_count: &'static str,
    pub(super) miscounted: &'static str,
}

impl Naming {
    /// Reads `WORD count name [name ...]`, all words that are left.
    pub(super) fn names<'a>(&self, args: &mut Args<'a>) -> Names<'a> {
        if !args.take(self.word) {
            return Err(Error::refused(self.misplaced));
        }
        if args.is_empty() {
            return Err(Error::refused(self.miscounted));
        }
        let count = args.int_where(|count| count > 0, self.no_count)?;
        let names = args.rest();
        if i64::try_from(names.len()) == Ok(count) {
            Ok(names.into())
        } else {
            Err(Error::refused(self.miscounted))
        }
    }
}

/// Reads `NX`, `XX`, `GT` or `LT`.
pub(super) fn condition(args: &mut Args<'_>) -> Option<ExpireWhen> {
    args.take_one_of([
        ("NX", ExpireWhen::None),
        ("XX", ExpireWhen::Some),
        ("GT", ExpireWhen::Later),
        ("LT", ExpireWhen::Earlier),
    ])
}

/// So many units after a moment, as a deadline that an element may have.
pub(super) fn moment(amount: i64, scale: i64, start: UnixMs, command: &'static str) -> Result<UnixMs> {
    if amount < 0 {
        return Err(Error::refused("ERR invalid expire time, must be >= 0"));
    }
    let at = amount.checked_mul(scale).and_then(|milliseconds| milliseconds.checked_add(start.0));
    at.filter(|at| *at <= LATEST).map(UnixMs).ok_or(Error::InvalidExpireTime(command))
}

pub(super) const EPOCH: UnixMs = UnixMs(0);

/// What HEXPIRE, SEXPIRE and their kin did to a field or a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpire {
    /// There is none of this name.
    Missing,
    /// `NX`, `XX`, `GT` or `LT` did not allow it.
    Refused,
    /// It has the deadline.
    Set,
    /// It is gone, because the deadline is not in the future.
    Deleted,
}

impl From<FieldExpire> for Reply {
    fn from(reply: FieldExpire) -> Self {
        Reply::Integer(match reply {
            FieldExpire::Missing => -2,
            FieldExpire::Refused => 0,
            FieldExpire::Set => 1,
            FieldExpire::Deleted => 2,
        })
    }
}

/// What HPERSIST or SPERSIST did to a field or a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPersist {
    /// There is none of this name.
    Missing,
    /// It had no deadline.
    Unchanged,
    /// It has no deadline any more.
    Cleared,
}

impl From<FieldPersist> for Reply {
    fn from(reply: FieldPersist) -> Self {
        Reply::Integer(match reply {
            FieldPersist::Missing => -2,
            FieldPersist::Unchanged => -1,
            FieldPersist::Cleared => 1,
        })
    }
}

/// Gives elements a deadline, each if its old one allows it.
pub(super) fn expire<T: TimedCollection>(
    db: &mut Tx<'_>,
    key: &[u8],
    at: impl FnOnce(UnixMs) -> Result<UnixMs>,
    when: ExpireWhen,
    names: &Names<'_>,
) -> Result<Vec<FieldExpire>> {
    let now = db.now();
    let mut collection = db.hold::<T>(key)?;
    let at = at(now)?;
    let expire = |name: &&[u8]| match collection.shown().deadline(name) {
        None => FieldExpire::Missing,
        Some(old) if !when.allows(old, at) => FieldExpire::Refused,
        Some(_) if at <= now => {
            T::remove_through(&mut collection, name);
            FieldExpire::Deleted
        }
        Some(_) => {
            collection.set_deadline(name, Some(at));
            FieldExpire::Set
        }
    };
    Ok(names.clone()?.iter().map(expire).collect())
}

/// Takes away the deadlines of elements.
pub(super) fn persist<T: TimedCollection>(
    db: &mut Tx<'_>,
    key: &[u8],
    names: &Names<'_>,
) -> Result<Vec<FieldPersist>> {
    let mut collection = db.hold::<T>(key)?;
    let persist = |name: &&[u8]| match collection.shown().deadline(name) {
        None => FieldPersist::Missing,
        Some(None) => FieldPersist::Unchanged,
        Some(Some(_)) => {
            collection.set_deadline(name, None);
            FieldPersist::Cleared
        }
    };
    Ok(names.clone()?.iter().map(persist).collect())
}

/// The deadline of each element, as far as there is such an element.
pub(super) fn deadlines<T: TimedCollection, R>(
    db: &View<'_>,
    key: &[u8],
    names: &Names<'_>,
    shown: impl Fn(Option<Option<UnixMs>>) -> R,
) -> Result<Vec<R>> {
    let collection = db.collection::<T>(key)?;
    let deadline = |name: &&[u8]| shown(collection.and_then(|collection| collection.deadline(name)));
    Ok(names.clone()?.iter().map(deadline).collect())
}

/// Redis gives what has begun as a whole second.
pub(super) const fn seconds_begun(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) + (milliseconds.rem_euclid(1000) > 0) as i64
}

reply_in_unit!(FieldSeconds, Ttl, seconds_begun, "How long a field or a member has to live, in seconds.");
reply_in_unit!(
    FieldMilliseconds,
    Ttl,
    std::convert::identity,
    "How long a field or a member has to live, in milliseconds."
);
reply_in_unit!(
    FieldUnixSeconds,
    ExpiresAt,
    seconds_begun,
    "Until when a field or a member lives, in Unix seconds."
);
reply_in_unit!(
    FieldUnixMilliseconds,
    ExpiresAt,
    std::convert::identity,
    "Until when a field or a member lives, in Unix milliseconds."
);

/// Declares a command whose words are a key and counted names. `$names` is what the family calls them, `$words` how they are written,
/// and `$naming` its [`Naming`].
macro_rules! counted_names_command {
    (
        ($names:ident, $words:literal, $naming:expr)
        $(#[$doc:meta])* $type:ident -> $reply:ty, $spec:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            #[doc = concat!("The ", stringify!($names), ".")]
            pub $names: $crate::cmd::Late<std::borrow::Cow<'a, [&'a [u8]]>>,
        }

        impl<'a> $crate::cmd::Command<'a> for $type<'a> {
            const SPEC: $crate::cmd::Spec = $crate::cmd::Spec {
                arity: -5,
                complexity: concat!("O(N), N being the number of ", stringify!($names)),
                syntax: concat!("key <", $words, ">"),
                flags: $crate::cmd::Flags::FAST,
                ..$spec
            };
            type Reply = $reply;

            fn parse(args: &mut $crate::cmd::args::Args<'a>) -> $crate::Result<Self> {
                Ok($type { key: args.bytes()?, $names: $naming.names(args) })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}
pub(super) use counted_names_command;

macro_rules! expire_command {
    (
        { $collection:ty, $base:expr, $since:literal, $of:literal, $conditional:expr } ($names:ident, $words:literal)
        $type:ident, $name:literal, $command:literal, $word:literal, $scale:literal, $relative:literal,
        $amount_doc:literal, $summary:expr
    ) => {
        #[doc = concat!("`", $name, " key ", $word, " [NX | XX | GT | LT] ", $words, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            #[doc = $amount_doc]
            pub amount: $crate::cmd::Late<i64>,
            /// Which deadlines may be replaced.
            pub when: $crate::cmd::keys::ExpireWhen,
            #[doc = concat!("The ", stringify!($names), ".")]
            pub $names: $crate::cmd::Late<std::borrow::Cow<'a, [&'a [u8]]>>,
        }

        impl<'a> $crate::cmd::Command<'a> for $type<'a> {
            const SPEC: $crate::cmd::Spec = $crate::cmd::Spec {
                name: $name,
                arity: -6,
                since: $since,
                flags: $crate::cmd::Flags::FAST,
                keys: &[$crate::cmd::KeySpec::first(&["RW", "update"])],
                summary: $summary,
                complexity: concat!("O(N), N being the number of ", stringify!($names)),
                syntax: concat!("key ", $word, " [NX | XX | GT | LT] <", $words, ">"),
                ..$base
            };
            type Reply = Vec<$crate::cmd::element_deadlines::FieldExpire>;

            fn parse(args: &mut $crate::cmd::args::Args<'a>) -> $crate::Result<Self> {
                let (key, amount) = (args.bytes()?, args.int());
                let (when, $names) = $conditional(args);
                Ok($type { key, amount, when, $names })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> $crate::cmd::Write<'a> for $type<'a> {
            fn write(&self, db: &mut $crate::tx::Tx<'_>) -> $crate::Result<Self::Reply> {
                use $crate::cmd::element_deadlines::{EPOCH, expire, moment};
                let start = |now| if $relative { now } else { EPOCH };
                let at = |now| moment(self.amount.clone()?, $scale, start(now), $command);
                expire::<$collection>(db, self.key, at, self.when, &self.$names)
            }
        }
    };
}
pub(super) use expire_command;

macro_rules! deadline_read_command {
    (
        { $collection:ty, $base:expr, $since:literal } ($names:ident, $words:literal, $naming:expr)
        $type:ident -> $reply:ident, $name:literal, $tips:expr, $summary:expr, |$db:ident| $shown:expr
    ) => {
        $crate::cmd::element_deadlines::counted_names_command! {
            ($names, $words, $naming)
            #[doc = concat!("`", $name, " key ", $words, "`")]
            $type -> Vec<$crate::cmd::element_deadlines::$reply>, $crate::cmd::Spec {
                name: $name,
                since: $since,
                keys: &[$crate::cmd::KeySpec::first(&["RO", "access"])],
                tips: $tips,
                summary: $summary,
                ..$base
            }
        }

        impl<'a> $crate::cmd::Read<'a> for $type<'a> {
            fn read(&self, $db: &$crate::tx::View<'_>) -> $crate::Result<Self::Reply> {
                use $crate::cmd::element_deadlines::{deadlines, $reply};
                deadlines::<$collection, _>($db, self.key, &self.$names, |deadline| $reply($shown(deadline)))
            }
        }
    };
}
pub(super) use deadline_read_command;

/// Declares the nine commands on the deadlines of a family's elements: the collection, the facts that its commands share, since when
/// they are there, and how it speaks of its elements; how names are read, alone and with a condition; and the commands' names.
macro_rules! deadline_commands {
    (
        $collection:ty, $base:expr, $since:literal, $names:ident $of:literal, $words:literal,
        $naming:expr, $conditional:expr,
        $expire:ident $expire_name:literal $expire_command:literal,
        $p_expire:ident $p_expire_name:literal $p_expire_command:literal,
        $expire_at:ident $expire_at_name:literal $expire_at_command:literal,
        $p_expire_at:ident $p_expire_at_name:literal $p_expire_at_command:literal,
        $ttl:ident $ttl_name:literal, $p_ttl:ident $p_ttl_name:literal,
        $expire_time:ident $expire_time_name:literal, $p_expire_time:ident $p_expire_time_name:literal,
        $persist:ident $persist_name:literal $(,)?
    ) => {
        $crate::cmd::element_deadlines::expire_command!(
            { $collection, $base, $since, $of, $conditional } ($names, $words)
            $expire, $expire_name, $expire_command, "seconds", 1000, true,
            "How long they may live from now on, in seconds; 0 deletes them.",
            concat!("Gives ", $of, " a time to live in seconds.")
        );
        $crate::cmd::element_deadlines::expire_command!(
            { $collection, $base, $since, $of, $conditional } ($names, $words)
            $p_expire, $p_expire_name, $p_expire_command, "milliseconds", 1, true,
            "How long they may live from now on, in milliseconds; 0 deletes them.",
            concat!("Gives ", $of, " a time to live in milliseconds.")
        );
        $crate::cmd::element_deadlines::expire_command!(
            { $collection, $base, $since, $of, $conditional } ($names, $words)
            $expire_at, $expire_at_name, $expire_at_command, "unix-time-seconds", 1000, false,
            "Until when they may live, in Unix seconds; not in the future deletes them.",
            concat!("Gives ", $of, " a deadline in Unix seconds.")
        );
        $crate::cmd::element_deadlines::expire_command!(
            { $collection, $base, $since, $of, $conditional } ($names, $words)
            $p_expire_at, $p_expire_at_name, $p_expire_at_command, "unix-time-milliseconds", 1, false,
            "Until when they may live, in Unix milliseconds; not in the future deletes them.",
            concat!("Gives ", $of, " a deadline in Unix milliseconds.")
        );

        $crate::cmd::element_deadlines::deadline_read_command!(
            { $collection, $base, $since } ($names, $words, $naming)
            $ttl -> FieldSeconds, $ttl_name, $crate::cmd::keys::TTL_TIPS,
            concat!("Says how many seconds ", $of, " have to live."),
            |db| |deadline| $crate::cmd::keys::remaining(deadline, || db.now())
        );
        $crate::cmd::element_deadlines::deadline_read_command!(
            { $collection, $base, $since } ($names, $words, $naming)
            $p_ttl -> FieldMilliseconds, $p_ttl_name, $crate::cmd::keys::TTL_TIPS,
            concat!("Says how many milliseconds ", $of, " have to live."),
            |db| |deadline| $crate::cmd::keys::remaining(deadline, || db.now())
        );
        $crate::cmd::element_deadlines::deadline_read_command!(
            { $collection, $base, $since } ($names, $words, $naming)
            $expire_time -> FieldUnixSeconds, $expire_time_name, &[],
            concat!("Says until when ", $of, " live, in Unix seconds."),
            |db| $crate::cmd::keys::until
        );
        $crate::cmd::element_deadlines::deadline_read_command!(
            { $collection, $base, $since } ($names, $words, $naming)
            $p_expire_time -> FieldUnixMilliseconds, $p_expire_time_name, &[],
            concat!("Says until when ", $of, " live, in Unix milliseconds."),
            |db| $crate::cmd::keys::until
        );

        $crate::cmd::element_deadlines::counted_names_command! {
            ($names, $words, $naming)
            #[doc = concat!("`", $persist_name, " key ", $words, "`")]
            $persist -> Vec<$crate::cmd::element_deadlines::FieldPersist>, $crate::cmd::Spec {
                name: $persist_name,
                since: $since,
                keys: &[$crate::cmd::KeySpec::first(&["RW", "update"])],
                summary: concat!("Takes away the deadlines of ", $of, "."),
                ..$base
            }
        }

        impl<'a> $crate::cmd::Write<'a> for $persist<'a> {
            fn write(&self, db: &mut $crate::tx::Tx<'_>) -> $crate::Result<Self::Reply> {
                $crate::cmd::element_deadlines::persist::<$collection>(db, self.key, &self.$names)
            }
        }
    };
}
pub(super) use deadline_commands;
