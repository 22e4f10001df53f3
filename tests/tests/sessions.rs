//! Several callers of redlet see of each other what several callers of a real server see.
//!
//! `REDLET_SESSION_STEPS` sets how many random steps there are, `REDLET_SEED` which ones.
use redlet_tests::comparison::Comparison;
use redlet_tests::connection::Protocol;
use redlet_tests::generate::{self, Draw};
use redlet_tests::lasting::lasting;
use redlet_tests::minimise::minimise;
use redlet_tests::oracle::Oracle;
use redlet_tests::scripts::{Script, Step};
use redlet_tests::stage::{RedletStage, ServerStage, Stage, callers};
use redlet_tests::transcripts::{Seen, first_difference};
use redlet_tests::{
    MEETINGS, cases, package_path, random_run, read_file, scripts, setting, transcripts, words,
};

const PROTOCOLS: [Protocol; 2] = [Protocol::Resp3, Protocol::Resp2];

fn scripts_of(group: &str) -> Vec<Script> {
    let text = read_file(&package_path(&format!("cases/sessions/{group}.txt")));
    scripts::parse(&text).unwrap_or_else(|fault| panic!("cases/sessions/{group}.txt: {fault}"))
}

fn on_redlet(protocol: Protocol, steps: &[Step]) -> Vec<Seen> {
    let mut stage = RedletStage::open(protocol, &callers(steps));
    stage.perform_all(steps).expect("redlet is in this process")
}

/// The message of a failed test: one report for each way of going wrong.
fn report(differences: &[String]) -> String {
    const SHOWN: usize = 40;
    let fault = |text: &str| text.split_once(" expected:").map(|(_, fault)| fault.replace("Resp2", "Resp3"));
    let mut faults = Vec::new();
    let mut shown = differences.to_vec();
    shown.retain(|text| {
        let fault = fault(text);
        let is_new = !faults.contains(&fault);
        faults.push(fault);
        is_new
    });
    shown.truncate(SHOWN);
    format!("{} differences\n{}", differences.len(), shown.join("\n"))
}

#[test]
fn callers_see_of_each_other_what_is_recorded() {
    let mut differences = Vec::new();
    for group in MEETINGS {
        let table = read_file(&package_path(&format!("tables/sessions/{group}.txt")));
        let recorded = transcripts::parse(&table).unwrap_or_else(|fault| panic!("{group}: {fault}"));
        assert!(!recorded.is_empty(), "{group} has no transcript");
        for transcript in recorded {
            for protocol in PROTOCOLS {
                let expected = match protocol {
                    Protocol::Resp2 => &transcript.resp2,
                    Protocol::Resp3 => &transcript.resp3,
                };
                let got = on_redlet(protocol, &transcript.steps);
                let difference =
                    first_difference(&format!("{protocol:?}"), &transcript.steps, expected, &got);
                differences.extend(difference.map(|text| format!("{group}: {}\n{text}", transcript.title)));
            }
        }
    }
    assert!(differences.is_empty(), "{}", report(&differences));
}

#[test]
fn the_transcripts_hold_every_script_in_its_order() {
    for group in MEETINGS {
        let table = read_file(&package_path(&format!("tables/sessions/{group}.txt")));
        let recorded = transcripts::parse(&table).unwrap_or_else(|fault| panic!("{group}: {fault}"));
        let present: Vec<Script> =
            recorded.into_iter().map(|one| Script { title: one.title, steps: one.steps }).collect();
        assert!(
            present == scripts_of(group),
            "cases/sessions/{group}.txt changed: renew the recordings with `cargo xtask record`"
        );
    }
}

#[test]
fn callers_see_of_each_other_what_those_of_the_server_see() {
    let Some(oracle) = Oracle::find() else { return };
    let mut differences = Vec::new();
    for group in MEETINGS {
        for script in scripts_of(group) {
            for protocol in PROTOCOLS {
                let difference = lasting(|| {
                    let mut stage = ServerStage::open(&oracle, protocol, &callers(&script.steps))
                        .expect("the server answers");
                    let expected = stage.perform_all(&script.steps);
                    let expected = expected.unwrap_or_else(|error| panic!("{}: {error}", script.title));
                    let got = on_redlet(protocol, &script.steps);
                    first_difference(&format!("{protocol:?}"), &script.steps, &expected, &got)
                });
                differences.extend(difference.map(|text| format!("{group}: {}\n{text}", script.title)));
            }
        }
    }
    assert!(differences.is_empty(), "{}", report(&differences));
}

/// Long enough for callers to get in each other's way, short enough to shrink at once.
const SEQUENCE: usize = 200;
/// Different failures to find before giving up.
const REPORTS: usize = 5;
/// Who runs commands; the last one looks at what is left, at the end.
const CALLERS: [char; 5] = ['a', 'b', 'c', 'd', 'z'];

/// Whether the server's own answers to a command are the same each time, and can be read at all.
fn is_comparable(words: &[Vec<u8>], is_queued: bool) -> bool {
    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["INFO", ..] => false,
        // Redis 8.0.2 announces one answer for each command of EXEC, and then gives another number of them.
        ["CLIENT", "REPLY", ..] if is_queued => false,
        ["SUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE", _, _, ..] if is_queued => false,
        // The end of several subscriptions is told in no order.
        ["UNSUBSCRIBE"] => false,
        ["PSUBSCRIBE", names @ ..] => names == ["X*"],
        ["SSUBSCRIBE", names @ ..] => names == ["X"],
        // What is told and answered takes its form when EXEC ends; there, when the command has run.
        ["HELLO", ..] | ["CLIENT", "TRACKING", ..] if is_queued => false,
        // A refusal may repeat the number of a caller, which is another one there.
        ["CLIENT", "UNBLOCK" | "TRACKING", ..] => true,
        _ => !words.iter().any(|word| word.starts_with('$')),
    }
}

/// Where a sorted set is put in place of a list, those who wait for one are served; Redis 8.0.2 forgets them.
fn is_store(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|name| name.to_ascii_uppercase().ends_with(b"STORE"))
}

/// Performs the steps of callers who are not waiting, first on redlet; the first step that is seen differently.
fn random_difference(oracle: &mut Oracle, protocol: Protocol, drawn: &[Step]) -> Option<String> {
    let looks = random_run::state().into_iter().map(|step| {
        let line = words::line(&step.words);
        // The two clocks are not read at the same time.
        let comparison =
            if step.comparison == Comparison::About { Comparison::Shape } else { step.comparison };
        Step::Run('z', cases::Case { line, words: step.words, comparison })
    });
    let now = oracle.now().expect("the server answers");
    let mut redlet = RedletStage::at(now, protocol, &CALLERS);
    let (mut steps, mut got) = (Vec::new(), Vec::new());
    for step in drawn.iter().cloned().chain(looks) {
        let Some(caller) = step.caller() else { continue };
        let is_comparable = match &step {
            Step::Run(_, case) => {
                is_comparable(&case.words, redlet.is_queueing(caller))
                    && !(is_store(&case.words) && redlet.has_waiting())
            }
            _ => true,
        };
        if is_comparable && redlet.is_ready(caller) {
            got.push(redlet.perform(&step).expect("redlet is in this process"));
            steps.push(step);
        }
    }
    let mut server = ServerStage::open(oracle, protocol, &CALLERS).expect("the server answers");
    let expected = server.perform_all(&steps).expect("the server answers");
    first_difference(&format!("{protocol:?}"), &steps, &expected, &got)
}

#[test]
fn random_callers_see_of_each_other_what_those_of_the_server_see() {
    compare_random_callers("random");
}

#[test]
fn random_callers_that_track_keys_are_told_what_those_of_the_server_are() {
    compare_random_callers("random_tracking");
}

/// Draws what callers run from a file of templates.
fn compare_random_callers(file: &str) {
    let Some(mut oracle) = Oracle::find() else { return };
    let (steps, seed) = (setting("REDLET_SESSION_STEPS", 40_000), setting("REDLET_SEED", 1));
    println!("{steps} random steps, REDLET_SEED={seed}");
    let text = read_file(&package_path(&format!("cases/sessions/{file}.txt")));
    let templates = generate::templates(&text);
    let mut draw = Draw::new(seed);
    let mut reports = Vec::new();
    for round in 0..steps.div_ceil(SEQUENCE as u64) {
        let protocol = PROTOCOLS[round as usize % 2];
        let mut next = || {
            let caller = CALLERS[draw.below(CALLERS.len() - 1)];
            let generate::Step { words, comparison } = generate::step(&templates, &mut draw);
            Step::Run(caller, cases::Case { line: words::line(&words), words, comparison })
        };
        let drawn: Vec<Step> = (0..SEQUENCE).map(|_| next()).collect();
        let Some(_) = random_difference(&mut oracle, protocol, &drawn) else { continue };
        let shortest = minimise(&drawn, |steps| random_difference(&mut oracle, protocol, steps).is_some());
        reports.extend(random_difference(&mut oracle, protocol, &shortest));
        if reports.len() >= REPORTS {
            break;
        }
    }
    assert!(reports.is_empty(), "REDLET_SEED={seed}: {}", report(&reports));
}
