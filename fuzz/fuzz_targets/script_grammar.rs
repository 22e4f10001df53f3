//! Scripts from a small grammar, which get further than bytes do: statements, loops, strings and patterns, tables, metatables, coroutines,
//! protected calls, libraries and commands. An answer or an error, soon; and the next script finds what every script finds.
#![no_main]
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use redlet_core::Reply;
use redlet_fuzz::Scripted;

const NAMES: [&str; 4] = ["a", "b", "f", "t"];
const CONSTANTS: [&str; 20] = [
    "nil", "true", "false", "0", "1", "-1", "7", "0/0", "1/0", "2^31", "2^53", "1e300", "''", "'a'", "'key'",
    "'10'", "'a\\0b'", "KEYS", "ARGV[1]", "{}",
];
const FUNCTIONS: [&str; 64] = [
    "string.find",
    "string.match",
    "string.gmatch",
    "string.gsub",
    "string.rep",
    "string.sub",
    "string.byte",
    "string.char",
    "string.format",
    "string.len",
    "string.lower",
    "string.reverse",
    "string.dump",
    "table.insert",
    "table.remove",
    "table.sort",
    "table.concat",
    "table.getn",
    "table.maxn",
    "table.foreach",
    "table.foreachi",
    "table.setn",
    "math.max",
    "math.random",
    "math.randomseed",
    "math.floor",
    "tostring",
    "tonumber",
    "type",
    "select",
    "unpack",
    "next",
    "pairs",
    "ipairs",
    "rawget",
    "rawset",
    "rawequal",
    "setmetatable",
    "getmetatable",
    "pcall",
    "xpcall",
    "error",
    "assert",
    "load",
    "loadstring",
    "collectgarbage",
    "coroutine.create",
    "coroutine.resume",
    "coroutine.wrap",
    "coroutine.yield",
    "coroutine.status",
    "redis.call",
    "redis.pcall",
    "redis.error_reply",
    "redis.sha1hex",
    "redis.setresp",
    "redis.log",
    "cjson.encode",
    "cjson.decode",
    "cmsgpack.pack",
    "cmsgpack.unpack",
    "struct.pack",
    "struct.unpack",
    "bit.bor",
];
const COMMANDS: [&str; 16] = [
    "get", "set", "incr", "append", "del", "lpush", "lrange", "hset", "hgetall", "sadd", "smembers", "zadd",
    "zrange", "eval", "select", "nosuch",
];
const PATTERNS: [&str; 16] =
    ["a", ".", "%a", "%d+", "(", ")", "()", "%1", "%b()", "%f[%w]", "[a-z]", "[^a", "a*", "a-", ".?", "$"];
const METAMETHODS: [&str; 10] =
    ["__index", "__newindex", "__call", "__add", "__concat", "__eq", "__lt", "__len", "__metatable", "__gc"];

/// Writes a script.
struct Author<'b, 'd> {
    bytes: &'b mut Unstructured<'d>,
    script: String,
    depth: usize,
}

impl Author<'_, '_> {
    fn write(&mut self, text: &str) {
        self.script.push_str(text);
    }

    fn choose(&mut self, from: &[&'static str]) -> Result<&'static str> {
        self.bytes.choose(from).copied()
    }

    fn block(&mut self) -> Result<()> {
        for _ in 0..self.bytes.int_in_range(0..=4)? {
            self.statement()?;
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<()> {
        if self.depth > 5 || self.bytes.is_empty() {
            return Ok(());
        }
        self.depth += 1;
        match self.bytes.int_in_range(0..=11)? {
            0 | 1 => {
                let name = self.choose(&NAMES)?;
                self.write(name);
                self.write(" = ");
                self.expression()?;
            }
            2 => {
                self.write("for i = 1, ");
                self.expression()?;
                self.write(" do ");
                self.block()?;
                self.write(" end");
            }
            3 => {
                self.write("while ");
                self.expression()?;
                self.write(" do ");
                self.block()?;
                self.write(" end");
            }
            4 => {
                self.write("if ");
                self.expression()?;
                self.write(" then ");
                self.block()?;
                self.write(" else ");
                self.block()?;
                self.write(" end");
            }
            5 => {
                self.write("for k, v in pairs(");
                self.expression()?;
                self.write(") do ");
                self.block()?;
                self.write(" end");
            }
            6 => {
                self.write("t[");
                self.expression()?;
                self.write("] = ");
                self.expression()?;
            }
            7 => {
                let metamethod = self.choose(&METAMETHODS)?;
                self.write("t = setmetatable(type(t) == 'table' and t or {}, {");
                self.write(metamethod);
                self.write(" = ");
                self.expression()?;
                self.write("})");
            }
            8 => {
                let command = self.choose(&COMMANDS)?;
                self.write("a = redis.pcall('");
                self.write(command);
                self.write("', 'key', ");
                self.expression()?;
                self.write(")");
            }
            _ => {
                self.write("b = ");
                self.call()?;
            }
        }
        self.write(" ");
        self.depth -= 1;
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let function = self.choose(&FUNCTIONS)?;
        let is_protected = self.bytes.ratio(1, 2)?;
        self.write(if is_protected { "select(2, pcall(" } else { "" });
        self.write(function);
        self.write(if is_protected { ", " } else { "(" });
        self.expression()?;
        for _ in 0..self.bytes.int_in_range(0..=3)? {
            self.write(", ");
            self.expression()?;
        }
        self.write(if is_protected { "))" } else { ")" });
        Ok(())
    }

    fn expression(&mut self) -> Result<()> {
        if self.depth > 8 || self.bytes.is_empty() {
            self.write("1");
            return Ok(());
        }
        self.depth += 1;
        match self.bytes.int_in_range(0..=11)? {
            0..=2 => {
                let constant = self.choose(&CONSTANTS)?;
                self.write(constant);
            }
            3 | 4 => {
                let name = self.choose(&NAMES)?;
                self.write(name);
            }
            5 => {
                self.write("'");
                for _ in 0..self.bytes.int_in_range(0..=6)? {
                    let piece = self.choose(&PATTERNS)?;
                    self.write(piece);
                }
                self.write("'");
            }
            6 => {
                self.write("function(a, ...) ");
                self.block()?;
                self.write("return ");
                self.expression()?;
                self.write(" end");
            }
            7 => {
                self.write("(");
                self.expression()?;
                let operator = self.choose(&["+", "-", "..", "==", "<", "and", "or", "%", "^"])?;
                self.write(" ");
                self.write(operator);
                self.write(" ");
                self.expression()?;
                self.write(")");
            }
            8 => {
                self.write("{");
                self.expression()?;
                self.write(", key = ");
                self.expression()?;
                self.write("}");
            }
            9 => {
                let function = self.choose(&FUNCTIONS)?;
                self.write(function);
            }
            _ => self.call()?,
        }
        self.depth -= 1;
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let bytes = &mut Unstructured::new(data);
    let mut author =
        Author { bytes, script: "local a, b, f, t = 1, 'aab(a)', tostring, {1, 2, 3} ".to_owned(), depth: 0 };
    for _ in 0..12 {
        // What the bytes did not suffice for is left out: a script that is cut short is one that says nothing.
        let length = author.script.len();
        author.depth = 0;
        if author.statement().is_err() {
            author.script.truncate(length);
        }
    }
    author.write("return a, b, t");
    let mut store = Scripted::new();
    let _ = store.run(author.script.as_bytes());
    let after =
        store.run(b"return string.rep('ab', 2) .. #table.concat({1, 2}, ',') .. tostring(rawget(_G, 'x'))");
    assert_eq!(after, Ok(Reply::bulk(b"abab3nil")), "after {}", author.script);
});
