//! A consumer group's membership: subscription, rebalances as events, leaving.

use super::client::Client;
use super::list::{Entry, List};
use super::{Code, Fault, cstring, millis, string};
use rdkafka_sys as sys;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// A member's queue of events.
pub struct Group {
    queue: NonNull<sys::rd_kafka_queue_t>,
    client: Arc<Client>,
}

// SAFETY: librdkafka's queues may be used from any thread, and by several at once.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

/// What came by a member's queue.
#[derive(Clone, Debug)]
pub enum Event {
    /// Partitions to add; must be answered with [`Group::add`], also if empty.
    Assigned(Vec<Entry>),
    /// Partitions to give up; must be answered with [`Group::remove`]. `lost`: they are gone already.
    Revoked {
        /// Which.
        entries: Vec<Entry>,
        /// Others may have them by now.
        lost: bool,
    },
    /// Something went wrong; fatal errors are kept by the client too.
    Error(Fault),
}

impl Group {
    /// Subscribe to `topic` and so join the client's group.
    pub fn join(client: Arc<Client>, topic: &str) -> Result<Group, Fault> {
        // SAFETY: a live consumer; the reference is given back on drop.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client.raw()) };
        let queue = NonNull::new(queue).ok_or_else(|| {
            Fault::new(
                Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
                "this consumer has no queue",
            )
        })?;
        let group = Group { queue, client };
        let mut topics = List::new(1);
        topics.add(&cstring(topic), -1, 0);
        // SAFETY: a live consumer and list.
        Fault::check(unsafe { sys::rd_kafka_subscribe(group.client.raw(), topics.raw()) })?;
        Ok(group)
    }

    /// The next event, waiting up to `wait`.
    pub fn poll(&self, wait: Duration) -> Option<Event> {
        // SAFETY: a live queue; the event is ours and destroyed after its last use.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.queue.as_ptr(), millis(wait));
            if event.is_null() {
                return None;
            }
            let code = sys::rd_kafka_event_error(event);
            let out = match sys::rd_kafka_event_type(event) {
                sys::RD_KAFKA_EVENT_REBALANCE => {
                    let list = sys::rd_kafka_event_topic_partition_list(event);
                    let entries = match list.is_null() {
                        true => Vec::new(),
                        false => super::list::entries(list),
                    };
                    match code {
                        Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                            Some(Event::Assigned(entries))
                        }
                        _ => Some(Event::Revoked {
                            entries,
                            lost: self.lost(),
                        }),
                    }
                }
                sys::RD_KAFKA_EVENT_ERROR => Some(Event::Error(Fault {
                    fatal: sys::rd_kafka_event_error_is_fatal(event) != 0,
                    ..Fault::new(code, string(sys::rd_kafka_event_error_string(event)))
                })),
                _ => None,
            };
            sys::rd_kafka_event_destroy(event);
            out
        }
    }

    /// Let the poll under way, or else the next one, return at once.
    pub fn interrupt(&self) {
        // SAFETY: a live queue.
        unsafe { sys::rd_kafka_queue_yield(self.queue.as_ptr()) }
    }

    /// Whether the partitions assigned are lost.
    pub fn lost(&self) -> bool {
        // SAFETY: a live consumer.
        unsafe { sys::rd_kafka_assignment_lost(self.client.raw()) != 0 }
    }

    /// Take partitions on, paused: membership only says who should run them.
    pub fn add(&self, list: &List) -> Result<(), Fault> {
        // SAFETY: a live consumer and list; the error answered is ours.
        unsafe {
            Fault::take(sys::rd_kafka_incremental_assign(
                self.client.raw(),
                list.raw(),
            ))?;
            Fault::check(sys::rd_kafka_pause_partitions(
                self.client.raw(),
                list.raw(),
            ))
        }
    }

    /// Give partitions up.
    pub fn remove(&self, list: &List) -> Result<(), Fault> {
        // SAFETY: a live consumer and list; the error answered is ours.
        unsafe {
            Fault::take(sys::rd_kafka_incremental_unassign(
                self.client.raw(),
                list.raw(),
            ))
        }
    }

    /// Ask to leave: what is assigned is revoked by an event, and once it is given up the group is told, also for a
    /// static member (which [`Group::close`] doesn't do).
    pub fn unsubscribe(&self) -> Result<(), Fault> {
        // SAFETY: a live consumer.
        Fault::check(unsafe { sys::rd_kafka_unsubscribe(self.client.raw()) })
    }

    /// True while the group knows us. False once the request to leave is on its way.
    pub fn is_member(&self) -> bool {
        // SAFETY: a live consumer; the string is ours, from librdkafka's allocator.
        unsafe {
            let id = sys::rd_kafka_memberid(self.client.raw());
            if id.is_null() {
                return false;
            }
            let known = *id != 0;
            sys::rd_kafka_mem_free(self.client.raw(), id.cast());
            known
        }
    }

    /// Wait until the request to leave is answered, at most some seconds.
    pub fn close(&self) -> Result<(), Fault> {
        // SAFETY: a live consumer.
        Fault::check(unsafe { sys::rd_kafka_consumer_close(self.client.raw()) })
    }

    /// The consumer behind it.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: our reference, given back before the client goes.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}
