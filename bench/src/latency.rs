//! Latency: records produced at a fixed pace, and how long each takes until a reader of committed records sees what
//! became of it. Producer, reader and clock are one process.
use crate::kafka::{self, DEADLINE, PARTITIONS, Producer, Topics};
use crate::runner::{Setup, Who};
use crate::twin::Job;
use crate::verify;
use crate::workload::Workload;
use anyhow::{Context, Result, bail};
use clap::Args;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The reader gives up after this long without a record.
const STALL: Duration = Duration::from_secs(30);
/// Time for a contestant to start before the first record.
const START_UP: Duration = Duration::from_secs(2);

/// The pace.
#[derive(Args, Clone, Debug)]
pub struct Pace {
    /// Records a second.
    #[arg(long, default_value_t = 20_000)]
    pub rate: u64,
    /// Seconds whose records do not count.
    #[arg(long, default_value_t = 10)]
    pub warm_up_s: u64,
    /// Seconds whose records count.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Lengths of an epoch to try, in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 20])]
    pub epochs_ms: Vec<u64>,
}

/// Quantiles of produce → visible to a reader of committed records, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    pub who: Who,
    pub epoch_ms: u64,
    pub records: usize,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

/// Measure the stateless job at one epoch length, and verify what it wrote.
pub fn run(setup: &Setup, who: Who, epoch_ms: u64, pace: &Pace) -> Result<Latency> {
    let workload = Workload {
        n: pace.rate * (pace.warm_up_s + pace.seconds),
        span_ms: 1_000 * i64::try_from(pace.warm_up_s + pace.seconds)?,
        jitter_ms: 1,
        ..Workload::standard(0)
    };
    let topics = Topics::new(&setup.brokers)?;
    let input = format!("bench-{}-paced-{epoch_ms}-{who:?}", std::process::id());
    topics.create(&input)?;
    let entry = setup.enter(who, Job::Stateless, &input, epoch_ms, true)?;
    let mut process = entry.start()?;
    std::thread::sleep(START_UP);
    process.ended()?;
    let sent = Sent::new(workload.n);
    let mut delays_us = std::thread::scope(|scope| {
        let producer = scope.spawn(|| produce(&setup.brokers, &input, &workload, pace, &sent));
        let read = read(
            &setup.brokers,
            &entry.out,
            &workload,
            pace.rate * pace.warm_up_s,
            &sent,
        );
        // The producer's error explains the reader's.
        producer
            .join()
            .map_err(|_| anyhow::anyhow!("the producer panicked"))??;
        read
    })?;
    process.ended()?;
    process.stop()?;
    verify::verify(&setup.brokers, &entry.out, Job::Stateless, &workload)?
        .require_exact("latency")?;
    entry.clear()?;
    topics.delete(&[&input])?;
    delays_us.sort_unstable();
    let quantile = |q: f64| delays_us[((delays_us.len() - 1) as f64 * q) as usize] as f64 / 1e3;
    Ok(Latency {
        who,
        epoch_ms,
        records: delays_us.len(),
        p50_ms: quantile(0.5),
        p90_ms: quantile(0.9),
        p99_ms: quantile(0.99),
        max_ms: quantile(1.0),
    })
}

/// When each record was sent, in microseconds since this was made.
pub struct Sent {
    at: Vec<AtomicU64>,
    clock: Instant,
}

impl Sent {
    /// Nothing was sent yet.
    pub fn new(records: u64) -> Self {
        Self {
            at: (0..records).map(|_| AtomicU64::new(0)).collect(),
            clock: Instant::now(),
        }
    }

    /// Microseconds since it was made.
    pub fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Send each record when it is due, and note when that was.
pub fn produce(
    brokers: &str,
    topic: &str,
    workload: &Workload,
    pace: &Pace,
    sent: &Sent,
) -> Result<()> {
    let producer: Producer = kafka::producer_config(brokers, 5).create()?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let (begin, mut i) = (Instant::now(), 0);
    while i < workload.n {
        let due = (begin.elapsed().as_secs_f64() * pace.rate as f64) as u64;
        for record in (i..due.min(workload.n)).map(|i| workload.record(i)) {
            record.write_key(&mut key);
            record.write_value(&mut value);
            sent.at[record.id as usize].store(sent.now(), Ordering::Release);
            kafka::send(&producer, topic, None, &key, &value, record.ts)?;
        }
        i = i.max(due.min(workload.n));
        std::thread::sleep(Duration::from_millis(1));
    }
    kafka::drain(&producer)
}

/// Read until every record that should come out has, and answer the delays, in microseconds, of those that count.
fn read(
    brokers: &str,
    topic: &str,
    workload: &Workload,
    first: u64,
    sent: &Sent,
) -> Result<Vec<u64>> {
    let mut config = kafka::consumer_config(brokers, "bench-latency");
    let consumer: rdkafka::consumer::BaseConsumer =
        config.set("fetch.wait.max.ms", "100").create()?;
    consumer.assign(&kafka::positions(topic, PARTITIONS, Offset::Beginning)?)?;
    let mut left = (0..workload.n)
        .filter(|i| workload.record(*i).passes())
        .count();
    let (mut delays_us, mut moved) = (Vec::with_capacity(left), Instant::now());
    while left > 0 {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => {
                let now = sent.now();
                moved = Instant::now();
                left -= 1;
                let Id { id } = serde_json::from_slice(message.payload().unwrap_or_default())?;
                let sent = (sent.at)
                    .get(id as usize)
                    .context("a record that was never sent")?;
                if id >= first {
                    delays_us.push(now.saturating_sub(sent.load(Ordering::Acquire)));
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => return Err(error.into()),
            None if moved.elapsed() > STALL + DEADLINE => {
                bail!("{left} records never became visible")
            }
            None => {}
        }
    }
    Ok(delays_us)
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rate: 20_000,
            warm_up_s: 10,
            seconds: 20,
            epochs_ms: vec![100, 20],
        }
    }
}
