//! The patterns of KEYS, SCAN, CONFIG GET and PSUBSCRIBE.
//!
//! `*` is any bytes, `?` one byte, `[abc]`, `[a-z]` and `[^a]` one byte of a class, `\` takes the next byte as it is. Odd
//! patterns mean what they mean to Redis: a class that is not closed ends with the pattern, a range may be
//! written backwards, a backslash at the end is itself.

/// Redis gives a pattern up that has more stars than this with something after them; several in a row are one.
const STARS: usize = 1000;

/// Whether the whole of `text` is what `pattern` describes. `ignore_case` is about ASCII letters.
///
/// Takes at most about pattern times text steps: only the last `*` is ever tried again.
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    // Redis never finds that a star is nothing at all before it has seen a byte.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut place, mut stars) = (0, 0, 0);
    // After the last star: where the pattern goes on, and where in the text it was tried last.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += pattern[at..].iter().take_while(|&&byte| byte == b'*').count();
            stars += 1;
            if stars > STARS && at < pattern.len() {
                return false;
            }
            retry = Some((at, place));
            continue;
        }
        if place == text.len() {
            return at == pattern.len();
        }
        if let Some(next) = match_one(pattern, at, text[place], ignore_case) {
            at = next;
            place += 1;
            continue;
        }
        let Some((after_star, tried)) = retry else { return false };
        retry = Some((after_star, tried + 1));
        (at, place) = (after_star, tried + 1);
    }
}

/// Matches one byte against the element of the pattern at `at`; returns where the next element begins.
fn match_one(pattern: &[u8], at: usize, byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |byte: u8| if ignore_case { byte.to_ascii_lowercase() } else { byte };
    match pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => match_class(pattern, at + 1, fold(byte), fold),
        b'\\' if at + 1 < pattern.len() => (fold(pattern[at + 1]) == fold(byte)).then_some(at + 2),
        &literal => (fold(literal) == fold(byte)).then_some(at + 1),
    }
}

fn match_class(pattern: &[u8], mut at: usize, byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut found = false;
    loop {
        match &pattern[at.min(pattern.len())..] {
            [] => break,
            [b'\\', literal, ..] => {
                found |= fold(*literal) == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [start, b'-', end, ..] => {
                let (start, end) = (fold(*start), fold(*end));
                found |= (start.min(end)..=start.max(end)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= fold(*literal) == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer_than_its_length_times_the_text() {
        let pattern = b"*a".repeat(1000);
        let text = b"a".repeat(100_000);
        assert!(matches(&pattern, &text, false));
        let pattern = [&b"a*".repeat(1000)[..], b"b"].concat();
        assert!(!matches(&pattern, &text, false));
    }

    /// As Redis 8.0.2 answers each.
    #[test]
    fn a_pattern_of_more_than_a_thousand_stars_fits_nothing() {
        let text = b"a".repeat(5000);
        for (pattern, fits) in [
            (b"*?".repeat(1000), true),
            (b"*?".repeat(1001), false),
            ([&b"*?".repeat(1000)[..], b"*"].concat(), true),
            ([&b"*?".repeat(1000)[..], b"***"].concat(), true),
            ([&b"*?".repeat(1000)[..], b"*a"].concat(), false),
            (b"*".repeat(3000), true),
            ([&b"?*".repeat(1000)[..], b"a"].concat(), true),
            ([&b"?*".repeat(1001)[..], b"a"].concat(), false),
        ] {
            assert_eq!(matches(&pattern, &text, false), fits, "{}", pattern.escape_ascii());
        }
    }

    #[test]
    fn letters_may_be_of_either_case() {
        assert!(matches(b"MAX*[P-R]", b"maxmemory-q", true));
        assert!(!matches(b"MAX*", b"maxmemory", false));
    }
}
