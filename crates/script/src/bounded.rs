//! Functions of Lua's libraries that could run for ever in a single call, or need a stack or memory without end.
//!
//! Lua interrupts a script between instructions, and one call is one instruction. So what can take long in a call is done here in pieces,
//! between which the caller is asked whether the script may go on; results and words of errors are Lua's own.
use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use crate::integers::{to_i32, to_i64};
use crate::patterns::{CaptureKind, Fault, Matcher, Watch, has_specials};
use crate::state::{Guard, Guarded, Kind, Native, Next, Raise, Stack, Step, WORK_OF_A_CALL};

/// Bytes that are compared or copied in a unit of work.
const BYTES_A_UNIT: usize = 16;
/// So many elements of a table Lua's own functions may move or sort: what they do then takes a millisecond or so even where it is much.
const FEW: usize = 4096;

/// Puts the functions into the library `string`, which is on top, in the place of Lua's own.
pub(crate) fn install_strings(stack: &mut Stack<'_>) {
    let natives: [(&str, Native); 3] = [("rep", rep), ("find", find), ("match", r#match)];
    for (name, native) in natives {
        stack.push_native(native, 0);
        stack.raw_set_field(-2, name);
    }
    stack.push_native(gmatch, 0);
    stack.push_copy(-1);
    stack.raw_set_field(-3, "gmatch");
    stack.raw_set_field(-2, "gfind");
    stack.push_stepping(gsub, 0);
    stack.raw_set_field(-2, "gsub");
}

/// Puts the functions into the library `table`, which is on top, in the place of Lua's own.
pub(crate) fn install_tables(stack: &mut Stack<'_>) {
    guard(stack, "remove", remove);
    guard(stack, "sort", sort);
    stack.push_stepping(foreachi, 0);
    stack.raw_set_field(-2, "foreachi");
}

/// Puts the functions among the globals, which are on top, in the place of Lua's own.
pub(crate) fn install_globals(stack: &mut Stack<'_>) {
    guard(stack, "collectgarbage", collectgarbage);
}

/// Sets a guard before a function of the table on top.
fn guard(stack: &mut Stack<'_>, name: &str, guard: Guard) {
    stack.raw_get_field(-1, name);
    let function = stack.lua_function(-1).unwrap_or_else(|| unreachable!("Lua has a function {name}"));
    stack.pop(1);
    stack.push_guarded(guard, function, 0);
    stack.raw_set_field(-2, name);
}

/// An argument that has to be a string. A number becomes one.
fn string_argument(stack: &mut Stack<'_>, place: i32) -> Result<(), Raise> {
    if stack.kind(place) != Kind::String {
        let text = stack.check_text(place)?.into_owned();
        stack.push_bytes(text);
        stack.replace(place);
    }
    Ok(())
}

/// An argument that is a number without its fraction, if it is there.
fn integer_argument(stack: &mut Stack<'_>, place: i32) -> Result<Option<i64>, Raise> {
    match stack.kind(place) {
        Kind::None | Kind::Nil => Ok(None),
        _ => stack.check_number(place).map(|number| Some(to_i64(number))),
    }
}

/// `string.rep`
fn rep(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    string_argument(stack, 1)?;
    let count = to_i32(stack.check_number(2)?);
    let count = usize::try_from(count).unwrap_or(0);
    // What is too much for a number is too much for memory.
    let bytes = stack.length(1).saturating_mul(count);
    stack.expect_free_bytes(bytes)?;
    let repeated = stack.bytes(1).filter(|_| bytes > 0).map(|text| text.repeat(count)).unwrap_or_default();
    stack.push_bytes(repeated);
    Ok(1)
}

/// Matches something against the text and the pattern at two places, `^` taken away where it is heeded. The captures of a match have their
/// bounds in the matcher.
fn with_matcher<T>(
    stack: &mut Stack<'_>,
    (text, pattern): (i32, i32),
    heeds_anchor: bool,
    body: impl FnOnce(Match<'_, '_>) -> Result<T, Fault<Cow<'static, str>>>,
) -> Result<T, Raise> {
    let lent = &*stack;
    let source = lent.bytes(pattern).unwrap_or_default();
    let anchored = source.strip_prefix(b"^").filter(|_| heeds_anchor);
    let pattern = lent.pattern(anchored.unwrap_or(source));
    let mut watch = Watch { steps_left: lent.work_left(), look: &mut || lent.ask_for_work() };
    let result = body(Match {
        text: lent.bytes(text).unwrap_or_default(),
        is_anchored: anchored.is_some(),
        matcher: Matcher::new(&pattern),
        watch: &mut watch,
    });
    let steps_left = watch.steps_left;
    stack.set_work_left(steps_left);
    result.map_err(|fault| match fault {
        Fault::Malformed(what) => stack.raise_here(what),
        Fault::Ended(why) => stack.end(&why),
    })
}

/// A pattern with the text that it is matched against.
struct Match<'m, 'w> {
    text: &'m [u8],
    is_anchored: bool,
    matcher: Matcher<'m>,
    watch: &'m mut Watch<'w, Cow<'static, str>>,
}

impl Match<'_, '_> {
    /// The first match from a place on; the one at that place where the pattern is anchored.
    fn find(&mut self, from: usize) -> Result<Option<Range<usize>>, Fault<Cow<'static, str>>> {
        if self.is_anchored {
            let end = self.matcher.at(self.text, from, self.watch)?;
            return Ok(end.map(|end| from..end));
        }
        let found = self.matcher.find(self.text, from, self.watch)?;
        Ok(found.map(|(start, end)| start..end))
    }

    /// A capture, from 0 on; the whole match is the first one where there are none.
    fn capture(&self, whole: &Range<usize>, number: usize) -> Result<Capture, Fault<Cow<'static, str>>> {
        let kind = self.matcher.pattern().captures().get(number);
        match (kind, self.matcher.bounds().get(number)) {
            (Some(CaptureKind::Bytes), Some(&(start, end))) => Ok(Capture::Bytes(start..end)),
            (Some(CaptureKind::Position), Some(&(start, _))) => Ok(Capture::Position(start + 1)),
            (Some(_), _) => Err(Fault::Malformed("unfinished capture")),
            (None, _) if number == 0 => Ok(Capture::Bytes(whole.clone())),
            (None, _) => Err(Fault::Malformed("invalid capture index")),
        }
    }

    /// All captures; the whole match where there are none.
    fn captures(&self, whole: &Range<usize>) -> Result<Captures, Fault<Cow<'static, str>>> {
        let count = self.matcher.bounds().len().max(1);
        (0..count).map(|number| self.capture(whole, number)).collect()
    }
}

type Captures = smallvec::SmallVec<[Capture; 4]>;

/// What a script sees of a capture.
#[derive(Debug)]
enum Capture {
    /// A part of the text.
    Bytes(Range<usize>),
    /// From 1 on.
    Position(usize),
}

/// Pushes captures of the text at a place.
fn push_captures(stack: &mut Stack<'_>, text: i32, captures: Captures) -> usize {
    let count = captures.len();
    captures.into_iter().for_each(|capture| push_capture(stack, text, capture));
    count
}

fn push_capture(stack: &mut Stack<'_>, text: i32, capture: Capture) {
    match capture {
        Capture::Bytes(part) => stack.push_part(text, part),
        Capture::Position(position) => stack.push_number(position as f64),
    }
}

/// The place in a text that a script's number means: from 1 on, or from its end where it is negative.
fn begin_of(number: i64, length: usize) -> usize {
    let from_begin = if number < 0 { number.saturating_add_unsigned(length as u64 + 1) } else { number };
    usize::try_from(from_begin.saturating_sub(1)).unwrap_or(0).min(length)
}

/// Pushes where something was found: the places of its first and last bytes.
fn push_found(stack: &mut Stack<'_>, found: &Range<usize>) -> usize {
    stack.push_number((found.start + 1) as f64);
    stack.push_number(found.end as f64);
    2
}

/// `string.find`
fn find(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    string_argument(stack, 1)?;
    string_argument(stack, 2)?;
    let begin = integer_argument(stack, 3)?.unwrap_or(1);
    let begin = begin_of(begin, stack.length(1));
    if !stack.boolean(4) && has_specials(stack.bytes(2).unwrap_or_default()) {
        return match_from(stack, begin, true);
    }
    let (text, wanted) = (stack.bytes(1).unwrap_or_default(), stack.bytes(2).unwrap_or_default());
    let found = memmem::find(&text[begin..], wanted).map(|at| begin + at..begin + at + wanted.len());
    stack.spend(
        found.as_ref().map_or(stack.length(1), |found| found.end).saturating_sub(begin) / BYTES_A_UNIT,
    )?;
    Ok(match found {
        Some(found) => push_found(stack, &found),
        None => push_nothing(stack),
    })
}

/// `string.match`
fn r#match(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    string_argument(stack, 1)?;
    string_argument(stack, 2)?;
    let begin = integer_argument(stack, 3)?.unwrap_or(1);
    let begin = begin_of(begin, stack.length(1));
    match_from(stack, begin, false)
}

fn push_nothing(stack: &mut Stack<'_>) -> usize {
    stack.push_nil();
    1
}

fn match_from(stack: &mut Stack<'_>, begin: usize, is_find: bool) -> Result<usize, Raise> {
    let found = with_matcher(stack, (1, 2), true, |mut matching| {
        let Some(found) = matching.find(begin)? else { return Ok(None) };
        let has_captures = !is_find || !matching.matcher.bounds().is_empty();
        let captures = if has_captures { matching.captures(&found)? } else { Captures::new() };
        Ok(Some((found, captures)))
    })?;
    let Some((found, captures)) = found else { return Ok(push_nothing(stack)) };
    let places = if is_find { push_found(stack, &found) } else { 0 };
    Ok(places + push_captures(stack, 1, captures))
}

/// `string.gmatch`, and `string.gfind`, as it was called before
fn gmatch(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    string_argument(stack, 1)?;
    string_argument(stack, 2)?;
    stack.set_top(2);
    stack.push_number(0.0);
    stack.push_native(next_match, 3);
    Ok(1)
}

/// What `string.gmatch` returns. `^` is a byte like others to it.
fn next_match(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    const TEXT: i32 = Stack::upvalue(1);
    const PATTERN: i32 = Stack::upvalue(2);
    const AT: i32 = Stack::upvalue(3);
    let at = stack.number(AT).unwrap_or_default() as usize;
    let found = with_matcher(stack, (TEXT, PATTERN), false, |mut matching| {
        let Some(found) = matching.find(at)? else { return Ok(None) };
        Ok(Some((matching.captures(&found)?, found)))
    })?;
    let Some((captures, found)) = found else { return Ok(0) };
    stack.push_number((found.end + usize::from(found.is_empty())) as f64);
    stack.replace(AT);
    Ok(push_captures(stack, TEXT, captures))
}

/// How far `string.gsub` has come. While it has functions called, this is kept at the beginning of the buffer with the new text.
#[derive(Clone, Copy, Debug, Default)]
struct Substituted {
    /// From here on the text is to be looked at.
    at: usize,
    count: usize,
    /// Bytes of the new text.
    written: usize,
    /// The match whose replacement is asked for.
    start: usize,
    end: usize,
}

impl Substituted {
    const BYTES: usize = 5 * size_of::<usize>();

    fn save(self, buffer: &mut [u8]) {
        let fields = [self.at, self.count, self.written, self.start, self.end];
        for (bytes, field) in buffer.chunks_exact_mut(size_of::<usize>()).zip(fields) {
            bytes.copy_from_slice(&field.to_ne_bytes());
        }
    }

    fn load(buffer: &[u8]) -> Self {
        let (fields, _) = buffer.as_chunks();
        let field = |number: usize| fields.get(number).copied().map(usize::from_ne_bytes).unwrap_or_default();
        Self { at: field(0), count: field(1), written: field(2), start: field(3), end: field(4) }
    }

    /// Goes on after a match. False if there can be no other.
    fn pass(&mut self, found: &Range<usize>, is_anchored: bool, length: usize) -> bool {
        self.count += 1;
        self.at = found.end;
        !is_anchored && (!found.is_empty() || found.end < length)
    }
}

/// Where `string.gsub` has what it works with.
const TEXT: i32 = 1;
const PATTERN: i32 = 2;
const REPLACEMENT: i32 = 3;
const MOST: i32 = 4;
const NEW_TEXT: i32 = 5;

/// `string.gsub`
fn gsub(stack: &mut Stack<'_>, step: Step) -> Result<Next, Raise> {
    let mut done = match step {
        Step::First => {
            string_argument(stack, TEXT)?;
            string_argument(stack, PATTERN)?;
            let most = integer_argument(stack, MOST)?.map_or(i64::MAX, |most| i64::from(most as i32));
            match stack.kind(REPLACEMENT) {
                Kind::String | Kind::Number => {
                    string_argument(stack, REPLACEMENT)?;
                    return substitute_text(stack, most);
                }
                Kind::Function | Kind::Table => {}
                _ => return Err(stack.bad_argument(REPLACEMENT, "string/function/table expected")),
            }
            stack.set_top(3);
            stack.push_number(most as f64);
            let bytes = Substituted::BYTES + stack.length(TEXT) + 64;
            stack.expect_free_bytes(bytes)?;
            stack.push_buffer(bytes);
            Substituted::default()
        }
        Step::Further => {
            let mut done = Substituted::load(stack.buffer(NEW_TEXT));
            put_value(stack, &mut done)?;
            done
        }
    };
    let is_table = stack.kind(REPLACEMENT) == Kind::Table;
    let most = stack.number(MOST).unwrap_or_default();
    while (done.count as f64) < most {
        let found = with_matcher(stack, (TEXT, PATTERN), true, |mut matching| {
            let from = done.at + usize::from(done.count > 0 && done.start == done.end);
            if from > matching.text.len() || (matching.is_anchored && done.count > 0) {
                return Ok(None);
            }
            let Some(found) = matching.find(from)? else { return Ok(None) };
            let captures = if is_table {
                std::iter::once(matching.capture(&found, 0)?).collect()
            } else {
                matching.captures(&found)?
            };
            Ok(Some((found, captures)))
        })?;
        let Some((found, captures)) = found else { break };
        let between = done.at..found.start;
        put(stack, &mut done, Source::Text(between))?;
        (done.at, done.start, done.end) = (found.end, found.start, found.end);
        done.count += 1;
        stack.push_copy(REPLACEMENT);
        let arguments = push_captures(stack, TEXT, captures) as i32;
        let is_plain = is_table && !has_metatable(stack, REPLACEMENT);
        if is_plain {
            stack.raw_get(REPLACEMENT);
            put_value(stack, &mut done)?;
            continue;
        }
        done.save(stack.buffer(NEW_TEXT));
        return Ok(if is_table { Next::Index } else { Next::Call(arguments) });
    }
    let rest = done.at..stack.length(TEXT);
    put(stack, &mut done, Source::Text(rest))?;
    let new_text = stack.buffer(NEW_TEXT)[Substituted::BYTES..][..done.written].to_vec();
    stack.push_bytes(new_text);
    stack.push_number(done.count as f64);
    Ok(Next::Return(2))
}

fn has_metatable(stack: &mut Stack<'_>, place: i32) -> bool {
    let has = stack.push_metatable(place);
    stack.pop(i32::from(has));
    has
}

/// What is put into the new text.
enum Source {
    /// A part of the text.
    Text(Range<usize>),
    /// The value on top.
    Top,
}

/// Puts the replacement, which is on top, into the new text; the match as it is if that is false or nil.
fn put_value(stack: &mut Stack<'_>, done: &mut Substituted) -> Result<(), Raise> {
    match stack.kind(-1) {
        Kind::String | Kind::Number => put(stack, done, Source::Top)?,
        _ if !stack.boolean(-1) => put(stack, done, Source::Text(done.start..done.end))?,
        other => {
            return Err(stack.raise_here(format!("invalid replacement value (a {})", other.name())));
        }
    }
    stack.set_top(NEW_TEXT);
    Ok(())
}

fn put(stack: &mut Stack<'_>, done: &mut Substituted, source: Source) -> Result<(), Raise> {
    let text = match source {
        Source::Text(part) if part.is_empty() => return Ok(()),
        Source::Text(part) => stack.bytes(TEXT).map(|text| text[part].to_vec()),
        Source::Top => stack.text(-1).map(Cow::into_owned),
    };
    let text = text.unwrap_or_default();
    let begin = Substituted::BYTES + done.written;
    let needed = begin + text.len();
    if needed > stack.buffer(NEW_TEXT).len() {
        stack.expect_free_bytes(needed.saturating_mul(2))?;
        let old = stack.buffer(NEW_TEXT)[..begin].to_vec();
        stack.push_buffer(needed * 2);
        stack.buffer(-1)[..begin].copy_from_slice(&old);
        stack.replace(NEW_TEXT);
    }
    stack.buffer(NEW_TEXT)[begin..needed].copy_from_slice(&text);
    done.written += text.len();
    Ok(())
}

/// `string.gsub` with a text, in which `%1` is the first capture and `%0` the whole match.
fn substitute_text(stack: &mut Stack<'_>, most: i64) -> Result<Next, Raise> {
    let mut has_collected = false;
    loop {
        let room = stack.free_bytes();
        let replacement = stack.bytes(REPLACEMENT).unwrap_or_default().to_vec();
        let result = with_matcher(stack, (TEXT, PATTERN), true, |matching| {
            substituted(matching, &replacement, most, room)
        })?;
        match result {
            Some((text, count)) => {
                stack.push_bytes(text);
                stack.push_number(count as f64);
                return Ok(Next::Return(2));
            }
            None if has_collected => return Err(stack.raise("not enough memory")),
            None => {
                stack.collect_garbage();
                has_collected = true;
            }
        }
    }
}

/// The new text and how often something was replaced in it; nothing if there is no room for it.
fn substituted(
    mut matching: Match<'_, '_>,
    replacement: &[u8],
    most: i64,
    room: usize,
) -> Result<Option<(Vec<u8>, usize)>, Fault<Cow<'static, str>>> {
    let text = matching.text;
    let mut new_text = Vec::with_capacity(text.len().min(room));
    let mut done = Substituted::default();
    let mut from = 0;
    while (done.count as i64) < most {
        let Some(found) = matching.find(from)? else { break };
        new_text.extend_from_slice(&text[done.at..found.start]);
        let mut rest = replacement;
        while let Some(at) = memchr::memchr(b'%', rest) {
            new_text.extend_from_slice(&rest[..at]);
            // At its end, there is the byte that ends C's strings.
            let named = rest.get(at + 1).copied().unwrap_or(0);
            rest = rest.get(at + 2..).unwrap_or_default();
            match named {
                b'0' => new_text.extend_from_slice(&text[found.clone()]),
                b'1'..=b'9' => match matching.capture(&found, usize::from(named - b'1'))? {
                    Capture::Bytes(part) => new_text.extend_from_slice(&text[part]),
                    Capture::Position(position) => {
                        new_text.extend_from_slice(position.to_string().as_bytes());
                    }
                },
                other => new_text.push(other),
            }
            if new_text.len() > room {
                return Ok(None);
            }
        }
        new_text.extend_from_slice(rest);
        if new_text.len() > room {
            return Ok(None);
        }
        from = found.end + usize::from(found.is_empty());
        if !done.pass(&found, matching.is_anchored, text.len()) {
            break;
        }
    }
    new_text.extend_from_slice(&text[done.at..]);
    Ok(Some((new_text, done.count)))
}

/// `table.remove`, which moves what is above: a table can say that it is long without being large.
fn remove(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    if stack.kind(1) != Kind::Table || stack.length(1) <= FEW {
        return Ok(Guarded::Runs);
    }
    let end = stack.length(1) as i64;
    let at = integer_argument(stack, 2)?.map_or(end, |at| i64::from(at as i32));
    if !(1..=end).contains(&at) || end - at <= FEW as i64 || i32::try_from(end).is_err() {
        return Ok(Guarded::Runs);
    }
    stack.raw_get_at(1, at as i32);
    for index in at as i32..end as i32 {
        stack.raw_get_at(1, index + 1);
        stack.raw_set_at(1, index);
        stack.spend(WORK_OF_A_CALL)?;
    }
    stack.push_nil();
    stack.raw_set_at(1, end as i32);
    Ok(Guarded::Done(1))
}

/// Moves the elements of a table up by one place, from `at` to the one before `end`.
pub(crate) fn move_up(stack: &mut Stack<'_>, table: i32, at: i32, end: i32) -> Result<(), Raise> {
    for index in (at..end).rev() {
        stack.raw_get_at(table, index);
        stack.raw_set_at(table, index + 1);
        stack.spend(WORK_OF_A_CALL)?;
    }
    Ok(())
}

/// `table.sort`, whose comparisons are Lua's own, or the script's where it has a function for them. Where these are no instructions of
/// Lua's, they spend work instead.
fn sort(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    if stack.kind(1) != Kind::Table || stack.length(1) <= FEW {
        return Ok(Guarded::Runs);
    }
    match stack.kind(2) {
        Kind::None | Kind::Nil => {
            if sort_numbers(stack)? {
                return Ok(Guarded::Done(0));
            }
            stack.set_top(1);
            stack.push_less_than();
        }
        Kind::Function if stack.lua_function(2).is_some() => {
            stack.set_top(2);
            stack.push_stepping(compare, 1);
        }
        _ => {}
    }
    Ok(Guarded::Runs)
}

/// Calls a function that compares, which is no function of Lua's.
fn compare(stack: &mut Stack<'_>, step: Step) -> Result<Next, Raise> {
    if step == Step::Further {
        return Ok(Next::Return(1));
    }
    stack.spend(WORK_OF_A_CALL)?;
    stack.push_copy(Stack::upvalue(1));
    stack.insert(1);
    Ok(Next::Call(stack.top() - 1))
}

/// Sorts a table that has nothing but numbers, where the order does not depend on who sorts. False if it has others.
fn sort_numbers(stack: &mut Stack<'_>) -> Result<bool, Raise> {
    let length = stack.length(1);
    let mut numbers = Vec::new();
    for index in 1..=i32::try_from(length).unwrap_or(i32::MAX) {
        stack.raw_get_at(1, index);
        let number = stack
            .number(-1)
            .filter(|number| !number.is_nan() && (*number != 0.0 || number.is_sign_positive()));
        stack.pop(1);
        let Some(number) = number else { return Ok(false) };
        numbers.push(number);
    }
    stack.spend(length.saturating_mul(20))?;
    numbers.sort_unstable_by(f64::total_cmp);
    for (number, index) in numbers.into_iter().zip(1..) {
        stack.push_number(number);
        stack.raw_set_at(1, index);
    }
    Ok(true)
}

/// `table.foreachi`
fn foreachi(stack: &mut Stack<'_>, step: Step) -> Result<Next, Raise> {
    const INDEX: i32 = 4;
    if step == Step::First {
        stack.check_table(1)?;
        if stack.kind(2) != Kind::Function {
            return Err(stack.wrong_kind(2, "function"));
        }
        stack.set_top(2);
        let length = stack.length(1);
        stack.push_number(length as f64);
        stack.push_number(0.0);
    } else if stack.kind(-1) != Kind::Nil {
        return Ok(Next::Return(1));
    }
    stack.set_top(INDEX);
    let (length, index) =
        (stack.number(3).unwrap_or_default(), stack.number(INDEX).unwrap_or_default() + 1.0);
    if index > length {
        return Ok(Next::Return(0));
    }
    stack.spend(WORK_OF_A_CALL)?;
    stack.push_number(index);
    stack.replace(INDEX);
    stack.push_copy(2);
    stack.push_number(index);
    stack.raw_get_at(1, index as i32);
    Ok(Next::Call(2))
}

/// `collectgarbage`, which goes through all that there is.
fn collectgarbage(stack: &mut Stack<'_>) -> Result<Guarded, Raise> {
    if stack.bytes(1) != Some(b"count") {
        stack.settings().has_set_collector.set(true);
        stack.spend(stack.held_bytes() / BYTES_A_UNIT)?;
    }
    Ok(Guarded::Runs)
}
