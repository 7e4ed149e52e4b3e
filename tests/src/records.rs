//! Records as a test writes and reads them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use crate::client::{Client, TIMEOUT};

/// Brokers that a test freezes or restarts hold up its own records too.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(120);

/// A header: its name, and its value (`None` is null).
pub type RecHeader = (String, Option<Vec<u8>>);

/// A record as a test writes or reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rec {
    /// Partition of its topic.
    pub partition: i32,
    /// Offset, when read; ignored when written.
    pub offset: i64,
    /// Key; `None` is null.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Headers, in order.
    pub headers: Vec<RecHeader>,
}

impl Rec {
    /// A record with a key and a value, both text.
    pub fn new(partition: i32, key: &str, value: &str, timestamp: i64) -> Self {
        Self {
            partition,
            key: Some(key.into()),
            value: Some(value.into()),
            timestamp,
            ..Self::default()
        }
    }

    /// The key as text (lossy; null is empty).
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }

    /// The value as text (lossy; null is empty).
    pub fn value_text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

impl Client {
    /// Write records, each to its partition, in order, and wait until all are acknowledged.
    pub fn produce<'a>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = &'a Rec>,
    ) -> Result<()> {
        let producer: BaseProducer<Reports> = self
            .config()
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.max.bytes", "20000000")
            .create_with_context(Reports::default())?;
        for record in records {
            enqueue(&producer, topic, record)?;
        }
        producer.flush(FLUSH_TIMEOUT)?;
        producer.context().first_error()
    }

    /// Write records in one transaction of id `id`, then commit or abort it.
    pub fn produce_transaction<'a>(
        &self,
        id: &str,
        topic: &str,
        records: impl IntoIterator<Item = &'a Rec>,
        commit: bool,
    ) -> Result<()> {
        let producer: BaseProducer<Reports> = self
            .config()
            .set("transactional.id", id)
            .create_with_context(Reports::default())?;
        producer.init_transactions(TIMEOUT)?;
        producer.begin_transaction()?;
        for record in records {
            enqueue(&producer, topic, record)?;
        }
        producer.flush(TIMEOUT)?;
        producer.context().first_error()?;
        if commit {
            producer.commit_transaction(TIMEOUT)?;
        } else {
            producer.abort_transaction(TIMEOUT)?;
        }
        Ok(())
    }

    /// All committed records of a topic, from its beginning to its last stable offset, by partition and offset.
    pub fn read_committed(&self, topic: &str) -> Result<Vec<Rec>> {
        self.read(topic, "read_committed")
    }

    /// All records of a topic, also those of open and aborted transactions.
    pub fn read_uncommitted(&self, topic: &str) -> Result<Vec<Rec>> {
        self.read(topic, "read_uncommitted")
    }

    fn read(&self, topic: &str, isolation: &str) -> Result<Vec<Rec>> {
        let partitions = self
            .partitions(topic)?
            .with_context(|| format!("there is no topic {topic}"))?;
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "sluicebox-tests-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            // The end is told by a fetch that finds nothing.
            .set("fetch.wait.max.ms", "10")
            .set("isolation.level", isolation)
            .create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        let mut open: BTreeSet<i32> = (0..partitions).collect();
        let (mut records, mut deadline) = (Vec::new(), Instant::now() + TIMEOUT);
        while !open.is_empty() {
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    deadline = Instant::now() + TIMEOUT;
                    records.push(rec(&message));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(Err(error)) if !transient(&error) => bail!("reading {topic}: {error}"),
                _ if Instant::now() > deadline => {
                    bail!("reading {topic}: no end after {TIMEOUT:?}")
                }
                _ => {}
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }
}

fn transient(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown)
    )
}

fn rec(message: &BorrowedMessage<'_>) -> Rec {
    let headers = message.headers().map(|headers| {
        let owned =
            |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
        headers.iter().map(owned).collect()
    });
    Rec {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        headers: headers.unwrap_or_default(),
    }
}

fn enqueue(producer: &BaseProducer<Reports>, topic: &str, record: &Rec) -> Result<()> {
    let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic)
        .partition(record.partition)
        .timestamp(record.timestamp);
    message.key = record.key.as_deref();
    message.payload = record.value.as_deref();
    if !record.headers.is_empty() {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: value.as_ref(),
            });
        }
        message.headers = Some(headers);
    }
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                message = back;
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// Remembers the first delivery that failed.
#[derive(Default)]
struct Reports {
    failed: Mutex<Option<KafkaError>>,
}

impl Reports {
    fn first_error(&self) -> Result<()> {
        match self
            .failed
            .lock()
            .map_err(|_| anyhow!("a delivery report panicked"))?
            .take()
        {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let (Err((error, _)), Ok(mut failed)) = (result, self.failed.lock()) {
            failed.get_or_insert_with(|| error.clone());
        }
    }
}
