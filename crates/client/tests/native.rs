//! Commands of the program's own, through every door that takes words.
#![expect(clippy::disallowed_methods, reason = "callers in threads of their own")]
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use redlet::{Bytes, Commands, Error, Key, Native, Redis, Reply, Session};

/// `PAY from to amount`: fails, late, when there is too little.
fn pay(redis: &Redis) {
    let native = Native::new("PAY").keys(1, 2, 1).summary("Moves money.").syntax("key key amount");
    redis
        .typed_command(native, |t, (from, to, amount): (Bytes, Bytes, i64)| {
            t.incrby(&to, amount)?;
            let left = t.decrby(&from, amount)?;
            assert!(left > -1000, "nobody owes so much");
            if left < 0 { Err(Error::refused("POOR there is too little")) } else { Ok(left) }
        })
        .unwrap();
}

fn bank() -> Redis {
    let redis = Redis::memory();
    pay(&redis);
    redis.mset([("a", 10), ("b", 0)]).unwrap();
    redis
}

fn balances(redis: &Redis) -> Vec<Option<Bytes>> {
    redis.mget(["a", "b"]).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

fn run(session: &mut Session, line: &str) -> Result<Reply, Error> {
    session.execute(&line.split(' ').collect::<Vec<_>>())
}

fn text(reply: Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Reply::Verbatim(text) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn a_command_is_called_by_every_door_that_takes_words() {
    let redis = bank();
    assert_eq!(redis.execute(&["pay", "a", "b", "3"]).unwrap(), Reply::Integer(7));
    let replies =
        redis.pipeline().command(["PAY", "a", "b", "1"]).command(["Pay", "a", "b", "x"]).execute().unwrap();
    assert_eq!(replies[0].as_ref().unwrap(), &Reply::Integer(6));
    assert_eq!(refusal(replies.into_iter().nth(1).unwrap()), "ERR value is not an integer or out of range");
    let replies = redis
        .pipeline()
        .transaction(true)
        .command(["PAY", "a", "b", "1"])
        .command(["GET", "a"])
        .execute()
        .unwrap();
    assert_eq!(replies[1].as_ref().unwrap(), &Reply::bulk("5"));
    let mut session = redis.session();
    assert_eq!(run(&mut session, "PAY a b 1").unwrap(), Reply::Integer(4));
    assert_eq!(balances(&redis), [Some("4".into()), Some("6".into())]);
}

#[test]
fn what_a_command_did_is_undone_when_it_fails_and_when_it_panics() {
    let redis = bank();
    assert_eq!(refusal(redis.execute(&["PAY", "a", "b", "11"])), "POOR there is too little");
    assert_eq!(balances(&redis), [Some("10".into()), Some("0".into())]);
    let panicked = refusal(redis.execute(&["PAY", "a", "b", "2000"]));
    assert_eq!(panicked, "ERR the command 'pay' panicked, and what it did was undone: nobody owes so much");
    assert_eq!(balances(&redis), [Some("10".into()), Some("0".into())]);
    assert_eq!(redis.execute(&["PAY", "a", "b", "10"]).unwrap(), Reply::Integer(0));
}

#[test]
fn a_command_that_fails_between_multi_and_exec_undoes_nothing_of_the_others() {
    let redis = bank();
    redis.rpush("list", ["x"]).unwrap();
    let mut listener = redis.observe("*", redlet::Classes::CHANGES).unwrap();
    let mut session = redis.session();
    for line in
        ["MULTI", "INCRBY a 5", "PAY a b 2000", "PAY a b 100", "RPUSH list y", "PAY a b 15", "PAY a b 1"]
    {
        run(&mut session, line).unwrap();
    }
    let Reply::Array(replies) = run(&mut session, "EXEC").unwrap() else { panic!("a reply for each") };
    assert_eq!(replies[0], Reply::Integer(15));
    assert!(matches!(&replies[1], Reply::Error(error) if error.to_string().contains("nobody owes so much")));
    assert!(matches!(&replies[2], Reply::Error(error) if error.code() == "POOR"));
    assert_eq!((&replies[3], &replies[4]), (&Reply::Integer(2), &Reply::Integer(0)));
    assert_eq!(balances(&redis), [Some("0".into()), Some("15".into())]);
    assert_eq!(redis.lrange("list", 0, -1).unwrap(), ["x", "y"]);
    let told = std::iter::from_fn(|| listener.try_next());
    let told: Vec<_> = told.map(|event| (event.name, event.key)).collect();
    let expected = [("incrby", "a"), ("rpush", "list"), ("incrby", "b"), ("incrby", "a")];
    assert_eq!(told, expected.map(|(name, key)| (name, key.into())));
}

#[test]
fn names_that_are_taken_or_none_are_refused() {
    let redis = bank();
    let add = |name: &str| refusal(redis.command(name, |_, _| Ok(())));
    assert_eq!(add("get"), "ERR 'GET' cannot be a command: Redis has one of that name");
    assert_eq!(add("CLUSTER"), "ERR 'CLUSTER' cannot be a command: Redis has one of that name");
    assert_eq!(add("pay"), "ERR 'PAY' is a command of this store already");
    for name in ["", "1ST", "TWO WORDS", "A|B", "@READ", "ÜBER", "A.NAME.OF.MORE.THAN.31.CHARACTERS"] {
        assert!(add(name).contains("a name begins with a letter"), "{name}");
    }
    let syntax = refusal(redis.command(Native::new("ODD").syntax("key ] more"), |_, _| Ok(())));
    assert_eq!(syntax, "ERR 'ODD' cannot be a command: in its syntax a bracket closes that was not opened");
    for (first, last, step) in [(0, 1, 1), (1, 1, 0), (3, 2, 1), (1, 0, 1)] {
        let keys = refusal(redis.command(Native::new("ODD").keys(first, last, step), |_, _| Ok(())));
        assert!(keys.contains("its keys begin at word 1"), "{keys}");
    }
    for number in 1..256 {
        redis.command(format!("C{number}"), |_, _| Ok(())).unwrap();
    }
    assert_eq!(add("C256"), "ERR a store can be given 256 commands and has them already");
    assert_eq!(redis.execute(&["C255"]).unwrap(), Reply::OK);
}

#[test]
fn words_that_do_not_fit_are_refused_in_redis_words() {
    let redis = bank();
    redis.typed_command("OPT", |_, (a, b): (i64, Option<f64>)| Ok(a as f64 + b.unwrap_or(0.5))).unwrap();
    redis
        .command(Native::new("COUNTED").counted_keys(1), |t, args| {
            args[1..].iter().map(|key| t.exists([key])).collect::<redlet::Result<Vec<_>>>()
        })
        .unwrap();
    let refused = |line: &str| refusal(redis.execute(&line.split(' ').collect::<Vec<_>>()));
    let cases = [
        ("PAY a b", "ERR wrong number of arguments for 'pay' command"),
        ("PAY a b 1 2", "ERR wrong number of arguments for 'pay' command"),
        ("PAY a b 1.5", "ERR value is not an integer or out of range"),
        ("OPT", "ERR wrong number of arguments for 'opt' command"),
        ("OPT 1 2 3", "ERR wrong number of arguments for 'opt' command"),
        ("OPT 1 x", "ERR value is not a valid float"),
        ("COUNTED x a", "ERR value is not an integer or out of range"),
        ("COUNTED -1 a", "ERR Number of keys can't be negative"),
        ("COUNTED 2 a", "ERR Number of keys can't be greater than number of args"),
        ("COUNTED 1 a b", "ERR this key was not declared when the transaction began; add it to its keys"),
        ("PAYS a b 1", "ERR unknown command 'PAYS', with args beginning with: 'a' 'b' '1' "),
    ];
    for (line, expected) in cases {
        assert_eq!(refused(line), expected, "{line}");
    }
    assert_eq!(redis.execute(&["OPT", "1"]).unwrap(), Reply::Double(1.5));
    assert_eq!(redis.execute(&["COUNTED", "0"]).unwrap(), Reply::Array(Vec::new()));
    let mut session = redis.session();
    run(&mut session, "MULTI").unwrap();
    assert_eq!(refusal(run(&mut session, "PAY a b")), "ERR wrong number of arguments for 'pay' command");
    assert!(refusal(run(&mut session, "EXEC")).starts_with("EXECABORT"));
}

#[test]
fn users_may_call_what_their_rules_say_whichever_came_first() {
    let redis = Redis::memory();
    let mut session = redis.session();
    let rules = [
        "ACL SETUSER all on nopass ~* +@all",
        "ACL SETUSER nowrites on nopass ~* +@all -@write",
        "ACL SETUSER writes on nopass ~x* +@write",
        "ACL SETUSER none on nopass ~* +get",
    ];
    for rule in rules {
        run(&mut session, rule).unwrap();
    }
    assert!(
        refusal(run(&mut session, "ACL SETUSER early +pay")).contains("Unknown command or category name")
    );
    pay(&redis);
    redis.command(Native::new("LOOK").keys(1, 1, 1).readonly(), |t, args| t.get(args[0])).unwrap();
    for rule in [
        "ACL SETUSER named on nopass ~* +pay",
        "ACL SETUSER reads on nopass ~* +@read -look",
        "ACL SETUSER all_but on nopass ~* +@all -pay",
    ] {
        run(&mut session, rule).unwrap();
    }
    let mut may = |user: &str, line: &str| {
        let words: Vec<&str> = ["ACL", "DRYRUN", user].into_iter().chain(line.split(' ')).collect();
        session.execute(&words).unwrap() == Reply::OK
    };
    let expected = [
        ("all", true, true),
        ("nowrites", false, true),
        ("writes", false, false),
        ("none", false, false),
        ("named", true, false),
        ("reads", false, false),
        ("all_but", false, true),
        ("default", true, true),
    ];
    for (user, may_pay, may_look) in expected {
        assert_eq!((may(user, "PAY a b 1"), may(user, "LOOK a")), (may_pay, may_look), "{user}");
    }
    assert!(may("writes", "PAY xa xb 1"), "these keys it may use");
    assert!(!may("writes", "PAY xa b 1"), "the second not");
    run(&mut session, "AUTH none x").unwrap();
    let refused = refusal(run(&mut session, "PAY a b 1"));
    assert_eq!(refused, "NOPERM User none has no permissions to run the 'pay' command");
    let list = text(redis.execute(&["ACL", "LIST"]).unwrap());
    assert!(list.contains("+@all -pay") && list.contains("-@all +pay"), "{list}");
}

#[test]
fn other_commands_know_it() {
    let redis = bank();
    let mut session = redis.session();
    let count = |redis: &Redis| redis.execute(&["COMMAND", "COUNT"]).unwrap();
    assert_eq!(count(&redis), Reply::Integer(i64::try_from(others(&redis)).unwrap() + 1));
    let listed = redis.execute(&["COMMAND", "LIST", "FILTERBY", "PATTERN", "pa*"]).unwrap();
    assert!(matches!(&listed, Reply::Array(names) if names.contains(&Reply::bulk("pay"))), "{listed:?}");
    let info = format!("{:?}", redis.execute(&["COMMAND", "INFO", "PAY"]).unwrap());
    for part in ["Integer(4)", "write", "@write", "@slow", "RW"] {
        assert!(info.contains(part), "{part} in {info}");
    }
    let docs = format!("{:?}", redis.execute(&["COMMAND", "DOCS", "pay"]).unwrap());
    assert!(docs.contains("Moves money.") && docs.contains("amount") && docs.contains("module"), "{docs}");
    let keys = redis.execute(&["COMMAND", "GETKEYS", "PAY", "a", "b", "1"]).unwrap();
    assert_eq!(keys, Reply::Array(vec![Reply::bulk("a"), Reply::bulk("b")]));
    let cat = redis.execute(&["ACL", "CAT", "write"]).unwrap();
    assert!(matches!(&cat, Reply::Array(names) if names.contains(&Reply::bulk("pay"))));

    let mut monitor = redis.session();
    run(&mut monitor, "MONITOR").unwrap();
    run(&mut session, "CONFIG SET slowlog-log-slower-than 0").unwrap();
    run(&mut session, "PAY a b 1").unwrap();
    run(&mut session, "PAY a b 100").unwrap_err();
    run(&mut session, "PAY a").unwrap_err();
    let seen = format!("{:?}", std::iter::from_fn(|| monitor.take_push()).collect::<Vec<_>>());
    assert!(seen.contains(r#"PAY\" \"a\" \"b\" \"1"#) || seen.contains("PAY"), "{seen}");
    let info = text(run(&mut session, "INFO commandstats").unwrap());
    let line = info.lines().find(|line| line.starts_with("cmdstat_pay:")).unwrap();
    assert!(
        line.starts_with("cmdstat_pay:calls=2,") && line.ends_with("rejected_calls=1,failed_calls=1"),
        "{line}"
    );
    let slow = format!("{:?}", run(&mut session, "SLOWLOG GET").unwrap());
    assert!(slow.contains("PAY"), "{slow}");
    run(&mut session, "PAY a b 1").unwrap();
    let clients = text(redis.execute(&["CLIENT", "LIST"]).unwrap());
    assert!(clients.contains("cmd=pay "), "{clients}");
    run(&mut session, "CONFIG RESETSTAT").unwrap();
    assert!(!text(run(&mut session, "INFO commandstats").unwrap()).contains("cmdstat_pay"));
}

/// How many commands a store has that was given none.
fn others(_: &Redis) -> usize {
    let Reply::Integer(count) = Redis::memory().execute(&["COMMAND", "COUNT"]).unwrap() else {
        panic!("a number")
    };
    count as usize
}

#[test]
fn a_watched_key_that_a_command_changes_has_changed_unless_that_was_undone() {
    let redis = bank();
    let mut session = redis.session();
    for (amount, expected) in [("100", Reply::Array(vec![Reply::from("PONG")])), ("1", Reply::NullArray)] {
        run(&mut session, "WATCH a").unwrap();
        let _ = redis.execute(&["PAY", "a", "b", amount]);
        run(&mut session, "MULTI").unwrap();
        run(&mut session, "PING").unwrap();
        assert_eq!(run(&mut session, "EXEC").unwrap(), expected, "{amount}");
    }
}

#[test]
fn commands_on_other_keys_run_meanwhile_and_those_on_the_same_wait() {
    let redis = Redis::builder().shards(64).seed(7).build().unwrap();
    let (inside, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (there, away) = (Arc::clone(&inside), Arc::clone(&leave));
    redis
        .typed_command("STAY", move |t, (key, wait): (Key, i64)| {
            if wait == 1 {
                there.wait();
                away.wait();
            }
            t.incr(&key)
        })
        .unwrap();
    let staying = thread::spawn({
        let redis = redis.clone();
        move || redis.execute(&["STAY", "first", "1"]).unwrap()
    });
    inside.wait();
    // Keys of one shard wait for each other, and one of these is in another.
    let (sender, others) = mpsc::channel();
    for number in 0..8 {
        let (redis, sender) = (redis.clone(), sender.clone());
        thread::spawn(move || {
            sender.send(redis.execute(&["STAY", &format!("other:{number}"), "0"]).unwrap())
        });
    }
    assert_eq!(others.recv_timeout(Duration::from_secs(10)).unwrap(), Reply::Integer(1));
    let (sender, same) = mpsc::channel();
    thread::spawn({
        let redis = redis.clone();
        move || sender.send(redis.execute(&["STAY", "first", "0"]).unwrap())
    });
    assert!(same.recv_timeout(Duration::from_millis(50)).is_err(), "its key is locked");
    leave.wait();
    assert_eq!(staying.join().unwrap(), Reply::Integer(1));
    assert_eq!(same.recv_timeout(Duration::from_secs(10)).unwrap(), Reply::Integer(2));
}

#[test]
fn commands_that_only_read_run_side_by_side_and_can_change_nothing() {
    let redis = Redis::memory();
    let both = Arc::new(Barrier::new(2));
    redis
        .typed_command(Native::new("MEET").readonly(), move |t, (key,): (Key,)| {
            both.wait();
            t.get(&key)
        })
        .unwrap();
    redis.command(Native::new("SNEAK").keys(1, 1, 1).readonly(), |t, args| t.incr(args[0])).unwrap();
    redis.set("k", "v").unwrap();
    let meeting = thread::spawn({
        let redis = redis.clone();
        move || redis.execute(&["MEET", "k"]).unwrap()
    });
    assert_eq!(redis.execute(&["MEET", "k"]).unwrap(), Reply::bulk("v"));
    assert_eq!(meeting.join().unwrap(), Reply::bulk("v"));
    assert!(refusal(redis.execute(&["SNEAK", "n"])).contains("can do nothing else"));
    let sneaked = redis.pipeline().transaction(true).command(["SNEAK", "n"]).execute().unwrap().remove(0);
    assert!(refusal(sneaked).contains("can do nothing else"));
    assert_eq!(redis.dbsize().unwrap(), 1);
}

#[test]
fn a_command_without_keys_touches_none_and_one_that_says_nothing_touches_all() {
    let redis = bank();
    redis.command(Native::new("TELL").without_keys(), |t, args| t.publish(args[0], args[1])).unwrap();
    redis.command(Native::new("PEEK").without_keys(), |t, args| t.get(args[0])).unwrap();
    redis
        .command("SUM", |t, _| {
            let mut sum = 0;
            for key in t.keys("*")? {
                sum += t.incrby(&key, 0)?;
            }
            Ok(sum)
        })
        .unwrap();
    assert_eq!(redis.execute(&["TELL", "news", "hello"]).unwrap(), Reply::Integer(0));
    assert!(refusal(redis.execute(&["PEEK", "a"])).contains("not declared"));
    assert_eq!(redis.execute(&["SUM"]).unwrap(), Reply::Integer(10));
}

#[test]
fn one_that_is_full_refuses_what_may_grow_inside_of_a_command() {
    let redis = Redis::memory();
    redis.command("GROW", |t, _| t.set("k2", "v")).unwrap();
    redis.command("SHRINK", |t, _| t.delete(["k"])).unwrap();
    redis.set("k", "v").unwrap();
    redis.set_max_memory(1);
    let full = "OOM command not allowed when used memory > 'maxmemory'.";
    assert_eq!(refusal(redis.execute(&["GROW"])), full);
    let queued = redis.pipeline().transaction(true).command(["GROW"]).execute().unwrap().remove(0);
    assert_eq!(refusal(queued), full);
    assert_eq!(redis.execute(&["SHRINK"]).unwrap(), Reply::Integer(1));
}

#[test]
fn what_a_command_did_is_there_when_the_store_is_opened_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let redis = Redis::open(&path).unwrap();
    pay(&redis);
    redis.set("a", 10).unwrap();
    redis.execute(&["PAY", "a", "b", "4"]).unwrap();
    redis.execute(&["PAY", "a", "b", "40"]).unwrap_err();
    redis.execute(&["PAY", "a", "b", "4000"]).unwrap_err();
    let mut session = redis.session();
    for line in ["MULTI", "PAY a b 50", "PAY a b 1", "PAY a b 60", "EXEC"] {
        run(&mut session, line).unwrap();
    }
    drop(session);
    redis.close().unwrap();
    let redis = Redis::open(&path).unwrap();
    assert_eq!(balances(&redis), [Some("5".into()), Some("5".into())]);
    assert!(refusal(redis.execute(&["PAY", "a", "b", "1"])).starts_with("ERR unknown command"));
}

#[test]
fn a_panic_in_a_command_leaves_the_thread_that_serves_others() {
    let redis = Redis::memory();
    redis
        .command(Native::new("LOOK").readonly(), |_, _| -> redlet::Result<()> { panic!("by {}", "chance") })
        .unwrap();
    redis
        .command(Native::new("TOUCH.NOTHING").without_keys(), |_, _| -> redlet::Result<()> { panic!() })
        .unwrap();
    let panicked = refusal(redis.execute(&["LOOK"]));
    assert_eq!(panicked, "ERR the command 'look' panicked, and what it did was undone: by chance");
    assert!(refusal(redis.execute(&["TOUCH.NOTHING"])).contains("'touch.nothing' panicked"));
    assert_eq!(redis.set("k", "v").ok(), Some(()));
}

#[cfg(feature = "lua")]
#[test]
fn commands_and_scripts_that_call_each_other_for_ever_are_refused() {
    let redis = Redis::memory();
    redis
        .typed_command("RUN", |t, (script,): (String,)| {
            t.incr("depth")?;
            t.eval(&script, [""; 0], [&script])
        })
        .unwrap();
    let refused = refusal(redis.execute(&["RUN", "return redis.call('RUN', ARGV[1])"]));
    assert!(refused.contains("nested too deeply"), "{refused}");
    assert_eq!(redis.dbsize().unwrap(), 0);
    let forgiving = "redis.pcall('RUN', ARGV[1]) return redis.call('GET', 'depth')";
    assert_eq!(redis.execute(&["RUN", forgiving]).unwrap(), Reply::bulk("8"));
}

#[cfg(feature = "lua")]
#[test]
fn scripts_call_it_and_only_what_it_did_is_undone_when_it_fails() {
    let redis = bank();
    let eval = |script: &str, amount: &str| redis.execute(&["EVAL", script, "2", "a", "b", amount]);
    let pay = "return redis.call('pay', KEYS[1], KEYS[2], ARGV[1])";
    assert_eq!(eval(pay, "3").unwrap(), Reply::Integer(7));
    assert!(refusal(eval(pay, "8")).starts_with("POOR there is too little"));
    assert!(refusal(eval(pay, "8000")).contains("nobody owes so much"));
    let go_on = "redis.call('INCR', KEYS[1]); redis.pcall('PAY', KEYS[1], KEYS[2], ARGV[1]); return redis.call('GET', KEYS[1])";
    assert_eq!(eval(go_on, "100").unwrap(), Reply::bulk("8"));
    assert_eq!(eval(go_on, "9").unwrap(), Reply::bulk("0"));
    assert_eq!(balances(&redis), [Some("0".into()), Some("12".into())]);
}
