//! Channels: who is subscribed to which, and how messages get there.
//!
//! Knows nothing of keys and shards. Its lock is taken after those of shards, never the other way; a message is left in inboxes
//! and its readers are woken by whoever published, when no lock is held.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::inbox::{Capacity, Inbox};
use crate::{Bytes, Reply, glob};

/// What channels are subscribed to by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name of a channel: `SUBSCRIBE`.
    Channel,
    /// A pattern of names: `PSUBSCRIBE`.
    Pattern,
    /// The name of a sharded channel: `SSUBSCRIBE`. Without a cluster a second space of names.
    ShardChannel,
}

impl Kind {
    const COUNT: usize = 3;

    /// How the confirmation of a subscription begins.
    const fn subscribed(self) -> &'static str {
        ["subscribe", "psubscribe", "ssubscribe"][self as usize]
    }

    const fn unsubscribed(self) -> &'static str {
        ["unsubscribe", "punsubscribe", "sunsubscribe"][self as usize]
    }
}

/// What a caller gets without having asked for it just now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// A message on a channel.
    Message {
        /// Whether it came by a name, a pattern or the name of a sharded channel.
        kind: Kind,
        /// The pattern, if it came by one.
        pattern: Option<Bytes>,
        /// The channel.
        channel: Bytes,
        /// What was published.
        payload: Bytes,
    },
    /// A subscription began or ended.
    Confirmed {
        /// What was subscribed to.
        kind: Kind,
        /// Whether it began.
        is_subscribed: bool,
        /// The channel or pattern; none if all were to be ended and there was none.
        name: Option<Bytes>,
        /// How many subscriptions the caller has now: channels and patterns together, or sharded channels.
        count: usize,
    },
    /// Keys that a tracking caller must forget; none for all of them.
    Invalidated(Option<Vec<Bytes>>),
    /// The same, told to a subscriber in place of a tracking caller, in the form of a message.
    InvalidatedByMessage(Option<Vec<Bytes>>),
    /// The caller that should be told in this one's place is gone: its number.
    RedirectionBroken(u64),
    /// What MONITOR shows of a command.
    Line(String),
}

impl Push {
    /// About how many bytes it takes on the wire.
    pub fn bytes(&self) -> usize {
        const FRAME: usize = 64;
        FRAME
            + match self {
                Push::Message { pattern, channel, payload, .. } => {
                    pattern.as_ref().map_or(0, |pattern| pattern.len()) + channel.len() + payload.len()
                }
                Push::Confirmed { name, .. } => name.as_ref().map_or(0, |name| name.len()),
                Push::Invalidated(keys) | Push::InvalidatedByMessage(keys) => {
                    keys.iter().flatten().map(|key| key.len()).sum()
                }
                Push::RedirectionBroken(_) => 0,
                Push::Line(line) => line.len(),
            }
    }
}

impl From<Push> for Reply {
    fn from(push: Push) -> Self {
        let word = |text: &'static str| Reply::bulk(text);
        match push {
            Push::Message { kind: Kind::Pattern, pattern, channel, payload } => {
                Reply::Push(vec![word("pmessage"), pattern.into(), channel.into(), payload.into()])
            }
            Push::Message { kind, channel, payload, .. } => {
                let name = if kind == Kind::ShardChannel { "smessage" } else { "message" };
                Reply::Push(vec![word(name), channel.into(), payload.into()])
            }
            Push::Confirmed { kind, is_subscribed, name, count } => {
                let event = if is_subscribed { kind.subscribed() } else { kind.unsubscribed() };
                Reply::Push(vec![word(event), name.into(), count.into()])
            }
            Push::Invalidated(keys) => Reply::Push(vec![word("invalidate"), keys.into()]),
            Push::InvalidatedByMessage(keys) => {
                Reply::Push(vec![word("message"), word("__redis__:invalidate"), keys.into()])
            }
            Push::RedirectionBroken(id) => {
                Reply::Push(vec![word("tracking-redir-broken"), Reply::Integer(id as i64)])
            }
            Push::Line(line) => Reply::Status(line.into()),
        }
    }
}

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published<'m> {
    /// On which channel.
    pub channel: &'m [u8],
    /// What.
    pub payload: &'m [u8],
    /// Whether the channel is a sharded one, which patterns do not reach.
    pub is_sharded: bool,
}

/// Who subscribes: an inbox, and what it is subscribed to.
#[derive(Debug)]
pub struct Subscriber {
    id: u64,
    inbox: Arc<Inbox<Push>>,
    names: [BTreeSet<Bytes>; Kind::COUNT],
    /// The length of all of them.
    name_bytes: usize,
}

impl Subscriber {
    /// Somebody without subscriptions.
    pub fn new(capacity: Capacity) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            inbox: Arc::new(Inbox::new(capacity)),
            names: Default::default(),
            name_bytes: 0,
        }
    }

    /// How many bytes its subscriptions take.
    pub(crate) fn memory(&self) -> usize {
        self.names.iter().map(BTreeSet::len).sum::<usize>() * size_of::<Bytes>() + self.name_bytes
    }

    /// Where messages arrive.
    pub fn inbox(&self) -> &Arc<Inbox<Push>> {
        &self.inbox
    }

    /// How many subscriptions of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.names[kind as usize].len()
    }

    /// What it is subscribed to.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &Bytes> {
        self.names[kind as usize].iter()
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        self.names.iter().any(|names| !names.is_empty())
    }

    /// What a caller by words is told: that it is subscribed, with so many subscriptions more than now, or is not any more.
    pub(crate) fn confirmation(
        &self,
        kind: Kind,
        is_subscribed: bool,
        name: Option<&[u8]>,
        more: usize,
    ) -> Push {
        let name = name.map(Bytes::copy_from_slice);
        Push::Confirmed { kind, is_subscribed, name, count: self.counted(kind) + more }
    }

    /// What a confirmation counts.
    fn counted(&self, kind: Kind) -> usize {
        match kind {
            Kind::ShardChannel => self.count(kind),
            Kind::Channel | Kind::Pattern => self.count(Kind::Channel) + self.count(Kind::Pattern),
        }
    }
}

/// The subscribers of one channel, in the order in which they came to be.
type Listeners = BTreeMap<u64, Arc<Inbox<Push>>>;
type Table = HashMap<Bytes, Listeners, RandomState>;

/// All channels of an engine.
#[derive(Debug, Default)]
pub struct PubSub {
    tables: RwLock<[Table; Kind::COUNT]>,
    /// How many entries the tables have: a publisher whom nobody listens to does not lock them.
    listened_to: AtomicUsize,
}

impl PubSub {
    /// Subscribes; nothing changes if it is subscribed already.
    pub fn join(&self, subscriber: &mut Subscriber, kind: Kind, name: &[u8]) {
        let name = Bytes::copy_from_slice(name);
        if subscriber.names[kind as usize].insert(name.clone()) {
            subscriber.name_bytes += name.len();
            let mut tables = self.tables.write();
            let listeners = tables[kind as usize].entry(name).or_default();
            listeners.insert(subscriber.id, Arc::clone(&subscriber.inbox));
            self.publish_size(&tables);
        }
    }

    /// Ends a subscription, if there is one.
    pub fn leave(&self, subscriber: &mut Subscriber, kind: Kind, name: &[u8]) {
        let name = Bytes::copy_from_slice(name);
        if subscriber.names[kind as usize].remove(&name) {
            subscriber.name_bytes -= name.len();
            self.remove(subscriber.id, kind, &name);
        }
    }

    /// Ends all subscriptions without a word.
    pub fn forget(&self, subscriber: &mut Subscriber) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            for name in std::mem::take(&mut subscriber.names[kind as usize]) {
                self.remove(subscriber.id, kind, &name);
            }
        }
        subscriber.name_bytes = 0;
    }

    fn remove(&self, id: u64, kind: Kind, name: &Bytes) {
        let mut tables = self.tables.write();
        if let Some(listeners) = tables[kind as usize].get_mut(name) {
            listeners.remove(&id);
            if listeners.is_empty() {
                tables[kind as usize].remove(name);
            }
        }
        self.publish_size(&tables);
    }

    fn publish_size(&self, tables: &[Table; Kind::COUNT]) {
        self.listened_to.store(tables.iter().map(Table::len).sum(), Ordering::SeqCst);
    }

    /// Whether anybody is subscribed to anything.
    #[inline]
    pub fn is_listened_to(&self) -> bool {
        self.listened_to.load(Ordering::SeqCst) > 0
    }

    /// Leaves a message with everybody who is subscribed to the channel, by its name or by patterns; once for each subscription.
    /// Returns how many that are, and adds those who are to be woken.
    ///
    /// Complexity: O(N+M), N being the number of subscribers and M the number of patterns.
    pub fn publish(&self, message: &Published<'_>, wakers: &mut Vec<Waker>) -> usize {
        let mut shared = None;
        let mut count = 0;
        self.for_each(message, |pattern, listeners| {
            let (channel, payload) = shared.get_or_insert_with(|| {
                (Bytes::copy_from_slice(message.channel), Bytes::copy_from_slice(message.payload))
            });
            let kind = match pattern {
                Some(_) => Kind::Pattern,
                None if message.is_sharded => Kind::ShardChannel,
                None => Kind::Channel,
            };
            let push = Push::Message {
                kind,
                pattern: pattern.cloned(),
                channel: channel.clone(),
                payload: payload.clone(),
            };
            let bytes = push.bytes();
            for inbox in listeners.values() {
                wakers.extend(inbox.push(push.clone(), bytes));
            }
            count += listeners.len();
        });
        count
    }

    /// How many subscriptions a message would reach now.
    pub fn receivers(&self, message: &Published<'_>) -> usize {
        let mut count = 0;
        self.for_each(message, |_, listeners| count += listeners.len());
        count
    }

    /// Those whom a message reaches, by the channel's name and by each pattern.
    fn for_each(&self, message: &Published<'_>, mut each: impl FnMut(Option<&Bytes>, &Listeners)) {
        if !self.is_listened_to() {
            return;
        }
        let tables = self.tables.read();
        let kind = if message.is_sharded { Kind::ShardChannel } else { Kind::Channel };
        if let Some(listeners) = tables[kind as usize].get(message.channel) {
            each(None, listeners);
        }
        if !message.is_sharded {
            let matching = |(pattern, _): &(&Bytes, _)| glob::matches(pattern, message.channel, false);
            tables[Kind::Pattern as usize]
                .iter()
                .filter(matching)
                .for_each(|(pattern, listeners)| each(Some(pattern), listeners));
        }
    }

    /// What the reader of an inbox is subscribed to. O(N), N being the number of all subscriptions.
    pub(crate) fn subscriptions_of(&self, inbox: &Arc<Inbox<Push>>) -> Vec<(Kind, Bytes)> {
        let tables = self.tables.read();
        let of = |kind: Kind| {
            let is_listener =
                |listeners: &Listeners| listeners.values().any(|other| Arc::ptr_eq(other, inbox));
            let names = tables[kind as usize].iter().filter(move |(_, listeners)| is_listener(listeners));
            names.map(move |(name, _)| (kind, name.clone()))
        };
        [Kind::Channel, Kind::Pattern, Kind::ShardChannel].into_iter().flat_map(of).collect()
    }

    /// What is subscribed to, of a kind, that matches a pattern.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let is_asked =
            |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name.as_ref(), false));
        self.tables.read()[kind as usize].keys().filter(is_asked).cloned().collect()
    }

    /// How many are subscribed to a channel by its name.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        self.tables.read()[kind as usize].get(name).map_or(0, Listeners::len)
    }

    /// How many channels, or different patterns, are subscribed to.
    pub fn count(&self, kind: Kind) -> usize {
        self.tables.read()[kind as usize].len()
    }
}
