//! Who may do what: users, their passwords, and the commands, keys and channels that they may use.
//!
//! `user` is a user as sessions share it; `rules` the language of `ACL SETUSER`, read and written; `permissions` what a set of rules allows;
//! `passwords` how passwords are kept and compared; `file` users as lines of a file of their own, or of the configuration; `log` what was
//! refused. Nothing here knows of
//! sessions: they ask before each command, and whoever changes users tells them.
mod file;
mod log;
mod passwords;
mod permissions;
mod rules;
mod user;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};

pub use file::{AclFile, AclFiles};
pub use log::{AclLog, Context, Entry, Reason};
pub use permissions::Denied;
pub use user::User;
pub(crate) use user::{Rights, SelectorText};

use crate::cmd::Row;
use crate::config::Config;
use crate::{Error, Result, words};
use rules::{Ground, NewChannels, whole_rules};

/// The user that every caller is until it says who it is.
pub const DEFAULT_USER: &str = "default";

/// The users of a store.
#[derive(Debug)]
pub struct Acl {
    /// By name, which is the order in which they are listed.
    users: RwLock<BTreeMap<Box<[u8]>, Arc<User>>>,
    /// One of them; it is never removed.
    default_user: Arc<User>,
    /// `acl-pubsub-default`: whether a new user may use all channels.
    new_users_have_channels: AtomicBool,
    /// The program's own commands. Taken after `users`.
    natives: RwLock<Vec<&'static Row>>,
    log: AclLog,
    files: OnceLock<Box<dyn AclFiles>>,
    /// `aclfile`
    file: Mutex<Option<Arc<dyn AclFile>>>,
    /// Users came from the configuration, so there cannot be a file of them.
    are_configured: AtomicBool,
}

impl Default for Acl {
    fn default() -> Self {
        let default_user = Arc::new(User::new(DEFAULT_USER.as_bytes(), Rights::unlimited()));
        Self {
            users: RwLock::new(BTreeMap::from([(default_user.name().into(), Arc::clone(&default_user))])),
            default_user,
            new_users_have_channels: AtomicBool::new(false),
            natives: RwLock::default(),
            log: AclLog::default(),
            files: OnceLock::new(),
            file: Mutex::new(None),
            are_configured: AtomicBool::new(false),
        }
    }
}

impl Acl {
    /// The user that a caller is until it says who it is.
    pub fn default_user(&self) -> &Arc<User> {
        &self.default_user
    }

    /// The user of this name.
    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.users.read().get(name).cloned()
    }

    /// All of them, by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.users.read().values().cloned().collect()
    }

    /// The user of this name, if there is one that is on and this is a password of theirs.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<User>> {
        self.user(name).filter(|user| user.admits(password))
    }

    /// Makes a user, or changes one: all rules or none. Sessions of that user are held to them from their next command on; those
    /// that are subscribed to what they may not hear any more ([`User::may_hear`]) are to be closed by the caller.
    ///
    /// # Errors
    /// The first rule that is none, and a name that cannot be one, in Redis's words.
    pub fn set_user(&self, name: &[u8], rules: &[&[u8]]) -> Result<Arc<User>> {
        if !is_name(name) {
            return Err(Error::refused("ERR Usernames can't contain spaces or null characters"));
        }
        let rules = whole_rules(rules).map_err(|start| {
            let start = rules::shown(start);
            Error::Refused(format!("ERR Unmatched parenthesis in acl selector starting at '{start}'.").into())
        })?;
        // Held while the rules are read, or of two changes to one user at a time one would be lost.
        let mut users = self.users.write();
        let ground = self.ground();
        let mut rights = users.get(name).map_or_else(|| Rights::new(ground.channels), |user| user.rights());
        for rule in &rules {
            rights.apply(rule, &ground).map_err(|fault| {
                let rule = rules::shown(rule);
                Error::Refused(format!("ERR Error in ACL SETUSER modifier '{rule}': {fault}").into())
            })?;
        }
        Ok(match users.get(name) {
            Some(user) => {
                user.change(rights);
                Arc::clone(user)
            }
            None => {
                let user = Arc::new(User::new(name, rights));
                users.insert(name.into(), Arc::clone(&user));
                user
            }
        })
    }

    /// Removes users. Those who are removed are returned: their sessions are to be closed by the caller, and may do nothing meanwhile.
    ///
    /// # Errors
    /// A refusal to remove the default user; then nobody is removed.
    pub fn remove_users(&self, names: &[&[u8]]) -> Result<Vec<Arc<User>>> {
        if names.contains(&DEFAULT_USER.as_bytes()) {
            return Err(Error::refused("ERR The 'default' user cannot be removed"));
        }
        let mut users = self.users.write();
        let removed: Vec<_> = names.iter().filter_map(|name| users.remove(*name)).collect();
        removed.iter().for_each(|user| user.remove());
        Ok(removed)
    }

    /// `requirepass`: makes this the only password of the default user; an empty one means that none is asked for.
    pub fn set_default_password(&self, password: &[u8]) {
        // With the lock of all users, as every change.
        let _users = self.users.write();
        let mut rights = self.default_user.rights();
        rights.set_only_password(password);
        self.default_user.change(rights);
    }

    /// What rules stand on. To be asked under the lock of all users, or a command could come in between that is not known to rules that
    /// hold for it.
    fn ground(&self) -> Ground {
        let all = self.new_users_have_channels.load(Ordering::Relaxed);
        let channels = if all { NewChannels::All } else { NewChannels::None };
        Ground { channels, natives: self.natives.read().clone() }
    }

    /// A command comes that is in no table. The rules of all users hold for it as if it had been there when they were given.
    pub(crate) fn add_native(&self, row: &'static Row) {
        let users = self.users.write();
        self.natives.write().push(row);
        for user in users.values() {
            let mut rights = user.rights();
            rights.add_native(row);
            user.change(rights);
        }
    }

    /// Does what parameters say, whenever they change.
    pub(crate) fn follow(self: &Arc<Self>, config: &Config) {
        type Change = fn(&Acl, &Config) -> Result<(), String>;
        // The file comes last: what new users may do has to be known when it is read, and it may say something of the default user.
        let changes: [(&'static [&'static str], Change); 4] = [
            (&["requirepass"], |acl, config| {
                acl.set_default_password(&config.password());
                Ok(())
            }),
            (&["acl-pubsub-default"], |acl, config| {
                acl.new_users_have_channels.store(config.new_users_have_all_channels(), Ordering::Relaxed);
                Ok(())
            }),
            (&["acllog-max-len"], |acl, config| {
                acl.log.set_max_length(config.acl_log_length());
                Ok(())
            }),
            (&["aclfile"], |acl, config| acl.begin_with_file(&config.acl_file())),
        ];
        for (names, change) in changes {
            let acl = Arc::clone(self);
            config.on_change(names, Box::new(move |config| change(&acl, config)));
        }
    }

    /// What was refused.
    pub fn log(&self) -> &AclLog {
        &self.log
    }

    /// Who opens the file that `aclfile` names. Without anybody it cannot be set.
    ///
    /// # Panics
    /// If there is somebody already.
    pub fn set_files(&self, files: Box<dyn AclFiles>) {
        assert!(
            self.files.set(files).is_ok(),
            "an engine has one way to open files of users for its whole life"
        );
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.iter().any(|&byte| words::is_space(byte) || byte == 0)
}
