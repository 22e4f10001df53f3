//! redlet and a real server tell the same of changes to keys: the same events, with the same names, in the same order.
use std::fmt::Write;

use redlet_tests::differences::Deliberate;
use redlet_tests::events::{self, Message, Server, Told};
use redlet_tests::generate::{self, Draw};
use redlet_tests::lasting::lasting;
use redlet_tests::minimise::minimise;
use redlet_tests::oracle::Oracle;
use redlet_tests::{cases, package_path, read_file, words};

/// The families whose commands change keys.
const FAMILIES: [&str; 12] = [
    "string",
    "hash",
    "list",
    "set",
    "zset",
    "keys",
    "sort",
    "geo",
    "bitmap",
    "hyperloglog",
    "stream",
    "dump",
];

fn lines(messages: &[Message]) -> String {
    messages.iter().fold(String::new(), |lines, message| lines + "\n    " + &message.to_string())
}

/// What a command told, in an order that is promised: SORT looks for keys in the order in which it meets members, which is a set's own.
fn promised(command: &[Vec<u8>], told: &[Message]) -> Vec<Message> {
    let mut told = told.to_vec();
    if command[0].to_ascii_uppercase().starts_with(b"SORT") {
        told.sort();
    }
    told
}

/// The first command that tells something else, as text.
fn difference(
    commands: &[Vec<Vec<u8>>],
    expected: &Told,
    got: &Told,
    deliberate: &Deliberate,
) -> Option<String> {
    for (at, command) in commands.iter().enumerate() {
        let [expected_here, got_here] = [expected, got].map(|told| promised(command, &told.by_command[at]));
        if expected_here != got_here && !deliberate.covers(command) {
            let before: Vec<_> =
                commands[at.saturating_sub(4)..at].iter().map(|words| words::line(words)).collect();
            return Some(format!(
                "{}\n  after {}\n  expected:{}\n  got:{}\n",
                words::line(command),
                before.join("; "),
                lines(&expected_here),
                lines(&got_here)
            ));
        }
    }
    (expected.expired != got.expired)
        .then(|| format!("expired keys\n  expected {:?}\n  got {:?}\n", expected.expired, got.expired))
}

#[test]
fn every_case_tells_what_the_server_tells() {
    let Some(mut oracle) = Oracle::find() else { return };
    let mut server = Server::listen_to(&oracle).expect("the server answers");
    let deliberate = Deliberate::from_document();
    let (mut failures, mut told) = (String::new(), 0);
    for family in FAMILIES {
        let source = read_file(&package_path(&format!("cases/{family}.txt")));
        let sections = cases::parse(&source).unwrap_or_else(|fault| panic!("cases/{family}.txt: {fault}"));
        for section in sections {
            let waits = |words: &Vec<Vec<u8>>| words.iter().any(|word| word.eq_ignore_ascii_case(b"BLOCK"));
            let commands: Vec<_> =
                section.cases.into_iter().map(|case| case.words).filter(|words| !waits(words)).collect();
            let found = lasting(|| {
                let now = oracle.now().expect("the server answers");
                let expected = server.run(&commands).expect("the server answers");
                told += expected.by_command.iter().map(Vec::len).sum::<usize>();
                difference(&commands, &expected, &events::run(now, &commands), &deliberate)
            });
            if let Some(text) = found {
                writeln!(failures, "{family}, {}: {text}", section.title).expect("a text takes text");
            }
        }
    }
    assert!(told > 0, "changes are told of");
    assert!(failures.is_empty(), "against Redis {}:\n{failures}", oracle.version());
}

/// Long enough for keys to get a history, short enough to shrink at once.
const SEQUENCE: usize = 250;
const SEQUENCES: usize = 100;

#[test]
fn random_sequences_tell_what_the_server_tells() {
    let Some(mut oracle) = Oracle::find() else { return };
    let mut server = Server::listen_to(&oracle).expect("the server answers");
    let deliberate = Deliberate::from_document();
    let text = read_file(&package_path("cases/random.txt"));
    let templates = generate::templates(&text);
    let mut draw = Draw::new(1);
    // What SPOP takes is drawn, and everything after it would differ. Redis tells nothing of vector sets.
    let mut step = || loop {
        let words = generate::step(&templates, &mut draw).words;
        if !words[0].eq_ignore_ascii_case(b"SPOP") && !words[0].to_ascii_uppercase().starts_with(b"V") {
            return words;
        }
    };
    for _ in 0..SEQUENCES {
        let commands: Vec<_> = (0..SEQUENCE).map(|_| step()).collect();
        let now = oracle.now().expect("the server answers");
        let mut differs = |commands: &[Vec<Vec<u8>>]| {
            let expected = server.run(commands).expect("the server answers");
            difference(commands, &expected, &events::run(now, commands), &deliberate)
        };
        if differs(&commands).is_some() {
            let shortest = minimise(&commands, |commands| differs(commands).is_some());
            let lines: Vec<_> = shortest.iter().map(|words| words::line(words)).collect();
            panic!("{}\n{}", lines.join("\n"), differs(&shortest).unwrap_or_default());
        }
    }
}
