//! What topics are: identity, partitions, settings; and the changelog topic, made and checked.

use crate::errors;
use crate::ffi::admin::{self, Configs, Described};
use crate::ffi::client::Client;
use crate::ffi::remove;
use crate::ffi::{Code, Fault};
use crate::limits::{ANSWER_WAIT_MAX, MISSING_PAUSE, MISSING_WAIT_MAX, RECORD_OVERHEAD_BYTES};
use sluicebox_core::log::{Error, Kind, Replication, Result, Topic};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A topic as it is now, asked from the brokers.
pub fn topic(client: &Arc<Client>, name: &str) -> Result<Option<Topic>> {
    let until = Instant::now() + ANSWER_WAIT_MAX;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let topics = admin::describe_topics(client, &[name], left).topics(left);
        let answer = topics.and_then(|mut topics| {
            let one = topics.pop();
            one.ok_or_else(|| Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG))
        });
        match answer.and_then(known) {
            Ok(topic) => return Ok(topic),
            // A topic that is being made or moved has no leader for a moment.
            Err(fault) if errors::is_passing(fault.code) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(fault) => return Err(errors::error(&format!("topic {name}"), &fault, client)),
        }
    }
}

/// A topic that must be there: a missing one is an error, once that is certain.
pub fn existing(client: &Arc<Client>, role: &str, name: &str) -> Result<Topic> {
    let until = Instant::now() + MISSING_WAIT_MAX;
    loop {
        match topic(client, name)? {
            Some(topic) => return Ok(topic),
            None if Instant::now() < until => std::thread::sleep(MISSING_PAUSE),
            None => return Err(errors::no_topic(role, name)),
        }
    }
}

fn known(topic: Described) -> std::result::Result<Option<Topic>, Fault> {
    match topic.code {
        Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(Some(Topic {
            id: topic.id,
            partitions: topic.partitions.count,
        })),
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
        | Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
        | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC => Ok(None),
        code => Err(Fault::of(code)),
    }
}

/// How well each of these topics is kept, in their order; `None` where that can't be told.
pub fn replication(client: &Arc<Client>, names: &[&str]) -> Result<Vec<Option<Replication>>> {
    /// Topics of one question.
    const ASKED_MAX: usize = 500;
    let mut found = HashMap::new();
    for some in unique(names).chunks(ASKED_MAX) {
        let described = admin::describe_topics(client, some, ANSWER_WAIT_MAX)
            .topics(ANSWER_WAIT_MAX)
            .map_err(|fault| errors::error("replicas of topics", &fault, client))?;
        let good = |topic: &Described| topic.code == Code::RD_KAFKA_RESP_ERR_NO_ERROR;
        found.extend((described.into_iter().filter(good)).map(|topic| {
            let kept = Replication {
                partitions: topic.partitions.count,
                under_replicated: topic.partitions.under_replicated,
                offline: topic.partitions.offline,
            };
            (topic.name, kept)
        }));
    }
    Ok(names.iter().map(|name| found.get(*name).copied()).collect())
}

/// Largest record that each topic takes, in the order of `names`; `None` where there is no such topic.
pub fn record_bytes_max(client: &Arc<Client>, names: &[&str]) -> Result<Vec<Option<usize>>> {
    let answers = admin::describe_configs(client, &unique(names), ANSWER_WAIT_MAX)
        .map_err(|fault| errors::error("settings of the topics", &fault, client))?;
    names
        .iter()
        .map(|name| {
            let Some((_, answer)) = answers.iter().find(|(of, _)| of == name) else {
                return Ok(None);
            };
            match answer {
                Ok(configs) => Ok(Some(record_bytes(configs))),
                Err(fault) if is_missing(fault.code) => Ok(None),
                Err(fault) => {
                    let what = format!("settings of topic {name}");
                    Err(errors::error(&what, fault, client))
                }
            }
        })
        .collect()
}

/// Each name once: that is how brokers want to be asked.
fn unique<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut unique = names.to_vec();
    unique.sort_unstable();
    unique.dedup();
    unique
}

fn is_missing(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART | Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
    )
}

fn record_bytes(configs: &Configs) -> usize {
    /// Kafka's default, for brokers that don't tell.
    const DEFAULT: usize = 1_048_588;
    let batch: usize = configs
        .get("max.message.bytes")
        .and_then(|value| value.parse().ok())
        .unwrap_or(DEFAULT);
    batch.saturating_sub(RECORD_OVERHEAD_BYTES)
}

/// Settings without which the changelog could lose state.
const CHANGELOG: [(&str, &str); 3] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
];
/// What a cluster of three or more brokers gives it.
const REPLICAS: i32 = 3;

/// Make the changelog topic if it is missing, check its settings if it is there. Answers its partitions.
pub fn ensure_changelog(client: &Arc<Client>, name: &str, shards: i32) -> Result<i32> {
    if topic(client, name)?.is_none() {
        create_changelog(client, name, shards)?;
    }
    check_changelog(client, name)?;
    Ok(existing(client, "changelog", name)?.partitions)
}

fn create_changelog(client: &Arc<Client>, name: &str, shards: i32) -> Result<()> {
    let brokers = client
        .brokers(ANSWER_WAIT_MAX)
        .map_err(|fault| errors::error("list of brokers", &fault, client))?;
    let replicas = REPLICAS.min(brokers.len() as i32).max(1);
    let mut configs = CHANGELOG.to_vec();
    // Brokers refuse times that are an hour ahead of theirs, and a host's clock may be wrong.
    configs.push(("message.timestamp.type", "LogAppendTime"));
    if replicas == REPLICAS {
        configs.push(("min.insync.replicas", "2"));
    }
    match admin::create_topic(client, name, shards, replicas, &configs, ANSWER_WAIT_MAX) {
        Ok(()) => Ok(()),
        // Another host was faster.
        Err(fault) if fault.code == Code::RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS => Ok(()),
        Err(fault) => {
            let what = format!("create changelog topic {name}");
            Err(errors::error(&what, &fault, client))
        }
    }
}

/// Delete what a job owns, groups first: whatever fails, the changelog is there as long as positions are.
pub fn delete(client: &Arc<Client>, changelog: &str, groups: &[&str]) -> Result<()> {
    for name in groups {
        let what = format!("delete group {name}");
        match remove::delete_group(client, name, ANSWER_WAIT_MAX) {
            Ok(()) => {}
            Err(fault) if fault.code == Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND => {}
            Err(fault) if fault.code == Code::RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP => {
                let message = format!("{what}: it has members; stop the job on all hosts first");
                return Err(Error::new(Kind::Retriable, message));
            }
            Err(fault) => return Err(not_deleted(&what, &fault, client)),
        }
    }
    match remove::delete_topic(client, changelog, ANSWER_WAIT_MAX) {
        Ok(()) => Ok(()),
        Err(fault) if errors::is_missing(fault.code) => Ok(()),
        Err(fault) => {
            let what = format!("delete changelog topic {changelog}");
            Err(not_deleted(&what, &fault, client))
        }
    }
}

/// The right that is missing is another one than where something is read or written.
fn not_deleted(what: &str, fault: &Fault, client: &Client) -> Error {
    match fault.code {
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => Error::halt(format!(
            "{what}: {}; grant this user Delete on it",
            fault.text
        )),
        _ => errors::error(what, fault, client),
    }
}

fn check_changelog(client: &Arc<Client>, name: &str) -> Result<()> {
    let until = Instant::now() + ANSWER_WAIT_MAX;
    loop {
        let answers = admin::describe_configs(client, &[name], ANSWER_WAIT_MAX)
            .map_err(|fault| errors::error("settings of the changelog", &fault, client))?;
        match answers.into_iter().next() {
            Some((_, Ok(configs))) => return unsafe_setting(name, &configs).map_or(Ok(()), Err),
            Some((_, Err(fault))) if !is_missing(fault.code) => {
                let what = format!("settings of changelog topic {name}");
                return Err(errors::error(&what, &fault, client));
            }
            _ if Instant::now() < until => std::thread::sleep(Duration::from_millis(50)),
            _ => return Err(errors::no_topic("changelog", name)),
        }
    }
}

/// The error for a changelog that could lose state, if it could.
fn unsafe_setting(name: &str, configs: &Configs) -> Option<Error> {
    let wrong: Vec<_> = CHANGELOG
        .iter()
        .filter_map(|(key, want)| {
            let have = configs.get(*key)?;
            (have != want).then(|| (format!("{key}={have}"), format!("{key}={want}")))
        })
        .collect();
    if wrong.is_empty() {
        return None;
    }
    let have: Vec<_> = wrong.iter().map(|(have, _)| have.as_str()).collect();
    let want: Vec<_> = wrong.iter().map(|(_, want)| want.as_str()).collect();
    Some(Error::halt(format!(
        "changelog topic {name} has {}: Kafka would delete state of the job; run kafka-configs.sh --alter \
         --entity-type topics --entity-name {name} --add-config {}",
        have.join(" and "),
        want.join(",")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(pairs: &[(&str, &str)]) -> Configs {
        let own = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn a_changelog_that_forgets_is_refused_with_the_command_that_repairs_it() {
        let bad = configs(&[
            ("cleanup.policy", "compact"),
            ("retention.ms", "604800000"),
            ("retention.bytes", "-1"),
        ]);
        let error = unsafe_setting("c", &bad).expect("refused").message;
        assert!(error.contains("cleanup.policy=compact and retention.ms=604800000"));
        assert!(error.contains("--add-config cleanup.policy=delete,retention.ms=-1"));
        assert_eq!(unsafe_setting("c", &configs(&CHANGELOG)), None);
    }

    #[test]
    fn a_record_leaves_room_for_its_framing() {
        assert_eq!(
            record_bytes(&configs(&[("max.message.bytes", "2000")])),
            2000 - RECORD_OVERHEAD_BYTES
        );
    }
}
