//! Calls of a program's own commands: one command in the eyes of the engine, whose facts come from what the program said of it.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smallvec::SmallVec;

use super::args::Args;
use super::{
    Begin, Command, Control, Find, Flags, Parsers, Read, Scope, Spec, Write, control, control_row, inside,
    read_row, unknown, write_row, wrong_arity,
};
use crate::engine::Engine;
use crate::native::{Called, Registered, Unit};
use crate::tx::{Tx, View};
use crate::{Error, Reply, Result, number};

/// One that only reads.
pub(crate) const READ: Parsers = Parsers {
    inside: |args, tx, session| inside(&read_row(Call::of(args, tx.engine())?), tx, session),
    prepare: |args, engine| Ok(Box::new(read_row(Call::of(args, engine)?))),
    execute: |args, engine, db, session| engine.read_for(session.as_deref(), db, &Call::of(args, engine)?),
};

/// One that may write.
pub(crate) const WRITE: Parsers = Parsers {
    inside: |args, tx, session| inside(&write_row(Call::of(args, tx.engine())?), tx, session),
    prepare: |args, engine| Ok(Box::new(write_row(Call::of(args, engine)?))),
    execute: |args, engine, db, session| engine.write_for(session.as_deref(), db, &Call::of(args, engine)?),
};

/// One that touches no key.
pub(crate) const CONTROL: Parsers = Parsers {
    inside: |args, tx, session| inside(&control_row(Call::of(args, tx.engine())?), tx, session),
    prepare: |args, engine| Ok(Box::new(control_row(Call::of(args, engine)?))),
    execute: |args, engine, db, session| control(&Call::of(args, engine)?, engine, db, session.as_deref()),
};

/// A call: which command, and with which words.
#[derive(Debug)]
struct Call<'a> {
    native: Arc<Registered>,
    words: &'a [&'a [u8]],
    keys: SmallVec<[&'a [u8]; 4]>,
}

impl<'a> Call<'a> {
    fn of(args: &mut Args<'a>, engine: &Engine) -> Result<Self> {
        let (words, name) = (args.all(), args.all().first().copied().unwrap_or_default());
        let native = Arc::clone(engine.natives().get(name).ok_or_else(|| unknown(words))?);
        let keys = keys(&native.row().spec, words)?;
        Ok(Self { native, words: args.rest(), keys })
    }

    fn answer(&self, unit: Unit<'_, '_>) -> Result<Reply> {
        let keys = (!self.native.touches_everything).then_some(&*self.keys);
        match (self.native.handler)(unit, Called { words: self.words, keys })? {
            // Whoever called waits for an answer.
            Reply::Silence => Ok(Reply::Null),
            reply => Ok(reply),
        }
    }

    /// A panic is the program's, and no reason to end a thread that serves others too.
    fn panicked(&self, with: &(dyn Any + Send)) -> Error {
        let text = with.downcast_ref::<&str>().copied();
        let text = text.or_else(|| with.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
        let name = self.native.row().listed_name();
        Error::Refused(
            format!("ERR the command '{name}' panicked, and what it did was undone: {text}").into(),
        )
    }
}

/// The keys among the words of a call.
fn keys<'a>(spec: &Spec, words: &[&'a [u8]]) -> Result<SmallVec<[&'a [u8]; 4]>> {
    let mut keys = SmallVec::new();
    for found in spec.keys {
        let Begin::Index(begin) = found.begin else { continue };
        match (found.find, words.get(begin)) {
            // Words that may be left out.
            (Find::Range { .. }, None) => continue,
            (Find::KeyNum { .. }, Some(word)) => {
                let count = number::parse_i64(word).ok_or(Error::NotAnInteger)?;
                if count < 0 {
                    return Err(Error::refused("ERR Number of keys can't be negative"));
                }
                if count > (words.len() - begin - 1) as i64 {
                    return Err(Error::refused("ERR Number of keys can't be greater than number of args"));
                }
                if count == 0 {
                    continue;
                }
            }
            _ => {}
        }
        let places = found.positions(words).ok_or_else(|| wrong_arity(spec.name))?;
        keys.extend(places.into_iter().map(|place| words[place]));
    }
    Ok(keys)
}

impl<'a> Command<'a> for Call<'a> {
    const SPEC: Spec = Spec::EMPTY;
    type Reply = Reply;

    /// Which command it is, only a store knows: see [`Call::of`].
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Err(unknown(args.all()))
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        self.keys.iter().for_each(|key| visit(key));
    }

    fn scope(&self) -> Scope {
        if self.native.touches_everything { Scope::Everything } else { Scope::Keys }
    }

    fn flags(&self) -> Flags {
        self.native.row().spec.flags
    }
}

impl<'a> Read<'a> for Call<'a> {
    fn read(&self, db: &View<'_>) -> Result<Reply> {
        catch_unwind(AssertUnwindSafe(|| self.answer(Unit::Reading(*db))))
            .unwrap_or_else(|panic| Err(self.panicked(&*panic)))
    }
}

impl<'a> Write<'a> for Call<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Reply> {
        db.attempt(|tx| self.answer(Unit::Writing(tx))).unwrap_or_else(|panic| Err(self.panicked(&*panic)))
    }
}

impl<'a> Control<'a> for Call<'a> {
    fn run(&self, db: &mut Tx<'_>) -> Result<Reply> {
        Write::write(self, db)
    }
}
