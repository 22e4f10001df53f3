use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::{Engine, EngineOptions, HashSeed, ManualClock, Reply, UnixMs};

fn engine() -> Engine {
    let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
    Engine::new(EngineOptions { clock, seed: 7, databases: 16, shards: 4 })
}

fn set(engine: &Engine, words: &[&str]) -> Result<Reply> {
    let mut all: Vec<&[u8]> = vec![b"CONFIG", b"SET"];
    all.extend(words.iter().map(|word| word.as_bytes()));
    engine.execute(0, &all)
}

fn shown(engine: &Engine, name: &str) -> String {
    String::from_utf8(engine.config().get(name).unwrap()).unwrap()
}

#[test]
fn the_table_is_sorted_and_every_name_is_there_once() {
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    assert!(names.is_sorted(), "by name, so that one is found");
    let mut all: Vec<&str> = super::names().map(|(name, _)| name).collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn a_default_is_shown_as_it_stands_in_the_table() {
    let config = Config::default();
    for (at, parameter) in PARAMETERS.iter().enumerate() {
        assert_eq!(config.show(at), parameter.default.as_bytes(), "{}", parameter.name);
    }
}

#[test]
fn the_types_begin_with_the_defaults_of_the_table() {
    let own = TypeSettings::new(HashSeed::new(3));
    let from_table = Config::default().type_settings(own.clone());
    assert_eq!(format!("{own:?}"), format!("{from_table:?}"));
    let engine = engine();
    assert_eq!(engine.maxmemory().samples().to_string(), shown(&engine, "maxmemory-samples"));
    assert_eq!(engine.tracking().log_factor.load(Relaxed).to_string(), shown(&engine, "lfu-log-factor"));
    assert_eq!(engine.tracking().decay_minutes.load(Relaxed).to_string(), shown(&engine, "lfu-decay-time"));
}

#[test]
fn one_bad_value_leaves_everything_as_it_was() {
    let engine = engine();
    let refused = set(&engine, &["hash-max-listpack-entries", "7", "maxmemory", "1gb", "timeout", "soon"]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"
    );
    assert_eq!(shown(&engine, "hash-max-listpack-entries"), "512");
    assert_eq!(engine.max_memory(), 0);
}

#[test]
fn a_hook_that_refuses_takes_everything_back_and_others_are_told_again() {
    let engine = engine();
    let seen = Arc::new(AtomicUsize::new(0));
    let of_hook = Arc::clone(&seen);
    engine.config().on_change(
        &["timeout", "hz"],
        Box::new(move |config| {
            of_hook.store(config.idle_seconds() as usize, Relaxed);
            Ok(())
        }),
    );
    engine.config().on_change(
        &["maxclients"],
        Box::new(|config| if config.max_clients() > 100 { Err("too many".into()) } else { Ok(()) }),
    );
    set(&engine, &["timeout", "5", "maxclients", "100"]).unwrap();
    assert_eq!(seen.load(Relaxed), 5);
    let refused = set(&engine, &["timeout", "6", "set-max-intset-entries", "1", "maxclients", "101"]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many"
    );
    assert_eq!((seen.load(Relaxed), engine.config().idle_seconds()), (5, 5));
    assert_eq!(engine.config().max_clients(), 100);
    assert_eq!(shown(&engine, "set-max-intset-entries"), "512");
    engine.execute(0, &[b"SADD", b"s", b"1", b"2", b"3"]).unwrap();
    assert_eq!(engine.execute(0, &[b"OBJECT", b"ENCODING", b"s"]), Ok(Reply::bulk("intset")));
}

#[test]
fn an_engine_does_what_its_parameters_say() {
    let engine = engine();
    set(&engine, &["proto-max-bulk-len", "1mb", "maxmemory", "2gb", "maxmemory-policy", "allkeys-lru"])
        .unwrap();
    assert_eq!(engine.max_memory(), 2 << 30);
    assert_eq!(engine.eviction_policy(), crate::EvictionPolicy::AllKeysLru);
    let long = vec![b'x'; (1 << 20) + 1];
    engine.execute(0, &[b"SET", b"k", &long]).unwrap_err();
    engine.execute(0, &[b"SET", b"k", &long[1..]]).unwrap();
    assert_eq!(
        engine.execute(0, &[b"APPEND", b"k", b"x"]).unwrap_err().to_string(),
        "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    );
}

#[test]
fn what_callers_may_not_change_the_program_may() {
    let engine = engine();
    let refused = |words: &[&str]| set(&engine, words).unwrap_err().to_string();
    assert!(refused(&["enable-debug-command", "yes"]).ends_with("can't set immutable config"));
    assert!(refused(&["dir", "/"]).ends_with("can't set protected config"));
    assert!(refused(&["appendonly", "yes"]).contains("opened with a path"));
    set(&engine, &["appendonly", "no"]).unwrap();
    assert!(!engine.config().allows_debug(true));
    engine.configure(&[("enable-debug-command", b"local"), ("enable-protected-configs", b"yes")]).unwrap();
    assert!(engine.config().allows_debug(true) && !engine.config().allows_debug(false));
    set(&engine, &["dbfilename", "other.rdb"]).unwrap();
    assert_eq!(shown(&engine, "dbfilename"), "other.rdb");
}

#[test]
fn limits_of_output_are_kept_by_class() {
    let engine = engine();
    set(&engine, &["client-output-buffer-limit", "pubsub 1mb 512kb 5 normal 7 6 5"]).unwrap();
    let limits = engine.config().output_limits();
    assert_eq!(limits.pubsub, OutputLimit { hard: 1 << 20, soft: 512 << 10, seconds: 5 });
    assert_eq!(limits.normal, OutputLimit { hard: 7, soft: 6, seconds: 5 });
    assert_eq!(limits.replica, OutputLimit { hard: 256 << 20, soft: 64 << 20, seconds: 60 });
}

#[test]
fn a_file_keeps_its_order_and_its_remarks_when_it_is_rewritten() {
    let before = "# how much\nmaxmemory 100mb\n\nsave 900 1\n# often\nsave 300 10\nHZ 20\nhz 30\nslave-priority 50\n\
                  loglevel notice\nclient-output-buffer-limit pubsub 1mb 1mb 5\nuser alice on nopass\nrequirepass \"a b\"\n";
    let engine = engine();
    let directives: Vec<_> = file::parse(before).unwrap();
    let directives: Vec<_> = directives.into_iter().filter(|directive| directive.name != "user").collect();
    let pairs = file::pairs(&directives).unwrap();
    let pairs: Vec<(&str, &[u8])> = pairs.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    engine.configure(&pairs).unwrap();
    assert_eq!(shown(&engine, "save"), "900 1 300 10");
    assert_eq!(shown(&engine, "hz"), "30");
    set(&engine, &["save", "60 2", "requirepass", "q\"\n", "slowlog-max-len", "5", "maxmemory", "200mb"])
        .unwrap();
    set(&engine, &["timeout", "0", "notify-keyspace-events", "KEAn"]).unwrap();
    assert_eq!(shown(&engine, "notify-keyspace-events"), "AKE");
    let users = || vec!["user alice on nopass ~a".to_owned(), "user default on".to_owned()];
    let after = file::rewrite(before, engine.config(), users());
    assert_eq!(
        after,
        "# how much\nmaxmemory 200mb\n\nsave 60 2\n# often\nhz 30\nreplica-priority 50\nloglevel notice\n\
         client-output-buffer-limit normal 0 0 0\nuser alice on nopass ~a\nrequirepass \"q\\\"\\n\"\n\
         \n# Generated by CONFIG REWRITE\nclient-output-buffer-limit slave 268435456 67108864 60\n\
         client-output-buffer-limit pubsub 1048576 1048576 5\nnotify-keyspace-events \"KEAn\"\nslowlog-max-len 5\n\
         user default on\n"
    );
    assert_eq!(file::rewrite(&after, engine.config(), users()), after, "and is found as it should be");
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_its_line() {
    let fault = |text: &str| {
        let read = file::parse(text).and_then(|directives| file::pairs(&directives));
        read.unwrap_err().to_string()
    };
    assert_eq!(
        fault("\nhz \"10\nx"),
        "line 2 of the configuration, 'hz \"10': Unbalanced quotes in configuration line"
    );
    assert!(fault("hz 10\nnothing 1").starts_with("line 2"));
    assert!(fault("hz 10 20").contains("wrong number of arguments"));
}
