//! A stream as log and snapshot hold it.
use serde::{Deserialize, Serialize};

use super::{ProducersSummary, StreamId};
use crate::UnixMs;
use crate::effect::Blob;

/// A whole stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamImage<'a> {
    /// Runs of entries, in order.
    #[serde(borrow)]
    pub blocks: Vec<BlockImage<'a>>,
    /// The last ID that was ever given.
    pub last_id: StreamId,
    /// The last of the IDs that were deleted.
    pub max_deleted_id: StreamId,
    /// How many entries there ever were.
    pub entries_added: u64,
    /// The groups, by name.
    #[serde(borrow)]
    pub groups: Vec<GroupImage<'a>>,
    /// The producers, if anything was ever said of them.
    #[serde(borrow)]
    pub producers: Option<ProducersImage<'a>>,
}

/// A run of entries, packed as [`Stream`](super::Stream) keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockImage<'a> {
    /// Its first entry's ID, whether that is still there or not.
    pub base: StreamId,
    /// Its last entry's ID, likewise.
    pub last: StreamId,
    /// How many entries were removed.
    pub deleted: u64,
    /// What Redis would take for it.
    pub redis_bytes: u64,
    /// The entries.
    #[serde(borrow)]
    pub bytes: Blob<'a>,
}

/// A group of consumers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupImage<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Blob<'a>,
    /// The last entry that it was given.
    pub last_id: StreamId,
    /// How many entries that are, if it is known.
    pub entries_read: Option<u64>,
    /// Its consumers, by name.
    #[serde(borrow)]
    pub consumers: Vec<ConsumerImage<'a>>,
    /// What it was given and has not acknowledged, in order.
    pub pending: Vec<PendingImage>,
}

/// A consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsumerImage<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Blob<'a>,
    /// When it last asked for something.
    pub seen_at: UnixMs,
    /// When it last got something.
    pub active_at: Option<UnixMs>,
}

/// The producers of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProducersImage<'a> {
    /// What is said of them beside their IDs.
    pub summary: ProducersSummary,
    /// The IDs, by producer.
    #[serde(borrow)]
    pub sent: Vec<SentImage<'a>>,
}

/// An ID that a producer gave an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentImage<'a> {
    /// The producer.
    #[serde(borrow)]
    pub producer: Blob<'a>,
    /// The ID.
    #[serde(borrow)]
    pub iid: Blob<'a>,
    /// The entry.
    pub id: StreamId,
}

/// An entry that was given and not acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingImage {
    /// The entry.
    pub id: StreamId,
    /// Who has it, as a place among the consumers; nobody if it was given back.
    pub consumer: Option<u32>,
    /// When it was last given.
    pub delivered_at: UnixMs,
    /// How often it was given.
    pub deliveries: u64,
}

impl StreamImage<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> StreamImage<'static> {
        StreamImage {
            blocks: self.blocks.into_iter().map(BlockImage::into_owned).collect(),
            groups: self.groups.into_iter().map(GroupImage::into_owned).collect(),
            producers: self.producers.map(ProducersImage::into_owned),
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
        }
    }
}

impl BlockImage<'_> {
    pub(super) fn into_owned(self) -> BlockImage<'static> {
        BlockImage { bytes: self.bytes.into_owned(), ..self }
    }
}

impl GroupImage<'_> {
    fn into_owned(self) -> GroupImage<'static> {
        GroupImage {
            name: self.name.into_owned(),
            consumers: self.consumers.into_iter().map(ConsumerImage::into_owned).collect(),
            ..self
        }
    }
}

impl ProducersImage<'_> {
    fn into_owned(self) -> ProducersImage<'static> {
        ProducersImage { sent: self.sent.into_iter().map(SentImage::into_owned).collect(), ..self }
    }
}

impl SentImage<'_> {
    fn into_owned(self) -> SentImage<'static> {
        SentImage { producer: self.producer.into_owned(), iid: self.iid.into_owned(), id: self.id }
    }
}

impl ConsumerImage<'_> {
    fn into_owned(self) -> ConsumerImage<'static> {
        ConsumerImage { name: self.name.into_owned(), ..self }
    }
}
