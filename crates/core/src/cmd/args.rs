//! A cursor over a command's words, shared by every parser: it validates while it reads, and the first error wins.
use crate::number;
use crate::{Error, Result};

/// The words after a command's name that were not read yet.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    words: &'a [&'a [u8]],
    all: &'a [&'a [u8]],
    is_from_script: bool,
}

impl<'a> Args<'a> {
    /// A cursor at the first of `words`.
    pub const fn new(words: &'a [&'a [u8]]) -> Self {
        Self { words, all: words, is_from_script: false }
    }

    /// The words of a command, at the first after its name, which has so many.
    #[inline]
    pub fn of_command(all: &'a [&'a [u8]], name_words: usize) -> Self {
        Self { words: &all[name_words..], all, is_from_script: false }
    }

    /// The same, of a command that a script calls.
    pub(crate) fn of_call_by_script(all: &'a [&'a [u8]], name_words: usize) -> Self {
        Self { is_from_script: true, ..Self::of_command(all, name_words) }
    }

    /// Whether a script calls the command.
    pub const fn is_from_script(&self) -> bool {
        self.is_from_script
    }

    /// All words, those too that were read; those of [`Args::of_command`] begin with the name.
    pub const fn all(&self) -> &'a [&'a [u8]] {
        self.all
    }

    /// The first of all words: of [`Args::of_command`], the command's name as it was written.
    pub fn called(&self) -> &'a [u8] {
        self.all.first().copied().unwrap_or_default()
    }

    /// How many words are left.
    pub const fn remaining(&self) -> usize {
        self.words.len()
    }

    /// Whether none is left.
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The next word, not taken.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.words.first().copied()
    }

    /// All words that are left.
    pub fn rest(&mut self) -> &'a [&'a [u8]] {
        std::mem::take(&mut self.words)
    }

    /// The next word.
    ///
    /// # Errors
    /// [`Error::Syntax`] if none is left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        // Not `ok_or`, here and below, which would make the error and drop it each time.
        let Some((first, rest)) = self.words.split_first() else { return Err(Error::Syntax) };
        self.words = rest;
        Ok(first)
    }

    /// The next `count` words.
    ///
    /// # Errors
    /// [`Error::Syntax`] if fewer are left.
    pub fn many(&mut self, count: usize) -> Result<&'a [&'a [u8]]> {
        let Some((first, rest)) = self.words.split_at_checked(count) else { return Err(Error::Syntax) };
        self.words = rest;
        Ok(first)
    }

    /// Takes the next word if it is `token`, ignoring ASCII case.
    pub fn take(&mut self, token: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()));
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    /// Takes the next word if it is one of some tokens, and gives what that one stands for.
    pub fn take_one_of<T, const N: usize>(&mut self, tokens: [(&str, T); N]) -> Option<T> {
        tokens.into_iter().find_map(|(token, meaning)| self.take(token).then_some(meaning))
    }

    /// Takes the next word if it is `token` and at least `following` words come after it.
    pub fn take_with(&mut self, token: &str, following: usize) -> bool {
        self.remaining() > following && self.take(token)
    }

    /// The next word as an integer.
    ///
    /// # Errors
    /// [`Error::NotAnInteger`], or [`Error::Syntax`] if no word is left.
    pub fn int(&mut self) -> Result<i64> {
        let Some(number) = number::parse_i64(self.bytes()?) else { return Err(Error::NotAnInteger) };
        Ok(number)
    }

    /// The next word as an integer, with a refusal of the command's own.
    ///
    /// # Errors
    /// `refusal` if it is none or `accept` says no.
    pub fn int_where(&mut self, accept: impl Fn(i64) -> bool, refusal: &'static str) -> Result<i64> {
        match number::parse_i64(self.bytes()?) {
            Some(number) if accept(number) => Ok(number),
            _ => Err(Error::refused(refusal)),
        }
    }

    /// The next word as an integer that has a counterpart with the other sign.
    ///
    /// # Errors
    /// [`Error::NotAnInteger`], or a refusal of the one integer that has none.
    pub fn signed_count(&mut self) -> Result<i64> {
        match self.int()? {
            i64::MIN => Err(Error::refused(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            )),
            count => Ok(count),
        }
    }

    /// The next word as an integer of 32 bits: the number of a database.
    ///
    /// # Errors
    /// [`Error::NotAnInteger`], or a refusal of integers that are too long.
    pub fn int32(&mut self) -> Result<i64> {
        let number = self.int()?;
        if i32::try_from(number).is_ok() {
            Ok(number)
        } else {
            Err(Error::refused("ERR value is out of range, value must between -2147483648 and 2147483647"))
        }
    }

    /// The next word as a number of things, 0 among them.
    ///
    /// # Errors
    /// Redis's refusal of anything else.
    pub fn positive(&mut self) -> Result<usize> {
        self.int_where(|n| n >= 0, "ERR value is out of range, must be positive").map(|n| n as usize)
    }

    /// `numkeys key [key ...]`
    ///
    /// # Errors
    /// Redis's refusal of a number that is none, and [`Error::Syntax`] if fewer words are left.
    pub fn counted_keys(&mut self) -> Result<&'a [&'a [u8]]> {
        let count = self.int_where(|n| n > 0, "ERR numkeys should be greater than 0")?;
        self.many(usize::try_from(count).map_err(|_| Error::Syntax)?)
    }

    /// `[COUNT count]`, all words that are left: how many to take, 1 unless it is said.
    ///
    /// # Errors
    /// [`Error::Syntax`], or Redis's refusal of less than one.
    pub fn count_to_pop(&mut self) -> Result<usize> {
        let mut count = None;
        while !self.is_empty() {
            if count.is_some() || !self.take_with("COUNT", 1) {
                return Err(Error::Syntax);
            }
            count = Some(self.int_where(|n| n > 0, "ERR count should be greater than 0")? as usize);
        }
        Ok(count.unwrap_or(1))
    }

    /// `[LIMIT limit]`, all words that are left: how far to count, 0 for no limit.
    ///
    /// # Errors
    /// [`Error::Syntax`], or Redis's refusal of a negative limit.
    pub fn limit(&mut self) -> Result<usize> {
        let mut limit = 0;
        while !self.is_empty() {
            if !self.take_with("LIMIT", 1) {
                return Err(Error::Syntax);
            }
            limit = self.int_where(|n| n >= 0, "ERR LIMIT can't be negative")? as usize;
        }
        Ok(limit)
    }

    /// The next word as a number.
    ///
    /// # Errors
    /// [`Error::NotAFloat`], or [`Error::Syntax`] if no word is left.
    pub fn float(&mut self) -> Result<f64> {
        let Some(number) = number::parse_f64(self.bytes()?) else { return Err(Error::NotAFloat) };
        Ok(number)
    }

    /// Refuses words that were not read.
    ///
    /// # Errors
    /// [`Error::Syntax`] if any is left.
    pub fn finish(&self) -> Result<()> {
        if self.words.is_empty() { Ok(()) } else { Err(Error::Syntax) }
    }
}
