//! A store that is closed and opened again holds what it held, deadlines included.
use redlet::{ManualClock, UnixMs};
use redlet_tests::generate::{self, Draw, Step};
use redlet_tests::minimise::minimise;
use redlet_tests::random_run::state_and_newer;
use redlet_tests::subject::{START, Subject};
use redlet_tests::value::Answer;
use redlet_tests::words;

/// What the store shows before it is closed and after it was opened again.
fn before_and_after(steps: &[Step]) -> [Vec<Answer>; 2] {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let (path, clock) = (folder.path().join("store.redlet"), ManualClock::at(UnixMs(START)));
    let look = |subject: &mut Subject| {
        state_and_newer()
            .iter()
            .map(|step| step.comparison.promised(&subject.execute(&step.words)))
            .collect::<Vec<_>>()
    };
    let mut subject = Subject::on_disk(&path, clock.clone());
    for step in steps {
        subject.execute(&step.words);
    }
    let before = look(&mut subject);
    subject.close();
    let mut reopened = Subject::on_disk(&path, clock);
    let after = look(&mut reopened);
    reopened.close();
    [before, after]
}

#[test]
fn after_random_commands_a_reopened_store_holds_what_it_held() {
    let text = generate::text_of_all();
    let templates = generate::templates(&text);
    for seed in 0..60 {
        let mut draw = Draw::new(seed);
        let steps: Vec<Step> = (0..150).map(|_| generate::step(&templates, &mut draw)).collect();
        let differs = |steps: &[Step]| {
            let [before, after] = before_and_after(steps);
            before != after
        };
        if !differs(&steps) {
            continue;
        }
        let shortest = minimise(&steps, differs);
        let [before, after] = before_and_after(&shortest);
        let lines: Vec<String> = shortest.iter().map(|step| words::line(&step.words)).collect();
        let changed = state_and_newer()
            .into_iter()
            .zip(before.into_iter().zip(after))
            .filter(|(_, (before, after))| before != after);
        let changed: Vec<String> = changed
            .map(|(step, (before, after))| {
                format!("{}: {} then {}", words::line(&step.words), before.resp3, after.resp3)
            })
            .collect();
        panic!("seed {seed}: after\n{}\n{}", lines.join("\n"), changed.join("\n"));
    }
}
