//! The first line of a script or a library, which says its language and how it wants to be run.
use crate::{Error, Result};

/// How a script or a function wants to be run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags {
    /// `no-writes`: it only reads.
    pub no_writes: bool,
    /// `allow-oom`: it also runs when memory is full.
    pub allow_oom: bool,
    /// `allow-stale`: it also runs on data that may be old.
    pub allow_stale: bool,
    /// `no-cluster`: not in a cluster.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`: in a cluster, its keys may be of several slots.
    pub allow_cross_slot_keys: bool,
    /// `declared-keys`: it touches no key but those that it is given in `KEYS`, so only these are locked. *Differs*: Redis has no
    /// such flag.
    pub declared_keys: bool,
}

impl ScriptFlags {
    /// Each with its name, in the order in which they are listed.
    pub const NAMES: [&'static str; 6] =
        ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys", "declared-keys"];

    /// Those in the order of [`Self::NAMES`].
    pub fn each(self) -> [bool; 6] {
        [
            self.no_writes,
            self.allow_oom,
            self.allow_stale,
            self.no_cluster,
            self.allow_cross_slot_keys,
            self.declared_keys,
        ]
    }

    /// Those as bits, in the order of [`Self::NAMES`] from the lowest on.
    pub(crate) fn bits(self) -> u8 {
        self.each().iter().rev().fold(0, |bits, is_set| bits << 1 | u8::from(*is_set))
    }

    /// The other way round.
    pub(crate) fn from_bits(bits: u8) -> Self {
        let mut flags = Self::default();
        for (place, name) in Self::NAMES.iter().enumerate() {
            if bits >> place & 1 == 1 {
                flags.set(name.as_bytes());
            }
        }
        flags
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().zip(self.each()).filter_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Sets one by its name; false if there is none.
    pub fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            b"declared-keys" => &mut self.declared_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}

const BAD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// The name that a library says it has, and where its code begins.
///
/// # Errors
/// In Redis's words, if the line cannot be understood.
pub(super) fn of_library(code: &[u8]) -> Result<(String, usize)> {
    let refused = |text: String| Error::Refused(text.into());
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    if !code.starts_with(b"#!") {
        return Err(Error::refused("ERR Missing library metadata"));
    }
    let invalid = || Error::refused("ERR Invalid library metadata");
    let end = code.iter().position(|&byte| byte == b'\n').ok_or_else(invalid)?;
    let line = crate::words::split(&code[..end]).ok_or_else(invalid)?;
    let mut words = line.iter();
    let engine = words.next().map(|word| &word[2..]).unwrap_or_default();
    let mut name = None;
    for word in words {
        match word.split_at_checked(5).filter(|(key, _)| key.eq_ignore_ascii_case(b"name=")) {
            Some(_) if name.is_some() => {
                return Err(Error::refused(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some((_, value)) => name = Some(value),
            None => return Err(refused(format!("ERR Invalid metadata value given: {}", shown(word)))),
        }
    }
    let name = name.ok_or(Error::refused("ERR Library name was not given"))?;
    if !super::libraries::is_name(name) {
        return Err(Error::refused(BAD_NAME));
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(refused(format!("ERR Engine '{}' not found", shown(engine))));
    }
    Ok((shown(name), end))
}

/// What a script says of itself, if it does, and where its code begins.
///
/// # Errors
/// In Redis's words, if the line cannot be understood.
pub(super) fn of_script(source: &[u8]) -> Result<(Option<ScriptFlags>, usize)> {
    if !source.starts_with(b"#!") {
        return Ok((None, 0));
    }
    let refused = |text: String| Error::Refused(text.into());
    let shown = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let Some(end) = source.iter().position(|&byte| byte == b'\n') else {
        return Err(Error::refused("ERR Invalid script shebang"));
    };
    let line =
        crate::words::split(&source[..end]).ok_or(Error::refused("ERR Invalid engine in script shebang"))?;
    let mut words = line.iter();
    let engine = words.next().map(Vec::as_slice).unwrap_or_default();
    if engine != b"#!lua" {
        return Err(refused(format!("ERR Unexpected engine in script shebang: {}", shown(engine))));
    }
    let mut flags = ScriptFlags::default();
    for option in words {
        let Some(names) = option.strip_prefix(b"flags=") else {
            return Err(refused(format!("ERR Unknown lua shebang option: {}", shown(option))));
        };
        for name in names.split(|&byte| byte == b',') {
            if !flags.set(name) && !names.is_empty() {
                return Err(refused(format!("ERR Unexpected flag in script shebang: {}", shown(name))));
            }
        }
    }
    Ok((Some(flags), end))
}
