//! An interpreter of scripts, with those that it has compiled; and what it has in common with that of functions.
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use foldhash::fast::FixedState;
use redlet_core::script::{Caller, Script, Words};
use redlet_core::{Error, Reply, Result};

use crate::conversion::{to_reply, until_zero};
use crate::functions::push_words;
use crate::sandbox::{Sandbox, furnish, refuse_undefined};
use crate::settings::Settings;
use crate::state::{GLOBALS, Kept, Kind, Raise, Stack, State};

/// From so many compiled scripts on it is looked which of them are still there.
const COMPILED_AT_LEAST: usize = 1024;
/// Lua allows 200 calls of natives within each other.
const DEEPEST_NATIVES: i32 = 200;
/// What an interpreter may hold when nothing runs before all garbage is collected.
const IDLE_BYTES: usize = 4 << 20;

/// An interpreter with all that code finds in it.
#[derive(Debug)]
pub(crate) struct Furnished {
    state: State,
    sandbox: Sandbox,
    /// What makes an error out of whatever is raised.
    report: Kept,
    /// When nothing runs and it holds more bytes, all garbage is collected.
    collect_at_bytes: usize,
}

/// Why code has not answered.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused, or it answered with an error.
    Refused(Error),
    /// It raised this, at a place if that is known.
    Raised { text: String, place: Option<String> },
}

impl Failure {
    /// The error that a caller is told, in which code is called by a name.
    pub(crate) fn error(self, name: impl FnOnce() -> String, source: &str) -> Error {
        match self {
            Failure::Refused(error) => error,
            Failure::Raised { text, place } => {
                let place = place.unwrap_or_else(|| format!("@{source}"));
                Error::Refused(format!("{text} script: {}, on {place}.", name()).into())
            }
        }
    }
}

impl Furnished {
    /// An interpreter where code may hold so many bytes, and finds the table `redis` that is pushed.
    pub(crate) fn new(
        limit_bytes: usize,
        version: &str,
        settings: Settings,
        push_redis: fn(&mut Stack<'_>, &str),
    ) -> Self {
        let mut state = State::new(usize::MAX, settings);
        let sandbox = furnish(&mut state, |stack| push_redis(stack, version));
        let mut stack = state.stack();
        stack.push_native(report, 0);
        let report = stack.keep();
        // What code finds takes nothing from what it may have.
        state.set_limit(limit_bytes.saturating_add(state.used_bytes()));
        Self { state, sandbox, report, collect_at_bytes: IDLE_BYTES }
    }

    /// What it holds once its garbage is collected.
    pub(crate) fn held_bytes(&mut self) -> usize {
        self.state.stack().collect_garbage();
        self.state.used_bytes()
    }

    pub(crate) fn stack(&mut self) -> Stack<'_> {
        self.state.stack()
    }

    /// Keeps globals where there is nothing but the table `redis` that is pushed.
    pub(crate) fn globals_of(&mut self, push_redis: impl FnOnce(&mut Stack<'_>)) -> Kept {
        let Self { state, sandbox, .. } = self;
        let mut stack = state.stack();
        stack.push_table(0, 1);
        push_redis(&mut stack);
        sandbox.protect(&mut stack);
        stack.raw_set_field(-2, "redis");
        refuse_undefined(&mut stack);
        stack.keep()
    }

    /// Lets code see these globals from here on, or all that there are.
    pub(crate) fn show(&mut self, globals: Option<&Kept>) {
        let Self { state, sandbox, .. } = self;
        let mut stack = state.stack();
        stack.push_copy(GLOBALS);
        assert!(stack.push_metatable(-1), "what is in front of the globals has a metatable");
        stack.push_kept(globals.unwrap_or(&sandbox.globals));
        stack.raw_set_field(-2, "__index");
        stack.pop(2);
    }

    /// Lets code see what makes an error of whatever is raised, as scripts do in Redis.
    fn show_report(&mut self) {
        let Self { state, sandbox, report, .. } = self;
        let mut stack = state.stack();
        stack.push_kept(&sandbox.globals);
        stack.push_kept(report);
        stack.raw_set_field(-2, "__redis__err__handler");
        stack.pop(1);
    }

    /// Runs the function that is pushed, with arguments above it whose number is returned.
    ///
    /// # Errors
    /// What it answers with, what it raised, or what `push` refuses.
    pub(crate) fn execute(
        &mut self,
        caller: &mut dyn Caller,
        push: impl FnOnce(&mut Stack<'_>) -> Result<i32>,
    ) -> Result<Reply, Failure> {
        let Self { state, report, .. } = self;
        let result = state.with_caller(caller, |stack| {
            stack.push_kept(report);
            let result = push(stack).map_err(Failure::Refused).and_then(|arguments| {
                stack.call(arguments, 1, Some(1)).map_err(|raised| failure_on_top(stack, &raised))?;
                let protocol = stack.with_caller(|caller| caller.protocol()).unwrap_or_default();
                match to_reply(stack, -1, protocol) {
                    Ok(Reply::Error(error)) | Err(error) => Err(Failure::Refused(error)),
                    Ok(reply) => Ok(reply),
                }
            });
            stack.set_top(0);
            stack.settings().reset();
            stack.set_pace_of_collector();
            result
        });
        if self.state.used_bytes() > self.collect_at_bytes {
            self.state.stack().collect_garbage();
            self.collect_at_bytes = IDLE_BYTES.max(self.state.used_bytes() * 2);
        }
        result
    }
}

/// An interpreter of scripts.
#[derive(Debug)]
pub(crate) struct Scripts {
    lua: Furnished,
    /// By the address of the script, which belongs to nobody else as long as the script is known here.
    compiled: HashMap<usize, Compiled, FixedState>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Compiled {
    script: Weak<Script>,
    function: Kept,
}

impl Scripts {
    pub(crate) fn new(limit_bytes: usize, version: &str, settings: Settings) -> Self {
        let mut lua = Furnished::new(limit_bytes, version, settings, crate::redis_table::push_for_scripts);
        lua.show_report();
        Self { lua, compiled: HashMap::default(), sweep_at: COMPILED_AT_LEAST }
    }

    pub(crate) fn held_bytes(&mut self) -> usize {
        self.lua.held_bytes()
    }

    /// Compiles a script unless it is compiled.
    ///
    /// # Errors
    /// What is wrong with it, in Redis's words.
    pub(crate) fn compile(&mut self, script: &Arc<Script>) -> Result<()> {
        if self.compiled.contains_key(&(Arc::as_ptr(script) as usize)) {
            return Ok(());
        }
        if self.compiled.len() >= self.sweep_at {
            self.sweep();
        }
        let mut stack = self.lua.stack();
        let function = match stack.load(script.code(), c"@user_script") {
            Ok(()) => stack.keep(),
            Err(raised) => {
                let what = text_of_top(&mut stack, &raised);
                return Err(Error::Refused(
                    format!("ERR Error compiling script (new function): {what}").into(),
                ));
            }
        };
        let compiled = Compiled { script: Arc::downgrade(script), function };
        self.compiled.insert(Arc::as_ptr(script) as usize, compiled);
        Ok(())
    }

    /// Forgets scripts that are there no more.
    fn sweep(&mut self) {
        let mut stack = self.lua.stack();
        for (_, gone) in self.compiled.extract_if(|_, compiled| compiled.script.strong_count() == 0) {
            stack.forget(gone.function);
        }
        self.sweep_at = (self.compiled.len() * 2).max(COMPILED_AT_LEAST);
    }

    /// Runs a script.
    ///
    /// # Errors
    /// What it answers with, or what went wrong in it.
    pub(crate) fn run(
        &mut self,
        script: &Arc<Script>,
        words: Words<'_>,
        caller: &mut dyn Caller,
    ) -> Result<Reply> {
        self.compile(script)?;
        let globals = self.lua.sandbox.globals.again();
        let function = self.compiled.get(&(Arc::as_ptr(script) as usize)).map(|compiled| &compiled.function);
        let function = function.unwrap_or_else(|| unreachable!("it was compiled just before"));
        let result = self.lua.execute(caller, |stack| {
            stack.push_kept(&globals);
            for (name, words) in [("KEYS", words.keys), ("ARGV", words.args)] {
                push_words(stack, words);
                stack.raw_set_field(-2, name);
            }
            stack.pop(1);
            stack.push_kept(function);
            Ok(0)
        });
        result.map_err(|failure| failure.error(|| script.hash().to_string(), "user_script"))
    }
}

/// What was raised, as text.
pub(crate) fn text_of_top(stack: &mut Stack<'_>, _: &Raise) -> String {
    let text = stack.text(-1).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    stack.pop(1);
    text
}

/// Makes a table of whatever was raised: `err`, the text that a caller is told, and `source` and `line`, where it was raised.
fn report(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let own_text = (stack.kind(1) == Kind::Table).then(|| {
        stack.raw_get_field(1, "err");
        let text = stack.text(-1).map(Cow::into_owned);
        stack.pop(1);
        text.unwrap_or_else(|| {
            b"ERR a script raised a table without a field err, which would say why".to_vec()
        })
    });
    let text = own_text.unwrap_or_else(|| {
        let text = match stack.kind(1) {
            Kind::String | Kind::Number => stack.text(1).unwrap_or_default().into_owned(),
            Kind::Boolean => stack.boolean(1).to_string().into_bytes(),
            Kind::None | Kind::Nil => b"nil".to_vec(),
            other => format!("{}: {:p}", other.name(), stack.identity(1)).into_bytes(),
        };
        [b"ERR ", &text[..]].concat()
    });
    let level = (1..=DEEPEST_NATIVES).find(|level| !stack.is_native(*level)).unwrap_or(1);
    let place = stack.place(level);
    stack.push_table(0, 3);
    stack.push_bytes(until_zero(&text));
    stack.raw_set_field(-2, "err");
    if let Some(place) = place {
        stack.push_bytes(place.source);
        stack.raw_set_field(-2, "source");
        if let Some(line) = place.line {
            stack.push_number(line.into());
            stack.raw_set_field(-2, "line");
        }
    }
    // Of a script that has to end this is the end: it is not looked around again before the report is handed on.
    stack.set_work_left(stack.work_left().max(1));
    Ok(1)
}

/// What is on top, which [`report`] has made unless memory was wanting.
fn failure_on_top(stack: &mut Stack<'_>, raised: &Raise) -> Failure {
    if stack.kind(-1) != Kind::Table {
        let text = text_of_top(stack, raised);
        // A script that has to end gets no memory either.
        let text = stack.ask_for_work().map_or_else(Cow::into_owned, |_| text);
        return Failure::Raised { text: format!("ERR {text}"), place: None };
    }
    let mut field = |field: &str| {
        stack.raw_get_field(-1, field);
        let text = stack.text(-1).map(|text| String::from_utf8_lossy(&text).into_owned());
        stack.pop(1);
        text
    };
    let line = field("line").map_or_else(String::new, |line| format!(":{line}"));
    let place = field("source").map(|source| source + &line);
    Failure::Raised { text: field("err").unwrap_or_default(), place }
}
