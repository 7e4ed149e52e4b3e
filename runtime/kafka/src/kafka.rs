//! A cluster as a whole: connecting, topics, lag, and opening shards.

use crate::access::Access;
use crate::connection::Connection;
use crate::errors;
use crate::ffi::Code;
use crate::ffi::client::{Client, Role};
use crate::limits::ANSWER_WAIT_MAX;
use crate::membership::Member;
use crate::shard::Shard;
use crate::source::Source;
use crate::{offsets, refusals, topics};
use sluicebox_core::log::{
    Error, Log, MemberConfig, Membership, PartitionLag, Replication, Result, ShardConfig, ShardLog,
    Topic,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection to a Kafka cluster.
pub struct Kafka {
    access: Access,
    admin: Arc<Client>,
}

impl Kafka {
    /// Connect, and wait for a first answer, about ten seconds at most. `Kind::Halt` says what to correct.
    pub fn connect(connection: Connection) -> Result<Kafka> {
        let access = Access::new(connection)?;
        let admin = client(&access)?;
        access.reaches(first_answer(&admin, access.servers())?);
        Ok(Kafka { access, admin })
    }
}

/// A client for questions.
fn client(access: &Access) -> Result<Arc<Client>> {
    let settings = [
        ("reconnect.backoff.ms", "50".to_string()),
        ("reconnect.backoff.max.ms", "1000".to_string()),
        ("socket.timeout.ms", ANSWER_WAIT_MAX.as_millis().to_string()),
        ("allow.auto.create.topics", "false".to_string()),
    ];
    let client = Client::new(Role::Producer, &access.producer(&settings));
    client.map(Arc::new).map_err(|fault| {
        Error::halt(format!(
            "Kafka client: {}; check the connection's properties",
            fault.text
        ))
    })
}

/// Ask for the machines that brokers are on. In small steps: a refusal is known at once, only silence takes the whole time.
fn first_answer(admin: &Client, servers: &str) -> Result<Vec<String>> {
    const STEP: Duration = Duration::from_millis(500);
    let until = Instant::now() + ANSWER_WAIT_MAX;
    loop {
        let fault = match admin.brokers(STEP) {
            Ok(machines) => return Ok(machines),
            Err(fault) => fault,
        };
        let what = format!("connect to Kafka at {servers}");
        if let Some(refused) = admin.health().refused() {
            return Err(refusals::refused(&what, &refused));
        }
        let broken =
            fault.code != Code::RD_KAFKA_RESP_ERR__TIMED_OUT && !errors::is_passing(fault.code);
        if broken || Instant::now() >= until {
            let last = admin.health().last_error().unwrap_or(fault.text);
            return Err(refusals::unreachable(&what, &last));
        }
        if fault.code != Code::RD_KAFKA_RESP_ERR__TIMED_OUT {
            std::thread::sleep(STEP / 5);
        }
    }
}

impl Log for Kafka {
    fn open(&self, shard: &ShardConfig) -> Result<Box<dyn ShardLog>> {
        Ok(Box::new(Shard::open(&self.access, &self.admin, shard)?))
    }

    fn topic(&self, name: &str) -> Result<Option<Topic>> {
        topics::topic(&self.admin, name)
    }

    fn ensure_changelog(&self, name: &str, shards: i32) -> Result<i32> {
        topics::ensure_changelog(&self.admin, name, shards)
    }

    fn delete(&self, changelog: &str, groups: &[&str]) -> Result<()> {
        // Whatever asks a group's coordinator has a client of its own, gone before that question can time out: librdkafka
        // 2.12 aborts the process when a coordinator comes up after such a time-out.
        let client = client(&self.access)?;
        topics::delete(&client, changelog, groups)
    }

    fn join(&self, member: &MemberConfig) -> Result<Box<dyn Membership>> {
        Ok(Box::new(Member::join(&self.access, member)?))
    }

    fn ends(&self, partitions: &[(&str, i32)]) -> Result<Vec<Option<i64>>> {
        offsets::ends(&self.admin, partitions)
    }

    fn replication(&self, topics: &[&str]) -> Result<Vec<Option<Replication>>> {
        topics::replication(&self.admin, topics)
    }

    fn lag(&self, topic: &str, group: &str) -> Result<Vec<PartitionLag>> {
        let found = self.topic(topic)?;
        let partitions = found
            .ok_or_else(|| errors::no_topic("source", topic))?
            .partitions;
        let mut source = Source::new(&self.access, topic, group, 100)?;
        let all: Vec<i32> = (0..partitions).collect();
        let committed = source.committed(&all)?;
        all.into_iter()
            .zip(committed)
            .map(|(partition, committed)| {
                Ok(PartitionLag {
                    partition,
                    bounds: source.bounds(partition)?,
                    committed,
                })
            })
            .collect()
    }
}
