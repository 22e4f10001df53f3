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

/// One connection, in one protocol at a time.
pub struct Connection {
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
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
        let (reader, writer): (Box<dyn Read + Send>, Box<dyn Write + Send>) = match address {
            #[cfg(unix)]
            Address::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                (Box::new(stream.try_clone()?), Box::new(stream))
            }
            #[cfg(not(unix))]
            Address::Socket(_) => return Err(io::ErrorKind::Unsupported.into()),
            Address::Tcp(place) => {
                let stream = TcpStream::connect(place)?;
                stream.set_nodelay(true)?;
                (Box::new(stream.try_clone()?), Box::new(stream))
            }
        };
        Ok(Self { reader: BufReader::new(reader), writer })
    }

    /// Changes the protocol of all later answers.
    ///
    /// # Errors
    /// The connection broke.
    pub fn speak(&mut self, protocol: Protocol) -> io::Result<()> {
        let version = if protocol == Protocol::Resp3 { "3" } else { "2" };
        match self.call(&["HELLO", version])? {
            Value::Error(message) => Err(io::Error::other(message)),
            _ => Ok(()),
        }
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// The connection broke.
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Value> {
        let words = words.iter().map(|word| word.as_ref().to_vec()).collect();
        let mut answers = self.pipeline(&[words])?;
        answers.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends all commands at once, then reads all answers.
    ///
    /// # Errors
    /// The connection broke.
    pub fn pipeline(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Value>> {
        let mut request = Vec::new();
        for words in commands {
            write!(request, "*{}\r\n", words.len())?;
            for word in words {
                write!(request, "${}\r\n", word.len())?;
                request.extend_from_slice(word);
                request.extend_from_slice(b"\r\n");
            }
        }
        self.writer.write_all(&request)?;
        self.writer.flush()?;
        commands.iter().map(|_| self.read()).collect()
    }

    fn read_line(&mut self) -> io::Result<(u8, String)> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        match line.as_slice() {
            [kind, text @ .., b'\r', b'\n'] => Ok((*kind, String::from_utf8_lossy(text).into_owned())),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The next thing that comes, an answer or not.
    ///
    /// # Errors
    /// The connection broke.
    pub fn read(&mut self) -> io::Result<Value> {
        let (kind, text) = self.read_line()?;
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("{}{text}", char::from(kind)));
        let count = || text.parse::<i64>().map_err(|_| bad());
        match kind {
            b'+' => Ok(Value::Status(text)),
            b'-' => Ok(Value::Error(text)),
            b':' => count().map(Value::Integer),
            b',' => Ok(Value::Double(text)),
            b'#' => Ok(Value::Boolean(text == "t")),
            b'_' => Ok(Value::Null),
            b'$' if text == "-1" => Ok(Value::Null),
            b'*' if text == "-1" => Ok(Value::NullArray),
            b'$' | b'=' => {
                let mut body = vec![0; count()? as usize + 2];
                self.reader.read_exact(&mut body)?;
                body.truncate(body.len() - 2);
                // A verbatim string begins with its format and a colon.
                Ok(if kind == b'$' { Value::Bulk(body) } else { Value::Verbatim(body.split_off(4)) })
            }
            b'*' => self.items(count()?).map(Value::Array),
            b'~' => self.items(count()?).map(Value::Set),
            b'%' => {
                let pairs = (0..count()?).map(|_| Ok((self.read()?, self.read()?)));
                pairs.collect::<io::Result<_>>().map(Value::Map)
            }
            _ => Err(bad()),
        }
    }

    fn items(&mut self, count: i64) -> io::Result<Vec<Value>> {
        (0..count).map(|_| self.read()).collect()
    }
}
