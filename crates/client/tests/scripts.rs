//! Scripts in a program: what they lock, what the log has of them, what ends them.
#![cfg(feature = "lua")]
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use redlet::{Bytes, Commands, Error, Fsync, Redis, Reply, RestorePolicy, SimVfs};

const NONE: [&str; 0] = [];

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

fn simulated(vfs: &SimVfs) -> Redis {
    Redis::builder().path("store").vfs(vfs.clone()).fsync(Fsync::Always).build().unwrap()
}

#[test]
fn what_a_script_answers_with_comes_as_what_is_asked_for() {
    let redis = Redis::memory();
    let answer = |source: &str| redis.script(source).unwrap();
    assert_eq!(answer("return 3.99").run::<i64>().unwrap(), 3);
    assert_eq!(answer("return false").run::<Option<String>>().unwrap(), None);
    assert_eq!(
        answer("return {1, 'two', {3}}").run::<(u8, String, Vec<i64>)>().unwrap(),
        (1, "two".into(), vec![3])
    );
    redis.hset_mapping("h", [("a", "1"), ("b", "2")]).unwrap();
    let all: BTreeMap<String, i32> = answer("return redis.call('HGETALL', KEYS[1])").key("h").run().unwrap();
    assert_eq!(all, BTreeMap::from([("a".into(), 1), ("b".into(), 2)]));
    let wrong = refusal(answer("return {1}").run::<bool>());
    assert_eq!(wrong, "the reply is not yes or no: Array([Integer(1)])");
    let script = answer("return {ARGV[1], ARGV[2], #KEYS}");
    redis.script_flush().unwrap();
    let with_flushed = script.arg(1.5).arg(b"\xff".as_slice()).key("k").run::<(f64, Bytes, usize)>().unwrap();
    assert_eq!(with_flushed, (1.5, Bytes::copy_from_slice(b"\xff"), 1));
    let raised = refusal(answer("\nerror({err = 'MINE it is'})").run::<()>());
    assert!(
        raised.starts_with("MINE it is script: ") && raised.ends_with(", on @user_script:2."),
        "{raised}"
    );
}

#[test]
fn a_script_locks_what_it_needs_and_nobody_waits_for_ever() {
    const ACCOUNTS: u64 = 40;
    const TOTAL: i64 = 40 * 100;
    let redis = Redis::memory();
    for account in 0..ACCOUNTS {
        redis.set(format!("account:{account}"), 100).unwrap();
    }
    // Neither key is declared, both are read first, and the first is in any shard.
    let undeclared = "local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
        if tonumber(redis.call('GET', from)) < 1 then return redis.call('EXISTS', to) end
        redis.call('DECR', from) redis.call('INCR', to) return 0";
    let declared =
        "#!lua flags=declared-keys\nredis.call('DECR', KEYS[1]) redis.call('INCR', KEYS[2]) return 0";
    let sum = "local sum = 0 for i = 0, 39 do sum = sum + redis.call('GET', 'account:' .. i) end return sum";
    let (undeclared, declared, sum) =
        (redis.script(undeclared).unwrap(), redis.script(declared).unwrap(), redis.script(sum).unwrap());
    thread::scope(|scope| {
        for seed in 0..4_u64 {
            let (redis, undeclared, declared, sum) = (&redis, &undeclared, &declared, &sum);
            scope.spawn(move || {
                let mut random = seed + 1;
                for turn in 0..1500 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let (from, to) = (random >> 33 & 0xffff, random >> 49);
                    let (from, to) = (from % ACCOUNTS, to % ACCOUNTS);
                    let keys = [format!("account:{from}"), format!("account:{to}")];
                    match turn % 4 {
                        0 => assert_eq!(sum.run::<i64>().unwrap(), TOTAL),
                        1 => drop(declared.key(&keys[0]).key(&keys[1]).run::<i64>().unwrap()),
                        2 => drop(undeclared.arg(from).arg(to).run::<i64>().unwrap()),
                        _ => drop(redis.mget([&keys[1], &keys[0]]).unwrap()),
                    }
                }
            });
        }
    });
    assert_eq!(sum.run::<i64>().unwrap(), TOTAL);
}

#[test]
fn a_script_that_keeps_to_its_keys_is_held_to_it() {
    let redis = Redis::memory();
    let script = redis.script("#!lua flags=declared-keys\nreturn redis.call('SET', ARGV[1], 1)").unwrap();
    script.key("k").arg("k").run::<()>().unwrap();
    // Which keys share a shard is chance; of a hundred, one does not.
    let refused: Vec<_> = (0..100)
        .filter_map(|other| script.key("k").arg(format!("other:{other}")).run::<()>().err())
        .collect();
    let text = refused.first().expect("one of them is in another shard").to_string();
    assert!(text.starts_with("ERR Script attempted to access a key that it was not given in KEYS"), "{text}");
}

#[test]
fn the_log_has_all_of_a_script_or_nothing_and_what_it_did_before_an_error() {
    let vfs = SimVfs::default();
    let redis = simulated(&vfs);
    let half =
        redis.script("redis.call('SET', 'a', 1) redis.call('RPUSH', 'b', 1, 2) error('no more')").unwrap();
    assert!(refusal(half.run::<()>()).contains("no more"));
    let random =
        redis.script("for i = 1, 3 do redis.call('SPOP', 's') end return redis.call('TIME')[1]").unwrap();
    redis.sadd("s", 0..10).unwrap();
    random.run::<()>().unwrap();
    let left = redis.smembers("s").unwrap();
    drop((redis, half, random));
    let redis = simulated(&vfs);
    assert_eq!(redis.get("a").unwrap().unwrap(), "1");
    assert_eq!(redis.llen("b").unwrap(), 2);
    assert_eq!(redis.smembers("s").unwrap(), left);
}

#[test]
fn libraries_stay_with_the_store() {
    let vfs = SimVfs::default();
    let library = |name: &str, answer: i64| {
        format!(
            "#!lua name={name}\nlocal n = {answer}\nredis.register_function{{function_name = 'f_{name}', description = 'adds', \
             callback = function() n = n + 1 return n end, flags = {{'no-writes'}}}}"
        )
    };
    let redis = simulated(&vfs);
    for name in ["one", "two", "three"] {
        assert_eq!(redis.function_load(library(name, 10), false).unwrap(), name);
    }
    redis.function_load(library("two", 20), true).unwrap();
    redis.function_delete("three").unwrap();
    let listed = redis.function_list(None, true).unwrap();
    let check = |redis: &Redis| {
        assert_eq!(redis.function_list(None, true).unwrap(), listed);
        assert_eq!(redis.fcall_ro("F_ONE", NONE, NONE).unwrap(), Reply::Integer(11));
        assert_eq!(redis.fcall("f_two", NONE, NONE).unwrap(), Reply::Integer(21));
        assert_eq!(redis.fcall("f_two", NONE, NONE).unwrap(), Reply::Integer(22));
        assert_eq!(refusal(redis.fcall("f_three", NONE, NONE)), "ERR Function not found");
    };
    drop(redis);
    let redis = simulated(&vfs);
    check(&redis);
    // From a snapshot, and from what came after it.
    redis.save().unwrap();
    redis.function_load(library("four", 40), false).unwrap();
    drop(redis);
    let redis = simulated(&vfs);
    assert_eq!(redis.fcall("f_four", NONE, NONE).unwrap(), Reply::Integer(41));
    redis.function_delete("four").unwrap();
    redis.save().unwrap();
    drop(redis);
    let redis = simulated(&vfs);
    check(&redis);
    let payload = redis.function_dump().unwrap();
    redis.function_flush().unwrap();
    redis.flushall().unwrap();
    drop(redis);
    let redis = simulated(&vfs);
    assert!(redis.function_list(None, false).unwrap().is_empty());
    redis.function_restore(payload, RestorePolicy::Append).unwrap();
    check(&redis);
}

#[test]
fn a_closure_that_fails_undoes_its_scripts_and_its_libraries() {
    let redis = Redis::memory();
    redis.set("k", 1).unwrap();
    let result: Result<(), Error> = redis.transaction(&["k"], |t| {
        assert_eq!(t.eval("return redis.call('INCR', KEYS[1])", ["k"], NONE)?, Reply::Integer(2));
        Err(Error::refused("ERR not today"))
    });
    assert_eq!(refusal(result), "ERR not today");
    assert_eq!(redis.get("k").unwrap().unwrap(), "1");
}

#[test]
fn a_script_that_does_not_end_is_ended_by_whoever_asks() {
    let redis = Redis::memory();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let endless = scope.spawn(|| {
            let source = "while true do pcall(function() while true do end end) end";
            let result = redis.script(source).unwrap().key("k").run::<()>();
            is_over.store(true, Ordering::SeqCst);
            refusal(result)
        });
        while !is_over.load(Ordering::SeqCst) {
            let _ = redis.script_kill();
            thread::yield_now();
        }
        let text = endless.join().unwrap();
        assert!(text.starts_with("ERR Script killed by user with SCRIPT KILL... script: "), "{text}");
    });
    redis.set("k", 1).unwrap();
}

#[test]
fn a_script_cannot_have_more_memory_than_it_may() {
    let redis = Redis::builder().script_memory(4 << 20).build().unwrap();
    let sources = [
        "return #string.rep('x', 1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} for i = 1, 1e9 do t[i] = redis.call('GET', KEYS[1]) .. i end",
        "return pcall(string.rep, 'x', 1e9) and 1 or error('not enough memory, it was said')",
        "local function f(...) return f(1, ...) end return f()",
    ];
    redis.set("k", "x".repeat(100_000)).unwrap();
    for source in sources {
        let text = refusal(redis.script(source).unwrap().key("k").run::<()>());
        let is_told = ["not enough memory", "stack overflow"].iter().any(|words| text.contains(words));
        assert!(is_told, "{source}: {text}");
    }
    assert_eq!(redis.script("return 1").unwrap().run::<i64>().unwrap(), 1);
}

#[test]
fn nothing_of_a_script_is_there_for_the_next() {
    let redis = Redis::memory();
    let attempts = [
        "redis.call = nil",
        "string.rep = nil",
        "rawset(_G, 'x', 1)",
        "setmetatable(_G, nil)",
        "getmetatable('').__index = {}",
        "table.insert(redis, 1)",
        "x = 1",
        "_G.x = 1",
        "for name in pairs(redis) do redis[name] = nil end",
        "local _, t = pairs(string) t.rep = nil",
        "KEYS.x = 1 ARGV.x = 1",
        "redis.setresp(3)",
    ];
    for attempt in attempts {
        let _ = redis.script(attempt).unwrap().run::<()>();
        let look =
            "return {tostring(rawget(_G, 'x')), type(redis.call), type(('x').rep), tostring(KEYS.x), #redis,
            redis.call('GET', 'none') == false and 1 or 0}";
        let seen = redis.script(look).unwrap().run::<Vec<String>>().unwrap();
        assert_eq!(seen, ["nil", "function", "function", "nil", "0", "1"], "{attempt}");
    }
}
