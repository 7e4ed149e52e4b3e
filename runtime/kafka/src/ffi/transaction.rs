//! Transactional calls, one to one. They block, and some may ignore their time-out (librdkafka#5456): only
//! `crate::transaction` calls them, on a thread that may be left behind.

use super::client::Client;
use super::list::List;
use super::{Fault, cstring, millis};
use rdkafka_sys as sys;
use std::time::Duration;

impl Client {
    /// Get a producer epoch for the transactional id: fences older producers and ends their transaction.
    pub fn init_transactions(&self, wait: Duration) -> Result<(), Fault> {
        // SAFETY: a live producer; the error answered is ours.
        unsafe { Fault::take(sys::rd_kafka_init_transactions(self.raw(), millis(wait))) }
    }

    /// Open a transaction; local, does not block.
    pub fn begin_transaction(&self) -> Result<(), Fault> {
        // SAFETY: a live producer; the error answered is ours.
        unsafe { Fault::take(sys::rd_kafka_begin_transaction(self.raw())) }
    }

    /// Add positions of a group without members to the open transaction.
    pub fn send_offsets(&self, offsets: &List, group: &str, wait: Duration) -> Result<(), Fault> {
        let group = cstring(group);
        // SAFETY: a live producer and list; the group's metadata is ours and destroyed after the call.
        unsafe {
            let metadata = sys::rd_kafka_consumer_group_metadata_new(group.as_ptr());
            let result = Fault::take(sys::rd_kafka_send_offsets_to_transaction(
                self.raw(),
                offsets.raw(),
                metadata,
                millis(wait),
            ));
            sys::rd_kafka_consumer_group_metadata_destroy(metadata);
            result
        }
    }

    /// Flush and commit.
    pub fn commit_transaction(&self, wait: Duration) -> Result<(), Fault> {
        // SAFETY: a live producer; the error answered is ours.
        unsafe { Fault::take(sys::rd_kafka_commit_transaction(self.raw(), millis(wait))) }
    }

    /// Drop what is queued and abort.
    pub fn abort_transaction(&self, wait: Duration) -> Result<(), Fault> {
        // SAFETY: a live producer; the error answered is ours.
        unsafe { Fault::take(sys::rd_kafka_abort_transaction(self.raw(), millis(wait))) }
    }
}
