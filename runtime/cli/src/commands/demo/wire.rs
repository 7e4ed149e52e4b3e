//! The demo's own ends of the log: where orders go in and results come out, by the log port alone, so that the demo is
//! the same on the embedded log and on Kafka.

use super::orders::Orders;
use anyhow::{Context, Result};
use sluicebox_core::batch::{Batch, Field};
use sluicebox_core::log::{Delivery, Log, OutRecord, Position, ShardConfig, ShardLog, SourceBatch};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Partitions of the demo's topics.
pub const PARTITIONS: i32 = 4;
/// How often orders are sent, each time in a transaction of their own.
const SEND_EVERY: Duration = Duration::from_millis(50);
/// Orders of one transaction where they go as fast as they can.
const AT_ONCE: u64 = 10_000;

fn connection(
    log: &dyn Log,
    name: &str,
    source: &str,
    sinks: &[String],
) -> Result<Box<dyn ShardLog>> {
    let config = ShardConfig {
        source: source.to_owned(),
        partitions: (0..PARTITIONS).collect(),
        sinks: sinks.to_vec(),
        // Not a shard of a job: nothing is written to this one.
        changelog: source.to_owned(),
        shard: 0,
        transactional_id: name.to_owned(),
        group: name.to_owned(),
        delivery: Delivery::ExactlyOnce,
        epoch_interval_ms: SEND_EVERY.as_millis() as u64,
        transaction_timeout_ms: 60_000,
    };
    log.open(&config)
        .with_context(|| format!("can't connect to topic {source}"))
}

/// Make the demo's topics. The changelog's settings suit them: records are kept however old their timestamps are.
pub fn make_topics(log: &dyn Log, names: &[String]) -> Result<()> {
    for name in names {
        log.ensure_changelog(name, PARTITIONS)
            .with_context(|| format!("can't make topic {name}"))?;
    }
    Ok(())
}

/// Sends the orders, so many a second (0: as fast as it goes), until all are sent or `stop`.
pub struct Feeder<'a> {
    /// Counts what has been sent.
    pub sent: &'a AtomicU64,
    /// Ends it early.
    pub stop: &'a AtomicBool,
    /// Orders a second.
    pub rate: u64,
}

impl Feeder<'_> {
    /// Send all orders to a topic.
    pub fn run(&self, log: &dyn Log, topic: &str, mut orders: Orders) -> Result<()> {
        let name = format!("{topic}-feeder");
        let mut out = connection(log, &name, topic, &[topic.to_owned()])?;
        out.init_transactions()?;
        let begin = Instant::now();
        let mut batches = vec![Batch::default(); PARTITIONS as usize];
        while !self.stop.load(Ordering::Relaxed) {
            let sent = self.sent.load(Ordering::Relaxed);
            let due = match self.rate {
                0 => AT_ONCE,
                rate => ((rate as f64 * begin.elapsed().as_secs_f64()) as u64).saturating_sub(sent),
            };
            let count = orders.take(due, &mut batches);
            if count == 0 && due > 0 {
                break;
            }
            if send(out.as_mut(), &mut batches)? {
                // Slow brokers are no reason to give up a demo: a fresh connection takes over.
                out = connection(log, &name, topic, &[topic.to_owned()])?;
                out.init_transactions()?;
            }
            self.sent.fetch_add(count, Ordering::Relaxed);
            if self.rate > 0 {
                std::thread::sleep(SEND_EVERY);
            }
        }
        Ok(())
    }
}

/// One transaction. Answers whether the connection must be replaced.
fn send(out: &mut dyn ShardLog, batches: &mut [Batch]) -> Result<bool> {
    let source = out.source_topic()?;
    out.begin()?;
    for (partition, batch) in (0..).zip(batches.iter_mut()) {
        for row in 0..batch.len() {
            out.send(OutRecord {
                topic: 0,
                partition,
                key: batch.key(row),
                value: batch.field(row, Field::Value),
                headers: None,
                timestamp: batch.timestamp(row),
            })?;
        }
        batch.clear();
    }
    // A transaction commits a position; this one means nothing to anybody.
    let position = Position {
        partition: 0,
        offset: 0,
        metadata: String::new(),
    };
    Ok(out.commit(&[position], &source.id)?)
}

/// Reads what has been committed to a topic.
pub struct Results {
    connection: Box<dyn ShardLog>,
    batches: Vec<SourceBatch>,
}

impl Results {
    /// From the first record on.
    pub fn open(log: &dyn Log, topic: &str) -> Result<Self> {
        let mut connection = connection(log, &format!("{topic}-reader"), topic, &[])?;
        let begin: Vec<(i32, i64)> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        connection.assign(&begin)?;
        Ok(Self {
            connection,
            batches: Vec::new(),
        })
    }

    /// Visit partition and value of what has come, waiting a little for it. Answers whether anything came.
    pub fn poll(&mut self, wait: Duration, mut visit: impl FnMut(i32, &[u8])) -> Result<bool> {
        self.connection
            .poll(sluicebox_core::batch::ROWS_MAX, wait, &mut self.batches)?;
        let mut any = false;
        for batch in self.batches.drain(..) {
            for value in (0..batch.batch.len()).filter_map(|row| batch.batch.value(row)) {
                any = true;
                visit(batch.partition, value);
            }
        }
        Ok(any)
    }
}
