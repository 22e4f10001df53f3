//! Random commands, then the store is opened again: it holds what it held.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet::{Commands, Fsync, ManualClock, Redis, SimVfs, UnixMs};

const NAMES: [&str; 29] = [
    "SET", "APPEND", "INCR", "DEL", "EXPIRE", "PERSIST", "RENAME", "COPY", "HSET", "HDEL", "HINCRBY",
    "RPUSH", "LPUSH", "LPOP", "RPOP", "LREM", "LTRIM", "SADD", "SREM", "SPOP", "ZADD", "ZREM", "ZINCRBY",
    "FLUSHDB", "ARSET", "ARINSERT", "ARRING", "ARSEEK", "ARDELRANGE",
];
const WORDS: [&str; 8] = ["a", "b", "c", "1", "2", "-1", "x", "100"];

fn open(vfs: &SimVfs) -> Redis {
    let clock = ManualClock::at(UnixMs(1_700_000_000_000));
    let builder = Redis::builder().path("/store").vfs(vfs.clone()).clock(clock).seed(1).shards(2);
    builder.fsync(Fsync::Always).build().unwrap()
}

fn state(redis: &Redis) -> Vec<String> {
    let mut keys = redis.keys("*").unwrap();
    keys.sort();
    let show = |key| {
        let content = match redis.key_type(key).unwrap() {
            "string" => format!("{:?}", redis.get(key)),
            "list" => format!("{:?}", redis.lrange(key, 0, -1)),
            "hash" => format!(
                "{:?}",
                redis.hgetall(key).unwrap().into_iter().collect::<std::collections::BTreeMap<_, _>>()
            ),
            "set" => format!(
                "{:?}",
                redis.smembers(key).unwrap().into_iter().collect::<std::collections::BTreeSet<_>>()
            ),
            "array" => {
                format!("{:?} {:?}", redis.arscan(key, 0, u64::MAX - 1, None), redis.arnext(key))
            }
            _ => format!("{:?}", redis.zrange(key, 0, -1)),
        };
        format!("{key:?} {content} {:?}", redis.pexpiretime(key).unwrap())
    };
    keys.iter().map(show).collect()
}

fuzz_target!(|data: &[u8]| {
    let vfs = SimVfs::default();
    let redis = open(&vfs);
    for step in data.chunks(5) {
        let name = NAMES[usize::from(step[0]) % NAMES.len()];
        let words = step[1..].iter().map(|byte| WORDS[usize::from(*byte) % WORDS.len()]);
        let count = usize::from(step[0]) / NAMES.len() % 4 + 1;
        let words: Vec<&str> = std::iter::once(name).chain(words.take(count)).collect();
        let _ = redis.execute(&words);
        if step[0] == 255 {
            redis.save().unwrap();
        }
    }
    let before = state(&redis);
    drop(redis);
    assert_eq!(state(&open(&vfs)), before);
});
