//! A leaderboard: scores that go up, the best ten, and who is around me.
use std::error::Error;

use redlet::{Commands, Redis, ZAddOptions, ZRangeQuery};
use redlet_examples::{is_small, timed};

fn main() -> Result<(), Box<dyn Error>> {
    let players: u64 = if is_small() { 10_000 } else { 1_000_000 };
    let redis = Redis::memory();
    let (filled, filling) = timed(|| -> redlet::Result<()> {
        let mut state = 1_u64;
        for player in 0..players {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            redis.zadd("board", [(format!("player:{player}"), (state >> 40) as f64)])?;
        }
        Ok(())
    });
    filled?;
    println!("{players} players in {filling:.1?}\n");

    let me = "player:4242";
    // Only a better score counts.
    let better = ZAddOptions::default().only_if_greater().count_changed();
    let (changed, took) = timed(|| redis.zadd_with("board", [(me, 16_700_000.0)], better));
    println!("a better score for {me}: {} changed in {took:.1?}", changed?);
    println!("a worse one: {} changed\n", redis.zadd_with("board", [(me, 5.0)], better)?);

    let (best, took) = timed(|| redis.zrange_withscores("board", ZRangeQuery::by_rank(0, 9).reverse()));
    println!("the best ten, in {took:.1?}:");
    for (place, (player, score)) in best?.iter().enumerate() {
        println!("{:>4}. {:<16} {score:>12}", place + 1, String::from_utf8_lossy(player));
    }
    let (rank, took) = timed(|| redis.zrevrank("board", me));
    let rank = rank?.ok_or("the player is on the board")? as i64;
    println!("\n{me} is number {} (found in {took:.1?}); around:", rank + 1);
    let around = ZRangeQuery::by_rank((rank - 2).max(0), rank + 2).reverse();
    for (player, score) in redis.zrange_withscores("board", around)? {
        println!("      {:<16} {score:>12}", String::from_utf8_lossy(&player));
    }
    Ok(())
}
