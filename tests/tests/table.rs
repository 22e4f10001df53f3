//! redlet's own facts about its commands are those of a real server.
use redlet_core::cmd;
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;
use redlet_tests::{command_docs, command_info, package_path, read_file};

#[test]
fn command_info_is_the_servers_for_every_command_that_both_have() {
    let recorded = command_info::parse(&read_file(&package_path("tables/command_info.txt")));
    let mut subject = Subject::default();
    let (mut differing, mut compared) = (Vec::new(), 0);
    for row in cmd::all() {
        let name = row.listed_name();
        let Some((_, expected)) = recorded.iter().find(|(known, _)| *known == name) else { continue };
        let words = [b"COMMAND".to_vec(), b"INFO".to_vec(), name.clone().into_bytes()];
        let got = match subject.execute(&words).resp3 {
            Value::Array(answers) => answers.first().and_then(command_info::describe),
            _ => None,
        };
        compared += 1;
        if got.as_deref() != Some(expected) {
            let got = got.unwrap_or_else(|| "(no facts)\n".into());
            differing.push(format!("expected {expected}got {got}"));
        }
    }
    assert!(compared > 0, "redlet has commands that the server has");
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
}

/// Compares what redlet says about its commands with lines made from a server's `COMMAND DOCS`.
fn compare_docs(recorded: &str, version: &str) {
    let recorded = command_info::parse(recorded);
    let docs = Subject::default().execute(&[b"COMMAND".to_vec(), b"DOCS".to_vec()]).resp3;
    let (mut differing, mut compared) = (Vec::new(), 0);
    for (name, got) in command_info::parse(&command_docs::describe_all(&docs, version).concat()) {
        let Some((_, expected)) = recorded.iter().find(|(known, _)| *known == name) else { continue };
        compared += 1;
        if got != *expected {
            differing.push(format!("expected {expected}got {got}"));
        }
    }
    println!("{compared} commands compared");
    assert!(compared > 0, "redlet has commands that the server has");
    assert!(differing.is_empty(), "{} of {compared} differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn command_docs_are_those_recorded_for_every_command_that_both_have() {
    let table = read_file(&package_path("tables/command_docs.txt"));
    let version = table.split_whitespace().nth(5).expect("the heading names a version");
    compare_docs(&table, version);
}

#[test]
fn command_docs_are_the_servers_for_every_command_that_both_have() {
    let Some(mut oracle) = Oracle::find() else { return };
    let answers = oracle.answers(&[vec![b"COMMAND".to_vec(), b"DOCS".to_vec()]]).expect("the server answers");
    let version = oracle.version().to_owned();
    compare_docs(&command_docs::describe_all(&answers[0].resp3, &version).concat(), &version);
}
