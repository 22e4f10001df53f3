//! Random commands leave redlet and a real server in the same state, and get the same answers on the way.
//!
//! `REDLET_RANDOM_COMMANDS` sets how many, `REDLET_SEED` which ones.
use redlet_tests::differences::Deliberate;
use redlet_tests::generate::{self, Draw, Step};
use redlet_tests::minimise::minimise;
use redlet_tests::oracle::Oracle;
use redlet_tests::random_run::first_difference;
use redlet_tests::{package_path, read_file, words};

/// Long enough for keys to get a history, short enough to shrink at once.
const SEQUENCE: usize = 250;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

#[test]
fn random_sequences_are_answered_as_the_server_answers_them() {
    let Some(mut oracle) = Oracle::find() else { return };
    let (commands, seed) = (setting("REDLET_RANDOM_COMMANDS", 200_000), setting("REDLET_SEED", 1));
    println!("{commands} random commands, REDLET_SEED={seed}");
    let text = read_file(&package_path("cases/random.txt"));
    let templates = generate::templates(&text);
    let deliberate = Deliberate::from_document();
    let mut draw = Draw::new(seed);
    for _ in 0..commands.div_ceil(SEQUENCE as u64) {
        let steps: Vec<Step> = (0..SEQUENCE).map(|_| generate::step(&templates, &mut draw)).collect();
        let mut difference =
            |steps: &[Step]| first_difference(&mut oracle, steps, &deliberate).expect("the server answers");
        if difference(&steps).is_none() {
            continue;
        }
        let shortest = minimise(&steps, |steps| difference(steps).is_some());
        let lines: Vec<String> = shortest.iter().map(|step| words::line(&step.words)).collect();
        let found =
            difference(&shortest).map_or_else(|| "(not there again)".into(), |found| found.to_string());
        panic!("REDLET_SEED={seed}: redlet and the server differ after\n{}\n{found}", lines.join("\n"));
    }
}
