//! Which librdkafka properties a connection may set, by allow-list, and why others may not be set.

use sluicebox_core::log::{Error, Result};
use std::collections::BTreeMap;

/// Which clients a property is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Producers,
    Consumers,
    /// For us, who fetch tokens and tickets: librdkafka gets those, and none of these.
    Ours,
}

pub(crate) const ALLOWED: &[(&str, Scope)] = &[
    ("batch.num.messages", Scope::Producers),
    ("batch.size", Scope::Producers),
    ("broker.address.family", Scope::All),
    ("broker.address.ttl", Scope::All),
    ("check.crcs", Scope::Consumers),
    ("client.dns.lookup", Scope::All),
    ("client.id", Scope::All),
    ("client.rack", Scope::Consumers),
    ("compression.codec", Scope::Producers),
    ("compression.level", Scope::Producers),
    ("compression.type", Scope::Producers),
    ("connections.max.idle.ms", Scope::All),
    ("enable.ssl.certificate.verification", Scope::All),
    ("fetch.max.bytes", Scope::Consumers),
    ("fetch.message.max.bytes", Scope::Consumers),
    ("fetch.min.bytes", Scope::Consumers),
    ("fetch.wait.max.ms", Scope::Consumers),
    ("https.ca.location", Scope::Ours),
    ("https.ca.pem", Scope::Ours),
    ("linger.ms", Scope::Producers),
    ("max.partition.fetch.bytes", Scope::Consumers),
    ("metadata.max.age.ms", Scope::All),
    ("queue.buffering.max.kbytes", Scope::Producers),
    ("queue.buffering.max.ms", Scope::Producers),
    ("queued.max.messages.kbytes", Scope::Consumers),
    ("queued.min.messages", Scope::Consumers),
    ("reconnect.backoff.max.ms", Scope::All),
    ("reconnect.backoff.ms", Scope::All),
    ("sasl.kerberos.keytab", Scope::Ours),
    ("sasl.kerberos.min.time.before.relogin", Scope::Ours),
    ("sasl.kerberos.principal", Scope::Ours),
    ("sasl.kerberos.service.name", Scope::All),
    ("sasl.mechanism", Scope::All),
    ("sasl.mechanisms", Scope::All),
    ("sasl.oauthbearer.client.id", Scope::Ours),
    ("sasl.oauthbearer.client.secret", Scope::Ours),
    ("sasl.oauthbearer.extensions", Scope::Ours),
    ("sasl.oauthbearer.method", Scope::Ours),
    ("sasl.oauthbearer.scope", Scope::Ours),
    ("sasl.oauthbearer.token.endpoint.url", Scope::Ours),
    ("sasl.password", Scope::All),
    ("sasl.username", Scope::All),
    ("security.protocol", Scope::All),
    ("socket.connection.setup.timeout.ms", Scope::All),
    ("socket.keepalive.enable", Scope::All),
    ("socket.nagle.disable", Scope::All),
    ("socket.receive.buffer.bytes", Scope::All),
    ("socket.send.buffer.bytes", Scope::All),
    ("ssl.ca.location", Scope::All),
    ("ssl.ca.pem", Scope::All),
    ("ssl.certificate.location", Scope::All),
    ("ssl.certificate.pem", Scope::All),
    ("ssl.cipher.suites", Scope::All),
    ("ssl.crl.location", Scope::All),
    ("ssl.curves.list", Scope::All),
    ("ssl.endpoint.identification.algorithm", Scope::All),
    ("ssl.key.location", Scope::All),
    ("ssl.key.password", Scope::All),
    ("ssl.key.pem", Scope::All),
    ("ssl.keystore.location", Scope::All),
    ("ssl.keystore.password", Scope::All),
    ("ssl.sigalgs.list", Scope::All),
    ("topic.metadata.refresh.interval.ms", Scope::All),
];

/// Properties that are refused for a reason worth telling.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("sasl.kerberos.kinit.cmd", RUNS_COMMANDS),
    (
        "enable.sasl.oauthbearer.unsecure.jwt",
        "it makes tokens that nobody signed",
    ),
    ("sasl.oauthbearer.grant.type", GRANT),
    ("sasl.oauthbearer.config", GRANT),
    ("plugin.library.paths", LOADS_CODE),
    ("ssl.engine.location", LOADS_CODE),
    ("ssl.engine.id", LOADS_CODE),
    ("ssl.providers", LOADS_CODE),
    (
        "bootstrap.servers",
        "it has a field of its own: bootstrap_servers",
    ),
    ("metadata.broker.list", "use bootstrap_servers"),
    ("transactional.id", OURS),
    ("transaction.timeout.ms", OURS),
    ("enable.idempotence", OURS),
    ("acks", OURS),
    ("request.required.acks", OURS),
    ("max.in.flight", OURS),
    ("max.in.flight.requests.per.connection", OURS),
    ("message.max.bytes", OURS),
    ("message.timeout.ms", OURS),
    ("retries", OURS),
    ("retry.backoff.ms", OURS),
    ("retry.backoff.max.ms", OURS),
    ("delivery.report.only.error", OURS),
    ("partitioner", OURS),
    ("group.id", OURS),
    ("group.instance.id", OURS),
    ("group.protocol", OURS),
    ("partition.assignment.strategy", OURS),
    ("session.timeout.ms", OURS),
    ("heartbeat.interval.ms", OURS),
    ("max.poll.interval.ms", OURS),
    ("isolation.level", OURS),
    ("auto.offset.reset", OURS),
    ("enable.auto.commit", OURS),
    ("enable.auto.offset.store", OURS),
    ("enable.partition.eof", OURS),
    ("allow.auto.create.topics", OURS),
    ("socket.timeout.ms", OURS),
    ("debug", OURS),
];

const RUNS_COMMANDS: &str = "it runs a command on the host";
const LOADS_CODE: &str = "it loads code into the host";
const GRANT: &str = "tokens are fetched by client credentials: sasl.oauthbearer.token.endpoint.url, .client.id and \
                     .client.secret";
const OURS: &str = "exactly-once depends on its value, which is set by the runtime";

/// Whether clients of this kind get this property.
pub(crate) fn is_for(scope: Scope, key: &str) -> bool {
    let mut allowed = ALLOWED.iter();
    allowed.any(|(name, of)| *name == key && (*of == Scope::All || *of == scope))
}

/// The SASL mechanism, if one is named.
pub(crate) fn mechanism(properties: &BTreeMap<String, String>) -> Option<&str> {
    let named = ["sasl.mechanism", "sasl.mechanisms"];
    named
        .iter()
        .find_map(|key| properties.get(*key))
        .map(String::as_str)
}

/// Refuse a property that has an effect with this mechanism only, where another one is used.
pub(crate) fn check_stray(
    properties: &BTreeMap<String, String>,
    prefix: &str,
    mechanism: &str,
) -> Result<()> {
    match properties.keys().find(|key| key.starts_with(prefix)) {
        Some(key) => Err(Error::halt(format!(
            "Kafka property {key} has no effect without `sasl.mechanism: {mechanism}`: set that, or remove this"
        ))),
        None => Ok(()),
    }
}

/// Refuse a property that must not be set, naming why.
pub(crate) fn check(key: &str) -> Result<()> {
    if ALLOWED.iter().any(|(name, _)| *name == key) {
        return Ok(());
    }
    let refused = REFUSED.iter().find(|(name, _)| *name == key);
    if let Some((_, why)) = refused {
        return Err(Error::halt(format!(
            "Kafka property {key} can't be set: {why}; remove it"
        )));
    }
    let nearest = ALLOWED
        .iter()
        .min_by_key(|(name, _)| strsim::damerau_levenshtein(name, key))
        .filter(|(name, _)| strsim::damerau_levenshtein(name, key) <= 4);
    Err(Error::halt(match nearest {
        Some((name, _)) => format!("unknown Kafka property {key}; did you mean {name}?"),
        None => format!(
            "Kafka property {key} is not on the list of properties that may be set; remove it"
        ),
    }))
}
