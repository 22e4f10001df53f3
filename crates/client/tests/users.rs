//! Users that outlive the store: in a file of their own, or in the configuration. What is expected is what Redis 8.0.2 does.
#![expect(
    clippy::disallowed_methods,
    reason = "whoever edits the files does not use the store's way to them"
)]
use std::path::{Path, PathBuf};

use redlet::{Redis, Reply, Session};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn with_users(path: &Path) -> redlet::Result<Redis> {
    Redis::builder().parameter("aclfile", path.to_str().unwrap()).build()
}

fn users(redis: &Redis) -> Vec<String> {
    let Reply::Array(lines) = redis.execute(&["ACL", "LIST"]).unwrap() else { panic!("a list of users") };
    let text = |line: &Reply| match line {
        Reply::Bulk(line) => String::from_utf8(line.to_vec()).unwrap(),
        other => panic!("a user is a line of text, not {other:?}"),
    };
    lines.iter().map(text).collect()
}

fn refusal<T: std::fmt::Debug>(result: redlet::Result<T>) -> String {
    result.unwrap_err().to_string()
}

const DEFAULT: &str = "user default on nopass sanitize-payload ~* &* +@all";
const LATE: &str = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

#[test]
fn users_of_a_file_are_there_from_the_beginning() {
    let folder = Folder::new();
    let path = folder.write("users.acl", "user ann on nopass +get ~k*\n\nuser bob off\n");
    let redis = with_users(&path).unwrap();
    let bob = "user bob off sanitize-payload resetchannels -@all";
    let ann = "user ann on nopass sanitize-payload ~k* resetchannels -@all +get";
    assert_eq!(users(&redis), [ann, bob, DEFAULT]);
    redis.execute(&["ACL", "DELUSER", "ann"]).unwrap();
    redis.execute(&["ACL", "SAVE"]).unwrap();
    assert_eq!(folder.read("users.acl"), format!("{bob}\n{DEFAULT}\n"));
    folder.write("users.acl", "user cid on\n");
    redis.execute(&["ACL", "LOAD"]).unwrap();
    assert_eq!(users(&redis), ["user cid on sanitize-payload resetchannels -@all", DEFAULT]);
}

#[test]
fn a_file_with_faults_opens_no_store_and_changes_no_user() {
    let folder = Folder::new();
    let path = folder.write("users.acl", "user ann on\nuser bob on foo\n");
    let fault = format!("{}:2: Syntax error. {LATE}", path.display());
    assert!(refusal(with_users(&path)).ends_with(&fault));
    let missing = refusal(with_users(&folder.path("nosuch")));
    let reason = "Error loading ACLs, opening file '";
    assert!(missing.contains(reason) && missing.ends_with("nosuch': No such file or directory"), "{missing}");

    folder.write("users.acl", "user ann on\n");
    let redis = with_users(&path).unwrap();
    let before = users(&redis);
    folder.write("users.acl", "user bob on\nuser bob off\n");
    let fault = format!("ERR WARNING: Duplicate user 'bob' found on line 2. {LATE}");
    assert_eq!(refusal(redis.execute(&["ACL", "LOAD"])), fault);
    assert_eq!(users(&redis), before);
}

#[test]
fn after_a_file_was_loaded_callers_are_gone_whose_users_are() {
    let folder = Folder::new();
    let path = folder.write("users.acl", "user ann on nopass +@all &a*\nuser bob on nopass +@all &*\n");
    let redis = with_users(&path).unwrap();
    let subscribed = |user: &str| {
        let mut session = redis.session();
        session.execute(&["AUTH", user, "x"]).unwrap();
        session.execute(&["SUBSCRIBE", "a1"]).unwrap();
        session
    };
    let (ann, bob) = (subscribed("ann"), subscribed("bob"));
    redis.execute(&["ACL", "SETUSER", "cid", "on", "nopass", "+@all", "&*"]).unwrap();
    let cid = subscribed("cid");
    redis.execute(&["ACL", "LOAD"]).unwrap();
    assert_eq!([&ann, &bob, &cid].map(Session::is_closing), [false, false, true]);
    folder.write("users.acl", "user ann on nopass +get &a*\nuser bob on nopass +@all &b*\n");
    redis.execute(&["ACL", "LOAD"]).unwrap();
    assert_eq!([&ann, &bob].map(Session::is_closing), [false, true]);
}

#[test]
fn users_of_the_configuration_are_written_back_into_it() {
    let folder = Folder::new();
    let text = "timeout 5\nuser ann on >pw ~a +get\n# remark\n";
    let path = folder.write("redis.conf", text);
    let open = || Redis::builder().config_file(&path).build();
    let redis = open().unwrap();
    let ann = "user ann on sanitize-payload #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 ~a \
               resetchannels -@all +get";
    assert_eq!(users(&redis), [ann, DEFAULT]);
    redis.execute(&["ACL", "SETUSER", "bob", "on", "~a\"b"]).unwrap();
    redis.execute(&["CONFIG", "REWRITE"]).unwrap();
    let bob = "user bob on sanitize-payload \"~a\\\"b\" resetchannels -@all";
    let signature = "\n# Generated by CONFIG REWRITE";
    assert_eq!(
        folder.read("redis.conf"),
        format!("timeout 5\n{ann}\n# remark\n{signature}\n{bob}\n{DEFAULT}\n")
    );
    let before = users(&redis);
    assert_eq!(users(&open().unwrap()), before);
    let none = "ERR This Redis instance is not configured to use an ACL file.";
    assert!(refusal(redis.execute(&["ACL", "SAVE"])).starts_with(none));
}

#[test]
fn a_configuration_that_says_nonsense_of_users_opens_no_store() {
    let folder = Folder::new();
    let cases = [
        ("user", "line 1 of the configuration, 'user': Bad directive or wrong number of arguments"),
        ("user ann foo", "Error in user declaration 'foo': Syntax error"),
        (
            "user ann on\nuser ann off",
            "line 2 of the configuration, 'user': Error in user declaration 'ann': Duplicate user found. A user can only be \
             defined once in config files",
        ),
        ("user \"a b\" on", "Spaces not allowed in ACL usernames"),
        ("user ann (+get", "Error in user declaration '(+get': Wrong format"),
    ];
    for (text, why) in cases {
        let path = folder.write("redis.conf", text);
        let refusal = refusal(Redis::builder().config_file(&path).build());
        assert!(refusal.ends_with(why), "{text}: {refusal}");
    }
}

#[test]
fn users_are_in_a_file_or_in_the_configuration_but_not_in_both() {
    let folder = Folder::new();
    let users = folder.write("users.acl", "user ann on\n");
    let path = folder.write("redis.conf", &format!("user bob on\naclfile {}\n", users.display()));
    let refusal = refusal(Redis::builder().config_file(&path).build());
    assert!(refusal.ends_with("or declare users directly in your redis.conf, but not both."), "{refusal}");
}
