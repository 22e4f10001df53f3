//! Where scripts are performed: on redlet, on a clock that moves only when told to, or on a real server.
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use redlet::{ManualClock, Redis, Reply, Session, UnixMs};

use crate::connection::{Connection, Protocol};
use crate::oracle::Oracle;
use crate::scripts::Step;
use crate::subject::{START, answer, value};
use crate::transcripts::{Event, Seen};
use crate::value::Value;

/// Performs scripts.
pub trait Stage {
    /// What happens in one step, as the callers see it.
    ///
    /// # Errors
    /// The connection to the server broke.
    fn perform(&mut self, step: &Step) -> io::Result<Seen>;

    /// Whether a caller is there and has no command that is not answered yet.
    fn is_ready(&self, caller: char) -> bool;

    /// What happens in all of them.
    ///
    /// # Errors
    /// As [`Stage::perform`].
    fn perform_all(&mut self, steps: &[Step]) -> io::Result<Vec<Seen>> {
        steps.iter().map(|step| self.perform(step)).collect()
    }
}

/// The callers of some steps.
pub fn callers(steps: &[Step]) -> Vec<char> {
    let mut callers: Vec<char> = steps.iter().filter_map(Step::caller).collect();
    callers.sort_unstable();
    callers.dedup();
    callers
}

/// A command's words with the numbers of callers put in for `$a`.
fn with_ids(words: &[Vec<u8>], id: impl Fn(char) -> Option<u64>) -> Vec<Vec<u8>> {
    let with_id = |word: &Vec<u8>| match word.as_slice() {
        [b'$', caller] => {
            id(char::from(*caller)).map_or_else(|| word.clone(), |id| id.to_string().into_bytes())
        }
        _ => word.clone(),
    };
    words.iter().map(with_id).collect()
}

/// What is promised of what callers received; answers first, then what came by itself, which have ways of their own.
fn promised(step: &Step, mut seen: Seen) -> Seen {
    let comparison = match step {
        Step::Run(_, case) => case.comparison,
        Step::Wait(_) | Step::Await(..) => crate::comparison::Comparison::Exact,
    };
    for (_, event) in &mut seen {
        if let Event::Received(value) = event {
            *value = comparison.promised_value(&masked(value));
        }
    }
    seen.sort_by_key(|(caller, event)| (*caller, came_by_itself(event)));
    seen
}

/// Whether a caller got it because it is subscribed to something or monitors.
fn came_by_itself(event: &Event) -> bool {
    const NAMES: [&[u8]; 9] = [
        b"message",
        b"pmessage",
        b"smessage",
        b"subscribe",
        b"psubscribe",
        b"ssubscribe",
        b"unsubscribe",
        b"punsubscribe",
        b"sunsubscribe",
    ];
    match event {
        Event::Received(Value::Push(_)) => true,
        Event::Received(Value::Array(items)) => {
            matches!(items.first(), Some(Value::Bulk(name)) if NAMES.contains(&name.as_slice()))
        }
        Event::Received(Value::Status(line)) => line.starts_with(MONITORED),
        Event::Received(_) | Event::Closed => false,
    }
}

/// How a line of MONITOR begins once its time is taken away.
const MONITORED: &str = "TIME [";

/// What depends on when and where something runs is taken out of lines about callers and commands.
fn masked(value: &Value) -> Value {
    let each = |items: &[Value]| {
        let mut items: Vec<Value> = items.iter().map(masked).collect();
        for index in 1..items.len() {
            if let Some(number) = masked_number(&items[index - 1], &items[index]) {
                items[index] = number;
            }
        }
        items
    };
    match value {
        Value::Bulk(text) if text.starts_with(b"# ") => Value::Bulk(masked_statistics(text)),
        Value::Verbatim(text) if text.starts_with(b"# ") => Value::Verbatim(masked_statistics(text)),
        Value::Bulk(text) if text.starts_with(b"id=") => Value::Bulk(masked_clients(text)),
        Value::Verbatim(text) if text.starts_with(b"id=") => Value::Verbatim(masked_clients(text)),
        Value::Status(line) => Value::Status(masked_command(line).unwrap_or_else(|| line.clone())),
        Value::Array(items) => Value::Array(each(items)),
        Value::Push(items) => Value::Push(each(items)),
        Value::Map(pairs) => Value::Map(
            pairs
                .iter()
                .map(|(key, value)| (key.clone(), masked_number(key, value).unwrap_or_else(|| masked(value))))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The number of a caller, after the name of what it is, and the modules of a server.
fn masked_number(name: &Value, value: &Value) -> Option<Value> {
    match (name, value) {
        (Value::Bulk(name), _) if name == b"id" => Some(Value::Integer(0)),
        (Value::Bulk(name), _) if name == b"modules" => Some(Value::Array(Vec::new())),
        (Value::Bulk(name), Value::Integer(number)) if name == b"redirect" => {
            Some(Value::Integer((*number).min(1)))
        }
        (Value::Bulk(name), Value::Integer(_)) if name == b"tracking-redir-broken" => Some(Value::Integer(1)),
        _ => None,
    }
}

/// Lines of CLIENT LIST: what they say about sockets, memory and time is left open.
fn masked_clients(text: &[u8]) -> Vec<u8> {
    const KEPT: [&str; 14] = [
        "name", "flags", "db", "sub", "psub", "ssub", "multi", "watch", "cmd", "user", "redir", "resp",
        "lib-name", "lib-ver",
    ];
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.contains(" name=control "));
    let masked = lines.map(|line| {
        let fields = line.split(' ').map(|field| match field.split_once('=') {
            // Callers of redlet in this process come by no Unix socket.
            Some(("flags", flags)) => match flags.replace('U', "").as_str() {
                "" => "flags=N".to_owned(),
                flags => format!("flags={flags}"),
            },
            Some(("redir", redirect)) if !redirect.starts_with(['-', '0']) => "redir=1".to_owned(),
            Some((name, _)) if !KEPT.contains(&name) => format!("{name}=?"),
            _ => field.to_owned(),
        });
        fields.collect::<Vec<_>>().join(" ") + "\n"
    });
    masked.collect::<String>().into_bytes()
}

/// Counts of INFO, by name: the times are left open. What whoever looks after the server's callers asks it itself is left out, and CLIENT
/// UNBLOCK, which the server blames for the error that it ends a wait with.
fn masked_statistics(text: &[u8]) -> Vec<u8> {
    const LEFT_OUT: [&str; 4] =
        ["errorstat_ERR", "cmdstat_client|list", "cmdstat_client|unblock", "cmdstat_info"];
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !LEFT_OUT.iter().any(|name| line.starts_with(name)));
    let mut lines: Vec<String> = lines
        .map(|line| {
            let fields = line.split(',').filter(|field| !field.starts_with("usec"));
            fields.collect::<Vec<_>>().join(",")
        })
        .collect();
    lines.sort_unstable();
    (lines.join("\n") + "\n").into_bytes()
}

/// A line of MONITOR: when the command ran and where its caller is, is left open.
fn masked_command(line: &str) -> Option<String> {
    let (time, rest) = line.split_once(" [")?;
    let (place, words) = rest.split_once("] ")?;
    let is_time = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (db, _) = place.split_once(' ')?;
    is_time.then(|| format!("{MONITORED}{db} PLACE] {words}"))
}

/// redlet, with several callers.
#[derive(Debug)]
pub struct RedletStage {
    redis: Redis,
    clock: ManualClock,
    callers: BTreeMap<char, Caller>,
    ids: BTreeMap<char, u64>,
}

#[derive(Debug)]
struct Caller {
    session: Session,
    is_blocked: bool,
    is_gone: bool,
    /// What it has sent while its last command was not answered.
    later: VecDeque<Vec<Vec<u8>>>,
}

impl RedletStage {
    /// An empty store, and callers who speak a protocol.
    ///
    /// # Panics
    /// When redlet does not start.
    pub fn open(protocol: Protocol, callers: &[char]) -> Self {
        Self::at(START, protocol, callers)
    }

    /// The same when the clock stands at so many milliseconds since 1970.
    ///
    /// # Panics
    /// When redlet does not start.
    pub fn at(now: i64, protocol: Protocol, callers: &[char]) -> Self {
        let clock = ManualClock::at(UnixMs(now));
        let builder =
            Redis::builder().clock(clock.clone()).seed(7).shards(4).parameter("enable-debug-command", "yes");
        let redis = builder.build().unwrap_or_else(|error| panic!("redlet does not start: {error}"));
        let mut come = |caller: &char| {
            let mut session = redis.session();
            session
                .execute(&["HELLO", protocol.number()])
                .unwrap_or_else(|error| panic!("redlet does not speak RESP: {error}"));
            (*caller, Caller { session, is_blocked: false, is_gone: false, later: VecDeque::new() })
        };
        let callers: BTreeMap<_, _> = callers.iter().map(&mut come).collect();
        let ids = callers.iter().map(|(name, caller)| (*name, caller.session.id())).collect();
        Self { redis, clock, callers, ids }
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.redis.tick(usize::MAX);
    }

    /// Whether what a caller runs is queued.
    pub fn is_queueing(&self, caller: char) -> bool {
        self.callers.get(&caller).is_some_and(|caller| caller.session.is_queueing())
    }

    /// Whether anybody waits.
    pub fn has_waiting(&self) -> bool {
        self.callers.values().any(|caller| caller.is_blocked)
    }

    /// What everybody receives until nobody receives anything any more.
    fn collect(&mut self) -> Seen {
        let mut seen = Seen::new();
        loop {
            let mut is_over = true;
            for (name, caller) in &mut self.callers {
                let before = caller.later.len();
                caller.go_on(|event| {
                    is_over = false;
                    seen.push((*name, event));
                });
                // What is not answered may still give others what they wait for.
                is_over &= caller.later.len() == before;
            }
            self.callers.retain(|_, caller| !caller.is_gone);
            if is_over {
                return seen;
            }
        }
    }
}

impl Caller {
    fn go_on(&mut self, mut see: impl FnMut(Event)) {
        loop {
            let answered = if self.is_blocked {
                self.session.answer()
            } else if let Some(words) = self.later.pop_front() {
                self.session.begin(&words)
            } else {
                break;
            };
            self.is_blocked = answered.is_none();
            match answered {
                None => break,
                Some(Ok(Reply::Silence)) => {}
                Some(result) => {
                    let answer = answer(result);
                    see(Event::Received(match self.protocol() {
                        Protocol::Resp2 => answer.resp2,
                        Protocol::Resp3 => answer.resp3,
                    }));
                }
            }
            if self.session.is_closing() {
                break;
            }
        }
        while let Some(push) = self.session.take_push() {
            see(Event::Received(value(match self.protocol() {
                Protocol::Resp2 => push.into_resp2(),
                Protocol::Resp3 => push.into_resp3(),
            })));
        }
        if self.session.is_closing() {
            self.is_gone = true;
            see(Event::Closed);
        }
    }

    fn protocol(&self) -> Protocol {
        if self.session.protocol().number() == 3 { Protocol::Resp3 } else { Protocol::Resp2 }
    }
}

impl Stage for RedletStage {
    fn perform(&mut self, step: &Step) -> io::Result<Seen> {
        match step {
            Step::Run(name, case) => {
                if let Some(caller) = self.callers.get_mut(name) {
                    caller.later.push_back(with_ids(&case.words, |caller| self.ids.get(&caller).copied()));
                }
            }
            Step::Wait(time) | Step::Await(_, time) => self.pass(*time),
        }
        let seen = self.collect();
        Ok(promised(step, seen))
    }

    fn is_ready(&self, caller: char) -> bool {
        self.callers.get(&caller).is_some_and(|caller| !caller.is_blocked)
    }
}

/// A real server, with several connections and one more that knows when nothing more will happen.
#[derive(Debug)]
pub struct ServerStage {
    control: Connection,
    callers: BTreeMap<char, Connection>,
    ids: BTreeMap<char, u64>,
}

impl ServerStage {
    /// Empties the server, and opens connections that speak a protocol.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn open(oracle: &Oracle, protocol: Protocol, callers: &[char]) -> io::Result<Self> {
        let mut control = oracle.connect()?;
        control.call(&["CLIENT", "SETNAME", "control"])?;
        control.call(&["FLUSHALL"])?;
        let mut stage = Self { control, callers: BTreeMap::new(), ids: BTreeMap::new() };
        for caller in callers {
            let mut connection = oracle.connect()?;
            let id = connection.call(&["CLIENT", "ID"])?;
            let Value::Integer(id) = id else { return Err(io::Error::other("CLIENT ID gave no number")) };
            connection.speak(protocol)?;
            stage.ids.insert(*caller, id as u64);
            stage.callers.insert(*caller, connection);
        }
        Ok(stage)
    }

    fn send(&mut self, name: char, words: &[Vec<u8>]) -> io::Result<()> {
        let words = with_ids(words, |caller| self.ids.get(&caller).copied());
        self.callers.get_mut(&name).map_or(Ok(()), |connection| connection.send(&words))
    }

    /// Returns when the server has done all that it was told, and has sent all that this caused.
    fn settle(&mut self) -> io::Result<()> {
        // An answer shows that everything was read that had been sent before; a second one, that everything was sent
        // because of it. What is no command is answered even while callers are kept waiting.
        for _ in 0..2 {
            self.control.call(&["settled?"])?;
        }
        Ok(())
    }

    /// Returns when a caller does not wait any more for a database to be emptied. It cannot be seen by the answer, which a caller
    /// may have asked to be left out.
    fn wait_for_flush(&mut self, name: char) -> io::Result<()> {
        let Some(id) = self.ids.get(&name).map(u64::to_string) else { return Ok(()) };
        // It has begun by then.
        self.settle()?;
        loop {
            let line = match self.control.call(&["CLIENT", "LIST", "ID", &id])? {
                Value::Bulk(line) | Value::Verbatim(line) => String::from_utf8_lossy(&line).into_owned(),
                _ => return Ok(()),
            };
            let field = |name: &str| line.split([' ', '\n']).find_map(|field| field.strip_prefix(name));
            let is_flushing = field("cmd=").is_some_and(|command| command.starts_with("flush"));
            if !is_flushing || !field("flags=").is_some_and(|flags| flags.contains('b')) {
                return Ok(());
            }
        }
    }

    fn collect(&mut self) -> io::Result<Seen> {
        let mut seen = Seen::new();
        let mut failed = None;
        self.callers.retain(|name, connection| {
            loop {
                match connection.read_sent() {
                    Ok(value) => seen.push((*name, Event::Received(value))),
                    Err(error) => match error.kind() {
                        io::ErrorKind::WouldBlock => return true,
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                            seen.push((*name, Event::Closed));
                            return false;
                        }
                        _ => {
                            failed = Some(error);
                            return false;
                        }
                    },
                }
            }
        });
        failed.map_or(Ok(seen), Err)
    }
}

/// Redis empties databases in a thread of its own and answers when that is done.
fn is_answered_later(words: &[Vec<u8>]) -> bool {
    matches!(words, [name] if name.eq_ignore_ascii_case(b"FLUSHALL") || name.eq_ignore_ascii_case(b"FLUSHDB"))
}

impl Stage for ServerStage {
    fn perform(&mut self, step: &Step) -> io::Result<Seen> {
        let mut awaited = None;
        match step {
            Step::Run(name, case) => {
                self.send(*name, &case.words)?;
                if is_answered_later(&case.words) {
                    self.wait_for_flush(*name)?;
                }
            }
            Step::Wait(time) => {
                let seconds = time.as_secs_f64().to_string();
                self.control.call(&["BLPOP", "nobody:pushes:here", &seconds])?;
            }
            Step::Await(name, _) => {
                if let Some(connection) = self.callers.get_mut(name) {
                    awaited = Some((*name, Event::Received(connection.read()?)));
                }
            }
        }
        self.settle()?;
        let seen = awaited.into_iter().chain(self.collect()?).collect();
        Ok(promised(step, seen))
    }

    fn is_ready(&self, caller: char) -> bool {
        self.callers.contains_key(&caller)
    }

    fn perform_all(&mut self, steps: &[Step]) -> io::Result<Vec<Seen>> {
        let mut all = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            all.push(match (step, steps.get(index + 1)) {
                // An answer that is awaited may be there at once.
                (Step::Run(name, case), Some(Step::Await(awaited, _))) if name == awaited => {
                    self.send(*name, &case.words)?;
                    Seen::new()
                }
                _ => self.perform(step)?,
            });
        }
        Ok(all)
    }
}
