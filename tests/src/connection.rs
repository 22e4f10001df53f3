//! A connection to a Redis server that speaks RESP2 and RESP3. Knows the wire; knows no command but HELLO.
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::value::Value;

/// Where a server listens.
#[derive(Clone, Debug)]
pub enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// `host:port`.
    Tcp(String),
}

/// Which answers a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Strings, integers, arrays.
    Resp2,
    /// Maps, sets, doubles and more.
    Resp3,
}

impl Protocol {
    /// Its number, as `HELLO` takes it.
    pub const fn number(self) -> &'static str {
        match self {
            Protocol::Resp2 => "2",
            Protocol::Resp3 => "3",
        }
    }
}

/// A server that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
enum Stream {
    #[cfg(unix)]
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Stream::Tcp(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_nonblocking(nonblocking),
            Stream::Tcp(stream) => stream.set_nonblocking(nonblocking),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
            Stream::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Stream::Unix(stream) => stream.flush(),
            Stream::Tcp(stream) => stream.flush(),
        }
    }
}

/// One connection, in one protocol at a time.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<Stream>,
}

/// What a server answers to these bytes, until it ends the connection. They are all that it gets.
///
/// # Errors
/// Nobody listens there, or no answer ends within half a minute.
pub fn exchange(address: &Address, bytes: &[u8]) -> io::Result<Vec<u8>> {
    fn all<S: Read + Write>(
        mut stream: S,
        bytes: &[u8],
        end: impl FnOnce(&S) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        let gone = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
            )
        };
        // A server that has understood enough may close before it was told everything.
        match stream.write_all(bytes).and_then(|()| end(&stream)) {
            Err(error) if !gone(&error) => return Err(error),
            _ => {}
        }
        let mut answers = Vec::new();
        match stream.read_to_end(&mut answers) {
            Err(error) if !gone(&error) => Err(error),
            _ => Ok(answers),
        }
    }
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));
    match address {
        #[cfg(unix)]
        Address::Socket(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(PATIENCE)?;
            all(stream, bytes, |stream| stream.shutdown(Shutdown::Write))
        }
        #[cfg(not(unix))]
        Address::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
        Address::Tcp(place) => {
            let stream = TcpStream::connect(place)?;
            stream.set_read_timeout(PATIENCE)?;
            all(stream, bytes, |stream| stream.shutdown(Shutdown::Write))
        }
    }
}

impl Connection {
    /// Connects, in RESP2.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(address: &Address) -> io::Result<Self> {
        let stream = match address {
            #[cfg(unix)]
            Address::Socket(path) => Stream::Unix(UnixStream::connect(path)?),
            #[cfg(not(unix))]
            Address::Socket(_) => return Err(io::ErrorKind::Unsupported.into()),
            Address::Tcp(place) => {
                let stream = TcpStream::connect(place)?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        stream.set_read_timeout(PATIENCE)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Changes the protocol of all later answers.
    ///
    /// # Errors
    /// The connection broke.
    pub fn speak(&mut self, protocol: Protocol) -> io::Result<()> {
        match self.call(&["HELLO", protocol.number()])? {
            Value::Error(message) => Err(io::Error::other(message)),
            _ => Ok(()),
        }
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// The connection broke.
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Value> {
        self.send(words)?;
        self.read()
    }

    /// Sends one command.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        self.write(&frame(words))
    }

    /// Sends all commands at once, then reads all answers.
    ///
    /// # Errors
    /// The connection broke.
    pub fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Value>> {
        let request: Vec<u8> = commands.iter().flat_map(|words| frame(words)).collect();
        self.write(&request)?;
        commands.iter().map(|_| self.read()).collect()
    }

    fn write(&mut self, request: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(request)?;
        stream.flush()
    }

    /// The next thing that the server sends, if there is something to read already; an error of the kind `WouldBlock` if there is not.
    ///
    /// # Errors
    /// The connection broke, or was closed: `UnexpectedEof`.
    pub fn read_sent(&mut self) -> io::Result<Value> {
        if self.stream.buffer().is_empty() {
            self.stream.get_ref().set_nonblocking(true)?;
            let filled = self.stream.fill_buf().map(drop);
            self.stream.get_ref().set_nonblocking(false)?;
            filled?;
        }
        self.read()
    }

    /// The next thing that the server sends.
    ///
    /// # Errors
    /// The connection broke, or was closed: `UnexpectedEof`.
    pub fn read(&mut self) -> io::Result<Value> {
        let (kind, text) = self.read_line()?;
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("{}{text}", char::from(kind)));
        let count = || text.parse::<i64>().map_err(|_| bad());
        match kind {
            b'+' => Ok(Value::Status(text)),
            b'-' => Ok(Value::Error(text)),
            b':' => count().map(Value::Integer),
            b',' => Ok(Value::Double(text)),
            b'(' => Ok(Value::BigNumber(text)),
            b'#' => Ok(Value::Boolean(text == "t")),
            b'_' => Ok(Value::Null),
            b'$' if text == "-1" => Ok(Value::Null),
            b'*' if text == "-1" => Ok(Value::NullArray),
            b'$' | b'=' => {
                let mut body = vec![0; count()? as usize + 2];
                self.stream.read_exact(&mut body)?;
                body.truncate(body.len() - 2);
                // A verbatim string begins with its format and a colon.
                Ok(if kind == b'$' { Value::Bulk(body) } else { Value::Verbatim(body.split_off(4)) })
            }
            b'*' => self.items(count()?).map(Value::Array),
            b'~' => self.items(count()?).map(Value::Set),
            b'>' => self.items(count()?).map(Value::Push),
            b'%' => {
                let pairs = (0..count()?).map(|_| Ok((self.read()?, self.read()?)));
                pairs.collect::<io::Result<_>>().map(Value::Map)
            }
            _ => Err(bad()),
        }
    }

    fn read_line(&mut self) -> io::Result<(u8, String)> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        match line.as_slice() {
            [kind, text @ .., b'\r', b'\n'] => Ok((*kind, String::from_utf8_lossy(text).into_owned())),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn items(&mut self, count: i64) -> io::Result<Vec<Value>> {
        (0..count).map(|_| self.read()).collect()
    }
}

/// A command as it is sent.
fn frame<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        frame.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        frame.extend_from_slice(word);
        frame.extend_from_slice(b"\r\n");
    }
    frame
}
