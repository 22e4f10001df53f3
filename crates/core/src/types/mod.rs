//! The data structures behind the types. They know elements, and nothing of keys, clocks, replies or logs.
pub mod array;
pub mod bitmap;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod lcs;
pub mod list;
pub mod listpack;
pub mod set;
pub mod stream;
pub mod string;
pub mod value;
pub mod vector_image;
#[cfg(feature = "vector-sets")]
pub mod vector_set;
pub mod zset;

mod packed_table;
mod pieces;
mod rank_tree;
mod scored_member;
mod timed;

pub use array::Array;
pub use hash::Hash;
pub use list::List;
pub use listpack::{Element, Spelled};
pub(crate) use rank_tree::compare_scores;
pub use set::Set;
pub use stream::{Stream, StreamId};
pub use string::{IntBuffer, Str, StrRef};
pub(crate) use timed::Alarm;
pub(crate) use value::Expiring;
pub use value::{Collection, Type, Value, ValueRef};
#[cfg(feature = "vector-sets")]
pub use vector_set::VectorSet;
pub use zset::ZSet;

use crate::HashSeed;

/// When the packed form of a small collection gives way to the form for big ones, under the names of Redis's parameters,
/// and how members are hashed there.
#[derive(Clone, Debug)]
pub struct TypeSettings {
    /// `hash-max-listpack-entries`: fields.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or a value.
    pub hash_max_listpack_value: usize,
    /// `list-max-listpack-size`: elements in a packed part of a list, or if negative a class of sizes in bytes.
    pub list_max_listpack_size: i64,
    /// `set-max-intset-entries`: members, all of them integers.
    pub set_max_intset_entries: usize,
    /// `set-max-listpack-entries`: members.
    pub set_max_listpack_entries: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub set_max_listpack_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub zset_max_listpack_value: usize,
    /// `stream-node-max-bytes`: bytes of a packed part of a stream; 0 for no limit.
    pub stream_node_max_bytes: usize,
    /// `stream-node-max-entries`: entries of one; 0 for no limit.
    pub stream_node_max_entries: usize,
    /// The hash function of the big forms.
    pub hash_seed: HashSeed,
}

impl TypeSettings {
    /// Redis 8.0's defaults.
    pub fn new(hash_seed: HashSeed) -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hash_seed,
        }
    }
}

impl Default for TypeSettings {
    /// With a hash function that everybody knows: for tests and tools.
    fn default() -> Self {
        Self::new(HashSeed::new(0))
    }
}

/// How a value is kept, in the words of `OBJECT ENCODING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A string that is an integer.
    Int,
    /// A short string.
    Embstr,
    /// A string.
    Raw,
    /// A small collection, packed in one piece.
    Listpack,
    /// The same, whose elements have or had deadlines.
    ListpackEx,
    /// A list of packed pieces.
    Quicklist,
    /// A small set of integers, packed and sorted.
    Intset,
    /// A hash table.
    Hashtable,
    /// Members by name and by rank.
    Skiplist,
    /// Entries in packed pieces.
    Stream,
    /// Elements by index, in runs of places.
    SlicedArray,
}

impl Encoding {
    /// Redis's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
            Encoding::Listpack => "listpack",
            Encoding::ListpackEx => "listpackex",
            Encoding::Quicklist => "quicklist",
            Encoding::Intset => "intset",
            Encoding::Hashtable => "hashtable",
            Encoding::Skiplist => "skiplist",
            Encoding::Stream => "stream",
            Encoding::SlicedArray => "sliced-array",
        }
    }
}
