//! Offsets of many partitions at once, by an admin call: no client of its own is needed to ask.

use super::admin::{Pending, options};
use super::client::Client;
use super::list::List;
use super::{Code, Fault, cstring, string};
use rdkafka_sys as sys;
use std::sync::Arc;
use std::time::Duration;

/// A partition's end, or why it is not known.
pub struct End {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset after the last stable record.
    pub offset: i64,
    /// This partition's own error.
    pub code: Code,
}

/// Ends of these partitions, in no particular order. None of them may be there twice.
pub fn ends(
    client: &Arc<Client>,
    partitions: &[(&str, i32)],
    wait: Duration,
) -> Result<Vec<End>, Fault> {
    /// librdkafka's word for "the end" in this call.
    const LATEST: i64 = -1;
    let pending = Pending::new(client);
    let mut list = List::new(partitions.len());
    for (topic, partition) in partitions {
        list.add(&cstring(topic), *partition, LATEST);
    }
    // SAFETY: live client, queue and list; librdkafka copies list and options before it returns. The result lives as long
    // as the event.
    unsafe {
        let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        let options = options(client, op, wait);
        // Null, as these options are made for the call that has the setting.
        sys::rd_kafka_AdminOptions_set_isolation_level(
            options,
            sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
        );
        sys::rd_kafka_ListOffsets(client.raw(), list.raw(), options, pending.queue());
        sys::rd_kafka_AdminOptions_destroy(options);

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_ListOffsets_result(event.raw());
        if result.is_null() {
            return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let mut count = 0;
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        let end = |i| {
            let found = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(i));
            End {
                topic: string((*found).topic),
                partition: (*found).partition,
                offset: (*found).offset,
                code: (*found).err,
            }
        };
        Ok((0..count).map(end).collect())
    }
}
