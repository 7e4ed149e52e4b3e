//! Reading: assignment, batches of messages, offsets.

use super::client::Client;
use super::list::List;
use super::{Code, Fault, bytes, cstring, millis};
use rdkafka_sys as sys;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// A consumer's queue: messages, ends of partitions and errors of all its partitions.
pub struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    buffer: Vec<*mut sys::rd_kafka_message_t>,
    client: Arc<Client>,
}

// SAFETY: the queue may be read from any thread; the buffer is empty between calls.
unsafe impl Send for Queue {}

/// A message, an end of a partition or an error, borrowed from librdkafka until the callback returns.
#[derive(Clone, Copy)]
pub struct Message<'a>(&'a sys::rd_kafka_message_t);

impl<'a> Message<'a> {
    /// `NO_ERROR` for a record.
    pub fn code(&self) -> Code {
        self.0.err
    }
    /// Partition.
    pub fn partition(&self) -> i32 {
        self.0.partition
    }
    /// Offset of the record; of an end, the position.
    pub fn offset(&self) -> i64 {
        self.0.offset
    }
    /// Key.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka's message has `key_len` bytes there, until it is destroyed.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }
    /// Value; of an error, its text.
    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }
    /// Milliseconds since 1970, -1 if the record has none.
    pub fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a live message.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.0, &mut kind) };
        match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => -1,
            _ => timestamp,
        }
    }
    /// The headers, packed as `wit/udf.wit` says, appended to `into`. False if there are none.
    pub fn headers(&self, into: &mut Vec<u8>) -> bool {
        let mut headers = std::ptr::null_mut();
        // SAFETY: a live message; the headers belong to it and live as long.
        let code = unsafe { sys::rd_kafka_message_headers(self.0, &mut headers) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return false;
        }
        for i in 0.. {
            let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: live headers; name and value are valid until the message is destroyed.
            unsafe {
                let code =
                    sys::rd_kafka_header_get_all(headers, i, &mut name, &mut value, &mut size);
                if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                    break;
                }
                let name = CStr::from_ptr(name).to_bytes();
                into.extend_from_slice(&(name.len() as u32).to_le_bytes());
                into.extend_from_slice(name);
                match bytes(value.cast(), size) {
                    Some(value) => {
                        into.extend_from_slice(&(value.len() as u32).to_le_bytes());
                        into.extend_from_slice(value);
                    }
                    None => into.extend_from_slice(&u32::MAX.to_le_bytes()),
                }
            }
        }
        true
    }
}

impl Queue {
    /// The queue of a consumer.
    pub fn new(client: Arc<Client>) -> Result<Queue, Fault> {
        // SAFETY: a live consumer; the reference is given back on drop.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client.raw()) };
        let queue = NonNull::new(queue).ok_or_else(|| {
            Fault::new(
                Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
                "this consumer has no queue",
            )
        })?;
        Ok(Queue {
            queue,
            buffer: Vec::new(),
            client,
        })
    }

    /// Visit what has arrived, at most `count_max` messages, waiting up to `wait` for the first.
    pub fn consume(
        &mut self,
        count_max: usize,
        wait: Duration,
        visit: &mut dyn FnMut(Message<'_>),
    ) {
        self.buffer.resize(count_max.max(1), std::ptr::null_mut());
        let mut count = self.take(self.buffer.len(), Duration::ZERO);
        if count == 0 && !wait.is_zero() {
            // With a time-out librdkafka waits until the buffer is full: so wait for one, then take what else is there.
            count = self.take(1, wait);
            if count == 1 {
                self.visit(count, visit);
                count = self.take(self.buffer.len() - 1, Duration::ZERO);
            }
        }
        self.visit(count, visit);
    }

    fn take(&mut self, count_max: usize, wait: Duration) -> usize {
        // SAFETY: a live queue, and room for `count_max` pointers.
        let count = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                millis(wait),
                self.buffer.as_mut_ptr(),
                count_max,
            )
        };
        count.max(0) as usize
    }

    fn visit(&mut self, count: usize, visit: &mut dyn FnMut(Message<'_>)) {
        for message in &mut self.buffer[..count] {
            // SAFETY: each pointer is a message that is ours to destroy, once, after its last use.
            unsafe {
                visit(Message(&**message));
                sys::rd_kafka_message_destroy(*message);
            }
            *message = std::ptr::null_mut();
        }
    }

    /// The consumer behind it.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: our reference, given back before the client goes.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

impl Client {
    /// Replace what this consumer reads.
    ///
    /// What was read before has stopped when this returns. librdkafka only asks for that, and where the same partition is
    /// replaced again (or the consumer closed) before the answer, it asks twice and aborts the process at the second one:
    /// `Assertion rktp->rktp_started failed`, seen in 2.12.1.
    pub fn assign(&self, list: &List) -> Result<(), Fault> {
        // SAFETY: a live consumer and list.
        Fault::check(unsafe { sys::rd_kafka_assign(self.raw(), list.raw()) })?;
        // One queue of librdkafka's main thread has the request to stop, then its answer. The first question is answered
        // behind the one, so the second comes behind the other.
        self.assigned()?;
        self.assigned()
    }

    /// Ask the main thread what is assigned, only to have waited for it.
    fn assigned(&self) -> Result<(), Fault> {
        let mut list = std::ptr::null_mut();
        // SAFETY: a live consumer, and a place for a list that is ours to destroy.
        unsafe {
            let code = sys::rd_kafka_assignment(self.raw(), &mut list);
            if !list.is_null() {
                sys::rd_kafka_topic_partition_list_destroy(list);
            }
            Fault::check(code)
        }
    }

    /// First offset and the offset after the last stable record of a partition, as the brokers have them now.
    pub fn bounds(&self, topic: &str, partition: i32, wait: Duration) -> Result<(i64, i64), Fault> {
        let (mut low, mut high) = (0, 0);
        let topic = cstring(topic);
        // SAFETY: a live client and two places to write to.
        Fault::check(unsafe {
            sys::rd_kafka_query_watermark_offsets(
                self.raw(),
                topic.as_ptr(),
                partition,
                &mut low,
                &mut high,
                millis(wait),
            )
        })?;
        Ok((low, high))
    }

    /// End of a partition that is being fetched, as of the last answer; asks no broker.
    pub fn fetched_end(&self, topic: &str, partition: i32) -> Option<i64> {
        let (mut low, mut high) = (0, 0);
        let topic = cstring(topic);
        // SAFETY: a live client and two places to write to.
        let code = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.raw(),
                topic.as_ptr(),
                partition,
                &mut low,
                &mut high,
            )
        };
        // Before the first answer it is an invalid offset, which is negative.
        (code == Code::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Replace the timestamps that `list` has as offsets by the first offsets of those times or later.
    pub fn offsets_for_times(&self, list: &mut List, wait: Duration) -> Result<(), Fault> {
        // SAFETY: a live client and list.
        Fault::check(unsafe {
            sys::rd_kafka_offsets_for_times(self.raw(), list.raw(), millis(wait))
        })
    }

    /// Fill in the offsets that the consumer's group committed; with `read_committed`, only stable ones.
    pub fn committed(&self, list: &mut List, wait: Duration) -> Result<(), Fault> {
        // SAFETY: a live consumer and list.
        Fault::check(unsafe { sys::rd_kafka_committed(self.raw(), list.raw(), millis(wait)) })
    }
}
