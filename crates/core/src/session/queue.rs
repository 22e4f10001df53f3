//! Commands that are kept to be run later, as words in one buffer.
use crate::cmd::{Access, Flags, Row};

/// Commands in their order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// Where each word ends in `bytes`.
    word_ends: Vec<usize>,
    /// Where each command ends in `word_ends`.
    command_ends: Vec<usize>,
    is_spoiled: bool,
    /// The flags that any of them has.
    flags: Flags,
    touches_keys: bool,
}

impl Queue {
    /// A single command.
    pub(super) fn of(words: &[&[u8]]) -> Self {
        let mut queue = Self::default();
        queue.push(words);
        queue
    }

    /// The command that was added last is one of these.
    pub(super) fn note(&mut self, row: &Row) {
        self.flags = self.flags.and(row.spec.flags);
        self.touches_keys |= row.access != Access::Control;
    }

    /// The flags that any of the commands has.
    pub(super) const fn flags(&self) -> Flags {
        self.flags
    }

    /// Whether one of them reads or writes keys.
    pub(super) const fn touches_keys(&self) -> bool {
        self.touches_keys
    }

    pub(super) fn push(&mut self, words: &[&[u8]]) {
        for word in words {
            self.bytes.extend_from_slice(word);
            self.word_ends.push(self.bytes.len());
        }
        self.command_ends.push(self.word_ends.len());
    }

    /// How many bytes it takes.
    pub(super) const fn memory(&self) -> usize {
        let ends = self.word_ends.capacity() + self.command_ends.capacity();
        self.bytes.capacity() + ends * size_of::<usize>()
    }

    /// How many commands there are.
    pub(super) fn len(&self) -> usize {
        self.command_ends.len()
    }

    /// One was refused, so none of them will be run.
    pub(super) fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.is_spoiled
    }

    /// Lends the commands.
    pub(super) fn with_each<T>(&self, body: impl FnOnce(&[&[&[u8]]]) -> T) -> T {
        let mut start = 0;
        let mut words = Vec::with_capacity(self.word_ends.len());
        for &end in &self.word_ends {
            words.push(&self.bytes[start..end]);
            start = end;
        }
        let mut first = 0;
        let mut commands = Vec::with_capacity(self.command_ends.len());
        for &end in &self.command_ends {
            commands.push(&words[first..end]);
            first = end;
        }
        body(&commands)
    }

    /// Lends the first command.
    pub(super) fn with_first<T>(&self, body: impl FnOnce(&[&[u8]]) -> T) -> T {
        self.with_each(|commands| body(commands.first().copied().unwrap_or_default()))
    }
}
