//! The numbers of the ways in which a value is written. Redis writes those without a remark; all others were written by an earlier one.

pub(super) const STRING: u8 = 0;
/// Elements as strings: before 3.2.
pub(super) const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
/// Members as strings, scores as text: before 4.0.
pub(super) const ZSET_TEXT: u8 = 3;
pub(super) const HASH: u8 = 4;
pub(super) const ZSET: u8 = 5;
/// Before 2.6.
pub(super) const HASH_ZIPMAP: u8 = 9;
/// Before 3.2.
pub(super) const LIST_ZIPLIST: u8 = 10;
pub(super) const SET_INTSET: u8 = 11;
/// Before 7.0.
pub(super) const ZSET_ZIPLIST: u8 = 12;
/// Before 7.0.
pub(super) const HASH_ZIPLIST: u8 = 13;
/// Ziplists in a row: before 7.0.
pub(super) const LIST_QUICKLIST: u8 = 14;
/// Before 7.0.
pub(super) const STREAM: u8 = 15;
pub(super) const HASH_LISTPACK: u8 = 16;
pub(super) const ZSET_LISTPACK: u8 = 17;
/// Listpacks and single elements in a row.
pub(super) const LIST_QUICKLIST_2: u8 = 18;
/// Before 7.2.
pub(super) const STREAM_2: u8 = 19;
pub(super) const SET_LISTPACK: u8 = 20;
pub(super) const STREAM_3: u8 = 21;
/// Before the release of 7.4.
pub(super) const HASH_TIMED_EARLY: u8 = 22;
/// Before the release of 7.4.
pub(super) const HASH_TIMED_LISTPACK_EARLY: u8 = 23;
pub(super) const HASH_TIMED: u8 = 24;
pub(super) const HASH_TIMED_LISTPACK: u8 = 25;

/// A module's, before 4.0.
pub(super) const MODULE_EARLY: u8 = 6;
/// A module's.
pub(super) const MODULE: u8 = 7;

/// In a file of Valkey 9: a hash whose fields have deadlines. Redis had the number for [`HASH_TIMED_EARLY`].
pub(super) const HASH_TIMED_OF_VALKEY: u8 = 22;

/// What a part of a [`LIST_QUICKLIST_2`] is.
pub(super) mod part {
    /// One element.
    pub(in crate::rdb) const PLAIN: u64 = 1;
    /// A listpack.
    pub(in crate::rdb) const PACKED: u64 = 2;
}

/// What the upper two bits of a length's first byte say.
pub(super) mod length {
    /// The other six bits are the length.
    pub(in crate::rdb) const SIX: u8 = 0;
    /// With the next byte, big-endian.
    pub(in crate::rdb) const FOURTEEN: u8 = 1;
    /// The whole byte is one of the two that follow.
    pub(in crate::rdb) const WIDE: u8 = 2;
    /// Not a length: the other six bits say how a string is written.
    pub(in crate::rdb) const SPECIAL: u8 = 3;

    /// The next four bytes, big-endian.
    pub(in crate::rdb) const FOUR_BYTES: u8 = 0x80;
    /// The next eight bytes, big-endian.
    pub(in crate::rdb) const EIGHT_BYTES: u8 = 0x81;
}

/// How a string is written that is not just its length and its bytes.
pub(super) mod special {
    /// The text of an integer, as one of 1, 2 or 4 bytes.
    pub(in crate::rdb) const INTEGER_1: u8 = 0;
    pub(in crate::rdb) const INTEGER_2: u8 = 1;
    pub(in crate::rdb) const INTEGER_4: u8 = 2;
    /// Its compressed length, its length, and so many bytes of LZF.
    pub(in crate::rdb) const LZF: u8 = 3;
}
