//! Consumers that share a stream: who was given what, and has not acknowledged it yet.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;
use std::sync::Arc;

use super::image::{ConsumerImage, GroupImage, PendingImage};
use super::{StreamChange, StreamId, name_bytes, tree_bytes};
use crate::UnixMs;
use crate::effect::Blob;
use crate::memory::block_bytes;

/// A group of consumers. Every entry goes to one of them.
#[derive(Clone, Debug, Default)]
pub struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    /// By number. A number that is free is given again.
    consumers: Vec<Option<Consumer>>,
    free: Vec<u32>,
    numbers: BTreeMap<Arc<[u8]>, u32>,
    /// What the names take.
    name_bytes: usize,
    /// How many entries nobody has: they were given back.
    unowned: usize,
    /// What is pending by the moment when it was given, from when somebody first asks for it in this order.
    by_time: Option<BTreeSet<(UnixMs, StreamId)>>,
}

/// An entry that was given and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was last given.
    pub delivered_at: UnixMs,
    /// How often it was given.
    pub deliveries: u64,
    /// The number of the consumer that has it; nobody if it was given back.
    pub consumer: Option<u32>,
}

/// One of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it last asked for something.
    pub seen_at: UnixMs,
    /// When it last got something.
    pub active_at: Option<UnixMs>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it has.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The change that gives a group's consumer of this name its times.
    pub(super) fn times(&self, group: &Blob<'_>) -> StreamChange<'static> {
        StreamChange::SetConsumer {
            group: group.clone().into_owned(),
            consumer: self.name.to_vec().into(),
            seen_at: self.seen_at,
            active_at: self.active_at,
        }
    }

    /// What it has, in order.
    pub fn pending(&self, range: impl RangeBounds<StreamId>) -> impl DoubleEndedIterator<Item = StreamId> {
        self.pending.range(range).copied()
    }
}

impl Group {
    /// A group that was given everything up to `last_id`, which are so many entries if that is known.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    /// The last entry that it was given.
    pub const fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries it was given, if that is known.
    pub const fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// Moves it.
    pub const fn set_position(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        self.last_id = last_id;
        self.entries_read = entries_read;
    }

    /// Its consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (u32, &Consumer)> {
        self.numbers.values().map(|&number| (number, self.by_number(number)))
    }

    /// A consumer and its number.
    pub fn consumer(&self, name: &[u8]) -> Option<(u32, &Consumer)> {
        self.numbers.get(name).map(|&number| (number, self.by_number(number)))
    }

    /// The consumer of a number that was not given up.
    pub fn by_number(&self, number: u32) -> &Consumer {
        self.consumers[number as usize].as_ref().expect(NUMBERED)
    }

    /// The name of the consumer that has an entry; nobody if it was given back.
    pub fn owner(&self, pending: &Pending) -> Option<&[u8]> {
        pending.consumer.map(|number| self.by_number(number).name())
    }

    fn by_number_mut(&mut self, number: u32) -> &mut Consumer {
        self.consumers[number as usize].as_mut().expect(NUMBERED)
    }

    /// Gives a consumer its times, a new one if nobody has the name. Returns its number.
    pub fn set_consumer(&mut self, name: &[u8], seen_at: UnixMs, active_at: Option<UnixMs>) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            let consumer = self.by_number_mut(number);
            (consumer.seen_at, consumer.active_at) = (seen_at, active_at);
            return number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() as u32 - 1
        });
        let name: Arc<[u8]> = name.into();
        self.name_bytes += name_bytes(&name);
        self.numbers.insert(Arc::clone(&name), number);
        self.consumers[number as usize] =
            Some(Consumer { name, seen_at, active_at, pending: BTreeSet::new() });
        number
    }

    /// Removes a consumer with all that it has. Returns how many entries that are; `None` if nobody has the name.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.numbers.remove(name)?;
        let consumer = self.consumers[number as usize].take().expect(NUMBERED);
        self.free.push(number);
        self.name_bytes -= name_bytes(&consumer.name);
        for id in &consumer.pending {
            self.take_pending(*id);
        }
        Some(consumer.pending.len())
    }

    /// How many entries are not acknowledged.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// How many of them nobody has.
    pub const fn unowned(&self) -> usize {
        self.unowned
    }

    /// What is not acknowledged, in order.
    pub fn pending(
        &self,
        range: impl RangeBounds<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        self.pending.range(range).map(|(id, pending)| (*id, pending))
    }

    /// What is known of an entry that is not acknowledged.
    pub fn pending_at(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// Notes who has an entry.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        if let Some(by_time) = &mut self.by_time {
            if let Some(before) = before {
                by_time.remove(&(before.delivered_at, id));
            }
            by_time.insert((pending.delivered_at, id));
        }
        if before.map(|before| before.consumer) == Some(pending.consumer) {
            return;
        }
        self.release(id, before);
        match pending.consumer {
            Some(number) => drop(self.by_number_mut(number).pending.insert(id)),
            None => self.unowned += 1,
        }
    }

    /// Nobody has an entry any more. False if nobody had.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(before) = self.take_pending(id) else { return false };
        self.release(id, Some(before));
        true
    }

    fn take_pending(&mut self, id: StreamId) -> Option<Pending> {
        let before = self.pending.remove(&id)?;
        if let Some(by_time) = &mut self.by_time {
            by_time.remove(&(before.delivered_at, id));
        }
        Some(before)
    }

    /// When the entry that was given longest ago was given, of those that are not acknowledged.
    pub fn given_first(&self) -> Option<UnixMs> {
        match &self.by_time {
            Some(by_time) => by_time.first().map(|(given, _)| *given),
            None => self.pending.values().map(|entry| entry.delivered_at).min(),
        }
    }

    /// The entries that were last given at `latest` or before, those given longest ago first, so many at most.
    pub fn idle_since(&mut self, latest: UnixMs, most: usize) -> Vec<(StreamId, Pending)> {
        let Self { pending, by_time, .. } = self;
        let by_time = by_time
            .get_or_insert_with(|| pending.iter().map(|(id, entry)| (entry.delivered_at, *id)).collect());
        let idle = by_time.range(..=(latest, StreamId::MAX)).take(most);
        idle.filter_map(|(_, id)| Some((*id, *pending.get(id)?))).collect()
    }

    fn release(&mut self, id: StreamId, before: Option<Pending>) {
        match before.map(|before| before.consumer) {
            Some(Some(number)) => drop(self.by_number_mut(number).pending.remove(&id)),
            Some(None) => self.unowned -= 1,
            None => {}
        }
    }

    /// Whether an entry still matters to it: it was not given, or not acknowledged.
    pub fn refers_to(&self, id: StreamId) -> bool {
        id > self.last_id || self.pending.contains_key(&id)
    }

    /// What it takes. O(1).
    pub(super) fn bytes(&self) -> usize {
        let owned = self.pending.len() - self.unowned;
        self.shell_bytes() + tree_bytes::<StreamId, ()>(owned)
    }

    fn shell_bytes(&self) -> usize {
        tree_bytes::<StreamId, Pending>(self.pending.len())
            + tree_bytes::<Arc<[u8]>, u32>(self.numbers.len())
            + block_bytes(self.consumers.capacity() * size_of::<Option<Consumer>>())
            + block_bytes(self.free.capacity() * size_of::<u32>())
            + self.by_time.as_ref().map_or(0, |by_time| tree_bytes::<(UnixMs, StreamId), ()>(by_time.len()))
            + self.name_bytes
    }

    /// The same, counted anew.
    pub(super) fn recounted_bytes(&self) -> usize {
        let owned: usize = self.consumers.iter().flatten().map(|consumer| consumer.pending.len()).sum();
        let names: usize = self.numbers.keys().map(|name| name_bytes(name)).sum();
        self.shell_bytes() - self.name_bytes + names + tree_bytes::<StreamId, ()>(owned)
    }

    /// The whole of it under its name.
    pub fn image<'a>(&'a self, name: &'a [u8]) -> GroupImage<'a> {
        let places: BTreeMap<u32, u32> =
            self.numbers.values().zip(0..).map(|(&number, place)| (number, place)).collect();
        let consumer = |(_, consumer): (u32, &'a Consumer)| ConsumerImage {
            name: consumer.name().into(),
            seen_at: consumer.seen_at,
            active_at: consumer.active_at,
        };
        let pending = |(id, pending): (&StreamId, &Pending)| PendingImage {
            id: *id,
            consumer: pending.consumer.map(|number| places[&number]),
            delivered_at: pending.delivered_at,
            deliveries: pending.deliveries,
        };
        GroupImage {
            name: name.into(),
            last_id: self.last_id,
            entries_read: self.entries_read,
            consumers: self.consumers().map(consumer).collect(),
            pending: self.pending.iter().map(pending).collect(),
        }
    }

    /// The group of an image; `None` if it contradicts itself.
    pub fn from_image(image: &GroupImage<'_>) -> Option<Self> {
        let mut group = Self::new(image.last_id, image.entries_read);
        let numbers: Vec<u32> = image
            .consumers
            .iter()
            .map(|consumer| group.set_consumer(&consumer.name, consumer.seen_at, consumer.active_at))
            .collect();
        if group.numbers.len() != image.consumers.len() {
            return None;
        }
        for pending in &image.pending {
            let consumer = match pending.consumer {
                Some(place) => Some(*numbers.get(place as usize)?),
                None => None,
            };
            let PendingImage { id, delivered_at, deliveries, .. } = *pending;
            group.assign(id, Pending { delivered_at, deliveries, consumer });
        }
        (group.pending.len() == image.pending.len()).then_some(group)
    }
}

const NUMBERED: &str = "a number that is in use has a consumer";
