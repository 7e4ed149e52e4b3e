//! What went wrong with a client, noted by librdkafka's callbacks: lost connections, refusals, undelivered records.
//!
//! The callbacks run on librdkafka's threads and never call back into us: they only write here, where callers look when
//! they need to explain an error or to decide whether a transaction overlapped a lost connection.

use super::login::{Credentials, Standing};
use super::{Code, string};
use rdkafka_sys as sys;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a client's callbacks noted.
#[derive(Debug, Default)]
pub struct Health {
    disconnects: AtomicU64,
    failed: AtomicU64,
    notes: Mutex<Notes>,
    /// What it shows to brokers, if that comes from somebody else.
    credentials: Option<Arc<dyn Credentials>>,
}

#[derive(Debug, Default)]
struct Notes {
    last_error: Option<String>,
    refused: Option<(Instant, Refusal)>,
    first_failure: Option<(Code, String)>,
}

/// A broker's refusal of our credentials, or ours of its certificate.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What kind.
    pub code: Code,
    /// In librdkafka's words.
    pub text: String,
}

impl Health {
    /// Nothing went wrong yet.
    pub(super) fn new(credentials: Option<Arc<dyn Credentials>>) -> Health {
        Health {
            credentials,
            ..Health::default()
        }
    }
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
        if let Some(Standing::Bad(none)) = self.standing() {
            return Some(none.text);
        }
        self.refused()
            .map(|refusal| refusal.text)
            .or_else(|| self.with(|notes| notes.last_error.clone()))
    }
    /// Why a broker lately refused our credentials or certificate, or whoever gives us something to show refused
    /// that. An old refusal says nothing about today's trouble, and one of what has ended or been replaced nothing about us.
    pub fn refused(&self) -> Option<Refusal> {
        const LATELY: Duration = Duration::from_secs(15);
        let since = match self.standing() {
            Some(Standing::Bad(none)) => {
                return none.refused.then_some(Refusal {
                    code: Code::RD_KAFKA_RESP_ERR__AUTHENTICATION,
                    text: none.text,
                });
            }
            Some(Standing::Good(since)) => Some(since),
            None => None,
        };
        self.with(|notes| notes.refused.clone())
            .filter(|(at, _)| at.elapsed() < LATELY && since.is_none_or(|since| *at > since))
            .map(|(_, refusal)| refusal)
    }

    fn standing(&self) -> Option<Standing> {
        self.credentials.as_ref().map(|shown| shown.standing())
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
            let refusal = refusals
                .into_iter()
                .find(|refusal| *refusal as c_int == code);
            if let Some(code) = refusal.filter(|_| !is_lost(&text)) {
                notes.refused = Some((Instant::now(), Refusal { code, text }));
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

/// Called by librdkafka's threads for each line of its log. With `debug=broker` each failed connection has one line of
/// facility FAIL at level 7 that tells its state (at other levels repetitions are suppressed, so they can't be counted).
/// One that was never up carried no request: else one broker that is down would taint every transaction.
pub(super) unsafe extern "C" fn on_log(
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

/// Whether a failure to authenticate is only a connection that broke on the way: then nobody has refused anything.
fn is_lost(text: &str) -> bool {
    ["Local: Broker transport failure", "Local: Timed out"]
        .iter()
        .any(|cause| text.contains(cause))
}

/// Whether a line about a failed connection is about one that was established ("after 12ms in state UP"), or doesn't say.
fn was_up(line: &str) -> bool {
    let state = line.rsplit_once(" in state ").map(|(_, state)| state);
    state.is_none_or(|state| state.starts_with("UP") || state.starts_with("REAUTH"))
}

pub(super) unsafe extern "C" fn on_error(
    _: *mut sys::rd_kafka_t,
    code: c_int,
    text: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the `Health` set in `new`; the text is a C string.
    unsafe { (*opaque.cast::<Health>()).note_error(code, string(text)) }
}

pub(super) unsafe extern "C" fn on_event(
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
    use super::*;

    #[test]
    fn a_connection_that_breaks_at_the_handshake_is_no_refusal() {
        let code = Code::RD_KAFKA_RESP_ERR__AUTHENTICATION as c_int;
        let health = Health::default();
        let broke = "SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported \
                     mechanisms: (n/a) (after 0ms in state DOWN)";
        health.note_error(code, broke.to_owned());
        assert!(health.refused().is_none());
        assert_eq!(health.last_error().as_deref(), Some(broke));
        health.note_error(code, "SASL authentication error: invalid".to_owned());
        assert!(health.refused().is_some());
    }

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
