//! Elements that have deadlines of their own: what the doors of hashes and sets have in common.
use super::{Held, Shown, owned};
use crate::effect::{Blob, Effect};
use crate::types::{Collection, Element, Hash, Set, TypeSettings};
use crate::{Random, UnixMs};

/// A collection whose elements may have deadlines of their own, with the words for what becomes of those elements.
pub trait TimedCollection: Collection {
    /// The event that elements have got a deadline.
    const EXPIRE: &'static str;
    /// The event that elements have lost theirs.
    const PERSIST: &'static str;
    /// The event that elements have expired.
    const EXPIRED: &'static str;
    /// The deadline of an element, also of one that has expired; `None` if it is not there.
    fn deadline(&self, name: &[u8], settings: &TypeSettings) -> Option<Option<UnixMs>>;
    /// Gives an element a deadline or takes it away; false if it is not there.
    fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>, settings: &TypeSettings) -> bool;
    /// Removes an element; false if it is not there.
    fn remove(&mut self, name: &[u8], settings: &TypeSettings) -> bool;
    /// Removes an element by the door, as the command does that is for it; false if it was not there.
    fn remove_through(door: &mut Held<'_, '_, Self>, name: &[u8]) -> bool;
    /// That an element is gone.
    fn removal(name: Blob<'_>) -> Effect<'_>;
    /// That an element has a deadline, or none.
    fn expiry(name: Blob<'_>, at: Option<UnixMs>) -> Effect<'_>;
    /// What makes an element what it is; nothing if it is not there.
    fn making(&self, name: &[u8], settings: &TypeSettings) -> Vec<Effect<'static>>;
}

impl TimedCollection for Hash {
    const EXPIRE: &'static str = "hexpire";
    const PERSIST: &'static str = "hpersist";
    const EXPIRED: &'static str = "hexpired";

    fn deadline(&self, name: &[u8], settings: &TypeSettings) -> Option<Option<UnixMs>> {
        self.get_timed(name, settings).map(|(_, deadline)| deadline)
    }

    fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>, settings: &TypeSettings) -> bool {
        self.set_deadline(name, at, settings)
    }

    fn remove(&mut self, name: &[u8], settings: &TypeSettings) -> bool {
        self.remove(name, settings)
    }

    fn remove_through(door: &mut Held<'_, '_, Self>, name: &[u8]) -> bool {
        door.remove(name)
    }

    fn removal(name: Blob<'_>) -> Effect<'_> {
        Effect::HDel { field: name }
    }

    fn expiry(name: Blob<'_>, at: Option<UnixMs>) -> Effect<'_> {
        match at {
            Some(at) => Effect::HExpireAt { field: name, at },
            None => Effect::HPersist { field: name },
        }
    }

    fn making(&self, name: &[u8], settings: &TypeSettings) -> Vec<Effect<'static>> {
        let field = || name.to_vec().into();
        let making = |(value, deadline): (Element<'_>, Option<UnixMs>)| {
            let set = Effect::HSet { field: field(), value: owned(value) };
            std::iter::once(set).chain(deadline.map(|at| Self::expiry(field(), Some(at)))).collect()
        };
        self.get_timed(name, settings).map(making).unwrap_or_default()
    }
}

impl TimedCollection for Set {
    const EXPIRE: &'static str = "sexpire";
    const PERSIST: &'static str = "spersist";
    const EXPIRED: &'static str = "sexpired";

    fn deadline(&self, name: &[u8], settings: &TypeSettings) -> Option<Option<UnixMs>> {
        self.deadline(name, settings)
    }

    fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>, settings: &TypeSettings) -> bool {
        self.set_deadline(name, at, settings)
    }

    fn remove(&mut self, name: &[u8], settings: &TypeSettings) -> bool {
        self.remove(name, settings)
    }

    fn remove_through(door: &mut Held<'_, '_, Self>, name: &[u8]) -> bool {
        door.remove(name)
    }

    fn removal(name: Blob<'_>) -> Effect<'_> {
        Effect::SRem { member: name }
    }

    fn expiry(name: Blob<'_>, at: Option<UnixMs>) -> Effect<'_> {
        match at {
            Some(at) => Effect::SExpireAt { member: name, at },
            None => Effect::SPersist { member: name },
        }
    }

    fn making(&self, name: &[u8], settings: &TypeSettings) -> Vec<Effect<'static>> {
        let member = || name.to_vec().into();
        let making = |deadline: Option<UnixMs>| {
            let add = Effect::SAdd { member: member() };
            std::iter::once(add).chain(deadline.map(|at| Self::expiry(member(), Some(at)))).collect()
        };
        self.deadline(name, settings).map(making).unwrap_or_default()
    }
}

/// What a function of [`TimedCollection`] gives for a collection of a type that is one.
macro_rules! of_type {
    ($of_type:expr, $collection:ident => $body:expr) => {
        match $of_type {
            Type::Hash => {
                type $collection = Hash;
                $body
            }
            Type::Set => {
                type $collection = Set;
                $body
            }
            _ => unreachable!("no other collection has elements with deadlines"),
        }
    };
}
pub(in crate::tx) use of_type;

impl<T: TimedCollection> Shown<'_, T> {
    /// An element's deadline; `None` if it is not there or has expired.
    #[expect(clippy::option_option, reason = "the outer one says whether it is there")]
    pub fn deadline(&self, name: &[u8]) -> Option<Option<UnixMs>> {
        self.value.deadline(name, self.settings).filter(|deadline| self.is_alive(*deadline))
    }

    /// Whether an element is there that has expired.
    pub(crate) fn has_expired(&self, name: &[u8]) -> bool {
        let found = if self.value.is_timed() { self.value.deadline(name, self.settings) } else { None };
        found.is_some_and(|deadline| !self.is_alive(deadline))
    }

    /// Whether an element is alive that has this deadline.
    #[inline]
    pub(super) fn is_alive(&self, deadline: Option<UnixMs>) -> bool {
        deadline.is_none_or(|deadline| self.now.get() <= deadline)
    }

    /// Some element that has not expired, each equally likely: what `draw` draws, if `is_alive` says so, else one of `alive`.
    pub(super) fn random_alive<E, I: Iterator<Item = E>>(
        &self,
        random: &Random,
        draw: impl Fn() -> Option<E>,
        is_alive: impl Fn(&E) -> bool,
        alive: impl Fn() -> I,
    ) -> Option<E> {
        /// Where most have expired, those that have not are counted.
        const TRIES: usize = 64;
        if !self.value.is_timed() {
            return draw();
        }
        let mut drawn = std::iter::repeat_with(draw).take(TRIES).flatten();
        drawn.find(is_alive).or_else(|| {
            let count = alive().count() as u64;
            (count > 0).then(|| alive().nth(random.below(count) as usize)).flatten()
        })
    }
}

impl<T: TimedCollection> Held<'_, '_, T> {
    /// Gives an element a deadline, or with `None` takes it away; false if it is not there. It is not looked at whether the
    /// deadline has passed.
    pub fn set_deadline(&mut self, name: &[u8], at: Option<UnixMs>) -> bool {
        self.keep_way_back(|shown| {
            let before = shown.value.deadline(name, shown.settings);
            before.map(|before| T::expiry(name.to_vec().into(), before)).into_iter().collect()
        });
        let (collection, settings) = self.parts();
        let is_there = T::set_deadline(collection, name, at, settings);
        if is_there {
            self.change(if at.is_some() { T::EXPIRE } else { T::PERSIST }, &T::expiry(name.into(), at));
            self.notes.add_subkey(Self::CLASS, name);
        }
        is_there
    }

    /// An element's deadline, of one that has expired too.
    pub(super) fn any_deadline(&self, name: &[u8]) -> Option<UnixMs> {
        if self.is_timed() { T::deadline(self, name, self.settings).flatten() } else { None }
    }

    /// Removes an element that has expired, as whoever comes by does, and records that before anything else, because replay
    /// expires nothing. True if so it was.
    #[inline]
    pub fn reclaim(&mut self, name: &[u8]) -> bool {
        self.is_timed() && self.reclaim_timed(name)
    }

    #[cold]
    fn reclaim_timed(&mut self, name: &[u8]) -> bool {
        let has_expired = self.shown().has_expired(name);
        if has_expired {
            self.take_out(name);
            self.record(&T::removal(name.into()));
            let keyspace = self.engine.keyspace();
            keyspace.counters(keyspace.index(self.hash)).count_expired_elements(1);
            self.note_as(T::EXPIRED);
            self.notes.add_subkey(Self::CLASS, name);
            if self.is_empty() {
                self.begin_anew();
            }
        }
        has_expired
    }

    /// Takes an element out of the collection, without telling; false if it was not there.
    pub(super) fn take_out(&mut self, name: &[u8]) -> bool {
        self.keep_way_back(|shown| shown.value.making(name, shown.settings));
        let (collection, settings) = self.parts();
        T::remove(collection, name, settings)
    }
}
