//! What can happen to a stream: as the log says it, with the way back.
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::image::{ConsumerImage, PendingImage};
use super::{EntryRef, Group, GroupImage, Pending, ProducersSummary, Sent, Stream, StreamId, StreamImage};
use crate::UnixMs;
use crate::effect::{Blob, Words, decimal, on};
use crate::types::TypeSettings;

/// One change to a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StreamChange<'a> {
    /// There is an entry, which was not there.
    Add {
        /// Its ID.
        id: StreamId,
        /// Its names and values by turns.
        #[serde(borrow)]
        words: Vec<Blob<'a>>,
    },
    /// An entry is gone.
    Delete {
        /// Its ID.
        id: StreamId,
    },
    /// The entries up to this one are gone, without counting as deleted.
    Trim {
        /// The last one that goes.
        last: StreamId,
    },
    /// What is remembered of entries that may be gone.
    SetIds {
        /// The last ID that was ever given.
        last_id: StreamId,
        /// The last of the IDs that were deleted.
        max_deleted_id: StreamId,
        /// How many entries there ever were.
        entries_added: u64,
    },
    /// A group goes on elsewhere.
    SetGroup {
        /// Its name.
        #[serde(borrow)]
        group: Blob<'a>,
        /// The last entry that it was given.
        last_id: StreamId,
        /// How many entries that are, if it is known.
        entries_read: Option<u64>,
    },
    /// A group is gone.
    DestroyGroup {
        /// Its name.
        #[serde(borrow)]
        group: Blob<'a>,
    },
    /// A group has this consumer, with these times.
    SetConsumer {
        /// The group.
        #[serde(borrow)]
        group: Blob<'a>,
        /// The consumer.
        #[serde(borrow)]
        consumer: Blob<'a>,
        /// When it last asked for something.
        seen_at: UnixMs,
        /// When it last got something.
        active_at: Option<UnixMs>,
    },
    /// A group does not have this consumer any more, and what it had is not pending.
    DeleteConsumer {
        /// The group.
        #[serde(borrow)]
        group: Blob<'a>,
        /// The consumer.
        #[serde(borrow)]
        consumer: Blob<'a>,
    },
    /// An entry is pending.
    Assign {
        /// In this group.
        #[serde(borrow)]
        group: Blob<'a>,
        /// This consumer of the group has it; nobody if it was given back.
        #[serde(borrow)]
        consumer: Option<Blob<'a>>,
        /// The entry.
        id: StreamId,
        /// When it was last given.
        delivered_at: UnixMs,
        /// How often it was given.
        deliveries: u64,
    },
    /// An entry is not pending any more.
    Acknowledge {
        /// In this group.
        #[serde(borrow)]
        group: Blob<'a>,
        /// The entry.
        id: StreamId,
    },
    /// There is a group, which was not there.
    CreateGroup {
        /// Its name.
        #[serde(borrow)]
        group: Blob<'a>,
        /// The last entry that it counts as having been given.
        last_id: StreamId,
        /// How many entries that are, if it is known.
        entries_read: Option<u64>,
    },
    /// What is said of producers. Their IDs go if the settings are others.
    SetProducers(ProducersSummary),
    /// A producer has sent an entry under an ID of its own. What is outdated by then is forgotten.
    RecordSent {
        /// The producer.
        #[serde(borrow)]
        producer: Blob<'a>,
        /// The producer's ID.
        #[serde(borrow)]
        iid: Blob<'a>,
        /// The entry.
        id: StreamId,
    },
    /// What a producer has sent is forgotten.
    ForgetSent {
        /// The producer.
        #[serde(borrow)]
        producer: Blob<'a>,
        /// The producer's ID.
        #[serde(borrow)]
        iid: Blob<'a>,
    },
}

impl StreamChange<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> StreamChange<'static> {
        use StreamChange as Change;
        match self {
            Change::Add { id, words } => {
                Change::Add { id, words: words.into_iter().map(Blob::into_owned).collect() }
            }
            Change::Delete { id } => Change::Delete { id },
            Change::Trim { last } => Change::Trim { last },
            Change::SetIds { last_id, max_deleted_id, entries_added } => {
                Change::SetIds { last_id, max_deleted_id, entries_added }
            }
            Change::SetGroup { group, last_id, entries_read } => {
                Change::SetGroup { group: group.into_owned(), last_id, entries_read }
            }
            Change::DestroyGroup { group } => Change::DestroyGroup { group: group.into_owned() },
            Change::SetConsumer { group, consumer, seen_at, active_at } => Change::SetConsumer {
                group: group.into_owned(),
                consumer: consumer.into_owned(),
                seen_at,
                active_at,
            },
            Change::DeleteConsumer { group, consumer } => {
                Change::DeleteConsumer { group: group.into_owned(), consumer: consumer.into_owned() }
            }
            Change::Assign { group, consumer, id, delivered_at, deliveries } => Change::Assign {
                group: group.into_owned(),
                consumer: consumer.map(Blob::into_owned),
                id,
                delivered_at,
                deliveries,
            },
            Change::Acknowledge { group, id } => Change::Acknowledge { group: group.into_owned(), id },
            Change::CreateGroup { group, last_id, entries_read } => {
                Change::CreateGroup { group: group.into_owned(), last_id, entries_read }
            }
            Change::SetProducers(summary) => Change::SetProducers(summary),
            Change::RecordSent { producer, iid, id } => {
                Change::RecordSent { producer: producer.into_owned(), iid: iid.into_owned(), id }
            }
            Change::ForgetSent { producer, iid } => {
                Change::ForgetSent { producer: producer.into_owned(), iid: iid.into_owned() }
            }
        }
    }

    /// The command of Redis that does the same to `key`, where there is a stream or may be one; `None` if it has none.
    ///
    /// Redis cannot say when a consumer was seen, nor that an entry is pending, or known by its producer, which was deleted: its `XCLAIM`
    /// passes that over, and its `XIDMPRECORD` refuses it.
    pub fn to_command<'a>(&'a self, key: &'a [u8]) -> Option<Words<'a>> {
        use StreamChange as Change;
        let word = |bytes: &'a [u8]| Cow::Borrowed(bytes);
        let fixed = |text: &'static str| Cow::Borrowed(text.as_bytes());
        Some(match self {
            Change::Add { id, words } => {
                on("XADD", key, [text(*id)].into_iter().chain(words.iter().map(|w| word(w))))
            }
            Change::Delete { id } => on("XDEL", key, [text(*id)]),
            Change::Trim { last } => match last.next() {
                Some(first) => on("XTRIM", key, [fixed("MINID"), fixed("="), text(first)]),
                None => on("XTRIM", key, [fixed("MAXLEN"), fixed("="), fixed("0")]),
            },
            Change::SetIds { last_id, max_deleted_id, entries_added } => on(
                "XSETID",
                key,
                [
                    text(*last_id),
                    fixed("ENTRIESADDED"),
                    decimal(*entries_added),
                    fixed("MAXDELETEDID"),
                    text(*max_deleted_id),
                ],
            ),
            Change::CreateGroup { group, last_id, entries_read } => {
                let read = entries_read.map_or_else(|| fixed("-1"), decimal);
                let rest = [word(group), text(*last_id), fixed("MKSTREAM"), fixed("ENTRIESREAD"), read];
                subcommand("XGROUP", "CREATE", key, rest)
            }
            Change::SetGroup { group, last_id, entries_read } => {
                let read = entries_read.map_or_else(|| fixed("-1"), decimal);
                subcommand("XGROUP", "SETID", key, [word(group), text(*last_id), fixed("ENTRIESREAD"), read])
            }
            Change::DestroyGroup { group } => subcommand("XGROUP", "DESTROY", key, [word(group)]),
            Change::SetConsumer { group, consumer, .. } => {
                subcommand("XGROUP", "CREATECONSUMER", key, [word(group), word(consumer)])
            }
            Change::DeleteConsumer { group, consumer } => {
                subcommand("XGROUP", "DELCONSUMER", key, [word(group), word(consumer)])
            }
            Change::Assign { group, consumer: Some(consumer), id, delivered_at, deliveries } => on(
                "XCLAIM",
                key,
                [
                    word(group),
                    word(consumer),
                    fixed("0"),
                    text(*id),
                    fixed("TIME"),
                    decimal(delivered_at.0),
                    fixed("RETRYCOUNT"),
                    decimal(*deliveries),
                    fixed("JUSTID"),
                    fixed("FORCE"),
                ],
            ),
            Change::Assign { group, consumer: None, id, deliveries, .. } => on(
                "XNACK",
                key,
                [
                    word(group),
                    fixed("FAIL"),
                    fixed("IDS"),
                    fixed("1"),
                    text(*id),
                    fixed("RETRYCOUNT"),
                    decimal(*deliveries),
                    fixed("FORCE"),
                ],
            ),
            Change::Acknowledge { group, id } => on("XACK", key, [word(group), text(*id)]),
            Change::SetProducers(ProducersSummary { settings, .. }) => on(
                "XCFGSET",
                key,
                [
                    fixed("IDMP-DURATION"),
                    decimal(settings.duration_s),
                    fixed("IDMP-MAXSIZE"),
                    decimal(settings.max_size),
                ],
            ),
            Change::RecordSent { producer, iid, id } => {
                on("XIDMPRECORD", key, [word(producer), word(iid), text(*id)])
            }
            Change::ForgetSent { .. } => return None,
        })
    }
}

fn text<'a>(id: StreamId) -> Cow<'a, [u8]> {
    Cow::Owned(id.to_string().into_bytes())
}

fn subcommand<'a>(
    name: &'static str,
    second: &'static str,
    key: &'a [u8],
    rest: impl IntoIterator<Item = Cow<'a, [u8]>>,
) -> Words<'a> {
    let mut words = on(name, key, rest);
    words.insert(1, Cow::Borrowed(second.as_bytes()));
    words
}

impl StreamImage<'_> {
    /// What makes this stream of one without entries and groups.
    pub fn changes(&self) -> Vec<StreamChange<'_>> {
        let entries = Stream::from_image(self).unwrap_or_default();
        let set_ids = StreamChange::SetIds {
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
        };
        let mut changes: Vec<_> = entries.iter().map(|entry| added(&entry)).chain([set_ids]).collect();
        self.groups.iter().for_each(|group| changes.extend(group.changes()));
        if let Some(producers) = &self.producers {
            // Each that is recorded counts.
            let added = producers.summary.added.saturating_sub(producers.sent.len() as u64);
            changes.push(StreamChange::SetProducers(ProducersSummary { added, ..producers.summary }));
            changes.extend(producers.sent.iter().map(|sent| StreamChange::RecordSent {
                producer: (&*sent.producer).into(),
                iid: (&*sent.iid).into(),
                id: sent.id,
            }));
        }
        changes
    }
}

impl GroupImage<'_> {
    /// What makes this group of none.
    pub fn changes(&self) -> Vec<StreamChange<'_>> {
        let group = || Blob::from(&*self.name);
        let mut changes = vec![StreamChange::CreateGroup {
            group: group(),
            last_id: self.last_id,
            entries_read: self.entries_read,
        }];
        changes.extend(self.consumers.iter().map(|ConsumerImage { name, seen_at, active_at }| {
            StreamChange::SetConsumer {
                group: group(),
                consumer: (&**name).into(),
                seen_at: *seen_at,
                active_at: *active_at,
            }
        }));
        changes.extend(self.pending.iter().map(|PendingImage { id, consumer, delivered_at, deliveries }| {
            let consumer = consumer.and_then(|place| self.consumers.get(place as usize));
            StreamChange::Assign {
                group: group(),
                consumer: consumer.map(|consumer| (&*consumer.name).into()),
                id: *id,
                delivered_at: *delivered_at,
                deliveries: *deliveries,
            }
        }));
        changes
    }
}

impl Stream {
    /// Makes a change. False, and nothing has changed, if it is about something that is not there, or adds what is.
    pub fn apply(&mut self, change: &StreamChange<'_>, settings: &TypeSettings) -> bool {
        use StreamChange as Change;
        match change {
            Change::Add { id, words } => {
                let words: Vec<&[u8]> = words.iter().map(|word| &**word).collect();
                if words.is_empty() || !words.len().is_multiple_of(2) || self.get(*id).is_some() {
                    return false;
                }
                self.insert(*id, &words, settings);
                true
            }
            Change::Delete { id } => self.remove(*id),
            Change::Trim { last } => self.remove_up_to(*last) > 0,
            Change::SetIds { last_id, max_deleted_id, entries_added } => {
                self.set_ids(*last_id, *max_deleted_id, *entries_added);
                true
            }
            Change::CreateGroup { group, last_id, entries_read } => {
                let is_new = self.group(group).is_none();
                if is_new {
                    self.insert_group(group, Group::new(*last_id, *entries_read));
                }
                is_new
            }
            Change::SetGroup { group, last_id, entries_read } => {
                self.change_group(group, |group| group.set_position(*last_id, *entries_read)).is_some()
            }
            Change::DestroyGroup { group } => self.remove_group(group).is_some(),
            Change::SetConsumer { group, consumer, seen_at, active_at } => {
                let set = |group: &mut Group| group.set_consumer(consumer, *seen_at, *active_at);
                self.change_group(group, set).is_some()
            }
            Change::DeleteConsumer { group, consumer } => {
                self.change_group(group, |group| group.remove_consumer(consumer)).flatten().is_some()
            }
            Change::Assign { group, consumer, id, delivered_at, deliveries } => {
                let assign = |group: &mut Group| {
                    let number = match consumer {
                        Some(name) => Some(group.consumer(name)?.0),
                        None => None,
                    };
                    let (delivered_at, deliveries) = (*delivered_at, *deliveries);
                    group.assign(*id, Pending { delivered_at, deliveries, consumer: number });
                    Some(())
                };
                self.change_group(group, assign).flatten().is_some()
            }
            Change::Acknowledge { group, id } => {
                self.change_group(group, |group| group.acknowledge(*id)).unwrap_or(false)
            }
            Change::SetProducers(summary) => {
                self.change_producers(|producers| producers.set(*summary));
                true
            }
            Change::RecordSent { producer, iid, id } => {
                self.change_producers(|producers| producers.record(producer, iid, *id));
                true
            }
            Change::ForgetSent { producer, iid } => {
                self.change_producers(|producers| producers.forget(producer, iid))
            }
        }
    }

    /// The changes that take back what `change` is going to do, in order.
    pub fn way_back(&self, change: &StreamChange<'_>) -> Vec<StreamChange<'static>> {
        use StreamChange as Change;
        let ids = Change::SetIds {
            last_id: self.last_id(),
            max_deleted_id: self.max_deleted_id(),
            entries_added: self.entries_added(),
        };
        let owned =
            |changes: Vec<StreamChange<'_>>| changes.into_iter().map(StreamChange::into_owned).collect();
        match change {
            Change::Add { id, .. } => vec![Change::Delete { id: *id }, ids],
            Change::Delete { id } => self.entries_back(*id, *id).chain([ids]).collect(),
            Change::Trim { last } => self.entries_back(StreamId::MIN, *last).chain([ids]).collect(),
            Change::SetIds { .. } => vec![ids],
            Change::CreateGroup { group: name, .. } => {
                vec![Change::DestroyGroup { group: name.clone().into_owned() }]
            }
            Change::SetGroup { group: name, .. } => {
                let position = |group: &Group| Change::SetGroup {
                    group: name.clone().into_owned(),
                    last_id: group.last_id(),
                    entries_read: group.entries_read(),
                };
                self.group(name).map(position).into_iter().collect()
            }
            Change::DestroyGroup { group: name } => {
                self.group(name).map_or(Vec::new(), |group| owned(group.image(name).changes()))
            }
            Change::SetConsumer { group: name, consumer, .. } => {
                let found = self.group(name).and_then(|group| group.consumer(consumer));
                vec![found.map_or_else(
                    || Change::DeleteConsumer {
                        group: name.clone().into_owned(),
                        consumer: consumer.clone().into_owned(),
                    },
                    |(_, found)| found.times(name),
                )]
            }
            Change::DeleteConsumer { group: name, consumer } => {
                let Some(group) = self.group(name) else { return Vec::new() };
                let Some((_, found)) = group.consumer(consumer) else { return Vec::new() };
                let pending = found.pending(..).filter_map(|id| group.assigned(name, id));
                [found.times(name)].into_iter().chain(pending).collect()
            }
            Change::Assign { group: name, id, .. } | Change::Acknowledge { group: name, id } => {
                let assigned = self.group(name).and_then(|group| group.assigned(name, *id));
                let acknowledge = || Change::Acknowledge { group: name.clone().into_owned(), id: *id };
                vec![assigned.unwrap_or_else(acknowledge)]
            }
            Change::SetProducers(summary) => {
                let gone = self.producers().map(|producers| producers.gone_by_setting(summary.settings));
                self.producers_back(gone.unwrap_or_default(), true)
            }
            Change::RecordSent { producer, iid, id } => {
                let gone = self.producers().map(|producers| producers.gone_by_recording(producer, iid, *id));
                let forget = Change::ForgetSent {
                    producer: producer.clone().into_owned(),
                    iid: iid.clone().into_owned(),
                };
                [forget].into_iter().chain(self.producers_back(gone.unwrap_or_default(), false)).collect()
            }
            Change::ForgetSent { producer, iid } => {
                let found = self.producers().and_then(|producers| producers.sent(producer, iid));
                self.producers_back(found.into_iter().collect(), false)
            }
        }
    }

    /// The changes that make known again what is gone, from settings that are others or not.
    fn producers_back(&self, gone: Vec<Sent>, has_other_settings: bool) -> Vec<StreamChange<'static>> {
        let set = StreamChange::SetProducers(self.producers_summary());
        let record = |Sent { producer, iid, id }: Sent| StreamChange::RecordSent {
            producer: producer.to_vec().into(),
            iid: iid.to_vec().into(),
            id,
        };
        let first = has_other_settings.then(|| set.clone());
        first.into_iter().chain(gone.into_iter().map(record)).chain([set]).collect()
    }

    fn entries_back(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = StreamChange<'static>> {
        self.range(start, end).map(|entry| added(&entry))
    }
}

/// The change that adds an entry.
fn added(entry: &EntryRef<'_>) -> StreamChange<'static> {
    StreamChange::Add { id: entry.id, words: entry.to_words() }.into_owned()
}

impl Group {
    /// The change that makes an entry pending as it is.
    fn assigned(&self, name: &Blob<'_>, id: StreamId) -> Option<StreamChange<'static>> {
        let pending = self.pending_at(id)?;
        let consumer = self.owner(&pending).map(|name| name.to_vec().into());
        let Pending { delivered_at, deliveries, .. } = pending;
        Some(StreamChange::Assign {
            group: name.clone().into_owned(),
            consumer,
            id,
            delivered_at,
            deliveries,
        })
    }
}
