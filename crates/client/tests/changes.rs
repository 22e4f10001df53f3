//! The change feed: what it shows of commands, and when.
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use redlet::{Change, Changes, Commands, Effect, Error, Fsync, ManualClock, Position, Redis, SimVfs, UnixMs};

fn simulated(vfs: &SimVfs) -> Redis {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    Redis::builder().path("/store").vfs(vfs.clone()).clock(clock).build().unwrap()
}

/// All that is there now.
fn drain(changes: &mut Changes) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_next().unwrap()).collect()
}

/// Commands as lines, each with its unit and database.
fn lines(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| {
        let commands: Vec<String> = change
            .to_commands()
            .map(|words| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" "))
            .collect();
        let end = if change.ends_unit { "." } else { "" };
        format!("{}{end} db{} {}", change.unit, change.db, commands.join("; "))
    };
    changes.iter().map(line).collect()
}

#[test]
fn changes_are_what_commands_did_by_unit_database_and_key() {
    let redis = simulated(&SimVfs::default());
    let mut changes = redis.changes(Position(1)).unwrap();
    redis.set("a", "1").unwrap();
    redis.get("a").unwrap();
    redis.delete(["nosuch"]).unwrap();
    redis.incr("a").unwrap();
    redis.setex("b", Duration::from_secs(10), "x").unwrap();
    redis
        .transaction(&["l", "z"], |t| {
            t.rpush("l", ["x", "y"])?;
            t.zadd("z", [("m", 0.1)])?;
            t.zadd("z", [("n", f64::INFINITY)])?;
            t.lpop("l")
        })
        .unwrap();
    let other = redis.select(3).unwrap();
    other.hset("h", "f", "v").unwrap();
    other.rename("h", "h2").unwrap();
    other.move_to("h2", 0).unwrap();
    redis.swapdb(0, 3).unwrap();
    redis.flushdb().unwrap();
    redis.flushall().unwrap();
    let found = drain(&mut changes);
    assert_eq!(
        lines(&found),
        [
            "1. db0 SET a 1",
            "2. db0 SET a 2",
            "3. db0 SET b x PXAT 1795000010000",
            "4 db0 RPUSH l x",
            "4 db0 RPUSH l y",
            "4 db0 ZADD z 0.1 m",
            "4 db0 ZADD z inf n",
            "4. db0 LPOP l",
            "5. db3 HSET h f v",
            "6. db3 RENAME h h2",
            "7. db3 MOVE h2 0",
            "8. db0 SWAPDB 0 3",
            "9. db0 FLUSHDB",
            "10. db0 FLUSHALL",
        ]
    );
    assert_eq!(found[11].effect, Effect::SwapDb { first: 0, second: 3 });
    assert_eq!((&found[11].key, found[10].key.as_deref()), (&None, Some(&b"h2"[..])));
    assert_eq!(redis.position().unwrap(), Position(11));
    assert_eq!(redis.oldest_position().unwrap(), Position(1));
}

#[test]
fn a_position_is_that_of_the_first_unit_that_was_not_handed_over_whole() {
    let redis = simulated(&SimVfs::default());
    redis.set("a", "1").unwrap();
    redis.sadd("s", ["x", "y"]).unwrap();
    let mut changes = redis.changes(Position(1)).unwrap();
    assert_eq!(changes.position(), Position(1));
    changes.try_next().unwrap();
    assert_eq!(changes.position(), Position(2));
    let half = changes.try_next().unwrap().unwrap();
    assert!(!half.ends_unit);
    assert_eq!(changes.position(), Position(2));
    let mut again = redis.changes(changes.position()).unwrap();
    assert_eq!(again.try_next().unwrap().unwrap(), half);
    assert!(changes.try_next().unwrap().unwrap().ends_unit);
    assert_eq!(changes.position(), redis.position().unwrap());
    let ahead = redis.changes(Position(4)).unwrap_err();
    assert!(matches!(ahead, Error::Store(redlet::StoreError::Ahead { wanted: 4, next: 3 })), "{ahead}");
    assert!(redis.changes(Position(0)).is_err());
}

#[test]
fn keys_that_expire_by_themselves_are_changes_when_they_are_removed() {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().keep_log(1000).clock(clock.clone()).build().unwrap();
    redis.setex("k", Duration::from_secs(1), "v").unwrap();
    let mut changes = redis.changes(redis.position().unwrap()).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut changes).poll_next(&mut context).is_pending());
    clock.advance(Duration::from_secs(2));
    assert_eq!(redis.tick(100).expired, 1);
    let Poll::Ready(Some(Ok(change))) = Pin::new(&mut changes).poll_next(&mut context) else {
        panic!("the key is gone")
    };
    assert_eq!((change.key.as_deref(), &change.effect), (Some(&b"k"[..]), &Effect::Del));
    assert_eq!(changes.position(), Position(3));
}

#[test]
fn a_store_in_memory_keeps_what_it_is_told_to_and_says_what_is_gone() {
    let without = Redis::memory().changes(Position(1)).unwrap_err();
    assert_eq!(
        without.to_string(),
        "a store in memory has no log; build it with `keep_log` for its changes to be read"
    );
    assert!(Redis::memory().position().is_err() && Redis::memory().oldest_position().is_err());
    let redis = Redis::builder().keep_log(500).build().unwrap();
    let mut slow = redis.changes(Position(1)).unwrap();
    for number in 0..200 {
        redis.set("k", number).unwrap();
    }
    let oldest = redis.oldest_position().unwrap();
    assert!(oldest > Position(100) && oldest < Position(200), "{oldest}");
    let gone = slow.try_next().unwrap_err();
    assert!(
        matches!(&gone, Error::Store(redlet::StoreError::Gone { wanted: 1, oldest: told }) if *told == oldest.0),
        "{gone}"
    );
    assert!(slow.next().unwrap().is_err() && slow.next().is_none(), "as an iterator it ends");
    let kept = drain(&mut redis.changes(oldest).unwrap());
    assert_eq!(kept.len() as u64, 201 - oldest.0);
    assert_eq!(lines(&kept[kept.len() - 1..]), ["200. db0 SET k 199"]);
    // One that is longer than all that is kept leaves nothing.
    redis.set("k", "x".repeat(1000)).unwrap();
    assert_eq!(redis.oldest_position().unwrap(), redis.position().unwrap());
    assert_eq!(drain(&mut redis.changes(redis.position().unwrap()).unwrap()), []);
}

#[test]
fn a_reader_that_waits_is_woken_by_each_way_of_writing() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Fsync::ALL
        .map(|fsync| Redis::builder().path(folder.path().join(fsync.as_str())).fsync(fsync).build().unwrap());
    let in_memory = Redis::builder().keep_log(1 << 20).build().unwrap();
    for redis in stores.into_iter().chain([in_memory]) {
        let mut changes = redis.changes(redis.position().unwrap()).unwrap();
        assert_eq!(changes.next_within(Duration::ZERO).unwrap(), None);
        assert_eq!(changes.next_within(Duration::from_millis(1)).unwrap(), None);
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for change in changes.by_ref().take(300) {
                    sender.send(change.unwrap().unit).unwrap();
                }
                let last = changes.next_within(Duration::from_mins(1)).unwrap();
                assert_eq!(last.unwrap().unit, Position(301));
                assert_eq!(changes.next_within(Duration::MAX).unwrap().unwrap().unit, Position(302));
            });
            for number in 0..300_u64 {
                redis.set("k", number).unwrap();
                if number % 3 == 0 {
                    // The reader has caught up and waits, or is about to.
                    while receiver.recv().unwrap() < Position(number + 1) {}
                }
            }
            redis.pipeline().command(["SET", "k", "v"]).execute().unwrap();
            redis.transaction(&["k"], |t| t.set("k", "w")).unwrap();
        });
    }
}

/// What the feed shows while writers write and snapshots are made is what happened: counters that go up by one.
#[test]
fn a_feed_beside_writers_and_snapshots_shows_each_change_once_and_in_order() {
    const EACH: u64 = 2000;
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::builder().path(folder.path().join("store")).keep_log(1 << 30).build().unwrap();
    let mut changes = redis.changes(Position(1)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let redis = &redis;
            scope.spawn(move || (0..EACH).for_each(|_| assert!(redis.incr(format!("k{writer}")).is_ok())));
        }
        scope.spawn(|| (0..6).for_each(|_| redis.save().unwrap()));
        let mut counts = [0_u64; 2];
        for unit in 1..=2 * EACH {
            let change = changes.next().unwrap().unwrap();
            assert_eq!((change.unit, change.ends_unit), (Position(unit), true));
            let writer = usize::from(change.key.as_deref() == Some(b"k1"));
            counts[writer] += 1;
            let Effect::SetString { value, .. } = &change.effect else { panic!("{change:?}") };
            assert_eq!(**value, *counts[writer].to_string().as_bytes());
        }
    });
    assert_eq!(changes.try_next().unwrap(), None);
    // A snapshot, and then the store opened again: the log before it is still kept.
    redis.save().unwrap();
    drop((changes, redis));
    let redis = Redis::builder().path(folder.path().join("store")).keep_log(1 << 30).build().unwrap();
    assert_eq!(drain(&mut redis.changes(Position(1)).unwrap()).len() as u64, 2 * EACH);
}

#[test]
fn a_feed_goes_on_after_a_power_cut_where_its_reader_was() {
    for seed in 0..50 {
        let vfs = SimVfs::default();
        let redis = simulated(&vfs);
        let mut changes = redis.changes(Position(1)).unwrap();
        for number in 0..20 {
            redis.set("k", number).unwrap();
            if number == 10 {
                redis.save().unwrap();
            }
        }
        let given = drain(&mut changes);
        assert_eq!(given.len(), 20);
        let position = changes.position();
        for number in 20..30 {
            redis.set("k", number).unwrap();
        }
        let redis = simulated(&vfs.after_power_cut(seed));
        let left: u64 = redis.get("k").unwrap().unwrap().to_str().unwrap().parse().unwrap();
        assert!(left >= 19, "what the feed showed is not taken back");
        redis.set("k", "after").unwrap();
        let rest = drain(&mut redis.changes(position).unwrap());
        let mut wanted: Vec<String> =
            (20..=left).map(|number| format!("{}. db0 SET k {number}", number + 1)).collect();
        wanted.push(format!("{}. db0 SET k after", left + 2));
        assert_eq!(lines(&rest), wanted);
    }
}
