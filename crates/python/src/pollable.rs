//! A descriptor that can be polled: readable while something waits for its reader. A pair of connected sockets, because every
//! system has those and every event loop takes them.
use std::io::{self, Read, Write};

use parking_lot::Mutex;

#[cfg(unix)]
type Socket = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Socket = std::net::TcpStream;

/// See the module.
#[derive(Debug)]
pub(crate) struct Pollable {
    reader: Socket,
    /// Whether it is readable, behind a lock so that who lowers it has seen what who raises it has done.
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    writer: Socket,
    is_high: bool,
}

#[cfg(unix)]
fn pair() -> io::Result<(Socket, Socket)> {
    Socket::pair()
}

#[cfg(windows)]
fn pair() -> io::Result<(Socket, Socket)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let writer = Socket::connect(listener.local_addr()?)?;
    let own = writer.local_addr()?;
    loop {
        // Whoever else was quicker is not who was asked.
        let (reader, caller) = listener.accept()?;
        if caller == own {
            return Ok((reader, writer));
        }
    }
}

impl Pollable {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { reader, level: Mutex::new(Level { writer, is_high: false }) })
    }

    /// What the system calls it.
    pub(crate) fn descriptor(&self) -> i64 {
        #[cfg(unix)]
        return i64::from(std::os::fd::AsRawFd::as_raw_fd(&self.reader));
        #[cfg(windows)]
        return std::os::windows::io::AsRawSocket::as_raw_socket(&self.reader).cast_signed();
    }

    /// Makes it readable if `is_wanted` says so, and otherwise not. It is asked when nobody else can change that meanwhile.
    pub(crate) fn set(&self, is_wanted: impl FnOnce() -> bool) {
        let mut level = self.level.lock();
        let is_wanted = is_wanted();
        if is_wanted == level.is_high {
            return;
        }
        // Neither can fail but for a process that is being taken apart: the sockets are each other's, and hold one byte at most.
        let done = if is_wanted {
            level.writer.write(&[1]).map(drop)
        } else {
            (&self.reader).read(&mut [0]).map(drop)
        };
        if done.is_ok() {
            level.is_high = is_wanted;
        }
    }
}
