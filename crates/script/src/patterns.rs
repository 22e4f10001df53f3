//! The patterns of Lua 5.1, matched in bounded space, and in time that somebody watches.
//!
//! Knows bytes: no interpreter and no stack of Lua's. A pattern is a row of items, of which only the repeated ones leave a choice; so the
//! choices that are still open while a match is tried are at most as many as items, and a list of them takes the place of recursion.
//! Captures need not be put back when a choice is made anew, because the items from there on set them again before anything reads them.
//!
//! Lua finds out what is wrong with a pattern when it comes to that place, and not at all if it does not. So does [`Item::Wrong`].
use std::sync::Arc;

use memchr::{memchr, memmem, memrchr};
use smallvec::{SmallVec, smallvec};

/// So many captures a pattern may have.
const CAPTURES: usize = 32;
/// So many items a pattern may have.
const ITEMS: usize = 1 << 18;
/// Bytes that are passed over in one step, where it is only looked for one of them.
const BYTES_A_STEP: usize = 16;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault<E> {
    /// The pattern is none, in Lua's words.
    Malformed(&'static str),
    /// Whoever watches had it ended.
    Ended(E),
}

/// How many steps a match may still take before `look` is asked, who grants further ones.
pub(crate) struct Watch<'w, E> {
    pub(crate) steps_left: usize,
    pub(crate) look: &'w mut dyn FnMut() -> Result<usize, E>,
}

impl<E> Watch<'_, E> {
    #[inline]
    fn spend(&mut self, steps: usize) -> Result<(), Fault<E>> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => self.ask(),
        }
    }

    #[cold]
    fn ask(&mut self) -> Result<(), Fault<E>> {
        self.steps_left = (self.look)().map_err(Fault::Ended)?;
        Ok(())
    }
}

/// Bytes that are in a class or a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl ByteSet {
    const NONE: Self = Self([0; 4]);

    const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize >> 6] >> (byte & 63) & 1 == 1
    }

    const fn add(&mut self, byte: u8) {
        self.0[byte as usize >> 6] |= 1 << (byte & 63);
    }

    fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(bits, more)| *bits |= more);
    }

    const fn inverse(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([!a, !b, !c, !d])
    }

    /// `%a`, `%D` and so on; `None` for what stands for itself.
    const fn named(letter: u8) -> Option<Self> {
        let mut set = Self::NONE;
        let mut code = 0;
        while code < 256 {
            let byte = code as u8;
            let is_in = match letter.to_ascii_lowercase() {
                b'a' => byte.is_ascii_alphabetic(),
                b'c' => byte.is_ascii_control(),
                b'd' => byte.is_ascii_digit(),
                b'l' => byte.is_ascii_lowercase(),
                b'p' => byte.is_ascii_punctuation(),
                b's' => matches!(byte, b' ' | 9..=13),
                b'u' => byte.is_ascii_uppercase(),
                b'w' => byte.is_ascii_alphanumeric(),
                b'x' => byte.is_ascii_hexdigit(),
                b'z' => byte == 0,
                _ => return None,
            };
            if is_in {
                set.add(byte);
            }
            code += 1;
        }
        Some(if letter.is_ascii_uppercase() { set.inverse() } else { set })
    }
}

/// What each letter after `%` stands for.
static NAMED: [Option<ByteSet>; 128] = {
    let mut named = [None; 128];
    let mut letter = 0;
    while letter < 128 {
        named[letter] = ByteSet::named(letter as u8);
        letter += 1;
    }
    named
};

fn named(letter: u8) -> Option<&'static ByteSet> {
    NAMED.get(usize::from(letter))?.as_ref()
}

/// What one byte of a text is compared with.
#[derive(Clone, Copy, Debug)]
enum Of {
    Any,
    Byte(u8),
    Named(&'static ByteSet),
    /// A set of the pattern's own, by its number.
    Set(u32),
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Once,
    /// `?`
    Optional,
    /// `*`
    Any,
    /// `+`
    Many,
    /// `-`
    Fewest,
}

#[derive(Clone, Copy, Debug)]
enum Item {
    /// Bytes as they are: those of [`Pattern::literals`] between two places.
    Literal(u32, u32),
    One(Of, Times),
    /// A capture begins here; it is known by its number.
    Open(u8),
    /// A capture ends here.
    Close(u8),
    /// `()`
    Position(u8),
    /// `%1`
    Again(u8),
    /// `%1` for a position, which no bytes are equal to.
    Never,
    /// `%bxy`
    Balance(u8, u8),
    /// `%f[set]`, by the number of the set.
    Frontier(u32),
    /// `$` at the end.
    End,
    /// Whoever comes here is told that the pattern is none.
    Wrong(&'static str),
}

/// What a capture is when the pattern ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaptureKind {
    Bytes,
    Position,
    /// No bracket has closed it.
    Unfinished,
}

/// A pattern, read.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    items: Vec<Item>,
    literals: Vec<u8>,
    sets: Vec<ByteSet>,
    captures: SmallVec<[CaptureKind; 8]>,
}

/// Whether some bytes have anything in them that is not just compared. Patterns end at a byte of zero.
pub(crate) fn has_specials(pattern: &[u8]) -> bool {
    pattern.iter().take_while(|byte| **byte != 0).any(|byte| b"^$*+?.([%-".contains(byte))
}

impl Pattern {
    /// Reads a pattern up to its end or a byte of zero. `^` is a byte like others here: whoever heeds it takes it away.
    pub(crate) fn new(source: &[u8]) -> Self {
        let source = &source[..memchr(0, source).unwrap_or(source.len())];
        let mut reading = Reading { source, at: 0, pattern: Self::default() };
        while reading.at < source.len() {
            let item = if reading.pattern.items.len() == ITEMS {
                Err("pattern too complex")
            } else {
                reading.item()
            };
            if let Err(what) = item {
                reading.pattern.items.push(Item::Wrong(what));
                break;
            }
        }
        reading.pattern
    }

    /// What the captures are, in their order.
    pub(crate) fn captures(&self) -> &[CaptureKind] {
        &self.captures
    }

    fn has(&self, of: Of, byte: u8) -> bool {
        match of {
            Of::Any => true,
            Of::Byte(wanted) => byte == wanted,
            Of::Named(set) => set.has(byte),
            Of::Set(number) => self.sets[number as usize].has(byte),
        }
    }

    /// How many bytes at the beginning of a text are of a kind.
    fn run(&self, of: Of, text: &[u8]) -> usize {
        let end = match of {
            Of::Any => None,
            Of::Byte(wanted) => text.iter().position(|byte| *byte != wanted),
            Of::Named(set) => text.iter().position(|byte| !set.has(*byte)),
            Of::Set(number) => {
                let set = &self.sets[number as usize];
                text.iter().position(|byte| !set.has(*byte))
            }
        };
        end.unwrap_or(text.len())
    }

    fn literal(&self, from: u32, to: u32) -> &[u8] {
        &self.literals[from as usize..to as usize]
    }

    /// The byte that a match of the item has to begin with, where only one can be.
    fn first_byte(&self, item: usize) -> Option<u8> {
        match self.items.get(item) {
            Some(Item::Literal(from, _)) => Some(self.literals[*from as usize]),
            _ => None,
        }
    }

    /// The first place from `at` on where a match can begin, as far as the first item says.
    fn next_start(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = &text[at..];
        let skipped = match self.items.first() {
            Some(&Item::Literal(from, to)) => match self.literal(from, to) {
                [byte] => memchr(*byte, rest),
                literal => memmem::find(rest, literal),
            },
            Some(&Item::One(of, Times::Once | Times::Many)) => {
                rest.iter().position(|byte| self.has(of, *byte))
            }
            _ => Some(0),
        };
        skipped.map(|skipped| at + skipped)
    }
}

/// A pattern that is being read.
struct Reading<'s> {
    source: &'s [u8],
    at: usize,
    pattern: Pattern,
}

impl Reading<'_> {
    fn byte(&self, after: usize) -> Option<u8> {
        self.source.get(self.at + after).copied()
    }

    fn push(&mut self, item: Item, bytes: usize) {
        self.pattern.items.push(item);
        self.at += bytes;
    }

    fn push_set(&mut self, set: ByteSet) -> u32 {
        self.pattern.sets.push(set);
        self.pattern.sets.len() as u32 - 1
    }

    /// Reads one item, or says what is wrong with it.
    fn item(&mut self) -> Result<(), &'static str> {
        let open = self.pattern.captures.len();
        match (self.byte(0), self.byte(1)) {
            (Some(b'('), _) if open == CAPTURES => return Err("too many captures"),
            (Some(b'('), Some(b')')) => {
                self.pattern.captures.push(CaptureKind::Position);
                self.push(Item::Position(open as u8), 2);
            }
            (Some(b'('), _) => {
                self.pattern.captures.push(CaptureKind::Unfinished);
                self.push(Item::Open(open as u8), 1);
            }
            (Some(b')'), _) => {
                let is_open = |kind: &CaptureKind| *kind == CaptureKind::Unfinished;
                let last =
                    self.pattern.captures.iter().rposition(is_open).ok_or("invalid pattern capture")?;
                self.pattern.captures[last] = CaptureKind::Bytes;
                self.push(Item::Close(last as u8), 1);
            }
            (Some(b'%'), Some(b'b')) => {
                let (Some(open), Some(close)) = (self.byte(2), self.byte(3)) else {
                    return Err("unbalanced pattern");
                };
                self.push(Item::Balance(open, close), 4);
            }
            (Some(b'%'), Some(b'f')) => {
                self.at += 2;
                if self.byte(0) != Some(b'[') {
                    return Err("missing '[' after '%f' in pattern");
                }
                let set = self.set()?;
                let number = self.push_set(set);
                self.push(Item::Frontier(number), 0);
            }
            (Some(b'%'), Some(digit @ b'0'..=b'9')) => {
                let number = digit.wrapping_sub(b'1');
                let item = match self.pattern.captures.get(usize::from(number)) {
                    Some(CaptureKind::Bytes) => Item::Again(number),
                    Some(CaptureKind::Position) => Item::Never,
                    _ => return Err("invalid capture index"),
                };
                self.push(item, 2);
            }
            (Some(b'$'), None) => self.push(Item::End, 1),
            _ => self.one()?,
        }
        Ok(())
    }

    /// Reads what one byte is compared with, and how often.
    fn one(&mut self) -> Result<(), &'static str> {
        let of = match self.byte(0) {
            Some(b'[') => Of::Set({
                let set = self.set()?;
                self.push_set(set)
            }),
            Some(b'%') => {
                let letter = self.byte(1).ok_or("malformed pattern (ends with '%')")?;
                self.at += 2;
                named(letter).map_or(Of::Byte(letter), Of::Named)
            }
            byte => {
                self.at += 1;
                byte.filter(|byte| *byte != b'.').map_or(Of::Any, Of::Byte)
            }
        };
        let times = match self.byte(0) {
            Some(b'?') => Times::Optional,
            Some(b'*') => Times::Any,
            Some(b'+') => Times::Many,
            Some(b'-') => Times::Fewest,
            _ => Times::Once,
        };
        self.at += usize::from(times != Times::Once);
        match (of, times) {
            (Of::Byte(byte), Times::Once) => self.literal(byte),
            _ => self.push(Item::One(of, times), 0),
        }
        Ok(())
    }

    /// Adds a byte to the literal that has just been read, or begins one.
    fn literal(&mut self, byte: u8) {
        let Pattern { items, literals, .. } = &mut self.pattern;
        literals.push(byte);
        let end = literals.len() as u32;
        match items.last_mut() {
            Some(Item::Literal(_, to)) => *to = end,
            _ => items.push(Item::Literal(end - 1, end)),
        }
    }

    /// Reads a set in brackets. The first byte in it is never its end; after `%` no byte is.
    fn set(&mut self) -> Result<ByteSet, &'static str> {
        const NO_END: &str = "malformed pattern (missing ']')";
        let is_inverse = self.byte(1) == Some(b'^');
        let begin = self.at + 1 + usize::from(is_inverse);
        let mut end = begin;
        loop {
            let byte = self.source.get(end).ok_or(NO_END)?;
            end += if *byte == b'%' && end + 1 < self.source.len() { 2 } else { 1 };
            if self.source.get(end).ok_or(NO_END)? == &b']' {
                break;
            }
        }
        self.at = end + 1;
        let mut set = ByteSet::NONE;
        let mut at = begin;
        while at < end {
            match &self.source[at..] {
                // After a range that ends with `%`, this may be the bracket.
                [b'%', letter, ..] => {
                    match named(*letter) {
                        Some(class) => set.add_all(class),
                        None => set.add(*letter),
                    }
                    at += 2;
                }
                [first, b'-', last, ..] if at + 2 < end => {
                    (*first..=*last).for_each(|byte| set.add(byte));
                    at += 3;
                }
                [byte, ..] => {
                    set.add(*byte);
                    at += 1;
                }
                [] => break,
            }
        }
        Ok(if is_inverse { set.inverse() } else { set })
    }
}

/// A repeated item that can be matched otherwise.
#[derive(Clone, Copy, Debug)]
struct Choice {
    item: usize,
    /// Where its match ends now.
    end: usize,
    /// Where its shortest match ends.
    least: usize,
}

/// Tries a pattern at the places of a text.
#[derive(Debug)]
pub(crate) struct Matcher<'p> {
    pattern: &'p Pattern,
    choices: SmallVec<[Choice; 8]>,
    bounds: SmallVec<[(usize, usize); 4]>,
}

impl<'p> Matcher<'p> {
    pub(crate) fn new(pattern: &'p Pattern) -> Self {
        Self { pattern, choices: SmallVec::new(), bounds: smallvec![(0, 0); pattern.captures.len()] }
    }

    pub(crate) fn pattern(&self) -> &'p Pattern {
        self.pattern
    }

    /// Where the captures of the last match begin and end. A position is where it begins; an unfinished one has no end that means anything.
    pub(crate) fn bounds(&self) -> &[(usize, usize)] {
        &self.bounds
    }

    /// The first match that begins at `from` or after it: its begin and its end.
    pub(crate) fn find<E>(
        &mut self,
        text: &[u8],
        from: usize,
        watch: &mut Watch<'_, E>,
    ) -> Result<Option<(usize, usize)>, Fault<E>> {
        let mut at = from;
        while at <= text.len() {
            let start = self.pattern.next_start(text, at);
            watch.spend((start.unwrap_or(text.len()) - at) / BYTES_A_STEP)?;
            let Some(start) = start else { return Ok(None) };
            if let Some(end) = self.at(text, start, watch)? {
                return Ok(Some((start, end)));
            }
            at = start + 1;
        }
        Ok(None)
    }

    /// Where a match ends that begins at a place.
    pub(crate) fn at<E>(
        &mut self,
        text: &[u8],
        start: usize,
        watch: &mut Watch<'_, E>,
    ) -> Result<Option<usize>, Fault<E>> {
        let pattern = self.pattern;
        let (mut item, mut at) = (0, start);
        self.choices.clear();
        while let Some(current) = pattern.items.get(item) {
            watch.spend(1)?;
            let matched = match *current {
                Item::Literal(from, to) => {
                    let literal = pattern.literal(from, to);
                    text[at..].starts_with(literal).then(|| at + literal.len())
                }
                Item::One(of, Times::Once) => {
                    text.get(at).is_some_and(|byte| pattern.has(of, *byte)).then(|| at + 1)
                }
                Item::One(_, Times::Fewest) => {
                    self.choices.push(Choice { item, end: at, least: at });
                    Some(at)
                }
                Item::One(of, times) => {
                    let rest = &text[at..];
                    let most = if times == Times::Optional { 1 } else { usize::MAX };
                    let run = pattern.run(of, &rest[..most.min(rest.len())]);
                    watch.spend(run / BYTES_A_STEP)?;
                    let least = at + usize::from(times == Times::Many);
                    let end = at + run;
                    if end > least {
                        self.choices.push(Choice { item, end, least });
                    }
                    (end >= least).then_some(end)
                }
                Item::Open(number) | Item::Position(number) => {
                    self.bounds[usize::from(number)].0 = at;
                    Some(at)
                }
                Item::Close(number) => {
                    self.bounds[usize::from(number)].1 = at;
                    Some(at)
                }
                Item::Again(number) => {
                    let (from, to) = self.bounds[usize::from(number)];
                    watch.spend((to - from) / BYTES_A_STEP)?;
                    text[at..].starts_with(&text[from..to]).then(|| at + (to - from))
                }
                Item::Never => None,
                Item::Balance(open, close) if text.get(at) == Some(&open) => {
                    let length = balanced(&text[at..], open, close);
                    watch.spend(length.unwrap_or(text.len() - at) / BYTES_A_STEP)?;
                    length.map(|length| at + length)
                }
                Item::Balance(..) => None,
                Item::Frontier(number) => {
                    let set = &pattern.sets[number as usize];
                    let before = at.checked_sub(1).map_or(0, |before| text[before]);
                    let after = text.get(at).copied().unwrap_or(0);
                    (!set.has(before) && set.has(after)).then_some(at)
                }
                Item::End => (at == text.len()).then_some(at),
                Item::Wrong(what) => return Err(Fault::Malformed(what)),
            };
            match matched {
                Some(end) => (item, at) = (item + 1, end),
                None => match self.choose_anew(text, watch)? {
                    Some((choice, end)) => (item, at) = (choice + 1, end),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(at))
    }

    /// Makes the last choice that can be made otherwise: the item, and where its match ends.
    fn choose_anew<E>(
        &mut self,
        text: &[u8],
        watch: &mut Watch<'_, E>,
    ) -> Result<Option<(usize, usize)>, Fault<E>> {
        let pattern = self.pattern;
        while let Some(choice) = self.choices.last_mut() {
            watch.spend(1)?;
            let Choice { item, end, least } = *choice;
            // What the next item cannot begin with need not be tried.
            let next = pattern.first_byte(item + 1);
            let found = match pattern.items[item] {
                Item::One(of, Times::Fewest) => {
                    let rest = &text[end..];
                    let found = rest
                        .iter()
                        .zip(1..)
                        .take_while(|(byte, _)| pattern.has(of, **byte))
                        .map(|(_, end)| end);
                    let mut found =
                        found.skip_while(|end| next.is_some_and(|next| rest.get(*end) != Some(&next)));
                    found.next().map(|passed| end + passed)
                }
                _ => match next {
                    Some(next) => memrchr(next, &text[least..end]).map(|passed| least + passed),
                    None => Some(end - 1),
                },
            };
            watch.spend(found.map_or(text.len() - least, |found| found.abs_diff(end)) / BYTES_A_STEP)?;
            let is_fewest = matches!(pattern.items[item], Item::One(_, Times::Fewest));
            match found {
                Some(found) if is_fewest || found > least => choice.end = found,
                _ => drop(self.choices.pop()),
            }
            if let Some(found) = found {
                return Ok(Some((item, found)));
            }
        }
        Ok(None)
    }
}

/// How much of a text that begins with an opening byte there is up to the closing one that belongs to it.
fn balanced(text: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 1_usize;
    for (byte, length) in text.iter().zip(1..).skip(1) {
        if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(length);
            }
        } else if *byte == open {
            depth += 1;
        }
    }
    None
}

/// Patterns that were read before: scripts use few of them, again and again.
#[derive(Debug, Default)]
pub(crate) struct ReadPatterns {
    slots: Vec<Option<(Box<[u8]>, Arc<Pattern>)>>,
}

impl ReadPatterns {
    const SLOTS: usize = 64;
    /// Longer ones are read each time.
    const LONGEST: usize = 128;

    pub(crate) fn read(&mut self, source: &[u8]) -> Arc<Pattern> {
        if source.len() > Self::LONGEST {
            return Arc::new(Pattern::new(source));
        }
        if self.slots.is_empty() {
            self.slots.resize_with(Self::SLOTS, || None);
        }
        let mix = |hash: usize, byte: &u8| (hash ^ usize::from(*byte)).wrapping_mul(0x0100_0193);
        let slot = &mut self.slots[source.iter().fold(source.len(), mix) >> 8 & (Self::SLOTS - 1)];
        match slot {
            Some((known, pattern)) if **known == *source => Arc::clone(pattern),
            _ => {
                let pattern = Arc::new(Pattern::new(source));
                *slot = Some((source.into(), Arc::clone(&pattern)));
                pattern
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Result<Option<(usize, usize, Vec<(usize, usize)>)>, Fault<()>>;

    fn find_within(text: &[u8], pattern: &str, steps: usize) -> Found {
        let pattern = Pattern::new(pattern.as_bytes());
        let mut matcher = Matcher::new(&pattern);
        let watch = &mut Watch { steps_left: steps, look: &mut || Err(()) };
        let found = matcher.find(text, 0, watch)?;
        Ok(found.map(|(start, end)| (start, end, matcher.bounds().to_vec())))
    }

    fn find(text: &str, pattern: &str) -> Found {
        find_within(text.as_bytes(), pattern, 100_000)
    }

    fn bounds(text: &str, pattern: &str) -> Option<(usize, usize)> {
        find(text, pattern).unwrap().map(|(start, end, _)| (start, end))
    }

    #[test]
    fn items_match_as_the_manual_says() {
        let cases = [
            ("hello world", "o w", Some((4, 7))),
            ("key = value", "%w+%s*=%s*%w+", Some((0, 11))),
            ("aaa", "a-$", Some((0, 3))),
            ("<b>x</b>", "<.->", Some((0, 3))),
            ("<b>x</b>", "<.*>", Some((0, 8))),
            ("f(a(b)c)d", "%b()", Some((1, 8))),
            ("xaXXbXa", "%bXX", Some((2, 4))),
            ("THE end", "%f[%l]%l+", Some((4, 7))),
            ("abcabc", "(abc)%1", Some((0, 6))),
            ("a]c", "[]]", Some((1, 2))),
            ("a]c", "[^]]", Some((0, 1))),
            ("a-c", "[a-]+", Some((0, 2))),
            ("x]", "[a-%%]", Some((1, 2))),
            ("abc$", "c$$", Some((2, 4))),
            ("a$c", "a$c", Some((0, 3))),
            ("^a", "^a", Some((0, 2))),
            ("abc", "x?", Some((0, 0))),
            ("colour", "colou?r", Some((0, 6))),
            ("", "", Some((0, 0))),
            ("abc", "d", None),
            ("abab", "()%1", None),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(bounds(text, pattern), expected, "{pattern} in {text}");
        }
    }

    #[test]
    fn a_pattern_ends_at_a_byte_of_zero() {
        assert_eq!(bounds("abc", "b\0nothing of this"), Some((1, 2)));
    }

    #[test]
    fn captures_have_the_bounds_of_the_match_that_succeeded() {
        let (_, _, captures) = find("2024-05-17", "(%d+)-(%d+)-()(%d*)").unwrap().unwrap();
        assert_eq!(captures, [(0, 4), (5, 7), (8, 0), (8, 10)]);
        let (_, _, captures) = find("aaab", "(a*)(a-)(b)").unwrap().unwrap();
        assert_eq!(captures, [(0, 3), (3, 3), (3, 4)]);
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_by_those_who_come_to_it() {
        let cases = [
            ("%", "malformed pattern (ends with '%')"),
            ("[a", "malformed pattern (missing ']')"),
            ("[%", "malformed pattern (missing ']')"),
            ("[%]", "malformed pattern (missing ']')"),
            ("%f", "missing '[' after '%f' in pattern"),
            ("%bx", "unbalanced pattern"),
            ("%1", "invalid capture index"),
            ("(a%1)", "invalid capture index"),
            ("a)", "invalid pattern capture"),
        ];
        for (pattern, what) in cases {
            assert_eq!(find("a", pattern), Err(Fault::Malformed(what)), "{pattern}");
            assert_eq!(find("a", &format!("x{pattern}")), Ok(None), "{pattern}");
        }
        assert_eq!(find("a", &"()".repeat(33)), Err(Fault::Malformed("too many captures")));
    }

    /// Redis 8.0.2 dies of the first of these, and the second keeps it busy for ever.
    #[test]
    fn matches_that_need_much_end() {
        let text = [b'a'; 1000];
        assert_eq!(find_within(&text, &"a?".repeat(1000), 5000), Ok(Some((0, 1000, Vec::new()))));
        assert_eq!(
            find_within(&text[..40], &format!("{}b", "a*".repeat(20)), 1 << 20),
            Err(Fault::Ended(()))
        );
        let pattern = "a?".repeat(ITEMS + 1);
        assert_eq!(find_within(&text, &pattern, 1 << 20), Err(Fault::Malformed("pattern too complex")));
    }

    #[test]
    fn patterns_are_read_once() {
        let mut read = ReadPatterns::default();
        let first = read.read(b"%d+");
        assert!(Arc::ptr_eq(&first, &read.read(b"%d+")));
        assert!(!Arc::ptr_eq(&first, &read.read(b"%d*")));
        let long = "a?".repeat(ReadPatterns::LONGEST);
        assert!(!Arc::ptr_eq(&read.read(long.as_bytes()), &read.read(long.as_bytes())));
    }
}
