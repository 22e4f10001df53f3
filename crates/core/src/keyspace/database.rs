//! The keys of one database that live in one shard: entries, the blocks they lie in, their timers, and what they take.
use std::fmt;
use std::ops::Deref;

use super::entry::{Content, Entry};
use super::wheel::Wheel;
use crate::extendible::{ExtendibleTable, Place};
use crate::heap::Heap;
use crate::types::{Collection, Str, Value};
use crate::{HashSeed, Random, UnixMs};

/// What a timer is about: those bits of a hash that the table asks for. The entry among those is the one that names the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimedHash {
    high: u16,
    low: u16,
}

/// The table looks at no more of the upper bits.
const _: () = assert!(ExtendibleTable::<Entry>::PREFIX_BITS <= u16::BITS);

impl TimedHash {
    const fn of(hash: u64) -> Self {
        Self { high: (hash >> 48) as u16, low: hash as u16 }
    }

    /// A hash that leads to the same place of the table.
    const fn hash(self) -> u64 {
        (self.high as u64) << 48 | self.low as u64
    }
}

/// How many deadlines there are, and their sum in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deadlines {
    pub(crate) count: usize,
    sum: i128,
}

impl Deadlines {
    fn add(&mut self, deadline: UnixMs) {
        self.count += 1;
        self.sum += i128::from(deadline.0);
    }

    fn remove(&mut self, deadline: UnixMs) {
        self.count -= 1;
        self.sum -= i128::from(deadline.0);
    }

    /// Those of two sets of keys.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum }
    }

    /// How many milliseconds are left on average; 0 if there is none.
    pub(crate) fn average_left(self, now: UnixMs) -> i64 {
        let left = self.sum.checked_div(self.count as i128).map_or(0, |average| average - i128::from(now.0));
        i64::try_from(left.max(0)).unwrap_or(i64::MAX)
    }
}

/// The keys of one database that live in one shard.
#[derive(Default)]
pub(crate) struct Database {
    entries: ExtendibleTable<Entry>,
    heap: Heap,
    wheel: Wheel<TimedHash>,
    deadlines: Deadlines,
    /// What entries point to takes so much.
    pointed_bytes: usize,
}

/// What is left of a key that was removed.
#[derive(Debug)]
#[must_use = "it is to be dropped when no lock is held"]
pub(crate) struct Gone {
    /// The value, unless it lay beside the key.
    pub(crate) pointed: Option<Value>,
}

/// A key that was taken out.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) value: Value,
    pub(crate) deadline: Option<UnixMs>,
    pub(crate) access: u32,
}

/// An entry to change, whose changes are counted.
pub(crate) struct EntryMut<'d> {
    entry: &'d mut Entry,
    heap: &'d mut Heap,
    pointed_bytes: &'d mut usize,
}

impl Deref for EntryMut<'_> {
    type Target = Entry;

    #[inline]
    fn deref(&self) -> &Entry {
        self.entry
    }
}

impl EntryMut<'_> {
    /// Replaces the value, keeping the deadline. Returns what was pointed to, to be dropped when no lock is held.
    #[inline]
    pub(crate) fn replace(&mut self, content: Content<'_>) -> Option<Value> {
        self.counted(|entry, heap| entry.replace(heap, content))
    }

    /// Changes a string; `None` if the value is of another type. A panic in `change` leaves what it made of the string.
    pub(crate) fn change_string<T>(&mut self, change: impl FnOnce(&mut Str) -> T) -> Option<T> {
        self.counted(|entry, heap| entry.change_string(heap, change))
    }

    #[inline]
    fn counted<T>(&mut self, change: impl FnOnce(&mut Entry, &mut Heap) -> T) -> T {
        /// Counts again even if `change` panics.
        struct Counted<'c, 'd>(&'c mut EntryMut<'d>);

        impl Drop for Counted<'_, '_> {
            #[inline]
            fn drop(&mut self) {
                *self.0.pointed_bytes += self.0.entry.pointed_bytes();
            }
        }

        *self.pointed_bytes -= self.entry.pointed_bytes();
        let counted = Counted(self);
        change(counted.0.entry, counted.0.heap)
    }
}

impl Database {
    /// How many keys there are, expired ones included.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them have a deadline.
    pub(crate) const fn with_deadline(&self) -> usize {
        self.deadlines.count
    }

    /// The deadlines of the keys.
    pub(crate) const fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// What the keys take, with all that belongs to them. O(1).
    #[inline]
    pub(crate) fn used_bytes(&self) -> usize {
        self.heap.used_bytes() + self.pointed_bytes + self.overhead_bytes()
    }

    /// What entries lie in.
    pub(crate) const fn heap(&self) -> &Heap {
        &self.heap
    }

    /// What the table and the timers take. O(1).
    pub(crate) fn overhead_bytes(&self) -> usize {
        self.entries.allocated_bytes() + self.wheel.allocated_bytes()
    }

    /// [`Database::used_bytes`] counted anew: the numbers that are kept must never differ from it.
    pub(crate) fn recounted_bytes(&self) -> usize {
        self.entries.iter().map(Entry::recounted_bytes).sum::<usize>()
            + self.entries.recounted_bytes()
            + self.wheel.recounted_bytes()
    }

    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn get(&self, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.entries.get(hash, |entry| entry.is_of(key))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<EntryMut<'_>> {
        let (place, _) = self.locate(hash, key)?;
        self.at_mut(place)
    }

    /// The entry of a key, and where it is until a key is added or taken out.
    #[inline]
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Option<(Place, &Entry)> {
        self.entries.find(hash, |entry| entry.is_of(key))
    }

    /// The entry at a place.
    #[inline]
    pub(crate) fn at(&self, place: Place) -> Option<&Entry> {
        self.entries.at(place)
    }

    /// The entry at a place, to change.
    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> Option<EntryMut<'_>> {
        let Self { entries, heap, pointed_bytes, .. } = self;
        let entry = entries.at_mut(place)?;
        Some(EntryMut { entry, heap, pointed_bytes })
    }

    /// The collection at a place; `None` if the value is of another type.
    #[inline]
    pub(crate) fn collection<T: Collection>(&self, place: Place) -> Option<&T> {
        self.entries.at(place)?.collection()
    }

    /// The same to change, between [`Database::open`] and [`Database::close`].
    #[inline]
    pub(crate) fn collection_mut<T: Collection>(&mut self, place: Place) -> Option<&mut T> {
        self.entries.at_mut(place)?.collection_mut()
    }

    /// Stops counting a collection, which is going to change; false if the value is of another type.
    #[inline]
    pub(crate) fn open<T: Collection>(&mut self, place: Place) -> bool {
        let bytes = self.collection::<T>(place).map(T::bytes);
        self.pointed_bytes -= bytes.unwrap_or(0);
        bytes.is_some()
    }

    /// Counts a collection again that was opened; true if it was emptied, and its key is to be removed.
    #[inline]
    pub(crate) fn close<T: Collection>(&mut self, place: Place) -> bool {
        let Some(collection) = self.collection::<T>(place) else { return false };
        let is_empty = collection.is_empty() && !T::MAY_BE_EMPTY;
        self.pointed_bytes += collection.bytes();
        is_empty
    }

    /// Asks for the memory of a key's entry, without waiting for it. Not where there are so few that all are likely to be at hand.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        const FEW: usize = 256;
        if self.len() > FEW {
            self.entries.prefetch(hash);
        }
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(
        &mut self,
        seed: &HashSeed,
        hash: u64,
        key: &[u8],
        content: Content<'_>,
        access: u32,
    ) {
        let entry = Entry::new(&mut self.heap, key, content, access);
        self.pointed_bytes += entry.pointed_bytes();
        self.entries.insert_unique(hash, entry, |other| seed.hash(other.key()));
    }

    /// Takes a key out, if it is there.
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Gone> {
        let (place, _) = self.locate(hash, key)?;
        self.remove_at(place)
    }

    /// The same for the key at a place.
    pub(crate) fn remove_at(&mut self, place: Place) -> Option<Gone> {
        let entry = self.unlink(place)?;
        Some(Gone { pointed: entry.free(&mut self.heap) })
    }

    /// Takes the key at a place out with all that belongs to it.
    pub(crate) fn take_at(&mut self, place: Place) -> Option<Taken> {
        let entry = self.unlink(place)?;
        let (deadline, access) = (entry.deadline(), entry.access());
        Some(Taken { value: entry.into_value(&mut self.heap), deadline, access })
    }

    /// Takes an entry out of the table and its timer off the wheel.
    fn unlink(&mut self, place: Place) -> Option<Entry> {
        let entry = self.entries.remove_at(place)?;
        self.pointed_bytes -= entry.pointed_bytes();
        if let Some((deadline, timer)) = entry.timing() {
            self.deadlines.remove(deadline);
            if let Some(timer) = timer {
                self.wheel.cancel(timer);
            }
        }
        Some(entry)
    }

    /// Sets or takes away the deadline of the key at a place, whose hash is `hash`. False if there is none.
    pub(crate) fn set_deadline_at(&mut self, hash: u64, place: Place, at: Option<UnixMs>) -> bool {
        let Some(entry) = self.entries.at_mut(place) else { return false };
        let before = entry.timing();
        at.into_iter().for_each(|at| self.deadlines.add(at));
        before.into_iter().for_each(|(before, _)| self.deadlines.remove(before));
        let timer = before.and_then(|(_, timer)| timer);
        let timing = at.map(|at| {
            let first_dead = UnixMs(at.0.saturating_add(1));
            // A timer that fires too early looks again and is set anew; only one that is too late must move.
            let is_later = before.is_some_and(|(before, _)| before <= at);
            let kept = timer.filter(|_| is_later);
            (at, kept.or_else(|| self.wheel.schedule(first_dead, TimedHash::of(hash))))
        });
        if let Some(timer) = timer
            && timing.and_then(|(_, kept)| kept) != Some(timer)
        {
            self.wheel.cancel(timer);
        }
        entry.set_timing(&mut self.heap, timing);
        true
    }

    /// The key that expires first, and the moment from which it is dead.
    pub(crate) fn nearest(&mut self) -> Option<(UnixMs, Box<[u8]>)> {
        loop {
            let (timer, fires_at, timed) = self.wheel.first()?;
            let hash = timed.hash();
            let entry = self.entries.get_mut(hash, |entry| entry.timer() == Some(timer))?;
            let deadline = entry.deadline()?;
            let dead_from = UnixMs(deadline.0.saturating_add(1));
            // Deadlines of long ago fire when time begins.
            if dead_from <= fires_at {
                return Some((dead_from, entry.key().into()));
            }
            self.wheel.cancel(timer);
            let timer = self.wheel.schedule(dead_from, timed);
            entry.set_timing(&mut self.heap, Some((deadline, timer)));
        }
    }

    /// The entry whose key has this hash.
    pub(crate) fn find(&self, seed: &HashSeed, hash: u64) -> Option<&Entry> {
        self.entries.get(hash, |entry| seed.hash(entry.key()) == hash)
    }

    /// Some entry with a deadline: the first after a place that is drawn. O(number of keys) where there are few.
    pub(crate) fn some_with_deadline(&self, random: &Random) -> Option<&Entry> {
        let mut timed = None;
        let mut cursor = random.next_u64();
        let mut is_second_round = false;
        while self.deadlines.count > 0 && timed.is_none() {
            cursor = self.entries.scan(cursor, |entry| {
                if timed.is_none() && entry.deadline().is_some() {
                    timed = Some(entry);
                }
            });
            if cursor == 0 && std::mem::replace(&mut is_second_round, true) {
                break;
            }
        }
        timed
    }

    /// What would be free without this entry, one of these: it, what it points to, its timer, its part of the table.
    pub(crate) fn bytes_of(&self, entry: &Entry) -> usize {
        let timer = if entry.timer().is_some() { Wheel::<TimedHash>::TIMER_BYTES } else { 0 };
        let slot = self.entries.allocated_bytes() / self.entries.len().max(1);
        entry.block_bytes() + entry.pointed_bytes() + timer + slot
    }

    /// When [`Database::expire`] has work to do, at the earliest.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        self.wheel.next_at()
    }

    /// Takes out keys whose deadline has passed, handing each with what it pointed to to `expired`. Spends `budget`, one for
    /// each timer looked at.
    pub(crate) fn expire(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        mut expired: impl FnMut(&[u8], Option<Value>),
    ) {
        let (mut fired, mut later) = (Vec::new(), Vec::new());
        self.wheel.advance(now, budget, |timer, timed| fired.push((timer, timed.hash())));
        for (timer, hash) in fired {
            let is_its = |entry: &Entry| entry.timer() == Some(timer);
            let Some(entry) = self.entries.get_mut(hash, is_its) else {
                debug_assert!(false, "a timer outlived its entry");
                continue;
            };
            let deadline = entry.deadline();
            if let Some(deadline) = deadline.filter(|deadline| now <= *deadline) {
                // Without a timer for now: those of the others that fired must not be given again before they are looked up.
                entry.set_timing(&mut self.heap, Some((deadline, None)));
                later.push((hash, deadline));
            } else if let Some(mut entry) = self.entries.remove(hash, is_its) {
                deadline.into_iter().for_each(|deadline| self.deadlines.remove(deadline));
                self.pointed_bytes -= entry.pointed_bytes();
                let value = entry.take_pointed();
                expired(entry.key(), value);
                entry.free(&mut self.heap);
            }
        }
        for (hash, deadline) in later {
            let waits = |entry: &Entry| entry.timing() == Some((deadline, None));
            if let Some(entry) = self.entries.get_mut(hash, waits) {
                let timer = self.wheel.schedule(UnixMs(deadline.0.saturating_add(1)), TimedHash::of(hash));
                entry.set_timing(&mut self.heap, Some((deadline, timer)));
            }
        }
    }

    /// The entries in no particular order, expired ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries whose keys' hashes begin with these bits, expired ones included.
    pub(crate) fn slice<'d>(
        &'d self,
        seed: &'d HashSeed,
        prefix: u64,
        bits: u32,
    ) -> impl Iterator<Item = &'d Entry> {
        self.entries.with_prefix(prefix, bits, |entry| seed.hash(entry.key()))
    }

    /// See [`ExtendibleTable::scan`].
    pub(crate) fn scan(&self, cursor: u64, visit: impl FnMut(&Entry)) -> u64 {
        self.entries.scan(cursor, visit)
    }

    /// Some entry, expired ones included, each equally likely; see [`ExtendibleTable::random`].
    pub(crate) fn random(&self, random: &Random) -> Option<&Entry> {
        self.entries.random(random)
    }
}

impl Drop for Database {
    /// Takes long if there is much: to be done when no lock is held.
    fn drop(&mut self) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            entry.free(&mut self.heap);
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("entries", &self.entries)
            .field("heap", &self.heap)
            .field("wheel", &self.wheel)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EntryMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}
