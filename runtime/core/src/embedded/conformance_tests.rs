//! The embedded log passes the conformance suite of the log port.

use super::EmbeddedLog;
use crate::log::Log;
use crate::log::conformance::{Fixture, Record};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Default)]
struct Embedded {
    log: EmbeddedLog,
    names: AtomicU32,
}

impl Fixture for Embedded {
    fn log(&self) -> &dyn Log {
        &self.log
    }

    fn unique_name(&self) -> String {
        format!("c{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    fn create_topic(&self, name: &str, partitions: i32) {
        self.log.create_topic(name, partitions).unwrap();
    }

    fn produce(&self, topic: &str, records: &[Record]) {
        for r in records {
            let fields = (r.key.as_deref(), r.value.as_deref(), r.headers.as_deref());
            let (key, value, headers) = fields;
            let at = Some(r.partition);
            let produced = self
                .log
                .produce(topic, at, key, value, headers, r.timestamp);
            produced.unwrap();
        }
    }

    fn read_committed(&self, topic: &str) -> Vec<Record> {
        self.log.reader(topic).unwrap().drain().unwrap()
    }

    fn delete_topic(&self, name: &str) {
        self.log.delete_topic(name).unwrap();
    }

    fn recreate_topic(&self, name: &str, partitions: i32) {
        self.log.delete_topic(name).unwrap();
        self.log.create_topic(name, partitions).unwrap();
    }

    fn truncate_before(&self, topic: &str, partition: i32, offset: i64) {
        self.log.truncate_before(topic, partition, offset).unwrap();
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

crate::log_conformance!(Embedded::default());
