//! One shard of a job on any broker, for tests that look past the conformance suite.

use std::time::{Duration, Instant};

use sluicebox_core::log::{Delivery, Error, Kind, Log, OutRecord, Position, ShardConfig, ShardLog};
use sluicebox_kafka::Kafka;
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::records::Rec;

/// A job on any broker, for tests that stop or pause theirs.
pub fn config(broker: &Broker, kafka: &Kafka) -> ShardConfig {
    let name = broker::unique("k");
    let config = ShardConfig {
        source: format!("{name}-in"),
        partitions: vec![0],
        sinks: vec![format!("{name}-out")],
        changelog: format!("{name}-changes"),
        shard: 0,
        transactional_id: format!("{name}-t0"),
        group: format!("{name}-job"),
        delivery: Delivery::ExactlyOnce,
        epoch_interval_ms: 100,
        transaction_timeout_ms: 60_000,
    };
    let client = broker.client();
    client.create_topic(&config.source, 1, &[]).expect("source");
    client.create_topic(&config.sinks[0], 1, &[]).expect("sink");
    assert_eq!(kafka.ensure_changelog(&config.changelog, 1), Ok(1));
    config
}

/// As a host opens a shard: what is retriable is tried again, since a broker that was just resumed may answer late.
pub fn owner(kafka: &Kafka, config: &ShardConfig) -> Box<dyn ShardLog> {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        match open(kafka, config) {
            Err(error) if error.kind == Kind::Retriable && Instant::now() < give_up => {}
            opened => return opened.expect("opens"),
        }
    }
}

fn open(kafka: &Kafka, config: &ShardConfig) -> Result<Box<dyn ShardLog>, Error> {
    let mut shard = kafka.open(config)?;
    shard.init_transactions()?;
    Ok(shard)
}

/// Open a transaction with one output.
pub fn begin_with(shard: &mut dyn ShardLog, value: &str) {
    shard.begin().expect("begins");
    let out = OutRecord {
        topic: 0,
        partition: 0,
        key: None,
        value: Some(value.as_bytes()),
        headers: None,
        timestamp: 1_700_000_000_000,
    };
    shard.send(out).expect("sends");
}

pub fn at(offset: i64, metadata: &str) -> Position {
    Position {
        partition: 0,
        offset,
        metadata: metadata.into(),
    }
}

pub fn values(broker: &Broker, topic: &str) -> Vec<String> {
    let records = broker.client().read_committed(topic).expect(topic);
    records.iter().map(Rec::value_text).collect()
}
