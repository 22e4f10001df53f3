//! A command's words as a tree, read from its syntax: what `COMMAND DOCS` calls its arguments.
//!
//! The notation is that of Redis's documentation. `[a]` may be left out, `<a | b>` is a choice, words in upper case stand for
//! themselves and own what follows them in their bracket, and `a b [a b ...]` may be repeated, as may a choice that ends with
//! dots: `<a | b ...>`. What this notation cannot say, the type of a word and the name of a group of words, is in tables here,
//! by the words. Knows nothing of replies, and nothing of what the arguments do.
use super::{Begin, KeySpec, Spec, versions};

/// One argument, or a group of them.
#[derive(Clone, Debug)]
pub struct Argument {
    /// What it is called, in lower case.
    pub name: String,
    /// What stands for it in the syntax: its name, or an example of what it looks like.
    pub shown: String,
    /// What it may be.
    pub kind: Kind,
    /// The word that must stand before it; a pure token's own word.
    pub token: Option<&'static str>,
    /// For a key, or a pattern that values make keys of: which of the command's key specifications finds it.
    pub key_spec: Option<usize>,
    /// The version of Redis that brought it, when the command is older.
    pub since: Option<&'static str>,
    /// The version of Redis that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its token is repeated with it.
    pub multiple_token: bool,
    /// The choices of a [`Kind::OneOf`], the parts of a [`Kind::Block`].
    pub parts: Vec<Argument>,
}

impl Argument {
    fn new(name: &str, kind: Kind, parts: Vec<Argument>) -> Self {
        Self {
            name: name.to_owned(),
            shown: name.to_owned(),
            kind,
            token: None,
            key_spec: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            parts,
        }
    }
}

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key's name.
    Key,
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A moment, counted from 1970.
    UnixTime,
    /// A glob-style pattern.
    Pattern,
    /// A fixed word and nothing else.
    PureToken,
    /// One of several arguments.
    OneOf,
    /// Several arguments, one after the other.
    Block,
}

impl Kind {
    /// As `COMMAND DOCS` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Key => "key",
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::UnixTime => "unix-time",
            Kind::Pattern => "pattern",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }

    /// The type of the argument `name` of a command.
    fn of(command: &str, name: &str) -> Self {
        match (command, name) {
            ("INCRBYFLOAT" | "HINCRBYFLOAT", "increment") => Kind::Double,
            ("SETBIT" | "BITFIELD", "value") | ("INCREX", "integer") => Kind::Integer,
            ("INCREX", "float") => Kind::Double,
            ("ARRING", "size") => Kind::Integer,
            ("ARGREP", "start" | "end" | "pattern") => Kind::String,
            // The other words of ZRANGE and ZRANGESTORE decide whether these are places, scores or members.
            ("ZRANGE", "start" | "stop") | ("ZRANGESTORE", "min" | "max") => Kind::String,
            (_, "min" | "max") if command.contains("LEX") => Kind::String,
            ("CLIENT PAUSE" | "WAIT" | "WAITAOF", "timeout") | ("LOLWUT", "version") => Kind::Integer,
            ("FAILOVER" | "REPLICAOF" | "SLAVEOF", "port") => Kind::Integer,
            ("XAUTOCLAIM" | "XPENDING" | "XRANGE" | "XREVRANGE", "start" | "end") => Kind::String,
            ("XPENDING" | "XREADGROUP", "min-idle-time") | (_, "ms" | "entries-read" | "entries-added") => {
                Kind::Integer
            }
            (_, "maxcount" | "maxsize") => Kind::Integer,
            (_, "longitude" | "latitude" | "radius" | "width" | "height") => Kind::Double,
            (_, "min" | "max" | "score" | "timeout") => Kind::Double,
            (
                _,
                "key" | "key1" | "key2" | "newkey" | "destkey" | "sourcekey" | "source" | "destination"
                | "src" | "dst",
            ) => Kind::Key,
            (_, "pattern") => Kind::Pattern,
            (_, "unix-time-seconds" | "unix-time-milliseconds") => Kind::UnixTime,
            (
                _,
                "bit" | "bits" | "client-id" | "count" | "cursor" | "db" | "decrement" | "destination-db"
                | "end" | "exactly" | "frequency" | "increment" | "index" | "index1" | "index2" | "len"
                | "limit" | "maxage" | "milliseconds" | "min-match-len" | "num-matches" | "num-vertices"
                | "numfields" | "numkeys" | "numlocal" | "numreplicas" | "offset" | "protover" | "rank"
                | "seconds" | "start" | "stop" | "ttl" | "weight",
            ) => Kind::Integer,
            _ => Kind::String,
        }
    }
}

/// What a word that stands for itself is called, where that is not the word.
fn token_name(token: &str) -> String {
    match token {
        "CH" => "change".into(),
        "INCR" => "increment".into(),
        "TYPE" => "client-type".into(),
        "TO" => "target".into(),
        "CONFIG" => "configs".into(),
        "ALPHA" => "sorting".into(),
        "=" => "equal".into(),
        "~" => "approximately".into(),
        "*" => "auto-id".into(),
        "$" => "new-id".into(),
        "BYPOLYGON" => "polygon".into(),
        _ => token.to_ascii_lowercase(),
    }
}

/// What a choice is called that has no token before it.
fn choice_name(command: &str, choices: &[Argument]) -> &'static str {
    let words: Vec<&str> = choices.iter().map(|choice| choice.token.unwrap_or(&choice.name)).collect();
    match words.as_slice() {
        ["NX" | "FNX" | "IFEQ" | "KEEPREF", ..] => "condition",
        ["MAXLEN", "MINID"] => "strategy",
        ["=", "~"] => "operator",
        ["*", "id"] | ["id", "$"] => "id-selector",
        ["SILENT", ..] => "mode",
        ["IDMPAUTO", ..] => "idempotency",
        ["FP32" | "ELE", ..] => "format",
        ["NOQUANT" | "Q8" | "BIN", ..] => "quant-type",
        ["GT", ..] => "comparison",
        ["EX", ..] => "expiration",
        ["AND", "OR", "LIMIT", ..] => "options",
        ["AND" | "SUM", ..] | ["GET", "write"] => "operation",
        ["EXACT", ..] => "predicate",
        ["BYTE", "BIT"] => "unit",
        ["BYFLOAT", "BYINT"] => "increment",
        ["SET", "INCRBY"] => "write-operation",
        ["ASYNC", ..] => "flush-type",
        ["FLUSH", "APPEND", ..] => "policy",
        ["ASC", "DESC"] => "order",
        ["M", "KM", ..] => "unit",
        ["FROMMEMBER", ..] => "from",
        ["circle", ..] => "by",
        ["STORE", ..] => "store",
        ["COUNT", "EXACTLY"] => "selector",
        ["OBO", "BULK"] => "ordering",
        ["BYSCORE", ..] => "sortby",
        ["BEFORE" | "LEFT" | "MIN", ..] => "where",
        ["ON", "OFF"] if command == "CLIENT TRACKING" => "status",
        ["ON", "OFF"] => "enabled",
        ["ON", "OFF", "SKIP"] => "action",
        ["WRITE", "ALL"] | ["YES", "NO"] | ["YES", "SYNC", "NO"] => "mode",
        ["TIMEOUT", "ERROR"] => "unblock-type",
        ["LIB-NAME", ..] => "attr",
        ["ID", ..] => "new-format",
        ["old-format", ..] => "filter",
        ["count", "RESET"] => "operation",
        ["NOSAVE", "SAVE"] => "save-selector",
        ["host-port", "no-one"] => "args",
        _ => "choice",
    }
}

/// What an argument is called after the token before it, where that is neither its own name nor the token's.
fn name_after(token: Option<&str>, name: &str) -> Option<&'static str> {
    match (token?, name) {
        ("BY", "pattern") => Some("by-pattern"),
        ("GET", "pattern") => Some("get-pattern"),
        ("GET", "get") => Some("get-block"),
        ("SET", "set") => Some("set-block"),
        ("GROUP", "group") => Some("group-block"),
        ("ENTRIESREAD", _) => Some("entriesread"),
        ("INCRBY", "incrby") => Some("incrby-block"),
        ("OVERFLOW", _) => Some("overflow-block"),
        ("STORE", "key") => Some("storekey"),
        ("STOREDIST", "key") => Some("storedistkey"),
        _ => None,
    }
}

/// What several arguments in one bracket are called that have no token before them.
fn group_name(group: &[Argument]) -> &'static str {
    match group.first().map(|first| first.name.as_str()) {
        Some("protover") => "arguments",
        Some("host") => "host-port",
        Some("no") => "no-one",
        Some("start") => "range",
        Some("strategy") => "trim",
        Some("min-idle-time") => "filters",
        Some("full") => "full-block",
        Some("end") => "end-unit-block",
        Some("overflow-block") => "write",
        Some("selector") => "how-many",
        _ => "options",
    }
}

/// What several words make of which only the first belongs to the token.
fn group_of_first(token: &str) -> Option<&'static str> {
    match token {
        "BYRADIUS" => Some("circle"),
        "BYBOX" => Some("box"),
        "COUNT" => Some("count-block"),
        _ => None,
    }
}

/// What a word is called where it is no name but an example, and no token before it has one for it.
fn word_name(word: &str) -> &str {
    if word == EXAMPLE { "old-format" } else { word }
}

/// An address, as it looks.
const EXAMPLE: &str = "ip:port";

/// The arguments of a command, in order.
pub fn arguments(spec: &Spec) -> Vec<Argument> {
    let (arguments, rest) = read(spec);
    debug_assert!(rest.is_empty(), "{}: a bracket closes that was not opened", spec.name);
    arguments
}

/// Whether a command's words are in the notation from the first to the last.
pub(crate) fn is_whole(spec: &Spec) -> bool {
    read(spec).1.is_empty()
}

/// The arguments, and what is left of the words.
fn read(spec: &Spec) -> (Vec<Argument>, &'static str) {
    let mut reader = Reader { rest: spec.syntax, spec, keys: 0 };
    (reader.sequence(), reader.rest)
}

/// What stands before it may be repeated.
const DOTS: &str = "...";

struct Reader<'s> {
    rest: &'static str,
    spec: &'s Spec,
    /// How many keys have been met.
    keys: usize,
}

impl Reader<'_> {
    /// The next word or bracket, which is not passed yet.
    fn peek(&self) -> &'static str {
        let end = match self.rest.find([' ', '[', ']', '<', '>', '|']) {
            Some(0) => 1,
            Some(end) => end,
            None => self.rest.len(),
        };
        &self.rest[..end]
    }

    fn pass(&mut self, word: &str) {
        self.rest = self.rest[word.len()..].trim_start();
    }

    /// Arguments up to a bar, a closing bracket or the end.
    fn sequence(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        loop {
            match self.peek() {
                "" | "]" | ">" | "|" | DOTS => return arguments,
                "[" => match self.repetition() {
                    Some(length) => repeat(&mut arguments, length),
                    None => arguments.push(Argument { optional: true, ..self.bracket() }),
                },
                "<" => {
                    let mut choice = self.bracket();
                    if let Some(before) = arguments.last_mut()
                        && before.name == "where"
                        && choice.name == "where"
                    {
                        before.name = "wherefrom".into();
                        choice.name = "whereto".into();
                    }
                    arguments.push(choice);
                }
                word => {
                    self.pass(word);
                    let argument = self.word(word);
                    arguments.push(self.dated(argument));
                }
            }
        }
    }

    /// Passes a bracket that only says that what stands before it may be repeated; returns how many words that is.
    fn repetition(&mut self) -> Option<usize> {
        let (inside, rest) = self.rest[1..].split_once(']')?;
        let repeated = inside.strip_suffix(" ...")?;
        if repeated.contains('[') {
            return None;
        }
        self.rest = rest.trim_start();
        Some(repeated.split(' ').count())
    }

    /// All that is between two brackets, as one argument.
    fn bracket(&mut self) -> Argument {
        let open = self.peek();
        self.pass(open);
        let mut choices = Vec::new();
        let mut multiple = false;
        loop {
            let sequence = self.sequence();
            let name = group_name(&sequence);
            let choice = together(sequence, name);
            choices.push(self.dated(choice));
            if self.peek() == DOTS {
                self.pass(DOTS);
                multiple = true;
            }
            let end = self.peek();
            self.pass(end);
            if end != "|" {
                break;
            }
        }
        if choices.len() == 1 {
            return choices.remove(0);
        }
        let choice = Argument {
            multiple,
            ..Argument::new(choice_name(self.spec.name, &choices), Kind::OneOf, choices)
        };
        self.dated(choice)
    }

    fn word(&mut self, word: &'static str) -> Argument {
        if word
            .starts_with(|first: char| first.is_ascii_uppercase() || matches!(first, '=' | '~' | '*' | '$'))
        {
            return Argument {
                token: Some(word),
                ..Argument::new(&token_name(word), Kind::PureToken, Vec::new())
            };
        }
        let kind = Kind::of(self.spec.name, word);
        let mut argument =
            Argument { shown: word.to_owned(), ..Argument::new(word_name(word), kind, Vec::new()) };
        if matches!(kind, Kind::Key | Kind::Pattern) {
            let finds = |spec: &KeySpec| matches!(spec.begin, Begin::InValues) == (kind == Kind::Pattern);
            let mut places = (0..self.spec.keys.len()).filter(|&place| finds(&self.spec.keys[place]));
            // One specification can find several keys; it is then the last.
            let before = if kind == Kind::Key { self.keys } else { 0 };
            let place = places.clone().nth(before).or(places.next_back());
            argument.key_spec = place;
            self.keys += usize::from(kind == Kind::Key);
        }
        argument
    }

    fn dated(&self, argument: Argument) -> Argument {
        let since = versions::added(self.spec.name, &argument.name);
        let deprecated_since = versions::argument_deprecated(self.spec.name, &argument.name);
        Argument { since, deprecated_since, ..argument }
    }
}

/// One argument for a sequence: a token goes to what it owns, and what is still more than one becomes a block.
fn together(mut sequence: Vec<Argument>, name: &str) -> Argument {
    if sequence.len() == 1 {
        return sequence.remove(0);
    }
    // Words that all stand for themselves own nothing, nor does one that may be alone.
    let stands_for_itself = |argument: &Argument| argument.kind == Kind::PureToken;
    let is_owned = |argument: &Argument| !stands_for_itself(argument) && !argument.optional;
    if !sequence.first().is_some_and(stands_for_itself) || !sequence.iter().any(is_owned) {
        return Argument::new(name, Kind::Block, sequence);
    }
    let owner = sequence.remove(0);
    // Some tokens go with the first of several words, and do not make the whole theirs.
    if let (Some(name), [first, _, ..]) = (owner.token.and_then(group_of_first), sequence.as_mut_slice()) {
        first.token = owner.token;
        return Argument::new(name, Kind::Block, sequence);
    }
    let owned = together(sequence, &owner.name);
    let is_nameless = matches!(owned.kind, Kind::OneOf | Kind::Block) || owned.shown == EXAMPLE;
    let name = match name_after(owner.token, &owned.name) {
        Some(name) => name.into(),
        None if is_nameless => owner.name,
        None => owned.name,
    };
    Argument { name, token: owner.token, ..owned }
}

/// Makes the last `length` arguments one that may be repeated.
fn repeat(arguments: &mut Vec<Argument>, length: usize) {
    let repeated = arguments.split_off(arguments.len().saturating_sub(length));
    let name = if repeated.first().is_some_and(|first| first.name == "start") { "range" } else { "data" };
    let argument = together(repeated, name);
    let multiple_token = argument.token.is_some();
    arguments.push(Argument { multiple: true, multiple_token, ..argument });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd;

    /// `name:type`, with `TOKEN=` before it, `?` for optional, `*` and `+` for multiple and its token.
    fn text(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let token = argument.token.map(|token| format!("{token}=")).unwrap_or_default();
            let parts = if argument.parts.is_empty() {
                String::new()
            } else {
                format!("({})", text(&argument.parts))
            };
            let flags: String =
                [(argument.optional, '?'), (argument.multiple, '*'), (argument.multiple_token, '+')]
                    .into_iter()
                    .filter_map(|(is_set, sign)| is_set.then_some(sign))
                    .collect();
            format!("{token}{}:{}{parts}{flags}", argument.name, argument.kind.as_str())
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn read(syntax: &'static str) -> String {
        text(&arguments(&Spec { syntax, ..Spec::EMPTY }))
    }

    #[test]
    fn a_syntax_becomes_a_tree() {
        assert_eq!(read(""), "");
        assert_eq!(read("key [count]"), "key:key count:integer?");
        assert_eq!(read("key field [field ...]"), "key:key field:string*");
        assert_eq!(read("[section [section ...]]"), "section:string?*");
        assert_eq!(read("key value [key value ...]"), "data:block(key:key value:string)*");
        assert_eq!(
            read("key [count [WITHVALUES]]"),
            "key:key options:block(count:integer WITHVALUES=withvalues:pure-token?)?"
        );
        assert_eq!(
            read("[NX | XX] [LIMIT offset count]"),
            "condition:oneof(NX=nx:pure-token XX=xx:pure-token)? LIMIT=limit:block(offset:integer count:integer)?"
        );
        assert_eq!(read("<MIN | MAX>"), "where:oneof(MIN=min:pure-token MAX=max:pure-token)");
        assert_eq!(
            read("<ip:port | <[ID client-id] | [ADDR ip:port] ...>>"),
            "filter:oneof(old-format:string new-format:oneof(ID=client-id:integer? ADDR=addr:string?)*)"
        );
        assert_eq!(read("[WEIGHTS weight [weight ...]]"), "WEIGHTS=weight:integer?*");
        assert_eq!(read("[GET pattern [GET pattern ...]]"), "GET=get-pattern:pattern?*+");
        assert_eq!(
            read("[FULL [COUNT count]]"),
            "full-block:block(FULL=full:pure-token COUNT=count:integer?)?"
        );
        assert_eq!(
            read("[FILTERBY <ACLCAT category | PATTERN pattern>]"),
            "FILTERBY=filterby:oneof(ACLCAT=category:string PATTERN=pattern:pattern)?"
        );
    }

    #[test]
    fn every_syntax_is_read_to_its_end_and_every_choice_has_a_name() {
        fn check(row: &cmd::Row, arguments: &[Argument]) {
            for argument in arguments {
                assert_ne!(argument.name, "choice", "{}", row.spec.name);
                assert!(!argument.name.contains('.'), "{}: {}", row.spec.name, argument.name);
                check(row, &argument.parts);
            }
        }
        for row in cmd::all() {
            check(row, &arguments(&row.spec));
        }
    }

    #[test]
    fn every_argument_with_a_version_of_its_own_exists() {
        fn count(arguments: &[Argument]) -> usize {
            let one = |argument: &Argument| usize::from(argument.since.is_some()) + count(&argument.parts);
            arguments.iter().map(one).sum()
        }
        let dated: usize = cmd::all().map(|row| count(&arguments(&row.spec))).sum();
        assert_eq!(dated, versions::ADDED.len());
        for (name, _, _) in versions::DEPRECATED {
            assert!(cmd::row(name.as_bytes()).is_some(), "{name}");
        }
    }
}
