//! The log lines of a job: a ring of bounded size, which the data plane writes and any number of readers follow. A
//! reader keeps nothing but its place, so slow readers cost no memory: they learn how many lines they missed.

use crate::limits::{LOG_BYTES_MAX, LOG_LINES_MAX};
use serde::Serialize;
use sluicebox_host::Level;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use utoipa::ToSchema;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Which shard it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<i32>,
    /// The operator whose module said it; none: the host did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// `debug`, `info`, `warn` or `error`.
    #[serde(serialize_with = "level")]
    #[schema(value_type = String)]
    pub level: Level,
    /// What, without control characters.
    pub text: String,
}

fn level<S: serde::Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    })
}

impl LogLine {
    fn bytes(&self) -> usize {
        self.text.len() + self.operator.as_ref().map_or(0, String::len) + size_of::<Self>()
    }
}

/// The log of a job. Clones are the same log.
#[derive(Clone, Debug)]
pub struct Logs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    /// Number of the next line: wakes readers.
    next: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Number of the first line that is still there.
    first: u64,
}

impl Default for Logs {
    fn default() -> Self {
        Self(Arc::new(Inner {
            ring: Mutex::default(),
            next: watch::Sender::new(0),
        }))
    }
}

impl Logs {
    /// Add a line; the oldest ones make room for it.
    pub fn push(&self, line: LogLine) {
        let mut ring = self.ring();
        ring.bytes += line.bytes();
        ring.lines.push_back(line);
        while ring.lines.len() > LOG_LINES_MAX || ring.bytes > LOG_BYTES_MAX {
            let Some(oldest) = ring.lines.pop_front() else {
                break;
            };
            ring.bytes -= oldest.bytes();
            ring.first += 1;
        }
        self.0
            .next
            .send_replace(ring.first + ring.lines.len() as u64);
    }

    /// A reader that begins with the last `tail` lines.
    pub fn read(&self, tail: usize) -> LogReader {
        let ring = self.ring();
        let next = ring.first + ring.lines.len() as u64;
        LogReader {
            at: ring.first.max(next.saturating_sub(tail as u64)),
            woken: self.0.next.subscribe(),
            logs: self.clone(),
        }
    }

    /// A thread that panicked while it held the lock left a whole ring behind: nothing in between can panic.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a log from some place on.
#[derive(Debug)]
pub struct LogReader {
    logs: Logs,
    at: u64,
    woken: watch::Receiver<u64>,
}

/// What a reader found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Lines that came and went before it looked.
    pub missed: u64,
    /// The lines after those.
    pub lines: Vec<LogLine>,
}

impl LogReader {
    /// At most `max` lines that are there now.
    pub fn take(&mut self, max: usize) -> Lines {
        // First: a line that comes after this wakes the next wait.
        self.woken.mark_unchanged();
        let ring = self.logs.ring();
        let missed = ring.first.saturating_sub(self.at);
        let from = self.at + missed;
        let skip = usize::try_from(from - ring.first).unwrap_or(usize::MAX);
        let lines: Vec<_> = ring.lines.iter().skip(skip).take(max).cloned().collect();
        self.at = from + lines.len() as u64;
        Lines { missed, lines }
    }

    /// Wait until there is a line that was not taken.
    pub async fn wait(&mut self) {
        // The sender lives as long as this reader's own handle on the log.
        let at = self.at;
        let _ = self.woken.wait_for(|next| *next > at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: impl Into<String>) -> LogLine {
        LogLine {
            at_ms: 1,
            shard: None,
            operator: None,
            level: Level::Info,
            text: text.into(),
        }
    }

    fn texts(lines: &Lines) -> Vec<&str> {
        lines.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn readers_begin_with_the_tail_and_go_on() {
        let logs = Logs::default();
        ["a", "b", "c"].into_iter().for_each(|t| logs.push(line(t)));
        let mut reader = logs.read(2);
        assert_eq!(texts(&reader.take(10)), ["b", "c"]);
        assert_eq!(reader.take(10), Lines::default());
        logs.push(line("d"));
        assert_eq!(texts(&reader.take(10)), ["d"]);
        assert_eq!(texts(&logs.read(100).take(2)), ["a", "b"]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_slow_readers_learn_what_they_missed() {
        let logs = Logs::default();
        let mut reader = logs.read(0);
        let count = LOG_LINES_MAX as u64 + 5;
        (0..count).for_each(|i| logs.push(line(i.to_string())));
        let taken = reader.take(1);
        assert_eq!((taken.missed, texts(&taken)), (5, vec!["5"]));
        logs.push(line("x".repeat(LOG_BYTES_MAX)));
        assert_eq!(logs.ring().lines.len(), 0);
        logs.push(line("y"));
        let taken = reader.take(10);
        assert_eq!((taken.missed, texts(&taken)), (count - 5, vec!["y"]));
    }

    #[tokio::test]
    async fn a_reader_is_woken() {
        let logs = Logs::default();
        let mut reader = logs.read(0);
        let writer = logs.clone();
        let write = tokio::spawn(async move { writer.push(line("late")) });
        reader.wait().await;
        assert_eq!(texts(&reader.take(1)), ["late"]);
        write.await.expect("no panic");
    }
}
