//! Lets a caller do so much in a time and no more: a fixed window, and a sliding one.
use std::error::Error;
use std::time::Duration;

use redlet::{Commands, ManualClock, Redis, UnixMs};

/// So many in each window of time: a counter that expires with its window.
fn fixed(redis: &Redis, who: &str, limit: i64, window: Duration) -> redlet::Result<bool> {
    let key = format!("fixed:{who}");
    redis.transaction(&[&key], |t| {
        let used = t.incr(&key)?;
        if used == 1 {
            t.expire(&key, window)?;
        }
        Ok(used <= limit)
    })
}

/// So many in any stretch of time: the moments of the last ones, in a sorted set.
fn sliding(redis: &Redis, who: &str, limit: usize, window: Duration, now: UnixMs) -> redlet::Result<bool> {
    let key = format!("sliding:{who}");
    redis.transaction(&[&key], |t| {
        let begin = now.0 as f64 - window.as_millis() as f64;
        t.zremrangebyscore(&key, ..=begin)?;
        let allowed = t.zcard(&key)? < limit;
        if allowed {
            t.zadd(&key, [(format!("{}:{}", now.0, t.zcard(&key)?), now.0 as f64)])?;
            t.expire(&key, window)?;
        }
        Ok(allowed)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build()?;
    let window = Duration::from_secs(10);
    println!("three in ten seconds; a request every two seconds:");
    println!("{:>4}  {:<8} {:<8}", "s", "fixed", "sliding");
    let shown = |allowed: bool| if allowed { "allowed" } else { "-" };
    for second in (0..24).step_by(2) {
        let now = redlet::Clock::now(&clock);
        let (fixed, sliding) = (fixed(&redis, "ada", 3, window)?, sliding(&redis, "ada", 3, window, now)?);
        println!("{second:>4}  {:<8} {:<8}", shown(fixed), shown(sliding));
        clock.advance(Duration::from_secs(2));
    }
    Ok(())
}
