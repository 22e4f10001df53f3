#![doc = include_str!("../../../README.md")]
mod acl_file;
mod adoption;
mod alarms;
mod argument;
mod blocking;
mod cache;
mod changes;
mod commands;
mod config_file;
mod error;
mod from_reply;
mod housekeeping;
mod import;
mod lock;
mod memory_log;
mod native;
mod observe;
mod pipeline;
mod process;
mod redis;
mod script;
#[cfg(feature = "server")]
pub mod server;
mod session;
mod store;
mod subscription;
mod system_clock;
mod transaction;
mod turns;
mod typed;
mod url;
mod value;
mod waiting;
mod watch;
mod whole_file;

pub use argument::{Argument, Arguments, Key, Takes};
pub use cache::CacheOptions;
pub use changes::{Change, Changes, Position};
pub use commands::{Commands, HScanIter, SScanIter, ScanIter, ZScanIter};
pub use error::{Error, Result};
pub use from_reply::{FromElements, FromReply};
pub use import::ImportProgress;
pub use lock::{Lock, LockError, LockGuard};
pub use observe::Observer;
pub use pipeline::Pipeline;
pub use redis::{Builder, Redis};
pub use redlet_core as core;
pub use redlet_core::cmd::args::Args;
pub use redlet_core::cmd::array::{
    ArrayAggregate, ArrayElement, ArrayFilling, ArrayInfo, ArrayOperation, ArrayPredicate, ArraySearch,
    ArraySpan,
};
pub use redlet_core::cmd::bitmap::{
    BitOperation, BitRange, BitUnit, Field, FieldOperation, FieldType, Overflow,
};
pub use redlet_core::cmd::dump::{PastUse, RestoreOptions};
pub use redlet_core::cmd::element_deadlines::{FieldExpire, FieldPersist};
pub use redlet_core::cmd::function::{FunctionStatsReply, LibraryInfo, RestorePolicy, RunningFunction};
pub use redlet_core::cmd::geo::{
    GeoArea, GeoCenter, GeoHit, GeoOrder, GeoQuery, GeoScores, GeoUnit, Position as GeoPosition,
};
pub use redlet_core::cmd::hash::Draw;
pub use redlet_core::cmd::hash_deadlines::WhenFields;
pub use redlet_core::cmd::hash_import::Fieldset;
pub use redlet_core::cmd::keys::{ExpireWhen, ExpiresAt, Ttl};
pub use redlet_core::cmd::list::{End, MoveCount, MoveMany, MoveOrder, Side};
pub use redlet_core::cmd::memory::{DatabaseMemory, MemoryReport};
pub use redlet_core::cmd::scan::{ScanOptions, ScanReply};
pub use redlet_core::cmd::server::FlushMode;
pub use redlet_core::cmd::sort::{SortBy, SortOptions};
pub use redlet_core::cmd::stream::group::GroupStart;
pub use redlet_core::cmd::stream::idempotency::Idempotency;
pub use redlet_core::cmd::stream::info::{
    ConsumerInfo, FullConsumer, FullGroup, FullPending, FullStream, GroupInfo, ProducersInfo, StreamInfo,
};
pub use redlet_core::cmd::stream::pending::{
    ClaimOptions, Claimed, Delivered, NackMode, PendingEntry, PendingRange, PendingSummary, XAutoClaimReply,
};
pub use redlet_core::cmd::stream::read::{
    ClaimedEntry, GroupFrom, GroupReadOptions, ReadFrom, ReadLimits, StreamEntries,
};
pub use redlet_core::cmd::stream::{
    Deletion, IdBound, NewId, References, StreamEntry, Trimming, XAddOptions,
};
pub use redlet_core::cmd::string::{
    Compare, Expiry, IncrExOptions, Incremented, LcsReply, SetOptions, SetReply, When,
};
#[cfg(feature = "vector-sets")]
pub use redlet_core::cmd::vector_set::{
    Quantization, RawVector, VAddOptions, VSimOptions, VectorMatch, VectorQuery, VectorSetInfo,
};
pub use redlet_core::cmd::zset::{
    Aggregate, LexBound, ScoreRange, ScoreWhen, Weighing, ZAddOptions, ZEnd, ZRangeQuery,
};
pub use redlet_core::effect::Effect;
pub use redlet_core::events::{Class, Classes, Event};
pub use redlet_core::inbox::{Capacity, WhenFull};
pub use redlet_core::rdb::ImportError;
pub use redlet_core::script::{Function, LogLevel, ScriptFlags};
pub use redlet_core::types::StreamId;
pub use redlet_core::types::stream::{IdempotencySettings, TrimTo};
pub use redlet_core::{
    Bytes, Cause, Clock, EvictionPolicy, ImportReport, ManualClock, Native, Removal, Reply, Tick, UnixMs,
};
pub use redlet_persist::Error as StoreError;
pub use redlet_persist::{Fsync, RealVfs, RecoveryReport, SimVfs, Vfs};
pub use script::{Invocation, Script};
pub use session::Session;
pub use subscription::{Message, Subscription};
pub use system_clock::SystemClock;
pub use transaction::Transaction;
pub use typed::TypedCommands;
pub use value::{Arg, ToArg};
pub use watch::Watched;
