//! When to look for keys that have expired: a hierarchical timing wheel.
//!
//! G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987: eleven levels of 64 slots, enough for every
//! moment; a slot of the lowest is a millisecond, one of the next 64, and so on. Setting and cancelling a timer is O(1). A slot that comes due is taken as a
//! whole onto a list, which is worked off timer by timer, so that a call never does more than it was allowed to.
//!
//! Timers live in a slab and are named by index and generation: a stale name finds nothing. The wheel says only when to
//! look; deadlines are kept elsewhere.
use std::num::NonZeroU32;

use crate::UnixMs;

const LEVELS: usize = 11;
const SLOTS: usize = 64;
const SLOT_BITS: u32 = 6;
/// The list of timers that have come due, beside those of the slots.
const PENDING: usize = LEVELS * SLOTS;

/// Names a timer. Another one that is later kept in the same place has another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId {
    /// One more than the place in the slab.
    index: NonZeroU32,
    generation: u32,
}

/// Timers, each with an item to hand out when it fires.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    nodes: Vec<Node<T>>,
    /// The first of the unused nodes, linked by `next`.
    free: Option<NonZeroU32>,
    len: usize,
    /// Milliseconds up to which everything was fired.
    elapsed: u64,
    lists: Option<Box<Lists>>,
}

#[derive(Debug)]
struct Lists {
    /// The first timer of each slot, and of the pending list.
    heads: [Option<NonZeroU32>; PENDING + 1],
    /// For each level, which slots have timers.
    occupied: [u64; LEVELS],
}

#[derive(Debug)]
struct Node<T> {
    generation: u32,
    at: u64,
    /// Which list it is in.
    list: u16,
    previous: Option<NonZeroU32>,
    next: Option<NonZeroU32>,
    item: Option<T>,
}

/// Moments before 1970 are as good as 1970: in the past.
fn milliseconds(at: UnixMs) -> u64 {
    at.0.max(0) as u64
}

impl<T: Copy> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Wheel<T> {
    /// Without timers; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new(), free: None, len: 0, elapsed: 0, lists: None }
    }

    /// Sets a timer that fires in the first [`Wheel::advance`] at or after `at`.
    pub(crate) fn schedule(&mut self, at: UnixMs, item: T) -> TimerId {
        let at = milliseconds(at);
        let node =
            |generation, next| Node { generation, at, list: 0, previous: None, next, item: Some(item) };
        let index = if let Some(index) = self.free {
            let place = &mut self.nodes[index.get() as usize - 1];
            self.free = place.next;
            *place = node(place.generation, None);
            index
        } else {
            self.nodes.push(node(0, None));
            u32::try_from(self.nodes.len())
                .ok()
                .and_then(NonZeroU32::new)
                .expect("a shard has fewer than 2^32 keys")
        };
        self.len += 1;
        self.link(index);
        TimerId { index, generation: self.node(index).generation }
    }

    /// Takes a timer away before it fires; `None` if it has fired or was cancelled.
    pub(crate) fn cancel(&mut self, timer: TimerId) -> Option<T> {
        self.live(timer)?;
        self.unlink(timer.index);
        self.release(timer.index)
    }

    /// When a timer fires; `None` if it has fired or was cancelled.
    pub(crate) fn fires_at(&self, timer: TimerId) -> Option<UnixMs> {
        self.live(timer).map(|node| UnixMs(node.at as i64))
    }

    fn live(&self, timer: TimerId) -> Option<&Node<T>> {
        let node = self.nodes.get(timer.index.get() as usize - 1)?;
        (node.generation == timer.generation && node.item.is_some()).then_some(node)
    }

    fn node(&self, index: NonZeroU32) -> &Node<T> {
        &self.nodes[index.get() as usize - 1]
    }

    fn node_mut(&mut self, index: NonZeroU32) -> &mut Node<T> {
        &mut self.nodes[index.get() as usize - 1]
    }

    fn lists(&mut self) -> &mut Lists {
        self.lists
            .get_or_insert_with(|| Box::new(Lists { heads: [None; PENDING + 1], occupied: [0; LEVELS] }))
    }

    /// The list for a moment: the level of the highest bit in which it differs from now, and there its own digit.
    fn list_for(&self, at: u64) -> usize {
        if at <= self.elapsed {
            return PENDING;
        }
        let level = ((self.elapsed ^ at).ilog2() / SLOT_BITS) as usize;
        level * SLOTS + (at >> (SLOT_BITS * level as u32)) as usize % SLOTS
    }

    fn link(&mut self, index: NonZeroU32) {
        let list = self.list_for(self.node(index).at);
        let head = self.lists().heads[list].replace(index);
        if list < PENDING {
            self.lists().occupied[list / SLOTS] |= 1 << (list % SLOTS);
        }
        if let Some(head) = head {
            self.node_mut(head).previous = Some(index);
        }
        let node = self.node_mut(index);
        (node.list, node.previous, node.next) = (list as u16, None, head);
    }

    fn unlink(&mut self, index: NonZeroU32) {
        let Node { list, previous, next, .. } = *self.node(index);
        let list = usize::from(list);
        if let Some(next) = next {
            self.node_mut(next).previous = previous;
        }
        if let Some(previous) = previous {
            self.node_mut(previous).next = next;
        } else {
            // A timer whose slot was taken onto the pending list still names its slot.
            let lists = self.lists();
            let list = if lists.heads[list] == Some(index) { list } else { PENDING };
            lists.heads[list] = next;
            if list < PENDING && next.is_none() {
                lists.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
            }
        }
    }

    fn release(&mut self, index: NonZeroU32) -> Option<T> {
        let free = self.free.replace(index);
        let node = self.node_mut(index);
        node.generation = node.generation.wrapping_add(1);
        node.next = free;
        let item = node.item.take();
        self.len -= 1;
        if self.len == 0 {
            self.shrink();
        }
        item
    }

    /// Gives the memory of an empty wheel back. Stale names must not find what is set next, so nodes begin with a generation that
    /// none had.
    fn shrink(&mut self) {
        if self.nodes.len() <= SLOTS {
            return;
        }
        let generation = self.nodes.iter().map(|node| node.generation).max().unwrap_or(0);
        self.nodes = (0..SLOTS as u32)
            .map(|at| Node {
                generation,
                at: 0,
                list: 0,
                previous: None,
                next: NonZeroU32::new(at),
                item: None,
            })
            .collect();
        self.free = NonZeroU32::new(SLOTS as u32);
        self.lists = None;
    }

    /// The next slot with timers: its first moment, and its list.
    fn next_slot(&self) -> Option<(u64, usize)> {
        let lists = self.lists.as_ref()?;
        for level in 0..LEVELS {
            let shift = SLOT_BITS * level as u32;
            let now = (self.elapsed >> shift) % SLOTS as u64;
            // Slots up to the present one were left behind: timers of this round are all ahead of it.
            let ahead = lists.occupied[level] & (u64::MAX << now);
            if ahead != 0 {
                let slot = u64::from(ahead.trailing_zeros());
                let round = self.elapsed >> shift >> SLOT_BITS << SLOT_BITS;
                return Some(((round | slot) << shift, level * SLOTS + slot as usize));
            }
        }
        None
    }

    /// When [`Wheel::advance`] has work to do, at the earliest; `None` if no timer is set.
    pub(crate) fn next_at(&self) -> Option<UnixMs> {
        if self.lists.as_ref()?.heads[PENDING].is_some() {
            return Some(UnixMs(self.elapsed as i64));
        }
        self.next_slot().map(|(at, _)| UnixMs(at as i64))
    }

    /// Fires the timers that are due at `now`, handing each with its moment and its item to `fire`. A timer that is fired or
    /// brought closer costs one of `budget`; once that is spent, the next call goes on where this one stopped.
    pub(crate) fn advance(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        mut fire: impl FnMut(TimerId, UnixMs, T),
    ) {
        let now = milliseconds(now);
        if now < self.elapsed {
            self.rewind(now);
        }
        loop {
            while let Some(index) = self.lists.as_ref().and_then(|lists| lists.heads[PENDING]) {
                if *budget == 0 {
                    return;
                }
                *budget -= 1;
                self.unlink_pending(index);
                let Node { generation, at, .. } = *self.node(index);
                if at > now {
                    self.link(index);
                } else if let Some(item) = self.release(index) {
                    fire(TimerId { index, generation }, UnixMs(at as i64), item);
                }
            }
            match self.next_slot() {
                Some((start, list)) if start <= now => {
                    self.elapsed = self.elapsed.max(start);
                    let lists = self.lists();
                    lists.heads[PENDING] = lists.heads[list].take();
                    lists.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
                }
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return;
                }
            }
        }
    }

    /// Unlinks the head of the pending list.
    fn unlink_pending(&mut self, index: NonZeroU32) {
        let next = self.node(index).next;
        if let Some(next) = next {
            self.node_mut(next).previous = None;
        }
        self.lists().heads[PENDING] = next;
    }

    /// The clock was set back: every timer finds its place anew. Takes as long as there are timers, once for each time somebody
    /// sets the clock.
    fn rewind(&mut self, now: u64) {
        self.elapsed = now;
        self.lists = None;
        for at in 1..=self.nodes.len() as u32 {
            if let Some(index) = NonZeroU32::new(at).filter(|&index| self.node(index).item.is_some()) {
                self.link(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn moment() -> impl Strategy<Value = i64> {
        prop_oneof![
            10 => 1_700_000_000_000_i64..1_700_000_001_000,
            4 => 1_700_000_000_000_i64..1_700_100_000_000,
            1 => any::<i64>(),
        ]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Schedule(i64),
        Cancel(prop::sample::Index),
        Advance(i64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            5 => moment().prop_map(Step::Schedule),
            2 => any::<prop::sample::Index>().prop_map(Step::Cancel),
            2 => (moment(), 0_usize..6).prop_map(|(now, budget)| Step::Advance(now, budget)),
            1 => moment().prop_map(|now| Step::Advance(now, usize::MAX)),
        ]
    }

    proptest! {
        #[test]
        fn timers_fire_once_and_in_time(steps in prop::collection::vec(step(), 1..300)) {
            let mut wheel = Wheel::new();
            let mut set: HashMap<u32, (TimerId, i64)> = HashMap::new();
            let mut all = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Schedule(at) => {
                        let timer = wheel.schedule(UnixMs(at), number as u32);
                        // Before 1970 is as good as 1970.
                        set.insert(number as u32, (timer, at.max(0)));
                        all.push((number as u32, timer));
                    }
                    Step::Cancel(index) if !all.is_empty() => {
                        let (item, timer) = all[index.index(all.len())];
                        let expected = set.remove(&item);
                        prop_assert_eq!(wheel.fires_at(timer), expected.map(|(_, at)| UnixMs(at)));
                        prop_assert_eq!(wheel.cancel(timer), expected.map(|_| item));
                    }
                    Step::Cancel(_) => {}
                    Step::Advance(now, budget) => {
                        let mut left = budget;
                        let mut fired = Vec::new();
                        wheel.advance(UnixMs(now), &mut left, |timer, at, item| fired.push((timer, at, item)));
                        prop_assert!(fired.len() <= budget - left);
                        for (timer, at, item) in fired {
                            prop_assert!(at.0 <= now.max(0), "fired early");
                            prop_assert_eq!(set.remove(&item), Some((timer, at.0)));
                        }
                        if left > 0 {
                            let late = set.values().filter(|(_, at)| *at <= now.max(0)).count();
                            prop_assert_eq!(late, 0, "timers that are due were left");
                        }
                    }
                }
                prop_assert_eq!(wheel.len, set.len());
                match (wheel.next_at(), set.values().map(|(_, at)| *at).min()) {
                    (Some(next), Some(first)) => prop_assert!(next.0 <= first.max(wheel.elapsed as i64)),
                    (next, first) => prop_assert_eq!(next.is_some(), first.is_some()),
                }
            }
        }
    }

    #[test]
    fn a_million_timers_of_one_millisecond_are_worked_off_in_small_parts() {
        let mut wheel = Wheel::new();
        let due = UnixMs(1_700_000_000_000);
        for item in 0..1_000_000_u32 {
            wheel.schedule(due, item);
        }
        let (mut fired, mut calls) = (0, 0);
        while wheel.len > 0 {
            let mut budget = 64;
            wheel.advance(due, &mut budget, |_, _, _| fired += 1);
            calls += 1;
        }
        assert_eq!(fired, 1_000_000);
        assert!(calls < 1_000_000 / 64 * 12, "each timer is brought closer once for each level: {calls}");
    }
}
