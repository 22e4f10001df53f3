//! What a set of rules allows: commands, keys, channels.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::user::User;
use crate::cmd::{self, CATEGORIES, Flags, KeyUse, Row};
use crate::native::Natives;
use crate::{Error, glob};

const WORDS: usize = (cmd::COUNT + Natives::MOST).div_ceil(u64::BITS as usize);

/// A set of commands: a bit for each row of the table, and for each that a program may add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommandSet([u64; WORDS]);

impl CommandSet {
    pub(super) const NONE: Self = Self([0; WORDS]);
    pub(super) const ALL: Self = Self([u64::MAX; WORDS]);

    /// A command, and its subcommands if it is a container.
    pub(super) fn of(row: &'static Row) -> Self {
        let mut set = Self::NONE;
        set.insert(cmd::number(row));
        cmd::subcommands(row.spec.name).for_each(|row| set.insert(cmd::number(row)));
        set
    }

    /// The commands of a category in any case, with `@`, and the subcommands of containers in it, whatever those belong to. `natives` are
    /// the program's own commands.
    pub(super) fn of_category(category: &[u8], natives: &[&'static Row]) -> Option<Self> {
        static SETS: LazyLock<[CommandSet; CATEGORIES.len()]> = LazyLock::new(|| {
            let mut sets = [CommandSet::NONE; CATEGORIES.len()];
            for row in cmd::all() {
                let (commands, categories) = (CommandSet::of(row), row.categories());
                for (set, _) in
                    sets.iter_mut().zip(CATEGORIES).filter(|(_, known)| categories.contains(known))
                {
                    set.add(&commands);
                }
            }
            sets
        });
        let known = |known: &&str| known.as_bytes().eq_ignore_ascii_case(category);
        let at = CATEGORIES.iter().position(known)?;
        let mut set = SETS[at];
        natives
            .iter()
            .filter(|row| row.categories().contains(&CATEGORIES[at]))
            .for_each(|row| set.add(&Self::of(row)));
        Some(set)
    }

    fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
    }
}

/// What may be done to a key, or is done to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyAccess {
    pub(super) reads: bool,
    pub(super) writes: bool,
}

impl KeyAccess {
    pub(super) const BOTH: Self = Self { reads: true, writes: true };

    /// Of a key whose value is neither looked at nor changed, as EXISTS does, both are false.
    fn of(key: &KeyUse) -> Self {
        Self {
            reads: key.flags.contains(&"access"),
            writes: key.flags.iter().any(|flag| ["insert", "delete", "update"].contains(flag)),
        }
    }

    const fn includes(self, needed: Self) -> bool {
        self.reads >= needed.reads && self.writes >= needed.writes
    }
}

/// Which keys or channels may be used.
#[derive(Clone, Debug)]
pub(super) enum Allowed<T> {
    All,
    /// Those that match one of these; none if there are none.
    Matching(Vec<T>),
}

#[derive(Clone, Debug)]
pub(super) struct KeyPattern {
    pub(super) pattern: Box<[u8]>,
    pub(super) access: KeyAccess,
}

/// Rules that allow a command together. A user may do what any one of its selectors allows as a whole.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) keys: Allowed<KeyPattern>,
    pub(super) channels: Allowed<Box<[u8]>>,
    pub(super) commands: CommandSet,
    /// First words with which a command is allowed that is not allowed with others, by the command's number.
    pub(super) first_words: BTreeMap<usize, Vec<Box<[u8]>>>,
    /// Whether the rules begin with all commands rather than none.
    pub(super) from_all_commands: bool,
    /// The rules about commands since then, as they are described: `+get`, `-@write`.
    pub(super) command_rules: Vec<String>,
}

impl Selector {
    pub(super) const fn new(channels: Allowed<Box<[u8]>>) -> Self {
        Self {
            keys: Allowed::Matching(Vec::new()),
            channels,
            commands: CommandSet::NONE,
            first_words: BTreeMap::new(),
            from_all_commands: false,
            command_rules: Vec::new(),
        }
    }

    /// Whether nothing has to be looked at.
    pub(super) fn allows_everything(&self) -> bool {
        matches!((&self.keys, &self.channels), (Allowed::All, Allowed::All))
            && self.commands == CommandSet::ALL
    }

    /// Allows commands or forbids them, whatever their first words are.
    pub(super) fn set_commands(&mut self, commands: &CommandSet, allowed: bool) {
        if allowed {
            self.commands.add(commands);
        } else {
            self.commands.remove(commands);
        }
        self.first_words.retain(|&number, _| !commands.contains(number));
    }

    pub(super) fn check(&self, row: &'static Row, words: &[&[u8]]) -> Result<(), Denied> {
        if !row.spec.flags.contains(Flags::NO_AUTH) && !self.allows_command(cmd::number(row), words) {
            return Err(Denied::Command);
        }
        self.check_keys(row, words)?;
        self.check_channels(row, words)
    }

    fn allows_command(&self, number: usize, words: &[&[u8]]) -> bool {
        let allowed_with = |word: &[u8]| {
            let first_words = self.first_words.get(&number);
            first_words
                .is_some_and(|allowed| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(word)))
        };
        self.commands.contains(number) || words.get(1).is_some_and(|word| allowed_with(word))
    }

    fn check_keys(&self, row: &'static Row, words: &[&[u8]]) -> Result<(), Denied> {
        let Allowed::Matching(patterns) = &self.keys else { return Ok(()) };
        // Words that do not fit the rules for keys are refused by the command.
        for key in row.keys(words).unwrap_or_default() {
            let needed = KeyAccess::of(&key);
            let allows = |allowed: &KeyPattern| {
                allowed.access.includes(needed) && glob::matches(&allowed.pattern, words[key.place], false)
            };
            if !patterns.iter().any(allows) {
                return Err(Denied::Key(key.place));
            }
        }
        Ok(())
    }

    /// Whether every key may be read.
    pub(super) fn reads_any_key(&self) -> bool {
        let Allowed::Matching(patterns) = &self.keys else { return true };
        patterns.iter().any(|allowed| allowed.access.reads && *allowed.pattern == *b"*")
    }

    fn check_channels(&self, row: &'static Row, words: &[&[u8]]) -> Result<(), Denied> {
        let Some((first, count, is_pattern)) = channels_of(row) else { return Ok(()) };
        let refused = |(_, channel): &(usize, &&[u8])| !self.may_hear(channel, is_pattern);
        match words.iter().enumerate().skip(first).take(count).find(refused) {
            Some((place, _)) => Err(Denied::Channel(place)),
            None => Ok(()),
        }
    }

    /// Whether a channel may be used. A pattern may if it is allowed word for word.
    pub(super) fn may_hear(&self, channel: &[u8], is_pattern: bool) -> bool {
        let Allowed::Matching(patterns) = &self.channels else { return true };
        patterns.iter().any(|allowed| {
            if is_pattern { **allowed == *channel } else { glob::matches(allowed, channel, false) }
        })
    }
}

/// The words that are channels: the first's place, how many there are at most, and whether they are patterns.
fn channels_of(row: &Row) -> Option<(usize, usize, bool)> {
    match row.spec.name {
        "PUBLISH" | "SPUBLISH" => Some((1, 1, false)),
        "SUBSCRIBE" | "SSUBSCRIBE" => Some((1, usize::MAX, false)),
        "PSUBSCRIBE" => Some((1, usize::MAX, true)),
        _ => None,
    }
}

/// Why a user may not run a command. Of several reasons the greatest is told: that of the selector that came furthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// Not the command.
    Command,
    /// Not with the key at this place among the words, the name being word 0.
    Key(usize),
    /// Not with the channel at this place.
    Channel(usize),
}

impl Denied {
    /// The refusal, in Redis's words.
    pub fn error(self, user: &User, row: &Row) -> Error {
        Error::Refused(format!("NOPERM {}", self.text(user, row)).into())
    }

    /// The refusal of a command that was allowed when it was queued.
    pub fn error_at_exec(self) -> Error {
        let reason = match self {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        let text = format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no \
             longer allowed for the following reason: {reason}"
        );
        Error::Refused(text.into())
    }

    /// The refusal without its code, as scripts repeat it.
    pub fn text(self, user: &User, row: &Row) -> String {
        match self {
            Denied::Command => {
                let user = String::from_utf8_lossy(user.name());
                format!("User {user} has no permissions to run the '{}' command", row.listed_name())
            }
            Denied::Key(_) => "No permissions to access a key".into(),
            Denied::Channel(_) => "No permissions to access a channel".into(),
        }
    }

    /// The refusal with what it is about, as `ACL DRYRUN` gives it.
    pub fn explanation(self, user: &User, row: &Row, words: &[&[u8]]) -> Vec<u8> {
        let object = self.object(row, words);
        let (verb, kind) = match self {
            Denied::Command => ("run the", "command"),
            Denied::Key(_) => ("access the", "key"),
            Denied::Channel(_) => ("access the", "channel"),
        };
        let (start, end) = (format!(" has no permissions to {verb} '"), format!("' {kind}"));
        [b"User ", user.name(), start.as_bytes(), &*object, end.as_bytes()].concat()
    }

    /// What it is about: the command's name, the key or the channel.
    pub fn object<'w>(self, row: &Row, words: &[&'w [u8]]) -> std::borrow::Cow<'w, [u8]> {
        match self {
            Denied::Command => row.listed_name().into_bytes().into(),
            Denied::Key(place) | Denied::Channel(place) => {
                words.get(place).copied().unwrap_or_default().into()
            }
        }
    }
}
