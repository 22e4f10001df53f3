//! JSON into Lua values.
//!
//! What is open lies on Lua's stack, a table and the key that waits for its value, and not on Rust's: however deep a text
//! goes, it costs a few bytes here, and the depth at which Lua's stack ends is Redis's, too.
use super::JsonSettings;
use super::tokens::{Found, Token, Tokens};
use crate::state::{Raise, Stack};

/// What is open around the value that is read.
#[derive(Clone, Copy)]
enum Open {
    /// An array, in which the value will have that index.
    Array {
        index: i32,
    },
    Object,
}

/// `cjson.decode`
pub(super) fn decode(stack: &mut Stack<'_>) -> Result<usize, Raise> {
    if stack.top() != 1 {
        return Err(stack.bad_argument(1, "expected 1 argument"));
    }
    let text = stack.check_text(1)?.into_owned();
    if matches!(text[..], [0, _, ..] | [_, 0, ..]) {
        return Err(stack.raise_here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let settings = JsonSettings::of(stack);
    let mut tokens = Tokens::new(&text, settings.decodes_invalid);
    push_value(stack, &mut tokens, settings.decode_depth)?;
    match tokens.next() {
        Found { token: Ok(Token::End), .. } => Ok(1),
        other => Err(unexpected(stack, "the end", other)),
    }
}

fn unexpected(stack: &mut Stack<'_>, expected: &str, found: Found) -> Raise {
    stack.raise_here(format!("Expected {expected} but found {} at character {}", found.name(), found.at + 1))
}

fn push_value(stack: &mut Stack<'_>, tokens: &mut Tokens<'_>, max_depth: i32) -> Result<(), Raise> {
    let mut around: Vec<Open> = Vec::new();
    let mut found = tokens.next();
    loop {
        let opened = match found.token {
            Ok(Token::ArrayBegin) => Some(Open::Array { index: 1 }),
            Ok(Token::ObjectBegin) => Some(Open::Object),
            _ => None,
        };
        match found.token {
            Ok(Token::Null) => stack.push_null(),
            Ok(Token::Boolean(value)) => stack.push_boolean(value),
            Ok(Token::Number(value)) => stack.push_number(value),
            Ok(Token::String) => stack.push_bytes(tokens.string()),
            Ok(Token::ArrayBegin | Token::ObjectBegin) => {}
            _ => return Err(unexpected(stack, "value", found)),
        }
        if let Some(opened) = opened {
            descend(stack, opened, around.len() + 1, max_depth, tokens.position())?;
            found = tokens.next();
            match (opened, found.token) {
                (Open::Array { .. }, Ok(Token::ArrayEnd)) | (Open::Object, Ok(Token::ObjectEnd)) => {}
                (Open::Array { .. }, _) => {
                    around.push(opened);
                    continue;
                }
                (Open::Object, _) => {
                    push_key(stack, tokens, found)?;
                    around.push(opened);
                    found = tokens.next();
                    continue;
                }
            }
        }
        // A value is on top: it is put where it belongs, and so is what it completes.
        loop {
            let Some(innermost) = around.last_mut() else { return Ok(()) };
            found = tokens.next();
            match innermost {
                Open::Array { index } => {
                    stack.raw_set_at(-2, *index);
                    match found.token {
                        Ok(Token::ArrayEnd) => {}
                        Ok(Token::Comma) => {
                            *index += 1;
                            break;
                        }
                        _ => return Err(unexpected(stack, "comma or array end", found)),
                    }
                }
                Open::Object => {
                    stack.raw_set(-3);
                    match found.token {
                        Ok(Token::ObjectEnd) => {}
                        Ok(Token::Comma) => {
                            found = tokens.next();
                            push_key(stack, tokens, found)?;
                            break;
                        }
                        _ => return Err(unexpected(stack, "comma or object end", found)),
                    }
                }
            }
            around.pop();
        }
        found = tokens.next();
    }
}

/// Pushes the table for what has been opened, if there may be one more around what follows.
fn descend(
    stack: &mut Stack<'_>,
    opened: Open,
    depth: usize,
    max_depth: i32,
    position: usize,
) -> Result<(), Raise> {
    let slots = if matches!(opened, Open::Object) { 3 } else { 2 };
    if depth > max_depth as usize || !stack.has_room(slots) {
        return Err(stack
            .raise_here(format!("Found too many nested data structures ({depth}) at character {position}")));
    }
    stack.expect_free_bytes(0)?;
    stack.push_table(0, 0);
    Ok(())
}

/// Pushes the key that has been found, and finds the colon after it.
fn push_key(stack: &mut Stack<'_>, tokens: &mut Tokens<'_>, found: Found) -> Result<(), Raise> {
    if found.token != Ok(Token::String) {
        return Err(unexpected(stack, "object key string", found));
    }
    stack.push_bytes(tokens.string());
    match tokens.next() {
        Found { token: Ok(Token::Colon), .. } => Ok(()),
        other => Err(unexpected(stack, "colon", other)),
    }
}
