//! The parameters whose values have a grammar of their own: each is read, put into the form that `CONFIG GET` shows, and read again
//! from that form by those who want it in parts.
use super::kinds::{Why, parse_bytes, place_of};
use crate::number;

/// What a caller that is not read quickly enough may leave unread, in bytes, before it is disconnected: at once above `hard`, or above
/// `soft` for so many seconds. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// In bytes.
    pub hard: u64,
    /// In bytes.
    pub soft: u64,
    /// How long `soft` may be exceeded.
    pub seconds: u64,
}

/// `client-output-buffer-limit`, by class of callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Those who send commands.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Those with subscriptions.
    pub pubsub: OutputLimit,
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b' ').filter(|_| !text.is_empty())
}

impl OutputLimits {
    /// Reads limits of some classes, the others staying as they are.
    pub(crate) fn parse(mut self, text: &[u8]) -> Result<Self, Why> {
        let words: Vec<&[u8]> = words(text).collect();
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for [class, hard, soft, seconds] in groups {
            let limit = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut self.normal,
                b"slave" | b"replica" => &mut self.replica,
                b"pubsub" => &mut self.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let bytes = |text| parse_bytes(text).map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
            let seconds = number::parse_i64(seconds).and_then(|seconds| u64::try_from(seconds).ok());
            let (Some(hard), Some(soft), Some(seconds)) = (bytes(hard), bytes(soft), seconds) else {
                let why = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
                return Err(why.into());
            };
            *limit = OutputLimit { hard, soft, seconds };
        }
        Ok(self)
    }

    fn show(self) -> Vec<u8> {
        let classes = [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)];
        let show = |(class, limit): (&str, OutputLimit)| {
            format!("{class} {} {} {}", limit.hard, limit.soft, limit.seconds)
        };
        classes.map(show).join(" ").into()
    }
}

/// `client-output-buffer-limit`.
pub(crate) fn output_limits(given: &[u8], before: &[u8]) -> Result<Vec<u8>, Why> {
    Ok(OutputLimits::default().parse(before)?.parse(given)?.show())
}

/// An integer as C's `strtoll` reads a whole word: nothing at all is 0.
fn read_integer(word: &[u8]) -> Option<i64> {
    let digits = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    if word.is_empty() {
        return Some(0);
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let limit = if word[0] == b'-' { i64::MIN } else { i64::MAX };
    Some(std::str::from_utf8(word).ok()?.parse().unwrap_or(limit))
}

fn show_integers(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into()
}

/// One pair of `save`: a snapshot is made when there were so many changes since the last, so many seconds after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// How long after the last snapshot at least.
    pub seconds: i64,
    /// How many changes since it at least.
    pub changes: i64,
}

pub(crate) fn parse_save_points(text: &[u8]) -> Result<Vec<SavePoint>, Why> {
    let numbers: Option<Vec<i64>> = words(text).map(read_integer).collect();
    let numbers = numbers.ok_or("Invalid save parameters")?;
    let (points, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() || points.iter().any(|[seconds, changes]| *seconds < 1 || *changes < 0) {
        return Err("Invalid save parameters".into());
    }
    Ok(points.iter().map(|&[seconds, changes]| SavePoint { seconds, changes }).collect())
}

/// `save`: pairs of seconds and changes.
pub(crate) fn save_points(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    let points = parse_save_points(given)?;
    let numbers: Vec<i64> = points.iter().flat_map(|point| [point.seconds, point.changes]).collect();
    Ok(show_integers(&numbers))
}

/// `oom-score-adj-values`.
pub(crate) fn oom_scores(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    let words: Vec<&[u8]> = words(given).collect();
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let scores: Option<Vec<i64>> = words.into_iter().map(read_integer).collect();
    match scores {
        Some(scores) if scores.iter().all(|score| (-2000..=2000).contains(score)) => {
            Ok(show_integers(&scores))
        }
        _ => Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into()),
    }
}

/// `latency-tracking-info-percentiles`, in percent.
pub(crate) fn parse_percentiles(text: &[u8]) -> Result<Vec<f64>, Why> {
    let percentile = |word| match number::parse_f64(word) {
        None => Err("Invalid latency-tracking-info-percentiles parameters".into()),
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        Some(_) => Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into()),
    };
    words(text).map(percentile).collect()
}

/// A percentage as Redis writes it: six decimals at most.
pub(crate) fn show_percentile(percent: f64) -> String {
    let text = format!("{percent:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `latency-tracking-info-percentiles`.
pub(crate) fn percentiles(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    let shown: Vec<String> = parse_percentiles(given)?.into_iter().map(show_percentile).collect();
    Ok(shown.join(" ").into())
}

/// `shutdown-on-sigint` and its twin: what SHUTDOWN would be told.
pub(crate) fn shutdown_options(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    const WORDS: [&str; 5] = ["default", "save", "nosave", "now", "force"];
    let places: Vec<usize> =
        given.split(|byte| *byte == b' ').map(|word| place_of(&WORDS, word)).collect::<Result<_, _>>()?;
    if places.contains(&1) && places.contains(&2) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let chosen: Vec<&str> = (1..WORDS.len()).filter(|at| places.contains(at)).map(|at| WORDS[at]).collect();
    Ok(if chosen.is_empty() { WORDS[0].into() } else { chosen.join(" ").into() })
}

/// `oom-score-adj`: one of its words has two names.
pub(crate) fn oom_adjustment(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    const WORDS: [&str; 4] = ["no", "yes", "relative", "absolute"];
    let word = WORDS[place_of(&WORDS, given)?];
    Ok(if word == "relative" { "yes" } else { word }.into())
}

/// `bind`.
pub(crate) fn addresses(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    const MOST: usize = 16;
    if words(given).filter(|word| !word.is_empty()).count() > MOST {
        return Err("Too many bind addresses specified.".into());
    }
    Ok(given.to_vec())
}

/// `cluster-announce-hostname`.
pub(crate) fn hostname(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    if given.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if !given.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte)) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(given.to_vec())
}

/// `cluster-announce-human-nodename`.
pub(crate) fn node_name(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    if given.iter().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte)) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(given.to_vec())
}

/// `locale-collate`. Text is compared byte by byte here, so there are only the locales that do that.
pub(crate) fn locale(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    let is_known = [&b""[..], b"C", b"POSIX", b"C.UTF-8"].contains(&given);
    if is_known { Ok(given.to_vec()) } else { Err("Invalid locale name".into()) }
}

/// `proc-title-template`: text with names of variables in braces; two opening braces stand for one.
pub(crate) fn title_template(given: &[u8], _: &[u8]) -> Result<Vec<u8>, Why> {
    const VARIABLES: [&[u8]; 7] =
        [b"title", b"listen-addr", b"server-mode", b"port", b"tls-port", b"unixsocket", b"config-file"];
    let mut rest = given;
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        let inside = &rest[open + 1..];
        rest = if let Some(after) = inside.strip_prefix(b"{") {
            after
        } else {
            let close = inside.iter().position(|byte| *byte == b'}').unwrap_or(inside.len());
            if close == inside.len() || !VARIABLES.contains(&&inside[..close]) {
                return Err("template format is invalid or contains unknown variables".into());
            }
            &inside[close + 1..]
        };
    }
    if given.is_empty() {
        return Err("template format is invalid or contains unknown variables".into());
    }
    Ok(given.to_vec())
}
