//! redlet's own facts about its commands are those of a real server.
use redlet_core::cmd;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;
use redlet_tests::{command_info, package_path, read_file};

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
