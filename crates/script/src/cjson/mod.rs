//! What scripts find under `cjson`: Lua values as JSON, and back, as lua-cjson 2.1 has it.
//!
//! The grammar is not `serde_json`'s: it takes numbers that JSON has not, bytes that are no UTF-8 and whatever follows a zero byte, and its
//! errors name words of its own. So `tokens` cuts a text into words, `decode` makes values of them, `encode` writes values, and
//! `settings` says how.
mod decode;
mod encode;
mod settings;
mod tokens;

pub(crate) use settings::JsonSettings;

use crate::state::{Raise, Stack};

/// Pushes the table that all scripts have.
pub(crate) fn push(stack: &mut Stack<'_>) {
    stack.push_nil();
    push_functions(stack);
}

/// Takes the settings from the top and pushes a table of functions that heed them.
fn push_functions(stack: &mut Stack<'_>) {
    let settings = stack.top();
    stack.push_table(0, 16);
    let functions = [("encode", encode::encode as _), ("decode", decode::decode as _), ("new", new as _)];
    for (name, native) in functions.into_iter().chain(settings::FUNCTIONS) {
        stack.push_copy(settings);
        stack.push_native(native, 1);
        stack.raw_set_field(-2, name);
    }
    stack.push_null();
    stack.raw_set_field(-2, "null");
    for (name, text) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
        stack.push_bytes(text);
        stack.raw_set_field(-2, name);
    }
    stack.remove(settings);
}

/// `cjson.new`: the same functions with settings of their own.
fn new(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    JsonSettings::push_defaults(stack);
    push_functions(stack);
    Ok(1)
}
