//! From librdkafka's faults to what the caller must do about them.

use crate::ffi::client::Client;
use crate::ffi::{Code, Fault};
use crate::refusals;
use sluicebox_core::log::{Error, Kind};

/// What to do about a fault, whatever was being done.
///
/// Order matters: what only a person can repair comes first, for librdkafka reports a missing right as fatal, and
/// starting over wouldn't help.
fn kind(fault: &Fault) -> Kind {
    if remedy(fault.code).is_some() {
        Kind::Halt
    } else if fault.fatal || is_fence(fault.code) {
        Kind::Fenced
    } else if fault.abort {
        Kind::Abortable
    } else if fault.retriable || is_passing(fault.code) {
        Kind::Retriable
    } else {
        Kind::Abortable
    }
}

/// Another producer has this transactional id, or this one has lost its state.
pub fn is_fence(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR__FATAL
            | Code::RD_KAFKA_RESP_ERR__FENCED
            | Code::RD_KAFKA_RESP_ERR__STATE
            | Code::RD_KAFKA_RESP_ERR__CONFLICT
            | Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
            | Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
            | Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING
            | Code::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE
    )
}

/// Brokers are away or busy: the same call may succeed later.
pub fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR__TIMED_OUT
            | Code::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
            | Code::RD_KAFKA_RESP_ERR__TRANSPORT
            | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
            | Code::RD_KAFKA_RESP_ERR__RESOLVE
            | Code::RD_KAFKA_RESP_ERR__WAIT_COORD
            | Code::RD_KAFKA_RESP_ERR__RETRY
            | Code::RD_KAFKA_RESP_ERR__WAIT_CACHE
            | Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
            | Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            | Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
            | Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
            | Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
            | Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
            | Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS
            | Code::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
            | Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR
    )
}

/// No such topic or partition, says a broker.
pub fn is_missing(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
    )
}

/// This user may not do that.
pub fn is_denied(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
    )
}

/// What a person must do about an error that no retry will cure.
fn remedy(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::RD_KAFKA_RESP_ERR__AUTHENTICATION
        | Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED => {
            "check security.protocol, sasl.mechanism, sasl.username and sasl.password"
        }
        Code::RD_KAFKA_RESP_ERR__SSL => {
            "check security.protocol, ssl.ca.location and the client's certificate"
        }
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
            "grant this user Read on the job's source, Write and DescribeConfigs on the topics it writes, and Create, Read, \
             Write and DescribeConfigs on its changelog"
        }
        Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => "grant this user Read on the group",
        Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
            "grant this user Write on the job's transactional ids"
        }
        Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED => {
            "grant this user IdempotentWrite and, to create the changelog topic, Create on the cluster"
        }
        Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT => {
            "the transaction time-out is over the brokers' transaction.max.timeout.ms: lower it, or raise that"
        }
        Code::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
        | Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION => {
            "the brokers are too old: Apache Kafka 3.7 or newer is needed"
        }
        Code::RD_KAFKA_RESP_ERR_SECURITY_DISABLED => "enable an authorizer on the brokers",
        Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION => {
            "the brokers' policy forbids it: ask the cluster's operator"
        }
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE => {
            "raise the topic's max.message.bytes, or make the records smaller"
        }
        // Else the same record would fail again after each rebuild.
        Code::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP => {
            "a record's event time is too far from the broker's clock: raise the topic's message.timestamp.after.max.ms \
             (or .before.max.ms), or correct the times of the input"
        }
        Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
        | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
        | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION => {
            "create the topic with the partitions it had, or name the right one"
        }
        Code::RD_KAFKA_RESP_ERR__INVALID_ARG => "check the connection's properties",
        _ => return None,
    })
}

/// The error for a fault met while doing `what`.
pub fn error(what: &str, fault: &Fault, client: &Client) -> Error {
    let (kind, mut message) = (kind(fault), format!("{what}: {}", fault.text));
    if let Some(fatal) = client.fatal().filter(|fatal| fatal.text != fault.text) {
        message = format!("{message} ({})", fatal.text);
    }
    if fault.code == Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        && let Some(id) = client.transactional_id()
    {
        message = format!("{message}: {id}");
    }
    if let Some(remedy) = remedy(fault.code) {
        return Error::new(kind, format!("{message}; {remedy}"));
    }
    if is_passing(fault.code) {
        if let Some(refused) = client.health().refused() {
            return refusals::refused(what, &refused);
        }
        if let Some(last) = client.health().last_error() {
            message = format!("{message} (last error of a connection: {last})");
        }
    }
    Error::new(kind, message)
}

/// The error for a topic that isn't there.
pub fn no_topic(role: &str, name: &str) -> Error {
    Error::halt(format!(
        "{role} topic {name} does not exist; create it, or correct its name in the job"
    ))
}
