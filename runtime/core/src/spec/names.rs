//! Which names are valid. Names of ours are narrower than Kafka's, because they become parts of topic names, group
//! names and transactional ids, where dots and underscores of different names collide.

use super::limits::{NAME_BYTES_MAX, TOPIC_BYTES_MAX};

/// Prefix of the topics and groups that belong to sluicebox itself.
pub const RESERVED_PREFIX: &str = "sluicebox.";

/// Why `name` can't be the name of a tenant, module, job, operator, source or sink; `None` if it can.
pub fn name_problem(name: &str) -> Option<String> {
    let valid = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!valid).then(|| {
        format!("names have 1 to {NAME_BYTES_MAX} characters out of `a`-`z`, `0`-`9` and `-`")
    })
}

/// Why Kafka takes no topic of this name; `None` if it does.
pub(super) fn topic_problem(topic: &str) -> Option<String> {
    let valid = (1..=TOPIC_BYTES_MAX).contains(&topic.len())
        && topic
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && topic != "."
        && topic != "..";
    (!valid).then(|| {
        format!(
            "Kafka's topic names have 1 to {TOPIC_BYTES_MAX} characters out of letters, digits, `.`, `_` and `-`"
        )
    })
}
