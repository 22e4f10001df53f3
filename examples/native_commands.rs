//! A rate limiter as a command of the program's own, which clients call as they call Redis's, where others would send a script.
use std::error::Error;
use std::time::Duration;

use redlet::{Commands, Key, ManualClock, Native, Redis, Reply, UnixMs, ZRangeQuery};

/// `LIMIT key limit seconds`: takes one of so many in any stretch of so many seconds. Answers how many are left, -1 if none was to be had, and after
/// how many milliseconds there will be one.
fn limiter(redis: &Redis) -> redlet::Result<()> {
    let native = Native::new("LIMIT")
        .summary("Lets a caller do so much in a time and no more.")
        .complexity("O(log(N)), N being the limit")
        .syntax("key limit seconds");
    redis.typed_command(native, |t, (key, limit, seconds): (Key, usize, u32)| {
        let now = t.time()?;
        let now_ms = (now.seconds * 1000 + now.microseconds / 1000) as f64;
        let window_ms = f64::from(seconds) * 1000.0;
        t.zremrangebyscore(&key, ..=now_ms - window_ms)?;
        let used = t.zcard(&key)?;
        if used >= limit {
            let first = t.zrange_withscores(&key, ZRangeQuery::by_rank(0, 0))?;
            let wait_ms = first.first().map_or(0.0, |(_, at_ms)| at_ms + window_ms - now_ms);
            return Ok(vec![-1, wait_ms as i64]);
        }
        t.zadd(&key, [(format!("{now_ms}:{used}"), now_ms)])?;
        t.expire(&key, Duration::from_secs(seconds.into()))?;
        Ok(vec![(limit - used - 1) as i64, 0])
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build()?;
    limiter(&redis)?;

    println!("three in ten seconds; a request every two seconds:");
    for second in (0..24).step_by(2) {
        match redis.execute(&["LIMIT", "ada", "3", "10"])? {
            Reply::Array(answer) => match answer.as_slice() {
                [Reply::Integer(-1), Reply::Integer(wait_ms)] => {
                    println!("{second:>4} s  in {wait_ms} ms again");
                }
                [Reply::Integer(left), _] => println!("{second:>4} s  allowed, {left} left"),
                other => println!("{other:?}"),
            },
            other => println!("{other:?}"),
        }
        clock.advance(Duration::from_secs(2));
    }

    // A session is what a connection to a server has: all of Redis knows the command.
    let mut session = redis.session();
    session.execute(&["ACL", "SETUSER", "guest", "on", "nopass", "~guest:*", "+limit"])?;
    session.execute(&["AUTH", "guest", ""])?;
    println!("a guest on its own key: {:?}", session.execute(&["LIMIT", "guest:1", "1", "60"])?);
    println!("on ada's: {}", session.execute(&["LIMIT", "ada", "1", "60"]).unwrap_err());
    println!("without a limit: {}", redis.execute(&["LIMIT", "ada"]).unwrap_err());
    Ok(())
}
