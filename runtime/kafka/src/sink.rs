//! Producing: queueing records, waiting while the queue is full, settings of the producers.

use crate::errors;
use crate::ffi::client::Client;
use crate::ffi::produce::{Headers, Record, Topic};
use crate::ffi::{Code, Fault};
use crate::limits::*;
use sluicebox_core::log::{Error, Kind, Result};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Settings of the transactional and of the plain producer: batching by the epoch's length, retries that don't sleep
/// through a commit, no report for records that arrived.
pub fn settings(
    epoch_interval_ms: u64,
    smallest_bytes_max: usize,
    largest_bytes_max: usize,
) -> Vec<(&'static str, String)> {
    vec![
        ("enable.idempotence", "true".into()),
        ("acks", "all".into()),
        ("delivery.report.only.error", "true".into()),
        ("allow.auto.create.topics", "false".into()),
        ("linger.ms", linger_ms(epoch_interval_ms).to_string()),
        ("batch.size", batch_bytes(smallest_bytes_max).to_string()),
        ("batch.num.messages", "100000".into()),
        (
            "message.max.bytes",
            message_bytes(largest_bytes_max).to_string(),
        ),
        (
            "queue.buffering.max.kbytes",
            PRODUCED_KBYTES_MAX.to_string(),
        ),
        (
            "queue.buffering.max.messages",
            PRODUCED_RECORDS_MAX.to_string(),
        ),
        // A "concurrent transactions" answer waits this long: the default of 100 ms would be most of a commit.
        ("retry.backoff.ms", "5".into()),
        ("retry.backoff.max.ms", "50".into()),
        ("reconnect.backoff.ms", "50".into()),
        ("reconnect.backoff.max.ms", "1000".into()),
    ]
}

/// A batch waits for more records for a small part of the epoch; what the commit waits for is flushed at once.
fn linger_ms(epoch_interval_ms: u64) -> u64 {
    match epoch_interval_ms {
        0..=100 => (epoch_interval_ms / 4).clamp(1, 5),
        _ => (epoch_interval_ms / 4).min(20),
    }
}

/// A batch may not be larger than the smallest of the topics takes.
fn batch_bytes(record_bytes_max: usize) -> usize {
    BATCH_BYTES_MAX.min(record_bytes_max).max(1)
}

fn message_bytes(record_bytes_max: usize) -> usize {
    /// librdkafka's bounds.
    const RANGE: std::ops::RangeInclusive<usize> = 1000..=1_000_000_000;
    (record_bytes_max + RECORD_OVERHEAD_BYTES).clamp(*RANGE.start(), *RANGE.end())
}

/// librdkafka takes this timestamp for the time of the call.
pub const NOW: i64 = 0;

/// The timestamp of an output. The first millisecond of 1970 can't be told to librdkafka: it would take it for "now", and
/// the output would depend on the clock. So it is sent as the second one.
pub fn event_time(timestamp: i64) -> i64 {
    match timestamp {
        NOW => 1,
        timestamp => timestamp,
    }
}

/// A topic to send to.
pub struct Outlet {
    topic: Topic,
    name: String,
    client: Arc<Client>,
    /// How long records waited for room in the queue.
    waited: Cell<Duration>,
}

impl Outlet {
    /// An outlet of this producer.
    pub fn new(client: &Arc<Client>, name: &str) -> Result<Outlet> {
        let topic = Topic::new(client, name)
            .map_err(|fault| errors::error(&format!("topic {name}"), &fault, client))?;
        Ok(Outlet {
            topic,
            name: name.to_string(),
            client: client.clone(),
            waited: Cell::default(),
        })
    }

    /// How long records have waited for room in the queue, in all.
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Queue a record, waiting while the queue is full. A timestamp of [`NOW`] is the time at the client.
    pub fn send(&self, record: Record<'_>, packed: Option<&[u8]>) -> Result<()> {
        let mut headers = packed.filter(|packed| !packed.is_empty()).map(unpack);
        if let Some(None) = headers {
            return Err(Error::halt(format!(
                "a record for topic {} has malformed headers",
                self.name
            )));
        }
        let mut headers = headers.take().flatten();
        match self.topic.produce(record, &mut headers) {
            Ok(()) => Ok(()),
            Err(Code::RD_KAFKA_RESP_ERR__QUEUE_FULL) => self.send_later(record, headers),
            Err(code) => Err(self.refused(code, record.partition)),
        }
    }

    #[cold]
    fn send_later(&self, record: Record<'_>, headers: Option<Headers>) -> Result<()> {
        let started = Instant::now();
        let sent = self.send_by(started + QUEUE_FULL_WAIT_MAX, record, headers);
        self.waited.set(self.waited.get() + started.elapsed());
        sent
    }

    fn send_by(
        &self,
        until: Instant,
        record: Record<'_>,
        mut headers: Option<Headers>,
    ) -> Result<()> {
        while Instant::now() < until {
            std::thread::sleep(QUEUE_FULL_PAUSE);
            match self.topic.produce(record, &mut headers) {
                Ok(()) => return Ok(()),
                Err(Code::RD_KAFKA_RESP_ERR__QUEUE_FULL) => {}
                Err(code) => return Err(self.refused(code, record.partition)),
            }
        }
        Err(Error::new(
            Kind::Abortable,
            format!(
                "topic {}: the brokers took nothing for {} s while {} MiB waited",
                self.name,
                QUEUE_FULL_WAIT_MAX.as_secs(),
                PRODUCED_KBYTES_MAX / 1024
            ),
        ))
    }

    fn refused(&self, code: Code, partition: i32) -> Error {
        let what = format!("send to topic {} partition {partition}", self.name);
        // Producing is refused once the transaction has failed: why is with the failed records.
        if code == Code::RD_KAFKA_RESP_ERR__STATE && self.client.fatal().is_none() {
            return undelivered(&self.client, &what).unwrap_or_else(|| {
                Error::new(
                    Kind::Abortable,
                    format!("{what}: the transaction has failed"),
                )
            });
        }
        errors::error(&what, &Fault::of(code), &self.client)
    }
}

/// The error for records that were not delivered, if there are any.
pub fn undelivered(client: &Client, what: &str) -> Option<Error> {
    let count = client.health().failed();
    if count == 0 {
        return None;
    }
    let (code, text) = client.health().first_failure()?;
    let fault = Fault {
        abort: true,
        ..Fault::new(
            code,
            format!("{count} records were not delivered; the first: {text}"),
        )
    };
    Some(errors::error(what, &fault, client))
}

/// Packed headers as librdkafka wants them; `None` if they are malformed.
fn unpack(packed: &[u8]) -> Option<Headers> {
    let mut rest = packed;
    let mut headers = Headers::new();
    while !rest.is_empty() {
        let name_length = length(&mut rest)?;
        let name = rest.split_off(..name_length as usize)?;
        let value = match length(&mut rest)? {
            u32::MAX => None,
            value_length => Some(rest.split_off(..value_length as usize)?),
        };
        headers.add(name, value);
    }
    Some(headers)
}

fn length(rest: &mut &[u8]) -> Option<u32> {
    let bytes = rest.split_off(..4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_for_a_small_part_of_the_epoch() {
        let cases = [(10, 2), (20, 5), (100, 5), (200, 20), (1000, 20)];
        for (interval_ms, want_ms) in cases {
            assert_eq!(linger_ms(interval_ms), want_ms, "epoch of {interval_ms} ms");
        }
    }

    #[test]
    fn no_event_time_is_taken_for_now() {
        assert_eq!([-5, 0, 1, 2].map(event_time), [-5, 1, 1, 2]);
    }

    #[test]
    fn malformed_headers_are_noticed() {
        let good = [1, 0, 0, 0, b'n', 1, 0, 0, 0, b'v'];
        assert!(unpack(&good).is_some());
        assert!(unpack(&good[..9]).is_none());
        assert!(unpack(&[255, 255, 255, 127]).is_none());
    }
}
