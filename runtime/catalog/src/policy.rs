//! What a tenant's jobs may touch in Kafka. Nothing that is not listed: a new tenant can reach no topic at all.

use crate::error::Refused;
use crate::limits::POLICY_ENTRIES_MAX;
use serde::{Deserialize, Serialize};
use sluicebox_core::spec::limits::TOPIC_BYTES_MAX;
use sluicebox_core::spec::{RESERVED_PREFIX, name_problem};
use std::fmt;

/// The topics, groups and connections of a tenant. What a request leaves out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Topics that its jobs may read.
    pub read: Vec<Pattern>,
    /// Topics that its jobs may write.
    pub write: Vec<Pattern>,
    /// Consumer groups whose offsets its jobs may use.
    pub groups: Vec<Pattern>,
    /// Names of the host's Kafka connections that its jobs may use; empty: all.
    pub connections: Vec<String>,
}

impl Policy {
    /// Whether jobs may read this topic.
    pub fn may_read(&self, topic: &str) -> bool {
        any(&self.read, topic)
    }

    /// Whether jobs may write this topic.
    pub fn may_write(&self, topic: &str) -> bool {
        any(&self.write, topic)
    }

    /// Whether jobs may use this consumer group.
    pub fn may_use_group(&self, group: &str) -> bool {
        any(&self.groups, group)
    }

    /// Whether jobs may use the host's connection of this name.
    pub fn may_connect(&self, connection: &str) -> bool {
        self.connections.is_empty() || self.connections.iter().any(|c| c == connection)
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        for (list, entries) in [
            ("read", self.read.len()),
            ("write", self.write.len()),
            ("groups", self.groups.len()),
            ("connections", self.connections.len()),
        ] {
            if entries > POLICY_ENTRIES_MAX {
                return Err(Refused::invalid(format!(
                    "`{list}` has {entries} entries, more than {POLICY_ENTRIES_MAX}: use patterns such as `orders.*`"
                )));
            }
        }
        for connection in &self.connections {
            if let Some(help) = name_problem(connection) {
                return Err(Refused::invalid(format!(
                    "`{connection}` is no name of a connection: {help}"
                )));
            }
        }
        Ok(())
    }
}

fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// An exact name, or a prefix that ends in `*`. It never matches what belongs to sluicebox itself, whatever it says:
/// there other tenants' state is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Read a pattern.
    pub fn parse(text: impl Into<String>) -> Result<Self, Refused> {
        let text = text.into();
        let name = text.strip_suffix('*').unwrap_or(&text);
        let valid = (1..=TOPIC_BYTES_MAX).contains(&text.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !valid {
            return Err(Refused::invalid(format!(
                "`{text}` is no pattern: write a name of up to {TOPIC_BYTES_MAX} letters, digits, `.`, `_` and `-`, or a \
                 prefix of one followed by a single `*`"
            )));
        }
        if name.starts_with(RESERVED_PREFIX) {
            return Err(Refused::invalid(format!(
                "`{text}` can't be granted: names that begin with `{RESERVED_PREFIX}` belong to sluicebox"
            )));
        }
        Ok(Self(text))
    }

    /// Whether it covers `name`.
    pub fn matches(&self, name: &str) -> bool {
        if name.starts_with(RESERVED_PREFIX) {
            return false;
        }
        match self.0.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pattern {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        Self::parse(text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
