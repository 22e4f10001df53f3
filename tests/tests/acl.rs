//! Random rules mean to redlet what they mean to a real server: the same refusals, the same descriptions, and the same answers to
//! whether a user may run a random command.
//!
//! `REDLET_ACL_RULES` sets how many rules, `REDLET_SEED` which ones.
use std::collections::BTreeSet;
use std::sync::Arc;

use redlet_core::{Engine, EngineOptions, ManualClock, UnixMs, cmd};
use redlet_tests::connection::Protocol;
use redlet_tests::generate::{self, Draw};
use redlet_tests::minimise::minimise;
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::value::Value;
use redlet_tests::{command_info, package_path, read_file, words};

type Words = Vec<Vec<u8>>;

/// Rules of one user, between which others are asked what came of them.
const SEQUENCE: usize = 40;
const USERS: [&str; 2] = ["u", "v"];

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

fn words_of(parts: &[&str]) -> Words {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

/// The commands that both have, by the names that rules use.
fn common_commands(oracle: &mut Oracle) -> Vec<String> {
    let answers = oracle.answers_in(Protocol::Resp3, &[words_of(&["COMMAND"])]).expect("the server answers");
    let [Value::Array(all)] = answers.as_slice() else { panic!("COMMAND gave no list") };
    let with_subcommands =
        all.iter().flat_map(|facts| std::iter::once(facts).chain(command_info::subcommands(facts)));
    let name = |facts: &Value| Some(command_info::describe(facts)?.split_whitespace().next()?.to_owned());
    let theirs: BTreeSet<String> = with_subcommands.filter_map(name).collect();
    cmd::all().map(cmd::Row::listed_name).filter(|name| theirs.contains(name)).collect()
}

fn pattern(draw: &mut Draw) -> &'static str {
    draw.one_of(&["a", "b", "c", "d*", "[a-c]", "e", "?", "f", "*", "", "m*", "equal", "x y"])
}

/// The categories that Redis 8.0.2 has too: arrays came after it.
fn common_categories() -> Vec<&'static str> {
    cmd::CATEGORIES.into_iter().filter(|category| *category != "@array").collect()
}

fn command_rule(commands: &[String], draw: &mut Draw) -> String {
    let sign = draw.one_of(&["+", "-"]);
    let name = match draw.below(12) {
        0..=2 => draw.one_of(&common_categories()).to_owned(),
        3 => draw.one_of(&["@all", "@ALL", "@nothing", "nothing", "config|nothing", ""]).to_owned(),
        4 => draw
            .one_of(&["get|a", "select|1", "select|2", "get|b", "echo|x", "config|get|x", "mget|"])
            .to_owned(),
        5 => {
            draw.one_of(&["get", "set", "mget", "config", "config|get", "acl", "object", "select"]).to_owned()
        }
        _ => commands[draw.below(commands.len())].clone(),
    };
    format!("{sign}{name}")
}

fn selector_rule(commands: &[String], draw: &mut Draw) -> String {
    let text = match draw.below(10) {
        0..=1 => format!("~{}", pattern(draw)),
        2 => format!("{}{}", draw.one_of(&["%R~", "%W~", "%RW~", "%r~", "%RX~", "%~"]), pattern(draw)),
        3 => format!("&{}", pattern(draw)),
        4 => draw
            .one_of(&[
                "resetkeys",
                "resetchannels",
                "allkeys",
                "allchannels",
                "allcommands",
                "nocommands",
                "ALLKEYS",
            ])
            .to_owned(),
        _ => command_rule(commands, draw),
    };
    if draw.below(30) == 0 { text.to_ascii_uppercase() } else { text }
}

fn rule(commands: &[String], draw: &mut Draw) -> String {
    match draw.below(12) {
        0 => draw
            .one_of(&["on", "off", "nopass", "resetpass", "clearselectors", "reset", "", "ON", "what"])
            .to_owned(),
        1 => draw
            .one_of(&[">pw", ">other", "<pw", "<nothing", "#abc", "!abc", "sanitize-payload", "("])
            .to_owned(),
        2..=3 => {
            let count = draw.below(4);
            let rules: Vec<String> = (0..count).map(|_| selector_rule(commands, draw)).collect();
            format!("({})", rules.join(" "))
        }
        _ => selector_rule(commands, draw),
    }
}

/// Changes a user, and looks at what came of it.
fn change(commands: &[String], templates: &[&str], draw: &mut Draw) -> Vec<Words> {
    let user = draw.one_of(&USERS);
    let mut set = words_of(&["ACL", "SETUSER", user]);
    let count = 1 + draw.below(3);
    for _ in 0..count {
        // Now and then a selector comes as several words.
        let rule = rule(commands, draw);
        let split = rule.starts_with('(') && draw.below(3) == 0;
        let parts: Vec<&str> = if split { rule.split(' ').collect() } else { vec![&rule] };
        set.extend(parts.into_iter().map(|part| part.as_bytes().to_vec()));
    }
    let mut asked = vec![set, words_of(&["ACL", "GETUSER", user]), words_of(&["ACL", "LIST"])];
    for _ in 0..6 {
        let mut run = words_of(&["ACL", "DRYRUN", user]);
        if draw.below(5) == 0 {
            let line = draw.one_of(&[
                "CONFIG GET x",
                "CONFIG SET x 1",
                "ACL LIST",
                "ACL WHOAMI",
                "SELECT 1",
                "SELECT 2",
                "ECHO x",
                "PING",
                "INFO",
                "OBJECT HELP",
                "KEYS *",
                "GET a",
                "GET b",
                "SET a 1",
                "QUIT",
                "CONFIG nothing",
            ]);
            run.extend(words::parse(line).expect("these lines have words"));
        } else {
            run.extend(generate::step(templates, draw).words);
        }
        asked.push(run);
    }
    asked
}

/// Whether this asks about a command that nobody can run, because its words make no sense. Which of them are keys is anybody's guess,
/// and Redis guesses.
fn asks_about_nonsense(words: &[Vec<u8>]) -> bool {
    let [_, dry_run, _, words @ ..] = words else { return false };
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let clock = Arc::new(ManualClock::at(UnixMs(0)));
    let engine = Engine::new(EngineOptions { clock, seed: 0, databases: 1, shards: 1 });
    dry_run == b"DRYRUN" && engine.lookup(&words).is_ok() && engine.prepare(&words).is_err()
}

/// The first command that is answered differently, in RESP3: what RESP2 makes of it is for the recorded cases.
fn first_difference(oracle: &mut Oracle, changes: &[Vec<Words>]) -> Option<String> {
    let resets = USERS.map(|user| words_of(&["ACL", "SETUSER", user, "reset"]));
    let asked: Vec<Words> = resets.into_iter().chain(changes.iter().flatten().cloned()).collect();
    let expected = oracle.answers_in(Protocol::Resp3, &asked).expect("the server answers");
    let mut subject = Subject::default();
    asked.iter().zip(expected).find_map(|(words, expected)| {
        let got = subject.execute(words).resp3;
        (got != expected && !asks_about_nonsense(words))
            .then(|| format!("{}\n  expected {expected}\n  got      {got}", words::line(words)))
    })
}

#[test]
fn random_rules_mean_what_they_mean_to_the_server() {
    let Some(mut oracle) = Oracle::find() else { return };
    let (rules, seed) = (setting("REDLET_ACL_RULES", 20_000), setting("REDLET_SEED", 1));
    let commands = common_commands(&mut oracle);
    let text = read_file(&package_path("cases/random.txt"));
    let templates = generate::templates(&text);
    println!("{rules} random rules about {} commands, REDLET_SEED={seed}", commands.len());
    let mut draw = Draw::new(seed);
    for _ in 0..rules.div_ceil(SEQUENCE as u64) {
        let changes: Vec<_> = (0..SEQUENCE).map(|_| change(&commands, &templates, &mut draw)).collect();
        if first_difference(&mut oracle, &changes).is_none() {
            continue;
        }
        let shortest = minimise(&changes, |changes| first_difference(&mut oracle, changes).is_some());
        let lines: Vec<String> = shortest.iter().map(|change| words::line(&change[0])).collect();
        let shown = first_difference(&mut oracle, &shortest).unwrap_or_else(|| "(not there again)".into());
        panic!("REDLET_SEED={seed}: after\n{}\n{shown}", lines.join("\n"));
    }
}

#[test]
fn the_commands_of_each_category_are_the_servers() {
    let Some(mut oracle) = Oracle::find() else { return };
    let common: BTreeSet<String> = common_commands(&mut oracle).into_iter().collect();
    let asked: Vec<Words> =
        common_categories().into_iter().map(|category| words_of(&["ACL", "CAT", &category[1..]])).collect();
    let theirs = oracle.answers_in(Protocol::Resp3, &asked).expect("the server answers");
    let names = |answer: &Value| -> BTreeSet<String> {
        let Value::Array(names) = answer else { panic!("ACL CAT gave {answer}") };
        names.iter().map(command_info::plain).filter(|name| common.contains(name)).collect()
    };
    let mut subject = Subject::default();
    for (words, expected) in asked.iter().zip(theirs) {
        assert_eq!(names(&subject.execute(words).resp3), names(&expected), "{}", words::line(words));
    }
}
