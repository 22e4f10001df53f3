//! DEBUG DIGEST: a number of 160 bits that says whether two datasets are the same, whatever the order of what has none.
//!
//! Things without order are added up by XOR of their hashes, things in order by hashing what came before along with them. The digits
//! are Redis's for the same data.
use std::fmt;

use sha1::{Digest as _, Sha1};

use crate::UnixMs;
use crate::number;
use crate::types::{Element, Type, ValueRef};

/// A digest, or what has been made of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest([u8; 20]);

impl Digest {
    /// Adds something that has no place among the others.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds something that comes after the others.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds another digest that has no place among the others.
    pub(crate) fn add_digest(&mut self, other: Digest) {
        self.add(&other.0);
    }

    /// Adds a number of those in front of databases and types.
    pub(crate) fn append_number(&mut self, number: u32) {
        self.append(&number.to_be_bytes());
    }

    /// Adds a value with its deadline.
    pub(crate) fn add_value(&mut self, value: ValueRef<'_>, deadline: Option<UnixMs>) {
        self.append_number(match value.value_type() {
            Type::String => 0,
            Type::List => 1,
            Type::Set => 2,
            Type::ZSet => 3,
            Type::Hash => 4,
            Type::Stream => 6,
            // As Redis does for the types of modules.
            #[cfg(feature = "vector-sets")]
            Type::VectorSet => 7,
            Type::Array => 8,
        });
        match value {
            ValueRef::String(string) => self.append(&string.to_bytes()),
            ValueRef::List(list) => list.iter().for_each(|element| element.with(|bytes| self.append(bytes))),
            ValueRef::Set(set) => match set.iter_timed() {
                None => set.iter().for_each(|member| member.with(|member| self.add(member))),
                Some(timed) => timed.for_each(|(member, deadline)| {
                    let mut digest = Digest::default();
                    member.with(|member| digest.add(member));
                    if deadline.is_some() {
                        digest.add(b"!!sexpire!!");
                    }
                    // Added up as the member's own hash is where it has no deadline.
                    self.0.iter_mut().zip(digest.0).for_each(|(byte, other)| *byte ^= other);
                }),
            },
            ValueRef::ZSet(zset) => zset.iter().for_each(|(member, score)| {
                let score = number::format_double(score);
                self.add_digest(member.with(|member| pair(member, score.as_bytes())));
            }),
            ValueRef::Hash(hash) => {
                let of_field = |field: Element<'_>, value: Element<'_>| {
                    field.with(|field| value.with(|value| pair(field, value)))
                };
                match hash.iter_timed() {
                    None => hash.iter().for_each(|(field, value)| self.add_digest(of_field(field, value))),
                    Some(timed) => timed.for_each(|(field, value, deadline)| {
                        let mut digest = of_field(field, value);
                        if deadline.is_some() {
                            digest.add(b"!!hexpire!!");
                        }
                        self.add_digest(digest);
                    }),
                }
            }
            ValueRef::Stream(stream) => stream.iter().for_each(|entry| {
                self.append(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                entry.fields.for_each(|(name, value)| {
                    self.append(name);
                    self.append(value);
                });
            }),
            ValueRef::Array(array) => {
                self.append(array.cursor().to_string().as_bytes());
                array.iter().for_each(|(index, element)| {
                    self.append(index.to_string().as_bytes());
                    element.with(|bytes| self.append(bytes));
                });
            }
            #[cfg(feature = "vector-sets")]
            ValueRef::VectorSet(set) => set.names().for_each(|name| {
                let vector = set.vector(name).map(|vector| vector.image().components);
                let mut element = pair(name, &vector.unwrap_or_else(|| Vec::new().into()));
                element.append(set.attributes(name).unwrap_or_default());
                self.add_digest(element);
            }),
        }
        if deadline.is_some() {
            self.add(b"!!expire!!");
        }
    }
}

fn pair(first: &[u8], second: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.append(first);
    digest.append(second);
    digest
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
