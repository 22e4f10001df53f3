//! The keys of one database that live in one shard: entries, the blocks they lie in, their timers, and what they take.
use std::fmt;
use std::ops::Deref;

use super::entry::{Content, Entry};
use crate::extendible::{ExtendibleTable, Place};
use crate::heap::Heap;
use crate::memory::block_bytes;
use crate::types::{Collection, Expiring, Str, Type, Value};
use crate::wheel::Wheel;
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
    /// A timer for each collection whose elements have deadlines. Apart, because in most stores there is none.
    alarms: Option<Box<Wheel<TimedHash>>>,
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

/// What [`Database::expire`] takes out.
#[derive(Debug)]
pub(crate) enum Expired<'a> {
    /// A key, and what it pointed to.
    Key(&'a [u8], Option<Value>),
    /// An element of a collection, after which [`Expired::Elements`] comes.
    Element(&'a [u8], Type, &'a [u8]),
    /// So many elements of a collection. If none is left, the key went too, with this value.
    Elements(&'a [u8], Type, usize, Option<Value>),
}

/// An entry to change, whose changes are counted.
pub(crate) struct EntryMut<'d> {
    entry: &'d mut Entry,
    heap: &'d mut Heap,
    pointed_bytes: &'d mut usize,
    alarms: &'d mut Option<Box<Wheel<TimedHash>>>,
}

/// Sets the alarm that a collection asks for, which belongs to the key with this hash.
fn see_to_alarm(alarms: &mut Option<Box<Wheel<TimedHash>>>, hash: u64, collection: &mut dyn Expiring) {
    let (set, next) = (collection.alarm(), collection.next_at());
    // One that goes off too early finds nothing to do and is set anew.
    if let (Some((at, _)), Some(next)) = (set, next)
        && at <= next
    {
        return;
    }
    if let (Some(alarms), Some((_, timer))) = (alarms.as_mut(), set) {
        alarms.cancel(timer);
    }
    let set_alarm = |at| {
        let alarms = alarms.get_or_insert_with(|| Box::new(Wheel::beginning_at(at)));
        Some((at, alarms.schedule(at, TimedHash::of(hash))?))
    };
    collection.set_alarm(next.and_then(set_alarm));
}

/// Cancels the alarm of a collection that is leaving.
fn cancel_alarm(alarms: &mut Option<Box<Wheel<TimedHash>>>, collection: Option<&mut dyn Expiring>) {
    if let Some(collection) = collection
        && let Some((_, timer)) = collection.alarm()
    {
        if let Some(alarms) = alarms {
            alarms.cancel(timer);
        }
        collection.set_alarm(None);
    }
}

impl Deref for EntryMut<'_> {
    type Target = Entry;

    #[inline]
    fn deref(&self) -> &Entry {
        self.entry
    }
}

impl EntryMut<'_> {
    /// Replaces the value of a key with this hash, keeping the deadline. Returns what was pointed to, to be dropped when no lock is
    /// held.
    #[inline]
    pub(crate) fn replace(&mut self, hash: u64, mut content: Content<'_>) -> Option<Value> {
        if let Content::Value(value) = &mut content
            && let Some(collection) = value.expiring_mut()
        {
            see_to_alarm(self.alarms, hash, collection);
        }
        let mut out = self.counted(|entry, heap| entry.replace(heap, content));
        if let Some(value) = &mut out {
            cancel_alarm(self.alarms, value.expiring_mut());
        }
        out
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
        self.entries.allocated_bytes()
            + self.wheel.allocated_bytes()
            + self.alarm_bytes(Wheel::allocated_bytes)
    }

    #[inline]
    fn alarm_bytes(&self, bytes: impl Fn(&Wheel<TimedHash>) -> usize) -> usize {
        let with_block =
            |alarms: &Wheel<TimedHash>| block_bytes(size_of::<Wheel<TimedHash>>()) + bytes(alarms);
        self.alarms.as_deref().map_or(0, with_block)
    }

    /// How many keys have elements with deadlines.
    pub(crate) fn with_timed_elements(&self) -> usize {
        self.alarms.as_deref().map_or(0, Wheel::len)
    }

    /// [`Database::used_bytes`] counted anew: the numbers that are kept must never differ from it.
    pub(crate) fn recounted_bytes(&self) -> usize {
        self.entries.iter().map(Entry::recounted_bytes).sum::<usize>()
            + self.entries.recounted_bytes()
            + self.wheel.recounted_bytes()
            + self.alarm_bytes(Wheel::recounted_bytes)
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
        let Self { entries, heap, pointed_bytes, alarms, .. } = self;
        let entry = entries.at_mut(place)?;
        Some(EntryMut { entry, heap, pointed_bytes, alarms })
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

    /// Cancels the alarm of an opened collection, which may leave; [`Database::close`] sets one again if it stays.
    pub(crate) fn cancel_alarm_at(&mut self, place: Place) {
        cancel_alarm(&mut self.alarms, self.entries.at_mut(place).and_then(Entry::expiring_mut));
    }

    /// Counts a collection again that was opened, whose key has this hash; true if it was emptied, and its key is to be removed.
    #[inline]
    pub(crate) fn close<T: Collection>(&mut self, hash: u64, place: Place) -> bool {
        if self.collection::<T>(place).is_some_and(T::is_timed)
            && let Some(collection) = self.entries.at_mut(place).and_then(Entry::expiring_mut)
        {
            see_to_alarm(&mut self.alarms, hash, collection);
        }
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
        mut content: Content<'_>,
        access: u32,
    ) {
        if let Content::Value(value) = &mut content
            && let Some(collection) = value.expiring_mut()
        {
            see_to_alarm(&mut self.alarms, hash, collection);
        }
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
        let mut pointed = entry.free(&mut self.heap);
        pointed.iter_mut().for_each(|value| cancel_alarm(&mut self.alarms, value.expiring_mut()));
        Some(Gone { pointed })
    }

    /// Takes the key at a place out with all that belongs to it.
    pub(crate) fn take_at(&mut self, place: Place) -> Option<Taken> {
        let entry = self.unlink(place)?;
        let (deadline, access) = (entry.deadline(), entry.access());
        let mut value = entry.into_value(&mut self.heap);
        cancel_alarm(&mut self.alarms, value.expiring_mut());
        Some(Taken { value, deadline, access })
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
        let alarm = entry.value().expiring().and_then(Expiring::alarm);
        let timers = usize::from(entry.timer().is_some()) + usize::from(alarm.is_some());
        let slot = self.entries.allocated_bytes() / self.entries.len().max(1);
        entry.block_bytes() + entry.pointed_bytes() + timers * Wheel::<TimedHash>::TIMER_BYTES + slot
    }

    /// When [`Database::expire`] has work to do, at the earliest.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        let elements_at = self.alarms.as_deref().and_then(Wheel::next_at);
        self.wheel.next_at().into_iter().chain(elements_at).min()
    }

    /// Takes out keys and elements whose deadline has passed, handing each to `expired`. Spends `budget`, one for each timer looked at
    /// and each element.
    pub(crate) fn expire(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        seed: &HashSeed,
        mut expired: impl FnMut(Expired<'_>),
    ) {
        self.expire_keys(now, budget, &mut expired);
        if *budget > 0 && self.alarms.is_some() {
            self.expire_elements(now, budget, seed, &mut expired);
        }
    }

    #[cold]
    fn expire_elements(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        seed: &HashSeed,
        expired: &mut impl FnMut(Expired<'_>),
    ) {
        let mut rung = Vec::new();
        let Some(alarms) = &mut self.alarms else { return };
        alarms.advance(now, budget, |timer, timed| rung.push((timer, timed.hash())));
        let mut reclaimed = Vec::with_capacity(rung.len());
        for (timer, hash) in rung {
            let is_its = |entry: &Entry| {
                let alarm = entry.value().expiring().and_then(Expiring::alarm);
                alarm.is_some_and(|(_, named)| named == timer)
            };
            let Some(entry) = self.entries.get_mut(hash, is_its) else {
                debug_assert!(false, "an alarm outlived its collection");
                continue;
            };
            self.pointed_bytes -= entry.pointed_bytes();
            let (key, of_type) = (Box::<[u8]>::from(entry.key()), entry.value().value_type());
            let mut count = 0;
            if let Some(collection) = entry.expiring_mut() {
                // At least one for each alarm, so that all come to an end.
                let mut allowed = (*budget).max(1);
                let given = allowed;
                collection.reclaim(now, &mut allowed, seed, &mut |element| {
                    count += 1;
                    expired(Expired::Element(&key, of_type, element));
                });
                *budget = budget.saturating_sub(given - allowed);
                // Without one for now: those of the others that rang must not be given again before they are looked up.
                collection.set_alarm(None);
            }
            self.pointed_bytes += entry.pointed_bytes();
            reclaimed.push((hash, key, of_type, count));
        }
        for (hash, key, of_type, count) in reclaimed {
            let Some((place, entry)) = self.locate(hash, &key) else { continue };
            let is_empty = entry.value().is_empty_collection();
            let gone = if is_empty { self.remove_at(place).and_then(|gone| gone.pointed) } else { None };
            if let Some(entry) = self.entries.at_mut(place).filter(|_| !is_empty) {
                self.pointed_bytes -= entry.pointed_bytes();
                if let Some(collection) = entry.expiring_mut() {
                    see_to_alarm(&mut self.alarms, hash, collection);
                }
                self.pointed_bytes += entry.pointed_bytes();
            }
            if count > 0 {
                expired(Expired::Elements(&key, of_type, count, gone));
            }
        }
    }

    fn expire_keys(&mut self, now: UnixMs, budget: &mut usize, expired: &mut impl FnMut(Expired<'_>)) {
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
                let mut value = entry.take_pointed();
                value.iter_mut().for_each(|value| cancel_alarm(&mut self.alarms, value.expiring_mut()));
                expired(Expired::Key(entry.key(), value));
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
