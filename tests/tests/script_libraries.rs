//! Random values and random bytes through the libraries that scripts have: what redlet makes of them is what a real server does, byte for
//! byte.
//!
//! `REDLET_RANDOM_COMMANDS` sets how many, `REDLET_SEED` which ones.
use std::fmt::Write as _;

use redlet_tests::generate::Draw;
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::{setting, words};

/// Numbers where something changes, as Lua reads them.
const NUMBERS: [&str; 48] = [
    "0",
    "-0",
    "1",
    "-1",
    "15",
    "16",
    "31",
    "32",
    "-32",
    "-33",
    "127",
    "128",
    "-128",
    "-129",
    "255",
    "256",
    "32767",
    "-32769",
    "65535",
    "65536",
    "2^31-1",
    "2^31",
    "-2^31",
    "-2^31-1",
    "2^32-1",
    "2^32",
    "2^53",
    "2^53+2",
    "-2^63",
    "2^63-1024",
    "2^63",
    "2^64",
    "0.1",
    "-0.5",
    "1.5",
    "2.5",
    "1/3",
    "1e14",
    "1e15",
    "99999999999999.5",
    "1e-4",
    "1e-5",
    "1e21",
    "1e100",
    "1e300",
    "5e-324",
    "3.4028234663852886e38",
    "16777217",
];
/// Pieces of JSON, whole and broken.
const PIECES: [&str; 44] = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "[]",
    "{}",
    "\"a\":",
    "\"\":",
    "1",
    "-1.5",
    "1e5",
    "1e",
    "01",
    "0x1F",
    "-",
    "+1",
    "nan",
    "-inf",
    "1e400",
    "true",
    "false",
    "null",
    "nul",
    "\"a\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\x\"",
    "\"\\\"\"",
    "\"\\u12",
    "\"",
    " ",
    "\t",
    "\n",
    "\0",
    "\"a/b\"",
    "[1,",
    "{\"k\":[",
    "]}",
    "}]",
    "12345678901234567890",
    "x",
];
const OPTIONS: [&str; 40] = [
    "b", "B", "h", "H", "i", "I", "l", "L", "T", "f", "d", "s", "x", "c", "c0", "c3", "bc0", "i1", "i3",
    "I3", "i5", "i7", "i9", "I12", "i16", "i32", "<", ">", "!", "!1", "!2", "!4", "!16", " ", "i33", "!3",
    "z", "c9", "=", "bs",
];

/// Items of patterns, whole and broken.
const ITEMS: [&str; 44] = [
    "a", "b", "1", ".", " ", "%a", "%d", "%s", "%w", "%p", "%z", "%A", "%W", "%.", "%%", "%-", "[ab]",
    "[^a]", "[a-c]", "[%d-z]", "[]]", "[^]]", "[a-]", "[a-%%]", "[", "[a", "(", ")", "()", "(a)", "(.-)",
    "%1", "%2", "%0", "%b()", "%bab", "%b", "%f[%w]", "%f[a", "%fa", "^", "$", "%", "\0",
];
const REPLACEMENTS: [&str; 12] = ["x", "%0", "%1", "%2", "%%", "%", "%a", "", "\0", "%1%0", "%3", "yz"];

/// The source of a Lua value: tables within tables, so deep at most.
fn value(draw: &mut Draw, depth: usize, source: &mut String) {
    match draw.below(if depth == 0 { 7 } else { 12 }) {
        0 => source.push_str(draw.one_of(&["nil", "true", "false", "cjson.null"])),
        1..=3 => source.push_str(draw.one_of(&NUMBERS)),
        4 => {
            let bits = draw.below(54);
            let _ = write!(source, "{}", draw.below(1 << bits));
        }
        5 => string(draw, &[0, 1, 3, 8, 31, 32, 60], source),
        6 => {
            let _ = write!(source, "{}e{}", draw.below(1 << 53), draw.below(60) as i64 - 40);
        }
        7..=8 => table(draw, source, |draw, source| value(draw, depth - 1, source)),
        9..=10 => table(draw, source, |draw, source| {
            source.push('[');
            key(draw, source);
            source.push_str("]=");
            entry(draw, depth - 1, source);
        }),
        _ => table(draw, source, |draw, source| {
            let _ = write!(source, "[{}]=", draw.below(20));
            entry(draw, depth - 1, source);
        }),
    }
}

/// A value that is not nil: where a key had nil once, the order of keys depends on when garbage is collected.
fn entry(draw: &mut Draw, depth: usize, source: &mut String) {
    let start = source.len();
    value(draw, depth, source);
    if &source[start..] == "nil" {
        source.replace_range(start.., "0");
    }
}

fn key(draw: &mut Draw, source: &mut String) {
    match draw.below(8) {
        0 => source.push_str(draw.one_of(&["true", "1/0", "cjson.null", "1.5", "-1", "2^31", "2^53"])),
        1..=2 => source.push_str(draw.one_of(&NUMBERS)),
        // From 32 bytes on, the order of keys is not Redis's, which hashes strings otherwise than Lua.
        _ => string(draw, &[0, 1, 2, 3, 5, 8, 10], source),
    }
}

fn string(draw: &mut Draw, lengths: &[usize], source: &mut String) {
    let length = lengths[draw.below(lengths.len())];
    source.push('"');
    for _ in 0..length {
        let _ = match draw.below(6) {
            0 => write!(source, "\\{:03}", draw.below(256)),
            1 => write!(source, "{}", draw.one_of(&["\\\"", "\\\\", "/", "é", "€", "\\n"])),
            _ => write!(source, "{}", char::from(b'a' + draw.below(26) as u8)),
        };
    }
    source.push('"');
}

fn table(draw: &mut Draw, source: &mut String, mut entry: impl FnMut(&mut Draw, &mut String)) {
    source.push('{');
    for _ in 0..[0, 1, 2, 3, 5, 17][draw.below(6)] {
        entry(draw, source);
        source.push(',');
    }
    source.push('}');
}

/// JSON that is whole more often than not.
fn json(draw: &mut Draw, depth: usize, text: &mut Vec<u8>) {
    match draw.below(if depth == 0 { 4 } else { 7 }) {
        0 if draw.below(4) == 0 => text.extend_from_slice(draw.one_of(&PIECES).as_bytes()),
        0..=3 => text.extend_from_slice(
            draw.one_of(&[
                "1",
                "-2.5e3",
                "null",
                "true",
                "\"text\"",
                "\"\\u20ac\\n\"",
                "\"\"",
                "0.1",
                "1e-7",
                "[]",
                "{}",
            ])
            .as_bytes(),
        ),
        4..=5 => {
            text.push(b'[');
            for index in 0..draw.below(5) {
                text.extend_from_slice(if index == 0 { b"" } else { b"," });
                json(draw, depth - 1, text);
            }
            text.push(b']');
        }
        _ => {
            text.push(b'{');
            for index in 0..draw.below(5) {
                text.extend_from_slice(if index == 0 { b"" } else { b", " });
                text.extend_from_slice(
                    draw.one_of(&["\"a\":", "\"b\" : ", "\"\":", "\"1\":", "\"a\\nb\":"]).as_bytes(),
                );
                json(draw, depth - 1, text);
            }
            text.push(b'}');
        }
    }
}

fn bytes(draw: &mut Draw, length: usize) -> Vec<u8> {
    (0..length).map(|_| draw.below(256) as u8).collect()
}

/// `MessagePack` as far as headers go; what they promise need not come.
fn message(draw: &mut Draw) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..=draw.below(6) {
        match draw.below(6) {
            0 => message.push(draw.below(256) as u8),
            1 => message.push(0x90 + draw.below(4) as u8),
            2 => message.push(0x80 + draw.below(4) as u8),
            3 => message.push(0xC0 + draw.below(32) as u8),
            4 => {
                message.extend_from_slice(&[0xA3, b'a', b'b', b'c']);
            }
            _ => message.push(draw.below(128) as u8),
        }
        let more = draw.below(9);
        message.extend(bytes(draw, more));
    }
    message
}

/// A few items, most of them as often as there is none, one or some.
fn pattern(draw: &mut Draw) -> String {
    let anchor = ["", "", "", "^"][draw.below(4)];
    let items =
        (0..draw.below(6)).flat_map(|_| [draw.one_of(&ITEMS), ["", "", "?", "*", "+", "-"][draw.below(6)]]);
    std::iter::once(anchor).chain(items).collect()
}

/// A call of a function that matches a pattern.
fn matching(draw: &mut Draw) -> Vec<Vec<u8>> {
    let script = draw.one_of(&[
        "return {string.find(ARGV[1], ARGV[2], tonumber(ARGV[3]))}",
        "return {string.find(ARGV[1], ARGV[2], tonumber(ARGV[3]), true)}",
        "return {string.match(ARGV[1], ARGV[2], tonumber(ARGV[3]))}",
        "local all = {} for a, b in string.gmatch(ARGV[1], ARGV[2]) do all[#all + 1] = a .. tostring(b) end return all",
        "return {string.gsub(ARGV[1], ARGV[2], ARGV[4])}",
        "return {string.gsub(ARGV[1], ARGV[2], ARGV[4], tonumber(ARGV[3]))}",
        "return {string.gsub(ARGV[1], ARGV[2], function(a, b) return b or a .. a end)}",
        "return {string.gsub(ARGV[1], ARGV[2], function(a) if a == 'a' then return end return {} end)}",
        "return {string.gsub(ARGV[1], ARGV[2], {a = 'x', b = false, [1] = 'y'})}",
        "local function index(_, key) return key .. '!' end \
         return {string.gsub(ARGV[1], ARGV[2], setmetatable({a = 'x'}, {__index = index}))}",
    ]);
    let text = (0..draw.below(13)).map(|_| b"aaabbc12 ()[]-%.\0\xE9"[draw.below(18)]).collect();
    let number = (draw.below(24) as i64 - 10).to_string();
    let replacement: String = (0..draw.below(4)).map(|_| draw.one_of(&REPLACEMENTS)).collect();
    eval(script, vec![text, pattern(draw).into_bytes(), number.into_bytes(), replacement.into_bytes()])
}

fn format(draw: &mut Draw) -> String {
    (0..=draw.below(5)).map(|_| draw.one_of(&OPTIONS)).collect()
}

fn eval(script: &str, arguments: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    [b"EVAL".to_vec(), script.into(), b"0".to_vec()].into_iter().chain(arguments).collect()
}

/// A call of one of the libraries.
fn command(draw: &mut Draw) -> Vec<Vec<u8>> {
    match draw.below(11) {
        0..=1 => {
            let mut source = String::new();
            value(draw, 4, &mut source);
            let script = match draw.below(3) {
                0 => "local value = loadstring('return ' .. ARGV[1])() return cjson.encode(value)",
                1 => "local value = loadstring('return ' .. ARGV[1])() return cmsgpack.pack(value)",
                _ => {
                    "local value = loadstring('return ' .. ARGV[1])() \
                     return cmsgpack.pack(cmsgpack.unpack(cmsgpack.pack(value, value)))"
                }
            };
            eval(script, vec![source.into_bytes()])
        }
        2..=3 => {
            let mut text = Vec::new();
            json(draw, 4, &mut text);
            if draw.below(4) == 0 {
                let piece = draw.one_of(&PIECES).bytes();
                let at = draw.below(text.len() + 1);
                text.splice(at..at, piece);
            }
            let script = match draw.below(2) {
                0 => "return cjson.encode(cjson.decode(ARGV[1]))",
                _ => "return cmsgpack.pack(cjson.decode(ARGV[1]))",
            };
            eval(script, vec![text])
        }
        4 => {
            // Tables may be keys, and come in the order of their addresses.
            let script = "local function show(value) \
                          if type(value) == 'number' then return string.format('%.17g', value) end \
                          if type(value) ~= 'table' then return type(value) .. tostring(value) end \
                          local all = {} \
                          for k, v in pairs(value) do all[#all + 1] = show(k) .. '=' .. show(v) end \
                          table.sort(all) return '{' .. table.concat(all, ',') .. '}' end \
                          return show({cmsgpack.unpack(ARGV[1])}) .. show({cmsgpack.unpack_one(ARGV[1])})";
            eval(script, vec![message(draw)])
        }
        5 => {
            let length = draw.below(40);
            let script = "local values = {struct.unpack(ARGV[1], ARGV[2])} return cmsgpack.pack(values)";
            eval(script, vec![format(draw).into_bytes(), bytes(draw, length)])
        }
        6 => {
            let numbers: Vec<&str> = (0..6).map(|_| draw.one_of(&NUMBERS)).collect();
            let script = "return struct.pack(ARGV[1], loadstring('return ' .. ARGV[2])())";
            eval(script, vec![format(draw).into_bytes(), numbers.join(",").into_bytes()])
        }
        8..=10 => matching(draw),
        _ => {
            let script = "local number = struct.unpack('>d', ARGV[1]) \
                          return {tostring(number), bit.tohex(number), bit.bnot(number), cmsgpack.pack(number), \
                          cjson.encode(number), tostring(cjson.decode(cjson.encode(number)))}";
            let mut bits = bytes(draw, 8);
            if draw.below(2) == 0 {
                // Of an everyday size.
                bits[0] = 0x3F + draw.below(3) as u8;
            }
            eval(script, vec![bits])
        }
    }
}

#[test]
fn random_values_and_bytes_come_out_of_the_libraries_as_they_do_on_the_server() {
    /// Commands between two looks at the answers.
    const RUN: usize = 500;
    let Some(mut oracle) = Oracle::find() else { return };
    let (count, seed) = (setting("REDLET_RANDOM_COMMANDS", 20_000), setting("REDLET_SEED", 1));
    let mut draw = Draw::new(seed);
    let mut subject = Subject::default();
    for _ in 0..count.div_ceil(RUN as u64) {
        let commands: Vec<_> = (0..RUN).map(|_| command(&mut draw)).collect();
        let expected = oracle.answers(&commands).expect("the server answers");
        for (command, expected) in commands.iter().zip(expected) {
            let got = subject.execute(command);
            assert!(
                got == expected,
                "REDLET_SEED={seed}: {}\nexpected {}\ngot      {}",
                words::line(command),
                expected.resp3,
                got.resp3
            );
        }
    }
}
