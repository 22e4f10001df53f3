//! SLOWLOG: the commands that took long.
use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::{Bytes, UnixMs};

/// So many words of a command are kept.
const WORDS: usize = 32;
/// So many bytes of a word.
const BYTES: usize = 128;

/// A command that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCommand {
    /// A number that no other has.
    pub id: u64,
    /// When it ended.
    pub at: UnixMs,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Its words: 32 at most and 128 bytes of each, with a remark where there were more.
    pub words: Vec<Vec<u8>>,
    /// The address of its caller.
    pub address: String,
    /// The name of its caller.
    pub name: Bytes,
}

/// The latest of them.
#[derive(Debug, Default)]
pub(crate) struct SlowLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next_id: u64,
    /// The latest in front.
    latest: VecDeque<SlowCommand>,
}

impl SlowLog {
    /// Keeps a command, and no more than `most`. Gives it a number. Where none is to be kept, those that are there stay, as in Redis.
    pub(crate) fn keep(&self, command: SlowCommand, most: usize) {
        if most == 0 {
            return;
        }
        let mut entries = self.0.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        entries.latest.push_front(SlowCommand { id, ..command });
        entries.latest.truncate(most);
    }

    /// The latest, first.
    pub(crate) fn latest(&self, count: usize) -> Vec<SlowCommand> {
        self.0.lock().latest.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().latest.len()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().latest.clear();
    }
}

/// What is kept of a command's words.
pub(crate) fn shortened(words: &[&[u8]]) -> Vec<Vec<u8>> {
    let count = words.len().min(WORDS);
    let shorten = |(at, word): (usize, &&[u8])| {
        if at + 1 == WORDS && words.len() > WORDS {
            format!("... ({} more arguments)", words.len() - WORDS + 1).into()
        } else if word.len() > BYTES {
            let mut kept = word[..BYTES].to_vec();
            kept.extend(format!("... ({} more bytes)", word.len() - BYTES).bytes());
            kept
        } else {
            word.to_vec()
        }
    };
    words[..count].iter().enumerate().map(shorten).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_command_a_part_is_kept_that_says_so() {
        let long = [b'v'; 200];
        let kept = shortened(&[b"SET", b"k", &long]);
        assert_eq!(kept[2], [&long[..128], b"... (72 more bytes)"].concat());
        let many = vec![&b"k"[..]; 41];
        let kept = shortened(&many);
        assert_eq!((kept.len(), &*kept[31]), (32, &b"... (10 more arguments)"[..]));
        assert_eq!(shortened(&many[..32]).last().unwrap(), b"k");
    }

    #[test]
    fn numbers_go_on_when_the_log_is_cleared() {
        let log = SlowLog::default();
        let command = SlowCommand {
            id: 0,
            at: UnixMs(1),
            micros: 5,
            words: vec![],
            address: String::new(),
            name: Bytes::default(),
        };
        (0..3).for_each(|_| log.keep(command.clone(), 2));
        assert_eq!(log.latest(9).iter().map(|command| command.id).collect::<Vec<_>>(), [2, 1]);
        log.clear();
        log.keep(command, 2);
        assert_eq!((log.len(), log.latest(1)[0].id), (1, 3));
    }
}
