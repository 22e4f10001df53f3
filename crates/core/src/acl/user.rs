//! A user, shared by the store and by the sessions that are that user.
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::RwLock;

use super::passwords::PasswordHash;
use super::permissions::{Allowed, CommandSet, Denied, Selector};
use super::rules::NewChannels;
use crate::cmd::Row;

/// A user: what they may do changes under the sessions that are theirs.
#[derive(Debug)]
pub struct User {
    name: Box<[u8]>,
    rights: RwLock<Rights>,
    /// What can be told without the lock: one of the constants below.
    standing: AtomicU8,
}

/// Has to be asked about each command.
const LIMITED: u8 = 0;
/// May do everything.
const UNLIMITED: u8 = 1;
/// Was removed, and may do nothing.
const REMOVED: u8 = 2;

impl User {
    pub(super) fn new(name: &[u8], rights: Rights) -> Self {
        let standing = AtomicU8::new(rights.standing());
        Self { name: name.into(), rights: RwLock::new(rights), standing }
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether there is no command that this user may not run. Costs one load.
    #[inline]
    pub fn allows_everything(&self) -> bool {
        self.standing.load(Ordering::Relaxed) == UNLIMITED
    }

    /// Whether the user was removed, so that a session of theirs has to end.
    pub fn is_removed(&self) -> bool {
        self.standing.load(Ordering::Relaxed) == REMOVED
    }

    /// Whether whoever comes is this user at once, without a password.
    pub fn admits_anybody(&self) -> bool {
        let rights = self.rights.read();
        rights.is_on && rights.needs_no_password
    }

    /// Whether this is a password of theirs and they are on.
    pub(super) fn admits(&self, password: &[u8]) -> bool {
        let hash = PasswordHash::of(password);
        let rights = self.rights.read();
        let known = hash.is_among(&rights.passwords);
        rights.is_on && (rights.needs_no_password || known)
    }

    /// Whether the user may run a command, given as its row and all of its words.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, row: &'static Row, words: &[&[u8]]) -> Result<(), Denied> {
        match self.standing.load(Ordering::Relaxed) {
            UNLIMITED => Ok(()),
            REMOVED => Err(Denied::Command),
            _ => self.rights.read().check(row, words),
        }
    }

    /// Whether the user may use a channel; a pattern only if it is allowed word for word.
    pub fn may_hear(&self, channel: &[u8], is_pattern: bool) -> bool {
        let rights = self.rights.read();
        rights.selectors().any(|selector| selector.may_hear(channel, is_pattern))
    }

    /// Whether the user may run a command that also reads keys that nobody can name before, as SORT does with a pattern: by a selector
    /// that lets every key be read.
    pub fn may_read_any_key(&self, row: &'static Row, words: &[&[u8]]) -> bool {
        let rights = self.rights.read();
        rights.selectors().any(|selector| selector.reads_any_key() && selector.check(row, words).is_ok())
    }

    pub(super) fn rights(&self) -> Rights {
        self.rights.read().clone()
    }

    /// Only under the lock of all users.
    pub(super) fn change(&self, rights: Rights) {
        let mut current = self.rights.write();
        self.standing.store(rights.standing(), Ordering::Relaxed);
        *current = rights;
    }

    pub(super) fn remove(&self) {
        self.standing.store(REMOVED, Ordering::Relaxed);
    }

    /// As `ACL LIST` shows it.
    pub fn describe(&self) -> Vec<u8> {
        let rights = self.rights.read();
        [b"user ", &*self.name, b" ", &rights.describe()].concat()
    }

    /// What `ACL GETUSER` shows, piece by piece.
    pub(crate) fn details(&self) -> (Vec<&'static str>, Vec<String>, Vec<SelectorText>) {
        let rights = self.rights.read();
        (rights.flags(), rights.passwords().collect(), rights.selectors().map(Selector::texts).collect())
    }
}

/// A selector in words.
#[derive(Clone, Debug)]
pub(crate) struct SelectorText {
    pub(crate) commands: String,
    pub(crate) keys: Vec<u8>,
    pub(crate) channels: Vec<u8>,
}

/// What a user may do.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    pub(super) is_on: bool,
    pub(super) needs_no_password: bool,
    /// Whether what RESTORE is given is looked at before it is believed. redlet always looks; kept to be shown again.
    pub(super) checks_payloads: bool,
    pub(super) passwords: Vec<PasswordHash>,
    /// What is allowed outside of parentheses.
    pub(super) root: Selector,
    pub(super) others: Vec<Selector>,
}

impl Rights {
    /// Those of a new user: none, and off.
    pub(super) fn new(channels: NewChannels) -> Self {
        Self {
            is_on: false,
            needs_no_password: false,
            checks_payloads: true,
            passwords: Vec::new(),
            root: Selector::new(channels.allowed()),
            others: Vec::new(),
        }
    }

    /// Those of the default user.
    pub(super) fn unlimited() -> Self {
        let root = Selector {
            keys: Allowed::All,
            commands: CommandSet::ALL,
            from_all_commands: true,
            ..Selector::new(Allowed::All)
        };
        Self { is_on: true, needs_no_password: true, root, ..Self::new(NewChannels::None) }
    }

    pub(super) fn set_only_password(&mut self, password: &[u8]) {
        self.passwords.clear();
        self.needs_no_password = password.is_empty();
        if !password.is_empty() {
            self.passwords.push(PasswordHash::of(password));
        }
    }

    /// See [`Selector::add_native`].
    pub(super) fn add_native(&mut self, row: &'static Row) {
        self.root.add_native(row);
        self.others.iter_mut().for_each(|selector| selector.add_native(row));
    }

    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.others)
    }

    fn standing(&self) -> u8 {
        if self.selectors().any(Selector::allows_everything) { UNLIMITED } else { LIMITED }
    }

    fn check(&self, row: &'static Row, words: &[&[u8]]) -> Result<(), Denied> {
        let mut refused = Denied::Command;
        for selector in self.selectors() {
            match selector.check(row, words) {
                Ok(()) => return Ok(()),
                Err(why) => refused = refused.max(why),
            }
        }
        Err(refused)
    }
}
