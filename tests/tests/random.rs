//! Random commands leave redlet and a real server in the same state, and get the same answers on the way.
//!
//! `REDLET_RANDOM_COMMANDS` sets how many, `REDLET_SEED` which ones.
use redlet_tests::differences::Deliberate;
use redlet_tests::generate::{self, Draw, Step};
use redlet_tests::minimise::minimise;
use redlet_tests::oracle::Oracle;
use redlet_tests::random_run::first_difference;
use redlet_tests::{package_path, read_file, setting, words};

/// Long enough for keys to get a history, short enough to shrink at once.
const SEQUENCE: usize = 250;
/// Different failures to find before giving up.
const REPORTS: usize = 10;

#[test]
fn random_sequences_are_answered_as_the_server_answers_them() {
    let Some(mut oracle) = Oracle::find() else { return };
    let (commands, seed) = (setting("REDLET_RANDOM_COMMANDS", 200_000), setting("REDLET_SEED", 1));
    println!("{commands} random commands, REDLET_SEED={seed}");
    let text = read_file(&package_path("cases/random.txt"));
    let templates = generate::templates(&text);
    let deliberate = Deliberate::from_document();
    let mut draw = Draw::new(seed);
    let mut reports: Vec<(String, String)> = Vec::new();
    for _ in 0..commands.div_ceil(SEQUENCE as u64) {
        let steps: Vec<Step> = (0..SEQUENCE).map(|_| generate::step(&templates, &mut draw)).collect();
        let mut difference =
            |steps: &[Step]| first_difference(&mut oracle, steps, &deliberate).expect("the server answers");
        let Some(found) = difference(&steps) else { continue };
        // One report for each command is enough, and shrinking takes its time.
        let name = found.line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        if reports.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let shortest = minimise(&steps, |steps| difference(steps).is_some());
        let lines: Vec<String> = shortest.iter().map(|step| words::line(&step.words)).collect();
        let shown =
            difference(&shortest).map_or_else(|| "(not there again)".into(), |found| found.to_string());
        reports.push((name, format!("after\n{}\n{shown}", lines.join("\n"))));
        if reports.len() == REPORTS {
            break;
        }
    }
    let texts: Vec<&str> = reports.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts.is_empty(), "REDLET_SEED={seed}: redlet and the server differ\n{}", texts.join("\n"));
}
