//! One shard's connection: its source, its producers, its partition of the changelog.

use crate::access::Access;
use crate::changelog;
use crate::commit::{self, Commit};
use crate::errors;
use crate::ffi::client::{Client, Role};
use crate::ffi::cstring;
use crate::ffi::list::List;
use crate::ffi::produce::Record;
use crate::limits::{METADATA_BYTES_MAX, MISSING_PAUSE, MISSING_WAIT_MAX};
use crate::rights;
use crate::sink::{self, Outlet};
use crate::source::Source;
use crate::topics;
use crate::transaction::Transactional;
use sluicebox_core::log::{
    Bounds, ChangelogRecord, Committed, Delivery, Error, Kind, OutRecord, Position, Result,
    ShardConfig, ShardLog, SourceBatch, Start, Topic, TopicId,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A shard's connection to Kafka.
pub struct Shard {
    // Outlets go before the producers they belong to.
    sinks: Vec<Outlet>,
    changelog: Outlet,
    outside: Option<Arc<Client>>,
    producer: Transactional,
    source: Source,
    admin: Arc<Client>,
    access: Access,
    config: ShardConfig,
    sink_partitions: Vec<Option<i32>>,
    record_bytes_max: Vec<usize>,
}

impl Shard {
    /// Open the connection; fences nobody yet.
    pub fn open(access: &Access, admin: &Arc<Client>, config: &ShardConfig) -> Result<Shard> {
        rights::check(admin, config)?;
        let record_bytes_max = record_bytes_max(admin, config)?;
        let smallest = record_bytes_max.iter().copied().min().unwrap_or_default();
        let largest = record_bytes_max.iter().copied().max().unwrap_or_default();
        let base = sink::settings(config.epoch_interval_ms, smallest, largest);
        let mut settings = base.clone();
        let timeout_ms = config.transaction_timeout_ms;
        settings.push(("transactional.id", config.transactional_id.clone()));
        settings.push(("transaction.timeout.ms", timeout_ms.to_string()));
        // librdkafka wants requests to end before their transaction does.
        settings.push((
            "socket.timeout.ms",
            timeout_ms.clamp(1000, 60_000).to_string(),
        ));
        let producer = Transactional::new(&access.producer(&settings), timeout_ms)?;
        let outside = match config.delivery {
            Delivery::ExactlyOnce => None,
            Delivery::AtLeastOnce => Some(outside(access, &base)?),
        };
        let sender = outside.as_ref().unwrap_or(producer.client());
        let sinks: Result<Vec<_>> = config
            .sinks
            .iter()
            .map(|name| Outlet::new(sender, name))
            .collect();
        Ok(Shard {
            sinks: sinks?,
            changelog: Outlet::new(producer.client(), &config.changelog)?,
            outside,
            source: Source::new(
                access,
                &config.source,
                &config.group,
                config.epoch_interval_ms,
            )?,
            producer,
            admin: admin.clone(),
            access: access.clone(),
            config: config.clone(),
            sink_partitions: vec![None; config.sinks.len()],
            record_bytes_max,
        })
    }

    fn positions(&self, positions: &[Position]) -> Result<List> {
        let topic = cstring(&self.config.source);
        let mut list = List::new(positions.len());
        for position in positions {
            let metadata = position.metadata.as_bytes();
            if !metadata.is_ascii() || metadata.len() > METADATA_BYTES_MAX {
                return Err(Error::halt(format!(
                    "metadata of partition {} is over {METADATA_BYTES_MAX} bytes or not ASCII; report this as a bug",
                    position.partition
                )));
            }
            list.add_with_metadata(&topic, position.partition, position.offset, metadata);
        }
        Ok(list)
    }
}

/// Largest records of the sinks and, last, the changelog; an error where a topic is missing.
fn record_bytes_max(admin: &Arc<Client>, config: &ShardConfig) -> Result<Vec<usize>> {
    let mut names: Vec<&str> = config.sinks.iter().map(String::as_str).collect();
    names.push(&config.changelog);
    let until = Instant::now() + MISSING_WAIT_MAX;
    let mut answers = topics::record_bytes_max(admin, &names)?;
    while answers.contains(&None) && Instant::now() < until {
        std::thread::sleep(MISSING_PAUSE);
        answers = topics::record_bytes_max(admin, &names)?;
    }
    let last = names.len() - 1;
    let known = |(i, answer): (usize, Option<usize>)| {
        let role = if i == last { "changelog" } else { "sink" };
        answer.ok_or_else(|| errors::no_topic(role, names[i]))
    };
    answers.into_iter().enumerate().map(known).collect()
}

/// The producer of outputs that don't wait for the commit.
fn outside(access: &Access, settings: &[(&'static str, String)]) -> Result<Arc<Client>> {
    Client::new(Role::Producer, &access.producer(settings))
        .map(Arc::new)
        .map_err(|fault| Error::halt(format!("Kafka producer: {}", fault.text)))
}

fn out_of_range(topic: usize) -> Error {
    Error::halt(format!(
        "there is no sink number {topic}; report this as a bug"
    ))
}

impl ShardLog for Shard {
    fn init_transactions(&mut self) -> Result<()> {
        self.producer.run("init_transactions", commit::init)
    }

    fn source_topic(&mut self) -> Result<Topic> {
        topics::existing(&self.admin, "source", &self.config.source)
    }

    fn sink_partitions(&mut self, topic: usize) -> Result<i32> {
        let cached = self.sink_partitions.get_mut(topic);
        let cached = cached.ok_or_else(|| out_of_range(topic))?;
        if let Some(partitions) = cached {
            return Ok(*partitions);
        }
        let name = &self.config.sinks[topic];
        let partitions = topics::existing(&self.admin, "sink", name)?.partitions;
        Ok(*cached.insert(partitions))
    }

    fn source_bounds(&mut self, partition: i32) -> Result<Bounds> {
        self.source.bounds(partition)
    }

    fn resolve_start(&mut self, partition: i32, start: Start) -> Result<i64> {
        self.source.resolve(partition, start)
    }

    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Option<Committed>>> {
        self.source.committed(partitions)
    }

    fn read_changelog(
        &mut self,
        from: i64,
        visit: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Bounds> {
        changelog::read(&self.access, &self.config, from, visit)
    }

    fn assign(&mut self, positions: &[(i32, i64)]) -> Result<()> {
        self.source.assign(positions)
    }

    fn poll(&mut self, rows_max: usize, wait: Duration, into: &mut Vec<SourceBatch>) -> Result<()> {
        self.source.poll(rows_max, wait, into)
    }

    fn begin(&mut self) -> Result<()> {
        if let Some(outside) = &self.outside {
            outside.health().clear_failed();
        }
        self.producer.begin()
    }

    fn send(&mut self, record: OutRecord<'_>) -> Result<()> {
        let outlet = self.sinks.get(record.topic);
        let outlet = outlet.ok_or_else(|| out_of_range(record.topic))?;
        let out = Record {
            partition: record.partition,
            key: record.key,
            value: record.value,
            timestamp: sink::event_time(record.timestamp),
        };
        outlet.send(out, record.headers)
    }

    fn append_changelog(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let record = Record {
            partition: self.config.shard,
            key: Some(key),
            value: Some(value),
            timestamp: sink::NOW,
        };
        self.changelog.send(record, None)
    }

    fn commit(&mut self, positions: &[Position], source: &TopicId) -> Result<bool> {
        let work = Commit {
            admin: self.admin.clone(),
            outside: self.outside.clone(),
            source: self.config.source.clone(),
            id: *source,
            group: self.config.group.clone(),
            positions: self.positions(positions)?,
            wait: commit::wait_max(self.config.transaction_timeout_ms),
        };
        self.producer
            .run("commit", move |client, trace| work.run(client, trace))?;
        Ok(self.producer.tainted())
    }

    fn abort(&mut self) -> Result<()> {
        let wait = commit::wait_max(self.config.transaction_timeout_ms);
        self.producer.run("abort", move |client, trace| {
            commit::abort(client, trace, wait)
        })?;
        match self.producer.tainted() {
            true => Err(Error::new(
                Kind::Fenced,
                "the transaction was aborted, but slowly or while a connection broke: a new producer must take over",
            )),
            false => Ok(()),
        }
    }

    fn record_bytes_max(&mut self, topic: Option<usize>) -> Result<usize> {
        let at = topic.unwrap_or(self.config.sinks.len());
        let found = self.record_bytes_max.get(at).copied();
        found.ok_or_else(|| out_of_range(at))
    }

    fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.source.fetched_end(partition)
    }

    fn waited(&self) -> Duration {
        let outlets = self.sinks.iter().chain([&self.changelog]);
        outlets.map(Outlet::waited).sum()
    }
}
