//! The native twin: the same two jobs as plain Rust in one thread over the Kafka client, without Wasm, without a
//! checkpoint of its windows and without recovery. A floor to compare with, not an engine.
use crate::kafka::{self, DEADLINE, Producer};
use crate::workload::{LATENESS_MS, WINDOW_MS};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// The clock is looked at once in this many records.
const CLOCK_EVERY: u64 = 256;

/// The jobs of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// Filter and JSON map.
    Stateless,
    /// Filter, JSON map, count and sum per user and minute.
    Windowed,
}

/// What a twin runs on.
#[derive(Args, Clone, Debug)]
pub struct Task {
    /// What to compute.
    #[arg(long, value_enum)]
    pub job: Job,
    /// Topic to read from its start.
    #[arg(long)]
    pub input: String,
    /// Topic to write, in transactions.
    #[arg(long)]
    pub out: String,
    /// Consumer group that holds the positions.
    #[arg(long)]
    pub group: String,
    /// Length of a transaction, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub epoch_ms: u64,
    /// Delay of the producer for larger batches, in milliseconds.
    #[arg(long, default_value_t = 20)]
    pub linger_ms: u64,
    /// Go on at the end of the input instead of closing all windows and stopping.
    #[arg(long)]
    pub follow: bool,
}

#[derive(Deserialize, Serialize)]
struct Event<'a> {
    id: u64,
    user: &'a str,
    page: Cow<'a, str>,
    amount: i64,
    ts: i64,
    #[serde(default)]
    cents: i64,
}

#[derive(Serialize)]
struct Row<'a> {
    user: &'a str,
    w: i64,
    count: u64,
    sum: i64,
}

type Windows = BTreeMap<i64, HashMap<Box<str>, (u64, i64)>>;

struct Twin {
    task: Task,
    consumer: BaseConsumer,
    producer: Producer,
    /// Per partition: next offset, largest timestamp, whether its end was reached.
    partitions: Vec<(i64, i64, bool)>,
    windows: Windows,
    value: Vec<u8>,
}

/// Run until the end of the input or, if told to follow it, for ever.
pub fn run(brokers: &str, task: Task) -> Result<()> {
    let mut twin = Twin::open(brokers, task)?;
    let every = Duration::from_millis(twin.task.epoch_ms);
    let consumer_poll = Duration::from_millis(20);
    let (mut read, mut began) = (0u64, Instant::now());
    twin.producer.begin_transaction()?;
    loop {
        let idle = match twin.consumer.poll(consumer_poll) {
            Some(Ok(message)) => {
                read += 1;
                // Taken apart so that the message may borrow the consumer meanwhile.
                process(
                    &message,
                    &twin.task,
                    &twin.producer,
                    &mut twin.partitions,
                    &mut twin.windows,
                    &mut twin.value,
                )?;
                false
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                twin.partitions[partition as usize].2 = true;
                false
            }
            Some(Err(error)) => return Err(error.into()),
            None => true,
        };
        let done = !twin.task.follow && twin.partitions.iter().all(|(_, _, end)| *end);
        if done || ((idle || read.is_multiple_of(CLOCK_EVERY)) && began.elapsed() >= every) {
            twin.close_windows(done)?;
            twin.commit()?;
            if done {
                return Ok(());
            }
            twin.producer.begin_transaction()?;
            began = Instant::now();
        }
    }
}

fn process(
    message: &BorrowedMessage<'_>,
    task: &Task,
    producer: &Producer,
    partitions: &mut [(i64, i64, bool)],
    windows: &mut Windows,
    value: &mut Vec<u8>,
) -> Result<()> {
    let ts = message
        .timestamp()
        .to_millis()
        .context("a record without a timestamp")?;
    let mut event: Event<'_> = serde_json::from_slice(message.payload().unwrap_or_default())?;
    if event.amount % 10 != 0 {
        event.page = event.page.to_uppercase().into();
        event.cents = event.amount * 100;
        if task.job == Job::Stateless {
            value.clear();
            serde_json::to_writer(&mut *value, &event)?;
            let key = message.key().unwrap_or_default();
            kafka::send(producer, &task.out, None, key, value, ts)?;
        } else {
            let users = windows
                .entry(ts.div_euclid(WINDOW_MS) * WINDOW_MS)
                .or_default();
            match users.get_mut(event.user) {
                Some((count, sum)) => (*count, *sum) = (*count + 1, *sum + event.amount),
                None => _ = users.insert(event.user.into(), (1, event.amount)),
            }
        }
    }
    let (next, newest, end) = &mut partitions[message.partition() as usize];
    (*next, *newest, *end) = (message.offset() + 1, ts.max(*newest), false);
    Ok(())
}

impl Twin {
    fn open(brokers: &str, task: Task) -> Result<Self> {
        let consumer = kafka::consumer(brokers, &task.group)?;
        let producer: Producer = kafka::producer_config(brokers, task.linger_ms)
            .set("transactional.id", format!("twin-{}", task.group))
            .create()?;
        producer.init_transactions(DEADLINE)?;
        let start = kafka::positions(&task.input, kafka::PARTITIONS, Offset::Beginning)?;
        consumer.assign(&start)?;
        Ok(Self {
            task,
            consumer,
            producer,
            partitions: vec![(0, i64::MIN, false); kafka::PARTITIONS as usize],
            windows: Windows::new(),
            value: Vec::new(),
        })
    }

    /// One watermark over all partitions: the smallest of them.
    fn close_windows(&mut self, all: bool) -> Result<()> {
        let newest = self.partitions.iter().map(|(_, newest, _)| *newest).min();
        let watermark = newest.unwrap_or(i64::MIN).saturating_sub(LATENESS_MS);
        while let Some(first) = self.windows.first_entry() {
            if !all && first.key().saturating_add(WINDOW_MS) > watermark {
                break;
            }
            let (w, users) = first.remove_entry();
            for (user, (count, sum)) in users {
                self.value.clear();
                serde_json::to_writer(
                    &mut self.value,
                    &Row {
                        user: &user,
                        w,
                        count,
                        sum,
                    },
                )?;
                let ts = w + WINDOW_MS - 1;
                kafka::send(
                    &self.producer,
                    &self.task.out,
                    None,
                    user.as_bytes(),
                    &self.value,
                    ts,
                )?;
            }
        }
        Ok(())
    }

    fn commit(&self) -> Result<()> {
        kafka::drain(&self.producer)?;
        let mut offsets = TopicPartitionList::new();
        for (partition, (next, ..)) in self.partitions.iter().enumerate().filter(|(_, p)| p.0 > 0) {
            let partition = i32::try_from(partition)?;
            offsets.add_partition_offset(&self.task.input, partition, Offset::Offset(*next))?;
        }
        if offsets.count() > 0 {
            let group = self.consumer.group_metadata().context("no group")?;
            self.producer
                .send_offsets_to_transaction(&offsets, &group, DEADLINE)?;
        }
        Ok(self.producer.commit_transaction(DEADLINE * 2)?)
    }
}
