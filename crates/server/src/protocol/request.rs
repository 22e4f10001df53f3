//! Requests, from bytes that arrive in pieces.
use std::ops::Range;

use redlet_core::number::parse_i64;
use redlet_core::words;
use smallvec::SmallVec;

/// The longest line, in bytes: an inline command, or the number of words or bytes that are announced.
const LONGEST_LINE: usize = 64 << 10;
/// The most words that a request may announce.
const MOST_WORDS: i64 = i32::MAX as i64;
/// The most words and the longest one that a caller may send who has not said yet who he is.
const MOST_WORDS_OF_STRANGERS: i64 = 10;
const LONGEST_WORD_OF_STRANGERS: usize = 16 << 10;
/// So many places for words are kept between requests.
const PLACES_KEPT: usize = 64;

/// How long requests may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// `proto-max-bulk-len`: the longest word, in bytes.
    pub word_bytes: usize,
    /// Whether the caller still has to say who he is; then little is taken from him.
    pub is_stranger: bool,
}

/// Why a caller cannot be understood. There is no telling where the next request would begin, so the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline command of more than 64 KiB whose line does not end.
    LongLine,
    /// Quotes of an inline command that do not match.
    UnbalancedQuotes,
    /// A number of words that does not end.
    LongWordCount,
    /// A number of words that is none, or too large.
    WordCount,
    /// More words than a stranger may send.
    WordCountOfStranger,
    /// Something else where the length of a word should be announced.
    NoWord(u8),
    /// A length that does not end.
    LongWordLength,
    /// A length that is none, or too large.
    WordLength,
    /// A longer word than a stranger may send.
    WordLengthOfStranger,
}

impl ProtocolError {
    /// What Redis says after `Protocol error: `.
    pub fn text(self) -> Vec<u8> {
        match self {
            ProtocolError::LongLine => b"too big inline request".into(),
            ProtocolError::UnbalancedQuotes => b"unbalanced quotes in request".into(),
            ProtocolError::LongWordCount => b"too big mbulk count string".into(),
            ProtocolError::WordCount => b"invalid multibulk length".into(),
            ProtocolError::WordCountOfStranger => b"unauthenticated multibulk length".into(),
            ProtocolError::NoWord(found) => [b"expected '$', got '", &[found][..], b"'"].concat(),
            ProtocolError::LongWordLength => b"too big bulk count string".into(),
            ProtocolError::WordLength => b"invalid bulk length".into(),
            ProtocolError::WordLengthOfStranger => b"unauthenticated bulk length".into(),
        }
    }
}

/// What the beginning of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A request of so many bytes; its words are in [`Parser::words`].
    Request(usize),
    /// So many bytes that ask for nothing: an empty line, an array without words.
    Nothing(usize),
    /// Part of a request, which has so many bytes at least.
    Part(usize),
}

/// Reads one request after the other and remembers how far it got, so that no byte of a long request is looked at twice.
///
/// ```
/// use redlet_server::protocol::{Parsed, Parser, RequestLimits};
///
/// let limits = RequestLimits { word_bytes: 512 << 20, is_stranger: false };
/// let mut parser = Parser::default();
/// assert_eq!(parser.parse(b"*1\r\n$4\r\nPI", limits), Ok(Parsed::Part(14)));
/// let input = b"*1\r\n$4\r\nPING\r\n";
/// assert_eq!(parser.parse(input, limits), Ok(Parsed::Request(14)));
/// assert_eq!(parser.words(input)[..], [b"PING"]);
/// ```
#[derive(Debug, Default)]
pub struct Parser {
    /// How many bytes of the request were understood.
    understood: usize,
    /// How many words are still to come.
    missing: usize,
    /// The length of the word that comes next, once it was announced.
    announced: Option<usize>,
    /// Where the words are that came.
    places: Vec<Range<usize>>,
    /// The words of an inline command, with their quotes undone.
    inline: Vec<Vec<u8>>,
}

/// The words of a request, in a place of their own when they are many.
pub type Words<'i> = SmallVec<[&'i [u8]; 16]>;

impl Parser {
    /// Looks at `input`, which begins where the request begins. As long as that is [`Parsed::Part`], the same bytes have to come
    /// again with more after them; in all other cases what comes next is a new request.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn parse(&mut self, input: &[u8], limits: RequestLimits) -> Result<Parsed, ProtocolError> {
        if self.missing == 0 {
            self.forget();
            match input.first() {
                None => return Ok(Parsed::Part(1)),
                Some(b'*') => {}
                Some(_) => return self.parse_line(input),
            }
            let Some((count, after)) = announcement(input, 0, ProtocolError::LongWordCount)? else {
                return Ok(Parsed::Part(input.len() + 1));
            };
            match parse_i64(count) {
                Some(..=0) => return Ok(Parsed::Nothing(after)),
                Some(count) if limits.is_stranger && count > MOST_WORDS_OF_STRANGERS => {
                    return Err(ProtocolError::WordCountOfStranger);
                }
                Some(count) if count <= MOST_WORDS => self.missing = count as usize,
                _ => return Err(ProtocolError::WordCount),
            }
            self.understood = after;
        }
        while self.missing > 0 {
            let length = match self.announced {
                Some(length) => length,
                None => match self.parse_length(input, limits)? {
                    Some(length) => length,
                    None => return Ok(Parsed::Part(input.len() + 1)),
                },
            };
            // Whatever the two bytes after a word are: Redis does not look at them either.
            let end = self.understood + length + 2;
            if input.len() < end {
                self.announced = Some(length);
                return Ok(Parsed::Part(end));
            }
            self.places.push(self.understood..end - 2);
            self.understood = end;
            self.announced = None;
            self.missing -= 1;
        }
        Ok(Parsed::Request(self.understood))
    }

    #[inline]
    fn parse_length(&mut self, input: &[u8], limits: RequestLimits) -> Result<Option<usize>, ProtocolError> {
        let Some((digits, after)) = announcement(input, self.understood, ProtocolError::LongWordLength)?
        else {
            return Ok(None);
        };
        match input[self.understood] {
            b'$' => {}
            found => return Err(ProtocolError::NoWord(found)),
        }
        let length = parse_i64(digits).and_then(|length| usize::try_from(length).ok());
        match length.filter(|&length| length <= limits.word_bytes) {
            None => Err(ProtocolError::WordLength),
            Some(length) if limits.is_stranger && length > LONGEST_WORD_OF_STRANGERS => {
                Err(ProtocolError::WordLengthOfStranger)
            }
            Some(length) => {
                self.understood = after;
                Ok(Some(length))
            }
        }
    }

    fn parse_line(&mut self, input: &[u8]) -> Result<Parsed, ProtocolError> {
        // Redis searches with C's functions for strings, which see nothing behind a zero.
        let end = input.iter().position(|&byte| matches!(byte, b'\n' | 0));
        let Some(end) = end.filter(|&end| input[end] == b'\n') else {
            return if input.len() > LONGEST_LINE {
                Err(ProtocolError::LongLine)
            } else {
                Ok(Parsed::Part(input.len() + 1))
            };
        };
        self.inline = words::split(&input[..end]).ok_or(ProtocolError::UnbalancedQuotes)?;
        Ok(if self.inline.is_empty() { Parsed::Nothing(end + 1) } else { Parsed::Request(end + 1) })
    }

    /// The words of the request that `input` begins with, after [`Parsed::Request`].
    #[inline]
    pub fn words<'i>(&'i self, input: &'i [u8]) -> Words<'i> {
        if self.inline.is_empty() {
            self.places.iter().map(|place| &input[place.clone()]).collect()
        } else {
            self.inline.iter().map(Vec::as_slice).collect()
        }
    }

    /// How many bytes it keeps for itself.
    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Range<usize>>()
            + self.inline.iter().map(Vec::capacity).sum::<usize>()
    }

    #[inline]
    fn forget(&mut self) {
        self.understood = 0;
        self.places.clear();
        if self.places.capacity() > PLACES_KEPT {
            self.places = Vec::new();
        }
        if !self.inline.is_empty() {
            self.inline = Vec::new();
        }
    }
}

/// The number that a line at `from` announces, without the byte before it, and where the next line begins; `None` if the line
/// goes on after the input.
#[inline]
fn announcement(
    input: &[u8],
    from: usize,
    too_long: ProtocolError,
) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let line = &input[from..];
    match line.iter().position(|&byte| matches!(byte, b'\r' | 0)) {
        Some(end) if line[end] == b'\r' => {
            // The byte after it belongs to the line, whatever it is.
            let is_whole = line.len() >= end + 2;
            Ok(is_whole.then(|| (line.get(1..end).unwrap_or_default(), from + end + 2)))
        }
        _ if line.len() > LONGEST_LINE => Err(too_long),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RequestLimits = RequestLimits { word_bytes: 512 << 20, is_stranger: false };

    /// All requests in `input`, which arrives in pieces of so many bytes, and the error that ended it.
    fn requests(input: &[u8], piece: usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let (mut parser, mut found) = (Parser::default(), Vec::new());
        let (mut begin, mut end) = (0, 0);
        loop {
            match parser.parse(&input[begin..end], LIMITS) {
                Err(error) => return (found, Some(error)),
                Ok(Parsed::Request(length)) => {
                    let words = parser.words(&input[begin..end]);
                    found.push(words.iter().map(|word| word.to_vec()).collect());
                    begin += length;
                }
                Ok(Parsed::Nothing(length)) => begin += length,
                Ok(Parsed::Part(least)) => {
                    assert!(least > end - begin, "more is needed than is there");
                    if end == input.len() {
                        return (found, None);
                    }
                    end = (end + piece).min(input.len());
                }
            }
        }
    }

    #[test]
    fn a_request_is_the_same_wherever_it_was_cut() {
        let input: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\n$5\r\nhello\r\n\r\n*0\r\n\r\n GET 'k' \r\n*-1\r\n*1\r\n$0\r\n\r\nPING\n";
        let expected = [&[&b"SET"[..], b"k", b"$5\r\nhello\r\n"][..], &[b"GET", b"k"], &[b""], &[b"PING"]]
            .map(|words| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>());
        for piece in 1..=input.len() {
            let (found, error) = requests(input, piece);
            assert_eq!((&found[..], error), (&expected[..], None), "in pieces of {piece}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_said_in_redis_words() {
        let long = |first: &str| [first.as_bytes(), &vec![b'1'; LONGEST_LINE]].concat();
        let cases: Vec<(Vec<u8>, ProtocolError)> = vec![
            (b"*01\r\n".into(), ProtocolError::WordCount),
            (b"*2147483648\r\n".into(), ProtocolError::WordCount),
            (b"*\r\n".into(), ProtocolError::WordCount),
            (b"*1\n$4\nPING\n\r\n".into(), ProtocolError::WordCount),
            (long("*"), ProtocolError::LongWordCount),
            (b"*1\r\n:4\r\n".into(), ProtocolError::NoWord(b':')),
            (b"*1\r\n\r\n".into(), ProtocolError::NoWord(b'\r')),
            (b"*1\r\n$-1\r\n".into(), ProtocolError::WordLength),
            (b"*1\r\n$\r\n".into(), ProtocolError::WordLength),
            (b"*1\r\n$536870913\r\n".into(), ProtocolError::WordLength),
            (long("*1\r\n$"), ProtocolError::LongWordLength),
            (long("x"), ProtocolError::LongLine),
            (b"SET \"a\r\n".into(), ProtocolError::UnbalancedQuotes),
        ];
        for (input, expected) in cases {
            for piece in [1, 7, input.len()] {
                assert_eq!(
                    requests(&input, piece).1,
                    Some(expected),
                    "{}",
                    input[..12.min(input.len())].escape_ascii()
                );
            }
        }
    }

    #[test]
    fn a_stranger_may_say_little() {
        let limits = RequestLimits { is_stranger: true, ..LIMITS };
        let parse = |input: &[u8]| Parser::default().parse(input, limits);
        assert_eq!(parse(b"*10\r\n$16384\r\n"), Ok(Parsed::Part(16_399)));
        assert_eq!(parse(b"*11\r\n"), Err(ProtocolError::WordCountOfStranger));
        assert_eq!(parse(b"*1\r\n$16385\r\n"), Err(ProtocolError::WordLengthOfStranger));
    }

    #[test]
    fn nothing_is_held_for_what_is_only_announced() {
        let mut parser = Parser::default();
        parser.parse(b"*1000000\r\n$536870912\r\n", LIMITS).unwrap();
        assert_eq!(parser.memory(), 0);
    }
}
