//! From librdkafka's messages to packed batches: one memcpy a field, one batch per run of a partition.

use crate::errors;
use crate::ffi::consume::Message;
use crate::ffi::{Code, text_of};
use crate::limits::PACKED_BYTES_MAX;
use sluicebox_core::batch::Batch;
use sluicebox_core::log::{Error, Kind, SourceBatch};
use std::collections::BTreeMap;

/// Packs the messages of one poll.
pub struct Packer<'a> {
    /// The topic read.
    pub topic: &'a str,
    /// Position of each partition, moved along.
    pub positions: &'a mut BTreeMap<i32, i64>,
    /// Memory for headers.
    pub scratch: &'a mut Vec<u8>,
    /// Where the batches go.
    pub into: &'a mut Vec<SourceBatch>,
    /// How many batches there were before this poll.
    pub first: usize,
    /// Set when a partition can't be read on.
    pub error: Option<Error>,
}

impl Packer<'_> {
    /// Take a message as it comes from librdkafka.
    pub fn take(&mut self, message: Message<'_>) {
        if self.error.is_some() {
            return;
        }
        match message.code() {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => self.record(message),
            Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                self.moved(message.partition(), message.offset());
            }
            code => self.error = self.failure(code, message),
        }
    }

    fn record(&mut self, message: Message<'_>) {
        let (partition, offset) = (message.partition(), message.offset());
        let (key, value) = (message.key(), message.value());
        self.scratch.clear();
        let headers = message
            .headers(self.scratch)
            .then_some(self.scratch.as_slice());
        let bytes = key.map_or(0, <[u8]>::len)
            + value.map_or(0, <[u8]>::len)
            + headers.map_or(0, <[u8]>::len);
        let fits = |batch: &&mut SourceBatch| {
            batch.partition == partition
                && (batch.batch.is_empty() || batch.batch.data().len() + bytes <= PACKED_BYTES_MAX)
        };
        let run = self.into[self.first..].last_mut().filter(fits);
        let run = match run {
            Some(run) => run,
            None => {
                self.into.push(SourceBatch {
                    partition,
                    batch: Batch::default(),
                    ..SourceBatch::default()
                });
                let last = self.into.len() - 1;
                &mut self.into[last]
            }
        };
        run.batch.push(key, value, headers, message.timestamp());
        run.offsets.push(offset);
        run.next_offset = offset + 1;
        self.positions.insert(partition, offset + 1);
    }

    /// The end of a partition, for now: transaction markers and aborted records lie before it.
    fn moved(&mut self, partition: i32, position: i64) {
        let known = self.positions.entry(partition).or_insert(position - 1);
        if *known >= position {
            return;
        }
        *known = position;
        let last = self.into[self.first..].last_mut();
        match last.filter(|batch| batch.partition == partition) {
            Some(batch) => batch.next_offset = position,
            None => self.into.push(SourceBatch {
                partition,
                next_offset: position,
                ..SourceBatch::default()
            }),
        }
    }

    fn failure(&self, code: Code, message: Message<'_>) -> Option<Error> {
        let (topic, partition) = (self.topic, message.partition());
        let position = self.positions.get(&partition).copied().unwrap_or(-1);
        let place = format!("topic {topic} partition {partition} offset {position}");
        match code {
            Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
            | Code::RD_KAFKA_RESP_ERR__LOG_TRUNCATION
            | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE => Some(Error::halt(format!(
                "{place} is not there any more (or not yet): retention deleted it, or the topic was truncated; records \
                 are lost to this job. Start it under a new name, or from an explicit position"
            ))),
            Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID => Some(Error::halt(format!(
                "{place} can't be read: the topic or partition was deleted. Create it and start the job under a new \
                 name, or remove the job"
            ))),
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => Some(Error::halt(format!(
                "{place} can't be read: not authorized; grant this user Read on the topic"
            ))),
            // The client keeps trying by itself.
            code if errors::is_passing(code) => None,
            code => Some(Error::new(
                Kind::Retriable,
                format!(
                    "{place} can't be read: {} ({})",
                    text_of(code),
                    String::from_utf8_lossy(message.value().unwrap_or_default())
                ),
            )),
        }
    }
}
