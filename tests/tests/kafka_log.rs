//! The log port on a real Kafka broker: the conformance suite that the embedded log passes too, and what only a broker
//! can show.

#[path = "kafka_log/cluster.rs"]
mod cluster;
#[path = "kafka_log/connecting.rs"]
mod connecting;
#[path = "kafka_log/fixture.rs"]
mod fixture;
#[path = "kafka_log/job.rs"]
mod job;
#[path = "kafka_log/members.rs"]
mod members;
#[path = "kafka_log/trouble.rs"]
mod trouble;

mod conformance {
    sluicebox_core::log_conformance!(crate::fixture::OnKafka::new());
}
