//! What all connections of one embedded log share, behind one lock: topics, transactional producers with their
//! epochs, committed positions, members, and the faults that tests ask for. Ordered maps only, so that the same calls
//! give the same log.

use super::faults::Faults;
use super::members::Group;
use super::partition::Partition;
use super::segment::{Head, Record};
use crate::log::{Committed, Error, Kind, Result, TopicId};
use std::collections::{BTreeMap, BTreeSet};

/// Largest record of a topic unless it is told otherwise, in bytes: Kafka's default `max.message.bytes` less room
/// for what a batch adds.
pub(super) const RECORD_BYTES_MAX: usize = 1_048_588 - 588;
/// Most partitions of a topic.
pub(super) const PARTITIONS_MAX: i32 = 10_000;

pub(super) struct Topic {
    pub id: TopicId,
    pub partitions: Vec<Partition>,
    pub sealed: bool,
    pub record_bytes_max: usize,
    /// Where the next record without key and partition goes.
    next_partition: i32,
}

/// A transactional id.
#[derive(Default)]
struct Producer {
    epoch: u64,
    open: Option<Transaction>,
}

struct Transaction {
    number: u64,
    touched: BTreeSet<(String, TopicId, i32)>,
}

/// Positions of a consumer group by topic and partition.
pub(super) type Positions = BTreeMap<(String, i32), Committed>;

#[derive(Default)]
pub(super) struct State {
    topics: BTreeMap<String, Topic>,
    topics_made: u64,
    producers: BTreeMap<String, Producer>,
    transactions: u64,
    pub positions: BTreeMap<String, Positions>,
    pub groups: BTreeMap<String, Group>,
    pub faults: Faults,
    /// How many calls wait for a change.
    pub waiting: usize,
}

impl State {
    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Result<()> {
        if self.topics.contains_key(name) {
            return Err(Error::halt(format!("topic {name:?} exists already")));
        }
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Error::halt(format!(
                "topic {name:?}: {partitions} partitions; give it 1 to {PARTITIONS_MAX}"
            )));
        }
        self.topics_made += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&xxhash_rust::xxh3::xxh3_64(name.as_bytes()).to_be_bytes());
        id[8..].copy_from_slice(&self.topics_made.to_be_bytes());
        let topic = Topic {
            id,
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            sealed: false,
            record_bytes_max: RECORD_BYTES_MAX,
            next_partition: 0,
        };
        self.topics.insert(name.to_owned(), topic);
        Ok(())
    }

    /// As Kafka does, the groups' positions in the topic go with it.
    pub fn delete_topic(&mut self, name: &str) -> Result<Topic> {
        for positions in self.positions.values_mut() {
            positions.retain(|(topic, _), _| topic != name);
        }
        self.topics.remove(name).ok_or_else(|| no_topic(name))
    }

    pub fn find(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    pub fn topic(&self, name: &str) -> Result<&Topic> {
        self.topics.get(name).ok_or_else(|| no_topic(name))
    }

    pub fn topic_mut(&mut self, name: &str) -> Result<&mut Topic> {
        self.topics.get_mut(name).ok_or_else(|| no_topic(name))
    }

    pub fn partition(&self, topic: &str, partition: i32) -> Result<&Partition> {
        usize::try_from(partition)
            .ok()
            .and_then(|p| self.topic(topic).map(|t| t.partitions.get(p)).transpose())
            .unwrap_or_else(|| Err(no_partition(topic, partition)))
    }

    pub fn partition_mut(&mut self, topic: &str, partition: i32) -> Result<&mut Partition> {
        self.topic_mut(topic)?
            .partition_mut(partition)
            .ok_or_else(|| no_partition(topic, partition))
    }

    /// Which partition takes the next record without one.
    pub fn next_partition(&mut self, topic: &str) -> Result<i32> {
        let topic = self.topic_mut(topic)?;
        let partition = topic.next_partition;
        topic.next_partition = (partition + 1) % topic.partitions.len() as i32;
        Ok(partition)
    }

    /// Append a record outside any transaction.
    pub fn append(&mut self, topic: &str, partition: i32, record: &Record<'_>) -> Result<i64> {
        let to = self.topic_mut(topic)?.takes(topic, partition, record)?;
        Ok(to.append(Head::Plain, record))
    }
}

impl Topic {
    /// The partition, if it takes this record.
    fn takes(&mut self, name: &str, partition: i32, record: &Record<'_>) -> Result<&mut Partition> {
        if self.sealed {
            return Err(Error::halt(format!(
                "topic {name:?} is sealed: it takes no more records"
            )));
        }
        if record.bytes() > self.record_bytes_max {
            return Err(Error::halt(format!(
                "a record of {} bytes is over the {} bytes that topic {name:?} takes",
                record.bytes(),
                self.record_bytes_max
            )));
        }
        self.partition_mut(partition)
            .ok_or_else(|| no_partition(name, partition))
    }

    fn partition_mut(&mut self, partition: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(partition).ok()?)
    }
}

/// Transactions.
impl State {
    /// A new epoch of a transactional id: its older owner is fenced, what it had open aborts.
    pub fn fence(&mut self, id: &str) -> u64 {
        self.end(id, false);
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        producer.epoch
    }

    fn producer(&mut self, id: &str, epoch: Option<u64>) -> Result<&mut Producer> {
        let Some(epoch) = epoch else {
            return Err(Error::halt(format!(
                "{id}: init_transactions must come before the first transaction (a bug of the caller)"
            )));
        };
        self.producers
            .get_mut(id)
            .filter(|producer| producer.epoch == epoch)
            .ok_or_else(|| {
                Error::new(
                    Kind::Fenced,
                    format!("{id}: fenced, a newer owner (or the coordinator) has taken over"),
                )
            })
    }

    /// Open a transaction.
    pub fn begin(&mut self, id: &str, epoch: Option<u64>) -> Result<()> {
        let number = self.transactions;
        let producer = self.producer(id, epoch)?;
        if producer.open.is_some() {
            return Err(Error::halt(format!(
                "{id}: a transaction is open already (a bug of the caller)"
            )));
        }
        producer.open = Some(Transaction {
            number,
            touched: BTreeSet::new(),
        });
        self.transactions += 1;
        Ok(())
    }

    /// Number of the open transaction.
    pub fn open_transaction(&mut self, id: &str, epoch: Option<u64>) -> Result<u64> {
        let open = self.producer(id, epoch)?.open.as_ref();
        open.map(|transaction| transaction.number).ok_or_else(|| {
            Error::halt(format!(
                "{id}: no transaction is open (a bug of the caller)"
            ))
        })
    }

    /// Append a record inside the open transaction.
    pub fn append_in_transaction(
        &mut self,
        id: &str,
        epoch: Option<u64>,
        (topic, partition): (&str, i32),
        record: &Record<'_>,
    ) -> Result<()> {
        let number = self.open_transaction(id, epoch)?;
        let to = self.topic_mut(topic)?;
        let topic_id = to.id;
        let first = to
            .takes(topic, partition, record)?
            .append_first(number, record);
        if first && let Some(open) = &mut self.producer(id, epoch)?.open {
            open.touched.insert((topic.to_owned(), topic_id, partition));
        }
        Ok(())
    }

    /// End the open transaction, if there is one, with a marker in each partition it wrote to.
    pub fn end(&mut self, id: &str, commit: bool) {
        let open = self.producers.get_mut(id).and_then(|p| p.open.take());
        let Some(Transaction { number, touched }) = open else {
            return;
        };
        for (name, topic_id, partition) in touched {
            // A topic deleted meanwhile has nothing to end; one made again under its name neither.
            if self.find(&name).is_some_and(|topic| topic.id == topic_id)
                && let Ok(partition) = self.partition_mut(&name, partition)
            {
                partition.end_transaction(number, commit);
            }
        }
    }

    /// Set positions of a group.
    pub fn set_position(&mut self, group: &str, topic: &str, partition: i32, at: Committed) {
        self.positions
            .entry(group.to_owned())
            .or_default()
            .insert((topic.to_owned(), partition), at);
    }

    /// Position of a group.
    pub fn position(&self, group: &str, topic: &str, partition: i32) -> Option<Committed> {
        let positions = self.positions.get(group)?;
        positions.get(&(topic.to_owned(), partition)).cloned()
    }
}

fn no_topic(name: &str) -> Error {
    Error::halt(format!("topic {name:?} does not exist: create it first"))
}

fn no_partition(topic: &str, partition: i32) -> Error {
    Error::halt(format!("topic {topic:?} has no partition {partition}"))
}
