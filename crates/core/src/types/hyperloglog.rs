//! HyperLogLogs in Redis's own bytes: how many different elements a string has seen, give or take 0.81 %.
//!
//! ```text
//! | "HYLL" | encoding | unused | count, lowest byte first | registers ...
//!   4 bytes  1          3        8
//! ```
//!
//! The highest bit of the count says that it is not up to date. There are 16384 registers of 6 bits. Dense (0) they lie one after the
//! other, lowest bits first, in 12288 bytes. Sparse (1) they are runs, as long as these are short and their values small:
//!
//! ```text
//! 00xxxxxx             1 to 64 registers are zero
//! 01xxxxxx xxxxxxxx    1 to 16384 registers are zero
//! 1vvvvvxx             1 to 4 registers have a value from 1 to 32
//! ```
//!
//! An element's hash chooses a register, which keeps the longest row of zeros that the rest of a hash began with. The estimate is that
//! of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017).
//!
//! A string may come from anywhere: nothing here trusts what it says of itself. Knows nothing of keys and replies.
use crate::Random;

/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// So many bits of a hash are looked at for zeros.
const RANK_BITS: u32 = u64::BITS - INDEX_BITS;
const REGISTER_BITS: usize = 6;
const HIGHEST_REGISTER: u8 = (1 << REGISTER_BITS) - 1;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
/// Where the registers begin.
const HEADER_BYTES: usize = 16;
/// The highest byte of the count, with the bit that says that it is not up to date.
const STALE_AT: usize = HEADER_BYTES - 1;
const STALE: u8 = 0x80;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * REGISTER_BITS / 8;

/// Why a string is no HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not look like one.
    Foreign,
    /// It looks like one, but its runs do not add up to its registers.
    Corrupted,
}

/// A register, and the value that an element asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    index: usize,
    value: u8,
}

impl Place {
    /// That of an element.
    pub fn of(element: &[u8]) -> Self {
        let hash = murmur_hash_64a(element, SEED);
        // The bit behind the last one ends the row of zeros.
        let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
        Self { index: hash as usize % REGISTERS, value: rest.trailing_zeros() as u8 + 1 }
    }
}

const SEED: u64 = 0xadc8_3b19;

/// Austin Appleby's `MurmurHash64A`, which he gave to the public.
fn murmur_hash_64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let (words, tail) = bytes.as_chunks::<8>();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

/// Registers that lie next to each other and have the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// 0 to 32.
    value: u8,
    length: usize,
    /// How many bytes say so.
    size: usize,
}

/// A value that is higher makes the registers dense.
const HIGHEST_IN_RUN: u8 = 32;
const LONGEST_OF_VALUE: usize = 4;
/// The longest run of zeros that is said in one byte.
const LONGEST_SHORT: usize = 64;
const LONG: u8 = 0x40;
const VALUE: u8 = 0x80;

impl Run {
    /// The one that these bytes begin with; `None` if there are too few.
    fn first(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        Some(if first & VALUE != 0 {
            Self { value: (first >> 2 & 0x1f) + 1, length: usize::from(first & 0x03) + 1, size: 1 }
        } else if first & LONG != 0 {
            let length = usize::from(first & !LONG) << 8 | usize::from(*bytes.get(1)?);
            Self { value: 0, length: length + 1, size: 2 }
        } else {
            Self { value: 0, length: usize::from(first) + 1, size: 1 }
        })
    }

    /// Adds the bytes for so many registers of a value, if there are any.
    fn write(value: u8, length: usize, bytes: &mut Vec<u8>) {
        match (value, length.checked_sub(1)) {
            (_, None) => {}
            (0, Some(more)) if length > LONGEST_SHORT => bytes.extend([LONG | (more >> 8) as u8, more as u8]),
            (0, Some(more)) => bytes.push(more as u8),
            (value, Some(more)) => bytes.push(VALUE | (value - 1) << 2 | more as u8),
        }
    }
}

/// The runs that bytes begin with, up to one that is cut off.
fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = Run::first(bytes)?;
        bytes = &bytes[run.size..];
        Some(run)
    })
}

/// Where a dense register lies.
#[derive(Clone, Copy)]
struct Cell {
    /// The first of the bytes that have a part of it.
    at: usize,
    /// How many these are.
    length: usize,
    shift: usize,
}

impl Cell {
    const fn of(index: usize) -> Self {
        let bit = index * REGISTER_BITS;
        let shift = bit % 8;
        Self { at: bit / 8, length: (shift + REGISTER_BITS).div_ceil(8), shift }
    }

    fn bytes(self, registers: &[u8]) -> [u8; 2] {
        let mut bytes = [0; 2];
        bytes[..self.length].copy_from_slice(&registers[self.at..self.at + self.length]);
        bytes
    }

    fn get(self, registers: &[u8]) -> u8 {
        (u16::from_le_bytes(self.bytes(registers)) >> self.shift) as u8 & HIGHEST_REGISTER
    }

    /// The bytes as they are with another value in them.
    fn with(self, registers: &[u8], value: u8) -> [u8; 2] {
        let others = u16::from_le_bytes(self.bytes(registers)) & !(u16::from(HIGHEST_REGISTER) << self.shift);
        (others | u16::from(value) << self.shift).to_le_bytes()
    }
}

/// Four dense registers lie in three bytes.
fn four_registers(bytes: [u8; 3]) -> [u8; 4] {
    let all = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    std::array::from_fn(|nth| (all >> (nth * REGISTER_BITS)) as u8 & HIGHEST_REGISTER)
}

/// How many registers have each value.
struct Histogram([u32; HIGHEST_REGISTER as usize + 1]);

impl Histogram {
    const EMPTY: Self = Self([0; HIGHEST_REGISTER as usize + 1]);

    fn of(registers: impl Iterator<Item = [u8; 4]>) -> Self {
        // One for each of the four, because a number that was just written is slow to read.
        let mut four = [const { Self::EMPTY }; 4];
        for values in registers {
            for (histogram, value) in four.iter_mut().zip(values) {
                histogram.0[usize::from(value)] += 1;
            }
        }
        Self(std::array::from_fn(|value| four.iter().map(|histogram| histogram.0[value]).sum()))
    }

    /// The estimate: minus 2^63 where it is none, as in Redis.
    fn estimate(&self) -> i64 {
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        const ALL: f64 = REGISTERS as f64;
        let part = |count: u32| f64::from(count) / ALL;
        let highest = RANK_BITS as usize + 1;
        let mut sum = ALL * tau((ALL - f64::from(self.0[highest])) / ALL);
        for count in self.0[1..highest].iter().rev() {
            sum = (sum + f64::from(*count)) * 0.5;
        }
        sum += ALL * sigma(part(self.0[0]));
        let estimate = (ALPHA * ALL * ALL / sum).round();
        // 2^63 and what is beyond is what Redis's conversion makes no number of.
        if estimate < i64::MAX as f64 { estimate as i64 } else { i64::MIN }
    }
}

/// What registers without an element add to the sum.
fn sigma(mut part: f64) -> f64 {
    if part >= 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut factor) = (part, 1.0);
    loop {
        part *= part;
        let before = sum;
        sum += part * factor;
        factor += factor;
        if sum.to_bits() == before.to_bits() {
            return sum;
        }
    }
}

/// What registers that can count no further add to the sum.
fn tau(mut part: f64) -> f64 {
    if part <= 0.0 || part >= 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - part, 1.0);
    loop {
        part = part.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - part) * (1.0 - part) * factor;
        if sum.to_bits() == before.to_bits() {
            return sum / 3.0;
        }
    }
}

/// Registers that are looked at one by one: those of several strings together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Box<[u8; REGISTERS]>);

impl Registers {
    /// All zero.
    pub fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    /// Their values.
    pub fn values(&self) -> &[u8] {
        &*self.0
    }

    /// How many elements they have seen, about.
    pub fn estimate(&self) -> i64 {
        Histogram::of(self.0.as_chunks::<4>().0.iter().copied()).estimate()
    }

    fn raise(&mut self, first: usize, values: impl IntoIterator<Item = u8>) {
        self.0[first..].iter_mut().zip(values).for_each(|(ours, theirs)| *ours = theirs.max(*ours));
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

/// A HyperLogLog where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Sketch<'a> {
    bytes: &'a [u8],
    is_dense: bool,
}

impl<'a> Sketch<'a> {
    /// A string that looks like one.
    ///
    /// # Errors
    /// [`Fault::Foreign`] if it does not.
    pub fn of(bytes: &'a [u8]) -> Result<Self, Fault> {
        let has_header = bytes.len() >= HEADER_BYTES && bytes.starts_with(MAGIC);
        let is_dense = match bytes.get(ENCODING_AT) {
            Some(&DENSE) if has_header && bytes.len() == DENSE_BYTES => true,
            Some(&SPARSE) if has_header => false,
            _ => return Err(Fault::Foreign),
        };
        Ok(Self { bytes, is_dense })
    }

    /// Whether each register has its own bits.
    pub const fn is_dense(self) -> bool {
        self.is_dense
    }

    /// The bytes behind the header.
    fn body(self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// The estimate that it keeps, unless it has changed since.
    pub fn kept_estimate(self) -> Option<i64> {
        let count = *self.bytes[COUNT_AT..].first_chunk::<8>()?;
        (count[7] & STALE == 0).then(|| i64::from_le_bytes(count))
    }

    /// How many elements it has seen, about.
    ///
    /// # Errors
    /// [`Fault::Corrupted`]
    pub fn estimate(self) -> Result<i64, Fault> {
        if self.is_dense {
            let four = self.body().as_chunks::<3>().0.iter().copied().map(four_registers);
            return Ok(Histogram::of(four).estimate());
        }
        let mut histogram = Histogram::EMPTY;
        self.each_run(|run, _| histogram.0[usize::from(run.value)] += run.length as u32)?;
        Ok(histogram.estimate())
    }

    /// Raises registers to its own.
    ///
    /// # Errors
    /// [`Fault::Corrupted`]
    pub fn raise(self, registers: &mut Registers) -> Result<(), Fault> {
        if self.is_dense {
            let four = self.body().as_chunks::<3>().0.iter().copied().flat_map(four_registers);
            registers.raise(0, four);
            return Ok(());
        }
        self.each_run(|run, first| registers.raise(first, std::iter::repeat_n(run.value, run.length)))
    }

    /// Shows the runs, each with its first register, which must be all registers in the end.
    fn each_run(self, mut show: impl FnMut(Run, usize)) -> Result<(), Fault> {
        let (mut next, mut read) = (0, 0);
        for run in runs(self.body()) {
            if run.length > REGISTERS - next {
                return Err(Fault::Corrupted);
            }
            show(run, next);
            next += run.length;
            read += run.size;
        }
        if next == REGISTERS && read == self.body().len() { Ok(()) } else { Err(Fault::Corrupted) }
    }

    /// The runs in text, right or not: `z:` and `Z:` with the length of a short or a long run of zeros, `v:` with a value and a
    /// length. `None` if it is dense.
    pub fn text(self) -> Option<String> {
        let text = |Run { value, length, size }: Run| match (value, size) {
            (0, 1) => format!("z:{length}"),
            (0, _) => format!("Z:{length}"),
            _ => format!("v:{value},{length}"),
        };
        (!self.is_dense).then(|| runs(self.body()).map(text).collect::<Vec<_>>().join(" "))
    }

    /// What has to be written to a dense one so that a register has a value at least; `None` if it has.
    pub fn dense_patch(self, place: Place) -> Option<Patch> {
        let (cell, registers) = (Cell::of(place.index), self.body());
        let is_lower = self.is_dense && cell.get(registers) < place.value;
        is_lower.then(|| Patch {
            offset: HEADER_BYTES + cell.at,
            bytes: cell.with(registers, place.value),
            length: cell.length,
        })
    }

    /// What has to be written so that it says that its count is not up to date; `None` if it does.
    pub fn stale_patch(self) -> Option<Patch> {
        let highest = self.bytes[STALE_AT];
        let is_kept = highest & STALE == 0;
        is_kept.then_some(Patch { offset: STALE_AT, bytes: [highest | STALE, 0], length: 1 })
    }
}

/// Where the estimate is kept, and as which bytes.
pub const fn kept(estimate: i64) -> (usize, [u8; 8]) {
    (COUNT_AT, estimate.to_le_bytes())
}

/// One or two bytes to be written.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    /// Where.
    pub offset: usize,
    bytes: [u8; 2],
    length: usize,
}

impl Patch {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A HyperLogLog that is being made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft(Vec<u8>);

impl Draft {
    /// One that has seen nothing.
    pub fn empty() -> Self {
        let mut bytes = [&MAGIC[..], &[SPARSE]].concat();
        bytes.resize(HEADER_BYTES, 0);
        Run::write(0, REGISTERS, &mut bytes);
        Self(bytes)
    }

    /// A copy.
    pub fn of(sketch: Sketch<'_>) -> Self {
        Self(sketch.bytes.to_vec())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sketch(&self) -> Sketch<'_> {
        Sketch { bytes: &self.0, is_dense: self.0[ENCODING_AT] == DENSE }
    }

    /// The count is not up to date from now on.
    pub fn make_stale(&mut self) {
        self.0[STALE_AT] |= STALE;
    }

    /// Gives each register bits of its own; false if they have them.
    ///
    /// # Errors
    /// [`Fault::Corrupted`], and nothing was changed.
    pub fn make_dense(&mut self) -> Result<bool, Fault> {
        if self.sketch().is_dense {
            return Ok(false);
        }
        let mut registers = Registers::new();
        self.sketch().raise(&mut registers)?;
        self.0[ENCODING_AT] = DENSE;
        self.pack(&registers);
        Ok(true)
    }

    /// Replaces what is behind the header by registers.
    fn pack(&mut self, registers: &Registers) {
        let three = |values: &[u8; 4]| {
            let bits = values.iter().rev().fold(0, |bits, value| bits << REGISTER_BITS | u32::from(*value));
            let [first, second, third, _] = bits.to_le_bytes();
            [first, second, third]
        };
        self.0.truncate(HEADER_BYTES);
        self.0.extend(registers.0.as_chunks::<4>().0.iter().flat_map(three));
    }

    /// Gives a register a value at least; false if it has that. More than `longest` bytes are too many for runs.
    ///
    /// # Errors
    /// [`Fault::Corrupted`]
    pub fn raise(&mut self, place: Place, longest: usize) -> Result<bool, Fault> {
        if !self.sketch().is_dense {
            match self.raise_in_runs(place, longest)? {
                Raised::No => return Ok(false),
                Raised::Yes => return Ok(true),
                Raised::NoRoom => self.make_dense()?,
            };
        }
        let patch = self.sketch().dense_patch(place);
        if let Some(patch) = patch {
            self.0[patch.offset..][..patch.length].copy_from_slice(patch.bytes());
        }
        Ok(patch.is_some())
    }

    /// Gives its registers these values, none of which is lower than its own. More than `longest` bytes are too many for runs.
    ///
    /// # Errors
    /// [`Fault::Corrupted`]
    pub fn raise_all(&mut self, registers: &Registers, longest: usize) -> Result<(), Fault> {
        if self.sketch().is_dense {
            self.pack(registers);
            return Ok(());
        }
        for (index, &value) in registers.0.iter().enumerate().filter(|(_, value)| **value > 0) {
            self.raise(Place { index, value }, longest)?;
        }
        Ok(())
    }

    fn raise_in_runs(&mut self, Place { index, value }: Place, longest: usize) -> Result<Raised, Fault> {
        if value > HIGHEST_IN_RUN {
            return Ok(Raised::NoRoom);
        }
        // Where the run before begins, where the register's own does, and with which register.
        let (mut before, mut at, mut first) = (HEADER_BYTES, HEADER_BYTES, 0);
        let run = loop {
            let run = Run::first(&self.0[at..]).ok_or(Fault::Corrupted)?;
            if index < first + run.length {
                break run;
            }
            (before, at, first) = (at, at + run.size, first + run.length);
        };
        if run.value >= value {
            return Ok(Raised::No);
        }
        let mut made = Vec::with_capacity(5);
        Run::write(run.value, index - first, &mut made);
        Run::write(value, 1, &mut made);
        Run::write(run.value, first + run.length - 1 - index, &mut made);
        if made.len() > run.size && self.0.len() + made.len() - run.size > longest {
            return Ok(Raised::NoRoom);
        }
        self.0.splice(at..at + run.size, made);
        self.join_runs(before);
        Ok(Raised::Yes)
    }

    /// Joins runs of the same value among the five from here on, those that come to be by it included.
    fn join_runs(&mut self, mut at: usize) {
        const LOOKED_AT: usize = 5;
        for _ in 0..LOOKED_AT {
            let Some(run) = self.0.get(at..).and_then(Run::first) else { return };
            let next = Run::first(&self.0[at + run.size..]);
            let joins = |next: &Run| next.value == run.value && run.length + next.length <= LONGEST_OF_VALUE;
            match next.filter(|next| run.value > 0 && joins(next)) {
                Some(next) => {
                    let mut joined = Vec::with_capacity(1);
                    Run::write(run.value, run.length + next.length, &mut joined);
                    self.0.splice(at..at + run.size + next.size, joined);
                }
                None => at += run.size,
            }
        }
    }
}

/// What became of a register in runs.
enum Raised {
    /// It had the value.
    No,
    Yes,
    /// Runs cannot say it, or not in as many bytes as they may have.
    NoRoom,
}

/// Tries out what is written here: registers keep what they are given, and estimates are as good as they are said to be.
///
/// # Errors
/// What was found to be wrong.
pub fn self_test(random: &Random) -> Result<(), String> {
    const ROUNDS: usize = 20;
    const ELEMENTS: u64 = 1_000_000;
    let mut dense = Draft::empty();
    dense.make_dense().map_err(|fault| format!("an empty one is {fault:?}"))?;
    for _ in 0..ROUNDS {
        let values: Vec<u8> = (0..REGISTERS).map(|_| random.below(64) as u8).collect();
        for (index, value) in values.iter().enumerate() {
            let cell = Cell::of(index);
            let bytes = cell.with(&dense.0[HEADER_BYTES..], *value);
            dense.0[HEADER_BYTES + cell.at..][..cell.length].copy_from_slice(&bytes[..cell.length]);
        }
        let kept = |(index, value): (usize, &u8)| Cell::of(index).get(&dense.0[HEADER_BYTES..]) == *value;
        if let Some(index) = values.iter().enumerate().position(|pair| !kept(pair)) {
            return Err(format!("register {index} does not keep its value"));
        }
    }
    // One that is dense from the beginning, and one that becomes it.
    let (mut dense, mut sparse) = (Draft::empty(), Draft::empty());
    dense.make_dense().map_err(|fault| format!("an empty one is {fault:?}"))?;
    let mut checked_at = 1;
    let seed = random.next_u64();
    for number in 1..=ELEMENTS {
        let place = Place::of(&(seed ^ number).to_le_bytes());
        let raised = [dense.raise(place, 0), sparse.raise(place, 3000)];
        if raised[0] != raised[1] || raised[0].is_err() {
            return Err(format!("element {number} is not the same to both encodings"));
        }
        if number != checked_at {
            continue;
        }
        checked_at *= 10;
        let [estimate, other] = [dense.sketch().estimate(), sparse.sketch().estimate()];
        if estimate != other {
            return Err(format!("after {number} elements the encodings differ"));
        }
        let error = estimate.unwrap_or(-1).abs_diff(number as i64) as f64;
        // Six times the standard error, and a collision or two among few.
        if error > (number as f64 * 6.0 * 1.04 / (REGISTERS as f64).sqrt()).max(2.0) {
            return Err(format!("after {number} elements the estimate is {estimate:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LONGEST: usize = 3000;

    fn sketch_of(elements: impl IntoIterator<Item = u64>, is_dense: bool) -> Draft {
        let mut draft = Draft::empty();
        if is_dense {
            draft.make_dense().unwrap();
        }
        for element in elements {
            draft.raise(Place::of(&element.to_le_bytes()), LONGEST).unwrap();
        }
        draft
    }

    // What PFDEBUG DECODE and GET of Redis 8.0.2 answered after PFADD a b c.
    #[test]
    fn runs_and_bytes_are_those_of_a_real_server() {
        let mut draft = Draft::empty();
        for element in [b"a", b"b", b"c"] {
            draft.raise(Place::of(element), LONGEST).unwrap();
        }
        draft.make_stale();
        let text = draft.sketch().text().unwrap();
        assert_eq!(text, "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603");
        let bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a";
        assert_eq!(draft.bytes(), bytes);
        assert_eq!(draft.sketch().estimate(), Ok(3));
        assert_eq!(Draft::empty().bytes(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    }

    #[test]
    fn it_tries_itself_out() {
        assert_eq!(self_test(&Random::from_seed(7)), Ok(()));
    }

    #[test]
    fn registers_that_nothing_can_have_come_to_have_no_estimate() {
        let mut draft = Draft::empty();
        draft.make_dense().unwrap();
        draft.pack(&Registers(Box::new([HIGHEST_REGISTER; REGISTERS])));
        assert_eq!(draft.sketch().estimate(), Ok(i64::MIN));
    }

    /// A HyperLogLog with a few bytes changed, added or taken away.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let whole = (vec(any::<u64>(), 0..400), any::<bool>())
            .prop_map(|(elements, is_dense)| sketch_of(elements, is_dense).0);
        let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
        (whole, vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
            for (at, byte, kind) in changes {
                let at = at.index(bytes.len().max(1)).min(bytes.len());
                match kind {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 => bytes.truncate(at.max(HEADER_BYTES)),
                    _ => bytes.insert(at, byte),
                }
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn both_encodings_see_the_same(elements in vec(any::<u64>(), 0..2000)) {
            let (sparse, dense) = (sketch_of(elements.clone(), false), sketch_of(elements.clone(), true));
            prop_assert_eq!(sparse.sketch().estimate(), dense.sketch().estimate());
            let [mut first, mut second] = [Registers::new(), Registers::new()];
            sparse.sketch().raise(&mut first).unwrap();
            dense.sketch().raise(&mut second).unwrap();
            prop_assert_eq!(&first, &second);
            prop_assert_eq!(first.estimate(), dense.sketch().estimate().unwrap());
            let mut made_dense = sparse;
            made_dense.make_dense().unwrap();
            prop_assert_eq!(&made_dense, &dense);
            for element in elements {
                prop_assert!(dense.sketch().dense_patch(Place::of(&element.to_le_bytes())).is_none());
            }
        }

        #[test]
        fn what_was_tampered_with_is_refused_or_understood(bytes in mutated(), elements in vec(any::<u64>(), 1..4)) {
            let Ok(sketch) = Sketch::of(&bytes) else { return Ok(()) };
            let _ = sketch.text();
            let mut registers = Registers::new();
            let estimate = sketch.estimate();
            prop_assert_eq!(sketch.raise(&mut registers).is_ok(), estimate.is_ok());
            prop_assert!(estimate.is_err() || estimate == Ok(registers.estimate()));
            let mut draft = Draft::of(sketch);
            for element in elements {
                let raised = draft.raise(Place::of(&element.to_le_bytes()), LONGEST);
                prop_assert!(raised.is_ok() || estimate.is_err(), "what is whole takes every element");
                prop_assert!(draft.bytes().len() <= bytes.len().max(DENSE_BYTES) + 3);
            }
            let is_whole = draft.sketch().estimate().is_ok();
            prop_assert!(is_whole || estimate.is_err(), "what is whole stays whole");
            prop_assert_eq!(draft.make_dense().is_ok(), is_whole);
        }
    }
}
