//! What is refused, and what the refusal says: whoever reads it must know what to do.

use crate::fixture::OnKafka;
use crate::job::config;
use sluicebox_core::log::conformance::Fixture;
use sluicebox_core::log::{Kind, Log};
use sluicebox_kafka::{Connection, Kafka};
use sluicebox_tests::broker;
use std::time::{Duration, Instant};

/// What connecting with these properties is refused with, within a person's patience.
fn refusal(servers: &str, properties: &[(&str, &str)]) -> String {
    let mut connection = Connection::to(servers);
    for (key, value) in properties {
        connection.properties.insert((*key).into(), (*value).into());
    }
    let started = Instant::now();
    let error = Kafka::connect(connection).err().expect("is refused");
    assert!(started.elapsed() < Duration::from_secs(20), "{error}");
    assert_eq!(error.kind, Kind::Halt, "{error}");
    error.message
}

#[test]
fn an_unreachable_broker_is_named_with_what_to_check() {
    let message = refusal("127.0.0.1:1", &[]);
    assert!(message.contains("127.0.0.1:1"), "{message}");
    assert!(message.contains("no broker answered"), "{message}");
    assert!(message.contains("Connection refused"), "{message}");
    assert!(message.contains("check bootstrap_servers"), "{message}");
}

#[test]
fn refused_credentials_say_so_at_once() {
    let started = Instant::now();
    let message = refusal(
        &broker::shared().bootstrap(),
        &[
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "somebody"),
            ("sasl.password", "topsecret"),
        ],
    );
    assert!(
        message.contains("set security.protocol to plaintext"),
        "{message}"
    );
    assert!(!message.contains("topsecret"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(8), "{message}");
}

#[test]
fn properties_that_are_not_allowed_or_make_no_sense_are_refused() {
    let servers = broker::shared().bootstrap();
    let message = refusal(&servers, &[("transactional.id", "mine")]);
    assert!(message.contains("transactional.id"), "{message}");
    let message = refusal(&servers, &[("linger.ms", "soon")]);
    assert!(message.contains("linger.ms"), "{message}");
}

#[test]
fn a_changelog_that_forgets_is_refused() {
    let fixture = OnKafka::new();
    let name = fixture.unique_name();
    let client = fixture.broker.client();
    let forgets = [("retention.ms", "3600000"), ("cleanup.policy", "compact")];
    client.create_topic(&name, 1, &forgets).expect("topic");
    let error = fixture
        .kafka
        .ensure_changelog(&name, 1)
        .expect_err("refused");
    assert_eq!(error.kind, Kind::Halt);
    assert!(error.message.contains("retention.ms=3600000"), "{error}");
    let repair = "--add-config cleanup.policy=delete,retention.ms=-1";
    assert!(error.message.contains(repair), "{error}");
}

#[test]
fn a_transaction_timeout_over_the_brokers_maximum_is_refused_with_the_reason() {
    let fixture = OnKafka::new();
    let mut config = config(fixture.broker, &fixture.kafka);
    config.transaction_timeout_ms = 3_600_000;
    let mut shard = fixture.kafka.open(&config).expect("opens");
    let error = shard.init_transactions().expect_err("refused");
    assert_eq!(error.kind, Kind::Halt, "{error}");
    assert!(
        error.message.contains("transaction.max.timeout.ms"),
        "{error}"
    );
}
