//! How to reach a cluster: addresses and librdkafka properties, by allow-list.
//!
//! Properties come from configuration files and, later, from tenants: some of librdkafka's run commands, load code or
//! read files, and some would quietly break the commit protocol. So a property is passed on only if it is known to be
//! harmless; all others are refused with the reason.

use crate::properties::{self, Scope};
use crate::{kerberos, oauth};
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
        let mut keys = self.properties.keys();
        keys.try_for_each(|key| properties::check(key))?;
        self.check_mechanism()?;
        oauth::Settings::read(&self.properties)?;
        kerberos::Settings::read(&self.properties).map(|_| ())
    }

    /// Left to itself librdkafka takes Kerberos, which nobody means who forgets to say what they mean.
    fn check_mechanism(&self) -> Result<()> {
        let protocol = self.properties.get("security.protocol");
        let sasl = protocol.is_some_and(|name| name.to_ascii_lowercase().starts_with("sasl_"));
        match sasl && properties::mechanism(&self.properties).is_none() {
            true => Err(Error::halt(
                "Kafka property sasl.mechanism is missing: security.protocol says SASL; set it to PLAIN, SCRAM-SHA-256, \
                 SCRAM-SHA-512, OAUTHBEARER or GSSAPI",
            )),
            false => Ok(()),
        }
    }

    /// librdkafka's properties for clients of this kind: ours, then the connection's, which may tune but not break them.
    pub(crate) fn for_clients(
        &self,
        scope: Scope,
        ours: &[(&str, String)],
    ) -> Vec<(String, String)> {
        let mut all = vec![
            ("bootstrap.servers".into(), self.bootstrap_servers.clone()),
            ("client.id".into(), "sluicebox".into()),
            // One log line per lost connection, for the taint rule; the lines go to a counter, not to a screen.
            ("debug".into(), "broker".into()),
        ];
        let own = |(key, value): &(&str, String)| (key.to_string(), value.clone());
        all.extend(ours.iter().map(own));
        let given = self.properties.iter();
        let given = given.filter(|(key, _)| properties::is_for(scope, key));
        all.extend(given.map(|(key, value)| (key.clone(), value.clone())));
        all
    }
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
    use crate::properties::{ALLOWED, REFUSED};

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
        assert!(refusal("authority.certificate").contains("list"));
    }

    #[test]
    fn sasl_without_a_mechanism_is_not_kerberos() {
        let mut connection = Connection::to("127.0.0.1:9092");
        let protocol = ("security.protocol".to_owned(), "SASL_SSL".to_owned());
        connection.properties.extend([protocol]);
        let refused = connection.check().expect_err("is refused");
        insta::assert_snapshot!(refused.message, @"Kafka property sasl.mechanism is missing: security.protocol says SASL; set it to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI");
    }

    #[test]
    fn the_lists_are_disjoint_and_allowed_properties_pass() {
        for (key, _) in ALLOWED {
            assert_eq!(properties::check(key), Ok(()), "{key}");
            assert!(REFUSED.iter().all(|(refused, _)| refused != key), "{key}");
        }
    }

    #[test]
    fn properties_reach_only_the_clients_they_are_for() {
        let settings = with("linger.ms").for_clients(Scope::Consumers, &[]);
        assert!(settings.iter().all(|(key, _)| key != "linger.ms"));
        let ours = [("linger.ms", "20".into())];
        let settings = with("linger.ms").for_clients(Scope::Producers, &ours);
        assert_eq!(
            settings.last(),
            Some(&("linger.ms".into(), "secret".into()))
        );
        let secret = with("sasl.oauthbearer.client.secret");
        let settings = secret.for_clients(Scope::Producers, &[]);
        assert!(settings.iter().all(|(key, _)| !key.contains("secret")));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", with("sasl.password")).contains("secret"));
    }
}
