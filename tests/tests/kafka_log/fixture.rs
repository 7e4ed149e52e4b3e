//! Kafka as the conformance suite sees it.

use sluicebox_core::log::Log;
use sluicebox_core::log::conformance::{Fixture, Record};
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker::{self, Broker};
use sluicebox_tests::records::Rec;

/// The broker of this test binary, with a connection of ours and the harness's own client to look past it.
pub struct OnKafka {
    pub broker: &'static Broker,
    pub kafka: Kafka,
}

impl OnKafka {
    pub fn new() -> Self {
        let broker = broker::shared();
        let kafka = Kafka::connect(Connection::to(broker.bootstrap())).expect("connects");
        Self { broker, kafka }
    }
}

impl Fixture for OnKafka {
    fn log(&self) -> &dyn Log {
        &self.kafka
    }
    fn unique_name(&self) -> String {
        broker::unique("k")
    }
    fn create_topic(&self, name: &str, partitions: i32) {
        let client = self.broker.client();
        client.create_topic(name, partitions, &[]).expect(name);
    }
    fn produce(&self, topic: &str, records: &[Record]) {
        let records: Vec<Rec> = records.iter().map(to_rec).collect();
        self.broker.client().produce(topic, &records).expect(topic);
    }
    fn read_committed(&self, topic: &str) -> Vec<Record> {
        let records = self.broker.client().read_committed(topic).expect(topic);
        records.iter().map(from_rec).collect()
    }
    fn delete_topic(&self, name: &str) {
        self.broker.client().delete_topic(name).expect(name);
    }
    fn recreate_topic(&self, name: &str, partitions: i32) {
        self.delete_topic(name);
        self.create_topic(name, partitions);
    }
    fn truncate_before(&self, topic: &str, partition: i32, offset: i64) {
        let client = self.broker.client();
        client
            .delete_records(topic, partition, offset)
            .expect(topic);
    }
}

fn to_rec(record: &Record) -> Rec {
    let mut headers = Vec::new();
    let mut rest = record.headers.as_deref().unwrap_or_default();
    while !rest.is_empty() {
        let name = take(&mut rest).expect("a name");
        let name = String::from_utf8_lossy(name).into_owned();
        headers.push((name, take(&mut rest).map(<[u8]>::to_vec)));
    }
    Rec {
        partition: record.partition,
        offset: record.offset,
        key: record.key.clone(),
        value: record.value.clone(),
        timestamp: record.timestamp,
        headers,
    }
}

/// A length and what it counts; `None` is null.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = rest.split_off(..4).expect("a length");
    let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
    (length != u32::MAX).then(|| rest.split_off(..length as usize).expect("bytes"))
}

fn from_rec(rec: &Rec) -> Record {
    let mut headers = Vec::new();
    for (name, value) in &rec.headers {
        headers.extend_from_slice(&(name.len() as u32).to_le_bytes());
        headers.extend_from_slice(name.as_bytes());
        let length = value.as_ref().map_or(u32::MAX, |value| value.len() as u32);
        headers.extend_from_slice(&length.to_le_bytes());
        headers.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    Record {
        partition: rec.partition,
        offset: rec.offset,
        key: rec.key.clone(),
        value: rec.value.clone(),
        headers: (!headers.is_empty()).then_some(headers),
        timestamp: rec.timestamp,
    }
}
