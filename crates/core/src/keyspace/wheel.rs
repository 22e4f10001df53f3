//! When to look for keys that have expired: a hierarchical timing wheel.
//!
//! G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. Eight levels of 64 slots: a slot of the
//! lowest is a millisecond, one of the next is 64, and so on; what is more than 8900 years away waits in a list beside
//! them. Setting and cancelling a timer takes the same time however many there are. A slot that comes due is taken as a
//! whole onto the pending list, which is worked off timer by timer, so that no call does more than it was allowed to.
//!
//! Timers live in a slab and are named by index and generation: a stale name finds nothing. The wheel says only when to
//! look; what a timer is about and what the exact deadline is, it does not know.
use std::fmt;
use std::num::NonZeroU32;

use crate::UnixMs;

const LEVELS: usize = 8;
const SLOTS: usize = 64;
const SLOT_BITS: u32 = SLOTS.ilog2();
/// The list of timers that are too far away for the levels, after those of the slots.
const DISTANT: usize = LEVELS * SLOTS;
/// The list of timers to be looked at by the next [`Wheel::advance`].
const PENDING: usize = DISTANT + 1;
/// An empty wheel keeps room for so many timers and gives more than that back.
const KEPT: usize = 64;

/// One more than the place in the slab.
type Index = NonZeroU32;

/// Names a timer. Another one that is later kept in the same place has another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId {
    index: Index,
    generation: u32,
}

impl TimerId {
    /// As a number, never 0.
    pub(crate) const fn to_bits(self) -> u64 {
        (self.index.get() as u64) << 32 | self.generation as u64
    }

    /// The timer of a number; `None` for 0.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        Index::new((bits >> 32) as u32).map(|index| Self { index, generation: bits as u32 })
    }
}

/// Timers, each with an item to hand out when it fires.
///
/// Every timer that is not pending is in the list that [`Wheel::list_for`] gives for its moment and the wheel's: moving
/// `elapsed` forward to no further than the next slot with timers keeps that true, and [`Wheel::rewind`] restores it.
pub(crate) struct Wheel<T> {
    nodes: Vec<Node<T>>,
    /// The first of the unused nodes, which are linked by `next`; the last one names itself.
    free: Option<Index>,
    len: usize,
    /// The generation of the latest timer. It is the wheel's and not the node's, so that the slab can be given back without
    /// its past names finding what is set later.
    generation: u32,
    /// The moment up to which slots were taken out.
    elapsed: u64,
    /// No pending timer is due before.
    pending_from: u64,
    /// Nothing until the first timer.
    lists: Option<Box<Lists>>,
}

struct Lists {
    /// The first timer of each list. The lists are rings, so that two can be joined at once.
    heads: [Option<Index>; PENDING + 1],
    /// For each level, which slots have timers.
    occupied: [u64; LEVELS],
}

impl Lists {
    fn set_head(&mut self, list: usize, head: Option<Index>) -> Option<Index> {
        if let Some(level) = self.occupied.get_mut(list / SLOTS) {
            let bit = 1 << (list % SLOTS);
            *level = if head.is_some() { *level | bit } else { *level & !bit };
        }
        std::mem::replace(&mut self.heads[list], head)
    }
}

#[derive(Clone, Copy)]
struct Node<T> {
    at: u64,
    item: T,
    /// 0 while unused.
    generation: u32,
    previous: Index,
    next: Index,
}

/// Moments as numbers from 0, in the same order.
const fn to_ticks(at: UnixMs) -> u64 {
    at.0 as u64 ^ (1 << 63)
}

const fn to_moment(ticks: u64) -> UnixMs {
    UnixMs((ticks ^ (1 << 63)) as i64)
}

/// The level on which two moments part; `LEVELS` or more if they are in different rounds of the whole wheel.
const fn level_of(difference: u64) -> usize {
    (difference.ilog2() / SLOT_BITS) as usize
}

/// The list of the slot on `level` in which a moment is.
const fn slot_of(at: u64, level: usize) -> usize {
    if level < LEVELS { level * SLOTS + (at >> (SLOT_BITS * level as u32)) as usize % SLOTS } else { DISTANT }
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
    /// Without timers; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free: None,
            len: 0,
            generation: 0,
            elapsed: to_ticks(UnixMs(0)),
            pending_from: 0,
            lists: None,
        }
    }

    /// How many timers are set.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer is set.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets a timer that fires in the first [`Wheel::advance`] at or after `at`, which may have passed already. O(1).
    ///
    /// # Panics
    /// If 2^32 - 1 timers are set.
    pub(crate) fn schedule(&mut self, at: UnixMs, item: T) -> TimerId {
        let at = to_ticks(at);
        self.generation = self.generation.wrapping_add(1).max(1);
        let generation = self.generation;
        let node = |index| Node { at, item, generation, previous: index, next: index };
        let index = if let Some(index) = self.free {
            let next = self.node(index).next;
            self.free = (next != index).then_some(next);
            *self.node_mut(index) = node(index);
            index
        } else {
            let index = u32::try_from(self.nodes.len() + 1).ok().and_then(Index::new);
            let index = index.expect("fewer than 2^32 timers are set");
            self.nodes.push(node(index));
            index
        };
        self.len += 1;
        self.link(index);
        TimerId { index, generation }
    }

    /// Takes a timer away before it fires; `None` if it has fired or was cancelled. O(1).
    pub(crate) fn cancel(&mut self, timer: TimerId) -> Option<T> {
        let item = self.live(timer)?.item;
        self.unlink(timer.index);
        self.release(timer.index);
        Some(item)
    }

    /// When a timer fires; `None` if it has fired or was cancelled. O(1).
    pub(crate) fn fires_at(&self, timer: TimerId) -> Option<UnixMs> {
        self.live(timer).map(|node| to_moment(node.at))
    }

    /// When [`Wheel::advance`] has work to do, at the earliest: never later than the first timer's moment. `None` if no
    /// timer is set. O(1).
    #[inline]
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        // Neither bound is always the lower one: what is pending may be due later than a slot if the clock was set back.
        if self.len == 0 {
            return None;
        }
        let pending = self.lists.as_ref()?.heads[PENDING].map(|_| self.pending_from);
        let next = self.next_list().map(|(start, _)| start);
        pending.into_iter().chain(next).min().map(to_moment)
    }

    /// Fires the timers that are due at `now`, handing each with its moment and its item to `fire`. A timer that is fired or
    /// brought to a lower level costs one of `budget`; when that is spent, the next call goes on where this one stopped.
    ///
    /// `now` may be earlier than in the call before: what is not due then does not fire, whenever it was set.
    pub(crate) fn advance(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        mut fire: impl FnMut(TimerId, UnixMs, T),
    ) {
        let now = to_ticks(now);
        if now < self.elapsed {
            self.rewind(now);
        }
        loop {
            while let Some(index) = self.lists.as_ref().and_then(|lists| lists.heads[PENDING]) {
                if *budget == 0 {
                    return;
                }
                *budget -= 1;
                self.unlink(index);
                let Node { at, item, generation, .. } = *self.node(index);
                if at > now {
                    // Ahead of `elapsed` too, so that it does not become pending again.
                    self.link(index);
                } else {
                    self.release(index);
                    fire(TimerId { index, generation }, to_moment(at), item);
                }
            }
            let Some((start, list)) = self.next_list().filter(|&(start, _)| start <= now) else {
                self.elapsed = now;
                return;
            };
            // The distant ones come when nothing else is left, so the rounds of the wheel in between can be left out.
            self.elapsed = if list == DISTANT { now } else { start };
            self.pending_from = start;
            if let Some(lists) = &mut self.lists {
                lists.heads[PENDING] = lists.set_head(list, None);
            }
        }
    }

    fn live(&self, timer: TimerId) -> Option<&Node<T>> {
        // An index may be past the end of a slab that was given back.
        self.nodes.get(timer.index.get() as usize - 1).filter(|node| node.generation == timer.generation)
    }

    #[inline]
    fn node(&self, index: Index) -> &Node<T> {
        &self.nodes[index.get() as usize - 1]
    }

    #[inline]
    fn node_mut(&mut self, index: Index) -> &mut Node<T> {
        &mut self.nodes[index.get() as usize - 1]
    }

    /// The list for a moment: on the level of the highest digit in which it differs from the wheel's, the slot of its own.
    fn list_for(&self, at: u64) -> usize {
        if at <= self.elapsed { PENDING } else { slot_of(at, level_of(self.elapsed ^ at)) }
    }

    /// Puts a node, which is a ring of its own, at the end of its list.
    fn link(&mut self, index: Index) {
        let at = self.node(index).at;
        let list = self.list_for(at);
        if list == PENDING {
            let others = self.lists.as_ref().is_some_and(|lists| lists.heads[PENDING].is_some());
            self.pending_from = if others { self.pending_from.min(at) } else { at };
        }
        self.join(list, index);
    }

    /// Appends a ring of timers to a list.
    fn join(&mut self, list: usize, ring: Index) {
        let lists = self
            .lists
            .get_or_insert_with(|| Box::new(Lists { heads: [None; PENDING + 1], occupied: [0; LEVELS] }));
        let Some(head) = lists.heads[list] else {
            lists.set_head(list, Some(ring));
            return;
        };
        let (last, ring_last) = (self.node(head).previous, self.node(ring).previous);
        self.node_mut(last).next = ring;
        self.node_mut(ring).previous = last;
        self.node_mut(ring_last).next = head;
        self.node_mut(head).previous = ring_last;
    }

    /// Takes a node out of its list and makes it a ring of its own.
    fn unlink(&mut self, index: Index) {
        let Node { at, previous, next, .. } = *self.node(index);
        self.node_mut(previous).next = next;
        self.node_mut(next).previous = previous;
        let node = self.node_mut(index);
        (node.previous, node.next) = (index, index);
        let home = self.list_for(at);
        let Some(lists) = &mut self.lists else { return };
        // Which of the two it is in shows only, and matters only, if it is the first there.
        if let Some(list) = [home, PENDING].into_iter().find(|&list| lists.heads[list] == Some(index)) {
            lists.set_head(list, (next != index).then_some(next));
        }
    }

    /// Frees an unlinked node.
    fn release(&mut self, index: Index) {
        self.len -= 1;
        if self.is_empty() {
            self.free = None;
            if self.nodes.capacity() > KEPT {
                (self.nodes, self.lists) = (Vec::new(), None);
            } else {
                self.nodes.clear();
            }
            return;
        }
        let next = self.free.replace(index).unwrap_or(index);
        let node = self.node_mut(index);
        (node.generation, node.next) = (0, next);
    }

    /// The first list with timers except the pending one, and the first moment that belongs to it.
    fn next_list(&self) -> Option<(u64, usize)> {
        let lists = self.lists.as_ref()?;
        // The lower the level, the sooner: a timer is on the lowest that its moment and the wheel's do not share.
        for (level, &occupied) in lists.occupied.iter().enumerate() {
            if occupied != 0 {
                let slot = occupied.trailing_zeros();
                let shift = SLOT_BITS * level as u32;
                let round = self.elapsed >> (shift + SLOT_BITS) << SLOT_BITS;
                return Some(((round | u64::from(slot)) << shift, level * SLOTS + slot as usize));
            }
        }
        let rounds = self.elapsed >> (SLOT_BITS * LEVELS as u32);
        lists.heads[DISTANT].map(|_| ((rounds + 1) << (SLOT_BITS * LEVELS as u32), DISTANT))
    }

    /// Sets the wheel back to `now`. On the levels below the one on which the two moments part, all timers share what is
    /// above with the later moment, so they belong in its slot there; those on that level and above stay where they are.
    /// No timer is looked at.
    fn rewind(&mut self, now: u64) {
        let parting = level_of(self.elapsed ^ now);
        let meeting = slot_of(self.elapsed, parting);
        self.elapsed = now;
        for level in 0..parting.min(LEVELS) {
            while let Some(lists) = &mut self.lists
                && lists.occupied[level] != 0
            {
                let list = level * SLOTS + lists.occupied[level].trailing_zeros() as usize;
                if let Some(ring) = lists.set_head(list, None) {
                    self.join(meeting, ring);
                }
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
    }

    fn step() -> impl Strategy<Value = Step> {
        let budget = prop_oneof![Just(1_usize), 0_usize..6, Just(usize::MAX)];
        prop_oneof![
            5 => moment().prop_map(Step::Schedule),
            2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
            3 => (moment(), budget).prop_map(|(now, budget)| Step::Advance(now, budget)),
        ]
    }

    /// What a wheel should hold: items by their moments.
    #[derive(Default)]
    struct Model {
        due: BTreeSet<(i64, u32)>,
        at: BTreeMap<u32, i64>,
    }

    impl Model {
        fn remove(&mut self, item: u32) -> Option<i64> {
            let at = self.at.remove(&item)?;
            self.due.remove(&(at, item)).then_some(at)
        }
    }

    /// Walks every list: rings are whole, each timer is in the one list for its moment or pending, bits say what is there.
    fn check(wheel: &Wheel<u32>) {
        let Some(lists) = &wheel.lists else {
            assert!(wheel.is_empty());
            return;
        };
        let mut linked = 0;
        for (list, head) in lists.heads.iter().enumerate() {
            if list < DISTANT {
                assert_eq!(lists.occupied[list / SLOTS] >> (list % SLOTS) & 1 == 1, head.is_some());
            }
            let Some(head) = *head else { continue };
            let mut index = head;
            loop {
                let node = wheel.node(index);
                assert!(list == PENDING || list == wheel.list_for(node.at));
                assert!(list != PENDING || node.at >= wheel.pending_from);
                assert_eq!(wheel.node(node.next).previous, index);
                linked += 1;
                index = node.next;
                if index == head {
                    break;
                }
            }
        }
        assert_eq!(linked, wheel.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn timers_fire_once_and_in_time_whatever_the_clock_does(steps in prop::collection::vec(step(), 1..300)) {
            let (mut wheel, mut model) = (Wheel::new(), Model::default());
            let mut names = Vec::new();
            for (item, step) in (0_u32..).zip(steps) {
                match step {
                    Step::Schedule(at) => {
                        names.push((item, wheel.schedule(UnixMs(at), item)));
                        model.due.insert((at, item));
                        model.at.insert(item, at);
                    }
                    Step::Cancel(index) if !names.is_empty() => {
                        let (item, timer) = names[index.index(names.len())];
                        let expected = model.remove(item);
                        prop_assert_eq!(wheel.fires_at(timer), expected.map(UnixMs));
                        prop_assert_eq!(wheel.cancel(timer), expected.map(|_| item));
                        prop_assert_eq!(wheel.cancel(timer), None);
                    }
                    Step::Cancel(_) => {}
                    Step::Advance(now, budget) => {
                        let (mut left, mut fired) = (budget, Vec::new());
                        wheel.advance(UnixMs(now), &mut left, |timer, at, item| fired.push((timer, at, item)));
                        prop_assert!(fired.len() <= budget - left);
                        for (timer, at, item) in fired {
                            prop_assert!(at.0 <= now, "fired early");
                            prop_assert_eq!(model.remove(item), Some(at.0), "fired twice or with another's moment");
                            prop_assert!(names.contains(&(item, timer)));
                            prop_assert_eq!(wheel.cancel(timer), None);
                        }
                        if left > 0 {
                            prop_assert!(model.due.first().is_none_or(|(at, _)| *at > now), "late");
                            prop_assert!(wheel.next_at().is_none_or(|next| next.0 > now), "work was left");
                        }
                    }
                }
                check(&wheel);
                prop_assert_eq!(wheel.len(), model.at.len());
                match (wheel.next_at(), model.due.first()) {
                    (Some(next), Some((first, _))) => prop_assert!(next.0 <= *first),
                    (next, first) => prop_assert_eq!(next.is_some(), first.is_some()),
                }
            }
        }

        #[test]
        fn following_next_at_with_a_budget_of_one_fires_everything_in_order(
            moments in prop::collection::vec(-2000..TODAY + 300 * YEAR, 1..100),
        ) {
            let mut wheel = Wheel::new();
            for (item, &at) in (0_u32..).zip(&moments) {
                wheel.schedule(UnixMs(at), item);
            }
            let (mut now, mut fired, mut calls) = (i64::MIN, Vec::new(), 0);
            while let Some(next) = wheel.next_at() {
                now = now.max(next.0);
                wheel.advance(UnixMs(now), &mut 1, |_, at, _| fired.push(at.0));
                calls += 1;
                prop_assert!(calls <= moments.len() * (LEVELS + 4), "{} calls", calls);
            }
            let mut expected = moments;
            expected.sort_unstable();
            prop_assert_eq!(fired, expected);
        }
    }

    #[test]
    fn a_name_is_eight_bytes_even_when_it_is_optional() {
        assert_eq!((size_of::<TimerId>(), size_of::<Option<TimerId>>()), (8, 8));
    }

    #[test]
    fn a_million_timers_of_one_millisecond_are_worked_off_in_small_parts() {
        const TIMERS: usize = 1_000_000;
        let mut wheel = Wheel::new();
        let due = UnixMs(TODAY);
        let stale = wheel.schedule(due, 0);
        for item in 1..TIMERS as u32 {
            wheel.schedule(due, item);
        }
        let (mut fired, mut calls) = (0, 0);
        while !wheel.is_empty() {
            let mut budget = 64;
            wheel.advance(due, &mut budget, |_, _, _| fired += 1);
            calls += 1;
        }
        assert_eq!((fired, calls), (TIMERS, TIMERS / 64));
        assert_eq!(wheel.nodes.capacity(), 0, "an empty wheel keeps no slab of a million");
        wheel.schedule(due, 7);
        assert_eq!(wheel.cancel(stale), None);
    }

    #[test]
    fn setting_the_clock_back_moves_no_timer_and_loses_none() {
        let mut wheel = Wheel::new();
        wheel.advance(UnixMs(TODAY), &mut 0, |_, _, _| {});
        for item in 0..10_000 {
            wheel.schedule(UnixMs(TODAY + i64::from(item) * i64::from(item) * 100_000), item);
        }
        let mut fired = 0;
        wheel.advance(UnixMs(TODAY), &mut 1, |_, _, _| fired += 1);
        let mut budget = 1;
        for now in
            [TODAY - 1, TODAY - 100, TODAY - YEAR, 0, TODAY - 100 * YEAR, TODAY - 9000 * YEAR, i64::MIN]
        {
            wheel.advance(UnixMs(now), &mut budget, |_, at, _| panic!("{at:?} fired at {now}"));
            check(&wheel);
        }
        assert_eq!(budget, 1);
        let mut everything = usize::MAX;
        wheel.advance(UnixMs(TODAY + 99_999), &mut everything, |_, at, _| panic!("{at:?} fired early"));
        check(&wheel);
        wheel.advance(UnixMs(TODAY + 400 * YEAR), &mut everything, |_, _, _| fired += 1);
        assert_eq!(fired, 10_000);
    }

    #[test]
    fn a_deadline_set_while_the_clock_was_back_does_not_wait_for_the_time_it_came_from() {
        let mut wheel = Wheel::new();
        wheel.advance(UnixMs(TODAY), &mut 1, |_, _, _| {});
        let timer = wheel.schedule(UnixMs(TODAY - 500), 1);
        assert_eq!(wheel.next_at(), Some(UnixMs(TODAY - 500)));
        wheel.advance(UnixMs(TODAY - 501), &mut 2, |_, _, _| panic!("early"));
        let mut fired = Vec::new();
        wheel.advance(UnixMs(TODAY - 500), &mut 2, |timer, at, item| fired.push((timer, at, item)));
        assert_eq!(fired, [(timer, UnixMs(TODAY - 500), 1)]);
    }
}
