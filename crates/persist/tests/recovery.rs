//! What a store holds after every way of being cut short.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use redlet_persist::{
    Error, Fsync, RecoveryReport, RecoveryTarget, Result, SimVfs, SnapshotSource, Store, StoreOptions, Vfs,
};

const FOLDER: &str = "/store";

/// Remembers what it was given: the text of the snapshot, then the units after it.
#[derive(Debug, Default)]
struct Remembered {
    blocks: Mutex<Vec<u8>>,
    section_unit: Mutex<u64>,
    units: Mutex<Vec<(u64, Vec<u8>)>>,
}

impl RecoveryTarget for Remembered {
    fn begin(&self, engine: &str) -> Result<(), String> {
        if engine == "test" { Ok(()) } else { Err(format!("not ours: {engine}")) }
    }

    fn begin_snapshot(&self, sections: usize) -> Result<(), String> {
        if sections == 1 { Ok(()) } else { Err(format!("not ours: {sections} sections")) }
    }

    fn begin_section(&self, _: usize, unit: u64) {
        *self.section_unit.lock().unwrap() = unit;
    }

    fn load(&self, block: &[u8]) -> Result<(), String> {
        self.blocks.lock().unwrap().extend_from_slice(block);
        Ok(())
    }

    fn replay(&self, unit: u64, payload: &[u8]) -> Result<(), String> {
        if unit > *self.section_unit.lock().unwrap() {
            self.units.lock().unwrap().push((unit, payload.to_vec()));
        }
        Ok(())
    }
}

impl Remembered {
    /// Everything, as lines.
    fn lines(&self) -> Vec<String> {
        let mut text = self.blocks.lock().unwrap().clone();
        for (_, payload) in self.units.lock().unwrap().iter() {
            text.extend_from_slice(payload);
        }
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }
}

fn options(fsync: Fsync) -> StoreOptions {
    let engine = "test".into();
    StoreOptions { fsync, segment_bytes: 200, keep_log_bytes: 0, engine, ..StoreOptions::default() }
}

fn open(vfs: &SimVfs, fsync: Fsync) -> Result<(Store, RecoveryReport, Vec<String>)> {
    let target = Remembered::default();
    let (store, report) = Store::open(Arc::new(vfs.clone()), Path::new(FOLDER), options(fsync), &target)?;
    Ok((store, report, target.lines()))
}

/// What was written so far, as one section of one block.
struct Written<'w>(&'w [String], u64);

impl SnapshotSource for Written<'_> {
    fn sections(&self) -> usize {
        1
    }

    fn copy(&mut self, _: usize, sink: &mut dyn FnMut(&[u8])) -> u64 {
        sink(self.0.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().as_bytes());
        self.1
    }
}

/// Writes lines with a checkpoint in the middle; returns those that were acknowledged, and whether all went well.
fn script(vfs: &SimVfs) -> (Vec<String>, bool) {
    let (mut acknowledged, mut sent) = (Vec::new(), Vec::new());
    let mut run = || -> Result<()> {
        for round in 0..2 {
            let (store, _, held) = open(vfs, Fsync::Always)?;
            sent.clone_from(&held);
            for number in 0..8 {
                let line = format!("round {round} line {number}");
                let unit = store.writer().append(format!("{line}\n").as_bytes());
                sent.push(line.clone());
                store.writer().commit(unit)?;
                acknowledged.push(line);
                if number == 4 {
                    store.checkpoint(&mut Written(&sent, store.writer().last_unit()), 1)?;
                }
            }
            store.close()?;
        }
        Ok(())
    };
    let went_well = run().is_ok();
    (acknowledged, went_well)
}

#[test]
fn with_always_nothing_that_was_acknowledged_is_lost_whatever_call_fails_and_the_power_with_it() {
    let calls = {
        let vfs = SimVfs::default();
        assert!(script(&vfs).1);
        vfs.calls()
    };
    assert!(calls > 40, "the script is worth failing: {calls} calls");
    for call in 0..calls {
        for seed in 0..6 {
            for onwards in [false, true] {
                let vfs = SimVfs::default();
                if onwards {
                    vfs.fail_from(call);
                } else {
                    vfs.fail_at(call);
                }
                let (acknowledged, _) = script(&vfs);
                let after = vfs.after_power_cut(seed);
                let held = match open(&after, Fsync::Always) {
                    Ok((_, _, held)) => held,
                    // Before the first manifest was durable there was no store to speak of.
                    Err(Error::NotAStore { .. }) if acknowledged.is_empty() => continue,
                    Err(error) => panic!("call {call}, seed {seed}: {error}"),
                };
                let kept = held.iter().zip(&acknowledged).take_while(|(held, sent)| held == sent).count();
                assert_eq!(kept, acknowledged.len(), "call {call}, seed {seed}: {held:?}");
                assert!(held.len() <= acknowledged.len() + 1, "call {call}, seed {seed}: {held:?}");
            }
        }
    }
}

#[test]
fn after_a_failed_write_every_later_one_is_refused_with_the_first_cause() {
    let vfs = SimVfs::default();
    let (store, _, _) = open(&vfs, Fsync::Always).unwrap();
    vfs.fail_at(vfs.calls());
    let unit = store.writer().append(b"lost\n");
    let refused = store.writer().commit(unit).unwrap_err().to_string();
    assert!(refused.contains("no space left (simulated)"), "{refused}");
    assert!(store.writer().check().is_err());
    let later = store.writer().append(b"later\n");
    assert_eq!(store.writer().commit(later).unwrap_err().to_string(), refused);
}

/// A store of some units in one segment, closed.
fn closed() -> (SimVfs, PathBuf, Vec<u8>) {
    let vfs = SimVfs::default();
    let target = Remembered::default();
    let options = StoreOptions { segment_bytes: 1 << 20, ..options(Fsync::Always) };
    let (store, _) = Store::open(Arc::new(vfs.clone()), Path::new(FOLDER), options, &target).unwrap();
    for number in 0..5 {
        let unit = store.writer().append(format!("line {number}\n").as_bytes());
        store.writer().commit(unit).unwrap();
    }
    drop(store);
    let name =
        vfs.list(Path::new(FOLDER)).unwrap().into_iter().find(|name| name.starts_with("log-")).unwrap();
    let path = Path::new(FOLDER).join(name);
    let bytes = vfs.read(&path).unwrap();
    (vfs, path, bytes)
}

#[test]
fn every_prefix_of_a_log_opens_to_a_prefix_of_its_units() {
    let (vfs, path, bytes) = closed();
    let mut lengths = Vec::new();
    for length in 0..=bytes.len() {
        vfs.write(&path, &bytes[..length]);
        if length < 24 {
            // The header was on the disk before the manifest named the segment: no crash takes it away.
            let error = open(&vfs, Fsync::Always).unwrap_err();
            assert!(matches!(&error, Error::Corrupt { path: named, .. } if *named == path), "{error}");
            continue;
        }
        let (store, report, held) = open(&vfs, Fsync::Always).unwrap();
        drop(store);
        let expected: Vec<String> = (0..held.len()).map(|number| format!("line {number}")).collect();
        assert_eq!(held, expected, "{length} bytes");
        let torn = report.torn.map_or(0, |torn| torn.bytes);
        assert!(torn <= 52, "{length} bytes: {torn} were cut off");
        lengths.push(held.len());
    }
    assert!(lengths.is_sorted() && lengths.last() == Some(&5));
}

#[test]
fn a_flipped_bit_is_damage_or_the_torn_end_and_never_other_data() {
    let (vfs, path, bytes) = closed();
    let whole: Vec<String> = (0..5).map(|number| format!("line {number}")).collect();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            vfs.write(&path, &damaged);
            match open(&vfs, Fsync::Always) {
                Ok((store, report, held)) => {
                    drop(store);
                    assert_eq!(held, whole[..4], "byte {at}, bit {bit}");
                    assert!(report.torn.is_some(), "byte {at}, bit {bit}");
                }
                Err(Error::Corrupt { path: named, .. } | Error::UnsupportedVersion { path: named, .. }) => {
                    assert_eq!(named, path);
                }
                Err(error) => panic!("byte {at}, bit {bit}: {error}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_a_snapshot_or_the_manifest_refuses_to_open() {
    let (vfs, _, _) = closed();
    let (store, _, held) = open(&vfs, Fsync::Always).unwrap();
    store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap();
    drop(store);
    for name in vfs.list(Path::new(FOLDER)).unwrap() {
        if !name.starts_with("snapshot-") && name != "MANIFEST" {
            continue;
        }
        let path = Path::new(FOLDER).join(&name);
        let bytes = vfs.read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            vfs.write(&path, &damaged);
            assert!(open(&vfs, Fsync::Always).is_err(), "{name}, byte {at}");
        }
        vfs.write(&path, &bytes);
    }
    assert_eq!(open(&vfs, Fsync::Always).unwrap().2, held);
}

#[test]
fn a_file_that_was_removed_is_missed_by_its_name_instead_of_an_older_state_being_shown() {
    let vfs = SimVfs::default();
    let (store, _, _) = open(&vfs, Fsync::Always).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for number in 0..60 {
        lines.push(format!("line {number}"));
        let unit = store.writer().append(format!("line {number}\n").as_bytes());
        store.writer().commit(unit).unwrap();
        if number == 20 {
            store.checkpoint(&mut Written(&lines, unit), 1).unwrap();
        }
    }
    drop(store);
    let names = vfs.list(Path::new(FOLDER)).unwrap();
    assert!(names.iter().filter(|name| name.starts_with("log-")).count() > 3, "{names:?}");
    for name in names.iter().filter(|name| name.starts_with("log-") || name.starts_with("snapshot-")) {
        let path = Path::new(FOLDER).join(name);
        let bytes = vfs.read(&path).unwrap();
        vfs.remove(&path).unwrap();
        let error = open(&vfs, Fsync::Always).unwrap_err();
        assert!(matches!(&error, Error::Missing { path: named, .. } if *named == path), "{name}: {error}");
        vfs.write(&path, &bytes);
    }
    assert_eq!(open(&vfs, Fsync::Always).unwrap().2, lines);
}

/// A failed SAVE on a full disk left an empty segment, and opening insisted on writing its header.
#[test]
fn a_store_on_a_full_disk_opens_with_all_that_was_acknowledged_and_refuses_writes_with_the_reason() {
    let calls = {
        let vfs = SimVfs::default();
        assert!(script(&vfs).1);
        vfs.calls()
    };
    let mut opened = 0;
    for call in 0..calls {
        let vfs = SimVfs::default();
        vfs.fail_from(call);
        let (acknowledged, _) = script(&vfs);
        if vfs.read(&Path::new(FOLDER).join("MANIFEST")).is_none() {
            assert!(acknowledged.is_empty(), "call {call}");
            continue;
        }
        let (store, report, held) =
            open(&vfs, Fsync::Always).unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert_eq!(held[..acknowledged.len()], acknowledged, "call {call}");
        let refused = store.writer().check().err().unwrap_or_else(|| {
            let unit = store.writer().append(
                b"more
",
            );
            store.writer().commit(unit).unwrap_err()
        });
        assert!(refused.to_string().contains("no space left (simulated)"), "call {call}: {refused}");
        assert!(report.torn.is_none() || report.unwritable.is_some(), "call {call}: {report}");
        opened += 1;
    }
    assert!(opened > 40, "{opened} of {calls} were stores");
}

#[test]
fn a_checkpoint_that_fails_leaves_the_store_as_it_was_and_taking_writes() {
    for denied in ["log-", "snapshot-", "MANIFEST"] {
        let (vfs, _, _) = closed();
        let (store, _, mut held) = open(&vfs, Fsync::Always).unwrap();
        vfs.deny(Some(denied));
        let error = store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{denied}: {error}");
        for number in 5..40 {
            let unit = store.writer().append(
                format!(
                    "line {number}
"
                )
                .as_bytes(),
            );
            store.writer().commit(unit).unwrap();
            held.push(format!("line {number}"));
        }
        drop(store);
        let (store, report, again) = open(&vfs, Fsync::Always).unwrap();
        assert_eq!(again, held, "{denied}");
        assert!(report.is_clean(), "{denied}: {report}");
        vfs.deny(None);
        store.checkpoint(&mut Written(&again, store.writer().last_unit()), 1).unwrap();
        drop(store);
        assert_eq!(open(&vfs, Fsync::Always).unwrap().2, held, "{denied}");
    }
}

/// Each try began a segment: a store whose snapshots failed had 220 files after three seconds.
#[test]
fn checkpoints_that_fail_one_after_the_other_share_a_segment() {
    let (vfs, _, _) = closed();
    let (store, _, mut held) = open(&vfs, Fsync::Always).unwrap();
    vfs.deny(Some("snapshot-"));
    let files = |vfs: &SimVfs| vfs.list(Path::new(FOLDER)).unwrap().len();
    let before = files(&vfs);
    for number in 5..9 {
        store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap_err();
        let unit = store.writer().append(format!("line {number}\n").as_bytes());
        store.writer().commit(unit).unwrap();
        held.push(format!("line {number}"));
    }
    assert_eq!(files(&vfs), before + 1);
    vfs.deny(None);
    store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap();
    let unit = store.writer().append(b"line 9\n");
    store.writer().commit(unit).unwrap();
    held.push("line 9".to_owned());
    let logged = store.writer().log_bytes();
    drop(store);
    let (store, report, again) = open(&vfs, Fsync::Always).unwrap();
    assert_eq!(again, held);
    assert!(report.snapshot.is_some() && report.is_clean(), "{report}");
    assert_eq!(store.writer().log_bytes(), logged);
}

#[test]
fn a_folder_where_a_snapshot_would_be_written_is_reported_and_another_name_taken() {
    let (vfs, _, _) = closed();
    let in_the_way = Path::new(FOLDER).join("snapshot-00000000000000000001.tmp");
    vfs.create_dir_all(&in_the_way).unwrap();
    let (store, report, held) = open(&vfs, Fsync::Always).unwrap();
    assert_eq!(report.left_over, std::slice::from_ref(&in_the_way));
    let next = Path::new(FOLDER).join("snapshot-00000000000000000002.tmp");
    vfs.create_dir_all(&next).unwrap();
    store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap_err();
    store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap();
    drop(store);
    let (_, report, again) = open(&vfs, Fsync::Always).unwrap();
    assert_eq!(again, held);
    assert_eq!(report.left_over, [in_the_way, next]);
}

#[test]
fn a_segment_that_was_begun_and_has_no_header_is_taken_away() {
    for beginning in [0, 10] {
        let (vfs, path, bytes) = closed();
        let begun = Path::new(FOLDER).join("log-00000000000000000006");
        vfs.write(&begun, &bytes[..beginning]);
        // The write before it may have been cut off as well.
        vfs.write(&path, &bytes[..bytes.len() - 1]);
        let (store, _, held) = open(&vfs, Fsync::Always).unwrap();
        assert_eq!(held, ["line 0", "line 1", "line 2", "line 3"]);
        assert_eq!(vfs.read(&begun), None);
        let unit = store.writer().append(
            b"line 4 again
",
        );
        store.writer().commit(unit).unwrap();
        drop(store);
        assert_eq!(open(&vfs, Fsync::Always).unwrap().2.last().unwrap(), "line 4 again");
    }
}

#[test]
fn a_snapshot_that_does_not_read_back_never_replaces_the_log() {
    let (vfs, _, _) = closed();
    let (store, _, held) = open(&vfs, Fsync::Always).unwrap();
    vfs.garble("snapshot-");
    let error = store.checkpoint(&mut Written(&held, store.writer().last_unit()), 1).unwrap_err();
    assert!(matches!(error, Error::NotReadBack { .. }), "{error}");
    let unit = store.writer().append(b"line 5\n");
    store.writer().commit(unit).unwrap();
    drop(store);
    let (_, report, again) = open(&vfs, Fsync::Always).unwrap();
    assert_eq!(report.snapshot, None);
    assert_eq!(again, [&held[..], &["line 5".to_owned()]].concat());
}

#[test]
fn callers_who_wait_together_share_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let target = Remembered::default();
    let vfs: Arc<dyn Vfs> = Arc::new(redlet_persist::RealVfs);
    let options = StoreOptions { segment_bytes: 1 << 20, ..options(Fsync::Always) };
    let (store, _) = Store::open(vfs, &folder.path().join("store"), options, &target).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let writer = store.writer();
            scope.spawn(move || {
                for number in 0..50 {
                    let unit = writer.append(format!("thread {thread} line {number}\n").as_bytes());
                    writer.commit(unit).unwrap();
                    assert!(
                        !(writer.last_unit() == unit && writer.has_unsynced()),
                        "acknowledged and not synced"
                    );
                }
            });
        }
    });
    assert_eq!(store.writer().last_unit(), 800);
    assert!(!store.writer().has_unsynced());
}

/// Writers used to wait for the file, and so for a sync of it, once 8 MiB had come in.
#[test]
fn with_everysec_a_slow_disk_keeps_no_writer_waiting() {
    let (vfs, target) = (SimVfs::default(), Remembered::default());
    let options = StoreOptions { segment_bytes: 1 << 20, ..options(Fsync::EverySec) };
    let (store, _) = Store::open(Arc::new(vfs.clone()), Path::new(FOLDER), options, &target).unwrap();
    let (writer, line) = (store.writer(), [vec![b'x'; 64 << 10], vec![b'\n']].concat());
    let was_done = std::thread::scope(|scope| {
        let held = vfs.hold_syncs();
        writer.append(b"first\n");
        let before = vfs.calls();
        let syncing = scope.spawn(|| writer.sync());
        while vfs.calls() == before {
            std::thread::yield_now();
        }
        let (done, is_done) = std::sync::mpsc::channel();
        let line = &line;
        scope.spawn(move || {
            for _ in 0..200 {
                let unit = writer.append(line);
                writer.commit(unit).unwrap();
            }
            done.send(()).unwrap();
        });
        let was_done = is_done.recv_timeout(std::time::Duration::from_secs(20)).is_ok();
        assert!(writer.has_unsynced());
        drop(held);
        syncing.join().unwrap().unwrap();
        was_done
    });
    assert!(was_done, "a writer waited for the disk");
    store.close().unwrap();
    let (store, report, lines) = open(&vfs.after_power_cut(1), Fsync::EverySec).unwrap();
    assert_eq!((report.units, lines.len(), store.writer().has_unsynced()), (201, 201, false));
}

#[test]
fn a_unit_longer_than_a_chunk_of_the_buffer_keeps_its_place_among_others() {
    let vfs = SimVfs::default();
    let target = Remembered::default();
    let options = StoreOptions { segment_bytes: 8 << 20, ..options(Fsync::No) };
    let (store, _) = Store::open(Arc::new(vfs.clone()), Path::new(FOLDER), options, &target).unwrap();
    let lengths = [1, 300_000, 5, 100_000, 100_000, 100_000, 262_120, 262_121, 7, 1_000_000, 3];
    for round in 0..3 {
        for length in lengths {
            store.writer().append(format!("{}\n", "x".repeat(length + round)).as_bytes());
        }
        store.writer().flush().unwrap();
    }
    store.close().unwrap();
    let (_, _, lines) = open(&vfs, Fsync::No).unwrap();
    let wanted: Vec<usize> =
        (0..3).flat_map(|round| lengths.into_iter().map(move |length| length + round)).collect();
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), wanted);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let vfs = SimVfs::default();
    vfs.create_dir_all(Path::new(FOLDER)).unwrap();
    vfs.write(&Path::new(FOLDER).join("notes.txt"), b"mine");
    let error = open(&vfs, Fsync::Always).unwrap_err();
    assert!(matches!(error, Error::NotAStore { .. }), "{error}");
    assert_eq!(vfs.list(Path::new(FOLDER)).unwrap(), ["notes.txt"]);

    // Other programs have files of that name, as the sources of Perl packages do.
    for foreign in [&b"Manifest-Version: 1.0\n"[..], b"", b"\xff\xfe"] {
        let vfs = SimVfs::default();
        vfs.create_dir_all(Path::new(FOLDER)).unwrap();
        vfs.write(&Path::new(FOLDER).join("MANIFEST"), foreign);
        let calls = vfs.calls();
        let error = open(&vfs, Fsync::Always).unwrap_err();
        assert!(matches!(error, Error::NotAStore { .. }), "{error}");
        assert_eq!((vfs.list(Path::new(FOLDER)).unwrap(), vfs.calls()), (vec!["MANIFEST".to_owned()], calls));
    }

    let vfs = SimVfs::default();
    vfs.create_dir_all(&Path::new(FOLDER).join("MANIFEST")).unwrap();
    vfs.create_dir_all(Path::new(FOLDER)).unwrap();
    let error = open(&vfs, Fsync::Always).unwrap_err();
    assert!(matches!(error, Error::NotAStore { .. }), "{error}");
    assert_eq!(vfs.list(Path::new(FOLDER)).unwrap(), ["MANIFEST"]);

    let vfs = SimVfs::default();
    vfs.write(Path::new(FOLDER), b"a file");
    let error = open(&vfs, Fsync::Always).unwrap_err().to_string();
    assert!(error.contains("it is a file; a store is a folder"), "{error}");
}

#[test]
fn a_store_that_may_not_be_written_to_is_refused_with_what_to_do() {
    let (vfs, _, _) = closed();
    vfs.make_read_only();
    let error = open(&vfs, Fsync::Always).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    assert!(error.to_string().starts_with("the store at /store may not be written to"), "{error}");
}

#[test]
fn a_store_that_is_open_cannot_be_opened_again() {
    let (vfs, _, _) = closed();
    let held = open(&vfs, Fsync::Always).unwrap();
    let error = open(&vfs, Fsync::Always).unwrap_err();
    assert!(matches!(error, Error::AlreadyOpen { .. }), "{error}");
    drop(held);
    open(&vfs, Fsync::Always).unwrap();
}
