//! Files that a real server saves hold the same in redlet, in every way in which the server keeps values. Skipped, with a line that says so,
//! where no server is.
use std::path::Path;

use redlet::{Commands, Redis, Reply};
use redlet_tests::connection::{Connection, Protocol};
use redlet_tests::generate::Draw;
use redlet_tests::oracle::Oracle;
use redlet_tests::value::Value;
use redlet_tests::words;

/// The server, and the file that it saves.
struct Server {
    connection: Connection,
    file: std::path::PathBuf,
}

impl Server {
    fn of(oracle: &Oracle) -> Self {
        let mut connection = oracle.connect().expect("the server listens");
        connection.speak(Protocol::Resp2).expect("the server speaks RESP2");
        let mut server = Self { connection, file: "dump.rdb".into() };
        server.tell("FLUSHALL");
        server.tell("FUNCTION FLUSH");
        let Value::Array(answer) = server.tell("CONFIG GET dir") else { panic!("CONFIG GET has a list") };
        let Value::Bulk(folder) = &answer[1] else { panic!("of strings") };
        server.file = Path::new(&*String::from_utf8_lossy(folder)).join("dump.rdb");
        server
    }

    fn tell(&mut self, line: &str) -> Value {
        let words = words::parse(line).expect("the line makes sense");
        let answer = self.connection.call(&words).expect("the server answers");
        assert!(!matches!(answer, Value::Error(_)), "{line}: {answer}");
        answer
    }

    fn call(&mut self, words: &[Vec<u8>]) {
        self.connection.call(words).expect("the server answers");
    }

    /// Everything that it holds, deadlines included, as one number.
    fn digest(&mut self) -> String {
        match self.tell("DEBUG DIGEST") {
            Value::Status(digest) => digest,
            other => panic!("DEBUG DIGEST answers with {other}"),
        }
    }
}

fn digest(redis: &Redis) -> String {
    match redis.execute(&["DEBUG", "DIGEST"]) {
        Ok(Reply::Status(digest)) => digest.into_owned(),
        other => panic!("DEBUG DIGEST answers with {other:?}"),
    }
}

fn memory() -> Redis {
    Redis::builder().parameter("enable-debug-command", "yes").build().expect("the options are good")
}

/// Some of everything, small and big, in several databases.
const LINES: &str = r#"
SET text hello; SET empty ""; SET number 12345; SET byte -7; SET wide 9223372036854775807; SET float 3.14
SETRANGE long 3000 x; APPEND repeated aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
SET "\x00\xff key" "\xff\x00 value"; PFADD hll a b c d e f g
RPUSH small:list a 1 2 three 1000000 -5 ""; SADD small:intset 1 2 3 70000; SADD small:set a b 3; HSET small:hash f v g 12
ZADD small:zset 1.5 a -inf b inf c 0 d 1e300 e
GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
SET later v PX 100000000; SET much:later v PXAT 33177117420000
HSET timed f v g w h x; HPEXPIREAT timed 33177117420000 FIELDS 1 f; HPEXPIREAT timed 33177117430000 FIELDS 1 g
XADD stream 1-1 f v; XADD stream 2-1 f w g x; XADD stream 3-1 other names here too; XDEL stream 2-1
XGROUP CREATE stream group 0; XREADGROUP GROUP group ann COUNT 1 STREAMS stream >; XGROUP CREATECONSUMER stream group bob
XADD emptied 1-1 f v; XDEL emptied 1-1
SET gone v PX 1; SET gone:too v PX 1
SELECT 3; SET k of-3; RPUSH list x y z; SELECT 15; SADD s m; SELECT 0
"#;

#[test]
fn what_a_server_saves_is_there_after_the_import() {
    let Some(oracle) = Oracle::find() else { return };
    let mut server = Server::of(&oracle);
    for compression in ["yes", "no"] {
        server.tell("FLUSHALL");
        server.tell(&format!("CONFIG SET rdbcompression {compression}"));
        for line in LINES.lines().flat_map(|line| line.split(';')).filter(|line| !line.trim().is_empty()) {
            server.tell(line);
        }
        server.call(&[
            b"FUNCTION".to_vec(),
            b"LOAD".to_vec(),
            b"REPLACE".to_vec(),
            b"#!lua name=mylib\nredis.register_function('hello', function() return 'world' end)".to_vec(),
        ]);
        // A table of everything that is packed while it is small.
        for number in 0..700 {
            server.tell(&format!("HSET big:hash field:{number} {number}"));
            server.tell(&format!("SADD big:set member:{number}"));
            server.tell(&format!("SADD big:intset {}", number * 100_000));
            server.tell(&format!("ZADD big:zset {number}.25 member:{number}"));
            server.tell(&format!("RPUSH big:list element:{number} {number}"));
            server.tell(&format!("HSET big:timed field:{number} {number}"));
            server.tell(&format!("XADD big:stream {number}-1 f {number} g text:{number}"));
        }
        server.tell("HPEXPIREAT big:timed 33177117420000 FIELDS 2 field:1 field:600");
        server.tell("RPUSH big:list \"\"");
        server.call(&[b"RPUSH".to_vec(), b"big:list".to_vec(), vec![b'p'; 100_000]]);
        // The server removes no key by itself until it has saved: those that have expired are in the file.
        server.tell("DEBUG SET-ACTIVE-EXPIRE 0");
        server.tell("SET gone:later v PX 1");
        server.tell("SAVE");
        server.tell("DEBUG SET-ACTIVE-EXPIRE 1");

        let redis = memory();
        let report = redis.import_rdb(&server.file).unwrap_or_else(|error| panic!("{error}"));
        // By their names, so that the server forgets them too.
        for gone in ["gone", "gone:too", "gone:later"] {
            server.tell(&format!("GET {gone}"));
            assert_eq!(redis.get(gone).expect("a read is not refused"), None);
        }
        assert_eq!(digest(&redis), server.digest(), "rdbcompression {compression}");
        let sizes: usize = (0..16).map(|db| redis.select(db).unwrap().dbsize().unwrap()).sum();
        assert_eq!((report.keys, report.databases, report.libraries), (sizes as u64, 3, 1), "{report}");
        assert!(report.server.as_deref().is_some_and(|name| name.ends_with(oracle.version())), "{report}");
        for question in [
            "XINFO GROUPS stream",
            "XPENDING stream group",
            "XLEN emptied",
            "FUNCTION LIST",
            "PEXPIRETIME much:later",
        ] {
            let expected = server.tell(question).to_string();
            let words = question.split(' ').collect::<Vec<_>>();
            let got = redlet_tests::subject::answer(redis.session().execute(&words)).resp2.to_string();
            assert_eq!(got, expected, "{question}");
        }
    }
}

#[test]
fn many_keys_are_adopted_and_are_all_there_after_another_opening() {
    let Some(oracle) = Oracle::find() else { return };
    let mut server = Server::of(&oracle);
    server.tell("DEBUG POPULATE 200000 key 40");
    let mut draw = Draw::new(3);
    for _ in 0..2000 {
        server.tell(&format!(
            "PEXPIREAT key:{} {}",
            draw.below(200_000),
            33_177_117_420_000_usize + draw.below(1000)
        ));
    }
    server.tell("SAVE");
    let folder = tempfile::tempdir().expect("a folder for the store");
    let path = folder.path().join("app.db");
    std::fs::copy(&server.file, &path).expect("the file is there");
    let open = || {
        let builder = Redis::builder().path(&path).adopt_rdb(true).parameter("enable-debug-command", "yes");
        builder.build().unwrap_or_else(|error| panic!("{error}"))
    };
    let redis = open();
    assert_eq!(redis.adopted().map(|report| report.keys), Some(200_000));
    assert_eq!(digest(&redis), server.digest());
    redis.set("after", "v").expect("the store takes writes");
    redis.close().expect("everything is on the disk");
    let again = open();
    assert!(again.adopted().is_none());
    assert_eq!(again.dbsize().expect("a count is not refused"), 200_001);
}
