//! Hashes whose fields were named once: HIMPORT.
//!
//! <https://redis.io/docs/latest/commands/himport/>
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::hash::HASH;
use super::{Args, Command, Flags, KeySpec, Spec, Talk, Write, table, wrong_arity};
use crate::engine::Engine;
use crate::session::Session;
use crate::tx::{Deadline, Tx};
use crate::types::Hash;
use crate::{Bytes, Error, Result};

table! {
    container HIMPORT, talk HImportDiscard, talk HImportDiscardAll, talk HImportPrepare, write HImportSet,
}

const HIMPORT: Spec = Spec {
    name: "HIMPORT",
    arity: -2,
    summary: "A container for commands that make hashes whose fields were named before.",
    complexity: "Depends on subcommand.",
    ..SPEC
};

const SPEC: Spec = Spec { since: "8.10.0", ..HASH };

/// The names of the fields of many hashes, in the order in which their values will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fieldset(Arc<[Bytes]>);

impl Fieldset {
    /// Fields of these names.
    ///
    /// # Errors
    /// Refused if there is none, or one twice.
    ///
    /// ```
    /// use redlet_core::cmd::hash_import::Fieldset;
    ///
    /// assert_eq!(Fieldset::new(["name", "email"])?.fields().len(), 2);
    /// assert!(Fieldset::new(["name", "name"]).is_err());
    /// # Ok::<(), redlet_core::Error>(())
    /// ```
    pub fn new(fields: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self> {
        let fields: Arc<[Bytes]> =
            fields.into_iter().map(|field| Bytes::copy_from_slice(field.as_ref())).collect();
        if fields.is_empty() {
            return Err(wrong_arity("HIMPORT|PREPARE"));
        }
        let mut seen = HashSet::with_capacity(fields.len());
        if !fields.iter().all(|field| seen.insert(&**field)) {
            return Err(Error::refused("ERR duplicate field name in fieldset"));
        }
        Ok(Self(fields))
    }

    /// The names.
    pub fn fields(&self) -> &[Bytes] {
        &self.0
    }
}

/// `HIMPORT PREPARE fieldset-name field [field ...]`
#[derive(Clone, Debug)]
pub struct HImportPrepare<'a> {
    /// What the caller calls the fieldset.
    pub name: &'a [u8],
    /// The names of its fields.
    pub fields: &'a [&'a [u8]],
}

impl<'a> Command<'a> for HImportPrepare<'a> {
    const SPEC: Spec = Spec {
        name: "HIMPORT PREPARE",
        arity: -4,
        flags: Flags::DENYOOM,
        tips: &["request_policy:all_shards"],
        summary: "Names the fields of hashes that the caller is going to make.",
        complexity: "O(N), N being the number of fields",
        syntax: "fieldset-name field [field ...]",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(HImportPrepare { name: args.bytes()?, fields: args.rest() })
    }
}

impl<'a> Talk<'a> for HImportPrepare<'a> {
    const LASTS: bool = true;

    fn talk(&self, _: &Engine, session: &mut Session) -> Result<()> {
        session.fieldsets_mut().insert(self.name, Fieldset::new(self.fields)?);
        Ok(())
    }
}

/// `HIMPORT DISCARD fieldset-name`
#[derive(Clone, Debug)]
pub struct HImportDiscard<'a> {
    /// What the caller calls the fieldset.
    pub name: &'a [u8],
}

impl<'a> Command<'a> for HImportDiscard<'a> {
    const SPEC: Spec = Spec {
        name: "HIMPORT DISCARD",
        arity: 3,
        tips: &["request_policy:all_shards"],
        summary: "Forgets names of fields that the caller has prepared.",
        complexity: "O(log(N)), N being the number of the caller's fieldsets",
        syntax: "fieldset-name",
        ..SPEC
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(HImportDiscard { name: args.bytes()? })
    }
}

impl<'a> Talk<'a> for HImportDiscard<'a> {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<bool> {
        Ok(session.fieldsets_mut().remove(self.name))
    }
}

super::bare! {
    /// `HIMPORT DISCARDALL`
    HImportDiscardAll -> usize, Spec {
        name: "HIMPORT DISCARDALL",
        arity: 2,
        tips: &["request_policy:all_shards"],
        summary: "Forgets all names of fields that the caller has prepared.",
        complexity: "O(N), N being the number of the caller's fieldsets",
        ..SPEC
    }
}

impl Talk<'_> for HImportDiscardAll {
    fn talk(&self, _: &Engine, session: &mut Session) -> Result<usize> {
        Ok(std::mem::take(session.fieldsets_mut()).len())
    }
}

/// The fields that values are of.
#[derive(Clone, Debug)]
pub enum FieldNames<'a> {
    /// What the caller has prepared under this name.
    Prepared(&'a [u8]),
    /// These.
    Given(Fieldset),
}

/// `HIMPORT SET key fieldset-name value [value ...]`
#[derive(Clone, Debug)]
pub struct HImportSet<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The fields.
    pub fields: FieldNames<'a>,
    /// Their values, in the same order.
    pub values: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for HImportSet<'a> {
    const SPEC: Spec = Spec {
        name: "HIMPORT SET",
        arity: -5,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(&["OW", "update"], 2, 0, 1)],
        summary: "Makes a hash of values whose fields the caller has named, in the place of the one that was there.",
        complexity: "O(N), N being the number of fields",
        syntax: "key fieldset-name value [value ...]",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, name) = (args.bytes()?, args.bytes()?);
        Ok(HImportSet { key, fields: FieldNames::Prepared(name), values: args.rest().into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for HImportSet<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<()> {
        let FieldNames::Given(fieldset) = &self.fields else {
            return Err(Error::refused("ERR no such fieldset"));
        };
        if self.values.len() != fieldset.fields().len() {
            return Err(Error::refused("ERR value count does not match the fieldset's field count"));
        }
        db.view().hash_at(self.key)?;
        let mut hash = db.build::<Hash>()?;
        for (field, value) in fieldset.fields().iter().zip(&*self.values) {
            hash.insert(field, value);
        }
        db.put(self.key, hash.into_value(), Deadline::Clear)
    }

    fn event(&self) -> Option<&'static str> {
        Some("hset")
    }

    const IS_SHORT: bool = true;

    fn in_full(&self, session: Option<&Session>) -> Option<Self> {
        let FieldNames::Prepared(name) = self.fields else { return None };
        let fieldset = session?.fieldsets().get(name)?.clone();
        Some(Self { fields: FieldNames::Given(fieldset), ..self.clone() })
    }
}
