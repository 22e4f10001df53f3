//! Sessions of a web application: a hash for each, gone half an hour after its last use.
use std::error::Error;
use std::time::Duration;

use redlet::{Commands, ManualClock, Redis, UnixMs};

const IDLE: Duration = Duration::from_mins(30);

struct Sessions {
    redis: Redis,
}

impl Sessions {
    fn begin(&self, user: &str) -> redlet::Result<String> {
        let id = format!("session:{}", self.redis.incr("sessions")?);
        self.redis.hset_mapping(&id, [("user", user), ("pages", "0")])?;
        self.redis.expire(&id, IDLE)?;
        Ok(id)
    }

    /// Counts a page and keeps the session for another half an hour; `None` if it is over.
    fn visit(&self, id: &str) -> redlet::Result<Option<(String, i64)>> {
        self.redis.transaction(&[id], |t| {
            let Some(user) = t.hget(id, "user")? else { return Ok(None) };
            let pages = t.hincrby(id, "pages", 1)?;
            t.expire(id, IDLE)?;
            Ok(Some((String::from_utf8_lossy(&user).into_owned(), pages)))
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // A clock of our own, so that half an hour passes at once.
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let sessions = Sessions { redis: Redis::builder().clock(clock.clone()).build()? };
    let ada = sessions.begin("ada")?;
    let grace = sessions.begin("grace")?;
    for minutes in [0, 20, 20, 20] {
        clock.advance(Duration::from_secs(minutes * 60));
        println!("{minutes:>2} minutes later: ada's visit {:?}", sessions.visit(&ada)?);
    }
    println!("grace comes back after an hour: {:?}", sessions.visit(&grace)?);
    println!("reclaimed: {} session", sessions.redis.tick(100).expired);
    Ok(())
}
