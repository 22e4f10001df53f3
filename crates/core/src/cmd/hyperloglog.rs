//! How many different elements there were, estimated: PFADD, PFCOUNT, PFMERGE.
use std::borrow::Cow;
use std::iter::once;

use super::{Args, Command, Control, Flags, Group, KeySpec, Late, Read, Spec, Write, bare, many_keys, table};
use crate::tx::{StringMut, Tx, View};
use crate::types::StrRef;
use crate::types::hyperloglog::{self, Draft, Fault, Place, Registers, Sketch};
use crate::{Error, Reply, Result};

table! {
    write PfAdd, read PfCount, write PfDebug, write PfMerge, control PfSelfTest,
}

const HYPERLOGLOG: Spec = Spec { group: Group::HyperLogLog, since: "2.8.9", ..Spec::EMPTY };

/// Redis's words for what is wrong with a string.
fn refusal(fault: Fault) -> Error {
    Error::Refused(Cow::Borrowed(match fault {
        Fault::Foreign => "WRONGTYPE Key is not a valid HyperLogLog string value.",
        Fault::Corrupted => "INVALIDOBJ Corrupted HLL object detected",
    }))
}

fn sketch_of(string: StrRef<'_>) -> Result<Sketch<'_>> {
    let sketch = match string {
        StrRef::Int(_) => Err(Fault::Foreign),
        StrRef::Short { bytes, .. } => Sketch::of(bytes),
        StrRef::Shared(bytes) => Sketch::of(bytes),
    };
    sketch.map_err(refusal)
}

/// A copy of what is there, to be changed; an empty one if there is nothing.
fn draft_of(string: &StringMut<'_, '_>) -> Result<Draft> {
    if string.is_missing() { Ok(Draft::empty()) } else { sketch_of(string.get()).map(Draft::of) }
}

/// What every command that changes what was seen calls it.
const CHANGED: &str = "pfadd";

/// `PFADD key [element [element ...]]`
#[derive(Clone, Debug)]
pub struct PfAdd<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What was seen.
    pub elements: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for PfAdd<'a> {
    const SPEC: Spec = Spec {
        name: "PFADD",
        arity: -2,
        flags: Flags::DENYOOM.and(Flags::FAST),
        keys: &[KeySpec::first(&["RW", "insert"])],
        summary: "Adds elements to a HyperLogLog, creating it if it is not there.",
        complexity: "O(1) for each element",
        syntax: "key [element [element ...]]",
        ..HYPERLOGLOG
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(PfAdd { key: args.bytes()?, elements: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for PfAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let longest = db.engine().config().sparse_hyperloglog_bytes();
        let mut string = db.string_mut(self.key)?;
        let is_dense = !string.is_missing() && sketch_of(string.get())?.is_dense();
        let is_changed = if is_dense {
            let mut is_changed = false;
            for element in &*self.elements {
                if let Some(patch) = sketch_of(string.get())?.dense_patch(Place::of(element)) {
                    string.write_at(patch.offset, patch.bytes())?;
                    is_changed = true;
                }
            }
            let stale = sketch_of(string.get())?.stale_patch().filter(|_| is_changed);
            stale.map_or(Ok(()), |patch| string.write_at(patch.offset, patch.bytes()))?;
            is_changed
        } else {
            let (mut draft, mut is_changed) = (draft_of(&string)?, string.is_missing());
            for element in &*self.elements {
                is_changed |= draft.raise(Place::of(element), longest).map_err(refusal)?;
            }
            if is_changed {
                draft.make_stale();
                string.replace(draft.bytes())?;
            }
            is_changed
        };
        if is_changed {
            string.note(CHANGED);
        } else {
            string.make_raw()?;
        }
        Ok(is_changed)
    }
}

many_keys! {
    /// `PFCOUNT key [key ...]`
    PfCount -> i64, Spec {
        name: "PFCOUNT",
        arity: -2,
        keys: &[KeySpec::range(&["RW", "access"], 1, -1, 1)
            .noting("RW because it may change the internal representation of the key, and propagate to replicas")],
        summary: "Estimates how many different elements HyperLogLogs have seen together.",
        complexity: "O(1) for one key whose estimate is up to date, else O(N), N being the number of keys",
        syntax: "key [key ...]",
        ..HYPERLOGLOG
    }
}

impl<'a> Read<'a> for PfCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<i64> {
        if let [key] = *self.keys {
            let Some(string) = db.string(key)? else { return Ok(0) };
            let sketch = sketch_of(string)?;
            if let Some(estimate) = sketch.kept_estimate() {
                return Ok(estimate);
            }
            let estimate = sketch.estimate().map_err(refusal)?;
            db.note_estimated(key);
            return Ok(estimate);
        }
        let mut registers = Registers::new();
        for key in &*self.keys {
            if let Some(string) = db.string(key)? {
                sketch_of(string)?.raise(&mut registers).map_err(refusal)?;
            }
        }
        Ok(registers.estimate())
    }
}

/// Keeps the estimate of a HyperLogLog in its own bytes, as PFCOUNT does once it has made it.
///
/// # Errors
/// The key holds none any more.
pub(crate) fn keep_estimate(db: &mut Tx<'_>, key: &[u8]) -> Result<()> {
    let mut string = db.string_mut(key)?;
    let sketch = sketch_of(string.get())?;
    if sketch.kept_estimate().is_none() {
        let (offset, bytes) = hyperloglog::kept(sketch.estimate().map_err(refusal)?);
        string.write_at(offset, &bytes)?;
    }
    Ok(())
}

/// `PFMERGE destkey [sourcekey [sourcekey ...]]`
#[derive(Clone, Debug)]
pub struct PfMerge<'a> {
    /// What is to have seen it all; what it has seen stays.
    pub destination: &'a [u8],
    /// What is added to it.
    pub sources: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for PfMerge<'a> {
    const SPEC: Spec = Spec {
        name: "PFMERGE",
        arity: -2,
        flags: Flags::DENYOOM,
        keys: &[
            KeySpec::range(&["RW", "access", "insert"], 1, 0, 1),
            KeySpec::range(&["RO", "access"], 2, -1, 1),
        ],
        summary: "Adds what HyperLogLogs have seen to another, creating it if it is not there.",
        complexity: "O(N), N being the number of keys",
        syntax: "destkey [sourcekey [sourcekey ...]]",
        ..HYPERLOGLOG
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(PfMerge { destination: args.bytes()?, sources: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.destination);
        self.sources.iter().for_each(|key| visit(key));
    }
}

impl<'a> Write<'a> for PfMerge<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let longest = db.engine().config().sparse_hyperloglog_bytes();
        let (view, mut registers, mut is_dense) = (db.view().counting(), Registers::new(), false);
        for key in once(&self.destination).chain(&*self.sources) {
            if let Some(string) = view.string(key)? {
                let sketch = sketch_of(string)?;
                sketch.raise(&mut registers).map_err(refusal)?;
                is_dense |= sketch.is_dense();
            }
        }
        let mut string = db.string_mut(self.destination)?;
        let mut draft = draft_of(&string)?;
        if is_dense {
            draft.make_dense().map_err(refusal)?;
        }
        draft.raise_all(&registers, longest).map_err(refusal)?;
        draft.make_stale();
        string.replace(draft.bytes())?;
        string.note(CHANGED);
        Ok(())
    }
}

/// What `PFDEBUG` shows or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugging {
    /// `GETREG`: every register. They are dense from then on.
    Registers,
    /// `DECODE`: the runs of a sparse one.
    Runs,
    /// `ENCODING`: `sparse` or `dense`.
    Encoding,
    /// `TODENSE`: makes it dense, and says whether it was not.
    MakeDense,
    /// `SIMD`: which words say. What is done to many registers at once the compiler has made so, and nothing switches it.
    Simd(bool),
}

/// `PFDEBUG subcommand key`
#[derive(Clone, Debug)]
pub struct PfDebug<'a> {
    /// The key; not looked at by `SIMD`.
    pub key: &'a [u8],
    /// What is asked.
    pub debugging: Late<Debugging>,
}

impl<'a> Command<'a> for PfDebug<'a> {
    const SPEC: Spec = Spec {
        name: "PFDEBUG",
        arity: 3,
        flags: Flags::DENYOOM.and(Flags::ADMIN),
        keys: &[KeySpec::range(&["RW", "access"], 2, 0, 1)],
        summary: "Shows what a HyperLogLog is made of.",
        complexity: "O(1)",
        syntax: "subcommand key",
        ..HYPERLOGLOG
    };
    type Reply = Reply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (subcommand, key) = (args.bytes()?, args.bytes()?);
        let is = |word: &[u8], token: &str| word.eq_ignore_ascii_case(token.as_bytes());
        let debugging = if is(subcommand, "GETREG") {
            Ok(Debugging::Registers)
        } else if is(subcommand, "DECODE") {
            Ok(Debugging::Runs)
        } else if is(subcommand, "ENCODING") {
            Ok(Debugging::Encoding)
        } else if is(subcommand, "TODENSE") {
            Ok(Debugging::MakeDense)
        } else if is(subcommand, "SIMD") {
            match key {
                on if is(on, "ON") => Ok(Debugging::Simd(true)),
                off if is(off, "OFF") => Ok(Debugging::Simd(false)),
                _ => return Err(Error::refused("ERR Argument must be ON or OFF")),
            }
        } else {
            let text = format!("ERR Unknown PFDEBUG subcommand '{}'", super::shown_in_error(subcommand));
            Err(Error::Refused(text.into()))
        };
        Ok(PfDebug { key, debugging })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for PfDebug<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Reply> {
        if let Ok(Debugging::Simd(on)) = self.debugging {
            return Ok(if on { "enabled" } else { "disabled" }.into());
        }
        let mut string = db.string_mut(self.key)?;
        if string.is_missing() {
            return Err(Error::refused("ERR The specified key does not exist"));
        }
        let mut draft = draft_of(&string)?;
        let make_dense = |string: &mut StringMut<'_, '_>, draft: &mut Draft| -> Result<bool> {
            let is_changed = draft.make_dense().map_err(refusal)?;
            string.replace(draft.bytes())?;
            Ok(is_changed)
        };
        match self.debugging.clone()? {
            Debugging::Registers => {
                make_dense(&mut string, &mut draft)?;
                let mut registers = Registers::new();
                sketch_of(string.get())?.raise(&mut registers).map_err(refusal)?;
                Ok(registers.values().iter().map(|value| i64::from(*value)).collect::<Vec<_>>().into())
            }
            Debugging::Runs => {
                let runs = sketch_of(string.get())?.text();
                runs.map(Reply::bulk).ok_or(Error::refused("ERR HLL encoding is not sparse"))
            }
            Debugging::Encoding => {
                Ok(if sketch_of(string.get())?.is_dense() { "dense" } else { "sparse" }.into())
            }
            Debugging::MakeDense => make_dense(&mut string, &mut draft).map(Into::into),
            Debugging::Simd(_) => unreachable!("it is about no key"),
        }
    }
}

bare! {
    /// `PFSELFTEST`
    PfSelfTest -> (), Spec {
        name: "PFSELFTEST",
        flags: Flags::ADMIN,
        summary: "Tries out whether HyperLogLogs keep what they are given and estimate well.",
        complexity: "O(1), and it takes a while",
        ..HYPERLOGLOG
    }
}

impl Control<'_> for PfSelfTest {
    fn run(&self, db: &mut Tx<'_>) -> Result<()> {
        let tested = hyperloglog::self_test(db.random());
        tested.map_err(|fault| Error::Refused(format!("TESTFAILED {fault}").into()))
    }
}
