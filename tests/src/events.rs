//! What redlet and a real server tell of changes to keys, command by command.
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redlet_core::inbox::Capacity;
use redlet_core::pubsub::{Kind, Push, Subscriber};
use redlet_core::{Engine, EngineOptions, ManualClock, UnixMs};

use crate::cases;
use crate::connection::Connection;
use crate::oracle::Oracle;
use crate::value::Value;
use crate::words;

/// Every class of events, on both kinds of channels.
const EVERYTHING: &str = "KEAmn";
const CHANNELS: &str = "__key*__:*";
/// What marks the end of what a command has told.
const MARK: &str = "__key:mark__:";

/// A message on one of the channels of events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    channel: Vec<u8>,
    payload: Vec<u8>,
}

impl Message {
    /// Whether it says that a key expired. Who notices that, and when, is not the same: a server that reads, redlet's clock.
    fn is_expiry(&self) -> bool {
        self.is_of(b"expired")
    }

    /// Whether it says that fields of a hash expired. A server tells that of each field that it meets, redlet of all that are due.
    fn is_expiry_of_fields(&self) -> bool {
        self.is_of(b"hexpired")
    }

    fn is_of(&self, event: &[u8]) -> bool {
        let named = self.channel.strip_suffix(event).is_some_and(|before| before.ends_with(b"__:"));
        self.payload == event && self.channel.starts_with(b"__keyspace@")
            || named && self.channel.starts_with(b"__keyevent@")
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", words::quote(&self.channel), words::quote(&self.payload))
    }
}

/// What was told by a run of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// By each command, but for expired keys.
    pub by_command: Vec<Vec<Message>>,
    /// How often of which expired key, by all of them together.
    pub expired: BTreeMap<Message, usize>,
}

impl Told {
    fn add(&mut self, messages: Vec<Message>) {
        let messages = messages.into_iter().filter(|message| !message.is_expiry_of_fields());
        let (expired, others) = messages.partition(Message::is_expiry);
        self.by_command.push(others);
        self.add_expired(expired);
    }

    fn add_expired(&mut self, messages: Vec<Message>) {
        for message in messages.into_iter().filter(Message::is_expiry) {
            *self.expired.entry(message).or_default() += 1;
        }
    }
}

/// A server whose events are heard.
#[derive(Debug)]
pub struct Server {
    commands: Connection,
    listener: Connection,
    marker: Connection,
}

impl Server {
    /// Listens to a server. It tells of expired keys when it meets them.
    ///
    /// # Errors
    /// The connection broke.
    pub fn listen_to(oracle: &Oracle) -> io::Result<Self> {
        let (mut commands, mut listener) = (oracle.connect()?, oracle.connect()?);
        commands.call(&["CONFIG", "SET", "notify-keyspace-events", EVERYTHING])?;
        commands.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])?;
        listener.call(&["PSUBSCRIBE", CHANNELS])?;
        Ok(Self { commands, listener, marker: oracle.connect()? })
    }

    /// What commands tell, from an empty keyspace on.
    ///
    /// # Errors
    /// The connection broke.
    pub fn run(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Told> {
        self.commands.call(&["FLUSHALL"])?;
        self.commands.call(&["SELECT", "0"])?;
        self.heard()?;
        let mut told = Told::default();
        for command in commands {
            match cases::advance(command) {
                // A list that nobody pushes to.
                Some(duration) => {
                    let seconds = duration.as_secs_f64().to_string();
                    self.marker.call(&["BLPOP", "nobody:pushes:here", &seconds])?;
                }
                None => drop(self.commands.call(command)?),
            }
            told.add(self.heard()?);
        }
        told.add_expired(self.meet_all()?);
        Ok(told)
    }

    /// Has it look at all keys.
    fn meet_all(&mut self) -> io::Result<Vec<Message>> {
        for db in ["0", "1"] {
            self.marker.call(&["SELECT", db])?;
            let mut cursor = b"0".to_vec();
            while let Value::Array(parts) = self.marker.call(&[&b"SCAN"[..], &cursor])? {
                let [Value::Bulk(next), Value::Array(_)] = &parts[..] else { break };
                cursor.clone_from(next);
                if cursor == b"0" {
                    break;
                }
            }
        }
        self.marker.call(&["SELECT", "0"])?;
        self.heard()
    }

    fn heard(&mut self) -> io::Result<Vec<Message>> {
        self.marker.call(&["PUBLISH", MARK, ""])?;
        let mut messages = Vec::new();
        loop {
            let Value::Array(parts) = self.listener.read()? else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let [_, _, Value::Bulk(channel), Value::Bulk(payload)] = &parts[..] else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            if channel == MARK.as_bytes() {
                return Ok(messages);
            }
            messages.push(Message { channel: channel.clone(), payload: payload.clone() });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone needs no tidying up.
        let _ = self.commands.call(&["CONFIG", "SET", "notify-keyspace-events", ""]);
        let _ = self.commands.call(&["DEBUG", "SET-ACTIVE-EXPIRE", "1"]);
    }
}

/// What commands tell in redlet, from an empty store on, at so many milliseconds since 1970.
///
/// # Panics
/// When a store cannot be made.
pub fn run(now: i64, commands: &[Vec<Vec<u8>>]) -> Told {
    let clock = ManualClock::at(UnixMs(now));
    let options = EngineOptions { clock: Arc::new(clock.clone()), seed: 7, databases: 16, shards: 4 };
    let engine = Engine::new(options);
    let mut subscriber = Subscriber::new(Capacity::default());
    let set = ["CONFIG", "SET", "notify-keyspace-events", EVERYTHING].map(str::as_bytes);
    engine.execute(0, &set).unwrap_or_else(|error| panic!("events are told of: {error}"));
    engine.pubsub().join(&mut subscriber, Kind::Pattern, CHANNELS.as_bytes());
    let heard = || {
        let mut messages = Vec::new();
        subscriber.inbox().drain(|push| {
            if let Push::Message { channel, payload, .. } = push {
                messages.push(Message { channel: channel.to_vec(), payload: payload.to_vec() });
            }
        });
        messages
    };
    let (mut db, mut told) = (0, Told::default());
    for command in commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        if let Some(duration) = cases::advance(command) {
            clock.advance(duration);
        } else if engine.execute(db, &words).is_ok()
            && let [name, index] = words[..]
            && name.eq_ignore_ascii_case(b"SELECT")
        {
            db = String::from_utf8_lossy(index).parse().unwrap_or(db);
        }
        told.add(heard());
    }
    clock.advance(Duration::from_millis(1));
    while engine.tick(usize::MAX).next_at.is_some_and(|at| at <= UnixMs(now)) {}
    told.add_expired(heard());
    told
}
