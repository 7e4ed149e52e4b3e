//! Which Kafka cluster a job uses. The host's operator writes down addresses and credentials once, under a name;
//! tenants name them. A job that has the address in its spec, because it was written for `sluicebox run`, means the
//! connection with that address.

use sluicebox_core::spec::{Connection, JobSpec};
use std::collections::BTreeMap;

/// The connection of jobs that name none, where there are several.
const DEFAULT: &str = "default";

/// The clusters that jobs may use, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections(pub BTreeMap<String, Connection>);

/// Why a job can't be told its cluster: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoConnection {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Connections {
    /// The connection of a job, with its name.
    pub fn of(&self, spec: &JobSpec) -> Result<(&str, &Connection), NoConnection> {
        match (&spec.connection, &spec.kafka) {
            (Some(name), _) => self.named(name),
            (None, Some(direct)) => self.with_address(direct),
            (None, None) => self.only(),
        }
    }

    fn named(&self, name: &str) -> Result<(&str, &Connection), NoConnection> {
        let found = self.0.get_key_value(name);
        found
            .map(|(name, connection)| (name.as_str(), connection))
            .ok_or_else(|| self.none(format!("this host has no connection `{name}`")))
    }

    fn with_address(&self, direct: &Connection) -> Result<(&str, &Connection), NoConnection> {
        if !direct.properties.is_empty() {
            return Err(self.none(
                "credentials and properties of Kafka belong to the host, not to a job's spec"
                    .to_owned(),
            ));
        }
        let mut all = self.0.iter();
        let found =
            all.find(|(_, connection)| connection.bootstrap_servers == direct.bootstrap_servers);
        found
            .map(|(name, connection)| (name.as_str(), connection))
            .ok_or_else(|| {
                self.none("no connection of this host has these `bootstrap_servers`".to_owned())
            })
    }

    fn only(&self) -> Result<(&str, &Connection), NoConnection> {
        let mut all = self.0.iter();
        if let (Some((name, connection)), None) = (all.next(), all.next()) {
            return Ok((name, connection));
        }
        match self.0.get_key_value(DEFAULT) {
            Some((name, connection)) => Ok((name, connection)),
            None => Err(self.none("the spec does not say which Kafka it means".to_owned())),
        }
    }

    fn none(&self, message: String) -> NoConnection {
        let names: Vec<_> = self.0.keys().map(|name| format!("`{name}`")).collect();
        let help = match names.as_slice() {
            [] => "the host's operator adds one: `kafka: { NAME: { bootstrap_servers: ... } }` in host.yaml"
                .to_owned(),
            names => format!("write `kafka: NAME`; the host's connections: {}", names.join(", ")),
        };
        NoConnection { message, help }
    }
}
