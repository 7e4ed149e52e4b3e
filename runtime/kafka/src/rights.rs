//! Whether this user may do with a shard's topics what the shard is going to do; asked before it starts. Else a job that
//! may write its changelog but not read it would run well, until its first restart.

use crate::errors;
use crate::ffi::Code;
use crate::ffi::admin::{self, Described, Operation};
use crate::ffi::client::Client;
use crate::limits::ANSWER_WAIT_MAX;
use sluicebox_core::log::{Error, Result, ShardConfig};
use std::sync::Arc;

use Operation::{
    RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS as DESCRIBE_CONFIGS,
    RD_KAFKA_ACL_OPERATION_READ as READ, RD_KAFKA_ACL_OPERATION_WRITE as WRITE,
};

/// An error that names every right on a topic that is missing.
///
/// The group's are not asked for: librdkafka 2.12 remembers a group's coordinator for ever here, and aborts the process
/// when that answers late. Reading the group's positions tells as well.
pub fn check(admin: &Arc<Client>, config: &ShardConfig) -> Result<()> {
    let wanted = wanted(config);
    let mut names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let described = admin::describe_topics_and_rights(admin, &names, ANSWER_WAIT_MAX)
        .topics(ANSWER_WAIT_MAX)
        .map_err(|fault| errors::error("rights on the job's topics", &fault, admin))?;
    let missing = wanted.iter().filter_map(|(name, operations)| {
        let topic = described.iter().find(|topic| topic.name == *name)?;
        let missing = missing(topic, operations);
        (!missing.is_empty()).then(|| format!("{} on topic {name}", missing.join(" and ")))
    });
    let missing: Vec<String> = missing.collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::halt(format!(
            "the brokers don't let this user do what the job needs: grant it {}",
            missing.join(", ")
        ))),
    }
}

/// Topics of a shard, and what it does with them.
fn wanted(config: &ShardConfig) -> Vec<(&str, &'static [Operation])> {
    let mut wanted: Vec<(&str, &'static [Operation])> = vec![
        (&config.source, &[READ]),
        (&config.changelog, &[READ, WRITE, DESCRIBE_CONFIGS]),
    ];
    let sinks = config.sinks.iter();
    wanted.extend(sinks.map(|sink| (sink.as_str(), &[WRITE, DESCRIBE_CONFIGS][..])));
    wanted
}

/// Nothing is missing where the brokers don't tell, or where there is no topic: others notice that.
fn missing(topic: &Described, operations: &[Operation]) -> Vec<&'static str> {
    let may = |operation: &Operation| match &topic.operations {
        _ if topic.code == Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => false,
        Some(allowed) => allowed.contains(operation),
        None => true,
    };
    let missing = operations.iter().filter(|operation| !may(operation));
    missing.map(|operation| name(*operation)).collect()
}

/// As Kafka's own tools write it.
fn name(operation: Operation) -> &'static str {
    match operation {
        READ => "Read",
        WRITE => "Write",
        _ => "DescribeConfigs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::partitions::Partitions;

    fn topic(code: Code, operations: Option<Vec<Operation>>) -> Described {
        Described {
            name: "t".into(),
            code,
            id: [0; 16],
            partitions: Partitions::default(),
            operations,
        }
    }

    #[test]
    fn what_is_not_allowed_is_missing() {
        let good = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
        let wanted = [READ, WRITE, DESCRIBE_CONFIGS];
        let some = topic(good, Some(vec![WRITE]));
        assert_eq!(missing(&some, &wanted), ["Read", "DescribeConfigs"]);
        let hidden = topic(Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, None);
        assert_eq!(missing(&hidden, &[READ]), ["Read"]);
    }

    #[test]
    fn brokers_that_do_not_tell_let_pass() {
        let silent = topic(Code::RD_KAFKA_RESP_ERR_NO_ERROR, None);
        assert!(missing(&silent, &[READ]).is_empty());
        let absent = topic(Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, None);
        assert!(missing(&absent, &[READ]).is_empty());
    }
}
