//! What only the operating system can say or do, and the standard library does not ask it.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

/// CPU time that this thread has used so far.
pub fn thread_cpu_time() -> Duration {
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

/// End this process when it has used so much CPU time, refuse it more address space than this, and leave no core
/// file behind.
pub(crate) fn limit_this_process(cpu_s_max: u64, memory_bytes_max: u64) -> io::Result<()> {
    let limits = [
        (libc::RLIMIT_CPU, cpu_s_max),
        (libc::RLIMIT_AS, memory_bytes_max),
        (libc::RLIMIT_CORE, 0),
    ];
    for (which, most) in limits {
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: `limit` is valid for reading, and nothing else is accessed.
        if unsafe { libc::setrlimit(which, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
