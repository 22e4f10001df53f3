//! redlet, on a clock that moves only when told to, answering in both protocols.
use std::path::Path;
use std::time::Duration;

use redlet::{Builder, Error, Fsync, ManualClock, Redis, Reply, Session, SimVfs, UnixMs};

use crate::cases;
use crate::value::{Answer, Value};

/// When the clock of a subject stands unless told otherwise: 2026-11-21.
pub const START: i64 = 1_795_237_200_000;

/// One caller of a redlet that began empty.
#[derive(Debug)]
pub struct Subject {
    redis: Redis,
    session: Session,
    clock: ManualClock,
}

impl Default for Subject {
    fn default() -> Self {
        Self::at(START)
    }
}

impl Subject {
    /// A store in memory whose clock stands at so many milliseconds since 1970.
    ///
    /// # Panics
    /// When redlet does not start.
    pub fn at(now: i64) -> Self {
        Self::built(ManualClock::at(UnixMs(now)), |builder| builder)
    }

    /// A store on disk, with this clock.
    ///
    /// # Panics
    /// When the store does not open.
    pub fn on_disk(path: &Path, clock: ManualClock) -> Self {
        Self::built(clock, |builder| builder.path(path))
    }

    /// A store on a simulated disk, which is written to before a command is answered, with this clock.
    ///
    /// # Panics
    /// When the store does not open.
    pub fn on_simulated_disk(vfs: SimVfs, clock: ManualClock) -> Self {
        const SNAPSHOT_PERCENT: u64 = 100;
        const SNAPSHOT_BYTES: u64 = 4096;
        Self::built(clock, |builder| {
            builder.path("/store").vfs(vfs).fsync(Fsync::Always).checkpoint(SNAPSHOT_PERCENT, SNAPSHOT_BYTES)
        })
    }

    fn built(clock: ManualClock, options: impl FnOnce(Builder) -> Builder) -> Self {
        let builder =
            Redis::builder().clock(clock.clone()).seed(7).shards(4).parameter("enable-debug-command", "yes");
        let redis = options(builder).build().unwrap_or_else(|error| panic!("redlet does not start: {error}"));
        Self { session: redis.session(), redis, clock }
    }

    /// Runs one command; `@advance MS` moves the clock.
    pub fn execute(&mut self, words: &[Vec<u8>]) -> Answer {
        if let Some(duration) = cases::advance(words) {
            self.advance(duration);
            let ok = Value::Status("OK".into());
            return Answer { resp3: ok.clone(), resp2: ok };
        }
        answer(self.session.execute(words))
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Ends it, so that its folder can be opened again.
    ///
    /// # Panics
    /// When what it holds cannot be written.
    pub fn close(self) {
        self.redis.close().unwrap_or_else(|error| panic!("redlet does not close: {error}"));
    }
}

/// An answer of redlet as a server would send it, in both protocols.
pub fn answer(result: Result<Reply, Error>) -> Answer {
    match result {
        Ok(reply) => Answer { resp3: value(reply.clone().into_resp3()), resp2: value(reply.into_resp2()) },
        Err(error) => {
            let error = Value::Error(error.to_string());
            Answer { resp3: error.clone(), resp2: error }
        }
    }
}

/// A reply, in whichever protocol's forms it is.
pub(crate) fn value(reply: Reply) -> Value {
    let each = |items: Vec<Reply>| items.into_iter().map(value).collect();
    match reply {
        Reply::Null => Value::Null,
        Reply::NullArray => Value::NullArray,
        Reply::Status(text) => Value::Status(text.into_owned()),
        Reply::Integer(number) => Value::Integer(number),
        number @ Reply::Double(_) => match number.into_resp2() {
            Reply::Bulk(text) => Value::Double(String::from_utf8_lossy(&text).into_owned()),
            other => unreachable!("RESP2 has numbers as text, not {other:?}"),
        },
        Reply::Decimal(digits) => Value::Double(digits),
        Reply::BigNumber(digits) => Value::BigNumber(digits.into_owned()),
        Reply::Boolean(yes) => Value::Boolean(yes),
        Reply::Bulk(bytes) => Value::Bulk(bytes.to_vec()),
        Reply::Verbatim(text) => Value::Verbatim(text.into_bytes()),
        Reply::Array(items) => Value::Array(each(items)),
        Reply::Set(items) => Value::Set(each(items)),
        Reply::Push(items) => Value::Push(each(items)),
        Reply::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (value(k), value(v))).collect()),
        Reply::Error(error) => Value::Error(error.to_string()),
        other => panic!("the wire has no form for {other:?}"),
    }
}
