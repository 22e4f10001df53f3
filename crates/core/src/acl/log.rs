//! `ACL LOG`: what was refused, the latest first.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::UnixMs;

/// A refusal that is like one of so many before it is counted there instead of being noted again.
const LOOKED_AT: usize = 10;
/// For how long, in milliseconds.
const TOGETHER_MS: i64 = 60_000;
/// `acllog-max-len` unless told otherwise.
const MAX_LENGTH: usize = 128;

/// What somebody may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Run the command.
    Command,
    /// Use the key.
    Key,
    /// Use the channel.
    Channel,
    /// Be that user: the password was wrong, or there is nobody of that name.
    Auth,
}

impl Reason {
    const COUNT: usize = 4;

    /// As `ACL LOG` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

impl From<super::Denied> for Reason {
    fn from(denied: super::Denied) -> Self {
        match denied {
            super::Denied::Command => Reason::Command,
            super::Denied::Key(_) => Reason::Key,
            super::Denied::Channel(_) => Reason::Channel,
        }
    }
}

/// Where a command came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The caller.
    TopLevel,
    /// A transaction.
    Multi,
    /// A script.
    Lua,
}

impl Context {
    /// As `ACL LOG` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// A refusal, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was not allowed.
    pub reason: Reason,
    /// Where the command came from.
    pub context: Context,
    /// The command's name, the key or the channel.
    pub object: Box<[u8]>,
    /// The user, or the name that a caller gave who was not admitted.
    pub user: Box<[u8]>,
    /// The latest caller, as `CLIENT LIST` shows it.
    pub client: String,
    /// How many there were.
    pub count: u64,
    /// Counts up with each entry.
    pub id: u64,
    /// When the first was.
    pub first_at: UnixMs,
    /// When the latest was.
    pub last_at: UnixMs,
}

/// The refusals of a store.
#[derive(Debug)]
pub struct AclLog {
    entries: Mutex<VecDeque<Entry>>,
    next_id: AtomicU64,
    max_length: AtomicUsize,
    refused: [AtomicU64; Reason::COUNT],
}

impl Default for AclLog {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            next_id: AtomicU64::new(0),
            max_length: AtomicUsize::new(MAX_LENGTH),
            refused: Default::default(),
        }
    }
}

impl AclLog {
    /// Notes that `user` was refused `object`. `client` describes the caller.
    pub fn note(
        &self,
        at: UnixMs,
        reason: Reason,
        context: Context,
        object: &[u8],
        user: &[u8],
        client: String,
    ) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
        let max_length = self.max_length();
        let mut entries = self.entries.lock();
        let is_like = |entry: &Entry| {
            entry.reason == reason
                && entry.context == context
                && at.0.saturating_sub(entry.last_at.0) <= TOGETHER_MS
                && *entry.object == *object
                && *entry.user == *user
        };
        let like = entries.iter().take(LOOKED_AT).position(is_like).and_then(|place| entries.remove(place));
        let entry = match like {
            Some(entry) => Entry { client, count: entry.count + 1, last_at: at, ..entry },
            None => Entry {
                reason,
                context,
                object: object.into(),
                user: user.into(),
                client,
                count: 1,
                id: self.next_id.fetch_add(1, Ordering::Relaxed),
                first_at: at,
                last_at: at,
            },
        };
        entries.push_front(entry);
        entries.truncate(max_length);
    }

    /// The latest entries, at most so many, the latest first.
    pub fn latest(&self, count: usize) -> Vec<Entry> {
        self.entries.lock().iter().take(count).cloned().collect()
    }

    /// Forgets all entries.
    pub fn clear(&self) {
        self.entries.lock().clear();
    }

    /// `acllog-max-len`: how many entries are kept.
    pub fn max_length(&self) -> usize {
        self.max_length.load(Ordering::Relaxed)
    }

    /// Sets how many entries are kept. If there are more, they go when the next one comes.
    pub fn set_max_length(&self, length: usize) {
        self.max_length.store(length, Ordering::Relaxed);
    }

    /// How often something was refused for this reason, as INFO reports it.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// Sets those counts back to zero.
    pub(crate) fn reset_counts(&self) {
        self.refused.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Origin, Session};
    use crate::{Engine, EngineOptions, ManualClock};

    fn note(log: &AclLog, at: i64, object: &str) {
        log.note(UnixMs(at), Reason::Key, Context::TopLevel, object.as_bytes(), b"user", String::new());
    }

    fn objects(log: &AclLog) -> Vec<(String, u64, u64)> {
        let text = |entry: Entry| (String::from_utf8(entry.object.into()).unwrap(), entry.count, entry.id);
        log.latest(usize::MAX).into_iter().map(text).collect()
    }

    /// Redis 8.0.2 shows the command's name as the caller wrote it.
    #[test]
    fn a_failed_login_is_noted_by_the_word_that_was_said() {
        let clock = std::sync::Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 1, shards: 4 });
        let mut session = Session::new(&engine, Origin::in_process());
        for words in [&[&b"AuTh"[..], b"nobody", b"x"][..], &[b"hellO", b"3", b"AUTH", b"nobody", b"x"]] {
            session.execute(&engine, words).expect_err("there is no such user");
        }
        let noted = objects(engine.acl().log());
        assert_eq!(noted, [("hellO".into(), 1, 1), ("AuTh".into(), 1, 0)]);
    }

    #[test]
    fn what_is_alike_is_counted_and_comes_first_again() {
        let log = AclLog::default();
        ["a", "b", "a"].iter().for_each(|object| note(&log, 0, object));
        assert_eq!(objects(&log), [("a".into(), 2, 0), ("b".into(), 1, 1)]);
        note(&log, TOGETHER_MS, "b");
        note(&log, 2 * TOGETHER_MS + 1, "b");
        assert_eq!(objects(&log)[..2], [("b".into(), 1, 2), ("b".into(), 2, 1)]);
        assert_eq!(log.refused(Reason::Key), 5);
        assert_eq!(log.refused(Reason::Auth), 0);
    }

    #[test]
    fn only_the_latest_ten_are_looked_at_and_no_more_than_the_limit_kept() {
        let log = AclLog::default();
        (0..LOOKED_AT).for_each(|number| note(&log, 0, &number.to_string()));
        note(&log, 0, "0");
        (0..LOOKED_AT).for_each(|number| note(&log, 0, &format!("x{number}")));
        note(&log, 0, "9");
        assert_eq!(objects(&log)[0], ("9".into(), 1, 20));
        log.set_max_length(3);
        assert_eq!(objects(&log).len(), 21);
        note(&log, 0, "y");
        assert_eq!(objects(&log).len(), 3);
        log.clear();
        assert_eq!(objects(&log).len(), 0);
    }
}
