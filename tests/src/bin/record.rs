//! Asks a real server every case and writes down what it answers: `cargo xtask record`, or only the cases of the groups that it
//! names, such as `stream` or `sessions/streams`.
use std::io;
use std::process::ExitCode;

use redlet_tests::connection::Protocol;
use redlet_tests::oracle::Oracle;
use redlet_tests::scripts::{self, Script};
use redlet_tests::stage::{ServerStage, Stage, callers};
use redlet_tests::transcripts::{self, Transcript};
use redlet_tests::value::Value;
use redlet_tests::{GROUPS, MEETINGS, cases, command_docs, command_info, package_path, read_file, recording};

fn main() -> ExitCode {
    let Some(mut oracle) = Oracle::find() else { return ExitCode::FAILURE };
    let only: Vec<String> = std::env::args().skip(1).collect();
    match record(&mut oracle, &only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("recording stopped: {error}");
            ExitCode::FAILURE
        }
    }
}

fn record(oracle: &mut Oracle, only: &[String]) -> io::Result<()> {
    for group in GROUPS.into_iter().filter(|group| only.is_empty() || only.iter().any(|name| name == group)) {
        let source = read_file(&package_path(&format!("cases/{group}.txt")));
        let sections =
            cases::parse(&source).map_err(|what| io::Error::other(format!("cases/{group}.txt: {what}")))?;
        let mut recorded = Vec::new();
        for section in sections {
            let commands: Vec<_> = section.cases.iter().map(|case| case.words.clone()).collect();
            let answers = oracle.answers(&commands)?;
            recorded.push(recording::record(section, answers));
        }
        let count: usize = recorded.iter().map(|section| section.cases.len()).sum();
        write(&format!("tables/{group}.txt"), &recording::write(oracle.version(), &recorded))?;
        println!("{group}: {count} cases");
    }
    record_meetings(oracle, only)?;
    if !only.is_empty() {
        return Ok(());
    }
    let commands = [vec![b"COMMAND".to_vec()]];
    let answers = oracle.answers(&commands)?;
    let Some(Value::Array(all)) = answers.first().map(|answer| &answer.resp3) else {
        return Err(io::Error::other("COMMAND gave no list"));
    };
    let with_subcommands =
        all.iter().flat_map(|facts| std::iter::once(facts).chain(command_info::subcommands(facts)));
    let mut described: Vec<String> = with_subcommands.filter_map(command_info::describe).collect();
    described.sort();
    let heading = format!("# COMMAND INFO of Redis {}, by `cargo xtask record`.\n\n", oracle.version());
    write("tables/command_info.txt", &(heading + &described.join("\n")))?;
    println!("command_info: {} commands", described.len());
    let answers = oracle.answers(&[vec![b"COMMAND".to_vec(), b"DOCS".to_vec()]])?;
    let Some(docs) = answers.first() else { return Err(io::Error::other("COMMAND DOCS gave nothing")) };
    let documented = command_docs::describe_all(&docs.resp3, oracle.version());
    let heading =
        format!("# COMMAND DOCS of Redis {} without prose, by `cargo xtask record`.\n\n", oracle.version());
    write("tables/command_docs.txt", &(heading + &documented.join("\n")))?;
    println!("command_docs: {} commands", documented.len());
    Ok(())
}

fn record_meetings(oracle: &Oracle, only: &[String]) -> io::Result<()> {
    let is_asked = |group: &&str| only.is_empty() || only.contains(&format!("sessions/{group}"));
    for group in MEETINGS.into_iter().filter(is_asked) {
        let source = read_file(&package_path(&format!("cases/sessions/{group}.txt")));
        let scripts = scripts::parse(&source)
            .map_err(|what| io::Error::other(format!("cases/sessions/{group}.txt: {what}")))?;
        let mut recorded = Vec::new();
        for Script { title, steps } in scripts {
            let perform = |protocol| {
                let mut stage = ServerStage::open(oracle, protocol, &callers(&steps))?;
                let seen = stage.perform_all(&steps);
                seen.map_err(|error| io::Error::other(format!("sessions/{group}, {title}: {error}")))
            };
            let (resp3, resp2) = (perform(Protocol::Resp3)?, perform(Protocol::Resp2)?);
            recorded.push(Transcript { title, steps, resp3, resp2 });
        }
        let count: usize = recorded.iter().map(|transcript| transcript.steps.len()).sum();
        write(&format!("tables/sessions/{group}.txt"), &transcripts::write(oracle.version(), &recorded))?;
        println!("sessions/{group}: {count} steps");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "recordings are files of the repository, not of a store")]
fn write(path: &str, text: &str) -> io::Result<()> {
    std::fs::write(package_path(path), text)
}
