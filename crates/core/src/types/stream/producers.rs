//! What producers have sent, so that nothing that one sends again is added again.
//!
//! <https://redis.io/docs/latest/develop/data-types/streams/idempotency/>
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::image::{ProducersImage, SentImage};
use super::{StreamId, name_bytes, tree_bytes};
use crate::UnixMs;

/// For how long, and how many of, the IDs that a producer gives what it sends are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdempotencySettings {
    /// How many seconds an ID is remembered, counted from its entry's ID.
    pub duration_s: u32,
    /// How many IDs of a producer are remembered: the last ones.
    pub max_size: u16,
}

impl IdempotencySettings {
    /// The seconds that can be set.
    pub const DURATIONS_S: std::ops::RangeInclusive<u32> = 1..=86_400;
    /// The numbers of IDs that can be set.
    pub const SIZES: std::ops::RangeInclusive<u16> = 1..=10_000;

    /// Whether the ID of an entry is forgotten at a moment.
    const fn is_outdated(self, id: StreamId, now_ms: u64) -> bool {
        id.ms.saturating_add(self.duration_s as u64 * 1000) <= now_ms
    }
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self { duration_s: 100, max_size: 100 }
    }
}

/// What is said of producers beside the IDs that are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProducersSummary {
    /// For how long, and how many, IDs are remembered.
    pub settings: IdempotencySettings,
    /// How many IDs were ever recorded.
    pub added: u64,
    /// How many entries were not added because their IDs were known.
    pub duplicates: u64,
}

/// The producers of a stream.
#[derive(Clone, Debug, Default)]
pub struct Producers {
    summary: ProducersSummary,
    /// None is without an ID.
    by_name: BTreeMap<Arc<[u8]>, Producer>,
    /// The producers by the oldest entry that each sent.
    oldest: BTreeSet<(StreamId, Arc<[u8]>)>,
    /// What the producers and all names take, but for the trees that the producers are in.
    bytes: usize,
}

/// What one producer sent.
#[derive(Clone, Debug, Default)]
struct Producer {
    entries: BTreeMap<Arc<[u8]>, StreamId>,
    by_age: BTreeSet<(StreamId, Arc<[u8]>)>,
}

impl Producer {
    /// Adds an ID that is not there.
    fn insert(&mut self, iid: &[u8], id: StreamId) {
        let iid: Arc<[u8]> = iid.into();
        self.by_age.insert((id, Arc::clone(&iid)));
        self.entries.insert(iid, id);
    }

    fn remove(&mut self, iid: &[u8]) -> bool {
        let Some((iid, id)) = self.entries.remove_entry(iid) else { return false };
        self.by_age.remove(&(id, iid))
    }

    fn oldest(&self) -> Option<StreamId> {
        self.by_age.first().map(|(id, _)| *id)
    }

    fn bytes(&self) -> usize {
        tree_bytes::<Arc<[u8]>, StreamId>(self.entries.len())
            + tree_bytes::<(StreamId, Arc<[u8]>), ()>(self.by_age.len())
    }

    fn recounted_bytes(&self) -> usize {
        self.bytes() + self.entries.keys().map(|iid| name_bytes(iid)).sum::<usize>()
    }
}

/// An ID that a producer gave an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The producer.
    pub producer: Arc<[u8]>,
    /// The ID.
    pub iid: Arc<[u8]>,
    /// The entry.
    pub id: StreamId,
}

impl Sent {
    fn new(producer: &Arc<[u8]>, iid: &Arc<[u8]>, id: StreamId) -> Self {
        Self { producer: Arc::clone(producer), iid: Arc::clone(iid), id }
    }
}

impl PartialEq for Producers {
    fn eq(&self, other: &Self) -> bool {
        self.summary == other.summary && self.held().eq(other.held())
    }
}

impl Producers {
    /// What is said of them beside their IDs.
    pub const fn summary(&self) -> ProducersSummary {
        self.summary
    }

    /// Whether the ID of an entry is forgotten at a moment.
    const fn is_outdated(&self, id: StreamId, now_ms: u64) -> bool {
        self.summary.settings.is_outdated(id, now_ms)
    }

    /// Whether nothing was ever said of producers.
    pub(super) fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// The entry that a producer sent under an ID, if that is remembered.
    pub fn find(&self, producer: &[u8], iid: &[u8], now: UnixMs) -> Option<StreamId> {
        let id = *self.by_name.get(producer)?.entries.get(iid)?;
        (!self.is_outdated(id, now.milliseconds_since(UnixMs(0)))).then_some(id)
    }

    /// What a producer has sent under an ID, if that is held.
    pub(super) fn sent(&self, producer: &[u8], iid: &[u8]) -> Option<Sent> {
        let (name, producer) = self.by_name.get_key_value(producer)?;
        producer.entries.get_key_value(iid).map(|(iid, id)| Sent::new(name, iid, *id))
    }

    /// How many IDs are held, those that are outdated too.
    pub(super) fn len(&self) -> usize {
        self.by_name.values().map(|producer| producer.entries.len()).sum()
    }

    /// How many producers and how many of their IDs are remembered. O(N), N being the number of IDs.
    pub fn tracked(&self, now: UnixMs) -> (usize, usize) {
        let is_known = |id: StreamId| !self.is_outdated(id, now.milliseconds_since(UnixMs(0)));
        let counts = self
            .by_name
            .values()
            .map(|producer| producer.entries.values().filter(|id| is_known(**id)).count());
        counts.filter(|count| *count > 0).fold((0, 0), |(pids, iids), count| (pids + 1, iids + count))
    }

    /// All IDs that are held, those that are outdated too: producer, ID, entry.
    fn held(&self) -> impl Iterator<Item = (&Arc<[u8]>, &Arc<[u8]>, StreamId)> {
        self.by_name
            .iter()
            .flat_map(|(name, producer)| producer.entries.iter().map(move |(iid, id)| (name, iid, *id)))
    }

    /// The IDs that go when settings are set: all, if they are others.
    pub(super) fn gone_by_setting(&self, settings: IdempotencySettings) -> Vec<Sent> {
        if settings == self.summary.settings {
            Vec::new()
        } else {
            self.held().map(|(producer, iid, id)| Sent::new(producer, iid, id)).collect()
        }
    }

    /// The IDs that go when one is recorded: what it was before, those that are outdated by then, and the oldest of a producer that has
    /// too many.
    pub(super) fn gone_by_recording(&self, producer: &[u8], iid: &[u8], id: StreamId) -> Vec<Sent> {
        let is_outdated = |(other, _): &&(StreamId, Arc<[u8]>)| self.is_outdated(*other, id.ms);
        let mut gone = Vec::new();
        for (_, name) in self.oldest.iter().take_while(is_outdated) {
            let outdated = self.by_name[name].by_age.iter().take_while(is_outdated);
            gone.extend(outdated.map(|(id, iid)| Sent::new(name, iid, *id)));
        }
        let Some((name, of_producer)) = self.by_name.get_key_value(producer) else { return gone };
        let outdated = of_producer.by_age.iter().take_while(is_outdated).count();
        let is_other = |entry: &&(StreamId, Arc<[u8]>)| *entry.1 != *iid;
        let same =
            of_producer.entries.get_key_value(iid).filter(|(_, same)| !self.is_outdated(**same, id.ms));
        let others = of_producer.by_age.len() - outdated - usize::from(same.is_some());
        let too_many = (others + 1).saturating_sub(usize::from(self.summary.settings.max_size));
        let oldest = of_producer.by_age.iter().skip(outdated).filter(is_other).take(too_many);
        gone.extend(oldest.map(|(id, iid)| Sent::new(name, iid, *id)));
        gone.extend(same.map(|(iid, id)| Sent::new(name, iid, *id)));
        gone
    }

    /// Remembers which entry a producer sent under an ID, and forgets what [`gone_by_recording`](Self::gone_by_recording) says.
    pub(super) fn record(&mut self, producer: &[u8], iid: &[u8], id: StreamId) {
        for sent in self.gone_by_recording(producer, iid, id) {
            self.forget(&sent.producer, &sent.iid);
        }
        self.summary.added = self.summary.added.saturating_add(1);
        self.bytes += name_bytes(iid);
        self.change(producer, |producer| producer.insert(iid, id));
    }

    /// Forgets an ID; false if it is not known.
    pub(super) fn forget(&mut self, producer: &[u8], iid: &[u8]) -> bool {
        let is_known = self.by_name.get(producer).is_some_and(|producer| producer.entries.contains_key(iid));
        if is_known {
            self.bytes -= name_bytes(iid);
            self.change(producer, |producer| producer.remove(iid));
        }
        is_known
    }

    /// Changes one producer, who comes and goes with his first and last ID.
    fn change<T>(&mut self, name: &[u8], change: impl FnOnce(&mut Producer) -> T) {
        let (name, mut producer) = self.by_name.remove_entry(name).unwrap_or_else(|| {
            self.bytes += name_bytes(name);
            (name.into(), Producer::default())
        });
        self.bytes -= producer.bytes();
        let before = producer.oldest();
        change(&mut producer);
        self.bytes += producer.bytes();
        let after = producer.oldest();
        if before != after {
            before.map(|id| self.oldest.remove(&(id, Arc::clone(&name))));
            after.map(|id| self.oldest.insert((id, Arc::clone(&name))));
        }
        if after.is_some() {
            self.by_name.insert(name, producer);
        } else {
            self.bytes -= name_bytes(&name);
        }
    }

    /// Sets everything but the IDs, which go if the settings are others.
    pub(super) fn set(&mut self, summary: ProducersSummary) {
        if summary.settings != self.summary.settings {
            *self = Self::default();
        }
        self.summary = summary;
    }

    /// What it takes. O(1).
    pub(super) fn bytes(&self) -> usize {
        self.bytes
            + tree_bytes::<Arc<[u8]>, Producer>(self.by_name.len())
            + tree_bytes::<(StreamId, Arc<[u8]>), ()>(self.oldest.len())
            + crate::memory::block_bytes(size_of::<Self>())
    }

    /// The same, counted anew.
    pub(super) fn recounted_bytes(&self) -> usize {
        let counted =
            |(name, producer): (&Arc<[u8]>, &Producer)| name_bytes(name) + producer.recounted_bytes();
        self.bytes() - self.bytes + self.by_name.iter().map(counted).sum::<usize>()
    }

    /// The whole of it.
    pub(super) fn image(&self) -> ProducersImage<'_> {
        ProducersImage {
            summary: self.summary,
            sent: self
                .held()
                .map(|(producer, iid, id)| SentImage {
                    producer: (&**producer).into(),
                    iid: (&**iid).into(),
                    id,
                })
                .collect(),
        }
    }

    /// The producers of an image; `None` if it contradicts itself.
    pub(super) fn from_image(image: &ProducersImage<'_>) -> Option<Self> {
        let IdempotencySettings { duration_s, max_size } = image.summary.settings;
        let are_possible = IdempotencySettings::DURATIONS_S.contains(&duration_s)
            && IdempotencySettings::SIZES.contains(&max_size);
        let mut producers = are_possible.then(Self::default)?;
        for SentImage { producer, iid, id } in &image.sent {
            let held = producers.by_name.get(&**producer);
            let is_new = held.is_none_or(|held| {
                held.entries.len() < usize::from(max_size) && !held.entries.contains_key(&**iid)
            });
            if !is_new {
                return None;
            }
            producers.bytes += name_bytes(iid);
            producers.change(producer, |producer| producer.insert(iid, *id));
        }
        producers.summary = image.summary;
        Some(producers)
    }
}
