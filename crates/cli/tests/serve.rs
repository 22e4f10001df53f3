//! `redlet serve` as a person or an init system runs it.
#![cfg(unix)]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redlet"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// A server, and the lines in which it says where it listens.
fn serve(arguments: &[&str], lines: usize) -> (Child, Vec<String>) {
    // glibc would come to keep long blocks that were freed, if a short one lies behind them.
    let mut child = program(arguments).env("MALLOC_MMAP_THRESHOLD_", "1048576").spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let said = (0..lines)
        .map(|_| {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        })
        .collect();
    (child, said)
}

fn end(child: &mut Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(child), signal).unwrap();
    child.wait().unwrap().code()
}

fn ask(socket: &Path, request: &str, answer: &str) {
    let mut connection = UnixStream::connect(socket).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut found = vec![0; answer.len()];
    connection.read_exact(&mut found).unwrap();
    assert_eq!(String::from_utf8_lossy(&found), answer);
}

#[test]
fn a_signal_ends_the_server_and_what_was_written_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (store, socket) = (folder.path().join("store"), folder.path().join("socket"));
    for (signal, value) in [(Signal::TERM, "one"), (Signal::INT, "two")] {
        let options = ["serve", store.to_str().unwrap(), "--unixsocket", socket.to_str().unwrap()];
        let (mut child, said) = serve(&options, 1);
        assert!(said[0].ends_with(&format!("listens on {}", socket.display())), "{said:?}");
        ask(&socket, &format!("SET k {value}\r\n"), "+OK\r\n");
        assert_eq!(end(&mut child, signal), Some(0));
        assert!(!socket.exists());
        let answer = run(&[store.to_str().unwrap(), "GET", "k"]);
        assert_eq!(String::from_utf8_lossy(&answer.stdout), format!("{value}\n"));
    }
}

#[test]
fn options_and_files_say_what_redis_conf_says() {
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (folder.path().join("redlet.conf"), folder.path().join("socket"));
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&file, format!("unixsocket {}\nmaxclients 7\ntimeout 60\n", socket.display())).unwrap();
    let options = [
        "serve",
        "--bind",
        "127.0.0.1",
        "--config",
        file.to_str().unwrap(),
        "--timeout",
        "30",
        "--set",
        "maxmemory",
        "1mb",
        "--save",
        "900 1 60 100",
    ];
    let (mut child, _) = serve(&options, 1);
    for (name, value) in [
        ("bind", "127.0.0.1"),
        ("maxclients", "7"),
        ("timeout", "30"),
        ("maxmemory", "1048576"),
        ("save", "900 1 60 100"),
    ] {
        let answer = format!("*2\r\n${}\r\n{name}\r\n${}\r\n{value}\r\n", name.len(), value.len());
        ask(&socket, &format!("CONFIG GET {name}\r\n"), &answer);
    }
    assert_eq!(end(&mut child, Signal::TERM), Some(0));
}

#[test]
fn what_cannot_be_served_is_refused_with_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (options, why) in [
        (&["--port", &port][..], "another program listens on 127.0.0.1:"),
        (&["--port", &port, "--bind", "0.0.0.0"], "anybody would be let in: set a password"),
        (&["--port", "0"], "there is nothing to listen on"),
        (&["--port", &port, "--set", "no-such", "1"], "no-such cannot be set"),
        (&["--port", "0", "--tls-port", &port], "name the file with tls-cert-file"),
    ] {
        let output = run(&[&["serve"], options].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(why), "{options:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{options:?}");
    }
}

/// What a process holds in memory.
#[cfg(target_os = "linux")]
fn resident_bytes(child: &Child) -> usize {
    #[expect(clippy::disallowed_methods, reason = "what the system says of a process")]
    let text = std::fs::read(format!("/proc/{}/statm", child.id())).unwrap();
    String::from_utf8(text).unwrap().split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_is_held_that_nobody_sent_and_little_is_kept() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let (mut child, _) = serve(&["serve", "--unixsocket", socket.to_str().unwrap()], 1);
    ask(&socket, "PING\r\n", "+PONG\r\n");

    let before = resident_bytes(&child);
    let announcing: Vec<UnixStream> = (0..200)
        .map(|_| {
            let mut connection = UnixStream::connect(&socket).unwrap();
            connection.write_all(b"*1000000\r\n$536870912\r\nonly so much").unwrap();
            connection
        })
        .collect();
    ask(&socket, "PING\r\n", "+PONG\r\n");
    let announced = resident_bytes(&child).saturating_sub(before);
    assert!(announced < 40 * MIB, "{announced} bytes for what was only announced");
    drop(announcing);

    // Long requests and answers leave little behind at connections that stay.
    let mut value = vec![b'v'; 8 * MIB];
    value.extend_from_slice(b"\r\n");
    let mut answer = vec![0; b"+OK\r\n$8388608\r\n".len() + value.len()];
    let connections: Vec<UnixStream> = (0..50)
        .map(|_| {
            let mut connection = UnixStream::connect(&socket).unwrap();
            connection.write_all(b"*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n$8388608\r\n").unwrap();
            connection.write_all(&value).unwrap();
            connection.write_all(b"GET long\r\n").unwrap();
            connection.read_exact(&mut answer).unwrap();
            assert!(answer.ends_with(&value));
            connection
        })
        .collect();
    // Values that were replaced are freed in the background, by a thread that may have to wait for its turn on a busy machine.
    let kept = || resident_bytes(&child).saturating_sub(before);
    let is_freed = (0..1_000_000).any(|_| {
        ask(&socket, "PING\r\n", "+PONG\r\n");
        kept() < 150 * MIB
    });
    assert!(is_freed, "{} bytes for {} connections that are silent", kept(), connections.len());
    assert_eq!(end(&mut child, Signal::TERM), Some(0));
}
