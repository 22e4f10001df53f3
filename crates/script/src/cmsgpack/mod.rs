//! What scripts find under `cmsgpack`: Lua values as `MessagePack`, and back, as lua-cmsgpack 0.4 has it.
//!
//! Headers and numbers are crate rmp's. What is an array, how deep tables go and what is refused is Redis's.
mod pack;
mod unpack;

use crate::state::{Native, Stack};

/// Pushes the table.
pub(crate) fn push(stack: &mut Stack<'_>) {
    const FUNCTIONS: [(&str, Native); 4] = [
        ("pack", pack::pack),
        ("unpack", unpack::unpack),
        ("unpack_one", unpack::unpack_one),
        ("unpack_limit", unpack::unpack_limit),
    ];
    const TEXTS: [(&str, &str); 4] = [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ];
    stack.push_table(0, FUNCTIONS.len() + TEXTS.len());
    for (name, native) in FUNCTIONS {
        stack.push_native(native, 0);
        stack.raw_set_field(-2, name);
    }
    for (name, text) in TEXTS {
        stack.push_bytes(text);
        stack.raw_set_field(-2, name);
    }
}
