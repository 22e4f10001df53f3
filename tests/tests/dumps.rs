//! Values go from redlet to a real server and back, in every way in which either keeps them. Skipped, with a line that says so, where
//! no server is.
use redlet_core::rdb;
use redlet_tests::connection::{Connection, Protocol};
use redlet_tests::generate::Draw;
use redlet_tests::oracle::Oracle;
use redlet_tests::setting;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;

type Words = Vec<Vec<u8>>;

/// A server and redlet, which are told the same.
struct Both {
    server: Connection,
    redlet: Subject,
}

fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A command on a key, with words of any bytes after it.
fn on(name: &str, key: &str, rest: impl IntoIterator<Item = Vec<u8>>) -> Words {
    [name, key].map(|word| word.as_bytes().to_vec()).into_iter().chain(rest).collect()
}

impl Both {
    fn new(oracle: &Oracle) -> Self {
        let mut server = oracle.connect().expect("the server listens");
        server.speak(Protocol::Resp2).expect("the server speaks RESP2");
        Self { server, redlet: Subject::default() }
    }

    fn server(&mut self, command: &Words) -> Value {
        self.server.call(command).expect("the server answers")
    }

    fn redlet(&mut self, command: &Words) -> Value {
        self.redlet.execute(command).resp2
    }

    /// Tells both the same; they must answer the same.
    fn tell(&mut self, command: &Words) -> Value {
        let (expected, got) = (self.server(command), self.redlet(command));
        assert_eq!(got, expected, "{:?}", String::from_utf8_lossy(&command.join(&b' ')));
        got
    }

    fn set(&mut self, parameter: &str, value: &str) {
        self.tell(&words(&format!("CONFIG SET {parameter} {value}")));
    }

    fn dump(&mut self, key: &str) -> [Vec<u8>; 2] {
        let dump = on("DUMP", key, []);
        [self.server(&dump), self.redlet(&dump)].map(|answer| match answer {
            Value::Bulk(bytes) => bytes,
            other => panic!("DUMP answers with {other}"),
        })
    }
}

fn restore(key: &str, payload: &[u8]) -> Words {
    on("RESTORE", key, [b"0".to_vec(), payload.to_vec(), b"REPLACE".to_vec()])
}

/// What a key holds, as one number that is the same everywhere.
fn digest() -> Words {
    words("DEBUG DIGEST-VALUE k")
}

fn element(draw: &mut Draw) -> Vec<u8> {
    let repeated = |text: &str, length: usize| text.bytes().cycle().take(length).collect();
    match draw.below(8) {
        0 => Vec::new(),
        1 | 2 => {
            let bits = 1 + draw.below(63);
            let number = (draw.below(usize::MAX) >> (63 - bits)) as i64;
            (if draw.below(2) == 0 { number } else { -number }).to_string().into_bytes()
        }
        3 => (0..draw.below(80)).map(|_| draw.below(256) as u8).collect(),
        4 => repeated("abcdefg", [63, 64, 65, 300][draw.below(4)]),
        5 => repeated(draw.one_of(&["x", "xy", "hello world "]), [20, 21, 4095, 4096, 9000][draw.below(5)]),
        _ => (0..=draw.below(12)).map(|_| b'a' + draw.below(3) as u8).collect(),
    }
}

/// Makes a value of some type at `k` on both, under limits that may change on the way.
fn make_value(both: &mut Both, draw: &mut Draw) {
    for (parameter, choices) in [
        ("hash-max-listpack-entries", &["0", "4", "512"][..]),
        ("hash-max-listpack-value", &["4", "64", "10000"]),
        ("list-max-listpack-size", &["-2", "-1", "-5", "1", "4", "100"]),
        ("set-max-intset-entries", &["0", "4", "512"]),
        ("set-max-listpack-entries", &["0", "4", "128"]),
        ("set-max-listpack-value", &["4", "64", "10000"]),
        ("zset-max-listpack-entries", &["0", "4", "128"]),
        ("zset-max-listpack-value", &["4", "64", "10000"]),
        ("stream-node-max-entries", &["1", "3", "100"]),
        ("stream-node-max-bytes", &["50", "300", "4096"]),
        ("rdbcompression", &["yes", "yes", "no"]),
    ] {
        both.set(parameter, draw.one_of(choices));
    }
    both.tell(&words("FLUSHALL"));
    let kind = draw.below(7);
    let small = |draw: &mut Draw| draw.below(1000).to_string().into_bytes();
    for _ in 0..[1, 2, 5, 20, 200, 600][draw.below(6)] {
        let command = match kind {
            0 => on("SET", "k", [element(draw)]),
            1 => on(draw.one_of(&["RPUSH", "LPUSH"]), "k", [element(draw), element(draw)]),
            2 => on("SADD", "k", [element(draw)]),
            3 => on("SADD", "k", [small(draw)]),
            4 => on("HSET", "k", [element(draw), element(draw)]),
            5 => {
                let scores = ["0", "-0", "1.5", "inf", "-inf", "1e300", "0.1", "4503599627370497", "-7"];
                let score = draw.one_of(&scores).as_bytes().to_vec();
                on("ZADD", "k", [score, element(draw)])
            }
            _ => {
                let id = format!("{}-*", draw.below(3)).into_bytes();
                let name = draw.one_of(&["f", "g", "12"]).as_bytes().to_vec();
                // An ID that does not grow is refused by both.
                on("XADD", "k", [id, name, element(draw), b"h".to_vec(), element(draw)])
            }
        };
        both.tell(&command);
    }
    if kind == 4 {
        for (at, choice) in ["33177117420001", "33177117420000", "33177117490000"].into_iter().zip(1..) {
            if draw.below(3) < choice {
                let Value::Array(fields) = both.server(&words("HKEYS k")) else { panic!("HKEYS has a list") };
                let Value::Bulk(field) = &fields[draw.below(fields.len())] else { panic!("of strings") };
                let rest = [at.into(), b"FIELDS".to_vec(), b"1".to_vec(), field.clone()];
                both.tell(&on("HPEXPIREAT", "k", rest));
            }
        }
    }
    if kind == 1 && draw.below(3) == 0 {
        both.tell(&words("LPOP k"));
    }
    if kind == 6 {
        both.tell(&words("XGROUP CREATE k g 0 MKSTREAM"));
        for command in
            ["XREADGROUP GROUP g c COUNT 3 STREAMS k >", "XREADGROUP GROUP g d COUNT 2 STREAMS k >"]
        {
            both.tell(&words(command));
        }
    }
}

#[test]
fn values_go_to_a_server_and_back_in_every_encoding() {
    let Some(oracle) = Oracle::find() else { return };
    let (rounds, seed) = (setting("REDLET_DUMPS", 300), setting("REDLET_SEED", 1));
    let (mut both, mut draw) = (Both::new(&oracle), Draw::new(seed));
    for round in 0..rounds {
        make_value(&mut both, &mut draw);
        if both.tell(&words("EXISTS k")) == Value::Integer(0) {
            continue;
        }
        let at = format!("REDLET_SEED={seed}, round {round}");
        let encoding = both.tell(&words("OBJECT ENCODING k"));
        let expected = both.tell(&digest());
        let [from_server, from_redlet] = both.dump("k");
        let is_in_order = encoding != Value::Bulk(b"hashtable".to_vec());
        // When somebody was last seen is by each one's own clock.
        let is_timed = encoding == Value::Bulk(b"stream".to_vec());
        if is_in_order && !is_timed {
            assert_eq!(from_redlet, from_server, "{at}: the same bytes");
        }
        assert_eq!(both.redlet(&restore("k", &from_server)), Value::Status("OK".into()), "{at}: {encoding}");
        assert_eq!(both.server(&restore("k", &from_redlet)), Value::Status("OK".into()), "{at}: {encoding}");
        assert_eq!([both.server(&digest()), both.redlet(&digest())], [expected.clone(), expected], "{at}");
        if is_timed {
            both.tell(&words("XPENDING k g"));
            both.tell(&words("XINFO GROUPS k"));
        }
    }
}

fn spoil(value: &mut Vec<u8>, draw: &mut Draw) {
    for _ in 0..=draw.below(3) {
        if value.is_empty() {
            return;
        }
        let at = draw.below(value.len());
        match draw.below(5) {
            0 => value[at] = draw.below(256) as u8,
            1 => value[at] ^= 1 << draw.below(8),
            2 => drop(value.remove(at)),
            3 => value.insert(at, draw.below(256) as u8),
            _ => value[at] = [0, 1, 0x7f, 0x80, 0xc0, 0xf0, 0xfe, 0xff][draw.below(8)],
        }
    }
}

/// redlet may refuse more than a server: what a value reads of its own footer, scores that are half a number, IDs out of order.
#[test]
fn nothing_is_taken_for_a_value_that_a_server_refuses_after_a_thorough_look() {
    let Some(oracle) = Oracle::find() else { return };
    let (rounds, seed) = (setting("REDLET_DUMPS", 300), setting("REDLET_SEED", 1));
    let (mut both, mut draw) = (Both::new(&oracle), Draw::new(seed));
    both.set("sanitize-dump-payload", "yes");
    let ok = Value::Status("OK".into());
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..rounds {
        make_value(&mut both, &mut draw);
        if both.tell(&words("EXISTS k")) == Value::Integer(0) {
            continue;
        }
        let [payload, _] = both.dump("k");
        let value = &payload[..payload.len() - rdb::FOOTER_BYTES];
        for _ in 0..20 {
            let mut spoilt = value.to_vec();
            spoil(&mut spoilt, &mut draw);
            let command = restore("k", &rdb::seal(spoilt.clone()));
            if both.redlet(&command) != ok {
                refused += 1;
                continue;
            }
            assert_eq!(both.server(&command), ok, "REDLET_SEED={seed}: {}", spoilt.escape_ascii());
            assert_eq!(both.redlet(&digest()), both.server(&digest()), "{}", spoilt.escape_ascii());
            taken += 1;
        }
    }
    both.set("sanitize-dump-payload", "no");
    println!("{taken} were still values, {refused} were not");
    assert!(taken > 0 && refused > 0, "{taken} {refused}");
}
