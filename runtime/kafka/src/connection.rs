//! How to reach a cluster: addresses and librdkafka properties, by allow-list.
//!
//! Properties come from configuration files and, later, from tenants: some of librdkafka's run commands, load code or
//! read files, and some would quietly break the commit protocol. So a property is passed on only if it is known to be
//! harmless; all others are refused with the reason.

use crate::ffi::client::Settings;
use sluicebox_core::log::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;

/// How to reach a Kafka cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Addresses to start from: `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// librdkafka properties: security and tuning.
    pub properties: BTreeMap<String, String>,
}

/// Which clients a property is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Producers,
    Consumers,
}

const ALLOWED: &[(&str, Scope)] = &[
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
    ("linger.ms", Scope::Producers),
    ("max.partition.fetch.bytes", Scope::Consumers),
    ("metadata.max.age.ms", Scope::All),
    ("queue.buffering.max.kbytes", Scope::Producers),
    ("queue.buffering.max.ms", Scope::Producers),
    ("queued.max.messages.kbytes", Scope::Consumers),
    ("queued.min.messages", Scope::Consumers),
    ("reconnect.backoff.max.ms", Scope::All),
    ("reconnect.backoff.ms", Scope::All),
    ("sasl.mechanism", Scope::All),
    ("sasl.mechanisms", Scope::All),
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
const REFUSED: &[(&str, &str)] = &[
    ("sasl.kerberos.kinit.cmd", RUNS_COMMANDS),
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
const OURS: &str = "exactly-once depends on its value, which is set by the runtime";

impl Connection {
    /// A plain connection to these addresses.
    pub fn to(bootstrap_servers: impl Into<String>) -> Connection {
        Connection {
            bootstrap_servers: bootstrap_servers.into(),
            properties: BTreeMap::new(),
        }
    }

    /// Refuse what must not be set, naming why.
    pub fn check(&self) -> Result<()> {
        if self.bootstrap_servers.trim().is_empty() {
            return Err(Error::halt(
                "no Kafka addresses: set bootstrap_servers to host:port, several separated by commas",
            ));
        }
        self.properties.keys().try_for_each(|key| check(key))
    }

    /// librdkafka settings of a producer: ours, then the connection's, which may tune but not break them.
    pub(crate) fn producer(&self, ours: &[(&str, String)]) -> Settings {
        self.settings(Scope::Producers, ours)
    }

    /// librdkafka settings of a consumer.
    pub(crate) fn consumer(&self, ours: &[(&str, String)]) -> Settings {
        self.settings(Scope::Consumers, ours)
    }

    fn settings(&self, scope: Scope, ours: &[(&str, String)]) -> Settings {
        let allowed = |key: &str| {
            ALLOWED
                .iter()
                .any(|(name, of)| *name == key && (*of == Scope::All || *of == scope))
        };
        let mut settings: Settings = vec![
            ("bootstrap.servers".into(), self.bootstrap_servers.clone()),
            ("client.id".into(), "sluicebox".into()),
            // One log line per lost connection, for the taint rule; the lines go to a counter, not to a screen.
            ("debug".into(), "broker".into()),
        ];
        let own = |(key, value): &(&str, String)| (key.to_string(), value.clone());
        settings.extend(ours.iter().map(own));
        let given = self.properties.iter().filter(|(key, _)| allowed(key));
        settings.extend(given.map(|(key, value)| (key.clone(), value.clone())));
        settings
    }
}

fn check(key: &str) -> Result<()> {
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

/// Secrets never reach a log: only the names of properties are shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &str) -> Connection {
        let mut connection = Connection::to("127.0.0.1:9092");
        connection.properties.insert(key.into(), "secret".into());
        connection
    }

    fn refusal(key: &str) -> String {
        with(key).check().expect_err(key).message
    }

    #[test]
    fn dangerous_properties_are_refused_with_the_reason() {
        assert!(refusal("sasl.kerberos.kinit.cmd").contains("runs a command"));
        assert!(refusal("plugin.library.paths").contains("loads code"));
        assert!(refusal("ssl.engine.location").contains("loads code"));
        assert!(refusal("isolation.level").contains("exactly-once"));
        assert!(refusal("linger.msec").contains("did you mean linger.ms?"));
        assert!(refusal("https.ca.location").contains("list"));
    }

    #[test]
    fn the_lists_are_disjoint_and_allowed_properties_pass() {
        for (key, _) in ALLOWED {
            assert_eq!(with(key).check(), Ok(()), "{key}");
            assert!(REFUSED.iter().all(|(refused, _)| refused != key), "{key}");
        }
    }

    #[test]
    fn properties_reach_only_the_clients_they_are_for() {
        let settings = with("linger.ms").consumer(&[]);
        assert!(settings.iter().all(|(key, _)| key != "linger.ms"));
        let settings = with("linger.ms").producer(&[("linger.ms", "20".into())]);
        assert_eq!(
            settings.last(),
            Some(&("linger.ms".into(), "secret".into()))
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", with("sasl.password")).contains("secret"));
    }
}
