//! Deleting topics and groups.

use super::admin::{Pending, options, the_one};
use super::client::Client;
use super::{Code, Fault, cstring, string};
use rdkafka_sys as sys;
use std::sync::Arc;
use std::time::Duration;

/// Delete a topic.
pub fn delete_topic(client: &Arc<Client>, name: &str, wait: Duration) -> Result<(), Fault> {
    let pending = Pending::new(client);
    // SAFETY: live client and queue; librdkafka copies topic and options before it returns. The result lives as long as
    // the event.
    unsafe {
        let mut topic = sys::rd_kafka_DeleteTopic_new(cstring(name).as_ptr());
        let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETETOPICS;
        let options = options(client, op, wait);
        sys::rd_kafka_DeleteTopics(client.raw(), &mut topic, 1, options, pending.queue());
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_DeleteTopic_destroy(topic);

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_DeleteTopics_result(event.raw());
        let mut count = 0;
        let topics = sys::rd_kafka_DeleteTopics_result_topics(result, &mut count);
        the_one(topics, count)
    }
}

/// Delete a group with its committed positions. If nothing is answered within `wait`, the client must be given up: its
/// question is still under way.
pub fn delete_group(client: &Arc<Client>, name: &str, wait: Duration) -> Result<(), Fault> {
    let pending = Pending::new(client);
    // SAFETY: as for a topic.
    unsafe {
        let mut group = sys::rd_kafka_DeleteGroup_new(cstring(name).as_ptr());
        let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEGROUPS;
        // Longer than anybody waits, see above.
        let options = options(client, op, wait * 10);
        sys::rd_kafka_DeleteGroups(client.raw(), &mut group, 1, options, pending.queue());
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_DeleteGroup_destroy(group);

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_DeleteGroups_result(event.raw());
        let mut count = 0;
        let groups = sys::rd_kafka_DeleteGroups_result_groups(result, &mut count);
        if count == 0 {
            return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let error = sys::rd_kafka_group_result_error(*groups);
        match error.is_null() {
            true => Ok(()),
            false => Err(Fault::new(
                sys::rd_kafka_error_code(error),
                string(sys::rd_kafka_error_string(error)),
            )),
        }
    }
}
