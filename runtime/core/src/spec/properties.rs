//! Which librdkafka settings a spec may not pass on: those that run commands or load code, and those that the
//! guarantees rest on. Refused here, with their place in the file, are those that people do try; the Kafka log takes
//! only what is on its allow-list.

/// Run commands or load code into the process.
const DANGEROUS: [&str; 5] = [
    "plugin.library.paths",
    "sasl.kerberos.kinit.cmd",
    "ssl.engine.id",
    "ssl.engine.location",
    "ssl.providers",
];

/// Set by sluicebox itself; another value would break what it promises.
const OURS: [&str; 17] = [
    "acks",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Why this setting is refused, and what to do instead; `None` if it may be set.
pub(super) fn refusal(name: &str) -> Option<(String, String)> {
    if name == "bootstrap.servers" || name == "metadata.broker.list" {
        return Some((
            format!("`{name}` stands beside the properties"),
            "write `kafka: { bootstrap_servers: ... }`".to_owned(),
        ));
    }
    if DANGEROUS.contains(&name) {
        return Some((
            format!("`{name}` runs commands or loads code, so no spec may set it"),
            "remove it".to_owned(),
        ));
    }
    OURS.contains(&name).then(|| {
        (
            format!("`{name}` is set by sluicebox; its guarantees rest on it"),
            "remove it".to_owned(),
        )
    })
}
