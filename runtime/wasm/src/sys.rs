//! The two questions that only the operating system answers, and the standard library does not ask.
#![allow(unsafe_code)]

use std::time::Duration;

/// CPU time that this thread has used so far.
pub(crate) fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for writing, and nothing else is accessed.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    debug_assert!(!failed, "this clock exists on every supported system");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The user this process acts as.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: takes nothing, touches nothing, cannot fail.
    unsafe { libc::geteuid() }
}
