//! Reading a shard's changelog back: a consumer of its own, from an offset to the end position.
//!
//! To the end *position*: the last offset is a transaction's marker, which no reader ever gets.

use crate::access::Access;
use crate::errors;
use crate::ffi::client::{Client, Role};
use crate::ffi::consume::Queue;
use crate::ffi::list::List;
use crate::ffi::{Code, Fault, cstring, text_of};
use crate::limits::{CHANGELOG_WAIT_MAX, CONSUME_MAX};
use crate::source;
use sluicebox_core::log::{Bounds, ChangelogRecord, Error, Kind, Result, ShardConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Visit what is committed in this partition from `from` on (clamped to what is there). Answers the partition's bounds
/// at that moment; to its end was read.
pub fn read(
    access: &Access,
    shard: &ShardConfig,
    from: i64,
    visit: &mut dyn FnMut(ChangelogRecord<'_>),
) -> Result<Bounds> {
    let (topic, partition) = (&shard.changelog, shard.shard);
    // Nothing is committed to the group, but its coordinator is looked for, and only the job's own group may be.
    let settings = source::settings(&shard.group, 100);
    let client = Client::new(Role::Consumer, &access.consumer(&settings))
        .map_err(|fault| Error::halt(format!("Kafka consumer: {}", fault.text)))?;
    let client = Arc::new(client);
    let bounds = source::bounds(&client, topic, partition)?;
    let from = from.clamp(bounds.start, bounds.end);
    if from == bounds.end {
        return Ok(bounds);
    }
    let mut list = List::new(1);
    list.add(&cstring(topic), partition, from);
    let what = format!("read changelog topic {topic} partition {partition}");
    client
        .assign(&list)
        .map_err(|fault| errors::error(&what, &fault, &client))?;
    let queue = Queue::new(client)
        .map_err(|fault| Error::halt(format!("Kafka consumer: {}", fault.text)))?;
    to_end(queue, &what, from, bounds.end, visit)?;
    Ok(bounds)
}

fn to_end(
    mut queue: Queue,
    what: &str,
    from: i64,
    end: i64,
    visit: &mut dyn FnMut(ChangelogRecord<'_>),
) -> Result<()> {
    let mut position = from;
    let mut error = None;
    let mut heard = Instant::now();
    let client = queue.client().clone();
    while position < end && error.is_none() {
        queue.consume(CONSUME_MAX, Duration::from_millis(100), &mut |message| {
            heard = Instant::now();
            match message.code() {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR if message.offset() < end => {
                    position = message.offset() + 1;
                    visit(ChangelogRecord {
                        offset: message.offset(),
                        key: message.key().unwrap_or_default(),
                        value: message.value().unwrap_or_default(),
                    });
                }
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => position = end,
                Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => position = message.offset(),
                Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
                | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE => {
                    error = Some(Error::new(
                        Kind::Retriable,
                        format!("{what}: offset {position} was trimmed while it was read"),
                    ));
                }
                code if errors::is_passing(code) => {}
                code if errors::is_denied(code) => {
                    error = Some(errors::error(what, &Fault::of(code), &client));
                }
                code => {
                    error = Some(Error::new(
                        Kind::Retriable,
                        format!("{what} at offset {position}: {}", text_of(code)),
                    ));
                }
            }
        });
        if heard.elapsed() > CHANGELOG_WAIT_MAX {
            let last = client.health().last_error();
            error = Some(Error::new(
                Kind::Retriable,
                format!(
                    "{what}: nothing came for {} s at offset {position} of {}{}",
                    CHANGELOG_WAIT_MAX.as_secs(),
                    end,
                    last.map(|last| format!(" (last error of a connection: {last})"))
                        .unwrap_or_default()
                ),
            ));
        }
    }
    error.map_or(Ok(()), Err)
}
