//! INFO has the sections and the lines of a real server, in its order.
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;

/// The titles, and the names of the lines under them.
fn outline(answer: &Value) -> Vec<(String, Vec<String>)> {
    let Value::Verbatim(text) = answer else { panic!("INFO answers with text, not {answer}") };
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in String::from_utf8_lossy(text).split("\r\n").filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            sections.push((title.to_owned(), Vec::new()));
        } else if let Some((_, names)) = sections.last_mut() {
            names.push(line.split(':').next().unwrap_or_default().to_owned());
        }
    }
    sections
}

/// Sections whose lines depend on what the server has done.
const OF_USE: [&str; 3] = ["Commandstats", "Errorstats", "Latencystats"];
/// What only one of the two has, and why.
const ONLY_ONE: [(&str, &str); 7] = [
    ("redlet_version", "which clone this is"),
    ("listener1", "the server of the tests is reached by a socket"),
    ("Keysizes", "it takes a look at every key, so it has to be asked for"),
    ("module", "no module is built in"),
    ("used_cpu_sys_main_thread", "no thread is the main one"),
    ("used_cpu_user_main_thread", "no thread is the main one"),
    ("aof_current_size", "only with a log"),
];

#[test]
fn sections_and_lines_are_the_servers() {
    let Some(mut oracle) = Oracle::find() else { return };
    let mut subject = Subject::default();
    let is_shared = |name: &String| !ONLY_ONE.iter().any(|(known, _)| known == name);
    for words in [
        "INFO",
        "INFO everything",
        "INFO all",
        "INFO default",
        "INFO server memory",
        "INFO SERVER nothing",
        "INFO modules Clients",
        "INFO commandstats cluster",
        "INFO Keyspace CPU stats",
    ] {
        let words: Vec<Vec<u8>> = words.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let expected =
            outline(&oracle.answers(std::slice::from_ref(&words)).expect("the server answers")[0].resp3);
        let got = outline(&subject.execute(&words).resp3);
        let titles = |sections: &[(String, Vec<String>)]| {
            sections.iter().map(|(title, _)| title.clone()).filter(is_shared).collect::<Vec<_>>()
        };
        let command = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        assert_eq!(titles(&got), titles(&expected), "{command}");
        for (title, names) in &got {
            if OF_USE.contains(&title.as_str()) {
                continue;
            }
            let (_, expected) = expected.iter().find(|(known, _)| known == title).expect("both have it");
            let shared =
                |names: &[String]| names.iter().filter(|name| is_shared(name)).cloned().collect::<Vec<_>>();
            assert_eq!(shared(names), shared(expected), "{command}: {title}");
        }
    }
}
