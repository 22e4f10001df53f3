//! The rules of `ACL SETUSER`, read and written.
use std::borrow::Cow;
use std::fmt;

use super::passwords::PasswordHash;
use super::permissions::{Allowed, CommandSet, KeyAccess, KeyPattern, Selector};
use super::user::{Rights, SelectorText};
use crate::cmd::{self, Row};
use crate::words;

/// What is wrong with a rule; written in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    UnknownCommand,
    Syntax,
    AllKeysAlready,
    AllChannelsAlready,
    NoSuchPassword,
    NoHash,
    FirstWordOfSubcommand,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::UnknownCommand => "Unknown command or category name in ACL",
            Fault::Syntax => "Syntax error",
            Fault::AllKeysAlready => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. \
                 Try 'resetkeys' to start with an empty list of patterns"
            }
            Fault::AllChannelsAlready => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Fault::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            Fault::NoHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            Fault::FirstWordOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

/// `acl-pubsub-default`: the channels of a user, or of a selector, about which nothing was said yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewChannels {
    All,
    None,
}

impl NewChannels {
    pub(super) const fn allowed(self) -> Allowed<Box<[u8]>> {
        match self {
            NewChannels::All => Allowed::All,
            NewChannels::None => Allowed::Matching(Vec::new()),
        }
    }
}

/// What rules stand on.
#[derive(Debug)]
pub(super) struct Ground {
    /// What selectors get that are made by them.
    pub(super) channels: NewChannels,
    /// The program's own commands.
    pub(super) natives: Vec<&'static Row>,
}

impl Ground {
    /// A command by its listed name in any case.
    fn listed(&self, name: &[u8]) -> Option<&'static Row> {
        let is_it = |row: &&'static Row| row.spec.name.as_bytes().eq_ignore_ascii_case(name);
        cmd::listed(name).or_else(|| self.natives.iter().copied().find(is_it))
    }
}

/// Words as rules: a selector may be several words, from one that begins with a parenthesis to one that ends with it.
///
/// # Errors
/// The word with the parenthesis that is never closed.
pub(super) fn whole_rules<'a>(words: &[&'a [u8]]) -> Result<Vec<Cow<'a, [u8]>>, &'a [u8]> {
    let mut rules = Vec::with_capacity(words.len());
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for &word in words {
        if let Some((_, selector)) = &mut open {
            selector.push(b' ');
            selector.extend_from_slice(word);
        } else if word.first() == Some(&b'(') && word.last() != Some(&b')') {
            open = Some((word, word.to_vec()));
            continue;
        } else {
            rules.push(word.into());
            continue;
        }
        if word.last() == Some(&b')') {
            rules.extend(open.take().map(|(_, selector)| selector.into()));
        }
    }
    match open {
        Some((start, _)) => Err(start),
        None => Ok(rules),
    }
}

/// A rule without patterns or passwords ends at a zero byte, as it does in C.
fn until_zero(rule: &[u8]) -> &[u8] {
    rule.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A rule inside of an error.
pub(super) fn shown(rule: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(until_zero(rule))
}

impl Rights {
    /// Obeys one rule.
    ///
    /// # Errors
    /// Then nothing has changed.
    pub(super) fn apply(&mut self, rule: &[u8], ground: &Ground) -> Result<(), Fault> {
        match rule {
            [] => {}
            [b'>', password @ ..] => self.add_password(PasswordHash::of(password)),
            [b'#', hash @ ..] => self.add_password(PasswordHash::parse(hash).ok_or(Fault::NoHash)?),
            [b'<', password @ ..] => self.remove_password(PasswordHash::of(password))?,
            [b'!', hash @ ..] => self.remove_password(PasswordHash::parse(hash).ok_or(Fault::NoHash)?)?,
            [b'(', inside @ .., b')'] => {
                let mut selector = Selector::new(ground.channels.allowed());
                // Words whose quotes do not match say nothing.
                for rule in words::split(until_zero(inside)).unwrap_or_default() {
                    selector.apply(&rule, ground)?;
                }
                self.others.push(selector);
            }
            _ => match until_zero(rule).to_ascii_lowercase().as_slice() {
                b"on" => self.is_on = true,
                b"off" => self.is_on = false,
                b"nopass" => {
                    self.needs_no_password = true;
                    self.passwords.clear();
                }
                b"resetpass" => {
                    self.needs_no_password = false;
                    self.passwords.clear();
                }
                b"sanitize-payload" => self.checks_payloads = true,
                b"skip-sanitize-payload" => self.checks_payloads = false,
                b"clearselectors" => self.others.clear(),
                b"reset" => *self = Self::new(ground.channels),
                _ => self.root.apply(rule, ground)?,
            },
        }
        Ok(())
    }

    fn add_password(&mut self, password: PasswordHash) {
        self.needs_no_password = false;
        if !self.passwords.contains(&password) {
            self.passwords.push(password);
        }
    }

    fn remove_password(&mut self, password: PasswordHash) -> Result<(), Fault> {
        let at = self.passwords.iter().position(|known| *known == password).ok_or(Fault::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    /// The rules that make these rights, as `ACL LIST` shows them.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut text = self.flags().join(" ").into_bytes();
        for password in self.passwords() {
            text.extend_from_slice(format!(" #{password}").as_bytes());
        }
        text.push(b' ');
        text.extend_from_slice(&self.root.describe());
        for selector in &self.others {
            text.extend_from_slice(&[b" (", &*selector.describe(), b")"].concat());
        }
        text
    }

    pub(super) fn flags(&self) -> Vec<&'static str> {
        let state = if self.is_on { "on" } else { "off" };
        let payload = if self.checks_payloads { "sanitize-payload" } else { "skip-sanitize-payload" };
        [Some(state), self.needs_no_password.then_some("nopass"), Some(payload)]
            .into_iter()
            .flatten()
            .collect()
    }

    pub(super) fn passwords(&self) -> impl Iterator<Item = String> {
        self.passwords.iter().map(PasswordHash::to_string)
    }
}

impl Selector {
    fn apply(&mut self, rule: &[u8], ground: &Ground) -> Result<(), Fault> {
        let text = until_zero(rule).to_ascii_lowercase();
        match text.as_slice() {
            b"allkeys" | b"~*" => self.keys = Allowed::All,
            b"resetkeys" => self.keys = Allowed::Matching(Vec::new()),
            b"allchannels" | b"&*" => self.channels = Allowed::All,
            b"resetchannels" => self.channels = Allowed::Matching(Vec::new()),
            b"allcommands" | b"+@all" => self.begin_with(CommandSet::ALL, true),
            b"nocommands" | b"-@all" => self.begin_with(CommandSet::NONE, false),
            _ => match rule {
                [b'~' | b'%', ..] => return self.add_keys(rule),
                [b'&', pattern @ ..] => return self.add_channel(pattern),
                [b'+', ..] => return self.change_commands(&text[1..], true, ground),
                [b'-', ..] => return self.change_commands(&text[1..], false, ground),
                _ => return Err(Fault::Syntax),
            },
        }
        Ok(())
    }

    fn begin_with(&mut self, commands: CommandSet, all: bool) {
        self.commands = commands;
        self.from_all_commands = all;
        self.first_words.clear();
        self.command_rules.clear();
    }

    /// `~pattern`, `%R~pattern`, `%W~pattern`, `%RW~pattern`.
    fn add_keys(&mut self, rule: &[u8]) -> Result<(), Fault> {
        let Allowed::Matching(patterns) = &mut self.keys else { return Err(Fault::AllKeysAlready) };
        let (access, pattern) = key_access(rule)?;
        if has_space(pattern) {
            return Err(Fault::Syntax);
        }
        match patterns.iter_mut().find(|known| *known.pattern == *pattern) {
            Some(known) => {
                known.access.reads |= access.reads;
                known.access.writes |= access.writes;
            }
            None => patterns.push(KeyPattern { pattern: pattern.into(), access }),
        }
        Ok(())
    }

    /// `&pattern`
    fn add_channel(&mut self, pattern: &[u8]) -> Result<(), Fault> {
        let Allowed::Matching(patterns) = &mut self.channels else { return Err(Fault::AllChannelsAlready) };
        if has_space(pattern) {
            return Err(Fault::Syntax);
        }
        if !patterns.iter().any(|known| **known == *pattern) {
            patterns.push(pattern.into());
        }
        Ok(())
    }

    /// `+command`, `+container|subcommand`, `+command|first-word`, `+@category`, and with a minus. `name` is in lower case.
    fn change_commands(&mut self, name: &[u8], allowed: bool, ground: &Ground) -> Result<(), Fault> {
        let commands = if name.first() == Some(&b'@') {
            CommandSet::of_category(name, &ground.natives)
        } else {
            ground.listed(name).map(CommandSet::of)
        };
        match commands {
            Some(commands) => self.set_commands(&commands, allowed),
            None if allowed => self.add_first_word(name, ground)?,
            None => return Err(Fault::UnknownCommand),
        }
        self.note_command_rule(&String::from_utf8_lossy(name), allowed);
        Ok(())
    }

    /// `+command|first-word`, for a command that has no subcommands.
    fn add_first_word(&mut self, name: &[u8], ground: &Ground) -> Result<(), Fault> {
        let bar = name.iter().rposition(|&byte| byte == b'|').ok_or(Fault::UnknownCommand)?;
        let (command, word) = (&name[..bar], &name[bar + 1..]);
        let row = ground.listed(command).ok_or(Fault::UnknownCommand)?;
        if row.spec.name.contains(' ') {
            return Err(Fault::FirstWordOfSubcommand);
        }
        if word.is_empty() {
            return Err(Fault::Syntax);
        }
        if cmd::subcommands(row.spec.name).next().is_some() {
            return Err(Fault::UnknownCommand);
        }
        let known = self.first_words.entry(cmd::number(row)).or_default();
        if !known.iter().any(|known| **known == *word) {
            known.push(word.into());
        }
        Ok(())
    }

    /// Allows a command that came after the rules, or does not, as they would have if it had been there.
    pub(super) fn add_native(&mut self, row: &'static Row) {
        let categories = row.categories();
        let is_about = |what: &str| {
            if what.starts_with('@') {
                categories.iter().any(|category| category.eq_ignore_ascii_case(what))
            } else {
                what.eq_ignore_ascii_case(row.spec.name)
            }
        };
        let obey = |allowed, rule: &String| {
            let (sign, what) = rule.split_at(1);
            if is_about(what) { sign == "+" } else { allowed }
        };
        let allowed = self.command_rules.iter().fold(self.from_all_commands, obey);
        self.set_commands(&CommandSet::of(row), allowed);
    }

    /// Adds a rule to the description, which leaves out what it makes meaningless: an earlier rule about the same, or about a part of it.
    fn note_command_rule(&mut self, name: &str, allowed: bool) {
        self.command_rules.retain(|rule| {
            let rest = rule[1..].strip_prefix(name);
            rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('|'))
        });
        self.command_rules.push(format!("{}{name}", if allowed { '+' } else { '-' }));
    }

    fn describe_commands(&self) -> String {
        let first = if self.from_all_commands { "+@all" } else { "-@all" };
        self.command_rules.iter().fold(first.to_owned(), |text, rule| text + " " + rule)
    }

    fn describe_keys(&self) -> Vec<u8> {
        let Allowed::Matching(patterns) = &self.keys else { return b"~*".to_vec() };
        let described = patterns.iter().map(|allowed| {
            let sign: &[u8] = match allowed.access {
                KeyAccess { reads: true, writes: false } => b"%R~",
                KeyAccess { reads: false, writes: true } => b"%W~",
                _ => b"~",
            };
            [sign, &allowed.pattern].concat()
        });
        described.collect::<Vec<_>>().join(&b' ')
    }

    fn describe_channels(&self) -> Vec<u8> {
        let Allowed::Matching(patterns) = &self.channels else { return b"&*".to_vec() };
        patterns.iter().map(|pattern| [b"&", &**pattern].concat()).collect::<Vec<_>>().join(&b' ')
    }

    /// As `ACL GETUSER` shows it.
    pub(super) fn texts(&self) -> SelectorText {
        SelectorText {
            commands: self.describe_commands(),
            keys: self.describe_keys(),
            channels: self.describe_channels(),
        }
    }

    /// As `ACL LIST` shows it.
    fn describe(&self) -> Vec<u8> {
        let SelectorText { commands, keys, channels } = self.texts();
        let reset: &[u8] = if matches!(self.channels, Allowed::All) { b"" } else { b"resetchannels" };
        let parts = [&*keys, reset, &*channels, commands.as_bytes()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b' ')
    }
}

/// What a rule lets be done to keys, and to which.
fn key_access(rule: &[u8]) -> Result<(KeyAccess, &[u8]), Fault> {
    let mut access = KeyAccess::default();
    let [b'%', rest @ ..] = rule else { return Ok((KeyAccess::BOTH, &rule[1..])) };
    for (at, letter) in rest.iter().enumerate() {
        let granted = match letter.to_ascii_uppercase() {
            b'R' => &mut access.reads,
            b'W' => &mut access.writes,
            b'~' if access != KeyAccess::default() => return Ok((access, &rest[at + 1..])),
            _ => return Err(Fault::Syntax),
        };
        if std::mem::replace(granted, true) {
            return Err(Fault::Syntax);
        }
    }
    // Redis takes letters without a pattern for the empty one.
    if access == KeyAccess::default() { Err(Fault::Syntax) } else { Ok((access, b"")) }
}

fn has_space(pattern: &[u8]) -> bool {
    pattern.iter().any(|&byte| words::is_space(byte) || byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: Ground = Ground { channels: NewChannels::None, natives: Vec::new() };

    fn rights(rules: &[&str]) -> Rights {
        let mut rights = Rights::new(NewChannels::None);
        rules.iter().for_each(|rule| rights.apply(rule.as_bytes(), &GROUND).unwrap());
        rights
    }

    fn described(rules: &[&str]) -> String {
        String::from_utf8(rights(rules).describe()).unwrap()
    }

    #[test]
    fn a_description_makes_the_same_rights_again() {
        let rules = [
            "on",
            ">pw",
            "~a*",
            "%R~b",
            "%w~c",
            "&news",
            "+@all",
            "-@write",
            "+set",
            "(~x +get)",
            "(&* -@all)",
        ];
        let text = described(&rules);
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let mut again = Rights::new(NewChannels::None);
        for rule in whole_rules(&words).unwrap() {
            again.apply(&rule, &GROUND).unwrap();
        }
        assert_eq!(String::from_utf8(again.describe()).unwrap(), text);
        assert_eq!(again.root.commands, rights(&rules).root.commands);
    }

    #[test]
    fn a_rule_takes_the_place_of_those_about_the_same_and_about_its_parts() {
        assert_eq!(rights(&["+get", "-set", "-get"]).root.describe_commands(), "-@all -set -get");
        assert_eq!(
            rights(&["+config|get", "+getdel", "-config"]).root.describe_commands(),
            "-@all +getdel -config"
        );
        assert_eq!(rights(&["+get", "+@all", "-get"]).root.describe_commands(), "+@all -get");
    }

    #[test]
    fn a_selector_of_several_words_is_one_rule() {
        let words: [&[u8]; 4] = [b"on", b"(+get", b"~a", b"&b)"];
        assert_eq!(whole_rules(&words).unwrap(), [b"on".as_slice(), b"(+get ~a &b)"]);
        let open: [&[u8]; 2] = [b"(+get", b"~a"];
        assert_eq!(whole_rules(&open), Err(b"(+get".as_slice()));
    }

    #[test]
    fn patterns_after_all_keys_are_refused() {
        let mut rights = rights(&["~*"]);
        assert_eq!(rights.apply(b"%R~a", &GROUND), Err(Fault::AllKeysAlready));
        assert_eq!(rights.apply(b"%~a", &GROUND), Err(Fault::AllKeysAlready));
        rights.apply(b"resetkeys", &GROUND).unwrap();
        assert_eq!(rights.apply(b"%~a", &GROUND), Err(Fault::Syntax));
    }
}
