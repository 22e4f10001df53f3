//! What a reader of the log is given: every unit once and in order, never one that a power cut takes back.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redlet_persist::{
    Error, Fsync, LogReader, RecoveryTarget, Result, SimVfs, SnapshotSource, Store, StoreOptions, Vfs,
};

const FOLDER: &str = "/store";

/// Wants nothing of what it is given.
struct Nobody;

impl RecoveryTarget for Nobody {
    fn begin(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn begin_snapshot(&self, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn begin_section(&self, _: usize, _: u64) {}

    fn load(&self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn replay(&self, _: u64, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// A snapshot of nothing.
struct Empty(u64);

impl SnapshotSource for Empty {
    fn sections(&self) -> usize {
        1
    }

    fn copy(&mut self, _: usize, _: &mut dyn FnMut(&[u8])) -> u64 {
        self.0
    }
}

/// Some ten units a segment.
fn open(vfs: &SimVfs, fsync: Fsync, keep_log_bytes: u64) -> Arc<Store> {
    let options = StoreOptions { fsync, segment_bytes: 400, keep_log_bytes, ..StoreOptions::default() };
    Arc::new(Store::open(Arc::new(vfs.clone()), Path::new(FOLDER), options, &Nobody).unwrap().0)
}

fn payload(unit: u64) -> Vec<u8> {
    format!("unit {unit}").into_bytes()
}

fn append(store: &Store, units: u64) {
    for _ in 0..units {
        let unit = store.writer().append(&payload(store.writer().last_unit() + 1));
        store.writer().commit(unit).unwrap();
    }
}

/// All that is there now.
fn read(reader: &mut LogReader) -> Vec<u64> {
    let mut units = Vec::new();
    while let Some((unit, bytes)) = reader.read().unwrap() {
        assert_eq!(bytes, payload(unit));
        units.push(unit);
    }
    units
}

#[test]
fn units_are_read_once_and_in_order_from_segment_to_segment_to_the_live_end() {
    let vfs = SimVfs::default();
    let store = open(&vfs, Fsync::No, u64::MAX);
    let mut from_the_beginning = LogReader::new(Arc::clone(&store), 1).unwrap();
    assert_eq!(read(&mut from_the_beginning), [0; 0]);
    let mut seen = Vec::new();
    for round in 0..40 {
        append(&store, 1 + round % 7);
        if round % 3 == 0 {
            store.writer().flush().unwrap();
        }
        if round % 5 == 0 {
            store.checkpoint(&mut Empty(store.writer().last_unit()), 1).unwrap();
        }
        seen.extend(read(&mut from_the_beginning));
        assert_eq!(from_the_beginning.next_unit(), store.writer().last_unit() + 1);
    }
    let last = store.writer().last_unit();
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    for unit in 1..=last + 1 {
        let mut reader = LogReader::new(Arc::clone(&store), unit).unwrap();
        assert_eq!(read(&mut reader), (unit..=last).collect::<Vec<_>>());
    }
    let ahead = LogReader::new(Arc::clone(&store), last + 2).unwrap_err();
    assert!(matches!(ahead, Error::Ahead { next, .. } if next == last + 1), "{ahead}");
}

#[test]
fn who_is_slower_than_checkpoints_is_told_what_is_left() {
    let vfs = SimVfs::default();
    let store = open(&vfs, Fsync::No, 1000);
    append(&store, 5);
    let mut slow = LogReader::new(Arc::clone(&store), 1).unwrap();
    assert_eq!(slow.read().unwrap().unwrap().0, 1);
    for _ in 0..10 {
        append(&store, 20);
        store.checkpoint(&mut Empty(store.writer().last_unit()), 1).unwrap();
    }
    // What was mapped before it was removed is there still.
    let mut units = vec![1];
    let (wanted, oldest) = loop {
        match slow.read() {
            Ok(unit) => units.push(unit.unwrap().0),
            Err(Error::Gone { wanted, oldest }) => break (wanted, oldest),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(units, (1..wanted).collect::<Vec<_>>());
    assert_eq!(oldest, store.oldest_unit().unwrap());
    let last = store.writer().last_unit();
    assert!(
        last - oldest >= 1000 / 40 - 1 && oldest > wanted,
        "a thousand bytes are kept: {oldest} of {last}"
    );
    let gone = LogReader::new(Arc::clone(&store), oldest - 1).unwrap_err();
    assert_eq!(
        gone.to_string(),
        format!(
            "unit {} of the log is no longer kept, the oldest that is kept is {oldest}; begin there, from a copy of the keys",
            oldest - 1
        )
    );
    let kept: Vec<u64> = (oldest..=last).collect();
    assert_eq!(read(&mut LogReader::new(Arc::clone(&store), oldest).unwrap()), kept);
    // It is kept when the store is opened again, too, until it is told to keep less.
    drop((slow, store));
    let store = open(&vfs, Fsync::No, 1000);
    assert_eq!(read(&mut LogReader::new(Arc::clone(&store), oldest).unwrap()), kept);
    drop(store);
    let store = open(&vfs, Fsync::No, 0);
    assert_eq!(store.oldest_unit().unwrap(), last + 1);
    assert!(matches!(LogReader::new(store, last), Err(Error::Gone { .. })));
}

/// A crash may keep any beginning of what was not synced, and tear its last frame.
#[test]
fn what_a_reader_was_given_is_there_after_a_power_cut_whatever_the_policy() {
    for fsync in Fsync::ALL {
        for seed in 0..200 {
            let vfs = SimVfs::default();
            let store = open(&vfs, fsync, u64::MAX);
            append(&store, 3 + seed % 25);
            let mut reader = LogReader::new(Arc::clone(&store), 1).unwrap();
            let given = read(&mut reader);
            append(&store, seed % 13);
            if seed % 2 == 0 {
                store.writer().flush().unwrap();
            }
            let after = vfs.after_power_cut(seed);
            let store = open(&after, fsync, u64::MAX);
            assert!(store.writer().last_unit() >= given.len() as u64);
            let mut reader = LogReader::new(Arc::clone(&store), reader.next_unit()).unwrap();
            append(&store, 4);
            let last = store.writer().last_unit();
            assert_eq!(read(&mut reader), (given.len() as u64 + 1..=last).collect::<Vec<_>>());
        }
    }
}

/// A process that is killed leaves units that the operating system has and the disk has not.
#[test]
fn units_that_a_killed_process_left_are_on_the_disk_before_a_reader_is_given_them() {
    let vfs = SimVfs::default();
    let store = open(&vfs, Fsync::No, 0);
    append(&store, 5);
    store.writer().flush().unwrap();
    // The lock is gone with the process; nothing else happens.
    let copy = SimVfs::default();
    for (name, bytes) in files(&vfs) {
        let (synced, unsynced) = bytes.split_at(if name.contains("/log-") { 24 } else { bytes.len() });
        copy.write(Path::new(&name), synced);
        copy.open_append(Path::new(&name)).unwrap().append(unsynced).unwrap();
    }
    let store = open(&copy, Fsync::No, 0);
    let given = read(&mut LogReader::new(Arc::clone(&store), 1).unwrap());
    assert_eq!(given, [1, 2, 3, 4, 5]);
    for seed in 0..20 {
        let store = open(&copy.after_power_cut(seed), Fsync::No, 0);
        assert_eq!(store.writer().last_unit(), 5);
    }
}

/// The files of a store that hold something that counts.
fn files(vfs: &SimVfs) -> Vec<(String, Vec<u8>)> {
    let names = vfs.list(Path::new(FOLDER)).unwrap();
    let paths = names.iter().map(|name| format!("{FOLDER}/{name}"));
    paths.filter_map(|path| Some((path.clone(), vfs.read(Path::new(&path))?))).collect()
}

#[test]
fn a_log_that_cannot_be_synced_is_not_read_further() {
    let vfs = SimVfs::default();
    let store = open(&vfs, Fsync::No, 0);
    append(&store, 3);
    let mut reader = LogReader::new(Arc::clone(&store), 1).unwrap();
    assert_eq!(read(&mut reader), [1, 2, 3]);
    append(&store, 1);
    vfs.fail_from(vfs.calls());
    assert!(matches!(reader.read(), Err(Error::WriteFailed(_))));
    assert!(matches!(reader.read(), Err(Error::WriteFailed(_))), "and says so each time");
}

#[test]
fn a_reader_beside_writers_and_checkpoints_misses_and_repeats_nothing() {
    let vfs = SimVfs::default();
    let store = open(&vfs, Fsync::EverySec, u64::MAX);
    let mut reader = LogReader::new(Arc::clone(&store), 1).unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (writing, is_done) = (&store, &is_done);
        let writer = scope.spawn(move || {
            for number in 0..3000 {
                append(writing, 1);
                if number % 50 == 0 {
                    writing.writer().flush().unwrap();
                }
            }
        });
        let checkpoints = scope.spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                writing.checkpoint(&mut Empty(writing.writer().last_unit()), 1).unwrap();
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 3000 {
            seen.extend(read(&mut reader));
        }
        writer.join().unwrap();
        is_done.store(true, Ordering::Relaxed);
        checkpoints.join().unwrap();
        assert_eq!(seen, (1..=3000).collect::<Vec<_>>());
    });
}
