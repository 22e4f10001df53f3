//! Strings as bits: SETBIT, BITCOUNT, BITOP, BITFIELD and their kin.
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes as SharedBytes;

use super::{Args, Command, Flags, Group, KeySpec, Late, Read, Spec, Write, table};
use crate::engine::Engine;
use crate::number;
use crate::tx::{Deadline, Tx, View};
pub use crate::types::bitmap::BitOperation;
use crate::types::bitmap::{self, Window};
use crate::types::{IntBuffer, StrRef};
use crate::{Error, Reply, Result};

table! {
    read BitCount, write BitField, read BitFieldRo, write BitOp, read BitPos, read GetBit, write SetBit,
}

const BITMAP: Spec = Spec { group: Group::Bitmap, ..Spec::EMPTY };

const BAD_OFFSET: &str = "ERR bit offset is not an integer or out of range";

/// The place of a bit, counted from the highest one of the first byte. How far it may be is for the store to say.
fn offset(word: &[u8]) -> Result<u64> {
    let offset = number::parse_i64(word).and_then(|offset| u64::try_from(offset).ok());
    offset.ok_or(Error::refused(BAD_OFFSET))
}

/// Refuses a bit that would be past the longest string.
fn check_offset(offset: u64, engine: &Engine) -> Result<()> {
    if offset / 8 < engine.config().max_bulk_length() as u64 {
        Ok(())
    } else {
        Err(Error::refused(BAD_OFFSET))
    }
}

/// `SETBIT key offset value`
#[derive(Clone, Debug)]
pub struct SetBit<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which bit, from the highest one of the first byte.
    pub offset: u64,
    /// What it is to be.
    pub bit: Late<bool>,
}

impl<'a> Command<'a> for SetBit<'a> {
    const SPEC: Spec = Spec {
        name: "SETBIT",
        arity: 4,
        since: "2.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "update"])],
        summary: "Sets or clears a bit of a string, growing it with zeros where it is too short.",
        syntax: "key offset value",
        ..BITMAP
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (key, offset) = (args.bytes()?, offset(args.bytes()?)?);
        let bit = args.int_where(|bit| bit == 0 || bit == 1, "ERR bit is not an integer or out of range");
        Ok(SetBit { key, offset, bit: bit.map(|bit| bit == 1) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        check_offset(self.offset, engine)?;
        self.bit.clone().map(drop)
    }
}

impl<'a> Write<'a> for SetBit<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<bool> {
        let bit = self.bit.clone()?;
        let mut string = db.string_mut(self.key)?;
        let mut buffer = IntBuffer::new();
        let bytes = string.get().as_slice(&mut buffer);
        let mut window = Window::of(bytes, self.offset, 1);
        let (old, grows) = (window.get() == 1, window.range().end > bytes.len());
        if old == bit && !grows {
            string.make_raw()?;
            return Ok(old);
        }
        window.set(u64::from(bit));
        window.with_bytes(|bytes| string.write_at(window.range().start, bytes))?;
        string.note(CHANGED);
        Ok(old)
    }
}

/// What every command that changes bits in place calls it.
const CHANGED: &str = "setbit";

/// `GETBIT key offset`
#[derive(Clone, Debug)]
pub struct GetBit<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which bit, from the highest one of the first byte.
    pub offset: u64,
}

impl<'a> Command<'a> for GetBit<'a> {
    const SPEC: Spec = Spec {
        name: "GETBIT",
        arity: 3,
        since: "2.2.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Returns a bit of a string; those past its end are zero.",
        syntax: "key offset",
        ..BITMAP
    };
    type Reply = bool;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(GetBit { key: args.bytes()?, offset: offset(args.bytes()?)? })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        check_offset(self.offset, engine)
    }
}

impl<'a> Read<'a> for GetBit<'a> {
    fn read(&self, db: &View<'_>) -> Result<bool> {
        let Some(string) = db.string(self.key)? else { return Ok(false) };
        Ok(Window::of(string.as_slice(&mut IntBuffer::new()), self.offset, 1).get() == 1)
    }
}

/// What the places of a [`BitRange`] are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BitUnit {
    /// `BYTE`
    #[default]
    Byte,
    /// `BIT`
    Bit,
}

/// A part of a string. Negative places count from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitRange {
    /// The first byte or bit.
    pub start: i64,
    /// The last one, itself included; `None` for the string's end.
    pub end: Option<i64>,
    /// Which of them.
    pub unit: BitUnit,
}

impl BitRange {
    /// From one byte to another, both included.
    pub const fn bytes(start: i64, end: i64) -> Self {
        Self { start, end: Some(end), unit: BitUnit::Byte }
    }

    /// From one bit to another, both included.
    pub const fn bits(start: i64, end: i64) -> Self {
        Self { start, end: Some(end), unit: BitUnit::Bit }
    }

    /// From a byte to the end.
    pub const fn from_byte(start: i64) -> Self {
        Self { start, end: None, unit: BitUnit::Byte }
    }

    /// Reads `[BYTE | BIT]`, all words that are left.
    fn parse_unit(args: &mut Args<'_>) -> Result<BitUnit> {
        let unit = if args.is_empty() || args.take("BYTE") {
            BitUnit::Byte
        } else if args.take("BIT") {
            BitUnit::Bit
        } else {
            return Err(Error::Syntax);
        };
        args.finish()?;
        Ok(unit)
    }

    /// The bits of a string of so many bytes; none if the range is empty.
    fn resolve(self, length: usize) -> Range<u64> {
        let bits_each = match self.unit {
            BitUnit::Byte => 8,
            BitUnit::Bit => 1,
        };
        let total = length as i64 * 8 / bits_each;
        let place = |at: i64| if at < 0 { total.saturating_add(at).max(0) } else { at };
        let (start, end) = (place(self.start), place(self.end.unwrap_or(-1)).min(total - 1));
        if start > end { 0..0 } else { (start * bits_each) as u64..((end + 1) * bits_each) as u64 }
    }
}

/// `BITCOUNT key [start end [BYTE | BIT]]`
#[derive(Clone, Debug)]
pub struct BitCount<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Which part of the string; `None` for all of it.
    pub range: Option<BitRange>,
}

impl<'a> Command<'a> for BitCount<'a> {
    const SPEC: Spec = Spec {
        name: "BITCOUNT",
        arity: -2,
        since: "2.6.0",
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Counts the bits of a string that are set.",
        complexity: "O(N), N being the number of bytes looked at",
        syntax: "key [start end [BYTE | BIT]]",
        ..BITMAP
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        if args.is_empty() {
            return Ok(BitCount { key, range: None });
        }
        // Redis counts the words before it understands them.
        if !(2..=3).contains(&args.remaining()) {
            return Err(Error::Syntax);
        }
        let (start, end) = (args.int()?, args.int()?);
        let unit = BitRange::parse_unit(args)?;
        Ok(BitCount { key, range: Some(BitRange { start, end: Some(end), unit }) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for BitCount<'a> {
    fn read(&self, db: &View<'_>) -> Result<usize> {
        let Some(string) = db.string(self.key)? else { return Ok(0) };
        let mut buffer = IntBuffer::new();
        let bytes = string.as_slice(&mut buffer);
        let counted = match self.range {
            None => bitmap::count(bytes),
            // Two negative places in the wrong order are nothing, before either is moved into the string.
            Some(BitRange { start, end: Some(end), .. }) if end < start && start < 0 => 0,
            Some(range) => bitmap::count_in(bytes, &range.resolve(bytes.len())),
        };
        Ok(counted as usize)
    }
}

/// `BITPOS key bit [start [end [BYTE | BIT]]]`
#[derive(Clone, Debug)]
pub struct BitPos<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is looked for.
    pub bit: bool,
    /// Where; `None` for the whole string.
    pub range: Option<BitRange>,
}

/// `BITPOS`'s answer: where the bit is, -1 if it is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitPlace(pub Option<u64>);

impl From<BitPlace> for Reply {
    fn from(place: BitPlace) -> Self {
        Reply::Integer(place.0.map_or(-1, |place| place as i64))
    }
}

impl<'a> Command<'a> for BitPos<'a> {
    const SPEC: Spec = Spec {
        name: "BITPOS",
        arity: -3,
        since: "2.8.7",
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Finds the first bit of a string that is set, or is not.",
        complexity: "O(N), N being the number of bytes looked at",
        syntax: "key bit [start [end [BYTE | BIT]]]",
        ..BITMAP
    };
    type Reply = BitPlace;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let key = args.bytes()?;
        let bit = match args.int()? {
            0 => false,
            1 => true,
            _ => return Err(Error::refused("ERR The bit argument must be 1 or 0.")),
        };
        if args.is_empty() {
            return Ok(BitPos { key, bit, range: None });
        }
        if args.remaining() > 3 {
            return Err(Error::Syntax);
        }
        let start = args.int()?;
        let end = if args.is_empty() { None } else { Some(args.many(1)?) };
        // Redis looks at the unit before it understands the end.
        let unit = BitRange::parse_unit(args)?;
        let end = end.map(|words| Args::new(words).int()).transpose()?;
        Ok(BitPos { key, bit, range: Some(BitRange { start, end, unit }) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }
}

impl<'a> Read<'a> for BitPos<'a> {
    fn read(&self, db: &View<'_>) -> Result<BitPlace> {
        let Some(string) = db.string(self.key)? else {
            // Nothing at all is zeros without an end.
            return Ok(BitPlace((!self.bit).then_some(0)));
        };
        let mut buffer = IntBuffer::new();
        let bytes = string.as_slice(&mut buffer);
        let bits = self.range.unwrap_or(BitRange::from_byte(0)).resolve(bytes.len());
        let found = bitmap::find_in(bytes, self.bit, &bits);
        // Unless somebody said where the string ends, zeros come after it.
        let is_endless = self.range.is_none_or(|range| range.end.is_none()) && !bits.is_empty();
        Ok(BitPlace(found.or_else(|| (is_endless && !self.bit).then_some(bits.end))))
    }
}

impl BitOperation {
    const TOKENS: [(&str, Self); 8] = [
        ("AND", Self::And),
        ("OR", Self::Or),
        ("XOR", Self::Xor),
        ("NOT", Self::Not),
        ("DIFF", Self::Diff),
        ("DIFF1", Self::Diff1),
        ("ANDOR", Self::AndOr),
        ("ONE", Self::One),
    ];

    fn take(args: &mut Args<'_>) -> Result<Self> {
        args.take_one_of(Self::TOKENS).ok_or(Error::Syntax)
    }

    /// Refuses a number of keys that the operation makes no sense of.
    fn check_keys(self, count: usize) -> Result<()> {
        let compares =
            |token: &str| format!("ERR BITOP {token} must be called with at least two source keys.").into();
        match self {
            Self::Not if count != 1 => {
                Err(Error::refused("ERR BITOP NOT must be called with a single source key."))
            }
            Self::Diff if count < 2 => Err(Error::Refused(compares("DIFF"))),
            Self::Diff1 if count < 2 => Err(Error::Refused(compares("DIFF1"))),
            Self::AndOr if count < 2 => Err(Error::Refused(compares("ANDOR"))),
            _ => Ok(()),
        }
    }
}

/// `BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]`
#[derive(Clone, Debug)]
pub struct BitOp<'a> {
    /// What becomes of bits at the same place.
    pub operation: BitOperation,
    /// Where the result goes.
    pub destination: &'a [u8],
    /// The strings that are combined.
    pub keys: Cow<'a, [&'a [u8]]>,
}

impl<'a> Command<'a> for BitOp<'a> {
    const SPEC: Spec = Spec {
        name: "BITOP",
        arity: -4,
        since: "2.6.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::range(&["OW", "update"], 2, 0, 1), KeySpec::range(&["RO", "access"], 3, -1, 1)],
        summary: "Combines strings bit by bit and stores the result.",
        complexity: "O(N), N being the number of bytes of all the strings",
        syntax: "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
        ..BITMAP
    };
    type Reply = usize;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(BitOp {
            operation: BitOperation::take(args)?,
            destination: args.bytes()?,
            keys: args.rest().into(),
        })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.destination);
        self.keys.iter().for_each(|key| visit(key));
    }

    fn check(&self, _: &Engine) -> Result<()> {
        self.operation.check_keys(self.keys.len())
    }
}

impl<'a> Write<'a> for BitOp<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<usize> {
        let view = db.view().counting();
        let strings =
            self.keys.iter().map(|key| Ok(view.string(key)?.map(StrRef::to_bytes).unwrap_or_default()));
        let strings: Vec<_> = strings.collect::<Result<_>>()?;
        let slices: Vec<&[u8]> = strings.iter().map(|string| &**string).collect();
        let combined = SharedBytes::from(bitmap::combine(self.operation, &slices));
        if combined.is_empty() {
            db.remove(self.destination)?;
        } else {
            db.set_string(self.destination, StrRef::raw(&combined), Deadline::Clear)?;
        }
        Ok(combined.len())
    }
}

/// How wide an integer among bits is, and whether it has a sign: `i16`, `u8`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldType {
    bits: u32,
    is_signed: bool,
}

impl fmt::Debug for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_signed { 'i' } else { 'u' }, self.bits)
    }
}

impl FieldType {
    const REFUSAL: &str =
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

    fn new(bits: i64, is_signed: bool) -> Result<Self> {
        let widest = if is_signed { 64 } else { 63 };
        if (1..=widest).contains(&bits) {
            Ok(Self { bits: bits as u32, is_signed })
        } else {
            Err(Error::refused(Self::REFUSAL))
        }
    }

    /// An integer with a sign, of 1 to 64 bits.
    ///
    /// # Errors
    /// Redis's refusal of other widths.
    pub fn signed(bits: u32) -> Result<Self> {
        Self::new(i64::from(bits), true)
    }

    /// An integer without a sign, of 1 to 63 bits.
    ///
    /// # Errors
    /// Redis's refusal of other widths.
    pub fn unsigned(bits: u32) -> Result<Self> {
        Self::new(i64::from(bits), false)
    }

    fn parse(word: &[u8]) -> Result<Self> {
        let (is_signed, bits) = match word {
            [b'i', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => return Err(Error::refused(Self::REFUSAL)),
        };
        Self::new(number::parse_i64(bits).unwrap_or(0), is_signed)
    }

    /// The field at a bit.
    pub const fn at(self, offset: u64) -> Field {
        Field { field_type: self, offset }
    }

    /// `#`: the field after so many of the same width.
    pub const fn nth(self, index: u64) -> Field {
        // Redis's product is one of 64 bits too, and what is past them is lost.
        self.at(index.wrapping_mul(self.bits as u64))
    }

    /// The bits as the number that they mean here.
    const fn read(self, bits: u64) -> i64 {
        let unused = u64::BITS - self.bits;
        if self.is_signed { (bits << unused).cast_signed() >> unused } else { bits.cast_signed() }
    }

    /// What becomes of a number that may not fit; `None` if it is not to be stored.
    fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (lowest, highest) = self.limits();
        let nearest = number.clamp(lowest, highest);
        match overflow {
            _ if nearest == number => Some(number as i64),
            Overflow::Wrap => Some(self.read(number as u64 & (u64::MAX >> (u64::BITS - self.bits)))),
            Overflow::Saturate => Some(nearest as i64),
            Overflow::Fail => None,
        }
    }

    /// The lowest number and the highest.
    const fn limits(self) -> (i128, i128) {
        let half = 1 << (self.bits - 1);
        if self.is_signed { (-half, half - 1) } else { (0, 2 * half - 1) }
    }
}

/// An integer among the bits of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    field_type: FieldType,
    offset: u64,
}

impl Field {
    /// Reads `encoding offset`.
    fn take(args: &mut Args<'_>) -> Result<Self> {
        let (field_type, place) = (FieldType::parse(args.bytes()?)?, args.bytes()?);
        let field = match place.strip_prefix(b"#") {
            Some(index) => field_type.nth(offset(index)?),
            None => field_type.at(offset(place)?),
        };
        // A product of 64 bits has a sign for Redis.
        if field.offset > i64::MAX as u64 { Err(Error::refused(BAD_OFFSET)) } else { Ok(field) }
    }

    const fn with(self, action: FieldAction) -> FieldOperation {
        FieldOperation { field: self, action, overflow: Overflow::Wrap }
    }

    /// `GET`: answers with the integer.
    pub const fn get(self) -> FieldOperation {
        self.with(FieldAction::Get)
    }

    /// `SET`: replaces the integer and answers with what it was.
    pub const fn set(self, value: i64) -> FieldOperation {
        self.with(FieldAction::Set(value))
    }

    /// `INCRBY`: adds to the integer and answers with the sum.
    pub const fn incr_by(self, increment: i64) -> FieldOperation {
        self.with(FieldAction::IncrBy(increment))
    }

    fn window(self, string: &[u8]) -> Window {
        Window::of(string, self.offset, self.field_type.bits)
    }

    fn read(self, string: StrRef<'_>) -> i64 {
        self.field_type.read(self.window(string.as_slice(&mut IntBuffer::new())).get())
    }

    /// Where the string must end at least to have the whole of it.
    const fn end_byte(self) -> usize {
        (self.offset + self.field_type.bits as u64).div_ceil(8) as usize
    }
}

/// What is done with a [`Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldAction {
    Get,
    Set(i64),
    IncrBy(i64),
}

/// `OVERFLOW`: what becomes of an integer that does not fit its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// `WRAP`: its low bits are stored.
    #[default]
    Wrap,
    /// `SAT`: the nearest integer that fits is stored.
    Saturate,
    /// `FAIL`: nothing is stored.
    Fail,
}

impl Overflow {
    fn take(args: &mut Args<'_>) -> Result<Self> {
        const MODES: [(&str, Overflow); 3] =
            [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
        args.take_one_of(MODES).ok_or(Error::refused("ERR Invalid OVERFLOW type specified"))
    }
}

/// One of the things that `BITFIELD` does; made by [`Field::get`], [`Field::set`] and [`Field::incr_by`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldOperation {
    field: Field,
    action: FieldAction,
    overflow: Overflow,
}

impl FieldOperation {
    /// `OVERFLOW`: what becomes of an integer that does not fit. They wrap around unless this says otherwise.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// What is stored, if anything, when this was there.
    fn stored(self, old: i64) -> Option<i64> {
        let field_type = self.field.field_type;
        let number = match self.action {
            FieldAction::Get => return None,
            FieldAction::Set(value) if self.is_far_below(value) => return Some(field_type.limits().1 as i64),
            // Without a sign a negative number is a very big one.
            FieldAction::Set(value) if field_type.is_signed => i128::from(value),
            FieldAction::Set(value) => i128::from(value.cast_unsigned()),
            FieldAction::IncrBy(increment) => i128::from(old) + i128::from(increment),
        };
        field_type.fit(number, self.overflow)
    }

    /// Whether a number is so low that Redis, whose difference to the highest overflows, takes it for one above it.
    fn is_far_below(self, value: i64) -> bool {
        let FieldType { bits, is_signed } = self.field.field_type;
        let difference = self.field.field_type.limits().1 - i128::from(value);
        self.overflow == Overflow::Saturate && is_signed && bits < 64 && difference > i128::from(i64::MAX)
    }
}

/// What `BITFIELD` and `BITFIELD_RO` have after their key.
#[derive(Clone, Debug)]
pub struct FieldOperations<'a> {
    /// In order.
    pub operations: Cow<'a, [FieldOperation]>,
    /// Why the words after these mean nothing. What is wrong with an earlier one is refused first.
    pub rest: Late<()>,
}

impl<'a> FieldOperations<'a> {
    /// These, and nothing after them.
    pub fn new(operations: impl Into<Cow<'a, [FieldOperation]>>) -> Self {
        Self { operations: operations.into(), rest: Ok(()) }
    }

    /// Reads all words that are left.
    fn parse(args: &mut Args<'_>) -> Self {
        let (mut operations, mut overflow) = (Vec::new(), Overflow::Wrap);
        let mut next = || {
            if args.take_with("GET", 2) {
                operations.push(Field::take(args)?.get());
            } else if args.take_with("SET", 3) {
                operations.push(Field::take(args)?.set(args.int()?).overflow(overflow));
            } else if args.take_with("INCRBY", 3) {
                operations.push(Field::take(args)?.incr_by(args.int()?).overflow(overflow));
            } else if args.take_with("OVERFLOW", 1) {
                overflow = Overflow::take(args)?;
            } else {
                return args.finish().map(|()| false);
            }
            Ok(true)
        };
        let rest = loop {
            match next() {
                Ok(true) => {}
                other => break other.map(drop),
            }
        };
        Self { operations: operations.into(), rest }
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        self.operations.iter().try_for_each(|operation| check_offset(operation.field.offset, engine))?;
        self.rest.clone()
    }

    fn are_reads(&self) -> bool {
        self.operations.iter().all(|operation| operation.action == FieldAction::Get)
    }

    fn read(&self, db: &View<'_>, key: &[u8]) -> Result<Vec<Option<i64>>> {
        let string = db.string(key)?.unwrap_or(StrRef::text(&[]));
        Ok(self.operations.iter().map(|operation| Some(operation.field.read(string))).collect())
    }
}

/// `BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset
/// increment> ...]`
#[derive(Clone, Debug)]
pub struct BitField<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is done, in order.
    pub operations: FieldOperations<'a>,
}

impl<'a> Command<'a> for BitField<'a> {
    const SPEC: Spec = Spec {
        name: "BITFIELD",
        arity: -2,
        since: "3.2.0",
        flags: Flags::DENYOOM,
        keys: &[KeySpec::first(&["RW", "access", "update", "variable_flags"])
            .noting("This command allows both access and modification of the key")],
        summary: "Reads, replaces and adds to integers of any width among the bits of a string.",
        complexity: "O(1) for each integer",
        syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                 <SET encoding offset value | INCRBY encoding offset increment> ...]",
        ..BITMAP
    };
    type Reply = Vec<Option<i64>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(BitField { key: args.bytes()?, operations: FieldOperations::parse(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        self.operations.check(engine)
    }
}

impl<'a> Write<'a> for BitField<'a> {
    fn write(&self, db: &mut Tx<'_>) -> Result<Vec<Option<i64>>> {
        if self.operations.are_reads() {
            return self.operations.read(&db.view().counting(), self.key);
        }
        let operations = &*self.operations.operations;
        let written = operations.iter().filter(|operation| operation.action != FieldAction::Get);
        let end = written.map(|operation| operation.field.end_byte()).max().unwrap_or(0);
        let mut string = db.string_mut(self.key)?;
        // Redis makes room first, and keeps it even if nothing is stored in the end.
        let grows = end > string.get().len();
        string.make_raw()?;
        string.grow(end)?;
        let mut is_changed = false;
        let mut answers = Vec::with_capacity(operations.len());
        for operation in operations {
            let old = operation.field.read(string.get());
            let new = operation.stored(old);
            answers.push(match operation.action {
                FieldAction::Get => Some(old),
                FieldAction::Set(_) => new.map(|_| old),
                FieldAction::IncrBy(_) => new,
            });
            let Some(new) = new else { continue };
            if new != old {
                let mut window = operation.field.window(string.get().as_slice(&mut IntBuffer::new()));
                window.set(new.cast_unsigned());
                window.with_bytes(|bytes| string.write_at(window.range().start, bytes))?;
            }
            is_changed |= grows || new != old;
        }
        if is_changed {
            string.note(CHANGED);
        }
        Ok(answers)
    }
}

/// `BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]`
#[derive(Clone, Debug)]
pub struct BitFieldRo<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is read, in order.
    pub operations: FieldOperations<'a>,
}

impl<'a> Command<'a> for BitFieldRo<'a> {
    const SPEC: Spec = Spec {
        name: "BITFIELD_RO",
        arity: -2,
        since: "6.0.0",
        flags: Flags::FAST,
        keys: &[KeySpec::first(&["RO", "access"])],
        summary: "Reads integers of any width among the bits of a string.",
        complexity: "O(1) for each integer",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        ..BITMAP
    };
    type Reply = Vec<Option<i64>>;

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(BitFieldRo { key: args.bytes()?, operations: FieldOperations::parse(args) })
    }

    fn keys(&self, visit: &mut impl FnMut(&'a [u8])) {
        visit(self.key);
    }

    fn check(&self, engine: &Engine) -> Result<()> {
        self.operations.check(engine)?;
        if self.operations.are_reads() {
            Ok(())
        } else {
            Err(Error::refused("ERR BITFIELD_RO only supports the GET subcommand"))
        }
    }
}

impl<'a> Read<'a> for BitFieldRo<'a> {
    fn read(&self, db: &View<'_>) -> Result<Vec<Option<i64>>> {
        self.operations.read(db, self.key)
    }
}
