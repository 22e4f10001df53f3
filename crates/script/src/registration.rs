//! `redis.register_function`: what a library is loaded for.
use std::cell::RefCell;

use redlet_core::script::{Function, is_name};

use crate::redis_table::raise_error;
use crate::state::{Kept, Kind, Raise, Stack};

/// A function that was registered.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) name: String,
    pub(crate) function: Function,
    pub(crate) callback: Kept,
}

/// The functions that the library which is being loaded has registered so far.
#[derive(Debug, Default)]
pub(crate) struct Registrations(RefCell<Vec<Registration>>);

impl Registrations {
    /// A library is loaded from here on.
    pub(crate) fn begin(&self) {
        self.0.borrow_mut().clear();
    }

    /// The library is loaded.
    pub(crate) fn end(&self) -> Vec<Registration> {
        self.0.take()
    }

    fn has(&self, name: &str) -> bool {
        self.0.borrow().iter().any(|registration| registration.name == name)
    }
}

/// `redis.register_function(name, callback)` and `redis.register_function{…}`
pub(crate) fn register_function(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let refusal = match stack.top() {
        1 if stack.kind(1) == Kind::Table => register_named(stack).err(),
        1 => Some(
            "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named \
             arguments).",
        ),
        2 => register_plain(stack).err(),
        _ => Some("ERR wrong number of arguments to redis.register_function"),
    };
    match refusal {
        Some(refusal) => Err(raise_error(stack, refusal)),
        None => Ok(0),
    }
}

fn register_plain(stack: &mut Stack<'_>) -> Result<(), &'static str> {
    let name =
        stack.text(1).ok_or("ERR first argument to redis.register_function must be a string")?.into_owned();
    if stack.kind(2) != Kind::Function {
        return Err("ERR second argument to redis.register_function must be a function");
    }
    register(stack, name, Function::default())
}

/// Registers the function on top.
fn register(stack: &mut Stack<'_>, name: Vec<u8>, function: Function) -> Result<(), &'static str> {
    let name = String::from_utf8(name).ok().filter(|name| is_name(name.as_bytes())).ok_or(
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    )?;
    if stack.settings().registrations().has(&name) {
        return Err("ERR Function already exists in the library");
    }
    let callback = stack.keep();
    stack.settings().registrations().0.borrow_mut().push(Registration { name, function, callback });
    Ok(())
}

fn register_named(stack: &mut Stack<'_>) -> Result<(), &'static str> {
    let (mut name, mut function, mut has_callback) = (None, Function::default(), false);
    // The callback has its place on top of the table.
    stack.push_nil();
    stack.push_nil();
    while stack.next(1) {
        let key = stack
            .text(-2)
            .ok_or("ERR named argument key given to redis.register_function is not a string")?;
        match key.to_ascii_lowercase().as_slice() {
            b"function_name" => {
                let text = stack
                    .text(-1)
                    .ok_or("ERR function_name argument given to redis.register_function must be a string")?;
                name = Some(text.into_owned());
            }
            b"description" => {
                let text = stack
                    .text(-1)
                    .ok_or("ERR description argument given to redis.register_function must be a string")?;
                function.description = Some(text.into_owned());
            }
            b"callback" => {
                if stack.kind(-1) != Kind::Function {
                    return Err("ERR callback argument given to redis.register_function must be a function");
                }
                stack.push_copy(-1);
                stack.replace(2);
                has_callback = true;
            }
            b"flags" => {
                if stack.kind(-1) != Kind::Table {
                    return Err(
                        "ERR flags argument to redis.register_function must be a table representing function flags",
                    );
                }
                read_flags(stack, &mut function)?;
            }
            _ => return Err("ERR unknown argument given to redis.register_function"),
        }
        stack.pop(1);
    }
    let name = name.ok_or("ERR redis.register_function must get a function name argument")?;
    if !has_callback {
        return Err("ERR redis.register_function must get a callback argument");
    }
    stack.push_copy(2);
    register(stack, name, function)
}

/// Reads the flags in the table on top, up to the first nil.
fn read_flags(stack: &mut Stack<'_>, function: &mut Function) -> Result<(), &'static str> {
    let table = stack.absolute(-1);
    for index in 1.. {
        stack.raw_get_at(table, index);
        let is_end = stack.kind(-1) == Kind::Nil;
        let is_known = is_end || stack.bytes(-1).is_some_and(|flag| function.flags.set(flag));
        stack.pop(1);
        if !is_known {
            return Err("ERR unknown flag given");
        }
        if is_end {
            break;
        }
    }
    Ok(())
}
