//! The log port on Apache Kafka: source, transactional sink, changelog, membership.
//!
//! One shard has one consumer (`assign`, `read_committed`) and one transactional producer; everything that is asked
//! rarely goes through one shared client. The order of a commit is in `commit`, the watchdog in `transaction`.
#![deny(unsafe_code)]

mod access;
mod changelog;
mod commit;
mod connection;
mod errors;
mod ffi;
mod kafka;
mod kerberos;
mod limits;
mod membership;
mod oauth;
mod offsets;
mod pack;
mod properties;
mod refusals;
mod rights;
mod shard;
mod sink;
mod source;
mod topics;
mod transaction;

pub use connection::Connection;
pub use kafka::Kafka;
pub use transaction::quarantined;
