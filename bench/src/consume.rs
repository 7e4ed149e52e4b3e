//! Raw consume: what the client library costs before anyone looks at a record. The batch call of librdkafka is the
//! cheapest way to read a topic; no engine can be below it.
use crate::kafka::{self, PARTITIONS};
use anyhow::{Result, bail};
use rdkafka::bindings as rd;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Messages asked for in one call.
const BATCH: usize = 10_000;
/// A topic that gives nothing for this long is an error.
const STALL: Duration = Duration::from_secs(30);

/// What was read, as the child process prints it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Consumed {
    pub records: u64,
    /// Keys and values.
    pub bytes: u64,
    /// From the first record to the last.
    pub seconds: f64,
}

/// Read the topic to the end it has now.
pub fn run(brokers: &str, topic: &str) -> Result<Consumed> {
    let consumer: BaseConsumer = kafka::consumer_config(brokers, "bench-consume")
        .set("queued.min.messages", "1000000")
        .create()?;
    consumer.assign(&kafka::positions(topic, PARTITIONS, Offset::Beginning)?)?;
    let mut batch = vec![std::ptr::null_mut(); BATCH];
    let (mut records, mut bytes, mut open) = (0, 0, PARTITIONS);
    let (mut first, mut moved, mut failed) = (None, Instant::now(), None);
    // SAFETY: the client outlives the queue, which is destroyed below, before `consumer` drops.
    let queue = unsafe { rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
    while open > 0 && failed.is_none() && moved.elapsed() < STALL {
        // SAFETY: `queue` is live and `batch` has room for `BATCH` pointers.
        let got =
            unsafe { rd::rd_kafka_consume_batch_queue(queue, 100, batch.as_mut_ptr(), BATCH) };
        for message in &batch[..usize::try_from(got).unwrap_or(0)] {
            // SAFETY: the call above wrote `got` messages that are ours until they are destroyed here, once.
            unsafe {
                match (**message).err {
                    Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => open -= 1,
                    Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
                        records += 1;
                        bytes += ((**message).len + (**message).key_len) as u64;
                    }
                    code => failed = Some(code),
                }
                rd::rd_kafka_message_destroy(*message);
            }
        }
        if got > 0 {
            moved = Instant::now();
            first.get_or_insert(moved);
        }
    }
    // SAFETY: `queue` came from rd_kafka_queue_get_consumer and is not used after this.
    unsafe { rd::rd_kafka_queue_destroy(queue) };
    if let Some(code) = failed {
        bail!("reading {topic}: {code:?}");
    }
    if open > 0 {
        bail!("{topic} gives nothing more before its end");
    }
    let seconds = first.map_or(0.0, |first| first.elapsed().as_secs_f64());
    Ok(Consumed {
        records,
        bytes,
        seconds,
    })
}
