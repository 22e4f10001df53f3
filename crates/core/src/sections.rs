//! A snapshot's sections: how the keyspace is divided into them, and how each is copied while writers go on.
//!
//! A section is a slice of a shard, in every database: the keys whose hashes begin with the same bits. It is copied under
//! its shard's lock, so whoever waits for that waits for about a thousand keys, however many there are. Sections are from
//! different moments; each says after which unit it was copied, and [`Engine::replay`] leaves out what a section already has.
//! The one effect that would carry a value from one section to another, a rename, is recorded as a whole value meanwhile.
use std::sync::atomic::Ordering;

use crate::codec;
use crate::effect::Effect;
use crate::engine::Engine;

/// How the keyspace is divided into sections: those of the first shard come first, in the order of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    shards: usize,
    slice_bits: u32,
}

/// A slice is found by at most so many of the highest bits of a hash, which are none of those that find the shard.
const MAX_SLICE_BITS: u32 = 16;
/// What a section has at most, if keys are all alike: 0.1 ms of copying.
const SECTION_KEYS: usize = 1024;
const SECTION_BYTES: usize = 256 << 10;
/// About how many bytes of effects one block of a snapshot holds.
const BLOCK_BYTES: usize = 1 << 20;

impl Sections {
    /// One for each shard at least, and no more than there are keys.
    fn for_size(shards: usize, keys: usize, bytes: usize) -> Self {
        let wanted = (keys / shards).div_ceil(SECTION_KEYS).max((bytes / shards).div_ceil(SECTION_BYTES));
        let slices = wanted.min(keys / shards).max(1).next_power_of_two();
        Self { shards, slice_bits: slices.ilog2().min(MAX_SLICE_BITS) }
    }

    /// The division into so many sections, if there is one.
    fn from_count(shards: usize, count: usize) -> Option<Self> {
        let slices = count / shards;
        let is_one =
            count.is_multiple_of(shards) && slices.is_power_of_two() && slices <= 1 << MAX_SLICE_BITS;
        is_one.then(|| Self { shards, slice_bits: slices.ilog2() })
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.shards << self.slice_bits
    }

    /// Those of a shard.
    pub(crate) fn of_shard(self, shard: usize) -> std::ops::Range<usize> {
        shard << self.slice_bits..(shard + 1) << self.slice_bits
    }

    /// The one of a key with this hash in this shard.
    pub(crate) fn of(self, shard: usize, hash: u64) -> usize {
        // In two steps, because a shift by all 64 bits is none.
        let slice = (hash >> 1) >> (63 - self.slice_bits);
        self.of_shard(shard).start + slice as usize
    }

    /// The shard of a section, and which of its slices it is.
    fn place(self, section: usize) -> (usize, u64) {
        (section >> self.slice_bits, (section - self.of_shard(section >> self.slice_bits).start) as u64)
    }
}

impl Engine {
    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.keyspace().len()
    }

    /// One section for each shard.
    pub fn shard_sections(&self) -> Sections {
        Sections { shards: self.keyspace().len(), slice_bits: 0 }
    }

    /// How a snapshot with so many sections divides the keyspace; `None` if it cannot be this engine's.
    pub fn sections(&self, count: usize) -> Option<Sections> {
        Sections::from_count(self.keyspace().len(), count)
    }

    /// Begins a copy of everything. There is one at a time.
    pub fn copy(&self) -> Copying<'_> {
        let keyspace = self.keyspace();
        Copying::new(self, Sections::for_size(keyspace.len(), keyspace.keys(), keyspace.used_bytes()))
    }
}

/// A copy of everything, section by section, while writers go on. They record differently until it is dropped.
#[derive(Debug)]
pub struct Copying<'e> {
    engine: &'e Engine,
    sections: Sections,
    /// The effects of a section. Kept for its memory: nothing should grow while writers wait.
    encoded: Vec<u8>,
}

impl<'e> Copying<'e> {
    fn new(engine: &'e Engine, sections: Sections) -> Self {
        engine.copying_flag().store(true, Ordering::SeqCst);
        Self { engine, sections, encoded: Vec::new() }
    }

    /// How the copy is divided.
    pub fn sections(&self) -> Sections {
        self.sections
    }

    /// Hands the content of a section to `sink` as blocks of effects, and returns what `position` says while the section
    /// stands still: the number of the last unit whose effects are in it. A value is encoded under the lock whatever its
    /// length.
    pub fn section(
        &mut self,
        section: usize,
        sink: &mut dyn FnMut(&[u8]),
        position: impl FnOnce() -> u64,
    ) -> u64 {
        let (index, slice) = self.sections.place(section);
        let encoded = &mut self.encoded;
        encoded.clear();
        let mut blocks = vec![0];
        let position = {
            let shard = self.engine.keyspace().read(index);
            // Who changes libraries has locked the first shard.
            if section == 0 {
                for library in self.engine.scripts().libraries().iter() {
                    codec::encode(&Effect::Libraries((&**library).into()), encoded);
                }
                blocks.extend((!encoded.is_empty()).then_some(encoded.len()));
            }
            for (db, database) in shard.databases().iter().enumerate() {
                let seed = &shard.settings.hash_seed;
                for (at, entry) in database.slice(seed, slice, self.sections.slice_bits).enumerate() {
                    let begun = *blocks.last().expect("the first begins at 0");
                    if encoded.len() - begun >= BLOCK_BYTES {
                        blocks.push(encoded.len());
                    }
                    // Each block stands on its own, so that blocks can be loaded in any order.
                    if at == 0 || blocks.last() == Some(&encoded.len()) {
                        codec::encode(&Effect::Select { db: db as u32 }, encoded);
                    }
                    codec::encode(&Effect::On { key: entry.key().into() }, encoded);
                    let put = Effect::Put { value: entry.value().image(), expire_at: entry.deadline() };
                    codec::encode(&put, encoded);
                }
            }
            position()
        };
        blocks.push(encoded.len());
        blocks
            .array_windows()
            .filter(|[from, to]| from < to)
            .for_each(|[from, to]| sink(&encoded[*from..*to]));
        position
    }
}

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.engine.copying_flag().store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::effect::Image;
    use crate::journal::Units;
    use crate::{EngineOptions, ManualClock, UnixMs};

    const NOW: i64 = 1_700_000_000_000;
    const DATABASES: usize = 3;

    fn engine(shards: usize) -> Engine {
        let clock = Arc::new(ManualClock::at(UnixMs(NOW)));
        Engine::new(EngineOptions { clock, seed: 5, databases: DATABASES, shards })
    }

    fn journalled(shards: usize) -> (Engine, Arc<Units>) {
        let (engine, units) = (engine(shards), Arc::new(Units::default()));
        engine.set_journal(units.clone());
        (engine, units)
    }

    /// Everything that an engine holds: database, key, deadline and value.
    fn content(engine: &Engine) -> Vec<(usize, Vec<u8>, Option<UnixMs>, Vec<String>)> {
        let mut content = Vec::new();
        for index in 0..engine.shards() {
            for (db, database) in engine.keyspace().read(index).databases().iter().enumerate() {
                for entry in database.iter() {
                    let image = entry.value().image();
                    let mut shown = match &image {
                        Image::Set(members) => members.iter().map(|member| format!("{member:?}")).collect(),
                        Image::Hash(fields) => fields.iter().map(|field| format!("{field:?}")).collect(),
                        Image::TimedHash(fields) => fields.iter().map(|field| format!("{field:?}")).collect(),
                        Image::TimedSet(members) => {
                            members.iter().map(|member| format!("{member:?}")).collect()
                        }
                        in_order => vec![format!("{in_order:?}")],
                    };
                    shown.sort_unstable();
                    content.push((db, entry.key().to_vec(), entry.deadline(), shown));
                }
            }
        }
        content.sort_unstable();
        content
    }

    /// Copies everything, with `between` called before each section and after the last, and rebuilds an engine from the copy
    /// and all units.
    fn rebuilt(engine: &Engine, units: &Units, slice_bits: u32, mut between: impl FnMut(usize)) -> Engine {
        let sections = Sections { shards: engine.shards(), slice_bits };
        let again = self::engine(engine.shards());
        let mut has = Vec::new();
        let mut copying = Copying::new(engine, sections);
        for section in 0..sections.count() {
            between(section);
            let load = &mut |block: &[u8]| again.load(block).unwrap();
            has.push(copying.section(section, load, || units.last()));
        }
        between(sections.count());
        drop(copying);
        for (unit, number) in units.0.lock().iter().zip(1..) {
            again.replay(unit, sections, |section| has[section] >= number).unwrap();
        }
        again
    }

    #[derive(Clone, Copy, Debug)]
    struct Step {
        what: u32,
        from: u32,
        to: u32,
        db: usize,
        other: usize,
    }

    fn step() -> impl Strategy<Value = Step> {
        let keys = 0_u32..24;
        (0_u32..68, keys.clone(), keys, 0..DATABASES, 0..DATABASES)
            .prop_map(|(what, from, to, db, other)| Step { what, from, to, db, other })
    }

    impl Step {
        fn words(self) -> String {
            let Self { what, from, to, other, .. } = self;
            let value = what + from;
            match what {
                0 => "FLUSHDB".to_owned(),
                1 => "FLUSHALL".to_owned(),
                2..6 => format!("SWAPDB {} {other}", self.db),
                6..14 => format!("RENAME {from} {to}"),
                14..17 => format!("RENAMENX {from} {to}"),
                17..21 => format!("MOVE {from} {other}"),
                21..25 => format!("COPY {from} {to} DB {other} REPLACE"),
                25..28 => format!("MSET {from} {value} {to} {value}"),
                28..30 => format!("DEL {from} {to}"),
                30..34 => format!("RPUSH {from} {value} {to}"),
                34..37 => format!("LMOVE {from} {to} LEFT RIGHT"),
                37..40 => format!("SADD {from} {value} {to}"),
                40..42 => format!("SMOVE {from} {to} {value}"),
                42..44 => format!("SUNIONSTORE {to} {from} {to}"),
                44..46 => format!("HSET {from} {to} {value}"),
                46..48 => format!("ZADD {from} {value} {to}"),
                48..50 => format!("SPOP {from}"),
                50..52 => format!("PEXPIREAT {from} {}", NOW + 1000 + i64::from(value)),
                52..54 => format!("INCR {from}"),
                54..56 => format!("APPEND {from} {value}"),
                56..58 => format!("HSET {from} {to} {value} {value} {to}"),
                58..60 => format!("HPEXPIREAT {from} {} FIELDS 1 {to}", NOW + 1000 + i64::from(value)),
                60 => format!("HPERSIST {from} FIELDS 1 {to}"),
                61 | 62 => format!("SPEXPIREAT {from} {} MEMBERS 1 {to}", NOW + 1000 + i64::from(value)),
                64 => format!("SPERSIST {from} MEMBERS 1 {to}"),
                _ => format!("SET {from} {value}"),
            }
        }
    }

    /// Runs steps, some of them as one unit. What a command refuses is no matter.
    fn run(engine: &Engine, steps: &[Step]) {
        let lines: Vec<String> = steps.iter().map(|step| step.words()).collect();
        let lines: Vec<Vec<&[u8]>> =
            lines.iter().map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
        if steps.len().is_multiple_of(3) {
            let commands: Vec<_> = lines.iter().map(|words| engine.step(words)).collect();
            let _ = engine.exec(steps.first().map_or(0, |step| step.db), &commands, None, None).unwrap();
        } else {
            for (step, words) in steps.iter().zip(&lines) {
                let _ = engine.execute(step.db, words);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn a_copy_and_the_units_are_what_is_in_memory_whatever_happens_between_two_sections(
            before in prop::collection::vec(step(), 0..100),
            between in prop::collection::vec(prop::collection::vec(step(), 0..7), 17),
            after in prop::collection::vec(step(), 0..20),
            (shards, slice_bits) in prop::sample::select(vec![(1, 0), (1, 3), (2, 1), (2, 3), (4, 2), (16, 0)]),
        ) {
            let (engine, units) = journalled(shards);
            before.chunks(4).for_each(|steps| run(&engine, steps));
            let again = rebuilt(&engine, &units, slice_bits, |section| {
                run(&engine, &between[section]);
                if section == shards << slice_bits {
                    after.chunks(4).for_each(|steps| run(&engine, steps));
                }
            });
            prop_assert_eq!(content(&again), content(&engine));
        }

        #[test]
        fn sections_have_every_key_once_and_know_which(
            keys in 0_u32..3000, shards in prop::sample::select(vec![1, 2, 8]), slice_bits in 0_u32..12,
        ) {
            let (engine, _) = journalled(shards);
            for key in 0..keys {
                engine.execute(0, &[b"SET", key.to_string().as_bytes(), b""]).unwrap();
            }
            let sections = Sections { shards, slice_bits };
            let (mut copying, mut seen) = (Copying::new(&engine, sections), Vec::new());
            for section in 0..sections.count() {
                let mut note = |block: &[u8]| {
                    for effect in codec::decode(block) {
                        if let Effect::On { key } = effect.unwrap() {
                            let hash = engine.keyspace().hash(&key);
                            assert_eq!(sections.of(engine.keyspace().index(hash), hash), section);
                            seen.push(String::from_utf8(key.to_vec()).unwrap().parse::<u32>().unwrap());
                        }
                    }
                };
                copying.section(section, &mut note, || 0);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..keys).collect::<Vec<_>>());
        }
    }

    /// The value is in the section that was copied first, under its new name, and not in the second, under its old one.
    #[test]
    fn a_rename_between_the_copies_of_its_two_sections_loses_nothing() {
        for (from, to) in (0..8).flat_map(|from| (0..8).map(move |to| (from, to))) {
            for pause in 0..8 {
                let (engine, units) = journalled(1);
                run(&engine, &[Step { what: 63, from, to, db: 0, other: 0 }]);
                let rename = Step { what: 6, from, to, db: 0, other: 0 };
                let again = rebuilt(&engine, &units, 3, |section| {
                    if section == pause {
                        run(&engine, &[rename]);
                    }
                });
                assert_eq!(content(&again), content(&engine), "{rename:?} before section {pause}");
            }
        }
    }

    #[test]
    fn blocks_end_after_about_a_mebibyte_and_stand_on_their_own() {
        let (engine, units) = journalled(1);
        let value = vec![b'v'; 300 << 10];
        for db in 0..2 {
            for key in 0..10_u8 {
                engine.execute(db, &[b"SET", &[key], &value]).unwrap();
            }
        }
        let mut blocks = Vec::new();
        let mut copying = Copying::new(&engine, engine.shard_sections());
        copying.section(0, &mut |block| blocks.push(block.to_vec()), || units.last());
        assert!(blocks.len() >= 5 && blocks.iter().all(|block| block.len() < 2 << 20), "{}", blocks.len());
        let again = self::engine(1);
        blocks.iter().rev().for_each(|block| again.load(block).unwrap());
        assert_eq!(content(&again), content(&engine));
    }

    #[test]
    fn sections_are_small_where_there_are_enough_keys_and_never_more_than_those() {
        for (keys, bytes, slices) in [
            (0, 0, 1),
            (64, 100 << 20, 1),
            (640, 100 << 20, 8),
            (64 * 1024, 1 << 20, 1),
            (1_000_000, 100 << 20, 16),
            (10_000_000, 1 << 30, 256),
            (1_000_000, 1 << 30, 64),
            (usize::MAX, usize::MAX, 1 << MAX_SLICE_BITS),
        ] {
            let sections = Sections::for_size(64, keys, bytes);
            assert_eq!(sections.count(), 64 * slices, "{keys} keys, {bytes} bytes");
            assert_eq!(Sections::from_count(64, sections.count()), Some(sections));
        }
        for count in [0, 1, 63, 65, 192, 64 << (MAX_SLICE_BITS + 1)] {
            assert_eq!(Sections::from_count(64, count), None, "{count}");
        }
    }
}
