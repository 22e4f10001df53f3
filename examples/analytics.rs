//! Counts what visitors do: page views by day and hour, unique visitors, and the most read pages of a week.
use std::error::Error;

use redlet::{Commands, Redis, ZRangeQuery};
use redlet_examples::{is_small, timed};

const PAGES: [&str; 6] = ["/", "/pricing", "/docs", "/docs/install", "/blog", "/about"];

fn main() -> Result<(), Box<dyn Error>> {
    let views: u64 = if is_small() { 5_000 } else { 200_000 };
    let redis = Redis::memory();
    let (counted, took) = timed(|| -> redlet::Result<()> {
        let mut state = 7_u64;
        for _ in 0..views {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (day, hour) = (state >> 60 & 7, (state >> 50) % 24);
            let (page, visitor) = (PAGES[((state >> 20) % 21).isqrt() as usize], (state >> 33) % 900);
            redis.hincrby(format!("views:{day}"), format!("{hour:02}"), 1)?;
            redis.zincrby(format!("pages:{day}"), 1.0, page)?;
            redis.sadd(format!("visitors:{day}"), [visitor])?;
        }
        Ok(())
    });
    counted?;
    println!("{views} page views counted in {took:.1?}\n");

    println!("{:<5} {:>8} {:>9}   busiest hour", "day", "views", "visitors");
    for day in 0..7 {
        let by_hour = redis.hgetall(format!("views:{day}"))?;
        let count = |text: &[u8]| String::from_utf8_lossy(text).parse::<u64>().unwrap_or(0);
        let total: u64 = by_hour.values().map(|views| count(views)).sum();
        let busiest = by_hour.iter().max_by_key(|(hour, views)| (count(views), hour.to_vec()));
        let hour = busiest.map(|(hour, _)| String::from_utf8_lossy(hour).into_owned()).unwrap_or_default();
        println!("{day:<5} {total:>8} {:>9}   {hour}:00", redis.scard(format!("visitors:{day}"))?);
    }

    redis.zunionstore("pages:week", (0..7).map(|day| format!("pages:{day}")))?;
    println!("\nthe week's pages:");
    for (page, views) in redis.zrange_withscores("pages:week", ZRangeQuery::by_rank(0, -1).reverse())? {
        println!("  {:<16} {views:>8}", String::from_utf8_lossy(&page));
    }
    let visitors: Vec<String> = (0..7).map(|day| format!("visitors:{day}")).collect();
    println!("\nvisitors on every day: {}", redis.sintercard(&visitors, 0)?);
    Ok(())
}
