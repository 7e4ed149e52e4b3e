//! The guest's log: its one import. A line costs the guest its own CPU time and the host at most a bounded copy; the
//! rate is limited for each instance.

use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{ComponentType, Lift};

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    /// For the author while developing.
    #[component(name = "debug")]
    Debug,
    /// Worth knowing.
    #[component(name = "info")]
    Info,
    /// Something looks wrong.
    #[component(name = "warn")]
    Warn,
    /// Something is wrong.
    #[component(name = "error")]
    Error,
}

/// Where the lines of an instance go, already cut, cleaned and rate-limited. Called on the thread that runs the guest.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

const WINDOW: Duration = Duration::from_secs(1);

/// So many lines in each window of a second. The wall clock is good enough here: log lines are no output.
pub(crate) struct Rate {
    lines_max: u32,
    window_start: Instant,
    lines: u32,
    dropped: u64,
}

/// What is to happen to a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it pass.
    Pass,
    /// Let it pass, and say first how many were dropped before it.
    PassAfter(u64),
    /// Drop it.
    Drop,
}

impl Rate {
    pub(crate) fn new(lines_max: u32, now: Instant) -> Self {
        Self {
            lines_max,
            window_start: now,
            lines: 0,
            dropped: 0,
        }
    }

    pub(crate) fn admit(&mut self, now: Instant) -> Verdict {
        if now.duration_since(self.window_start) >= WINDOW {
            self.window_start = now;
            self.lines = 0;
        }
        if self.lines >= self.lines_max {
            self.dropped += 1;
            return Verdict::Drop;
        }
        self.lines += 1;
        match std::mem::take(&mut self.dropped) {
            0 => Verdict::Pass,
            dropped => Verdict::PassAfter(dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let start = Instant::now();
        let mut rate = Rate::new(3, start);
        let passed = (0..10)
            .filter(|_| rate.admit(start) == Verdict::Pass)
            .count();
        assert_eq!(passed, 3);
        assert_eq!(rate.admit(start + WINDOW), Verdict::PassAfter(7));
        assert_eq!(rate.admit(start + WINDOW), Verdict::Pass);
    }
}
