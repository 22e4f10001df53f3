//! Scripts that would crash the process, or never give it back: they end with an error, and nothing is left of them.
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use redlet_core::script::{Callable, Caller, Interpreter, LogLevel, Script, Words};
use redlet_core::session::Protocol;
use redlet_core::{Engine, EngineOptions, Error, ManualClock, Reply, Result, UnixMs};
use redlet_script::Lua;

const KILLED: &str = "the test has waited long enough";

/// Lets a script go on until it has been asked so many times.
struct Patience {
    looks: usize,
    asked: Cell<usize>,
}

impl Caller for Patience {
    fn call(&mut self, words: &[&[u8]]) -> Result<Reply> {
        Ok(Reply::Integer(words.len() as i64))
    }

    fn may_call(&self, _: &[&[u8]]) -> Result<bool> {
        Ok(true)
    }

    fn protocol(&self) -> Protocol {
        Protocol::Resp2
    }

    fn set_protocol(&mut self, _: Protocol) {}

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn look_around(&mut self) -> std::result::Result<(), Cow<'static, str>> {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() > self.looks { Err(KILLED.into()) } else { Ok(()) }
    }
}

/// What a script answers where it may hold so many bytes, and is ended after so many looks around.
fn run_within(bytes: usize, looks: usize, source: &str) -> Result<Reply> {
    let lua = Lua::with_memory(bytes);
    let script = Callable::Script(Arc::new(Script::of_source(source.as_bytes())?));
    let result =
        lua.run(&script, Words { keys: &[], args: &[] }, &mut Patience { looks, asked: Cell::new(0) });
    // Whoever comes next finds an interpreter as if nothing had been.
    let next = Callable::Script(Arc::new(Script::of_source(
        b"return string.rep('ab', 2) .. #table.concat({1, 2})",
    )?));
    let after =
        lua.run(&next, Words { keys: &[], args: &[] }, &mut Patience { looks: 9, asked: Cell::new(0) });
    assert_eq!(after, Ok(Reply::bulk(b"abab2")), "after {source}");
    result
}

fn text(result: Result<Reply>) -> String {
    match result {
        Ok(reply) => format!("{reply:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn whatever_takes_long_in_one_call_can_be_ended() {
    // `#fake` is half a billion and more, and the table has a few hundred elements.
    let fake = "local fake = {} for _ = 1, 100 do local i = #fake + 1 while i < 2 ^ 30 do fake[i] = 1 i = i * 2 end end ";
    let endless = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "return string.find(string.rep('a', 40), string.rep('a*', 20) .. 'b')",
        "return string.match(string.rep('a', 40), string.rep('a-', 20) .. 'b')",
        "return string.gsub(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40) .. 'b', '')",
        "return string.gsub(string.rep('a', 1e6), '(.-)-b', '')",
        "for _ in string.gmatch(string.rep('a', 1e6), '.-b') do end",
        "return string.find(string.rep('(', 1e6), '%b()')",
        "while true do string.find(string.rep('a', 1e6), 'b', 1, true) end",
        "local long = string.rep('x', 1e7) while true do local _ = long .. 'y' end",
        "local long = string.rep('x', 1e7) while true do local _ = string.rep(long, 2) end",
        "local long = string.rep('x', 1e7) while true do local _ = long:upper() end",
        "while true do collectgarbage() end",
        "return load(function() return 'x ' end)",
        "return load(os.clock)",
        "local t = {1} for _ = 1, 60 do t = {t, t} end return cjson.encode(t)",
        "local t = {1} for _ = 1, 15 do t = {t, t, t, t} end return cmsgpack.pack(t)",
        "local t = {} for i = 1, 1e5 do t[i] = {} end while true do cjson.encode(t) end",
        "string.gsub(string.rep('a', 1e7), 'a', os.clock)",
        "string.gsub(string.rep('a', 1e7), '', function() end)",
    ];
    for source in endless {
        let answer = text(run_within(64 << 20, 3, source));
        assert!(answer.contains(KILLED), "{source}: {answer}");
    }
    for call in
        ["remove(fake, 1)", "insert(fake, 1, 'x')", "foreachi(fake, redis.debug)", "sort(fake, os.clock)"]
    {
        let source = format!("{fake} if #fake < 5e8 then return 'short' end table.{call}");
        let answer = text(run_within(64 << 20, 30, &source));
        assert!(answer.contains(KILLED), "{call}: {answer}");
    }
}

#[test]
fn memory_ends_where_it_is_said_to_end() {
    let sources = [
        "return string.rep('x', 2e9)",
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "return string.gsub(string.rep('a', 1e6), 'a', string.rep('b', 1e6))",
        "local long = string.rep('b', 1e6) return string.gsub(string.rep('a', 1e6), 'a', function() return long end)",
        "local piece = string.rep('x', 1e6) return {select(2, load(function() return piece end))}",
        "return {select(2, loadstring('return {' .. string.rep('{},', 5e6) .. '}'))}",
        "local t = {1} for _ = 1, 60 do t = {t, t} end return t",
        "local long, t = string.rep('x', 1e6), {} for i = 1, 1e4 do t[i] = long end return table.concat(t)",
        "local long, t = string.rep('x', 1e6), {} for i = 1, 1e4 do t[i] = long end return t",
    ];
    for source in sources {
        let answer = text(run_within(32 << 20, 1000, source));
        assert!(answer.contains("not enough memory"), "{source}: {answer:.200}");
    }
}

#[test]
fn garbage_is_none_of_the_memory_that_a_script_may_have() {
    let sources = [
        "for _ = 1, 100 do local s = string.rep('x', 2e7) end return 'done'",
        "local kept = string.rep('x', 2e7) for i = 1, 1e5 do local s = 'y' .. i .. 'z' end return 'done'",
        "local kept = {} for i = 1, 2e5 do kept[i] = {} end for i = 1, 2e6 do local t = {} end return 'done'",
        "collectgarbage('stop') for i = 1, 2e6 do local t = {} end return 'done'",
    ];
    for source in sources {
        assert_eq!(run_within(32 << 20, 100_000, source), Ok(Reply::bulk(b"done")), "{source}");
    }
}

#[test]
fn no_recursion_reaches_the_end_of_the_native_stack() {
    let sources = [
        "local f f = function() return pcall(f) end return f()",
        "local f f = function() f() return 1 end return {pcall(f)}",
        "local f f = function() string.gsub('a', 'a', f) end return {pcall(f)}",
        "local f f = function() table.sort({1, 2, 3}, function(a, b) f() return a < b end) end return {pcall(f)}",
        "local f f = function() table.foreachi({1}, f) end return {pcall(f)}",
        "local f f = function() return load(f) end return {f()}",
        "local f f = function() return coroutine.wrap(f)() end return {pcall(f)}",
        "local f f = function() return coroutine.resume(coroutine.create(f)) end return {f()}",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return {pcall(function() return t.x end)}",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return (string.gsub(k, '.', t)) end return {pcall(function() return t.x end)}",
        "local f f = function(e) local ok, m = xpcall(function() error(e) end, f) return m end return tostring(f('x'))",
        "return string.find(string.rep('a', 1e6), string.rep('a?', 1e5))",
        "return loadstring('return ' .. string.rep('(', 1e6))",
        "return loadstring('return ' .. string.rep('{', 1e6))",
        "return loadstring('return ' .. string.rep('-', 1e6) .. '1')",
        "return loadstring(string.rep('if x then ', 1e5))",
        "local t = {} for _ = 1, 1e6 do t = {t} end return t",
        "local s = '' for _ = 1, 1e5 do s = 'x' end local t = {} for i = 1, 7999 do t[i] = i end return {pcall(pcall, pcall, unpack(t))}",
        "local t = {} for i = 1, 7999 do t[i] = i end return {pcall(redis.call, 'x', unpack(t))}",
        "local function g(...) return 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ... end local function h(n, ...) if n == 0 then return ... end \
         return h(n - 1, g(...)) end return select('#', pcall(h, 2000))",
    ];
    for source in sources {
        // The threads of tests have 2 MiB of stack, which is what threads have.
        let answer = text(run_within(64 << 20, 10_000, source));
        assert!(!answer.contains(KILLED), "{source}: {answer:.300}");
    }
}

/// A script that tries to leave something behind; the next one looks for it.
#[test]
fn nothing_that_a_script_does_is_seen_by_the_next_one() {
    let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
    let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 16, shards: 64 });
    engine.set_interpreter(Arc::new(Lua::new()));
    let eval = |source: &str| engine.execute(0, &[b"EVAL", source.as_bytes(), b"0"]);
    let attempts = [
        "string.rep = 5",
        "rawset(string, 'rep', 5)",
        "table.insert(string, 'left')",
        "table.insert(_G, 1, 'left')",
        "table.remove(string, 1) string[1] = 'left'",
        "table.sort(string)",
        "table.foreach(string, function(name) string[name] = 5 end)",
        "table.setn(string, 5)",
        "setmetatable(string, {__index = function() return 'left' end})",
        "setmetatable(_G, {__index = function() return 'left' end})",
        "getmetatable('').__index = function() return 'left' end",
        "getmetatable('').__add = function() return 'left' end",
        "rawset(getmetatable(''), '__index', 5)",
        "setmetatable(getmetatable(''), {__index = 5})",
        "getmetatable(_G).__index = function() return 'left' end",
        "rawset(getmetatable(_G), '__newindex', nil)",
        "setmetatable(getmetatable(_G), {})",
        "getmetatable(getmetatable(_G)).__index = 5",
        "local name, library = next(_G) library.left = 'left'",
        "for name, library in pairs(_G) do if type(library) == 'table' then rawset(library, 'left', 'left') end end",
        "for name in pairs(string) do string[name] = 5 end",
        "loadstring('left = 5')()",
        "load(function() return nil end)() left = 5",
        "coroutine.wrap(function() left = 5 end)()",
        "coroutine.wrap(function() string.rep = 5 end)()",
        "xpcall(function() error('x') end, function() left = 5 end)",
        "string.gsub('left', '.*', setmetatable({}, {__index = _G, __newindex = _G})) _G.left = 5",
        "string.gsub('x', 'x', function() left = 5 end)",
        "local t = setmetatable({}, {__newindex = _G}) t.left = 5",
        "local t = setmetatable({}, {__newindex = string}) t.rep = 5",
        "KEYS[1] = 'left' ARGV[1] = 'left'",
        "redis.call = 5",
        "redis.setresp(3)",
        "collectgarbage('stop') collectgarbage('setpause', 1000000)",
        "pcall.left = 5",
        "__redis__err__handler = nil",
    ];
    let trace = "local trace = {} for _, library in ipairs({string, table, math, os, redis, _G}) do \
                 trace[#trace + 1] = tostring(rawget(library, 'left')) trace[#trace + 1] = tostring(library[1]) end \
                 trace[#trace + 1] = ('x'):rep(2) .. table.concat({1, 2}, ',') .. #KEYS .. #ARGV .. tostring(KEYS[1]) \
                 trace[#trace + 1] = tostring(pcall(function() return left end)) \
                 trace[#trace + 1] = tostring(pcall(function() return 'a' + 1 end)) \
                 trace[#trace + 1] = type(redis.call('echo', 'x')) return table.concat(trace, ' ')";
    let before = eval(&trace.replace("tostring(library[1])", "tostring(rawget(library, 1))"));
    assert!(before.is_ok(), "{before:?}");
    for attempt in attempts {
        let _ = eval(attempt);
        let after = eval(&trace.replace("tostring(library[1])", "tostring(rawget(library, 1))"));
        assert_eq!(after, before, "after {attempt}");
    }
}

#[test]
fn a_script_that_had_to_end_says_why_even_where_it_waited_for_memory() {
    let source = "local long = string.rep('x', 1e7) while true do local _ = long .. 'y' end";
    let answer = run_within(64 << 20, 2, source);
    assert!(matches!(&answer, Err(Error::Refused(text)) if text.contains(KILLED)), "{answer:?}");
}
