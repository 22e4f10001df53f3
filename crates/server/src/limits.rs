//! What one caller, and all of them together, may take: what the engine's configuration says of it.
use std::time::Duration;

use redlet_core::{Engine, config};

/// How much may wait to be sent to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimit {
    /// So many bytes end the connection at once; 0 for no limit.
    pub(crate) hard_bytes: usize,
    /// More than so many bytes end it when that lasts; 0 for no limit.
    pub(crate) soft_bytes: usize,
    /// How long more than `soft_bytes` may last.
    pub(crate) soft_for: Duration,
}

/// The limits of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many connections there may be.
    pub(crate) clients: usize,
    /// What all of them may take together, in bytes; 0 for no limit.
    pub(crate) clients_bytes: usize,
    /// The longest word of a request, in bytes.
    pub(crate) word_bytes: usize,
    /// The longest request, in bytes.
    pub(crate) query_bytes: usize,
    /// What may wait for a caller who asks.
    pub(crate) output: OutputLimit,
    /// What may wait for a caller who is subscribed to something.
    pub(crate) subscriber_output: OutputLimit,
    /// Who is silent for so long is disconnected; zero for never.
    pub(crate) idle: Duration,
    /// How often it is looked for whoever is silent, or behind, for too long.
    pub(crate) care: Duration,
    /// After such a silence the system asks whether the other end is still there; zero for never.
    pub(crate) keep_alive: Duration,
}

impl Limits {
    /// The parameters that they follow from.
    pub(crate) const PARAMETERS: &'static [&'static str] = &[
        "client-output-buffer-limit",
        "client-query-buffer-limit",
        "hz",
        "maxclients",
        "maxmemory",
        "maxmemory-clients",
        "proto-max-bulk-len",
        "tcp-keepalive",
        "timeout",
    ];

    /// What the configuration says now.
    pub(crate) fn of(engine: &Engine) -> Self {
        let config = engine.config();
        let outputs = config.output_limits();
        Self {
            clients: config.max_clients(),
            clients_bytes: config.clients_memory_limit(engine.max_memory()),
            word_bytes: config.max_bulk_length(),
            query_bytes: config.query_limit(),
            output: outputs.normal.into(),
            subscriber_output: outputs.pubsub.into(),
            idle: Duration::from_secs(config.idle_seconds()),
            care: Duration::from_secs(1) / config.rounds_per_second().max(1),
            keep_alive: Duration::from_secs(config.keepalive_seconds()),
        }
    }
}

impl From<config::OutputLimit> for OutputLimit {
    fn from(limit: config::OutputLimit) -> Self {
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            hard_bytes: bytes(limit.hard),
            soft_bytes: bytes(limit.soft),
            soft_for: Duration::from_secs(limit.seconds),
        }
    }
}

/// What may wait for a caller who has not said yet who he is, in bytes.
pub(crate) const OUTPUT_OF_STRANGERS: usize = 1024;
/// The longest request of such a caller, in bytes.
pub(crate) const QUERY_OF_STRANGERS: usize = 1 << 20;
