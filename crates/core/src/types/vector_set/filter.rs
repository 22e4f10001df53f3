//! The expressions by which VSIM chooses among elements, by their attributes: `.year >= 1980 and .genre in ["drama", "noir"]`.
//!
//! <https://redis.io/docs/latest/develop/data-types/vector-sets/filtered-search/>. An expression is brought into the order in which it is
//! evaluated when it is read, by Dijkstra's shunting yard, so neither reading nor evaluating one needs a stack of calls.
use std::borrow::Cow;

use serde_json::Value as Json;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Operands before their operators.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Push(Operand<'static>),
    /// The attribute of this name.
    Attribute(Box<str>),
    Apply(Operator),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand<'a> {
    Null,
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Operand<'a>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Open,
    Close,
    Not,
    Power,
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    In,
    And,
    Or,
}

impl Operator {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "(" => Operator::Open,
            ")" => Operator::Close,
            "!" | "not" => Operator::Not,
            "**" => Operator::Power,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "in" => Operator::In,
            "&&" | "and" => Operator::And,
            "||" | "or" => Operator::Or,
            _ => return None,
        })
    }

    /// Who binds tighter has more.
    const fn precedence(self) -> u8 {
        match self {
            Operator::Open | Operator::Close => 0,
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Equal
            | Operator::NotEqual
            | Operator::In => 3,
            Operator::Add | Operator::Subtract => 4,
            Operator::Multiply | Operator::Divide | Operator::Remainder => 5,
            Operator::Power => 6,
            Operator::Not => 7,
        }
    }

    /// Whether an operator that stands before `next` is applied before it.
    fn comes_before(self, next: Self) -> bool {
        match next {
            Operator::Power => self.precedence() > next.precedence(),
            _ => self.precedence() >= next.precedence(),
        }
    }

    const fn operands(self) -> usize {
        match self {
            Operator::Open | Operator::Close => 0,
            Operator::Not => 1,
            _ => 2,
        }
    }
}

impl Operand<'_> {
    fn is_true(&self) -> bool {
        match self {
            Operand::Null => false,
            Operand::Number(number) => *number != 0.0,
            Operand::Text(text) => !text.is_empty(),
            Operand::List(_) => true,
        }
    }

    /// What it counts for: text as the number that it spells, 0 if none.
    fn number(&self) -> f64 {
        match self {
            Operand::Number(number) => *number,
            Operand::Text(text) => text.trim_start().parse().unwrap_or(0.0),
            Operand::Null | Operand::List(_) => 0.0,
        }
    }

    fn equals(&self, other: &Operand<'_>) -> bool {
        match (self, other) {
            (Operand::Text(text), Operand::Text(other)) => text == other,
            (Operand::Null, Operand::Null) => true,
            (Operand::Null, _) | (_, Operand::Null) => false,
            _ => self.number() == other.number(),
        }
    }

    fn is_in(&self, list: &Operand<'_>) -> bool {
        match list {
            Operand::List(items) => items.iter().any(|item| self.equals(item)),
            _ => false,
        }
    }
}

impl<'a> Operand<'a> {
    /// An attribute's value; `None` for what an expression has no operand for: objects, and lists of anything but numbers and text.
    fn of(json: &'a Json) -> Option<Self> {
        Some(match json {
            Json::Null => Operand::Null,
            Json::Bool(yes) => Operand::Number(f64::from(u8::from(*yes))),
            Json::Number(number) => Operand::Number(number.as_f64()?),
            Json::String(text) => Operand::Text(Cow::Borrowed(text)),
            Json::Array(items) => {
                let item = |item: &'a Json| match item {
                    Json::Number(_) | Json::String(_) => Self::of(item),
                    _ => None,
                };
                Operand::List(items.iter().map(item).collect::<Option<_>>()?)
            }
            Json::Object(_) => return None,
        })
    }

    fn apply(operator: Operator, left: &Self, right: &Self) -> Operand<'static> {
        let (a, b) = (left.number(), right.number());
        let truth = |yes: bool| f64::from(u8::from(yes));
        Operand::Number(match operator {
            Operator::Power => a.powf(b),
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Remainder => a % b,
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Greater => truth(a > b),
            Operator::GreaterOrEqual => truth(a >= b),
            Operator::Less => truth(a < b),
            Operator::LessOrEqual => truth(a <= b),
            Operator::Equal => truth(left.equals(right)),
            Operator::NotEqual => truth(!left.equals(right)),
            Operator::In => truth(left.is_in(right)),
            Operator::And => truth(left.is_true() && right.is_true()),
            Operator::Or => truth(left.is_true() || right.is_true()),
            Operator::Not | Operator::Open | Operator::Close => truth(!right.is_true()),
        })
    }
}

/// Reads the words of an expression, one after the other.
#[derive(Debug)]
struct Reader<'t> {
    text: &'t str,
    /// Where the next word begins.
    at: usize,
    /// Whether the last word was a value, so that a minus after it is no sign.
    is_after_value: bool,
}

/// Where the text stops being an expression.
type NotAnExpression = usize;

enum Word {
    Value(Step),
    Operator(Operator),
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at +=
            self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
    }

    /// Takes what is made of such bytes only.
    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &str {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        self.at += rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next word; `None` at the end.
    fn next(&mut self) -> Result<Option<Word>, NotAnExpression> {
        self.skip_spaces();
        let is_sign = self.peek(0) == b'-' && self.peek(1).is_ascii_digit() && !self.is_after_value;
        let word = match self.peek(0) {
            0 if self.rest().is_empty() => return Ok(None),
            b'.' => {
                self.at += 1;
                let belongs = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                Word::Value(Step::Attribute(self.take(belongs).into()))
            }
            b'[' => Word::Value(Step::Push(self.list()?)),
            b'0'..=b'9' | b'"' | b'\'' => Word::Value(Step::Push(self.constant()?)),
            _ if is_sign => Word::Value(Step::Push(self.constant()?)),
            _ => Word::Operator(self.operator()?),
        };
        self.is_after_value = matches!(word, Word::Value(_) | Word::Operator(Operator::Close));
        Ok(Some(word))
    }

    fn operator(&mut self) -> Result<Operator, NotAnExpression> {
        let sign = match self.peek(0) {
            b'(' | b')' | b'+' | b'-' | b'/' | b'%' => 1,
            b'*' => 1 + usize::from(self.peek(1) == b'*'),
            _ => 0,
        };
        let start = self.at;
        if sign > 0 {
            self.at += sign;
        } else if self.take(|byte| byte.is_ascii_alphabetic()).is_empty() {
            self.take(|byte| matches!(byte, b'<' | b'>' | b'=' | b'!' | b'&' | b'|'));
        }
        Operator::of(&self.text[start..self.at]).ok_or(self.at)
    }

    /// A number or a text.
    fn constant(&mut self) -> Result<Operand<'static>, NotAnExpression> {
        let quote = self.peek(0);
        if quote != b'"' && quote != b'\'' {
            let start = self.at;
            self.at += usize::from(quote == b'-');
            self.take(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E'));
            return self.text[start..self.at].parse().map(Operand::Number).map_err(|_| self.at);
        }
        let (mut text, mut is_escaped) = (String::new(), false);
        for (at, letter) in self.rest().char_indices().skip(1) {
            match letter {
                _ if is_escaped => {
                    text.push(letter);
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                _ if letter == char::from(quote) => {
                    self.at += at + 1;
                    return Ok(Operand::Text(Cow::Owned(text)));
                }
                _ => text.push(letter),
            }
        }
        Err(self.text.len())
    }

    /// `[constant, constant, ...]`
    fn list(&mut self) -> Result<Operand<'static>, NotAnExpression> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_spaces();
        if self.peek(0) == b']' {
            self.at += 1;
            return Ok(Operand::List(items));
        }
        loop {
            self.skip_spaces();
            match self.peek(0) {
                b'0'..=b'9' | b'-' | b'"' | b'\'' => items.push(self.constant()?),
                _ => return Err(self.at),
            }
            self.skip_spaces();
            let end = self.peek(0);
            match end {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Operand::List(items));
                }
                _ => return Err(self.at),
            }
        }
    }
}

impl Filter {
    /// Reads an expression; otherwise the part of the text where it stops being one.
    ///
    /// # Errors
    /// That part, or all of the text if it is one as a whole that is none.
    pub fn parse(text: &str) -> Result<Self, &str> {
        let mut reader = Reader { text, at: 0, is_after_value: false };
        let near = |at: usize| text.get(at..).filter(|rest| !rest.is_empty()).unwrap_or(text);
        let (mut steps, mut waiting) = (Vec::new(), Vec::<Operator>::new());
        // How many values there would be after the steps so far.
        let mut depth = 0_usize;
        let apply = |operator: Operator, steps: &mut Vec<Step>, depth: &mut usize| {
            steps.push(Step::Apply(operator));
            *depth = (*depth + 1).checked_sub(operator.operands()).filter(|&depth| depth > 0).ok_or(text)?;
            Ok::<(), &str>(())
        };
        while let Some(word) = reader.next().map_err(near)? {
            match word {
                Word::Value(step) => {
                    steps.push(step);
                    depth += 1;
                }
                Word::Operator(Operator::Open) => waiting.push(Operator::Open),
                Word::Operator(Operator::Close) => loop {
                    match waiting.pop().ok_or(text)? {
                        Operator::Open => break,
                        operator => apply(operator, &mut steps, &mut depth)?,
                    }
                },
                Word::Operator(operator) => {
                    while let Some(before) =
                        waiting.pop_if(|before| *before != Operator::Open && before.comes_before(operator))
                    {
                        apply(before, &mut steps, &mut depth)?;
                    }
                    waiting.push(operator);
                }
            }
        }
        while let Some(operator) = waiting.pop() {
            if operator == Operator::Open {
                return Err(text);
            }
            apply(operator, &mut steps, &mut depth)?;
        }
        if depth == 1 { Ok(Self { steps }) } else { Err(text) }
    }

    /// Whether attributes fit. Those that are not JSON, and those without one that the expression names, do not.
    pub fn admits(&self, attributes: &[u8]) -> bool {
        let Ok(attributes) = serde_json::from_slice::<Json>(attributes) else { return false };
        self.evaluate(&attributes).is_some_and(|result| result.is_true())
    }

    fn evaluate<'v>(&'v self, attributes: &'v Json) -> Option<Cow<'v, Operand<'v>>> {
        // What the expression says itself, lists of any length among it, is not copied for each element that it is asked about.
        let mut values: Vec<Cow<'v, Operand<'v>>> = Vec::new();
        for step in &self.steps {
            let value = match step {
                Step::Push(operand) => Cow::Borrowed(operand),
                Step::Attribute(name) => Cow::Owned(Operand::of(attributes.get(&**name)?)?),
                Step::Apply(operator) => {
                    let right = values.pop()?;
                    let left =
                        if operator.operands() == 2 { values.pop()? } else { Cow::Owned(Operand::Null) };
                    Cow::Owned(Operand::apply(*operator, &left, &right))
                }
            };
            values.push(value);
        }
        values.pop()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILM: &str = r#"{"year": 1984, "title": "Dune", "rating": 6.3, "cult": true, "remade": false, "sequel": null,
        "cast": ["Kyle", "Sting", 7], "crew": {"lead": "David"}, "nested": [[1]], "code": "12"}"#;

    fn fits(expression: &str) -> bool {
        let filter = Filter::parse(expression).unwrap_or_else(|near| panic!("{expression}: {near}"));
        filter.admits(FILM.as_bytes())
    }

    #[test]
    fn expressions_of_the_documentation_choose_what_they_say() {
        for yes in [
            ".year >= 1980 and .year < 1990",
            r#".title == "Dune" and .rating > 6.0"#,
            r#".title in ["Dune", "Stalker"]"#,
            "(.year - 2000) ** 2 < 300 and .rating / 2 > 3",
            "not (.year > 2000) || .remade",
            "'Sting' in .cast && 7 in .cast",
            ".cult == 1 and !.remade and not .sequel",
            "2 ** 3 ** 2 == 512 and 10 - 3 - 2 == 5 and 7 % 4 == 3",
            ".code == 12 and .code + 1 == 13",
            "-2 ** 2 == 4 and 5 -3 == 2",
        ] {
            assert!(fits(yes), "{yes}");
        }
        for no in
            [".year > 1984", ".title == 'dune'", "8 in .cast", ".sequel == 0", "'un' in .title", "[] == 1"]
        {
            assert!(!fits(no), "{no}");
        }
    }

    #[test]
    fn an_attribute_that_is_not_there_fits_nothing() {
        for expression in
            [".gone", "not .gone", ".gone or 1", ".crew", ".nested", "not .crew", ".crew == .crew", "."]
        {
            assert!(!fits(expression), "{expression}");
        }
        let always = Filter::parse("1").unwrap();
        assert!(
            always.admits(b"{}")
                && always.admits(b"[]")
                && !always.admits(b"not json")
                && !always.admits(b"")
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_with_the_part_that_is_none() {
        for (text, near) in [
            (".year = 1950", " 1950"),
            ("1 AND 1", " 1"),
            ("foo == 1", " == 1"),
            (".year in [1950 1951]", "1951]"),
            ("1 in [[1]]", "[1]]"),
            ("1 $ 2", "$ 2"),
            ("1 , 1", ", 1"),
            ("0x10 == 16", "10 == 16"),
        ] {
            assert_eq!(Filter::parse(text), Err(near), "{text}");
        }
        for text in [
            "",
            "(",
            "(1",
            "1)",
            "()",
            "1 1",
            "1 +",
            "+ 1",
            "--1",
            "not not 1",
            "\"abc",
            "[1,2",
            ".a.b",
            "1 and",
        ] {
            assert_eq!(Filter::parse(text), Err(text), "{text}");
        }
    }

    #[test]
    fn parentheses_may_be_as_deep_as_they_like() {
        let deep = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(fits(&deep(100_000)));
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_refused(
            text in "[-0-9a.\"'()\\[\\], <>=!&|+*/%einotrd\\\\é]{0,40}", attributes in "[\\[\\]{}0-9\",:a]{0,20}"
        ) {
            if let Ok(filter) = Filter::parse(&text) {
                filter.admits(FILM.as_bytes());
                filter.admits(attributes.as_bytes());
            }
        }
    }
}
