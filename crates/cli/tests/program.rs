//! The program as a person or a script runs it.
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

/// The program, running, with its three streams.
fn start(arguments: &[impl AsRef<OsStr>], [input, output, errors]: [Stdio; 3]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_redlet"))
        .args(arguments)
        .stdin(input)
        .stdout(output)
        .stderr(errors)
        .spawn()
        .unwrap()
}

fn redlet(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(arguments, [Stdio::piped(), Stdio::piped(), Stdio::piped()]);
    // A program that ends early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn one_command_answers_and_says_by_its_status_if_it_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let path = path.to_str().unwrap();
    assert_eq!(text(&redlet(&[path, "SET", "k", "v"], b"").stdout), "OK\n");
    assert_eq!(text(&redlet(&[path, "GET", "k"], b"").stdout), "v\n");
    assert_eq!(text(&redlet(&["--no-raw", path, "GET", "k"], b"").stdout), "\"v\"\n");
    let refused = redlet(&[path, "INCR", "k"], b"");
    assert_eq!(text(&refused.stdout), "ERR value is not an integer or out of range\n");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&redlet(&["-x", path, "SET", "x"], b"from input").stdout), "OK\n");
    assert_eq!(text(&redlet(&[path, "LPUSH", "l", "-1"], b"").stdout), "1\n");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the file is another program's")]
fn the_keys_of_an_rdb_file_are_imported() {
    let folder = tempfile::tempdir().unwrap();
    let [file, store, nothing] =
        ["dump.rdb", "store", "nothing"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&file, b"REDIS0003\xfe\x00\x00\x01k\x01v\xfe\x01\x00\x01j\x01w\xff").unwrap();
    let imported = redlet(&["import", &file, &store], b"");
    assert_eq!(text(&imported.stdout), "2 keys in 2 databases\n");
    assert_eq!(text(&redlet(&["-n", "1", &store, "GET", "j"], b"").stdout), "w\n");

    let refused = redlet(&["import", "--databases", "1", &file, &nothing], b"");
    assert!(text(&refused.stderr).contains("it has keys in database 1, and this store has 1"));
    assert_eq!(refused.status.code(), Some(1));
    std::fs::remove_dir_all(&nothing).unwrap();
    let missing = redlet(&["import", "/nowhere/dump.rdb", &nothing], b"");
    assert!(text(&missing.stderr).contains("cannot read /nowhere/dump.rdb"), "{}", text(&missing.stderr));
    assert!(!std::path::Path::new(&nothing).exists(), "no store is made for nothing");
}

#[test]
fn lines_and_arrays_are_run_and_bad_ones_named() {
    let input = b"SET k 1\n# a remark\n\nINCR k\nNOSUCH x\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nGET \"k\nINCR k\n";
    let output = redlet(&[], input);
    assert_eq!(text(&output.stdout), "OK\n2\n2\n3\n");
    let said = text(&output.stderr);
    assert!(said.contains("line 5: ERR unknown command 'NOSUCH', with args beginning with: 'x'"), "{said}");
    assert!(said.contains("line 11: ERR unbalanced quotes"), "{said}");
    assert_eq!(output.status.code(), Some(1));

    let strict = redlet(&["--strict"], b"SET k 1\nINCR\nSET k 2\n");
    assert_eq!(text(&strict.stdout), "OK\n");
    let quiet = redlet(&["--quiet"], b"SET k 1\n");
    assert_eq!((text(&quiet.stdout).as_str(), quiet.status.code()), ("", Some(0)));
}

#[test]
fn a_broken_array_ends_the_input_with_its_place() {
    for (input, why) in [
        (&b"PING\n*1\r\n$9999999999\r\n"[..], "invalid bulk length"),
        (b"PING\n*99999999\r\n", "invalid multibulk length"),
        (b"PING\n*1\r\nGET\r\n", "expected '$', got 'G'"),
        (b"PING\n*1\r\n$4\r\nPI", "does not end where its length says"),
    ] {
        let output = redlet(&[], input);
        assert_eq!(text(&output.stdout), "PONG\n");
        let said = text(&output.stderr);
        assert!(said.contains(why) && said.contains("line "), "{said}");
        assert_eq!(output.status.code(), Some(1));
    }
}

/// An output that nobody reads: writing to it fails.
fn unread() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn a_refusal_that_nobody_can_read_does_not_stop_the_commands_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut child = start(&[&path], [Stdio::piped(), Stdio::piped(), unread().into()]);
    child.stdin.take().unwrap().write_all(b"SET k 1\nNOSUCH\nINCR k\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("OK\n2\n", Some(1)));
}

#[test]
fn a_load_goes_on_when_nobody_reads_its_replies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut child = start(&[&path], [Stdio::piped(), unread().into(), Stdio::piped()]);
    child.stdin.take().unwrap().write_all("INCR k\n".repeat(20_000).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("the commands were carried out all the same"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&redlet(&[path.to_str().unwrap(), "GET", "k"], b"").stdout), "20000\n");
}

#[test]
fn a_selected_database_stays_selected() {
    let output = redlet(&[], b"SELECT 2\nSET k v\nSELECT 0\nGET k\nSELECT 2\nGET k\nSELECT 99\n");
    assert_eq!(text(&output.stdout), "OK\nOK\nOK\n\nOK\nv\n");
    assert!(text(&output.stderr).contains("line 7: ERR DB index is out of range"));
}

#[test]
fn what_cannot_be_opened_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut written = Command::new("sh");
    assert!(written.arg("-c").arg(format!("echo x > {}", file.display())).status().unwrap().success());
    let output = redlet(&[file.to_str().unwrap(), "PING"], b"");
    let said = text(&output.stderr);
    assert!(said.starts_with("redlet: ") && said.contains("it is a file; a store is a folder"), "{said}");
    let output = redlet(&[folder.path().to_str().unwrap(), "PING"], b"");
    assert!(text(&output.stderr).contains("no MANIFEST"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_database_of_a_url_is_selected_unless_an_option_names_another() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("redlet://{}/store?db=5", folder.path().to_str().unwrap());
    assert_eq!(text(&redlet(&[&url, "SET", "k", "in 5"], b"").stdout), "OK\n");
    assert_eq!(text(&redlet(&["-n", "0", &url, "DBSIZE"], b"").stdout), "0\n");
    assert_eq!(text(&redlet(&["-n", "5", &url, "GET", "k"], b"").stdout), "in 5\n");
    assert_eq!(text(&redlet(&[&url], b"GET k\n").stdout), "in 5\n");
}

#[test]
fn a_url_of_another_kind_is_no_path() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["redis://localhost:6379", "rediss://x", "unix:///tmp/redis.sock", "REDLET://x"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redlet"));
        let output = command.current_dir(folder.path()).args([url, "PING"]).output().unwrap();
        let said = text(&output.stderr);
        assert!(said.contains(url) && said.contains("it must begin with redlet://"), "{said}");
        assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("", Some(1)));
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "no folder was made");
}

#[cfg(unix)]
#[test]
fn paths_and_words_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    let run = |words: &[&[u8]]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redlet"));
        command.arg(&path).args(words.iter().map(|word| OsStr::from_bytes(word))).output().unwrap()
    };
    assert_eq!(text(&run(&[b"SET", b"k\xff", b"\xfe\x80"]).stdout), "OK\n");
    assert_eq!(run(&[b"GET", b"k\xff"]).stdout, b"\xfe\x80\n");
    assert!(path.join("MANIFEST").exists());
}

#[test]
fn a_store_with_more_databases_than_usual_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let path = path.to_str().unwrap();
    let url = format!("redlet://{path}?databases=20");
    assert_eq!(text(&redlet(&["--databases", "100", "-n", "99", path, "SET", "k", "v"], b"").stdout), "OK\n");
    assert_eq!(text(&redlet(&["--databases", "100", "-n", "99", path, "GET", "k"], b"").stdout), "v\n");
    assert_eq!(text(&redlet(&["--databases", "100", "-n", "99", &url, "GET", "k"], b"").stdout), "v\n");
    let refused = redlet(&[path, "PING"], b"");
    assert!(
        text(&refused.stderr).contains("open the store with more databases"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn an_empty_path_is_said_to_be_empty() {
    let output = redlet(&["", "PING"], b"");
    assert_eq!(text(&output.stderr), "redlet: the path of the store is empty\n");
    assert_eq!(output.status.code(), Some(1));
}

/// Redis 8.0.2 answered such input with PONGs alone.
#[test]
fn arrays_without_words_are_passed_over() {
    let input = b"*0\r\nPING\r\n*-1\r\n*1\r\n$4\r\nPING\r\n*-5\r\n*-99999999999\r\nPING\r\n*0\r\n";
    let output = redlet(&[], input);
    assert_eq!(
        (text(&output.stdout).as_str(), text(&output.stderr).as_str(), output.status.code()),
        ("PONG\nPONG\nPONG\n", "", Some(0))
    );
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_load_keeps_what_was_run_and_says_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut endless = Command::new("yes").arg("INCR k").stdout(Stdio::piped()).spawn().unwrap();
    let mut child = start(&[&path], [endless.stdout.take().unwrap().into(), Stdio::piped(), Stdio::piped()]);
    let mut replies = BufReader::new(child.stdout.take().unwrap());
    replies.read_line(&mut String::new()).unwrap();
    interrupt(&child);
    let mut rest = String::new();
    replies.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    endless.wait().unwrap();
    let last = rest.lines().last().unwrap();
    assert_eq!(text(&output.stderr), format!("redlet: ended by a signal after line {last}\n"));
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(text(&redlet(&[path.to_str().unwrap(), "GET", "k"], b"").stdout), format!("{last}\n"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_input_is_waited_for_closes_the_store_and_runs_no_half_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut child = start(&[&path], [Stdio::piped(), Stdio::piped(), Stdio::piped()]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"SET k whole\nSET k ha").unwrap();
    let mut reply = String::new();
    let mut replies = BufReader::new(child.stdout.take().unwrap());
    replies.read_line(&mut reply).unwrap();
    assert_eq!(reply, "OK\n", "replies do not wait for more input");
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(text(&output.stderr), "redlet: ended by a signal after line 1\n");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(text(&redlet(&[path.to_str().unwrap(), "GET", "k"], b"").stdout), "whole\n");
}
