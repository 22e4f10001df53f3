//! Vector sets: elements with vectors, found by how near they are.
//!
//! Redis brings them as a module, which shows in the commands' facts: they check the number of their words themselves. What came after Redis
//! 8.0 (`WITHATTRIBS`, `VRANGE`) follows <https://redis.io/docs/latest/commands/vsim/> and <https://redis.io/docs/latest/commands/vrange/>.
use std::borrow::Cow;
use std::ops::Bound;

use super::hash::{Draw, draw};
use super::zset::LexBound;
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, table};
use crate::number;
use crate::tx::{Tx, View};
use crate::types::VectorSet;
pub use crate::types::vector_image::Quantization;
use crate::types::vector_image::{PackedVector, Shape, VectorChange};
use crate::types::vector_set::{
    DEFAULT_BUILD_EFFORT, DEFAULT_LINKS, Filter, Found, MAX_PROJECTED, MAX_REDUCED, Search, Vector, project,
};
use crate::{Bytes, Error, Reply, Result};

table! {
    write VAdd,
    read VCard,
    read VDim,
    read VEmb,
    read VGetAttr,
    read VInfo,
    read VIsMember,
    read VLinks,
    read VRandMember,
    read VRange,
    write VRem,
    write VSetAttr,
    read VSim,
}

const VECTOR: Spec = Spec {
    arity: -1,
    group: Group::Module,
    since: "8.0.0",
    flags: Flags::MODULE,
    keys: &[KeySpec::first(&["RW", "access", "update"])],
    ..Spec::EMPTY
};

const NOT_A_VECTOR: Error = Error::Refused(Cow::Borrowed("ERR invalid vector specification"));

/// A module's command checks by itself how many words it has; all that are counted come after the name.
fn check_words(args: &Args<'_>, words: impl std::ops::RangeBounds<usize>, name: &'static str) -> Result<()> {
    if words.contains(&args.remaining()) { Ok(()) } else { Err(Error::WrongArity(Cow::Borrowed(name))) }
}

/// `FP32 blob | VALUES num component [component ...]`
fn parse_vector<'a>(args: &mut Args<'a>) -> Result<Cow<'a, [f32]>> {
    let components = if args.take("FP32") {
        let (words, rest) = args.bytes()?.as_chunks::<4>();
        let components: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if rest.is_empty() { components } else { Vec::new() }
    } else if args.take("VALUES") {
        let count = args.int().ok().and_then(|count| usize::try_from(count).ok());
        let words = args.many(count.ok_or(NOT_A_VECTOR)?).map_err(|_| NOT_A_VECTOR)?;
        let component = |word: &&[u8]| number::parse_f64(word).map(|component| component as f32);
        words.iter().map(component).collect::<Option<_>>().ok_or(NOT_A_VECTOR)?
    } else {
        Vec::new()
    };
    let is_vector = !components.is_empty() && components.iter().all(|component| component.is_finite());
    if is_vector { Ok(Cow::Owned(components)) } else { Err(NOT_A_VECTOR) }
}

fn mismatch(got: usize, dimensions: u32) -> Error {
    Error::Refused(format!("ERR Vector dimension mismatch - got {got} but set has {dimensions}").into())
}

fn input_mismatch(got: usize, expected: u32) -> Error {
    let text =
        format!("ERR Input dimension mismatch for projection - got {got} but projection expects {expected}");
    Error::Refused(text.into())
}

/// A reply of yes or no, which RESP3 has a type for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YesOrNo(pub bool);

impl From<YesOrNo> for Reply {
    fn from(reply: YesOrNo) -> Self {
        Reply::Boolean(reply.0)
    }
}

/// How `VADD` makes a set, or what it asks the set to be, and what else it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VAddOptions<'a> {
    /// How many components vectors have in the set: they are projected to so few. `REDUCE`.
    pub reduce: Option<u32>,
    /// How components are kept; [`Quantization::Q8`] if it is not said.
    pub quantization: Option<Quantization>,
    /// Attributes for the element, which should be JSON; empty for none. Those that it has stay if it is not said. `SETATTR`.
    pub attributes: Option<&'a [u8]>,
    /// How many neighbours a vector looks for, from 4 to 4096; 16 if it is not said. `M`.
    pub links: Option<u16>,
    /// How many candidates its neighbours are chosen from, from 1 to 1,000,000; 200 if it is not said. `EF`.
    pub effort: Option<u32>,
}

impl<'a> VAddOptions<'a> {
    fn parse(args: &mut Args<'a>, reduce: Option<u32>) -> Result<Self> {
        let mut options = Self { reduce, ..Self::default() };
        while !args.is_empty() {
            // Nothing is done by threads, so nothing has to be checked again afterwards.
            if args.take("CAS") {
            } else if args.take("NOQUANT") {
                options.quantization = Some(Quantization::None);
            } else if args.take("BIN") {
                options.quantization = Some(Quantization::Binary);
            } else if args.take("Q8") {
                options.quantization = Some(Quantization::Q8);
            } else if args.take_with("SETATTR", 1) {
                options.attributes = Some(args.bytes()?);
            } else if args.take_with("M", 1) {
                options.links = Some(args.int_where(|links| is_breadth(links as u64), INVALID_M)? as u16);
            } else if args.take_with("EF", 1) {
                options.effort = Some(args.int_where(|effort| is_effort(effort as u64), INVALID_EF)? as u32);
            } else {
                return Err(Error::refused("ERR invalid option after element"));
            }
        }
        Ok(options)
    }

    /// Refuses numbers that words could not have brought.
    fn check(&self) -> Result<()> {
        if self.links.is_some_and(|links| !is_breadth(links.into())) {
            return Err(Error::refused(INVALID_M));
        }
        if self.effort.is_some_and(|effort| !is_effort(effort.into())) {
            return Err(Error::refused(INVALID_EF));
        }
        if self.reduce.is_some_and(|reduce| reduce == 0 || reduce > MAX_REDUCED) {
            return Err(NOT_A_VECTOR);
        }
        Ok(())
    }
}

const INVALID_M: &str = "ERR invalid M";
const INVALID_EF: &str = "ERR invalid EF";

fn is_breadth(links: u64) -> bool {
    (4..=4096).contains(&links)
}

fn is_effort(effort: u64) -> bool {
    (1..=1_000_000).contains(&effort)
}

/// `VADD key [REDUCE dim] <FP32 | VALUES num> vector element [CAS] [NOQUANT | Q8 | BIN] [EF effort] [SETATTR attributes] [M links]`
#[derive(Clone, Debug)]
pub struct VAdd<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The vector.
    pub vector: Cow<'a, [f32]>,
    /// The element.
    pub element: &'a [u8],
    /// How.
    pub options: VAddOptions<'a>,
}

impl<'a> Command<'a> for VAdd<'a> {
    const SPEC: Spec = Spec {
        name: "VADD",
        flags: Flags::MODULE.and(Flags::DENYOOM),
        summary: "Gives an element of a vector set a vector, and says whether the element is new.",
        complexity: "O(log(N)), N being the number of elements",
        syntax: "key [REDUCE dim] <FP32 | VALUES num> vector element [CAS] [NOQUANT | Q8 | BIN] [EF build-exploration-factor] [SETATTR attributes] [M numlinks]",
        ..VECTOR
    };
    type Reply = YesOrNo;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 4.., "VADD")?;
        let key = args.bytes()?;
        let reduce = if args.take("REDUCE") {
            let is_allowed = |dimensions| (1..=i64::from(MAX_REDUCED)).contains(&dimensions);
            Some(args.int().ok().filter(|&dimensions| is_allowed(dimensions)).ok_or(NOT_A_VECTOR)? as u32)
        } else {
            None
        };
        let vector = parse_vector(args)?;
        check_words(args, 1.., "VADD")?;
        let element = args.bytes()?;
        let options = VAddOptions::parse(args, reduce)?;
        Ok(VAdd { key, vector, element, options })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl VAdd<'_> {
    /// The shape of a set that this vector is the first of.
    fn first_shape(&self, uid: u64) -> Result<Shape> {
        let given = u32::try_from(self.vector.len()).map_err(|_| NOT_A_VECTOR)?;
        let (dimensions, input_dimensions) = match self.options.reduce {
            Some(reduced) if u64::from(reduced) * u64::from(given) > MAX_PROJECTED => {
                let text = format!("ERR {given} components are too many to be projected to {reduced}");
                return Err(Error::Refused(text.into()));
            }
            Some(reduced) => (reduced, given),
            None => (given, 0),
        };
        let quantization = self.options.quantization.unwrap_or_default();
        let links = self.options.links.unwrap_or(DEFAULT_LINKS);
        Ok(Shape { dimensions, input_dimensions, quantization, links, uid })
    }

    /// The shape of a set that is there, unless this vector does not fit it.
    fn shape_of(&self, set: &VectorSet) -> Result<Shape> {
        let (shape, given) = (*set.shape(), self.vector.len());
        if self.options.quantization.unwrap_or_default() != shape.quantization {
            return Err(Error::refused("ERR asked quantization mismatch with existing vector set"));
        }
        if self.options.links.unwrap_or(DEFAULT_LINKS) != shape.links {
            return Err(Error::refused("ERR asked M value mismatch with existing vector set"));
        }
        let is_projected = shape.input_dimensions > 0;
        // Redis compares what the set would have to keep, and tells how many components were given.
        let kept = self.options.reduce.filter(|_| is_projected).map_or(given, |reduced| reduced as usize);
        if kept != shape.dimensions as usize {
            return Err(mismatch(given, shape.dimensions));
        }
        match self.options.reduce {
            Some(_) if !is_projected => {
                Err(Error::refused("ERR cannot add projection to existing set without projection"))
            }
            Some(_) if given != shape.input_dimensions as usize => {
                Err(input_mismatch(given, shape.input_dimensions))
            }
            None if is_projected => Err(mismatch(given, shape.dimensions)),
            _ => Ok(shape),
        }
    }
}

/// A vector as a set keeps it, projected if the set projects.
fn packed(shape: &Shape, vector: &[f32]) -> Result<Vector> {
    let projected = shape.projects(vector.len()).then(|| project(vector, shape.dimensions));
    Vector::new(projected.as_deref().unwrap_or(vector), shape.quantization).ok_or(NOT_A_VECTOR)
}

impl<'a> Write<'a> for VAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<YesOrNo> {
        self.options.check()?;
        if self.vector.is_empty() {
            return Err(NOT_A_VECTOR);
        }
        let found = db.view().vector_set(self.key)?;
        let shape = match found {
            Some(set) => self.shape_of(set)?,
            None => self.first_shape(db.view().random().next_u64() >> 1)?,
        };
        let is_new = found.is_none_or(|set| !set.contains(self.element));
        let element = self.element.into();
        let vector: PackedVector<'_> = packed(&shape, &self.vector)?.image();
        let effort = self.options.effort.unwrap_or(DEFAULT_BUILD_EFFORT);
        let mut set = db.vector_set_mut(self.key)?;
        let fits = set.apply(&VectorChange::Add { shape, element, vector, effort }, Some("vadd"));
        debug_assert!(fits, "the vector was made for this shape");
        if let Some(attributes) = self.options.attributes {
            let (element, attributes) = (self.element.into(), attributes.into());
            set.apply(&VectorChange::SetAttributes { element, attributes }, None);
        }
        Ok(YesOrNo(is_new))
    }
}

/// What vectors are to be like.
#[derive(Clone, Debug, PartialEq)]
pub enum VectorQuery<'a> {
    /// That of an element.
    Element(&'a [u8]),
    /// This one.
    Vector(Cow<'a, [f32]>),
}

impl<'a> VectorQuery<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.take("ELE") {
            return args.bytes().map(VectorQuery::Element);
        }
        parse_vector(args).map(VectorQuery::Vector)
    }

    fn vector(&self, set: &VectorSet) -> Result<Vector> {
        let shape = set.shape();
        match self {
            VectorQuery::Element(name) => {
                let vector = set.unpacked(name).ok_or(Error::refused("ERR element not found in set"))?;
                Vector::new(&vector, shape.quantization).ok_or(NOT_A_VECTOR)
            }
            VectorQuery::Vector(vector) => {
                let given = vector.len();
                if given != shape.dimensions as usize && !shape.projects(given) {
                    return Err(match shape.input_dimensions {
                        0 => mismatch(given, shape.dimensions),
                        expected => input_mismatch(given, expected),
                    });
                }
                packed(shape, vector)
            }
        }
    }
}

/// How `VSIM` searches, and what it tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VSimOptions<'a> {
    /// How many elements to find; at least one.
    pub count: usize,
    /// How many candidates to keep while looking for them: more find the nearest more surely, and take longer. 200 if it is not said, and
    /// never less than `count`. `EF`.
    pub effort: Option<usize>,
    /// Elements whose attributes this expression is true for; all of them if it is not said. `FILTER`.
    pub filter: Option<&'a [u8]>,
    /// After how many elements that the expression was asked about to stop; 100 times `count` if it is not said. `FILTER-EF`.
    pub filter_effort: Option<usize>,
    /// The greatest distance of what is found, which is one minus the cosine of the angle between the vectors. `EPSILON`.
    pub epsilon: Option<f64>,
    /// A look at every element: slow, and right. `TRUTH`.
    pub is_exact: bool,
    /// Whether words are answered with scores. `WITHSCORES`.
    pub with_scores: bool,
    /// Whether words are answered with attributes. `WITHATTRIBS`.
    pub with_attributes: bool,
}

impl Default for VSimOptions<'_> {
    /// Ten elements, and nothing else said.
    fn default() -> Self {
        Self {
            count: 10,
            effort: None,
            filter: None,
            filter_effort: None,
            epsilon: None,
            is_exact: false,
            with_scores: false,
            with_attributes: false,
        }
    }
}

/// `EF` of `VSIM` unless it is said.
const DEFAULT_SEARCH_EFFORT: usize = 200;
/// How many elements a filter is asked about for each that is to be found, unless it is said.
const FILTERED_PER_FOUND: usize = 100;

impl<'a> VSimOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        let positive = |args: &mut Args<'a>, refusal| args.int_where(|n| n > 0, refusal).map(|n| n as usize);
        while !args.is_empty() {
            if args.take("WITHSCORES") {
                options.with_scores = true;
            } else if args.take("WITHATTRIBS") {
                options.with_attributes = true;
            } else if args.take("TRUTH") {
                options.is_exact = true;
            } else if args.take("NOTHREAD") {
                // It is always so.
            } else if args.take_with("COUNT", 1) {
                options.count = positive(args, "ERR invalid COUNT")?;
            } else if args.take_with("EPSILON", 1) {
                let epsilon = number::parse_f64(args.bytes()?).filter(|&epsilon| is_epsilon(epsilon));
                options.epsilon = Some(epsilon.ok_or(Error::refused(INVALID_EPSILON))?);
            } else if args.take_with("EF", 1) {
                options.effort = Some(positive(args, INVALID_EF)?);
            } else if args.take_with("FILTER-EF", 1) {
                options.filter_effort = Some(positive(args, "ERR invalid FILTER-EF")?);
            } else if args.take_with("FILTER", 1) {
                let text = args.bytes()?;
                parse_filter(text)?;
                options.filter = Some(text);
            } else {
                return Err(Error::refused("ERR syntax error in VSIM command"));
            }
        }
        Ok(options)
    }
}

const INVALID_EPSILON: &str = "ERR invalid EPSILON";

fn is_epsilon(epsilon: f64) -> bool {
    epsilon > 0.0
}

fn parse_filter(text: &[u8]) -> Result<Filter> {
    let text = String::from_utf8_lossy(text);
    Filter::parse(&text)
        .map_err(|near| Error::Refused(format!("ERR syntax error in FILTER expression near: {near}").into()))
}

/// An element that is like what was looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorMatch {
    /// The element.
    pub element: Bytes,
    /// How alike the vectors are, from 0 for opposite to 1 for the same direction.
    pub score: f64,
    /// The element's attributes, if it has some.
    pub attributes: Option<Bytes>,
}

impl From<Found<'_>> for VectorMatch {
    fn from(found: Found<'_>) -> Self {
        Self {
            element: Bytes::copy_from_slice(found.element),
            score: found.score,
            attributes: found.attributes.map(Bytes::copy_from_slice),
        }
    }
}

/// `VSIM`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub struct VSimReply {
    /// What was found, the most alike first.
    pub matches: Vec<VectorMatch>,
    /// Whether words are answered with scores.
    pub with_scores: bool,
    /// Whether words are answered with attributes.
    pub with_attributes: bool,
}

impl From<VSimReply> for Reply {
    fn from(reply: VSimReply) -> Self {
        let matches = reply.matches.into_iter();
        match (reply.with_scores, reply.with_attributes) {
            (false, false) => Reply::Array(matches.map(|found| found.element.into()).collect()),
            (true, false) => {
                Reply::Map(matches.map(|found| (found.element.into(), found.score.into())).collect())
            }
            (false, true) => {
                Reply::Map(matches.map(|found| (found.element.into(), found.attributes.into())).collect())
            }
            (true, true) => {
                let row = |found: VectorMatch| {
                    (found.element.into(), vec![found.score.into(), found.attributes.into()])
                };
                Reply::Rows(matches.map(row).collect())
            }
        }
    }
}

/// `VSIM key <ELE element | FP32 vector | VALUES num vector> [WITHSCORES] [WITHATTRIBS] [COUNT num] [EPSILON delta] [EF effort]
/// [FILTER expression] [FILTER-EF effort] [TRUTH] [NOTHREAD]`
#[derive(Clone, Debug)]
pub struct VSim<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What to look for.
    pub query: Late<VectorQuery<'a>>,
    /// How.
    pub options: Late<VSimOptions<'a>>,
}

impl<'a> Command<'a> for VSim<'a> {
    const SPEC: Spec = Spec {
        name: "VSIM",
        summary: "Returns the elements of a vector set whose vectors are most like one.",
        complexity: "O(log(N)), N being the number of elements",
        syntax: "key <ELE element | FP32 vector | VALUES num vector> [WITHSCORES] [WITHATTRIBS] [COUNT num] [EPSILON delta] [EF search-exploration-factor] [FILTER expression] [FILTER-EF max-filtering-effort] [TRUTH] [NOTHREAD]",
        ..VECTOR
    };
    type Reply = VSimReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 3.., "VSIM")?;
        let key = args.bytes()?;
        let query = VectorQuery::parse(args);
        Ok(VSim { key, query, options: VSimOptions::parse(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for VSim<'a> {
    fn read(&self, db: &View<'_>) -> Result<VSimReply> {
        let mut reply = VSimReply { matches: Vec::new(), with_scores: false, with_attributes: false };
        let Some(set) = db.vector_set(self.key)? else { return Ok(reply) };
        let vector = self.query.as_ref().map_err(Clone::clone)?.vector(set)?;
        let options = self.options.as_ref().map_err(Clone::clone)?;
        let filter = options.filter.map(parse_filter).transpose()?;
        let count = options.count.max(1);
        let search = Search {
            count,
            effort: options.effort.unwrap_or(DEFAULT_SEARCH_EFFORT),
            filter: filter.as_ref(),
            filter_effort: options.filter_effort.unwrap_or(count.saturating_mul(FILTERED_PER_FOUND)),
            farthest: options.epsilon.map_or(f32::INFINITY, |epsilon| epsilon as f32),
            is_exact: options.is_exact,
        };
        reply.matches = set.search(&vector, &search).into_iter().map(Into::into).collect();
        (reply.with_scores, reply.with_attributes) = (options.with_scores, options.with_attributes);
        Ok(reply)
    }
}

/// Declares a command whose words are a key and an element.
macro_rules! element_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $name:literal, $spec:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The element.
            pub element: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec { name: $name, syntax: "key element", ..$spec };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                check_words(args, 2..=2, $name)?;
                Ok($type { key: args.bytes()?, element: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

element_command! {
    /// `VREM key element`
    VRem -> YesOrNo, "VREM", Spec {
        summary: "Takes an element away from a vector set; false if it was not there.",
        complexity: "O(log(N)), N being the number of elements",
        ..VECTOR
    }
}

impl<'a> Write<'a> for VRem<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<YesOrNo> {
        if db.view().vector_set(self.key)?.is_none() {
            return Ok(YesOrNo(false));
        }
        let change = VectorChange::Remove { element: self.element.into() };
        Ok(YesOrNo(db.vector_set_mut(self.key)?.apply(&change, Some("vrem"))))
    }
}

const FAST: Spec = Spec { flags: Flags::MODULE.and(Flags::FAST), ..VECTOR };

element_command! {
    /// `VISMEMBER key element`
    VIsMember -> YesOrNo, "VISMEMBER", Spec {
        summary: "Says whether an element is in a vector set.",
        ..VECTOR
    }
}

impl<'a> Read<'a> for VIsMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<YesOrNo> {
        Ok(YesOrNo(db.vector_set(self.key)?.is_some_and(|set| set.contains(self.element))))
    }
}

element_command! {
    /// `VGETATTR key element`
    VGetAttr -> Option<Bytes>, "VGETATTR", Spec {
        summary: "Returns the attributes of an element of a vector set.",
        ..FAST
    }
}

impl<'a> Read<'a> for VGetAttr<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<Bytes>> {
        let attributes = db.vector_set(self.key)?.and_then(|set| set.attributes(self.element));
        Ok(attributes.map(Bytes::copy_from_slice))
    }
}

/// `VSETATTR key element attributes`
#[derive(Clone, Debug)]
pub struct VSetAttr<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The element.
    pub element: &'a [u8],
    /// The attributes, which should be JSON; empty for none.
    pub attributes: &'a [u8],
}

impl<'a> Command<'a> for VSetAttr<'a> {
    const SPEC: Spec = Spec {
        name: "VSETATTR",
        summary: "Sets or removes the attributes of an element of a vector set.",
        syntax: "key element attributes",
        ..FAST
    };
    type Reply = YesOrNo;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 3..=3, "VSETATTR")?;
        Ok(VSetAttr { key: args.bytes()?, element: args.bytes()?, attributes: args.bytes()? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for VSetAttr<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<YesOrNo> {
        if db.view().vector_set(self.key)?.is_none() {
            return Ok(YesOrNo(false));
        }
        let (element, attributes) = (self.element.into(), self.attributes.into());
        let change = VectorChange::SetAttributes { element, attributes };
        Ok(YesOrNo(db.vector_set_mut(self.key)?.apply(&change, Some("vsetattr"))))
    }
}

/// Declares a command whose only word is its key.
macro_rules! key_command {
    ($(#[$doc:meta])* $type:ident -> $reply:ty, $name:literal, $summary:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec { name: $name, summary: $summary, syntax: "key", ..FAST };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                check_words(args, 1..=1, $name)?;
                Ok($type { key: args.bytes()? })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }
    };
}

key_command! {
    /// `VCARD key`
    VCard -> usize, "VCARD", "Returns the number of elements in a vector set."
}

impl<'a> Read<'a> for VCard<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        Ok(db.vector_set(self.key)?.map_or(0, VectorSet::len))
    }
}

key_command! {
    /// `VDIM key`
    VDim -> usize, "VDIM", "Returns the number of components that the vectors of a set have."
}

impl<'a> Read<'a> for VDim<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        let set = db.vector_set(self.key)?.ok_or(Error::refused("ERR key does not exist"))?;
        Ok(set.shape().dimensions as usize)
    }
}

/// What `VINFO` tells of a vector set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSetInfo {
    /// How components are kept.
    pub quantization: Quantization,
    /// How many neighbours a vector looks for at each level; at the lowest it may have twice as many.
    pub links: usize,
    /// How many components vectors have.
    pub dimensions: usize,
    /// How many they have before they are projected; 0 if they are not.
    pub input_dimensions: usize,
    /// How many elements there are.
    pub size: usize,
    /// The highest level of the graph.
    pub max_level: usize,
    /// How many elements have attributes.
    pub attributes: usize,
    /// A number that tells the set from others.
    pub uid: u64,
    /// How many vectors were ever added.
    pub added: u64,
}

impl From<VectorSetInfo> for Reply {
    fn from(info: VectorSetInfo) -> Self {
        let line = |name: &'static str, value: usize| (Reply::from(name), Reply::from(value));
        Reply::Map(vec![
            ("quant-type".into(), info.quantization.as_str().into()),
            line("hnsw-m", info.links),
            line("vector-dim", info.dimensions),
            line("projection-input-dim", info.input_dimensions),
            line("size", info.size),
            line("max-level", info.max_level),
            line("attributes-count", info.attributes),
            line("vset-uid", info.uid as usize),
            line("hnsw-max-node-uid", info.added as usize),
        ])
    }
}

/// `VINFO`'s answer: nothing where there is no such key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VInfoReply(pub Option<VectorSetInfo>);

impl From<VInfoReply> for Reply {
    fn from(reply: VInfoReply) -> Self {
        reply.0.map_or(Reply::NullArray, Into::into)
    }
}

key_command! {
    /// `VINFO key`
    VInfo -> VInfoReply, "VINFO", "Returns what is known of a vector set."
}

impl<'a> Read<'a> for VInfo<'a> {
    fn read(&self, db: &View<'_>) -> Result<VInfoReply> {
        Ok(VInfoReply(db.vector_set(self.key)?.map(|set| VectorSetInfo {
            quantization: set.shape().quantization,
            links: usize::from(set.shape().links),
            dimensions: set.shape().dimensions as usize,
            input_dimensions: set.shape().input_dimensions as usize,
            size: set.len(),
            max_level: set.max_level(),
            attributes: set.attributed(),
            uid: set.shape().uid,
            added: set.added(),
        })))
    }
}

/// `VEMB key element [RAW]`
#[derive(Clone, Debug)]
pub struct VEmb<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The element.
    pub element: &'a [u8],
    /// The vector as it is kept. `RAW`.
    pub is_raw: bool,
}

/// A vector as its set keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct RawVector {
    /// How components are kept.
    pub quantization: Quantization,
    /// The components of the vector of length 1: floats and 64-bit words in little-endian order, bytes, or bits from the lowest of each
    /// word on.
    pub components: Bytes,
    /// The length that the vector had.
    pub norm: f64,
    /// What 127 stands for with [`Quantization::Q8`].
    pub range: Option<f64>,
}

/// `VEMB`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub enum VEmbReply {
    /// The components, as far as the set kept them.
    Components(Vec<f32>),
    /// With `RAW`.
    Raw(RawVector),
}

impl From<VEmbReply> for Reply {
    fn from(reply: VEmbReply) -> Self {
        match reply {
            VEmbReply::Components(components) => {
                Reply::Array(components.into_iter().map(|component| f64::from(component).into()).collect())
            }
            VEmbReply::Raw(raw) => {
                let mut items =
                    vec![raw.quantization.as_str().into(), raw.components.into(), raw.norm.into()];
                items.extend(raw.range.map(Reply::from));
                Reply::Array(items)
            }
        }
    }
}

impl<'a> Command<'a> for VEmb<'a> {
    const SPEC: Spec = Spec {
        name: "VEMB",
        summary: "Returns the vector of an element of a vector set.",
        complexity: "O(N), N being the number of components",
        syntax: "key element [RAW]",
        ..FAST
    };
    type Reply = Option<VEmbReply>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 2.., "VEMB")?;
        let (key, element) = (args.bytes()?, args.bytes()?);
        let is_raw = args.take("RAW");
        if args.is_empty() {
            Ok(VEmb { key, element, is_raw })
        } else {
            Err(Error::refused("ERR invalid option"))
        }
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for VEmb<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<VEmbReply>> {
        let Some(set) = db.vector_set(self.key)? else { return Ok(None) };
        if !self.is_raw {
            return Ok(set.unpacked(self.element).map(VEmbReply::Components));
        }
        let raw = |vector: &Vector| RawVector {
            quantization: set.shape().quantization,
            components: Bytes::copy_from_slice(&vector.image().components),
            norm: vector.norm().into(),
            range: vector.range().map(f64::from),
        };
        Ok(set.vector(self.element).map(raw).map(VEmbReply::Raw))
    }
}

/// `VLINKS key element [WITHSCORES]`
#[derive(Clone, Debug)]
pub struct VLinks<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The element.
    pub element: &'a [u8],
    /// Whether words are answered with scores.
    pub with_scores: bool,
}

/// `VLINKS`' answer.
#[derive(Clone, Debug, PartialEq)]
pub struct VLinksReply {
    /// Neighbours with how alike they are, at each level from the highest that the element has to the lowest.
    pub levels: Vec<Vec<(Bytes, f64)>>,
    /// Whether words are answered with scores.
    pub with_scores: bool,
}

impl From<VLinksReply> for Reply {
    fn from(reply: VLinksReply) -> Self {
        let level = |level: Vec<(Bytes, f64)>| {
            if reply.with_scores {
                Reply::Map(level.into_iter().map(|(element, score)| (element.into(), score.into())).collect())
            } else {
                Reply::Array(level.into_iter().map(|(element, _)| element.into()).collect())
            }
        };
        Reply::Array(reply.levels.into_iter().map(level).collect())
    }
}

impl<'a> Command<'a> for VLinks<'a> {
    const SPEC: Spec = Spec {
        name: "VLINKS",
        summary: "Returns the neighbours of an element at each level of a vector set's graph.",
        syntax: "key element [WITHSCORES]",
        ..FAST
    };
    type Reply = Option<VLinksReply>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 2..=3, "VLINKS")?;
        let (key, element) = (args.bytes()?, args.bytes()?);
        let with_scores = args.take("WITHSCORES");
        check_words(args, 0..=0, "VLINKS")?;
        Ok(VLinks { key, element, with_scores })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for VLinks<'a> {
    fn read(&self, db: &View<'_>) -> Result<Option<VLinksReply>> {
        let links = db.vector_set(self.key)?.and_then(|set| set.links(self.element));
        let neighbour = |(name, score): (&[u8], f64)| (Bytes::copy_from_slice(name), score);
        Ok(links.map(|levels| VLinksReply {
            levels: levels.into_iter().map(|level| level.into_iter().map(neighbour).collect()).collect(),
            with_scores: self.with_scores,
        }))
    }
}

/// `VRANDMEMBER key [count]`
#[derive(Clone, Debug)]
pub struct VRandMember<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How many.
    pub draw: Draw,
}

/// `VRANDMEMBER`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VRandMemberReply {
    /// Without a count: an element, if there is one.
    One(Option<Bytes>),
    /// With a count: elements.
    Many(Vec<Bytes>),
}

impl From<VRandMemberReply> for Reply {
    fn from(reply: VRandMemberReply) -> Self {
        match reply {
            VRandMemberReply::One(element) => element.into(),
            VRandMemberReply::Many(elements) => elements.into(),
        }
    }
}

impl<'a> Command<'a> for VRandMember<'a> {
    const SPEC: Spec = Spec {
        name: "VRANDMEMBER",
        summary: "Returns some elements of a vector set, each equally likely.",
        complexity: "O(N), N being the number of elements in the set",
        syntax: "key [count]",
        ..VECTOR
    };
    type Reply = VRandMemberReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 1..=2, "VRANDMEMBER")?;
        let key = args.bytes()?;
        let refused = |_| Error::refused("ERR COUNT value is not an integer");
        Ok(VRandMember {
            key,
            draw: if args.is_empty() { Draw::One } else { Draw::parse(args).map_err(refused)? },
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for VRandMember<'a> {
    fn read(&self, db: &View<'_>) -> Result<VRandMemberReply> {
        let (random, set) = (db.random(), db.vector_set(self.key)?);
        let one = || set?.random(random).map(Bytes::copy_from_slice);
        if self.draw == Draw::One {
            return Ok(VRandMemberReply::One(one()));
        }
        let Some(set) = set else { return Ok(VRandMemberReply::Many(Vec::new())) };
        let all = || set.names().map(Bytes::copy_from_slice).collect();
        Ok(VRandMemberReply::Many(draw(self.draw, set.len(), random, one, all)?))
    }
}

/// `VRANGE key start end [count]`
#[derive(Clone, Debug)]
pub struct VRange<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The lower bound.
    pub start: LexBound<'a>,
    /// The upper bound.
    pub end: LexBound<'a>,
    /// How many at most; any number if it is not said.
    pub count: Option<usize>,
}

impl<'a> Command<'a> for VRange<'a> {
    const SPEC: Spec = Spec {
        name: "VRANGE",
        since: "8.4.0",
        summary: "Returns the elements of a vector set between two, in the order of their bytes.",
        complexity: "O(log(K)+M), K being the number of elements and M the number of those returned",
        syntax: "key start end [count]",
        ..VECTOR
    };
    type Reply = Vec<Bytes>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        check_words(args, 3..=4, "VRANGE")?;
        let (key, start, end) =
            (args.bytes()?, LexBound::parse(args.bytes()?)?, LexBound::parse(args.bytes()?)?);
        // A negative count is any number.
        let count = if args.is_empty() { None } else { usize::try_from(args.int()?).ok() };
        Ok(VRange { key, start, end, count })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for VRange<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Bytes>> {
        let Some(set) = db.vector_set(self.key)? else { return Ok(Vec::new()) };
        let bound = |bound| match bound {
            LexBound::Included(name) => Bound::Included(name),
            LexBound::Excluded(name) => Bound::Excluded(name),
            LexBound::Lowest | LexBound::Highest => Bound::Unbounded,
        };
        if self.start == LexBound::Highest || self.end == LexBound::Lowest {
            return Ok(Vec::new());
        }
        let names = set.range(bound(self.start), bound(self.end));
        Ok(names.take(self.count.unwrap_or(usize::MAX)).map(Bytes::copy_from_slice).collect())
    }
}
