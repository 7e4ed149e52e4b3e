//! Offsets of many partitions at once, by admin calls: no client of its own is needed to ask.

use super::admin::{Pending, options};
use super::client::Client;
use super::list::{Entry, List, entries};
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

/// Stable positions that a group committed in these partitions of a topic, in no particular order.
pub fn committed(
    client: &Arc<Client>,
    group: &str,
    topic: &str,
    partitions: &[i32],
    wait: Duration,
) -> Result<Vec<Entry>, Fault> {
    let pending = Pending::new(client);
    let topic = cstring(topic);
    let mut list = List::new(partitions.len());
    for partition in partitions {
        list.add(&topic, *partition, -1);
    }
    // SAFETY: as above; the request is ours to destroy, and copied as well.
    unsafe {
        let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
        let options = options(client, op, wait);
        // Null, as these options are made for the call that has the setting.
        sys::rd_kafka_AdminOptions_set_require_stable_offsets(options, 1);
        let name = cstring(group);
        let mut request = sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), list.raw());
        sys::rd_kafka_ListConsumerGroupOffsets(
            client.raw(),
            &mut request,
            1,
            options,
            pending.queue(),
        );
        sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
        sys::rd_kafka_AdminOptions_destroy(options);

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event.raw());
        let mut count = 0;
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
        if count == 0 {
            return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let error = sys::rd_kafka_group_result_error(*groups);
        if !error.is_null() {
            return Err(Fault::new(
                sys::rd_kafka_error_code(error),
                string(sys::rd_kafka_error_string(error)),
            ));
        }
        Ok(entries(sys::rd_kafka_group_result_partitions(*groups)))
    }
}
