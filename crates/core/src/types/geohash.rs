//! Positions on the earth as numbers: cells of a grid that is halved again and again, numbered so that cells near each other mostly
//! have numbers near each other.
//!
//! A position is kept as the number of the smallest cell that it lies in, of 52 bits, which the score of a sorted set holds exactly.
//! Bits of the latitude and of the longitude take turns, the latitude's first from the lowest:
//!
//! ```text
//! bit   51 50 49 48  …  3 2 1 0        step n has the upper 2n bits:
//!       λ  φ  λ  φ      λ φ λ φ        4^n cells for the whole of the earth
//! ```
//!
//! The earth is a ball here, and the grid ends some five degrees before the poles. The arithmetic is done in the order in which Redis does it, so
//! that numbers and distances have its digits. Knows nothing of members and commands.
#![expect(clippy::unreadable_literal, reason = "coordinates are read as maps write them")]

/// Where the grid ends to the east and to the west, in degrees.
const LONGITUDE_END: f64 = 180.0;
/// Where the grid ends to the north and to the south, in degrees.
const LATITUDE_END: f64 = 85.05112878;
/// Where the grid ends that GEOHASH's text is written by.
const POLE: f64 = 90.0;
/// How often the grid is halved each way.
const STEPS: u32 = 26;
/// In meters.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Half of the earth's circumference where maps of this projection end, in meters.
const MERCATOR_END: f64 = 20_037_726.37;

/// A place on the earth, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// From -180 in the west to 180 in the east.
    pub longitude: f64,
    /// From -85.05112878 in the south to 85.05112878 in the north: nearer to the poles nothing can be kept.
    pub latitude: f64,
}

impl From<(f64, f64)> for Position {
    /// Longitude first.
    fn from((longitude, latitude): (f64, f64)) -> Self {
        Self { longitude, latitude }
    }
}

/// As Redis's `deg_rad` does, by a factor that is rounded first.
fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}

impl Position {
    /// Whether it can be kept.
    pub fn is_on_the_grid(self) -> bool {
        (-LONGITUDE_END..=LONGITUDE_END).contains(&self.longitude)
            && (-LATITUDE_END..=LATITUDE_END).contains(&self.latitude)
    }

    /// The number of its smallest cell. It must be on the grid.
    pub fn score(self) -> f64 {
        Cell::of(self, LATITUDE_END, STEPS).number() as f64
    }

    /// The middle of the cell that a score is the number of; a score that is none has some position too.
    pub fn of_score(score: f64) -> Self {
        let Area { west, south, east, north } = Cell::of_number(bits_of(score)).area();
        Self { longitude: f64::midpoint(west, east), latitude: f64::midpoint(south, north) }.onto_the_grid()
    }

    /// The nearest position that can be kept.
    fn onto_the_grid(self) -> Self {
        Self {
            longitude: self.longitude.clamp(-LONGITUDE_END, LONGITUDE_END),
            latitude: self.latitude.clamp(-LATITUDE_END, LATITUDE_END),
        }
    }

    /// The way to another position along the surface, in meters.
    pub fn distance(self, other: Self) -> f64 {
        let across = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if across == 0.0 {
            return self.distance_north(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let along = ((to - from) / 2.0).sin();
        let square = along * along + from.cos() * to.cos() * across * across;
        2.0 * EARTH_RADIUS * square.sqrt().asin()
    }

    /// How far the other position is to the north or to the south, in meters.
    fn distance_north(self, other: Self) -> f64 {
        EARTH_RADIUS * (radians(other.latitude) - radians(self.latitude)).abs()
    }

    /// The standard geohash, of eleven characters, as others write it: its grid reaches to the poles.
    pub fn geohash(self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, POLE, STEPS).number();
        // Ten characters take 50 of the 52 bits; Redis leaves the last one 0.
        let digits = (1..=10).map(|place| bits >> (52 - place * 5) & 31);
        digits.chain([0]).map(|digit| char::from(ALPHABET[digit as usize])).collect()
    }

    /// The middle of several positions: that of their places in space, seen from the middle of the earth.
    fn middle(positions: &[Self]) -> Self {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for position in positions {
            let (longitude, latitude) = (radians(position.longitude), radians(position.latitude));
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        Self { longitude: degrees(y.atan2(x)), latitude: degrees(z.atan2(x.hypot(y))) }
    }
}

/// A score as an integer, as processors convert it that have no unsigned integers: Redis shows what becomes of scores that are no cells.
fn bits_of(score: f64) -> u64 {
    const HALF: f64 = (1_u64 << 63) as f64;
    if score < HALF {
        score as i64 as u64
    } else if score - HALF < HALF {
        (score - HALF) as u64 | 1 << 63
    } else {
        0
    }
}

/// A cell of the grid, by its column and its row after so many halvings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    column: u32,
    row: u32,
    steps: u32,
}

/// What lies between two meridians and two parallels, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Cell {
    fn of(position: Position, latitude_end: f64, steps: u32) -> Self {
        let place = |degrees: f64, end: f64| {
            // The easternmost and the northernmost positions lie one place past the last.
            ((degrees + end) / (end + end) * f64::from(1 << steps)) as u32
        };
        Self {
            column: place(position.longitude, LONGITUDE_END),
            row: place(position.latitude, latitude_end),
            steps,
        }
    }

    /// A smallest cell.
    fn of_number(number: u64) -> Self {
        Self { column: every_second_bit(number >> 1), row: every_second_bit(number), steps: STEPS }
    }

    fn number(self) -> u64 {
        spread(self.column) << 1 | spread(self.row)
    }

    fn area(self) -> Area {
        let edge =
            |place: u32, end: f64| -end + (f64::from(place) / f64::from(1 << self.steps)) * (end + end);
        Area {
            west: edge(self.column, LONGITUDE_END),
            south: edge(self.row, LATITUDE_END),
            east: edge(self.column.wrapping_add(1), LONGITUDE_END),
            north: edge(self.row.wrapping_add(1), LATITUDE_END),
        }
    }

    /// The cell so many columns to the east and rows to the north; what is past an end is at the other one.
    fn neighbour(self, east: i32, north: i32) -> Self {
        let within = |place: u32, by: i32| match by {
            0 => place,
            by => place.wrapping_add_signed(by) & ((1 << self.steps) - 1),
        };
        Self { column: within(self.column, east), row: within(self.row, north), ..self }
    }

    /// Whether it and those around it do not reach to all ends of an area.
    fn leaves_uncovered(self, bounds: &Area) -> bool {
        let around = |east, north| self.neighbour(east, north).area();
        around(0, 1).north < bounds.north
            || around(0, -1).south > bounds.south
            || around(1, 0).east < bounds.east
            || around(-1, 0).west > bounds.west
    }

    /// The scores in it: from the first, up to the last, which is not included.
    fn scores(self) -> (f64, f64) {
        let shift = (STEPS - self.steps) * 2;
        ((self.number() << shift) as f64, ((self.number() + 1) << shift) as f64)
    }
}

/// Puts a zero before each bit.
fn spread(bits: u32) -> u64 {
    let each = |bits: u64, by: u32, mask: u64| (bits | bits << by) & mask;
    let bits = each(bits.into(), 16, 0x0000_ffff_0000_ffff);
    let bits = each(bits, 8, 0x00ff_00ff_00ff_00ff);
    let bits = each(bits, 4, 0x0f0f_0f0f_0f0f_0f0f);
    let bits = each(bits, 2, 0x3333_3333_3333_3333);
    each(bits, 1, 0x5555_5555_5555_5555)
}

/// The bits 0, 2, 4 and so on.
fn every_second_bit(bits: u64) -> u32 {
    let each = |bits: u64, by: u32, mask: u64| (bits | bits >> by) & mask;
    let bits = bits & 0x5555_5555_5555_5555;
    let bits = each(bits, 1, 0x3333_3333_3333_3333);
    let bits = each(bits, 2, 0x0f0f_0f0f_0f0f_0f0f);
    let bits = each(bits, 4, 0x00ff_00ff_00ff_00ff);
    let bits = each(bits, 8, 0x0000_ffff_0000_ffff);
    each(bits, 16, 0x0000_0000_ffff_ffff) as u32
}

/// What is searched, in meters around a position.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle {
        /// Its middle.
        center: Position,
        /// In meters.
        radius: f64,
    },
    /// What is no further than half of the width from a meridian and half of the height from a parallel.
    Box {
        /// Where these cross.
        center: Position,
        /// In meters.
        width: f64,
        /// In meters.
        height: f64,
    },
    /// What lines from corner to corner enclose, as they are on a map of longitudes and latitudes.
    Polygon {
        /// At least three.
        corners: Vec<Position>,
        /// Their middle.
        center: Position,
    },
}

impl Shape {
    /// A polygon by its corners.
    pub fn polygon(corners: Vec<Position>) -> Self {
        let center = Position::middle(&corners);
        Self::Polygon { corners, center }
    }

    /// The position that distances are counted from.
    pub const fn center(&self) -> Position {
        match self {
            Self::Circle { center, .. } | Self::Box { center, .. } | Self::Polygon { center, .. } => *center,
        }
    }

    /// How far a position is from the center, in meters; `None` if it is outside.
    pub fn distance(&self, position: Position) -> Option<f64> {
        let center = self.center();
        let is_inside = match self {
            Self::Circle { radius, .. } => {
                let distance = center.distance(position);
                return (distance <= *radius).then_some(distance);
            }
            Self::Box { width, height, .. } => {
                let on_the_meridian = Position { longitude: center.longitude, ..position };
                position.distance_north(center) <= height / 2.0
                    && position.distance(on_the_meridian) <= width / 2.0
            }
            Self::Polygon { corners, .. } => encloses(corners, position),
        };
        is_inside.then(|| center.distance(position))
    }

    /// A circle around the center that all of it lies in, in meters.
    fn radius(&self) -> f64 {
        match self {
            Self::Circle { radius, .. } => *radius,
            Self::Box { width, height, .. } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Self::Polygon { corners, center } => {
                corners.iter().map(|corner| center.distance(*corner)).fold(0.0, f64::max)
            }
        }
    }

    /// The area that all of it lies in.
    fn bounds(&self) -> Area {
        let (center, width, height) = match self {
            Self::Circle { center, radius } => (*center, *radius, *radius),
            Self::Box { center, width, height } => (*center, width / 2.0, height / 2.0),
            Self::Polygon { corners, .. } => {
                let ends = |of: fn(&Position) -> f64| {
                    let all = || corners.iter().map(of);
                    (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
                };
                let (west, east) = ends(|corner| corner.longitude);
                let (south, north) = ends(|corner| corner.latitude);
                return Area { west, south, east, north };
            }
        };
        let along = degrees(height / EARTH_RADIUS);
        // Meridians are nearest to each other at the edge that is nearest to a pole.
        let edge = if center.latitude < 0.0 { center.latitude - along } else { center.latitude + along };
        let across = degrees(width / EARTH_RADIUS / radians(edge).cos());
        Area {
            west: center.longitude - across,
            south: center.latitude - along,
            east: center.longitude + across,
            north: center.latitude + along,
        }
    }

    /// The scores of the cells that together cover it, each from the first up to the last, which is not included. These are in Redis's
    /// order: the cell of the center, and those around it.
    pub fn cells(&self) -> Vec<(f64, f64)> {
        const AROUND: [(i32, i32); 9] =
            [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let (center, bounds) = (self.center().onto_the_grid(), self.bounds());
        let mut middle = Cell::of(center, LATITUDE_END, steps(self.radius(), center.latitude));
        // The middle of a polygon's corners is not that of what it encloses, which may need much larger cells.
        let mut enlargements = if matches!(self, Self::Polygon { .. }) { STEPS } else { 1 };
        while middle.steps > 1 && enlargements > 0 && middle.leaves_uncovered(&bounds) {
            middle = Cell::of(center, LATITUDE_END, middle.steps - 1);
            enlargements -= 1;
        }
        let area = middle.area();
        // Of two halves of the earth each is a neighbour of the other on both sides.
        let leaves_out = |(east, north): (i32, i32)| {
            middle.steps >= 2
                && (north < 0 && area.south < bounds.south
                    || north > 0 && area.north > bounds.north
                    || east < 0 && area.west < bounds.west
                    || east > 0 && area.east > bounds.east)
        };
        let asked = AROUND.into_iter().filter(|&around| !leaves_out(around));
        let mut cells: Vec<Cell> = asked.map(|(east, north)| middle.neighbour(east, north)).collect();
        cells.dedup();
        cells.into_iter().map(Cell::scores).collect()
    }
}

/// How often the grid is halved for nine cells to cover a circle, as a rule.
fn steps(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEPS;
    }
    let (mut radius, mut steps) = (radius, 1);
    while radius < MERCATOR_END {
        radius *= 2.0;
        steps += 1;
    }
    // Towards the poles the same way leads over more columns.
    let for_poles = [66.0, 80.0].into_iter().filter(|&limit| latitude.abs() > limit).count() as i32;
    (steps - 2 - for_poles).clamp(1, STEPS as i32) as u32
}

/// Whether a ray from the position to the east crosses the lines between corners an odd number of times.
fn encloses(corners: &[Position], position: Position) -> bool {
    let lines = corners.iter().zip(corners.iter().cycle().skip(1));
    let crossed = lines.filter(|(from, to)| {
        let spans = (from.latitude > position.latitude) != (to.latitude > position.latitude);
        let crossing = (to.longitude - from.longitude) * (position.latitude - from.latitude)
            / (to.latitude - from.latitude)
            + from.longitude;
        spans && position.longitude < crossing
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_spread_and_gathered() {
        for bits in [0, 1, 2, 0x2aa_aaaa, 0x3ff_ffff, u32::MAX, 0x1234_5678] {
            assert_eq!(every_second_bit(spread(bits)), bits);
            assert_eq!(every_second_bit(spread(bits) << 1), 0);
        }
    }

    #[test]
    fn scores_positions_and_geohashes_are_those_of_a_real_server() {
        let palermo = Position::from((13.361389, 38.115556));
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        let kept = Position::of_score(palermo.score());
        assert_eq!(kept, Position::from((13.361389338970184, 38.1155563954963)));
        assert_eq!(kept.geohash(), "sqc8b49rny0");
        let catania = Position::of_score(Position::from((15.087269, 37.502669)).score());
        assert_eq!(format!("{:.4}", kept.distance(catania)), "166274.1516");
        // What is no cell: -3, too large, the end of the grid.
        assert_eq!(Position::of_score(-3.0), Position::from((180.0, LATITUDE_END)));
        assert_eq!(Position::of_score(1e300), Position::of_score(0.0));
        assert_eq!(Position::from((180.0, LATITUDE_END)).score(), 13_510_798_882_111_488.0);
    }

    #[test]
    fn the_cells_of_a_shape_hold_every_position_in_it() {
        let random = crate::Random::from_seed(3);
        let mut draw = |end: f64| (random.next_u64() as f64 / u64::MAX as f64 * 2.0 - 1.0) * end;
        for round in 0..2000 {
            // Redis's cells may leave something out where meridians meet.
            let center = Position { longitude: draw(100.0), latitude: draw(60.0) };
            let size = 10_f64.powf(draw(3.0) + 3.0).min(2e6);
            let around = |end: f64, draw: &mut dyn FnMut(f64) -> f64| Position {
                longitude: (center.longitude + draw(end)).clamp(-180.0, 180.0),
                latitude: (center.latitude + draw(end)).clamp(-85.0, 85.0),
            };
            let shape = match round % 3 {
                0 => Shape::Circle { center, radius: size },
                1 => Shape::Box { center, width: size, height: size / (1.0 + draw(1.0).abs()) },
                _ => Shape::polygon((0..5).map(|_| around(size / 111_000.0, &mut draw)).collect()),
            };
            let cells = shape.cells();
            for _ in 0..50 {
                let score = around(size / 80_000.0, &mut draw).score();
                if shape.distance(Position::of_score(score)).is_some() {
                    let holds = |cell: &&(f64, f64)| (cell.0..cell.1).contains(&score);
                    assert_eq!(cells.iter().filter(holds).count(), 1, "{shape:?}");
                }
            }
        }
    }
}
