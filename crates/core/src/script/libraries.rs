//! Libraries of functions, which stay with the store.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::ScriptFlags;
use crate::effect::Blob;
use crate::{Error, Result};

/// A library: code that registers functions when it is loaded.
#[derive(Debug)]
pub struct Library {
    name: String,
    code: Box<[u8]>,
    /// Where the code begins that is the language's, after the first line's words.
    code_at: usize,
    functions: OnceLock<BTreeMap<String, Function>>,
}

/// What is known of a function before it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// What it is for.
    pub description: Option<Vec<u8>>,
    /// How it wants to be run.
    pub flags: ScriptFlags,
}

impl Library {
    /// A library whose functions are not known yet.
    ///
    /// # Errors
    /// In Redis's words, if its first line is not one.
    pub(crate) fn new(code: &[u8]) -> Result<Self> {
        let (name, code_at) = super::shebang::of_library(code)?;
        Ok(Self { name, code: code.into(), code_at, functions: OnceLock::new() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it was given.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// The code in its language, whose first line is the library's.
    pub fn body(&self) -> &[u8] {
        &self.code[self.code_at..]
    }

    /// Its functions by name.
    pub fn functions(&self) -> &BTreeMap<String, Function> {
        static NONE: BTreeMap<String, Function> = BTreeMap::new();
        self.functions.get().unwrap_or(&NONE)
    }

    /// These are its functions. Said once.
    pub(crate) fn set_functions(&self, functions: BTreeMap<String, Function>) {
        let result = self.functions.set(functions);
        debug_assert!(result.is_ok(), "a library is loaded once");
    }
}

/// Whether a name may be a library's or a function's.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// All libraries, and their functions by name. A change makes another one, so whoever looks at it may take the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Libraries {
    by_name: BTreeMap<String, Arc<Library>>,
    /// By the name in lower case: the library, and the name as it was registered.
    functions: HashMap<String, (Arc<Library>, String)>,
}

impl Libraries {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Library>> {
        self.by_name.get(name)
    }

    /// The library of a function, and the function's name as it was registered.
    pub(crate) fn function(&self, name: &[u8]) -> Option<&(Arc<Library>, String)> {
        self.functions.get(&std::str::from_utf8(name).ok()?.to_ascii_lowercase())
    }

    /// In the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Library>> {
        self.by_name.values()
    }

    /// How many libraries, and how many functions in them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.by_name.len(), self.iter().map(|library| library.functions().len()).sum())
    }

    /// What their code takes, in bytes.
    pub(crate) fn code_bytes(&self) -> usize {
        self.iter().map(|library| library.code().len()).sum()
    }

    /// Adds a library in the place of one of the same name.
    ///
    /// # Errors
    /// If another library has a function of the same name as one of its own.
    pub(crate) fn put(&mut self, library: &Arc<Library>) -> Result<()> {
        for name in library.functions().keys() {
            let known = self.function(name.as_bytes());
            if known.is_some_and(|(other, _)| other.name() != library.name()) {
                return Err(Error::Refused(format!("ERR Function {name} already exists").into()));
            }
        }
        self.remove(library.name());
        for name in library.functions().keys() {
            self.functions.insert(name.to_ascii_lowercase(), (Arc::clone(library), name.clone()));
        }
        self.by_name.insert(library.name().to_owned(), Arc::clone(library));
        Ok(())
    }

    /// Takes a library away; false if it is not there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(library) = self.by_name.remove(name) else { return false };
        self.functions.retain(|_, (of, _)| !Arc::ptr_eq(of, &library));
        true
    }
}

/// What happened to libraries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LibraryChange<'a> {
    /// A library came, in the place of one of the same name.
    Put {
        /// All of it.
        #[serde(borrow)]
        code: Blob<'a>,
        /// What it registered when it was loaded: names, descriptions, and flags as bits in the order of [`ScriptFlags::NAMES`].
        #[serde(borrow)]
        functions: Vec<(Blob<'a>, Option<Blob<'a>>, u8)>,
    },
    /// A library is gone.
    Delete {
        /// Its name.
        #[serde(borrow)]
        name: Blob<'a>,
    },
    /// All are gone.
    Clear,
}

impl LibraryChange<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> LibraryChange<'static> {
        match self {
            LibraryChange::Put { code, functions } => LibraryChange::Put {
                code: code.into_owned(),
                functions: functions
                    .into_iter()
                    .map(|(name, description, flags)| {
                        (name.into_owned(), description.map(Blob::into_owned), flags)
                    })
                    .collect(),
            },
            LibraryChange::Delete { name } => LibraryChange::Delete { name: name.into_owned() },
            LibraryChange::Clear => LibraryChange::Clear,
        }
    }

    /// The libraries after it.
    ///
    /// # Errors
    /// If it is about libraries that nobody could have loaded.
    pub(crate) fn apply(&self, libraries: &mut Libraries) -> Result<()> {
        match self {
            LibraryChange::Clear => *libraries = Libraries::default(),
            LibraryChange::Delete { name } => drop(libraries.remove(&String::from_utf8_lossy(name))),
            LibraryChange::Put { code, functions } => {
                let library = Library::new(code)?;
                let function = |(name, description, flags): &(Blob<'_>, Option<Blob<'_>>, u8)| {
                    let description = description.as_ref().map(|text| text.to_vec());
                    let flags = ScriptFlags::from_bits(*flags);
                    (String::from_utf8_lossy(name).into_owned(), Function { description, flags })
                };
                library.set_functions(functions.iter().map(function).collect());
                libraries.put(&Arc::new(library))?;
            }
        }
        Ok(())
    }
}

impl<'a> From<&'a Library> for LibraryChange<'a> {
    fn from(library: &'a Library) -> Self {
        let functions = library.functions().iter().map(|(name, function)| {
            let description = function.description.as_deref().map(Blob::from);
            (name.as_bytes().into(), description, function.flags.bits())
        });
        LibraryChange::Put { code: library.code().into(), functions: functions.collect() }
    }
}
