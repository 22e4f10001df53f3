//! A key with its value, its deadline and when it was last used, in one allocation.
//!
//! ```text
//! | use, form | key length | value length | deadline, timer | number or pointer | key ... | value ... |
//!   4 bytes     1 or 4       0, 1 or 2      0 or 12           0 or 8
//! ```
//!
//! The form says which of them are there. A string of 10 bytes at a key of 11 takes 27 bytes, an integer 24, and a lookup
//! touches nothing else once the table has led it here. Bytes lie beside the key up to [`SHORT_MAX`]; longer ones and
//! collections are pointed to.
//!
//! An entry is a block of its database's heap and cannot give itself back: whoever takes one out of the table calls
//! [`Entry::free`] or [`Entry::into_value`]. The tests compare an entry with a plain struct.
#![expect(
    unsafe_code,
    reason = "one allocation an entry: half the memory of a struct with a boxed key, one cache miss less"
)]
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::UnixMs;
use crate::extendible::{Tagged, TaggedPointer, prefetch};
use crate::heap::{self, Block, Heap};
use crate::types::string::{SHORT_MAX, Shared};
use crate::types::{Collection, Expiring, Hash, Set, Str, StrRef, Type, Value, ValueRef};
use crate::wheel::TimerId;

/// What a shard's table holds: a pointer to the one allocation.
///
/// The block is as big as [`Shape::size`] says of the form and lengths in its own header; every function that changes
/// one of them changes the other.
pub(crate) struct Entry(TaggedPointer);

/// What an entry may point to can be sent and shared.
const _: () = {
    const fn check<T: Send + Sync>() {}
    check::<Shared>();
    check::<Value>();
};

// SAFETY: an entry owns what it points to, and all of that may be sent: bytes, `Shared`, collections.
unsafe impl Send for Entry {}
// SAFETY: through a shared reference only the word of use changes, which is atomic.
unsafe impl Sync for Entry {}

/// The deadline, and the wheel's node, at or before it. A deadline that moves away keeps its node: it is set anew when the
/// node fires.
pub(crate) type Timing = (UnixMs, Option<TimerId>);

/// What a new entry or one with another value is to hold.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    String(StrRef<'a>),
    Value(Value),
}

/// The high byte of the first word. Its lower half is a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form(u8);

impl Form {
    const KIND: u8 = 0x0f;
    const TIMED: u8 = 0x10;
    const LONG_KEY: u8 = 0x20;
    const LONG_VALUE: u8 = 0x40;
    /// Which kind of block it is.
    const PAGED: u8 = 0x80;

    // Kinds: bytes, bytes that were changed in place, an integer, `Shared`, collections.
    const BYTES: u8 = 0;
    const RAW: u8 = 1;
    const INT: u8 = 2;
    const SHARED: u8 = 3;

    const fn kind(self) -> u8 {
        self.0 & Self::KIND
    }

    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// The kind of a collection of this type.
    const fn of(of_type: Type) -> u8 {
        Self::SHARED + of_type as u8
    }

    const fn key_length_bytes(self) -> usize {
        if self.has(Self::LONG_KEY) { 4 } else { 1 }
    }

    const fn value_length_bytes(self) -> usize {
        match self.kind() {
            Self::BYTES | Self::RAW if self.has(Self::LONG_VALUE) => 2,
            Self::BYTES | Self::RAW => 1,
            _ => 0,
        }
    }

    const fn value_length_at(self) -> usize {
        USE_BYTES + self.key_length_bytes()
    }

    const fn timing_at(self) -> usize {
        self.value_length_at() + self.value_length_bytes()
    }

    /// Where the number or pointer is, if the kind has one.
    const fn word_at(self) -> usize {
        self.timing_at() + if self.has(Self::TIMED) { TIMING_BYTES } else { 0 }
    }

    const fn key_at(self) -> usize {
        self.word_at() + if self.value_length_bytes() == 0 { WORD_BYTES } else { 0 }
    }

    /// The same, for lookups.
    #[inline]
    fn key_at_quickly(self) -> usize {
        usize::from(Self::KEY_AT[usize::from(self.0) % Self::KEY_AT.len()])
    }

    const KEY_AT: [u8; Self::PAGED as usize] = {
        let mut table = [0; Self::PAGED as usize];
        let mut form = 0;
        while form < table.len() {
            table[form] = Self(form as u8).key_at() as u8;
            form += 1;
        }
        table
    };
}

const USE_BYTES: usize = size_of::<u32>();
const WORD_BYTES: usize = size_of::<u64>();
const TIMING_BYTES: usize = size_of::<u64>() + size_of::<u32>();
/// How many bits of the first word tell of use.
const USE_BITS: u32 = 24;
/// The longest key: Redis refuses words of 512 MB, and so does a command before it comes here.
const KEY_MAX: usize = u32::MAX as usize;

/// What an allocation's size follows from.
#[derive(Clone, Copy)]
struct Shape {
    form: Form,
    key_length: usize,
    value_length: usize,
}

impl Shape {
    fn new(kind: u8, timed: bool, key_length: usize, value_length: usize) -> Self {
        assert!(key_length <= KEY_MAX, "a key has at most 4 GiB");
        debug_assert!(value_length <= SHORT_MAX, "longer values are shared");
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let form = kind
            | flag(timed, Form::TIMED)
            | flag(key_length > usize::from(u8::MAX), Form::LONG_KEY)
            | flag(value_length > usize::from(u8::MAX), Form::LONG_VALUE);
        Self { form: Form(form), key_length, value_length }
    }

    const fn size(self) -> usize {
        self.form.key_at() + self.key_length + self.value_length
    }
}

/// A value in the form in which an entry has it.
#[derive(Clone, Copy)]
enum Payload<'a> {
    Bytes {
        bytes: &'a [u8],
        raw: bool,
    },
    Int(i64),
    /// To what the kind says, in a box that the entry owns.
    Pointer(u8, NonNull<()>),
}

impl<'a> Payload<'a> {
    fn kind(self) -> u8 {
        match self {
            Payload::Bytes { raw: false, .. } => Form::BYTES,
            Payload::Bytes { raw: true, .. } => Form::RAW,
            Payload::Int(_) => Form::INT,
            Payload::Pointer(kind, _) => kind,
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Payload::Bytes { bytes, .. } => bytes,
            Payload::Int(_) | Payload::Pointer(..) => &[],
        }
    }

    /// A string that is not owned yet; a long one is copied or shared.
    fn of_string(string: StrRef<'a>) -> Self {
        match string {
            StrRef::Int(number) => Payload::Int(number),
            StrRef::Short { bytes, raw } if bytes.len() <= SHORT_MAX => Payload::Bytes { bytes, raw },
            long => match long.to_owned() {
                Str::Shared(shared) => Self::pointer(Form::SHARED, shared),
                Str::Int(_) | Str::Short { .. } => unreachable!("it is long"),
            },
        }
    }

    /// Shows content as a payload to `body`, which must put it into an entry: what it points to is given away.
    fn give<T>(content: Content<'_>, body: impl FnOnce(Payload<'_>) -> T) -> T {
        let payload = match content {
            Content::String(string) => Payload::of_string(string),
            Content::Value(Value::String(Str::Shared(shared))) => Payload::pointer(Form::SHARED, shared),
            Content::Value(Value::String(string)) => return body(Payload::of_string(string.as_ref())),
            Content::Value(Value::List(list)) => Payload::pointer(LIST, list),
            Content::Value(Value::Hash(hash)) => Payload::pointer(HASH, hash),
            Content::Value(Value::Set(set)) => Payload::pointer(SET, set),
            Content::Value(Value::ZSet(zset)) => Payload::pointer(ZSET, zset),
            Content::Value(Value::Stream(stream)) => Payload::pointer(STREAM, stream),
            Content::Value(Value::Array(array)) => Payload::pointer(ARRAY, array),
            #[cfg(feature = "vector-sets")]
            Content::Value(Value::VectorSet(set)) => Payload::pointer(VECTOR_SET, set),
        };
        body(payload)
    }

    /// A pointer to something that the entry owns from now on.
    fn pointer<T>(kind: u8, boxed: Box<T>) -> Self {
        Payload::Pointer(kind, NonNull::from(Box::leak(boxed)).cast())
    }
}

impl Entry {
    /// An entry without a deadline.
    pub(crate) fn new(heap: &mut Heap, key: &[u8], content: Content<'_>, access: u32) -> Self {
        Payload::give(content, |payload| Self::allocate(heap, key, payload, None, access))
    }

    fn allocate(
        heap: &mut Heap,
        key: &[u8],
        payload: Payload<'_>,
        timing: Option<Timing>,
        access: u32,
    ) -> Self {
        let bytes = payload.bytes();
        let shape = Shape::new(payload.kind(), timing.is_some(), key.len(), bytes.len());
        let Block { address: start, is_paged } = heap.allocate(shape.size());
        let entry = Self(TaggedPointer::new(start, 0));
        let form = shape.form.0 | if is_paged { Form::PAGED } else { 0 };
        // SAFETY: everything written here lies within `shape.size()` bytes, which were just allocated, aligned for the
        // first word; lengths fit where `Shape::new` says so. `key` and `bytes` cannot be in memory that is new.
        unsafe {
            let first = (u32::from(form) << USE_BITS) | (access & ((1 << USE_BITS) - 1));
            start.cast::<u32>().write(first);
            entry.write_lengths(shape);
            if let Some(timing) = timing {
                entry.write_timing(shape.form, timing);
            }
            entry.write_word(shape.form, payload);
            let key_start = start.add(shape.form.key_at());
            key_start.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            key_start.add(key.len()).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        entry
    }

    /// # Safety
    /// The allocation is as big as `shape` says.
    unsafe fn write_lengths(&self, shape: Shape) {
        let (form, start) = (shape.form, self.start());
        // SAFETY: the lengths' places are within the shape, as the caller promises.
        unsafe {
            if form.has(Form::LONG_KEY) {
                start.add(USE_BYTES).cast::<u32>().write_unaligned(shape.key_length as u32);
            } else {
                start.add(USE_BYTES).write(shape.key_length as u8);
            }
            let at = start.add(form.value_length_at());
            match form.value_length_bytes() {
                0 => {}
                1 => at.write(shape.value_length as u8),
                _ => at.cast::<u16>().write_unaligned(shape.value_length as u16),
            }
        }
    }

    /// # Safety
    /// The allocation has this form, and it is a timed one.
    unsafe fn write_timing(&self, form: Form, (deadline, timer): Timing) {
        let word = timer.map_or(0, TimerId::to_bits);
        // SAFETY: a timed form has 12 bytes there.
        unsafe {
            let at = self.start().add(form.timing_at()).cast::<u64>();
            at.write_unaligned(deadline.0 as u64);
            at.add(1).cast::<u32>().write_unaligned(word);
        }
    }

    /// The allocation.
    #[inline]
    fn start(&self) -> NonNull<u8> {
        self.0.address()
    }

    /// Takes the place of this entry, which points to nothing, with its tag.
    fn become_another(&mut self, heap: &mut Heap, mut other: Self) {
        other.set_tag(self.tag());
        std::mem::replace(self, other).free_block(heap);
    }

    /// Gives the block back. What is pointed to is not.
    fn free_block(self, heap: &mut Heap) {
        let shape = self.shape();
        let block = Block { address: self.start(), is_paged: shape.form.has(Form::PAGED) };
        // SAFETY: the block was allocated for the size that its own shape has, and the entry is gone.
        unsafe { heap.free(block, shape.size()) }
    }

    /// Ends an entry. Returns what was pointed to, to be dropped when no lock is held.
    pub(crate) fn free(mut self, heap: &mut Heap) -> Option<Value> {
        let value = self.take_pointed();
        self.free_block(heap);
        value
    }

    #[inline]
    fn first(&self) -> &AtomicU32 {
        // SAFETY: every allocation begins with it, aligned for it, and nobody writes there in any other way.
        unsafe { self.start().cast::<AtomicU32>().as_ref() }
    }

    #[inline]
    fn form(&self) -> Form {
        Form((self.first().load(Ordering::Relaxed) >> USE_BITS) as u8)
    }

    #[inline]
    fn key_length(&self, form: Form) -> usize {
        // SAFETY: the form is the allocation's own, so the length is there in so many bytes.
        unsafe {
            let at = self.start().add(USE_BYTES);
            if form.has(Form::LONG_KEY) {
                at.cast::<u32>().read_unaligned() as usize
            } else {
                usize::from(at.read())
            }
        }
    }

    #[inline]
    fn value_length(&self, form: Form) -> usize {
        // SAFETY: as for the key's length.
        unsafe {
            let at = self.start().add(form.value_length_at());
            match form.value_length_bytes() {
                0 => 0,
                1 => usize::from(at.read()),
                _ => usize::from(at.cast::<u16>().read_unaligned()),
            }
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let form = self.form();
        Shape { form, key_length: self.key_length(form), value_length: self.value_length(form) }
    }

    #[inline]
    fn key_in(&self, form: Form) -> &[u8] {
        let at = form.key_at_quickly();
        // SAFETY: the form and the length are the allocation's own; the key's bytes were written when it was made, and are
        // only written again through `&mut self`.
        unsafe { NonNull::slice_from_raw_parts(self.start().add(at), self.key_length(form)).as_ref() }
    }

    /// Whether this is the entry of `key`. Its second cache line, where most values end, is asked for before the first has
    /// come: a tenth of the time of a GET or SET in a big store.
    #[inline]
    pub(crate) fn is_of(&self, key: &[u8]) -> bool {
        self.prefetch_at(64);
        self.key() == key
    }

    /// Asks for the cache line of the block's byte at `offset`.
    #[inline]
    fn prefetch_at(&self, offset: usize) {
        prefetch(self.start(), offset);
    }

    /// The key.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.key_in(self.form())
    }

    /// Writes the number or pointer, if the payload is one.
    ///
    /// # Safety
    /// The allocation has this form, and the form is of the payload's kind.
    unsafe fn write_word(&self, form: Form, payload: Payload<'_>) {
        // SAFETY: forms of these kinds have 8 bytes there, and a pointer needs no more.
        unsafe {
            let at = self.start().add(form.word_at());
            match payload {
                Payload::Bytes { .. } => {}
                Payload::Int(number) => at.cast::<i64>().write_unaligned(number),
                Payload::Pointer(_, pointer) => at.cast::<NonNull<()>>().write_unaligned(pointer),
            }
        }
    }

    /// The number.
    ///
    /// # Safety
    /// The form is the entry's own, and of the kind that has one.
    #[inline]
    unsafe fn number(&self, form: Form) -> i64 {
        // SAFETY: such a form has 8 bytes there, written by `write_word`.
        unsafe { self.start().add(form.word_at()).cast::<i64>().read_unaligned() }
    }

    /// What is pointed to.
    ///
    /// # Safety
    /// The form is the entry's own, and of the kind that points to a `T`.
    #[inline]
    unsafe fn pointer<T>(&self, form: Form) -> NonNull<T> {
        // SAFETY: such a form has a pointer there, written by `write_word` and made of a box by `Payload::pointer`.
        unsafe { self.start().add(form.word_at()).cast::<NonNull<T>>().read_unaligned() }
    }

    fn set_form(&mut self, form: Form) {
        let used = self.access();
        self.first().store(u32::from(form.0) << USE_BITS | used, Ordering::Relaxed);
    }

    /// The box of what is pointed to.
    ///
    /// # Safety
    /// As for [`Entry::pointer`]; and from then on the pointer is written over or never looked at again.
    unsafe fn boxed<T>(&self, form: Form) -> Box<T> {
        // SAFETY: it was a box before; the caller sees to it that there is no second one.
        unsafe { Box::from_raw(self.pointer(form).as_ptr()) }
    }

    /// The value.
    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn value(&self) -> ValueRef<'_> {
        let form = self.form();
        match form.kind() {
            kind @ (Form::BYTES | Form::RAW) => {
                // SAFETY: the value's bytes follow the key's, as many as the length says.
                let bytes = unsafe {
                    let start = self.start().add(form.key_at_quickly() + self.key_length(form));
                    NonNull::slice_from_raw_parts(start, self.value_length(form)).as_ref()
                };
                ValueRef::String(StrRef::Short { bytes, raw: kind == Form::RAW })
            }
            // SAFETY: each kind has what it is named for, and the box lives as long as the entry.
            kind => unsafe {
                match kind {
                    Form::INT => ValueRef::String(StrRef::Int(self.number(form))),
                    Form::SHARED => {
                        ValueRef::String(StrRef::Shared(self.pointer::<Shared>(form).as_ref().bytes()))
                    }
                    LIST => ValueRef::List(self.pointer(form).as_ref()),
                    HASH => ValueRef::Hash(self.pointer(form).as_ref()),
                    SET => ValueRef::Set(self.pointer(form).as_ref()),
                    ZSET => ValueRef::ZSet(self.pointer(form).as_ref()),
                    STREAM => ValueRef::Stream(self.pointer(form).as_ref()),
                    ARRAY => ValueRef::Array(self.pointer(form).as_ref()),
                    #[cfg(feature = "vector-sets")]
                    VECTOR_SET => ValueRef::VectorSet(self.pointer(form).as_ref()),
                    _ => unreachable!("no entry is made of another kind"),
                }
            },
        }
    }

    /// The value, if its elements may have deadlines.
    pub(super) fn expiring_mut(&mut self) -> Option<&mut dyn Expiring> {
        let form = self.form();
        match form.kind() {
            // SAFETY: the kind points to what it is named for, and the entry is borrowed for as long as that is.
            HASH => Some(unsafe { self.pointer::<Hash>(form).as_mut() }),
            // SAFETY: as above.
            SET => Some(unsafe { self.pointer::<Set>(form).as_mut() }),
            _ => None,
        }
    }

    /// Takes out what is pointed to, leaving the number 0; `None` if the value lies in the entry itself.
    pub(super) fn take_pointed(&mut self) -> Option<Value> {
        let form = self.form();
        // SAFETY: each kind points to what it is named for, and the word is written over below.
        let value = unsafe {
            match form.kind() {
                Form::SHARED => Value::String(Str::Shared(self.boxed(form))),
                LIST => Value::List(self.boxed(form)),
                HASH => Value::Hash(self.boxed(form)),
                SET => Value::Set(self.boxed(form)),
                ZSET => Value::ZSet(self.boxed(form)),
                STREAM => Value::Stream(self.boxed(form)),
                ARRAY => Value::Array(self.boxed(form)),
                #[cfg(feature = "vector-sets")]
                VECTOR_SET => Value::VectorSet(self.boxed(form)),
                _ => return None,
            }
        };
        self.forget_pointer(form);
        Some(value)
    }

    /// Makes a pointer the number 0.
    fn forget_pointer(&mut self, form: Form) {
        let form = Form(form.0 & !Form::KIND | Form::INT);
        // SAFETY: a form with a pointer has its 8 bytes where the same form with a number has them.
        unsafe { self.write_word(form, Payload::Int(0)) }
        self.set_form(form);
    }

    /// Replaces the value, keeping the deadline. Returns what was pointed to, to be dropped when no lock is held.
    #[inline]
    pub(crate) fn replace(&mut self, heap: &mut Heap, content: Content<'_>) -> Option<Value> {
        match content {
            Content::String(StrRef::Short { bytes, raw }) if self.overwrite(bytes, raw) => return None,
            Content::String(StrRef::Int(number)) if self.overwrite_number(number) => return None,
            _ => {}
        }
        let old = self.take_pointed();
        Payload::give(content, |payload| self.set_payload(heap, payload));
        old
    }

    /// Writes bytes over as many bytes; false if the value is something else.
    #[inline]
    fn overwrite(&mut self, bytes: &[u8], raw: bool) -> bool {
        let form = self.form();
        if !matches!(form.kind(), Form::BYTES | Form::RAW) || self.value_length(form) != bytes.len() {
            return false;
        }
        // SAFETY: the value's bytes follow the key's, as many as the length says, and nobody else looks at them.
        unsafe {
            let start = self.start().add(form.key_at_quickly() + self.key_length(form));
            start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        let now_form = Form(form.0 & !Form::KIND | if raw { Form::RAW } else { Form::BYTES });
        if now_form != form {
            self.set_form(now_form);
        }
        true
    }

    /// Writes a number over another; false if the value is something else.
    #[inline]
    fn overwrite_number(&mut self, number: i64) -> bool {
        let form = self.form();
        let is_number = form.kind() == Form::INT;
        if is_number {
            // SAFETY: a form of this kind has 8 bytes there.
            unsafe { self.write_word(form, Payload::Int(number)) }
        }
        is_number
    }

    /// Writes a value over one that is not pointed to.
    fn set_payload(&mut self, heap: &mut Heap, payload: Payload<'_>) {
        let old = self.shape();
        debug_assert!(matches!(old.form.kind(), Form::BYTES | Form::RAW | Form::INT), "nothing is leaked");
        let bytes = payload.bytes();
        let mut new = Shape::new(payload.kind(), old.form.has(Form::TIMED), old.key_length, bytes.len());
        if new.form.key_at() != old.form.key_at()
            || new.form.value_length_bytes() != old.form.value_length_bytes()
            || heap::rounded(new.size()) != heap::rounded(old.size())
        {
            let other = Self::allocate(heap, self.key(), payload, self.timing(), self.access());
            self.become_another(heap, other);
            return;
        }
        new.form.0 |= old.form.0 & Form::PAGED;
        // SAFETY: the block has room for the new size too, and with the same places for lengths and key its key and timing
        // stand where they stood.
        unsafe {
            self.write_lengths(new);
            let value_start = self.start().add(new.form.key_at() + new.key_length);
            value_start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            self.write_word(new.form, payload);
        }
        self.set_form(new.form);
    }

    /// The collection; `None` if the value is of another type.
    #[inline]
    pub(super) fn collection<T: Collection>(&self) -> Option<&T> {
        let form = self.form();
        // SAFETY: that kind points to a `T`, which lives as long as the entry.
        (form.kind() == Form::of(T::TYPE)).then(|| unsafe { self.pointer(form).as_ref() })
    }

    /// The collection to change; `None` if the value is of another type.
    #[inline]
    pub(super) fn collection_mut<T: Collection>(&mut self) -> Option<&mut T> {
        let form = self.form();
        // SAFETY: that kind points to a `T`, which nobody else sees: it is reached through the entry, which is borrowed.
        (form.kind() == Form::of(T::TYPE)).then(|| unsafe { self.pointer(form).as_mut() })
    }

    /// Changes a string; `None` if the value is of another type. A panic in `change` leaves what it made of the string.
    pub(crate) fn change_string<T>(
        &mut self,
        heap: &mut Heap,
        change: impl FnOnce(&mut Str) -> T,
    ) -> Option<T> {
        struct PutBack<'e>(&'e mut Entry, &'e mut Heap, Option<Str>);

        impl Drop for PutBack<'_> {
            fn drop(&mut self) {
                let string = self.2.take().unwrap_or(Str::Int(0));
                self.0.replace(self.1, Content::Value(Value::String(string)));
            }
        }

        let string = self.take_string()?;
        let mut taken = PutBack(self, heap, Some(string));
        taken.2.as_mut().map(change)
    }

    /// Takes a string out, leaving a number where it was pointed to.
    fn take_string(&mut self) -> Option<Str> {
        let form = self.form();
        if form.kind() == Form::SHARED {
            // SAFETY: that kind points to `Shared`, and the pointer is written over at once.
            let shared = unsafe { self.boxed(form) };
            self.forget_pointer(form);
            return Some(Str::Shared(shared));
        }
        match self.value() {
            ValueRef::String(string) => Some(string.to_owned()),
            _ => None,
        }
    }

    /// The value with what it owns, without its key. Ends the entry.
    pub(crate) fn into_value(mut self, heap: &mut Heap) -> Value {
        let value = match self.take_pointed() {
            Some(value) => value,
            None => self.value().to_owned(),
        };
        self.free_block(heap);
        value
    }

    /// What the block takes.
    pub(super) fn block_bytes(&self) -> usize {
        let shape = self.shape();
        Heap::bytes_for(shape.size(), shape.form.has(Form::PAGED))
    }

    /// What is pointed to takes so much. O(1).
    #[inline]
    pub(super) fn pointed_bytes(&self) -> usize {
        let form = self.form();
        match form.kind() {
            ..Form::SHARED => 0,
            // SAFETY: that kind points to `Shared`.
            Form::SHARED => unsafe { self.pointer::<Shared>(form).as_ref() }.allocated_bytes(),
            _ => self.value().collection_bytes(),
        }
    }

    /// What the entry takes with what it points to, counted anew element by element.
    pub(crate) fn recounted_bytes(&self) -> usize {
        let pointed = match self.value() {
            ValueRef::String(_) => self.pointed_bytes(),
            collection => collection.recounted_collection_bytes(),
        };
        self.block_bytes() + pointed
    }

    /// The deadline and its timer.
    pub(crate) fn timing(&self) -> Option<Timing> {
        let form = self.form();
        if !form.has(Form::TIMED) {
            return None;
        }
        // SAFETY: a timed form has 12 bytes there, written by `write_timing`.
        let (deadline, timer) = unsafe {
            let at = self.start().add(form.timing_at()).cast::<u64>();
            (at.read_unaligned(), at.add(1).cast::<u32>().read_unaligned())
        };
        Some((UnixMs(deadline as i64), TimerId::from_bits(timer)))
    }

    /// The last moment at which the key is alive.
    pub(crate) fn deadline(&self) -> Option<UnixMs> {
        self.timing().map(|(deadline, _)| deadline)
    }

    /// The wheel's node.
    pub(crate) fn timer(&self) -> Option<TimerId> {
        self.timing().and_then(|(_, timer)| timer)
    }

    /// Gives the entry a deadline with its timer, or takes them away.
    pub(crate) fn set_timing(&mut self, heap: &mut Heap, timing: Option<Timing>) {
        let old = self.shape();
        match timing {
            Some(timing) if old.form.has(Form::TIMED) => {
                // SAFETY: the form is the entry's own, and a timed one.
                unsafe { self.write_timing(old.form, timing) }
            }
            None if !old.form.has(Form::TIMED) => {}
            timing => {
                let pointed = self.take_pointed();
                let access = self.access();
                let payload = match self.value() {
                    ValueRef::String(StrRef::Short { bytes, raw }) => Payload::Bytes { bytes, raw },
                    ValueRef::String(StrRef::Int(number)) => Payload::Int(number),
                    _ => unreachable!("what is pointed to was taken out"),
                };
                let mut moved = Self::allocate(heap, self.key(), payload, timing, access);
                if let Some(value) = pointed {
                    moved.replace(heap, Content::Value(value));
                }
                self.become_another(heap, moved);
            }
        }
    }

    /// Redis's boundary is inclusive: alive while now <= deadline. The clock is read only if there is a deadline.
    #[expect(clippy::inline_always, reason = "a call here costs a GET a tenth of its time")]
    #[inline(always)]
    pub(crate) fn is_alive(&self, now: impl FnOnce() -> UnixMs) -> bool {
        !self.form().has(Form::TIMED) || self.deadline().is_none_or(|deadline| now() <= deadline)
    }

    /// When or how often the key was used, in 24 bits: seconds under an LRU policy, Redis's 16-bit minutes and 8-bit
    /// counter under an LFU policy.
    #[inline]
    pub(crate) fn access(&self) -> u32 {
        self.first().load(Ordering::Relaxed) & ((1 << USE_BITS) - 1)
    }

    /// Sets what [`Entry::access`] gives; reads do so under a read lock. Writes only what differs, so that reading a hot key
    /// leaves its cache line shared.
    #[inline]
    pub(crate) fn stamp(&self, access: u32) {
        let before = self.first().load(Ordering::Relaxed);
        // The form cannot have changed meanwhile: that takes `&mut self`.
        let after = before & !((1 << USE_BITS) - 1) | access & ((1 << USE_BITS) - 1);
        if before != after {
            self.first().store(after, Ordering::Relaxed);
        }
    }
}

impl Tagged for Entry {
    #[inline]
    fn tag_word(&self) -> u32 {
        self.0.tag_word()
    }

    fn set_tag(&mut self, tag: u16) {
        self.0 = TaggedPointer::new(self.start(), tag);
    }

    #[inline]
    fn prefetch(&self) {
        self.prefetch_at(0);
    }
}

const LIST: u8 = Form::of(Type::List);
const HASH: u8 = Form::of(Type::Hash);
const SET: u8 = Form::of(Type::Set);
const ZSET: u8 = Form::of(Type::ZSet);
const STREAM: u8 = Form::of(Type::Stream);
const ARRAY: u8 = Form::of(Type::Array);
#[cfg(feature = "vector-sets")]
const VECTOR_SET: u8 = Form::of(Type::VectorSet);
const _: () = assert!(ARRAY < Form::KIND, "the kinds fit into their half of the byte");

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key().escape_ascii().to_string())
            .field("value", &self.value())
            .field("timing", &self.timing())
            .field("access", &self.access())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Hash, List, TypeSettings, ZSet};
    use crate::wheel::Wheel;

    /// What an entry is, without a trick.
    #[derive(Debug)]
    struct Plain {
        key: Vec<u8>,
        value: Value,
        timing: Option<Timing>,
        access: u32,
    }

    impl Plain {
        fn check(&self, entry: &Entry) {
            assert_eq!(entry.key(), self.key);
            assert_eq!(entry.value(), self.value.as_ref());
            assert_eq!(entry.value().encoding(), self.value.as_ref().encoding());
            assert_eq!(entry.timing(), self.timing);
            assert_eq!(entry.access(), self.access);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Replace(Value),
        ReplaceBorrowed(Value),
        Time(Option<i64>, bool),
        Stamp(u32),
        PushToList(Vec<u8>),
        Append(Vec<u8>),
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        // Around the limits at which lengths need another form.
        let length = prop_oneof![
            4 => 0_usize..30,
            1 => 60_usize..70,
            1 => 250_usize..260,
            1 => SHORT_MAX - 2..SHORT_MAX + 3,
        ];
        length.prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length))
    }

    fn value() -> impl Strategy<Value = Value> {
        let settings = TypeSettings::default();
        let element = proptest::collection::vec(bytes(), 1..4);
        let list = element.prop_map(move |elements| {
            let mut list = Box::<List>::default();
            elements.iter().for_each(|element| list.push_back(element, &settings));
            Value::List(list)
        });
        let settings = TypeSettings::default();
        let hash = (bytes(), bytes()).prop_map(move |(field, value)| {
            let mut hash = Box::<Hash>::default();
            hash.insert(&field, &value, &settings);
            Value::Hash(hash)
        });
        let settings = TypeSettings::default();
        let zset = (bytes(), -5.0..5.0).prop_map(move |(member, score)| {
            let mut zset = Box::<ZSet>::default();
            zset.insert(&member, score, &settings);
            Value::ZSet(zset)
        });
        prop_oneof![
            4 => bytes().prop_map(|bytes| Value::String(StrRef::text(&bytes).to_owned())),
            2 => any::<i64>().prop_map(|number| Value::String(Str::Int(number))),
            1 => bytes().prop_map(|bytes| {
                let mut string = Str::empty();
                string.append(&bytes);
                Value::String(string)
            }),
            1 => list,
            1 => hash,
            1 => zset,
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => value().prop_map(Step::Replace),
            4 => value().prop_map(Step::ReplaceBorrowed),
            2 => (proptest::option::of(any::<i64>()), any::<bool>()).prop_map(|(at, timer)| Step::Time(at, timer)),
            1 => (0_u32..1 << USE_BITS).prop_map(Step::Stamp),
            1 => bytes().prop_map(Step::PushToList),
            1 => bytes().prop_map(Step::Append),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_is_what_a_plain_struct_is(
            key in bytes(), first in value(), others in prop::sample::select(vec![0, 200]),
            steps in proptest::collection::vec(step(), 0..20),
        ) {
            let (mut wheel, mut heap) = (Wheel::new(), Heap::new());
            // The block may be one of either kind.
            let others: Vec<Entry> = (0..others)
                .map(|_| Entry::new(&mut heap, &key, Content::Value(first.clone()), 0))
                .collect();
            let mut plain = Plain { key, value: first, timing: None, access: 7 };
            let mut entry = Entry::new(&mut heap, &plain.key, Content::Value(plain.value.clone()), plain.access);
            plain.check(&entry);
            for step in steps {
                match step {
                    Step::Replace(value) => {
                        entry.replace(&mut heap, Content::Value(value.clone()));
                        plain.value = value;
                    }
                    Step::ReplaceBorrowed(Value::String(string)) => {
                        entry.replace(&mut heap, Content::String(string.as_ref()));
                        plain.value = Value::String(string);
                    }
                    Step::ReplaceBorrowed(_) => {}
                    Step::Time(at, timer) => {
                        plain.timing = at.map(|at| (UnixMs(at), timer.then(|| wheel.schedule(UnixMs(at), ())).flatten()));
                        entry.set_timing(&mut heap, plain.timing);
                    }
                    Step::Stamp(access) => {
                        entry.stamp(access);
                        plain.access = access;
                    }
                    Step::PushToList(bytes) => match (entry.collection_mut::<List>(), &mut plain.value) {
                        (Some(list), Value::List(kept)) => {
                            let settings = TypeSettings::default();
                            list.push_back(&bytes, &settings);
                            kept.push_back(&bytes, &settings);
                            assert_eq!(entry.collection(), Some(&**kept));
                        }
                        (None, Value::List(_)) | (Some(_), _) => panic!("it gives lists and nothing else"),
                        (None, _) => {}
                    },
                    Step::Append(bytes) => {
                        let appended = entry.change_string(&mut heap, |string| {
                            string.append(&bytes);
                            string.clone()
                        });
                        if let Some(string) = appended {
                            plain.value = Value::String(string);
                        }
                    }
                }
                plain.check(&entry);
            }
            prop_assert_eq!(entry.into_value(&mut heap), plain.value);
            others.into_iter().for_each(|other| drop(other.free(&mut heap)));
            prop_assert_eq!((heap.used_bytes(), heap.page_bytes()), (0, 0));
        }
    }

    // The sizes that the memory of a million keys comes down to.
    #[test]
    fn a_small_entry_has_four_bytes_of_use_and_a_byte_for_each_length() {
        let size = |key: &[u8], value: &[u8]| {
            let mut heap = Heap::new();
            let entry = Entry::new(&mut heap, key, Content::String(StrRef::from_bytes(value)), 0);
            let size = entry.shape().size();
            entry.free(&mut heap);
            size
        };
        assert_eq!(size(b"key:0000001", b"0123456789"), 4 + 1 + 1 + 11 + 10);
        assert_eq!(size(b"key:0000001", b"12345"), 4 + 1 + 8 + 11);
        assert_eq!(size(&[b'k'; 300], &[b'v'; 300]), 4 + 4 + 2 + 300 + 300);
        assert_eq!(size(b"key:0000001", &[b'v'; SHORT_MAX + 1]), 4 + 1 + 8 + 11);
    }

    #[test]
    fn a_key_longer_than_a_byte_can_say_is_kept_whole() {
        let key = vec![b'k'; 1 << 20];
        let mut heap = Heap::new();
        let mut entry = Entry::new(&mut heap, &key, Content::String(StrRef::Int(5)), 0);
        entry.set_timing(&mut heap, Some((UnixMs(9), None)));
        entry.replace(&mut heap, Content::String(StrRef::text(b"five")));
        assert_eq!((entry.key(), entry.deadline()), (&key[..], Some(UnixMs(9))));
        entry.free(&mut heap);
    }
}
