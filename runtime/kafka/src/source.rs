//! The source: a consumer that reads assigned partitions and packs what arrives into batches.
//!
//! No subscription: the shard's owner is decided elsewhere, and a group's generation wouldn't fence an `assign` anyway.
//! Positions are ours too; the consumer's group serves only to ask for what was committed.

use crate::access::Access;
use crate::errors;
use crate::ffi::client::{Client, Role};
use crate::ffi::consume::Queue;
use crate::ffi::list::{Entry, List};
use crate::ffi::{Code, Fault, cstring, text_of};
use crate::limits::*;
use crate::pack::Packer;
use sluicebox_core::log::{Bounds, Committed, Error, Kind, Result, SourceBatch, Start};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads one topic.
pub struct Source {
    topic: String,
    group: String,
    queue: Queue,
    positions: BTreeMap<i32, i64>,
    scratch: Vec<u8>,
    pending: Option<Error>,
}

/// Settings of every consumer here: positions are ours, nothing is skipped or reset silently.
pub fn settings(group: &str, fetch_wait_ms: u64) -> Vec<(&'static str, String)> {
    vec![
        ("group.id", group.to_string()),
        ("isolation.level", "read_committed".into()),
        ("enable.partition.eof", "true".into()),
        ("auto.offset.reset", "error".into()),
        ("enable.auto.commit", "false".into()),
        ("enable.auto.offset.store", "false".into()),
        ("allow.auto.create.topics", "false".into()),
        // A shard may be busy for long without being dead; its membership is another client's matter.
        ("max.poll.interval.ms", "86400000".into()),
        ("fetch.wait.max.ms", fetch_wait_ms.to_string()),
        ("fetch.queue.backoff.ms", "5".into()),
        ("fetch.error.backoff.ms", "50".into()),
        (
            "fetch.message.max.bytes",
            FETCH_PARTITION_BYTES_MAX.to_string(),
        ),
        ("fetch.max.bytes", FETCH_BYTES_MAX.to_string()),
        ("queued.max.messages.kbytes", FETCHED_KBYTES_MAX.to_string()),
        ("queued.min.messages", FETCHED_RECORDS_MAX.to_string()),
        ("reconnect.backoff.ms", "50".into()),
        ("reconnect.backoff.max.ms", "1000".into()),
    ]
}

/// How long the brokers may hold a fetch that finds nothing. A record ends the wait at once; it costs only a partition
/// that waits for the next fetch because its queue was full in this one.
fn fetch_wait_ms(epoch_interval_ms: u64) -> u64 {
    epoch_interval_ms.clamp(20, 200)
}

impl Source {
    /// A source of `topic`; `group` holds the committed positions.
    pub fn new(
        access: &Access,
        topic: &str,
        group: &str,
        epoch_interval_ms: u64,
    ) -> Result<Source> {
        let settings = settings(group, fetch_wait_ms(epoch_interval_ms));
        let client = Client::new(Role::Consumer, &access.consumer(&settings))
            .map_err(|fault| Error::halt(format!("Kafka consumer: {}", fault.text)))?;
        let queue = Queue::new(Arc::new(client))
            .map_err(|fault| Error::halt(format!("Kafka consumer: {}", fault.text)))?;
        Ok(Source {
            topic: topic.to_string(),
            group: group.to_string(),
            queue,
            positions: BTreeMap::new(),
            scratch: Vec::new(),
            pending: None,
        })
    }

    fn client(&self) -> &Client {
        self.queue.client()
    }

    /// Read these partitions from these offsets on, instead of what was assigned before.
    pub fn assign(&mut self, positions: &[(i32, i64)]) -> Result<()> {
        let topic = cstring(&self.topic);
        let mut list = List::new(positions.len());
        for (partition, offset) in positions {
            list.add(&topic, *partition, *offset);
        }
        self.positions = positions.iter().copied().collect();
        self.pending = None;
        let what = format!("read topic {}", self.topic);
        self.client()
            .assign(&list)
            .map_err(|fault| errors::error(&what, &fault, self.client()))
    }

    /// Pack what has arrived, cut into runs of one partition.
    pub fn poll(
        &mut self,
        rows_max: usize,
        wait: Duration,
        into: &mut Vec<SourceBatch>,
    ) -> Result<()> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        let mut packer = Packer {
            topic: &self.topic,
            positions: &mut self.positions,
            scratch: &mut self.scratch,
            first: into.len(),
            into,
            error: None,
        };
        let count_max = rows_max.clamp(1, CONSUME_MAX);
        self.queue
            .consume(count_max, wait, &mut |message| packer.take(message));
        // What came before an error is good: hand it over first.
        let (error, came) = (packer.error.take(), packer.into.len() > packer.first);
        match error {
            Some(error) if came => self.pending = Some(error),
            Some(error) => return Err(error),
            None => {}
        }
        Ok(())
    }

    /// End of a partition as of the last fetch from it.
    pub fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.client().fetched_end(&self.topic, partition)
    }

    /// Offsets that a partition holds.
    pub fn bounds(&self, partition: i32) -> Result<Bounds> {
        bounds(self.client(), &self.topic, partition)
    }

    /// Where `start` is.
    pub fn resolve(&self, partition: i32, start: Start) -> Result<i64> {
        match start {
            Start::Earliest => Ok(self.bounds(partition)?.start),
            Start::Latest => Ok(self.bounds(partition)?.end),
            Start::Offset(offset) => Ok(offset),
            Start::Timestamp(timestamp) => self.at(partition, timestamp),
        }
    }

    fn at(&self, partition: i32, timestamp: i64) -> Result<i64> {
        let end = self.bounds(partition)?.end;
        let what = format!("find a time in topic {} partition {partition}", self.topic);
        let mut list = List::new(1);
        // Negative times would be taken for marks like "the end".
        list.add(&cstring(&self.topic), partition, timestamp.max(0));
        self.client()
            .offsets_for_times(&mut list, ANSWER_WAIT_MAX)
            .map_err(|fault| errors::error(&what, &fault, self.client()))?;
        let found = list.entries().first().map(|entry| entry.offset);
        Ok(found.filter(|offset| *offset >= 0).unwrap_or(end))
    }

    /// Stable positions that the group committed. To be asked before anything is assigned.
    pub fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Committed>>> {
        let until = Instant::now() + ANSWER_WAIT_MAX;
        loop {
            let error = match self.ask_committed(partitions, DENIED_STEP) {
                Err(error) if error.kind == Kind::Retriable => error,
                result => return result,
            };
            self.denied()?;
            if Instant::now() >= until {
                return Err(error);
            }
        }
    }

    /// The client tells only by its queue, and once, that it may not use the group; a question just gets no answer.
    fn denied(&mut self) -> Result<()> {
        let mut denied = None;
        self.queue
            .consume(CONSUME_MAX, Duration::ZERO, &mut |message| {
                if errors::is_denied(message.code()) {
                    let text = String::from_utf8_lossy(message.value().unwrap_or_default());
                    denied = Some(Fault::new(message.code(), text));
                }
            });
        let what = format!("group {}", self.group);
        denied.map_or(Ok(()), |fault| {
            Err(errors::error(&what, &fault, self.client()))
        })
    }

    fn ask_committed(&self, partitions: &[i32], wait: Duration) -> Result<Vec<Option<Committed>>> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let (topic, group) = (&self.topic, &self.group);
        let what = format!("positions that group {group} committed in topic {topic}");
        let name = cstring(topic);
        let mut list = List::new(partitions.len());
        for partition in partitions {
            list.add(&name, *partition, -1);
        }
        self.client()
            .committed(&mut list, wait)
            .map_err(|fault| errors::error(&what, &fault, self.client()))?;
        let entries = list.entries();
        partitions
            .iter()
            .map(|partition| {
                let entry = entries.iter().find(|entry| entry.partition == *partition);
                committed(&what, entry)
            })
            .collect()
    }
}

/// Offsets that a partition holds; a `read_committed` client sees the last stable one as the end.
pub fn bounds(client: &Client, topic: &str, partition: i32) -> Result<Bounds> {
    let what = format!("offsets of topic {topic} partition {partition}");
    let until = Instant::now() + MISSING_WAIT_MAX;
    loop {
        match client.bounds(topic, partition, ANSWER_WAIT_MAX) {
            Ok((start, end)) => return Ok(Bounds { start, end }),
            Err(fault) if errors::is_missing(fault.code) && Instant::now() < until => {
                std::thread::sleep(MISSING_PAUSE);
            }
            // Brokers that are starting again may not know of it for longer. Whether the topic is gone is asked elsewhere, of
            // those who know.
            Err(fault) if errors::is_missing(fault.code) => {
                let message = format!("{what}: {}: no broker knows it at the moment", fault.text);
                return Err(Error::new(Kind::Retriable, message));
            }
            Err(fault) => return Err(errors::error(&what, &fault, client)),
        }
    }
}

fn committed(what: &str, entry: Option<&Entry>) -> Result<Option<Committed>> {
    match entry {
        // An error before "none": a job must not begin anew because it was not told.
        Some(entry) if entry.code != Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
            let partition = entry.partition;
            let message = format!("{what}, partition {partition}: {}", text_of(entry.code));
            Err(Error::new(Kind::Retriable, message))
        }
        Some(entry) if entry.offset >= 0 => Ok(Some(Committed {
            offset: entry.offset,
            // Somebody else may have committed anything.
            metadata: String::from_utf8_lossy(&entry.metadata).into_owned(),
        })),
        _ => Ok(None),
    }
}
