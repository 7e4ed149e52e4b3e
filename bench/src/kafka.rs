//! Kafka clients of the bench, all tuned in one place, and reading a topic from one end to the other.
use anyhow::{Context, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A producer that polls by a thread of its own.
pub type Producer = ThreadedProducer<DefaultProducerContext>;

/// Longest wait for a broker's answer.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// A scan that gets nothing for this long gives up.
const STALL: Duration = Duration::from_secs(30);
/// Partitions of every topic of the bench.
pub const PARTITIONS: i32 = 4;

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// Consumer settings shared by raw consume, twins and the verifier.
pub fn consumer_config(brokers: &str, group: &str) -> ClientConfig {
    let mut config = client(brokers);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("fetch.message.max.bytes", "4194304")
        .set("queued.max.messages.kbytes", "65536")
        .set("fetch.queue.backoff.ms", "5")
        .set("check.crcs", "false");
    config
}

/// A consumer that reads only what is committed.
pub fn consumer(brokers: &str, group: &str) -> Result<BaseConsumer> {
    Ok(consumer_config(brokers, group).create()?)
}

/// Producer settings shared by generator and twins. `linger_ms` trades latency for larger batches.
pub fn producer_config(brokers: &str, linger_ms: u64) -> ClientConfig {
    let mut config = client(brokers);
    config
        .set("partitioner", "murmur2_random")
        .set("linger.ms", linger_ms.to_string())
        .set("batch.size", "262144")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "1000000")
        .set("enable.idempotence", "true");
    config
}

/// Hand one record to the producer, waiting while its queue is full.
pub fn send(
    producer: &Producer,
    topic: &str,
    partition: Option<i32>,
    key: &[u8],
    value: &[u8],
    ts: i64,
) -> Result<()> {
    loop {
        let mut record = BaseRecord::to(topic).key(key).payload(value).timestamp(ts);
        record.partition = partition;
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err((error, _)) => return Err(error).context(format!("sending to {topic}")),
        }
    }
}

/// Wait until all that was sent is acknowledged. The client's own `flush` sleeps in steps of 100 ms.
pub fn drain(producer: &Producer) -> Result<()> {
    use rdkafka::producer::Producer as _;
    let start = Instant::now();
    while producer.in_flight_count() > 0 {
        if start.elapsed() > DEADLINE * 4 {
            bail!("the broker does not acknowledge what was sent");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// All partitions of a topic, at one offset.
pub fn positions(topic: &str, partitions: i32, at: Offset) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, at)?;
    }
    Ok(list)
}

/// First and next offset of each partition; the next one is that of `consumer`'s isolation level.
pub fn bounds(consumer: &BaseConsumer, topic: &str) -> Result<Vec<(i64, i64)>> {
    (0..PARTITIONS)
        .map(|partition| {
            consumer
                .fetch_watermarks(topic, partition, DEADLINE)
                .with_context(|| format!("asking for the offsets of {topic}[{partition}]"))
        })
        .collect()
}

/// Read a topic from its start to the end it has now, what is committed only.
pub fn scan(
    brokers: &str,
    topic: &str,
    mut visit: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
) -> Result<()> {
    let consumer = consumer(brokers, "bench-scan")?;
    consumer.assign(&positions(topic, PARTITIONS, Offset::Beginning)?)?;
    let mut open = PARTITIONS;
    let mut moved = Instant::now();
    while open > 0 {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                visit(&message)?;
                if message.offset() % 1024 == 0 {
                    moved = Instant::now();
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                open -= 1;
                moved = Instant::now();
            }
            Some(Err(error)) => return Err(error).context(format!("reading {topic}")),
            None if moved.elapsed() > STALL => bail!("{topic} gives nothing more before its end"),
            None => {}
        }
    }
    Ok(())
}

/// Creates and deletes topics.
pub struct Topics(AdminClient<DefaultClientContext>);

impl Topics {
    /// Connects when first used.
    pub fn new(brokers: &str) -> Result<Self> {
        Ok(Self(client(brokers).create()?))
    }

    /// Create a topic whose records, old as their timestamps are, stay.
    pub fn create(&self, name: &str) -> Result<()> {
        let topic =
            NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let made = block_on(self.0.create_topics([&topic], &options()))?;
        for result in made {
            if let Err((name, code)) = result {
                bail!("creating topic {name}: {code}");
            }
        }
        Ok(())
    }

    /// Delete these topics; one that is not there is no error.
    pub fn delete(&self, names: &[&str]) -> Result<()> {
        for result in block_on(self.0.delete_topics(names, &options()))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((name, code)) => bail!("deleting topic {name}: {code}"),
            }
        }
        Ok(())
    }

    /// Names of all topics that begin with `prefix`.
    pub fn named(&self, prefix: &str) -> Result<Vec<String>> {
        let metadata = self
            .0
            .inner()
            .fetch_metadata(None, DEADLINE)
            .context("asking for topics")?;
        let names = metadata.topics().iter().map(|t| t.name().to_owned());
        Ok(names.filter(|n| n.starts_with(prefix)).collect())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(DEADLINE))
}

/// The client's admin calls are futures; a thread that parks is all the runtime they need.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
