//! Questions about topics, and making one.
//!
//! Each call has a queue of its own, so that calls of many shards on one client don't mix.

use super::client::Client;
use super::partitions::Partitions;
use super::{Code, Fault, cstring, millis, string};
use crate::limits::CONTROLLER_WAIT_MAX;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

pub use sys::rd_kafka_AclOperation_t as Operation;

/// A topic as the brokers describe it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// `NO_ERROR`, or why the rest is empty.
    pub code: Code,
    /// Its identity.
    pub id: [u8; 16],
    /// Its partitions.
    pub partitions: Partitions,
    /// What this user may do with it, if that was asked for.
    pub operations: Option<Vec<Operation>>,
}

/// Settings of a topic, by name.
pub type Configs = BTreeMap<String, String>;

/// A topic and its settings, or why they are not known.
pub type Answer = (String, Result<Configs, Fault>);

/// An admin call under way.
pub struct Pending {
    queue: NonNull<sys::rd_kafka_queue_t>,
    client: Arc<Client>,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Pending {}

pub(super) struct Event(NonNull<sys::rd_kafka_event_t>);

impl Pending {
    pub(super) fn new(client: &Arc<Client>) -> Pending {
        // SAFETY: a live client; librdkafka's allocator aborts rather than answer null.
        let queue = unsafe { sys::rd_kafka_queue_new(client.raw()) };
        Pending {
            queue: NonNull::new(queue).unwrap_or(NonNull::dangling()),
            client: client.clone(),
        }
    }

    pub(super) fn queue(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    pub(super) fn wait(&self, wait: Duration) -> Result<Event, Fault> {
        self.answer(wait).inspect_err(|fault| {
            // Most questions go to the controller, and librdkafka by itself asks only every few minutes who that is: one that
            // is gone would be waited for again and again.
            if fault.code == Code::RD_KAFKA_RESP_ERR__TIMED_OUT {
                let _ = self.client.brokers(CONTROLLER_WAIT_MAX);
            }
        })
    }

    fn answer(&self, wait: Duration) -> Result<Event, Fault> {
        // SAFETY: our queue; the event answered is ours.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), millis(wait)) };
        let event = Event(
            NonNull::new(event).ok_or_else(|| Fault::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT))?,
        );
        // SAFETY: a live event and its text.
        unsafe {
            match sys::rd_kafka_event_error(event.raw()) {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(event),
                code => Err(Fault::new(
                    code,
                    string(sys::rd_kafka_event_error_string(event.raw())),
                )),
            }
        }
    }

    /// The topics asked for, when the answer is there.
    pub fn topics(self, wait: Duration) -> Result<Vec<Described>, Fault> {
        let event = self.wait(wait)?;
        // SAFETY: the result lives as long as the event; the array has `count` descriptions.
        unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(event.raw());
            if result.is_null() {
                return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
            }
            let mut count = 0;
            let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            Ok((0..count).map(|i| described(*topics.add(i))).collect())
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let _keep_alive = &self.client;
        // SAFETY: our queue, given back before the client goes; a late answer is dropped with it.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

impl Event {
    pub(super) fn raw(&self) -> *mut sys::rd_kafka_event_t {
        self.0.as_ptr()
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours, and its last use.
        unsafe { sys::rd_kafka_event_destroy(self.raw()) }
    }
}

/// # Safety
/// `topic` is a live description.
unsafe fn described(topic: *const sys::rd_kafka_TopicDescription_t) -> Described {
    // SAFETY: by this function's contract; what it points to lives as long.
    unsafe {
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let code = match error.is_null() {
            true => Code::RD_KAFKA_RESP_ERR_NO_ERROR,
            false => sys::rd_kafka_error_code(error),
        };
        let mut out = Described {
            name: string(sys::rd_kafka_TopicDescription_name(topic)),
            code,
            id: [0; 16],
            partitions: Partitions::default(),
            operations: None,
        };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return out;
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        if !id.is_null() {
            let high = sys::rd_kafka_Uuid_most_significant_bits(id);
            let low = sys::rd_kafka_Uuid_least_significant_bits(id);
            out.id[..8].copy_from_slice(&high.to_be_bytes());
            out.id[8..].copy_from_slice(&low.to_be_bytes());
        }
        out.partitions = Partitions::of(topic);
        let mut count = 0;
        let operations = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        if !operations.is_null() {
            out.operations = Some(std::slice::from_raw_parts(operations, count).to_vec());
        }
        out
    }
}

/// Ask what these topics are; the answer is fetched later.
pub fn describe_topics(client: &Arc<Client>, names: &[&str], wait: Duration) -> Pending {
    describe(client, names, false, wait)
}

/// Ask what these topics are and what this user may do with them.
pub fn describe_topics_and_rights(client: &Arc<Client>, names: &[&str], wait: Duration) -> Pending {
    describe(client, names, true, wait)
}

fn describe(client: &Arc<Client>, names: &[&str], rights: bool, wait: Duration) -> Pending {
    let pending = Pending::new(client);
    let names: Vec<CString> = names.iter().map(|name| cstring(name)).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: live client and queue; librdkafka copies the names and options before it returns.
    unsafe {
        let topics =
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let options = options(
            client,
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            wait,
        );
        // Null, as these options are made for the call that has the setting.
        sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, rights.into());
        sys::rd_kafka_DescribeTopics(client.raw(), topics, options, pending.queue());
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_TopicCollection_destroy(topics);
    }
    pending
}

/// Settings of these topics, in no particular order.
pub fn describe_configs(
    client: &Arc<Client>,
    names: &[&str],
    wait: Duration,
) -> Result<Vec<Answer>, Fault> {
    let pending = Pending::new(client);
    // SAFETY: live client and queue; librdkafka copies resources and options before it returns. The result lives as
    // long as the event.
    unsafe {
        let mut resources: Vec<_> = names
            .iter()
            .map(|name| {
                sys::rd_kafka_ConfigResource_new(
                    sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                    cstring(name).as_ptr(),
                )
            })
            .collect();
        let options = options(
            client,
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
            wait,
        );
        sys::rd_kafka_DescribeConfigs(
            client.raw(),
            resources.as_mut_ptr(),
            resources.len(),
            options,
            pending.queue(),
        );
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_ConfigResource_destroy_array(resources.as_mut_ptr(), resources.len());

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_DescribeConfigs_result(event.raw());
        if result.is_null() {
            return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
        }
        let mut count = 0;
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
        Ok((0..count).map(|i| configs(*resources.add(i))).collect())
    }
}

/// # Safety
/// `resource` is a live resource of a result.
unsafe fn configs(resource: *const sys::rd_kafka_ConfigResource_t) -> Answer {
    // SAFETY: by this function's contract; names and values live as long.
    unsafe {
        let name = string(sys::rd_kafka_ConfigResource_name(resource));
        let code = sys::rd_kafka_ConfigResource_error(resource);
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            let text = string(sys::rd_kafka_ConfigResource_error_string(resource));
            return (name, Err(Fault::new(code, text)));
        }
        let mut count = 0;
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &mut count);
        let configs = (0..count)
            .map(|i| {
                let entry = *entries.add(i);
                (
                    string(sys::rd_kafka_ConfigEntry_name(entry)),
                    string(sys::rd_kafka_ConfigEntry_value(entry)),
                )
            })
            .collect();
        (name, Ok(configs))
    }
}

/// Make a topic. `replicas` -1 takes the brokers' default.
pub fn create_topic(
    client: &Arc<Client>,
    name: &str,
    partitions: i32,
    replicas: i32,
    configs: &[(&str, &str)],
    wait: Duration,
) -> Result<(), Fault> {
    let pending = Pending::new(client);
    let mut why = [0 as c_char; 512];
    // SAFETY: live client and queue; librdkafka copies topic and options before it returns. The result lives as long as
    // the event.
    unsafe {
        let mut topic = sys::rd_kafka_NewTopic_new(
            cstring(name).as_ptr(),
            partitions,
            replicas,
            why.as_mut_ptr(),
            why.len(),
        );
        if topic.is_null() {
            return Err(Fault::new(
                Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
                string(why.as_ptr()),
            ));
        }
        for (key, value) in configs {
            let (key, value) = (cstring(key), cstring(value));
            sys::rd_kafka_NewTopic_set_config(topic, key.as_ptr(), value.as_ptr());
        }
        let options = options(
            client,
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS,
            wait,
        );
        sys::rd_kafka_CreateTopics(client.raw(), &mut topic, 1, options, pending.queue());
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_NewTopic_destroy(topic);

        let event = pending.wait(wait)?;
        let result = sys::rd_kafka_event_CreateTopics_result(event.raw());
        let mut count = 0;
        let topics = sys::rd_kafka_CreateTopics_result_topics(result, &mut count);
        the_one(topics, count)
    }
}

/// What became of the only topic of a call.
///
/// # Safety
/// `topics` has `count` live results.
pub(super) unsafe fn the_one(
    topics: *mut *const sys::rd_kafka_topic_result_t,
    count: usize,
) -> Result<(), Fault> {
    if count == 0 {
        return Err(Fault::of(Code::RD_KAFKA_RESP_ERR__BAD_MSG));
    }
    // SAFETY: by this function's contract there is a first one; its text lives as long.
    unsafe {
        match sys::rd_kafka_topic_result_error(*topics) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Fault::new(
                code,
                string(sys::rd_kafka_topic_result_error_string(*topics)),
            )),
        }
    }
}

/// Options with a time limit; the caller destroys them.
///
/// # Safety
/// The answer must be given to rd_kafka_AdminOptions_destroy.
pub(super) unsafe fn options(
    client: &Client,
    operation: sys::rd_kafka_admin_op_t,
    wait: Duration,
) -> *mut sys::rd_kafka_AdminOptions_t {
    // SAFETY: a live client; the error text isn't wanted.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client.raw(), operation);
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options,
            millis(wait),
            std::ptr::null_mut(),
            0,
        );
        options
    }
}
