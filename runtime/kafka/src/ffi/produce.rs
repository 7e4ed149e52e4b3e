//! Writing: topic handles, headers, records.

use super::client::Client;
use super::{Code, Fault, cstring, millis};
use rdkafka_sys as sys;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// A topic to produce to.
pub struct Topic {
    rkt: NonNull<sys::rd_kafka_topic_t>,
    client: Arc<Client>,
}

// SAFETY: librdkafka's topic handles may be used from any thread.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

/// Headers of one record.
pub struct Headers(NonNull<sys::rd_kafka_headers_t>);

/// What a record consists of.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Partition.
    pub partition: i32,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970; librdkafka takes 0 for "now".
    pub timestamp: i64,
}

impl Topic {
    /// A handle to a topic.
    pub fn new(client: &Arc<Client>, name: &str) -> Result<Topic, Fault> {
        let name = cstring(name);
        // SAFETY: a live producer; the handle is given back on drop, before the client goes.
        let rkt =
            unsafe { sys::rd_kafka_topic_new(client.raw(), name.as_ptr(), std::ptr::null_mut()) };
        let rkt = NonNull::new(rkt).ok_or_else(|| {
            // SAFETY: no arguments.
            Fault::of(unsafe { sys::rd_kafka_last_error() })
        })?;
        Ok(Topic {
            rkt,
            client: client.clone(),
        })
    }

    /// Queue a record; its bytes are copied. The headers are taken only on success.
    pub fn produce(&self, record: Record<'_>, headers: &mut Option<Headers>) -> Result<(), Code> {
        const END: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END as c_int;
        const RKT: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT as c_int;
        const PARTITION: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION as c_int;
        const FLAGS: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS as c_int;
        const KEY: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY as c_int;
        const VALUE: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE as c_int;
        const TIMESTAMP: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP as c_int;
        const HEADERS: c_int = sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS as c_int;
        let (key, key_length) = parts(record.key);
        let (value, value_length) = parts(record.value);
        let list = headers
            .as_ref()
            .map_or(std::ptr::null_mut(), |h| h.0.as_ptr());
        // SAFETY: the arguments are pairs of a tag and the C type that librdkafka reads for it, ended by END; key and
        // value are copied before the call returns.
        let code = unsafe {
            sys::rd_kafka_producev(
                self.client.raw(),
                RKT,
                self.rkt.as_ptr(),
                PARTITION,
                record.partition,
                FLAGS,
                sys::RD_KAFKA_MSG_F_COPY,
                KEY,
                key,
                key_length,
                VALUE,
                value,
                value_length,
                TIMESTAMP,
                record.timestamp,
                HEADERS,
                list,
                END,
            )
        };
        match code {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
                // They belong to the queued record now.
                std::mem::forget(headers.take());
                Ok(())
            }
            code => Err(code),
        }
    }
}

fn parts(field: Option<&[u8]>) -> (*const u8, usize) {
    field.map_or((std::ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()))
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: our handle, and its last use.
        unsafe { sys::rd_kafka_topic_destroy(self.rkt.as_ptr()) }
    }
}

impl Headers {
    /// No headers yet.
    pub fn new() -> Headers {
        // SAFETY: librdkafka's allocator aborts rather than answer null.
        let headers = unsafe { sys::rd_kafka_headers_new(4) };
        Headers(NonNull::new(headers).unwrap_or(NonNull::dangling()))
    }

    /// Append a header; both are copied.
    pub fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let (pointer, length) = parts(value);
        // SAFETY: live headers; name and value have the lengths given.
        unsafe {
            sys::rd_kafka_header_add(
                self.0.as_ptr(),
                name.as_ptr().cast(),
                name.len() as isize,
                pointer.cast(),
                length as isize,
            );
        }
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        // SAFETY: ours, and its last use (those given to a record are forgotten, not dropped).
        unsafe { sys::rd_kafka_headers_destroy(self.0.as_ptr()) }
    }
}

impl Client {
    /// Send what is queued at once and wait until all of it is acknowledged or failed. False if that took too long.
    pub fn flush(&self, wait: Duration) -> bool {
        // SAFETY: a live producer.
        let code = unsafe { sys::rd_kafka_flush(self.raw(), millis(wait)) };
        code == Code::RD_KAFKA_RESP_ERR_NO_ERROR
    }
}
