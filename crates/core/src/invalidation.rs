//! Client-side caching: who keeps which keys in a cache of its own, and is told when they change.
//!
//! What a tracking caller reads is remembered under the locks of the read, and whoever changes it tells, under the locks of the change: no
//! change can come between a reply and what is remembered of it. Keys are known by their names, whatever database they are in,
//! as in Redis. This lock is taken after those of shards; inboxes, and what others see of callers, are all that is locked under it.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::events::{Classes, Event, News};
use crate::pubsub::Push;
use crate::session::{Client, Clients, Protocol};
use crate::{Bytes, Error, Random, Result};

/// What a caller is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrackingMode {
    /// The keys that it has read.
    #[default]
    Read,
    /// `OPTIN`: those that it reads right after `CLIENT CACHING YES`.
    OptIn,
    /// `OPTOUT`: those that it reads, but not right after `CLIENT CACHING NO`.
    OptOut,
    /// `BCAST`: all keys that begin with one of these; every key if there is none.
    Broadcast(Vec<Box<[u8]>>),
}

/// How a caller wants to be told: the options of `CLIENT TRACKING`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackingOptions {
    /// What it is told of.
    pub mode: TrackingMode,
    /// `REDIRECT`: the number of the caller that is told in its place.
    pub redirect: Option<u64>,
    /// `NOLOOP`: it is not told of what it changes itself.
    pub leaves_out_own: bool,
}

/// What there is to know of a caller that tracks keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingState {
    /// As it asked for it; with `BCAST` all prefixes so far.
    pub options: TrackingOptions,
    /// The caller that should be told in its place is gone.
    pub is_broken: bool,
}

/// A caller that tracks keys.
#[derive(Debug)]
struct Tracker {
    client: Arc<Client>,
    state: TrackingState,
}

impl Tracker {
    /// Leaves word with whoever is to be told, if that is somebody who can be.
    fn tell(&mut self, keys: Option<&[Bytes]>, telling: &mut Telling<'_>) {
        let Telling { clients, wakers, .. } = telling;
        let keys = || keys.map(<[Bytes]>::to_vec);
        let Some(redirect) = self.state.options.redirect else {
            if self.client.protocol() == Protocol::Resp3 {
                wakers.extend(self.client.leave(Push::Invalidated(keys())));
            }
            return;
        };
        let Some(target) = clients.get(redirect) else {
            self.state.is_broken = true;
            self.client.change(|shown| {
                shown.tracking.iter_mut().for_each(|tracking| tracking.is_broken = true);
            });
            if self.client.protocol() == Protocol::Resp3 {
                wakers.extend(self.client.leave(Push::RedirectionBroken(redirect)));
            }
            return;
        };
        if target.protocol() == Protocol::Resp3 {
            wakers.extend(target.leave(Push::Invalidated(keys())));
        } else if target.is_subscribed() {
            wakers.extend(target.leave(Push::InvalidatedByMessage(keys())));
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Callers that have tracked keys and are still there. One that has ended it may begin anew, and is then told of what it read
    /// before; while there is none, nothing is noted for anybody.
    known: BTreeSet<u64>,
    trackers: BTreeMap<u64, Tracker>,
    /// Who has read a key since it was last told of. Some of them may be gone, or track in another way by now.
    readers: IndexMap<Box<[u8]>, BTreeSet<u64>, RandomState>,
    /// How many readers all keys have together.
    items: usize,
    /// Who is told of keys that begin so.
    prefixes: BTreeMap<Box<[u8]>, BTreeSet<u64>>,
}

impl State {
    /// Remembers that a caller has read a key, and gives up others where there are too many.
    fn remember(&mut self, id: u64, key: &[u8], telling: &mut Telling<'_>) {
        let mut is_new = true;
        match self.readers.get_mut(key) {
            Some(readers) => is_new = readers.insert(id),
            None => drop(self.readers.insert(key.into(), BTreeSet::from([id]))),
        }
        self.items += usize::from(is_new);
        self.keep_limit(telling);
    }

    /// Gives up keys where there are too many, but for the one that was read last.
    fn keep_limit(&mut self, telling: &mut Telling<'_>) {
        while telling.limit > 0 && self.readers.len() > telling.limit {
            let others = (self.readers.len() - 1).max(1) as u64;
            let victim = self.readers.get_index((telling.random.next_u64() % others) as usize);
            let Some(victim) = victim.map(|(key, _)| key.clone()) else { break };
            self.tell_readers(&victim, None, telling);
        }
    }

    /// Tells those who have read a key.
    fn tell_readers(&mut self, key: &[u8], writer: Option<u64>, telling: &mut Telling<'_>) {
        let Some(readers) = self.readers.swap_remove(key) else { return };
        self.items -= readers.len();
        let keys = [Bytes::copy_from_slice(key)];
        for id in readers {
            let Some(tracker) = self.trackers.get_mut(&id) else { continue };
            let is_own = tracker.state.options.leaves_out_own && writer == Some(id);
            let is_broadcast = matches!(tracker.state.options.mode, TrackingMode::Broadcast(_));
            if !is_own && !is_broadcast {
                tracker.tell(Some(&keys), telling);
            }
        }
    }

    /// From now on a caller is told, or is told in another way.
    ///
    /// # Errors
    /// Redis's refusals of ways that cannot follow on each other and of prefixes that overlap.
    fn begin(&mut self, client: &Arc<Client>, mut options: TrackingOptions) -> Result<()> {
        let id = client.id();
        let before = self.trackers.get(&id).map(|tracker| &tracker.state.options.mode);
        check_change(before, &options.mode)?;
        if let TrackingMode::Broadcast(prefixes) = &mut options.mode {
            let known: &[Box<[u8]>] = match before {
                Some(TrackingMode::Broadcast(known)) => known,
                _ => &[],
            };
            check_overlap(known, prefixes)?;
            if prefixes.is_empty() {
                prefixes.push(Box::default());
            }
            let known = known.to_vec();
            prefixes.extend(known);
            prefixes.sort_unstable();
            prefixes.dedup();
            for prefix in prefixes {
                self.prefixes.entry(prefix.clone()).or_default().insert(id);
            }
        }
        let tracker =
            Tracker { client: Arc::clone(client), state: TrackingState { options, is_broken: false } };
        self.trackers.insert(id, tracker);
        self.known.insert(id);
        Ok(())
    }

    /// A caller is not told any more. What it has read is forgotten when that changes.
    fn end(&mut self, id: u64) {
        self.trackers.remove(&id);
        self.prefixes.retain(|_, callers| {
            callers.remove(&id);
            !callers.is_empty()
        });
    }

    /// A caller is gone.
    fn forget(&mut self, id: u64) {
        self.end(id);
        self.known.remove(&id);
        if self.known.is_empty() {
            self.readers = IndexMap::default();
            self.items = 0;
        }
    }
}

/// Who is told of which keys.
#[derive(Debug, Default)]
pub struct Invalidation {
    state: Mutex<State>,
    /// Whether anybody is known: a unit looks no further where there is nobody.
    is_used: AtomicBool,
}

/// How much is remembered, as INFO reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Callers that track keys.
    pub clients: usize,
    /// Keys that were read.
    pub keys: usize,
    /// The callers of each of them, together.
    pub items: usize,
    /// Different prefixes.
    pub prefixes: usize,
}

impl Invalidation {
    /// Whether anybody tracks keys, or has tracked some and is still there.
    #[inline]
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// What there is to know of a caller that tracks keys.
    pub fn of(&self, id: u64) -> Option<TrackingState> {
        self.state.lock().trackers.get(&id).map(|tracker| tracker.state.clone())
    }

    /// How much is remembered.
    pub fn remembered(&self) -> Remembered {
        let state = self.state.lock();
        Remembered {
            clients: state.trackers.len(),
            keys: state.readers.len(),
            items: state.items,
            prefixes: state.prefixes.len(),
        }
    }
}

/// What it takes to tell callers.
#[derive(Debug)]
pub(crate) struct Telling<'t> {
    /// All callers.
    pub(crate) clients: &'t Clients,
    /// Chooses what is given up.
    pub(crate) random: &'t Random,
    /// How many keys are remembered at most; 0 for no limit.
    pub(crate) limit: usize,
    /// Who is to be woken, once no lock is held.
    pub(crate) wakers: &'t mut Vec<Waker>,
}

impl Invalidation {
    /// A caller has read a key. The key's shard is locked. Where too many keys are remembered, others are given up, and their readers
    /// told as if these had changed.
    pub(crate) fn remember(&self, id: u64, key: &[u8], telling: &mut Telling<'_>) {
        self.state.lock().remember(id, key, telling);
    }

    /// The limit may be a lower one now.
    pub(crate) fn keep_limit(&self, telling: &mut Telling<'_>) {
        self.state.lock().keep_limit(telling);
    }

    /// Tells those who have read what changed. The shards that the news are about are still locked. `writer` is the caller whose
    /// command it was.
    pub(crate) fn tell(&self, news: &[News], writer: Option<u64>, telling: &mut Telling<'_>) {
        if !self.is_used() {
            return;
        }
        let mut state = self.state.lock();
        // Broadcasts have all keys of a unit in one message, in their order.
        let mut broadcasts: BTreeMap<Box<[u8]>, BTreeSet<Bytes>> = BTreeMap::new();
        for news in news {
            match news {
                News::Key(Event { class, key, .. }) if Classes::CHANGES.contains(*class) => {
                    state.tell_readers(key, writer, telling);
                    for prefix in state.prefixes.keys().filter(|prefix| key.starts_with(prefix)) {
                        match broadcasts.get_mut(prefix) {
                            Some(keys) => drop(keys.insert(key.clone())),
                            None => drop(broadcasts.insert(prefix.clone(), BTreeSet::from([key.clone()]))),
                        }
                    }
                }
                News::Emptied => {
                    state.readers.clear();
                    state.items = 0;
                    for tracker in state.trackers.values_mut() {
                        tracker.tell(None, telling);
                    }
                }
                News::Read { caller, key } => state.remember(*caller, key, telling),
                _ => {}
            }
        }
        let State { trackers, prefixes, .. } = &mut *state;
        for (prefix, keys) in broadcasts {
            let keys: Vec<Bytes> = keys.into_iter().collect();
            for id in prefixes.get(&prefix).into_iter().flatten() {
                let Some(tracker) = trackers.get_mut(id) else { continue };
                if !tracker.state.options.leaves_out_own || writer != Some(*id) {
                    tracker.tell(Some(&keys), telling);
                }
            }
        }
    }
}

impl Engine {
    /// From now on a caller is told of changes to keys, or is told in another way.
    ///
    /// # Errors
    /// Redis's refusals of ways that cannot follow on each other and of prefixes that overlap.
    pub(crate) fn begin_tracking(&self, client: &Arc<Client>, options: TrackingOptions) -> Result<()> {
        self.change_trackers(|state| state.begin(client, options))
    }

    /// From now on a caller is not told any more.
    pub(crate) fn end_tracking(&self, id: u64) {
        self.change_trackers(|state| state.end(id));
    }

    /// A caller is gone.
    pub(crate) fn forget_tracker(&self, id: u64) {
        self.change_trackers(|state| state.forget(id));
    }

    /// Units note their changes for as long as somebody is told of them.
    fn change_trackers<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let invalidation = self.invalidation();
        let mut state = invalidation.state.lock();
        let result = change(&mut state);
        let is_used = !state.known.is_empty();
        invalidation.is_used.store(is_used, Ordering::Relaxed);
        self.events().set_keys_tracked(is_used);
        result
    }
}

/// Whether a caller may go over to another way without ending the first.
fn check_change(before: Option<&TrackingMode>, after: &TrackingMode) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    let is_broadcast = |mode: &TrackingMode| matches!(mode, TrackingMode::Broadcast(_));
    if is_broadcast(before) != is_broadcast(after) {
        return Err(Error::refused(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
             different mode.",
        ));
    }
    match (before, after) {
        (TrackingMode::OptIn, TrackingMode::OptOut) | (TrackingMode::OptOut, TrackingMode::OptIn) => {
            Err(Error::refused(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it \
                 with a different mode.",
            ))
        }
        _ => Ok(()),
    }
}

/// Prefixes of one caller must not be about the same keys.
fn check_overlap(known: &[Box<[u8]>], new: &[Box<[u8]>]) -> Result<()> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let refused = |prefix: &[u8], kind: &str, other: &[u8]| {
        let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
        let text = format!(
            "ERR Prefix '{prefix}' overlaps with {kind} prefix '{other}'. Prefixes for a single client must not overlap."
        );
        Err(Error::Refused(text.into()))
    };
    for (at, prefix) in new.iter().enumerate() {
        if let Some(other) = known.iter().find(|other| overlap(prefix, other)) {
            return refused(prefix, "an existing", other);
        }
        if let Some(other) = new[at + 1..].iter().find(|other| overlap(prefix, other)) {
            return refused(prefix, "another provided", other);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::Taken;
    use crate::session::{Origin, Session};
    use crate::{EngineOptions, ManualClock, Reply, UnixMs};

    fn engine() -> Engine {
        let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
        Engine::new(EngineOptions { clock, seed: 7, databases: 2, shards: 4 })
    }

    fn caller(engine: &Engine) -> Session {
        let mut session = Session::new(engine, Origin::in_process());
        run(engine, &mut session, "HELLO 3");
        session
    }

    fn run(engine: &Engine, session: &mut Session, line: &str) -> Reply {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        session.execute(engine, &words).unwrap_or_else(|refusal| panic!("{line}: {refusal}"))
    }

    /// What a caller has to forget, by its messages.
    fn told(session: &Session) -> Vec<Vec<String>> {
        let mut told = Vec::new();
        while let Taken::Item(push) = session.inbox().take() {
            let Push::Invalidated(keys) = push else { panic!("{push:?} is no invalidation") };
            let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
            told.push(keys.map_or_else(|| vec!["everything".into()], |keys| keys.iter().map(text).collect()));
        }
        told
    }

    #[test]
    fn more_keys_than_the_limit_are_given_up_and_told_of() {
        let engine = engine();
        let (mut reader, mut other) = (caller(&engine), caller(&engine));
        run(&engine, &mut other, "CONFIG SET tracking-table-max-keys 3");
        run(&engine, &mut reader, "CLIENT TRACKING ON");
        for number in 0..100 {
            run(&engine, &mut reader, &format!("GET key:{number}"));
            assert!(engine.invalidation().remembered().keys <= 3);
        }
        let given_up = told(&reader).concat();
        assert_eq!(given_up.len(), 97);
        for number in 0..100 {
            run(&engine, &mut other, &format!("SET key:{number} 1"));
        }
        let mut all = [given_up, told(&reader).concat()].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100, "each key was told of, once");
        assert_eq!(engine.invalidation().remembered(), Remembered { clients: 1, ..Remembered::default() });
    }

    /// Redis 8.0.2 tells of them as soon as it looks at its limits.
    #[test]
    fn a_lower_limit_is_kept_at_once() {
        let engine = engine();
        let (mut reader, mut other) = (caller(&engine), caller(&engine));
        run(&engine, &mut reader, "CLIENT TRACKING ON");
        run(&engine, &mut reader, "MGET a b c");
        run(&engine, &mut other, "CONFIG SET tracking-table-max-keys 1");
        assert_eq!(told(&reader).concat().len(), 2);
        assert_eq!(engine.invalidation().remembered().keys, 1);
        run(&engine, &mut other, "CONFIG SET tracking-table-max-keys 0");
        assert_eq!(engine.invalidation().remembered().keys, 1, "0 is no limit");
    }

    #[test]
    fn what_is_counted_follows_readers_and_prefixes() {
        let engine = engine();
        let mut callers = [caller(&engine), caller(&engine), caller(&engine)];
        let [a, b, c] = &mut callers;
        run(&engine, a, "CLIENT TRACKING ON");
        run(&engine, b, "CLIENT TRACKING ON");
        run(&engine, c, "CLIENT TRACKING ON BCAST PREFIX x PREFIX y");
        run(&engine, a, "MGET k l k");
        run(&engine, b, "GET k");
        run(&engine, c, "GET k");
        let remembered = engine.invalidation().remembered();
        assert_eq!(remembered, Remembered { clients: 3, keys: 2, items: 3, prefixes: 2 });
        run(&engine, c, "SET k 1");
        assert_eq!((told(a), told(b), told(c)), (vec![vec!["k".into()]], vec![vec!["k".into()]], vec![]));
        assert_eq!(engine.invalidation().remembered().items, 1);
        callers.iter_mut().for_each(|caller| caller.end(&engine));
        assert_eq!(engine.invalidation().remembered(), Remembered::default());
        assert!(!engine.invalidation().is_used());
    }

    /// A reader never keeps a value that is older than the latest change it was not told of.
    #[test]
    fn no_change_comes_between_a_read_and_its_memory() {
        const WRITES: usize = 2000;
        let engine = engine();
        let mut reader = caller(&engine);
        run(&engine, &mut reader, "CLIENT TRACKING ON");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = caller(&engine);
                for number in 1..=WRITES {
                    run(&engine, &mut writer, &format!("SET k {number}"));
                }
            });
            let mut kept = None;
            loop {
                // As a connection does it: what a command answers comes before what was left meanwhile.
                let value = kept.take().unwrap_or_else(|| run(&engine, &mut reader, "GET k"));
                if value == Reply::bulk(WRITES.to_string()) {
                    break;
                }
                if told(&reader).is_empty() {
                    kept = Some(value);
                }
            }
        });
    }
}
