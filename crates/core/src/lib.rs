//! The engine of redlet: Redis's data model, without files, threads or a global clock.
//!
//! ```
//! use std::sync::Arc;
//! use redlet_core::{Engine, EngineOptions, ManualClock, Reply, UnixMs};
//!
//! let clock = ManualClock::at(UnixMs(1_700_000_000_000));
//! let engine = Engine::new(EngineOptions { clock: Arc::new(clock), seed: 7, databases: 16, shards: 64 });
//! assert_eq!(engine.execute(0, &[b"SET", b"greeting", b"hello"]), Ok(Reply::OK));
//! assert_eq!(engine.execute(0, &[b"GET", b"greeting"]), Ok(Reply::bulk("hello")));
//! ```
//!
//! Where to begin reading: `cmd` has a command as one struct, `tx` the doors to values, `engine` the life of a
//! command from words to commit, `keyspace` the shards, `types` the data structures, `effect` what goes to the log.
pub mod acl;
mod bytes;
pub mod clock;
pub mod cmd;
pub mod codec;
pub mod config;
mod digest;
pub mod effect;
mod engine;
mod error;
pub mod events;
#[doc(hidden)]
pub mod eviction;
mod extendible;
pub mod glob;
mod hash;
mod heap;
mod histogram;
mod host;
mod import;
pub mod inbox;
pub mod invalidation;
pub mod journal;
mod keyspace;
mod latency;
mod maxmemory;
pub mod memory;
mod native;
pub mod number;
#[doc(hidden)]
pub mod parking;
mod partial_sort;
pub mod pubsub;
mod random;
pub mod rdb;
mod reclaim;
mod removal;
mod replay;
mod reply;
pub mod script;
mod sections;
pub mod session;
mod slowlog;
mod statistics;
pub mod tx;
pub mod types;
mod waiting;
mod watch;
mod wheel;
pub mod words;

pub use bytes::Bytes;
pub use clock::{Clock, ManualClock, UnixMs};
pub use engine::{Alarm, Begun, Due, Engine, EngineOptions, Step, Tick, check_word};
pub use error::{Error, Result};
pub use hash::HashSeed;
pub use host::{Process, ProcessFigures, Program, Shutdown};
pub use import::ImportReport;
pub use journal::{Journal, Keeper};
pub use latency::LatencySample;
pub use maxmemory::EvictionPolicy;
pub use native::{Called, Handler, Native, Unit};
pub use random::Random;
pub use reclaim::{Garbage, Reclaimer};
pub use removal::{Cause, Removal, RemovalListener};
pub use replay::ReplayError;
pub use reply::Reply;
pub use sections::{Copying, Sections};
pub use slowlog::SlowCommand;
pub use statistics::{Statistics, TrafficTotals};
pub use waiting::{GiveUp, Wait};
pub use watch::Watch;
