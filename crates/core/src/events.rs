//! What is told of changes to keys: their classes and names, and the parameter that says which of them are published.
//!
//! Knows nothing of locks and of how changes are found; see `tx/notes.rs` for that.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::task::Waker;

use parking_lot::RwLock;

use crate::engine::Engine;
use crate::inbox::{Capacity, Inbox};
use crate::pubsub::{PubSub, Published};
use crate::types::Type;
use crate::{Bytes, glob};

/// A kind of change, as `notify-keyspace-events` divides them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Class {
    /// `g`: what any type has, such as `del`, `expire`, `rename_from`.
    Generic,
    /// `$`: a string changed.
    String,
    /// `l`: a list changed.
    List,
    /// `s`: a set changed.
    Set,
    /// `h`: a hash changed.
    Hash,
    /// `z`: a sorted set changed.
    SortedSet,
    /// `x`: a key is gone because its deadline has passed.
    Expired,
    /// `e`: a key is gone because memory was full.
    Evicted,
    /// `t`: a stream changed.
    Stream,
    /// `d`: a module's type changed. Vector sets are one in Redis.
    Module,
    /// `a`: an array changed.
    Array,
    /// `n`: a key came to be.
    New,
    /// `m`: a key was asked for that is not there.
    KeyMiss,
}

impl Class {
    /// All of them, in the order in which Redis writes their letters.
    pub const ALL: [Class; 13] = [
        Class::Generic,
        Class::String,
        Class::List,
        Class::Set,
        Class::Hash,
        Class::SortedSet,
        Class::Expired,
        Class::Evicted,
        Class::Stream,
        Class::Module,
        Class::Array,
        Class::New,
        Class::KeyMiss,
    ];

    /// The class of changes inside of values of a type.
    pub const fn of(values: Type) -> Self {
        match values {
            Type::String => Class::String,
            Type::List => Class::List,
            Type::Hash => Class::Hash,
            Type::Set => Class::Set,
            Type::ZSet => Class::SortedSet,
            Type::Stream => Class::Stream,
            Type::Array => Class::Array,
            #[cfg(feature = "vector-sets")]
            Type::VectorSet => Class::Module,
        }
    }

    /// Whether its events may say of which elements they are.
    pub(crate) const fn names_subkeys(self) -> bool {
        matches!(self, Class::Hash | Class::Set)
    }

    /// Its letter in `notify-keyspace-events`.
    pub const fn letter(self) -> char {
        match self {
            Class::Generic => 'g',
            Class::String => '$',
            Class::List => 'l',
            Class::Set => 's',
            Class::Hash => 'h',
            Class::SortedSet => 'z',
            Class::Expired => 'x',
            Class::Evicted => 'e',
            Class::Stream => 't',
            Class::Module => 'd',
            Class::Array => 'a',
            Class::New => 'n',
            Class::KeyMiss => 'm',
        }
    }
}

/// A set of classes.
///
/// ```
/// use redlet_core::events::{Class, Classes};
///
/// let removals = Classes::of(&[Class::Expired, Class::Evicted]);
/// assert!(removals.contains(Class::Expired) && !removals.contains(Class::New));
/// assert_eq!(Classes::EVERY.to_string(), "g$lshzxetdanm");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes(u16);

impl Classes {
    /// No class.
    pub const NONE: Classes = Classes(0);
    /// Every class, those that `A` leaves out too.
    pub const EVERY: Classes = Classes::of(&Class::ALL);
    /// Every class of changes: what `A` stands for, which is all but [`Class::New`] and [`Class::KeyMiss`].
    pub const CHANGES: Classes = Classes(Self::EVERY.0 & !Self::of(&[Class::New, Class::KeyMiss]).0);

    /// These classes.
    #[must_use]
    pub const fn of(classes: &[Class]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < classes.len() {
            bits |= 1 << classes[at] as u16;
            at += 1;
        }
        Self(bits)
    }

    /// Whether the class is among them.
    #[inline]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u16 != 0
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Class> for Classes {
    fn from(class: Class) -> Self {
        Self::of(&[class])
    }
}

impl<const N: usize> From<[Class; N]> for Classes {
    fn from(classes: [Class; N]) -> Self {
        Self::of(&classes)
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Class::ALL.into_iter().filter(|class| self.contains(*class)).map(Class::letter);
        letters.try_for_each(|letter| fmt::Write::write_char(f, letter))
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Class::ALL.into_iter().filter(|class| self.contains(*class))).finish()
    }
}

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The number of the key's database.
    pub db: usize,
    /// The key.
    pub key: Bytes,
    /// What kind of change it is.
    pub class: Class,
    /// Redis's word for it, such as `lpush` or `expired`.
    pub name: &'static str,
    /// The fields of a hash that it is about, as far as somebody asked for them in `notify-keyspace-events`.
    pub subkeys: Vec<Bytes>,
}

impl Event {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let subkeys: usize = self.subkeys.iter().map(|subkey| size_of::<Bytes>() + subkey.len()).sum();
        size_of::<Self>() + self.key.len() + subkeys
    }
}

/// Somebody who hears of changes to some keys of a database; see [`Engine::listen`].
#[derive(Debug)]
pub struct Listener {
    db: usize,
    pattern: Box<[u8]>,
    classes: Classes,
    inbox: Inbox<Event>,
}

impl Listener {
    /// Where events arrive.
    pub fn inbox(&self) -> &Inbox<Event> {
        &self.inbox
    }

    fn wants(&self, event: &Event) -> bool {
        self.classes.contains(event.class)
            && self.db == event.db
            && (*self.pattern == *b"*" || glob::matches(&self.pattern, &event.key, false))
    }
}

/// What a unit has to tell, in the order in which Redis does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A key changed, or was asked for and is not there.
    Key(Event),
    /// Something is told of a key whose value is for those who watch or track it what it was before.
    Quiet(Event),
    /// Any key of this database may have changed: it was emptied, or changed places with another.
    Database(usize),
    /// A database was emptied, or all of them.
    Emptied,
    /// A caller who is told when that changes has read a key, after what was noted before.
    Read {
        /// The caller's number.
        caller: u64,
        /// The key.
        key: Bytes,
    },
    /// Somebody waits for a key that may have something.
    Ready(usize, Bytes),
    /// A key was found to have expired, and is to be removed.
    Expired(usize, Bytes),
    /// The same of an element of a collection.
    ExpiredElement { db: usize, key: Bytes, of_type: Type, element: Bytes },
    /// A HyperLogLog's estimate was made, and is to be kept with it.
    Estimated(usize, Bytes),
    /// A command published something.
    Message { channel: Bytes, payload: Bytes, is_sharded: bool },
}

/// The value of `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notifications {
    /// `K`: on `__keyspace@<db>__:<key>`.
    by_key: bool,
    /// `E`: on `__keyevent@<db>__:<event>`.
    by_event: bool,
    /// The channels that say of which subkeys an event is.
    by_subkey: [bool; SUBKEY_LETTERS.len()],
    classes: Classes,
}

/// `S`: on `__subkeyspace@<db>__:<key>`; `T`: on `__subkeyevent@<db>__:<event>`; `I`: on `__subkeyspaceitem@<db>__:<key>\n<subkey>`;
/// `V`: on `__subkeyspaceevent@<db>__:<event>|<key>`.
const SUBKEY_LETTERS: [u8; 4] = *b"STIV";

impl Notifications {
    const BY_KEY: u32 = 1 << 14;
    const BY_EVENT: u32 = 1 << 15;
    const BY_SUBKEY: u32 = 1 << 16;

    /// Understands a value; `None` if a letter means nothing.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut parsed = Self::default();
        for &letter in text {
            match letter {
                b'K' => parsed.by_key = true,
                b'E' => parsed.by_event = true,
                b'A' => parsed.classes = parsed.classes.and(Classes::CHANGES),
                _ => {
                    if let Some(kind) = SUBKEY_LETTERS.iter().position(|known| *known == letter) {
                        parsed.by_subkey[kind] = true;
                        continue;
                    }
                    let class = Class::ALL.into_iter().find(|class| class.letter() == char::from(letter))?;
                    parsed.classes = parsed.classes.and(Classes::of(&[class]));
                }
            }
        }
        // Whoever names all classes of a Redis without arrays means what `A` stands for there and here.
        let others = Classes::CHANGES.0 & !Classes::from(Class::Array).0;
        if parsed.classes.0 & others == others {
            parsed.classes = parsed.classes.and(Class::Array.into());
        }
        Some(parsed)
    }

    /// What is published at all.
    fn published(self) -> Classes {
        if self.by_key || self.by_event {
            self.classes
        } else if self.names_subkeys() {
            Classes(self.classes.0 & Self::with_subkeys().0)
        } else {
            Classes::NONE
        }
    }

    /// Whether it is published of which subkeys events are.
    pub(crate) fn names_subkeys(self) -> bool {
        self.by_subkey != [false; SUBKEY_LETTERS.len()] && self.classes.0 & Self::with_subkeys().0 != 0
    }

    fn with_subkeys() -> Classes {
        Classes::of(&[Class::Hash, Class::Set])
    }

    /// Publishes an event on its channels, if its class is among those that are.
    fn publish(self, event: &Event, pubsub: &PubSub, wakers: &mut Vec<Waker>) {
        if !self.classes.contains(event.class) {
            return;
        }
        let mut publish = |kind: &str, name: &[u8], payload: &[u8]| {
            let channel = [format!("__{kind}@{}__:", event.db).as_bytes(), name].concat();
            pubsub.publish(&Published { channel: &channel, payload, is_sharded: false }, wakers);
        };
        if self.by_key {
            publish("keyspace", &event.key, event.name.as_bytes());
        }
        if self.by_event {
            publish("keyevent", event.name.as_bytes(), &event.key);
        }
        if event.subkeys.is_empty() {
            return;
        }
        let (name, key, subkeys) = (event.name.as_bytes(), &*event.key, &event.subkeys);
        let list = || subkeys.iter().map(|subkey| counted(subkey)).collect::<Vec<_>>().join(&b',');
        let [by_key, by_event, by_item, by_event_and_key] = self.by_subkey;
        if by_key {
            publish("subkeyspace", key, &[name, b"|", &list()].concat());
        }
        if by_event {
            publish("subkeyevent", name, &[&counted(key)[..], b"|", &list()].concat());
        }
        if by_item {
            subkeys
                .iter()
                .for_each(|subkey| publish("subkeyspaceitem", &[key, b"\n", subkey].concat(), name));
        }
        if by_event_and_key {
            publish("subkeyspaceevent", &[name, b"|", key].concat(), &list());
        }
    }

    fn bits(self) -> u32 {
        let by_subkey = self.by_subkey.into_iter().enumerate().filter(|(_, is_set)| *is_set);
        u32::from(self.classes.0)
            | if self.by_key { Self::BY_KEY } else { 0 }
            | if self.by_event { Self::BY_EVENT } else { 0 }
            | by_subkey.fold(0, |bits, (kind, _)| bits | Self::BY_SUBKEY << kind)
    }

    fn from_bits(bits: u32) -> Self {
        Self {
            by_key: bits & Self::BY_KEY != 0,
            by_event: bits & Self::BY_EVENT != 0,
            by_subkey: std::array::from_fn(|kind| bits & Self::BY_SUBKEY << kind != 0),
            classes: Classes(bits as u16 & Classes::EVERY.0),
        }
    }
}

/// A name after its length.
fn counted(name: &[u8]) -> Vec<u8> {
    [format!("{}:", name.len()).as_bytes(), name].concat()
}

impl fmt::Display for Notifications {
    /// As Redis writes it: `A` for what it stands for, where `n` is then left out; `m` after `K` and `E`, and then subkeys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_all = self.classes.0 & Classes::CHANGES.0 == Classes::CHANGES.0;
        if has_all {
            f.write_str("A")?;
        } else {
            Classes(self.classes.0 & !Classes::of(&[Class::KeyMiss]).0).fmt(f)?;
        }
        let rest = [(self.by_key, "K"), (self.by_event, "E"), (self.classes.contains(Class::KeyMiss), "m")];
        rest.into_iter().filter(|(is_set, _)| *is_set).try_for_each(|(_, letter)| f.write_str(letter))?;
        let by_subkey = SUBKEY_LETTERS.into_iter().zip(self.by_subkey).filter(|(_, is_set)| *is_set);
        by_subkey
            .map(|(letter, _)| char::from(letter))
            .try_for_each(|letter| fmt::Write::write_char(f, letter))
    }
}

/// Who is told of changes to the keys of an engine.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The bits of [`Notifications`].
    notifications: AtomicU32,
    /// Locked under shards and over inboxes.
    listeners: RwLock<Vec<Arc<Listener>>>,
    /// Whether callers track keys, and are told of every change.
    are_keys_tracked: AtomicBool,
    /// Whether it is published of which fields of a hash an event is.
    names_subkeys: AtomicBool,
    /// The classes that anybody wants to hear of: all that a unit looks at unless there is something to tell.
    wanted: AtomicU16,
}

impl Events {
    /// The classes that are noted for somebody.
    #[inline]
    pub(crate) fn wanted(&self) -> Classes {
        Classes(self.wanted.load(Ordering::Relaxed))
    }

    /// Whether the fields are noted of which an event of a hash is.
    #[inline]
    pub(crate) fn names_subkeys(&self) -> bool {
        self.names_subkeys.load(Ordering::Relaxed)
    }

    /// What is published.
    pub(crate) fn notifications(&self) -> Notifications {
        Notifications::from_bits(self.notifications.load(Ordering::Relaxed))
    }

    /// Publishes other changes from now on: those of units that begin after this.
    pub(crate) fn set_notifications(&self, notifications: Notifications) {
        self.change(|_| {
            self.notifications.store(notifications.bits(), Ordering::Relaxed);
            self.names_subkeys.store(notifications.names_subkeys(), Ordering::Relaxed);
        });
    }

    /// From now on every change is noted for callers that track keys, or not for them any more.
    pub(crate) fn set_keys_tracked(&self, tracked: bool) {
        self.change(|_| self.are_keys_tracked.store(tracked, Ordering::Relaxed));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Listener>>)) {
        let mut listeners = self.listeners.write();
        change(&mut listeners);
        let mut published = self.notifications().published();
        if self.are_keys_tracked.load(Ordering::Relaxed) {
            published = published.and(Classes::CHANGES);
        }
        let wanted = listeners.iter().fold(published, |wanted, listener| wanted.and(listener.classes));
        self.wanted.store(wanted.0, Ordering::Relaxed);
    }

    /// Leaves an event with those who listen to it.
    fn tell(&self, event: &Event, wakers: &mut Vec<Waker>) {
        for listener in self.listeners.read().iter().filter(|listener| listener.wants(event)) {
            wakers.extend(listener.inbox.push(event.clone(), event.bytes()));
        }
    }
}

impl Engine {
    /// From now on somebody hears of events of these classes on the keys of a database whose names match a pattern: of each once, in
    /// the order of the changes. It ends with [`Engine::end_listening`].
    pub fn listen(&self, db: usize, pattern: &[u8], classes: Classes, capacity: Capacity) -> Arc<Listener> {
        let inbox = Inbox::new(capacity);
        let listener = Arc::new(Listener { db, pattern: pattern.into(), classes, inbox });
        self.events().change(|listeners| listeners.push(Arc::clone(&listener)));
        listener
    }

    /// Somebody does not listen any more.
    pub fn end_listening(&self, listener: &Arc<Listener>) {
        self.events().change(|listeners| listeners.retain(|other| !Arc::ptr_eq(other, listener)));
    }

    /// Tells whoever wants to know. The shards that the news are about are still locked, so they are told in their order; those who
    /// are to be woken are added to `wakers`. `writer` is the number of the caller whose command it was.
    pub(crate) fn tell(&self, news: &[News], writer: Option<u64>, wakers: &mut Vec<Waker>) {
        self.invalidation().tell(news, writer, &mut self.telling(wakers));
        let notifications = self.events().notifications();
        for news in news {
            match news {
                News::Key(event) | News::Quiet(event) => {
                    notifications.publish(event, self.pubsub(), wakers);
                    self.events().tell(event, wakers);
                }
                News::Database(_)
                | News::Emptied
                | News::Read { .. }
                | News::Ready(..)
                | News::Expired(..)
                | News::ExpiredElement { .. }
                | News::Estimated(..) => {}
                News::Message { channel, payload, is_sharded } => {
                    let message = Published { channel, payload, is_sharded: *is_sharded };
                    self.pubsub().publish(&message, wakers);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::{Kind, Push, Subscriber};
    use crate::tx::Deadline;
    use crate::types::StrRef;
    use crate::{EngineOptions, Error, ManualClock, UnixMs};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// An engine that publishes every event by its name, and who hears them.
    fn engine() -> (Engine, Subscriber) {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 2, shards: 4 });
        engine.events().set_notifications(Notifications::parse(b"EAmn").unwrap());
        let mut subscriber = Subscriber::new(Capacity::default());
        engine.pubsub().join(&mut subscriber, Kind::Pattern, b"*");
        (engine, subscriber)
    }

    fn heard(subscriber: &Subscriber) -> Vec<String> {
        let mut heard = Vec::new();
        subscriber.inbox().drain(|push| {
            if let Push::Message { channel, payload, .. } = push {
                let name =
                    String::from_utf8_lossy(&channel).rsplit(':').next().unwrap_or_default().to_owned();
                heard.push(format!("{name} {}", String::from_utf8_lossy(&payload)));
            }
        });
        heard
    }

    // As documented for Redis 8.8: https://redis.io/docs/latest/develop/pubsub/subkeyspace-notifications/
    #[test]
    fn subkeys_are_named_on_the_channels_that_were_asked_for() {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock: clock.clone(), seed: 7, databases: 2, shards: 4 });
        let mut subscriber = Subscriber::new(Capacity::default());
        engine.pubsub().join(&mut subscriber, Kind::Pattern, b"*");
        let heard = |value: &str, line: &str| {
            engine.events().set_notifications(Notifications::parse(value.as_bytes()).unwrap());
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            engine.execute(0, &words).unwrap();
            let mut heard = Vec::new();
            subscriber.inbox().drain(|push| {
                if let Push::Message { channel, payload, .. } = push {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    heard.push(format!("{} {}", text(&channel), text(&payload)));
                }
            });
            heard
        };
        assert_eq!(
            heard("STIVh", "HSET h name Ada born 1815"),
            [
                "__subkeyspace@0__:h hset|4:name,4:born",
                "__subkeyevent@0__:hset 1:h|4:name,4:born",
                "__subkeyspaceitem@0__:h\nname hset",
                "__subkeyspaceitem@0__:h\nborn hset",
                "__subkeyspaceevent@0__:hset|h 4:name,4:born",
            ]
        );
        assert_eq!(heard("SA", "HEXPIRE h 9 FIELDS 2 name nosuch"), ["__subkeyspace@0__:h hexpire|4:name"]);
        assert_eq!(heard("TA", "HPERSIST h FIELDS 1 name"), ["__subkeyevent@0__:hpersist 1:h|4:name"]);
        assert_eq!(heard("VA", "HINCRBY h born 1"), ["__subkeyspaceevent@0__:hincrby|h 4:born"]);
        assert_eq!(
            heard("KSA", "HGETDEL h FIELDS 2 name born"),
            ["__keyspace@0__:h hdel", "__subkeyspace@0__:h hdel|4:name,4:born", "__keyspace@0__:h del"]
        );
        assert_eq!(heard("STIVA", "SET k v"), [""; 0]);
        assert_eq!(heard("STIVs", "HSET h name Ada"), [""; 0]);
        assert_eq!(Notifications::parse(b"VhIETS").unwrap().to_string(), "hESTIV");

        // Of sets, those events are named that are about deadlines, as those of hashes are.
        assert_eq!(heard("STIVs", "SADD s a b c d"), [""; 0]);
        assert_eq!(heard("SA", "SEXPIRE s 9 MEMBERS 3 a b nosuch"), ["__subkeyspace@0__:s sexpire|1:a,1:b"]);
        assert_eq!(heard("Ts", "SPERSIST s MEMBERS 2 a c"), ["__subkeyevent@0__:spersist 1:s|1:a"]);
        assert_eq!(heard("KSA", "SEXPIRE s 0 MEMBERS 2 a b"), ["__keyspace@0__:s srem"]);
        heard("Kh", "SEXPIRE s 9 MEMBERS 1 c");
        assert_eq!(heard("STIVh", "SEXPIRE s 8 MEMBERS 1 c"), [""; 0]);
        assert_eq!(heard("SAh", "HSET h x 1"), ["__subkeyspace@0__:h hset|1:x"]);

        heard("ISA", "HPEXPIRE h 5 FIELDS 1 name");
        clock.advance(std::time::Duration::from_millis(6));
        engine.tick(10);
        assert_eq!(
            heard("ISA", "PING"),
            ["__subkeyspace@0__:h hexpired|4:name", "__subkeyspaceitem@0__:h\nname hexpired"]
        );
    }

    // By tests/unit/type/set-member-expire.tcl of Redis's branch of member deadlines (github.com/ronen-kalish/redis).
    #[test]
    fn deadlines_of_members_are_told_under_names_of_their_own() {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock: clock.clone(), seed: 7, databases: 2, shards: 4 });
        engine.events().set_notifications(Notifications::parse(b"Ksg").unwrap());
        let mut subscriber = Subscriber::new(Capacity::default());
        engine.pubsub().join(&mut subscriber, Kind::Pattern, b"*");
        let told = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            engine.execute(0, &words).unwrap();
            heard(&subscriber)
        };
        assert_eq!(told("SADD s a b c d"), ["s sadd"]);
        assert_eq!(told("SEXPIRE s 1000 MEMBERS 2 a b"), ["s sexpire"]);
        assert_eq!(told("SEXPIRE s 1000 NX MEMBERS 1 a"), [""; 0]);
        assert_eq!(told("SPERSIST s MEMBERS 2 a b"), ["s spersist"]);
        assert_eq!(told("SPERSIST s MEMBERS 1 c"), [""; 0]);
        assert_eq!(told("STTL s MEMBERS 1 a"), [""; 0]);
        assert_eq!(told("SEXPIREAT s 1 MEMBERS 2 a b"), ["s srem"]);
        assert_eq!(told("SEXPIREAT s 1 MEMBERS 2 c d"), ["s srem", "s del"]);

        for line in ["SADD from a b c d", "SADD to z y w", "SEXPIRE from 1000 MEMBERS 2 a b"] {
            told(line);
        }
        for line in ["SEXPIRE to 1000 MEMBERS 2 y w", "SADD from y z w", "SEXPIRE from 3000 MEMBERS 1 y"] {
            told(line);
        }
        assert_eq!(told("SMOVE from to a"), ["from srem", "to sadd", "to sexpire"]);
        assert_eq!(told("SMOVE from to c"), ["from srem", "to sadd"]);
        assert_eq!(told("SMOVE from to y"), ["from srem", "to sexpire"]);
        assert_eq!(told("SMOVE from to w"), ["from srem", "to spersist"]);
        assert_eq!(told("SMOVE from to z"), ["from srem"]);

        told("SADD s a b");
        told("SPEXPIRE s 5 MEMBERS 2 a b");
        clock.advance(std::time::Duration::from_millis(6));
        engine.tick(100);
        assert_eq!(heard(&subscriber), ["s sexpired", "s del"]);
        told("SADD s a b");
        told("SPEXPIRE s 5 MEMBERS 1 a");
        clock.advance(std::time::Duration::from_millis(6));
        assert_eq!(told("SADD s a"), ["s sexpired", "s sadd"]);
    }

    #[test]
    fn nothing_is_told_of_what_was_undone_after_an_error() {
        let (engine, subscriber) = engine();
        let failed: Result<(), Error> = engine.transaction(0, &[b"a"], |tx| {
            tx.set_string(b"a", StrRef::from_bytes(b"1"), Deadline::Clear)?;
            tx.list_mut(b"a").map(drop)
        });
        assert_eq!(failed, Err(Error::WrongType));
        assert!(heard(&subscriber).is_empty());
    }

    #[test]
    fn nothing_is_told_of_what_was_undone_after_a_panic() {
        let (engine, subscriber) = engine();
        let body = || {
            engine.transaction(0, &[b"a"], |tx| -> Result<(), Error> {
                let mut list = tx.list_mut(b"a")?;
                list.push_back(&[b"1"]);
                panic!("in the middle of a door");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
        assert!(heard(&subscriber).is_empty());
    }

    #[test]
    fn a_door_tells_once_of_many_changes_and_again_of_others() {
        let (engine, subscriber) = engine();
        let changed: Result<(), Error> = engine.transaction(0, &[b"a"], |tx| {
            let mut list = tx.list_mut(b"a")?;
            list.push_back(&[b"1", b"2"]);
            list.push_back(&[b"3"]);
            (0..3).for_each(|_| drop(list.pop_front()));
            Ok(())
        });
        assert_eq!(changed, Ok(()));
        assert_eq!(heard(&subscriber), ["new a", "rpush a", "lpop a", "del a"]);
    }

    #[test]
    fn keys_that_expire_by_themselves_are_told_of() {
        let clock = ManualClock::at(UnixMs(1_700_000_000_000));
        let options = EngineOptions { clock: Arc::new(clock.clone()), seed: 7, databases: 2, shards: 4 };
        let engine = Engine::new(options);
        let mut subscriber = Subscriber::new(Capacity::default());
        engine.pubsub().join(&mut subscriber, Kind::Pattern, b"*");
        engine.execute(1, &[b"SET", b"a", b"1", b"PX", b"5"]).unwrap();
        engine.execute(0, &[b"CONFIG", b"SET", b"notify-keyspace-events", b"Ex"]).unwrap();
        clock.advance(std::time::Duration::from_secs(1));
        engine.tick(usize::MAX);
        assert_eq!(heard(&subscriber), ["expired a"]);
    }

    #[test]
    fn the_parameter_is_written_back_as_redis_writes_it() {
        let written = |text: &str| Notifications::parse(text.as_bytes()).unwrap().to_string();
        for (text, expected) in [
            ("", ""),
            ("nmAEK", "AKEm"),
            ("KEg$lshzxetd", "AKE"),
            ("KEg$lshzxetdmn", "AKEm"),
            ("An", "A"),
            ("mn", "nm"),
            ("zhsl$gEK", "g$lshzKE"),
            ("tdxeK", "xetdK"),
            ("KK", "K"),
            ("KgnmE", "gnKEm"),
            ("aK", "aK"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
        for text in ["q", "Kq", "k", "o", "K E"] {
            assert_eq!(Notifications::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn nothing_is_published_without_a_kind_of_channel() {
        let published = |text: &str| Notifications::parse(text.as_bytes()).unwrap().published();
        assert_eq!(published("A"), Classes::NONE);
        assert_eq!(published("AK"), Classes::CHANGES);
        assert_eq!(published("mE"), Classes::of(&[Class::KeyMiss]));
    }

    #[test]
    fn the_bits_of_the_parameter_are_the_parameter() {
        for text in ["", "K", "E", "AKEmn", "g$", "xeKE", "SKh", "TIVA"] {
            let notifications = Notifications::parse(text.as_bytes()).unwrap();
            assert_eq!(Notifications::from_bits(notifications.bits()), notifications, "{text}");
        }
    }
}
