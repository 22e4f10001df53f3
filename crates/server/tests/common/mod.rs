//! A server on a store in memory, and connections to it byte by byte.
#![allow(dead_code, reason = "each test uses its own part")]
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use redlet::Redis;
use redlet::server::{Address, Server, ServerBuilder};

/// How long a test waits for what has to come: much longer than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on any port.
pub(crate) fn serve(redis: &Redis) -> (Server, SocketAddr) {
    start(redis.server().bind("127.0.0.1", 0))
}

/// A server on any port, with parameters.
pub(crate) fn serve_with(redis: &Redis, parameters: &[(&str, &str)]) -> (Server, SocketAddr) {
    let set = |builder: ServerBuilder, (name, value): &(&str, &str)| builder.parameter(name, value).unwrap();
    start(parameters.iter().fold(redis.server().bind("127.0.0.1", 0), set))
}

/// Starts a server that listens on one port.
pub(crate) fn start(builder: ServerBuilder) -> (Server, SocketAddr) {
    let server = builder.start().unwrap();
    let address = match server.addresses() {
        [Address::Tcp(address) | Address::Tls(address), ..] => *address,
        other => panic!("it listens on {other:?}"),
    };
    (server, address)
}

/// A connection on which bytes are sent as they are.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Whether exactly this comes next.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let mut found = vec![0; expected.len()];
        let read = self.0.read_exact(&mut found);
        assert!(read.is_ok(), "{read:?} instead of {}", expected.escape_ascii());
        if found != expected {
            assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
        self
    }

    /// Reads so many bytes, whatever they are, and holds none of them.
    pub(crate) fn skip(&mut self, bytes: usize) -> &mut Self {
        let skipped = io::copy(&mut (&self.0).take(bytes as u64), &mut io::sink()).unwrap();
        assert_eq!(skipped, bytes as u64);
        self
    }

    /// A line without its end.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// Everything until the server ends the connection.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            // What was sent and not read any more makes the system say it so.
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => rest,
        }
    }

    /// Whether the server has ended the connection.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }
}

/// A request as clients write it.
pub(crate) fn request(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Returns once `is_true`, without sleeping.
#[track_caller]
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = now() + PATIENCE;
    while !is_true() {
        assert!(now() < end, "{what} did not come to be");
        std::thread::yield_now();
    }
}

/// The time since some moment.
#[expect(clippy::disallowed_methods, reason = "tests wait for servers, with patience")]
pub(crate) fn now() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Sends until the other end takes nothing for a while; returns how much it took.
pub(crate) fn fill(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let mut sent = 0;
    loop {
        match stream.write(bytes) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(sent),
            Err(error) => return Err(error),
        }
    }
}
