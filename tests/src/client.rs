//! What a test does to a broker and sees of it: topics, records, committed positions. Deliberately apart from the
//! engine's own Kafka code (other calls, other settings), so that a mistake there is not repeated here.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

pub use crate::records::{Rec, RecHeader};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A position committed by a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset of the next record to read.
    pub offset: i64,
    /// What was committed beside it.
    pub metadata: String,
}

/// A test's connection to one broker. Cheap: each call connects anew.
#[derive(Clone, Debug)]
pub struct Client {
    bootstrap: String,
    /// Of topics that it makes.
    replicas: i32,
}

impl Client {
    /// A client of the broker at `host:port`.
    pub fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            replicas: 1,
        }
    }

    /// The same; topics that it makes have so many replicas.
    pub fn with_replicas(self, replicas: i32) -> Self {
        Self { replicas, ..self }
    }

    /// `host:port` of the broker.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Whether the broker answers within `timeout`.
    pub fn answers(&self, timeout: Duration) -> bool {
        let consumer: Result<BaseConsumer, _> = self.config().create();
        consumer.is_ok_and(|consumer| {
            consumer
                .fetch_metadata(None, timeout)
                .is_ok_and(|metadata| !metadata.brokers().is_empty())
        })
    }

    /// How many brokers there are, or `None` while some replica is not in sync.
    pub(crate) fn brokers_in_sync(&self) -> Result<Option<usize>> {
        let consumer: BaseConsumer = self.config().create()?;
        let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
        let mut partitions = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions());
        let in_sync = partitions.all(|p| p.isr().len() == p.replicas().len());
        Ok(in_sync.then(|| metadata.brokers().len()))
    }

    /// Create a topic; old timestamps stay (`retention.ms=-1`) and future ones are taken, unless `configs` says otherwise.
    pub fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<()> {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(self.replicas))
            .set("retention.ms", "-1")
            // Tests have times of their own; a broker would refuse those of the future.
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        for (key, value) in configs {
            topic.config.retain(|(set, _)| set != key);
            topic = topic.set(key, value);
        }
        let results = block_on(self.admin()?.create_topics([&topic], &AdminOptions::new()))?;
        one(name, results)?;
        self.wait_for_topic(name, Some(partitions))
    }

    /// Delete a topic and wait until it is gone.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let results = block_on(self.admin()?.delete_topics(&[name], &AdminOptions::new()))?;
        one(name, results)?;
        self.wait_for_topic(name, None)
    }

    /// Raise the number of a topic's partitions.
    pub fn add_partitions(&self, name: &str, partitions: i32) -> Result<()> {
        let new = NewPartitions::new(name, usize::try_from(partitions)?);
        let results = block_on(
            self.admin()?
                .create_partitions([&new], &AdminOptions::new()),
        )?;
        one(name, results)?;
        self.wait_for_topic(name, Some(partitions))
    }

    /// Remove the records of a partition before `offset`.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        let done = block_on(self.admin()?.delete_records(&list, &AdminOptions::new()))?;
        for element in done.elements() {
            element.error()?;
        }
        Ok(())
    }

    /// Delete a group with all its committed positions.
    pub fn delete_group(&self, group: &str) -> Result<()> {
        let results = block_on(self.admin()?.delete_groups(&[group], &AdminOptions::new()))?;
        one(group, results)
    }

    /// Number of partitions of a topic, `None` if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>> {
        let consumer: BaseConsumer = self.config().create()?;
        let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
        let found = metadata.topics().iter().find(|t| t.name() == topic);
        Ok(found.map(|topic| topic.partitions().len() as i32))
    }

    /// Names of the topics that begin with `prefix`.
    pub fn topics(&self, prefix: &str) -> Result<Vec<String>> {
        let consumer: BaseConsumer = self.config().create()?;
        let metadata = consumer.fetch_metadata(None, TIMEOUT)?;
        let names = metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned());
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// First offset and offset after the last record of a partition.
    pub fn bounds(&self, topic: &str, partition: i32) -> Result<(i64, i64)> {
        let consumer: BaseConsumer = self.config().create()?;
        Ok(patiently(|| {
            consumer.fetch_watermarks(topic, partition, TIMEOUT)
        })?)
    }

    /// What `group` committed for the partitions of `topic`, where it committed something.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Vec<CommittedOffset>> {
        let partitions = self
            .partitions(topic)?
            .with_context(|| format!("there is no topic {topic}"))?;
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", group)
            // What is committed now: else the answer waits for a transaction that a killed job left open.
            .set("isolation.level", "read_uncommitted")
            .create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let committed = patiently(|| consumer.committed_offsets(list.clone(), TIMEOUT))?;
        let mut out = Vec::new();
        for element in committed.elements() {
            element.error()?;
            if let Offset::Offset(offset) = element.offset() {
                out.push(CommittedOffset {
                    partition: element.partition(),
                    offset,
                    metadata: element.metadata().to_owned(),
                });
            }
        }
        Ok(out)
    }

    /// The groups that the broker knows, with the number of their members.
    pub fn groups(&self) -> Result<Vec<(String, usize)>> {
        let consumer: BaseConsumer = self.config().create()?;
        let list = consumer.fetch_group_list(None, TIMEOUT)?;
        Ok(list
            .groups()
            .iter()
            .map(|g| (g.name().to_owned(), g.members().len()))
            .collect())
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("socket.timeout.ms", "10000")
            .set("log_level", "2");
        config
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(self.config().create()?)
    }

    /// Brokers answer before all of them know: wait until the topic is (or is no longer) to be seen.
    fn wait_for_topic(&self, name: &str, partitions: Option<i32>) -> Result<()> {
        crate::process::wait_until(
            &format!("topic {name} has {partitions:?} partitions"),
            TIMEOUT,
            || Ok(self.partitions(name)? == partitions),
        )
    }
}

/// Ask again while leaders and coordinators move: brokers that have just started refuse until they know who they are.
fn patiently<T>(
    mut ask: impl FnMut() -> std::result::Result<T, KafkaError>,
) -> std::result::Result<T, KafkaError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match ask() {
            Err(error) if moves(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            result => return result,
        }
    }
}

fn moves(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
        )
    )
}

fn one(
    name: &str,
    results: Vec<std::result::Result<String, (String, RDKafkaErrorCode)>>,
) -> Result<()> {
    for result in results {
        result.map_err(|(_, code)| anyhow!("{name}: {code}"))?;
    }
    Ok(())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Wait for one future on this thread (the admin client answers by futures; nothing else here does).
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
