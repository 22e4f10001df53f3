//! The table `redis`: what a script can ask of the store.
use redlet_core::script::{LogLevel, ScriptHash};
use redlet_core::session::Protocol;
use redlet_core::{Error, Reply, number};
use smallvec::SmallVec;

use crate::conversion::{push_error, push_refusal, push_reply, until_zero};
use crate::registration::register_function;
use crate::sandbox::refuse_undefined;
use crate::state::{Kind, Native, Raise, Stack};

const NOTHING_TO_CALL: &str = "ERR Please specify at least one argument for this redis lib call";
const NO_WORDS: &str = "ERR Lua redis lib command arguments must be strings or integers";

/// Pushes the table as scripts have it.
pub(crate) fn push_for_scripts(stack: &mut Stack<'_>, version: &str) {
    const FURTHER: [(&str, Native); 3] =
        [("replicate_commands", replicate_commands), ("breakpoint", breakpoint), ("debug", debug)];
    push_for_functions(stack, version);
    push_natives(stack, &FURTHER);
}

/// Pushes the table as a library has it while it is loaded.
pub(crate) fn push_for_loading(stack: &mut Stack<'_>, version: &str) {
    const FUNCTIONS: [(&str, Native); 2] = [("register_function", register_function), ("log", log)];
    stack.push_table(0, 16);
    push_natives(stack, &FUNCTIONS);
    push_constants(stack, version);
    refuse_undefined(stack);
}

/// Puts functions into the table on top.
fn push_natives(stack: &mut Stack<'_>, natives: &[(&str, Native)]) {
    for (name, native) in natives {
        stack.push_native(*native, 0);
        stack.raw_set_field(-2, name);
    }
}

/// Pushes the table as functions have it.
pub(crate) fn push_for_functions(stack: &mut Stack<'_>, version: &str) {
    const FUNCTIONS: [(&str, Native); 9] = [
        ("call", call),
        ("pcall", pcall),
        ("error_reply", error_reply),
        ("status_reply", status_reply),
        ("sha1hex", sha1hex),
        ("log", log),
        ("setresp", setresp),
        ("set_repl", set_repl),
        ("acl_check_cmd", acl_check_cmd),
    ];
    stack.push_table(0, 24);
    push_natives(stack, &FUNCTIONS);
    push_constants(stack, version);
    push_numbers(
        stack,
        &[
            ("REPL_NONE", 0.0),
            ("REPL_AOF", 1.0),
            ("REPL_SLAVE", 2.0),
            ("REPL_REPLICA", 2.0),
            ("REPL_ALL", 3.0),
        ],
    );
}

/// Puts numbers into the table on top.
fn push_numbers(stack: &mut Stack<'_>, numbers: &[(&str, f64)]) {
    for (name, value) in numbers {
        stack.push_number(*value);
        stack.raw_set_field(-2, name);
    }
}

/// Puts what every kind of the table has beside functions into the one on top.
fn push_constants(stack: &mut Stack<'_>, version: &str) {
    const LEVELS: [(&str, f64); 4] =
        [("LOG_DEBUG", 0.0), ("LOG_VERBOSE", 1.0), ("LOG_NOTICE", 2.0), ("LOG_WARNING", 3.0)];
    push_numbers(stack, &LEVELS);
    stack.push_bytes(version);
    stack.raw_set_field(-2, "REDIS_VERSION");
    let number =
        version.split('.').fold(0_u32, |number, part| number << 8 | part.parse::<u32>().unwrap_or(0));
    stack.push_number(number.into());
    stack.raw_set_field(-2, "REDIS_VERSION_NUM");
}

/// Raises an error in the form of a table, as Redis's functions do.
pub(crate) fn raise_error(stack: &mut Stack<'_>, text: &'static str) -> Raise {
    push_refusal(stack, text);
    stack.raise_top()
}

/// What `body` makes of the arguments as a command's words: strings as they are, numbers as text.
///
/// # Errors
/// The refusal of arguments that are no words.
fn with_words<T>(stack: &Stack<'_>, body: impl FnOnce(&[&[u8]]) -> T) -> Result<T, &'static str> {
    let count = stack.top();
    if count == 0 {
        return Err(NOTHING_TO_CALL);
    }
    let mut numbers = SmallVec::<[String; 4]>::new();
    for place in 1..=count {
        match stack.kind(place) {
            Kind::String => {}
            Kind::Number => numbers.push(word_of_number(stack.number(place).unwrap_or_default())),
            _ => return Err(NO_WORDS),
        }
    }
    let mut numbers = numbers.iter();
    let mut words = SmallVec::<[&[u8]; 16]>::new();
    for place in 1..=count {
        words.push(match stack.bytes(place) {
            Some(bytes) => bytes,
            None => numbers.next().map(String::as_bytes).unwrap_or_default(),
        });
    }
    Ok(body(&words))
}

/// A number as a command's word: without a fraction if it has none, else the digits that tell it from others.
fn word_of_number(value: f64) -> String {
    let integer = value as i64;
    if integer as f64 == value && !matches!(integer, i64::MIN | i64::MAX) {
        integer.to_string()
    } else if value.is_nan() && value.is_sign_negative() {
        "-nan".to_owned()
    } else {
        number::format_double(value)
    }
}

/// Runs the command that the arguments are, and pushes what it answers. True if that is an error.
fn run(stack: &mut Stack<'_>) -> bool {
    let result = with_words(stack, |words| {
        stack.with_caller(|caller| caller.call(words)).unwrap_or_else(|| {
            Err(Error::Refused("ERR redis.call/pcall can only be called inside a script invocation".into()))
        })
    });
    match result {
        Ok(result) => {
            let (is_error, protocol) = (result.is_err(), protocol(stack));
            push_reply(stack, result.unwrap_or_else(Reply::Error), protocol);
            is_error
        }
        Err(refusal) => {
            push_refusal(stack, refusal);
            true
        }
    }
}

fn protocol(stack: &Stack<'_>) -> Protocol {
    stack.with_caller(|caller| caller.protocol()).unwrap_or_default()
}

fn call(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if run(stack) { Err(stack.raise_top()) } else { Ok(1) }
}

fn pcall(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    run(stack);
    Ok(1)
}

/// Pushes a table with one field, the argument: a reply of one line.
fn single_field(stack: &mut Stack<'_>, field: &str, shape: impl FnOnce(&[u8]) -> Vec<u8>) -> usize {
    let text = (stack.top() == 1).then(|| stack.bytes(1).map(shape)).flatten();
    stack.push_table(0, 1);
    match text {
        Some(text) => {
            stack.push_bytes(text);
            stack.raw_set_field(-2, field);
        }
        None => {
            stack.push_bytes("ERR wrong number or type of arguments");
            stack.raw_set_field(-2, "err");
        }
    }
    1
}

fn error_reply(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    Ok(single_field(stack, "err", |text| {
        let text = until_zero(text);
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let text = text.iter().position(|byte| !is_break(byte)).map_or(&[][..], |start| &text[start..]);
        let text = text.iter().rposition(|byte| !is_break(byte)).map_or(&[][..], |end| &text[..=end]);
        if text.contains(&b' ') { text.to_vec() } else { [b"ERR ", text].concat() }
    }))
}

fn status_reply(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    Ok(single_field(stack, "ok", <[u8]>::to_vec))
}

fn sha1hex(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() != 1 {
        return Err(raise_error(stack, "ERR wrong number of arguments"));
    }
    let hash = ScriptHash::of(&stack.text(1).unwrap_or_default());
    stack.push_bytes(hash.to_string());
    Ok(1)
}

fn log(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() < 2 {
        return Err(raise_error(stack, "ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = stack.number_of_any(1) else {
        return Err(raise_error(stack, "ERR First argument must be a number (log level)."));
    };
    let level = match level as i64 {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(raise_error(stack, "ERR Invalid log level.")),
    };
    let words: Vec<_> = (2..=stack.top()).filter_map(|place| stack.text(place)).collect();
    let message = words.join(&b' ');
    stack.with_caller(|caller| caller.log(level, &message));
    Ok(0)
}

fn setresp(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() != 1 {
        return Err(raise_error(stack, "ERR redis.setresp() requires one argument."));
    }
    let protocol = match stack.number_of_any(1).unwrap_or_default() as i64 {
        2 => Protocol::Resp2,
        3 => Protocol::Resp3,
        _ => return Err(raise_error(stack, "ERR RESP version must be 2 or 3.")),
    };
    stack.with_caller(|caller| caller.set_protocol(protocol));
    Ok(0)
}

/// There are no replicas, and the log has effects.
fn set_repl(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() != 1 {
        return Err(raise_error(stack, "ERR redis.set_repl() requires one argument."));
    }
    if !(0..=3).contains(&(stack.number_of_any(1).unwrap_or_default() as i64)) {
        return Err(raise_error(
            stack,
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    Ok(0)
}

/// It is so without being asked for.
fn replicate_commands(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    stack.push_boolean(true);
    Ok(1)
}

/// There is no debugger.
fn breakpoint(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    stack.push_boolean(false);
    Ok(1)
}

/// There is no debugger.
fn debug(_: &mut Stack<'_>) -> Result<usize, Raise> {
    Ok(0)
}

fn acl_check_cmd(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    let result =
        with_words(stack, |words| stack.with_caller(|caller| caller.may_call(words)).unwrap_or(Ok(true)));
    match result {
        Ok(Ok(may)) => {
            stack.push_boolean(may);
            Ok(1)
        }
        Ok(Err(error)) => {
            push_error(stack, &error);
            Err(stack.raise_top())
        }
        Err(refusal) => Err(raise_error(stack, refusal)),
    }
}
