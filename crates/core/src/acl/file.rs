//! Users as lines of a file, one a line, as `ACL LIST` shows them: of a file of their own, or of the configuration. The files themselves
//! are somebody else's.
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::rules::{Fault, Ground, shown, whole_rules};
use super::user::{Rights, User};
use super::{Acl, DEFAULT_USER, is_name};
use crate::config::file::{Directive, LineError};
use crate::words;
use crate::{Error, Result};

/// Where users are written and read: the core opens no files.
pub trait AclFile: Send + Sync + fmt::Debug {
    /// Its path, as refusals name it.
    fn path(&self) -> String;

    /// All that is in it.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Replaces all that is in it, or nothing.
    ///
    /// # Errors
    /// It cannot be written.
    fn write(&self, text: &[u8]) -> io::Result<()>;
}

/// Files of users.
pub trait AclFiles: Send + Sync + fmt::Debug {
    /// The file at a path, which need not be there yet.
    fn file(&self, path: &[u8]) -> Arc<dyn AclFile>;
}

/// Why there cannot be both.
const BOTH: &str = "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup is \
                    very likely to lead to configuration errors and security holes, please define either an ACL file or declare users \
                    directly in your redis.conf, but not both.";

impl Acl {
    fn file(&self) -> Result<Arc<dyn AclFile>> {
        self.file.lock().clone().ok_or(Error::refused(
            "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
             command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in \
             the Redis configuration.",
        ))
    }

    /// `aclfile`: from now on users are those of this file, of none if its path is empty.
    ///
    /// # Errors
    /// Why not; then the users are as they were, and there is no file.
    pub(super) fn begin_with_file(&self, path: &[u8]) -> Result<(), String> {
        *self.file.lock() = None;
        if path.is_empty() {
            return Ok(());
        }
        if self.are_configured.load(Ordering::Relaxed) {
            return Err(BOTH.into());
        }
        let files = self.files.get().ok_or("nobody opens files here")?;
        *self.file.lock() = Some(files.file(path));
        self.load().map(drop).map_err(|refusal| {
            *self.file.lock() = None;
            let refusal = refusal.to_string();
            refusal.strip_prefix("ERR ").unwrap_or(&refusal).to_owned()
        })
    }

    /// Makes users of the lines of a configuration that begin with `user`, all of them or none.
    ///
    /// # Errors
    /// The first line that makes none.
    pub fn configure(&self, lines: &[Directive]) -> Result<(), LineError> {
        let mut users = self.users.write();
        let (mut new, ground) = (Users::new(), self.ground());
        for line in lines {
            // Not the whole line, which may have a password.
            let fault = |why: String| LineError { line: line.line, text: line.name.clone(), why };
            if self.file.lock().is_some() {
                return Err(fault(BOTH.into()));
            }
            let (name, rights) = configured(&line.words, &ground, &new).map_err(fault)?;
            new.insert(name, rights);
        }
        if !new.is_empty() {
            self.are_configured.store(true, Ordering::Relaxed);
        }
        for (name, rights) in new {
            match users.get(&name) {
                Some(user) => user.change(rights),
                None => drop(users.insert(name.clone(), Arc::new(User::new(&name, rights)))),
            }
        }
        Ok(())
    }

    /// The lines that a configuration needs to have the users as they are; none where they have a file of their own.
    pub(crate) fn configuration(&self) -> Vec<String> {
        if self.file.lock().is_some() {
            return Vec::new();
        }
        let line = |user: Arc<User>| {
            let words: Vec<Vec<u8>> =
                user.describe().split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
            shown_line(&words[1..])
        };
        self.users().into_iter().map(line).collect()
    }

    /// Writes all users to the file.
    ///
    /// # Errors
    /// There is no file, or it cannot be written.
    pub fn save(&self) -> Result<()> {
        let file = self.file()?;
        let text = self.users().iter().map(|user| user.describe()).fold(Vec::new(), |mut text, line| {
            text.extend_from_slice(&line);
            text.push(b'\n');
            text
        });
        file.write(&text).map_err(|cause| {
            let text = format!("ERR There was an error trying to save the ACLs. {}: {cause}", file.path());
            Error::Refused(text.into())
        })
    }

    /// Makes the users those of the file: all of them, or none if there is anything wrong in it. The default user, if it is not in
    /// the file, may do everything. Those who are no more are returned: their sessions are to be closed by the caller.
    ///
    /// # Errors
    /// There is no file, it cannot be read, or what is wrong in it, line by line.
    pub fn load(&self) -> Result<Vec<Arc<User>>> {
        let file = self.file()?;
        let path = file.path();
        let text = file.read().map_err(|cause| {
            Error::Refused(
                format!("ERR Error loading ACLs, opening file '{path}': {}", without_number(&cause)).into(),
            )
        })?;
        let mut users = self.users.write();
        let mut new = parse(&path, &text, &self.ground()).map_err(|faults| {
            let end =
                "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
            Error::Refused(format!("ERR {faults}{end}").into())
        })?;
        let (kept, gone) =
            std::mem::take(&mut *users).into_iter().partition(|(name, _)| new.contains_key(name));
        *users = kept;
        for (name, user) in &*users {
            new.remove(name).into_iter().for_each(|rights| user.change(rights));
        }
        let made = new.into_iter().map(|(name, rights)| (name.clone(), Arc::new(User::new(&name, rights))));
        users.extend(made);
        let gone: BTreeMap<_, Arc<User>> = gone;
        gone.values().for_each(|user| user.remove());
        Ok(gone.into_values().collect())
    }
}

/// A line of a configuration that makes a user of these words, those in quotes that need them.
fn shown_line(words: &[Vec<u8>]) -> String {
    words.iter().fold("user".to_owned(), |mut line, word| {
        let is_plain = word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
        line.push(' ');
        line.push_str(&if is_plain {
            String::from_utf8_lossy(word).into_owned()
        } else {
            words::quote(word)
        });
        line
    })
}

/// The user that a line of a configuration makes besides others, from its words after `user`; or why it makes none, in Redis's words.
fn configured(words: &[Vec<u8>], ground: &Ground, others: &Users) -> Result<(Box<[u8]>, Rights), String> {
    let [name, rules @ ..] = words else { return Err("Bad directive or wrong number of arguments".into()) };
    let fault = |word: &[u8], why: &str| format!("Error in user declaration '{}': {why}", shown(word));
    if !is_name(name) {
        return Err("Spaces not allowed in ACL usernames".into());
    }
    if others.contains_key(name.as_slice()) {
        return Err(fault(name, "Duplicate user found. A user can only be defined once in config files"));
    }
    let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
    let rules = whole_rules(&rules).map_err(|start| fault(start, "Wrong format"))?;
    let mut rights = Rights::new(ground.channels);
    for rule in &rules {
        rights.apply(rule, ground).map_err(|why| fault(rule, &why.to_string()))?;
    }
    Ok((name.as_slice().into(), rights))
}

/// The system's words without the number that the library adds to them.
fn without_number(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

type Users = BTreeMap<Box<[u8]>, Rights>;

/// The users of a file, or what is wrong in it.
fn parse(path: &str, text: &[u8], ground: &Ground) -> Result<Users, String> {
    let mut users = Users::new();
    let mut faults = String::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty()
            && let Err(fault) = parse_line(line, (path, index + 1), ground, &mut users)
        {
            faults.push_str(&fault);
        }
    }
    users.entry(DEFAULT_USER.as_bytes().into()).or_insert_with(Rights::unlimited);
    if faults.is_empty() { Ok(users) } else { Err(faults) }
}

/// Adds the user of a line, or says what is wrong in it. `place` is the file and the line's number.
fn parse_line(line: &[u8], place: (&str, usize), ground: &Ground, users: &mut Users) -> Result<(), String> {
    let (path, number) = place;
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [b"user", name, rules @ ..] = words.as_slice() else {
        return Err(format!("{path}:{number} should start with user keyword followed by the username. "));
    };
    if !is_name(name) {
        return Err(format!("'{path}:{number}: username '{}' contains invalid characters. ", shown(name)));
    }
    let rules = whole_rules(rules)
        .map_err(|_| format!("{path}:{number}: Unmatched parenthesis in selector definition."))?;
    if users.contains_key(*name) {
        return Err(format!("WARNING: Duplicate user '{}' found on line {number}. ", shown(name)));
    }
    let (mut rights, mut faults, mut is_told) = (Rights::new(ground.channels), String::new(), false);
    for rule in &rules {
        match rights.apply(rule, ground) {
            Ok(()) => {}
            Err(fault @ Fault::UnknownCommand) => {
                let rule = shown(rule);
                let _ = write!(faults, "{path}:{number}: Error in applying operation '{rule}': {fault}. ");
            }
            // Of all others Redis tells the first of a line.
            Err(fault) => {
                if !std::mem::replace(&mut is_told, true) {
                    let _ = write!(faults, "{path}:{number}: {fault}. ");
                }
            }
        }
    }
    users.insert((*name).into(), rights);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// A file in memory.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<Option<Vec<u8>>>>);

    impl AclFile for Paper {
        fn path(&self) -> String {
            "users.acl".into()
        }

        fn read(&self) -> io::Result<Vec<u8>> {
            self.0.lock().clone().ok_or(io::ErrorKind::NotFound.into())
        }

        fn write(&self, text: &[u8]) -> io::Result<()> {
            *self.0.lock() = Some(text.to_vec());
            Ok(())
        }
    }

    fn with_file() -> (Acl, Paper) {
        let (acl, paper) = (Acl::default(), Paper::default());
        *acl.file.lock() = Some(Arc::new(paper.clone()));
        (acl, paper)
    }

    fn list(acl: &Acl) -> Vec<String> {
        acl.users().iter().map(|user| String::from_utf8(user.describe()).unwrap()).collect()
    }

    fn load(text: &str) -> Result<Vec<String>, String> {
        let (acl, paper) = with_file();
        *paper.0.lock() = Some(text.as_bytes().to_vec());
        acl.load().map(|_| list(&acl)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let (acl, paper) = with_file();
        acl.set_user(b"ann", &[b"on", b">pw", b"~a", b"(+get ~b)"]).unwrap();
        let before = list(&acl);
        acl.save().unwrap();
        assert_eq!(paper.0.lock().as_deref(), Some((before.join("\n") + "\n").as_bytes()));
        let other = with_file().0;
        other.file().unwrap().write(&paper.read().unwrap()).unwrap();
        other.load().unwrap();
        assert_eq!(list(&other), before);
    }

    #[test]
    fn users_that_are_not_in_the_file_are_gone_and_the_others_change_under_their_sessions() {
        let (acl, paper) = with_file();
        let ann = acl.set_user(b"ann", &[b"on", b"nopass", b"+@all", b"~*", b"&*"]).unwrap();
        let bob = acl.set_user(b"bob", &[b"+@all", b"~*", b"&*"]).unwrap();
        paper.write(b"user ann on\r\n\n").unwrap();
        let gone = acl.load().unwrap();
        assert!(gone.len() == 1 && Arc::ptr_eq(&gone[0], &bob));
        assert!(bob.is_removed() && !bob.allows_everything());
        assert!(!ann.is_removed() && !ann.allows_everything());
        assert!(acl.authenticate(b"bob", b"").is_none());
        assert!(acl.default_user().allows_everything());
    }

    /// Each text is what Redis 8.0.2 answered.
    #[test]
    fn what_is_wrong_in_a_file_is_told_line_by_line_and_nothing_changes() {
        let end = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
        let cases = [
            ("# a\n", "users.acl:1 should start with user keyword followed by the username. "),
            ("user\n", "users.acl:1 should start with user keyword followed by the username. "),
            ("\nuser\ta on\n", "users.acl:2 should start with user keyword followed by the username. "),
            ("user a\tb on\n", "'users.acl:1: username 'a\tb' contains invalid characters. "),
            ("user a on\nuser a foo\n", "WARNING: Duplicate user 'a' found on line 2. "),
            ("user a (+get ~x\n", "users.acl:1: Unmatched parenthesis in selector definition."),
            (
                "user a foo +bar +baz bar\n",
                "users.acl:1: Syntax error. users.acl:1: Error in applying operation '+bar': Unknown command or category name \
                 in ACL. users.acl:1: Error in applying operation '+baz': Unknown command or category name in ACL. ",
            ),
            ("user a foo bar\nuser b baz\n", "users.acl:1: Syntax error. users.acl:2: Syntax error. "),
            ("user  a on\n", "users.acl:1: Syntax error. "),
        ];
        for (text, faults) in cases {
            assert_eq!(load(text), Err(format!("ERR {faults}{end}")), "{text}");
        }
        let (acl, _) = with_file();
        let missing = "ERR Error loading ACLs, opening file 'users.acl': ";
        assert!(acl.load().unwrap_err().to_string().starts_with(missing));
    }

    #[test]
    fn the_default_user_may_do_everything_unless_the_file_says_otherwise() {
        let full = "user default on nopass sanitize-payload ~* &* +@all";
        assert_eq!(load("").unwrap(), [full]);
        assert_eq!(
            load("user default off").unwrap(),
            ["user default off sanitize-payload resetchannels -@all"]
        );
        assert_eq!(
            load("user a  on  +get").unwrap()[0],
            "user a on sanitize-payload resetchannels -@all +get"
        );
    }
}
