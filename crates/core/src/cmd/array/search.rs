//! Which elements `ARGREP` finds.
//!
//! Nothing here takes more than about pattern times text steps, and patterns take no more memory than there is for all of a search: one
//! that would is refused.
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use crate::{Error, Result, glob};

/// What an element must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayPredicate<'a> {
    /// It is this. `EXACT`.
    Exact(&'a [u8]),
    /// This is somewhere in it. `MATCH`.
    Match(&'a [u8]),
    /// This pattern describes the whole of it, as those of `KEYS` do. `GLOB`.
    Glob(&'a [u8]),
    /// This regular expression describes some of it. `RE`.
    Re(&'a [u8]),
}

/// The most predicates that a search has.
const MOST: usize = 250;
/// The longest regular expression, in bytes.
const LONGEST: usize = 2048;
/// What all regular expressions of a search may take together, in bytes, as automata; what they note while they search as much again.
const ROOM: usize = 16 << 20;
/// What one may take.
const ROOM_OF_ONE: usize = 1 << 20;

/// What to look for in elements.
#[derive(Clone, Debug)]
pub struct ArraySearch<'a> {
    tests: Vec<Test<'a>>,
    /// An element has to pass all tests, not one.
    needs_all: bool,
    ignores_case: bool,
}

#[derive(Clone, Debug)]
enum Test<'a> {
    Exact(&'a [u8]),
    Contains(Box<Finder<'a>>),
    Glob(&'a [u8]),
    Expression(Regex),
}

impl<'a> ArraySearch<'a> {
    /// Elements for which one of these is true, or with `needs_all` all of them. `ignores_case` is about ASCII letters.
    ///
    /// # Errors
    /// Refused if there is no predicate or more than 250, and if a regular expression is empty, longer than 2048 bytes or none that is
    /// understood.
    pub fn new(predicates: &[ArrayPredicate<'a>], needs_all: bool, ignores_case: bool) -> Result<Self> {
        if predicates.is_empty() {
            return Err(Error::Syntax);
        }
        if predicates.len() > MOST {
            return Err(Error::refused("ERR too many predicates, maximum is 250"));
        }
        let expressions = predicates.iter().filter(|one| matches!(one, ArrayPredicate::Re(_))).count();
        let room = ROOM_OF_ONE.min(ROOM / expressions.max(1));
        let test = |predicate: &ArrayPredicate<'a>| {
            Ok(match *predicate {
                ArrayPredicate::Exact(text) => Test::Exact(text),
                ArrayPredicate::Match(text) if ignores_case => {
                    Test::Contains(Box::new(Finder::new(&text.to_ascii_lowercase()).into_owned()))
                }
                ArrayPredicate::Match(text) => Test::Contains(Box::new(Finder::new(text))),
                ArrayPredicate::Glob(pattern) => Test::Glob(pattern),
                ArrayPredicate::Re(pattern) => Test::Expression(compile(pattern, ignores_case, room)?),
            })
        };
        let tests = predicates.iter().map(test).collect::<Result<_>>()?;
        Ok(Self { tests, needs_all, ignores_case })
    }

    /// Whether an element is one of those.
    pub fn finds(&self, element: &[u8]) -> bool {
        let passes = |test: &Test<'_>| match test {
            Test::Exact(text) if self.ignores_case => element.eq_ignore_ascii_case(text),
            Test::Exact(text) => element == *text,
            Test::Contains(finder) if self.ignores_case => {
                finder.find(&element.to_ascii_lowercase()).is_some()
            }
            Test::Contains(finder) => finder.find(element).is_some(),
            Test::Glob(pattern) => glob::matches(pattern, element, self.ignores_case),
            Test::Expression(expression) => expression.is_match(element),
        };
        if self.needs_all { self.tests.iter().all(passes) } else { self.tests.iter().any(passes) }
    }
}

fn compile(pattern: &[u8], ignores_case: bool, room: usize) -> Result<Regex> {
    if pattern.is_empty() {
        return Err(Error::refused("ERR regular expression is empty"));
    }
    if pattern.len() > LONGEST {
        return Err(Error::refused("ERR regular expression is too long, maximum is 2048 bytes"));
    }
    let built = RegexBuilder::new(&in_our_notation(pattern))
        .unicode(false)
        .case_insensitive(ignores_case)
        .dot_matches_new_line(true)
        .size_limit(room)
        .dfa_size_limit(room)
        .build();
    built.map_err(|fault| {
        let is_backreference = fault.to_string().contains("backreferences are not supported");
        Error::refused(if is_backreference {
            "ERR backreferences are not supported"
        } else {
            "ERR invalid regular expression"
        })
    })
}

/// A pattern in the notation of POSIX's extended regular expressions, in that of the crate, where they mean the same but in brackets:
/// there POSIX has no escapes and no sets of sets. A byte that is no ASCII is one byte, not a part of a character.
fn in_our_notation(pattern: &[u8]) -> String {
    let mut written = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'\\' => {
                written.push('\\');
                if let [escaped, after @ ..] = rest {
                    rest = after;
                    push(&mut written, *escaped);
                }
            }
            b'[' => rest = push_brackets(&mut written, rest),
            byte => push(&mut written, *byte),
        }
    }
    written
}

fn push(written: &mut String, byte: u8) {
    if byte.is_ascii() {
        written.push(char::from(byte));
    } else {
        push_code(written, byte);
    }
}

fn push_code(written: &mut String, byte: u8) {
    use std::fmt::Write;
    let _ = write!(written, "\\x{byte:02x}");
}

/// What is in brackets, the first of which was read; returns what comes after them.
fn push_brackets<'p>(written: &mut String, mut rest: &'p [u8]) -> &'p [u8] {
    written.push('[');
    if let Some(after) = rest.strip_prefix(b"^") {
        written.push('^');
        rest = after;
    }
    let mut is_first = true;
    while let [byte, after @ ..] = rest {
        let class = rest.strip_prefix(b"[:").and_then(|name| {
            let end = name.windows(2).position(|two| two == b":]")?;
            std::str::from_utf8(&name[..end]).ok().map(|class| (class, &name[end + 2..]))
        });
        match (class, byte) {
            (Some((class, after)), _) => {
                written.extend(["[:", class, ":]"]);
                rest = after;
            }
            (None, b']') if !is_first => {
                written.push(']');
                return after;
            }
            // At either end of the brackets it is itself.
            (None, b'-') if !is_first && !after.starts_with(b"]") => {
                written.push('-');
                rest = after;
            }
            (None, byte) => {
                push_code(written, *byte);
                rest = after;
            }
        }
        is_first = false;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        ArraySearch::new(&[ArrayPredicate::Re(pattern.as_bytes())], false, false)
            .unwrap_or_else(|error| panic!("{pattern}: {error}"))
            .finds(text.as_bytes())
    }

    #[test]
    fn brackets_are_those_of_posix() {
        for (pattern, found, others) in [
            ("^[]x]$", &["]", "x"][..], &["[", "\\"][..]),
            ("^[^]x]$", &["[", "y"], &["]", "x"]),
            (r"^[\d]$", &["\\", "d"], &["5"]),
            ("^[[:digit:]a-c-]$", &["7", "b", "-"], &["d", ":"]),
            ("^[a&&b]$", &["a", "&", "b"], &["c"]),
            ("^[-+]$", &["-", "+"], &[","]),
            ("^[+--]$", &["+", ",", "-"], &["."]),
            ("^[[x]$", &["[", "x"], &["]"]),
        ] {
            assert!(found.iter().all(|text| finds(pattern, text)), "{pattern}");
            assert!(!others.iter().any(|text| finds(pattern, text)), "{pattern}");
        }
    }

    #[test]
    fn a_point_is_any_byte() {
        assert!(finds("^a.b$", "a\nb"));
        assert!(finds("^..$", "\u{e9}"));
        assert!(finds("^\u{e9}$", "\u{e9}"));
        assert!(!finds("^[\u{e9}]$", "\u{e9}"));
    }

    #[test]
    fn what_would_take_much_memory_is_refused() {
        let wide = ArrayPredicate::Re(b"((a{1000}){1000}){1000}");
        let refusal = ArraySearch::new(&[wide], false, false).unwrap_err();
        assert_eq!(refusal.to_string(), "ERR invalid regular expression");
    }

    #[test]
    fn long_texts_are_searched_in_time() {
        let text = vec![b'a'; 1 << 20];
        let mut needle = vec![b'a'; 1 << 18];
        needle.push(b'b');
        for predicate in [ArrayPredicate::Match(&needle), ArrayPredicate::Re(b"(a*)*(a|aa)*b$")] {
            assert!(!ArraySearch::new(&[predicate], false, true).unwrap().finds(&text));
        }
    }
}
