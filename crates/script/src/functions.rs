//! The interpreter of functions: there is one for a store, because what a library keeps between two calls is one.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use redlet_core::script::{Caller, Function, Library, Words};
use redlet_core::{Error, Reply, Result};

use crate::interpreter::{Failure, Furnished, text_of_top};
use crate::redis_table;
use crate::registration::Registration;
use crate::settings::Settings;
use crate::state::{Kept, Stack};

#[derive(Debug)]
pub(crate) struct Functions {
    lua: Furnished,
    /// What a library sees while it is loaded.
    globals_at_load: Kept,
    /// By the address of the library, which belongs to nobody else as long as the library is known here.
    loaded: HashMap<usize, Loaded>,
}

#[derive(Debug)]
struct Loaded {
    library: Weak<Library>,
    functions: HashMap<String, Kept>,
}

impl Functions {
    pub(crate) fn new(limit_bytes: usize, version: &str, settings: Settings) -> Self {
        let mut lua = Furnished::new(limit_bytes, version, settings, redis_table::push_for_functions);
        let globals_at_load = lua.globals_of(|stack| redis_table::push_for_loading(stack, version));
        Self { lua, globals_at_load, loaded: HashMap::new() }
    }

    pub(crate) fn held_bytes(&mut self) -> usize {
        self.lua.held_bytes()
    }

    /// Loads a library: runs its code.
    ///
    /// # Errors
    /// What is wrong with it, in Redis's words.
    pub(crate) fn load(
        &mut self,
        library: &Arc<Library>,
        caller: &mut dyn Caller,
    ) -> Result<BTreeMap<String, Function>> {
        self.forget_replaced();
        let Self { lua, globals_at_load, .. } = self;
        lua.show(Some(globals_at_load));
        let result = lua.execute(caller, |stack| {
            stack.settings().registrations().begin();
            match stack.load(library.body(), c"@user_function") {
                Ok(()) => Ok(0),
                Err(raised) => {
                    let what = text_of_top(stack, &raised);
                    Err(Error::Refused(format!("ERR Error compiling function: {what}").into()))
                }
            }
        });
        lua.show(None);
        let registered = lua.stack().settings().registrations().end();
        let refusal = match result {
            Ok(_) => None,
            Err(Failure::Refused(refusal)) => Some(refusal),
            Err(Failure::Raised { text, .. }) => {
                Some(Error::Refused(format!("ERR Error registering functions: {text}").into()))
            }
        };
        if let Some(refusal) = refusal {
            let mut stack = lua.stack();
            registered.into_iter().for_each(|registration| stack.forget(registration.callback));
            return Err(refusal);
        }
        let (mut known, mut functions) = (BTreeMap::new(), HashMap::new());
        for Registration { name, function, callback } in registered {
            known.insert(name.clone(), function);
            functions.insert(name, callback);
        }
        let loaded = Loaded { library: Arc::downgrade(library), functions };
        self.loaded.insert(Arc::as_ptr(library) as usize, loaded);
        Ok(known)
    }

    /// Forgets libraries that are there no more.
    fn forget_replaced(&mut self) {
        let mut stack = self.lua.stack();
        for (_, gone) in self.loaded.extract_if(|_, loaded| loaded.library.strong_count() == 0) {
            gone.functions.into_values().for_each(|function| stack.forget(function));
        }
    }

    /// Runs a function.
    ///
    /// # Errors
    /// What it answers with, or what went wrong in it.
    pub(crate) fn run(
        &mut self,
        (library, name): (&Arc<Library>, &str),
        words: Words<'_>,
        caller: &mut dyn Caller,
    ) -> Result<Reply> {
        let address = Arc::as_ptr(library) as usize;
        if !self.loaded.contains_key(&address) {
            self.load(library, caller)?;
        }
        let function = self.loaded.get(&address).and_then(|loaded| loaded.functions.get(name));
        let function = function.ok_or_else(|| Error::Refused("ERR Function not found".into()))?;
        let result = self.lua.execute(caller, |stack| {
            stack.push_kept(function);
            push_words(stack, words.keys);
            push_words(stack, words.args);
            Ok(2)
        });
        result.map_err(|failure| failure.error(|| name.to_owned(), "user_function"))
    }
}

/// Pushes a table of words.
pub(crate) fn push_words(stack: &mut Stack<'_>, words: &[&[u8]]) {
    stack.push_table(words.len(), 0);
    for (word, index) in words.iter().zip(1..) {
        stack.push_bytes(word);
        stack.raw_set_at(-2, index);
    }
}
