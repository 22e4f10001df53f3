//! redlet, on a clock that moves only when told to, answering in both protocols.
use std::sync::Arc;
use std::time::Duration;

use redlet_core::{Engine, EngineOptions, Error, ManualClock, Reply, UnixMs};

use crate::cases;
use crate::value::{Answer, Value};

/// When the clock of a subject stands unless told otherwise: 2026-11-21.
pub const START: i64 = 1_795_237_200_000;

/// A fresh, empty redlet and one caller of it.
#[derive(Debug)]
pub struct Subject {
    engine: Engine,
    clock: ManualClock,
    database: usize,
}

impl Default for Subject {
    fn default() -> Self {
        Self::at(START)
    }
}

impl Subject {
    /// An empty store whose clock stands at so many milliseconds since 1970.
    pub fn at(now: i64) -> Self {
        let clock = ManualClock::at(UnixMs(now));
        let options = EngineOptions { clock: Arc::new(clock.clone()), seed: 7, databases: 16, shards: 4 };
        Self { engine: Engine::new(options), clock, database: 0 }
    }

    /// Runs one command; `@advance MS` moves the clock.
    pub fn execute(&mut self, words: &[Vec<u8>]) -> Answer {
        if let Some(duration) = cases::advance(words) {
            self.clock.advance(duration);
            let ok = Value::Status("OK".into());
            return Answer { resp3: ok.clone(), resp2: ok };
        }
        let borrowed: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let result = self.engine.execute(self.database, &borrowed);
        if let (Ok(_), [name, index]) = (&result, borrowed.as_slice())
            && name.eq_ignore_ascii_case(b"SELECT")
        {
            // Which database a caller looks at is the caller's affair, not the engine's.
            self.database = String::from_utf8_lossy(index).parse().unwrap_or(0);
        }
        answer(result)
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
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

fn value(reply: Reply) -> Value {
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
        Reply::Boolean(yes) => Value::Boolean(yes),
        Reply::Bulk(bytes) => Value::Bulk(bytes.to_vec()),
        Reply::Verbatim(text) => Value::Verbatim(text.into_bytes()),
        Reply::Array(items) => Value::Array(each(items)),
        Reply::Set(items) => Value::Set(each(items)),
        Reply::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (value(k), value(v))).collect()),
        Reply::Error(error) => Value::Error(error.to_string()),
        other => panic!("the wire has no form for {other:?}"),
    }
}
