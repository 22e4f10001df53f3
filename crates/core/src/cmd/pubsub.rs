//! Channels: PUBLISH, SUBSCRIBE, PUBSUB and their kin.
use std::borrow::Cow;

use super::{Args, Command, Control, Flags, Group, KeySpec, Spec, Talk, bare, help_command, table};
use crate::engine::Engine;
use crate::pubsub::{Kind, Published};
use crate::session::Session;
use crate::tx::Tx;
use crate::{Bytes, Reply, Result};

table! {
    talk PSubscribe, control Publish, container PUBSUB, control PubSubChannels, control PubSubHelp, control PubSubNumPat,
    control PubSubNumSub, control PubSubShardChannels, control PubSubShardNumSub, talk PUnsubscribe, control SPublish,
    talk SSubscribe, talk Subscribe, talk SUnsubscribe, talk Unsubscribe,
}

const CHANNELS: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);
const SPEC: Spec = Spec { group: Group::PubSub, flags: CHANNELS, since: "2.0.0", ..Spec::EMPTY };

macro_rules! publish_command {
    ($type:ident, $name:literal, $is_sharded:literal, $spec:expr) => {
        #[doc = concat!("`", $name, "`: leaves a message with all subscribers of a channel.")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The channel.
            pub channel: &'a [u8],
            /// The message.
            pub message: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec { name: $name, arity: 3, flags: CHANNELS.and(Flags::FAST), ..$spec };
            type Reply = usize;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { channel: args.bytes()?, message: args.bytes()? })
            }
        }

        impl<'a> Control<'a> for $type<'a> {
            fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
                let Self { channel, message: payload } = *self;
                Ok(db.send(&Published { channel, payload, is_sharded: $is_sharded }))
            }
        }
    };
}

publish_command!(
    Publish,
    "PUBLISH",
    false,
    Spec {
        summary: "Publishes a message on a channel.",
        complexity: "O(N+M), N being the number of subscribers of the channel and M the number of patterns",
        syntax: "channel message",
        ..SPEC
    }
);
publish_command!(
    SPublish,
    "SPUBLISH",
    true,
    Spec {
        since: "7.0.0",
        keys: &[KeySpec::first(&["not_key"])],
        summary: "Publishes a message on a sharded channel.",
        complexity: "O(N), N being the number of subscribers of the channel",
        syntax: "shardchannel message",
        ..SPEC
    }
);

/// Declares a command about what the caller is subscribed to: how many words it needs, its meaning for a session, and its facts.
macro_rules! subscription_command {
    ($type:ident, $name:literal, $arity:literal, $doc:literal, |$engine:ident, $session:ident, $names:ident| $talk:expr, $spec:expr) => {
        #[doc = concat!("`", $name, "`: ", $doc)]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// Names or patterns.
            pub names: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec =
                Spec { name: $name, arity: $arity, flags: CHANNELS.and(Flags::NOSCRIPT), ..$spec };
            type Reply = Reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { names: args.rest().into() })
            }
        }

        impl<'a> Talk<'a> for $type<'a> {
            const LASTS: bool = true;

            fn talk(&self, $engine: &Engine, $session: &mut Session) -> Result<Reply> {
                let $names = &self.names;
                $talk
            }
        }
    };
}

macro_rules! subscribe_command {
    ($type:ident, $name:literal, $kind:expr, $spec:expr) => {
        subscription_command!(
            $type,
            $name,
            -2,
            "the confirmations come where the messages will come.",
            |engine, session, names| {
                if $kind == Kind::ShardChannel && session.is_executing() {
                    let text = concat!("ERR ", $name, " isn't allowed for a DENY BLOCKING client");
                    return Err(crate::Error::refused(text));
                }
                Ok(session.subscribe(engine, $kind, names))
            },
            $spec
        );
    };
}

macro_rules! unsubscribe_command {
    ($type:ident, $name:literal, $kind:expr, $spec:expr) => {
        subscription_command!(
            $type,
            $name,
            -1,
            "without names it ends all subscriptions of the kind.",
            |engine, session, names| Ok(session.unsubscribe(engine, $kind, names)),
            $spec
        );
    };
}

const SHARDED: &[KeySpec] = &[KeySpec::range(&["not_key"], 1, -1, 1)];

subscribe_command!(
    Subscribe,
    "SUBSCRIBE",
    Kind::Channel,
    Spec {
        summary: "Subscribes to channels.",
        complexity: "O(N), N being the number of channels",
        syntax: "channel [channel ...]",
        ..SPEC
    }
);
subscribe_command!(
    PSubscribe,
    "PSUBSCRIBE",
    Kind::Pattern,
    Spec {
        summary: "Subscribes to the channels that match patterns.",
        complexity: "O(N), N being the number of patterns",
        syntax: "pattern [pattern ...]",
        ..SPEC
    }
);
subscribe_command!(
    SSubscribe,
    "SSUBSCRIBE",
    Kind::ShardChannel,
    Spec {
        since: "7.0.0",
        keys: SHARDED,
        summary: "Subscribes to sharded channels.",
        complexity: "O(N), N being the number of channels",
        syntax: "shardchannel [shardchannel ...]",
        ..SPEC
    }
);
unsubscribe_command!(
    Unsubscribe,
    "UNSUBSCRIBE",
    Kind::Channel,
    Spec {
        summary: "Ends subscriptions to channels.",
        complexity: "O(N), N being the number of channels",
        syntax: "[channel [channel ...]]",
        ..SPEC
    }
);
unsubscribe_command!(
    PUnsubscribe,
    "PUNSUBSCRIBE",
    Kind::Pattern,
    Spec {
        summary: "Ends subscriptions by patterns.",
        complexity: "O(N), N being the number of patterns",
        syntax: "[pattern [pattern ...]]",
        ..SPEC
    }
);
unsubscribe_command!(
    SUnsubscribe,
    "SUNSUBSCRIBE",
    Kind::ShardChannel,
    Spec {
        since: "7.0.0",
        keys: SHARDED,
        summary: "Ends subscriptions to sharded channels.",
        complexity: "O(N), N being the number of channels",
        syntax: "[shardchannel [shardchannel ...]]",
        ..SPEC
    }
);

/// `PUBSUB`
const PUBSUB: Spec = Spec {
    name: "PUBSUB",
    arity: -2,
    since: "2.8.0",
    flags: Flags::NONE,
    summary: "A container for commands about channels.",
    complexity: "Depends on subcommand.",
    ..SPEC
};

macro_rules! channels_command {
    ($type:ident, $name:literal, $kind:expr, $spec:expr) => {
        #[doc = concat!("`", $name, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// Which channels; all of them without a pattern.
            pub pattern: Option<&'a [u8]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec { name: $name, arity: -2, ..$spec };
            type Reply = Vec<Bytes>;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                if args.remaining() > 1 {
                    return Err($crate::cmd::too_many(args));
                }
                Ok($type { pattern: args.peek() })
            }
        }

        impl<'a> Control<'a> for $type<'a> {
            fn run(&self, db: &mut Tx<'_>) -> Result<Vec<Bytes>> {
                Ok(db.engine().pubsub().names($kind, self.pattern))
            }
        }
    };
}

channels_command!(
    PubSubChannels,
    "PUBSUB CHANNELS",
    Kind::Channel,
    Spec {
        since: "2.8.0",
        summary: "Lists the channels that somebody is subscribed to by name.",
        complexity: "O(N), N being the number of channels",
        syntax: "[pattern]",
        ..SPEC
    }
);
channels_command!(
    PubSubShardChannels,
    "PUBSUB SHARDCHANNELS",
    Kind::ShardChannel,
    Spec {
        since: "7.0.0",
        summary: "Lists the sharded channels that somebody is subscribed to.",
        complexity: "O(N), N being the number of channels",
        syntax: "[pattern]",
        ..SPEC
    }
);

/// How many are subscribed to each of some channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumSubReply(pub Vec<(Bytes, usize)>);

impl From<NumSubReply> for Reply {
    fn from(reply: NumSubReply) -> Self {
        let pair = |(channel, count): (Bytes, usize)| [channel.into(), count.into()];
        Reply::Array(reply.0.into_iter().flat_map(pair).collect())
    }
}

macro_rules! num_sub_command {
    ($type:ident, $name:literal, $kind:expr, $spec:expr) => {
        #[doc = concat!("`", $name, "`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The channels.
            pub channels: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec { name: $name, arity: -2, ..$spec };
            type Reply = NumSubReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { channels: args.rest().into() })
            }
        }

        impl<'a> Control<'a> for $type<'a> {
            fn run(&self, db: &mut Tx<'_>) -> Result<NumSubReply> {
                let pubsub = db.engine().pubsub();
                let count = |name: &&[u8]| (Bytes::copy_from_slice(name), pubsub.subscribers($kind, name));
                Ok(NumSubReply(self.channels.iter().map(count).collect()))
            }
        }
    };
}

num_sub_command!(
    PubSubNumSub,
    "PUBSUB NUMSUB",
    Kind::Channel,
    Spec {
        since: "2.8.0",
        summary: "Counts the subscribers of channels, those by pattern left out.",
        complexity: "O(N), N being the number of channels asked for",
        syntax: "[channel [channel ...]]",
        ..SPEC
    }
);
num_sub_command!(
    PubSubShardNumSub,
    "PUBSUB SHARDNUMSUB",
    Kind::ShardChannel,
    Spec {
        since: "7.0.0",
        summary: "Counts the subscribers of sharded channels.",
        complexity: "O(N), N being the number of channels asked for",
        syntax: "[shardchannel [shardchannel ...]]",
        ..SPEC
    }
);

bare! {
    /// `PUBSUB NUMPAT`
    PubSubNumPat -> usize, Spec {
        name: "PUBSUB NUMPAT",
        arity: 2,
        since: "2.8.0",
        summary: "Counts the different patterns that are subscribed to.",
        ..SPEC
    }
}

impl Control<'_> for PubSubNumPat {
    fn run(&self, db: &mut Tx<'_>) -> Result<usize> {
        Ok(db.engine().pubsub().count(Kind::Pattern))
    }
}

help_command!(PubSubHelp, "PUBSUB", Spec { since: "6.2.0", ..SPEC });
