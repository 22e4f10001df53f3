//! Geo: GEOADD, GEOSEARCH, GEODIST and their kin, on sorted sets whose scores are places on the earth.
use std::borrow::Cow;

use crate::Bytes;

use super::string::When;
use super::zset::{ZAdd, ZAddOptions, ZAddReply, store};
use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, table};
use crate::number;
use crate::partial_sort::sort_part;
use crate::tx::{Tx, View, ZSetView};
pub use crate::types::geohash::Position;
use crate::types::geohash::Shape;
use crate::types::{Spelled, ZSet};
use crate::{Error, Reply, Result};

table! {
    write GeoAdd, read GeoDist, read GeoHash, read GeoPos, write GeoRadius, read GeoRadiusRo, write GeoRadiusByMember,
    read GeoRadiusByMemberRo, read GeoSearch, write GeoSearchStore,
}

const GEO: Spec = Spec { group: Group::Geo, since: "3.2.0", ..Spec::EMPTY };

impl Position {
    /// Reads a longitude and a latitude.
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let position = Position { longitude: args.float()?, latitude: args.float()? };
        position.check()?;
        Ok(position)
    }

    fn check(self) -> Result<()> {
        if self.is_on_the_grid() {
            return Ok(());
        }
        let Self { longitude, latitude } = self;
        Err(Error::Refused(
            format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}").into(),
        ))
    }
}

/// In what distances are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeoUnit {
    /// `M`
    #[default]
    Meters,
    /// `KM`
    Kilometers,
    /// `FT`
    Feet,
    /// `MI`
    Miles,
}

impl GeoUnit {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let known = [
            ("M", GeoUnit::Meters),
            ("KM", GeoUnit::Kilometers),
            ("FT", GeoUnit::Feet),
            ("MI", GeoUnit::Miles),
        ];
        let unsupported = Error::refused("ERR unsupported unit provided. please use M, KM, FT, MI");
        args.take_one_of(known).ok_or(unsupported)
    }

    const fn meters(self) -> f64 {
        match self {
            GeoUnit::Meters => 1.0,
            GeoUnit::Kilometers => 1000.0,
            GeoUnit::Feet => 0.3048,
            GeoUnit::Miles => 1609.34,
        }
    }
}

/// `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]`
#[derive(Clone, Debug)]
pub struct GeoAdd<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which members.
    pub options: ZAddOptions,
    /// Members and where they are.
    pub members: Cow<'a, [(Position, &'a [u8])]>,
}

impl<'a> Command<'a> for GeoAdd<'a> {
    const SPEC: Spec = Spec {
        name: "GEOADD",
        arity: -5,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "update"])],
        summary: "Adds members with their places on the earth to a sorted set, or moves them.",
        complexity: "O(M*log(N)), M being the number of members given and N the size of the set",
        syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        ..GEO
    };
    type Reply = ZAddReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let (mut nx, mut xx, mut ch) = (false, false, false);
        while let Some(flag) = args.take_one_of([("NX", &mut nx), ("XX", &mut xx), ("CH", &mut ch)]) {
            *flag = true;
        }
        if args.is_empty() || !args.remaining().is_multiple_of(3) || (nx && xx) {
            return Err(Error::Syntax);
        }
        let when = match (nx, xx) {
            (true, _) => When::Missing,
            (_, true) => When::Present,
            _ => When::Always,
        };
        let mut members = Vec::with_capacity(args.remaining() / 3);
        while !args.is_empty() {
            members.push((Position::parse(args)?, args.bytes()?));
        }
        let options = ZAddOptions { when, count_changed: ch, ..ZAddOptions::default() };
        Ok(GeoAdd { key, options, members: members.into() })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Write<'a> for GeoAdd<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<ZAddReply> {
        self.members.iter().try_for_each(|(position, _)| position.check())?;
        let scored: Vec<_> =
            self.members.iter().map(|(position, member)| (position.score(), *member)).collect();
        ZAdd { key: self.key, options: self.options, increment: false, members: scored.into() }.write(db)
    }
}

/// `GEODIST key member1 member2 [M | KM | FT | MI]`
#[derive(Clone, Debug)]
pub struct GeoDist<'a> {
    /// The key.
    pub key: &'a [u8],
    /// From here.
    pub from: &'a [u8],
    /// To there.
    pub to: &'a [u8],
    /// In what.
    pub unit: GeoUnit,
}

/// `GEODIST`'s answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoDistReply(pub Option<f64>);

impl From<GeoDistReply> for Reply {
    fn from(reply: GeoDistReply) -> Self {
        reply.0.map_or(Reply::Null, |distance| Reply::bulk(number::format_four_decimals(distance)))
    }
}

impl<'a> Command<'a> for GeoDist<'a> {
    const SPEC: Spec = Spec {
        name: "GEODIST",
        arity: -4,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns how far two members are from each other.",
        syntax: "key member1 member2 [M | KM | FT | MI]",
        ..GEO
    };
    type Reply = GeoDistReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, from, to) = (args.bytes()?, args.bytes()?, args.bytes()?);
        if args.remaining() > 1 {
            return Err(Error::Syntax);
        }
        let unit = if args.is_empty() { GeoUnit::Meters } else { GeoUnit::parse(args)? };
        Ok(GeoDist { key, from, to, unit })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for GeoDist<'a> {
    fn read(&self, db: &View<'_>) -> Result<GeoDistReply> {
        let zset = db.zset(self.key)?;
        let place = |member| zset?.score(member).map(Position::of_score);
        let places = place(self.from).zip(place(self.to));
        Ok(GeoDistReply(places.map(|(from, to)| from.distance(to) / self.unit.meters())))
    }
}

macro_rules! of_members {
    ($type:ident -> $reply:ty, $name:literal, $summary:literal, |$position:ident| $answer:expr) => {
        #[doc = concat!("`", $name, " key [member [member ...]]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// The members.
            pub members: Cow<'a, [&'a [u8]]>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: -2,
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: $summary,
                complexity: "O(N), N being the number of members asked for",
                syntax: "key [member [member ...]]",
                ..GEO
            };
            type Reply = $reply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, members: args.rest().into() })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $type<'a> {
            fn read(&self, db: &View<'_>) -> Result<$reply> {
                let zset = db.zset(self.key)?;
                let score = |member: &&[u8]| zset?.score(member);
                let answer = |$position: Position| $answer;
                let answers =
                    self.members.iter().map(|member| score(member).map(Position::of_score).map(answer));
                Ok(answers.collect::<Vec<_>>().into())
            }
        }
    };
}

of_members!(
    GeoHash -> Vec<Option<Bytes>>, "GEOHASH", "Returns where members are, as standard geohashes.",
    |position| Bytes::copy_from_slice(position.geohash().as_bytes())
);
of_members!(GeoPos -> GeoPosReply, "GEOPOS", "Returns where members are.", |position| position);

/// `GEOPOS`'s answer.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoPosReply(pub Vec<Option<Position>>);

impl From<Vec<Option<Position>>> for GeoPosReply {
    fn from(positions: Vec<Option<Position>>) -> Self {
        Self(positions)
    }
}

impl From<Position> for Reply {
    fn from(position: Position) -> Self {
        Reply::Array(vec![position.longitude.into(), position.latitude.into()])
    }
}

impl From<GeoPosReply> for Reply {
    fn from(reply: GeoPosReply) -> Self {
        Reply::Array(reply.0.into_iter().map(|place| place.map_or(Reply::NullArray, Reply::from)).collect())
    }
}

/// What distances are counted from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GeoCenter<'a> {
    /// `FROMMEMBER`: where a member is, which must be there.
    Member(&'a [u8]),
    /// `FROMLONLAT`
    Position(Position),
}

impl GeoCenter<'_> {
    fn check(&self) -> Result<()> {
        match self {
            Self::Member(_) => Ok(()),
            Self::Position(position) => position.check(),
        }
    }
}

impl From<Position> for GeoCenter<'_> {
    fn from(position: Position) -> Self {
        Self::Position(position)
    }
}

impl From<(f64, f64)> for GeoCenter<'_> {
    /// Longitude first.
    fn from(position: (f64, f64)) -> Self {
        Self::Position(position.into())
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for GeoCenter<'a> {
    fn from(member: &'a T) -> Self {
        Self::Member(member.as_ref())
    }
}

/// Where members are looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum GeoArea<'a> {
    /// `BYRADIUS`: a circle.
    Circle {
        /// Its middle.
        center: GeoCenter<'a>,
        /// In the query's unit; a negative one is refused.
        radius: f64,
    },
    /// `BYBOX`: what is no further than half of the width to the east or west and half of the height to the north or south.
    Box {
        /// Its middle.
        center: GeoCenter<'a>,
        /// In the query's unit; a negative one is refused.
        width: f64,
        /// In the query's unit; a negative one is refused.
        height: f64,
    },
    /// `BYPOLYGON`, of Valkey 9: what lines from corner to corner enclose, of which there are at least three. Distances are counted from the
    /// middle of the corners.
    Polygon(Vec<Position>),
}

/// In which order members are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeoOrder {
    /// `ASC`: the nearest first.
    Nearest,
    /// `DESC`: the farthest first.
    Farthest,
}

/// Which members `GEOSEARCH` looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoQuery<'a> {
    /// Where.
    pub area: GeoArea<'a>,
    /// In what the area and the distances are given.
    pub unit: GeoUnit,
    /// Without one they come as they are found.
    pub order: Option<GeoOrder>,
    /// `COUNT`: how many at most, the nearest unless another order is asked for.
    pub count: Option<usize>,
    /// `ANY`: the first that are found instead.
    pub any: bool,
}

impl<'a> GeoQuery<'a> {
    const fn new(area: GeoArea<'a>, unit: GeoUnit) -> Self {
        Self { area, unit, order: None, count: None, any: false }
    }

    /// `BYRADIUS`: what is no further from a member or a position (longitude first).
    pub fn radius(center: impl Into<GeoCenter<'a>>, radius: f64, unit: GeoUnit) -> Self {
        Self::new(GeoArea::Circle { center: center.into(), radius }, unit)
    }

    /// `BYBOX`: what is in a box around a member or a position (longitude first).
    pub fn bounding_box(center: impl Into<GeoCenter<'a>>, width: f64, height: f64, unit: GeoUnit) -> Self {
        Self::new(GeoArea::Box { center: center.into(), width, height }, unit)
    }

    /// `BYPOLYGON`: what a polygon encloses, by its corners (longitude first). Distances are in meters.
    pub fn polygon<P: Into<Position>>(corners: impl IntoIterator<Item = P>) -> Self {
        let corners = corners.into_iter().map(Into::into).collect();
        Self::new(GeoArea::Polygon(corners), GeoUnit::Meters)
    }

    /// `ASC`: the nearest first.
    #[must_use]
    pub const fn asc(mut self) -> Self {
        self.order = Some(GeoOrder::Nearest);
        self
    }

    /// `DESC`: the farthest first.
    #[must_use]
    pub const fn desc(mut self) -> Self {
        self.order = Some(GeoOrder::Farthest);
        self
    }

    /// `COUNT`: no more than so many, the nearest unless told otherwise.
    #[must_use]
    pub const fn count(mut self, count: usize) -> Self {
        (self.count, self.any) = (Some(count), false);
        self
    }

    /// `COUNT` with `ANY`: the first so many that are found, which ends the search.
    #[must_use]
    pub const fn any(mut self, count: usize) -> Self {
        (self.count, self.any) = (Some(count), true);
        self
    }

    /// Refuses what words could not have brought.
    fn check(&self) -> Result<()> {
        match &self.area {
            GeoArea::Circle { center, radius } => {
                check_radius(*radius)?;
                center.check()
            }
            GeoArea::Box { center, width, height } => {
                check_sides(*width, *height)?;
                center.check()
            }
            GeoArea::Polygon(corners) => {
                if corners.len() < 3 {
                    return Err(Error::refused(TOO_FEW_CORNERS));
                }
                corners.iter().try_for_each(|corner| corner.check())
            }
        }
    }

    /// The area in meters.
    fn shape(&self, zset: &ZSetView<'_>) -> Result<Shape> {
        let meters = self.unit.meters();
        let find = |center: &GeoCenter<'_>| match *center {
            GeoCenter::Member(member) => place_of(zset, member),
            GeoCenter::Position(position) => Ok(position),
        };
        Ok(match &self.area {
            GeoArea::Circle { center, radius } => {
                Shape::Circle { center: find(center)?, radius: radius * meters }
            }
            GeoArea::Box { center, width, height } => {
                Shape::Box { center: find(center)?, width: width * meters, height: height * meters }
            }
            GeoArea::Polygon(corners) => Shape::polygon(corners.clone()),
        })
    }

    fn find<'v>(&self, zset: ZSetView<'v>) -> Result<Vec<Found<'v>>> {
        let shape = self.shape(&zset)?;
        let zset = zset.inner();
        let enough = self.count.filter(|_| self.any).unwrap_or(usize::MAX);
        let mut found: Vec<Found<'v>> = Vec::new();
        for (first, last) in shape.cells() {
            let (start, end) = (zset.rank_of_score(first, false), zset.rank_of_score(last, false));
            let members = zset.range(start, end.saturating_sub(start)).filter_map(|(member, score)| {
                let position = Position::of_score(score);
                let distance = shape.distance(position)?;
                Some(Found { member: member.spell(), score, distance, position })
            });
            found.extend(members.take(enough - found.len()));
        }
        let wanted = self.count.map_or(found.len(), |count| count.min(found.len()));
        // The nearest are looked for where only some are wanted.
        let order = self.order.or(self.count.filter(|_| !self.any).map(|_| GeoOrder::Nearest));
        if let Some(order) = order {
            let compare = |a: &Found<'_>, b: &Found<'_>| {
                let nearer = a.distance.total_cmp(&b.distance);
                if order == GeoOrder::Nearest { nearer } else { nearer.reverse() }
            };
            if wanted < found.len() {
                sort_part(&mut found, 0..wanted, &compare);
            } else {
                found.sort_by(compare);
            }
        }
        found.truncate(wanted);
        found.iter_mut().for_each(|found| found.distance /= self.unit.meters());
        Ok(found)
    }
}

const TOO_FEW_CORNERS: &str = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";

/// Refuses a radius that is negative, or no number: no doubling would bring it around the earth.
fn check_radius(radius: f64) -> Result<()> {
    if radius >= 0.0 { Ok(()) } else { Err(Error::refused("ERR radius cannot be negative")) }
}

/// The same of the sides of a box.
fn check_sides(width: f64, height: f64) -> Result<()> {
    if width >= 0.0 && height >= 0.0 {
        Ok(())
    } else {
        Err(Error::refused("ERR height or width cannot be negative"))
    }
}

fn place_of(zset: &ZSetView<'_>, member: &[u8]) -> Result<Position> {
    let score = zset.score(member).ok_or(Error::refused("ERR could not decode requested zset member"))?;
    Ok(Position::of_score(score))
}

/// A member that was found, where it lies.
struct Found<'v> {
    member: Spelled<'v>,
    score: f64,
    /// In meters while it is looked for, then in the query's unit.
    distance: f64,
    position: Position,
}

impl From<Found<'_>> for GeoHit {
    fn from(Found { member, score, distance, position }: Found<'_>) -> Self {
        Self { member: Bytes::copy_from_slice(&member), distance, hash: score as i64, position }
    }
}

/// A member that a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoHit {
    /// Which.
    pub member: Bytes,
    /// How far it is from the center, in the query's unit.
    pub distance: f64,
    /// Its score: the number of its cell, of 52 bits.
    pub hash: i64,
    /// Where it is: the middle of its cell.
    pub position: Position,
}

/// What is shown of each hit besides the member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeoShown {
    /// `WITHDIST`
    pub distance: bool,
    /// `WITHHASH`
    pub hash: bool,
    /// `WITHCOORD`
    pub position: bool,
}

/// What is stored as the scores of members that a search has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeoScores {
    /// Where they are, so that the result can be searched too.
    #[default]
    Hashes,
    /// `STOREDIST`: how far they are from the center, in the query's unit.
    Distances,
}

/// Members that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoReply {
    /// In order.
    pub hits: Vec<GeoHit>,
    /// What is shown of them.
    pub shown: GeoShown,
}

impl From<GeoReply> for Reply {
    fn from(GeoReply { hits, shown }: GeoReply) -> Self {
        let show = |hit: GeoHit| {
            let member = Reply::from(hit.member);
            if shown == GeoShown::default() {
                return member;
            }
            let distance = shown.distance.then(|| Reply::bulk(number::format_four_decimals(hit.distance)));
            let hash = shown.hash.then_some(Reply::Integer(hit.hash));
            let position = shown.position.then(|| hit.position.into());
            Reply::Array([Some(member), distance, hash, position].into_iter().flatten().collect())
        };
        Reply::Array(hits.into_iter().map(show).collect())
    }
}

/// A search as it was asked for. Redis looks at the key before most of its words, and for each member that is to be a center when it
/// comes by it.
#[derive(Clone, Debug)]
pub struct GeoAsked<'a> {
    /// Which members, or the first refusal of a word.
    pub query: Late<GeoQuery<'a>>,
    /// Members that were to be centers before that.
    pub centers: Vec<&'a [u8]>,
    /// What is wrong with the radius around a member, which is not looked at where there is no key.
    pub bad_radius: Option<Error>,
    /// What is shown of them.
    pub shown: GeoShown,
    /// Where they go, and with which scores.
    pub destination: Option<(&'a [u8], GeoScores)>,
}

impl<'a> From<GeoQuery<'a>> for GeoAsked<'a> {
    fn from(query: GeoQuery<'a>) -> Self {
        Self {
            query: Ok(query),
            centers: Vec::new(),
            bad_radius: None,
            shown: GeoShown::default(),
            destination: None,
        }
    }
}

/// What the words of a search begin with, and which of the options it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Search,
    SearchStore,
    Radius { may_store: bool },
    RadiusByMember { may_store: bool },
}

impl<'a> GeoAsked<'a> {
    /// Reads all words that are left.
    fn parse(args: &mut Args<'a>, form: Form, destination: Option<&'a [u8]>) -> Self {
        let mut asked = Self {
            query: Err(Error::Syntax),
            centers: Vec::new(),
            bad_radius: None,
            shown: GeoShown::default(),
            destination: destination.map(|key| (key, GeoScores::Hashes)),
        };
        asked.query = asked.read(args, form);
        asked
    }

    fn read(&mut self, args: &mut Args<'a>, form: Form) -> Result<GeoQuery<'a>> {
        let (mut center, mut extent) = (None, None);
        let (is_search, may_store) = match form {
            Form::Search | Form::SearchStore => (true, false),
            Form::Radius { may_store } => {
                center = Some(GeoCenter::Position(Position::parse(args)?));
                extent = Some(Extent::circle(args)?);
                (false, may_store)
            }
            Form::RadiusByMember { may_store } => {
                center = Some(self.center(args)?);
                let circle = Extent::circle(&mut Args::new(args.many(2)?));
                extent = Some(circle.unwrap_or_else(|refused| {
                    self.bad_radius = Some(refused);
                    Extent::Circle { radius: 0.0, unit: GeoUnit::Meters }
                }));
                (false, may_store)
            }
        };
        let (mut order, mut count, mut any) = (None, None, false);
        while !args.is_empty() {
            let is_from = |known: fn(&GeoCenter<'_>) -> bool| is_search && center.as_ref().is_none_or(known);
            let is_by = |known: fn(&Extent) -> bool| is_search && extent.as_ref().is_none_or(known);
            let is_polygon = matches!(extent, Some(Extent::Polygon(_)));
            if args.take("WITHDIST") {
                self.shown.distance = true;
            } else if args.take("WITHHASH") {
                self.shown.hash = true;
            } else if args.take("WITHCOORD") {
                self.shown.position = true;
            } else if args.take("ANY") {
                any = true;
            } else if args.take("ASC") {
                order = Some(GeoOrder::Nearest);
            } else if args.take("DESC") {
                order = Some(GeoOrder::Farthest);
            } else if args.take_with("COUNT", 1) {
                let given = args.int()?;
                let positive = usize::try_from(given).ok().filter(|&count| count > 0);
                count = Some(positive.ok_or(Error::refused("ERR COUNT must be > 0"))?);
            } else if may_store && args.take_with("STORE", 1) {
                self.destination = Some((args.bytes()?, GeoScores::Hashes));
            } else if may_store && args.take_with("STOREDIST", 1) {
                self.destination = Some((args.bytes()?, GeoScores::Distances));
            } else if is_from(|from| matches!(from, GeoCenter::Member(_)))
                && !is_polygon
                && args.take_with("FROMMEMBER", 1)
            {
                center = Some(self.center(args)?);
            } else if is_from(|from| matches!(from, GeoCenter::Position(_)))
                && !is_polygon
                && args.take_with("FROMLONLAT", 2)
            {
                center = Some(GeoCenter::Position(Position::parse(args)?));
            } else if is_by(|by| matches!(by, Extent::Circle { .. })) && args.take_with("BYRADIUS", 2) {
                extent = Some(Extent::circle(args)?);
            } else if is_by(|by| matches!(by, Extent::Box { .. })) && args.take_with("BYBOX", 3) {
                extent = Some(Extent::bounding_box(args)?);
            } else if is_by(|_| false) && center.is_none() && args.take_with("BYPOLYGON", 1) {
                extent = Some(Extent::polygon(args)?);
            } else if form == Form::SearchStore && args.take("STOREDIST") {
                self.destination = self.destination.map(|(key, _)| (key, GeoScores::Distances));
            } else {
                return Err(Error::Syntax);
            }
        }
        let command = || String::from_utf8_lossy(args.all().first().copied().unwrap_or_default());
        if self.destination.is_some() && self.shown != GeoShown::default() {
            let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::Refused(
                format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options").into(),
            ));
        }
        let one_of = |what: &str| {
            Error::Refused(format!("ERR exactly one of {what} can be specified for {}", command()).into())
        };
        let (area, unit) = match (center, extent) {
            (_, Some(Extent::Polygon(corners))) => (GeoArea::Polygon(corners), GeoUnit::Meters),
            (None, _) => return Err(one_of("FROMMEMBER or FROMLONLAT")),
            (_, None) => return Err(one_of("BYRADIUS and BYBOX")),
            (Some(center), Some(Extent::Circle { radius, unit })) => {
                (GeoArea::Circle { center, radius }, unit)
            }
            (Some(center), Some(Extent::Box { width, height, unit })) => {
                (GeoArea::Box { center, width, height }, unit)
            }
        };
        if any && count.is_none() {
            return Err(Error::refused("ERR the ANY argument requires COUNT argument"));
        }
        Ok(GeoQuery { area, unit, order, count, any })
    }

    /// A member that is to be the center.
    fn center(&mut self, args: &mut Args<'a>) -> Result<GeoCenter<'a>> {
        let member = args.bytes()?;
        self.centers.push(member);
        Ok(GeoCenter::Member(member))
    }

    fn search<'v>(&self, db: &View<'v>, key: &[u8]) -> Result<Vec<Found<'v>>> {
        let zset = db.zset(key)?;
        if let Some(zset) = &zset {
            self.centers.iter().try_for_each(|member| place_of(zset, member).map(drop))?;
            self.bad_radius.clone().map_or(Ok(()), Err)?;
        }
        let query = self.query.as_ref().map_err(Error::clone)?;
        query.check()?;
        zset.map_or(Ok(Vec::new()), |zset| query.find(zset))
    }

    fn reply(&self, db: &View<'_>, key: &[u8]) -> Result<GeoReply> {
        let hits = self.search(db, key)?.into_iter().map(GeoHit::from).collect();
        Ok(GeoReply { hits, shown: self.shown })
    }

    fn store(&self, db: &mut Tx<'_>, key: &[u8], (destination, scores): (&[u8], GeoScores)) -> Result<usize> {
        let mut zset = db.build::<ZSet>()?;
        for found in self.search(&db.view().counting(), key)? {
            let score = match scores {
                GeoScores::Hashes => found.score,
                GeoScores::Distances => found.distance,
            };
            zset.insert(&found.member, score);
        }
        store(db, destination, zset)
    }
}

/// How far an area reaches.
enum Extent {
    Circle { radius: f64, unit: GeoUnit },
    Box { width: f64, height: f64, unit: GeoUnit },
    Polygon(Vec<Position>),
}

impl Extent {
    fn number(args: &mut Args<'_>, refusal: &'static str) -> Result<f64> {
        number::parse_f64(args.bytes()?).ok_or(Error::refused(refusal))
    }

    fn circle(args: &mut Args<'_>) -> Result<Self> {
        let radius = Self::number(args, "ERR need numeric radius")?;
        check_radius(radius)?;
        Ok(Extent::Circle { radius, unit: GeoUnit::parse(args)? })
    }

    fn bounding_box(args: &mut Args<'_>) -> Result<Self> {
        let width = Self::number(args, "ERR need numeric width")?;
        let height = Self::number(args, "ERR need numeric height")?;
        check_sides(width, height)?;
        Ok(Extent::Box { width, height, unit: GeoUnit::parse(args)? })
    }

    fn polygon(args: &mut Args<'_>) -> Result<Self> {
        let count = args.int()?;
        if count < 3 {
            return Err(Error::refused(TOO_FEW_CORNERS));
        }
        let words = usize::try_from(count).ok().and_then(|count| count.checked_mul(2));
        let mut words = Args::new(args.many(words.ok_or(Error::Syntax)?)?);
        let mut corners = Vec::with_capacity(words.remaining() / 2);
        while !words.is_empty() {
            corners.push(Position::parse(&mut words)?);
        }
        Ok(Extent::Polygon(corners))
    }
}

const SEARCH_COST: &str =
    "O(N+M*log(M)), N being the number of members in the cells around the area and M that of those in it";

/// The words of a search after its keys, with those that stand between the brackets of the options.
macro_rules! search_words {
    ($keys:literal, $last:literal) => {
        concat!(
            $keys,
            " <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height \
             <M | KM | FT | MI> | BYPOLYGON num-vertices longitude latitude [longitude latitude ...]> [ASC | DESC] \
             [COUNT count [ANY]]",
            $last
        )
    };
}

/// `GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius unit | BYBOX width height unit | BYPOLYGON num-vertices longitude latitude [longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`
#[derive(Clone, Debug)]
pub struct GeoSearch<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is looked for.
    pub asked: GeoAsked<'a>,
}

impl<'a> Command<'a> for GeoSearch<'a> {
    const SPEC: Spec = Spec {
        name: "GEOSEARCH",
        arity: -7,
        since: "6.2.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns the members in a circle, a box or a polygon.",
        complexity: SEARCH_COST,
        syntax: search_words!("key", " [WITHCOORD] [WITHDIST] [WITHHASH]"),
        ..GEO
    };
    type Reply = GeoReply;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(GeoSearch { key: args.bytes()?, asked: GeoAsked::parse(args, Form::Search, None) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for GeoSearch<'a> {
    fn read(&self, db: &View<'_>) -> Result<GeoReply> {
        self.asked.reply(db, self.key)
    }
}

/// `GEOSEARCHSTORE destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius unit | BYBOX width height unit | BYPOLYGON num-vertices longitude latitude [longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]`
#[derive(Clone, Debug)]
pub struct GeoSearchStore<'a> {
    /// Where the result goes; nothing deletes it.
    pub destination: &'a [u8],
    /// The key.
    pub source: &'a [u8],
    /// What is looked for.
    pub asked: GeoAsked<'a>,
    /// With which scores it is stored.
    pub scores: GeoScores,
}

impl<'a> Command<'a> for GeoSearchStore<'a> {
    const SPEC: Spec = Spec {
        name: "GEOSEARCHSTORE",
        arity: -8,
        since: "6.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["OW", "update"]), KeySpec::range(&["RO", "access"], 2, 0, 1)],
        summary: "Stores the members in a circle, a box or a polygon.",
        complexity: SEARCH_COST,
        syntax: search_words!("destination source", " [STOREDIST]"),
        ..GEO
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (destination, source) = (args.bytes()?, args.bytes()?);
        let asked = GeoAsked::parse(args, Form::SearchStore, Some(destination));
        let scores = asked.destination.map_or(GeoScores::Hashes, |(_, scores)| scores);
        Ok(GeoSearchStore { destination, source, asked, scores })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.destination);
        visit(self.source);
    }
}

impl<'a> Write<'a> for GeoSearchStore<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        self.asked.store(db, self.source, (self.destination, self.scores))
    }

    fn event(&self) -> Option<&'static str> {
        Some("geosearchstore")
    }
}

/// The answer of a command that returns what it finds, or stores it.
#[derive(Clone, Debug, PartialEq)]
pub enum GeoRadiusReply {
    /// Members.
    Found(GeoReply),
    /// With `STORE` or `STOREDIST`: how many were stored.
    Stored(usize),
}

impl From<GeoRadiusReply> for Reply {
    fn from(reply: GeoRadiusReply) -> Self {
        match reply {
            GeoRadiusReply::Found(found) => found.into(),
            GeoRadiusReply::Stored(count) => count.into(),
        }
    }
}

macro_rules! radius_command {
    ($type:ident, $name:literal, $read_type:ident, $read_name:literal, $arity:literal, $form:ident, $first_option:literal, $words:literal, $from:literal) => {
        #[doc = concat!("`", $name, " key ", $words, " radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]`")]
        #[derive(Clone, Debug)]
        pub struct $type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// What is looked for.
            pub asked: GeoAsked<'a>,
        }

        impl<'a> Command<'a> for $type<'a> {
            const SPEC: Spec = Spec {
                name: $name,
                arity: $arity,
                flags: Flags::DENYOOM.and(Flags::MOVABLEKEYS),
                keys: &[
                    KeySpec::first(&["RO", "access"]),
                    KeySpec::after(&["OW", "update"], "STORE", $first_option),
                    KeySpec::after(&["OW", "update"], "STOREDIST", $first_option),
                ],
                summary: concat!("Returns or stores the members in a circle around ", $from, "."),
                complexity: SEARCH_COST,
                syntax: concat!(
                    "key ", $words, " radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                     [ASC | DESC] [STORE key | STOREDIST key]"
                ),
                ..GEO
            };
            type Reply = GeoRadiusReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($type { key: args.bytes()?, asked: GeoAsked::parse(args, Form::$form { may_store: true }, None) })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
                self.asked.destination.into_iter().for_each(|(key, _)| visit(key));
            }
        }

        impl<'a> Write<'a> for $type<'a> {
            fn write(&self, db: &mut Tx<'_>) -> Result<GeoRadiusReply> {
                match self.asked.destination {
                    Some(destination) => {
                        self.asked.store(db, self.key, destination).map(GeoRadiusReply::Stored)
                    }
                    None => {
                        self.asked.reply(&db.view().counting(), self.key).map(GeoRadiusReply::Found)
                    }
                }
            }

            fn event(&self) -> Option<&'static str> {
                Some("georadiusstore")
            }
        }

        #[doc = concat!("`", $read_name, " key ", $words, " radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]`")]
        #[derive(Clone, Debug)]
        pub struct $read_type<'a> {
            /// The key.
            pub key: &'a [u8],
            /// What is looked for.
            pub asked: GeoAsked<'a>,
        }

        impl<'a> Command<'a> for $read_type<'a> {
            const SPEC: Spec = Spec {
                name: $read_name,
                arity: $arity,
                since: "3.2.10",
                keys: &[KeySpec::first(&["RO", "access"])],
                summary: concat!("Returns the members in a circle around ", $from, "."),
                complexity: SEARCH_COST,
                syntax: concat!(
                    "key ", $words, " radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                     [ASC | DESC]"
                ),
                ..GEO
            };
            type Reply = GeoReply;

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                Ok($read_type { key: args.bytes()?, asked: GeoAsked::parse(args, Form::$form { may_store: false }, None) })
            }

            fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
                visit(self.key);
            }
        }

        impl<'a> Read<'a> for $read_type<'a> {
            fn read(&self, db: &View<'_>) -> Result<GeoReply> {
                self.asked.reply(db, self.key)
            }
        }
    };
}

radius_command!(
    GeoRadius,
    "GEORADIUS",
    GeoRadiusRo,
    "GEORADIUS_RO",
    -6,
    Radius,
    6,
    "longitude latitude",
    "a position"
);
radius_command!(
    GeoRadiusByMember,
    "GEORADIUSBYMEMBER",
    GeoRadiusByMemberRo,
    "GEORADIUSBYMEMBER_RO",
    -5,
    RadiusByMember,
    5,
    "member",
    "a member"
);
