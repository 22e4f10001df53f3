//! The change feed as commands: run on an empty store, redlet's or Redis's, they leave what the original holds.
use std::collections::BTreeSet;
use std::time::Duration;

use redlet::{Change, Effect, ManualClock, Position, Redis, UnixMs};
use redlet_tests::cases;
use redlet_tests::comparison::Comparison;
use redlet_tests::generate::{self, Draw, Step};
use redlet_tests::oracle::Oracle;
use redlet_tests::random_run::{state, state_and_newer};
use redlet_tests::subject::{START, Subject};
use redlet_tests::value::{Answer, Value};
use redlet_tests::{package_path, read_file, words};

type Command = Vec<Vec<u8>>;

/// What was shown of a store after some commands, the commands of its feed, and its changes.
struct Run {
    shown: Vec<Answer>,
    commands: Vec<Command>,
    changes: Vec<Change>,
    took: Duration,
}

fn run(steps: &[Step], start: i64) -> Run {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let (path, clock) = (folder.path().join("store.redlet"), ManualClock::at(UnixMs(start)));
    let mut subject = Subject::on_disk(&path, clock.clone());
    for step in steps {
        subject.execute(&step.words);
    }
    let shown = state_and_newer().iter().map(|step| subject.execute(&step.words)).collect();
    let took = Duration::from_millis((redlet::Clock::now(&clock).0 - start) as u64);
    subject.close();
    let redis = Redis::builder().path(&path).clock(clock).build().expect("it opens again");
    let mut feed = redis.changes(Position(1)).expect("the whole log is there");
    let changes: Vec<Change> =
        std::iter::from_fn(|| feed.try_next().unwrap_or_else(|error| panic!("{error}"))).collect();
    let mut commands: Vec<Command> = Vec::new();
    let mut selected = 0;
    for change in &changes {
        if std::mem::replace(&mut selected, change.db) != change.db {
            commands.push(vec![b"SELECT".to_vec(), change.db.to_string().into_bytes()]);
        }
        commands.extend(
            change.to_commands().map(|words| words.into_iter().map(std::borrow::Cow::into_owned).collect()),
        );
    }
    Run { shown, commands, changes, took }
}

fn steps(seed: u64, templates: &[&str], count: usize) -> Vec<Step> {
    let mut draw = Draw::new(seed);
    let mut steps: Vec<Step> = (0..count).map(|_| generate::step(templates, &mut draw)).collect();
    // Too seldom among random commands, or there would never be much to look at.
    if let Some(name) = ["FLUSHDB", "FLUSHALL"].get(draw.below(10)) {
        let place = draw.below(count);
        steps.insert(place, Step { words: vec![name.as_bytes().to_vec()], comparison: Comparison::Exact });
    }
    steps
}

fn lines(commands: &[Command]) -> String {
    commands.iter().map(|words| words::line(words)).collect::<Vec<_>>().join("\n")
}

/// The name of an effect's kind.
fn kind(effect: &Effect<'_>) -> String {
    format!("{effect:?}").split([' ', '(']).next().unwrap_or_default().to_owned()
}

#[test]
fn the_commands_of_the_feed_make_the_same_store_again() {
    let (text, newer) = (generate::text_of_all(), read_file(&package_path("cases/random_newer.txt")));
    let (templates, newer) = (generate::templates(&text), generate::templates(&newer));
    let mut kinds = BTreeSet::new();
    for seed in 0..440 {
        // What takes several commands to come to is seldom drawn among all of them.
        let templates = if seed % 11 == 0 { &newer } else { &templates };
        let Run { shown, commands, changes, took } = run(&steps(seed, templates, 150), START);
        kinds.extend(changes.iter().map(|change| kind(&change.effect)));
        let mut again = Subject::at(START);
        for command in &commands {
            let answer = again.execute(command);
            assert!(
                !matches!(answer.resp3, Value::Error(_)),
                "seed {seed}: {} was refused: {}",
                words::line(command),
                answer.resp3
            );
        }
        again.advance(took);
        for (step, before) in state_and_newer().iter().zip(&shown) {
            let after = again.execute(&step.words);
            let (before, after) = (step.comparison.promised(before), step.comparison.promised(&after));
            assert!(
                before == after,
                "seed {seed}: {} shows {}, not {}, after\n{}",
                words::line(&step.words),
                after.resp3,
                before.resp3,
                lines(&commands)
            );
        }
    }
    // Otherwise the test would show nothing of the others.
    let missing: Vec<&str> = KINDS.into_iter().filter(|kind| !kinds.contains(*kind)).collect();
    assert!(missing.is_empty(), "no such change was drawn: {missing:?} of {kinds:?}");
}

/// Every kind of effect that a change can have.
const KINDS: [&str; 32] = [
    "SetString",
    "Put",
    "Del",
    "ExpireAt",
    "Persist",
    "Rename",
    "Move",
    "Clear",
    "ClearAll",
    "SwapDb",
    "Patch",
    "HSet",
    "HDel",
    "PushFront",
    "PushBack",
    "PopFront",
    "PopBack",
    "ListSet",
    "ListInsert",
    "ListRemove",
    "ListKeep",
    "SAdd",
    "SRem",
    "ZAdd",
    "ZRem",
    "HExpireAt",
    "HPersist",
    "Stream",
    "Vector",
    "SExpireAt",
    "SPersist",
    "Array",
];

#[test]
fn a_real_server_takes_the_commands_of_the_feed_and_holds_the_same() {
    let Some(mut oracle) = Oracle::find() else { return };
    let text = read_file(&package_path("cases/random.txt"));
    let templates = generate::templates(&text);
    for seed in 0..40 {
        let mut steps = steps(seed, &templates, 150);
        steps.retain(|step| cases::advance(&step.words).is_none());
        let start = oracle.now().expect("the server answers");
        let Run { shown, commands, .. } = run(&steps, start);
        let all: Vec<Command> =
            commands.iter().cloned().chain(state().into_iter().map(|step| step.words)).collect();
        let answers = oracle.answers(&all).expect("the server answers");
        let (loading, held) = answers.split_at(commands.len());
        for (command, answer) in commands.iter().zip(loading) {
            assert!(
                !matches!(answer.resp3, Value::Error(_)),
                "seed {seed}: {} was refused: {}",
                words::line(command),
                answer.resp3
            );
        }
        for ((step, before), after) in state().iter().zip(&shown).zip(held) {
            assert!(
                step.comparison.holds(&step.words, after, before),
                "seed {seed}: {} shows {}, not {}, after\n{}",
                words::line(&step.words),
                after.resp3,
                before.resp3,
                lines(&commands)
            );
        }
    }
}
