//! Reads Debian's package index into a store on disk, closes it, opens it again, and answers questions from it.
//!
//! The index is the output of `apt-cache dumpavail`, some ten thousand packages; where apt is missing, an extract of it.
use std::collections::HashMap;
use std::error::Error;
use std::process::Command;
use std::time::Duration;

use redlet::{Bytes, Commands, Redis, Ttl, ZRangeQuery};
use redlet_examples::{is_small, timed};

const EXTRACT: &str = include_str!("data/packages.txt");

fn index() -> (String, &'static str) {
    if !is_small()
        && let Ok(output) = Command::new("apt-cache").arg("dumpavail").output()
        && output.status.success()
        && output.stdout.len() > EXTRACT.len()
    {
        return (String::from_utf8_lossy(&output.stdout).into_owned(), "apt-cache dumpavail");
    }
    (EXTRACT.to_owned(), "the extract that comes with this example")
}

/// The fields of one package; a line that begins with a space goes on with the one before and is left out.
fn fields(paragraph: &str) -> HashMap<&str, &str> {
    let lines = paragraph.lines().filter(|line| !line.starts_with(' '));
    lines.filter_map(|line| line.split_once(": ")).collect()
}

fn fill(redis: &Redis, index: &str) -> redlet::Result<usize> {
    let mut packages = 0;
    for package in index.split("\n\n").map(fields) {
        let (Some(name), Some(section)) = (package.get("Package"), package.get("Section")) else { continue };
        let size: f64 = package.get("Installed-Size").and_then(|size| size.parse().ok()).unwrap_or(0.0);
        let key = format!("package:{name}");
        let kept = ["Package", "Version", "Section", "Installed-Size", "Description"];
        redis.hset_mapping(&key, kept.iter().filter_map(|field| Some((*field, *package.get(field)?))))?;
        redis.sadd(format!("section:{section}"), [name])?;
        redis.zincrby("sections", 1.0, section)?;
        redis.zadd("by-size", [(name, size)])?;
        redis.incrby("installed-kib", size as i64)?;
        if section.starts_with("games") {
            // Fun does not last.
            redis.expire(&key, Duration::from_hours(1))?;
        }
        packages += 1;
    }
    Ok(packages)
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("packages.redlet");

    let ((index, source), reading) = timed(index);
    println!("{:<34} {:>9.1?}   {:.1} MB from {source}", "read the index", reading, index.len() as f64 / 1e6);

    let redis = Redis::open(&path)?;
    let (packages, filling) = timed(|| fill(&redis, &index));
    let packages = packages?;
    println!("{:<34} {filling:>9.1?}   {packages} packages, {} keys", "stored", redis.dbsize()?);
    let (saved, saving) = timed(|| redis.save());
    saved?;
    println!("{:<34} {saving:>9.1?}", "wrote a snapshot");
    redis.set("finished", "yes")?;
    let (closed, closing) = timed(|| redis.close());
    closed?;
    println!("{:<34} {closing:>9.1?}", "closed");

    let (redis, opening) = timed(|| Redis::open(&path));
    let redis = redis?;
    let report = redis.recovery().map(ToString::to_string).unwrap_or_default();
    println!("{:<34} {opening:>9.1?}   {report}", "opened again");

    let (largest, asking) =
        timed(|| redis.zrange_withscores("by-size", ZRangeQuery::by_rank(0, 4).reverse()));
    println!("\n{:<34} {asking:>9.1?}", "The largest packages:");
    for (name, size) in largest? {
        let description = redis.hget(format!("package:{}", text(&name)), "Description")?;
        let description = description.as_ref().map(text).unwrap_or_default();
        println!("  {:<28} {:>8.1} MB   {description:.50}", text(&name), size / 1024.0);
    }

    let (sections, asking) =
        timed(|| redis.zrange_withscores("sections", ZRangeQuery::by_rank(0, 4).reverse()));
    println!("\n{:<34} {asking:>9.1?}", "The biggest sections:");
    for (section, count) in sections? {
        println!("  {:<28} {count:>6} packages", text(&section));
    }

    let (found, asking) = timed(|| redis.zcount("by-size", 1024.0 * 100.0..));
    println!("\n{:<34} {asking:>9.1?}   {}", "Packages over 100 MB:", found?);
    let total = redis.get("installed-kib")?.as_ref().map(text).unwrap_or_default();
    println!(
        "{:<34} {:>9}   {:.1} GB",
        "All of them installed:",
        "",
        total.parse::<f64>()? / 1024.0 / 1024.0
    );
    if let Some(game) = redis.srandmember("section:games")?
        && let Ttl::Remaining(left) = redis.ttl(format!("package:{}", text(&game)))?
    {
        println!(
            "{:<34} {:>9}   {}, for another {} s",
            "A game, while it lasts:",
            "",
            text(&game),
            left.as_secs()
        );
    }
    Ok(())
}
