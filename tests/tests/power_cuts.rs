//! Producers and groups of consumers go on after a power cut as if there had been none: every entry is delivered and acknowledged as
//! it would have been. What that is, `random.rs` compares with a real server.
use std::time::Duration;

use redlet::{ManualClock, SimVfs, UnixMs};
use redlet_tests::generate::{self, Draw, Step};
use redlet_tests::minimise::minimise;
use redlet_tests::subject::{START, Subject};
use redlet_tests::value::Answer;
use redlet_tests::words;

/// How many commands there are between two power cuts.
const BETWEEN: usize = 12;

/// What a store answers whose power is cut now and then, or never.
fn answers(steps: &[Step], is_cut: bool) -> Vec<Answer> {
    let clock = ManualClock::at(UnixMs(START));
    let mut vfs = SimVfs::default();
    let mut subject = Subject::on_simulated_disk(vfs.clone(), clock.clone());
    let mut answers = Vec::with_capacity(steps.len());
    for (number, step) in steps.iter().enumerate() {
        if is_cut && number % BETWEEN == BETWEEN - 1 {
            vfs = vfs.after_power_cut(number as u64);
            subject = Subject::on_simulated_disk(vfs.clone(), clock.clone());
        }
        answers.push(step.comparison.promised(&subject.execute(&step.words)));
        clock.advance(Duration::from_millis(number as u64 % 7));
    }
    answers
}

#[test]
fn streams_and_their_groups_go_on_after_a_power_cut_as_if_there_had_been_none() {
    let text = generate::text_of_all();
    let of_streams = |line: &&str| line.starts_with('X') || line.contains("] X") || line.contains("DEL,");
    let templates: Vec<&str> = generate::templates(&text).into_iter().filter(of_streams).collect();
    for seed in 0..40 {
        let mut draw = Draw::new(seed);
        let steps: Vec<Step> = (0..300).map(|_| generate::step(&templates, &mut draw)).collect();
        let differs = |steps: &[Step]| answers(steps, true) != answers(steps, false);
        if !differs(&steps) {
            continue;
        }
        let shortest = minimise(&steps, differs);
        let (cut, whole) = (answers(&shortest, true), answers(&shortest, false));
        let lines: Vec<String> = shortest.iter().map(|step| words::line(&step.words)).collect();
        let place = cut.iter().zip(&whole).position(|(cut, whole)| cut != whole).unwrap_or(0);
        panic!(
            "seed {seed}: after\n{}\n{}: {} without a power cut, {} with",
            lines.join("\n"),
            lines[place],
            whole[place].resp3,
            cut[place].resp3
        );
    }
}
