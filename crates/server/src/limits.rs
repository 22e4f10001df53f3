//! What one caller, and all of them together, may take.
use std::time::Duration;

/// How much may wait to be sent to a caller: `client-output-buffer-limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// So many bytes end the connection at once; 0 for no limit.
    pub hard_bytes: usize,
    /// More than so many bytes end it when that lasts; 0 for no limit.
    pub soft_bytes: usize,
    /// How long more than `soft_bytes` may last.
    pub soft_for: Duration,
}

/// The limits of a server. What `CONFIG SET` changes holds for connections that are there, too, but for `keep_alive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `maxclients`: how many connections there may be.
    pub clients: usize,
    /// `proto-max-bulk-len`: the longest word of a request, in bytes.
    pub word_bytes: usize,
    /// `client-query-buffer-limit`: the longest request, in bytes.
    pub query_bytes: usize,
    /// What may wait for a caller who asks.
    pub output: OutputLimit,
    /// What may wait for a caller who is subscribed to something.
    pub subscriber_output: OutputLimit,
    /// `timeout`: who is silent for so long is disconnected; zero for never.
    pub idle: Duration,
    /// `tcp-keepalive`: after such a silence the system asks whether the other end is still there; zero for never.
    pub keep_alive: Duration,
}

impl Default for Limits {
    /// Redis's.
    fn default() -> Self {
        Self {
            clients: 10_000,
            word_bytes: 512 << 20,
            query_bytes: 1 << 30,
            output: OutputLimit::default(),
            subscriber_output: OutputLimit {
                hard_bytes: 32 << 20,
                soft_bytes: 8 << 20,
                soft_for: Duration::from_mins(1),
            },
            idle: Duration::ZERO,
            keep_alive: Duration::from_mins(5),
        }
    }
}

/// What may wait for a caller who has not said yet who he is, in bytes.
pub(crate) const OUTPUT_OF_STRANGERS: usize = 1024;
/// The longest request of such a caller, in bytes.
pub(crate) const QUERY_OF_STRANGERS: usize = 1 << 20;
