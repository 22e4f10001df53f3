//! The connections that a worker serves, by their numbers.
use slab::Slab;

use crate::connection::Connection;

/// Connections. One is out while it runs commands, because a script among them may have the others served in between.
#[derive(Debug, Default)]
pub(crate) struct Connections(Slab<Place>);

#[derive(Debug)]
enum Place {
    Here(Box<Connection>),
    Out(Missed),
}

/// What a connection missed while it was out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Missed {
    /// It was asked for: it may be readable, may have a letter, or was on a list.
    pub(crate) anything: bool,
    /// Nothing comes any more after what it can still read.
    pub(crate) half_close: bool,
}

impl Connections {
    /// Adds one that is made of its number, if it is made.
    pub(crate) fn add(&mut self, make: impl FnOnce(usize) -> Option<Connection>) {
        let place = self.0.vacant_entry();
        if let Some(connection) = make(place.key()) {
            place.insert(Place::Here(Box::new(connection)));
        }
    }

    /// One that is here. If it is out, it is noted that it missed something.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Connection> {
        match self.0.get_mut(number)? {
            Place::Here(connection) => Some(connection),
            Place::Out(missed) => {
                missed.anything = true;
                None
            }
        }
    }

    /// Nothing more comes for one, wherever it is.
    pub(crate) fn note_half_close(&mut self, number: usize) {
        match self.0.get_mut(number) {
            Some(Place::Here(connection)) => connection.is_half_closed = true,
            Some(Place::Out(missed)) => missed.half_close = true,
            None => {}
        }
    }

    /// Those that are here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.0.iter().filter_map(|(number, place)| match place {
            Place::Here(connection) => Some((number, &**connection)),
            Place::Out(_) => None,
        })
    }

    /// Lets one out, if it is here. It keeps its number.
    #[inline]
    pub(crate) fn let_out(&mut self, number: usize) -> Option<Box<Connection>> {
        match std::mem::replace(self.0.get_mut(number)?, Place::Out(Missed::default())) {
            Place::Here(connection) => Some(connection),
            out @ Place::Out(_) => {
                self.0[number] = out;
                None
            }
        }
    }

    /// Takes one back that was out. Returns what it missed.
    #[inline]
    pub(crate) fn take_back(&mut self, number: usize, connection: Box<Connection>) -> Missed {
        match std::mem::replace(&mut self.0[number], Place::Here(connection)) {
            Place::Out(missed) => missed,
            Place::Here(_) => unreachable!("the number of one that is out is nobody else's"),
        }
    }

    /// Removes one that is here.
    pub(crate) fn remove(&mut self, number: usize) -> Option<Box<Connection>> {
        self.get_mut(number)?;
        match self.0.remove(number) {
            Place::Here(connection) => Some(connection),
            Place::Out(_) => None,
        }
    }

    /// The number of each that is here.
    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.iter().map(|(number, _)| number).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
