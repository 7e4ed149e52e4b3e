//! The only place that talks to librdkafka, and the only unsafe code of this crate.
//!
//! We use librdkafka's C interface instead of the `rdkafka` crate's types because the fast paths and several facts that
//! the commit protocol needs are only there: consuming by batches (half the CPU), timestamps and headers in one produce
//! call, topic ids, offsets with metadata that is not UTF-8 (the crate panics), delivery failures without a report per
//! success. Each file wraps one kind of handle; what leaves this module is safe to use in any order and on any thread.
#![allow(unsafe_code)]

pub mod admin;
pub mod client;
pub mod consume;
pub mod group;
pub mod health;
pub mod list;
pub mod login;
pub mod offsets;
pub mod partitions;
pub mod produce;
pub mod remove;
pub mod transaction;

use rdkafka_sys as sys;
use std::ffi::{CStr, CString, c_char};

/// librdkafka's error codes.
pub type Code = sys::rd_kafka_resp_err_t;

/// An error as librdkafka tells it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its code.
    pub code: Code,
    /// For people.
    pub text: String,
    /// The client instance is of no more use.
    pub fatal: bool,
    /// The same call may be made again.
    pub retriable: bool,
    /// The open transaction must be aborted.
    pub abort: bool,
}

impl Fault {
    /// The fault behind a code; `Ok` for no error.
    pub fn check(code: Code) -> Result<(), Fault> {
        match code {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Fault::of(code)),
        }
    }

    /// The fault behind a code.
    pub fn of(code: Code) -> Fault {
        Fault {
            code,
            text: text_of(code),
            fatal: code == Code::RD_KAFKA_RESP_ERR__FATAL,
            retriable: false,
            abort: false,
        }
    }

    /// A fault with a text of our own.
    pub fn new(code: Code, text: impl Into<String>) -> Fault {
        Fault {
            text: text.into(),
            ..Fault::of(code)
        }
    }

    /// Take over an error object; null is no error.
    ///
    /// # Safety
    /// `error` is null or an error object that nobody else will destroy.
    unsafe fn take(error: *mut sys::rd_kafka_error_t) -> Result<(), Fault> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: a live error object; destroyed once, after its last use.
        unsafe {
            let fault = Fault {
                code: sys::rd_kafka_error_code(error),
                text: string(sys::rd_kafka_error_string(error)),
                fatal: sys::rd_kafka_error_is_fatal(error) != 0,
                retriable: sys::rd_kafka_error_is_retriable(error) != 0,
                abort: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            };
            sys::rd_kafka_error_destroy(error);
            Err(fault)
        }
    }
}

/// What a code says, in words.
pub fn text_of(code: Code) -> String {
    // SAFETY: rd_kafka_err2str answers a static string for each code.
    unsafe { string(sys::rd_kafka_err2str(code)) }
}

/// A C string as text; null is empty.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by this function's contract.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// Bytes of a pointer and a length; null is `None`.
///
/// # Safety
/// `pointer` is null or has `length` readable bytes that stay there for `'a`.
unsafe fn bytes<'a>(pointer: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: by this function's contract.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// A name for C. Names with a zero byte can't exist in Kafka: they are cut there, and then not found.
pub fn cstring(text: &str) -> CString {
    let clean = text.split('\0').next().unwrap_or_default();
    CString::new(clean).unwrap_or_default()
}

/// Milliseconds for C, at most a day. Rounded up: whoever waits for the last part of one must not spin.
fn millis(wait: std::time::Duration) -> i32 {
    wait.as_micros().div_ceil(1000).min(86_400_000) as i32
}
