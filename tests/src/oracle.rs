//! A real Redis server to compare with: found, started in private, and stopped again.
//!
//! `REDLET_ORACLE` names a server program, the Unix socket of a running server, or its `host:port`. Without it,
//! `redis-server` is looked for in `PATH`. A running server must be empty, because it is emptied again and again.
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::connection::{Address, Connection, Protocol};
use crate::value::{Answer, Value};

/// One comparison at a time: they all empty the same server.
static TURN: Mutex<()> = Mutex::new(());

/// A server, for as long as this lives.
#[derive(Debug)]
pub struct Oracle {
    connection: Connection,
    address: Address,
    version: String,
    started: Option<Started>,
    _turn: MutexGuard<'static, ()>,
}

/// A server that was started here, killed when dropped, or when this process ends in any other way.
#[derive(Debug)]
struct Started {
    /// A shell that kills the server as soon as its own input ends.
    guard: Child,
    /// Kept open, so that the server can go on writing to it.
    _output: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // An error means that it is gone already.
        let _ = self.guard.wait();
    }
}

/// What this machine offers to compare with.
enum Candidate {
    Program(PathBuf),
    Running(Address),
}

fn candidate() -> Option<Candidate> {
    let Some(named) = std::env::var_os("REDLET_ORACLE").filter(|named| !named.is_empty()) else {
        let folders = std::env::var_os("PATH")?;
        let mut programs = std::env::split_paths(&folders).map(|folder| folder.join("redis-server"));
        return programs.find(|program| program.is_file()).map(Candidate::Program);
    };
    let path = Path::new(&named);
    if path.is_file() {
        return Some(Candidate::Program(path.to_owned()));
    }
    let named_port = named.to_str().filter(|text| !path.exists() && text.contains(':'));
    Some(Candidate::Running(match named_port {
        Some(place) => Address::Tcp(place.to_owned()),
        None => Address::Socket(path.to_owned()),
    }))
}

impl Oracle {
    /// The server to compare with, or `None`, with a line that says so, when this machine has none.
    ///
    /// # Panics
    /// When a server is named but does not answer, when a running one is not empty, and in continuous integration
    /// (`CI=true`) when there is none.
    pub fn find() -> Option<Self> {
        let Some(candidate) = candidate() else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "CI compares with a real server: set REDLET_ORACLE or put redis-server into PATH"
            );
            println!("skipped: no Redis server here (set REDLET_ORACLE or put redis-server into PATH)");
            return None;
        };
        let oracle = Self::reach(&candidate).unwrap_or_else(|error| match candidate {
            Candidate::Program(program) => panic!("cannot start {}: {error}", program.display()),
            Candidate::Running(address) => panic!("cannot use the server at {address:?}: {error}"),
        });
        println!("comparing against Redis {}", oracle.version);
        Some(oracle)
    }

    fn reach(candidate: &Candidate) -> io::Result<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (address, started) = match candidate {
            Candidate::Running(address) => (address.clone(), None),
            Candidate::Program(program) => {
                let (address, started) = start(program)?;
                (address, Some(started))
            }
        };
        let mut connection = Connection::open(&address)?;
        if started.is_none()
            && connection.call(&["INFO", "keyspace"])? != Value::Bulk(b"# Keyspace\r\n".to_vec())
        {
            return Err(io::Error::other("it holds keys, and comparing would remove them"));
        }
        if started.is_some() {
            // Nobody reads what it says from now on, and it would wait for a reader once the pipe is full.
            connection.call(&["CONFIG", "SET", "loglevel", "nothing"])?;
        }
        connection.call(&["CLIENT", "SETNAME", "control"])?;
        let info = connection.call(&["INFO", "server"])?;
        let Value::Bulk(info) = info else { return Err(io::Error::other("INFO gave no text")) };
        let info = String::from_utf8_lossy(&info);
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("unknown");
        Ok(Self { connection, address, version: version.to_owned(), started, _turn: turn })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The version that it reports.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Another connection to it.
    ///
    /// # Errors
    /// It does not listen any more.
    pub fn connect(&self) -> io::Result<Connection> {
        Connection::open(&self.address)
    }

    /// Whether it was started here, so that nobody else can be looking at it.
    pub fn is_private(&self) -> bool {
        self.started.is_some()
    }

    /// Milliseconds since 1970 by the server's clock.
    ///
    /// # Errors
    /// The connection broke.
    pub fn now(&mut self) -> io::Result<i64> {
        let Value::Array(parts) = self.connection.call(&["TIME"])? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let number = |value: &Value| match value {
            Value::Bulk(digits) => String::from_utf8_lossy(digits).parse::<i64>().ok(),
            _ => None,
        };
        match parts.as_slice() {
            [seconds, micros] => number(seconds).zip(number(micros)).map(|(s, us)| s * 1000 + us / 1000),
            _ => None,
        }
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// What the server answers to these commands, from an empty keyspace on, in both protocols.
    ///
    /// # Errors
    /// The connection broke.
    pub fn answers(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Answer>> {
        let resp3 = self.answers_in(Protocol::Resp3, commands)?;
        let resp2 = self.answers_in(Protocol::Resp2, commands)?;
        Ok(resp3.into_iter().zip(resp2).map(|(resp3, resp2)| Answer { resp3, resp2 }).collect())
    }

    /// As [`Oracle::answers`], in one protocol. A command `@advance MS` lets so much time pass.
    ///
    /// # Errors
    /// The connection broke.
    pub fn answers_in(&mut self, protocol: Protocol, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Value>> {
        self.connection.speak(protocol)?;
        self.connection.call(&["FLUSHALL"])?;
        self.connection.call(&["SELECT", "0"])?;
        let mut answers = Vec::with_capacity(commands.len());
        for run in commands.split_inclusive(|words| crate::cases::advance(words).is_some()) {
            let waits = run.last().and_then(|words| crate::cases::advance(words));
            answers.extend(self.connection.pipeline(&run[..run.len() - usize::from(waits.is_some())])?);
            if let Some(duration) = waits {
                self.wait(duration)?;
                answers.push(Value::Status("OK".into()));
            }
        }
        Ok(answers)
    }

    /// The server itself waits: a list that nobody pushes to.
    fn wait(&mut self, duration: Duration) -> io::Result<()> {
        let seconds = duration.as_secs_f64().to_string();
        self.connection.call(&["BLPOP", "nobody:pushes:here", &seconds]).map(drop)
    }
}

fn start(program: &Path) -> io::Result<(Address, Started)> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("redis.sock");
    // A test that aborts drops nothing, but the system closes its end of the pipe.
    let mut guard = Command::new("sh")
        .args(["-c", "\"$@\" & server=$!; exec > /dev/null; cat; kill -9 $server", "sh"])
        .arg(program)
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--dir"])
        .arg(folder.path())
        .arg("--unixsocket")
        .arg(&socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = guard.stdout.take().map(BufReader::new);
    let mut output = output.ok_or(io::ErrorKind::BrokenPipe)?;
    let mut said = String::new();
    while !said.contains("eady to accept connections") {
        said.clear();
        if output.read_line(&mut said)? == 0 {
            return Err(io::Error::other("it ended at once"));
        }
    }
    let started = Started { guard, _output: output, _folder: folder };
    Ok((Address::Socket(socket), started))
}
