//! A librdkafka client instance: made from settings, with callbacks that note what went wrong, destroyed on drop.
//!
//! The callbacks never call back into us: they only write into [`Health`], which callers read when they need to explain
//! an error or to decide whether a transaction overlapped a broken connection.

use super::{Code, Fault, cstring, millis, string};
use rdkafka_sys as sys;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Producer or consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Produces, runs transactions and admin calls.
    Producer,
    /// Consumes; errors and rebalances come by its queue.
    Consumer,
}

/// librdkafka properties, in the order they are set.
pub type Settings = Vec<(String, String)>;

/// What a client's callbacks noted.
#[derive(Debug, Default)]
pub struct Health {
    disconnects: AtomicU64,
    failed: AtomicU64,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    last_error: Option<String>,
    refused: Option<(Instant, String)>,
    first_failure: Option<(Code, String)>,
}

impl Health {
    /// Established connections lost so far (also idle ones).
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Acquire)
    }
    /// Records that could not be delivered so far.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Acquire)
    }
    /// Forget failed records (their transaction is over).
    pub fn clear_failed(&self) {
        self.failed.store(0, Ordering::Release);
        self.with(|notes| notes.first_failure = None);
    }
    /// Why the first of the failed records failed.
    pub fn first_failure(&self) -> Option<(Code, String)> {
        self.with(|notes| notes.first_failure.clone())
    }
    /// The last thing that went wrong with a connection.
    pub fn last_error(&self) -> Option<String> {
        self.refused()
            .or_else(|| self.with(|notes| notes.last_error.clone()))
    }
    /// Why a broker lately refused our credentials or certificate. An old refusal says nothing about today's trouble.
    pub fn refused(&self) -> Option<String> {
        const LATELY: Duration = Duration::from_secs(15);
        self.with(|notes| notes.refused.clone())
            .filter(|(at, _)| at.elapsed() < LATELY)
            .map(|(_, text)| text)
    }

    fn with<R>(&self, read: impl FnOnce(&mut Notes) -> R) -> R {
        // A callback can't have panicked while it held the lock, and stale notes do no harm.
        let mut notes = self.notes.lock().unwrap_or_else(|e| e.into_inner());
        read(&mut notes)
    }

    fn note_error(&self, code: c_int, text: String) {
        let refusals = [
            Code::RD_KAFKA_RESP_ERR__AUTHENTICATION,
            Code::RD_KAFKA_RESP_ERR__SSL,
            Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        ];
        self.with(|notes| {
            if refusals.iter().any(|refusal| *refusal as c_int == code) {
                notes.refused = Some((Instant::now(), text));
            } else if code == Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN as c_int {
                // Says less than the errors that led to it.
                notes.last_error.get_or_insert(text);
            } else {
                notes.last_error = Some(text);
            }
        });
    }

    fn note_failure(&self, code: Code, text: impl FnOnce() -> String) {
        self.failed.fetch_add(1, Ordering::AcqRel);
        self.with(|notes| {
            notes.first_failure.get_or_insert_with(|| (code, text()));
        });
    }
}

/// A client instance. librdkafka's instances may be used from any thread.
pub struct Client {
    rk: NonNull<sys::rd_kafka_t>,
    role: Role,
    health: Arc<Health>,
}

// SAFETY: librdkafka documents that a client instance is thread-safe; `Health` is Sync.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// Make a client. Does not wait for a connection.
    pub fn new(role: Role, settings: &Settings) -> Result<Client, Fault> {
        let health = Arc::new(Health::default());
        // SAFETY: a fresh configuration is owned here until rd_kafka_new takes it over.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            for (key, value) in settings {
                if let Err(fault) = set(conf, key, value) {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(fault);
                }
            }
            // The pointer stays valid: `health` is dropped only after rd_kafka_destroy, which ends all callbacks.
            sys::rd_kafka_conf_set_opaque(conf, Arc::as_ptr(&health).cast_mut().cast());
            sys::rd_kafka_conf_set_log_cb(conf, Some(on_log));
            let kind = match role {
                Role::Producer => {
                    sys::rd_kafka_conf_set_events(
                        conf,
                        sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR,
                    );
                    sys::rd_kafka_conf_set_background_event_cb(conf, Some(on_event));
                    sys::rd_kafka_type_t::RD_KAFKA_PRODUCER
                }
                Role::Consumer => {
                    sys::rd_kafka_conf_set_error_cb(conf, Some(on_error));
                    sys::rd_kafka_conf_set_events(conf, sys::RD_KAFKA_EVENT_REBALANCE);
                    sys::rd_kafka_type_t::RD_KAFKA_CONSUMER
                }
            };
            let mut why = [0 as c_char; 512];
            let rk = sys::rd_kafka_new(kind, conf, why.as_mut_ptr(), why.len());
            let Some(rk) = NonNull::new(rk) else {
                sys::rd_kafka_conf_destroy(conf);
                return Err(Fault::new(
                    Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
                    string(why.as_ptr()),
                ));
            };
            match role {
                Role::Producer => serve_in_background(rk.as_ptr(), true),
                Role::Consumer => {
                    sys::rd_kafka_poll_set_consumer(rk.as_ptr());
                }
            }
            Ok(Client { rk, role, health })
        }
    }

    /// What the callbacks noted.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The fatal error of this instance, if there is one.
    pub fn fatal(&self) -> Option<Fault> {
        let mut why = [0 as c_char; 512];
        // SAFETY: a live instance and a buffer of the length given.
        let code = unsafe { sys::rd_kafka_fatal_error(self.raw(), why.as_mut_ptr(), why.len()) };
        // SAFETY: librdkafka ended the text with a zero.
        (code != Code::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| Fault {
            fatal: true,
            ..Fault::new(code, unsafe { string(why.as_ptr()) })
        })
    }

    /// Ask any broker for the list of brokers; answers how many there are.
    pub fn brokers(&self, wait: Duration) -> Result<usize, Fault> {
        let mut metadata = std::ptr::null();
        // SAFETY: a live instance; the metadata is read before it is destroyed.
        unsafe {
            Fault::check(sys::rd_kafka_metadata(
                self.raw(),
                0,
                std::ptr::null_mut(),
                &mut metadata,
                millis(wait),
            ))?;
            let brokers = (*metadata).broker_cnt as usize;
            sys::rd_kafka_metadata_destroy(metadata);
            Ok(brokers)
        }
    }

    pub(super) fn raw(&self) -> *mut sys::rd_kafka_t {
        self.rk.as_ptr()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: the last use of the instance. A consumer isn't closed here: it holds no membership by now, and
        // closing could wait for brokers.
        unsafe {
            match self.role {
                Role::Producer => {
                    serve_in_background(self.raw(), false);
                    sys::rd_kafka_destroy(self.raw());
                }
                Role::Consumer => sys::rd_kafka_destroy_flags(
                    self.raw(),
                    sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE,
                ),
            }
        }
    }
}

/// Events of a producer are served by librdkafka's background thread, so that a flush waits on a condition variable and
/// wakes at the last acknowledgement; a flush that polls wakes in steps of many milliseconds.
///
/// # Safety
/// `rk` is a live producer made with a background callback.
unsafe fn serve_in_background(rk: *mut sys::rd_kafka_t, on: bool) {
    // SAFETY: both queues are references of ours, given back here; forwarding keeps its own.
    unsafe {
        let main = sys::rd_kafka_queue_get_main(rk);
        if on {
            let background = sys::rd_kafka_queue_get_background(rk);
            sys::rd_kafka_queue_forward(main, background);
            sys::rd_kafka_queue_destroy(background);
        } else {
            sys::rd_kafka_queue_forward(main, std::ptr::null_mut());
        }
        sys::rd_kafka_queue_destroy(main);
    }
}

/// # Safety
/// `conf` is a live configuration.
unsafe fn set(conf: *mut sys::rd_kafka_conf_t, key: &str, value: &str) -> Result<(), Fault> {
    let mut why = [0 as c_char; 512];
    let (name, content) = (cstring(key), cstring(value));
    // SAFETY: C strings that outlive the call, and a buffer of the length given.
    unsafe {
        match sys::rd_kafka_conf_set(
            conf,
            name.as_ptr(),
            content.as_ptr(),
            why.as_mut_ptr(),
            why.len(),
        ) {
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            _ => Err(Fault::new(
                Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
                format!("property {key}: {}", string(why.as_ptr())),
            )),
        }
    }
}

/// Called by librdkafka's threads for each line of its log. With `debug=broker` each failed connection has one line of
/// facility FAIL at level 7 that tells its state (at other levels repetitions are suppressed, so they can't be counted).
/// One that was never up carried no request: else one broker that is down would taint every transaction.
unsafe extern "C" fn on_log(
    rk: *const sys::rd_kafka_t,
    level: c_int,
    fac: *const c_char,
    text: *const c_char,
) {
    const DEBUG: c_int = 7;
    // SAFETY: librdkafka passes a live instance and C strings; the opaque pointer is the `Health` set in `new`.
    unsafe {
        let health = sys::rd_kafka_opaque(rk).cast::<Health>();
        if health.is_null() || fac.is_null() || std::ffi::CStr::from_ptr(fac) != c"FAIL" {
            return;
        }
        let line = string(text);
        if level != DEBUG {
            let text = line
                .split_once("]: ")
                .map_or(line.as_str(), |(_, text)| text);
            (*health).with(|notes| notes.last_error = Some(text.to_string()));
        } else if was_up(&line) {
            (*health).disconnects.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Whether a line about a failed connection is about one that was established ("after 12ms in state UP"), or doesn't say.
fn was_up(line: &str) -> bool {
    let state = line.rsplit_once(" in state ").map(|(_, state)| state);
    state.is_none_or(|state| state.starts_with("UP") || state.starts_with("REAUTH"))
}

unsafe extern "C" fn on_error(
    _: *mut sys::rd_kafka_t,
    code: c_int,
    text: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the `Health` set in `new`; the text is a C string.
    unsafe { (*opaque.cast::<Health>()).note_error(code, string(text)) }
}

unsafe extern "C" fn on_event(
    _: *mut sys::rd_kafka_t,
    event: *mut sys::rd_kafka_event_t,
    opaque: *mut c_void,
) {
    // SAFETY: the event is ours to destroy; its messages and texts live until then. The opaque pointer is the `Health`
    // set in `new`.
    unsafe {
        let health = &*opaque.cast::<Health>();
        match sys::rd_kafka_event_type(event) {
            sys::RD_KAFKA_EVENT_ERROR => health.note_error(
                sys::rd_kafka_event_error(event) as c_int,
                string(sys::rd_kafka_event_error_string(event)),
            ),
            sys::RD_KAFKA_EVENT_DR => loop {
                let message = sys::rd_kafka_event_message_next(event);
                if message.is_null() {
                    break;
                }
                let code = (*message).err;
                if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                    health.note_failure(code, || undelivered(message));
                }
            },
            _ => {}
        }
        sys::rd_kafka_event_destroy(event);
    }
}

/// # Safety
/// `message` is a live message of a delivery report.
unsafe fn undelivered(message: *const sys::rd_kafka_message_t) -> String {
    // SAFETY: by this function's contract; its topic handle lives as long.
    unsafe {
        format!(
            "topic {} partition {}: {}",
            string(sys::rd_kafka_topic_name((*message).rkt)),
            (*message).partition,
            string(sys::rd_kafka_err2str((*message).err)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::was_up;

    #[test]
    fn only_connections_that_were_up_count_as_lost() {
        assert!(was_up(
            "b:1/1: Disconnected (after 5ms in state UP) (_TRANSPORT)"
        ));
        assert!(was_up("b:1/1: something without a state"));
        assert!(!was_up(
            "b:1/1: Connect to ipv4#b:1 failed: Connection refused (after 0ms in state CONNECT) (_TRANSPORT): identical"
        ));
    }
}
