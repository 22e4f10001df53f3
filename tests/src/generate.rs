//! Random commands over a small universe of keys, so that they meet often.
//!
//! `cases/random.txt` has a template for each form of a command: braces choose as in the other cases, and a word in angle
//! brackets is drawn from a small pool. Most commands are valid; some get a word too many, too few or spoilt.
use crate::cases::{alternatives, braces};
use crate::comparison::Comparison;
use crate::words;

/// Keys that commands draw from.
pub const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// A sorted set whose scores are all equal: only there do ranges of members have a defined meaning.
pub const EQUAL_SCORES: &str = "equal";

/// A stream of random numbers, by the algorithm `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The same seed gives the same stream.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// One of these.
    pub fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A command and how its answers are to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command.
    pub words: Vec<Vec<u8>>,
    /// How much of the answer counts.
    pub comparison: Comparison,
}

/// The templates of commands that the recorded server has, and of those that it does not have.
pub fn text_of_all() -> String {
    ["cases/random.txt", "cases/random_newer.txt"]
        .map(|path| crate::read_file(&crate::package_path(path)))
        .concat()
}

/// Reads the templates: those that are not empty and no remark, each as often as its weight says (`3x TEMPLATE`).
///
/// # Panics
/// When there are none.
pub fn templates(text: &str) -> Vec<&str> {
    let mut templates = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let weighted = line.split_once("x ").and_then(|(weight, rest)| Some((weight.parse().ok()?, rest)));
        let (weight, template): (usize, &str) = weighted.unwrap_or((1, line));
        templates.extend(std::iter::repeat_n(template, weight));
    }
    assert!(!templates.is_empty(), "there are templates to draw from");
    templates
}

/// Draws one command.
///
/// # Panics
/// When a template has unbalanced quotes or a mark that is not known.
pub fn step(templates: &[&str], draw: &mut Draw) -> Step {
    let template = draw.one_of(templates);
    let (comparison, template) =
        Comparison::strip(template).unwrap_or_else(|fault| panic!("{template}: {fault}"));
    let mut text = template.to_owned();
    while let Some((open, close)) = braces(&text) {
        let chosen = draw.one_of(&alternatives(&text[open + 1..close])).to_owned();
        text.replace_range(open..=close, &chosen);
    }
    let parsed = words::parse(&text).unwrap_or_else(|fault| panic!("{template}: {fault}"));
    let mut words: Vec<Vec<u8>> = parsed.into_iter().map(|word| fill(word, draw)).collect();
    let fragile = words.iter().any(|word| word == EQUAL_SCORES.as_bytes());
    if !fragile && draw.below(40) == 0 {
        spoil(&mut words, draw);
    }
    Step { words, comparison }
}

fn fill(word: Vec<u8>, draw: &mut Draw) -> Vec<u8> {
    let Some(text) = std::str::from_utf8(&word).ok() else { return word };
    let Some((before, rest)) = text.split_once('<') else { return word };
    let Some((pool, after)) = rest.split_once('>') else { return word };
    let drawn = match pool {
        "key" => draw.one_of(&KEYS).to_owned(),
        "field" => draw.one_of(&["f1", "f2", "f3", "f4", "5", ""]).to_owned(),
        "member" => draw.one_of(&["m1", "m2", "m3", "x", "y", "1", "2", "3", "-7", ""]).to_owned(),
        "value" => draw
            .one_of(&[
                "v",
                "",
                "10",
                "-3",
                "3.5",
                "hello world",
                "0",
                "9223372036854775807",
                "abcabc",
                "\u{e9}",
                "1e3",
            ])
            .to_owned(),
        "index" => draw
            .one_of(&["0", "1", "2", "3", "5", "9", "40", "4095", "4096", "9000000", "18446744073709551614"])
            .to_owned(),
        "int" => draw.one_of(&["0", "1", "-1", "2", "-2", "3", "5", "-5", "100", "-100"]).to_owned(),
        "bit" => draw.one_of(&["0", "1", "2", "7", "8", "13", "30", "100"]).to_owned(),
        "width" => draw.one_of(&["u1", "u4", "u8", "u63", "i1", "i5", "i8", "i16", "i64"]).to_owned(),
        "count" => draw.one_of(&["0", "1", "2", "3", "10", "1"]).to_owned(),
        "score" => draw.one_of(&["0", "1", "2", "-1", "1.5", "2.25", "10", "inf", "-inf", "1e10"]).to_owned(),
        "bound" => draw
            .one_of(&["0", "1", "(1", "2", "(2", "-1", "1.5", "10", "(10", "-inf", "+inf", "(inf"])
            .to_owned(),
        "id" => draw
            .one_of(&["0-1", "1", "1-1", "1-3", "2-0", "3-1", "4-2", "5", "5-0", "7-7", "9", "20-1"])
            .to_owned(),
        "group" => draw.one_of(&["g", "h"]).to_owned(),
        "consumer" => draw.one_of(&["alice", "bob"]).to_owned(),
        "lex" => draw.one_of(&["-", "+", "[m1", "(m1", "[m2", "(m3", "[x", "(x", "[", "("]).to_owned(),
        "longitude" => {
            draw.one_of(&["0", "13.361389", "15.087269", "-180", "180", "13.4", "-73.98"]).to_owned()
        }
        "latitude" => {
            draw.one_of(&["0", "38.115556", "37.502669", "85.05", "-60", "38.1", "40.76"]).to_owned()
        }
        "size" => draw.one_of(&["0", "5", "200", "3000", "30000"]).to_owned(),
        "pattern" => draw.one_of(&["*", "m*", "?", "[a-c]", "[^a]", "f1", "*1*", "\\*"]).to_owned(),
        // Far enough apart that a few milliseconds never decide which of two is later.
        "seconds" => (1000 + draw.below(1_000_000)).to_string(),
        "milliseconds" => (1_000_000 + draw.below(1_000_000_000)).to_string(),
        "second" => (33_000_000_000 + draw.below(1000)).to_string(),
        "millisecond" => (33_000_000_000_000 + draw.below(1000)).to_string(),
        _ => return word,
    };
    format!("{before}{drawn}{after}").into_bytes()
}

fn spoil(words: &mut Vec<Vec<u8>>, draw: &mut Draw) {
    let at = draw.below(words.len());
    match draw.below(4) {
        0 if words.len() > 1 => drop(words.remove(at)),
        1 => words.insert(at, words[at].clone()),
        2 => words.push(b"extra".to_vec()),
        _ if at > 0 => {
            let bad =
                ["abc", "", "1.5", "9223372036854775808", "-9223372036854775808", "nan", " 1", "0x10", "-1"];
            words[at] = draw.one_of(&bad).as_bytes().to_vec();
        }
        _ => words[0].push(b'x'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_commands() {
        let text = crate::read_file(&crate::package_path("cases/random.txt"));
        let templates = templates(&text);
        let draw = |seed| {
            let mut draw = Draw::new(seed);
            (0..100).map(|_| step(&templates, &mut draw)).collect::<Vec<_>>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }

    #[test]
    fn every_pool_that_a_template_names_is_known() {
        let text = text_of_all();
        let mut draw = Draw::new(1);
        for template in templates(&text) {
            for _ in 0..20 {
                let step = step(&[template], &mut draw);
                assert!(!step.words.iter().any(|word| word.contains(&b'<')), "{template}: {step:?}");
            }
        }
    }
}
