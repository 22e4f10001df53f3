//! redlet's parameters are those of a real server: names, defaults, what each takes and what it refuses.
use redlet_core::config;
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_string(),
    }
}

/// All names with their values, by name.
fn pairs(answer: &Value) -> Vec<(String, String)> {
    let Value::Map(pairs) = answer else { panic!("CONFIG GET answers with a map, not {answer}") };
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (text(name), text(value))).collect();
    pairs.sort();
    pairs
}

/// Parameters whose defaults differ, and why.
const OTHER_DEFAULTS: [(&str, &str); 4] = [
    ("bind", "a listener that was told nothing listens on this machine only"),
    ("dir", "a store without a path has no folder"),
    ("loglevel", "the server of the tests is quiet"),
    ("unixsocket", "the server of the tests is reached by one"),
];

#[test]
fn names_and_defaults_are_the_servers() {
    let Some(mut oracle) = Oracle::find().filter(Oracle::is_private) else { return };
    let all = words(&["CONFIG", "GET", "*"]);
    let expected = pairs(&oracle.answers(std::slice::from_ref(&all)).expect("the server answers")[0].resp3);
    let got = pairs(&Subject::default().execute(&all).resp3);
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&got), names(&expected));
    for ((name, expected), (_, got)) in expected.iter().zip(&got) {
        let differs = OTHER_DEFAULTS.iter().any(|(known, _)| known == name);
        assert_eq!(got != expected, differs, "{name}: {got:?} here, {expected:?} there");
    }
}

/// Values for parameters of every kind; each is good for some and bad for others.
const VALUES: &[&str] = &[
    "",
    "yes",
    "NO",
    "true",
    "0",
    "1",
    "-1",
    "5",
    "01",
    "+5",
    " 5",
    "5 ",
    "5.5",
    "1e3",
    "100",
    "101",
    "1000",
    "1001",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "-2147483649",
    "1k",
    "1kb",
    "1MB",
    "1gb",
    "1tb",
    "kb",
    "1 kb",
    "10%",
    "0%",
    "101%",
    "%",
    "abc",
    "abc def",
    "local",
    "everysec",
    "ALWAYS",
    "hostname",
    "disabled",
    "swapdb",
    "optional",
    "clients",
    "relative",
    "absolute",
    "ignore",
    "panic",
    "debug",
    "Warning",
    "nothing",
    "allchannels",
    "allkeys-lru",
    "volatile-TTL",
    "noeviction",
    "900 1",
    "900 1 300 10",
    "1 2 3",
    "0 200 800",
    "-2001 0 0",
    "0 1",
    "1 0",
    "1 -1",
    "1  2",
    "save",
    "save now",
    "nosave force",
    "save nosave",
    "default save",
    "normal 1 2 3",
    "slave 1mb 1kb 60",
    "replica 1 1 1 PUBSUB 5 6 7",
    "master 1 1 1",
    "normal 1 2",
    "normal a 1 1",
    "normal 1 1 -1",
    "KEA",
    "Kg$lshzxetd",
    "Kg$lshzxetdnm",
    "Kx",
    "q",
    "AKEn",
    "50 99 99.9",
    "12.3456789 0.5",
    "50 100.1",
    "50  60",
    "nan",
    "a_b",
    "A.b-c",
    "C",
    "POSIX",
    "en_XX",
    "{title} x",
    "{nothing}",
    "{title",
    "{{",
    "127.0.0.1 ::1",
    "a a a a a a a a a a a a a a a a a",
    "a!",
    "-2",
    "-6",
    "500",
    "501",
    "16384",
];

/// What is not compared: the parameter, the value or none for all, and why.
const NOT_COMPARED: &[(&str, Option<&str>, &str)] = &[
    ("port", None, "the server begins to listen"),
    ("bind", None, "the server begins to listen"),
    ("maxclients", None, "the server asks the system for files"),
    ("requirepass", None, "the server asks for the password from then on"),
    ("appendonly", Some("yes"), "a store in memory has no log"),
    ("tls-port", None, "the server looks for certificates"),
    ("maxmemory-policy", None, "redlet's own policies are named in the refusal"),
    ("maxmemory-clients", Some("9223372036854775808"), "Redis takes it for a percentage"),
    ("maxmemory-clients", Some("18446744073709551615"), "Redis takes it for a percentage"),
    ("maxmemory-clients", Some("99999999999999999999"), "Redis takes it for a percentage"),
    ("notify-keyspace-events", Some("nan"), "`a` is the class of arrays, which the server does not have"),
    ("maxmemory", Some("1"), "a server that is full refuses to go on"),
    ("proc-title-template", Some("{title}"), "depends on how the server was started"),
];

#[test]
fn every_parameter_takes_and_refuses_what_the_server_does() {
    let Some(mut oracle) = Oracle::find().filter(Oracle::is_private) else { return };
    let mut differences = Vec::new();
    let mut compared = 0;
    for parameter in config::parameters() {
        for name in [Some(parameter.name()), parameter.alias_name()].into_iter().flatten() {
            let is_left_out = |value: &str| {
                NOT_COMPARED.iter().any(|(left_out, only, _)| {
                    *left_out == parameter.name() && only.is_none_or(|only| only == value)
                })
            };
            let values: Vec<&str> = VALUES.iter().copied().filter(|value| !is_left_out(value)).collect();
            let mut commands = Vec::new();
            for value in values {
                commands.push(words(&["CONFIG", "SET", name, value]));
                commands.push(words(&["CONFIG", "GET", name]));
            }
            commands.push(words(&["CONFIG", "SET", name, parameter.default_text()]));
            if OTHER_DEFAULTS.iter().any(|(known, _)| *known == parameter.name()) {
                // What was refused changed nothing, and it is nothing that both have.
                commands.retain(|command| command[1] == b"SET");
            }
            let mut subject = Subject::default();
            let expected = oracle.answers(&commands).expect("the server answers");
            for (command, expected) in commands.iter().zip(expected) {
                // The second protocol saw what the first had set.
                let got = subject.execute(command);
                compared += 1;
                if got.resp3 != expected.resp3 {
                    let shown = command.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>();
                    differences.push(format!("{shown:?}: {} here, {} there", got.resp3, expected.resp3));
                    // What follows may differ because of this.
                    break;
                }
            }
        }
    }
    println!("{compared} answers compared");
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn several_parameters_are_set_together_or_not_at_all_as_the_server_does() {
    let Some(mut oracle) = Oracle::find().filter(Oracle::is_private) else { return };
    let mut subject = Subject::default();
    for line in [
        "a 1 a 2",
        "timeout 1 nothing 2",
        "nothing 1 timeout x",
        "timeout x nothing 2",
        "timeout 1 timeout 2 nothing 1",
        "databases 1 nothing 2",
        "nothing 2 databases 1",
        "databases 1 databases 2",
        "timeout 1 databases 1 timeout 2",
        "timeout 1 timeout 2 databases 1",
        "timeout 1 Timeout 2",
        "TIMEOUT x",
        "dir x databases 1",
        "hz 20 timeout x hz 30",
        "timeout x hz y",
        "hz 20 timeout x",
        "lua-time-limit 1 busy-reply-threshold 2",
        "busy-reply-threshold 5000 hz 10 timeout 9",
        "slave-priority 3 replica-priority x",
        "timeout 5 tls-cluster yes hz 20",
        "timeout 0",
    ] {
        let mut set = words(&["CONFIG", "SET"]);
        set.extend(line.split(' ').map(|word| word.as_bytes().to_vec()));
        let get = words(&["CONFIG", "GET", "timeout", "hz", "lua-time-limit", "replica-priority"]);
        let expected = oracle.answers(&[set.clone(), get.clone()]).expect("the server answers");
        assert_eq!(subject.execute(&set).resp3, expected[0].resp3, "CONFIG SET {line}");
        assert_eq!(pairs(&subject.execute(&get).resp3), pairs(&expected[1].resp3), "after CONFIG SET {line}");
    }
}
