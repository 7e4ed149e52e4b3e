//! The log port on Apache Kafka: source, transactional sink, changelog, membership.
