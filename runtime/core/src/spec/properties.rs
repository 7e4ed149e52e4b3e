//! Which librdkafka settings a spec may not pass on: those that run commands or load code, and those that the
//! guarantees rest on.

/// Run commands or load code into the process.
const DANGEROUS: [&str; 3] = [
    "sasl.kerberos.kinit.cmd",
    "plugin.library.paths",
    "ssl.engine.location",
];

/// Set by sluicebox itself; another value would break what it promises.
const OURS: [&str; 18] = [
    "acks",
    "auto.offset.reset",
    "check.crcs",
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
