//! When to look for what has expired: a hierarchical timing wheel.
//!
//! G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. Eight levels of 64 slots: a slot of the
//! lowest is a millisecond, one of the next is 64, and so on, 8900 years in all. Setting and cancelling a timer takes the same
//! time however many there are. A slot that comes due is taken as a whole onto the pending list, which is worked off timer by
//! timer, so that no call does more than it was allowed to.
//!
//! Timers live in a slab and are named by their place in it, which whoever set one keeps until it fires or is cancelled. A
//! timer has 16 bytes: two neighbours, the lower half of its moment, and an item. The upper half follows from where it is; what
//! is more than two years away may be taken for something sooner and fires early. The wheel says only when to look: what a
//! timer is about and what the exact deadline is, it does not know.
use std::fmt;
use std::num::NonZeroU32;

use crate::UnixMs;
use crate::heap::Slab;
use crate::memory::block_bytes;

const LEVELS: usize = 8;
const SLOTS: usize = 64;
const SLOT_BITS: u32 = SLOTS.ilog2();
/// The list of timers to be looked at by the next [`Wheel::advance`], after those of the slots.
const PENDING: usize = LEVELS * SLOTS;
const LISTS: usize = PENDING + 1;
/// Moments are whole milliseconds since 1970 below this, which is in the year 10889.
const END: u64 = 1 << (SLOT_BITS * LEVELS as u32);
/// How far a moment may be from the one it is counted from, either way, so that its lower half tells it.
const REACH: u64 = 1 << (u32::BITS - 1);

/// A list, if it is at most [`LISTS`], or a node. The lists are rings that go through themselves, so that a node is taken out
/// without knowing which one it is in.
type Index = NonZeroU32;

/// Names a timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId(Index);

impl TimerId {
    /// As a number, never 0.
    pub(crate) const fn to_bits(self) -> u32 {
        self.0.get()
    }

    /// The timer of a number; `None` for 0.
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        Index::new(bits).map(Self)
    }
}

/// Timers, each with an item to hand out when it fires. A clone's have the same names.
///
/// Every timer that is not pending is in the list that [`Wheel::list_for`] gives for its moment and the wheel's: moving
/// `elapsed` forward to no further than the next slot with timers keeps that true, and [`Wheel::rewind`] restores it.
#[derive(Clone)]
pub(crate) struct Wheel<T: Copy> {
    nodes: Slab<Node<T>>,
    /// The first of the unused nodes, which are linked by `next`; the last one names itself.
    free: Option<Index>,
    len: usize,
    /// What the slots of levels take.
    slots_bytes: usize,
    /// The moment up to which slots were taken out.
    elapsed: u64,
    /// The moment that [`Wheel::advance`] was last told. [`Wheel::first`] may have taken out slots beyond it.
    now: u64,
    /// No pending timer is due before.
    pending_from: u64,
    pending: Neighbours,
    /// The slots of each level, while one of them has timers.
    levels: [Option<Box<[Neighbours; SLOTS]>>; LEVELS],
    /// For each level, which slots have timers.
    occupied: [u64; LEVELS],
}

#[derive(Clone, Copy, PartialEq)]
struct Neighbours {
    previous: Index,
    next: Index,
}

impl Neighbours {
    const fn alone(index: Index) -> Self {
        Self { previous: index, next: index }
    }
}

#[derive(Clone, Copy)]
struct Node<T> {
    neighbours: Neighbours,
    at_low: u32,
    item: T,
}

/// The list with this number.
const fn list(number: usize) -> Index {
    match Index::new(number as u32 + 1) {
        Some(index) => index,
        None => unreachable!(),
    }
}

/// The number of a list; `None` for a node.
const fn list_number(index: Index) -> Option<usize> {
    let number = index.get() as usize - 1;
    if number < LISTS { Some(number) } else { None }
}

/// The node in this place of the slab.
fn node(place: usize) -> Option<Index> {
    u32::try_from(place + LISTS + 1).ok().and_then(Index::new)
}

const fn place(node: Index) -> usize {
    node.get() as usize - LISTS - 1
}

/// Moments before 1970 as 1970.
const fn to_ticks(at: UnixMs) -> u64 {
    if at.0 < 0 { 0 } else { at.0 as u64 }
}

const fn to_moment(ticks: u64) -> UnixMs {
    UnixMs(ticks as i64)
}

/// The moment with this lower half that is nearest to `base`, or the beginning of time if that is before it.
const fn near(base: u64, at_low: u32) -> u64 {
    base.saturating_add_signed(at_low.wrapping_sub(base as u32).cast_signed() as i64)
}

/// The level on which two moments part.
const fn level_of(difference: u64) -> usize {
    // The lowest bit changes no level but spares 0 its own case.
    ((difference | 1).ilog2() / SLOT_BITS) as usize
}

/// The list of the slot on `level` in which a moment is.
const fn slot_of(at: u64, level: usize) -> usize {
    level * SLOTS + (at >> (SLOT_BITS * level as u32)) as usize % SLOTS
}

impl<T: Copy> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len())
            .field("elapsed", &to_moment(self.elapsed))
            .field("next_at", &self.next_at())
            .finish_non_exhaustive()
    }
}

impl<T: Copy> Wheel<T> {
    /// What a timer takes.
    pub(crate) const TIMER_BYTES: usize = size_of::<Node<T>>();

    /// Without timers; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Slab::new(),
            free: None,
            len: 0,
            slots_bytes: 0,
            elapsed: 0,
            now: 0,
            pending_from: 0,
            pending: Neighbours::alone(list(PENDING)),
            levels: [const { None }; LEVELS],
            occupied: [0; LEVELS],
        }
    }

    /// Without timers, for those that are not before `first`, more or less: a timer comes down fewer levels.
    pub(crate) fn beginning_at(first: UnixMs) -> Self {
        Self { elapsed: to_ticks(first).min(END - 1), ..Self::new() }
    }

    /// How many timers are set.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer is set.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The memory behind the wheel. O(1).
    pub(crate) const fn allocated_bytes(&self) -> usize {
        self.nodes.allocated_bytes() + self.slots_bytes
    }

    /// The same, counted anew.
    pub(crate) fn recounted_bytes(&self) -> usize {
        let levels = self.levels.iter().flatten().count();
        self.nodes.allocated_bytes() + levels * block_bytes(size_of::<[Neighbours; SLOTS]>())
    }

    /// Sets a timer that fires in the first [`Wheel::advance`] at or after `at`, which may have passed already; `None` if that
    /// is further away than the wheel reaches. One that is more than two years away may fire early. O(1).
    ///
    /// # Panics
    /// If about 2^32 timers are set.
    pub(crate) fn schedule(&mut self, at: UnixMs, item: T) -> Option<TimerId> {
        let at = to_ticks(at);
        if at >= END {
            return None;
        }
        if at < self.elapsed && (at > self.now || self.elapsed - at >= REACH) {
            self.rewind(at);
        }
        let new = |index| Node { neighbours: Neighbours::alone(index), at_low: at as u32, item };
        let index = if let Some(index) = self.free {
            let next = self.node(index).neighbours.next;
            self.free = (next != index).then_some(next);
            *self.node_mut(index) = new(index);
            index
        } else {
            let index = node(self.nodes.len()).expect("fewer than 2^32 timers are set");
            self.nodes.push(new(index));
            index
        };
        self.len += 1;
        self.link(index, at);
        Some(TimerId(index))
    }

    /// Takes away a timer that is set. O(1).
    pub(crate) fn cancel(&mut self, TimerId(index): TimerId) -> T {
        let item = self.node(index).item;
        self.unlink(index);
        self.release(index);
        item
    }

    /// The timer that fires first, with its moment and item. Brings timers to lower levels until it stands with those of its
    /// own millisecond: O(1) amortised, a timer comes down [`LEVELS`] times at most.
    pub(crate) fn first(&mut self) -> Option<(TimerId, UnixMs, T)> {
        if self.is_empty() {
            return None;
        }
        if self.head(PENDING).is_some() {
            if self.pending_from < self.elapsed {
                self.rewind(self.pending_from);
            }
            self.take_each(PENDING);
        }
        loop {
            let (start, list) = self.next_list()?;
            if list < SLOTS {
                let head = self.head(list)?;
                return Some((TimerId(head), to_moment(start), self.node(head).item));
            }
            self.elapsed = start;
            self.take_each(list);
        }
    }

    /// Puts each timer of a list where it belongs.
    fn take_each(&mut self, list: usize) {
        let mut left = Vec::new();
        while let Some(index) = self.head(list) {
            self.unlink(index);
            left.push(index);
        }
        for index in left {
            // What is taken for sooner than its slot is in truth later.
            self.link(index, near(self.elapsed, self.node(index).at_low).max(self.elapsed));
        }
    }

    /// When [`Wheel::advance`] has work to do, at the earliest: never later than the first timer's moment. `None` if no
    /// timer is set. O(1).
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        // Neither bound is always the lower one: what is pending may be due later than a slot if the clock was set back.
        if self.len == 0 {
            return None;
        }
        let pending = self.head(PENDING).map(|_| self.pending_from);
        let next = self.next_list().map(|(start, _)| start);
        pending.into_iter().chain(next).min().map(to_moment)
    }

    /// Fires the timers that are due at `now`, handing each with its item to `fire`. A timer that is fired or brought to a
    /// lower level costs one of `budget`; when that is spent, the next call goes on where this one stopped.
    ///
    /// `now` may be earlier than in the call before: what is not due then does not fire, whenever it was set.
    pub(crate) fn advance(&mut self, now: UnixMs, budget: &mut usize, mut fire: impl FnMut(TimerId, T)) {
        if now.0 < 0 {
            return;
        }
        let now = to_ticks(now).min(END - 1);
        self.now = now;
        if now < self.elapsed {
            self.rewind(now);
        }
        loop {
            while let Some(index) = self.head(PENDING) {
                if *budget == 0 {
                    return;
                }
                *budget -= 1;
                self.unlink(index);
                let Node { at_low, item, .. } = *self.node(index);
                let at = near(self.elapsed, at_low);
                if at > now {
                    // Ahead of `elapsed` too, so that it does not become pending again.
                    self.link(index, at);
                } else {
                    self.release(index);
                    fire(TimerId(index), item);
                }
            }
            let Some((start, list)) = self.next_list().filter(|&(start, _)| start <= now) else {
                self.elapsed = now;
                return;
            };
            (self.elapsed, self.pending_from) = (start, start);
            self.join(list, PENDING);
        }
    }

    #[inline]
    fn node(&self, index: Index) -> &Node<T> {
        self.nodes.get(place(index))
    }

    #[inline]
    fn node_mut(&mut self, index: Index) -> &mut Node<T> {
        self.nodes.get_mut(place(index))
    }

    fn neighbours(&mut self, index: Index) -> &mut Neighbours {
        match list_number(index) {
            Some(PENDING) => &mut self.pending,
            Some(number) => &mut self.slots(number / SLOTS)[number % SLOTS],
            None => &mut self.node_mut(index).neighbours,
        }
    }

    fn slots(&mut self, level: usize) -> &mut [Neighbours; SLOTS] {
        let slots_bytes = &mut self.slots_bytes;
        self.levels[level].get_or_insert_with(|| {
            let slots = Box::new(std::array::from_fn(|slot| Neighbours::alone(list(level * SLOTS + slot))));
            *slots_bytes += block_bytes(size_of_val(&*slots));
            slots
        })
    }

    /// The first timer of a list.
    #[inline]
    fn head(&self, list: usize) -> Option<Index> {
        let ring = match list {
            PENDING => self.pending,
            slot => self.levels[slot / SLOTS].as_ref()?[slot % SLOTS],
        };
        list_number(ring.next).is_none().then_some(ring.next)
    }

    /// The list for a moment: on the level of the highest digit in which it differs from the wheel's, the slot of its own.
    fn list_for(&self, at: u64) -> usize {
        if at < self.elapsed { PENDING } else { slot_of(at, level_of(self.elapsed ^ at)) }
    }

    /// Notes that a list has timers now, or none any more.
    fn set_occupied(&mut self, list: usize, is_occupied: bool) {
        let level = list / SLOTS;
        let Some(occupied) = self.occupied.get_mut(level) else { return };
        let bit = 1 << (list % SLOTS);
        *occupied = if is_occupied { *occupied | bit } else { *occupied & !bit };
        if *occupied == 0
            && let Some(slots) = self.levels[level].take()
        {
            self.slots_bytes -= block_bytes(size_of_val(&*slots));
        }
    }

    /// Puts a node that is in no list at the end of its own.
    fn link(&mut self, index: Index, at: u64) {
        let number = self.list_for(at);
        if number == PENDING {
            let others = self.head(PENDING).is_some();
            self.pending_from = if others { self.pending_from.min(at) } else { at };
        }
        let last = std::mem::replace(&mut self.neighbours(list(number)).previous, index);
        self.neighbours(last).next = index;
        *self.neighbours(index) = Neighbours { previous: last, next: list(number) };
        self.set_occupied(number, true);
    }

    /// Takes a node out of its list.
    fn unlink(&mut self, index: Index) {
        let Neighbours { previous, next } = self.node(index).neighbours;
        self.neighbours(previous).next = next;
        self.neighbours(next).previous = previous;
        if previous == next
            && let Some(list) = list_number(next)
        {
            self.set_occupied(list, false);
        }
    }

    /// Appends all timers of one list to another.
    fn join(&mut self, from: usize, to: usize) {
        let empty = Neighbours::alone(list(from));
        let Neighbours { previous: last, next: first } =
            std::mem::replace(self.neighbours(list(from)), empty);
        if last == list(from) {
            return;
        }
        self.set_occupied(from, false);
        self.set_occupied(to, true);
        let before = std::mem::replace(&mut self.neighbours(list(to)).previous, last);
        self.neighbours(before).next = first;
        self.neighbours(first).previous = before;
        self.neighbours(last).next = list(to);
    }

    /// Frees an unlinked node.
    fn release(&mut self, index: Index) {
        self.len -= 1;
        if self.is_empty() {
            self.free = None;
            self.nodes.clear();
            return;
        }
        let next = self.free.replace(index).unwrap_or(index);
        self.node_mut(index).neighbours.next = next;
    }

    /// The first list with timers except the pending one, and the first moment that belongs to it.
    fn next_list(&self) -> Option<(u64, usize)> {
        // The lower the level, the sooner: a timer is on the lowest that its moment and the wheel's do not share.
        let (level, occupied) = self.occupied.iter().enumerate().find(|(_, occupied)| **occupied != 0)?;
        let list = level * SLOTS + occupied.trailing_zeros() as usize;
        Some((self.start_of(list), list))
    }

    /// The first moment that belongs to a slot.
    fn start_of(&self, list: usize) -> u64 {
        let shift = SLOT_BITS * (list / SLOTS) as u32;
        let round = self.elapsed >> (shift + SLOT_BITS) << SLOT_BITS;
        (round | (list % SLOTS) as u64) << shift
    }

    /// Sets the wheel back to `now`. On the levels below the one on which the two moments part, all timers share what is
    /// above with the later moment, so they belong in its slot there; those on that level and above stay where they are.
    /// No timer is looked at.
    fn rewind(&mut self, now: u64) {
        let parting = level_of(self.elapsed ^ now);
        let meeting = slot_of(self.elapsed, parting);
        self.elapsed = now;
        for level in 0..parting {
            while self.occupied[level] != 0 {
                self.join(level * SLOTS + self.occupied[level].trailing_zeros() as usize, meeting);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const TODAY: i64 = 1_700_000_000_000;
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;

    fn moment() -> impl Strategy<Value = i64> {
        prop_oneof![
            8 => TODAY..TODAY + 1000,
            4 => TODAY..TODAY + 100_000_000,
            2 => -2000_i64..2000,
            2 => (-300_i64..300, -1000_i64..1000).prop_map(|(years, rest)| TODAY + years * YEAR + rest),
            1 => (0..64_u32, -2_i64..3).prop_map(|(bits, rest)| (1_i64 << bits).wrapping_add(rest)),
            1 => any::<i64>(),
            1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)],
        ]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Schedule(i64),
        Cancel(prop::sample::Index),
        Advance(i64, usize),
        First,
    }

    fn step() -> impl Strategy<Value = Step> {
        let budget = prop_oneof![Just(1_usize), 0_usize..6, Just(usize::MAX)];
        prop_oneof![
            5 => moment().prop_map(Step::Schedule),
            2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
            3 => (moment(), budget).prop_map(|(now, budget)| Step::Advance(now, budget)),
            1 => Just(Step::First),
        ]
    }

    /// The moment of the timer that a wheel sets for this one.
    fn reached(at: i64) -> Option<i64> {
        (at < END as i64).then_some(at.max(0))
    }

    /// A wheel and whoever sets its timers: what fires early is set anew.
    struct Owned {
        wheel: Wheel<u32>,
        /// Items by the moments of their timers.
        due: BTreeSet<(i64, u32)>,
        timers: BTreeMap<u32, (i64, TimerId)>,
    }

    impl Owned {
        fn new() -> Self {
            Self { wheel: Wheel::new(), due: BTreeSet::new(), timers: BTreeMap::new() }
        }

        fn schedule(&mut self, at: i64, item: u32) {
            let timer = self.wheel.schedule(UnixMs(at), item);
            assert_eq!(timer.is_some(), reached(at).is_some());
            if let (Some(timer), Some(at)) = (timer, reached(at)) {
                self.due.insert((at, item));
                self.timers.insert(item, (at, timer));
            }
        }

        fn cancel(&mut self, item: u32) {
            let Some((at, timer)) = self.timers.remove(&item) else { return };
            assert_eq!(self.wheel.cancel(timer), item);
            assert!(self.due.remove(&(at, item)));
        }

        /// The moments of what was due, and how much of the budget is left.
        fn advance(&mut self, now: i64, mut budget: usize) -> (Vec<i64>, usize) {
            let (given, mut fired) = (budget, Vec::new());
            self.wheel.advance(UnixMs(now), &mut budget, |timer, item| fired.push((timer, item)));
            assert!(fired.len() <= given - budget);
            let (mut due, mut early) = (Vec::new(), Vec::new());
            for (timer, item) in fired {
                let (at, name) = self.timers.remove(&item).expect("it fires once");
                assert_eq!(name, timer);
                assert!(self.due.remove(&(at, item)));
                if at <= now {
                    due.push(at);
                } else {
                    early.push((at, item));
                }
            }
            early.into_iter().for_each(|(at, item)| self.schedule(at, item));
            (due, budget)
        }

        /// The moment of the timer that is first in truth.
        fn first(&mut self) -> Option<i64> {
            loop {
                let (timer, moment, item) = self.wheel.first()?;
                assert_eq!(self.wheel.next_at(), Some(moment));
                let (at, name) = self.timers[&item];
                assert_eq!(name, timer);
                if at == moment.0 {
                    return Some(at);
                }
                assert!(moment.0 < at);
                self.cancel(item);
                self.schedule(at, item);
            }
        }

        /// Walks every list: rings are whole, each timer is in the one list for its moment or pending, bits say what is there.
        fn check(&self) {
            let wheel = &self.wheel;
            assert_eq!(wheel.len(), self.timers.len());
            assert_eq!(wheel.allocated_bytes(), wheel.recounted_bytes());
            match (wheel.next_at(), self.due.first()) {
                (Some(next), Some((first, _))) => assert!(next.0 <= *first),
                (next, first) => assert_eq!(next.is_some(), first.is_some()),
            }
            let mut linked = 0;
            for number in 0..LISTS {
                let head = wheel.head(number);
                if number < PENDING {
                    assert_eq!(wheel.occupied[number / SLOTS] >> (number % SLOTS) & 1 == 1, head.is_some());
                }
                let Some(mut next) = head else { continue };
                let mut before = list(number);
                while next != list(number) {
                    let node = wheel.node(next);
                    let at = self.timers[&node.item].0 as u64;
                    assert!(number == PENDING || number == wheel.list_for(at) || at - wheel.elapsed >= REACH);
                    assert!(number != PENDING || at >= wheel.pending_from, "{at} in {number}");
                    assert_eq!(node.neighbours.previous, before);
                    linked += 1;
                    (before, next) = (next, node.neighbours.next);
                }
                let slots = wheel.levels.get(number / SLOTS).map(|slots| slots.as_ref().unwrap());
                let ring = slots.map_or(wheel.pending, |slots| slots[number % SLOTS]);
                assert_eq!(ring.previous, before);
            }
            assert_eq!(linked, wheel.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn timers_fire_once_and_in_time_whatever_the_clock_does(steps in prop::collection::vec(step(), 1..300)) {
            let mut owned = Owned::new();
            for (item, step) in (0_u32..).zip(steps) {
                match step {
                    Step::Schedule(at) => owned.schedule(at, item),
                    Step::Cancel(index) => {
                        if let Some(item) = owned.timers.keys().nth(index.index(owned.timers.len().max(1))).copied() {
                            owned.cancel(item);
                        }
                    }
                    Step::Advance(now, budget) => {
                        let (_, left) = owned.advance(now, budget);
                        if left > 0 {
                            let is_later = |at: i64| at > now.min(END as i64 - 1);
                            prop_assert!(owned.due.first().is_none_or(|(at, _)| is_later(*at)), "late");
                        }
                    }
                    Step::First => {
                        let first = owned.due.first().map(|(at, _)| *at);
                        prop_assert_eq!(owned.first(), first);
                    }
                }
                owned.check();
            }
        }

        #[test]
        fn following_next_at_with_a_budget_of_one_fires_everything_in_order(
            moments in prop::collection::vec(-2000..TODAY + 300 * YEAR, 1..100),
        ) {
            let mut owned = Owned::new();
            for (item, &at) in (0_u32..).zip(&moments) {
                owned.schedule(at, item);
            }
            let (mut now, mut fired, mut calls) = (i64::MIN, Vec::new(), 0);
            while let Some(next) = owned.wheel.next_at() {
                now = now.max(next.0);
                fired.extend(owned.advance(now, 1).0);
                calls += 1;
                prop_assert!(calls <= moments.len() * 3 * LEVELS, "{} calls", calls);
            }
            let mut expected: Vec<i64> = moments.iter().filter_map(|at| reached(*at)).collect();
            expected.sort_unstable();
            prop_assert_eq!(fired, expected);
        }
    }

    #[test]
    fn a_name_is_four_bytes_and_a_timer_sixteen() {
        assert_eq!((size_of::<Option<TimerId>>(), size_of::<Node<u32>>()), (4, 16));
    }

    #[test]
    fn a_million_timers_of_one_millisecond_are_worked_off_in_small_parts() {
        const TIMERS: usize = 1_000_000;
        let mut wheel = Wheel::new();
        let due = UnixMs(TODAY);
        for item in 0..TIMERS as u32 {
            wheel.schedule(due, item);
        }
        let (mut fired, mut calls) = (0, 0);
        // The first look takes them from the highest level down.
        wheel.first();
        while !wheel.is_empty() {
            let mut budget = 64;
            wheel.advance(due, &mut budget, |_, _| fired += 1);
            calls += 1;
        }
        assert_eq!((fired, calls), (TIMERS, TIMERS / 64));
        assert_eq!(wheel.allocated_bytes(), 0, "an empty wheel keeps no slab of a million");
    }

    #[test]
    fn setting_the_clock_back_moves_no_timer_and_loses_none() {
        let mut owned = Owned::new();
        owned.advance(TODAY, 0);
        for item in 0..10_000 {
            owned.schedule(TODAY + i64::from(item) * i64::from(item) * 100, item);
        }
        let (mut fired, _) = owned.advance(TODAY, 1);
        for now in [TODAY - 1, TODAY - 100, TODAY - YEAR, 0, TODAY - 40 * YEAR, TODAY - 100 * YEAR, i64::MIN]
        {
            assert_eq!(owned.advance(now, 1), (Vec::new(), 1));
            owned.check();
        }
        assert!(owned.advance(TODAY + 99, usize::MAX).0.is_empty());
        owned.check();
        fired.extend(owned.advance(TODAY + 400 * YEAR, usize::MAX).0);
        assert_eq!(fired.len(), 10_000);
    }

    #[test]
    fn a_deadline_set_while_the_clock_was_back_does_not_wait_for_the_time_it_came_from() {
        let mut owned = Owned::new();
        owned.advance(TODAY, 1);
        owned.schedule(TODAY - 500, 1);
        assert_eq!(owned.wheel.next_at(), Some(UnixMs(TODAY - 500)));
        assert!(owned.advance(TODAY - 501, 2).0.is_empty());
        assert_eq!(owned.advance(TODAY - 500, 2).0, [TODAY - 500]);
    }

    // What was pending counted from a moment that was then set back by more than the lower half of a moment reaches.
    #[test]
    fn what_is_pending_keeps_its_moment_or_an_earlier_one_when_the_wheel_is_set_far_back() {
        let mut owned = Owned::new();
        owned.advance(TODAY + 761, 1);
        owned.schedule(TODAY, 1);
        owned.schedule(TODAY, 2);
        owned.schedule(1 << 31, 3);
        owned.advance(TODAY, 2);
        owned.check();
        owned.schedule(0, 4);
        owned.check();
        assert_eq!(owned.first(), Some(0));
        owned.check();
    }

    // After the store was closed for a year: what is long past must not be taken for something to come.
    #[test]
    fn what_is_long_past_fires_at_once() {
        let mut owned = Owned::new();
        owned.advance(TODAY, 1);
        owned.schedule(TODAY - YEAR, 1);
        owned.schedule(TODAY - 30 * YEAR, 2);
        assert_eq!(owned.advance(TODAY, 9).0.len(), 2);
    }
}
