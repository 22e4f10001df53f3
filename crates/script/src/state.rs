//! An interpreter of Lua 5.1 behind calls that cannot be misused: the only file that speaks to its C interface.
//!
//! mlua's own safe layer does the same for everybody; it takes 1300 ns for a script with one call and 570 ns for each further call, and this
//! one 250 and 110, because it keeps no references and enters no protected call for each string.
//!
//! # Why it is sound
//!
//! Lua leaves C functions by `longjmp` when it raises an error, and Rust must not be left in that way while it owns something. So
//!
//! - **nothing that Rust calls raises.** What Lua raises by itself is want of memory, and while Rust runs, the allocator grants
//!   everything ([`Context::lenient`]); what else could raise (metamethods, concatenation, comparison) is not called at all, or within
//!   [`Stack::call`], where Lua catches it.
//! - **Rust raises from frames that own nothing.** A [`Native`] returns [`Raise`]; [`trampoline`] has dropped all by then, and only
//!   then raises, because of that or because the limit of memory was passed meanwhile.
//! - **Borrows end before Lua may move.** Bytes of a string are lent by `&Stack`, and whatever could free or move them takes `&mut Stack`.
//! - **A panic does not pass through Lua:** [`trampoline`] keeps it, and [`Stack::call`] lets it go on outside.
#![expect(unsafe_code, reason = "an interpreter in C; see above")]

use std::alloc::Layout;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use mlua_sys as ffi;
use redlet_core::script::Caller;

use crate::number_text::number_text;
use crate::patterns::{Pattern, ReadPatterns};
use crate::settings::Settings;

/// A function in Rust that scripts call: its arguments are the whole stack, and it says how many results it left on top.
pub(crate) type Native = fn(&mut Stack<'_>) -> Result<usize, Raise>;

/// A function in Rust that has functions of the script called between its steps, where errors pass as if Lua had called them. Its stack
/// stays from step to step; what was called last has left its result on top.
pub(crate) type Stepping = fn(&mut Stack<'_>, Step) -> Result<Next, Raise>;

/// Which step of a [`Stepping`] function this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    First,
    Further,
}

/// What a [`Stepping`] function wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// To return so many results from the top.
    Return(usize),
    /// That a function is called with so many arguments, all of which are on top. There is one result.
    Call(i32),
    /// That the key on top and the value below it are replaced by what that has there, with metamethods.
    Index,
}

/// Looks at the arguments before one of Lua's own functions has them, and may take its place.
pub(crate) type Guard = fn(&mut Stack<'_>) -> Result<Guarded, Raise>;

/// What becomes of a call that a [`Guard`] has looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guarded {
    /// The function runs, with what the guard has left on the stack.
    Runs,
    /// The guard has done it, and left so many results on top.
    Done(usize),
}

/// One of Lua's own functions, which has no upvalues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LuaFunction(ffi::lua_CFunction);

/// The value on top of the stack is raised as an error.
#[derive(Debug)]
pub(crate) struct Raise(());

/// What kind a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is no value at that place.
    None,
    Nil,
    Boolean,
    Pointer,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

impl Kind {
    /// As Lua's messages have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::None => "no value",
            Kind::Nil => "nil",
            Kind::Boolean => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Table => "table",
            Kind::Function => "function",
            Kind::Pointer | Kind::Userdata => "userdata",
            Kind::Thread => "thread",
        }
    }
}

/// Where in a script something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name of the chunk, as it was loaded: `@user_script`.
    pub(crate) source: String,
    /// The same as messages have it: `user_script`.
    pub(crate) short_source: String,
    /// From 1 on; nothing where it is not known.
    pub(crate) line: Option<u32>,
}

/// The globals of functions that are loaded from here on.
pub(crate) const GLOBALS: i32 = ffi::LUA_GLOBALSINDEX;
/// A table that scripts cannot reach.
pub(crate) const REGISTRY: i32 = ffi::LUA_REGISTRYINDEX;

/// After so many instructions it is seen whether a script has done [`WORK_BETWEEN_LOOKS`].
const INSTRUCTIONS_BETWEEN_TICKS: c_int = 1000;
/// What that many instructions are in the unit of work.
const WORK_OF_A_TICK: usize = 3000;
/// What a call of a function is that does next to nothing.
pub(crate) const WORK_OF_A_CALL: usize = 50;
/// So much work passes before a script is interrupted for a look around. The unit is about a nanosecond's; natives, the allocator and the
/// collector spend of it what takes them long.
const WORK_BETWEEN_LOOKS: usize = 1 << 20;
/// Blocks from this size on cost work: they are copied, and the system makes pages for them.
const LARGE_BLOCK: usize = 1 << 14;
/// So many bytes of a large block are made, copied or swept in a unit of work.
const BYTES_A_UNIT: usize = 8;
/// Lua has slots for so many values beside the arguments when it calls a native, even where it would give no others.
const SLOTS_AT_LEAST: c_int = ffi::LUA_MINSTACK;
const OUT_OF_MEMORY: &CStr = c"not enough memory";
/// So much garbage there is at least when it is collected, unless memory is short.
const GARBAGE_AT_LEAST: usize = 1 << 20;
/// Blocks are aligned for whatever Lua keeps in them.
const ALIGNMENT: usize = 16;

/// What belongs to an interpreter beside its values. Lua hands its address to the allocator, and thereby everywhere.
struct Context {
    /// The bytes that the interpreter holds.
    used: Cell<usize>,
    /// The bytes that it may hold.
    limit: Cell<usize>,
    /// Rust runs, and no Lua that it has called: memory is granted without regard to the limit.
    lenient: Cell<bool>,
    /// Whom scripts call.
    caller: Cell<Option<NonNull<dyn Caller>>>,
    /// The work until the next look around.
    work_left: Cell<usize>,
    /// From so many bytes on, all garbage is collected. Lua would go on to twice what is in use, and past the limit.
    collect_at: Cell<usize>,
    /// A panic on its way out.
    panic: Cell<Option<Box<dyn Any + Send>>>,
    patterns: RefCell<ReadPatterns>,
    settings: Settings,
}

impl Context {
    /// Lets Rust run, to which memory is granted, until the guard is dropped.
    fn be_lenient(&self) -> Leniency<'_> {
        Leniency { context: self, before: self.lenient.replace(true) }
    }

    fn is_over_limit(&self) -> bool {
        self.used.get() > self.limit.get()
    }

    fn spend(&self, work: usize) {
        self.work_left.set(self.work_left.get().saturating_sub(work));
    }

    fn has_panicked(&self) -> bool {
        let panic = self.panic.take();
        let has_panicked = panic.is_some();
        self.panic.set(panic);
        has_panicked
    }

    fn is_look_due(&self) -> bool {
        self.work_left.get() == 0
    }

    /// Lets whomever scripts call do something; `None` where there is nobody, or where they are called already.
    fn with_caller<T>(&self, body: impl FnOnce(&mut dyn Caller) -> T) -> Option<T> {
        struct PutBack<'c>(&'c Context, NonNull<dyn Caller>);
        impl Drop for PutBack<'_> {
            fn drop(&mut self) {
                self.0.caller.set(Some(self.1));
            }
        }
        let mut put_back = PutBack(self, self.caller.take()?);
        // SAFETY: `State::with_caller` has a unique borrow of it, and nobody else has this pointer until it is put back.
        Some(body(unsafe { put_back.1.as_mut() }))
    }

    /// Asks the caller whether the script may go on.
    fn look_around(&self) -> Result<(), Cow<'static, str>> {
        self.work_left.set(WORK_BETWEEN_LOOKS);
        self.with_caller(|caller| caller.look_around()).unwrap_or(Ok(()))
    }

    /// [`Context::look_around`] from where Lua waits for memory: no panic may pass there, and whatever is wrong is found again afterwards.
    fn may_go_on(&self) -> bool {
        match catch_unwind(AssertUnwindSafe(|| self.look_around())) {
            Ok(answer) => answer.is_ok(),
            Err(panic) => {
                self.panic.set(Some(panic));
                false
            }
        }
    }
}

struct Leniency<'c> {
    context: &'c Context,
    before: bool,
}

impl Drop for Leniency<'_> {
    fn drop(&mut self) {
        self.context.lenient.set(self.before);
    }
}

/// `lua_Alloc`: `old_bytes` is what Lua was given at `block`, 0 for nothing.
unsafe extern "C" fn allocate(
    context: *mut c_void,
    block: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    // SAFETY: `State::new` gave Lua this address; the context lives as long as the interpreter.
    let context = unsafe { &*context.cast::<Context>() };
    let old_bytes = if block.is_null() { 0 } else { old_bytes };
    let used = context.used.get() - old_bytes + new_bytes;
    if new_bytes > old_bytes {
        let is_strict = !context.lenient.get();
        if is_strict && used > context.limit.get() {
            return ptr::null_mut();
        }
        if new_bytes >= LARGE_BLOCK {
            context.spend(new_bytes / BYTES_A_UNIT);
            // One instruction can take as much memory as there is, so that nobody would be heard for long between some of them.
            if is_strict && context.is_look_due() && !context.may_go_on() {
                return ptr::null_mut();
            }
        }
    }
    let layout = |bytes| Layout::from_size_align(bytes, ALIGNMENT);
    let (Ok(old), Ok(new)) = (layout(old_bytes), layout(new_bytes)) else { return ptr::null_mut() };
    // SAFETY: blocks come from here, with the sizes that Lua says they have, and none is of zero bytes.
    let made: *mut u8 = unsafe {
        match (old_bytes, new_bytes) {
            (0, 0) => return ptr::null_mut(),
            (_, 0) => {
                std::alloc::dealloc(block.cast(), old);
                context.used.set(used);
                return ptr::null_mut();
            }
            (0, _) => std::alloc::alloc(new),
            _ => std::alloc::realloc(block.cast(), old, new_bytes),
        }
    };
    if made.is_null() {
        if context.lenient.get() || new_bytes <= old_bytes {
            std::alloc::handle_alloc_error(new);
        }
        return ptr::null_mut();
    }
    context.used.set(used);
    made.cast()
}

/// The context of whatever thread of an interpreter.
///
/// # Safety
/// `lua` was made by [`State::new`], or within it, and its [`State`] is alive.
unsafe fn context_of<'c>(lua: *mut ffi::lua_State) -> &'c Context {
    let mut context = ptr::null_mut();
    // SAFETY: the caller's promise; the call does not raise.
    unsafe {
        ffi::lua_getallocf(lua, &raw mut context);
        &*context.cast::<Context>()
    }
}

/// An interpreter.
pub(crate) struct State {
    lua: NonNull<ffi::lua_State>,
    /// Owned; Lua has its address.
    context: NonNull<Context>,
}

// SAFETY: nothing in an interpreter belongs to a thread, and `State` is its only owner: whatever is lent out of it borrows it.
unsafe impl Send for State {}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("used_bytes", &self.used_bytes()).finish_non_exhaustive()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: nobody borrows the interpreter any more. Closing frees blocks and raises nothing; the context is needed until then.
        unsafe {
            ffi::lua_close(self.lua.as_ptr());
            drop(Box::from_raw(self.context.as_ptr()));
        }
    }
}

impl State {
    /// An interpreter without any global, whose scripts may make it hold so many bytes.
    pub(crate) fn new(limit_bytes: usize, settings: Settings) -> Self {
        let context = Box::new(Context {
            used: Cell::new(0),
            limit: Cell::new(limit_bytes),
            lenient: Cell::new(true),
            caller: Cell::new(None),
            work_left: Cell::new(WORK_BETWEEN_LOOKS),
            collect_at: Cell::new(limit_bytes / 2),
            panic: Cell::new(None),
            patterns: RefCell::default(),
            settings,
        });
        let context = NonNull::from(Box::leak(context));
        // SAFETY: the allocator keeps the rules of `lua_Alloc`, and its context outlives the interpreter.
        let lua = unsafe { ffi::lua_newstate(allocate, context.as_ptr().cast()) };
        let lua = NonNull::new(lua).expect("memory is granted while Rust runs");
        Self { lua, context }
    }

    fn context(&self) -> &Context {
        // SAFETY: owned by `self`, and only ever shared.
        unsafe { self.context.as_ref() }
    }

    /// How many bytes it holds, garbage included.
    pub(crate) fn used_bytes(&self) -> usize {
        self.context().used.get()
    }

    /// How many bytes scripts may make it hold.
    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.context().limit.set(bytes);
        self.context().collect_at.set(bytes / 2);
    }

    /// Its values, with nobody for scripts to call.
    pub(crate) fn stack(&mut self) -> Stack<'_> {
        Stack { lua: self.lua.as_ptr(), slots: 0, interpreter: PhantomData }
    }

    /// Opens one of Lua's libraries in the globals.
    pub(crate) fn open(&mut self, library: Library) {
        let mut stack = self.stack();
        stack.reserve();
        let open = match library {
            Library::Base => ffi::luaopen_base,
            Library::Table => ffi::luaopen_table,
            Library::String => ffi::luaopen_string,
            Library::Math => ffi::luaopen_math,
            Library::Os => ffi::luaopen_os,
        };
        // SAFETY: a slot is reserved, memory is granted.
        unsafe { ffi::lua_pushcclosure(stack.lua, open, 0) };
        stack.call(0, 0, None).unwrap_or_else(|_| unreachable!("Lua's own libraries can be opened"));
    }

    /// Runs `body` while scripts call `caller`.
    pub(crate) fn with_caller<T>(
        &mut self,
        caller: &mut (dyn Caller + '_),
        body: impl FnOnce(&mut Stack<'_>) -> T,
    ) -> T {
        struct Reset<'c>(&'c Context);
        impl Drop for Reset<'_> {
            fn drop(&mut self) {
                self.0.caller.set(None);
            }
        }
        // SAFETY: only the lifetime is changed. `Reset` takes the pointer away before the borrow ends, whatever happens.
        let caller = unsafe {
            std::mem::transmute::<NonNull<dyn Caller + '_>, NonNull<dyn Caller + 'static>>(NonNull::from(
                caller,
            ))
        };
        // SAFETY: as in `context`, apart from the borrow of `self`, which is unique below and does not reach into the context.
        let context = unsafe { self.context.as_ref() };
        context.caller.set(Some(caller));
        let _reset = Reset(context);
        let mut stack = self.stack();
        context.work_left.set(WORK_BETWEEN_LOOKS);
        stack.tick_every(INSTRUCTIONS_BETWEEN_TICKS);
        body(&mut stack)
    }
}

/// Those of Lua's libraries that scripts have something of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Library {
    Base,
    Table,
    String,
    Math,
    Os,
}

/// The values that a function works with: its arguments to begin with, and whatever is pushed after them.
///
/// Places count from 1; negative ones from the top, where -1 is.
pub(crate) struct Stack<'s> {
    lua: *mut ffi::lua_State,
    /// There are slots up to here.
    slots: c_int,
    interpreter: PhantomData<&'s mut State>,
}

// Each call below keeps to what it has to: the place exists or is answered with `None`, a slot is reserved for what is pushed, memory
// is granted (see the head of this file), and the table is one.
impl Stack<'_> {
    fn context(&self) -> &Context {
        // SAFETY: a `Stack` borrows its interpreter.
        unsafe { context_of(self.lua) }
    }

    /// What natives remember for as long as a script runs.
    pub(crate) fn settings(&self) -> &Settings {
        &self.context().settings
    }

    /// Makes sure that there is a slot for one more value.
    fn reserve(&mut self) {
        // SAFETY: raises only for want of memory.
        let has_room = unsafe { ffi::lua_checkstack(self.lua, 1) } != 0 || self.top() < self.slots;
        assert!(has_room, "natives reserve what they push in numbers");
    }

    /// Whether there are slots for `count` more values: a function has some 8,000.
    pub(crate) fn has_room(&mut self, count: usize) -> bool {
        let Ok(wanted) = c_int::try_from(count) else { return false };
        // SAFETY: raises only for want of memory.
        unsafe { ffi::lua_checkstack(self.lua, wanted) != 0 }
    }

    /// How many values there are.
    pub(crate) fn top(&self) -> i32 {
        // SAFETY: reads a number.
        unsafe { ffi::lua_gettop(self.lua) }
    }

    /// Takes values away from the top until so many are left, or adds nils.
    pub(crate) fn set_top(&mut self, count: i32) {
        for _ in self.top()..count {
            self.push_nil();
        }
        // SAFETY: there are slots.
        unsafe { ffi::lua_settop(self.lua, count.max(0)) }
    }

    /// Takes values away from the top.
    pub(crate) fn pop(&mut self, count: i32) {
        let left = (self.top() - count).max(0);
        self.set_top(left);
    }

    /// Whether there may be a value at a place: asked before calls that take the address of one.
    fn is_place(&self, place: i32) -> bool {
        match place {
            REGISTRY | GLOBALS => true,
            1.. => place <= self.top(),
            _ if place > ffi::LUA_REGISTRYINDEX => place != 0 && -place <= self.top(),
            _ => true,
        }
    }

    /// What is at a place.
    pub(crate) fn kind(&self, place: i32) -> Kind {
        if !self.is_place(place) {
            return Kind::None;
        }
        // SAFETY: reads what is at a place that exists; those of upvalues are answered with none.
        match unsafe { ffi::lua_type(self.lua, place) } {
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::Pointer,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TUSERDATA => Kind::Userdata,
            ffi::LUA_TTHREAD => Kind::Thread,
            _ => Kind::None,
        }
    }

    /// The value of a boolean; of anything else, what a condition makes of it.
    pub(crate) fn boolean(&self, place: i32) -> bool {
        // SAFETY: as above.
        self.is_place(place) && unsafe { ffi::lua_toboolean(self.lua, place) } != 0
    }

    /// A number that is one. A string of digits is none.
    pub(crate) fn number(&self, place: i32) -> Option<f64> {
        // SAFETY: as above; a number is converted into nothing.
        (self.kind(place) == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.lua, place) })
    }

    /// A number, or a string that Lua reads as one.
    pub(crate) fn number_of_any(&self, place: i32) -> Option<f64> {
        match self.kind(place) {
            // SAFETY: as above; strings are read in place.
            Kind::Number | Kind::String => unsafe {
                (ffi::lua_isnumber(self.lua, place) != 0).then(|| ffi::lua_tonumber(self.lua, place))
            },
            _ => None,
        }
    }

    /// The bytes of a string that is one. A number is none.
    pub(crate) fn bytes(&self, place: i32) -> Option<&[u8]> {
        if self.kind(place) != Kind::String {
            return None;
        }
        let mut length = 0;
        // SAFETY: a string is not converted, so nothing is allocated. Its bytes stay where they are while it is on the stack, and whatever
        // could take it off the stack takes `&mut self`.
        unsafe {
            let bytes = ffi::lua_tolstring(self.lua, place, &raw mut length);
            Some(std::slice::from_raw_parts(bytes.cast(), length))
        }
    }

    /// The bytes of a string, or a number as text.
    pub(crate) fn text(&self, place: i32) -> Option<Cow<'_, [u8]>> {
        match self.bytes(place) {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None => Some(Cow::Owned(number_text(self.number(place)?).into_bytes())),
        }
    }

    /// How many elements a table has from 1 on, or how many bytes a string.
    pub(crate) fn length(&self, place: i32) -> usize {
        match self.kind(place) {
            // SAFETY: reads; no metamethods.
            Kind::Table | Kind::String => unsafe { ffi::lua_objlen(self.lua, place) },
            _ => 0,
        }
    }

    /// An address that tells tables, functions and threads from each other, and one pointer from another.
    pub(crate) fn identity(&self, place: i32) -> *const c_void {
        if !self.is_place(place) {
            return ptr::null();
        }
        // SAFETY: reads.
        unsafe { ffi::lua_topointer(self.lua, place) }
    }

    /// Pushes nil.
    pub(crate) fn push_nil(&mut self) {
        self.reserve();
        // SAFETY: a slot is reserved.
        unsafe { ffi::lua_pushnil(self.lua) }
    }

    /// Pushes a boolean.
    pub(crate) fn push_boolean(&mut self, value: bool) {
        self.reserve();
        // SAFETY: a slot is reserved.
        unsafe { ffi::lua_pushboolean(self.lua, value.into()) }
    }

    /// Pushes a number.
    pub(crate) fn push_number(&mut self, value: f64) {
        self.reserve();
        // SAFETY: a slot is reserved.
        unsafe { ffi::lua_pushnumber(self.lua, value) }
    }

    /// Pushes a string.
    pub(crate) fn push_bytes(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.reserve();
        // SAFETY: a slot is reserved, memory is granted; Lua copies the bytes.
        unsafe { ffi::lua_pushlstring_(self.lua, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Pushes a part of the string at a place.
    pub(crate) fn push_part(&mut self, place: i32, part: Range<usize>) {
        self.reserve();
        let bytes = &self.bytes(place).unwrap_or_default()[part];
        // SAFETY: a slot is reserved, memory is granted; Lua copies the bytes, which stay where they are because the string is on the stack.
        unsafe { ffi::lua_pushlstring_(self.lua, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Pushes memory for so many bytes, all of them zero. Nobody but natives has such values, and scripts never see them.
    pub(crate) fn push_buffer(&mut self, bytes: usize) {
        self.reserve();
        // SAFETY: a slot is reserved, memory is granted, and there are so many bytes of it.
        unsafe { ffi::lua_newuserdata(self.lua, bytes).cast::<u8>().write_bytes(0, bytes) }
    }

    /// The bytes of a buffer at a place; none for anything else.
    pub(crate) fn buffer(&mut self, place: i32) -> &mut [u8] {
        if self.kind(place) != Kind::Userdata {
            return &mut [];
        }
        // SAFETY: all userdata is made by `push_buffer`, and whatever could take it off the stack takes `&mut self`.
        unsafe {
            let bytes = ffi::lua_objlen(self.lua, place);
            std::slice::from_raw_parts_mut(ffi::lua_touserdata(self.lua, place).cast(), bytes)
        }
    }

    /// Pushes a function that says whether one value is less than another, as Lua has it, and spends the work that this is.
    pub(crate) fn push_less_than(&mut self) {
        self.reserve();
        // SAFETY: a slot is reserved, memory is granted.
        unsafe { ffi::lua_pushcclosure(self.lua, less_than, 0) }
    }

    /// Pushes a pointer to nothing: what `cjson.null` is.
    pub(crate) fn push_null(&mut self) {
        self.reserve();
        // SAFETY: a slot is reserved; nobody follows the pointer.
        unsafe { ffi::lua_pushlightuserdata(self.lua, ptr::null_mut()) }
    }

    /// Pushes what is at a place once more.
    pub(crate) fn push_copy(&mut self, place: i32) {
        if !self.is_place(place) {
            return self.push_nil();
        }
        self.reserve();
        // SAFETY: a slot is reserved, the place exists.
        unsafe { ffi::lua_pushvalue(self.lua, place) }
    }

    /// Pushes a new table with room for elements and for fields.
    pub(crate) fn push_table(&mut self, elements: usize, fields: usize) {
        let room = |count: usize| c_int::try_from(count).unwrap_or(0).min(1 << 20);
        self.reserve();
        // SAFETY: a slot is reserved, memory is granted; room is bounded.
        unsafe { ffi::lua_createtable(self.lua, room(elements), room(fields)) }
    }

    /// Takes so many values from the top and pushes a function in Rust that finds them at [`Stack::upvalue`].
    pub(crate) fn push_native(&mut self, native: Native, upvalues: i32) {
        // SAFETY: that of `trampoline`.
        unsafe { self.push_closure(trampoline, native as *mut c_void, upvalues) }
    }

    /// Takes so many values from the top and pushes a function in Rust that goes in steps, and finds them at [`Stack::upvalue`].
    pub(crate) fn push_stepping(&mut self, stepping: Stepping, upvalues: i32) {
        // SAFETY: that of `stepping_trampoline`.
        unsafe { self.push_closure(stepping_trampoline, stepping as *mut c_void, upvalues) }
    }

    /// Takes so many values from the top and pushes one of Lua's own functions with a guard before it, which finds them at
    /// [`Stack::upvalue`] from 2 on.
    pub(crate) fn push_guarded(&mut self, guard: Guard, function: LuaFunction, upvalues: i32) {
        self.reserve();
        // SAFETY: a slot is reserved; the pointers are functions' and become such again in `guarding_trampoline`.
        unsafe {
            ffi::lua_pushlightuserdata(self.lua, function.0 as *mut c_void);
            ffi::lua_insert(self.lua, -1 - upvalues);
            self.push_closure(guarding_trampoline, guard as *mut c_void, upvalues + 1);
        }
    }

    /// # Safety
    /// `trampoline` takes the first upvalue for the function that it is.
    unsafe fn push_closure(&mut self, trampoline: ffi::lua_CFunction, function: *mut c_void, upvalues: i32) {
        assert!(
            (0..=8).contains(&upvalues) && upvalues <= self.top(),
            "a function has its upvalues on the stack"
        );
        self.reserve();
        // SAFETY: a slot is reserved; the pointer becomes a function again by the caller's promise.
        unsafe {
            ffi::lua_pushlightuserdata(self.lua, function);
            ffi::lua_insert(self.lua, -1 - upvalues);
            ffi::lua_pushcclosure(self.lua, trampoline, upvalues + 1);
        }
    }

    /// The function at a place, if it is one of Lua's own.
    pub(crate) fn lua_function(&self, place: i32) -> Option<LuaFunction> {
        if !self.is_place(place) {
            return None;
        }
        // SAFETY: reads; the place exists.
        unsafe { ffi::lua_tocfunction(self.lua, place) }.map(LuaFunction)
    }

    /// The place of an upvalue of the native that is running, from 1 on.
    pub(crate) const fn upvalue(number: i32) -> i32 {
        ffi::lua_upvalueindex(number + 1)
    }

    /// Puts the value on top, which is taken away, into the place of an upvalue or another value.
    pub(crate) fn replace(&mut self, place: i32) {
        assert!(self.is_place(place) && place != REGISTRY && self.top() > 0, "there is a place for a value");
        // SAFETY: both exist.
        unsafe { ffi::lua_replace(self.lua, place) }
    }

    /// Moves the value on top below others, to a place.
    pub(crate) fn insert(&mut self, place: i32) {
        assert!(self.is_place(place) && place > REGISTRY, "there is a place");
        // SAFETY: it exists.
        unsafe { ffi::lua_insert(self.lua, place) }
    }

    /// Takes away what is at a place; what is above moves down.
    pub(crate) fn remove(&mut self, place: i32) {
        assert!(self.is_place(place) && place > REGISTRY, "there is a place");
        // SAFETY: it exists.
        unsafe { ffi::lua_remove(self.lua, place) }
    }

    fn expect_table(&self, place: i32) {
        assert!(self.kind(place) == Kind::Table, "it is a table that is asked for its elements");
    }

    /// Pushes an element of a table, without metamethods.
    pub(crate) fn raw_get_at(&mut self, table: i32, index: i32) {
        self.expect_table(table);
        self.reserve();
        // SAFETY: it is a table, a slot is reserved.
        unsafe { ffi::lua_rawgeti_(self.lua, table, index) }
    }

    /// Takes a value from the top and makes it an element of a table, without metamethods.
    pub(crate) fn raw_set_at(&mut self, table: i32, index: i32) {
        self.expect_table(table);
        // SAFETY: it is a table, memory is granted.
        unsafe { ffi::lua_rawseti_(self.lua, table, index) }
    }

    /// Replaces the key on top by its value in a table, without metamethods.
    pub(crate) fn raw_get(&mut self, table: i32) {
        self.expect_table(table);
        // SAFETY: it is a table, and has a key above it.
        unsafe { ffi::lua_rawget_(self.lua, table) }
    }

    /// Pushes the value of a field of a table, without metamethods.
    pub(crate) fn raw_get_field(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.raw_get(table);
    }

    /// Takes a value from the top and makes it a field of a table, without metamethods.
    pub(crate) fn raw_set_field(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// Takes a key and the value above it from the top, and puts them into a table, without metamethods. The key must be neither nil nor NaN.
    pub(crate) fn raw_set(&mut self, table: i32) {
        self.expect_table(table);
        let is_key = match self.kind(-2) {
            Kind::None | Kind::Nil => false,
            Kind::Number => !self.number(-2).is_some_and(f64::is_nan),
            _ => true,
        };
        assert!(is_key, "keys of tables are neither nil nor NaN");
        // SAFETY: it is a table, with a key that it takes; memory is granted.
        unsafe { ffi::lua_rawset(self.lua, table) }
    }

    /// Replaces the key on top by the entry after it: a key, and its value on top. At the end nothing is left and the answer is false. Begins
    /// with nil. The table must not have been given further keys since.
    pub(crate) fn next(&mut self, table: i32) -> bool {
        self.expect_table(table);
        self.reserve();
        // SAFETY: it is a table, a slot is reserved, and the key on top was answered by this call before: other keys are looked up first.
        unsafe { ffi::lua_next(self.lua, table) != 0 }
    }

    /// Pushes the metatable of a value, if it has one.
    pub(crate) fn push_metatable(&mut self, place: i32) -> bool {
        self.reserve();
        // SAFETY: a slot is reserved, the place exists.
        self.is_place(place) && unsafe { ffi::lua_getmetatable(self.lua, place) } != 0
    }

    /// Takes a table, or nil, from the top and makes it the metatable of a value.
    pub(crate) fn set_metatable(&mut self, place: i32) {
        assert!(
            matches!(self.kind(-1), Kind::Table | Kind::Nil) && self.is_place(place),
            "a metatable is a table"
        );
        // SAFETY: the place exists, and a table or nil is on top.
        unsafe { ffi::lua_setmetatable(self.lua, place) };
    }

    /// The same place, counted from below.
    pub(crate) fn absolute(&self, place: i32) -> i32 {
        if place < 0 && place > REGISTRY { self.top() + place + 1 } else { place }
    }

    /// Compiles a chunk and pushes its function. Bytecode is none.
    ///
    /// # Errors
    /// What the compiler says is on top.
    pub(crate) fn load(&mut self, source: &[u8], name: &CStr) -> Result<(), Raise> {
        // A space before it makes text of bytecode, which no compiler takes.
        let spaced: Vec<u8>;
        let source = if source.starts_with(&ffi::LUA_SIGNATURE[..1]) {
            spaced = [b" ", source].concat();
            &spaced
        } else {
            source
        };
        self.reserve();
        let length = source.len();
        let context = self.context();
        context.spend(length);
        let lenient = context.lenient.replace(false);
        // SAFETY: a slot is reserved. Errors of the compiler are caught within, want of memory among them.
        let status = unsafe { ffi::luaL_loadbuffer(self.lua, source.as_ptr().cast(), length, name.as_ptr()) };
        context.lenient.set(lenient);
        if status == ffi::LUA_OK { Ok(()) } else { Err(Raise(())) }
    }

    /// Calls the function below its arguments, all of which are taken from the top; so many results are pushed, all of them for `None`
    /// in `results` being -1. An error is first shown to the function at `handler`.
    ///
    /// # Errors
    /// The error is on top.
    pub(crate) fn call(&mut self, arguments: i32, results: i32, handler: Option<i32>) -> Result<(), Raise> {
        assert!(arguments >= 0 && self.top() > arguments, "a function is below its arguments");
        let handler = handler.map_or(0, |place| self.absolute(place));
        // SAFETY: memory is granted; more results than there are slots for are an error of Lua's own.
        let has_room = results <= 0 || unsafe { ffi::lua_checkstack(self.lua, results) } != 0;
        assert!(has_room, "a few results are asked for");
        let context = self.context();
        let lenient = context.lenient.replace(false);
        // SAFETY: whatever is raised is caught within.
        let status = unsafe { ffi::lua_pcall(self.lua, arguments, results, handler) };
        context.lenient.set(lenient);
        if let Some(panic) = context.panic.take() {
            resume_unwind(panic);
        }
        if status == ffi::LUA_OK { Ok(()) } else { Err(Raise(())) }
    }

    /// Where the function runs that is so many calls up: 0 is the one that is running, 1 whoever called it.
    pub(crate) fn place(&self, level: i32) -> Option<Place> {
        self.with_debug(level, c"Sl", |debug| {
            // SAFETY: `getinfo` has filled these in for `S`, with strings that end.
            let text = |text: *const c_char| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
            Place {
                source: text(debug.source),
                short_source: text(debug.short_src.as_ptr()),
                line: u32::try_from(debug.currentline).ok().filter(|line| *line > 0),
            }
        })
    }

    /// Whether the function so many calls up is one in C or Rust.
    pub(crate) fn is_native(&self, level: i32) -> bool {
        // SAFETY: `getinfo` has filled this in for `S`.
        self.with_debug(level, c"S", |debug| unsafe { CStr::from_ptr(debug.what) } == c"C").unwrap_or(false)
    }

    fn with_debug<T>(&self, level: i32, what: &CStr, body: impl FnOnce(&ffi::lua_Debug) -> T) -> Option<T> {
        let mut debug = MaybeUninit::<ffi::lua_Debug>::zeroed();
        // SAFETY: a structure of numbers and pointers, all of which may be zero; filled in where the level exists. Nothing is pushed for
        // these requests.
        unsafe {
            if ffi::lua_getstack(self.lua, level, debug.as_mut_ptr()) == 0 {
                return None;
            }
            ffi::lua_getinfo(self.lua, what.as_ptr(), debug.as_mut_ptr());
            Some(body(debug.assume_init_ref()))
        }
    }

    /// An error with these words, which begin with the place in the script: `user_script:1: `.
    pub(crate) fn raise_here(&mut self, message: impl AsRef<[u8]>) -> Raise {
        let place = self.place(1).and_then(|place| Some(format!("{}:{}: ", place.short_source, place.line?)));
        self.raise([place.unwrap_or_default().as_bytes(), message.as_ref()].concat())
    }

    /// An error with just these words.
    pub(crate) fn raise(&mut self, message: impl AsRef<[u8]>) -> Raise {
        self.push_bytes(message);
        self.raise_top()
    }

    /// The value on top as an error.
    pub(crate) fn raise_top(&mut self) -> Raise {
        assert!(self.top() > 0, "there is something to be raised");
        Raise(())
    }

    /// The error about an argument, as Lua words it.
    pub(crate) fn bad_argument(&mut self, argument: i32, why: impl AsRef<[u8]>) -> Raise {
        let named = self.with_debug(0, c"n", |debug| {
            // SAFETY: `getinfo` fills these in for `n`; a name that is not known is null.
            unsafe {
                let name = (!debug.name.is_null())
                    .then(|| CStr::from_ptr(debug.name).to_string_lossy().into_owned());
                (name, CStr::from_ptr(debug.namewhat) == c"method")
            }
        });
        let (name, is_method) = named.unwrap_or((None, false));
        let name = name.unwrap_or_else(|| "?".to_owned());
        let what = match argument - i32::from(is_method) {
            0 if is_method => format!("calling '{name}' on bad self ("),
            argument => format!("bad argument #{argument} to '{name}' ("),
        };
        self.raise_here([what.as_bytes(), why.as_ref(), b")"].concat())
    }

    /// The error about an argument of the wrong kind, as Lua words it.
    pub(crate) fn wrong_kind(&mut self, argument: i32, expected: &str) -> Raise {
        let found = self.kind(argument).name();
        self.bad_argument(argument, format!("{expected} expected, got {found}"))
    }

    /// The bytes of an argument that must be a string, or a number as text.
    ///
    /// # Errors
    /// Lua's own if it is neither.
    pub(crate) fn check_text(&mut self, argument: i32) -> Result<Cow<'_, [u8]>, Raise> {
        if matches!(self.kind(argument), Kind::String | Kind::Number) {
            return Ok(self.text(argument).unwrap_or_default());
        }
        Err(self.wrong_kind(argument, "string"))
    }

    /// Makes a string of an argument that must be one, or a number, and answers how many bytes it has.
    ///
    /// # Errors
    /// Lua's own if it is neither.
    pub(crate) fn make_text(&mut self, argument: i32) -> Result<usize, Raise> {
        let text = self.check_text(argument)?;
        let length = text.len();
        if let Cow::Owned(text) = text {
            self.push_bytes(text);
            self.replace(argument);
        }
        Ok(length)
    }

    /// An argument that must be a number, or a string that Lua reads as one.
    ///
    /// # Errors
    /// Lua's own if it is neither.
    pub(crate) fn check_number(&mut self, argument: i32) -> Result<f64, Raise> {
        self.number_of_any(argument).ok_or(()).map_err(|()| self.wrong_kind(argument, "number"))
    }

    /// Refuses an argument that is no table.
    ///
    /// # Errors
    /// Lua's own.
    pub(crate) fn check_table(&mut self, argument: i32) -> Result<(), Raise> {
        if self.kind(argument) == Kind::Table { Ok(()) } else { Err(self.wrong_kind(argument, "table")) }
    }

    /// Lets whomever scripts call do something; `None` where there is nobody, or where they are called already.
    pub(crate) fn with_caller<T>(&self, body: impl FnOnce(&mut dyn Caller) -> T) -> Option<T> {
        self.context().with_caller(body)
    }

    /// Says that something takes long: so many units of about a nanosecond.
    ///
    /// # Errors
    /// If the script has to end meanwhile.
    pub(crate) fn spend(&mut self, work: usize) -> Result<(), Raise> {
        self.context().spend(work);
        if self.context().is_look_due() { self.look_around() } else { Ok(()) }
    }

    /// The work until [`Context::look_around`] is due.
    pub(crate) fn work_left(&self) -> usize {
        self.context().work_left.get()
    }

    /// Notes the work that is left.
    pub(crate) fn set_work_left(&self, work: usize) {
        self.context().work_left.set(work);
    }

    /// Asks the caller whether the script may go on, and how much work may pass until it is asked again. Whoever is told no goes on with
    /// [`Stack::end`].
    pub(crate) fn ask_for_work(&self) -> Result<usize, Cow<'static, str>> {
        let context = self.context();
        context.look_around().map(|()| context.work_left.get())
    }

    fn look_around(&mut self) -> Result<(), Raise> {
        self.context().look_around().map_err(|why| self.end(&why))
    }

    /// Ends the script, and whatever in it catches the error is ended at its next instruction, too.
    pub(crate) fn end(&mut self, why: &str) -> Raise {
        self.tick_every(1);
        self.set_work_left(0);
        self.raise(why)
    }

    /// A pattern, as it is read.
    pub(crate) fn pattern(&self, source: &[u8]) -> Arc<Pattern> {
        self.context().patterns.borrow_mut().read(source)
    }

    /// How many bytes the interpreter may hold.
    pub(crate) fn limit_bytes(&self) -> usize {
        self.context().limit.get()
    }

    /// How many bytes the interpreter holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.context().used.get()
    }

    /// How many bytes the interpreter may still be given.
    pub(crate) fn free_bytes(&self) -> usize {
        let context = self.context();
        context.limit.get().saturating_sub(context.used.get())
    }

    /// Refuses to hold so many bytes in a native when the interpreter could not be given them.
    ///
    /// # Errors
    /// If it could not, with all garbage collected; or if the script has to end, because natives ask this between pieces of what may take
    /// long.
    pub(crate) fn expect_free_bytes(&mut self, bytes: usize) -> Result<(), Raise> {
        self.spend(WORK_OF_A_CALL)?;
        if self.free_bytes() > bytes {
            return Ok(());
        }
        self.collect_garbage();
        if self.free_bytes() > bytes { Ok(()) } else { Err(self.raise("not enough memory")) }
    }

    /// Collects garbage: all of it.
    pub(crate) fn collect_garbage(&mut self) {
        let context = self.context();
        context.spend(context.used.get() / BYTES_A_UNIT);
        // SAFETY: finalizers are userdata's, of which there are none.
        unsafe { ffi::lua_gc(self.lua, ffi::LUA_GCCOLLECT, 0) };
        let (used, limit) = (context.used.get(), context.limit.get());
        context.collect_at.set(used.saturating_add((limit.saturating_sub(used) / 2).max(limit / 16)));
    }

    /// Whether the interpreter holds more than it may, garbage not counted. What is pushed further is refused when the native returns.
    pub(crate) fn is_full(&mut self) -> bool {
        if self.context().is_over_limit() {
            self.collect_garbage();
        }
        self.context().is_over_limit()
    }

    /// Has garbage collected at the pace with which every script begins. A script leaves little behind, and what all of them find would be
    /// looked through again for each twice as much: a collection waits for [`GARBAGE_AT_LEAST`].
    pub(crate) fn set_pace_of_collector(&mut self) {
        let used = self.context().used.get().max(1);
        let pause = (100 + GARBAGE_AT_LEAST * 100 / used).clamp(200, 2000);
        // SAFETY: sets a number.
        unsafe { ffi::lua_gc(self.lua, ffi::LUA_GCSETPAUSE, pause as c_int) };
        if self.settings().has_set_collector.take() {
            // SAFETY: sets numbers.
            unsafe {
                ffi::lua_gc(self.lua, ffi::LUA_GCSETSTEPMUL, 200);
                ffi::lua_gc(self.lua, ffi::LUA_GCRESTART, 0);
            }
        }
    }

    /// Has [`tick`] called after each so many instructions.
    fn tick_every(&mut self, instructions: c_int) {
        // SAFETY: `tick` keeps the rules of natives.
        unsafe { ffi::lua_sethook(self.lua, Some(tick), ffi::LUA_MASKCOUNT, instructions) };
    }

    /// Keeps the value on top, which is taken away, until it is forgotten.
    pub(crate) fn keep(&mut self) -> Kept {
        assert!(self.top() > 0, "there is something to be kept");
        // SAFETY: memory is granted, and the registry is a table.
        Kept(unsafe { ffi::luaL_ref(self.lua, REGISTRY) })
    }

    /// Pushes what was kept.
    pub(crate) fn push_kept(&mut self, kept: &Kept) {
        self.raw_get_at(REGISTRY, kept.0);
    }

    /// Forgets what was kept.
    #[expect(clippy::needless_pass_by_value, reason = "nobody has it afterwards")]
    pub(crate) fn forget(&mut self, kept: Kept) {
        // SAFETY: memory is granted, and the registry is a table.
        unsafe { ffi::luaL_unref(self.lua, REGISTRY, kept.0) }
    }
}

/// A value that is kept in an interpreter's registry.
#[derive(Debug)]
pub(crate) struct Kept(c_int);

impl Kept {
    /// The same once more; what is forgotten is forgotten for both.
    pub(crate) const fn again(&self) -> Self {
        Self(self.0)
    }
}

/// How a native ended.
#[derive(Clone, Copy)]
enum Ended<T> {
    Answered(T),
    /// The error is on top.
    Raised,
    OutOfMemory,
}

/// Runs something in Rust for Lua; when it returns, nothing is owned any more.
///
/// # Safety
/// Lua has called whoever calls this, with this state, and has so many slots for it.
unsafe fn run<T>(
    lua: *mut ffi::lua_State,
    slots: c_int,
    body: impl FnOnce(&mut Stack<'_>) -> Result<T, Raise>,
) -> Ended<T> {
    // SAFETY: the caller's promise.
    let context = unsafe { context_of(lua) };
    let leniency = context.be_lenient();
    let mut stack = Stack { lua, slots, interpreter: PhantomData };
    let mut ended = match catch_unwind(AssertUnwindSafe(|| body(&mut stack))) {
        Ok(Ok(answer)) => Ended::Answered(answer),
        Ok(Err(Raise(()))) => Ended::Raised,
        Err(panic) => {
            context.panic.set(Some(panic));
            Ended::OutOfMemory
        }
    };
    if context.is_over_limit() && matches!(ended, Ended::Answered(_)) {
        // What is over the limit may be garbage. The results are on the stack, so they stay.
        stack.collect_garbage();
    }
    if context.is_look_due() && matches!(ended, Ended::Answered(_)) {
        match catch_unwind(AssertUnwindSafe(|| stack.look_around())) {
            Ok(Ok(())) => {}
            Ok(Err(Raise(()))) => ended = Ended::Raised,
            Err(panic) => {
                context.panic.set(Some(panic));
                ended = Ended::OutOfMemory;
            }
        }
    }
    drop(leniency);
    if context.is_over_limit() { Ended::OutOfMemory } else { ended }
}

/// Ends a native as Lua wants it.
///
/// # Safety
/// As [`run`], and nothing is owned by the frames up to Lua's.
unsafe fn end<T: Copy>(lua: *mut ffi::lua_State, ended: Ended<T>) -> T {
    // SAFETY: the frames above own nothing. The text is one that Lua holds for good, so that it takes no memory to push it.
    unsafe {
        match ended {
            Ended::Answered(answer) => answer,
            Ended::Raised => ffi::lua_error(lua),
            Ended::OutOfMemory => {
                ffi::lua_settop(lua, 0);
                ffi::lua_pushlstring_(lua, OUT_OF_MEMORY.as_ptr(), OUT_OF_MEMORY.count_bytes());
                ffi::lua_error(lua)
            }
        }
    }
}

/// The slots that there are for a function that Lua has just called.
///
/// # Safety
/// Lua has just called whoever calls this, with this state.
unsafe fn slots_of(lua: *mut ffi::lua_State) -> c_int {
    // SAFETY: reads a number.
    unsafe { ffi::lua_gettop(lua) + SLOTS_AT_LEAST }
}

/// The function in Rust that a closure was made of.
///
/// # Safety
/// Lua has called a closure whose first upvalue is an address of such a function, with this state.
unsafe fn function_of<F: Copy>(lua: *mut ffi::lua_State) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: the caller's promise.
    unsafe {
        let function = ffi::lua_touserdata(lua, ffi::lua_upvalueindex(1));
        std::mem::transmute_copy::<*mut c_void, F>(&function)
    }
}

/// What Lua calls for each native.
unsafe extern "C-unwind" fn trampoline(lua: *mut ffi::lua_State) -> c_int {
    // SAFETY: `push_native` made the closure; Lua calls, and the frame owns nothing.
    unsafe {
        let native: Native = function_of(lua);
        let ended = run(lua, slots_of(lua), |stack| native(stack).map(|results| results as c_int));
        end(lua, ended)
    }
}

/// What Lua calls for each function that goes in steps. What is called between them may raise right through this frame.
unsafe extern "C-unwind" fn stepping_trampoline(lua: *mut ffi::lua_State) -> c_int {
    // SAFETY: `push_stepping` made the closure; Lua calls, and the frame owns nothing. What `next` asks for was on the stack when it did.
    unsafe {
        let function: Stepping = function_of(lua);
        let slots = slots_of(lua);
        let mut step = Step::First;
        loop {
            let ended = run(lua, slots, |stack| {
                let next = function(stack, step)?;
                let wanted = match next {
                    Next::Return(results) => results as c_int,
                    Next::Call(arguments) => arguments + 1,
                    Next::Index => 2,
                };
                assert!((0..=stack.top()).contains(&wanted), "what is to be called is on the stack");
                Ok(next)
            });
            match end(lua, ended) {
                Next::Return(results) => return results as c_int,
                Next::Call(arguments) => ffi::lua_call(lua, arguments, 1),
                Next::Index => {
                    ffi::lua_gettable_(lua, -2);
                    ffi::lua_remove(lua, -2);
                }
            }
            step = Step::Further;
        }
    }
}

/// What Lua calls for each guarded function of its own, which runs in the same frame as if nothing had been before it: its messages have
/// its name, and the place of whoever called.
unsafe extern "C-unwind" fn guarding_trampoline(lua: *mut ffi::lua_State) -> c_int {
    // SAFETY: `push_guarded` made the closure; Lua calls, and the frame owns nothing.
    unsafe {
        let guard: Guard = function_of(lua);
        let ended = run(lua, slots_of(lua), guard);
        match end(lua, ended) {
            Guarded::Done(results) => results as c_int,
            Guarded::Runs => {
                let function = ffi::lua_touserdata(lua, ffi::lua_upvalueindex(2));
                std::mem::transmute::<*mut c_void, ffi::lua_CFunction>(function)(lua)
            }
        }
    }
}

/// Compares two values for a function that has nothing of Lua called otherwise.
unsafe extern "C-unwind" fn less_than(lua: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls, and the frame owns nothing while Lua compares, which may raise. There are slots.
    unsafe {
        let ended = run(lua, slots_of(lua), |stack| {
            stack.set_top(2);
            stack.spend(WORK_OF_A_CALL)
        });
        end(lua, ended);
        let is_less = ffi::lua_lessthan(lua, 1, 2);
        ffi::lua_pushboolean(lua, is_less);
        1
    }
}

/// What Lua calls after every so many instructions.
unsafe extern "C-unwind" fn tick(lua: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: Lua calls, and the frame owns nothing.
    unsafe {
        let context = context_of(lua);
        context.spend(WORK_OF_A_TICK);
        if context.used.get() >= context.collect_at.get() {
            let leniency = context.be_lenient();
            Stack { lua, slots: 0, interpreter: PhantomData }.collect_garbage();
            drop(leniency);
        }
        if !context.is_look_due() {
            return;
        }
        match run(lua, slots_of(lua), |stack| stack.spend(0)) {
            // What is over the limit is the script's own, and it will hear of that when it asks for more.
            Ended::OutOfMemory if !context.has_panicked() => {}
            ended => end(lua, ended),
        }
    }
}
