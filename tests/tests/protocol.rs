//! Bytes on the wire, good and bad: redlet's listener answers with the bytes that a real server answers with, and ends the
//! connection when that does.
//!
//! `REDLET_RANDOM_REQUESTS` sets how many random inputs are sent, `REDLET_SEED` which ones.
use redlet::Redis;
use redlet::server::Server;
use redlet_core::Random;
use redlet_tests::connection::{Address, exchange};
use redlet_tests::oracle::Oracle;

/// What is sent as it stands.
const INPUTS: &[&[u8]] = &[
    b"PING\r\n",
    b"PING\n",
    b"\r\n\n\r\nPING\n",
    b"*0\r\n*-1\r\n*-5\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*1\rX$4\rXPINGXXPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n:4\r\nPING",
    b"*1\r\n:4\r\nPING\r\n",
    b"*1\r\n\r\nPING\r\n",
    b"*1\r\n\0",
    b"*3\0\r\n$4\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*+1\r\n",
    b"*-0\r\n",
    b"* 1\r\n",
    b"*1 \r\n",
    b"*\r\n",
    b"*1\r\n$\r\n",
    b"*2147483647\r\n",
    b"*2147483648\r\n",
    b"*9223372036854775808\r\n",
    b"*1\r\n$536870912\r\nP",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$4\r\nPING\r\n*1\r\n$x\r\nPING\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"*2\r\n$0\r\n\r\n$1\r\na\r\n",
    b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"SET \"a\r\n",
    b"SET a\"b\" c\r\nGET ab\r\n",
    b"GET 'a'b\r\n",
    b"GET \"a\"\"b\"\r\n",
    b"ECHO 'a\\'b\\n'\r\n",
    b"ECHO \"\\x41\\x4\\n\\q\\\"\"\r\n",
    b"ECHO \x0b\x0c x\r\n",
    b"ECHO a\x0bb\tc\r\n",
    b"PING\rPING\n",
    b"PING \r\r\n",
    b"PING\0abc\r\n",
    b"\0PING\r\n",
    b"POST / HTTP/1.1\r\nHost: here\r\n\r\nPING\r\n",
    b"PING\r\nhost: here\r\nPING\r\n",
    b"QUIT\r\nPING\r\n",
    b"QUIT now\r\nPING\r\n",
    b"no such command\r\nGET\r\nGET a b\r\n",
    b"MULTI\r\nSET k 1\r\nINCR k\r\nGET\r\nEXEC\r\nEXEC\r\n",
    b"MULTI\r\nSET k 1\r\nINCR k\r\nLPUSH k 1\r\nLRANGE k 0 -1\r\nEXEC\r\nDISCARD\r\n",
    b"HELLO 4\r\nHELLO 3 AUTH\r\nSELECT 1\r\nSELECT 99\r\nDBSIZE\r\n",
    b"SUBSCRIBE a\r\nGET k\r\nPING\r\nPING x\r\nUNSUBSCRIBE\r\nPING\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE a\r\n",
    b"PSUBSCRIBE a*\r\nRESET\r\nPING\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\n",
    b"ZADD z 1.5 a 2 b inf c\r\nZRANGE z 0 -1 WITHSCORES\r\nZSCORE z a\r\nHSET h f v\r\nHGETALL h\r\nSADD s x\r\nSMEMBERS s\r\n",
    b"GET none\r\nLPOP none\r\nLPOP none 1\r\nBLPOP none 0.001\r\nMGET a b\r\nEXISTS a\r\nINCRBYFLOAT f 1.5\r\n",
];

/// What random inputs are made of: whole requests and parts of them.
const PIECES: &[&[u8]] = &[
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nval\r\n",
    b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n",
    b"*4\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"*4\r\n$6\r\nLRANGE\r\n$1\r\nl\r\n$1\r\n0\r\n$2\r\n-1\r\n",
    b"*2\r\n$4\r\nECHO\r\n$12\r\n*1\r\n$4\r\nPING\r\n",
    b"SET k 'two words'\r\n",
    b"GET k\r\n",
    b"ECHO \"a\\x00b\"\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"EXEC\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"\r\n",
    b"\n",
    b"*2\r\n",
    b"$3\r\nGET\r\n",
    b"$-1\r\n",
    b"\"",
    b"'",
    b" ",
    b"*1000000\r\n",
    b"$600000000\r\n",
];

/// Bytes that mean something, to be put in the place of others. All of them ASCII: redlet repeats a name that is no text
/// with marks in the place of its bytes.
const BYTES: &[u8] = b"*$:+-\r\n\0 '\"\\x019PG";

fn listen(redis: &Redis) -> (Server, Address) {
    let server = redis.serve("127.0.0.1:0").expect("loopback is there");
    let address = Address::Tcp(server.addresses()[0].to_string());
    (server, address)
}

/// Sends an input to both servers, which are emptied before.
fn compare(ours: &Address, theirs: &Address, input: &[u8]) -> Option<String> {
    let answers = [ours, theirs].map(|address| {
        exchange(address, b"*1\r\n$8\r\nFLUSHALL\r\n").expect("the server answers");
        exchange(address, input).expect("the server ends the connection")
    });
    let [ours, theirs] = answers.map(|answer| answer.escape_ascii().to_string());
    (ours != theirs).then(|| {
        let shown: String = input.escape_ascii().to_string().chars().take(2000).collect();
        format!("\n  {shown}\n    redlet: {ours}\n    server: {theirs}")
    })
}

#[test]
fn bytes_are_answered_as_the_server_answers_them() {
    let Some(oracle) = Oracle::find() else { return };
    let (_server, ours) = listen(&Redis::memory());
    let long = |first: &str, length: usize, last: &str| {
        [first.as_bytes(), vec![b'1'; length].as_slice(), last.as_bytes()].concat()
    };
    let longer = [
        long("", 65_536, ""),
        long("", 65_537, ""),
        long("ECHO ", 70_000, "\r\n"),
        long("", 70_000, "\r\n"),
        long("*", 65_535, ""),
        long("*", 65_536, ""),
        long("*1\r\n$", 65_535, ""),
        long("*1\r\n$", 65_536, ""),
        long("*2\r\n$4\r\nECHO\r\n$100000\r\n", 100_000, "\r\nPING\r\n"),
    ];
    let inputs = INPUTS.iter().copied().chain(longer.iter().map(Vec::as_slice));
    let differences: String = inputs.filter_map(|input| compare(&ours, oracle.address(), input)).collect();
    assert!(differences.is_empty(), "against Redis {}: {differences}", oracle.version());
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn random_bytes_are_answered_as_the_server_answers_them() {
    let Some(oracle) = Oracle::find() else { return };
    let (_server, ours) = listen(&Redis::memory());
    let (count, seed) = (setting("REDLET_RANDOM_REQUESTS", 2000), setting("REDLET_SEED", 1));
    println!("{count} random inputs, REDLET_SEED={seed}");
    let random = Random::from_seed(seed);
    let below = |bound: usize| random.below(bound as u64) as usize;
    let mut differences = String::new();
    for _ in 0..count {
        let mut input: Vec<u8> = (0..=below(8)).flat_map(|_| PIECES[below(PIECES.len())]).copied().collect();
        for _ in 0..below(4) {
            let at = below(input.len());
            match below(4) {
                0 => input.truncate(at + 1),
                1 => drop(input.remove(at)),
                2 => input.insert(at, BYTES[below(BYTES.len())]),
                _ => input[at] = BYTES[below(BYTES.len())],
            }
            if input.is_empty() {
                break;
            }
        }
        differences.extend(compare(&ours, oracle.address(), &input));
        assert!(differences.len() < 10_000, "against Redis {}: {differences}", oracle.version());
    }
    assert!(differences.is_empty(), "against Redis {}: {differences}", oracle.version());
}
