//! What scripts find in an interpreter, and what they cannot change in it.
//!
//! Lua 5.1 has no tables that are read-only. A protected table is an empty one in front of the real one: what is read comes from
//! behind it, what is written is refused. The few functions that would write past that are replaced.
use std::borrow::Cow;
use std::ffi::CString;

use crate::integers::to_i32;
use crate::state::{
    GLOBALS, Guard, Guarded, Kept, Kind, Library, Native, Raise, Stack, State, WORK_OF_A_CALL,
};
use crate::{bit, bounded, cjson, cmsgpack, packed_struct, random};

const READ_ONLY: &str = "Attempt to modify a readonly table";

/// Those of Lua's own globals that scripts have as they are.
const OWN: [&str; 15] = [
    "_VERSION",
    "assert",
    "collectgarbage",
    "coroutine",
    "error",
    "gcinfo",
    "ipairs",
    "math",
    "rawequal",
    "select",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
];
/// Libraries, as scripts know them: protected.
const LIBRARIES: [&str; 5] = ["coroutine", "math", "os", "string", "table"];

/// Libraries that Lua has not, with what pushes their tables: protected, too.
const ADDED: [(&str, fn(&mut Stack<'_>)); 4] = [
    ("bit", bit::push),
    ("cjson", cjson::push),
    ("cmsgpack", cmsgpack::push),
    ("struct", packed_struct::push),
];

/// The values that a sandbox is made of.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The globals behind the protected table.
    pub(crate) globals: Kept,
    /// The real tables by the protected ones.
    protected: Kept,
}

impl Sandbox {
    /// Replaces the table on top by a protected one in front of it.
    pub(crate) fn protect(&self, stack: &mut Stack<'_>) {
        let real = stack.top();
        stack.push_kept(&self.protected);
        stack.push_copy(real);
        protect(stack, real + 1);
        stack.replace(real);
        stack.set_top(real);
    }
}

/// Makes the globals of an interpreter: all that is loaded from here on has them.
pub(crate) fn furnish(state: &mut State, push_redis: impl FnOnce(&mut Stack<'_>)) -> Sandbox {
    use Library::{Base, Math, Os, String, Table};
    [Base, Table, String, Math, Os].into_iter().for_each(|library| state.open(library));
    let stack = &mut state.stack();
    stack.push_table(0, 48);
    let globals = stack.top();
    for name in OWN.into_iter().chain(LIBRARIES) {
        stack.raw_get_field(GLOBALS, name);
        stack.raw_set_field(globals, name);
    }
    keep_only(stack, globals, "os", &["clock"]);
    // What protects tables is known to the functions that would not heed it.
    stack.push_table(0, 16);
    let protected = stack.top();
    let knowing: [(&str, Guard); 5] = [
        ("getmetatable", look_behind),
        ("next", look_behind),
        ("rawget", look_behind),
        ("rawset", refuse_entry),
        ("setmetatable", refuse_metatable),
    ];
    for (name, guard) in knowing {
        push_knowing(stack, GLOBALS, (name, guard), protected);
        stack.raw_set_field(globals, name);
    }
    stack.raw_get_field(GLOBALS, "next");
    stack.raw_get_field(globals, "next");
    stack.push_copy(protected);
    stack.push_native(pairs, 3);
    stack.raw_set_field(globals, "pairs");
    let natives: [(&str, Native); 3] = [("load", load), ("loadstring", loadstring), ("pcall", pcall)];
    for (name, native) in natives {
        stack.push_native(native, 0);
        stack.raw_set_field(globals, name);
    }
    stack.raw_get_field(globals, "table");
    push_knowing(stack, -1, ("insert", table_insert), protected);
    stack.raw_set_field(-2, "insert");
    bounded::install_tables(stack);
    stack.raw_get_field(globals, "string");
    bounded::install_strings(stack);
    stack.push_copy(globals);
    bounded::install_globals(stack);
    stack.pop(3);
    stack.raw_get_field(globals, "math");
    random::install(stack);
    stack.pop(1);
    push_redis(stack);
    stack.raw_set_field(globals, "redis");
    for (name, push) in ADDED {
        push(stack);
        stack.raw_set_field(globals, name);
    }

    for name in LIBRARIES.into_iter().chain(ADDED.map(|(name, _)| name)).chain(["redis"]) {
        stack.raw_get_field(globals, name);
        protect(stack, protected);
        stack.raw_set_field(globals, name);
    }
    hide_metatable_of_strings(stack, globals, protected);
    // Whoever asks for a global that is not there is told.
    for _ in 0..2 {
        stack.push_table(0, 2);
        stack.push_native(undefined_global, 0);
        stack.raw_set_field(-2, "__index");
    }
    protect(stack, protected);
    stack.raw_set_field(-2, "__metatable");
    stack.set_metatable(globals);
    stack.push_copy(globals);
    protect(stack, protected);
    stack.push_copy(-1);
    stack.raw_set_field(globals, "_G");
    stack.replace(GLOBALS);
    let [globals, protected] = [globals, protected].map(|place| {
        stack.push_copy(place);
        stack.keep()
    });
    stack.set_top(0);
    Sandbox { globals, protected }
}

/// Leaves only some of a library.
fn keep_only(stack: &mut Stack<'_>, globals: i32, library: &str, names: &[&str]) {
    stack.push_table(0, names.len());
    stack.raw_get_field(globals, library);
    for name in names {
        stack.raw_get_field(-1, name);
        stack.raw_set_field(-3, name);
    }
    stack.pop(1);
    stack.raw_set_field(globals, library);
}

/// Pushes a function of a table with a guard before it that knows what is protected.
fn push_knowing(stack: &mut Stack<'_>, table: i32, (name, guard): (&str, Guard), protected: i32) {
    stack.raw_get_field(table, name);
    let function = stack.lua_function(-1).unwrap_or_else(|| unreachable!("Lua has a function {name}"));
    stack.pop(1);
    stack.push_copy(protected);
    stack.push_guarded(guard, function, 1);
}

/// Replaces the table on top by a protected one in front of it.
fn protect(stack: &mut Stack<'_>, protected: i32) {
    let real = stack.top();
    stack.push_table(0, 0);
    stack.push_table(0, 2);
    stack.push_copy(real);
    stack.raw_set_field(-2, "__index");
    stack.push_native(refuse_change, 0);
    stack.raw_set_field(-2, "__newindex");
    stack.set_metatable(-2);
    stack.push_copy(-1);
    stack.push_copy(real);
    stack.raw_set(protected);
    stack.remove(real);
}

/// `getmetatable("")` answers with a protected table that has the protected library.
fn hide_metatable_of_strings(stack: &mut Stack<'_>, globals: i32, protected: i32) {
    stack.push_bytes("");
    assert!(stack.push_metatable(-1), "strings have a metatable");
    stack.push_table(0, 1);
    stack.raw_get_field(globals, "string");
    stack.raw_set_field(-2, "__index");
    protect(stack, protected);
    stack.raw_set_field(-2, "__metatable");
    stack.pop(2);
}

/// Has whoever asks for what is not in the table on top be told.
pub(crate) fn refuse_undefined(stack: &mut Stack<'_>) {
    stack.push_table(0, 2);
    stack.push_native(undefined_global, 0);
    stack.raw_set_field(-2, "__index");
    stack.push_boolean(false);
    stack.raw_set_field(-2, "__metatable");
    stack.set_metatable(-2);
}

/// `__index` of the globals.
fn undefined_global(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let Some(name) = stack.text(2).map(Cow::into_owned) else {
        return Err(stack.raise_here("Second argument to luaProtectedTableError must be a string or number"));
    };
    let message = [b"Script attempted to access nonexistent global variable '", &name[..], b"'"].concat();
    Err(stack.raise_here(message))
}

/// `__newindex` of protected tables.
fn refuse_change(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    Err(stack.raise_here(READ_ONLY))
}

/// The tables behind the protected ones, for functions that know of them.
const PROTECTED: i32 = Stack::upvalue(2);

/// Pushes the table behind the one at a place; pushes nothing if that is not protected.
fn push_behind(stack: &mut Stack<'_>, place: i32) -> bool {
    if stack.kind(place) != Kind::Table {
        return false;
    }
    stack.push_copy(place);
    stack.raw_get(PROTECTED);
    let is_protected = stack.kind(-1) == Kind::Table;
    if !is_protected {
        stack.pop(1);
    }
    is_protected
}

/// Refuses to change a protected table, if the arguments are otherwise such that it would be changed.
fn refuse_protected(stack: &mut Stack<'_>, would_change: bool) -> Result<Guarded, Raise> {
    if would_change && push_behind(stack, 1) { Err(stack.raise(READ_ONLY)) } else { Ok(Guarded::Runs) }
}

/// Before `rawset`.
fn refuse_entry(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    let is_entry = stack.top() >= 3;
    refuse_protected(stack, is_entry)
}

/// Before `setmetatable`.
fn refuse_metatable(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    let is_metatable = matches!(stack.kind(2), Kind::Nil | Kind::Table);
    refuse_protected(stack, is_metatable)
}

/// Before functions that read: they find what is behind a protected table.
fn look_behind(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    if push_behind(stack, 1) {
        stack.replace(1);
    }
    Ok(Guarded::Runs)
}

/// Iterates over protected tables with the `next` that knows of them, and over others with Lua's own, which is faster.
fn pairs(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    const LUAS_NEXT: i32 = Stack::upvalue(1);
    const NEXT: i32 = Stack::upvalue(2);
    const PROTECTED: i32 = Stack::upvalue(3);
    stack.check_table(1)?;
    stack.push_copy(1);
    stack.raw_get(PROTECTED);
    let next = if stack.kind(-1) == Kind::Table { NEXT } else { LUAS_NEXT };
    stack.push_copy(next);
    stack.push_copy(1);
    stack.push_nil();
    Ok(3)
}

/// `table.insert`, which moves what is above, however far that is: a table can say that it is long without being large.
fn table_insert(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    /// Lua moves so many in 100 microseconds or so.
    const FAR: i64 = 4096;
    refuse_protected(stack, true)?;
    let end = stack.length(1) as i64 + 1;
    if (stack.kind(1), stack.top()) != (Kind::Table, 3) {
        return Ok(Guarded::Runs);
    }
    let Some(at) = stack.number_of_any(2).map(|at| i64::from(to_i32(at))) else {
        return Ok(Guarded::Runs);
    };
    let (Ok(from), Ok(to)) = (i32::try_from(at), i32::try_from(end)) else { return Ok(Guarded::Runs) };
    if end - at < FAR {
        return Ok(Guarded::Runs);
    }
    bounded::move_up(stack, 1, from, to)?;
    stack.raw_set_at(1, from);
    Ok(Guarded::Done(0))
}

/// `pcall`. Of an error that is a table with a text, as Redis's own are, the text is returned.
fn pcall(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() == 0 {
        stack.push_boolean(false);
        stack.push_bytes("attempt to call a boolean value");
        return Ok(2);
    }
    let arguments = stack.top() - 1;
    // Below the results, of which there may be as many as there are slots.
    stack.push_boolean(true);
    stack.insert(1);
    if stack.call(arguments, -1, None).is_err() {
        if stack.kind(-1) == Kind::Table {
            stack.raw_get_field(-1, "err");
            if matches!(stack.kind(-1), Kind::String | Kind::Number) {
                stack.insert(-2);
            }
            stack.pop(1);
        }
        stack.push_boolean(false);
        stack.replace(1);
    }
    Ok(stack.top() as usize)
}

/// Pushes the function that a source is, or nil and what is wrong with it.
fn push_loaded(stack: &mut Stack<'_>, source: &[u8], name: &[u8]) -> usize {
    let name: Vec<u8> = name.iter().copied().take_while(|&byte| byte != 0).collect();
    if stack.load(source, &CString::new(name).unwrap_or_default()).is_ok() {
        return 1;
    }
    stack.push_nil();
    stack.insert(-2);
    2
}

fn loadstring(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let source = stack.check_text(1)?.into_owned();
    let name = match stack.kind(2) {
        Kind::None | Kind::Nil => source.clone(),
        _ => stack.check_text(2)?.into_owned(),
    };
    Ok(push_loaded(stack, &source, &name))
}

fn load(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.kind(1) != Kind::Function {
        return Err(stack.wrong_kind(1, "function"));
    }
    let name = match stack.kind(2) {
        Kind::None | Kind::Nil => b"=(load)".to_vec(),
        _ => stack.check_text(2)?.into_owned(),
    };
    let mut source = Vec::new();
    loop {
        stack.push_copy(1);
        let refusal = match stack.call(0, 1, None) {
            Err(_) => None,
            Ok(()) if matches!(stack.kind(-1), Kind::Nil) => break,
            Ok(()) => match stack.text(-1) {
                Some(piece) if piece.is_empty() => break,
                Some(piece) if source.len() + piece.len() <= stack.free_bytes() => {
                    source.extend_from_slice(&piece);
                    stack.pop(1);
                    stack.spend(WORK_OF_A_CALL)?;
                    continue;
                }
                Some(_) => Some("not enough memory"),
                None => Some("reader function must return a string"),
            },
        };
        if let Some(refusal) = refusal {
            stack.push_bytes(refusal);
        }
        stack.push_nil();
        stack.insert(-2);
        return Ok(2);
    }
    Ok(push_loaded(stack, &source, &name))
}
