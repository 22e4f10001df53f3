//! Keeps an index beside a store up to date by its feed of changes, and goes on where it was after both were closed.
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use redlet::{Change, Commands, Effect, Position, Redis, TypedCommands};
use serde::{Deserialize, Serialize};

/// Which notes have a word. Kept in a store of its own, together with how far it has read.
#[derive(Serialize, Deserialize)]
struct Index {
    position: Position,
    notes: BTreeMap<String, BTreeSet<String>>,
}

impl Index {
    fn forget(&mut self, note: &str) {
        self.notes.retain(|_, notes| {
            notes.remove(note);
            !notes.is_empty()
        });
    }

    fn learn(&mut self, note: &str, text: &str) {
        for word in text.split_whitespace() {
            self.notes.entry(word.to_lowercase()).or_default().insert(note.to_owned());
        }
    }

    fn take(&mut self, change: &Change) {
        let key = change.key.as_deref().map(String::from_utf8_lossy);
        match (&change.effect, key) {
            (Effect::SetString { value, .. }, Some(note)) => {
                self.forget(&note);
                self.learn(&note, &String::from_utf8_lossy(value));
            }
            (Effect::Del, Some(note)) => self.forget(&note),
            (Effect::Clear | Effect::ClearAll, _) => self.notes.clear(),
            _ => {}
        }
    }

    /// Reads on to the end of the log. Returns how many changes there were.
    fn catch_up(&mut self, redis: &Redis) -> redlet::Result<usize> {
        let (mut changes, mut count) = (redis.changes(self.position)?, 0);
        while let Some(change) = changes.try_next()? {
            self.take(&change);
            count += 1;
        }
        self.position = changes.position();
        Ok(count)
    }

    fn search(&self, word: &str) -> Vec<&str> {
        self.notes.get(word).into_iter().flatten().map(String::as_str).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("notes.redlet");
    let shelf = Redis::open(folder.path().join("index.redlet"))?;

    let redis = Redis::open(&path)?;
    let mut index = Index { position: redis.position()?, notes: BTreeMap::new() };
    redis.set("note:1", "The moon is made of cheese")?;
    redis.set("note:2", "Buy cheese and bread")?;
    println!("{} changes; cheese: {:?}", index.catch_up(&redis)?, index.search("cheese"));
    shelf.set_as("index", &index)?;

    // The index is not there while these happen, and a snapshot makes the log before it superfluous.
    redis.set("note:1", "The moon is made of rock")?;
    redis.delete(["note:2"])?;
    redis.save()?;
    redis.set("note:3", "Cheese fondue for two")?;
    redis.close()?;

    let redis = Redis::open(&path)?;
    let mut index: Index = shelf.get_as("index")?.ok_or("the index is gone")?;
    println!("{} changes since; cheese: {:?}", index.catch_up(&redis)?, index.search("cheese"));
    assert_eq!(index.search("cheese"), ["note:3"]);
    assert_eq!(index.search("rock"), ["note:1"]);
    Ok(())
}
