//! SORT: the elements of a list, a set or a sorted set, in an order that other keys may decide, or what other keys hold for them.
use std::cmp::Ordering;
use std::ops::Range;

use crate::Bytes;

use super::{Args, Command, Flags, Group, KeySpec, Read, Scope, Spec, Write, table};
use crate::number;
use crate::partial_sort::sort_part;
use crate::tx::{Deadline, SetView, Tx, View};
use crate::types::{Element, IntBuffer, List, Spelled, StrRef, ValueRef, ZSet};
use crate::{Error, Result};

table! { write Sort, read SortRo }

const SORTING: Spec = Spec {
    group: Group::Generic,
    categories: &["@set", "@sortedset", "@list", "@dangerous"],
    check_named_keys: |args| {
        let denied = |option| {
            let text = format!("ERR {option} option of SORT denied due to insufficient ACL permissions.");
            Err(Error::Refused(text.into()))
        };
        args.bytes()?;
        parse_options(args, true, denied).map(drop)
    },
    complexity: "O(N+M*log(M)), N being the number of elements and M that of those returned; O(N) without a sort",
    ..Spec::EMPTY
};

const PATTERNS: KeySpec = KeySpec::in_values(&["RO", "access"]).noting(
    "For the optional BY and GET: these keys follow from the elements, so none of the words is one of them",
);
const DESTINATION: KeySpec = KeySpec::found(&["OW", "update"], destination)
    .noting("For the optional STORE, which may stand anywhere among the options");

/// The place of the destination among the words of SORT, whatever else they are.
fn destination(words: &[&[u8]]) -> Vec<usize> {
    let (mut place, mut found) = (2, None);
    while let Some(word) = words.get(place) {
        let is = |token: &str| word.eq_ignore_ascii_case(token.as_bytes());
        if is("STORE") && place + 1 < words.len() {
            found = Some(place + 1);
        }
        place += if is("LIMIT") {
            3
        } else if is("BY") || is("GET") || found == Some(place + 1) {
            2
        } else {
            1
        };
    }
    found.into_iter().collect()
}

/// What the order goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy<'a> {
    /// The elements themselves.
    #[default]
    Element,
    /// `BY pattern`: what is at the keys that the pattern names, whose `*` stands for the element. With `->field` after the `*`, a
    /// field of a hash. What is not there counts as 0, or with `ALPHA` as less than anything.
    Pattern(&'a [u8]),
    /// `BY nosort`, or any pattern without a `*`: nothing. A list and a sorted set stay in their order, which `DESC` turns round.
    Nothing,
}

/// How `SORT` sorts, and what it returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortOptions<'a> {
    /// `BY`
    pub by: SortBy<'a>,
    /// `GET`: what is returned for each element, in the place of itself. Patterns as in [`SortBy::Pattern`], or `#` for the element.
    pub get: Vec<&'a [u8]>,
    /// `LIMIT`: how many elements are passed over.
    pub offset: usize,
    /// `LIMIT`: how many elements are taken at most.
    pub count: usize,
    /// `DESC`: from the highest to the lowest.
    pub descending: bool,
    /// `ALPHA`: in the order of their bytes, not as numbers.
    pub alpha: bool,
    /// Whether a set comes in the order of its bytes where [`SortBy::Nothing`] leaves it without one: for whoever must be told the same of
    /// equal sets, as scripts are. What is stored has an order anyway.
    pub orders_sets: bool,
}

impl Default for SortOptions<'_> {
    fn default() -> Self {
        Self {
            by: SortBy::Element,
            get: Vec::new(),
            offset: 0,
            count: usize::MAX,
            descending: false,
            alpha: false,
            orders_sets: false,
        }
    }
}

impl<'a> SortOptions<'a> {
    /// `BY`: in the order of what is at the keys that a pattern names, such as `weight_*` or `user:*->age`. One without a `*` leaves
    /// the elements as they are.
    #[must_use]
    pub fn by(mut self, pattern: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        let pattern = pattern.as_ref();
        let by_nothing = star(pattern).is_none() || self.by == SortBy::Nothing;
        self.by = if by_nothing { SortBy::Nothing } else { SortBy::Pattern(pattern) };
        self
    }

    /// `GET`: what is at the keys that a pattern names, in the place of the element; `#` for the element. Each further one adds
    /// a value for each element.
    #[must_use]
    pub fn get(mut self, pattern: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.get.push(pattern.as_ref());
        self
    }

    /// `LIMIT`: only `count` elements after the first `offset`.
    #[must_use]
    pub fn limit(mut self, offset: usize, count: usize) -> Self {
        (self.offset, self.count) = (offset, count);
        self
    }

    /// `DESC`: from the highest to the lowest.
    #[must_use]
    pub fn desc(mut self) -> Self {
        self.descending = true;
        self
    }

    /// `ALPHA`: in the order of their bytes, not as numbers.
    #[must_use]
    pub fn alpha(mut self) -> Self {
        self.alpha = true;
        self
    }

    /// Which shards it takes to follow the patterns.
    fn scope(&self) -> Scope {
        let reads_keys = matches!(self.by, SortBy::Pattern(_))
            || self.get.iter().any(|pattern| *pattern != ELEMENT && star(pattern).is_some());
        if reads_keys { Scope::Everything } else { Scope::Keys }
    }

    /// What the command returns; `stores` if it is for a list.
    fn collect(&self, db: &View<'_>, key: &[u8], stores: bool) -> Result<Vec<Option<Bytes>>> {
        let sorted = self.sorted(db, key, stores)?;
        if self.get.is_empty() {
            return Ok(sorted.iter().map(|element| Some(Bytes::copy_from_slice(element))).collect());
        }
        let mut name = Vec::new();
        let mut values = Vec::with_capacity(sorted.len().saturating_mul(self.get.len()));
        for element in &sorted {
            for pattern in &self.get {
                values.push(if *pattern == ELEMENT {
                    Some(Bytes::copy_from_slice(element))
                } else {
                    Found::follow(db, pattern, element, &mut name)?.map(Found::copy)
                });
            }
        }
        Ok(values)
    }

    /// The elements in order, as many as are asked for.
    fn sorted<'v>(&self, db: &View<'v>, key: &[u8], stores: bool) -> Result<Vec<Spelled<'v>>> {
        let Some(value) = db.value(key)? else { return Ok(Vec::new()) };
        let elements = Elements::of(db, value)?;
        // A set has no order of its own that could be stored.
        let (by, alpha) = match (self.by, elements) {
            (SortBy::Nothing, Elements::Set(_)) if stores || self.orders_sets => (SortBy::Element, true),
            (by, _) => (by, self.alpha),
        };
        let numbers = |a: &(f64, Spelled<'v>), b: &(f64, Spelled<'v>)| {
            let weights = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
            weights.then_with(|| a.1.as_ref().cmp(b.1.as_ref()))
        };
        let mut name = Vec::new();
        let mut follow =
            |pattern, element: Element<'v>| Found::follow(db, pattern, &element.spell(), &mut name);
        match (by, alpha) {
            (SortBy::Nothing, _) => Ok(self.unsorted(elements)),
            (SortBy::Element, false) => {
                self.sort(elements, |element| Found::Field(element).weight(), numbers)
            }
            (SortBy::Element, true) => {
                let texts = |a: &((), Spelled<'v>), b: &((), Spelled<'v>)| compare_texts(&a.1, &b.1, stores);
                self.sort(elements, |_| Ok(()), texts)
            }
            (SortBy::Pattern(pattern), false) => {
                let weigh = |element| follow(pattern, element)?.map_or(Ok(0.0), Found::weight);
                self.sort(elements, weigh, numbers)
            }
            (SortBy::Pattern(pattern), true) => {
                let find = |element| Ok(follow(pattern, element)?.map(Found::copy));
                let texts =
                    |a: &(Option<Bytes>, Spelled<'v>), b: &(Option<Bytes>, Spelled<'v>)| match (&a.0, &b.0) {
                        (Some(a), Some(b)) => compare_texts(a, b, stores),
                        (a, b) => a.is_some().cmp(&b.is_some()),
                    };
                self.sort(elements, find, texts)
            }
        }
    }

    /// The elements that are asked for, as they come.
    fn unsorted<'v>(&self, elements: Elements<'v>) -> Vec<Spelled<'v>> {
        let Range { start, end } = self.part(elements.len());
        let count = end - start;
        let mut taken = Vec::with_capacity(count);
        let mut take = |element: Element<'v>| taken.push(element.spell());
        match elements {
            Elements::List(list) if self.descending => {
                list.iter_back().skip(start).take(count).for_each(take);
            }
            Elements::List(list) => list.iter().skip(start).take(count).for_each(take),
            Elements::Set(set) => set.iter().skip(start).take(count).for_each(take),
            Elements::ZSet(zset) if self.descending => {
                zset.range_rev(start, count).for_each(|(member, _)| take(member));
            }
            Elements::ZSet(zset) => zset.range(start, count).for_each(|(member, _)| take(member)),
        }
        taken
    }

    /// The elements that are asked for, in the order in which `compare` has what `find` finds for each of them.
    fn sort<'v, T>(
        &self,
        elements: Elements<'v>,
        mut find: impl FnMut(Element<'v>) -> Result<T>,
        compare: impl Fn(&(T, Spelled<'v>), &(T, Spelled<'v>)) -> Ordering,
    ) -> Result<Vec<Spelled<'v>>> {
        let (mut found, mut refused) = (Vec::with_capacity(elements.len()), None);
        // As in Redis, a refusal comes after a look at every key.
        elements.for_each(|element| match find(element) {
            Ok(of_element) => found.push((of_element, element.spell())),
            Err(error) => refused = Some(error),
        });
        if let Some(refused) = refused {
            return Err(refused);
        }
        let in_order = |a: &(T, Spelled<'v>), b: &(T, Spelled<'v>)| {
            let order = compare(a, b);
            if self.descending { order.reverse() } else { order }
        };
        let part = self.part(found.len());
        // Redis's two ways, which differ in where they leave equal elements.
        if part.len() < found.len() && matches!(self.by, SortBy::Pattern(_)) {
            sort_part(&mut found, part.clone(), &in_order);
        } else {
            found.sort_by(in_order);
        }
        found.truncate(part.end);
        Ok(found.drain(part.start..).map(|(_, element)| element).collect())
    }

    /// Which places of so many are asked for.
    fn part(&self, length: usize) -> Range<usize> {
        let start = self.offset.min(length);
        start..start + self.count.min(length - start)
    }
}

/// The pattern that stands for the element.
const ELEMENT: &[u8] = b"#";

/// The beginning of some text up to a zero byte: all that Redis sees of it in some places.
fn up_to_zero(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&byte| byte == 0).unwrap_or(text.len())]
}

/// The place in a pattern where the element goes.
fn star(pattern: &[u8]) -> Option<usize> {
    up_to_zero(pattern).iter().position(|&byte| byte == b'*')
}

/// What is only shown is compared up to a zero byte, as text of a language; what is stored, as a whole.
fn compare_texts(a: &[u8], b: &[u8], stores: bool) -> Ordering {
    if stores { a.cmp(b) } else { up_to_zero(a).cmp(up_to_zero(b)) }
}

fn weight(text: &[u8]) -> Result<f64> {
    let weight = number::parse_bound(up_to_zero(text));
    weight.ok_or(Error::refused("ERR One or more scores can't be converted into double"))
}

/// What can be sorted.
#[derive(Clone, Copy)]
enum Elements<'v> {
    List(&'v List),
    Set(SetView<'v>),
    ZSet(&'v ZSet),
}

impl<'v> Elements<'v> {
    fn of(db: &View<'v>, value: ValueRef<'v>) -> Result<Self> {
        match value {
            ValueRef::List(list) => Ok(Elements::List(list)),
            ValueRef::Set(set) => Ok(Elements::Set(db.shown(set)?)),
            ValueRef::ZSet(zset) => Ok(Elements::ZSet(zset)),
            _ => Err(Error::WrongType),
        }
    }

    fn len(self) -> usize {
        match self {
            Elements::List(list) => list.len(),
            Elements::Set(set) => set.len(),
            Elements::ZSet(zset) => zset.len(),
        }
    }

    fn for_each(self, mut visit: impl FnMut(Element<'v>)) {
        match self {
            Elements::List(list) => list.iter().for_each(visit),
            Elements::Set(set) => set.iter().for_each(visit),
            Elements::ZSet(zset) => zset.iter().for_each(|(member, _)| visit(member)),
        }
    }
}

/// What a pattern found, or an element itself.
enum Found<'v> {
    Text(StrRef<'v>),
    Field(Element<'v>),
}

impl<'v> Found<'v> {
    /// What is at the key that a pattern names for an element, or in a field of it; `None` for what is not there, and where something
    /// else is. `name` is where the key's name is put together.
    fn follow(db: &View<'v>, pattern: &[u8], element: &[u8], name: &mut Vec<u8>) -> Result<Option<Self>> {
        let Some(star) = star(pattern) else { return Ok(None) };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = up_to_zero(after).windows(2).position(|two| two == b"->");
        // An arrow that nothing follows is a part of the name.
        let arrow = arrow.filter(|arrow| up_to_zero(after).len() > arrow + 2);
        let (after, field) = match arrow {
            Some(arrow) => (&after[..arrow], Some(&after[arrow + 2..])),
            None => (after, None),
        };
        name.clear();
        [before, element, after].into_iter().for_each(|part| name.extend_from_slice(part));
        let found = match field {
            None => db.string(name).map(|found| found.map(Found::Text)),
            Some(field) => {
                db.hash_at(name).map(|hash| hash.and_then(|hash| hash.get(field)).map(Found::Field))
            }
        };
        match found {
            Err(Error::WrongType) => Ok(None),
            found => found,
        }
    }

    fn weight(self) -> Result<f64> {
        match self {
            Found::Text(StrRef::Int(number)) | Found::Field(Element::Integer(number)) => Ok(number as f64),
            Found::Text(text) => weight(text.as_slice(&mut IntBuffer::new())),
            Found::Field(Element::Text(text)) => weight(text),
        }
    }

    fn copy(self) -> Bytes {
        match self {
            Found::Text(text) => text.to_bytes(),
            Found::Field(value) => value.copy(),
        }
    }
}

/// Reads the options, all words that are left, and where the result is to be stored. `patterns` is told of those that read keys as soon
/// as they are met.
fn parse_options<'a>(
    args: &mut Args<'a>,
    may_store: bool,
    patterns: impl Fn(&'static str) -> Result<()>,
) -> Result<(SortOptions<'a>, Option<&'a [u8]>)> {
    let mut options = SortOptions { orders_sets: args.is_from_script(), ..SortOptions::default() };
    let mut destination = None;
    while !args.is_empty() {
        if args.take("ASC") {
            options.descending = false;
        } else if args.take("DESC") {
            options.descending = true;
        } else if args.take("ALPHA") {
            options.alpha = true;
        } else if args.take_with("LIMIT", 2) {
            let (offset, count) = (args.int()?, args.int()?);
            options.offset = offset.max(0) as usize;
            options.count = usize::try_from(count).unwrap_or(usize::MAX);
        } else if may_store && args.take_with("STORE", 1) {
            destination = Some(args.bytes()?);
        } else if args.take_with("BY", 1) {
            let pattern = args.bytes()?;
            if star(pattern).is_some() {
                patterns("BY")?;
            }
            options = options.by(pattern);
        } else if args.take_with("GET", 1) {
            patterns("GET")?;
            options = options.get(args.bytes()?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((options, destination))
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]`
#[derive(Clone, Debug)]
pub struct SortRo<'a> {
    /// The key.
    pub key: &'a [u8],
    /// In which order, and what of it.
    pub options: SortOptions<'a>,
}

impl<'a> Command<'a> for SortRo<'a> {
    const SPEC: Spec = Spec {
        name: "SORT_RO",
        arity: -2,
        since: "7.0.0",
        flags: Flags::MOVABLEKEYS,
        keys: &[KeySpec::first(&["RO", "access"]), PATTERNS],
        summary: "Returns the elements of a list, a set or a sorted set in order, or what other keys hold for them.",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
        ..SORTING
    };
    type Reply = Vec<Option<Bytes>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (options, _) = parse_options(args, false, |_| Ok(()))?;
        Ok(SortRo { key, options })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn scope(&self) -> Scope {
        self.options.scope()
    }
}

impl<'a> Read<'a> for SortRo<'a> {
    fn read(&self, db: &View<'_>) -> Result<Self::Reply> {
        self.options.collect(db, self.key, false)
    }
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]`
#[derive(Clone, Debug)]
pub struct Sort<'a> {
    /// The key.
    pub key: &'a [u8],
    /// In which order, and what of it.
    pub options: SortOptions<'a>,
    /// `STORE`: where the result goes, as a list; nothing deletes it.
    pub destination: Option<&'a [u8]>,
}

/// `SORT`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortReply {
    /// The elements, or what `GET` found for each; `None` for what is not there.
    Values(Vec<Option<Bytes>>),
    /// With `STORE`: how many were stored.
    Stored(usize),
}

impl From<SortReply> for crate::Reply {
    fn from(reply: SortReply) -> Self {
        match reply {
            SortReply::Values(values) => values.into(),
            SortReply::Stored(count) => count.into(),
        }
    }
}

impl<'a> Command<'a> for Sort<'a> {
    const SPEC: Spec = Spec {
        name: "SORT",
        arity: -2,
        flags: Flags::DENYOOM.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec::first(&["RO", "access"]), PATTERNS, DESTINATION],
        summary: "Returns or stores the elements of a list, a set or a sorted set in order, or what other keys hold for them.",
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
        ..SORTING
    };
    type Reply = SortReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (options, destination) = parse_options(args, true, |_| Ok(()))?;
        Ok(Sort { key, options, destination })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
        self.destination.into_iter().for_each(visit);
    }

    fn scope(&self) -> Scope {
        self.options.scope()
    }
}

impl<'a> Write<'a> for Sort<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<SortReply> {
        let values = self.options.collect(&db.view().counting(), self.key, self.destination.is_some())?;
        let Some(destination) = self.destination else { return Ok(SortReply::Values(values)) };
        let mut list = db.build::<List>()?;
        list.unpack();
        values.iter().for_each(|value| list.push_back(value.as_deref().unwrap_or_default()));
        list.pack();
        let count = list.len();
        db.put(destination, list.into_value(), Deadline::Clear)?;
        Ok(SortReply::Stored(count))
    }

    fn event(&self) -> Option<&'static str> {
        Some("sortstore")
    }
}
