//! The shell at a terminal, as a person uses it.
#![cfg(unix)]
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with the shell in it.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What was shown since the last text that was waited for.
    shown: String,
}

impl Terminal {
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread reads the screen, so that waiting for it can end"
    )]
    fn open(home: &Path, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = rustix::termios::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let line: OwnedFd =
            rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_redlet"))
            .args(arguments)
            .env("HOME", home)
            .env("TERM", "xterm")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line)
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer)
                && count > 0
                && sender.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        Self { child, keyboard, screen, shown: String::new() }
    }

    /// Presses keys at the next prompt. Before it, the terminal itself would act on some of them.
    fn press(&mut self, keys: &[u8]) {
        self.wait_for("> ");
        self.keyboard.write_all(keys).unwrap();
    }

    /// Presses keys at the next prompt and waits for what they lead to.
    fn ask(&mut self, keys: &[u8], answer: &str) {
        self.press(keys);
        self.wait_for(answer);
    }

    /// Takes what is shown up to and with this text.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                return self.shown.drain(..at + text.len()).collect();
            }
            let more = self.screen.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|error| panic!("no {text:?} ({error}) in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Leaves the shell; what was shown at the end, and its exit status.
    fn leave(mut self) -> (String, Option<i32>) {
        self.press(b"\x04");
        self.end()
    }

    /// Waits for the end of the program.
    fn end(mut self) -> (String, Option<i32>) {
        loop {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the shell goes on: {:?}", self.shown),
            }
        }
        let status = self.child.wait().unwrap();
        (std::mem::take(&mut self.shown), status.code())
    }
}

#[test]
fn each_line_of_a_paste_is_a_command_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(home.path(), &[]);
    terminal.ask(b"MSET a 1 b kept GET 2\r", "OK\r\n");
    // As one command this deleted `a`, `GET` and `b`.
    terminal.ask(b"\x1b[200~DEL a\r# a remark that isn't run\rGET b\r\x1b[201~\r", "(integer) 1\r\n");
    terminal.wait_for("\"kept\"\r\n");
    terminal.ask(b"\x1b[200~SET c \"two\rlines\"\rGET c\x1b[201~\r", "OK\r\n");
    terminal.wait_for("\"two\\nlines\"\r\n");
    assert_eq!(terminal.leave().1, Some(0));
}

#[test]
fn lines_typed_ahead_of_the_prompt_are_all_run() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(home.path(), &[]);
    terminal.press(b"SET a 1\rINCR a\rINCR a\rGET a\r");
    for answer in ["OK\r\n", "(integer) 2\r\n", "(integer) 3\r\n", "\"3\"\r\n"] {
        terminal.wait_for(answer);
    }
    assert_eq!(terminal.leave().1, Some(0));
}

#[test]
fn a_byte_that_is_not_utf_8_costs_a_line_and_not_the_shell() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(home.path(), &[]);
    terminal.ask(b"SET k 1\r", "OK\r\n");
    // What follows the byte is not run as a command of its own.
    terminal.ask(b"SET k \xff\rDEL k\r", "(error) A byte that is not UTF-8");
    terminal.ask(b"SET l \"\\xff\"\r", "OK\r\n");
    terminal.ask(b"MGET k l\r", "1) \"1\"\r\n2) \"\\xff\"\r\n");
    assert_eq!(terminal.leave().1, Some(0));
}

#[test]
fn ctrl_c_ends_the_line_or_what_runs_and_not_the_shell() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(home.path(), &[]);
    terminal.ask(b"DEL k\x03", "\r\n");
    terminal.ask(b"SET k 1\r", "OK\r\n");
    terminal.ask(b"1000000000 INCR k\r", "(integer) 5\r\n");
    terminal.signal(Signal::INT);
    terminal.ask(b"SET k over\r", "OK\r\n");
    terminal.ask(b"GET k\r", "\"over\"\r\n");
    assert_eq!(terminal.leave().1, Some(0));
}

#[test]
fn a_shell_that_is_ended_at_its_prompt_closes_the_store_and_keeps_its_history() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("store");
    let store = store.to_str().unwrap();
    let mut terminal = Terminal::open(home.path(), &[store]);
    terminal.ask(b"SET k kept\r", "OK\r\n");
    terminal.wait_for("> ");
    terminal.signal(Signal::TERM);
    let (shown, status) = terminal.end();
    assert!(shown.contains("redlet: ended by a signal"), "{shown}");
    assert_eq!(status, Some(143));

    let mut terminal = Terminal::open(home.path(), &[store]);
    terminal.ask(b"GET k\r", "\"kept\"\r\n");
    let before_the_last = b"\x1b[A\x1b[A\r";
    terminal.press(before_the_last);
    terminal.wait_for("SET k kept");
    terminal.wait_for("OK\r\n");
    assert_eq!(terminal.leave().1, Some(0));
}
