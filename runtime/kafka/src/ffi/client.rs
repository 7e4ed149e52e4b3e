//! A librdkafka client instance: made from settings, with callbacks that note what went wrong, destroyed on drop.
//!
//! The callbacks only write into [`Health`].

use super::health::{Health, on_error, on_event, on_log};
use super::login::{Credentials, Logins};
use super::{Code, Fault, cstring, millis, string};
use rdkafka_sys as sys;
use std::ffi::c_char;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// Producer or consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Produces, runs transactions and admin calls.
    Producer,
    /// Consumes; errors and rebalances come by its queue.
    Consumer,
}

/// What a client is made from.
#[derive(Clone, Default)]
pub struct Settings {
    /// librdkafka's properties, in the order they are set.
    pub properties: Vec<(String, String)>,
    /// Where it gets tokens from, if it shows tokens to brokers.
    pub logins: Option<Arc<Logins>>,
    /// How whatever it shows is, if that comes from somebody else.
    pub credentials: Option<Arc<dyn Credentials>>,
}

/// A client instance. librdkafka's instances may be used from any thread.
pub struct Client {
    rk: NonNull<sys::rd_kafka_t>,
    role: Role,
    transactional_id: Option<String>,
    health: Arc<Health>,
    logins: Option<Arc<Logins>>,
}

// SAFETY: librdkafka documents that a client instance is thread-safe; `Health` is Sync.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// Make a client. Does not wait for a connection.
    pub fn new(role: Role, settings: &Settings) -> Result<Client, Fault> {
        let health = Arc::new(Health::new(settings.credentials.clone()));
        // SAFETY: a fresh configuration is owned here until rd_kafka_new takes it over.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            for (key, value) in &settings.properties {
                if let Err(fault) = set(conf, key, value) {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(fault);
                }
            }
            // The pointer stays valid: `health` is dropped only after rd_kafka_destroy, which ends all callbacks.
            sys::rd_kafka_conf_set_opaque(conf, Arc::as_ptr(&health).cast_mut().cast());
            sys::rd_kafka_conf_set_log_cb(conf, Some(on_log));
            if settings.logins.is_some() {
                Logins::prepare(conf);
            }
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
            let mut properties = settings.properties.iter();
            let id = properties.find(|(key, _)| key == "transactional.id");
            let client = Client {
                rk,
                role,
                transactional_id: id.map(|(_, id)| id.clone()),
                health,
                logins: settings.logins.clone(),
            };
            if let Some(logins) = &client.logins {
                logins.enter(rk)?;
            }
            Ok(client)
        }
    }

    /// What the callbacks noted.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// A transactional producer's id.
    pub fn transactional_id(&self) -> Option<&str> {
        self.transactional_id.as_deref()
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

    /// Ask any broker for the list of brokers; answers the machine of each.
    pub fn brokers(&self, wait: Duration) -> Result<Vec<String>, Fault> {
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
            let brokers = (0..(*metadata).broker_cnt as usize)
                .map(|i| string((*(*metadata).brokers.add(i)).host))
                .collect();
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
        if let Some(logins) = &self.logins {
            logins.leave(self.rk);
        }
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
