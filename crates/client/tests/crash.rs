//! A process that is killed while it writes loses nothing that was acknowledged, and no transaction in part.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use redlet::{Commands, Fsync, Redis};

const CHILD: &str = "REDLET_CRASH_CHILD";
const ROUNDS: usize = 50;

/// Not a test by itself: what the killed process runs. It says each number once it was acknowledged.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let redis = Redis::builder().path(path).fsync(Fsync::Always).checkpoint(100, 4096).build().unwrap();
    let mut out = std::io::stdout().lock();
    let first: u64 =
        redis.get("n").unwrap().map_or(0, |text| String::from_utf8_lossy(&text).parse().unwrap());
    for number in first + 1.. {
        redis
            .transaction::<_, _, redlet::Error>(&["n", "list", "twin"], |t| {
                t.set("n", number)?;
                t.rpush("list", [number])?;
                t.set("twin", number)
            })
            .unwrap();
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

fn check(path: &Path, acknowledged: u64) {
    let redis = Redis::open(path).unwrap();
    let number = |key: &str| -> u64 {
        redis.get(key).unwrap().map_or(0, |text| String::from_utf8_lossy(&text).parse().unwrap())
    };
    let held = number("n");
    assert!(held >= acknowledged, "{acknowledged} was acknowledged, {held} is there");
    assert_eq!(number("twin"), held, "a transaction was torn");
    assert_eq!(redis.llen("list").unwrap() as u64, held, "a transaction was torn");
}

#[test]
fn a_killed_writer_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wanted = 1 + round * 7 % 23;
        for line in lines {
            let line = line.unwrap();
            if let Some((_, number)) = line.split_once("acknowledged ") {
                acknowledged = number.parse().unwrap();
                wanted -= 1;
                if wanted == 0 {
                    break;
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&path, acknowledged);
    }
    assert!(acknowledged > 500, "{acknowledged}");
}
