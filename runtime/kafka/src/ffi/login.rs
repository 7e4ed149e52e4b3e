//! Tokens for SASL OAUTHBEARER: all clients of a connection get each new one, before the old one ends.
//!
//! librdkafka asks for tokens by a callback of each client. Nobody answers it: what it asks for comes by itself.

use super::{Code, Fault, cstring, string};
use rdkafka_sys as sys;
use std::ffi::{CString, c_char, c_void};
use std::fmt;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a client shows to brokers.
#[derive(Clone)]
pub struct Token {
    /// As it came from the endpoint.
    pub value: String,
    /// When brokers begin to refuse it.
    pub ends: Instant,
    /// SASL extensions: names and values.
    pub extensions: Vec<(String, String)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token until {:?}", self.ends)
    }
}

/// Why there is no new token or ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Whoever gives them will not give us one; else it may later.
    pub refused: bool,
    /// For people.
    pub text: String,
}

/// Whether clients can show something that is still good.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Since then. What brokers said before that was said of something else.
    Good(Instant),
    /// There was none yet, or the last one has ended and there is no new one.
    Bad(Lack),
}

/// What clients show to brokers and somebody else gives us, again and again.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// How things are now.
    fn standing(&self) -> Standing;
}

/// The clients of a connection, and the token that they show.
#[derive(Debug)]
pub struct Logins(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    token: Option<(Token, Instant)>,
    failure: Lack,
    clients: Vec<Entry>,
}

#[derive(Debug)]
struct Entry(NonNull<sys::rd_kafka_t>);

// SAFETY: librdkafka's instances may be used from any thread.
unsafe impl Send for Entry {}

impl Logins {
    /// None yet; `waiting` says what is waited for.
    pub fn new(waiting: String) -> Logins {
        Logins(Mutex::new(Inner {
            token: None,
            failure: Lack {
                refused: false,
                text: waiting,
            },
            clients: Vec::new(),
        }))
    }

    /// Give all clients this token. An error if librdkafka doesn't take it: it has characters that no token has.
    pub fn renew(&self, token: Token) -> Result<(), Fault> {
        let mut inner = self.lock();
        for client in &inner.clients {
            // SAFETY: entries leave before their instances are destroyed.
            unsafe { set_token(client.0.as_ptr(), &token)? };
        }
        inner.token = Some((token, Instant::now()));
        Ok(())
    }

    /// Note that there is no new token.
    pub fn fail(&self, failure: Lack) {
        self.lock().failure = failure;
    }

    /// Set what a client needs that is to [`Logins::enter`].
    ///
    /// # Safety
    /// `conf` is a live configuration.
    pub(super) unsafe fn prepare(conf: *mut sys::rd_kafka_conf_t) {
        // SAFETY: by this function's contract. The queue of its own is never served: questions end there.
        unsafe {
            sys::rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, Some(on_refresh));
            sys::rd_kafka_conf_enable_sasl_queue(conf, 1);
        }
    }

    /// Give this client tokens from now on.
    ///
    /// # Safety
    /// `rk` is a live instance, made from a configuration that was prepared, and leaves before it is destroyed.
    pub(super) unsafe fn enter(&self, rk: NonNull<sys::rd_kafka_t>) -> Result<(), Fault> {
        let mut inner = self.lock();
        if let Some((token, _)) = &inner.token
            && token.ends > Instant::now()
        {
            // SAFETY: by this function's contract.
            unsafe { set_token(rk.as_ptr(), token)? };
        }
        inner.clients.push(Entry(rk));
        Ok(())
    }

    /// Give it no more.
    pub(super) fn leave(&self, rk: NonNull<sys::rd_kafka_t>) {
        self.lock().clients.retain(|client| client.0 != rk);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Credentials for Logins {
    fn standing(&self) -> Standing {
        let inner = self.lock();
        match &inner.token {
            Some((token, since)) if token.ends > Instant::now() => Standing::Good(*since),
            _ => Standing::Bad(inner.failure.clone()),
        }
    }
}

/// The end of the year 9999, in milliseconds since 1970. When a token ends decides when librdkafka asks for another one, and
/// nothing else.
const NEVER_MS: i64 = 253_402_300_799_000;

/// # Safety
/// `rk` is a live instance.
unsafe fn set_token(rk: *mut sys::rd_kafka_t, token: &Token) -> Result<(), Fault> {
    let value = cstring(&token.value);
    let pairs = token.extensions.iter();
    let texts: Vec<CString> = pairs
        .flat_map(|(name, value)| [cstring(name), cstring(value)])
        .collect();
    let mut extensions: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    let mut why = [0 as c_char; 512];
    // SAFETY: a live instance; C strings that outlive the call, as many as it says; a buffer of the length given. The
    // principal is only shown in debug messages.
    unsafe {
        let code = sys::rd_kafka_oauthbearer_set_token(
            rk,
            value.as_ptr(),
            NEVER_MS,
            c"sluicebox".as_ptr(),
            extensions.as_mut_ptr(),
            extensions.len(),
            why.as_mut_ptr(),
            why.len(),
        );
        match code {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Fault::new(code, string(why.as_ptr()))),
        }
    }
}

unsafe extern "C" fn on_refresh(_: *mut sys::rd_kafka_t, _: *const c_char, _: *mut c_void) {}
