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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_prefixes() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name);
        assert!(matches("orders", "orders") && !matches("orders", "orders-2"));
        assert!(matches("orders.*", "orders.eu") && !matches("orders.*", "orders"));
        assert!(matches("*", "anything"));
    }

    #[test]
    fn what_is_ours_is_never_granted() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name);
        assert!(!matches("*", "sluicebox.1.7.changelog") && !matches("slu*", "sluicebox.x"));
        assert!(
            matches("sluicebox*", "sluicebox-demo"),
            "the dot makes it ours"
        );
        for pattern in ["sluicebox.*", "sluicebox.x"] {
            assert!(Pattern::parse(pattern).is_err());
        }
        insta::assert_snapshot!(Pattern::parse("sluicebox.*").unwrap_err(), @"`sluicebox.*` can't be granted: names that begin with `sluicebox.` belong to sluicebox");
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for text in ["", "a*b", "**", "a b", "a/b", "ä", &"a".repeat(250)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        insta::assert_snapshot!(Pattern::parse("a*b").unwrap_err(), @"`a*b` is no pattern: write a name of up to 249 letters, digits, `.`, `_` and `-`, or a prefix of one followed by a single `*`");
        let read: Result<Policy, _> = serde_json::from_str(r#"{"read": ["a*b"]}"#);
        assert!(read.is_err(), "nor when they come as JSON");
    }

    #[test]
    fn nothing_is_granted_unless_listed() {
        let policy: Policy =
            serde_json::from_str(r#"{"read": ["in.*"], "write": ["out"]}"#).unwrap();
        assert!(policy.may_read("in.1") && !policy.may_read("out"));
        assert!(policy.may_write("out") && !policy.may_write("in.1"));
        assert!(!policy.may_use_group("g") && policy.may_connect("main"));
        let narrow = Policy {
            connections: vec!["eu".to_owned()],
            ..Policy::default()
        };
        assert!(
            narrow.may_connect("eu") && !narrow.may_connect("main") && !narrow.may_read("in.1")
        );
    }

    #[test]
    fn lists_are_bounded() {
        let many = Policy {
            read: vec![Pattern::parse("a").unwrap(); POLICY_ENTRIES_MAX + 1],
            ..Policy::default()
        };
        insta::assert_snapshot!(many.check().unwrap_err(), @"`read` has 101 entries, more than 100: use patterns such as `orders.*`");
        let odd = Policy {
            connections: vec!["EU".to_owned()],
            ..Policy::default()
        };
        insta::assert_snapshot!(odd.check().unwrap_err(), @"`EU` is no name of a connection: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`");
    }
}
