//! Named elements of which some have a deadline of their own: the fields of a hash, the members of a set.
//!
//! Few and short ones are packed, those that expire first at the front. In a table, an element's deadline is its stamp, so what has none
//! takes no more than in a table without deadlines, and a table becomes one of these without a look at its elements. Beside it a
//! wheel has a timer for each deadline, so that any number of them is worked off in small parts; while there are few elements
//! they are looked at one by one.
//!
//! What has expired is here until it is taken out: whoever looks at an element is told its deadline, and compares.
use std::fmt;

use super::listpack::{self, Element, Listpack};
use super::packed_table::{PackedTable, Stamp};
use crate::memory::block_bytes;
use crate::wheel::{TimerId, Wheel};
use crate::{HashSeed, Random, UnixMs};

/// Declares how a collection is told of time whose elements with deadlines are in its form `Timed`, and whose table without is in the
/// form `$plain`.
macro_rules! expiring {
    ($type:ident, $plain:ident) => {
        impl Expiring for $type {
            #[inline]
            fn next_at(&self) -> Option<UnixMs> {
                if let Form::Timed(elements) = &self.0 { elements.next_at() } else { None }
            }

            #[inline]
            fn alarm(&self) -> Option<Alarm> {
                if let Form::Timed(elements) = &self.0 { elements.alarm() } else { None }
            }

            /// A table whose last deadline has gone is a plain one again.
            fn set_alarm(&mut self, alarm: Option<Alarm>) {
                if let Form::Timed(elements) = &mut self.0 {
                    elements.set_alarm(alarm);
                    if let Some(plain) = elements.take_plain_table() {
                        self.0 = Form::$plain(Box::new(plain));
                    }
                }
            }

            fn reclaim(
                &mut self,
                now: UnixMs,
                budget: &mut usize,
                seed: &HashSeed,
                gone: &mut dyn FnMut(&[u8]),
            ) {
                if let Form::Timed(elements) = &mut self.0 {
                    elements.reclaim(now, budget, seed, gone);
                }
            }
        }
    };
}
pub(super) use expiring;

/// A table of no more elements than this has no wheel.
const FEW: usize = 64;

/// An element's name, its value and its deadline.
pub(super) type Shown<'a> = (Element<'a>, Element<'a>, Option<UnixMs>);

/// When a timer of whoever keeps the collection fires, and its name.
pub(crate) type Alarm = (UnixMs, TimerId);

/// Elements with names, of which some have deadlines. A packed one is `WIDTH` words of a listpack: the name, the value unless `WIDTH` is 2, and the
/// deadline.
pub(super) struct Timed<const WIDTH: usize> {
    form: Form,
    /// The timer that tells to look for what has expired. It is not the collection's own, so no copy has it.
    alarm: Option<Alarm>,
}

#[derive(Clone)]
enum Form {
    /// By deadline, and those without one last.
    Packed(Listpack),
    /// Boxed, because most are small.
    Table(Box<Table>),
}

#[derive(Clone, Default)]
struct Table {
    elements: PackedTable,
    /// How many of them have a deadline.
    timed: usize,
    /// No deadline is earlier. Kept while there is no wheel.
    earliest: UnixMs,
    /// A timer for each deadline, with the lower half of the name's hash.
    wheel: Option<Box<Wheel<u32>>>,
}

/// How much may be packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Elements.
    pub(super) entries: usize,
    /// Bytes of a name or a value.
    pub(super) bytes: usize,
}

/// From this moment on an element with this deadline is dead.
const fn dead_from(deadline: UnixMs) -> UnixMs {
    UnixMs(deadline.0.saturating_add(1))
}

const DEADLINE_BYTES: usize = size_of::<i64>();

fn to_stamp(deadline: UnixMs, timer: Option<TimerId>) -> Stamp {
    let mut stamp = [0; DEADLINE_BYTES + size_of::<u32>()];
    stamp[..DEADLINE_BYTES].copy_from_slice(&deadline.0.to_le_bytes());
    stamp[DEADLINE_BYTES..].copy_from_slice(&timer.map_or(0, TimerId::to_bits).to_le_bytes());
    stamp
}

fn of_stamp(stamp: &Stamp) -> (UnixMs, Option<TimerId>) {
    let (deadline, timer) = stamp.split_first_chunk().expect("a stamp has room for both");
    let timer = timer.first_chunk().map_or(0, |timer| u32::from_le_bytes(*timer));
    (UnixMs(i64::from_le_bytes(*deadline)), TimerId::from_bits(timer))
}

fn deadline_of(stamp: Option<Stamp>) -> Option<UnixMs> {
    stamp.map(|stamp| of_stamp(&stamp).0)
}

/// How a deadline is packed: none as no bytes.
fn packed(deadline: Option<UnixMs>) -> Element<'static> {
    deadline.map_or(Element::Text(&[]), |at| Element::Integer(at.0))
}

fn unpacked(element: Element<'_>) -> Option<UnixMs> {
    match element {
        Element::Integer(at) => Some(UnixMs(at)),
        Element::Text(_) => None,
    }
}

/// The elements of a listpack.
struct Packed<'a, const WIDTH: usize>(listpack::Iter<'a>);

impl<'a, const WIDTH: usize> Iterator for Packed<'a, WIDTH> {
    type Item = Shown<'a>;

    fn next(&mut self) -> Option<Shown<'a>> {
        let name = self.0.next()?;
        let value = if WIDTH > 2 { self.0.next()? } else { Element::Text(&[]) };
        Some((name, value, unpacked(self.0.next()?)))
    }
}

impl<const WIDTH: usize> Clone for Timed<WIDTH> {
    fn clone(&self) -> Self {
        Self { form: self.form.clone(), alarm: None }
    }
}

impl<const WIDTH: usize> Timed<WIDTH> {
    /// Packed elements without deadlines, each of `WIDTH - 1` words.
    pub(super) fn of_packed(elements: &Listpack) -> Self {
        let mut list = Listpack::with_room(elements.allocated_bytes());
        for (number, word) in (1..).zip(elements.iter()) {
            list.push_back(word);
            if number % (WIDTH - 1) == 0 {
                list.push_back(packed(None));
            }
        }
        Self { form: Form::Packed(list), alarm: None }
    }

    /// The elements of a table. O(1).
    pub(super) fn of_table(elements: PackedTable) -> Self {
        Self { form: Form::Table(Box::new(Table { elements, ..Table::default() })), alarm: None }
    }

    /// The elements as a table without deadlines, if that is what they are. O(1).
    pub(super) fn take_plain_table(&mut self) -> Option<PackedTable> {
        match &mut self.form {
            Form::Table(table) if table.timed == 0 && self.alarm.is_none() => {
                Some(std::mem::take(&mut table.elements))
            }
            _ => None,
        }
    }

    /// Number of elements. O(1).
    pub(super) fn len(&self) -> usize {
        match &self.form {
            Form::Packed(list) => list.len() / WIDTH,
            Form::Table(table) => table.elements.len(),
        }
    }

    pub(super) const fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed(_))
    }

    /// The timer that was set for these elements.
    pub(super) const fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    pub(super) fn set_alarm(&mut self, alarm: Option<Alarm>) {
        self.alarm = alarm;
    }

    /// The moment at which there may be something to take out, at the earliest; `None` if there is no deadline. O(1).
    pub(super) fn next_at(&self) -> Option<UnixMs> {
        match &self.form {
            Form::Packed(list) => {
                let (_, _, deadline) = Packed::<WIDTH>(list.iter()).next()?;
                deadline.map(dead_from)
            }
            Form::Table(table) => table.next_at(),
        }
    }

    /// The value and the deadline of a name. O(1); O(n) while packed.
    pub(super) fn get(&self, name: &[u8], seed: &HashSeed) -> Option<(Element<'_>, Option<UnixMs>)> {
        match &self.form {
            Form::Packed(list) => {
                let place = list.find_every::<WIDTH>(name)?;
                let (_, value, deadline) = Packed::<WIDTH>(list.from(place, WIDTH)).next()?;
                Some((value, deadline))
            }
            Form::Table(table) => {
                let (value, stamp) = table.elements.get_stamped(name, |name| seed.hash(name))?;
                Some((value, deadline_of(stamp)))
            }
        }
    }

    /// Sets the value of a name, which keeps its deadline; tells whether it is new. O(1); O(n) while packed.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], limits: Limits, seed: &HashSeed) -> bool {
        if let Form::Packed(list) = &mut self.form {
            // No sum overflows: no slice is longer than half of the address space.
            let bytes = list.used_bytes().saturating_add(name.len() + value.len());
            if name.len().max(value.len()) <= limits.bytes && bytes <= listpack::LISTPACK_BYTES_MAX {
                let found = list.find_every::<WIDTH>(name);
                match found {
                    Some(place) if WIDTH > 2 => list.splice_at(list.after(place), 1, &[Element::of(value)]),
                    Some(_) => {}
                    None => {
                        list.push_back(Element::of(name));
                        if WIDTH > 2 {
                            list.push_back(Element::of(value));
                        }
                        list.push_back(packed(None));
                    }
                }
                if list.len() / WIDTH > limits.entries {
                    self.unpack(seed);
                }
                return found.is_none();
            }
            self.unpack(seed);
        }
        self.table().insert(name, value, seed)
    }

    /// Makes a table of it, for good.
    pub(super) fn unpack(&mut self, seed: &HashSeed) {
        if let Form::Packed(list) = &self.form {
            let mut table = Box::<Table>::default();
            for (name, value, deadline) in Packed::<WIDTH>(list.iter()) {
                let name = name.spell();
                table.insert(&name, &value.spell(), seed);
                table.set_deadline(&name, deadline, seed);
            }
            self.form = Form::Table(table);
        }
    }

    fn table(&mut self) -> &mut Table {
        match &mut self.form {
            Form::Table(table) => table,
            Form::Packed(_) => unreachable!("it was just unpacked"),
        }
    }

    /// Gives a name a deadline or takes it away; false if there is no such name. O(1); O(n) while packed.
    pub(super) fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>, seed: &HashSeed) -> bool {
        let list = match &mut self.form {
            Form::Packed(list) => list,
            Form::Table(table) => return table.set_deadline(name, at, seed),
        };
        let Some(place) = list.find_every::<WIDTH>(name) else { return false };
        let Some((_, value, before)) = Packed::<WIDTH>(list.from(place, WIDTH)).next() else { return false };
        if before == at {
            return true;
        }
        let value = value.spell().to_vec();
        list.splice_at(place, WIDTH, &[]);
        let is_earlier =
            |&(_, _, other): &Shown<'_>| other.is_some_and(|other| at.is_none_or(|at| other < at));
        // What has no deadline comes behind what has none too.
        let number = match at {
            Some(_) => Packed::<WIDTH>(list.iter()).take_while(is_earlier).count() * WIDTH,
            None => list.len(),
        };
        let words = [Element::of(name), Element::of(&value), packed(at)];
        if WIDTH > 2 {
            list.splice(number, 0, &words);
        } else {
            list.splice(number, 0, &[words[0], words[2]]);
        }
        true
    }

    /// Takes an element out; false if there is none of this name. O(1); O(n) while packed.
    pub(super) fn remove(&mut self, name: &[u8], seed: &HashSeed) -> bool {
        match &mut self.form {
            Form::Packed(list) => {
                let Some(place) = list.find_every::<WIDTH>(name) else { return false };
                list.splice_at(place, WIDTH, &[]);
                true
            }
            Form::Table(table) => table.remove(name, seed),
        }
    }

    /// The elements, in the order of their deadlines while packed, else in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Shown<'_>> {
        let (packed, table) = match &self.form {
            Form::Packed(list) => (Some(Packed::<WIDTH>(list.iter())), None),
            Form::Table(table) => (None, Some(table.elements.iter_stamped())),
        };
        let table = table.into_iter().flatten();
        packed
            .into_iter()
            .flatten()
            .chain(table.map(|(name, value, stamp)| (name, value, deadline_of(stamp))))
    }

    /// As [`PackedTable::scan`]; packed elements are visited all at once.
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(Shown<'_>)) -> u64 {
        match &self.form {
            Form::Packed(list) => {
                Packed::<WIDTH>(list.iter()).for_each(visit);
                0
            }
            Form::Table(table) => table
                .elements
                .scan_stamped(cursor, |name, value, stamp| visit((name, value, deadline_of(stamp)))),
        }
    }

    /// Some element, each equally likely.
    pub(super) fn random(&self, random: &Random) -> Option<Shown<'_>> {
        match &self.form {
            Form::Packed(list) if list.is_empty() => None,
            Form::Packed(list) => {
                let number = random.below((list.len() / WIDTH) as u64) as usize;
                Packed::<WIDTH>(list.range(number * WIDTH, WIDTH)).next()
            }
            Form::Table(table) => {
                let (name, value, stamp) = table.elements.random_stamped(random)?;
                Some((name, value, deadline_of(stamp)))
            }
        }
    }

    /// Takes out what was dead before `now`, showing the names to `gone`, or a part of that: each that goes or is looked at costs one of
    /// `budget`.
    pub(super) fn reclaim(
        &mut self,
        now: UnixMs,
        budget: &mut usize,
        seed: &HashSeed,
        mut gone: impl FnMut(&[u8]),
    ) {
        match &mut self.form {
            Form::Packed(list) => {
                let is_dead = |(_, _, deadline): &Shown<'_>| deadline.is_some_and(|deadline| deadline < now);
                let dead = Packed::<WIDTH>(list.iter()).take(*budget).take_while(is_dead);
                let count = dead.inspect(|(name, ..)| gone(&name.spell())).count();
                list.splice(0, count * WIDTH, &[]);
                *budget -= count;
            }
            Form::Table(table) => table.reclaim(now, budget, seed, gone),
        }
    }

    /// What its blocks on the heap take from the allocator. O(1).
    pub(super) fn allocated_bytes(&self) -> usize {
        match &self.form {
            Form::Packed(list) => list.allocated_bytes(),
            Form::Table(table) => {
                block_bytes(size_of::<Table>())
                    + table.elements.allocated_bytes()
                    + table.wheel_bytes(Wheel::allocated_bytes)
            }
        }
    }

    /// The same, counted block by block. O(n).
    pub(super) fn recounted_bytes(&self) -> usize {
        match &self.form {
            Form::Packed(list) => list.allocated_bytes(),
            Form::Table(table) => {
                block_bytes(size_of::<Table>())
                    + table.elements.recounted_bytes()
                    + table.wheel_bytes(Wheel::recounted_bytes)
            }
        }
    }
}

impl Table {
    fn next_at(&self) -> Option<UnixMs> {
        match &self.wheel {
            _ if self.timed == 0 => None,
            Some(wheel) => wheel.next_at(),
            None => Some(dead_from(self.earliest)),
        }
    }

    fn wheel_bytes(&self, bytes: impl Fn(&Wheel<u32>) -> usize) -> usize {
        self.wheel.as_deref().map_or(0, |wheel| block_bytes(size_of::<Wheel<u32>>()) + bytes(wheel))
    }

    fn insert(&mut self, name: &[u8], value: &[u8], seed: &HashSeed) -> bool {
        let is_new = self.elements.insert(name, value, |name| seed.hash(name));
        self.see_to_wheel(seed);
        is_new
    }

    fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>, seed: &HashSeed) -> bool {
        let hash = |name: &[u8]| seed.hash(name);
        let Some((_, before)) = self.elements.get_stamped(name, hash) else { return false };
        if deadline_of(before) == at {
            return true;
        }
        if let Some(before) = before {
            self.forget(&before);
            if at.is_none() {
                self.elements.set_stamp(name, None, hash);
                self.see_to_wheel(seed);
            }
        }
        if let Some(at) = at {
            self.timed += 1;
            // One without deadlines may have become big meanwhile.
            self.earliest = if self.timed == 1 { at } else { self.earliest.min(at) };
            self.stamp(name, at, seed);
            self.see_to_wheel(seed);
        }
        true
    }

    /// Writes a deadline, and sets a timer for it if there is a wheel.
    fn stamp(&mut self, name: &[u8], at: UnixMs, seed: &HashSeed) {
        let hash = |name: &[u8]| seed.hash(name);
        let set_timer = |wheel: &mut Box<Wheel<u32>>| {
            wheel.schedule(dead_from(at), PackedTable::hash_of(name, hash) as u32)
        };
        let timer = self.wheel.as_mut().and_then(set_timer);
        let is_there = self.elements.set_stamp(name, Some(&to_stamp(at, timer)), hash);
        debug_assert!(is_there, "a deadline is an element's");
    }

    /// An element with this stamp has no deadline any more.
    fn forget(&mut self, stamp: &Stamp) {
        self.timed -= 1;
        if let (Some(wheel), (_, Some(timer))) = (&mut self.wheel, of_stamp(stamp)) {
            wheel.cancel(timer);
        }
    }

    /// A wheel is made when there are too many elements to look at, and given up when there is no deadline.
    fn see_to_wheel(&mut self, seed: &HashSeed) {
        if self.timed == 0 {
            self.wheel = None;
        } else if self.wheel.is_none() && self.elements.len() > FEW {
            self.wheel = Some(Box::new(Wheel::beginning_at(self.earliest)));
            for (name, at) in self.deadlines() {
                self.stamp(&name, at, seed);
            }
        }
    }

    /// Names with their deadlines.
    fn deadlines(&self) -> Vec<(Vec<u8>, UnixMs)> {
        let timed = self.elements.iter_stamped();
        timed.filter_map(|(name, _, stamp)| Some((name.spell().to_vec(), deadline_of(stamp)?))).collect()
    }

    fn remove(&mut self, name: &[u8], seed: &HashSeed) -> bool {
        let hash = |name: &[u8]| seed.hash(name);
        if self.timed > 0
            && let Some((_, Some(stamp))) = self.elements.get_stamped(name, hash)
        {
            self.forget(&stamp);
            self.see_to_wheel(seed);
        }
        self.elements.remove(name, hash)
    }

    fn reclaim(&mut self, now: UnixMs, budget: &mut usize, seed: &HashSeed, mut gone: impl FnMut(&[u8])) {
        let Some(wheel) = &mut self.wheel else {
            let mut earliest = UnixMs(i64::MAX);
            for (name, at) in self.deadlines() {
                if at < now && *budget > 0 {
                    *budget -= 1;
                    gone(&name);
                    self.remove(&name, seed);
                } else {
                    earliest = earliest.min(at);
                }
            }
            self.earliest = earliest;
            return;
        };
        let mut fired = Vec::new();
        wheel.advance(now, budget, |timer, hash| fired.push((timer, hash)));
        let mut found = Vec::with_capacity(fired.len());
        for (timer, hash) in fired {
            let is_its = |(name, stamp): (Element<'_>, Option<Stamp>)| {
                let (at, named) = of_stamp(&stamp?);
                (named == Some(timer)).then(|| (name.spell().to_vec(), at))
            };
            let its = self.elements.with_hash(u64::from(hash)).find_map(is_its);
            debug_assert!(its.is_some(), "a timer outlived its element");
            found.extend(its);
        }
        // Without timers first: the wheel gives the same names again.
        for (name, at) in &found {
            self.elements.set_stamp(name, Some(&to_stamp(*at, None)), |name| seed.hash(name));
        }
        for (name, at) in found {
            if at < now {
                gone(&name);
                self.remove(&name, seed);
            } else {
                self.stamp(&name, at, seed);
            }
        }
    }
}

impl<const WIDTH: usize> fmt::Debug for Timed<WIDTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value, deadline)| (name.spell(), (value.spell(), deadline)));
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const TODAY: i64 = 1_700_000_000_000;
    const LIMITS: Limits = Limits { entries: 8, bytes: 20 };

    fn seed() -> HashSeed {
        HashSeed::new(7)
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(String, String),
        Expire(String, Option<i64>),
        Remove(String),
        Reclaim(i64, usize),
        Clone,
    }

    fn step() -> impl Strategy<Value = Step> {
        let name = || {
            prop_oneof![
                10 => (0_u32..100).prop_map(|n| n.to_string()),
                3 => (0_u32..100).prop_map(|n| format!("name:{n}")),
                1 => Just("n".repeat(200)),
            ]
        };
        let value = prop_oneof![5 => "[a-z0-9]{0,8}", 1 => Just("v".repeat(21)), 1 => Just("w".repeat(300))];
        let at = prop_oneof![TODAY..TODAY + 50, TODAY..TODAY + 1_000_000, Just(-5), Just(i64::MAX)];
        prop_oneof![
            6 => (name(), value).prop_map(|(name, value)| Step::Insert(name, value)),
            6 => (name(), prop::option::weighted(0.8, at)).prop_map(|(name, at)| Step::Expire(name, at)),
            2 => name().prop_map(Step::Remove),
            2 => (TODAY..TODAY + 60, 0_usize..8).prop_map(|(now, budget)| Step::Reclaim(now, budget)),
            1 => Just(Step::Clone),
        ]
    }

    fn shown((name, value, at): Shown<'_>) -> (String, (String, Option<i64>)) {
        let text = |element: Element<'_>| String::from_utf8_lossy(&element.spell()).into_owned();
        (text(name), (text(value), at.map(|at| at.0)))
    }

    /// What is counted is there, and every deadline is looked at in time.
    fn check(timed: &Timed<3>, model: &BTreeMap<String, (String, Option<i64>)>) {
        assert_eq!(timed.len(), model.len());
        assert_eq!(&timed.iter().map(shown).collect::<BTreeMap<_, _>>(), model);
        assert_eq!(timed.allocated_bytes(), timed.recounted_bytes());
        let first = model.values().filter_map(|(_, at)| *at).filter(|at| *at < i64::MAX).min();
        match (timed.next_at(), first) {
            // Time begins in 1970.
            (Some(next), Some(first)) => assert!(next.0 <= (first + 1).max(0), "{next:?} is after {first}"),
            (next, first) => assert!(first.is_none(), "{next:?} for {first:?}"),
        }
        if let Form::Packed(list) = &timed.form {
            let deadlines: Vec<_> =
                Packed::<3>(list.iter()).map(|(_, _, at)| at.map_or(i64::MAX, |at| at.0)).collect();
            assert!(deadlines.is_sorted(), "{deadlines:?}");
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds_and_gives_back_what_is_dead(
            steps in prop::collection::vec(step(), 1..400),
            begins_as_table in any::<bool>(),
        ) {
            let seed = seed();
            let mut timed = Timed::<3>::of_packed(&Listpack::new());
            if begins_as_table {
                timed.unpack(&seed);
            }
            let mut model: BTreeMap<String, (String, Option<i64>)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(name, value) => {
                        let is_new = timed.insert(name.as_bytes(), value.as_bytes(), LIMITS, &seed);
                        prop_assert_eq!(is_new, !model.contains_key(&name));
                        model.entry(name).or_default().0 = value;
                    }
                    Step::Expire(name, at) => {
                        let there = timed.set_deadline(name.as_bytes(), at.map(UnixMs), &seed);
                        prop_assert_eq!(there, model.contains_key(&name));
                        if let Some(entry) = model.get_mut(&name) {
                            entry.1 = at;
                        }
                    }
                    Step::Remove(name) => {
                        prop_assert_eq!(timed.remove(name.as_bytes(), &seed), model.remove(&name).is_some());
                    }
                    Step::Reclaim(now, given) => {
                        let (mut budget, mut gone) = (given, Vec::new());
                        timed.reclaim(UnixMs(now), &mut budget, &seed, |name| gone.push(name.to_vec()));
                        prop_assert!(gone.len() <= given - budget);
                        for name in gone {
                            let (_, at) = model.remove(&String::from_utf8(name).unwrap()).expect("it goes once");
                            prop_assert!(at.is_some_and(|at| at < now));
                        }
                        let left = model.values().any(|(_, at)| at.is_some_and(|at| at < now));
                        prop_assert!(!left || budget == 0, "something dead was left with {} to spend", budget);
                    }
                    Step::Clone => timed = timed.clone(),
                }
                check(&timed, &model);
            }
            while timed.next_at().is_some_and(|at| at.0 < i64::MAX) {
                timed.reclaim(UnixMs(TODAY + 2_000_000), &mut 5, &seed, |name| {
                    model.remove(std::str::from_utf8(name).unwrap());
                });
            }
            check(&timed, &model);
            prop_assert!(model.values().all(|(_, at)| at.is_none_or(|at| at == i64::MAX)));
        }
    }

    #[test]
    fn those_that_expire_first_are_at_the_front_while_packed() {
        let (mut timed, seed) = (Timed::<3>::of_packed(&Listpack::new()), seed());
        for name in ["a", "b", "c", "d"] {
            timed.insert(name.as_bytes(), b"v", LIMITS, &seed);
        }
        let mut expire = |name: &str, at: Option<i64>| {
            assert!(timed.set_deadline(name.as_bytes(), at.map(UnixMs), &seed));
            timed.iter().map(|(name, ..)| shown((name, name, None)).0).collect::<String>()
        };
        // What HGETALL of Redis 8.0.2 answered.
        assert_eq!(expire("c", Some(100)), "cabd");
        assert_eq!(expire("a", Some(100)), "acbd");
        assert_eq!(expire("d", Some(50)), "dacb");
        assert_eq!(expire("c", None), "dabc");
        assert_eq!(expire("a", None), "dbca");
    }

    #[test]
    fn a_big_table_is_worked_off_in_small_parts() {
        const ELEMENTS: usize = 200_000;
        let (mut timed, seed) = (Timed::<3>::of_packed(&Listpack::new()), seed());
        for number in 0..ELEMENTS {
            let name = number.to_string();
            timed.insert(name.as_bytes(), b"v", LIMITS, &seed);
            let at = TODAY + (number as i64 * 7919) % 1000;
            timed.set_deadline(name.as_bytes(), Some(UnixMs(at)), &seed);
        }
        let (mut gone, mut calls) = (0, 0);
        while timed.next_at().is_some() {
            let mut budget = 64;
            timed.reclaim(UnixMs(TODAY + 1000), &mut budget, &seed, |_| gone += 1);
            calls += 1;
            assert!(calls <= ELEMENTS / 8, "a timer comes down a few levels");
        }
        let nothing = block_bytes(size_of::<Table>());
        assert_eq!((gone, timed.len(), timed.allocated_bytes()), (ELEMENTS, 0, nothing));
    }

    #[test]
    fn one_that_is_packed_takes_little_besides_its_elements() {
        assert!(size_of::<Timed<3>>() <= 56, "{}", size_of::<Timed<3>>());
    }

    #[test]
    fn a_deadline_takes_thirty_bytes_and_none_takes_nothing() {
        let seed = seed();
        let mut plain = PackedTable::default();
        for number in 0..50_000 {
            plain.insert(format!("field:{number}").as_bytes(), b"0123456789", |name| seed.hash(name));
        }
        let without = plain.allocated_bytes();
        let mut timed = Timed::<3>::of_table(plain);
        assert_eq!(timed.allocated_bytes(), without + block_bytes(size_of::<Table>()));
        for number in 0..50_000 {
            timed.set_deadline(format!("field:{number}").as_bytes(), Some(UnixMs(TODAY + number)), &seed);
        }
        let more = (timed.allocated_bytes() - without) / 50_000;
        assert!((29..=33).contains(&more), "{more} bytes for a deadline");
        for number in 0..50_000 {
            timed.set_deadline(format!("field:{number}").as_bytes(), None, &seed);
        }
        let again = timed.take_plain_table().expect("no deadline is left");
        assert!(again.allocated_bytes() <= without + without / 8);
    }
}
