//! A job's dead-letter topic, open: how far its letters have been dealt with, and reading on from there.

use crate::error::{Error, Result};
use crate::layout::{self, changelog};
use sluicebox_core::batch::Batch;
use sluicebox_core::log::{self, Delivery, Log, ShardConfig, ShardLog, TopicId};
use sluicebox_core::pipeline::source_topic;
use sluicebox_core::spec::JobSpec;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Records of one read.
const ROWS_MAX: usize = 1_000;
/// One wait for records.
const WAIT: Duration = Duration::from_millis(200);
/// Longest time without any progress.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// A transaction that nobody ends is aborted after this long.
const TRANSACTION_TIMEOUT_MS: u64 = 60_000;
/// Waits for room, in place of an epoch's length.
const INTERVAL_MS: u64 = 100;

/// An offset of each partition.
pub type Positions = BTreeMap<i32, i64>;

/// The open topic.
pub struct Desk {
    /// Connection: the dead letters are its source, the job's source is its only sink.
    pub log: Box<dyn ShardLog>,
    /// Identity of the topic.
    pub topic: TopicId,
    partitions: Vec<i32>,
}

/// Where a job's dead letters are, if it has any at all.
fn topic(spec: &JobSpec) -> Result<&str> {
    spec.dead_letter.as_deref().ok_or_else(|| {
        Error::input(format!(
            "job `{}` has no dead letters: its spec names no topic for them\nset `dead_letter: {{ topic: NAME }}`, and \
             `on_error: dead_letter` on an operator",
            spec.job
        ))
    })
}

impl Desk {
    /// Open it. What is written goes to `sinks`.
    pub fn open(log: &dyn Log, spec: &JobSpec, base: &str, sinks: &[String]) -> Result<Self> {
        let name = topic(spec)?;
        if log.topic(&changelog(base))?.is_none() {
            return Err(Error::halted(format!(
                "job `{}` has never run, so it has no dead letters",
                spec.job
            )));
        }
        let missing = || Error::halted(format!("there is no topic `{name}` any more"));
        let topic = log.topic(name)?.ok_or_else(missing)?;
        let partitions: Vec<i32> = (0..topic.partitions).collect();
        let log = open(log, base, name, &partitions, sinks)?;
        Ok(Self {
            log,
            topic: topic.id,
            partitions,
        })
    }

    /// What there is to read: from behind the letters that were dealt with (or from the first ones there are), to the end now.
    pub fn span(&mut self, all: bool) -> Result<(Positions, Positions)> {
        let committed = match all {
            true => vec![None; self.partitions.len()],
            false => self.log.committed(&self.partitions).map_err(unsettled)?,
        };
        let (mut from, mut to) = (Positions::new(), Positions::new());
        for (partition, committed) in self.partitions.iter().zip(committed) {
            let bounds = self.log.source_bounds(*partition)?;
            // Retention may have deleted what was not dealt with.
            let next = committed.map_or(bounds.start, |c| c.offset.max(bounds.start));
            from.insert(*partition, next);
            to.insert(*partition, bounds.end);
        }
        Ok((from, to))
    }

    /// Visit the rows from `at` up to `until` and move `at` along. A row on which the visitor breaks off is the next one.
    pub fn read(
        &mut self,
        at: &mut Positions,
        until: &Positions,
        visit: &mut dyn FnMut(Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let open = |at: &Positions| -> Vec<(i32, i64)> {
            let end = |partition| until.get(partition).copied().unwrap_or(0);
            let open = at
                .iter()
                .filter(|(partition, offset)| **offset < end(partition));
            open.map(|(partition, offset)| (*partition, *offset))
                .collect()
        };
        self.log.assign(&open(at))?;
        let mut progress = Instant::now();
        while !open(at).is_empty() {
            let mut batches = Vec::new();
            self.log.poll(ROWS_MAX, WAIT, &mut batches)?;
            if batches.is_empty() && progress.elapsed() > SILENCE_MAX {
                return Err(Error::failed("the brokers don't send the dead letters"));
            }
            for batch in batches {
                progress = Instant::now();
                let end = until.get(&batch.partition).copied().unwrap_or(0);
                for (row, offset) in batch.offsets.iter().enumerate() {
                    if *offset >= end {
                        break;
                    }
                    let row = Row {
                        rows: &batch.batch,
                        row,
                        partition: batch.partition,
                        offset: *offset,
                    };
                    if visit(row)?.is_break() {
                        at.insert(batch.partition, *offset);
                        return Ok(());
                    }
                    at.insert(batch.partition, offset + 1);
                }
                // Where a row beyond the end was seen, nothing before the end is left but gaps.
                let beyond = batch.offsets.last().is_some_and(|last| *last >= end);
                let reached = if beyond { end } else { batch.next_offset };
                at.insert(batch.partition, reached);
            }
        }
        Ok(())
    }
}

/// Positions in a transaction that is open can't be told, and one that was cut off is open for a while.
fn unsettled(error: log::Error) -> Error {
    match error.kind {
        log::Kind::Retriable => Error::failed(format!(
            "how far dead letters were dealt with can't be told now: {}\ntry again in a minute: a requeue is under way, or was \
             cut off",
            error.message
        )),
        _ => error.into(),
    }
}

/// A row of the topic.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The batch that it is in.
    pub rows: &'a Batch,
    /// Its number in that.
    pub row: usize,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// The job's source, to read single records of.
pub struct Originals {
    log: Box<dyn ShardLog>,
}

impl Originals {
    /// Open it.
    pub fn open(log: &dyn Log, spec: &JobSpec, base: &str, partitions: i32) -> Result<Self> {
        let partitions: Vec<i32> = (0..partitions).collect();
        let topic = source_topic(&spec.source);
        let log = open(log, base, &topic, &partitions, &[])?;
        Ok(Self { log })
    }

    /// The record at an offset; `None` if it is not there any more.
    pub fn read(&mut self, partition: i32, offset: i64) -> Result<Option<Batch>> {
        let bounds = self.log.source_bounds(partition)?;
        if offset < bounds.start || offset >= bounds.end {
            return Ok(None);
        }
        self.log.assign(&[(partition, offset)])?;
        let until = Instant::now() + SILENCE_MAX;
        while Instant::now() < until {
            let mut batches = Vec::new();
            self.log.poll(1, WAIT, &mut batches)?;
            for batch in batches {
                match batch.offsets.first() {
                    Some(first) => return Ok((*first == offset).then(|| batch.batch.slice(0, 1))),
                    None if batch.next_offset > offset => return Ok(None),
                    None => {}
                }
            }
        }
        Err(Error::failed("the brokers don't send the source's records"))
    }
}

fn open(
    log: &dyn Log,
    base: &str,
    source: &str,
    partitions: &[i32],
    sinks: &[String],
) -> Result<Box<dyn ShardLog>> {
    Ok(log.open(&ShardConfig {
        source: source.to_owned(),
        partitions: partitions.to_vec(),
        sinks: sinks.to_vec(),
        changelog: changelog(base),
        shard: 0,
        transactional_id: layout::requeue(base),
        group: layout::requeue(base),
        delivery: Delivery::ExactlyOnce,
        epoch_interval_ms: INTERVAL_MS,
        transaction_timeout_ms: TRANSACTION_TIMEOUT_MS,
    })?)
}
